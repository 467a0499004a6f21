"""A decision table as a page shows it: every row, the one that applies lit, the cells that rule the others out struck.

With a decision the heads of the columns carry this patient's values. Where it is open, every row that is still possible
is marked and none is lit.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from math import prod
from typing import Any

from ...facts.source import Citation
from ...facts.value import OneOf, Unknown, Value
from ...tables.array import Array
from ...tables.axis import Axis
from ...tables.decision import Decision
from ...tables.library import Knowledge
from ...tables.load import default_knowledge
from ...tables.table import Table

HIT, MAYBE, DIM = "hit", "maybe", "dim"
LEVELS = {
    "seen": (3, "seen in the source itself"), "secondary": (2, "seen in a secondary text"),
    "remembered": (1, "from memory, not seen"), "decided": (0, "our decision where the source is silent"),
}  # fmt: skip
"""How far a row is verified: so many pips of three, and in words."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table: the fact, its name in words, this patient's value in words ("" without a patient)."""

    name: str
    words: str
    here: str = ""


@dataclass(frozen=True, slots=True)
class ShownRow:
    """A row: cells with whether each rules it out, its outcome, citations, remark, and its `state`."""

    name: str
    cells: Sequence[tuple[str, bool]]
    outcome: str
    citations: Sequence[Citation]
    verified: str
    remark: str
    state: str = ""


@dataclass(frozen=True, slots=True)
class ShownTable:
    """A table of an edition; `possible` of its `situations` are left for the patient."""

    outcome: str
    title: str
    edition: str
    columns: Sequence[Column]
    rows: Sequence[ShownRow]
    situations: int
    possible: int = 0
    is_open: bool = False
    names: Sequence[str] = field(default_factory=tuple)
    """The rows that apply, or are still possible."""

    @property
    def words(self) -> str:
        return in_words(self.outcome)


_RANGE = re.compile(r"[\[(](-?[\d.]+)\.\.(-?[\d.]+)[\])]")


def tidy(cell: str) -> str:
    """A cell as it is read: "28 to 56" for a closed interval, one sign for "at least" and "at most"."""
    told = _RANGE.sub(lambda m: f"{m[1]} to {m[2]}" if m[0][0] == "[" and m[0][-1] == "]" else m[0], cell)
    return told.replace(">=", "≥").replace("<=", "≤")


ACRONYMS = {
    "her2": "HER2", "lvef": "LVEF", "cep17": "CEP17", "ish": "ISH", "ihc": "IHC", "er": "ER", "pr": "PR", "hfa": "HFA",
    "ctrcd": "CTRCD", "cps": "CPS", "pdl1": "PD-L1", "alt": "ALT", "ast": "AST", "esc": "ESC", "gls": "GLS",
}  # fmt: skip
"""Parts of names that are read as letters."""
DRUGS = (("t_dxd", "T-DXd"), ("t_dm1", "T-DM1"), ("t dxd", "T-DXd"), ("t dm1", "T-DM1"))
UNITS = ("mg", "mm", "cm", "kg")
_ACRONYM = re.compile(r"\b(?:her2|lvef|cep17|ish|ihc)\b")
_NAME = re.compile(r"(?<!['\"\w-])[a-z][a-z0-9]*(?:_[a-z0-9]+)+(?![\w'\"-])")


def in_words(name: str) -> str:
    """The name of a fact as words: `tumour_size_mm` is told as "tumour size, mm"."""
    for drug, told in DRUGS:
        name = name.replace(drug, told)
    parts = [ACRONYMS.get(part, part) for part in name.replace("_", " ").split(" ")]
    if len(parts) > 1 and parts[-1] in UNITS:
        return f"{' '.join(parts[:-1])}, {parts[-1]}"
    return " ".join(parts)


def spoken(text: str) -> str:
    """A sentence of a review with the names of facts as words, short names in capitals; what a record says stays."""
    facts = default_knowledge().facts
    told = _NAME.sub(lambda match: in_words(match[0]).partition(", ")[0] if match[0] in facts else match[0], text)
    return _ACRONYM.sub(lambda match: match[0].upper(), told)


