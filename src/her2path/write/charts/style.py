"""Charts in one style: readable, told apart without colour vision, and the same bytes for the same content.

matplotlib draws them; it comes with the extra `simulate` and is imported only when a chart is asked for. No window
is ever opened: a figure is made by itself and written to a file.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ...facts.problem import AskedWrongly
from ..output import telling, whole

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FloatArray = npt.NDArray[np.float64]

COLOURS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9"]
"""Six colours of Okabe and Ito (https://jfly.uni-koeln.de/color/) that stay apart with any colour vision."""
BLUE, ORANGE = COLOURS[0], COLOURS[1]
GREY = "#6b6b6b"
PIXELS_PER_INCH = 150
ENDINGS = (".png", ".svg")

_STYLE: Any = {
    "font.family": "DejaVu Sans",  # comes with matplotlib, so that a picture is the same on every machine
    "font.size": 10,
    "axes.titlesize": 11,
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": GREY,
    "axes.linewidth": 0.8,
    "xtick.color": "#333333",
    "ytick.color": "#333333",
    "grid.color": "#dddddd",
    "grid.linewidth": 0.6,
    "legend.frameon": False,
    "lines.linewidth": 1.8,
    "svg.hashsalt": "her2path",
    "svg.fonttype": "path",
}


@contextmanager
def style() -> Iterator[None]:
    """The project's style for everything drawn inside: `with style(): drawn, axes = figure(); axes.set_title(...)`.

    The user's own settings of matplotlib are left out, so that a chart looks the same everywhere, and stand again
    afterwards. Raises `AskedWrongly` where matplotlib is not installed.
    """
    try:
        import matplotlib as mpl
        from cycler import cycler
    except ImportError as error:
        raise AskedWrongly("charts need matplotlib: pip install 'her2path[simulate]'") from error
    # What says where and how to show windows is not style, and stays the user's.
    user_settings = ("backend", "backend_fallback", "interactive", "toolbar")
    plain = {name: value for name, value in mpl.rcParamsDefault.items() if name not in user_settings}
    with mpl.rc_context({**plain, **_STYLE, "axes.prop_cycle": cycler(color=COLOURS)}):
        yield


def figure(width_inches: float = 8, height_inches: float = 4.5) -> tuple[Figure, Axes]:
    """An empty figure with one pair of axes; draw on it inside `style()`. Raises `AskedWrongly` as `style` does."""
    drawn, grid = figures(1, 1, width_inches, height_inches)
    return drawn, grid[0][0]


def figures(
    rows: int, columns: int, width_inches: float = 8, height_inches: float = 4.5, **options: Any
) -> tuple[Figure, list[list[Axes]]]:
    """An empty figure with `rows` times `columns` axes, as a list of rows.

    `options` go to `Figure.subplots` (`sharex`, `width_ratios`). Raises `AskedWrongly` where matplotlib is missing.
    """
    with style():
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure

        drawn = Figure(figsize=(width_inches, height_inches), dpi=PIXELS_PER_INCH, layout="constrained")
        FigureCanvasAgg(drawn)
        grid = drawn.subplots(rows, columns, squeeze=False, **options)
    return drawn, [list(row) for row in grid]


def save(drawn: Figure, path: Path) -> None:
    """Write a figure to a .png or .svg file; the same figure gives the same bytes.

    Raises `AskedWrongly` for another ending, or where the file cannot be written.
    """
    ending = require_ending(path)
    # Neither the day nor the version of the drawing library goes into the file.
    metadata: dict[str, Any] = {"Date": None, "Creator": None} if ending == ".svg" else {"Software": None}
    with whole(path) as beside, telling(path), style():
        drawn.savefig(beside, format=ending[1:], metadata=metadata, facecolor="white")


def require_ending(path: Path) -> str:
    """The ending of a chart's file. Raises `AskedWrongly` for one that is not .png or .svg; ask before long work."""
    ending = path.suffix.lower()
    if ending not in ENDINGS:
        raise AskedWrongly(f"{path}: a chart ends in .png or .svg, not {ending or 'nothing'}")
    return ending
