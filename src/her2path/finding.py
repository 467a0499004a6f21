"""Findings: what a review says of a patient or a specimen, each once, the gravest first."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from operator import attrgetter
from typing import Any

from .decision import Decision


class Grade(IntEnum):
    """How grave a finding is; the smaller, the earlier it is told."""

    CONTRADICTION = 1
    MISSING = 2
    UNREADABLE = 3
    NOTE = 4

    @property
    def word(self) -> str:
        return self.name.lower()


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing said: its grade, its words, and the resources it speaks of."""

    grade: Grade
    words: str
    origins: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        return {"grade": self.grade.word, "finding": self.words, "from": list(self.origins)}


@dataclass(slots=True)
class SpecimenReview:
    """What the tables say of one specimen, with the tests that were used."""

    name: str
    day: str
    kind: str
    place: str
    tests: list[tuple[str, str, str]]
    status: Decision
    expression: Decision | None
    next_step: Decision | None
    findings: list[Finding] = field(default_factory=list)


@dataclass(slots=True)
class PatientReview:
    """A patient's specimens, her status, and everything found on the way; `unread` resources could not be read."""

    patient: str
    where: str
    site: str
    specimens: list[SpecimenReview]
    status: str | None
    possible: tuple[str, ...]
    expression: str | None
    rule: str
    findings: list[Finding] = field(default_factory=list)
    unread: int = 0

    @property
    def has_tests(self) -> bool:
        return bool(self.specimens)


def in_order(findings: list[Finding]) -> list[Finding]:
    """Findings without repeats, the gravest first."""
    if len(findings) < 2:
        return findings
    return sorted(dict.fromkeys(findings), key=_grade_of)


_grade_of = attrgetter("grade")
