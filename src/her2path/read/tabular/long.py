"""CSV and Parquet in the long format: one row one event, as tables of whole patients.

Columns: `patient` (or `patient_id`, `id`), `date` (or `day`), `fact`, `value`, and where there are any `unit`,
`product`, `qualifier` (or `brand`, `method`), `specimen`, `origin`. A file is read part by part, so that memory stays
flat. Where the rows of a patient do not stand together that is said, and the file is sorted in memory.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as pc_csv

from ...facts.problem import AskedWrongly
from ...record.columns import Flags, Whole
from ...record.event import Trouble
from .file import LONGEST_ROWS_BYTES, csv_header, csv_trouble

PATIENT = ("patient", "patient_id", "id")
ALIASES = {
    "patient": PATIENT, "date": ("date", "day", "test_date"), "fact": ("fact",), "value": ("value",), "unit": ("unit",),
    "product": ("product",), "qualifier": ("qualifier", "brand", "method"), "specimen": ("specimen",),
    "origin": ("origin",),
}  # fmt: skip
"""The columns that are read, and the names they may bear."""
ROWS_AT_ONCE = 300_000
"""About so many rows are read and reviewed together."""
FEW_ROWS = 2_000
"""Up to so many rows are coded without `pyarrow.compute`, which is slow to import."""
FIRST_ROW = 2
"""The number of the first row: the header is row 1."""


def is_long(path: Path, columns: Mapping[str, str] | None = None) -> bool:
    """Whether a CSV or Parquet file has the columns `fact` and `value`. A file that cannot be opened has not."""
    try:
        names = set(names_of(path))
    except (AskedWrongly, OSError, pa.ArrowException):
        return False
    mapped = columns or {}
    return all(mapped.get(name, name) in names for name in ("fact", "value"))


def names_of(path: Path) -> list[str]:
    """The names of the columns of a file."""
    if path.suffix.lower() == ".parquet":
        import pyarrow.parquet as pq  # slow to import, and not needed for a CSV

        return [str(name) for name in pq.ParquetFile(path).schema_arrow.names]
    return [name.strip() for name in csv_header(path)[0]]


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
    """Rows of whole patients with our names, and the number of each row in the file."""

    table: Any
    numbers: Whole


class LongFile:
    """A file in the long format.

    Raises `AskedWrongly` where it is no CSV or Parquet, or has not the columns of the long format.
    """

    def __init__(self, path: Path, columns: Mapping[str, str] | None = None) -> None:
        self.path = path
        try:
            self.names = names_of(path)
        except (pa.ArrowException, OSError) as error:
            raise AskedWrongly(f"{path}: this is no Parquet file: {error}") from error
        self.places = places_of(self.names, columns or {})
        missing = [name for name in ("patient", "fact", "value") if name not in self.places]
        if missing:
            words = " or ".join(PATIENT) if "patient" in missing else ", ".join(missing)
            raise AskedWrongly(f"{path}: no column is called {words}; the columns are {', '.join(self.names)}")
        self.is_parquet = path.suffix.lower() == ".parquet"
        self._read: dict[int, Any] = {}
        if self.is_parquet:
            self._require_plain()

    def _require_plain(self) -> None:
        """Raise `AskedWrongly` for a column that holds no text, numbers or days."""
        import pyarrow.parquet as pq

        schema = pq.ParquetFile(self.path).schema_arrow
        for name, column in self.places.items():
            kind = schema.field(column).type
            kind = kind.value_type if pa.types.is_dictionary(kind) else kind
            if pa.types.is_nested(kind) or pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
                raise AskedWrongly(
                    f"{self.path}: the column {column} holds {kind}; expected text, numbers or days ({name})"
                )

    # -- Parquet ----------------------------------------------------------------------------

    @cached_property
    def _parquet(self) -> Any:
        import pyarrow.parquet as pq

        try:
            schema = pq.ParquetFile(self.path).schema_arrow
            short = [column for column in self.places.values() if pa.types.is_string(schema.field(column).type)]
            return pq.ParquetFile(self.path, read_dictionary=short)
        except (pa.ArrowException, OSError, KeyError) as error:
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
                ids = coded_words(self._parquet.read_row_group(number, [self.places["patient"]]).column(0))
            except (pa.ArrowException, OSError, KeyError) as error:
                raise AskedWrongly(f"{self.path}: the patients cannot be read: {error}") from error
            if not len(ids):
                continue
            begins = starts_of(ids)
            words = ids.at(begins)
            if last is not None and words[0] == last and last:
                begins, words = begins[1:], words[1:]
            elif last is not None and seen - start >= ROWS_AT_ONCE:
                ranges.append((start, seen))
                start = seen
            seen_before.add(words)
            while (place := int(np.searchsorted(begins, start + ROWS_AT_ONCE - seen))) < len(begins):
                ranges.append((start, seen + int(begins[place])))
                start = seen + int(begins[place])
            last, seen = ids.at(np.array([-1]))[0], end
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
                    self._read[number] = self._parquet.read_row_group(number, columns)
                except (pa.ArrowException, OSError, KeyError) as error:
                    row = (int(self._ends[number - 1]) if number else 0) + FIRST_ROW
                    raise AskedWrongly(f"{self.path}: the rows from {row} on cannot be read: {error}") from error
        return pa.concat_tables([self._read[number] for number in range(first, last + 1)])

    def tasks(self, ranges: list[tuple[int, int]], at_least: int) -> list[list[tuple[int, int]]]:
        """Ranges that begin in one row group together, so that it is read once; one by one where they are few."""
        if len(ranges) < at_least:
            return [[each] for each in ranges]
        return [list(listed) for _, listed in groupby(ranges, lambda each: self._group(each[0]))]

    def _ours(self, table: Any) -> Any:
        """A table with our names, in our order."""
        return table.select([self.places[name] for name in self.places]).rename_columns(list(self.places))

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

    def _batches(self, told: list[Trouble], skipped: list[int]) -> Iterator[Any]:
        """The rows of a file, many at a time; a CSV row of another width is told, and left out."""
        if self.is_parquet:
            for batch in self._parquet.iter_batches(batch_size=ROWS_AT_ONCE):
                yield pa.Table.from_batches([batch])
            return
        name = self.path.name

        def skip(row: Any) -> str:
            what = f"the row has {row.actual_columns} cells, but the header has {row.expected_columns}; it is left out"
            told.append(Trouble("unreadable", f"{name}:{row.number}" if row.number else name, what))
            skipped.append(row.number or 0)
            return "skip"

        header, separator = csv_header(self.path)
        try:
            reader = pc_csv.open_csv(
                self.path,
                pc_csv.ReadOptions(use_threads=False, autogenerate_column_names=True, block_size=LONGEST_ROWS_BYTES),
                pc_csv.ParseOptions(delimiter=separator, newlines_in_values=True, invalid_row_handler=skip),
                pc_csv.ConvertOptions(column_types={f"f{place}": pa.string() for place in range(len(header))}),
            )
            # Closed at once: a thread of the reader holds a function of ours, and must not outlive Python.
            with reader:
                for first, batch in enumerate(reader):
                    rows = pa.Table.from_batches([batch.slice(1) if first == 0 else batch])
                    yield rows.rename_columns(self.names)
        except pa.ArrowInvalid as error:
            raise AskedWrongly(f"{self.path}: {csv_trouble(self.path, separator, len(header)) or error}") from error

    def _numbered(self, told: list[Trouble]) -> Iterator[Part]:
        """The rows of a file with their numbers; a row that was left out keeps its number."""
        first = FIRST_ROW
        skipped: list[int] = []
        for table in self._batches(told, skipped):
            numbers = np.arange(first, first + table.num_rows + len(skipped))
            numbers = numbers[~np.isin(numbers, skipped)][: table.num_rows] if skipped else numbers
            if table.num_rows:
                first = int(numbers[-1]) + 1
            yield Part(self._ours(table), numbers)

    def _stands_together(self) -> bool:
        """Whether the rows of each patient of a CSV stand together."""
        seen_before = Patients()
        last: Any = None
        for table in self._batches([], []):
            ids = coded_words(table.column(self.places["patient"]))
            if not len(ids):
                continue
            words = ids.at(starts_of(ids))
            seen_before.add(words[1:] if words[0] == last else words)
            last = ids.at(np.array([-1]))[0]
        return not seen_before.any_again()

    def _in_turn(self) -> Iterator[Part | Trouble]:
        """Parts of whole patients, in the order of the file; the last patient of a batch waits for the next."""
        waiting: Part | None = None
        told: list[Trouble] = []
        for part in self._numbered(told):
            yield from told
            told.clear()
            both = part if waiting is None else _joined(waiting, part)
            cut = int(starts_of(coded_words(both.table.column("patient")))[-1]) if both.table.num_rows else 0
            if cut:
                yield Part(both.table.slice(0, cut), both.numbers[:cut])
            waiting = Part(both.table.slice(cut), both.numbers[cut:])
        yield from told
        if waiting is not None and waiting.table.num_rows:
            yield waiting

    def _sorted(self) -> Iterator[Part | Trouble]:
        """The rows of a file by patient, in the order of the file within each."""
        told: list[Trouble] = []
        parts = list(self._numbered(told))
        yield from told
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
    """Patients as their rows begin, eight bytes each; whoever has no name is nobody's double."""

    def __init__(self) -> None:
        self._hashes: list[Whole] = []

    def add(self, words: list[str | None]) -> None:
        self._hashes.append(np.fromiter((hash(word) for word in words if word), np.int64))

    def any_again(self) -> bool:
        """Whether somebody began twice."""
        hashes = np.sort(np.concatenate([np.zeros(0, np.int64), *self._hashes]))
        return bool((hashes[1:] == hashes[:-1]).any())


