"""The columns a fold reads, the numbers it speaks in, and the names of what it leaves.

A timeline is four columns, sorted by patient, day and kind: `day` (ordinal, 1 = 0001-01-01), `kind`,
`number` (thousandths, so that every recorded decimal is exact) and `code` (a drug or a category). The
order of the kinds is the order within a day: what was found comes before the LVEF that is judged by it, and that
before what was given. What is known of drugs comes from the knowledge: see `drug_codes.py`.
"""

from __future__ import annotations

from typing import NamedTuple

UNKNOWN = -(2**62)
"""No number: of a column, of a state, of an output."""

NAMED = UNKNOWN + 1
"""From here on, up to the values a number fact has, a number column holds a named value."""

YES, NO = 0, 1
"""The places of `yes` and `no` among the values of a fact, as every column of facts has them."""

DENIED, STATED = 0, 1
"""What an event says of its fact, and a state after it. The denial sorts first: of both on one day the statement
stands."""

WEIGHT, HEIGHT, HEART_FAILURE, SETTING, PROGRESSION, SURGERY, PREGNANT, PREGNANCY_TEST, LVEF = range(9)
HOLD, STOP, DOSE, DOSE_PER_KG, DOSE_PER_M2, NOT_GIVEN, ORDER, DEATH = range(9, 17)
DOSES = (DOSE, DOSE_PER_KG, DOSE_PER_M2)

NEOADJUVANT, ADJUVANT, METASTATIC = range(3)
CARDIAC, OTHER, RESUMED = 1, 2, 3
STOP_CARDIAC, STOP_PROGRESSION, STOP_COMPLETE, STOP_OTHER = 1, 2, 3, 4


class DosingState(NamedTuple):
    """What the fold of doses leaves of a patient, by its place. Days are ordinals; numbers with a unit thousandths.

    After these stands the last day of every HER2-directed product, in the order of the codes.
    """

    product: int
    first_day: int
    last_day: int
    doses: int
    product_first_day: int
    product_last_day: int
    product_doses: int
    last_mg: int
    last_per_kg: int
    previous_day: int
    trastuzumab_first_day: int
    trastuzumab_last_day: int
    trastuzumab_doses: int
    pertuzumab_last_day: int
    courses: int
    last_weight: int
    first_weight: int
    schedule_days: int
    longest_gap_days: int
    order_product: int
    order_day: int
    stop_day: int
    stop_reason: int
    two_products_day: int
    earlier_product: int
    any_last_day: int
    first_ever_day: int
    weekly_doses: int
    pertuzumab_first_day: int
    first_per_kg: int
    weight_day: int


class HeartState(NamedTuple):
    """What the fold of the heart leaves, by its place; `before_*` is the state just before the last LVEF was judged."""

    baseline: int
    baseline_day: int
    lvef: int
    lvef_day: int
    before_on_hold: int
    before_days_on_hold: int
    before_holds: int
    on_hold: int
    hold_day: int
    may_resume: int
    may_resume_day: int
    holds: int
    last_action: int
    stopped_day: int
    doses_in_hold: int
    dose_in_hold_day: int
    doses_after_stop: int
    heart_failure: int
    heart_failure_day: int
    lvef_count: int
    same_day_day: int
    hold_from_record: int
    longest_echo_gap_days: int
    baseline_method: int
    lvef_method: int
    previous_lvef: int
    previous_lvef_day: int
    other_hold_day: int
    lowest: int
    finding_at_hold: int
    past_doses_in_hold: int
    hold_not_asked: int
    holds_not_asked: int


class CourseState(NamedTuple):
    """What the fold of everything else leaves, by its place."""

    metastatic_day: int
    progressions: int
    last_progression_day: int
    surgery_day: int
    pregnant: int
    pregnant_day: int
    pregnancy_test: int
    pregnancy_test_day: int
    dose_in_pregnancy_day: int
    pregnant_after_dose_days: int
    death_day: int
    dose_after_death_day: int
    anthracycline_first_day: int
    anthracycline_last_day: int
    doxorubicin_equivalent: int
    taxane_doses: int
    taxane_last_day: int
    chemotherapy_last_day: int
    endocrine_last_day: int
    her2_lines: int
    anthracycline_after_her2_day: int
    chemotherapy_lines: int
    anthracycline_unmeasured: int
    her2_before_metastatic_day: int
    her2_after_metastatic_day: int
    setting: int
    pregnancy_known_before: int
    taxane_cycles: int
    anthracycline_order_day: int
    endocrine_lines: int
    chemotherapy_before_metastatic_day: int
    height: int


DOSING, HEART, COURSE = DosingState._fields, HeartState._fields, CourseState._fields
"""The names of what each fold leaves, in the order of its columns."""
DOSING_AT = DosingState(*range(len(DOSING)))
HEART_AT = HeartState(*range(len(HEART)))
COURSE_AT = CourseState(*range(len(COURSE)))
"""The place of each name among the columns of its fold: a fold fills its row by these alone."""


def last_day_of(product: str) -> str:
    """The name of the state that holds the last day of one HER2-directed product."""
    return f"last_{product.replace('-', '_')}_day"
