"""Comparing policies: the same virtual patients through each, with intervals over replicate trials.

Patients are grouped into trials; of each trial only sums are kept, so memory does not grow with the patients. A
measure's interval is that of its mean over the trials; a difference is taken within each trial, between the same
patients with the same errors of measurement.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..arrays import Floats
from .policy import Policy, exposure_model
from .run import Portion, Scenario, portions, rules_of

TRIAL_SIZE = 1000
LEAST_TRIALS = 20
SUMS = (
    "patients", "started", "doses", "mg", "mg_planned", "re_loads", "holds", "held", "false_holds",
    "stopped", "false_stop", "heart_failure", "echoes", "repeats", "averted", "days_held", "true_dysfunction",
    "missed_dysfunction", "detected", "days_to_detection", "doses_in_dysfunction", "doses_in_hold", "area",
    "mean_trough", "troughs", "below_50", "below_50_by_10", "below_50_by_16", "fall_10_to_20", "fall_20",
    "missed_echoes",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class OutcomeMeasure:
    """One line of a comparison: its name in words, its unit, and how it follows from the sums of a trial.

    None is below 0; a `share` lies between 0 and 100 %.
    """

    key: str
    words: str
    unit: str
    of: Callable[[Mapping[str, Floats]], Floats]
    digits: int = 1

    @property
    def share(self) -> bool:
        """Whether it is a share of patients or holds, none of which can count twice."""
        return self.unit in ("%", "% of holds", "% of those")


def _share(one: str, of: str, times: float = 100.0) -> Callable[[Mapping[str, Floats]], Floats]:
    def value(sums: Mapping[str, Floats]) -> Floats:
        with np.errstate(invalid="ignore", divide="ignore"):
            share: Floats = times * sums[one] / sums[of]
        return share

    return value


OUTCOME_MEASURES = (
    OutcomeMeasure("holds", "holds for the heart", "per 100 patients", _share("holds", "started")),
    OutcomeMeasure("false_holds", "holds not called for by true LVEF", "% of holds", _share("false_holds", "holds"), 0),
    OutcomeMeasure("held", "patients held at least once", "%", _share("held", "started")),
    OutcomeMeasure("stopped", "stopped for good", "%", _share("stopped", "started")),
    OutcomeMeasure("false_stop", "stopped, not called for by true LVEF", "%", _share("false_stop", "started")),
    OutcomeMeasure("true_dysfunction", "true LVEF met the rule on therapy", "%", _share("true_dysfunction", "started")),
    OutcomeMeasure(
        "missed_dysfunction", "true dysfunction never answered", "% of those",
        _share("missed_dysfunction", "true_dysfunction"), 0,
    ),
    OutcomeMeasure(
        "days_to_detection", "until true dysfunction is answered", "days", _share("days_to_detection", "detected", 1), 0
    ),
    OutcomeMeasure(
        "doses_in_dysfunction", "doses into true dysfunction", "per 100 patients",
        _share("doses_in_dysfunction", "started"),
    ),
    OutcomeMeasure("doses_in_hold", "doses given in a hold", "per 100 patients", _share("doses_in_hold", "started")),
    OutcomeMeasure("heart_failure", "heart failure", "%", _share("heart_failure", "started"), 2),
    OutcomeMeasure("dose_intensity", "dose intensity", "% of planned mg", _share("mg", "mg_planned")),
    OutcomeMeasure("days_held", "days on hold", "per patient", _share("days_held", "started", 1)),
    OutcomeMeasure("re_loads", "re-loads", "per 100 patients", _share("re_loads", "started")),
    OutcomeMeasure("mean_trough", "mean trough", "mg/L", _share("mean_trough", "troughs", 1)),
    OutcomeMeasure("area", "exposure (area under the curve)", "g d/L", _share("area", "started", 0.001)),
    OutcomeMeasure("echoes", "LVEFs measured", "per patient", _share("echoes", "started", 1), 2),
    OutcomeMeasure("repeats", "repeats to confirm", "per 100 patients", _share("repeats", "started")),
    OutcomeMeasure("averted", "holds averted by the repeat", "per 100 patients", _share("averted", "started")),
)  # fmt: skip


@dataclass(slots=True)
class Outcome:
    """What came of one policy: the sums of each trial (trials x SUMS)."""

    policy: Policy
    sums: Floats
    rows: tuple[str, ...]

    def by_name(self) -> dict[str, Floats]:
        """The sums (an array over the trials) by their names in `SUMS`."""
        return {name: self.sums[:, place] for place, name in enumerate(SUMS)}


@dataclass(slots=True)
class TrialMean:
    """A mean over trials with its 95 % interval, and the 95 % range of single trials."""

    mean: float
    low: float
    high: float
    trial_low: float
    trial_high: float

    def as_json(self) -> dict[str, float]:
        """The mean with its bounds, all in the unit of the measure."""
        return {
            "mean": self.mean,
            "low": self.low,
            "high": self.high,
            "one_trial_low": self.trial_low,
            "one_trial_high": self.trial_high,
        }


def trial_size_for(patients: int) -> int:
    """How many patients a replicate trial has: 1,000, or fewer where there would not be 20 trials."""
    return min(TRIAL_SIZE, max(1, patients // LEAST_TRIALS))


def run_policy(
    policy: Policy,
    scenario: Scenario,
    cores: int | None = None,
    watch: Callable[[Portion], None] | None = None,
    progress: Callable[[int], object] | None = None,
) -> Outcome:
    """Run a policy; `watch` sees every portion (to write records, for instance), `progress` how many were just run.

    A last trial with fewer patients than the others is left out of the sums.
    """
    size = trial_size_for(scenario.patients)
    sums = np.zeros(((scenario.patients + size - 1) // size, len(SUMS)))
    rules = rules_of(policy, scenario)
    for portion in portions(policy, scenario, cores, rules=rules):
        np.add.at(sums, (portion.first + np.arange(len(portion.out))) // size, _columns(portion))
        if watch is not None:
            watch(portion)
        if progress is not None:
            progress(len(portion.out))
    # A last trial that is smaller than the others is no replicate of them.
    if len(sums) > 1 and scenario.patients % size:
        sums = sums[:-1]
    return Outcome(policy, sums, tuple(rules.rows))


def _columns(portion: Portion) -> Floats:
    """The values of each patient that the sums add up (patients x SUMS)."""
    started = portion.column("started")
    with np.errstate(invalid="ignore"):
        derived = {
            "patients": np.ones(len(started)),
            "held": (portion.column("holds") > 0).astype(float),
            "detected": np.isfinite(portion.column("days_to_detection")).astype(float),
            "troughs": np.isfinite(portion.column("mean_trough")).astype(float),
        }
    columns = [derived[name] if name in derived else portion.column(name) for name in SUMS]
    values: Floats = np.nan_to_num(np.column_stack(columns)) * started[:, None]
    values[:, SUMS.index("patients")] = 1.0
    return values


def pooled(measure: OutcomeMeasure, outcome: Outcome) -> float:
    """A measure of all patients together, in the measure's unit: a ratio of sums, not a mean of ratios."""
    return float(measure.of({name: summed.sum(keepdims=True) for name, summed in outcome.by_name().items()})[0])


