"""One patient: what her own doses make of her, and how far her measured levels say more than the model alone.

Maximum a posteriori: the deviations of her parameters from what her covariates say are those that make her levels and
the spread between patients together most likely. What is still unknown is drawn: from the curvature at that point
(a multivariate t), each draw weighed by how likely it is, so that the result does not rest on the curvature alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ...facts.problem import AskedWrongly
from ..model import Model, read_model
from ..patients import (
    LEVELS_STREAM,
    at_reference,
    covariates_of,
    generator,
    parameters_for,
    spread_matrix,
    typical_values,
)
from .dose_history import Level
from .doses_of_record import History
from .kernel import FLOOR_MG_PER_L
from .population import Request, concentrations, measures_of, output_days
from .schedule import cut

Numbers = npt.NDArray[np.float64]
STEP, WIDE_STEP = 0.01, 0.05
"""Of a difference quotient, on the log scale: for the slope, and for the curvature."""
TAIL = 6
"""Degrees of freedom of the t that is drawn from; heavier than normal, so that no likely value is missed."""
OVERDRAW = 10
FAR_OFF = 3.0
"""A level so many standard deviations from what is predicted for her is told."""
PERCENTILES = (5, 25, 50, 75, 95)


@dataclass(frozen=True, slots=True)
class Estimate:
    """Her deviations on the log scale: `mode` by `names`, `covariance` there, and `draws` (names x draws).

    `effective` is the share of the draws that the weights leave, 1 where nothing had to be weighed.
    """

    names: list[str]
    prior: Numbers
    mode: Numbers
    covariance: Numbers
    draws: Numbers
    effective: float


@dataclass(slots=True)
class Prediction:
    """Her concentrations over time: `bands` by percentile, the most likely course `mode`, and what is read off them."""

    history: History
    levels: tuple[Level, ...]
    estimate: Estimate
    times: Numbers
    bands: dict[int, Numbers]
    mode: Numbers
    before: Numbers
    measures: dict[str, dict[str, Numbers]]
    others: dict[str, Numbers]
    predicted: list[dict[str, float]]
    request: Request

    @property
    def days_to_below(self) -> dict[str, float]:
        """Days after the last dose until she stays below 1 mg/L; infinite where she does not in the time."""
        found = np.percentile(self.others["days_to_below_1_mg_per_l"], (5, 50, 95), method="inverted_cdf")
        return {f"p{p}": float(v) for p, v in zip((5, 50, 95), found, strict=True)}


def predict(
    history: History, levels: Sequence[Level], draws: int = 1000, seed: int = 1, after_days: int = 300,
    target_mg_per_l: float = 20.0, keep: Callable[[int, Numbers, Numbers], None] | None = None,
) -> Prediction:  # fmt: skip
    """Her predicted course; `keep` is given what `exposure.simulate` gives, a draw in place of a patient.

    Raises `AskedWrongly` for levels before the first dose, or after the time simulated.
    """
    model = read_model(history.model)
    request = Request(
        model, history.population, history.schedule, draws, seed, False, covariates_of(history.population), after_days,
        target_mg_per_l,
    )  # fmt: skip
    times = output_days(history.schedule, after_days)
    for level in levels:
        if not 0 < level.day <= times[-1]:
            date = history.date_of(level.day) or f"day {level.day:g}"
            words = f"the level of {date} lies outside the time from the first dose to {after_days} days after the last"
            raise AskedWrongly(f"{words}; expected one after a dose (see --after-days)")
    estimate = estimate_deviations(history, levels, draws, seed)
    pieces = cut(history.schedule, times.tolist())
    several = np.column_stack([estimate.mode, np.zeros(len(estimate.names)), estimate.draws])
    made, area = concentrations(
        _parameters(history, model, estimate.names, several), _amounts(history, several), pieces
    )
    if keep is not None:
        keep(0, times, made[:, 2:])
    measures, others = measures_of(request, times, made, area)
    bands = {p: np.percentile(made[:, 2:], p, axis=1) for p in PERCENTILES}
    measures = {name: {each: values[2:] for each, values in found.items()} for name, found in measures.items()}
    others = {name: values[2:] for name, values in others.items()}
    told = _levels_told(history, model, estimate, levels)
    return Prediction(
        history, tuple(levels), estimate, times, bands, made[:, 0], made[:, 1], measures, others, told, request
    )


def estimate_deviations(history: History, levels: Sequence[Level], draws: int, seed: int) -> Estimate:
    """The most likely deviations of her parameters given her levels; the model's own spread where there are none."""
    model = read_model(history.model)
    names, prior = spread_matrix(model)
    random = generator(seed, 0, LEVELS_STREAM)
    if not levels:
        eta: Numbers = np.linalg.cholesky(prior) @ random.standard_normal((len(names), draws))
        return Estimate(names, prior, np.zeros(len(names)), prior, eta, 1.0)
    surprise = Surprise(history, model, names, prior, levels)
    mode = _mode(surprise, prior, random)
    covariance = np.asarray(np.linalg.inv(_curvature(surprise, mode)), np.float64)
    many = OVERDRAW * draws
    normal = random.standard_normal((len(names), many))
    length = random.chisquare(TAIL, many) / TAIL
    offered = mode[:, None] + np.linalg.cholesky(covariance) @ normal / np.sqrt(length)
    density = -(TAIL + len(names)) / 2 * np.log1p((normal**2).sum(axis=0) / length / TAIL)
    weight = -surprise(offered) - density
    weight = np.exp(weight - weight.max())
    weight /= weight.sum()
    # Systematic resampling: one random number places an even comb over the weights.
    comb = (np.arange(draws) + random.random()) / draws
    chosen = np.minimum(np.searchsorted(np.cumsum(weight), comb), many - 1)
    return Estimate(names, prior, mode, covariance, offered[:, chosen], float(1 / (weight**2).sum() / many))


