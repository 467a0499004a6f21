"""The plan of a course as iCalendar: one all-day event for every item whose day is known.

icalendar, the optional extra `calendar`, is imported only when a calendar is asked for.
"""

from __future__ import annotations

import datetime as dt
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..facts.problem import AskedWrongly
from ..findings.plan.items import PlanItem
from ..findings.reviews import PatientReview
from .caution import CAUTION
from .output import telling
from .plan_words import DAY_NOT_KNOWN, PROJECT, clean, lines_of, stable_id, window

if TYPE_CHECKING:
    from icalendar import Calendar, Event

ICALENDAR_MISSING = "a calendar needs the package icalendar: pip install 'her2path[calendar]'"

_FILE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


class CalendarFolder:
    """A folder with a calendar file for each patient who has a plan. Raises `AskedWrongly` without icalendar.

    `place` says where the files of a folder are written until they take their places in it (`Outputs.folder`).
    """

    def __init__(self, folder: Path, place: Callable[[Path], Path]) -> None:
        calendar_of("nobody", [], dt.date.today())  # says at once where the package for it is missing
        self.output, self.folder = folder, place(folder)

    def patient(self, review: PatientReview) -> None:
        """Write the plan of one patient, where she has one."""
        course = review.course
        if course is not None and course.plan:
            content = calendar_of(review.patient, course.plan, course.standing.on)
            with telling(self.output):
                (self.folder / file_name(review.patient)).write_bytes(content)


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
        raise AskedWrongly(ICALENDAR_MISSING) from error
    calendar: Calendar = Calendar()
    calendar.add("prodid", f"-//her2path//{PROJECT}//EN")
    calendar.add("version", "2.0")
    calendar.add("calscale", "GREGORIAN")
    description = [CAUTION]
    for patient_id, plan in plans:
        count: Counter[str] = Counter()
        for item in plan:
            start, end = window(item)
            count[item.kind] += 1
            if first := start or end:
                calendar.add_component(_event(patient_id, item, count[item.kind], first, end or first, on))
            else:
                description.append(clean(f"{patient_id} {item.kind}: {item.what} ({DAY_NOT_KNOWN})"))
    calendar.add("description", "\n".join(description))
    return bytes(calendar.to_ical())


def _event(patient_id: str, item: PlanItem, number: int, first: dt.date, last: dt.date, on: dt.date) -> Event:
    """An event of whole days. Its UID has no date, so that a later review moves it instead of adding another."""
    from icalendar import Event

    event: Event = Event()
    event.add("uid", str(stable_id(patient_id, "VEVENT", item.kind, str(number))))
    event.add("dtstamp", dt.datetime.combine(on, dt.time(), dt.UTC))
    event.add("sequence", on.toordinal())
    event.add("dtstart", first)
    event.add("dtend", last + dt.timedelta(days=1))
    event.add("summary", clean(f"{patient_id} {item.kind}: {item.what}"))
    event.add("description", "\n".join([*lines_of(item), "", CAUTION]))
    event.add("categories", [clean(item.kind)])
    event.add("status", "TENTATIVE")
    event.add("class", "CONFIDENTIAL")
    event.add("transp", "TRANSPARENT")
    return event


def file_name(patient_id: str) -> str:
    """A name for the calendar of one patient in a folder; an id that is no safe file name gives a hash of itself."""
    safe = _FILE_NAME.fullmatch(patient_id) is not None
    return f"{patient_id if safe else stable_id(patient_id, 'file')}.ics"
