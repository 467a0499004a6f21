"""Left or right, as the words or the name of a specimen say it."""

from __future__ import annotations

import re

_SIDES = {
    "left": re.compile(r"(?<![a-z])(?:left|links|linke[rsnm]?|gauche)(?![a-z])"),
    "right": re.compile(r"(?<![a-z])(?:right|rechts|rechte[rsnm]?|droite?)(?![a-z])"),
}
_MAYBE = re.compile(r"left|right|link|gauche|recht|droit", re.IGNORECASE)


def side_in(words: str) -> str:
    """The side that words name; "" where they name none, or both."""
    if not _MAYBE.search(words):
        return ""
    small = words.lower()
    named = [side for side, pattern in _SIDES.items() if pattern.search(small)]
    return named[0] if len(named) == 1 else ""