class Surprise:
    """How unlikely deviations (names x n) are by her levels and the spread between patients: minus the logarithm."""

    def __init__(
        self, history: History, model: Model, names: list[str], prior: Numbers, levels: Sequence[Level]
    ) -> None:
        days, self._place = np.unique([level.day for level in levels], return_inverse=True)
        self._pieces = cut(history.schedule, days.tolist())
        self._history, self._model, self._names = history, model, names
        self._inverse = np.linalg.inv(prior)
        self._found = np.array([level.mg_per_l for level in levels])
        self._below = np.array([level.below for level in levels])

    def predicted(self, eta: Numbers) -> Numbers:
        """Concentrations mg/L at her levels (levels x n)."""
        parameters = _parameters(self._history, self._model, self._names, eta)
        made, _ = concentrations(parameters, _amounts(self._history, eta), self._pieces)
        return made[self._place]

    def __call__(self, eta: Numbers) -> Numbers:
        from scipy.special import log_ndtr

        # Far from the mode a parameter may overflow; no concentration follows from that.
        expected = self.predicted(np.clip(eta, -8, 8))
        deviation = residual_deviation(self._model, expected)
        apart = (self._found[:, None] - expected) / deviation
        likely = np.where(self._below[:, None], log_ndtr(apart), -(apart**2) / 2 - np.log(deviation))
        prior = np.einsum("in,ij,jn->n", eta, self._inverse, eta) / 2
        made: Numbers = prior - likely.sum(axis=0)
        return made


def residual_deviation(model: Model, expected: Numbers) -> Numbers:
    """The standard deviation (mg/L) of a measured level about the predicted one, by the model's residual error."""
    share, added = (
        model.parameters[name].value if name in model.parameters else 0.0
        for name in ("proportional_error", "additive_error")
    )
    made: Numbers = np.sqrt((share * expected) ** 2 + added**2 + FLOOR_MG_PER_L**2)
    return made


def _mode(surprise: Surprise, prior: Numbers, random: np.random.Generator) -> Numbers:
    """The least surprising deviations, sought from none and from the best of some drawn."""
    from scipy.optimize import minimize

    count = len(prior)
    tried = np.linalg.cholesky(prior) @ random.standard_normal((count, 64))
    best = tried[:, np.argmin(surprise(tried))]
    steps = np.concatenate([np.eye(count), -np.eye(count)], axis=1) * STEP

    def with_slope(eta: Numbers) -> tuple[float, Numbers]:
        found = surprise(np.column_stack([eta, eta[:, None] + steps]))
        return float(found[0]), (found[1 : count + 1] - found[count + 1 :]) / (2 * STEP)

    ends = [minimize(with_slope, start, jac=True, method="BFGS") for start in (np.zeros(count), best)]
    made: Numbers = min(ends, key=lambda end: float(end.fun)).x
    return made


