"""Worked histories, one by one, with the state they leave: holds and their clocks, doses, courses, everything else."""

from __future__ import annotations

from decimal import Decimal

import pytest

from course_makers import (
    SC,
    ZERO,
    P,
    T,
    columns_of,
    date,
    dose,
    doses,
    given,
    latest_values,
    lvef,
    made,
    rules,
    state_of,
)
from her2path.facts.value import Interval, OneOf
from her2path.history import names as v
from her2path.history.drug_codes import default_codes
from her2path.history.folds.heart import ACTIONS
from her2path.history.folds.heart_tables import UnfitTable, tables_for
from her2path.history.timeline import thousandths, timeline_of
from her2path.record.event import Event

CODE = default_codes().code
BASE = [lvef(-7, 65), *doses(0, 84)]
"""Five doses on time, LVEF 65 before the first."""


def held(course: list[Event], on: int = 4000, **more: int) -> tuple[int, int, int | None, int | None]:
    """On hold, holds closed, the day of the hold, the day of the stop."""
    state = state_of(course, on, **more)
    return (
        state["on_hold"],
        state["holds"],
        state.get("hold_day") if state["on_hold"] else None,
        state.get("stopped_day"),
    )


def action(course: list[Event], on: int = 4000, limit: int = 50, jurisdiction: str = "us") -> str:
    place = state_of(course, on, limit, jurisdiction)["last_action"]
    return ACTIONS[place] if place < len(ACTIONS) else "none of the fold's"


# -- the test vectors of the labels -------------------------------------------------------------

VECTORS = [
    # baseline, now, limit 50, limit 55, EU
    ("65", "49", "hold", "hold", "hold"), ("65", "50", "continue", "hold", "continue"),
    ("70", "54", "hold", "hold", "continue"), ("70", "55", "continue", "continue", "continue"),
    ("70", "54.5", "continue", "hold", "continue"), ("60", "50", "continue", "hold", "continue"),
    ("60", "49", "hold", "hold", "hold"), ("58", "49", "continue", "continue", "continue"),
    ("55", "45", "hold", "hold", "hold"), ("60", "50.4", "continue", "continue", "continue"),
    ("62", "52", "continue", "hold", "continue"), ("65.1", "49.2", "hold", "hold", "hold"),
    ("66", "50.1", "continue", "hold", "continue"), ("70", "54.001", "continue", "hold", "continue"),
]  # fmt: skip


@pytest.mark.parametrize(("baseline", "now", "us_50", "us_55", "eu"), VECTORS)
def test_the_vectors_of_the_labels(baseline: str, now: str, us_50: str, us_55: str, eu: str) -> None:
    course = [lvef(-7, Decimal(baseline)), *doses(0, 63), lvef(84, Decimal(now))]
    assert action(course, 84) == us_50
    assert action(course, 84, 55) == us_55
    assert action(course, 84, 50, "eu") == eu
    assert (held(course, 84)[0] == 1) == (us_50 == "hold")


@pytest.mark.parametrize(
    ("product", "setting", "baseline", "now", "expected"),
    [
        (P, "metastatic", 52, 44, "continue"), (P, "metastatic", 55, 44, "hold"), (P, "metastatic", 52, 39, "hold"),
        ("phesgo", "metastatic", 52, 44, "continue"), ("phesgo", "metastatic", 55, 44, "hold"),
        ("t-dm1", "metastatic", 55, 45, "hold"), ("t-dm1", "metastatic", 60, 46, "continue"),
        ("t-dxd", "metastatic", 60, 46, "continue"), ("t-dxd", "metastatic", 70, 48, "hold"),
        ("t-dxd", "metastatic", 45, 41, "continue"),
        ("zanidatamab", "metastatic", 62, 50, "hold"), (SC, "adjuvant", 65, 49, "hold"),
        ("margetuximab", "metastatic", 65, 49, "hold"), ("tucatinib", "metastatic", 65, 40, "none of the fold's"),
    ],
)  # fmt: skip
def test_the_vectors_of_the_other_products(product: str, setting: str, baseline: int, now: int, expected: str) -> None:
    course = [made("setting", setting, -9), lvef(-7, baseline), *doses(0, 63, product=product), lvef(84, now)]
    assert action(course, 84) == expected


