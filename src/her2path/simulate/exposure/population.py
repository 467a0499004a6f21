"""Exposure: concentrations of a drug in virtual patients, and what is read off them.

Patients go through the kernel in portions, on all cores; of each only the measures stay, so that memory does not grow
with the profiles. Concentrations in mg/L (the same as micrograms per mL), areas in mg d/L, times in days.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import numpy as np
import numpy.typing as npt

from ...facts.days import DAYS_A_MONTH
from ...facts.problem import AskedWrongly
from ..arrays import Floats
from ..bands import PERCENTILES, Bands
from ..model import Model, read_model
from ..patients import (
    BLOCK,
    ROWS,
    Covariate,
    at_reference,
    covariates_of,
    draw_covariates,
    draw_deviations,
    parameters_for,
)
from .choice import model_and_population, require_population, standing
from .kernel import PARAMETERS, UNDER_SKIN, profiles
from .schedule import Pieces, Schedule, cut, labelled

STEP_TOLERANCE = 1e-6
"""Of a step, relative; the bench gives the error it leaves: below 4e-6 at every output."""
GONE_MG_PER_L = 1.0
"""Below this the drug counts as washed out, as in the label (@kanjinti-us-exposure 12.3)."""
SEVEN_MONTHS_DAYS = round(7 * DAYS_A_MONTH)
MOST_PATIENTS = 10_000_000
STEP_DAYS = 0.5
MOST_VALUES = 4_000_000
"""Concentrations held at once by a portion; very long schedules go in smaller ones."""
ABOVE_NOTHING = ("central_volume", "peripheral_volume", "second_peripheral_volume", "michaelis_constant")
DERIVED_FROM = {"lean_body_mass_kg": ("weight_kg", "height_cm"), "body_mass_index": ("weight_kg", "height_cm")}
MEASURES = ("cmin", "cmax_end_of_infusion", "cmax_12h", "cmax_half_day_grid", "auc")


@dataclass(frozen=True, slots=True)
class ExposureRequest:
    """What to simulate: a model, who, and which doses. `after_days` follow the last dose; `target` is in mg/L.

    The model must be one of the population, or with `lent` one that is lent to it (`choice.py`).
    """

    model: Model
    population: str
    schedule: Schedule
    patients: int = 1000
    seed: int = 1
    typical: bool = False
    covariates: Mapping[str, Covariate] = field(default_factory=dict)
    after_days: int = 300
    target_mg_per_l: float = 20.0
    male: bool = False
    lent: bool = False

    def __post_init__(self) -> None:
        if self.model.kind != "exposure":
            raise AskedWrongly(f"{self.model.key} is a model of {self.model.kind}, not of exposure")
        require_population(self.population)
        standing(self.model.key, self.population, self.lent)
        if "weight_kg" not in self.covariates:
            raise AskedWrongly("the patients have no weight; expected covariates_of(population)")
        if not 0 <= self.seed < 2**63:
            raise AskedWrongly(f"a seed of {self.seed}; expected a whole number from 0 on")
        if self.schedule.doses and self.schedule.doses[0].day != 0:
            raise AskedWrongly(f"the first dose is on day {self.schedule.doses[0].day:g}; expected day 0")
        if "absorption" not in self.model and any(dose.route == UNDER_SKIN for dose in self.schedule.doses):
            raise AskedWrongly(f"the model {self.model.key} knows no route under the skin; use trastuzumab-sc")
        if not 1 <= self.patients <= MOST_PATIENTS:
            raise AskedWrongly(f"{self.patients} patients; expected 1 to {MOST_PATIENTS}")
        if not 0 < self.target_mg_per_l < 1e6:
            raise AskedWrongly(f"a target of {self.target_mg_per_l:g} mg/L; expected a number above 0")
        if not 0 <= self.after_days <= 36500:
            raise AskedWrongly(f"{self.after_days} days after the last dose; expected 0 to 36500")


@dataclass(slots=True)
class Exposure:
    """What came out: measures by cycle name and measure, an array over patients; and bands over time."""

    request: ExposureRequest
    measures: dict[str, dict[str, Floats]]
    others: dict[str, Floats]
    bands: Bands

    def as_json(self) -> dict[str, Any]:
        """The summary, with percentiles of every measure; `steady_state` is the last cycle."""
        summary: dict[str, Any] = {
            name: {measure: percentiles(values) for measure, values in measures.items() if not np.all(np.isnan(values))}
            for name, measures in self.measures.items()
        }
        last = self.request.schedule.last_dose_day
        below = self.others["days_to_below_1_mg_per_l"]
        known = self.request.after_days >= SEVEN_MONTHS_DAYS
        summary["washout"] = {
            "days_to_below_1_mg_per_l": percentiles(below) if np.isfinite(below).any() else None,
            "share_below_1_mg_per_l_at_7_months": float(np.mean(below <= SEVEN_MONTHS_DAYS)) if known else None,
            "share_not_below_in_the_time_simulated": float(np.mean(~np.isfinite(below))),
            "last_dose_day": last,
        }
        summary["troughs"] = self.troughs()
        summary["target"] = {
            "mg_per_l": self.request.target_mg_per_l,
            "share_of_last_cycle_above": percentiles(self.others["share_above_target"]),
            "share_of_patients_with_trough_above": float(np.mean(self.others["trough_above"])),
        }
        request = self.request
        summary["asked"] = {
            "model": request.model.key,
            "population": request.population,
            "schedule": request.schedule.name,
            "cycles": len(request.schedule.cycle_days),
            "patients": request.patients,
            "seed": request.seed,
            "typical": request.typical,
            "rows": list(request.schedule.rows),
            "at_reference": at_reference(request.model, {*request.covariates, *_derived(request)}),
        }
        summary["units"] = {"concentrations": "mg/L", "auc": "mg d/L over the cycle of 21 days", "times": "days"}
        return summary

    def troughs(self) -> list[dict[str, float]]:
        """The trough at the end of every cycle, from the bands: right to half a percent."""
        if not self.bands or not self.bands.patients:
            return []
        ends = [*self.request.schedule.cycle_days[1:], self.request.schedule.end_day]
        by_percent = {f"p{p}": self.bands.percentile(p) for p in PERCENTILES}
        places = [place_of(self.bands.times, day) for day in ends]
        return [
            {"cycle": float(n), "day": day, **{name: float(values[place]) for name, values in by_percent.items()}}
            for n, (day, place) in enumerate(zip(ends, places, strict=True), 1)
        ]


def _derived(request: ExposureRequest) -> list[str]:
    return [name for name, parents in DERIVED_FROM.items() if {*parents} <= {*request.covariates}]


def percentiles(values: Floats) -> dict[str, float]:
    """`p5`, `p50` and `p95` in the unit of `values`; infinite where that share of patients never came there."""
    usable = values[~np.isnan(values)]
    limits = np.percentile(usable, PERCENTILES, method="inverted_cdf" if np.isinf(usable).any() else "linear")
    return {f"p{p}": float(v) for p, v in zip(PERCENTILES, limits, strict=True)}


def simulate(
    request: ExposureRequest,
    cores: int | None = None,
    keep: Callable[[int, Floats, Floats], None] | None = None,
    progress: Callable[[int], object] | None = None,
) -> Exposure:
    """Simulate a request. `keep` is given (first patient, times in days, concentrations outputs x patients).

    `progress` is told how many patients were just simulated.
    """
    times = output_days(request.schedule, request.after_days)
    pieces = cut(request.schedule, times.tolist())
    bands = Bands(times)
    size = min(BLOCK, max(16, MOST_VALUES // len(times)))
    gathered: list[tuple[dict[str, dict[str, Floats]], dict[str, Floats]]] = []

    def portion(first: int) -> tuple[int, Floats, Any]:
        count = min(size, request.patients - first)
        concentration, area = simulated_concentrations(request, pieces, first, count)
        return first, concentration, measures_of(request, times, concentration, area)

    for first, concentration, portion_measures in map_in_order(portion, range(0, request.patients, size), cores):
        gathered.append(portion_measures)
        bands.add(concentration)
        if keep is not None:
            keep(first, times, concentration)
        if progress is not None:
            progress(concentration.shape[1])
    measures = {
        name: {measure: np.concatenate([part[0][name][measure] for part in gathered]) for measure in MEASURES}
        for name in gathered[0][0]
    }
    others = {name: np.concatenate([part[1][name] for part in gathered]) for name in gathered[0][1]}
    return Exposure(request, measures, others, bands)


def map_in_order(work: Callable[[int], Any], places: Iterable[int], cores: int | None) -> Iterator[Any]:
    """The results of `work` in the order of `places`, on `cores` threads (all by default), few of them waiting."""
    count = cores or os.cpu_count() or 1
    if count == 1:
        yield from map(work, places)
        return
    todo = iter(places)
    with ThreadPoolExecutor(count) as pool:
        waiting = [pool.submit(work, place) for place in islice(todo, 2 * count)]
        while waiting:
            yield waiting.pop(0).result()
            waiting += [pool.submit(work, place) for place in islice(todo, 1)]


def individuals(request: ExposureRequest, first: int, count: int) -> tuple[Floats, Floats]:
    """The kernel's parameters (PARAMETERS x count) and the weights (kg) of the patients from `first` on."""
    asked = request.covariates
    drawn = draw_covariates(asked, request.seed, first, count, typical=request.typical, male=request.male)
    used = {name: value for name, value in drawn.items() if not _keeps_reference(request, name)}
    deviations = draw_deviations(request.model, request.seed, first, count, typical=request.typical)
    return parameters_for(request.model, request.population, used, deviations, count), drawn["weight_kg"]