def _curvature(surprise: Surprise, mode: Numbers) -> Numbers:
    """The second derivatives at the mode."""
    count = len(mode)
    unit = np.eye(count) * WIDE_STEP
    points = [mode]
    for i in range(count):
        for j in range(i, count):
            points += [mode + a * unit[i] + b * unit[j] for a in (1, -1) for b in (1, -1)]
    found = surprise(np.column_stack(points))[1:].reshape(-1, 4)
    made = np.empty((count, count))
    place = 0
    for i in range(count):
        for j in range(i, count):
            both, one, other, none = found[place]
            made[i, j] = made[j, i] = (both - one - other + none) / (4 * WIDE_STEP**2)
            place += 1
    values, vectors = np.linalg.eigh(made)
    result: Numbers = vectors @ np.diag(np.maximum(values, 1e-3)) @ vectors.T
    return result


def _parameters(history: History, model: Model, names: list[str], eta: Numbers) -> Numbers:
    count = eta.shape[1]
    covariates = {name: np.full(count, value) for name, value in history.covariates.items()}
    return parameters_for(model, history.population, covariates, dict(zip(names, eta, strict=True)), count)


def _amounts(history: History, eta: Numbers) -> Numbers:
    return history.schedule.amounts_mg(np.full(eta.shape[1], history.weight_kg))


def _levels_told(history: History, model: Model, estimate: Estimate, levels: Sequence[Level]) -> list[dict[str, float]]:
    """Each level's prediction: by the model alone, and by the estimate, with how far the level lies from it."""
    if not levels:
        return []
    surprise = Surprise(history, model, estimate.names, estimate.prior, levels)
    both = surprise.predicted(np.column_stack([np.zeros(len(estimate.names)), estimate.mode]))
    apart = (np.array([level.mg_per_l for level in levels]) - both[:, 1]) / residual_deviation(model, both[:, 1])
    return [
        {"by_model_alone": float(alone), "predicted": float(hers), "standard_deviations_apart": float(far)}
        for (alone, hers), far in zip(both, apart, strict=True)
    ]


def parameter_rows(prediction: Prediction) -> list[dict[str, Any]]:
    """Her parameters: typical for her covariates, hers with 5 to 95 %, and what share of the spread is left."""
    history, estimate, model = prediction.history, prediction.estimate, prediction.request.model
    values = typical_values(model, history.population)
    typical = _parameters(history, model, estimate.names, np.zeros((len(estimate.names), 1)))[:, 0]
    from ..patients import ROWS

    rows = []
    for place, name in enumerate(estimate.names):
        base = float(typical[ROWS.index(name)])
        low, middle, high = np.percentile(base * np.exp(estimate.draws[place]), (5, 50, 95))
        left = float(estimate.draws[place].std() / np.sqrt(estimate.prior[place, place]))
        rows.append(
            {"name": name, "unit": model.parameters[name].unit, "population": values[name], "typical": base,
             "most_likely": base * float(np.exp(estimate.mode[place])), "p5": float(low), "p50": float(middle),
             "p95": float(high), "spread_left": left}
        )  # fmt: skip
    return rows


def far_off(prediction: Prediction) -> list[Level]:
    """The levels that lie far from what is predicted for her, even with the estimate."""
    return [
        level
        for level, told in zip(prediction.levels, prediction.predicted, strict=True)
        if told["standard_deviations_apart"] > FAR_OFF
        or (told["standard_deviations_apart"] < -FAR_OFF and not level.below)
    ]


def unknown_of_her(prediction: Prediction) -> list[str]:
    """The covariates of the model that nobody said of her; they stay at the model's reference."""
    return at_reference(prediction.request.model, prediction.history.covariates)
