"""Pictures of exposure: concentration over a course and its washout, for a population and for one patient.

On the left the course with its doses, on the right the time after the last dose on a logarithmic scale, with the line
at 1 mg/L. Concentrations in mg/L; days count from the first dose.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ...facts.days import DAYS_A_MONTH
from .style import BLUE, GREY, ORANGE, FloatArray, figures, style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LEAST_SHOWN = 0.1
"""mg/L; the logarithmic axis ends here."""
MOST_DATES = 6
"""On an axis; more would touch."""


@dataclass(frozen=True, slots=True)
class ShownLevel:
    """A measured level: day from the first dose, mg/L, and whether only an upper limit is known."""

    day: float
    mg_per_l: float
    below: bool = False


@dataclass(slots=True)
class Shown:
    """What a picture shows: percentiles (5, 25, 50, 75, 95) over `days`, the doses, and what belongs to one patient.

    `gone` are the days after the last dose at which the concentration falls below `line_mg_per_l` (5, 50 and 95 %);
    `start` is the date of the first dose, with which the axes show dates; `before` is the prediction without levels.
    """

    title: str
    who: str
    days: FloatArray
    bands: Mapping[int, FloatArray]
    dose_days: Sequence[float]
    line_mg_per_l: float
    seven_months_days: float
    gone: tuple[float, float, float] | None = None
    levels: Sequence[ShownLevel] = ()
    start: dt.datetime | None = None
    contraception_until: dt.date | None = None
    before: FloatArray | None = None
    odd_doses: Mapping[float, str] = field(default_factory=dict)
    missed_days: Sequence[float] = ()
    spread: bool = True


def exposure_picture(shown: Shown) -> Figure:
    """The picture; it is written by `style.save`. Raises `AskedWrongly` where matplotlib is not installed."""
    with style():
        drawn, grid = figures(1, 2, 11.5, 4.9, width_ratios=(1.25, 1))
        course, washout = grid[0]
        _course(course, shown)
        _washout(washout, shown)
        drawn.suptitle(shown.title, x=0.01, ha="left", fontsize=12, fontweight="bold")
        _legend(drawn, shown)
    return drawn


def _course(axes: Axes, shown: Shown) -> None:
    last = shown.dose_days[-1]
    gaps = np.diff(shown.dose_days)
    end = last + (float(np.median(gaps)) if len(gaps) else 21.0)
    here = shown.days <= end
    _draw_bands(axes, shown, here, shown.days[here])
    top = float(max(shown.bands[95][here].max(), *[level.mg_per_l for level in shown.levels], 1.0))
    axes.set_ylim(0, top * 1.12)
    axes.set_xlim(-0.01 * end, end * 1.01)
    usual = [day for day in shown.dose_days if day not in shown.odd_doses]
    marks = ((usual, GREY, "v"), (list(shown.odd_doses), ORANGE, "v"), (list(shown.missed_days), ORANGE, "x"))
    for days, colour, marker in marks:
        # A line without points would still take room at the corner of the figure.
        if days:
            axes.plot(
                days,
                [1.0] * len(days),
                transform=axes.get_xaxis_transform(),
                linestyle="none",
                marker=marker,
                markersize=5.5,
                markeredgewidth=1.6 if marker == "x" else 0,
                color=colour,
                clip_on=False,
                zorder=4,
            )
    _draw_levels(axes, shown, 0.0)
    axes.set_title("Course", pad=20)
    axes.set_ylabel("concentration, mg/L")
    axes.grid(axis="y")
    axes.set_axisbelow(True)
    _days_axis(axes, shown, 0.0, "days from the first dose")


def _washout(axes: Axes, shown: Shown) -> None:
    last = shown.dose_days[-1]
    here = shown.days >= last
    after = shown.days[here] - last
    axes.set_yscale("log")
    _draw_bands(axes, shown, here, after)
    end = _washout_end(shown, float(after[-1]))
    axes.set_xlim(0, end)
    axes.set_ylim(LEAST_SHOWN, float(shown.bands[95][here].max()) * 1.6)
    axes.axhline(shown.line_mg_per_l, color=ORANGE, linewidth=1.2, zorder=3)
    axes.annotate(
        f"{shown.line_mg_per_l:g} mg/L",
        (1, shown.line_mg_per_l),
        xycoords=("axes fraction", "data"),
        xytext=(4, 0),
        textcoords="offset points",
        ha="left",
        va="center",
        fontsize=9,
        color=ORANGE,
        annotation_clip=False,
    )
    _draw_limits(axes, shown, end)
    if shown.gone is not None:
        _draw_gone(axes, shown, end)
    _draw_levels(axes, shown, last)
    axes.set_title("After the last dose", pad=20)
    if shown.gone is not None:
        axes.annotate(
            _gone_words(shown),
            (0, 1),
            xycoords="axes fraction",
            xytext=(0, 6),
            textcoords="offset points",
            ha="left",
            va="bottom",
            fontsize=9,
            color=ORANGE,
            annotation_clip=False,
        )
    axes.set_ylabel("concentration, mg/L")
    axes.grid(axis="y")
    axes.set_axisbelow(True)
    _plain_numbers(axes)
    _days_axis(axes, shown, last, "days after the last dose")


def _washout_end(shown: Shown, most: float) -> float:
    """Far enough for the seven months and for the contraception, not beyond what was simulated."""
    wanted = shown.seven_months_days
    if shown.gone is not None and np.isfinite(shown.gone[2]):
        wanted = max(wanted, shown.gone[2])
    return max(min(most, wanted * 1.12), 1.0)


def _draw_bands(axes: Axes, shown: Shown, here: npt.NDArray[np.bool_], days: FloatArray) -> None:
    bands = {p: np.maximum(values[here], LEAST_SHOWN / 100) for p, values in shown.bands.items()}
    if shown.spread:
        axes.fill_between(days, bands[5], bands[95], color=BLUE, alpha=0.16, linewidth=0, zorder=1)
        axes.fill_between(days, bands[25], bands[75], color=BLUE, alpha=0.28, linewidth=0, zorder=1)
    axes.plot(days, bands[50], color=BLUE, linewidth=1.5, zorder=3)
    if shown.before is not None:
        axes.plot(
            days,
            np.maximum(shown.before[here], LEAST_SHOWN / 100),
            color=GREY,
            linewidth=1,
            linestyle=(0, (4, 2)),
            zorder=2,
        )


def _draw_levels(axes: Axes, shown: Shown, from_day: float) -> None:
    for level in shown.levels:
        if level.day < from_day:
            continue
        place = level.day - from_day
        axes.plot(
            [place],
            [level.mg_per_l],
            marker="v" if level.below else "o",
            markersize=7,
            linestyle="none",
            color="#111111",
            markerfacecolor="white" if level.below else "#111111",
            markeredgewidth=1.4,
            zorder=6,
        )


def _draw_limits(axes: Axes, shown: Shown, end: float) -> None:
    """The seven months of the label, or the day until which contraception is needed, upright with its words."""
    place, words = shown.seven_months_days, "7 months"
    if shown.contraception_until is not None and shown.start is not None:
        last = (shown.start + dt.timedelta(days=shown.dose_days[-1])).date()
        place = float((shown.contraception_until - last).days)
        words = f"contraception until\n{shown.contraception_until}"
    if not 0 < place <= end:
        return
    axes.axvline(place, color=GREY, linewidth=1.2, linestyle=(0, (1, 1.5)), zorder=2)
    axes.annotate(
        words,
        (place, 0.98),
        xycoords=("data", "axes fraction"),
        xytext=(-4, 0),
        textcoords="offset points",
        ha="right",
        va="top",
        fontsize=9,
        color=GREY,
    )


def _draw_gone(axes: Axes, shown: Shown, end: float) -> None:
    assert shown.gone is not None
    low, middle, high = (min(day, end) for day in shown.gone)
    line = shown.line_mg_per_l
    axes.plot([low, high], [line, line], color=ORANGE, linewidth=5, alpha=0.45, solid_capstyle="butt", zorder=4)
    if shown.gone[1] <= end:
        axes.plot([middle], [line], marker="D", markersize=7, color=ORANGE, zorder=7)


def _gone_words(shown: Shown) -> str:
    assert shown.gone is not None

    def day_words(days: float) -> str:
        if not np.isfinite(days):
            return "later"
        if shown.start is None:
            return f"{days:.0f} d"
        return str((shown.start + dt.timedelta(days=shown.dose_days[-1] + days)).date())

    low, middle, high = map(day_words, shown.gone)
    words = f"below {shown.line_mg_per_l:g} mg/L: {middle}"
    return f"{words} (5 to 95 %: {low} to {high})" if shown.spread else words


def _days_axis(axes: Axes, shown: Shown, from_day: float, words: str) -> None:
    """Days, or dates where they are known; few enough not to touch."""
    if shown.start is None:
        from matplotlib.ticker import MaxNLocator

        axes.xaxis.set_major_locator(MaxNLocator(7, steps=[1, 2, 3, 5, 10], integer=True))
        axes.set_xlabel(words)
        return
    begin = shown.start + dt.timedelta(days=from_day)
    low, high = axes.get_xlim()
    months = max(1, int(np.ceil((high - low) / DAYS_A_MONTH / MOST_DATES)))
    first = dt.date(begin.year, begin.month, 1)
    places, labels = [], []
    for number in range(0, 1200, months):
        month = first.month - 1 + number
        day = dt.datetime(first.year + month // 12, month % 12 + 1, 1)
        place = (day - begin).total_seconds() / 86400
        if place > high:
            break
        if place >= low:
            places.append(place)
            labels.append(day.strftime("%Y-%m"))
    axes.set_xticks(places, labels)
    axes.set_xlim(low, high)
    axes.set_xlabel(f"date (last dose on {begin.date()})" if from_day else "date")


def _plain_numbers(axes: Axes) -> None:
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    axes.yaxis.set_major_locator(LogLocator(10, subs=(1.0,)))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.yaxis.set_minor_formatter(NullFormatter())


def _legend(drawn: Figure, shown: Shown) -> None:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    handles: list[Any] = [Line2D([], [], color=BLUE, linewidth=1.5, label="median" if shown.spread else "typical")]
    if shown.spread:
        handles += [
            Patch(color=BLUE, alpha=0.44, linewidth=0, label="25 to 75 %"),
            Patch(color=BLUE, alpha=0.16, linewidth=0, label="5 to 95 %"),
        ]
    if shown.before is not None:
        dashes = Line2D([], [], color=GREY, linewidth=1, linestyle=(0, (4, 2)))
        dashes.set_label("typical, without levels")
        handles.append(dashes)
    if any(not level.below for level in shown.levels):
        handles.append(Line2D([], [], color="#111111", marker="o", linestyle="none", label="measured"))
    if any(level.below for level in shown.levels):
        mark = Line2D([], [], color="#111111", marker="v", markerfacecolor="white", linestyle="none")
        mark.set_label("below the limit of quantification")
        handles.append(mark)
    handles.append(Line2D([], [], color=GREY, marker="v", markersize=5, linestyle="none", label="dose"))
    for words in dict.fromkeys(shown.odd_doses.values()):
        handles.append(Line2D([], [], color=ORANGE, marker="v", markersize=5.5, linestyle="none", label=words))
    if shown.missed_days:
        handles.append(Line2D([], [], color=ORANGE, marker="x", markersize=6, linestyle="none", label="missed dose"))
    drawn.legend(
        handles=handles,
        loc="outside lower left",
        ncols=len(handles),
        fontsize=9,
        frameon=False,
        alignment="left",
        title=f"{shown.who}. Simulated; nobody clinical has reviewed the model.",
        title_fontsize=9,
    )
