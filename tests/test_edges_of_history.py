"""The edges of a history: the last day on which a rule still holds and the first on which it does not, one by one.

Each test stands beside one comparison, number or reset of `history/`; `changed_constants.py` turns them and looks
whether a test here sees it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from course_makers import (
    NOTHING,
    ZERO,
    P,
    T,
    columns_of,
    date,
    dose,
    doses,
    given,
    her2_columns,
    lvef,
    made,
    rules,
    state_of,
)
from her2path.findings.course.columns import CourseFacts
from her2path.findings.course.facts import facts_of
from her2path.history import clocks
from her2path.history.drug_codes import default_codes
from her2path.history.folds.heart import ACTIONS, FINDINGS, OTHER_ACTION
from her2path.history.names import NO, STATED, UNKNOWN, YES
from her2path.record.event import Event

CODE = default_codes().code
BASE = [lvef(-7, 65), *doses(0, 84)]
"""Five doses on time, LVEF 65 before the first."""


def action(course: list[Event], on: int = 4000) -> str:
    place = state_of(course, on)["last_action"]
    return ACTIONS[place] if place < OTHER_ACTION else "none of the fold's"


def known(course: list[Event], on: int, first_result: int | None = None) -> dict[str, Any]:
    """The facts of one course on a day, before any question is asked."""
    by = rules(on)
    found: CourseFacts = facts_of(columns_of([course]), by, her2_columns([(NOTHING, first_result)]))
    facts = by.knowledge.facts
    values = {
        name: found.numbered.value(int(column[0]), facts[name])
        for name, column in found.values.items()
        if name in facts and int(column[0]) != UNKNOWN
    }
    return {name: value for name, value in values.items() if value is not None}


def column(*numbers: int) -> Any:
    return np.array(numbers, np.int64)


# -- the heart ----------------------------------------------------------------------------------


def test_days_on_hold_are_counted_from_the_lvef_that_opened_it() -> None:
    course = [*BASE, lvef(90, 48), lvef(118, 60)]
    assert state_of(course)["before_days_on_hold"] == 28
    assert known(course, 120)["days_on_hold"] == 28


def test_the_lowest_lvef_under_therapy_is_kept() -> None:
    assert state_of([*BASE, lvef(30, 60), lvef(60, 56), lvef(90, 62)])["lowest"] == 56_000


def test_surgery_makes_the_heart_of_t_dm1_judged_as_in_early_disease() -> None:
    """60 to 46: the label of T-DM1 holds at 45 to 49 with a fall of 10 or more only in early disease."""
    course = [lvef(-7, 60), made("surgery_done", "yes", -3), *doses(0, 63, product="t-dm1"), lvef(84, 46)]
    assert action(course) == "hold"
    assert action([made("setting", "metastatic", -9), *course]) == "continue"


def test_a_recorded_stop_ends_an_open_hold() -> None:
    state = state_of([*BASE, lvef(90, 48), made("stop_recorded", "other", 95)])
    assert (state["on_hold"], state["holds"]) == (0, 1)


def test_after_a_recorded_stop_no_lvef_is_judged_until_a_next_dose() -> None:
    stopped = [*BASE, made("stop_recorded", "other", 86)]
    assert action([*stopped, lvef(90, 48)]) == "none of the fold's"
    assert state_of([*stopped, lvef(90, 48)])["on_hold"] == 0
    assert action([*stopped, dose(105), lvef(110, 48)]) == "hold"


def test_how_a_hold_began_is_remembered_whatever_the_repeats_say() -> None:
    for repeat in (60, 49, 45):
        state = state_of([*BASE, lvef(90, 48), lvef(104, repeat)])
        assert state["finding_at_hold"] == FINDINGS.index("too low"), repeat


def test_an_lvef_on_the_day_of_the_last_dose_is_no_baseline_of_the_next_course() -> None:
    assert state_of([*BASE, lvef(84, 58), dose(600)])["baseline"] == 65_000
    assert state_of([*BASE, lvef(85, 58), dose(600)])["baseline"] == 58_000


def test_heart_failure_before_the_first_dose_is_no_harm_of_the_therapy() -> None:
    state = state_of([made("heart_failure", "yes", -90), *BASE])
    assert (state["heart_failure"], state.get("heart_failure_day")) == (0, None)


def test_the_longest_time_between_two_lvefs() -> None:
    assert state_of([*BASE, lvef(60, 62), lvef(90, 62)])["longest_echo_gap_days"] == 67


# -- doses --------------------------------------------------------------------------------------


def test_a_schedule_is_not_told_by_the_gaps_of_the_product_before() -> None:
    progressed = made("progression", "yes", 30)
    assert "schedule_days" not in state_of([*doses(0, 21, product="t-dm1"), progressed, given(42)])


def test_weekly_doses_are_those_of_the_product_in_hand() -> None:
    changes = [made("progression", "yes", day) for day in (30, 50)]
    course = [*doses(0, 14, 7, per_kg=2), dose(35, "t-dm1"), *doses(56, 63, 7, per_kg=2), *changes]
    assert state_of(course, 30)["weekly_doses"] == 2
    assert state_of(course)["weekly_doses"] == 1


def test_ten_days_apart_is_weekly_and_eleven_is_not() -> None:
    assert [state_of([given(0), given(day)])["weekly_doses"] for day in (10, 11)] == [1, 0]
    assert [state_of([given(0), given(day)])["schedule_days"] for day in (10, 11)] == [7, 21]


def test_five_mg_per_kg_belongs_to_the_longer_schedule() -> None:
    assert [state_of([dose(0, T, amount)])["schedule_days"] for amount in ("4.999", 5)] == [7, 21]
    weekly = [dose(0, T, 4), dose(7, T, 2)]
    assert [state_of([*weekly, dose(14, T, amount)])["schedule_days"] for amount in ("4.999", 5)] == [7, 21]


def test_the_first_dose_of_a_course_is_remembered() -> None:
    assert state_of([dose(0, T, 8), dose(21)])["first_per_kg"] == 8000
    assert state_of([dose(0, T, 8), dose(21), dose(600, T, 4)])["first_per_kg"] == 4000


def test_a_new_course_has_gaps_of_its_own() -> None:
    assert state_of([dose(0), dose(100), dose(600), dose(621)])["longest_gap_days"] == 21


def test_two_products_with_trastuzumab_on_one_day_are_one_dose_of_it() -> None:
    assert state_of([dose(0), dose(0, "phesgo"), dose(21)])["trastuzumab_doses"] == 2


def test_a_tablet_takes_over_when_more_than_six_weeks_are_over() -> None:
    for days, product in ((42, T), (43, "tucatinib")):
        assert state_of([*BASE, given(84 + days, "tucatinib")])["product"] == CODE[product], days


# -- everything else ----------------------------------------------------------------------------


def test_a_progression_that_is_denied_is_none() -> None:
    state = state_of([*BASE, made("progression", "no", 90)])
    assert (state["progressions"], state.get("last_progression_day")) == (0, None)


def test_a_pregnancy_without_an_end_is_believed_for_300_days() -> None:
    course = [dose(0), made("pregnant", "yes", 30)]
    assert state_of(course, 330)["pregnant"] == STATED
    assert "pregnant" not in state_of(course, 331)


def test_a_second_positive_test_does_not_move_the_day_of_a_pregnancy() -> None:
    course = [dose(0), *[made("pregnancy_test", "positive", day) for day in (30, 60)]]
    assert (state_of(course, 100)["pregnant_day"], state_of(course, 100)["pregnant_after_dose_days"]) == (30, 30)


def test_cycles_of_early_disease_are_not_those_of_metastatic_disease() -> None:
    docetaxel = [made("dose_mg_per_m2", 75, day, "docetaxel") for day in (0, 21, 510)]
    assert state_of([*docetaxel, made("setting", "metastatic", 500)])["taxane_cycles"] == 1


def test_a_taxane_from_the_twentieth_day_on_begins_the_next_cycle() -> None:
    for day, cycles in ((19, 1), (20, 2)):
        assert (
            state_of([made("dose_mg_per_m2", 80, each, "paclitaxel") for each in (0, day)])["taxane_cycles"] == cycles
        )


def test_metastatic_disease_begins_when_it_is_first_told() -> None:
    assert state_of([made("setting", "metastatic", day) for day in (100, 200)])["metastatic_day"] == 100


def test_chemotherapy_lines_are_those_of_metastatic_disease() -> None:
    early = [made("dose_mg_per_m2", 1000, day, "capecitabine") for day in (0, 21)]
    later = [
        made("setting", "metastatic", 100),
        *[made("dose_mg_per_m2", 1000, day, "capecitabine") for day in (110, 131)],
    ]
    assert [state_of(each)["chemotherapy_lines"] for each in (early, [*early, *later], later)] == [0, 1, 1]
    assert state_of([*early, *later])["chemotherapy_before_metastatic_day"] == 21
    assert "chemotherapy_before_metastatic_day" not in state_of(later)


def test_endocrine_doses_up_to_the_next_progression_are_one_line() -> None:
    course = [made("setting", "metastatic", 0), *[made("dose_mg", "2.5", day, "letrozole") for day in (10, 40, 70)]]
    assert state_of(course)["endocrine_lines"] == 1
    more = [made("progression", "yes", 80), made("dose_mg", 250, 90, "fulvestrant")]
    assert state_of([*course, *more])["endocrine_lines"] == 2


# -- clocks -------------------------------------------------------------------------------------


def echo(
    lvef_day: int, interval: str, recheck: str, on: int, over: bool = False, last: int = ZERO, tolerance: int = 14
) -> dict[str, Any]:
    """The clock of the next LVEF of one patient who began on day 0."""
    words = ("3 months", "4 weeks", "6 months", "none")
    state = {"lvef_day": column(lvef_day), "first_day": column(ZERO), "any_last_day": column(last)}
    made = clocks.echo_clock(
        state,
        column(words.index(interval)),
        words,
        ZERO + on,
        tolerance,
        column(words.index(recheck)),
        words,
        np.array([over]),
    )
    return {name: int(each[0]) for name, each in made.items()}


def test_the_earlier_of_two_lvefs_that_are_due_comes_first() -> None:
    assert echo(ZERO, "3 months", "4 weeks", 0)["echo_due_day"] == ZERO + 28
    assert echo(ZERO, "3 months", "6 months", 0)["echo_due_day"] == date(91).toordinal()
    assert echo(UNKNOWN, "3 months", "4 weeks", 0)["echo_due_day"] == date(91).toordinal()


def test_an_lvef_is_due_with_the_last_dose_unless_one_was_measured_after_it() -> None:
    assert echo(ZERO - 10, "3 months", "none", 30, over=True)["echo_due_day"] == ZERO
    assert echo(ZERO, "3 months", "none", 30, over=True)["echo_due_day"] == ZERO
    assert echo(ZERO + 1, "3 months", "none", 30, over=True)["echo_due_day"] == date(92).toordinal()


def test_on_the_last_day_of_the_tolerance_an_lvef_is_not_overdue() -> None:
    for on, beyond in ((28 + 14, NO), (28 + 15, YES)):
        assert echo(ZERO, "3 months", "4 weeks", on)["echo_beyond_tolerance"] == beyond


def test_when_a_pregnancy_began_is_told_by_the_washout_and_a_gestation() -> None:
    """In therapy or washout: yes. Later than 40 weeks after it: no. Between the two nobody knows."""
    until, days = ZERO + 200, (199, 200, 200 + 280, 200 + 281)
    state = {
        "pregnant": column(*[STATED] * 4), "pregnant_day": column(*[ZERO + day for day in days]),
        "pregnant_after_dose_days": column(*days),
    }  # fmt: skip
    made = clocks.conception(state, column(*[until] * 4), default_codes().numbers)
    assert made.tolist() == [YES, UNKNOWN, UNKNOWN, NO]


def test_one_course_did_not_begin_anew() -> None:
    assert known(BASE, 100)["course_restarted"] == "no"
    assert known([*BASE, dose(600)], 610)["course_restarted"] == "yes"


def test_a_dose_on_the_day_of_the_result_is_not_before_it() -> None:
    assert [known(BASE, 100, first)["doses_before_result"] for first in (0, 1)] == ["no", "yes"]


# -- where the course stands --------------------------------------------------------------------


def test_pertuzumab_is_a_partner_for_less_than_six_weeks_before_the_last_dose() -> None:
    for day, partner in ((42, "no"), (43, "yes")):
        assert known([*BASE, given(day, P)], 90)["partner_pertuzumab"] == partner, day


def test_pertuzumab_with_the_first_dose_is_its_partner_and_one_before_it_is_not() -> None:
    assert known([given(0, P), dose(0), dose(21)], 30)["partner_pertuzumab"] == "yes"
    progressed = made("progression", "yes", 20)
    assert known([given(0, P), dose(0), progressed, dose(21, "t-dm1")], 30)["partner_pertuzumab"] == "no"


def test_a_taxane_is_recent_for_six_weeks() -> None:
    course = [*BASE, made("dose_mg_per_m2", 75, 84, "docetaxel")]
    assert [known(course, 84 + days)["taxane_recent"] for days in (42, 43)] == ["yes", "no"]


def test_what_is_ordered_on_the_day_of_the_last_dose_is_ordered() -> None:
    for day, product in ((83, None), (84, "t-dm1")):
        assert known([*BASE, made("ordered_mg", 250, day, "t-dm1")], 90).get("ordered_product") == product, day


def test_a_change_of_product_after_progression_is_intended() -> None:
    order = [*BASE, made("ordered_mg", 350, 91, "t-dxd")]
    assert known(order, 95)["switch_intended"] == "not stated"
    assert known([*order, made("progression", "yes", 90)], 95)["switch_intended"] == "yes"


def test_an_anthracycline_given_on_the_day_of_its_order_is_planned_no_more() -> None:
    order = made("ordered_mg", 100, 10, "doxorubicin")
    assert known([order], 12)["anthracycline_planned"] == "yes"
    assert "anthracycline_planned" not in known([order, made("dose_mg_per_m2", 60, 10, "doxorubicin")], 12)


def test_an_anthracycline_after_the_antibody_matters_for_30_days() -> None:
    course = [dose(0), made("dose_mg_per_m2", 60, 30, "doxorubicin")]
    assert known(course, 60)["anthracycline_planned"] == "given"
    assert "anthracycline_planned" not in known(course, 61)


@pytest.mark.parametrize(("day", "timing"), [(0, 4), (-1, 2), (-364, 2), (-365, None)])
def test_when_an_anthracycline_was_given_beside_the_first_dose(day: int, timing: int | None) -> None:
    """On the day of the first dose: together with it; up to 364 days before: in the same plan."""
    course = [made("dose_mg_per_m2", 60, day, "doxorubicin"), dose(0)]
    values = rules(10).knowledge.facts["anthracycline_timing"].values
    assert known(course, 10).get("anthracycline_timing") == (None if timing is None else values[timing])


@pytest.mark.parametrize(("milligrams", "change"), [(700, -20), (701, None)])
def test_a_weight_is_worked_back_from_a_dose_up_to_25_percent_from_the_label(
    milligrams: int, change: int | None
) -> None:
    """70 kg. 700 mg are 10 mg/kg, a quarter more than the label's 8: worked out for 87.5 kg, so 20 percent are lost."""
    course = [made("weight_kg", 70, 0), made("dose_mg", milligrams, 1, T)]
    assert known(course, 10).get("weight_change_percent") == change


