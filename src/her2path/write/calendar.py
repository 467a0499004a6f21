"""The plan of a course as iCalendar: one all-day event for every item whose day is known.

icalendar, the optional extra `calendar`, is imported only when a calendar is asked for. What the plan says of
an item in words (`details_of`, `reasons_of`, `window`, `clean`) stands here too, for the FHIR writer.
"""

from __future__ import annotations

import datetime as dt
import re
import uuid
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from ..plan import PlanItem
from ..problem import AskedWrongly
from ..source import Citation
from .report import CAUTION

if TYPE_CHECKING:
    from icalendar import Calendar, Event

PROJECT = "https://github.com/her2path/her2path"
NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, PROJECT)
MISSING = "a calendar needs the package icalendar: pip install 'her2path[calendar]'"
DAY_NOT_KNOWN = "day not known"

_NO_TEXT = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufffe\uffff]")
_UNITS = {"mg": "mg", "ml": "mL", "kg": "kg", "minutes": "minutes"}
_FILE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


def calendar_of(patient_id: str, plan: Sequence[PlanItem], on: dt.date) -> bytes:
    """The plan of one patient, as of the day `on`, as an iCalendar file.

    Raises `AskedWrongly` where icalendar is not installed.
    """
    return calendar_of_all([(patient_id, plan)], on)


def calendar_of_all(plans: Iterable[tuple[str, Sequence[PlanItem]]], on: dt.date) -> bytes:
    """The plans of several patients in one file. Raises `AskedWrongly` where icalendar is not installed."""
    try:
        from icalendar import Calendar
    except ModuleNotFoundError as error:
        raise AskedWrongly(MISSING) from error
    made: Calendar = Calendar()
    made.add("prodid", f"-//her2path//{PROJECT}//EN")
    made.add("version", "2.0")
    made.add("calscale", "GREGORIAN")
    said = [CAUTION]
    for patient_id, plan in plans:
        count: Counter[str] = Counter()
        for item in plan:
            start, end = window(item)
            count[item.kind] += 1
            if first := start or end:
                made.add_component(_event(patient_id, item, count[item.kind], first, end or first, on))
            else:
                said.append(clean(f"{patient_id} {item.kind}: {item.what} ({DAY_NOT_KNOWN})"))
    made.add("description", "\n".join(said))
    return bytes(made.to_ical())


def _event(patient_id: str, item: PlanItem, number: int, first: dt.date, last: dt.date, on: dt.date) -> Event:
    """An event of whole days. Its UID has no date, so that a later review moves it instead of adding another."""
    from icalendar import Event

    made: Event = Event()
    made.add("uid", str(stable_id(patient_id, "VEVENT", item.kind, str(number))))
    made.add("dtstamp", dt.datetime.combine(on, dt.time(), dt.UTC))
    made.add("sequence", on.toordinal())
    made.add("dtstart", first)
    made.add("dtend", last + dt.timedelta(days=1))
    made.add("summary", clean(f"{patient_id} {item.kind}: {item.what}"))
    made.add("description", "\n".join([*lines_of(item), "", CAUTION]))
    made.add("categories", [clean(item.kind)])
    made.add("status", "TENTATIVE")
    made.add("class", "CONFIDENTIAL")
    made.add("transp", "TRANSPARENT")
    return made


def file_name(patient_id: str) -> str:
    """A name for the calendar of one patient in a folder; an id that is no safe file name gives a hash of itself."""
    safe = _FILE_NAME.fullmatch(patient_id) is not None
    return f"{patient_id if safe else stable_id(patient_id, 'file')}.ics"


# -- a plan item in words ---------------------------------------------------------------------


def lines_of(item: PlanItem) -> Iterator[str]:
    """An item in full: what, when, its details, and why."""
    yield clean(item.what)
    yield f"when: {when_of(item)}"
    yield from details_of(item)
    yield from reasons_of(item.rows, item.citations)


def window(item: PlanItem) -> tuple[dt.date | None, dt.date | None]:
    """The first and the last day; a last day before the first is no window, and the first alone is kept."""
    if item.earliest and item.latest and item.latest < item.earliest:
        return item.earliest, None
    return item.earliest, item.latest


def when_of(item: PlanItem) -> str:
    first, last = window(item)
    if first and last and first != last:
        return f"{first} to {last}"
    return str(first) if first else f"until {last}" if last else DAY_NOT_KNOWN


def details_of(item: PlanItem) -> list[str]:
    """The details in words, a number before its unit: `dose 442 mg`."""
    told = []
    for name, value in item.details.items():
        words = name.split("_")
        unit = _UNITS.get(words[-1], "") if len(words) > 1 and "per" not in words else ""
        if re.fullmatch(r"\d+(\.\d+)?( to \d+(\.\d+)?)?", value) and unit:
            told.append(clean(f"{' '.join(words[:-1])} {value} {unit}"))
        else:
            told.append(clean(f"{' '.join(words)} {value}"))
    return told


def reasons_of(rows: Sequence[str], citations: Sequence[Citation]) -> list[str]:
    """Why: the rows of the tables, and the sources with how far each was verified."""
    told = []
    if rows:
        told.append(clean("rows: " + ", ".join(row.replace(":", " row ") for row in rows)))
    if citations:
        told.append(clean("sources: " + "; ".join(map(str, citations))))
    return told


def clean(text: str) -> str:
    """Text as both formats can hold it: no control character but tab and newline, no half of a surrogate pair."""
    return _NO_TEXT.sub(" ", text).strip()


def stable_id(patient_id: str, *parts: str) -> uuid.UUID:
    """The same id for the same thing of the same patient, in every run."""
    return uuid.uuid5(NAMESPACE, repr((patient_id, *parts)))
