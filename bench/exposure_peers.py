"""Other ways to the same concentrations, for `bench/exposure.py`: general solvers, written as one would write them.

All solve two compartments with linear and Michaelis-Menten elimination, and the area under the curve with them; the
kernel of `her2path` also carries a third compartment, a depot and an effect compartment, which are empty here.
Every way gives concentrations and areas (outputs x patients) in mg/L and mg d/L.

- `dormand_prince`: the explicit pair of orders 5 and 4 (doi:10.1016/0771-050X(80)90013-3) with steps of its own for
  each patient, compiled by numba; a step ends at each event and output, its length is carried on.
- `runge_kutta`: the classic one of order 4 with fixed steps, patients in lock-step, compiled by numba.
- `scipy_lsoda`, `scipy_reference`: `solve_ivp` from event to event, with LSODA and its dense output, or with DOP853 as
  the reference for the error.
- `desolve_lsoda`: R's deSolve, its equations compiled from C, the infusions as events.
"""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from shutil import which
from typing import Any

import numba
import numpy as np
import numpy.typing as npt

from her2path.simulate.exposure.kernel import CLEARANCE, FLOW, MAXIMUM, MICHAELIS, SECOND_VOLUME, VOLUME
from her2path.simulate.exposure.schedule import Pieces

Numbers = npt.NDArray[np.float64]
Filled = tuple[Numbers, Numbers]
FIRST_STEP_DAYS, AFTER_EVENT_DAYS = 1e-6, 0.01
HARDEST = 40


@dataclass(frozen=True, slots=True)
class Work:
    """What everybody solves: the kernel's parameters (parameters x patients), mg (patients x doses), the pieces."""

    parameters: Numbers
    amounts_mg: Numbers
    pieces: Pieces

    @property
    def patients(self) -> int:
        return self.parameters.shape[1]

    def of(self, places: slice | Numbers) -> Work:
        """The same for some of the patients."""
        some = np.ascontiguousarray(self.parameters[:, places])
        return Work(some, np.ascontiguousarray(self.amounts_mg[places]), self.pieces)

    def nothing(self) -> Filled:
        shape = len(self.pieces.times), self.patients
        return np.empty(shape), np.empty(shape)


@numba.njit(inline="always", error_model="numpy")
def slope(c, x, rate, out, k12, k21, vm, km):  # type: ignore[no-untyped-def]
    """What c and x change by in a day."""
    return rate + k21 * x - out * c - vm * c / (km + c), k12 * c - k21 * x


@numba.njit(error_model="numpy")
def rates_of(parameters, i):  # type: ignore[no-untyped-def]
    """out, k12, k21 (1/d), vm (mg/L/d) and km (mg/L) of a patient."""
    v = parameters[VOLUME, i]
    k12 = parameters[FLOW, i] / v
    k21 = parameters[FLOW, i] / parameters[SECOND_VOLUME, i]
    return parameters[CLEARANCE, i] / v + k12, k12, k21, parameters[MAXIMUM, i] / v, parameters[MICHAELIS, i]


