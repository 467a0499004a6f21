"""What stands behind the findings of a batch: decisions, facts in words and rows of the record, for whoever asks."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np

from ...facts.arithmetic import RULES
from ...history.course_facts import values_met
from ...history.sources import Origins
from ...record.columns import UNKNOWN, Whole
from ...tables.decision import Decision, Ground, decide_in, said_of
from ..bearing import Bearing
from ..effects import words_of
from ..finding import Finding, in_order
from ..questions import NOT_NO, UNDETERMINED, Saying
from ..rows import FindingRows, fields_of
from .answers import SCORED, Answers, Asker
from .columns import CourseFacts
from .words import Words

BY_DAY = {"echo_status": "echo_due_day", "hold_status": "latest_recovery_day", "dose_status": "next_dose_day"}
"""The day by which what an outcome asks for is to be done."""
INPUTS_OF = {rule.result: rule.inputs for rule in RULES}
POSSIBLE = "[possible]"


@dataclass(slots=True)
class Reasons:
    """What stands behind the findings of a batch, and how to tell it."""

    course: CourseFacts
    asker: Asker
    words: Words
    sources: Origins
    rows: list[FindingRows] = field(default_factory=list)
    _bearing: Bearing | None = None

    @property
    def bearing(self) -> Bearing:
        """How the findings bear on the next doses, once all of them are made."""
        if self._bearing is None:
            self._bearing = Bearing(self.course, self.rows)
        return self._bearing

    def keep_rows(self, rows: list[FindingRows]) -> None:
        """Go on with these rows of findings; those without a patient are dropped."""
        self.rows = [each for each in rows if len(each.patients)]
        self._bearing = None

    def decision(self, answers: Answers, place: int) -> Decision:
        """The decision behind one answer, with the facts of the patient."""
        rules, patient = self.course.rules, int(answers.asked[place])
        outcome = answers.array.outcome.name
        about = answers.key.partition(" of ")[2]
        given = self.asker.given(outcome, answers.edition, patient, {"product": about} if about else {})
        for name in given.unknown:
            given.unknown[name] = self.course.reasons.get(patient, {}).get(name, given.unknown[name])
        if answers.boxes[place] == SCORED:
            return decide_in(outcome, given, rules.knowledge, answers.edition)
        ground = Ground(given, rules.knowledge, answers.edition, frozenset(), ())
        return said_of(answers.array, answers.codes(place), ground)

    # -- one patient ------------------------------------------------------------------------

    def findings(self, patient: int) -> list[Finding]:
        """Every finding of a patient's course, the gravest first."""
        findings = []
        for rows in self.rows:
            for place in _places(rows.patients, patient):
                findings.append(self.finding(rows, place))
        return in_order(findings)

    def finding(self, rows: FindingRows, place: int) -> Finding:
        """One row as a finding."""
        if rows.teller is not None and rows.teller is not self:
            return rows.teller.finding(rows, place)  # type: ignore[no-any-return]
        saying, patient = rows.saying, int(rows.at[place])
        if rows.answers is None:
            origins = self.course.record.origins
            listed = tuple(dict.fromkeys(origins[int(self.course.record.origin[row])] for row in rows.origins[place]))
            say, do = (self.said(text, rows, place) for text in (saying.say, saying.do))
            return Finding(
                saying.grade, say, listed, rows.key, do, name=saying.value,
                next_dose=self.said(words_of(saying.effects), rows, place),
            )  # fmt: skip
        decision = self.decision(rows.answers, int(rows.places[place]))
        say, do = (self.said(text, rows, place) for text in (saying.say, saying.do))
        if decision.value is None:
            say = say.replace(POSSIBLE, possible_words(decision))
        names = self.names_of(rows.answers)
        used = tuple((name, self._fact_words(name, patient, rows)) for name in names if name in decision.given.values)
        return Finding(
            saying.grade, say, self._origins_of([name for name, _ in used], patient),
            f"{rows.key}: {decision.value or UNDETERMINED}", do, self._by(rows.answers.array.outcome.name, patient),
            tuple(decision.rows), tuple(decision.citations), used,
            self._askable(decision, patient) if decision.value is None else (),
            decision.remarks[0] if decision.remarks else "", decision.edition.key,
            next_dose=self.said(words_of(saying.effects), rows, place),
        )  # fmt: skip

    @staticmethod
    def names_of(answers: Answers) -> list[str]:
        """The facts that an answer's tables read; of a score those that give its points."""
        points = {score.fact: score.inputs for score in answers.edition.scores.values()}
        names: dict[str, None] = {}
        for axis in answers.array.axes:
            names |= dict.fromkeys(points.get(axis.fact.name, (axis.fact.name,)))
        return list(names)

    def said(self, template: str, rows: FindingRows, place: int) -> str:
        """A text with its braces filled."""
        names = fields_of(template)
        if not names:
            return template
        if rows.teller is not None and rows.teller is not self:
            return rows.teller.said(template, rows, place)  # type: ignore[no-any-return]
        patient = int(rows.at[place])
        filled = {}
        for name in names:
            if name in rows.fields:
                filled[name] = rows.fields[name][place]
            elif name == "product" and rows.product:
                filled[name] = rows.product
            else:
                filled[name] = self.words.text(name, patient)
        return template.format_map(filled)

    def _fact_words(self, name: str, patient: int, rows: FindingRows) -> str:
        return rows.product if name == "product" and rows.product else self.words.text(name, patient)

    def _by(self, outcome: str, patient: int) -> dt.date | None:
        number = self.by_column(outcome)
        return None if number is None or number[patient] < 1 else dt.date.fromordinal(int(number[patient]))

    def by_column(self, outcome: str) -> Whole | None:
        """The day by which an outcome asks for something, by patient; `None` where it names none."""
        name = BY_DAY.get(outcome)
        return None if name is None else self.course.clocks.get(name)

    def _origins_of(self, names: list[str], patient: int) -> tuple[str, ...]:
        record = self.course.record
        rows = [row for name in names for row in self.rows_of(name, patient)]
        return tuple(dict.fromkeys(record.origins[int(record.origin[row])] for row in rows))

    def rows_of(self, name: str, patient: int) -> list[int]:
        """The rows of the record that a fact of a patient was read from."""
        latest = self.course.latest.rows.get(name)
        if latest is not None and latest[patient] >= 0:
            return [int(latest[patient])]
        rows: list[int] = []
        for source in self.sources.by_fact.get(name, ()):
            starts, listed = self.sources.of(source)
            rows += listed[starts[patient] : starts[patient + 1]].tolist()
        return rows

    def _askable(self, decision: Decision, patient: int) -> tuple[tuple[str, ...], ...]:
        """What would settle a decision, in facts that can be asked for: derived ones by what they are derived from."""
        return self.askable(decision.would_settle, patient)

    def askable(self, settling: tuple[tuple[str, ...], ...], patient: int) -> tuple[tuple[str, ...], ...]:
        """Sets of facts that would settle something, in facts that can be asked for."""
        sets = []
        for names in settling:
            asked: dict[str, None] = {}
            for name in names:
                inputs = [fact for fact in INPUTS_OF.get(name, ()) if self.course.column(fact)[patient] == UNKNOWN]
                asked |= dict.fromkeys(inputs or [name])
            sets.append(tuple(asked))
        return tuple(dict.fromkeys(sets))


