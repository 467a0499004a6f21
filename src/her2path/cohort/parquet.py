"""From a Parquet file of events to a Parquet file of findings: batches of whole patients, several processes.

Each batch is read, decided as columns, and written; memory is that of a few batches. Patients who are not plain
(`population.py`) are reviewed one by one in between, with the same result as `her2path review` of a record.
"""

from __future__ import annotations

import os
import sys
from collections import Counter, deque
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from ..facts.problem import AskedWrongly
from ..findings.course import Courses
from ..findings.many import review_columns
from ..findings.patient import Reviewer, Settings
from ..findings.questions import read_sayings
from ..findings.specimen_kinds import ManySpecimens
from ..findings.told import Findings
from ..history.course_facts import Column
from ..history.names import HER2_PRODUCTS
from ..read.tabular.columns import ColumnReader, EventFile, changes, coded_words
from ..record.columns import EventColumns
from ..record.event import Trouble
from ..tables.library import Knowledge

WAITING = 2
SCHEMA = pa.schema([
    ("patient", pa.string()),
    *((name, pa.dictionary(pa.int32(), pa.string())) for name in ("grade", "outcome", "value", "edition", "rows")),
])  # fmt: skip


@dataclass(slots=True)
class Batch:
    """What came of one batch: the findings as a table, patients counted, and what could not be read."""

    table: Any
    patients: int
    one_by_one: int
    troubles: list[Trouble] = field(default_factory=list)


@dataclass(slots=True)
class Total:
    """Counts over a whole file."""

    patients: int = 0
    findings: int = 0
    one_by_one: int = 0
    grades: Counter[str] = field(default_factory=Counter)
    troubles: list[Trouble] = field(default_factory=list)


class ManyReviewer:
    """Reviews batches; one stands in every process."""

    def __init__(self, knowledge: Knowledge, settings: Settings, path: Path) -> None:
        self.path = path
        self.file: EventFile | None = None
        self.reader = ColumnReader(knowledge.facts, path.name)
        self.reviewer = Reviewer(knowledge, settings)
        self.specimens = ManySpecimens(self.reviewer)
        self.courses = Courses(knowledge, settings.at, settings.on, settings.jurisdiction)

    def review_rows(self, start: int, end: int) -> Batch:
        """The findings of a range of rows; each process opens the file itself."""
        if self.file is None:
            self.file = EventFile(self.path)
        return self.review(self.file.read(start, end))

    def review(self, table: Any) -> Batch:
        """The findings of a table of whole patients."""
        events, patients, troubles = self.reader.read(table)
        her2 = dict(self.specimens.columns(events))
        reviewed = self._reviewed(events, her2)
        found = review_columns(events, self.courses, her2)
        single = np.intersect1d(found.not_plain, np.flatnonzero(reviewed))
        kept = reviewed.copy()
        kept[single] = False
        parts = [self._table(found, patients, kept)]
        if len(single):
            parts.append(self._one_by_one(table, patients, single))
        return Batch(pa.concat_tables(parts).unify_dictionaries(), len(patients), len(single), troubles)

    def _reviewed(self, events: EventColumns, her2: dict[str, Column]) -> Any:
        """Whose course is reviewed: those with a HER2-directed drug, or a tumour that asks for one."""
        drugs = np.array([name in HER2_PRODUCTS for name in events.products] or [False], np.bool_)
        made = np.zeros(events.patients, np.bool_)
        made[events.owner()[drugs[events.product]]] = True
        facts = self.courses.knowledge.facts
        status, classes = facts["her2_status"].values, facts["her2_expression"].values
        made |= her2["her2_status"] == status.index("positive")
        return made | np.isin(her2["her2_expression"], [classes.index("low"), classes.index("ultralow")])

    @staticmethod
    def _table(found: Findings, patients: list[str], kept: Any) -> Any:
        rows = np.flatnonzero(kept[found.patient])
        saying = found.saying[rows].astype(np.int32)
        behind = found.rows[rows].astype(np.int32)
        words = {
            "grade": [each.grade.word for each in found.sayings], "outcome": [each.outcome for each in found.sayings],
            "value": [each.value for each in found.sayings],
        }  # fmt: skip
        columns = [pa.array(patients, pa.string()).take(pa.array(found.patient[rows]))]
        columns += [_dictionary(saying, words[name]) for name in ("grade", "outcome", "value")]
        columns += [_dictionary(behind, [pair[place] for pair in found.row_words]) for place in (0, 1)]
        return pa.Table.from_arrays(columns, schema=SCHEMA)

    def _one_by_one(self, table: Any, patients: list[str], single: Any) -> Any:
        """The findings of patients whose values are only partly known."""
        starts = np.flatnonzero(np.concatenate([[True], changes(coded_words(table.column("patient")))]))
        ends = np.append(starts[1:], table.num_rows)
        rows: list[tuple[str, ...]] = []
        for place in single.tolist():
            record = self.reader.record(table, int(starts[place]), int(ends[place]))
            course = self.reviewer.review(record).course
            for finding in course.findings if course is not None else ():
                key, _, value = finding.key.partition(": ")
                if key:
                    decided = course.standing.decisions.get(key) if course is not None else None
                    edition = decided.edition.key if decided is not None else ""
                    of_last = [row for row in finding.rows if row.startswith(f"{key.partition(' of ')[0]}:")]
                    rows.append((patients[place], finding.grade.word, key.partition(" of ")[0], value, edition,
                                 "; ".join(of_last)))  # fmt: skip
        columns: list[Any] = list(zip(*rows, strict=True)) if rows else [()] * len(SCHEMA)
        made = [pa.array(column, pa.string()) for column in columns]
        return pa.Table.from_arrays([made[0], *(each.dictionary_encode() for each in made[1:])], schema=SCHEMA)


