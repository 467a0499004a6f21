"""The events that facts are followed by: every recorded value as its least and its greatest number, by patient and day.

A number is in thousandths; yes is 1000 and no is 0. What could not be read may be anything that is plausible.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

import numpy as np

from ...facts.fact import Fact
from ...facts.pages.followed import FollowedFacts, Joined, Multiple
from ...facts.value import Interval, OneOf, Reason, Unknown, Value
from ...record.columns import UNKNOWN, Flags, RecordColumns, Whole

THOUSAND = 1000
READ, UNREAD, SUSPECTED = range(3)
"""How far an event is known: read, not read, or not confirmed."""
DAYS = 1 << 22
"""More than any ordinal of a day."""
_COLUMNS = ("owner", "day", "fact", "low", "high", "state", "row")


@dataclass(slots=True)
class FollowedEvents:
    """By event its patient, day (`UNKNOWN` for none), fact (its place in `names`), `low`, `high`, `state` and row.

    `reasons` says by patient and fact why the last value of one is unknown, where it could not be worked out.
    """

    names: tuple[str, ...]
    owner: Whole
    day: Whole
    fact: Whole
    low: Whole
    high: Whole
    state: Whole
    row: Whole
    reasons: dict[tuple[int, str], Unknown] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.owner)

    def of(self, names: Sequence[str]) -> Flags:
        """Which are of some facts."""
        wanted = np.array([name in names for name in self.names], np.bool_)
        found: Flags = wanted[self.fact]
        return found

    def where(self, chosen: Flags) -> FollowedEvents:
        """Some of them, in their order."""
        return self.at(chosen.nonzero()[0])

    def at(self, places: Whole) -> FollowedEvents:
        """Those at some places."""
        return FollowedEvents(
            self.names, self.owner[places], self.day[places], self.fact[places], self.low[places], self.high[places],
            self.state[places], self.row[places], self.reasons,
        )  # fmt: skip


def bounds_of(value: Value, fact: Fact) -> tuple[int, int, int] | None:
    """The least and the greatest number that a value may be, and how far it is known; `None` where nothing is said."""
    if isinstance(value, Unknown):
        if value.reason == Reason.ABSENT:
            return None
        state = SUSPECTED if value.reason == Reason.PRELIMINARY else UNREAD
        return (*widest(fact), state)
    if isinstance(value, OneOf):
        return 0, THOUSAND, UNREAD
    if isinstance(value, str):
        return None if fact.is_number else (*_of_word(value), READ)
    if isinstance(value, Interval):
        least, most = widest(fact)
        low = least if value.low is None else _thousandths(value.low) + (not value.low_included)
        high = most if value.high is None else _thousandths(value.high) - (not value.high_included)
        return low, max(low, high), READ
    number = _thousandths(value if isinstance(value, Decimal) else Decimal(repr(value)))
    return number, number, READ


def widest(fact: Fact) -> tuple[int, int]:
    """The least and the greatest number that a fact may plausibly be."""
    if not fact.is_number:
        return 0, THOUSAND
    low, high = fact.plausible.low or Decimal(0), fact.plausible.high or Decimal(0)
    return _thousandths(low), _thousandths(high)


def _of_word(word: str) -> tuple[int, int]:
    number = THOUSAND if word == "yes" else 0
    return number, number


def _thousandths(number: Decimal) -> int:
    return int((number * THOUSAND).to_integral_value())


def events_of(
    record: RecordColumns, page: FollowedFacts, facts: Mapping[str, Fact], limits: Mapping[str, Decimal], on: int
) -> FollowedEvents | None:
    """The events of a record up to the day `on`, sorted by patient and day; `None` where nobody has any.

    `limits` are the site's upper limits of normal by setting, in the unit of the value.
    """
    recorded = page.recorded
    wanted = np.array([name in recorded and name in facts for name in record.facts], np.bool_)
    if not len(record.day) or not wanted.any():
        return None
    forms = record.forms()
    (rows,) = np.nonzero(forms.each(wanted[forms.fact]) & (record.day <= on))
    if not len(rows):
        return None
    count = len(record.values)
    low, high, state = np.zeros(count, np.int64), np.zeros(count, np.int64), np.full(count, -1, np.int64)
    fact_of_value = np.zeros(count, np.int64)
    fact_of_value[record.value[rows]] = record.fact[rows]
    for place in np.unique(record.value[rows]).tolist():
        if (bounds := bounds_of(record.values[place], facts[record.facts[fact_of_value[place]]])) is not None:
            low[place], high[place], state[place] = bounds
    value = record.value[rows]
    events = FollowedEvents(
        tuple(record.facts), record.owner()[rows], record.day[rows], record.fact[rows], low[value], high[value],
        state[value], rows,
    )  # fmt: skip
    events = events.where(events.state >= 0)
    for multiple in page.multiples:
        events = _multiplied(events, multiple, facts, limits.get(multiple.setting))
    for joined in page.joined:
        events = _joined(events, joined)
    events = events.where(~_settled_suspicions(events))
    return events.at(np.lexsort((events.day, events.owner))) if len(events) else None


def _multiplied(
    events: FollowedEvents, multiple: Multiple, facts: Mapping[str, Fact], of_site: Decimal | None
) -> FollowedEvents:
    """Values per litre as multiples of the limit of their day, else of the last one before, of the first after, of the
    site; without any a value may be any multiple, and why is told."""
    if multiple.value not in events.names:
        return events
    names = events.names if multiple.multiple in events.names else (*events.names, multiple.multiple)
    mine = events.of((multiple.value,))
    places = mine.nonzero()[0]
    limit = np.full(len(places), UNKNOWN, np.int64)
    known_limits = events.where(events.of((multiple.limit,)) & (events.state == READ))
    if len(known_limits):
        order = np.lexsort((known_limits.day, known_limits.owner))
        owner, number = known_limits.owner[order], known_limits.low[order]
        key = owner * DAYS + np.maximum(known_limits.day[order], 0)
        at = np.searchsorted(key, events.owner[places] * DAYS + np.maximum(events.day[places], 0), side="right") - 1
        before = (at >= 0) & (owner[np.maximum(at, 0)] == events.owner[places])
        after = ~before & (owner[np.minimum(at + 1, len(owner) - 1)] == events.owner[places])
        limit = np.where(before, number[np.maximum(at, 0)], limit)
        limit = np.where(after, number[np.minimum(at + 1, len(owner) - 1)], limit)
    if of_site is not None:
        limit = np.where(limit == UNKNOWN, _thousandths(of_site), limit)
    has, safe = limit != UNKNOWN, np.where(limit == UNKNOWN, THOUSAND, limit)
    least, most = widest(facts[multiple.multiple])
    read = has & (events.state[places] == READ)
    low, high = (-(-part[places] * THOUSAND // safe) for part in (events.low, events.high))
    fact, state = events.fact.copy(), events.state.copy()
    made_low, made_high = events.low.copy(), events.high.copy()
    fact[places] = names.index(multiple.multiple)
    made_low[places] = np.where(read, np.minimum(low, most), least)
    made_high[places] = np.where(read, np.minimum(high, most), most)
    state[places] = np.where(has, state[places], UNREAD)
    reasons = dict(events.reasons)
    for place in places[~has].tolist():
        said = (Decimal(int(events.low[place])) / THOUSAND).normalize()
        what = f"{multiple.value} {said:f} and no upper limit of normal is known"
        reasons[int(events.owner[place]), multiple.multiple] = Unknown(Reason.ABSENT, what)
    return FollowedEvents(
        names, events.owner, events.day, fact, made_low, made_high, state, events.row, reasons
    )  # fmt: skip


def _joined(events: FollowedEvents, joined: Joined) -> FollowedEvents:
    """With an event of the fact for each day on which all its parts are said, and for the end of one of them later."""
    said = (events.day != UNKNOWN) & (events.state == READ)
    key = events.owner * DAYS + np.maximum(events.day, 0)
    together: Whole | None = None
    for part in joined.of:
        days = np.unique(key[said & events.of((part,)) & (events.low > 0)])
        together = days if together is None else np.intersect1d(together, days)
    if together is None or not len(together):
        return events
    (begins,) = (np.isin(key, together) & said & events.of(joined.of[:1])).nonzero()
    (ends,) = (said & events.of(joined.of) & (events.high == 0)).nonzero()
    at = np.searchsorted(together, key[ends]) - 1
    ends = ends[(at >= 0) & (together[np.maximum(at, 0)] // DAYS == events.owner[ends])]
    names = events.names if joined.fact in events.names else (*events.names, joined.fact)
    made = events.at(np.concatenate([begins, ends]))
    made.fact = np.full(len(made), names.index(joined.fact), np.int64)
    owner, day, fact, low, high, state, row = (
        np.concatenate([getattr(events, name), getattr(made, name)]) for name in _COLUMNS
    )
    return FollowedEvents(names, owner, day, fact, low, high, state, row, events.reasons)


def _settled_suspicions(events: FollowedEvents) -> Flags:
    """What was only suspected, and said plainly on that day or later."""
    suspected: Flags = events.state == SUSPECTED
    if not suspected.any():
        return suspected
    said = ~suspected
    settled = np.zeros(len(events), np.bool_)
    for place in suspected.nonzero()[0].tolist():
        same = said & (events.owner == events.owner[place]) & (events.fact == events.fact[place])
        settled[place] = bool((same & (events.day >= events.day[place])).any())
    return settled
