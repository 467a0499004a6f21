"""Pictures of courses: policies side by side, and LVEF over time with the share on hold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .style import COLOURS, GREY, FloatArray, figures, save, style

PANELS_A_ROW = 3


@dataclass(frozen=True, slots=True)
class PolicyPanel:
    """One measure of a comparison: its words and unit, and (mean, low, high) of each policy."""

    words: str
    unit: str
    values: Sequence[tuple[float, float, float]]


@dataclass(frozen=True, slots=True)
class Fan:
    """LVEF over time: percentiles (5, 25, 50, 75, 95) of the true LVEF (5 x times), and the share on hold.

    `seen_days` and `seen` are the days of measured LVEFs with their 5th, 50th and 95th percentile (3 x days).
    """

    days: FloatArray
    true: FloatArray
    on_hold: FloatArray
    seen_days: FloatArray
    seen: FloatArray


def draw_policies(names: Sequence[str], panels: Sequence[PolicyPanel], title: str, path: Path) -> None:
    """A small panel for each measure, a line for each policy: the mean and its 95 % interval."""
    rows = -(-len(panels) // PANELS_A_ROW)
    with style():
        height = rows * (0.75 + 0.33 * len(names)) + 0.8
        drawn, grid = figures(rows, PANELS_A_ROW, 12.5, height)
        places = np.arange(len(names))[::-1]
        for number, axes in enumerate(axes for line in grid for axes in line):
            if number >= len(panels):
                axes.set_axis_off()
                continue
            panel = panels[number]
            for place, (mean, low, high), colour in zip(places, panel.values, _colours(len(names)), strict=True):
                axes.plot([low, high], [place, place], color=colour, linewidth=3, solid_capstyle="butt", alpha=0.45)
                axes.plot([mean], [place], "o", color=colour, markersize=6)
                axes.annotate(
                    f"{mean:.3g}", (mean, place), xytext=(0, 6), textcoords="offset points", ha="center", fontsize=8
                )
            highest = max((high if np.isfinite(high) else mean) for mean, _, high in panel.values)
            lowest = min(mean for mean, _, _ in panel.values)
            least = 0.0 if lowest < 0.6 * highest else lowest - 0.6 * (highest - lowest) - 0.01 * highest
            axes.set_xlim(least, highest + 0.18 * (highest - least) + 1e-9)
            axes.set_ylim(-0.6, len(names) - 0.3)
            axes.set_title(panel.words, fontsize=10)
            axes.set_xlabel(panel.unit, fontsize=9)
            axes.grid(axis="x")
            axes.set_yticks(places, names if number % PANELS_A_ROW == 0 else [""] * len(names), fontsize=9)
            axes.tick_params(axis="y", length=0)
        drawn.suptitle(title, fontsize=12, x=0.01, ha="left")
        save(drawn, path)


def _colours(count: int) -> list[str]:
    return [COLOURS[number % len(COLOURS)] for number in range(count)]


def draw_fan(fan: Fan, limit: float, title: str, path: Path) -> None:
    """The true LVEF as bands, what was measured as bars, and below it the share of patients on hold."""
    with style():
        drawn, ((upper,), (lower,)) = figures(2, 1, 9, 6, sharex=True, height_ratios=[3, 1])
        weeks = fan.days / 7
        upper.fill_between(weeks, fan.true[0], fan.true[4], color=COLOURS[0], alpha=0.15, label="true, 5 to 95 %")
        upper.fill_between(weeks, fan.true[1], fan.true[3], color=COLOURS[0], alpha=0.3, label="true, 25 to 75 %")
        upper.plot(weeks, fan.true[2], color=COLOURS[0], label="true, median")
        low, middle, high = fan.seen
        upper.errorbar(
            fan.seen_days / 7,
            middle,
            yerr=[middle - low, high - middle],
            fmt="o",
            color=COLOURS[1],
            markersize=4,
            linewidth=1.2,
            capsize=3,
            label="measured, 5 to 95 %",
        )
        upper.axhline(limit, color=GREY, linestyle="--", linewidth=1)
        upper.annotate(
            "lower limit of normal",
            (weeks[-1], limit),
            xytext=(0, 4),
            textcoords="offset points",
            ha="right",
            color=GREY,
            fontsize=9,
        )
        upper.set_ylabel("LVEF (%)")
        upper.set_title(title)
        upper.legend(loc="upper right", ncols=4, fontsize=8.5)
        bottom = min(float(np.nanmin(low)) if low.size else 40.0, float(np.nanmin(fan.true[0])))
        top = max(float(np.nanmax(high)) if high.size else 70.0, float(np.nanmax(fan.true[4])))
        upper.set_ylim(bottom - 2, top + 5)
        lower.fill_between(weeks, 0, 100 * fan.on_hold, color=COLOURS[4], step="mid", alpha=0.8)
        lower.set_ylabel("on hold (%)")
        lower.set_xlabel("weeks since the first dose of trastuzumab")
        lower.set_ylim(0, None)
        for axes in (upper, lower):
            axes.grid(axis="y")
            axes.set_xlim(0, weeks[-1])
        save(drawn, path)