def test_a_repeat_of_66_to_51_resumes_and_to_50_does_not() -> None:
    start = [lvef(-7, 66), *doses(0, 63), lvef(84, 45)]
    assert action([*start, lvef(84 + 35, 51)]) == "resume"
    assert action([*start, lvef(84 + 35, 50)]) == "hold"
    assert action([lvef(-7, 65), *doses(0, 63), lvef(84, 45), lvef(84 + 35, 49)]) == "hold"


# -- one hold -----------------------------------------------------------------------------------


def test_a_hold_opens_on_the_day_of_its_lvef() -> None:
    course = [*BASE, lvef(90, 48)]
    assert held(course, 89) == (0, 0, None, None)
    assert held(course, 90) == (1, 0, 90, None)
    assert held(course, 400) == (1, 0, 90, None)


def test_a_hold_is_closed_by_the_next_dose_after_recovery() -> None:
    course = [*BASE, lvef(90, 48), lvef(125, 60), dose(130)]
    before = state_of(course, 129)
    assert (before["on_hold"], before["may_resume"], before["may_resume_day"]) == (1, 1, 125)
    after = state_of(course, 130)
    assert (after["on_hold"], after["holds"], after["may_resume"], after["doses_in_hold"]) == (0, 1, 0, 0)


@pytest.mark.parametrize(("day", "expected"), [(27, "hold"), (28, "resume"), (56, "resume"), (57, "clinician decides")])
def test_the_clock_of_a_recovery(day: int, expected: str) -> None:
    course = [*BASE, lvef(90, 48), lvef(90 + day, 62)]
    assert action(course) == expected
    assert held(course)[3] == (90 + day if expected == "stop" else None)


@pytest.mark.parametrize(("day", "expected"), [(27, "hold"), (28, "hold"), (56, "hold"), (57, "stop")])
def test_the_clock_of_a_persistent_decline(day: int, expected: str) -> None:
    assert action([*BASE, lvef(90, 48), lvef(90 + day, 48)]) == expected


def test_a_hold_without_another_lvef_is_not_stopped_by_the_calendar() -> None:
    assert held([*BASE, lvef(90, 48)], 900) == (1, 0, 90, None)


def test_more_low_lvefs_in_a_hold_are_one_occasion() -> None:
    course = [*BASE, *[lvef(90 + 7 * n, 45) for n in range(6)], lvef(140, 62), dose(142)]
    assert held(course) == (0, 1, None, None)


def test_a_recovery_before_four_weeks_waits_and_a_later_one_counts() -> None:
    course = [*BASE, lvef(90, 48), lvef(110, 62)]
    assert (action(course), held(course)) == ("hold", (1, 0, 90, None))
    assert action([*course, lvef(120, 62)]) == "resume"


def test_low_again_after_recovery_and_before_the_dose_withdraws_the_leave() -> None:
    state = state_of([*BASE, lvef(90, 48), lvef(125, 60), lvef(130, 45), dose(132)])
    assert (state["on_hold"], state["may_resume"], state["doses_in_hold"]) == (1, 0, 1)


# -- four occasions -----------------------------------------------------------------------------


def occasions(count: int) -> list[Event]:
    """So many holds, each resumed after five weeks."""
    course = [lvef(-7, 65), dose(0)]
    for number in range(count):
        day = 30 + 100 * number
        course += [lvef(day, 48), lvef(day + 35, 62), dose(day + 36), dose(day + 57)]
    return course


def test_three_holds_are_resumed() -> None:
    assert held(occasions(3)) == (0, 3, None, None)


