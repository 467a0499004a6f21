"""How near the models of a population come to its label: the comparison by which one of them is taken.

Trough, peak and area at steady state, the 5th, 50th and 95th percentile of each, by every model that is one of the
population or lent to it. What decides is the trough (decision D150): by the mean of the squared logarithms of the
simulated by the published percentiles, told as a factor.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...facts.source import Citation, parse_citations
from .choice import model_and_population, standings
from .schedule import LABEL_PRODUCTS
from .truth import LABEL_MEASURES, Runs, label_percentiles

COMPARED_POPULATIONS = ("early-breast", "metastatic-breast")
"""Those of which the EU document has tables apart, and which more than one model could be taken for."""
DECIDES = "cmin"
PERCENTS = (5, 50, 95)
Percentiles = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class FitRow:
    """One measure of the label, its 5th, 50th and 95th percentile, and those by each model, in `unit`."""

    schedule: str
    measure: str
    words: str
    unit: str
    published: Percentiles
    simulated: dict[str, Percentiles]
    citations: tuple[Citation, ...]


@dataclass(frozen=True, slots=True)
class Fit:
    """The models of a population beside its label; `factors` say how far each lies from the label's troughs."""

    population: str
    rows: tuple[FitRow, ...]
    factors: dict[str, float]
    taken: str

    @property
    def nearest(self) -> str:
        """The model whose troughs lie nearest to the label's."""
        return min(self.factors, key=self.factors.__getitem__)

    def as_json(self) -> dict[str, Any]:
        """The comparison as the command prints it with `--json`."""
        return {
            "population": self.population,
            "rows": [
                {
                    "schedule": row.schedule,
                    "measure": row.measure,
                    "unit": row.unit,
                    "published": _named(row.published),
                    "simulated": {model: _named(values) for model, values in row.simulated.items()},
                    "sources": [citation.as_json() for citation in row.citations],
                }
                for row in self.rows
            ],
            "factor_from_the_troughs": self.factors,
            "nearest": self.nearest,
            "taken": self.taken,
        }


def _named(values: Percentiles) -> dict[str, float]:
    return {f"p{percent}": value for percent, value in zip(PERCENTS, values, strict=True)}


def count_of_fits() -> int:
    """How many simulations `fits` asks for."""
    return sum(len(_candidates(population)) * len(_published(population)) for population in COMPARED_POPULATIONS)


def fits(runs: Runs, progress: Callable[[int], object] | None = None) -> list[Fit]:
    """The models of every compared population beside its label; `progress` is told of every simulation."""
    return [_fit(runs, population, progress) for population in COMPARED_POPULATIONS]


def _fit(runs: Runs, population: str, progress: Callable[[int], object] | None) -> Fit:
    models = _candidates(population)
    rows = []
    for row in _published(population):
        drawn = {}
        for model in models:
            drawn[model] = runs.run(model, population, row["schedule"]).measures["steady_state"]
            if progress is not None:
                progress(1)
        for column, (words, unit) in LABEL_MEASURES.items():
            if column == "cmax" and row["schedule"] == "weekly":
                continue  # the EU document's weekly peak is another quantity (decision D122)
            measure = "cmax_12h" if column == "cmax" else column
            simulated = {model: _percentiles(drawn[model][measure]) for model in models}
            cited = parse_citations(row["source"], row["verified"])
            rows.append(FitRow(row["schedule"], column, words, unit, label_percentiles(row, column), simulated, cited))
    factors = {model: _factor([row for row in rows if row.measure == DECIDES], model) for model in models}
    return Fit(population, tuple(rows), factors, model_and_population(None, population)[0])


def _candidates(population: str) -> list[str]:
    """The models of trastuzumab by infusion that are of the population or lent to it."""
    models = [each.model for each in standings() if each.population == population]
    return [model for model in models if LABEL_PRODUCTS.get(model) == "trastuzumab-iv"]


def _published(population: str) -> list[dict[str, str]]:
    from ..model import read_model

    rows = read_model("truth").grids["Exposure of the labels"]
    return [row for row in rows if row["population"] == population and row["cycle"] == "steady"]


def _percentiles(values: Any) -> Percentiles:
    low, middle, high = (float(value) for value in np.percentile(values, PERCENTS))
    return low, middle, high


def _factor(rows: list[FitRow], model: str) -> float:
    apart = [np.log(np.array(row.simulated[model]) / np.array(row.published)) for row in rows]
    return float(np.exp(np.sqrt(np.mean(np.concatenate(apart) ** 2))))
