"""What stands on a timeline: marks in lanes, holds and windows, each with its day and a sentence, and the same as rows.

Nothing is drawn here. All numbers are the record's own or the review's.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

TISSUE, HEART, DOSES, PARTNER, WINDOWS = "tissue", "heart", "doses", "partner", "windows"


@dataclass(frozen=True, slots=True)
class Mark:
    """One thing on one day.

    `kind` says how it is drawn (`test`, `surgery`, `progression`, `pregnancy`, `lvef`, `failure`, `dose`, `next`);
    `number` is what its height means (LVEF in percent, mg/kg), `None` where it is unknown. `label` stands beside
    it, `sentence` is read out. `is_first` marks the baseline and a loading dose, `is_bad` an LVEF below the limit and
    a dose against a finding, `finding` the finding that it leads to ("" for none).
    """

    day: dt.date
    kind: str
    sentence: str
    label: str = ""
    number: float | None = None
    is_first: bool = False
    is_bad: bool = False
    finding: str = ""
    value: str = ""
    """What the table has as its value."""
    says: str = ""
    """What the table has as its meaning."""
    brand: str = ""
    """The brand, where it changes with this dose."""


@dataclass(frozen=True, slots=True)
class Lane:
    """One lane: its name, what it measures, its kind and its marks in the order of days; `tone` numbers its colour."""

    name: str
    sub: str
    kind: str
    marks: Sequence[Mark] = ()
    tone: int = 1


@dataclass(frozen=True, slots=True)
class Hold:
    """A hold for the heart: from the LVEF that began it to its end; an open one to the last day for recovery."""

    first: dt.date
    last: dt.date
    is_open: bool
    sentence: str


@dataclass(frozen=True, slots=True)
class Window:
    """A stretch of days: `kind` is `win` (a year of therapy) or `win-wash` (a washout), drawn as that."""

    first: dt.date
    last: dt.date
    label: str
    short: str
    sentence: str
    kind: str = "win"


@dataclass(frozen=True, slots=True)
class Level:
    """A level of LVEF in percent with its name; `kind` is `base`, `limit` or `fall`."""

    percent: float
    label: str
    kind: str


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the table beside the picture."""

    day: dt.date
    what: str
    value: str
    says: str


@dataclass(slots=True)
class Course:
    """All that is drawn of one patient up to `on`, and what is to come."""

    on: dt.date
    lanes: list[Lane] = field(default_factory=list)
    holds: list[Hold] = field(default_factory=list)
    windows: list[Window] = field(default_factory=list)
    levels: list[Level] = field(default_factory=list)
    described: str = ""

    @property
    def marks(self) -> Iterator[Mark]:
        return (mark for lane in self.lanes for mark in lane.marks)

    @property
    def is_empty(self) -> bool:
        return not any(True for _ in self.marks)

    def first_day(self, most_before_days: int = 400) -> dt.date:
        """The first day drawn: of the first mark, but no further before the course than so many days."""
        days = sorted(mark.day for mark in self.marks)
        of_course = sorted(
            mark.day
            for lane in self.lanes
            for mark in lane.marks
            if lane.kind in (HEART, DOSES) and mark.kind != "next"
        )
        if not days:
            return self.on - dt.timedelta(days=30)
        first = days[0]
        if of_course and (of_course[0] - first).days > most_before_days:
            first = of_course[0] - dt.timedelta(days=30)
        return min(first, self.on)

    def last_day(self) -> dt.date:
        """The last day drawn: of the latest window, mark or hold."""
        days = [self.on, *(mark.day for mark in self.marks), *(window.last for window in self.windows)]
        return max([*days, *(hold.last for hold in self.holds)])

    def rows(self) -> list[Row]:
        """The same as a table, in the order of days."""
        rows = [
            Row(mark.day, lane_of(lane, mark), mark.value or mark.label, mark.says)
            for lane in self.lanes
            for mark in lane.marks
        ]
        rows += [Row(hold.first, "Hold", "hold for the heart begins", hold.sentence) for hold in self.holds]
        rows += [Row(hold.last, "Hold", "hold ends", "") for hold in self.holds if not hold.is_open]
        rows += [Row(window.last, "Next", window.label, window.sentence) for window in self.windows]
        return sorted(rows, key=lambda row: (row.day, row.what))


NAMES: Mapping[str, str] = {
    "test": "HER2", "surgery": "Surgery", "progression": "Progression", "pregnancy": "Pregnancy", "lvef": "LVEF",
    "failure": "Heart failure",
}  # fmt: skip


def lane_of(lane: Lane, mark: Mark) -> str:
    """What a row of the table is about."""
    name = NAMES.get(mark.kind, lane.name)
    return f"Next: {'LVEF' if lane.kind == HEART else lane.name}" if mark.kind == "next" else name