def test_the_fourth_trigger_stops_for_good() -> None:
    course = [*occasions(3), lvef(330, 48)]
    assert action(course) == "stop"
    assert held(course) == (1, 3, 330, 330)
    assert held([*course, lvef(370, 65)])[3] == 330


def test_holds_are_counted_over_products_and_routes() -> None:
    first = [lvef(-7, 65), dose(0), lvef(30, 48), lvef(65, 62), dose(66, SC)]
    assert held([*first, lvef(100, 48), lvef(135, 62), dose(136, "phesgo")]) == (0, 2, None, None)
    assert held([*first, lvef(100, 48), lvef(135, 62), dose(136, SC), lvef(170, 48), lvef(205, 62), dose(206),
                 lvef(240, 49)]) == (1, 3, 240, 240)  # fmt: skip


# -- doses that should not have been given ------------------------------------------------------


def test_doses_during_a_hold_are_counted_and_leave_it_open() -> None:
    state = state_of([*BASE, lvef(90, 48), dose(105), dose(126)])
    assert (state["on_hold"], state["doses_in_hold"], state["dose_in_hold_day"], state["holds"]) == (1, 2, 126, 0)


def test_a_dose_on_the_day_of_the_low_lvef_is_not_counted() -> None:
    assert state_of([*BASE, lvef(105, 48), dose(105)])["doses_in_hold"] == 0


def test_two_antibodies_of_one_day_are_one_dose_during_the_hold() -> None:
    assert state_of([*BASE, lvef(90, 48), dose(105), dose(105, P)])["doses_in_hold"] == 1


def test_doses_after_the_stop_are_counted() -> None:
    course = [*BASE, lvef(90, 48), lvef(150, 48), dose(150), dose(160), dose(181)]
    state = state_of(course)
    assert (state["stopped_day"], state["doses_after_stop"]) == (150, 2)


def test_heart_failure_found_with_the_lvef_stops() -> None:
    """On one day what is found comes before the LVEF that is judged by it."""
    course = [made("setting", "adjuvant", -20), *BASE, made("heart_failure", "yes", 90), lvef(90, 55), dose(105)]
    state = state_of(course)
    assert ACTIONS[state["last_action"]] == "stop"
    assert (state["stopped_day"], state["doses_after_stop"]) == (90, 1)


def test_heart_failure_stops_without_any_lvef_and_for_good() -> None:
    failure = made("heart_failure", "yes", 90), made("heart_failure", "no", 95)
    course = [made("setting", "adjuvant", -20), *BASE, *failure, dose(105), dose(126)]
    assert (state_of(course)["stopped_day"], state_of(course)["doses_after_stop"]) == (90, 2)
    assert "stopped_day" not in state_of([*doses(0, 63), made("heart_failure", "no", 70)])


def test_heart_failure_before_the_first_dose_or_long_after_the_last_stops_nothing() -> None:
    assert "stopped_day" not in state_of([made("heart_failure", "yes", -90), *BASE, lvef(90, 60)])
    assert "stopped_day" not in state_of([*BASE, made("heart_failure", "yes", 84 + 91)])


# -- brands, methods, two on a day --------------------------------------------------------------


def test_another_brand_during_a_hold_changes_nothing() -> None:
    switched = [
        lvef(-7, 65),
        dose(0, brand="ogivri"),
        lvef(20, 48),
        lvef(55, 62),
        dose(57, brand="kanjinti"),
        lvef(120, 48),
    ]
    same = [lvef(-7, 65), dose(0), lvef(20, 48), lvef(55, 62), dose(57), lvef(120, 48)]
    assert state_of(switched) == state_of(same)
    assert held(switched) == (1, 1, 120, None)


@pytest.mark.parametrize("order", [(60, 48), (48, 60)])
def test_of_two_lvefs_on_one_day_the_lower_counts(order: tuple[int, int]) -> None:
    state = state_of([*BASE, *[lvef(90, value) for value in order]])
    assert (state["lvef"], state["on_hold"], state["same_day_day"], state["lvef_count"]) == (48_000, 1, 90, 2)


