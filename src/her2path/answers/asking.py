"""A question being asked: by whose rules, on which day, with what is known; and the chain that comes of a decision."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import replace
from decimal import Decimal
from typing import cast

from ..facts.problem import AskedWrongly
from ..facts.value import NOT_REPORTED, Interval, OneOf, Unknown, Value
from ..tables.decision import Decision, decide, require_facts
from ..tables.edition import ASSUMED_JURISDICTION
from ..tables.library import Knowledge
from ..tables.load import default_knowledge
from ..tables.site import Site
from .answer import Assumed, Case, Missing, Step
from .words import any_number, asked, condition, listed, outcome_said, said

JURISDICTIONS = ("us", "eu")
CALLED = {"us": "US", "eu": "EU"}


class Asking:
    """What stands behind an answer: the knowledge, whose label, the day, the institution's settings.

    `assumed` collects what was taken as usual. Raises `AskedWrongly` for a jurisdiction that there is not.
    """

    def __init__(
        self, knowledge: Knowledge | None, jurisdiction: str | None, on: dt.date | None, at: Site | None,
        facts: Mapping[str, object] | None = None,
    ) -> None:  # fmt: skip
        self.knowledge = knowledge or default_knowledge()
        self.at = at or Site()
        self.on = on or dt.date.today()
        self.assumed: list[Assumed] = []
        chosen = (jurisdiction or self.at.jurisdiction or "").lower()
        if not chosen:
            chosen = ASSUMED_JURISDICTION
            self.assumed.append(Assumed(f"the {CALLED[chosen]} label", "--jurisdiction us|eu"))
        if chosen not in JURISDICTIONS:
            raise AskedWrongly(f"jurisdiction {chosen!r}: there are us and eu")
        self.jurisdiction = chosen
        require_facts(facts or {}, self.knowledge)
        self.more = {name: self.read(name, raw, f"--fact {name}") for name, raw in (facts or {}).items()}

    def read(self, name: str, raw: object, option: str) -> Value:
        """The value of a fact as it was said. Raises `AskedWrongly` where it cannot be read or cannot be true."""
        text = raw
        if name == "weight_kg" and isinstance(raw, str) and raw.strip().lower().endswith("kg"):
            text = raw.strip()[:-2].strip()
        value = self.knowledge.facts[name].coerce(text)
        if isinstance(value, Unknown):
            why = value.detail or f"expected {self.knowledge.facts[name].expected()}"
            raise AskedWrongly(f"{option}: {why}")
        return Decimal(repr(value)) if isinstance(value, float) else value

    def exact(self, name: str, raw: object, option: str) -> Decimal:
        """A number that must be known exactly. Raises `AskedWrongly` for an interval too."""
        value = self.read(name, raw, option)
        if not isinstance(value, Decimal):
            raise AskedWrongly(f"{option}: {value} is no single number")
        return value

    def read_all(self, given: Iterable[tuple[str, object, str]]) -> dict[str, Value]:
        """Facts by name from (name, as it was said, option); `None` is not said. What `--fact` says comes first."""
        values = {name: self.read(name, raw, option) for name, raw, option in given if raw is not None}
        for name, value in self.more.items():
            if name in values and values[name] != value:
                raise AskedWrongly(f"{name} is said twice: {any_number(values[name])} and {any_number(value)}")
        return {**values, **self.more}

    def decide(self, outcome: str, values: Mapping[str, Value]) -> Decision:
        """What the rules in force say of an outcome; the institution's own choice of an edition comes first."""
        return decide(
            outcome, cast("Mapping[str, object]", values), knowledge=self.knowledge,
            edition=self.at.editions.get(outcome), on=self.on, jurisdiction=self.jurisdiction,
        )  # fmt: skip

    def assume(self, what: str, option: str, otherwise: str = "") -> None:
        """Note something taken as usual."""
        self.assumed.append(Assumed(what, option, otherwise))


