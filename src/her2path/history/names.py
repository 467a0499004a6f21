"""The columns a fold reads and the numbers it speaks in.

A timeline is four columns, sorted by patient, day and kind: `day` (ordinal, 1 = 0001-01-01), `kind`,
`number` (thousandths, so that every recorded decimal is exact) and `code` (a drug or a category). The
order of the kinds is the order within a day: what was found comes before the LVEF that is judged by it, and that
before what was given.
"""

from __future__ import annotations

UNKNOWN = -(2**62)
"""No number: of a column, of a state, of an output."""

NAMED = UNKNOWN + 1
"""From here on, up to the values a number fact has, a number column holds a named value."""

WEIGHT, HEIGHT, HEART_FAILURE, SETTING, PROGRESSION, SURGERY, PREGNANT, PREGNANCY_TEST, LVEF = range(9)
HOLD, STOP, DOSE, DOSE_PER_KG, DOSE_PER_M2, NOT_GIVEN, ORDER, DEATH = range(9, 17)

NO, YES = 0, 1
CARDIAC, OTHER, RESUMED = 1, 2, 3
STOP_CARDIAC, STOP_PROGRESSION, STOP_COMPLETE, STOP_OTHER = 1, 2, 3, 4

TRASTUZUMAB_IV, TRASTUZUMAB_SC, PHESGO, PERTUZUMAB, T_DM1, T_DXD = range(6)
ZANIDATAMAB, MARGETUXIMAB, TUCATINIB, NERATINIB, LAPATINIB = range(6, 11)
HER2_PRODUCTS = (
    "trastuzumab-iv", "trastuzumab-sc", "phesgo", "pertuzumab", "t-dm1", "t-dxd", "zanidatamab", "margetuximab",
    "tucatinib", "neratinib", "lapatinib",
)  # fmt: skip
ANTHRACYCLINES = ("doxorubicin", "liposomal-doxorubicin", "epirubicin", "daunorubicin", "mitoxantrone", "idarubicin")
TAXANES = ("paclitaxel", "nab-paclitaxel", "docetaxel")
CHEMOTHERAPIES = (
    "carboplatin", "cisplatin", "oxaliplatin", "capecitabine", "fluorouracil", "cyclophosphamide", "gemcitabine",
    "vinorelbine", "eribulin",
)  # fmt: skip
ENDOCRINE = ("letrozole", "anastrozole", "exemestane", "tamoxifen", "fulvestrant")
OTHERS = ("pembrolizumab", "tislelizumab")
DRUGS = (*HER2_PRODUCTS, *ANTHRACYCLINES, *TAXANES, *CHEMOTHERAPIES, *ENDOCRINE, *OTHERS)
DRUG_CODES = {name: code for code, name in enumerate(DRUGS)}
PRODUCTS = len(HER2_PRODUCTS)
FIRST_TAXANE = PRODUCTS + len(ANTHRACYCLINES)
FIRST_CHEMOTHERAPY = FIRST_TAXANE + len(TAXANES)
FIRST_ENDOCRINE = FIRST_CHEMOTHERAPY + len(CHEMOTHERAPIES)
FIRST_OTHER = FIRST_ENDOCRINE + len(ENDOCRINE)

COURSE_BREAK_DAYS = 365
"""Without any HER2-directed dose for longer than this, the next one begins a new course (decision D90)."""

AFTER_LAST_DOSE_DAYS = 90
"""An LVEF later than this after the last dose is judged against no rule of treatment, unless a hold is open (D91)."""

PARTNER_DAYS = 42
"""Longer after the antibody than this, pertuzumab or a tablet is no partner of it but the product itself."""

DOSING = (
    "product", "first_day", "last_day", "doses", "product_first_day", "product_last_day", "product_doses",
    "last_mg", "last_per_kg", "previous_day", "trastuzumab_first_day", "trastuzumab_last_day", "trastuzumab_doses",
    "pertuzumab_last_day", "courses", "last_weight", "first_weight", "schedule_days", "longest_gap_days",
    "order_product", "order_day", "stop_day", "stop_reason", "two_products_day", "earlier_product",
    "last_t_dm1_day", "last_t_dxd_day", "any_last_day", "first_ever_day", "weekly_doses", "pertuzumab_first_day",
    "first_per_kg",
)  # fmt: skip
"""What the fold of doses leaves of a patient. Days are ordinals; numbers thousandths where the name has a unit."""

HEART = (
    "baseline", "baseline_day", "lvef", "lvef_day", "before_on_hold", "before_days_on_hold", "before_holds",
    "on_hold", "hold_day", "may_resume", "may_resume_day", "holds", "last_action", "stopped_day",
    "doses_in_hold", "dose_in_hold_day", "doses_after_stop", "heart_failure", "heart_failure_day", "lvef_count",
    "same_day_day", "hold_from_record", "longest_echo_gap_days", "baseline_method", "lvef_method",
    "previous_lvef", "previous_lvef_day", "other_hold_day", "lowest", "finding_at_hold",
    "past_doses_in_hold",
)  # fmt: skip
"""What the fold of the heart leaves; `before_*` is the state just before the last LVEF was judged."""

COURSE = (
    "metastatic_day", "progressions", "last_progression_day", "surgery_day", "pregnant", "pregnant_day",
    "pregnancy_test", "pregnancy_test_day", "dose_in_pregnancy_day", "pregnant_after_dose_days", "death_day",
    "dose_after_death_day", "anthracycline_first_day", "anthracycline_last_day", "doxorubicin_equivalent",
    "taxane_doses", "taxane_last_day", "chemotherapy_last_day", "endocrine_last_day", "her2_lines",
    "anthracycline_after_her2_day", "chemotherapy_lines", "anthracycline_unmeasured", "her2_before_metastatic_day",
    "her2_after_metastatic_day", "setting", "pregnancy_known_before", "taxane_cycles", "anthracycline_order_day",
    "tucatinib_last_day", "endocrine_lines", "chemotherapy_before_metastatic_day", "height",
)  # fmt: skip
"""What the fold of everything else leaves."""
