"""A folder of one's own laid over the knowledge in use: what it adds, and what it puts in the place of something.

A folder lies like the knowledge itself (`facts.md`, `cardiac/mine.md`, `codes/therapy/drugs.md`, `vignettes/mine.md`).

- An edition (a file with a head) is a whole file. It stands for that of its key or place, or beside the others; then it
  goes before those of its jurisdiction while it is in force. Beside `facts.md` it may lie without a folder.
- A page without a head (facts, sources, codes, brands, ...) holds only the rows that are new or other. A row stands for
  the one that has its first cells; columns that are left out stay as they are.
- A file of vignettes is added, or stands for the one of its name.

The result is a folder like any other, so that whoever reads knowledge reads it.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path

from ...facts.folder import VIGNETTES
from ...facts.markdown import Document, Grid, code_names, plain, read_markdown, text_of
from ...facts.problem import AskedWrongly, Problem
from ..edition import Edition
from ..library import Knowledge
from .edition_file import topic_of

FACTS = "facts.md"
MODELS = "models"
Place = tuple[Path, int]
"""A file and a line of it."""


@dataclass(slots=True)
class Merged:
    """The files of the merged knowledge: their text by place below the folder; where each line of what is one's own
    came from; which editions are one's own; and what was added or replaced, in words."""

    texts: dict[str, str]
    origins: dict[str, list[Place | None]] = field(default_factory=dict)
    editions: list[str] = field(default_factory=list)
    vignettes: list[str] = field(default_factory=list)
    told: list[str] = field(default_factory=list)

    def own_place(self, place: str, line: int) -> Place | None:
        """The file and line of one's own behind a line of the merged knowledge; `None` where it is not one's own."""
        lines = self.origins.get(place)
        return lines[line - 1] if lines is not None and 0 < line <= len(lines) else None


def merge(folder: Path, base: Knowledge) -> Merged:
    """Lay a folder over knowledge. Raises `AskedWrongly` for what fits nowhere, and `KnowledgeError` for no UTF-8."""
    files = sorted(path for path in folder.rglob("*.md") if not any(part.startswith(".") for part in path.parts))
    if not files:
        raise AskedWrongly(
            f"{folder}: no Markdown file lies there; expected facts.md, sources.md, cardiac/mine.md, ..."
        )
    found = Merged({place_of(path, base.folder): text_of(path) for path in sorted(base.folder.rglob("*.md"))})
    for path in files:
        _Laying(found, base, folder).lay(path)
    return found


def place_of(path: Path, folder: Path) -> str:
    """The place of a file below a folder, with slashes."""
    return path.relative_to(folder).as_posix()


@dataclass(slots=True)
class _Laying:
    """Lays one file after the other over the texts of the base."""

    found: Merged
    base: Knowledge
    folder: Path

    def lay(self, path: Path) -> None:
        place, text = place_of(path, self.folder), text_of(path)
        document = read_markdown(path, text)
        if place.partition("/")[0] in (VIGNETTES, MODELS) and "/" in place:
            self._whole(path, place, text)
            if place.startswith(VIGNETTES):
                self.found.vignettes.append(place)
        elif (head := _head(document)) is not None:
            self._edition(path, place, text, document, head)
        elif place in self.found.texts:
            self._rows(path, place, document)
        else:
            near = difflib.get_close_matches(place, list(self.found.texts), n=1)
            hint = f"; did you mean {near[0]}?" if near else ""
            raise AskedWrongly(
                f"{path}: it has no head | edition | `key` |, and there is no page {place} to add its rows to{hint}"
            )

    def _whole(self, path: Path, place: str, text: str) -> None:
        if place in self.found.texts and self.found.texts[place] != text:
            self.found.told.append(f"{place} stands for the one in use")
        elif place not in self.found.texts:
            self.found.told.append(f"{place} is new")
        self._put(place, text, path)

    def _put(self, place: str, text: str, path: Path) -> None:
        self.found.texts[place] = text
        self.found.origins[place] = [(path, line) for line in range(1, text.count("\n") + 2)]

    def _edition(self, path: Path, place: str, text: str, document: Document, head: Grid) -> None:
        edition = _outline(path, document, head)
        if "/" not in place:
            place = f"{topic_of(edition, self.base)}/{path.name}"
        topic = place.rpartition("/")[0]
        same = [each for each in self.base.editions if each.key == edition.key and each.topic == topic.split("/")[0]]
        for each in same:
            other = place_of(each.path, self.base.folder)
            if other != place:
                self.found.texts.pop(other, None)
        before = self.found.texts.get(place)
        self._put(place, text, path)
        self.found.editions.append(place)
        if same:
            if before != text:
                self.found.told.append(f"edition {edition.key} stands for the one in use")
            return
        if before is not None:
            self.found.told.append(f"{place} stands for the file in use, with edition {edition.key}")
            return
        others = [each for each in self.base.editions if _goes_before(edition, each, topic.split("/")[0])]
        for each in others:
            shared = ", ".join(name for name in edition.tables if name in each.tables)
            self.found.told.append(f"edition {edition.key} goes before {each.key} for {shared}")
        if not others:
            self.found.told.append(f"edition {edition.key} is new")

    def _rows(self, path: Path, place: str, document: Document) -> None:
        page = _Page(place, self.found.texts[place], self.found.origins.get(place))
        added, replaced = 0, []
        for _, grid in document.grids():
            names = [plain(cell) for cell in grid.header]
            if not page.fitting(names):
                headed = " or ".join(sorted({f"| {' | '.join(each)} |" for each in page.headers(names[:1])})[:3])
                expected = f"; expected {headed}" if headed else ""
                raise AskedWrongly(
                    f"{path}:{grid.line}: no table of {place} has the columns {', '.join(names)}{expected}"
                )
            for row in grid.rows:
                called = page.put(names, row.cells, (path, row.line))
                if called is None:
                    added += 1
                elif called:
                    replaced.append(called)
        self.found.texts[place], self.found.origins[place] = page.text, page.origins
        if added:
            self.found.told.append(f"{place}: {added} {'row is' if added == 1 else 'rows are'} new")
        if replaced:
            self.found.told.append(
                f"{place}: {', '.join(replaced)} {'stands' if len(replaced) == 1 else 'stand'} for the one in use"
            )


