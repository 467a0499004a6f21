"""Virtual patients are those of the tables: medians, spreads, correlations, limits; and wrong requests are refused."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from scipy.stats import norm, spearmanr

from her2path.facts.problem import AskedWrongly
from her2path.simulate.exposure.kernel import (
    ABSORPTION,
    AVAILABLE,
    CLEARANCE,
    MAXIMUM,
    PARAMETERS,
    SECOND_VOLUME,
    THIRD_VOLUME,
    VOLUME,
)
from her2path.simulate.model import model_keys, read_model
from her2path.simulate.patients import (
    PLAUSIBLE,
    POPULATIONS,
    ROWS,
    at_reference,
    covariates_of,
    draw_covariates,
    draw_deviations,
    normals,
    parameters_for,
    spread_matrix,
    typical_values,
)

MANY = 40_000
SIGMAS = 4.5
"""What chance may do: with a few hundred comparisons, none is beyond it once in a thousand seeds."""
EXPOSURE = model_keys("exposure")


@pytest.fixture(scope="module")
def drawn():
    return {population: draw_covariates(covariates_of(population), 11, 0, MANY) for population in POPULATIONS}


def listed() -> list[tuple[str, str]]:
    return [(population, name) for population in POPULATIONS for name in covariates_of(population)]


# Who is drawn


@pytest.mark.parametrize(("population", "name"), listed())
def test_covariates_are_drawn_as_the_table_says(drawn, population, name):
    row = next(row for row in read_model("patients").grids[population] if row["covariate"].strip("`") == name)
    values = drawn[population][name]
    least, most = float(row["least"]), float(row["most"])
    assert least <= values.min() <= values.max() <= most
    median = float(row["median"])
    if row["spread"] == "-":
        assert set(np.unique(values)) <= {0.0, 1.0}
        assert values.mean() == pytest.approx(median, abs=SIGMAS * np.sqrt(median * (1 - median) / MANY))
        return
    spread = float(row["spread"])
    for share in (0.05, 0.25, 0.5, 0.75, 0.95):
        z = norm.ppf(share)
        wanted = np.clip(median * np.exp(spread * z), least, most)
        chance = spread * np.sqrt(share * (1 - share) / MANY) / norm.pdf(z)
        assert np.log(np.quantile(values, share) / wanted) == pytest.approx(0, abs=SIGMAS * chance), share


@pytest.mark.parametrize("population", POPULATIONS)
def test_covariates_go_together_as_the_table_says_and_no_others(drawn, population):
    together = {
        frozenset((row["one"].strip("`"), row["other"].strip("`"))): float(row["correlation"])
        for row in read_model("patients").grids["Correlations"]
    }
    for one, other in combinations(covariates_of(population), 2):
        if len({*drawn[population][one]}) == 1 or len({*drawn[population][other]}) == 1:
            continue
        r = together.get(frozenset((one, other)), 0.0)
        ranks = 6 / np.pi * np.arcsin(r / 2)
        found = spearmanr(drawn[population][one], drawn[population][other]).statistic
        assert found == pytest.approx(ranks, abs=SIGMAS / np.sqrt(MANY)), (one, other)


def test_weight_of_the_paper_has_its_percentiles(drawn):
    found = np.percentile(drawn["breast"]["weight_kg"], [5, 50, 95])
    np.testing.assert_allclose(found, [46, 66, 98], rtol=0.03)


def test_lean_body_mass_and_body_mass_index_follow(drawn):
    of = drawn["breast"]
    lean = np.maximum(0.252 * of["weight_kg"] + 0.473 * of["height_cm"] - 48.3, 20)
    np.testing.assert_allclose(of["lean_body_mass_kg"], lean)
    np.testing.assert_allclose(of["body_mass_index"], of["weight_kg"] / (of["height_cm"] / 100) ** 2)
    men = draw_covariates(covariates_of("volunteers"), 11, 0, 1000, male=True)
    np.testing.assert_allclose(men["lean_body_mass_kg"], 0.407 * men["weight_kg"] + 0.267 * men["height_cm"] - 19.2)


@pytest.mark.parametrize("key", EXPOSURE)
def test_deviations_have_the_covariance_of_the_model(key):
    model = read_model(key)
    names, matrix = spread_matrix(model)
    eta = np.array([draw_deviations(model, 11, 0, MANY)[name] for name in names])
    variances = np.diag(matrix)
    assert np.all(np.abs(eta.mean(axis=1)) <= SIGMAS * np.sqrt(variances / MANY))
    chance = np.sqrt((np.outer(variances, variances) + matrix**2) / MANY)
    assert np.all(np.abs(np.cov(eta) - matrix) <= SIGMAS * chance)
    assert np.all(np.abs(np.median(eta, axis=1)) <= SIGMAS * 1.2534 * np.sqrt(variances / MANY))


def test_clearance_and_volume_of_trastuzumab_vary_together():
    eta = draw_deviations(read_model("trastuzumab-iv"), 3, 0, MANY)
    found = np.cov(eta["clearance"], eta["central_volume"])
    np.testing.assert_allclose(found, [[0.401**2, 0.0230], [0.0230, 0.246**2]], rtol=0.04)
    assert np.std(eta["michaelis_constant"]) == pytest.approx(1.39, rel=0.02)


def test_covariates_and_deviations_are_drawn_apart(drawn):
    eta = draw_deviations(read_model("trastuzumab-iv"), 11, 0, MANY)
    for name in ("weight_kg", "height_cm", "albumin_g_per_dl"):
        for each in eta.values():
            assert abs(spearmanr(drawn["breast"][name], each).statistic) <= SIGMAS / np.sqrt(MANY)


def test_who_a_patient_is_depends_on_the_seed_alone():
    whole = normals(5, 0, 3000, 4, 1)
    np.testing.assert_array_equal(normals(5, 1000, 700, 4, 1), whole[:, 1000:1700])
    np.testing.assert_array_equal(normals(5, 2047, 2, 4, 1), whole[:, 2047:2049])
    assert not np.array_equal(normals(6, 0, 10, 4, 1), whole[:, :10])
    assert not np.array_equal(normals(5, 0, 10, 4, 2), whole[:, :10])
    assert len(np.unique(whole)) == whole.size


def test_one_by_hand_leaves_the_others_as_they_were(drawn):
    found = draw_covariates(covariates_of("breast", {"weight_kg": "80"}), 11, 0, MANY)
    assert set(found["weight_kg"]) == {80.0}
    for name in ("height_cm", "ast_u_per_l", "liver_metastases", "ecd_ng_per_ml"):
        np.testing.assert_array_equal(found[name], drawn["breast"][name])


# What a model makes of them


def values_of(key: str, population: str = "breast", **covariates: float) -> np.ndarray:
    given = {name: np.array([value]) for name, value in covariates.items()}
    return parameters_for(read_model(key), population, given, {}, 1)[:, 0]


def test_trastuzumab_parameters_by_hand():
    """Reckoned by the published equation, not by the model file."""
    found = values_of("trastuzumab-iv", weight_kg=90.0, ast_u_per_l=60.0, albumin_g_per_dl=3.2, liver_metastases=1.0)
    clearance = 0.127 * (90 / 66) ** 0.967 * (60 / 24) ** 0.205 * (3.2 / 4) ** -0.998 * np.exp(0.152)
    np.testing.assert_allclose(found[:4], [clearance, 2.62, 0.544, 2.97])
    np.testing.assert_allclose(found[6:8], [8.81, 8.92])
    np.testing.assert_allclose(values_of("trastuzumab-iv", "gastric")[:2], [0.176, 3.63])
    np.testing.assert_allclose(values_of("trastuzumab-iv", "early-breast")[:2], [0.127, 2.62])


def test_trastuzumab_under_the_skin_parameters_by_hand():
    found = values_of("trastuzumab-sc", weight_kg=90.0, alt_u_per_l=40.0)
    weight = 90 / 68
    wanted = [0.111 * weight**1.04 * (40 / 19) ** 0.144, 2.91 * weight**0.443, 0.445, 3.06 * weight**0.5]
    np.testing.assert_allclose(found[:4], wanted)
    np.testing.assert_allclose(found[6:], [11.9, 33.9, 0.404, 0.771])


def test_conjugates_and_pertuzumab_by_hand():
    found = values_of("t-dxd", weight_kg=80.0, male=1.0, japan=1.0, albumin_g_per_dl=3.5, tumour_cm=10.0)
    clearance = 0.421 * (80 / 57.8) ** 0.37 * (3.5 / 4) ** -0.533 * (10 / 5.7) ** 0.071 * 0.903 * 1.174
    volume = 2.77 * (80 / 57.8) ** 0.489 * 1.197
    np.testing.assert_allclose(found[[0, 1, 3]], [clearance, volume, 5.16 * 0.738])
    found = values_of(
        "t-dm1", weight_kg=80.0, ecd_ng_per_ml=50.0, albumin_g_per_dl=3.5, tumour_cm=5.0, ast_u_per_l=40.0
    )
    clearance = 0.676 * (80 / 70) ** 0.49 * 2**0.035 * (3.5 / 4.1) ** -0.423 * (5 / 9) ** 0.052 * (40 / 27) ** 0.071
    np.testing.assert_allclose(found[:4], [clearance, 3.127 * (80 / 70) ** 0.596, 1.534, 0.66])
    found = values_of("pertuzumab", lean_body_mass_kg=40.0, albumin_g_per_dl=3.5)
    lean = 40 / 48
    np.testing.assert_allclose(
        found[:4], [0.235 * lean**0.516 * (3.5 / 3.9) ** -1.06, 3.11 * lean**0.747, 0.534, 2.46 * lean**0.83]
    )
    found = values_of("trastuzumab-linear", ecd_ng_per_ml=100.0, weight_kg=60.0)
    np.testing.assert_allclose(
        found[:2], [0.225 * (100 / 8.23) ** 0.041, 2.95 * (60 / 70) ** 0.556 * (100 / 8.23) ** 0.105]
    )


def test_volunteers_eliminate_by_body_mass_index():
    found = values_of("trastuzumab-volunteers", "volunteers", body_mass_index=26.0, lean_body_mass_kg=55.0)
    assert found[CLEARANCE] / found[VOLUME] == pytest.approx(0.0528 * 26 / 23, rel=2e-3)
    assert found[VOLUME] == pytest.approx(3.28 * 55 / 61)


@pytest.mark.parametrize("key", EXPOSURE)
def test_the_typical_patient_is_the_table(key):
    model = read_model(key)
    found = parameters_for(model, "breast", {}, {}, 2)
    assert found.shape == (PARAMETERS, 2)
    for name, value in typical_values(model, "breast").items():
        if name in ROWS:
            np.testing.assert_allclose(found[ROWS.index(name)], value)
    for name in ("maximal_elimination", "absorption"):
        if name not in model:
            assert np.all(found[ROWS.index(name)] == 0)


@pytest.mark.parametrize("population", POPULATIONS)
@pytest.mark.parametrize("key", EXPOSURE)
def test_everybody_drawn_can_be_simulated(key, population):
    model = read_model(key)
    covariates = draw_covariates(covariates_of(population), 2, 0, 5000)
    made = parameters_for(model, population, covariates, draw_deviations(model, 2, 0, 5000), 5000)
    assert np.isfinite(made).all()
    assert np.all(made[[CLEARANCE, VOLUME, SECOND_VOLUME, THIRD_VOLUME]] > 0)
    assert np.all(made[[MAXIMUM, ABSORPTION]] >= 0)
    assert np.all((made[AVAILABLE] > 0) & (made[AVAILABLE] <= 1))


EDGES = [
    pytest.param(key, name, edge)
    for key in EXPOSURE
    for name in sorted({effect.covariate for effect in read_model(key).effects})
    for edge in (0, 1)
]


@pytest.mark.parametrize(("key", "name", "edge"), EDGES)
def test_whatever_is_taken_by_hand_can_be_simulated(key, name, edge):
    text = f"{PLAUSIBLE[name][edge]:g}"
    drawn = draw_covariates(covariates_of("breast", {name: text}), 1, 0, 10)
    assert set(drawn[name]) == {float(text)}
    made = parameters_for(read_model(key), "breast", drawn, {}, 10)
    assert np.isfinite(made).all()
    assert np.all(made[[CLEARANCE, VOLUME, SECOND_VOLUME, THIRD_VOLUME]] > 0)


def test_availability_is_never_more_than_all():
    model = read_model("trastuzumab-sc")
    found = parameters_for(model, "early-breast", {}, {"bioavailability": np.array([-1.0, 0.0, 1.0])}, 3)
    np.testing.assert_allclose(found[AVAILABLE], [0.771 * np.exp(-1), 0.771, 1.0])


def test_what_stays_at_the_reference_is_told():
    assert at_reference(read_model("t-dxd"), covariates_of("breast")) == ["japan", "male", "tumour_cm"]
    assert at_reference(read_model("trastuzumab-iv"), covariates_of("breast")) == []


# Covariates by hand


def test_a_value_by_hand_is_for_everybody():
    found = covariates_of("breast", {"albumin_g_per_dl": "3.1"})["albumin_g_per_dl"]
    assert (found.median, found.spread, found.by_hand) == (3.1, 0.0, True)


def test_a_median_and_a_spread_by_hand():
    found = draw_covariates(covariates_of("breast", {"weight_kg": "80~0.1"}), 1, 0, MANY)["weight_kg"]
    assert np.median(found) == pytest.approx(80, rel=0.003)
    assert np.std(np.log(found)) == pytest.approx(0.1, rel=0.02)


def test_a_share_by_hand():
    found = draw_covariates(covariates_of("breast", {"liver_metastases": "0.6"}), 1, 0, MANY)["liver_metastases"]
    assert set(found) == {0.0, 1.0}
    assert found.mean() == pytest.approx(0.6, abs=0.012)
    for share in ("0", "1"):
        found = draw_covariates(covariates_of("breast", {"male": share}), 1, 0, 100)["male"]
        assert set(found) == {float(share)}


def test_a_covariate_that_the_population_has_not_is_added():
    found = draw_covariates(covariates_of("volunteers", {"tumour_cm": "3"}), 1, 0, 5)
    assert set(found["tumour_cm"]) == {3.0}


def test_a_median_at_the_limit_of_the_population_is_still_a_median():
    found = draw_covariates(covariates_of("breast", {"weight_kg": "160~0.1"}), 1, 0, 1000)["weight_kg"]
    assert len(np.unique(found)) > 990


def test_a_share_has_no_spread():
    with pytest.raises(AskedWrongly, match="liver_metastases"):
        covariates_of("breast", {"liver_metastases": "0.5~0.2"})


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("shoe_size", "42", r"no covariate is called 'shoe_size'; there are weight_kg, "),
        ("Weight_kg", "80", r"no covariate is called 'Weight_kg'"),
        ("weight_kg", "", r"weight_kg=''; expected a number, or MEDIAN~SPREAD as in weight_kg=80~0.2"),
        ("weight_kg", "heavy", r"weight_kg='heavy'; expected a number"),
        ("weight_kg", "80 kg", r"weight_kg='80 kg'; expected a number"),
        ("weight_kg", "80~a lot", r"expected a number, or MEDIAN~SPREAD"),
        ("weight_kg", "80~0.2~0.3", r"expected a number, or MEDIAN~SPREAD"),
        ("weight_kg", "-70", r"weight_kg=-70; expected a number from 20 to 300"),
        ("weight_kg", "0", r"weight_kg=0; expected a number from 20 to 300"),
        ("weight_kg", "70000", r"weight_kg=70000; expected a number from 20 to 300"),
        ("weight_kg", "nan", r"weight_kg=nan; expected a number from 20 to 300"),
        ("weight_kg", "inf", r"weight_kg=inf; expected a number from 20 to 300"),
        ("weight_kg", "80~-0.1", r"expected a spread \(of the logarithm\) from 0 to 2"),
        ("weight_kg", "80~nan", r"expected a spread \(of the logarithm\) from 0 to 2"),
        ("weight_kg", "80~20", r"expected a spread \(of the logarithm\) from 0 to 2"),
        ("albumin_g_per_dl", "40", r"albumin_g_per_dl=40; expected a number from 1 to 7"),
        ("height_cm", "1.7", r"height_cm=1.7; expected a number from 100 to 230"),
        ("liver_metastases", "28", r"liver_metastases=28; expected a number from 0 to 1"),
    ],
)
def test_covariates_that_cannot_be_are_refused(name, text, words):
    with pytest.raises(AskedWrongly, match=words):
        covariates_of("breast", {name: text})


def test_a_population_that_there_is_not_is_refused():
    with pytest.raises(
        AskedWrongly, match="no population is called 'lung'; there are breast, early-breast, metastatic-breast, gastric"
    ):
        covariates_of("lung")
