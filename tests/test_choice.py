"""Which model is simulated for whom: every population, schedule and model, each with its own model or refused by name."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

pytest.importorskip("numba")
pytest.importorskip("scipy")

from her2path.cli.group import main
from her2path.facts.markdown import plain
from her2path.facts.problem import AskedWrongly
from her2path.simulate.course.kernel import COLUMNS
from her2path.simulate.course.policy import Policy, exposure_model
from her2path.simulate.course.run import Scenario, rules_of, run_portion
from her2path.simulate.exposure.choice import chosen_words, model_and_population, standings
from her2path.simulate.exposure.fit import COMPARED_POPULATIONS, count_of_fits, fits
from her2path.simulate.exposure.population import request_for
from her2path.simulate.exposure.schedule import LABEL_PRODUCTS, SCHEDULES
from her2path.simulate.exposure.truth import Runs
from her2path.simulate.model import model_keys, read_model
from her2path.simulate.patients import POPULATIONS

IV, SC, LINEAR, MEN = "trastuzumab-iv", "trastuzumab-sc", "trastuzumab-linear", "trastuzumab-volunteers"
RUNS: dict[tuple[str, str], tuple[str | None, set[str]]] = {
    ("breast", "q3w"): (IV, {IV, "pertuzumab"}),
    ("breast", "weekly"): (IV, {IV}),
    ("breast", "sc"): (None, set()),
    ("early-breast", "q3w"): (SC, {SC, IV, "pertuzumab"}),
    ("early-breast", "weekly"): (SC, {SC, IV}),
    ("early-breast", "sc"): (SC, {SC}),
    ("metastatic-breast", "q3w"): (IV, {IV, LINEAR, "pertuzumab", "t-dm1", "t-dxd"}),
    ("metastatic-breast", "weekly"): (IV, {IV, LINEAR}),
    ("metastatic-breast", "sc"): (None, set()),
    ("gastric", "q3w"): (IV, {IV, "t-dxd"}),
    ("gastric", "weekly"): (None, set()),
    ("gastric", "sc"): (None, set()),
    ("volunteers", "q3w"): (MEN, {MEN, IV}),
    ("volunteers", "weekly"): (MEN, {MEN, IV}),
    ("volunteers", "sc"): (None, set()),
}
"""The model taken where none is named, and those that may be named; every other one is refused."""


def exposure(*arguments: str):
    small = ("--virtual-patients", "3", "--cycles", "2", "--after-days", "0", "--format", "json")
    return CliRunner().invoke(main, ["simulate", "exposure", *arguments, *small])


def test_the_table_holds_every_population_and_schedule() -> None:
    assert set(RUNS) == {(population, schedule) for population in POPULATIONS for schedule in SCHEDULES}


@pytest.mark.parametrize(("population", "schedule"), RUNS)
def test_every_combination_runs_its_own_model_or_is_refused_by_name(population: str, schedule: str) -> None:
    taken, named = RUNS[population, schedule]
    for model in (None, *model_keys("exposure")):
        expected = taken if model is None else model if model in named else None
        asked = ["--population", population, "--schedule", schedule, *(["--model", model] if model else [])]
        result = exposure(*asked)
        if expected is not None:
            assert result.exit_code == 0, (asked, result.output)
            told = json.loads(result.stdout)
            assert (told["asked"]["model"], told["asked"]["population"]) == (expected, population)
            said = any(f"model {expected} for {population}: " in words for words in told["assumed"])
            assert said == (model is None)
        else:
            assert result.exit_code == 2, (asked, result.output)
            message = result.stderr.removeprefix("her2path: ")
            # What was asked for is named, and what there is in its place.
            assert (model or population) in message or LABEL_PRODUCTS[model or taken or IV] in message
            assert any(
                words in message for words in ("Models for ", "Licensed there: ", "use --model", "use --schedule")
            )


def test_under_the_skin_in_gastric_cancer_says_what_is_licensed_and_what_is_modelled() -> None:
    result = exposure("--population", "gastric", "--schedule", "sc")
    assert result.exit_code == 2
    for words in (
        "under the skin is for gastric", "Licensed under the skin: breast cancer",
        "Modelled under the skin: early-breast (trastuzumab-sc)", "Models for gastric: trastuzumab-iv, t-dxd",
    ):  # fmt: skip
        assert words in result.stderr


def test_a_weekly_schedule_that_no_label_has_in_gastric_cancer_may_come_from_a_file(tmp_path: Path) -> None:
    refused = exposure("--population", "gastric", "--schedule", "weekly")
    assert "trastuzumab-iv every week is licensed for breast cancer, not for gastric cancer" in refused.stderr
    own = tmp_path / "own.csv"
    own.write_text("day,mg_per_kg,minutes\n0,4,90\n7,2,30\n14,2,30\n", encoding="utf-8")
    arguments = ["simulate", "exposure", "--population", "gastric", "--doses", str(own), "--virtual-patients", "3", "--format", "json"]
    assert json.loads(CliRunner().invoke(main, arguments).stdout)["asked"]["model"] == IV


@pytest.mark.parametrize(
    ("model", "population"),
    [(IV, "breast"), (SC, "early-breast"), (LINEAR, "metastatic-breast"), (MEN, "volunteers"), ("pertuzumab", "breast"),
     ("t-dm1", "metastatic-breast"), ("t-dxd", "metastatic-breast"), (None, "breast")],
)  # fmt: skip
def test_a_model_named_alone_is_simulated_in_its_own_population(model: str | None, population: str) -> None:
    assert model_and_population(model, None)[1] == population


def test_what_is_lent_is_for_one_patients_doses_alone() -> None:
    assert model_and_population(None, "metastatic-breast", True, lent=True) == (SC, "metastatic-breast")
    with pytest.raises(AskedWrongly, match="no model of trastuzumab under the skin is for gastric"):
        model_and_population(None, "gastric", True, lent=True)
    assert chosen_words(SC, "metastatic-breast") == (
        "trastuzumab-sc is lent to metastatic-breast: it was estimated in early breast cancer; under the skin there is "
        "no other"
    )
    with pytest.raises(AskedWrongly, match=r"the model t-dm1 is not for early-breast \(it was estimated in metastatic"):
        request_for("t-dm1", "early-breast")


def test_the_choice_is_whole() -> None:
    """Every model of exposure is somebody's, every population has one taken, and nobody is listed twice."""
    found = standings()
    assert {each.model for each in found if each.own} == {*model_keys("exposure")} == {*LABEL_PRODUCTS}
    assert {each.population for each in found} == {*POPULATIONS}
    assert len({(each.model, each.population) for each in found}) == len(found)
    for population in POPULATIONS:
        taken = [each for each in found if each.population == population and each.taken]
        assert len(taken) == 1
        assert taken[0].own
        assert LABEL_PRODUCTS[taken[0].model] == "trastuzumab-iv"
    grids = read_model("choice").grids
    assert {row["standing"] for row in grids["Models of a population"]} == {"own", "lent"}
    licensed = {(plain(row["product"]), row["schedule"]) for row in grids["Licensed schedules"]}
    assert {product for product, _ in licensed} == {*LABEL_PRODUCTS.values(), SC}
    assert {schedule for _, schedule in licensed} == {*SCHEDULES}