def test_methods_are_kept() -> None:
    state = state_of([lvef(-7, 65, "MUGA"), dose(0), lvef(80, 60, "echo")])
    assert (state["baseline_method"], state["lvef_method"]) == (2, 1)


# -- baselines ----------------------------------------------------------------------------------


def test_the_baseline_is_the_last_lvef_before_the_first_dose() -> None:
    state = state_of([lvef(-60, 70), lvef(-7, 65), dose(0), lvef(80, 60)])
    assert (state["baseline"], state["baseline_day"], state["lvef"]) == (65_000, -7, 60_000)


def test_an_lvef_on_the_day_of_the_first_dose_is_the_baseline() -> None:
    assert state_of([lvef(0, 65), dose(0)])["baseline_day"] == 0


def test_without_a_baseline_no_fall_is_told() -> None:
    course = [*doses(0, 84), lvef(90, 48)]
    assert "baseline" not in state_of(course)
    assert (action(course), held(course)) == ("none of the fold's", (0, 0, None, None))


def test_without_a_baseline_a_normal_lvef_is_not_taken_as_enough() -> None:
    assert action([*doses(0, 84), lvef(90, 60)]) == "none of the fold's"


# -- holds that the record tells ----------------------------------------------------------------


def test_a_recorded_hold_for_the_heart_counts() -> None:
    hold = [*BASE, made("hold_recorded", "cardiac", 90)]
    state = state_of(hold)
    assert (state["on_hold"], state["hold_day"], state["hold_from_record"]) == (1, 90, 1)
    resumed = state_of([*hold, made("hold_recorded", "resumed", 130), dose(130)])
    assert (resumed["on_hold"], resumed["holds"], resumed["doses_in_hold"]) == (0, 1, 0)


def test_a_recorded_hold_for_another_reason_is_remembered_and_not_counted() -> None:
    state = state_of([*BASE, made("hold_recorded", "other", 90)])
    assert (state["on_hold"], state["other_hold_day"], state["holds"]) == (0, 90, 0)
    over = state_of([*BASE, made("hold_recorded", "other", 90), dose(140)])
    assert "other_hold_day" not in over
    assert (over["holds"], over["doses_in_hold"]) == (0, 0)


def test_the_record_says_hold_where_the_lvef_did_already() -> None:
    state = state_of([*BASE, lvef(90, 48), made("hold_recorded", "cardiac", 92)])
    assert (state["on_hold"], state["hold_day"], state["hold_from_record"]) == (1, 90, 0)


def test_after_a_recorded_resumption_no_leave_to_resume_is_left() -> None:
    state = state_of([*BASE, lvef(90, 48), lvef(125, 62), made("hold_recorded", "resumed", 126)])
    assert (state["on_hold"], state["may_resume"], state["holds"]) == (0, 0, 1)


# -- a year of gaps -----------------------------------------------------------------------------


def test_after_more_than_a_year_a_new_course_has_its_own_baseline() -> None:
    course = [*BASE, lvef(600, 58), dose(610), lvef(690, 50)]
    state = state_of(course)
    assert (state["courses"], state["first_day"], state["first_ever_day"], state["doses"]) == (2, 610, 0, 1)
    assert (state["baseline"], state["baseline_day"]) == (58_000, 600)
    assert action(course) == "continue"


def test_a_year_and_not_a_day_more_is_one_course() -> None:
    assert state_of([dose(0), dose(365)])["courses"] == 1
    assert state_of([dose(0), dose(366)])["courses"] == 2


def test_without_a_new_lvef_the_old_baseline_stands() -> None:
    assert state_of([*BASE, dose(610)])["baseline"] == 65_000


def test_a_long_gap_ends_an_open_hold_as_one_occasion() -> None:
    state = state_of([*BASE, lvef(90, 48), lvef(125, 62), dose(600)])
    assert (state["on_hold"], state["holds"], state["may_resume"], state["doses_in_hold"]) == (0, 1, 0, 0)


