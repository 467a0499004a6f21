"""An export of a hospital that codes in its own way: tests, hearts, weights and drugs by local codes, names and units.

Invented. `MAPPING` is the mapping that makes all of it readable.
"""

from __future__ import annotations

import json
from pathlib import Path

LAB = "https://klinikum.example/fhir/labor"
DRUGS = "https://klinikum.example/fhir/hausliste"
IHC, ECHO = "Her-2/neu IHC lokal", "EF biplan"

MAPPING = f"""
[site]
name = "Klinikum"
jurisdiction = "eu"

[[map]]
system = "{LAB}"
code = "H2IHC"
name = "{IHC}"
fact = "ihc_score"

[[map]]
system = "{LAB}"
code = "H2-3"
name = "stark positiv"
answer = "3+"

[[map]]
system = "{LAB}"
code = "H2-0"
answer = "0"

[[map]]
name = "{ECHO}"
fact = "lvef"
unit = "%"
method = "echo"

[[map]]
name = "Bettwaage"
unit = "kg"

[[map]]
system = "{DRUGS}"
code = "4711"
name = "Trastu-Hausmischung 440"
product = "trastuzumab-iv"

[[map]]
system = "{LAB}"
code = "HERZ"
fact = "heart_failure"
value = "yes"
"""


def observation(identity: str, patient: str, code: dict, day: str, **value: object) -> dict:
    """An observation of a patient."""
    return {
        "resourceType": "Observation", "id": identity, "status": "final", "code": code,
        "subject": {"reference": f"Patient/{patient}"}, "effectiveDateTime": day, **value,
    }  # fmt: skip


def patient_of(number: int) -> list[dict]:
    """One patient: a HER2 test, two hearts, a weight, four doses, and every third one with heart failure."""
    name = f"p{number}"
    answer = ("H2-3", "stark positiv") if number % 4 else ("H2-0", "negativ (0)")
    weight = {"value": 60 + number, "unit": "Bettwaage"}
    resources: list[dict] = [
        {"resourceType": "Patient", "id": name, "gender": "female", "birthDate": f"19{60 + number % 30}-03-04"},
        {
            "resourceType": "Condition", "id": f"d{number}", "subject": {"reference": f"Patient/{name}"},
            "code": {"coding": [{"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": "C50.911"}]},
            "onsetDateTime": "2025-06-01",
        },
        observation(
            f"i{number}", name, {"coding": [{"system": LAB, "code": "H2IHC", "display": IHC}]}, "2025-06-10",
            valueCodeableConcept={"coding": [{"system": LAB, "code": answer[0], "display": answer[1]}]},
        ),
        observation(f"e{number}", name, {"text": ECHO}, "2025-07-01", valueQuantity={"value": 61}),
        observation(f"f{number}", name, {"text": ECHO}, "2025-10-01", valueString="57"),
        observation(
            f"w{number}", name, {"coding": [{"system": "http://loinc.org", "code": "29463-7"}]}, "2025-07-01",
            valueQuantity=weight,
        ),
    ]  # fmt: skip
    for cycle, day in enumerate(("2025-07-10", "2025-07-31", "2025-08-21", "2025-09-11")):
        resources.append({
            "resourceType": "MedicationAdministration", "id": f"m{number}-{cycle}", "status": "completed",
            "subject": {"reference": f"Patient/{name}"}, "effectiveDateTime": day,
            "medicationCodeableConcept": {
                "coding": [{"system": DRUGS, "code": "4711", "display": "Trastu-Hausmischung 440"}],
            },
            "dosage": {"dose": {"value": (8 if cycle == 0 else 6) * (60 + number), "unit": "mg"}},
        })  # fmt: skip
    if number % 3 == 0:
        resources.append({
            "resourceType": "Condition", "id": f"h{number}", "subject": {"reference": f"Patient/{name}"},
            "code": {"coding": [{"system": LAB, "code": "HERZ", "display": "Herzinsuffizienz NYHA II"}]},
            "onsetDateTime": "2025-05-01",
        })  # fmt: skip
    return resources


def bundle_of(resources: list[dict]) -> dict:
    """A bundle of one patient."""
    entries = [{"fullUrl": f"https://klinikum.example/{r['resourceType']}/{r['id']}", "resource": r} for r in resources]
    return {"resourceType": "Bundle", "type": "collection", "entry": entries}


def write_bundles(folder: Path, count: int = 8) -> Path:
    """A folder with a bundle for each patient."""
    folder.mkdir(exist_ok=True)
    for number in range(count):
        text = json.dumps(bundle_of(patient_of(number)), ensure_ascii=False)
        (folder / f"{number:03}.json").write_text(text, encoding="utf-8")
    return folder


def write_bulk(path: Path, count: int = 8, order: int = 1) -> Path:
    """All resources of all patients as lines of one NDJSON file; `order` -1 turns them round."""
    lines = [json.dumps(resource, ensure_ascii=False) for number in range(count) for resource in patient_of(number)]
    path.write_text("\n".join(lines[::order]) + "\n", encoding="utf-8")
    return path


def write_long(path: Path, count: int = 8) -> Path:
    """The same in the long format, with the hospital's own words."""
    rows = ["patient,date,fact,value,unit,product"]
    for number in range(count):
        weight = 60 + number
        rows += [
            f"p{number},2025-06-10,{IHC},{'stark positiv' if number % 4 else '0'},,",
            f"p{number},2025-07-01,{ECHO},61,,", f"p{number},2025-10-01,{ECHO},57,,",
            f"p{number},2025-07-01,weight_kg,{weight},Bettwaage,",
            f"p{number},2025-07-10,dose_mg,{8 * weight},mg,Trastu-Hausmischung 440",
            f"p{number},2025-07-31,dose_mg,{6 * weight},mg,4711",
        ]  # fmt: skip
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return path
