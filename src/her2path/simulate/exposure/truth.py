"""Published exposure beside the simulated: the labels' tables, the washout, both routes, and the other products.

What is published stands in `knowledge/models/truth.md`, with its source and how far that was verified. Nothing of it
goes into a simulation. What was published of many patients is held against virtual patients, what was published of one
reference patient against the typical patient; where both were simulated, both are told (decision D121).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from math import ceil, isnan, nan, sqrt
from typing import Any

import numpy as np

from ...facts.markdown import plain
from ...facts.problem import AskedWrongly
from ...facts.source import Citation, parse_citations
from ..arrays import Floats
from ..model import Model, read_model
from .choice import model_and_population
from .population import (
    MOST_PATIENTS,
    SEVEN_MONTHS_DAYS,
    Exposure,
    concentrations,
    individuals,
    output_days,
    request_for,
    simulate,
)
from .schedule import cut

CYCLES_A_YEAR = 18
"""A year: steady in every schedule of the tables."""
CYCLES_OF_HANNAH = 7
LONG_DAYS = 200
"""After one dose of T-DM1 nothing is left to add to the area."""
_CELL = re.compile(r"([\d.]+)(?: \(([\d.]+) to ([\d.]+)\))?")
LABEL_MEASURES = {"cmin": ("trough", "mg/L"), "cmax": ("at 12 h", "mg/L"), "auc": ("area", "mg d/L")}


POPULATION, TYPICAL = "population", "typical patient"
"""What a published number is held against."""


@dataclass(frozen=True, slots=True)
class TruthRow:
    """One number that was published, and the same one of virtual patients, of the typical patient, or of both.

    `held` says which of the two is held against it. `chance` is how far the population's value may lie off by the draw
    of so many patients alone (95 %), in percent of it; `None` where it was not reckoned.
    """

    group: str
    key: str
    what: str
    published: float
    population: float | None
    typical: float | None
    held: str
    unit: str
    criterion: float
    citations: tuple[Citation, ...]
    at_least: bool = False
    chance: float | None = None

    @property
    def simulated(self) -> float:
        """The simulated number that is held against the published one."""
        value = self.population if self.held == POPULATION else self.typical
        return nan if value is None else value

    @property
    def difference(self) -> float:
        """The one that is held less the published: percent points where the unit is percent, else percent of it."""
        return self.apart(self.simulated)

    @property
    def typical_difference(self) -> float | None:
        """The same of the typical patient; `None` where she was not simulated."""
        return None if self.typical is None else self.apart(self.typical)

    def apart(self, simulated: float) -> float:
        """A simulated number less the published: percent points where the unit is percent, else percent of it."""
        apart = simulated - self.published
        return apart if self.unit == "percent" else 100 * apart / self.published

    @property
    def agrees(self) -> bool | None:
        """Whether the two lie no further apart than the criterion allows; `None` where nothing was simulated."""
        return self._within(self.simulated)

    @property
    def typical_agrees(self) -> bool | None:
        """The same of the typical patient; `None` where she was not simulated."""
        return None if self.typical is None else self._within(self.typical)

    def _within(self, simulated: float) -> bool | None:
        if isnan(simulated):
            return None
        if self.at_least:
            return simulated >= self.published
        return abs(self.apart(simulated)) <= self.criterion

    def as_json(self) -> dict[str, Any]:
        """The row as the command prints it with `--json`."""
        return {
            "group": self.group,
            "key": self.key,
            "what": self.what,
            "unit": self.unit,
            "published": self.published,
            "at_least": self.at_least,
            "simulated": self.simulated,
            "population": self.population,
            "typical_patient": self.typical,
            "held": self.held,
            "difference": self.difference,
            "typical_patient_difference": self.typical_difference,
            "difference_in": "percent points" if self.unit == "percent" else "percent",
            "criterion": self.criterion,
            "agrees": self.agrees,
            "typical_patient_agrees": self.typical_agrees,
            "chance_percent": self.chance,
            "sources": [citation.as_json() for citation in self.citations],
        }


def truth_rows(
    patients: int = 5000, seed: int = 1, runs: Runs | None = None, progress: Callable[[int], object] | None = None
) -> list[TruthRow]:
    """All that was published of exposure, beside the simulated. `progress` is told of every row.

    `runs` keeps what was simulated, for whoever needs the same. Raises `AskedWrongly` for no patients.
    """
    runs = runs or Runs(patients, seed)
    groups = (_of_labels, _of_washout, _of_routes, _of_others)
    rows = []
    for row in (row for group in groups for row in group(runs)):
        rows.append(row)
        if progress is not None:
            progress(1)
    return rows


def count_of_rows() -> int:
    """How many rows `truth_rows` gives."""
    grids = read_model("truth").grids
    cells = [
        row[column] for row in grids["Exposure of the labels"] if row["used"] == "yes" for column in LABEL_MEASURES
    ]
    others = ("Washout", "Under the skin against infusion", "Other products")
    return sum(3 if _cell(cell)[1] is not None else 1 for cell in cells) + sum(len(grids[name]) for name in others)


class Runs:
    """The simulations that the rows need, each done once. Raises `AskedWrongly` for no patients."""

    def __init__(self, patients: int, seed: int) -> None:
        if not 1 <= patients <= MOST_PATIENTS:
            raise AskedWrongly(f"{patients} patients; expected 1 to {MOST_PATIENTS}")
        self.patients, self.seed = patients, seed
        self.model = read_model("truth")
        self._done: dict[tuple[Any, ...], Exposure] = {}

    def run(
        self, model: str, population: str, schedule: str, cycles: int = CYCLES_A_YEAR, typical: bool = False
    ) -> Exposure:
        """Virtual patients, or the typical one."""
        key = (model, population, schedule, cycles, typical)
        if key not in self._done:
            count = 1 if typical else self.patients
            asked = request_for(
                model, population, schedule, cycles, patients=count, seed=self.seed, typical=typical, lent=True
            )
            self._done[key] = simulate(asked)
        return self._done[key]

    def criterion(self, name: str) -> float:
        """How far the two may lie apart: `median`, `percentile` or `share`."""
        return self.model[f"criterion_{name}"]


def _row(
    group: str,
    row: dict[str, str],
    what: str,
    published: float,
    population: float | None,
    unit: str,
    criterion: float,
    *,
    typical: float | None = None,
    held: str = POPULATION,
    at_least: bool = False,
    chance: float | None = None,
) -> TruthRow:
    cited = parse_citations(row["source"], plain(row["verified"]))
    key = plain(row["key"])
    return TruthRow(
        group, key, what, published, population, typical, held, unit, criterion, cited, at_least, chance
    )  # fmt: skip


def _of_labels(runs: Runs) -> Iterator[TruthRow]:
    for row in runs.model.grids["Exposure of the labels"]:
        if row["used"] != "yes":
            continue
        under_skin = row["schedule"] == "sc"
        model, population = model_and_population(None, row["population"], under_skin)
        cycle, cycles, cycle_words = _cycle(row["cycle"])
        typical = runs.run(model, population, row["schedule"], cycles, typical=True).measures[cycle]
        drawn = runs.run(model, population, row["schedule"], cycles).measures[cycle]
        for column, (words, unit) in LABEL_MEASURES.items():
            measure = column if column != "cmax" else "cmax_half_day_grid" if under_skin else "cmax_12h"
            shown = "peak" if under_skin and column == "cmax" else words
            what = f"{row['schedule']} {population}, {cycle_words}: {shown}"
            median, low, high = _cell(row[column])
            values = drawn[measure]
            yield _row(
                "Labels", row, f"{what}, median", median, float(np.median(values)), unit, runs.criterion("median"),
                typical=float(typical[measure][0]), chance=chance_of_median(values),
            )  # fmt: skip
            if low is None or high is None:
                continue
            for percent, published in ((5, low), (95, high)):
                simulated, far = float(np.percentile(values, percent)), runs.criterion("percentile")
                yield _row("Labels", row, f"{what}, {percent} %", published, simulated, unit, far)


def chance_of_median(values: Floats) -> float:
    """How far a median of so many lies off by chance alone, 95 %, in percent of it: by the ranks about the middle."""
    ordered, count = np.sort(values), len(values)
    reach = ceil(0.98 * sqrt(count))
    low, high = max(count // 2 - reach, 0), min(count // 2 + reach, count - 1)
    return float(50 * (ordered[high] - ordered[low]) / np.median(values))


def _cycle(words: str) -> tuple[str, int, str]:
    """Which cycle a row is of: the name of its measures, how many to simulate, and words for it."""
    if words == "first":
        return "cycle_1", CYCLES_A_YEAR, "first cycle"
    cycles, name = (CYCLES_A_YEAR, "steady state") if words == "steady" else (int(words), f"cycle {words}")
    return "steady_state", cycles, name


def _cell(text: str) -> tuple[float, float | None, float | None]:
    match = _CELL.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is no median with percentiles")
    low, high = (float(part) if part else None for part in match.groups()[1:])
    return float(match[1]), low, high


def label_percentiles(row: dict[str, str], column: str) -> tuple[float, float, float]:
    """The 5th, 50th and 95th percentile of one cell of a label's row."""
    median, low, high = _cell(row[column])
    if low is None or high is None:
        raise ValueError(f"{row['key']}: {row[column]!r} has no percentiles")
    return low, median, high


