"""What shows that a HER2-directed therapy runs without saying a dose: dispenses, procedures and claims of its drug.

A drug that was handed over need not have been given, and a code of billing says no amount; so none of these is a dose.
That a therapy runs is known by them, and told.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec

from ....facts.words.fhir_types import fhir_types
from ....record.event import BILLED, DISPENSED, DOSE_NOT_READ, HER2_DRUG, NOT_KNOWN, PERFORMED, Event, Trouble
from ...drugs import Named
from ..head import Concept, Head, Reference
from ..resource import UNRESOLVED, Resource, ResourceType, Surroundings
from ..terms import COURSE, NOTHING, Terms
from .background import Events, read_procedure
from .her2_test import read_day
from .named_drug import (
    CONTAINED,
    MEDICATION_REFERENCES,
    ConceptOrReference,
    MedicationHead,
    drug_of_resource,
    drug_referred_to,
    matters_by_drug,
    not_read,
)

NOT_SO = ("entered-in-error", "cancelled", "declined", "not-done", "preparation", "draft")
"""Statuses of what did not come to be."""
INTENDED = ("preauthorization", "predetermination")
"""Uses of a claim that ask before anything is given."""


def shown(resource: Resource, named: Named, what: str, dated: Mapping[str, Any]) -> Events:
    """The event that a drug was dispensed, performed or billed on a day."""
    day, wrong_day = read_day(dated)
    if wrong_day:
        yield Trouble("date", resource.origin, wrong_day)
    yield Event(HER2_DRUG, what, day, "", resource.origin, named.said, False, named.note, named.drug, named.brand)


def _is_product(named: Named, beside: Surroundings) -> bool:
    return named.drug in beside.terms.drugs.products


def _read_dispense(resource: Resource, beside: Surroundings) -> Events:
    named = drug_of_resource(resource, beside)
    if named is not None and not named.matters:
        return
    content = resource.parsed()
    status = content.get("status")
    if status in NOT_SO or content.get("notDoneReason"):
        yield Trouble("passed over", resource.origin, f"status {status}")
        return
    day = content.get("whenHandedOver") or content.get("whenPrepared") or content.get("recorded")
    if named is None:
        yield Trouble(UNRESOLVED, resource.origin, "")
        yield Event(HER2_DRUG, NOT_KNOWN, read_day({"effectiveDateTime": day})[0], "", resource.origin)
    elif named.trouble:
        yield not_read(named, resource.origin)
        if named.directed:
            yield Event(
                HER2_DRUG, DOSE_NOT_READ, read_day({"effectiveDateTime": day})[0], "", resource.origin, named.said
            )
    elif _is_product(named, beside):
        yield from shown(resource, named, DISPENSED, {"effectiveDateTime": day})


class ProcedureHead(Head, gc=False):
    """The head of a procedure; in R5 what was used stands in one field, be it named by a code or a reference."""

    usedCode: list[Concept] | None = None
    usedReference: list[Reference] | None = None
    used: list[ConceptOrReference] | None = None
    contained: list[msgspec.Raw] | None = None


def _concepts(head: ProcedureHead) -> list[Concept | None]:
    return [head.code, *(head.usedCode or ()), *(each.concept for each in head.used or ())]


def _references(head: ProcedureHead) -> Iterator[Reference]:
    """What a procedure refers to as used, devices left out."""
    for each in (*(head.usedReference or ()), *(each.reference for each in head.used or ())):
        if each is not None and "Device/" not in (each.reference or ""):
            yield each


def _addresses(head: ProcedureHead) -> Iterator[str]:
    return (each.reference or "" for each in _references(head) if each.reference or each.display)


def _products_of(concepts: Iterable[Concept | None], terms: Terms) -> Iterator[Named]:
    """The HER2-directed drugs that some concepts name; a name that is not clear is theirs too."""
    for concept in concepts:
        named = terms.drug_of(concept)
        if named.drug in terms.drugs.products or (named.directed and terms.names_a_drug(concept)):
            yield named


def _procedure_matters(head: ProcedureHead, terms: Terms) -> int:
    if terms.claims(head.code) or any(_products_of(_concepts(head), terms)) or any(_references(head)):
        return COURSE
    inside = b" ".join(map(bytes, head.contained or ())).decode("utf-8", "replace")
    return COURSE if inside and (terms.drugs.names.names_a_product(inside) or terms.speaks(inside)) else NOTHING


def _read_procedure(resource: Resource, beside: Surroundings) -> Events:
    head: ProcedureHead = resource.head  # type: ignore[assignment]  # the skim reads every head's fields
    content = resource.parsed()
    if beside.terms.claims(head.code):
        yield from read_procedure(content, resource.origin, beside.codes, beside.facts)
    status = content.get("status")
    used = list(_used_drugs(resource, head, beside))
    if None in used and status not in NOT_SO:
        yield Trouble(UNRESOLVED, resource.origin, "")
        yield Event(HER2_DRUG, NOT_KNOWN, read_day(_performed(content))[0], "", resource.origin)
    drugs = [*_products_of(_concepts(head), beside.terms), *filter(None, used)]
    if drugs and status in NOT_SO:
        yield Trouble("passed over", resource.origin, f"{drugs[0].said}: status {status}")
        return
    for named in drugs:
        yield from _told(resource, named, PERFORMED, _performed(content))


def _used_drugs(resource: Resource, head: ProcedureHead, beside: Surroundings) -> Iterator[Named | None]:
    """The HER2-directed drugs to which a procedure refers, and those that stand in it without that; `None` for a
    medication that cannot be found, or of which nobody can tell what it is."""
    content = resource.parsed()
    listed = content.get("contained")
    inside = [each for each in listed if isinstance(each, dict)] if isinstance(listed, list) else []
    references = [each for each in _references(head) if each.reference or each.display]
    if not references:
        own = (f"#{each.get('id')}" for each in inside if each.get("resourceType") in ("Medication", "Substance"))
        references = [Reference(name) for name in own]
    no_drugs = fhir_types() - {"Medication", "Substance"}
    others = {f"#{each.get('id')}" for each in inside if each.get("resourceType") in no_drugs}
    for reference in references:
        address = reference.reference or ""
        named = None if address in others else drug_referred_to(reference, resource, beside)
        if named is not None and (_is_product(named, beside) or named.directed):
            yield named
        elif named is None and address not in others and ("Medication/" in address or address[:1] == "#"):
            yield None


def _performed(content: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "effectiveDateTime": content.get("performedDateTime") or content.get("occurrenceDateTime"),
        "effectivePeriod": content.get("performedPeriod") or content.get("occurrencePeriod"),
    }


def _told(resource: Resource, named: Named, what: str, dated: Mapping[str, Any]) -> Events:
    if named.drug and not named.trouble:
        yield from shown(resource, named, what, dated)
    else:
        yield not_read(named, resource.origin)
        yield Event(HER2_DRUG, DOSE_NOT_READ, read_day(dated)[0], "", resource.origin, named.said)


class ChargeHead(Head, gc=False):
    """The head of a charge."""

    productCodeableConcept: Concept | None = None


def _read_charge(resource: Resource, beside: Surroundings) -> Events:
    head: ChargeHead = resource.head  # type: ignore[assignment]  # as above
    content = resource.parsed()
    status = content.get("status")
    for named in _products_of((head.code, head.productCodeableConcept), beside.terms):
        if status in (*NOT_SO, "not-billable", "aborted", "planned"):
            yield Trouble("passed over", resource.origin, f"{named.said}: status {status}")
            return
        dated = {"effectiveDateTime": content.get("occurrenceDateTime"),
                 "effectivePeriod": content.get("occurrencePeriod"), "issued": content.get("enteredDate")}  # fmt: skip
        yield from _told(resource, named, BILLED, dated)


class Line(msgspec.Struct, gc=False):
    """A line of a claim, as far as the skim needs it; until STU3 its product was called service. Answers to a
    questionnaire are lines too, with a text, answers and lines of their own."""

    productOrService: Concept | None = None
    service: Concept | None = None
    text: msgspec.Raw = msgspec.Raw(b"null")
    answer: msgspec.Raw = msgspec.Raw(b"null")
    item: msgspec.Raw = msgspec.Raw(b"null")


class ClaimHead(Head, gc=False):
    """The head of a claim, or of what an insurer made of it."""

    item: list[Line] | None = None


def _lines(head: ClaimHead, terms: Terms) -> Iterator[tuple[int, Named]]:
    for place, line in enumerate(head.item or ()):
        for named in _products_of((line.productOrService, line.service), terms):
            yield place, named


def _read_claim(resource: Resource, beside: Surroundings) -> Events:
    content = resource.parsed()
    status, use = content.get("status"), content.get("use")
    if status in NOT_SO or use in INTENDED:
        yield Trouble("passed over", resource.origin, f"status {status}" if status in NOT_SO else f"use {use}")
        return
    period = content.get("billablePeriod")
    told: set[tuple[str, Any]] = set()
    for place, named in _lines(resource.head, beside.terms):  # type: ignore[arg-type]  # as above
        line = content["item"][place]
        dated = {"effectiveDateTime": line.get("servicedDate"), "effectivePeriod": line.get("servicedPeriod") or period,
                 "issued": content.get("created")}  # fmt: skip
        said = (named.drug or named.said, read_day(dated)[0])
        if said not in told:  # the part that was thrown away is billed on a line of its own
            told.add(said)
            yield from _told(resource, named, BILLED, dated)


DISPENSE = ResourceType(
    name="MedicationDispense",
    matters=matters_by_drug,
    read_course=_read_dispense,
    head=MedicationHead,
    days=("whenHandedOver", "whenPrepared"),
    medications=MEDICATION_REFERENCES,
    as_it_stands=CONTAINED,
)
PROCEDURE = ResourceType(
    name="Procedure",
    is_named_by_code=True,
    matters=_procedure_matters,
    read_course=_read_procedure,
    head=ProcedureHead,
    days=("performedDateTime", "performedPeriod.start", "performedPeriod.end"),
    several_medications=_addresses,
)
CHARGE = ResourceType(
    name="ChargeItem",
    matters=lambda head, terms: (
        COURSE if any(_products_of((head.code, head.productCodeableConcept), terms)) else NOTHING
    ),
    read_course=_read_charge,
    head=ChargeHead,
    days=("occurrenceDateTime",),
)
CLAIM = ResourceType(
    name="Claim",
    matters=lambda head, terms: COURSE if any(_lines(head, terms)) else NOTHING,
    read_course=_read_claim,
    head=ClaimHead,
    days=("item.*.servicedDate",),
)
BENEFIT = ResourceType(
    name="ExplanationOfBenefit",
    matters=CLAIM.matters,
    read_course=_read_claim,
    head=ClaimHead,
    days=CLAIM.days,
)
