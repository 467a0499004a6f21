"""The findings of one saying on courses as columns of the table of findings.

What is the same for many rows is worked out once: the rows and sources behind a box of a table, words with one brace.
"""

from __future__ import annotations

from dataclasses import dataclass
from string import Formatter
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ...findings.course.answers import SCORED, Answers
from ...findings.course.doubt import Same
from ...findings.course.reasons import INPUTS_OF, POSSIBLE, Reasons, possible_words
from ...findings.effects import words_of
from ...findings.patient import Reviewed
from ...findings.pieces import Coded, Pieced
from ...findings.questions import UNDETERMINED
from ...findings.rows import FindingRows
from ...record.columns import UNKNOWN, Whole
from .of_tests import settle_sets

NOTHING = Coded(("",))


class PartOfCourses:
    """The findings of one saying, as columns."""

    def __init__(self, rows: FindingRows, reviewed: Reviewed) -> None:
        self.rows = rows
        self.reviewed = reviewed
        self.count = len(rows.patients)
        self._behind: tuple[Whole, list[_Behind]] | None = None
        self._known: dict[str, tuple[Whole, Whole] | None] = {}
        self._names: list[str] | None = None

    @property
    def reasons(self) -> Reasons:
        if self.rows.teller is not None:
            return self.rows.teller  # type: ignore[no-any-return]
        courses = self.reviewed.courses
        assert courses is not None
        return courses.reasons

    def said(self, template: str) -> Any:
        """A text with its braces filled: `Coded`, or an Arrow array where it is put together for every row."""
        pieces: list[Any] = []
        for text, name, _, _ in Formatter().parse(template):
            for number, literal in enumerate(text.split(POSSIBLE)):
                if number:
                    places, behind = self._decided()
                    pieces.append(Coded([words.possible for words in behind], places))
                if literal:
                    pieces.append(literal)
            if name:
                field = self._field(name)
                pieces += field.pieces if isinstance(field, Pieced) else [field]
        filled = [piece for piece in pieces if not isinstance(piece, str)]
        if not filled:
            return Coded(("".join(pieces),))
        if len(filled) == 1 and isinstance(of := filled[0], Coded):
            words = ["".join(word if piece is of else piece for piece in pieces) for word in of.words]
            return Coded(words, of.places)
        return pc.binary_join_element_wise(
            *(
                pa.array(piece.words, pa.string()).take(pa.array(piece.places)) if isinstance(piece, Coded) else piece
                for piece in pieces
            ),
            "",
        )  # fmt: skip

    def _field(self, name: str) -> Any:
        """What stands in the place of a brace: a word for all rows, or words for each."""
        if name in self.rows.fields:
            fields = self.rows.fields[name]
            if isinstance(fields, Pieced):
                return fields
            return fields.word if isinstance(fields, Same) else pa.array(fields, pa.string())
        if name == "product" and self.rows.product:
            return self.rows.product
        places, words = self.reasons.words.coded(name, self.rows.at)
        if len(words) == 2 and places.all():  # the first is that for what is not known
            return words[1]
        return Coded(words, places)

    def specimens(self) -> None:
        """None: what is said of specimens is in `of_tests.py`."""

    def grade(self) -> Coded:
        return Coded((self.rows.saying.grade.word,))

    def outcome(self) -> Coded:
        return Coded((self.rows.key.partition(": ")[0] or self.rows.saying.outcome,))

    def value(self) -> Coded:
        return Coded((self.rows.saying.value,)) if self.rows.answers is None else self._of_decision("value")

    def do(self) -> Coded:
        return self._few(self.rows.saying.do)

    def next_dose(self) -> Coded:
        return self._few(words_of(self.rows.saying.effects))

    def _few(self, template: str) -> Coded:
        """A text of which there are few, in a dictionary."""
        said = self.said(template)
        if isinstance(said, Coded):
            return said
        encoded = said.dictionary_encode()
        return Coded(encoded.dictionary.to_pylist(), encoded.indices.to_numpy())

    def by(self) -> Whole | None:
        """The day of each row until which something is to be done, below 1 where there is none."""
        if self.rows.answers is None:
            return None
        days = self.reasons.by_column(self.rows.answers.array.outcome.name)
        return None if days is None else days[self.rows.at]

    def table_rows(self) -> Coded:
        return self._of_decision("rows")

    def edition(self) -> Coded:
        return NOTHING if self.rows.answers is None else Coded((self.rows.answers.edition.key,))

    def sources(self) -> Coded:
        return self._of_decision("sources")

    def remark(self) -> Coded:
        return self._of_decision("remark")

    def would_settle(self) -> Coded:
        if self.rows.answers is None or (self.rows.answers.values[self.rows.places] >= 0).all():
            return NOTHING
        places, behind = self._decided()
        words = [settle_sets(each.settling) for each in behind]
        by_others = np.array([each.by_others for each in behind], np.bool_)[places]
        told: dict[tuple[tuple[str, ...], ...], int] = {}
        own = places.copy()
        for row in np.flatnonzero(by_others).tolist():
            sets = self.reasons.askable(behind[places[row]].settling, int(self.rows.at[row]))
            if sets not in told:
                told[sets] = len(words)
                words.append(settle_sets(sets))
            own[row] = told[sets]
        return Coded(words, own)

    def _of_decision(self, name: str) -> Coded:
        if self.rows.answers is None:
            return NOTHING
        places, behind = self._decided()
        return Coded([getattr(words, name) for words in behind], places)

    def _decided(self) -> tuple[Whole, list[_Behind]]:
        """What is the same for all patients in one box, or in the same bins: worked out once for each."""
        if self._behind is None:
            answers = self.rows.answers
            assert answers is not None
            boxes = answers.boxes[self.rows.places]
            scored = np.flatnonzero(boxes == SCORED)  # each is told by itself
            alike, firsts, places = np.unique(boxes, return_index=True, return_inverse=True)
            places = places.reshape(-1)
            number_of: dict[Any, int] = {}
            listed: list[int] = []
            numbers = np.zeros(len(alike), np.int64)
            for number, (box, first) in enumerate(zip(alike.tolist(), firsts.tolist(), strict=True)):
                if box != SCORED:
                    key = box if box >= 0 else answers.codes(int(self.rows.places[first]))
                    if key not in number_of:
                        number_of[key] = len(listed)
                        listed.append(first)
                    numbers[number] = number_of[key]
            places = numbers[places]
            places[scored] = np.arange(len(scored)) + len(listed)
            listed += scored.tolist()
            behind = [_behind(answers, int(self.rows.places[place]), self.reasons) for place in listed]
            self._behind = places, behind
        return self._behind

    def fact_names(self) -> list[str]:
        """The facts that the findings rest on."""
        if self._names is None:
            self._names = [] if self.rows.answers is None else self.reasons.names_of(self.rows.answers)
        return self._names

    def known(self, name: str) -> tuple[Whole, Whole] | None:
        """Which rows know a fact, and its numbers there, as a table read them; `None` where there is no such column."""
        if name not in self._known:
            column = self.reasons.asker.input(name)
            found = None
            if column is not None:
                numbers = column[self.rows.at]
                rows = np.flatnonzero(numbers != UNKNOWN)
                found = rows, numbers if len(rows) == len(numbers) else numbers[rows]
            self._known[name] = found
        return self._known[name]


@dataclass(frozen=True, slots=True)
class _Behind:
    """What stands behind a decision, the same for everybody in its bins, in words.

    `by_others`: what would settle it is derived from other facts, of which a patient may have some.
    """

    value: str
    rows: str
    sources: str
    remark: str
    possible: str
    settling: tuple[tuple[str, ...], ...]
    by_others: bool


def _behind(answers: Answers, place: int, reasons: Reasons) -> _Behind:
    """What a decision says of its bins: the rows, their sources, the remark, what is possible and would settle it."""
    key = None if answers.boxes[place] == SCORED else (id(answers.array), answers.codes(place))
    behind: _Behind | None = reasons.course.rules.told.get(key) if key else None
    if behind is None:
        decision = reasons.decision(answers, place)
        settling = decision.would_settle if decision.value is None else ()
        behind = _Behind(
            decision.value or UNDETERMINED, "; ".join(decision.rows), "; ".join(map(str, decision.citations)),
            decision.remarks[0] if decision.remarks else "", possible_words(decision), settling,
            any(name in INPUTS_OF for names in settling for name in names),
        )  # fmt: skip
        if key:
            reasons.course.rules.told[key] = behind
    return behind
