"""The course of one patient: each resource of the therapy goes to the reader of its kind, its events to the record.

A resource that stands twice under one id counts once: the version updated last. A medication is named by a code in
the resource, by a Medication contained in it, or by one elsewhere in the source.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from ...facts.codes import Codes
from ...facts.fact import Facts
from ...facts.value import Reason
from ...record.event import Event, Record, Trouble
from ..drugs import IV, PHESGO, SC, Named
from .answer import codings_of, text_of
from .background import read_allergy, read_condition, read_flag, read_patient, read_procedure
from .interest import COURSE, MEDICATIONS, Interest
from .json import parse_strictly
from .measurement import read_clinical, read_plain
from .medication import COMPLETED, Maker, read_administration, read_request, read_statement
from .plain import parse_plainly, plain_value
from .skim import Group, Resource

MEDICATION_READERS: dict[str, Callable[[dict[str, Any], Maker], Iterable[Event | Trouble]]] = {
    "MedicationAdministration": read_administration,
    "MedicationRequest": read_request,
    "MedicationStatement": read_statement,
}


class Course:
    """Reads the resources of a therapy into a record."""

    def __init__(self, record: Record, group: Group, codes: Codes, facts: Facts) -> None:
        self.record, self.group, self.codes, self.facts = record, group, codes, facts
        self.interest = group.interest or Interest(codes)
        self._completed: dict[str, list[str]] = {}
        self._unresolved: list[str] = []
        self._skipped = self._old_versions()

    def read(self, resource: Resource, origin: str, content: dict[str, Any] | None = None) -> None:
        """Take in one resource; `content` is its parsed text where that is at hand."""
        if id(resource) in self._skipped:
            return
        kind = resource.head.resourceType
        if kind in MEDICATIONS:
            self._medication(resource, origin)
            return
        if kind == "Observation" and self._plain(resource, origin):
            return
        if content is None:
            content = parse_plainly(kind, resource.raw) or parse_strictly(resource.raw)
        found: Iterable[Event | Trouble] = ()
        if kind == "Observation":
            meanings = self.interest.meanings(resource.head)
            found = read_clinical(content, meanings, origin, self.codes, self.facts, self.interest.kept)
        elif kind == "Condition":
            found = read_condition(content, origin, self.codes, self.facts)
        elif kind == "Procedure":
            found = read_procedure(content, origin, self.codes, self.facts)
        elif kind == "Patient":
            found = read_patient(content, origin, self.facts)
        elif kind == "Flag":
            found = read_flag(content, origin, self.codes, self.facts)
        elif kind == "AllergyIntolerance":
            substance = self.interest.allergen_of(resource.head.code)
            found = read_allergy(content, origin, substance) if substance is not None else ()
        self._take(found)

    def _plain(self, resource: Resource, origin: str) -> bool:
        """Whether an observation could be read without parsing it in full."""
        value = plain_value(resource.head, resource.raw)
        if value is None:
            return False
        ((measure, wrong),) = self.interest.meanings(resource.head)
        if wrong or measure is None or measure.fact not in self.facts:
            return False
        event = read_plain(measure, resource.head, value, origin, self.codes, self.facts, self.interest.kept)
        if event is not None:
            self.record.course.append(event)
        return event is not None

    def finish(self) -> None:
        """What can be said only when everything was seen."""
        given = {event.product for event in self.record.course if event.fact.startswith("dose_")}
        for drug, origins in self._completed.items():
            if drug not in given:
                orders = f"{len(origins)} completed orders" if len(origins) > 1 else "a completed order"
                what = f"{orders} of {drug}: on which days it was given is not recorded"
                self.record.passed_over.append(Trouble("passed over", origins[0], what))
                note = "from a completed order"
                self.record.course.append(Event("dose_given", "yes", None, "", origins[0], note=note, product=drug))
        if self._unresolved:
            number = len(self._unresolved)
            many = f"{number} medication resources name medications" if number > 1 else "it names a medication"
            what = f"{many} not found in the source: what was given is not known"
            self.record.troubles.append(Trouble("reference", self._unresolved[0], what))

    def _take(self, found: Iterable[Event | Trouble]) -> None:
        for each in found:
            if isinstance(each, Event):
                self.record.course.append(each)
            elif each.kind == COMPLETED:
                self._completed.setdefault(each.what, []).append(each.where)
            elif each.kind == "passed over":
                self.record.passed_over.append(each)
            else:
                self.record.troubles.append(each)

    def _medication(self, resource: Resource, origin: str) -> None:
        head = resource.head
        if head.medicationCodeableConcept is not None:
            named = self.interest.drug_of(head.medicationCodeableConcept)
        else:
            reference = head.medicationReference
            address = (reference.reference or "") if reference is not None else ""
            contained = self._contained(resource, address) if address.startswith("#") else None
            listed = self.group.medications.get(address.partition("/_history/")[0])
            if contained is not None:
                named = contained
            elif listed is not None:
                named = self.interest.drug_of(listed.head.code)
            elif reference is not None and reference.display:
                named = self.interest.drugs.identify((), reference.display)
            else:
                self._unresolved.append(origin)
                return
        if not named.matters:
            return
        content = parse_plainly(head.resourceType, resource.raw) or parse_strictly(resource.raw)
        if named.drug and ("dosage" in content or "dosageInstruction" in content):
            named = _by_route(named, content)
        if named.trouble and content.get("status") != "entered-in-error":
            kind = Reason.CONTRADICTORY if "contradict" in named.trouble else Reason.UNMAPPED_CODE
            self._take([Trouble(kind, origin, f"{named.said!r}: {named.trouble}; nothing is read from it")])
            return
        self._take(MEDICATION_READERS[head.resourceType](content, Maker(named, origin, self.facts)))

    def _contained(self, resource: Resource, address: str) -> Named | None:
        """The drug of a Medication that stands inside the resource itself."""
        contained = parse_strictly(resource.raw).get("contained")
        for each in contained if isinstance(contained, list) else []:
            if isinstance(each, dict) and f"#{each.get('id')}" == address:
                return self._of_concept(each.get("code"))
        return None

    def _of_concept(self, concept: Any) -> Named:
        codings = [(_word(c.get("system")), _word(c.get("code")), _word(c.get("display"))) for c in codings_of(concept)]
        return self.interest.drugs.identify(codings, text_of(concept))

    def _old_versions(self) -> set[int]:
        """The resources that stand again under the same address or id, and are not the version updated last."""
        named = [each for each in self.group.resources if each.matters & COURSE and (each.url or each.head.id)]
        skipped: set[int] = set()
        if len({(each.head.resourceType, each.url or each.head.id) for each in named}) == len(named):
            return skipped
        first: dict[tuple[str, str], list[Resource]] = {}
        for resource in named:
            name = resource.url or resource.head.id or ""
            first.setdefault((resource.head.resourceType, name), []).append(resource)
        for (kind, _), versions in first.items():
            if len(versions) == 1:
                continue
            latest = max(enumerate(versions), key=lambda each: (_updated(each[1]), each[0]))[1]
            for each in versions:
                if each is not latest:
                    skipped.add(id(each))
                    origin = f"{each.where} {kind}/{each.head.id or '?'}"
                    self.record.passed_over.append(Trouble("passed over", origin, f"it stands again at {latest.where}"))
        return skipped


def _word(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _updated(resource: Resource) -> str:
    try:
        meta = parse_strictly(resource.raw).get("meta")
    except (ValueError, AttributeError, RecursionError):
        return ""
    return str(meta.get("lastUpdated") or "") if isinstance(meta, dict) else ""


def _by_route(named: Named, content: dict[str, Any]) -> Named:
    """A drug and the route it was given by: trastuzumab given under the skin is the subcutaneous product."""
    said = " ".join(_routes(content)).lower()
    under_the_skin, into_a_vein = "subcut" in said, "intraven" in said
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