def possible_words(decision: Decision) -> str:
    """What a decision leaves possible, in words."""
    return " or ".join(decision.possible) or "nothing: the facts contradict each other"


def _places(patients: Whole, patient: int) -> list[int]:
    """The places of a patient in a sorted column."""
    if len(patients) == 1:
        return [0] if patients[0] == patient else []
    first = int(np.searchsorted(patients, patient))
    places = []
    while first < len(patients) and patients[first] == patient:
        places.append(first)
        first += 1
    return places


def rows_of_answers(reasons: Reasons, sayings: Mapping[tuple[str, str], Saying]) -> Iterator[FindingRows]:
    """What the answers of a batch mean, by `findings.md`."""
    for key, parts in reasons.asker.answers.items():
        outcome = key.partition(" of ")[0]
        for answers in parts:
            values = answers.array.outcome.values
            for place in values_met(answers.values, len(values)):
                if (saying := sayings.get((outcome, values[place]))) is not None:
                    yield _chosen(saying, answers.key, answers, (answers.values == place).nonzero()[0])
            yield from _undetermined(answers.key, outcome, answers, sayings, reasons)


def _undetermined(
    key: str, outcome: str, answers: Answers, sayings: Mapping[tuple[str, str], Saying], reasons: Reasons
) -> Iterator[FindingRows]:
    open_, not_no = sayings.get((outcome, UNDETERMINED)), sayings.get((outcome, NOT_NO))
    if open_ is None and not_no is None:
        return
    places = (answers.values < 0).nonzero()[0]
    if not len(places):
        return
    if not_no is not None:
        may_be_no = np.array([_may_be(answers, place, "no", reasons) for place in places.tolist()], np.bool_)
        if (~may_be_no).any():
            yield _chosen(not_no, key, answers, places[~may_be_no])
        places = places[may_be_no]
    if open_ is not None and len(places):
        yield _chosen(open_, key, answers, places)


def _may_be(answers: Answers, place: int, value: str, reasons: Reasons) -> bool:
    """Whether an outcome that is open may still be a value."""
    box = int(answers.boxes[place])
    if box == SCORED:
        return value in reasons.decision(answers, place).possible
    if box < 0:
        return value in answers.array.situation(answers.codes(place)).outcomes
    bit = answers.array.outcome.values.index(value)
    return bool(int(answers.array.value_masks()[box]) >> bit & 1)


def _chosen(saying: Saying, key: str, answers: Answers, places: Whole) -> FindingRows:
    return FindingRows(saying, answers.asked[places], key, answers, places)
