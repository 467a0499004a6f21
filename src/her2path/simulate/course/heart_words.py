"""The heart in words: LVEF over time, what error makes of it, and the trials beside the simulation."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from .compare import MEASURES, Comparison, run_policy
from .heart_truth import NOT_REPRODUCED, Line, lines, readings
from .policy import Policy
from .run import Scenario, portions
from .words import NOT_REVIEWED, SAMPLE_DAYS, fan_of, number, scenario_words

SHARE_WORDS = {
    "below_50": "LVEF below 50 %", "below_50_by_10": "below 50 % and 10 points down",
    "below_50_by_16": "below 50 % and 16 points down", "fall_10_to_20": "fall of 10 to 20 points",
    "fall_20": "fall of 20 points or more", "heart_failure": "heart failure",
}  # fmt: skip
SHOWN_DAYS = (0, 91, 182, 273, 364, 546, 728)
FAN_PATIENTS = 4000


@dataclass(slots=True)
class Trials:
    """The trials' arms, published and simulated."""

    scenario: Scenario
    found: list[Line]

    def as_json(self) -> dict[str, Any]:
        return {"lines": [each.as_json() for each in self.found], "not_reproduced": list(NOT_REPRODUCED)}

    def text(self) -> str:
        names = [each["reading"] for each in readings()]
        told = [
            f"{self.scenario.patients:,} virtual patients an arm. Percent of patients, ever; on the right simulated.",
            "",
        ]
        told.append(f"{'':38}{'published':>10}" + "".join(f"{name:>15}" for name in names))
        arm = ""
        for line in self.found:
            if line.arm != arm:
                arm = line.arm
                told.append(f"{arm} (n = {line.patients})")
            values = "".join(f"{line.simulated[name]:15.1f}" for name in names)
            told.append(f"    {SHARE_WORDS[line.share]:34}{line.published:10.1f}{values}")
        told.append("")
        for reading in readings():
            method = reading["method"].strip("`")
            words = f"{reading['reading']}: {reading['says']} (median {reading['baseline']} %, {method})"
            told += textwrap.wrap(words, 118)
        told += ["", "What the model cannot reproduce, and why:"]
        for each in NOT_REPRODUCED:
            told += textwrap.wrap(each, 116, initial_indent="- ", subsequent_indent="  ")
        return "\n".join([*told, NOT_REVIEWED])


@dataclass(slots=True)
class Heart:
    """LVEF over time under the US label, and what confirming a reading would change."""

    scenario: Scenario
    days: list[int]
    true: Any
    comparison: Comparison

    def as_json(self) -> dict[str, Any]:
        bands = {
            str(day): dict(zip(("p5", "p25", "p50", "p75", "p95"), map(float, values), strict=True))
            for day, values in zip(self.days, self.true, strict=True)
        }
        return {"true_lvef_by_day": bands, "error_of_measuring": self.comparison.as_json()}

    def text(self) -> str:
        told = [*textwrap.wrap(scenario_words(self.scenario), 118), "", "True LVEF (%), by day since the first dose:",
                f"    {'day':>5}{'5 %':>8}{'25 %':>8}{'median':>8}{'75 %':>8}{'95 %':>8}"]  # fmt: skip
        for day, values in zip(self.days, self.true, strict=True):
            told.append(f"    {day:5d}" + "".join(f"{value:8.1f}" for value in values))
        told += ["", "How many holds are the error of measuring, and what a second reading would change:"]
        names = [each.policy.name for each in self.comparison.outcomes]
        told.append(f"    {'':52}" + "".join(f"{name:>24}" for name in names))
        shown = ("holds", "false_holds", "stopped", "false_stop", "true_dysfunction", "missed_dysfunction",
                 "days_to_detection", "heart_failure", "dose_intensity", "echoes", "averted")  # fmt: skip
        for measure in MEASURES:
            if measure.key in shown:
                cells = [number(each, measure) for each in self.comparison.estimates(measure)]
                told.append(f"    {measure.words + ', ' + measure.unit:52}" + "".join(f"{cell:>24}" for cell in cells))
        return "\n".join([*told, "", NOT_REVIEWED])


def trials_told(scenario: Scenario, cores: int | None = None) -> Trials:
    """Every arm of the trials, simulated."""
    return Trials(scenario, list(lines(scenario.patients, scenario.seed, cores)))


def heart_told(scenario: Scenario, cores: int | None = None) -> Heart:
    """LVEF over time, and the comparison of one reading with two."""
    fewer = replace(scenario, patients=min(scenario.patients, FAN_PATIENTS))
    fan = fan_of(portions(Policy("US label"), fewer, cores, SAMPLE_DAYS), SAMPLE_DAYS)
    days = [day for day in SHOWN_DAYS if day <= scenario.horizon_days]
    true = [fan.true[:, day // SAMPLE_DAYS] for day in days]
    policies = [Policy("one reading"), Policy("confirmed", confirm="repeat"), Policy("mean of two", confirm="mean")]
    outcomes = [run_policy(policy, scenario, cores) for policy in policies]
    return Heart(scenario, days, np.array(true), Comparison(scenario, outcomes))
