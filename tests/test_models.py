"""Models are read from their files with every fault told; what ships has sources, levels and units."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from her2path.facts.folder import knowledge_folder
from her2path.facts.markdown import plain, read_markdown
from her2path.facts.problem import AskedWrongly, KnowledgeError
from her2path.facts.source import VERIFIED, read_sources
from her2path.simulate.model import model_keys, models_folder, read_model, read_model_file
from her2path.simulate.patients import PLAUSIBLE, POPULATIONS, ROWS, spread_matrix

KEYS = model_keys()
EXPOSURE = model_keys("exposure")
SOURCES = read_sources(knowledge_folder() / "sources.md")
KINDS = {"exposure", "heart", "tumour", "population", "trial", "choice"}
UNITS = {
    "clearance": "L/d", "central_volume": "L", "intercompartmental": "L/d", "peripheral_volume": "L",
    "second_intercompartmental": "L/d", "second_peripheral_volume": "L", "maximal_elimination": "mg/d",
    "michaelis_constant": "mg/L", "absorption": "1/d", "bioavailability": "-",
    "proportional_error": "-", "additive_error": "mg/L",
}  # fmt: skip

GOOD = """# A model

| model       | `good`               |
|-------------|----------------------|
| kind        | exposure             |
| structure   | two compartments     |
| population  | nobody               |
| source      | @quartino2019        |
| spread is   | sqrt of variance     |
| reviewed by | nobody yet           |

Prose.

## Parameters

| name             | value | unit | spread | meaning  | source              | verified  |
|------------------|-------|------|--------|----------|---------------------|-----------|
| `clearance`      | 0.127 | L/d  | 40.1 % | linear   | @quartino2019 Tab 2 | secondary |
| `central_volume` | 2.62  | L    | 24.6 % | volume   | @quartino2019       | seen      |

## Covariates

| parameter   | covariate   | effect | coefficient | reference | source        | verified  |
|-------------|-------------|--------|-------------|-----------|---------------|-----------|
| `clearance` | `weight_kg` | power  | −0.967      | 66        | @quartino2019 | secondary |

## Covariances

| one         | other            | covariance | source        | verified  |
|-------------|------------------|------------|---------------|-----------|
| `clearance` | `central_volume` | 0.0230     | @quartino2019 | secondary |

## Populations

| population | parameter   | value | unit | source        | verified  |
|------------|-------------|-------|------|---------------|-----------|
| gastric    | `clearance` | 0.176 | L/d  | @quartino2019 | secondary |
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "good.md"
    path.write_text(text, encoding="utf-8")
    return path


def faults(folder: Path, old: str, new: str) -> list:
    assert GOOD.count(old) == 1, old
    with pytest.raises(KnowledgeError) as refused:
        read_model_file(written(folder, GOOD.replace(old, new)))
    assert all(problem.path == folder / "good.md" and problem.line >= 1 for problem in refused.value.problems)
    return refused.value.problems


# What ships


@pytest.mark.parametrize("key", KEYS)
def test_every_model_that_ships_is_read(key):
    model = read_model(key)
    assert model.key == key == model.path.stem
    assert model.kind in KINDS
    for words in (model.title, model.structure, model.population):
        assert len(words.split()) >= 3, words
    assert model.title not in {read_model(other).title for other in KEYS if other != key}
    assert set() < {citation.key for citation in model.citations} <= {*SOURCES}


@pytest.mark.parametrize("key", KEYS)
def test_every_parameter_has_a_source_a_level_and_a_unit(key):
    for parameter in read_model(key).parameters.values():
        assert parameter.citations, parameter.name
        assert {citation.key for citation in parameter.citations} <= {*SOURCES}, parameter.name
        assert {citation.verified for citation in parameter.citations} <= {*VERIFIED}, parameter.name
        assert parameter.unit, parameter.name
        assert parameter.meaning, parameter.name
        assert math.isfinite(parameter.value), parameter.name
        assert parameter.spread >= 0, parameter.name


@pytest.mark.parametrize("key", KEYS)
def test_every_row_that_cites_cites_what_there_is(key):
    """Every table of the file, beside what the reader takes from it: sources known, levels known."""
    for section, grid in read_markdown(models_folder() / f"{key}.md").grids():
        for line, row in grid.records():
            where = f"{key}.md:{line} ({section.title})"
            if "source" in row:
                keys = {word.strip(",;")[1:] for word in row["source"].split() if word.startswith("@")}
                assert keys, where
                assert keys <= {*SOURCES}, where
            if "verified" in row:
                assert plain(row["verified"]) in VERIFIED, where


