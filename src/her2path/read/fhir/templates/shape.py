"""A resource's text as literal pieces with holes: what differs between two resources that say the same of two people.

A hole is the inside of a string or a whole number, so that the pieces hold all structure: every text with the same
pieces is the same JSON but for its holes. Only fields that its type names (`resource.py`), and those listed here,
become holes, by what is done with them:

- `ID` and `SUBJECT` tell resources and patients apart, and are not read further;
- `DAY` is the first ten letters of a date that is only ever read as a day;
- `VARIED` decides what is read, and comes in so many forms that the text around it is kept once;
- `MEDICATION` names a Medication elsewhere in the source;
- `IGNORED` is never read: times of a day, addresses of encounters and performers, the day of an update.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache
from operator import itemgetter
from typing import NamedTuple

from ..resource import ResourceType

ID, SUBJECT, DAY, VARIED, MEDICATION, IGNORED = "id", "subject", "day", "varied", "medication", "ignored"

_TOKEN = re.compile(rb'[\s,:]*(?:([{}\[\]])|"((?:[^"\\]|\\.)*)"(\s*:)?|([^\s{}\[\],:"]+))', re.DOTALL)
_PLAIN = re.compile(rb"[ !#-\[\]-~]+")
NUMBER = re.compile(rb"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
_DATED = re.compile(rb"[0-9]{4}-[0-9]{2}-[0-9]{2}(?:[T ][ !#-\[\]-~]*)?")

NEVER_READ = (
    "meta.lastUpdated", "meta.versionId", "encounter.display", "context.display", "subject.display",
    "patient.display", "performer.*.display", "performer.*.actor.display", "recorder.display", "asserter.display",
    "requester.display", "reasonReference.*.display", "informationSource.display", "location.display",
    "identifier.*.value", "name.*.family", "name.*.given.*", "name.*.text", "telecom.*.value", "address.*.line.*",
    "address.*.city", "address.*.postalCode",
)  # fmt: skip
"""Fields of no resource that is read, unless its type says so."""
SUBJECTS = ("subject.reference", "patient.reference")


@dataclass(frozen=True, slots=True)
class Hole:
    """A place in the text of a resource, its path and what is done with it; `number` where no quotes stand around."""

    path: str
    start: int
    end: int
    role: str
    number: bool = False


class Shape(NamedTuple):
    """Where the holes of a text are: `pieces` and `filling` take a text apart.

    A filling begins with the id, the reference to the subject and the first day, each empty where there is none; the
    other holes follow in the order of the text.
    """

    pieces: Callable[[bytes], tuple[bytes, ...]]
    filling: Callable[[bytes], tuple[bytes, ...]]


FIRST = (ID, SUBJECT, DAY)
"""What a filling begins with."""


def order_of(holes: list[Hole]) -> list[int | None]:
    """Which hole of a text stands at each place of its filling; `None` for one that there is not."""
    first = [next((at for at, hole in enumerate(holes) if hole.role == role), None) for role in FIRST]
    return [*first, *(at for at in range(len(holes)) if at not in first)]


def shape_of(holes: list[Hole]) -> Shape:
    """The shape with these holes, which are at least one, in the order of the text."""
    bounds = [0, *(place for hole in holes for place in (hole.start, hole.end)), None]
    pieces = [slice(bounds[at], bounds[at + 1]) for at in range(0, len(bounds), 2)]
    filling = [slice(0, 0) if at is None else slice(holes[at].start, holes[at].end) for at in order_of(holes)]
    return Shape(itemgetter(*pieces), itemgetter(*filling))


class Roles:
    """What is done with the fields of a type of resource, by their paths."""

    def __init__(self, known: ResourceType) -> None:
        self.numbers = frozenset(known.numbers)
        self.fallback_days = known.fallback_days
        self._as_it_stands = known.as_it_stands
        self._of_path = dict.fromkeys(NEVER_READ, IGNORED) | {"id": ID} | dict.fromkeys(SUBJECTS, SUBJECT)
        self._of_path |= dict.fromkeys(known.days, DAY) | dict.fromkeys((*known.numbers, *known.words), VARIED)
        self._of_path |= dict.fromkeys(known.medications, MEDICATION)

    def of(self, path: str, key: str) -> str | None:
        """What is done with a field; `None` for what is part of the text. References not named are never read."""
        role = self._of_path.get(path)
        if role is None and key == "reference" and not path.startswith(self._as_it_stands):
            return IGNORED
        return role


@lru_cache(maxsize=200)
def roles_of(known: ResourceType) -> Roles:
    """What is done with the fields of a type."""
    return Roles(known)


def holes_of(text: bytes, known: ResourceType) -> list[Hole] | None:
    """The holes of the text of a resource, which must be valid JSON; `None` where a key stands twice or is escaped."""
    roles = roles_of(known)
    role_of = roles.of
    holes: list[Hole] = []
    path: list[str] = []
    keys: list[set[bytes] | None] = []
    key = ""
    for token in _TOKEN.finditer(text):
        bracket, string, colon, bare = token.groups()
        if bracket is not None:
            if bracket in b"{[":
                path.append(f"{path[-1]}{key}." if path else "")
                keys.append(set() if bracket == b"{" else None)
                key = "*"
            else:
                path.pop()
                keys.pop()
                key = "*"
        elif colon is not None:
            if (names := keys[-1]) is None or string in names or b"\\" in string:
                return None
            names.add(string)
            key = string.decode("utf-8")
        else:
            named = path[-1] + key
            role = role_of(named, key)
            if role is not None:
                holes += _holes(token, named, role, bare is not None, roles)
    paths = {hole.path for hole in holes}
    unread = [day for day, instead in roles.fallback_days.items() if day in paths and instead in paths]
    if unread:
        holes = [replace(hole, role=IGNORED) if hole.path in unread else hole for hole in holes]
    return holes


def _holes(token: re.Match[bytes], path: str, role: str, is_bare: bool, roles: Roles) -> list[Hole]:
    """The hole of a value, two where a time follows the day; none where the value has a form of its own."""
    if is_bare:
        start, end = token.span(4)
        return [Hole(path, start, end, role, True)] if role == VARIED and NUMBER.fullmatch(token[4]) else []
    start, end = token.span(2)
    if path in roles.numbers or not _PLAIN.fullmatch(token[2]):
        return []
    if role == MEDICATION:
        return [] if token[2].startswith(b"#") else [Hole(path, start, end, role)]
    if role != DAY:
        return [Hole(path, start, end, role)]
    if not _DATED.fullmatch(token[2]) or ordinal_of(token[2][:10]) is None:
        return []
    day = Hole(path, start, start + 10, DAY)
    return [day] if end <= start + 11 else [day, Hole(f"{path} time", start + 11, end, IGNORED)]


def ordinal_of(day: bytes) -> int | None:
    """The ordinal of a day written YYYY-MM-DD; `None` for what is none."""
    try:
        return dt.date.fromisoformat(day.decode("ascii")).toordinal() if _DATED.fullmatch(day) else None
    except ValueError:
        return None


_PLAIN_LETTERS = bytes(letter for letter in range(0x20, 0x7F) if letter not in b'"\\')


def is_plain(fillings: bytes) -> bool:
    """Whether the inside of strings is plain: printable ASCII, no quote, no escape."""
    return not fillings.translate(None, _PLAIN_LETTERS)
