"""Exposure is that of the labels, the same for a seed however it is computed, and wrong requests are refused."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from her2path.facts.problem import AskedWrongly
from her2path.simulate.bands import Bands
from her2path.simulate.exposure.kernel import UNDER_SKIN
from her2path.simulate.exposure.population import (
    MOST_PATIENTS,
    Exposure,
    ExposureRequest,
    concentrations,
    days_to_below,
    individuals,
    output_days,
    percentiles,
    request_for,
    simulate,
    simulated_concentrations,
    typical_profile,
)
from her2path.simulate.exposure.schedule import MOST_CYCLES, Dose, Schedule, checked, cut, delayed, labelled, missed
from her2path.simulate.model import read_model
from her2path.simulate.patients import covariates_of, parameters_for
from pharmacokinetics import by_scipy, schedule_of

IV, SC = "trastuzumab-iv", "trastuzumab-sc"
MEASURES = ("cmin", "cmax_12h", "auc")
# Medians of the US label's tables 7 and 8: trough, maximum, area over 21 days; cycle 1, then steady state.
LABEL = {
    ("breast", "q3w"): ((29.4, 178, 1373), (47.4, 179, 1794)),
    ("breast", "weekly"): ((37.7, 88.3, 1066), (66.1, 109, 1765)),
    ("gastric", "q3w"): ((23.1, 132, 1109), (32.9, 131, 1338)),
}
# How far below and above its label maximum the end of an infusion lies, in percent; cycle 1, then steady state.
END_OF_INFUSION = {("breast", "q3w"): (8, 13), ("breast", "weekly"): (7.5, 13.5), ("gastric", "q3w"): (7.5, 10)}


@cache
def simulated(
    population: str = "breast",
    schedule: str = "q3w",
    model: str = IV,
    cycles: int = 18,
    patients: int = 1,
    seed: int = 1,
) -> Exposure:
    return simulate(
        request_for(model, population, schedule, cycles, patients=patients, seed=seed, typical=patients == 1)
    )


def middle(found: Exposure, when: str, measure: str) -> float:
    return float(np.median(found.measures[when][measure]))


# The label


@pytest.mark.parametrize(("population", "schedule"), LABEL)
def test_typical_patient_has_the_medians_of_the_label(population, schedule):
    found = simulated(population, schedule)
    for when, wanted in zip(("cycle_1", "steady_state"), LABEL[population, schedule], strict=True):
        for measure, value in zip(MEASURES, wanted, strict=True):
            assert middle(found, when, measure) == pytest.approx(value, rel=0.03), (when, measure)


@pytest.mark.parametrize(("population", "schedule"), LABEL)
def test_end_of_infusion_lies_above_the_maximum_of_the_label(population, schedule):
    low, high = END_OF_INFUSION[population, schedule]
    for when, (_, maximum, _) in zip(("cycle_1", "steady_state"), LABEL[population, schedule], strict=True):
        above = 100 * (middle(simulated(population, schedule), when, "cmax_end_of_infusion") / maximum - 1)
        assert low <= above <= high, when


def test_breast_population_spreads_as_the_label_says():
    """Medians, and 5th and 95th percentile within the width that the label's tables have."""
    found = simulated(patients=5000).as_json()
    for when, measure, low, median, high in (
        ("cycle_1", "cmin", 5.8, 29.4, 59.5), ("cycle_1", "cmax_12h", 117, 178, 291), ("cycle_1", "auc", 736, 1373, 2245),
        ("steady_state", "cmin", 5, 47.4, 115), ("steady_state", "cmax_12h", 107, 179, 309), ("steady_state", "auc", 673, 1794, 3618),
    ):  # fmt: skip
        of = found[when][measure]
        assert of["p50"] == pytest.approx(median, rel=0.10), (when, measure)
        assert of["p95"] == pytest.approx(high, rel=0.15), (when, measure)
        # The label's own lower percentiles are lower: patients with much tumour are not drawn.
        assert low * 0.9 <= of["p5"] <= max(1.3 * low, low + 6), (when, measure)


@pytest.mark.parametrize("population", ["breast", "early-breast", "metastatic-breast", "gastric"])
def test_nearly_everybody_is_washed_out_after_seven_months(population):
    found = simulated(population, patients=5000)
    assert found.as_json()["washout"]["share_below_1_mg_per_l_at_7_months"] >= 0.95


