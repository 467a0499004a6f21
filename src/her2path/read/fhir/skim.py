"""FHIR R4 as records: bundles, single resources and bulk NDJSON, one patient at a time.

A bundle is skimmed: each entry is only looked at for its type, codes and references, and just the
resources that matter are parsed in full, strictly (duplicate keys and all). So reading costs less
than parsing everything, and one bad resource spoils nothing but itself. Containers in containers are
taken apart (`containers/bundles.py`); a patient who need not stand whole in one is a group that is `alone`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Generator, Iterable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import msgspec

from ...facts.codes import Codes
from ...record.event import Trouble
from ..files import Piece
from .containers.bundles import (
    BAD_JSON,
    CONTAINERS,
    OUTCOME,
    Held,
    InParts,
    Unpacked,
    contained_of,
    entries_of,
    holds_others,
    items_of,
    outcome_words,
    type_of,
    unpack,
)
from .containers.export import tells_of_export
from .containers.medications import medication_named
from .containers.notes import Deleted, Page
from .containers.quiet import QuietVersion, whose
from .containers.sorter import Sorter
from .containers.versions import SAYS_OTHER, WITHDREW, is_withdrawn, version_of
from .head import FullEnvelope, Head
from .json import as_first_said, exact, json_trouble, key_twice
from .mentions import MENTIONING, mention_of
from .nameless import is_nameless, is_no_type, tell_nameless
from .readers import RESOURCE_TYPES, Interest, heads, owner_of
from .resource import Group, Missing, Owner, Resource, Stamp
from .terms import NOTHING

_encoder = msgspec.json.Encoder(decimal_format="number")
_envelope = msgspec.json.Decoder(FullEnvelope)
_SPACE = re.compile(r"\s*")
Note = Page | Missing | Deleted
Found = Group | Trouble | Note | QuietVersion


class Skimmer:
    """Finds, in a piece, the resources that matter and the patient each belongs to."""

    def __init__(self, codes: Codes, courses: bool = True) -> None:
        self.codes = codes
        self.interest = Interest(codes, courses)
        self.heads = heads()

    def skim(self, piece: Piece) -> Iterator[Found]:
        """Group the resources of a bundle by patient; a resource by itself is a group of one.

        Between them come what the containers say of the source: pages, deletions and what is missing.
        """
        content = piece.content.removeprefix(b"\xef\xbb\xbf")
        if content.lstrip()[:1] == b"[" and (items := items_of(content)) is not None:
            yield from self._list(items, piece.where)
            return
        try:
            envelope = _envelope.decode(content)
        except BAD_JSON as error:
            yield from self._leniently(Piece(piece.where, content), error)
            return
        if envelope.resourceType == "Bundle":
            if content.count(b'"entry"') > 1 and (twice := key_twice(content)):
                yield Trouble(
                    "duplicate key", piece.where, f"{twice}: nothing in the bundle can be trusted to be whole"
                )
                return
            yield from self._bundle(entries_of(envelope, piece.where), piece.where, heads=self.heads.of_bundle(content))
        elif envelope.resourceType in CONTAINERS:
            yield from self._bundle(unpack(content, piece.where, envelope.resourceType), piece.where)
        elif envelope.resourceType:
            yield from self._bundle([Held(msgspec.Raw(content), piece.where)], piece.where, alone=True)
        else:
            yield from tells_of_export(content, piece.where)

    def _list(self, items: list[msgspec.Raw], where: str) -> Iterator[Found]:
        """A JSON list: each container in it by itself, all other resources together."""
        single: list[Held] = []
        if others := sum(bytes(item)[:1] != b"{" for item in items):
            what = f"{others} elements of the list are none: expected an object with a resourceType"
            yield Trouble("not FHIR", where, what)
        for number, item in enumerate(items):
            place = f"{where} item {number}"
            if bytes(item)[:1] != b"{":
                continue
            if type_of(item) in ("", *CONTAINERS):
                yield from self.skim(Piece(place, bytes(item)))
            else:
                single.append(Held(item, place))
        if single:
            yield from self._bundle([InParts(), *single], where)

    def _leniently(self, piece: Piece, error: Exception) -> Iterator[Found]:
        """JSON that only a lenient parser takes (NaN, a wrong type in the envelope), or none at all.

        Numbers keep their decimals, and NaN and Infinity become the words, on the way through it.
        """
        try:
            document = json.loads(piece.content, parse_float=exact, parse_constant=str)
        except (ValueError, RecursionError) as worse:
            if isinstance(worse, json.JSONDecodeError) and worse.msg == "Extra data" and worse.pos > 0:
                yield from self._one_after_the_other(piece)
            else:
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
        alone = document["resourceType"] != "Bundle"
        readable: list[Unpacked] = [InParts()] if document.get("type") != "collection" and not alone else []
        for number, entry in enumerate(entries):
            place = piece.where if alone else f"{piece.where} entry {number}"
            if isinstance(entry, dict) and isinstance(entry.get("resource"), dict):
                url = entry.get("fullUrl")
                try:
                    raw = msgspec.Raw(_encoder.encode(entry["resource"]))
                except (ValueError, TypeError, OverflowError, RecursionError) as worse:
                    yield Trouble("not JSON", place, str(worse))
                    continue
                readable.append(Held(raw, place, url if isinstance(url, str) else ""))
            else:
                yield Trouble("not FHIR", place, "the entry holds no resource")
        yield from self._bundle(readable, piece.where, alone=alone)

    def _one_after_the_other(self, piece: Piece) -> Iterator[Found]:
        """Several JSON documents one after the other in one text; what is none among them is told."""
        text = piece.content.decode("utf-8", "replace")
        decoder, at, number = json.JSONDecoder(), 0, 0
        while (start := _SPACE.match(text, at).end()) < len(text):  # type: ignore[union-attr]  # it matches nothing too
            place = f"{piece.where} document {number}"
            try:
                _, at = decoder.raw_decode(text, start)
            except (ValueError, RecursionError) as worse:
                yield Trouble("not JSON", place, f"{json_trouble(text[start:].encode(), worse)}; the rest is not read")
                return
            yield from self.skim(Piece(place, text[start:at].encode()))
            number += 1

    def _bundle(
        self, entries: Iterable[Unpacked], where: str, alone: bool = False, heads: list[Head | None] | None = None
    ) -> Iterator[Found]:
        sorter = Sorter(where, self.interest)
        is_whole = yield from self._take(sorter, entries, heads, 0)
        if alone and sorter.medications:
            yield Group("", where, [medication for medication in sorter.medications.values() if medication], alone=True)
            return
        aside = alone or not is_whole
        for group in sorter.groups(joined=not aside):
            if isinstance(group, Group):
                group.terms = self.interest
                group.alone |= alone or not is_whole or not self._stands_whole(group, sorter)
                aside |= group.alone
            yield group
        if sorter.medications and (aside or not sorter.persons):
            known = {id(medication): medication for medication in sorter.medications.values() if medication}
            if known:
                yield Group("", where, list(known.values()), alone=True)
        if aside:
            yield from sorter.quiet

    def _take(
        self, sorter: Sorter, entries: Iterable[Unpacked], heads: list[Head | None] | None, depth: int
    ) -> Generator[Found, None, bool]:
        """Give every resource that matters to the sorter, of containers in containers too; whether these are whole."""
        is_whole = True
        matters_of = self.interest.matters
        quiet: list[tuple[Held, Head]] = []
        for held in entries:
            if not isinstance(held, Held):
                if isinstance(held, InParts):
                    is_whole = False
                    continue
                if isinstance(held, Deleted):
                    sorter.withdrawn.setdefault(held.name, []).append(held.stamp)
                yield held
                continue
            number = _number_of(held.place) if heads else -1
            head = heads[number] if heads and 0 <= number < len(heads) else None
            try:
                head = head or self.heads.head_of(held.raw)
            except BAD_JSON as error:
                yield from self._odd_head(held.raw, held.place, error)
                self._take_odd(sorter, held)
                continue
            kind = head.resourceType
            if kind in CONTAINERS:
                inner = unpack(held.raw, held.place, kind, depth + 1)
                is_whole &= yield from self._take(sorter, inner, None, depth + 1)
                continue
            sorter.entries += 1
            if kind == OUTCOME:
                yield from _outcome(held)
                continue
            if holds_others(bytes(held.raw)):
                inside = contained_of(held, head, partial(_is_read_inside, kind))
                yield from self._take(sorter, inside, None, depth + 1)
            matters = matters_of(head)
            if not matters and (first := self._first_said(held)) is not None:
                held, head, matters = first  # noqa: PLW2901
                kind = head.resourceType
            nameless = is_nameless(head) and not is_withdrawn(bytes(held.raw))
            if nameless:
                yield from tell_nameless(head, bytes(held.raw), held.place, self.interest)
            if matters:
                resource = Resource(head, held.raw, held.place, "", matters)
                resource.stamp = held.stamp
                sorter.add(resource, held.url)
            elif kind in RESOURCE_TYPES:
                if head.id:
                    quiet.append((held, head))
            elif kind in MENTIONING and mention_of(head, self.interest) is not None:
                sorter.mentions.append(Resource(head, held.raw, held.place, held.url, NOTHING))
        yield from _later_and_quiet(sorter, quiet)
        return is_whole

    def _first_said(self, held: Held) -> tuple[Held, Head, int] | None:
        """A resource in which a key stands twice and that matters by the first of the two, which is put last; with
        its head and for what it matters. Its reader tells that it cannot be read."""
        if (text := as_first_said(held.raw)) is None:
            return None
        try:
            head = self.heads.head_of(text)
        except BAD_JSON:
            return None
        matters = self.interest.matters(head)
        return (replace(held, raw=msgspec.Raw(text)), head, matters) if matters else None

    def _take_odd(self, sorter: Sorter, held: Held) -> None:
        """Take what can be had of a resource whose head has a wrong type somewhere: a medication, of which it is told
        whose it is and not which, or what may be hers whose subject alone is wrong."""
        head = self.heads.whose(held.raw)
        if head is None:
            if (doubtful := self._without_subject(held)) is not None:
                sorter.doubtful.append(doubtful)
        elif (known := RESOURCE_TYPES.get(head.resourceType)) and known.medications:
            resource = Resource(head, held.raw, held.place, "", self.interest.matters(head))
            resource.stamp = held.stamp
            sorter.add(resource, held.url)

    def _without_subject(self, held: Held) -> Resource | None:
        """A resource that matters and whose subject has a wrong type, without it; `None` for all else."""
        try:
            content = json.loads(bytes(held.raw), parse_float=exact, parse_constant=str)
            raw = _encoder.encode(
                {name: value for name, value in content.items() if name not in ("subject", "patient")}
            )
            head = self.heads.head_of(raw)
        except (ValueError, TypeError, AttributeError, OverflowError, RecursionError, *BAD_JSON):
            return None
        matters = self.interest.matters(head)
        known = RESOURCE_TYPES.get(head.resourceType)
        if not matters or known is None or known.owner is not Owner.PATIENT:
            return None
        return Resource(head, raw, held.place, held.url, matters)

    def _stands_whole(self, group: Group, sorter: Sorter) -> bool:
        """Whether a bundle holds a patient whole: herself, something beside her, and every medication that is named."""
        has_person = False
        for resource in group.resources:
            known = RESOURCE_TYPES[resource.head.resourceType]
            has_person |= known.owner is Owner.HERSELF
            for reference in known.medications_of(resource.head):
                if reference[:1] not in ("", "#") and medication_named(group.medications, reference) is None:
                    return False
        return has_person and (len(group.resources) > 1 or (len(sorter.persons) == 1 and sorter.entries > 1))

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
        known = RESOURCE_TYPES.get(kind)
        text = bytes(raw).decode("utf-8", "replace")
        may_matter = self.interest.speaks(text) or (known is not None and known.medications and "eference" in text)
        is_other = known is None and kind not in MENTIONING and not is_no_type(kind)
        if is_other or ((known is None or known.only_some_matter) and not may_matter):
            return []
        return [Trouble("wrong type", f"{place} {kind}/{resource.get('id')}", f"{error}; the resource is not used")]


def _is_read_inside(around: str, kind: str) -> bool:
    """Whether a resource of a type that stands in one of the type `around` is read by itself there."""
    known = RESOURCE_TYPES.get(around)
    is_read = kind in RESOURCE_TYPES or kind in MENTIONING
    return is_read and (known is None or kind not in known.reads_inside)


def _later_and_quiet(sorter: Sorter, quiet: list[tuple[Held, Head]]) -> Iterator[Deleted]:
    """Versions that do not matter themselves and take back one that does: withdrawn, or coded as something else."""
    held_names = {(resource.head.resourceType, resource.head.id) for resource in sorter.waiting} if quiet else set()
    for held, head in quiet:
        how = WITHDREW if is_withdrawn(bytes(held.raw)) else SAYS_OTHER
        version = version_of(Resource(head, held.raw, held.place, held.url, NOTHING, None, held.stamp))
        name = f"{head.resourceType}/{head.id}"
        if how == WITHDREW or (head.resourceType, head.id) in held_names:
            deleted = Deleted(name, Stamp(version.updated, version.number, version.where, how))
            sorter.withdrawn.setdefault(deleted.name, []).append(deleted.stamp)
            yield deleted
        elif (patient := "" if owner_of(head) is Owner.SOURCE else whose(head)) is not None:
            sorter.quiet.append(QuietVersion(patient, name, version.updated, version.number, version.where))


def _outcome(held: Held) -> Iterator[Missing]:
    """What an OperationOutcome tells of that is not there."""
    try:
        outcome = json.loads(bytes(held.raw))
    except (ValueError, RecursionError):
        return
    if words := outcome_words(outcome):
        yield Missing(held.place, f"the server tells of an error: {words}")


def _number_of(place: str) -> int:
    number = place.rpartition(" ")[2]
    return int(number) if number.isdigit() else -1
