"""Virtual patients: covariates drawn from a population, and what a model makes of them.

Patients are drawn in blocks of `BLOCK`, each with a stream of its own: who patient 5,000 is depends on the seed alone,
not on how many are asked for, in what portions, or on how many cores.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import isfinite

import numpy as np

from ..facts.problem import AskedWrongly
from .arrays import Floats
from .exposure.kernel import PARAMETERS
from .model import PLAUSIBLE, Model, read_model

BLOCK = 1024
POPULATIONS = ("breast", "early-breast", "metastatic-breast", "gastric", "volunteers")
COVARIATES_STREAM, PARAMETERS_STREAM, LEVELS_STREAM, HEART_STREAM, COURSE_STREAM = range(1, 6)
TUMOUR_STREAM, RECORD_STREAM = 7, 9
"""What is drawn apart, so that a policy changes none of it."""

ROWS = (
    "clearance", "central_volume", "intercompartmental", "peripheral_volume", "second_intercompartmental",
    "second_peripheral_volume", "maximal_elimination", "michaelis_constant", "absorption", "bioavailability",
)  # fmt: skip
"""The parameters by their rows in the kernel."""
ABSENT_PARAMETERS = {
    "second_intercompartmental": 0.0,
    "second_peripheral_volume": 1.0,
    "maximal_elimination": 0.0,
    "michaelis_constant": 1.0,
    "absorption": 0.0,
    "bioavailability": 1.0,
}
"""What stands for a part that a model has not."""
SHARE_COVARIATES = ("male", "japan", "liver_metastases")
"""Covariates that a share of patients has."""
_TUMOUR = {"early-breast": "breast", "metastatic-breast": "breast"}


@dataclass(frozen=True, slots=True)
class Covariate:
    """How one covariate is distributed: log-normal about `median`; or, without `spread`, a share or a constant."""

    name: str
    median: float
    spread: float
    least: float
    most: float
    is_share: bool = False
    by_hand: bool = False


def generator(seed: int, block: int, stream: int) -> np.random.Generator:
    """The random numbers of one block of patients and one purpose."""
    return np.random.Generator(np.random.Philox(np.random.SeedSequence([seed, block, stream])))


def normals(seed: int, first: int, count: int, rows: int, stream: int) -> Floats:
    """Standard normal numbers (rows x count) of the patients from `first` on, the same however they are asked for."""
    numbers = np.empty((rows, count))
    done = 0
    while done < count:
        block, place = divmod(first + done, BLOCK)
        take = min(BLOCK - place, count - done)
        whole = generator(seed, block, stream).standard_normal((rows, BLOCK))
        numbers[:, done : done + take] = whole[:, place : place + take]
        done += take
    return numbers


def covariates_of(population: str, wanted: Mapping[str, str] | None = None) -> dict[str, Covariate]:
    """The distributions of a population, with those asked for by hand laid over them.

    `wanted` gives a value ("80") or a median and a spread ("80~0.2") by name. Raises `AskedWrongly` for an
    unknown population or covariate, and for a value outside its limits.
    """
    if population not in POPULATIONS:
        raise AskedWrongly(f"no population is called {population!r}; there are {', '.join(POPULATIONS)}")
    covariates: dict[str, Covariate] = {}
    for row in read_model("patients").grids[population]:
        name = row["covariate"].strip("`")
        spread = 0.0 if row["spread"] == "-" else float(row["spread"])
        limits = float(row["least"]), float(row["most"])
        covariates[name] = Covariate(name, float(row["median"]), spread, *limits, name in SHARE_COVARIATES)
    for name, text in (wanted or {}).items():
        covariates[name] = _by_hand(name, text)
    return covariates


def _by_hand(name: str, text: str) -> Covariate:
    if name not in PLAUSIBLE:
        raise AskedWrongly(f"no covariate is called {name!r}; there are {', '.join(PLAUSIBLE)}")
    low, high = PLAUSIBLE[name]
    value, _, spread = text.partition("~")
    try:
        median, width = float(value), float(spread or 0)
    except ValueError:
        raise AskedWrongly(f"{name}={text!r}; expected a number, or MEDIAN~SPREAD as in {name}=80~0.2") from None
    if not isfinite(median) or not low <= median <= high:
        raise AskedWrongly(f"{name}={value}; expected a number from {low:g} to {high:g}")
    if not 0 <= width <= 2:
        raise AskedWrongly(f"{name}={text}; expected a spread (of the logarithm) from 0 to 2")
    is_share = name in SHARE_COVARIATES
    if is_share and width:
        raise AskedWrongly(f"{name}={text}: a share has no spread; expected a number from 0 to 1")
    return Covariate(name, median, width, low, high, is_share, True)


def draw_covariates(
    covariates: Mapping[str, Covariate], seed: int, first: int, count: int, *, typical: bool = False, male: bool = False
) -> dict[str, Floats]:
    """The covariates of the patients from `first` on, an array of each, and those that follow from them.

    `typical` gives everybody the medians, and none of what a share of patients has.
    """
    names = sorted(PLAUSIBLE)
    z = normals(seed, first, count, len(names), COVARIATES_STREAM)
    rows = {name: z[place].copy() for place, name in enumerate(names)}
    for pair in read_model("patients").grids["Correlations"]:
        one, other, r = pair["one"].strip("`"), pair["other"].strip("`"), float(pair["correlation"])
        rows[other] = r * rows[one] + (1 - r * r) ** 0.5 * rows[other]
    values: dict[str, Floats] = {}
    for name, covariate in covariates.items():
        if covariate.is_share:
            share = covariate.median if not typical else float(covariate.median == 1)
            values[name] = (uniform(rows[name]) < share).astype(float)
        elif typical or covariate.spread == 0:
            values[name] = np.full(count, covariate.median)
        else:
            values[name] = np.clip(
                covariate.median * np.exp(covariate.spread * rows[name]), covariate.least, covariate.most
            )
    return with_derived(values, male)


def uniform(z: Floats) -> Floats:
    """Standard normal numbers as numbers evenly between 0 and 1, of the same shape."""
    from scipy.special import ndtr

    shares: Floats = ndtr(z)
    return shares


def with_derived(covariates: dict[str, Floats], male: bool = False) -> dict[str, Floats]:
    """Lean body mass (kg) and body mass index, where weight and height are known and they are not given."""
    if "weight_kg" in covariates and "height_cm" in covariates:
        weight, height = covariates["weight_kg"], covariates["height_cm"]
        grid = {row["sex"]: row for row in read_model("patients").grids["Lean body mass"]}["male" if male else "female"]
        lean = float(grid["weight"]) * weight + float(grid["height"]) * height - float(grid["less"])
        covariates.setdefault("lean_body_mass_kg", np.maximum(lean, 20.0))
        covariates.setdefault("body_mass_index", weight / (height / 100) ** 2)
    return covariates


def typical_values(model: Model, population: str) -> dict[str, float]:
    """The typical value of each parameter, in the model's unit, by tumour where the model tells them apart."""
    values = {name: parameter.value for name, parameter in model.parameters.items()}
    tumour = _TUMOUR.get(population, population)
    for row in model.grids.get("Populations", []):
        if row["population"] == tumour:
            values[row["parameter"].strip("`")] = float(row["value"])
    return values


