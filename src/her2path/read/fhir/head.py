"""What the skim reads of a resource: its type, its codes and whom it is about, and nothing else."""

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


class Component(msgspec.Struct, gc=False):
    """A component of an observation, as far as the skim needs it."""

    code: Concept | None = None


class Head(msgspec.Struct, gc=False):
    """What the skim reads of every resource."""

    resourceType: str = ""
    id: str | None = None
    subject: Reference | None = None
    code: Concept | None = None
    component: list[Component] | None = None
    verificationStatus: Concept | None = None
    patient: Reference | None = None
    medicationCodeableConcept: Concept | None = None
    medicationReference: Reference | None = None
    status: msgspec.Raw = msgspec.Raw()
    effectiveDateTime: msgspec.Raw = msgspec.Raw()
    valueQuantity: msgspec.Raw = msgspec.Raw()
    valueCodeableConcept: msgspec.Raw = msgspec.Raw()
    dataAbsentReason: msgspec.Raw = msgspec.Raw()


class Entry(msgspec.Struct, gc=False):
    """A bundle entry; its resource stays raw until it is known to matter."""

    resource: msgspec.Raw = msgspec.Raw(b"null")
    fullUrl: str | None = None


class HeadEntry(msgspec.Struct, gc=False):
    """A bundle entry of which only the head of the resource is read."""

    resource: Head | None = None


class Heads(msgspec.Struct, gc=False):
    """A bundle read for the heads of its resources alone: one pass over the text for all of them."""

    entry: list[HeadEntry] | None = None


class Envelope(msgspec.Struct, gc=False):
    """A bundle, or a resource by itself."""

    resourceType: str = ""
    entry: list[Entry] | None = None
