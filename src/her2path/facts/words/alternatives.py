"""Many words looked for in a text by a pattern that is made only of those that stand in it, as hundreds compile slowly.

What it finds is what the pattern of all would find: a word that stands nowhere in a text matches nowhere in it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

MOST_KEPT = 300
"""Patterns of some of the words; beyond them the one of all is used."""


class Alternatives:
    """Words, of which `pattern` makes one pattern for several, in their order.

    `literals` has for each word what stands in every text that it matches: the word itself, where they are not given.
    """

    def __init__(
        self, words: Iterable[str], pattern: Callable[[tuple[str, ...]], str], literals: Iterable[str] | None = None
    ) -> None:
        self._words, self._pattern = tuple(words), pattern
        self._literals = self._words if literals is None else tuple(literals)
        self._known: dict[tuple[str, ...], re.Pattern[str]] = {}

    def among(self, text: str) -> re.Pattern[str] | None:
        """A pattern that finds in this text what that of all words finds; `None` where none of them stands in it."""
        standing = tuple([word for word, literal in zip(self._words, self._literals, strict=True) if literal in text])
        if not standing:
            return None
        pattern = self._known.get(standing)
        if pattern is None:
            if len(self._known) >= MOST_KEPT:
                standing = self._words
            pattern = self._known.get(standing)
            if pattern is None:
                pattern = self._known[standing] = re.compile(self._pattern(standing))
        return pattern

    def search(self, text: str) -> re.Match[str] | None:
        """The first place of a text where one of the words stands."""
        pattern = self.among(text)
        return None if pattern is None else pattern.search(text)
