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

from ...facts.problem import AskedWrongly
from ..arrays import Floats
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
from .population import ExposureRequest, concentrations, measures_of, output_days
from .schedule import cut

STEP, WIDE_STEP = 0.01, 0.05
"""Of a difference quotient, on the log scale: for the slope, and for the curvature."""
TAIL = 6
"""Degrees of freedom of the t that is drawn from; heavier than normal, so that no likely value is missed."""
OVERDRAW = 10
FAR_OFF = 3.0
"""A level so many standard deviations from what is predicted for her is told."""
BAND_PERCENTILES = (5, 25, 50, 75, 95)


@dataclass(frozen=True, slots=True)
class Estimate:
    """Her deviations on the log scale: `mode` by `names`, `covariance` there, and `draws` (names x draws).

    `effective` is the share of the draws that the weights leave, 1 where nothing had to be weighed.
    """

    names: list[str]
    prior: Floats
    mode: Floats
    covariance: Floats
    draws: Floats
    effective: float


@dataclass(slots=True)
class Prediction:
    """Her concentrations over time: `bands` by percentile, the most likely course `mode`, and what is read off them."""

    history: History
    levels: tuple[Level, ...]
    estimate: Estimate
    times: Floats
    bands: dict[int, Floats]
    mode: Floats
    before: Floats
    measures: dict[str, dict[str, Floats]]
    others: dict[str, Floats]
    predicted: list[dict[str, float]]
    request: ExposureRequest

    @property
    def days_to_below(self) -> dict[str, float]:
        """Days after the last dose until she stays below 1 mg/L; infinite where she does not in the time."""
        days = np.percentile(self.others["days_to_below_1_mg_per_l"], (5, 50, 95), method="inverted_cdf")
        return {f"p{p}": float(v) for p, v in zip((5, 50, 95), days, strict=True)}


def predict(
    history: History,
    levels: Sequence[Level],
    draws: int = 1000,
    seed: int = 1,
    after_days: int = 300,
    target_mg_per_l: float = 20.0,
    keep: Callable[[int, Floats, Floats], None] | None = None,
) -> Prediction:
    """Her predicted course; `keep` is given what `exposure.simulate` gives, a draw in place of a patient.

    Raises `AskedWrongly` for levels before the first dose, or after the time simulated.
    """
    model = read_model(history.model)
    request = ExposureRequest(
        model,
        history.population,
        history.schedule,
        draws,
        seed,
        False,
        covariates_of(history.population),
        after_days,
        target_mg_per_l,
        lent=True,
    )
    times = output_days(history.schedule, after_days)
    for level in levels:
        if not 0 < level.day <= times[-1]:
            date = history.date_of(level.day) or f"day {level.day:g}"
            words = f"the level of {date} lies outside the time from the first dose to {after_days} days after the last"
            raise AskedWrongly(f"{words}; expected one after a dose (see --after-days)")
    estimate = estimate_deviations(history, levels, draws, seed)
    pieces = cut(history.schedule, times.tolist())
    several = np.column_stack([estimate.mode, np.zeros(len(estimate.names)), estimate.draws])
    concentration, area = concentrations(
        _parameters(history, model, estimate.names, several), _amounts(history, several), pieces
    )
    if keep is not None:
        keep(0, times, concentration[:, 2:])
    measures, others = measures_of(request, times, concentration, area)
    bands = {p: np.percentile(concentration[:, 2:], p, axis=1) for p in BAND_PERCENTILES}
    measures = {
        name: {measure: values[2:] for measure, values in of_cycle.items()} for name, of_cycle in measures.items()
    }
    others = {name: values[2:] for name, values in others.items()}
    predicted = _level_predictions(history, model, estimate, levels)
    return Prediction(
        history,
        tuple(levels),
        estimate,
        times,
        bands,
        concentration[:, 0],
        concentration[:, 1],
        measures,
        others,
        predicted,
        request,
    )


def estimate_deviations(history: History, levels: Sequence[Level], draws: int, seed: int) -> Estimate:
    """The most likely deviations (logarithms) of her parameters given her levels, with `draws` from what is left open.

    Without levels it is the model's own spread.
    """
    model = read_model(history.model)
    names, prior = spread_matrix(model)
    random = generator(seed, 0, LEVELS_STREAM)
    if not levels:
        eta: Floats = np.linalg.cholesky(prior) @ random.standard_normal((len(names), draws))
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
        self, history: History, model: Model, names: list[str], prior: Floats, levels: Sequence[Level]
    ) -> None:
        days, self._place = np.unique([level.day for level in levels], return_inverse=True)
        self._pieces = cut(history.schedule, days.tolist())
        self._history, self._model, self._names = history, model, names
        self._inverse = np.linalg.inv(prior)
        self._measured = np.array([level.mg_per_l for level in levels])
        self._below = np.array([level.below for level in levels])

    def predicted(self, eta: Floats) -> Floats:
        """Concentrations mg/L at her levels (levels x n)."""
        parameters = _parameters(self._history, self._model, self._names, eta)
        concentration, _ = concentrations(parameters, _amounts(self._history, eta), self._pieces)
        return concentration[self._place]

    def __call__(self, eta: Floats) -> Floats:
        from scipy.special import log_ndtr

        # Far from the mode a parameter may overflow; no concentration follows from that.
        expected = self.predicted(np.clip(eta, -8, 8))
        deviation = residual_deviation(self._model, expected)
        apart = (self._measured[:, None] - expected) / deviation
        likely = np.where(self._below[:, None], log_ndtr(apart), -(apart**2) / 2 - np.log(deviation))
        prior = np.einsum("in,ij,jn->n", eta, self._inverse, eta) / 2
        surprise: Floats = prior - likely.sum(axis=0)
        return surprise