def test_nobody_with_ordinary_saturation_is_washed_out_within_three_weeks():
    found = simulated(patients=5000)
    assert np.mean(found.others["days_to_below_1_mg_per_l"] <= 21) < 0.05


# Under the skin against by infusion


def trough_ratio(patients: int) -> tuple[float, float, float]:
    """Geometric means before cycle 8: under the skin, by infusion, and their ratio."""
    under, into = (
        float(
            np.exp(np.log(simulated("early-breast", schedule, SC, 7, patients).measures["steady_state"]["cmin"]).mean())
        )
        for schedule in ("sc", "q3w")
    )
    return under, into, under / into


def test_troughs_under_the_skin_are_a_third_higher_than_by_infusion():
    """HannaH: geometric means 69.0 and 51.8 mg/L before cycle 8, ratio 1.33."""
    assert trough_ratio(1)[2] == pytest.approx(1.33, rel=0.03)
    under, into, ratio = trough_ratio(5000)
    assert ratio == pytest.approx(1.33, rel=0.03)
    assert under == pytest.approx(69.0, rel=0.03)
    assert into == pytest.approx(51.8, rel=0.03)


def test_troughs_under_the_skin_spread_as_published():
    """35 to 123 mg/L, 5th to 95th percentile. Before cycle 8; the spread that is drawn is wider above."""
    found = simulated("early-breast", "sc", SC, 7, 5000).as_json()["steady_state"]["cmin"]
    assert found["p5"] == pytest.approx(35, rel=0.10)
    assert found["p95"] == pytest.approx(123, rel=0.20)


# A late dose


def troughs_after(delay_days: float, reload: bool) -> np.ndarray:
    """Troughs of the typical patient as shares of that at steady state: before the late dose, 3, 6, 9 weeks after."""
    schedule = delayed(labelled(IV, "q3w", 20), 11, delay_days, reload, IV)
    looks = [dose.day for dose in schedule.doses[9:14]]
    parameters = parameters_for(read_model(IV), "breast", {}, {}, 1)
    found, _ = concentrations(parameters, schedule.amounts_mg(np.array([66.0])), cut(schedule, looks))
    return found[1:, 0] / found[0, 0]


@pytest.mark.parametrize("delay_days", [8, 10, 14])
def test_without_a_second_first_dose_it_takes_six_weeks_to_come_back(delay_days):
    """More than a week late: within a fifth of steady state after six weeks, not after three (Quartino 2019)."""
    late, three, six, nine = troughs_after(delay_days, reload=False)
    assert late < three < 0.8 <= six < nine < 1


@pytest.mark.parametrize("delay_days", [8, 10, 14])
def test_with_a_second_first_dose_it_takes_three(delay_days):
    with_it, without = troughs_after(delay_days, reload=True), troughs_after(delay_days, reload=False)
    assert np.all(np.abs(with_it[1:] - 1) < 0.1)
    assert np.all(with_it[1:] > without[1:])


def test_a_month_late_takes_longer_than_six_weeks():
    assert troughs_after(28, reload=False)[2] < 0.8


def test_label_says_when_a_late_dose_is_a_first_one():
    base = labelled(IV, "q3w", 18)
    for days, kind, mg_per_kg in ((0, "maintenance", 6), (7, "maintenance", 6), (8, "re-load", 8), (60, "re-load", 8)):
        late = delayed(base, 5, days, None, IV)
        assert (late.doses[4].kind, late.doses[4].mg_per_kg) == (kind, mg_per_kg)
        assert [dose.day for dose in late.doses[3:6]] == [63, 84 + days, 105 + days]
        assert late.end_day == 378 + days
    weekly = delayed(labelled(IV, "weekly", 3), 5, 8, None, IV)
    assert (weekly.doses[4].kind, weekly.doses[4].mg_per_kg, weekly.doses[4].minutes) == ("re-load", 4, 90)
    under = delayed(labelled(SC, "sc", 5), 3, 20, None, SC)
    assert [dose.mg for dose in under.doses] == [600] * 5


def test_a_missed_dose_is_not_given_and_the_others_stay():
    without = missed(labelled(IV, "q3w", 4), 3)
    assert [dose.day for dose in without.doses] == [0, 21, 63]