def _keeps_reference(request: ExposureRequest, name: str) -> bool:
    """The typical patient is at the model's own references, but for what was asked for by hand."""
    if not request.typical:
        return False
    parents = DERIVED_FROM.get(name, (name,))
    return not any(
        covariate in request.covariates and request.covariates[covariate].by_hand for covariate in (name, *parents)
    )


def simulated_concentrations(request: ExposureRequest, pieces: Pieces, first: int, count: int) -> tuple[Floats, Floats]:
    """Concentrations and areas (outputs x patients) of the patients from `first` on."""
    parameters, weight = individuals(request, first, count)
    if request.typical:
        weight = np.full(count, _reference_weight(request))
    return concentrations(parameters, request.schedule.amounts_mg(weight), pieces)


def _reference_weight(request: ExposureRequest) -> float:
    """The typical weight in kg: what was asked for, else the model's reference, else the population's median."""
    asked = request.covariates["weight_kg"]
    if asked.by_hand:
        return asked.median
    references = [effect.reference for effect in request.model.effects if effect.covariate == "weight_kg"]
    return references[0] if references else asked.median


def concentrations(parameters: Floats, amounts_mg: Floats, pieces: Pieces) -> tuple[Floats, Floats]:
    """Concentrations mg/L and areas mg d/L (outputs x patients) of patients by their parameters and amounts.

    `parameters` PARAMETERS x patients, `amounts_mg` patients x doses. Raises `AskedWrongly` for parameters that no
    body has, `ValueError` for rows that are not those of the kernel.
    """
    count, outputs = parameters.shape[1], len(pieces.times)
    if parameters.shape[0] != PARAMETERS:
        raise ValueError(f"{parameters.shape[0]} rows of parameters; expected {PARAMETERS}")
    require_parameters(parameters)
    concentration, area, effect = (np.empty((outputs, count)) for _ in range(3))
    profiles(
        np.ascontiguousarray(parameters), np.ascontiguousarray(amounts_mg), pieces.lengths, pieces.routes,
        pieces.spans, pieces.starts, pieces.ends, pieces.outputs, 0.0, STEP_TOLERANCE, concentration, area, effect,
    )  # fmt: skip
    return concentration, area


