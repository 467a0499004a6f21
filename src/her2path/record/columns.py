"""Records as columns: the events of a batch of patients, sorted, each patient whole. One patient is a batch of one.

Two laws hold, as in the MEDS standard: the events of a patient stand together, and within a patient they are in the
order of `order` (day, fact, value, what was said, product; the undated last), whatever their order in the source.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from ..facts.mapping.entries import numbers_in
from ..facts.value import Unknown, Value
from ..facts.words.sides import side_in
from .event import RECORDED_STATUS, Event, Record, Tissue, Trouble
from .forms import Forms, dense_ranks, order_within

UNKNOWN = -(2**62)
"""No number: of a column, of a state, of an output."""

METHODS = ("unspecified", "echo", "MUGA", "CMR", "CT", "angiogram")
"""The methods of an LVEF by their codes in a column."""

SITE, KIND, PLACE, SIDE = "tumour_site", "specimen_kind", "specimen_place", "specimen_side"
"""What is said of the tissue: facts of a specimen or of the patient beside her tests."""
OTHER_SITE = "other"
"""The organ of a tumour that is neither of the breast nor of the stomach."""
OF_SPECIMEN = (KIND, PLACE, SIDE)
ABOUT_TISSUE = (SITE, *OF_SPECIMEN)
SAID_IN_COLUMNS = (*ABOUT_TISSUE, "test_date")
"""Of these a table has columns of its own beside the tests, and no rows."""
DIAGNOSIS = "diagnosis"
"""The note of a recorded status that a diagnosis states."""

Whole = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


@dataclass(slots=True)
class RecordColumns:
    """The records of a batch: `starts` has one entry more than there are patients.

    `day` is an ordinal, `UNKNOWN` without a date. `fact`, `value`, `product`, `specimen`, `qualifier` (a brand, or the
    method of an LVEF), `said` and `note` are places in the list of the same name in the plural; a place in `values`
    belongs to one fact. `origin` is a place in `origins`, which may make its words on request. `amended` marks reports
    that correct an earlier one. `is_test` says of each of `facts` whether it belongs to HER2 tests and their tissue;
    all others belong to the course.
    """

    patients: list[str]
    wheres: Sequence[str]
    starts: Whole
    day: Whole
    fact: Whole
    value: Whole
    product: Whole
    specimen: Whole
    qualifier: Whole
    said: Whole
    note: Whole
    origin: Whole
    facts: list[str]
    values: list[Value]
    products: list[str]
    specimens: list[str]
    qualifiers: list[str]
    saids: list[str]
    notes: list[str]
    origins: Sequence[str]
    is_test: list[bool]
    amended: Flags | None = None
    troubles: dict[int, list[Trouble]] = field(default_factory=dict)
    """By patient what of her record could not be read."""
    passed_over: dict[int, list[Trouble]] = field(default_factory=dict)
    """By patient what of her record was seen and not used."""
    events: list[Event] | None = field(default=None, repr=False)
    """The events that the rows were made of, where they were made of events."""
    _owner: Whole | None = None
    _forms: Forms | None = None

    def __len__(self) -> int:
        return len(self.patients)

    def owner(self) -> Whole:
        """The patient of each event."""
        if self._owner is None:
            self._owner = np.repeat(np.arange(len(self.patients)), np.diff(self.starts))
        return self._owner

    def forms(self) -> Forms:
        """The distinct events of the batch; each by itself where nobody said which they are."""
        if self._forms is None:
            self._forms = Forms(None, self.fact, self.value, self.product, self.qualifier, self.said, self.note)
        return self._forms

    def met(self) -> Iterator[int]:
        """The entries of the site's mapping by which the resources and rows of the events were read."""
        for place in np.unique(self.origin).tolist():
            yield from numbers_in(self.origins[place])

    def event(self, row: int) -> Event:
        """One row as an event."""
        if self.events is not None:
            return self.events[row]
        day = int(self.day[row])
        return Event(
            self.facts[self.fact[row]],
            self.values[self.value[row]],
            None if day == UNKNOWN else dt.date.fromordinal(day),
            self.specimens[self.specimen[row]],
            self.origins[int(self.origin[row])],
            self.saids[self.said[row]],
            self.amended is not None and bool(self.amended[row]),
            self.notes[self.note[row]],
            self.products[self.product[row]],
            self.qualifiers[self.qualifier[row]],
        )

    def record(self, patient: int, tests_only: bool = False) -> Record:
        """One patient of the batch as a record of events; with `tests_only` without the events of her course."""
        record = Record(self.patients[patient], self.wheres[patient])
        start, end = int(self.starts[patient]), int(self.starts[patient + 1])
        for row, fact in enumerate(self.fact[start:end].tolist(), start=start):
            is_test = self.is_test[fact]
            if tests_only and not is_test:
                continue
            event = self.event(row)
            if not is_test:
                record.course.append(event)
            elif event.fact == SITE:
                record.sites.add(str(event.value))
            elif event.fact in OF_SPECIMEN:
                record.tissues[event.specimen] = _joined(record.tissues.get(event.specimen), event)
            else:
                record.events.append(event)
        record.troubles = list(self.troubles.get(patient, ()))
        record.passed_over = list(self.passed_over.get(patient, ()))
        return with_sides(record) if tests_only else record


