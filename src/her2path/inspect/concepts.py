"""What the resources of a piece are about: each concept that a reader asks for, with the answer beside it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from ..read.coding import Coded, coded_of, text_alone
from ..read.fhir.answer import codings_of
from ..read.fhir.containers.bundles import BAD_JSON, CONTAINERS, DEEPEST, Held, items_of, type_of, unpack
from ..read.fhir.containers.notes import Deleted
from ..read.fhir.resources.ingredients import ingredients_of, item_of
from ..read.files import Piece

DRUG_FIELDS = ("medicationCodeableConcept", "medication", "code")
LONGEST_ANSWER = 60
OF_MEDICATION = ("Medication", "Substance")
CLAIMS = ("Claim", "ExplanationOfBenefit")
WHOLE, COMPONENT, CONCLUSION, LINE = "", "component", "conclusionCode", "item"
APART = {"Procedure": "usedCode", "ChargeItem": "productCodeableConcept"}
"""By type the field of a second concept, which is read apart from the code."""
_SPACES = re.compile(r"\s+")


@dataclass(frozen=True, slots=True)
class About:
    """A concept of a resource: in which field, and the part of the resource that it stands in."""

    concept: Mapping[str, Any]
    holder: Mapping[str, Any]
    field: str = WHOLE

    @property
    def codings(self) -> tuple[Coded, ...]:
        return codings_in(self.concept)

    @property
    def text(self) -> str:
        return text_in(self.concept)


def resources_in(piece: Piece) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The resources of a piece, each with its place, taken out of their containers one by one.

    What cannot be parsed is left out: the readers tell it.
    """
    yield from _resources(piece.content.removeprefix(b"\xef\xbb\xbf"), piece.where, 0)


def _resources(raw: Any, where: str, depth: int) -> Iterator[tuple[str, Mapping[str, Any]]]:
    text = bytes(raw)
    if depth > DEEPEST:
        return
    if text.lstrip()[:1] == b"[":
        for number, item in enumerate(items_of(text) or ()):
            yield from _resources(item, f"{where} item {number}", depth + 1)
        return
    kind = type_of(text)
    if kind in CONTAINERS:
        for held in unpack(text, where, kind, depth):
            if isinstance(held, Held):
                yield from _resources(held.raw, held.place, depth + 1)
    elif kind:
        try:
            resource = msgspec.json.decode(text)
        except BAD_JSON:
            return
        if isinstance(resource, dict):
            yield where, resource


def deletions_in(piece: Piece) -> Iterator[Deleted]:
    """What the entries of a piece say was deleted."""
    content = piece.content.removeprefix(b"\xef\xbb\xbf")
    if b"delete" in content.lower() and (kind := type_of(content)) in CONTAINERS:
        yield from (held for held in unpack(content, piece.where, kind) if isinstance(held, Deleted))


