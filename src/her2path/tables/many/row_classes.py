"""Rows that are decided alike: the classes a fact cuts them into, and how copies, CEP17 and ratio compare."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ...facts.derive import as_decimal, half_digit, is_total
from ...facts.fact import Fact
from ...facts.value import Interval, Reason, Unknown, Value
from ..axis import Axis
from ..table import Cell
from .loops import BoolArray, Float64Array, Int64Array, as_dictionary, bits_of, edges_of, entries_of, kernels

NEAR = 1e-9
"""A quotient of floats this near to a cut is worked out again in decimals, as it was recorded."""
PLAIN = r"^[0-9]{1,7}(\.[0-9]+)?$"


@dataclass(slots=True)
class Classed:
    """One fact of many rows: the class of each, and for numbers what copies and ratio are compared by.

    Class 0 is absent, 1 unreadable, then follow the bins, then values that are only partly known. `numbers`
    are NaN where none is exactly known; `halves` are half of the last digit written; `spread` marks intervals;
    equal `raw` means equal cells. `cell` gives the value of a row as it stands in the column.
    """

    classes: Int64Array
    width: int
    raw: Int64Array
    numbers: Float64Array
    halves: Float64Array
    spread: BoolArray
    cell: Callable[[int], Any]


class FinestAxis:
    """A fact cut by all of `cells`; of a date, `days` (ISO, sorted) are where another edition may be in force."""

    def __init__(self, fact: Fact, cells: list[Cell], days: list[str]) -> None:
        self.fact = fact
        self.axis = Axis(fact, cells)
        self.bounds = np.array(self.axis.float_bounds)
        self.days = days
        self.base = 2 + (len(days) + 1 if fact.kind == "date" else self.axis.count + 1)
        # A CEP17 that is more than any cell has says something of the copies beside it: a class of its own.
        self.total, self.most = -1, np.inf
        if fact.name == "cep17_copies" and fact.plausible.high is not None:
            self.total, self.most = self.base, float(fact.plausible.high)
            self.base += 1

    def classed(self, column: Any) -> Classed:
        """Class a chunked Arrow column: floats and whole numbers by their bins, all else by distinct value."""
        if self.fact.is_number and (pa.types.is_integer(column.type) or column.type == pa.float64()):
            return self._of_numbers(_one_chunk(column))
        chunk = _one_chunk(as_dictionary(column, self.fact.name).unify_dictionaries())
        values, valid = bits_of(chunk.indices)
        indices = values.astype(np.int64)
        if valid is not None:
            indices[valid == 0] = len(chunk.dictionary)
        if self.fact.is_number and not self.fact.values and pa.types.is_string(chunk.dictionary.type):
            return self._of_texts(chunk.dictionary, indices)
        return self.of_entries([*entries_of(chunk.dictionary), None], indices)

    def _of_numbers(self, column: Any) -> Classed:
        values, valid = bits_of(column)
        numbers = values.astype(np.float64)
        classes = self._bins(numbers)
        if valid is not None:
            classes[valid == 0] = 0
        numbers[(classes < 2) | (classes == self.total)] = np.nan
        # A float is written with at least one digit behind the point: 6.0; a whole number with none.
        one_digit = np.rint(numbers * 10) / 10 == numbers
        halves = np.where(one_digit, 0.05, 0.005) if values.dtype.kind == "f" else np.full(len(numbers), 0.5)
        none = np.zeros(len(numbers), dtype=np.bool_)
        raw = numbers.view(np.int64)
        return Classed(classes, self.base, raw, numbers, halves, none, lambda row: column[row].as_py())

    def _bins(self, numbers: Float64Array) -> Int64Array:
        codes = np.empty(len(numbers), dtype=np.uint8)
        kernels(None, len(numbers)).bin(numbers, None, edges_of(self.axis), self.axis.unknown, codes)
        unknown = np.where((numbers > self.most) & np.isfinite(numbers), self.total, 1)
        return np.where(codes == self.axis.unknown, unknown, codes.astype(np.int64) + 2)

    def _of_texts(self, texts: Any, indices: Int64Array) -> Classed:
        """Class distinct texts: plain decimals all at once, any other text by `Fact.coerce`."""
        is_plain = pc.fill_null(pc.match_substring_regex(texts, PLAIN), False)
        numbers = pc.if_else(is_plain, texts, None).cast(pa.float64()).to_numpy(zero_copy_only=False).copy()
        length = pc.fill_null(pc.binary_length(texts), 0).to_numpy().astype(np.int64)
        point = pc.fill_null(pc.find_substring(texts, "."), -1).to_numpy().astype(np.int64)
        halves = np.array([0.5, 0.05, 0.005])[np.where(point < 0, 0, np.minimum(length - point - 1, 2))]
        # Up to 15 digits are told apart by a float; more of them only away from the cuts.
        long = length > 16
        for bound in self.bounds:
            numbers[long & near(numbers, bound)] = np.nan
        left = np.flatnonzero(np.isnan(numbers))
        others = self.of_entries([texts[place].as_py() for place in left.tolist()], np.arange(len(left)))
        properties = [self._bins(numbers), numbers, halves, np.zeros(len(texts), dtype=np.bool_)]
        properties[1][(properties[0] == 1) | (properties[0] == self.total)] = np.nan
        for values, other in zip(
            properties, (others.classes, others.numbers, others.halves, others.spread), strict=True
        ):
            values[left] = other
        # After the last text stands what a null is: absent, and no number.
        nones: tuple[Any, ...] = (0, np.nan, 0.0, False)
        rows = [np.append(values, none)[indices] for values, none in zip(properties, nones, strict=True)]
        null = len(texts)

        def cell(row: int) -> Any:
            return None if indices[row] == null else texts[int(indices[row])].as_py()

        return Classed(rows[0], others.width, indices, rows[1], rows[2], rows[3], cell)

    def of_entries(self, entries: list[Any], indices: Int64Array) -> Classed:
        """Class rows that point to distinct entries, each by `Fact.coerce`."""
        partial: dict[Any, int] = {}
        size = len(entries)
        classes, numbers = np.zeros(size, dtype=np.int64), np.full(size, np.nan)
        halves, spread = np.zeros(size), np.zeros(size, dtype=np.bool_)
        for place, value in enumerate(map(self.fact.coerce, entries)):
            classes[place] = self._class(value, partial)
            if isinstance(value, float | Decimal):
                numbers[place] = float(value)
                halves[place] = float(half_digit(as_decimal(value)))
            spread[place] = isinstance(value, Interval)
        return Classed(
            classes[indices],
            self.base + len(partial),
            indices,
            numbers[indices],
            halves[indices],
            spread[indices],
            lambda row: entries[indices[row]],
        )

    def _class(self, value: Value, partial: dict[Any, int]) -> int:
        if isinstance(value, Unknown):
            if self.total >= 0 and is_total(value, self.fact):
                return self.total
            return 0 if value.reason is Reason.ABSENT else 1
        if self.fact.kind == "date":
            return 2 + bisect_right(self.days, str(value))
        code = self.axis.code(value)
        if isinstance(code, int) and not isinstance(value, Interval):
            return 2 + code
        # An interval within one bin is not an exact number: no quotient is formed of it.
        return self.base + partial.setdefault(code, len(partial))


def _one_chunk(column: Any) -> Any:
    if column.num_chunks == 1:
        return column.chunk(0)
    return pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], column.type)


def ratio_classes(
    copies: Classed, cep17: Classed, ratio: Classed | None, bounds: Float64Array
) -> tuple[Int64Array, int]:
    """How copies, CEP17 copies and ratio compare, in classes (`derive` has the rules), and how many classes.

    0: no quotient; 1: it agrees with the ratio recorded; then by the interval between `bounds` in which it lies.
    Where floats are too near to tell, or only limits are known, rows share a class only if all three are equal.
    """
    her2, chromosome = copies.numbers, cep17.numbers
    empty = np.full(len(her2), np.nan)
    recorded, half_ratio = (ratio.numbers, ratio.halves) if ratio else (empty, empty)
    with np.errstate(all="ignore"):
        quotient = her2 / chromosome
        slots = np.searchsorted(bounds, quotient, side="right")
        gap = chromosome - cep17.halves
        low = (her2 - copies.halves) / (chromosome + cep17.halves)
        high = np.where(gap > 0, (her2 + copies.halves) / gap, np.finfo(np.float64).max)
        most, least = recorded + half_ratio, recorded - half_ratio
        agrees = (most >= low) & (least <= high)
        unsure = near(most, low) | near(least, high) | (np.abs(gap) <= NEAR)
        at_cut = np.zeros(len(her2), dtype=np.bool_)
        for bound in bounds:
            at_cut |= near(quotient, bound)
    both = ~np.isnan(quotient)
    classes = np.where(both, np.where(agrees, 1, 2 + slots), 0)
    odd = both & ((at_cut & ~agrees) | (unsure & ~np.isnan(recorded)))
    if ratio is not None:
        odd |= both & ratio.spread
    odd |= copies.spread & ~np.isnan(chromosome) & np.isnan(recorded)
    width = len(bounds) + 3
    if odd.any():
        cells = [column.raw[odd] for column in (copies, cep17, ratio) if column is not None]
        distinct, places = np.unique(np.column_stack(cells), axis=0, return_inverse=True)
        classes[odd] = width + places.ravel()
        width += len(distinct)
    return classes, width


def near(numbers: Float64Array, limit: Float64Array | float) -> BoolArray:
    """Where a number is too near a limit for floats to tell on which side the decimals lie."""
    return np.abs(numbers - limit) <= NEAR * (1 + np.abs(numbers))
