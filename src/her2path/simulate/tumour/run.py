"""A run of the tumour: who, which drug, which terms; what happens, and what each term contributes.

The numbers come from `knowledge/models/tumour.md`, the exposure from its own model. Every summary carries what
published data cannot fix, in words, so that no result is read without it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from math import exp
from typing import Any

import numpy as np

from ...facts.markdown import plain
from ...facts.problem import AskedWrongly
from ..arrays import Floats
from ..exposure.schedule import CYCLE_LENGTH_DAYS, SCHEDULES
from ..model import Model, read_model
from ..patients import BLOCK, TUMOUR_STREAM, generator
from .equations import COPIES_A_NMOL, SECONDS_A_DAY, TERMS, Payload, Tumour, TumourCourse, solve_course

IHC_CLASSES = ("0", "1+", "2+", "3+")
TUMOUR_DRUGS = ("none", "trastuzumab", "t-dm1", "t-dxd")
MOST_TUMOUR_CYCLES = 60
SPREAD_OVER = ("doubling_time", "linear_growth")


@dataclass(frozen=True, slots=True)
class TumourRequest:
    """What is asked for. `without` and `added` name terms to switch off, or on where a drug has them off."""

    ihc: str = "3+"
    drug: str = "trastuzumab"
    schedule: str = "q3w"
    cycles: int = 6
    without: frozenset[str] = frozenset()
    added: frozenset[str] = frozenset()
    volume_cm3: float | None = None
    other_kill_per_day: float = 0.0

    @property
    def days(self) -> int:
        """The days of the run, from the first dose to the end of the last cycle."""
        return self.cycles * CYCLE_LENGTH_DAYS


@dataclass(frozen=True, slots=True)
class Contribution:
    """What one term changes: the run without it, held against the run with all that are on."""

    term: str
    volume_without_cm3: float
    occupancy_without: float
    ecd_without_ng_per_ml: float


@dataclass(frozen=True, slots=True)
class TumourRun:
    """One patient: the course, the terms that were on, and what each of them contributes."""

    request: TumourRequest
    terms: frozenset[str]
    course: TumourCourse
    untreated: TumourCourse
    contributions: list[Contribution]
    mean_occupancy_other_permeability: float | None


@dataclass(frozen=True, slots=True)
class SerumProfile:
    """Concentrations in serum: `times_days` and `mg_per_l`, two arrays of one length."""

    times_days: Floats
    mg_per_l: Floats


def tumour_model() -> Model:
    """The parameters of the tumour, its drugs, terms and receptors (`knowledge/models/tumour.md`)."""
    return read_model("tumour")


@cache
def receptors(ihc: str) -> float:
    """Copies of HER2 per cell of an IHC class. Raises `AskedWrongly` for what is no class."""
    for row in tumour_model().grids["Receptors"]:
        if plain(row["ihc"]) == ihc and row["used"] == "yes":
            return float(row["copies per cell"])
    raise AskedWrongly(f"IHC is one of {', '.join(IHC_CLASSES)}, not {ihc!r}")


@cache
def typical_half_kill_nm(prefix: str) -> float:
    """The median of the half-kill as patients are drawn: its mean is that of mice, its spread many times larger."""
    from scipy.stats import foldnorm

    half_kill = tumour_model().parameters[f"{prefix}_half_kill"]
    return float(foldnorm.median(1 / half_kill.spread, scale=half_kill.value * half_kill.spread))


def drug_row(drug: str, schedule: str) -> dict[str, str] | None:
    """The row of a drug and schedule; None for no drug. Raises `AskedWrongly` for what there is not."""
    if drug not in TUMOUR_DRUGS:
        if "pertuzumab" in drug:
            why = "how it shares HER2 with trastuzumab in a tumour is published without numbers that could be used"
            raise AskedWrongly(f"the tumour cannot be simulated under pertuzumab: {why}")
        raise AskedWrongly(f"the drug is one of {', '.join(TUMOUR_DRUGS)}, not {drug!r}")
    if schedule not in SCHEDULES:
        raise AskedWrongly(f"the schedule is one of {', '.join(SCHEDULES)}, not {schedule!r}")
    if drug == "none":
        return None
    rows = [row for row in tumour_model().grids["Drugs"] if plain(row["drug"]) == drug]
    for row in rows:
        if schedule in row["schedules"].split():
            return row
    known = ", ".join(row["schedules"].replace(" ", ", ") for row in rows)
    raise AskedWrongly(f"{drug} is given {known}, not {schedule}")


def terms_on(request: TumourRequest) -> frozenset[str]:
    """The terms of a run. Raises `AskedWrongly` for a term that there is not."""
    for name in sorted(request.without | request.added):
        if name not in TERMS:
            raise AskedWrongly(f"no term is called {name!r}; there are {', '.join(TERMS)}")
    both = sorted(request.without & request.added)
    if both:
        raise AskedWrongly(f"{both[0]} is asked for both with and without")
    row = drug_row(request.drug, request.schedule)
    off = set(row["off unless asked for"].split()) if row else set()
    if row is None or row["payload"] != "yes":
        off.add("payload")
        if "payload" in request.added:
            raise AskedWrongly(f"{request.drug} carries no payload")
    return frozenset(set(TERMS) - (off - request.added) - request.without)


def tumour_of(request: TumourRequest, **changed: float) -> Tumour:
    """The numbers of a run from the model's file; `changed` replaces parameters by name (and `copies_per_cell`).

    Raises `AskedWrongly` for a volume, a kill or a number of cycles out of bounds, and for what `drug_row` does not
    know.
    """
    model = tumour_model()
    row = drug_row(request.drug, request.schedule)
    prefix = plain(row["parameters"]) if row else "trastuzumab"
    volume = model["initial_volume"] if request.volume_cm3 is None else request.volume_cm3
    if not 0 < volume < model["maximal_volume"]:
        raise AskedWrongly(f"a volume is above 0 and below {model['maximal_volume']:g} cm3, not {volume:g}")
    if not 0 <= request.other_kill_per_day <= 1:
        raise AskedWrongly(f"a kill by other therapy is 0 to 1 a day, not {request.other_kill_per_day:g}")
    if not 1 <= request.cycles <= MOST_TUMOUR_CYCLES:
        raise AskedWrongly(f"cycles are 1 to {MOST_TUMOUR_CYCLES}, not {request.cycles}")
    copies = changed.get("copies_per_cell", receptors(request.ihc))

    def value(name: str) -> float:
        return changed.get(name, model[name])

    loss = np.log(2) / (value("ecd_half_life") / 24)
    normal = value("ecd_healthy") / value("ecd_molecular_weight") * 1000 * loss
    # Shedding of one receptor: what keeps the healthy at their level, over all receptors of normal cells.
    shedding = normal * value("ecd_volume") * COPIES_A_NMOL / (value("normal_cells") * value("normal_copies"))
    half_nm = value("adcc_half_maximum") * 1e-3 * 1e6 / model["trastuzumab_molecular_weight"]
    payload = None
    if row and row["payload"] == "yes":
        payload = Payload(
            drug_to_antibody=value(f"{prefix}_drug_to_antibody"),
            influx_per_day=value(f"{prefix}_payload_influx") * SECONDS_A_DAY,
            efflux_per_day=value(f"{prefix}_payload_efflux") * SECONDS_A_DAY,
            permeability_um_per_day=value("payload_permeability"),
            diffusion_um2_per_day=value("payload_diffusion"),
            maximum_kill_per_day=value(f"{prefix}_maximum_kill"),
            half_kill_nm=changed.get(f"{prefix}_half_kill", typical_half_kill_nm(prefix)),
            hill=value(f"{prefix}_hill"),
            damages_dna=row["damages DNA"] == "yes",
        )
    return Tumour(
        copies_per_cell=copies,
        association_per_nm_per_day=value("association") * SECONDS_A_DAY,
        dissociation_constant_nm=value("dissociation_constant"),
        endocytosis_per_day=value("endocytosis") * SECONDS_A_DAY,
        recycling_per_day=value("recycling") * SECONDS_A_DAY,
        degradation_per_day=value("degradation") * SECONDS_A_DAY,
        shedding_per_day=float(shedding),
        bound_shedding_share=value("bound_shedding_share"),
        normal_ecd_nm_per_day=float(normal),
        ecd_loss_per_day=float(loss),
        ecd_complex_loss_per_day=float(np.log(2) / value("ecd_complex_half_life")),
        ecd_volume_l=value("ecd_volume"),
        ecd_molecular_weight=value("ecd_molecular_weight"),
        cell_volume_l=value("cell_volume"),
        antibody_share=value("antibody_share"),
        acellular_share=value("acellular_share"),
        capillary_radius_um=value("capillary_radius"),
        krogh_radius_um=value("krogh_radius"),
        doubling_time_days=value("doubling_time"),
        linear_growth_cm3_per_day=value("linear_growth") / 1000,
        maximal_volume_cm3=value("maximal_volume"),
        growth_switch=value("growth_switch"),
        initial_volume_cm3=volume,
        molecular_weight=value(f"{prefix}_molecular_weight"),
        permeability_um_per_day=value("permeability"),
        diffusion_um2_per_day=value("diffusion"),
        kill_delay_days=value(f"{prefix}_kill_delay"),
        signalling_maximum=value("signalling_maximum"),
        adcc_maximum_per_day=value("adcc_maximum"),
        adcc_half_copies=value("adcc_assay_copies") * half_nm / (half_nm + value("dissociation_constant")),
        stump_share=value("stump_share"),
        vessels_maximum=value("vessels_maximum"),
        repair_block=value("repair_block"),
        her2_drive=min(copies / receptors("3+"), 1.0),
        other_kill_per_day=request.other_kill_per_day,
        payload=payload,
    )


def typical_exposure(request: TumourRequest) -> SerumProfile:
    """The typical patient's concentrations on the schedule, hour by hour; none without a drug."""
    times = np.arange(request.days * 24 + 1) / 24
    row = drug_row(request.drug, request.schedule)
    if row is None:
        return SerumProfile(times, np.zeros_like(times))
    from ..exposure.population import typical_profile

    profile = typical_profile(plain(row["exposure model"]), request.schedule, request.cycles, times)
    return SerumProfile(times, np.asarray(profile, float))