def trial_mean(values: Floats, mean: float) -> TrialMean:
    """`mean`, a measure of all patients, with the interval of `values`, its trials; both in the measure's unit.

    Trials in which it does not exist (NaN: no hold) are left out.
    """
    usable = values[np.isfinite(values)]
    if not len(usable) or not np.isfinite(mean):
        return TrialMean(*(float("nan"),) * 5)
    error = float(usable.std(ddof=1) / len(usable) ** 0.5) if len(usable) > 1 else float("nan")
    from scipy.stats import t

    half = float(t.ppf(0.975, len(usable) - 1)) * error if len(usable) > 1 else float("nan")
    low, high = np.percentile(usable, [2.5, 97.5])
    return TrialMean(mean, mean - half, mean + half, float(low), float(high))


def bounded(estimate: TrialMean, most: float = float("inf")) -> TrialMean:
    """The same with an interval that ends at 0 and at `most`, where the measure ends.

    The interval of the mean is taken on the logarithm of the measure, or on the logit of a share, by its slope there
    (the delta method), and taken back: it leans away from the end that is near, and never passes it. At the end itself
    trials that are all alike say nothing of how far it might be off; there no interval is given.
    """
    mean, half = estimate.mean, estimate.high - estimate.mean
    if not np.isfinite(half) or half == 0:
        return replace(estimate, low=float("nan"), high=float("nan")) if mean in (0, most) else estimate
    if not 0 < mean < most:
        return replace(estimate, low=float("nan"), high=float("nan"))
    if most == float("inf"):
        factor = np.exp(half / mean)
        return replace(estimate, low=float(mean / factor), high=float(mean * factor))
    factor = np.exp(half / (mean * (1 - mean / most)))
    odds = mean / (most - mean)
    low, high = (most * float(each / (1 + each)) for each in (odds / factor, odds * factor))
    return replace(estimate, low=low, high=high)


