"""Which patients of a file a change of edition moves, from what to what, and why."""

from __future__ import annotations

import pyarrow as pa

from ..read.tabular.wide import PATIENT
from ..tables.decision import decide
from ..tables.difference import Change
from ..tables.library import Knowledge
from ..tables.many.decide_rows import decide_table


def changes(table: pa.Table, left: str, right: str, outcome: str, knowledge: Knowledge) -> tuple[list[Change], int]:
    """The rows of a table of facts that differ between two editions, and how many rows there are."""
    table = table.drop_columns([outcome]) if outcome in table.column_names else table
    sides = [decide_table(outcome, table, knowledge=knowledge, edition=key)[0] for key in (left, right)]
    values = [side[outcome].to_pylist() for side in sides]
    names = [name for name in table.column_names if name in knowledge.facts and name != outcome]
    patient = next((name for name in PATIENT if name in table.column_names), None)
    found = []
    for number, (before, after) in enumerate(zip(*values, strict=True)):
        if before == after and before is not None:
            continue
        row = {name: value for name in names if (value := table[name][number].as_py()) not in (None, "")}
        pair = [decide(outcome, row, knowledge=knowledge, edition=key) for key in (left, right)]
        if pair[0].possible != pair[1].possible:
            called = str(table[patient][number].as_py()) if patient else str(number + 1)
            found.append(Change(number + 1, called, row, *pair))
    return found, table.num_rows
