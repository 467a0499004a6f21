"""The plan of a course as iCalendar: one all-day event for every item whose day is known.

icalendar, the optional extra `calendar`, is imported only when a calendar is asked for. What the plan says of
an item in words (`details_of`, `reasons_of`, `window`, `clean`) stands here too, for the FHIR writer.
"""

from __future__ import annotations

import datetime as dt
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from ..facts.problem import AskedWrongly
from ..findings.plan import PlanItem
from .caution import CAUTION
from .plan_words import DAY_NOT_KNOWN, PROJECT, clean, lines_of, stable_id, window

if TYPE_CHECKING:
    from icalendar import Calendar, Event

MISSING = "a calendar needs the package icalendar: pip install 'her2path[calendar]'"

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
