"""A comparison of policies in words and tables: on the screen, and as one page for those who write guidelines."""

from __future__ import annotations

import os
import textwrap
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from ...tables.site import ASSUMED_LOWER_LIMIT
from ...write.charts.course import Fan, PolicyPanel
from ..exposure.choice import chosen_words
from .compare import OUTCOME_MEASURES, Comparison, OutcomeMeasure, TrialMean, trial_size_for
from .kernel import COLUMNS
from .policy import STARTS_ON, Policy, exposure_model
from .run import Portion, Scenario, rules_of

CHART_MEASURES = (
    "holds", "false_holds", "stopped", "false_stop", "missed_dysfunction", "days_to_detection", "doses_in_dysfunction",
    "dose_intensity", "echoes",
)  # fmt: skip
SAMPLE_DAYS = 7
"""Between the points of LVEF over time."""
NOT_REVIEWED = "Nobody clinical has reviewed this. A simulation shows what follows from its model, and no patient."
CAVEATS = (
    "The heart is that of de Vries Schultink 2018: 206 women, LVEF by MUGA; the anthracycline acts only by making the "
    "heart more sensitive. Against the adjuvant trials (`her2path simulate heart --trials`) it shows the low readings "
    "of B-31 and N9831 well and too many of HERA's.",
    "Whether a hold was called for is judged by the true LVEF, by the US label's rule with a limit of "
    f"{ASSUMED_LOWER_LIMIT} %, which no clinic can see.",
    "Heart failure follows from a rate chosen by us for one trial arm (decision D103). Harm by a hold (less drug) is "
    "shown as dose intensity and exposure; no effect on recurrence is simulated, for none is published.",
)


def policy_words(policy: Policy) -> str:
    """What a policy is, in a line."""
    watch = f"LVEF every {policy.months:g} months" if policy.months is not None else "LVEF as the label's table says"
    if policy.visits_days:
        watch = "LVEF on days " + ", ".join(map(str, policy.visits_days))
    parts = [f"{(policy.site.jurisdiction or 'us').upper()} label", watch, f"limit {policy.site.limit} %"]
    if policy.own_editions:
        parts.append("own rule " + ", ".join(edition.key for edition in policy.own_editions))
    confirms = {
        "repeat": "a second reading decides before anything is withheld",
        "mean": "the mean of two readings decides before anything is withheld",
    }
    if policy.confirm in confirms:
        parts.append(f"{confirms[policy.confirm]}, {policy.confirm_days} days later")
    if policy.attendance < 1:
        parts.append(f"{100 * policy.attendance:g} % of due LVEFs are done")
    if policy.follow_holds < 1:
        parts.append(f"{100 * policy.follow_holds:g} % of holds are followed")
    if policy.product != "trastuzumab-iv":
        parts.append(policy.product)
    if policy.method != "study":
        parts.append(f"measured by {policy.method}")
    return "; ".join(parts)


def scenario_words(scenario: Scenario) -> str:
    """Who goes through the courses, in a sentence."""
    before = {"none": "without anthracycline"}.get(scenario.chemotherapy, f"after 4 cycles of {scenario.chemotherapy}")
    women = "women" if scenario.patients > 1 else "woman"
    words = (
        f"{scenario.patients:,} virtual {women} with early breast cancer ({scenario.population}), adjuvant trastuzumab "
        f"for a year {before}, LVEF at entry at least {scenario.entry_lvef:g} %, followed for "
        f"{scenario.horizon_days} days; seed {scenario.seed}"
    )
    if scenario.baseline_lvef is not None:
        words += f"; median true LVEF {scenario.baseline_lvef:g} %"
    if scenario.irreversible:
        words += f"; scenario: {100 * scenario.irreversible:g} % of the greatest fall stays for good"
    if not scenario.drug:
        words += "; trastuzumab does not act on the heart"
    return words + "."


def exposure_words(comparison: Comparison) -> list[str]:
    """Which model the patients' own concentrations follow, a sentence for each that there is, and why it was taken."""
    population = comparison.scenario.population
    products = dict.fromkeys(outcome.policy.product for outcome in comparison.outcomes)
    models = dict.fromkeys(exposure_model(product, population) for product in products)
    return [f"Troughs and areas are those of the model {chosen_words(model, population)}." for model in models]


def trial_mean_cell(estimate: TrialMean, measure: OutcomeMeasure) -> str:
    """A mean with its interval, as a cell."""
    if not np.isfinite(estimate.mean):
        return "-"
    digits = measure.digits
    if not np.isfinite(estimate.low):
        return f"{estimate.mean:.{digits}f}"
    return f"{estimate.mean:.{digits}f} ({estimate.low:.{digits}f} to {estimate.high:.{digits}f})"


