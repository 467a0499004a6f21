"""An axis: one fact cut into finitely many bins, and one bin more for *unknown*.

The cuts come from the cells that use the fact, so every bin is treated alike by every row. Values
are binned exactly as recorded: a float against float cuts, a float32 against float32 cuts, a
Decimal or text against the decimal cuts.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from decimal import Decimal
from itertools import pairwise
from threading import Lock
from typing import Any

import numpy as np
import numpy.typing as npt

from ..facts.fact import Fact
from ..facts.value import NOT_REPORTED, Interval, OneOf, Unknown
from .table import Cell

Code = int | frozenset[int]
"""A bin's number; or several bins, where a value is only partly known."""


_Cuts = tuple[str, tuple[tuple[Decimal, bool], ...]]
_LIKENESS: dict[_Cuts, int] = {}
_lock = Lock()


def _likeness(cuts: _Cuts) -> int:
    with _lock:
        return _LIKENESS.setdefault(cuts, len(_LIKENESS))


class Axis:
    """One fact's bins. Axes of one fact with the same cuts have the same `likeness`.

    `labels[c]` says bin `c` in words; `unknown` is the number of the extra bin; `real` are the
    bins a reported value can fall in (all but *not reported*).
    """

    def __init__(self, fact: Fact, cells: Iterable[Cell]) -> None:
        self.fact = fact
        self.intervals: list[Interval] = []
        self.cuts: list[tuple[Decimal, bool]] = []
        self.slots: list[int] = []
        if fact.is_number:
            self._cut(list(cells))
        self.named = {value: len(self.intervals) + place for place, value in enumerate(fact.values)}
        self.labels = [str(interval) for interval in self.intervals] + list(fact.values)
        self.count = len(self.labels)
        self.unknown = self.count
        self.slots = [self.unknown if code < 0 else code for code in self.slots]
        self.likeness = _likeness((fact.name, tuple(self.cuts)))
        self._points = [point for point, _ in self.cuts]
        self.float_bounds = [float_bound(cut, np.float64) for cut in self.cuts]
        real = tuple(code for code in range(self.count) if self.labels[code] != NOT_REPORTED)
        self.real = real or tuple(range(self.count))

    def _cut(self, cells: list[Cell]) -> None:
        limits = [limit for cell in cells for limit in cell.intervals] + [self.fact.plausible]
        cuts: set[tuple[Decimal, bool]] = set()
        for limit in limits:
            if limit.low is not None:
                cuts.add((limit.low, not limit.low_included))
            if limit.high is not None:
                cuts.add((limit.high, limit.high_included))
        self.cuts = sorted(cuts)
        edges: list[tuple[Decimal, bool] | None] = [None, *self.cuts, None]
        for left, right in pairwise(edges):
            interval = Interval(
                left[0] if left else None,
                right[0] if right else None,
                left is not None and not left[1],
                right is not None and right[1],
            )
            if interval.overlaps(self.fact.plausible):
                self.slots.append(len(self.intervals))
                self.intervals.append(interval)
            else:
                self.slots.append(-1)

    def admits(self, cell: Cell) -> list[bool]:
        """For each bin, whether the cell admits it."""
        if cell.is_any:
            return [True] * self.count
        numbers = [any(interval.overlaps(limit) for limit in cell.intervals) for interval in self.intervals]
        return numbers + [value in cell.values for value in self.fact.values]

    def code(self, value: Any) -> Code:
        """The bin of a value that `Fact.coerce` made; several bins for one only partly known."""
        if value is None:
            return self.unknown
        kind = value.__class__
        if kind is str:
            return self.named.get(value, self.unknown)
        if kind is float:
            return self.slots[bisect_right(self.float_bounds, value)]
        if kind is Decimal:
            return self._of_number(value)
        if isinstance(value, str):
            return self.named.get(str(value), self.unknown)
        if isinstance(value, Unknown):
            return self.unknown
        if isinstance(value, Interval):
            return self._several(c for c, bin_ in enumerate(self.intervals) if bin_.overlaps(value))
        if isinstance(value, OneOf):
            return self._several(self.named[name] for name in value.values if name in self.named)
        return self._of_number(Decimal(value))

    def _of_number(self, number: Decimal) -> int:
        if not number.is_finite():
            return self.unknown
        place = bisect_left(self._points, number)
        while place < len(self.cuts) and self._points[place] == number and not self.cuts[place][1]:
            place += 1
        return self.slots[place]

    def _several(self, codes: Iterable[int]) -> Code:
        chosen = frozenset(codes)
        if len(chosen) == 1:
            return next(iter(chosen))
        return self.unknown if not chosen or chosen == frozenset(self.real) else chosen

    def bins_of(self, code: Code) -> tuple[int, ...]:
        """The known bins that a code stands for."""
        if isinstance(code, frozenset):
            return tuple(sorted(code))
        return self.real if code == self.unknown else (code,)

    def words(self, codes: Iterable[int]) -> str:
        """Some bins in words, neighbouring intervals joined: `her2_copies < 6`."""
        chosen = sorted(codes)
        parts: list[str] = []
        place = 0
        while place < len(chosen):
            last = place
            while last + 1 < len(chosen) and chosen[last + 1] == chosen[last] + 1 < len(self.intervals):
                last += 1
            if chosen[place] < len(self.intervals):
                low, high = self.intervals[chosen[place]], self.intervals[chosen[last]]
                joined = Interval(low.low, high.high, low.low_included, high.high_included)
                parts.append(self._open_ended(joined))
            else:
                parts.append(self.labels[chosen[place]])
            place = last + 1
        joined_parts = " or ".join(parts)
        plain_limit = len(parts) == 1 and parts[0][:1] in "<>="
        return f"{self.fact.name} {joined_parts}" if plain_limit else f"{self.fact.name} is {joined_parts}"

    def _open_ended(self, interval: Interval) -> str:
        """An interval without the limits that are only the fact's plausible range."""
        low, high, edge = interval.low, interval.high, self.fact.plausible
        if low is not None and (low, interval.low_included) == (edge.low, edge.low_included):
            low = None
        if high is not None and (high, interval.high_included) == (edge.high, edge.high_included):
            high = None
        return str(Interval(low, high, interval.low_included, interval.high_included))

    def example(self, code: int) -> str | Decimal:
        """A value that lies in a bin, for tests and counterexamples."""
        if code >= len(self.intervals):
            return self.labels[code]
        interval = self.intervals[code]
        if interval.low is not None and interval.low_included:
            return interval.low
        if interval.high is not None and interval.high_included:
            return interval.high
        if interval.low is not None and interval.high is not None:
            return (interval.low + interval.high) / 2
        return interval.low + 1 if interval.low is not None else (interval.high or Decimal(0)) - 1

    def codes_of(self, numbers: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
        """The bins of many numbers (float64, float32 or integers); NaN is unknown."""
        kind = np.float32 if numbers.dtype == np.float32 else np.float64
        bounds = np.array([float_bound(cut, kind) for cut in self.cuts], dtype=kind)
        slots = np.array(self.slots, dtype=np.uint8)
        codes = slots[np.searchsorted(bounds, numbers, side="right")]
        if numbers.dtype.kind == "f":
            codes[np.isnan(numbers)] = self.unknown
        return codes


def float_bound(cut: tuple[Decimal, bool], kind: type[np.floating[Any]]) -> float:
    """The least float of `kind` that lies beyond a cut; 'beyond' includes the cut unless it is after."""
    value = float(kind(str(cut[0])))
    if not cut[1]:
        return value
    return math.nextafter(value, math.inf) if kind is np.float64 else float(np.nextafter(kind(value), kind(np.inf)))