@lru_cache(maxsize=512)
def _axes(table: _ById, facts: _ById) -> tuple[Axis, ...]:
    shown: Table = table.what
    return tuple(
        Axis(facts.what[name], [row.cells[place] for row in shown.rows]) for place, name in enumerate(shown.inputs)
    )


@dataclass(frozen=True, slots=True)
class _ById:
    """Something that is the same only as itself."""

    what: Any

    def __hash__(self) -> int:
        return id(self.what)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _ById) and self.what is other.what


def axes_of(table: Table, knowledge: Knowledge) -> tuple[Axis, ...]:
    """The inputs of a table cut into its own bins."""
    return _axes(_ById(table), _ById(knowledge.facts))


def situations_of(table: Table, knowledge: Knowledge) -> int:
    """How many situations a table knows."""
    return prod(axis.count for axis in axes_of(table, knowledge))


def table_of(table: Table, knowledge: Knowledge) -> ShownTable:
    """A table without a patient."""
    rows = [_row(row, [(tidy(cell.text), False) for cell in row.cells]) for row in table.rows]
    columns = [Column(name, in_words(name)) for name in table.inputs]
    return ShownTable(
        table.outcome, table.title, table.edition, columns, rows, situations_of(table, knowledge)
    )  # fmt: skip


def tables_of(decision: Decision, knowledge: Knowledge) -> list[ShownTable]:
    """The tables behind a decision, the deciding one first, then those that feed it."""
    values: dict[str, Value | None] = dict(decision.given.values)
    array = decision.array
    shown = []
    for table in array.tables:
        shown.append(_with_patient(table, values, decision, knowledge))
        values[table.outcome] = _derived(table, array, decision, knowledge)
    return shown[::-1]


def _derived(table: Table, array: Array, decision: Decision, knowledge: Knowledge) -> Value | None:
    """What a feeding table says, as the value that the next one reads."""
    if table.outcome == decision.outcome:
        return decision.value
    inner = knowledge.array(decision.edition, table.outcome, array.given)
    outcomes = inner.situation(inner.codes(decision.given.values)).outcomes
    if len(outcomes) == 1:
        return outcomes[0]
    return OneOf(frozenset(outcomes)) if outcomes else None


def _with_patient(
    table: Table, values: Mapping[str, Value | None], decision: Decision, knowledge: Knowledge
) -> ShownTable:  # fmt: skip
    axes = axes_of(table, knowledge)
    bins = [axis.bins_of(axis.code(values.get(axis.fact.name))) for axis in axes]
    named = {reference.row.name for reference in decision.references if reference.outcome == table.outcome}
    is_open = len(named) != 1
    rows = []
    for row in table.rows:
        cells = []
        for axis, mine, cell in zip(axes, bins, row.cells, strict=True):
            admits = axis.admits(cell)
            cells.append((tidy(cell.text), not any(admits[code] for code in mine)))
        state = DIM if row.name not in named else MAYBE if is_open else HIT
        rows.append(_row(row, cells, state))
    columns = [Column(name, in_words(name), _here(name, values, decision)) for name in table.inputs]
    return ShownTable(
        table.outcome, table.title, table.edition or decision.edition.key, columns, rows,
        prod(axis.count for axis in axes), prod(len(mine) for mine in bins), is_open,
        [row.name for row in table.rows if row.name in named],
    )  # fmt: skip


def _here(name: str, values: Mapping[str, Value | None], decision: Decision) -> str:
    value = values.get(name)
    if value is None or isinstance(value, Unknown):
        why = value if isinstance(value, Unknown) else decision.given.unknown.get(name)
        reason = str(why.reason) if why is not None else "absent"
        return "not known" if reason == "absent" else f"not known: {reason}"
    if isinstance(value, OneOf):
        return " or ".join(sorted(value.values))
    return str(value)


def _row(row: Any, cells: Sequence[tuple[str, bool]], state: str = "") -> ShownRow:
    verified = row.citations[0].verified if row.citations else ""
    return ShownRow(row.name, cells, row.outcome_text(), row.citations, verified, row.remark, state)
