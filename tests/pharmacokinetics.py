"""Concentrations by other ways than the kernel's: amounts in compartments solved by scipy, and closed forms.

Nothing here uses the kernel, nor how it cuts a schedule into pieces: doses are a list, the state is in mg.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from math import exp

import numpy as np
from scipy.integrate import solve_ivp

from her2path.simulate.exposure.kernel import PARAMETERS, UNDER_SKIN, profiles
from her2path.simulate.exposure.population import STEP_TOLERANCE
from her2path.simulate.exposure.schedule import Dose, Pieces, Schedule, cut
from her2path.simulate.model import read_model
from her2path.simulate.patients import ROWS, covariates_of, draw_covariates, draw_deviations, parameters_for

NOTICED_MG_PER_L = 0.01
"""Errors are relative above this, and count as shares of it below."""


@dataclass(frozen=True)
class Solution:
    """Outputs x patients: mg/L, mg d/L, mg d/L, and the amounts in mg that are in the body, or were eliminated."""

    concentration: np.ndarray
    area: np.ndarray
    effect: np.ndarray
    in_body_mg: np.ndarray | None = None
    eliminated_linearly_mg: np.ndarray | None = None
    eliminated_saturably_mg: np.ndarray | None = None


def patient(**values: float) -> np.ndarray:
    """The kernel's parameters (PARAMETERS x 1) of one patient; what is not named is absent."""
    made = np.zeros((PARAMETERS, 1))
    absent = {
        "second_peripheral_volume": 1.0,
        "peripheral_volume": 1.0,
        "michaelis_constant": 1.0,
        "bioavailability": 1.0,
    }
    for name, value in {**absent, **values}.items():
        made[ROWS.index(name), 0] = value
    return made


def people(model: str, population: str, count: int, seed: int = 7) -> tuple[np.ndarray, np.ndarray]:
    """Random patients of a model: the kernel's parameters and their weights in kg."""
    read = read_model(model)
    covariates = draw_covariates(covariates_of(population), seed, 0, count, male=population == "volunteers")
    deviations = draw_deviations(read, seed, 0, count)
    return parameters_for(read, population, covariates, deviations, count), covariates["weight_kg"]


