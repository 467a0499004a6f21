"""The names nearest to one that is none: what every error says to whoever misspelt a name."""

from __future__ import annotations

from collections.abc import Collection

MOST_NAMED = 5
"""So many nearest names are told at most."""
ALL_NAMED = 8
"""Where there are no more names than this, all are told."""
LEAST_ALIKE = 0.65
LEAST_SHARED = 3
"""A word that stands in a name as a whole part of it must have so many signs to be told as near."""


def nearest(word: str, known: Collection[str], most: int = MOST_NAMED) -> list[str]:
    """The names nearest to a word, the nearest first, at most so many; none where nothing is near.

    Near is what is spelt alike, and what has the word as one of its parts (`ihc`: `ihc_score`).
    """
    import difflib  # needed only for what is wrong

    asked = _bare(word)
    shares: dict[str, float] = {}
    for name in known:
        bare = _bare(name)
        share = difflib.SequenceMatcher(None, asked, bare).ratio()
        if len(asked) >= LEAST_SHARED and (bare.startswith(asked) or f" {asked} " in f" {bare} "):
            share = max(share, LEAST_ALIKE + share / 10)
        if share >= LEAST_ALIKE:
            shares[name] = share
    if not shares:
        return []
    best = max(shares.values())
    near = sorted((name for name, share in shares.items() if share >= best - 0.15), key=lambda name: -shares[name])
    return near[:most]


def hint(word: str, known: Collection[str], lists: str = "") -> str:
    """What an error says after a name that is none: the nearest, and how all are listed.

    `lists` is what lists them all, such as `her2path show`. Begins with `; `, or is "" where there is nothing to say.
    """
    near = nearest(word, known)
    said = f"; did you mean {either(near)}?" if near else ""
    if len(known) <= ALL_NAMED:
        return f"{said}; there are {', '.join(known)}" if not near or len(near) < len(known) else said
    if not lists:
        return said
    return f"{said} (all {len(known)}: {lists})" if near else f"; all {len(known)} are listed by {lists}"


def either(names: Collection[str]) -> str:
    """Names as a choice in words: `a`, `a or b`, `a, b or c`."""
    *before, last = names
    return f"{', '.join(before)} or {last}" if before else last


def _bare(name: str) -> str:
    return " ".join(name.lower().replace("_", " ").replace("-", " ").split())
