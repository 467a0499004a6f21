"""Mechanism and tumour: limits that must hold whatever the numbers, what is conserved, and what every output says."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from math import log

import numpy as np
import pytest
from click.testing import CliRunner

from her2path.facts.problem import AskedWrongly

pytest.importorskip("scipy")

from her2path.cli.simulate.tumour import tumour as command
from her2path.facts.markdown import plain
from her2path.simulate.tumour import run as tumour_run
from her2path.simulate.tumour.equations import TERMS, growth_per_day, solve_course, supply_per_day, switched
from her2path.simulate.tumour.run import (
    IHC_CLASSES,
    TUMOUR_DRUGS,
    SerumProfile,
    TumourRequest,
    drawn_parameters,
    receptors,
    simulate_tumour,
    simulate_tumours,
    term_rows,
    terms_on,
    tumour_model,
    tumour_of,
    typical_exposure,
)
from her2path.simulate.tumour.words import not_identifiable

ALL = frozenset(TERMS)
TROUGH_MG_PER_L = 45.0
SECONDS_A_DAY = 86400


def steady(mg_per_l: float) -> SerumProfile:
    return SerumProfile(np.array([0.0, 1.0]), np.array([mg_per_l, mg_per_l]))


def falling(request: TumourRequest) -> SerumProfile:
    """Doses that halve every six days: enough of a profile to test with."""
    times = np.arange(request.days * 24 + 1) / 24
    doses = np.arange(0, request.days, 21)
    since = times[:, None] - doses[None, :]
    return SerumProfile(times, np.where(since >= 0, 120 * 0.5 ** (np.maximum(since, 0) / 6), 0.0).sum(axis=1))


def follow(tumour, nm: float, terms=ALL, days: int = 60, step: float = 1.0):
    return solve_course(tumour, terms, [0.0], [nm], np.arange(0, days + step / 2, step))


@pytest.fixture
def trastuzumab():
    return tumour_of(TumourRequest())


@pytest.fixture
def conjugate():
    return tumour_of(TumourRequest(drug="t-dm1"))


# -- no drug --------------------------------------------------------------------------------------


def test_without_drug_receptors_stay_as_they_are(trastuzumab) -> None:
    found = follow(trastuzumab, 0.0)
    assert found["free"] == pytest.approx(np.full(61, receptors("3+")), rel=1e-5)
    assert found["internal_free"] == pytest.approx(np.full(61, found["internal_free"][0]), rel=1e-5)
    assert not found["bound"].any()
    assert not found.occupancy.any()


def test_without_drug_a_small_tumour_doubles_in_its_doubling_time(trastuzumab) -> None:
    tiny = replace(trastuzumab, initial_volume_cm3=1e-3)
    found = follow(tiny, 0.0, days=50)
    assert found.volume_cm3[[25, 50]] == pytest.approx([2e-3, 4e-3], rel=1e-4)


def test_without_linear_growth_the_tumour_is_logistic(trastuzumab) -> None:
    logistic = replace(trastuzumab, linear_growth_cm3_per_day=1e9)
    found = follow(logistic, 0.0, days=400)
    most, start = logistic.maximal_volume_cm3, logistic.initial_volume_cm3
    exact = most / (1 + (most / start - 1) * np.exp(-log(2) / 25 * found.times_days))
    assert found.volume_cm3 == pytest.approx(exact, rel=1e-4)


def test_growth_follows_the_integral_of_its_law(trastuzumab) -> None:
    from scipy.integrate import quad

    end = float(follow(trastuzumab, 0.0, days=200).volume_cm3[-1])
    days, _ = quad(lambda size: 1 / (size * growth_per_day(trastuzumab, size)), trastuzumab.initial_volume_cm3, end)
    assert end > 22.4, "the test means to reach linear growth"
    assert days == pytest.approx(200, rel=1e-4)


# -- no receptor ----------------------------------------------------------------------------------


def test_without_receptors_nothing_is_bound_and_nothing_dies() -> None:
    for drug in ("trastuzumab", "t-dm1", "t-dxd"):
        bare = tumour_of(TumourRequest(drug=drug), copies_per_cell=0.0)
        found = follow(bare, 300.0)
        assert not found["bound"].any()
        assert found.volume_cm3 == pytest.approx(follow(bare, 0.0).volume_cm3, rel=1e-5)
        assert found["payload_inside"] == pytest.approx(np.zeros(61), abs=1e-9)


# -- saturation -----------------------------------------------------------------------------------


@pytest.mark.parametrize("nm", [0.05, 0.314, 3.0, 300.0])
def test_with_binding_alone_occupancy_is_that_of_the_concentration(trastuzumab, nm) -> None:
    still = replace(trastuzumab, copies_per_cell=1000.0, doubling_time_days=1e9)
    found = follow(still, nm, frozenset({"binding"}), days=200)
    assert found.occupancy[-1] == pytest.approx(nm / (nm + 0.314), rel=2e-3)
    assert found.interstitial_nm[-1] == pytest.approx(nm, rel=2e-3)


def test_at_the_trough_cells_at_the_vessel_are_saturated_and_the_tumour_is_not(trastuzumab) -> None:
    """What the vessels bring is used up on the way: the more receptors, the lower the mean."""
    nm = TROUGH_MG_PER_L * 1e6 / trastuzumab.molecular_weight
    means = [follow(tumour_of(TumourRequest(ihc=ihc)), nm, days=30).occupancy[-1] for ihc in IHC_CLASSES]
    assert follow(trastuzumab, nm, days=1).occupancy_at_the_vessel[-1] > 0.998
    assert means == sorted(means, reverse=True)
    assert means[0] > 0.98
    assert means[-1] < 0.5


# -- what is conserved ----------------------------------------------------------------------------


@pytest.mark.parametrize("drug", ["trastuzumab", "t-dm1"])
def test_antibody_that_entered_is_there_or_was_lost(drug) -> None:
    request = TumourRequest(drug=drug, cycles=2)
    exposure = falling(request)
    found = tumour_run.course_of(tumour_of(request), terms_on(request), exposure, request.days)
    kept = found["entered"] - found["lost"]
    assert found["lost"][-1] > 0
    assert found.antibody_in_tumour_nmol == pytest.approx(kept, rel=1e-3, abs=1e-4 * found["entered"].max())


def test_what_entered_is_the_integral_of_what_vessels_bring(trastuzumab) -> None:
    from scipy.integrate import trapezoid

    found = follow(trastuzumab, 300.0, days=10, step=0.01)
    brought = [
        supply_per_day(334, 2.2e6, trastuzumab, size) * size / 1000 * (300.0 - between)
        for size, between in zip(found.volume_cm3, found.interstitial_nm, strict=True)
    ]
    assert found["entered"][-1] == pytest.approx(trapezoid(brought, found.times_days), rel=1e-3)


def test_under_steady_drug_as_many_receptors_are_made_as_destroyed_or_shed(trastuzumab) -> None:
    still = replace(trastuzumab, doubling_time_days=1e9, adcc_maximum_per_day=0.0)
    found = follow(still, 300.0, days=60)
    untreated = follow(still, 0.0, days=1)
    destroyed = still.degradation_per_day * (found["internal_free"] + found["internal_bound"])
    made = still.degradation_per_day * untreated["internal_free"][0] + still.shedding_per_day * still.copies_per_cell
    assert destroyed[-1] + still.shedding_per_day * found["free"][-1] == pytest.approx(made, rel=1e-3)


def test_nothing_is_negative() -> None:
    for drug in ("trastuzumab", "t-dm1", "t-dxd"):
        found = simulate_tumour(
            TumourRequest(drug=drug, cycles=2), falling(TumourRequest(cycles=2)), contributions=False
        ).course
        for name, values in found.states.items():
            assert values.min() >= -1e-6 * max(values.max(), 1e-12), name


# -- shed HER2 ------------------------------------------------------------------------------------


def test_the_healthy_have_their_level_and_a_tumour_adds_to_it(trastuzumab) -> None:
    none = replace(trastuzumab, initial_volume_cm3=1e-6)
    assert follow(none, 0.0, days=1).ecd_total_ng_per_ml[0] == pytest.approx(8, rel=1e-3)
    sizes = [follow(replace(trastuzumab, initial_volume_cm3=size), 0.0, days=1).ecd_total_ng_per_ml[0]
             for size in (1.6, 16, 160)]  # fmt: skip
    assert 8 < sizes[0] < sizes[1] < sizes[2]


def test_the_block_of_shedding_lowers_shed_her2(trastuzumab) -> None:
    blocked, cut = follow(trastuzumab, 300.0), follow(trastuzumab, 300.0, ALL - {"shedding-block"})
    assert blocked.ecd_total_ng_per_ml[-1] < 0.5 * cut.ecd_total_ng_per_ml[-1]
    assert blocked.ecd_free_ng_per_ml[-1] < 0.1 * blocked.ecd_free_ng_per_ml[0]


def test_without_shedding_there_is_no_shed_her2(trastuzumab) -> None:
    assert not follow(trastuzumab, 300.0, ALL - {"shedding"}).ecd_total_ng_per_ml.any()


# -- terms ----------------------------------------------------------------------------------------

CHANGES = {
    "binding": {"association_per_nm_per_day"},
    "internalisation": {"endocytosis_per_day"},
    "shedding": {"shedding_per_day", "normal_ecd_nm_per_day", "stump_share"},
    "shedding-block": {"bound_shedding_share"},
    "stump": {"stump_share"},
    "signalling": {"signalling_maximum"},
    "adcc": {"adcc_maximum_per_day"},
    "vessels": {"vessels_maximum"},
    "repair": {"repair_block"},
    "payload": {"payload"},
}


@pytest.mark.parametrize("term", TERMS)
def test_a_term_that_is_off_changes_its_own_numbers_only(conjugate, term) -> None:
    whole, less = switched(conjugate, ALL), switched(conjugate, ALL - {term})
    changed = {each.name for each in fields(whole) if getattr(whole, each.name) != getattr(less, each.name)}
    assert changed == CHANGES[term]


@pytest.mark.parametrize("term", ["signalling", "adcc", "vessels", "stump"])
def test_each_scenario_term_slows_the_tumour_and_binds_nothing(trastuzumab, term) -> None:
    only = frozenset({"binding", "internalisation", "shedding", "shedding-block"})
    base, more = follow(trastuzumab, 300.0, only), follow(trastuzumab, 300.0, only | {term})
    untreated = follow(trastuzumab, 0.0)
    assert base.volume_cm3 == pytest.approx(untreated.volume_cm3, rel=1e-5)
    assert more.volume_cm3[-1] < 0.99 * base.volume_cm3[-1]
    assert more.occupancy[1] == pytest.approx(base.occupancy[1], rel=0.01)


def test_the_stump_needs_the_cut_and_the_block(trastuzumab) -> None:
    """Where bound receptors are cut as free ones are, as many stumps are left as before."""
    without_block = ALL - {"shedding-block"}
    assert follow(trastuzumab, 300.0, without_block).volume_cm3[-1] == pytest.approx(
        follow(trastuzumab, 300.0, without_block - {"stump"}).volume_cm3[-1], rel=0.01
    )


def test_repair_acts_only_beside_damage_to_dna(trastuzumab) -> None:
    same, off = follow(trastuzumab, 300.0), follow(trastuzumab, 300.0, ALL - {"repair"})
    assert np.array_equal(same.volume_cm3, off.volume_cm3)
    beside = replace(trastuzumab, other_kill_per_day=0.02)
    assert follow(beside, 300.0).volume_cm3[-1] < 0.95 * follow(beside, 300.0, ALL - {"repair"}).volume_cm3[-1]


def test_a_conjugate_kills_by_its_payload_which_comes_from_inside_the_cell() -> None:
    request = TumourRequest(drug="t-dm1", cycles=2)
    found = simulate_tumour(request, falling(request))
    grown = float(found.untreated.volume_cm3[-1])
    assert found.course.volume_cm3[-1] < 0.2 * grown
    left = {part.term: part.volume_without_cm3 for part in found.contributions}
    for term in ("payload", "internalisation", "binding"):
        assert left[term] == pytest.approx(grown, rel=1e-3)
    assert left["shedding"] < 0.2 * grown


def test_terms_counted_in_the_payload_are_off_for_conjugates_unless_asked_for() -> None:
    off = {"stump", "signalling", "adcc", "vessels", "repair"}
    assert terms_on(TumourRequest(drug="t-dxd")) == ALL - off
    assert terms_on(TumourRequest(drug="t-dxd", added=frozenset({"adcc"}))) == (ALL - off) | {"adcc"}
    assert terms_on(TumourRequest()) == ALL - {"payload"}


# -- dose, units ----------------------------------------------------------------------------------


@pytest.mark.parametrize("drug", ["trastuzumab", "t-dm1", "t-dxd"])
def test_more_drug_binds_more_and_leaves_less_tumour(drug) -> None:
    request = TumourRequest(drug=drug, cycles=1)
    found = [simulate_tumour(request, steady(mg_per_l), contributions=False).course for mg_per_l in (0, 1, 10, 100)]
    bound = [each["bound"][7] for each in found]
    sizes = [each.volume_cm3[-1] for each in found]
    assert bound == sorted(bound)
    assert sizes == sorted(sizes, reverse=True)
    assert bound[0] == 0


def test_units(trastuzumab) -> None:
    """Each by another way than the program's own."""
    assert trastuzumab.association_per_nm_per_day == pytest.approx(1e-4 * SECONDS_A_DAY)
    assert trastuzumab.linear_growth_cm3_per_day == pytest.approx(0.621)
    found = simulate_tumour(TumourRequest(cycles=1), steady(TROUGH_MG_PER_L), contributions=False).course
    assert found.serum_nm[0] == pytest.approx(310, rel=0.01), "45 mg/L of an antibody of 145 kDa"
    # A copy a cell in 2 pL is 0.83 pM: a million are 830 nM in the cells, which are 56 % of the tumour.
    tumour_nm = receptors("3+") / 6.022e23 / 2e-12 * 1e9 * 0.56
    bound_nm = (found.antibody_in_tumour_nmol - found["antibody"]) / (found.volume_cm3 / 1000)
    share = (found["bound"] + found["internal_bound"]) / receptors("3+")
    assert bound_nm[5] == pytest.approx(tumour_nm * share[5], rel=1e-3)
    # Shedding that keeps 8 ng/mL in 16 L, half of it gone every 5 h, over 2.08e11 cells of 20,000.
    a_day = 8e-9 * 1000 * 16 / 1e5 * 6.022e23 * log(2) * 24 / 5
    assert trastuzumab.shedding_per_day == pytest.approx(a_day / (2.08e11 * 2e4), rel=1e-3)


