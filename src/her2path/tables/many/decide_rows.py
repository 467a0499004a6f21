"""Decisions for every row of a file: an Arrow table with the outcome, its rows and what would settle it.

`decide_table` says of every row what `decision.decide` says of it. It may, because a decision depends on few
things only: the bin of each fact, and where copies and ratio are derived from each other, how they compare.
Rows alike in these are decided once, by `decide` itself.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from ...facts.arithmetic import RULES, known_value
from ...facts.fact import Fact
from ...facts.problem import AskedWrongly
from ...facts.value import Reason, Unknown
from ...facts.words.given import day_or_none, facts_given
from ...facts.words.nearest import hint
from ..decision import Decision, decide, require_facts
from ..library import Knowledge, chain
from ..load import default_knowledge
from ..table import Table
from .frames import arrow_of
from .look_up import only_column
from .loops import Float64Array, Int64Array
from .row_classes import Classed, FinestAxis, ratio_classes

ROWS_CLASSED_AT_ONCE = 1_000_000
MOST_MESSAGES = 20


def decide_table(
    outcome: str,
    table: object,
    *,
    knowledge: Knowledge | None = None,
    edition: str | None = None,
    on: dt.date | str | None = None,
    jurisdiction: str | None = None,
    constants: Mapping[str, object] | None = None,
) -> tuple[pa.Table, list[str]]:
    """Decide one outcome for every row of a table, as `decide` decides it for one patient.

    The table is Arrow's, a pandas or Polars frame, columns by name, or rows as dictionaries (`frames.py`).
    The table comes back with four columns more, all dictionaries of strings: `<outcome>` (null where it is
    undetermined), `<outcome>.rows` ("ish_group:1; her2_status:3"), `<outcome>.would_settle` ("her2_copies or
    ihc_score and ish_recount") and `<outcome>.edition`. Columns not named like facts pass through. `constants`
    are facts given for every row. The list holds a message for each cell that could not be read and each row that
    contradicts itself, rows counted from 1, at most `MOST_MESSAGES`. Raises `AskedWrongly` where nothing can be
    decided as asked.
    """
    knowledge = knowledge or default_knowledge()
    given = dict(facts_given(constants or {}))
    return _decided(outcome, arrow_of(table), knowledge, edition, day_or_none(on), jurisdiction, given)


def _decided(
    outcome: str, table: Any, knowledge: Knowledge, edition: str | None, on: dt.date | None, jurisdiction: str | None,
    given: Mapping[str, object],
) -> tuple[pa.Table, list[str]]:  # fmt: skip
    names = _fact_columns(outcome, table, knowledge, edition, given)
    axes = {name: _finest(knowledge.facts[name], knowledge) for name in [*names, *given]}
    # Without a fact of that name nothing is derived from copies, and there are no cuts.
    ratio = knowledge.facts.get("her2_cep17_ratio")
    cuts = _finest(ratio, knowledge).bounds if ratio else np.zeros(0)
    problems = _Problems()
    for name, value in given.items():
        if isinstance(unknown := knowledge.facts[name].coerce(value), Unknown) and unknown.reason is not Reason.ABSENT:
            problems.add_for_all(name, unknown)
    parts: list[list[Any]] = []
    for start in range(0, max(table.num_rows, 1), ROWS_CLASSED_AT_ONCE):
        part = table.select(names).slice(start, ROWS_CLASSED_AT_ONCE).combine_chunks()
        classed = {name: axes[name].classed(part.column(name)) for name in names}
        classed |= {
            name: axes[name].of_entries([value], np.zeros(part.num_rows, np.int64)) for name, value in given.items()
        }
        kinds, first = _kinds(classed, cuts, _derived(classed, knowledge))
        answers: list[tuple[int | None, str, str, str | None]] = []
        refused: dict[int, str] = {}
        contradictory: list[int] = []
        for number, row in enumerate(first.tolist()):
            raw = {name: column.cell(row) for name, column in classed.items()}
            try:
                decision = decide(outcome, raw, knowledge=knowledge, edition=edition, on=on, jurisdiction=jurisdiction)
                answers.append(_answer_of(decision))
                if contradictions_of(decision):
                    contradictory.append(number)
            except AskedWrongly as wrong:  # no edition decides this row's site or jurisdiction
                refused[number] = str(wrong)
                answers.append((None, "", "", None))
        problems.add_unread(start, {name: classed[name] for name in names}, knowledge)
        problems.add_refused(start, kinds, refused)
        if contradictory:

            def words_of(row: int, classed: Mapping[str, Classed] = classed) -> str:
                raw = {name: column.cell(row) for name, column in classed.items()}
                own = decide(outcome, raw, knowledge=knowledge, edition=edition, on=on, jurisdiction=jurisdiction)
                return "; ".join(contradictions_of(own))

            problems.add_contradictory(start, kinds, contradictory, words_of)
        parts.append(_outputs(answers, kinds, knowledge.facts[outcome].values))
    if table.num_rows and problems.refused == table.num_rows:
        raise AskedWrongly(problems.first_refusal)
    for suffix, chunks in zip(("", ".rows", ".would_settle", ".edition"), zip(*parts, strict=True), strict=True):
        table = table.append_column(outcome + suffix, pa.chunked_array(chunks).unify_dictionaries())
    return table, problems.messages()


def _fact_columns(
    outcome: str, table: Any, knowledge: Knowledge, edition: str | None, given: Mapping[str, Any]
) -> list[str]:
    """The columns that are facts. Raises `AskedWrongly` for anything about them that cannot be meant."""
    require_facts(given, knowledge)
    able = [e for e in knowledge.editions if not e.supplement and outcome in knowledge.tables_of(e)]
    if edition is not None:
        able = [knowledge.edition(edition, outcome)]
    if not able:
        decided = sorted({name for e in knowledge.editions for name in e.tables})
        raise AskedWrongly(f"no table decides {outcome!r}{hint(outcome, decided, 'her2path show')}")
    for name in table.column_names:
        if name in (outcome, f"{outcome}.rows", f"{outcome}.would_settle", f"{outcome}.edition"):
            raise AskedWrongly(f"the file has a column {name} already, where the answer would stand; rename it")
        if name in given:
            raise AskedWrongly(f"{name} is given for all rows, but the file has a column {name}; leave one out")
    names = [name for name in table.column_names if name in knowledge.facts]
    for name in names:
        only_column(table, name)
    if not names:
        used = {name for e in able for name in _read_by(knowledge.tables_of(e), outcome)}
        expected = [name for name in knowledge.facts if name in used]
        raise AskedWrongly("no column is named like a fact; expected some of " + ", ".join(expected))
    return names


def _finest(fact: Fact, knowledge: Knowledge) -> FinestAxis:
    """A fact cut wherever any table of any edition cuts it, and a date wherever an edition begins or ends."""
    tables = [table for edition in knowledge.editions for table in edition.tables.values()]
    columns = [(table, table.inputs.index(fact.name)) for table in tables if fact.name in table.inputs]
    days = {day.isoformat() for e in knowledge.editions for day in (e.since, e.until) if day}
    return FinestAxis(fact, [row.cells[place] for table, place in columns for row in table.rows], sorted(days))


def _read_by(tables: dict[str, Table], outcome: str) -> set[str]:
    return {name for table in chain(tables, outcome) for name in table.inputs}


def _answer_of(decision: Decision) -> tuple[int | None, str, str, str | None]:
    value = None if decision.value is None else decision.array.outcome.values.index(decision.value)
    settling_words = " or ".join(" and ".join(names) for names in decision.would_settle)
    return value, "; ".join(decision.rows), settling_words, decision.edition.key


def contradictions_of(decision: Decision) -> list[str]:
    """What of a row contradicts the rest of it, in words: a result that others make another, facts that exclude each
    other."""
    words = [f"{name} {why}" for name, why in decision.given.unknown.items() if why.reason is Reason.CONTRADICTORY]
    if decision.contradictory:
        words.append("the facts contradict each other: " + "; ".join(decision.rows))
    return words


def _outputs(answers: list[tuple[int | None, str, str, str | None]], kinds: Any, values: tuple[str, ...]) -> list[Any]:
    """The four columns, from what was told of each kind of row."""
    indices = pa.array([answer[0] for answer in answers], pa.int8()).take(kinds)
    texts = [pa.array([answer[place] for answer in answers], pa.string()).dictionary_encode() for place in (1, 2, 3)]
    return [
        pa.DictionaryArray.from_arrays(indices, pa.array(values, pa.string())),
        *(text.take(kinds) for text in texts),
    ]


def _derived(classed: Mapping[str, Classed], knowledge: Knowledge) -> list[tuple[Int64Array, int]]:
    """The classes of what follows from several columns by arithmetic, worked out once for distinct cells."""
    derived: list[tuple[Int64Array, int]] = []
    for rule in RULES:
        inputs = [classed[name] for name in rule.inputs if name in classed]
        if (
            not inputs
            or rule.result not in knowledge.facts
            or not any(knowledge.facts[n].is_number for n in rule.inputs)
        ):
            continue
        if rule.result in classed:  # what was given may contradict it: only equal cells are alike
            inputs.append(classed[rule.result])
        rows = np.column_stack([column.raw for column in inputs])
        _, first, places = np.unique(rows, axis=0, return_index=True, return_inverse=True)
        places = places.reshape(-1)
        if rule.result in classed:
            derived.append((places, len(first)))
            continue
        entries = []
        for row in first.tolist():
            values = [
                known_value(knowledge.facts[name].coerce(classed[name].cell(row))) if name in classed else None
                for name in rule.inputs
            ]
            entries.append(rule.function(*values))
        result = _finest(knowledge.facts[rule.result], knowledge).of_entries(entries, places)
        derived.append((result.classes, result.width))
    return derived


def _kinds(
    classed: dict[str, Classed], cuts: Float64Array, derived: list[tuple[Int64Array, int]]
) -> tuple[Any, Int64Array]:
    """For each row its kind (an Arrow array), and for each kind the first row of it.

    Rows of one kind have each fact in the same class, and compare copies and ratio alike; `derived` are the
    classes of facts that follow from several columns.
    """
    columns = [*((column.classes, column.width) for column in classed.values()), *derived]
    if "her2_copies" in classed and "cep17_copies" in classed:
        ratio = classed.get("her2_cep17_ratio")
        columns.append(ratio_classes(classed["her2_copies"], classed["cep17_copies"], ratio, cuts))
    kinds = pa.array(columns[0][0])
    width = columns[0][1]
    for classes, more in columns[1:]:
        if width * more >= 2**62:
            encoded = kinds.dictionary_encode()
            kinds, width = encoded.indices.cast(pa.int64()), len(encoded.dictionary)
        kinds, width = pa.array(kinds.to_numpy() * more + classes), width * more
    encoded = kinds.dictionary_encode()
    rows = np.arange(len(kinds))
    first = np.zeros(len(encoded.dictionary), dtype=np.int64)
    first[encoded.indices.to_numpy()[::-1]] = rows[::-1]  # the last one written, the earliest row, stays
    return encoded.indices, first


class _Problems:
    """What could not be read, told once for a cell, and only counted after `MOST_MESSAGES`."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.count = 0
        self.refused = 0
        self.first_refusal = ""

    def add_for_all(self, name: str, unknown: Unknown) -> None:
        self.count += 1
        self.lines.append(f"{name}, given for all rows: {unknown.detail.removeprefix(name).strip()}")

    def add_unread(self, start: int, classed: Mapping[str, Classed], knowledge: Knowledge) -> None:
        cells: list[tuple[int, str]] = []
        for name, column in classed.items():
            rows = np.flatnonzero(column.classes == 1)
            self.count += len(rows)
            cells += [(row, name) for row in rows[:MOST_MESSAGES].tolist()]
        for row, name in sorted(cells, key=lambda one: one[0])[: MOST_MESSAGES - len(self.lines)]:
            unknown = knowledge.facts[name].coerce(classed[name].cell(row))
            detail = unknown.detail if isinstance(unknown, Unknown) else str(unknown)
            self.lines.append(f"row {start + row + 1}, column {name}: {detail.removeprefix(name).strip()}")

    def add_refused(self, start: int, kinds: Any, refused: Mapping[int, str]) -> None:
        if not refused:
            return
        numbers = kinds.to_numpy()
        rows = np.flatnonzero(np.isin(numbers, list(refused)))
        self.first_refusal = self.first_refusal or refused[int(numbers[rows[0]])]
        self.refused += len(rows)
        self.count += len(rows)
        for row in rows[: max(0, MOST_MESSAGES - len(self.lines))].tolist():
            self.lines.append(f"row {start + row + 1}: {refused[int(numbers[row])]}")

    def add_contradictory(
        self, start: int, kinds: Any, contradictory: list[int], words_of: Callable[[int], str]
    ) -> None:
        rows = np.flatnonzero(np.isin(kinds.to_numpy(), contradictory))
        self.count += len(rows)
        for row in rows[: max(0, MOST_MESSAGES - len(self.lines))].tolist():
            self.lines.append(f"row {start + row + 1}: {words_of(row)}")

    def messages(self) -> list[str]:
        more = self.count - len(self.lines)
        return [*self.lines, f"and {more} more"] if more else self.lines
