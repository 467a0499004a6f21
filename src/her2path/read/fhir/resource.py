"""A resource as its reader gets it, and all there is to say of one type of resource, in one entry.

A reader is a function of a resource and of what it may ask beside it (`Surroundings`); it gives events, troubles, and
of HER2 tests also tissues and tumour sites. Everything else that depends on the type of a resource (whether it
matters, whose it is, what a template of it leaves open) follows from its `ResourceType`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, NamedTuple

from ...facts.codes import Codes
from ...facts.fact import Facts
from ...record.event import Event, Tissue, Trouble
from .head import Head
from .json import FewFields, parse_strictly
from .terms import HER2, Terms

VOID = ("entered-in-error", "cancelled", "nullified")
"""The statuses of a resource that was withdrawn: of all types and of what stands in them."""


class Missing(NamedTuple):
    """Something of a source that is not there: `types` it may hold, none for any, and the `patient` it may be of."""

    where: str
    what: str
    types: frozenset[str] = frozenset()
    patient: str = ""


class Stamp(NamedTuple):
    """What an entry says of the version it holds, or of a deletion: when, which number, where, and what was done."""

    updated: str = ""
    version: str = ""
    where: str = ""
    how: str = ""


NO_STAMP = Stamp()


@dataclass(slots=True)
class Resource:
    """A resource that matters: its head, its bytes, where it stood, the address of its entry, and what it matters for.

    `content` is its parsed text, where that is at hand; `stamp` what its entry says of its version.
    """

    head: Head
    raw: bytes | memoryview
    where: str
    url: str = ""
    matters: int = HER2
    content: dict[str, Any] | None = None
    stamp: Stamp = NO_STAMP
    mapped: str = ""
    """By which entries of the site's mapping it is read, as its origin says it."""

    @property
    def origin(self) -> str:
        """Where the resource stands, with its type and its id."""
        return f"{self.where}{self.mapped} {self.head.resourceType}/{self.head.id or '?'}"

    def parsed(self) -> dict[str, Any]:
        """The resource parsed in full. Raises `ValueError` where a key stands twice or it is no JSON."""
        if self.content is None:
            self.content = parse_strictly(self.raw)
        return self.content


@dataclass(slots=True)
class Group:
    """The resources of one patient, in the order of the file; `alone` where more of her may stand elsewhere.

    `medications` are the resources of the whole source that others name (`Owner.SOURCE`), by their addresses and ids;
    `None` where two share one. `withdrawn` has by type and id where resources were deleted or withdrawn, `told` what is
    to be said of the patient herself: two who are one, or that she is not in the source; `missing` is what the source
    lacks of her. `was_whole`: other resources of hers stood in a bundle and were read there. `doubtful` are resources
    that may be hers: nobody can read whose they are, and nobody else stands beside them. `mentions` are resources of
    types that are not read and speak of what is (`mentions.py`).
    """

    patient: str
    where: str
    resources: list[Resource] = field(default_factory=list)
    alone: bool = False
    medications: dict[str, Resource | None] = field(default_factory=dict)
    terms: Terms | None = None
    withdrawn: dict[str, list[Stamp]] = field(default_factory=dict)
    told: list[Trouble] = field(default_factory=list)
    missing: list[Missing] = field(default_factory=list)
    was_whole: bool = False
    doubtful: list[Resource] = field(default_factory=list)
    mentions: list[Resource] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class TumourSite:
    """The organ of a tumour that a diagnosis or a test names."""

    name: str


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a reader may ask beside the resource: code tables, facts, and the medications of the source."""

    codes: Codes
    facts: Facts
    terms: Terms
    medications: Mapping[str, Resource | None]


class Owner(Enum):
    """Whose a resource is."""

    PATIENT = "the patient whom its subject names"
    HERSELF = "it is a patient"
    SOURCE = "the whole source: other resources name it by its address or id"


COMPLETED, UNRESOLVED = "completed order", "unresolved medication"
"""The kinds of a trouble that is told only once everything of a patient was seen: a completed order, with its drug as
words, and a medication that is not in the source."""
ReaderOfTests = Callable[[Resource, Surroundings], Iterable[Event | Trouble | Tissue | TumourSite]]
ReaderOfCourse = Callable[[Resource, Surroundings], Iterable[Event | Trouble]]
NamesUnreadable = Callable[[Resource, Surroundings, dt.date | None, str], Iterable[Event]]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ResourceType:
    """All there is to say of a type of resource.

    `matters` says of a head what its resource matters for. A reader for HER2 tests, one for the course, or both read
    it; each is asked only for what matters. `head` is `Head`, or derived from it with further fields.

    Resources that say the same of two people are read once, so the entry must say what their texts may differ in. All
    paths are those of fields from the resource on, with `*` for the elements of a list (`dosage.*.text`):

    - `days`: read as a day and as nothing else. A reader that tells anything more of it (the minutes of a period)
      leaves it out.
    - `fallback_days`: a day that is read only where another one is absent, with that other one.
    - `numbers` and `words`: what decides the reading and has many forms. A number or a reference that stands nowhere
      here is part of the text, or never read (`templates/shape.py` lists what is never read of any resource).
    - `as_it_stands`: beginnings of paths under which a reference may be told as it stands.
    - `medications`: the references by which it names one of the source.
    - `several_medications`: of a head the references by which it may name several; such a resource has no template.
    - `reads_inside`: the types that its own reader reads where they stand inside it; all others that stand there are
      read by themselves.
    - `few_fields`: the only fields that are read at all, where no two resources are alike otherwise.
    """

    name: str
    matters: Callable[[Any, Terms], int]
    read_tests: ReaderOfTests | None = None
    read_course: ReaderOfCourse | None = None
    names_unreadable: NamesUnreadable | None = None
    """What of the course one would have been that cannot be read, by its head: on the day given, and why it is not."""
    owner: Owner = Owner.PATIENT
    head: type[Head] = Head
    days: tuple[str, ...] = ()
    fallback_days: Mapping[str, str] = field(default_factory=dict)
    numbers: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    as_it_stands: tuple[str, ...] = ()
    medications: tuple[str, ...] = ()
    several_medications: Callable[[Any], Iterable[str]] | None = None
    reads_inside: tuple[str, ...] = ()
    few_fields: FewFields | None = None
    only_some_matter: bool = True
    """Whether one that belongs to nobody is told; one with a wrong head is then told only where its text speaks of
    something that matters."""
    is_named_by_code: bool = False
    """Whether its code, or those of its components, are all that says what it is."""
    reads_address: bool = False
    """Whether the address of its entry is read too."""
    is_referred_to: bool = True
    """Whether what is written of a review may refer to it."""

    def names_medication(self, head: Head) -> bool:
        """Whether a head names a medication of the source."""
        return self.names_several(head) or any(
            getattr(head, path.partition(".")[0], None) is not None for path in self.medications
        )

    def names_several(self, head: Head) -> bool:
        """Whether a head may name several medications."""
        return self.several_medications is not None and any(self.several_medications(head))

    def medications_of(self, head: Head) -> Iterator[str]:
        """The references by which a head names medications."""
        if self.several_medications is not None:
            yield from self.several_medications(head)
        for path in self.medications:
            value: Any = head
            for name in path.split("."):
                value = getattr(value, name, None)
            if isinstance(value, str):
                yield value


def always(matters: int) -> Callable[[Head, Terms], int]:
    """What matters whatever its head says."""
    return lambda _head, _terms: matters
