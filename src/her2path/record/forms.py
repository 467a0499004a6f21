"""The distinct events of a batch: what can be said of an event without its day and patient is said once of all alike.

A form is a fact with its value, product, qualifier, words and note. A batch of hundreds of thousands of events has a
few hundred.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt

Whole = npt.NDArray[np.int64]
Of = TypeVar("Of", bound=np.generic)
LARGEST = 2**62


@dataclass(frozen=True, slots=True)
class Forms:
    """The forms of a batch, a column of each of their parts, and the `place` of each event among them.

    `place` is `None` where each event is a form of its own.
    """

    place: Whole | None
    fact: Whole
    value: Whole
    product: Whole
    qualifier: Whole
    said: Whole
    note: Whole

    def __len__(self) -> int:
        return len(self.fact)

    def each(self, of_form: npt.NDArray[Of]) -> npt.NDArray[Of]:
        """What is said of each form, for each event."""
        return of_form if self.place is None else of_form[self.place]

    def at(self, of_form: npt.NDArray[Of], rows: Whole) -> npt.NDArray[Of]:
        """What is said of each form, for some events."""
        return of_form[rows if self.place is None else self.place[rows]]

    def having(self, of_form: npt.NDArray[np.bool_]) -> Whole:
        """The events whose form is marked."""
        rows: Whole = self.each(of_form).nonzero()[0] if of_form.any() else np.zeros(0, np.int64)
        return rows


def dense_ranks(keys: Sequence[Whole]) -> Whole:
    """The rank of each place by some keys, the most telling first; equal ones have the same rank."""
    order = np.lexsort(keys[::-1])
    ranks = np.zeros(len(order), np.int64)
    if len(order):
        differs = np.zeros(len(order), np.bool_)
        for key in keys:
            ordered = key[order]
            differs[1:] |= ordered[1:] != ordered[:-1]
        ranks[order] = np.cumsum(differs)
    return ranks


def order_within(starts: Whole, key: Whole, size: int) -> Whole | None:
    """The rows of each patient by a key from 0 to below `size`, equal ones as they stand; `None` where they stand so.

    Patient `p` has the rows `starts[p]` to `starts[p + 1]`.
    """
    if len(key) < 2:
        return None
    behind = key[1:] < key[:-1]
    inner = starts[1:-1]
    behind[inner[(inner > 0) & (inner < len(key))] - 1] = False
    if not behind.any():
        return None
    owner = np.repeat(np.arange(len(starts) - 1), np.diff(starts))
    if (len(starts) + 1) * size < LARGEST:
        return np.argsort(owner * size + key, kind="stable")
    return np.lexsort((key, owner))
