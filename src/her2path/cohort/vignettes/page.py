"""One file of vignettes: patients of a kind, each a heading with her day, her events and what must be said of her.

    ## Ten times the loading dose is ordered

    Loading is 8 mg/kg (Herceptin, section 2.3).

    | day          | 2026-01-04               |
    |--------------|--------------------------|
    | jurisdiction | us, eu                   |
    | with         | Early breast cancer, 3+  |

    | date       | fact       | value | unit | product        |
    |------------|------------|-------|------|----------------|
    | 2026-01-04 | ordered_mg | 5600  |      | trastuzumab-iv |

    | what    | which                  |
    |---------|------------------------|
    | verdict | DO NOT GIVE THE ORDER  |
    | said as alarm | 80 mg/kg         |

A heading with events alone is the beginning of others, which name it in `with`.
"""

from __future__ import annotations

import datetime as dt
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

from ...facts.folder import VIGNETTES
from ...facts.markdown import Grid, Section, plain, read_markdown
from ...facts.problem import AskedWrongly, KnowledgeError, Problem
from ...tables.edition import ASSUMED_JURISDICTION
from ...tables.library import Knowledge
from ...tables.site import Site, site_of
from .expected import Expected, parse_expected

HEAD = ("day", "jurisdiction", "with", "unread")
"""What the grid at the head of a vignette may say, beside settings of a site (`heart.lvef_lower_limit`)."""
NEEDED, COLUMNS = ("date", "fact", "value"), ("date", "fact", "value", "unit", "product", "qualifier", "specimen")
"""The columns of events: those of the long format."""
JURISDICTIONS = ("us", "eu")
MEANT = "meant"
"""What `unread` says where an event is there to show what becomes of an entry that cannot be read."""


@dataclass(frozen=True, slots=True)
class EventRow:
    """One row of the long format, and the line it stands in."""

    line: int
    cells: Mapping[str, str]


@dataclass(slots=True)
class Vignette:
    """A patient, the day and the settings of her review, and what must be said of her.

    It is reviewed once in each of `jurisdictions`. `settings` are the words of the site's settings, by which vignettes
    are put together; `unread` says that an event is meant not to be readable.
    """

    path: Path
    line: int
    name: str
    day: dt.date
    jurisdictions: tuple[str, ...]
    settings: tuple[str, ...]
    site: Site
    rows: list[EventRow]
    expected: list[Expected]
    unread: bool = False


@dataclass(slots=True)
class Page:
    """The vignettes of a file, and what is wrong with it."""

    path: Path
    vignettes: list[Vignette] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    def fault(self, line: int, what: str, advice: str) -> None:
        self.problems.append(Problem(self.path, line, "bad vignette", what, advice))


def pages_below(path: Path) -> list[Path]:
    """The files of vignettes: a file itself, or all below a folder."""
    files = sorted(path.rglob("*.md")) if path.is_dir() else [path]
    return [file for file in files if file.parent.name == VIGNETTES]


def read_page(path: Path, knowledge: Knowledge) -> Page:
    """The vignettes of one file, with every problem of reading it."""
    page = Page(path)
    try:
        document = read_markdown(path)
    except KnowledgeError as faulty:
        page.problems += faulty.problems
        return page
    except OSError as error:
        page.fault(1, f"the file cannot be read: {error}", "write Markdown in UTF-8")
        return page
    page.problems += document.problems()
    parts = [_Part(page, section) for section in document.sections if section.grids]
    bases = {part.name: part for part in parts if part.is_base}
    named: set[str] = set()
    for part in parts:
        if part.name in named:
            page.fault(part.line, f"two vignettes are called {part.name!r}", "give one of them another heading")
        named.add(part.name)
        if not part.is_base and (vignette := part.vignette(bases, knowledge)) is not None:
            page.vignettes.append(vignette)
    for base in bases.values():
        if not base.is_used:
            advice = "give it a grid of its day and one of what must be said, or name it in `with`"
            page.fault(base.line, f"no vignette begins with {base.name!r}", advice)
    if not page.vignettes and not page.problems:
        page.fault(1, "the file holds no vignette", "write a heading, a grid of the day, events, and what must be said")
    return page


