"""The review of courses: from the columns of a record to facts, decisions and findings, for one patient or a million.

    timeline -> folds -> facts -> questions of stage 1 -> clocks -> questions of stage 2 -> findings -> verdict

One patient is a batch of one. The questions and what their answers mean are `findings.md`'s; the rules are the tables'.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ...history import clocks
from ...history.course_facts import COMPLETED, known
from ...history.evidence import rows_of_her2_drugs
from ...history.names import NAMED, NO, YES
from ...history.sources import Origins
from ...record.columns import UNKNOWN, Flags, RecordColumns, Whole
from ...record.event import NOT_KNOWN
from ..doses.judged import Judged, findings_of, judge
from ..doses.reduced import lay_reductions
from ..effects import Strength
from ..finding import Finding
from ..questions import OF_ALL_FINDINGS
from ..rows import FindingRows
from .answers import Asker
from .columns import CourseFacts
from .course_doubts import CourseDoubts
from .entry_doubts import EntryDoubts
from .evidence_doubts import EvidenceDoubts
from .facts import facts_of
from .reasons import Reasons, rows_of_answers
from .rules import Rules
from .safety import safety
from .standing import Standing
from .words import Words

OF_THE_DEAD = ("record_doubt", "unsafe_dose", "her2_basis", "verdict")
"""What is still asked of a patient who died."""


@dataclass(slots=True)
class Courses:
    """The courses of a batch, reviewed: `mine` marks the patients who have one to be told of, `judged` holds the
    answers to each dose and order."""

    reasons: Reasons
    mine: Flags
    judged: Judged

    @property
    def rows(self) -> list[FindingRows]:
        return self.reasons.rows

    def standing(self, patient: int) -> Standing:
        """Where the course of one patient stands."""
        return Standing(self.reasons, patient)

    def verdict_places(self) -> Whole:
        """The verdict on the drug in hand of each patient: its place among the values of the fact and one more, 0 where
        the facts leave it open."""
        column = self.reasons.asker.outcomes.get("verdict")
        if column is None:
            return np.zeros(len(self.mine), np.int64)
        places: Whole = np.where(known(column), column + 1, 0)
        return places

    def findings(self, patient: int) -> list[Finding]:
        """The findings of one patient's course, the gravest first."""
        return self.reasons.findings(patient) if self.mine[patient] else []


def review_courses(
    record: RecordColumns, rules: Rules, her2: Mapping[str, Whole], mine: Flags | None = None
) -> Courses:
    """Review the courses of a batch.

    `her2` holds by patient what the review of the specimens decided: `her2_status`, `her2_expression`, `tumour_site`,
    `ihc_score` (places among the values of each fact) and `first_result_day`. `mine` marks whose course is told.
    """
    count = len(record)
    course = facts_of(record, rules, her2)
    judged = judge(course)
    asker = Asker(rules, course.numbered, course.values, count)
    alive = rules.knowledge.facts["alive"].values
    dead = course.values["alive"] == alive.index("no")
    is_dead = dead if dead.any() else None
    mine = np.ones(count, np.bool_) if mine is None else mine
    for stage in (1, 2):
        for question in rules.questions:
            if question.stage == stage:
                asker.ask(question, is_dead if question.outcome not in OF_THE_DEAD else None)
        if stage == 1:
            _wind(course, asker)
            lay_reductions(course, judged, asker)
    words = Words(
        rules.knowledge.facts.by_name, course.numbered, asker.outcomes, course.values, course.state, course.clocks
    )
    sources = Origins(record, course.timeline, course.state, rules.on.toordinal(), rules.codes)
    doubts = rules.doubts
    reasons = Reasons(course, asker, words, sources)
    for rows in (
        *rows_of_answers(reasons, rules.sayings),
        *findings_of(judged, mine),
        *EvidenceDoubts(course, asker.outcomes, sources, doubts, mine).rows(),
        *safety(course, doubts, mine),
        *EntryDoubts(course, asker.outcomes, sources, doubts, mine).rows(),
        *CourseDoubts(course, asker.outcomes, sources, doubts, mine).rows(),
    ):
        reasons.rows.append(rows if rows.answers is None or mine.all() else rows.where(mine[rows.patients]))
    _judge(course, asker, reasons)
    return Courses(reasons, mine, judged)


