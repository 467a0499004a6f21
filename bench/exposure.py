"""Measure the exposure kernel: 10,000 patients, 18 cycles every three weeks, 144 outputs each, against other solvers.

    python bench/exposure.py [--patients 10000] [--rounds 7] [--json RESULTS.json]

Everybody solves the same patients and gives concentrations and areas; the other solvers are in `exposure_peers.py`. The
sides are taken in turn within one run, what is printed are medians, and next to every rate stands the error that it
comes with. An error is relative, over all outputs of all patients measured, against the kernel at a tolerance of
1e-13, which in turn is held against SciPy's DOP853 in the patients that are hardest to solve.
"""

from __future__ import annotations

import argparse
import ast
import inspect
import json
import os
import re
import statistics
import textwrap
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numba
import numpy as np
from exposure_peers import (
    DeSolve,
    Filled,
    Numbers,
    Work,
    desolve_folder,
    desolve_missing,
    dormand_prince,
    errors,
    reference,
    runge_kutta,
    scipy_lsoda,
)
from machine import machine_facts

from her2path.simulate.exposure.kernel import FLOOR_MG_PER_L, VOLUME, constants, profiles, step
from her2path.simulate.exposure.population import (
    STEP_TOLERANCE,
    ExposureRequest,
    individuals,
    request_for,
    simulated_concentrations,
)
from her2path.simulate.exposure.schedule import CYCLE_LENGTH_DAYS, cut
from her2path.simulate.patients import BLOCK

CYCLES, OUTPUTS_A_CYCLE = 18, 8
SAMPLE, SAMPLE_IN_R = 30, 300
REFERENCE_TOLERANCE = 1e-13
TARGET, TARGET_ERROR = 50_000, 1e-5
KEY = f"her2path, tolerance {STEP_TOLERANCE:g}"
TWO = f"{KEY}, 2 threads"


