"""A coding whose parts stand in each other's places is told, and what hangs on it is unknown; other words are no alarm."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from fhir_makers import IHC, LOCAL, LOINC, SNOMED, coding, concept, observation, quantity, review_tests
from her2path.facts.value import Unknown
from her2path.read.swapped import codes_elsewhere, words_elsewhere
from therapy_makers import RXNORM, events, given, ill, record, told

DISPLAYS = {"10230-1": "Left ventricular Ejection fraction", "29463-7": "Body weight"}
FACTS = {"10230-1": ("lvef", 55, "%"), "29463-7": ("weight_kg", 70, "kg")}


def swapped(code: str, system: str, display: str) -> list[dict[str, Any]]:
    """A coding with its parts in all wrong orders, with all of them or two."""
    return [
        coding(system, code), coding(system, code, display), coding(display, system, code), coding(display, system),
        coding(code, display, system), coding(system, display, code), coding(display, code, system), coding(None, None, code),
        coding(display, LOCAL), coding(display, None),
    ]  # fmt: skip


@pytest.mark.parametrize("code", DISPLAYS)
def test_a_heart_or_a_weight_in_another_place_of_its_coding_is_unknown(code: str) -> None:
    fact, value, unit = FACTS[code]
    for written in swapped(code, LOINC, DISPLAYS[code]):
        found = observation(concept(written), quantity(value, unit))
        (event,) = events(found)
        assert event.fact == fact, written
        assert isinstance(event.value, Unknown), written
        assert event.value.detail, written


def test_a_heart_with_a_code_in_its_system_is_told_as_one(tmp_path: Path) -> None:
    given_doses = [given(dose=450, on="2025-01-01", identity="a1")]
    swapped_heart = observation(concept(coding(LOINC, "10230-1")), quantity(35, "%"), on="2025-06-01")
    course = review_tests(tmp_path, *given_doses, swapped_heart).course
    assert course is not None
    words = [finding.words for finding in course.findings]
    assert "the LVEF of 2025-06-01 (35 %) could not be read; none other is recorded" in words
    assert any("code 10230-1 stands in the system of its coding" in each for each in words)


@pytest.mark.parametrize("written", swapped(IHC, LOINC, "HER2 [Presence] in Tissue"))
def test_a_her2_test_in_another_place_of_its_coding_is_told(written: dict[str, Any]) -> None:
    made = record(observation(concept(written), "3+"))
    assert not [event for event in made.events if event.fact == "ihc_score"]
    assert any("HER2" in words or IHC in words for words in told(made)), written


@pytest.mark.parametrize("written", swapped("224905", RXNORM, "trastuzumab"))
def test_a_drug_in_another_place_of_its_coding_is_read_or_told(written: dict[str, Any]) -> None:
    made = record(given({"medicationCodeableConcept": concept(written)}, 450))
    known = [event for event in made.course if event.product == "trastuzumab-iv"]
    assert known or any("trastuzumab" in words for words in told(made)), written
    assert [event.fact for event in made.course if not event.product] in ([], ["her2_drug_recorded"])


@pytest.mark.parametrize("written", swapped("84114007", SNOMED, "Heart failure"))
def test_a_heart_failure_in_another_place_of_its_coding_is_unknown(written: dict[str, Any]) -> None:
    failure = [event for event in events(ill("x") | {"code": concept(written)}) if event.fact == "heart_failure"]
    assert failure, written
    assert all(isinstance(event.value, Unknown) or event.note for event in failure)


@pytest.mark.parametrize(
    "written",
    [
        coding("C50.9", "unknown"), coding("unknown", "C50.9"), coding("254837009", "local"), coding("x", LOCAL, "254837009"),
        coding("Malignant neoplasm of breast", "254837009"),
    ],
)  # fmt: skip
def test_a_tumour_in_another_place_of_its_coding_is_taken_and_told(written: dict[str, Any]) -> None:
    made = record(ill("x") | {"code": concept(written)})
    assert made.sites == {"breast"}, written
    assert any("taken for a breast tumour" in words for words in told(made))


IN_OTHER_SIGNS = ["１０２３０－１", "10230\u20111", "10230\u20131", "1\u200b0230-1", "10\u00ad230-1", "\ufeff10230-1"]


@pytest.mark.parametrize("code", IN_OTHER_SIGNS)
def test_a_heart_with_a_code_in_signs_that_look_like_it_is_unknown(code: str) -> None:
    (event,) = events(observation(concept(coding(code)), quantity(55, "%")))
    assert event.fact == "lvef"
    assert isinstance(event.value, Unknown)


@pytest.mark.parametrize("name", ["Воdу wеіght", "Ｂｏｄｙ　ｗｅｉｇｈｔ", "Body we\u00adight"])
def test_a_weight_named_in_letters_that_look_like_its_own_is_unknown(name: str) -> None:
    (event,) = events(observation(concept(text=name), quantity(70, "kg")))
    assert event.fact == "weight_kg"
    assert isinstance(event.value, Unknown)


@pytest.mark.parametrize("name", ["Ηеrсерtіn 150 mg", "Неrсерtіn", "trаstuzumаb", "Her\u200bceptin"])
def test_a_drug_in_letters_that_look_like_its_own_is_read_or_told(name: str) -> None:
    made = record(given(name, 450))
    assert made.course
    assert made.course[0].product == "trastuzumab-iv" or any(
        "HER2-directed" in words or "another script" in words for words in told(made)
    )


@pytest.mark.parametrize("name", ["Сердечная", "Вес при рождении", "Аспирин", "Ασπιρίνη"])
def test_words_of_another_script_are_silent(name: str) -> None:
    made = record(given(name, 450), observation(concept(text=name), quantity(3, "kg")))
    assert not made.course
    assert not told(made)


@pytest.mark.parametrize(
    "written",
    [
        coding("WEIGHT", LOCAL, "Birth weight"), coding("8339-4", LOINC, "Birth weight"), coding("ef", LOCAL, "Pleural effusion"),
        coding("RV_EJECTION_FRACTION", LOCAL), coding("718-7", LOINC, "Hemoglobin"), coding("HGB", LOCAL), coding(LOINC, "718-7"),
        coding("x", "https://hospital.example/body-weight", "Sodium"),
    ],
)  # fmt: skip
def test_an_observation_of_something_else_is_silent(written: dict[str, Any]) -> None:
    made = record(observation(concept(written), quantity(3, "kg")))
    assert not made.course
    assert not told(made)


@pytest.mark.parametrize(
    "written",
    [
        coding("HEART_FAILURE", LOCAL, "Family history of heart failure"), coding("no-heart-failure", LOCAL),
        coding("38341003", SNOMED, "Hypertensive disorder"), coding("HTN", LOCAL), coding(SNOMED, "38341003"),
    ],
)  # fmt: skip
def test_a_condition_of_something_else_is_silent(written: dict[str, Any]) -> None:
    made = record(ill("x") | {"code": concept(written)})
    assert not [event for event in made.course if event.fact.startswith("heart_failure") and event.value != "no"]


@pytest.mark.parametrize(
    "written", [coding("OND", LOCAL, "Ondansetron"), coding(RXNORM, "26225", "ondansetron"), coding("26225", RXNORM)]
)
def test_another_drug_is_silent(written: dict[str, Any]) -> None:
    made = record(given({"medicationCodeableConcept": concept(written)}, 8))
    assert not any("HER2" in words for words in told(made))


def test_an_address_is_no_name() -> None:
    assert list(words_elsewhere(("https://hospital.example/her2", "1", None))) == []
    assert list(codes_elsewhere(("urn:oid:1.2", "x", None))) == []


@pytest.mark.parametrize(("inside", "is_told"), [("trastuzumab", True), ("ondansetron", False)])
def test_a_dose_that_contains_a_drug_and_names_another_is_told(inside: str, is_told: bool) -> None:
    contained = [{"resourceType": "Medication", "id": "m1", "code": concept(text=inside)}]
    made = record(given({"medicationReference": {"display": "somebody"}, "contained": contained}, 450))
    assert [event.value for event in made.course] == (["drug not known"] if is_told else [])
    assert bool(told(made)) == is_told
