"""What a change of edition does to reviewed patients, and one outcome decided from the events of each."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from her2path.cli.group import main

COURSES = sorted(Path("examples/courses").glob("*.csv"))
FALL_10 = "examples/policies/heart-fall-10.md"
LABEL = "heart-trastuzumab-us"
ON = "2026-01-06"


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(each) for each in arguments])


@pytest.fixture(scope="module")
def events(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Events of many patients, one a row: every example course, and one whose LVEF fell by 11 points to 53 %."""
    names = ["patient", "date", "fact", "value", "unit", "product", "qualifier", "specimen"]
    path = tmp_path_factory.mktemp("events") / "events.csv"
    rows = [row for course in COURSES for row in csv.DictReader(course.open(encoding="utf-8"))]
    fallen = [dict(row, patient="fallen") for row in rows if row["patient"] == "adjuvant-hold"]
    fallen = [row for row in fallen if row["date"] <= ON and row["fact"] != "hold_recorded"]
    for row in fallen:
        if row["fact"] == "lvef" and row["date"] == "2026-01-05":
            row["value"] = "53"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, names, restval="", extrasaction="ignore")
        writer.writeheader()
        writer.writerows([*rows, *fallen])
    return path


def patients_of(events: Path) -> list[str]:
    return list(dict.fromkeys(row["patient"] for row in csv.DictReader(events.open(encoding="utf-8"))))


def reviewed(events: Path, *arguments: str) -> dict[str, dict]:
    told = run("review", events, "--on", ON, "--jurisdiction", "us", "--format", "json", *arguments)
    return {each["patient"]: each for each in json.loads(told.stdout)["patients"]}


def next_dose(patient: dict) -> str:
    verdicts = (patient.get("course") or {}).get("verdicts") or []
    return next((each["verdict"] for each in verdicts if each["drug"] == "trastuzumab-iv"), "")


def test_events_are_folded_into_patients_and_two_reviews_say_the_same(events: Path) -> None:
    told = run("diff", LABEL, FALL_10, "--patients", events, "--on", ON, "--json")
    assert told.exit_code in (0, 3), told.stderr
    found = json.loads(told.stdout)
    before = reviewed(events, "--edition", LABEL)
    after = reviewed(events, "--edition", FALL_10)
    assert found["patients"] == len(patients_of(events)) == len(before)
    verdicts = {name for name in before if next_dose(before[name]) != next_dose(after[name])}
    changed = {each["patient"]: each for each in found["patients_changed"]}
    moved = {
        name
        for name, each in changed.items()
        if any(move["what"] == "next dose of trastuzumab-iv" for move in each["treatment"])
    }
    assert moved == verdicts
    assert "fallen" in verdicts
    assert found["changed"] == len(changed) < found["patients"]
    [move] = [each for each in changed["fallen"]["outcomes"] if each["what"] == "cardiac_action"]
    assert (move["before"], move["after"]) == ("continue", "hold")
    assert move["rows_after"] == ["lvef_finding:1", "cardiac_action:4"]
    [dose] = [each for each in changed["fallen"]["treatment"] if each["what"] == "next dose of trastuzumab-iv"]
    assert (dose["before"], dose["after"]) == (next_dose(before["fallen"]), "HOLD")
    assert "cardiac_action: hold" in changed["fallen"]["findings_new"]
    assert changed["fallen"]["facts"]["lvef_fall"] == "11"


def test_text_counts_patients_first_and_then_says_who(events: Path) -> None:
    told = run("diff", LABEL, FALL_10, "--patients", events, "--on", ON).stdout
    found = json.loads(run("diff", LABEL, FALL_10, "--patients", events, "--on", ON, "--json").stdout)
    total, changed = found["patients"], found["changed"]
    assert told.splitlines()[1].startswith(f"{changed} of {total} patients change")
    assert "What it means for the treatment" in told
    assert "fallen: " in told
    assert "cardiac_action: continue -> hold  [lvef_finding:1, cardiac_action:4]" in told


def test_an_edition_and_itself_change_nobody(events: Path) -> None:
    found = json.loads(run("diff", LABEL, LABEL, "--patients", events, "--on", ON, "--json").stdout)
    assert found["patients"] == len(patients_of(events))
    assert found["patients_changed"] == []


