"""Schedules of doses: what is given when, by the label's tables or by a patient's own record.

A schedule is a list of doses for everybody; the amount of each is by weight or fixed. It is cut into pieces at every
start and end of an infusion and at every output, which is what the kernel runs through.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from math import isfinite

import numpy as np

from ...facts.number import MG_PER_KG
from ...facts.problem import AskedWrongly
from ...tables.decision import Decision, decide
from ..arrays import Floats, Integers
from .choice import require_licensed
from .kernel import INFUSION, UNDER_SKIN

SCHEDULES = ("q3w", "weekly", "sc")
CYCLE_LENGTH_DAYS = 21
"""What is called a cycle, in the weekly schedule too: the label's tables do the same."""
MOST_CYCLES, MOST_DELAY_DAYS = 1000, 3650
MOST_MG_PER_KG, MOST_MG_A_DOSE = 5000.0, 500_000.0
LABEL_PRODUCTS = {
    "trastuzumab-iv": "trastuzumab-iv",
    "trastuzumab-linear": "trastuzumab-iv",
    "trastuzumab-sc": "trastuzumab-iv",
    "trastuzumab-volunteers": "trastuzumab-iv",
    "pertuzumab": "pertuzumab",
    "t-dm1": "t-dm1",
    "t-dxd": "t-dxd",
}
"""Which product's label gives the doses of a model."""
MINUTES_A_DAY = 1440
SLACK_DAYS = 1e-9
LEAST_INFUSION_DAYS = 1e-6
"""A tenth of a second: a shorter infusion is a bolus."""
_FIXED = re.compile(r"(\d+(?:\.\d+)?) mg\b")


@dataclass(frozen=True, slots=True)
class Dose:
    """One dose: `day` from the first; `mg_per_kg` or `mg`; `minutes` of infusion; under the skin or not."""

    day: float
    mg_per_kg: float = 0.0
    mg: float = 0.0
    minutes: float = 90.0
    route: int = INFUSION
    kind: str = "maintenance"

    @property
    def length_days(self) -> float:
        """Days that the infusion takes; 0 under the skin and for a bolus."""
        length = self.minutes / MINUTES_A_DAY
        return 0.0 if self.route == UNDER_SKIN or length < LEAST_INFUSION_DAYS else length


@dataclass(frozen=True, slots=True)
class Schedule:
    """Doses in the order of their days, and where the cycles begin; `rows` are the tables' rows that gave them."""

    name: str
    doses: tuple[Dose, ...]
    cycle_days: tuple[float, ...]
    end_day: float
    rows: tuple[str, ...] = ()

    @property
    def last_dose_day(self) -> float:
        """The day of the last dose, from the first."""
        return self.doses[-1].day

    def amounts_mg(self, weight_kg: Floats) -> Floats:
        """mg of each dose (patients x doses) by the patients' weights, kg."""
        per_kg = np.array([dose.mg_per_kg for dose in self.doses])
        fixed = np.array([dose.mg for dose in self.doses])
        amounts: Floats = weight_kg[:, None] * per_kg[None, :] + fixed[None, :]
        return amounts


@dataclass(frozen=True, slots=True)
class Pieces:
    """A schedule cut into the pieces between its events, as the kernel reads it."""

    lengths: Floats
    routes: Integers
    spans: Floats
    starts: Integers
    ends: Integers
    outputs: Integers
    times: Floats = field(default_factory=lambda: np.zeros(0))


def labelled(model: str, name: str, cycles: int, jurisdiction: str = "us", tumour: str = "breast") -> Schedule:
    """The schedule of a model's product by the label's table of doses.

    `name` is q3w, weekly or sc; `cycles` of 21 days. Raises `AskedWrongly` for a schedule that the product has not, or
    not in that tumour.
    """
    check_cycles(cycles)
    if name not in SCHEDULES:
        raise AskedWrongly(f"no schedule is called {name!r}; there are {', '.join(SCHEDULES)}")
    if model not in LABEL_PRODUCTS:
        raise AskedWrongly(f"{model!r} is no model of exposure; there are {', '.join(LABEL_PRODUCTS)}")
    product = LABEL_PRODUCTS[model]
    if name == "sc":
        if model != "trastuzumab-sc":
            raise AskedWrongly(f"the model {model} knows no route under the skin; use --model trastuzumab-sc")
        product = "trastuzumab-sc"
    elif name == "weekly" and product != "trastuzumab-iv":
        raise AskedWrongly(f"{product} has no weekly schedule; use --schedule q3w")
    require_licensed(product, name, tumour)
    step = 7 if name == "weekly" else CYCLE_LENGTH_DAYS
    rows: list[str] = []
    kinds = {
        kind: _dose(product, "weekly" if name == "weekly" else "q3w", kind, jurisdiction, tumour, rows)
        for kind in ("loading", "maintenance")
    }
    days = [float(day) for day in range(0, cycles * CYCLE_LENGTH_DAYS, step)]
    doses = [replace(kinds["loading" if n == 0 else "maintenance"], day=day) for n, day in enumerate(days)]
    starts = tuple(float(n * CYCLE_LENGTH_DAYS) for n in range(cycles))
    return Schedule(name, tuple(doses), starts, float(cycles * CYCLE_LENGTH_DAYS), tuple(dict.fromkeys(rows)))


