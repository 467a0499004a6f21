"""Published exposure beside the simulated: the labels' tables, the washout, both routes, and the other products.

What is published stands in `knowledge/models/truth.md`, with its source and how far that was verified. Nothing of it
goes into a simulation. Medians are held against the typical patient, percentiles and shares against virtual patients.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from math import isnan
from typing import Any

import numpy as np

from ...facts.markdown import plain
from ...facts.problem import AskedWrongly
from ...facts.source import Citation, parse_citations
from ..arrays import Floats
from ..model import Model, read_model
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


@dataclass(frozen=True, slots=True)
class TruthRow:
    """One number that was published and the same one simulated.

    `difference` is in percent of the published one, or in percent points where `unit` is percent; `agrees` by the
    criterion of its kind, `None` where there is no judging it.
    """

    group: str
    key: str
    what: str
    published: float
    simulated: float
    unit: str
    criterion: float
    citations: tuple[Citation, ...]
    at_least: bool = False

    @property
    def difference(self) -> float:
        """The simulated less the published: percent points where the unit is percent, else percent of the published."""
        apart = self.simulated - self.published
        return apart if self.unit == "percent" else 100 * apart / self.published

    @property
    def agrees(self) -> bool | None:
        """Whether the two lie no further apart than the criterion allows; `None` where nothing was simulated."""
        if isnan(self.simulated):
            return None
        if self.at_least:
            return self.simulated >= self.published
        return abs(self.difference) <= self.criterion

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
            "difference": self.difference,
            "difference_in": "percent points" if self.unit == "percent" else "percent",
            "criterion": self.criterion,
            "agrees": self.agrees,
            "sources": [citation.as_json() for citation in self.citations],
        }


def truth_rows(patients: int = 5000, seed: int = 1) -> list[TruthRow]:
    """All that was published of exposure, beside the simulated. Raises `AskedWrongly` for no patients."""
    if not 1 <= patients <= MOST_PATIENTS:
        raise AskedWrongly(f"{patients} patients; expected 1 to {MOST_PATIENTS}")
    runs = Runs(patients, seed)
    groups: tuple[Callable[[Runs], list[TruthRow]], ...] = (_of_labels, _of_washout, _of_routes, _of_others)
    return [row for group in groups for row in group(runs)]


class Runs:
    """The simulations that the rows need, each done once."""

    def __init__(self, patients: int, seed: int) -> None:
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
            asked = request_for(model, population, schedule, cycles, patients=count, seed=self.seed, typical=typical)
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
    simulated: float,
    unit: str,
    criterion: float,
    at_least: bool = False,
) -> TruthRow:
    citations = parse_citations(row["source"], plain(row["verified"]))
    return TruthRow(group, plain(row["key"]), what, published, simulated, unit, criterion, citations, at_least)


def _of_labels(runs: Runs) -> list[TruthRow]:
    rows = []
    for row in runs.model.grids["Exposure of the labels"]:
        if row["used"] != "yes":
            continue
        under_skin = row["schedule"] == "sc"
        model = "trastuzumab-sc" if under_skin else "trastuzumab-iv"
        cycle, cycles, cycle_words = _cycle(row["cycle"])
        typical = runs.run(model, row["population"], row["schedule"], cycles, typical=True).measures[cycle]
        for column, (words, unit) in LABEL_MEASURES.items():
            measure = column if column != "cmax" else "cmax_half_day_grid" if under_skin else "cmax_12h"
            shown = "peak" if under_skin and column == "cmax" else words
            what = f"{row['schedule']} {row['population']}, {cycle_words}: {shown}"
            median, low, high = _cell(row[column])
            simulated = float(typical[measure][0])
            rows.append(_row("Labels", row, f"{what}, median", median, simulated, unit, runs.criterion("median")))
            if low is None or high is None:
                continue
            values = runs.run(model, row["population"], row["schedule"], cycles).measures[cycle][measure]
            for percent, published in ((5, low), (95, high)):
                simulated, far = float(np.percentile(values, percent)), runs.criterion("percentile")
                rows.append(_row("Labels", row, f"{what}, {percent} %", published, simulated, unit, far))
    return rows


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


def _of_washout(runs: Runs) -> list[TruthRow]:
    rows = []
    for row in runs.model.grids["Washout"]:
        population = plain(row["key"]).removeprefix("gone-")
        below = runs.run("trastuzumab-iv", population, "q3w").others["days_to_below_1_mg_per_l"]
        share = 100 * float(np.mean(below <= SEVEN_MONTHS_DAYS))
        published = float(row["published"])
        rows.append(
            _row("Washout", row, row["what"], published, share, "percent", runs.criterion("share"), at_least=True)
        )
    return rows


def _of_routes(runs: Runs) -> list[TruthRow]:
    arms = {
        arm: runs.run("trastuzumab-sc", "early-breast", schedule, CYCLES_OF_HANNAH).measures["steady_state"]
        for arm, schedule in (("sc", "sc"), ("iv", "q3w"))
    }
    means = {arm: float(np.exp(np.log(measures["cmin"]).mean())) for arm, measures in arms.items()}
    means["ratio"] = means["sc"] / means["iv"]
    arm_words = {"sc": "under the skin", "iv": "infusion", "ratio": "under the skin to infusion"}
    rows = []
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
        rows.append(_row("Routes", row, words, float(row["published"]), simulated, row["unit"], criterion))
    return rows


def _of_others(runs: Runs) -> list[TruthRow]:
    rows = []
    for row in runs.model.grids["Other products"]:
        measure, statistic = row["measure"], row["statistic"]
        cycle, cycles, cycle_words = _cycle(row["cycle"])
        typical = statistic == "typical"
        if measure == "auc_to_infinity":
            values = _area_to_infinity(runs, row["model"], row["population"])
        else:
            values = runs.run(row["model"], row["population"], "q3w", cycles, typical).measures[cycle][measure]
        simulated = float(values.std(ddof=1)) if statistic == "sd" and len(values) > 1 else float(values.mean())
        words = {
            "cmin": "trough",
            "cmax_end_of_infusion": "end of infusion",
            "auc": "area",
            "auc_to_infinity": "area to infinity",
        }[measure]
        statistic_words = {"sd": "standard deviation", "mean": "mean", "typical": "typical patient"}[statistic]
        criterion = runs.criterion("percentile" if statistic == "sd" else "median")
        what = f"{row['model']}, {cycle_words}: {words}, {statistic_words}"
        rows.append(_row("Other products", row, what, float(row["published"]), simulated, row["unit"], criterion))
    return rows


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
