"""What could be ours under a type that is none, without a code, or of nobody is told; what could not be is not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from fhir_makers import IHC, LOINC, coding, concept, observation, patient
from her2path.read.source import read_records
from her2path.record.event import Record, Trouble
from her2path.tables.load import default_knowledge

LVEF = {
    "code": concept(coding("10230-1", LOINC, "Left ventricular ejection fraction")),
    "valueQuantity": {"value": 40, "unit": "%"},
}
OTHER = {"code": concept(coding("718-7", LOINC, "Hemoglobin")), "valueQuantity": {"value": 13, "unit": "g/dL"}}


def told(folder: Path, *resources: Any, alone: bool = False) -> list[str]:
    """Everything that is told of a patient with these resources, as places and words."""
    listed = [patient(), observation(IHC, "3+"), *resources]
    bundle = {
        "resourceType": "Bundle",
        "entry": [{"fullUrl": f"urn:x:{n}", "resource": each} for n, each in enumerate(listed)],
    }
    path = folder / ("x.ndjson" if alone else "x.json")
    path.write_text("\n".join(map(json.dumps, listed)) if alone else json.dumps(bundle))
    troubles: list[Trouble] = []
    for item in read_records(path, default_knowledge().facts):
        troubles += item.troubles if isinstance(item, Record) else [item]
    return [str(trouble) for trouble in troubles]


def heart(kind: Any) -> dict[str, Any]:
    typed = {} if kind is None else {"resourceType": kind}
    return {
        **typed,
        "id": "e1",
        "status": "final",
        "subject": {"reference": "Patient/p1"},
        "effectiveDateTime": "2025-05-01",
        **LVEF,
    }


NO_TYPES = [
    "observation",
    "Observatio",
    "Observ",
    "Obsion",
    "Coon",
    "MyObservation",
    " Observation",
    "OBSERVATION",
    "Ob\u00adservation",
    "",
    "Observation\n",
    "Obse(vation",
    None,
]


@pytest.mark.parametrize("alone", [False, True])
@pytest.mark.parametrize("kind", NO_TYPES)
def test_a_heart_under_a_type_that_is_none_is_told(tmp_path: Path, kind: Any, alone: bool) -> None:
    (words,) = told(tmp_path, heart(kind), alone=alone)
    assert "resource" in words
    assert words.startswith("x.ndjson:3" if alone else "x.json entry 2")


@pytest.mark.parametrize(
    "kind",
    [
        "ServiceRequest",
        "CarePlan",
        "Claim",
        "ImagingStudy",
        "DiagnosticOrder",
        "DiagnosticRequest",
        "GenomicStudy",
        "ProcedureRequest",
    ],
)
def test_a_type_that_is_not_read_is_not_told(tmp_path: Path, kind: str) -> None:
    assert told(tmp_path, heart(kind)) == []


@pytest.mark.parametrize("kind", [kind for kind in NO_TYPES if kind])
def test_what_could_not_be_ours_is_not_told_in_a_bundle(tmp_path: Path, kind: Any) -> None:
    assert told(tmp_path, heart(kind) | OTHER) == []


@pytest.mark.parametrize("alone", [False, True])
@pytest.mark.parametrize("key", ["_code", "Code", "cod", "code "])
def test_an_observation_without_a_code_that_speaks_of_a_heart_is_told(tmp_path: Path, key: str, alone: bool) -> None:
    resource = heart("Observation")
    resource[key] = resource.pop("code")
    (words,) = told(tmp_path, resource, alone=alone)
    assert "Observation/e1: it has no code and no name" in words


def test_an_observation_without_a_code_that_speaks_of_nothing_is_not_told(tmp_path: Path) -> None:
    resource = heart("Observation")
    del resource["code"]
    assert told(tmp_path, resource) == []


def test_a_condition_without_a_code_that_names_a_heart_failure_is_told(tmp_path: Path) -> None:
    resource = {
        "resourceType": "Condition",
        "id": "c1",
        "subject": {"reference": "Patient/p1"},
        "Code": concept(coding("84114007", "http://snomed.info/sct")),
    }
    assert any("Condition/c1: it has no code and no name" in words for words in told(tmp_path, resource))


@pytest.mark.parametrize("alone", [False, True])
@pytest.mark.parametrize(
    "code", [{"codng": [{"display": "Heart failure, unspecified"}]}, {"coding": [{"disply": "Heart failure"}]}]
)
def test_a_condition_whose_code_holds_nothing_is_told(tmp_path: Path, code: dict[str, Any], alone: bool) -> None:
    failure = {"resourceType": "Condition", "id": "c1", "subject": {"reference": "Patient/p1"}, "code": code}
    (words,) = [line for line in told(tmp_path, failure, alone=alone) if "Condition/c1" in line]
    assert "it has no code and no name where it should" in words


@pytest.mark.parametrize("subject", [{}, {"reference": "patient/p1"}, {"reference": ""}, {"reference": "Group/p1"}])
def test_a_heart_failure_of_nobody_is_told(tmp_path: Path, subject: dict[str, str]) -> None:
    resource = {
        "resourceType": "Condition",
        "id": "c1",
        "subject": subject,
        "code": concept(coding("84114007", "http://snomed.info/sct")),
    }
    assert any("Condition/c1" in words and "nobody" in words for words in told(tmp_path, resource))


@pytest.mark.parametrize(("field", "value"), [("id", [["d1"]]), ("subject", []), ("id", {"value": "d1"})])
@pytest.mark.parametrize(
    "drug",
    [
        {"medicationCodeableConcept": {"text": "Herceptin 150 mg"}},
        {"medicationReference": {"reference": "Medication/m1"}},
    ],
)
def test_a_dose_whose_head_cannot_be_read_is_told(tmp_path: Path, field: str, value: Any, drug: dict[str, Any]) -> None:
    dose = {
        "resourceType": "MedicationAdministration",
        "id": "d1",
        "status": "completed",
        "subject": {"reference": "Patient/p1"},
        **drug,
    }
    assert any("x.json entry 2" in words for words in told(tmp_path, dose | {field: value}))
