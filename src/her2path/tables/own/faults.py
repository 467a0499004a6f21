"""What is wrong with a file, the first faults first: what only follows from another fault is left out."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import groupby

from ...facts.problem import Problem
from ..cases import NOT_FILLED_IN

FOLLOWING = ("case not run", "case disagrees", "never given")
"""Kinds that say nothing of their own while a table of the file cannot be read, or does not hold."""
LATER = ("idle input",)
"""Kinds that may follow from a gap or an overlap of the same table."""
_MISSING_SOURCE = re.compile(r"(?:row (?P<row>.+): )?(?P<rest>@(?P<key>[a-z0-9-]+) is not in sources\.md)")


def first_faults(problems: Iterable[Problem]) -> list[Problem]:
    """Problems in the order of their files and lines, without those that follow from others of the same file."""
    found: list[Problem] = []
    for _, of_file in groupby(sorted(set(problems)), key=lambda problem: problem.path):
        found += _of_one_file([*of_file])
    return found


def _of_one_file(problems: Sequence[Problem]) -> list[Problem]:
    first = [each for each in problems if each.kind not in (*FOLLOWING, *LATER)]
    if all(each.kind == NOT_FILLED_IN for each in first):
        return [*problems]
    kept = first if any(each.kind in ("gap", "overlap", "dead row") for each in first) else _with_idle(first, problems)
    return _named_once(_sources_once(kept))


def _with_idle(first: Sequence[Problem], problems: Sequence[Problem]) -> list[Problem]:
    return sorted([*first, *(each for each in problems if each.kind in LATER)])


def _sources_once(problems: Sequence[Problem]) -> list[Problem]:
    """A source that is missing is told once, with the lines of all rows that cite it."""
    lines: dict[str, list[int]] = {}
    for each in problems:
        if (match := _MISSING_SOURCE.fullmatch(each.what)) is not None:
            lines.setdefault(match["key"], []).append(each.line)
    told: list[Problem] = []
    said: set[str] = set()
    for each in problems:
        match = _MISSING_SOURCE.fullmatch(each.what)
        if match is None:
            told.append(each)
        elif match["key"] not in said:
            said.add(match["key"])
            others = lines[match["key"]][1:]
            many = f" (cited in {len(others)} more lines: {_spans(others)})" if others else ""
            told.append(replace(each, what=(match["rest"] if others else each.what) + many))
    return told


def _named_once(problems: Sequence[Problem]) -> list[Problem]:
    """A name that is no fact is told where it stands first."""
    told: list[Problem] = []
    said: set[str] = set()
    for each in problems:
        name = re.search(r"'([a-z0-9_]+)'", each.what) if each.kind == "unknown fact" else None
        if name is not None and name[1] in said:
            continue
        if name is not None:
            said.add(name[1])
        told.append(each)
    return told


def _spans(lines: Sequence[int]) -> str:
    """Lines in short: 20 to 22, 39."""
    spans: list[list[int]] = []
    for line in lines:
        if spans and line == spans[-1][-1] + 1:
            spans[-1].append(line)
        else:
            spans.append([line])
    return ", ".join(str(span[0]) if len(span) == 1 else f"{span[0]} to {span[-1]}" for span in spans)
