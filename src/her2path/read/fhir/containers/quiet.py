"""Versions that do not matter themselves, of resources that come by themselves: a later one takes back one that does.

Whether a resource of the same name was laid aside is known only at the end of the source. Until then stand eight bytes
of each in memory that was laid aside; of each version that does not matter its name and when it was updated, in a
temporary file.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from hashlib import blake2b
from typing import IO, Any

import msgspec
import numpy as np

from ..head import Head
from ..resource import Stamp
from .persons import BY_IDENTIFIER, identifier_of, patient_of
from .versions import SAYS_OTHER

MOST_IN_MEMORY = 4_000_000
"""Bytes of lines that are kept before they are written."""
MARKS_AT_ONCE = 1_000_000
MARK_BYTES = 8
Recoded = dict[str, dict[str, list[Stamp]]]
"""By patient and by type and id (`Observation/1`) the versions that say something else."""


class QuietVersion(msgspec.Struct, array_like=True, gc=False):
    """A version that does not matter: whose it is, its type and id, when it was updated, its number, where it stood."""

    patient: str
    name: str
    updated: str
    number: str
    where: str


def whose(head: Head) -> str | None:
    """As whom the subject of a resource is laid aside; `None` for a resource without one."""
    subject = head.subject or head.patient
    if subject is None:
        return None
    if identifier := identifier_of(subject):
        return BY_IDENTIFIER + identifier
    return patient_of(subject.reference) if subject.reference else None


def _mark(patient: str, name: str) -> bytes:
    return blake2b(f"{patient} {name}".encode(), digest_size=MARK_BYTES).digest()


class QuietVersions:
    """The names of what was laid aside, and the versions that may take it back."""

    def __init__(self) -> None:
        self.held = bytearray()
        self.marks = bytearray()
        self.lines = bytearray()
        self._files: tuple[IO[bytes], IO[bytes]] | None = None

    def hold(self, patient: str, name: str) -> None:
        """Note a resource that matters and was laid aside."""
        self.held += _mark(patient, name)

    def note(self, version: QuietVersion) -> None:
        """Note a version that does not matter; without a day of its update and a number it takes nothing back."""
        if version.updated or version.number:
            self.marks += _mark(version.patient, version.name)
            self.lines += msgspec.json.encode(version) + b"\n"

    def add_all(self, other: QuietVersions) -> None:
        """Take over what another part noted."""
        self.held += other.held
        self.marks += other.marks
        self.lines += other.lines
        if len(self.lines) > MOST_IN_MEMORY:
            self.write()

    def write(self) -> None:
        """Write the versions that stand in memory to their temporary files."""
        if self._files is None:
            import tempfile

            self._files = tempfile.TemporaryFile(prefix="her2path-"), tempfile.TemporaryFile(prefix="her2path-")  # noqa: SIM115
        for file, held in zip(self._files, (self.marks, self.lines), strict=True):
            file.write(held)
            held.clear()

    def close(self) -> None:
        for file in self._files or ():
            file.close()

    def recoded(self) -> Recoded:
        """The versions that do not matter of resources that were laid aside, by patient."""
        found: Recoded = {}
        if not self.held or not (self.marks or self._files):
            return found
        self.write()
        held = np.unique(np.frombuffer(bytes(self.held), np.uint64))
        places = array("Q")
        for first, marks in self._marks():
            places.extend((np.flatnonzero(np.isin(marks, held)) + first).tolist())
        for version in self._at(places):
            stamp = Stamp(version.updated, version.number, version.where, SAYS_OTHER)
            found.setdefault(version.patient, {}).setdefault(version.name, []).append(stamp)
        return found

    def _marks(self) -> Iterator[tuple[int, Any]]:
        """The marks of the versions, many at a time, with the number of the first."""
        assert self._files is not None
        self._files[0].seek(0)
        first = 0
        while held := self._files[0].read(MARKS_AT_ONCE * MARK_BYTES):
            marks = np.frombuffer(held, np.uint64)
            yield first, marks
            first += len(marks)

    def _at(self, places: array[int]) -> Iterator[QuietVersion]:
        """The versions at some places, which are in order."""
        assert self._files is not None
        if not places:
            return
        self._files[1].seek(0)
        waiting = iter(places)
        next_place = next(waiting)
        decoder = msgspec.json.Decoder(QuietVersion)
        for number, line in enumerate(self._files[1]):
            if number == next_place:
                yield decoder.decode(line)
                if (next_place := next(waiting, -1)) < 0:
                    return
