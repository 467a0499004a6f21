"""The kernel of mechanism and tumour: HER2, antibody, shed receptor, payload and volume as one set of equations.

The structure follows a published human model of conjugates (Scheuher 2024, doi:10.1007/s10928-023-09884-6) made
simpler: all cells of a tumour are alike in their receptors, there is one pool of payload in the cells and one outside
them, and one space for shed HER2; nothing that the tumour takes up is missing in the blood, whose concentrations are
given. Vessels supply the tumour as in a Krogh cylinder (Shah 2012, doi:10.1007/s10928-012-9276-y). What each term is
worth stands in the model's file.

Amounts in nmol, receptors as copies per cell, volumes in cm3, times in days, concentrations in nM (serum: also mg/L).
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import log, pi
from typing import Any

import numpy as np

from ...facts.problem import AskedWrongly
from ..arrays import Floats

TERMS = (
    "binding", "internalisation", "shedding", "shedding-block", "stump", "signalling", "adcc", "vessels", "repair",
    "payload",
)  # fmt: skip
"""What can be switched off, in the order of what happens."""
SECONDS_A_DAY = 86400.0
COPIES_A_NMOL = 6.02214076e14
LEAST_VOLUME_CM3 = 1e-9
"""Below this a tumour is too small for the equations; its radius is that of this volume."""
SEEN_CM3 = 0.001
"""A smaller tumour is seen by no image; the equations know no last cell."""
STATE_NAMES = (
    "free", "bound", "internal_free", "internal_bound", "antibody", "ecd_free", "ecd_complex", "living", "damaged_1",
    "damaged_2", "damaged_3", "payload_inside", "payload_outside", "entered", "lost",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Payload:
    """What a conjugate releases. Rates per day, concentrations in nM, lengths in µm."""

    drug_to_antibody: float
    influx_per_day: float
    efflux_per_day: float
    permeability_um_per_day: float
    diffusion_um2_per_day: float
    maximum_kill_per_day: float
    half_kill_nm: float
    hill: float
    damages_dna: bool


@dataclass(frozen=True, slots=True)
class Tumour:
    """A patient's tumour and drug: every number of the equations, with its unit in its name."""

    copies_per_cell: float
    association_per_nm_per_day: float
    dissociation_constant_nm: float
    endocytosis_per_day: float
    recycling_per_day: float
    degradation_per_day: float
    shedding_per_day: float
    bound_shedding_share: float
    normal_ecd_nm_per_day: float
    ecd_loss_per_day: float
    ecd_complex_loss_per_day: float
    ecd_volume_l: float
    ecd_molecular_weight: float
    cell_volume_l: float
    antibody_share: float
    acellular_share: float
    capillary_radius_um: float
    krogh_radius_um: float
    doubling_time_days: float
    linear_growth_cm3_per_day: float
    maximal_volume_cm3: float
    growth_switch: float
    initial_volume_cm3: float
    molecular_weight: float
    permeability_um_per_day: float
    diffusion_um2_per_day: float
    kill_delay_days: float
    signalling_maximum: float
    adcc_maximum_per_day: float
    adcc_half_copies: float
    stump_share: float
    vessels_maximum: float
    repair_block: float
    her2_drive: float
    """How much of the growth HER2 drives, 1 at IHC 3+: the scenario terms that slow growth are scaled by it."""
    other_kill_per_day: float = 0.0
    """Kill by a DNA-damaging therapy given beside, which less repair makes stronger."""
    payload: Payload | None = None


