"""Every patient of a source reviewed: the source in pieces, one batch after the other, in as many processes as asked.

What is made of a batch (text, rows of a table) is made by the process that reviewed it, in the order of the source.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any, Generic, TypeVar

from ..facts.problem import AskedWrongly
from ..facts.words.given import path_given, paths_given
from ..findings.patient import Reviewed, Reviewer
from ..findings.reviews import PatientReview
from ..findings.settings import Settings
from ..findings.summary import Summary
from ..read.files import TEXTS, Piece, source_size
from ..read.layout import ColumnPart, Layout
from ..read.omop.source import OmopSource
from ..read.source import ColumnWorker, read_columns
from ..record.columns import RecordColumns, columns_of
from ..record.event import Trouble
from ..tables.library import Knowledge
from .manifest import manifest_of
from .pool import can_share, in_turn
from .sources import Sources, has_table, joined_columns, listed, pieces_of
from .warehouse import parts_of_warehouse, processes_for_warehouse

WORTH_SHARING_BYTES = 32_000_000
"""A smaller source is done before the processes have started."""
PACKED = 10
"""So many times as much as in a text stands in a byte of Parquet."""
ENOUGH_TASKS = 16
"""With fewer tasks for each process than this, the last ones would be waited for."""
BATCH_BYTES = 24_000_000
"""So much of a source is reviewed together: smaller batches cost more for each patient, larger ones more memory."""

Output = TypeVar("Output")
Progress = Callable[[int], object]
Look = Callable[[list[Piece | Trouble]], object]


@dataclass(slots=True)
class Part(Generic[Output]):
    """What came of a part of the source: outputs of its batches with troubles between them, and the counts."""

    items: list[Output | Trouble] = field(default_factory=list)
    summary: Summary = field(default_factory=Summary)
    aside: ColumnPart = field(default_factory=ColumnPart)
    """What the layout takes over: the resources laid aside, and what was noted of the source."""
    looked: Any = None
    """What whoever looks at the pieces themselves makes of them."""


def processes_for(path: Sources | OmopSource) -> int:
    """How many processes a source is worth: all cores for a large one on Linux, otherwise one."""
    if isinstance(path, OmopSource):
        return processes_for_warehouse(path)
    paths = listed(path)
    size = sum(source_size(each) * (PACKED if each.suffix.lower() == ".parquet" else 1) for each in paths)
    large = size >= WORTH_SHARING_BYTES
    return (os.cpu_count() or 1) if large and can_share() and _can_be_shared(paths) else 1


def _can_be_shared(paths: tuple[Path, ...]) -> bool:
    if len(paths) > 1:
        return not has_table(paths)
    return paths[0].suffix.lower() not in TEXTS


def review_source(
    path: str | Path | Sequence[str | Path],
    knowledge: Knowledge,
    settings: Settings,
    progress: Progress | None = None,
    columns: Mapping[str, str] | None = None,
) -> Iterator[PatientReview | Trouble]:
    """Review every patient of a file, archive or folder, in bounded memory and in the order of the source.

    What belongs to no patient comes as a `Trouble`. `progress` is told the bytes just read; `columns`
    says which column of a CSV or Parquet file holds which fact. Several paths are reviewed one after the other.
    """
    reviewer = Reviewer(knowledge, settings)
    facts, missing = settings.facts(knowledge), settings.at.missing
    for each in paths_given(path):
        for batch in read_columns(each, facts, progress, columns, settings.courses, missing=missing):
            if isinstance(batch, Trouble):
                yield batch
            elif (wanted := _wanted(batch, settings)) is not None:
                yield from reviewer.review_columns(wanted)


def _wanted(batch: RecordColumns, settings: Settings) -> RecordColumns | None:
    """What of a batch is asked for: all of it, the one patient that is named, or nothing."""
    if settings.patient is None:
        return batch
    places = [place for place, patient in enumerate(batch.patients) if patient == settings.patient]
    return columns_of([batch.record(place) for place in places]) if places else None


class _Work(Generic[Output]):
    """Reviews batches and makes of each what is asked for; one stands in every process.

    With `reading` they are only read, and the output is made of the records.
    """

    def __init__(
        self, knowledge: Knowledge, settings: Settings, output: Callable[[Any], Output], reading: bool = False
    ) -> None:  # fmt: skip
        self.knowledge, self.settings, self.output, self.reading = knowledge, settings, output, reading
        self.reviewer = Reviewer(knowledge, settings)
        self.worker = ColumnWorker(settings.facts(knowledge), settings.courses)

    def before_sharing(self) -> None:
        """Load what the processes share."""
        if self.settings.courses and not self.reading:
            self.reviewer.load_compiled()

    def of_batches(self, batches: Iterable[RecordColumns | Trouble]) -> Part[Output]:
        part: Part[Output] = Part()
        for batch in batches:
            if isinstance(batch, Trouble):
                part.items.append(batch)
                part.summary.troubles += 1
            elif (wanted := _wanted(batch, self.settings)) is not None:
                if self.reading:
                    part.items.append(self.output(wanted))
                    if (mapping := self.settings.at.mapping) is not None:
                        part.summary.mapped.update(mapping.told(wanted.met()))
                    continue
                reviewed = self.reviewer.review_columns(wanted)
                part.items.append(self.output(reviewed))
                part.summary.add_all(reviewed)
        return part

    def of_pieces(self, pieces: list[Piece | Trouble]) -> Part[Output]:
        return self._of_part(self.worker.read(pieces))

    def of_deleted(self, pieces: Iterable[Piece | Trouble]) -> Part[Output]:
        """What was deleted, which every process knows from its start."""
        return self._of_part(self.worker.read_deleted(pieces))

    def _of_part(self, read: ColumnPart) -> Part[Output]:
        part = self.of_batches(read.items)
        part.aside = ColumnPart([], read.loose, read.notes, read.whole, read.quiet)
        return part


class _Looking(_Work[Output]):
    """The same, and the pieces themselves are looked at."""

    def __init__(
        self, knowledge: Knowledge, settings: Settings, output: Callable[[Reviewed], Output], look: Look
    ) -> None:  # fmt: skip
        super().__init__(knowledge, settings, output)
        self.look = look

    def of_pieces(self, pieces: list[Piece | Trouble]) -> Part[Output]:
        part = super().of_pieces(pieces)
        part.looked = self.look(pieces)
        return part

    def of_deleted(self, pieces: Iterable[Piece | Trouble]) -> Part[Output]:
        listed = list(pieces)
        part = super().of_deleted(listed)
        part.looked = self.look(listed) if listed else None
        return part


class _OfRows(_Work[Output]):
    """The same for ranges of rows of a Parquet file; each process opens the file itself."""

    def __init__(
        self, path: Path, columns: Mapping[str, str] | None, knowledge: Knowledge, settings: Settings,
        output: Callable[[Any], Output], reading: bool = False,
    ) -> None:  # fmt: skip
        from ..read.tabular.columns import ColumnReader
        from ..read.tabular.long import LongFile

        super().__init__(knowledge, settings, output, reading)
        self.path, self.columns = path, columns
        self.file: LongFile | None = None
        self.reader = ColumnReader(settings.facts(knowledge), path.name, settings.at.missing)

    def of_rows(self, ranges: list[tuple[int, int]]) -> Part[Output]:
        from ..read.tabular.long import LongFile

        if self.file is None:
            self.file = LongFile(self.path, self.columns, self.settings.at.missing)
        file = self.file
        return self.of_batches(self.reader.read(file.read(*rows)) for rows in ranges)


def review_parts(
    path: Sources | OmopSource,
    knowledge: Knowledge,
    settings: Settings,
    output: Callable[[Any], Output],
    *,
    processes: int = 1,
    progress: Progress | None = None,
    columns: Mapping[str, str] | None = None,
    look: Look | None = None,
    reading: bool = False,
) -> Iterator[Part[Output]]:
    """Review a source, part by part, in its order; of each batch comes what `output` makes of it when it is reviewed.

    With `reading` nothing is reviewed: `output` is given the records as they were read (`RecordColumns`).
    Several sources are reviewed as one (`sources.py`). `look` is given the pieces of a source of FHIR too, in the
    process that reads them (`Part.looked`).
    """
    if isinstance(path, OmopSource):
        work = _Work(knowledge, settings, output, reading)
        yield from parts_of_warehouse(path, work, processes, progress, columns)
        return
    paths = listed(path)
    if has_table(paths):
        if len(paths) == 1:
            yield from _parts_of_table(paths[0], knowledge, settings, output, processes, progress, columns, reading)
        else:
            yield from _parts_of_several(paths, knowledge, settings, output, progress, columns, reading)
        return
    if columns:
        raise AskedWrongly(f"--column is for CSV and Parquet; {' and '.join(map(str, paths))} is read as FHIR")
    work = _Work(knowledge, settings, output, reading) if look is None else _Looking(knowledge, settings, output, look)
    if processes > 1:
        work.before_sharing()
    with Layout() as layout:
        deleted = work.of_deleted(pieces_of(paths, deleted=True))
        layout.take_deleted(deleted.aside)
        if deleted.items or deleted.looked is not None:
            yield deleted
        for part in in_turn(_batches(paths, progress), work.of_pieces, processes):
            layout.take(part.aside)
            part.aside = ColumnPart()
            yield part
        reader = work.worker.reader
        reader.loose = ColumnPart()
        for batch in layout.columns(reader):
            yield work.of_batches([batch])


def _parts_of_several(
    paths: tuple[Path, ...], knowledge: Knowledge, settings: Settings, output: Callable[[Any], Output],
    progress: Progress | None, columns: Mapping[str, str] | None, reading: bool,
) -> Iterator[Part[Output]]:  # fmt: skip
    """Several sources with a table among them, in one process: who stands in more than one is one patient."""
    work = _Work(knowledge, settings, output, reading)

    def fhir(others: Sequence[Path]) -> Iterator[RecordColumns | Trouble]:
        with Layout() as layout:
            parts = chain(
                [work.worker.read_deleted(pieces_of(others, deleted=True))],
                map(work.worker.read, _batches(others, progress)),
            )
            for number, part in enumerate(parts):
                (layout.take if number else layout.take_deleted)(part)
                yield from part.items
            reader = work.worker.reader
            reader.loose = ColumnPart()
            yield from layout.columns(reader)

    for batch in joined_columns(paths, knowledge, settings, progress, columns, fhir):
        yield work.of_batches([batch])


def _parts_of_table(
    path: Path, knowledge: Knowledge, settings: Settings, output: Callable[[Any], Output], processes: int,
    progress: Progress | None, columns: Mapping[str, str] | None, reading: bool,
) -> Iterator[Part[Output]]:  # fmt: skip
    if processes > 1 and path.suffix.lower() == ".parquet":
        from ..read.tabular.long import LongFile, is_long

        file = LongFile(path, columns, settings.at.missing) if is_long(path, columns) else None
        ranges = None if file is None else file.ranges()
        if file is not None and ranges is not None:
            tasks = file.tasks(ranges, at_least=processes * ENOUGH_TASKS)
            work = _OfRows(path, columns, knowledge, settings, output, reading)
            work.before_sharing()
            for done, part in enumerate(in_turn(tasks, work.of_rows, processes), start=1):
                if progress is not None:
                    progress(_share(path, done, len(tasks)))
                yield part
            return
    alone = _Work(knowledge, settings, output, reading)
    missing = settings.at.missing
    for batch in read_columns(path, settings.facts(knowledge), progress, columns, settings.courses, missing=missing):
        yield alone.of_batches([batch])


def _share(path: Path, done: int, parts: int) -> int:
    """The bytes of a file that one more of so many parts is worth."""
    size = source_size(path)
    return size * done // parts - size * (done - 1) // parts


def _batches(path: Sources, progress: Progress | None) -> Iterator[list[Piece | Trouble]]:
    batch: list[Piece | Trouble] = []
    size = 0
    for piece in pieces_of(path, deleted=False):
        batch.append(piece)
        if isinstance(piece, Piece):
            size += len(piece.content)
            if progress is not None and piece.size:
                progress(piece.size)
        if size >= BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def review_file(
    path: str | Path,
    output: str | Path,
    knowledge: Knowledge,
    settings: Settings,
    *,
    processes: int | None = None,
    columns: Mapping[str, str] | None = None,
) -> Summary:
    """Review a source and write its findings, patients, episodes and specimens as Parquet or CSV, as
    `review -o FILE.parquet`, with a manifest beside them.

    Gives the counts over all patients. Raises `AskedWrongly` where the source cannot be read as what it is, or an
    output cannot be written.
    """
    from ..write.tables.file import FindingsFile

    path, output = path_given(path), path_given(output, "output")
    summary = Summary()
    with FindingsFile(output, path, carried=settings.carried) as file:
        for part in review_parts(
            path, knowledge, settings, file.batch, processes=processes or processes_for(path), columns=columns
        ):
            summary.merge(part.summary)
            for item in part.items:
                file.put(item)
        file.put_manifest(manifest_of(path, knowledge, settings, summary, columns=columns))
    return summary