@numba.njit(nogil=True, error_model="numpy")
def _dormand_prince(parameters, amounts, lengths, spans, starts, ends, outputs, rtol, atol, made, areas):  # type: ignore[no-untyped-def]
    for i in range(parameters.shape[1]):
        out, k12, k21, vm, km = rates_of(parameters, i)
        c = x = area = rate = 0.0
        # From nothing the elimination sets in within a wink: a first step must be short to see it.
        h = FIRST_STEP_DAYS
        for piece in range(len(spans)):
            if ends[piece] >= 0:
                rate = 0.0
            dose = starts[piece]
            if dose >= 0:
                rate = amounts[i, dose] / lengths[dose] / parameters[VOLUME, i]
            if ends[piece] >= 0 or dose >= 0:
                h = min(h, AFTER_EVENT_DAYS)
            left = spans[piece]
            c1, x1 = slope(c, x, rate, out, k12, k21, vm, km)
            while left > 0.0:
                g = min(h, left)
                a2 = c + g * c1 / 5
                c2, x2 = slope(a2, x + g * x1 / 5, rate, out, k12, k21, vm, km)
                a3 = c + g * (3 / 40 * c1 + 9 / 40 * c2)
                c3, x3 = slope(a3, x + g * (3 / 40 * x1 + 9 / 40 * x2), rate, out, k12, k21, vm, km)
                a4 = c + g * (44 / 45 * c1 - 56 / 15 * c2 + 32 / 9 * c3)
                b4 = x + g * (44 / 45 * x1 - 56 / 15 * x2 + 32 / 9 * x3)
                c4, x4 = slope(a4, b4, rate, out, k12, k21, vm, km)
                a5 = c + g * (19372 / 6561 * c1 - 25360 / 2187 * c2 + 64448 / 6561 * c3 - 212 / 729 * c4)
                b5 = x + g * (19372 / 6561 * x1 - 25360 / 2187 * x2 + 64448 / 6561 * x3 - 212 / 729 * x4)
                c5, x5 = slope(a5, b5, rate, out, k12, k21, vm, km)
                a6 = c + g * (9017 / 3168 * c1 - 355 / 33 * c2 + 46732 / 5247 * c3 + 49 / 176 * c4 - 5103 / 18656 * c5)
                b6 = x + g * (9017 / 3168 * x1 - 355 / 33 * x2 + 46732 / 5247 * x3 + 49 / 176 * x4 - 5103 / 18656 * x5)
                c6, x6 = slope(a6, b6, rate, out, k12, k21, vm, km)
                cc = c + g * (35 / 384 * c1 + 500 / 1113 * c3 + 125 / 192 * c4 - 2187 / 6784 * c5 + 11 / 84 * c6)
                xx = x + g * (35 / 384 * x1 + 500 / 1113 * x3 + 125 / 192 * x4 - 2187 / 6784 * x5 + 11 / 84 * x6)
                c7, x7 = slope(cc, xx, rate, out, k12, k21, vm, km)
                # The area's slope is c, so that its stages are the arguments of the slopes above.
                more = g * (35 / 384 * c + 500 / 1113 * a3 + 125 / 192 * a4 - 2187 / 6784 * a5 + 11 / 84 * a6)
                wrong_c = g * (71 / 57600 * c1 - 71 / 16695 * c3 + 71 / 1920 * c4 - 17253 / 339200 * c5
                               + 22 / 525 * c6 - c7 / 40)  # fmt: skip
                wrong_x = g * (71 / 57600 * x1 - 71 / 16695 * x3 + 71 / 1920 * x4 - 17253 / 339200 * x5
                               + 22 / 525 * x6 - x7 / 40)  # fmt: skip
                of_c = wrong_c / (atol + rtol * max(abs(c), abs(cc)))
                of_x = wrong_x / (atol + rtol * max(abs(x), abs(xx)))
                error = max(((of_c * of_c + of_x * of_x) / 2) ** 0.5, 1e-10)
                if error <= 1.0:
                    c, x, c1, x1 = cc, xx, c7, x7
                    area += more
                    left -= g
                    # A step cut short by an output says little of how long the next may be.
                    h = max(h, g * min(5.0, 0.9 * error**-0.2)) if g < h else g * min(5.0, 0.9 * error**-0.2)
                else:
                    h = g * max(0.2, 0.9 * error**-0.2)
            place = outputs[piece]
            if place >= 0:
                made[place, i] = c
                areas[place, i] = area


def dormand_prince(work: Work, rtol: float, atol: float, into: Filled | None = None) -> Filled:
    """Concentrations and areas by Dormand-Prince, each patient with steps of her own."""
    made, areas = into or work.nothing()
    p = work.pieces
    _dormand_prince(
        work.parameters, work.amounts_mg, p.lengths, p.spans, p.starts, p.ends, p.outputs, rtol, atol, made, areas
    )
    return made, areas


@numba.njit(inline="always", error_model="numpy")
def classic_step(c, x, area, h, rate, out, k12, k21, vm, km):  # type: ignore[no-untyped-def]
    """One step of order 4 of one patient; the divisions of the four slopes are all it has besides sums."""
    c1, x1 = slope(c, x, rate, out, k12, k21, vm, km)
    a2 = c + 0.5 * h * c1
    c2, x2 = slope(a2, x + 0.5 * h * x1, rate, out, k12, k21, vm, km)
    a3 = c + 0.5 * h * c2
    c3, x3 = slope(a3, x + 0.5 * h * x2, rate, out, k12, k21, vm, km)
    a4 = c + h * c3
    c4, x4 = slope(a4, x + h * x3, rate, out, k12, k21, vm, km)
    sixth = h / 6
    area += sixth * (c + 2 * a2 + 2 * a3 + a4)
    return c + sixth * (c1 + 2 * c2 + 2 * c3 + c4), x + sixth * (x1 + 2 * x2 + 2 * x3 + x4), area


