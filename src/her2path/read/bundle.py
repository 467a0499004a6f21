"""FHIR R4 as records: bundles, single resources and bulk NDJSON, one patient at a time.

A bundle is skimmed: each entry is only looked at for its type, codes and references, and just the
resources that matter are parsed in full, strictly (duplicate keys and all). So reading costs less
than parsing everything, and one bad resource spoils nothing but itself.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import msgspec

from ..fact import Facts
from ..record import RECORDED_STATUS, Event, Record, Tissue, Trouble
from .codes import Codes, system_name
from .files import Piece
from .observation import read_day, read_observation


class Reference(msgspec.Struct, gc=False):
    """A FHIR reference, as far as the skim needs it."""

    reference: str | None = None


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
    code: Concept | None = None


class Entry(msgspec.Struct, gc=False):
    """A bundle entry; its resource stays raw until it is known to matter."""

    resource: msgspec.Raw = msgspec.Raw(b"null")
    fullUrl: str | None = None


class Envelope(msgspec.Struct, gc=False):
    """A bundle, or a resource by itself."""

    resourceType: str = ""
    entry: list[Entry] | None = None


_envelope = msgspec.json.Decoder(Envelope)
_head = msgspec.json.Decoder(Head)
_HER2 = re.compile(r"her-?2|erbb2", re.IGNORECASE)
WANTED = ("Patient", "Observation", "Condition", "Specimen")


@dataclass(slots=True)
class Resource:
    """A resource that matters: its head, its bytes, and where it stood."""

    head: Head
    raw: bytes | memoryview
    where: str


@dataclass(slots=True)
class Group:
    """The resources of one patient, in the order of the file; `alone` where they came outside a bundle."""

    patient: str
    where: str
    resources: list[Resource] = field(default_factory=list)
    alone: bool = False


class Skimmer:
    """Finds, in a piece, the resources that matter and the patient each belongs to."""

    def __init__(self, codes: Codes) -> None:
        self.codes = codes
        self._matters: dict[tuple[str | None, str | None, str | None], bool] = {}
        self._test_codes = {code for _, code in codes.tests}

    def skim(self, piece: Piece) -> Iterator[Group | Trouble]:
        """Group the resources of a bundle by patient; a resource by itself is a group of one."""
        try:
            envelope = _envelope.decode(piece.content)
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
            yield from self._leniently(piece, error)
            return
        if envelope.resourceType == "Bundle":
            yield from self._bundle(envelope.entry or [], piece.where)
        elif envelope.resourceType:
            yield from self._bundle([Entry(msgspec.Raw(piece.content))], piece.where, alone=True)
        else:
            what = "no resourceType; expected a FHIR Bundle or resource"
            yield Trouble("not FHIR", piece.where, what)

    def _leniently(self, piece: Piece, error: Exception) -> Iterator[Group | Trouble]:
        """JSON that only a lenient parser takes (NaN, a wrong type in the envelope), or none at all."""
        try:
            found = json.loads(piece.content)
        except (ValueError, RecursionError) as worse:
            yield Trouble("not JSON", piece.where, _json_trouble(piece.content, worse))
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
                raw = msgspec.Raw(json.dumps(entry["resource"]).encode())
                kept.append(Entry(raw, url if isinstance(url, str) else None))
            else:
                yield Trouble("not FHIR", f"{piece.where} entry {number}", "the entry holds no resource")
        yield from self._bundle(kept, piece.where, alone=found["resourceType"] != "Bundle")

    def _bundle(self, entries: list[Entry], where: str, alone: bool = False) -> Iterator[Group | Trouble]:
        aliases: dict[str, str] = {}
        kept: list[Resource] = []
        for number, entry in enumerate(entries):
            place = where if alone else f"{where} entry {number}"
            try:
                head = _head.decode(entry.resource)
            except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
                odd, troubles = self._odd_head(entry.resource, place, error)
                yield from troubles
                if odd is None:
                    continue
                head = odd
            kind = head.resourceType
            if kind == "Patient":
                patient = head.id or (entry.fullUrl or "").rsplit(":", 1)[-1] or place
                aliases[f"Patient/{patient}"] = patient
                if entry.fullUrl:
                    aliases[entry.fullUrl] = patient
                kept.append(Resource(head, entry.resource, place))
            elif kind == "Observation":
                if head.code is not None and self._code_matters(head.code):
                    kept.append(Resource(head, entry.resource, place))
            elif kind in ("Condition", "Specimen"):
                kept.append(Resource(head, entry.resource, place))
        for group in self._by_patient(kept, aliases, where):
            if isinstance(group, Group):
                group.alone = alone
            yield group

    def _odd_head(self, raw: Any, place: str, error: Exception) -> tuple[Head | None, list[Trouble]]:
        """A resource whose head has a wrong type somewhere: told, and kept where it may still speak of HER2."""
        try:
            found = json.loads(bytes(raw))
        except (ValueError, RecursionError) as worse:
            return None, [Trouble("not JSON", place, _json_trouble(bytes(raw), worse))]
        if not isinstance(found, dict):
            return None, [Trouble("not FHIR", place, "the entry holds no resource")] if found is not None else []
        kind, subject = found.get("resourceType"), found.get("subject")
        if kind not in WANTED:
            return None, []
        reference = subject.get("reference") if isinstance(subject, dict) else None
        head = Head(kind, str(found.get("id") or ""), Reference(reference if isinstance(reference, str) else None))
        text = bytes(raw).decode("utf-8", "replace")
        if kind == "Observation" and not (_HER2.search(text) or any(code in text for code in self._test_codes)):
            return None, []
        return head, [Trouble("wrong type", f"{place} {kind}/{found.get('id')}", str(error))]

    def _code_matters(self, concept: Concept) -> bool:
        for coding in concept.coding:
            key = (coding.system, coding.code, coding.display)
            matters = self._matters.get(key)
            if matters is None:
                matters = coding.code in self._test_codes or bool(coding.display and _HER2.search(coding.display))
                if len(self._matters) < 100_000:
                    self._matters[key] = matters
            if matters:
                return True
        return not concept.coding and bool(concept.text and _HER2.search(concept.text))

    @staticmethod
    def _by_patient(kept: list[Resource], aliases: dict[str, str], where: str) -> Iterator[Group | Trouble]:
        groups: dict[str, Group] = {}
        loose: list[Resource] = []
        only = next(iter(set(aliases.values()))) if len(set(aliases.values())) == 1 else None
        for resource in kept:
            if resource.head.resourceType == "Patient":
                patient = aliases.get(f"Patient/{resource.head.id}") or only or where
            else:
                reference = resource.head.subject.reference if resource.head.subject else None
                if not reference:
                    loose.append(resource)
                    continue
                patient = aliases.get(reference) or patient_of(reference)
            groups.setdefault(patient, Group(patient, where)).resources.append(resource)
        for resource in loose:
            if len(groups) == 1:
                next(iter(groups.values())).resources.append(resource)
            elif resource.head.resourceType == "Observation":
                what = "no subject, and not exactly one patient beside it: it belongs to nobody"
                yield Trouble("no patient", f"{resource.where} Observation/{resource.head.id}", what)
        yield from groups.values()


def patient_of(reference: str) -> str:
    """The patient's id in a reference: `Patient/1`, an absolute address or a `urn:uuid:`."""
    return reference.partition("/_history/")[0].rpartition("/")[2].rpartition(":")[2]


