"""What stands in resources of types that are not read, and speaks of what is: a plan, a question answered, a visit.

No value is read from them. A HER2-directed drug there says that a therapy may run, or that one is ordered; heart
failure, an ejection fraction or a HER2 test there is unknown. Letters and notes are looked through for drugs alone:
they tell of much that stands elsewhere too.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import msgspec

from ...facts.value import Reason, Unknown
from ...record.event import HER2_DRUG, MENTIONED, ORDER_NOT_READ, TOLD, UNMAPPED_TEST, Event, Trouble
from .head import Head
from .resource import VOID, Resource
from .resources.her2_test import read_day
from .terms import Terms, stated_by_code

ORDERS = ("ServiceRequest", "CarePlan", "RequestGroup", "RequestOrchestration", "SupplyRequest", "Task")
"""Types that say what is to be done."""
VISITS = ("Encounter", "QuestionnaireResponse")
"""Types in which a reason or an answer may say what an observation or a condition would."""
LETTERS = ("Communication", "ClinicalImpression", "Composition", "DocumentReference")
MENTIONING = frozenset((*ORDERS, *VISITS, *LETTERS, "Immunization", "SupplyDelivery"))
NOT_SO = (*VOID, "not-done", "rejected", "abandoned", "revoked", "draft", "proposed")
"""Statuses of what did not come to be."""
TEST = "her2"
FACTS = ("heart_failure", "lvef", TEST)
MOST_WORDS = 100_000
_NOTHING = msgspec.Raw(b"")
_DAYS = (
    "occurrenceDateTime", "authoredOn", "authored", "created", "sent", "date", "effectiveDateTime", "executionPeriod",
    "period", "occurrencePeriod",
)  # fmt: skip


class MentionHead(Head, gc=False):
    """The fields of such types in which somebody writes what was done, asked or answered."""

    reasonCode: msgspec.Raw = _NOTHING
    orderDetail: msgspec.Raw = _NOTHING
    activity: msgspec.Raw = _NOTHING
    action: msgspec.Raw = _NOTHING
    title: msgspec.Raw = _NOTHING
    description: msgspec.Raw = _NOTHING
    vaccineCode: msgspec.Raw = _NOTHING
    suppliedItem: msgspec.Raw = _NOTHING
    itemCodeableConcept: msgspec.Raw = _NOTHING
    payload: msgspec.Raw = _NOTHING
    summary: msgspec.Raw = _NOTHING
    section: msgspec.Raw = _NOTHING


FIELDS = MentionHead.__struct_fields__[len(Head.__struct_fields__) :]


class Mention(NamedTuple):
    """What a resource speaks of: whether of a HER2-directed drug, of which facts, and its first words."""

    drug: bool
    facts: tuple[str, ...]
    said: str


def mention_of(head: Head, terms: Terms) -> Mention | None:
    """What the head of a resource of such a type speaks of; `None` for nothing."""
    parts = [bytes(getattr(head, name)) for name in FIELDS]
    if head.code is not None:
        parts.append(msgspec.json.encode(head.code))
    if items := getattr(head, "item", None):
        parts.append(msgspec.json.encode(items))
    text = b" ".join(filter(None, parts))
    if not text:
        return None
    key = (head.resourceType in VISITS, text)
    known = terms.mentions.get(key, False)
    if known is False:
        known = _mention_in(head.resourceType, text[:MOST_WORDS].decode("utf-8", "replace"), terms)
        if len(terms.mentions) < MOST_KEPT:
            terms.mentions[key] = known
    return known  # type: ignore[no-any-return]


MOST_KEPT = 20_000


def _mention_in(kind: str, text: str, terms: Terms) -> Mention | None:
    names, drugs = terms.codes.names, terms.drugs
    values = list(_values(text))
    words = [word for value in values for word in _strings(value) if word]
    of_drug = [word for word in words if drugs.names.names_a_product(word) or drugs.is_code_of_product(word)]
    facts: dict[str, str] = {}
    if kind in VISITS:
        for word in words:
            for fact in names.named(word, FACTS):
                facts[fact] = max(facts.get(fact, ""), word, key=_telling)
        for system, code in (coding for value in values for coding in _codings(value)):
            for fact, stated in stated_by_code(system, code, terms.codes):
                if fact in FACTS and stated != "no":
                    facts.setdefault(fact, code)
    said = max(of_drug or facts.values(), key=_telling, default="")
    named = tuple(fact for fact in FACTS if fact in facts)
    return Mention(bool(of_drug), named, " ".join(said.split())[:80]) if said else None


def _telling(word: str) -> tuple[int, str]:
    """How much a word says: a name more than a code, whatever their order."""
    return sum(map(str.isalpha, word)), word


def _values(text: str) -> Iterator[Any]:
    """JSON values that stand one after the other; what is none of them is text."""
    decoder, at = json.JSONDecoder(), 0
    while at < len(text):
        try:
            value, at = decoder.raw_decode(text, at)
        except (ValueError, RecursionError):
            yield text[at:]
            return
        yield value
        at += 1


def _codings(value: Any) -> Iterator[tuple[str | None, str]]:
    """The codings in a value, each with its system and code."""
    if isinstance(value, dict):
        system, code = value.get("system"), value.get("code")
        if isinstance(code, str):
            yield system if isinstance(system, str) else None, code
        for inner in value.values():
            yield from _codings(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _codings(inner)


def _strings(value: Any) -> Iterator[str]:
    """The texts in a value, but for addresses."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if key not in ("system", "reference", "linkId", "url"):
                yield from _strings(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _strings(inner)
    elif isinstance(value, str):
        yield value


def read_mentions(resources: Iterable[Resource], terms: Terms) -> Iterator[Event | Trouble]:
    """What the resources of a patient that mention something leave unknown, and what is told of them together."""
    told: dict[str, list[str]] = {}
    where = tested = ""
    for resource in resources:
        mention = mention_of(resource.head, terms)
        content = _content_of(resource)
        if mention is None:
            continue
        if content.get("status") in NOT_SO:
            what = f"{resource.head.resourceType} {mention.said!r}: status {content['status']}"
            yield Trouble("passed over", resource.origin, what)
            continue
        kind, origin, day = resource.head.resourceType, resource.origin, _day_of(content)
        where = where or origin
        told.setdefault(kind, []).append(mention.said)
        what = f"{kind} speaks of {mention.said!r}; resources of this type are not read"
        if mention.drug:
            is_done = kind not in ORDERS or b'"completed"' in bytes(resource.raw)
            yield Event(HER2_DRUG, MENTIONED if is_done else ORDER_NOT_READ, day, "", origin, mention.said)
        for fact in mention.facts:
            if fact != TEST:
                yield Event(fact, Unknown(Reason.UNMAPPED_CODE, what), day, "", origin, mention.said)
            elif not tested:
                tested = what
                yield Trouble(UNMAPPED_TEST, origin, what)
    if told:
        which = ", ".join(f"{len(said)} {kind} ({said[0]!r})" for kind, said in sorted(told.items()))
        yield Trouble(TOLD, where, f"of types that are not read these speak of what would be: {which}")


def _content_of(resource: Resource) -> dict[str, Any]:
    try:
        content = json.loads(bytes(resource.raw))
    except (ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}


def _day_of(content: Mapping[str, Any]) -> dt.date | None:
    for name in _DAYS:
        value = content.get(name)
        if isinstance(value, dict):
            value = value.get("start")
        if value and (day := read_day({"effectiveDateTime": value})[0]) is not None:
            return day
    return None
