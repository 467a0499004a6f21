"""The timelines of a batch: what the folds read, and what of the records has no place on it.

Events that no fold reads (receptors, stage, risk factors, ...) are facts by themselves (`latest.py`).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np

from ..facts.value import Interval, Value
from ..record.columns import METHODS, UNKNOWN, Flags, RecordColumns, Whole
from ..record.forms import dense_ranks, order_within
from . import names
from .drug_codes import DrugCodes, default_codes
from .kinds import CATEGORIES, KINDS

THOUSAND = 1000
LEAST = Decimal("0.001")


@dataclass(slots=True)
class Timeline:
    """What the folds read: `day` (ordinal), `kind`, `number` (thousandths) and `code`, sorted by patient and in this
    order; patient `p` has the places `starts[p]` to `starts[p + 1]`.

    `rows` are the rows of the record behind each place. Rows that would belong on it but have no day are `undated`,
    those with a value no fold knows `unplaced`, and those of which the lower end of an interval stands `narrowed`.
    """

    starts: Whole
    day: Whole
    kind: Whole
    number: Whole
    code: Whole
    rows: Whole
    undated: Whole
    unplaced: Whole
    narrowed: Whole

    def of(self, patient: int) -> slice:
        """The places of one patient."""
        return slice(int(self.starts[patient]), int(self.starts[patient + 1]))

    def alone(self, patient: int) -> Timeline:
        """The timeline of one patient, as a batch of one."""
        part = self.of(patient)
        nothing = np.zeros(0, np.int64)
        return Timeline(
            np.array([0, part.stop - part.start], np.int64), self.day[part], self.kind[part], self.number[part],
            self.code[part], self.rows[part], nothing, nothing, nothing,
        )  # fmt: skip


def thousandths(value: Value) -> int:
    """A number in thousandths, exact to the third decimal; the lower end of an interval; else `UNKNOWN`.

    An interval without a lower end ("< 50") stands at its upper one, below it where that is not included.
    """
    number: Any = value
    if isinstance(value, Interval):
        number = value.low
        if number is None and value.high is not None:
            number = value.high if value.high_included else value.high - LEAST
    if isinstance(number, Decimal | float):
        exact = number if isinstance(number, Decimal) else Decimal(repr(number))
        return int((exact * THOUSAND).to_integral_value())
    return UNKNOWN


def timeline_of(record: RecordColumns, codes: DrugCodes | None = None) -> Timeline:
    """The timelines of a batch; drugs by `codes`, or those of the knowledge in use."""
    drug_codes = (codes or default_codes()).code
    forms, count = record.forms(), len(record.values)
    kind = np.array([KINDS.get(name, -1) for name in record.facts], np.int64)
    kind = kind[forms.fact] if len(forms) else np.zeros(0, np.int64)
    belongs = kind >= 0
    died = kind == names.DEATH
    used = np.zeros(count, np.bool_)
    used[forms.value[belongs]] = True
    fact_of_value = np.zeros(count, np.int64)
    fact_of_value[forms.value] = forms.fact
    kind_of_value = np.full(count, -1, np.int64)
    number_of_value = np.full(count, UNKNOWN, np.int64)
    code_of_value = np.zeros(count, np.int64)
    is_interval = np.zeros(count, np.bool_)
    for place in used.nonzero()[0].tolist():
        value = record.values[place]
        is_interval[place] = isinstance(value, Interval)
        kind_of_value[place], number_of_value[place], code_of_value[place] = _placed(
            record.facts[fact_of_value[place]], value
        )
    kind = np.where(belongs, kind_of_value[forms.value], -1)
    number, code = number_of_value[forms.value], code_of_value[forms.value]
    dosed = (kind >= names.DOSE) & (kind <= names.ORDER)
    if dosed.any():
        drugs = np.array([drug_codes.get(name, -1) for name in record.products], np.int64)
        code = np.where(dosed, drugs[forms.product], code)
    measured = kind == names.LVEF
    if measured.any():
        methods = np.array([METHODS.index(word) if word in METHODS else 0 for word in record.qualifiers], np.int64)
        code = np.where(measured, methods[forms.qualifier], code)
    day = record.day
    if died.any():  # the day of a death is what is said of it
        of_death = np.where(died, number, UNKNOWN)
        number = np.where(died, UNKNOWN, number)
        rows = forms.having(of_death != UNKNOWN)
        day = day.copy()
        day[rows] = forms.at(of_death, rows)
    dated = day != UNKNOWN
    placeable = (kind >= 0) & (code >= 0)
    (order,) = (forms.each(placeable) & dated).nonzero()
    starts = np.searchsorted(order, record.starts).astype(np.int64)
    tie = code * len(record.qualifiers) + _ranks(record.qualifiers)[forms.qualifier] if dosed.any() else code
    if forms.place is None:
        order = _sorted(order, (record.owner()[order], day[order], kind[order], number[order], tie[order]))
    else:
        order = _sorted_by_form(order, starts, day, dense_ranks((kind, number, tie)), forms.place)
    undated, unplaced, narrowed = (
        (~dated).nonzero()[0],
        forms.having(belongs & ~placeable),
        placeable & is_interval[forms.value],
    )
    rows = forms.having(narrowed)
    placed = order if forms.place is None else forms.place[order]
    return Timeline(
        starts, day[order], kind[placed], number[placed], code[placed], order,
        undated[forms.at(belongs, undated)], unplaced[dated[unplaced]], rows[dated[rows]],
    )  # fmt: skip


def _sorted_by_form(order: Whole, starts: Whole, day: Whole, rank: Whole, place: Whole) -> Whole:
    """Places in the order of owner, day and the rank of their form."""
    if not len(order):
        return order
    ordered, count = day[order], int(rank.max()) + 1
    first, last = int(ordered.min()), int(ordered.max())
    within = order_within(starts, (ordered - first) * count + rank[place[order]], (last - first + 1) * count)
    return order if within is None else order[within]


def _ranks(words: Sequence[str]) -> Whole:
    """The place of each word in the order of the alphabet: doses alike but for their brand stand so."""
    ranks = np.zeros(len(words), np.int64)
    ranks[sorted(range(len(words)), key=words.__getitem__)] = np.arange(len(words))
    return ranks


def _sorted(order: Whole, keys: tuple[Whole, ...]) -> Whole:
    """Places in the order of some keys: owner, day and kind; and number, drug and brand where these are the same."""
    owner, day, kind, number, code = keys
    packed = (((owner << DAY_BITS) | day) << KIND_BITS) | kind
    ahead = packed[1:] > packed[:-1]
    tied = packed[1:] == packed[:-1]
    if not (ahead | tied).all():
        place = np.argsort(packed, kind="stable")
        order, packed, number, code = order[place], packed[place], number[place], code[place]
        tied = packed[1:] == packed[:-1]
    if not tied.any():
        return order
    earlier = tied & ((number[1:] < number[:-1]) | ((number[1:] == number[:-1]) & (code[1:] < code[:-1])))
    if earlier.any():
        both = both_of(tied)
        order = order.copy()
        order[both] = order[both[np.lexsort((code[both], number[both], packed[both]))]]
    return order


def both_of(like_the_next: Flags) -> Whole:
    """The places that are like the next one or the one before, where `like_the_next` says it of all but the last."""
    return np.flatnonzero(np.append(like_the_next, False) | np.insert(like_the_next, 0, False))


DAY_BITS, KIND_BITS = 22, 5
"""An ordinal up to the year 9999, and every kind of event, fit into so many bits."""


def _placed(fact: str, value: Value) -> tuple[int, int, int]:
    """(kind, number, code) of one distinct value on a timeline; kind -1 where no fold reads it."""
    kind = KINDS[fact]
    if fact in CATEGORIES:
        code = CATEGORIES[fact].get(value) if isinstance(value, str) else None
        return (kind, UNKNOWN, code) if code is not None else (-1, UNKNOWN, 0)
    if fact == "death_date":
        return (kind, dt.date.fromisoformat(value).toordinal(), 0) if isinstance(value, str) else (-1, UNKNOWN, 0)
    if fact == "dose_given":
        return {"yes": kind, "no": names.NOT_GIVEN}.get(str(value), -1), UNKNOWN, 0
    number = thousandths(value)
    if number == UNKNOWN and kind in (names.WEIGHT, names.HEIGHT, names.LVEF):
        return -1, UNKNOWN, 0
    return kind, number, 0