def test_an_lvef_long_after_the_last_dose_is_judged_by_no_rule() -> None:
    assert action([*BASE, lvef(84 + 90, 48)]) == "hold"
    assert action([*BASE, lvef(84 + 91, 48)]) == "none of the fold's"
    assert action([*BASE, lvef(90, 48), lvef(84 + 120, 48)]) == "stop"


# -- doses --------------------------------------------------------------------------------------


def test_three_weekly_doses() -> None:
    state = state_of([made("weight_kg", 70, 0), dose(0, T, 8), *doses(21, 63)])
    assert (state["product"], state["doses"], state["last_day"], state["schedule_days"]) == (
        CODE["trastuzumab-iv"],
        4,
        63,
        21,
    )
    assert (state["last_mg"], state["last_per_kg"], state["previous_day"]) == (420_000, 6000, 42)


def test_weekly_then_three_weekly() -> None:
    weekly = [dose(0, T, 4), *doses(7, 77, 7, per_kg=2)]
    assert state_of(weekly)["schedule_days"] == 7
    after = state_of([*weekly, dose(84, T, 6)])
    assert (after["schedule_days"], after["trastuzumab_doses"], after["longest_gap_days"]) == (21, 13, 7)


def test_the_schedule_by_mg_and_weight() -> None:
    by_mg = [made("weight_kg", 70, -3), made("dose_mg", 140, 0, T)]
    assert state_of(by_mg)["schedule_days"] == 7
    assert state_of([made("dose_mg", 140, 0, T)]).get("schedule_days") is None
    assert state_of([made("dose_mg", 140, 0, T), made("dose_mg", 140, 7, T)])["schedule_days"] == 7


@pytest.mark.parametrize(
    ("product", "days"),
    [(SC, 21), ("phesgo", 21), ("t-dm1", 21), ("t-dxd", 21), ("zanidatamab", 14), ("margetuximab", 21), ("tucatinib", 1),
     ("neratinib", 1), ("lapatinib", 1)],
)  # fmt: skip
def test_the_schedule_of_each_product(product: str, days: int) -> None:
    assert state_of([given(0, product)])["schedule_days"] == days


def test_from_trastuzumab_to_t_dm1() -> None:
    state = state_of([*BASE, *doses(105, 147, product="t-dm1")])
    assert (state["product"], state["product_first_day"], state["product_doses"]) == (CODE["t-dm1"], 105, 3)
    assert (state["earlier_product"], state["trastuzumab_doses"], state["last_t_dm1_day"]) == (
        CODE["trastuzumab-iv"],
        5,
        147,
    )
    assert "two_products_day" not in state


@pytest.mark.parametrize("order", [(T, P), (P, T)])
def test_pertuzumab_on_the_same_day_is_a_partner(order: tuple[str, str]) -> None:
    state = state_of([given(day, product) for day in (0, 21, 42) for product in order])
    assert (state["product"], state["doses"], state["product_doses"]) == (CODE["trastuzumab-iv"], 3, 3)
    assert (state["pertuzumab_last_day"], state.get("two_products_day")) == (42, None)


def test_two_antibodies_on_one_day_are_two_products() -> None:
    assert state_of([dose(0), dose(21), dose(21, "t-dm1")])["two_products_day"] == 21


def test_a_tablet_beside_the_antibody_is_a_partner_and_after_it_the_product() -> None:
    tablets = [given(day, "tucatinib") for day in range(90, 200, 7)]
    assert state_of([*BASE, *tablets], 84 + 42)["product"] == CODE["trastuzumab-iv"]
    assert state_of([*BASE, *tablets], 84 + 49)["product"] == CODE["tucatinib"]


def test_the_heart_follows_the_product_in_hand_where_tablets_go_on() -> None:
    """Six weeks after the antibody the tablet is the product, also for the heart, though doses never paused."""
    tablets = [given(day, "tucatinib") for day in range(90, 200, 7)]
    assert action([*BASE, *tablets, lvef(120, 48)]) == "hold"
    assert action([*BASE, *tablets, lvef(199, 48)]) == "none of the fold's"


