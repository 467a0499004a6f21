"""The items of a plan in words: when, what, how much and why."""

from __future__ import annotations

import datetime as dt
import re
import uuid
from collections.abc import Iterator, Sequence

from ..facts.source import Citation
from ..findings.plan.items import PlanItem
from .plain import plain

PROJECT = "https://github.com/her2path/her2path"
NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, PROJECT)
DAY_NOT_KNOWN = "day not known"


def lines_of(item: PlanItem) -> Iterator[str]:
    """An item in full: what, when, its details, and why."""
    yield clean(item.what)
    yield f"when: {date_words(item)}"
    yield from details_of(item)
    yield from reasons_of(item.rows, item.citations)


def window(item: PlanItem) -> tuple[dt.date | None, dt.date | None]:
    """The first and the last day; a last day before the first is no window, and the first alone is kept."""
    if item.earliest and item.latest and item.latest < item.earliest:
        return item.earliest, None
    return item.earliest, item.latest


def date_words(item: PlanItem) -> str:
    """When an item is due: its first and last day, one of them, or that the day is not known."""
    first, last = window(item)
    if first and last and first != last:
        return f"{first} to {last}"
    return str(first) if first else f"until {last}" if last else DAY_NOT_KNOWN


def details_of(item: PlanItem) -> list[str]:
    """The details in words, a number before its unit: `dose 442 mg`."""
    details = []
    for name, value in item.details.items():
        words = name.split("_")
        unit = _UNITS.get(words[-1], "") if len(words) > 1 and "per" not in words else ""
        if re.fullmatch(r"\d+(\.\d+)?( to \d+(\.\d+)?)?", value) and unit:
            details.append(clean(f"{' '.join(words[:-1])} {value} {unit}"))
        else:
            details.append(clean(f"{' '.join(words)} {value}"))
    return details


def reasons_of(rows: Sequence[str], citations: Sequence[Citation]) -> list[str]:
    """Why: the rows of the tables, and the sources with how far each was verified."""
    reasons = []
    if rows:
        reasons.append(clean("rows: " + ", ".join(row.replace(":", " row ") for row in rows)))
    if citations:
        reasons.append(clean("sources: " + "; ".join(map(str, citations))))
    return reasons


def clean(text: str) -> str:
    """Text as both formats can hold it: no control character but tab and newline, no half of a surrogate pair; what
    turns the direction of writing is escaped as in text."""
    return _NO_TEXT.sub(" ", _TURNING.sub(lambda found: plain(found[0]), text)).strip()


def stable_id(patient_id: str, *parts: str) -> uuid.UUID:
    """The same id for the same thing of the same patient, in every run."""
    return uuid.uuid5(NAMESPACE, repr((patient_id, *parts)))


_NO_TEXT = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufffe\uffff]")


_TURNING = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")


_UNITS = {"mg": "mg", "ml": "mL", "kg": "kg", "minutes": "minutes"}
