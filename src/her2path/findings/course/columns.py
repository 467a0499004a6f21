"""The facts of a batch of courses as columns over patients, and why some of them are unknown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from ...facts.value import Unknown
from ...history.course_facts import Columns, known
from ...history.evidence import Evidence
from ...history.latest import Latest
from ...history.numbered import Numbered
from ...history.same_day import DayDose
from ...history.timeline import Timeline
from ...record.columns import UNKNOWN, Flags, RecordColumns, Whole
from .rules import Rules


@dataclass(slots=True)
class CourseFacts:
    """What is known of the courses of a batch.

    `state` is what the folds left, `holds` their marks of the timeline, `clocks` the days that follow; `values` holds
    facts as `Numbered` codes them, a column over patients each; `reasons` says by patient why a fact is unknown, where
    that is more than absent.
    """

    record: RecordColumns
    rules: Rules
    numbered: Numbered
    timeline: Timeline
    latest: Latest
    state: Columns
    clocks: Columns
    values: Columns
    holds: Whole
    reasons: dict[int, dict[str, Unknown]] = field(default_factory=dict)
    of_statement: Flags = field(default_factory=lambda: np.zeros(0, np.bool_))
    undated_doses: Whole = field(default_factory=lambda: np.zeros(0, np.int64))
    undated_deaths: Whole = field(default_factory=lambda: np.zeros(0, np.int64))
    evidence: Evidence | None = None
    same_day: list[DayDose] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.record)

    @property
    def nothing(self) -> Whole:
        """A column in which nothing is known."""
        return np.full(len(self), UNKNOWN, np.int64)

    @property
    def ended_by_statement(self) -> Flags:
        """Whose doses are only stated, up to a day on which they ended."""
        stop, last = self.state["stop_day"], self.state["any_last_day"]
        ended: Flags = self.of_statement & known(stop) & (stop >= last)
        return ended

    def column(self, name: str) -> Whole:
        """A fact as a column; nothing known where nobody has said anything of it."""
        column = self.values.get(name)
        return self.nothing if column is None else column

    def lay(self, columns: Mapping[str, Whole]) -> None:
        """What is known of some columns over what the facts hold."""
        for name, column in columns.items():
            held = self.values.get(name)
            self.values[name] = column if held is None else np.where(known(column), column, held)

    def fill(self, columns: Mapping[str, Whole]) -> None:
        """What is known of some columns where the facts hold nothing."""
        for name, column in columns.items():
            held = self.values.get(name)
            self.values[name] = column if held is None else np.where(known(held), held, column)

    def why(self, patient: int, name: str, reason: Unknown) -> None:
        """Why a fact of a patient is unknown."""
        self.reasons.setdefault(patient, {})[name] = reason

    def of_her2(self, rows: Whole) -> Flags:
        """Which of some rows are of HER2-directed products."""
        products = np.array([name in self.rules.codes.products for name in self.record.products], np.bool_)
        of_her2: Flags = products[self.record.product[rows]] if len(rows) else np.zeros(0, np.bool_)
        return of_her2
