"""Facts: what may be known about a patient, and how a value becomes one.

A fact is a category (`ihc_score`), a whole-number category (`ish_group`) or a number
(`her2_copies`). Its value is exact, partly known (an interval such as "> 6", or one of several
categories), or unknown; and what is unknown carries its reason.
"""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from pathlib import Path
from typing import Any

from .markdown import Document, Grid, code_names, plain, read_markdown
from .problem import KnowledgeError, Problem

NOT_REPORTED = "not reported"
"""The named value of a test that nobody reported; it is not an unknown."""


class Reason(StrEnum):
    """Why a fact is unknown."""

    ABSENT = "absent"
    UNMAPPED_CODE = "unmapped code"
    UNPARSABLE_TEXT = "unparsable text"
    STALE = "stale"
    PRELIMINARY = "preliminary"
    IMPLAUSIBLE = "implausible"
    CONTRADICTORY = "contradictory"


@dataclass(frozen=True, slots=True)
class Unknown:
    """An unknown value and its reason; `detail` quotes what stood in the record."""

    reason: Reason
    detail: str = ""

    def __str__(self) -> str:
        return f"{self.reason}: {self.detail}" if self.detail else str(self.reason)


@dataclass(frozen=True, slots=True)
class Interval:
    """A number known only to lie between two limits; `None` means no limit on that side."""

    low: Decimal | None = None
    high: Decimal | None = None
    low_included: bool = False
    high_included: bool = False

    def __contains__(self, number: Decimal) -> bool:
        if self.low is not None and (number < self.low or (number == self.low and not self.low_included)):
            return False
        return self.high is None or number < self.high or (number == self.high and self.high_included)

    def overlaps(self, other: Interval) -> bool:
        """True where some number lies in both."""
        return self._starts_before_end_of(other) and other._starts_before_end_of(self)

    def _starts_before_end_of(self, other: Interval) -> bool:
        if self.low is None or other.high is None or self.low < other.high:
            return True
        return self.low == other.high and self.low_included and other.high_included

    @property
    def is_empty(self) -> bool:
        return not self._starts_before_end_of(self)

    def __str__(self) -> str:
        if self.low is None and self.high is None:
            return "any number"
        if self.low is None:
            return f"{'<=' if self.high_included else '<'} {self.high}"
        if self.high is None:
            return f"{'>=' if self.low_included else '>'} {self.low}"
        if self.low == self.high:
            return f"= {self.low}"
        return f"{'[' if self.low_included else '('}{self.low}..{self.high}{']' if self.high_included else ')'}"


@dataclass(frozen=True, slots=True)
class OneOf:
    """A category known only to be one of several."""

    values: frozenset[str]

    def __str__(self) -> str:
        return " or ".join(sorted(self.values))


Value = str | float | Decimal | Interval | OneOf | Unknown
"""What a fact may hold after `Fact.coerce`. Categories are `str`, numbers `float` or `Decimal`."""