def steps_of(decision: Decision, given: Mapping[str, str] | None = None) -> list[Step]:
    """The chain of a decision: each feeding table that was settled, then the last one.

    `given` puts other words in place of those of some facts.
    """
    steps = []
    values = dict(decision.given.values)
    for outcome in dict.fromkeys(reference.outcome for reference in decision.references):
        rows = [reference.row for reference in decision.references if reference.outcome == outcome]
        table = next(table for table in decision.array.tables if table.outcome == outcome)
        known = {name: values.get(name) for name in table.inputs}
        words = [
            (given or {}).get(name) or said(name, value) for name, value in known.items()
            if is_known(value) and (value != NOT_REPORTED or len(known) < 4) and _matters(name, table.inputs, rows)
        ]  # fmt: skip
        if len(rows) == 1 and len(rows[0].outcomes) == 1:
            (value,) = rows[0].outcomes
            values[outcome] = value
            says = outcome_said(outcome, value)
        elif decision.value is not None and outcome == decision.outcome:
            says = outcome_said(outcome, decision.value)
        else:
            possible = [outcome_said(outcome, value) for value in sorted({v for row in rows for v in row.outcomes})]
            says = "not settled: " + listed(possible, "or")
        steps.append(
            Step(
                ", ".join(words), says, outcome, tuple(row.name for row in rows),
                decision.edition.key, decision.edition.title,
                tuple(dict.fromkeys(citation for row in rows for citation in row.citations)),
                rows[0].remark if len(rows) == 1 else "",
            )
        )  # fmt: skip
    return steps


def _matters(name: str, inputs: tuple[str, ...], rows: Iterable[object]) -> bool:
    """Whether some of the rows asks anything of an input."""
    place = inputs.index(name)
    return any(not row.cells[place].is_any for row in rows)  # type: ignore[attr-defined]


def is_known(value: object) -> bool:
    """Whether a value is one and exact."""
    return value is not None and not isinstance(value, Unknown | Interval | OneOf)


def cases_of(
    decision: Decision, usual: Mapping[str, Value] | None = None, then: Mapping[str, str] | None = None
) -> tuple[Case, ...]:  # fmt: skip
    """When each answer that is still possible holds: a case for each row, by the facts that are not known.

    `usual` are values of these facts in the plainest situation; its case comes first, and nothing is taken from it
    but the order. `then` puts words in place of values.
    """
    table = decision.array.table
    values = dict(decision.given.values)
    for reference in decision.references:
        if reference.outcome != decision.outcome and len(reference.row.outcomes) == 1:
            values.setdefault(reference.outcome, next(iter(reference.row.outcomes)))
    cases: list[tuple[int, Case]] = []
    for reference in decision.references:
        if reference.outcome != decision.outcome or reference.row.cannot_happen:
            continue
        when, misses = [], 0
        for name, cell in zip(table.inputs, reference.row.cells, strict=True):
            if cell.is_any or is_known(values.get(name)):
                continue
            when.append(condition(name, cell.text))
            plain = (usual or {}).get(name)
            if plain is not None:
                held = plain in cell.values if isinstance(plain, str) else (
                    isinstance(plain, Decimal) and any(plain in each for each in cell.intervals)
                )  # fmt: skip
                misses += not held
        for outcome in sorted(reference.row.outcomes):
            said_then = (then or {}).get(outcome, outcome)
            cases.append((misses, Case(tuple(when), said_then, reference.row.name, reference.row.remark)))
    ordered = [case for _, case in sorted(cases, key=lambda found: found[0])]
    first = set(ordered[0].when) if ordered else set()
    return tuple(replace(case, differs=tuple(each for each in case.when if each not in first)) for case in ordered)


def missing_of(decision: Decision, options: Mapping[str, str], changes: str = "") -> list[Missing]:
    """The facts that would settle a decision, each with the option that says it."""
    names = dict.fromkeys(name for names in decision.would_settle for name in names)
    possible = listed([*decision.possible], "or")
    words = changes or (f"That decides between {possible}." if len(decision.possible) > 1 else "That would settle it.")
    return [Missing(asked(name), words, options.get(name, f"--fact {name}=...")) for name in names]
