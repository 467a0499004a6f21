"""The records that the pages show: a source read once, reviewed for the worklist, one patient again on request.

A load is whole or not at all: the pages see the records before it until it is done. Every look goes through one lock;
the review of one patient takes some milliseconds.
"""

from __future__ import annotations

import datetime as dt
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Lock, RLock

import numpy as np

from ..facts.problem import AskedWrongly
from ..facts.value import Interval, Value
from ..findings.patient import Reviewed, Reviewer
from ..findings.plan.what_if import WhatIf, compared, what_if
from ..findings.reviews import PatientReview
from ..findings.settings import Settings
from ..read.source import read_columns
from ..record.columns import UNKNOWN, RecordColumns, columns_of
from ..record.event import Record, Trouble
from ..tables.library import Knowledge
from ..write.text.worklist import ORDER, Row, row_of

MOST_TOLD = 1_000
"""So many of what could not be read are kept; the others are counted."""
MOST_PATIENTS = 100_000
MOST_LVEFS = 12
"""So many of the last LVEFs of a patient stand in the worklist."""
SOON_DAYS = 7
DAYS_KEPT = 8
"""Of so many other days the reviewers are kept."""


@dataclass(frozen=True, slots=True)
class Listed:
    """One patient of the worklist: her row, where she stands among the records, her last LVEFs in percent."""

    row: Row
    place: int
    lvefs: tuple[float, ...] = ()
    setting: str = ""
    searched: str = ""
    when: str = "later"
    """`today`, `week` or `later`: when somebody has to act."""


@dataclass(slots=True)
class Ward:
    """The records of one source as they were reviewed on a day, the most urgent patient first."""

    name: str
    path: Path | None
    on: dt.date
    listed: Sequence[Listed] = ()
    counts: Mapping[str, int] = field(default_factory=dict)
    batches: Sequence[RecordColumns] = ()
    starts: Sequence[int] = (0,)
    """The place of the first patient of each batch, and the number of all."""
    troubles: Sequence[tuple[str, Trouble]] = ()
    """What could not be read, the first thousand, each with its patient ("" for none)."""
    trouble_count: int = 0
    standing: Sequence[str] = ()
    """What holds for everybody, said once."""
    of_patient: Mapping[str, Sequence[int]] = field(default_factory=dict)
    in_rows: Mapping[tuple[str, str], Mapping[str, Sequence[int]]] = field(default_factory=dict)
    """By edition and outcome of a question: the patients whose answer is a row, by its name."""

    def __len__(self) -> int:
        return int(self.starts[-1])

    def record(self, place: int) -> Record:
        """The record of one patient by her place."""
        batch = bisect_right(self.starts, place) - 1
        return self.batches[batch].record(place - self.starts[batch])


@dataclass(frozen=True, slots=True)
class Opened:
    """One patient opened: her record, all that was reviewed of it, and her review; `others` bear the same number."""

    record: Record
    reviewed: Reviewed
    review: PatientReview
    others: int = 0