def _joined(tissue: Tissue | None, event: Event) -> Tissue:
    """What is known of a tissue with one more event of it."""
    held = tissue or Tissue(event.specimen)
    said = "" if isinstance(event.value, Unknown) else str(event.value)
    name = {KIND: "kind", PLACE: "place", SIDE: "side"}[event.fact]
    return replace(held, **{name: said}, day=event.day or held.day)


def with_sides(record: Record) -> Record:
    """The record with the side of each specimen whose name alone says it ("left core")."""
    for name in sorted({event.specimen for event in record.events} - {""}):
        tissue = record.tissues.get(name)
        if (tissue is None or not tissue.side) and (side := side_in(name)):
            record.tissues[name] = replace(tissue or Tissue(name), side=side)
    return record


class Words:
    """A list of distinct words and the place of each: 0 is always the blank one."""

    def __init__(self, first: str = "") -> None:
        self.listed: list[Any] = [first]
        self.places: dict[Any, int] = {first: 0}

    def place(self, word: Any) -> int:
        place = self.places.get(word)
        if place is None:
            place = self.places[word] = len(self.listed)
            self.listed.append(word)
        return place


def columns_of(records: Iterable[Record]) -> RecordColumns:
    """Records of events as columns, in the order of the records."""
    records = list(records)
    # The place of each distinct word, in the order they came; the blank one is the first.
    words: list[dict[str, int]] = [{"": 0} for _ in range(7)]
    facts, products, specimens, qualifiers, saids, notes, origins = words
    values: list[Value] = []
    place_of_value: dict[tuple[str, ...], int] = {}
    is_test: dict[str, bool] = {}
    numbers: list[int] = []
    rows: list[Event] = []
    starts = [0]
    for record in records:
        for test, events in ((True, (*tissue_events(record), *record.events)), (False, record.course)):
            for event in events:
                fact, value, day = event.fact, event.value, event.day
                is_test.setdefault(fact, test)
                key = (fact, value) if value.__class__ is str else (fact, value.__class__.__name__, str(value))
                place = place_of_value.setdefault(key, len(values))
                if place == len(values):
                    values.append(value)
                numbers += (
                    UNKNOWN if day is None else day.toordinal(),
                    facts.setdefault(fact, len(facts)),
                    place,
                    products.setdefault(event.product, len(products)),
                    specimens.setdefault(event.specimen, len(specimens)),
                    qualifiers.setdefault(event.qualifier, len(qualifiers)),
                    saids.setdefault(event.said, len(saids)),
                    notes.setdefault(event.note, len(notes)),
                    origins.setdefault(event.origin, len(origins)),
                )
            rows += events
        starts.append(len(rows))
    table = np.array(numbers, np.int64).reshape(-1, 9).T.copy()
    amended = [event.amended for event in rows]
    columns = RecordColumns(
        patients=[record.patient for record in records], wheres=[record.origin for record in records],
        starts=np.array(starts, np.int64),
        day=table[0], fact=table[1], value=table[2], product=table[3], specimen=table[4], qualifier=table[5],
        said=table[6], note=table[7], origin=table[8],
        facts=[*facts], values=values, products=[*products], specimens=[*specimens],
        qualifiers=[*qualifiers], saids=[*saids], notes=[*notes], origins=[*origins],
        is_test=[is_test.get(name, False) for name in facts],
        amended=np.array(amended, np.bool_) if True in amended else None, events=rows,
        troubles={place: record.troubles for place, record in enumerate(records) if record.troubles},
        passed_over={place: record.passed_over for place, record in enumerate(records) if record.passed_over},
    )  # fmt: skip
    return in_order(columns)


