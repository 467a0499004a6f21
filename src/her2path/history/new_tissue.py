"""Tissue that could be tested for HER2 again: a recurrence, a residual tumour, a stomach tumour that progressed."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from ..facts.pages.numbers import CourseNumbers
from .course_facts import Column, Columns, first_of, known, yes_no
from .names import UNKNOWN

RECURRENCE, RESIDUAL, PROGRESSION = range(3)
"""The places of the values of `new_tissue`."""
GASTRIC, RESIDUAL_DISEASE = 1, 1
"""The places of `gastric` among the organs and of `residual` among the responses."""


def new_tissue(
    fact: Callable[[str], Column], state: Mapping[str, Column], last_result_day: Column, numbers: CourseNumbers
) -> Columns:
    """`new_tissue`, and `her2_tested_since`: whether the last HER2 result is of its day or later.

    Metastatic disease after therapy or surgery of early disease is a recurrence. Its biopsy may be older than the day
    on which it was recorded, by `recurrence_result_days`. In stomach cancer the last progression comes before it.
    """
    metastatic, operated, progressed = state["metastatic_day"], state["surgery_day"], state["last_progression_day"]
    was_early = known(state["her2_before_metastatic_day"]) | known(state["chemotherapy_before_metastatic_day"])
    was_early |= known(operated) & (operated < metastatic)
    recurred = known(metastatic) & was_early
    residual = (fact("pathological_response") == RESIDUAL_DISEASE) & ~known(metastatic) & known(operated)
    grew = known(progressed)
    order = [grew & (fact("tumour_site") == GASTRIC), recurred, residual, grew]
    since = first_of(order, [progressed, metastatic - numbers.recurrence_result_days, operated, progressed], UNKNOWN)
    both = known(since) & known(last_result_day)
    return {
        "new_tissue": first_of(order, [PROGRESSION, RECURRENCE, RESIDUAL, PROGRESSION], UNKNOWN),
        "her2_tested_since": np.where(both, yes_no(last_result_day >= since), UNKNOWN),
    }
