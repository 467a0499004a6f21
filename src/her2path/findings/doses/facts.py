"""The facts of each dose and order as columns: how far its amount lies from what was due, its step, gap, drug and
use."""

from __future__ import annotations

import numpy as np

from ...history.course_facts import NOT_STATED, known
from ...history.names import NAMED, YES
from ...history.numbered import exactly
from ...record.columns import UNKNOWN, Flags, Whole
from ..course.columns import CourseFacts
from .administrations import FIRST, Administrations
from .due import LOADING, MOST_DOSES, NOT_KNOWN, Due

NO_WEIGHT, NO_AMOUNT, NOT_COMPARED, BELOW_ANY = NAMED, NAMED + 1, NAMED + 2, NAMED + 3
"""The named values of `dose_off_percent`."""
NONE_BEFORE = NAMED
FIRST_OF_COURSE, FIRST_OF_DRUG, MAINTENANCE, RELOAD, NOT_SETTLED = range(5)
"""The places of the values of `dose_step_due`."""
PERCENT = 100 * 1000
NO_LEVEL = np.int64(1) << 40
THOUSAND = 1000
IN_HAND = "product in hand"
"""The column of the drug that the course has in hand before a dose; no fact, since `product` is that of the dose."""
Columns = dict[str, Whole]


def amounts_of(course: CourseFacts, made: Administrations) -> tuple[Whole, Whole]:
    """The amount of each entry as a numerator and a denominator: over a dose of the label times the denominator it is a
    share. `UNKNOWN` where there is no amount, or no weight for a dose by weight."""
    by_weight = course.rules.codes.arrays.by_weight[made.drug] == 1
    whole = np.where(by_weight, np.where(made.as_per_kg, made.per_kg, made.mg), made.mg)
    needs = by_weight & ~made.as_per_kg
    width = np.where(needs, made.weight, THOUSAND)
    both = known(whole) & known(width)
    return np.where(both, whole * THOUSAND, UNKNOWN), np.where(both, width, UNKNOWN)


def off_of(amount: Whole, width: Whole, doses: Whole) -> Whole:
    """How far amounts lie from the nearest of some doses, in thousandths of a percent, downwards; `UNKNOWN` for
    none."""
    found = off_from(amount, width, doses[:, 0])
    for place in range(1, MOST_DOSES):
        (more,) = known(doses[:, place]).nonzero()
        if len(more):
            other = off_from(amount[more], width[more], doses[more, place])
            nearer = np.abs(other) < np.abs(found[more])
            found[more] = np.where(nearer, other, found[more])
    return found


