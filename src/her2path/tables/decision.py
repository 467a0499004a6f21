"""One decision for one patient: the outcome, the rows behind it, what is possible, what would settle it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..facts.derive import MOST_KEPT, Given, prepare, said_something
from ..facts.problem import AskedWrongly, NoJurisdiction
from ..facts.source import Citation
from ..facts.value import NOT_REPORTED, Json, OneOf, Reason, Unknown
from ..facts.words.given import day_or_none, facts_given, word_given
from ..facts.words.nearest import hint
from .array import CONTRADICTORY_ANSWER, Array, Situation
from .axis import Code
from .edition import ASSUMED_JURISDICTION, JURISDICTIONS, Edition
from .library import Knowledge
from .load import default_knowledge
from .table import CANNOT_HAPPEN, Row


@dataclass(frozen=True, slots=True)
class RowReference:
    """A row with its table: where a decision comes from."""

    outcome: str
    row: Row

    @property
    def name(self) -> str:
        """Outcome and row as one word, `her2_status:3`."""
        return f"{self.outcome}:{self.row.name}"


@dataclass(slots=True)
class Decision:
    """What the tables say of one outcome for one patient.

    `blocked_by` names a fact that could not be read and without which no table may be used at all.
    `value` is `None` where it is undetermined; `possible` holds the values left; `rows` the rows
    that apply, or that are still possible, those of the feeding tables first.
    """

    outcome: str
    value: str | None
    possible: tuple[str, ...]
    edition: Edition = field(repr=False)
    array: Array = field(repr=False)
    codes: tuple[Code, ...] = field(repr=False)
    given: Given = field(repr=False)
    references: tuple[RowReference, ...] = field(default=(), repr=False)
    contradictory: bool = False
    notes: list[str] = field(default_factory=list)
    assumed: dict[str, str] = field(default_factory=dict)
    blocked_by: str = ""

    @property
    def would_settle(self) -> tuple[tuple[str, ...], ...]:
        """The smallest sets of facts that would settle it; empty when it is settled or nothing would."""
        if self.blocked_by:
            return ((self.blocked_by,),)
        is_open = self.value is None or self.value in self.array.outcome.open_values
        return self.array.would_settle(self.codes) if is_open and not self.contradictory else ()

    @property
    def rows(self) -> list[str]:
        """The rows behind it by their names, `ish_group:1` before `her2_status:3`."""
        return [reference.name for reference in self.references]

    @property
    def last_rows(self) -> list[str]:
        """The rows of the deciding table alone, without its outcome."""
        return [reference.row.name for reference in self.references if reference.outcome == self.outcome]

    @property
    def citations(self) -> list[Citation]:
        """The citations of the rows behind it, each once."""
        return list(dict.fromkeys(c for reference in self.references for c in reference.row.citations))

    @property
    def remarks(self) -> list[str]:
        """What the row of the last table adds in words; nothing while several rows could apply."""
        last = [reference.row.remark for reference in self.references if reference.outcome == self.outcome]
        return [last[0]] if last and last[0] and len(set(last)) == 1 else []

    def as_json(self) -> dict[str, Json]:
        """The decision as the command prints it with `--json`."""
        fact = self.array.outcome
        unknown = {
            name: str(why)
            for name, why in self.given.unknown.items()
            if name in self.array.place or why.reason is not Reason.ABSENT
        }
        return {
            self.outcome: None if self.value is None else fact.as_json(self.value),
            "rows": self.rows,
            "possible": [fact.as_json(value) for value in self.possible],
            "would_settle": [list(names) for names in self.would_settle],
            "edition": self.edition.key,
            "sources": [citation.as_json() for citation in self.citations],
            "unknown": unknown,
            "contradictory": self.contradictory,
            "remarks": self.remarks,
            "notes": self.notes,
            "assumed": self.assumed,
        }


def decide(
    outcome: str,
    facts: Mapping[str, object],
    *,
    knowledge: Knowledge | None = None,
    edition: str | None = None,
    on: dt.date | str | None = None,
    jurisdiction: str | None = None,
) -> Decision:
    """Decide one outcome (`her2_status`, `ish_group`, ...) from raw facts by name.

    `edition` names the rules; otherwise the edition in force on `on`, on the fact `test_date`, or
    today. `tumour_site` is assumed to be breast where neither it nor an edition is given, and the
    decision says so. Raises `AskedWrongly` for an unknown fact, edition or outcome.
    """
    knowledge = knowledge or default_knowledge()
    by_name = facts_given(facts)
    require_facts(by_name, knowledge)
    given = prepare(by_name, knowledge.facts)
    whose = word_given(jurisdiction, JURISDICTIONS, "jurisdiction")
    return decide_given(outcome, given, knowledge=knowledge, edition=edition, on=day_or_none(on), jurisdiction=whose)


def require_facts(names: Mapping[str, object], knowledge: Knowledge) -> None:
    """Raise `AskedWrongly` for a name that is no fact, with the nearest that is."""
    for name in names:
        if name not in knowledge.facts:
            raise AskedWrongly(f"no fact is called {name!r}{hint(str(name), knowledge.facts, 'her2path show facts')}")


def decide_given(
    outcome: str,
    given: Given,
    *,
    knowledge: Knowledge,
    edition: str | None = None,
    on: dt.date | None = None,
    jurisdiction: str | None = None,
) -> Decision:
    """As `decide`, from facts that `prepare` has read. Raises `AskedWrongly` as it does."""
    chosen, notes, assumed = choose_edition(outcome, given, knowledge, edition, on, jurisdiction)
    decision = decide_in(outcome, given, knowledge, chosen)
    decision.notes[:0] = notes
    decision.assumed = assumed
    for scope in () if edition is not None else knowledge.scopes_of(outcome):
        if said_something(given.unknown.get(scope)) or isinstance(given.values.get(scope), OneOf):
            # The organ or product was said, only not so that it can be read: no other's rules may be taken for it.
            decision.blocked_by = scope
            decision.value, decision.possible, decision.references = None, decision.array.outcome.values, ()
            decision.assumed = {}
    return decision


@dataclass(slots=True)
class Ground:
    """What decisions stand on: facts under one edition, reconciled; `taken` are the outcomes not derived."""

    given: Given
    knowledge: Knowledge
    edition: Edition
    taken: frozenset[str]
    notes: tuple[str, ...]


def decide_in(outcome: str, given: Given, knowledge: Knowledge, edition: Edition) -> Decision:
    """Decide by one edition, whichever is in force."""
    return decide_on(outcome, ground_of(given, knowledge, edition))


@dataclass(frozen=True, slots=True)
class Said:
    """What an array says of some bins, with the rows behind it: the same for every patient in them."""

    outcome: str
    array: Array
    codes: tuple[Code, ...]
    value: str | None
    possible: tuple[str, ...]
    contradictory: bool
    references: tuple[RowReference, ...]


class Panel:
    """Several outcomes of one edition looked up together: each axis is looked at once, and what the arrays
    say of a combination of bins is put together once."""

    def __init__(self, outcomes: tuple[str, ...], ground: Ground) -> None:
        self.arrays = [ground.knowledge.array(ground.edition, outcome, ground.taken) for outcome in outcomes]
        unlike = {axis.likeness: axis for array in self.arrays for axis in array.axes}
        self.axes = [(axis.fact.name, axis) for axis in unlike.values()]
        place = {likeness: number for number, likeness in enumerate(unlike)}
        self._of_array = [[place[axis.likeness] for axis in array.axes] for array in self.arrays]
        self._said: dict[tuple[Code, ...], dict[str, Said]] = {}

    def codes(self, ground: Ground) -> tuple[Code, ...]:
        """The bins of all axes for one patient."""
        values = ground.given.values
        return tuple([axis.code(values.get(name)) for name, axis in self.axes])

    def answers(self, codes: tuple[Code, ...], ground: Ground) -> dict[str, Said]:
        """What is said of every outcome for the bins `codes`."""
        answers = self._said.get(codes)
        if answers is None:
            answers = self._said[codes] = {
                array.outcome.name: _answer_of(array, tuple([codes[place] for place in places]), ground)
                for array, places in zip(self.arrays, self._of_array, strict=True)
            }
        return answers


By = tuple[Panel, tuple[Code, ...]]
"""What outcomes were looked up by: a panel and the bins of its axes."""


def look_up_together(outcomes: tuple[str, ...], ground: Ground) -> tuple[By, dict[str, Said]]:
    """What is said of several outcomes on facts that stand ready; also what they were looked up by."""
    key = (id(ground.edition), outcomes, ground.taken)
    panel = ground.knowledge.panels.get(key)
    if panel is None:
        panel = ground.knowledge.panels[key] = Panel(outcomes, ground)
    codes = panel.codes(ground)
    return (panel, codes), panel.answers(codes, ground)


def decide_on(outcome: str, ground: Ground) -> Decision:
    """Decide one outcome on facts that stand ready."""
    array = ground.knowledge.array(ground.edition, outcome, ground.taken)
    return decision_of(_answer_of(array, array.codes(ground.given.values), ground), ground)


def _answer_of(array: Array, codes: tuple[Code, ...], ground: Ground) -> Said:
    situation = array.situation(codes)
    return Said(
        outcome=array.outcome.name,
        array=array,
        codes=codes,
        value=array.outcome.values[situation.answer] if situation.answer >= 0 else None,
        possible=situation.outcomes if situation.answer != CONTRADICTORY_ANSWER else (),
        contradictory=situation.answer == CONTRADICTORY_ANSWER,
        references=_references(array, codes, ground.given, situation, ground.knowledge, ground.edition),
    )


def said_of(array: Array, codes: tuple[Code, ...], ground: Ground) -> Decision:
    """The decision that an array makes of some bins, for facts that stand ready."""
    return decision_of(_answer_of(array, codes, ground), ground)


def decision_of(answer: Said, ground: Ground) -> Decision:
    """The decision on one patient that what is said of her bins makes."""
    given, outcome = ground.given, answer.outcome
    notes = [*given.notes, *ground.notes]
    if outcome in ground.taken and given.values.get(outcome, NOT_REPORTED) != NOT_REPORTED:
        notes.append(f"{outcome} {given.values[outcome]} was given: the answer is worked out without it")
    return Decision(
        outcome, answer.value, answer.possible, ground.edition, answer.array, answer.codes, given, answer.references,
        answer.contradictory, notes,
    )  # fmt: skip


def ground_of(given: Given, knowledge: Knowledge, edition: Edition) -> Ground:
    """Facts made ready under an edition.

    Where a laboratory's own word for a test (its score or result) and the numbers below it exclude
    each other, either may be right: the word is then only one of what is possible. Where another
    outcome was given against the facts below it, a note says so. Taken as given, not derived, are the
    outcomes that are known, and those said but unreadable with nothing known to derive them from.
    """
    values = given.values
    for score in edition.scores.values():
        if score.fact not in values:
            values[score.fact] = score.total(values)
    outcomes, taken = _outcomes_known(given, knowledge, edition)
    held = [name for name in outcomes if isinstance(values[name], str) and values[name] != NOT_REPORTED]
    notes: list[str] = []
    for name in held:
        array = knowledge.array(edition, name, frozenset(held) - {name})
        reported = [below for below in array.place if values.get(below, NOT_REPORTED) != NOT_REPORTED]
        if not reported:
            continue
        word = str(values[name])
        possible = array.situation(array.codes(values)).outcomes
        if word in possible or not possible:
            continue
        detail = f"{name} {word} was {{}}, but the {{}} make it {' or '.join(possible)}"
        if not knowledge.facts[name].test:
            notes.append(detail.format("given", "other facts"))
            continue
        if values is given.values:
            given = Given(dict(given.values), dict(given.unknown), list(given.notes))
        given.values[name] = OneOf(frozenset({word, *possible} - {CANNOT_HAPPEN}))
        given.unknown[name] = Unknown(Reason.CONTRADICTORY, detail.format("reported", "numbers"))
    return Ground(given, knowledge, edition, taken, tuple(notes))


def _outcomes_known(given: Given, knowledge: Knowledge, edition: Edition) -> tuple[tuple[str, ...], frozenset[str]]:
    """The outcomes of an edition among the values, and those taken as given."""
    known = knowledge.known.get((id(edition), *given.values))
    if known is None:
        known = _known_by_names(given.values, knowledge, edition)
        if len(knowledge.known) < MOST_KEPT:
            knowledge.known[id(edition), *given.values] = known
    among, taken, underivable = known
    unreadable = [name for name in underivable if said_something(given.unknown.get(name))]
    return among, taken.union(unreadable) if unreadable else taken


def _known_by_names(
    names: Collection[str], knowledge: Knowledge, edition: Edition
) -> tuple[tuple[str, ...], frozenset[str], tuple[str, ...]]:
    """For the facts whose values are known, whatever they are: the outcomes among them, the same as a set, and the
    outcomes that nothing known could derive."""
    tables = knowledge.tables_of(edition)
    among = tuple(name for name in tables if name in names)
    underivable = tuple(
        name for name, table in tables.items() if name not in names and not any(fact in names for fact in table.inputs)
    )
    return among, frozenset(among), underivable


ASSUMED = {"tumour_site": "breast", "product": "trastuzumab-iv"}
"""What is taken where a fact that chooses the edition is not given; the decision says so."""


def assumed_for_all(outcome: str, named: Collection[str], knowledge: Knowledge, jurisdiction: str | None) -> str:
    """What is assumed for every row of a file, because no column says it; "" where nothing is."""
    words = [
        f"{scope} {knowledge.usual_scope(outcome, scope, ASSUMED[scope])}"
        for scope in knowledge.scopes_of(outcome)
        if scope not in named
    ]
    able = [e for e in knowledge.editions if not e.supplement and outcome in knowledge.tables_of(e)]
    everywhere = {value for one in able if one.jurisdiction == "any" for value in one.scope_values or ("",)}
    local = {value for one in able if one.jurisdiction != "any" for value in one.scope_values or ("",)}
    if jurisdiction is None and local - everywhere:
        words.append(f"jurisdiction {ASSUMED_JURISDICTION} where labels differ")
    return "assumed for every row: " + ", ".join(words) if words else ""


def choose_edition(
    outcome: str, given: Given, knowledge: Knowledge, edition: str | None, on: dt.date | None, jurisdiction: str | None
) -> tuple[Edition, list[str], dict[str, str]]:
    """The edition that decides, with notes on how it was chosen and what was assumed.

    Raises `AskedWrongly` for an edition that there is not, and where none decides the outcome.
    """
    if edition is not None:
        chosen = knowledge.edition(edition, outcome)
        scope_value = given.values.get(chosen.scope)
        notes = []
        if isinstance(scope_value, str) and not chosen.is_for({chosen.scope: scope_value}):
            notes = [f"{chosen.key} is for {', '.join(chosen.scope_values)}, but {chosen.scope} is {scope_value}"]
        return chosen, notes, {}
    assumed: dict[str, str] = {}
    scopes: dict[str, Any] = {}
    for scope in knowledge.scopes_of(outcome):
        scopes[scope] = given.values.get(scope)
        if not isinstance(scopes[scope], str):
            scopes[scope] = assumed[scope] = knowledge.usual_scope(outcome, scope, ASSUMED[scope])
    day = on
    if day is None and isinstance(test_date := given.values.get("test_date"), str):
        day = dt.date.fromisoformat(test_date)
    try:
        chosen, note = knowledge.in_force(outcome, scopes, day or dt.date.today(), jurisdiction)
    except NoJurisdiction:
        assumed["jurisdiction"] = ASSUMED_JURISDICTION
        chosen, note = knowledge.in_force(outcome, scopes, day or dt.date.today(), ASSUMED_JURISDICTION)
    notes = [note] if note else []
    if day is None and said_something(given.unknown.get("test_date")):
        notes.append(f"test_date cannot be read; the edition in force today, {chosen.key}, is applied")
    return chosen, notes, assumed


def _references(
    array: Array, codes: tuple[Code, ...], given: Given, situation: Situation, knowledge: Knowledge, edition: Edition
) -> tuple[RowReference, ...]:
    """The rows behind a situation: of each feeding table that is decided, and of the last one."""
    held = array.references.get(codes)
    if held is None:
        references: list[RowReference] = []
        for table in array.tables[:-1]:
            upstream = knowledge.array(edition, table.outcome, array.given)
            rows = upstream.situation(upstream.codes(given.values)).rows
            if len(rows) == 1 and NOT_REPORTED not in table.rows[rows[0]].outcomes:
                references.append(RowReference(table.outcome, table.rows[rows[0]]))
        references += [RowReference(array.table.outcome, array.table.rows[row]) for row in situation.rows]
        held = array.references[codes] = tuple(references)
    return held
