"""The patients that are mutated: HER2 tests, hearts, drugs, weights and diagnoses in the shapes that feeds have."""

from __future__ import annotations

import datetime as dt
import random
from typing import Any

LOINC, SNOMED = "http://loinc.org", "http://snomed.info/sct"
RXNORM, ATC = "http://www.nlm.nih.gov/research/umls/rxnorm", "http://www.whocc.no/atc"
MEDDRA, CTCAE = "https://www.meddra.org", "http://hl7.org/fhir/us/ctcae"
ICD, UCUM = "http://hl7.org/fhir/sid/icd-10-cm", "http://unitsofmeasure.org"
ON = dt.date(2025, 9, 15)
"""The day of the review."""
TAG = "TAG"
"""Stands in every id for what tells one mutant from the other."""
BASES = 40
SCENES = (
    "on hold", "negative", "equivocal", "on treatment", "failing", "stopped", "toxic", "elsewhere", "tissue", "in statements",
)  # fmt: skip

Resource = dict[str, Any]


def concept(system: str, code: str, display: str = "", text: str = "") -> dict[str, Any]:
    coding = {"system": system, "code": code} | ({"display": display} if display else {})
    return {"coding": [coding]} | ({"text": text} if text else {})


def quantity(value: float, unit: str) -> dict[str, Any]:
    return {"value": value, "unit": unit, "system": UCUM, "code": unit}