def tissue_events(record: Record) -> Iterable[Event]:
    """What a record says of tissue and organ, as events."""
    for site in sorted(record.sites):
        yield Event(SITE, site, None, "", record.origin, site)
    for name, tissue in record.tissues.items():
        yield Event(KIND, tissue.kind, tissue.day, name, record.origin, tissue.kind)
        if tissue.place:
            yield Event(PLACE, tissue.place, tissue.day, name, record.origin, tissue.place)
        if tissue.side:
            yield Event(SIDE, tissue.side, tissue.day, name, record.origin, tissue.side)


LAST_DAY = dt.date.max.toordinal() + 1
"""Where the undated stand in the order of days."""


def in_order(columns: RecordColumns) -> RecordColumns:
    """The columns with each patient's events in their order; the same columns where they are so already.

    Of HER2 tests that say the same on one day, the order of the source does not matter: their places decide.
    """
    for order_in in (order_of, _order_of_places):
        order = order_in(columns)
        if order is None:
            continue
        for name in ("day", "fact", "value", "product", "specimen", "qualifier", "said", "note", "origin"):
            setattr(columns, name, getattr(columns, name)[order])
        columns._forms = None
        if columns.amended is not None:
            columns.amended = columns.amended[order]
        if columns.events is not None:
            columns.events = [columns.events[row] for row in order.tolist()]
    return columns


def _order_of_places(columns: RecordColumns) -> Whole | None:
    """The rows in their order, tests that say the same on one day by specimen, correction and place, if any do."""
    forms = columns.forms()
    tests = forms.having(np.array(columns.is_test, np.bool_)[forms.fact])
    alike = np.ones(max(len(tests) - 1, 0), np.bool_)
    for key in (columns.day, columns.fact, columns.said, columns.owner()):
        alike &= np.diff(key[tests]) == 0
    if not alike.any():
        return None
    words = [str(columns.values[place]) for place in columns.value[tests].tolist()]
    alike &= [one == other for one, other in pairwise(words)]
    if not alike.any():
        return None
    tied = tests[np.append(alike, False) | np.append(False, alike)].tolist()
    run_of = dict(zip(tests.tolist(), np.cumsum(np.append(True, ~alike)).tolist(), strict=True))

    def place(row: int) -> tuple[Any, ...]:
        is_amended = columns.amended is not None and bool(columns.amended[row])
        origin = columns.origins[columns.origin[row]]
        return run_of[row], columns.specimens[columns.specimen[row]], is_amended, _by_number(origin)

    order = np.arange(len(columns.day))
    order[tied] = sorted(tied, key=place)
    return order