def covariate_factors(model: Model, name: str, covariates: Mapping[str, Floats], count: int) -> Floats:
    """The product of the covariates' effects on one parameter, an array of `count` factors.

    A covariate that is not given is at its reference.
    """
    factors = np.ones(count)
    for effect in model.effects:
        if effect.parameter != name or effect.covariate not in covariates:
            continue
        value = covariates[effect.covariate]
        if effect.kind == "power":
            factors = factors * (value / effect.reference) ** effect.coefficient
        elif effect.kind == "exponential":
            factors = factors * np.exp(effect.coefficient * (value - effect.reference))
        else:
            factors = factors * np.where(value > 0.5, effect.coefficient, 1.0)
    return factors


def at_reference(model: Model, covariates: Iterable[str]) -> list[str]:
    """The covariates of a model that a population says nothing of; they stay at the model's reference."""
    return sorted({effect.covariate for effect in model.effects} - {*covariates})


def spread_matrix(model: Model) -> tuple[list[str], Floats]:
    """The parameters that differ between patients, and the covariance of their logarithms."""
    names = [name for name in ROWS if name in model and model.parameters[name].spread > 0]
    matrix = np.diag([model.parameters[name].spread ** 2 for name in names])
    for one, other, covariance in model.covariances:
        if one in names and other in names:
            i, j = names.index(one), names.index(other)
            matrix[i, j] = matrix[j, i] = covariance
    return names, matrix


def parameters_for(
    model: Model, population: str, covariates: Mapping[str, Floats], deviations: Mapping[str, Floats], count: int
) -> Floats:
    """The kernel's parameters (PARAMETERS x count) by covariates and by deviations of their logarithms."""
    values = typical_values(model, population)
    parameters = np.empty((PARAMETERS, count))
    for row, name in enumerate(ROWS):
        base = values.get(name, ABSENT_PARAMETERS.get(name, 0.0))
        parameters[row] = base * covariate_factors(model, name, covariates, count)
        if name in deviations:
            parameters[row] = parameters[row] * np.exp(deviations[name])
    row = ROWS.index("bioavailability")
    parameters[row] = np.minimum(parameters[row], 1.0)
    return parameters


def draw_deviations(model: Model, seed: int, first: int, count: int, *, typical: bool = False) -> dict[str, Floats]:
    """How far each patient's parameters deviate from what her covariates say: logarithms, an array each."""
    if typical:
        return {}
    names, matrix = spread_matrix(model)
    z = normals(seed, first, count, len(ROWS), PARAMETERS_STREAM)[[ROWS.index(name) for name in names]]
    eta = np.linalg.cholesky(matrix) @ z
    return dict(zip(names, eta, strict=True))
