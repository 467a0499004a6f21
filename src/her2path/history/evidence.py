"""HER2-directed drugs that stand in a record without a dose that could be read, and what then is not known.

Where nothing else is recorded of a therapy, it is not *before the start*: nobody knows where it stands. Where doses are
recorded too, one that could not be read may be the last.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from ..facts.value import Reason, Unknown
from ..record.columns import UNKNOWN, Flags, RecordColumns, Whole
from ..record.event import DOSE_NOT_READ, HER2_DRUG, NOT_KNOWN, ORDER_NOT_READ

SINCE_LAST_DOSE = (
    "days_since_last_dose", "months_since_last_dose", "dose_days_late",
    "days_since_trastuzumab", "days_since_pertuzumab",
)  # fmt: skip
"""Facts that count from the last dose."""
OF_LAST_DOSE = ("next_dose_day",)
"""Clocks that do."""
UNREAD, NOT_TOLD, WITHOUT_DOSE = (
    Unknown(Reason.UNMAPPED_CODE, "doses of a HER2-directed drug could not be read"),
    Unknown(Reason.UNMAPPED_CODE, "it cannot be told which drugs were given"),
    Unknown(Reason.ABSENT, "a HER2-directed drug is recorded, and no dose of it"),
)
GRAVEST = (UNREAD, WITHOUT_DOSE, NOT_TOLD)
"""Why it is not known where a therapy stands of which no dose is read, the gravest first."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """The rows of a batch that show a HER2-directed drug without a dose, up to the day of the review.

    `said` is what each row says, a value of the fact. `alone` marks patients of whom no dose is recorded beside them,
    and whose therapy has or may have begun; `later` those with an unread dose that is, or may be, later than the last
    one read.
    """

    rows: Whole
    said: Mapping[int, str]
    alone: Flags
    later: Flags


def rows_of_her2_drugs(record: RecordColumns, but: Iterable[str] = ()) -> Flags:
    """Which rows show a HER2-directed drug without a dose, those with the values in `but` left out."""
    facts = np.array([name == HER2_DRUG for name in record.facts], np.bool_)
    if not facts.any():
        return np.zeros(len(record.fact), np.bool_)
    forms = record.forms()
    return forms.each(facts[forms.fact] & ~_having(record, but)[forms.value])


def _having(record: RecordColumns, words: Iterable[str]) -> Flags:
    """Which of the values are one of some words."""
    wanted = set(words)
    return np.array([isinstance(value, str) and value in wanted for value in record.values], np.bool_)


def evidence_of(
    record: RecordColumns, unclear: Whole, nameless: Whole, orders: Whole, first: Whole, last: Whole, on: int
) -> Evidence | None:
    """The evidence of a batch; `None` where there is none.

    `unclear` are rows of HER2-directed doses of which it is not known whether they were given, `nameless` those of
    doses and `orders` those of orders without a drug; `first` and `last` are the days of the doses read.
    """
    flags = rows_of_her2_drugs(record)
    flags[unclear] = flags[nameless] = flags[orders] = True
    if not flags.any():
        return None
    flags &= (record.day == UNKNOWN) | (record.day <= on)
    rows = np.flatnonzero(flags)
    said = {row: str(record.values[record.value[row]]) for row in rows.tolist()}
    said |= dict.fromkeys((row for row in unclear.tolist() if row in said), DOSE_NOT_READ)
    said |= dict.fromkeys((row for row in nameless.tolist() if row in said), NOT_KNOWN)
    said |= dict.fromkeys((row for row in orders.tolist() if row in said), ORDER_NOT_READ)
    owner, alone, later = record.owner(), *(np.zeros(len(record), np.bool_) for _ in range(2))
    for row, value in said.items():
        patient = owner[row]
        alone[patient] |= value != ORDER_NOT_READ
        later[patient] |= value == DOSE_NOT_READ and (record.day[row] == UNKNOWN or record.day[row] > last[patient])
    begun = first != UNKNOWN
    return Evidence(rows, said, alone & ~begun, later & begun)


def why_not_known(record: RecordColumns, evidence: Evidence) -> dict[int, Unknown]:
    """By patient of whom no dose is read, why it is not known where the therapy stands."""
    reasons: dict[int, Unknown] = {}
    owner = record.owner()[evidence.rows]
    for row, patient in zip(evidence.rows.tolist(), owner.tolist(), strict=True):
        value = evidence.said[row]
        if not evidence.alone[patient] or value == ORDER_NOT_READ:
            continue
        reason = (
            UNREAD
            if value == DOSE_NOT_READ or isinstance(value, Unknown)
            else NOT_TOLD
            if value == NOT_KNOWN
            else WITHOUT_DOSE
        )
        if patient not in reasons or GRAVEST.index(reason) < GRAVEST.index(reasons[patient]):
            reasons[patient] = reason
    return reasons