@pytest.mark.parametrize("key", KEYS)
def test_what_is_decided_cites_the_decisions(key):
    for parameter in read_model(key).parameters.values():
        cited = {citation.key for citation in parameter.citations}
        if any(citation.verified == "decided" for citation in parameter.citations):
            assert "decisions" in cited, parameter.name


@pytest.mark.parametrize("key", EXPOSURE)
def test_models_of_exposure_are_whole(key):
    model = read_model(key)
    assert {"clearance", "central_volume"} <= {*model.parameters}
    assert {*model.parameters} <= {*UNITS}
    for name, parameter in model.parameters.items():
        assert parameter.unit == UNITS[name], name
        assert parameter.value > 0, name
        assert parameter.spread < 2, name
    for name in ("intercompartmental", "second_intercompartmental"):
        assert (name in model) == (name.replace("intercompartmental", "peripheral_volume") in model)
    assert ("maximal_elimination" in model) == ("michaelis_constant" in model)
    assert ("absorption" in model) == ("bioavailability" in model)
    for effect in model.effects:
        assert effect.parameter in model
        assert effect.covariate in PLAUSIBLE
        assert effect.reference > 0 or effect.kind != "power"
    for one, other, _ in model.covariances:
        assert model.parameters[one].spread > 0
        assert model.parameters[other].spread > 0
    names, matrix = spread_matrix(model)
    assert {*names} <= {*ROWS}
    assert np.linalg.eigvalsh(matrix).min() > 0


def test_populations_are_those_that_can_be_asked_for():
    grids = read_model("patients").grids
    for population in POPULATIONS:
        for row in grids[population]:
            least, median, most = (float(row[name]) for name in ("least", "median", "most"))
            assert least <= median <= most
            low, high = PLAUSIBLE[plain(row["covariate"])]
            assert low <= least
            assert most <= high


def test_models_by_kind():
    assert {*model_keys("exposure")} >= {"trastuzumab-iv", "trastuzumab-sc", "pertuzumab", "t-dm1", "t-dxd"}
    assert "patients" in model_keys("population")
    assert not {*model_keys("exposure")} & {*model_keys("population")}


def test_a_model_that_there_is_not_is_refused():
    with pytest.raises(AskedWrongly, match=r"no model is called 'trastuzumab'; there are .*trastuzumab-iv"):
        read_model("trastuzumab")
    with pytest.raises(AskedWrongly, match="no model is called"):
        read_model("../sources")


# How a file is read


def test_a_good_file_is_read_as_written(tmp_path):
    model = read_model_file(written(tmp_path, GOOD))
    assert (model.key, model.title, model.kind) == ("good", "A model", "exposure")
    assert model["clearance"] == 0.127
    assert "clearance" in model
    assert "absorption" not in model
    clearance, volume = model.parameters["clearance"], model.parameters["central_volume"]
    assert clearance.spread == pytest.approx(0.401)
    assert volume.spread == pytest.approx(0.246)
    assert (clearance.unit, clearance.meaning) == ("L/d", "linear")
    assert [str(each) for each in clearance.citations] == ["quartino2019 Tab 2 (secondary)"]
    [effect] = model.effects
    assert (effect.parameter, effect.covariate, effect.kind) == ("clearance", "weight_kg", "power")
    assert (effect.coefficient, effect.reference) == (-0.967, 66)
    assert model.covariances == (("clearance", "central_volume", 0.0230),)
    assert model.grids["Populations"][0]["value"] == "0.176"


def test_a_coefficient_of_variation_is_meant_as_the_head_says(tmp_path):
    model = read_model_file(written(tmp_path, GOOD.replace("sqrt of variance", "log-normal      ")))
    assert model.parameters["clearance"].spread == pytest.approx(math.sqrt(math.log(1 + 0.401**2)))


def test_a_spread_without_percent_is_of_the_logarithm(tmp_path):
    model = read_model_file(written(tmp_path, GOOD.replace("40.1 %", "0.401 ")))
    assert model.parameters["clearance"].spread == 0.401


