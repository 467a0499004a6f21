"""Which version of a resource counts, where it stands more than once.

One rule for tests, therapy and diagnoses: the version updated last by `meta.lastUpdated` as an instant; where that does
not say it, the one with the highest `meta.versionId`; where that does not say it either, one that was withdrawn stands
after those it withdraws; all else is unclear. A deletion is a version too.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import msgspec

from ..resource import VOID, Resource, Stamp
from .persons import server_of

SECOND = 1_000_000_000
"""Instants are counted in nanoseconds."""
DAY = 86_400 * SECOND
WIDEST_ZONES = (-14 * 3_600 * SECOND, 12 * 3_600 * SECOND)
"""How far an instant without a zone may lie from the same time in UTC."""
WITHDREW, SAYS_OTHER = "it was withdrawn", "a later version says something else"
MOST_COMPARED = 100
"""Among more versions that leave it open which is the last, not every two are compared."""
_INSTANT = re.compile(
    r"(\d{4})(?:-(\d\d)(?:-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d+))?)?\s*(Z|z|[+-]\d\d:?\d\d)?)?)?)?"
)
_ETAG = re.compile(r'(?:W/)?"?(\d+)"?')
Span = tuple[int, int]
"""The first and the last nanosecond that an instant may be."""


class _Meta(msgspec.Struct, gc=False):
    lastUpdated: str | None = None
    versionId: str | None = None


class _Coded(msgspec.Struct, gc=False):
    coding: list[dict[str, msgspec.Raw]] = []


class _Versioned(msgspec.Struct, gc=False):
    meta: _Meta | None = None


class _Status(msgspec.Struct, gc=False):
    status: str | None = None


class _Verified(msgspec.Struct, gc=False):
    verificationStatus: _Coded | None = None


_versioned = msgspec.json.Decoder(_Versioned)
_status = msgspec.json.Decoder(_Status)
_verified = msgspec.json.Decoder(_Verified)


def span_of(written: str) -> tuple[Span, bool] | None:
    """The instant that is written, as the nanoseconds it may be, and whether it names a zone; `None` for none."""
    match = _INSTANT.fullmatch(written.strip())
    if match is None:
        return None
    year, month, day, hour, minute, second, fraction, zone = match.groups()
    try:
        first = dt.date(int(year), int(month or 1), int(day or 1))
        if day is None:
            after = dt.date(int(year) + (month in (None, "12")), 1 if month in (None, "12") else int(month) + 1, 1)
            length = (after - first).days * DAY
        else:
            length = DAY
    except ValueError:
        return None
    start = first.toordinal() * DAY
    if hour is not None:
        if int(hour) > 24 or int(minute) > 59 or int(second or 0) > 60:
            return None
        start += (int(hour) * 3_600 + int(minute) * 60 + int(second or 0)) * SECOND
        start += int((fraction or "")[:9].ljust(9, "0"))
        length = 60 * SECOND if second is None else 1
    if zone and zone not in "Zz":
        hours, minutes = int(zone[1:3]), int(zone[-2:])
        start -= (1 if zone[0] == "+" else -1) * (hours * 3_600 + minutes * 60) * SECOND
    return (start, start + length - 1), bool(zone)


def _is_after(one: str, other: str) -> bool | None:
    """Whether one instant is after another; `None` where that cannot be told."""
    if one == other:
        return None
    span, other_span = span_of(one), span_of(other)
    if span is None or other_span is None:
        return None
    (low, high), has_zone = span
    (other_low, other_high), other_has_zone = other_span
    if has_zone != other_has_zone:
        if has_zone:
            other_low, other_high = other_low + WIDEST_ZONES[0], other_high + WIDEST_ZONES[1]
        else:
            low, high = low + WIDEST_ZONES[0], high + WIDEST_ZONES[1]
    if low > other_high:
        return True
    if high < other_low:
        return False
    return None


def _number(version: str) -> int | None:
    match = _ETAG.fullmatch(version.strip())
    return int(match[1]) if match else None


class Version(NamedTuple):
    """A version of a resource or its deletion: when it was updated, its number, and whether it is withdrawn."""

    updated: str
    number: str
    withdrawn: bool
    where: str


def is_later(one: Version, other: Version) -> bool | None:
    """Whether one version counts rather than another; `None` where nothing says so."""
    after = _is_after(one.updated, other.updated) if one.updated and other.updated else None
    if after is not None:
        return after
    numbers = _number(one.number), _number(other.number)
    if numbers[0] is not None and numbers[1] is not None and numbers[0] != numbers[1]:
        return numbers[0] > numbers[1]
    return one.withdrawn if one.withdrawn != other.withdrawn else None


def version_of(resource: Resource) -> Version:
    """What a resource says of its own version; where it says nothing, what its entry says."""
    raw = bytes(resource.raw)
    meta = _Meta()
    if b'"meta"' in raw:
        try:
            meta = _versioned.decode(raw).meta or meta
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            meta = _Meta()
    stamp = resource.stamp
    return Version(
        meta.lastUpdated or stamp.updated, meta.versionId or stamp.version, is_withdrawn(raw), resource.origin
    )


def is_withdrawn(raw: bytes) -> bool:
    """Whether the text of a resource says that it was withdrawn."""
    if not any(word.encode() in raw for word in VOID):
        return False
    try:
        status = _status.decode(raw).status
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        status = None
    if status in VOID:
        return True
    try:
        truth = _verified.decode(raw).verificationStatus
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    return truth is not None and any(bytes(coding.get("code", b"")) == b'"entered-in-error"' for coding in truth.coding)


@dataclass(slots=True)
class Versions:
    """What stands more than once among some resources: which do not count and why, and which cannot be told apart."""

    old: dict[int, tuple[str, str]] = field(default_factory=dict)
    """By the `id()` of a resource that does not count: where the one stands that does, and how it ended it."""
    unclear: list[list[Resource]] = field(default_factory=list)
    """Versions of one resource that differ, and nothing says which of them is the later one."""


Withdrawals = Mapping[str, Sequence[Stamp]]
"""By type and id (`Observation/1`) where and when a resource was deleted or withdrawn."""


def joined_withdrawals(one: Withdrawals, other: Withdrawals) -> dict[str, list[Stamp]]:
    """What was withdrawn by either."""
    return {name: [*one.get(name, ()), *other.get(name, ())] for name in (*one, *other)}


def stand_twice(resources: Sequence[Resource], withdrawn: Withdrawals | None = None) -> bool:
    """Whether a resource stands there twice, or one of them was withdrawn elsewhere in the source."""
    names = [(resource.head.resourceType, resource.head.id or resource.url or id(resource)) for resource in resources]
    if len(set(names)) < len(names):
        return True
    return bool(withdrawn) and any(f"{kind}/{name}" in withdrawn for kind, name in names)  # type: ignore[operator]


def versions_of(resources: Iterable[Resource], withdrawn: Withdrawals | None = None) -> Versions:
    """Which of some resources count, by type and id; without an id, by the address of the entry."""
    by_name: dict[tuple[str, str], list[Resource]] = {}
    for resource in resources:
        if name := resource.head.id or _unversioned(resource.url):
            by_name.setdefault((resource.head.resourceType, name), []).append(resource)
    found = Versions()
    for (kind, name), same_name in by_name.items():
        deletions = (withdrawn or {}).get(f"{kind}/{name}", ())
        if len(same_name) > 1 or deletions:
            for same in _by_server(same_name):
                _choose(same, deletions, found)
    return found


def _by_server(resources: list[Resource]) -> list[list[Resource]]:
    """Resources of one id apart by the servers that their addresses name, where these are several."""
    servers = [server_of(resource.url) for resource in resources]
    if len({server for server in servers if server}) < 2:
        return [resources]
    apart: dict[str, list[Resource]] = {}
    for resource, server in zip(resources, servers, strict=True):
        apart.setdefault(server, []).append(resource)
    return list(apart.values())


def _choose(same: list[Resource], deletions: Sequence[Stamp], found: Versions) -> None:
    """Sort out the versions of one resource."""
    versions = [version_of(resource) for resource in same]
    for deletion in deletions:
        gone = Version(deletion.updated, deletion.version, deletion.how != SAYS_OTHER, deletion.where)
        if all(is_later(gone, version) for version in versions):
            for resource in same:
                found.old[id(resource)] = (deletion.where, deletion.how)
            return
    distinct: dict[tuple[bytes, str, str], int] = {}
    for at, resource in enumerate(same):
        distinct.setdefault((text_of_version(resource), versions[at].updated, versions[at].number), at)
    last = _not_earlier(list(distinct.values()), versions)
    of_text = {text_of_version(same[at]): at for at in reversed(last)}
    kept = [same[at] for _, at in sorted(of_text.items())]
    if len(kept) > 1:
        found.unclear.append(kept)
    how = WITHDREW if len(kept) == 1 and versions[same.index(kept[0])].withdrawn else ""
    for resource in same:
        if not any(resource is other for other in kept):
            found.old[id(resource)] = (kept[0].origin, how)


def _not_earlier(places: list[int], versions: list[Version]) -> list[int]:
    """The places of the versions that no other is later than; one place where one is later than all others."""
    champion = places[0]
    for at in places[1:]:
        if is_later(versions[at], versions[champion]):
            champion = at
    rivals = [at for at in places if at != champion and not is_later(versions[champion], versions[at])]
    if len(rivals) > MOST_COMPARED:
        return [champion, *rivals]
    last = [champion, *rivals]
    return [at for at in last if not any(is_later(versions[other], versions[at]) for other in last)] or last


def text_of_version(resource: Resource) -> bytes:
    """The text of a resource, the same however its keys are ordered and spaced."""
    try:
        return msgspec.json.encode(msgspec.json.decode(bytes(resource.raw)), order="deterministic")
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return bytes(resource.raw)


def _unversioned(url: str) -> str:
    return url.partition("/_history/")[0]
