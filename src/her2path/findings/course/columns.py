"""The facts of a batch of courses as columns over patients, why some of them are unknown, and arithmetic on them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

import numpy as np
import numpy.typing as npt

from ...facts.arithmetic import RULES, Rule, derive
from ...facts.value import Unknown, Value
from ...history.course_facts import Columns, first_of, known
from ...history.evidence import Evidence
from ...history.followed.events import FollowedEvents
from ...history.latest import Latest
from ...history.levels import LevelsGiven
from ...history.names import NO, YES
from ...history.numbered import EXACT, Numbered, exactly, is_partial
from ...history.same_day import DayDose
from ...history.timeline import Timeline
from ...record.columns import UNKNOWN, Flags, RecordColumns, Whole
from .rules import ABSENT, Rules

DIFFERENCES = (
    ("lvef_fall", "lvef_baseline", "lvef"),
    ("days_first_to_last_dose", "days_since_first_dose", "days_since_last_dose"),
)
THOUSAND = 1000
MOST_KEPT = 50_000
"""So much of what followed from partly known values is kept for the batches to come."""


@dataclass(slots=True)
class CourseFacts:
    """What is known of the courses of a batch.

    `state` is what the folds left, `holds` and `hands` their marks of the timeline, `clocks` the days that follow;
    `values` holds facts as `Numbered` codes them, a column over patients each; `reasons` says by patient why a fact
    is unknown, where that is more than absent.
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
    followed: FollowedEvents | None = None
    same_day: list[DayDose] = field(default_factory=list)
    levels: LevelsGiven | None = None
    hands: npt.NDArray[np.int16] = field(default_factory=lambda: np.zeros((0, 3), np.int16))

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


def implausible(course: CourseFacts, names: list[str]) -> None:
    """Numbers outside the plausible range of their fact are unknown, and why."""
    plausible, alone = course.rules.plausible, len(course) == 1
    for name in names:
        if name not in plausible:
            continue
        column, (lowest, highest) = course.values[name], plausible[name]
        if alone and (lowest <= (number := column.item()) <= highest or number < EXACT):
            continue
        outside = (column >= EXACT) & ((column < lowest) | (column > highest))
        if not outside.any():
            continue
        fact = course.rules.knowledge.facts[name]
        for patient in np.flatnonzero(outside).tolist():
            value = fact.coerce(Decimal(int(column[patient])) / THOUSAND)
            if isinstance(value, Unknown):
                course.why(patient, name, value)
        course.values[name] = np.where(outside, UNKNOWN, column)


def arithmetic(course: CourseFacts) -> None:
    """What follows by arithmetic: as `arithmetic.RULES`, on columns; partly known numbers one patient after the other.

    A recorded result that contradicts what the others make it is unknown, and why.
    """
    values = course.values
    lvef, limit = exactly(values["lvef"]), exactly(values["lvef_lower_limit"])
    both = known(lvef) & known(limit)
    er, pr = course.column("er_status"), course.column("pr_status")
    positive, negative = 0, 1
    sex, menopause = course.column("sex"), course.column("menopausal_status")
    derived = {
        "lvef_below_limit": np.where(both, np.where(lvef < limit, YES, NO), UNKNOWN),
        "hormone_receptor_status": first_of(
            [(er == positive) | (pr == positive), (er == negative) & (pr == negative)], [0, 1], UNKNOWN
        ),
        "reproductive_potential": first_of([(sex == 1) | (menopause == 1), menopause == 0], [NO, YES], UNKNOWN),
    }
    for name, left, right in DIFFERENCES:
        one, other = exactly(course.column(left)), exactly(course.column(right))
        derived[name] = np.where(known(one) & known(other), one - other, UNKNOWN)
    odd: dict[str, Whole] = {}
    before = {name: course.column(name) for name in derived}
    for rule in RULES:
        held = before.setdefault(rule.result, course.column(rule.result))
        column = derived.get(rule.result)
        if column is None:  # a rule without a short way is followed patient by patient
            some = np.logical_or.reduce([known(course.column(name)) for name in rule.inputs])
            odd[rule.result], values[rule.result] = np.flatnonzero(some), held
            continue
        partly = known(held) & known(column) & (held != column)
        if course.numbered.listed and course.rules.knowledge.facts[rule.inputs[0]].is_number:
            for name in rule.inputs:
                partly = partly | is_partial(course.column(name))
        values[rule.result] = np.where(known(column), column, held)
        if partly.any():
            odd[rule.result] = np.flatnonzero(partly)
    implausible(course, [*derived])
    for rule in RULES:
        if rule.result in odd:
            _derive(course, rule, odd[rule.result], before[rule.result])


def _derive(course: CourseFacts, rule: Rule, patients: Whole, before: Whole) -> None:
    """The same for patients whose values are only partly known, or contradict each other."""
    facts = course.rules.knowledge.facts
    columns = {name: course.column(name) for name in rule.inputs}
    result = course.values[rule.result] = course.values[rule.result].copy()
    rows = zip(*(column[patients].tolist() for column in (*columns.values(), before)), strict=True)
    named = [facts[name] for name in (*rule.inputs, rule.result)]
    kept = course.rules.derived
    told: dict[tuple[int, ...], tuple[int, dict[str, Unknown]]] = {}
    for patient, numbers in zip(patients.tolist(), rows, strict=True):
        if numbers not in told:
            held: dict[str, Value] = {}
            for fact, number in zip(named, numbers, strict=True):
                if (value := course.numbered.value(number, fact)) is not None:
                    held[fact.name] = value
            key = (rule.result, *((name, value.__class__, str(value)) for name, value in held.items()))
            made = kept.get(key)
            if made is None:
                why = {rule.result: ABSENT}  # derive() leaves it, takes it out or puts another in its place
                derive(held, why, facts, (rule,))
                made = held.get(rule.result), why
                if len(kept) < MOST_KEPT:
                    kept[key] = made
            told[numbers] = course.numbered.code(made[0], facts[rule.result]), made[1]
        result[patient], why = told[numbers]
        if rule.result not in why:
            course.reasons.get(patient, {}).pop(rule.result, None)
        elif why[rule.result] is not ABSENT:
            course.why(patient, rule.result, why[rule.result])