def test_the_heart_follows_a_change_of_tablets() -> None:
    course = [lvef(-7, 65), *[given(day, "lapatinib") for day in range(0, 60, 7)],
              *[given(day, "tucatinib") for day in range(63, 90, 7)], lvef(90, 45)]  # fmt: skip
    assert state_of(course)["product"] == CODE["tucatinib"]
    assert action(course) == "none of the fold's"


def test_a_dose_that_was_not_given_is_none() -> None:
    assert state_of([dose(0), made("dose_given", "no", 21, T)])["doses"] == 1


def test_a_dose_whose_amount_cannot_be_read_is_one() -> None:
    state = state_of([dose(0), made("dose_mg", "a lot", 21, T)])
    assert (state["doses"], state.get("last_mg")) == (2, None)


def test_a_stop_is_recorded_until_doses_go_on() -> None:
    stop = [*BASE, made("stop_recorded", "progression", 90)]
    assert (state_of(stop)["stop_day"], state_of(stop)["stop_reason"]) == (90, v.STOP_PROGRESSION)
    assert "stop_day" not in state_of([*stop, dose(105)])
    assert state_of([*BASE, made("stop_recorded", "complete", 84)])["stop_day"] == 84


def test_an_order() -> None:
    state = state_of([*BASE, made("ordered_mg", 450, 90, "t-dm1")])
    assert (state["order_product"], state["order_day"], state["doses"]) == (CODE["t-dm1"], 90, 5)


def test_an_order_of_a_drug_that_is_given_on_its_day_is_given() -> None:
    """Decision D211; that of another drug on that day stands, and so does one for which nothing was given."""
    order = made("ordered_mg", 450, 84, T)
    assert "order_product" not in state_of([*BASE, order])
    assert state_of([*BASE, order, made("ordered_mg", 840, 84, P)])["order_product"] == CODE[P]
    assert state_of([*BASE, made("ordered_mg", 450, 105, T), made("dose_given", "no", 105, T)])["order_day"] == 105


# -- everything else ----------------------------------------------------------------------------


def test_doses_after_death() -> None:
    death = made("death_date", str(date(70)), None)
    state = state_of([dose(0), dose(70), dose(84), death])
    assert (state["death_day"], state["dose_after_death_day"]) == (70, 84)
    assert "dose_after_death_day" not in state_of([dose(0), dose(70), death])
    assert "death_day" not in state_of([dose(0), death], 69)


def test_pregnancy_and_doses() -> None:
    course = [dose(0), dose(21), made("pregnancy_test", "positive", 30), dose(42)]
    state = state_of(course, on=100)
    assert (state["pregnant"], state["pregnant_day"], state["pregnant_after_dose_days"]) == (v.STATED, 30, 9)
    assert "pregnant" not in state_of(course, on=331), "after 300 days without an end on record it is not known"
    assert state["dose_in_pregnancy_day"] == 42
    over = state_of([*course, made("pregnant", "no", 60), dose(63)])
    assert (over["pregnant"], over["dose_in_pregnancy_day"]) == (v.DENIED, 42)


def test_a_pregnancy_found_on_the_day_of_the_dose_comes_before_it() -> None:
    assert state_of([dose(21), made("pregnant", "yes", 21)])["dose_in_pregnancy_day"] == 21


def test_whether_pregnancy_was_looked_for_before_the_start() -> None:
    assert state_of([made("pregnancy_test", "negative", -3), dose(0)])["pregnancy_known_before"] == 1
    assert state_of([dose(0), made("pregnancy_test", "negative", 3)])["pregnancy_known_before"] == 0


