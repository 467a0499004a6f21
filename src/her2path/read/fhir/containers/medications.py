"""The medications of a source by their addresses and ids, and which of them a reference names."""

from __future__ import annotations

from collections.abc import Mapping

from ..resource import Resource, Stamp
from .persons import plain_reference, server_of
from .versions import is_later, version_of, versions_of


def note_medication(medications: dict[str, Resource | None], resource: Resource) -> None:
    """Keep a resource that others name by its address and its id; an id that two of them share names neither.

    Of two versions the one that counts is kept.
    """
    names = {resource.url, plain_reference(resource.url)} if resource.url else set()
    if identity := resource.head.id:
        names.add(f"{resource.head.resourceType}/{identity}")
    for name in names:
        held = medications.get(name)
        if held is None:
            medications[name] = None if name in medications else resource
        elif bytes(held.raw) != bytes(resource.raw):
            later = None
            if server_of(held.url) == server_of(resource.url) or not held.url or not resource.url:
                later = is_later(version_of(resource), version_of(held))
            medications[name] = resource if later else held if later is False else None


def medication_named(medications: Mapping[str, Resource | None], reference: str) -> Resource | None:
    """The medication of a reference: by its address, else by its id where no other server is named."""
    plain = reference.partition("/_history/")[0]
    found = medications.get(plain)
    if found is not None or plain in medications:
        return found
    form = plain_reference(plain)
    if form in medications:
        return medications[form]
    if not form.startswith("//"):
        return medications.get(form)
    found = medications.get("/".join(form.rsplit("/", 2)[-2:]))
    return found if found is not None and server_of(found.url) in ("", server_of(plain)) else None


def without_withdrawn(medications: dict[str, Resource | None], withdrawn: Mapping[str, list[Stamp]]) -> None:
    """Forget the medications that were deleted or withdrawn: whoever names one names none."""
    for name in withdrawn:
        held = medications.get(name)
        if held is not None and versions_of([held], withdrawn).old:
            for other in [key for key, medication in medications.items() if medication is held]:
                medications[other] = None
