"""The decisions on the facts of one specimen, with the findings that follow from them alone.

Decisions are kept, since the same facts come again and again; for facts with numbers, which seldom do, what
follows from the bins the numbers fall in is kept.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from ...facts.derive import MOST_KEPT, Given, prepare
from ...facts.value import Value
from ...tables.array import Array
from ...tables.decision import By, Decision, Ground, Said, decision_of, ground_of, look_up_together
from ...tables.edition import Edition
from ...tables.library import Knowledge
from ..course.words import words_of
from ..finding import Finding, Grade
from ..questions import UNDETERMINED

SHOWN = ("her2_status", "her2_expression", "her2_next_step")
STEPS = (*SHOWN, "her2_discordance")
"""The outcomes decided for a specimen; the last is told as a finding only."""


@dataclass(slots=True)
class Decided:
    """The decisions shown of one set of facts, with the findings that follow from all decisions on it."""

    given: Given
    decisions: dict[str, Decision]
    findings: tuple[Finding, ...]


class Decider:
    """Decides sets of facts; equal facts under the same edition are decided once."""

    def __init__(self, knowledge: Knowledge) -> None:
        self.knowledge = knowledge
        self._decided: dict[tuple[Any, ...], Decided] = {}
        self._told: dict[By, tuple[Finding, ...]] = {}
        self._steps_of: dict[str, tuple[str, ...]] = {}
        self._names_of: dict[Array, tuple[str, ...]] = {}

    def decide(self, facts: dict[str, Value], edition: Edition) -> Decided:
        """All decisions on facts as `Fact.coerce` made them."""
        key = _key_of(facts, edition)
        decided = self._decided.get(key) if key else None
        if decided is None:
            decided = self._decide(facts, edition)
            if key and len(self._decided) < MOST_KEPT:
                self._decided[key] = decided
        return decided

    def _decide(self, facts: dict[str, Value], edition: Edition) -> Decided:
        ground = ground_of(prepare(facts, self.knowledge.facts, read=True), self.knowledge, edition)
        by, said = look_up_together(self._steps(edition), ground)
        decisions = {name: decision_of(said[name], ground) for name in SHOWN if name in said}
        findings = tuple(
            replace(finding, facts=self._facts(said[finding.key.partition(": ")[0]], ground))
            for finding in self._findings(by, said, ground)
        )
        if notes := decisions["her2_status"].notes:
            findings = (*findings, *[Finding(Grade.NOTE, note, name="worked out on the way") for note in notes])
        return Decided(ground.given, decisions, findings)

    def _facts(self, said: Said, ground: Ground) -> tuple[tuple[str, str], ...]:
        """The facts that a decision rests on, in words; of a score those that give its points."""
        names = self._names_of.get(said.array)
        if names is None:
            points = {score.fact: score.inputs for score in ground.edition.scores.values()}
            listed = [name for axis in said.array.axes for name in points.get(axis.fact.name, (axis.fact.name,))]
            names = self._names_of[said.array] = tuple(dict.fromkeys(listed))
        values = ground.given.values
        return tuple([(name, words_of(name, values[name])) for name in names if name in values])

    def _steps(self, edition: Edition) -> tuple[str, ...]:
        steps = self._steps_of.get(edition.key)
        if steps is None:
            tables = self.knowledge.tables_of(edition)
            steps = self._steps_of[edition.key] = tuple(name for name in STEPS if name in tables)
        return steps

    def _findings(self, by: By, said: dict[str, Said], ground: Ground) -> tuple[Finding, ...]:
        """What follows from decisions alone; the same bins of the same panel say the same."""
        told = self._told.get(by)
        if told is None:
            told = tuple(_of_decisions({name: decision_of(each, ground) for name, each in said.items()}))
            if len(self._told) < MOST_KEPT:
                self._told[by] = told
        return told


def _key_of(raw: dict[str, Value], edition: Edition) -> tuple[Any, ...] | None:
    """What decisions on facts are kept by; `None` for facts with numbers, which seldom come again."""
    key: list[Any] = [edition.key]
    for name, value in raw.items():
        if isinstance(value, Decimal):
            return None
        # Equal limits may be different reports (> 2.0, > 2.00).
        key += (name, value) if isinstance(value, str) else (name, value, str(value))
    return tuple(key)


def _of_decisions(decisions: dict[str, Decision]) -> Iterator[Finding]:
    status = decisions["her2_status"]
    yield from _of_status(status, decisions.get("her2_next_step"))
    yield from _of_expression(status, decisions.get("her2_expression"))
    yield from _of_discordance(decisions.get("her2_discordance"))


def _of_status(status: Decision, next_step: Decision | None) -> Iterator[Finding]:
    if status.contradictory:
        yield _finding(status, Grade.CONTRADICTION, "the facts contradict each other: " + "; ".join(status.rows))
    elif status.would_settle:
        verb = "asks for a further test" if status.value else "is undetermined"
        yield _finding(status, Grade.MISSING, f"her2_status {verb}; {_settling(status)} would settle it")
    if next_step is not None and next_step.value not in (None, "none"):
        remark = f": {next_step.remarks[0]}" if next_step.remarks else ""
        yield _finding(next_step, Grade.MISSING, f"next step: {next_step.value}{remark}")


def _of_expression(status: Decision, expression: Decision | None) -> Iterator[Finding]:
    if expression is not None and expression.value is None and status.value == "negative" and expression.would_settle:
        words = f"her2_expression is undetermined; {_settling(expression)} would settle it"
        yield _finding(expression, Grade.MISSING, words)


def _of_discordance(discordance: Decision | None) -> Iterator[Finding]:
    if discordance is not None and discordance.value not in (None, "none"):
        words = f"tests disagree: {discordance.value}; review both"
        yield _finding(discordance, Grade.CONTRADICTION, words)


def _settling(decision: Decision) -> str:
    return ", or ".join(" and ".join(names) for names in decision.would_settle)


def _finding(decision: Decision, grade: Grade, words: str) -> Finding:
    """What is said of a decision, with all that stands behind it but the facts."""
    return Finding(
        grade, words, key=f"{decision.outcome}: {decision.value or UNDETERMINED}", rows=tuple(decision.rows),
        citations=tuple(decision.citations), settle=decision.would_settle,
        remark=decision.remarks[0] if decision.remarks else "", edition=decision.edition.key,
    )  # fmt: skip
