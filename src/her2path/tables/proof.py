"""The proofs: no table is used before it is shown complete, free of overlap and alive.

`prove` runs whenever knowledge is read. `check` also runs the worked cases.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

import numpy as np

from ..facts.fact import Facts
from ..facts.problem import Problem
from .array import Array
from .axis import Axis
from .edition import Edition
from .library import Knowledge, chain
from .table import CANNOT_HAPPEN, Table

MOST_TABLE_BOXES = 200_000
MOST_EXAMPLES = 3


def prove(knowledge: Knowledge) -> list[Problem]:
    """Every problem of every table, and of the editions among themselves."""
    problems: list[Problem] = []
    for edition in knowledge.editions:
        for table in edition.tables.values():
            if table.outcome not in table.inputs:
                problems += prove_table(table, knowledge.facts)
        problems += _order(knowledge, edition)
    if not problems:
        for edition in knowledge.editions:
            problems += _reachable(knowledge, edition)
    return problems + list(_overlapping_windows(knowledge.editions))


def prove_table(table: Table, facts: Facts) -> list[Problem]:
    """Gaps, overlaps, dead rows and idle inputs of one table, each with a situation in words."""
    boxes = 1
    for name in table.inputs:
        place = table.inputs.index(name)
        boxes *= Axis(facts[name], [row.cells[place] for row in table.rows]).count
    if boxes > MOST_TABLE_BOXES:
        what = f"the table has {boxes} situations"
        return [Problem(table.path, table.line, "too large", what, "split it into two tables, one feeding the other")]
    array = Array([table], facts)
    rows = array.known_rows
    return [*_gaps(array, rows), *_overlaps(array, rows), *_idle_inputs(array)]


def _gaps(array: Array, rows: np.ndarray) -> Iterator[Problem]:
    empty = np.argwhere(rows == 0)
    if len(empty):
        words = _examples(array, empty)
        more = f", and {len(empty) - MOST_EXAMPLES} more" if len(empty) > MOST_EXAMPLES else ""
        what = f"no row applies when {words}{more}"
        advice = f"add a row for it, or one with the outcome '{CANNOT_HAPPEN}'"
        yield Problem(array.table.path, array.table.line, "gap", what, advice)


def _overlaps(array: Array, rows: np.ndarray) -> Iterator[Problem]:
    table = array.table
    masks = [(rows >> np.uint64(number)) & np.uint64(1) == 1 for number in range(len(table.rows))]
    for second, row in enumerate(table.rows):
        earlier = np.zeros(rows.shape, dtype=bool)
        for mask in masks[:second]:
            earlier |= mask
        if not masks[second].any():
            what = f"row {row.name} can never apply"
            yield Problem(table.path, row.line, "dead row", what, "mend its cells or drop it")
        elif bool(np.all(earlier[masks[second]])):
            by = [table.rows[n].name for n in range(second) if (masks[n] & masks[second]).any()]
            what = f"row {row.name} is unreachable: row {' and row '.join(by)} already match every case it matches"
            yield Problem(table.path, row.line, "dead row", what, "drop it, or narrow the earlier rows")
            continue
        for first in range(second):
            both = np.argwhere(masks[first] & masks[second])
            if len(both):
                other = table.rows[first]
                what = f"rows {other.name} and {row.name} both apply when {array.words(tuple(both[0]))}"
                rows_say = [
                    f"row {r.name} says {r.outcome_text()} ({', '.join(map(str, r.citations))})" for r in (other, row)
                ]
                advice = "; ".join(rows_say) + ". Exactly one row may apply: narrow one of them"
                yield Problem(table.path, row.line, "overlap", what, advice)


def _idle_inputs(array: Array) -> Iterator[Problem]:
    table = array.table
    for place, axis in enumerate(array.axes):
        values = array.known_values
        first = np.take(values, [0], axis=place)
        if axis.count > 0 and bool(np.all(values == first)):
            what = f"{axis.fact.name} never changes {table.outcome}"
            advice = "drop the column, or mend the rows that should depend on it"
            yield Problem(table.path, table.line, "idle input", what, advice)


def _examples(array: Array, boxes: np.ndarray) -> str:
    return "; or when ".join(array.words(tuple(int(c) for c in box)) for box in boxes[:MOST_EXAMPLES])


def _order(knowledge: Knowledge, edition: Edition) -> Iterator[Problem]:
    tables = knowledge.tables_of(edition)
    named: set[frozenset[str]] = set()
    for outcome, table in edition.tables.items():
        try:
            chain(tables, outcome)
        except RecursionError as circle:
            names = frozenset(str(circle).split(" feeds "))
            if names not in named:
                named.add(names)
                what = f"the tables run in a circle: {circle}"
                yield Problem(
                    table.path, table.line, "cycle", what, "cut the circle: one of them must not use the other"
                )


def _reachable(knowledge: Knowledge, edition: Edition) -> Iterator[Problem]:
    """Rows that ask for an outcome which the table feeding them never gives.

    A fact that a laboratory may report by itself can hold any of its values, so it is passed over.
    """
    tables = knowledge.tables_of(edition)
    for table in edition.tables.values():
        for place, name in enumerate(table.inputs):
            if name not in tables or edition.supplement or knowledge.facts[name].test:
                continue
            produced = {value for row in tables[name].rows for value in row.outcomes}
            for row in table.rows:
                cell = row.cells[place]
                if not cell.is_any and not row.cannot_happen and not cell.values & produced:
                    what = f"row {row.name} can never apply: no row of {name} gives {cell.text}"
                    yield Problem(table.path, row.line, "never given", what, f"mend the row, or the table of {name}")


def _overlapping_windows(editions: list[Edition]) -> Iterator[Problem]:
    for place, edition in enumerate(editions):
        for other in editions[:place]:
            same = (edition.topic, edition.scope, edition.jurisdiction) == (
                other.topic,
                other.scope,
                other.jurisdiction,
            )
            if edition.scope and not set(edition.scope_values) & set(other.scope_values):
                continue
            if edition.own != other.own:  # one's own goes before the others, and says so
                continue
            if not same or edition.supplement or other.supplement or not set(edition.tables) & set(other.tables):
                continue
            start = max(edition.since or dt.date.min, other.since or dt.date.min)
            end = min(edition.until or dt.date.max, other.until or dt.date.max)
            if start < end:
                what = f"{edition.key} and {other.key} are both in force on {start}"
                yield Problem(edition.path, edition.line, "overlap", what, "end one before the other begins")
