"""What was measured, given or ordered and has no value, or cannot be read at all, is told; what was never meant to have one is not."""

from __future__ import annotations

import difflib
import json
from pathlib import Path
from typing import Any

import pytest

from fhir_makers import LOINC, about, coding, concept, observation, quantity, review_of, review_tests, write
from her2path.read.source import read_columns
from her2path.record.event import Trouble
from her2path.tables.load import default_knowledge
from therapy_makers import given, ordered

LVEF, WEIGHT = "10230-1", "29463-7"
FIRST = given(dose=450, on="2026-02-02", identity="a1")
BASELINE = observation(LVEF, quantity(62, "%"), on="2026-01-20", identity="e0")
ABSENT = concept(coding("unknown", "http://terminology.hl7.org/CodeSystem/data-absent-reason"))
WITHOUT: list[dict[str, Any]] = [
    {},
    {"dataAbsentReason": ABSENT},
    {"valueQuantity": {"unit": "%"}},
    {"valueQuantity": {}},
    {"_valueQuantity": {"value": 40}},
    {"valueQuantityy": {"value": 40, "unit": "%"}},
    {"extension": [{"url": "x", "valueQuantity": {"value": 40, "unit": "%"}}]},
    {"note": [{"text": "40 %"}]},
]


def told(folder: Path, *resources: Any) -> list[str]:
    course = review_tests(folder, *resources).course
    assert course is not None
    return [finding.words for finding in course.findings]


def told_of(folder: Path, text: str) -> list[str]:
    """What is told of the course of the only patient of a text."""
    path = folder / "x.json"
    path.write_text(text)
    ((patient,), _) = review_of(path)
    assert patient.course is not None
    return [finding.words for finding in patient.course.findings]


@pytest.mark.parametrize("value", WITHOUT)
@pytest.mark.parametrize("on", ["2026-01-10", "2026-05-01"])
def test_a_heart_without_a_value_is_told(tmp_path: Path, value: dict[str, Any], on: str) -> None:
    words = told(tmp_path, FIRST, BASELINE, observation(LVEF, value, on=on, identity="e1"))
    assert [each for each in words if each.startswith(f"lvef of {on} unknown, ")]
    later = [each for each in words if "the heart is judged by that of 2026-01-20" in each]
    assert len(later) == (on > "2026-02-02")


@pytest.mark.parametrize("value", WITHOUT)
def test_a_weight_without_a_value_is_told(tmp_path: Path, value: dict[str, Any]) -> None:
    words = told(tmp_path, FIRST, observation(WEIGHT, value, on="2026-05-01", identity="w1"))
    assert [each for each in words if each.startswith("weights that could not be read: 1; the last, of 2026-05-01: ")]


def test_a_weight_without_a_value_before_one_that_was_read_is_but_noted(tmp_path: Path) -> None:
    weights = [
        observation(WEIGHT, on="2026-01-01", identity="w1"),
        observation(WEIGHT, quantity(70, "kg"), on="2026-02-01", identity="w2"),
    ]
    words = told(tmp_path, FIRST, *weights)
    assert [
        each for each in words if each.startswith("weights earlier than the last one read that could not be read: 1")
    ]
    assert not [each for each in words if each.startswith("weights that could not be read")]


@pytest.mark.parametrize("code", ["8339-4", "8302-2", "718-7", "85354-9"])
def test_another_observation_without_a_value_is_not_told(tmp_path: Path, code: str) -> None:
    words = told(tmp_path, FIRST, BASELINE, observation(code, on="2026-05-01", identity="x1"))
    assert not [each for each in words if "unknown, absent" in each or "could not be read" in each]


def test_a_heart_in_a_component_needs_no_value_of_its_own(tmp_path: Path) -> None:
    parts = [{"code": concept(coding(LVEF, LOINC)), "valueQuantity": {"value": 58, "unit": "%"}}]
    words = told(tmp_path, FIRST, BASELINE, observation(LVEF, on="2026-05-01", identity="e1", components=parts))
    assert not [each for each in words if "lvef" in each and "unknown" in each]


NO_AMOUNT: list[dict[str, Any]] = [
    {},
    {"dosageInstruction": "as before"},
    {"dosageInstruction": []},
    {"dosageInstruction": [{"text": "as before"}]},
    {"dosageInstruction": [{"doseAndRate": [{"doseQuantity": {"unit": "mg"}}]}]},
    {"dosageInstructions": [{"doseAndRate": [{"doseQuantity": {"value": 450, "unit": "mg"}}]}]},
]


@pytest.mark.parametrize("more", NO_AMOUNT)
def test_an_order_without_an_amount_is_told(tmp_path: Path, more: dict[str, Any]) -> None:
    words = told(tmp_path, FIRST, ordered(on="2026-02-20", **more))
    (said,) = [
        each
        for each in words
        if each.startswith("orders of trastuzumab-iv without an amount: 1; the last, of 2026-02-20: ")
    ]
    assert "no amount is ordered" in said


def test_orders_without_an_amount_are_told_once(tmp_path: Path) -> None:
    orders = [ordered(on=f"2026-02-{day}", identity=f"r{day}") for day in (10, 11, 12)]
    words = told(tmp_path, FIRST, *orders)
    assert (
        len(
            [
                each
                for each in words
                if each.startswith("orders of trastuzumab-iv without an amount: 3; the last, of 2026-02-12")
            ]
        )
        == 1
    )