# -- what is asked --------------------------------------------------------------------------------


@pytest.mark.parametrize(("wrong", "says"), [
    ({"ihc": "4+"}, "IHC is one of 0, 1+, 2+, 3+"),
    ({"drug": "pertuzumab+trastuzumab"}, "under pertuzumab"),
    ({"drug": "aspirin"}, "one of none, trastuzumab, t-dm1, t-dxd"),
    ({"drug": "t-dm1", "schedule": "weekly"}, "t-dm1 is given q3w, not weekly"),
    ({"schedule": "daily"}, "one of q3w, weekly, sc"),
    ({"without": frozenset({"luck"})}, "no term is called 'luck'; there are binding"),
    ({"without": frozenset({"adcc"}), "added": frozenset({"adcc"})}, "adcc is asked for both"),
    ({"added": frozenset({"payload"})}, "trastuzumab carries no payload"),
    ({"cycles": 0}, "cycles are 1 to 60"),
    ({"volume_cm3": 0.0}, "above 0 and below 523.8 cm3"),
    ({"volume_cm3": 524.0}, "above 0 and below 523.8 cm3"),
    ({"other_kill_per_day": -1.0}, "0 to 1 a day"),
])  # fmt: skip
def test_a_wrong_request_is_told(wrong, says) -> None:
    with pytest.raises(AskedWrongly, match=says.replace("+", r"\+").replace(".", r"\.")):
        simulate_tumour(TumourRequest(**wrong), steady(10))


