"""Which of the review's questions a feed answers: every batch reviewed, counted by question and what is missing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import numpy as np

from ..findings.course.answers import SCORED, Answers, Asker
from ..findings.course.review import Courses
from ..findings.doses.judged import NOT_ASKED
from ..findings.patient import Reviewed
from ..findings.questions import EACH_DOSE, Question, questions_of_feeds
from ..record.columns import UNKNOWN, Flags
from ..tables.axis import Code
from ..tables.library import Knowledge
from .seen import Seen

OF_TESTS = ("her2_status", "her2_expression")
"""Asked of the tests of each specimen; all others are asked of the course."""


def count_questions(reviewed: Reviewed, knowledge: Knowledge, seen: Seen) -> None:
    """Count what a reviewed batch answers."""
    _count_tests(reviewed, seen)
    courses = reviewed.courses
    questions = questions_of_feeds(knowledge.folder)
    for question in questions:
        seen.question(question.key)
    if courses is None:
        return
    asker = courses.reasons.asker
    for key, names in _asked_by(each for each in questions if each.stage != EACH_DOSE).items():
        _count_known(key, names, asker, courses.mine, seen)
    _count_doses(courses, seen)
    asked = {question.key for question in questions}
    for key, listed in asker.answers.items():
        for answers in listed if key in asked else ():
            _count_answers(answers, asker, courses.mine, seen)


def _count_tests(reviewed: Reviewed, seen: Seen) -> None:
    """The status and the expression of everybody with a test."""
    counts = np.bincount(reviewed.tested.places, minlength=len(reviewed.tested.reviews)).tolist()
    for review, count in zip(reviewed.tested.reviews, counts, strict=True):
        if not count:
            continue
        for name in OF_TESTS:
            question = seen.question(name)
            question.known["ihc_score or ish_result"] += count if review.has_tests else 0
            if not review.has_tests or (name == "her2_expression" and review.site != "breast"):
                continue
            question.asked += count
            value = review.status if name == "her2_status" else review.expression
            if value is not None:
                question.answered += count
                continue
            lacking: Counter[str] = Counter()
            for specimen in review.specimens:
                decision = specimen.status if name == "her2_status" else specimen.expression
                lacking.update(_smallest(decision.would_settle) if decision is not None else ())
            question.missing.update(dict.fromkeys(lacking, count))


def _count_doses(courses: Courses, seen: Seen) -> None:
    """What is asked of each dose and order, by patient: answered where every one of hers is."""
    patients, mine = courses.judged.made.patient, courses.mine
    for key, answers in courses.judged.answers.items():
        held, asked, is_open = seen.question(key), np.zeros(len(mine), np.bool_), np.zeros(len(mine), np.bool_)
        asked[patients[answers != NOT_ASKED]] = True
        is_open[patients[(answers < 0) & (answers != NOT_ASKED)]] = True
        held.asked += int((asked & mine).sum())
        held.answered += int((asked & ~is_open & mine).sum())
        held.known["administration"] += int((asked & mine).sum())


def _asked_by(questions: Iterable[Question]) -> dict[str, list[str]]:
    """The facts that each question is asked by."""
    names: dict[str, dict[str, None]] = {}
    for question in questions:
        names.setdefault(question.key, {}).update(dict.fromkeys(name for name, _ in question.when))
    return {key: list(listed) for key, listed in names.items()}


def _count_known(key: str, names: Iterable[str], asker: Asker, mine: Flags, seen: Seen) -> None:
    """How many patients have each fact that a question is asked by."""
    for name in names:
        column = asker.value(name)
        seen.question(key).known[name] += 0 if column is None else int((column[mine] != UNKNOWN).sum())


def _smallest(sets: Iterable[Iterable[str]]) -> list[str]:
    """The smallest of some sets of facts, of equal ones the first in the alphabet."""
    return min((sorted(names) for names in sets), key=lambda names: (len(names), names), default=[])


def _count_answers(answers: Answers, asker: Asker, mine: Flags, seen: Seen) -> None:
    held = seen.question(answers.key)
    told = np.flatnonzero(mine[answers.asked])
    held.asked += len(told)
    held.answered += int((answers.values[told] >= 0).sum())
    kinds: Counter[tuple[Code, ...] | int] = Counter()
    for place in told[answers.values[told] < 0].tolist():
        if int(answers.boxes[place]) == SCORED:
            kinds[-1] += 1
        else:
            kinds[answers.codes(place)] += 1
    for codes, count in kinds.items():
        if isinstance(codes, int):
            names = [axis.fact.name for axis in answers.array.axes if asker.input(axis.fact.name) is None]
        else:
            names = _smallest(answers.array.would_settle(codes))
        for name in names:
            held.missing[name] += count
