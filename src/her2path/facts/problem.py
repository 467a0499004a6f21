"""A problem in the knowledge files, told like a colleague would: where, what, and what to do."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

DONE, DOES_NOT_HOLD, ASKED_WRONGLY, PARTLY_READ, BROKEN_OFF = 0, 1, 2, 3, 4
"""The exit codes of the command, as `cli/group.py` tells them."""


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One fault of a knowledge file. `line` counts from 1; `advice` says how to mend it."""

    path: Path
    line: int
    kind: str
    what: str
    advice: str = ""

    def __str__(self) -> str:
        advice = f"\n    {self.advice}" if self.advice else ""
        return f"{self.path}:{self.line}  {self.what}{advice}"


class KnowledgeError(Exception):
    """Knowledge that may not be used: every problem found in it, not only the first."""

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = problems
        super().__init__("\n".join(str(problem) for problem in problems))


class AskedWrongly(ValueError):
    """A request that cannot be met as asked: an unknown fact, edition, value or date."""


class NoJurisdiction(AskedWrongly):
    """The outcome is decided only by the labels of jurisdictions, and none was named."""


class BrokenOff(Exception):
    """Work that could not be ended, through no fault of who asked: a process was killed, memory ran out."""
