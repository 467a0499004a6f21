"""The same review on many: a large source is reviewed by several processes, its order and its rules unchanged.

The pieces of the source go to the processes in batches, never more of them at a time than `WAITING` for
each process, so that memory stays bounded. Resources that come by themselves are laid out here, as ever.
"""

from __future__ import annotations

import os
import sys
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path

from ..facts.codes import read_codes
from ..findings.finding import PatientReview
from ..findings.patient import Reviewer, Settings
from ..findings.summary import Summary
from ..read.fhir.patient import read_record
from ..read.fhir.skim import Group, Resource, Skimmer
from ..read.files import Piece, read_pieces, source_size
from ..read.source import TABLES, Layout
from ..record.event import Trouble
from ..tables.library import Knowledge
from .review import review_source

WORTH_SHARING_BYTES = 8_000_000
"""A smaller source is done before the processes have started."""
BATCH_BYTES = 2_000_000
WAITING = 3


@dataclass(slots=True)
class Part:
    """What came of some pieces: patients as written, troubles between them, counts, and single resources."""

    items: list[str | Trouble] = field(default_factory=list)
    summary: Summary = field(default_factory=Summary)
    loose: list[tuple[str, str, bytes]] = field(default_factory=list)


Render = Callable[[PatientReview], str]


def processes_for(path: Path) -> int:
    """How many processes a source is worth: all cores for a large one on Linux, otherwise one."""
    if sys.platform != "linux" or path.suffix.lower() in TABLES or source_size(path) < WORTH_SHARING_BYTES:
        return 1
    return os.cpu_count() or 1


def review_parts(
    path: Path,
    knowledge: Knowledge,
    settings: Settings,
    render: Render,
    *,
    processes: int = 1,
    progress: Callable[[int], object] | None = None,
    columns: dict[str, str] | None = None,
) -> Iterator[Part]:
    """Review a source, part by part, in the order of the source; each patient is written by `render`."""
    if processes <= 1:
        for found in review_source(path, knowledge, settings, progress, columns):
            yield _part_of(found, render)
        return
    worker = Worker(knowledge, settings, render)
    with Layout() as layout:
        for part in _shared(path, worker, processes, progress):
            for patient, where, raw in part.loose:
                layout.add(Group(patient, where, [Resource(worker.skimmer.head_of(raw), raw, where)]))
            yield part
        for record in layout.records(worker.skimmer.codes, knowledge.facts):
            yield _part_of(worker.reviewer.review(record), render)


def _part_of(found: PatientReview | Trouble, render: Render) -> Part:
    part = Part()
    if isinstance(found, Trouble):
        part.items.append(found)
        part.summary.troubles += 1
    else:
        part.items.append(render(found))
        part.summary.add(found)
    return part


class Worker:
    """Reads and reviews pieces; one stands in every process."""

    def __init__(self, knowledge: Knowledge, settings: Settings, render: Render) -> None:
        self.knowledge = knowledge
        self.skimmer = Skimmer(read_codes(), settings.courses)
        self.reviewer = Reviewer(knowledge, settings)
        self.render = render

    def review(self, pieces: list[Piece | Trouble]) -> Part:
        """Everything that comes of some pieces."""
        part = Part()
        for piece in pieces:
            for found in [piece] if isinstance(piece, Trouble) else self.skimmer.skim(piece):
                if isinstance(found, Trouble):
                    part.items.append(found)
                    part.summary.troubles += 1
                elif found.alone:
                    part.loose += [(found.patient, each.where, bytes(each.raw)) for each in found.resources]
                else:
                    review = self.reviewer.review(read_record(found, self.skimmer.codes, self.knowledge.facts))
                    part.items.append(self.render(review))
                    part.summary.add(review)
        return part


_here: list[Worker] = []
"""The worker of this process: the processes are forked with it, so that nothing is read or compiled twice."""


def _review(pieces: list[Piece | Trouble]) -> Part:
    return _here[-1].review(pieces)


def _shared(path: Path, worker: Worker, processes: int, progress: Callable[[int], object] | None) -> Iterator[Part]:
    waiting: deque[Future[Part]] = deque()
    _here.append(worker)
    try:
        with ProcessPoolExecutor(processes, mp_context=get_context("fork")) as pool:
            try:
                for batch in _batches(path, progress):
                    waiting.append(pool.submit(_review, batch))
                    if len(waiting) >= processes * WAITING:
                        yield waiting.popleft().result()
                while waiting:
                    yield waiting.popleft().result()
            finally:
                for future in waiting:
                    future.cancel()
    finally:
        _here.remove(worker)


def _batches(path: Path, progress: Callable[[int], object] | None) -> Iterator[list[Piece | Trouble]]:
    batch: list[Piece | Trouble] = []
    size = 0
    for piece in read_pieces(path):
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
