"""A page of tables read strictly: every grid there with its columns, every row with a source and a level."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator
from pathlib import Path
from typing import TypeVar

from ..markdown import plain, read_markdown
from ..problem import KnowledgeError, Problem
from ..source import VERIFIED, Citation, parse_citations

PAGES = (("product", "products.md"), ("course", "numbers.md"), ("course", "followed.md"), ("product", "preparation.md"))
"""The pages by folder and file: they stand among the editions and are none."""
NOTHING = ("", "-")
Read = TypeVar("Read")


def is_page(path: Path) -> bool:
    """Whether a file is a page, not an edition."""
    return (path.parent.name, path.name) in PAGES


class Entry:
    """One row of a page: its cells as plain text by column, and what is wrong with them as it is read."""

    def __init__(self, page: Page, line: int, cells: dict[str, str]) -> None:
        self.page = page
        self.line = line
        self.cells = {name: plain(text) for name, text in cells.items()}
        self.citations = parse_citations(cells.get("source", ""), self.cells.get("verified", ""))

    def __getitem__(self, column: str) -> str:
        """A cell; "" where it is blank or a dash."""
        text = self.cells.get(column, "")
        return "" if text in NOTHING else text

    def fault(self, what: str, advice: str) -> None:
        self.page.fault(self.line, what, advice)

    def listed(self, column: str) -> tuple[str, ...]:
        """The values of a cell, parted by commas."""
        return tuple(part.strip() for part in self[column].split(",") if part.strip())

    def one_of(self, column: str, values: Container[str], words: str) -> str:
        """A cell that must be one of some values; told as a fault where it is not."""
        if self[column] not in values:
            self.fault(f"{column} is {self[column]!r}", f"write {words}")
        return self[column]

    def yes(self, column: str) -> bool:
        """Whether a cell says yes; it may only say yes or no."""
        return self.one_of(column, ("yes", "no"), "yes or no") == "yes"

    def whole(self, column: str) -> int:
        """A whole number that is not negative; told as a fault, and 0, where it is none."""
        if not self[column].isdecimal():
            self.fault(f"{column} is {self[column]!r}", "write a whole number")
            return 0
        return int(self[column])


class Page:
    """A page of tables being read: its grids by the header of their first column, and the problems found so far."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.problems: list[Problem] = []
        try:
            document = read_markdown(path)
            self._grids = [grid for _, grid in document.grids()]
            self.problems += document.problems()
        except KnowledgeError as faulty:
            self._grids = []
            self.problems += faulty.problems
        except OSError as error:
            self._grids = []
            self.fault(1, f"the page cannot be read: {error}", "write Markdown in UTF-8")

    def fault(self, line: int, what: str, advice: str) -> None:
        self.problems.append(Problem(self.path, line, "bad page", what, advice))

    def entries(self, first: str, columns: tuple[str, ...]) -> Iterator[Entry]:
        """The rows of the grid whose first column is headed `first`; a missing grid or column is a fault."""
        grids = [grid for grid in self._grids if grid.first == first]
        wanted = (first, *columns, "source", "verified")
        if not grids:
            self.fault(1, f"no table begins with the column {first!r}", f"head it | {' | '.join(wanted)} |")
        named: set[str] = set()
        for grid in grids:
            header = [plain(cell) for cell in grid.header]
            for missing in [name for name in wanted if name not in header]:
                self.fault(grid.line, f"the table of {first!r} has no column {missing!r}", "add it")
            if not set(wanted) <= set(header):
                continue
            for line, cells in grid.records():
                entry = Entry(self, line, cells)
                if entry[first] in named or not entry[first]:
                    entry.fault(f"{first} {entry[first]!r} stands there twice or is blank", "keep one row, and name it")
                    continue
                named.add(entry[first])
                yield entry

    def require(self) -> None:
        """Raise `KnowledgeError` with every problem found."""
        if self.problems:
            raise KnowledgeError(sorted(self.problems))

    def prove(self, line: int, name: str, citations: tuple[Citation, ...], sources: Container[str]) -> None:
        """A row's sources: at least one, all of them known, a level there is, and a decision where it is decided."""
        if not citations:
            self.fault(line, f"{name} has no source", "write @key of sources.md")
        for citation in citations:
            if citation.key not in sources:
                self.fault(line, f"@{citation.key} is not in sources.md", "add it there")
            if citation.verified not in VERIFIED:
                self.fault(line, f"{name} is verified {citation.verified!r}", "write one of: " + ", ".join(VERIFIED))
        decided = any(citation.verified == "decided" for citation in citations)
        if decided and not any(citation.key == "decisions" for citation in citations):
            self.fault(line, f"{name} is decided and cites no decision", "write @decisions with its number")


def read_or_problems(read: Callable[[], Read]) -> tuple[Read | None, list[Problem]]:
    """What `read` gives, or the problems that it raises as `KnowledgeError`."""
    try:
        return read(), []
    except KnowledgeError as error:
        return None, error.problems
