"""What was read of a resource, as rows: numbers that point into lists of words, and what is said beside the events."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ....record.columns import UNKNOWN, Words, tissue_events
from ....record.event import Event, Record, Trouble

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


class Vocabulary:
    """The words that rows point into: facts, values, products, specimens, qualifiers, what was said, notes."""

    def __init__(self) -> None:
        self.facts, self.products, self.specimens, self.qualifiers = Words(), Words(), Words(), Words()
        self.saids, self.notes = Words(), Words()
        self.values: list[Any] = []
        self._place_of_value: dict[tuple[str, type, str], int] = {}
        self.is_test: dict[str, bool] = {}

    def __len__(self) -> int:
        return len(self.values) + sum(len(words.listed) for words in (self.specimens, self.saids, self.notes))

    def row(self, event: Event, is_test: bool, slots: Mapping[int, int]) -> Row:
        """An event as a row; its day is a hole where `slots` says of its ordinal which."""
        self.is_test.setdefault(event.fact, is_test)
        key = (event.fact, type(event.value), str(event.value))
        value = self._place_of_value.get(key)
        if value is None:
            value = self._place_of_value[key] = len(self.values)
            self.values.append(event.value)
        day = UNKNOWN if event.day is None else event.day.toordinal()
        return (
            self.facts.place(event.fact), value, slots.get(day, -1), day,
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


def words_of(events: Iterable[tuple[bool, Event]], troubles: Iterable[Trouble]) -> str:
    """Every word that was read, but for the origins, line by line."""
    said: list[str] = []
    for _, event in events:
        said += (str(event.value), event.specimen, event.said, event.note, event.product, event.qualifier)
    said += [trouble.what for trouble in troubles]
    return "\n".join(said)