def _of_washout(runs: Runs) -> Iterator[TruthRow]:
    for row in runs.model.grids["Washout"]:
        population = plain(row["key"]).removeprefix("gone-")
        model, _ = model_and_population(None, population)
        below = runs.run(model, population, "q3w").others["days_to_below_1_mg_per_l"]
        share = 100 * float(np.mean(below <= SEVEN_MONTHS_DAYS))
        published = float(row["published"])
        yield _row("Washout", row, row["what"], published, share, "percent", runs.criterion("share"), at_least=True)


def _of_routes(runs: Runs) -> Iterator[TruthRow]:
    arms = {
        arm: runs.run("trastuzumab-sc", "early-breast", schedule, CYCLES_OF_HANNAH).measures["steady_state"]
        for arm, schedule in (("sc", "sc"), ("iv", "q3w"))
    }
    means = {arm: float(np.exp(np.log(measures["cmin"]).mean())) for arm, measures in arms.items()}
    means["ratio"] = means["sc"] / means["iv"]
    arm_words = {"sc": "under the skin", "iv": "infusion", "ratio": "under the skin to infusion"}
    for row in runs.model.grids["Under the skin against infusion"]:
        arm, what, border = row["arm"], row["what"], row["border"]
        words = f"{arm_words[arm]}, trough before cycle 8"
        criterion = runs.criterion("median")
        if what == "mean":
            words, simulated = f"{words}, geometric mean", means[arm]
        elif what in ("p5", "p95"):
            words = f"{words}, {what[1:]} %"
            simulated, criterion = float(np.percentile(arms[arm]["cmin"], int(what[1:]))), runs.criterion("percentile")
        else:
            measure = what.split(" ", maxsplit=1)[0]
            simulated = 100 * float(np.mean(arms[arm][measure] < float(border)))
            unit = "mg/L" if measure == "cmin" else "mg d/L"
            name = "trough" if measure == "cmin" else "area"
            words, criterion = f"{arm_words[arm]}, {name} below {border} {unit}", runs.criterion("share")
        yield _row("Routes", row, words, float(row["published"]), simulated, row["unit"], criterion)


