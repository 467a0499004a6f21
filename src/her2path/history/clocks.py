"""Clocks: the days that follow from a history and from the intervals the labels give.

Columns over patients, as in `standing.py`; the intervals come as the words of the tables ("3 months").
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cache

import numpy as np
import numpy.typing as npt

from ..facts.days import months_after
from ..facts.pages.numbers import CourseNumbers
from .course_facts import THOUSAND, Column, Columns, first_of, known, values_met, yes_no
from .drug_codes import DrugCodes
from .names import METASTATIC, NO, STATED, UNKNOWN, YES, last_day_of

_SPAN = re.compile(r"(?:within )?(\d+)(?: to (\d+))? (day|week|month|year)s?")
DEADLINE = "within "
"""How an interval begins that is the last day for something, and no day from which on it may be done."""


@cache
def span(words: str) -> tuple[int, int] | None:
    """An interval in words as (days, months), the longest it allows; `None` where it names none."""
    return _span(words, longest=True)


@cache
def shortest_span(words: str) -> tuple[int, int] | None:
    """The shortest it allows: nothing of a deadline ("within 3 weeks")."""
    return (0, 0) if words.startswith(DEADLINE) and span(words) else _span(words, longest=False)


def _span(words: str, longest: bool) -> tuple[int, int] | None:
    match = _SPAN.fullmatch(words)
    if match is None:
        return None
    count = int(match[2] if longest and match[2] else match[1])
    return {"day": (count, 0), "week": (7 * count, 0), "month": (0, count), "year": (0, 12 * count)}[match[3]]


def after(day: Column, words: Column, values: Sequence[str]) -> Column:
    """The days so long after `day` as the category `words` (places in `values`) says; unknown where it names none."""
    made, dated = np.full(len(day), UNKNOWN, np.int64), known(day)
    for place in values_met(words, len(values)):
        length = span(values[place])
        if length is None:
            continue
        chosen = (words == place) & dated
        if not chosen.any():
            continue
        days, months = length
        made[chosen] = months_after(day[chosen], months) if months else day[chosen] + days
    return made


def late(due: Column, on: int) -> Column:
    """Days since `due`, in thousandths; negative until it is."""
    return np.where(known(due), (on - due) * THOUSAND, UNKNOWN)


def echo_clock(
    state: Mapping[str, Column], interval: Column, values: Sequence[str], on: int, tolerance_days: int,
    recheck: Column, recheck_values: Sequence[str], over: npt.NDArray[np.bool_],
) -> Columns:  # fmt: skip
    """When the next LVEF is due: after the last one, else after the first dose, by the label's interval.

    A repeat that the latest LVEF itself calls for (`recheck`) comes first where it is sooner. A deadline has no
    tolerance. `over` says whose therapy is completed.
    """
    last = np.where(known(state["lvef_day"]), state["lvef_day"], state["first_day"])
    due = after(last, interval, values)
    sooner = after(state["lvef_day"], recheck, recheck_values)
    comes_first = known(sooner) & (~known(due) | (sooner < due))
    due = np.where(comes_first, sooner, due)
    strict = np.where(comes_first, _deadline(recheck, recheck_values), _deadline(interval, values))
    # One LVEF at completion: where none was measured since the last dose, it is due then.
    final = over & known(due) & known(state["any_last_day"]) & (state["any_last_day"] >= state["lvef_day"])
    due = np.where(final & known(state["lvef_day"]), np.minimum(due, state["any_last_day"]), due)
    overdue = late(due, on)
    beyond = (overdue > tolerance_days * THOUSAND) | (strict & (overdue > 0))
    return {
        "echo_due_day": due,
        "echo_days_overdue": overdue,
        "echo_beyond_tolerance": np.where(known(overdue), yes_no(beyond), UNKNOWN),
    }


def _deadline(words: Column, values: Sequence[str]) -> npt.NDArray[np.bool_]:
    """Where a category is a deadline."""
    return np.array([*(value.startswith(DEADLINE) for value in values), False], np.bool_)[
        np.where(known(words), words, len(values))
    ]


def dose_clock(state: Mapping[str, Column], on: int) -> Columns:
    """When the next dose is due, by the schedule in hand, and how late it is."""
    both = known(state["product_last_day"]) & known(state["schedule_days"])
    due = np.where(both, state["product_last_day"] + state["schedule_days"], UNKNOWN)
    return {"next_dose_day": due, "dose_days_late": late(due, on)}


def hold_clock(state: Mapping[str, Column], on: int, numbers: CourseNumbers) -> Columns:
    """The open hold's clocks: earliest resume, and the day after which a decline counts as persistent."""
    holding = (state["on_hold"] == 1) & known(state["hold_day"])
    return {
        "earliest_resume_day": np.where(holding, state["hold_day"] + numbers.earliest_resume_days, UNKNOWN),
        "latest_recovery_day": np.where(holding, state["hold_day"] + numbers.latest_recovery_days, UNKNOWN),
        "days_since_hold": np.where(holding, (on - state["hold_day"]) * THOUSAND, UNKNOWN),
        "hold_open": yes_no(holding),
        "resume_allowed": yes_no(state["may_resume"] == 1),
        "stopped_for_good": yes_no(known(state["stopped_day"])),
        "doses_in_hold": state["doses_in_hold"] * THOUSAND,
        "past_doses_in_hold": state["past_doses_in_hold"] * THOUSAND,
        "doses_after_stop": state["doses_after_stop"] * THOUSAND,
    }