# The same for a seed


@cache
def portions(patients: int, cores: int, model: str = IV) -> Exposure:
    return simulate(request_for(model, cycles=2, patients=patients, seed=9, after_days=30), cores=cores)


def equal(one: Exposure, other: Exposure, patients: int) -> None:
    for when, by_measure in one.measures.items():
        for name, values in by_measure.items():
            np.testing.assert_array_equal(values[:patients], other.measures[when][name][:patients])
    for name, values in one.others.items():
        np.testing.assert_array_equal(values[:patients], other.others[name][:patients])


@pytest.mark.parametrize("model", [IV, "t-dxd"])
def test_cores_change_nothing(model):
    one, two = portions(2500, 1, model), portions(2500, 2, model)
    equal(one, two, 2500)
    for percent in (5, 50, 95):
        np.testing.assert_array_equal(one.bands.percentile(percent), two.bands.percentile(percent))
    assert one.as_json() == two.as_json()


@pytest.mark.parametrize("patients", [1, 10, 1023, 1024, 1025])
def test_first_patients_are_the_same_however_many_follow(patients):
    equal(portions(patients, 1), portions(2500, 2), patients)


def test_any_patients_alone_are_those_of_the_whole():
    request = request_for(cycles=2, patients=2500, seed=9)
    pieces = cut(request.schedule, [21.0, 42.0])
    whole, area = simulated_concentrations(request, pieces, 0, 2500)
    for first, count in ((0, 1), (1000, 100), (1023, 2), (2499, 1)):
        found, of = simulated_concentrations(request, pieces, first, count)
        np.testing.assert_array_equal(found, whole[:, first : first + count])
        np.testing.assert_array_equal(of, area[:, first : first + count])


def test_another_seed_is_other_patients():
    ours, others = (individuals(request_for(cycles=1, seed=seed), 0, 100)[0] for seed in (1, 2))
    assert not np.any(ours[0] == others[0])


def test_profiles_kept_are_those_of_the_measures():
    kept: dict[int, np.ndarray] = {}
    request = request_for(cycles=2, patients=1500, seed=4, after_days=21)
    found = simulate(request, cores=2, keep=lambda first, _, concentration: kept.update({first: concentration}))
    assert list(kept) == [0, 1024]
    whole = np.hstack(list(kept.values()))
    place = int(np.flatnonzero(output_days(request.schedule, 21) == 21.0)[0])
    np.testing.assert_array_equal(whole[place], found.measures["cycle_1"]["cmin"])


# What is read off


def test_measures_are_those_of_an_independent_solution():
    request = request_for(cycles=3, patients=5, seed=3, after_days=100)
    found = simulate(request)
    parameters, weights = individuals(request, 0, 5)
    looks = [90 / 1440, 0.5, 21.0, 42.0, 42.0 + 90 / 1440, 42.5, 63.0]
    right = by_scipy(parameters, request.schedule.doses, looks, weights=weights)
    for when, end, half, trough, area in (
        ("cycle_1", 0, 1, 2, right.area[2]), ("steady_state", 4, 5, 6, right.area[6] - right.area[3]),
    ):  # fmt: skip
        of = found.measures[when]
        np.testing.assert_allclose(of["cmax_end_of_infusion"], right.concentration[end], rtol=1e-5)
        np.testing.assert_allclose(of["cmax_12h"], right.concentration[half], rtol=1e-5)
        np.testing.assert_allclose(of["cmin"], right.concentration[trough], rtol=1e-5)
        np.testing.assert_allclose(of["auc"], area, rtol=1e-5)
        np.testing.assert_allclose(of["cmax_half_day_grid"], of["cmax_end_of_infusion"])


def test_the_day_below_a_milligram_is_the_one_between():
    request = request_for(cycles=3, patients=20, seed=3, after_days=300)
    days = simulate(request).others["days_to_below_1_mg_per_l"]
    parameters, weights = individuals(request, 0, 20)
    places = np.flatnonzero(np.isfinite(days))
    assert len(places) >= 18
    for place in places:
        # Read off between whole days, with a straight line of the logarithm.
        looks = [42.0 + days[place] - 0.15, 42.0 + days[place] + 0.15]
        before, after = by_scipy(
            parameters[:, [place]], request.schedule.doses, looks, weights=weights[[place]]
        ).concentration[:, 0]
        assert before > 1 > after


