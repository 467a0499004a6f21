"""Text of a record made plain: a line stays one line, and reads in the order in which it was written.

A name or a value of a record may hold a line break, a terminal's control characters, or signs that turn the direction
of writing: printed as they are they would forge lines of a report. They are shown escaped, as Python would write them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

_NOT_PLAIN = re.compile(
    "["
    "\x00-\x1f\x7f-\x9f"  # control characters, line breaks among them
    "\xad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"  # unseen, line ends, directions
    "\ud800-\udfff\ufffe\uffff"  # halves of pairs, and what is no character
    "\U000e0000-\U000e007f"  # unseen tags
    "]"
)
_LONG = 0x10000


def plain(text: str) -> str:
    """A text as one line of what can be seen; every other character escaped, as `\\n` or `\\u202e`."""
    if text.isascii() and text.isprintable():
        return text
    return _NOT_PLAIN.sub(_escaped, text)


def plain_lines(lines: Iterable[str]) -> str:
    """Lines joined to a text; each is one line of it."""
    return "\n".join(map(plain, lines))


def _escaped(match: re.Match[str]) -> str:
    number = ord(match[0])
    short = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}.get(match[0])
    if short is not None:
        return short
    return f"\\x{number:02x}" if number < 0x100 else f"\\u{number:04x}" if number < _LONG else f"\\U{number:08x}"
