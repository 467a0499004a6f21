"""What a review finds, how it is told, and what must not change it."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import fhir_makers as make
from fhir_makers import (
    CEP17_COPIES,
    HER2_COPIES,
    IHC,
    ISH,
    OVERALL,
    RATIO,
    about,
    observation,
    quantity,
    review_of,
    review_tests,
    says,
    write,
)
from her2path.cli.group import main
from her2path.facts.codes import read_codes
from her2path.findings.finding import Grade
from her2path.findings.patient import Reviewer
from her2path.findings.reviews import PatientReview
from her2path.findings.settings import Settings
from her2path.findings.summary import Summary
from her2path.read.fhir.patient import read_record
from her2path.read.fhir.skim import Skimmer
from her2path.read.files import Piece
from her2path.read.source import read_records
from her2path.record.event import Record
from her2path.tables.load import default_knowledge, read_knowledge
from her2path.write.review_json import patient_json

GROUP_1 = (observation(RATIO, quantity(3.0)), observation(HER2_COPIES, quantity(8.0)))
GROUP_2 = (observation(RATIO, quantity(2.3)), observation(HER2_COPIES, quantity(3.6)))
GROUP_3 = (observation(RATIO, quantity(1.5)), observation(HER2_COPIES, quantity(6.5)))
GROUP_5 = (observation(RATIO, quantity(1.1)), observation(HER2_COPIES, quantity(2.0)))


def review_document(document: dict[str, Any]) -> PatientReview:
    """The review of a bundle without a file, so that it can be done many times."""
    codes, knowledge = read_codes(), default_knowledge()
    (group,) = Skimmer(codes).skim(Piece("b.json", json.dumps(document).encode()))
    record = read_record(group, codes, knowledge.facts)
    assert isinstance(record, Record)
    return Reviewer(knowledge, Settings(make.TODAY)).review(record)


def substance(review: PatientReview) -> str:
    """All a review says but where it stood in the file."""

    def without_places(told: Any) -> Any:
        if isinstance(told, dict):
            return {key: without_places(each) for key, each in told.items() if key not in ("from", "where", "said")}
        if isinstance(told, list):
            return sorted((without_places(each) for each in told), key=json.dumps)
        return told

    return json.dumps(without_places(patient_json(review)), sort_keys=True)


@pytest.mark.parametrize(
    ("recorded", "score", "status"),
    [
        ("negative", "3+", "positive"),
        ("positive", "0", "negative"),
        ("equivocal", "1+", "negative"),
        ("low", "3+", "positive"),
    ],
)
def test_a_recorded_status_that_contradicts_the_score_is_found(
    tmp_path: Path, recorded: str, score: str, status: str
) -> None:
    review = review_tests(tmp_path, observation(OVERALL, recorded), observation(IHC, score))
    assert review.status == status
    assert says(review, "contradiction", "recorded as HER2", f"but the tests come out {status}")


@pytest.mark.parametrize(("recorded", "score"), [("negative", "1+"), ("positive", "3+"), ("HER2-low", "1+")])
def test_a_recorded_status_that_agrees_is_no_finding(tmp_path: Path, recorded: str, score: str) -> None:
    review = review_tests(tmp_path, observation(OVERALL, recorded), observation(IHC, score))
    assert not says(review, "recorded")


def test_a_recorded_status_that_the_tests_rule_out_is_found(tmp_path: Path) -> None:
    review = review_tests(tmp_path, observation(OVERALL, "positive"), observation(IHC, "2+"), *GROUP_2)
    assert review.status is None
    assert says(review, "contradiction", "recorded as HER2 positive, which the tests rule out")


def test_a_recorded_status_that_the_tests_do_not_settle_is_a_note(tmp_path: Path) -> None:
    review = review_tests(tmp_path, observation(OVERALL, "negative"), observation(IHC, "2+"), *GROUP_2)
    assert says(review, "note", "recorded as HER2 negative; the tests at hand do not settle it")


def test_a_recorded_status_alone_decides_nothing(tmp_path: Path) -> None:
    review = review_tests(tmp_path, observation(OVERALL, "positive"))
    assert review.status is None
    assert review.recorded == "positive"
    assert says(review, "missing", "recorded as HER2 positive, by no test named", "find the test, or test HER2")


def test_recorded_statuses_that_differ_are_no_status(tmp_path: Path) -> None:
    review = review_tests(tmp_path, observation(OVERALL, "positive"), observation(OVERALL, "negative", identity="o2"))
    assert review.status is None
    assert not review.recorded
    assert says(review, "contradiction", "the recorded statuses differ")


def test_a_recorded_status_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    review = review_tests(tmp_path, observation(OVERALL, "see comment"), observation(IHC, "3+"))
    assert says(review, "unreadable", "recorded status unknown, unparsable text", "see comment")


@pytest.mark.parametrize("value", [make.text("Not done"), make.coded("LA13538-6", make.LOINC)])
def test_a_status_nobody_recorded_contradicts_nothing(tmp_path: Path, value: dict[str, Any]) -> None:
    review = review_tests(tmp_path, observation(OVERALL, value), observation(IHC, "3+"))
    assert not says(review, "contradiction")


@pytest.mark.parametrize(
    ("score", "ish", "words"),
    [("3+", GROUP_5, "IHC 3+ with negative ISH"), ("0", GROUP_1, "IHC 0 or 1+ with positive ISH"), ("1+", GROUP_1, "IHC 0 or 1+ with positive ISH")],
)  # fmt: skip
@pytest.mark.parametrize("day", ["2015-01-01", "2020-03-01", "2024-01-01"])
def test_discordant_tests_are_found(
    tmp_path: Path, score: str, ish: tuple[dict[str, Any], ...], words: str, day: str
) -> None:
    tests = [test | {"effectiveDateTime": day} for test in (observation(IHC, score), *ish)]
    review = review_tests(tmp_path, *tests)
    assert review.status == "positive"
    assert says(review, "contradiction", f"tests disagree: {words}; review both")


@pytest.mark.parametrize(
    ("score", "ish"), [("3+", GROUP_1), ("0", GROUP_5), ("2+", GROUP_1), ("2+", GROUP_5), ("0", GROUP_2)]
)
def test_tests_that_agree_are_no_finding(tmp_path: Path, score: str, ish: tuple[dict[str, Any], ...]) -> None:
    assert not says(review_tests(tmp_path, observation(IHC, score), *ish), "tests disagree")


def test_what_would_settle_it_is_told(tmp_path: Path) -> None:
    review = review_tests(tmp_path, observation(RATIO, quantity(2.5)))
    assert review.status is None
    assert says(review, "missing", "her2_status is undetermined", "her2_copies", "would settle it")
    assert all("her2_copies" in names for names in review.specimens[0].status.would_settle)


@pytest.mark.parametrize(
    ("tests", "step"),
    [
        ((observation(IHC, "2+"),), "reflex ISH"), ((observation(IHC, "2+"), *GROUP_2), "blinded recount"),
        ((observation(IHC, "2+"), *GROUP_3), "blinded recount"), (GROUP_3, "IHC on the same tissue"),
    ],
)  # fmt: skip
def test_the_next_step_is_told(tmp_path: Path, tests: tuple[dict[str, Any], ...], step: str) -> None:
    assert says(review_tests(tmp_path, *tests), "missing", f"next step: {step}")


@pytest.mark.parametrize("tests", [(observation(IHC, "3+"),), (observation(IHC, "2+"), *GROUP_1), GROUP_5])
def test_a_settled_status_has_no_next_step(tmp_path: Path, tests: tuple[dict[str, Any], ...]) -> None:
    assert not says(review_tests(tmp_path, *tests), "next step")


def test_a_patient_without_a_test_is_told(tmp_path: Path) -> None:
    review = review_tests(tmp_path)
    assert says(review, "missing", "no HER2 test is recorded")
    assert (review.status, review.has_tests, review.rule) == (None, False, "no specimen")


@pytest.mark.parametrize(
    ("test", "words"),
    [
        (observation(RATIO, {"dataAbsentReason": make.concept(text="lost in transit")}), ("absent", "lost in transit")),
        (observation(HER2_COPIES, "failed, no tissue"), ("absent", "the test failed: failed, no tissue")),
        (observation(IHC, make.coded("ZZ9", make.LOCAL)), ("unmapped code", "ZZ9")),
        (observation(IHC, "see comment"), ("unparsable text", "see comment")),
        (observation(IHC, "3+", status="preliminary"), ("preliminary", "status preliminary")),
        (observation(IHC, "pending"), ("preliminary", "pending")),
        (observation(HER2_COPIES, quantity(400)), ("implausible", "400")),
        (observation(RATIO, quantity(-1)), ("implausible", "-1")),
        (observation(HER2_COPIES, quantity(84, "{signals}")), ("implausible", "84 {signals} is a total over cells")),
        (observation(RATIO, quantity(2.1, "ng/mL")), ("unparsable text", "ng/mL")),
    ],
)  # fmt: skip
def test_why_a_value_is_unknown_reaches_the_finding(
    tmp_path: Path, test: dict[str, Any], words: tuple[str, str]
) -> None:
    review = review_tests(tmp_path, test)
    (finding,) = [
        f for f in review.specimens[0].findings if f.words.split(",")[0].endswith(" unknown") and words[0] in f.words
    ]
    assert words[1] in finding.words
    assert finding.grade is Grade.UNREADABLE
    assert finding.origins == (f"bundle.json entry 2 Observation/{test['id']}",)


@pytest.mark.parametrize(
    "value", [make.text("failed, no tissue"), {"dataAbsentReason": make.concept(text="no tissue")}]
)
def test_why_an_ihc_is_absent_reaches_the_finding(tmp_path: Path, value: dict[str, Any]) -> None:
    assert says(review_tests(tmp_path, observation(IHC, value)), "ihc_score unknown, absent", "no tissue")


def test_contradictory_values_reach_the_finding_as_contradictions(tmp_path: Path) -> None:
    tests = (
        observation(RATIO, quantity(1.2)),
        observation(HER2_COPIES, quantity(6.0)),
        observation(CEP17_COPIES, quantity(2.0)),
    )
    review = review_tests(tmp_path, *tests)
    assert says(review, "contradiction", "her2_cep17_ratio unknown, contradictory")


@pytest.mark.parametrize("unknown", ["see comment", "pending"])
def test_an_unknown_ihc_never_counts_as_negative(tmp_path: Path, unknown: str) -> None:
    review = review_tests(tmp_path, observation(IHC, unknown), *GROUP_5)
    assert review.status is None
    assert set(review.possible) == {"positive", "negative"}


@pytest.mark.parametrize("unknown", ["see comment", "pending"])
@pytest.mark.parametrize("score", ["0", "1+"])
def test_an_unknown_ish_never_counts_as_negative(tmp_path: Path, unknown: str, score: str) -> None:
    review = review_tests(tmp_path, observation(IHC, score), observation(ISH, unknown))
    assert review.status is None
    assert set(review.possible) == {"positive", "negative"}


def test_the_gravest_finding_comes_first(tmp_path: Path) -> None:
    review = review_tests(
        tmp_path,
        observation(IHC, "3+"),
        *GROUP_5,
        observation(OVERALL, "see comment"),
        observation(IHC, "3+", identity="b"),
    )
    grades = [finding.grade for finding in review.specimens[0].findings]
    assert grades == sorted(grades)
    assert grades[0] is Grade.CONTRADICTION
    assert len(set(review.specimens[0].findings)) == len(review.specimens[0].findings)


# -- output --------------------------------------------------------------------------------


def several(folder: Path) -> Path:
    tests: list[tuple[dict[str, Any], ...]] = [
        (observation(IHC, "3+"),), (observation(IHC, "0"), *GROUP_1), (observation(IHC, "1+", on="2015-01-01"),), (observation(IHC, "2+"),),
        (observation(IHC, "see comment"), *GROUP_5), GROUP_3, (),
        (observation(IHC, "3+", specimen="Specimen/s1"), observation(IHC, "0", specimen="Specimen/s2", identity="b")),
        (observation(RATIO, quantity(2.5, "ng/mL")), observation(OVERALL, "positive")),
    ]  # fmt: skip
    documents = [
        json.loads(json.dumps(about(*each, identity=f"p{number}")).replace("Patient/p1", f"Patient/p{number}"))
        for number, each in enumerate(tests)
    ]
    path = write(folder / "several.ndjson", *documents)
    with path.open("a") as file:
        file.write("not a record\n")
    return path


def told(path: Path, *options: str) -> str:
    output = path.parent / "output"
    CliRunner().invoke(main, ["review", str(path), "--on", "2026-06-01", "-o", str(output), *options])
    return output.read_text(encoding="utf-8")


def test_the_json_is_one_document_with_every_patient(tmp_path: Path) -> None:
    document = json.loads(told(several(tmp_path), "--format", "json"))
    assert [each["patient"] for each in document["patients"]] == [f"p{number}" for number in range(9)]
    first = document["patients"][0]
    assert first["her2_status"] == "positive"
    decision = first["specimens"][0]["decisions"]["her2_status"]
    assert decision["rows"] == ["her2_status:1"]
    assert decision["edition"] == "asco-cap-2018"
    assert decision["sources"]
    assert first["specimens"][0]["tests"] == [
        {"fact": "ihc_score", "said": "3+", "from": "several.ndjson:1 entry 2 Observation/o-85319-2"}
    ]
    assert document["not_read"][0]["where"] == "several.ndjson:10"
    assert "not a medical device" in document["caution"]


def test_the_json_of_nothing_is_still_a_document(tmp_path: Path) -> None:
    path = tmp_path / "bad.json"
    path.write_text("bad")
    document = json.loads(told(path, "--format", "json"))
    assert document["patients"] == []
    assert document["summary"]["not_read"] == 1


def test_odd_characters_survive_both_forms(tmp_path: Path) -> None:
    words = 'siehe "Kommentar" \\ \u2028 ü 漢 \t'
    path = write(tmp_path / "b.json", about(observation(IHC, words)))
    document = json.loads(told(path, "--format", "json"))
    assert document["patients"][0]["specimens"][0]["tests"][0]["said"] == words.strip()
    assert "漢" in told(path)


def test_the_text_names_row_citation_test_and_finding(tmp_path: Path) -> None:
    text = told(several(tmp_path), "--why")
    assert "Patient p0  [several.ndjson:1]" in text
    assert "HER2 status: positive  (the only specimen; breast)" in text
    assert "test        ihc_score '3+'  [entry 2 Observation/o-85319-2]" in text
    assert "status      positive" in text
    for part in ("asco-cap-2018", "her2_status:1", "wolff2018 Fig 1, 2, 4 to 6"):
        assert part in text
    assert "contradiction: tests disagree: IHC 0 or 1+ with positive ISH" in text
    assert "HER2 status: undetermined (" in text
    assert "HER2 status: not tested" in text
    assert "not read: several.ndjson:10" in text
    assert "not a medical device" in text


def test_the_summary_adds_up(tmp_path: Path) -> None:
    path = several(tmp_path)
    summary = json.loads(told(path, "--format", "json"))["summary"]
    patients, troubles = review_of(path)
    assert summary["patients"] == len(patients) == 9
    assert summary["not_read"] == len(troubles) == 1
    assert sum(summary["her2_status"].values()) + summary["without_her2_tests"] == summary["patients"]
    assert sum(summary["her2_expression"].values()) + summary["without_her2_tests"] == summary["patients"]
    assert sum(summary["editions"].values()) == summary["specimens"] == sum(len(each.specimens) for each in patients)
    unsettled = sum(one.status.value is None for each in patients for one in each.specimens)
    assert sum(summary["undetermined_because"].values()) == unsettled
    assert sum(summary["findings"].values()) == sum(len(make.words_of(each)) for each in patients)
    assert summary["her2_status"].get("positive") == sum(each.status == "positive" for each in patients)


def test_the_summary_counts_the_same_whatever_is_printed(tmp_path: Path) -> None:
    path = several(tmp_path)
    whole = json.loads(told(path, "--format", "json"))
    short = json.loads(told(path, "--format", "json", "--summary-only"))
    assert short["patients"] == []
    assert short["summary"] == whole["summary"]
    text = told(path, "--summary-only")
    assert "Patient p0" not in text
    assert "9 patients" in text
    assert told(path, "--why").endswith(text[text.index("9 patients") :])


def test_the_summary_of_nothing_is_all_zero() -> None:
    told_of_nothing = Summary().as_json()
    assert told_of_nothing["patients"] == told_of_nothing["specimens"] == told_of_nothing["not_read"] == 0
    assert not told_of_nothing["her2_status"]


# -- what must not matter ------------------------------------------------------------------

CASES: dict[str, tuple[dict[str, Any], ...]] = {
    "positive": (observation(IHC, "3+", specimen="Specimen/s1"), make.specimen("s1", words="core biopsy")),
    "reflex": (observation(IHC, "2+"), observation(ISH, "not amplified", on="2020-03-20")),
    "metastasis": (
        make.specimen("s1", words="primary"), make.specimen("s2", words="liver metastasis"),
        observation(IHC, "0", specimen="Specimen/s1"), observation(IHC, "3+", specimen="Specimen/s2", identity="b", on="2021-01-01"),
    ),
    "numbers": (observation(IHC, "2+"), *GROUP_3, observation(CEP17_COPIES, quantity(4.3))),
    "corrected": (
        observation(IHC, "3+", specimen="Specimen/s1"), observation(IHC, "0", specimen="Specimen/s1", identity="b", status="corrected"),
        observation(IHC, "1+", specimen="Specimen/s1", identity="c", on="2020-02-01"),
    ),
    "unknown": (observation(IHC, "see comment"), *GROUP_5, observation(OVERALL, "positive")),
    "undated": (observation(IHC, "1+", on=None), observation(OVERALL, "positive", on=None)),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
@settings(max_examples=30)
@given(data=st.data())
def test_the_order_of_the_entries_does_not_matter(case: str, data: st.DataObject) -> None:
    document = about(*CASES[case])
    shuffled = document | {"entry": data.draw(st.permutations(document["entry"]))}
    assert substance(review_document(shuffled)) == substance(review_document(document))


def test_the_order_of_results_that_differ_does_not_matter() -> None:
    tests = [observation(IHC, "3+"), observation(IHC, "0", identity="b")]
    assert substance(review_document(about(*tests))) == substance(review_document(about(*reversed(tests))))


UNRELATED = [
    observation("29463-7", quantity(61.5, "kg"), identity="weight"), observation("16112-5", make.text("positive"), identity="er"),
    observation("85319-2", make.text("3+"), identity="other-patient", subject="Patient/p2"),
    observation("2106-3", make.coded(make.SNOMED_POSITIVE), identity="pregnancy"),
    observation(make.concept(text="Ki-67"), quantity(30, "%"), identity="ki67"),
    {"resourceType": "DiagnosticReport", "id": "d", "conclusion": "no sign of metastasis"},
    {"resourceType": "MedicationRequest", "id": "m", "medicationCodeableConcept": {"text": "ibuprofen"}},
    make.condition("M54.5", identity="back-pain"), make.specimen("s9", words="blood"),
    {"resourceType": "Unheard", "id": 5}, {"resourceType": "Practitioner"},
]  # fmt: skip


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("unrelated", UNRELATED, ids=lambda resource: str(resource.get("id", resource["resourceType"])))
def test_what_is_unrelated_changes_nothing(tmp_path: Path, case: str, unrelated: dict[str, Any]) -> None:
    """Of her HER2 status; weight, receptors and diagnoses belong to the course of therapy."""
    alone, _ = review_of(write(tmp_path / "b.json", about(*CASES[case])))
    beside, _ = review_of(write(tmp_path / "b.json", about(*CASES[case], unrelated)))
    (of_patient,) = (each for each in beside if each.patient == "p1")
    for each in (of_patient, alone[0]):
        each.course = None
    assert substance(of_patient) == substance(alone[0])


def shifted(test: dict[str, Any], days: int) -> dict[str, Any]:
    if "effectiveDateTime" not in test:
        return test
    day = dt.date.fromisoformat(test["effectiveDateTime"]) + dt.timedelta(days)
    return test | {"effectiveDateTime": day.isoformat()}


def without_days(review: PatientReview) -> str:
    """The substance of a review with every day cut out."""
    import re

    return re.sub(r"\d{4}-\d{2}-\d{2}", "DAY", substance(review))


@pytest.mark.parametrize("case", [case for case in CASES if case != "undated"])
@settings(max_examples=20, suppress_health_check=[HealthCheck.too_slow])
@given(days=st.integers(-600, 800))
def test_shifting_all_days_within_one_edition_changes_only_the_days(case: str, days: int) -> None:
    """From 2020-03-01 no shift of these leaves the time of the 2018 edition."""
    before = review_document(about(*CASES[case]))
    after = review_document(about(*(shifted(test, days) for test in CASES[case])))
    assert without_days(after) == without_days(before)


@pytest.mark.parametrize("case", CASES)
def test_a_review_does_not_depend_on_the_patients_before(tmp_path: Path, case: str) -> None:
    documents = [about(*each) for each in CASES.values()]
    for number, document in enumerate(documents):
        document["entry"][0]["resource"]["id"] = f"p{number}"
    place = list(CASES).index(case)
    many = write(
        tmp_path / "many.ndjson",
        *[json.loads(json.dumps(each).replace("Patient/p1", f"Patient/p{n}")) for n, each in enumerate(documents)],
    )
    of_many = review_of(many)[0][place]
    alone = review_document(json.loads(json.dumps(documents[place]).replace("Patient/p1", f"Patient/p{place}")))
    assert substance(of_many) == substance(alone)


def test_what_was_kept_of_other_patients_changes_nothing() -> None:
    """Whoever came before, in whichever order, a patient is told the same."""
    path = Path(__file__).parent.parent / "examples" / "her2-tests.ndjson"
    on = Settings(dt.date(2026, 1, 1))
    knowledge = read_knowledge()
    records = [found for found in read_records(path, knowledge.facts) if isinstance(found, Record)]
    reviewer = Reviewer(knowledge, on)
    forth = [patient_json(reviewer.review(record)) for record in records]
    back = [patient_json(reviewer.review(record)) for record in reversed(records)]
    other = Reviewer(read_knowledge(), on)
    unseen = [patient_json(other.review(record)) for record in reversed(records)]
    assert forth == back[::-1] == unseen[::-1]
