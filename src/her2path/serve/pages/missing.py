"""What is missing and what it would change: read off the tables, for every value that it could have."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ...findings.reviews import PatientReview
from ...tables.axis import Axis
from ...tables.decision import Decision
from ...tables.table import CANNOT_HAPPEN
from .tables import in_words

MOST_CHANGES = 8
NOT_TOLD = ("verdict",)
"""Outcomes that only gather the others."""


@dataclass(frozen=True, slots=True)
class Missing:
    """What would settle a question: the facts in words, the question, and by value of the fact what it then is.

    `changes` are (values in words, outcome in words); empty where several facts are needed together. `also` names the
    other questions that the same fact would settle.
    """

    facts: str
    question: str
    changes: Sequence[tuple[str, str]] = ()
    also: Sequence[str] = ()


def missing_of(review: PatientReview) -> list[Missing]:
    """What would settle the open questions of a patient; a fact that settles several is told once, with the first."""
    listed: list[Missing] = []
    by_facts: dict[str, int] = {}
    for question, decision, askable in _open(review):
        if not askable:
            continue
        fewest = min(askable, key=len)
        facts = " and ".join(in_words(name) for name in fewest)
        others = sorted(" and ".join(map(in_words, names)) for names in askable if names != fewest and len(names) == 1)
        if facts in by_facts:
            place = by_facts[facts]
            held = listed[place]
            also = tuple(dict.fromkeys([*held.also, question]))
            listed[place] = Missing(held.facts, held.question, held.changes, also)
            continue
        by_facts[facts] = len(listed)
        changes = list(_changes(decision, fewest[0])) if len(fewest) == 1 and fewest[0] in decision.array.place else []
        asked = facts + (f" (or {', or '.join(others[:2])})" if others else "")
        listed.append(Missing(asked, question, changes))
    return listed


def _open(review: PatientReview) -> Iterator[tuple[str, Decision, Sequence[tuple[str, ...]]]]:
    for specimen in review.specimens:
        for decision in (specimen.status, specimen.expression):
            if decision is not None and decision.value is None and not decision.contradictory:
                yield f"{in_words(decision.outcome)} of {specimen.name}", decision, decision.would_settle
    if review.course is None:
        return
    found = review.course.standing
    told = {finding.key.rpartition(": ")[0] for finding in review.course.findings}
    for key, decision in found.decisions.items():
        is_open = decision.value is None or decision.value in decision.array.outcome.open_values
        if is_open and not decision.contradictory and key not in NOT_TOLD and (key in told or decision.value is None):
            yield in_words(key), decision, found.askable(decision.would_settle)


def _changes(decision: Decision, name: str) -> Iterator[tuple[str, str]]:
    """By value of one fact what the decision would be, neighbouring values joined."""
    place = decision.array.place[name]
    axis = decision.array.axes[place]
    now = axis.bins_of(decision.codes[place])
    groups: list[tuple[list[int], str]] = []
    for code in now if len(now) > 1 else axis.real:
        codes = (*decision.codes[:place], code, *decision.codes[place + 1 :])
        situation = decision.array.situation(codes)
        outcomes = [value for value in situation.outcomes if value != CANNOT_HAPPEN]
        if not outcomes:
            continue
        rows = [decision.array.table.rows[row].name for row in situation.rows]
        words = " or ".join(outcomes)
        told = f"{words} (row {', '.join(rows)})" if len(rows) <= 3 else words
        same = next((group for group in groups if group[1] == told), None)
        if same is None:
            groups.append(([code], told))
        else:
            same[0].append(code)
    for codes_of, told in groups[:MOST_CHANGES]:
        yield _values(axis, codes_of), told


def _values(axis: Axis, codes: Sequence[int]) -> str:
    words = axis.words(codes).removeprefix(axis.fact.name).strip().removeprefix("is ")
    return words or "any value"
