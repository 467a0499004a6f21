"""Values of facts as whole numbers of a column, and back: exact, partly known, or unknown.

A number is its thousandths, a category its place among the values of its fact, a day its ordinal; a named value of a
number fact is counted from `NAMED` on. What no such number can say exactly (limits, several categories, a fourth
decimal) stands in a list of the batch, counted from `PARTIAL` on. `UNKNOWN` is unknown.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import numpy as np

from ..facts.fact import Fact
from ..facts.value import Unknown, Value
from ..record.columns import UNKNOWN, Flags, Whole
from .names import NAMED
from .timeline import thousandths

PARTIAL = UNKNOWN + 2**32
EXACT = UNKNOWN + 2**33
"""From here on a number is what it says."""
THOUSAND = Decimal(1000)
NARROW = 4096
"""Numbers that lie less than so much apart are told apart by counting."""


def is_partial(column: Whole) -> Flags:
    """Where a column holds a value that stands in the list of its batch."""
    partial: Flags = (column >= PARTIAL) & (column < EXACT)
    return partial


def exactly(column: Whole) -> Whole:
    """A column with what stands in the list of its batch taken as unknown, for arithmetic."""
    return np.where(is_partial(column), UNKNOWN, column)


def distinct_of(numbers: Whole) -> tuple[list[int], Whole]:
    """The distinct numbers of a column, and the place of each of its numbers among them."""
    if len(numbers):
        low, high = int(numbers.min()), int(numbers.max())
        if high - low < NARROW:
            above = numbers - low
            there = np.bincount(above) > 0
            return (np.flatnonzero(there) + low).tolist(), (np.cumsum(there) - 1)[above]
    distinct, places = np.unique(numbers, return_inverse=True)
    return distinct.tolist(), places.reshape(-1)


class Numbered:
    """The values of one batch that no number says, and the way between values and numbers."""

    def __init__(self, facts: Mapping[str, Fact]) -> None:
        self.facts = facts
        self.listed: list[Value] = []
        self._places: dict[tuple[str, str], int] = {}

    def code(self, value: Value | None, fact: Fact) -> int:
        """A value as a number of a column; what is unknown, whatever the reason, is `UNKNOWN`."""
        if value is None or isinstance(value, Unknown):
            return UNKNOWN
        if isinstance(value, Decimal | float):
            number = value if isinstance(value, Decimal) else Decimal(repr(value))
            exact = thousandths(number)
            return exact if Decimal(exact) == number * THOUSAND else self._partial(number)
        if isinstance(value, str):
            if fact.kind == "date":
                return dt.date.fromisoformat(value).toordinal()
            if value in fact.values:
                place = fact.values.index(value)
                return NAMED + place if fact.is_number else place
            return UNKNOWN
        return self._partial(value)

    def word(self, word: str) -> int:
        """A word that is no value of its fact, as a number: it is told, and no cell of a table holds it."""
        return self._partial(word)

    def _partial(self, value: Value) -> int:
        key = (value.__class__.__name__, str(value))
        place = self._places.get(key)
        if place is None:
            place = self._places[key] = len(self.listed)
            self.listed.append(value)
        return PARTIAL + place

    def value(self, number: int, fact: Fact) -> Value | None:
        """A number of a column as the value of a fact; `None` for unknown, and for what no value can be."""
        if number == UNKNOWN:
            return None
        if PARTIAL <= number < EXACT:
            return self.listed[number - PARTIAL]
        if fact.kind == "date":
            return dt.date.fromordinal(number).isoformat()
        if fact.is_number:
            if number < NAMED + len(fact.values):
                return fact.values[number - NAMED]
            return Decimal(number) / THOUSAND
        return fact.values[number]

    def places(self, words: Any, fact: Fact) -> Whole:
        """Several values (or `None`) as a column."""
        return np.array([self.code(word, fact) for word in words], np.int64)
