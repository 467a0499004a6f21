"""Records from a source of any kind: FHIR bundles, bulk resources, CSV or Parquet, wide or long.

A bundle is one or more whole patients. Resources that come by themselves (bulk NDJSON) are first
laid out by patient in temporary files, so that memory stays bounded whatever the size.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING
from zlib import crc32

import msgspec

from ..facts.codes import codes_of
from ..facts.fact import Facts
from ..record.columns import RecordColumns, columns_of
from ..record.event import Record, Trouble
from .fhir.readers import Interest, heads, owner_of
from .fhir.resource import Group, Owner, Resource
from .fhir.skim import note_medication
from .fhir.templates.reader import PATIENTS_AT_ONCE, ColumnReader
from .files import Piece, read_pieces

if TYPE_CHECKING:
    import tempfile

TABLES = (".csv", ".parquet")
PARTITIONS = 64
RECORDS_AT_ONCE = 100
"""Patients read together where they are wanted one by one."""


def read_records(
    path: Path, facts: Facts, progress: Callable[[int], object] | None = None, columns: Mapping[str, str] | None = None,
    courses: bool = True,
) -> Iterator[Record | Trouble]:  # fmt: skip
    """Every patient of `path`, with whatever could not be read as a `Trouble`.

    `progress` is told how many bytes of the source were just read; `columns` says which column of a
    CSV or Parquet file holds which fact. Without `courses` only HER2 is read of FHIR resources.
    """
    if path.suffix.lower() in TABLES:
        from .tabular.columns import read_long
        from .tabular.long import is_long
        from .tabular.wide import read_rows

        if not is_long(path, columns):
            yield from read_rows(path, facts, columns or {})
            return
        for part in read_long(path, facts, columns):
            if isinstance(part, Trouble):
                yield part
            else:
                yield from (part.record(patient) for patient in range(len(part)))
        return
    for batch in _columns(path, facts, progress, courses, RECORDS_AT_ONCE, keep_order=True):
        if isinstance(batch, Trouble):
            yield batch
            continue
        for patient in range(len(batch)):
            record = batch.record(patient)
            record.sort()
            yield record


def read_columns(
    path: Path, facts: Facts, progress: Callable[[int], object] | None = None, columns: Mapping[str, str] | None = None,
    courses: bool = True, *, patients_at_once: int = PATIENTS_AT_ONCE,
) -> Iterator[RecordColumns | Trouble]:  # fmt: skip
    """Every patient of `path` in batches of columns of about so many patients, each whole; else as `read_records`."""
    if path.suffix.lower() in TABLES:
        from .tabular.columns import read_long
        from .tabular.long import is_long

        if is_long(path, columns):
            yield from read_long(path, facts, columns)
        else:
            yield from _in_batches(read_records(path, facts, progress, columns, courses), patients_at_once)
        return
    yield from _columns(path, facts, progress, courses, patients_at_once)


def _columns(
    path: Path, facts: Facts, progress: Callable[[int], object] | None, courses: bool, patients_at_once: int, *,
    keep_order: bool = False,
) -> Iterator[RecordColumns | Trouble]:  # fmt: skip
    """The columns of FHIR resources; `keep_order`: every trouble after the patients before it."""
    with Layout() as layout:
        reader = ColumnReader(
            codes_of(facts), facts, courses, patients_at_once=patients_at_once, loose=layout, keep_order=keep_order
        )
        for piece in read_pieces(path):
            if isinstance(piece, Trouble):
                if keep_order:
                    yield from reader.rest()
                yield piece
                continue
            yield from reader.read(piece)
            if progress is not None and piece.size:
                progress(piece.size)
        yield from reader.rest()
        yield from layout.columns(reader)


def _in_batches(records: Iterator[Record | Trouble], patients_at_once: int) -> Iterator[RecordColumns | Trouble]:
    waiting: list[Record] = []
    for record in records:
        if isinstance(record, Trouble):
            yield record
            continue
        waiting.append(record)
        if len(waiting) >= patients_at_once:
            yield columns_of(waiting)
            waiting = []
    if waiting:
        yield columns_of(waiting)


@dataclass(slots=True)
class ColumnPart:
    """What came of some pieces: columns and troubles, and the resources that came outside a bundle.

    `loose` has the patient of each ("" for a medication, which is nobody's), where it stood and its text; `Layout.put`
    takes them as they are.
    """

    items: list[RecordColumns | Trouble] = field(default_factory=list)
    loose: list[tuple[str, str, bytes]] = field(default_factory=list)

    def add(self, group: Group) -> None:
        self.loose += [(group.patient, resource.where, bytes(resource.raw)) for resource in group.resources]

    def put(self, patient: str, where: str, raw: bytes) -> None:
        self.loose.append((patient, where, raw))


class ColumnWorker:
    """Reads lists of pieces into columns, with templates that stay from list to list; one stands in every process.

    It can be pickled and forked; of its templates nothing is taken along by a pickle.
    """

    def __init__(self, facts: Facts, courses: bool = True, patients_at_once: int = PATIENTS_AT_ONCE) -> None:
        self.facts, self.courses, self.patients_at_once = facts, courses, patients_at_once
        self._reader: ColumnReader | None = None

    def __reduce__(self) -> tuple[type[ColumnWorker], tuple[Facts, bool, int]]:
        return ColumnWorker, (self.facts, self.courses, self.patients_at_once)

    @property
    def reader(self) -> ColumnReader:
        """What reads here, with its templates."""
        if self._reader is None:
            self._reader = ColumnReader(
                codes_of(self.facts),
                self.facts,
                self.courses,
                patients_at_once=self.patients_at_once,
                loose=ColumnPart(),
            )
        return self._reader

    def read(self, pieces: Iterable[Piece | Trouble]) -> ColumnPart:
        """Everything that comes of some pieces."""
        part, reader = ColumnPart(), self.reader
        reader.loose = part
        for piece in pieces:
            if isinstance(piece, Trouble):
                part.items.append(piece)
            else:
                part.items += reader.read(piece)
        part.items += reader.rest()
        return part


class Line(msgspec.Struct, array_like=True):
    """A resource in a temporary file: its patient, where it stood, and itself."""

    patient: str
    where: str
    raw: msgspec.Raw


class Layout:
    """Single resources laid out by patient in temporary files; made only when the first one comes."""

    def __init__(self) -> None:
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._files: list[IO[bytes]] = []
        self._medications: dict[str, Resource | None] = {}

    def __enter__(self) -> Layout:
        return self

    def __exit__(self, *_: object) -> None:
        for file in self._files:
            file.close()
        if self._folder is not None:
            self._folder.cleanup()

    def add(self, group: Group) -> None:
        """Lay the resources of one patient aside; a medication, which is nobody's, is kept by its id."""
        if not group.patient and all(owner_of(resource.head) is Owner.SOURCE for resource in group.resources):
            for medication in group.resources:
                note_medication(self._medications, medication)
            return
        for resource in group.resources:
            self._write(group.patient, resource.where, bytes(resource.raw))

    def put(self, patient: str, where: str, raw: bytes) -> None:
        """Lay one resource aside by its patient; of nobody, it is a medication."""
        if patient:
            self._write(patient, where, raw)
        else:
            self.add(Group("", where, [Resource(heads().head_of(raw), raw, where)]))

    def _write(self, patient: str, where: str, raw: bytes) -> None:
        if self._folder is None:
            import tempfile

            self._folder = tempfile.TemporaryDirectory(prefix="her2path-")
            self._files = [open(Path(self._folder.name) / str(part), "w+b") for part in range(PARTITIONS)]  # noqa: SIM115
        file = self._files[crc32(patient.encode()) % PARTITIONS]
        line = msgspec.Raw(raw.replace(b"\n", b" ").replace(b"\r", b" "))
        file.write(msgspec.json.encode(Line(patient, where, line)) + b"\n")

    def columns(self, reader: ColumnReader) -> Iterator[RecordColumns]:
        """The patients laid out, as columns, and all others that the reader has not given yet."""
        for group in self.groups(reader.skimmer.interest):
            yield from reader.read_group(group)
        yield from reader.rest()

    def groups(self, interest: Interest) -> Iterator[Group]:
        """The patients laid out, each with her resources, part by part."""
        head_of = heads().head_of
        lines = msgspec.json.Decoder(Line)
        for file in self._files:
            file.seek(0)
            groups: dict[str, Group] = {}
            for text in file:
                line = lines.decode(text)
                try:
                    head = head_of(line.raw)
                except msgspec.DecodeError:
                    continue
                if (group := groups.get(line.patient)) is None:
                    group = groups[line.patient] = Group(line.patient, line.where)
                    group.medications, group.terms = self._medications, interest
                group.resources.append(Resource(head, line.raw, line.where, "", interest.matters(head)))
            for patient in sorted(groups):
                yield groups[patient]
