"""The plan of a course: the next dose, the next LVEF, the clocks of a hold, the end of the year, contraception."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

from ...facts.number import MG_PER_KG
from ...facts.source import Citation
from ...facts.value import Json, Value
from ...history.clocks import DEADLINE, shortest_span, span
from ...tables.decision import Decision
from ..brands import default_vials
from ..course.standing import Standing
from ..effects import Strength
from .switch import (
    PERTUZUMAB,
    RESIDUAL,
    Step,
    changed_schedule,
    last_day_of,
    on_day,
    ordered_products,
    proposed_steps,
    step_to,
)
from .vials import rounded, vials_for, volume_ml

NOT_SETTLED = "dose not settled"
NO_LEVEL_LEFT = "stop"
"""The dose of a level below the lowest that is given."""
LEVEL = "dose_level"
CLOCKED = ("too early", "waiting for recovery")
"""The states of a hold whose clocks still run."""
_FIXED = re.compile(r"(\d+(?:\.\d+)?) mg")


@dataclass(frozen=True, slots=True)
class PlanItem:
    """One thing to come: `kind` is dose, echo, hold, end, contraception or test; days are inclusive.

    `details` are its numbers by name (dose_mg, volume_ml, vials, infusion_minutes, ...); `citations` say why. Of a dose
    `drug` is its product, `condition` what must hold first, and `is_proposed` says that the label names it and nobody
    has ordered it.
    """

    kind: str
    what: str
    earliest: dt.date | None = None
    latest: dt.date | None = None
    details: Mapping[str, str] = field(default_factory=dict)
    citations: tuple[Citation, ...] = ()
    rows: tuple[str, ...] = ()
    drug: str = ""
    condition: str = ""
    is_proposed: bool = False

    def as_json(self) -> dict[str, Json]:
        return {
            "kind": self.kind, "what": self.what, "drug": self.drug or None, "condition": self.condition or None,
            "earliest": self.earliest.isoformat() if self.earliest else None,
            "latest": self.latest.isoformat() if self.latest else None,
            "details": dict(self.details), "rows": list(self.rows),
            "sources": [citation.as_json() for citation in self.citations],
        }  # fmt: skip


def plan_of(found: Standing) -> list[PlanItem]:
    """What is to come in a course, in the order of days; nothing for a patient who died, and nothing that is past."""
    if found.values.get("alive") == "no":
        return []
    if not found.started:
        return list(_first_dose(found)) if "therapy_phase" in found.values else []
    items = [*_doses(found), *_echo(found), *_hold(found), *_end(found), *_contraception(found)]
    items = [item for item in items if item.latest is None or item.latest >= found.on or item.kind == "echo"]
    items = [item for item in items if item.details.get("dose") != NO_LEVEL_LEFT]
    return sorted(items, key=lambda item: item.earliest or item.latest or dt.date.max)


def _because(*decisions: Decision | None) -> dict[str, Any]:
    told = [decision for decision in decisions if decision is not None]
    return {
        "citations": tuple(dict.fromkeys(c for decision in told for c in decision.citations)),
        "rows": tuple(dict.fromkeys(row for decision in told for row in decision.rows)),
    }


def _may_be_dosed(found: Standing, drug: str) -> bool:
    """Whether a dose of a drug can be planned: no finding forbids it, ends the course or puts another drug in place."""
    return all(bears.effect.strength < Strength.REPLACES for bears in found.bears(drug))


def _may_begin(found: Standing, drug: str) -> bool:
    """The same for the first dose of a drug: that the one before is replaced does not forbid it."""
    strengths = {bears.effect.strength for bears in found.bears(drug)} - {Strength.REPLACES}
    return all(strength < Strength.REPLACES for strength in strengths)


def _condition(found: Standing, drug: str) -> str:
    """What must hold before a dose of a drug, by all findings that gate it."""
    gates = (bears for bears in found.bears(drug) if bears.effect.strength == Strength.GATES)
    return " and ".join(dict.fromkeys(found.condition(bears) for bears in gates))


def _doses(found: Standing) -> Iterator[PlanItem]:
    """The next dose of the product in hand, and of pertuzumab where it is given beside it."""
    if found.outcomes.get("product_mixup") == "intended change":
        for product in ordered_products(found):
            if _may_begin(found, product):
                yield _of_step(found, step_to(found, product))
        return
    yield from (
        _of_step(found, step, proposed=True) for step in proposed_steps(found)
        if _may_begin(found, str(step.values["product"]))
    )  # fmt: skip
    phase = found.values.get("therapy_phase")
    in_doubt = found.was_asked("cardiac_action") and "cardiac_action" not in found.outcomes
    if phase not in ("on treatment", "on hold") or (phase == "on hold" and in_doubt):
        return
    due, last = found.day("next_dose"), found.day("product_last")
    end = found.day("year_end")
    product = found.product or ""
    if due is not None and last is not None and (end is None or due <= end) and _may_be_dosed(found, product):
        yield _dose(found, product, last, due)
    partner_last = found.day("pertuzumab_last")
    if found.values.get("partner_pertuzumab") == "yes" and partner_last is not None:
        due = partner_last + dt.timedelta(days=found.rules.codes.product(PERTUZUMAB).days[-1])
        if (end is None or due <= end) and _may_be_dosed(found, PERTUZUMAB):
            yield _dose(found, PERTUZUMAB, partner_last, due)
    elif (
        found.outcomes.get("product_mixup") == "none" and found.product != PERTUZUMAB
        and PERTUZUMAB in ordered_products(found) and _may_begin(found, PERTUZUMAB)
    ):  # fmt: skip
        yield _of_step(found, step_to(found, PERTUZUMAB))


def _dose(found: Standing, product: str, last: dt.date, due: dt.date) -> PlanItem:
    day = max(due, found.on)
    after: str | None = None
    values: dict[str, Value] = {**found.values, "product": product}
    asked = "missed_dose_action"
    if product != found.product:
        values["schedule"] = found.rules.codes.product(product).schedules[-1]
    elif len(schedules := found.rules.codes.product(product).schedules) > 1:
        after = schedules[-1] if _weekly_done(found) else changed_schedule(found)
        if after == schedules[-1]:
            values["schedule"], asked = after, "first_q3w_dose_action"
    since: dict[str, Value] = {**values, "days_since_last_dose": Decimal((found.on - last).days)}
    missed = found.decide(asked, on_day(since, found, day))
    kind = "loading" if missed is not None and missed.value == "reload" else "maintenance"
    latest = last_day_of(found, asked, since, due, "maintenance") if kind == "maintenance" else None
    what = "re-load" if kind == "loading" else "maintenance"
    if asked == "first_q3w_dose_action":
        what = f"{what}, the first every 3 weeks after the weekly doses"
    elif after is not None:
        values["schedule"] = after
        what = f"{what}, the first every week after the three-weekly doses"
    return _dose_item(found, values, kind, what, day, latest, missed)


def _of_step(found: Standing, step: Step, proposed: bool = False) -> PlanItem:
    what, decided = step.what, None
    if proposed:
        named, decided = found.outcomes.get(RESIDUAL, ""), found.decision(RESIDUAL)
        choice = f", {named}" if " or " in named else ""
        what = f"proposed (no order yet{choice}): {what}"
    item = _dose_item(found, {**step.values}, step.kind, what, step.day, step.latest, step.decision, decided)
    return replace(item, is_proposed=proposed)


def _first_dose(found: Standing) -> Iterator[PlanItem]:
    """The first dose of each product on order, before the start."""
    if found.values.get("ordered_product") is None:
        return
    for product in (name for name in ordered_products(found) if _may_begin(found, name)):
        usual = found.rules.codes.product(product).schedules[-1]
        values: dict[str, Value] = {"schedule": usual, **found.values, "product": product, "doses_given": Decimal(0)}
        values["infusion_number"] = "first"
        yield _dose_item(found, values, "loading", "first dose", found.on, None, None)


def _dose_item(
    found: Standing, values: dict[str, Value], kind: str, what: str, day: dt.date | None,
    latest: dt.date | None, missed: Decision | None, decided: Decision | None = None,
) -> PlanItem:  # fmt: skip
    product = str(values["product"])
    if kind:
        values["dose_kind"] = kind
    values.setdefault("infusion_number", "later")
    is_reduced = product == found.product and values.get("reduction_due") == "yes"
    if not is_reduced:
        values.setdefault(LEVEL, "full")
    dose = found.decide("dose_per_administration", values)
    minutes = found.decide("infusion_minutes", values)
    observation = found.decide("observation_minutes", values)
    words = dose.value if dose is not None and dose.value else NOT_SETTLED
    details = _amounts(words, found, product, found.rules.knowledge.folder)
    if dose is not None and (level := values.get(LEVEL)) != "full" and LEVEL in dose.given.values:
        details["level"] = str(level)
    if decided is not None:
        details["proposed"] = "no order yet"
    for name, decision in (("infusion_minutes", minutes), ("observation_minutes", observation)):
        if decision is not None and decision.value not in (None, "none stated"):
            details[name] = str(decision.value)
    condition = _condition(found, product)
    told = f"once {condition}: " if condition else ""
    if product == found.product and not found.level_is_told and not is_reduced:
        told += "if no dose was reduced: "
    return PlanItem(
        "dose", f"{told}{product}: {words}, {what}", day, latest, details,
        **_because(decided, missed, dose, minutes, observation), drug=product, condition=condition,
    )  # fmt: skip


def _weekly_done(found: Standing) -> bool:
    """Whether the weekly phase of adjuvant therapy has had its doses: 12, or 18 beside carboplatin."""
    early = found.values.get("setting") in ("neoadjuvant", "adjuvant")
    if not early or found.values.get("schedule") != "weekly":
        return False
    first = found.day("trastuzumab_first") or found.on
    beside = any(e.product == "carboplatin" and e.day is not None and e.day >= first for e in found.events)
    numbers = found.rules.codes.numbers
    wanted = numbers.weekly_doses_with_carboplatin if beside else numbers.weekly_doses
    return found.state["weekly_doses"] + 1 >= wanted


def _amounts(words: str, found: Standing, product: str, folder: Path) -> dict[str, str]:
    """The numbers of a dose: mg by the last weight, mL, vials and waste."""
    per_kg, fixed = MG_PER_KG.fullmatch(words), _FIXED.fullmatch(words)
    weight = found.values.get("weight_kg")
    details = {"dose": words} if words != NOT_SETTLED else {}
    if per_kg is not None:
        if not isinstance(weight, Decimal):
            return {**details, "unknown": "the weight is not known"}
        milligrams = rounded(Decimal(per_kg[1]) * weight, found.site.round_dose_mg)
        details |= {"weight_kg": f"{weight.normalize():f}"}
        if (weighed := found.day("weight")) is not None:
            details["weight_day"] = str(weighed)
        details["dose_mg"] = f"{milligrams.normalize():f}"
    elif fixed is not None:
        milligrams = Decimal(fixed[1])
        details["dose_mg"] = f"{milligrams.normalize():f}"
    else:
        return details
    infusion = found.rules.codes.product(product)
    if infusion.mg_per_ml:
        details["volume_ml"] = f"{volume_ml(milligrams, infusion.mg_per_ml):f}"
        details["diluent"] = f"{found.site.infusion_volume_ml} mL {infusion.diluent}"
    brand = found.brand(product)
    sizes = found.site.vials.get(product)
    if sizes is None:
        sizes = default_vials(brand, product, found.jurisdiction, folder)
    vials = vials_for(milligrams, sizes)
    if vials is not None:
        details |= {"vials": str(vials), "waste_mg": f"{vials.waste_mg.normalize():f}"}
    price = found.site.prices.get(brand)
    if price is not None:
        details["cost"] = f"{(price * milligrams).quantize(Decimal('0.01'))} {found.site.currency}".strip()
    return details


def _echo(found: Standing) -> Iterator[PlanItem]:
    due = found.day("echo_due")
    if due is None:
        return
    interval, recheck = found.outcomes.get("echo_interval", ""), found.outcomes.get("echo_recheck", "")
    last = found.day("lvef") or found.day("first")
    sooner = span(recheck)
    asked = interval
    earliest: dt.date | None = due
    latest = due + dt.timedelta(days=found.site.echo_tolerance_days)
    if sooner is not None and last is not None and due == last + dt.timedelta(days=sooner[0]):
        asked = recheck
        if (opens := shortest_span(recheck)) is not None and opens != sooner:
            earliest, latest = last + dt.timedelta(days=opens[0]), due
    if asked.startswith(DEADLINE):
        earliest, latest = None, due
    when = f"{asked} after the last"
    if found.values.get("stopped_for_good") == "yes":
        when = "after the stop; the cardiologist decides"
    elif found.values.get("therapy_phase") == "completed" and due == found.day("any_last"):
        when = "at completion"
    recovery = found.day("latest_recovery") if found.outcomes.get("hold_status") in CLOCKED else None
    if recovery is not None:
        earliest, latest = earliest and min(earliest, recovery), min(latest, recovery)
    if latest < found.on or found.outcomes.get("hold_status") == "verdict overdue":
        earliest = latest = found.on
        when = "now: it is overdue"
    why = _because(found.decision("echo_interval"), found.decision("echo_recheck"))
    yield PlanItem("echo", f"LVEF ({when}; same method as before)", earliest, latest, {}, **why)


def _hold(found: Standing) -> Iterator[PlanItem]:
    if found.outcomes.get("hold_status") not in CLOCKED:
        return
    why = _because(found.decision("hold_status"), found.decision("cardiac_action"))
    earliest, latest = found.day("earliest_resume"), found.day("latest_recovery")
    what = f"hold for the heart since {found.day('hold')}: may resume from, recovery to be shown by"
    yield PlanItem("hold", what, earliest, latest, {}, **why)


def _end(found: Standing) -> Iterator[PlanItem]:
    end = found.day("year_end")
    over = found.values.get("therapy_phase") == "completed" or found.values.get("stopped_for_good") == "yes"
    over = over or found.outcomes.get("product_mixup") == "intended change"
    if end is None or over or found.values.get("pregnant") == "yes":
        return
    weeks = found.rules.codes.numbers.year_days // 7
    what = f"end of the year of therapy ({weeks} weeks from the first dose)"
    yield PlanItem("end", what, None, end, {}, **_because(found.decision("adjuvant_duration")))


def _contraception(found: Standing) -> Iterator[PlanItem]:
    until = found.day("contraception_until")
    if until is None or found.outcomes.get("effective_contraception_needed") == "not needed":
        return
    what = "effective contraception at least until this day (counted from the last dose so far)"
    if found.values.get("pregnant") == "yes":
        what = "washout of the last dose"
    yield PlanItem("contraception", what, None, until, {}, **_because(found.decision("contraception_months")))
