"""One patient's resources as a record: events of HER2 tests and of the course, specimens, sites and troubles.

Each resource goes to the reader of its type (`readers.py`). A resource that stands twice under one id counts once: the
version updated last (`containers/versions.py`). Where nothing says which one that is, what they agree on counts, and
the rest is unknown.
"""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import replace
from functools import partial
from typing import Any

from ...facts.codes import Codes
from ...facts.fact import Facts
from ...facts.value import Reason, Unknown
from ...record.event import DOSE_NOT_READ, HER2_DRUG, INCOMPLETE, ORDER_NOT_READ, TOLD, Event, Record, Tissue, Trouble
from .containers.medications import medication_named
from .containers.versions import Versions, stand_twice, versions_of
from .mentions import read_mentions
from .readers import RESOURCE_TYPES
from .resource import (
    COMPLETED,
    UNRESOLVED,
    Group,
    Missing,
    Owner,
    Resource,
    ResourceType,
    Surroundings,
    TumourSite,
)
from .resources.her2_test import read_day
from .resources.versions import in_words_of_r4
from .terms import COURSE, HER2, Terms

WRONG_TYPES = (ValueError, TypeError, AttributeError, KeyError, ArithmeticError, RecursionError)


def read_record(group: Group, codes: Codes, facts: Facts) -> Record:
    """The record of one patient: events of HER2 tests and of the course, specimens, tumour sites and troubles."""
    record, therapy = read_resources(group, codes, facts)
    if (about := read_group_itself(group, codes, facts)) is not None:
        record.events += about.events
        record.course += about.course
        record.troubles += about.troubles
        record.passed_over += about.passed_over
    therapy.finish()
    record.sort()
    return record


def read_resources(group: Group, codes: Codes, facts: Facts) -> tuple[Record, TherapyReader]:
    """What the resources of one patient say one by one; `finish` of the second then says what they say together."""
    record = Record(group.patient, group.where)
    terms = group.terms or Terms(codes)
    mapped = group if terms.site is None else terms.site.group(group, partial(medication_named, group.medications))
    therapy = TherapyReader(record, Surroundings(codes, facts, terms, mapped.medications))
    versions = Versions()
    if (len(group.resources) > 1 or group.withdrawn) and stand_twice(group.resources, group.withdrawn):
        versions = versions_of(group.resources, group.withdrawn)
    apart = {id(resource) for unclear in versions.unclear for resource in unclear}
    as_mapped = dict(zip(map(id, group.resources), mapped.resources, strict=True))
    for resource in group.resources:
        if id(resource) in versions.old:
            where, how = versions.old[id(resource)]
            again = f"{how}: {where}" if how else f"it stands again at {where}"
            if resource.matters:
                record.passed_over.append(Trouble("passed over", resource.origin, again))
        elif id(resource) not in apart:
            _read(as_mapped[id(resource)], record, therapy)
    for unclear in versions.unclear:
        _read_unclear([as_mapped[id(resource)] for resource in unclear], record, therapy)
    return record, therapy


def read_one(resource: Resource, beside: Surroundings) -> tuple[Record, TherapyReader]:
    """The same of a resource that stands by itself and needs no mapping of a site, or is mapped already."""
    record = Record("", resource.where)
    therapy = TherapyReader(record, beside)
    _read(resource, record, therapy)
    return record, therapy


def _read(resource: Resource, record: Record, therapy: TherapyReader) -> None:
    known = RESOURCE_TYPES[resource.head.resourceType]
    try:
        if resource.matters & HER2 and known.read_tests is not None:
            for said in known.read_tests(resource, therapy.beside):
                _take_of_test(record, said)
        if resource.matters & COURSE:
            therapy.read(resource, known)
    except WRONG_TYPES as error:
        what = str(error) if isinstance(error, ValueError) else f"a field has a wrong type ({error})"
        record.troubles.append(Trouble("unreadable", resource.origin, what))
        in_part = any(event.origin == resource.origin for event in record.course)
        if resource.matters & COURSE and known.names_unreadable is not None and not in_part:
            record.course += known.names_unreadable(resource, therapy.beside, _day_of(resource), what)


