"""What a change of edition does to patients, as data: who is seen otherwise, from what to what, and what follows."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from ...facts.value import Json

PARTS = {
    "treatment": "What it means for the treatment",
    "outcomes": "Decided otherwise",
    "follows": "What other tables make of it",
}
"""The parts of what changes, with their titles, in the order of telling."""


@dataclass(frozen=True, slots=True)
class Move:
    """One thing said of a patient, before and after, with the rows that said it."""

    what: str
    before: str
    after: str
    rows_before: tuple[str, ...] = ()
    rows_after: tuple[str, ...] = ()
    why: str = ""

    def as_json(self) -> dict[str, Json]:
        return {
            "what": self.what, "before": self.before, "after": self.after, "rows_before": list(self.rows_before),
            "rows_after": list(self.rows_after), "why": self.why or None,
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Changed:
    """One patient who is seen otherwise: what the two editions decide of her, what other tables make of that, and what
    it means for her treatment. `next_dose` is the verdict on the drug in hand before and after, "" without a course."""

    patient: str
    outcomes: tuple[Move, ...]
    follows: tuple[Move, ...]
    treatment: tuple[Move, ...]
    next_dose: tuple[str, str] = ("", "")
    findings_gone: tuple[str, ...] = ()
    findings_new: tuple[str, ...] = ()
    facts: tuple[tuple[str, str], ...] = ()

    def as_json(self) -> dict[str, Json]:
        return {
            "patient": self.patient, "facts": dict(self.facts), "outcomes": [each.as_json() for each in self.outcomes],
            "follows": [each.as_json() for each in self.follows],
            "next_dose": {"before": self.next_dose[0] or None, "after": self.next_dose[1] or None},
            "treatment": [each.as_json() for each in self.treatment],
            "findings_gone": list(self.findings_gone), "findings_new": list(self.findings_new),
        }  # fmt: skip


@dataclass(slots=True)
class Changes:
    """All patients of a source by two editions: how many there are, who changes, and what could not be read."""

    left: str
    right: str
    source: str
    on: str
    outcomes: tuple[str, ...]
    patients: int = 0
    changed: list[Changed] = field(default_factory=list)
    troubles: list[str] = field(default_factory=list)

    def counts(self, part: str) -> Counter[tuple[str, str, str]]:
        """How many patients move from what to what, (what, before, after), in one part of `PARTS`."""
        moves = (move for each in self.changed for move in getattr(each, part))
        return Counter((move.what, move.before, move.after) for move in moves)

    def as_json(self) -> dict[str, Any]:
        def listed(counts: Counter[tuple[str, str, str]]) -> list[Json]:
            return [
                {"what": what, "before": before, "after": after, "patients": count}
                for (what, before, after), count in counts.most_common()
            ]

        return {
            "left": self.left, "right": self.right, "source": self.source, "on": self.on,
            "outcomes_compared": list(self.outcomes), "patients": self.patients, "changed": len(self.changed),
            **{part: listed(self.counts(part)) for part in PARTS},
            "patients_changed": [each.as_json() for each in self.changed], "could_not_be_read": self.troubles,
        }  # fmt: skip
