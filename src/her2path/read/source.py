"""Records from a source of any kind: FHIR bundles, bulk resources, CSV or Parquet, wide or long.

A bundle is one or more whole patients. Resources that come by themselves (bulk NDJSON) or in the pages of a search
are first laid out by patient in temporary files (`layout.py`), so that memory stays bounded whatever the size.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from ..facts.codes import codes_of
from ..facts.fact import Facts
from ..facts.words.given import paths_given
from ..record.columns import RecordColumns, columns_of
from ..record.event import Record, Trouble
from .beside.given import rows_as_file, source_for
from .fhir.resource import Stamp
from .fhir.templates.reader import PATIENTS_AT_ONCE, ColumnReader
from .files import TEXTS, Piece, read_pieces
from .layout import ColumnPart, Layout

TABLES = (*TEXTS, ".parquet")
RECORDS_AT_ONCE = 100
"""Patients read together where they are wanted one by one."""


def read_records(
    path: str | Path | Sequence[str | Path], facts: Facts, progress: Callable[[int], object] | None = None,
    columns: Mapping[str, str] | None = None, courses: bool = True, missing: Collection[str] = (),
) -> Iterator[Record | Trouble]:  # fmt: skip
    """Every patient of `path`, with whatever could not be read as a `Trouble`; of several paths one after the other.

    `progress` is told how many bytes of the source were just read; `columns` says which column of a
    CSV or Parquet file holds which fact, `missing` which words (in small letters) stand for nothing there. Without
    `courses` only HER2 is read of FHIR resources.
    """
    several = paths_given(path)
    if len(several) > 1:
        for each in several:
            yield from read_records(each, facts, progress, columns, courses, missing)
        return
    (path,) = several
    if is_table(path):
        for part in _of_table(path, facts, columns or {}, missing):
            if isinstance(part, RecordColumns):
                yield from (part.record(patient) for patient in range(len(part)))
            else:
                yield part
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
    courses: bool = True, *, patients_at_once: int = PATIENTS_AT_ONCE, missing: Collection[str] = (),
) -> Iterator[RecordColumns | Trouble]:  # fmt: skip
    """Every patient of `path` in batches of columns of about so many patients, each whole; else as `read_records`."""
    if is_table(path):
        yield from _in_batches(_of_table(path, facts, columns or {}, missing), patients_at_once)
        return
    yield from _columns(path, facts, progress, courses, patients_at_once)


def is_table(path: Path) -> bool:
    """Whether a path is read as a table: CSV, Parquet, or what a source of another package gives as rows."""
    return path.suffix.lower() in TABLES or source_for(path) is not None


def _of_table(
    path: Path, facts: Facts, columns: Mapping[str, str], missing: Collection[str]
) -> Iterator[RecordColumns | Record | Trouble]:  # fmt: skip
    """The patients of a CSV or Parquet file: one event a row, a course in wide rows, or a specimen a row."""
    from .tabular.columns import read_long
    from .tabular.long import is_long
    from .tabular.wide import read_rows
    from .tabular.wide_events import is_of_course, read_courses

    if (source := source_for(path)) is not None:
        with rows_as_file(path, source) as file:
            yield from _of_table(file, facts, columns, missing)
        return
    if is_long(path, columns):
        yield from read_long(path, facts, columns, missing)
    elif is_of_course(path, facts, columns):
        yield from read_courses(path, facts, columns, missing)
    else:
        yield from read_rows(path, facts, columns, missing)


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


def _in_batches(
    records: Iterator[RecordColumns | Record | Trouble], patients_at_once: int
) -> Iterator[RecordColumns | Trouble]:  # fmt: skip
    waiting: list[Record] = []
    for record in records:
        if not isinstance(record, Record):
            yield record
            continue
        waiting.append(record)
        if len(waiting) >= patients_at_once:
            yield columns_of(waiting)
            waiting = []
    if waiting:
        yield columns_of(waiting)


class ColumnWorker:
    """Reads lists of pieces into columns, with templates that stay from list to list; one stands in every process.

    It can be pickled and forked; of its templates nothing is taken along by a pickle.
    """

    def __init__(self, facts: Facts, courses: bool = True, patients_at_once: int = PATIENTS_AT_ONCE) -> None:
        self.facts, self.courses, self.patients_at_once = facts, courses, patients_at_once
        self._reader: ColumnReader | None = None
        self._deleted: dict[str, list[Stamp]] = {}

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

    def read_deleted(self, pieces: Iterable[Piece | Trouble]) -> ColumnPart:
        """What some pieces say was deleted; all that is read later is read knowing it."""
        part = self.read(pieces)
        self._deleted = part.notes.withdrawn
        return part

    def read(self, pieces: Iterable[Piece | Trouble]) -> ColumnPart:
        """Everything that comes of some pieces."""
        part, reader = ColumnPart(), self.reader
        part.notes.withdrawn = {name: [*stamps] for name, stamps in self._deleted.items()}
        reader.loose = part
        for piece in pieces:
            if isinstance(piece, Trouble):
                part.items.append(piece)
            else:
                part.items += reader.read(piece)
        part.items += reader.rest()
        return part
