"""Events of many patients as columns, whole patients together: what the review of many reads."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from ..facts.value import Value

Whole = npt.NDArray[np.int64]


@dataclass(slots=True)
class EventColumns:
    """The events of a batch, sorted by patient; `starts` has one entry more than there are patients.

    `fact` and `product` are places in `facts` and `products`; `value` is a place in `values`, the distinct
    values read by `Fact.coerce`; `day` an ordinal (`UNKNOWN` without a date); `method` that of an LVEF.
    `brand` is a place among the values of the fact `brand`, -1 where none is named; `rows` are the rows of the source.
    `odd` marks values that mean more than they are read as ("0+"): patients with one are reviewed one by one.
    """

    starts: Whole
    day: Whole
    fact: Whole
    value: Whole
    product: Whole
    method: Whole
    facts: list[str]
    products: list[str]
    values: list[Value]
    rows: Whole = field(default_factory=lambda: np.zeros(0, np.int64))
    brand: Whole = field(default_factory=lambda: np.zeros(0, np.int64))
    specimen: Whole = field(default_factory=lambda: np.zeros(0, np.int64))
    specimens: list[str] = field(default_factory=list)
    odd: npt.NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, np.bool_))

    @property
    def patients(self) -> int:
        return len(self.starts) - 1

    def owner(self) -> Whole:
        """The patient of each event."""
        return np.repeat(np.arange(self.patients), np.diff(self.starts))
