"""One question for a whole column of patients: the bins of the facts, one look-up, and the rows behind it.

It says of every patient what `therapy.Courses.decide` says of one: the same editions, arrays and bins.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np
import numpy.typing as npt

from ..facts.derive import Given
from ..facts.value import Reason, Unknown
from ..history.course_facts import THOUSAND, Column, Columns
from ..history.names import HER2_PRODUCTS, NAMED, UNKNOWN
from ..tables.array import Array
from ..tables.axis import Axis
from ..tables.decision import decide_in
from ..tables.edition import Edition
from ..tables.table import Cell
from .course import Courses
from .questions import Question

UNDECIDED = -1


@dataclass(slots=True)
class Answers:
    """The answers to one question: of the patients `asked`, the place of the value, or `UNDECIDED`.

    `boxes` are the places in `array` behind them, so that rows can be told.
    """

    edition: Edition
    array: Array
    asked: npt.NDArray[np.int64]
    values: npt.NDArray[np.int16]
    boxes: npt.NDArray[np.int64]

    @property
    def column(self) -> Column:
        """The values as a column: `UNKNOWN`, which is too long for a narrow array, where nothing was decided."""
        return np.where(self.values >= 0, self.values.astype(np.int64), UNKNOWN)


def applies(question: Question, facts: Columns, courses: Courses, count: int) -> npt.NDArray[np.bool_]:
    """The patients of whom a question is asked."""
    asked = np.ones(count, np.bool_)
    for name, wanted in question.when:
        column = facts.get(name)
        if column is None:
            asked &= wanted == ("unknown",)
        elif wanted == ("known",):
            asked &= column != UNKNOWN
        elif wanted == ("unknown",):
            asked &= column == UNKNOWN
        else:
            values = courses.knowledge.facts[name].values
            holds = column == values.index(wanted[0])
            for value in wanted[1:]:
                holds |= column == values.index(value)
            asked &= holds
    return asked


def ask(
    question: Question, facts: Columns, courses: Courses, count: int, but: Any = None, when: Columns | None = None
) -> list[Answers]:
    """The answers to a question, one `Answers` for each edition that gives some.

    `but` are patients who have their answer already; `when` are the facts that say who is asked, if others.
    """
    wanted = applies(question, facts if when is None else when, courses, count)
    if but is not None and len(but):
        wanted[but] = False
    asked = np.flatnonzero(wanted)
    found: list[Answers] = []
    if not len(asked):
        return found
    for about, chosen in _by_scope(question.outcome, facts, courses, asked):
        edition = courses.edition(question.outcome, about)
        if edition is None or not len(chosen):
            continue
        array = courses.knowledge.array(edition, question.outcome)
        scored = [score for score in edition.scores.values() if score.fact in array.place]
        values, boxes = _by_kinds(array, edition, facts, courses, chosen) if scored else _by_bins(array, facts, chosen)
        found.append(Answers(edition, array, chosen, values, boxes))
    return found


def _by_scope(outcome: str, facts: Columns, courses: Courses, asked: Any) -> list[tuple[dict[str, Any], Any]]:
    """The patients asked, apart by what the editions are chosen by: the product, the organ."""
    parts: list[tuple[dict[str, Any], Any]] = [({}, asked)]
    for scope in courses.knowledge.scopes_of(outcome):
        column = facts.get(scope)
        if column is None:
            return []
        values = HER2_PRODUCTS if scope == "product" else courses.knowledge.facts[scope].values
        parts = [
            ({**about, scope: value}, chosen[column[chosen] == place])
            for about, chosen in parts
            for place, value in enumerate(values)
        ]
    return parts


def _by_bins(array: Array, facts: Columns, chosen: Any) -> tuple[Any, Any]:
    boxes = np.zeros(len(chosen), np.int64)
    for axis, stride in zip(array.axes, array.strides, strict=True):
        column = facts.get(axis.fact.name)
        if column is None:
            boxes += axis.unknown * stride
        else:
            boxes += _codes(axis, column[chosen]) * stride
    return array.answers.ravel()[boxes], boxes


def _codes(axis: Axis, column: Column) -> npt.NDArray[np.int64]:
    """The bins of a column on an axis."""
    size = len(axis.fact.values)
    if not axis.fact.is_number:
        bins = np.array([*(axis.named[value] for value in axis.fact.values), axis.unknown], np.int64)
        return bins[np.where(column == UNKNOWN, size, column)]
    made = np.array(axis.slots, np.int64)[np.searchsorted(axis.float_bounds, column / THOUSAND, side="right")]
    special = column < NAMED + size
    if special.any():
        bins = np.array([axis.unknown, *(axis.named[value] for value in axis.fact.values)], np.int64)
        made[special] = bins[column[special] - UNKNOWN]
    return made


def _by_kinds(array: Array, edition: Edition, facts: Columns, courses: Courses, chosen: Any) -> tuple[Any, Any]:
    """Where a score is read (an interval while facts are unknown): each kind of patient is decided once.

    Patients are of one kind where every input lies in the same bin of all cells that read it.
    """
    outcome = array.outcome.name
    axes = _kind_axes(array, edition, courses)
    keys = np.zeros(len(chosen), np.int64)
    for axis in axes:
        column = facts.get(axis.fact.name)
        codes = _codes(axis, column[chosen]) if column is not None else axis.unknown
        keys = keys * (axis.count + 1) + codes
    kinds, first, place = np.unique(keys, return_index=True, return_inverse=True)
    values = np.empty(len(kinds), np.int16)
    for number, row in enumerate(chosen[first].tolist()):
        known = (id(edition), outcome, int(kinds[number]))
        answer = courses.kinds.get(known)
        if answer is None:
            answer = courses.kinds[known] = _decided(outcome, edition, facts, courses, row)
        values[number] = answer
    return values[place.reshape(-1)], np.full(len(chosen), UNDECIDED, np.int64)


def _kind_axes(array: Array, edition: Edition, courses: Courses) -> list[Axis]:
    """Each input of a scored outcome, cut wherever the score or the tables cut it."""
    cells: dict[str, list[Cell]] = {axis.fact.name: [] for axis in array.axes}
    for table in array.tables:
        for place, name in enumerate(table.inputs):
            cells.setdefault(name, []).extend(row.cells[place] for row in table.rows)
    for score in edition.scores.values():
        for part in score.parts:
            cells.setdefault(part.fact, []).append(part.cell)
    names = courses.inputs(edition, array.outcome.name)
    return [Axis(courses.knowledge.facts[name], cells.get(name, [])) for name in names]


def _decided(outcome: str, edition: Edition, facts: Columns, courses: Courses, row: int) -> int:
    given = Given({})
    for name in courses.inputs(edition, outcome):
        value = as_value(int(facts[name][row]), name, courses) if name in facts else None
        if value is None:
            given.unknown[name] = Unknown(Reason.ABSENT)
        else:
            given.values[name] = value
    decision = decide_in(outcome, given, courses.knowledge, edition)
    return UNDECIDED if decision.value is None else decision.array.outcome.values.index(decision.value)


def as_value(number: int, name: str, courses: Courses) -> Any:
    """A number of a column as the value of a fact; `None` for unknown."""
    fact = courses.knowledge.facts[name]
    if number == UNKNOWN:
        return None
    if fact.is_number:
        if number < NAMED + len(fact.values):
            return fact.values[number - NAMED]
        return fact.coerce(Decimal(number) / THOUSAND)
    return fact.values[number]


def rows_of(answers: Answers) -> tuple[npt.NDArray[np.int64], list[str]]:
    """The rows behind each answer of the last table, in words ("cardiac_action:3"), as places in a list."""
    places, inverse = np.unique(answers.boxes, return_inverse=True)
    masks = answers.array.row_masks()
    words = []
    for place in places.tolist():
        mask = 0 if place == UNDECIDED else int(masks[place])
        rows = [row.name for number, row in enumerate(answers.array.table.rows) if mask >> number & 1]
        words.append("; ".join(f"{answers.array.outcome.name}:{name}" for name in rows))
    return inverse.reshape(-1), words


def possibly(answers: Answers, value: str) -> npt.NDArray[np.bool_]:
    """Of whom a value of the outcome is still possible; told of looked-up answers only, else of all."""
    bit = np.uint64(1 << answers.array.outcome.values.index(value))
    masks = answers.array.value_masks()
    looked_up = answers.boxes != UNDECIDED
    made: npt.NDArray[np.bool_] = ~looked_up | ((masks[np.where(looked_up, answers.boxes, 0)] & bit) != 0)
    return made
