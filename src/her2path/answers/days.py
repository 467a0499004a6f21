"""Days as a person writes them, and calendar months from a day on."""

from __future__ import annotations

import datetime as dt
import re

from ..facts.days import months_after
from ..facts.problem import AskedWrongly

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip


FIRST_YEAR, LAST_YEAR = 1900, 2199
"""Of other years no day is taken: it is a slip of the hand, and months cannot be counted to the end of the calendar."""


def day_given(day: dt.date | str, option: str) -> dt.date:
    """A day as it was given: a date, or YYYY-MM-DD. Raises `AskedWrongly` for anything else."""
    if isinstance(day, dt.datetime):
        found = day.date()
    elif isinstance(day, dt.date):
        found = day
    else:
        try:
            if not _DAY.fullmatch(day):
                raise ValueError(day)
            found = dt.date.fromisoformat(day)
        except (TypeError, ValueError):
            raise AskedWrongly(f"{option}: {day!r} is no date; write YYYY-MM-DD") from None
    if not FIRST_YEAR <= found.year <= LAST_YEAR:
        raise AskedWrongly(f"{option}: {found} is not between {FIRST_YEAR} and {LAST_YEAR}")
    return found


def months_later(day: dt.date, months: int) -> dt.date:
    """The day so many calendar months later (earlier, where they are negative), clamped to the end of the month."""
    import numpy as np

    (ordinal,) = months_after(np.array([day.toordinal()], np.int64), months).tolist()
    return dt.date.fromordinal(ordinal)


def in_words(day: dt.date) -> str:
    """A day for a reader, whatever the locale: `17 September 2026`."""
    return f"{day.day} {_MONTHS[day.month - 1]} {day.year}"
