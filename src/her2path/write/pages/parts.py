"""What pages are made of: paragraphs of some width, and tables whose source is aligned."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

LINE_WIDTH = 120


def filled(text: str, indent: str = "") -> str:
    """A paragraph in lines of at most 120 characters; further lines begin with `indent`."""
    return textwrap.fill(text, LINE_WIDTH, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)


def grid(rows: Sequence[Sequence[str]], right_from: int | None = None, right_to: int | None = None) -> str:
    """Rows as a Markdown table whose source is aligned; columns of numbers stand to the right."""
    widths = [max(3, *(len(cell) for cell in column)) for column in zip(*rows, strict=True)]
    right = range(right_from, right_to or len(widths)) if right_from is not None else range(0)

    def line(row: Sequence[str]) -> str:
        cells = (c.rjust(w) if n in right else c.ljust(w) for n, (c, w) in enumerate(zip(row, widths, strict=True)))
        return f"| {' | '.join(cells)} |"

    rule = "|".join("-" * (w + 1) + ":" if n in right else "-" * (w + 2) for n, w in enumerate(widths))
    return "\n".join([line(rows[0]), f"|{rule}|", *map(line, rows[1:])])