@dataclass(frozen=True, slots=True)
class TumourCourse:
    """A course by day: arrays of the length of `times_days`; copies per cell, volumes in cm3, serum in ng/mL."""

    times_days: Floats
    serum_nm: Floats
    states: dict[str, Floats]
    tumour: Tumour

    def __getitem__(self, name: str) -> Floats:
        return self.states[name]

    @property
    def occupancy(self) -> Floats:
        """The share of the HER2 on the surface that is bound, the mean of the tumour; 0 where there is none."""
        surface = self["free"] + self["bound"]
        return np.divide(self["bound"], surface, out=np.zeros_like(surface), where=surface > 0)

    @property
    def mean_occupancy(self) -> float:
        """The mean over the days on which there is a tumour to be seen."""
        return float(self.occupancy[self.volume_cm3 >= SEEN_CM3].mean()) if (self.volume_cm3 >= SEEN_CM3).any() else 0.0

    @property
    def occupancy_at_the_vessel(self) -> Floats:
        """The share bound on cells that see the concentration of the serum: C / (C + KD)."""
        return np.asarray(self.serum_nm / (self.serum_nm + self.tumour.dissociation_constant_nm))

    @property
    def volume_cm3(self) -> Floats:
        """The tumour with its dying cells."""
        return np.asarray(self["living"] + self["damaged_1"] + self["damaged_2"] + self["damaged_3"])

    @property
    def ecd_free_ng_per_ml(self) -> Floats:
        """Shed HER2 without antibody in serum, as mass."""
        return np.asarray(self["ecd_free"] * self.tumour.ecd_molecular_weight / 1000)

    @property
    def ecd_total_ng_per_ml(self) -> Floats:
        """Free and bound to antibody, as mass of shed HER2."""
        return np.asarray((self["ecd_free"] + self["ecd_complex"]) * self.tumour.ecd_molecular_weight / 1000)

    @property
    def interstitial_nm(self) -> Floats:
        """Antibody that is not bound, between the cells."""
        litres = np.maximum(self.volume_cm3, LEAST_VOLUME_CM3) / 1000
        return np.asarray(self["antibody"] / (self.tumour.antibody_share * litres))

    @property
    def payload_nm(self) -> Floats:
        """Payload in the cells."""
        litres = np.maximum(self.volume_cm3, LEAST_VOLUME_CM3) / 1000
        return np.asarray(self["payload_inside"] / ((1 - self.tumour.acellular_share) * litres))

    @property
    def antibody_in_tumour_nmol(self) -> Floats:
        """All antibody in the tumour: between the cells, on them and in them. Equals `entered` less `lost`."""
        cells = self.volume_cm3 / 1000 * (1 - self.tumour.acellular_share) / self.tumour.cell_volume_l
        return np.asarray(self["antibody"] + (self["bound"] + self["internal_bound"]) * cells / COPIES_A_NMOL)


def supply_per_day(
    permeability_um_per_day: float, diffusion_um2_per_day: float, tumour: Tumour, volume_cm3: float
) -> float:
    """How fast vessels and the tumour's surface exchange with it (Krogh cylinder, Shah 2012)."""
    radius_um = (3 * max(volume_cm3, LEAST_VOLUME_CM3) / (4 * pi)) ** (1 / 3) * 1e4
    through_vessels = 2 * permeability_um_per_day * tumour.capillary_radius_um / tumour.krogh_radius_um**2
    return float(through_vessels + 6 * diffusion_um2_per_day / radius_um**2)


def growth_per_day(tumour: Tumour, volume_cm3: float) -> float:
    """Growth as a share of the volume: exponential, later linear, limited (Simeoni 2004 as in Scheuher 2024)."""
    exponential = log(2) / tumour.doubling_time_days
    ratio = exponential * volume_cm3 / tumour.linear_growth_cm3_per_day
    limited = exponential * (1 - volume_cm3 / tumour.maximal_volume_cm3)
    return float(limited / (1 + ratio**tumour.growth_switch) ** (1 / tumour.growth_switch))


def switched(tumour: Tumour, terms: frozenset[str]) -> Tumour:
    """The tumour with only these terms: what is off is a number that does nothing.

    Without internalisation no receptor enters a cell; without the block bound receptors are cut as free ones. Raises
    `AskedWrongly` for a term that there is not.
    """
    unknown = sorted(terms - set(TERMS))
    if unknown:
        raise AskedWrongly(f"no term is called {unknown[0]!r}; there are {', '.join(TERMS)}")
    off: dict[str, dict[str, Any]] = {
        "binding": {"association_per_nm_per_day": 0.0},
        "internalisation": {"endocytosis_per_day": 0.0},
        # Without shedding there is no stump to lose: growth is then that of the untreated tumour, not less.
        "shedding": {"shedding_per_day": 0.0, "normal_ecd_nm_per_day": 0.0, "stump_share": 0.0},
        "shedding-block": {"bound_shedding_share": 1.0},
        "stump": {"stump_share": 0.0},
        "signalling": {"signalling_maximum": 0.0},
        "adcc": {"adcc_maximum_per_day": 0.0},
        "vessels": {"vessels_maximum": 0.0},
        "repair": {"repair_block": 0.0},
        "payload": {"payload": None},
    }
    changes: dict[str, Any] = {}
    for term in TERMS:
        if term not in terms:
            changes |= off[term]
    return replace(tumour, **changes)


def internal_copies(tumour: Tumour) -> float:
    """HER2 in an untreated cell, where what enters, returns and is destroyed is in balance."""
    return tumour.endocytosis_per_day * tumour.copies_per_cell / (tumour.recycling_per_day + tumour.degradation_per_day)