def _for_a_dose_to_come(rows: FindingRows, strongest: Whole) -> FindingRows:
    """Rows without those that call for a dose, or change it, of patients who are to have none of that drug."""
    effects = rows.saying.effects
    if not effects or rows.product or any(effect.strength > Strength.CHANGES for effect in effects):
        return rows
    return rows.where(strongest[rows.patients] < Strength.REPLACES)


def _judge(course: CourseFacts, asker: Asker, reasons: Reasons) -> None:
    """What all findings together mean for the next dose of the drug in hand.

    Rows that are dropped leave the strongest effect as it is: their own is weaker than what they are dropped for.
    """
    strongest = reasons.bearing.strength(reasons.bearing.in_hand)
    reasons.keep_rows([_for_a_dose_to_come(rows, strongest) for rows in reasons.rows])
    course.lay({"next_dose_effect": reasons.bearing.effect(strongest), "order_effect": reasons.bearing.order()})
    for question in course.rules.questions:
        if question.stage == OF_ALL_FINDINGS:
            asker.ask(question, None)


def _wind(course: CourseFacts, asker: Asker) -> None:
    """The clocks that need an answer of the tables: the next LVEF, and contraception."""
    rules, state, on = course.rules, course.state, course.rules.on.toordinal()
    facts, nothing = rules.knowledge.facts, course.nothing
    interval = asker.outcomes.get("echo_interval")
    if interval is not None and known(interval).any():
        values, repeats = facts["echo_interval"].values, facts["echo_recheck"].values
        recheck = asker.outcomes.get("echo_recheck", nothing)
        completed = course.values["therapy_phase"] == COMPLETED
        tolerance = rules.site.echo_tolerance_days
        columns = clocks.echo_clock(state, interval, values, on, tolerance, recheck, repeats, completed)
        asked = known(interval)
        columns = {name: np.where(asked, column, UNKNOWN) for name, column in columns.items()}
        course.clocks |= columns
        course.lay(columns)
        endless = ~known(columns["echo_due_day"]) & asked
        if endless.any():
            has_no_end = np.array([clocks.span(words) is None for words in values], np.bool_)
            endless &= has_no_end[np.where(asked, interval, 0)]
            course.values["echo_days_overdue"] = np.where(endless, NAMED, course.values["echo_days_overdue"])
    months = asker.outcomes.get("contraception_months")
    if months is None:
        return
    asked = known(months) & (~course.of_statement | course.ended_by_statement)
    if not asked.any():
        return
    until, stated = _longest_washout(course, asker, asked, on)
    within = np.where(known(until), np.where(on < until, YES, NO), UNKNOWN)
    course.clocks |= {"contraception_until_day": until}
    course.lay({"contraception_until_day": until, "within_washout": within})
    conceived = np.where(stated, clocks.conception(state, until, rules.codes.numbers), UNKNOWN)
    course.fill({"conceived_in_washout": conceived})


def _longest_washout(course: CourseFacts, asker: Asker, asked: Flags, on: int) -> tuple[Whole, Flags]:
    """Until when contraception is needed after the last dose of each product given, the longest counts; and for whom
    the tables state it."""
    values = course.rules.knowledge.facts["contraception_months"].values
    until, stated = course.nothing, np.zeros(len(course), np.bool_)
    ended = course.ended_by_statement
    for product, given in clocks.last_days(course.state, course.rules.codes):
        last = np.where(ended & known(given), np.maximum(given, course.state["stop_day"]), given)
        chosen = np.flatnonzero(asked & known(last))
        if not len(chosen):
            continue
        for answers in asker.answers_of("contraception_months", chosen, "", {"product": product}):
            ends = clocks.washout_clock(last[answers.asked], answers.column, values, on)["contraception_until_day"]
            until[answers.asked] = np.maximum(until[answers.asked], ends)
            stated[answers.asked] |= answers.values >= 0
    return until, stated


def is_treated(record: RecordColumns, rules: Rules) -> Flags:
    """Who has any event of a HER2-directed product, whichever of them it is."""
    products = np.array([name in rules.codes.products for name in record.products], np.bool_)
    treated = np.zeros(len(record), np.bool_)
    if len(record.product):
        forms = record.forms()
        rows = forms.each(products[forms.product]) | rows_of_her2_drugs(record, but=(NOT_KNOWN,))
        treated[record.owner()[rows]] = True
    return treated
