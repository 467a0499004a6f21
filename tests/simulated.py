"""Simulated courses for tests: policies, portions by the names of their columns, and single courses whose readings are given."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from her2path.history import names as v
from her2path.simulate.course.kernel import BASELINE_DAY, COLUMNS, MOST_EVENTS, SETTINGS, SLOTS, run, slot_of
from her2path.simulate.course.policy import STARTS_ON, Policy, read_policy
from her2path.simulate.course.run import Portion, Rules, Scenario, portions, rules_of, run_portion
from her2path.simulate.patients import parameters_for, read_model

POLICIES = Path(__file__).parent.parent / "examples" / "policies"
ZERO = STARTS_ON.toordinal()
US = Policy("US label")
KINDS = {v.WEIGHT: "weight", v.SETTING: "setting", v.LVEF: "lvef", v.HEART_FAILURE: "heart failure", v.STOP: "stop",
         v.DOSE: "dose", v.DOSE_PER_KG: "dose"}  # fmt: skip


@cache
def example(name: str) -> Policy:
    return read_policy(POLICIES / f"{name}.toml")


_RULES: dict[tuple[str, str, int], Rules] = {}


def rules(policy: Policy, scenario: Scenario, sample_days: int = 0) -> Rules:
    """What a policy decides, looked up once."""
    key = (
        repr(replace(policy, name="", own_editions=())) + repr([e.key for e in policy.own_editions]),
        repr(scenario),
        sample_days,
    )
    if key not in _RULES:
        _RULES[key] = rules_of(policy, scenario, sample_days)
    return _RULES[key]


def portion(policy: Policy, scenario: Scenario, sample_days: int = 0) -> Portion:
    """The courses of a first block of patients."""
    return run_portion(rules(policy, scenario, sample_days), scenario, 0, scenario.patients, sample_days)


def whole(policy: Policy, scenario: Scenario, cores: int | None = None) -> dict[str, np.ndarray]:
    """Every column of every patient."""
    made = np.concatenate([each.out for each in portions(policy, scenario, cores)])
    return {name: made[:, place] for place, name in enumerate(COLUMNS)}


def events_of(part: Portion, place: int) -> list[tuple[int, str, float, int]]:
    """The timeline of a patient: day from the first dose, kind, number (unit, not thousandths) and code."""
    rows = part.events[place, :, : part.counts[place]].T.tolist()
    return [(day - ZERO, KINDS[kind], number / 1000, code) for day, kind, number, code in rows]


@dataclass
class Scripted:
    """One course whose readings were given."""

    events: list[tuple[int, str, float, int]]
    by: dict[str, float]

    def days(self, kind: str) -> list[int]:
        return [day for day, what, _, _ in self.events if what == kind]

    def amounts(self) -> dict[int, float]:
        return {day: number for day, what, number, _ in self.events if what == "dose"}


def scripted(
    policy: Policy, readings: dict[int, float] | None = None, *, again: dict[int, float] | None = None, true: float = 60.0,
    days: int = 730, missed: tuple[int, ...] = (), not_followed: tuple[int, ...] = (), fails_on: int | None = None,
) -> Scripted:  # fmt: skip
    """The course of one patient of 70 kg whose true LVEF stays at `true`, and who is measured as `readings` say by day.

    `again` are readings that confirm; on days of `missed` an LVEF is due and not done; from holds that open on days of
    `not_followed` doctors turn away. With `fails_on` her heart fails on the first day that something happens from then
    on (the true LVEF has to be below 50 for it).
    """
    scenario = Scenario(patients=1, horizon_days=days, drug=False)
    made = rules(policy, scenario)
    settings = made.settings.copy()
    settings[SETTINGS.index("error")] = 0.1
    settings[SETTINGS.index("rate_a_year")] = 1.0 if fails_on is not None else 0.0
    errors, repeats = np.zeros((2, 1, SLOTS))
    given = {BASELINE_DAY: 60.0, **(readings or {})}
    for numbers, wanted in ((errors, given), (repeats, again or {})):
        for day, lvef in wanted.items():
            numbers[0, slot_of(day)] = (lvef / true - 1) / 0.1
    attends, follows = np.zeros((2, 1, SLOTS))
    for day in missed:
        attends[0, slot_of(day)] = 0.999
    for day in not_followed:
        follows[0, slot_of(day)] = 0.999
    patience = np.full(1, 1e300)
    if fails_on is not None:
        patience[0] = (fails_on - 0.5) / 365.25 * (50 - true)
    weight = {"weight_kg": np.array([70.0])}
    usual = np.ascontiguousarray(parameters_for(read_model("trastuzumab-linear"), "breast", weight, {}, 1))
    events, counts, out = np.zeros((1, 4, MOST_EVENTS), np.int64), np.zeros(1, np.int64), np.empty((1, len(COLUMNS)))
    run(
        usual, usual, weight["weight_kg"], np.array([true]), np.full(1, 1e300), patience, errors, repeats, attends, follows,
        settings, made.visits, made.reload_by_days, made.continue_by_day, made.tables, made.reference,
        made.courses.codes.arrays, made.courses.codes.numbers, events, counts,
        np.zeros((1, 0, 2)), out,
    )  # fmt: skip
    part = Portion(0, out, events, counts, weight["weight_kg"], np.array([true]), np.zeros((1, 0, 2)))
    return Scripted(events_of(part, 0), dict(zip(COLUMNS, out[0].tolist(), strict=True)))


def policy_with(policy: Policy = US, **changes: Any) -> Policy:
    return replace(policy, **{"name": repr(changes), **changes})