# -- one patient ----------------------------------------------------------------------------------


def of_record(tmp_path: Path, *rows: str):
    file = tmp_path / "record.csv"
    file.write_text("\n".join(["patient,date,fact,value,unit,product", *rows]) + "\n", encoding="utf-8")
    arguments = ["simulate", "exposure", "--record", str(file), "--on", "2025-03-01", "--virtual-patients", "5", "--format", "json"]
    return CliRunner().invoke(main, arguments)


@pytest.mark.parametrize(
    ("setting", "product", "model", "words"),
    [
        ("adjuvant", IV, SC, "model trastuzumab-sc for early-breast: HannaH gave both routes"),
        ("metastatic", IV, IV, "model trastuzumab-iv for metastatic-breast: "),
        ("adjuvant", SC, SC, "model trastuzumab-sc for early-breast: "),
        ("metastatic", SC, SC, "model trastuzumab-sc is lent to metastatic-breast: it was estimated in early"),
    ],
)
def test_a_record_says_which_model_was_taken_and_why(
    tmp_path: Path, setting: str, product: str, model: str, words: str
) -> None:
    result = of_record(
        tmp_path, "a,2025-01-01,weight_kg,60,kg,", f"a,2025-01-01,setting,{setting},,",
        f"a,2025-01-02,dose_mg,600,mg,{product}", f"a,2025-01-23,dose_mg,600,mg,{product}",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    assert told["model"] == model
    assert any(each.startswith(words) for each in told["assumed"])


def test_doses_under_the_skin_in_gastric_cancer_have_no_model(tmp_path: Path) -> None:
    file = tmp_path / "record.csv"
    rows = "patient,date,fact,value,unit,product\na,2025-01-01,weight_kg,60,kg,\na,2025-01-02,dose_mg,600,mg,trastuzumab-sc\n"
    file.write_text(rows, encoding="utf-8")
    arguments = ["simulate", "exposure", "--record", str(file), "--on", "2025-03-01", "--population", "gastric"]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 2
    assert "no model of trastuzumab under the skin is for gastric" in result.stderr


# -- the course -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("product", "population", "model"),
    [(IV, "early-breast", SC), (IV, "breast", IV), (IV, "metastatic-breast", IV), (SC, "early-breast", SC)],
)
def test_a_course_takes_the_model_of_its_population(product: str, population: str, model: str) -> None:
    assert exposure_model(product, population) == model
    policy = Policy("a policy", product=product)
    assert rules_of(policy, Scenario(patients=5, population=population)).patients.model.key == model


