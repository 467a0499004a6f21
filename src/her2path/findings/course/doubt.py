"""One doubt in the making, and what every maker of doubts needs: who is meant, the rows, their words."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np

from ...facts.value import Reason, Unknown
from ...history.sources import Origins
from ...record.columns import UNKNOWN, Flags, RecordColumns, Whole
from ..questions import Saying
from ..rows import FindingRows, row_each
from .columns import CourseFacts
from .words import day_words

FIRST_ORIGINS = 3
NO_DAY = "no date recorded"


@dataclass(slots=True)
class Doubt:
    """One doubt in the making: for each patient the words of its braces and the rows it speaks of."""

    patients: list[int] = field(default_factory=list)
    fields: dict[str, list[str]] = field(default_factory=dict)
    origins: list[Sequence[int]] = field(default_factory=list)

    def add(self, patient: int, origins: Iterable[int] = (), **words: str) -> None:
        self.patients.append(patient)
        self.origins.append(list(origins))
        for name, word in words.items():
            self.fields.setdefault(name, []).append(word)


class DoubtMaker:
    """Makes the doubts of a batch; `mine` marks the patients whose course is reviewed.

    Each method of those that build on it looks for one doubt in the whole batch; its words and grade stand in
    `findings.md`.
    """

    def __init__(
        self,
        course: CourseFacts,
        outcomes: Mapping[str, Whole],
        sources: Origins,
        sayings: Mapping[str, Saying],
        mine: Flags,
    ) -> None:
        self.course, self.outcomes, self.sources, self.sayings, self.mine = course, outcomes, sources, sayings, mine
        self.record: RecordColumns = course.record
        self.on = course.rules.on.toordinal()
        self.owner = self.record.owner()
        self.forms = self.record.forms()
        self._told: dict[int, str] = {}
        self._holding: dict[Callable[[Any], bool], Flags] = {}

    def rows(self) -> Iterator[FindingRows]:
        """Every doubt there is."""
        for maker in self.makers():
            for rows in maker():
                if len(rows.patients):
                    yield rows

    @cached_property
    def of_course(self) -> Flags:
        """The forms that belong to the course, and not to HER2 tests."""
        of_course: Flags = np.array([not test for test in self.record.is_test], np.bool_)[self.forms.fact]
        return of_course

    def _of_facts(self, names: Container[str]) -> Flags:
        """The forms of some facts."""
        of_facts: Flags = np.array([name in names for name in self.record.facts], np.bool_)[self.forms.fact]
        return of_facts

    def _of_values(self, holds: Callable[[Any], bool]) -> Flags:
        """The forms of values of which something holds."""
        flags = self._holding.get(holds)
        if flags is None:
            flags = self._holding[holds] = np.array([holds(value) for value in self.record.values], np.bool_)
        of_values: Flags = flags[self.forms.value]
        return of_values

    def _past_rows(self, of_form: Flags) -> Whole:
        """The rows of marked forms up to the day of the review and of the patients reviewed; the undated are among
        them."""
        rows = self.forms.having(of_form)
        return rows[self.mine[self.owner[rows]] & (self.record.day[rows] <= self.on)]

    def _from_day_on(self, rows: Whole, first: Whole) -> Whole:
        """Of some rows those on a day of their patient (a column) or later; the undated may be."""
        day = self.record.day[rows]
        kept: Whole = rows[(day == UNKNOWN) | (day >= first[self.owner[rows]])]
        return kept

    def makers(self) -> Sequence[Callable[[], Iterable[FindingRows]]]:
        """What looks for one doubt each, in the order they are told."""
        raise NotImplementedError

    def _of(self, name: str, doubt: Doubt) -> FindingRows:
        """A doubt of some patients; what is said alike of rows of one origin is said once."""
        saying = self.sayings[name]
        order = self._order_of(doubt)
        if order != list(range(len(doubt.patients))):
            doubt = Doubt(
                [doubt.patients[place] for place in order],
                {key: [words[place] for place in order] for key, words in doubt.fields.items()},
                [doubt.origins[place] for place in order],
            )
        return FindingRows(
            saying, np.array(doubt.patients, np.int64), saying.key, fields=dict(doubt.fields), origins=doubt.origins
        )

    def _order_of(self, doubt: Doubt) -> list[int]:
        """The places of a doubt by patient, each that says something of its own."""
        patients = doubt.patients
        if all(one < other for one, other in pairwise(patients)):
            return list(range(len(patients)))  # one of each patient, in order
        origin = self.record.origin
        origins = [tuple(origin[list(rows)].tolist()) for rows in doubt.origins]
        words = list(zip(patients, origins, *doubt.fields.values(), strict=True))
        firsts = {word: place for place, word in reversed(list(enumerate(words)))}
        return sorted(firsts.values(), key=lambda place: (patients[place], place))

    def _where(self, name: str, flags: Flags, **words: Sequence[str]) -> FindingRows:
        """A doubt of all patients that are marked, without rows of the record."""
        patients = (flags & self.mine).nonzero()[0]
        saying = self.sayings[name]
        fields = {key: [texts[patient] for patient in patients.tolist()] for key, texts in words.items()}
        return FindingRows(saying, patients, saying.key, fields=fields, origins=NO_ROWS)

    def _each(self, name: str, rows: Whole, **fields: list[str]) -> FindingRows:
        """A doubt of each of some rows; what two rows of one origin say alike is said once."""
        saying = self.sayings[name]
        origin = self.record.origin[rows]
        if len({*origin.tolist()}) < len(rows):
            words = list(zip(self.owner[rows].tolist(), origin.tolist(), *fields.values(), strict=True))
            firsts = {word: place for place, word in reversed(list(enumerate(words)))}
            places = sorted(firsts.values())
            rows, fields = rows[places], {key: [texts[place] for place in places] for key, texts in fields.items()}
        return FindingRows(saying, self.owner[rows], saying.key, fields=fields, origins=row_each(rows))

    @staticmethod
    def _words(words: Sequence[str], places: Whole) -> list[str]:
        return [words[place] for place in places.tolist()]

    def _facts(self, rows: Whole) -> list[str]:
        """The names of the facts of some rows."""
        return self._words(self.record.facts, self.record.fact[rows])

    def _values(self, rows: Whole) -> list[str]:
        """The values of some rows in words, each distinct one once."""
        values, told = self.record.values, self._told
        words = []
        for place in self.record.value[rows].tolist():
            word = told.get(place)
            if word is None:
                word = told[place] = str(values[place])
            words.append(word)
        return words

    def _days(self, rows: Whole) -> list[str]:
        """The days of some rows in words."""
        return [NO_DAY if day == UNKNOWN else day_words(day) for day in self.record.day[rows].tolist()]

    def _at(self, name: str, flags: Flags, day: Whole, facts: Iterable[str]) -> FindingRows:
        """A doubt of marked patients that speaks of the events of a day."""
        record, doubt = self.record, Doubt()
        patients = (flags & self.mine).nonzero()[0].tolist()
        wanted = np.array([fact in facts for fact in record.facts] if patients else [], np.bool_)
        for patient in patients:
            part = self.course.timeline.rows[self.course.timeline.of(patient)]
            doubt.add(patient, part[(record.day[part] == day[patient]) & wanted[record.fact[part]]].tolist())
        return self._of(name, doubt)


class Same(Sequence[str]):
    """The same word for every row."""

    def __init__(self, word: str, count: int) -> None:
        self.word, self.length = word, count

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, place: Any) -> Any:
        if not 0 <= place < self.length:
            raise IndexError(place)
        return self.word


class _NoRows(Sequence[Sequence[int]]):
    """No row of the record, however many patients."""

    def __len__(self) -> int:
        return 0

    def __getitem__(self, _place: Any) -> Any:
        return ()


NO_ROWS = _NoRows()


def is_unknown(value: object) -> bool:
    return isinstance(value, Unknown)


def is_set_aside(value: object) -> bool:
    """Told apart as unread, or known to be absent and why."""
    return isinstance(value, Unknown) and (value.reason is not Reason.ABSENT or bool(value.detail))


def is_unread(value: object) -> bool:
    """Something stood there and could not be read; what is left out is no error."""
    return isinstance(value, Unknown) and value.reason is not Reason.ABSENT


def runs(keys: Whole) -> tuple[Whole, Whole, Whole]:
    """Of a sorted column the distinct keys, where each begins and how often it stands."""
    if not len(keys):
        return keys, keys, keys
    first = np.flatnonzero(np.concatenate([[True], keys[1:] != keys[:-1]]))
    return keys[first], first, np.diff(np.append(first, len(keys)))
