"""The doses and orders of a batch as columns: which drug, when, how much, by which weight, and what was given before.

One entry is a dose of a drug on a day (its rows are one dose, `same_day.py`) or one row of an order. Days are ordinals,
amounts and weights thousandths, `UNKNOWN` what is not known.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...history import names
from ...history.course_facts import COMPLETED, known
from ...history.names import last_day_of
from ...record.columns import UNKNOWN, Flags, Whole
from ..course.columns import CourseFacts

ORDERED, SUPERSEDED, LAST, BEFORE = range(4)
"""The places of the values of the fact `administration`."""
FIRST, AGAIN, CHANGED, NOW_LONGER, OPEN = range(5)
"""What an entry is to the dose before it: the first, one more, another form, the first of a longer schedule, or
open."""
THOUSAND = 1000


@dataclass(slots=True)
class Administrations:
    """Doses and orders up to the day, a column each, sorted by patient.

    `row` is the row of the record, `drug` a code, `state` a value of `administration`. `mg` and `per_kg` are the
    amount as recorded or by `weight`, that of `weight_day`. `before` is the entry of the dose before (of the drug, or
    of another form of its antibody), -1 for none, `gap` the days since, `relation` what the entry is to it.
    `schedule` and `before_schedule` are the days between doses by which this dose and the one before count.
    """

    patient: Whole
    row: Whole
    place: Whole
    day: Whole
    drug: Whole
    is_order: Flags
    state: Whole
    mg: Whole
    per_kg: Whole
    as_per_kg: Flags
    weight: Whole
    weight_day: Whole
    before: Whole
    gap: Whole
    relation: Whole
    schedule: Whole
    before_schedule: Whole

    def __len__(self) -> int:
        return len(self.patient)


def administrations_of(course: CourseFacts) -> Administrations:
    """The doses and orders of the HER2-directed drugs of a batch."""
    timeline, codes, on = course.timeline, course.rules.codes, course.rules.on.toordinal()
    count = len(codes.products)
    dosed = (timeline.kind == names.DOSE) | (timeline.kind == names.DOSE_PER_KG)
    (place,) = ((dosed | (timeline.kind == names.ORDER)) & (timeline.code < count) & (timeline.day <= on)).nonzero()
    owner = course.record.owner()[timeline.rows]
    patient, day, drug = owner[place], timeline.day[place], timeline.code[place].astype(np.int64)
    is_order = timeline.kind[place] == names.ORDER
    again = _again(patient, day, drug, is_order, count)
    if again.any():
        place, patient, day, drug, is_order = (column[~again] for column in (place, patient, day, drug, is_order))
    row, number = timeline.rows[place], timeline.number[place]
    by_kg = np.array([name == "ordered_mg_per_kg" for name in course.record.facts], np.bool_)[course.record.fact[row]]
    as_per_kg = (timeline.kind[place] == names.DOSE_PER_KG) | by_kg
    weight, weight_day = _weights(course, owner, place, patient, is_order)
    both = known(number) & known(weight)
    safe = np.where(known(weight), weight, 1)
    mg = np.where(as_per_kg, np.where(both, number * weight // THOUSAND, UNKNOWN), number)
    per_kg = np.where(as_per_kg, number, np.where(both, number * THOUSAND // safe, UNKNOWN))
    made = Administrations(
        patient, row, place, day, drug, is_order, np.zeros(len(place), np.int64), mg, per_kg, as_per_kg, weight,
        weight_day, *(np.full(len(place), UNKNOWN, np.int64) for _ in range(5)),
    )  # fmt: skip
    _follow(course, made)
    _standing(course, made)
    return made


def _again(patient: Whole, day: Whole, drug: Whole, is_order: Flags, count: int) -> Flags:
    """Which rows are of the same drug and day as a row before: parts of one dose. Rows are sorted by patient and
    day."""
    same_day = np.zeros(len(patient), np.bool_)
    same_day[1:] = (patient[1:] == patient[:-1]) & (day[1:] == day[:-1])
    again = np.zeros(len(patient), np.bool_)
    if same_day.any():
        key = (np.cumsum(~same_day) * count + drug)[~is_order]
        _, first = np.unique(key, return_index=True)
        of_doses = np.ones(len(key), np.bool_)
        of_doses[first] = False
        again[~is_order] = of_doses
    return again


def _weights(
    course: CourseFacts, owner: Whole, place: Whole, patient: Whole, is_order: Flags
) -> tuple[Whole, Whole]:  # fmt: skip
    """The last weight up to a dose, of an order up to the day of the review, and its day."""
    timeline, on = course.timeline, course.rules.on.toordinal()
    weighed = (timeline.kind == names.WEIGHT) & (timeline.number != UNKNOWN) & (timeline.day <= on)
    if not weighed.any() or not len(place):
        nothing = np.full(len(place), UNKNOWN, np.int64)
        return nothing, nothing
    last = np.maximum.accumulate(np.where(weighed, np.arange(len(timeline.day)), -1))
    at = np.where(is_order, timeline.starts[patient + 1] - 1, place)
    found = last[at]
    has = (found >= 0) & (owner[found] == patient)
    return np.where(has, timeline.number[found], UNKNOWN), np.where(has, timeline.day[found], UNKNOWN)


def _follow(course: CourseFacts, made: Administrations) -> None:
    """What was given before each entry: of its drug, or of another form of its antibody."""
    codes, numbers = course.rules.codes, course.rules.codes.numbers
    size, count = len(made), len(codes.products)
    if not size:
        return
    forms = np.where(codes.arrays.of_trastuzumab[:count] == 1, count, np.arange(count))
    group = made.patient * (count + 1) + forms[made.drug]
    order = np.argsort(group, kind="stable")
    group, day, is_order = group[order], made.day[order], made.is_order[order]
    dose = np.maximum.accumulate(np.where(is_order, -1, np.arange(size)))
    ahead = np.concatenate([[-1], dose[:-1]])
    safe = np.maximum(ahead, 0)
    follows = (ahead >= 0) & (group[safe] == group) & (day - day[safe] <= numbers.course_break_days)
    before = np.where(follows, order[safe], -1)
    made.before[order] = before
    has = made.before >= 0
    at = np.maximum(made.before, 0)
    made.gap = np.where(has, made.day - made.day[at], UNKNOWN)
    same = has & (made.drug[at] == made.drug)
    made.relation = np.where(has, np.where(same, AGAIN, CHANGED), FIRST)
    _schedules(course, made, same)
    longer = same & known(made.before_schedule) & (made.schedule > made.before_schedule)
    made.relation[longer] = NOW_LONGER
    _beside(course, made)


def _schedules(course: CourseFacts, made: Administrations, same: Flags) -> None:
    """By which of two schedules a dose counts: an amount of the longer one is of it; a short gap is of the shorter
    one; a long one only between doses of the shorter one's amount."""
    codes, numbers = course.rules.codes, course.rules.codes.numbers
    made.schedule = codes.arrays.days[made.drug]
    two = codes.arrays.shorter_days[made.drug] > 0
    at = np.maximum(made.before, 0)
    if two.any():
        cut, short = numbers.longer_schedule_mg_per_kg * THOUSAND, numbers.short_gap_days
        small = known(made.per_kg) & (made.per_kg < cut)
        large = known(made.per_kg) & (made.per_kg >= cut)
        gap, gap_before = made.gap, made.gap[at]
        first_pair = ~same[at] | (gap_before <= short)
        late = small[at] & first_pair & ~large & (small | (same[at] & (gap_before <= short)))
        is_shorter = np.where(same, np.where(gap <= short, ~large, late), small)
        is_open = ~same & ~small & ~large
        shorter = codes.arrays.shorter_days[made.drug]
        standing = course.state["schedule_days"][made.patient]
        mine = made.is_order & (course.state["product"][made.patient] == made.drug) & known(standing)
        is_shorter = np.where(mine, (standing == shorter) & ~large, is_shorter)
        made.schedule = np.where(two & is_shorter, shorter, made.schedule)
        made.schedule = np.where(two & is_open & ~mine, UNKNOWN, made.schedule)
    made.before_schedule = np.where(same, made.schedule[at], UNKNOWN)
    other = (made.before >= 0) & ~same
    made.before_schedule = np.where(other, made.schedule[at], made.before_schedule)


