"""A forest plot of equivalence: each interval against its own margins, with the verdict in words.

One panel for each scale, because a ratio and a difference share no axis. The shaded bar behind a row lies between its
margins; where a printed and a computed interval are both there, the printed one is drawn thin above the other.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .style import COLOURS, GREY, figures, style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INSIDE, OUTSIDE = COLOURS[0], COLOURS[1]
_BETWEEN = "#d9e6ef"
_ROW_INCHES, _PANEL_INCHES, _MOST_LABEL = 0.34, 0.95, 48
_NUMBERS_POINTS, _VERDICT_POINTS = 8, 155
"""How far to the right of the axes the numbers and the verdict stand."""


@dataclass(frozen=True, slots=True)
class ForestRow:
    """One row: `interval` and `printed` are (estimate, lower, upper), the estimate `None` where there is none.

    `inside` says whether the verdict is what the trial wanted, `None` where nothing was judged.
    """

    label: str
    interval: tuple[float | None, float, float]
    margin: tuple[float | None, float | None]
    verdict: str
    inside: bool | None
    level: float
    printed: tuple[float | None, float, float] | None = None


@dataclass(frozen=True, slots=True)
class ForestPanel:
    """The rows of one scale. `logarithmic` for ratios, drawn so that 0.8 and 1.25 are equally far from 1."""

    title: str
    axis: str
    rows: tuple[ForestRow, ...]
    logarithmic: bool

    @property
    def nothing(self) -> float:
        """Where both arms are alike."""
        return 1.0 if self.logarithmic else 0.0


def forest(panels: list[ForestPanel], title: str = "") -> Figure:
    """Draw the panels below each other; see `style.save`. Raises `AskedWrongly` where matplotlib is not installed."""
    with style():
        return _forest(panels, title)


def _forest(panels: list[ForestPanel], title: str) -> Figure:
    heights = [len(panel.rows) * _ROW_INCHES + _PANEL_INCHES for panel in panels]
    drawn, grid = figures(len(panels), 1, 11.5, sum(heights) + 0.5, height_ratios=heights)
    for (axes,), panel in zip(grid, panels, strict=True):
        _panel(axes, panel)
    if title:
        drawn.suptitle(_literal(title), x=0.01, ha="left", fontsize=12, fontweight="bold")
    _legend(drawn, any(row.printed for panel in panels for row in panel.rows))
    return drawn


def _panel(axes: Axes, panel: ForestPanel) -> None:
    low, high = _span(panel)
    if panel.logarithmic:
        axes.set_xscale("log")
    axes.set_xlim(low, high)
    places = range(len(panel.rows) - 1, -1, -1)
    for place, row in zip(places, panel.rows, strict=True):
        _row(axes, place, row, (low, high), panel.logarithmic)
    axes.axvline(panel.nothing, color=GREY, linewidth=0.9, zorder=1)
    axes.set_ylim(-0.6, len(panel.rows) - 0.4)
    axes.set_yticks(list(places), [_shortened(row.label) for row in panel.rows])
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.set_title(panel.title, fontweight="bold")
    axes.set_xlabel(panel.axis)
    _ticks(axes, panel, low, high)


def _row(axes: Axes, place: int, row: ForestRow, span: tuple[float, float], logarithmic: bool) -> None:
    from matplotlib.patches import Rectangle

    left, right = (edge if bound is None else bound for bound, edge in zip(row.margin, span, strict=True))
    if row.margin != (None, None):
        axes.add_patch(Rectangle((left, place - 0.4), right - left, 0.8, color=_BETWEEN, linewidth=0, zorder=0))
        for bound in (margin_bound for margin_bound in row.margin if margin_bound is not None):
            axes.plot([bound, bound], [place - 0.4, place + 0.4], color=GREY, linewidth=1.1, zorder=1)
    colour = GREY if row.inside is None else INSIDE if row.inside else OUTSIDE
    marker = "s" if row.inside else "D" if row.inside is not None else "o"
    lower_place = place - 0.12 if row.printed else place
    _interval(axes, lower_place, row.interval, colour=colour, marker=marker, width=2.4, size=6, filled=True)
    if row.printed:
        _interval(axes, place + 0.2, row.printed, colour="#222222", marker=marker, width=0.9, size=3.6, filled=False)
    for text, points, shade, weight in (
        (_interval_words(row, logarithmic), _NUMBERS_POINTS, "#333333", "normal"),
        (row.verdict, _VERDICT_POINTS, colour, "bold"),
    ):
        axes.annotate(
            text,
            (1, place),
            xycoords=("axes fraction", "data"),
            xytext=(points, 0),
            textcoords="offset points",
            va="center",
            fontsize=9,
            color=shade,
            fontweight=weight,
            annotation_clip=False,
        )


def _interval(
    axes: Axes,
    place: float,
    interval: tuple[float | None, float, float],
    *,
    colour: str,
    marker: str,
    width: float,
    size: float,
    filled: bool,
) -> None:
    estimate, lower, upper = interval
    axes.plot([lower, upper], [place, place], color=colour, linewidth=width, solid_capstyle="butt", zorder=2)
    if estimate is not None:
        face = colour if filled else "white"
        axes.plot(
            [estimate],
            [place],
            marker=marker,
            markersize=size,
            markerfacecolor=face,
            markeredgecolor=colour,
            linestyle="none",
            zorder=3,
        )


def _span(panel: ForestPanel) -> tuple[float, float]:
    """The ends of the axis: all bounds and margins with some room, and both arms alike."""
    intervals = [interval for row in panel.rows for interval in (row.interval, row.printed) if interval]
    ends = [bound for interval in intervals for bound in interval[1:]]
    ends += [bound for row in panel.rows for bound in row.margin if bound is not None]
    low, high = min(*ends, panel.nothing), max(*ends, panel.nothing)
    if panel.logarithmic:
        return low / 1.06, high * 1.06
    room = 0.06 * (high - low)
    return low - room, high + room


def _ticks(axes: Axes, panel: ForestPanel, low: float, high: float) -> None:
    from matplotlib.ticker import FixedLocator, FuncFormatter, NullFormatter, NullLocator

    if not panel.logarithmic:
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:+.0f}" if value else "0"))
        return
    choices = (0.1, 0.2, 0.3, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.1, 1.25, 1.4, 1.6, 2.0, 3.0, 5.0, 10.0)
    axes.xaxis.set_major_locator(FixedLocator([tick for tick in choices if low <= tick <= high]))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_minor_formatter(NullFormatter())


def _legend(drawn: Figure, printed: bool) -> None:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    handles: list[Any] = [
        Line2D([], [], color=INSIDE, marker="s", markersize=6, linewidth=2.4, label="shows what the trial wanted"),
        Line2D([], [], color=OUTSIDE, marker="D", markersize=6, linewidth=2.4, label="passes a margin"),
        Line2D([], [], color=GREY, marker="o", markersize=6, linewidth=2.4, label="not judged: no margin known"),
        Patch(color=_BETWEEN, label="between the margins"),
    ]
    if printed:
        thin = Line2D([], [], color="#222222", marker="s", markersize=3.6, markerfacecolor="white", linewidth=0.9)
        thin.set_label("as printed")
        handles.append(thin)
    drawn.legend(handles=handles, loc="outside lower left", ncols=len(handles), fontsize=9, frameon=False)


def _interval_words(row: ForestRow, logarithmic: bool) -> str:
    digits = 3 if logarithmic else 1
    estimate, lower, upper = row.interval
    estimate_words = "" if estimate is None else f"{estimate:.{digits}f} "
    return f"{estimate_words}({lower:.{digits}f} to {upper:.{digits}f}), {100 * row.level:.0f} %"


def _shortened(label: str) -> str:
    short = label if len(label) <= _MOST_LABEL else label[: _MOST_LABEL - 1] + "…"
    return _literal(short)


def _literal(text: str) -> str:
    """Text in which a dollar sign starts no formula."""
    return text.replace("$", r"\$")
