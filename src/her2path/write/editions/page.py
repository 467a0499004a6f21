"""An edition, what it decides otherwise than another, and what that does to patients, as one page of HTML to share.

The page stands by itself: no script, no other file, light and dark, and for print. jinja2, the extra `html`, writes it
and escapes everything that is shown.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence
from importlib.util import find_spec
from itertools import groupby
from math import sqrt
from pathlib import Path
from typing import Any

from ...facts.problem import AskedWrongly
from ...tables.array import Array
from ...tables.cases import not_filled_in
from ...tables.difference import Disagreement
from ...tables.edition import Edition
from ...tables.library import Knowledge
from ...tables.own.moves import PARTS, Changes
from .changes_text import TOLD, how_many

MOST_PATIENTS = 500
"""So many patients are listed on a page; JSON tells all."""
BAR = 108
LEVELS = {
    "seen": "seen in the source itself", "secondary": "seen in a copy or a review", "remembered": "from memory",
    "decided": "decided where the source is silent",
}  # fmt: skip
PIPS = {"seen": 3, "secondary": 2, "remembered": 1, "decided": 0}
KINDS = {
    "stop": ("stop", "STOP", "DO NOT GIVE THE ORDER", "not eligible", "too low", "far too low"),
    "act": ("hold", "HOLD", "consider stopping"),
    "due": ("resume", "CHANGE"),
    "open": ("ASK FIRST", "NOT KNOWN", "clinician decides", "cardiologist decides", "undetermined", "open"),
    "ok": ("continue", "GIVE", "eligible", "enough", "positive"),
}
"""Which outcomes have a colour and a shape of their own; all others look alike."""
_KIND_OF = {word: kind for kind, words in KINDS.items() for word in words}


def edition_page(edition: Edition, knowledge: Knowledge, command: str = "") -> str:
    """The page of one edition: its proof, its rows, its sources. Raises `AskedWrongly` where jinja2 is not there."""
    about = _prose_of(edition)
    return _rendered(edition.title, about, [edition], knowledge, command, tables=[edition])


def difference_page(
    left: Edition, right: Edition, differences: Sequence[Disagreement], knowledge: Knowledge,
    changes: Changes | None = None, command: str = "",
) -> str:  # fmt: skip
    """The page of a change: the proofs, the patients whom it moves, each situation before and after, the new rows.

    Raises `AskedWrongly` where jinja2 is not there.
    """
    heading = f"{right.title}: what changes"
    about = f"{left.key} ({left.title}) before, {right.key} ({right.title}) after."
    return _rendered(
        heading, about, [left, right], knowledge, command, tables=[right], differences=differences, changes=changes
    )


def _rendered(
    heading: str, about: str, editions: Sequence[Edition], knowledge: Knowledge, command: str, *,
    tables: Sequence[Edition], differences: Sequence[Disagreement] | None = None, changes: Changes | None = None,
) -> str:  # fmt: skip
    if find_spec("jinja2") is None:
        raise AskedWrongly("a page of HTML needs jinja2: pip install 'her2path[html]'")
    import jinja2
    from markupsafe import Markup

    here = Path(__file__).parent
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, keep_trailing_newline=True
    )
    template = environment.from_string((here / "page.html.jinja").read_text(encoding="utf-8"))
    changed = _changed_rows(differences or ())
    outcomes = [(name, [*some]) for name, some in groupby(differences or (), key=lambda each: each.outcome)]
    return template.render(
        heading=heading, about=about, command=command, made=dt.date.today().isoformat(),
        style=Markup((here / "page.css").read_text(encoding="utf-8")), kind_of=_kind_of, levels=LEVELS, pips=PIPS,
        editions=[_proof(each, knowledge) for each in editions],
        tables=[_table(table, knowledge, changed) for each in tables for table in each.tables.values()],
        sources=_sources(editions, knowledge), differences=differences, boxes=sum(d.boxes for d in differences or ()),
        outcomes=[_outcome(name, some) for name, some in outcomes],
        changes=changes, parts=_parts(changes), how_many=how_many(changes) if changes else "",
        shown=changes.changed[:MOST_PATIENTS] if changes else [],
    )  # fmt: skip


def _kind_of(words: str) -> str:
    return _KIND_OF.get(words, "open" if words.startswith("undetermined") else "note")


def _prose_of(edition: Edition) -> str:
    whom = ", ".join(edition.scope_values)
    return f"{edition.key}: jurisdiction {edition.jurisdiction}" + (f", for {whom}." if whom else ".")


def _proof(edition: Edition, knowledge: Knowledge) -> dict[str, Any]:
    tables = edition.tables.values()
    return {
        "key": edition.key, "window": edition.window(), "reviewed_by": edition.reviewed_by,
        "situations": sum(Array([table], knowledge.facts).situations for table in tables),
        "rows": sum(len(table.rows) for table in tables), "cases": len(edition.cases),
        "problems": [f"line {each.line}: {each.what}; {each.advice}" for each in not_filled_in(edition)],
    }  # fmt: skip


def _table(table: Any, knowledge: Knowledge, changed: set[tuple[str, str]]) -> dict[str, Any]:
    rows = [
        {
            "name": row.name, "cells": [cell.text for cell in row.cells], "outcome": row.outcome_text(),
            "remark": row.remark, "citations": row.citations, "changed": (table.outcome, row.name) in changed,
        }
        for row in table.rows
    ]  # fmt: skip
    return {
        "name": table.name, "title": table.title, "inputs": table.inputs, "outcome": table.outcome, "rows": rows,
        "situations": Array([table], knowledge.facts).situations,
    }  # fmt: skip


def _changed_rows(differences: Sequence[Disagreement]) -> set[tuple[str, str]]:
    """The rows of the right edition that stand behind a difference."""
    found: set[tuple[str, str]] = set()
    for each in differences:
        names = (re.match(r"row ([^,]+)", words) for words in each.right.rows)
        found |= {(each.outcome, name[1]) for name in names if name}
    return found


def _outcome(name: str, differences: Sequence[Disagreement]) -> dict[str, Any]:
    listed = [
        {"boxes": each.boxes, "tags": _tags(each.situation), "left": each.left, "right": each.right}
        for each in sorted(differences, key=lambda each: -each.boxes)
    ]
    return {"name": name, "boxes": sum(each.boxes for each in differences), "differences": listed}


def _tags(situation: str) -> list[str]:
    """A situation in words, apart by its facts: a comma before a name begins the next, one between values does not."""
    return re.split(r", (?=[a-z0-9]+_[a-z0-9_]+ |setting |product |stage )", situation)


def _sources(editions: Sequence[Edition], knowledge: Knowledge) -> list[dict[str, Any]]:
    own = {key for edition in editions for key in edition.sources}
    keys = dict.fromkeys(
        citation.key
        for edition in reversed(editions)
        for citations in (
            edition.citations,
            *(row.citations for table in edition.tables.values() for row in table.rows),
        )
        for citation in citations
    )
    found = [knowledge.sources[key] for key in (*sorted(own), *(key for key in keys if key not in own))]
    return [
        {"key": each.key, "reference": each.reference, "address": each.address, "verified": each.verified,
         "own": each.key in own}
        for each in found
    ]  # fmt: skip


def _parts(changes: Changes | None) -> list[dict[str, Any]]:
    """The moves of patients with their counts; bars by square root, so that few are seen beside many."""
    if changes is None:
        return []
    parts = []
    for part in TOLD:
        counts = sorted(changes.counts(part).items(), key=lambda each: (each[0][0], -each[1]))
        moves = [
            {"what": what, "before": before, "after": after, "count": count,
             "width": round(max(BAR * sqrt(count / max(changes.patients, 1)), 2), 1)}
            for (what, before, after), count in counts
        ]  # fmt: skip
        if moves:
            parts.append({"title": PARTS[part], "moves": moves})
    return parts
