"""HER2 status of many: patients whose tests are alike are reviewed once, by the review of one patient.

Tests are alike where the same facts have the same values on days equally far apart, in the same edition's time.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ..facts.value import Unknown
from ..history.course_facts import Column, coded
from ..history.names import UNKNOWN
from ..record.columns import EventColumns
from ..record.event import RECORDED_STATUS, Event, Record, Tissue
from .patient import Reviewer

ABOUT_TISSUE = ("tumour_site", "specimen_kind")
ODD = np.array([0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0xD6E8FEB86659FD93], np.uint64)
Answer = tuple[str | None, str | None, str | None, str | None]


class ManySpecimens:
    """Decides HER2 status, expression, site and score of whole batches; what was decided is kept."""

    def __init__(self, reviewer: Reviewer) -> None:
        self.reviewer = reviewer
        self.facts = reviewer.knowledge.facts
        self.on = reviewer.settings.on
        self._cuts = sorted(
            day.toordinal() for each in reviewer.knowledge.editions if "her2_status" in each.tables
            for day in (each.since, each.until) if day
        )  # fmt: skip
        self._kept: dict[tuple[Any, ...], Answer] = {}

    def columns(self, events: EventColumns) -> Mapping[str, Column]:
        """`her2_status`, `her2_expression`, `tumour_site`, `ihc_score` and `first_result_day` by patient."""
        wanted = [self._is_wanted(name) for name in events.facts]
        rows = np.flatnonzero(np.array(wanted, np.bool_)[events.fact])
        on = self.on.toordinal()
        rows = rows[(events.day[rows] == UNKNOWN) | (events.day[rows] <= on)]
        owner = events.owner()[rows]
        is_test = ~np.array([name in ABOUT_TISSUE for name in events.facts], np.bool_)[events.fact[rows]]
        first = np.full(events.patients, np.iinfo(np.int64).max, np.int64)
        dated = (events.day[rows] != UNKNOWN) & is_test
        np.minimum.at(first, owner[dated], events.day[rows][dated])
        first = np.where(first == np.iinfo(np.int64).max, UNKNOWN, first)
        kinds, place = self._kinds(events, rows, owner, first)
        answers = [self._answer(events, rows[owner == patient] if patient >= 0 else rows[:0]) for patient in kinds]
        names = ("her2_status", "her2_expression", "tumour_site", "ihc_score")
        made: dict[str, Column] = {"first_result_day": first}
        for number, name in enumerate(names):
            said = [answer[number] for answer in answers]
            codes = [UNKNOWN if value is None else coded(value, self.facts[name]) for value in said]
            made[name] = np.array(codes, np.int64)[place]
        return made

    def _is_wanted(self, name: str) -> bool:
        return name in ABOUT_TISSUE or name == "her2_status" or (name in self.facts and bool(self.facts[name].test))

    def _kinds(
        self, events: EventColumns, rows: Any, owner: Any, first: Column
    ) -> tuple[list[int], npt.NDArray[np.int64]]:
        """A patient of each kind (-1: without tests), and the kind of each patient."""
        day, since = events.day[rows], first[owner]
        apart = np.where(day == UNKNOWN, -1, np.where(since == UNKNOWN, -2, day - since))
        time = np.where(since == UNKNOWN, -1, np.searchsorted(self._cuts, since, side="right"))
        specimen = events.specimen[rows] if len(events.specimen) else np.zeros(len(rows), np.int64)
        parts = (events.value[rows], apart + 7, time + 3, specimen)
        marks = np.zeros((2, events.patients), np.uint64)
        with np.errstate(over="ignore"):
            for turn in range(2):
                mixed = np.full(len(rows), ODD[turn])
                for number, part in enumerate(parts):
                    mixed = (mixed ^ part.astype(np.uint64)) * ODD[(number + turn) % 4]
                    mixed ^= mixed >> np.uint64(29)
                np.add.at(marks[turn], owner, mixed)
        keys = pa.array(marks[0].view(np.int64)).dictionary_encode()
        place = keys.indices.to_numpy().astype(np.int64)
        representative = np.zeros(len(keys.dictionary), np.int64)
        representative[place[::-1]] = np.arange(events.patients)[::-1]
        if (marks[1] != marks[1][representative[place]]).any():  # two kinds with one mark: tell them apart by both
            _, firsts, place = np.unique(marks, axis=1, return_index=True, return_inverse=True)
            representative, place = firsts, place.reshape(-1)
        tested = np.zeros(events.patients, np.bool_)
        tested[owner] = True
        return [int(patient) if tested[patient] else -1 for patient in representative], place

    def _answer(self, events: EventColumns, rows: Any) -> Answer:
        """What the review of one patient says of the tests in some rows."""
        if not len(rows):
            return None, None, "breast", None
        record = Record("")
        for row in rows.tolist():
            name, value = events.facts[events.fact[row]], events.values[events.value[row]]
            day = None if events.day[row] == UNKNOWN else dt.date.fromordinal(int(events.day[row]))
            specimen = events.specimens[events.specimen[row]] if len(events.specimen) else ""
            if name == "tumour_site":
                if not isinstance(value, Unknown):
                    record.sites.add(str(value))
            elif name == "specimen_kind":
                if not isinstance(value, Unknown):
                    record.tissues[specimen] = Tissue(specimen, str(value), day=day)
            else:
                fact = RECORDED_STATUS if name == "her2_status" else name
                record.events.append(Event(fact, value, day, specimen, ""))
        record.sort()
        patient = self.reviewer.review(record)
        score = patient.specimens[-1].status.given.values.get("ihc_score") if patient.specimens else None
        return patient.status, patient.expression, patient.site, score if isinstance(score, str) else None
