"""Persons: sex, birth and death as events, which are said of nobody's day but the last."""

from __future__ import annotations

import datetime as dt

from ...facts.fact import Facts
from ...facts.value import Reason, Unknown
from ...record.event import Event
from .rows import day_of
from .said import Said
from .vocabulary import Vocabulary

SEXES = {"m": "male", "f": "female", "male": "male", "female": "female"}
"""How a vocabulary, or a source, says the sex of a person."""


def sex(concept: str, written: str, vocabulary: Vocabulary, facts: Facts) -> Said:
    """The sex of persons: by the concept, else by the source; nothing where neither says it."""
    known = vocabulary.concept(concept)
    said = Said(undated=True)
    words = [written] if known is None else [known.code, known.name, written]
    found = next((SEXES[word.strip().lower()] for word in words if word.strip().lower() in SEXES), "")
    if found:
        said.course.append(Event("sex", facts["sex"].coerce(found), None, "", "", found))
    return said


def birth(year: str, month: str, day: str, written: str) -> Said:
    """The day of birth of persons; where only the year or the month is kept it is its first day, and said."""
    said = Said(undated=True)
    known = day_of(written)
    if known is not None and not (year and month and day):
        said.course.append(Event("birth_date", dt.date.fromordinal(known).isoformat(), None, "", "", written[:10]))
        return said
    if not year:
        return said
    parts = [part.partition(".")[0] for part in (year, month, day)]
    told = "-".join(part for part in parts if part)
    try:
        born = dt.date(int(parts[0]), int(parts[1] or 1), int(parts[2] or 1) if parts[1] else 1)
    except ValueError:
        unknown = Unknown(Reason.UNPARSABLE_TEXT, f"birth_date {told[:40]!r}, expected a year, a month and a day")
        said.course.append(Event("birth_date", unknown, None, "", "", told))
        return said
    note = "" if parts[1] and parts[2] else f"of the birth only {told} is recorded; taken as its first day"
    said.course.append(Event("birth_date", born.isoformat(), None, "", "", told, note=note))
    return said


def death(written: str) -> Said:
    """The death of persons on a day."""
    day = day_of(written)
    not_recorded = Unknown(Reason.ABSENT, "dead, the day is not recorded")
    value = not_recorded if day is None else dt.date.fromordinal(day).isoformat()
    return Said(course=[Event("death_date", value, None, "", "", written or "dead")], undated=day is None)
