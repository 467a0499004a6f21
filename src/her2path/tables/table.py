"""A decision table as its Markdown says it: inputs, rows, outcomes, sources and worked cases.

    | row | `her2_cep17_ratio` | `her2_copies` | => `ish_group` | source            | verified |
    |-----|--------------------|---------------|----------------|-------------------|----------|
    | 1   | >= 2.0             | >= 4.0        | 1              | @wolff2018 Fig 3  | seen     |

Whether the rows are complete and free of overlap is proven in `proof.py`; how they are looked up
is `array.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from ..facts.cache import InParts
from ..facts.fact import Fact, Facts
from ..facts.markdown import Grid, Section, code_names, plain
from ..facts.number import parse_interval
from ..facts.problem import Problem
from ..facts.source import VERIFIED, Citation, Sources, parse_citations
from ..facts.value import Interval, Unknown

CANNOT_HAPPEN = "cannot happen"
MOST_ROWS = 64
ADD_SOURCE = "add it there, or list it in a table headed | key | reference | address | read | verified | of the file"


@dataclass(frozen=True, slots=True)
class Cell:
    """What a row asks of one input: any value, or some intervals and named values."""

    text: str
    is_any: bool = False
    intervals: tuple[Interval, ...] = ()
    values: frozenset[str] = frozenset()


ANY = Cell("-", is_any=True)


@dataclass(frozen=True, slots=True)
class Row:
    """A row: `outcomes` is one value, or several where the source leaves the outcome open."""

    name: str
    line: int
    cells: tuple[Cell, ...]
    outcomes: frozenset[str]
    citations: tuple[Citation, ...]
    remark: str = ""

    @property
    def cannot_happen(self) -> bool:
        """Whether it says that its situation cannot happen."""
        return CANNOT_HAPPEN in self.outcomes

    def outcome_text(self) -> str:
        """Its outcomes in words: "positive", "open: equivocal, negative"."""
        return next(iter(self.outcomes)) if len(self.outcomes) == 1 else "open: " + ", ".join(sorted(self.outcomes))


@dataclass(frozen=True, slots=True)
class Case:
    """A worked case beside the rules: the facts given, the outcomes and the row expected."""

    name: str
    line: int
    given: dict[str, str]
    outcome: str
    expected: frozenset[str]
    row: str


@dataclass(slots=True)
class Table(InParts):
    """One outcome of an edition, decided by its inputs."""

    later: ClassVar[tuple[str, ...]] = ("rows", "cases")

    outcome: str
    title: str
    path: Path
    line: int
    inputs: tuple[str, ...]
    rows: tuple[Row, ...]
    edition: str = ""
    cases: list[Case] = field(default_factory=list)

    @property
    def name(self) -> str:
        """Edition and outcome as one word, as people read it."""
        return f"{self.edition}/{self.outcome}"

    def row(self, name: str) -> Row:
        """A row by its name. Raises `StopIteration` where there is none."""
        return next(row for row in self.rows if row.name == name)


def parse_cell(text: str, fact: Fact) -> Cell | str:
    """A cell of an input column; a `str` says in words why it cannot be read."""
    words = plain(text)
    if words == "-":
        return Cell("-", is_any=True)
    if not words:
        return "the cell is empty; write - for any value"
    intervals: list[Interval] = []
    values: set[str] = set()
    for part in (part.strip() for part in words.split(",")):
        if part in fact.values:
            values.add(part)
            continue
        interval = parse_interval(part) if fact.is_number else None
        if interval is None:
            return f"{fact.name} cannot be {part!r}; expected {fact.expected()}"
        if interval.is_empty or not interval.overlaps(fact.plausible):
            return f"no {fact.name} can be {part}; expected {fact.expected()}"
        intervals.append(interval)
    return Cell(words, intervals=tuple(intervals), values=frozenset(values))


def parse_outcome(text: str, fact: Fact) -> frozenset[str] | str:
    """An outcome cell: a value, `cannot happen`, or `open: a, b`; a `str` says what is wrong."""
    words = plain(text)
    if words == CANNOT_HAPPEN:
        return frozenset({CANNOT_HAPPEN})
    parts = [part.strip() for part in words.removeprefix("open:").split(",")]
    unknown = [part for part in parts if part not in fact.values]
    if unknown:
        return f"{fact.name} has no value {', '.join(map(repr, unknown))}; expected {fact.expected()}"
    if len(parts) > 1 and not words.startswith("open:"):
        return f"several outcomes of {fact.name}; write 'open: {words}' where the source leaves it open"
    return frozenset(parts)


def parse_tables(
    section: Section, path: Path, facts: Facts, sources: Sources
) -> Iterator[tuple[Table | None, list[Problem]]]:
    """Every decision table of a section, with the problems found in each."""
    for grid in section.grids:
        if grid.first == "row":
            yield _parse_table(grid, section, path, facts, sources)
        elif grid.first != "case" and any(heading.lstrip().startswith("=>") for heading in grid.header):
            what = f"a table with an outcome begins with the column {grid.first!r}: nothing of it is read"
            yield (
                None,
                [Problem(path, grid.line, "unknown table", what, "head it | row |, or | case | for worked cases")],
            )


def _parse_table(
    grid: Grid, section: Section, path: Path, facts: Facts, sources: Sources
) -> tuple[Table | None, list[Problem]]:
    problems: list[Problem] = []

    def fault(line: int, kind: str, what: str, advice: str) -> None:
        problems.append(Problem(path, line, kind, what, advice))

    columns: list[tuple[int, Fact]] = []
    outcome: tuple[int, Fact] | None = None
    other: dict[str, int] = {}
    for place, heading in enumerate(grid.header[1:], start=1):
        names = code_names(heading)
        is_outcome = heading.lstrip().startswith("=>")
        if not names and not is_outcome:
            if plain(heading) in ("source", "verified", "remark"):
                other[plain(heading)] = place
            else:
                advice = "write fact names in back-ticks; other columns: source, verified, remark"
                fault(grid.line, "unknown column", f"the column {heading!r} is not understood", advice)
            continue
        name = names[0] if names else plain(heading.lstrip("=> "))
        if name not in facts:
            fault(grid.line, "unknown fact", f"no fact is called {name!r}", _define_or_mend(name, facts))
        elif is_outcome and outcome is not None:
            what = f"the table has two outcome columns, {outcome[1].name} and {name}"
            fault(grid.line, "two outcomes", what, "write a table for each outcome")
        elif is_outcome:
            outcome = (place, facts[name])
        elif facts[name].kind == "date":
            what = f"{name} is a date, which a table cannot use"
            fault(grid.line, "unknown fact", what, "derive a number or a category from it")
        elif any(name == fact.name for _, fact in columns):
            fault(grid.line, "input twice", f"{name} stands in two columns", "keep one of them")
        else:
            columns.append((place, facts[name]))
    if outcome is None:
        if not any(problem.kind == "unknown fact" for problem in problems):
            fault(grid.line, "no outcome", "the table has no outcome column", "head one column with => `fact`")
        return None, problems
    if outcome[1].is_number:
        fault(grid.line, "unknown fact", f"{outcome[1].name} is a number", "outcomes are categories")
        return None, problems
    for needed in ("source", "verified"):
        if needed not in other:
            fault(grid.line, "no source", f"the table has no {needed} column", "every row needs its source and level")
    rows: list[Row] = []
    for grid_row in grid.rows:
        row, faults = _parse_row(grid_row.line, grid_row.cells, columns, outcome, other, sources)
        for kind, what, advice in faults:
            fault(grid_row.line, kind, what, advice)
        if any(row.name == earlier.name for earlier in rows):
            fault(grid_row.line, "row twice", f"two rows are called {row.name}", "number them apart")
        rows.append(row)
    if len(rows) > MOST_ROWS:
        advice = "split it into two tables, one feeding the other"
        fault(grid.line, "too large", f"{len(rows)} rows; a person can review {MOST_ROWS}", advice)
    if problems:
        return None, problems
    inputs = tuple(fact.name for _, fact in columns)
    return Table(outcome[1].name, section.title, path, grid.line, inputs, tuple(rows)), problems


def _define_or_mend(name: str, facts: Facts) -> str:
    import difflib  # only where something is wrong

    near = difflib.get_close_matches(name, list(facts), n=1)
    return "define it in facts.md or mend the name" + (f"; the nearest is {near[0]}" if near else "")


def _parse_row(
    line: int,
    cells: list[str],
    columns: list[tuple[int, Fact]],
    outcome: tuple[int, Fact],
    other: dict[str, int],
    sources: Sources,
) -> tuple[Row, list[tuple[str, str, str]]]:
    def text(place: int | None) -> str:
        return cells[place] if place is not None and place < len(cells) else ""

    name = plain(cells[0])
    faults: list[tuple[str, str, str]] = []
    parsed: list[Cell] = []
    for place, fact in columns:
        cell = parse_cell(text(place), fact)
        if isinstance(cell, str):
            kind = "dead row" if cell.startswith("no ") else "unknown value"
            advice = "the row can never apply: mend the cell or drop the row" if kind == "dead row" else "mend the cell"
            faults.append((kind, f"row {name}: {cell}", advice))
            cell = ANY
        parsed.append(cell)
    outcomes = parse_outcome(text(outcome[0]), outcome[1])
    if isinstance(outcomes, str):
        faults.append(("unknown value", f"row {name}: {outcomes}", "mend the outcome"))
        outcomes = frozenset({CANNOT_HAPPEN})
    verified = plain(text(other.get("verified")))
    citations = parse_citations(text(other.get("source")), verified)
    if "source" in other and not citations:
        faults.append(("no source", f"row {name} has no source", "cite one: @key where"))
    for citation in citations:
        if citation.key not in sources:
            faults.append(("unknown source", f"row {name}: @{citation.key} is not in sources.md", ADD_SOURCE))
    if "verified" in other and verified not in VERIFIED:
        what = f"row {name} is verified {verified!r}"
        faults.append(("no source", what, "write one of: " + ", ".join(VERIFIED)))
    row = Row(name, line, tuple(parsed), outcomes, citations, text(other.get("remark")))
    return row, faults


def parse_cases(section: Section, path: Path, facts: Facts) -> Iterator[Case | Problem]:
    """The worked cases of a section.

    A blank cell is a fact that is not given; `?` one that is unknown though its test was reported.
    The outcome is a value, or `? a, b` for an undetermined one that leaves a and b possible.
    """
    for grid in section.grids:
        if grid.first != "case":
            continue
        outcome = next((plain(head.lstrip("=> ")) for head in grid.header if head.lstrip().startswith("=>")), "")
        if outcome not in facts:
            what = f"the cases decide {outcome!r}, which is no fact"
            yield Problem(path, grid.line, "unknown fact", what, "head one column with => `fact`")
            continue
        for row in grid.rows:
            given: dict[str, str] = {}
            expected: frozenset[str] = frozenset()
            named_row = ""
            for heading, cell in zip(grid.header[1:], row.cells[1:], strict=False):
                names = code_names(heading)
                if heading.lstrip().startswith("=>"):
                    words = plain(cell).removeprefix("?")
                    expected = frozenset(part.strip() for part in words.split(",") if part.strip())
                elif plain(heading) == "row":
                    named_row = plain(cell)
                elif names and names[0] in facts:
                    value = plain(cell)
                    if value and value != "?" and isinstance(read := facts[names[0]].coerce(value), Unknown):
                        what = f"case {plain(row.cells[0])}: {read}"
                        yield Problem(
                            path, row.line, "unknown value", what, "mend the value, or write ? for an unknown"
                        )
                    if value:
                        given[names[0]] = value
                elif plain(heading) != "remark":
                    what = f"the column {heading!r} is no fact"
                    yield Problem(path, grid.line, "unknown fact", what, "define it in facts.md or mend the name")
            yield Case(plain(row.cells[0]), row.line, given, outcome, expected, named_row)