def test_days_to_below_by_hand():
    times = np.arange(6.0)
    values = np.array(
        [[0.0, 0.0, 0.0], [8.0, 0.5, 8.0], [4.0, 0.4, 0.5], [2.0, 0.3, 2.0], [0.5, 0.2, 2.0], [0.2, 0.1, 2.0]]
    )
    found = days_to_below(times, values, 0.0, 1.0)
    np.testing.assert_allclose(found, [3.5, 0.0, np.inf])


def test_share_above_a_target_is_that_of_the_time():
    request = request_for(cycles=2, patients=10, seed=8, after_days=0, target_mg_per_l=40.0)
    fine = np.arange(21.0, 42.0, 0.01)[1:]
    values, _ = simulated_concentrations(request, cut(request.schedule, fine.tolist()), 0, 10)
    found = simulate(request).others
    np.testing.assert_allclose(found["share_above_target"], (values > 40).mean(axis=0), atol=0.01)
    np.testing.assert_array_equal(found["trough_above"], values[-1] >= 40)


def test_what_nobody_can_know_is_not_told():
    told = simulate(request_for(cycles=1, patients=20, after_days=0)).as_json()["washout"]
    assert told["share_below_1_mg_per_l_at_7_months"] is None
    assert told["days_to_below_1_mg_per_l"] is None
    assert told["share_not_below_in_the_time_simulated"] == 1


def test_percentiles_of_what_some_never_reach():
    assert percentiles(np.array([1.0] * 90 + [np.inf] * 10)) == {"p5": 1.0, "p50": 1.0, "p95": np.inf}
    assert percentiles(np.array([3.0, np.nan, 5.0]))["p50"] == 4.0


def test_bands_are_right_to_half_a_percent():
    values = np.random.default_rng(1).lognormal(3, 1, (3, 20_000))
    bands = Bands(np.arange(3.0))
    for part in np.array_split(values, 7, axis=1):
        bands.add(part)
    for percent in (1, 5, 50, 95, 99):
        exact = np.percentile(values, percent, axis=1, method="inverted_cdf")
        np.testing.assert_allclose(bands.percentile(percent), exact, rtol=0.0051)


def test_bands_of_nothing_and_of_very_much():
    bands = Bands(np.arange(2.0))
    bands.add(np.array([[0.0, 0.0, 1e-9], [1e9, 1e9, 1e9]]))
    low, high = bands.percentile(50)
    assert low == 0
    assert high == pytest.approx(1e6, rel=0.01)


# The typical patient and covariates by hand


def test_the_typical_patient_is_at_the_references():
    found = typical_profile(IV, "q3w", 2, [0.5, 21.0])
    parameters = parameters_for(read_model(IV), "breast", {}, {}, 1)
    right = by_scipy(parameters, labelled(IV, "q3w", 2).doses, [0.5, 21.0], weights=[66.0])
    np.testing.assert_allclose(found, right.concentration[:, 0], rtol=1e-5)


def test_weight_by_hand_reaches_the_typical_patients_dose_and_clearance():
    request = request_for(cycles=1, patients=1, typical=True, covariates={"weight_kg": "100"})
    parameters, _ = individuals(request, 0, 1)
    assert parameters[0, 0] == pytest.approx(0.127 * (100 / 66) ** 0.967)
    found = simulate(request).measures["cycle_1"]["auc"][0]
    right = by_scipy(parameters, request.schedule.doses, [21.0], weights=[100.0])
    assert found == pytest.approx(right.area[0, 0], rel=1e-5)


def test_weight_by_hand_reaches_what_follows_from_it():
    by_hand = {"weight_kg": "120", "height_cm": "180"}
    request = request_for("pertuzumab", cycles=1, patients=1, typical=True, covariates=by_hand)
    lean = 0.252 * 120 + 0.473 * 180 - 48.3
    assert individuals(request, 0, 1)[0][0, 0] == pytest.approx(0.235 * (lean / 48) ** 0.516)


@pytest.mark.parametrize(("text", "least"), [("20", 20), ("300", 300)])
def test_the_lightest_and_the_heaviest(text, least):
    found = simulate(request_for(cycles=3, patients=200, covariates={"weight_kg": text}))
    for by_measure in found.measures.values():
        for values in by_measure.values():
            assert np.all(np.isfinite(values) & (values > 0))
    assert set(individuals(found.request, 0, 5)[1]) == {least}