def test_orders_with_an_amount_and_of_another_drug_are_not_told(tmp_path: Path) -> None:
    words = told(
        tmp_path, FIRST, ordered(dose=450, on="2026-02-20"), ordered("paclitaxel", on="2026-02-20", identity="r2")
    )
    assert not [each for each in words if "without an amount" in each]


def test_a_dose_whose_amount_is_blank_is_told_as_one_without_an_amount(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    rows = ["patient,date,fact,value,unit,product", "p1,2026-02-02,dose_mg,450,mg,trastuzumab-iv", "p1,2026-02-23,dose_mg, ,mg,trastuzumab-iv",
            "p1,2026-03-16,dose_mg,450,mg,trastuzumab-iv"]  # fmt: skip
    path.write_text("\n".join(rows) + "\n")
    ((patient,), _) = review_of(path)
    assert patient.course is not None
    assert "doses without an amount: trastuzumab-iv 1" in [finding.words for finding in patient.course.findings]


# -- resources of which a key stands twice -----------------------------------------------------


def twice(resource: dict[str, Any], key: str, value: Any) -> str:
    """A bundle in which a resource has a key twice."""
    text = json.dumps(about(FIRST, BASELINE, resource))
    return text.replace(
        f'"id": "{resource["id"]}"', f'"id": "{resource["id"]}", {json.dumps(key)}: {json.dumps(value)}'
    )


def test_a_heart_that_cannot_be_read_leaves_the_heart_open(tmp_path: Path) -> None:
    words = told_of(
        tmp_path, twice(observation(LVEF, quantity(40, "%"), on="2026-05-01", identity="e1"), "status", "final")
    )
    assert any("the heart is judged by that of 2026-01-20" in each for each in words)
    assert any(each.startswith("lvef of 2026-05-01 unknown") and "stands twice" in each for each in words)


def test_a_heart_of_two_days_is_told_without_one(tmp_path: Path) -> None:
    text = twice(
        observation(LVEF, quantity(40, "%"), on="2026-05-01", identity="e1"), "effectiveDateTime", "2026-04-01"
    )
    words = told_of(tmp_path, text)
    assert any(each.startswith("lvef unknown") for each in words)
    assert any(each.startswith("lvef (") and "has no date, so what it means" in each for each in words)


def test_a_weight_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    text = twice(observation(WEIGHT, quantity(70, "kg"), on="2026-05-01", identity="w1"), "status", "final")
    assert any(
        each.startswith("weights that could not be read: 1; the last, of 2026-05-01")
        for each in told_of(tmp_path, text)
    )


def test_a_dose_that_cannot_be_read_leaves_it_open_when_the_next_is_due(tmp_path: Path) -> None:
    words = told_of(tmp_path, twice(given(dose=450, on="2026-05-20", identity="a2"), "status", "completed"))
    assert any(
        each.startswith("doses that could not be read are later than the last one read (2026-02-02)") for each in words
    )


def test_a_dose_of_another_drug_that_cannot_be_read_leaves_nothing_open(tmp_path: Path) -> None:
    words = told_of(tmp_path, twice(given("paclitaxel", 80, on="2026-05-20", identity="a2"), "status", "completed"))
    assert not any("doses that could not be read" in each for each in words)


def test_an_order_that_cannot_be_read_is_no_dose(tmp_path: Path) -> None:
    words = told_of(tmp_path, twice(ordered(dose=450, on="2026-05-20", identity="r2"), "status", "active"))
    assert not any("when the next is due is not known" in each for each in words)


def test_an_observation_of_something_else_that_cannot_be_read_is_no_event(tmp_path: Path) -> None:
    words = told_of(
        tmp_path, twice(observation("718-7", quantity(13, "g/dL"), on="2026-05-01", identity="h1"), "status", "final")
    )
    assert not any("could not be read" in each or "unknown, " in each for each in words)


def test_a_dose_in_a_resource_in_a_resource_is_told(tmp_path: Path) -> None:
    drug = {"medicationReference": {"reference": "Medication/m1"}}
    inner = {"resource": {"resourceType": "MedicationAdministration", "id": "a2", "status": "completed", **drug}}
    document = about(FIRST)
    document["entry"].append({"resource": inner})
    _, troubles = review_of(write(tmp_path / "x.json", document))
    assert any("it has no resourceType, but it speaks of what would be read" in str(trouble) for trouble in troubles)


def test_what_a_word_that_is_no_fact_may_mean_is_looked_for_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A hospital's own facts come with thousands of values; each patient is told of each as before."""
    asked: list[str] = []
    nearest = difflib.get_close_matches

    def counted(word: str, *rest: Any, **named: Any) -> list[str]:
        asked.append(word)
        return nearest(word, *rest, **named)

    monkeypatch.setattr(difflib, "get_close_matches", counted)
    rows = [f"p{patient},2025-01-0{day},lab_{day},{patient}.{day},," for patient in range(20) for day in range(1, 6)]
    path = tmp_path / "x.csv"
    path.write_text("\n".join(["patient,date,fact,value,unit,product", *rows]) + "\n", encoding="utf-8")
    batches = [*read_columns(path, default_knowledge().facts, None, None, True)]
    told = [found for batch in batches if not isinstance(batch, Trouble) for found in batch.troubles.values()]
    assert {word: asked.count(word) for word in set(asked)} == {f"lab_{day}": 2 for day in range(1, 6)}
    assert [len(found) for found in told] == [5] * 20
