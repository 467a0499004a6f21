"""The rows of `product/brands.md` with their sources: what a brand is, its vials, and what it may be exchanged for."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from functools import cache
from pathlib import Path

from ..facts.cache import kept
from ..facts.markdown import plain, read_markdown
from ..facts.source import Citation, parse_citations


@dataclass(frozen=True, slots=True)
class BoxRow:
    """A row about a brand under one label: `said` by the columns of its grid, with its citations."""

    brand: str
    said: dict[str, str]
    citations: tuple[Citation, ...]


@dataclass(frozen=True, slots=True)
class Boxes:
    """The rows by brand and jurisdiction: brands, vials; and designations by the brand offered and the one ordered."""

    brands: dict[tuple[str, str], BoxRow] = field(default_factory=dict)
    vials: dict[tuple[str, str], tuple[BoxRow, ...]] = field(default_factory=dict)
    designated: dict[tuple[str, str], BoxRow] = field(default_factory=dict)

    def suffix(self, brand: str, jurisdiction: str) -> str:
        """The four letters of a biosimilar's name under a label, "" where it has none."""
        row = self.brands.get((brand, jurisdiction))
        suffix = row.said.get("suffix", "-") if row else "-"
        return "" if suffix == "-" else suffix

    def sizes(self, brand: str, jurisdiction: str) -> tuple[Decimal, ...]:
        """The vial sizes of a brand under a label, mg."""
        rows = self.vials.get((brand, jurisdiction), ())
        return tuple(sorted({Decimal(row.said["size mg"]) for row in rows}))


def read_boxes(folder: Path) -> Boxes:
    """The rows of the brands of a folder of knowledge."""
    return _read_once(folder / "product" / "brands.md")


@cache
def _read_once(path: Path) -> Boxes:
    return kept("boxes", [path], lambda: _read(path))


def _read(path: Path) -> Boxes:
    boxes = Boxes()
    for _, grid in read_markdown(path).grids():
        if grid.first not in ("brand", "vial of", "interchangeable"):
            continue
        for _, record in grid.records():
            said = {name: plain(cell) for name, cell in record.items()}
            row = BoxRow(said[grid.first], said, parse_citations(record.get("source", ""), said.get("verified", "")))
            key = row.brand, said.get("jurisdiction", "")
            if grid.first == "brand":
                boxes.brands[key] = row
            elif grid.first == "vial of":
                boxes.vials[key] = (*boxes.vials.get(key, ()), row)
            else:
                boxes.designated[row.brand, said["with"]] = row
    return boxes