class _Part:
    """A heading with its grids: a vignette, or the beginning of others."""

    def __init__(self, page: Page, section: Section) -> None:
        self.page, self.name, self.line = page, section.title, section.line
        self.prose = section.prose
        self.grids: dict[str, Grid] = {}
        self.is_used = False
        for grid in section.grids:
            if grid.first not in ("day", "date", "what"):
                advice = "a grid of a vignette begins with day, date (its events) or what (what must be said)"
                page.fault(grid.line, f"{self.name}: a grid begins with {grid.first!r}", advice)
            elif grid.first in self.grids:
                page.fault(grid.line, f"{self.name}: a second grid of {grid.first}", "give it a heading of its own")
            else:
                self.grids[grid.first] = grid

    @property
    def is_base(self) -> bool:
        """Whether it has events alone."""
        return list(self.grids) == ["date"]

    def vignette(self, bases: Mapping[str, _Part], knowledge: Knowledge) -> Vignette | None:
        """What it says; `None` where no day or nothing to hold can be read of it."""
        head, lines = self._head()
        day = self._day(head.get("day", ""), lines.get("day", self.line))
        rows = [*self._begun(head.get("with", ""), lines.get("with", 0), bases), *self.events()]
        expected = self._expected(knowledge)
        if not rows:
            self.page.fault(self.line, f"{self.name}: no event", "add a grid that begins with date")
        if unread := [head["unread"]] if head.get("unread", MEANT) != MEANT else []:
            self.page.fault(lines["unread"], f"unread is {unread[0]!r}", f"write {MEANT}, or drop the row")
        if not any(self.prose) and not any(each.what == "because" for each in expected):
            advice = "write the label, guideline or decision below the heading, or in a row `because`"
            self.page.fault(self.line, f"{self.name}: it does not say why", advice)
        jurisdictions = self._jurisdictions(head, lines)
        settings = tuple(f"{name} = {value}" for name, value in head.items() if name not in HEAD)
        site = self._site(settings, lines, knowledge)
        if day is None or site is None or not rows or not expected:
            return None
        return Vignette(
            self.page.path, self.line, self.name, day, jurisdictions, settings, site, rows, expected, "unread" in head
        )

    def _head(self) -> tuple[dict[str, str], dict[str, int]]:
        """The entries of the grid of the day and their lines."""
        grid = self.grids.get("day")
        if grid is None:
            self.page.fault(self.line, f"{self.name}: no day", "add a grid headed | day | YYYY-MM-DD |")
            return {}, {}
        head: dict[str, str] = {}
        lines: dict[str, int] = {}
        for line, cells in [(grid.line, grid.header), *((row.line, row.cells) for row in grid.rows)]:
            name, value = plain(cells[0]), plain(cells[1]) if len(cells) > 1 else ""
            if name in head:
                self.page.fault(line, f"{name} stands there twice", "keep one of the two")
            if name not in HEAD and "." not in name:
                advice = f"write one of {', '.join(HEAD)}, or a setting such as heart.lvef_lower_limit"
                self.page.fault(line, f"a vignette has no entry {name!r}", advice)
            head[name], lines[name] = value, line
        return head, lines

    def _day(self, text: str, line: int) -> dt.date | None:
        try:
            return dt.date.fromisoformat(text)
        except ValueError:
            if "day" in self.grids:
                self.page.fault(line, f"day is {text!r}, which is no date", "write YYYY-MM-DD")
            return None

    def _jurisdictions(self, head: Mapping[str, str], lines: Mapping[str, int]) -> tuple[str, ...]:
        named = tuple(each.strip() for each in head.get("jurisdiction", ASSUMED_JURISDICTION).split(","))
        for each in named:
            if each not in JURISDICTIONS:
                self.page.fault(lines["jurisdiction"], f"jurisdiction is {each!r}", "write us, eu, or us, eu")
        return tuple(each for each in named if each in JURISDICTIONS)

    def _site(self, settings: tuple[str, ...], lines: Mapping[str, int], knowledge: Knowledge) -> Site | None:
        """The site that the settings describe, read as its file would be."""
        try:
            return site_of(self.page.path, tomllib.loads("\n".join(settings), parse_float=Decimal), knowledge)
        except (AskedWrongly, tomllib.TOMLDecodeError) as error:
            line = next((line for name, line in lines.items() if name not in HEAD), self.line)
            advice = "write a setting as in a site's file, words in quotes: | heart.lvef_lower_limit | 53 |"
            self.page.fault(line, f"{self.name}: {error}", advice)
            return None

    def _begun(self, names: str, line: int, bases: Mapping[str, _Part]) -> Iterator[EventRow]:
        """The events of the headings that it begins with."""
        for name in filter(None, (each.strip() for each in names.split(";"))):
            base = bases.get(name)
            if base is None:
                advice = f"name a heading of this file that has events alone: {'; '.join(bases) or 'there is none'}"
                self.page.fault(line, f"{self.name}: nothing here is called {name!r}", advice)
                continue
            base.is_used = True
            yield from base.events(tell=False)

    def events(self, tell: bool = True) -> Iterator[EventRow]:
        """Its own events; with `tell` faults of the grid are told."""
        grid = self.grids.get("date")
        if grid is None:
            return
        header = [plain(cell) for cell in grid.header]
        wrong = [*(f"no column {name!r}" for name in NEEDED if name not in header)]
        wrong += [f"a column {name!r}" for name in header if name not in COLUMNS]
        for each in wrong if tell or self.is_base else ():
            self.page.fault(grid.line, f"the events have {each}", f"the columns are {', '.join(COLUMNS)}")
        for line, cells in grid.records():
            yield EventRow(line, {name: plain(text) for name, text in cells.items()})

    def _expected(self, knowledge: Knowledge) -> list[Expected]:
        """What must and must not be said; a row that says nothing of it is a fault."""
        grid = self.grids.get("what")
        if grid is None:
            self.page.fault(self.line, f"{self.name}: nothing must be said", "add a grid headed | what | which |")
            return []
        found: list[Expected] = []
        for row in grid.rows:
            parsed = parse_expected(row.line, plain(row.cells[0]), plain(row.cells[1]), knowledge)
            if isinstance(parsed, Expected):
                found.append(parsed)
            else:
                self.page.fault(row.line, f"{self.name}: {parsed[0]}", parsed[1])
        if not any(each.what != "because" for each in found) and len(found) == len(grid.rows):
            self.page.fault(grid.line, f"{self.name}: nothing must be said", "say what must be said or planned")
        return found
