"""FHIR R4 as records: bundles, single resources and bulk NDJSON, one patient at a time.

A bundle is skimmed: each entry is only looked at for its type, codes and references, and just the
resources that matter are parsed in full, strictly (duplicate keys and all). So reading costs less
than parsing everything, and one bad resource spoils nothing but itself.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import msgspec

from ...facts.codes import Codes
from ...record.event import Trouble
from ..files import Piece
from .head import Entry, Envelope, Head, HeadEntry, Heads
from .interest import HER2, NOTHING, SPEAKS, WANTED, Interest
from .json import exact, json_trouble, key_twice

_encoder = msgspec.json.Encoder(decimal_format="number")
_envelope = msgspec.json.Decoder(Envelope)
_head = msgspec.json.Decoder(Head)
_heads = msgspec.json.Decoder(Heads)


@dataclass(slots=True)
class Resource:
    """A resource that matters: its head, its bytes, where it stood, and what it matters for."""

    head: Head
    raw: bytes | memoryview
    where: str
    url: str = ""
    matters: int = HER2


@dataclass(slots=True)
class Group:
    """The resources of one patient, in the order of the file; `alone` where they came outside a bundle.

    `medications` are the Medication resources of the whole source, by their addresses and ids.
    """

    patient: str
    where: str
    resources: list[Resource] = field(default_factory=list)
    alone: bool = False
    medications: dict[str, Resource | None] = field(default_factory=dict)
    interest: Interest | None = None


class Skimmer:
    """Finds, in a piece, the resources that matter and the patient each belongs to."""

    def __init__(self, codes: Codes, courses: bool = True) -> None:
        self.codes = codes
        self.interest = Interest(codes, courses)

    @staticmethod
    def head_of(raw: bytes) -> Head:
        """The head of a resource that was skimmed before."""
        return _head.decode(raw)

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
            yield from self._bundle(envelope.entry or [], piece.where, heads=_heads_of(content))
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
            found = json.loads(piece.content, parse_float=exact, parse_constant=str)
        except (ValueError, RecursionError) as worse:
            yield Trouble("not JSON", piece.where, json_trouble(piece.content, worse))
            return
        if not isinstance(found, dict) or not isinstance(found.get("resourceType"), str):
            yield Trouble("not FHIR", piece.where, "expected an object with a resourceType: a Bundle or a resource")
            return
        entries = found.get("entry", []) if found["resourceType"] == "Bundle" else [{"resource": found}]
        if not isinstance(entries, list):
            yield Trouble("not FHIR", piece.where, f"entry is {type(entries).__name__}, expected a list")
            return
        yield Trouble("not strict JSON", piece.where, f"{error}; read leniently")
        kept: list[Entry] = []
        for number, entry in enumerate(entries):
            if isinstance(entry, dict) and isinstance(entry.get("resource"), dict):
                url = entry.get("fullUrl")
                try:
                    raw = msgspec.Raw(_encoder.encode(entry["resource"]))
                except (ValueError, TypeError, OverflowError, RecursionError) as worse:
                    yield Trouble("not JSON", f"{piece.where} entry {number}", str(worse))
                    continue
                kept.append(Entry(raw, url if isinstance(url, str) else None))
            else:
                yield Trouble("not FHIR", f"{piece.where} entry {number}", "the entry holds no resource")
        yield from self._bundle(kept, piece.where, alone=found["resourceType"] != "Bundle")

    def _bundle(
        self, entries: list[Entry], where: str, alone: bool = False, heads: list[HeadEntry] | None = None
    ) -> Iterator[Group | Trouble]:
        sorter = Sorter(where)
        matters_of = self.interest.matters
        for number, entry in enumerate(entries):
            head = heads[number].resource if heads else None
            if head is not None and matters_of(head) == NOTHING:
                continue
            place = where if alone else f"{where} entry {number}"
            try:
                head = head or _head.decode(entry.resource)
            except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
                yield from self._odd_head(entry.resource, place, error)
                continue
            if matters := matters_of(head):
                sorter.add(Resource(head, entry.resource, place, "", matters), entry.fullUrl)
        if alone and sorter.medications:
            yield Group("", where, [each for each in sorter.medications.values() if each], alone=True)
            return
        for group in sorter.groups():
            if isinstance(group, Group):
                group.alone, group.interest = alone, self.interest
            yield group

    def _odd_head(self, raw: Any, place: str, error: Exception) -> list[Trouble]:
        """What is wrong with a resource whose head has a wrong type somewhere, where it could matter."""
        try:
            found = json.loads(bytes(raw))
        except (ValueError, RecursionError) as worse:
            return [Trouble("not JSON", place, json_trouble(bytes(raw), worse))]
        if not isinstance(found, dict):
            return [Trouble("not FHIR", place, "the entry holds no resource")] if found is not None else []
        kind = found.get("resourceType")
        if not isinstance(kind, str):
            return [Trouble("wrong type", place, f"resourceType is {kind!r}, expected the name of a resource")]
        if kind not in WANTED:
            return []
        text = bytes(raw).decode("utf-8", "replace")
        if kind in SPEAKS and not self.interest.speaks(text):
            return []
        return [Trouble("wrong type", f"{place} {kind}/{found.get('id')}", f"{error}; the resource is not used")]


def _heads_of(content: bytes) -> list[HeadEntry] | None:
    """The heads of a bundle's entries in one pass; `None` where one of them has a wrong type."""
    try:
        return _heads.decode(content).entry
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return None


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
        self.found: dict[str, Group] = {}
        self.medications: dict[str, Resource | None] = {}
        self._ids: dict[str, str] = {}

    def add(self, resource: Resource, url: str | None) -> None:
        """Take in a resource with the full address of its entry."""
        resource.url = url = url or ""
        if resource.head.resourceType == "Medication":
            note_medication(self.medications, resource)
            return
        if resource.head.resourceType != "Patient":
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
        self.found.setdefault(name, Group(name, self.where)).resources.append(resource)

    def groups(self) -> Iterator[Group | Trouble]:
        """The patients with their resources, and what belongs to nobody."""
        only = next(iter(self.found)) if len(self.found) == 1 else None
        known = {reference: self.found[name] for reference, name in self.patients.items() if name in self.found}
        for resource in self.waiting:
            subject = resource.head.subject
            if subject is not None and (group := known.get(subject.reference or "")) is not None:
                group.resources.append(resource)
                continue
            patient, why = self._patient_of(resource, only)
            if patient:
                self.found.setdefault(patient, Group(patient, self.where)).resources.append(resource)
            elif (kind := resource.head.resourceType) in SPEAKS:
                yield Trouble("no patient", f"{resource.where} {kind}/{resource.head.id or '?'}", why)
        for group in self.found.values():
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
    """Keep a Medication by its address and its id; an id that two of them share names neither."""
    names = [resource.url] if resource.url else []
    if identity := resource.head.id:
        names.append(f"Medication/{identity}")
    for name in names:
        held = medications.get(name)
        same = held is None or bytes(held.raw) == bytes(resource.raw)
        medications[name] = resource if same and (name not in medications or held) else None


def patient_of(reference: str) -> str:
    """The patient's id in a reference: `Patient/1`, an absolute address or a `urn:uuid:`."""
    return reference.partition("/_history/")[0].rpartition("/")[2].rpartition(":")[2]