@numba.njit(nogil=True, error_model="numpy")
def _runge_kutta(parameters, amounts, lengths, spans, starts, ends, outputs, step_days, least, lanes, made, areas):  # type: ignore[no-untyped-def]
    count = parameters.shape[1]
    now, own, rate = np.zeros((3, lanes)), np.ones((5, lanes)), np.zeros(lanes)
    for base in range(0, count, lanes):
        here = min(lanes, count - base)
        for i in range(here):
            own[0, i], own[1, i], own[2, i], own[3, i], own[4, i] = rates_of(parameters, base + i)
        now[:] = 0.0
        rate[:] = 0.0
        for piece in range(len(spans)):
            if ends[piece] >= 0:
                rate[:] = 0.0
            dose = starts[piece]
            if dose >= 0:
                for i in range(here):
                    rate[i] = amounts[base + i, dose] / lengths[dose] / parameters[VOLUME, base + i]
            if spans[piece] > 0.0:
                steps = max(int(np.ceil(spans[piece] / step_days)), least if dose >= 0 else 1)
                h = spans[piece] / steps
                for _ in range(steps):
                    for i in range(lanes):
                        now[0, i], now[1, i], now[2, i] = classic_step(
                            now[0, i], now[1, i], now[2, i], h, rate[i], own[0, i], own[1, i], own[2, i], own[3, i],
                            own[4, i],
                        )  # fmt: skip
            place = outputs[piece]
            if place >= 0:
                for i in range(here):
                    made[place, base + i] = now[0, i]
                    areas[place, base + i] = now[2, i]


def runge_kutta(work: Work, step_days: float, least: int, lanes: int, into: Filled | None = None) -> Filled:
    """Concentrations and areas by the classic method, `lanes` patients in lock-step.

    Steps are of at most `step_days`, and an infusion has at least `least` of them.
    """
    made, areas = into or work.nothing()
    p = work.pieces
    _runge_kutta(
        work.parameters, work.amounts_mg, p.lengths, p.spans, p.starts, p.ends, p.outputs, step_days, least, lanes, made,
        areas,
    )  # fmt: skip
    return made, areas


def scipy_lsoda(work: Work, rtol: float, atol: float) -> Filled:
    """Concentrations and areas by `solve_ivp` with LSODA from event to event, outputs by its interpolation."""
    return _scipy(work, "LSODA", rtol, atol, exact_outputs=False)


def scipy_reference(work: Work) -> Filled:
    """Concentrations and areas by DOP853 at a relative tolerance of 1e-12, every output at the end of a step."""
    return _scipy(work, "DOP853", 1e-12, 1e-14, exact_outputs=True)


def _scipy(work: Work, method: str, rtol: float, atol: float, *, exact_outputs: bool) -> Filled:
    from scipy.integrate import solve_ivp

    made, areas = work.nothing()
    p = work.pieces
    days = np.cumsum(p.spans)
    # The places of the pieces at whose beginning nothing happens, so that they can be run through at once.
    cuts = [place for place in range(len(days)) if exact_outputs or p.starts[place] >= 0 or p.ends[place] >= 0]
    for i in range(work.patients):
        slopes = _slopes(*rates_of(work.parameters, i))
        state, rate = np.zeros(3), 0.0
        for first, last in zip(cuts, [*cuts[1:], len(days)], strict=True):
            if p.ends[first] >= 0:
                rate = 0.0
            if (dose := p.starts[first]) >= 0:
                rate = work.amounts_mg[i, dose] / p.lengths[dose] / work.parameters[VOLUME, i]
            begin, end = days[first] - p.spans[first], days[last - 1]
            if end <= begin:
                continue
            asked = np.unique(np.append(days[first:last][p.outputs[first:last] >= 0], end))
            found = solve_ivp(
                slopes, (begin, end), state, method=method, t_eval=asked, rtol=rtol, atol=atol, args=(rate,)
            )
            for place in range(first, last):
                if p.outputs[place] >= 0:
                    column = int(np.searchsorted(asked, days[place]))
                    made[p.outputs[place], i], areas[p.outputs[place], i] = found.y[0, column], found.y[2, column]
            state = found.y[:, -1]
    return made, areas


def _slopes(out: float, k12: float, k21: float, vm: float, km: float) -> Callable[..., tuple[float, float, float]]:
    def of(_day: float, state: Numbers, rate: float) -> tuple[float, float, float]:
        c, x = float(state[0]), float(state[1])
        return rate + k21 * x - out * c - vm * c / (km + c), k12 * c - k21 * x, c

    return of


# -- the error ---------------------------------------------------------------------------------


def errors(found: Filled, exact: Filled) -> dict[str, float]:
    """The largest and the 99.99th percentile of the relative error of concentrations, and the largest of areas."""
    count = found[0].shape[1]
    wrong, wrong_area = (
        np.abs(mine - whole[:, :count]) / whole[:, :count] for mine, whole in zip(found, exact, strict=True)
    )
    return {"most": float(wrong.max()), "p99.99": float(np.quantile(wrong, 0.9999)), "area": float(wrong_area.max())}