def initial_state(tumour: Tumour) -> list[float]:
    """The steady state without drug, for a tumour that keeps its size."""
    state = dict.fromkeys(STATE_NAMES, 0.0)
    state["free"], state["internal_free"] = tumour.copies_per_cell, internal_copies(tumour)
    state["living"] = tumour.initial_volume_cm3
    shed_nmol = tumour.shedding_per_day * tumour.copies_per_cell * nmol_per_copy(tumour, tumour.initial_volume_cm3)
    state["ecd_free"] = (tumour.normal_ecd_nm_per_day + shed_nmol / tumour.ecd_volume_l) / tumour.ecd_loss_per_day
    return [state[name] for name in STATE_NAMES]


def nmol_per_copy(tumour: Tumour, volume_cm3: float) -> float:
    """What one copy on every cell of a tumour of so many cm3 comes to, in nmol."""
    return volume_cm3 / 1000 * (1 - tumour.acellular_share) / tumour.cell_volume_l / COPIES_A_NMOL


def growth_left(tumour: Tumour, free: float, bound: float) -> float:
    """The share of growth that the antibody leaves: less signal, fewer vessels, fewer stumps (scenario terms).

    `free` and `bound` receptors in copies per cell.
    """
    surface = free + bound
    occupancy = min(max(bound / surface, 0.0), 1.0) if surface > 0 else 0.0
    drive = tumour.her2_drive
    left = (1 - tumour.signalling_maximum * drive * occupancy) * (1 - tumour.vessels_maximum * drive * occupancy)
    if tumour.stump_share > 0 and tumour.copies_per_cell > 0:
        cut = (free + tumour.bound_shedding_share * bound) / tumour.copies_per_cell
        left *= 1 - tumour.stump_share * drive * min(max(1 - cut, 0.0), 1.0)
    return left


def kill_per_day(tumour: Tumour, free: float, bound: float, payload_nm: float) -> float:
    """How fast cells begin to die: immune cells, payload, and other therapy, the latter two helped by less repair.

    `free` and `bound` receptors in copies per cell.
    """
    surface = free + bound
    occupancy = min(max(bound / surface, 0.0), 1.0) if surface > 0 else 0.0
    unrepaired = 1 / (1 - tumour.repair_block * occupancy)
    kill = tumour.other_kill_per_day * unrepaired
    if bound > 0:
        kill += tumour.adcc_maximum_per_day * bound / (bound + tumour.adcc_half_copies)
    payload = tumour.payload
    if payload is not None and payload_nm > 0:
        # From below: the power of a ratio near nothing would be too large for a number.
        inside = max(payload_nm, payload.half_kill_nm * 1e-9)
        share = 1 / (1 + (payload.half_kill_nm / inside) ** payload.hill)
        kill += payload.maximum_kill_per_day * share * (unrepaired if payload.damages_dna else 1.0)
    return kill


