"""Comparing policies: the same virtual patients through each, with intervals over replicate trials.

Patients are grouped into trials; of each trial only sums are kept, so memory does not grow with the patients. A
measure's interval is that of its mean over the trials; a difference is taken within each trial, between the same
patients with the same errors of measurement.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from .policy import Policy
from .run import Portion, Scenario, portions, rules_of

Numbers = npt.NDArray[np.float64]
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
class Measure:
    """One line of a comparison: its name in words, its unit, and how it follows from the sums of a trial."""

    key: str
    words: str
    unit: str
    of: Callable[[Mapping[str, Numbers]], Numbers]
    digits: int = 1


def _share(one: str, of: str, times: float = 100.0) -> Callable[[Mapping[str, Numbers]], Numbers]:
    def value(sums: Mapping[str, Numbers]) -> Numbers:
        with np.errstate(invalid="ignore", divide="ignore"):
            made: Numbers = times * sums[one] / sums[of]
        return made

    return value


MEASURES = (
    Measure("holds", "holds for the heart", "per 100 patients", _share("holds", "started")),
    Measure("false_holds", "holds not called for by true LVEF", "% of holds", _share("false_holds", "holds"), 0),
    Measure("held", "patients held at least once", "%", _share("held", "started")),
    Measure("stopped", "stopped for good", "%", _share("stopped", "started")),
    Measure("false_stop", "stopped, not called for by true LVEF", "%", _share("false_stop", "started")),
    Measure("true_dysfunction", "true LVEF met the rule on therapy", "%", _share("true_dysfunction", "started")),
    Measure(
        "missed_dysfunction", "true dysfunction never answered", "% of those",
        _share("missed_dysfunction", "true_dysfunction"), 0,
    ),
    Measure(
        "days_to_detection", "until true dysfunction is answered", "days", _share("days_to_detection", "detected", 1), 0
    ),
    Measure(
        "doses_in_dysfunction", "doses into true dysfunction", "per 100 patients",
        _share("doses_in_dysfunction", "started"),
    ),
    Measure("doses_in_hold", "doses given in a hold", "per 100 patients", _share("doses_in_hold", "started")),
    Measure("heart_failure", "heart failure", "%", _share("heart_failure", "started"), 2),
    Measure("dose_intensity", "dose intensity", "% of planned mg", _share("mg", "mg_planned")),
    Measure("days_held", "days on hold", "per patient", _share("days_held", "started", 1)),
    Measure("re_loads", "re-loads", "per 100 patients", _share("re_loads", "started")),
    Measure("mean_trough", "mean trough", "mg/L", _share("mean_trough", "troughs", 1)),
    Measure("area", "exposure (area under the curve)", "g d/L", _share("area", "started", 0.001)),
    Measure("echoes", "LVEFs measured", "per patient", _share("echoes", "started", 1), 2),
    Measure("repeats", "repeats to confirm", "per 100 patients", _share("repeats", "started")),
    Measure("averted", "holds averted by the repeat", "per 100 patients", _share("averted", "started")),
)  # fmt: skip


@dataclass(slots=True)
class Outcome:
    """What came of one policy: the sums of each trial (trials x SUMS)."""

    policy: Policy
    sums: Numbers
    rows: tuple[str, ...]

    def by_name(self) -> dict[str, Numbers]:
        return {name: self.sums[:, place] for place, name in enumerate(SUMS)}


@dataclass(slots=True)
class Estimate:
    """A mean over trials with its 95 % interval, and the 95 % range of single trials."""

    mean: float
    low: float
    high: float
    trial_low: float
    trial_high: float

    def as_json(self) -> dict[str, float]:
        return {"mean": self.mean, "low": self.low, "high": self.high, "one_trial_low": self.trial_low,
                "one_trial_high": self.trial_high}  # fmt: skip


def trial_size_for(patients: int) -> int:
    """How many patients a replicate trial has: 1,000, or fewer where there would not be 20 trials."""
    return min(TRIAL_SIZE, max(1, patients // LEAST_TRIALS))


def run_policy(
    policy: Policy, scenario: Scenario, cores: int | None = None, watch: Callable[[Portion], None] | None = None
) -> Outcome:
    """Run a policy; `watch` sees every portion (to write records, for instance)."""
    size = trial_size_for(scenario.patients)
    sums = np.zeros(((scenario.patients + size - 1) // size, len(SUMS)))
    rules = rules_of(policy, scenario)
    for portion in portions(policy, scenario, cores, rules=rules):
        np.add.at(sums, (portion.first + np.arange(len(portion.out))) // size, _columns(portion))
        if watch is not None:
            watch(portion)
    # A last trial that is smaller than the others is no replicate of them.
    if len(sums) > 1 and scenario.patients % size:
        sums = sums[:-1]
    return Outcome(policy, sums, tuple(rules.rows))


def _columns(portion: Portion) -> Numbers:
    """The values of each patient that the sums add up (patients x SUMS)."""
    started = portion.column("started")
    with np.errstate(invalid="ignore"):
        made = {
            "patients": np.ones(len(started)), "held": (portion.column("holds") > 0).astype(float),
            "detected": np.isfinite(portion.column("days_to_detection")).astype(float),
            "troughs": np.isfinite(portion.column("mean_trough")).astype(float),
        }  # fmt: skip
    columns = [made[name] if name in made else portion.column(name) for name in SUMS]
    found: Numbers = np.nan_to_num(np.column_stack(columns)) * started[:, None]
    found[:, SUMS.index("patients")] = 1.0
    return found


def pooled(measure: Measure, outcome: Outcome) -> float:
    """A measure of all patients together: a ratio of sums, not a mean of ratios."""
    return float(measure.of({name: each.sum(keepdims=True) for name, each in outcome.by_name().items()})[0])


def estimate(values: Numbers, mean: float) -> Estimate:
    """A measure of all patients with the interval that the trials give; those without it (no hold) are left out."""
    usable = values[np.isfinite(values)]
    if not len(usable) or not np.isfinite(mean):
        return Estimate(*(float("nan"),) * 5)
    error = float(usable.std(ddof=1) / len(usable) ** 0.5) if len(usable) > 1 else float("nan")
    from scipy.stats import t

    half = float(t.ppf(0.975, len(usable) - 1)) * error if len(usable) > 1 else float("nan")
    low, high = np.percentile(usable, [2.5, 97.5])
    return Estimate(mean, mean - half, mean + half, float(low), float(high))


@dataclass(slots=True)
class Comparison:
    """Policies side by side; the first is what the others are compared with."""

    scenario: Scenario
    outcomes: list[Outcome]

    @property
    def trials(self) -> int:
        return len(self.outcomes[0].sums)

    def estimates(self, measure: Measure) -> list[Estimate]:
        """Each policy: the mean of all patients, its interval from the trials."""
        return [estimate(measure.of(each.by_name()), pooled(measure, each)) for each in self.outcomes]

    def differences(self, measure: Measure) -> list[Estimate]:
        """Each other policy less the first, within each trial."""
        first = self.outcomes[0]
        values, whole = measure.of(first.by_name()), pooled(measure, first)
        return [
            estimate(measure.of(each.by_name()) - values, pooled(measure, each) - whole) for each in self.outcomes[1:]
        ]

    def shown(self) -> Iterable[Measure]:
        """The measures that say something here."""
        for measure in MEASURES:
            found = self.estimates(measure)
            if any(np.isfinite(each.mean) and each.mean != 0 for each in found):
                yield measure

    def as_json(self) -> dict[str, Any]:
        return {
            "scenario": {name: getattr(self.scenario, name) for name in Scenario.__slots__},
            "trials": self.trials, "patients_per_trial": trial_size_for(self.scenario.patients),
            "policies": [
                {"name": each.policy.name,
                 "measures": {m.key: e[n].as_json() for m in MEASURES if (e := self.estimates(m))},
                 "difference_from_first": {
                     m.key: d[n - 1].as_json() for m in MEASURES if n and (d := self.differences(m))}}
                for n, each in enumerate(self.outcomes)
            ],
            "units": {m.key: m.unit for m in MEASURES},
        }  # fmt: skip


def compare(policies: Iterable[Policy], scenario: Scenario, cores: int | None = None) -> Comparison:
    """Run every policy on the same patients."""
    return Comparison(scenario, [run_policy(policy, scenario, cores) for policy in policies])