@dataclass(frozen=True, slots=True)
class Coded:
    """A column as places in its distinct words; -1 where a cell holds nothing."""

    places: Whole
    words: list[str | None]

    def __len__(self) -> int:
        return len(self.places)

    def at(self, rows: Whole) -> list[str | None]:
        """The words of some rows."""
        listed = [*self.words, None]
        return [listed[place] for place in self.places[rows].tolist()]


def coded_words(column: Any) -> Coded:
    """A chunked column of words or numbers as places in distinct words."""
    if len(column) <= FEW_ROWS and pa.types.is_string(column.type):
        places: dict[str | None, int] = {None: -1}
        rows = [places.setdefault(word, len(places) - 1) for word in column.to_pylist()]
        return Coded(np.array(rows, np.int64), list(places)[1:])
    if not pa.types.is_dictionary(column.type):
        column = column.cast(pa.string()).dictionary_encode()
    chunk = column.unify_dictionaries().combine_chunks()
    if isinstance(chunk, pa.ChunkedArray):
        chunk = chunk.chunk(0) if chunk.num_chunks else pa.array([], column.type)
    if chunk.type.value_type != pa.string():
        chunk = pa.DictionaryArray.from_arrays(chunk.indices, chunk.dictionary.cast(pa.string()))
    return Coded(chunk.indices.fill_null(-1).to_numpy().astype(np.int64), chunk.dictionary.to_pylist())


def distinct_numbers(numbers: Whole) -> tuple[list[int], Whole]:
    """The distinct numbers of a column, and the place of each of its numbers among them."""
    if len(numbers) <= FEW_ROWS:
        distinct, places = np.unique(numbers, return_inverse=True)
        return distinct.tolist(), places.reshape(-1)
    encoded = pa.array(numbers).dictionary_encode()
    return encoded.dictionary.to_pylist(), encoded.indices.to_numpy().astype(np.int64)


def starts_of(ids: Coded) -> Whole:
    """Where each patient begins, in a column of patients; a row without one is a patient by itself."""
    places = ids.places
    words = [word or "" for word in ids.words] if None in ids.words else ids.words
    stripped = list(map(str.strip, words))  # type: ignore[arg-type]
    blank = {place for place, word in enumerate(stripped) if not word} if "" in stripped else ()
    begins: Flags = np.ones(len(places), np.bool_)
    begins[1:] = places[1:] != places[:-1]
    if blank or (places < 0).any():
        begins |= np.isin(places, [-1, *blank])
    return np.flatnonzero(begins)
