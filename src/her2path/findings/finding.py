"""Findings: what a review says of a patient or a specimen, each once, the gravest first."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from enum import IntEnum
from operator import attrgetter

from ..facts.source import Citation
from ..facts.value import Json


class Grade(IntEnum):
    """How grave a finding is; the smaller, the earlier it is told."""

    ALARM = 1
    ACT = 2
    CONTRADICTION = 3
    DUE = 4
    MISSING = 5
    UNREADABLE = 6
    NOTE = 7

    @property
    def word(self) -> str:
        return self.name.lower()


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing said: its grade, its words, and the resources it speaks of.

    Where a decision says it: `key` is its outcome and value, `do` what to do and `by` when, `rows` and
    `citations` the rows behind it and `edition` theirs, `facts` what it rests on, `settle` what would
    settle it, `remark` what the row adds. Where none does, `name` is what it is called in tables.
    """

    grade: Grade
    words: str
    origins: tuple[str, ...] = ()
    key: str = ""
    do: str = ""
    by: dt.date | None = None
    rows: tuple[str, ...] = ()
    citations: tuple[Citation, ...] = ()
    facts: tuple[tuple[str, str], ...] = ()
    settle: tuple[tuple[str, ...], ...] = ()
    remark: str = ""
    edition: str = ""
    name: str = ""
    next_dose: str = ""
    """What it does to the next dose, as `findings.md` has it; "" for what is said of specimens."""

    def as_json(self) -> dict[str, Json]:
        told: dict[str, Json] = {"grade": self.grade.word, "finding": self.words, "from": list(self.origins)}
        if self.next_dose:
            told["next_dose"] = self.next_dose
        if self.key:
            told |= {
                "key": self.key, "do": self.do, "by": self.by.isoformat() if self.by else None,
                "rows": list(self.rows), "edition": self.edition,
                "sources": [citation.as_json() for citation in self.citations],
                "facts": dict(self.facts), "remark": self.remark,
                "would_settle": [list(names) for names in self.settle],
            }  # fmt: skip
        elif self.do:
            told["do"] = self.do
        return told


def in_order(findings: list[Finding]) -> list[Finding]:
    """Findings without repeats, the gravest first."""
    if len(findings) < 2:
        return findings
    return sorted(dict.fromkeys(findings), key=_grade_of)


_grade_of = attrgetter("grade")