def check_cycles(cycles: int) -> None:
    """Raises `AskedWrongly` for a number of cycles that no schedule has."""
    if not 1 <= cycles <= MOST_CYCLES:
        raise AskedWrongly(f"{cycles} cycles; expected 1 to {MOST_CYCLES}")


def _dose(product: str, schedule: str, kind: str, jurisdiction: str, tumour: str, rows: list[str]) -> Dose:
    given = {
        "product": product,
        "schedule": schedule,
        "dose_kind": kind,
        "dose_level": "full",
        "infusion_number": "first" if kind == "loading" else "later",
        "setting": "metastatic",
        "tumour_site": tumour,
    }
    dose = decide("dose_per_administration", given, jurisdiction=jurisdiction)
    words = _words(dose, product, kind)
    rows += [f"{row} => {words}" for row in dose.rows]
    minutes = decide("infusion_minutes", given, jurisdiction=jurisdiction).value or "90"
    per_kg, fixed = MG_PER_KG.match(words), _FIXED.match(words)
    length = float(re.findall(r"\d+", minutes)[-1])
    route = UNDER_SKIN if product == "trastuzumab-sc" else INFUSION
    if per_kg:
        return Dose(0, mg_per_kg=float(per_kg[1]), minutes=length, route=route, kind=kind)
    if fixed:
        return Dose(0, mg=float(fixed[1]), minutes=length, route=route, kind=kind)
    raise AskedWrongly(f"the label's dose of {product} ({kind}) is {words!r}, which is no amount")


def _words(dose: Decision, product: str, kind: str) -> str:
    if dose.value is None:
        raise AskedWrongly(f"the label's tables do not say one dose of {product} ({kind}): {dose.possible}")
    return dose.value


def delayed(schedule: Schedule, dose_number: int, delay_days: float, reload: bool | None, model: str) -> Schedule:
    """The schedule with one dose (from 2 on) late by `delay_days`, all later ones with it.

    `reload` gives the late dose as a first one, or not; `None` asks the label's table of missed doses. Raises
    `AskedWrongly` for a dose or a delay that cannot be, and where the table leaves open what follows.
    """
    if not 2 <= dose_number <= len(schedule.doses):
        raise AskedWrongly(f"dose {dose_number} cannot be late; expected 2 to {len(schedule.doses)}")
    if not isfinite(delay_days) or not 0 <= delay_days <= MOST_DELAY_DAYS:
        raise AskedWrongly(f"a delay of {delay_days} days; expected 0 to {MOST_DELAY_DAYS}")
    place = dose_number - 1
    days = schedule.doses[place].day - schedule.doses[place - 1].day + delay_days
    rows: tuple[str, ...] = ()
    if reload is None:
        reload, rows = reload_by_label(model, schedule.name, days)
    late = schedule.doses[place]
    if reload:
        late = replace(schedule.doses[0], day=late.day, kind="re-load")
    doses = [*schedule.doses[:place], late, *schedule.doses[place + 1 :]]
    doses = [*doses[:place], *(replace(dose, day=dose.day + delay_days) for dose in doses[place:])]
    from_day = schedule.doses[place].day
    starts = tuple(day + delay_days if day >= from_day else day for day in schedule.cycle_days)
    return Schedule(schedule.name, tuple(doses), starts, schedule.end_day + delay_days, (*schedule.rows, *rows))


