"""CSV and Parquet in the long format: one row one event, as tables of whole patients.

Columns: `patient` (or `patient_id`, `id`), `date` (or `day`), `fact`, `value`, and where there are any `unit`,
`product`, `qualifier` (or `brand`, `method`), `specimen`, `origin`. A file is read part by part, so that memory stays
flat. Where the rows of a patient do not stand together that is said, and the file is sorted in memory.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from operator import lt
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from ...facts.problem import AskedWrongly
from ...record.columns import Whole
from ...record.event import Trouble
from .coded import Coded, coded_words, plain_patients, starts_of
from .csv_rows import FEW_ROWS, FIRST_ROW, CsvFile, NotForArrow
from .file import csv_file, require_distinct
from .words import BROKEN, UNREADABLE, is_missing, is_plain, require_in_dictionaries, words_of

PATIENT = ("patient", "patient_id", "id")
ALIASES = {
    "patient": PATIENT, "date": ("date", "day", "test_date"), "fact": ("fact",), "value": ("value",), "unit": ("unit",),
    "product": ("product",), "qualifier": ("qualifier", "brand", "method"), "specimen": ("specimen",),
    "origin": ("origin",),
}  # fmt: skip
"""The columns that are read, and the names they may bear."""
ROWS_AT_ONCE = 600_000
"""About so many rows are read and reviewed together."""


def is_long(path: Path, columns: Mapping[str, str] | None = None) -> bool:
    """Whether a CSV or Parquet file has the columns `fact` and `value`. A file that cannot be opened has not."""
    try:
        names = set(names_of(path))
    except (AskedWrongly, *UNREADABLE):
        return False
    mapped = columns or {}
    return all(mapped.get(name, name) in names for name in ("fact", "value"))


def require_wide(path: Path, names: Collection[str], facts: Collection[str]) -> None:
    """Raise `AskedWrongly` where a table has one event a row, and no column of its own for a fact."""
    of_events = {other for others in ALIASES.values() for other in others}
    if {"fact", "value"} <= set(names) and not [name for name in names if name in facts and name not in of_events]:
        raise AskedWrongly(
            f"{path}: the file has one event a row (columns fact and value); decide wants a row for each patient or "
            "specimen, with a column for each fact. her2path review reads this file"
        )


def names_of(path: Path) -> list[str]:
    """The names of the columns of a file."""
    if path.suffix.lower() == ".parquet":
        import pyarrow.parquet as pq  # slow to import, and not needed for a CSV

        return [str(name) for name in pq.ParquetFile(path).schema_arrow.names]
    return csv_file(path).names


def places_of(names: list[str], columns: Mapping[str, str]) -> dict[str, str]:
    """Which column of the file holds which of ours. Raises `AskedWrongly` for one that is not there."""
    for name, column in columns.items():
        if column not in names:
            raise AskedWrongly(f"no column is called {column!r}; there are {', '.join(names)}")
        if name not in ALIASES and not any(name in others for others in ALIASES.values()):
            known = ", ".join(ALIASES)
            raise AskedWrongly(f"--column {name}={column}: a file of one event a row has the columns {known}")
    places: dict[str, str] = {}
    for name, others in ALIASES.items():
        for other in others:
            column = columns.get(other, other if other in names else "")
            if column:
                places[name] = column
                break
    return places


@dataclass(frozen=True, slots=True)
class Part:
    """Rows of whole patients with our names, and the number of each row in the file; `joint` stands in a place between
    that number and what the row names as its origin."""

    table: Any
    numbers: Whole
    joint: str = " "


class LongFile:
    """A file in the long format.

    Raises `AskedWrongly` where it is no CSV or Parquet, or has not the columns of the long format.
    """

    def __init__(self, path: Path, columns: Mapping[str, str] | None = None, missing: Collection[str] = ()) -> None:
        self.path, self.missing = path, missing
        self.is_parquet = path.suffix.lower() == ".parquet"
        self._read: dict[int, Any] = {}
        self.csv: CsvFile | None = None
        try:
            if self.is_parquet:
                import pyarrow.parquet as pq  # slow to import, and not needed for a CSV

                self._schema = pq.ParquetFile(path).schema_arrow
                self.names = [str(name) for name in self._schema.names]
                require_distinct(path, self.names)
            else:
                self.csv = csv_file(path)
                self.names = self.csv.names
        except UNREADABLE as error:
            if isinstance(error, AskedWrongly):
                raise
            raise AskedWrongly(f"{path}: this is no {self._kind} file: {error}") from error
        self.places = places_of(self.names, columns or {})
        needed = [name for name in ("patient", "fact", "value") if name not in self.places]
        if needed:
            words = " or ".join(PATIENT) if "patient" in needed else ", ".join(needed)
            raise AskedWrongly(f"{path}: no column is called {words}; the columns are {', '.join(self.names)}")
        if self.is_parquet:
            self._require_plain()

    @property
    def _kind(self) -> str:
        return "Parquet" if self.is_parquet else "CSV"

    def _require_plain(self) -> None:
        """Raise `AskedWrongly` where no row can say whose it is or what; leave out origins that are no words."""
        for name, column in list(self.places.items()):
            kind = self._schema.field(column).type
            if is_plain(kind):
                continue
            if name == "origin":
                del self.places[name]
            elif name in ("patient", "fact"):
                raise AskedWrongly(f"{self.path}: the column {column} holds {kind}; expected text ({name})")

    # -- Parquet ----------------------------------------------------------------------------

    @cached_property
    def _parquet(self) -> Any:
        import pyarrow.parquet as pq

        try:
            short = [column for column in self.places.values() if pa.types.is_string(self._schema.field(column).type)]
            return pq.ParquetFile(self.path, read_dictionary=short)
        except UNREADABLE as error:
            raise AskedWrongly(f"{self.path}: this is no Parquet file: {error}") from error

    @cached_property
    def _ends(self) -> Whole:
        """The row after the last of each row group."""
        metadata = self._parquet.metadata
        return np.cumsum([metadata.row_group(number).num_rows for number in range(self._parquet.num_row_groups)])

    def ranges(self) -> list[tuple[int, int]] | None:
        """Ranges of rows of a Parquet file that hold whole patients, in the order of the file; `None` where the rows of
        a patient do not stand together. Only the patients are read for it."""
        ranges: list[tuple[int, int]] = []
        seen_before = Patients()
        start = seen = 0
        last: Any = None
        for number, end in enumerate(self._ends.tolist()):
            try:
                table = self._parquet.read_row_group(number, [self.places["patient"]])
                column = require_in_dictionaries(table).column(0)
                begins, names = self._begins(column)
            except UNREADABLE as error:
                raise AskedWrongly(f"{self.path}: the patients cannot be read: {error}") from error
            if not len(names):
                continue
            after = words_of(names[-1:])[0]
            if last and words_of(names[:1])[0] == last:
                begins, names = begins[1:], names[1:]
            elif last is not None and seen - start >= ROWS_AT_ONCE:
                ranges.append((start, seen))
                start = seen
            seen_before.add(names)
            while (place := int(np.searchsorted(begins, start + ROWS_AT_ONCE - seen))) < len(begins):
                ranges.append((start, seen + int(begins[place])))
                start = seen + int(begins[place])
            last, seen = after, end
        if seen > start:
            ranges.append((start, seen))
        return None if seen_before.any_again() else ranges

    def read(self, start: int, end: int) -> Part:
        """The rows of a Parquet file from `start` to `end`."""
        first, last = self._group(start), self._group(end - 1)
        table = self._groups(first, last)
        before = int(self._ends[first - 1]) if first else 0
        return Part(self._ours(table.slice(start - before, end - start)), np.arange(start, end) + FIRST_ROW)

    def _group(self, row: int) -> int:
        """The row group of a row."""
        return int(np.searchsorted(self._ends, row, side="right"))

    def _groups(self, first: int, last: int) -> Any:
        """The rows of some row groups; those read last are kept, as the next range begins where this one ends."""
        self._read = {number: table for number, table in self._read.items() if number >= first}
        columns = list(dict.fromkeys(self.places.values()))
        for number in range(first, last + 1):
            if number not in self._read:
                try:
                    self._read[number] = require_in_dictionaries(self._parquet.read_row_group(number, columns))
                except UNREADABLE as error:
                    row = (int(self._ends[number - 1]) if number else 0) + FIRST_ROW
                    raise AskedWrongly(f"{self.path}: the rows from {row} on cannot be read: {error}") from error
        return pa.concat_tables([self._read[number] for number in range(first, last + 1)])

    def tasks(self, ranges: list[tuple[int, int]], at_least: int) -> list[list[tuple[int, int]]]:
        """Ranges that begin in one row group together, so that it is read once; one by one where they are few."""
        if len(ranges) < at_least:
            return [[each] for each in ranges]
        return [list(listed) for _, listed in groupby(ranges, lambda each: self._group(each[0]))]

    def _patients(self, column: Any) -> Coded:
        """The patients of a column; one named by a word for a missing value is nobody."""
        ids = coded_words(column)
        if self.missing and any(is_missing(word, self.missing) for word in ids.words):
            return Coded(ids.places, [None if is_missing(word, self.missing) else word for word in ids.words])
        return ids

    def _begins(self, column: Any) -> tuple[Whole, Any]:
        """Where each patient of a column begins, and the names of these as an Arrow array."""
        plain = None if self.missing else plain_patients(column)
        if plain is not None:
            return plain
        ids = self._patients(column)
        begins = starts_of(ids)
        return begins, pa.array(ids.at(begins), pa.string())

    def _ours(self, table: Any) -> Any:
        """A table with our names, in our order."""
        ours = table.select([self.places[name] for name in self.places]).rename_columns(list(self.places))
        if self.missing:
            ids = self._patients(ours.column("patient"))
            named = pa.array(ids.at(np.arange(len(ids))), pa.string())
            ours = ours.set_column(ours.column_names.index("patient"), "patient", pa.chunked_array([named]))
        return ours

    # -- any file ---------------------------------------------------------------------------

    def parts(self) -> Iterator[Part | Trouble]:
        """The rows of the file as parts of whole patients, and what is wrong with it."""
        if self.is_parquet:
            ranges = self.ranges()
            if ranges is not None:
                for start, end in ranges:
                    yield self.read(start, end)
                return
        elif self._stands_together():
            yield from self._in_turn()
            return
        yield Trouble(
            "order", self.path.name, "the rows of a patient do not stand together; the whole file was sorted in memory"
        )
        yield from self._sorted()

    def _batches(self) -> Iterator[tuple[Any, Whole]]:
        """The rows of a file with their numbers, many at a time. Raises `NotForArrow` for a CSV."""
        if self.csv is not None:
            yield from self.csv.tables()
            return
        first = FIRST_ROW
        try:
            for batch in self._parquet.iter_batches(ROWS_AT_ONCE, columns=[*dict.fromkeys(self.places.values())]):
                yield require_in_dictionaries(pa.Table.from_batches([batch])), np.arange(first, first + batch.num_rows)
                first += batch.num_rows
        except UNREADABLE as error:
            raise AskedWrongly(f"{self.path}: the rows from {first} on cannot be read: {error}") from error

    def _numbered(self) -> Iterator[Part]:
        for table, numbers in self._batches():
            yield Part(self._ours(table), numbers)

    def _told(self) -> list[Trouble]:
        """What was wrong with the rows read until now; once."""
        told: list[Trouble] = []
        if self.csv is not None:
            told, self.csv.told = self.csv.told, []
        return told

    def _stands_together(self) -> bool:
        """Whether the rows of each patient of a CSV stand together; from here on it is known how the file is read."""
        assert self.csv is not None
        try:
            return self._is_together()
        except NotForArrow:
            self.csv.by_row = True
            together = self._is_together()
            self.csv.told = []
            return together

    def _is_together(self) -> bool:
        seen_before = Patients()
        last: Any = None
        for table, _ in self._batches():
            _, names = self._begins(table.column(self.places["patient"]))
            if not len(names):
                continue
            seen_before.add(names[1:] if words_of(names[:1])[0] == last else names)
            last = words_of(names[-1:])[0]
        return not seen_before.any_again()

    def _in_turn(self) -> Iterator[Part | Trouble]:
        """Parts of whole patients, in the order of the file; the last patient of a batch waits for the next."""
        waiting: Part | None = None
        for part in self._numbered():
            yield from self._told()
            both = part if waiting is None else _joined(waiting, part)
            cut = int(starts_of(coded_words(both.table.column("patient")))[-1]) if both.table.num_rows else 0
            if cut:
                yield Part(both.table.slice(0, cut), both.numbers[:cut])
            waiting = Part(both.table.slice(cut), both.numbers[cut:])
        yield from self._told()
        if waiting is not None and waiting.table.num_rows:
            yield waiting

    def _sorted(self) -> Iterator[Part | Trouble]:
        """The rows of a file by patient, in the order of the file within each."""
        parts = list(self._numbered())
        yield from self._told()
        numbers = np.concatenate([part.numbers for part in parts]) if parts else np.zeros(0, np.int64)
        if not len(numbers):
            return
        table = pa.concat_tables([part.table for part in parts]).combine_chunks()
        ids = coded_words(table.column("patient"))
        words = np.array([word or "" for word in ids.words] + [""], object)
        rank = np.empty(len(words), np.int64)
        rank[np.argsort(words, kind="stable")] = np.arange(len(words))
        order = np.argsort(rank[ids.places], kind="stable")
        table, numbers = table.take(pa.array(order)), numbers[order]
        start = 0
        for begin in [*starts_of(coded_words(table.column("patient"))).tolist(), table.num_rows]:
            if begin - start >= ROWS_AT_ONCE or begin == table.num_rows:
                yield Part(table.slice(start, begin - start), numbers[start:begin])
                start = begin


def _joined(one: Part, other: Part) -> Part:
    return Part(pa.concat_tables([one.table, other.table]), np.concatenate([one.numbers, other.numbers]))


class Patients:
    """Patients as their rows begin; whoever has no name is nobody's double.

    Names that stand in their order are all different. Others are known by eight bytes each.
    """

    def __init__(self) -> None:
        self._hashes: list[Whole] = []
        self._in_order: list[Any] | None = []
        """The names so far, Arrow arrays, while each stands behind the one before."""

    def add(self, names: Any) -> None:
        """Take note of an Arrow array of names."""
        if self._in_order is not None:
            self._in_order.append(names)
            if self._follow():
                return
            earlier, self._in_order = self._in_order, None
            for each in earlier:
                self._take(each)
        else:
            self._take(names)

    def _follow(self) -> bool:
        """Whether the names that came last stand in order, behind all before them."""
        *before, names = self._in_order or []
        if not len(names):
            return True
        edges = [*[each[-1:] for each in before if len(each)][-1:], names if len(names) <= FEW_ROWS else names[:1]]
        words = [word or "" for edge in edges for word in words_of(edge)]
        # Bytes that are no UTF-8 are shown in words, and do not sort as these.
        if any(BROKEN in word for word in words) or not all(map(lt, words, words[1:])):
            return False
        if len(names) <= FEW_ROWS:
            return True
        import pyarrow.compute as pc  # slow to import, and not needed for few

        return not names.null_count and bool(pc.all(pc.greater(names[1:], names[:-1])).as_py())

    def _take(self, names: Any) -> None:
        self._hashes.append(np.fromiter((hash(word) for word in words_of(names) if word), np.int64))

    def any_again(self) -> bool:
        """Whether somebody began twice."""
        hashes = np.sort(np.concatenate([np.zeros(0, np.int64), *self._hashes]))
        return bool((hashes[1:] == hashes[:-1]).any())
