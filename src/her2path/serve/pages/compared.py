"""Which loaded patients would hear something else by another edition of a table: reviewed by the one and the other."""

from __future__ import annotations

from dataclasses import dataclass, field
from threading import Lock

from ...cohort.changes import changes_of
from ...facts.problem import AskedWrongly
from ...findings.settings import Settings
from ...tables.edition import Edition
from ...tables.own.moves import Changed, Changes, Move
from ..loaded import Loaded, Ward

MOST_COMPARED = 500
"""Of more loaded patients a page would take too long; `her2path diff --patients` tells of any number."""


@dataclass(frozen=True, slots=True)
class Heard:
    """A patient who would hear something else: of what the table decides, and of her next dose, before and after."""

    patient: str
    move: Move
    next_dose: tuple[str, str]

    @property
    def changes_dose(self) -> bool:
        """Whether the verdict on her next dose is another."""
        return self.next_dose[0] != self.next_dose[1]


def heard_otherwise(loaded: Loaded, left: Edition, right: Edition, outcome: str) -> list[Heard] | None:
    """The loaded patients of whom two editions decide an outcome otherwise; `None` where there are none, or too many.

    Each is decided by the one edition and then by the other, everything else as before.
    """
    ward = loaded.ward
    if not 0 < len(ward) <= MOST_COMPARED:
        return None
    try:
        found = _compared(loaded, ward, (left.key, right.key, outcome))
    except AskedWrongly:
        return None
    return [heard for changed in found.changed for heard in _heard(changed, outcome)]


def _heard(changed: Changed, outcome: str) -> list[Heard]:
    return [
        Heard(changed.patient, move, changed.next_dose) for move in changed.outcomes
        if move.what.partition(" of ")[0] == outcome
    ]  # fmt: skip


@dataclass(slots=True)
class _Kept:
    """What was compared of the records in hand; nothing is kept of those before them."""

    ward: Ward
    settings: Settings
    found: dict[tuple[str, str, str], Changes] = field(default_factory=dict)


_kept: list[_Kept] = []
_lock = Lock()


def _compared(loaded: Loaded, ward: Ward, asked: tuple[str, str, str]) -> Changes:
    settings = loaded.settings
    with _lock:
        if not _kept or _kept[0].ward is not ward or _kept[0].settings is not settings:
            _kept[:] = [_Kept(ward, settings)]
        found = _kept[0].found
        if asked not in found:
            left, right, outcome = asked
            found[asked] = changes_of(ward.batches, left, right, loaded.knowledge, settings, outcome, ward.name)
        return found[asked]