@pytest.mark.parametrize(
    ("drug", "mg", "equivalent"),
    [("doxorubicin", 60, 240), ("epirubicin", 100, 320), ("daunorubicin", 50, 120), ("mitoxantrone", 10, 420),
     ("idarubicin", 10, 200), ("liposomal-doxorubicin", 40, 160)],
)  # fmt: skip
def test_anthracyclines_add_up(drug: str, mg: int, equivalent: int) -> None:
    state = state_of([made("dose_mg_per_m2", mg, 21 * n, drug) for n in range(4)])
    assert (state["doxorubicin_equivalent"], state["anthracycline_unmeasured"]) == (equivalent * 1000, 0)
    assert (state["anthracycline_first_day"], state["anthracycline_last_day"]) == (0, 63)


def test_an_anthracycline_in_mg_by_body_surface() -> None:
    body = [made("weight_kg", 80, -5), made("height_cm", 180, -5)]
    assert state_of([*body, made("dose_mg", 120, 0, "doxorubicin")])["doxorubicin_equivalent"] == 60_000
    alone = state_of([made("dose_mg", 120, 0, "doxorubicin")])
    assert (alone["doxorubicin_equivalent"], alone["anthracycline_unmeasured"]) == (0, 1)


def test_an_anthracycline_after_her2_therapy() -> None:
    assert state_of([dose(0), made("dose_mg_per_m2", 60, 30, "doxorubicin")])["anthracycline_after_her2_day"] == 30
    assert "anthracycline_after_her2_day" not in state_of([made("dose_mg_per_m2", 60, -30, "doxorubicin"), dose(0)])


def test_metastatic_lines() -> None:
    course = [
        *doses(0, 42), made("setting", "metastatic", 500),
        *doses(510, 573), *[made("dose_mg_per_m2", 75, day, "docetaxel") for day in (510, 531)],
        made("progression", "yes", 600), *doses(610, 652, product="t-dxd"),
        made("progression", "yes", 700), made("dose_mg_per_m2", 1000, 710, "capecitabine"), given(710, "tucatinib"),
        dose(710),
    ]  # fmt: skip
    state = state_of(course)
    assert (state["her2_lines"], state["chemotherapy_lines"], state["progressions"]) == (3, 2, 2)
    assert (state["metastatic_day"], state["her2_before_metastatic_day"], state["her2_after_metastatic_day"]) == (
        500,
        42,
        710,
    )
    assert (state["taxane_doses"], state["taxane_cycles"], state["setting"]) == (2, 2, 2)
    assert [state_of(course, day)["her2_lines"] for day in (505, 510, 605, 610, 709)] == [0, 1, 1, 2, 2]


def test_a_progression_told_twice_on_a_day_is_one() -> None:
    assert state_of([made("progression", "yes", 9), made("progression", "yes", 9)])["progressions"] == 1


def test_weekly_taxane_doses_of_three_weeks_are_one_cycle() -> None:
    weekly = [made("dose_mg_per_m2", 80, 7 * n, "paclitaxel") for n in range(12)]
    assert (state_of(weekly)["taxane_doses"], state_of(weekly)["taxane_cycles"]) == (12, 4)


def test_surgery_makes_the_setting_adjuvant_for_the_heart_too() -> None:
    """Pertuzumab's rule differs between early and metastatic disease; T-DM1's needs to know that it is early."""
    early = [made("setting", "neoadjuvant", -9), lvef(-7, 62), *doses(0, 63), made("surgery_done", "yes", 80)]
    assert state_of(early)["setting"] == 1
    assert state_of([*early, made("setting", "metastatic", 90)])["setting"] == 2
    alone = [lvef(-7, 62), made("surgery_done", "yes", -3), *doses(0, 63, product="t-dm1"), lvef(80, 48)]
    declared = [made("setting", "adjuvant", -9), *alone]
    assert action(alone) == action(declared) != "none of the fold's"


# -- onto the timeline --------------------------------------------------------------------------


