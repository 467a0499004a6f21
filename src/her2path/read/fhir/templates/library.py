"""Templates: what the strict readers make of one resource, kept for every resource that says the same.

A resource's text is taken apart into literal pieces and holes (`shape.py`). The pieces are the template; it is read
once, with marks in the holes, by the readers of one resource, and what came of it is kept as rows: the events, each
with its day as the place of a hole or as a day of its own, the troubles, and what depends on the rest of a patient.
No rule of reading stands here.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import msgspec

from ....facts.codes import Codes
from ....facts.fact import Facts
from ....record.event import Record
from ..containers.bundles import CONTAINERS, OUTCOME, holds_others
from ..containers.medications import medication_named
from ..containers.versions import is_withdrawn
from ..head import Head
from ..json import as_first_said, parse_strictly
from ..mentions import MENTIONING, mention_of
from ..nameless import is_nameless
from ..patient import TherapyReader, read_one, read_resources
from ..readers import RESOURCE_TYPES, Interest, heads
from ..resource import VOID, Group, Owner, Resource, ResourceType, Surroundings
from ..resources.ingredients import refers_on
from ..terms import NOTHING
from .readings import Row, Told, Vocabulary, events_of, words_of
from .shape import DAY, ID, SUBJECT, VARIED, Hole, Shape, holes_of, order_of, shape_of
from .template import MARK, MARKED, NOTHING_READ, NUMBER_MARK, SHOWN, WHERE, Filling, Near, Parsed, Template

MOST_READINGS = 200_000
MOST_WORDS = 1_000_000
MOST_BYTES = 150_000_000
"""Of templates; beyond any of these all are forgotten, so that memory stays bounded whatever the source."""
MOST_SHAPES, MOST_NEAR = 12, 6
"""Shapes tried for a text of one length; beyond them the text is taken apart anew."""
WORTH_JUDGING = 100
NO_KIND = ""
TAKEN_APART = (*CONTAINERS, OUTCOME)
"""Types that are no resource of a patient, and are taken apart where they stand."""
NO_TEMPLATE = (ValueError, TypeError, AttributeError, KeyError, RecursionError, msgspec.DecodeError)


class Templates:
    """The templates of a process, their readings as rows, and the words that the rows point into."""

    def __init__(self, codes: Codes, facts: Facts, interest: Interest) -> None:
        self.codes, self.facts, self.interest = codes, facts, interest
        self._head_of = heads().head_of
        self._beside = Surroundings(codes, facts, interest, {})
        self.began = 0
        """How often the templates were begun anew."""
        self.forget()

    def forget(self) -> None:
        """Begin anew: with no template, no reading and no word."""
        self.began += 1
        self.shapes: dict[int, list[Shape]] = {}
        self.near: dict[int, list[Near]] = {}
        """By the length of a text the first shapes it had, each with its template, to be compared without a look-up."""
        self.templates: dict[tuple[bytes, ...], Template] = {}
        self.learnt: dict[str, int] = {}
        self.used: dict[str, int] = {}
        self.unlike: set[str] = set()
        self._pieces: dict[bytes, bytes] = {}
        self._size = 0
        self.rows: list[Row] = []
        self.first: list[int] = [0, 0]
        self.kinds: list[str] = [NO_KIND]
        """By reading; the first is that of all that does not matter."""
        self.identities: list[str | None] = [None]
        self.mapped: list[str] = [""]
        """By reading the entries of the site's mapping by which it was read, as an origin says it."""
        self._persons: dict[tuple[Any, ...], Template] = {}
        self.later_counts: list[int] = [0]
        """By reading how many days a resource of it brings beside its first."""
        self.told: dict[int, Told] = {}
        self.words = Vocabulary()

    @property
    def is_full(self) -> bool:
        many = len(self.kinds) + len(self.templates) + len(self.shapes)
        return many > MOST_READINGS or len(self.words) > MOST_WORDS or self._size > MOST_BYTES

    def match(self, text: bytes) -> tuple[Template, Filling] | None:
        """The template of a resource's text and what fills its holes; `None` for a resource without a template.

        The filling is plain only if `shape.is_plain` says so of it; the caller must ask that of all its fillings.
        """
        for pieces, filling, like, template in self.near.get(len(text), ()):
            if pieces(text) == like:
                return template, filling(text)
        for pieces, filling in self.shapes.get(len(text), ()):
            other = self.templates.get(pieces(text))
            if other is not None:
                return other, filling(text)
        return self.learn(text)

    def learn(self, text: bytes) -> tuple[Template, Filling] | None:
        """Take a text apart anew, and keep its shape and its template."""
        try:
            head = self._head_of(text)
            matters = self.interest.matters(head)
            known = RESOURCE_TYPES.get(head.resourceType)
            if matters == NOTHING and (known is not None or text.count(b'"resourceType"') > 1) and as_first_said(text):
                return None
            if (known is None and head.resourceType in TAKEN_APART) or is_nameless(head) or holds_others(text):
                return None
            if known is None and head.resourceType in MENTIONING and mention_of(head, self.interest) is not None:
                return None
            if known is None or (matters == NOTHING and NO_KIND in self.unlike and not is_withdrawn(text)):
                return NOTHING_READ, ((head.id or "").encode(),) if known is not None else ()
            if known.owner is Owner.HERSELF and b'"link"' in text:
                return None
            if known.name in self.unlike or known.names_several(head):
                return None
            if known.few_fields is not None and head.id and (fields := known.few_fields.parse(text)):
                return self._by_few_fields(known, head.id, fields)
            holes = holes_of(text, known)
            if not holes or not _names_its_subject(head, holes, known.owner):
                return None if matters else (NOTHING_READ, ())
            shape = shape_of(holes)
            pieces = shape.pieces(text)
            template = self.templates.get(pieces)
            if template is None:
                if "entry" in parse_strictly(text) or any(MARKED.search(piece) for piece in pieces):
                    return None
                template = self._new(known, head, matters, holes, pieces)
        except NO_TEMPLATE:
            return None
        shapes, near = self.shapes.setdefault(len(text), []), self.near.setdefault(len(text), [])
        if len(shapes) < MOST_SHAPES:
            shapes.append(shape)
        if len(near) < MOST_NEAR and template.owner is not Owner.HERSELF:
            near.append((*shape, template.pieces, template))
        return template, shape.filling(text)

    def _by_few_fields(
        self, known: ResourceType, identity: str, fields: dict[str, Any]
    ) -> tuple[Template, Filling] | None:
        """A patient by the few fields that are read of her: hardly two patients share a text."""
        key = (known.name, *fields.items())
        template = self._persons.get(key)
        if template is None:
            head = Head(known.name, MARK.decode())
            matters = self.interest.matters(head)
            resource = Resource(head, b"", WHERE, "", matters, dict(fields))
            reading = self._as_reading(resource, {}, Parsed(resource, hidden={MARK.decode(): 0}))
            if not isinstance(reading, int):
                return None
            template = Template(
                (), ["id", "", ""], [ID, "", ""], [], known.name, matters, frozenset(), None, known.owner,
                reading=reading,
            )  # fmt: skip
            template.by_itself, template.readings[()] = True, reading
            self._persons[key] = template
        return template, (identity.encode(), b"", b"")

    def _new(
        self, known: ResourceType, head: Head, matters: int, holes: list[Hole], pieces: tuple[bytes, ...]
    ) -> Template:
        places = order_of(holes)
        template = Template(
            tuple(self._pieces.setdefault(piece, piece) for piece in pieces),
            ["" if at is None else holes[at].path for at in places],
            ["" if at is None else holes[at].role for at in places],
            [places.index(at) for at in range(len(holes))],
            known.name, matters,
            frozenset(place for place, at in enumerate(places) if at is not None and holes[at].number), head.id,
            known.owner, known.reads_address,
        )  # fmt: skip
        template.sort_out()
        if matters == NOTHING:
            template.kind, template.reading, template.later_days = NO_KIND, 0, ()
            template.quiet = known.name
            template.withdraws = any(word.encode() in piece for word in VOID for piece in pieces)
        self.templates[template.pieces] = template
        self.learnt[template.kind] = self.learnt.get(template.kind, 0) + 1
        self._size += sum(map(len, pieces))
        return template

    def judge(self, used: Mapping[str, int]) -> None:
        """Learn no more of a kind of which hardly two texts are alike; `used` says how many of each a batch had."""
        for kind, number in used.items():
            self.used[kind] = self.used.get(kind, 0) + number
        for kind, number in self.learnt.items():
            if number > WORTH_JUDGING and number * 3 > self.used.get(kind, 0):
                self.unlike.add(kind)

    def reading_of(
        self, template: Template, filling: Filling, address: str, medications: Mapping[str, Resource | None]
    ) -> int:
        """What is read of a template with a filling: the number of a reading; -1 where it cannot be kept."""
        medication: Resource | None = None
        if template.medication_at >= 0:
            reference = filling[template.medication_at]
            if reference.startswith(b"#"):
                return -1
            medication = medication_named(medications, reference.decode("ascii"))
            if medication is not None and b'"reference"' in bytes(medication.raw) and refers_on(medication.parsed()):
                return -1
        while True:
            key: Any = template.vary(filling) if template.vary is not None else ()
            if template.by_address:
                key = key, address
            if template.medication_at >= 0:
                key = key, None if medication is None else bytes(medication.raw)
            reading = template.readings.get(key)
            if reading is not None:
                return reading
            try:
                shown = self._read(template, filling, address, medication)
            except NO_TEMPLATE:
                return -1
            if shown is None:
                return -1
            if isinstance(shown, int):
                template.readings[key] = shown
                if template.is_fixed:
                    template.reading = shown
                return shown
            for at in shown:
                template.roles[at] = VARIED
            template.sort_out()

    def _read(
        self, template: Template, filling: Filling, address: str, medication: Resource | None
    ) -> int | list[int] | None:
        """A new reading; or the holes whose marks show in its words; `None` where it depends on where it stood."""
        parsed = template.parsed
        if parsed is None:
            parsed = template.parsed = self._parsed(template, filling)
        if any(MARKED.search(filling[at]) for at in parsed.varied):
            return None
        resource = parsed.with_filling(filling)
        if resource is None:
            text = template.text(template.marks(filling))
            resource = Resource(self._head_of(text), text, WHERE, "", template.matters)
        resource.url = address
        medications = {parsed.marks[template.medication_at].decode(): medication} if template.medication_at >= 0 else {}
        identity = None if template.paths[0] else template.identity
        shown = self._as_reading(resource, medications, parsed, identity)
        return None if isinstance(shown, list) and template.medication_at in shown else shown

    def _parsed(self, template: Template, filling: Filling) -> Parsed:
        """A template parsed once, with marks wherever something differs."""
        marks = template.marks(filling)
        varied = [at for at, role in enumerate(template.roles) if role == VARIED]
        placed = list(marks)
        for at in varied:
            placed[at] = b"%s%03d" % (NUMBER_MARK if at in template.numbers else MARK, at)
        text = template.text(placed)
        resource = Resource(self._head_of(text), text, WHERE, "", template.matters, parse_strictly(text))
        parsed = Parsed(resource, marks, varied, later_days=len(template.later_days))
        parsed.find({placed[at].decode(): at for at in varied}, resource.content)
        parsed.is_whole = 0 not in varied and sorted(at for *_, at, _ in parsed.places) == varied
        parsed.hidden = {marks[at].decode(): at for at, role in enumerate(template.roles) if role not in (VARIED, "")}
        parsed.slots = {_ordinal(marks[at]): 1 + slot for slot, at in enumerate(template.later_days)}
        if template.roles[2] == DAY:
            parsed.slots[_ordinal(marks[2])] = 0
        return parsed

    def _as_reading(
        self, resource: Resource, medications: dict[str, Resource | None], parsed: Parsed, identity: str | None = None
    ) -> int | list[int] | None:
        """Read a resource that stands at `WHERE`, and keep what is read as a reading; its number.

        Instead the places whose marks show in what is read; `None` where it shows where the resource stands.
        """
        if (site := self.interest.site) is not None:
            resource = site.resource(resource, partial(medication_named, medications))
        record, therapy = self.read_alone(resource, medications)
        events, troubles = list(events_of(record)), (*record.troubles, *record.passed_over)
        everything = words_of(events, troubles)
        if SHOWN.search(everything):
            shown = [at for mark, at in parsed.hidden.items() if mark in everything]
            return shown or None
        origin = resource.origin
        for event in (*record.events, *record.course):
            if event.origin != origin:
                return None
        if troubles and any(trouble.where != origin for trouble in troubles):
            return None
        for is_test, event in events:
            self.rows.append(self.words.row(event, is_test, parsed.slots))
        self.first.append(len(self.rows))
        reading = len(self.kinds)
        self.kinds.append(resource.head.resourceType)
        self.later_counts.append(parsed.later_days)
        self.identities.append(identity)
        self.mapped.append(resource.mapped)
        if troubles or therapy.completed or therapy.unresolved:
            self.told[reading] = Told(
                [(trouble.kind, trouble.what) for trouble in record.troubles],
                [(trouble.kind, trouble.what) for trouble in record.passed_over],
                [drug for drug, orders in therapy.completed.items() for _ in orders],
                bool(therapy.unresolved),
            )
        return reading

    def read_alone(self, resource: Resource, medications: dict[str, Resource | None]) -> tuple[Record, TherapyReader]:
        """One resource read by itself, where it stands: for what has no template."""
        if self.interest.site is None:
            beside = self._beside if not medications else replace(self._beside, medications=medications)
            return read_one(resource, beside)
        group = Group("", resource.where, [resource], medications=medications, terms=self.interest)
        return read_resources(group, self.codes, self.facts)


def _ordinal(day: bytes) -> int:
    """The ordinal of a day that stands as a mark."""
    return dt.date.fromisoformat(day.decode("ascii")).toordinal()


def _names_its_subject(head: Head, holes: list[Hole], owner: Owner) -> bool:
    """Whether the one hole of a subject is the reference that says whose the resource is, or there is no subject."""
    named = [hole.path for hole in holes if hole.role == SUBJECT]
    if owner is Owner.HERSELF:
        return True
    if head.subject is not None:
        return named == ["subject.reference"]
    return named == (["patient.reference"] if head.patient is not None else [])
