"""Doses of one product that are recorded more than once on a day: parts of one dose, or one dose recorded twice.

An infusion is charted in rows when its rate changes, when it is begun and ended, or vial by vial; and one dose may
stand in two resources. Parts are added up; what is the same counts once; where neither can be told the amount is
unknown:

- rows of the same time and amount are one; rows whose times follow each other are parts;
- otherwise amounts that differ are parts if together they are near a dose of the label, and equal ones are parts if
  only together they are near one, and one dose if only each by itself is.
"""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from ..facts.value import Unknown
from ..record.columns import UNKNOWN, RecordColumns
from ..record.event import IN_PART, STATEMENT
from . import names
from .drug_codes import DrugCodes
from .timeline import THOUSAND, Timeline, both_of

PARTS, ONCE, BEGUN, UNCLEAR = "parts", "once", "begun", "unclear"
PERIOD = re.compile(r"(\S+) to (\S+)")
"""How an infusion says when it began and ended."""
NONE_GIVEN = re.compile(r"0+(?:\.0+)? ")
"""How an amount of nothing begins: a row that only begins or ends an infusion."""
Period = tuple[dt.datetime, dt.datetime]


@dataclass(frozen=True, slots=True)
class DayDose:
    """What the rows of a product on a day were taken for: `amounts` in thousandths of mg (of mg/kg where `per_kg`).

    `total` is `UNKNOWN` where it cannot be told; `minutes` of the whole infusion, 0 where they are not known.
    """

    patient: int
    day: int
    drug: int
    verdict: str
    rows: tuple[int, ...]
    amounts: tuple[int, ...]
    total: int
    per_kg: bool = False
    minutes: int = 0


@dataclass(frozen=True, slots=True)
class _Row:
    """One row of a day: its place on the timeline, its amount, its times, whether a part is missing from it, and
    whether it is only stated."""

    place: int
    row: int
    number: int
    per_kg: bool
    period: Period | None
    in_part: bool
    stated: bool


def joined_doses(record: RecordColumns, timeline: Timeline, codes: DrugCodes) -> list[DayDose]:
    """Give the rows of each product on one day of `timeline` the amount of the whole dose, and say what they were."""
    day = timeline.day
    places = both_of(day[1:] == day[:-1])  # few days have more than one event
    kind = timeline.kind[places]
    places = places[(kind >= names.DOSE) & (kind <= names.DOSE_PER_KG) & (timeline.code[places] < len(codes.products))]
    owner = record.owner()[timeline.rows[places]]
    day = timeline.day[places]
    several = both_of((owner[1:] == owner[:-1]) & (day[1:] == day[:-1]))
    if not len(several):
        return []
    places = places[several]
    owner, day, code = record.owner()[timeline.rows[places]], timeline.day[places], timeline.code[places]
    groups: dict[tuple[int, int, int], list[int]] = {}
    for key, place in zip(zip(owner.tolist(), day.tolist(), code.tolist(), strict=True), places.tolist(), strict=True):
        groups.setdefault(key, []).append(place)
    joined = []
    for (patient, on, drug), of_drug in groups.items():
        rows = [_row(record, timeline, place) for place in of_drug]
        own = [row for row in rows if not row.stated]
        whole = _whole(timeline, codes, (patient, on, drug), own) if own else None
        if whole is not None:
            joined.append(whole)
            for row in rows:
                timeline.number[row.place] = whole.total
                timeline.kind[row.place] = names.DOSE_PER_KG if whole.per_kg else names.DOSE
    return joined


def _row(record: RecordColumns, timeline: Timeline, place: int) -> _Row:
    row = int(timeline.rows[place])
    note = record.notes[record.note[row]]
    is_unread = isinstance(record.values[record.value[row]], Unknown) and not NONE_GIVEN.match(
        record.saids[record.said[row]]
    )
    return _Row(
        place, row, int(timeline.number[place]), int(timeline.kind[place]) == names.DOSE_PER_KG, _period(record, row),
        is_unread or note.startswith(IN_PART), STATEMENT in note,
    )  # fmt: skip


def _period(record: RecordColumns, row: int) -> Period | None:
    """When the infusion of a row began and ended, where a row of the same origin says it."""
    start, end = record.starts[record.owner()[row]], record.starts[record.owner()[row] + 1]
    for other in (start + np.flatnonzero(record.origin[start:end] == record.origin[row])).tolist():
        if record.facts[record.fact[other]] == "infusion_given_minutes":
            match = PERIOD.fullmatch(record.saids[record.said[other]])
            try:
                if match is not None:
                    began, ended = (dt.datetime.fromisoformat(side) for side in match.groups())
                    return (began, ended) if began <= ended else None
            except (ValueError, TypeError):  # no times, or one of them without its zone
                return None
    return None


