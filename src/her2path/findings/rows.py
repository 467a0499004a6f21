"""Findings as rows: for each kind of finding the patients it is true of, and what stands behind each.

A row is a patient, a saying (grade, words, what to do) and what it rests on: the answer of a table with its rows and
sources, or a doubt of the record. Words, facts and origins are put together when somebody asks for them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from string import Formatter
from typing import Any

import numpy as np

from ..record.columns import Flags, Whole
from .course.answers import Answers
from .pieces import Pieced
from .questions import Saying


class RowRuns(Sequence["tuple[int, ...]"]):
    """Rows of the record for each finding: finding `p` has `rows[starts[p]:starts[p + 1]]`."""

    def __init__(self, rows: Whole, starts: Whole) -> None:
        self.rows, self.starts = rows, starts

    def __len__(self) -> int:
        return len(self.starts) - 1

    def __getitem__(self, place: Any) -> Any:
        return tuple(self.rows[self.starts[place] : self.starts[place + 1]].tolist())


def row_each(rows: Whole) -> RowRuns:
    """One row of the record for each finding."""
    return RowRuns(rows, np.arange(len(rows) + 1))


def row_runs(rows: Whole, first: Whole, counts: Whole) -> RowRuns:
    """Of each finding so many rows of the record, from a place of `rows` on."""
    starts = np.concatenate([[0], np.cumsum(counts)])
    return RowRuns(rows[np.arange(starts[-1]) + np.repeat(first - starts[:-1], counts)], starts)


@dataclass(slots=True)
class FindingRows:
    """Findings of one saying: the `patients`, and what stands behind each.

    `places` are the places of the patients in `answers`. Of a doubt `fields` gives the words of its braces and
    `origins` the rows of the record, a list each in the order of the patients. Of findings on single doses and orders
    `units` are the places in the columns of their own reasons, `teller`, and `drugs` the codes of the drugs they
    speak of.
    """

    saying: Saying
    patients: Whole
    key: str = ""
    answers: Answers | None = None
    places: Whole = field(default_factory=lambda: np.zeros(0, np.int64))
    fields: Mapping[str, Sequence[str]] = field(default_factory=dict)
    origins: Sequence[Sequence[int] | Whole] = ()
    units: Whole | None = None
    teller: Any = None
    drugs: Whole | None = None

    @property
    def at(self) -> Whole:
        """The places of the findings in the columns that they were decided from."""
        return self.patients if self.units is None else self.units

    def where(self, told: Flags) -> FindingRows:
        """Those of the rows that are marked."""
        if told.all():
            return self
        places = np.flatnonzero(told)
        fields = {name: _where(words, places) for name, words in self.fields.items()}
        origins = [self.origins[place] for place in places.tolist()] if len(self.origins) else self.origins
        laid = self.places[places] if len(self.places) else self.places
        units = None if self.units is None else self.units[places]
        drugs = None if self.drugs is None else self.drugs[places]
        patients = self.patients[places]
        return FindingRows(
            self.saying, patients, self.key, self.answers, laid, fields, origins, units, self.teller, drugs
        )  # fmt: skip

    @property
    def product(self) -> str:
        """The product asked about where it is another than that in hand."""
        return self.key.partition(" of ")[2]


def _where(words: Sequence[str], places: Whole) -> Sequence[str]:
    """The words of some rows."""
    return words.where(places) if isinstance(words, Pieced) else [words[place] for place in places.tolist()]


_fields: dict[str, tuple[str, ...]] = {}


def fields_of(template: str) -> tuple[str, ...]:
    """The names in the braces of a text."""
    names = _fields.get(template)
    if names is None:
        names = tuple(dict.fromkeys(name for _, name, _, _ in Formatter().parse(template) if name))
        _fields[template] = names
    return names