def _beside(course: CourseFacts, made: Administrations) -> None:
    """A first dose of pertuzumab alone after a combination that holds it is no first dose of pertuzumab."""
    codes, count = course.rules.codes, len(course.rules.codes.products)
    holding = codes.arrays.of_pertuzumab[:count] == 1
    alone = holding & (codes.arrays.of_trastuzumab[:count] == 0)
    first = alone[made.drug] & (made.relation == FIRST)
    if not first.any():
        return
    for code in np.flatnonzero(holding & ~alone).tolist():
        given = course.state[last_day_of(codes.products[code])]
        after = first & known(given)[made.patient]
        made.relation[after] = OPEN


def _standing(course: CourseFacts, made: Administrations) -> None:
    """Whether an order stands, and whether a dose is the last of its drug in a course that may go on."""
    state, codes, on = course.state, course.rules.codes, course.rules.on.toordinal()
    if not len(made):
        return
    count, numbers = len(codes.products), codes.numbers
    last_any = state["any_last_day"][made.patient]
    key = made.patient * count + made.drug
    newest = np.full(len(course) * count, UNKNOWN, np.int64)
    doses = ~made.is_order
    newest[key[doses]] = made.day[doses]  # sorted by day within a patient: the last one stays
    ordered = np.full(len(course) * count, UNKNOWN, np.int64)
    ordered[key[made.is_order]] = made.day[made.is_order]
    stands = made.is_order & (made.day >= last_any) & (newest[key] < made.day) & (ordered[key] == made.day)
    of_now = (made.drug == state["product"][made.patient]) | (made.day == last_any)
    of_now |= (codes.arrays.partner[made.drug] == 1) & (last_any - made.day < numbers.partner_days)
    goes_on = (course.column("therapy_phase")[made.patient] != COMPLETED) & (on - made.day <= numbers.judged_days)
    is_last = doses & (newest[key] == made.day) & of_now & goes_on
    made.state = np.where(made.is_order, np.where(stands, ORDERED, SUPERSEDED), np.where(is_last, LAST, BEFORE))
