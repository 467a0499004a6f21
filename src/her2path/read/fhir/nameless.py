"""What could be ours and says so in no place where it is looked for: a resource of no type of FHIR, or without a code.

The skim looks at types, codes and names. What has a type that is none ("observation", a blank, nothing at all), or
names nothing where its type has its name, would be passed over; so all of its text is searched, and what speaks of
anything that matters is told.
"""

from __future__ import annotations

import difflib
import re
from functools import lru_cache

from ...record.event import Trouble
from .head import Concept, Head
from .readers import RESOURCE_TYPES
from .resource import Owner
from .terms import Terms

_TYPE = re.compile(r"[A-Z][A-Za-z]{2,}")
LIKE = 0.8
"""How like a type that is read a name must be to be taken for a misspelling of it."""
NO_NAME = "no name"
_OF_A_MEDICATION = '"medicationReference"'
"""Where this stands in a resource of no type, it may be a dose of any drug."""


@lru_cache(maxsize=10_000)
def is_no_type(kind: str, read: tuple[str, ...]) -> bool:
    """Whether a name is no type of FHIR: it is not written like one, or is nearly one of those that are `read`."""
    if kind in read:
        return False
    like = difflib.get_close_matches(kind.casefold(), [name.casefold() for name in read], n=1, cutoff=LIKE)
    return bool(like) or _TYPE.fullmatch(kind) is None


def is_nameless(head: Head) -> bool:
    """Whether a head has a type that is none, or names nothing where its type has its name."""
    known = RESOURCE_TYPES.get(head.resourceType)
    if known is None:
        return is_no_type(head.resourceType, tuple(RESOURCE_TYPES))
    if known.owner is not Owner.PATIENT or not known.is_named_by_code or _says(head.code):
        return False
    return not any(_says(component.code) for component in getattr(head, "component", None) or ())


def _says(concept: Concept | None) -> bool:
    return concept is not None and bool(concept.text or any(coding.code or coding.display for coding in concept.coding))


def tell_nameless(head: Head, raw: bytes, place: str, terms: Terms) -> list[Trouble]:
    """What is told of a resource that is nameless: nothing, unless its text speaks of what matters."""
    kind, text = head.resourceType, raw.decode("utf-8", "replace")
    if not terms.speaks(text) and (kind in RESOURCE_TYPES or _OF_A_MEDICATION not in text):
        return []
    origin = f"{place} {kind or '?'}/{head.id or '?'}"
    if kind in RESOURCE_TYPES:
        what = "it has no code and no name where it should, but speaks of what would be read; nothing is read from it"
        return [Trouble(NO_NAME, origin, what)]
    named = f"{kind[:40]!r} is no type of resource" if kind else "it has no resourceType"
    return [Trouble("not FHIR", origin, f"{named}, but it speaks of what would be read; nothing is read from it")]
