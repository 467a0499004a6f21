"""Medications by ingredients, other versions of FHIR, dispenses and claims: by templates as resource by resource."""

from __future__ import annotations

import json
from typing import Any

import pytest

from fhir_makers import patient
from test_drug_records import (
    RECORDS,
    claimed,
    dispensed,
    holding,
    made_of,
    of_contained,
    performed,
    strong,
)
from test_fhir_templates import assert_equal, bundled
from therapy_makers import given, medication, ordered, stated

BY_REFERENCE = {"medicationReference": {"reference": "Medication/m"}}
R5_REFERENCE = {"medication": {"reference": {"reference": "Medication/m"}}}
R5_CONCEPT = {"medication": {"concept": {"text": "trastuzumab"}}}
SUBSTANCES = [{"resourceType": "Substance", "id": "s", "code": {"text": name}} for name in ("trastuzumab", "docetaxel")]
MEDICINES = [
    holding(made_of("trastuzumab", **strong(420, 250)), made_of("sodium chloride")),
    holding(made_of("trastuzumab emtansine", **strong(250, 250))),
    holding({"itemReference": {"reference": "Substance/s"}, **strong(420, 250)}),
    holding({"itemReference": {"reference": "Substance/gone"}}),
    {"resourceType": "Medication", "id": "m", "code": {"text": "paracetamol"}},
]
PERIOD = {"start": "2025-06-16T10:00:00Z", "end": "2025-06-16T10:30:00Z"}
RESOURCES = [
    of_contained(MEDICINES[0], 250), of_contained(MEDICINES[3], 250), given("trastuzumab bempar", 420),
    given(R5_CONCEPT, 420, on=None, occurenceDateTime="2025-06-16"), given(R5_CONCEPT, 420, on=None, occurencePeriod=PERIOD),
    given("trastuzumab", 140, on=None, effectivePeriod=PERIOD), given(medication({"system": "urn:x", "code": "1"}), 420),
    given({"medicationCodeableConcept": {}}, 420), ordered("trastuzumab bempar", status="completed"),
    stated("trastuzumab", status="completed", end="2026-06-16"), stated("THP"), dispensed(), dispensed("TCHP"),
    performed(), performed(code={"text": "Herceptin infusion"}), claimed(), claimed("Q5113", "ExplanationOfBenefit"),
    {"resourceType": "MedicationOrder", "id": "o", "status": "active", "patient": {"reference": "Patient/p1"},
     "dateWritten": "2025-06-01", "medicationCodeableConcept": {"text": "trastuzumab"}},
]  # fmt: skip


@pytest.mark.parametrize("resource", RESOURCES, ids=range(len(RESOURCES)))
def test_each_resource_alone(resource: dict[str, Any]) -> None:
    again = json.loads(json.dumps(resource).replace("2025-06-16", "2025-07-07"))
    assert_equal(*(bundled([patient(), each]) for each in (resource, again, resource)))


@pytest.mark.parametrize("named", [BY_REFERENCE, R5_REFERENCE])
@pytest.mark.parametrize("make", [given, stated, dispensed])
def test_one_reference_that_names_another_drug_in_each_bundle(named: dict[str, Any], make: Any) -> None:
    doses = [[patient(), make(named), medicine, SUBSTANCES[0]] for medicine in MEDICINES]
    doses += [[patient(), make(named), MEDICINES[2], substance] for substance in SUBSTANCES]
    assert_equal(*map(bundled, [*doses, [patient(), make(named)]]))


@pytest.mark.parametrize("path", sorted(RECORDS.glob("*.json")), ids=lambda path: path.stem)
def test_each_record(path: Any) -> None:
    assert_equal(json.loads(path.read_text(encoding="utf-8")))
