"""What was read of a resource, as rows: numbers that point into lists of words, and what is said beside the events."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ....record.columns import UNKNOWN, Words, tissue_events
from ....record.event import Event, Record

Row = tuple[int, int, int, int, int, int, int, int, int, bool]
"""Fact, value, place of the day's hole (-1: none), day, product, specimen, qualifier, said, note, amended."""


@dataclass(slots=True)
class Told:
    """What a reading says beside its events; each trouble by its kind and words."""

    troubles: list[tuple[str, str]] = field(default_factory=list)
    passed_over: list[tuple[str, str]] = field(default_factory=list)
    completed: list[str] = field(default_factory=list)
    """The drugs of completed orders."""
    is_unresolved: bool = False
    """It names a medication that is not in the source."""

    def __bool__(self) -> bool:
        return bool(self.troubles or self.passed_over or self.completed or self.is_unresolved)


class Vocabulary:
    """The words that rows point into: facts, values, products, specimens, qualifiers, what was said, notes."""

    def __init__(self) -> None:
        self.facts, self.products, self.specimens, self.qualifiers = Words(), Words(), Words(), Words()
        self.saids, self.notes = Words(), Words()
        self.values: list[Any] = []
        self._place_of_value: dict[tuple[str, str, str], int] = {}
        self.is_test: dict[str, bool] = {}

    def __len__(self) -> int:
        return len(self.values) + sum(len(words.listed) for words in (self.specimens, self.saids, self.notes))

    def row(self, event: Event, is_test: bool, slots: Mapping[bytes, int]) -> Row:
        """An event as a row; its day is a hole where `slots` says which."""
        self.is_test.setdefault(event.fact, is_test)
        key = (event.fact, type(event.value).__name__, str(event.value))
        value = self._place_of_value.get(key)
        if value is None:
            value = self._place_of_value[key] = len(self.values)
            self.values.append(event.value)
        slot = slots.get(event.day.isoformat().encode(), -1) if event.day is not None else -1
        return (
            self.facts.place(event.fact), value, slot, UNKNOWN if event.day is None else event.day.toordinal(),
            self.products.place(event.product), self.specimens.place(event.specimen),
            self.qualifiers.place(event.qualifier), self.saids.place(event.said), self.notes.place(event.note),
            event.amended,
        )  # fmt: skip


def events_of(record: Record) -> Iterator[tuple[bool, Event]]:
    """Every event of a record, and whether it belongs to HER2 tests and their tissue."""
    for event in (*tissue_events(record), *record.events):
        yield True, event
    for event in record.course:
        yield False, event


def words_of(record: Record) -> Iterator[str]:
    """Every word that was read, but for the origins."""
    for _, event in events_of(record):
        yield from (str(event.value), event.specimen, event.said, event.note, event.product, event.qualifier)
    for trouble in (*record.troubles, *record.passed_over):
        yield trouble.what
