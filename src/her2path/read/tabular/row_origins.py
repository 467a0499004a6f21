"""Where the rows of a table stand: the file and the line, with what a column says of it and the site's mapping."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from ...record.columns import Whole


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
