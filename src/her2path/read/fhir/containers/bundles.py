"""Containers taken apart: bundles in bundles, lists of resources, `Parameters`, pages, histories, contained resources.

What comes out is one resource after the other with its place, and beside them what the containers say themselves: a
next page, a deletion, an answer of a server that is an error.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import msgspec

from ....record.event import Trouble
from ..head import Entry, FullEnvelope, Head, kind_of_bundle
from ..json import parse_strictly
from ..resource import NO_STAMP, VOID, Missing, Stamp
from .notes import Deleted, Page

DEEPEST = 12
"""So many containers may stand in each other."""
CONTAINERS = ("Bundle", "Parameters")
IN_PARTS = ("searchset", "batch-response", "transaction-response", "history")
"""Types of bundles that need not hold a patient whole."""
OUTCOME = "OperationOutcome"
DELETED = "it was deleted"
_full = msgspec.json.Decoder(FullEnvelope)
BAD_JSON = (msgspec.DecodeError, RecursionError, UnicodeDecodeError)


@dataclass(slots=True)
class Held:
    """A resource with its place in a container, the address of its entry, and what that says of its version."""

    raw: Any
    place: str
    url: str = ""
    stamp: Stamp = NO_STAMP


@dataclass(slots=True)
class InParts:
    """What a container says of itself: it need not hold its patients whole."""


Unpacked = Held | Page | Deleted | Missing | Trouble | InParts


def unpack(raw: bytes | msgspec.Raw, place: str, kind: str, depth: int = 0) -> Iterator[Unpacked]:
    """Everything that stands in a bundle or in `Parameters`, at any depth."""
    if depth >= DEEPEST:
        yield Trouble(
            "not read", place, f"more than {DEEPEST} containers stand in each other: the inner ones are not read"
        )
        return
    if kind == "Parameters":
        yield from _parameters(raw, place)
        return
    try:
        envelope = _full.decode(raw)
    except BAD_JSON as error:
        yield Trouble("not FHIR", place, f"{error}; the bundle is not read")
        return
    yield from entries_of(envelope, place)


def entries_of(envelope: FullEnvelope, where: str) -> Iterator[Unpacked]:
    """The entries of a bundle, with what it says of itself."""
    kind = kind_of_bundle(envelope)
    link = _links_of(envelope.link)
    if kind in IN_PARTS or link.get("next"):
        yield InParts()
    types: set[str] = set()
    count = 0
    for number, entry in enumerate(envelope.entry or ()):
        place = f"{where} entry {number}"
        request, response = _object(entry.request), _object(entry.response)
        if (gone := _deleted(request, response, entry, place)) is not None:
            yield gone
            continue
        yield from _failed(response, place)
        if bytes(entry.resource) == b"null":
            if not request and not response:
                yield Trouble("not FHIR", place, "the entry holds no resource; expected one under 'resource'")
            continue
        stamp = NO_STAMP
        if response.get("lastModified") or response.get("etag") or "/_history/" in (entry.fullUrl or ""):
            number_of = str(response.get("etag") or (entry.fullUrl or "").partition("/_history/")[2])
            stamp = Stamp(str(response.get("lastModified") or ""), number_of, place)
        yield Held(entry.resource, place, entry.fullUrl or "", stamp)
        count += 1
        if link or kind == "searchset":
            types.add(type_of(entry.resource))
    total = int(envelope.total) if kind == "searchset" and bytes(envelope.total).isdigit() else 0
    if link or total:
        types -= {"", OUTCOME}
        own, after, before = (link.get(name, "") for name in ("self", "next", "previous"))
        yield Page(where, own, after, before, frozenset(types), total, count)


class _Parameter(msgspec.Struct, gc=False):
    resource: msgspec.Raw = msgspec.Raw(b"null")
    part: list[_Parameter] | None = None


class _ParameterList(msgspec.Struct, gc=False):
    parameter: list[_Parameter] | None = None


_parameter_list = msgspec.json.Decoder(_ParameterList)


def _parameters(raw: bytes | msgspec.Raw, place: str) -> Iterator[Unpacked]:
    try:
        content = _parameter_list.decode(raw)
    except BAD_JSON as error:
        yield Trouble("not FHIR", place, f"{error}; the parameters are not read")
        return
    yield InParts()
    waiting = [(place, content.parameter)]
    for here, listed in waiting:
        for number, parameter in enumerate(listed or ()):
            if bytes(parameter.resource) != b"null":
                yield Held(parameter.resource, f"{here} parameter {number}")
            if parameter.part:
                waiting.append((f"{here} parameter {number}", parameter.part))


def _links_of(raw: msgspec.Raw) -> dict[str, str]:
    """The links of a bundle by their relation."""
    text = bytes(raw)
    if text == b"null":
        return {}
    try:
        listed = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    links: dict[str, str] = {}
    for link in listed if isinstance(listed, list) else [listed]:
        if isinstance(link, dict) and isinstance(link.get("url"), str):
            relation = str(link.get("relation")).lower()
            links.setdefault("previous" if relation == "prev" else relation, link["url"])
    return {name: url for name, url in links.items() if name in ("self", "next", "previous")}


def has_next(raw: msgspec.Raw) -> bool:
    """Whether the links of a bundle name a next page."""
    return bytes(raw) != b"null" and bool(_links_of(raw).get("next"))


def _object(raw: msgspec.Raw) -> dict[str, Any]:
    text = bytes(raw)
    if text == b"null":
        return {}
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}


def _deleted(request: dict[str, Any], response: dict[str, Any], entry: Entry, place: str) -> Deleted | None:
    """The deletion that an entry tells of, if it does."""
    if str(request.get("method")).upper() != "DELETE":
        return None
    name = str(request.get("url") or entry.fullUrl or "").partition("/_history/")[0].partition("?")[0].rstrip("/")
    name = "/".join(name.rsplit("/", 2)[-2:])
    updated, version = str(response.get("lastModified") or ""), str(response.get("etag") or "")
    return Deleted(name, Stamp(updated, version, f"{place} DELETE {name}", DELETED))


def _failed(response: dict[str, Any], place: str) -> Iterator[Missing]:
    status = str(response.get("status") or "")
    if status[:1] in ("4", "5"):
        outcome = response.get("outcome")
        words = outcome_words(outcome) if isinstance(outcome, dict) else ""
        yield Missing(place, f"the server answered {status}{': ' if words else ''}{words}")


def outcome_words(outcome: dict[str, Any]) -> str:
    """The errors that an OperationOutcome tells, in words; "" without any."""
    issues = outcome.get("issue")
    told = []
    for issue in issues if isinstance(issues, list) else []:
        if isinstance(issue, dict) and issue.get("severity") in ("error", "fatal"):
            details = issue.get("details")
            text = details.get("text") if isinstance(details, dict) else None
            told.append(
                " ".join(str(text or issue.get("diagnostics") or issue.get("code") or "an error").split())[:200]
            )
    return "; ".join(dict.fromkeys(told))[:400]


class _TypeAlone(msgspec.Struct, gc=False):
    resourceType: str = ""


_type_alone = msgspec.json.Decoder(_TypeAlone)


def type_of(raw: msgspec.Raw | bytes) -> str:
    """The type of a resource, "" where it has none."""
    try:
        return _type_alone.decode(raw).resourceType
    except BAD_JSON:
        return ""


def items_of(content: bytes) -> list[msgspec.Raw] | None:
    """The elements of a JSON list; `None` where it is none."""
    try:
        return _list.decode(content)
    except BAD_JSON:
        return None


_list = msgspec.json.Decoder(list[msgspec.Raw])


class _Contained(msgspec.Struct, gc=False):
    contained: list[msgspec.Raw] | None = None
    status: str | None = None
    subject: msgspec.Raw = msgspec.Raw(b"")
    patient: msgspec.Raw = msgspec.Raw(b"")
    effectiveDateTime: str | None = None
    issued: str | None = None


_contained = msgspec.json.Decoder(_Contained)
NULLIFIED = "nullified"
"""A status that only some types have."""
NAMED_INSIDE = ("Medication", "Substance")
"""Types that are read with the resource in which they stand."""


def holds_others(text: bytes) -> bool:
    """Whether resources that are read by themselves may stand inside the text of a resource."""
    if b'"contained"' not in text:
        return False
    try:
        contained = _contained.decode(text).contained or []
    except BAD_JSON:
        return False
    return any(type_of(raw) not in NAMED_INSIDE for raw in contained)


def contained_of(held: Held, head: Head, is_read: Callable[[str], bool]) -> Iterator[Held]:
    """The resources inside a resource whose type `is_read` by itself there, with its subject where they name none.

    Of a resource that was withdrawn, what stands in it is withdrawn too. A result without a day has that of the
    resource around it.
    """
    try:
        around = _contained.decode(held.raw)
    except BAD_JSON:
        return
    name = head.id or "?"
    origin = f"{held.place} {head.resourceType}/{name}"
    for raw in around.contained or ():
        kind = type_of(raw)
        if kind in (*NAMED_INSIDE, "Patient") or not is_read(kind):
            continue
        try:
            inside = parse_strictly(raw)
        except (ValueError, RecursionError):
            yield Held(raw, f"{held.place} contained")
            continue
        own = str(inside.get("id") or "?")
        if subject := bytes(around.subject) or bytes(around.patient):
            inside.pop("patient", None)
            inside["subject"] = parse_strictly(subject)
        if around.status in VOID and "status" in inside:
            inside["status"] = VOID[0] if around.status == NULLIFIED else around.status
        if kind == "Observation":
            _complete(inside, around, name)
        inside["id"] = f"{name}#{own}"
        yield Held(msgspec.Raw(_encoded(inside)), f"{held.place} contained", f"{origin}#{own}", held.stamp)


def _complete(result: dict[str, Any], around: _Contained, name: str) -> None:
    """Give a result the day of the resource around it, and its specimen a name that others may use."""
    if not any(key.startswith("effective") or key == "issued" for key in result):
        result |= {key: day for key in ("effectiveDateTime", "issued") if (day := getattr(around, key))}
    specimen = result.get("specimen")
    if isinstance(specimen, dict) and str(specimen.get("reference", "")).startswith("#"):
        specimen["reference"] = f"Specimen/{name}{specimen['reference']}"


def _encoded(content: Any) -> bytes:
    """JSON with its numbers as they were written."""
    if isinstance(content, Decimal):
        return str(content).encode()
    if isinstance(content, dict):
        fields = (json.dumps(key).encode() + b":" + _encoded(value) for key, value in content.items())
        return b"{" + b",".join(fields) + b"}"
    if isinstance(content, list):
        return b"[" + b",".join(map(_encoded, content)) + b"]"
    return json.dumps(content).encode()
