"""How wide text is written: as wide as the page, as the terminal, or in lines that nothing breaks."""

from __future__ import annotations

PAGE_WIDTH = 100
"""Characters of a line of text."""
UNBROKEN = 1 << 30
_WIDTH = [PAGE_WIDTH]


def page_width() -> int:
    """So many characters a line of text may have."""
    return _WIDTH[0]


def set_page_width(width: int = PAGE_WIDTH) -> None:
    """Say how wide text is written from now on, in this process and those that it starts by forking."""
    _WIDTH[0] = width


def page_width_for(columns: str | None, terminal: int | None) -> int:
    """How wide text is for standard output: what COLUMNS says; the terminal, but no wider than the page; no limit for a
    pipe, whose reader breaks lines as it likes."""
    if columns and columns.isdigit() and int(columns) > 0:
        return min(int(columns), PAGE_WIDTH)
    return UNBROKEN if terminal is None else min(terminal, PAGE_WIDTH)
