"""The rows of the tables of codes and words, line by line: a parser would cost every start its time."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ..markdown import text_of


def rows_of(text: str) -> Iterator[dict[str, str]]:
    """The rows of all tables of a text, each by its columns; back-ticks are dropped, and `\\|` is a bar."""
    header: list[str] = []
    for line in text.splitlines():
        if not line.startswith("|"):
            header = []
            continue
        bare = line.replace("\\|", "\0").replace("`", "").strip().strip("|")
        cells = [cell.replace("\0", "|").strip() for cell in bare.split("|")]
        if not header:
            header = cells
        elif any(cell.strip(":-") for cell in cells):
            yield dict(zip(header, cells, strict=False))


def rows_in(path: Path) -> list[dict[str, str]]:
    """The rows of a file; none where there is no such file. Raises as `text_of`."""
    return list(rows_of(text_of(path))) if path.is_file() else []
