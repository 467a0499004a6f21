"""Scores: points that facts add up to, as a grid of an edition says them.

    | points for `hfa_points` | fact           | value    | source    | verified |
    |-------------------------|----------------|----------|-----------|----------|
    | 2                       | `age_years`    | [65..80) | @esc2022  | seen     |

Points of different facts are added; of the rows of one fact at most one applies. A fact that is not known
adds anything from nothing to its most points, so that the score is then an interval.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

from ..facts.fact import Facts
from ..facts.markdown import Grid, Section, code_names, plain
from ..facts.problem import Problem
from ..facts.source import VERIFIED, Citation, Sources, parse_citations
from ..facts.value import Interval, OneOf, Value
from .table import Cell, parse_cell

HEAD = "points for"


@dataclass(frozen=True, slots=True)
class PointsRow:
    """One row: the points a fact adds when its value lies in the cell."""

    points: int
    fact: str
    cell: Cell
    citations: tuple[Citation, ...]
    line: int

    def holds(self, value: Value | None) -> bool | None:
        """Whether the value lies in the cell; `None` where that is not known."""
        return lies_in(self.cell, value)


def lies_in(cell: Cell, value: Value | None) -> bool | None:
    """Whether a value lies in a cell; `None` where that is not known."""
    if cell.is_any:
        return True
    if isinstance(value, Interval):
        inside = [limit for limit in cell.intervals if limit.overlaps(value)]
        if not inside:
            return False
        return True if any(_within(value, limit) for limit in inside) else None
    if isinstance(value, OneOf):
        common = value.values & cell.values
        return True if common == value.values else (None if common else False)
    if isinstance(value, str):
        return value in cell.values
    if isinstance(value, float | Decimal):
        number = value if isinstance(value, Decimal) else Decimal(repr(value))
        return any(number in limit for limit in cell.intervals)
    return None


@dataclass(frozen=True, slots=True)
class Score:
    """A number fact and the parts it is the sum of."""

    fact: str
    parts: tuple[PointsRow, ...]
    line: int
    by_fact: tuple[tuple[str, tuple[PointsRow, ...]], ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        names = dict.fromkeys(part.fact for part in self.parts)
        grouped = tuple((name, tuple(part for part in self.parts if part.fact == name)) for name in names)
        object.__setattr__(self, "by_fact", grouped)

    @property
    def inputs(self) -> tuple[str, ...]:
        """The facts that it is added up from, in the order of its rows."""
        return tuple(name for name, _ in self.by_fact)

    def total(self, values: Mapping[str, Value]) -> Decimal | Interval:
        """The sum for one patient; an interval where some facts are not known."""
        low = high = 0
        for fact, parts in self.by_fact:
            value = values.get(fact)
            if value is None:
                high += max(part.points for part in parts)
                continue
            parts_hold = [(part.points, part.holds(value)) for part in parts]
            sure = sum(points for points, holds in parts_hold if holds)
            low += sure
            high += sure or max((points for points, holds in parts_hold if holds is None), default=0)
        return Decimal(low) if low == high else Interval(Decimal(low), Decimal(high), True, True)


def _within(value: Interval, limit: Interval) -> bool:
    low = limit.low is None or (
        value.low is not None
        and (value.low > limit.low or (value.low == limit.low and (limit.low_included or not value.low_included)))
    )
    high = limit.high is None or (
        value.high is not None
        and (value.high < limit.high or (value.high == limit.high and (limit.high_included or not value.high_included)))
    )
    return low and high


def parse_scores(section: Section, path: Path, facts: Facts, sources: Sources) -> Iterator[Score | Problem]:
    """Every score of a section, with the problems found."""
    for grid in section.grids:
        if grid.first.startswith(HEAD):
            yield from _parse_score(grid, path, facts, sources)


def _parse_score(grid: Grid, path: Path, facts: Facts, sources: Sources) -> Iterator[Score | Problem]:
    name = next(iter(code_names(grid.header[0])), "")
    if name not in facts or not facts[name].is_number:
        what = f"the points are for {name!r}, which is no number"
        yield Problem(path, grid.line, "unknown fact", what, "define it in facts.md as a number")
        return
    parts: list[PointsRow] = []
    for line, record in grid.records():
        points, fact = plain(record[plain(grid.header[0])]), plain(record.get("fact", ""))
        verified = plain(record.get("verified", ""))
        citations = parse_citations(record.get("source", ""), verified)
        if fact not in facts:
            yield Problem(path, line, "unknown fact", f"no fact is called {fact!r}", "define it in facts.md")
            continue
        cell = parse_cell(record.get("value", ""), facts[fact])
        if isinstance(cell, str):
            yield Problem(path, line, "unknown value", cell, "mend the cell")
        elif not points.isdecimal() or int(points) < 1:
            yield Problem(path, line, "bad score", f"{points!r} are no points", "write a whole number, 1 or more")
        elif not citations or verified not in VERIFIED:
            yield Problem(
                path, line, "no source", f"{fact} has no source or level", "cite one: @key where; and a level"
            )
        elif unknown := [citation.key for citation in citations if citation.key not in sources]:
            yield Problem(path, line, "unknown source", f"@{unknown[0]} is not in sources.md", "add it there")
        else:
            parts.append(PointsRow(int(points), fact, cell, citations, line))
    if parts:
        yield Score(name, tuple(parts), grid.line)
