"""Equivalence in words: the tables that the commands print, their JSON, and the rows of their forest plots."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from ...write.charts.forest import ForestRow, Panel
from .data import RESPONSE, TrialData
from .found import Found
from .power import SHOWN, Power
from .published import Comparison, usual_level
from .responses import DIFFERENCE, GEOMETRIC, RATIO, Margin

_PANELS = {
    RATIO: ("Ratio of responses", "test over reference"),
    DIFFERENCE: ("Difference of responses", "test minus reference, percent points"),
    GEOMETRIC: ("Ratio of geometric means of concentrations", "test over reference"),
}
_UNKNOWN_LISTED = 5


def published_text(responses: Sequence[Comparison], concentrations: Sequence[Comparison]) -> str:
    """The published trials as tables, and what is derived in them."""
    lines = ["Responses: printed interval, the one computed from the counts, and what they show", ""]
    first = ("trial of", "endpoint", "scale", "level", "margin", "printed", "computed", "shows")
    lines += table([first, *(_response_row(each) for each in responses)])
    lines += ["", "Concentrations: ratio of geometric means, printed (the patients' values are not public)", ""]
    head = ("trial of", "measure", "level", "margin", "printed", "variation behind it", "shows")
    lines += table([head, *(_concentration_row(each) for each in concentrations)])
    return "\n".join([*lines, "", *_notes(responses, concentrations)])


def _response_row(each: Comparison) -> tuple[str, ...]:
    computed = "counts not seen"
    if each.computed is not None:
        mark = "*" if each.adjusted else ""
        computed = f"{_interval(each.scale, each.computed.estimate, each.computed.lower, each.computed.upper)}{mark}"
    shows = _word(each.printed_verdict.word, each.printed_verdict.possible)
    if each.computed_verdict is not None and each.computed_verdict != each.printed_verdict:
        shows += f"; computed: {_word(each.computed_verdict.word, each.computed_verdict.possible)}"
    return (
        each.name, each.endpoint, each.scale, f"{100 * each.level:.0f} %", str(each.margin),
        _printed(each), computed, shows,
    )  # fmt: skip


def _concentration_row(each: Comparison) -> tuple[str, ...]:
    variation = "-" if each.variation is None else f"{100 * each.variation:.0f} %"
    word = _word(each.printed_verdict.word, each.printed_verdict.possible)
    if each.printed[1] is None:
        word = "said to lie inside; numbers not seen"
    return (
        each.name, each.endpoint, f"{100 * each.level:.0f} %", str(each.margin), _printed(each),
        variation, word,
    )  # fmt: skip


def _notes(responses: Sequence[Comparison], concentrations: Sequence[Comparison]) -> list[str]:
    def codes(chosen: Iterable[Comparison]) -> str:
        return "; ".join(dict.fromkeys(each.code for each in chosen)) or "none"

    passed = [each for each in responses if each.printed_verdict.word and "passed" in each.printed_verdict.word]
    near = [each for each in responses if each.gap is not None and not each.adjusted]
    in_points = [each.gap or 0 for each in near if each.scale == DIFFERENCE]
    in_ratio = [each.gap or 0 for each in near if each.scale == RATIO]
    agree = all(each.computed_verdict in (None, each.printed_verdict) for each in responses)
    return [
        "Passed a margin: " + "; ".join(f"{each.code}, {each.scale} ({each.printed_verdict.word})" for each in passed),
        f"Responders that follow from a printed rate: {codes(e for e in responses if e.counts == 'from the rate')}",
        f"Numbers that are remembered only: {codes(e for e in (*responses, *concentrations) if _remembered(e))}",
        f"* adjusted in the publication, computed here from the counts alone: "
        f"{codes(each for each in responses if each.adjusted and each.computed)}",
        f"The others differ from print by at most {max(in_points):.2f} percent points, {max(in_ratio):.3f} in a ratio.",
        "Every verdict is the same from the printed and the computed interval." if agree
        else "Some verdicts differ between the printed and the computed interval.",
        "The variation is derived from the width of the printed interval. Each row of the verdict: "
        "her2path show biosimilar_evidence. Sources: --json.",
    ]  # fmt: skip


def _remembered(each: Comparison) -> bool:
    return any(citation.verified == "remembered" for citation in each.citations)


def published_panels(responses: Sequence[Comparison], concentrations: Sequence[Comparison]) -> list[Panel]:
    """The forest plot of the published trials; a comparison whose bounds were not seen is left out."""
    return [
        _panel(scale, tuple(row for each in chosen if each.scale == scale and (row := _forest_row(each))))
        for scale, chosen in ((RATIO, responses), (DIFFERENCE, responses), (GEOMETRIC, concentrations))
    ]


def _forest_row(each: Comparison) -> ForestRow | None:
    estimate, lower, upper = each.printed
    if lower is None or upper is None:
        return None
    printed = (estimate, lower, upper)
    computed = each.computed and (each.computed.estimate, each.computed.lower, each.computed.upper)
    word = _word(each.printed_verdict.word, each.printed_verdict.possible)
    return ForestRow(
        f"{each.code}, {each.endpoint}", computed or printed, (each.margin.lower, each.margin.upper), word,
        _wanted(word), each.level, printed if computed else None,
    )  # fmt: skip


def _panel(scale: str, rows: tuple[ForestRow, ...]) -> Panel:
    return Panel(*_PANELS[scale], rows, scale != DIFFERENCE)


def _wanted(word: str) -> bool | None:
    return None if word == "not judged" else word in SHOWN


def file_text(data: TrialData, found: Sequence[Found], usual_levels: bool = False) -> str:
    """What a file shows, with the unknown rows counted and named; `usual_levels` where no level was asked for."""
    lines = [f"{data.path}: {data.column}, compared with {data.reference!r}", ""]
    head = ("test", "reference", "scale", "interval", "level", "margin", "p lower, upper", "shows", "reading")
    rows = [
        (
            f"{each.test}: {each.arms[0]}", f"{each.reference}: {each.arms[1]}", each.interval.scale,
            _interval(each.interval.scale, each.interval.estimate, each.interval.lower, each.interval.upper),
            f"{100 * each.interval.level:.0f} %", str(each.margin), ", ".join(map(_p_value, each.p_values)),
            _word(each.verdict.word, each.verdict.possible), each.reading,
        )
        for each in found
    ]  # fmt: skip
    lines += table([head, *rows])
    lines += ["", "Method: " + ", ".join(dict.fromkeys(f"{e.interval.method} ({e.interval.scale})" for e in found))]
    if usual_levels and data.endpoint == RESPONSE:
        ratio, difference = (f"{100 * usual_level(scale):.0f} %" for scale in (RATIO, DIFFERENCE))
        lines.append(f"Usual level: {ratio} for a ratio (FDA), {difference} for a difference (EMA), as for MYL-1401O")
    if data.unknown:
        lines.append(f"Not used: {len(data.unknown)} values that are not known")
        lines += [f"  {each}" for each in data.unknown[:_UNKNOWN_LISTED]]
        more = len(data.unknown) - _UNKNOWN_LISTED
        lines += [f"  and {more} more (--json lists all)"] if more > 0 else []
    if any(each.verdict.word == "not judged" for each in found):
        lines.append(
            "No margin was given, so that nothing is judged; say --scale and --margin as the protocol has them."
        )
    return "\n".join(lines)


def file_json(data: TrialData, found: Sequence[Found]) -> dict[str, Any]:
    """What a file shows, as JSON."""
    return {
        "file": str(data.path), "endpoint": data.endpoint, "column": data.column, "reference": data.reference,
        "comparisons": [each.as_json() for each in found],
        "unknown": [{"row": each.row, "arm": each.arm, "why": each.why} for each in data.unknown],
    }  # fmt: skip


def file_panels(found: Sequence[Found]) -> list[Panel]:
    """The forest plot of a file."""
    panels = []
    for scale in dict.fromkeys(each.interval.scale for each in found):
        rows = []
        for each in (one for one in found if one.interval.scale == scale):
            word = _word(each.verdict.word, each.verdict.possible)
            extra = "" if each.reading.startswith("known") else ", unknown as no"
            interval = (each.interval.estimate, each.interval.lower, each.interval.upper)
            margin = (each.margin.lower, each.margin.upper)
            label = f"{each.test} v {each.reference}{extra}"
            rows.append(ForestRow(label, interval, margin, word, _wanted(word), each.interval.level))
        panels.append(_panel(scale, tuple(rows)))
    return panels


def power_text(
    endpoint: str, found: Power, given: dict[str, Any], assumed: dict[str, Any], margin: Margin, level: float,
    seed: int, searched: bool,
) -> str:  # fmt: skip
    """The power in words, with what was assumed."""
    lines = []
    if searched:
        lines.append(f"Patients in each arm: {found.patients:,} ({2 * found.patients:,} together), found by halving")
    else:
        lines.append(f"Patients in each arm: {found.patients:,} ({2 * found.patients:,} together)")
    lines.append(
        f"Power: {100 * found.power:.1f} % (95 % interval of the simulation {100 * found.lower:.1f} to "
        f"{100 * found.upper:.1f} %)"
    )
    lines.append(
        f"Of {found.trials:,} simulated trials ({endpoint}, seed {seed}) the {100 * level:.0f} % interval shows:"
    )
    lines += [f"  {count:>9,}  {word}" for word, count in found.shown.items()]
    for title, values in (("Given", given), ("Assumed", assumed)):
        if values:
            lines.append(f"{title}: " + "; ".join(f"{name} {value}" for name, value in values.items()))
    lines.append(f"Margin {margin}; two parallel arms of equal size, nobody lost; a bound on its margin is inside.")
    return "\n".join(lines)


def power_json(
    endpoint: str, found: Power, given: dict[str, Any], assumed: dict[str, Any], margin: Margin, level: float,
    seed: int, searched: bool,
) -> str:  # fmt: skip
    """The power as JSON."""
    said = {
        "endpoint": endpoint, **found.as_json(), "searched": searched,
        "margin": {"lower": margin.lower, "upper": margin.upper}, "level": level, "seed": seed,
        "given": given, "assumed": assumed,
    }  # fmt: skip
    return json.dumps(said, indent=2, ensure_ascii=False)


def table(rows: Sequence[Sequence[str]]) -> list[str]:
    """Rows of cells as aligned lines; the first row is the head."""
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return [lines[0], "  ".join("-" * width for width in widths), *lines[1:]]


def _interval(scale: str, estimate: float, lower: float, upper: float) -> str:
    digits = 2 if scale == DIFFERENCE else 3
    return f"{estimate:.{digits}f} ({lower:.{digits}f} to {upper:.{digits}f})"


def _printed(each: Comparison) -> str:
    estimate, lower, upper = each.printed
    if lower is None or upper is None:
        return "not seen"
    return ("" if estimate is None else f"{estimate:g} ") + f"({lower:g} to {upper:g})"


def _p_value(value: float | None) -> str:
    if value is None:
        return "-"
    return "<0.0001" if value < 0.0001 else f"{value:.4f}"


def _word(word: str | None, possible: tuple[str, ...]) -> str:
    return word or "cannot be told: " + " or ".join(possible)