def _by_number(origin: str) -> tuple[Any, ...]:
    """What places are sorted by, so that line 9 comes before line 10."""
    parts = enumerate(re.split(r"(\d+)", origin))
    return tuple((len(part.lstrip("0")), part.lstrip("0")) if place % 2 else part for place, part in parts)


def tests_in_order(record: Record) -> Record:
    """The HER2 tests of a record without a course, as they would come back from columns: in the order of events."""
    tests = Record(record.patient, record.origin, sites={*record.sites}, tissues=dict(record.tissues))
    keys: list[tuple[Any, ...]] = [_place_in_order(event) for event in record.events]
    if len(set(keys)) < len(keys):
        keys = [
            (*key, event.specimen, event.amended, _by_number(event.origin))
            for key, event in zip(keys, record.events, strict=True)
        ]
    tests.events = [record.events[place] for place in sorted(range(len(keys)), key=keys.__getitem__)]
    tests.troubles, tests.passed_over = [*record.troubles], [*record.passed_over]
    return with_sides(tests)


def _place_in_order(event: Event) -> tuple[int, str, str, str, str]:
    """What `order_of` sorts the events of a patient by."""
    day = LAST_DAY if event.day is None else event.day.toordinal()
    return day, event.fact, str(event.value), event.said, event.product


def order_of(columns: RecordColumns) -> Whole | None:
    """The rows in their order: by patient, day, fact, value, what was said and product; `None` where they stand so."""
    if len(columns.day) < 2:
        return None
    return order_of_forms(
        columns.forms(), columns.starts, columns.day, columns.facts, columns.values, columns.saids, columns.products
    )


def order_of_forms(
    forms: Forms, starts: Whole, day: Whole, facts: Sequence[str], values: Sequence[Value], saids: Sequence[str],
    products: Sequence[str],
) -> Whole | None:  # fmt: skip
    """The same of forms and days, before there are columns."""
    days = np.where(day == UNKNOWN, LAST_DAY, day)
    ranks = _ranks([str(value) for value in values])[forms.value]
    keys = [_ranks(facts)[forms.fact], ranks, _ranks(saids)[forms.said], _ranks(products)[forms.product]]
    if forms.place is None:
        return _order_by((days - int(days.min()), *keys), starts)
    rank = dense_ranks(keys)
    count = int(rank.max()) + 1
    days *= count
    days += forms.each(rank)
    return order_within(starts, days, (LAST_DAY + 1) * count)


def _order_by(keys: Sequence[Whole], starts: Whole) -> Whole | None:
    owner = np.repeat(np.arange(len(starts) - 1), np.diff(starts))
    packed = _packed([(key, int(key.max(initial=0)) + 1) for key in (owner, *keys)])
    if len(packed) == 1:
        return None if (packed[0][1:] >= packed[0][:-1]).all() else np.argsort(packed[0], kind="stable")
    return np.lexsort(packed[::-1])


def _packed(keys: Sequence[tuple[Whole, int]]) -> list[Whole]:
    """Keys of known sizes, the first the most telling, in as few whole numbers as hold them in their order."""
    packed: list[Whole] = []
    taken = 63
    for key, size in keys:
        width = int(size).bit_length()
        if taken + width < 63:
            packed[-1], taken = (packed[-1] << width) | key, taken + width
        else:
            packed, taken = [*packed, key], width
    return packed


def _ranks(words: Sequence[str]) -> Whole:
    """The rank of each word among the distinct ones, so that the order does not depend on who came first."""
    places = {word: rank for rank, word in enumerate(sorted(set(words)))}
    return np.array([places[word] for word in words] or [0], np.int64)


__all__ = [
    "ABOUT_TISSUE", "DIAGNOSIS", "KIND", "METHODS", "PLACE", "RECORDED_STATUS", "SITE", "UNKNOWN", "RecordColumns",
    "Words", "columns_of", "in_order", "order_of", "tests_in_order", "tissue_events",
]  # fmt: skip
