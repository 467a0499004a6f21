"""Facts: what may be known about a patient, and how a value becomes one.

A fact is a category (`ihc_score`), a whole-number category (`ish_group`) or a number
(`her2_copies`). Its value is exact, partly known (an interval such as "> 6", or one of several
categories), or unknown; and what is unknown carries its reason.
"""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from .mapping.entries import SiteMapping
from .markdown import Document, Grid, code_names, plain, read_markdown
from .number import parse_ihc_score, parse_interval, parse_number
from .problem import KnowledgeError, Problem
from .value import NOT_REPORTED, Interval, OneOf, Reason, Unknown, Value


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
        """Whether its values are numbers, not categories or dates."""
        return self.kind == "number"

    def expected(self) -> str:
        """What a value of this fact must look like, in words."""
        if self.kind == "date":
            return "a date YYYY-MM-DD"
        if self.is_number:
            unit = f" ({self.unit})" if self.unit else ""
            return f"a number {self.plausible}{unit}"
        return "one of " + ", ".join(self.values)

    def coerce(self, raw: object) -> Value:
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
        if isinstance(raw, str) and not raw.strip():
            return Unknown(Reason.ABSENT)
        match = _DAY.fullmatch(raw.strip()) if isinstance(raw, str) else None
        try:
            return dt.date.fromisoformat(match[1]).isoformat() if match else self._refused(raw)
        except ValueError:
            return self._refused(raw)

    def _from_text(self, text: str) -> Value:
        word = " ".join(text.split()).lower()
        if not word:
            return Unknown(Reason.ABSENT)
        by_word = {value.lower(): value for value in self.values}
        if word in by_word:
            return by_word[word]
        if "load" in word:  # two ways of writing one word; the keys have both
            by_word = {_one_reload(value): known for value, known in by_word.items()}
            if _one_reload(word) in by_word:
                return by_word[_one_reload(word)]
        if not self.is_number:
            return self._category_from_text(word, text)
        number = parse_number(word)
        if number is None or not self._has_own_unit(word):
            return self._refused(text)
        return self._plausible_interval(number) if isinstance(number, Interval) else self._from_number(number)

    def _category_from_text(self, word: str, text: str) -> Value:
        if self.name == "ihc_score":
            score = parse_ihc_score(word.removesuffix(".0"))
            return self._refused(text) if score is None else score
        if re.fullmatch(r"\d{1,6}(?:\.0+)?", word):
            return self._category_from_number(Decimal(word))
        return self._refused(text)

    def _has_own_unit(self, word: str) -> bool:
        """Whether a text names no unit but the fact's own: percent, or copies (signals) a cell."""
        says_percent = "%" in word or "percent" in word
        says_copies = "copies" in word or "signals" in word
        return not (says_percent and "percent" not in self.unit) and not (says_copies and "copies" not in self.unit)

    def _category_from_number(self, raw: Any) -> Value:
        if isinstance(raw, bool):
            wanted = "yes" if raw else "no"
            return wanted if wanted in self.values else self._refused(raw)
        try:
            number = Decimal(raw) if isinstance(raw, int) else Decimal(str(raw))
        except InvalidOperation:
            return self._refused(raw)
        if not number.is_finite() or number.adjusted() > 6 or number != number.to_integral_value():
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
        return Unknown(Reason.IMPLAUSIBLE, f"{self.name} {_quoted(raw)}, expected {self.expected()}")

    def _refused(self, raw: Any) -> Unknown:
        return Unknown(Reason.UNPARSABLE_TEXT, f"{self.name} {_quoted(raw)!r}, expected {self.expected()}")


_DAY = re.compile(r"(\d{4}-\d{2}-\d{2})(?:[T ]\d{2}:\d{2}.*)?")
MOST_QUOTED = 200


def _quoted(raw: Any) -> str:
    """A raw value in words, however long it is."""
    try:
        text = str(raw)
    except ValueError:
        return "a number of thousands of digits"
    return text if len(text) <= MOST_QUOTED else f"{text[:MOST_QUOTED]}..."


@dataclass(slots=True, eq=False)
class Facts(Mapping[str, Fact]):
    """All facts by name, in the order of `facts.md`."""

    by_name: dict[str, Fact]
    path: Path = Path("facts.md")
    tests: dict[str, list[Fact]] = field(default_factory=dict, init=False)
    """The facts of each laboratory test."""

    place: dict[str, int] = field(default_factory=dict, init=False)
    """Where each fact stands in the order of `facts.md`."""

    implied: dict[str, tuple[str, str]] = field(default_factory=dict, init=False)
    """What the facts that imply another say of it: its name and value."""

    gaps: dict[tuple[str, ...], tuple[dict[str, Unknown], tuple[str, ...]]] = field(default_factory=dict, init=False)
    """For the facts that records speak of, what else of the tests is unknown and not reported (`derive.py`)."""

    mapping: SiteMapping | None = field(default=None, init=False)
    """The mapping of the site whose records are read; set by `mapping/tables.py`."""

    def __post_init__(self) -> None:
        self.place = {name: place for place, name in enumerate(self.by_name)}
        for fact in self.by_name.values():
            if fact.test:
                self.tests.setdefault(fact.test, []).append(fact)
            if fact.implies is not None:
                self.implied[fact.name] = fact.implies

    def __getitem__(self, name: str) -> Fact:
        return self.by_name[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.by_name)

    def __len__(self) -> int:
        return len(self.by_name)

    def __eq__(self, other: object) -> bool:
        return self is other

    def __hash__(self) -> int:
        return id(self)


def _one_reload(word: str) -> str:
    """A word in which a loading dose given again is written in one way."""
    return word.replace("re-load", "reload").replace("re load", "reload")


def read_facts(path: Path) -> Facts:
    """Read `facts.md`. Raises `KnowledgeError` naming every faulty row."""
    document = read_markdown(path)
    facts: dict[str, Fact] = {}
    problems: list[Problem] = document.problems()
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
    read = Facts(facts, path)
    for test, members in read.tests.items():
        if not any(NOT_REPORTED in fact.values for fact in members):
            what = f"no fact of the test {test} can be {NOT_REPORTED}"
            advice = f"give one of them the value `{NOT_REPORTED}`, for when nobody did the test"
            problems.append(Problem(path, members[0].line, "bad fact", what, advice))
    if problems:
        raise KnowledgeError(problems)
    return read


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
            if plausible is None or (
                kind == "number" and (None in (plausible.low, plausible.high) or plausible.is_empty)
            ):
                what = f"{name} has the plausible range {record.get('plausible')!r}"
                problem = Problem(document.path, line, "bad fact", what, "write for example (0..100]")
            else:
                fact = Fact(
                    name=name,
                    kind=kind,
                    values=values,
                    unit=plain(record.get("unit", "")),
                    plausible=plausible,
                    test=plain(record.get("test", "")),
                    open_values=frozenset(code_names(record.get("open", ""))),
                    implies=(implied[0], implied[1]) if len(implied) == 2 else None,
                    meaning=record.get("meaning", ""),
                    path=document.path,
                    line=line,
                )
        yield fact, problem


__all__ = ["NOT_REPORTED", "Fact", "Facts", "Interval", "OneOf", "Reason", "Unknown", "Value", "read_facts"]
