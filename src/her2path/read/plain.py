"""The plainest resources, parsed for the few fields that are read of them: a third of the cost of parsing all.

Strictness is kept: where a field that is read could stand twice, or anything beside it could change what it
means, nothing is returned and the resource is parsed in full.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any, TypedDict

import msgspec


class Quantity(TypedDict, total=False):
    """A FHIR quantity."""

    value: Decimal
    unit: str
    code: str
    comparator: str


class Measured(TypedDict, total=False):
    """An observation that is one number; the raw fields must not be there."""

    status: str
    effectiveDateTime: str
    valueQuantity: Quantity
    valueCodeableConcept: msgspec.Raw
    component: msgspec.Raw
    dataAbsentReason: msgspec.Raw


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


_QUANTITY, _DAY, _STATUS, _ESCAPED = b'"valueQuantity"', b'"effectiveDateTime"', b'"status"', b"\\u"
_PERSON = (b'"gender"', b'"birthDate"', b'"deceasedDateTime"', b'"deceasedBoolean"')
_measured = msgspec.json.Decoder(Measured)
_given = msgspec.json.Decoder(Given)
_person = msgspec.json.Decoder(Person)
_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


def parse_plainly(kind: str, raw: bytes | memoryview) -> dict[str, Any] | None:
    """The fields of a plain resource; `None` for one that must be parsed in full."""
    text = bytes(raw)
    found: Any = None
    try:
        if kind == "Observation":
            start = text.find(_QUANTITY)
            if start < 0 or not _once(text, _QUANTITY) or not _dated(text) or not _flat(text, start):
                return None
            found = _measured.decode(text)
            return found if len(found) == 3 and "valueQuantity" in found else None
        if kind == "MedicationAdministration":
            found = _given.decode(text) if _dated(text) else None
            return found if found is not None and len(found) == 2 else None
        if kind == "Patient" and _ESCAPED not in text and all(text.count(key) <= 1 for key in _PERSON):
            found = _person.decode(text)
    except _UNREADABLE:
        return None
    return found  # type: ignore[no-any-return]


def _once(text: bytes, key: bytes) -> bool:
    return text.count(key) == 1


def _dated(text: bytes) -> bool:
    """Whether status and day stand once, with no key written in escapes."""
    return text.count(_STATUS) == 1 and text.count(_DAY) == 1 and _ESCAPED not in text


def _flat(text: bytes, start: int) -> bool:
    """Whether the quantity from `start` on has no part twice and nothing inside its parts."""
    part = text[start : text.find(b"}", start)]
    if part.count(b"{") != 1:
        return False
    return part.count(b'"value"') == 1 and part.count(b'"unit"') <= 1 and part.count(b'"code"') <= 1
