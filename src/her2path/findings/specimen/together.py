"""Specimens: the tests of one piece of tissue brought together, and the facts they give.

The rules (docs/decisions.md, D9):
- tests that name one specimen belong to it, whatever their dates;
- tests that name none belong together when they are of one day; an ISH that names none joins the
  latest IHC that names none and has no ISH yet, if it came within `REFLEX_DAYS` after it;
- within a specimen a corrected report replaces the others of its fact up to its day, then the latest
  day stands; results that differ on that one day, or have no date, are all kept as possible, and
  contradict each other; one that cannot be read leaves nothing known;
- the same result twice is one result; a recorded status is no test, and stands beside those it speaks of.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal

from ...facts.value import NOT_REPORTED, Interval, OneOf, Reason, Unknown, Value
from ...record.event import RECORDED_STATUS, STAINING_OPEN, Event, Record, Tissue
from ..finding import Finding, Grade

REFLEX_DAYS = 60
IHC_FACTS = ("ihc_score", "any_membrane_staining")


@dataclass(slots=True)
class Specimen:
    """One piece of tissue: its tests, the facts they come to, and what was found in bringing them together.

    `day` is that of the first test, else the day the tissue was taken.
    """

    name: str
    tissue: Tissue | None
    events: list[Event]
    day: dt.date | None
    facts: dict[str, Value] = field(default_factory=dict)
    used: list[Event] = field(default_factory=list)
    recorded: list[Event] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)


def specimens_of(record: Record) -> tuple[list[Specimen], list[Event]]:
    """The specimens of a record in the order of their days, their facts settled; and the recorded
    statuses that no specimen could be found for."""
    named: dict[str, list[Event]] = {}
    unnamed: list[Event] = []
    statuses: list[Event] = []
    for event in record.events:
        if event.note == "diagnosis":
            continue
        if event.fact == RECORDED_STATUS:
            statuses.append(event)
        elif event.specimen:
            named.setdefault(event.specimen, []).append(event)
        else:
            unnamed.append(event)
    specimens: list[Specimen] = []
    for name, events in named.items():
        tissue = record.tissues.get(name)
        specimens.append(Specimen(name, tissue, events, _first_day(events) or (tissue.day if tissue else None)))
    for day, events in _by_test_day(unnamed) if unnamed else ():
        specimens.append(
            Specimen(f"tests of {day}" if day else "tests without a date", None, events, _first_day(events))
        )
    for specimen in specimens:
        _settle(specimen)
    if len(specimens) > 1:
        # Of one day those with a name of their own come first, whatever it is.
        specimens.sort(key=lambda each: (each.day or dt.date.max, not each.events[0].specimen, each.name))
    return specimens, [status for status in statuses if not _give(status, specimens)]


def _give(status: Event, specimens: list[Specimen]) -> bool:
    """Put a recorded status beside the tests it speaks of: those of its specimen, else of its day, else the
    latest before it, else the only ones. False where there are none."""
    of_specimen = [each for each in specimens if status.specimen and each.name == status.specimen]
    of_day = [each for each in specimens if status.day and any(event.day == status.day for event in each.events)]
    before = [each for each in specimens if status.day and each.day and each.day <= status.day]
    for candidates in (of_specimen, of_day, before[-1:], specimens[:1]):
        if candidates:
            candidates[0].recorded.append(status)
            return True
    return False


def _first_day(events: list[Event]) -> dt.date | None:
    first: dt.date | None = None
    for event in events:
        if event.day is not None and (first is None or event.day < first):
            first = event.day
    return first


def _by_test_day(events: list[Event]) -> Iterable[tuple[dt.date | None, list[Event]]]:
    if len({event.day for event in events}) == 1:
        return [(events[0].day, events)]
    days: dict[dt.date | None, list[Event]] = {}
    for event in events:
        days.setdefault(event.day, []).append(event)
    joined: dict[dt.date | None, list[Event]] = {}
    waiting: dt.date | None = None
    for day, of_day in days.items():
        has_ihc = any(event.fact in IHC_FACTS for event in of_day)
        is_reflex = waiting is not None and day is not None and (day - waiting).days <= REFLEX_DAYS
        if not has_ihc and is_reflex and any(_is_ish(event) for event in of_day):
            joined[waiting].extend(of_day)
            waiting = None
            continue
        joined[day] = list(of_day)
        if has_ihc:
            waiting = None if any(_is_ish(event) for event in of_day) else day
    return joined.items()


def _is_ish(event: Event) -> bool:
    return event.fact not in IHC_FACTS and event.fact != RECORDED_STATUS


def _settle(specimen: Specimen) -> None:
    """Bring the events to one value a fact, and say what was dropped, merged or in conflict."""
    for event in specimen.events:
        if event.note:
            specimen.findings.append(Finding(Grade.NOTE, event.note, (event.origin,), name="remark of the test"))
    specimen.facts = {event.fact: event.value for event in specimen.events}
    if len(specimen.facts) == len(specimen.events):  # nothing is said twice
        specimen.used = specimen.events
        return
    by_fact: dict[str, list[Event]] = {fact: [] for fact in specimen.facts}
    for event in specimen.events:
        by_fact[event.fact].append(event)
    for fact, events in by_fact.items():
        if len(events) == 1:
            specimen.used.append(events[0])
        else:
            _one_of_several(specimen, fact, events)


def _one_of_several(specimen: Specimen, fact: str, events: list[Event]) -> None:
    """The value of a fact that several reports give: what was corrected or repeated later gives way.

    An unreadable report counts like any other, since it may say anything; only "not done" beside a
    result says nothing, unless it corrects the result, and a score of 0+ leaves open only what nothing else says.
    """
    standing = _without_corrected(specimen, fact, events)
    standing = [event for event in standing if event.value != NOT_REPORTED or event.amended] or standing
    standing = _latest(specimen, fact, standing)
    standing = [event for event in standing if event.value != STAINING_OPEN] or standing
    distinct = list({_plain(event.value): event for event in standing}.values())
    specimen.used.extend(distinct)
    if len(distinct) == 1:
        specimen.facts[fact] = distinct[0].value
        if len(standing) > 1:
            words = f"{fact}: the same result {len(standing)} times"
            specimen.findings.append(Finding(Grade.NOTE, words, _origins(standing), name="the same result again"))
        return
    narrowed = _narrowed([event.value for event in distinct])
    if narrowed is not None:
        specimen.facts[fact] = narrowed
        return
    said = " and ".join(event.said or str(event.value) for event in distinct)
    specimen.facts[fact] = _either([event.value for event in distinct])
    unreadable = any(isinstance(event.value, Unknown) for event in distinct)
    words = f"{fact}: results differ on one day ({said}); " + (
        "one of them cannot be read, so none is taken" if unreadable else "all are kept as possible"
    )
    specimen.findings.append(Finding(Grade.CONTRADICTION, words, _origins(distinct), name="results of a day differ"))


def _narrowed(values: list[Value]) -> Value | None:
    """What several results say together of which one leaves open what another says ("negative" and 1+); else `None`."""
    sets = [value.values if isinstance(value, OneOf) else {value} for value in values if isinstance(value, OneOf | str)]
    if len(sets) < len(values) or not any(isinstance(value, OneOf) for value in values):
        return None
    common = frozenset.intersection(*(frozenset(each) for each in sets))
    if not common:
        return None
    return str(next(iter(common))) if len(common) == 1 else OneOf(frozenset(str(value) for value in common))


def _without_corrected(specimen: Specimen, fact: str, events: list[Event]) -> list[Event]:
    """The reports that no corrected report of the same or a later day replaces."""
    corrected = [event for event in events if event.amended]
    if not corrected:
        return events
    newest = max((event.day or dt.date.max for event in corrected), default=dt.date.max)
    replaced = [event for event in events if not event.amended and (event.day or dt.date.min) <= newest]
    if replaced:
        words = f"{fact}: the corrected report replaces {len(replaced)} other"
        specimen.findings.append(Finding(Grade.NOTE, words, _origins(corrected), name="corrected report"))
    return [event for event in events if event not in replaced]


def _latest(specimen: Specimen, fact: str, events: list[Event]) -> list[Event]:
    """The reports of the latest day, and those without a date: when they were made cannot be known."""
    latest = max((event.day for event in events if event.day is not None), default=None)
    older = [event for event in events if event.day is not None and event.day != latest]
    standing = [event for event in events if event.day is None or event.day == latest]
    if any(event.value != standing[0].value for event in older):
        days = ", ".join(sorted({str(event.day) for event in older}))
        words = f"{fact}: the result of {latest} replaces that of {days}"
        origins = _origins([*older, *standing])
        specimen.findings.append(Finding(Grade.NOTE, words, origins, name="replaced by a later result"))
    return standing


def _plain(value: Value) -> Value:
    return value.normalize() if isinstance(value, Decimal) else value


def _origins(events: Iterable[Event]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(event.origin for event in events))


def _either(values: list[Value]) -> Value:
    """What is known when one of several values must be right."""
    detail = " or ".join(str(value) for value in values)
    if unread := next((value for value in values if isinstance(value, Unknown)), None):
        return Unknown(unread.reason, unread.detail or detail)
    categories = [OneOf(frozenset({value})) if isinstance(value, str) else value for value in values]
    if all(isinstance(value, OneOf) for value in categories):
        return OneOf(frozenset().union(*(value.values for value in categories if isinstance(value, OneOf))))
    if any(isinstance(value, str | OneOf) for value in values):
        return Unknown(Reason.CONTRADICTORY, detail)
    limits = [_as_interval(value) for value in values]
    low, high = limits[0], limits[0]
    for each in limits[1:]:
        if low.low is not None and (each.low is None or each.low < low.low):
            low = each
        if high.high is not None and (each.high is None or each.high > high.high):
            high = each
    return Interval(low.low, high.high, low.low_included, high.high_included)


def _as_interval(value: Value) -> Interval:
    if isinstance(value, Interval):
        return value
    number = value if isinstance(value, Decimal) else Decimal(str(value))
    return Interval(number, number, True, True)