def contained_in(resource: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The resources inside a resource."""
    contained = resource.get("contained")
    for inside in contained if isinstance(contained, list) else ():
        if isinstance(inside, dict) and isinstance(inside.get("resourceType"), str):
            yield inside


def concepts_of(kind: str, resource: Mapping[str, Any]) -> Iterator[About]:
    """The concepts that say what a resource and each of its parts is about."""
    says_nothing = kind == "DiagnosticReport" and not (resource.get("conclusion") or resource.get(CONCLUSION))
    for name in DRUG_FIELDS if not says_nothing else ():
        concept = resource.get(name)
        concept = concept.get("concept", concept) if isinstance(concept, dict) else None
        if isinstance(concept, dict):
            yield About(concept, resource)
            break
    if kind == "Observation":
        for part in _objects(resource.get("component")):
            if isinstance(part.get("code"), dict):
                yield About(part["code"], part, COMPONENT)
    elif kind == "DiagnosticReport":
        for concept in _objects(resource.get(CONCLUSION)):
            yield About(concept, resource, CONCLUSION)
    elif kind in CLAIMS:
        for line in _objects(resource.get("item")):
            concept = line.get("productOrService") or line.get("service")
            if isinstance(concept, dict):
                yield About(concept, line, LINE)
    elif kind in OF_MEDICATION:
        for ingredient in ingredients_of(resource):
            concept, _ = item_of(ingredient)
            if isinstance(concept, dict):
                yield About(concept, ingredient, "ingredient")
    elif kind in APART:
        second = resource.get(APART[kind])
        for concept in _objects(second if isinstance(second, list) else [second]):
            yield About(concept, resource, APART[kind])


def alone(kind: str, resource: Mapping[str, Any], about: About) -> dict[str, Any]:
    """A resource with nothing but one of its concepts, as its reader is to be asked of it."""
    if about.field == WHOLE:
        left_out = ("contained", APART.get(kind, "")) if kind in ("DiagnosticReport", *APART) else ()
        return {key: value for key, value in resource.items() if key not in left_out}
    if about.field == COMPONENT:
        around = {key: value for key, value in resource.items() if not _is_of_part(key)}
        return {**around, **about.holder}
    if about.field == LINE:
        return {**resource, "item": [dict(about.holder)]}
    rest = {key: value for key, value in resource.items() if key not in ("contained", "conclusion", about.field)}
    if about.field == CONCLUSION:
        return {**rest, CONCLUSION: [dict(about.concept)]}
    rest.pop("code", None)
    return {**rest, about.field: resource[about.field]}


def _objects(listed: Any) -> Iterator[dict[str, Any]]:
    for item in listed if isinstance(listed, list) else ():
        if isinstance(item, dict):
            yield item


def _is_of_part(key: str) -> bool:
    return key in ("code", "component", "interpretation", "dataAbsentReason") or key.startswith("value")


def codings_in(concept: Mapping[str, Any]) -> tuple[Coded, ...]:
    """The codings of a concept: system, code and display of each."""
    return tuple(coded_of(codings_of(concept)))


def text_in(concept: Mapping[str, Any]) -> str:
    """The text of a concept, or ""."""
    text = concept.get("text")
    return text.strip() if isinstance(text, str) else ""


def named(codings: tuple[Coded, ...], text: str) -> tuple[str, str, str]:
    """System, code and name of a concept: of its first coding with a code."""
    system, code, display = next((coding for coding in codings if coding[1]), (None, None, None))
    name = display or text or next((shown for _, _, shown in codings if shown), "") or ""
    return system or "", code or "", name.strip()[:200]


def answer_of(about: About) -> tuple[Any, ...]:
    """The shape of an answer: what of it decides whether it is understood."""
    holder = about.holder
    concept = holder.get("valueCodeableConcept")
    if isinstance(concept, dict):
        return "coded", codings_in(concept), text_in(concept)
    if isinstance(said := holder.get("valueString"), str):
        return "text", one_line(said.strip())
    quantity = holder.get("valueQuantity") or _dose(holder)
    if isinstance(quantity, dict):
        return "quantity", text_alone(quantity.get("unit")) or text_alone(quantity.get("code")) or ""
    if conclusions := [codings_in(each) for each in _objects(holder.get(CONCLUSION))]:
        return "report", str(holder.get("conclusion")), tuple(conclusions)
    return (next((name for name in holder if name.startswith("value")), "none"), str(holder.get("conclusion")))


def _dose(holder: Mapping[str, Any]) -> Any:
    dosage = holder.get("dosage")
    return dosage.get("dose") if isinstance(dosage, dict) else None


def one_line(words: str) -> str:
    """The beginning of some words, with single blanks."""
    return _SPACES.sub(" ", words)[:LONGEST_ANSWER]


def shown(about: About) -> str:
    """An example of a value, short."""
    holder = about.holder
    concept = holder.get("valueCodeableConcept")
    if isinstance(concept, dict):
        system, code, name = named(codings_in(concept), text_in(concept))
        return name or code or system
    quantity = holder.get("valueQuantity") or _dose(holder)
    if isinstance(quantity, dict):
        return f"{quantity.get('value', '')} {quantity.get('unit') or quantity.get('code') or ''}".strip()
    value = next((value for name, value in holder.items() if name.startswith("value")), holder.get("conclusion") or "")
    return one_line(str(value))