def _head(document: Document) -> Grid | None:
    return next((grid for _, grid in document.grids() if grid.first == "edition"), None)


def _outline(path: Path, document: Document, head: Grid) -> Edition:
    """What of an edition says where it belongs, whatever else is in the file."""
    entries = {plain(row.cells[0]): row.cells[1] for row in head.rows if len(row.cells) > 1}
    scope = code_names(entries.get("decides for", ""))
    edition = Edition(
        plain(head.header[1]) if len(head.header) > 1 else "", path.parent.name, document.title, path, head.line,
        scope[0] if scope else "", tuple(scope[1:]), plain(entries.get("jurisdiction", "any")),
        supplement=plain(entries.get("supplement", "no")) == "yes",
    )  # fmt: skip
    for _, grid in document.grids():
        for cell in grid.header if grid.first == "row" else []:
            if cell.lstrip().startswith("=>"):
                edition.tables[plain(cell.lstrip("=> "))] = None  # type: ignore[assignment]
    return edition


def _goes_before(own: Edition, other: Edition, topic: str) -> bool:
    """Whether one's own edition, which comes first, is in the place of another while it is in force."""
    same = (other.topic, other.scope, other.jurisdiction) == (topic, own.scope, own.jurisdiction)
    both = not own.scope or bool(set(own.scope_values) & set(other.scope_values))
    return same and both and not other.supplement and not own.supplement and bool(set(own.tables) & set(other.tables))


class _Page:
    """A page of rows in lines, into which rows are put."""

    def __init__(self, place: str, text: str, origins: Sequence[Place | None] | None) -> None:
        self._lines = text.split("\n")
        self.origins: list[Place | None] = [*origins] if origins is not None else [None] * len(self._lines)
        self._path = Path(place)
        self._read()

    def _read(self) -> None:
        self._grids = [
            ([plain(cell) for cell in grid.header], grid)
            for _, grid in read_markdown(self._path, "\n".join(self._lines)).grids()
        ]

    @property
    def text(self) -> str:
        return "\n".join(self._lines)

    def headers(self, first: Sequence[str]) -> Iterator[list[str]]:
        """The headers of the tables that begin with the same column."""
        return (names for names, _ in self._grids if names[:1] == list(first))

    def fitting(self, names: Sequence[str]) -> list[tuple[list[str], Grid]]:
        """The tables that have all these columns, the closest first; the first column must be the same."""
        fit = [each for each in self._grids if each[0][:1] == list(names[:1]) and set(names) <= set(each[0])]
        return sorted(fit, key=lambda each: len(each[0]) - len(names))

    def put(self, names: Sequence[str], cells: Sequence[str], origin: Place) -> str | None:
        """Put a row in its place: what the row it stands for is called, "" for one that is the same, `None` for new."""
        given = dict(zip(names, cells, strict=False))
        fit = self.fitting(names)
        for header, grid in fit:
            key = [header[place] for place in _key_of(header, grid)]
            if not set(key) <= set(given):
                continue
            for row in grid.rows:
                old = dict(zip(header, row.cells, strict=False))
                if all(plain(old.get(name, "")) == plain(given[name]) for name in key):
                    new = {**old, **given}
                    if new == old:
                        return ""
                    self._set(row.line, [new.get(name, "") for name in header], origin)
                    return " ".join(plain(given[name]) for name in key)
        header, grid = fit[0]
        last = grid.rows[-1].line if grid.rows else grid.line + 1
        self._lines.insert(last, "")
        self.origins.insert(last, None)
        self._set(last + 1, [given.get(name, "") for name in header], origin)
        return None

    def _set(self, line: int, cells: Sequence[str], origin: Place) -> None:
        self._lines[line - 1] = "| " + " | ".join(cells) + " |"
        self.origins[line - 1] = origin
        self._read()


def _key_of(header: Sequence[str], grid: Grid) -> tuple[int, ...]:
    """The fewest columns, the first among them, by which the rows of a table are told apart."""
    for more in range(len(header)):
        for others in combinations(range(1, len(header)), more):
            places = (0, *others)
            keys = {tuple(plain(row.cells[place]) for place in places if place < len(row.cells)) for row in grid.rows}
            if len(keys) == len(grid.rows):
                return places
    return tuple(range(len(header)))


def own_problem(problem: Problem, folder: Path, merged: Mapping[str, Sequence[Place | None]]) -> Problem:
    """A problem of the merged knowledge where its line is one's own: told at one's own file and line."""
    try:
        place = place_of(problem.path, folder)
    except ValueError:
        return problem
    lines = merged.get(place)
    origin = lines[problem.line - 1] if lines is not None and 0 < problem.line <= len(lines) else None
    if origin is None:
        return problem
    return Problem(
        origin[0], origin[1], problem.kind, re.sub(re.escape(str(folder)) + "/?", "", problem.what), problem.advice
    )
