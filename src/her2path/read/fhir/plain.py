"""The plainest resources, parsed for the few fields that are read of them: a third of the cost of parsing all.

Strictness is kept: where a field that is read could stand twice, or anything beside it could change what it
means, nothing is returned and the resource is parsed in full.
"""

from __future__ import annotations

from typing import Any, TypedDict

import msgspec

from .head import Head


class Given(TypedDict, total=False):
    """An administration of which no amount is recorded; the raw fields must not be there."""

    status: str
    effectiveDateTime: str
    dosage: msgspec.Raw
    effectivePeriod: msgspec.Raw
    statusReason: msgspec.Raw


class Person(TypedDict, total=False):
    """A patient's sex, birth and death."""

    gender: str
    birthDate: str
    deceasedDateTime: str
    deceasedBoolean: bool


_DAY, _STATUS, _ESCAPED = b'"effectiveDateTime"', b'"status"', b"\\u"
_QUANTITY, _CONCEPT = b'"valueQuantity"', b'"valueCodeableConcept"'
_PERSON = (b'"gender"', b'"birthDate"', b'"deceasedDateTime"', b'"deceasedBoolean"')
_given = msgspec.json.Decoder(Given)
_person = msgspec.json.Decoder(Person)
_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


def parse_plainly(kind: str, raw: bytes | memoryview) -> dict[str, Any] | None:
    """The fields of a plain resource; `None` for one that must be parsed in full."""
    text = bytes(raw)
    found: Any = None
    try:
        if kind == "MedicationAdministration":
            found = _given.decode(text) if _dated(text) else None
            return found if found is not None and len(found) == 2 else None
        if kind == "Patient" and _ESCAPED not in text and all(text.count(key) <= 1 for key in _PERSON):
            found = _person.decode(text)
    except _UNREADABLE:
        return None
    return found  # type: ignore[no-any-return]


def plain_value(head: Head, raw: bytes | memoryview) -> tuple[str, bytes] | None:
    """Where an observation is one value, coded or a number, on one day: the name of the value and its JSON."""
    if head.component is not None or bytes(head.dataAbsentReason):
        return None
    concept, quantity = bytes(head.valueCodeableConcept), bytes(head.valueQuantity)
    if not concept and not quantity:
        return None
    text = bytes(raw)
    if not _dated(text) or text.count(_CONCEPT if concept else _QUANTITY) != 1:
        return None
    return ("valueCodeableConcept", concept) if concept else ("valueQuantity", quantity)


def _dated(text: bytes) -> bool:
    """Whether status and day stand once, with no key written in escapes."""
    return text.count(_STATUS) == 1 and text.count(_DAY) == 1 and _ESCAPED not in text
