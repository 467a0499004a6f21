"""What could be ours and says so in no place where it is looked for: a resource of no type of FHIR, or without a code.

The skim looks at types, codes and names. What has a type that is none ("observation", a blank, nothing at all), or
names nothing where its type has its name, would be passed over; so all of its text is searched, and what speaks of
anything that matters is told.
"""

from __future__ import annotations

import msgspec

from ...facts.words.fhir_types import fhir_types
from ...record.event import Trouble
from .head import Concept, Head
from .readers import RESOURCE_TYPES
from .resource import Owner
from .terms import Terms

NO_NAME = "no name"
_CONCEPT = msgspec.json.Decoder(Concept)
_OF_A_MEDICATION = '"medicationReference"'
"""Where this stands in a resource of no type, it may be a dose of any drug."""


def is_no_type(kind: str) -> bool:
    """Whether a name is no type of FHIR, and none that is read."""
    return kind not in RESOURCE_TYPES and kind not in fhir_types()


def is_nameless(head: Head) -> bool:
    """Whether a head has a type that is none, or names nothing where its type has its name."""
    known = RESOURCE_TYPES.get(head.resourceType)
    if known is None:
        return is_no_type(head.resourceType)
    if known.owner is not Owner.PATIENT or not known.is_named_by_code or _says(head.code):
        return False
    if _says_raw(bytes(getattr(head, "event", None) or b"")):  # the term of an adverse event
        return False
    return not any(_says(component.code) for component in getattr(head, "component", None) or ())


def _says_raw(raw: bytes) -> bool:
    """Whether the text of a concept says something, or cannot be read as one."""
    if not raw:
        return False
    try:
        return _says(_CONCEPT.decode(raw))
    except (msgspec.DecodeError, UnicodeDecodeError):
        return True


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
