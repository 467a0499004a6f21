"""What is covered: every statement the project set out to carry, and the tables, grids and files that carry it.

The statements stand in `knowledge/coverage.md`; the editions, the levels of their rows and who reviewed them are
counted from the knowledge, so that nothing is called carried that is not there.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from ..facts.folder import knowledge_folder
from ..facts.markdown import Document, Grid, code_names, plain, read_markdown
from ..facts.problem import KnowledgeError, Problem
from ..facts.source import VERIFIED
from .edition import Edition
from .library import Knowledge

IN_PART = "in part:"
CARRIED, PARTLY, MISSING = "carried", "in part", "missing"
_CARRIERS = re.compile(r"`[^`]+`(, `[^`]+`)*")
_STATEMENT = ("statement", "says", "carried by", "as sources have it")


@dataclass(frozen=True, slots=True)
class Place:
    """A table or grid of an edition: how many of its rows are verified how far."""

    name: str
    kind: str
    edition: Edition
    levels: Mapping[str, int]

    @property
    def rows(self) -> int:
        """How many rows it has, of whatever level."""
        return sum(self.levels.values())

    def as_json(self) -> dict[str, Any]:
        """The place as the command prints it with `--json`, its rows counted by level."""
        edition = self.edition
        return {
            "topic": edition.topic,
            self.kind: self.name,
            "edition": edition.key,
            "jurisdiction": edition.jurisdiction,
            "in_force_from": str(edition.since) if edition.since else None,
            "in_force_until": str(edition.until) if edition.until else None,
            "reviewed_by": edition.reviewed_by,
            "rows": by_level(self.levels),
        }


@dataclass(frozen=True, slots=True)
class Carrier:
    """What carries a statement: an outcome, a grid or a file, wherever in the editions it stands."""

    name: str
    places: tuple[Place, ...]


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement as `coverage.md` has it: its words, the names of its carriers, and what sources change in it."""

    number: str
    theme: str
    says: str
    named: tuple[str, ...]
    in_part: bool
    as_sources: str
    line: int


@dataclass(frozen=True, slots=True)
class Covered:
    """A statement with the carriers that were found."""

    statement: Statement
    carriers: tuple[Carrier, ...]

    @property
    def status(self) -> str:
        """`CARRIED`, `PARTLY` or `MISSING`."""
        if not self.carriers:
            return MISSING
        return PARTLY if self.statement.in_part else CARRIED

    @property
    def levels(self) -> Counter[str]:
        """Rows by level; a place that two carriers share is counted once."""
        return added({(p.edition.path, p.name): p for carrier in self.carriers for p in carrier.places}.values())

    @property
    def reviewed_by(self) -> list[str]:
        """Who reviewed the editions that carry it, each once, in the order of the alphabet."""
        return sorted({place.edition.reviewed_by for carrier in self.carriers for place in carrier.places})

    def as_json(self) -> dict[str, Any]:
        """The statement with its carriers as the command prints it with `--json`."""
        carriers = [
            {"name": carrier.name, "places": [p.as_json() for p in carrier.places]} for carrier in self.carriers
        ]
        return {
            "statement": self.statement.number,
            "theme": self.statement.theme,
            "says": self.statement.says,
            "status": self.status,
            "carried_by": carriers,
            "rows": by_level(self.levels),
            "reviewed_by": self.reviewed_by,
            "as_sources_have_it": self.statement.as_sources,
        }


@dataclass(frozen=True, slots=True)
class Coverage:
    """All statements, and all tables and grids of the knowledge, whether a statement names them or not."""

    statements: tuple[Covered, ...]
    places: tuple[Place, ...]
    editions: tuple[Edition, ...]

    def counted(self) -> dict[str, int]:
        """How many statements are carried, carried in part, and missing."""
        counts = Counter(covered.status for covered in self.statements)
        return {status: counts[status] for status in (CARRIED, PARTLY, MISSING)}

    def as_json(self) -> dict[str, Any]:
        """The counts, every statement and every table, as the command prints them with `--json`."""
        summary = {
            "statements": len(self.statements),
            **self.counted(),
            "editions": len(self.editions),
            "tables": sum(place.kind == "outcome" for place in self.places),
            "grids": sum(place.kind == "grid" for place in self.places),
            "rows": by_level(added(self.places)),
            "reviewed_by": sorted({edition.reviewed_by for edition in self.editions}),
        }
        return {
            "summary": summary,
            "statements": [covered.as_json() for covered in self.statements],
            "tables": [place.as_json() for place in self.places],
        }


