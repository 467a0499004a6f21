"""One patient under therapy as FHIR, and what a review says of a source without where it stands."""

from __future__ import annotations

import copy
import datetime as dt
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import fhir_makers as make
import therapy_makers as therapy
from her2path.cohort.review import review_parts
from her2path.findings.patient import Reviewed
from her2path.findings.settings import Settings
from her2path.record.event import Trouble
from her2path.tables.load import default_knowledge

ON = dt.date(2025, 9, 15)
DOSES = ("2025-06-16", "2025-07-07", "2025-07-28", "2025-08-18", "2025-09-08")
TRASTUZUMAB = {"coding": [{"system": therapy.RXNORM, "code": "224905", "display": "trastuzumab"}]}
Resource = dict[str, Any]


def dose(number: int, day: str, subject: str = "Patient/p1", **more: Any) -> Resource:
    """An administration of trastuzumab; the first is the loading dose."""
    drug = {"medicationCodeableConcept": TRASTUZUMAB} if "medicationReference" not in more else {}
    return {
        "resourceType": "MedicationAdministration", "id": f"a{number}", "status": "completed",
        "subject": {"reference": subject}, "effectiveDateTime": day, **drug,
        "dosage": {"dose": {"value": 420 if number else 560, "unit": "mg", "system": therapy.UCUM, "code": "mg"}},
        **more,
    }  # fmt: skip


def measured(
    name: str, code: str, day: str, value: float, unit: str, subject: str = "Patient/p1", **more: Any
) -> Resource:
    """A number measured on a day."""
    quantity = {"value": value, "unit": unit, "system": therapy.UCUM, "code": unit}
    return {
        "resourceType": "Observation", "id": name, "status": "final", "subject": {"reference": subject},
        "code": {"coding": [{"system": make.LOINC, "code": code}]}, "effectiveDateTime": day,
        "valueQuantity": quantity, **more,
    }  # fmt: skip


def her2(score: str = "3+", name: str = "h1", subject: str = "Patient/p1", **more: Any) -> Resource:
    """A HER2 test by immunohistochemistry before the start."""
    return {
        "resourceType": "Observation", "id": name, "status": "final", "subject": {"reference": subject},
        "code": {"coding": [{"system": make.LOINC, "code": make.IHC}]}, "effectiveDateTime": "2025-05-20",
        "valueString": score, **more,
    }  # fmt: skip


def lvef(name: str, day: str, percent: float, **more: Any) -> Resource:
    return measured(name, therapy.LVEF, day, percent, "%", **more)


def person(name: str = "p1", **more: Any) -> Resource:
    return {"resourceType": "Patient", "id": name, "gender": "female", "birthDate": "1970-05-05", **more}


def therapy_of(subject: str = "Patient/p1", *, prefix: str = "") -> list[Resource]:
    """A patient with HER2 3+, five doses, and an LVEF that falls from 62 to 44: on hold."""
    identity = subject.rpartition("/")[2]
    made = [
        person(identity), make.condition("C50.912", subject=subject, identity="c1"),
        her2(subject=subject), measured("w1", therapy.WEIGHT, "2025-06-01", 70, "kg", subject),
        lvef("e1", "2025-06-05", 62, subject=subject), lvef("e2", "2025-09-01", 44, subject=subject),
        *(dose(number, day, subject) for number, day in enumerate(DOSES)),
    ]  # fmt: skip
    for resource in made:
        if prefix and resource["resourceType"] != "Patient":
            resource["id"] = prefix + resource["id"]
    return made


def container(kind: str, *resources: Resource, **more: Any) -> Resource:
    """A bundle of a type; where `resources` are entries already they stay so."""
    entries = [each if "resource" in each or "request" in each else {"resource": each} for each in resources]
    return {"resourceType": "Bundle", "type": kind, "entry": entries, **more}


def link(**urls: str) -> list[dict[str, str]]:
    return [{"relation": relation, "url": url} for relation, url in urls.items()]


def updated(resource: Mapping[str, Any], when: str = "", version: str = "", **more: Any) -> Resource:
    """A version of a resource."""
    meta = {key: value for key, value in (("lastUpdated", when), ("versionId", version)) if value}
    return {**copy.deepcopy(dict(resource)), **more, **({"meta": meta} if meta else {})}


def lines(path: Path, *resources: Resource) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(each) + "\n" for each in resources), encoding="utf-8")
    return path


def document(path: Path, content: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


class Said:
    """What a review says of a source: by patient her status and her findings with their grades, and the troubles."""

    def __init__(self, path: Path, processes: int = 1, **settings: Any) -> None:
        self.patients: dict[str, tuple[str | None, tuple[str, ...]]] = {}
        self.troubles: list[Trouble] = []
        self.again: list[str] = []
        self.phases: dict[str, str] = {}
        knowledge = default_knowledge()
        asked = Settings(settings.pop("on", ON), **settings)
        for part in review_parts(path, knowledge, asked, _taken, processes=processes):
            for item in part.items:
                if isinstance(item, Trouble):
                    self.troubles.append(item)
                    continue
                for patient, status, findings, phase in item:
                    if patient in self.patients:
                        self.again.append(patient)
                    self.patients[patient] = (status, findings)
                    self.phases[patient] = phase

    def words(self, patient: str = "p1") -> str:
        return "\n".join(self.patients[patient][1])

    def status(self, patient: str = "p1") -> str | None:
        return self.patients[patient][0]

    @property
    def told(self) -> str:
        return "\n".join(f"{trouble.kind}: {trouble}" for trouble in self.troubles)


def _taken(reviewed: Reviewed) -> list[tuple[str, str | None, tuple[str, ...], str]]:
    taken = []
    for review in reviewed:
        course = review.course
        findings = [*review.findings, *(each for one in review.specimens for each in one.findings)]
        findings += course.findings if course is not None else []
        planned = [f"plan: {item.what} {item.earliest}" for item in course.plan] if course is not None else []
        phase = course.standing.text("therapy_phase") if course is not None else ""
        words = tuple(sorted([*(f"{each.grade.word}: {each.words}" for each in findings), *planned]))
        taken.append((review.patient, review.status, words, phase))
    return taken
