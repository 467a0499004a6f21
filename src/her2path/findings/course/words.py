"""The facts of a batch in words, for what a finding says: an outcome, a fact, a day or a state by its name."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from decimal import Decimal
from functools import cache

import numpy as np

from ...facts.fact import Fact
from ...facts.value import Value
from ...history.course_facts import Columns
from ...history.numbered import Numbered, distinct_of
from ...record.columns import UNKNOWN, Whole

THOUSAND = Decimal(1000)
NOT_KNOWN = "unknown"
OF_STATE = ("lvef", "last_mg", "last_per_kg")
"""What is told from the state where no fact says it."""


def plain_number(value: Decimal) -> str:
    """A number without needless zeros behind the point."""
    return f"{value.normalize():f}"


def words_of(name: str, value: Value) -> str:
    """A value in words; per cents are told whole."""
    if isinstance(value, Decimal):
        return plain_number(value.to_integral_value() if name.endswith("_percent") else value)
    return str(value)


@cache
def day_words(number: int) -> str:
    """A day in words."""
    return str(dt.date.fromordinal(number)) if number >= 1 else NOT_KNOWN


def count_words(counts: Whole) -> list[str]:
    """Counts in words, each distinct one once."""
    distinct, places = distinct_of(counts)
    listed: list[str] = np.array([*map(str, distinct), ""], object)[places].tolist()
    return listed


class Words:
    """Puts the columns of a batch into words, each distinct number once.

    `columns` are asked in this order: outcomes, facts, then what only the state or the clocks know.
    """

    def __init__(
        self,
        facts: dict[str, Fact],
        numbered: Numbered,
        outcomes: Columns,
        values: Columns,
        state: Columns,
        days: Columns,
    ) -> None:
        self.facts, self.numbered = facts, numbered
        self.outcomes, self.values, self.state, self.days = outcomes, values, state, days
        self._told: dict[tuple[str, int], str] = {}

    def text(self, name: str, patient: int) -> str:
        """One name in words, for one patient."""
        for column, words in self._sources(name):
            if (number := int(column[patient])) != UNKNOWN:
                return words(name, number)
        return NOT_KNOWN

    def column(self, name: str, patients: Whole) -> list[str]:
        """One name in words, for some patients."""
        if len(patients) < 4:
            return [self.text(name, patient) for patient in patients.tolist()]
        places, listed = self.coded(name, patients)
        return [listed[place] for place in places.tolist()]

    def coded(self, name: str, patients: Whole) -> tuple[Whole, list[str]]:
        """The same as places in a list of words, of which the first is that for what is not known."""
        listed = [NOT_KNOWN]
        places = np.zeros(len(patients), np.int64)
        left: Whole | None = None
        for column, words in self._sources(name):
            numbers = column[patients if left is None else patients[left]]
            known = numbers != UNKNOWN
            distinct, place_of = distinct_of(numbers[known])
            if len(distinct):
                place_of = place_of + len(listed)
                places[known if left is None else left[known]] = place_of
                listed += [words(name, number) for number in distinct]
            left = np.flatnonzero(~known) if left is None else left[~known]
            if not len(left):
                break
        return places, listed

    def _sources(self, name: str) -> list[tuple[Whole, Callable[[str, int], str]]]:
        sources: list[tuple[Whole, Callable[[str, int], str]]] = []
        if (outcome := self.outcomes.get(name)) is not None:
            sources.append((outcome, self.of_fact))
        if name in self.facts and (column := self.values.get(name)) is not None:
            sources.append((column, self.of_fact))
        if name.endswith("_day"):
            sources += [(days[name], _of_day) for days in (self.state, self.days) if name in days]
        elif name in OF_STATE:
            sources.append((self.state[name], _of_state))
        return sources

    def of_fact(self, name: str, number: int) -> str:
        """A number of a fact's column in words."""
        told = self._told.get((name, number))
        if told is None:
            value = self.numbered.value(number, self.facts[name])
            told = self._told[name, number] = NOT_KNOWN if value is None else words_of(name, value)
        return told


def _of_day(_name: str, number: int) -> str:
    return day_words(number)


def _of_state(_name: str, number: int) -> str:
    return plain_number(Decimal(number) / THOUSAND)
