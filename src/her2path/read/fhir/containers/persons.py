"""How resources name a patient: references in all their forms, identifiers, and links between patients who are one."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from ....record.event import TOLD, Trouble
from ..head import Reference
from ..resource import Resource

BY_IDENTIFIER = "\x00identifier "
"""How the name of a patient begins who is known by an identifier until her Patient is found."""
JOINS = ("replaced-by", "replaces")
_ADDRESS = re.compile(r"(?i)https?://([^/?#]+)(/[^?#]*)?")
_DEFAULT_PORT = re.compile(r":(?:80|443)$")
_CONDITIONAL = re.compile(r"(?:.*/)?Patient\?(?:.*&)?identifier=([^&]+)")


def patient_of(reference: str) -> str:
    """The patient's id in a reference: `Patient/1`, an absolute address or a `urn:uuid:`."""
    name = reference.partition("/_history/")[0].rpartition("/")[2].rpartition(":")[2]
    return name.lower() if reference[:4].lower() == "urn:" else name


def plain_reference(reference: str) -> str:
    """A reference without version, and in one form whatever the case, scheme and port of its server."""
    plain = reference.strip().partition("/_history/")[0].partition("#")[0] or reference.strip()
    if plain[:4].lower() == "urn:":
        return plain.lower()
    if (match := _ADDRESS.fullmatch(plain)) is not None:
        path = re.sub(r"/{2,}", "/", match[2] or "").rstrip("/")
        return f"//{_DEFAULT_PORT.sub('', match[1].lower())}{path}"
    return plain.strip("/")


def server_of(url: str) -> str:
    """The server of a resource's full address, in one form; "" for any other reference."""
    plain = plain_reference(url) if url[:4].lower() == "http" else ""
    return plain.rpartition("/")[0].rpartition("/")[0]


def identifier_of(reference: Reference) -> str:
    """The identifier by which a reference names its subject, as system and value; "" without one."""
    if (match := _CONDITIONAL.fullmatch(reference.reference or "")) is not None:
        return unquote(match[1])
    raw = bytes(reference.identifier)
    if not raw or reference.reference:
        return ""
    try:
        identifier = json.loads(raw)
    except (ValueError, RecursionError):
        return ""
    return _words(identifier)


def _words(identifier: Any) -> str:
    if not isinstance(identifier, dict) or not identifier.get("value"):
        return ""
    return f"{identifier.get('system') or ''}|{str(identifier['value']).strip()}"


def fields_of(person: Resource) -> dict[str, Any]:
    """The fields of a Patient, however they are written; none where they cannot be read."""
    try:
        content = json.loads(bytes(person.raw))
    except (ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}


def identifiers_of(person: Resource) -> Iterator[str]:
    """The identifiers of a Patient, each as system and value."""
    if b'"identifier"' not in bytes(person.raw):
        return
    listed = fields_of(person).get("identifier")
    for identifier in listed if isinstance(listed, list) else [listed]:
        if words := _words(identifier):
            yield words


def identifiers_inside(resource: Resource, reference: str) -> list[str]:
    """The identifiers of a Patient who is contained in a resource, by the reference to her there."""
    contained = fields_of(resource).get("contained")
    for inside in contained if isinstance(contained, list) else []:
        if isinstance(inside, dict) and f"#{inside.get('id')}" == reference:
            listed = inside.get("identifier")
            return [words for each in (listed if isinstance(listed, list) else [listed]) if (words := _words(each))]
    return []


@dataclass(frozen=True, slots=True)
class Link:
    """A link of a Patient to another: of what type, to whom by reference or identifier, and where it stands."""

    kind: str
    reference: str
    identifier: str
    where: str

    @property
    def other(self) -> str:
        """The other patient in words."""
        return self.reference or self.identifier


def links_of(person: Resource) -> Iterator[Link]:
    """The links of a Patient to other patients."""
    if b'"link"' not in bytes(person.raw):
        return
    listed = fields_of(person).get("link")
    for link in listed if isinstance(listed, list) else [listed]:
        if not isinstance(link, dict) or not isinstance(link.get("other"), dict):
            continue
        other = link["other"]
        reference = other.get("reference")
        reference = reference if isinstance(reference, str) else ""
        if "RelatedPerson/" in reference:
            continue
        identifier = "" if reference else _words(other.get("identifier"))
        if reference or identifier:
            yield Link(str(link.get("type")), reference, identifier, person.origin)


@dataclass(slots=True)
class Joined:
    """Patients who are one by their links: who goes on as whom, and what is told of it by the name of either."""

    into: dict[str, str] = field(default_factory=dict)
    told: dict[str, list[Trouble]] = field(default_factory=dict)

    def link(self, name: str, other: str, link: Link) -> None:
        """Take in a link of one patient to another."""
        if link.kind not in JOINS:
            what = f"she is linked to {link.other} ({link.kind}): not joined, what is recorded there is not hers here"
            self._tell(name, Trouble(TOLD, link.where, what))
            return
        old, new = (name, other) if link.kind == "replaced-by" else (other, name)
        if old == new:
            return
        self.into.setdefault(old, new)
        by = f"was replaced by {link.other}" if link.kind == "replaced-by" else f"replaces {link.other}"
        self._tell(name, Trouble(TOLD, link.where, f"Patient/{name} {by}: both are read as one patient"))

    def _tell(self, name: str, trouble: Trouble) -> None:
        held = self.told.setdefault(name, [])
        if trouble not in held:
            held.append(trouble)

    def survivor(self, name: str) -> str:
        """As whom a patient goes on; of some who replace each other in a circle, the first by name."""
        seen = [name]
        while (name := self.into.get(name, "")) and name not in seen:
            seen.append(name)
        return min(seen[seen.index(name) :]) if name else seen[-1]

    def members(self) -> set[str]:
        """Everybody whom a joining link or something told names."""
        return {*self.into, *self.into.values(), *self.told}
