"""What a change of edition does to the patients of a source, as text."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from ...tables.own.moves import PARTS, Changed, Changes, Move
from ..plain import plain
from ..table_text import counted, paragraph

TOLD = ("treatment", "outcomes")
"""The parts that are counted in text; what other tables make of it is named of each patient, and counted in JSON."""
MOST_TOLD = 20
"""So many patients are told one by one; JSON and the page tell all."""


def show_changes(changes: Changes, most: int = MOST_TOLD) -> str:
    """Counts first, then who changes and what it means for the treatment."""
    lines = [
        f"{changes.left} and {changes.right}: {counted(changes.patients, 'patient')} of {plain(changes.source)}, "
        f"reviewed as of {changes.on}",
        how_many(changes),
    ]
    for part in TOLD:
        title = PARTS[part]
        counts = sorted(changes.counts(part).items(), key=lambda each: (each[0][0], -each[1]))
        if counts:
            lines += ["", title]
        for what, moves in groupby(counts, key=lambda each: each[0][0]):
            lines.append(f"  {plain(what)}")
            lines += [f"    {count:>6}  {plain(before)} -> {plain(after)}" for (_, before, after), count in moves]
    if changes.changed:
        lines += ["", "Who changes"]
    for each in changes.changed[:most]:
        lines += _patient(each)
    if len(changes.changed) > most:
        lines.append(f"  and {len(changes.changed) - most} more; --json tells all of them")
    return "\n".join(lines)


def how_many(changes: Changes) -> str:
    """How many patients of how many change, with their share."""
    changed = len(changes.changed)
    verb = "changes" if changed == 1 else "change"
    share = f" ({100 * changed / changes.patients:.1f} %)" if changes.patients and changed else ""
    return f"{changed} of {counted(changes.patients, 'patient')} {verb}{share}"


def _patient(each: Changed) -> list[str]:
    facts = ", ".join(f"{name} {value}" for name, value in each.facts)
    lines = [paragraph(f"{each.patient}: {facts}" if facts else each.patient, "  ", "  ")]
    if each.next_dose[0] and each.next_dose[0] == each.next_dose[1]:
        lines.append(f"      next dose: {each.next_dose[0]} before and after")
    lines += [_move(move) for move in (*each.treatment, *each.outcomes)]
    if each.follows:
        also = ", ".join(move.what for move in each.follows)
        lines.append(paragraph(f"other tables, that read it: {also}", "      ", "  "))
    for title, keys in (("no more", each.findings_gone), ("new", each.findings_new)):
        lines += _findings(title, keys)
    return lines


def _move(move: Move) -> str:
    rows = f"  [{', '.join(move.rows_after)}]" if move.rows_after else ""
    why = f" ({move.why})" if move.why else ""
    return paragraph(f"{move.what}: {move.before} -> {move.after}{why}{rows}", "      ", "  ")


def _findings(title: str, keys: Sequence[str]) -> list[str]:
    return [paragraph(f"findings {title}: {', '.join(keys)}", "      ", "  ")] if keys else []
