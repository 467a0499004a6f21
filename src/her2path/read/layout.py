"""Resources that come by themselves, laid out by patient in temporary files; what is known of a whole source."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING
from zlib import crc32

import msgspec

from ..record.columns import RecordColumns
from ..record.event import Trouble
from .fhir.containers.bundles import DELETED as DELETED_HOW
from .fhir.containers.medications import note_medication, without_withdrawn
from .fhir.containers.notes import MOST_TOLD, SourceNotes, troubles_of
from .fhir.containers.persons import (
    BY_IDENTIFIER,
    Joined,
    identifiers_of,
    links_of,
    patient_of,
)
from .fhir.containers.quiet import QuietVersions, Recoded
from .fhir.containers.sorter import of_one_server
from .fhir.containers.versions import joined_withdrawals
from .fhir.readers import Interest, heads, owner_of
from .fhir.resource import Group, Owner, Resource, Stamp

if TYPE_CHECKING:
    import tempfile

    from .fhir.templates.reader import ColumnReader

PARTITIONS = 64


class Line(msgspec.Struct, array_like=True):
    """A resource in a temporary file: its patient, where it stood, and itself; or what is told of the patient alone.

    `updated` and `version` are what its entry says of its version.
    """

    patient: str
    where: str
    raw: msgspec.Raw
    url: str = ""
    updated: str = ""
    version: str = ""
    told: list[tuple[str, str, str]] = []
    is_person: bool = False
    is_doubtful: bool = False
    """Whether nobody can read whose the resource is, and it may be hers."""
    is_mention: bool = False
    """Whether it is of a type that is not read, and speaks of what is."""


class PlainLine(msgspec.Struct, array_like=True):
    """The same of a resource of which there is no more to say; it is read as a `Line`."""

    patient: str
    where: str
    raw: msgspec.Raw


NOTHING_RAW = msgspec.Raw(b"null")


def _on_one_line(raw: bytes) -> bytes:
    return raw.replace(b"\n", b" ").replace(b"\r", b" ")


def lines_of(group: Group) -> Iterator[Line]:
    """The resources of a group as lines; of medications, which are nobody's, the patient is ""."""
    for resource in group.resources:
        raw, stamp = msgspec.Raw(bytes(resource.raw)), resource.stamp
        is_person = owner_of(resource.head) is Owner.HERSELF
        yield Line(group.patient, resource.where, raw, resource.url, stamp.updated, stamp.version, is_person=is_person)
    for resource in group.doubtful:
        yield Line(group.patient, resource.where, msgspec.Raw(bytes(resource.raw)), is_doubtful=True)
    for resource in group.mentions:
        yield Line(group.patient, resource.where, msgspec.Raw(bytes(resource.raw)), is_mention=True)
    if group.told:
        yield Line(group.patient, group.where, NOTHING_RAW, told=[(t.kind, t.where, t.what) for t in group.told])


def hold_all(quiet: QuietVersions, group: Group) -> None:
    """Note the resources of a group as laid aside."""
    for resource in group.resources:
        if resource.head.id:
            quiet.hold(group.patient, f"{resource.head.resourceType}/{resource.head.id}")


@dataclass(slots=True)
class ColumnPart:
    """What came of some pieces: columns and troubles, resources to be laid aside, and what was noted of the source."""

    items: list[RecordColumns | Trouble] = field(default_factory=list)
    loose: list[Line] = field(default_factory=list)
    notes: SourceNotes = field(default_factory=SourceNotes)
    whole: list[tuple[str, str]] = field(default_factory=list)
    """The patients who were read at once, since a bundle holds them whole, and where that stands."""

    quiet: QuietVersions = field(default_factory=QuietVersions)

    def read_whole(self, patient: str, where: str) -> None:
        self.whole.append((patient, where))

    def add(self, group: Group) -> None:
        self.loose += lines_of(group)
        hold_all(self.quiet, group)

    def put(self, patient: str, where: str, raw: bytes) -> None:
        self.loose.append(Line(patient, where, msgspec.Raw(raw)))


