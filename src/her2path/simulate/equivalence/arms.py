"""What the file of a trial shows: each arm against the reference, on each scale, with its verdict."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ...facts.problem import AskedWrongly
from ..model import read_model
from .data import CROSSOVER, RESPONSE, TrialData
from .intervals import crossover_ratio, parallel_ratio, response_interval, response_p_values, two_one_sided, verdict
from .published import MODEL, usual_level
from .responses import DIFFERENCE, GEOMETRIC, RATIO, ConfidenceInterval, Margin, Responses, Verdict, require_level


@dataclass(frozen=True, slots=True)
class ArmComparison:
    """One comparison of a file. `reading` says how unknown responses were counted; `arms` describes both arms."""

    test: str
    reference: str
    interval: ConfidenceInterval
    margin: Margin
    verdict: Verdict
    p_values: tuple[float | None, float | None]
    reading: str
    arms: tuple[str, str]

    def as_json(self) -> dict[str, Any]:
        """The comparison as the command prints it with `--json`."""
        interval = self.interval
        return {
            "test": self.test,
            "reference": self.reference,
            "scale": interval.scale,
            "estimate": interval.estimate,
            "lower": interval.lower,
            "upper": interval.upper,
            "level": interval.level,
            "method": interval.method,
            "margin": {"lower": self.margin.lower, "upper": self.margin.upper},
            "verdict": self.verdict.word,
            "row": self.verdict.row,
            "p_values": {"lower": self.p_values[0], "upper": self.p_values[1]},
            "reading": self.reading,
            "arms": {"test": self.arms[0], "reference": self.arms[1]},
        }


@dataclass(frozen=True, slots=True)
class ComparisonOptions:
    """What to compare: `scale` blank for both, `margin` `None` for the usual one, `level` `None` for the usual one."""

    scale: str = ""
    margin: Margin | None = None
    level: float | None = None
    method: str = ""
    one_sided: bool = False


def compare_arms(data: TrialData, asked: ComparisonOptions) -> list[ArmComparison]:
    """Every arm against the reference. Raises `AskedWrongly` for a margin without a scale, or too few values.

    Responses have no usual margin: without one they are *not judged*. Unknown responses are left out, and where there
    are any, a second reading counts them as no response.
    """
    if asked.level is not None:
        require_level(asked.level)
    return _responses(data, asked) if data.endpoint == RESPONSE else _concentrations(data, asked)


def _responses(data: TrialData, asked: ComparisonOptions) -> list[ArmComparison]:
    if asked.scale not in ("", RATIO, DIFFERENCE):
        raise AskedWrongly(f"responses are compared by ratio or difference, not by {asked.scale!r}")
    if (asked.margin or asked.method) and not asked.scale:
        raise AskedWrongly("say with --scale whether the margin or method belongs to the ratio or to the difference")
    _require_plausible(asked)
    comparisons = []
    for test in data.tests:
        arms = (data.responses[test], data.responses[data.reference])
        unknown = (data.unknown_of(test), data.unknown_of(data.reference))
        readings = {"known responses": arms}
        if any(unknown):
            whole = [Responses(arm.responders, arm.patients + more) for arm, more in zip(arms, unknown, strict=True)]
            readings["unknown counted as no response"] = (whole[0], whole[1])
        for reading, (one, other) in readings.items():
            for scale in (asked.scale,) if asked.scale else (RATIO, DIFFERENCE):
                level = asked.level or usual_level(scale)

                margin = _one_sided(asked.margin or Margin(None, None), asked)
                interval = response_interval(scale, one, other, level, asked.method)
                p_values = response_p_values(scale, one, other, margin, asked.method)
                described = (_arm_words(one), _arm_words(other))
                comparisons.append(_comparison_of(test, data.reference, interval, p_values, margin, reading, described))
    return comparisons


def _concentrations(data: TrialData, asked: ComparisonOptions) -> list[ArmComparison]:
    if asked.scale not in ("", RATIO, GEOMETRIC) or asked.method:
        raise AskedWrongly("concentrations are compared by the ratio of their geometric means; leave --scale out")
    _require_plausible(asked)
    model = read_model(MODEL)
    margin = asked.margin or Margin(model["pk_margin_lower"], model["pk_margin_upper"])
    comparisons = []
    for test in data.tests:
        if data.design == CROSSOVER:
            at, described = _within(data, test)
        else:
            at, described = _between(data, test)
        level = asked.level or model["pk_level"]
        limits = _one_sided(margin, asked)
        p_values = two_one_sided(at, limits)
        comparisons.append(_comparison_of(test, data.reference, at(level), p_values, limits, "known values", described))
    return comparisons


def _between(data: TrialData, test: str) -> tuple[Callable[[float], ConfidenceInterval], tuple[str, str]]:
    one, other = data.values[test], data.values[data.reference]
    return lambda level: parallel_ratio(one, other, level), (f"{len(one)} values", f"{len(other)} values")


def _within(data: TrialData, test: str) -> tuple[Callable[[float], ConfidenceInterval], tuple[str, str]]:
    one = [arms[test][0] for arms in data.pairs.values()]
    other = [arms[data.reference][0] for arms in data.pairs.values()]
    periods = [(arms[test][1], arms[data.reference][1]) for arms in data.pairs.values()]
    first = [early < late for early, late in periods if early is not None and late is not None]
    described = (f"{len(one)} patients", "the same patients")
    return lambda level: crossover_ratio(one, other, level, first if len(first) == len(one) else None), described


def _comparison_of(
    test: str,
    reference: str,
    interval: ConfidenceInterval,
    p_values: tuple[float | None, float | None],
    margin: Margin,
    reading: str,
    arms: tuple[str, str],
) -> ArmComparison:
    shown = verdict(interval.lower, interval.upper, margin)
    return ArmComparison(test, reference, interval, margin, shown, p_values, reading, arms)


def _one_sided(margin: Margin, asked: ComparisonOptions) -> Margin:
    return Margin(margin.lower, None) if asked.one_sided else margin


def _require_plausible(asked: ComparisonOptions) -> None:
    if asked.one_sided and asked.margin and asked.margin.lower is None:
        raise AskedWrongly("non-inferiority needs a lower margin, such as --margin -12.5 -")
    bounds = [bound for bound in (asked.margin.lower, asked.margin.upper) if bound is not None] if asked.margin else []
    if asked.scale == DIFFERENCE and bounds and max(abs(bound) for bound in bounds) < 1:
        raise AskedWrongly(
            f"the margin {asked.margin} of the difference is in percent points; write -13 13, not -0.13 0.13"
        )
    if asked.scale != DIFFERENCE and any(bound <= 0 for bound in bounds):
        raise AskedWrongly(f"the margin {asked.margin} of a ratio must lie above 0, such as 0.80 1.25")


def _arm_words(arm: Responses) -> str:
    return f"{arm.responders} of {arm.patients} ({100 * arm.share:.1f} %)"