def test_a_wrong_exposure_is_told(trastuzumab) -> None:
    for days, serum in (([0, 1], [1]), ([1, 0], [1, 1]), ([], []), ([0], [-1]), ([0], [float("nan")])):
        with pytest.raises(AskedWrongly):
            solve_course(trastuzumab, ALL, days, serum, [0, 1])


def test_wrong_numbers_of_patients_are_told() -> None:
    for patients, seed in ((0, 1), (5, -1)):
        with pytest.raises(AskedWrongly):
            simulate_tumours(TumourRequest(), patients, seed, steady(10))


# -- patients -------------------------------------------------------------------------------------


def test_a_patient_is_the_same_however_many_are_asked_for() -> None:
    request = TumourRequest(drug="t-dxd")
    assert drawn_parameters(request, 3, 1) == drawn_parameters(request, 1030, 1)[:3]
    assert drawn_parameters(request, 1026, 1)[1024:] == drawn_parameters(request, 1030, 1)[1024:1026]
    assert drawn_parameters(request, 3, 1) != drawn_parameters(request, 3, 2)


def test_receptors_of_patients_spread_about_their_class() -> None:
    copies = np.log([each["copies_per_cell"] for each in drawn_parameters(TumourRequest(ihc="2+"), 4000, 1)])
    assert np.exp(copies.mean()) == pytest.approx(receptors("2+"), rel=0.05)
    assert copies.std() == pytest.approx(0.66, rel=0.05)