def residual_deviation(model: Model, expected: Floats) -> Floats:
    """The standard deviation of a measured level about the predicted one, both mg/L, by the residual error."""
    share, added = (
        model.parameters[name].value if name in model.parameters else 0.0
        for name in ("proportional_error", "additive_error")
    )
    deviation: Floats = np.sqrt((share * expected) ** 2 + added**2 + FLOOR_MG_PER_L**2)
    return deviation


def _mode(surprise: Surprise, prior: Floats, random: np.random.Generator) -> Floats:
    """The least surprising deviations, sought from none and from the best of some drawn."""
    from scipy.optimize import minimize

    count = len(prior)
    tried = np.linalg.cholesky(prior) @ random.standard_normal((count, 64))
    best = tried[:, np.argmin(surprise(tried))]
    steps = np.concatenate([np.eye(count), -np.eye(count)], axis=1) * STEP

    def with_slope(eta: Floats) -> tuple[float, Floats]:
        surprises = surprise(np.column_stack([eta, eta[:, None] + steps]))
        return float(surprises[0]), (surprises[1 : count + 1] - surprises[count + 1 :]) / (2 * STEP)

    ends = [minimize(with_slope, start, jac=True, method="BFGS") for start in (np.zeros(count), best)]
    mode: Floats = min(ends, key=lambda end: float(end.fun)).x
    return mode


def _curvature(surprise: Surprise, mode: Floats) -> Floats:
    """The second derivatives at the mode."""
    count = len(mode)
    unit = np.eye(count) * WIDE_STEP
    points = [mode]
    for i in range(count):
        for j in range(i, count):
            points += [mode + a * unit[i] + b * unit[j] for a in (1, -1) for b in (1, -1)]
    surprises = surprise(np.column_stack(points))[1:].reshape(-1, 4)
    curvature = np.empty((count, count))
    place = 0
    for i in range(count):
        for j in range(i, count):
            both, one, other, none = surprises[place]
            curvature[i, j] = curvature[j, i] = (both - one - other + none) / (4 * WIDE_STEP**2)
            place += 1
    values, vectors = np.linalg.eigh(curvature)
    result: Floats = vectors @ np.diag(np.maximum(values, 1e-3)) @ vectors.T
    return result


def _parameters(history: History, model: Model, names: list[str], eta: Floats) -> Floats:
    count = eta.shape[1]
    covariates = {name: np.full(count, value) for name, value in history.covariates.items()}
    return parameters_for(model, history.population, covariates, dict(zip(names, eta, strict=True)), count)


def _amounts(history: History, eta: Floats) -> Floats:
    return history.schedule.amounts_mg(np.full(eta.shape[1], history.weight_kg))


def _level_predictions(
    history: History, model: Model, estimate: Estimate, levels: Sequence[Level]
) -> list[dict[str, float]]:
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
    """Her parameters: typical for her covariates, hers with 5 to 95 %, each in the `unit` of its row.

    `spread_left` is the share of the spread between patients that her levels leave open.
    """
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
            {
                "name": name,
                "unit": model.parameters[name].unit,
                "population": values[name],
                "typical": base,
                "most_likely": base * float(np.exp(estimate.mode[place])),
                "p5": float(low),
                "p50": float(middle),
                "p95": float(high),
                "spread_left": left,
            }
        )
    return rows


def far_off(prediction: Prediction) -> list[Level]:
    """The levels that lie far from what is predicted for her, even with the estimate."""
    return [
        level
        for level, predicted in zip(prediction.levels, prediction.predicted, strict=True)
        if predicted["standard_deviations_apart"] > FAR_OFF
        or (predicted["standard_deviations_apart"] < -FAR_OFF and not level.below)
    ]


def unknown_of_her(prediction: Prediction) -> list[str]:
    """The covariates of the model that nobody said of her; they stay at the model's reference."""
    return at_reference(prediction.request.model, prediction.history.covariates)
