"""The levels of the label that doses by weight were given at: full, or reduced, told by their mg/kg on their day.

    doses of a product -> mg/kg by the weight of the day -> level -> the lowest that was meant

A level once reduced is never raised again, so that one low dose long ago counts (decision D198). Columns over patients,
or over doses, as in `course_facts.py`; levels go by their place from the full one (0) down.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..facts.pages.numbers import CourseNumbers
from ..record.columns import UNKNOWN, Flags, Whole
from . import names
from .course_facts import THOUSAND, known
from .timeline import Timeline


@dataclass(frozen=True, slots=True)
class DosesByWeight:
    """Doses of one product for each patient, by patient and day; `rows` are those of the record.

    `per_kg` and `mg` are in thousandths of mg/kg and mg, `UNKNOWN` where not known.
    """

    patient: Whole
    day: Whole
    per_kg: Whole
    mg: Whole
    rows: Whole

    def of(self, chosen: Flags) -> DosesByWeight:
        """Those of the patients that are marked."""
        mine = chosen[self.patient]
        return DosesByWeight(*(column[mine] for column in (self.patient, self.day, self.per_kg, self.mg, self.rows)))


@dataclass(frozen=True, slots=True)
class LevelsGiven:
    """What the doses of a product come to, by patient: the lowest level, `UNKNOWN` where none can be told.

    `per_kg` is its dose by the label, `day` and `row` are those of the first dose at it; `last_per_kg` and `last_row`
    are of the last dose. `raised` marks whose last dose is at a higher level and larger, `not_told` whose last dose is
    of no level, `some_not_told` of whom any is.
    """

    level: Whole
    per_kg: Whole
    day: Whole
    row: Whole
    last_per_kg: Whole
    last_row: Whole
    raised: Flags
    not_told: Flags
    some_not_told: Flags


def doses_by_weight(timeline: Timeline, product: Whole, on: int) -> DosesByWeight:
    """The doses of `product` (a code by patient) up to the day `on`.

    The weight of a dose is the last one up to it, else the first after it.
    """
    owner = np.repeat(np.arange(len(timeline.starts) - 1), np.diff(timeline.starts))
    kind, number = timeline.kind, timeline.number
    past = timeline.day <= on
    dosed = past & ((kind == names.DOSE) | (kind == names.DOSE_PER_KG)) & (timeline.code == product[owner])
    places = np.flatnonzero(dosed)
    weighed = np.flatnonzero(past & (kind == names.WEIGHT) & known(number))
    mine, weight = owner[places], np.full(len(places), UNKNOWN, np.int64)
    if len(weighed):
        at = np.searchsorted(weighed, places)
        for nearest in (np.minimum(at, len(weighed) - 1), np.maximum(at - 1, 0)):  # one before goes over one after
            hers = owner[weighed[nearest]] == mine
            hers &= (weighed[nearest] < places) | ~known(weight)
            weight = np.where(hers, number[weighed[nearest]], weight)
    amount, has_weight = number[places], known(weight)
    safe = np.where(has_weight, weight, THOUSAND)
    by_kg = kind[places] == names.DOSE_PER_KG
    both = known(amount) & has_weight
    per_kg = np.where(by_kg, amount, np.where(both, amount * THOUSAND // safe, UNKNOWN))
    mg = np.where(by_kg, np.where(both, amount * safe // THOUSAND, UNKNOWN), amount)
    return DosesByWeight(mine, timeline.day[places], per_kg, mg, timeline.rows[places])


def levels_given(doses: DosesByWeight, levels: tuple[int, ...], patients: int, numbers: CourseNumbers) -> LevelsGiven:
    """The lowest of `levels` (thousandths of mg/kg, the full one first) that was meant, for so many patients.

    A dose is of the level that it is nearest to by its share, within `level_percent`; above the full one it is full. It
    means a reduction only where its amount fell too: an amount that was kept while the weight rose means none.
    """
    nothing = np.full(patients, UNKNOWN, np.int64)
    level, per_kg, day, row, last_per_kg, last_row = (nothing.copy() for _ in range(6))
    raised, not_told, some_not_told = (np.zeros(patients, np.bool_) for _ in range(3))
    given = LevelsGiven(level, per_kg, day, row, last_per_kg, last_row, raised, not_told, some_not_told)
    count = len(doses.patient)
    if not count:
        return given
    place = _nearest(doses.per_kg, levels, numbers.level_percent)
    some_not_told[doses.patient[place == UNKNOWN]] = True
    first = np.concatenate([[True], doses.patient[1:] != doses.patient[:-1]])
    last = np.append(first[1:], True)
    not_told[doses.patient[last & (place == UNKNOWN)]] = True
    last_row[doses.patient[last]] = doses.rows[last]
    last_per_kg[doses.patient[last]] = doses.per_kg[last]
    before = _known_before(doses, first)
    fell = ~known(before) | ~known(doses.mg) | (doses.mg * 100 < before * (100 - numbers.kept_amount_percent))
    told = np.flatnonzero(known(place) & (fell | (place == 0)))
    # The first dose of the lowest level is written last: after those of higher levels, and after later ones.
    order = told[np.lexsort((-told, place[told]))]
    amount = nothing.copy()
    by_label = np.array(levels, np.int64)[np.where(known(place), place, 0)]
    written = ((level, place), (per_kg, by_label), (day, doses.day), (row, doses.rows), (amount, doses.mg))
    for column, values in written:
        column[doses.patient[order]] = values[order]
    hers, at, mg = doses.patient[last], place[last], doses.mg[last]
    more = known(mg) & known(amount[hers]) & (mg * 100 > amount[hers] * (100 + numbers.kept_amount_percent))
    raised[hers] = known(at) & known(level[hers]) & (at < level[hers]) & (more | ~known(mg))
    return given


def _nearest(per_kg: Whole, levels: tuple[int, ...], percent: int) -> Whole:
    """The place of the level of each dose; `UNKNOWN` where it is near none."""
    steps = np.array(levels, np.int64)
    apart = np.abs(per_kg[:, None] - steps[None, :])
    place = np.argmin(apart / steps, axis=1)
    near = apart[np.arange(len(per_kg)), place] * 100 <= percent * steps[place]
    made: Whole = np.where(known(per_kg) & (near | (per_kg > steps[0])), place, UNKNOWN)
    return made


def _known_before(doses: DosesByWeight, first: Flags) -> Whole:
    """The last known amount of a patient before each dose."""
    count = len(first)
    places = np.arange(count)
    has = np.maximum.accumulate(np.where(known(doses.mg), places, -1))
    before = np.append([-1], has[:-1])
    begin = np.maximum.accumulate(np.where(first, places, 0))
    made: Whole = np.where(before >= begin, doses.mg[np.maximum(before, 0)], UNKNOWN)
    return made


__all__ = ["DosesByWeight", "LevelsGiven", "doses_by_weight", "levels_given"]
