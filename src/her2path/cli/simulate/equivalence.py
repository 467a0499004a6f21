"""The commands `equivalence` and `simulate trial`: published trials, a trial as a file, and power.

The statistics need SciPy and NumPy, which come with the extra `simulate`; they are imported when a command runs.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ...facts.problem import PARTLY_READ, AskedWrongly
from ...write.output import require_outputs
from ...write.plain import plain
from ..options import form_option

if TYPE_CHECKING:
    from ...simulate.equivalence.power import Power, Truth
    from ...simulate.equivalence.responses import Margin
    from ...write.charts.forest import ForestPanel

_margin_option = click.option(
    "--margin", nargs=2, metavar="LOWER UPPER", help="The margin; - for no bound. Differences in percent points."
)


@click.command()
@click.argument("file", required=False, type=click.Path(path_type=Path))
@click.option("--reference", default="", metavar="ARM", help="The arm that the others are compared with.")
@click.option("--endpoint", type=click.Choice(["response", "concentration"]), help="What FILE holds.")
@click.option("--column", default="", help="The column of FILE that holds it.")
@_margin_option
@click.option("--scale", type=click.Choice(["ratio", "difference"]), help="Compare responses by this scale only.")
@click.option("--level", type=float, help="The level of the interval, such as 0.90.")
@click.option("--method", default="", help="The method of the interval of responses.")
@click.option("--design", type=click.Choice(["parallel", "crossover"]), default="parallel", show_default=True)
@click.option("--non-inferior", is_flag=True, help="Use the lower margin alone.")
@form_option
@click.option("--chart", type=click.Path(path_type=Path), help="Draw a forest plot to a .png or .svg file.")
def equivalence(
    file: Path | None, reference: str, endpoint: str | None, column: str, margin: tuple[str, str] | None,
    scale: str | None, level: float | None, method: str, design: str, non_inferior: bool, as_json: bool,
    chart: Path | None,
) -> None:  # fmt: skip
    """Is it equivalent? The published trials, or a trial of your own.

    Without FILE: every published trial of a trastuzumab biosimilar, its printed interval beside the one computed from
    the counts, its margin and what it shows. FILE is CSV or Parquet with a column arm and a response (yes or no) or a
    concentration (auc, cmax, trough; a positive number); a crossover needs a column patient, and period where known.
    """
    require_extra()
    if chart is not None:
        from ...write.charts.style import require_ending

        require_ending(chart)
        require_outputs({"--chart": chart}, file)
    if file is None:
        asked = {"--reference": reference, "--endpoint": endpoint, "--column": column, "--margin": margin,
                 "--scale": scale, "--level": level, "--method": method, "--non-inferior": non_inferior}  # fmt: skip
        if given := [name for name, value in asked.items() if value]:
            raise AskedWrongly(f"{', '.join(given)} is for the trial of a FILE; the published trials have their own")
        _published(as_json, chart)
        return
    from ...simulate.equivalence.arms import ComparisonOptions, compare_arms
    from ...simulate.equivalence.data import read_trial
    from ...simulate.equivalence.words import file_json, file_panels, file_text

    data = read_trial(file, endpoint=endpoint or "", reference=reference, design=design, column=column)
    found = compare_arms(
        data, ComparisonOptions(scale or "", margin and read_margin(margin), level, method, non_inferior)
    )
    if as_json:
        click.echo(json.dumps(file_json(data, found), indent=2, ensure_ascii=False))
    else:
        click.echo(file_text(data, found, usual_levels=level is None))
    if chart is not None:
        _draw(file_panels(found), f"{file.name}: {data.column}", chart)
    unreadable = [each for each in data.unknown if each.unreadable]
    for each in unreadable:
        click.echo(f"her2path: {plain(f'{file}: {each}')}", err=True)
    if unreadable:
        sys.exit(PARTLY_READ)


def _published(as_json: bool, chart: Path | None) -> None:
    from ...simulate.equivalence.published import concentration_comparisons, response_comparisons
    from ...simulate.equivalence.words import published_panels, published_text

    responses, concentrations = response_comparisons(), concentration_comparisons()
    if as_json:
        found = [each.as_json() for each in (*responses, *concentrations)]
        click.echo(json.dumps(found, indent=2, ensure_ascii=False))
    else:
        click.echo(published_text(responses, concentrations))
    if chart is not None:
        _draw(published_panels(responses, concentrations), "Published trials of equivalence of trastuzumab", chart)


def _draw(panels: list[ForestPanel], title: str, chart: Path) -> None:
    from ...write.charts.forest import forest
    from ...write.charts.style import save

    save(forest(panels, title), chart)
    click.echo(f"chart written to {chart}", err=True)


@click.command()
@click.option(
    "--endpoint", type=click.Choice(["pk", "response", "trough"]), default="pk", show_default=True,
    help="pk: exposure, two-sided. response: responders. trough: under the skin against infusion, lower margin alone.",
)  # fmt: skip
@click.option("--ratio", type=float, help="The true ratio, test over reference.")
@click.option("--difference", type=float, help="The true difference of responses, in percent points.")
@click.option("--cv", type=float, help="The variation between patients, a share (0.16 for 16 %).")
@click.option("--response-reference", type=float, help="The true response of the reference arm, a share.")
@click.option("--per-arm", "patients", type=int, help="Patients in each arm.")
@click.option("--power", "wanted", type=float, help="Search the fewest patients for this power, such as 0.8.")
@_margin_option
@click.option("--level", type=float, help="The level of the interval, such as 0.90.")
@click.option("--trials", type=int, default=10_000, show_default=True, help="Simulated trials.")
@click.option("--seed", type=click.IntRange(min=0), default=1, show_default=True, help="Of the random numbers.")
@form_option
def trial(
    endpoint: str, ratio: float | None, difference: float | None, cv: float | None, response_reference: float | None,
    patients: int | None, wanted: float | None, margin: tuple[str, str] | None, level: float | None, trials: int,
    seed: int, as_json: bool,
) -> None:  # fmt: skip
    """The power of a trial of equivalence, or the patients it needs, by simulation.

    Two parallel arms of equal size. What is not said is assumed from the published trials, and the answer says so.
    """
    require_extra()
    from ...simulate.equivalence.power import power, sample_size
    from ...simulate.equivalence.words import power_json, power_text

    if patients is not None and wanted is not None:
        raise AskedWrongly("give --per-arm to learn the power, or --power to learn the patients, not both")
    design = Design(endpoint, ratio, difference, cv, response_reference, margin, level)
    truth, limits, level_used = design.read()
    if patients is not None:
        found: Power = power(truth, patients, limits, level_used, trials, seed)
    else:
        target = design.taken("power wanted", wanted, 0.8)
        found = sample_size(truth, target, limits, level_used, trials, seed)
    shown = power_json if as_json else power_text
    click.echo(shown(endpoint, found, design.given, design.assumed, limits, level_used, seed, patients is None))


class Design:
    """What was asked of a simulated trial; `read` fills the rest from the model, and `assumed` says what that was."""

    def __init__(
        self, endpoint: str, ratio: float | None, difference: float | None, cv: float | None,
        response_reference: float | None, margin: tuple[str, str] | None, level: float | None,
    ) -> None:  # fmt: skip
        self.endpoint, self.ratio, self.difference, self.cv = endpoint, ratio, difference, cv
        self.response_reference, self.margin, self.level = response_reference, margin, level
        self.given: dict[str, Any] = {}
        self.assumed: dict[str, Any] = {}

    def taken(self, name: str, value: float | None, otherwise: float) -> float:
        """A number that was given, or the one assumed instead; noted either way."""
        (self.assumed if value is None else self.given)[name] = otherwise if value is None else value
        return otherwise if value is None else value

    def read(self) -> tuple[Truth, Margin, float]:
        """The truth, the margin and the level. Raises `AskedWrongly` for what does not belong to the endpoint."""
        from ...simulate.equivalence.published import MODEL
        from ...simulate.equivalence.responses import require_level
        from ...simulate.model import read_model

        model = read_model(MODEL)
        truth, prefix = self._response(model) if self.endpoint == "response" else self._concentration(model)
        usual = tuple(model[name] if (name := f"{prefix}_{side}") in model else None for side in ("lower", "upper"))
        limits = self._limits(usual, ratio=prefix != "response_difference")
        usual_level = model["response_level" if self.endpoint == "response" else "pk_level"]
        return truth, limits, require_level(self.taken("level of the interval", self.level, usual_level))

    def _response(self, model: Any) -> tuple[Truth, str]:
        from ...simulate.equivalence.power import ResponseShares
        from ...simulate.equivalence.responses import DIFFERENCE, RATIO

        if self.cv is not None:
            raise AskedWrongly("--cv belongs to concentrations; responses vary by themselves")
        if self.ratio is not None and self.difference is not None:
            raise AskedWrongly("give --ratio or --difference: the scale that the trial is judged by, not both")
        share = self.taken("response of the reference arm", self.response_reference, model["response_reference"])
        if self.ratio is not None:
            self.given["true ratio"] = self.ratio
            return ResponseShares(share * self.ratio, share, RATIO), "response_ratio"
        points = self.taken("true difference, percent points", self.difference, 0.0)
        return ResponseShares(share + points / 100, share, DIFFERENCE), "response_difference"

    def _concentration(self, model: Any) -> tuple[Truth, str]:
        from ...simulate.equivalence.power import Concentrations

        if self.difference is not None or self.response_reference is not None:
            raise AskedWrongly("--difference and --response-reference belong to --endpoint response")
        kind = self.endpoint
        ratio = self.taken("true ratio", self.ratio, model["trough_ratio"] if kind == "trough" else 1.0)
        return Concentrations(ratio, self.taken("variation between patients", self.cv, model[f"{kind}_variation"])), (
            f"{kind}_margin"
        )

    def _limits(self, usual: tuple[float | None, ...], *, ratio: bool) -> Margin:
        from ...simulate.equivalence.responses import Margin

        limits = Margin(*usual) if self.margin is None else read_margin(self.margin)
        (self.assumed if self.margin is None else self.given)["margin"] = str(limits)
        bounds = [bound for bound in (limits.lower, limits.upper) if bound is not None]
        if ratio and any(bound <= 0 for bound in bounds):
            raise AskedWrongly(f"the margin {limits} of a ratio must lie above 0, such as 0.80 1.25")
        if not ratio and bounds and max(map(abs, bounds)) < 1:
            raise AskedWrongly(f"the margin {limits} of a difference is in percent points; write -13 13")
        return limits


def read_margin(texts: tuple[str, str]) -> Margin:
    """A margin from the command line, `-` for no bound. Raises `AskedWrongly` for text that is no number."""
    from ...simulate.equivalence.responses import Margin

    bounds: list[float | None] = []
    for text in texts:
        try:
            bounds.append(None if text == "-" else float(text))
        except ValueError:
            raise AskedWrongly(f"the margin {text!r} is no number; write for example --margin 0.80 1.25") from None
    if bounds == [None, None]:
        raise AskedWrongly("a margin needs at least one bound")
    return Margin(bounds[0], bounds[1])


def require_extra() -> None:
    """Raise `AskedWrongly` where SciPy is not installed."""
    try:
        import scipy  # noqa: F401
    except ImportError as error:
        raise AskedWrongly("equivalence needs SciPy: pip install 'her2path[simulate]'") from error
