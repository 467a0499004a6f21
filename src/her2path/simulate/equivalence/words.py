"""Equivalence in words: the tables that the commands print, their JSON, and the rows of their forest plots."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from ...write.charts.forest import ForestPanel, ForestRow
from .arms import ArmComparison
from .data import RESPONSE, TrialData
from .power import PLANNED_VERDICTS, Power
from .published import PublishedComparison, usual_level
from .responses import DIFFERENCE, GEOMETRIC, RATIO, Margin

_PANELS = {
    RATIO: ("Ratio of responses", "test over reference"),
    DIFFERENCE: ("Difference of responses", "test minus reference, percent points"),
    GEOMETRIC: ("Ratio of geometric means of concentrations", "test over reference"),
}
_UNKNOWN_LISTED = 5


def published_text(responses: Sequence[PublishedComparison], concentrations: Sequence[PublishedComparison]) -> str:
    """The published trials as tables, and what is derived in them."""
    lines = ["Responses: printed interval, the one computed from the counts, and what they show", ""]
    first = ("trial of", "endpoint", "scale", "level", "margin", "printed", "computed", "shows")
    lines += text_table([first, *(_response_row(comparison) for comparison in responses)])
    lines += ["", "Concentrations: ratio of geometric means, printed (the patients' values are not public)", ""]
    head = ("trial of", "measure", "level", "margin", "printed", "variation behind it", "shows")
    lines += text_table([head, *(_concentration_row(comparison) for comparison in concentrations)])
    return "\n".join([*lines, "", *_notes(responses, concentrations)])


def _response_row(comparison: PublishedComparison) -> tuple[str, ...]:
    computed = "counts not seen"
    if (interval := comparison.computed) is not None:
        mark = "*" if comparison.adjusted else ""
        computed = f"{_interval(comparison.scale, interval.estimate, interval.lower, interval.upper)}{mark}"
    shows = _word(comparison.printed_verdict.word, comparison.printed_verdict.possible)
    if comparison.computed_verdict is not None and comparison.computed_verdict != comparison.printed_verdict:
        shows += f"; computed: {_word(comparison.computed_verdict.word, comparison.computed_verdict.possible)}"
    return (
        comparison.name,
        comparison.endpoint,
        comparison.scale,
        f"{100 * comparison.level:.0f} %",
        str(comparison.margin),
        _printed(comparison),
        computed,
        shows,
    )


def _concentration_row(comparison: PublishedComparison) -> tuple[str, ...]:
    variation = "-" if comparison.variation is None else f"{100 * comparison.variation:.0f} %"
    word = _word(comparison.printed_verdict.word, comparison.printed_verdict.possible)
    if comparison.printed[1] is None:
        word = "said to lie inside; numbers not seen"
    return (
        comparison.name,
        comparison.endpoint,
        f"{100 * comparison.level:.0f} %",
        str(comparison.margin),
        _printed(comparison),
        variation,
        word,
    )


def _notes(responses: Sequence[PublishedComparison], concentrations: Sequence[PublishedComparison]) -> list[str]:
    def codes(chosen: Iterable[PublishedComparison]) -> str:
        return "; ".join(dict.fromkeys(c.code for c in chosen)) or "none"

    passed = [c for c in responses if c.printed_verdict.word and "passed" in c.printed_verdict.word]
    near = [c for c in responses if c.gap is not None and not c.adjusted]
    in_points = [c.gap or 0 for c in near if c.scale == DIFFERENCE]
    in_ratio = [c.gap or 0 for c in near if c.scale == RATIO]
    agree = all(c.computed_verdict in (None, c.printed_verdict) for c in responses)
    return [
        "Passed a margin: " + "; ".join(f"{c.code}, {c.scale} ({c.printed_verdict.word})" for c in passed),
        f"Responders that follow from a printed rate: {codes(c for c in responses if c.counts == 'from the rate')}",
        f"Numbers that are remembered only: {codes(c for c in (*responses, *concentrations) if _remembered(c))}",
        f"* adjusted in the publication, computed here from the counts alone: "
        f"{codes(c for c in responses if c.adjusted and c.computed)}",
        f"The others differ from print by at most {max(in_points):.2f} percent points, {max(in_ratio):.3f} in a ratio.",
        "Every verdict is the same from the printed and the computed interval."
        if agree
        else "Some verdicts differ between the printed and the computed interval.",
        "The variation is derived from the width of the printed interval. Each row of the verdict: "
        "her2path show biosimilar_evidence. Sources: --json.",
    ]


def _remembered(comparison: PublishedComparison) -> bool:
    return any(citation.verified == "remembered" for citation in comparison.citations)


def published_panels(
    responses: Sequence[PublishedComparison], concentrations: Sequence[PublishedComparison]
) -> list[ForestPanel]:
    """The forest plot of the published trials; a comparison whose bounds were not seen is left out."""
    return [
        _panel(
            scale, tuple(row for comparison in chosen if comparison.scale == scale and (row := _forest_row(comparison)))
        )
        for scale, chosen in ((RATIO, responses), (DIFFERENCE, responses), (GEOMETRIC, concentrations))
    ]


def _forest_row(comparison: PublishedComparison) -> ForestRow | None:
    estimate, lower, upper = comparison.printed
    if lower is None or upper is None:
        return None
    printed = (estimate, lower, upper)
    computed = comparison.computed and (
        comparison.computed.estimate,
        comparison.computed.lower,
        comparison.computed.upper,
    )
    word = _word(comparison.printed_verdict.word, comparison.printed_verdict.possible)
    return ForestRow(
        f"{comparison.code}, {comparison.endpoint}",
        computed or printed,
        (comparison.margin.lower, comparison.margin.upper),
        word,
        _wanted(word),
        comparison.level,
        printed if computed else None,
    )


def _panel(scale: str, rows: tuple[ForestRow, ...]) -> ForestPanel:
    return ForestPanel(*_PANELS[scale], rows, scale != DIFFERENCE)


def _wanted(word: str) -> bool | None:
    return None if word == "not judged" else word in PLANNED_VERDICTS


def file_text(data: TrialData, comparisons: Sequence[ArmComparison], usual_levels: bool = False) -> str:
    """What a file shows, with the unknown rows counted and named; `usual_levels` where no level was asked for."""
    lines = [f"{data.path}: {data.column}, compared with {data.reference!r}", ""]
    head = ("test", "reference", "scale", "interval", "level", "margin", "p lower, upper", "shows", "reading")
    rows = [
        (
            f"{comparison.test}: {comparison.arms[0]}",
            f"{comparison.reference}: {comparison.arms[1]}",
            comparison.interval.scale,
            _interval(
                comparison.interval.scale,
                comparison.interval.estimate,
                comparison.interval.lower,
                comparison.interval.upper,
            ),
            f"{100 * comparison.interval.level:.0f} %",
            str(comparison.margin),
            ", ".join(map(_p_value, comparison.p_values)),
            _word(comparison.verdict.word, comparison.verdict.possible),
            comparison.reading,
        )
        for comparison in comparisons
    ]
    lines += text_table([head, *rows])
    lines += [
        "",
        "Method: " + ", ".join(dict.fromkeys(f"{e.interval.method} ({e.interval.scale})" for e in comparisons)),
    ]
    if usual_levels and data.endpoint == RESPONSE:
        ratio, difference = (f"{100 * usual_level(scale):.0f} %" for scale in (RATIO, DIFFERENCE))
        lines.append(f"Usual level: {ratio} for a ratio (FDA), {difference} for a difference (EMA), as for MYL-1401O")
    if data.unknown:
        lines.append(f"Not used: {len(data.unknown)} values that are not known")
        lines += [f"  {row}" for row in data.unknown[:_UNKNOWN_LISTED]]
        more = len(data.unknown) - _UNKNOWN_LISTED
        lines += [f"  and {more} more (--json lists all)"] if more > 0 else []
    if any(comparison.verdict.word == "not judged" for comparison in comparisons):
        lines.append(
            "No margin was given, so that nothing is judged; say --scale and --margin as the protocol has them."
        )
    return "\n".join(lines)


def file_json(data: TrialData, comparisons: Sequence[ArmComparison]) -> dict[str, Any]:
    """What a file shows, as JSON."""
    return {
        "file": str(data.path),
        "endpoint": data.endpoint,
        "column": data.column,
        "reference": data.reference,
        "comparisons": [comparison.as_json() for comparison in comparisons],
        "unknown": [{"row": row.row, "arm": row.arm, "why": row.why} for row in data.unknown],
    }


def file_panels(comparisons: Sequence[ArmComparison]) -> list[ForestPanel]:
    """The forest plot of a file."""
    panels = []
    for scale in dict.fromkeys(comparison.interval.scale for comparison in comparisons):
        rows = []
        for comparison in (one for one in comparisons if one.interval.scale == scale):
            word = _word(comparison.verdict.word, comparison.verdict.possible)
            extra = "" if comparison.reading.startswith("known") else ", unknown as no"
            interval = (comparison.interval.estimate, comparison.interval.lower, comparison.interval.upper)
            margin = (comparison.margin.lower, comparison.margin.upper)
            label = f"{comparison.test} v {comparison.reference}{extra}"
            rows.append(ForestRow(label, interval, margin, word, _wanted(word), comparison.interval.level))
        panels.append(_panel(scale, tuple(rows)))
    return panels


def power_text(
    endpoint: str,
    power: Power,
    given: dict[str, Any],
    assumed: dict[str, Any],
    margin: Margin,
    level: float,
    seed: int,
    searched: bool,
) -> str:
    """The power in words, with what was assumed."""
    lines = []
    if searched:
        lines.append(f"Patients in each arm: {power.patients:,} ({2 * power.patients:,} together), found by halving")
    else:
        lines.append(f"Patients in each arm: {power.patients:,} ({2 * power.patients:,} together)")
    lines.append(
        f"Power: {100 * power.power:.1f} % (95 % interval of the simulation {100 * power.lower:.1f} to "
        f"{100 * power.upper:.1f} %)"
    )
    lines.append(
        f"Of {power.trials:,} simulated trials ({endpoint}, seed {seed}) the {100 * level:.0f} % interval shows:"
    )
    lines += [f"  {count:>9,}  {word}" for word, count in power.shown.items()]
    for title, values in (("Given", given), ("Assumed", assumed)):
        if values:
            lines.append(f"{title}: " + "; ".join(f"{name} {value}" for name, value in values.items()))
    lines.append(f"Margin {margin}; two parallel arms of equal size, nobody lost; a bound on its margin is inside.")
    return "\n".join(lines)


def power_json(
    endpoint: str,
    power: Power,
    given: dict[str, Any],
    assumed: dict[str, Any],
    margin: Margin,
    level: float,
    seed: int,
    searched: bool,
) -> str:
    """The power as JSON."""
    content = {
        "endpoint": endpoint,
        **power.as_json(),
        "searched": searched,
        "margin": {"lower": margin.lower, "upper": margin.upper},
        "level": level,
        "seed": seed,
        "given": given,
        "assumed": assumed,
    }
    return json.dumps(content, indent=2, ensure_ascii=False)


def text_table(rows: Sequence[Sequence[str]]) -> list[str]:
    """Rows of cells as aligned lines; the first row is the head."""
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return [lines[0], "  ".join("-" * width for width in widths), *lines[1:]]


def _interval(scale: str, estimate: float, lower: float, upper: float) -> str:
    digits = 2 if scale == DIFFERENCE else 3
    return f"{estimate:.{digits}f} ({lower:.{digits}f} to {upper:.{digits}f})"


def _printed(comparison: PublishedComparison) -> str:
    estimate, lower, upper = comparison.printed
    if lower is None or upper is None:
        return "not seen"
    return ("" if estimate is None else f"{estimate:g} ") + f"({lower:g} to {upper:g})"


def _p_value(value: float | None) -> str:
    if value is None:
        return "-"
    return "<0.0001" if value < 0.0001 else f"{value:.4f}"


def _word(word: str | None, possible: tuple[str, ...]) -> str:
    return word or "cannot be told: " + " or ".join(possible)
