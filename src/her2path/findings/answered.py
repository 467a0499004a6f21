"""The proof that no question stays empty for lack of a row: every product has an answer to what is asked of it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

from ..facts.problem import AskedWrongly, Problem
from ..tables.edition import JURISDICTIONS
from ..tables.library import Knowledge
from .questions import ORDERED, Question, findings_path, read_questions

PRODUCT = "product"


def prove_answered(knowledge: Knowledge) -> list[Problem]:
    """A problem for each question that some product has no edition for, in some jurisdiction."""
    return list(_unanswered(knowledge))


def unanswered(knowledge: Knowledge, outcome: str, jurisdiction: str) -> list[str]:
    """The products that an outcome has no edition for; none where no edition of it is for a product alone."""
    if knowledge.scopes_of(outcome) != (PRODUCT,):
        return []
    return [
        product
        for product in knowledge.facts[PRODUCT].values
        if not _has_edition(knowledge, outcome, product, jurisdiction)
    ]


def _has_edition(knowledge: Knowledge, outcome: str, product: str, jurisdiction: str) -> bool:
    try:
        knowledge.in_force(outcome, {PRODUCT: product}, dt.date.max, jurisdiction)
    except AskedWrongly:
        return False
    return True


def _asked_of(question: Question, knowledge: Knowledge) -> tuple[str, ...]:
    """The products that a question may be asked of: those that its conditions name, else every one."""
    products = knowledge.facts[PRODUCT].values
    if question.about and question.about != ORDERED:
        return (question.about,)
    named = dict(question.when).get(ORDERED if question.about else PRODUCT, ())
    return tuple(name for name in named if name in products) or products


def _unanswered(knowledge: Knowledge) -> Iterator[Problem]:
    path = findings_path(knowledge.folder)
    decided = {name for edition in knowledge.editions for name in edition.tables}
    asked: dict[str, set[str]] = {}
    for question in read_questions(knowledge.folder):
        asked.setdefault(question.outcome, set()).update(_asked_of(question, knowledge))
    for outcome, products in asked.items():
        if outcome not in decided:
            continue
        for jurisdiction in (each for each in JURISDICTIONS if each != "any"):
            missing = [product for product in unanswered(knowledge, outcome, jurisdiction) if product in products]
            if missing:
                what = f"{outcome} is asked and has no answer in {jurisdiction} for {', '.join(missing)}"
                advice = "give each an edition: a row of its label, or one that says that the label has no rule"
                yield Problem(path, 1, "no answer", what, advice)
