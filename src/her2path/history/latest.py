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
    value, day = record.value[rows], record.day[rows]
    fact, owner = record.fact[rows], record.owner()[rows]
    places = np.flatnonzero(np.bincount(fact, minlength=len(record.facts)))
    line = np.zeros(len(record.facts), np.int64)
    line[places] = np.arange(len(places))
    cell = line[fact] * len(record) + owner
    # Rows stand in the order of days. The last one counts: the undated before all of them, and before these what cannot
    # be read.
    is_read, is_dated = readable[value], day != UNKNOWN
    last = np.full(len(places) * len(record), -1, np.int64)
    if not (is_read.all() and is_dated.all()):
        for chosen in (np.flatnonzero(~is_read), np.flatnonzero(is_read & ~is_dated)):
            last[cell[chosen]] = chosen
    chosen = np.flatnonzero(is_read & is_dated)
    last[cell[chosen]] = chosen
    # Of rows that are alike in all this the first one counts.
    last_of_row = last[cell]
    alike = np.flatnonzero(last_of_row != np.arange(len(rows)))
    of_last = last_of_row[alike]
    alike = alike[
        ((is_read[alike] & (day[alike] == day[of_last])) | ~is_read[alike]) & (is_read[alike] == is_read[of_last])
    ]
    first = last.copy()
    first[cell[alike][::-1]] = alike[::-1]
    codes = code_of_value[value]
    _lay(latest, [record.facts[place] for place in places.tolist()], first, rows, codes)
    groups: dict[int, list[int]] = {}
    for place in alike[is_read[alike]].tolist():
        groups.setdefault(int(cell[place]), []).append(place)
    for number, listed in groups.items():
        listed.append(int(last[number]))
        if (codes[listed] != codes[listed[0]]).any():
            _differ(latest, record, facts, numbered, rows[listed])
    latest.differing.sort()
    unread = first[first >= 0]
    for row in rows[unread[~is_read[unread]]].tolist():
        why: Any = record.values[record.value[row]]
        latest.unread.setdefault(record.facts[record.fact[row]], {})[int(record.owner()[row])] = why
    return latest


RESIDUAL, MEANT = 1, 0
"""The places of *residual disease* among the values of `pathological_response`, of *yes* among those of the change."""


def changes_meant(latest: Latest, record: RecordColumns) -> Whole:
    """By patient the days from which on residual disease and an intended change are on record; of an undated one 0."""
    made = np.full((len(record), 2), UNKNOWN, np.int64)
    for place, (name, value) in enumerate((("pathological_response", RESIDUAL), ("switch_intended", MEANT))):
        if name in latest.values:
            (mine,) = (latest.values[name] == value).nonzero()
            days = record.day[latest.rows[name][mine]]
            made[mine, place] = np.where(days == UNKNOWN, 0, days)
    return made


def _lay(latest: Latest, names: list[str], chosen: Whole, rows: Whole, codes: Whole) -> None:
    """Columns over patients of the chosen places among some rows, -1 for none; one column for each fact."""
    there = chosen >= 0
    values, behind = np.full(len(chosen), UNKNOWN, np.int64), np.full(len(chosen), -1, np.int64)
    values[there], behind[there] = codes[chosen[there]], rows[chosen[there]]
    latest.values = dict(zip(names, values.reshape(len(names), -1), strict=True))
    latest.rows = dict(zip(names, behind.reshape(len(names), -1), strict=True))


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