def comparison_text(comparison: Comparison) -> str:
    """The comparison for the screen."""
    lines = [scenario_words(comparison.scenario)]
    lines += [
        f"{chr(65 + n)}: {outcome.policy.name} ({policy_words(outcome.policy)})"
        for n, outcome in enumerate(comparison.outcomes)
    ]
    lines.append("")
    head = ["", *(chr(65 + n) for n in range(len(comparison.outcomes)))]
    rows = [head]
    for measure in comparison.shown():
        rows.append(
            [
                f"{measure.words}, {measure.unit}",
                *(trial_mean_cell(estimate, measure) for estimate in comparison.estimates(measure)),
            ]
        )
    widths = [max(len(row[place]) for row in rows) for place in range(len(head))]
    for row in rows:
        cells = [
            cell.ljust(width) if not place else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(cells).rstrip())
    size = trial_size_for(comparison.scenario.patients)
    lines += [
        "",
        f"Mean over {comparison.trials} trials of {size} patients with the 95 % interval of the mean; the same "
        "patients and errors of measurement in every policy.",
    ]
    lines += [*comparison_summary(comparison), *exposure_words(comparison), *CAVEATS, NOT_REVIEWED]
    return "\n".join(piece for line in lines for piece in _wrapped(line))


def _wrapped(line: str) -> list[str]:
    return [line] if "  " in line or not line else textwrap.wrap(line, 118)


def comparison_summary(comparison: Comparison) -> list[str]:
    """What the comparison says, in sentences: each policy against the first."""
    sentences = []
    first = comparison.outcomes[0].policy.name
    by_key = {measure.key: measure for measure in comparison.shown()}
    for place, outcome in enumerate(comparison.outcomes[1:]):
        changes = []
        for key in ("holds", "false_stop", "missed_dysfunction", "doses_in_dysfunction", "dose_intensity", "echoes"):
            if key not in by_key:
                continue
            measure = by_key[key]
            change = comparison.differences(measure)[place]
            if not np.isfinite(change.low) or change.low <= 0 <= change.high:
                continue
            word = "more" if change.mean > 0 else "fewer"
            unit = measure.unit
            if unit.startswith("%"):
                word, unit = ("higher" if change.mean > 0 else "lower"), "percentage points"
            digits = max(measure.digits, 1)
            changes.append(
                f"{measure.words}: {abs(change.mean):.{digits}f} {unit} {word} "
                f"({change.low:+.{digits}f} to {change.high:+.{digits}f})"
            )
        sentences.append(
            f"{outcome.policy.name}, against {first}: " + ("; ".join(changes) or "no clear difference") + "."
        )
    return sentences


def in_short(comparison: Comparison) -> list[str]:
    """Each policy in a sentence that needs no statistics."""
    by_key = {measure.key: measure for measure in OUTCOME_MEASURES}
    sentences = []
    for place, outcome in enumerate(comparison.outcomes):
        mean = {key: comparison.estimates(measure)[place].mean for key, measure in by_key.items()}
        whole = {name: float(values.sum()) for name, values in outcome.by_name().items()}
        started = max(whole["started"], 1.0)
        wrong, missed = (100 * whole[name] / started for name in ("false_holds", "missed_dysfunction"))
        sentences.append(
            f"**{outcome.policy.name}**: of 1,000 women, {10 * mean['holds']:.0f} holds, {10 * wrong:.0f} of them for "
            f"a reading that the true LVEF did not bear out; {10 * mean['stopped']:.0f} women stopped for good "
            f"({10 * mean['false_stop']:.0f} of them not borne out); in {10 * mean['true_dysfunction']:.0f} the true "
            f"LVEF met the rule, and in {10 * missed:.0f} of these nothing followed; {mean['dose_intensity']:.1f} % "
            f"of the planned dose was given, for {1000 * mean['echoes']:,.0f} LVEFs."
        )
    return sentences