@dataclass(frozen=True, slots=True)
class Fact:
    """A fact as `knowledge/facts.md` defines it.

    `values` lists the categories, or the named values of a number. `plausible` bounds a number:
    outside it a value is unknown with the reason *implausible*. `test` names the laboratory test
    it belongs to; `open_values` are outcomes that ask for a further test; `implies` says what
    another fact must be once this one is known.
    """

    name: str
    kind: str
    values: tuple[str, ...] = ()
    unit: str = ""
    plausible: Interval = field(default_factory=Interval)
    test: str = ""
    open_values: frozenset[str] = frozenset()
    implies: tuple[str, str] | None = None
    meaning: str = ""
    path: Path = Path("facts.md")
    line: int = 0

    @property
    def is_number(self) -> bool:
        return self.kind == "number"

    def expected(self) -> str:
        """What a value of this fact must look like, in words."""
        if self.kind == "date":
            return "a date YYYY-MM-DD"
        if self.is_number:
            unit = f" ({self.unit})" if self.unit else ""
            return f"a number {self.plausible}{unit}"
        return "one of " + ", ".join(self.values)

    def coerce(self, raw: Any) -> Value:
        """The value that `raw` stands for: text, number, Decimal, or a value already made.

        Blank text and `None` are *absent*; what cannot be read is *unparsable text*; a number out
        of the plausible range, NaN included, is *implausible*. Never raises on data.
        """
        if raw is None:
            return Unknown(Reason.ABSENT)
        if self.kind == "date":
            return self._date(raw)
        if isinstance(raw, Unknown):
            return raw
        if isinstance(raw, Interval):
            return self._plausible_interval(raw) if self.is_number else self._refused(raw)
        if isinstance(raw, OneOf):
            return raw if raw.values <= set(self.values) and raw.values else self._refused(raw)
        if isinstance(raw, str):
            return self._from_text(raw)
        if self.is_number:
            return self._from_number(raw)
        return self._category_from_number(raw)

    def as_json(self, value: str) -> str | int:
        """The outcome `value` as JSON shows it: whole-number categories as integers."""
        return int(value) if self.kind == "integer" and value.isdigit() else value

    def _date(self, raw: Any) -> Value:
        if isinstance(raw, Unknown):
            return raw
        if isinstance(raw, dt.date):
            return (raw.date() if isinstance(raw, dt.datetime) else raw).isoformat()
        text = str(raw).strip()
        if not text:
            return Unknown(Reason.ABSENT)
        try:
            return dt.date.fromisoformat(text[:10]).isoformat()
        except ValueError:
            return self._refused(raw)

    def _from_text(self, text: str) -> Value:
        word = " ".join(text.split()).lower()
        if not word:
            return Unknown(Reason.ABSENT)
        by_word = {value.lower(): value for value in self.values}
        if word in by_word:
            return by_word[word]
        if not self.is_number:
            return self._category_from_text(word, text)
        number = parse_number(word)
        if number is None:
            return self._refused(text)
        return self._plausible_interval(number) if isinstance(number, Interval) else self._from_number(number)

    def _category_from_text(self, word: str, text: str) -> Value:
        if self.name == "ihc_score":
            score = parse_ihc_score(word)
            return self._refused(text) if score is None else score
        try:
            return self._category_from_number(Decimal(word))
        except InvalidOperation:
            return self._refused(text)

    def _category_from_number(self, raw: Any) -> Value:
        if isinstance(raw, bool):
            wanted = "yes" if raw else "no"
            return wanted if wanted in self.values else self._refused(raw)
        try:
            number = Decimal(str(raw))
        except InvalidOperation:
            return self._refused(raw)
        if not number.is_finite() or number != number.to_integral_value():
            return self._refused(raw)
        whole = str(int(number))
        for candidate in (whole, f"{whole}+"):
            if candidate in self.values:
                return candidate
        return self._refused(raw)

    def _from_number(self, raw: Any) -> Value:
        if isinstance(raw, bool):
            return self._refused(raw)
        if isinstance(raw, Decimal):
            number = raw
        elif isinstance(raw, int):
            number = Decimal(raw)
        elif isinstance(raw, float) and type(raw) is float:
            if not math.isfinite(raw) or Decimal(repr(raw)) not in self.plausible:
                return self._implausible(raw)
            return raw
        else:
            # A NumPy scalar: its own shortest decimal is what was recorded (float32 1.8 is 1.8).
            try:
                number = Decimal(str(raw))
            except InvalidOperation:
                return self._refused(raw)
        if not number.is_finite() or number not in self.plausible:
            return self._implausible(raw)
        return number

    def _plausible_interval(self, interval: Interval) -> Value:
        return interval if interval.overlaps(self.plausible) and not interval.is_empty else self._implausible(interval)

    def _implausible(self, raw: Any) -> Unknown:
        return Unknown(Reason.IMPLAUSIBLE, f"{self.name} {raw}, expected {self.expected()}")

    def _refused(self, raw: Any) -> Unknown:
        return Unknown(Reason.UNPARSABLE_TEXT, f"{self.name} {str(raw)!r}, expected {self.expected()}")


