"""The command `her2path simulate truth`: what labels and trials published, side by side with the simulation."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from ..options import form_option
from .progress import progress_option, shown_progress

if TYPE_CHECKING:
    from ...simulate.exposure.fit import Fit, Percentiles
    from ...simulate.exposure.truth import TruthRow

WORDS_WIDTH = 76
FIT_WIDTH = 24


@click.command()
@click.option("--virtual-patients", "patients", type=int, default=5000, show_default=True,
             help="Virtual patients of each simulation.")  # fmt: skip
@click.option("--seed", type=click.IntRange(min=0), default=1, show_default=True, help="Of the random numbers.")
@progress_option
@form_option
def truth(patients: int, seed: int, progress_asked: bool, as_json: bool) -> None:
    """What labels and trials published, and the same number simulated, with the difference.

    What was published of many is held against virtual patients, what was published of one reference patient against
    the typical patient; medians are shown of both. Where the one that is held lies further apart than the criterion,
    the line says DIFFERS. Below, the models that could be taken for a population, beside its label.
    """
    from .exposure import require_extra

    require_extra()
    from ...simulate.exposure.fit import count_of_fits, fits
    from ...simulate.exposure.truth import Runs, count_of_rows, truth_rows

    runs = Runs(patients, seed)
    with shown_progress(count_of_rows() + count_of_fits(), progress_asked) as progress:
        rows = truth_rows(patients, seed, runs, progress)
        compared = fits(runs, progress)
    if as_json:
        told: dict[str, Any] = {"patients": patients, "seed": seed, "rows": [row.as_json() for row in rows]}
        told["models"] = [fit.as_json() for fit in compared]
        click.echo(json.dumps(told, indent=2, ensure_ascii=False))
    else:
        click.echo(truth_text(rows, patients, seed))
        for fit in compared:
            click.echo("\n" + fit_text(fit))


def truth_text(rows: list[TruthRow], patients: int, seed: int) -> str:
    """The rows by group, and how many differ."""
    lines = [
        f"population: {patients} virtual patients in each simulation, seed {seed}",
        "typical: one patient at the model's typical values, without spread",
    ]
    for group in dict.fromkeys(row.group for row in rows):
        heads = f"{'published':>11}{'population':>12}{'apart':>10}{'typical':>10}{'apart':>10}"
        heads += f"  {'held':<12}{'verdict':<9}"
        lines += ["", f"{group:<{WORDS_WIDTH}}{heads}source"]
        lines += [_line(row) for row in rows if row.group == group]
    differing = [row for row in rows if row.agrees is False]
    lines += ["", f"{len(rows)} numbers, {len(rows) - len(differing)} within the criterion, {len(differing)} not"]
    lines += _of_medians(rows)
    if rows:
        lines.append(_criteria())
        lines.append(
            "All labels' tables but that of early-breast by infusion come from the models simulated here: that the "
            "typical patient agrees shows that they are read rightly. Where the population does not, virtual patients "
            "are not those of the label (decision D100)."
        )
        lines.append("The heart beside the trials: her2path simulate heart --trials.")
    return "\n".join(lines)


def _of_medians(rows: list[TruthRow]) -> list[str]:
    """How many medians were met by the population and by the typical patient, and what chance does to the first."""
    both = [row for row in rows if row.chance is not None]
    if not both:
        return []
    population, typical = (sum(not agrees for agrees in each) for each in zip(*_verdicts(both), strict=True))
    chance = max(row.chance or 0.0 for row in both)
    return [
        f"Of the labels' {len(both)} medians the population's own differ in {population}, the typical patient's in "
        f"{typical}; by the draw alone a median of the population lies up to {chance:.1f} % off (95 %)."
    ]


def _verdicts(rows: list[TruthRow]) -> list[tuple[bool, bool]]:
    return [(bool(row.agrees), bool(row.typical_agrees)) for row in rows]


def _criteria() -> str:
    from ...simulate.exposure.truth import criteria

    model = criteria()
    return (
        f"Criteria: medians, means and ratios {model['criterion_median']:g} %, percentiles and standard deviations "
        f"{model['criterion_percentile']:g} %, shares {model['criterion_share']:g} percent points (decision D121)."
    )


def _line(row: TruthRow) -> str:
    published = f"{'>= ' if row.at_least else ''}{_number(row.published)}"
    sources = "; ".join(str(each) for each in row.citations)
    verdict = {True: "agrees", False: "DIFFERS", None: "-"}[row.agrees]
    unit = "%" if row.unit == "percent" else row.unit
    words = f"  {row.what}, {unit}" if unit != "ratio" else f"  {row.what}, ratio"
    held_is_typical = row.held != "population"
    population_apart = None if row.population is None else row.apart(row.population)
    cells = f"{published:>11}{_number(row.population):>12}{_apart(row, population_apart):>10}"
    cells += f"{_number(row.typical):>10}{_apart(row, row.typical_difference):>10}"
    held = "typical" if held_is_typical else "population"
    return f"{words:<{WORDS_WIDTH}}{cells}  {held:<12}{verdict:<9}{sources}"


def _apart(row: TruthRow, difference: float | None) -> str:
    if difference is None:
        return "-"
    return f"{difference:+.1f} " + ("pp" if row.unit == "percent" else "% ")


def _number(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def fit_text(fit: Fit) -> str:
    """The models of a population beside its label, and which is the nearest."""
    models = list(fit.factors)
    head = f"Models for {fit.population} by infusion beside the label: 5 %, 50 %, 95 % at steady state"
    lines = [head, f"{'':<28}" + "".join(f"{name:>{FIT_WIDTH}}" for name in ("label", *models)) + "  source"]
    for row in fit.rows:
        values = (row.published, *(row.simulated[model] for model in models))
        cells = "".join(f"{_three(each):>{FIT_WIDTH}}" for each in values)
        lines.append(f"  {f'{row.schedule}: {row.words}, {row.unit}':<26}{cells}  {'; '.join(map(str, row.citations))}")
    factors = "".join(f"{fit.factors[model]:>{FIT_WIDTH}.2f}" for model in models)
    lines.append(f"  {'troughs off by a factor of':<26}{'1':>{FIT_WIDTH}}{factors}")
    same = "which is taken" if fit.nearest == fit.taken else f"but {fit.taken} is taken"
    lines.append(f"The nearest is {fit.nearest}, {same} where no model is named (decision D150).")
    return "\n".join(lines)


def _three(values: Percentiles) -> str:
    return ", ".join(f"{value:.0f}" if value >= 100 else f"{value:.3g}" for value in values)
