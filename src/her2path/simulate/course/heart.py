"""The heart of virtual patients: true LVEF before therapy, how sensitive it is, and the error of measuring it.

The true LVEF is lowered by an effect compartment that fills with the concentration (de Vries Schultink 2018,
doi:10.1007/s10928-018-9579-8); the peak of troponin T after anthracycline makes it more sensitive. What is
measured is the true value with the method's error, at every visit anew.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, log

import numpy as np

from ...facts.problem import AskedWrongly
from ..arrays import Floats
from ..model import read_model
from ..patients import HEART_STREAM, normals, uniform

REGIMENS = ("none", "doxorubicin", "epirubicin")
_ROWS = 5


@dataclass(frozen=True, slots=True)
class Hearts:
    """The hearts of some patients: `baseline` true LVEF %, `ec50` mg d/L, and the `troponin` peak, ng/L."""

    baseline: Floats
    ec50: Floats
    troponin: Floats
    patience: Floats


@dataclass(frozen=True, slots=True)
class Anthracycline:
    """A regimen before trastuzumab: `cycles` of `mg` (mg/m2 on the record), so many days apart."""

    drug: str
    cycles: int
    days_apart: int
    mg: float
    mg_per_m2: float


def methods() -> dict[str, tuple[float, str]]:
    """The ways of measuring LVEF: the relative error (standard deviation), and how a record names the method."""
    rows = read_model("heart").grids["Methods"]
    return {row["method"].strip("`"): (float(row["error"]), row["recorded as"]) for row in rows}


def grid_value(title: str, name: str) -> float:
    """A number of a named grid of the heart's model, in the unit that the grid gives. Raises `KeyError` without one."""
    for row in read_model("heart").grids[title]:
        if row["name"].strip("`") == name:
            return float(row["value"])
    raise KeyError(name)


def anthracycline(regimen: str) -> Anthracycline | None:
    """The anthracycline of a regimen; `None` without one. Raises `AskedWrongly` for one that there is not."""
    if regimen not in REGIMENS:
        raise AskedWrongly(f"no chemotherapy is called {regimen!r}; there are {', '.join(REGIMENS)}")
    for row in read_model("heart").grids["Anthracycline"]:
        if row["regimen"].strip("`") == regimen:
            return Anthracycline(
                row["drug"], int(row["cycles"]), int(row["days apart"]), float(row["mg a cycle"]), float(row["mg/m2"])
            )
    return None


def troponin_load_mg(regimen: str) -> float:
    """The greatest amount of doxorubicin, mg, that acts on troponin T: each cycle adds, and the sum declines."""
    given = anthracycline(regimen)
    if given is None:
        return 0.0
    model = read_model("heart")
    factor = model["epirubicin_factor"] if given.drug == "epirubicin" else 1.0
    rate = model["anthracycline_decline"]
    return sum(given.mg * factor * exp(-rate * given.days_apart * n) for n in range(given.cycles))


def draw_hearts(
    seed: int, first: int, count: int, regimen: str, median_lvef: float | None = None, *, typical: bool = False
) -> Hearts:
    """The hearts of the patients from `first` on, the same whatever policy they meet.

    `median_lvef` in percent before therapy; `None` as the model has it.
    """
    model = read_model("heart")
    z = normals(seed, first, count, _ROWS, HEART_STREAM)
    patience = -np.log(np.clip(uniform(z[4]), 1e-300, None))
    if typical:
        z = np.zeros_like(z)
    r = model["ec50_baseline_correlation"]
    spread = {name: parameter.spread for name, parameter in model.parameters.items()}
    median = model["baseline_lvef"] if median_lvef is None else median_lvef
    baseline = median * np.exp(spread["baseline_lvef"] * z[0])
    sensitivity = spread["ec50"] * (r * z[0] + (1 - r * r) ** 0.5 * z[1])
    slope = model["troponin_slope"] * np.exp(spread["troponin_slope"] * z[2])
    troponin = model["troponin_baseline"] * np.exp(spread["troponin_baseline"] * z[3])
    troponin = troponin * (1 + slope * troponin_load_mg(regimen))
    ec50 = model["ec50"] * (troponin / model["troponin_reference"]) ** model["troponin_power"] * np.exp(sensitivity)
    return Hearts(np.minimum(baseline, 85.0), ec50, troponin, patience)


def decline_a_day() -> float:
    """The rate, 1/d, at which the effect compartment empties."""
    return log(2) / read_model("heart")["recovery_half_life"]