def test_the_typical_half_kill_is_the_median_of_patients() -> None:
    found = [each["t_dm1_half_kill"] for each in drawn_parameters(TumourRequest(drug="t-dm1"), 4000, 1)]
    assert np.median(found) == pytest.approx(tumour_of(TumourRequest(drug="t-dm1")).payload.half_kill_nm, rel=0.05)
    assert min(found) > 0


def test_patients_are_followed_each_by_herself() -> None:
    request = TumourRequest(cycles=1)
    two, three = (simulate_tumours(request, number, 4, steady(45)) for number in (2, 3))
    assert np.array_equal(two.columns["volume_cm3"], three.columns["volume_cm3"][:2])
    assert len(set(three.columns["volume_cm3"])) == 3


# -- what is said ---------------------------------------------------------------------------------


def test_the_terms_of_the_file_are_those_of_the_program() -> None:
    assert tuple(row["term"] for row in term_rows()) == TERMS
    assert {row["strength"] for row in term_rows()} <= {"strong", "moderate", "weak", "none"}
    assert {row["identifiable"] for row in term_rows()} <= {"in part", "no"}
    assert {plain(row["drug"]) for row in tumour_model().grids["Drugs"]} | {"none"} == set(TUMOUR_DRUGS)


def test_no_scenario_looks_like_a_fact() -> None:
    """What published data do not fix is marked as ours, or as not checked; only the block in cells was measured."""
    model = tumour_model()
    for name in ("signalling_maximum", "adcc_maximum", "adcc_half_maximum", "stump_share", "vessels_maximum"):
        assert {each.verified for each in model.parameters[name].citations} <= {"decided", "remembered"}
        assert {each.key for each in model.parameters[name].citations} == {"decisions"}
    for parameter in model.parameters.values():
        assert parameter.unit
        assert parameter.citations


