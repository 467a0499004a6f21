"""What of ours stands in a FHIR text, read with json alone: each resource that could be a HER2 test, a heart, a HER2-directed
drug, a weight, a deciding diagnosis or a patient, by code or by word."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from .fhir_mutations import TWICE
from .words import kinds_of

OF_TYPE = {
    "Observation": {"her2", "lvef", "weight"}, "Condition": {"diagnosis", "her2"}, "AllergyIntolerance": {"drug"},
    "MedicationAdministration": {"drug"}, "MedicationRequest": {"drug"}, "MedicationStatement": {"drug"},
    "AdverseEvent": {"toxicity", "lvef"}, "Immunization": {"drug"}, "CarePlan": {"drug"}, "Procedure": {"drug"},
    "Encounter": {"drug", "lvef", "her2"}, "QuestionnaireResponse": {"drug", "lvef", "her2"}, "Specimen": set(),
    "MedicationDispense": {"drug"}, "MedicationOrder": {"drug"}, "MedicationUsage": {"drug"},
}  # fmt: skip
"""What a resource of a type could be of ours."""
NOT_OURS = {
    "Medication", "DiagnosticReport", "List", "Specimen", "Bundle", "Parameters", "Group", "OperationOutcome",
}  # fmt: skip
"""Types that say nothing by themselves, or hold others."""
_NO_NAME = (
    "value", "note", "reason", "statusreason", "extension", "referencerange", "subject", "patient", "performer", "specimen",
    "encounter", "category", "meta", "interpretation", "dosage", "id", "status", "effective", "onset", "authored", "intent",
    "dataabsentreason", "gender", "birth", "issued", "verification", "result",
)  # fmt: skip
"""How the fields begin that name nothing."""


@dataclass(frozen=True, slots=True)
class Ours:
    """A resource of ours: what it could be, its type and id as they stand, the entries on the way to it, and itself."""

    kinds: frozenset[str]
    type: str
    id: str
    entries: tuple[int, ...]
    deep: bool
    resource: Any


def several(text: bytes) -> list[Any]:
    """The JSON documents of a text, one after the other, each key that stands twice kept; `ValueError` or
    `RecursionError` where one is none."""
    words, decoder, documents = _unmarked(text).strip(), json.JSONDecoder(object_pairs_hook=_kept), []
    while words:
        document, end = decoder.raw_decode(words)
        documents.append(document)
        words = words[end:].lstrip()
    return documents


def _unmarked(text: bytes) -> str:
    return text.decode(encoding_of(text), "replace").removeprefix("\ufeff")


def _kept(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for key, value in pairs:
        free = key
        while free in made:
            free += TWICE
        made[free] = value
    return made


def encoding_of(text: bytes) -> str:
    """The encoding of a JSON text: that of its byte order mark, else as its first signs are written."""
    if text.startswith((b"\xff\xfe\x00\x00", b"\x00\x00\xfe\xff")):
        return "utf-32"
    if text.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    return "utf-16-le" if text[1:2] == b"\x00" else "utf-8"


def ours_in(document: Any) -> list[Ours]:
    """Every resource of ours in a document."""
    resources = list(_resources(document, (), False))
    medications = {
        str(resource.get("id")): _naming(resource)
        for resource, _, _ in resources
        if resource.get("resourceType") == "Medication"
    }
    listed = []
    for resource, entries, deep in resources:
        kind = resource.get("resourceType")
        kind = kind if isinstance(kind, str) else ""
        kinds = _kinds(resource, kind, medications)
        if kinds:
            listed.append(Ours(frozenset(kinds), str(kind), str(resource.get("id")), entries, deep, resource))
    return listed


def _resources(
    value: Any, entries: tuple[int, ...], deep: bool
) -> Iterator[tuple[dict[str, Any], tuple[int, ...], bool]]:
    """Every resource in a value, with the numbers of the entries on the way; `deep` where it stands elsewhere than in an entry."""
    if isinstance(value, list):
        for inner in value:
            yield from _resources(inner, entries, True)
        return
    if not isinstance(value, dict):
        return
    kind = value.get("resourceType")
    if kind == "Bundle" or (not isinstance(kind, str) and "entry" in value):
        listed = value.get("entry")
        for number, entry in enumerate(listed if isinstance(listed, list) else []):
            if isinstance(entry, dict):
                yield from _resources(entry.get("resource"), (*entries, number), deep or bool(entries))
        return
    if kind == "Parameters":
        for part in value.get("parameter") or ():
            if isinstance(part, dict):
                yield from _resources(part.get("resource"), entries, True)
        return
    if kind is None and isinstance(value.get("resource"), dict):
        yield from _resources(value["resource"], entries, True)
        return
    yield value, entries, deep
    if isinstance(kind, str) and kind in NOT_OURS and isinstance(value.get("contained"), list):
        yield from _resources(value["contained"], entries, True)


def _kinds(resource: dict[str, Any], kind: Any, medications: dict[str, set[str]]) -> set[str]:
    if kind == "Patient":
        return {"patient"}
    if kind in NOT_OURS:
        return set()
    named = _naming(resource)
    if kind not in OF_TYPE:
        return named
    kinds = named & OF_TYPE[kind]
    if not kinds and str(kind).startswith("Medication"):
        return {"drug"} if _unnamed(resource, medications) else set()
    return kinds


def _unnamed(resource: dict[str, Any], medications: dict[str, set[str]]) -> bool:
    """Whether a medication resource is of a drug of ours by reference, or of one that nobody can tell."""
    reference = resource.get("medicationReference")
    address = reference.get("reference") if isinstance(reference, dict) else None
    if isinstance(address, str) and (name := address.partition("/_history/")[0].rpartition("/")[2]) in medications:
        return "drug" in medications[name]
    return not any(_words(resource.get(field)) for field in ("medicationCodeableConcept", "medication"))


def _naming(resource: dict[str, Any]) -> set[str]:
    kinds: set[str] = set()
    for key, value in resource.items():
        if not key.strip(" _").lower().startswith(_NO_NAME) and key != "resourceType":
            for word in _words(value):
                kinds |= kinds_of(word)
    return kinds


def _words(value: Any, below: str = "") -> Iterator[str]:
    if isinstance(value, dict):
        for key, inner in value.items():
            if not key.strip(" _").lower().startswith(_NO_NAME) and key not in ("system", "reference", "resourceType"):
                yield from _words(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _words(inner)
    elif isinstance(value, str):
        yield value


def numbers_in(value: Any) -> Iterator[str]:
    """Every text and number of a value, as words."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield key
            yield from numbers_in(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from numbers_in(inner)
    elif value is not None:
        yield str(value)