def require_parameters(parameters: Floats) -> None:
    """Raises `AskedWrongly` for parameters that no body has: not finite, negative, or a volume of nothing."""
    least = np.array([1e-9 if name in ABOVE_NOTHING else 0.0 for name in ROWS])[:, None]
    wrong = ~(np.isfinite(parameters) & (parameters >= least))
    if wrong.any():
        row, patient = np.argwhere(wrong)[0]
        value = parameters[row, patient]
        raise AskedWrongly(f"{ROWS[row]} of patient {patient} is {value:g}; expected a finite number above 0")


def output_days(schedule: Schedule, after_days: int) -> Floats:
    """The days of the output: half-day steps over the doses, days after the last, and the end of every infusion."""
    last = max(schedule.end_day, schedule.last_dose_day + after_days)
    fine = np.arange(0, schedule.end_day + STEP_DAYS / 2, STEP_DAYS)
    days = np.arange(np.ceil(schedule.end_day), np.floor(last) + 1)
    points = [dose.day + at for dose in schedule.doses for at in (0.0, dose.length_days, STEP_DAYS)]
    whole = [*schedule.cycle_days, schedule.end_day]
    times: Floats = np.unique(np.round(np.concatenate([fine, days, points, whole]), 9))
    return times[times <= last + 1e-9]


