"""One patient's own doses out of her Record, with what a model of exposure needs to know of her.

What was taken and what had to be assumed is told in words; nothing is filled in silently.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

from ...facts.problem import AskedWrongly
from ...read.source import read_records
from ...record.event import STATEMENT, Event, Record
from ...tables.library import Knowledge
from ..model import PLAUSIBLE, read_model
from ..patients import covariates_of, with_derived
from .choice import chosen_words, model_and_population, standing
from .dose_history import hour_of_doses, own_schedule, usual_minutes
from .kernel import INFUSION, UNDER_SKIN
from .schedule import Dose, Schedule, labelled

TRASTUZUMAB = ("trastuzumab-iv", "trastuzumab-sc", "phesgo")
UNDER_THE_SKIN = ("trastuzumab-sc", "phesgo")
OF_MODEL = {
    "trastuzumab-iv": TRASTUZUMAB,
    "trastuzumab-linear": TRASTUZUMAB,
    "trastuzumab-sc": TRASTUZUMAB,
    "trastuzumab-volunteers": TRASTUZUMAB,
    "pertuzumab": ("pertuzumab",),
    "t-dm1": ("t-dm1",),
    "t-dxd": ("t-dxd",),
}
"""The products of a record whose doses a model takes."""
GIVEN_DOSE_FACTS = ("dose_mg", "dose_mg_per_kg", "dose_given")
POPULATION_OF_SETTING = {"neoadjuvant": "early-breast", "adjuvant": "early-breast", "metastatic": "metastatic-breast"}


@dataclass(slots=True)
class History:
    """A patient's doses as they were given, and herself as a model sees her.

    `start` is the moment of the first dose; `covariates` hold what is known of her, by the models' names.
    """

    patient: str
    model: str
    population: str
    schedule: Schedule
    start: dt.datetime | None
    covariates: dict[str, float]
    weight_kg: float
    taken: list[str] = field(default_factory=list)
    assumed: list[str] = field(default_factory=list)
    contraception_until: dt.date | None = None
    origins: tuple[str, ...] = ()

    def date_of(self, day: float) -> dt.date | None:
        """The date of a day after the first dose, where the dates of the doses are known."""
        if self.start is None or not abs(day) < 1e6:
            return None
        return (self.start + dt.timedelta(days=day)).date()


def find_record(source: Path, knowledge: Knowledge, patient: str | None) -> Record:
    """The record of one patient in a source of any kind.

    Raises `AskedWrongly` where there is none of that name, or several and none was named.
    """
    names: list[str] = []
    chosen: Record | None = None
    for record in read_records(source, knowledge.facts):
        if not isinstance(record, Record):
            continue
        names.append(record.patient)
        if patient is None or record.patient == patient:
            chosen = chosen or record
    if not names:
        raise AskedWrongly(f"no patient was found in {source}; expected FHIR R4 in JSON or NDJSON, CSV or Parquet")
    if chosen is None:
        raise AskedWrongly(f"no patient of {source.name} is called {patient!r}; there are {_some(names)}")
    if patient is None and len(names) > 1:
        raise AskedWrongly(f"{source.name} holds {len(names)} patients; choose one with --patient: {_some(names)}")
    return chosen


def _some(names: list[str]) -> str:
    return ", ".join(names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "")


def history_of(
    record: Record,
    on: dt.date,
    model: str | None = None,
    population: str | None = None,
    by_hand: Mapping[str, float] | None = None,
) -> History:
    """Her doses up to a day. `by_hand` gives covariates that the record has not, or not rightly.

    Raises `AskedWrongly` where she had no dose of what the model describes, and where no model is one of patients like
    her or lent to them.
    """
    course = [event for event in record.course if event.day is None or event.day <= on]
    whose = population or _population(record, course)
    chosen = model or _model_for(record, course, whose)
    if chosen not in OF_MODEL:
        raise AskedWrongly(f"{chosen!r} is no model of exposure; there are {', '.join(OF_MODEL)}")
    history = History(record.patient, chosen, whose, _NO_SCHEDULE, None, {}, 0.0)
    events = _administrations(record, course, history)
    weights = {
        event.day: float(event.value)
        for event in course
        if event.fact == "weight_kg" and event.day and isinstance(event.value, Decimal)
    }
    _know_her(history, course, weights, [event.day for event in events if event.day], by_hand or {})
    minutes = {
        (event.day, event.product): float(event.value)
        for event in course
        if event.fact == "infusion_given_minutes" and isinstance(event.value, Decimal)
    }
    first = min(event.day for event in events if event.day)
    history.start = hour_of_doses(first)
    doses = _doses(history, events, weights, minutes, first)
    history.schedule = own_schedule(doses, f"doses of {record.patient}")
    history.origins = tuple(event.origin for event in events)
    last = history.date_of(history.schedule.last_dose_day)
    fixed = {f"{round(dose.mg, 1):g}" for dose in doses}
    history.taken.insert(
        0, f"{_count(len(doses), 'dose')} of {_products(events)} from {first} to {last} ({_list(fixed)} mg)"
    )
    history.assumed.append(model_words(chosen, whose))
    return history


_NO_SCHEDULE = Schedule("none", (), (), 0.0)


def _count(count: int, what: str) -> str:
    return f"{count} {what}" + ("" if count == 1 else "s")


def _list(amounts: set[str]) -> str:
    words = sorted(amounts, key=float)
    return ", ".join(words[:5]) + (" and others" if len(words) > 5 else "")


def _products(events: Iterable[Event]) -> str:
    return " and ".join(dict.fromkeys(event.product for event in events))


def model_words(model: str, population: str) -> str:
    """Why a model is simulated for her, as something assumed. Raises `AskedWrongly` where it is none of hers."""
    standing(model, population, lent=True)
    return f"model {chosen_words(model, population)}"


def _model_for(record: Record, course: list[Event], population: str) -> str:
    """The model for what she got: trastuzumab where she got any, else the last antibody or conjugate."""
    products = [event.product for event in course if event.fact in GIVEN_DOSE_FACTS and event.value != "no"]
    if any(product in TRASTUZUMAB for product in products):
        under_skin = any(product in UNDER_THE_SKIN for product in products)
        return model_and_population(None, population, under_skin, lent=True)[0]
    for product in reversed(products):
        if product in OF_MODEL:
            return product
    raise AskedWrongly(f"{record.patient}: no dose of trastuzumab, pertuzumab, T-DM1 or T-DXd is on record")


def _population(record: Record, course: list[Event]) -> str:
    if "gastric" in record.sites and "breast" not in record.sites:
        return "gastric"
    settings = [event.value for event in course if event.fact == "setting" and isinstance(event.value, str)]
    return POPULATION_OF_SETTING.get(settings[-1], "breast") if settings else "breast"


def _administrations(record: Record, course: list[Event], history: History) -> list[Event]:
    """One event for each administration of what the model describes; what was left out is told."""
    wanted = OF_MODEL[history.model]
    given = [
        event for event in course if event.fact in GIVEN_DOSE_FACTS and event.product in wanted and event.value != "no"
    ]
    if "phesgo" in {event.product for event in course} and history.model == "pertuzumab":
        raise AskedWrongly(f"{record.patient}: pertuzumab was given under the skin (phesgo), which no model here knows")
    stated = [event for event in given if STATEMENT in event.note]
    undated = [event for event in given if event.day is None]
    if stated:
        history.assumed.append(f"{_count(len(stated), 'statement')} that therapy was given: no single doses, not used")
    if undated:
        history.assumed.append(f"{_count(len(undated), 'dose')} without a date: not used")
    by_day: dict[tuple[dt.date, str], Event] = {}
    for event in given:
        if event.day is None or STATEMENT in event.note:
            continue
        held = by_day.get((event.day, event.product))
        if held is None or _rank(event) > _rank(held):
            by_day[event.day, event.product] = event
        if held is not None and held.fact == event.fact and held.value != event.value:
            history.assumed.append(f"two amounts on {event.day} ({held.said} and {event.said}): the larger was taken")
    events = sorted(by_day.values(), key=lambda event: (event.day or dt.date.max, event.product))
    if not events:
        others = {e.product for e in course if e.fact in GIVEN_DOSE_FACTS and e.product in OF_MODEL and e.value != "no"}
        reasons = list(history.assumed)
        if elsewhere := sorted(others - {*wanted}):
            reasons.append(f"on record are doses of {', '.join(elsewhere)}")
        words = f"{record.patient}: no dated dose of {' or '.join(wanted)} is on record"
        raise AskedWrongly("; ".join([words, *reasons]))
    skin = [event for event in events if event.product in UNDER_THE_SKIN]
    if skin and "absorption" not in read_model(history.model):
        words = f"{len(skin)} doses of {record.patient} were given under the skin, which {history.model} does not know"
        raise AskedWrongly(f"{words}; use --model trastuzumab-sc")
    other = dict.fromkeys(
        e.product for e in course if e.fact in GIVEN_DOSE_FACTS and e.product in OF_MODEL and e.value != "no"
    )
    if left := [product for product in other if product not in wanted]:
        history.assumed.append(f"doses of {', '.join(left)} are simulated apart: --model {left[0]}")
    return events


def _rank(event: Event) -> tuple[int, Decimal]:
    """An amount in mg before one in mg/kg before none; of two alike the larger."""
    amount = event.value if isinstance(event.value, Decimal) else Decimal(-1)
    return GIVEN_DOSE_FACTS[::-1].index(event.fact) if amount > 0 else -1, amount


def _know_her(
    history: History,
    course: list[Event],
    weights: dict[dt.date, float],
    days: list[dt.date],
    by_hand: Mapping[str, float],
) -> None:
    """Weight, height and sex of the record as covariates of the model; those given by hand come first."""
    known: dict[str, float] = {}
    if weights:
        at_doses = sorted(_weight_on(weights, day)[0] for day in days)
        known["weight_kg"] = at_doses[len(at_doses) // 2]
        low, high = at_doses[0], at_doses[-1]
        spread = "" if low == high else f" (between {low:g} and {high:g} at her doses; the middle one counts)"
        history.taken.append(f"weight {known['weight_kg']:g} kg{spread}")
    for event in course:
        if event.fact == "height_cm" and isinstance(event.value, Decimal):
            known["height_cm"] = float(event.value)
        elif event.fact == "sex" and event.value in ("female", "male"):
            known["male"] = float(event.value == "male")
    if "height_cm" in known:
        history.taken.append(f"height {known['height_cm']:g} cm")
    if "male" in known:
        history.taken.append("sex " + ("male" if known["male"] else "female"))
    for name, value in by_hand.items():
        known[name] = value
        history.taken.append(f"{name} {value:g}, as given by hand")
    for name, value in known.items():
        low, high = PLAUSIBLE[name]
        if not low <= value <= high:
            raise AskedWrongly(f"{name} {value:g} of {history.patient}; expected {low:g} to {high:g}")
    if "weight_kg" not in known:
        history.weight_kg = covariates_of(history.population)["weight_kg"].median
        words = (
            f"no weight is on record: {history.weight_kg:g} kg, the median of {history.population}, for doses by weight"
        )
        history.assumed.append(words)
    else:
        history.weight_kg = known["weight_kg"]
    history.covariates = derived(known)


def derived(known: Mapping[str, float]) -> dict[str, float]:
    """Covariates, by the models' names and in their units, with those that follow from weight, height and sex."""
    import numpy as np

    arrays = {name: np.array([value]) for name, value in known.items()}
    return {name: float(value[0]) for name, value in with_derived(arrays, known.get("male") == 1.0).items()}


