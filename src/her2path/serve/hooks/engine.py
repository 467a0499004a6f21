"""A request of a record system through the one engine: resources into a batch of one, findings, cards.

It is used by one thread at a time: templates and reviewer are kept from request to request.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal

import msgspec

from ...facts.codes import codes_of
from ...findings.finding import Finding
from ...findings.patient import Reviewer
from ...findings.settings import Settings
from ...read.files import Piece
from ...read.source import ColumnWorker
from ...record.columns import RecordColumns, columns_of
from ...record.event import HER2_DRUG, Event, Record, Trouble
from ...tables.library import Knowledge
from ...write.fhir.proposals import references_of
from ...write.review_text import WhyFormat
from ...write.text.first_lines import first_lines
from .actions import Asked
from .cards import Advised, Before, Telling, acts_of, cards_of
from .messages import Json
from .offers import read_offers
from .orders import Draft, as_ordered_now
from .prefetch import Sent, kind_of

PLACE = "request"
"""How the origin of everything that a request holds begins."""


@dataclass(frozen=True, slots=True)
class Gathered:
    """What is known of a patient: resources, the drafts of the context, and which optional keys nobody looked at."""

    patient: str
    user: str
    resources: Sequence[Sent]
    drafts: Sequence[Draft] = ()
    unseen: Sequence[str] = ()


@dataclass(slots=True)
class Answer:
    """The cards, and on what they rest: the digest of the data, the resources read, the day, what was passed over."""

    advised: list[Advised]
    on: dt.date
    digest: str
    resources: list[str] = field(default_factory=list)
    others: int = 0
    """So many other patients stood among the resources; nothing of them was used."""


class Engine:
    """Reviews what requests hold."""

    def __init__(self, knowledge: Knowledge, settings: Settings, day: dt.date | None = None) -> None:
        self.knowledge, self.day = knowledge, day
        self.settings = replace(settings, patient=None)
        self.facts = settings.facts(knowledge)
        self.codes = codes_of(self.facts)
        self.offers = read_offers(knowledge.facts, knowledge.folder)
        self._worker = ColumnWorker(self.facts)
        self._reviewer: Reviewer | None = None

    def reviewer(self) -> Reviewer:
        """The reviewer of today."""
        today = self.day or dt.date.today()
        if self._reviewer is None or self._reviewer.settings.on != today:
            self._reviewer = Reviewer(self.knowledge, replace(self.settings, on=today))
        return self._reviewer

    def warm(self) -> None:
        """Load what the first request would wait for."""
        reviewer = self.reviewer()
        reviewer.load_compiled()
        day = reviewer.settings.on - dt.timedelta(days=1)
        product = reviewer.rules.codes.products[0]
        given = Event("dose_given", "yes", day, "", "nowhere", product=product)
        measured = Event("lvef", Decimal(1), day, "", "nowhere", qualifier="echo")
        review = reviewer.review_records([Record("nobody", course=[given, measured], sites={"breast"})]).patient(0)
        acts_of(review, of_order=True)
        self.answer(Gathered("nobody", "", [Sent(b'{"resourceType":"Patient","id":"nobody"}')]), "patient-view")

    def answer(self, gathered: Gathered, hook: str, before: Before | None = None) -> Answer:
        """The cards for what was gathered."""
        reviewer = self.reviewer()
        on = reviewer.settings.on
        content, first_draft = _bundle(gathered, on)
        answer = Answer([], on, hashlib.sha256(content).hexdigest())
        columns = [item for item in self._worker.read([Piece(PLACE, content)]).items if not isinstance(item, Trouble)]
        record, place = _of_patient(columns, gathered.patient)
        answer.others = sum(len(each) for each in columns) - (record is not None)
        if record is None:
            return answer
        directed = self._read_drafts(record, place, gathered.drafts, first_draft, reviewer)
        answer.resources = [each["reference"] for each in references_of(_origins(record, place))]
        of_order, concerned = hook != "patient-view", directed
        known: list[Finding] = []
        if of_order and not directed:
            concerned = [draft for draft in gathered.drafts if draft.is_read and draft.selected]
            if not concerned:
                return answer
            reviewed = reviewer.review_columns(_with_and_without(record, place, gathered.drafts, first_draft))
            review = reviewed.patient(0, with_regimens=False)  # no card tells of regimens
            known = reviewed.patient(1, with_regimens=False).every_finding()
        else:
            reviewed = reviewer.review_columns(record if len(record) == 1 else columns_of([record.record(place)]))
            review = reviewed.patient(0, with_regimens=False)
        services = [
            msgspec.json.decode(sent.raw) for sent in gathered.resources if kind_of(sent.raw) == "ServiceRequest"
        ]
        asked = Asked(gathered.patient, gathered.user, on, gathered.drafts, services)
        telling = Telling(
            self.knowledge.sources, self.offers, asked, gathered.unseen, before or (lambda _: ""), concerned
        )
        acts = acts_of(review, of_order=bool(directed), known=known)
        answer.advised = cards_of(review, acts, telling)
        return answer

    def record(self, gathered: Gathered) -> tuple[Record | None, Answer]:
        """The record of a patient, `None` where nothing of her is to be reviewed; and on what it rests."""
        on = self.reviewer().settings.on
        content, _ = _bundle(gathered, on)
        answer = Answer([], on, hashlib.sha256(content).hexdigest())
        columns = [item for item in self._worker.read([Piece(PLACE, content)]).items if not isinstance(item, Trouble)]
        record, place = _of_patient(columns, gathered.patient)
        if record is None:
            return None, answer
        answer.resources = [each["reference"] for each in references_of(_origins(record, place))]
        return record.record(place), answer

    def words(self, record: Record) -> str:
        """The whole review of a patient in words, with every reason."""
        reviewer = self.reviewer()
        review = reviewer.review_records([record]).patient(0)
        return "\n".join(["\n".join(first_lines(review)), "", WhyFormat(reviewer.settings.on).patient(review)])

    def _read_drafts(
        self, record: RecordColumns, place: int, drafts: Sequence[Draft], first: int, reviewer: Reviewer
    ) -> list[Draft]:  # fmt: skip
        """Note what was read of each draft; those of HER2-directed drugs that the user chose."""
        directed = set(reviewer.rules.codes.products)
        found: dict[int, Draft] = {}
        for row in range(int(record.starts[place]), int(record.starts[place + 1])):
            number = _entry(record.origins[int(record.origin[row])]) - first
            if not 0 <= number < len(drafts):
                continue
            draft, drug = drafts[number], record.products[record.product[row]]
            draft.is_read = True
            if drug:
                draft.products.add(drug)
            if draft.selected and (drug in directed or record.facts[record.fact[row]] == HER2_DRUG):
                found[number] = draft
        return [found[number] for number in sorted(found)]


def _bundle(gathered: Gathered, on: dt.date) -> tuple[bytes, int]:
    """Everything as one collection, the drafts last; with the number of the first draft.

    A draft stands in the place of the same order among the resources.
    """
    written = {draft.reference for draft in gathered.drafts if draft.reference}
    entries: list[bytes] = []
    for sent in gathered.resources:
        if written and _reference(sent.raw) in written:
            continue
        address = b'"fullUrl":' + json.dumps(sent.url).encode() + b"," if sent.url else b""
        entries.append(b"{" + address + b'"resource":' + sent.raw + b"}")
    first = len(entries)
    for draft in gathered.drafts:
        order = as_ordered_now(draft, gathered.patient, on)
        entries.append(b'{"resource":' + msgspec.json.encode(order) + b"}")
    return b'{"resourceType":"Bundle","type":"collection","entry":[' + b",".join(entries) + b"]}", first


class _Named(msgspec.Struct):
    resourceType: str = ""
    id: str = ""


_named = msgspec.json.Decoder(_Named)


def _reference(raw: bytes) -> str:
    try:
        named = _named.decode(raw)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return ""
    return f"{named.resourceType}/{named.id}"


def _of_patient(columns: Sequence[RecordColumns], patient: str) -> tuple[RecordColumns | None, int]:
    for record in columns:
        if patient in record.patients:
            return record, record.patients.index(patient)
    return None, 0


def _entry(origin: str) -> int:
    """The number of the entry in which something stood; -1 for none."""
    words = origin.split(" ", 3)
    number = words[2] if len(words) > 2 and words[:2] == [PLACE, "entry"] else ""
    return int(number) if number.isdecimal() else -1


def _origins(record: RecordColumns, place: int) -> list[str]:
    rows = range(int(record.starts[place]), int(record.starts[place + 1]))
    return [record.origins[int(record.origin[row])] for row in rows]


def _with_and_without(record: RecordColumns, place: int, drafts: Sequence[Draft], first: int) -> RecordColumns:
    """The patient twice: with the drafts that the user chose, and without them."""
    whole = record.record(place)
    chosen = {first + number for number, draft in enumerate(drafts) if draft.selected}
    without = replace(whole, course=[event for event in whole.course if _entry(event.origin) not in chosen])
    return columns_of([whole, without])


def as_stored(advised: Advised) -> Json:
    """What of a card is kept beside its id and summary."""
    offered = [{"uuid": each.uuid, "label": each.label} for each in advised.card.suggestions or ()]
    return {
        "rows": list(advised.rows), "sources": list(advised.sources), "facts": dict(advised.facts),
        "resources": list(advised.resources), "offered": offered,
    }  # fmt: skip