def course_of(tumour: Tumour, terms: frozenset[str], exposure: SerumProfile, days: int) -> TumourCourse:
    """The course by whole days, from 0 to `days`, under the serum concentrations of `exposure`."""
    serum_nm = exposure.mg_per_l * 1e6 / tumour.molecular_weight
    return solve_course(tumour, terms, exposure.times_days, serum_nm, np.arange(days + 1.0))


def simulate_tumour(
    request: TumourRequest, exposure: SerumProfile | None = None, contributions: bool = True
) -> TumourRun:
    """One typical patient, and the same without each term in turn.

    `exposure` in place of the typical one; `contributions` off leaves out the runs without a term. Raises as
    `tumour_of`.
    """
    terms, tumour = terms_on(request), tumour_of(request)
    exposure = typical_exposure(request) if exposure is None else exposure
    whole = course_of(tumour, terms, exposure, request.days)
    nothing = SerumProfile(np.zeros(1), np.zeros(1))
    untreated = course_of(replace(tumour, other_kill_per_day=0.0), terms - {"payload"}, nothing, request.days)
    parts = []
    for term in TERMS if contributions and request.drug != "none" else ():
        if term in terms:
            less = course_of(tumour, terms - {term}, exposure, request.days)
            parts.append(
                Contribution(
                    term,
                    float(less.volume_cm3[-1]),
                    less.mean_occupancy,
                    float(less.ecd_total_ng_per_ml[-1]),
                )
            )
    other = None
    if contributions and request.drug != "none":
        model = tumour_model()
        moved = replace(
            tumour,
            permeability_um_per_day=model["mouse_permeability"],
            diffusion_um2_per_day=model["mouse_diffusion"],
        )
        other = course_of(moved, terms, exposure, request.days).mean_occupancy
    return TumourRun(request, terms, whole, untreated, parts, other)