def added(places: Iterable[Place]) -> Counter[str]:
    """Rows by level, over several places."""
    total: Counter[str] = Counter()
    for place in places:
        total.update(place.levels)
    return total


def by_level(levels: Mapping[str, int]) -> dict[str, int]:
    """A count for every level, in the order of trust."""
    return {level: levels.get(level, 0) for level in VERIFIED}


def coverage(knowledge: Knowledge) -> Coverage:
    """What the knowledge covers. Raises `KnowledgeError` where `coverage.md` does not hold."""
    path = knowledge.folder / "coverage.md"
    if not path.exists():
        raise KnowledgeError([Problem(path, 1, "no coverage", "there is no coverage.md", "write the statements there")])
    if problems := prove_coverage(knowledge):
        raise KnowledgeError(problems)
    document = read_markdown(path)
    statements, _ = read_statements(document)
    grids, _ = _named_grids(document, knowledge)
    covered = []
    for statement in statements:
        named = [(name, _places(name, knowledge, grids)) for name in statement.named]
        carriers = tuple(Carrier(name, tuple(places)) for name, places in named if places is not None)
        covered.append(Covered(statement, carriers))
    editions = [*knowledge.editions, *models_of(knowledge)]
    places = [place for edition in editions for place in (*tables_of(edition), *grids_of(edition))]
    return Coverage(tuple(covered), tuple(places), tuple(editions))


def prove_coverage(knowledge: Knowledge) -> list[Problem]:
    """What is wrong with `coverage.md`; a folder of others need not have one."""
    path = knowledge.folder / "coverage.md"
    if not path.exists():
        if knowledge.folder == knowledge_folder():
            what = "the statements and their carriers are missing"
            return [Problem(path, 1, "no coverage", what, "write coverage.md")]
        return []
    try:
        document = read_markdown(path)
    except KnowledgeError as faulty:
        return faulty.problems
    except OSError as error:
        what = f"the file cannot be read: {error}"
        return [Problem(path, 1, "unreadable", what, "write Markdown in UTF-8")]
    statements, problems = read_statements(document)
    grids, faults = _named_grids(document, knowledge)
    problems += faults
    for statement in statements:
        for name in statement.named:
            if _places(name, knowledge, grids) is None:
                what = f"{statement.number} is carried by {name!r}, which is no outcome, grid or file"
                advice = "name an outcome (or edition/outcome), a grid of this file or a file, or write -"
                problems.append(Problem(path, statement.line, "unknown carrier", what, advice))
    return problems


def read_statements(document: Document) -> tuple[list[Statement], list[Problem]]:
    """The statements in their order, with every fault of their rows."""
    statements: list[Statement] = []
    problems: list[Problem] = []

    def fault(line: int, what: str, advice: str) -> None:
        problems.append(Problem(document.path, line, "bad coverage", what, advice))

    for section, grid in document.grids():
        if grid.first == "grid":
            continue
        if tuple(map(plain, grid.header)) != _STATEMENT:
            fault(grid.line, "a table here lists neither statements nor grids", f"head it | {' | '.join(_STATEMENT)} |")
            continue
        for row in grid.rows:
            number, says, by, as_sources = (*row.cells, *[""] * 4)[:4]
            expected = f"M{len(statements) + 1}"
            if number != expected:
                fault(row.line, f"{number!r} stands where {expected} is due", "number the statements in their order")
            if not says:
                fault(row.line, f"{number} says nothing", "write the statement")
            in_part = by.startswith(IN_PART)
            names = by.removeprefix(IN_PART).strip()
            if names != "-" and not _CARRIERS.fullmatch(names):
                what = f"{number} is carried by {by!r}, which cannot be read"
                fault(row.line, what, "write names in back-ticks, parted by commas, or - for none")
                names = "-"
            named = tuple(code_names(names))
            if in_part and not named:
                fault(
                    row.line, f"{number} is carried in part, and by nothing", "name what carries the part, or write -"
                )
            if len(set(named)) < len(named):
                fault(row.line, f"{number} names a carrier twice", "name it once")
            statements.append(Statement(number, section.title, plain(says), named, in_part, as_sources, row.line))
    if not statements:
        fault(1, "no statement is listed", f"head a table | {' | '.join(_STATEMENT)} |")
    return statements, problems


