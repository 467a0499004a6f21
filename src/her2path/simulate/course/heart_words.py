"""The heart in words: LVEF over time, what error makes of it, and the trials beside the simulation."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from .compare import OUTCOME_MEASURES, Comparison, run_policy
from .heart_truth import NOT_REPRODUCED, ArmShare, arm_names, arm_shares, readings
from .policy import Policy
from .run import Scenario, portions
from .words import NOT_REVIEWED, SAMPLE_DAYS, fan_of, scenario_words, trial_mean_cell

SHARE_WORDS = {
    "below_50": "LVEF below 50 %",
    "below_50_by_10": "below 50 % and 10 points down",
    "below_50_by_16": "below 50 % and 16 points down",
    "fall_10_to_20": "fall of 10 to 20 points",
    "fall_20": "fall of 20 points or more",
    "heart_failure": "heart failure",
}
SHOWN_DAYS = (0, 91, 182, 273, 364, 546, 728)
HEART_FAN_PATIENTS = 4000
CONFIRMED = (Policy("one reading"), Policy("confirmed", confirm="repeat"), Policy("mean of two", confirm="mean"))
"""The ways to confirm a reading that are compared."""


@dataclass(slots=True)
class TrialsReport:
    """The trials' arms, published and simulated."""

    scenario: Scenario
    shares: list[ArmShare]

    def as_json(self) -> dict[str, Any]:
        """Every published share beside the simulated ones, percent, and what the model cannot reproduce."""
        return {"lines": [line.as_json() for line in self.shares], "not_reproduced": list(NOT_REPRODUCED)}

    def text(self) -> str:
        """The same as a table for the screen, with the readings and the reasons below it."""
        names = [reading["reading"] for reading in readings()]
        text_lines = [
            f"{self.scenario.patients:,} virtual patients an arm. Percent of patients, ever; on the right simulated.",
            "",
        ]
        text_lines.append(f"{'':38}{'published':>10}" + "".join(f"{name:>15}" for name in names))
        arm = ""
        for line in self.shares:
            if line.arm != arm:
                arm = line.arm
                text_lines.append(f"{arm} (n = {line.patients})")
            values = "".join(f"{line.simulated[name]:15.1f}" for name in names)
            text_lines.append(f"    {SHARE_WORDS[line.share]:34}{line.published:10.1f}{values}")
        text_lines.append("")
        for reading in readings():
            method = reading["method"].strip("`")
            words = f"{reading['reading']}: {reading['says']} (median {reading['baseline']} %, {method})"
            text_lines += textwrap.wrap(words, 118)
        text_lines += ["", "What the model cannot reproduce, and why:"]
        for limit in NOT_REPRODUCED:
            text_lines += textwrap.wrap(limit, 116, initial_indent="- ", subsequent_indent="  ")
        return "\n".join([*text_lines, NOT_REVIEWED])


@dataclass(slots=True)
class HeartReport:
    """LVEF over time under the US label, and what confirming a reading would change."""

    scenario: Scenario
    days: list[int]
    true: Any
    comparison: Comparison

    def as_json(self) -> dict[str, Any]:
        """Percentiles of true LVEF, %, by day since the first dose, and the comparison of ways to confirm."""
        bands = {
            str(day): dict(zip(("p5", "p25", "p50", "p75", "p95"), map(float, values), strict=True))
            for day, values in zip(self.days, self.true, strict=True)
        }
        return {"true_lvef_by_day": bands, "error_of_measuring": self.comparison.as_json()}

    def text(self) -> str:
        """The same as tables for the screen."""
        text_lines = [
            *textwrap.wrap(scenario_words(self.scenario), 118),
            "",
            "True LVEF (%), by day since the first dose:",
            f"    {'day':>5}{'5 %':>8}{'25 %':>8}{'median':>8}{'75 %':>8}{'95 %':>8}",
        ]
        for day, values in zip(self.days, self.true, strict=True):
            text_lines.append(f"    {day:5d}" + "".join(f"{value:8.1f}" for value in values))
        text_lines += ["", "How many holds are the error of measuring, and what a second reading would change:"]
        names = [outcome.policy.name for outcome in self.comparison.outcomes]
        text_lines.append(f"    {'':52}" + "".join(f"{name:>24}" for name in names))
        shown = ("holds", "false_holds", "stopped", "false_stop", "true_dysfunction", "missed_dysfunction",
                 "days_to_detection", "heart_failure", "dose_intensity", "echoes", "averted")  # fmt: skip
        for measure in OUTCOME_MEASURES:
            if measure.key in shown:
                cells = [trial_mean_cell(estimate, measure) for estimate in self.comparison.estimates(measure)]
                text_lines.append(
                    f"    {measure.words + ', ' + measure.unit:52}" + "".join(f"{cell:>24}" for cell in cells)
                )
        return "\n".join([*text_lines, "", NOT_REVIEWED])


def heart_patients(scenario: Scenario, trials: bool) -> int:
    """How many courses are simulated: for the trials, or for the heart over time."""
    courses = len(arm_names()) * len(readings()) if trials else len(CONFIRMED)
    return courses * scenario.patients


def compare_with_trials(
    scenario: Scenario, cores: int | None = None, progress: Callable[[int], object] | None = None
) -> TrialsReport:
    """Every arm of the trials, simulated; `progress` is told how many courses were just run."""
    return TrialsReport(scenario, list(arm_shares(scenario.patients, scenario.seed, cores, progress)))


def simulate_heart(
    scenario: Scenario, cores: int | None = None, progress: Callable[[int], object] | None = None
) -> HeartReport:
    """LVEF over time, and the comparison of one reading with two; `progress` is told how many courses were just run."""
    fewer = replace(scenario, patients=min(scenario.patients, HEART_FAN_PATIENTS))
    fan = fan_of(portions(Policy("US label"), fewer, cores, SAMPLE_DAYS), SAMPLE_DAYS)
    days = [day for day in SHOWN_DAYS if day <= scenario.horizon_days]
    true = [fan.true[:, day // SAMPLE_DAYS] for day in days]
    outcomes = [run_policy(policy, scenario, cores, progress=progress) for policy in CONFIRMED]
    return HeartReport(scenario, days, np.array(true), Comparison(scenario, outcomes))
