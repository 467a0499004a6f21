"""What stands around the HER2 tests of a patient: when her therapy began, her setting, her operation.

It tells a specimen before therapy from the residual tumour, and a residual tumour from a recurrence. Looked for only
where a patient has tests of several specimens or days, since nothing else hangs on it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

from ...history.kinds import DOSE_FACTS
from ...record.columns import ABOUT_TISSUE, UNKNOWN, Flags, RecordColumns, Whole

SETTINGS = ("", "neoadjuvant", "adjuvant", "metastatic")


@dataclass(frozen=True, slots=True)
class Around:
    """Of one patient: `began` the day of the first HER2-directed dose, `setting` the latest one, `operated` the last
    day on which an operation, or the pathological response to the therapy before it, is recorded; `residual_days` how
    long after it a specimen is of the tumour that was left."""

    began: dt.date | None = None
    setting: str = ""
    operated: dt.date | None = None
    residual_days: int = 0


NOTHING = Around()


@dataclass(slots=True)
class Arounds:
    """The same of a batch as columns: ordinals, places in `SETTINGS`; `several` marks of whom it matters."""

    several: Flags
    began: Whole
    setting: Whole
    operated: Whole
    residual_days: int

    def of(self, patient: int) -> Around:
        """What stands around the tests of one patient."""
        if not self.several[patient]:
            return NOTHING
        days = [int(column[patient]) for column in (self.began, self.operated)]
        began, operated = (None if day == UNKNOWN else dt.date.fromordinal(day) for day in days)
        return Around(began, SETTINGS[self.setting[patient]], operated, self.residual_days)


def arounds_of(record: RecordColumns, products: Collection[str], on: int, residual_days: int) -> Arounds:
    """What stands around the tests of a batch up to the day `on`; `products` are HER2-directed.

    `residual_days` is how long after an operation a specimen is of the tumour that was left.
    """
    count = len(record)
    several = _several(record)
    began, operated = np.full(count, UNKNOWN, np.int64), np.full(count, UNKNOWN, np.int64)
    setting = np.zeros(count, np.int64)
    if not several.any():
        return Arounds(several, began, setting, operated, residual_days)
    forms, owner = record.forms(), record.owner()

    def rows_of(facts: Collection[str], values: Collection[str] | None, drugs: Collection[str] | None = None) -> Whole:
        named = np.array([name in facts for name in record.facts], np.bool_)[forms.fact]
        if drugs is not None:
            named &= np.array([name in drugs for name in record.products], np.bool_)[forms.product]
        if values is not None:
            named &= np.array([value in values for value in map(str, record.values)], np.bool_)[forms.value]
        rows = forms.having(named)
        wanted: Whole = rows[several[owner[rows]] & (record.day[rows] != UNKNOWN) & (record.day[rows] <= on)]
        return wanted

    denied = {str(value) for value in record.values if value == "no"}
    doses = rows_of(DOSE_FACTS, None, products)
    if denied and len(doses):
        no = np.array([str(value) in denied for value in record.values], np.bool_)
        doses = doses[~no[record.value[doses]]]
    began[owner[doses[::-1]]] = record.day[doses[::-1]]  # rows stand in the order of days
    settings = rows_of({"setting"}, SETTINGS)
    place = np.array([SETTINGS.index(value) if value in SETTINGS else 0 for value in map(str, record.values)], np.int64)
    setting[owner[settings]] = place[record.value[settings]]
    ends = np.concatenate(
        [rows_of({"pathological_response"}, ("complete", "residual")), rows_of({"surgery_done"}, ("yes",))]
    )
    np.maximum.at(operated, owner[ends], record.day[ends])
    return Arounds(several, began, setting, operated, residual_days)


def _several(record: RecordColumns) -> Flags:
    """Who has HER2 tests of several specimens or days."""
    several = np.zeros(len(record), np.bool_)
    forms = record.forms()
    tests = [is_test and name not in ABOUT_TISSUE for name, is_test in zip(record.facts, record.is_test, strict=True)]
    rows = forms.having(np.array(tests, np.bool_)[forms.fact])
    if len(rows) < 2:
        return several
    owner, day, specimen = record.owner()[rows], record.day[rows], record.specimen[rows]
    same = owner[1:] == owner[:-1]
    several[owner[1:][same & ((day[1:] != day[:-1]) | (specimen[1:] != specimen[:-1]))]] = True
    return several
