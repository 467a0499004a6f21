"""Simulated patients as records: read back whole from every format, and reviewed to the end like real ones."""

from __future__ import annotations

import datetime as dt
import json
from collections import Counter
from pathlib import Path

import pytest
from click.testing import CliRunner

from course_makers import state_on, timeline_of
from her2path.cli.group import main
from her2path.findings.course.rules import Rules
from her2path.findings.finding import Grade
from her2path.findings.patient import Reviewer
from her2path.findings.settings import Settings
from her2path.history import names as v
from her2path.history.drug_codes import default_codes
from her2path.record.event import Record
from her2path.simulate.course.kernel import COLUMNS
from her2path.simulate.course.policy import Policy
from her2path.simulate.course.records import BIOPSY_DAY, Calendar, records_of
from her2path.simulate.course.run import Scenario, run_portion
from her2path.tables.load import default_knowledge
from her2path.write.fhir.record import written
from her2path.write.tables.events import long_rows, write_long
from simulated import US, events_of, example, policy_with, rules
from test_patient_bundle import all_of, expected, findings_of, read_bundle, read_file

FACTS = default_knowledge().facts
SCENARIO = Scenario(patients=150, seed=8, failure_rate=0.5, irreversible=0.4)
ON = dt.date(2026, 11, 24)
POLICIES = [
    US,
    example("eu"),
    Policy("SC", product="trastuzumab-sc"),
    policy_with(confirm="repeat"),
    example("half-followed"),
]


class Cohort:
    """Simulated patients of a policy and their records, all from one first day."""

    def __init__(self, policy: Policy, scenario: Scenario = SCENARIO, calendar: Calendar | None = None) -> None:
        self.policy, self.scenario = policy, scenario
        self.part = run_portion(rules(policy, scenario), scenario, 0, scenario.patients)
        self.records = list(records_of(self.part, scenario, policy, FACTS, calendar))

    def row(self, place: int) -> dict[str, float]:
        return dict(zip(COLUMNS, self.part.out[place].tolist(), strict=True))

    def telling(self, most: int = 3) -> list[Record]:
        """A few records of each kind of course: quiet, held, stopped, with heart failure, never started."""
        found: dict[str, list[Record]] = {}
        for place, record in enumerate(self.records):
            row = self.row(place)
            kind = next(
                (name for name in ("heart_failure", "stopped", "holds") if row[name]),
                "quiet" if row["started"] else "none",
            )
            found.setdefault(kind, []).append(record)
        assert {"quiet", "holds", "none"} <= {*found}
        assert {"stopped", "heart_failure"} & {*found}
        return [record for records in found.values() for record in records[:most]]


@pytest.fixture(scope="module", params=POLICIES, ids=lambda policy: policy.name)
def cohort(request) -> Cohort:
    return Cohort(request.param)


def test_records_come_back_from_fhir_and_are_reviewed_alike(cohort) -> None:
    for record in cohort.telling():
        made = written(record, True)
        assert not made.losses, made.losses
        back = read_bundle(made.bundle)
        assert back.patient == record.patient
        assert all_of(back) == all_of(record)
        assert findings_of(back, ON) == findings_of(record, ON)


def test_records_come_back_from_the_long_format_and_are_reviewed_alike(cohort, tmp_path) -> None:
    records = cohort.telling()
    path = tmp_path / "events.parquet"
    counted = write_long(records, path)
    assert counted.patients == len(records)
    back = {record.patient: record for record in read_file(path)}
    for record in records:
        wanted = expected(record, long_rows(record)[1])
        assert all_of(back[record.patient]) == all_of(wanted)
        assert findings_of(back[record.patient], ON) == findings_of(wanted, ON)


def test_a_record_says_what_the_course_did_and_nothing_else(cohort) -> None:
    """Doses in whole mg of her weight, readings, heart failure, stops: each event of the kernel once, on its day."""
    for place, record in enumerate(cohort.records[:80]):
        own = [
            event
            for event in record.course
            if event.product == cohort.policy.product or event.fact in ("lvef", "heart_failure")
        ]
        first = next((e.day for e in own if e.fact == "dose_mg"), None)
        if first is None:
            assert cohort.row(place)["started"] == 0
            continue
        said = [((event.day - first).days, event.fact) for event in own if event.value != "complete"]
        names = {"lvef": "lvef", "dose": "dose_mg", "stop": "stop_recorded", "heart failure": "heart_failure"}
        events = events_of(cohort.part, place)
        assert Counter(said) == Counter((day, names[kind]) for day, kind, _, _ in events if kind in names)
        weight = next(float(e.value) for e in record.course if e.fact == "weight_kg")
        amounts = {(e.day - first).days: float(e.value) for e in own if e.fact == "dose_mg"}
        for day, kind, number, _ in events:
            if kind == "dose":
                wanted = number if cohort.policy.product == "trastuzumab-sc" else number * weight
                assert amounts[day] == pytest.approx(wanted, abs=0.5001)
        facts = {event.fact for event in (*record.events, *record.course)}
        assert not facts & {"true_lvef", "hold_recorded", "progression", "death_date"}


