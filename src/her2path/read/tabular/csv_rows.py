"""CSV as tables of text: by Arrow, and where that cannot read it, or may have swallowed rows, row by row.

Row by row no row costs another: one with more or fewer cells, or longer than can be, or with a quote that is never
closed, is told and left out; bytes that are no UTF-8 are shown in the cell (`words.py`), which is read.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

import numpy as np
import pyarrow as pa
import pyarrow.csv as pc_csv

from ...record.columns import Whole
from ...record.event import Trouble
from .words import SHOWN, words_of

LONGEST_ROW_BYTES = 1 << 24
MOST_LINES_OF_A_ROW = 1_000
ROWS_AT_ONCE = 100_000
FIRST_ROW = 2
"""The number of the first row: the header is row 1."""
MOST_TOLD = 1_000
FEWEST_COLUMNS_KNOWN = 3
"""A line of so many cells is known as a row where it stands in a cell."""
FEW_ROWS = 2_000
"""Up to so many rows are looked through without `pyarrow.compute`, which is slow to import."""


class NotForArrow(Exception):
    """Arrow cannot read the file, or took rows for text of a cell."""


@dataclass(slots=True)
class CsvFile:
    """A CSV file with the names of its columns and what separates them.

    `by_row` says that it is read row by row; it is set by whoever met `NotForArrow`, and reads again.
    """

    path: Path
    names: list[str]
    separator: str
    by_row: bool = False
    told: list[Trouble] = field(default_factory=list)
    """What was wrong with the rows read so far, for whoever reads to take away."""

    def tables(self) -> Iterator[tuple[Any, Whole]]:
        """Tables of text, each with the number of each row in the file. Raises `NotForArrow`."""
        yield from self._rows() if self.by_row else self._arrow()

    # -- by Arrow ---------------------------------------------------------------------------

    def _arrow(self) -> Iterator[tuple[Any, Whole]]:
        kinds = {f"f{place}": pa.string() for place in range(len(self.names))}
        first = FIRST_ROW
        try:
            # Arrow numbers the columns itself, so that the header is read like any row, byte order mark and all.
            reader = pc_csv.open_csv(
                self.path,
                pc_csv.ReadOptions(use_threads=False, autogenerate_column_names=True, block_size=LONGEST_ROW_BYTES),
                pc_csv.ParseOptions(delimiter=self.separator, newlines_in_values=True),
                pc_csv.ConvertOptions(column_types=kinds),
            )
            with reader:
                for number, batch in enumerate(reader):
                    table = pa.Table.from_batches([batch.slice(1) if number == 0 else batch])
                    self._require_rows_apart(table)
                    yield table.rename_columns(self.names), np.arange(first, first + table.num_rows)
                    first += table.num_rows
        except (pa.ArrowInvalid, UnicodeDecodeError) as error:
            raise NotForArrow(str(error)) from error

    def _require_rows_apart(self, table: Any) -> None:
        """Raise `NotForArrow` where a cell holds what looks like a row: a quote that was left open took it in."""
        if len(self.names) < FEWEST_COLUMNS_KNOWN:
            return
        for column in table.columns:
            if len(column) > FEW_ROWS:
                import pyarrow.compute as pc  # slow to import, and needed only here

                column = column.filter(pc.match_substring_regex(column, "[\r\n]"))  # noqa: PLW2901
            for word in words_of(column):
                if word and ("\n" in word or "\r" in word) and self._holds_row(word):
                    raise NotForArrow("a quote is left open")

    def _holds_row(self, text: str) -> bool:
        """Whether one of the lines of a cell but the first has as many cells as the file has columns."""
        lines = text.splitlines()[1:]
        return len(self.names) >= FEWEST_COLUMNS_KNOWN and any(
            line.count(self.separator) == len(self.names) - 1 for line in lines
        )

    # -- row by row -------------------------------------------------------------------------

    def _rows(self) -> Iterator[tuple[Any, Whole]]:
        waiting: list[list[str]] = []
        numbers: list[int] = []
        more = 0
        for number, row, fault in self._records():
            wrong = fault
            if not wrong and len(row) != len(self.names):
                wrong = f"the row has {len(row)} cells, but the header has {len(self.names)}; it is left out"
            if wrong:
                if len(self.told) < MOST_TOLD:
                    self.told.append(Trouble("unreadable", f"{self.path.name}:{number}", wrong))
                else:
                    more += 1
                continue
            waiting.append(row)
            numbers.append(number)
            if len(waiting) >= ROWS_AT_ONCE:
                yield self._table(waiting), np.array(numbers, np.int64)
                waiting, numbers = [], []
        if more:
            self.told.append(Trouble("unreadable", self.path.name, f"{more} more rows are left out"))
        yield self._table(waiting), np.array(numbers, np.int64)

    def _table(self, rows: list[list[str]]) -> Any:
        columns = list(zip(*rows, strict=True)) if rows else [()] * len(self.names)
        return pa.table([pa.array(column, pa.string()) for column in columns], names=self.names)

    def _records(self) -> Iterator[tuple[int, list[str], str]]:
        """Every row but the header: its number, its cells, and what is wrong with it."""
        csv.field_size_limit(max(csv.field_size_limit(), LONGEST_ROW_BYTES + 1))
        with self.path.open(encoding="utf-8-sig", errors=SHOWN, newline="") as file:
            lines = _Lines(file)
            number = FIRST_ROW - 1
            while (line := lines.next()) is not None:
                if not line.strip("\r\n"):
                    continue
                row, wrong = self._record(line, lines)
                if number >= FIRST_ROW:
                    yield number, row, wrong
                number += 1

    def _record(self, first: str, lines: _Lines) -> tuple[list[str], str]:
        """The row that begins with a line; of one whose quote is never closed that line alone is taken."""
        if len(first) > LONGEST_ROW_BYTES:
            return [], f"the row is longer than {LONGEST_ROW_BYTES >> 20} MB; it is left out"
        row, is_open = self._cells(first)
        if not is_open:
            return row, ""
        text, taken = first, [first]
        while len(taken) < MOST_LINES_OF_A_ROW and len(text) < LONGEST_ROW_BYTES:
            line = lines.next()
            if line is None:
                break
            taken.append(line)
            text += line
            if '"' not in line:
                continue
            row, is_open = self._cells(text)
            if not is_open:
                if self._is_strict(text) and not any(map(self._holds_row, row)):
                    return row, ""
                break
        lines.back(taken[1:])
        return [], "a quote is left open; the line is left out"

    def _cells(self, text: str) -> tuple[list[str], bool]:
        """The cells of a text, and whether its last one has a quote that is open."""
        try:
            return next(csv.reader([text], delimiter=self.separator, strict=True), []), False
        except csv.Error as error:
            if "unexpected end" in str(error):
                return [], True
        try:
            return next(csv.reader([text], delimiter=self.separator), []), False
        except csv.Error:
            return [], False

    def _is_strict(self, text: str) -> bool:
        try:
            next(csv.reader([text], delimiter=self.separator, strict=True), [])
        except csv.Error:
            return False
        return True


class _Lines:
    """The lines of a file, some of which can be put back; a line that is too long comes cut, its rest passed over."""

    def __init__(self, file: TextIO) -> None:
        self.file = file
        self._again: list[str] = []

    def next(self) -> str | None:
        """The next line with its end; `None` after the last."""
        if self._again:
            return self._again.pop()
        line = self.file.readline(LONGEST_ROW_BYTES + 1)
        if len(line) > LONGEST_ROW_BYTES:
            while (rest := self.file.readline(LONGEST_ROW_BYTES)) and not rest.endswith(("\n", "\r")):
                pass
        return line or None

    def back(self, lines: list[str]) -> None:
        self._again += reversed(lines)