_NUMBER = r"[+-]?(?:\d+(?:[.,]\d+)?|\.\d+)(?:e[+-]?\d+)?"
_UNIT = r"(?:\s*(?:%|percent|copies(?:\s*/\s*|\s+per\s+)(?:cell|nucleus)|signals(?:\s*/\s*|\s+per\s+)(?:cell|nucleus)|copies|signals))?"
_COMPARATORS = {
    "<": "<", "<=": "<=", "≤": "<=", ">": ">", ">=": ">=", "≥": ">=",
    "less than": "<", "fewer than": "<", "below": "<", "under": "<",
    "greater than": ">", "more than": ">", "above": ">", "over": ">",
    "less than or equal to": "<=", "at most": "<=", "up to": "<=",
    "greater than or equal to": ">=", "at least": ">=",
}  # fmt: skip
_COMPARATOR = "|".join(re.escape(word) for word in sorted(_COMPARATORS, key=len, reverse=True))
_COMPARED = re.compile(rf"({_COMPARATOR})\s*({_NUMBER}){_UNIT}")
_EXACT = re.compile(rf"=?\s*({_NUMBER}){_UNIT}")
_RANGE = re.compile(rf"({_NUMBER})\s*(?:-|–|to)\s*({_NUMBER}){_UNIT}")


def parse_number(word: str) -> Decimal | Interval | None:
    """A number or a limit as text says it ("2.00", "> 6", "less than 1.8", "4-6"); `None` if neither.

    A comma is a decimal point only before one or two last digits; "1,234" is refused.
    """
    if match := _EXACT.fullmatch(word):
        return _decimal(match[1])
    if match := _COMPARED.fullmatch(word):
        return compared(_COMPARATORS[match[1]], _decimal(match[2]))
    if match := _RANGE.fullmatch(word):
        low, high = _decimal(match[1]), _decimal(match[2])
        if low is not None and high is not None and low <= high:
            return Interval(low, high, True, True)
    return None


def compared(comparator: str, number: Decimal | None) -> Interval | None:
    """The interval that a comparator (`<`, `<=`, `>=`, `>`) and a number stand for."""
    if number is None:
        return None
    if comparator in ("<", "<="):
        return Interval(high=number, high_included=comparator == "<=")
    return Interval(low=number, low_included=comparator == ">=")


def _decimal(text: str) -> Decimal | None:
    if "," in text:
        if len(text.split(",")[1]) > 2:
            return None
        text = text.replace(",", ".")
    try:
        number = Decimal(text)
    except InvalidOperation:  # pragma: no cover - the pattern admits only numbers
        return None
    return number


_SCORE = r"([0-3])\s*(?:\+{1,3})?"
_SCORE_ALONE = re.compile(
    rf"(?:her-?2(?:/neu)?\s*)?(?:ihc\s*)?(?:score\s*)?[:=]?\s*{_SCORE}"
    rf"(?:\s*\(?(positive|negative|equivocal)\)?)?|(positive|negative|equivocal)\s*[,:]?\s*\(?{_SCORE}\)?"
)
_SCORE_RANGE = re.compile(r"([0-3])\s*\+?\s*(?:-|–|to|or|/|,)\s*([0-3])\s*\+?")
_TWO_SCORES = re.compile(r"([0-3])\+?\s*\(\s*([0-3])\s*\+?\s+(?:outside|elsewhere|focal(?:ly)?|in places)\s*\)")
_SCORE_WORDS = {"positive": {"3+"}, "negative": {"0", "1+"}, "equivocal": {"2+"}}


def parse_ihc_score(word: str) -> str | OneOf | None:
    """An IHC score as pathologists write it; `None` when the text cannot be read as one.

    "2+", "2", "score 2+" and "positive (3+)" are scores. "0-1+" is 0 or 1+. "3+ (2+ outside)" names
    two scores, so it is 2+ or 3+. A word that contradicts its score ("negative (3+)") is refused.
    """
    if match := _SCORE_ALONE.fullmatch(word):
        digit, said = (match[1], match[2]) if match[1] else (match[4], match[3])
        score = _score(digit)
        return None if said and score not in _SCORE_WORDS[said] else score
    if match := _SCORE_RANGE.fullmatch(word):
        low, high = sorted((int(match[1]), int(match[2])))
        return _one_of(_score(str(step)) for step in range(low, high + 1))
    if match := _TWO_SCORES.fullmatch(word):
        return _one_of((_score(match[1]), _score(match[2])))
    if word in _SCORE_WORDS:
        # Every ASCO/CAP edition calls 3+ positive, 2+ equivocal, 0 and 1+ negative (Fig 1 of each).
        return _one_of(_SCORE_WORDS[word])
    return None


def _score(digit: str) -> str:
    return "0" if digit == "0" else f"{digit}+"


