"""Text of a record as Markdown that shows it and does nothing else, in clients that render HTML too."""

from __future__ import annotations

import html
import re

from ...write.plan_words import clean

_SIGNS = re.compile(r"([\\`*_\[\]|~#!])")
_ADDRESS = re.compile(r"(?i)\b(https?|ftp|javascript|data|mailto|file):|\bwww\.")
_SPACES = re.compile(r"\s+")


def one_line(text: str) -> str:
    """A text on one line, without control characters."""
    return _SPACES.sub(" ", clean(text)).strip()


def escaped(text: str) -> str:
    """A text that Markdown and HTML show as it stands: no tag, no link, no picture, no emphasis, one line."""
    bare = _ADDRESS.sub(
        lambda found: found[0][:-1] + ("\u2024" if found[0].endswith(".") else "\u2236"), one_line(text)
    )
    return _SIGNS.sub(r"\\\1", html.escape(bare, quote=False))


def shortened(text: str, most: int) -> str:
    """A text on one line of at most so many characters, cut between words."""
    line = one_line(text)
    if len(line) <= most:
        return line
    cut = line[: most - 1]
    head = cut.rpartition(" ")[0]
    return (head if len(head) > most // 2 else cut).rstrip(" ,;:(") + "…"
