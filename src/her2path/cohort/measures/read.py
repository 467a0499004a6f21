"""Measures as their files have them: who is counted, who of them meets it, who is left out, by which source.

The conditions are SQL over the views of `views.py`, so that an analyst can run and change them. A condition is true,
false or null; null is undetermined, and is never counted as either.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from ...facts.folder import MEASURES, knowledge_folder, shipped_folder
from ...facts.markdown import plain, read_markdown, text_of
from ...facts.problem import AskedWrongly, KnowledgeError, Problem
from ...facts.source import VERIFIED, Citation, parse_citations
from ...facts.words.nearest import hint

COUNTS = ("patient", "dose", "specimen")
"""What a measure may count: the view whose rows are asked."""
BETTER = ("higher", "lower", "neither")
HEAD = ("measure", "version", "counts", "edition", "better", "source", "verified", "reviewed by")
PARTS = ("Denominator", "Numerator", "Exclusions")
VALUE = "Value"
"""A section with a number in place of a numerator: its quartiles are told."""
_SECTION = re.compile(r"^## +(.+?) *$", re.MULTILINE)
_SQL = re.compile(r"^```sql\n(.*?)^```", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Measure:
    """One measure. `numerator`, `denominator`, `exclusions` and `value` are SQL; "" where there is none."""

    key: str
    title: str
    version: str
    counts: str
    edition: str
    better: str
    citations: tuple[Citation, ...]
    verified: str
    denominator: str
    numerator: str
    exclusions: str
    value: str
    undetermined: str
    differences: str
    path: Path

    def as_json(self) -> dict[str, str]:
        """The definition, for an output."""
        return {
            "measure": self.key, "title": self.title, "version": self.version, "counts": self.counts,
            "edition": self.edition, "better": self.better, "source": "; ".join(map(str, self.citations)),
            "verified": self.verified, "denominator": self.denominator, "numerator": self.numerator,
            "exclusions": self.exclusions, "value": self.value, "undetermined": self.undetermined,
        }  # fmt: skip


def measures_folder() -> Path:
    """Where the measures of the knowledge in use stand; those that ship where it has none."""
    folder = knowledge_folder() / MEASURES
    return folder if folder.is_dir() else shipped_folder() / MEASURES


def measures(folder: Path | None = None) -> dict[str, Measure]:
    """Every measure by its key, in the order of the names of the files. Raises `KnowledgeError`."""
    return {each.key: each for each in map(read_measure, sorted((folder or measures_folder()).glob("*.md")))}


def measure_named(key: str) -> Measure:
    """A measure by its key, or of a file. Raises `AskedWrongly` with the nearest where there is none."""
    known = measures()
    if key in known:
        return known[key]
    if key.endswith(".md") and Path(key).is_file():
        return read_measure(Path(key))
    raise AskedWrongly(f"no measure is called {key!r}{hint(key, known, 'her2path measure --list')}")


@cache
def read_measure(path: Path) -> Measure:
    """Read one file. Raises `KnowledgeError` with every fault of its head and parts."""
    document = read_markdown(path)
    head = {}
    for section, grid in document.grids():
        if section.level == 1 and grid.first == "measure":
            head = {"measure": plain(grid.header[1]), **{plain(row.cells[0]): row.cells[1] for row in grid.rows}}
    parts = _parts(text_of(path))
    problems = [
        Problem(path, 1, "bad measure", f"the head has no row {name}", "add it") for name in HEAD if name not in head
    ]
    for name in ("Denominator", "Undetermined"):
        if not parts.get(name):
            problems.append(Problem(path, 1, "bad measure", f"there is no section {name}", "add it"))
    if bool(parts.get("Numerator")) == bool(parts.get(VALUE)):
        problems.append(
            Problem(path, 1, "bad measure", "it needs a Numerator or a Value, and not both", "see docs/measures.md")
        )
    for name, allowed in (("counts", COUNTS), ("better", BETTER), ("verified", VERIFIED)):
        if name in head and plain(head[name]) not in allowed:
            problems.append(
                Problem(path, 1, "bad measure", f"{name} is {head[name]!r}", "write one of: " + ", ".join(allowed))
            )
    if problems:
        raise KnowledgeError(problems)
    verified = plain(head["verified"])
    return Measure(
        head["measure"], document.title, plain(head["version"]), plain(head["counts"]), plain(head["edition"]),
        plain(head["better"]), parse_citations(head["source"], verified), verified, parts["Denominator"],
        parts.get("Numerator", ""), parts.get("Exclusions", ""), parts.get(VALUE, ""), parts["Undetermined"],
        parts.get("What the source counts otherwise", ""), path,
    )  # fmt: skip


def _parts(text: str) -> dict[str, str]:
    """The sections of a file by their titles: the SQL of those that hold some, the words of the others."""
    pieces = _SECTION.split(text)[1:]
    parts = {}
    for title, content in zip(pieces[::2], pieces[1::2], strict=True):
        found = _SQL.search(content)
        parts[title] = found.group(1).strip() if found else " ".join(content.split())
    return parts
