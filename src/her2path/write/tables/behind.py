"""What the rows of the table of findings rest on: the facts with their values, and the places of the record."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any

import numpy as np
import pyarrow as pa

from ...findings.course.reasons import Reasons
from ...findings.rows import RowRuns
from ...history.numbered import distinct_of
from ...record.columns import RecordColumns, Whole
from .arrow import in_order, offsets_of, words_at
from .of_courses import PartOfCourses
from .of_tests import PartOfTests

FACTS = pa.map_(pa.string(), pa.string())
Parts = Sequence[PartOfCourses | PartOfTests]


class _Facts:
    """Facts of rows as they are gathered: of each the row, name and words, and its place among those of the row."""

    def __init__(self) -> None:
        self.names: dict[str, int] = {}
        self.words: list[str] = []
        self.columns: list[tuple[int, Whole, Whole, Whole]] = []

    def add(self, place: int, rows: Whole, names: Whole | int, words: Whole | int) -> None:
        """Facts of some rows; where a row has several, they stand in the order of their places."""
        names, words = (each if isinstance(each, np.ndarray) else np.full(len(rows), each) for each in (names, words))
        self.columns.append((place, rows, names, words))

    def name(self, name: str) -> int:
        return self.names.setdefault(name, len(self.names))

    def array(self, count: int) -> Any:
        if not self.columns:
            return pa.array([[]] * count, FACTS)
        self.columns.sort(key=lambda column: column[0])
        rows, names, words = (np.concatenate([column[each] for column in self.columns]) for each in (1, 2, 3))
        order = in_order(rows, count)
        listed = (
            pa.array(pool, pa.string()).take(pa.array(column[order]))
            for pool, column in ((list(self.names), names), (self.words, words))
        )
        return pa.MapArray.from_arrays(offsets_of(rows, count), *listed)


def facts_of(parts: Parts, place_of: Whole) -> Any:
    """The facts of every row as a map from name to words; `place_of` says where each row of the parts stands."""
    facts = _Facts()
    numbers: dict[str, list[tuple[Whole, Whole, int]]] = {}
    reasons: Reasons | None = None
    start = 0
    for part in parts:
        rows = place_of[start : start + part.count]
        start += part.count
        if isinstance(part, PartOfTests):
            _of_tests(part, rows, facts)
            continue
        for place, name in enumerate(part.fact_names()):
            reasons = part.reasons
            if name == "product" and part.rows.product:
                facts.add(place, rows, facts.name(name), len(facts.words))
                facts.words.append(part.rows.product)
            elif (known := part.known(name)) is not None and len(known[0]):
                numbers.setdefault(name, []).append((rows[known[0]], known[1], place))
    for name, columns in numbers.items():
        assert reasons is not None
        distinct, words = distinct_of(np.concatenate([number for _, number, _ in columns]))
        words = words + len(facts.words)
        facts.words += [reasons.words.of_fact(name, number) for number in distinct]
        start = 0
        for rows, _, place in columns:
            facts.add(place, rows, facts.name(name), words[start : start + len(rows)])
            start += len(rows)
    return facts.array(len(place_of))


def _of_tests(part: PartOfTests, rows: Whole, facts: _Facts) -> None:
    """Facts of findings on HER2 tests: those of each finding come once, however many patients it is true of."""
    listed = [finding.facts for finding in part.rows.findings]
    counts = np.array([len(each) for each in listed], np.int64)
    if not counts.any():
        return
    names = np.array([facts.name(name) for each in listed for name, _ in each], np.int64)
    first_word = len(facts.words)
    facts.words += [word for each in listed for _, word in each]
    widths = counts[part.rows.places]
    places = np.arange(widths.sum()) - np.repeat(np.cumsum(widths) - widths, widths)
    entries = places + np.repeat((np.cumsum(counts) - counts)[part.rows.places], widths)
    facts.add(0, np.repeat(rows, widths), names[entries], entries + first_word)


def origins_of(parts: Parts, place_of: Whole, record: RecordColumns) -> Any:
    """The places of the record behind every row, each once; `place_of` says where each row of the parts stands."""
    rows: list[Whole] = []
    owners: list[Whole] = []
    apart: list[str] = []
    of_apart: list[Whole] = []
    start = 0
    for part in parts:
        mine = place_of[start : start + part.count]
        start += part.count
        if "where" in part.rows.fields:
            apart += part.rows.fields["where"]
            of_apart.append(mine)
        elif part.rows.answers is None:
            if isinstance(part.rows.origins, RowRuns):
                owners.append(np.repeat(mine, np.diff(part.rows.origins.starts)))
                rows.append(part.rows.origins.rows)
            elif len(part.rows.origins):
                counts = list(map(len, part.rows.origins))
                owners.append(np.repeat(mine, counts))
                rows.append(np.fromiter(chain.from_iterable(part.rows.origins), np.int64, sum(counts)))
        elif isinstance(part, PartOfCourses):
            for name in part.fact_names():
                if (known := part.known(name)) is not None:
                    knowing = mine[known[0]]
                    for places, listed in _rows_of_fact(name, part.rows.at[known[0]], part.reasons):
                        owners.append(knowing if places is None else knowing[places])
                        rows.append(listed)
    owner = np.concatenate(owners) if owners else np.zeros(0, np.int64)
    place = record.origin[np.concatenate(rows)] if rows else np.zeros(0, np.int64)
    packed = np.sort((owner << 40) | place, kind="stable")  # it stands in runs
    packed = packed[np.diff(packed, prepend=-1) != 0]
    owner, place = packed >> 40, packed & ((1 << 40) - 1)
    words = words_at(record.origins, place)
    if apart:
        owner = np.concatenate([owner, *of_apart])
        order = np.argsort(owner, kind="stable")
        words = pa.concat_arrays([words, pa.array(apart, pa.string())]).take(pa.array(order))
    return pa.ListArray.from_arrays(offsets_of(owner, len(place_of)), words)


def _rows_of_fact(name: str, patients: Whole, reasons: Reasons) -> Iterator[tuple[Whole | None, Whole]]:
    """Rows of the record that a known fact of some patients was read from, with the places of the patients; without
    places one row for each."""
    latest = reasons.course.latest.rows.get(name)
    left: Whole | None = None
    if latest is not None and len(patients):
        row_of = latest[patients]
        recorded = row_of >= 0
        if recorded.all():
            yield None, row_of
            return
        places = np.flatnonzero(recorded)
        yield places, row_of[places]
        left = np.flatnonzero(~recorded)
        patients = patients[left]
    if not len(patients):
        return
    for source in reasons.sources.by_fact.get(name, ()):
        starts, listed = reasons.sources.of(source)
        first = starts[patients]
        widths = starts[patients + 1] - first
        if widths.max() <= 1:
            owner = np.flatnonzero(widths)
            rows = listed[first[owner]]
        else:
            owner = np.repeat(np.arange(len(patients)), widths)
            rows = listed[np.arange(len(owner)) - np.repeat(np.cumsum(widths) - widths - first, widths)]
        yield owner if left is None else left[owner], rows