def beside(*patients: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(np.hstack(patients))


def schedule_of(*doses: Dose) -> Schedule:
    return Schedule("by hand", doses, (doses[0].day,), doses[-1].day + 21)


def amounts_of(doses: Sequence[Dose], weights: np.ndarray) -> np.ndarray:
    """mg of each dose (patients x doses)."""
    return np.array([[dose.mg + dose.mg_per_kg * weight for dose in doses] for weight in weights])


def by_kernel(
    parameters: np.ndarray, doses: Sequence[Dose], times: Sequence[float], *, weights: Sequence[float] | None = None,
    ke: float = 0.0, tolerance: float = STEP_TOLERANCE, pieces: Pieces | None = None,
) -> Solution:  # fmt: skip
    """What the kernel gives for doses that begin on day 0."""
    count = parameters.shape[1]
    weights = np.full(count, 70.0) if weights is None else np.asarray(weights, float)
    pieces = cut(schedule_of(*doses), times) if pieces is None else pieces
    made, area, effect = (np.full((len(times), count), np.nan) for _ in range(3))
    profiles(
        np.ascontiguousarray(parameters), amounts_of(doses, weights), pieces.lengths, pieces.routes, pieces.spans,
        pieces.starts, pieces.ends, pieces.outputs, ke, tolerance, made, area, effect,
    )  # fmt: skip
    return Solution(made, area, effect)


def by_scipy(
    parameters: np.ndarray, doses: Sequence[Dose], times: Sequence[float], *, weights: Sequence[float] | None = None,
    ke: float = 0.0, method: str = "DOP853", rtol: float = 1e-12,
) -> Solution:  # fmt: skip
    """The same by a general solver, from one start or end of a dose to the next. An output at a dose is before it.

    The state: mg in the centre, two peripheral compartments and the depot; the effect compartment and the area
    (mg d/L); mg eliminated linearly and saturably.
    """
    count = parameters.shape[1]
    weights = np.full(count, 70.0) if weights is None else np.asarray(weights, float)
    mg = amounts_of(doses, weights)
    cl, v, q, v2, q2, v3, vmax, km, ka, available = parameters

    def change(_, state, rate):
        a, p, s, depot, effect, _, _, _ = state.reshape(8, count)
        c = a / v
        linear, saturable = cl * c, vmax * c / (km + c)
        to_p, to_s = q * (c - p / v2), q2 * (c - s / v3)
        absorbed = ka * depot
        return np.concatenate(
            [
                rate + absorbed - linear - saturable - to_p - to_s,
                to_p,
                to_s,
                -absorbed,
                c - ke * effect,
                c,
                linear,
                saturable,
            ]
        )

    def ends(dose):
        return dose.day + (0.0 if dose.route == UNDER_SKIN else dose.minutes / 1440)

    corners = {0.0, float(times[-1])} | {dose.day for dose in doses} | {ends(dose) for dose in doses}
    corners = sorted(corner for corner in corners if corner <= times[-1])
    state = np.zeros((8, count))
    states = np.zeros((len(times), 8, count))
    for left, right in pairwise([corners[0], *corners[1:], np.inf]):
        for place, dose in enumerate(doses):
            if dose.day == left and dose.route == UNDER_SKIN:
                state[3] += mg[:, place] * available
            elif dose.day == left and dose.minutes == 0:
                state[0] += mg[:, place]
        if right == np.inf:
            break
        rate = np.zeros(count)
        for place, dose in enumerate(doses):
            if dose.day <= left and right <= ends(dose) and ends(dose) > dose.day:
                rate = rate + mg[:, place] / (dose.minutes / 1440)
        inside = [place for place, time in enumerate(times) if left < time <= right]
        found = solve_ivp(
            change, (left, right), state.ravel(), method, [*(times[place] for place in inside if times[place] < right), right],
            args=(rate,), rtol=rtol, atol=1e-13,
        )  # fmt: skip
        assert found.success
        for place, column in zip(inside, found.y.T, strict=False):
            states[place] = column.reshape(8, count)
        state = found.y[:, -1].reshape(8, count).copy()
    body = states[:, 0] + states[:, 1] + states[:, 2] + states[:, 3]
    return Solution(states[:, 0] / v, states[:, 5], states[:, 4], body, states[:, 6], states[:, 7])


def worst(found: np.ndarray, right: np.ndarray, least: float = NOTICED_MG_PER_L) -> float:
    """The greatest relative error; below `least`, as a share of it."""
    return float(np.max(np.abs(found - right) / np.maximum(np.abs(right), least)))


def two_compartments(parameters: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rates (1/d) and coefficients (1/L) of the response of the centre to 1 mg at once; linear, of one patient."""
    cl, v, q, v2 = parameters[:4, 0]
    k10, k12, k21 = cl / v, q / v, q / v2
    half, root = (k10 + k12 + k21) / 2, np.sqrt(((k10 + k12 + k21) / 2) ** 2 - k10 * k21)
    alpha, beta = half + root, half - root
    return np.array([alpha, beta]), np.array([(alpha - k21), (k21 - beta)]) / (alpha - beta) / v


def superposed(
    parameters: np.ndarray, doses: Sequence[Dose], times: Sequence[float], weight: float = 70.0
) -> np.ndarray:
    """Concentrations of a linear patient as sums of exponentials: boluses, infusions, and absorption from the depot."""
    rates, shares = two_compartments(parameters)
    ka, available = parameters[8, 0], parameters[9, 0]
    made = np.zeros(len(times))
    for dose in doses:
        mg, length = dose.mg + dose.mg_per_kg * weight, dose.minutes / 1440
        for place, time in enumerate(times):
            since = time - dose.day
            if since <= 0:
                continue
            if dose.route == UNDER_SKIN:
                part = available * ka * (np.exp(-rates * since) - np.exp(-ka * since)) / (ka - rates)
            elif length == 0:
                part = np.exp(-rates * since)
            else:
                part = (np.exp(-rates * max(0.0, since - length)) - np.exp(-rates * since)) / rates / length
            made[place] += mg * float(shares @ part)
    return made


def one_compartment_depot(
    mg: float, clearance: float, volume: float, absorption: float, available: float, day: float
) -> float:
    """Bateman's function: one dose under the skin, one compartment (mg/L)."""
    k = clearance / volume
    return available * mg * absorption / volume / (absorption - k) * (exp(-k * day) - exp(-absorption * day))


def plain_series(state: Sequence[float], h: float, rate: float, constants: Sequence[float], order: int) -> np.ndarray:
    """The coefficients (order + 1 x 5) of c, x, y, d, e by the recurrence as one writes it, in loops.

    `rate` in mg/L/d; `constants` are out, k12, k21, k13, k31, ka, vm, km, ke. The saturable part is the quotient
    of two series, `m (km + c) = vm c`.
    """
    out, k12, k21, k13, k31, ka, vm, km, ke = constants
    terms = np.zeros((order + 1, 5))
    terms[0] = state
    m = np.zeros(order + 1)
    for n in range(order):
        c, x, y, d, e = terms[n]
        m[n] = (vm * c - sum(terms[j, 0] * m[n - j] for j in range(1, n + 1))) / (km + terms[0, 0])
        slope = [
            k21 * x + k31 * y + ka * d - out * c - m[n] + (rate if n == 0 else 0.0),
            k12 * c - k21 * x, k13 * c - k31 * y, -ka * d, c - ke * e,
        ]  # fmt: skip
        terms[n + 1] = h / (n + 1) * np.array(slope)
    return terms


def every(days: float, count: int, **dose: float) -> list[Dose]:
    """`count` equal doses, one each `days`."""
    return [replace(Dose(0.0, **dose), day=days * n) for n in range(count)]