@lru_cache(maxsize=256)
def _as_changed(path: Path, _changed: tuple[int, int]) -> Document:
    return read_markdown(path)


def _read(path: Path) -> Document:
    """A file of the knowledge, read once however many statements it carries, and anew where it has changed."""
    status = path.stat()
    return _as_changed(path, (status.st_mtime_ns, status.st_size))


def models_of(knowledge: Knowledge) -> list[Edition]:
    """The models of the simulators, each as an edition without tables: their rows have levels too."""
    folder = knowledge.folder if (knowledge.folder / "models").is_dir() else knowledge_folder()
    models = []
    for path in sorted((folder / "models").glob("*.md")):
        document = _read(path)
        heads = [row.cells for _, grid in document.grids() if grid.first == "model" for row in grid.rows]
        reviewed = next((cells[1] for cells in heads if plain(cells[0]) == "reviewed by"), "nobody yet")
        models.append(Edition(path.stem, "models", document.title, path, 1, reviewed_by=plain(reviewed)))
    return models


def tables_of(edition: Edition) -> Iterator[Place]:
    """The decision tables of an edition."""
    for outcome, table in edition.tables.items():
        levels = Counter(row.citations[0].verified for row in table.rows if row.citations)
        yield Place(outcome, "outcome", edition, by_level(levels))


def grids_of(edition: Edition) -> Iterator[Place]:
    """The grids of an edition that decide nothing by themselves, but whose rows have a level."""
    for section, grid in _read(edition.path).grids():
        heads = [plain(head) for head in grid.header]
        if grid.first not in ("row", "case", "edition", "model") and "verified" in heads:
            levels = Counter(plain(record.get("verified", "")) for _, record in grid.records())
            yield Place(section.title, "grid", edition, levels)


def _named_grids(document: Document, knowledge: Knowledge) -> tuple[dict[str, list[Place]], list[Problem]]:
    """The grids that `coverage.md` gives names to, and those it names in vain."""
    named: dict[str, list[Place]] = {}
    problems: list[Problem] = []
    for line, record in _records(document, "grid"):
        name = plain(record["grid"])
        sections = [title.strip() for title in record.get("section", "").split(";")]
        places = []
        for key in code_names(record.get("stands in", "")):
            standing = [place for edition in knowledge.editions if edition.key == key for place in grids_of(edition)]
            for title in sections:
                here = [place for place in standing if place.name == title]
                places += here
                if unknown := set(added(here)) - set(VERIFIED):
                    what = f"the grid {name!r} has rows verified {', '.join(map(repr, sorted(unknown)))}"
                    advice = "write one of: " + ", ".join(VERIFIED)
                    problems.append(Problem(here[0].edition.path, here[0].edition.line, "no source", what, advice))
                if not here:
                    what = f"the grid {name!r} is said to stand in {key} under {title!r}, and does not"
                    advice = "name an edition and the heading above a grid with a column verified"
                    problems.append(Problem(document.path, line, "unknown grid", what, advice))
        if not places and not any(problem.line == line for problem in problems):
            what = f"the grid {name!r} stands in no edition"
            problems.append(Problem(document.path, line, "unknown grid", what, "name the edition in back-ticks"))
        named[name] = places
    return named, problems


def _records(document: Document, first: str) -> Iterator[tuple[int, dict[str, str]]]:
    grids: Iterator[Grid] = (grid for _, grid in document.grids() if grid.first == first)
    for grid in grids:
        yield from grid.records()


def _places(name: str, knowledge: Knowledge, grids: Mapping[str, list[Place]]) -> list[Place] | None:
    """Where a carrier stands; `None` where there is none. A file has no rows that count."""
    if name in grids:
        return grids[name] or None
    if name.startswith("models/"):
        return [
            p for model in models_of(knowledge) if f"models/{model.key}.md" == name for p in grids_of(model)
        ] or None
    if name.endswith(".md"):
        return [] if (knowledge.folder / name).is_file() else None
    key, slash, outcome = name.rpartition("/")
    editions = [edition for edition in knowledge.editions if edition.key == key or not slash]
    return [place for edition in editions for place in tables_of(edition) if place.name == outcome] or None
