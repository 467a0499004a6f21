"""Equivalence of two treatments: intervals for a ratio or a difference, and what they show against margins.

Responses are compared by their ratio or their difference, concentrations by the ratio of geometric means. Whether the
interval shows equivalence is no formula here: the table `biosimilar_evidence` says it. Ratios are plain numbers,
differences are percent points everywhere.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from ...facts.problem import AskedWrongly
from ...tables.decision import decide
from .responses import (
    DIFFERENCE,
    EXACT,
    GEOMETRIC,
    HAUCK_ANDERSON,
    LOG,
    MIETTINEN_NURMINEN,
    NEWCOMBE,
    RATIO,
    RESPONSE_METHODS,
    WALD,
    WALD_CORRECTED,
    ConfidenceInterval,
    Margin,
    Responses,
    Verdict,
)

_LARGEST_RATIO = 1e6


def response_interval(
    scale: str, test: Responses, reference: Responses, level: float, method: str = ""
) -> ConfidenceInterval:
    """The interval of one scale for two arms of responses; `method` is one of `METHODS[scale]`.

    The ratio by its logarithm (Katz 1978, doi:10.2307/2530610, by SciPy) or by the score (Koopman 1984,
    doi:10.2307/2531405; Miettinen and Nurminen 1985, doi:10.1002/sim.4780040211). The difference by Wald, without or
    with a correction for continuity, by method 10 of Newcombe (Stat Med 1998;17:873-890), by Hauck and Anderson (Am
    Stat 1986;40:318-322), by the score, or exactly. `level` is a share above 0 and below 1. Raises `AskedWrongly` for
    another method, and where an arm without responders leaves no ratio.
    """
    if scale not in RESPONSE_METHODS:
        raise AskedWrongly(f"responses are compared by ratio or difference, not by {scale!r}")
    chosen = method or RESPONSE_METHODS[scale][0]
    if chosen not in RESPONSE_METHODS[scale]:
        raise AskedWrongly(
            f"no interval of the {scale} is called {chosen!r}; there are " + ", ".join(RESPONSE_METHODS[scale])
        )
    if scale == RATIO:
        return _ratio(test, reference, level, chosen)
    if chosen == EXACT:
        from .exact import exact_interval

        return exact_interval(test, reference, level)
    estimate = 100 * (test.share - reference.share)
    if chosen == MIETTINEN_NURMINEN:
        lower, upper = _score_bounds(_difference_score(test, reference), (-1.0, 1.0), estimate / 100, level)
    else:
        lower, upper = _CLOSED[chosen](test, reference, level)
    return ConfidenceInterval(DIFFERENCE, estimate, 100 * float(lower), 100 * float(upper), level, chosen)


def _ratio(test: Responses, reference: Responses, level: float, method: str) -> ConfidenceInterval:
    if not reference.responders or not test.responders:
        which = "reference" if not reference.responders else "test"
        raise AskedWrongly(f"nobody responded in the {which} arm, so that there is no ratio; compare by the difference")
    estimate = test.share / reference.share
    if method == LOG:
        from scipy.stats.contingency import relative_risk

        risk = relative_risk(test.responders, test.patients, reference.responders, reference.patients)
        bounds = risk.confidence_interval(level)
        return ConfidenceInterval(RATIO, estimate, float(bounds.low), float(bounds.high), level, method)
    total = test.patients + reference.patients
    stretch = 1.0 if method == MIETTINEN_NURMINEN else float(np.sqrt(total / (total - 1)))

    def score(ratio: float) -> float:
        z = ratio_score(test.responders, test.patients, reference.responders, reference.patients, ratio)
        return stretch * float(z)

    lower, upper = _score_bounds(score, (1 / _LARGEST_RATIO, _LARGEST_RATIO), estimate, level)
    return ConfidenceInterval(RATIO, estimate, lower, upper, level, method)


def difference_score(x1: Any, n1: Any, x2: Any, n2: Any, difference: float) -> Any:
    """The score statistic of a difference of shares (a share, not percent points); numbers or arrays of one shape.

    Positive where the observed difference lies above `difference`; about standard normal if that is the true one.
    Source: Miettinen and Nurminen 1985, doi:10.1002/sim.4780040211, appendix I.
    """
    x1, x2 = np.asarray(x1, float), np.asarray(x2, float)
    n, x, d = n1 + n2, x1 + x2, difference
    quadratic, linear = (n1 + 2 * n2) * d - n - x, (n2 * d - n - 2 * x2) * d + x
    constant = x2 * d * (1 - d)
    q = (quadratic / (3 * n)) ** 3 - quadratic * linear / (6 * n**2) + constant / (2 * n)
    p = np.where(q < 0, -1.0, 1.0) * np.sqrt(np.maximum((quadratic / (3 * n)) ** 2 - linear / (3 * n), 1e-300))
    angle = (np.pi + np.arccos(np.clip(q / p**3, -1, 1))) / 3
    reference = np.clip(2 * p * np.cos(angle) - quadratic / (3 * n), max(0.0, -d), min(1.0, 1 - d))
    test = np.clip(reference + d, 0, 1)
    variance = (test * (1 - test) / n1 + reference * (1 - reference) / n2) * n / (n - 1)
    return (x1 / n1 - x2 / n2 - d) / np.sqrt(np.maximum(variance, 1e-18))


def ratio_score(x1: Any, n1: Any, x2: Any, n2: Any, ratio: float) -> Any:
    """The score statistic of a ratio of shares, as `difference_score`. Source: Miettinen and Nurminen 1985."""
    x1, x2 = np.asarray(x1, float), np.asarray(x2, float)
    n = n1 + n2
    a, b, c = n * ratio, -(n1 * ratio + x1 + n2 + x2 * ratio), x1 + x2
    reference = np.clip((-b - np.sqrt(np.maximum(b * b - 4 * a * c, 0))) / (2 * a), 0, min(1.0, 1 / ratio))
    test = np.clip(reference * ratio, 0, 1)
    variance = (test * (1 - test) / n1 + ratio**2 * reference * (1 - reference) / n2) * n / (n - 1)
    return (x1 / n1 - ratio * x2 / n2) / np.sqrt(np.maximum(variance, 1e-18))


def _difference_score(test: Responses, reference: Responses) -> Callable[[float], float]:
    def score(difference: float) -> float:
        statistic = difference_score(
            test.responders, test.patients, reference.responders, reference.patients, difference
        )
        return float(statistic)

    return score


def _score_bounds(
    score: Callable[[float], float], span: tuple[float, float], estimate: float, level: float
) -> tuple[float, float]:
    from scipy.optimize import brentq

    z, (least, most) = _normal_quantile(level), span

    def bound(target: float, low: float, high: float, beyond: float) -> float:
        if (score(low) - target) * (score(high) - target) > 0:
            return beyond
        return float(brentq(lambda value: score(value) - target, low, high, xtol=1e-12))

    return bound(z, least, estimate, least), bound(-z, estimate, most, most)


def _normal_quantile(level: float) -> float:
    from scipy.stats import norm

    return float(norm.ppf((1 + level) / 2))


def _wald(test: Responses, reference: Responses, level: float) -> tuple[float, float]:
    p, q = test.share, reference.share
    error = np.sqrt(p * (1 - p) / test.patients + q * (1 - q) / reference.patients)
    return p - q - _normal_quantile(level) * error, p - q + _normal_quantile(level) * error


def _wald_corrected(test: Responses, reference: Responses, level: float) -> tuple[float, float]:
    lower, upper = _wald(test, reference, level)
    correction = (1 / test.patients + 1 / reference.patients) / 2
    return lower - correction, upper + correction


def _hauck_anderson(test: Responses, reference: Responses, level: float) -> tuple[float, float]:
    p, q = test.share, reference.share
    fewest = min(test.patients, reference.patients)
    if fewest < 2:
        raise AskedWrongly("the interval of Hauck and Anderson needs two patients in each arm")
    error = np.sqrt(p * (1 - p) / (test.patients - 1) + q * (1 - q) / (reference.patients - 1))
    half = 1 / (2 * fewest) + _normal_quantile(level) * error
    return p - q - half, p - q + half


def _newcombe(test: Responses, reference: Responses, level: float) -> tuple[float, float]:
    from scipy.stats import binomtest

    p, q = test.share, reference.share
    one = binomtest(test.responders, test.patients).proportion_ci(level, method="wilson")
    two = binomtest(reference.responders, reference.patients).proportion_ci(level, method="wilson")
    below, above = np.hypot(p - one.low, two.high - q), np.hypot(one.high - p, q - two.low)
    return p - q - float(below), p - q + float(above)


_CLOSED = {WALD: _wald, WALD_CORRECTED: _wald_corrected, NEWCOMBE: _newcombe, HAUCK_ANDERSON: _hauck_anderson}


def parallel_ratio(test: Any, reference: Any, level: float) -> ConfidenceInterval:
    """The ratio of geometric means of two arms of patients: arrays of positive values, of any lengths from 2.

    Student's t on the logarithms with a common variance, as the analysis of variance of the published trials; `level`
    is a share. Raises `AskedWrongly` for an arm with fewer than two values.
    """
    from scipy.stats import ttest_ind

    logs = [np.log(np.asarray(values, float)) for values in (test, reference)]
    if min(len(arm) for arm in logs) < 2:
        raise AskedWrongly("an arm has fewer than two known values, so that there is no interval")
    bounds = ttest_ind(*logs, equal_var=True).confidence_interval(level)
    estimate = float(np.exp(logs[0].mean() - logs[1].mean()))
    return ConfidenceInterval(GEOMETRIC, estimate, *_exponents(bounds), level, "t, common variance")


def crossover_ratio(test: Any, reference: Any, level: float, test_first: Any = None) -> ConfidenceInterval:
    """The ratio of geometric means within patients: two arrays of one length, a patient in each place.

    `test_first` (booleans) says who got the test treatment first: the effect of the period is then taken out, as in
    the usual two-by-two analysis. Without it the differences within patients are used as they are. `level` is a share.
    Raises `AskedWrongly` for fewer than two patients, or fewer than two in a sequence.
    """
    from scipy.stats import ttest_1samp, ttest_ind

    within = np.log(np.asarray(test, float)) - np.log(np.asarray(reference, float))
    if test_first is None:
        if len(within) < 2:
            raise AskedWrongly("fewer than two patients have both values, so that there is no interval")
        bounds = ttest_1samp(within, 0).confidence_interval(level)
        return ConfidenceInterval(
            GEOMETRIC, float(np.exp(within.mean())), *_exponents(bounds), level, "t within patients"
        )
    first = np.asarray(test_first, bool)
    if min(first.sum(), (~first).sum()) < 2:
        raise AskedWrongly("a sequence has fewer than two patients, so that there is no interval")
    # Half the difference of the halves: a period adds the same to both sequences and falls out.
    bounds = ttest_ind(within[first] / 2, -within[~first] / 2, equal_var=True).confidence_interval(level)
    estimate = float(np.exp((within[first].mean() + within[~first].mean()) / 2))
    return ConfidenceInterval(GEOMETRIC, estimate, *_exponents(bounds), level, "t within patients, periods taken out")


def _exponents(bounds: Any) -> tuple[float, float]:
    with np.errstate(over="ignore"):  # two values an arm may leave everything open
        return float(np.exp(bounds.low)), float(np.exp(bounds.high))


def two_one_sided(
    interval_at: Callable[[float], ConfidenceInterval], margin: Margin
) -> tuple[float | None, float | None]:
    """The p-values of the two one-sided tests (Schuirmann 1987, doi:10.1007/BF01068419), `None` without a bound.

    `interval_at` gives the interval for a level. Each p-value is the error at which the bound touches the margin, so
    that both are below 0.05 exactly where the 90 % interval lies between the margins.
    """
    lower = None if margin.lower is None else _touching(interval_at, margin.lower, below=True)
    upper = None if margin.upper is None else _touching(interval_at, margin.upper, below=False)
    return lower, upper


def response_p_values(
    scale: str, test: Responses, reference: Responses, margin: Margin, method: str = ""
) -> tuple[float | None, float | None]:
    """The p-values of the two one-sided tests for responses, as `two_one_sided`."""
    if method == EXACT:
        from .exact import exact_tail

        lower, upper = (None if bound is None else bound / 100 for bound in (margin.lower, margin.upper))
        return (
            None if lower is None else exact_tail(test, reference, lower, above=True),
            None if upper is None else exact_tail(test, reference, upper, above=False),
        )
    return two_one_sided(lambda level: response_interval(scale, test, reference, level, method), margin)


def _touching(interval_at: Callable[[float], ConfidenceInterval], bound: float, *, below: bool) -> float:
    from scipy.optimize import brentq

    estimate = interval_at(0.9).estimate
    outside = bound > estimate if below else bound < estimate
    lower_bound = below != outside

    def gap(alpha: float) -> float:
        interval = interval_at(1 - 2 * alpha)
        return (interval.lower if lower_bound else interval.upper) - bound

    least, most = 1e-9, 0.4999
    if gap(least) * gap(most) > 0:
        alpha = least if abs(gap(least)) < abs(gap(most)) else most
    else:
        alpha = float(brentq(gap, least, most, xtol=1e-10))
    return 1 - alpha if outside else alpha


@cache
def verdict(lower: float | None, upper: float | None, margin: Margin) -> Verdict:
    """What an interval from `lower` to `upper` shows, by the table `biosimilar_evidence`; `None` is not known.

    Bounds and margin are both ratios, or both percent points. A bound that equals its margin lies inside it.
    """
    facts = {
        "lower_bound_inside_margin": _inside(lower, margin.lower, below=True),
        "upper_bound_inside_margin": _inside(upper, margin.upper, below=False),
    }
    decision = decide("biosimilar_evidence", {name: value for name, value in facts.items() if value})
    return Verdict(decision.value, ", ".join(decision.rows) if decision.value else "", decision.possible)


def _inside(bound: float | None, margin: float | None, *, below: bool) -> str:
    if margin is None:
        return "no margin"
    if bound is None:
        return ""
    return "yes" if (bound >= margin if below else bound <= margin) else "no"
