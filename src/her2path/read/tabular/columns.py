"""The long format as columns: batches of whole patients, each distinct cell read once.

The file says one event a row (`read/long.py` has the columns and the rules of reading a cell). Here a batch of some
ten thousand patients becomes `EventColumns` for the review of many. The rows of a patient must stand together.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from ...facts.codes import read_codes
from ...facts.days import EPOCH
from ...facts.fact import Facts
from ...facts.problem import AskedWrongly
from ...facts.value import Reason, Unknown, Value
from ...history.kinds import METHODS as METHOD_CODES
from ...history.names import UNKNOWN
from ...record.columns import EventColumns
from ...record.event import Record, Trouble
from .long import METHODS, LongReader, places_of

ROWS_AT_ONCE = 600_000
Whole = npt.NDArray[np.int64]


class EventFile:
    """A Parquet file in the long format, read a range of rows at a time.

    Raises `AskedWrongly` where the file is no Parquet, or has not the columns of the long format.
    """

    def __init__(self, path: Path) -> None:
        try:
            names = [str(name) for name in pq.ParquetFile(path).schema_arrow.names]
        except (pa.ArrowException, OSError) as error:
            raise AskedWrongly(f"{path}: this is no Parquet file: {error}") from error
        self.places = places_of(names, {})
        missing = [name for name in ("patient", "date", "fact", "value") if name not in self.places]
        if missing:
            raise AskedWrongly(f"{path}: no column is called {', '.join(missing)}; the columns are {', '.join(names)}")
        short = [column for name, column in self.places.items() if name != "date"]
        self.file = pq.ParquetFile(path, read_dictionary=short)
        sizes = [self.file.metadata.row_group(number).num_rows for number in range(self.file.num_row_groups)]
        self.ends = np.cumsum(sizes)

    def ranges(self) -> Iterator[tuple[int, int]]:
        """Ranges of rows that hold whole patients, in the order of the file; only the patients are read for it."""
        start = seen = 0
        last: Any = None
        for number, end in enumerate(self.ends.tolist()):
            ids = coded_words(self.file.read_row_group(number, [self.places["patient"]]).column(0))
            if not len(ids):
                continue
            if last is not None and last != ids[0].as_py() and seen - start >= ROWS_AT_ONCE:
                yield start, seen
                start = seen
            at = _last_run(ids)
            if at and seen + at - start >= ROWS_AT_ONCE:
                yield start, seen + at
                start = seen + at
            last, seen = ids[len(ids) - 1].as_py(), end
        if seen > start:
            yield start, seen

    def read(self, start: int, end: int) -> Any:
        """The rows from `start` to `end` as a table with our names."""
        first, last = (int(np.searchsorted(self.ends, row, side="right")) for row in (start, end - 1))
        columns = list(dict.fromkeys(self.places.values()))
        table = self.file.read_row_groups(list(range(first, last + 1)), columns)
        table = table.select([self.places[name] for name in self.places]).rename_columns(list(self.places))
        before = int(self.ends[first - 1]) if first else 0
        return table.slice(start - before, end - start)


def whole_patients(path: Path) -> Iterator[Any]:
    """The rows of a Parquet file as tables of whole patients, in the order of the file."""
    file = EventFile(path)
    for start, end in file.ranges():
        yield file.read(start, end)


def coded_words(column: Any) -> Any:
    """A chunked column of words or numbers as one dictionary array of strings."""
    if not pa.types.is_dictionary(column.type):
        column = column.cast(pa.string()).dictionary_encode()
    chunk = column.unify_dictionaries().combine_chunks()
    if isinstance(chunk, pa.ChunkedArray):
        chunk = chunk.chunk(0) if chunk.num_chunks else pa.array([], column.type)
    return chunk


def changes(ids: Any) -> npt.NDArray[np.bool_]:
    """Between which neighbours of a dictionary array the word changes."""
    places = ids.indices.fill_null(-1).to_numpy()
    made: npt.NDArray[np.bool_] = places[1:] != places[:-1]
    return made


def _last_run(ids: Any) -> int:
    """Where the rows of the last patient begin."""
    found = np.flatnonzero(changes(ids))
    return int(found[-1]) + 1 if len(found) else 0


class ColumnReader:
    """Makes `EventColumns` of tables of whole patients; distinct cells are read once, by the reader of rows."""

    def __init__(self, facts: Facts, name: str) -> None:
        self.facts = facts
        self.name = name
        self._rows = LongReader(name, facts, read_codes())
        self._days: dict[Any, int] = {}

    def record(self, table: Any, start: int, end: int) -> Record:
        """One patient of a table as a record, read row by row."""
        rows = table.slice(start, end - start).to_pylist()
        record = self._rows.begin(str(rows[0]["patient"]), start)
        for number, cells in enumerate(rows, start=start):
            self._rows.take(record, cells, number)
        record.sort()
        return record

    def read(self, table: Any) -> tuple[EventColumns, list[str], list[Trouble]]:
        """The columns, the patients' names, and what could not be read (an unknown fact, a bad date)."""
        troubles: list[Trouble] = []
        ids = coded_words(table.column("patient"))
        starts = np.concatenate([[0], np.flatnonzero(changes(ids)) + 1, [len(ids)]]).astype(np.int64)
        patients = ["" if word is None else str(word) for word in ids.take(pa.array(starts[:-1])).to_pylist()]
        fact, fact_words = self._words(table, "fact")
        said, said_words = self._words(table, "value")
        unit, unit_words = self._words(table, "unit")
        product, product_words = self._words(table, "product")
        qualifier, qualifier_words = self._words(table, "qualifier")
        specimen, specimen_words = self._words(table, "specimen")
        value, values, odd = self._values((fact, fact_words), (said, said_words), (unit, unit_words))
        drugs = [self._rows.read_product(word) for word in product_words]
        troubles += [Trouble("unreadable", self.name, f"{why}; its rows are not read") for _, _, why in drugs if why]
        known = [word in self.facts for word in fact_words]
        for place, word in enumerate(fact_words):
            count = 0 if known[place] else int((fact == place).sum())
            if count:
                troubles.append(Trouble("unreadable", self.name, f"{self._rows.no_fact(word)} ({count} rows)"))
        usable = np.array(known)[fact] & np.array([not why for _, _, why in drugs])[product]
        day = self._dates(table.column("date"), troubles)
        kept = np.flatnonzero(usable)
        methods = np.array([METHOD_CODES.index(METHODS.get(word.lower(), "unspecified")) for word in qualifier_words])
        named = np.array([self._brand(self._rows.read_brand(word)) for word in qualifier_words])[qualifier]
        of_product = np.array([self._brand(brand) for _, brand, _ in drugs])[product]
        brand = np.where(named >= 0, named, of_product)
        columns = EventColumns(
            np.searchsorted(kept, starts).astype(np.int64), day[kept], fact[kept], value[kept], product[kept],
            methods[qualifier][kept], fact_words, [drug for drug, _, _ in drugs], values, kept, brand[kept],
            specimen[kept], specimen_words, odd,
        )  # fmt: skip
        return columns, patients, troubles

    def _brand(self, name: str) -> int:
        values = self.facts["brand"].values
        return values.index(name) if name in values else -1

    @staticmethod
    def _words(table: Any, name: str) -> tuple[Whole, list[str]]:
        """A column as places in the list of its distinct words; a blank is ""."""
        if name not in table.column_names:
            return np.zeros(table.num_rows, np.int64), [""]
        chunk = coded_words(table.column(name))
        words = ["" if word is None else str(word).strip() for word in chunk.dictionary.to_pylist()]
        places = chunk.indices.fill_null(len(words)).to_numpy().astype(np.int64)
        return places, [*words, ""]

    def _values(
        self, fact: tuple[Whole, list[str]], said: tuple[Whole, list[str]], unit: tuple[Whole, list[str]]
    ) -> tuple[Whole, list[Value], npt.NDArray[np.bool_]]:
        """Each distinct (fact, value, unit) read once, and where each row's stands; which mean more than that."""
        width, units = len(said[1]), len(unit[1])
        keys = (fact[0] * width + said[0]) * units + unit[0]
        encoded = pa.array(keys).dictionary_encode()
        values: list[Value] = []
        odd: list[bool] = []
        for key in encoded.dictionary.to_pylist():
            odd.append(said[1][key // units % width].strip() == "0+")
            word = fact[1][key // units // width]
            if word not in self.facts:
                values.append(Unknown(Reason.UNMAPPED_CODE))
                continue
            values.append(self._rows.read_value(word, said[1][key // units % width], unit[1][key % units])[0])
        return encoded.indices.to_numpy().astype(np.int64), values, np.array(odd, np.bool_)

    def _dates(self, column: Any, troubles: list[Trouble]) -> Whole:
        chunk = column.combine_chunks()
        if pa.types.is_timestamp(chunk.type):
            chunk = chunk.cast(pa.date32())
        if pa.types.is_date32(chunk.type):
            days = chunk.cast(pa.int32())
            numbers = days.fill_null(0).to_numpy().astype(np.int64) + EPOCH
            return np.where(days.is_valid().to_numpy(zero_copy_only=False), numbers, UNKNOWN)
        encoded = chunk.cast(pa.string()).dictionary_encode()
        places = np.array([self._day(word, troubles) for word in encoded.dictionary.to_pylist()] + [UNKNOWN], np.int64)
        made: Whole = places[encoded.indices.fill_null(len(places) - 1).to_numpy()]
        return made

    def _day(self, word: str, troubles: list[Trouble]) -> int:
        if word not in self._days:
            value = self.facts["test_date"].coerce(word)
            if isinstance(value, str):
                self._days[word] = dt.date.fromisoformat(value).toordinal()
            else:
                self._days[word] = UNKNOWN
                if isinstance(value, Unknown) and value.reason is not Reason.ABSENT:
                    troubles.append(Trouble("date", self.name, f"date {word[:40]!r}, expected YYYY-MM-DD"))
        return self._days[word]