def _one_of(values: Iterable[str]) -> str | OneOf:
    chosen = frozenset(values)
    return next(iter(chosen)) if len(chosen) == 1 else OneOf(chosen)


@dataclass(slots=True)
class Facts(Mapping[str, Fact]):
    """All facts by name, in the order of `facts.md`."""

    by_name: dict[str, Fact]
    path: Path = Path("facts.md")

    def __getitem__(self, name: str) -> Fact:
        return self.by_name[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.by_name)

    def __len__(self) -> int:
        return len(self.by_name)

    def of_test(self, test: str) -> list[Fact]:
        return [fact for fact in self.by_name.values() if fact.test == test]

    @property
    def tests(self) -> dict[str, list[Fact]]:
        """The facts of each laboratory test."""
        tests: dict[str, list[Fact]] = {}
        for fact in self.by_name.values():
            if fact.test:
                tests.setdefault(fact.test, []).append(fact)
        return tests


def read_facts(path: Path) -> Facts:
    """Read `facts.md`. Raises `KnowledgeError` naming every faulty row."""
    document = read_markdown(path)
    facts: dict[str, Fact] = {}
    problems: list[Problem] = []
    for _, grid in document.grids():
        if grid.first == "fact":
            for fact, problem in _facts_of(document, grid):
                if problem:
                    problems.append(problem)
                elif fact.name in facts:
                    problems.append(
                        Problem(path, fact.line, "fact twice", f"{fact.name} is defined twice", "keep one of the rows")
                    )
                else:
                    facts[fact.name] = fact
    for fact in facts.values():
        if fact.implies and (fact.implies[0] not in facts or fact.implies[1] not in facts[fact.implies[0]].values):
            what = f"{fact.name} implies {fact.implies[0]} = {fact.implies[1]}, which no fact can hold"
            problems.append(Problem(path, fact.line, "unknown fact", what, "name a fact and one of its values"))
    if problems:
        raise KnowledgeError(problems)
    return Facts(facts, path)


def _facts_of(document: Document, grid: Grid) -> Iterator[tuple[Fact, Problem | None]]:
    for line, record in grid.records():
        name = plain(record.get("fact", ""))
        kind = plain(record.get("kind", ""))
        values = tuple(code_names(record.get("values", "")))
        fact = Fact(name=name, kind=kind, line=line)
        problem: Problem | None = None
        if kind not in ("category", "integer", "number", "date"):
            what = f"{name} has the kind {kind!r}"
            problem = Problem(document.path, line, "bad fact", what, "write category, integer, number or date")
        elif kind in ("category", "integer") and not values:
            what = f"{name} has no values"
            problem = Problem(document.path, line, "bad fact", what, "list its values in back-ticks")
        else:
            plausible = parse_interval(plain(record.get("plausible", ""))) if record.get("plausible") else Interval()
            implied = code_names(record.get("implies", ""))
            if plausible is None or (kind == "number" and None in (plausible.low, plausible.high)):
                what = f"{name} has the plausible range {record.get('plausible')!r}"
                problem = Problem(document.path, line, "bad fact", what, "write for example (0..100]")
            else:
                fact = Fact(
                    name=name, kind=kind, values=values, unit=plain(record.get("unit", "")), plausible=plausible,
                    test=plain(record.get("test", "")), open_values=frozenset(code_names(record.get("open", ""))),
                    implies=(implied[0], implied[1]) if len(implied) == 2 else None,
                    meaning=record.get("meaning", ""), path=document.path, line=line,
                )  # fmt: skip
        yield fact, problem


_INTERVAL = re.compile(rf"([\[(])\s*({_NUMBER})?\s*\.\.\s*({_NUMBER})?\s*([\])])")
_LIMIT = re.compile(rf"(>=|<=|>|<|=)\s*({_NUMBER})")


def parse_interval(text: str) -> Interval | None:
    """A cell such as `>= 2.0`, `< 4`, `= 5` or `[4.0..6.0)`; `None` when it is none of these."""
    if match := _LIMIT.fullmatch(text):
        number = Decimal(match[2])
        return Interval(number, number, True, True) if match[1] == "=" else compared(match[1], number)
    if match := _INTERVAL.fullmatch(text):
        low, high = (Decimal(part) if part else None for part in (match[2], match[3]))
        return Interval(low, high, match[1] == "[", match[4] == "]")
    return None
