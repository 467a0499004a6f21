"""What the skim reads of a resource: its type, its code and whom it is about, and nothing else.

A reader that needs more to tell whether its resources matter derives a head of its own (`resource.py`); the skim reads
the fields of all of them.
"""

from __future__ import annotations

import msgspec


class Reference(msgspec.Struct, gc=False):
    """A FHIR reference, as far as the skim needs it."""

    reference: str | None = None
    display: str | None = None
    identifier: msgspec.Raw = msgspec.Raw(b"")


class Coding(msgspec.Struct, gc=False):
    """A FHIR coding."""

    system: str | None = None
    code: str | None = None
    display: str | None = None


class Concept(msgspec.Struct, gc=False):
    """A FHIR codeable concept."""

    coding: list[Coding] = []
    text: str | None = None


class Head(msgspec.Struct, gc=False):
    """What the skim reads of every resource."""

    resourceType: str = ""
    id: str | None = None
    subject: Reference | None = None
    patient: Reference | None = None
    code: Concept | None = None


class Entry(msgspec.Struct, gc=False):
    """A bundle entry; its resource stays raw until it is known to matter."""

    resource: msgspec.Raw = msgspec.Raw(b"null")
    fullUrl: str | None = None


class FullEntry(Entry, gc=False):
    """A bundle entry with what it says of the version it holds, or of a deletion."""

    request: msgspec.Raw = msgspec.Raw(b"null")
    response: msgspec.Raw = msgspec.Raw(b"null")


class Envelope(msgspec.Struct, gc=False):
    """A bundle, or a resource by itself."""

    resourceType: str = ""
    type: msgspec.Raw = msgspec.Raw(b"null")
    entry: list[Entry] | None = None
    link: msgspec.Raw = msgspec.Raw(b"null")


def kind_of_bundle(envelope: Envelope) -> str:
    """The type of a bundle, "" where none is named."""
    return bytes(envelope.type).decode("utf-8", "replace").strip('"')


class FullEnvelope(Envelope, gc=False):
    """The same with its entries whole, and how many the search has found in all."""

    total: msgspec.Raw = msgspec.Raw(b"null")

    entry: list[FullEntry] | None = None  # type: ignore[assignment]  # of a derived kind
