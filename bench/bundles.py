"""Made FHIR bundles for the bench: the size and shape of public synthetic breast cancer records.

About 21 kB and 21 resources a patient: demographics, one diagnosis, procedures, body weights, receptor
tests and two to four HER2 results of every kind. Invented throughout; the same for a seed.
"""

from __future__ import annotations

import json
import random
import uuid
from pathlib import Path
from typing import Any

LOINC, SNOMED = "http://loinc.org", "http://snomed.info/sct"
CATEGORY = "http://terminology.hl7.org/CodeSystem/observation-category"
CORE = "http://hl7.org/fhir/us/core/StructureDefinition/"


def _coded(system: str, code: str, display: str) -> dict[str, Any]:
    return {"coding": [{"system": system, "code": code, "display": display}]}


def _observation(
    rng: random.Random, patient: str, code: str, display: str, day: str, value: dict[str, Any]
) -> dict[str, Any]:
    return {
        "resourceType": "Observation", "id": _id(rng), "status": "final",
        "category": [{"coding": [{"system": CATEGORY, "code": "laboratory"}]}],
        "code": _coded(LOINC, code, display), "subject": {"reference": f"urn:uuid:{patient}"},
        "effectiveDateTime": f"{day}T09:{rng.randrange(60):02}:35.690308+00:00", **value,
        "encounter": {"reference": f"urn:uuid:{_id(rng)}"}, "meta": {"profile": [CORE + "us-core-observation-lab"]},
    }  # fmt: skip


def _id(rng: random.Random) -> str:
    return str(uuid.UUID(int=rng.getrandbits(128), version=4))


def _her2(rng: random.Random, patient: str, day: str) -> list[dict[str, Any]]:
    """An IHC score, and a dual-probe ISH by numbers or in words for most."""
    score = rng.choices(["0", "1+", "2+", "3+"], [3, 4, 3, 2])[0]
    tests = [
        _observation(
            rng,
            patient,
            "85319-2",
            "HER2 [Presence] in Breast cancer specimen by Immune stain",
            day,
            {"valueString": score},
        )
    ]
    if rng.random() < 0.8:
        cep17 = round(rng.uniform(1.2, 3.5), 2)
        copies = round(rng.choices([rng.uniform(1.5, 3.9), rng.uniform(4, 5.9), rng.uniform(6, 25)], [5, 2, 3])[0], 2)
        ratio = round(copies / cep17, 2)
        quantity = {"unit": "{ratio}", "system": "http://unitsofmeasure.org", "code": "{ratio}"}
        per_cell = {"unit": "{copies}/{cell}", "system": "http://unitsofmeasure.org", "code": "{copies}/{cell}"}
        tests.append(
            _observation(
                rng,
                patient,
                "49683-6",
                "ERBB2 copy number/Chromosome 17 copy number in Tissue by FISH",
                day,
                {"valueQuantity": {"value": ratio, **quantity}},
            )
        )
        if rng.random() < 0.85:
            tests.append(
                _observation(
                    rng,
                    patient,
                    "74860-8",
                    "ERBB2 gene copy number/nucleus in Tissue by FISH",
                    day,
                    {"valueQuantity": {"value": copies, **per_cell}},
                )
            )
    return tests


def bundle(rng: random.Random) -> dict[str, Any]:
    """One patient."""
    patient = _id(rng)
    day = f"{rng.randrange(2019, 2026)}-{rng.randrange(1, 13):02}-{rng.randrange(1, 29):02}"
    subject = {"reference": f"urn:uuid:{patient}"}
    extension = [
        {"url": CORE + "us-core-race", "extension": [{"url": "text", "valueString": "unknown"}]},
        {"url": CORE + "us-core-ethnicity", "extension": [{"url": "text", "valueString": "unknown"}]},
        {"url": CORE + "us-core-birthsex", "valueCode": "F"},
    ]
    identifier = [
        {"system": f"https://example.org/identifiers/{n}", "value": _id(rng), "type": {"text": "a made identifier"}}
        for n in range(8)
    ]
    resources: list[dict[str, Any]] = [
        {"resourceType": "Patient", "id": patient, "gender": "female", "birthDate": "1960-01-01", "active": True, "identifier": identifier,
         "name": [{"use": "official", "family": "Made", "given": ["Patient"]}], "extension": extension,
         "address": [{"use": "home", "city": "Nowhere", "line": ["1 Example Street"], "country": "US"}]},
        {"resourceType": "Condition", "id": _id(rng), "subject": subject, "onsetDateTime": day,
         "code": _coded(SNOMED, "254837009", "Malignant neoplasm of breast (disorder)"),
         "clinicalStatus": {"coding": [{"code": "active"}]}, "encounter": {"reference": f"urn:uuid:{_id(rng)}"}},
    ]  # fmt: skip
    resources += [
        {"resourceType": "Procedure", "id": _id(rng), "status": "completed", "subject": subject, "performedDateTime": day,
         "code": _coded(SNOMED, "241615005", "Magnetic resonance imaging of breast (procedure)"),
         "encounter": {"reference": f"urn:uuid:{_id(rng)}"}, "meta": {"profile": [CORE + "us-core-procedure"]}}
        for _ in range(3)
    ]  # fmt: skip
    resources += _her2(rng, patient, day)
    answer = {"valueCodeableConcept": _coded(SNOMED, "10828004", "Positive (qualifier value)")}
    for code, display in (
        ("85337-4", "Estrogen receptor Ag [Presence] in Breast cancer specimen by Immune stain"),
        ("85339-0", "Progesterone receptor Ag [Presence] in Breast cancer specimen by Immune stain"),
        ("10480-2", "Estrogen+Progesterone receptor Ag [Presence] in Tissue by Immune stain"),
        ("21908-9", "Stage group.clinical Cancer"),
    ):
        resources.append(_observation(rng, patient, code, display, day, answer))
    while len(resources) < 24:
        weight = {
            "value": round(rng.uniform(45, 110), 1),
            "unit": "kg",
            "system": "http://unitsofmeasure.org",
            "code": "kg",
        }
        resources.append(_observation(rng, patient, "29463-7", "Body Weight", day, {"valueQuantity": weight}))
    entries = [
        {
            "fullUrl": f"urn:uuid:{each['id']}",
            "resource": each,
            "request": {"method": "POST", "url": each["resourceType"]},
        }
        for each in resources
    ]
    return {"resourceType": "Bundle", "type": "collection", "entry": entries}


def write(path: Path, patients: int, seed: int = 17) -> None:
    """Write `patients` bundles as NDJSON."""
    rng = random.Random(seed)
    with path.open("w", encoding="utf-8") as file:
        for _ in range(patients):
            file.write(json.dumps(bundle(rng)) + "\n")