@pytest.mark.parametrize("drug", TUMOUR_DRUGS)
@pytest.mark.parametrize("ihc", IHC_CLASSES)
def test_every_run_says_what_is_not_identifiable(drug, ihc) -> None:
    request = TumourRequest(ihc=ihc, drug=drug)
    told = " ".join(not_identifiable(request, terms_on(request), None))
    assert told
    if drug == "trastuzumab":
        assert "Not identifiable from published data" in told
        for term in ("stump", "signalling", "adcc", "vessels", "repair"):
            assert term in told
    if drug.startswith("t-"):
        assert "Not identifiable from published data: payload in the tumour" in told
        assert "no benefit can be read" in told
    if ihc != "3+" and drug == "trastuzumab":
        assert "found no benefit" in told


@pytest.fixture
def asked(monkeypatch):
    monkeypatch.setattr(tumour_run, "typical_exposure", falling)

    def ask(*words: str):
        return CliRunner().invoke(command, list(words), catch_exceptions=True)

    return ask


def test_the_command_prints_cycles_terms_and_limits(asked) -> None:
    result = asked("--cycles", "1", "--without", "adcc")
    assert result.exit_code == 0
    for words in ("IHC 3+, trastuzumab q3w, 1 cycles", "off: adcc, payload", "(none)", "signalling", "scenario",
                  "What published data cannot fix"):  # fmt: skip
        assert words in result.output


