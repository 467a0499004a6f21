"""Where a course stands on a day: the facts that follow from the states the folds leave.

Everything is a column over patients; one patient is columns of length one, so that one and many can never
differ. A number is in thousandths, a category its place among the values of its fact, a day its ordinal;
`UNKNOWN` is unknown.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from .calendar_days import months_between, years_between
from .fold.vocabulary import (
    AFTER_LAST_DOSE_DAYS,
    PHESGO,
    UNKNOWN,
)

Column = npt.NDArray[np.int64]
Columns = dict[str, Column]
THOUSAND = 1000
YES, NO = 0, 1
"""The places of `yes` and `no` among the values of a fact."""
ADJUVANT, METASTATIC = 1, 2
BEFORE_START, ON_TREATMENT, ON_HOLD, COMPLETED = range(4)
Q3W, WEEKLY, Q2W, DAILY = range(4)
YEAR_DAYS = 364
"""52 weeks: the year of therapy in early disease (H-23)."""


def known(column: Column) -> npt.NDArray[np.bool_]:
    """Where a column is known."""
    made: npt.NDArray[np.bool_] = column != UNKNOWN
    return made


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


def standing(state: Mapping[str, Column], on: int) -> Columns:
    """The facts of `facts.md` that the states of the folds settle on the day `on`.

    A record that holds no heart failure is taken as *no heart failure*, and one without a dose as not
    started (decision D94); nothing else is taken as no because it is absent.
    """
    made: Columns = {}
    product, setting = state["product"], state["setting"]
    of_trastuzumab = known(product) & (product <= PHESGO)
    made["product"] = product
    made["setting"] = setting
    days = state["schedule_days"]
    made["schedule"] = np.select([days == 21, days == 7, days == 14, days == 1], [Q3W, WEEKLY, Q2W, DAILY], UNKNOWN)
    made["days_since_last_dose"] = since(state["product_last_day"], on)
    first = np.where(of_trastuzumab, state["trastuzumab_first_day"], state["product_first_day"])
    made["days_since_first_dose"] = since(first, on)
    made["doses_given"] = times(np.where(of_trastuzumab, state["trastuzumab_doses"], state["product_doses"]))
    made["weight_kg"] = state["last_weight"]
    made["therapy_phase"] = phase(state, on)
    last = state["any_last_day"]
    safe = np.where(known(last), last, on)
    made["months_since_last_dose"] = np.where(known(last), months_between(safe, on) * THOUSAND, UNKNOWN)
    made |= _heart(state, on)
    made |= _disease(state)
    made["pregnant"] = np.where(known(state["pregnant"]), 1 - state["pregnant"], UNKNOWN)
    return made


def phase(state: Mapping[str, Column], on: int) -> Column:
    """Before the start, on treatment, on hold or completed; unknown after a long silence of the record."""
    last, stop = state["product_last_day"], state["stop_day"]
    silent = known(last) & (on - last > AFTER_LAST_DOSE_DAYS)
    early = (state["setting"] == 0) | (state["setting"] == ADJUVANT)
    first = state["trastuzumab_first_day"]
    year_over = early & known(first) & (last - first >= YEAR_DAYS - 21) & (on - last > 21)
    stopped = known(stop) & (stop >= last)
    return np.select(
        [
            ~known(last),
            known(state["stopped_day"]) | stopped | year_over,
            state["on_hold"] == 1,
            silent,
        ],
        [BEFORE_START, COMPLETED, ON_HOLD, UNKNOWN],
        ON_TREATMENT,
    ).astype(np.int64)


def _heart(state: Mapping[str, Column], on: int) -> Columns:
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
    days = np.where(since_hold, state["before_days_on_hold"], on - state["hold_day"])
    made["days_on_hold"] = np.where(was_on & known(state["hold_day"]), days * THOUSAND, 0)
    both = known(made["lvef_baseline"]) & known(made["lvef"])
    made["lvef_fall"] = np.where(both, made["lvef_baseline"] - made["lvef"], UNKNOWN)
    return made


def _disease(state: Mapping[str, Column]) -> Columns:
    metastatic = known(state["metastatic_day"])
    dosed = known(state["first_ever_day"])
    trastuzumab = known(state["trastuzumab_last_day"])
    return {
        "surgery_done": yes_if(known(state["surgery_day"])),
        "progression": yes_no(
            known(state["last_progression_day"]) & (state["last_progression_day"] >= state["product_first_day"])
        ),
        "prior_her2_therapy": np.select(
            [known(state["her2_after_metastatic_day"]), known(state["her2_before_metastatic_day"])], [2, 1], UNKNOWN
        ).astype(np.int64),
        "prior_metastatic_her2_lines": np.where(metastatic & dosed, state["her2_lines"] * THOUSAND, UNKNOWN),
        "prior_metastatic_chemotherapy_lines": np.where(
            metastatic & (state["chemotherapy_lines"] > 0), state["chemotherapy_lines"] * THOUSAND, UNKNOWN
        ),
        "prior_trastuzumab": yes_if(trastuzumab),
        "prior_taxane": yes_if(state["taxane_doses"] > 0),
        "prior_anthracycline": yes_if(known(state["anthracycline_first_day"])),
        "prior_t_dm1": yes_if(known(state["last_t_dm1_day"])),
        "prior_t_dxd": yes_if(known(state["last_t_dxd_day"])),
    }


def age_years(birth: Column, on: int) -> Column:
    """Whole years on the day, in thousandths; of somebody who is dead, as if she lived."""
    safe = np.where(known(birth), birth, on)
    return np.where(known(birth), years_between(safe, on) * THOUSAND, UNKNOWN)