def test_heart_failure_of_a_virtual_patient_is_on_her_record(cohort) -> None:
    failed = [place for place in range(SCENARIO.patients) if cohort.row(place)["heart_failure"]]
    assert failed
    for place in failed:
        assert [e.value for e in cohort.records[place].course if e.fact == "heart_failure"] == ["yes"]


def alarms(reviewer: Reviewer, record: Record) -> list[str]:
    review = reviewer.review(record)
    told = [
        *review.findings,
        *(review.course.findings if review.course else ()),
        *(f for s in review.specimens for f in s.findings),
    ]
    return [finding.words for finding in told if finding.grade is Grade.ALARM]


def day_of_stop_by_fold(record: Record, rules: Rules) -> int:
    """When the fold of the heart first says stop, in days from the first dose."""
    state = state_on(record.course, ON.toordinal(), 50_000, rules)
    first = min(event.day for event in record.course if event.fact == "dose_mg")
    return state["stopped_day"] - first.toordinal()


@pytest.mark.parametrize(
    "policy",
    [US, example("eu"), Policy("SC", product="trastuzumab-sc"), policy_with(confirm="mean")],
    ids=lambda p: p.name,
)
def test_nothing_alarms_in_a_clean_cohort_but_what_its_course_caused(policy) -> None:
    """A stop, heart failure, or a low LVEF when the year was over, which ended nothing any more but is judged by the review."""
    cohort = Cohort(policy, Scenario(patients=250, seed=2, failure_rate=0.3))
    seen = Counter()
    by = policy.courses(ON)
    reviewer = Reviewer(default_knowledge(), Settings(ON, jurisdiction=policy.site.jurisdiction))
    for place, record in enumerate(cohort.records):
        row = cohort.row(place)
        found = alarms(reviewer, record)
        after = [day for day, kind, _, _ in events_of(cohort.part, place) if kind == "lvef" and day >= 364]
        for words in found:
            assert "the heart rule says" in words or "the heart rule said" in words, words
            assert "stop for good" in words or "consider stopping" in words
            late = day_of_stop_by_fold(record, by) >= 364
            assert row["stopped"] or (late and max(after) >= 364), (record.patient, words)
        seen["stop alarms"] += bool(found)
        if policy.site.jurisdiction == "us" and row["stopped"]:
            assert found, record.patient
        seen["stopped"] += row["stopped"] == 1
    assert seen["stopped"] > 5
    # The EU text says to consider stopping; where a stop is recorded, the review asks no more.
    assert (seen["stop alarms"] > 5) == (policy.site.jurisdiction == "us")


@pytest.mark.parametrize("days", [30, 120, 250, 400])
def test_on_no_day_of_a_course_that_kept_to_the_rules_is_a_dose_called_wrong(days) -> None:
    """Alarms and contradictions of the review, as of days in the midst of the courses.

    A hold's verdict comes with the first LVEF after 8 weeks, every 4 weeks; on the days between, the review calls it
    overdue.
    """
    cohort = Cohort(US, Scenario(patients=60, seed=4, failure_rate=0.3), Calendar(dt.date(2024, 1, 8), 0))
    on = dt.date(2024, 1, 8) + dt.timedelta(days=days)
    reviewer = Reviewer(default_knowledge(), Settings(on, jurisdiction="us"))
    for place, record in enumerate(cohort.records):
        review = reviewer.review(record)
        told = [*review.findings, *(review.course.findings if review.course else ())]
        hard = [f.words for f in told if f.grade in (Grade.ALARM, Grade.CONTRADICTION)]
        row = cohort.row(place)
        stops = ["the heart rule says stop for good", "the heart rule said stop for good"]
        allowed = stops if row["stopped"] and row["stop_day"] <= days else []
        # The review goes on judging a hold that was open when the year ended.
        if (row["stopped"] and row["stop_day"] > days) or (row["holds"] and days >= 364):
            allowed.append("longer than 8 weeks and no recovery is shown")
        assert all(any(words in each for words in allowed) for each in hard), (record.patient, hard)


def test_every_tumour_is_positive_and_tested_before_therapy() -> None:
    reviewer = Reviewer(default_knowledge(), Settings(ON))
    for record in Cohort(US).records:
        review = reviewer.review(record)
        assert review.status == "positive"
        tests = [event.day for event in record.events]
        first = min((e.day for e in record.course if e.fact == "dose_mg"), default=None)
        assert first is None or all((first - day).days == -BIOPSY_DAY for day in tests)