class Layout:
    """Single resources laid out by patient in temporary files; made only when the first one comes.

    At its end patients who are one are joined, and what is missing is told.
    """

    def __init__(self) -> None:
        self.notes = SourceNotes()
        self._head_of = heads().head_of
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._files: list[IO[bytes]] = []
        self._medications: dict[str, Resource | None] = {}
        self._aliases: dict[str, str] = {}
        self._linked: list[Resource] = []
        self._by_identifier: set[str] = set()
        self._whole: set[int] = set()
        self._again: dict[str, str] = {}
        self._known_deleted: set[str] = set()
        self.quiet = QuietVersions()
        self._recoded: Recoded = {}

    def __enter__(self) -> Layout:
        return self

    def __exit__(self, *_: object) -> None:
        self.quiet.close()
        for file in self._files:
            file.close()
        if self._folder is not None:
            self._folder.cleanup()

    def add(self, group: Group) -> None:
        """Lay the resources of one patient aside; a medication, which is nobody's, is kept by its id."""
        for line in lines_of(group):
            self.put_line(line)
        hold_all(self.quiet, group)

    def put(self, patient: str, where: str, raw: bytes) -> None:
        """Lay one resource aside by its patient."""
        self._write(patient, msgspec.json.encode(PlainLine(patient, where, msgspec.Raw(_on_one_line(raw)))))

    def take(self, part: ColumnPart) -> None:
        """Take over what another process laid aside and noted."""
        for line in part.loose:
            self.put_line(line)
        self.notes.add_all(part.notes)
        self.quiet.add_all(part.quiet)
        for patient, where in part.whole:
            self.read_whole(patient, where)

    def take_deleted(self, part: ColumnPart) -> None:
        """Take over what was read of deletions before all else, so that everything is read knowing it."""
        self.take(part)
        self._known_deleted = set(self.notes.withdrawn)

    def read_whole(self, patient: str, where: str) -> None:
        """Note who was read whole; one who was so before is told at the end."""
        mark = hash(patient)
        if mark in self._whole:
            self._again[patient] = where
        self._whole.add(mark)

    def put_line(self, line: Line) -> None:
        """Lay one line aside; of nobody, it is a medication, which is kept by its id."""
        if not line.patient and not line.told:
            resource = self._resource(line)
            if owner_of(resource.head) is Owner.SOURCE:
                note_medication(self._medications, resource)
                return
        if line.patient.startswith(BY_IDENTIFIER):
            self._by_identifier.add(line.patient[len(BY_IDENTIFIER) :])
        if line.is_person:
            self._note_person(line)
        elif not (line.told or line.url or line.updated or line.version or line.is_doubtful or line.is_mention):
            self.put(line.patient, line.where, bytes(line.raw))
            return
        line.raw = msgspec.Raw(_on_one_line(bytes(line.raw)))
        self._write(line.patient, msgspec.json.encode(line))

    def _write(self, patient: str, line: bytes) -> None:
        if self._folder is None:
            import tempfile

            self._folder = tempfile.TemporaryDirectory(prefix="her2path-")
            self._files = [open(Path(self._folder.name) / str(part), "w+b") for part in range(PARTITIONS)]  # noqa: SIM115
        self._files[crc32(patient.encode()) % PARTITIONS].write(line + b"\n")

    def _note_person(self, line: Line) -> None:
        """Note by what other names a patient is known: the address of her entry, or a link."""
        if line.url[:4].lower() == "urn:" and (other := patient_of(line.url)) != line.patient:
            self._aliases.setdefault(other, line.patient)
        if b'"link"' in bytes(line.raw):
            self._linked.append(self._resource(line))

    def _resource(self, line: Line) -> Resource:
        resource = Resource(self._head_of(line.raw), line.raw, line.where, line.url)
        resource.stamp = Stamp(line.updated, line.version, line.where)
        return resource

    def columns(self, reader: ColumnReader) -> Iterator[RecordColumns | Trouble]:
        """The patients laid out, as columns, all others that the reader has not given yet, and what is missing."""
        missing = self.notes.all_missing()
        self._recoded = self.quiet.recoded()
        without_withdrawn(self._medications, self.notes.withdrawn)
        without_withdrawn(self._medications, self._recoded.pop("", {}))
        for group in self.groups(reader.skimmer.interest):
            if isinstance(group, Trouble):
                yield group
                continue
            for each in missing:
                if each.patient in ("", group.patient):
                    group.missing.append(each)
            yield from reader.read_group(group)
        yield from reader.rest()
        yield from troubles_of(missing)
        yield from self._told_again()
        yield from self._told_late()

    def _told_again(self) -> Iterator[Trouble]:
        again = list(self._again.items())
        for patient, where in again[:MOST_TOLD]:
            what = "stands in several bundles, each of which is reviewed by itself: they may be parts of one record"
            yield Trouble("patient twice", where, f"Patient/{patient} {what}")
        if len(again) > MOST_TOLD:
            what = f"{len(again) - MOST_TOLD} more patients stand in several bundles"
            yield Trouble("patient twice", again[MOST_TOLD][1], what)

    def _told_late(self) -> Iterator[Trouble]:
        """Tell of deletions that were read when patients of bundles had been reviewed already."""
        used_already = self.notes.withdrawn.keys() - self._known_deleted - self.notes.applied
        late = sorted(
            (stamp.where, name)
            for name in used_already
            for stamp in self.notes.withdrawn[name]
            if stamp.how == DELETED_HOW
        )
        if late and self._whole:
            names = ", ".join(name for _, name in late[:3]) + (" and more" if len(late) > 3 else "")
            what = f"{len(late)} deleted resources ({names}): where a bundle holds one with its patient, it was used"
            yield Trouble("deleted late", late[0][0], what)

    def _names(self) -> Joined:
        """Under which name each patient goes on: as whom her address, identifier or links say."""
        joined = Joined()
        joined.into.update(self._aliases)
        identifiers = self._identified({link.identifier for person in self._linked for link in links_of(person)} - {""})
        for identifier in self._by_identifier:
            if name := identifiers.get(identifier):
                joined.into[BY_IDENTIFIER + identifier] = name
        known_as = dict(joined.into)
        for person in self._linked:
            for link in links_of(person):
                other = identifiers.get(link.identifier, "") if link.identifier else patient_of(link.reference)
                if other and (name := person.head.id):
                    joined.link(name, known_as.get(other, other), link)
        return joined

    def _identified(self, more: set[str]) -> dict[str, str]:
        """Of the identifiers by which patients are named, who has them; "" where two have one."""
        wanted, found = self._by_identifier | more, dict[str, str]()
        if not wanted:
            return found
        for line in self._lines():
            if line.is_person and b'"identifier"' in bytes(line.raw):
                for identifier in identifiers_of(self._resource(line)):
                    if identifier in wanted:
                        found[identifier] = line.patient if found.get(identifier, line.patient) == line.patient else ""
        return found

    def _lines(self) -> Iterator[Line]:
        for file in self._files:
            yield from self._lines_of(file)

    @staticmethod
    def _lines_of(file: IO[bytes]) -> Iterator[Line]:
        decoder = msgspec.json.Decoder(Line)
        file.seek(0)
        for text in file:
            yield decoder.decode(text)

    def groups(self, interest: Interest) -> Iterator[Group | Trouble]:
        """The patients laid out, each with her resources, part by part; those known by several names at the end."""
        joined = self._names()
        several = joined.members()
        later: list[Line] = []
        for file in self._files:
            groups: dict[str, Group] = {}
            for line in self._lines_of(file):
                if line.patient in several or line.patient.startswith(BY_IDENTIFIER):
                    later.append(line)
                else:
                    self._put(groups, line.patient, line, interest)
            for patient in sorted(groups):
                yield from of_one_server(groups[patient])
        if later:
            yield from self._joined_groups(joined, later, interest)

    def _joined_groups(self, joined: Joined, lines: list[Line], interest: Interest) -> Iterator[Group | Trouble]:
        there = {line.patient for line in lines}
        groups: dict[str, Group] = {}
        for line in lines:
            name = joined.survivor(line.patient)
            name = name if name in there else line.patient
            if name.startswith(BY_IDENTIFIER):
                what = (
                    f"its subject is named by the identifier {name[len(BY_IDENTIFIER) :]} alone, which no patient has"
                )
                yield Trouble("no patient", self._resource(line).origin, f"{what}, or two: it belongs to nobody")
            else:
                self._put(groups, name, line, interest)
        for name, told in joined.told.items():
            for place in (joined.survivor(name), name):
                if place in groups:
                    groups[place].told += told
                    break
        for patient in sorted(groups):
            yield from of_one_server(groups[patient])

    def _put(self, groups: dict[str, Group], patient: str, line: Line, interest: Interest) -> None:
        if (group := groups.get(patient)) is None:
            group = groups[patient] = Group(patient, line.where)
            group.medications, group.terms, group.withdrawn = self._medications, interest, self.notes.withdrawn
            group.was_whole = hash(patient) in self._whole
        if line.patient in self._recoded:
            group.withdrawn = joined_withdrawals(group.withdrawn, self._recoded.pop(line.patient))
        if line.told:
            group.told += [Trouble(*told) for told in line.told]
            return
        try:
            head = self._head_of(line.raw)
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
            group.told.append(Trouble("unreadable", line.where, f"{error}; the resource is not used"))
            return
        resource = Resource(head, line.raw, line.where, line.url, interest.matters(head))
        if line.updated or line.version:
            resource.stamp = Stamp(line.updated, line.version, line.where)
        into = group.doubtful if line.is_doubtful else group.mentions if line.is_mention else group.resources
        into.append(resource)
