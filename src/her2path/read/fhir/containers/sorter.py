"""The resources of a bundle by patient: each goes to the one whom it names, and to nobody else."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from ....record.event import TOLD, Trouble
from ..readers import RESOURCE_TYPES, owner_of
from ..resource import Group, Owner, Resource, Stamp
from ..terms import COURSE, Terms
from .medications import note_medication
from .persons import (
    BY_IDENTIFIER,
    Joined,
    fields_of,
    identifier_of,
    identifiers_inside,
    identifiers_of,
    links_of,
    patient_of,
    plain_reference,
    server_of,
)
from .quiet import QuietVersion
from .versions import versions_of

UNREADABLE = "the subject is not named by a reference: it belongs to nobody here"
ODDLY_NAMED = "named oddly, expected Patient/ID: it belongs to nobody here"
NOBODYS = "its subject is named by the identifier {} alone, which no patient beside it has: it belongs to nobody here"


class Sorter:
    """Gives every resource of a bundle to the patient whom it names, and to nobody else.

    A patient is known by the full address of its entry and by `Patient/<id>`; where two entries share
    an id, only the full addresses tell them apart. A resource without any subject goes to the only
    patient there is; one whose subject is no patient, to nobody. One of whom nobody can read whose it is, is told; of
    the only patient there is it is doubtful. Patients whose links say that they are one are one.
    """

    def __init__(self, where: str, terms: Terms) -> None:
        self.where, self.terms = where, terms
        self.patients: dict[str, str] = {}
        self.waiting: list[Resource] = []
        self.doubtful: list[Resource] = []
        self.mentions: list[Resource] = []
        self.medications: dict[str, Resource | None] = {}
        self.withdrawn: dict[str, list[Stamp]] = {}
        self.entries = 0
        self.quiet: list[QuietVersion] = []
        self._groups: dict[str, Group] = {}
        self._ids: dict[str, str] = {}
        self.persons: list[tuple[str, Resource]] = []
        self._identifiers: dict[str, str] | None = None

    def add(self, resource: Resource, url: str | None) -> None:
        """Take in a resource with the full address of its entry."""
        resource.url = url = url or ""
        owner = owner_of(resource.head)
        if owner is Owner.SOURCE:
            note_medication(self.medications, resource)
            return
        if owner is not Owner.HERSELF:
            self.waiting.append(resource)
            return
        identity = resource.head.id
        name = identity or (patient_of(url) if url else "") or resource.where
        if identity and not self._is_same(identity, url):
            name = url.partition("/_history/")[0] or resource.where
            self.patients[f"Patient/{identity}"] = ""
        elif identity:
            self.patients.setdefault(f"Patient/{identity}", name)
        if url:
            self.patients[url] = self.patients[plain_reference(url)] = name
        self.persons.append((name, resource))
        self._groups.setdefault(name, Group(name, self.where)).resources.append(resource)

    def _is_same(self, identity: str, url: str) -> bool:
        """Whether a Patient of this id was there before at another address, which makes it another patient."""
        first = self._ids.setdefault(identity, url)
        return first == url or plain_reference(first) == plain_reference(url)

    def groups(self, *, joined: bool = True) -> Iterator[Group | Trouble]:
        """The patients with their resources, and what belongs to nobody; those who are one by their links `joined`."""
        only = next(iter(self._groups)) if len(self._groups) == 1 else None
        known = {reference: self._groups[name] for reference, name in self.patients.items() if name in self._groups}
        moved = self._moved()
        for resource in self.waiting:
            subject = resource.head.subject
            group = known.get(subject.reference or "") if subject is not None else None
            if group is None:
                patient, why = self._patient_of(resource, only)
                if not patient or (patient.startswith(BY_IDENTIFIER) and self._may_be_of(only, resource)):
                    if self._is_told(resource):
                        why = why or NOBODYS.format((patient or "")[len(BY_IDENTIFIER) :])
                        yield Trouble("no patient", resource.origin, why)
                        if patient or why == UNREADABLE or why.endswith(ODDLY_NAMED):
                            self.doubtful.append(resource)
                    continue
                group = self._groups.setdefault(patient, Group(patient, self.where))
            if moved and id(resource) in moved:
                group.told.append(moved[id(resource)])
            else:
                group.resources.append(resource)
        yield from self._sort_mentions(only)
        if only is not None:
            self._groups[only].doubtful += self.doubtful
        if joined:
            self._join()
        for group in self._groups.values():
            group.medications, group.withdrawn = self.medications, self.withdrawn
            group.alone |= group.patient.startswith(BY_IDENTIFIER)
            yield group

    def _sort_mentions(self, only: str | None) -> Iterator[Trouble]:
        """Give what only speaks of something to whom it is about; of nobody, it is told."""
        for resource in self.mentions:
            patient, why = self._patient_of(resource, only)
            if patient:
                self._groups.setdefault(patient, Group(patient, self.where)).mentions.append(resource)
            else:
                yield Trouble("no patient", resource.origin, why)

    def _is_told(self, resource: Resource) -> bool:
        """Whether a resource that belongs to nobody is told."""
        if resource.matters & COURSE or RESOURCE_TYPES[resource.head.resourceType].only_some_matter:
            return bool(resource.matters)
        return self.terms.speaks(bytes(resource.raw).decode("utf-8", "replace"))

    def _may_be_of(self, only: str | None, resource: Resource) -> bool:
        """Whether a resource whose subject is named by an identifier alone may be of the only patient there is: no
        other names her, and she has no identifier of that kind, so that nobody can tell."""
        subject = resource.head.subject or resource.head.patient
        if only is None or subject is None or any(map(_has_reference, self.waiting)):
            return False
        kind = identifier_of(subject).partition("|")[0]
        return not any(
            words.partition("|")[0] == kind for _, person in self.persons for words in identifiers_of(person)
        )

    def _moved(self) -> dict[int, Trouble]:
        """What is told instead of resources that do not count, for another version of them is of another patient."""
        names = [(resource.head.resourceType, resource.head.id) for resource in self.waiting if resource.head.id]
        if len(set(names)) == len(names):
            return {}
        subjects: dict[tuple[str, str], set[str]] = {}
        for resource in self.waiting:
            subject = resource.head.subject or resource.head.patient
            if subject is not None and resource.head.id:
                name = (resource.head.resourceType, resource.head.id)
                subjects.setdefault(name, set()).add(patient_of(subject.reference or ""))
        of_several = [r for r in self.waiting if len(subjects.get((r.head.resourceType, r.head.id or ""), ())) > 1]
        return of_other_patients(of_several) if of_several else {}

    def _patient_of(self, resource: Resource, only: str | None) -> tuple[str | None, str]:
        subject = resource.head.subject or resource.head.patient
        if subject is None:
            return only, "no subject, and not exactly one patient beside it: it belongs to nobody"
        if identifier := identifier_of(subject):
            name = self._by_identifier(identifier)
            if name == "":
                return None, f"two patients have the identifier {identifier}: it belongs to neither"
            return name or BY_IDENTIFIER + identifier, ""
        reference = subject.reference
        if not reference:
            return None, UNREADABLE
        for form in (reference, plain_reference(reference)):
            if form in self.patients:
                name = self.patients[form]
                return name or None, f"two patients have the id of {reference}: it belongs to neither"
        if reference.startswith("#"):
            for identifier in identifiers_inside(resource, reference):
                if name := self._by_identifier(identifier):
                    return name, ""
            return None, f"the subject {reference} is contained in the resource: it belongs to nobody else"
        kind = reference.partition("/_history/")[0].rpartition("/")[0].rpartition("/")[2]
        if kind != "Patient" and kind.lower() == "patient":
            return None, f"the subject {reference} is {ODDLY_NAMED}"
        if "/" in reference and kind != "Patient":
            return None, f"the subject {reference} is no patient: it belongs to nobody"
        name = patient_of(reference)
        server, held = server_of(reference), self._ids.get(name, "")
        if server and server_of(held):
            return reference.partition("/_history/")[0], ""  # the same number on another server
        return name, ""

    def _by_identifier(self, identifier: str) -> str | None:
        """The patient who has an identifier; "" where two have it, `None` where nobody has it."""
        if self._identifiers is None:
            self._identifiers = {}
            for name, person in self.persons:
                for words in identifiers_of(person):
                    self._identifiers[words] = name if self._identifiers.get(words, name) == name else ""
        return self._identifiers.get(identifier)

    def _join(self) -> None:
        """Make one of patients whose links say so; one who is linked to somebody elsewhere is not whole here."""
        links = [(name, link) for name, person in self.persons for link in links_of(person)]
        if not links:
            return
        joined, outside = Joined(), set()
        for name, link in links:
            if link.identifier:
                other = self._by_identifier(link.identifier) or ""
            else:
                other = self.patients.get(link.reference) or self.patients.get(plain_reference(link.reference)) or ""
                other = other or patient_of(link.reference)
            if other in self._groups:
                joined.link(name, other, link)
            else:
                outside.add(name)
        for name in list(joined.into):
            survivor = joined.survivor(name)
            if survivor != name and name in self._groups:
                gone = self._groups.pop(name)
                self._groups[survivor].resources += gone.resources
                self._groups[survivor].told += gone.told
                self._groups[survivor].mentions += gone.mentions
                self._groups[survivor].doubtful += gone.doubtful
                outside |= {survivor} if name in outside else set()
        for name, told in joined.told.items():
            self._groups[joined.survivor(name)].told += told
        for name in outside & set(self._groups):
            self._groups[name].alone = True


def _has_reference(resource: Resource) -> bool:
    subject = resource.head.subject or resource.head.patient
    return subject is not None and bool(subject.reference)


def of_one_server(group: Group) -> Iterator[Group | Trouble]:
    """A group of one id as patients of one server each; where no address says the server, all are of one."""
    persons = [resource for resource in group.resources if owner_of(resource.head) is Owner.HERSELF]
    own = {server: person for person in persons[::-1] if (server := server_of(person.url))}
    named = [_server_of_subject(resource) for resource in group.resources]
    others = sorted({server for server in named if server})
    if not own:
        if len(others) > 1:
            what = f"she is named on several servers ({', '.join(others)}) by one id: read as one patient"
            group.told.append(Trouble(TOLD, group.where, what))
        yield group
        return
    if len({*own, *others}) < 2:
        yield group
        return
    first = next(iter(own))
    apart: dict[str, Group] = {}
    for resource, of_subject in zip(group.resources, named, strict=True):
        server = of_subject or server_of(resource.url)
        if not server and len(own) > 1:
            what = f"patients of {len(own)} servers have the id of its subject: it belongs to none of them"
            yield Trouble("no patient", resource.origin, what)
            continue
        place = server or first
        if place not in apart:
            name = group.patient if place == first else f"http:{place}/Patient/{group.patient}"
            apart[place] = replace(group, patient=name, resources=[], told=list(group.told) if place == first else [])
        apart[place].resources.append(resource)
    yield from apart.values()


def _server_of_subject(resource: Resource) -> str:
    subject = resource.head.subject or resource.head.patient
    reference = subject.reference if subject is not None else None
    return server_of(reference) if reference and reference[:4].lower() == "http" else ""


def of_other_patients(resources: list[Resource]) -> dict[int, Trouble]:
    """Of resources with one id that name several patients, what is told instead of the versions that do not count.

    Only what says the same of the same day but of whom is a version; all else are two resources with one id.
    """
    told: dict[int, Trouble] = {}
    by_thing: dict[tuple[str, ...], list[Resource]] = {}
    for resource in resources:
        by_thing.setdefault(_thing_of(resource), []).append(resource)
    for same in by_thing.values():
        versions = versions_of(same)
        for resource in same:
            if id(resource) in versions.old:
                what = f"it stands again at {versions.old[id(resource)][0]}, of another patient"
                told[id(resource)] = Trouble("passed over", resource.origin, what)
    return told


def _thing_of(resource: Resource) -> tuple[str, ...]:
    """What a resource is of, without whom: its type and id, its code and its days."""
    fields = fields_of(resource)
    days = (repr(fields[name]) for name in sorted(fields) if name.startswith(("effective", "performed", "authored")))
    what = (repr(fields.get(name)) for name in ("code", "medicationCodeableConcept", "medicationReference"))
    return (resource.head.resourceType, resource.head.id or "", *what, *days)
