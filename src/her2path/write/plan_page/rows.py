"""Rows of tables that may come to apply to a patient: when, what then, and which row says so."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from ...facts.fact import Facts
from ...facts.value import Value
from ...findings.course.standing import Standing
from ...tables.decision import Decision
from ...tables.table import Cell, Row
from ..text.first_lines import called, in_words

CHANGES = ("lvef_finding", "cardiac_action", "missed_dose_action", "weight_change_action")
"""The outcomes whose rows are told: each says what becomes of a dose, or names what another one asks for."""
NAMES_ONLY = ("lvef_finding",)
"""Of these the value is a name that other rows ask for."""
LEVELS = "dose_per_administration"
FIXED = ("setting", "product", "tumour_site", "schedule", "on_hold", "sex")
"""Facts that are taken as they stand: a row that asks for another value is not told."""
PREMEDICATION = re.compile(r"[^.]*\bpremedic[^.]*\.?", re.IGNORECASE)
_BOUND = re.compile(r"(>=|<=|>|<) *")
_BETWEEN = re.compile(r"([\[(])([^.\])]+(?:\.\d+)?)\.\.([^\])]+)([\])])")
UNITS = {"mm": "mm", "cm": "cm", "kg": "kg", "percent": "%", "mg": "mg"}
"""Ends of names of facts that are units."""
SHORT = {"lvef": "LVEF", "lvef_fall": "LVEF fall", "lvef_finding": "LVEF", "er_status": "ER", "pr_status": "PR"}
BOUNDS = {">=": "at least ", "<=": "up to ", ">": "above ", "<": "below "}


@dataclass(frozen=True, slots=True)
class Modification:
    """One row that may come to apply: `when` in words, `what` then, and its name with that of its table."""

    when: str
    what: str
    rows: str


def modifications(found: Standing, drugs: Sequence[str]) -> list[Modification]:
    """The rows on the heart, on late doses, on weight and on dose levels that may come to apply, drug by drug."""
    listed: list[Modification] = []
    for drug in drugs:
        several = called(found, drug) if len(drugs) > 1 else ""
        for outcome in (*CHANGES, LEVELS):
            listed += _of_outcome(found, drug, outcome, several)
    return listed


def premedication(found: Standing, drugs: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The rows that speak of premedication, and what they say; where none does, that it is so."""
    rows: list[str] = []
    items: list[str] = []
    for drug in drugs:
        decision = _asked(found, drug, LEVELS)
        said = False
        for row in decision.edition.tables[LEVELS].rows if decision is not None else ():
            for words in PREMEDICATION.findall(row.remark):
                items.append(f"{called(found, drug)}: {words.strip()}")
                rows.append(f"{LEVELS}:{row.name}")
                said = True
        if not said:
            items.append(f"{called(found, drug)}: the tables name none")
    return tuple(dict.fromkeys(rows)), tuple(dict.fromkeys(items))


def _asked(found: Standing, drug: str, outcome: str) -> Decision | None:
    """The decision on an outcome for a drug: the one that was made, or one made now."""
    made = found.decision(outcome) if drug == found.product else None
    if made is not None and outcome in made.edition.tables:
        return made
    values: dict[str, Value] = {**found.values, "product": drug}
    decision = found.decide(outcome, values)
    return decision if decision is not None and outcome in decision.edition.tables else None


def _of_outcome(found: Standing, drug: str, outcome: str, several: str) -> Iterator[Modification]:
    decision = _asked(found, drug, outcome)
    if decision is None:
        return
    table = decision.edition.tables[outcome]
    if outcome == LEVELS and "dose_level" not in table.inputs:
        return
    values, facts = {**found.values, "product": drug}, found.rules.knowledge.facts
    applying = set(decision.last_rows) if decision.value is not None and outcome not in (LEVELS, *NAMES_ONLY) else set()
    told: dict[str, list[tuple[str, str]]] = {}
    for row in table.rows:
        if row.cannot_happen or not _may_apply(row, table.inputs, values):
            continue
        when = _when(row, table.inputs, facts)
        if not when or (outcome == LEVELS and "full" in row.cells[table.inputs.index("dose_level")].values):
            continue
        remark = f". {row.remark.rstrip('.')}" if row.remark and outcome not in NAMES_ONLY else ""
        what = in_words(f"{outcome_words(outcome, row)}{remark}")
        told.setdefault(what, []).append((f"{when}{' (now)' if row.name in applying else ''}", row.name))
    for what, rows in told.items():
        when = "; or ".join(words for words, _ in rows)
        names = ", ".join(name for _, name in rows)
        yield Modification(f"{several}{': ' if several else ''}{when}", what, f"{outcome}:{names}")


def outcome_words(outcome: str, row: Row) -> str:
    """What a row says, with a word more where its value alone would not be understood."""
    said = row.outcome_text()
    if outcome in NAMES_ONLY:
        return f"counts as {said!r} below"
    return {"maintenance": "maintenance dose", "reload": "re-load"}.get(said, said)


def _may_apply(row: Row, inputs: Sequence[str], values: Mapping[str, Value]) -> bool:
    """Whether a row may come to apply while what is fixed stays as it is."""
    for name, cell in zip(inputs, row.cells, strict=True):
        value = values.get(name)
        if name in FIXED and isinstance(value, str) and not cell.is_any and cell.values and value not in cell.values:
            return False
    return True


def _when(row: Row, inputs: Sequence[str], facts: Facts) -> str:
    """The cells of a row in words, without those that are fixed or ask for nothing."""
    cells = zip(inputs, row.cells, strict=True)
    return ", ".join(
        fact_words(name, cell_words(cell), facts) for name, cell in cells if not cell.is_any and name not in FIXED
    )


def fact_words(name: str, value: str, facts: Facts) -> str:
    """A fact and its value as a person says them: `tumour_size_mm` 24 is "tumour size 24 mm"."""
    last = name.rpartition("_")[2]
    if name in SHORT:
        return f"{SHORT[name]} {value}"
    if last in UNITS and facts[name].is_number:
        return f"{in_words(name).removesuffix(f' {last}')} {value} {UNITS[last]}"
    return f"{in_words(name)} {value}"


def cell_words(cell: Cell) -> str:
    """A cell as a person says it: `[28..56]` is "28 to 56", `>= 50` is "at least 50"."""
    text = _BETWEEN.sub(_between, cell.text)
    text = _BOUND.sub(lambda match: BOUNDS[match[1]], text)
    return text.replace(", ", " or ")


def _between(match: re.Match[str]) -> str:
    low = "above " if match[1] == "(" else ""
    high = "below " if match[4] == ")" else ""
    return f"{low}{match[2].strip()} to {high}{match[3].strip()}"