def _whole(timeline: Timeline, codes: DrugCodes, key: tuple[int, int, int], rows: list[_Row]) -> DayDose | None:
    """What the rows of a product on a day come to; `None` where none of them has an amount."""
    patient, day, drug = key
    weight = _weight(timeline, patient, day)
    per_kg = all(row.per_kg for row in rows if row.number != UNKNOWN)
    measured = [(row, _amount(row, per_kg, weight)) for row in rows if row.number != UNKNOWN]
    if not measured:
        return None
    distinct = list({(row.period, amount) if row.period else row.place: (row, amount)
                     for row, amount in measured}.values())  # fmt: skip
    amounts = [amount for _, amount in distinct]
    listed = tuple(amount for _, amount in measured)
    places = tuple(row.row for row in rows)

    def told(verdict: str, total: int, minutes: int = 0) -> DayDose:
        return DayDose(patient, day, drug, verdict, places, listed, total, per_kg, minutes)

    if UNKNOWN in amounts or any(row.in_part for row in rows):
        return told(UNCLEAR, UNKNOWN)
    is_near = _Nearness(codes, drug, weight, per_kg)
    if len(distinct) == 1:
        if len(measured) > 1:
            return told(ONCE, amounts[0])
        # A row without an amount is the beginning or the end of the one that has it, unless that one is no whole dose.
        return told(UNCLEAR, UNKNOWN) if is_near(amounts[0]) is False else told(BEGUN, amounts[0])
    periods = [row.period for row, _ in distinct]
    if (minutes := _following(periods, codes.numbers.same_infusion_minutes)) is not None:
        return told(PARTS, sum(amounts), minutes)
    together, alone = is_near(sum(amounts)), is_near(amounts[0])
    if together and (len(set(amounts)) > 1 or not alone):
        return told(PARTS, sum(amounts))
    if len(set(amounts)) == 1 and alone and together is False:
        return told(ONCE, amounts[0])
    return told(UNCLEAR, UNKNOWN)


def _amount(row: _Row, per_kg: bool, weight: int) -> int:
    """The amount of a row in thousandths of mg, or of mg/kg where all rows are; unknown without a weight."""
    if row.per_kg == per_kg:
        return row.number
    return UNKNOWN if weight == UNKNOWN else row.number * weight // THOUSAND


def _weight(timeline: Timeline, patient: int, day: int) -> int:
    """The last weight up to a day, in thousandths."""
    part = timeline.of(patient)
    places = part.start + np.flatnonzero((timeline.kind[part] == names.WEIGHT) & (timeline.day[part] <= day))
    return int(timeline.number[places[-1]]) if len(places) else UNKNOWN


def _following(periods: list[Period | None], most_apart: int) -> int | None:
    """The minutes of infusions that follow each other within `most_apart` minutes; `None` where they overlap, lie
    further apart, or have no times."""
    whole = [period for period in periods if period is not None]
    if len(whole) < len(periods):
        return None
    try:
        whole.sort()
        gaps = [after[0] - before[1] for before, after in pairwise(whole)]
    except TypeError:  # some with a time zone and some without
        return None
    if any(not -dt.timedelta(minutes=1) <= gap <= dt.timedelta(minutes=most_apart) for gap in gaps):
        return None
    return round(sum((ended - began).total_seconds() for began, ended in whole) / 60)


class _Nearness:
    """Whether an amount is near a dose of the label of its product; `None` where that cannot be told."""

    def __init__(self, codes: DrugCodes, drug: int, weight: int, per_kg: bool) -> None:
        by_weight = bool(codes.drugs.by_weight[drug])
        self.doses = sorted({dose for (code, _), doses in codes.labelled.items() if code == drug for dose in doses})
        self.percent = codes.numbers.same_day_percent
        self.divisor = 0
        if self.doses and by_weight == per_kg:
            self.divisor = THOUSAND
        elif self.doses and by_weight and weight != UNKNOWN:
            self.divisor = weight

    def __call__(self, amount: int) -> bool | None:
        if not self.divisor:
            return None
        given = amount * THOUSAND // self.divisor
        return any(abs(given - dose) * 100 <= self.percent * dose for dose in self.doses)