def year_clock(state: Mapping[str, Column], codes: DrugCodes) -> Columns:
    """The last day of the year of trastuzumab in early disease, on trastuzumab or pertuzumab (H-23)."""
    early = (state["setting"] != METASTATIC) & known(state["setting"]) & known(state["trastuzumab_first_day"])
    early &= codes.having(state["product"], codes.arrays.of_trastuzumab) | (
        codes.having(state["product"], codes.arrays.of_pertuzumab)
    )
    return {"year_end_day": np.where(early, state["trastuzumab_first_day"] + codes.numbers.year_days, UNKNOWN)}


def washout_clock(last_day: Column, months: Column, values: Sequence[str], on: int) -> Columns:
    """Until when contraception is needed after the last dose, and whether that is still running."""
    made, dated = np.full(len(last_day), UNKNOWN, np.int64), known(last_day)
    for place in values_met(months, len(values)):
        value, chosen = values[place], (months == place) & dated
        if not chosen.any():
            continue
        length = (0, int(value)) if value.isdigit() else span(value)
        if length is not None:
            made[chosen] = months_after(last_day[chosen], length[1]) if length[1] else last_day[chosen] + length[0]
    return {
        "contraception_until_day": made,
        "within_washout": np.where(known(made), yes_no(on < made), UNKNOWN),
    }


def first_clocks(state: Mapping[str, Column], first_result_day: Column, on: int, codes: DrugCodes) -> Columns:
    """The clocks and doubts that need no answer of a table."""
    clocks = dose_clock(state, on) | hold_clock(state, on, codes.numbers) | year_clock(state, codes)
    return clocks | doubts(state, first_result_day)


def last_days(state: Mapping[str, Column], codes: DrugCodes) -> list[tuple[str, Column]]:
    """The last day of each product given: its washout may still run."""
    days = [(product, state[last_day_of(product)]) for product in codes.products]
    return [(product, day) for product, day in days if known(day).any()]


def conception(state: Mapping[str, Column], until: Column, numbers: CourseNumbers) -> Column:
    """Whether a pregnancy began during therapy or before its washout was over: by the day it was first recorded.

    Recorded within a gestation after the washout it may have begun in it, so that this is unknown then.
    """
    pregnant = (state["pregnant"] == STATED) & known(state["pregnant_day"])
    treated = known(state["pregnant_after_dose_days"])
    day = state["pregnant_day"]
    return first_of(
        [
            pregnant & ~treated,
            pregnant & known(until) & (day < until),
            pregnant & known(until) & (day > until + numbers.gestation_days),
        ],
        [NO, YES, NO],
        UNKNOWN,
    )


def doubts(state: Mapping[str, Column], first_result_day: Column) -> Columns:
    """What in a record does not fit together."""
    dosed = known(state["first_ever_day"])
    before = dosed & known(first_result_day) & (state["first_ever_day"] < first_result_day)
    return {
        "doses_before_result": np.where(dosed & known(first_result_day), yes_no(before), UNKNOWN),
        "doses_after_death": yes_no(known(state["dose_after_death_day"])),
        "two_products_one_day": yes_no(known(state["two_products_day"])),
        "course_restarted": yes_no(state["courses"] > 1),
        "lvef_baseline_known": yes_no(known(state["baseline"])),
    }
