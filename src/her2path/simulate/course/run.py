"""Courses: many virtual patients through a policy, in portions, on all cores, the same whatever the portions.

The portion goes through the kernel (`kernel.py`), which asks the fold and the tables of the real patients. What
the tables say of a missed dose and of the year's end is looked up once for every day.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import numpy as np

from ...facts.days import DAYS_A_MONTH
from ...facts.problem import AskedWrongly
from ...findings.course.rules import Rules as ReviewRules
from ...record.columns import METHODS
from ..arrays import Floats, Integers
from ..exposure.kernel import ABSORPTION, AVAILABLE, INFUSION, UNDER_SKIN
from ..exposure.population import ExposureRequest, individuals, map_in_order, request_for
from ..exposure.schedule import CYCLE_LENGTH_DAYS, Dose, labelled
from ..model import read_model
from ..patients import BLOCK, COURSE_STREAM, generator, parameters_for
from .heart import REGIMENS, decline_a_day, draw_hearts, grid_value, methods
from .kernel import COLUMNS, MOST_EVENTS, SETTINGS, SLOTS, run
from .policy import CONFIRMATIONS, STARTS_ON, Policy, exposure_model, interval_days

COURSE_POPULATIONS = ("early-breast", "breast", "metastatic-breast")
DAYS_LOOKED_UP = 1800
MOST_COURSES = 20_000_000


@dataclass(frozen=True, slots=True)
class Scenario:
    """Who goes through the courses, the same for every policy that is compared.

    `chemotherapy` before trastuzumab; `horizon_days` from the first dose; `entry_lvef` the least measured LVEF with
    which therapy begins; `irreversible` the share of the greatest true fall that stays; `drug` whether trastuzumab acts
    on the heart at all (without it, what is left is the error of measurement); `failure_rate` a year and point, and
    `baseline_lvef` the median true LVEF before therapy, `None` as the model has them.
    """

    patients: int = 1000
    seed: int = 1
    chemotherapy: str = "doxorubicin"
    population: str = "early-breast"
    horizon_days: int = 730
    entry_lvef: float = 50.0
    irreversible: float = 0.0
    drug: bool = True
    failure_rate: float | None = None
    baseline_lvef: float | None = None

    def __post_init__(self) -> None:
        if not 1 <= self.patients <= MOST_COURSES:
            raise AskedWrongly(f"{self.patients} patients; expected 1 to {MOST_COURSES}")
        if self.chemotherapy not in REGIMENS:
            raise AskedWrongly(f"no chemotherapy is called {self.chemotherapy!r}; there are {', '.join(REGIMENS)}")
        if not 30 <= self.horizon_days <= 1700:
            raise AskedWrongly(f"{self.horizon_days} days of follow-up; expected 30 to 1700")
        if not 0 <= self.irreversible <= 1:
            raise AskedWrongly(f"an irreversible share of {self.irreversible:g}; expected 0 to 1")
        if not 20 <= self.entry_lvef <= 70:
            raise AskedWrongly(f"an LVEF at entry of {self.entry_lvef:g} %; expected 20 to 70")
        if self.baseline_lvef is not None and not 40 <= self.baseline_lvef <= 80:
            raise AskedWrongly(f"a median LVEF of {self.baseline_lvef:g} % before therapy; expected 40 to 80")
        if self.population not in COURSE_POPULATIONS:
            raise AskedWrongly(
                f"no course is simulated of the population {self.population!r}; "
                f"expected {', '.join(COURSE_POPULATIONS)}"
            )
        if self.seed < 0:
            raise AskedWrongly(f"a seed of {self.seed}; expected a whole number from 0 on")
        if self.failure_rate is not None and not 0 <= self.failure_rate <= 10:
            raise AskedWrongly(f"{self.failure_rate:g} heart failures a year and point; expected 0 to 10")


@dataclass(slots=True)
class Portion:
    """What came of some patients: `out` by COLUMNS, their events, and what they are."""

    first: int
    out: Floats
    events: Integers
    counts: Integers
    weight_kg: Floats
    baseline: Floats
    path: Floats

    def column(self, name: str) -> Floats:
        """One of `COLUMNS`: a value of each patient, in the unit that the column has."""
        values: Floats = self.out[:, COLUMNS.index(name)]
        return values


@dataclass(slots=True)
class Rules:
    """A policy as the kernel reads it: its settings and what the tables say."""

    policy: Policy
    courses: ReviewRules
    patients: ExposureRequest
    settings: Floats
    tables: Any
    reference: Any
    reload_by_days: Integers
    continue_by_day: Integers
    visits: Integers
    doses: tuple[Dose, Dose]
    rows: list[str] = field(default_factory=list)


def rules_of(policy: Policy, scenario: Scenario, sample_days: int = 0) -> Rules:
    """Everything that a policy decides, looked up in its tables."""
    courses = policy.courses()
    schedule = "sc" if policy.product == "trastuzumab-sc" else "q3w"
    given = labelled(policy.product, schedule, 2, policy.site.jurisdiction or "us")
    first, later = given.doses
    reloads = _by_day(courses, policy, "missed_dose_action", "days_since_last_dose", "reload", {"schedule": "q3w"})
    goes_on = _by_day(
        courses, policy, "adjuvant_duration", "days_since_first_dose", "continue", {"setting": "adjuvant"}
    )
    phases = {
        phase: _answer(
            courses,
            policy,
            "echo_interval",
            therapy_phase=phase,
            months_since_last_dose=Decimal(3),
            prior_anthracycline="yes",
            setting="adjuvant",
        )
        for phase in ("on treatment", "on hold", "completed")
    }
    label = interval_days(phases["on treatment"], 91)
    own = round(policy.months * DAYS_A_MONTH) if policy.months is not None else label
    error, recorded = methods()[policy.method]
    rate = grid_value("Heart failure", "rate") if scenario.failure_rate is None else scenario.failure_rate
    numbers = {
        "limit": float(policy.site.limit),
        "entry": scenario.entry_lvef,
        "error": error,
        "interval_days": own,
        "interval_on_hold_days": interval_days(phases["on hold"], 28),
        "interval_after_days": interval_days(phases["completed"], 183),
        "confirm": float(CONFIRMATIONS.index(policy.confirm)),
        "confirm_days": policy.confirm_days,
        "attendance": policy.attendance,
        "follows": policy.follow_holds,
        "stops_when_considering": policy.stop_when_considered,
        "resumes_when_deciding": policy.resume_when_asked,
        "loading": first.mg_per_kg,
        "maintenance": later.mg_per_kg,
        "fixed_mg": later.mg,
        "loading_days": first.length_days,
        "maintenance_days": later.length_days,
        "dose_interval_days": CYCLE_LENGTH_DAYS,
        "under_skin": float(later.route == UNDER_SKIN),
        "horizon_days": scenario.horizon_days,
        "rate_a_year": rate,
        "failure_below": grid_value("Heart failure", "below"),
        "irreversible": scenario.irreversible,
        "effect_decline": decline_a_day(),
        "sample_days": sample_days,
        "origin": STARTS_ON.toordinal(),
        "method": METHODS.index(recorded),
        "product": courses.codes.code[policy.product],
        "step_of_lvef": policy.step_of_lvef,
    }
    reference = Policy("reference")
    numbers["reference_limit"] = float(reference.site.limit)
    settings = np.array([numbers[name] for name in SETTINGS], np.float64)
    model = exposure_model(policy.product, scenario.population)
    patients = request_for(model, scenario.population, schedule, 1, patients=scenario.patients, seed=scenario.seed)
    return Rules(
        policy, courses, patients, settings, courses.heart_tables(False), reference.courses().heart_tables(False),
        reloads, goes_on, np.array(policy.visits_days, np.int64), (first, later), list(given.rows),
    )  # fmt: skip


def _answer(courses: ReviewRules, policy: Policy, outcome: str, **values: Any) -> str:
    """What the policy's table says. Raises `AskedWrongly` where it has none or leaves it open."""
    scope = {"product": policy.product, "tumour_site": "breast"}
    edition = courses.edition(outcome, scope)
    if edition is None:
        raise AskedWrongly(f"{policy.name}: no edition decides {outcome} for {policy.product}")
    array = courses.knowledge.array(edition, outcome)
    answer = array.answer({**scope, **values})
    if not 0 <= answer < len(array.outcome.values):
        situation = ", ".join(f"{name} {value}" for name, value in values.items())
        raise AskedWrongly(f"{policy.name}: edition {edition.key} leaves {outcome} open ({situation})")
    return array.outcome.values[answer]