@pytest.mark.parametrize("population", ["breast", "metastatic-breast"])
def test_a_course_under_the_skin_without_a_model_is_refused(tmp_path: Path, population: str) -> None:
    policy = tmp_path / "skin.toml"
    policy.write_text('[policy]\nproduct = "trastuzumab-sc"\n', encoding="utf-8")
    arguments = ["simulate", "course", "--policy", str(policy), "--virtual-patients", "5", "--population", population]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 2
    assert f"no model of trastuzumab under the skin is for {population}" in result.stderr


def test_the_comparison_says_which_model_the_troughs_follow() -> None:
    arguments = ["simulate", "course", "--virtual-patients", "20"]
    text = " ".join(CliRunner().invoke(main, arguments).stdout.split())
    assert "Troughs and areas are those of the model trastuzumab-sc for early-breast: HannaH gave both routes" in text
    told = json.loads(CliRunner().invoke(main, [*arguments, "--format", "json"]).stdout)
    assert [each["exposure_model"] for each in told["policies"]] == [SC]


def test_the_model_of_exposure_changes_troughs_and_areas_and_nothing_else_of_a_course() -> None:
    """The heart follows the older model's typical concentrations (decision D101): same readings, holds and doses."""
    scenario = Scenario(patients=200, seed=3)
    rules = rules_of(Policy("US label"), scenario)
    other = replace(rules, patients=request_for(IV, "early-breast", "q3w", 1, patients=200, seed=3))
    one, two = (run_portion(each, scenario, 0, 200) for each in (rules, other))
    np.testing.assert_array_equal(one.events, two.events)
    differing = {name for name in COLUMNS if not np.array_equal(one.column(name), two.column(name), equal_nan=True)}
    assert differing == {"least_trough", "mean_trough", "area"}


# -- the fit --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def compared():
    counted: list[int] = []
    found = fits(Runs(2000, 1), counted.append)
    assert sum(counted) == count_of_fits()
    return {fit.population: fit for fit in found}


@pytest.mark.parametrize("population", COMPARED_POPULATIONS)
def test_the_model_taken_is_the_nearest_to_the_label(compared, population: str) -> None:
    fit = compared[population]
    assert fit.nearest == fit.taken == RUNS[population, "q3w"][0]
    assert fit.taken == model_and_population(None, population)[0]
    assert set(fit.factors) == {IV, SC, LINEAR}


def test_the_steady_troughs_of_early_disease_are_as_wide_as_the_labels_by_the_model_taken_alone(compared) -> None:
    """EU label 29 to 86 mg/L; 27 to 107 by the model of HannaH, 14 to 135 by that of all studies."""
    (row,) = (row for row in compared["early-breast"].rows if (row.schedule, row.measure) == ("q3w", "cmin"))
    assert row.published == (28.7, 53.8, 85.8)
    assert row.simulated[SC] == pytest.approx((27, 56, 107), rel=0.07)
    assert row.simulated[IV] == pytest.approx((14, 54, 135), rel=0.07)
    factors = compared["early-breast"].factors
    assert factors[SC] < 1.2
    assert min(factors[IV], factors[LINEAR]) > 1.4


def test_the_factor_is_that_of_the_troughs_by_hand(compared) -> None:
    fit = compared["early-breast"]
    rows = [row for row in fit.rows if row.measure == "cmin"]
    assert [row.schedule for row in rows] == ["q3w", "weekly"]
    logs = [np.log(s / p) for row in rows for s, p in zip(row.simulated[SC], row.published, strict=True)]
    assert fit.factors[SC] == pytest.approx(np.exp(np.sqrt(sum(each * each for each in logs) / 6)))
