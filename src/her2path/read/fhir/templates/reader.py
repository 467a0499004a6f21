"""FHIR straight into columns: each resource by its template, each patient as a stretch of rows.

A bundle of one patient, as nearly all are, is told by its templates alone whose it is. Every other is grouped by
patient as `skim.py` does it, its resources then read by their templates too. What has no template is read by itself;
a patient in whom one resource stands twice is read whole by `read_record`. What comes out is the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from operator import attrgetter
from typing import Protocol

import msgspec

from ....facts.codes import Codes
from ....facts.fact import Facts
from ....record.columns import RecordColumns
from ....record.event import Record, Trouble
from ...files import Piece
from ..containers.bundles import IN_PARTS, has_next, holds_others
from ..containers.notes import Deleted, SourceNotes
from ..containers.quiet import QuietVersion, QuietVersions
from ..containers.versions import stand_twice
from ..head import Envelope, kind_of_bundle
from ..json import has_one_list
from ..nameless import is_nameless
from ..patient import read_group_itself, read_record
from ..readers import RESOURCE_TYPES
from ..resource import Group, Owner, Resource
from ..skim import Skimmer
from ..terms import NOTHING
from .batch import Batch, Place, Resources
from .library import Templates
from .shape import NUMBER, is_plain, ordinal_of
from .template import NOTHING_READ, Filling, Template

PATIENTS_AT_ONCE = 1_000
MOST_DAYS = 100_000
MOST_TO_LEARN = 10_000
"""A longer text outside a bundle is no resource of which there are many alike."""
MAY_DELETE = ("transaction", "batch")
"""Types of bundles whose entries may be deletions."""
VERSIONED = ("meta.lastUpdated", "meta.versionId")
_envelope = msgspec.json.Decoder(Envelope)
_RESOURCE, _ADDRESS, _NO_ADDRESS = attrgetter("resource"), attrgetter("fullUrl"), (None, "")
_BAD_JSON = (msgspec.DecodeError, RecursionError, UnicodeDecodeError)


class Loose(Protocol):
    """Where resources that come outside a bundle are laid aside, by patient, and what is noted of the source."""

    notes: SourceNotes
    quiet: QuietVersions

    def add(self, group: Group) -> object: ...
    def put(self, patient: str, where: str, raw: bytes) -> object: ...
    def read_whole(self, patient: str, where: str) -> object: ...


@dataclass(slots=True)
class Ways:
    """How many patients were read by templates, and how many whole."""

    by_templates: int = 0
    whole: int = 0


class ColumnReader:
    """Reads pieces into columns; resources that came outside a bundle are laid aside in `loose`.

    With `keep_order` a trouble comes after the patients before it, however few they are.
    """

    def __init__(
        self, codes: Codes, facts: Facts, courses: bool = True, *,
        patients_at_once: int = PATIENTS_AT_ONCE, loose: Loose, keep_order: bool = False,
    ) -> None:  # fmt: skip
        self.codes, self.facts, self.loose = codes, facts, loose
        self.patients_at_once, self.keep_order = patients_at_once, keep_order
        self.skimmer = Skimmer(codes, courses)
        self.templates = Templates(codes, facts, self.skimmer.interest)
        self.batch = Batch(self.templates)
        self.ways = Ways()
        self._ordinals: dict[bytes, int] = {b"": 0}

    def read(self, piece: Piece) -> Iterator[RecordColumns | Trouble]:
        """Take in a piece: its troubles at once, columns whenever there are patients enough."""
        if not self._at_once(piece) and not self._lay_aside(piece):
            deleted: list[Deleted] = []
            has_whole = False
            for group in self.skimmer.skim(piece):
                if isinstance(group, Trouble):
                    if self.keep_order:
                        yield from self.rest()
                    yield group
                elif isinstance(group, Deleted):
                    deleted.append(group)
                elif isinstance(group, QuietVersion):
                    self.loose.quiet.note(group)
                elif not isinstance(group, Group):
                    self.loose.notes.add(group)
                elif group.alone:
                    self.loose.add(group)
                else:
                    self._add_withdrawn(group)
                    self.loose.read_whole(group.patient, group.where)
                    has_whole = True
                    yield from self.read_group(group)
            for note in deleted:
                self.loose.notes.add(note)
                if has_whole:
                    self.loose.notes.applied.add(note.name)
        yield from self._whenever_full()

    def read_group(self, group: Group) -> Iterator[RecordColumns]:
        """Take in one patient with all her resources."""
        if not self._by_templates(group):
            self.ways.whole += 1
            self.batch.add_record(read_record(group, self.codes, self.facts))
        yield from self._whenever_full()

    def _add_withdrawn(self, group: Group) -> None:
        """Let a patient of a bundle know what was deleted elsewhere, as far as that was read before."""
        if self.loose.notes.withdrawn:
            group.withdrawn = self.loose.notes.withdrawn | group.withdrawn

    def rest(self) -> Iterator[RecordColumns]:
        """The patients not given yet."""
        if len(self.batch):
            yield self.batch.close()
        if self.templates.is_full:
            self.templates.forget()
        if len(self._ordinals) > MOST_DAYS:
            self._ordinals = {b"": 0}

    def _whenever_full(self) -> Iterator[RecordColumns]:
        if len(self.batch) >= self.patients_at_once or self.templates.is_full:
            yield from self.rest()

    def _lay_aside(self, piece: Piece) -> bool:
        """Lay a resource by itself aside by its template alone; `False`, and nothing done, where that is not enough."""
        text = piece.content.strip()
        for pieces, fill, like, template in self.templates.near.get(len(text), ()):
            if pieces(text) == like:
                filling = fill(text)
                kind, _, name = filling[1].rpartition(b"/")
                name = name.rpartition(b":")[2]
                if kind != b"Patient" and (not kind.endswith(b"/Patient") or b"?" in name or b"#" in name):
                    return False
                if not name or template.owner is not Owner.PATIENT or not is_plain(b"".join(filling)):
                    return False
                if template.numbers and not all(NUMBER.fullmatch(filling[at]) for at in template.numbers):
                    return False
                if template.matters == NOTHING:
                    return not template.withdraws and self._pass_over(template, filling, name.decode("ascii"), piece)
                self.loose.put(name.decode("ascii"), piece.where, text)
                if template.paths[0] or template.identity:
                    self.loose.quiet.hold(name.decode("ascii"), f"{template.kind}/{_id_of(template, filling)}")
                return True
        if len(text) < MOST_TO_LEARN:
            self.templates.learn(text)
        return False

    def _pass_over(self, template: Template, filling: Filling, patient: str, piece: Piece) -> bool:
        """Note the version of a resource that does not matter; `False`, and nothing done, where its text must be read
        for it."""
        updated, number = (
            filling[template.paths.index(path)].decode("ascii") if path in template.paths else "" for path in VERSIONED
        )
        if not (updated or number) and b'"meta"' in piece.content:
            return False
        if identity := _id_of(template, filling):
            where = f"{piece.where} {template.quiet}/{identity}"
            self.loose.quiet.note(QuietVersion(patient, f"{template.quiet}/{identity}", updated, number, where))
        return True

    def _at_once(self, piece: Piece) -> bool:
        """Read a bundle by its templates alone; `False`, and nothing done, where they do not tell everything."""
        if (entries := _entries_of(piece.content)) is None:
            return False
        texts, addresses = entries
        templates, near = self.templates, self.templates.near
        readings: list[int] = []
        fillings: list[Filling] = []
        later_days: list[int] = []
        passed: set[int] = set()
        persons: list[tuple[bytes, str]] = []
        subjects: set[bytes] = set()
        alone: list[Record] = []
        strangers: list[
            tuple[str, bytes]
        ] = []  # type and id of those without a template; of no type, they do not matter
        for number, text in enumerate(texts):
            for pieces, fill, like, template in near.get(len(text), ()):  # noqa: B007
                if pieces(text) == like:
                    filling = fill(text)
                    break
            else:
                match = templates.match(text) if text != b"null" else None
                if match is None:
                    resource = self._resource_alone(text, number, addresses[number], piece.where)
                    if resource is None or not self._read_alone(resource, {}, alone):
                        return False
                    subjects.add(_subject_of(resource))
                    strangers.append((resource.head.resourceType, (resource.head.id or "").encode()))
                    passed.add(number)
                    continue
                template, filling = match
                if template is NOTHING_READ:
                    passed.add(number)
                    strangers += [("", name) for name in filling]
                    continue
                if template.owner is Owner.HERSELF:
                    persons.append((filling[0], addresses[number]))
            reading = template.reading
            if reading < 0:
                vary = template.varied_only
                reading = template.readings.get(vary(filling), -1) if vary is not None else -1
                if reading < 0 and template.by_itself:
                    reading = templates.reading_of(template, filling, addresses[number], {})
                if reading < 0:
                    return False
            if template.later_days and not self._later_days(template, filling, later_days):
                return False
            readings.append(reading)
            fillings.append(filling)
        ids, named, first_days = islice(zip(*fillings, strict=False), 3) if fillings else ((), (), ())
        patient = _whose(persons, subjects.union(named))
        days = self._ordinals_of(first_days)
        if patient is None or days is None or not is_plain(b"".join(chain.from_iterable(fillings))):
            return False
        if not self._stand_once(readings, ids, strangers):
            return False
        self.ways.by_templates += 1
        self.loose.read_whole(patient, piece.where)
        places: list[Place] = [number for number in range(len(texts)) if number not in passed]
        resources = Resources(readings, days, later_days, list(ids), places)
        self.batch.add(patient, piece.where, resources, alone)
        return True

    def _stand_once(self, readings: list[int], ids: Sequence[bytes], strangers: list[tuple[str, bytes]]) -> bool:
        """Whether no two resources of one type may have one id, and none was deleted elsewhere in the source.

        Those that do not matter are of no type: which is which of them is not known.
        """
        withdrawn = self.loose.notes.withdrawn
        distinct = {*ids, *(name for _, name in strangers)} if strangers else set(ids)
        if not withdrawn and len(distinct) == len(ids) + len(strangers):
            return True
        kinds = self.templates.kinds
        names = [(kinds[reading], name) for reading, name in zip(readings, ids, strict=True) if name]
        names += [(kind, name) for kind, name in strangers if name]
        telling = [(kind, name) for kind, name in names if kind]
        quiet = {name for kind, name in names if not kind}
        if len(set(telling)) < len(telling) or any(name in quiet for _, name in telling):
            return False
        return not any(f"{kind}/{name.decode('utf-8', 'replace')}" in withdrawn for kind, name in telling)

    def _by_templates(self, group: Group) -> bool:
        """Read a patient by the templates of her resources; `False`, and nothing done, where she must be read whole."""
        if stand_twice(group.resources, group.withdrawn):
            return False
        resources = Resources()
        about = read_group_itself(group, self.codes, self.facts)
        alone: list[Record] = [] if about is None else [about]
        prefix = f"{group.where} entry "
        for resource in group.resources:
            if not self._place(resource, group, resources):
                if not self._read_alone(resource, group.medications, alone):
                    return False
                continue
            resources.ids.append(resource.head.id)
            where = resource.where
            number_of = where[len(prefix) :] if where.startswith(prefix) else ""
            resources.places.append(int(number_of) if number_of.isdigit() else where)
        self.ways.by_templates += 1
        self.batch.add(group.patient, group.where, resources, alone)
        return True

    def _resource_alone(self, text: bytes, number: int, address: str, where: str) -> Resource | None:
        """An entry of a bundle that has no template; `None` where it must be seen together with others."""
        try:
            head = self.skimmer.heads.head_of(text)
            matters = self.skimmer.interest.matters(head)
        except _BAD_JSON:
            return None
        if not matters or holds_others(text) or is_nameless(head):
            return None
        known = RESOURCE_TYPES[head.resourceType]
        if known.owner is not Owner.PATIENT or known.reads_address or known.names_medication(head):
            return None
        return Resource(head, text, f"{where} entry {number}", address, matters)

    def _read_alone(
        self, resource: Resource, medications: dict[str, Resource | None], records: list[Record]
    ) -> bool:  # fmt: skip
        """Read a resource without a template into `records`; `False` where it must be seen together with others."""
        record, therapy = self.templates.read_alone(resource, medications)
        if therapy.completed or therapy.unresolved or record.tissues:
            return False
        records.append(record)
        return True

    def _place(self, resource: Resource, group: Group, resources: Resources) -> bool:
        """Put a resource among those of its patient by its template; `False`, and nothing done, without one."""
        text = bytes(resource.raw)
        match = self.templates.match(text)
        if match is not None and not self._is_right(*match):
            match = self.templates.learn(text)  # the first one has the shape of another text of the same length
        if match is None or match[0].matters == NOTHING or not self._is_right(*match):
            return False
        template, filling = match
        reading = self.templates.reading_of(template, filling, resource.url, group.medications)
        days = self._ordinals_of([filling[2]])
        if reading < 0 or days is None or not self._later_days(template, filling, resources.later_days):
            return False
        resources.readings.append(reading)
        resources.days += days
        return True

    def _is_right(self, template: Template, filling: Filling) -> bool:
        """Whether a filling is plain, and its days are days."""
        return is_plain(b"".join(filling)) and self._ordinals_of([filling[2]]) is not None and (
            self._later_days(template, filling, [])
        )  # fmt: skip

    def _ordinals_of(self, days: Sequence[bytes]) -> list[int] | None:
        """The ordinals of days, 0 for none; `None` where one of them is no day."""
        known = self._ordinals
        ordinals = list(map(known.get, days))
        for at in [at for at, ordinal in enumerate(ordinals) if ordinal is None] if None in ordinals else ():
            if (ordinal := ordinal_of(days[at])) is None:
                return None
            ordinals[at] = known[days[at]] = ordinal
        return ordinals  # type: ignore[return-value]

    def _later_days(self, template: Template, filling: Filling, days: list[int]) -> bool:
        """Add the days of a filling beside its first to `days`; `False` where one of them is no day."""
        later = self._ordinals_of([filling[at] for at in template.later_days])
        days += later or ()
        return later is not None


def _entries_of(content: bytes) -> tuple[list[bytes], list[str]] | None:
    """The resources of a bundle and their addresses; `None` for all else, and where one address stands twice."""
    try:
        envelope = _envelope.decode(content)
    except _BAD_JSON:
        return None
    entries = envelope.entry
    if envelope.resourceType != "Bundle" or not entries or len(entries) < 2:
        return None
    kind = kind_of_bundle(envelope)
    if kind in IN_PARTS or has_next(envelope.link):
        return None
    texts = list(map(bytes, map(_RESOURCE, entries)))
    addresses: list[str] = list(map(_ADDRESS, entries))
    distinct = set(addresses)
    if len(distinct) < len(addresses) or not distinct.isdisjoint(_NO_ADDRESS) or "/_history/" in "\n".join(addresses):
        return None
    if kind in MAY_DELETE and b"DELETE" in content:
        return None
    taken = sum(map(len, texts)) + sum(map(len, addresses))
    return (texts, addresses) if has_one_list(content, texts, taken) else None


def _whose(persons: list[tuple[bytes, str]], subjects: set[bytes]) -> str | None:
    """The one patient of a bundle, where every resource names her, by her id or her address, or nobody."""
    if len(persons) != 1:
        return None
    ((identity, address),) = persons
    if not identity or not is_plain(identity) or not subjects <= {b"", b"Patient/" + identity, address.encode()}:
        return None
    return identity.decode("ascii")


def _subject_of(resource: Resource) -> bytes:
    """Whom a resource names: nothing where it names nobody, and a word that is no reference where it does so oddly."""
    subject = resource.head.subject or resource.head.patient
    return b"" if subject is None else (subject.reference or "?").encode()


def _id_of(template: Template, filling: Filling) -> str:
    """The id of a resource, be it a hole of its template or a part of it; "" without one."""
    return filling[0].decode("ascii") if template.paths[0] else template.identity or ""
