"""Tables, decisions and differences as plain text."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

from ..facts.fact import Fact
from ..facts.value import Json
from ..tables.decision import Decision
from ..tables.edition import Edition
from ..tables.library import Knowledge
from ..tables.table import Table
from .plain import plain
from .text.page import page_width

if TYPE_CHECKING:
    from ..tables.difference import Disagreement


def columns(rows: Sequence[Sequence[str]], indent: str = "") -> str:
    """Rows of cells as aligned text; the first row is the heading."""
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    lines = [indent + "  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip() for row in rows]
    rule = indent + "  ".join("-" * width for width in widths)
    return "\n".join([lines[0], rule, *lines[1:]])


def counted(count: int, word: str) -> str:
    """So many of something: "1 dose", "2 doses"."""
    return f"{count} {word}" if count == 1 else f"{count} {word}s"


def paragraph(text: str, indent: str = "", hanging: str = "") -> str:
    """A text filled to the page's width, made plain; never broken inside a word. All lines but the first hang."""
    return "\n".join(wrapped(text, indent, hanging))


def wrapped(text: str, indent: str = "", hanging: str = "") -> tuple[str, ...]:
    """The lines of such a paragraph."""
    return _wrapped(text, indent, hanging, page_width())


@lru_cache(maxsize=4096)
def _wrapped(text: str, indent: str, hanging: str, width: int) -> tuple[str, ...]:
    return tuple(
        textwrap.wrap(
            plain(text),
            width,
            initial_indent=indent,
            subsequent_indent=indent + hanging,
            break_long_words=False,
            break_on_hyphens=False,
        )
    )


def show_table(table: Table, edition: Edition, knowledge: Knowledge) -> str:
    """One table with its rows, its remarks and the references it rests on."""
    head = ["row", *table.inputs, f"=> {table.outcome}", "source"]
    rows = [head]
    for row in table.rows:
        cited = ", ".join(map(str, row.citations))
        rows.append([row.name, *(cell.text for cell in row.cells), row.outcome_text(), cited])
    parts = [
        f"{table.name}  ({edition.title}; in force {edition.window()}; reviewed by {edition.reviewed_by})",
        "",
        columns(rows, "  "),
    ]
    remarks = [f"row {row.name}: {row.remark}" for row in table.rows if row.remark]
    if remarks:
        parts += ["", *(paragraph(remark, "  ") for remark in remarks)]
    keys = dict.fromkeys(citation.key for row in table.rows for citation in row.citations)
    parts += ["", "  Sources"]
    for key in keys:
        source = knowledge.sources[key]
        parts.append(paragraph(f"{key}: {source.reference}. {source.address} ({source.verified})", "    "))
    return "\n".join([*parts, ""])


def table_json(table: Table, edition: Edition) -> dict[str, Json]:
    """One table as JSON: its edition, inputs and rows, each with its cells, outcome, remark and citations."""
    rows: list[Json] = [
        {
            "row": row.name, "cells": dict(zip(table.inputs, (cell.text for cell in row.cells), strict=True)),
            "outcome": row.outcome_text(), "remark": row.remark,
            "sources": [citation.as_json() for citation in row.citations],
        }
        for row in table.rows
    ]  # fmt: skip
    return {
        "edition": edition.key, "title": edition.title, "in_force": edition.window(),
        "jurisdiction": edition.jurisdiction, "reviewed_by": edition.reviewed_by, "outcome": table.outcome,
        "inputs": list(table.inputs), "rows": rows,
    }  # fmt: skip


def list_editions(knowledge: Knowledge) -> str:
    """Every edition with its dates and, below it, for whom it decides what."""
    rows = [["edition", "in force", "jurisdiction"]]
    rows += [[edition.key, edition.window(), edition.jurisdiction] for edition in knowledge.editions]
    heading, rule, *lines = columns(rows).splitlines()
    listed = [heading, rule]
    for edition, line in zip(knowledge.editions, lines, strict=True):
        listed.append(line)
        if edition.tables:
            lends = " (lent to every edition)" if edition.supplement else ""
            whom = ", ".join(edition.scope_values) or "any"
            listed.append(paragraph(f"{whom}: {', '.join(edition.tables)}{lends}", "    "))
    return "\n".join(listed)


def show_fact(fact: Fact) -> str:
    """What a fact is and which values it takes."""
    test = f" Belongs to the test {fact.test}." if fact.test else ""
    return paragraph(f"{fact.name}: {fact.expected()}. {fact.meaning}{test}")


def show_decision(decision: Decision) -> str:
    """A decision for one patient, with its reasons."""
    lines = [
        f"{decision.outcome}: {outcome_words(decision)}",
        f"  edition {decision.edition.key}: {decision.edition.title}",
    ]
    lines += [f"  {line}" for line in reason_lines(decision)]
    lines += [f"  assumed {name} {value}" for name, value in decision.assumed.items()]
    return "\n".join(lines)


def outcome_words(decision: Decision) -> str:
    """The outcome, or what is still possible."""
    if decision.contradictory:
        return "cannot happen: the facts contradict each other"
    if decision.value is None:
        return "undetermined (" + " or ".join(decision.possible) + ")"
    return decision.value


def reason_lines(decision: Decision) -> Iterable[str]:
    """The rows, the remarks, what is unknown and what would settle it."""
    for reference in decision.references:
        verb = "still possible" if decision.value is None and reference.outcome == decision.outcome else "applies"
        cited = ", ".join(map(str, reference.row.citations))
        yield f"row {reference.row.name} of {reference.outcome} {verb}: {reference.row.outcome_text()} [{cited}]"
    for remark in decision.remarks:
        yield f"note: {remark}"
    for note in decision.notes:
        yield f"note: {note}"
    for name, why in decision.given.unknown.items():
        if name in decision.array.place or why.detail:
            yield f"unknown {name} ({why})"
    if decision.would_settle:
        yield "would settle it: " + settle_words(decision.would_settle)


def settle_words(sets: Iterable[Iterable[str]]) -> str:
    """Sets of facts in words: `her2_copies and ish_recount, or ihc_score`."""
    return ", or ".join(" and ".join(names) for names in sets)


def show_differences(left: str, right: str, disagreements: Sequence[Disagreement]) -> str:
    """Disagreements of two editions, outcome by outcome."""
    if not disagreements:
        return f"{left} and {right} agree in every situation."
    lines: list[str] = []
    outcome = ""
    for number, disagreement in enumerate(disagreements, start=1):
        if disagreement.outcome != outcome:
            outcome = disagreement.outcome
            total = sum(other.boxes for other in disagreements if other.outcome == outcome)
            lines += ["", f"{outcome}: {left} and {right} disagree in {total} situations"]
        lines += [
            f"{number:>3}. when {disagreement.situation}",
            f"       {disagreement.left}",
            f"       {disagreement.right}",
        ]
    return "\n".join(lines).lstrip("\n")
