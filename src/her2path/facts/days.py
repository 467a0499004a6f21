"""Days and calendar months on whole columns of ordinals (1 = 0001-01-01), as `datetime.date.toordinal` counts.

A month after 31 January is the last day of February: labels say months, so the calendar's are meant, clamped
to the end of the month (decision D49).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

EPOCH = 719_163
"""The ordinal of 1970-01-01."""

DAYS_A_MONTH = 30.4375
"""On average, where no date is known to count calendar months from."""

Days = npt.NDArray[np.int64]


def _dates(days: Days) -> Any:
    return (np.asarray(days, np.int64) - EPOCH).astype("datetime64[D]")


def months_after(days: Days, months: Days | int) -> Days:
    """The days so many calendar months after `days` (both columns of ordinals), clamped to the end of the month."""
    dates = _dates(days)
    month = dates.astype("datetime64[M]")
    day_of_month = (dates - month.astype("datetime64[D]")).astype(np.int64)
    target = month + np.asarray(months).astype("timedelta64[M]")
    start = target.astype("datetime64[D]").astype(np.int64)
    length = (target + 1).astype("datetime64[D]").astype(np.int64) - start
    later: Days = start + np.minimum(day_of_month, length - 1) + EPOCH
    return later


def months_between(days: Days, on: int) -> Days:
    """The whole calendar months from `days` (ordinals) to the ordinal `on`."""
    months: Days = (
        np.datetime64(int(on) - EPOCH, "D").astype("datetime64[M]") - _dates(days).astype("datetime64[M]")
    ).astype(np.int64)
    whole_months: Days = months - (months_after(days, months) > on)
    return whole_months


def years_between(days: Days, on: int) -> Days:
    """The whole years from `days` (birth dates, ordinals) to the ordinal `on`."""
    years: Days = months_between(days, on) // 12
    return years