@pytest.mark.parametrize(
    "model", [IV, SC, "trastuzumab-linear", "trastuzumab-volunteers", "pertuzumab", "t-dm1", "t-dxd"]
)
def test_every_model_is_simulated_by_its_label(model):
    found = simulate(request_for(model, cycles=3, patients=100, after_days=60))
    for by_measure in found.measures.values():
        for values in by_measure.values():
            assert np.all(np.isfinite(values) & (values >= 0))
    assert found.as_json()["asked"]["rows"]


def test_labelled_doses():
    q3w, weekly = labelled(IV, "q3w", 3), labelled(IV, "weekly", 2)
    assert [(dose.day, dose.mg_per_kg, dose.minutes) for dose in q3w.doses] == [(0, 8, 90), (21, 6, 90), (42, 6, 90)]
    assert [(dose.day, dose.mg_per_kg) for dose in weekly.doses] == [(0, 4), *((7.0 * n, 2) for n in range(1, 6))]
    assert weekly.cycle_days == (0, 21)
    assert weekly.end_day == 42
    under = labelled(SC, "sc", 2)
    assert [(dose.mg, dose.route) for dose in under.doses] == [(600, UNDER_SKIN)] * 2
    assert [dose.mg for dose in labelled("pertuzumab", "q3w", 2).doses] == [840, 420]
    assert labelled("t-dxd", "q3w", 1).doses[0].mg_per_kg == 5.4
    assert labelled("t-dxd", "q3w", 1, tumour="gastric").doses[0].mg_per_kg == 6.4


def test_hundred_cycles_stay_where_they_are():
    found = simulate(request_for(cycles=100, patients=1, typical=True, after_days=0))
    assert middle(found, "steady_state", "cmin") == pytest.approx(middle(simulated(), "steady_state", "cmin"), rel=0.01)


# Wrong requests


def own(*doses: Dose) -> Schedule:
    return schedule_of(*doses)


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"model": "trastuzumab"}, "'trastuzumab' is no model of exposure; there are trastuzumab-iv, "),
        ({"model": "heart"}, "'heart' is no model of exposure"),
        ({"population": "lung"}, "no population is called 'lung'; there are breast, "),
        ({"schedule": "daily"}, "no schedule is called 'daily'; there are q3w, weekly, sc"),
        ({"model": IV, "schedule": "sc"}, "trastuzumab-iv knows no route under the skin; use --model trastuzumab-sc"),
        ({"model": "pertuzumab", "schedule": "weekly"}, "pertuzumab has no weekly schedule; use --schedule q3w"),
        ({"cycles": 0}, "0 cycles; expected 1 to 1000"),
        ({"cycles": -3}, "-3 cycles; expected 1 to 1000"),
        ({"cycles": MOST_CYCLES + 1}, "1001 cycles; expected 1 to 1000"),
        ({"patients": 0}, "0 patients; expected 1 to"),
        ({"patients": -1}, "-1 patients; expected 1 to"),
        ({"patients": MOST_PATIENTS + 1}, "10000001 patients; expected 1 to 10000000"),
        ({"target_mg_per_l": -20.0}, "a target of -20 mg/L; expected a number above 0"),
        ({"target_mg_per_l": float("nan")}, "a target of nan mg/L; expected a number above 0"),
        ({"after_days": -1}, "-1 days after the last dose; expected 0 to 36500"),
        ({"after_days": float("nan")}, "nan days after the last dose; expected 0 to 36500"),
        ({"covariates": {"weight_kg": "-70"}}, "weight_kg=-70; expected a number from 20 to 300"),
        ({"covariates": {"wieght_kg": "70"}}, "no covariate is called 'wieght_kg'; there are weight_kg"),
    ],
)
def test_requests_that_cannot_be_are_refused(asked, words):
    with pytest.raises(AskedWrongly) as refused:
        request_for(**asked)
    assert words in str(refused.value)


def test_a_model_of_something_else_is_refused():
    with pytest.raises(AskedWrongly, match="patients is a model of population, not of exposure"):
        ExposureRequest(read_model("patients"), "breast", labelled(IV, "q3w", 1))