def test_an_outcome_alone(events: Path) -> None:
    found = json.loads(
        run("diff", LABEL, FALL_10, "--patients", events, "--on", ON, "--outcome", "cardiac_action", "--json").stdout
    )
    assert all(any(m["what"] == "cardiac_action" for m in each["outcomes"]) for each in found["patients_changed"])
    refused = run("diff", LABEL, FALL_10, "--patients", events, "--outcome", "her2_status")
    assert refused.exit_code == 2
    assert "do not both decide her2_status; they share" in refused.stderr


def test_specimens_by_two_guidelines(tmp_path: Path) -> None:
    """IHC 2+, group 4 (5 copies, ratio 1.5): positive nowhere, equivocal by 2013, negative by 2018."""
    path = tmp_path / "tests.csv"
    path.write_text(
        "patient,test_date,ihc_score,her2_copies,cep17_copies\na,2019-02-01,2+,5.0,3.4\nb,2019-02-01,3+,,\n"
        "c,2019-02-01,2+,3.5,1.5\n",
        encoding="utf-8",
    )
    found = json.loads(run("diff", "asco-cap-2013", "asco-cap-2018", "--patients", path, "--json").stdout)
    one = {
        name: {each["patient"]: each["her2_status"] for each in json.loads(
            run("review", path, "--edition", name, "--format", "json").stdout)["patients"]}
        for name in ("asco-cap-2013", "asco-cap-2018")
    }  # fmt: skip
    assert found["patients"] == 3
    changed = {each["patient"] for each in found["patients_changed"]}
    assert changed >= {name for name in "abc" if one["asco-cap-2013"][name] != one["asco-cap-2018"][name]}
    assert "c" in changed
    assert "b" not in changed
    [third] = [each for each in found["patients_changed"] if each["patient"] == "c"]
    assert {"what": "HER2-directed therapy, by the status", "before": "eligible"}.items() <= third["treatment"][
        0
    ].items()


def test_decide_answers_each_patient_of_a_long_file_once(events: Path) -> None:
    told = run("decide", "cardiac_action", events, "--on", ON, "--edition", LABEL)
    assert told.exit_code in (0, 3), told.stderr
    rows = {row["patient"]: row for row in csv.DictReader(io.StringIO(told.stdout))}
    assert list(rows) == patients_of(events)
    assert rows["fallen"]["cardiac_action"] == "continue"
    own = run("decide", "cardiac_action", events, "--on", ON, "--edition", FALL_10)
    by_file = {row["patient"]: row for row in csv.DictReader(io.StringIO(own.stdout))}
    assert by_file["fallen"]["cardiac_action"] == "hold"
    assert by_file["fallen"]["cardiac_action.rows"] == "lvef_finding:1; cardiac_action:4"
    assert by_file["fallen"]["cardiac_action.edition"] == "heart-fall-10"


def test_decide_says_of_the_tests_what_a_review_says(events: Path) -> None:
    told = run("decide", "her2_status", events, "--on", ON)
    status = {row["patient"]: row["her2_status"] or None for row in csv.DictReader(io.StringIO(told.stdout))}
    assert status == {name: each["her2_status"] for name, each in reviewed(events).items()}


def test_decide_refuses_a_fact_beside_events_and_an_outcome_that_is_none(events: Path) -> None:
    refused = run("decide", "her2_status", events, "--fact", "ihc_score=2+")
    assert refused.exit_code == 2
    assert "this file has one event a row: drop ihc_score" in refused.stderr
    refused = run("decide", "cardiac_actions", events)
    assert refused.exit_code == 2
    assert "did you mean cardiac_action?" in refused.stderr


def test_fhir_and_any_source_that_a_review_reads() -> None:
    """Records of tests alone: no verdict appears or goes with a course that nobody has."""
    source = "examples/her2-tests.ndjson"
    found = json.loads(run("diff", "asco-cap-2013", "asco-cap-2018", "--patients", source, "--json").stdout)
    before, after = (
        json.loads(run("review", source, "--edition", name, "--format", "json").stdout)["patients"]
        for name in ("asco-cap-2013", "asco-cap-2018")
    )
    assert found["patients"] == len(before) == 43
    differ = {
        one["patient"] for one, other in zip(before, after, strict=True) if one["her2_status"] != other["her2_status"]
    }
    moved = {
        each["patient"]
        for each in found["patients_changed"]
        if any(move["what"] == "HER2-directed therapy, by the status" for move in each["treatment"])
    }
    assert moved == differ
    assert not [each for each in found["treatment"] if each["what"].startswith("next dose")]
