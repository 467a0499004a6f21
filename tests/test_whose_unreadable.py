"""Resources whose reference to the patient cannot be read: told, and what hangs on them is unknown, never "none"."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import fhir_makers as make
from her2path.cohort.review import review_source
from her2path.findings.settings import Settings
from her2path.record.event import Trouble
from her2path.tables.load import default_knowledge

NO_SUBJECTS: list[Any] = [
    {"display": "Anna"}, {"reference": "patient/p1"}, {"type": "Patient"}, {}, {"reference": ""}, {"refere*ce": "Patient/p1"}, "Patient/p1", 7,
    [{"reference": "Patient/p1"}], {"reference": 5}, {"identifier": {"system": "urn:mrn", "value": "77"}},
]  # fmt: skip
DRUG = make.concept(make.coding("224905", "http://www.nlm.nih.gov/research/umls/rxnorm", "trastuzumab"))


def resources(subject: Any) -> list[dict[str, Any]]:
    """A tumour, a test, a heart, a weight and a dose."""

    def observed(name: str, code: str, **value: Any) -> dict[str, Any]:
        code_of = make.concept(make.coding(code))
        about = {"status": "final", "code": code_of, "effectiveDateTime": "2026-03-01", "subject": subject}
        return {"resourceType": "Observation", "id": name, **about, **value}

    cancer = make.concept(make.coding("C50.912", make.ICD10CM))
    return [
        {"resourceType": "Condition", "id": "c", "subject": subject, "code": cancer},
        observed("h", make.IHC, valueString="3+"),
        observed("e", "10230-1", valueQuantity={"value": 42, "unit": "%"}),
        observed("w", "29463-7", valueQuantity={"value": 70, "unit": "kg"}),
        {"resourceType": "MedicationAdministration", "id": "m", "status": "completed", "subject": subject,
         "effectiveDateTime": "2026-03-20", "medicationCodeableConcept": DRUG,
         "dosage": {"dose": {"value": 560, "unit": "mg"}}},
    ]  # fmt: skip


def written(path: Path, listed: list[Any], kind: str = "collection") -> Path:
    entries = [{"resource": each} for each in listed]
    path.write_text(json.dumps({"resourceType": "Bundle", "type": kind, "entry": entries}), encoding="utf-8")
    return path


def reviewed(path: Path) -> tuple[list[Any], list[Trouble]]:
    items = list(review_source(path, default_knowledge(), Settings(make.TODAY, jurisdiction="us")))
    return [each for each in items if not isinstance(each, Trouble)], [x for x in items if isinstance(x, Trouble)]


@pytest.mark.parametrize("kind", ["collection", "searchset"])
@pytest.mark.parametrize("subject", NO_SUBJECTS, ids=repr)
def test_beside_one_patient_it_may_be_hers(tmp_path: Path, subject: Any, kind: str) -> None:
    reviews, troubles = reviewed(written(tmp_path / "one.json", [make.patient(), *resources(subject)], kind))
    assert {name for each in troubles for name in "chewm" if f"/{name}" in each.where} == set("chewm")
    (review,) = reviews
    assert review.status is None
    assert review.course is not None
    words = [*make.words_of(review), *(finding.words for finding in review.course.findings)]
    for wanted in (
        "HER2-directed therapy is recorded and no dose of it could be read",
        "lvef",
        "weights that could not",
    ):
        assert any(wanted in each for each in words), wanted
    assert any("may be hers" in each and "nothing of it is used" in each for each in words)
    assert "therapy_phase" not in review.course.standing.values


def test_of_two_patients_it_is_told_and_leaves_both_alone(tmp_path: Path) -> None:
    path = written(tmp_path / "two.json", [make.patient(), make.patient("p2"), *resources({"display": "Anna"})])
    reviews, troubles = reviewed(path)
    assert len(troubles) == 5
    assert not [each for review in reviews for each in make.words_of(review) if "may be hers" in each]


def test_a_diagnosis_that_says_nothing_of_ours_is_not_told(tmp_path: Path) -> None:
    pain = {"resourceType": "Condition", "id": "c", "subject": {"display": "Anna"}, "code": {"text": "low back pain"}}
    assert (
        reviewed(written(tmp_path / "pain.json", [make.patient(), *resources({"reference": "Patient/p1"})[1:2], pain]))[
            1
        ]
        == []
    )


def test_a_spoilt_byte_beside_a_spoilt_reference(tmp_path: Path) -> None:
    path = written(tmp_path / "spoilt.json", [make.patient(), *resources({"refere*ce": "Patient/p1"})[:1]])
    path.write_bytes(path.read_bytes().replace(b'"code": "C50.912"', b'"code": "C50.912", "x": "20\x965"'))
    assert [each.where for each in reviewed(path)[1]] == ["spoilt.json entry 1 Condition/c"]


def test_a_subject_by_another_identifier_of_the_same_kind_is_somebody_else(tmp_path: Path) -> None:
    person = make.patient() | {"identifier": [{"system": "urn:mrn", "value": "78"}]}
    path = written(tmp_path / "other.json", [person, *resources({"identifier": {"system": "urn:mrn", "value": "77"}})])
    (review,), troubles = reviewed(path)
    assert len(troubles) == 5
    assert not [each for each in make.words_of(review) if "may be hers" in each]
