"""The kernel of exposure: concentrations by Taylor series, many patients side by side.

A patient is up to three compartments of a drug (central, peripheral, a second peripheral), a depot under the skin,
linear elimination and Michaelis-Menten elimination from the centre, and an effect compartment:

    c' = rate + k21 x + k31 y + ka d - out c - vm c / (km + c)      out = k10 + k12 + k13
    x' = k12 c - k21 x,   y' = k13 c - k31 y,   d' = -ka d,   e' = c - ke e

all as concentrations in the central volume (mg/L, days). Between two events the solution is a power series whose
coefficients follow from one another: where m = vm c / (km + c), then m (km + c) = vm c, so that the n-th
coefficient of m needs those before it and one division for the whole step. A step spans the time from one output to
the next; the last coefficients say what was left out, and a patient for whom that is too much takes smaller
steps. What a patient gets depends on nobody else, whatever block or thread she is in.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numba
import numpy as np

from ...tables.many.compiled import compiled as machine_code

SERIES_ORDER = 10
"""The order of the series, in which the steps below are written out."""
SIDE_BY_SIDE = 256
"""Patients side by side: their states stay in the nearest memory."""
CLEARANCE, VOLUME, FLOW, SECOND_VOLUME, OTHER_FLOW, THIRD_VOLUME, MAXIMUM, MICHAELIS, ABSORPTION, AVAILABLE = range(10)
"""The rows of `parameters`: L/d, L, L/d, L, L/d, L, mg/d, mg/L, 1/d, share."""
PARAMETERS = 10
INFUSION, UNDER_SKIN = 0, 1
LEAST_STEP_DAYS = 1e-9
FLOOR_MG_PER_L = 0.01
"""Below this an error counts as one of this concentration: a hundredth of what is still called drug (1 mg/L)."""
compiled = partial(machine_code, error_model="numpy")
"""A function in machine code, where nothing is raised by a division."""


@numba.njit(inline="always", error_model="numpy")
def step(c0, x0, y0, d0, e0, h, rate, out, k12, k21, k13, k31, ka, vm, km, ke):  # type: ignore[no-untyped-def]
    """One step of `h` days with everything: (c, x, y, d, e, area under c, what was left out)."""
    inverse = 1.0 / (km + c0)
    m0 = vm * c0 * inverse
    c1 = h * (k21 * x0 + k31 * y0 + ka * d0 - out * c0 - m0 + rate)
    x1 = h * (k12 * c0 - k21 * x0)
    y1 = h * (k13 * c0 - k31 * y0)
    d1 = -h * ka * d0
    e1 = h * (c0 - ke * e0)
    m1 = (vm * c1 - c1 * m0) * inverse
    h2 = h / 2
    c2 = h2 * (k21 * x1 + k31 * y1 + ka * d1 - out * c1 - m1)
    x2 = h2 * (k12 * c1 - k21 * x1)
    y2 = h2 * (k13 * c1 - k31 * y1)
    d2 = -h2 * ka * d1
    e2 = h2 * (c1 - ke * e1)
    m2 = (vm * c2 - c1 * m1 - c2 * m0) * inverse
    h3 = h / 3
    c3 = h3 * (k21 * x2 + k31 * y2 + ka * d2 - out * c2 - m2)
    x3 = h3 * (k12 * c2 - k21 * x2)
    y3 = h3 * (k13 * c2 - k31 * y2)
    d3 = -h3 * ka * d2
    e3 = h3 * (c2 - ke * e2)
    m3 = (vm * c3 - c1 * m2 - c2 * m1 - c3 * m0) * inverse
    h4 = h / 4
    c4 = h4 * (k21 * x3 + k31 * y3 + ka * d3 - out * c3 - m3)
    x4 = h4 * (k12 * c3 - k21 * x3)
    y4 = h4 * (k13 * c3 - k31 * y3)
    d4 = -h4 * ka * d3
    e4 = h4 * (c3 - ke * e3)
    m4 = (vm * c4 - c1 * m3 - c2 * m2 - c3 * m1 - c4 * m0) * inverse
    h5 = h / 5
    c5 = h5 * (k21 * x4 + k31 * y4 + ka * d4 - out * c4 - m4)
    x5 = h5 * (k12 * c4 - k21 * x4)
    y5 = h5 * (k13 * c4 - k31 * y4)
    d5 = -h5 * ka * d4
    e5 = h5 * (c4 - ke * e4)
    m5 = (vm * c5 - c1 * m4 - c2 * m3 - c3 * m2 - c4 * m1 - c5 * m0) * inverse
    h6 = h / 6
    c6 = h6 * (k21 * x5 + k31 * y5 + ka * d5 - out * c5 - m5)
    x6 = h6 * (k12 * c5 - k21 * x5)
    y6 = h6 * (k13 * c5 - k31 * y5)
    d6 = -h6 * ka * d5
    e6 = h6 * (c5 - ke * e5)
    m6 = (vm * c6 - c1 * m5 - c2 * m4 - c3 * m3 - c4 * m2 - c5 * m1 - c6 * m0) * inverse
    h7 = h / 7
    c7 = h7 * (k21 * x6 + k31 * y6 + ka * d6 - out * c6 - m6)
    x7 = h7 * (k12 * c6 - k21 * x6)
    y7 = h7 * (k13 * c6 - k31 * y6)
    d7 = -h7 * ka * d6
    e7 = h7 * (c6 - ke * e6)
    m7 = (vm * c7 - c1 * m6 - c2 * m5 - c3 * m4 - c4 * m3 - c5 * m2 - c6 * m1 - c7 * m0) * inverse
    h8 = h / 8
    c8 = h8 * (k21 * x7 + k31 * y7 + ka * d7 - out * c7 - m7)
    x8 = h8 * (k12 * c7 - k21 * x7)
    y8 = h8 * (k13 * c7 - k31 * y7)
    d8 = -h8 * ka * d7
    e8 = h8 * (c7 - ke * e7)
    m8 = (vm * c8 - c1 * m7 - c2 * m6 - c3 * m5 - c4 * m4 - c5 * m3 - c6 * m2 - c7 * m1 - c8 * m0) * inverse
    h9 = h / 9
    c9 = h9 * (k21 * x8 + k31 * y8 + ka * d8 - out * c8 - m8)
    x9 = h9 * (k12 * c8 - k21 * x8)
    y9 = h9 * (k13 * c8 - k31 * y8)
    d9 = -h9 * ka * d8
    e9 = h9 * (c8 - ke * e8)
    m9 = (vm * c9 - c1 * m8 - c2 * m7 - c3 * m6 - c4 * m5 - c5 * m4 - c6 * m3 - c7 * m2 - c8 * m1 - c9 * m0) * inverse
    h10 = h / 10
    c10 = h10 * (k21 * x9 + k31 * y9 + ka * d9 - out * c9 - m9)
    x10 = h10 * (k12 * c9 - k21 * x9)
    y10 = h10 * (k13 * c9 - k31 * y9)
    d10 = -h10 * ka * d9
    e10 = h10 * (c9 - ke * e9)
    c = c10 + c9 + c8 + c7 + c6 + c5 + c4 + c3 + c2 + c1 + c0
    x = x10 + x9 + x8 + x7 + x6 + x5 + x4 + x3 + x2 + x1 + x0
    y = y10 + y9 + y8 + y7 + y6 + y5 + y4 + y3 + y2 + y1 + y0
    d = d10 + d9 + d8 + d7 + d6 + d5 + d4 + d3 + d2 + d1 + d0
    e = e10 + e9 + e8 + e7 + e6 + e5 + e4 + e3 + e2 + e1 + e0
    area = h * (c10 / 11 + c9 / 10 + c8 / 9 + c7 / 8 + c6 / 7 + c5 / 6 + c4 / 5 + c3 / 4 + c2 / 3 + c1 / 2 + c0)
    doubt = abs(c10) + 0.25 * abs(c9) + ke * (abs(e10) + 0.25 * abs(e9))
    return c, x, y, d, e, area, doubt


@numba.njit(inline="always", error_model="numpy")
def constants(parameters, own):  # type: ignore[no-untyped-def]
    """Fill `own` with the rate constants of a patient: out, k12, k21, k13, k31, ka (1/d), vm (mg/L/d) and km (mg/L)."""
    v = parameters[VOLUME]
    own[1], own[2] = parameters[FLOW] / v, parameters[FLOW] / parameters[SECOND_VOLUME]
    own[3], own[4] = parameters[OTHER_FLOW] / v, parameters[OTHER_FLOW] / parameters[THIRD_VOLUME]
    own[0] = parameters[CLEARANCE] / v + own[1] + own[3]
    own[5], own[6], own[7] = parameters[ABSORPTION], parameters[MAXIMUM] / v, parameters[MICHAELIS]


@compiled
def advance(state: Any, parameters: Any, rate: float, days: float, ke: float, tolerance: float) -> float:
    """Move one patient on by `days` while she gets `rate` mg/d by infusion; the area under the curve, mg d/L.

    `state` is (c, x, y, d, e), changed in place; `parameters` one column of them; `ke` 1/d of the effect compartment.
    """
    own = np.empty(8)
    constants(parameters, own)
    rate = rate / parameters[VOLUME]
    total, left, h = 0.0, days, days
    while left > 0.0:
        h = min(h, left)
        c, x, y, d, e, area, doubt = step(
            state[0], state[1], state[2], state[3], state[4], h, rate, own[0], own[1], own[2],
            own[3], own[4], own[5], own[6], own[7], ke,
        )  # fmt: skip
        if doubt <= tolerance * (state[0] + FLOOR_MG_PER_L) or h < LEAST_STEP_DAYS or np.isnan(doubt):
            state[0], state[1], state[2], state[3], state[4] = c, x, y, d, e
            total += area
            left -= h
            h *= 1.5
        else:
            h *= 0.5
    return total


@compiled
def profiles(
    parameters: Any, amounts: Any, lengths: Any, routes: Any, spans: Any, starts: Any, ends: Any, outputs: Any,
    ke: float, tolerance: float, concentration: Any, area: Any, effect: Any,
) -> None:  # fmt: skip
    """Fill `concentration` mg/L, `area` mg d/L and `effect` mg d/L (outputs x patients), all by one schedule.

    `parameters` (PARAMETERS x patients); `amounts` mg (patients x doses); `lengths` the days each infusion takes, 0
    for a bolus; `routes` of each dose. The pieces of the schedule: `spans` days, the dose that starts or ends at
    the beginning of a piece, and the output at its end, -1 where there is none.
    """
    count = parameters.shape[1]
    # Rows: the states c, x, y, d, e, the area, and the infusion; then the constants of a patient.
    now, new, some = np.zeros((7, SIDE_BY_SIDE)), np.zeros((7, SIDE_BY_SIDE)), np.zeros((7, SIDE_BY_SIDE))
    own, of_some = np.ones((8, SIDE_BY_SIDE)), np.ones((8, SIDE_BY_SIDE))
    doubt, redo, left, h = (
        np.zeros(SIDE_BY_SIDE),
        np.zeros(SIDE_BY_SIDE, np.int64),
        np.zeros(SIDE_BY_SIDE),
        np.zeros(SIDE_BY_SIDE),
    )
    for base in range(0, count, SIDE_BY_SIDE):
        here = min(SIDE_BY_SIDE, count - base)
        for i in range(here):
            constants(parameters[:, base + i], own[:, i])
        now[:] = 0.0
        active = 0
        for piece in range(len(spans)):
            if ends[piece] >= 0:
                active -= 1
                for i in range(here):
                    gone = amounts[base + i, ends[piece]] / lengths[ends[piece]] / parameters[VOLUME, base + i]
                    now[6, i] = now[6, i] - gone if active else 0.0
            dose = starts[piece]
            if dose >= 0:
                into = 3 if routes[dose] == UNDER_SKIN else (0 if lengths[dose] <= 0.0 else 6)
                active += into == 6
                for i in range(here):
                    given = amounts[base + i, dose] / parameters[VOLUME, base + i]
                    if into == 3:
                        given *= parameters[AVAILABLE, base + i]
                    now[into, i] += given / lengths[dose] if into == 6 else given
            span = spans[piece]
            if span > 0.0:
                for i in range(here):
                    new[0, i], new[1, i], new[2, i], new[3, i], new[4, i], new[5, i], doubt[i] = step(
                        now[0, i], now[1, i], now[2, i], now[3, i], now[4, i], span, now[6, i], own[0, i], own[1, i],
                        own[2, i], own[3, i], own[4, i], own[5, i], own[6, i], own[7, i], ke,
                    )  # fmt: skip
                count_redo = 0
                for i in range(here):
                    if doubt[i] <= tolerance * (now[0, i] + FLOOR_MG_PER_L):
                        now[0, i], now[1, i], now[2, i] = new[0, i], new[1, i], new[2, i]
                        now[3, i], now[4, i] = new[3, i], new[4, i]
                        now[5, i] += new[5, i]
                    else:
                        redo[count_redo] = i
                        count_redo += 1
                # Those few take smaller steps, again side by side.
                for s in range(count_redo):
                    some[:, s], of_some[:, s] = now[:, redo[s]], own[:, redo[s]]
                    left[s], h[s] = span, 0.5 * span
                while count_redo > 0:
                    for s in range(count_redo):
                        new[0, s], new[1, s], new[2, s], new[3, s], new[4, s], new[5, s], doubt[s] = step(
                            some[0, s], some[1, s], some[2, s], some[3, s], some[4, s], h[s], some[6, s], of_some[0, s],
                            of_some[1, s], of_some[2, s], of_some[3, s], of_some[4, s], of_some[5, s], of_some[6, s],
                            of_some[7, s], ke,
                        )  # fmt: skip
                    unfinished = 0
                    for s in range(count_redo):
                        enough = doubt[s] <= tolerance * (some[0, s] + FLOOR_MG_PER_L)
                        if enough or h[s] < LEAST_STEP_DAYS or np.isnan(doubt[s]):
                            some[0, s], some[1, s], some[2, s] = new[0, s], new[1, s], new[2, s]
                            some[3, s], some[4, s] = new[3, s], new[4, s]
                            some[5, s] += new[5, s]
                            left[s] -= h[s]
                            h[s] = min(1.5 * h[s], left[s])
                        else:
                            h[s] *= 0.5
                        if left[s] <= 0.0:
                            for k in range(6):
                                now[k, redo[s]] = some[k, s]
                        else:
                            if unfinished < s:
                                for k in range(7):
                                    some[k, unfinished] = some[k, s]
                                for k in range(8):
                                    of_some[k, unfinished] = of_some[k, s]
                                redo[unfinished], left[unfinished], h[unfinished] = redo[s], left[s], h[s]
                            unfinished += 1
                    count_redo = unfinished
            place = outputs[piece]
            if place >= 0:
                for i in range(here):
                    concentration[place, base + i] = max(now[0, i], 0.0)
                    effect[place, base + i] = now[4, i]
                    area[place, base + i] = now[5, i]
