"""Codings whose parts are swapped: a code where the system or the display should be, a name where the code should be;
and a code in signs that only look like it.

Where the code of a coding is not known, its other strings are looked at too. What they say is never read, only told:
nobody knows how else the coding was garbled.
"""

from __future__ import annotations

from collections.abc import Iterator

from ..facts.words.look_alikes import as_seen
from .coding import Coded

SHORT = 3
"""Letters of an abbreviation that may be anything."""
_ADDRESS = ("://", "urn:")


def codes_elsewhere(coding: Coded) -> Iterator[tuple[str, str]]:
    """What may be the code of a coding and stands elsewhere in it, or in other signs: the place, and the string."""
    system, code, display = coding
    if code is not None and not code.isascii() and (seen := as_seen(code).strip()) != code:
        yield "code, in signs that look like it,", seen
    for place, written in (("system", system), ("display", display)):
        if written is not None and (bare := written.strip()) and not is_address(bare):
            yield place, bare


def words_elsewhere(coding: Coded) -> Iterator[tuple[str, str, str]]:
    """What may be the name of a coding and stands elsewhere in it: the place, the string, and all words together.

    All words together may deny what the string says alone ("weight", displayed as "Birth weight"). A few letters beside
    a name are the code of a laboratory and no name.
    """
    system, code, display = coding
    has_name = display is not None and any(map(str.isalpha, display))
    for place, written in (("code", code), ("system", system)):
        if written is None or not any(map(str.isalpha, written)) or is_address(written):
            continue
        if not has_name or len(written.strip()) > SHORT:
            yield place, written.strip(), f"{written.strip()} ; {display or ''}".rstrip(" ;")


def is_address(written: str) -> bool:
    """Whether a string is the address of a system; names in an address say nothing."""
    return any(part in written for part in _ADDRESS)