def test_records_are_the_same_for_a_seed_and_spread_over_the_calendar() -> None:
    one, two = Cohort(US), Cohort(US)
    assert [all_of(record) for record in one.records] == [all_of(record) for record in two.records]
    other = Cohort(example("eu"))
    for mine, theirs in zip(one.records, other.records, strict=True):  # one patient, whatever the policy
        herself = ("birth_date", "height_cm", "er_status", "menopausal_status", "node_status", "weight_kg")
        assert [(e.fact, e.value, e.day) for e in mine.course if e.fact in herself] == [
            (e.fact, e.value, e.day) for e in theirs.course if e.fact in herself
        ]
    starts = {
        min(e.day for e in record.course if e.fact == "dose_mg")
        for record in one.records
        if any(e.fact == "dose_mg" for e in record.course)
    }
    assert dt.date(2024, 1, 8) <= min(starts)
    assert max(starts) < dt.date(2025, 1, 8)
    assert len(starts) > 80
    assert len({record.patient for record in one.records}) == SCENARIO.patients


# -- end to end -------------------------------------------------------------------------------------


def simulated(folder: Path, *asked: object) -> Path:
    target = folder / "cohort"
    made = CliRunner().invoke(
        main, ["simulate", "course", "--virtual-patients", "100", "--fhir", str(target), *map(str, asked)]
    )
    assert made.exit_code == 0, made.output
    assert f"{target}: 100 patients" in made.output
    assert len(list(target.iterdir())) == 100
    return target


def reviewed(target: Path, *asked: str) -> dict:
    found = CliRunner().invoke(main, ["review", str(target), "--on", ON.isoformat(), "--format", "json", *asked])
    assert found.exit_code in (0, 3), found.output
    return json.loads(found.stdout)


def test_a_clean_cohort_is_reviewed_through_files(tmp_path) -> None:
    told = reviewed(simulated(tmp_path, "--seed", 3))
    assert [each["patient"] for each in told["patients"]] == [f"sim-{n:07d}" for n in range(100)]
    assert told["summary"]["her2_status"] == {"positive": 100}
    assert told["summary"]["not_read"] == 0
    assert {"contradiction", "unreadable"} & {*told["summary"]["findings"]} == set()
    assert told["summary"]["therapy"]["completed"] > 80


@pytest.mark.parametrize("mess", ["light", "heavy"])
def test_a_messy_cohort_is_reviewed_through_files_and_nobody_is_lost(tmp_path, mess) -> None:
    told = reviewed(simulated(tmp_path, "--mess", mess, "--seed", 3))
    assert [each["patient"] for each in told["patients"]] == [f"sim-{n:07d}" for n in range(100)]
    assert told["summary"]["patients"] == 100
    assert told["summary"]["findings"]["unreadable"] > 0
    assert "negative" not in told["summary"]["her2_status"]


def test_patients_of_an_eu_policy_under_the_skin_through_files(tmp_path) -> None:
    policy = tmp_path / "policy.toml"
    policy.write_text('[policy]\nproduct = "trastuzumab-sc"\n[site]\njurisdiction = "eu"\n', encoding="utf-8")
    told = reviewed(simulated(tmp_path, "--policy", policy, "--chemotherapy", "none"), "--jurisdiction", "eu")
    assert told["summary"]["her2_status"] == {"positive": 100}
    assert "contradiction" not in told["summary"]["findings"]


def test_lines_and_parquet_hold_the_same_patients(tmp_path) -> None:
    lines, table = tmp_path / "cohort.ndjson", tmp_path / "cohort.parquet"
    made = CliRunner().invoke(
        main, ["simulate", "course", "--virtual-patients", "40", "--fhir", str(lines), "--records", str(table)]
    )
    assert made.exit_code == 0, made.output
    assert len(lines.read_bytes().splitlines()) == 40
    one, two = reviewed(lines), reviewed(table)
    assert one["summary"]["her2_status"] == two["summary"]["her2_status"] == {"positive": 40}
    assert one["summary"]["therapy"] == two["summary"]["therapy"]
    assert one["summary"]["findings"].get("alarm", 0) == two["summary"]["findings"].get("alarm", 0)


def test_codes_of_the_timeline_are_those_of_the_fold() -> None:
    """What the kernel appends is what the record's timeline would hold."""
    cohort = Cohort(US, calendar=Calendar(dt.date(2026, 6, 1), 0))
    for place in range(60):
        kernel = [
            (day, kind, code)
            for day, kind, _, code in cohort.part.events[place, :, : cohort.part.counts[place]].T.tolist()
        ]
        timeline = timeline_of(cohort.records[place].course)
        read = list(zip(*(column.tolist() for column in (timeline.day, timeline.kind, timeline.code)), strict=True))
        wanted = [
            (day, v.DOSE if kind == v.DOSE_PER_KG else kind, code) for day, kind, code in kernel if kind != v.SETTING
        ]
        own = (v.WEIGHT, v.LVEF, v.HEART_FAILURE, v.STOP)
        ours = [
            (day, kind, code) for day, kind, code in read
            if kind in own[:3] or (kind == v.STOP and code == v.STOP_CARDIAC) or (kind == v.DOSE and code < len(default_codes().products))
        ]  # fmt: skip
        assert ours == wanted