def main() -> None:
    """Measure, print, and keep the results where asked."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--patients", type=int, default=10_000)
    options.add_argument("--rounds", type=int, default=7)
    options.add_argument("--json", type=Path, metavar="FILE")
    chosen = options.parse_args()
    request = request_for(cycles=CYCLES, patients=4 * chosen.patients)
    big = work_for(request, 4 * chosen.patients)
    work = big.of(slice(0, chosen.patients))
    made = Kernel(work, REFERENCE_TOLERANCE)()
    exact = made[0], made[1]
    found: dict[str, Any] = {"machine": machine_facts() | {"scipy": version("scipy"), "load": load()}}
    found["reference"] = reference(work, exact)
    if max(found["reference"]["most"], found["reference"]["everybody"]) > TARGET_ERROR / 1000:
        raise SystemExit(f"the kernel and its references differ: {found['reference']}")
    found["sides"] = sides(request, work, exact, chosen.rounds)
    found["limit"] = limit(work, found["sides"][KEY]["patients per second"])
    found["patients"] = linear(big, chosen.rounds)
    found["identical"] = identical(work)
    found["courses"] = courses()
    found["machine"]["load"] += f" before, {load()} after (of this bench too)"
    show(found, chosen.patients)
    if chosen.json:
        chosen.json.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


def load() -> str:
    return f"{os.getloadavg()[0]:.1f}"


def seconds(function: Callable[[], object]) -> float:
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def work_for(request: ExposureRequest, count: int) -> Work:
    """The first patients of a request, with eight outputs in every cycle, the last just before the next dose."""
    every = CYCLE_LENGTH_DAYS / OUTPUTS_A_CYCLE
    pieces = cut(request.schedule, [place * every for place in range(1, CYCLES * OUTPUTS_A_CYCLE + 1)])
    parameters, weight_kg = individuals(request, 0, count)
    return Work(np.ascontiguousarray(parameters), request.schedule.amounts_mg(weight_kg), pieces)


# -- the kernel --------------------------------------------------------------------------------


class Kernel:
    """The kernel on one work in portions, one for each thread if not said; what it fills is kept from call to call."""

    def __init__(self, work: Work, tolerance: float, portion: int | None = None, threads: int = 1) -> None:
        size = portion or -(-work.patients // threads)
        self.parts = [work.of(slice(first, first + size)) for first in range(0, work.patients, size)]
        self.filled = [(*part.nothing(), part.nothing()[0]) for part in self.parts]
        self.tolerance, self.threads = tolerance, threads
        for filled in self.filled:
            for each in filled:
                each.fill(0.0)

    def one(self, place: int) -> None:
        part, p = self.parts[place], self.parts[place].pieces
        profiles(
            part.parameters, part.amounts_mg, p.lengths, p.routes, p.spans, p.starts, p.ends, p.outputs,
            0.0, self.tolerance, *self.filled[place],
        )  # fmt: skip

    def fill(self) -> None:
        if self.threads == 1:
            for place in range(len(self.parts)):
                self.one(place)
        else:
            with ThreadPoolExecutor(self.threads) as pool:
                list(pool.map(self.one, range(len(self.parts))))

    def __call__(self) -> list[Numbers]:
        """Concentrations, areas and effects of all patients."""
        self.fill()
        return [np.concatenate([filled[kind] for filled in self.filled], axis=1) for kind in range(3)]


# -- the sides ---------------------------------------------------------------------------------


def sides(request: ExposureRequest, work: Work, exact: Filled, rounds: int) -> dict[str, dict[str, Any]]:
    """Patients a second of everybody, with the error of each; all but the one with two threads on one core."""
    few, into = work.of(slice(0, SAMPLE)), work.nothing()
    kernels = {
        "her2path, tolerance 1e-05": Kernel(work, 1e-5), KEY: Kernel(work, STEP_TOLERANCE),
        "her2path, tolerance 1e-08": Kernel(work, 1e-8), TWO: Kernel(work, STEP_TOLERANCE, BLOCK, 2),
    }  # fmt: skip
    peers: dict[str, tuple[int, Callable[[], Filled]]] = {
        "Dormand-Prince, rtol 8e-8": (work.patients, lambda: dormand_prince(work, 8e-8, 8e-10, into)),
        "RK4, 8 in lock-step, fine": (work.patients, lambda: runge_kutta(work, 0.03, 150, 8, into)),
        "RK4, 32 in lock-step, fine": (work.patients, lambda: runge_kutta(work, 0.03, 150, 32, into)),
        "RK4, 32 in lock-step, coarse": (work.patients, lambda: runge_kutta(work, 0.25, 8, 32, into)),
        "SciPy LSODA, rtol 1e-6": (few.patients, lambda: scipy_lsoda(few, 1e-6, 1e-8)),
    }
    told: dict[str, dict[str, Any]] = {}
    taken: dict[str, list[float]] = {}
    used: dict[str, list[float]] = {}
    for name, kernel in kernels.items():
        told[name] = {"patients": work.patients} | errors(kernel()[:2], exact)
    for name, (count, peer) in peers.items():
        told[name] = {"patients": count} | errors(peer(), exact)
    with desolve_folder() as folder:
        in_r = None if desolve_missing() else DeSolve(work.of(slice(0, SAMPLE_IN_R)), folder)
        if in_r:
            told["R deSolve lsoda, rtol 1e-6"] = {"patients": in_r.work.patients} | errors(
                in_r.solve(1e-6, 1e-8)[1:], exact
            )
        for _ in range(rounds):
            for name, kernel in kernels.items():
                busy = time.process_time()
                taken.setdefault(name, []).append(seconds(kernel.fill))
                used.setdefault(name, []).append((time.process_time() - busy) / taken[name][-1])
            for name, (_count, peer) in peers.items():
                taken.setdefault(name, []).append(seconds(peer))
            if in_r:
                taken.setdefault("R deSolve lsoda, rtol 1e-6", []).append(in_r.solve(1e-6, 1e-8)[0])
            taken.setdefault("drawn", []).append(seconds(lambda: drawn(request, work)))
    for name, each in told.items():
        each["patients per second"] = each["patients"] / statistics.median(taken[name])
        ratios = [mine / own for mine, own in zip(taken[name], taken[KEY], strict=True)]
        each["times her2path"] = statistics.median(ratios) * work.patients / each["patients"]
    told[TWO]["cores had"] = two = statistics.median(used[TWO])
    told[TWO]["processor time"] = two / statistics.median(used[KEY]) * told[TWO]["times her2path"]
    told[KEY]["with patients drawn per second"] = work.patients / statistics.median(taken["drawn"])
    return told


def drawn(request: ExposureRequest, work: Work) -> None:
    """What a simulation does for its patients before anything is measured: draw them and run them, in its portions."""
    for first in range(0, work.patients, BLOCK):
        simulated_concentrations(request, work.pieces, first, min(BLOCK, work.patients - first))


# -- the limit ---------------------------------------------------------------------------------


def limit(work: Work, rate: float) -> dict[str, Any]:
    """What plain arithmetic would allow: operations of the steps taken, by how many this core does in a second.

    Sums and products are taken as done at the speed of a loop of nothing else, divisions after them at theirs.
    `all` counts everything that the kernel computes in its steps, empty compartments too; `needed` what two
    compartments and the area need of the same steps.
    """
    first, retaken, made = steps_taken(work)
    if not np.array_equal(made, Kernel(work, STEP_TOLERANCE)()[0]):
        raise SystemExit("the steps counted are not those of the kernel")
    plain, dividing = peak()
    told: dict[str, Any] = {
        "steps": first / work.patients, "retaken": retaken / work.patients, "operations a second": plain,
        "divisions a second": dividing,
    }  # fmt: skip
    each = (first + retaken) / work.patients
    for name, two in (("all", False), ("needed", True)):
        sums, divisions = operations(two_compartments=two)
        most = 1 / (each * (sums / plain + divisions / dividing))
        told[name] = {"operations": sums, "divisions": divisions, "patients per second": most, "reached": rate / most}
    return told


def operations(*, two_compartments: bool) -> tuple[int, int]:
    """Sums with products, and divisions, in one step of the kernel as it is written, or of it what two compartments need.

    A division by a power of two is a product; those of the length of the step alone are done once for all patients.
    """
    sums = divisions = 0
    for line in ast.parse(textwrap.dedent(inspect.getsource(step.py_func))).body[0].body:  # type: ignore[attr-defined]
        target, _, value = ast.unparse(line).partition(" = ")
        if not value or re.fullmatch(r"h\d+", target) or (two_compartments and re.fullmatch(r"[yde]\d*", target)):
            continue
        if two_compartments:
            value = re.sub(r" \+ (k31 \* y\d+|ka \* d\d+)", "", value)
        dividing = len(re.findall(r" / (?![248]\b)", value))
        divisions += dividing
        sums += len(re.findall(r" [-+*/] ", value)) - dividing
    return sums, divisions


@numba.njit(error_model="numpy")
def _steps_taken(parameters, amounts, lengths, spans, starts, ends, outputs, tolerance, made):  # type: ignore[no-untyped-def]
    first = retaken = 0
    own = np.empty(8)
    for i in range(parameters.shape[1]):
        constants(parameters[:, i], own)
        c = x = y = d = e = rate = 0.0
        for piece in range(len(spans)):
            if ends[piece] >= 0:
                rate = 0.0
            dose = starts[piece]
            if dose >= 0:
                rate += amounts[i, dose] / parameters[VOLUME, i] / lengths[dose]
            left = h = spans[piece]
            whole = True
            while left > 0.0:
                cc, xx, yy, dd, ee, _, doubt = step(
                    c, x, y, d, e, h, rate, own[0], own[1], own[2], own[3], own[4], own[5], own[6], own[7], 0.0
                )
                first, retaken = first + whole, retaken + (not whole)
                if doubt <= tolerance * (c + FLOOR_MG_PER_L):
                    c, x, y, d, e = cc, xx, yy, dd, ee
                    left -= h
                    h = min(1.5 * h, left)
                else:
                    h *= 0.5
                whole = False
            if outputs[piece] >= 0:
                made[outputs[piece], i] = c
    return first, retaken


def steps_taken(work: Work) -> tuple[int, int, Numbers]:
    """How many steps the kernel takes at first and again, by its own rules, and the concentrations they lead to."""
    made, p = work.nothing()[0], work.pieces
    first, retaken = _steps_taken(
        work.parameters, work.amounts_mg, p.lengths, p.spans, p.starts, p.ends, p.outputs, STEP_TOLERANCE, made
    )
    return first, retaken, made


@numba.njit(inline="always", error_model="numpy")
def _eight(a, b, c, d, e, f, g, h, x):  # type: ignore[no-untyped-def]
    return a * x + 0.1, b * x + 0.1, c * x + 0.1, d * x + 0.1, e * x + 0.1, f * x + 0.1, g * x + 0.1, h * x + 0.1


@numba.njit(error_model="numpy")
def _plain(values, times):  # type: ignore[no-untyped-def]
    """64 products and sums for each value, eight chains of them, and 16 more."""
    for _ in range(times):
        for i in range(len(values)):
            x = values[i]
            a, b, c, d, e, f, g, h = x + 0.1, x + 0.2, x + 0.3, x + 0.4, x + 0.5, x + 0.6, x + 0.7, x + 0.8
            a, b, c, d, e, f, g, h = _eight(a, b, c, d, e, f, g, h, x)
            a, b, c, d, e, f, g, h = _eight(a, b, c, d, e, f, g, h, x)
            a, b, c, d, e, f, g, h = _eight(a, b, c, d, e, f, g, h, x)
            a, b, c, d, e, f, g, h = _eight(a, b, c, d, e, f, g, h, x)
            values[i] = (a + b + c + d + e + f + g + h) * 0.01


@numba.njit(error_model="numpy")
def _dividing(values, times):  # type: ignore[no-untyped-def]
    """Eight divisions for each value."""
    for _ in range(times):
        for i in range(len(values)):
            x = values[i]
            a, b, c, d = 1.0 / (x + 1.0), 1.0 / (x + 2.0), 1.0 / (x + 3.0), 1.0 / (x + 4.0)
            e, f, g, h = 1.0 / (x + 5.0), 1.0 / (x + 6.0), 1.0 / (x + 7.0), 1.0 / (x + 8.0)
            values[i] = a + b + c + d + e + f + g + h


def peak() -> tuple[float, float]:
    """Sums and products a second, and divisions, of loops like the kernel's over 256 values: the best of ten."""
    made = []
    for function, each in ((_plain, 64 + 16), (_dividing, 8)):
        values = np.full(256, 0.5)
        function(values, 1)
        taken = min(seconds(lambda: function(values, 4000)) for _ in range(10))  # noqa: B023
        made.append(256 * 4000 * each / taken)
    return made[0], made[1]


