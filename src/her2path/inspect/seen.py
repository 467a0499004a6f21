"""What was counted of a feed; parts of it are counted by themselves and added up in the order of the source."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from dataclasses import dataclass, field

MOST_CANDIDATES = 5_000
"""So many different candidates are kept; what comes after them is counted together."""


@dataclass(slots=True)
class FactSeen:
    """Of one fact: how many values were read, of how many patients, on which days; and how many refused, by reason.

    Days are ordinals, 0 without any. `example` has of each reason the first value refused, and where it stood.
    """

    read: int = 0
    patients: int = 0
    first: int = 0
    last: int = 0
    undated: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    example: dict[str, tuple[str, str]] = field(default_factory=dict)

    def merge(self, other: FactSeen) -> None:
        self.read += other.read
        self.patients += other.patients
        self.undated += other.undated
        self.first = min(filter(None, (self.first, other.first)), default=0)
        self.last = max(self.last, other.last)
        self.refused.update(other.refused)
        for reason, example in other.example.items():
            self.example.setdefault(reason, example)

    @property
    def days(self) -> tuple[str, str]:
        """The first and the last day, "" without any."""
        first, last = (dt.date.fromordinal(day).isoformat() if day else "" for day in (self.first, self.last))
        return first, last


@dataclass(frozen=True, slots=True, order=True)
class Unmapped:
    """A code, name, answer or unit that looks like our business and that nothing was read from.

    `kind` is `concept`, `answer`, `unit`, `column`, `text`, or `words` in the place of a number; `about` the resource
    type, or the fact that is answered; `guess` what it may be.
    """

    kind: str
    about: str
    system: str = ""
    code: str = ""
    name: str = ""
    guess: str = ""


@dataclass(slots=True)
class Found:
    """How often something unmapped was met, with an example of a value and where it stood, and why it was not read."""

    count: int = 0
    value: str = ""
    where: str = ""
    why: str = ""

    def merge(self, other: Found) -> None:
        self.count += other.count
        if not self.where:
            self.value, self.where, self.why = other.value, other.where, other.why


@dataclass(slots=True)
class QuestionSeen:
    """Of one question of the review: of how many patients it was asked, how many were answered, and what the others
    lack; `known` counts the patients who have each fact that it is asked by."""

    asked: int = 0
    answered: int = 0
    missing: Counter[str] = field(default_factory=Counter)
    known: Counter[str] = field(default_factory=Counter)

    def merge(self, other: QuestionSeen) -> None:
        self.asked += other.asked
        self.answered += other.answered
        self.missing.update(other.missing)
        self.known.update(other.known)


@dataclass(slots=True)
class Seen:
    """Everything counted of a feed, or of a part of it."""

    patients: int = 0
    files: Counter[str] = field(default_factory=Counter)
    """Files read, by their endings."""
    unread: Counter[str] = field(default_factory=Counter)
    """What could not be read, by the kind of trouble, of the source and of patients."""
    lost: int = 0
    """How much of it a review tells as not read: whole pieces of the source, and what is unreadable of a patient."""
    unread_example: dict[str, str] = field(default_factory=dict)
    types: Counter[str] = field(default_factory=Counter)
    """Resources by type."""
    rows: int = 0
    """Rows of a table."""
    passed_over: int = 0
    """What was seen and is not used: void, withdrawn, deleted, or an old version."""
    passed_over_example: str = ""
    remarks: Counter[str] = field(default_factory=Counter)
    """What is to be known of what was read, by its kind, with the first as an example."""
    remark_example: dict[str, str] = field(default_factory=dict)
    facts: dict[str, FactSeen] = field(default_factory=dict)
    products: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Doses, orders and what shows a drug without a dose, by product: (`dose`, `order` or `shown`, product)."""
    unmapped: dict[Unmapped, Found] = field(default_factory=dict)
    more_unmapped: int = 0
    questions: dict[str, QuestionSeen] = field(default_factory=dict)
    mapped: Counter[int] = field(default_factory=Counter)
    """Resources or rows read by each entry of the site's mapping, by its number."""

    def fact(self, name: str) -> FactSeen:
        return self.facts.setdefault(name, FactSeen())

    def question(self, key: str) -> QuestionSeen:
        return self.questions.setdefault(key, QuestionSeen())

    def trouble(self, kind: str, words: str) -> None:
        self.unread[kind] += 1
        self.unread_example.setdefault(kind, words)

    def remark(self, kind: str, words: str) -> None:
        self.remarks[kind] += 1
        self.remark_example.setdefault(kind, words)

    def pass_over(self, words: str) -> None:
        self.passed_over += 1
        self.passed_over_example = self.passed_over_example or words

    def note(self, unmapped: Unmapped, value: str, where: str, why: str, count: int = 1) -> None:
        """Count something unmapped."""
        held = self.unmapped.get(unmapped)
        if held is None:
            if len(self.unmapped) >= MOST_CANDIDATES:
                self.more_unmapped += count
                return
            held = self.unmapped[unmapped] = Found(0, value, where, why)
        held.count += count

    def merge(self, other: Seen) -> None:
        """Add what was counted of the next part."""
        for name in ("patients", "lost", "rows", "passed_over", "more_unmapped"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        for name in ("files", "unread", "types", "products", "mapped", "remarks"):
            getattr(self, name).update(getattr(other, name))
        self.passed_over_example = self.passed_over_example or other.passed_over_example
        for mine, theirs in (
            (self.unread_example, other.unread_example), (self.remark_example, other.remark_example),
        ):  # fmt: skip
            for kind, words in theirs.items():
                mine.setdefault(kind, words)
        for fact, seen in other.facts.items():
            self.fact(fact).merge(seen)
        for key, question in other.questions.items():
            self.question(key).merge(question)
        for unmapped, found in other.unmapped.items():
            if unmapped in self.unmapped:
                self.unmapped[unmapped].merge(found)
            elif len(self.unmapped) < MOST_CANDIDATES:
                self.unmapped[unmapped] = found
            else:
                self.more_unmapped += found.count

    @property
    def days(self) -> tuple[str, str]:
        """The first and the last day of everything that was read."""
        all_days = FactSeen()
        for name, fact in self.facts.items():
            if name != "birth_date":
                all_days.merge(fact)
        return all_days.days