def _json_trouble(content: bytes, error: Exception) -> str:
    if not content.strip():
        return "the file is empty; expected JSON"
    if b"\x00" in content[:1024]:
        return "binary content; expected JSON in UTF-8"
    if isinstance(error, RecursionError):
        return "nested too deeply; expected FHIR JSON"
    if isinstance(error, UnicodeDecodeError):
        return f"not UTF-8 at byte {error.start}; expected JSON in UTF-8"
    cut = "; the text seems cut off at its end" if content.rstrip()[-1:] not in (b"}", b"]") else ""
    return f"{error}{cut}; expected FHIR JSON"


class DuplicateKey(ValueError):
    """An object that names one key twice: which of the two was meant cannot be known."""


def parse_strictly(raw: bytes | memoryview) -> Any:
    """Parse JSON with exact decimals. Raises `DuplicateKey`, or `ValueError` for what is no JSON."""
    return _strict.decode(bytes(raw).decode("utf-8"))


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        twice = next(key for key, _ in pairs if sum(key == other for other, _ in pairs) > 1)
        raise DuplicateKey(f"the key {twice!r} stands twice in one object")
    return found


_strict = json.JSONDecoder(parse_float=Decimal, parse_int=Decimal, object_pairs_hook=_object)


def read_record(group: Group, codes: Codes, facts: Facts) -> Record:
    """The record of one patient: events of HER2 tests, specimens, tumour sites and troubles."""
    record = Record(group.patient, group.where)
    for resource in group.resources:
        kind = resource.head.resourceType
        origin = f"{resource.where} {kind}/{resource.head.id or '?'}"
        if kind == "Condition" and resource.head.code is not None:
            _diagnosis(record, resource.head.code, origin, codes)
        elif kind in ("Observation", "Specimen"):
            try:
                content = parse_strictly(resource.raw)
            except (ValueError, RecursionError) as error:
                record.troubles.append(Trouble("unreadable", origin, str(error)))
                continue
            if kind == "Specimen":
                _tissue(record, content, resource.head, codes)
            else:
                _observation(record, content, resource.head, origin, codes, facts)
    record.sort()
    return record


