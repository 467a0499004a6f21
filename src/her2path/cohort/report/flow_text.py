"""The flow between editions as text."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

from ...write.plain import plain
from ...write.table_text import counted as how_many
from .flow import Flow, Moved
from .numbers import open_words, rate_words

MOST_FINDINGS = 10


def show_flow(flow: Flow, moved: Sequence[Moved], folder: Path, most: int) -> str:
    """Counts by edition first, then each step, the measures that move, and who changes."""
    lines = [f"{how_many(flow.patients, 'patient')} of {folder}, by {', '.join(flow.editions)}", "", "HER2 status"]
    columns = [flow.column(place) for place in range(len(flow.editions))]
    width = max(len(key) for key in flow.editions)
    lines.append("  " + " ".join(f"{key:>{width}}" for key in ("", *flow.editions)))
    for status in dict.fromkeys(status for column in columns for status in column):
        numbers = [flow.told(column.get(status, 0)) for column in columns]
        lines.append("  " + " ".join(f"{each:>{width}}" for each in (status, *numbers)))
    for place, (before, after) in enumerate(zip(flow.editions, flow.editions[1:], strict=False)):
        lines += ["", f"{before} -> {after}"]
        moves = {pair: number for pair, number in flow.step(place).items() if pair[0] != pair[1]}
        if not moves:
            lines.append("  nobody has another status")
            continue
        lines += [f"  {flow.told(number):>8}  {a} -> {b}" for (a, b), number in moves.items()]
        for what, alike in groupby(flow.follows[place].items(), key=lambda entry: entry[0][0]):
            lines.append(f"  {what}")
            lines += [f"    {flow.told(number):>8}  {plain(a)} -> {plain(b)}" for (_, a, b), number in alike]
        findings = [*flow.findings[place].items()]
        if findings:
            lines.append("  findings, in patients more or fewer")
            for (outcome, value), number in findings[:MOST_FINDINGS]:
                sign = "+" if number > 0 else ""
                lines.append(f"    {sign + flow.told(number):>8}  {outcome}: {plain(value)}")
            if len(findings) > MOST_FINDINGS:
                lines.append(f"    and {len(findings) - MOST_FINDINGS} more; --format json tells all of them")
    if moved:
        lines += ["", "Measures that another edition moves"]
    for each in moved:
        lines.append(f"  {each.counted[0].measure.key}: {each.counted[0].measure.title}")
        for key, counted in zip(each.editions, each.counted, strict=True):
            lines.append(f"    {key}: {rate_words(counted, each.least)}{open_words(counted, each.least)}")
    if not flow.changed:
        return "\n".join(lines)
    lines += ["", f"Who changes: {flow.told(len(flow.changed))}"]
    if flow.least:
        return "\n".join(lines)
    for mover in flow.changed[:most]:
        lines.append(
            f"  {plain(mover.patient)}: {' -> '.join(mover.statuses)}  [{' -> '.join(dict.fromkeys(mover.rows))}]"
        )
        if len({*mover.verdicts}) > 1:
            lines.append(f"      next dose: {' -> '.join(mover.verdicts)}")
    if len(flow.changed) > most:
        lines.append(f"  and {len(flow.changed) - most} more; --who tells all of them")
    return "\n".join(lines)
