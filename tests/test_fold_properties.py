"""Laws that hold for every course: of the folds, and of the facts that follow from them."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from functools import cache
from importlib.util import find_spec

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from course_makers import (
    PRODUCTS,
    ZERO,
    T,
    columns_of,
    date,
    dose,
    doses,
    events,
    latest_values,
    lvef,
    made,
    rules,
    state_of,
    treated,
)
from her2path.history.drug_codes import default_codes
from her2path.history.folds import run
from her2path.history.folds.heart import OTHER_ACTION
from her2path.history.names import COURSE, DOSING, HEART, UNKNOWN
from her2path.history.timeline import timeline_of
from her2path.record.event import Event
from her2path.tables.library import Knowledge

HAS_NUMBA = find_spec("numba") is not None
ON = st.integers(0, 1000)
CARDIAC = set(HEART)


def changed(before: dict[str, int], after: dict[str, int]) -> set[str]:
    return {name for name in (*DOSING, *HEART, *COURSE) if before.get(name) != after.get(name)}


# -- unrelated events ---------------------------------------------------------------------------

UNRELATED = [
    (lambda day: made("er_status", "positive", day), set()),
    (lambda day: made("grade", "3", day), set()),
    (lambda day: made("infusion_given_minutes", 90, day), set()),
    (lambda day: made("progression", "no", day), set()),
    (lambda day: made("dose_given", "no", day, T), set()),
    (lambda day: made("dose_mg", 10, day, "pembrolizumab"), set()),
    (lambda day: made("dose_mg", 10, day, "aspirin"), set()),
    (lambda day: made("dose_mg", 20, day, "letrozole"), {"endocrine_last_day", "endocrine_lines"}),
    (lambda day: made("hold_recorded", "other", day), {"other_hold_day"}),
    (lambda day: made("height_cm", 170, day), {"height", "doxorubicin_equivalent", "anthracycline_unmeasured"}),
]


@settings(max_examples=60)
@given(treated(), st.sampled_from(UNRELATED), st.integers(0, 900), ON)
def test_an_unrelated_event_changes_nothing(course: list[Event], added: tuple, day: int, on: int) -> None:
    make, allowed = added
    assert changed(state_of(course, on), state_of([*course, make(day)], on)) <= allowed


# -- days ---------------------------------------------------------------------------------------


@settings(max_examples=60)
@given(treated(), ON, st.integers(-2000, 2000))
def test_shifting_all_days_shifts_the_state_and_changes_nothing_else(course: list[Event], on: int, days: int) -> None:
    shifted = [replace(event, day=event.day + dt.timedelta(days=days)) for event in course if event.day]
    before, after = state_of(course, on), state_of(shifted, on + days)
    assert after == {name: value + days if name.endswith("_day") else value for name, value in before.items()}


@settings(max_examples=60)
@given(treated(), st.lists(events(), max_size=5), ON)
def test_a_later_event_never_changes_an_earlier_state(course: list[Event], more: list[Event], on: int) -> None:
    known = [event for event in course if event.day and event.day <= date(on)]
    later = [replace(event, day=date(on + 1 + place)) for place, event in enumerate(more)]
    assert state_of([*known, *later], on) == state_of(known, on)


@settings(max_examples=25)
@given(treated(), st.sampled_from(["stage", "er_status", "tumour_size_mm", "death_date"]), st.integers(1, 900))
def test_what_is_learnt_later_is_not_known_earlier(course: list[Event], fact: str, on: int) -> None:
    said = {"stage": "2", "er_status": "positive", "tumour_size_mm": 12, "death_date": str(date(on + 1))}[fact]
    late = made(fact, said, None if fact == "death_date" else on + 1)
    assert latest_values([*course, late], on)[0] == latest_values(course, on)[0]
    assert state_of([*course, late], on) == state_of(course, on)


@settings(max_examples=40)
@given(treated().flatmap(lambda course: st.tuples(st.just(course), st.permutations(course))), ON)
def test_the_order_of_a_file_changes_nothing(both: tuple[list[Event], list[Event]], on: int) -> None:
    one, other = both
    assert state_of(one, on) == state_of(other, on)


# -- brands -------------------------------------------------------------------------------------


@settings(max_examples=40)
@given(treated(), st.lists(st.sampled_from(["kanjinti", "ogivri"]), min_size=40, max_size=40), ON)
def test_two_brands_of_one_product_change_no_state(course: list[Event], brands: list[str], on: int) -> None:
    split = [
        replace(event, qualifier=brand) if event.product == T else event
        for event, brand in zip(course, brands, strict=False)
    ]
    assert state_of([*split, *course[len(split) :]], on) == state_of(course, on)


@settings(max_examples=60)
@given(treated(), st.integers(0, 900), ON)
def test_the_route_changes_no_count_of_the_heart(course: list[Event], switch: int, on: int) -> None:
    """One rule of the US label for the infusion and the subcutaneous product: holds are counted over both."""
    only = [event for event in course if event.product in ("", T)]
    switched = [
        replace(event, product="trastuzumab-sc") if event.product and event.day and event.day >= date(switch) else event
        for event in only
    ]
    assert changed(state_of(only, on), state_of(switched, on)) & CARDIAC == set()


# -- sanity of every state ----------------------------------------------------------------------


@settings(max_examples=80)
@given(treated(), ON)
def test_what_every_state_keeps(course: list[Event], on: int) -> None:
    state = state_of(course, on)
    for name, value in state.items():
        assert not name.endswith("_day") or value <= on, name
    assert state["on_hold"] == 0 or "hold_day" in state
    assert state["may_resume"] == 0 or state["on_hold"] == 1
    assert state["hold_from_record"] == 0 or state["on_hold"] == 1
    assert ("stopped_day" in state) or state["doses_after_stop"] == 0
    assert ("dose_in_hold_day" in state) == (state["doses_in_hold"] + state["past_doses_in_hold"] > 0)
    assert state["product_doses"] <= state["doses"]
    assert ("baseline" in state) == ("baseline_day" in state)
    assert "lowest" not in state or state["lowest"] <= max(e.value for e in course if e.fact == "lvef") * 1000
    if "first_day" in state:
        assert state["first_ever_day"] <= state["first_day"] <= state["last_day"] == state["any_last_day"]
        assert state["product_first_day"] <= state["product_last_day"] <= state["last_day"]
        assert state["courses"] >= 1
    else:
        assert state["courses"] == state["doses"] == state["holds"] == 0


@settings(max_examples=60)
@given(st.lists(st.tuples(st.integers(0, 300), PRODUCTS), min_size=1, max_size=12), st.integers(1, 90))
def test_the_heart_judges_by_the_product_in_hand(given_on: list[tuple[int, str]], later: int) -> None:
    """The product of the last dose is one for the fold of doses and for the fold of the heart.

    The heart does not tell its product, so a good LVEF is put to it: only two of the tablets have no rule for it.
    """
    on = max(day for day, _ in given_on) + later
    course = [lvef(-7, 65), *[made("dose_given", "yes", day, product) for day, product in given_on]]
    state = state_of([*course, lvef(on, 65)], on)
    product = default_codes().products[state["product"]]
    assert (state["last_action"] == OTHER_ACTION) == (product in ("tucatinib", "neratinib")), product


# -- one and many -------------------------------------------------------------------------------


def both_ways(many: list[list[Event]], on: int, compiled: bool | None = HAS_NUMBA) -> None:
    """Each alone by the folds interpreted, and all together by the compiled ones; holds begin and end alike."""
    tables, day = rules(4000, 50).heart_tables, ZERO + on
    timeline = timeline_of(columns_of(many))
    found = run.fold(timeline, day, 50_000, tables, compiled=compiled)
    assert set(found.state) == {*run.dosing_names(default_codes()), *HEART, *COURSE}
    for place, course in enumerate(many):
        one = run.fold(timeline_of(columns_of([course])), day, 50_000, tables, compiled=False)
        alone = {name: int(column[0]) for name, column in one.state.items()}
        together = {name: int(column[place]) for name, column in found.state.items()}
        assert together == alone, {
            name: (alone[name], together[name]) for name in alone if alone[name] != together[name]
        }
        assert found.holds[timeline.of(place)].tolist() == one.holds.tolist()


@settings(max_examples=60)
@given(st.lists(treated(), max_size=6), ON)
def test_one_and_many_fold_alike(many: list[list[Event]], on: int) -> None:
    both_ways(many, on)


@settings(max_examples=15)
@given(st.lists(treated(), min_size=1, max_size=3), ON)
def test_without_numba_the_same(many: list[list[Event]], on: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run, "find_spec", lambda _: None)
        patch.setattr(run._Seen, "patients", run.FEW)
        patch.setattr(run, "compiled_folds", cache(not_to_be_compiled))
        both_ways(many, on, None)


def not_to_be_compiled() -> None:
    raise AssertionError("nothing is compiled without numba")


def test_nobody_at_all() -> None:
    both_ways([], 10)
    both_ways([[], [], []], 10)


def test_two_of_a_kind_on_one_day_come_in_one_order() -> None:
    """A hold recorded and ended on one day, in either order of the file, alone and among many."""
    hold = [made("hold_recorded", each, 30) for each in ("resumed", "cardiac")]
    pair = [made("dose_given", "yes", 9, product) for product in ("pertuzumab", T)]
    both_ways([[*pair, *hold]], 100)
    both_ways([[*reversed(pair), *reversed(hold)]], 100)


# -- the adjuvant schedules ---------------------------------------------------------------------

SCHEDULES = {
    "AC-TH weekly then q3w": (12, 26, "anthracycline then taxane"),
    "TCH weekly then q3w": (18, 30, "docetaxel and carboplatin"),
    "q3w 8 then 6": (0, 18, "none after anthracycline"),
}
"""Weekly doses, doses in all, and the partner by which the label chooses the schedule."""


def by_label(weekly: int, ask: object) -> list[tuple[int, int]]:
    """(day, mg/kg) of a year of doses on their due days, each as the tables give it."""
    given: list[tuple[int, int]] = []
    day = 0
    while day < 364:
        schedule = "weekly" if len(given) < weekly else "q3w"
        kind = "loading" if not given else "maintenance"
        given.append((day, ask(schedule, kind)))
        day += 7 if len(given) <= weekly and weekly else 21
    return given


@pytest.mark.parametrize("name", SCHEDULES)
def test_every_adjuvant_schedule_sums_to_110_mg_per_kg(name: str, knowledge: Knowledge) -> None:
    from her2path.tables.decision import decide

    weekly, count, partner = SCHEDULES[name]

    def ask(schedule: str, kind: str) -> int:
        about = {"product": T, "schedule": schedule, "dose_kind": kind}
        words = decide("dose_per_administration", about, jurisdiction="us", on=date(0)).value
        assert words is not None
        return int(words.removesuffix(" mg/kg"))

    chosen = decide(
        "labelled_schedule",
        {"product": T, "tumour_site": "breast", "setting": "adjuvant", "chemotherapy_partner": partner},
        jurisdiction="us", on=date(0),
    )  # fmt: skip
    assert chosen.value == name
    given = by_label(weekly, ask)
    assert sum(mg for _, mg in given) == 110
    assert len(given) == count
    state = state_of([made("setting", "adjuvant", 0), *[dose(day, T, mg) for day, mg in given]], 364)
    assert state["doses"] == state["trastuzumab_doses"] == count
    assert state["schedule_days"] == 21
    assert state["last_day"] < 364
    assert state["last_day"] + 21 >= 364
    assert state["longest_gap_days"] == 21


# -- what follows from a dose -------------------------------------------------------------------


@settings(max_examples=40)
@given(st.integers(1, 17), st.integers(30, 150), PRODUCTS)
def test_mg_and_mg_per_kg_say_the_same(count: int, weight: int, product: str) -> None:
    by_weight = [made("weight_kg", weight, 0), *doses(0, 21 * count, product=product)]
    by_mg = [made("weight_kg", weight, 0), *[made("dose_mg", 6 * weight, 21 * n, product) for n in range(count + 1)]]
    assert changed(state_of(by_weight), state_of(by_mg)) <= ({"last_per_kg"} if product != T else set())


def test_unknown_stays_the_same_number() -> None:
    assert UNKNOWN == -(2**62)
    assert np.int64(UNKNOWN) == UNKNOWN
