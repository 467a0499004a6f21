"""Where a course stands on a day: the facts that follow from the states the folds leave.

Everything is a column over patients; one patient is columns of length one, so that one and many can never
differ. A number is in thousandths, a category its place among the values of its fact, a day its ordinal;
`UNKNOWN` is unknown.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import numpy as np
import numpy.typing as npt

from ..facts.days import months_between, years_between
from ..facts.fact import Fact
from ..facts.value import Value
from .drug_codes import DrugCodes
from .names import ADJUVANT, NAMED, NEOADJUVANT, NO, STATED, UNKNOWN, YES, last_day_of
from .timeline import thousandths

Column = npt.NDArray[np.int64]
Columns = dict[str, Column]
THOUSAND = 1000
THREE_WEEKLY = "q3w"
"""The schedule by which the year of early disease ends: its last dose is one such cycle before."""
BEFORE_START, ON_TREATMENT, ON_HOLD, COMPLETED = range(4)
RESIDUAL = 1
NOT_STATED = 2
SAME_PLAN, CONCURRENT = 2, 4


_UNKNOWN = np.array(UNKNOWN, np.int64)
"""As an array it need not be made one for every comparison."""


def known(column: Column) -> npt.NDArray[np.bool_]:
    """Where a column is known."""
    made: npt.NDArray[np.bool_] = column != _UNKNOWN
    return made


def values_met(column: Column, size: int) -> list[int]:
    """The places of the values, of so many, that somebody has."""
    if len(column) <= size:
        return sorted({place for place in column.tolist() if 0 <= place < size})
    return np.bincount(column[(column >= 0) & (column < size)], minlength=size).nonzero()[0].tolist()


def first_of(conditions: Sequence[Any], choices: Sequence[Any], otherwise: int) -> Column:
    """The choice of the first condition that holds of each, else `otherwise`."""
    made: Any = otherwise
    for condition, choice in zip(reversed(conditions), reversed(choices), strict=True):
        made = np.where(condition, choice, made)
    column: Column = made.astype(np.int64)
    return column


def since(day: Column, on: int) -> Column:
    """The days from `day` to `on`, in thousandths; unknown where the day is."""
    return np.where(known(day), (on - day) * THOUSAND, UNKNOWN)


def yes_no(flag: Any) -> Column:
    return np.where(flag, YES, NO).astype(np.int64)


def yes_if(flag: Any) -> Column:
    """Yes where the flag is set; elsewhere unknown: what a record does not say is not denied."""
    return np.where(flag, YES, UNKNOWN).astype(np.int64)


def times(count: Column) -> Column:
    return np.where(known(count), count * THOUSAND, UNKNOWN)


def standing(state: Mapping[str, Column], on: int, codes: DrugCodes, schedules: Sequence[str]) -> Columns:
    """The facts of `facts.md` that the states of the folds settle on the day `on`.

    `codes` are the drugs that the states were folded by, `schedules` the values of the fact `schedule`.

    A record that holds no heart failure is taken as *no heart failure*, and one without a dose as not
    started (decision D94); nothing else is taken as no because it is absent.
    """
    made: Columns = {}
    product, setting = state["product"], state["setting"]
    of_trastuzumab = codes.having(product, codes.arrays.of_trastuzumab)
    made["product"] = product
    made["setting"] = setting
    days = state["schedule_days"]
    lengths = [codes.page.days.get(schedule, 0) for schedule in schedules]
    made["schedule"] = first_of([days == length for length in lengths], range(len(lengths)), UNKNOWN)
    made["days_since_last_dose"] = since(state["product_last_day"], on)
    first = np.where(of_trastuzumab, state["trastuzumab_first_day"], state["product_first_day"])
    made["days_since_first_dose"] = since(first, on)
    until_last = np.where(known(first) & known(state["product_last_day"]), state["product_last_day"] - first, UNKNOWN)
    made["days_first_to_last_dose"] = times(until_last)
    made["doses_given"] = times(np.where(of_trastuzumab, state["trastuzumab_doses"], state["product_doses"]))
    for antibody in ("trastuzumab", "pertuzumab"):
        given_on = state[f"{antibody}_last_day"]
        made[f"days_since_{antibody}"] = np.where(known(given_on), since(given_on, on), NAMED)
    made["weight_kg"] = state["last_weight"]
    made["weight_days_old"] = since(state["weight_day"], on)
    made["therapy_phase"] = phase(state, on, codes)
    last = state["any_last_day"]
    safe = np.where(known(last), last, on)
    made["months_since_last_dose"] = np.where(known(last), months_between(safe, on) * THOUSAND, UNKNOWN)
    made |= _heart(state)
    made |= _disease(state)
    made |= _given_before(state, codes)
    made["pregnant"] = np.where(known(state["pregnant"]), yes_no(state["pregnant"] == STATED), UNKNOWN)
    made["pregnancy_status_known"] = yes_no(state["pregnancy_known_before"] == 1)
    last_taxane = state["taxane_last_day"]
    made["taxane_recent"] = yes_no(known(last_taxane) & (on - last_taxane <= codes.numbers.partner_days))
    made["alive"] = yes_no(~known(state["death_day"]))
    of_course = codes.having(product, codes.arrays.shorter_days) & (state["product_first_day"] == state["first_day"])
    made["first_dose_mg_per_kg"] = np.where(of_course, state["first_per_kg"], UNKNOWN)
    given, nearest = _nearest(state, codes)
    made["dose_deviation_percent"] = _deviation(given, nearest)
    made["weight_change_percent"] = _weight_change(state, given, nearest, codes)
    made["partner_pertuzumab"] = yes_no(_with_pertuzumab(state, codes))
    before = known(state["baseline_day"]) & known(state["first_day"])
    made["baseline_days_before_start"] = times(np.where(before, state["first_day"] - state["baseline_day"], UNKNOWN))
    return made


def _with_pertuzumab(state: Mapping[str, Column], codes: DrugCodes) -> npt.NDArray[np.bool_]:
    """Where pertuzumab is given as a partner of another product: within six weeks of its last dose."""
    product, last = state["product"], state["product_last_day"]
    partner = known(state["pertuzumab_last_day"]) & known(last) & ~codes.having(product, codes.arrays.of_pertuzumab)
    partner &= state["pertuzumab_last_day"] >= state["product_first_day"]
    made: npt.NDArray[np.bool_] = partner & (last - state["pertuzumab_last_day"] < codes.numbers.partner_days)
    return made


SETTLED_BY = ("prior_her2_therapy", "prior_systemic_therapy", "pathological_response")
"""The recorded facts that `settle` reads."""


def settle(state: Mapping[str, Column], recorded: Mapping[str, Column], on: int, codes: DrugCodes) -> Columns:
    """Facts that need both the states and what else the record says (`recorded`): what is known already goes before.

    "No HER2-directed therapy before" means no T-DM1 before.
    """
    made: Columns = {}
    nothing = np.full(len(state["product"]), UNKNOWN, np.int64)
    never_her2 = (recorded.get("prior_her2_therapy", nothing) == 0) | (
        recorded.get("prior_systemic_therapy", nothing) == NO
    )
    never_any = recorded.get("prior_systemic_therapy", nothing) == NO
    for name in codes.page.given_before():
        made[name] = np.where(never_her2, NO, UNKNOWN)
    for name in ("prior_taxane", "prior_anthracycline", "prior_early_chemotherapy"):
        made[name] = np.where(never_any, NO, UNKNOWN)
    made["prior_metastatic_her2_lines"] = np.where(never_her2, state["her2_lines"] * THOUSAND, UNKNOWN)
    made["prior_metastatic_chemotherapy_lines"] = np.where(never_any, state["chemotherapy_lines"] * THOUSAND, UNKNOWN)
    ordered = known(state["order_day"]) & (
        ~known(state["any_last_day"]) | (state["order_day"] >= state["any_last_day"])
    )
    made["ordered_product"] = np.where(ordered, state["order_product"], UNKNOWN)
    response = recorded.get("pathological_response", nothing)
    order = made["ordered_product"]
    conjugate = codes.having(order, codes.arrays.conjugate)
    progressed = known(state["last_progression_day"]) & (state["last_progression_day"] >= state["product_first_day"])
    meant = progressed | ((response == RESIDUAL) & conjugate)
    made["switch_intended"] = np.where(ordered, np.where(meant, YES, NOT_STATED), UNKNOWN)
    weight, height = state["last_weight"], state["height"]
    both = known(weight) & known(height) & (height > 0)
    safe = np.where(both, height, 1)
    made["body_mass_index"] = np.where(both, weight * 10_000_000 // safe * THOUSAND // safe, UNKNOWN)
    planned, done = state["anthracycline_order_day"], state["anthracycline_last_day"]
    after = state["anthracycline_after_her2_day"]
    ordered_now = known(planned) & (~known(done) | (planned > done))
    recent = known(after) & (on - after <= codes.numbers.recent_anthracycline_days)
    made["anthracycline_planned"] = yes_if(ordered_now | recent)
    first, last, her2 = state["anthracycline_first_day"], state["anthracycline_last_day"], state["first_ever_day"]
    given = known(first) & known(her2)
    made["anthracycline_timing"] = first_of(
        [given & (last >= her2), given & (her2 - last <= codes.numbers.year_days)], [CONCURRENT, SAME_PLAN], UNKNOWN
    )
    recurred = known(state["metastatic_day"]) & known(state["her2_before_metastatic_day"])
    ended, came = state["her2_before_metastatic_day"], state["metastatic_day"]
    made["months_to_recurrence"] = UNKNOWN + np.zeros(len(ended), np.int64)
    for day in sorted({*came[recurred].tolist()}):
        chosen = recurred & (came == day)
        made["months_to_recurrence"][chosen] = months_between(ended[chosen], day) * THOUSAND
    return made


def _nearest(state: Mapping[str, Column], codes: DrugCodes) -> tuple[Column, Column]:
    """The last dose (mg/kg or mg) and the nearest one of the label; unknown where either is."""
    product, days = state["product"], state["schedule_days"]
    given = np.where(codes.having(product, codes.arrays.by_weight), state["last_per_kg"], state["last_mg"])
    nearest = np.full(len(product), UNKNOWN, np.int64)
    met = values_met(product, len(codes.products))
    for (code, length), doses in codes.labelled.items():
        if code not in met:
            continue
        chosen = (product == code) & (days == length)
        if not chosen.any():
            continue
        for dose in doses:
            nearer = chosen & (~known(nearest) | (np.abs(given - dose) < np.abs(given - nearest)))
            nearest = np.where(nearer, dose, nearest)
    return given, np.where(known(given), nearest, UNKNOWN)


def _deviation(given: Column, nearest: Column) -> Column:
    """How far the last dose lies from the nearest of the label, in percent (thousandths)."""
    both = known(given) & known(nearest)
    made: Column = np.where(both, (given - nearest) * 100 * THOUSAND // np.where(both, nearest, 1), UNKNOWN)
    return made


def _weight_change(state: Mapping[str, Column], given: Column, nearest: Column, codes: DrugCodes) -> Column:
    """The last weight against the one that the last dose by weight was worked out with: the dose over the label's
    mg/kg. Unknown where the dose itself is too far from any of the label."""
    mg, weight, product = state["last_mg"], state["last_weight"], state["product"]
    usable = codes.having(product, codes.arrays.by_weight) & known(mg) & known(weight) & known(given) & known(nearest)
    usable &= np.abs(given - nearest) * 100 <= codes.numbers.credible_dose_percent * np.where(usable, nearest, 1)
    worked = np.where(usable, mg * THOUSAND // np.where(usable, nearest, 1), 1)
    made: Column = np.where(usable, (weight - worked) * 100 * THOUSAND // np.maximum(worked, 1), UNKNOWN)
    return made


def phase(state: Mapping[str, Column], on: int, codes: DrugCodes) -> Column:
    """Before the start, on treatment, on hold or completed; unknown after a long silence of the record."""
    cycle = codes.page.days[THREE_WEEKLY]
    last, stop = state["product_last_day"], state["stop_day"]
    silent = known(last) & (on - last > codes.numbers.judged_days)
    early = (state["setting"] == NEOADJUVANT) | (state["setting"] == ADJUVANT)
    first = state["trastuzumab_first_day"]
    year_over = early & known(first) & (last - first >= codes.numbers.year_days - cycle) & (on - last > cycle)
    stopped = known(stop) & (stop >= last)
    return first_of(
        [
            ~known(last),
            known(state["stopped_day"]) | stopped | year_over,
            state["on_hold"] == 1,
            silent,
        ],
        [BEFORE_START, COMPLETED, ON_HOLD, UNKNOWN],
        ON_TREATMENT,
    )


def _heart(state: Mapping[str, Column]) -> Columns:
    """The facts by which the last LVEF is judged: the state just before it where a hold is open, else now's."""
    holding = state["on_hold"] == 1
    since_hold = holding & known(state["lvef_day"]) & (state["lvef_day"] >= state["hold_day"])
    stale = holding & ~since_hold
    was_on = np.where(since_hold, state["before_on_hold"], state["on_hold"]) == 1
    made: Columns = {
        "lvef_baseline": state["baseline"],
        "lvef": np.where(stale, UNKNOWN, state["lvef"]),
        "on_hold": yes_no(was_on),
        "hold_count": times(np.where(since_hold, state["before_holds"], state["holds"])),
        "heart_failure": yes_no(state["heart_failure"] == 1),
    }
    # Days on hold are counted to the LVEF that is judged; without one since the hold they are unknown (H-9).
    days = np.where(was_on & known(state["before_days_on_hold"]), state["before_days_on_hold"] * THOUSAND, UNKNOWN)
    made["days_on_hold"] = np.where(was_on, np.where(since_hold, days, UNKNOWN), 0)
    found = state["finding_at_hold"]
    made["lvef_finding_at_hold"] = np.where(holding & (found >= 0) & (found < 2), found, UNKNOWN)
    both = known(made["lvef_baseline"]) & known(made["lvef"])
    made["lvef_fall"] = np.where(both, made["lvef_baseline"] - made["lvef"], UNKNOWN)
    return made


