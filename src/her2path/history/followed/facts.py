"""The followed facts of a batch as columns: the lowest count since the last dose, the worst grade under a drug."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal

import numpy as np

from ...facts.fact import Fact
from ...facts.pages.followed import (
    BEFORE_LAST,
    DAYS_SINCE,
    DAYS_TO_END,
    DUE,
    FIRST,
    HIGHEST,
    LAST_DOSE,
    LATEST,
    LOWEST,
    TOGETHER,
    UNDER,
    Followed,
    FollowedFacts,
)
from ...facts.value import Interval, OneOf
from ...record.columns import UNKNOWN, Flags, Whole
from .. import names
from ..course_facts import Columns, known
from ..drug_codes import DrugCodes
from ..names import NAMED, NO, YES
from ..numbered import Numbered
from ..timeline import Timeline
from .events import DAYS, READ, THOUSAND, FollowedEvents, widest

EITHER = OneOf(frozenset({"yes", "no"}))


@dataclass(frozen=True, slots=True)
class Course:
    """What the windows are told by: the states of the folds, and every dose of an antibody or conjugate."""

    state: Mapping[str, Whole]
    owner: Whole
    day: Whole
    code: Whole
    on: int
    codes: DrugCodes

    def last_before(self, events: FollowedEvents, chosen: Flags) -> Whole:
        """The day of the last of some doses up to the day of each event; of an undated one the last of all."""
        owner, day = self.owner[chosen], self.day[chosen]
        if not len(owner):
            return np.full(len(events), UNKNOWN, np.int64)
        order = np.lexsort((day, owner))
        owner, day = owner[order], day[order]
        until = np.where(events.day == UNKNOWN, self.on, events.day)
        at = np.searchsorted(owner * DAYS + day, events.owner * DAYS + until, side="right") - 1
        safe = np.maximum(at, 0)
        made: Whole = np.where((at >= 0) & (owner[safe] == events.owner), day[safe], UNKNOWN)
        return made

    def having(self, products: tuple[str, ...]) -> Flags:
        """Which doses are of some products."""
        return np.isin(self.code, [self.codes.code[name] for name in products if name in self.codes.code])


def course_of(timeline: Timeline, owner: Whole, state: Mapping[str, Whole], on: int, codes: DrugCodes) -> Course:
    """The doses of antibodies and conjugates up to the day; what is only a partner is none."""
    count = len(codes.products)
    dosed = np.isin(timeline.kind, names.DOSES) & (timeline.day <= on) & (timeline.code >= 0) & (timeline.code < count)
    (places,) = dosed.nonzero()
    places = places[codes.arrays.partner[timeline.code[places]] == 0]
    return Course(state, owner[timeline.rows[places]], timeline.day[places], timeline.code[places], on, codes)


def followed_facts(
    page: FollowedFacts, events: FollowedEvents, course: Course, facts: Mapping[str, Fact], numbered: Numbered
) -> tuple[Columns, Columns]:
    """Every fact of the page as a column, unknown for who has no event of any of them; and the row behind each value,
    -1 for none."""
    count = len(course.state["product"])
    anybody = np.zeros(count, np.bool_)
    anybody[events.owner] = True
    made: Columns = {}
    rows: Columns = {}
    latest: dict[str, Whole] = {}
    for each in page.facts:
        fact = facts[each.fact]
        mine = events.where(events.of([name for group in each.of for name in group]))
        within = mine.where(_window(each, mine, course) & (each.unread | (mine.state == READ)))
        if each.since == UNDER:  # without a day it may have been before
            within = replace(within, low=np.where(within.day == UNKNOWN, 0, within.low))
        if each.takes == LATEST:
            column = _latest(within, count, fact, numbered)
            latest[each.fact] = column
        elif each.takes in (LOWEST, HIGHEST):
            column = _extreme(within, each.takes == LOWEST, count, fact, numbered)
        elif each.takes == TOGETHER:
            column = _together(each, within, count)
        elif each.takes == DAYS_SINCE:
            column = _days_since(each, within, count, course.on)
        else:
            column = _days_to_end(within, count, fact, course) if each.takes == DAYS_TO_END else UNKNOWN + anybody
        if each.nothing == LATEST:
            column = np.where(known(column), column, latest.get(each.of[0][0], column))
        elif each.nothing and each.takes != DAYS_TO_END:
            column = np.where(~known(column) & anybody, _named(each.nothing, fact), column)
        made[each.fact], rows[each.fact] = column, _rows_behind(each, within, count)
    return made, rows


def _rows_behind(each: Followed, events: FollowedEvents, count: int) -> Whole:
    """The row of the lowest, the highest, or the last value of each patient."""
    made = np.full(count, -1, np.int64)
    by = {LOWEST: -events.low, HIGHEST: events.high}.get(each.takes, events.day)
    order = np.argsort(by, kind="stable")
    made[events.owner[order]] = events.row[order]
    return made


def _named(word: str, fact: Fact) -> int:
    place = fact.values.index(word)
    return NAMED + place if fact.is_number else place


def _window(each: Followed, events: FollowedEvents, course: Course) -> Flags:
    """Which events fall into the time of a fact; an undated one, of what is told by grades alone, into any."""
    made: Flags = np.ones(len(events), np.bool_)
    undated = (events.day == UNKNOWN) & each.unread
    last = course.state["product_last_day"][events.owner]
    if each.since == LAST_DOSE:
        made = undated | ~known(last) | (events.day >= last)
    if each.since == DUE:
        every = course.state["schedule_days"][events.owner]
        made = known(last) & known(every) & (events.day >= last + every - each.days)
    if each.since == FIRST:
        day = np.full(len(course.state["product"]), DAYS, np.int64)
        doses = course.having(each.products)
        np.minimum.at(day, course.owner[doses], course.day[doses])
        first = day[events.owner]
        made = (first < DAYS) & (undated | (events.day >= first))
    if each.since == UNDER:
        of_these = course.last_before(events, course.having(each.products))
        of_any = course.last_before(events, np.ones(len(course.owner), np.bool_))
        recent = events.day - of_these <= course.codes.numbers.judged_days
        made = known(of_these) & ((recent & (of_any == of_these) & (events.day != UNKNOWN)) | undated)
    return made


def _coded(low: Whole, high: Whole, has: Flags, fact: Fact, numbered: Numbered) -> Whole:
    """Least and greatest numbers as values of a fact."""
    column = np.full(len(has), UNKNOWN, np.int64)
    exact = has & (low == high)
    if not fact.is_number:
        column[exact] = np.where(low[exact] > 0, YES, NO)
        column[has & ~exact] = numbered.code(EITHER, fact)
        return column
    column[exact] = low[exact]
    (partly,) = (has & ~exact).nonzero()
    for place in partly.tolist():
        column[place] = numbered.code(_interval(int(low[place]), int(high[place]), widest(fact)), fact)
    return column


def _interval(low: int, high: int, ends: tuple[int, int]) -> Interval:
    """Limits in thousandths as an interval: one thousandth beyond a round number is that number, not included."""
    is_above, is_below = low % 10 == 1, high % 10 == 9
    least = None if low <= ends[0] else Decimal(low - is_above) / THOUSAND
    most = None if high >= ends[1] else Decimal(high + is_below) / THOUSAND
    return Interval(least, most, not is_above, not is_below)


def _extreme(events: FollowedEvents, lowest: bool, count: int, fact: Fact, numbered: Numbered) -> Whole:
    """The lowest or the highest of all values of each patient."""
    start = np.int64(1) << 60
    low = np.full(count, start if lowest else -start, np.int64)
    high = low.copy()
    extreme = np.minimum if lowest else np.maximum
    extreme.at(low, events.owner, events.low)
    extreme.at(high, events.owner, events.high)
    has = np.zeros(count, np.bool_)
    has[events.owner] = True
    return _coded(low, high, has, fact, numbered)


def _latest(events: FollowedEvents, count: int, fact: Fact, numbered: Numbered) -> Whole:
    """The values of the last day of each patient; one that could not be read leaves it open, where it is the last."""
    last, last_read = np.full(count, UNKNOWN, np.int64), np.full(count, UNKNOWN, np.int64)
    read = events.state == READ
    np.maximum.at(last, events.owner, events.day)
    np.maximum.at(last_read, events.owner[read], events.day[read])
    has, has_read = np.zeros(count, np.bool_), np.zeros(count, np.bool_)
    has[events.owner], has_read[events.owner[read]] = True, True
    of_day = events.where(read & (events.day == last_read[events.owner]))
    low, high = np.full(count, np.int64(1) << 60), np.full(count, -(np.int64(1) << 60))
    np.minimum.at(low, of_day.owner, of_day.low)
    np.maximum.at(high, of_day.owner, of_day.high)
    open_ = has & (~has_read | (last > last_read))
    least, most = widest(fact)
    return _coded(np.where(open_, least, low), np.where(open_, most, high), has, fact, numbered)


def _together(each: Followed, events: FollowedEvents, count: int) -> Whole:
    """Whether on one day a value of every group lay above its limit."""
    made = np.full(count, UNKNOWN, np.int64)
    if not len(events):
        return made
    made[events.owner] = NO
    key = events.owner * DAYS + np.maximum(events.day, 0)
    days, place = np.unique(key, return_inverse=True)
    every = np.ones(len(days), np.bool_)
    for group, limit in zip(each.of, each.above, strict=True):
        high = np.zeros(len(days), np.bool_)
        above = events.of(group) & (events.low > int(limit * THOUSAND)) & (events.day != UNKNOWN)
        high[place[above]] = True
        every &= high
    made[days[every] // DAYS] = YES
    return made


def _days_since(each: Followed, events: FollowedEvents, count: int, on: int) -> Whole:
    """The days since the last value of each fact, the longest; unknown where one has none."""
    made = np.zeros(count, np.int64)
    for group in each.of:
        last = np.full(count, UNKNOWN, np.int64)
        mine = events.of(group)
        np.maximum.at(last, events.owner[mine], events.day[mine])
        made = np.where(known(made) & known(last), np.maximum(made, (on - last) * THOUSAND), UNKNOWN)
    return made


def _days_to_end(events: FollowedEvents, count: int, fact: Fact, course: Course) -> Whole:
    """From the onset of the last episode to its end, patient by patient: few have any."""
    made = np.full(count, UNKNOWN, np.int64)
    onset: dict[int, int] = {}
    end: dict[int, int] = {}
    order = np.lexsort((events.high, events.day, events.owner))
    rows = zip(*(part[order].tolist() for part in (events.owner, events.day, events.high)), strict=True)
    for patient, day, high in rows:
        if high > 0 and (patient not in onset or patient in end):
            onset[patient] = day
            end.pop(patient, None)
        elif high == 0 and patient in onset:
            end.setdefault(patient, day)
    for patient, began in onset.items():
        over, last = end.get(patient), int(course.state["product_last_day"][patient])
        if over is None or UNKNOWN in (over, began):
            made[patient] = _named("not resolved", fact)
        elif last != UNKNOWN and last >= over:
            made[patient] = _named(BEFORE_LAST, fact)
        else:
            made[patient] = (over - began) * THOUSAND
    return made


__all__ = ["Course", "course_of", "followed_facts"]
