"""Editions: whole files of tables with their dates in force, and the choice among them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from ..facts.cache import InParts
from ..facts.fact import Facts
from ..facts.markdown import Document, Grid, code_names, plain, read_markdown
from ..facts.problem import Problem
from ..facts.source import VERIFIED, Citation, Source, Sources, parse_citations, sources_in
from .score import Score, parse_scores
from .table import ADD_SOURCE, Case, Table, parse_cases, parse_tables

ENTRIES = (
    "decides for", "jurisdiction", "in force from", "in force until", "supplement", "asked for", "source", "verified",
    "reviewed by",
)  # fmt: skip
"""What the table at the head of an edition may say."""
JURISDICTIONS = ("any", "us", "eu")
ASSUMED_JURISDICTION = "us"  # whose label is taken where none is named; whoever takes it says so


@dataclass(slots=True)
class Edition(InParts):
    """One file of rules: its tables, its dates in force and its worked cases.

    `until` is the first day on which it is no longer in force. `scope` is the fact whose values
    (`scope_values`) it decides for: the organ, or the products; "" where it decides for all. A
    supplement lends its tables to every edition of its topic. Where it is `asked_for` some outcomes,
    it is chosen for these alone, and for others by its name. `sources` are those that its file lists itself.
    What is `own` does not ship: it is in a file that was named, or was laid over the knowledge in use.
    """

    later: ClassVar[tuple[str, ...]] = ("cases",)

    key: str
    topic: str
    title: str
    path: Path
    line: int
    scope: str = ""
    scope_values: tuple[str, ...] = ()
    jurisdiction: str = "any"
    since: dt.date | None = None
    until: dt.date | None = None
    supplement: bool = False
    asked_for: tuple[str, ...] = ()
    citations: tuple[Citation, ...] = ()
    reviewed_by: str = "nobody yet"
    tables: dict[str, Table] = field(default_factory=dict)
    cases: list[Case] = field(default_factory=list)
    scores: dict[str, Score] = field(default_factory=dict)
    sources: dict[str, Source] = field(default_factory=dict)
    own: bool = False

    @property
    def site(self) -> str:
        """The organ it decides for; "" where it names none."""
        return self.scope_values[0] if self.scope == "tumour_site" and self.scope_values else ""

    def is_for(self, scopes: Mapping[str, object]) -> bool:
        """Whether it decides for `scopes`: the values of scope facts (`tumour_site`, `product`)."""
        return not self.scope or scopes.get(self.scope) in self.scope_values

    def in_force(self, on: dt.date) -> bool:
        """Whether it is in force on a day; the day of `until` is the first on which it is not."""
        return (self.since is None or self.since <= on) and (self.until is None or on < self.until)

    def window(self) -> str:
        """Its time in force in words: "from 2018-06-01 until 2023-06-07", "from the start on"."""
        since = f"from {self.since}" if self.since else "from the start"
        return f"{since} until {self.until}" if self.until else f"{since} on"


ENDING = ".md"


def is_edition_file(name: str) -> bool:
    """Whether a name stands for a file and no key: keys hold no point."""
    return name.lower().endswith(ENDING)


def read_edition(path: Path, facts: Facts, sources: Sources) -> tuple[Edition | None, list[Problem]]:
    """One edition file; `None` when it has no header that can be read."""
    document = read_markdown(path)
    own, faults = sources_in(document)
    sources = Sources({**sources, **own}) if own else sources
    edition, problems = _header(document, facts, sources)
    problems += document.problems() + faults
    if edition is None:
        return None, problems
    edition.sources = own
    for section in document.sections:
        for table, faults in parse_tables(section, path, facts, sources):
            problems += faults
            if table is None:
                continue
            table.edition = edition.key
            if table.outcome in edition.tables:
                what = f"two tables decide {table.outcome}"
                problems.append(Problem(path, table.line, "table twice", what, "keep one, or name another outcome"))
            edition.tables[table.outcome] = table
        for score in parse_scores(section, path, facts, sources):
            if isinstance(score, Problem):
                problems.append(score)
            else:
                edition.scores[score.fact] = score
        for case in parse_cases(section, path, facts):
            if isinstance(case, Problem):
                problems.append(case)
            else:
                edition.cases.append(case)
    return edition, problems


def _header(document: Document, facts: Facts, sources: Sources) -> tuple[Edition | None, list[Problem]]:
    path = document.path
    for _, grid in document.grids():
        if grid.first != "edition":
            continue
        if len(grid.header) < 2 or not plain(grid.header[1]):
            what = "the edition table has no key"
            return None, [Problem(path, grid.line, "bad edition", what, "head it | edition | `key` |")]
        entries, lines = _entries(grid)
        problems: list[Problem] = []

        def date(
            name: str,
            entries: dict[str, str] = entries,
            lines: dict[str, int] = lines,
            problems: list[Problem] = problems,
        ) -> dt.date | None:
            text = plain(entries.get(name, "-"))
            if text in ("-", ""):
                return None
            try:
                return dt.date.fromisoformat(text)
            except ValueError:
                what = f"{name} is {text!r}, which is no date"
                problems.append(Problem(path, lines[name], "bad edition", what, "write YYYY-MM-DD, or -"))
                return None

        scope = code_names(entries.get("decides for", ""))
        citations = parse_citations(entries.get("source", ""), plain(entries.get("verified", "")))
        for citation in citations:
            if citation.key not in sources:
                what = f"@{citation.key} is not in sources.md"
                problems.append(Problem(path, lines["source"], "unknown source", what, ADD_SOURCE))
        problems += _header_faults(path, grid, facts)
        edition = Edition(
            key=plain(grid.header[1]),
            topic=path.parent.name,
            title=document.title,
            path=path,
            line=grid.line,
            scope=scope[0] if scope else "",
            scope_values=tuple(scope[1:]),
            jurisdiction=plain(entries.get("jurisdiction", "any")),
            since=date("in force from"),
            until=date("in force until"),
            supplement=plain(entries.get("supplement", "no")) == "yes",
            asked_for=tuple(code_names(entries.get("asked for", ""))),
            citations=citations,
            reviewed_by=plain(entries.get("reviewed by", "nobody yet")),
        )
        return edition, problems
    advice = "start the file with a table headed | edition | `key` |"
    return None, [Problem(path, 1, "bad edition", "the file has no edition table", advice)]


def _entries(grid: Grid) -> tuple[dict[str, str], dict[str, int]]:
    """The entries of an edition table by their names, and the line of each."""
    entries = {plain(row.cells[0]): row.cells[1] for row in grid.rows}
    return entries, {plain(row.cells[0]): row.line for row in grid.rows}


def _header_faults(path: Path, grid: Grid, facts: Facts) -> Iterator[Problem]:
    """Entries of the edition table that are none, stand there twice, or name no value there is."""
    entries, lines = _entries(grid)
    twice = [plain(row.cells[0]) for row in grid.rows]
    for name in entries:
        if twice.count(name) > 1:
            yield Problem(path, lines[name], "bad edition", f"{name} stands there twice", "keep one of the two")
        if name not in ENTRIES:
            what = f"an edition has no entry {name!r}"
            yield Problem(path, lines[name], "bad edition", what, "write one of: " + ", ".join(ENTRIES))
    allowed: list[tuple[str, str, tuple[str, ...]]] = [
        ("verified", plain(entries.get("verified", "")), VERIFIED),
        ("jurisdiction", plain(entries.get("jurisdiction", "any")), JURISDICTIONS),
    ]
    decides = code_names(entries.get("decides for", ""))
    if decides and decides[0] not in facts:
        what = f"it decides for {decides[0]!r}, which is no fact"
        yield Problem(path, lines["decides for"], "bad edition", what, "name a fact and its values in back-ticks")
    elif decides:
        allowed += [("decides for", value, facts[decides[0]].values) for value in decides[1:] or [""]]
    for name, value, values in allowed:
        if name in lines and value not in values:
            what = f"{name} is {value!r}"
            yield Problem(path, lines[name], "bad edition", what, "write one of: " + ", ".join(values))