def _disease(state: Mapping[str, Column]) -> Columns:
    metastatic = known(state["metastatic_day"])
    dosed = known(state["first_ever_day"])
    endocrine = metastatic & (state["endocrine_lines"] > 0)
    return {
        "prior_early_chemotherapy": yes_if(known(state["chemotherapy_before_metastatic_day"])),
        "prior_metastatic_endocrine_lines": np.where(endocrine, state["endocrine_lines"] * THOUSAND, UNKNOWN),
        "taxane_cycles_given": np.where(
            metastatic & (state["taxane_cycles"] > 0), state["taxane_cycles"] * THOUSAND, UNKNOWN
        ),
        "surgery_done": yes_if(known(state["surgery_day"])),
        "progression": yes_no(
            known(state["last_progression_day"]) & (state["last_progression_day"] >= state["product_first_day"])
        ),
        "prior_her2_therapy": first_of(
            [known(state["her2_after_metastatic_day"]), known(state["her2_before_metastatic_day"])], [2, 1], UNKNOWN
        ),
        "prior_metastatic_her2_lines": np.where(metastatic & dosed, state["her2_lines"] * THOUSAND, UNKNOWN),
        "prior_metastatic_chemotherapy_lines": np.where(
            metastatic & (state["chemotherapy_lines"] > 0), state["chemotherapy_lines"] * THOUSAND, UNKNOWN
        ),
        "prior_taxane": yes_if(state["taxane_doses"] > 0),
        "prior_anthracycline": yes_if(known(state["anthracycline_first_day"])),
    }


def _given_before(state: Mapping[str, Column], codes: DrugCodes) -> Columns:
    """The facts that say a product was given before, each of its own products."""
    return {
        fact: yes_if(np.logical_or.reduce([known(state[last_day_of(product)]) for product in sorted(products)]))
        for fact, products in codes.page.given_before().items()
    }


def age_years(birth: Column, on: int) -> Column:
    """Whole years on the day, in thousandths; of somebody who is dead, as if she lived."""
    safe = np.where(known(birth), birth, on)
    return np.where(known(birth), years_between(safe, on) * THOUSAND, UNKNOWN)


def coded(value: Value, fact: Fact) -> int:
    """A value as a number of a column: thousandths, the place of a category, an ordinal; `UNKNOWN` if partly known."""
    if isinstance(value, Decimal | float):
        return thousandths(value)
    if fact.kind == "date" and isinstance(value, str):
        return dt.date.fromisoformat(value).toordinal()
    if isinstance(value, str) and value in fact.values:
        place = fact.values.index(value)
        return NAMED + place if fact.is_number else place
    return UNKNOWN
