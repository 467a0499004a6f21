"""The arrays of `lvef_finding` and `cardiac_action` laid out for a fold: by product, with the inputs a fold knows.

The layout is nested lists for one patient and NumPy arrays for many; both say the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ...tables.array import Array
from ..drug_codes import default_codes
from .heart import ACTIONS, FINDINGS, INPUTS, NOT_TOO_LOW, OTHER_ACTION

MOST_AXES = 8
MOST_BOUNDS = 16


class UnfitTable(ValueError):
    """A table that a fold cannot read: too many inputs, or too many cuts."""


def tables_for(
    arrays: Mapping[str, Array], as_lists: bool, findings: Mapping[str, Array] | None = None,
    products: Sequence[str] | None = None,
) -> tuple[Any, ...]:  # fmt: skip
    """What `fold_heart` reads: by product the array of `lvef_finding` (`findings`), then that of `cardiac_action`.

    `products` are in the order of their codes, those of the knowledge in use where none are given. A product without
    an array is never judged. Raises `UnfitTable` for more than `MOST_AXES` inputs or `MOST_BOUNDS` cuts.
    """
    products = default_codes().products if products is None else products
    count = 2 * len(products)
    axis_count = np.zeros(count, np.int64)
    axis_input = np.full((count, MOST_AXES), -1, np.int64)
    axis_unknown = np.zeros((count, MOST_AXES), np.int64)
    bound_count = np.zeros((count, MOST_AXES), np.int64)
    bounds = np.zeros((count, MOST_AXES, MOST_BOUNDS))
    slots = np.zeros((count, MOST_AXES, MOST_BOUNDS + 1), np.int64)
    offsets = np.zeros(count, np.int64)
    answers: list[int] = [OTHER_ACTION]
    both = [(findings or {}).get(product) for product in products]
    for number, array in enumerate([*both, *(arrays.get(product) for product in products)]):
        if array is None:
            continue
        if len(array.axes) > MOST_AXES or any(len(axis.cuts) > MOST_BOUNDS for axis in array.axes):
            raise UnfitTable(f"{array.table.name} has too many inputs or cuts for the fold of the heart")
        axis_count[number] = len(array.axes)
        offsets[number] = len(answers)
        for a, (axis, stride) in enumerate(zip(array.axes, array.strides, strict=True)):
            name = axis.fact.name
            axis_input[number, a] = INPUTS.index(name) if name in INPUTS else -1
            axis_unknown[number, a] = axis.unknown * stride
            if axis.fact.is_number:
                bound_count[number, a] = len(axis.float_bounds)
                bounds[number, a, : len(axis.float_bounds)] = axis.float_bounds
                slots[number, a, : len(axis.slots)] = [slot * stride for slot in axis.slots]
            else:
                bound_count[number, a] = -1
                slots[number, a, : len(axis.fact.values)] = [axis.named[v] * stride for v in axis.fact.values]
        names, other = (FINDINGS, NOT_TOO_LOW) if number < len(products) else (ACTIONS, OTHER_ACTION)
        actions = [names.index(v) if v in names else other for v in array.outcome.values]
        answers += [actions[each] if each >= 0 else OTHER_ACTION for each in array.answers.ravel().tolist()]
    made = (axis_count, axis_input, axis_unknown, bound_count, bounds, slots, offsets, np.array(answers, np.int64))
    return tuple(each.tolist() for each in made) if as_lists else made
