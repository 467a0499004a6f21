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


class Envelope(msgspec.Struct, gc=False):
    """A bundle, or a resource by itself."""

    resourceType: str = ""
    entry: list[Entry] | None = None