# -- batches, threads, sizes -------------------------------------------------------------------


def linear(big: Work, rounds: int) -> dict[int, float]:
    """Patients a second on one core by how many there are: one, two and four times as many."""
    kernels = {
        count: Kernel(big.of(slice(0, count)), STEP_TOLERANCE) for count in (big.patients // 4, big.patients // 2)
    }
    kernels[big.patients] = Kernel(big, STEP_TOLERANCE)
    taken: dict[int, list[float]] = {count: [] for count in kernels}
    for _ in range(rounds):
        for count, kernel in kernels.items():
            taken[count].append(seconds(kernel.fill))
    return {count: count / statistics.median(each) for count, each in taken.items()}


def identical(work: Work) -> list[str]:
    """The ways in which the same patients were solved, to the same bits; ends the run where a bit differs."""
    expected, ways = Kernel(work, STEP_TOLERANCE)(), []
    for portion, threads in ((1, 1), (7, 1), (100, 2), (257, 3), (1024, 2), (5000, 2), (9999, 4)):
        found = Kernel(work, STEP_TOLERANCE, portion, threads)()
        if any(mine.tobytes() != other.tobytes() for mine, other in zip(found, expected, strict=True)):
            raise SystemExit(f"in portions of {portion} on {threads} threads some results differ")
        ways.append(f"{portion} on {threads}")
    return ways


# -- courses -----------------------------------------------------------------------------------


def courses() -> dict[str, Any]:
    """The closed loop of courses (`her2path simulate course`): patients a second by what is simulated."""
    return {}


# -- telling -----------------------------------------------------------------------------------


def show(found: dict[str, Any], patients: int) -> None:
    """Print the results under the facts of the machine."""
    print("\n".join(f"{name:<12} {value}" for name, value in found["machine"].items()))
    told = found["reference"]
    print(f"\nreference: the kernel at {REFERENCE_TOLERANCE:g}; in the {told['patients']} patients hardest to solve it is within "
          f"{told['most']:.1e} of DOP853 at 1e-12 (areas {told['area']:.1e}); in all, within {told['everybody']:.1e} of Dormand-Prince at 1e-11; the least concentration is {told['least mg/L']:.3f} mg/L")  # fmt: skip
    print(f"\n{patients:,} patients, {CYCLES} cycles, {CYCLES * OUTPUTS_A_CYCLE} outputs each; relative errors")
    print(
        f"  {'one core, where not said':<37} {'patients':>8} {'patients/s':>11} {'times her2path':>14} {'most':>8} {'p99.99':>8} {'area':>8}"
    )
    for name, each in found["sides"].items():
        print(f"  {name:<37} {each['patients']:>8,} {each['patients per second']:>11,.0f} {each['times her2path']:>14.2f} "
              f"{each['most']:>8.1e} {each['p99.99']:>8.1e} {each['area']:>8.1e}")  # fmt: skip
    if missing := desolve_missing():
        print(f"  R deSolve: not measured, {missing}")
    own, two = found["sides"][KEY], found["sides"][TWO]
    print(f"  target: at least {TARGET:,} patients/s on one core at an error of at most {TARGET_ERROR:g}")
    print(f"  two threads are {1 / two['times her2path']:.2f} times as fast as one: they had {two['cores had']:.2f} cores, "
          f"and take {two['processor time']:.2f} times the processor time")  # fmt: skip
    print(f"  with the patients drawn too, in portions of {BLOCK}: "
          f"{own['with patients drawn per second']:,.0f} patients/s on one core")  # fmt: skip
    show_limit(found["limit"])
    print("\nby the number of patients, one core")
    for count, rate in found["patients"].items():
        print(f"  {count:>8,} {rate:>11,.0f} patients/s")
    print(f"the same bits in portions (patients on threads): {', '.join(found['identical'])}")
    for name, rate in found["courses"].items():
        print(f"  {name:<36} {rate:>11,.0f} patients/s")


def show_limit(told: dict[str, Any]) -> None:
    print(f"\nlimit of arithmetic: {told['steps']:.0f} steps a patient and {told['retaken']:.1f} again; this core does "
          f"{told['operations a second'] / 1e9:.0f} thousand million sums and products a second, "
          f"{told['divisions a second'] / 1e9:.1f} divisions")  # fmt: skip
    words = {"all": "all that the kernel computes", "needed": "what two compartments need of it"}
    for name, what in words.items():
        each = told[name]
        print(f"  {what:<42} {each['operations']:>4} sums and products, {each['divisions']} divisions a step: "
              f"{each['patients per second']:>8,.0f} patients/s, {each['reached']:.0%} of which reached")  # fmt: skip


if __name__ == "__main__":
    main()