def _by_day(
    courses: ReviewRules, policy: Policy, outcome: str, fact: str, wanted: str, more: dict[str, Any]
) -> Integers:
    """For each number of days whether the table's outcome is `wanted`."""
    days = range(DAYS_LOOKED_UP)
    both = {"days_first_to_last_dose": Decimal(0)} if outcome == "adjuvant_duration" else {}
    answers = [_answer(courses, policy, outcome, **more, **both, **{fact: Decimal(day)}) == wanted for day in days]
    return np.array(answers, np.int64)


def portions(
    policy: Policy, scenario: Scenario, cores: int | None = None, sample_days: int = 0, rules: Rules | None = None
) -> Iterator[Portion]:
    """The courses of all patients under a policy, `BLOCK` at a time, in order."""
    used = rules or rules_of(policy, scenario, sample_days)

    def work(first: int) -> Portion:
        return run_portion(used, scenario, first, min(BLOCK, scenario.patients - first), sample_days)

    yield from map_in_order(work, range(0, scenario.patients, BLOCK), cores)


def run_portion(rules: Rules, scenario: Scenario, first: int, count: int, sample_days: int = 0) -> Portion:
    """The courses of `count` patients from `first` on (a multiple of `BLOCK`)."""
    own, weight = individuals(rules.patients, first, count)
    usual_model = read_model("trastuzumab-linear")
    usual = parameters_for(usual_model, "breast", {"weight_kg": weight}, {}, count)
    if rules.doses[1].route != INFUSION:
        usual[ABSORPTION], usual[AVAILABLE] = own[ABSORPTION], read_model("trastuzumab-sc")["bioavailability"]
    hearts = draw_hearts(scenario.seed, first, count, scenario.chemotherapy, scenario.baseline_lvef)
    random = generator(scenario.seed, first // BLOCK, COURSE_STREAM)
    errors, repeats = random.standard_normal((2, BLOCK, SLOTS))
    attends, follows = random.random((2, BLOCK, SLOTS))
    ec50 = hearts.ec50 if scenario.drug else np.full(count, 1e300)
    events = np.zeros((count, 4, MOST_EVENTS), np.int64)
    counts = np.zeros(count, np.int64)
    steps = int(scenario.horizon_days / sample_days) + 1 if sample_days else 0
    path = np.full((count, steps, 2), np.nan)
    codes = rules.courses.codes
    out = np.empty((count, len(COLUMNS)))
    run(
        np.ascontiguousarray(own), np.ascontiguousarray(usual), weight, hearts.baseline, ec50, hearts.patience, errors,
        repeats, attends, follows, rules.settings, rules.visits, rules.reload_by_days, rules.continue_by_day,
        rules.tables, rules.reference, codes.arrays, codes.numbers, events, counts, path, out,
    )  # fmt: skip
    return Portion(first, out, events, counts, weight, hearts.baseline, path)