def measures_of(
    request: ExposureRequest, times: Floats, concentration: Floats, area: Floats
) -> tuple[dict[str, dict[str, Floats]], dict[str, Floats]]:
    """The measures of the first and the last cycle, and what else is read off concentrations.

    `times` in days; `concentration` mg/L and `area` mg d/L are outputs x patients. Measures are arrays over the
    patients: mg/L, `auc` in mg d/L; times in days, shares from 0 to 1.
    """
    schedule = request.schedule
    starts = [*schedule.cycle_days, schedule.end_day]
    measures = {}
    for name, cycle in (("cycle_1", 0), ("steady_state", len(schedule.cycle_days) - 1)):
        measures[name] = _of_cycle(schedule, times, concentration, area, starts[cycle], starts[cycle + 1])
    low, high = place_of(times, starts[-2]), place_of(times, starts[-1])
    above = _share_above(times[low : high + 1], concentration[low : high + 1], request.target_mg_per_l)
    others = {
        "days_to_below_1_mg_per_l": days_to_below(times, concentration, schedule.last_dose_day, GONE_MG_PER_L),
        "share_above_target": above,
        "trough_above": (concentration[high] >= request.target_mg_per_l).astype(float),
    }
    return measures, others


def _of_cycle(
    schedule: Schedule, times: Floats, concentration: Floats, area: Floats, start: float, end: float
) -> dict[str, Floats]:
    low, high = place_of(times, start), place_of(times, end)
    doses = [dose for dose in schedule.doses if start <= dose.day < end]
    nothing = np.full(concentration.shape[1], np.nan)
    peaks = [place_of(times, dose.day + dose.length_days) for dose in doses if dose.length_days > 0]
    halves = [place_of(times, dose.day + STEP_DAYS) for dose in doses]
    return {
        "cmin": concentration[high],
        "cmax_end_of_infusion": concentration[peaks].max(axis=0) if peaks else nothing,
        "cmax_12h": concentration[halves].max(axis=0) if peaks else nothing,
        "cmax_half_day_grid": concentration[low : high + 1].max(axis=0),
        "auc": area[high] - area[low],
    }


def place_of(times: Floats, day: float) -> int:
    """The place in `times` (days) of the output nearest to a day."""
    return int(np.argmin(np.abs(times - day)))


def _share_above(times: Floats, concentration: Floats, target: float) -> Floats:
    """The share of time above a concentration, with straight lines between the outputs."""
    left, right = concentration[:-1] - target, concentration[1:] - target
    with np.errstate(divide="ignore", invalid="ignore"):
        crossing = np.abs(left) / (np.abs(left) + np.abs(right))
    crossing = np.nan_to_num(crossing)
    share = np.where(left > 0, np.where(right > 0, 1.0, crossing), np.where(right > 0, 1 - crossing, 0.0))
    whole_share: Floats = (share * np.diff(times)[:, None]).sum(axis=0) / (times[-1] - times[0])
    return whole_share


def days_to_below(times: Floats, concentration: Floats, after_day: float, level: float) -> Floats:
    """Days from the last dose until the concentration stays below a level; infinite where it does not in the time."""
    low = place_of(times, after_day) + 1
    above = concentration[low:] >= level
    last_above = above.shape[0] - 1 - np.argmax(above[::-1], axis=0)
    days = np.full(concentration.shape[1], np.inf)
    never = ~above.any(axis=0)
    days[never] = 0.0
    inside = ~never & (last_above < above.shape[0] - 1)
    column = np.flatnonzero(inside)
    row = low + last_above[inside]
    high, under = concentration[row, column], np.maximum(concentration[row + 1, column], 1e-300)
    part = np.log(high / level) / np.log(high / under)
    days[inside] = times[row] + part * (times[row + 1] - times[row]) - after_day
    return days


def request_for(
    model: str | None = None,
    population: str | None = None,
    schedule: str = "q3w",
    cycles: int = 18,
    covariates: Mapping[str, str] | None = None,
    **more: Any,
) -> ExposureRequest:
    """A request in words, with the label's schedule. Raises `AskedWrongly` for what there is not.

    A model or a population that is not named is the one taken for the other (`choice.py`).
    """
    lent = bool(more.get("lent", False))
    model, population = model_and_population(model, population, schedule == "sc", lent)
    doses = labelled(model, schedule, cycles, tumour=tumour_of(population))
    return ExposureRequest(
        read_model(model), population, doses, covariates=covariates_of(population, covariates), **more
    )


def tumour_of(population: str) -> str:
    """Whose doses a population gets: those of gastric cancer, or of breast cancer."""
    return "gastric" if population == "gastric" else "breast"


def typical_profile(model: str, schedule: str, cycles: int, times_days: npt.ArrayLike) -> Floats:
    """The concentration (mg/L) of the typical patient at these days after the first dose."""
    request = request_for(model, None, schedule, cycles, patients=1, typical=True)
    times = np.asarray(times_days, float)
    concentration, _ = simulated_concentrations(request, cut(request.schedule, times.tolist()), 0, 1)
    return concentration[:, 0]