class Loaded:
    """The records in hand, and the reviewer of all pages.

    `day` is the day of the reviews; `None` follows the calendar, and the records are reviewed anew on a new day.
    `takes_files` lets the page *Load* take a file, `reads_paths` a path of this machine: only for a server that
    nobody else can reach.
    """

    def __init__(
        self, knowledge: Knowledge, settings: Settings, *, day: dt.date | None = None, takes_files: bool = True,
        reads_paths: bool = False,
    ) -> None:  # fmt: skip
        self.knowledge, self.day = knowledge, day
        self.takes_files, self.reads_paths = takes_files, reads_paths
        self._settings = replace(settings, on=day or dt.date.today())
        self._reviewer = Reviewer(knowledge, self._settings)
        self._of_days: dict[dt.date, Reviewer] = {}
        self._lock, self._loading = RLock(), Lock()
        self._ward = Ward("", None, self._settings.on)

    @property
    def settings(self) -> Settings:
        """By what the pages review, as of the day of now."""
        self._follow_the_day()
        return self._settings

    @property
    def ward(self) -> Ward:
        """The records in hand."""
        self._follow_the_day()
        return self._ward

    def load(self, source: Path, *, name: str = "", columns: Mapping[str, str] | None = None) -> Ward:
        """Read and review a source, and put it in the place of what was loaded before.

        Raises `AskedWrongly` where the source cannot be read at all or another is being loaded; `OSError` where it is
        not there.
        """
        if not self._loading.acquire(blocking=False):
            raise AskedWrongly("another source is being loaded: wait until it is there")
        try:
            if not source.exists():
                raise AskedWrongly(f"{source} is not there")
            settings = self._settings
            missing = settings.at.missing
            found = read_columns(
                source, settings.facts(self.knowledge), None, columns, settings.courses, missing=missing
            )
            batches: list[RecordColumns] = []
            troubles: list[tuple[str, Trouble]] = []
            count = 0
            patients = 0
            for item in found:
                if not isinstance(item, Trouble):
                    batches.append(item)
                    patients += len(item)
                    if patients > MOST_PATIENTS:
                        raise AskedWrongly(
                            f"{name or source.name} holds more than {MOST_PATIENTS:,} patients, which is more than a "
                            "worklist can be; `her2path review -o FILE.parquet` reviews any number"
                        )
                    continue
                count += 1
                if len(troubles) < MOST_TOLD:
                    troubles.append(("", item))
            ward = self._reviewed(name or source.name, source, batches, troubles, count)
            with self._lock:
                self._ward = ward
            return ward
        finally:
            self._loading.release()

    def reviewed_again(self, ward: Ward) -> Iterator[tuple[int, Reviewed]]:
        """The batches of a ward, each with the place of its first patient, reviewed by the rules of now."""
        reviewer = Reviewer(self.knowledge, replace(self._settings, on=ward.on))  # its own: nobody waits for it
        for first, batch in zip(ward.starts, ward.batches, strict=False):
            yield first, reviewer.review_columns(batch)

    def open(self, patient: str, which: int = 0) -> Opened | None:
        """One patient by her number, reviewed; `which` of those that bear the same. `None` where there is none."""
        ward = self.ward
        places = ward.of_patient.get(patient, ())
        if not 0 <= which < len(places):
            return None
        return self.review(ward.record(places[which]), len(places) - 1)

    def review(self, record: Record, others: int = 0) -> Opened:
        """One record reviewed."""
        with self._lock:
            reviewed = self._reviewer.review_columns(columns_of([record]))
            return Opened(record, reviewed, reviewed.patient(0), others)

    def review_together(self, records: Iterable[Record]) -> Reviewed:
        """Several records, such as one with several values in a place, reviewed together."""
        with self._lock:
            return self._reviewer.review_columns(columns_of(records))

    def what_if(self, record: Record, added: Record, day: dt.date) -> WhatIf:
        """One record beside itself with what is `added`, as of a day; with nothing added, beside itself of today."""
        with self._lock:
            if added.events or added.course:
                return what_if(self._of_day(day), record, added)
            before, after = (self._of_day(each).review(record) for each in (self._settings.on, day))
            return compared(day, (), before, after)

    def _of_day(self, day: dt.date) -> Reviewer:
        """The reviewer of a day; those of the last few are kept."""
        if day == self._settings.on:
            return self._reviewer
        reviewer = self._of_days.get(day)
        if reviewer is None:
            if len(self._of_days) >= DAYS_KEPT:
                self._of_days.pop(next(iter(self._of_days)))
            reviewer = self._of_days[day] = Reviewer(self.knowledge, replace(self._settings, on=day))
        return reviewer

    def _follow_the_day(self) -> None:
        today = self.day or dt.date.today()
        if today == self._settings.on:
            return
        with self._lock:
            if today == self._settings.on:
                return
            ward = self._ward
            self._settings = replace(self._settings, on=today)
            self._reviewer, self._of_days = Reviewer(self.knowledge, self._settings), {}
            self._ward = self._reviewed(ward.name, ward.path, ward.batches, ward.troubles, ward.trouble_count)

    def _reviewed(
        self, name: str, path: Path | None, batches: Sequence[RecordColumns],
        troubles: Sequence[tuple[str, Trouble]], count: int,
    ) -> Ward:  # fmt: skip
        starts, listed = [0], []
        standing: dict[str, None] = {}
        in_rows: dict[tuple[str, str], dict[str, list[int]]] = {}
        of_patient: dict[str, list[int]] = {}
        unread, told = count, [each for each in troubles if not each[0]]
        on = self._settings.on
        reviewer = Reviewer(self.knowledge, self._settings)  # its own: nobody waits for a load to look at a patient
        for batch in batches:
            reviewed = reviewer.review_columns(batch)
            _count_rows(reviewed, starts[-1], in_rows)
            lvefs = _lvefs(batch, on)
            unread_of = ((place, each) for place, listed_ in batch.troubles.items() for each in listed_)
            told += [(batch.patients[place], each) for place, each in unread_of if each.kind == "unreadable"]
            for place, review in enumerate(reviewed):
                row = row_of(review)
                standing |= dict.fromkeys(row.standing)
                listed.append(_listed(row, starts[-1] + place, review, lvefs.get(place, ()), on))
                of_patient.setdefault(row.patient, []).append(starts[-1] + place)
                unread += review.unread
            starts.append(starts[-1] + len(batch))
        listed.sort(key=_urgency)
        return Ward(
            name, path, on, listed, Counter(each.row.verdict for each in listed), batches, starts,
            told[:MOST_TOLD], unread, [f"{words[:1].upper()}{words[1:]}." for words in standing], of_patient, in_rows,
        )  # fmt: skip


