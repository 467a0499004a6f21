"""FHIR R4 resources as plain dictionaries, and short ways to review them."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from her2path.cohort.review import review_source
from her2path.facts.codes import read_codes
from her2path.facts.value import Value
from her2path.findings.reviews import PatientReview, SpecimenReview
from her2path.findings.settings import Settings
from her2path.read.fhir.patient import read_record
from her2path.read.fhir.skim import Skimmer
from her2path.read.files import Piece
from her2path.record.event import Event, Record, Trouble
from her2path.tables.load import default_knowledge

LOINC = "http://loinc.org"
SNOMED = "http://snomed.info/sct"
ICD10CM = "http://hl7.org/fhir/sid/icd-10-cm"
LOCAL = "https://hospital.example/codes"

IHC = "85319-2"
IHC_ANY_TISSUE = "18474-7"
ISH = "85318-4"
ISH_ANY_TISSUE = "31150-6"
RATIO = "49683-6"
HER2_COPIES = "74860-8"
CEP17_COPIES = "74861-6"
CELLS = "62361-1"
ISH_PANEL = "74885-5"
OVERALL = "48676-1"

SNOMED_POSITIVE = "10828004"
SNOMED_NEGATIVE = "260385009"

TODAY = dt.date(2026, 6, 1)
IN_2020 = "2020-03-01"
"""A day on which the 2018 edition is in force."""


def coding(code: str | None, system: str | None = LOINC, display: str | None = None) -> dict[str, Any]:
    """A coding; what is `None` is left out."""
    return {
        key: value for key, value in (("system", system), ("code", code), ("display", display)) if value is not None
    }


def concept(*codings: Mapping[str, Any], text: str | None = None) -> dict[str, Any]:
    """A codeable concept of codings, a text, or both."""
    made: dict[str, Any] = {"coding": list(codings)} if codings else {}
    return made if text is None else made | {"text": text}


def coded(code: str, system: str = SNOMED, text: str | None = None) -> dict[str, Any]:
    """A coded value, ready to be put into an observation."""
    return {"valueCodeableConcept": concept(coding(code, system), text=text)}


def text(words: str) -> dict[str, Any]:
    """A value in words."""
    return {"valueString": words}


def quantity(value: Any, unit: str | None = None, comparator: str | None = None) -> dict[str, Any]:
    """A quantity; the value may be a string of digits, to be written as it stands."""
    made = {"value": value, "unit": unit, "comparator": comparator}
    return {"valueQuantity": {key: each for key, each in made.items() if each is not None}}


def patient(identity: str = "p1") -> dict[str, Any]:
    return {"resourceType": "Patient", "id": identity}


def observation(
    code: str | Mapping[str, Any],
    value: Mapping[str, Any] | str | None = None,
    *,
    subject: str | None = "Patient/p1",
    on: str | None = IN_2020,
    status: str | None = "final",
    specimen: str | None = None,
    components: Iterable[Mapping[str, Any]] = (),
    identity: str | None = None,
    **more: Any,
) -> dict[str, Any]:
    """An observation. `code` is a LOINC code or a whole concept; a value that is text is a `valueString`."""
    made: dict[str, Any] = {
        "resourceType": "Observation",
        "id": identity or f"o-{code if isinstance(code, str) else 'own'}",
        "status": status,
        "code": concept(coding(code)) if isinstance(code, str) else dict(code),
        "subject": None if subject is None else {"reference": subject},
        "effectiveDateTime": on,
        "specimen": None if specimen is None else {"reference": specimen},
        "component": list(components) or None,
    }
    made = {key: each for key, each in made.items() if each is not None}
    return made | dict(text(value) if isinstance(value, str) else value or {}) | more


def component(code: str | Mapping[str, Any], value: Mapping[str, Any] | str | None = None) -> dict[str, Any]:
    """A component of an observation."""
    about = concept(coding(code)) if isinstance(code, str) else dict(code)
    return {"code": about} | dict(text(value) if isinstance(value, str) else value or {})


def specimen(
    identity: str = "s1", *, kind: str | None = None, words: str | None = None, site: str | None = None,
    taken: str | None = None, subject: str | None = "Patient/p1",
) -> dict[str, Any]:  # fmt: skip
    """A specimen; `kind` is a SNOMED CT code, `words` the text of its type, `site` the text of its body site."""
    made: dict[str, Any] = {"resourceType": "Specimen", "id": identity}
    if subject is not None:
        made["subject"] = {"reference": subject}
    if kind is not None or words is not None:
        made["type"] = concept(*([coding(kind, SNOMED)] if kind else []), text=words)
    collection: dict[str, Any] = {"collectedDateTime": taken} if taken else {}
    if site is not None:
        collection["bodySite"] = concept(text=site)
    return made | ({"collection": collection} if collection else {})


def condition(
    code: str, system: str = ICD10CM, *, subject: str = "Patient/p1", identity: str = "c1", **more: Any
) -> dict[str, Any]:
    return {
        "resourceType": "Condition", "id": identity, "subject": {"reference": subject},
        "code": concept(coding(code, system)),
    } | more  # fmt: skip


def breast(subject: str = "Patient/p1", identity: str = "c1") -> dict[str, Any]:
    return condition("C50.911", subject=subject, identity=identity)


def bundle(*resources: Mapping[str, Any], urls: Iterable[str | None] = ()) -> dict[str, Any]:
    """A bundle of resources; `urls` gives the first entries a `fullUrl`."""
    addresses = list(urls)
    entries: list[dict[str, Any]] = []
    for number, resource in enumerate(resources):
        entry: dict[str, Any] = {"resource": dict(resource)}
        if number < len(addresses) and addresses[number] is not None:
            entry["fullUrl"] = addresses[number]
        entries.append(entry)
    return {"resourceType": "Bundle", "type": "collection", "entry": entries}


def about(*resources: Mapping[str, Any], identity: str = "p1") -> dict[str, Any]:
    """A bundle of one patient with breast cancer and the resources given."""
    return bundle(patient(identity), breast(f"Patient/{identity}"), *resources)


def write(path: Path, *documents: Any) -> Path:
    """Write documents: one JSON document, or one a line where the name ends in `.ndjson`."""
    if path.suffix == ".ndjson":
        path.write_text("".join(json.dumps(each) + "\n" for each in documents), encoding="utf-8")
    else:
        (only,) = documents
        path.write_text(json.dumps(only), encoding="utf-8")
    return path


def records_of(content: bytes) -> list[Record | Trouble]:
    """What one document holds, read without a file."""
    codes, facts = read_codes(), default_knowledge().facts
    return [
        found if isinstance(found, Trouble) else read_record(found, codes, facts)
        for found in Skimmer(codes).skim(Piece("document.json", content))
    ]


def record_of(*resources: Mapping[str, Any]) -> Record:
    """The record of a bundle about one patient."""
    (found,) = records_of(json.dumps(about(*resources)).encode())
    assert isinstance(found, Record)
    return found


def events_of(code: str | Mapping[str, Any], value: Mapping[str, Any] | str | None = None, **more: Any) -> list[Event]:
    """The events of one observation."""
    return record_of(observation(code, value, **more)).events


def facts_of(
    code: str | Mapping[str, Any], value: Mapping[str, Any] | str | None = None, **more: Any
) -> dict[str, Value]:
    """The facts of one observation by name."""
    return {event.fact: event.value for event in events_of(code, value, **more)}


def review_of(path: Path, **settings: Any) -> tuple[list[PatientReview], list[Trouble]]:
    """Every patient of a source, and what could not be read."""
    settings.setdefault("on", TODAY)
    patients: list[PatientReview] = []
    troubles: list[Trouble] = []
    for found in review_source(path, default_knowledge(), Settings(**settings)):
        if isinstance(found, Trouble):
            troubles.append(found)
        else:
            patients.append(found)
    return patients, troubles


def review_bundle(folder: Path, document: Mapping[str, Any], **settings: Any) -> PatientReview:
    """The only patient of a bundle that is read whole."""
    patients, troubles = review_of(write(folder / "bundle.json", document), **settings)
    assert not troubles
    (only,) = patients
    return only


def review_tests(folder: Path, *resources: Mapping[str, Any], **settings: Any) -> PatientReview:
    """The review of one patient with breast cancer and the resources given."""
    return review_bundle(folder, about(*resources), **settings)


def only_specimen(review: PatientReview) -> SpecimenReview:
    (only,) = review.specimens
    return only


def words_of(review: PatientReview) -> list[str]:
    """All that was found, of the patient and her specimens, as `grade: words`."""
    found = [*review.findings, *(each for one in review.specimens for each in one.findings)]
    return [f"{finding.grade.word}: {finding.words}" for finding in found]


def says(review: PatientReview, *parts: str) -> bool:
    """Whether one finding holds all the parts."""
    return any(all(part in words for part in parts) for words in words_of(review))