def _dictionary(places: Any, words: list[str]) -> Any:
    return pa.DictionaryArray.from_arrays(pa.array(places), pa.array(words, pa.string()))


def review_file(
    path: Path, output: Path, knowledge: Knowledge, settings: Settings, *, processes: int | None = None
) -> Total:
    """Review a Parquet file of events in the long format; write the findings, one a row, to another.

    Raises `AskedWrongly` where the file has not the columns, or the output cannot be written.
    """
    if output.exists() and output.samefile(path):
        raise AskedWrongly(f"{output} is what is read; write to another file")
    read_sayings()
    reviewer = ManyReviewer(knowledge, settings, path)
    reviewer.courses.heart_tables(False)
    total = Total()
    try:
        writer = pq.ParquetWriter(output, SCHEMA)
    except OSError as error:
        raise AskedWrongly(f"{output}: the file cannot be written: {error.strerror or error}") from error
    grades: Counter[str] = Counter()
    with writer:
        for batch in _batches(path, reviewer, processes or (os.cpu_count() or 1)):
            total.patients += batch.patients
            total.one_by_one += batch.one_by_one
            total.findings += batch.table.num_rows
            total.troubles += [each for each in batch.troubles if each not in total.troubles]
            for counted in batch.table.column("grade").value_counts().to_pylist():
                grades[counted["values"]] += counted["counts"]
            writer.write_table(batch.table)
    total.grades = grades
    return total


_here: list[ManyReviewer] = []
"""The reviewer of this process: the processes are forked with it."""


def _review(start: int, end: int) -> Batch:
    return _here[-1].review_rows(start, end)


def _batches(path: Path, reviewer: ManyReviewer, processes: int) -> Iterator[Batch]:
    ranges = EventFile(path).ranges()
    if processes <= 1 or sys.platform != "linux":
        for start, end in ranges:
            yield reviewer.review_rows(start, end)
        return
    waiting: deque[Future[Batch]] = deque()
    _here.append(reviewer)
    try:
        with ProcessPoolExecutor(processes, mp_context=get_context("fork")) as pool:
            for start, end in ranges:
                waiting.append(pool.submit(_review, start, end))
                if len(waiting) >= processes * WAITING:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
    finally:
        _here.remove(reviewer)
