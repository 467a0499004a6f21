"""What the readers read: facts of record columns counted by value, reason, patient and day."""

from __future__ import annotations

from itertools import chain

import numpy as np

from ..facts.value import Unknown
from ..record.columns import OF_SPECIMEN, UNKNOWN, RecordColumns
from ..record.event import HER2_DRUG, TOLD, WORDS_ALONE
from .seen import Seen

REMARKS = (TOLD, WORDS_ALONE)
"""Kinds of troubles of what was read, and is to be known."""
MEANT = {"dose_": "dose", "ordered_": "order"}
GIVEN = {"dose": "dose", "order": "order", HER2_DRUG: "shown"}
"""The facts of doses and of orders, by how their names begin; and what is counted by product."""


def count_facts(record: RecordColumns, seen: Seen) -> None:
    """Count the facts of a batch of patients, each with the values that were read and those that were refused."""
    seen.patients += len(record)
    for trouble in chain.from_iterable((*record.troubles.values(), *record.passed_over.values())):
        if trouble.kind == "passed over":
            seen.pass_over(str(trouble))
        elif trouble.kind in REMARKS:
            seen.remark(str(trouble.kind), str(trouble))
        else:
            seen.trouble(str(trouble.kind), str(trouble))
            seen.lost += trouble.kind == "unreadable"
    seen.mapped.update(record.met())
    reasons = sorted({str(value.reason) for value in record.values if isinstance(value, Unknown)})
    state_of_value = np.array(
        [1 + reasons.index(str(v.reason)) if isinstance(v, Unknown) else -1 if v == "" else 0 for v in record.values]
        or [0],
        np.int64,
    )
    names = [_name(fact) for fact in record.facts]
    distinct = sorted(set(names))
    place = np.array([distinct.index(name) for name in names] or [0], np.int64)
    fact = place[record.fact] if len(record.fact) else np.zeros(0, np.int64)
    state = state_of_value[record.value] if len(record.value) else np.zeros(0, np.int64)
    owner = record.owner()
    for at, name in enumerate(distinct):
        rows = np.flatnonzero((fact == at) & (state >= 0))
        if not len(rows) or name in OF_SPECIMEN:
            continue
        _count(name, rows, record, state, owner, reasons, seen)


def _name(fact: str) -> str:
    return next((meant for begins, meant in MEANT.items() if fact.startswith(begins)), fact)


def _count(
    name: str, rows: np.ndarray, record: RecordColumns, state: np.ndarray, owner: np.ndarray, reasons: list[str],
    seen: Seen,
) -> None:  # fmt: skip
    held = seen.fact(name)
    read = rows[state[rows] == 0]
    held.read += len(read)
    held.patients += len(np.unique(owner[read]))
    days = record.day[rows]
    dated = days[days != UNKNOWN]
    held.undated += len(days) - len(dated)
    if len(dated):
        held.first = min(filter(None, (held.first, int(dated.min()))))
        held.last = max(held.last, int(dated.max()))
    for number, count in enumerate(np.bincount(state[rows], minlength=len(reasons) + 1)[1:].tolist()):
        if count:
            held.refused[reasons[number]] += count
            row = int(rows[np.argmax(state[rows] == number + 1)])
            words = f"{record.saids[record.said[row]]!s} ({record.values[record.value[row]]})".strip()
            held.example.setdefault(reasons[number], (words, str(record.origins[int(record.origin[row])])))
    if name in GIVEN:
        products, counts = np.unique(record.product[rows], return_counts=True)
        for product, count in zip(products.tolist(), counts.tolist(), strict=True):
            seen.products[GIVEN[name], record.products[product]] += count
