"""A record's course as the columns that folds read, one patient at a time.

Events that a fold does not read (receptors, stage, risk factors, ...) are facts by themselves: the latest
value up to the day of the review stands, and values that differ on that one day contradict each other.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from ..facts.fact import Facts
from ..facts.value import Interval, OneOf, Reason, Unknown, Value
from ..record.event import Event
from . import names as v
from .kinds import CATEGORIES, KINDS, METHODS

THOUSAND = 1000
LEAST = Decimal("0.001")


@dataclass(slots=True)
class Timeline:
    """The columns of one patient (`day`, `kind`, `number`, `code`), and the event behind each place."""

    day: list[int] = field(default_factory=list)
    kind: list[int] = field(default_factory=list)
    number: list[int] = field(default_factory=list)
    code: list[int] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    undated: list[Event] = field(default_factory=list)
    unplaced: list[Event] = field(default_factory=list)
    narrowed: list[Event] = field(default_factory=list)

    @property
    def columns(self) -> tuple[list[int], list[int], list[int], list[int]]:
        return self.day, self.kind, self.number, self.code


def thousandths(value: Value) -> int:
    """A number in thousandths, exact to the third decimal; the lower end of an interval; else `UNKNOWN`.

    An interval without a lower end ("< 50") stands at its upper one, below it where that is not included.
    """
    known: Any = value
    if isinstance(value, Interval):
        known = value.low
        if known is None and value.high is not None:
            known = value.high if value.high_included else value.high - LEAST
    if isinstance(known, Decimal | float):
        number = known if isinstance(known, Decimal) else Decimal(repr(known))
        return int((number * THOUSAND).to_integral_value())
    return v.UNKNOWN


def timeline_of(course: Iterable[Event]) -> Timeline:
    """The timeline of a course, whatever the order of its events.

    `undated` holds what would belong on it but has no day, `unplaced` what has a value no fold knows,
    `narrowed` the intervals of which the lower end stands.
    """
    made = Timeline()
    rows: list[tuple[int, int, int, int, int]] = []
    placed: list[Event] = []
    for event in course:
        kind = KINDS.get(event.fact)
        if kind is None:
            continue
        day = event.day
        if event.fact == "death_date":
            day = dt.date.fromisoformat(event.value) if isinstance(event.value, str) else event.day
        if day is None:
            made.undated.append(event)
            continue
        number, code = v.UNKNOWN, 0
        if event.fact in CATEGORIES:
            found = CATEGORIES[event.fact].get(event.value) if isinstance(event.value, str) else None
            if found is None:
                made.unplaced.append(event)
                continue
            code = found
        elif kind in (v.DOSE, v.DOSE_PER_KG, v.DOSE_PER_M2, v.ORDER):
            drug = v.DRUG_CODES.get(event.product)
            if drug is None:
                made.unplaced.append(event)
                continue
            code = drug
            if event.fact == "dose_given" and event.value != "yes":
                kind = v.NOT_GIVEN
                if event.value != "no":
                    made.unplaced.append(event)
                    continue
            number = thousandths(event.value)
        elif kind != v.DEATH:
            number = thousandths(event.value)
            if number == v.UNKNOWN:
                made.unplaced.append(event)
                continue
            if kind == v.LVEF:
                code = METHODS.index(event.qualifier) if event.qualifier in METHODS else 0
        if isinstance(event.value, Interval):
            made.narrowed.append(event)
        rows.append((day.toordinal(), kind, number, code, len(placed)))
        placed.append(event)
    rows.sort()
    for today, kind, number, code, place in rows:
        made.day.append(today)
        made.kind.append(kind)
        made.number.append(number)
        made.code.append(code)
        made.events.append(placed[place])
    return made


@dataclass(slots=True)
class Latest:
    """The facts of a record that no fold reads, as of a day, with the events behind them."""

    values: dict[str, Value] = field(default_factory=dict)
    events: dict[str, Event] = field(default_factory=dict)
    differing: list[tuple[Event, Event]] = field(default_factory=list)


def latest_of(course: Iterable[Event], facts: Facts, on: dt.date) -> Latest:
    """The latest value of each fact up to a day; an event without a day counts as the oldest.

    A value that cannot be read gives way to an older one that can, and stands where there is none.
    """
    found = Latest()
    for event in course:
        if (event.fact in KINDS and event.fact != "death_date") or event.fact not in facts:
            continue
        if event.day is not None and event.day > on:
            continue
        if event.fact == "death_date" and isinstance(event.value, str) and dt.date.fromisoformat(event.value) > on:
            continue
        held = found.events.get(event.fact)
        if held is not None:
            if isinstance(event.value, Unknown):
                continue
            newer = (event.day or dt.date.min) > (held.day or dt.date.min) or isinstance(held.value, Unknown)
            if not newer and event.day == held.day and event.value != found.values[event.fact]:
                found.differing.append((held, event))
                found.values[event.fact] = _either(found.values[event.fact], event.value)
                continue
            if not newer:
                continue
            found.differing = [pair for pair in found.differing if pair[0].fact != event.fact]
        found.events[event.fact] = event
        found.values[event.fact] = event.value
    return found


def _either(one: Value, other: Value) -> Value:
    if isinstance(one, str | OneOf) and isinstance(other, str | OneOf):
        sets: list[Any] = [each.values if isinstance(each, OneOf) else {each} for each in (one, other)]
        return OneOf(frozenset(sets[0] | sets[1]))
    return Unknown(Reason.CONTRADICTORY, f"{one} or {other}")
