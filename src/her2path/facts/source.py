"""Sources: every citation once, and how far each statement was checked against it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from .markdown import Document, plain, read_markdown
from .problem import KnowledgeError, Problem

VERIFIED = ("seen", "secondary", "remembered", "decided")
"""`seen` in the source itself; `secondary`: in a copy or a review; `remembered`: not seen, check
before relying on it; `decided`: the source leaves it open and `docs/decisions.md` says what we chose."""


@dataclass(frozen=True, slots=True)
class Source:
    """One row of `sources.md`."""

    key: str
    reference: str
    address: str
    read_on: str
    verified: str
    line: int


@dataclass(frozen=True, slots=True)
class Citation:
    """Where in a source a row stands, and how far that was verified."""

    key: str
    where: str
    verified: str

    def __str__(self) -> str:
        where = f" {self.where}" if self.where else ""
        return f"{self.key}{where} ({self.verified})"

    def as_json(self) -> dict[str, str]:
        """The citation as decisions print it with `--json`."""
        return {"key": self.key, "where": self.where, "verified": self.verified}


@dataclass(slots=True)
class Sources(Mapping[str, Source]):
    """All sources by key."""

    by_key: dict[str, Source]

    def __getitem__(self, key: str) -> Source:
        return self.by_key[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self.by_key)

    def __len__(self) -> int:
        return len(self.by_key)


def read_sources(path: Path) -> Sources:
    """Read `sources.md`. Raises `KnowledgeError` for a key given twice or an unknown level."""
    document = read_markdown(path)
    sources, faults = sources_in(document)
    if problems := [*document.problems(), *faults]:
        raise KnowledgeError(problems)
    return Sources(sources)


def sources_in(document: Document) -> tuple[dict[str, Source], list[Problem]]:
    """The sources that a file lists in tables headed `key`, and what is wrong with them."""
    path, sources = document.path, dict[str, Source]()
    problems: list[Problem] = []
    for _, grid in document.grids():
        if grid.first != "key":
            continue
        for line, record in grid.records():
            source = Source(
                key=plain(record["key"]),
                reference=record.get("reference", ""),
                address=record.get("address", ""),
                read_on=record.get("read", ""),
                verified=plain(record.get("verified", "")),
                line=line,
            )
            if source.key in sources:
                problems.append(Problem(path, line, "source twice", f"{source.key} is listed twice", "keep one row"))
            if source.verified not in VERIFIED:
                what = f"{source.key} is verified {source.verified!r}"
                problems.append(Problem(path, line, "bad source", what, "write one of: " + ", ".join(VERIFIED)))
            sources[source.key] = source
    return sources, problems


_CITATION = re.compile(r"@([a-z0-9-]+)\s*([^@;]*)")


def parse_citations(cell: str, verified: str) -> tuple[Citation, ...]:
    """The citations of a source cell: `@wolff2018 Fig 3; @cap2023`."""
    return tuple(Citation(match[1], match[2].strip(" ,;"), verified) for match in _CITATION.finditer(cell))
