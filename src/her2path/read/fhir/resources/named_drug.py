"""Which drug a medication resource is of.

A medication is named by a code in the resource, by a Medication contained in it, or by one elsewhere in the source.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from ....facts.value import Reason
from ....record.event import Trouble
from ...drugs import IV, PHESGO, SC, Named
from ..answer import codings_of, text_of
from ..containers.medications import medication_named
from ..head import Concept, Head, Reference
from ..json import parse_strictly
from ..resource import UNRESOLVED, Owner, Resource, ResourceType, Surroundings, always
from ..terms import COURSE, NOTHING, Terms


class MedicationHead(Head, gc=False):
    """The head of a resource that names a medication."""

    medicationCodeableConcept: Concept | None = None
    medicationReference: Reference | None = None


def matters_by_drug(head: MedicationHead, terms: Terms) -> int:
    """What a resource that names a medication matters for; by reference, the course until its drug is known."""
    if head.medicationCodeableConcept is None:
        return COURSE if head.medicationReference is not None else NOTHING
    return COURSE if terms.drug_of(head.medicationCodeableConcept).matters else NOTHING


MEDICATION_REFERENCE = "medicationReference.reference"
MEDICATION = ResourceType(name="Medication", matters=always(COURSE), owner=Owner.SOURCE, only_some_matter=False)
"""A Medication by itself says nothing: the resources that name it do."""


def drug_of_resource(resource: Resource, beside: Surroundings) -> Named | Trouble:
    """The drug that a resource is of, which need not matter; or why it cannot be told."""
    named = _named(resource, resource.head, beside)  # type: ignore[arg-type]  # the skim reads every head's fields
    if named is None:
        return Trouble(UNRESOLVED, resource.origin, "")
    if not named.matters:
        return named
    content = resource.parsed()
    if named.drug and ("dosage" in content or "dosageInstruction" in content):
        named = _by_route(named, content)
    if named.trouble and content.get("status") != "entered-in-error":
        kind = Reason.CONTRADICTORY if "contradict" in named.trouble else Reason.UNMAPPED_CODE
        what = f"{named.said!r}: {named.trouble}; nothing is read from it"
        return Trouble(kind, resource.origin, what)
    return named


def _named(resource: Resource, head: MedicationHead, beside: Surroundings) -> Named | None:
    """The drug by its code or its name; `None` for a medication that is not in the source."""
    terms = beside.terms
    if head.medicationCodeableConcept is not None:
        return terms.drug_of(head.medicationCodeableConcept)
    reference = head.medicationReference
    address = (reference.reference or "") if reference is not None else ""
    contained = _contained(resource, address, terms) if address.startswith("#") else None
    listed = medication_named(beside.medications, address) if address else None
    if contained is not None:
        return contained
    if listed is not None:
        return terms.drug_of(listed.head.code)
    if reference is not None and reference.display:
        return terms.drugs.identify((), reference.display)
    return None


def _contained(resource: Resource, address: str, terms: Terms) -> Named | None:
    """The drug of a Medication that stands inside the resource itself."""
    contained = parse_strictly(resource.raw).get("contained")
    for medication in contained if isinstance(contained, list) else []:
        if isinstance(medication, dict) and f"#{medication.get('id')}" == address:
            return _of_concept(medication.get("code"), terms)
    return None


def _of_concept(concept: Any, terms: Terms) -> Named:
    codings = [(_word(c.get("system")), _word(c.get("code")), _word(c.get("display"))) for c in codings_of(concept)]
    return terms.drugs.identify(codings, text_of(concept))


def _word(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _by_route(named: Named, content: dict[str, Any]) -> Named:
    """A drug and the route it was given by: trastuzumab given under the skin is the subcutaneous product."""
    route = " ".join(_routes(content)).lower()
    under_the_skin, into_a_vein = "subcut" in route, "intraven" in route
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


def _routes(content: dict[str, Any]) -> Iterable[str]:
    for name in ("dosage", "dosageInstruction"):
        listed = content.get(name)
        for dosage in listed if isinstance(listed, list) else [listed]:
            route = dosage.get("route") if isinstance(dosage, dict) else None
            yield text_of(route)
            for coding in codings_of(route):
                yield str(coding.get("display") or "")