def _of_others(runs: Runs) -> Iterator[TruthRow]:
    for row in runs.model.grids["Other products"]:
        measure, statistic, model, population = row["measure"], row["statistic"], row["model"], row["population"]
        cycle, cycles, cycle_words = _cycle(row["cycle"])
        typical = None
        if measure == "auc_to_infinity":
            values = _area_to_infinity(runs, model, population)
        else:
            values = runs.run(model, population, "q3w", cycles).measures[cycle][measure]
        if statistic == "typical":
            # The typical patient's like among many is the median.
            typical = float(runs.run(model, population, "q3w", cycles, typical=True).measures[cycle][measure][0])
            simulated = float(np.median(values))
        else:
            simulated = float(values.std(ddof=1)) if statistic == "sd" and len(values) > 1 else float(values.mean())
        words = {
            "cmin": "trough",
            "cmax_end_of_infusion": "end of infusion",
            "auc": "area",
            "auc_to_infinity": "area to infinity",
        }[measure]
        statistic_words = {"sd": "standard deviation", "mean": "mean", "typical": "reference patient"}[statistic]
        yield _row(
            "Other products", row, f"{model}, {cycle_words}: {words}, {statistic_words}", float(row["published"]),
            simulated, row["unit"], runs.criterion("percentile" if statistic == "sd" else "median"),
            typical=typical, held=TYPICAL if statistic == "typical" else POPULATION,
        )  # fmt: skip


def _area_to_infinity(runs: Runs, model: str, population: str) -> Floats:
    """The whole area after one dose, mg d/L."""
    asked = request_for(model, population, "q3w", 1, patients=runs.patients, seed=runs.seed, after_days=LONG_DAYS)
    pieces = cut(asked.schedule, output_days(asked.schedule, LONG_DAYS)[-1:].tolist())
    parameters, weight = individuals(asked, 0, asked.patients)
    area: Floats = concentrations(parameters, asked.schedule.amounts_mg(weight), pieces)[1][-1]
    return area


@cache
def criteria() -> Model:
    """The file of what was published, for its criteria."""
    return read_model("truth")
