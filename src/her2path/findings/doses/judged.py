"""Every dose and order put to the tables, and what is to be told of them as findings.

The points are the questions of stage 0 in `findings.md`. Doses that no table can tell apart are asked once; those of
which something is said are asked again by themselves, so that a finding has the facts of its own dose.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from ...history.latest import Latest
from ...history.names import NO, YES
from ...history.sources import Origins
from ...record.columns import UNKNOWN, Flags, Whole
from ...tables.array import Array
from ..course.answers import Asker
from ..course.columns import CourseFacts
from ..course.reasons import Reasons, rows_of_answers
from ..course.rules import Rules
from ..course.words import Words
from ..questions import EACH_DOSE, UNDETERMINED, WORDS_OF_DOSES, Question
from ..rows import FindingRows, fields_of
from .administrations import ORDERED, SUPERSEDED, Administrations, administrations_of
from .due import Due, asked, due_of, kinds_of, remembered
from .facts import IN_HAND, Columns, facts_of_doses
from .toxicity import toxicity_of
from .words import DoseWords, WordsOfRows

USES, NOT_IN_LABEL = "labelled_schedule", "not in this label"
MIXUP = "product_mixup"
STATE = "administration"
OF_DOSES = "what is asked of doses"
NOT_ASKED = np.int16(-9)
"""Instead of an answer: the question is not for this dose or order."""


@dataclass(slots=True)
class Judged:
    """The doses and orders of a batch, judged: `made`, what was `due`, their `facts`, and by question the `answers`, a
    place among the values of its outcome each (below 0: not settled)."""

    course: CourseFacts
    made: Administrations
    due: Due
    facts: Columns
    answers: dict[str, npt.NDArray[np.int16]]

    def of(self, patient: int) -> list[dict[str, Any]]:
        """The doses and orders of one patient: day, drug, amount in mg, and the answer to each point."""
        facts, codes = self.course.rules.knowledge.facts, self.course.rules.codes
        words = DoseWords(self.course, self.made, self.due, self.facts)
        first, last = np.searchsorted(self.made.patient, [patient, patient + 1]).tolist()
        told = []
        listed = np.arange(first, last)
        days, amounts = words.texts("on_day", listed), words.texts("amount", listed)
        for place in range(first, last):
            points = {
                name: facts[name].values[int(column[place])] if column[place] >= 0 else UNDETERMINED
                for name, column in self.answers.items()
                if column[place] != NOT_ASKED
            }
            told.append(
                {
                    "day": days[place - first], "product": codes.products[self.made.drug[place]],
                    "administration": facts["administration"].values[self.made.state[place]],
                    "amount": amounts[place - first], "points": points,
                }
            )  # fmt: skip
        return told


def judge(course: CourseFacts) -> Judged:
    """Judge every dose and order of a batch."""
    made = administrations_of(course)
    due = due_of(course, made)
    facts = facts_of_doses(course, made, due)
    facts |= _of_kinds(course, facts)
    facts |= toxicity_of(course, made)
    judged = Judged(course, made, due, facts, {})
    if len(made):
        _answer(judged)
        _of_last_dose(judged)
    return judged


def _of_last_dose(judged: Judged) -> None:
    """How far the last dose of the drug in hand was off, as a fact of the patient."""
    made, state = judged.made, judged.course.state
    last = ~made.is_order & (made.drug == state["product"][made.patient])
    last &= made.day == state["product_last_day"][made.patient]
    column = judged.course.nothing
    column[made.patient[last]] = judged.facts["dose_off_percent"][last]
    judged.course.lay({"dose_off_percent": column})


def _of_kinds(course: CourseFacts, facts: Columns) -> Columns:
    """What the label says of the use, and of a drug beside that in hand, each kind asked once."""
    if not len(facts["product"]):
        return {}
    count = len(course.rules.codes.products)
    setting, site = (np.maximum(facts[name], -1) + 1 for name in ("setting", "tumour_site"))
    first, kind = kinds_of([(facts["product"], count), (setting, 5), (site, 4)])
    use = {name: facts[name][first] for name in ("product", "setting", "tumour_site")}
    used = remembered(
        course, USES, list(use.values()),
        lambda new: asked(course, USES, {name: column[new] for name, column in use.items()}),
    )  # fmt: skip
    hand, meant = facts[IN_HAND], facts["switch_intended"]
    one, which = kinds_of([(facts["product"], count), (hand, count), (np.maximum(meant, 0), 3)])
    mix = {"product": hand[one], "ordered_product": facts["product"][one], "switch_intended": meant[one]}
    mixed = remembered(
        course, MIXUP, list(mix.values()),
        lambda new: asked(course, MIXUP, {name: column[new] for name, column in mix.items()}),
    )  # fmt: skip
    values = course.rules.knowledge.facts[USES].values
    is_named = np.where(used == values.index(NOT_IN_LABEL), NO, np.where(used >= 0, YES, UNKNOWN))
    return {"use_in_label": is_named[kind], MIXUP: mixed[which]}


def _questions(course: CourseFacts) -> list[Question]:
    return [question for question in course.rules.questions if question.stage == EACH_DOSE]


def _asked_of_doses(rules: Rules) -> list[tuple[Question, Array, set[int]]]:
    """The questions that an edition answers, each with its table and the states that it is asked of (none for any)."""
    found = rules.told.get(OF_DOSES)
    if found is None:
        found = []
        for question in (each for each in rules.questions if each.stage == EACH_DOSE):
            edition = rules.edition(question.outcome, {})
            if edition is not None:
                states = {place for name, _, places in rules.conditions(question) if name == STATE for place in places}
                found.append((question, rules.knowledge.array(edition, question.outcome), states))
        rules.told[OF_DOSES] = found
    return found


def _answer(judged: Judged) -> None:
    """The answer to each question of every dose and order; those of orders alone are asked of these alone."""
    course, facts, count = judged.course, judged.facts, len(judged.made)
    bins: dict[tuple[bool, int], Whole] = {}
    (orders,) = judged.made.is_order.nonzero()
    of_orders = {name: column[orders] for name, column in facts.items()}
    for question, array, wanted in _asked_of_doses(course.rules):
        alone = bool(wanted) and wanted <= {ORDERED, SUPERSEDED}
        columns = of_orders if alone else facts
        box = np.zeros(len(orders) if alone else count, np.int64)
        for axis, stride in zip(array.axes, array.strides, strict=True):
            column = columns.get(axis.fact.name)
            if column is None:
                box += axis.unknown * stride
                continue
            key = alone, axis.likeness
            if key not in bins:
                bins[key] = course.rules.bins(axis).of(column)
            box += bins[key] * stride
        found = array.answers.ravel()[box]
        answers = np.full(count, NOT_ASKED, np.int16)
        if alone:
            answers[orders] = found
        else:
            asked = ~judged.made.is_order if wanted and not wanted & {ORDERED, SUPERSEDED} else True
            answers = np.where(asked, found, answers)
        judged.answers[question.key] = answers


def findings_of(judged: Judged, mine: Flags) -> Iterator[FindingRows]:
    """What is to be told of the doses and orders of the patients whose course is told, and who live."""
    course, made = judged.course, judged.made
    sayings = course.rules.sayings
    told = np.zeros(len(made), np.bool_)
    for key, answers in judged.answers.items():
        values = course.rules.knowledge.facts[key].values
        speaks = np.zeros(len(values) + 10, np.bool_)  # what is not settled or asked counts from the end
        speaks[: len(values)] = [(key, value) in sayings for value in values]
        speaks[[-1, -2]] = (key, UNDETERMINED) in sayings
        told |= speaks[answers]
    alive = course.column("alive")[made.patient] != NO
    (units,) = (told & alive & mine[made.patient]).nonzero()
    if not len(units):
        return
    facts = {name: column[units] for name, column in judged.facts.items() if name in course.rules.knowledge.facts}
    asker = Asker(course.rules, course.numbered, facts, len(units))
    for question in _questions(course):
        asker.ask(question)
    rows = dict.fromkeys(facts, made.row[units])
    own = CourseFacts(
        course.record, course.rules, course.numbered, course.timeline, Latest(facts, rows), {}, {}, facts, course.holds
    )
    words = Words(course.rules.knowledge.facts.by_name, course.numbered, asker.outcomes, facts, {}, {})
    origins = Origins(course.record, course.timeline, course.state, course.rules.on.toordinal(), course.rules.codes)
    origins.by_fact = {}  # each fact is of the row of its dose
    teller = Reasons(own, asker, words, origins)
    in_words = DoseWords(course, made, judged.due, judged.facts)
    for found in rows_of_answers(teller, sayings):
        yield _of_units(found, units, made, teller, in_words)


def _of_units(
    found: FindingRows, units: Whole, made: Administrations, teller: Reasons, in_words: DoseWords
) -> FindingRows:  # fmt: skip
    """Findings on places among `units` as findings on patients, with the words of each dose."""
    saying, mine = found.saying, units[found.patients]
    names = fields_of(" ".join((saying.say, saying.do, *(effect.words for effect in saying.effects))))
    fields = WordsOfRows(in_words, mine, [name for name in names if name in WORDS_OF_DOSES])
    return replace(
        found, patients=made.patient[mine], units=found.patients, teller=teller, drugs=made.drug[mine], fields=fields
    )