def _day_of(resource: Resource) -> dt.date | None:
    """The day of a resource that cannot be read; `None` where it names none, or may name two."""
    try:
        content = json.loads(bytes(resource.raw), object_pairs_hook=_each_once)
    except (ValueError, RecursionError):
        return None
    return read_day(in_words_of_r4(content))[0] if isinstance(content, dict) else None


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """The fields of an object that stand in it once."""
    names = [name for name, _ in pairs]
    return {name: value for name, value in pairs if names.count(name) == 1}


def _read_unclear(versions: list[Resource], record: Record, therapy: TherapyReader) -> None:
    """Read versions of which nothing says which one counts: what they agree on stands, all else is unknown."""
    alone: list[tuple[Record, TherapyReader]] = []
    for resource in versions:
        of_one = Record(record.patient, record.origin)
        reader = TherapyReader(of_one, therapy.beside)
        _read(resource, of_one, reader)
        alone.append((of_one, reader))
    places = " and ".join(sorted({resource.origin for resource in versions}))
    what = (
        f"it stands {len(versions)} times and differs ({places}); neither lastUpdated nor versionId says which counts"
    )
    record.troubles.append(Trouble(Reason.CONTRADICTORY, versions[0].origin, what))
    unknown = Unknown(Reason.CONTRADICTORY, what)
    for name in ("events", "course"):
        listed = [{_said(event): event for event in getattr(of_one, name)} for of_one, _ in alone]
        agreed = set.intersection(*(set(events) for events in listed))
        kept: dict[tuple[str, ...], Event] = {}
        for events in listed:
            for said, event in events.items():
                if said in agreed:
                    kept.setdefault(said, event)
                else:
                    doubted = replace(event, value=unknown, said="", note="")
                    kept.setdefault(_said(doubted), doubted)
        getattr(record, name).extend(kept.values())
    first, first_reader = alone[0]
    record.tissues |= first.tissues
    record.sites |= set.union(*(of_one.sites for of_one, _ in alone))
    for of_one, reader in alone:
        record.troubles += of_one.troubles
        record.passed_over += of_one.passed_over
        therapy.unresolved += reader.unresolved[: 1 if reader is first_reader else 0]
        for drug, orders in reader.completed.items():
            therapy.completed.setdefault(drug, []).extend(orders)


def _said(event: Event) -> tuple[str, ...]:
    return (event.fact, str(event.value), str(event.day), event.specimen, event.product, event.qualifier)


NO_PERSON = "no Patient resource of hers is in the source: her sex, birth and death are not known from it"
PART_ELSEWHERE = "other resources of hers stood in a bundle, which is reviewed by itself: this is a part of her record"


def read_group_itself(group: Group, codes: Codes, facts: Facts) -> Record | None:
    """What is to be said of a patient herself beside her resources: who she is, what of her is missing, and what may
    be hers."""
    missing = list(group.missing)
    if group.was_whole:
        missing.append(Missing(group.where, PART_ELSEWHERE))
    has_person = any(RESOURCE_TYPES[r.head.resourceType].owner is Owner.HERSELF for r in group.resources)
    if has_person and not (group.told or missing or group.doubtful or group.mentions):
        return None
    record = Record(group.patient, group.where)
    if not has_person:
        record.passed_over.append(Trouble(TOLD, group.where, NO_PERSON))
    for trouble in group.told:
        (record.passed_over if trouble.kind in (TOLD, "passed over") else record.troubles).append(trouble)
    for each in missing:
        record.passed_over.append(Trouble(INCOMPLETE, each.where, each.what))
        if not each.types or any(name.startswith("Medication") or name == "Procedure" for name in each.types):
            unknown = Unknown(Reason.ABSENT, each.what)
            record.course.append(Event("dose_given", unknown, None, "", each.where))
    for said in read_mentions(group.mentions, group.terms or Terms(codes)):
        if isinstance(said, Event):
            record.course.append(said)
        else:
            (record.passed_over if said.kind in (TOLD, "passed over") else record.troubles).append(said)
    if group.doubtful:
        _read_doubtful(group, record, Surroundings(codes, facts, group.terms or Terms(codes), group.medications))
    return record