def _observation(
    record: Record, content: Mapping[str, Any], head: Head, origin: str, codes: Codes, facts: Facts
) -> None:
    for found in read_observation(content, origin, codes, facts):
        if isinstance(found, Event):
            record.events.append(found)
        elif found.kind == "passed over":
            record.passed_over.append(found)
        else:
            record.troubles.append(found)
    for coding in head.code.coding if head.code else []:
        if site := codes.test_sites.get((system_name(coding.system), coding.code or "")):
            record.sites.add(site)


def _diagnosis(record: Record, concept: Concept, origin: str, codes: Codes) -> None:
    for coding in concept.coding:
        site, status = codes.diagnosis((system_name(coding.system), coding.code or ""))
        if site in ("breast", "gastric"):
            record.sites.add(site)
        if status:
            said = coding.display or coding.code or ""
            record.events.append(Event(RECORDED_STATUS, status, None, "", origin, said, note="diagnosis"))


def _tissue(record: Record, content: Mapping[str, Any], head: Head, codes: Codes) -> None:
    collection = content.get("collection")
    collection = collection if isinstance(collection, dict) else {}
    kind, texts = "", []
    for concept in (content.get("type"), collection.get("method"), collection.get("bodySite")):
        if not isinstance(concept, dict):
            continue
        texts.append(str(concept.get("text") or ""))
        for coding in concept.get("coding") or []:
            if isinstance(coding, dict):
                key = (system_name(coding.get("system")), str(coding.get("code", "")))
                kind = kind or codes.specimens.get(key, "")
                texts.append(str(coding.get("display") or ""))
    words = " ".join(texts).lower()
    if not kind:
        kind = "biopsy" if "biops" in words and "excision" not in words else ""
        kind = kind or ("resection" if any(w in words for w in ("mastectomy", "gastrectomy", "resection")) else "")
    place = "metastasis" if "metasta" in words else "primary" if "primary" in words else ""
    day, _ = read_day({"effectiveDateTime": collection.get("collectedDateTime") or content.get("receivedTime")})
    reference = f"Specimen/{head.id}"
    record.tissues[reference] = Tissue(reference, kind, place, day)