@dataclass(slots=True)
class Comparison:
    """Policies side by side; the first is what the others are compared with."""

    scenario: Scenario
    outcomes: list[Outcome]

    @property
    def trials(self) -> int:
        """How many replicate trials each policy has."""
        return len(self.outcomes[0].sums)

    def estimates(self, measure: OutcomeMeasure) -> list[TrialMean]:
        """Each policy: the mean of all patients, its interval from the trials."""
        most = 100.0 if measure.share else float("inf")
        return [
            bounded(trial_mean(measure.of(outcome.by_name()), pooled(measure, outcome)), most)
            for outcome in self.outcomes
        ]

    def differences(self, measure: OutcomeMeasure) -> list[TrialMean]:
        """Each other policy less the first, within each trial."""
        first = self.outcomes[0]
        values, whole = measure.of(first.by_name()), pooled(measure, first)
        return [
            trial_mean(measure.of(outcome.by_name()) - values, pooled(measure, outcome) - whole)
            for outcome in self.outcomes[1:]
        ]

    def shown(self) -> Iterable[OutcomeMeasure]:
        """The measures that say something here."""
        for measure in OUTCOME_MEASURES:
            estimates = self.estimates(measure)
            if any(np.isfinite(policy_estimate.mean) and policy_estimate.mean != 0 for policy_estimate in estimates):
                yield measure

    def as_json(self) -> dict[str, Any]:
        """The scenario, each policy with its measures and their differences from the first, and the units."""
        return {
            "scenario": {name: getattr(self.scenario, name) for name in Scenario.__slots__},
            "trials": self.trials,
            "patients_per_trial": trial_size_for(self.scenario.patients),
            "policies": [
                {
                    "name": outcome.policy.name,
                    "exposure_model": exposure_model(outcome.policy.product, self.scenario.population),
                    "measures": {m.key: e[n].as_json() for m in OUTCOME_MEASURES if (e := self.estimates(m))},
                    "difference_from_first": {
                        m.key: d[n - 1].as_json() for m in OUTCOME_MEASURES if n and (d := self.differences(m))
                    },
                }
                for n, outcome in enumerate(self.outcomes)
            ],
            "units": {m.key: m.unit for m in OUTCOME_MEASURES},
        }


def compare_policies(policies: Iterable[Policy], scenario: Scenario, cores: int | None = None) -> Comparison:
    """Run every policy on the same patients, on `cores` threads (all by default)."""
    return Comparison(scenario, [run_policy(policy, scenario, cores) for policy in policies])
