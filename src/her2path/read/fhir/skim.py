"""FHIR R4 as records: bundles, single resources and bulk NDJSON, one patient at a time.

A bundle is skimmed: each entry is only looked at for its type, codes and references, and just the
resources that matter are parsed in full, strictly (duplicate keys and all). So reading costs less
than parsing everything, and one bad resource spoils nothing but itself.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import msgspec

from ...facts.codes import Codes
from ...record.event import Trouble
from ..files import Piece
from .head import Entry, Envelope, Head
from .json import exact, json_trouble, key_twice
from .readers import RESOURCE_TYPES, Interest, heads, owner_of
from .resource import Group, Owner, Resource
from .terms import NOTHING

_encoder = msgspec.json.Encoder(decimal_format="number")
_envelope = msgspec.json.Decoder(Envelope)


class Skimmer:
    """Finds, in a piece, the resources that matter and the patient each belongs to."""

    def __init__(self, codes: Codes, courses: bool = True) -> None:
        self.codes = codes
        self.interest = Interest(codes, courses)
        self.heads = heads()

    def skim(self, piece: Piece) -> Iterator[Group | Trouble]:
        """Group the resources of a bundle by patient; a resource by itself is a group of one."""
        content = piece.content.removeprefix(b"\xef\xbb\xbf")
        try:
            envelope = _envelope.decode(content)
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
            yield from self._leniently(Piece(piece.where, content), error)
            return
        if envelope.resourceType == "Bundle":
            if content.count(b'"entry"') > 1 and (twice := key_twice(content)):
                yield Trouble(
                    "duplicate key", piece.where, f"{twice}: nothing in the bundle can be trusted to be whole"
                )
                return
            yield from self._bundle(envelope.entry or [], piece.where, heads=self.heads.of_bundle(content))
        elif envelope.resourceType:
            yield from self._bundle([Entry(msgspec.Raw(content))], piece.where, alone=True)
        else:
            what = "no resourceType; expected a FHIR Bundle or resource"
            yield Trouble("not FHIR", piece.where, what)

    def _leniently(self, piece: Piece, error: Exception) -> Iterator[Group | Trouble]:
        """JSON that only a lenient parser takes (NaN, a wrong type in the envelope), or none at all.

        Numbers keep their decimals, and NaN and Infinity become the words, on the way through it.
        """
        try:
            document = json.loads(piece.content, parse_float=exact, parse_constant=str)
        except (ValueError, RecursionError) as worse:
            yield Trouble("not JSON", piece.where, json_trouble(piece.content, worse))
            return
        if not isinstance(document, dict) or not isinstance(document.get("resourceType"), str):
            yield Trouble("not FHIR", piece.where, "expected an object with a resourceType: a Bundle or a resource")
            return
        entries = document.get("entry", []) if document["resourceType"] == "Bundle" else [{"resource": document}]
        if not isinstance(entries, list):
            yield Trouble("not FHIR", piece.where, f"entry is {type(entries).__name__}, expected a list")
            return
        yield Trouble("not strict JSON", piece.where, f"{error}; read leniently")
        readable: list[Entry] = []
        for number, entry in enumerate(entries):
            if isinstance(entry, dict) and isinstance(entry.get("resource"), dict):
                url = entry.get("fullUrl")
                try:
                    raw = msgspec.Raw(_encoder.encode(entry["resource"]))
                except (ValueError, TypeError, OverflowError, RecursionError) as worse:
                    yield Trouble("not JSON", f"{piece.where} entry {number}", str(worse))
                    continue
                readable.append(Entry(raw, url if isinstance(url, str) else None))
            else:
                yield Trouble("not FHIR", f"{piece.where} entry {number}", "the entry holds no resource")
        yield from self._bundle(readable, piece.where, alone=document["resourceType"] != "Bundle")

    def _bundle(
        self, entries: list[Entry], where: str, alone: bool = False, heads: list[Head | None] | None = None
    ) -> Iterator[Group | Trouble]:
        sorter = Sorter(where)
        matters_of = self.interest.matters
        for number, entry in enumerate(entries):
            head = heads[number] if heads else None
            if head is not None and matters_of(head) == NOTHING:
                continue
            place = where if alone else f"{where} entry {number}"
            try:
                head = head or self.heads.head_of(entry.resource)
            except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
                yield from self._odd_head(entry.resource, place, error)
                continue
            if matters := matters_of(head):
                sorter.add(Resource(head, entry.resource, place, "", matters), entry.fullUrl)
        if alone and sorter.medications:
            yield Group("", where, [medication for medication in sorter.medications.values() if medication], alone=True)
            return
        for group in sorter.groups():
            if isinstance(group, Group):
                group.alone, group.terms = alone, self.interest
            yield group

    def _odd_head(self, raw: Any, place: str, error: Exception) -> list[Trouble]:
        """What is wrong with a resource whose head has a wrong type somewhere, where it could matter."""
        try:
            resource = json.loads(bytes(raw))
        except (ValueError, RecursionError) as worse:
            return [Trouble("not JSON", place, json_trouble(bytes(raw), worse))]
        if not isinstance(resource, dict):
            return [Trouble("not FHIR", place, "the entry holds no resource")] if resource is not None else []
        kind = resource.get("resourceType")
        if not isinstance(kind, str):
            return [Trouble("wrong type", place, f"resourceType is {kind!r}, expected the name of a resource")]
        if kind not in RESOURCE_TYPES:
            return []
        text = bytes(raw).decode("utf-8", "replace")
        if RESOURCE_TYPES[kind].only_some_matter and not self.interest.speaks(text):
            return []
        return [Trouble("wrong type", f"{place} {kind}/{resource.get('id')}", f"{error}; the resource is not used")]


class Sorter:
    """Gives every resource of a bundle to the patient whom it names, and to nobody else.

    A patient is known by the full address of its entry and by `Patient/<id>`; where two entries share
    an id, only the full addresses tell them apart. A resource without any subject goes to the only
    patient there is; one whose subject is no patient, or is named by an identifier alone, to nobody.
    """

    def __init__(self, where: str) -> None:
        self.where = where
        self.patients: dict[str, str] = {}
        self.waiting: list[Resource] = []
        self._groups: dict[str, Group] = {}
        self.medications: dict[str, Resource | None] = {}
        self._ids: dict[str, str] = {}

    def add(self, resource: Resource, url: str | None) -> None:
        """Take in a resource with the full address of its entry."""
        resource.url = url = url or ""
        owner = owner_of(resource.head)
        if owner is Owner.SOURCE:
            note_medication(self.medications, resource)
            return
        if owner is not Owner.HERSELF:
            self.waiting.append(resource)
            return
        identity = resource.head.id
        name = identity or (patient_of(url) if url else "") or resource.where
        if identity and self._ids.setdefault(identity, url) != url:
            name = url or resource.where
            self.patients[f"Patient/{identity}"] = ""
        elif identity:
            self.patients.setdefault(f"Patient/{identity}", name)
        if url:
            self.patients[url] = name
        self._groups.setdefault(name, Group(name, self.where)).resources.append(resource)

    def groups(self) -> Iterator[Group | Trouble]:
        """The patients with their resources, and what belongs to nobody."""
        only = next(iter(self._groups)) if len(self._groups) == 1 else None
        known = {reference: self._groups[name] for reference, name in self.patients.items() if name in self._groups}
        for resource in self.waiting:
            subject = resource.head.subject
            if subject is not None and (group := known.get(subject.reference or "")) is not None:
                group.resources.append(resource)
                continue
            patient, why = self._patient_of(resource, only)
            if patient:
                self._groups.setdefault(patient, Group(patient, self.where)).resources.append(resource)
            elif RESOURCE_TYPES[resource.head.resourceType].only_some_matter:
                yield Trouble("no patient", resource.origin, why)
        for group in self._groups.values():
            group.medications = self.medications
            yield group

    def _patient_of(self, resource: Resource, only: str | None) -> tuple[str | None, str]:
        subject = resource.head.subject or resource.head.patient
        if subject is None:
            return only, "no subject, and not exactly one patient beside it: it belongs to nobody"
        reference = subject.reference
        if not reference:
            return None, "the subject is not named by a reference: it belongs to nobody here"
        if reference in self.patients:
            name = self.patients[reference]
            return name or None, f"two patients have the id of {reference}: it belongs to neither"
        if reference.startswith("#"):
            return None, f"the subject {reference} is contained in the resource: it belongs to nobody else"
        kind = reference.partition("/_history/")[0].rpartition("/")[0].rpartition("/")[2]
        if "/" in reference and kind != "Patient":
            return None, f"the subject {reference} is no patient: it belongs to nobody"
        name = patient_of(reference)
        if reference.startswith("http") and self._ids.get(name, "").startswith("http"):
            return reference, ""  # the same number on another server
        return name, ""


def note_medication(medications: dict[str, Resource | None], resource: Resource) -> None:
    """Keep a resource that others name by its address and its id; an id that two of them share names neither."""
    names = [resource.url] if resource.url else []
    if identity := resource.head.id:
        names.append(f"{resource.head.resourceType}/{identity}")
    for name in names:
        held = medications.get(name)
        same = held is None or bytes(held.raw) == bytes(resource.raw)
        medications[name] = resource if same and (name not in medications or held) else None


def patient_of(reference: str) -> str:
    """The patient's id in a reference: `Patient/1`, an absolute address or a `urn:uuid:`."""
    return reference.partition("/_history/")[0].rpartition("/")[2].rpartition(":")[2]
