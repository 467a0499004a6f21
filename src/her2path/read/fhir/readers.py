"""The resource types that are read: one line for each, and whatever depends on all of them together.

A type is added by one module below `resources/` with its reader and its `ResourceType`, and one line of `_SHIPPED`;
from another package by `register_resource_type`.
"""

from __future__ import annotations

from functools import lru_cache
from types import UnionType
from typing import Any

import msgspec

from ...facts.codes import Codes
from ...facts.problem import AskedWrongly
from .head import Head, Reference
from .mentions import MentionHead
from .resource import Owner, ResourceType
from .resources.adverse_event import ADVERSE_EVENT
from .resources.background import ALLERGY, CONDITION, FLAG, PATIENT
from .resources.evidence import BENEFIT, CHARGE, CLAIM, DISPENSE, PROCEDURE
from .resources.medication import ADMINISTRATION, ORDER, REQUEST, STATEMENT, USAGE
from .resources.named_drug import MEDICATION, SUBSTANCE
from .resources.observation import OBSERVATION
from .resources.report import REPORT
from .resources.specimen import SPECIMEN
from .terms import HER2, NOTHING, Terms

_SHIPPED = (
    PATIENT,
    CONDITION,
    OBSERVATION,
    SPECIMEN,
    REPORT,
    ADMINISTRATION,
    REQUEST,
    ORDER,
    STATEMENT,
    USAGE,
    DISPENSE,
    MEDICATION,
    SUBSTANCE,
    PROCEDURE,
    CHARGE,
    CLAIM,
    BENEFIT,
    ALLERGY,
    FLAG,
    ADVERSE_EVENT,
)
RESOURCE_TYPES: dict[str, ResourceType] = {shipped.name: shipped for shipped in _SHIPPED}
"""Every type that is read, by its name in FHIR."""


def register_resource_type(added: ResourceType) -> ResourceType:
    """Add a type from outside, for this process and those forked from it; sources opened afterwards are read with it.

    Raises `AskedWrongly` for a type that is read already, and for a head that reads a field of the others as something
    else.
    """
    if RESOURCE_TYPES.get(added.name, added) is not added:
        raise AskedWrongly(f"{added.name} is read already, by another reader")
    _heads_of((*RESOURCE_TYPES.values(), added))
    RESOURCE_TYPES[added.name] = added
    return added


class Interest(Terms):
    """Says of a head what its resource matters for: `HER2`, `COURSE`, both added, or `NOTHING`."""

    def __init__(self, codes: Codes, courses: bool = True) -> None:
        super().__init__(codes)
        self._types = dict(RESOURCE_TYPES)
        self._wanted = -1 if courses else HER2

    def matters(self, head: Head) -> int:
        """What a resource matters for; without `courses` only HER2 does."""
        known = self._types.get(head.resourceType)
        if known is None:
            return NOTHING
        return known.matters(head if self.site is None else self.site.head(head), self) & self._wanted


class WhoseHead(msgspec.Struct, gc=False):
    """Of a head what is left where its other fields have a wrong type."""

    resourceType: str = ""
    id: str | None = None
    subject: Reference | None = None
    patient: Reference | None = None


class Heads:
    """Reads the heads of resources: the fields that are common to all, and those of every type's own head."""

    def __init__(self, types: tuple[ResourceType, ...]) -> None:
        fields: dict[str, tuple[str, Any, Any]] = {}
        named: list[tuple[str, type[Head]]] = [(known.name, known.head) for known in types]
        named.append(("the reader of mentions", MentionHead))
        for name, head_of_type in named:
            for field in msgspec.structs.fields(head_of_type)[len(Head.__struct_fields__) :]:
                other = fields.setdefault(field.name, (field.name, field.type, field.default))
                if other[1] != field.type:
                    raise AskedWrongly(f"{name} reads {field.name} as {field.type}, others as {other[1]}")
        head = msgspec.defstruct("JoinedHead", list(fields.values()), bases=(Head,), gc=False)
        entry = msgspec.defstruct("HeadEntry", [("resource", _or_none(head), None)], gc=False)
        bundle = msgspec.defstruct("HeadBundle", [("entry", _or_none(list[entry]), None)], gc=False)  # type: ignore[valid-type]
        self._joined = head
        self._head: Any = msgspec.json.Decoder(head)
        self._common: Any = msgspec.json.Decoder(WhoseHead)
        self._bundle: Any = msgspec.json.Decoder(bundle)

    def head_of(self, raw: bytes | memoryview | msgspec.Raw) -> Head:
        """The head of a resource. Raises `msgspec.DecodeError` where a field of it has a wrong type."""
        return self._head.decode(raw)  # type: ignore[no-any-return]

    def whose(self, raw: bytes | memoryview | msgspec.Raw) -> Head | None:
        """The head of a resource with nothing but its type, id and patient; `None` where these are wrong too."""
        try:
            known = self._common.decode(raw)
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
            return None
        return self._joined(known.resourceType, known.id, known.subject, known.patient)  # type: ignore[return-value]

    def of_bundle(self, content: bytes) -> list[Head | None] | None:
        """The heads of a bundle's entries in one pass; `None` where one of them has a wrong type."""
        try:
            entries = self._bundle.decode(content).entry
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
            return None
        return None if entries is None else [entry.resource for entry in entries]


def heads() -> Heads:
    """What reads the heads of all types that are known now."""
    return _heads_of(tuple(RESOURCE_TYPES.values()))


_heads_of = lru_cache(maxsize=4)(Heads)


def _or_none(kind: Any) -> UnionType:
    return kind | None  # type: ignore[no-any-return]


def owner_of(head: Head) -> Owner:
    """Whose a resource of a known type is."""
    return RESOURCE_TYPES[head.resourceType].owner