def _read_doubtful(group: Group, record: Record, beside: Surroundings) -> None:
    """What resources would say that may be hers: it is unknown, and a drug is one of which no dose could be read.

    A test beside tests of her own is told alone: hers stand.
    """
    unknown = Unknown(Reason.UNPARSABLE_TEXT, "whose it is cannot be read, it may be hers")
    drugs = dict[tuple[str, str], Event]()
    heads = (resource.head for resource in group.resources)
    is_tested = any(head.code is not None and beside.terms.measured(head.code) & HER2 for head in heads)
    for resource in group.doubtful:
        of_one, therapy = read_one(resource, beside)
        therapy.finish()
        if not is_tested:
            record.events += [replace(event, value=unknown, said="", note="") for event in of_one.events]
        for event in of_one.course:
            if event.product or event.fact == HER2_DRUG:
                value = ORDER_NOT_READ if event.fact.startswith("ordered_") else DOSE_NOT_READ
                drugs[resource.origin, value] = replace(event, fact=HER2_DRUG, value=value, note="", qualifier="")
            else:
                record.course.append(replace(event, value=unknown, said="", note=""))
    record.course += drugs.values()
    first, many = group.doubtful[0].origin, len(group.doubtful)
    are = f"whose {many} resources are" if many > 1 else "whose it is"
    what = f"{are} cannot be read, and she is the only patient beside: nothing of it is used, and it may be hers"
    record.troubles.append(Trouble("no patient", first, what))


def _take_of_test(record: Record, said: Event | Trouble | Tissue | TumourSite) -> None:
    if isinstance(said, Event):
        record.events.append(said)
    elif isinstance(said, Tissue):
        record.tissues[said.reference] = said
    elif isinstance(said, TumourSite):
        record.sites.add(said.name)
    else:
        (record.passed_over if said.kind == "passed over" else record.troubles).append(said)


class TherapyReader:
    """Reads the resources of a therapy into a record.

    `completed` has where the completed orders of each drug stand, `unresolved` the resources whose medication is not
    in the source.
    """

    def __init__(self, record: Record, beside: Surroundings) -> None:
        self.record, self.beside = record, beside
        self.completed: dict[str, list[str]] = {}
        self.unresolved: list[str] = []

    def read(self, resource: Resource, known: ResourceType) -> None:
        """Take in what a resource says of the course."""
        if known.read_course is None:
            return
        for said in known.read_course(resource, self.beside):
            if isinstance(said, Event):
                self.record.course.append(said)
            elif said.kind == COMPLETED:
                self.completed.setdefault(said.what, []).append(said.where)
            elif said.kind == UNRESOLVED:
                self.unresolved.append(said.where)
            else:
                (self.record.passed_over if said.kind == "passed over" else self.record.troubles).append(said)

    def finish(self) -> None:
        """What can be said only when everything was seen."""
        given = {event.product for event in self.record.course if event.fact.startswith("dose_")}
        for drug, origins in self.completed.items():
            if drug not in given:
                trouble, event = completed_order(drug, origins)
                self.record.passed_over.append(trouble)
                self.record.course.append(event)
        if self.unresolved:
            self.record.troubles.append(unresolved_medications(self.unresolved))


def completed_order(drug: str, origins: list[str]) -> tuple[Trouble, Event]:
    """What the completed orders of a drug say of which no dose is recorded."""
    orders = f"{len(origins)} completed orders" if len(origins) > 1 else "a completed order"
    what = f"{orders} of {drug}: on which days it was given is not recorded"
    event = Event("dose_given", "yes", None, "", origins[0], note="from a completed order", product=drug)
    return Trouble("passed over", origins[0], what), event


def unresolved_medications(origins: list[str]) -> Trouble:
    """The trouble with medication resources whose medication is not in the source."""
    many = f"{len(origins)} medication resources name medications" if len(origins) > 1 else "it names a medication"
    return Trouble("reference", origins[0], f"{many} not found in the source: what was given is not known")