def rates(tumour: Tumour, serum_nm: Callable[[float], float]) -> Callable[[float, Sequence[float]], list[float]]:
    """The right-hand side: (day, state in the order of `STATE_NAMES`) -> change per day."""
    kon = tumour.association_per_nm_per_day
    koff = kon * tumour.dissociation_constant_nm
    endocytosis, recycling = tumour.endocytosis_per_day, tumour.recycling_per_day
    degradation, shedding = tumour.degradation_per_day, tumour.shedding_per_day
    copies, inner_copies = tumour.copies_per_cell, internal_copies(tumour)
    synthesis = shedding * copies + degradation * inner_copies
    delay = tumour.kill_delay_days
    payload = tumour.payload

    def change(day: float, state: Sequence[float]) -> list[float]:
        (
            free, bound, inner_free, inner_bound, antibody, ecd, ecd_bound, living, first, second, third, payload_in,
            payload_out, _, _,
        ) = state  # fmt: skip
        volume = max(living + first + second + third, LEAST_VOLUME_CM3)
        litres, per_copy = volume / 1000, nmol_per_copy(tumour, volume)
        serum, between = serum_nm(day), antibody / (tumour.antibody_share * litres)

        # Cells.
        kill = kill_per_day(tumour, free, bound, payload_in / ((1 - tumour.acellular_share) * litres))
        born = max(growth_per_day(tumour, volume), 0.0) * growth_left(tumour, free, bound) * living
        begin = kill * living
        born_share, dying_share = born / volume, third / delay / volume

        # Receptors: new cells bring their own, so that what is there is thinned.
        binds = kon * between * free - koff * bound
        sheds_bound = shedding * tumour.bound_shedding_share * bound

        # Antibody, in nmol. Normal cells, which shed too, see the serum itself.
        supply = supply_per_day(tumour.permeability_um_per_day, tumour.diffusion_um2_per_day, tumour, volume)
        enters = supply * litres * (serum - between)
        degraded = degradation * inner_bound * per_copy
        with_the_dead = dying_share * (bound + inner_bound) * per_copy
        normal_bound = serum / (serum + tumour.dissociation_constant_nm) if kon > 0 else 0.0
        normal = tumour.normal_ecd_nm_per_day
        ecd_binds = kon * serum * ecd - koff * ecd_bound
        to_serum = per_copy / tumour.ecd_volume_l

        released = payload_leaves = payload_from_outside = 0.0
        if payload is not None:
            washout = supply_per_day(payload.permeability_um_per_day, payload.diffusion_um2_per_day, tumour, volume)
            payload_from_outside = payload.influx_per_day * payload_out - payload.efflux_per_day * payload_in
            payload_leaves = washout / tumour.acellular_share * payload_out
            released = payload.drug_to_antibody
        return [
            synthesis - binds - (endocytosis + shedding) * free + recycling * inner_free + born_share * (copies - free),
            binds - endocytosis * bound - sheds_bound + recycling * inner_bound - born_share * bound,
            endocytosis * free - (recycling + degradation) * inner_free + born_share * (inner_copies - inner_free),
            endocytosis * bound - (recycling + degradation + born_share) * inner_bound,
            enters - binds * per_copy,
            normal * (1 - normal_bound) + shedding * free * to_serum - ecd_binds - tumour.ecd_loss_per_day * ecd,
            normal * tumour.bound_shedding_share * normal_bound
            + sheds_bound * to_serum
            + ecd_binds
            - tumour.ecd_complex_loss_per_day * ecd_bound,
            born - begin,
            begin - first / delay,
            (first - second) / delay,
            (second - third) / delay,
            released * degraded + payload_from_outside - dying_share * payload_in,
            released * with_the_dead + dying_share * payload_in - payload_from_outside - payload_leaves,
            enters,
            degraded + with_the_dead + sheds_bound * per_copy,
        ]

    return change


def solve_course(
    tumour: Tumour,
    terms: frozenset[str],
    serum_times_days: Any,
    serum_nm: Any,
    times_days: Any,
    tolerance: float = 1e-6,
) -> TumourCourse:
    """Solve the equations with the terms that are on.

    `serum_times_days` and `serum_nm`: arrays of equal length, rising times, concentrations between them by straight
    lines and held before the first and after the last. `times_days`: days of the output, rising; the first is the
    start. Raises `AskedWrongly` for a term that there is not, for arrays that do not fit, and where no solution is
    found.
    """
    from scipy.integrate import solve_ivp

    days, serum = np.asarray(serum_times_days, float), np.asarray(serum_nm, float)
    if days.ndim != 1 or days.shape != serum.shape or days.size == 0 or np.any(np.diff(days) < 0):
        raise AskedWrongly("an exposure is times (rising) and concentrations, two lists of one length")
    if not np.all(np.isfinite(serum)) or serum.min() < 0:
        raise AskedWrongly("a concentration in serum is 0 or more")
    on, output = switched(tumour, terms), np.asarray(times_days, float)
    copies, size = max(tumour.copies_per_cell, 1.0), tumour.initial_volume_cm3
    nmol = copies * nmol_per_copy(tumour, size)
    smallest = [copies * 1e-6] * 4 + [nmol * 1e-6] + [1e-8] * 2 + [size * 1e-9] * 4 + [nmol * 1e-6] * 4
    solved = solve_ivp(
        rates(on, between_lines(days.tolist(), serum.tolist())),
        (float(output[0]), float(output[-1])),
        initial_state(on),
        method="LSODA",
        t_eval=output,
        rtol=tolerance,
        atol=smallest,
        max_step=1.0,
    )
    if not solved.success:
        raise AskedWrongly(f"the equations of the tumour could not be solved: {solved.message}")
    return TumourCourse(output, np.interp(output, days, serum), dict(zip(STATE_NAMES, solved.y, strict=True)), on)


def between_lines(days: list[float], values: list[float]) -> Callable[[float], float]:
    """A function of the day through the points, by straight lines; for one day at a time quicker than arrays.

    It holds the first value before the first day, and the last after the last.
    """

    def value(day: float) -> float:
        after = bisect_right(days, day)
        if after in (0, len(days)):
            return values[max(after - 1, 0)]
        start, end = days[after - 1], days[after]
        return values[after - 1] + (day - start) / (end - start) * (values[after] - values[after - 1])

    return value
