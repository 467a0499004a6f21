"""The facts of a record that no fold reads, as of a day: the latest value of each, with the row it was read from.

An event without a day counts as the oldest. A value that cannot be read gives way to an older one that can, and
stands where there is none. Values that differ on the latest day are all kept as possible.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..facts.fact import Fact
from ..facts.value import OneOf, Reason, Unknown, Value
from ..record.columns import UNKNOWN, RecordColumns, Whole
from ..record.event import HER2_DRUG
from .kinds import KINDS
from .numbered import Numbered


@dataclass(slots=True)
class Latest:
    """By fact a column over patients: `values` as `Numbered` codes them, and the `rows` behind them (-1: none).

    `differing` holds, patient by patient, two rows of one fact and day that say different things. `unread` holds
    what a fact is by patient where nothing of it could be read.
    """

    values: dict[str, Whole] = field(default_factory=dict)
    rows: dict[str, Whole] = field(default_factory=dict)
    differing: list[tuple[int, int, int]] = field(default_factory=list)
    unread: dict[str, dict[int, Unknown]] = field(default_factory=dict)


def latest_of(record: RecordColumns, facts: Mapping[str, Fact], numbered: Numbered, on: int) -> Latest:
    """The latest value of each fact up to the day `on` (an ordinal), for every patient."""
    latest = Latest()
    wanted = np.array(
        [
            name in facts and not test and name != HER2_DRUG and (name not in KINDS or name == "death_date")
            for name, test in zip(record.facts, record.is_test, strict=True)
        ],
        np.bool_,
    )
    forms = record.forms()
    if not len(record.day) or not wanted[forms.fact].any():
        return latest
    (rows,) = np.nonzero(forms.each(wanted[forms.fact]) & (record.day <= on))  # the undated are before all days
    if not len(rows):
        return latest
    code_of_value = np.full(len(record.values), UNKNOWN, np.int64)
    readable = np.ones(len(record.values), np.bool_)
    in_time = np.ones(len(record.values), np.bool_)
    fact_of_value = np.zeros(len(record.values), np.int64)
    fact_of_value[record.value[rows]] = record.fact[rows]
    used = np.zeros(len(record.values), np.bool_)
    used[record.value[rows]] = True
    for place in used.nonzero()[0].tolist():
        known, name = record.values[place], record.facts[fact_of_value[place]]
        readable[place] = not isinstance(known, Unknown)
        code_of_value[place] = numbered.code(known, facts[name])
        if name == "death_date" and isinstance(known, str):
            in_time[place] = dt.date.fromisoformat(known).toordinal() <= on
    rows = rows[in_time[record.value[rows]]]
    if not len(rows):
        return latest
    value = record.value[rows]
    # One number for patient, fact and day: what cannot be read before all, the undated after it.
    rank = np.where(record.day[rows] == UNKNOWN, 1, record.day[rows] + 1)
    rank = np.where(readable[value], rank, 0)
    group = record.owner()[rows] * len(record.facts) + record.fact[rows]
    width = int(rank.max()).bit_length()
    packed = (group << width) | rank
    if (packed[1:] < packed[:-1]).any():
        order = np.argsort(packed, kind="stable")
        packed, rows, group, value = packed[order], rows[order], group[order], value[order]
    last = np.flatnonzero(np.append(group[1:] != group[:-1], True))
    chosen = np.searchsorted(packed, packed[last])
    codes = code_of_value[value]
    _scatter(latest, record, rows[chosen], codes[chosen])
    again = np.flatnonzero(last > chosen)
    for number in again.tolist():
        first, end = int(chosen[number]), int(last[number])
        if readable[value[first]] and (codes[first : end + 1] != codes[first]).any():
            _differ(latest, record, facts, numbered, rows[first : end + 1])
    latest.differing.sort()
    if not readable[value[chosen]].all():
        for row in rows[chosen[~readable[value[chosen]]]].tolist():
            unread: Any = record.values[record.value[row]]
            latest.unread.setdefault(record.facts[record.fact[row]], {})[int(record.owner()[row])] = unread
    return latest


def _scatter(latest: Latest, record: RecordColumns, rows: Whole, codes: Whole) -> None:
    """Columns over patients of the chosen rows, one for each fact."""
    fact, owner = record.fact[rows], record.owner()[rows]
    places = [*dict.fromkeys(fact.tolist())]
    line = np.zeros(len(record.facts), np.int64)
    line[places] = np.arange(len(places))
    line = line[fact]
    values = np.full((len(places), len(record)), UNKNOWN, np.int64)
    behind = np.full((len(places), len(record)), -1, np.int64)
    values[line, owner] = codes
    behind[line, owner] = rows
    names = [record.facts[place] for place in places]
    latest.values = dict(zip(names, values, strict=True))
    latest.rows = dict(zip(names, behind, strict=True))


def _differ(latest: Latest, record: RecordColumns, facts: Mapping[str, Fact], numbered: Numbered, rows: Whole) -> None:
    """Values of one fact and day that are not the same: all are kept as possible."""
    first, *others = rows.tolist()
    name, owner = record.facts[record.fact[first]], int(record.owner()[first])
    value = record.values[record.value[first]]
    for row in others:
        other = record.values[record.value[row]]
        if numbered.code(other, facts[name]) != numbered.code(value, facts[name]):
            latest.differing.append((owner, first, row))
            value = either(value, other)
    latest.values[name][owner] = numbered.code(value, facts[name])
    if isinstance(value, Unknown):
        latest.unread.setdefault(name, {})[owner] = value


def either(one: Value, other: Value) -> Value:
    """What is known when one of two values is right."""
    if isinstance(one, str | OneOf) and isinstance(other, str | OneOf):
        sets: list[Any] = [value.values if isinstance(value, OneOf) else {value} for value in (one, other)]
        return OneOf(frozenset(sets[0] | sets[1]))
    return Unknown(Reason.CONTRADICTORY, f"{one} or {other}")
