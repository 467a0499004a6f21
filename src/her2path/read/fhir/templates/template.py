"""A template: the literal pieces of a text, what is done with the holes between them, and what was read with which.

To be read it has marks in its holes: words and days that stand in no record. A hole whose mark shows in what was read
is no hole but part of what is read.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any

from ..json import exact
from ..resource import Owner, Resource
from ..terms import NOTHING
from .shape import DAY, MEDICATION, NUMBER, VARIED

MARK, NUMBER_MARK = b"her2path-hole-", b"8160000"
WHERE = "her2path-where"
"""Where a resource stands when its template is read."""
_FIRST_YEAR = 1801
MARKED = re.compile(rb"her2path-(?:hole|where)|18[0-9][0-9]-01-01|00:17:43\.")
"""What no text may hold that is made a template."""
SHOWN = re.compile(r"her2path|18[0-9][0-9]-01-01|00:17:43\.")
"""A mark in what was read, even where it is cut off."""
Filling = tuple[bytes, ...]


@dataclass(slots=True)
class Parsed:
    """The parsed text of a template with marks in its holes, and where in it stands what decides the reading."""

    resource: Resource
    marks: list[bytes] = field(default_factory=list)
    varied: list[int] = field(default_factory=list)
    """The places of the filling that decide the reading."""
    hidden: dict[str, int] = field(default_factory=dict)
    """The marks of all others, none of which may show, with their places."""
    slots: dict[int, int] = field(default_factory=dict)
    """The ordinals of the marks of days: 0 for the first day of a filling, then its later ones."""
    later_days: int = 0
    places: list[tuple[Any, Any, int, bool]] = field(default_factory=list)
    """The container and key of a value, its place in the filling, and whether it is a number."""
    is_whole: bool = False
    """Whether everything that decides the reading stands at one of these places, and there alone."""

    def find(self, marks: Mapping[str, int], container: Any) -> None:
        """Note where the marks stand, at any depth."""
        for key, value in list(container.items() if isinstance(container, dict) else enumerate(container)):
            if isinstance(value, dict | list):
                self.find(marks, value)
            elif (at := marks.get(str(value))) is not None:
                self.places.append((container, key, at, not isinstance(value, str)))

    def with_filling(self, filling: Filling) -> Resource | None:
        """The resource with a filling, until the next; `None` where its text must be parsed anew."""
        if not self.is_whole:
            return None
        for container, key, at, is_number in self.places:
            text = filling[at].decode("ascii")
            if is_number and not NUMBER.fullmatch(filling[at]):
                return None
            container[key] = exact(text) if is_number else text
        return self.resource


@dataclass(slots=True)
class Template:
    """The literal pieces of a text, what is done with its holes, and what was read with each filling that matters.

    `paths` and `roles` are in the order of the filling, "" for what is not there; `order` has the places of the
    filling in the order of the text.
    """

    pieces: tuple[bytes, ...]
    paths: list[str]
    roles: list[str]
    order: list[int]
    kind: str
    matters: int
    numbers: frozenset[int]
    """The places of the filling that are numbers."""
    identity: str | None
    """The id, where it is no hole."""
    owner: Owner = Owner.PATIENT
    by_address: bool = False
    """Whether the address of the entry is read too."""
    readings: dict[Any, int] = field(default_factory=dict)
    parsed: Parsed | None = None
    reading: int = -1
    """The reading, where its pieces alone decide it."""
    vary: Callable[[Filling], Any] | None = None
    """What of a filling decides the reading, if anything does."""
    varied_only: Callable[[Filling], Any] | None = None
    """The same, where nothing but the filling decides the reading."""
    medication_at: int = -1
    later_days: tuple[int, ...] = ()
    quiet: str = ""
    """The type of a resource that does not matter."""
    withdraws: bool = False
    """Whether it does not matter itself and may withdraw another version that does."""
    by_itself: bool = False
    """Whether nothing elsewhere in the source decides what is read of it."""

    def sort_out(self) -> None:
        """Tell the places of the holes from their roles; forgets what was read before."""
        self.readings.clear()
        self.parsed, self.reading = None, -1
        self.medication_at = self.roles.index(MEDICATION) if MEDICATION in self.roles else -1
        self.later_days = tuple(at for at, role in enumerate(self.roles) if role == DAY and at > 2)
        varied = [at for at, role in enumerate(self.roles) if role == VARIED]
        self.by_itself = self.medication_at < 0 and self.owner is not Owner.SOURCE
        self.vary = itemgetter(*varied) if varied else None
        self.varied_only = self.vary if self.by_itself and not self.by_address else None

    @property
    def is_fixed(self) -> bool:
        """Whether nothing but its pieces decides what is read."""
        return self.vary is None and not self.by_address and self.medication_at < 0

    def marks(self, filling: Filling) -> list[bytes]:
        """What stands in the holes when the template is read: marks, but for what decides the reading."""
        return [
            filling[at] if role in (VARIED, "")
            else b"%d-01-01" % (_FIRST_YEAR + at) if role == DAY
            else b"00:17:43.%03dZ" % at if path.endswith(" time")
            else b"%s%03d" % (MARK, at)
            for at, (path, role) in enumerate(zip(self.paths, self.roles, strict=True))
        ]  # fmt: skip

    def text(self, filling: list[bytes]) -> bytes:
        """The template with its holes filled."""
        parts = [self.pieces[0]]
        for at, piece in zip(self.order, self.pieces[1:], strict=True):
            parts += (filling[at], piece)
        return b"".join(parts)


Near = tuple[Callable[[bytes], Filling], Callable[[bytes], Filling], Filling, Template]
"""A shape, the pieces of a template of it, and that template."""
NOTHING_READ = Template((), [], [], [], "", NOTHING, frozenset(), None)
"""What stands for every resource that does not matter."""