class Maker:
    """Makes the resources of one patient; every id ends in the tag."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.patient = f"p-{TAG}"
        self.made: list[Resource] = []

    def add(self, kind: str, name: str, **fields: Any) -> None:
        about = {} if kind in ("Patient", "Medication") else {"subject": {"reference": f"Patient/{self.patient}"}}
        if kind == "AllergyIntolerance":
            about = {"patient": {"reference": f"Patient/{self.patient}"}}
        identity = self.patient if kind == "Patient" else f"{name}-{TAG}"
        self.made.append({"resourceType": kind, "id": identity, **about, **fields})

    def observed(self, name: str, day: str, code: dict[str, Any], **value: Any) -> None:
        self.add("Observation", name, status="final", code=code, effectiveDateTime=day, **value)

    def lvef(self, name: str, day: str, percent: int) -> None:
        code = self.rng.choice(
            (
                concept(LOINC, "10230-1", "Left ventricular Ejection fraction"),
                concept(LOINC, "18043-0", text="LVEF"),
                concept(LOINC, "8806-2"),
            )
        )
        self.observed(name, day, code, valueQuantity=quantity(percent, "%"))

    def dose(self, name: str, day: str, mg: int) -> None:
        shape = self.rng.choice(("concept", "words", "contained", "referenced"))
        drug = concept(RXNORM, "224905", self.rng.choice(("trastuzumab", "")))
        fields: dict[str, Any]
        if shape == "concept":
            fields = {"medicationCodeableConcept": drug}
        elif shape == "words":
            fields = {"medicationCodeableConcept": {"text": self.rng.choice(("Herceptin 150 mg", "trastuzumab-dkst"))}}
        elif shape == "contained":
            fields = {
                "contained": [{"resourceType": "Medication", "id": "m", "code": drug}],
                "medicationReference": {"reference": "#m"},
            }
        else:
            fields = {"medicationReference": {"reference": f"Medication/drug-{TAG}"}}
            if not any(each["resourceType"] == "Medication" for each in self.made):
                self.add("Medication", "drug", code=concept(ATC, "L01FD01", "trastuzumab"))
        self.add(
            "MedicationAdministration", name, status="completed", effectiveDateTime=day,
            dosage={"dose": quantity(mg, "mg")}, **fields,
        )  # fmt: skip

    def her2(self, score: str) -> None:
        test = concept(LOINC, "85319-2", "HER2 [Presence] in Breast cancer specimen by Immune stain")
        coded = {"0": "LA6111-4", "1+": "LA11841-6", "2+": "LA11842-4", "3+": "LA11843-2"}[score]
        value: dict[str, Any] = {"valueString": score}
        if self.rng.random() < 0.5:
            value = {"valueCodeableConcept": concept(LOINC, coded, score)}
        self.observed("ihc", "2025-03-20", test, **value)


def _drug() -> dict[str, Any]:
    return concept(RXNORM, "224905", "trastuzumab")


def _toxic(make: Maker) -> None:
    """Adverse events with their grades, in several of the published shapes."""
    graded = f"{CTCAE}/StructureDefinition/ctcae-grade"
    grade = make.rng.choice(({"valueInteger": 2}, {"valueCodeableConcept": concept(f"{CTCAE}/CodeSystem/grades", "2")}))
    lung = make.rng.choice((concept(MEDDRA, "10035742", "Pneumonitis"), {"text": "Interstitial lung disease"}))
    make.add(
        "AdverseEvent", "lung", actuality="actual", event=lung, date="2025-08-20",
        extension=[{"url": graded} | grade],
    )  # fmt: skip
    make.add(
        "AdverseEvent", "fever", actuality="actual", event=concept(MEDDRA, "10016288", "Febrile neutropenia"),
        date="2025-08-22", severity=concept(f"{CTCAE}/CodeSystem/grades", "3"),
        suspectEntity=[{"instance": {"display": "trastuzumab"}}],
    )  # fmt: skip


def _elsewhere(make: Maker) -> None:
    """A drug, a heart and a test in types that are not read, and in a procedure."""
    inside = [{"resourceType": "Medication", "id": "m", "ingredient": [{"itemCodeableConcept": _drug()}]}]
    make.add(
        "Procedure", "infusion", status="completed", performedDateTime="2025-08-18", code={"text": "infusion"},
        contained=inside, usedReference=[{"reference": "#m"}],
    )  # fmt: skip
    make.add("Immunization", "shot", status="completed", occurrenceDateTime="2025-08-19", vaccineCode=_drug())
    make.add(
        "Encounter", "visit", status="finished", reasonCode=[{"text": "Heart failure"}], period={"start": "2025-08-30"}
    )
    asked = [{"linkId": "1", "text": "LVEF", "answer": [{"valueDecimal": 44}]}]
    make.add("QuestionnaireResponse", "asked", status="completed", authored="2025-08-31", item=asked)
    make.add(
        "CarePlan", "plan", status="active", intent="plan", activity=[{"detail": {"productCodeableConcept": _drug()}}]
    )


def _in_statements(make: Maker) -> None:
    """A therapy that only a statement, a dispense and a claim tell of."""
    make.add(
        "MedicationStatement", "stated", status="active", effectivePeriod={"start": "2025-06-16"},
        medicationCodeableConcept=_drug(),
    )  # fmt: skip
    make.add(
        "MedicationDispense", "handed", status="completed", whenHandedOver="2025-08-18", medicationCodeableConcept=_drug()
    )  # fmt: skip


def patient(base: int) -> list[Resource]:
    """The resources of one of the patients, with `TAG` in each id."""
    scene, make = SCENES[base % len(SCENES)], Maker(base)
    make.add("Patient", "p", gender="female", birthDate="1970-05-05")
    breast = (
        concept(ICD, "C50.912", "Malignant neoplasm of left breast")
        if make.rng.random() < 0.5
        else concept(SNOMED, "254837009", "Malignant neoplasm of breast")
    )
    make.add("Condition", "cancer", code=breast, onsetDateTime="2025-03-10")
    make.her2({"negative": "1+", "equivocal": "2+"}.get(scene, "3+"))
    if scene == "tissue":
        make.add("Specimen", "core", type={"text": "core biopsy"}, collection={"collectedDateTime": "2025-03-18"})
        code = concept(LOINC, "85318-4", "ERBB2 gene duplication in Breast cancer specimen by FISH")
        make.observed("ish", "2025-03-22", code, valueString="Amplified (ratio 2.3, copies 5.6)",
                      specimen={"reference": f"Specimen/core-{TAG}"})  # fmt: skip
    make.observed("weight", "2025-05-28", concept(LOINC, "29463-7", "Body weight"), valueQuantity=quantity(70, "kg"))
    make.observed("other", "2025-05-28", concept(LOINC, "718-7", "Hemoglobin"), valueQuantity=quantity(13, "g/dL"))
    make.lvef("echo1", "2025-06-05", 62)
    if scene in ("negative", "equivocal"):
        return make.made
    if scene == "elsewhere":
        _elsewhere(make)
        return make.made
    if scene == "in statements":
        _in_statements(make)
        return make.made
    if scene == "toxic":
        _toxic(make)
    for number, day in enumerate(("2025-06-16", "2025-07-07", "2025-07-28", "2025-08-18")):
        make.dose(f"dose{number}", day, 560 if number == 0 else 420)
    make.lvef("echo2", "2025-08-25", 42 if scene == "on hold" else 59)
    drug = concept(RXNORM, "224905", "trastuzumab")
    if scene == "failing":
        ill = (
            concept(ICD, "I50.9", "Heart failure, unspecified")
            if make.rng.random() < 0.5
            else concept(SNOMED, "84114007", text="Heart failure")
        )
        make.add("Condition", "failure", code=ill, onsetDateTime="2025-08-28")
    if scene == "stopped":
        make.add(
            "MedicationRequest", "order", status="stopped", intent="order", authoredOn="2025-06-10",
            medicationCodeableConcept=drug, statusReason={"text": "toxicity"}, statusChanged="2025-09-01",
        )  # fmt: skip
    if scene == "on treatment":
        make.add(
            "MedicationRequest", "order", status="active", intent="order", authoredOn="2025-09-01",
            medicationCodeableConcept=drug,
            dosageInstruction=[{"doseAndRate": [{"doseQuantity": quantity(420, "mg")}]}],
        )  # fmt: skip
    return make.made
