"""Specimens: the tests of one piece of tissue brought together, and the facts they give.

The rules (docs/decisions.md, D9):
- tests that name one specimen belong to it, whatever their dates;
- tests that name none belong together when they are of one day; an ISH that names none joins the
  latest IHC that names none and has no ISH yet, if it came within `REFLEX_DAYS` after it;
- within a specimen a corrected report replaces the others of its fact, otherwise the latest day
  stands; results that differ on that one day are all kept as possible, and contradict each other;
- the same result twice is one result.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal

from .finding import Finding, Grade
from .record import RECORDED_STATUS, Event, Record, Tissue
from .value import NOT_REPORTED, Interval, OneOf, Reason, Unknown, Value

REFLEX_DAYS = 60
IHC_FACTS = ("ihc_score", "any_membrane_staining")


@dataclass(slots=True)
class Specimen:
    """One piece of tissue: its tests, the facts they come to, and what was found in bringing them together."""

    name: str
    tissue: Tissue | None
    events: list[Event]
    facts: dict[str, Value] = field(default_factory=dict)
    used: list[Event] = field(default_factory=list)
    recorded: list[Event] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)

    @property
    def day(self) -> dt.date | None:
        """The day of the first test, else the day the tissue was taken."""
        days = [event.day for event in self.events if event.day is not None]
        return min(days) if days else self.tissue.day if self.tissue else None


def specimens_of(record: Record) -> list[Specimen]:
    """The specimens of a record in the order of their days, their facts settled."""
    named: dict[str, list[Event]] = {}
    unnamed: list[Event] = []
    for event in record.events:
        if event.note == "diagnosis":
            continue
        if event.specimen:
            named.setdefault(event.specimen, []).append(event)
        else:
            unnamed.append(event)
    specimens = [Specimen(_short(name), _tissue(record, name), events) for name, events in named.items()]
    for day, events in _by_test_day(unnamed):
        specimens.append(Specimen(f"tests of {day}" if day else "tests without a date", None, events))
    for specimen in specimens:
        _settle(specimen)
    specimens.sort(key=lambda specimen: (specimen.day or dt.date.max, specimen.name))
    return specimens


def _short(reference: str) -> str:
    return reference.rsplit("/", 1)[-1] if "/" in reference else reference


def _tissue(record: Record, reference: str) -> Tissue | None:
    tissue = record.tissues.get(reference)
    if tissue is None:
        tissue = record.tissues.get("Specimen/" + reference.rsplit("/", 1)[-1].rsplit(":", 1)[-1])
    return tissue


def _by_test_day(events: list[Event]) -> Iterable[tuple[dt.date | None, list[Event]]]:
    if len({event.day for event in events}) <= 1:
        return [(events[0].day, events)] if events else []
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
    by_fact: dict[str, list[Event]] = {}
    for event in specimen.events:
        by_fact.setdefault(event.fact, []).append(event)
        if event.note and event.fact != RECORDED_STATUS:
            specimen.findings.append(Finding(Grade.NOTE, event.note, (event.origin,)))
    specimen.recorded = by_fact.pop(RECORDED_STATUS, [])
    for fact, events in by_fact.items():
        if len(events) == 1:
            specimen.facts[fact] = events[0].value
            specimen.used.append(events[0])
        else:
            _one_of_several(specimen, fact, events)


def _one_of_several(specimen: Specimen, fact: str, events: list[Event]) -> None:
    reported = [event for event in events if event.value != NOT_REPORTED]
    known = [event for event in reported if not isinstance(event.value, Unknown)]
    standing = known or reported or events
    corrected = [event for event in standing if event.amended]
    if corrected and len(corrected) < len(standing):
        standing = corrected
        words = f"{fact}: the corrected report replaces {len(events) - len(corrected)} other"
        specimen.findings.append(Finding(Grade.NOTE, words, _origins(corrected)))
    latest = max((event.day for event in standing if event.day is not None), default=None)
    if any(event.day != latest for event in standing):
        older = [event for event in standing if event.day != latest]
        standing = [event for event in standing if event.day == latest]
        if any(event.value != standing[0].value for event in older):
            words = f"{fact}: the result of {latest} replaces that of " + ", ".join(
                sorted({str(event.day) for event in older})
            )
            specimen.findings.append(Finding(Grade.NOTE, words, _origins([*older, *standing])))
    distinct = list({_plain(event.value): event for event in standing}.values())
    specimen.used.extend(distinct)
    if len(distinct) == 1:
        specimen.facts[fact] = distinct[0].value
        if len(standing) > 1:
            words = f"{fact}: the same result {len(standing)} times"
            specimen.findings.append(Finding(Grade.NOTE, words, _origins(standing)))
        return
    said = " and ".join(event.said or str(event.value) for event in distinct)
    specimen.facts[fact] = _either([event.value for event in distinct])
    words = f"{fact}: results differ on one day ({said}); all are kept as possible"
    specimen.findings.append(Finding(Grade.CONTRADICTION, words, _origins(distinct)))


def _plain(value: Value) -> Value:
    return value.normalize() if isinstance(value, Decimal) else value


def _origins(events: Iterable[Event]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(event.origin for event in events))


def _either(values: list[Value]) -> Value:
    """What is known when one of several values must be right."""
    detail = " or ".join(str(value) for value in values)
    categories = [OneOf(frozenset({value})) if isinstance(value, str) else value for value in values]
    if all(isinstance(value, OneOf) for value in categories):
        return OneOf(frozenset().union(*(value.values for value in categories if isinstance(value, OneOf))))
    if any(isinstance(value, str | OneOf | Unknown) for value in values):
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