def test_what_belongs_on_no_timeline() -> None:
    record = columns_of([[
        made("lvef", 60, None), made("lvef", "good", 3), made("dose_mg", 10, 4, "aspirin"), made("er_status", "positive", 5),
        made("progression", "maybe", 6), lvef(7, "50-55"),
    ]])  # fmt: skip
    timeline = timeline_of(record)
    undated, unplaced, narrowed = (
        [record.event(row) for row in rows] for rows in (timeline.undated, timeline.unplaced, timeline.narrowed)
    )
    assert [event.fact for event in undated] == ["lvef"]
    assert [event.fact for event in unplaced] == ["lvef", "dose_mg", "progression"]
    assert [event.day for event in narrowed] == [date(7)]
    assert (timeline.day.tolist(), timeline.number.tolist()) == ([ZERO + 7], [50_000])


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (Decimal("54.5"), 54_500), (54.5, 54_500), (0.1 + 0.2, 300), (Decimal("1.0005"), 1000), ("yes", v.UNKNOWN),
        (Interval(Decimal(50), Decimal(55), True, True), 50_000), (Interval(Decimal(50), None, False, False), 50_000),
        (Interval(None, Decimal(50), False, True), 50_000), (Interval(None, Decimal(50), False, False), 49_999),
        (Interval(), v.UNKNOWN), (OneOf(frozenset({"a"})), v.UNKNOWN),
    ],
)  # fmt: skip
def test_thousandths(value: object, expected: int) -> None:
    assert thousandths(value) == expected  # type: ignore[arg-type]


def test_an_lvef_below_50_is_not_taken_for_50() -> None:
    assert held([lvef(-7, 65), *doses(0, 63), lvef(84, "< 50")])[0] == 1
    assert held([lvef(-7, 60), *doses(0, 63), lvef(84, "< 50")])[0] == 1


# -- the latest value ---------------------------------------------------------------------------


def test_the_latest_value_stands_and_one_that_cannot_be_read_gives_way() -> None:
    said = [made("grade", "2", 5), made("grade", "3", 9), made("grade", "high", 12), made("grade", "1", None)]
    assert latest_values(said, 20)[0]["grade"] == "3"
    assert latest_values(said, 8)[0]["grade"] == "2"
    assert latest_values(said, 4)[0]["grade"] == "1"


def test_values_that_differ_on_one_day_are_both_possible_until_a_later_one() -> None:
    said = [made("er_status", "positive", 5), made("er_status", "negative", 5)]
    values, found = latest_values(said, 20)
    assert values["er_status"] == OneOf(frozenset({"positive", "negative"}))
    assert len(found.differing) == 1
    values, later = latest_values([*said, made("er_status", "positive", 9)], 20)
    assert (values["er_status"], later.differing) == ("positive", [])


# -- tables the fold cannot read ----------------------------------------------------------------


def test_a_table_with_too_many_inputs_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    here = rules()
    array = here.knowledge.array(here.knowledge.edition("heart-trastuzumab-us", "cardiac_action"), "cardiac_action")
    monkeypatch.setattr("her2path.history.folds.heart_tables.MOST_AXES", 3)
    with pytest.raises(UnfitTable, match="cardiac_action has too many inputs or cuts"):
        tables_for({T: array}, True)


def test_the_heart_facts_a_fold_knows_are_those_of_the_knowledge() -> None:
    """Every input of a cardiac table is known to the fold, in the order of the values it counts by."""
    from her2path.history.folds.heart import FINDINGS, INPUTS

    here = rules()
    facts = here.knowledge.facts
    assert facts["lvef_finding_at_hold"].values == FINDINGS
    assert facts["setting"].values == ("neoadjuvant", "adjuvant", "metastatic")
    assert all(facts[name].values == ("yes", "no") for name in ("on_hold", "heart_failure", "lvef_below_limit"))
    assert set(ACTIONS) <= set(facts["cardiac_action"].values)
    assert facts["product"].values == here.codes.products
    for edition in here.knowledge.editions:
        for outcome in {"lvef_finding", "cardiac_action"} & set(edition.tables):
            names = {axis.fact.name for axis in here.knowledge.array(edition, outcome).axes}
            assert names <= set(INPUTS), edition.key
