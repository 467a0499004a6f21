"""The first dose after a planned change: which step it is, on which day, and whether it is a first infusion.

A change is to another product (`switch_dose_kind` of its label or of a listed decision, D195) or between the weekly and
the three-weekly doses of one (D200). What the step amounts to is read from the same tables as of any other dose.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from ...facts.value import Value
from ...record.event import Event
from ...tables.decision import Decision
from ..course.standing import Standing

SWITCH = "switch_dose_kind"
NEVER_LOADED = "never loaded"
SINCE = ("days_since_last_dose", "days_since_trastuzumab", "days_since_pertuzumab")
"""The facts that count up to the day of a dose."""
PERTUZUMAB = "pertuzumab"
"""The partner that `partner_pertuzumab` speaks of."""
RESIDUAL = "residual_disease_treatment"
DAYS_LOOKED_AHEAD = 120
"""So far the last day of a step is looked for: a bound of the search (ours), past every label's own."""


@dataclass(frozen=True, slots=True)
class Step:
    """What the next dose is: `kind` is loading or maintenance, `values` are the facts its amount is read from.

    `is_first` says that the product was not given in this course before; `day` is `None` where it cannot be told, and
    `latest` the last day on which a maintenance dose still is one. `decision` says why.
    """

    product: str
    kind: str
    is_first: bool
    what: str
    day: dt.date | None
    latest: dt.date | None
    values: dict[str, Value]
    decision: Decision | None


def orders(found: Standing) -> list[Event]:
    """Every order of a HER2-directed product on the day of the last dose or since, in the order of the timeline.

    One of a product that was given on its day has been given (decision D211).
    """
    last = found.day("any_last") or dt.date.min
    products = found.rules.codes.products
    return [
        event for event in found.events
        if event.fact.startswith("ordered") and event.product in products
        and event.day is not None and last <= event.day <= found.on
        and event.day != _last_given(found, event.product)
    ]  # fmt: skip


def ordered_products(found: Standing) -> list[str]:
    """Every product on order since the last dose, the antibody or conjugate before its partner."""
    codes = found.rules.codes
    ordered = {event.product for event in orders(found)}
    return sorted(ordered, key=lambda name: (codes.product(name).partner, codes.code[name]))


def is_begun(found: Standing, product: str) -> bool:
    """Whether a product was given in this course before."""
    last, first = _last_given(found, product), found.day("first")
    return last is not None and first is not None and last >= first


def _last_given(found: Standing, product: str) -> dt.date | None:
    """The day on which a product was given last."""
    return found.day(f"last_{product.replace('-', '_')}")


def step_to(found: Standing, product: str) -> Step:
    """The first dose of a product after a change to it, or beside the product in hand."""
    due = _due(found, product)
    day = None if due is None else max(due, found.on)
    known = product_values(found, product)
    values = on_day(known, found, day or found.on)
    decision = found.decide(SWITCH, values)
    said = None if decision is None else decision.value
    begun = is_begun(found, product)
    kind = "maintenance" if said == "maintenance" or (said == NEVER_LOADED and begun) else "loading"
    if decision is not None and said is None:
        values.pop("dose_kind", None)
        kind = ""
    latest = None
    if said == "maintenance" and day is not None:
        latest = last_day_of(found, SWITCH, known, day, "maintenance")
    values["infusion_number"] = "later" if begun else "first"
    if not begun:
        values["doses_given"] = Decimal(0)
    else:
        values.pop("doses_given", None)
    return Step(product, kind, not begun, _words(found, product, kind, said, begun), day, latest, values, decision)


def proposed_steps(found: Standing) -> list[Step]:
    """The first dose of the drugs that the label names for residual disease, where none of them is ordered.

    Of two drugs the prescriber chooses one (decision D201).
    """
    named = found.outcomes.get(RESIDUAL, "")
    products = [name.lower() for name in named.split(" or ")]
    codes = found.rules.codes
    if any(name not in codes.products for name in products) or found.outcomes.get("product_mixup", "none") != "none":
        return []
    return [step_to(found, name) for name in products]


def _words(found: Standing, product: str, kind: str, said: str | None, begun: bool) -> str:
    if not kind:
        return "maintenance or loading dose"
    if said == "maintenance":
        return f"maintenance, the first after {found.product}"
    if kind == "loading" and not begun:
        cycles = found.rules.codes.product(product).cycles if found.values.get("setting") == "adjuvant" else 0
        return f"first dose of {cycles} cycles" if cycles else "first dose"
    return "re-load" if kind == "loading" else "maintenance"


def _due(found: Standing, product: str) -> dt.date | None:
    """When the product in hand was due next, and with it pertuzumab where the new one holds it (decision D197)."""
    due = found.day("next_dose")
    codes = found.rules.codes
    partner_last = found.day("pertuzumab_last")
    holds = PERTUZUMAB in codes.product(product).holds
    if due is not None and holds and partner_last is not None and found.values.get("partner_pertuzumab") == "yes":
        due = max(due, partner_last + dt.timedelta(days=codes.product(PERTUZUMAB).days[-1]))
    return due


def product_values(found: Standing, product: str) -> dict[str, Value]:
    """The facts by which a product other than that in hand is dosed: its own schedule, and its own level."""
    own = found.rules.codes.product(product).schedules
    schedule = found.values.get("schedule")
    values: dict[str, Value] = {**found.values, "product": product}
    values["schedule"] = schedule if schedule in own else own[-1]
    values["dose_level"] = found.level_of(product) or "full"
    return values


def on_day(values: Mapping[str, Value], found: Standing, day: dt.date) -> dict[str, Value]:
    """The facts as they will be on another day than that of the review."""
    later = Decimal((day - found.on).days)
    moved = {name: value + later for name in SINCE if isinstance(value := values.get(name), Decimal)}
    return {**values, **moved}


def last_day_of(
    found: Standing, outcome: str, values: Mapping[str, Value], first: dt.date, wanted: str
) -> dt.date | None:
    """The last day, from the `first` on, on which an outcome is still the one wanted; `None` where it always is."""
    edition = found.rules.edition(outcome, values)
    if edition is None:
        return None
    array = found.rules.knowledge.array(edition, outcome)
    names = array.outcome.values
    standing = None
    for days in range(DAYS_LOOKED_AHEAD):
        day = first + dt.timedelta(days=days)
        moved = on_day(values, found, day)
        answer = array.answer({name: float(v) if isinstance(v, Decimal) else v for name, v in moved.items()})
        if answer < 0 or names[answer] != wanted:
            return standing
        standing = day
    return None


def changed_schedule(found: Standing) -> str | None:
    """The other schedule of the product in hand, where a change is meant and the order's amount is of that one."""
    product = found.product or ""
    schedules = found.rules.codes.product(product).schedules if product else ()
    now, weight = found.values.get("schedule"), found.values.get("weight_kg")
    if len(schedules) < 2 or now not in schedules or found.values.get("switch_intended") != "yes":
        return None
    mine = [event for event in orders(found) if event.product == product]
    amounts = [(event.fact, event.value) for event in mine if isinstance(event.value, Decimal)]
    if not amounts:
        return None
    fact, ordered = amounts[-1]
    if fact == "ordered_mg":
        if not isinstance(weight, Decimal):
            return None
        ordered = ordered / weight
    longer = ordered >= found.rules.codes.numbers.longer_schedule_mg_per_kg
    meant = schedules[-1] if longer else schedules[0]
    return None if meant == now else meant