def test_the_terms_are_listed_with_evidence_and_source(asked) -> None:
    result = asked("--terms")
    assert result.output.count("evidence in humans:") == len(TERMS)
    assert "pietras1994" in result.output


def test_the_command_as_data(asked, tmp_path) -> None:
    import pyarrow.parquet as pq

    days, many = tmp_path / "days.parquet", tmp_path / "patients.parquet"
    found = json.loads(asked("--cycles", "1", "--format", "json", "-o", str(days)).output)
    assert found["cycles_table"][-1]["day"] == 21
    assert found["not_identifiable"]
    assert pq.read_table(days).num_rows == 22
    counted = json.loads(asked("--cycles", "1", "--virtual-patients", "3", "--format", "json", "-o", str(many)).output)
    assert counted["patients"] == 3
    assert counted["not_identifiable"]
    assert pq.read_table(many).column("patient").to_pylist() == [1, 2, 3]


def test_the_chart_is_the_same_each_time(asked, tmp_path) -> None:
    pytest.importorskip("matplotlib")
    one, two = tmp_path / "one.png", tmp_path / "two.png"
    for path in (one, two):
        assert asked("--cycles", "1", "--chart", str(path)).exit_code == 0
    assert one.read_bytes() == two.read_bytes()
    assert one.stat().st_size > 10_000


@pytest.mark.parametrize("words", [
    ["-o", "days.csv"], ["--chart", "tumour.gif"], ["--virtual-patients", "2", "--chart", "tumour.png"], ["--drug", "x"],
])  # fmt: skip
def test_the_command_refuses_what_it_cannot_do(asked, words) -> None:
    assert isinstance(asked(*words).exception, AskedWrongly)


def test_the_typical_exposure_comes_from_the_model_of_the_drug() -> None:
    pytest.importorskip("numba")
    request = TumourRequest(cycles=6)
    exposure = typical_exposure(request)
    assert exposure.mg_per_l.shape == exposure.times_days.shape
    assert 30 < exposure.mg_per_l[-1] < 60
    assert not typical_exposure(replace(request, drug="none")).mg_per_l.any()
