"""What a vignette expects of a review: rows of what and which, and whether they hold.

verdict         STOP, or STOP trastuzumab-iv where there are several
said            words of one finding, parts in their order parted by ...; or `outcome: value`
said as alarm   the same, in a finding of that grade
not said        no finding says so
planned         words of one thing of the plan with its numbers: dose_mg 252
not planned     nothing of the plan says so
findings        none, or none above a grade
her2_status     the status; her2_expression the class
because         why, for the reader
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property

from ...findings.finding import Finding, Grade, in_order
from ...findings.plan.verdicts import URGENCY
from ...findings.questions import GRADES, UNDETERMINED, read_doubts, read_sayings
from ...findings.reviews import PatientReview
from ...tables.library import Knowledge

STATUS = ("her2_status", "her2_expression")
SAID, NOT_SAID = "said", "not said"
WHATS = ("verdict", "not verdict", SAID, NOT_SAID, "planned", "not planned", "findings", *STATUS, "because")
NONE_ABOVE = re.compile(r"none(?: above (\w+))?")
_KEY = re.compile(r"([a-z][a-z0-9_-]*)(?: of [a-z-]+)?: (.+)")
MOST_TOLD = 12
"""So many findings are shown of a review that says something else."""

Told = tuple[str, list[str]]
"""What is wrong, and what is said instead, line by line."""


@dataclass(frozen=True, slots=True)
class Expected:
    """One row: `grade` of what is said where one is named; `key` where an outcome and its value are named."""

    line: int
    what: str
    which: str
    grade: Grade | None = None
    key: bool = False

    def wrong(self, said: Said) -> Told | None:
        """What a review says instead; `None` where it holds."""
        return _WRONG[self.what](self, said)

    def __str__(self) -> str:
        grade = f" as {self.grade.word}" if self.grade is not None else ""
        return f"{self.what}{grade} {self.which!r}"


def parse_expected(line: int, what: str, which: str, knowledge: Knowledge) -> Expected | tuple[str, str]:
    """A row, or what is wrong with it and how to mend it."""
    name, _, graded = what.partition(" as ")
    if name not in WHATS or (graded and name not in (SAID, NOT_SAID)):
        return f"{what!r} is nothing to expect", f"write one of {', '.join(WHATS)}; said as {' or '.join(GRADES)}"
    if graded and graded not in GRADES:
        return f"{graded!r} is no grade", f"write one of {', '.join(GRADES)}"
    if not which:
        return f"{what} of nothing", "say which"
    grade = GRADES[graded] if graded else None
    if name.endswith("verdict") and verdict_of(which) is None:
        return f"{which!r} is no verdict", f"write one of {', '.join(URGENCY)}, and the drug where there are several"
    if name in STATUS and which not in (values := (*knowledge.facts[name].values, UNDETERMINED)):
        return f"{name} is never {which!r}", f"write one of {', '.join(values)}"
    if name == "findings":
        match = NONE_ABOVE.fullmatch(which)
        if match is None or match[1] not in (None, *GRADES):
            return f"findings {which!r}", f"write none, or none above one of {', '.join(GRADES)}"
    if name in (SAID, NOT_SAID) and (match := _KEY.fullmatch(which)):
        known = _values_told(knowledge)
        if match[1] in known:
            if match[2] not in known[match[1]]:
                return f"{match[1]} is never told as {match[2]!r}", f"write one of {', '.join(sorted(known[match[1]]))}"
            return Expected(line, name, which, grade, key=True)
        if "_" in match[1]:
            return f"no finding is of {match[1]!r}", "name an outcome of findings.md, or write words that are said"
    return Expected(line, name, which, grade)


def verdict_of(words: str) -> tuple[str, str] | None:
    """The verdict and the drug of a cell; `None` where it begins with no verdict."""
    for verdict in URGENCY:
        if words == verdict or words.startswith(f"{verdict} "):
            return verdict, words.removeprefix(verdict).strip()
    return None


def _values_told(knowledge: Knowledge) -> dict[str, set[str]]:
    """By outcome the values that are findings, as their keys name them."""
    known: dict[str, set[str]] = {}
    for outcome, value in read_sayings(knowledge.folder):
        known.setdefault(outcome, set()).add(value)
    for saying in read_doubts(knowledge.folder).values():
        if saying.key:
            known.setdefault(saying.outcome, set()).add(saying.value)
    return known


@dataclass
class Said:
    """A review, ready to be searched."""

    review: PatientReview
    findings: list[Finding] = field(init=False)

    def __post_init__(self) -> None:
        self.findings = in_order(self.review.every_finding())

    @cached_property
    def words(self) -> list[str]:
        """Of each finding its words, what to do and its remark."""
        return [_searched(" ".join((each.words, each.do, each.remark))) for each in self.findings]

    @cached_property
    def plan(self) -> list[str]:
        """Each thing of the plan on one line, with its days and numbers."""
        if self.review.course is None:
            return []
        told = []
        for item in self.review.course.plan:
            days = [f"{name} {day}" for name, day in (("from", item.earliest), ("until", item.latest)) if day]
            numbers = [f"{name} {value}" for name, value in item.details.items()]
            told.append("; ".join([f"{item.kind}: {item.what}", *days, *numbers]))
        return told

    def told(self) -> list[str]:
        """The findings as lines, the gravest first."""
        lines = [
            f"{each.grade.word}: {each.words}"
            + (f" -> {each.do}" if each.do else "")
            + (f" ({each.key})" if each.key else "")
            for each in self.findings
        ]
        more = len(lines) - MOST_TOLD
        return [*lines[:MOST_TOLD], *([f"and {more} more"] if more > 0 else [])] or ["nothing"]


def _searched(text: str) -> str:
    return " ".join(text.lower().split())


def _pattern(words: str) -> re.Pattern[str]:
    """Words in their order; a number is met whole, so that 25 is not found in 252 or 2.25."""
    parts = []
    for part in (each.strip() for each in _searched(words).split("...")):
        if part:
            before = r"(?<![\d.])" if part[0].isdigit() else ""
            after = r"(?!\.?\d)" if part[-1].isdigit() else ""
            parts.append(f"{before}{re.escape(part)}{after}")
    return re.compile(".*?".join(parts))


def _met(row: Expected, said: Said) -> list[Finding]:
    """The findings that say what a row names."""
    graded = [place for place, each in enumerate(said.findings) if row.grade in (None, each.grade)]
    if row.key:
        return [said.findings[place] for place in graded if said.findings[place].key == row.which]
    pattern = _pattern(row.which)
    return [said.findings[place] for place in graded if pattern.search(said.words[place])]


def _said(row: Expected, said: Said) -> Told | None:
    return None if _met(row, said) else ("it is not said; said is", said.told())


def _not_said(row: Expected, said: Said) -> Told | None:
    met = _met(row, said)
    return ("it is said", [f"{each.grade.word}: {each.words}" for each in met]) if met else None


def _planned(row: Expected, said: Said) -> Told | None:
    pattern = _pattern(row.which)
    if any(pattern.search(_searched(each)) for each in said.plan):
        return None
    return "it is not planned; planned is", said.plan or ["nothing"]


def _not_planned(row: Expected, said: Said) -> Told | None:
    pattern = _pattern(row.which)
    met = [each for each in said.plan if pattern.search(_searched(each))]
    return ("it is planned", met) if met else None


def _findings(row: Expected, said: Said) -> Told | None:
    match = NONE_ABOVE.fullmatch(row.which)
    least = GRADES[match[1]] if match is not None and match[1] else None
    graver = [each for each in said.findings if least is None or each.grade < least]
    return ("said is", [f"{each.grade.word}: {each.words}" for each in graver]) if graver else None


def _status(row: Expected, said: Said) -> Told | None:
    review = said.review
    found = (review.status if row.what == "her2_status" else review.expression) or UNDETERMINED
    return None if found == row.which else ("it is", [found])


def _verdict(row: Expected, said: Said) -> Told | None:
    verdict, drug = verdict_of(row.which) or ("", "")
    listed = said.review.course.verdicts if said.review.course is not None else []
    about = {each.verdict for each in listed if drug in ("", each.drug)}
    if (verdict not in about) if row.what == "not verdict" else (about == {verdict}):
        return None
    lines = [f"{each.verdict} {each.drug}: {each.reason}" for each in listed]
    return "the verdict is", lines or ["none: no course of therapy is reviewed"]


_WRONG: dict[str, Callable[[Expected, Said], Told | None]] = {
    "verdict": _verdict, "not verdict": _verdict, SAID: _said, NOT_SAID: _not_said, "planned": _planned,
    "not planned": _not_planned, "findings": _findings, **dict.fromkeys(STATUS, _status), "because": lambda *_: None,
}  # fmt: skip