def _weight_on(weights: Mapping[dt.date, float], day: dt.date) -> tuple[float, bool]:
    """The latest weight up to a day, or the first one after it; and whether it was before."""
    before = [earlier for earlier in weights if earlier <= day]
    return (weights[max(before)], True) if before else (weights[min(weights)], False)


def _doses(
    history: History,
    events: list[Event],
    weights: Mapping[dt.date, float],
    minutes: Mapping[tuple[dt.date | None, str], float],
    first: dt.date,
) -> list[Dose]:
    doses: list[Dose] = []
    by_weight = unsaid = from_later = 0
    for event in events:
        assert event.day is not None
        route = UNDER_SKIN if event.product in UNDER_THE_SKIN else INFUSION
        day = float((event.day - first).days)
        value = float(event.value) if isinstance(event.value, Decimal) else 0.0
        weight, known_before = _weight_on(weights, event.day) if weights else (history.weight_kg, True)
        if value <= 0:
            value = _labelled_mg(history.model, event.product, not doses, weight)
            history.assumed.append(f"the amount of {event.day} is not known: {value:g} mg by the label")
        elif event.fact == "dose_mg_per_kg":
            value *= weight
            by_weight += 1
            from_later += not known_before
        length = minutes.get((event.day, event.product))
        if length is None and route == INFUSION:
            unsaid += 1
            length = usual_minutes(history.model, not doses)
        doses.append(Dose(day, mg=round(value, 6), minutes=length or 0.0, route=route, kind="given"))
    if by_weight:
        history.taken.append(f"{_count(by_weight, 'dose')} in mg/kg times the latest weight before")
    if from_later:
        history.assumed.append(
            f"{_count(from_later, 'dose')} in mg/kg before any weight: the first weight after counts"
        )
    if unsaid:
        history.assumed.append(f"{_count(unsaid, 'infusion')} of the length that the label says (none is on record)")
    history.assumed.append("doses without a time of the day begin at 9:00")
    return doses


def _labelled_mg(model: str, product: str, first: bool, weight: float) -> float:
    under_skin = product in UNDER_THE_SKIN
    dose = labelled(model, "sc" if under_skin else "q3w", 2).doses[0 if first else 1]
    return dose.mg or dose.mg_per_kg * weight


def contraception_day(record: Record, on: dt.date, knowledge: Knowledge, jurisdiction: str = "us") -> dt.date | None:
    """Until when the review of her record says that contraception is needed; `None` where it does not say."""
    from ...findings.patient import Reviewer, Settings

    course = Reviewer(knowledge, Settings(on, jurisdiction=jurisdiction)).review(record).course
    return None if course is None else course.standing.day("contraception_until")
