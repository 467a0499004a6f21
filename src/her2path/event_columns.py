"""Events of many patients as columns, whole patients together: what the review of many reads."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from .value import Value

Whole = npt.NDArray[np.int64]


@dataclass(slots=True)
class EventColumns:
    """The events of a batch, sorted by patient; `starts` has one entry more than there are patients.

    `fact` and `product` are places in `facts` and `products`; `value` is a place in `values`, the distinct
    values read by `Fact.coerce`; `day` an ordinal (`UNKNOWN` without a date); `method` that of an LVEF.
    `rows` are the rows of the source.
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

    @property
    def patients(self) -> int:
        return len(self.starts) - 1

    def owner(self) -> Whole:
        """The patient of each event."""
        return np.repeat(np.arange(self.patients), np.diff(self.starts))
