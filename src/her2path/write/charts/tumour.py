"""The chart of a tumour run: what is bound, how large the tumour is, and what each term contributes."""

from __future__ import annotations

from math import ceil, floor, log10
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .style import BLUE, GREY, ORANGE, figures, save

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis

LEAST_SHOWN_CM3 = 1e-3
"""A smaller tumour is drawn at this size: no image shows it, and the model knows no last cell."""


def draw(run: Any, scenario: frozenset[str], path: Path) -> None:
    """Draw a run of the tumour to a .png or .svg file; `scenario` names the terms whose size is one, or assumed."""
    parts = bool(run.contributions)
    drawn, grid = figures(1, 3 if parts else 2, 12.5 if parts else 8.5, 4.2)
    occupancy(grid[0][0], run)
    volumes(grid[0][1], run)
    if parts:
        contributions(grid[0][2], run, scenario)
    request = run.request
    drug = "no drug" if request.drug == "none" else f"{request.drug} {request.schedule}"
    drawn.suptitle(f"IHC {request.ihc}, {drug}, typical patient", x=0.01, ha="left", fontsize=12)
    drawn.supxlabel(
        "A scenario, not a prediction. What published data cannot fix is said with the run.",
        x=0.01,
        ha="left",
        fontsize=9,
        color=GREY,
    )
    save(drawn, path)


def occupancy(axes: Axes, run: Any) -> None:
    """HER2 that is bound: the mean of the tumour, and on cells that see the serum."""
    course = run.course
    axes.plot(
        course.times_days,
        100 * course.occupancy_at_the_vessel,
        color=GREY,
        linestyle="--",
        linewidth=1.3,
        label="cells at the vessel",
    )
    there = course.volume_cm3 >= LEAST_SHOWN_CM3
    axes.plot(course.times_days[there], 100 * course.occupancy[there], color=BLUE, label="mean of the tumour")
    axes.set(ylim=(0, 104), xlim=(0, course.times_days[-1]), xlabel="day", ylabel="HER2 bound, %")
    axes.set_title("Bound HER2 on the surface", loc="left")
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.16), ncols=2, fontsize=9, frameon=False)
    _cycles(axes, course.times_days[-1])


def volumes(axes: Axes, run: Any) -> None:
    """The tumour under the drug, as long as it can be seen, and untreated."""
    days, under = run.course.times_days, run.course.volume_cm3
    axes.plot(days, run.untreated.volume_cm3, color=GREY, linestyle="--", linewidth=1.3, label="untreated")
    if run.request.drug != "none":
        there = under >= LEAST_SHOWN_CM3
        axes.plot(days[there], under[there], color=ORANGE, label="under the drug")
    axes.set(yscale="log", xlim=(0, days[-1]), xlabel="day", ylabel="cm³")
    _decades(axes.yaxis, *axes.get_ylim())
    axes.set_title("Tumour", loc="left")
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.16), ncols=2, fontsize=9, frameon=False)
    _cycles(axes, days[-1])


def contributions(axes: Axes, run: Any, scenario: frozenset[str]) -> None:
    """The tumour at the end with each term switched off in turn."""
    end = max(float(run.course.volume_cm3[-1]), LEAST_SHOWN_CM3)
    names = [part.term for part in run.contributions]
    for row, part in enumerate(run.contributions):
        colour = ORANGE if part.term in scenario else BLUE
        without = max(part.volume_without_cm3, LEAST_SHOWN_CM3)
        axes.plot([end, without], [row, row], color=colour, linewidth=2.5, alpha=0.6)
        axes.plot(
            [without], [row], marker="D" if part.term in scenario else "o", color=colour, markersize=7, linestyle="none"
        )
    axes.axvline(end, color=GREY, linewidth=1)
    axes.set(xscale="log", yticks=range(len(names)), yticklabels=names, ylim=(len(names) - 0.5, -0.5), xlabel="cm³")
    _decades(axes.xaxis, *axes.get_xlim())
    axes.set_title("Tumour at the end without one term", loc="left")
    axes.plot([], [], marker="o", color=BLUE, linestyle="none", label="size published")
    if scenario & set(names):
        axes.plot([], [], marker="D", color=ORANGE, linestyle="none", label="scenario or assumed")
    axes.plot([], [], color=GREY, linewidth=1, label="all on")
    axes.legend(loc="upper center", bbox_to_anchor=(0.4, -0.16), ncols=3, fontsize=9, columnspacing=1.0, frameon=False)
    axes.grid(axis="x")


def _cycles(axes: Axes, last_day: float) -> None:
    """Ticks at the ends of cycles, no more than eight."""
    step = 21
    while last_day / step > 8:
        step += 21
    axes.set_xticks(range(0, int(last_day) + 1, step))
    axes.grid(axis="y")


def _decades(axis: Axis, least: float, most: float) -> None:
    """Ticks of a logarithmic axis as plain numbers: powers of ten, with 2 and 5 between them where there is room."""
    powers = range(floor(log10(least)) - 1, ceil(log10(most)) + 1)
    steps = (1, 2, 5) if most / least < 1000 else (1,)
    ticks = [step * 10.0**power for power in powers for step in steps if least <= step * 10.0**power <= most]
    axis.set_ticks(ticks, [f"{'≤ ' if tick <= LEAST_SHOWN_CM3 else ''}{tick:g}" for tick in ticks])
    axis.set_ticks([], minor=True)
