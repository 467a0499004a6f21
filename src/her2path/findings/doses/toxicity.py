"""What blood, liver, lungs and nerves said of each dose on its day: given although the label held it, or had ended it.

The tables of toxicity judge the day of the review. Here they are asked again for each dose, with what was on record
before it; of a dose before which no value stands that could withhold one, nothing is asked.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ...facts.fact import Fact
from ...facts.pages.followed import FollowedFacts, read_followed
from ...history import names
from ...history.course_facts import known
from ...history.followed.events import DAYS, FollowedEvents
from ...history.followed.facts import Course, course_of, followed_facts
from ...history.numbered import exactly
from ...record.columns import UNKNOWN, Flags, Whole
from ..course.answers import Asker
from ..course.columns import CourseFacts
from .administrations import Administrations

TOPIC = "toxicity"
"""The folder of the editions that are asked."""
STOP, HOLDS = "stop for good", "hold"
"""The value of an outcome that ends a drug, and how those begin that hold a dose."""
THEN = "toxicity_then"
NONE_KNOWN, HELD, ENDED = range(3)
"""The places of the values of the fact `toxicity_then`."""
CAUSE = "toxicity that held it"
"""The column of the outcome that held or ended it; no fact."""
MOST_EVENTS = 2_000_000
"""So many values before doses are looked at together."""


@dataclass(slots=True)
class _Units:
    """Doses to be judged, a column each: the patient's place in a batch of its own, day, drug, the day of the dose
    before (`UNKNOWN` for none), the days of its schedule and the setting on its day."""

    day: Whole
    drug: Whole
    last: Whole
    schedule: Whole
    setting: Whole


def toxicity_of(course: CourseFacts, made: Administrations) -> dict[str, Whole]:
    """By dose whether what was on record then held it or had ended its drug, and by which outcome (its place in
    `outcomes_of`); of orders and where nothing of it is on record, that nothing is known."""
    then, cause = np.full(len(made), NONE_KNOWN, np.int64), np.full(len(made), UNKNOWN, np.int64)
    events = course.followed
    if events is None or not (outcomes := outcomes_of(course)):
        return {THEN: then, CAUSE: cause}
    page = read_followed(course.rules.knowledge.folder)
    events = events.where(events.day != UNKNOWN)
    if not len(events):
        return {THEN: then, CAUSE: cause}
    first = _first_that_withholds(course, page, events, outcomes)
    (doses,) = (~made.is_order & (made.day >= first[made.patient])).nonzero()
    sizes = np.cumsum(_before(events, made.patient[doses], made.day[doses])[1])
    for part in np.split(doses, np.flatnonzero(np.diff(sizes // MOST_EVENTS)) + 1):
        if len(part):
            then[part], cause[part] = _judged(course, page, events, made, part, outcomes)
    return {THEN: then, CAUSE: cause}


def outcomes_of(course: CourseFacts) -> list[str]:
    """The outcomes of toxicity by which a label holds a dose or ends its drug, in the order of the facts."""
    decided = {name for e in course.rules.knowledge.editions if e.topic == TOPIC for name in e.tables}
    facts = course.rules.knowledge.facts
    return [name for name in facts if name in decided and any(map(_withholds, facts[name].values))]


def _withholds(value: str) -> bool:
    return value == STOP or value.startswith(HOLDS)


def _first_that_withholds(
    course: CourseFacts, page: FollowedFacts, events: FollowedEvents, outcomes: list[str]
) -> Whole:
    """The day of the first value of each patient by which alone some label would withhold a dose in some setting,
    after any last day for who has none. Each distinct value is asked once, as if it were all that is on record."""
    first = np.full(len(course), DAYS, np.int64)
    one, which = _distinct(events)
    products, settings = len(course.rules.codes.products), len(course.rules.knowledge.facts["setting"].values)
    count = len(one) * products * settings
    place = np.repeat(one, products * settings)
    alone = events.at(place)
    alone.owner, alone.day, alone.reasons = np.arange(count), np.ones(count, np.int64), {}
    drug = np.tile(np.repeat(np.arange(products), settings), len(one))
    setting = np.tile(np.arange(settings), len(one) * products)
    nothing, yesterday = np.zeros(count, np.int64), np.zeros(count, np.int64)
    units = _Units(alone.day, drug, yesterday, nothing, setting)
    windows = Course({}, np.arange(count), yesterday, drug, 1, course.rules.codes)
    then, _ = _asked(course, page, alone, units, windows, outcomes)
    bad = (then != NONE_KNOWN).reshape(len(one), -1).any(axis=1)[which]
    np.minimum.at(first, events.owner[bad], events.day[bad])
    return first


def _distinct(events: FollowedEvents) -> tuple[Whole, Whole]:
    """The place of one event of each value of each fact, and by event which of these it is like."""
    columns = (events.fact, events.low, events.high, events.state)
    order = np.lexsort(columns)
    differs = np.zeros(len(order), np.bool_)
    for column in columns:
        differs[1:] |= column[order[1:]] != column[order[:-1]]
    which = np.empty(len(order), np.int64)
    which[order] = np.cumsum(differs)
    differs[:1] = True
    return order[differs], which


def _before(events: FollowedEvents, patient: Whole, day: Whole) -> tuple[Whole, Whole]:
    """Where the values of some patients up to some days begin among the events, and how many they are."""
    key = events.owner * DAYS + events.day
    start = np.searchsorted(events.owner, patient, side="left")
    return start, np.searchsorted(key, patient * DAYS + day, side="right") - start


def _repeated(start: Whole, count: Whole) -> tuple[Whole, Whole]:
    """The places from each start on, so many of each, and which start each is of."""
    owner = np.repeat(np.arange(len(start)), count)
    behind = np.cumsum(count) - count
    return start[owner] + np.arange(len(owner)) - behind[owner], owner


def _judged(
    course: CourseFacts, page: FollowedFacts, events: FollowedEvents, made: Administrations, part: Whole,
    outcomes: list[str],
) -> tuple[Whole, Whole]:  # fmt: skip
    """Some doses, each with what stood on record before it. A value of its day was measured before it; an event of its
    day may be of the dose itself, and does not count."""
    patient, day, drug = made.patient[part], made.day[part], made.drug[part]
    places, owner = _repeated(*_before(events, patient, day))
    mine = events.at(places)
    mine.owner, mine.reasons = owner, {}
    measured = mine.of(sorted(page.measured))
    mine = mine.where(measured | (mine.day < day[owner]))
    of_record, codes = course.record.owner(), course.rules.codes
    given = course_of(course.timeline, of_record, course.state, course.rules.on.toordinal(), codes)
    order = np.lexsort((given.day, given.owner))
    dosed = given.owner[order] * DAYS + given.day[order]
    start = np.searchsorted(dosed, patient * DAYS, side="left")
    before = np.searchsorted(dosed, patient * DAYS + day, side="left") - start
    at, of_unit = _repeated(start, before)
    at = order[at]
    windows = Course({}, of_unit, given.day[at], given.code[at], given.on, codes)
    last = np.full(len(part), UNKNOWN, np.int64)
    same = given.code[at] == drug[of_unit]
    np.maximum.at(last, of_unit[same], given.day[at][same])
    units = _Units(day, drug, last, made.schedule[part], _settings(course, patient, day))
    return _asked(course, page, mine, units, windows, outcomes)


def _settings(course: CourseFacts, patient: Whole, day: Whole) -> Whole:
    """The setting on some days: the last that was recorded up to then, else that of the day of the review."""
    timeline, now = course.timeline, exactly(course.column("setting"))[patient]
    (stated,) = (timeline.kind == names.SETTING).nonzero()
    if not len(stated):
        return now
    owner = course.record.owner()[timeline.rows[stated]]
    key = owner * DAYS + timeline.day[stated]
    at = np.searchsorted(key, patient * DAYS + day, side="right") - 1
    safe = np.maximum(at, 0)
    return np.where((at >= 0) & (owner[safe] == patient), timeline.code[stated[safe]], now)


def _asked(
    course: CourseFacts, page: FollowedFacts, events: FollowedEvents, units: _Units, windows: Course,
    outcomes: list[str],
) -> tuple[Whole, Whole]:  # fmt: skip
    """The gravest that the tables say of some doses, and which outcome said it."""
    count, facts = len(units.day), course.rules.knowledge.facts
    state = {"product": units.drug, "product_last_day": units.last, "schedule_days": units.schedule}
    windows = replace(windows, state=state)
    columns, _ = followed_facts(page, events, windows, facts, course.numbered)
    setting = np.where(known(units.setting), units.setting, UNKNOWN)
    asker = Asker(course.rules, course.numbered, columns | {"product": units.drug, "setting": setting}, count)
    then, cause = np.full(count, NONE_KNOWN, np.int64), np.full(count, UNKNOWN, np.int64)
    for number, outcome in enumerate(outcomes):
        effects = _effects(facts[outcome])
        for answers in asker.answers_of(outcome, np.arange(count), outcome, {}):
            found = np.where(answers.values >= 0, effects[answers.values], NONE_KNOWN)
            graver: Flags = found > then[answers.asked]
            then[answers.asked[graver]], cause[answers.asked[graver]] = found[graver], number
    return then, cause


def _effects(outcome: Fact) -> Whole:
    """What each value of an outcome does to a dose."""
    return np.array(
        [ENDED if value == STOP else HELD if _withholds(value) else NONE_KNOWN for value in outcome.values], np.int64
    )
