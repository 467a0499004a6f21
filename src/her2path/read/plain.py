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


class Measured(TypedDict, total=False):
    """An observation that is one number."""

    status: str
    effectiveDateTime: str
    valueQuantity: Quantity


class Done(TypedDict, total=False):
    """Something that was done on a day: an administration without an amount, a procedure."""

    status: str
    effectiveDateTime: str
    performedDateTime: str


class Person(TypedDict, total=False):
    """A patient's sex, birth and death."""

    gender: str
    birthDate: str
    deceasedDateTime: str
    deceasedBoolean: bool


_QUANTITY = b'"valueQuantity"'
_PARTS = (b'"value"', b'"unit"', b'"code"')
_DAY, _DONE_DAY, _STATUS = b'"effectiveDateTime"', b'"performedDateTime"', b'"status"'
_ODD_OBSERVATION = (b'"component"', b'"dataAbsentReason"', b'"valueCodeableConcept"', b'"modifierExtension"', b"\\u")
_ODD_ADMINISTRATION = (b'"dosage"', b'"effectivePeriod"', b'"statusReason"', b'"contained"', b"\\u")
_PERSON = (b'"gender"', b'"birthDate"', b'"deceasedDateTime"', b'"deceasedBoolean"')
_measured = msgspec.json.Decoder(Measured)
_done = msgspec.json.Decoder(Done)
_person = msgspec.json.Decoder(Person)
_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


def parse_plainly(kind: str, raw: bytes | memoryview) -> dict[str, Any] | None:
    """The fields of a plain resource; `None` for one that must be parsed in full."""
    text = bytes(raw)
    try:
        if kind == "Observation":
            return _measured.decode(text) if _is_measured(text) else None  # type: ignore[return-value]
        if kind == "MedicationAdministration":
            plain = text.count(_STATUS) == 1 == text.count(_DAY) and not any(odd in text for odd in _ODD_ADMINISTRATION)
            return _done.decode(text) if plain else None  # type: ignore[return-value]
        if kind == "Patient":
            plain = all(text.count(key) <= 1 for key in _PERSON) and b"\\u" not in text
            return _person.decode(text) if plain else None  # type: ignore[return-value]
    except _UNREADABLE:
        pass
    return None


def _is_measured(text: bytes) -> bool:
    start = text.find(_QUANTITY)
    if start < 0 or text.count(_STATUS) != 1 or text.count(_DAY) != 1 or text.find(_QUANTITY, start + 1) >= 0:
        return False
    part = text[start : text.find(b"}", start)]
    if part.count(b"{") != 1 or b'"comparator"' in part or any(part.count(key) > 1 for key in _PARTS):
        return False
    return not any(odd in text for odd in _ODD_OBSERVATION)
