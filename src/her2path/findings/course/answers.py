"""One question for a whole batch: the bins of the facts, one look-up, and the rows behind it.

Few patients are looked up one after the other, many as columns: the same editions, arrays and bins. A value that is
only partly known lies in several bins; what the array says of them together is the answer.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ...facts.derive import Given
from ...facts.value import Value
from ...history.course_facts import Columns, values_met
from ...history.names import NAMED
from ...history.numbered import EXACT, PARTIAL, Numbered, distinct_of, is_partial
from ...record.columns import UNKNOWN, Flags, Whole
from ...tables.array import Array, Situation
from ...tables.axis import Axis, Code
from ...tables.decision import decide_in
from ...tables.edition import Edition
from ..questions import ORDERED, Question
from .rules import ABSENT, KNOWN_WORD, UNKNOWN_WORD, Conditions, Rules

UNDECIDED = -1
FEW = 12
"""Up to so many patients one after the other is quicker than columns."""


@dataclass(slots=True)
class Answers:
    """The answers to one question by one edition: of the patients `asked`, the place of the value, or `UNDECIDED`.

    `boxes` are the places in `array` behind them. Below 0 stands one of `several`, the bins of a patient whose facts
    are only partly known; `SCORED` where a score was read, and the decision is made again when it is to be told.
    """

    key: str
    edition: Edition
    array: Array
    asked: Whole
    values: Whole
    boxes: Whole
    several: list[tuple[Code, ...]] = field(default_factory=list)

    @property
    def column(self) -> Whole:
        """The values as a column: `UNKNOWN` where nothing was decided."""
        return np.where(self.values >= 0, self.values, UNKNOWN)

    def codes(self, place: int) -> tuple[Code, ...]:
        """The bins of each axis behind one answer."""
        box = int(self.boxes[place])
        if box < 0:
            return self.several[-2 - box]
        codes = []
        for stride in self.array.strides:
            codes.append(box // stride)
            box %= stride
        return tuple(codes)


SCORED = -1


class Asker:
    """Asks questions of one batch; facts are columns, and what was answered before is a column too."""

    def __init__(self, rules: Rules, numbered: Numbered, facts: Columns, count: int) -> None:
        self.rules, self.numbered, self.facts, self.count = rules, numbered, facts, count
        self.outcomes: Columns = {}
        self.answers: dict[str, list[Answers]] = {}

    def ask(self, question: Question, but: Flags | None = None) -> None:
        """Ask a question of everybody whom it applies to, who has no answer yet, and who is not in `but`."""
        key = question.key
        before = self.answers.setdefault(key, [])  # the order of the questions, whoever is asked in this batch
        if self.count <= FEW:
            conditions = self.rules.conditions(question)
            few = [patient for patient in range(self.count) if self._holds(conditions, patient)]
            if few and (before or but is not None):
                done = {patient for answers in before for patient in answers.asked.tolist()}
                few = [patient for patient in few if patient not in done and not (but is not None and but[patient])]
            if not few:
                return
            asked = np.array(few, np.int64)
        else:
            wanted = self._applies(question)
            for answers in before:
                wanted[answers.asked] = False
            asked = np.flatnonzero(wanted if but is None else wanted & ~but)
        if not len(asked):
            return
        for answers in self._answers(question, asked):
            before.append(answers)
            column = self.outcomes.get(key)
            if column is None:
                column = self.outcomes[key] = np.full(self.count, UNKNOWN, np.int64)
            column[answers.asked] = answers.column

    def _answers(self, question: Question, asked: Whole) -> list[Answers]:
        """The answers to a question: of the product that it is about, where that is not the one in hand."""
        outcome, about = question.outcome, question.about
        if about != ORDERED:
            return self.answers_of(outcome, asked, question.key, {"product": about} if about else {})
        column, products = self.facts[ORDERED][asked], self.rules.knowledge.facts[ORDERED].values
        parts = []
        for place in values_met(column, len(products)):
            mine, product = asked[column == place], products[place]
            parts += self.answers_of(outcome, mine, f"{outcome} of {product}", {"product": product})
        return parts

    def _applies(self, question: Question) -> Flags:
        """Of whom the conditions of a question hold."""
        asked = np.ones(self.count, np.bool_)
        for name, wanted, places in self.rules.conditions(question):
            column = self.value(name)
            if column is None:
                asked &= wanted == UNKNOWN_WORD
            elif wanted == KNOWN_WORD:
                asked &= column != UNKNOWN
            elif wanted == UNKNOWN_WORD:
                asked &= column == UNKNOWN
            else:
                holds = column == places[0]
                for place in places[1:]:
                    holds |= column == place
                asked &= holds
        return asked

    def _holds(self, conditions: Conditions, patient: int) -> bool:
        """Whether the conditions of a question hold of one patient."""
        outcomes, facts = self.outcomes, self.facts
        for name, wanted, places in conditions:
            number = _number(patient, outcomes.get(name), facts.get(name))
            if wanted == KNOWN_WORD:
                holds = number != UNKNOWN
            elif wanted == UNKNOWN_WORD:
                holds = number == UNKNOWN
            else:
                holds = number in places
            if not holds:
                return False
        return True

    def value(self, name: str) -> Whole | None:
        """A name as a question's condition means it: the outcome, and where there is none the fact."""
        outcome, fact = self.outcomes.get(name), self.facts.get(name)
        if outcome is None or fact is None:
            return fact if outcome is None else outcome
        return np.where(outcome != UNKNOWN, outcome, fact)

    def input(self, name: str) -> Whole | None:
        """A name as a table's input: the fact, and where there is none the outcome."""
        outcome, fact = self.outcomes.get(name), self.facts.get(name)
        if outcome is None or fact is None:
            return outcome if fact is None else fact
        return np.where(fact != UNKNOWN, fact, outcome)

    def answers_of(self, outcome: str, asked: Whole, key: str, fixed: Mapping[str, str]) -> list[Answers]:
        """The answers to an outcome for some patients, one `Answers` for each edition that gives some.

        `fixed` says facts that are the same for all, whatever the columns hold.
        """
        parts = []
        for about, chosen in self._by_scope(outcome, asked, fixed):
            edition = self.rules.edition(outcome, about)
            if edition is None or not len(chosen):
                continue
            array = self.rules.knowledge.array(edition, outcome)
            if any(score.fact in array.place for score in edition.scores.values()):
                values = self._by_kinds(array, edition, chosen, fixed)
                boxes = np.full(len(chosen), SCORED, np.int64)
                several: list[tuple[Code, ...]] = []
            else:
                values, boxes, several = self._look_up(array, chosen, fixed)
            parts.append(Answers(key, edition, array, chosen, values, boxes, several))
        return parts

    def _by_scope(self, outcome: str, asked: Whole, fixed: Mapping[str, str]) -> list[tuple[dict[str, Any], Whole]]:
        """The patients asked, apart by what the editions are chosen by: the product, the organ."""
        parts: list[tuple[dict[str, Any], Whole]] = [({}, asked)]
        alone = len(asked) == 1
        for scope in self.rules.scopes_of(outcome):
            if scope in fixed:
                parts = [({**about, scope: fixed[scope]}, chosen) for about, chosen in parts]
                continue
            column = self.facts.get(scope)
            if column is None:
                return []
            values = self.rules.codes.products if scope == "product" else self.rules.knowledge.facts[scope].values
            if alone:
                place = column.item(asked.item())
                if not 0 <= place < len(values):
                    return []
                parts = [({**about, scope: values[place]}, chosen) for about, chosen in parts]
                continue
            parts = [
                ({**about, scope: values[place]}, chosen[column[chosen] == place])
                for about, chosen in parts
                for place in _present(column, chosen, len(values))
            ]
        return parts

    def _look_up(
        self, array: Array, chosen: Whole, fixed: Mapping[str, str]
    ) -> tuple[Whole, Whole, list[tuple[Code, ...]]]:
        if len(chosen) <= FEW:
            return self._one_after_the_other(array, chosen, fixed)
        columns = [None if axis.fact.name in fixed else self.input(axis.fact.name) for axis in array.axes]
        boxes = np.zeros(len(chosen), np.int64)
        partly: Flags | None = None
        for axis, stride, column in zip(array.axes, array.strides, columns, strict=True):
            if column is None:
                boxes += axis.code(fixed.get(axis.fact.name)) * stride  # type: ignore[operator]
                continue
            part, here = self._whole(column[chosen])
            if here is not None:
                partly = here if partly is None else partly | here
            boxes += self.rules.bins(axis).of(part) * stride
        values = array.answers.ravel()[boxes].astype(np.int64)
        several: list[tuple[Code, ...]] = []
        if partly is not None:
            places = np.flatnonzero(partly)
            values[places], boxes[places], several = self._by_bins(array, chosen[places], columns, fixed)
        return values, boxes, several

    def _whole(self, column: Whole) -> tuple[Whole, Flags | None]:
        """A column with what is only partly known in it as unknown, and where that is; `None` for nowhere."""
        if not self.numbered.listed or not (here := is_partial(column)).any():
            return column, None
        return np.where(here, UNKNOWN, column), here

    def _by_bins(
        self, array: Array, chosen: Whole, columns: list[Whole | None], fixed: Mapping[str, str]
    ) -> tuple[Whole, Whole, list[tuple[Code, ...]]]:
        """Where values are partly known: those in the same bins are answered once."""
        keys = np.zeros(len(chosen), np.int64)
        for axis, column in zip(array.axes, columns, strict=True):
            if column is None:
                continue
            distinct, places = distinct_of(column[chosen])
            places_of: dict[Code, int] = {}
            digits = [places_of.setdefault(self._bin(axis, number), len(places_of)) for number in distinct]
            keys = keys * len(places_of) + np.array(digits, np.int64)[places]
        _, first, place_of = np.unique(keys, return_index=True, return_inverse=True)
        values, boxes, several = self._one_after_the_other(array, chosen[first], fixed)
        return values[place_of.reshape(-1)], boxes[place_of.reshape(-1)], several

    def _one_after_the_other(
        self, array: Array, chosen: Whole, fixed: Mapping[str, str]
    ) -> tuple[Whole, Whole, list[tuple[Code, ...]]]:
        values, boxes = [], []
        several: list[tuple[Code, ...]] = []
        for patient in chosen.tolist():
            codes = self._bins(array.axes, patient, fixed)
            box = 0
            for code, stride in zip(codes, array.strides, strict=True):
                if code.__class__ is not int:
                    box = -1
                    break
                box += code * stride
            if box >= 0:
                boxes.append(box)
                values.append(array.flat_answer(box))
            else:
                boxes.append(-2 - len(several))
                several.append(tuple(codes))
                values.append(array.situation(several[-1]).answer)
        return np.array(values, np.int64), np.array(boxes, np.int64), several

    def _bins(self, axes: list[Axis], patient: int, fixed: Mapping[str, str]) -> list[Code]:
        """The bin, or bins, of one patient on some axes."""
        outcomes, facts, codes = self.outcomes, self.facts, []
        for axis in axes:
            name = axis.fact.name
            if name in fixed:
                codes.append(axis.code(fixed[name]))
            else:
                codes.append(self._bin(axis, _number(patient, facts.get(name), outcomes.get(name))))
        return codes

    def _bin(self, axis: Axis, number: int) -> Code:
        """The bin, or bins, of one number of a column."""
        if number == UNKNOWN:
            return axis.unknown
        if number >= EXACT:
            if axis.fact.is_number:
                return axis.slots[bisect_right(axis.float_bounds, number / 1000)]
            return axis.named[axis.fact.values[number]]
        if number >= PARTIAL:
            return axis.code(self.numbered.listed[number - PARTIAL])
        return axis.named[axis.fact.values[number - NAMED]]

    def _by_kinds(self, array: Array, edition: Edition, chosen: Whole, fixed: Mapping[str, str]) -> Whole:
        """Where a score is read (an interval while facts are unknown): each kind of patient is decided once.

        Patients are of one kind where every input lies in the same bin of all cells that read it.
        """
        outcome = array.outcome.name
        axes = self.rules.kind_axes(edition, array)
        if len(chosen) <= FEW:
            few = [self._of_kind(outcome, edition, axes, patient, fixed) for patient in chosen.tolist()]
            return np.array(few, np.int64)
        keys = np.zeros(len(chosen), np.int64)
        partly = np.zeros(len(chosen), np.bool_)
        for axis in axes:
            column = None if axis.fact.name in fixed else self.input(axis.fact.name)
            codes: Any = axis.unknown
            if column is not None:
                part, here = self._whole(column[chosen])
                if here is not None:
                    partly |= here
                codes = self.rules.bins(axis).of(part)
            keys = keys * (axis.count + 1) + codes
        values = np.full(len(chosen), UNDECIDED, np.int64)
        for place in np.flatnonzero(partly).tolist():
            values[place] = self._decided(outcome, edition, int(chosen[place]), fixed)
        rest = np.flatnonzero(~partly)
        if not len(rest):
            return values
        kinds, first, place_of = np.unique(keys[rest], return_index=True, return_inverse=True)
        answers = np.empty(len(kinds), np.int64)
        for number, row in enumerate(chosen[rest][first].tolist()):
            kind = (id(edition), outcome, int(kinds[number]))
            answer = self.rules.decided_kinds.get(kind)
            if answer is None:
                answer = self.rules.decided_kinds[kind] = self._decided(outcome, edition, row, fixed)
            answers[number] = answer
        values[rest] = answers[place_of.reshape(-1)]
        return values

    def _of_kind(self, outcome: str, edition: Edition, axes: list[Axis], patient: int, fixed: Mapping[str, str]) -> int:
        """The same for one patient."""
        key = 0
        for axis in axes:
            name = axis.fact.name
            code = (
                axis.unknown
                if name in fixed
                else self._bin(axis, _number(patient, self.facts.get(name), self.outcomes.get(name)))
            )
            if code.__class__ is not int:  # only partly known
                return self._decided(outcome, edition, patient, fixed)
            key = key * (axis.count + 1) + code
        kind = (id(edition), outcome, key)
        answer = self.rules.decided_kinds.get(kind)
        if answer is None:
            answer = self.rules.decided_kinds[kind] = self._decided(outcome, edition, patient, fixed)
        return answer

    def _decided(self, outcome: str, edition: Edition, patient: int, fixed: Mapping[str, str]) -> int:
        given = self.given(outcome, edition, patient, fixed)
        decision = decide_in(outcome, given, self.rules.knowledge, edition)
        return UNDECIDED if decision.value is None else decision.array.outcome.values.index(decision.value)

    def given(self, outcome: str, edition: Edition, patient: int, fixed: Mapping[str, str]) -> Given:
        """The facts of one patient that decide an outcome."""
        given = Given({})
        for name in self.rules.inputs(edition, outcome):
            value: Value | None = fixed.get(name)
            if value is None and (column := self.input(name)) is not None:
                value = self.numbered.value(int(column[patient]), self.rules.knowledge.facts[name])
            if value is None:
                given.unknown[name] = ABSENT
            else:
                given.values[name] = value
        return given


def _number(patient: int, first: Whole | None, second: Whole | None) -> int:
    """The number of a patient in the first of two columns, or where it is unknown there in the second."""
    number = UNKNOWN if first is None else first.item(patient)
    return second.item(patient) if number == UNKNOWN and second is not None else number


def _present(column: Whole, chosen: Whole, size: int) -> list[int]:
    """The places of a column's values that some patients have, in the order of the values."""
    return values_met(column[chosen], size)


__all__ = ["SCORED", "UNDECIDED", "Answers", "Asker", "Situation"]
