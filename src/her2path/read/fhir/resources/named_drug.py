"""Which drug a medication resource is of.

A medication is named by a code in the resource, by a Medication contained in it, or by one elsewhere in the source; in
R5 all three in one field.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import msgspec

from ....facts.codes import system_name
from ....facts.value import Reason
from ....record.event import Trouble
from ...drugs import IV, PHESGO, SC, Named
from ..answer import codings_of, text_of
from ..containers.medications import medication_named
from ..head import Concept, Head, Reference
from ..resource import Owner, Resource, ResourceType, Surroundings, always
from ..terms import COURSE, MOST_KEPT, NOTHING, Terms, coded
from .ingredients import contained_in, drug_of_medication


class ConceptOrReference(msgspec.Struct, gc=False):
    """A codeable reference of R5."""

    concept: Concept | None = None
    reference: Reference | None = None


class MedicationHead(Head, gc=False):
    """The head of a resource that names a medication."""

    medicationCodeableConcept: Concept | None = None
    medicationReference: Reference | None = None
    medication: ConceptOrReference | None = None


def concept_and_reference(head: MedicationHead) -> tuple[Concept | None, Reference | None]:
    """How a head names its medication."""
    named = head.medication or ConceptOrReference()
    concept = head.medicationCodeableConcept
    return concept if concept is not None else named.concept, head.medicationReference or named.reference


def matters_by_drug(head: MedicationHead, terms: Terms) -> int:
    """What a resource that names a medication matters for; by reference, the course until its drug is known."""
    concept, _ = concept_and_reference(head)
    if concept is None:
        return COURSE
    return COURSE if drug_of_head(concept, terms) is None or terms.drug_of(concept).matters else NOTHING


def drug_of_head(concept: Concept, terms: Terms) -> Named | None:
    """The drug of a concept; `None` where it has no word and no code that is known."""
    named = terms.drug_of(concept)
    if named.matters:
        return named
    return None if terms.drugs.is_known_by_code_alone(coded(concept), concept.text or "") else named


MEDICATION_REFERENCES = ("medicationReference.reference", "medication.reference.reference")
CONTAINED = ("contained.",)
"""Below here references tell what a contained medication is made of."""
MEDICATION = ResourceType(name="Medication", matters=always(COURSE), owner=Owner.SOURCE, only_some_matter=False)
"""A Medication by itself says nothing: the resources that name it do."""
SUBSTANCE = ResourceType(name="Substance", matters=always(COURSE), owner=Owner.SOURCE, only_some_matter=False)
"""What a Medication may be made of."""


def drug_of_resource(resource: Resource, beside: Surroundings) -> Named | None:
    """The drug that a resource is of, which need not matter; `None` where what it names cannot be told at all."""
    named = drug_named(resource, beside)
    if named is None or not named.drug:
        return named
    content = resource.parsed()
    if "dosage" in content or "dosageInstruction" in content:
        return by_route(named, content, beside)
    return named


def not_read(named: Named, origin: str) -> Trouble:
    """What is told of a resource whose drug is not clear."""
    kind = Reason.CONTRADICTORY if "contradict" in named.trouble else Reason.UNMAPPED_CODE
    return Trouble(kind, origin, f"{named.said!r}: {named.trouble}; nothing is read from it")


def drug_named(resource: Resource, beside: Surroundings) -> Named | None:
    """The drug that a resource names, by whatever route it was given; `None` where it cannot be told at all."""
    terms, head = beside.terms, resource.head
    concept, reference = concept_and_reference(head)  # type: ignore[arg-type]  # the skim reads every head's fields
    if concept is not None and (concept.coding or concept.text):
        return drug_of_head(concept, terms)
    return None if reference is None else drug_referred_to(reference, resource, beside)


def drug_referred_to(reference: Reference, resource: Resource, beside: Surroundings) -> Named | None:
    """The drug of a medication that a resource refers to, in itself or in the source; `None` where it is not there."""
    terms = beside.terms

    def find(address: str) -> Any:
        if address.startswith("#"):
            return contained_in(resource.parsed(), address)
        listed = medication_named(beside.medications, address) if address else None
        return None if listed is None else listed.parsed()

    found = find(reference.reference or "")
    if found is not None:
        return drug_of_medication(found, find, terms)
    named = terms.drugs.identify((), reference.display) if reference.display else None
    if named is not None and not named.matters and b'"contained"' in bytes(resource.raw):
        parts = resource.parsed().get("contained")
        inside = [part for part in parts if isinstance(part, dict)] if isinstance(parts, list) else []
        if any((held := drug_of_medication(part, find, terms)) is not None and held.matters for part in inside):
            return None  # it holds a drug, and does not say that this is it
    return named


def by_route(named: Named, content: dict[str, Any], beside: Surroundings) -> Named:
    """A drug and the route it was given by: trastuzumab given under the skin is the subcutaneous product."""
    routes = _routes(content, beside)
    under_the_skin, into_a_vein = "subcutaneous" in routes, "intravenous" in routes
    if under_the_skin == into_a_vein:
        return named
    if named.drug == IV and under_the_skin:
        if named.exact:
            why = "it is trastuzumab for infusion, and was given under the skin: they contradict each other"
            return replace(named, trouble=why)
        return replace(named, drug=SC, note="trastuzumab given under the skin is read as the subcutaneous product")
    if named.drug in (SC, PHESGO) and into_a_vein:
        why = f"it is {named.drug}, and was given into a vein: they contradict each other"
        return replace(named, trouble=why)
    return named


def _routes(content: dict[str, Any], beside: Surroundings) -> set[str]:
    """The routes of a resource's dosages, as codes and words say them."""
    routes: set[str] = set()
    for name in ("dosage", "dosageInstruction"):
        listed = content.get(name)
        for dosage in listed if isinstance(listed, list) else [listed]:
            route = dosage.get("route") if isinstance(dosage, dict) else None
            if route is not None:
                routes |= _routes_of(route, beside)
    return routes


def _routes_of(route: Any, beside: Surroundings) -> frozenset[str]:
    """The routes that a concept says; what the same text and codings say is found once."""
    kept = beside.terms.routes
    listed = tuple([
        (system_name(coding.get("system")), str(coding.get("code") or ""), str(coding.get("display") or ""))
        for coding in codings_of(route)
    ])  # fmt: skip
    key = (text_of(route), listed)
    routes = kept.get(key)
    if routes is None:
        known, says = beside.codes.therapy.routes, beside.terms.drugs.names.route_said
        by_words = [says(words) for words in (text_of(route), *(display for _, _, display in listed))]
        by_code = [known.get((system, code)) or known.get(("any", code.upper()), "") for system, code, _ in listed]
        routes = frozenset((*by_words, *by_code))
        if len(kept) < MOST_KEPT:
            kept[key] = routes
    return routes