WHEN = ("today", "week", "later")
AT_ONCE = ("STOP", "DO NOT GIVE THE ORDER", "HOLD")
ASKED = ("CHANGE", "ASK FIRST")
"""Somebody has to act on these today where no day of a dose is known."""
_PLACE = {verdict: place for place, verdict in enumerate(ORDER)}
_GRADES = ("alarm", "act", "contradiction", "due", "missing", "unreadable", "note")


def _urgency(each: Listed) -> tuple[int, int, int, str, str]:
    """Who has to act today first; then the verdict, the gravest finding, the day, the patient."""
    row = each.row
    gravest = min((_GRADES.index(grade) for grade, _ in row.grades), default=len(_GRADES))
    return WHEN.index(each.when), _PLACE[row.verdict], gravest, row.day or "9999", row.patient


def _listed(row: Row, place: int, review: PatientReview, lvefs: tuple[float, ...], on: dt.date) -> Listed:
    setting = ""
    if review.course is not None:
        value = review.course.standing.values.get("setting")
        setting = value if isinstance(value, str) else ""
    when = "later"
    day = dt.date.fromisoformat(row.day) if row.day else None
    if row.verdict in AT_ONCE or (day is None and row.verdict in ASKED) or (day is not None and day <= on):
        when = "today"
    elif day is not None and (day - on).days <= SOON_DAYS:
        when = "week"
    searched = " ".join((row.patient, row.verdict, row.drug, setting, row.reason)).lower()
    return Listed(row, place, lvefs, setting, searched, when)


def _lvefs(batch: RecordColumns, on: dt.date) -> dict[int, tuple[float, ...]]:
    """The last LVEFs of each patient of a batch up to the day, by her place, in percent."""
    if "lvef" not in batch.facts:
        return {}
    rows = np.flatnonzero((batch.fact == batch.facts.index("lvef")) & (batch.day != UNKNOWN))
    rows = rows[batch.day[rows] <= on.toordinal()]
    number = {place: number_of(batch.values[place]) for place in np.unique(batch.value[rows]).tolist()}
    found: dict[int, list[float]] = {}
    for patient, value in zip(batch.owner()[rows].tolist(), batch.value[rows].tolist(), strict=True):
        if (percent := number[value]) is not None:
            found.setdefault(patient, []).append(percent)
    return {patient: tuple(percents[-MOST_LVEFS:]) for patient, percents in found.items()}


def number_of(value: Value) -> float | None:
    """A value as a number to draw; of an interval the end that is known; `None` where there is none."""
    if isinstance(value, Interval):
        end = value.low if value.low is not None else value.high
        return None if end is None else float(end)
    try:
        return float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, ArithmeticError):
        return None


def _count_rows(reviewed: Reviewed, first: int, in_rows: dict[tuple[str, str], dict[str, list[int]]]) -> None:
    """Add the patients of a batch to the rows that answered the questions on the drug in hand, where it is one row."""
    if reviewed.courses is None:
        return
    mine = reviewed.courses.mine
    for key, parts in reviewed.courses.reasons.asker.answers.items():
        if " of " in key:
            continue
        for answers in parts:
            told = mine[answers.asked] & (answers.boxes >= 0)
            masks = answers.array.row_masks()[answers.boxes[told]]
            patients = answers.asked[told] + first
            rows = in_rows.setdefault((answers.edition.key, key), {})
            for number, row in enumerate(answers.array.table.rows):
                held = patients[masks == np.uint64(1 << number)].tolist()
                if held:
                    rows.setdefault(row.name, []).extend(held)