def reference(work: Work, exact: Filled) -> dict[str, Any]:
    """The kernel at 1e-13 against DOP853 in those with the fastest elimination, the least drug, and the first.

    And against Dormand-Prince at 1e-11 in everybody.
    """
    fastest = np.argsort(-work.parameters[MAXIMUM] / work.parameters[VOLUME] / work.parameters[MICHAELIS])
    least = np.argsort(exact[0].min(axis=0))
    third = HARDEST * 3 // 8
    places = np.unique(np.concatenate([fastest[:third], least[:third], np.arange(HARDEST - 2 * third)]))
    made = scipy_reference(work.of(places))
    told = errors((exact[0][:, places], exact[1][:, places]), made)
    everybody = errors(exact, dormand_prince(work, 1e-11, 1e-13))
    return {"patients": len(places), "least mg/L": float(exact[0].min()), "everybody": everybody["most"]} | told


# -- R -----------------------------------------------------------------------------------------

C_EQUATIONS = """
static double p[5];
void initmod(void (*parms)(int *, double *)) { int n = 5; parms(&n, p); }
void slopes(int *n, double *t, double *y, double *dy, double *more, int *ip) {
  dy[0] = y[3] + p[2] * y[1] - p[0] * y[0] - p[3] * y[0] / (p[4] + y[0]);
  dy[1] = p[1] * y[0] - p[2] * y[1];
  dy[2] = y[0];
  dy[3] = 0.0;
}
"""
R_SCRIPT = """
suppressMessages(library(deSolve))
given <- commandArgs(trailingOnly = TRUE)
dyn.load("model.so")
rates <- as.matrix(read.csv("rates.csv", header = FALSE)); amounts <- as.matrix(read.csv("amounts.csv", header = FALSE))
doses <- read.csv("doses.csv", header = FALSE); times <- scan("times.csv", quiet = TRUE)
begin <- doses[[1]]; lengths <- doses[[2]]; end <- begin + lengths
all <- sort(unique(c(0, times, begin, end))); places <- match(times, all)
events <- data.frame(var = "rate", time = c(begin, end), value = 0, method = "add")
events_order <- order(events$time)
found <- matrix(0, nrow(rates), 2 * length(times))
taken <- system.time(for (i in seq_len(nrow(rates))) {
  r <- amounts[i, ] / lengths
  events$value <- c(r, -r)
  y <- ode(c(c = 0, x = 0, area = 0, rate = 0), all, "slopes", rates[i, ], dllname = "model", initfunc = "initmod",
           method = "lsoda", rtol = as.numeric(given[1]), atol = as.numeric(given[2]),
           events = list(data = events[events_order, ]), maxsteps = 1e5)
  found[i, ] <- c(y[places, "c"], y[places, "area"])
}, gcFirst = TRUE)
cat(taken[["elapsed"]], "\n")
write.table(found, "found.csv", sep = ",", row.names = FALSE, col.names = FALSE)
"""


def desolve_missing() -> str:
    """Why R's deSolve cannot be measured here; "" where it can."""
    if which("Rscript") is None:
        return "no Rscript"
    if which("cc") is None:
        return "no C compiler"
    known = subprocess.run(["Rscript", "-e", "library(deSolve)"], check=False, capture_output=True).returncode == 0
    return "" if known else "no R package deSolve"


class DeSolve:
    """R's deSolve for one work: its input is written and its equations compiled once; `solve` is then called again."""

    def __init__(self, work: Work, folder: str) -> None:
        self.work, self.folder = work, Path(folder)
        self.write("model.c", C_EQUATIONS)
        self.write("run.R", R_SCRIPT)
        subprocess.run(["cc", "-O2", "-shared", "-fPIC", "-o", "model.so", "model.c"], cwd=folder, check=True)
        p = work.pieces
        begins = np.cumsum(p.spans)[p.starts >= 0] - p.spans[p.starts >= 0]
        doses = p.starts[p.starts >= 0]
        self.table("doses.csv", np.column_stack([begins, p.lengths[doses]]))
        self.table("amounts.csv", work.amounts_mg[:, doses] / work.parameters[VOLUME][:, None])
        self.table("rates.csv", np.array([rates_of(work.parameters, i) for i in range(work.patients)]))
        self.table("times.csv", p.times[:, None])

    def write(self, name: str, text: str) -> None:
        (self.folder / name).write_text(text, encoding="utf-8")

    def table(self, name: str, values: Numbers) -> None:
        np.savetxt(self.folder / name, values, delimiter=",", fmt="%.17g")

    def solve(self, rtol: float, atol: float) -> tuple[float, Numbers, Numbers]:
        """Seconds as R counts them, without its start-up and its files; concentrations; areas."""
        run = subprocess.run(
            ["Rscript", "run.R", str(rtol), str(atol)], cwd=self.folder, check=True, capture_output=True, text=True
        )
        found = np.loadtxt(self.folder / "found.csv", delimiter=",", ndmin=2).T
        outputs = len(self.work.pieces.times)
        return float(run.stdout.split()[-1]), found[:outputs], found[outputs:]


def desolve_folder() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="exposure-bench-")