def reload_by_label(model: str, schedule: str, days: float) -> tuple[bool, tuple[str, ...]]:
    """Whether the label gives a first dose again so many `days` after the last one, and the rows that say so.

    Raises `AskedWrongly` where its table leaves that open.
    """
    given = {
        "product": "trastuzumab-sc" if schedule == "sc" else LABEL_PRODUCTS[model],
        "schedule": "weekly" if schedule == "weekly" else "q3w",
        "days_since_last_dose": str(round(days)),
    }
    decision = decide("missed_dose_action", given, jurisdiction="us")
    if decision.value is None:
        possible = " or ".join(decision.possible)
        raise AskedWrongly(f"the label's table leaves open what follows {days:g} days after a dose: {possible}")
    return decision.value == "reload", tuple(f"{row} => {decision.value}" for row in decision.rows)


def missed(schedule: Schedule, dose_number: int) -> Schedule:
    """The schedule without one dose (from 2 on); the others stay where they are.

    The first dose begins the course: it cannot be missed. Raises `AskedWrongly` for it and for one that there is not.
    """
    if not 2 <= dose_number <= len(schedule.doses):
        raise AskedWrongly(f"dose {dose_number} cannot be missed; expected 2 to {len(schedule.doses)}")
    doses = tuple(dose for n, dose in enumerate(schedule.doses, 1) if n != dose_number)
    return replace(schedule, doses=doses)


def checked(doses: Sequence[Dose]) -> tuple[Dose, ...]:
    """Doses in the order of their days. Raises `AskedWrongly` for an amount, a time or a length that cannot be."""
    if not doses:
        raise AskedWrongly("there is no dose to simulate")
    for number, dose in enumerate(doses, 1):
        if not isfinite(dose.day):
            raise AskedWrongly(f"dose {number}: day {dose.day} is no day")
        for name, value, most in (("mg/kg", dose.mg_per_kg, MOST_MG_PER_KG), ("mg", dose.mg, MOST_MG_A_DOSE)):
            if not isfinite(value) or not 0 <= value <= most:
                raise AskedWrongly(f"dose {number}: {value:g} {name}; expected 0 to {most:g}")
        if dose.mg == 0 and dose.mg_per_kg == 0:
            raise AskedWrongly(f"dose {number}: no amount; expected mg or mg/kg above 0")
        if not 0 <= dose.minutes <= 7 * MINUTES_A_DAY:
            raise AskedWrongly(f"dose {number}: an infusion of {dose.minutes:g} minutes; expected 0 to 10080")
    if any(later.day < dose.day for dose, later in pairwise(doses)):
        raise AskedWrongly("the doses are out of order; expected them by day")
    return tuple(doses)


def cut(schedule: Schedule, output_days: Sequence[float]) -> Pieces:
    """The pieces of a schedule. Outputs come in the order of `output_days`, which must ascend from 0 on.

    An output at the time of a dose is that just before it. Raises `AskedWrongly` for days that do not ascend, and for
    doses that cannot be.
    """
    doses = checked(schedule.doses)
    times = np.asarray(output_days, float)
    if len(times) == 0 or np.any(np.diff(times) <= 0) or times[0] < 0 or not np.all(np.isfinite(times)):
        raise AskedWrongly("the times of the output must be finite, from 0 on and ascending")
    # (day, order within a day, what): an output before the end of an infusion before a start.
    events: list[tuple[float, int, int]] = [(float(time), 0, place) for place, time in enumerate(times)]
    for number, dose in enumerate(doses):
        day = dose.day - doses[0].day
        events.append((day, 2, number))
        if dose.length_days > 0:
            events.append((day + dose.length_days, 1, number))
    events.sort()
    spans: list[float] = []
    starts: list[int] = []
    ends: list[int] = []
    outputs: list[int] = []
    now, start, end = 0.0, -1, -1
    for day, order, what in events:
        span = day - now
        if span < SLACK_DAYS:
            span = 0.0
        spans.append(span)
        starts.append(start)
        ends.append(end)
        outputs.append(what if order == 0 else -1)
        start, end = (what if order == 2 else -1), (what if order == 1 else -1)
        now = now if span == 0.0 else day
        if order == 0 and day >= times[-1]:
            break
    lengths = np.array([dose.length_days for dose in doses])
    routes = np.array([dose.route for dose in doses], np.int64)
    start_of, end_of, output_of = (np.array(places, np.int64) for places in (starts, ends, outputs))
    return Pieces(lengths, routes, np.array(spans), start_of, end_of, output_of, times)
