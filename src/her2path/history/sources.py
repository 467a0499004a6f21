"""Where each fact of a course was read: the events of a day, or the last event of a kind.

The facts themselves are made in `course_facts.py` and `clocks.py`; here stands, for each that follows from events,
which events these are, so that a reason leads to rows of the record.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from ..record.columns import UNKNOWN, Flags, RecordColumns, Whole
from . import names
from .course_facts import Columns
from .drug_codes import DrugCodes
from .timeline import Timeline

IN_HAND, HER2 = "the product in hand", "any HER2-directed product"


@dataclass(frozen=True, slots=True)
class Source:
    """Events of some kinds: those of a day of the state, or without one the last up to the day of the review.

    `products` are drugs by name, or `IN_HAND`, or `HER2`; none for any.
    """

    kinds: tuple[int, ...]
    day: str = ""
    products: tuple[str, ...] | str = ()


LVEF = Source((names.LVEF,), "lvef_day")
BASELINE = Source((names.LVEF,), "baseline_day")
HOLD = Source((names.LVEF, names.HOLD), "hold_day")
ORDER = Source((names.ORDER,), "order_day")
IN_HOLD = Source(names.DOSES, "dose_in_hold_day", HER2)
LAST_DOSE = Source((*names.DOSES, names.NOT_GIVEN), "product_last_day", IN_HAND)
FIRST_DOSE = Source((*names.DOSES, names.NOT_GIVEN), "trastuzumab_first_day", IN_HAND)
ALL_DOSES = (*names.DOSES, names.NOT_GIVEN, names.ORDER)
OF_CLASS = {"prior_taxane": "taxane", "taxane_cycles_given": "taxane", "prior_anthracycline": "anthracycline"}
"""Facts that were read from the last dose of a class of drugs; for single products the page of products says it."""
_SOURCES: Mapping[str, tuple[Source, ...]] = {
    "lvef_baseline": (BASELINE,), "lvef": (LVEF,), "lvef_below_limit": (LVEF,), "lvef_fall": (LVEF, BASELINE),
    **dict.fromkeys(("on_hold", "days_on_hold", "hold_count", "hold_open", "days_since_hold"), (HOLD,)),
    **dict.fromkeys(("ordered_product", "switch_intended"), (ORDER,)),
    **dict.fromkeys(("doses_in_hold", "past_doses_in_hold"), (IN_HOLD,)),
    **dict.fromkeys(
        ("product", "schedule", "days_since_last_dose", "doses_given", "therapy_phase", "months_since_last_dose",
         "dose_days_late", "dose_off_percent", "weight_change_percent"), (LAST_DOSE,),
    ),
    **dict.fromkeys(("days_since_first_dose", "days_first_to_last_dose"), (FIRST_DOSE,)),
    "setting": (Source((names.SETTING,)),), "pregnant": (Source((names.PREGNANT,)),),
    "heart_failure": (Source((names.HEART_FAILURE,)),),
    "progression": (Source((names.PROGRESSION, names.STOP), "last_progression_day"),),
    "surgery_done": (Source((names.SURGERY,)),),
    **dict.fromkeys(("weight_kg", "weight_days_old", "weight_beyond_limit"), (Source((names.WEIGHT,)),)),
}  # fmt: skip
"""By fact the events it was read from; where a fact is recorded itself, that row comes before these."""


@lru_cache(maxsize=8)
def sources_by(codes: DrugCodes) -> Mapping[str, tuple[Source, ...]]:
    """By fact the events it was read from, with those of the drugs of some knowledge."""
    sources = dict(_SOURCES)
    for fact, kind in OF_CLASS.items():
        sources[fact] = (Source(ALL_DOSES, "", tuple(codes.page.of_class(kind))),)
    for fact, products in codes.page.given_before().items():
        sources[fact] = (Source(ALL_DOSES, "", tuple(products)),)
    return sources


class Origins:
    """The rows of the record behind the facts of a batch; each source is looked for once, for all patients."""

    def __init__(self, record: RecordColumns, timeline: Timeline, state: Columns, on: int, codes: DrugCodes) -> None:
        self.record, self.timeline, self.state, self.on, self.codes = record, timeline, state, on, codes
        self.by_fact = sources_by(codes)
        self.owner = record.owner()[timeline.rows]
        self._kinds: dict[tuple[int, ...], tuple[Whole, Whole, Whole]] = {}
        self._rows: dict[Source, tuple[Whole, Whole]] = {}

    def of(self, source: Source) -> tuple[Whole, Whole]:
        """For each patient the rows of a source: patient `p` has `rows[starts[p]:starts[p + 1]]`."""
        if source not in self._rows:
            self._rows[source] = self._of_day(source) if source.day else self._last_of(source)
        return self._rows[source]

    def _of_day(self, source: Source) -> tuple[Whole, Whole]:
        wanted = self.state[source.day]
        places, owner, day = self._of_kinds(source.kinds)
        code = self.timeline.code[places]
        fits = (day == wanted[owner]) & (day != UNKNOWN)
        if source.products == IN_HAND:
            fits &= code == self.state["product"][owner]
        elif source.products == HER2:
            fits &= code < len(self.codes.products)
        (fitting,) = fits.nonzero()
        starts = np.searchsorted(owner[fitting], np.arange(len(self.record) + 1))
        return starts, self.timeline.rows[places[fitting]]

    def _of_kinds(self, kinds: tuple[int, ...]) -> tuple[Whole, Whole, Whole]:
        """The places of the events of some kinds, with their patients and days."""
        if kinds not in self._kinds:
            places = _one_of(self.timeline.kind, kinds).nonzero()[0]
            self._kinds[kinds] = places, self.owner[places], self.timeline.day[places]
        return self._kinds[kinds]

    def _last_of(self, source: Source) -> tuple[Whole, Whole]:
        timeline, count = self.timeline, len(self.record)
        places, owner, day = self._of_kinds(source.kinds)
        fits = day <= self.on
        if source.products:
            codes = [self.codes.code[name] for name in source.products if name in self.codes.code]
            fits &= _one_of(timeline.code[places], codes)
        last = np.full(count, -1, np.int64)
        last[owner[fits]] = places[fits]
        return np.concatenate([[0], np.cumsum(last >= 0)]), timeline.rows[last[last >= 0]]


def _one_of(column: Whole, numbers: Sequence[int]) -> Flags:
    """Where a column holds one of a few numbers."""
    fits = np.zeros(len(column), np.bool_)
    for number in numbers:
        fits |= column == number
    return fits
