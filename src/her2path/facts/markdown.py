"""Markdown as the project's source text: headings, prose and tables, each with its line number.

Parsing is markdown-it-py's; this module only keeps what the knowledge files need.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .problem import KnowledgeError, Problem


@dataclass(slots=True)
class GridRow:
    """One row of a Markdown table. `line` counts from 1 in the file."""

    line: int
    cells: list[str]


@dataclass(slots=True)
class Grid:
    """A Markdown table: its header cells and its rows, as written."""

    line: int
    header: list[str]
    rows: list[GridRow]

    @property
    def first(self) -> str:
        """The plain text of the first header cell, which says what the grid is; "" without one."""
        return plain(self.header[0]) if self.header else ""

    def records(self) -> Iterator[tuple[int, dict[str, str]]]:
        """Each row as a mapping from the plain header text to the cell's text."""
        names = [plain(cell) for cell in self.header]
        for row in self.rows:
            yield row.line, dict(zip(names, row.cells, strict=False))


@dataclass(slots=True)
class Section:
    """A heading with everything below it, up to the next heading."""

    title: str
    level: int
    line: int
    prose: list[str] = field(default_factory=list)
    grids: list[Grid] = field(default_factory=list)


@dataclass(slots=True)
class Document:
    """A parsed Markdown file. `stray` are the lines that begin like a row of a table and stand in none."""

    path: Path
    sections: list[Section]
    stray: list[int] = field(default_factory=list)

    @property
    def title(self) -> str:
        """The first heading of level 1, or the file's name without its ending."""
        return next((s.title for s in self.sections if s.level == 1), self.path.stem)

    def problems(self) -> list[Problem]:
        """Rows that Markdown does not take for a table: nothing of them would be read."""
        what = "a row that stands in no table: nothing of it is read"
        advice = "a table is a header, a line of dashes with as many cells, and rows, none of them indented"
        return [Problem(self.path, line, "no table", what, advice) for line in self.stray]

    def grids(self) -> Iterator[tuple[Section, Grid]]:
        """Every grid with the section that it stands in, in the order of the file."""
        for section in self.sections:
            for grid in section.grids:
                yield section, grid


def plain(text: str) -> str:
    """A cell without its back-ticks and emphasis."""
    return text.replace("`", "").replace("**", "").strip()


def code_names(text: str) -> list[str]:
    """The names written in back-ticks in a cell."""
    return [part.strip() for part in text.split("`")[1::2]]


def text_of(path: Path) -> str:
    """The text of a knowledge file. Raises `KnowledgeError` where it is not UTF-8, and `OSError`."""
    content = path.read_bytes()
    try:
        return content.decode("utf-8").replace("\r\n", "\n").replace("\r", "\n")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        what = f"the file cannot be read: byte {error.start + 1} is not UTF-8"
        raise KnowledgeError([Problem(path, line, "unreadable", what, "write Markdown in UTF-8")]) from error


def read_markdown(path: Path, text: str | None = None) -> Document:
    """Parse one Markdown file into sections and tables.

    `text` replaces the file's content, for tests. Raises as `text_of`.
    """
    if text is None:
        text = text_of(path)
    from markdown_it import MarkdownIt  # knowledge that is kept needs no parser

    parser = MarkdownIt("commonmark").enable("table")
    parser.core.ruler.enableOnly(["normalize", "block"])  # cells are read as text; nothing is rendered
    tokens = parser.parse(text)
    sections = [Section(title="", level=0, line=1)]
    grid: Grid | None = None
    row: GridRow | None = None
    heading: Section | None = None
    stray: list[int] = []
    for token in tokens:
        line = _line(token)
        match token.type:
            case "heading_open":
                heading = Section(title="", level=int(token.tag[1:]), line=line)
                sections.append(heading)
            case "heading_close":
                heading = None
            case "table_open":
                grid = Grid(line=line, header=[], rows=[])
                sections[-1].grids.append(grid)
            case "table_close":
                grid = None
            case "tr_open":
                row = GridRow(line=line, cells=[])
                if grid is not None and grid.header:
                    grid.rows.append(row)
            case "tr_close":
                if grid is not None and not grid.header and row is not None:
                    grid.header = row.cells
                row = None
            case "inline":
                content = token.content.strip()
                if row is not None:
                    row.cells.append(content)
                elif heading is not None:
                    heading.title = plain(content)
                else:
                    sections[-1].prose.append(content)
                    stray += _rows_in(token)
            case "code_block":
                stray += _rows_in(token)
            case _:
                pass
    return Document(path, sections, stray)


def _rows_in(token: Any) -> Iterator[int]:
    """The lines of a paragraph or an indented block that begin like rows of a table."""
    for line, text in enumerate(token.content.split("\n"), start=_line(token)):
        if text.lstrip().startswith("|"):
            yield line


def _line(token: Any) -> int:
    return int(token.map[0]) + 1 if token.map else 0
