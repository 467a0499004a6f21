"""Editions: whole files of tables with their dates in force, and the choice among them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any

from .array import Array, TooManyBoxes
from .fact import Facts, read_facts
from .markdown import Document, code_names, plain, read_markdown
from .problem import AskedWrongly, KnowledgeError, NoJurisdiction, Problem
from .score import Score, parse_scores
from .source import VERIFIED, Citation, Sources, parse_citations, read_sources
from .table import Case, Table, parse_cases, parse_tables

JURISDICTIONS = ("any", "us", "eu")
ASSUMED_JURISDICTION = "us"  # whose label is taken where none is named; whoever takes it says so


@dataclass(slots=True)
class Edition:
    """One file of rules: its tables, its dates in force and its worked cases.

    `until` is the first day on which it is no longer in force. `scope` is the fact whose values
    (`scope_values`) it decides for: the organ, or the products; "" where it decides for all. A
    supplement lends its tables to every edition of its topic.
    """

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
    citations: tuple[Citation, ...] = ()
    reviewed_by: str = "nobody yet"
    tables: dict[str, Table] = field(default_factory=dict)
    cases: list[Case] = field(default_factory=list)
    scores: dict[str, Score] = field(default_factory=dict)

    @property
    def site(self) -> str:
        """The organ it decides for; "" where it names none."""
        return self.scope_values[0] if self.scope == "tumour_site" and self.scope_values else ""

    def is_for(self, about: Mapping[str, Any]) -> bool:
        """Whether it decides for what is `about`: the values of scope facts (`tumour_site`, `product`)."""
        return not self.scope or about.get(self.scope) in self.scope_values

    def in_force(self, on: dt.date) -> bool:
        return (self.since is None or self.since <= on) and (self.until is None or on < self.until)

    def window(self) -> str:
        since = f"from {self.since}" if self.since else "from the start"
        return f"{since} until {self.until}" if self.until else f"{since} on"


class Knowledge:
    """Every fact, source and edition below a folder, and the arrays compiled from them.

    Reading one edition proves each of its tables (`check.py`); a faulty one raises `KnowledgeError`
    and is never used.
    """

    def __init__(self, folder: Path, facts: Facts, sources: Sources, editions: list[Edition]) -> None:
        self.folder = folder
        self.facts = facts
        self.sources = sources
        self.editions = editions
        self._tables: dict[int, dict[str, Table]] = {}
        self._able: dict[tuple[Any, ...], list[Edition]] = {}
        # What `decision.py` has put together, for outcomes asked together and for the facts that are known.
        self.panels: dict[tuple[int, tuple[str, ...], frozenset[str]], Any] = {}
        self.known: dict[tuple[int | str, ...], tuple[tuple[str, ...], frozenset[str], tuple[str, ...]]] = {}
        self._asked: dict[tuple[int, str, frozenset[str]], Array] = {}
        self._arrays: dict[tuple[str, str, str, frozenset[str]], Array] = {}

    def __reduce__(self) -> Any:
        """What is compiled is not kept: it is known by identities that do not outlive the process."""
        return Knowledge, (self.folder, self.facts, self.sources, self.editions)

    def edition(self, key: str, outcome: str | None = None) -> Edition:
        """The edition called `key` (one that decides `outcome`, when given). Raises `AskedWrongly`."""
        named = [edition for edition in self.editions if edition.key == key]
        able = [edition for edition in named if outcome is None or outcome in self.tables_of(edition)]
        if not named:
            raise AskedWrongly(
                f"no edition is called {key!r}; there are " + ", ".join(sorted(each.key for each in self.editions))
            )
        if not able:
            others = [e.key for e in self.editions if outcome in e.tables and not e.supplement]
            others = others or [e.key for e in self.editions if outcome in self.tables_of(e) and not e.supplement]
            where = "; it is decided by " + ", ".join(others) if others else "; no edition does"
            raise AskedWrongly(f"edition {key} does not decide {outcome}{where}")
        return able[0]

    def tables_of(self, edition: Edition) -> dict[str, Table]:
        """An edition's own tables with those its topic's supplements lend it."""
        tables = self._tables.get(id(edition))
        if tables is None:
            tables = dict(edition.tables)
            for other in self.editions:
                lent = not other.scope or (other.scope, other.scope_values) == (edition.scope, edition.scope_values)
                if other.supplement and other.topic == edition.topic and lent:
                    for outcome, table in other.tables.items():
                        tables.setdefault(outcome, table)
            self._tables[id(edition)] = tables
        return tables

    def scopes_of(self, outcome: str) -> tuple[str, ...]:
        """The facts by whose values editions that decide an outcome are told apart (`product`, ...)."""
        able = (e for e in self.editions if e.scope and not e.supplement and outcome in self.tables_of(e))
        return tuple(dict.fromkeys(edition.scope for edition in able))

    def usual_scope(self, outcome: str, scope: str, usual: str) -> str:
        """The value of a scope fact to assume: the usual one, or the only one that the outcome is decided for."""
        able = (e for e in self.editions if e.scope == scope and not e.supplement and outcome in self.tables_of(e))
        values = dict.fromkeys(value for edition in able for value in edition.scope_values)
        return usual if usual in values or not values else next(iter(values))

    def in_force(
        self, outcome: str, about: Mapping[str, Any], on: dt.date, jurisdiction: str | None = None
    ) -> tuple[Edition, str]:
        """The edition that decides `outcome` on a day, and a note where that was not plain.

        `about` holds the facts that editions are chosen by (`tumour_site`, `product`). The
        jurisdiction's own edition comes before one for any. Before the first edition the first is
        taken, and the note says so. Raises `AskedWrongly` when no edition decides the outcome.
        """
        key = (outcome, *about, *about.values())
        able = self._able.get(key) or self._find_able(key, outcome, about)
        for wanted in (jurisdiction, "any"):
            match = [edition for edition in able if edition.jurisdiction == wanted]
            now = [edition for edition in match if edition.in_force(on)]
            if now:
                return now[0], ""
            if match and (wanted == "any" or not any(edition.jurisdiction == "any" for edition in able)):
                begun = [edition for edition in match if edition.since is None or edition.since <= on]
                if begun:
                    last = max(begun, key=lambda edition: edition.since or dt.date.min)
                    return last, f"no edition was in force on {on}; the last before it, {last.key}, is applied"
                first = min(match, key=lambda edition: edition.since or dt.date.min)
                return first, f"no edition was in force on {on}; the first, {first.key}, is applied"
        named = " and ".join(map(str, about.values()))
        if jurisdiction in (None, "any"):
            raise NoJurisdiction(
                f"{outcome} for {named} is decided only in a jurisdiction: give --jurisdiction or --edition"
            )
        whom = f" for {named}" if named else ""
        where = " and ".join(sorted({edition.jurisdiction for edition in able}))
        raise AskedWrongly(
            f"no edition of the jurisdiction {jurisdiction} decides {outcome}{whom}; it is decided in {where}"
        )

    def _find_able(self, key: tuple[Any, ...], outcome: str, about: Mapping[str, Any]) -> list[Edition]:
        """The editions that decide an outcome for what it is about, found once; asked for again for every new day."""
        able = [
            edition
            for edition in self.editions
            if not edition.supplement and outcome in self.tables_of(edition) and edition.is_for(about)
        ]
        if not able:
            self._require_outcome(outcome)
            raise AskedWrongly(f"no edition decides {outcome} for " + " and ".join(map(str, about.values())))
        self._able[key] = able
        return able

    def _require_outcome(self, outcome: str) -> None:
        decided = {name for edition in self.editions for name in edition.tables}
        if outcome not in decided:
            raise AskedWrongly(f"no table decides {outcome!r}; decided are " + ", ".join(sorted(decided)))

    def array(self, edition: Edition, outcome: str, given: Iterable[str] = ()) -> Array:
        """The compiled chain that decides `outcome`; outcomes in `given` are inputs, not derived."""
        given = frozenset(given)
        asked = (id(edition), outcome, given)
        if asked not in self._asked:
            self._asked[asked] = self._compiled(edition, outcome, given)
        return self._asked[asked]

    def _compiled(self, edition: Edition, outcome: str, given: frozenset[str]) -> Array:
        tables = self.tables_of(edition)
        if outcome not in tables:
            raise AskedWrongly(f"edition {edition.key} does not decide {outcome}")
        used = frozenset(name for name in given if name in tables and name != outcome)
        key = (edition.topic, edition.key, outcome, used)
        if key not in self._arrays:
            try:
                self._arrays[key] = Array(chain(tables, outcome, used), self.facts, used)
            except TooManyBoxes as large:
                raise AskedWrongly(str(large)) from large
        return self._arrays[key]


def chain(tables: dict[str, Table], outcome: str, given: frozenset[str] = frozenset()) -> list[Table]:
    """The tables that decide `outcome`, each after those that feed it; `given` outcomes are not derived.

    Raises `RecursionError` naming the circle when tables feed each other.
    """
    order: list[Table] = []
    walking: list[str] = []

    def walk(name: str) -> None:
        if name in walking:
            raise RecursionError(" feeds ".join([*walking[walking.index(name) :], name]))
        table = tables[name]
        if table in order:
            return
        walking.append(name)
        for fed_by in table.inputs:
            if fed_by in tables and fed_by not in given:
                walk(fed_by)
        walking.pop()
        order.append(table)

    walk(outcome)
    return order


def knowledge_folder() -> Path:
    """Where the knowledge that ships with the package is."""
    return Path(str(files("her2path") / "knowledge"))


def read_facts_and_sources(folder: Path) -> tuple[Facts, Sources]:
    """`facts.md` and `sources.md` of a folder. Raises `KnowledgeError`, also for a file that cannot be read."""
    path = folder / "facts.md"
    try:
        facts = read_facts(path)
        path = folder / "sources.md"
        return facts, read_sources(path)
    except (OSError, UnicodeDecodeError) as error:
        what = f"the file cannot be read: {error}"
        raise KnowledgeError([Problem(path, 1, "unreadable", what, "write Markdown in UTF-8")]) from error


def read_editions(folder: Path, facts: Facts, sources: Sources) -> tuple[list[Edition], list[Problem]]:
    """Every edition file in the topic folders below `folder`, with the problems found."""
    paths = [path for path in sorted(folder.glob("*/*.md")) if path.parent.name not in ("codes", "models")]
    return read_edition_files(paths, facts, sources)


def read_edition_files(paths: Iterable[Path], facts: Facts, sources: Sources) -> tuple[list[Edition], list[Problem]]:
    """The editions of some files, with the problems found; a file that cannot be read is one of them."""
    editions: list[Edition] = []
    problems: list[Problem] = []
    for path in paths:
        try:
            edition, faults = read_edition(path, facts, sources)
        except (OSError, UnicodeDecodeError) as error:
            problems.append(
                Problem(path, 1, "unreadable", f"the file cannot be read: {error}", "write Markdown in UTF-8")
            )
            continue
        problems += faults
        if edition is not None:
            twice = next((e for e in editions if (e.topic, e.key) == (edition.topic, edition.key)), None)
            if twice is not None:
                what = f"two editions are called {edition.key}; the other is {twice.path.name}"
                problems.append(Problem(path, edition.line, "edition twice", what, "give one of them another key"))
            editions.append(edition)
    return editions, problems


def read_edition(path: Path, facts: Facts, sources: Sources) -> tuple[Edition | None, list[Problem]]:
    """One edition file; `None` when it has no header that can be read."""
    document = read_markdown(path)
    edition, problems = _header(document, facts, sources)
    if edition is None:
        return None, problems
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
        entries = {plain(row.cells[0]): row.cells[1] for row in grid.rows}
        lines = {plain(row.cells[0]): row.line for row in grid.rows}
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
                problems.append(Problem(path, lines["source"], "unknown source", what, "add it there"))
        problems += _header_faults(path, entries, lines, facts)
        edition = Edition(
            key=plain(grid.header[1]), topic=path.parent.name, title=document.title, path=path, line=grid.line,
            scope=scope[0] if scope else "", scope_values=tuple(scope[1:]),
            jurisdiction=plain(entries.get("jurisdiction", "any")),
            since=date("in force from"), until=date("in force until"),
            supplement=plain(entries.get("supplement", "no")) == "yes", citations=citations,
            reviewed_by=plain(entries.get("reviewed by", "nobody yet")),
        )  # fmt: skip
        return edition, problems
    advice = "start the file with a table headed | edition | `key` |"
    return None, [Problem(path, 1, "bad edition", "the file has no edition table", advice)]


def _header_faults(path: Path, entries: dict[str, str], lines: dict[str, int], facts: Facts) -> Iterator[Problem]:
    """Entries of the edition table that name no value there is."""
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


def read_unproven(folder: Path) -> tuple[Knowledge, list[Problem]]:
    """All knowledge below a folder as it is written, with the problems of reading it; nothing is proven yet."""
    facts, sources = read_facts_and_sources(folder)
    editions, problems = read_editions(folder, facts, sources)
    return Knowledge(folder, facts, sources, editions), problems


def read_knowledge(folder: Path | None = None) -> Knowledge:
    """Read and prove all knowledge below `folder` (the shipped one by default).

    Raises `KnowledgeError` with every problem found. Worked cases are run by `check.check`, not here.
    The shipped knowledge is kept once it is proven (`kept.py`).
    """
    from .kept import kept_knowledge

    if folder is None:
        return kept_knowledge(knowledge_folder(), lambda: read_proven(knowledge_folder()))
    return read_proven(folder)


def read_proven(folder: Path) -> Knowledge:
    """Read and prove all knowledge below a folder, whatever is kept of it."""
    from .check import prove

    knowledge, problems = read_unproven(folder)
    problems += prove(knowledge)
    if problems:
        raise KnowledgeError(sorted(problems))
    return knowledge
