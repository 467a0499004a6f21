"""One patient's resources as a record: events of HER2 tests and of the course, specimens, sites and troubles.

Each resource goes to the reader of its type (`readers.py`). A resource of the therapy that stands twice under one id
counts once: the version updated last.
"""

from __future__ import annotations

from ...facts.codes import Codes
from ...facts.fact import Facts
from ...record.event import Event, Record, Tissue, Trouble
from .json import parse_strictly
from .readers import RESOURCE_TYPES
from .resource import COMPLETED, UNRESOLVED, Group, Resource, ResourceType, Surroundings, TumourSite
from .terms import COURSE, HER2, Terms

WRONG_TYPES = (ValueError, TypeError, AttributeError, KeyError, ArithmeticError, RecursionError)


def read_record(group: Group, codes: Codes, facts: Facts) -> Record:
    """The record of one patient: events of HER2 tests and of the course, specimens, tumour sites and troubles."""
    record, therapy = read_resources(group, codes, facts)
    therapy.finish()
    record.sort()
    return record


def read_resources(group: Group, codes: Codes, facts: Facts) -> tuple[Record, TherapyReader]:
    """What the resources of one patient say one by one; `finish` of the second then says what they say together."""
    record = Record(group.patient, group.where)
    beside = Surroundings(codes, facts, group.terms or Terms(codes), group.medications)
    therapy = TherapyReader(record, group, beside)
    for resource in group.resources:
        known = RESOURCE_TYPES[resource.head.resourceType]
        try:
            if resource.matters & HER2 and known.read_tests is not None:
                for said in known.read_tests(resource, beside):
                    _take_of_test(record, said)
            if resource.matters & COURSE:
                therapy.read(resource, known)
        except WRONG_TYPES as error:
            what = str(error) if isinstance(error, ValueError) else f"a field has a wrong type ({error})"
            record.troubles.append(Trouble("unreadable", resource.origin, what))
    return record, therapy


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

    def __init__(self, record: Record, group: Group, beside: Surroundings) -> None:
        self.record, self.beside = record, beside
        self.completed: dict[str, list[str]] = {}
        self.unresolved: list[str] = []
        self._skipped = _old_versions(group, record)

    def read(self, resource: Resource, known: ResourceType) -> None:
        """Take in what a resource says of the course."""
        if known.read_course is None or id(resource) in self._skipped:
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


def _old_versions(group: Group, record: Record) -> set[int]:
    """The resources that stand again under the same address or id, and are not the version updated last."""
    skipped: set[int] = set()
    if len(group.resources) == 1 or not stand_twice(group.resources):
        return skipped
    versions_of: dict[tuple[str, str], list[Resource]] = {}
    for resource in group.resources:
        if (name := _name_of(resource)) is not None:
            versions_of.setdefault(name, []).append(resource)
    for versions in versions_of.values():
        latest = max(enumerate(versions), key=lambda version: (_updated(version[1]), version[0]))[1]
        for resource in versions:
            if resource is not latest:
                skipped.add(id(resource))
                again = f"it stands again at {latest.where}"
                record.passed_over.append(Trouble("passed over", resource.origin, again))
    return skipped


def stand_twice(resources: list[Resource]) -> bool:
    """Whether a resource of the therapy stands there twice under one address or id."""
    names = [name for resource in resources if (name := _name_of(resource)) is not None]
    return len(set(names)) < len(names)


def _name_of(resource: Resource) -> tuple[str, str] | None:
    """Type and address or id of a resource of the therapy; `None` without either."""
    name = resource.url or resource.head.id
    return (resource.head.resourceType, name) if name and resource.matters & COURSE else None


def _updated(resource: Resource) -> str:
    try:
        meta = parse_strictly(resource.raw).get("meta")
    except (ValueError, AttributeError, RecursionError):
        return ""
    return str(meta.get("lastUpdated") or "") if isinstance(meta, dict) else ""


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