def off_from(amount: Whole, width: Whole, dose: Whole) -> Whole:
    """How far amounts lie from one dose each, in thousandths of a percent, downwards; `UNKNOWN` for none."""
    usable = known(amount) & known(dose)
    due = np.where(usable, dose * width, 1)
    made: Whole = np.where(usable, (amount - due) * PERCENT // due, UNKNOWN)
    return made


def facts_of_doses(course: CourseFacts, made: Administrations, due: Due) -> Columns:
    """The facts of `facts.md` that speak of one dose or order, by entry."""
    amount, width = amounts_of(course, made)
    off = off_of(amount, width, due.due)
    has_dose = known(due.due[:, 0])
    number = np.where(made.as_per_kg, made.per_kg, made.mg)
    why = np.where(~has_dose, NOT_COMPARED, np.where(known(number), NO_WEIGHT, NO_AMOUNT))
    why = np.where((why == NO_WEIGHT) & _below_any(course, made, due), BELOW_ANY, why)
    schedules = course.rules.knowledge.facts["schedule"].values
    lengths = course.rules.codes.page.days
    previous = np.full(len(made), UNKNOWN, np.int64)
    for place, name in enumerate(schedules):
        previous[made.before_schedule == lengths[name]] = place
    facts: Columns = {
        "administration": made.state,
        "product": made.drug,
        "dose_step_due": _steps(course, made, due),
        "dose_off_percent": np.where(known(off), off, why),
        "other_step_off_percent": off_of(amount, width, due.other),
        "dose_above_maximum_percent": off_from(amount, width, due.most),
        "level_raised_percent": _raised(course, made, due, amount, width, off),
        "days_after_previous_dose": np.where(made.before >= 0, made.gap * THOUSAND, NONE_BEFORE),
        "previous_schedule": previous,
    }
    for name in ("tumour_site", "setting"):
        facts[name] = exactly(course.column(name))[made.patient]
    return facts | _drugs(course, made)


def _below_any(course: CourseFacts, made: Administrations, due: Due) -> Flags:
    """Whether an amount in mg is below the lowest dose of the label for the lightest weight that is plausible."""
    lightest = course.rules.plausible["weight_kg"][0]
    doses = np.where(known(due.due), due.due, NO_LEVEL)
    lowest = doses.min(axis=1)
    found: Flags = known(made.mg) & (lowest < NO_LEVEL) & (made.mg * THOUSAND < lowest * lightest)
    return found


def _steps(course: CourseFacts, made: Administrations, due: Due) -> Whole:
    """The step that was due; the first dose of a course of a drug with two schedules has a rule of its own."""
    of_course = (due.step == LOADING) & (made.relation == FIRST) & ~made.is_order
    of_course &= course.rules.codes.arrays.shorter_days[made.drug] > 0
    of_course &= made.day == course.state["first_day"][made.patient]
    steps = np.array([FIRST_OF_DRUG, MAINTENANCE, RELOAD, NOT_SETTLED], np.int64)[np.minimum(due.step, NOT_KNOWN)]
    made_of: Whole = np.where(of_course, FIRST_OF_COURSE, steps)
    return made_of


def _raised(
    course: CourseFacts, made: Administrations, due: Due, amount: Whole, width: Whole, off: Whole
) -> Whole:  # fmt: skip
    """How far the amount lies above the lowest level given before; only an amount near a level of the label is of
    it."""
    raised = np.full(len(made), NAMED, np.int64)
    (mine,) = (due.has_levels & known(off)).nonzero()
    if not len(mine):
        return raised
    near = np.abs(off[mine]) <= course.rules.codes.numbers.same_day_percent * THOUSAND
    there = known(due.due[mine])
    doses = np.where(there, due.due[mine], 0)
    far = np.where(there, np.abs(amount[mine, None] - doses * width[mine, None]), np.int64(1) << 60)
    nearest = doses[np.arange(len(mine)), far.argmin(axis=1)]
    level = np.where(near & ~made.is_order[mine], nearest, NO_LEVEL)
    count = len(course.rules.codes.products)
    group = made.patient[mine] * count + made.drug[mine]
    order = np.argsort(group, kind="stable")
    rank = np.cumsum(np.concatenate([[0], np.diff(group[order]) != 0]))
    lowest = np.minimum.accumulate(level[order] - (rank << 41)) + (rank << 41)
    before = np.concatenate([[NO_LEVEL], lowest[:-1]])
    before[np.concatenate([[True], np.diff(group[order]) != 0])] = NO_LEVEL
    has = before < NO_LEVEL
    highest = due.due[mine][order].max(axis=1)
    is_reduced = has & (before < highest)
    said = off_from(amount[mine][order], width[mine][order], np.where(is_reduced, before, UNKNOWN))
    raised[mine[order]] = np.where(is_reduced, said, NAMED)
    return raised


def _drugs(course: CourseFacts, made: Administrations) -> Columns:
    """The drug in hand before each dose, and whether a change to another one has a reason on record.

    Of an order the drug in hand is that of the day, of a partner that of the end of its day. A change that goes on
    without a reason was told at its first dose, and two drugs of one day are told as such.
    """
    hand, after, reason = course.hands[made.place].astype(np.int64).T
    codes, state = course.rules.codes, course.state
    partner = (codes.arrays.partner[made.drug] == 1) & ~made.is_order
    if partner.any():
        run = np.concatenate([made.patient[1:] != made.patient[:-1], [True]])
        run[:-1] |= made.day[1:] != made.day[:-1]
        ends = np.flatnonzero(run)
        last = ends[np.searchsorted(ends, np.arange(len(made)))]
        hand = np.where(partner, after[last], hand)
    hand = np.where(made.is_order, state["product"][made.patient], hand)
    meant = np.where((reason > 0) | (made.day == state["two_products_day"][made.patient]), YES, NOT_STATED)
    intended = exactly(course.column("switch_intended"))[made.patient]
    meant = np.where(made.is_order & known(intended), intended, meant)
    return {IN_HAND: np.where(hand >= 0, hand, made.drug), "switch_intended": meant}