def comparison_page(comparison: Comparison, chart: str | None = None) -> str:
    """The comparison as one page of Markdown."""
    names = [outcome.policy.name for outcome in comparison.outcomes]
    lines = ["# Policies compared: " + ", ".join(names), "", scenario_words(comparison.scenario), ""]
    lines += ["| policy | what it is |", "|---|---|"]
    lines += [f"| **{outcome.policy.name}** | {policy_words(outcome.policy)} |" for outcome in comparison.outcomes]
    lines += ["", "## In short", "", *(f"- {sentence}" for sentence in in_short(comparison))]
    if len(names) > 1:
        lines += [
            "",
            "## What differs, with 95 % intervals",
            "",
            *(f"- {sentence}" for sentence in comparison_summary(comparison)),
        ]
    if chart:
        lines += ["", f"![The policies side by side]({chart})"]
    lines += ["", "## Figures", ""]
    lines += ["| | " + " | ".join(names) + " |", "|---|" + "---:|" * len(names)]
    for measure in comparison.shown():
        cells = [trial_mean_cell(estimate, measure) for estimate in comparison.estimates(measure)]
        lines.append(f"| {measure.words} ({measure.unit}) | " + " | ".join(cells) + " |")
    size = trial_size_for(comparison.scenario.patients)
    lines.append("")
    lines.append(
        f"Mean over {comparison.trials} simulated trials of {size} patients, with the 95 % interval of the mean. Every "
        "policy had the same patients with the same hearts, and the same error of measurement in the same week."
    )
    lines += [
        "",
        "## How to read it",
        "",
        *(f"- {caveat}" for caveat in (*exposure_words(comparison), *CAVEATS)),
        "",
        f"**{NOT_REVIEWED}**",
        "",
        "## The rules",
        "",
        *(
            f"- {name}: {_rules(outcome.policy, comparison.scenario)}"
            for name, outcome in zip(names, comparison.outcomes, strict=True)
        ),
    ]
    return "\n".join(lines) + "\n"


def _rules(policy: Policy, scenario: Scenario) -> str:
    """The editions that decided."""
    courses = rules_of(policy, scenario).courses
    scope = {"product": policy.product, "tumour_site": "breast"}
    outcomes = ("cardiac_action", "echo_interval", "missed_dose_action", "adjuvant_duration")
    editions = dict.fromkeys(e.key for outcome in outcomes if (e := courses.edition(outcome, scope)) is not None)
    return ", ".join(f"`{key}`" for key in editions)


def panels(comparison: Comparison) -> list[PolicyPanel]:
    """What the chart of a comparison shows."""
    shown = []
    for measure in comparison.shown():
        if measure.key in CHART_MEASURES:
            values = [(e.mean, e.low, e.high) for e in comparison.estimates(measure)]
            if all(np.isfinite(mean) for mean, _, _ in values):
                shown.append(PolicyPanel(measure.words, measure.unit, values))
    return shown


def fan_of(parts: Iterable[Portion], sample_days: int) -> Fan:
    """LVEF over time, in percent, of courses that were run with a point every `sample_days` days."""
    listed = list(parts)
    started = np.concatenate([part.out[:, COLUMNS.index("started")] for part in listed]) == 1
    path = np.concatenate([part.path for part in listed])[started]
    days = np.arange(path.shape[1]) * float(sample_days)
    true = np.nanpercentile(path[:, :, 0], [5, 25, 50, 75, 95], axis=0)
    seen: dict[int, list[float]] = {}
    for part in listed:
        for place in np.flatnonzero(part.out[:, COLUMNS.index("started")] == 1):
            events = part.events[place, :, : part.counts[place]]
            readings = events[:, events[1] == _lvef()]
            for day, value in zip(readings[0].tolist(), readings[2].tolist(), strict=True):
                seen.setdefault(day - STARTS_ON.toordinal(), []).append(value / 1000)
    shown = [day for day, values in sorted(seen.items()) if len(values) >= max(20, 0.25 * started.sum()) and day >= 0]
    three = np.array([np.percentile(seen[day], [5, 50, 95]) for day in shown]).T if shown else np.zeros((3, 0))
    return Fan(days, true, np.nanmean(path[:, :, 1], axis=0), np.array(shown, float), three)


def _lvef() -> int:
    from ...history.names import LVEF

    return LVEF


def chart_title(comparison: Comparison) -> str:
    """The title of the comparison's chart."""
    return (
        f"{comparison.scenario.patients:,} virtual patients a policy, mean and 95 % interval over "
        f"{comparison.trials} trials"
    )


def chart_names(comparison: Comparison) -> list[str]:
    """The policies' names, short enough for an axis."""
    return [textwrap.shorten(outcome.policy.name, 34, placeholder="…") for outcome in comparison.outcomes]


def relative_chart(page: Path, chart: Path | None) -> str | None:
    """How a page refers to its chart."""
    if chart is None:
        return None
    return Path(os.path.relpath(chart, page.parent)).as_posix()
