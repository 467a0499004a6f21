"""Power and sample size of trials of equivalence, by simulating the trials patient by patient.

Each simulated trial is analysed as a real one: the interval of the ratio of geometric means, or the score interval of
Miettinen and Nurminen, against the margins. What an interval shows is said by the table `biosimilar_evidence`. The
trials come in blocks of 1,024 with a stream of random numbers each, so that a result depends on nothing but the seed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import log, sqrt
from typing import Any

import numpy as np

from ...facts.problem import AskedWrongly
from .intervals import difference_score, ratio_score, verdict
from .responses import DIFFERENCE, RATIO, Margin

TRIALS_A_BLOCK = 1024
MOST_PATIENTS_AN_ARM, MOST_TRIALS = 20_000, 1_000_000
_DRAWN_AT_ONCE = 1 << 22
PLANNED_VERDICTS = ("equivalent", "not inferior", "not superior")
"""The verdicts that a trial is planned for."""


@dataclass(frozen=True, slots=True)
class Concentrations:
    """Log-normal concentrations in two parallel arms: the true `ratio` of medians and the variation between patients.

    `variation` is the coefficient of variation of the values, a share (0.16 for 16 %).
    """

    ratio: float
    variation: float

    def __post_init__(self) -> None:
        if self.ratio <= 0:
            raise AskedWrongly(f"the true ratio {self.ratio:g} must be above 0")
        if not 0 < self.variation <= 5:
            raise AskedWrongly(f"the variation {self.variation:g} is not above 0 and up to 5; write 0.16 for 16 %")


@dataclass(frozen=True, slots=True)
class ResponseShares:
    """True shares of responders in two parallel arms, compared on `scale`."""

    test: float
    reference: float
    scale: str

    def __post_init__(self) -> None:
        for name, share in (("test", self.test), ("reference", self.reference)):
            if not 0 < share < 1:
                raise AskedWrongly(
                    f"the true response of the {name} arm, {100 * share:g} %, is not between 0 and 100 %"
                )


Truth = Concentrations | ResponseShares


@dataclass(frozen=True, slots=True)
class Power:
    """How many of the simulated trials showed what, with `patients` in each arm.

    `power` is the share that showed equivalence (non-inferiority, with a lower margin alone); `lower` and `upper` are
    its 95 % interval, from the number of trials (Wilson).
    """

    patients: int
    trials: int
    shown: dict[str, int]
    power: float
    lower: float
    upper: float

    def as_json(self) -> dict[str, Any]:
        """The power as the command prints it with `--json`; shares from 0 to 1."""
        return {
            "patients_in_each_arm": self.patients,
            "trials": self.trials,
            "power": self.power,
            "monte_carlo_95": [self.lower, self.upper],
            "shown": self.shown,
        }


def power(truth: Truth, patients: int, margin: Margin, level: float, trials: int, seed: int) -> Power:
    """The power of a trial with `patients` in each arm, by `trials` simulated ones at a two-sided `level` (a share).

    The margin is in ratios, or in percent points for a difference of responses. Raises `AskedWrongly` for numbers out
    of bounds, and without a margin.
    """
    from scipy.stats import binomtest

    if not 2 <= patients <= MOST_PATIENTS_AN_ARM:
        raise AskedWrongly(f"{patients} patients in each arm: expected 2 to {MOST_PATIENTS_AN_ARM:,}")
    if not 100 <= trials <= MOST_TRIALS:
        raise AskedWrongly(f"{trials} simulated trials: expected 100 to {MOST_TRIALS:,}")
    if margin.lower is None and margin.upper is None:
        raise AskedWrongly("a trial of equivalence needs a margin, such as --margin 0.80 1.25")
    simulate = _concentration_trials if isinstance(truth, Concentrations) else _response_trials
    inside = np.zeros((2, 2), dtype=np.int64)
    for block, start in enumerate(range(0, trials, TRIALS_A_BLOCK)):
        stream = np.random.SeedSequence([seed, block, patients])
        generator = np.random.Generator(np.random.Philox(stream))
        size = min(TRIALS_A_BLOCK, trials - start)
        # A whole block is drawn even where fewer trials are asked for, so that more trials only add to it.
        lower, upper = simulate(truth, patients, margin, level, generator)
        np.add.at(inside, (lower[:size].astype(int), upper[:size].astype(int)), 1)
    shown: dict[str, int] = {}
    for lower_inside, upper_inside in ((1, 1), (0, 1), (1, 0), (0, 0)):
        word = _word(margin, bool(lower_inside), bool(upper_inside))
        shown[word] = shown.get(word, 0) + int(inside[lower_inside, upper_inside])
    successes = sum(count for word, count in shown.items() if word in PLANNED_VERDICTS)
    bounds = binomtest(successes, trials).proportion_ci(0.95, method="wilson")
    return Power(patients, trials, shown, successes / trials, float(bounds.low), float(bounds.high))


def _word(margin: Margin, lower_inside: bool, upper_inside: bool) -> str:
    """The word of the table for a trial by which of its bounds lie inside."""
    below = None if margin.lower is None else margin.lower + (1 if lower_inside else -1)
    above = None if margin.upper is None else margin.upper - (1 if upper_inside else -1)
    return verdict(below, above, margin).word or ""


def _concentration_trials(
    truth: Any, patients: int, margin: Margin, level: float, generator: np.random.Generator
) -> tuple[Any, Any]:
    """Whether each bound lies inside, for a block of trials: two arrays of booleans."""
    from scipy.stats import t

    spread = sqrt(log(1 + truth.variation**2))
    arms = []
    for centre in (log(truth.ratio), 0.0):
        means, variances = np.empty(TRIALS_A_BLOCK), np.empty(TRIALS_A_BLOCK)
        for rows in np.array_split(np.arange(TRIALS_A_BLOCK), max(1, TRIALS_A_BLOCK * patients // _DRAWN_AT_ONCE)):
            logs = centre + spread * generator.standard_normal((len(rows), patients))
            means[rows], variances[rows] = logs.mean(axis=1), logs.var(axis=1, ddof=1)
        arms.append((means, variances))
    (test, test_variance), (reference, reference_variance) = arms
    half = t.ppf((1 + level) / 2, 2 * patients - 2) * np.sqrt((test_variance + reference_variance) / patients)
    difference, everyone = test - reference, np.ones(TRIALS_A_BLOCK, dtype=bool)
    lower = everyone if margin.lower is None else difference - half >= log(margin.lower)
    upper = everyone if margin.upper is None else difference + half <= log(margin.upper)
    return lower, upper


def _response_trials(
    truth: Any, patients: int, margin: Margin, level: float, generator: np.random.Generator
) -> tuple[Any, Any]:
    from scipy.stats import norm

    test = generator.binomial(patients, truth.test, TRIALS_A_BLOCK)
    reference = generator.binomial(patients, truth.reference, TRIALS_A_BLOCK)
    z, everyone = norm.ppf((1 + level) / 2), np.ones(TRIALS_A_BLOCK, dtype=bool)

    def score(bound: float) -> Any:
        if truth.scale == RATIO:
            return ratio_score(test, patients, reference, patients, bound)
        return difference_score(test, patients, reference, patients, bound / 100)

    # The bound of a score interval lies inside the margin exactly where the score at the margin is beyond the quantile.
    lower = everyone if margin.lower is None else score(margin.lower) >= z
    upper = everyone if margin.upper is None else score(margin.upper) <= -z
    return lower, upper


def sample_size(truth: Truth, wanted: float, margin: Margin, level: float, trials: int, seed: int) -> Power:
    """The fewest patients in each arm whose simulated power reaches `wanted` (a share), by halving.

    Otherwise as `power`. Raises `AskedWrongly` where no number up to `MOST_PATIENTS_AN_ARM` reaches it, as with a true
    value at or beyond a margin.
    """
    if not 0 < wanted < 1:
        raise AskedWrongly(f"the power {wanted:g} is not between 0 and 1; write 0.8 for 80 %")
    _require_reachable(truth, margin)

    def at(patients: int) -> Power:
        return power(truth, patients, margin, level, trials, seed)

    enough = _first_enough(at, wanted)
    too_few = enough.patients // 2 if enough.patients > 2 else 1
    while enough.patients - too_few > 1:
        middle = at((enough.patients + too_few) // 2)
        if middle.power >= wanted:
            enough = middle
        else:
            too_few = middle.patients
    return enough


def _first_enough(at: Callable[[int], Power], wanted: float) -> Power:
    patients = 2
    while patients <= MOST_PATIENTS_AN_ARM:
        reached = at(patients)
        if reached.power >= wanted:
            return reached
        patients *= 2
    raise AskedWrongly(f"more than {patients // 2:,} patients in each arm would be needed for a power of {wanted:g}")


def _require_reachable(truth: Truth, margin: Margin) -> None:
    if isinstance(truth, Concentrations):
        value, what = truth.ratio, "ratio"
    elif truth.scale == DIFFERENCE:
        value, what = 100 * (truth.test - truth.reference), "difference"
    else:
        value, what = truth.test / truth.reference, "ratio"
    below = margin.lower is not None and value <= margin.lower
    above = margin.upper is not None and value >= margin.upper
    if below or above:
        raise AskedWrongly(f"the true {what} {value:g} is not inside the margin {margin}, so that no size is enough")
