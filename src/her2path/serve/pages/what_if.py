"""What if: the record with one event more, or as of a later day, reviewed by the same engine. Nothing is stored."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal

from ...facts.fact import Fact
from ...facts.value import Unknown, Value
from ...findings.finding import Finding
from ...findings.plan.verdicts import NOT_KNOWN
from ...findings.plan.what_if import WhatIf
from ...findings.reviews import PatientReview
from ...record.columns import UNKNOWN
from ...record.event import Event, Record
from ...record.joined import joined
from ...write.plan_words import date_words
from ...write.text.first_lines import verdict_words
from ..loaded import Loaded, Opened
from .tables import in_words as name_words
from .tables import spoken

OFFERED = (
    "lvef", "weight_kg", "heart_failure", "pregnancy_test", "pregnant", "progression", "setting", "hold_recorded",
    "stop_recorded",
)  # fmt: skip
"""The facts that are offered of every patient; those that her open questions lack come before them."""
LVEF, ACTION, WORKED_OUT = "lvef", "cardiac_action", "what if"
LEAST_PERCENT, MOST_PERCENT = 20, 75


@dataclass(frozen=True, slots=True)
class Change:
    """One line of what changes: `kind` is `changed`, `gone`, `new` or `same`."""

    kind: str
    before: str
    after: str = ""


@dataclass(frozen=True, slots=True)
class Stretch:
    """Values of LVEF in percent, both ends included, with the verdict that they would bring and what the table of the
    heart would say ("" where nothing is decided)."""

    low: int
    high: int
    verdict: str
    action: str = ""


@dataclass(slots=True)
class Asked:
    """What was asked: a fact, its value as written, a day; `error` says what of it cannot be meant."""

    fact: str = LVEF
    value: str = ""
    day: str = ""
    error: str = ""
    changes: list[Change] = field(default_factory=list)
    told: str = ""
    is_asked: bool = False


def asked_of(query: Mapping[str, str], loaded: Loaded, usual: str = LVEF) -> Asked:
    """What an address asks; without a fact it is the `usual` one."""
    asked = Asked(query.get("fact") or usual, query.get("value", "").strip()[:60], query.get("day", "").strip()[:20])
    asked.is_asked = "fact" in query
    asked.day = asked.day or str(loaded.settings.on)
    return asked


def answer(asked: Asked, opened: Opened, loaded: Loaded) -> Asked:
    """What changes, put into what was asked; an error in words where it cannot be asked so."""
    facts, on = loaded.knowledge.facts, loaded.settings.on
    fact = facts.get(asked.fact)
    if fact is None:
        asked.error = f"No fact is called {asked.fact}."
        return asked
    try:
        day = dt.date.fromisoformat(asked.day)
    except ValueError:
        asked.error = f"{asked.day} is no day; write it as {on}."
        return asked
    added = Record(opened.record.patient)
    if asked.value:
        value = fact.coerce(asked.value)
        if isinstance(value, Unknown):
            asked.error = f"{name_words(fact.name)} cannot be {asked.value}; expected {fact.expected()}."
            return asked
        add(added, opened.record, fact, value, day, asked.value)
        asked.told = f"{name_words(fact.name)} {asked.value} on {day}"
    elif day <= on:
        asked.error = "Give a value, or a later day to see what then is if nothing more is recorded."
        return asked
    else:
        asked.told = f"nothing more recorded by {day}"
    asked.changes = list(changes_of(loaded.what_if(opened.record, added, max(day, on))))
    return asked


def add(added: Record, record: Record, fact: Fact, value: Value, day: dt.date, said: str) -> None:
    """Put an event into what is added to a record; a HER2 test belongs to the tissue that was tested last."""
    specimen = record.events[-1].specimen if fact.test and record.events else ""
    event = Event(fact.name, value, day, specimen, WORKED_OUT, said)
    (added.events if fact.test else added.course).append(event)


def with_event(record: Record, fact: Fact, value: Value, day: dt.date, said: str) -> Record:
    """A record with one event more; the record itself stays as it is."""
    added = Record(record.patient)
    add(added, record, fact, value, day, said)
    return joined([record, added])


def changes_of(found: WhatIf) -> Iterator[Change]:
    """What differs: the verdict, findings by their question, the plan; then what stays."""
    before, after = found.before, found.after
    yield from _verdicts(before, after)
    gone, new = _by_question(found.goes), _by_question(found.appears)
    for one, other in found.changes:
        yield Change("changed", spoken(one.words), spoken(other.words))
    for question, findings in gone.items():
        others = new.get(question, [])
        for place, finding in enumerate(findings):
            if place < len(others):
                yield Change("changed", spoken(finding.words), spoken(others[place].words))
            else:
                yield Change("gone", spoken(finding.words))
    for question, findings in new.items():
        for finding in findings[len(gone.get(question, ())) :]:
            yield Change("new", spoken(finding.words))
    yield from _plans(before, after)
    if found.stays:
        yield Change("same", "1 other finding" if found.stays == 1 else f"{found.stays} other findings")


def _plans(before: PatientReview, after: PatientReview) -> Iterator[Change]:
    was, now = ({item.what: item for item in review.course.plan} if review.course else {} for review in (before, after))
    for what, item in now.items():
        days = date_words(item)
        if what not in was:
            yield Change("new", f"Plan: {spoken(what)}, {days}")
        elif date_words(was[what]) != days:
            yield Change("changed", f"Plan: {spoken(what)}, {date_words(was[what])}", days)
    for what in was:
        if what not in now:
            yield Change("gone", f"Plan: {spoken(what)}")


def _verdicts(before: PatientReview, after: PatientReview) -> Iterator[Change]:
    told = [
        spoken(verdict_words(review.course)) if review.course is not None and review.course.verdicts else "no course"
        for review in (before, after)
    ]
    if told[0] == told[1]:
        yield Change("same", told[0])
    else:
        yield Change("changed", told[0], told[1])


def _by_question(findings: Sequence[Finding]) -> dict[str, list[Finding]]:
    listed: dict[str, list[Finding]] = {}
    for finding in findings:
        listed.setdefault(finding.key.rpartition(": ")[0] or finding.name or finding.words, []).append(finding)
    return listed


def lvef_strip(opened: Opened, loaded: Loaded) -> list[Stretch]:
    """The verdict by each whole percent of an LVEF of today, all other facts as they are; equal ones joined."""
    course = opened.review.course
    if course is None or not course.standing.in_hand or course.standing.values.get("alive") == "no":
        return []
    fact, on = loaded.knowledge.facts[LVEF], loaded.settings.on
    percents = range(LEAST_PERCENT, MOST_PERCENT + 1)
    records = [with_event(opened.record, fact, Decimal(percent), on, str(percent)) for percent in percents]
    reviewed = loaded.review_together(records)
    if reviewed.courses is None:
        return []
    verdicts = [NOT_KNOWN, *loaded.knowledge.facts["verdict"].values]
    actions = loaded.knowledge.facts[ACTION].values
    column = reviewed.courses.reasons.asker.outcomes.get(ACTION)
    stretches: list[Stretch] = []
    for percent, place in zip(percents, reviewed.courses.verdict_places().tolist(), strict=True):
        number = UNKNOWN if column is None else int(column[percent - LEAST_PERCENT])
        verdict, action = verdicts[place], actions[number] if number != UNKNOWN else ""
        if stretches and (stretches[-1].verdict, stretches[-1].action) == (verdict, action):
            stretches[-1] = replace(stretches[-1], high=percent)
        else:
            stretches.append(Stretch(percent, percent, verdict, action))
    return stretches


def without_lvef(opened: Opened, loaded: Loaded) -> tuple[dt.date, str] | None:
    """The last day for the LVEF that is planned next, and the verdict on the day after it if none comes; `None` where
    none is planned for a day to come."""
    course = opened.review.course
    days = [item.latest or item.earliest for item in (course.plan if course is not None else ()) if item.kind == "echo"]
    if not days or days[0] is None or days[0] <= loaded.settings.on:
        return None
    found = loaded.what_if(opened.record, Record(opened.record.patient), days[0] + dt.timedelta(days=1))
    verdicts = found.after.course.verdicts if found.after.course is not None else []
    return (days[0], verdicts[0].verdict) if verdicts else None


def offered(missing: Sequence[str], loaded: Loaded) -> list[str]:
    """The facts that may be asked: those that open questions lack, and those of every patient."""
    facts = loaded.knowledge.facts
    return [name for name in dict.fromkeys((LVEF, *missing, *OFFERED)) if name in facts]
