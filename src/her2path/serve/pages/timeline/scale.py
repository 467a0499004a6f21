"""The time scale of a drawing: days along the width, months or quarters, and labels that yield to each other."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass, field

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
QUARTERS_FROM_DAYS, YEARS_FROM_DAYS = 900, 2600
"""A longer course has quarters in place of months; the longest has years alone."""


@dataclass(frozen=True, slots=True)
class Tick:
    """One line of the axis at `x`; `label` is "" for none, `is_strong` that of a year."""

    x: float
    label: str
    is_strong: bool = False


@dataclass(frozen=True, slots=True)
class Scale:
    """Days from `first` to `last` over a width in pixels, right of a gutter for the names of the lanes."""

    first: dt.date
    last: dt.date
    width: int
    gutter: int
    pad: int = 14

    @property
    def days(self) -> int:
        return max((self.last - self.first).days, 1)

    @property
    def left(self) -> int:
        return self.gutter + self.pad

    @property
    def right(self) -> int:
        return self.width - self.pad

    @property
    def per_day(self) -> float:
        return (self.right - self.left) / self.days

    def x(self, day: dt.date) -> float:
        """The place of a day; one outside the scale lies at its edge."""
        within = min(max((day - self.first).days, 0), self.days)
        return round(self.left + within * self.per_day, 1)

    def shows(self, day: dt.date) -> bool:
        return self.first <= day <= self.last

    def ticks(self) -> Iterator[Tick]:
        """The lines of months, quarters or years; in a short stretch those of weeks too."""
        by_quarter, by_year = self.days > QUARTERS_FROM_DAYS, self.days > YEARS_FROM_DAYS
        last_label = -99.0
        day = dt.date(self.first.year, self.first.month, 1)
        while day <= self.last:
            is_year = day.month == 1
            wanted = is_year if by_year else day.month % 3 == 1 if by_quarter else True
            if day >= self.first and wanted:
                x = self.x(day)
                label = (str(day.year) if is_year else "") if by_quarter else MONTHS[day.month - 1]
                if label and (x - last_label < 34 or x > self.width - 22):
                    label = ""
                if label:
                    last_label = x
                yield Tick(x, label, is_year)
            day = dt.date(day.year + (day.month == 12), day.month % 12 + 1, 1)

    def years(self) -> Iterator[Tick]:
        """The years above the months; none where the axis names them already."""
        if self.days > QUARTERS_FROM_DAYS:
            return
        yield Tick(self.left, str(self.first.year))
        for year in range(self.first.year + 1, self.last.year + 1):
            x = self.x(dt.date(year, 1, 1))
            if x - self.left > 60 and x < self.width - 24:
                yield Tick(x, str(year))


@dataclass(slots=True)
class Labels:
    """Labels of one line: one is taken where it has room, and yields to those before it."""

    room: float
    taken: list[tuple[float, float]] = field(default_factory=list)

    def take(self, x: float, width: float = 0) -> bool:
        """Whether a label from `x` on, of so many pixels, has room; it is taken then."""
        left, right = x - self.room / 2, x + width + self.room / 2
        if any(left < other_right and other_left < right for other_left, other_right in self.taken):
            return False
        self.taken.append((left, right))
        return True


def short_day(day: dt.date) -> str:
    """A day as a label: "3 Mar"."""
    return f"{day.day} {MONTHS[day.month - 1]}"