@pytest.mark.parametrize(
    ("doses", "words"),
    [
        ([], "there is no dose to simulate"),
        ([Dose(0.0)], "dose 1: no amount; expected mg or mg/kg above 0"),
        ([Dose(0.0, mg=-1)], "dose 1: -1 mg; expected 0 to 500000"),
        ([Dose(0.0, mg=1e6)], "dose 1: 1e+06 mg; expected 0 to 500000"),
        ([Dose(0.0, mg_per_kg=8), Dose(21.0, mg_per_kg=60000)], "dose 2: 60000 mg/kg; expected 0 to 5000"),
        ([Dose(0.0, mg=float("nan"))], "dose 1: nan mg; expected 0 to 500000"),
        ([Dose(0.0, mg_per_kg=float("inf"))], "dose 1: inf mg/kg; expected 0 to 5000"),
        ([Dose(float("nan"), mg=100)], "dose 1: day nan is no day"),
        ([Dose(float("inf"), mg=100)], "dose 1: day inf is no day"),
        ([Dose(0.0, mg=100, minutes=-5)], "dose 1: an infusion of -5 minutes; expected 0 to 10080"),
        ([Dose(0.0, mg=100, minutes=20000)], "dose 1: an infusion of 20000 minutes; expected 0 to 10080"),
        ([Dose(0.0, mg=100, minutes=float("nan"))], "dose 1: an infusion of nan minutes; expected 0 to 10080"),
        ([Dose(21.0, mg=100), Dose(0.0, mg=100)], "the doses are out of order; expected them by day"),
    ],
)
def test_doses_that_cannot_be_are_refused(doses, words):
    with pytest.raises(AskedWrongly) as refused:
        checked(doses)
    assert words in str(refused.value)


@pytest.mark.parametrize("times", [[], [-1.0], [1.0, 1.0], [2.0, 1.0], [1.0, float("nan")], [float("inf")]])
def test_times_that_cannot_be_are_refused(times):
    with pytest.raises(AskedWrongly, match="the times of the output must be finite, from 0 on and ascending"):
        cut(labelled(IV, "q3w", 1), times)


@pytest.mark.parametrize(
    ("number", "days", "words"),
    [
        (1, 10, "dose 1 cannot be late; expected 2 to 4"),
        (5, 10, "dose 5 cannot be late; expected 2 to 4"),
        (2, -1, "a delay of -1 days; expected 0 to 3650"),
        (2, 4000, "a delay of 4000 days; expected 0 to 3650"),
        (2, float("nan"), "a delay of nan days; expected 0 to 3650"),
    ],
)
def test_delays_that_cannot_be_are_refused(number, days, words):
    with pytest.raises(AskedWrongly) as refused:
        delayed(labelled(IV, "q3w", 4), number, days, None, IV)
    assert words in str(refused.value)


@pytest.mark.parametrize("number", [0, 1, 5])
def test_a_dose_that_cannot_be_missed_is_refused(number):
    with pytest.raises(AskedWrongly, match=f"dose {number} cannot be missed; expected 2 to 4"):
        missed(labelled(IV, "q3w", 4), number)


def test_a_route_that_the_model_has_not_is_refused():
    under = own(Dose(0.0, mg=600, route=UNDER_SKIN))
    with pytest.raises(AskedWrongly):
        simulate(ExposureRequest(read_model(IV), "breast", under, patients=2, covariates=covariates_of("breast")))


def test_a_negative_seed_is_refused():
    with pytest.raises(AskedWrongly):
        simulate(request_for(cycles=1, patients=1, seed=-1))


def test_a_request_without_weights_is_refused():
    with pytest.raises(AskedWrongly):
        simulate(ExposureRequest(read_model(IV), "breast", labelled(IV, "q3w", 1), patients=1))


def test_a_schedule_begins_on_day_0():
    now = own(Dose(0.0, mg_per_kg=8), Dose(21.0, mg_per_kg=6))
    later = replace(now, doses=tuple(replace(dose, day=dose.day + 5) for dose in now.doses))
    with pytest.raises(AskedWrongly, match="the first dose is on day 5; expected day 0"):
        ExposureRequest(read_model(IV), "breast", later, 3, covariates=covariates_of("breast"))
