"""The command `her2path simulate truth`: what labels and trials published, side by side with the simulation."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from ..simulate.exposure.truth import TruthRow

WORDS_WIDTH = 76


@click.command()
@click.option("--patients", type=int, default=5000, show_default=True, help="Virtual patients of each simulation.")
@click.option("--seed", type=click.IntRange(min=0), default=1, show_default=True, help="Of the random numbers.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def truth(patients: int, seed: int, as_json: bool) -> None:
    """What labels and trials published, and the same number simulated, with the difference.

    Nothing of it was used to simulate. Medians are held against the typical patient, the rest against virtual
    patients; where the two lie further apart than the criterion, the line says DIFFERS.
    """
    from ..simulate.exposure.truth import truth_rows
    from .exposure import require_extra

    require_extra()
    rows = truth_rows(patients, seed)
    if as_json:
        told: dict[str, Any] = {"patients": patients, "seed": seed, "rows": [row.as_json() for row in rows]}
        click.echo(json.dumps(told, indent=2, ensure_ascii=False))
    else:
        click.echo(truth_text(rows, patients, seed))


def truth_text(rows: list[TruthRow], patients: int, seed: int) -> str:
    """The rows by group, and how many differ."""
    lines = [f"{patients} virtual patients in each simulation, seed {seed}"]
    for group in dict.fromkeys(row.group for row in rows):
        heads = f"{'published':>11}{'simulated':>11}{'apart':>12}"
        lines += ["", f"{group:<{WORDS_WIDTH}}{heads}  source"]
        lines += [_line(row) for row in rows if row.group == group]
    differing = [row for row in rows if row.agrees is False]
    lines += ["", f"{len(rows)} numbers, {len(rows) - len(differing)} within the criterion, {len(differing)} not"]
    if rows:
        lines.append(_criteria())
        lines.append("The labels' tables come from the model simulated here: agreement shows that it is read rightly.")
        lines.append("The heart beside the trials: her2path simulate heart --trials.")
    return "\n".join(lines)


def _criteria() -> str:
    from ..simulate.exposure.truth import criteria

    model = criteria()
    return (
        f"Criteria: medians, means and ratios {model['criterion_median']:g} %, percentiles and standard deviations "
        f"{model['criterion_percentile']:g} %, shares {model['criterion_share']:g} percent points (decision D121)."
    )


def _line(row: TruthRow) -> str:
    published = f"{'>= ' if row.at_least else ''}{_number(row.published)}"
    apart = f"{row.difference:+.1f} " + ("pp" if row.unit == "percent" else "% ")
    sources = "; ".join(str(each) for each in row.citations)
    verdict = "  DIFFERS" if row.agrees is False else ""
    unit = "%" if row.unit == "percent" else row.unit
    words = f"  {row.what}, {unit}" if unit != "ratio" else f"  {row.what}, ratio"
    return f"{words:<{WORDS_WIDTH}}{published:>11}{_number(row.simulated):>11}{apart:>12}  {sources}{verdict}"


def _number(value: float) -> str:
    return f"{value:.0f}" if abs(value) >= 1000 else f"{value:.4g}"
