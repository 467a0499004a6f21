"""The kernel tells the truth: against scipy, against closed forms, by mass, at the extremes, and whoever is beside whom."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import simpson

from her2path.simulate.exposure.kernel import FLOOR_MG_PER_L, SERIES_ORDER, UNDER_SKIN, advance, step
from her2path.simulate.exposure.population import STEP_TOLERANCE
from her2path.simulate.exposure.schedule import Dose, cut
from pharmacokinetics import (
    Solution,
    amounts_of,
    beside,
    by_kernel,
    by_scipy,
    every,
    one_compartment_depot,
    patient,
    people,
    plain_series,
    schedule_of,
    superposed,
    two_compartments,
    worst,
)

BOUND = 4e-6
"""What `STEP_TOLERANCE` promises at every output; the issue asks for 1e-5."""
KE = np.log(2) / 67.9
SATURABLE = {
    "clearance": 0.127, "central_volume": 2.62, "intercompartmental": 0.544, "peripheral_volume": 2.97,
    "maximal_elimination": 8.81, "michaelis_constant": 8.92,
}  # fmt: skip
LINEAR = {"clearance": 0.225, "central_volume": 2.95, "intercompartmental": 0.484, "peripheral_volume": 4.79}
DEPOT = {"absorption": 0.404, "bioavailability": 0.771}
MODELS = [
    ("trastuzumab-iv", "breast"), ("trastuzumab-iv", "gastric"), ("trastuzumab-volunteers", "volunteers"),
    ("trastuzumab-sc", "early-breast"), ("trastuzumab-linear", "breast"), ("pertuzumab", "breast"),
    ("t-dm1", "breast"), ("t-dxd", "breast"),
]  # fmt: skip
FIRST = Dose(0.0, mg_per_kg=8)
COURSES = {
    "every three weeks": [FIRST, *(Dose(21.0 * n, mg_per_kg=6, minutes=30) for n in range(1, 4))],
    "weekly": [Dose(0.0, mg_per_kg=4), *(Dose(7.0 * n, mg_per_kg=2, minutes=30) for n in range(1, 8))],
    "late, with a second first dose": [FIRST, Dose(55.0, mg_per_kg=8), Dose(76.0, mg_per_kg=6)],
    "infusions that overlap": [
        FIRST, Dose(0.02, mg_per_kg=3, minutes=30), Dose(0.03, mg_per_kg=6, minutes=600), Dose(21.0, mg_per_kg=6),
        Dose(21.0, mg=200, minutes=10080), Dose(24.0, mg_per_kg=2),
    ],
    "at once": [Dose(0.0, mg_per_kg=8, minutes=0), Dose(21.0, mg_per_kg=6, minutes=0), Dose(21.0, mg=100, minutes=0)],
}  # fmt: skip
MIXED = [
    FIRST, Dose(10.0, mg=600, route=UNDER_SKIN), Dose(10.0, mg_per_kg=2), Dose(31.0, mg=600, route=UNDER_SKIN),
    Dose(31.02, mg=600, route=UNDER_SKIN), Dose(52.0, mg_per_kg=6, minutes=0),
]  # fmt: skip


def looks(doses: list[Dose], after: float = 120.0) -> list[float]:
    """Days to look at: before and at the end of every dose, some days between, and a long time after."""
    last = doses[-1].day
    of_doses = [dose.day + at for dose in doses for at in (0.0, dose.length_days, 0.5) if dose.day + at > 0]
    return np.unique([*of_doses, *np.arange(0.7, last + 21, 1.9), last + after / 2, last + after]).tolist()


def same(found: Solution, right: Solution, bound: float = BOUND) -> None:
    assert np.isfinite(found.concentration).all()
    assert worst(found.concentration, right.concentration) <= bound
    assert worst(found.area, right.area) <= bound
    assert worst(found.effect, right.effect) <= bound


# Against an independent solution


@pytest.mark.parametrize("course", COURSES)
@pytest.mark.parametrize(("model", "population"), MODELS)
def test_random_patients_equal_an_independent_solution(model, population, course):
    parameters, weights = people(model, population, 4)
    doses = COURSES[course]
    times = looks(doses)
    right = by_scipy(parameters, doses, times, weights=weights, ke=KE)
    same(by_kernel(parameters, doses, times, weights=weights, ke=KE), right)


def test_both_routes_in_one_course_equal_an_independent_solution():
    parameters, weights = people("trastuzumab-sc", "early-breast", 12)
    times = looks(MIXED)
    right = by_scipy(parameters, MIXED, times, weights=weights, ke=KE)
    same(by_kernel(parameters, MIXED, times, weights=weights, ke=KE), right)


@pytest.mark.parametrize("model", ["trastuzumab-iv", "trastuzumab-volunteers", "trastuzumab-linear"])
def test_many_patients_seen_rarely_or_often_equal_an_independent_solution(model):
    parameters, weights = people(model, "volunteers" if "volunteers" in model else "breast", 100, seed=3)
    doses = COURSES["every three weeks"]
    for times in ([21.0, 42.0, 63.0, 84.0, 200.0], np.arange(0.5, 120, 0.5).tolist()):
        right = by_scipy(parameters, doses, times, weights=weights, ke=KE)
        same(by_kernel(parameters, doses, times, weights=weights, ke=KE), right)


# Closed forms of the linear case


@pytest.mark.parametrize("course", COURSES)
def test_linear_courses_are_sums_of_exponentials(course):
    one, times = patient(**LINEAR), looks(COURSES[course])
    exact = superposed(one, COURSES[course], times)
    assert worst(by_kernel(one, COURSES[course], times).concentration[:, 0], exact) <= BOUND
    assert worst(by_kernel(one, COURSES[course], times, tolerance=1e-12).concentration[:, 0], exact) <= 1e-10


def test_linear_course_by_both_routes_is_a_sum_of_exponentials():
    one, times = patient(**LINEAR, **DEPOT), looks(MIXED)
    exact = superposed(one, MIXED, times)
    assert worst(by_kernel(one, MIXED, times).concentration[:, 0], exact) <= BOUND
    assert worst(by_kernel(one, MIXED, times, tolerance=1e-12).concentration[:, 0], exact) <= 1e-10


def test_one_compartment_and_a_depot_follow_bateman():
    one = patient(clearance=0.3, central_volume=5.0, absorption=0.4, bioavailability=0.75)
    times = [0.3, 1.0, 2.0, 5.0, 13.0, 40.0]
    exact = [one_compartment_depot(600.0, 0.3, 5.0, 0.4, 0.75, day) for day in times]
    found = by_kernel(one, [Dose(0.0, mg=600, route=UNDER_SKIN)], times).concentration[:, 0]
    assert worst(found, np.array(exact)) <= BOUND


def test_effect_compartment_has_its_closed_form():
    one, times = patient(clearance=0.4, central_volume=4.0), [1.0, 7.0, 21.0, 90.0, 400.0]
    k, at = 0.1, np.array(times)
    exact = 100.0 * (np.exp(-k * at) - np.exp(-KE * at)) / (KE - k)
    found = by_kernel(one, [Dose(0.0, mg=400, minutes=0)], times, ke=KE)
    assert worst(found.effect[:, 0], exact) <= BOUND


def test_effect_that_nothing_leaves_is_the_area():
    parameters, weights = people("trastuzumab-iv", "breast", 20)
    doses = COURSES["every three weeks"]
    found = by_kernel(parameters, doses, looks(doses), weights=weights, ke=0.0)
    np.testing.assert_allclose(found.effect, found.area, rtol=1e-7)


@pytest.mark.parametrize("ke", [1.0, 5.0])
def test_quick_effect_compartment_stays_with_the_drug(ke):
    one, times = patient(**SATURABLE), [1.0, 21.0, 100.0, 1000.0]
    right = by_scipy(one, [FIRST], times, ke=ke)
    assert worst(by_kernel(one, [FIRST], times, ke=ke).effect, right.effect) <= BOUND


# The series and its steps

# (c, x, y, d, e), h in days, rate in mg/L/d, and out, k12, k21, k13, k31, ka, vm, km, ke.
POINTS = [
    ((0.0, 0.0, 0.0, 0.0, 0.0), 0.0625, 2900.0, (0.256, 0.208, 0.183, 0.0, 0.0, 0.0, 3.36, 8.92, 0.01)),
    ((180.0, 3.0, 0.0, 0.0, 40.0), 0.5, 0.0, (0.256, 0.208, 0.183, 0.0, 0.0, 0.0, 3.36, 8.92, 0.01)),
    ((2.0, 5.0, 1.0, 0.0, 900.0), 0.5, 0.0, (0.39, 0.318, 0.53, 0.021, 0.037, 0.0, 1.3, 0.937, 0.01)),
    ((40.0, 30.0, 0.0, 150.0, 300.0), 1.0, 0.0, (0.191, 0.153, 0.145, 0.0, 0.0, 0.404, 4.09, 33.9, 0.01)),
    ((70.0, 60.0, 9.0, 20.0, 300.0), 2.0, 33.0, (0.5, 0.2, 0.3, 0.1, 0.05, 0.4, 0.0, 1.0, 0.1)),
]  # fmt: skip


@pytest.mark.parametrize("point", POINTS)
def test_written_out_series_equals_the_recurrence_in_loops(point):
    state, h, rate, constants = point
    terms = plain_series(state, h, rate, constants, SERIES_ORDER)
    *found, area, doubt = step(*state, h, rate, *constants)
    np.testing.assert_allclose(found, terms.sum(axis=0), rtol=1e-13)
    assert area == pytest.approx(h * sum(terms[n, 0] / (n + 1) for n in range(SERIES_ORDER + 1)), rel=1e-13)
    left_out = abs(terms[10]) + 0.25 * abs(terms[9])
    assert doubt == pytest.approx(left_out[0] + constants[-1] * left_out[4], rel=1e-9, abs=1e-300)


@pytest.mark.parametrize("part", range(6), ids=["c", "x", "y", "d", "e", "area"])
def test_half_the_step_leaves_a_two_thousandth_of_the_local_error(part):
    state, rate = (60.0, 5.0, 50.0, 90.0, 10.0), 0.0
    constants = (1.1, 0.5, 0.7, 0.3, 0.4, 0.8, 4.0, 30.0, 0.6)

    def left_out(h):
        terms = plain_series(state, h, rate, constants, 60)
        right = [*terms.sum(axis=0), h * sum(terms[n, 0] / (n + 1) for n in range(61))]
        return abs(step(*state, h, rate, *constants)[part] - right[part])

    order = np.log2(left_out(0.7) / left_out(0.35))
    # The area is an integral: one order more.
    assert order == pytest.approx(12 if part == 5 else 11, abs=0.35)


def test_error_falls_with_the_tolerance():
    parameters, weights = people("trastuzumab-iv", "breast", 20)
    times = [21.0, 42.0, 63.0, 84.0, 130.0]
    doses = COURSES["every three weeks"]
    right = by_scipy(parameters, doses, times, weights=weights)
    tolerances = [1e-1, 1e-3, 1e-5, 1e-7, 1e-9]
    errors = [
        worst(by_kernel(parameters, doses, times, weights=weights, tolerance=each).concentration, right.concentration)
        for each in tolerances
    ]
    assert all(finer < coarser / 10 for coarser, finer in pairwise(errors)), errors
    assert all(error <= 4 * tolerance for error, tolerance in zip(errors, tolerances, strict=True)), errors


def test_one_patient_moved_by_herself_is_as_she_is_in_a_course():
    one = patient(**SATURABLE)
    state, total = np.zeros(5), 0.0
    minutes, rate = 90 / 1440, 560.0 / (90 / 1440)
    for given_mg_per_day, days in ((rate, minutes), (0.0, 21 - minutes), (rate, minutes), (0.0, 50 - minutes)):
        total += advance(state, one[:, 0].copy(), given_mg_per_day, days, KE, STEP_TOLERANCE)
    right = by_scipy(one, [Dose(0.0, mg=560), Dose(21.0, mg=560)], [71.0], ke=KE)
    assert state[0] == pytest.approx(right.concentration[0, 0], rel=BOUND)
    assert state[4] == pytest.approx(right.effect[0, 0], rel=BOUND)
    assert total == pytest.approx(right.area[0, 0], rel=BOUND)


# Mass


@pytest.mark.parametrize("course", COURSES)
def test_linear_area_to_the_end_is_dose_by_clearance(course):
    parameters, weights = people("trastuzumab-linear", "breast", 30)
    doses = COURSES[course]
    found = by_kernel(parameters, doses, [doses[-1].day + 5000.0], weights=weights)
    np.testing.assert_allclose(found.area[0], amounts_of(doses, weights).sum(axis=1) / parameters[0], rtol=1e-6)


def test_linear_area_under_the_skin_is_the_available_share():
    one = patient(**LINEAR, **DEPOT)
    found = by_kernel(one, every(21.0, 4, mg=600, route=UNDER_SKIN), [3000.0])
    assert found.area[0, 0] == pytest.approx(0.771 * 4 * 600 / 0.225, rel=1e-6)


@pytest.mark.parametrize(("model", "population"), MODELS[:4])
def test_what_went_in_came_out_both_ways(model, population):
    parameters, weights = people(model, population, 6)
    doses = [FIRST, Dose(21.0, mg_per_kg=6)]
    fine = np.unique(np.concatenate([np.linspace(0, 90 / 1440, 41), np.linspace(90 / 1440, 21, 1201),
                                     21 + np.linspace(0, 90 / 1440, 41), 21 + np.linspace(90 / 1440, 900, 20001)]))  # fmt: skip
    found = by_kernel(parameters, doses, fine.tolist(), weights=weights)
    cl, vmax, km = parameters[0], parameters[6], parameters[7]
    saturably = vmax * simpson(found.concentration / (km + found.concentration), x=fine, axis=0)
    np.testing.assert_allclose(cl * found.area[-1] + saturably, amounts_of(doses, weights).sum(axis=1), rtol=1e-5)


def test_what_went_in_is_in_the_body_or_out_at_every_time():
    one = patient(**LINEAR, second_intercompartmental=0.07, second_peripheral_volume=1.9, **DEPOT)
    state = np.array([100.0, 0.0, 0.0, 50.0, 0.0])
    given_mg, area = 150.0 * 2.95, 0.0
    for days in (0.01, 0.5, 3.0, 20.0, 200.0):
        area += advance(state, one[:, 0].copy(), 0.0, days, KE, STEP_TOLERANCE)
        assert 2.95 * state[:4].sum() + 0.225 * area == pytest.approx(given_mg, rel=1e-7)


def test_area_is_what_quadrature_finds():
    parameters, weights = people("trastuzumab-iv", "breast", 10)
    fine = np.unique(np.concatenate([np.linspace(0, 90 / 1440, 41), np.linspace(90 / 1440, 21, 2001)]))
    found = by_kernel(parameters, [FIRST], fine.tolist(), weights=weights)
    np.testing.assert_allclose(found.area[-1], simpson(found.concentration, x=fine, axis=0), rtol=1e-6)


# Extremes

EXTREMES = {
    "1,000 mg/kg": (SATURABLE, every(21.0, 3, mg_per_kg=1000.0), [1.0, 21.0, 63.0, 300.0, 1000.0], 70.0),
    "5,000 mg/kg of 300 kg": (SATURABLE, every(21.0, 2, mg_per_kg=5000.0), [1.0, 21.0, 63.0, 300.0, 1000.0], 300.0),
    "5,000 mg/kg at once": (SATURABLE, every(21.0, 2, mg_per_kg=5000.0, minutes=0.0), [0.1, 21.0, 63.0, 300.0], 20.0),
    "20 kg": (SATURABLE, every(21.0, 3, mg_per_kg=6.0), [1.0, 21.0, 63.0, 100.0], 20.0),
    "a microgram": (SATURABLE, [Dose(0.0, mg=1e-3)], [0.1, 1.0, 21.0], 70.0),
    "a week's infusion": (SATURABLE, [Dose(0.0, mg=500.0, minutes=10080.0)], [1.0, 7.0, 8.0, 60.0], 70.0),
    "a second's infusion": (SATURABLE, [Dose(0.0, mg=500.0, minutes=1 / 60)], [1.0, 7.0, 8.0, 60.0], 70.0),
    "10,000 days between": (SATURABLE, [FIRST, Dose(10_000.0, mg_per_kg=8)], [21.0, 10_000.0, 10_021.0, 20_021.0], 70.0),
    "10,000 days between, linear": (LINEAR, [FIRST, Dose(10_000.0, mg_per_kg=8)], [21.0, 10_000.0, 10_021.0, 20_021.0], 70.0),
    "quickly saturated": ({**SATURABLE, "michaelis_constant": 0.05}, every(21.0, 2, mg_per_kg=6.0), [1.0, 20.0, 60.0, 90.0, 110.0], 70.0),
    "never saturated": ({**SATURABLE, "michaelis_constant": 1000.0}, every(21.0, 2, mg_per_kg=6.0), [1.0, 20.0, 60.0, 110.0], 70.0),
    "no saturable elimination": ({**SATURABLE, "maximal_elimination": 0.0}, every(21.0, 2, mg_per_kg=6.0), [1.0, 60.0, 500.0], 70.0),
    "no linear elimination": ({**SATURABLE, "clearance": 0.0}, every(21.0, 2, mg_per_kg=6.0), [1.0, 60.0, 500.0], 70.0),
    "no elimination": ({**LINEAR, "clearance": 0.0}, every(21.0, 2, mg_per_kg=6.0), [1.0, 60.0, 5000.0], 70.0),
    "quick exchange": ({**LINEAR, "intercompartmental": 350.0, "peripheral_volume": 0.66}, [FIRST], [1.0, 21.0, 100.0], 70.0),
    "quick absorption": ({**SATURABLE, "absorption": 50.0, "bioavailability": 0.7}, [Dose(0.0, mg=600, route=UNDER_SKIN)], [0.1, 1.0, 21.0], 70.0),
    "slow absorption": ({**SATURABLE, "absorption": 1e-3, "bioavailability": 0.7}, [Dose(0.0, mg=600, route=UNDER_SKIN)], [0.1, 21.0, 3000.0], 70.0),
}  # fmt: skip


@pytest.mark.parametrize("name", EXTREMES)
def test_extremes_equal_an_independent_solution(name):
    values, doses, times, weight = EXTREMES[name]
    one = patient(**values)
    found = by_kernel(one, doses, times, weights=[weight], ke=KE)
    same(found, by_scipy(one, doses, times, weights=[weight], ke=KE))
    # What is left after washout is noise within the tolerance of the floor, and may lie below 0.
    assert found.concentration.min() >= -STEP_TOLERANCE * FLOOR_MG_PER_L


def test_no_concentration_is_negative():
    linear = patient(**{**SATURABLE, "maximal_elimination": 0.0}, absorption=0.0485, bioavailability=0.7)
    found = by_kernel(linear, [Dose(0.0, mg=600, route=UNDER_SKIN)], [0.5, 1.0, 21.0, 100.0, 5000.0])
    assert found.concentration.min() >= 0


def test_a_dose_however_quickly_given_is_given():
    found = by_kernel(patient(**LINEAR), [Dose(0.0, mg=100, minutes=1e-6)], [1.0])
    assert found.area[0, 0] > 0


def test_hundred_cycles_equal_an_independent_solution():
    one, doses = patient(**SATURABLE), every(21.0, 100, mg_per_kg=6.0)
    times = [21.0 * n for n in (1, 2, 10, 50, 99, 100)]
    same(by_kernel(one, doses, times, ke=KE), by_scipy(one, doses, times, ke=KE))


def test_thousand_cycles_repeat_themselves():
    doses, times = every(21.0, 1000, mg_per_kg=6.0), [21.0 * n for n in (1, 100, 200, 999, 1000)]
    found = by_kernel(patient(**SATURABLE), doses, times, ke=KE)
    assert np.ptp(found.concentration[1:]) <= 1e-6 * found.concentration[1, 0]
    a_cycle = found.area[4, 0] - found.area[3, 0]
    assert found.area[4, 0] - found.area[1, 0] == pytest.approx(900 * a_cycle, rel=1e-6)
    linear = patient(**LINEAR)
    exact = superposed(linear, doses, times)
    assert worst(by_kernel(linear, doses, times).concentration[:, 0], exact) <= BOUND


# Whoever is beside whom


def test_patients_are_the_same_alone_in_slices_and_together():
    parameters, weights = people("trastuzumab-iv", "breast", 700)
    hard = beside(*(patient(**EXTREMES[name][0]) for name in ("quickly saturated", "quick exchange", "no elimination")))
    parameters = np.ascontiguousarray(np.hstack([parameters, hard]))[:, np.random.default_rng(5).permutation(703)]
    weights = np.append(weights, [20.0, 300.0, 70.0])
    doses = COURSES["infusions that overlap"]
    times = looks(doses)
    whole = by_kernel(parameters, doses, times, weights=weights, ke=KE)
    for part in (slice(0, 1), slice(255, 257), slice(100, 400), slice(512, 703), slice(702, 703)):
        found = by_kernel(parameters[:, part], doses, times, weights=weights[part], ke=KE)
        np.testing.assert_array_equal(found.concentration, whole.concentration[:, part])
        np.testing.assert_array_equal(found.area, whole.area[:, part])
        np.testing.assert_array_equal(found.effect, whole.effect[:, part])


def test_more_outputs_change_no_output():
    one, doses = patient(**SATURABLE), COURSES["every three weeks"]
    few, many = [21.0, 84.0], np.unique([*np.arange(0.1, 84, 0.3), 21.0, 84.0]).tolist()
    dense = by_kernel(one, doses, many).concentration[[many.index(time) for time in few]]
    assert worst(by_kernel(one, doses, few).concentration, dense) <= BOUND


# Laws

AMOUNTS = st.floats(1.0, 5000.0)
DAYS = st.floats(0.0, 60.0)


def dose_at(day: float, mg: float, minutes: float, under_skin: bool) -> Dose:
    return Dose(day, mg=mg, minutes=minutes, route=UNDER_SKIN if under_skin else 0)


DOSES = st.builds(dose_at, DAYS, AMOUNTS, st.sampled_from([0.0, 5.0, 30.0, 90.0, 2000.0]), st.booleans())
COURSE = st.lists(DOSES, min_size=1, max_size=5).map(
    lambda doses: [
        replace(dose, day=dose.day - min(each.day for each in doses))
        for dose in sorted(doses, key=lambda each: each.day)
    ]
)
LOOKS = [0.01, 0.3, 1.0, 5.0, 20.0, 61.0, 100.0, 300.0]


@settings(max_examples=40)
@given(doses=COURSE, factor=st.floats(1.01, 50.0))
def test_more_of_a_linear_drug_is_more_by_as_much(doses, factor):
    one = patient(**LINEAR, **DEPOT)
    more = [replace(dose, mg=dose.mg * factor) for dose in doses]
    once, scaled = (by_kernel(one, each, LOOKS).concentration for each in (doses, more))
    assert worst(scaled, factor * once, least=0.01 * factor) <= 2 * BOUND


@settings(max_examples=40)
@given(one=COURSE, other=COURSE)
def test_linear_doses_add_up(one, other):
    drug = patient(**LINEAR, **DEPOT)
    together = sorted([*one, *other], key=lambda dose: dose.day)
    parts = by_kernel(drug, one, LOOKS).concentration + by_kernel(drug, other, LOOKS).concentration
    assert worst(by_kernel(drug, together, LOOKS).concentration, parts) <= 3 * BOUND


@settings(max_examples=40)
@given(doses=COURSE, which=st.integers(0, 4), factor=st.floats(1.0, 20.0), km=st.floats(0.05, 100.0))
def test_more_drug_is_nowhere_less_of_it(doses, which, factor, km):
    one = patient(**{**SATURABLE, "michaelis_constant": km}, **DEPOT)
    place = which % len(doses)
    more = [replace(dose, mg=dose.mg * (factor if n == place else 1)) for n, dose in enumerate(doses)]
    less, greater = by_kernel(one, doses, LOOKS).concentration, by_kernel(one, more, LOOKS).concentration
    assert np.all(greater >= less - 2 * BOUND * np.maximum(less, 0.01))


@settings(max_examples=40)
@given(doses=COURSE, km=st.floats(0.05, 100.0))
def test_saturable_elimination_never_leaves_more_than_linear_alone(doses, km):
    with_it = patient(**{**SATURABLE, "michaelis_constant": km}, **DEPOT)
    without = patient(**{**SATURABLE, "maximal_elimination": 0.0}, **DEPOT)
    less, more = by_kernel(with_it, doses, LOOKS).concentration, by_kernel(without, doses, LOOKS).concentration
    assert np.all(more >= less - 2 * BOUND * np.maximum(less, 0.01))


@settings(max_examples=40)
@given(doses=COURSE, days=st.floats(0.5, 500.0))
def test_when_a_course_begins_does_not_matter(doses, days):
    one = patient(**SATURABLE, **DEPOT)
    # A dose too small to notice holds the first day where it is.
    nothing = Dose(0.0, mg=1e-12, minutes=0.0)
    later = [nothing, *(replace(dose, day=dose.day + days) for dose in doses)]
    now = by_kernel(one, doses, LOOKS).concentration
    then = by_kernel(one, later, [time + days for time in LOOKS]).concentration
    assert worst(then, now) <= 2 * BOUND


def test_overlap_is_the_sum_of_rates():
    one = patient(**SATURABLE)
    two = [Dose(0.0, mg=300, minutes=90), Dose(0.0, mg=500, minutes=90)]
    times = [0.03, 0.0625, 1.0, 21.0]
    np.testing.assert_allclose(
        by_kernel(one, two, times).concentration, by_kernel(one, [Dose(0.0, mg=800)], times).concentration, rtol=1e-9
    )


def test_two_compartments_begin_with_the_whole_dose_in_the_centre():
    _, shares = two_compartments(patient(**LINEAR))
    assert shares.sum() == pytest.approx(1 / 2.95)


def test_output_at_a_dose_is_the_one_before_it():
    one, doses = patient(**LINEAR), every(21.0, 2, mg_per_kg=6.0, minutes=0.0)
    found = by_kernel(one, doses, [0.0, 21.0, 21.0 + 1e-6]).concentration[:, 0]
    assert found[0] == 0
    assert found[2] - found[1] == pytest.approx(420 / 2.95, rel=1e-4)
    assert cut(schedule_of(*doses), [0.0, 21.0]).times.tolist() == [0.0, 21.0]