def test_after_90_days_of_silence_nobody_knows_whether_she_is_treated() -> None:
    assert known(BASE, 84 + 90)["therapy_phase"] == "on treatment"
    assert "therapy_phase" not in known(BASE, 84 + 91)


def test_the_year_is_over_three_weeks_after_a_dose_of_its_last_three_weeks() -> None:
    year = [made("setting", "adjuvant", -9), *doses(0, 336)]
    for last, days, phase in ((343, 22, "completed"), (343, 21, "on treatment"), (342, 22, "on treatment")):
        assert known([*year, dose(last)], last + days)["therapy_phase"] == phase, (last, days)


def test_a_stop_on_the_day_of_the_last_dose_completes_the_therapy() -> None:
    for day, phase in ((83, "on treatment"), (84, "completed")):
        assert known([*BASE, made("stop_recorded", "complete", day)], 90)["therapy_phase"] == phase, day


def test_the_lvef_that_opened_a_hold_is_the_one_that_is_judged() -> None:
    found = known([*BASE, lvef(90, 48)], 95)
    assert (found["lvef"], found["on_hold"], found["hold_count"], found["therapy_phase"]) == (48, "no", 0, "on hold")


def test_body_mass_index_is_kg_by_the_square_of_metres() -> None:
    assert known([made("weight_kg", 64, 0), made("height_cm", 160, 0)], 10)["body_mass_index"] == 25