@dataclass(frozen=True, slots=True)
class TumourPatients:
    """Many patients, arrays of one length: what was drawn, and what came of it."""

    request: TumourRequest
    terms: frozenset[str]
    start_volume_cm3: float
    columns: dict[str, Floats]


def drawn_parameters(request: TumourRequest, patients: int, seed: int) -> list[dict[str, float]]:
    """The parameters of each patient: receptors (log-normal), growth and the kill of a conjugate (normal, folded)."""
    model = tumour_model()
    row = drug_row(request.drug, request.schedule)
    names = list(SPREAD_OVER)
    if row and row["payload"] == "yes":
        names += [f"{plain(row['parameters'])}_maximum_kill", f"{plain(row['parameters'])}_half_kill"]
    typical, spread = receptors(request.ihc), model["receptor_spread"]
    rows = []
    for block in range((patients + BLOCK - 1) // BLOCK):
        for shifts in generator(seed, block, TUMOUR_STREAM).standard_normal((BLOCK, 5))[: patients - block * BLOCK]:
            one = {"copies_per_cell": typical * exp(spread * shifts[0])}
            for name, shift in zip(names, shifts[1:], strict=False):
                one[name] = abs(model[name] * (1 + model.parameters[name].spread * float(shift)))
            rows.append(one)
    return rows


def simulate_tumours(
    request: TumourRequest,
    patients: int,
    seed: int,
    exposure: SerumProfile | None = None,
    progress: Callable[[int], object] | None = None,
) -> TumourPatients:
    """Many patients with the typical exposure; `progress` is told how many were just simulated.

    Raises `AskedWrongly` for a number of patients or a seed out of bounds.
    """
    if not 1 <= patients <= 100_000:
        raise AskedWrongly(f"patients are 1 to 100000, not {patients}")
    if seed < 0:
        raise AskedWrongly(f"a seed is 0 or more, not {seed}")
    terms = terms_on(request)
    exposure = typical_exposure(request) if exposure is None else exposure
    rows = []
    for changed in drawn_parameters(request, patients, seed):
        course = course_of(tumour_of(request, **changed), terms, exposure, request.days)
        rows.append(
            {
                **changed,
                "mean_occupancy": course.mean_occupancy,
                "ecd_total_ng_per_ml": float(course.ecd_total_ng_per_ml[-1]),
                "volume_cm3": float(course.volume_cm3[-1]),
                "least_volume_cm3": float(course.volume_cm3.min()),
            }
        )
        if progress is not None:
            progress(1)
    start = tumour_of(request).initial_volume_cm3
    return TumourPatients(request, terms, start, {name: np.array([row[name] for row in rows]) for name in rows[0]})


def term_rows() -> list[dict[str, Any]]:
    """The terms with what they do, strength of evidence, size, whether identifiable, and source."""
    return [{name: plain(cell) for name, cell in row.items()} for row in tumour_model().grids["Terms"]]
