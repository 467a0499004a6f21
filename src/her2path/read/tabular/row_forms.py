"""Rows that say the same, and where rows stand: the columns of words of a table as places, the forms of its rows.

A form is a fact, value, unit, product and qualifier that stand together in some row; a table has far fewer than rows.
"""

from __future__ import annotations

from collections.abc import Collection, Container, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from ...record.columns import Whole
from .coded import coded_words, distinct_below
from .site_words import SiteWords
from .words import is_missing

OF_FORM = ("fact", "value", "unit", "product", "qualifier")
LARGEST = 2**62


@dataclass(slots=True)
class ColumnOfWords:
    """A column of words: a row's cell is one of `cells`, and `of_cell` says at which place of `listed` its word stands.

    The first of `listed` is the blank one; the last of `of_cell` is for the cell -1, which holds nothing.
    """

    cells: Whole
    of_cell: Whole
    listed: list[str]

    def rows(self) -> Whole:
        """The place of each row's word."""
        return self.of_cell[self.cells]

    def at(self, row: int) -> int:
        """The place of the word of one row."""
        return int(self.of_cell[self.cells[row]])


def columns_of_words(table: Any, missing: Collection[str]) -> dict[str, ColumnOfWords]:
    """The columns of words, each distinct word once."""
    columns: dict[str, ColumnOfWords] = {}
    for name in ("fact", "value", "unit", "product", "qualifier", "specimen", "origin"):
        if name not in table.column_names:
            if name != "origin":
                columns[name] = ColumnOfWords(np.zeros(table.num_rows, np.int64), np.zeros(1, np.int64), [""])
            continue
        chunk = coded_words(table.column(name))
        listed = [""]
        known = {"": 0}
        of_word = []
        for word in chunk.words:
            text = "" if word is None or is_missing(word, missing) else word.strip()
            if text not in known:
                known[text] = len(listed)
                listed.append(text)
            of_word.append(known[text])
        of_word.append(0)
        columns[name] = ColumnOfWords(chunk.places, np.array(of_word, np.int64), listed)
    return columns


class Owner:
    """The patient of each row, looked up where it is asked for."""

    def __init__(self, starts: Whole) -> None:
        self.starts = starts

    def __getitem__(self, row: int) -> int:
        return int(np.searchsorted(self.starts, row, side="right")) - 1


def map_columns(site: SiteWords, columns: Mapping[str, ColumnOfWords]) -> dict[int, str]:
    """Put the words of the columns into ours, and give the mark of each row in which an entry of the site was met."""
    places = {name: column.rows() for name, column in columns.items()}
    marks = site.map_rows(places, {name: column.listed for name, column in columns.items()})
    for name, column in columns.items():
        column.cells, column.of_cell = places[name], np.arange(len(column.listed))
    return marks


def forms_of(columns: Mapping[str, ColumnOfWords], count: int) -> tuple[Whole, dict[str, Whole]]:
    """The form of each of so many rows, and the words of each form as places."""
    form, size = np.zeros(count, np.int64), 1
    for name in OF_FORM:
        column = columns[name]
        width = len(column.listed)
        if width == 1:
            continue
        if size * width > LARGEST:
            size, form = distinct_below(form, size)
        form += (column.of_cell * size)[column.cells]
        size *= width
    size, form = distinct_below(form, size)
    row_of = np.zeros(size, np.int64)
    row_of[form] = np.arange(count)
    if not count:
        return form, dict.fromkeys(OF_FORM, row_of[:0])
    return form, {name: columns[name].of_cell[columns[name].cells[row_of]] for name in OF_FORM}


class RowOrigins(Sequence[str]):
    """Where each row of a file stands, in words: the file, the number of the row, and what it names as its origin."""

    def __init__(
        self, name: str, numbers: Whole, places: Whole | None = None, words: Sequence[str] = (),
        marks: Mapping[int, str] | None = None, joint: str = " ",
    ) -> None:  # fmt: skip
        self.name, self.numbers, self._places, self._words, self._joint = name, numbers, places, words, joint
        self.marks = marks or {}
        """By row the entries of the site's mapping by which it was read, as an origin says it."""

    def __len__(self) -> int:
        return len(self.numbers)

    def __getitem__(self, row: Any) -> Any:
        where = f"{self.name}:{self.numbers[row]}"
        word = self._words[self._places[row]] if self._places is not None else ""
        mark = self.marks.get(int(row), "") if self.marks else ""
        if self._joint != " ":
            return f"{where}{self._joint if word else ''}{word}{mark}"
        where += mark
        return f"{where} {word}" if word and word != where else where

    def words(self, rows: Whole) -> Any:
        """Several at once, as an Arrow array."""
        import pyarrow.compute as pc  # slow to import, and needed only for tables

        if self._places is not None or self.marks:
            return pa.array([self[row] for row in rows.tolist()], pa.string())
        numbers = pa.array(self.numbers[rows]).cast(pa.string())
        return pc.binary_join_element_wise(f"{self.name}:", numbers, "")


def meant_facts(fact: Whole, near: Sequence[str], words: list[str], but: Container[str]) -> Whole:
    """The facts of forms, those that are misspelt as the fact that was meant (`near`), but for some.

    `words` are the facts by place; one that is meant and not among them is put behind.
    """
    if not any(near):
        return fact
    meant = fact.copy()
    for place, name in enumerate(near):
        if name and name not in but:
            if name not in words:
                words.append(name)
            meant[fact == place] = words.index(name)
    return meant