@pytest.mark.parametrize(
    ("old", "new", "line", "what", "advice"),
    [
        ("| 0.127 |", "| about |", 18, "clearance: 'about' is no number", "write a plain number"),
        ("| 0.127 |", "|       |", 18, "clearance: '' is no number", "write a plain number"),
        ("| 0.127 |", "| 1e400x |", 18, "clearance: '1e400x' is no number", "write a plain number"),
        ("| 0.127 |", "| nan |", 18, "clearance: 'nan' is no number", "write a plain number"),
        ("| 0.127 |", "| inf |", 18, "clearance: 'inf' is no number", "write a plain number"),
        ("40.1 %", "wide  ", 18, "the spread of clearance: 'wide' is no number", "write a plain number"),
        ("40.1 %", "-40 % ", 18, "the spread of clearance: '-40 %' is no number", "write a plain number"),
        ("| @quartino2019       | seen      |", "| @quartino2019       | certain   |", 19, "central_volume is verified 'certain'", "write one of: seen, secondary, remembered, decided"),
        ("| @quartino2019       | seen      |", "| @quartino2019       |           |", 19, "central_volume is verified ''", "write one of: seen, secondary"),
        ("| `central_volume` | 2.62", "| `clearance`      | 2.62", 19, "clearance is listed twice", "keep one row"),
        ("| power ", "| linear", 25, "effect 'linear'", "effects are power, exponential and factor"),
        ("−0.967 ", "strong ", 25, "coefficient 'strong'", "effects are power, exponential and factor"),
        ("| 66   ", "| mean ", 25, "reference 'mean'", "effects are power, exponential and factor"),
        ("| 0.0230 ", "| little ", 31, "covariance: 'little' is no number", "write a plain number"),
        ("0.176 | L/d  | @quartino2019 | secondary |", "0.176 | L/d  | @quartino2019 | maybe     |", 37, "verified is 'maybe'", "write one of: seen, secondary"),
        ("| `clearance` | `weight_kg`", "| `absorption` | `weight_kg`", 1, "an effect names the parameter absorption, which there is not", "write one of: central_volume, clearance"),
        ("| kind        | exposure             |\n", "", 1, "the head of the model has no row kind", "add it"),
        ("| source      | @quartino2019        |\n", "", 1, "the head of the model has no row source", "add it"),
        ("| reviewed by | nobody yet           |\n", "", 1, "the head of the model has no row reviewed by", "add it"),
        ("sqrt of variance", "anything", 1, "spread is 'anything'", "write one of: sqrt of variance, log-normal"),
    ],
)  # fmt: skip
def test_a_fault_is_told_with_its_line_and_what_to_do(tmp_path, old, new, line, what, advice):
    found = [problem for problem in faults(tmp_path, old, new) if problem.what.startswith(what) or what in problem.what]
    assert [problem.line for problem in found] == [line]
    assert advice in found[0].advice
    assert f"good.md:{line}  " in str(found[0])


def test_every_fault_is_told_at_once(tmp_path):
    text = GOOD.replace("| 0.127 |", "| about |").replace("| 2.62 ", "| much ").replace("| 0.0230 ", "| little ")
    with pytest.raises(KnowledgeError) as refused:
        read_model_file(written(tmp_path, text))
    assert {18, 19, 31} <= {problem.line for problem in refused.value.problems}


FURTHER = {
    "a decimal comma is read as thousands: 127 L/d": ("| 0.127 |", "| 0,127 |"),
    "the level of an effect is not looked at": ("| 66        | @quartino2019 | secondary |", "| 66        | @quartino2019 | certain   |"),
    "the level of a covariance is not looked at": ("| 0.0230     | @quartino2019 | secondary |", "| 0.0230     | @quartino2019 | certain   |"),
    "a covariance of no parameter is left out": ("| `central_volume` | 0.0230", "| `volume`         | 0.0230"),
    "a power of nothing is infinite": ("| 66        |", "| -         |"),
    "a parameter needs no source": ("| linear   | @quartino2019 Tab 2 |", "| linear   | Quartino, Tab 2     |"),
    "a parameter needs no unit": ("| 0.127 | L/d  |", "| 0.127 |      |"),
    "a kind that there is not": ("| kind        | exposure ", "| kind        | exposition "),
    "a file may be called otherwise than its model": ("| `good` ", "| `other` "),
    "a volume may be 0": ("| 2.62 ", "| 0    "),
    "a covariate that there is not stays at its reference": ("| `weight_kg` |", "| `wieght_kg` |"),
    "a column that is missing is a KeyError": ("| one         | other ", "| first       | other "),
    "a column of effects that is missing is a KeyError": ("| parameter   | covariate   | effect", "| name        | covariate   | effect"),
    "a covariance beyond what the spreads allow": ("| 0.0230 ", "| 23.0   "),
}  # fmt: skip


@pytest.mark.parametrize("fault", FURTHER)
def test_further_faults_are_told(tmp_path, fault):
    assert faults(tmp_path, *FURTHER[fault])
