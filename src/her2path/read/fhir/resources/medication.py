"""What was given, ordered or said of a drug: the three medication resources of FHIR R4 as events.

- MedicationAdministration: a dose. `completed` and `in-progress` were given, `stopped` was given in part,
  `not-done` was planned and not given, `on-hold` is a hold, `unknown` says nothing.
- MedicationRequest: an order. `active` and `draft` are doses ordered and not given yet; `on-hold` is a hold,
  `stopped` the end of the drug, `cancelled` its end only where a reason is given. A `completed` order says
  that doses were given, but not when: nothing is read from it, and it is said.
- MedicationStatement: one dose at the start of its period, since single doses are not recorded.

R4 does not say on which day an order was put on hold or stopped, so that event has no day unless the order has
a `statusChanged` (R5) or its period has ended.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from functools import lru_cache
from typing import Any

from ....facts.codes import Codes
from ....facts.fact import Facts
from ....facts.number import parse_number
from ....facts.pages.products import products_of
from ....facts.value import Interval, Reason, Unknown, Value
from ....record.event import Event, Trouble
from ...drugs import Named
from ..answer import codings_of, read_answer, text_of, times, unit_of
from ..resource import COMPLETED, Resource, ResourceType, Surroundings
from .her2_test import read_day
from .named_drug import MEDICATION_REFERENCE, MedicationHead, drug_of_resource, matters_by_drug

CARDIAC = re.compile(r"cardi|heart|\blv ?ef\b|ejection|ventric|ctrcd", re.IGNORECASE)
PROGRESSION = re.compile(r"progress|relapse|recurr", re.IGNORECASE)
COMPLETE = re.compile(r"\bcomplete|finished|end of (?:the )?(?:therapy|course|treatment)", re.IGNORECASE)
_DENIED = re.compile(
    r"\b(?:no|not|non|without)[\s-]*(?:\w+\s+)?(?:cardi|heart|progress|relapse|recurr|complete)", re.IGNORECASE
)

MICRO = Decimal("0.001")
MILLIGRAMS = {"mg": Decimal(1), "g": Decimal(1000), "ug": MICRO, "mcg": MICRO, "µg": MICRO}
_UNIT = re.compile(r"(mg|g|ug|mcg|µg)(?:(?:/|\s*per\s*)(kg|m2|m²|m\^2))?")
_WRITTEN = re.compile(r"([\d.,]+)\s*((?:mg|g|mcg)(?:\s*(?:/|per)\s*(?:kg|m2|m²))?)(?![a-z/])", re.IGNORECASE)
NO_CODES = Codes()
GIVEN = ("completed", "in-progress", "stopped")
ORDERED = ("active", "draft")
DAY_MINUTES = 1440

Events = Iterator[Event | Trouble]


class Maker:
    """Makes the events of one resource: its drug, its origin, its day."""

    def __init__(self, named: Named, origin: str, facts: Facts) -> None:
        self.named, self.origin, self.facts = named, origin, facts
        self.day: dt.date | None = None

    def event(self, fact: str, value: Value, said: str = "", note: str = "", *, undated: bool = False) -> Event:
        day = None if undated else self.day
        note = "; ".join(part for part in (note, self.named.note) if part)
        return Event(
            fact, value, day, "", self.origin, said or self.named.said, False, note,
            self.named.drug, self.named.brand,
        )  # fmt: skip

    def dated(self, resource: Mapping[str, Any]) -> Iterator[Trouble]:
        """Take the day of a resource; what is wrong with it is a trouble."""
        self.day, trouble = read_day(resource)
        if trouble:
            yield Trouble("date", self.origin, trouble)

    def passed_over(self, why: str) -> Trouble:
        return Trouble("passed over", self.origin, why)


def read_administration(resource: Mapping[str, Any], maker: Maker) -> Events:
    """The events of a MedicationAdministration."""
    status = resource.get("status")
    if status == "entered-in-error":
        yield maker.passed_over(f"status {status}")
        return
    yield from maker.dated(resource)
    if status == "completed" and "dosage" not in resource and "effectivePeriod" not in resource:
        yield maker.event("dose_given", "yes", "", "the amount is not recorded")
        return
    why = _reason(resource.get("statusReason"))
    if status == "not-done":
        yield maker.event("dose_given", "no", why)
    elif status == "on-hold":
        yield maker.event("hold_recorded", "cardiac" if _is(CARDIAC, why) else "other", why)
    elif status is None or status in GIVEN:
        if status is None:
            yield Trouble("status", maker.origin, "no status; taken as completed")
        yield from _given(resource, maker, str(status or "completed"))
    else:
        detail = f"status {str(status)[:40]!r}, expected one of {', '.join((*GIVEN, 'not-done', 'on-hold'))}"
        yield maker.event("dose_given", Unknown(Reason.PRELIMINARY, detail))


def _given(resource: Mapping[str, Any], maker: Maker, status: str) -> Events:
    dosage = resource.get("dosage")
    dosage = dosage if isinstance(dosage, dict) else {}
    fact, value, said, note = _amount(dosage.get("dose"), dosage.get("text"), maker)
    if status != "completed":
        why = _reason(resource.get("statusReason"))
        note = "in progress: the amount is not final"
        if status == "stopped":
            note = "stopped before its end: given in part"
        fact, value, said = "dose_given", "yes", why or said
    yield maker.event(fact, value, said, note)
    minutes = _minutes(resource.get("effectivePeriod"))
    if minutes is None:
        return
    if minutes > DAY_MINUTES:
        words = "given over more than a day: single doses are not recorded; read as one on the first"
        yield Trouble("date", maker.origin, words)
    else:
        value = maker.facts["infusion_given_minutes"].coerce(minutes)
        yield maker.event("infusion_given_minutes", value, f"{minutes} min")


def _minutes(period: Any) -> Decimal | None:
    """The whole minutes from the start of a period to its end; `None` where it has no such times, or no length."""
    if not isinstance(period, dict):
        return None
    try:
        start, end = (dt.datetime.fromisoformat(period[side]) for side in ("start", "end") if "T" in period[side])
        seconds = (end - start).total_seconds()
    except (TypeError, KeyError, ValueError):
        return None
    return Decimal(round(seconds / 60)) if seconds >= 30 else None


def _amount(dose: Any, text: Any, maker: Maker, ordered: bool = False) -> tuple[str, Value, str, str]:
    """An amount as fact, value, what was said, and a note; `dose_given` where there is none."""
    stem = "ordered_mg" if ordered else "dose_mg"
    note = ""
    number: Decimal | Interval | None
    if isinstance(dose, dict) and ("value" in dose or "low" in dose or "high" in dose):
        shape = "valueQuantity" if "value" in dose else "valueRange"
        answer = read_answer({shape: dose}, NO_CODES)
        number = answer.number if answer.number is not None else answer.interval
        unit = unit_of(dose if shape == "valueQuantity" else dose.get("low") or dose.get("high"), _UNIT)
        said = f"{dose.get('value', answer.interval)} {dose.get('unit') or unit}".strip()
        if answer.refused:
            return stem, Unknown(Reason.UNPARSABLE_TEXT, f"{stem} {answer.refused}"), said, ""
    else:
        written = _WRITTEN.findall(text) if isinstance(text, str) else []
        if len(written) != 1:
            absent = Unknown(Reason.ABSENT, "no amount is ordered")
            what = text.strip()[:200] if isinstance(text, str) else ""
            return (stem, absent, what, "") if ordered else ("dose_given", "yes", what, "the amount is not recorded")
        parsed = parse_number(written[0][0])
        number, unit, said = parsed, written[0][1], " ".join(written[0])
        note = f"the amount is read from the text {str(text).strip()[:100]!r}"
    parts = _UNIT.fullmatch(unit.strip().lower())
    if parts is None or number is None:
        detail = f"{stem} {said!r}, expected an amount in mg, mg/kg or mg/m2"
        return stem, Unknown(Reason.UNPARSABLE_TEXT, detail), said, note
    per = {None: "", "kg": "_per_kg"}.get(parts[2], "_per_m2")
    fact = stem + per
    if fact not in maker.facts:
        return stem, Unknown(Reason.ABSENT, f"ordered by body surface: {said}"), said, note
    factor = MILLIGRAMS[parts[1]]
    if factor != 1:
        number = times(number, factor)
        note = note or f"{said} is read as {number} mg{per.replace('_per_', '/')}"
    if _is_combination(maker.named.drug, maker.facts):
        what = f"{said} of two antibodies in one vial: which of them it counts is not said"
        if ordered:
            return "ordered_mg", Unknown(Reason.ABSENT, what), said, ""
        return "dose_given", "yes", said, what
    return fact, maker.facts[fact].coerce(number), said, note


@lru_cache(maxsize=1_000)  # where the page of the products stands is asked of the disk
def _is_combination(drug: str, facts: Facts) -> bool:
    product = products_of(facts).products.get(drug)
    return product is not None and product.family == "combination"


def read_request(resource: Mapping[str, Any], maker: Maker) -> Events:
    """The events of a MedicationRequest."""
    status, intent = resource.get("status"), resource.get("intent")
    why = _reason(resource.get("statusReason"))
    if status == "entered-in-error" or (status == "cancelled" and not why):
        yield maker.passed_over(f"status {status}")
        return
    if resource.get("doNotPerform") is True:
        yield maker.passed_over("an order not to give it")
        return
    if intent == "option":
        yield maker.passed_over("an option, not an order")
        return
    if status == "completed":
        yield Trouble(COMPLETED, maker.origin, maker.named.drug)
        return
    if status in ("on-hold", "stopped", "cancelled"):
        yield from _ended(resource, status, why, maker)
        return
    if status is not None and status not in ORDERED:
        known = ", ".join((*ORDERED, "on-hold", "stopped", "cancelled", "completed"))
        detail = f"status {str(status)[:40]!r}, expected one of {known}"
        yield from maker.dated({"effectiveDateTime": resource.get("authoredOn")})
        yield maker.event("ordered_mg", Unknown(Reason.PRELIMINARY, detail))
        return
    if status is None:
        yield Trouble("status", maker.origin, "no status; taken as active")
    kind = status if status == "draft" else intent if intent in ("proposal", "plan") else ""
    yield from _orders(resource, f"a {kind}, not signed" if kind else "", maker, resource.get("authoredOn"))


def _orders(
    resource: Mapping[str, Any], note: str, maker: Maker, authored: Any, named: str = "dosageInstruction"
) -> Events:
    instructions = resource.get(named)
    listed = [one for one in instructions if isinstance(one, dict)] if isinstance(instructions, list) else []
    for instruction in listed or [{}]:
        yield from maker.dated({"effectiveDateTime": _start(instruction) or authored})
        rates = instruction.get("doseAndRate")
        rate = rates[0] if isinstance(rates, list) and rates and isinstance(rates[0], dict) else {}
        dose = rate.get("doseQuantity") or rate.get("doseRange")
        fact, value, said, told = _amount(dose, instruction.get("text"), maker, ordered=True)
        yield maker.event(fact, value, said, note or told)


def _start(instruction: Mapping[str, Any]) -> Any:
    timing = instruction.get("timing")
    if not isinstance(timing, dict):
        return None
    days = timing.get("event")
    if isinstance(days, list) and days:
        return days[0]
    return _bound(timing, "start")


def _bound(timing: Mapping[str, Any], side: str) -> Any:
    repeat = timing.get("repeat")
    bounds = repeat.get("boundsPeriod") if isinstance(repeat, dict) else None
    return bounds.get(side) if isinstance(bounds, dict) else None


def _ended(resource: Mapping[str, Any], status: str, why: str, maker: Maker) -> Events:
    """An order on hold, stopped or cancelled, on the day that it says; R4 has no field for that day."""
    day = resource.get("statusChanged")
    instructions = resource.get("dosageInstruction")
    for instruction in instructions if status != "on-hold" and isinstance(instructions, list) else []:
        timing = instruction.get("timing") if isinstance(instruction, dict) else None
        day = day or (_bound(timing, "end") if isinstance(timing, dict) else None)
    note = ""
    if day:
        yield from maker.dated({"effectiveDateTime": day})
    else:
        note = f"the day is not recorded; ordered on {str(resource.get('authoredOn') or 'an unknown day')[:10]}"
    yield _end(status, why, note, maker, undated=not day)


def _end(status: str, why: str, note: str, maker: Maker, *, undated: bool = False) -> Event:
    if status == "on-hold":
        return maker.event("hold_recorded", "cardiac" if _is(CARDIAC, why) else "other", why, note, undated=undated)
    reasons = (("cardiac", CARDIAC), ("progression", PROGRESSION), ("complete", COMPLETE))
    reason = next((name for name, pattern in reasons if _is(pattern, why)), "other")
    return maker.event("stop_recorded", reason, why, note, undated=undated)


def read_statement(resource: Mapping[str, Any], maker: Maker) -> Events:
    """The events of a MedicationStatement."""
    status = resource.get("status")
    if status == "entered-in-error":
        yield maker.passed_over(f"status {status}")
        return
    why = _reason(resource.get("statusReason"))
    when = {name: resource.get(name) for name in ("effectiveDateTime", "effectivePeriod")}
    if status == "intended":
        period = when["effectivePeriod"]
        start = when["effectiveDateTime"] or (period.get("start") if isinstance(period, dict) else None)
        yield from _orders(resource, "intended", maker, start or resource.get("dateAsserted"), "dosage")
        return
    yield from maker.dated({**when, "issued": resource.get("dateAsserted")})
    if status == "not-taken":
        yield maker.event("dose_given", "no", why)
        return
    if status not in (None, "active", "completed", "stopped", "on-hold"):
        detail = f"status {str(status)[:40]!r}, expected active, completed, stopped, on-hold, intended or not-taken"
        yield maker.event("dose_given", Unknown(Reason.PRELIMINARY, detail))
        return
    period = when["effectivePeriod"] if isinstance(when["effectivePeriod"], dict) else {}
    end = period.get("end")
    until = f" (until {str(end)[:10]})" if end else ""
    yield maker.event("dose_given", "yes", "", f"from a statement{until}: single doses are not recorded")
    if status in ("stopped", "on-hold"):
        day = end if status == "stopped" else resource.get("dateAsserted")
        if day:
            yield from maker.dated({"effectiveDateTime": day})
        yield _end(status, why, "" if day else "the day is not recorded", maker, undated=not day)


def _reason(reasons: Any) -> str:
    """The words of a status reason: one concept, or several."""
    concepts = reasons if isinstance(reasons, list) else [reasons]
    words = [text_of(reason) or _display_of(reason) for reason in concepts]
    return "; ".join(word for word in words if word)


def _display_of(concept: Any) -> str:
    return next((str(coding.get("display") or "") for coding in codings_of(concept)), "")


def _is(pattern: re.Pattern[str], why: str) -> bool:
    return bool(pattern.search(why)) and not _DENIED.search(why)


def by_drug(read: Callable[[Mapping[str, Any], Maker], Events]) -> Callable[[Resource, Surroundings], Events]:
    """The reader of a resource that names its drug, made of one that is told the drug."""

    def read_resource(resource: Resource, beside: Surroundings) -> Events:
        drug = drug_of_resource(resource, beside)
        if isinstance(drug, Trouble):
            yield drug
        elif drug.matters:
            yield from read(resource.parsed(), Maker(drug, resource.origin, beside.facts))

    return read_resource


ADMINISTRATION = ResourceType(
    name="MedicationAdministration",
    matters=matters_by_drug,
    read_course=by_drug(read_administration),
    head=MedicationHead,
    days=("effectiveDateTime",),  # not those of its period, which tell minutes too
    numbers=("dosage.dose.value",),
    medication=MEDICATION_REFERENCE,
)
REQUEST = ResourceType(
    name="MedicationRequest",
    matters=matters_by_drug,
    read_course=by_drug(read_request),
    head=MedicationHead,
    days=(
        "authoredOn",
        "dosageInstruction.*.timing.event.*",
        "dosageInstruction.*.timing.repeat.boundsPeriod.start",
        "dosageInstruction.*.timing.repeat.boundsPeriod.end",
    ),
    numbers=("dosageInstruction.*.doseAndRate.*.doseQuantity.value",),
    medication=MEDICATION_REFERENCE,
)
STATEMENT = ResourceType(
    name="MedicationStatement",
    matters=matters_by_drug,
    read_course=by_drug(read_statement),
    head=MedicationHead,
    days=(
        "effectiveDateTime",
        "effectivePeriod.start",
        "effectivePeriod.end",
        "dateAsserted",
        "dosage.*.timing.event.*",
        "dosage.*.timing.repeat.boundsPeriod.start",
        "dosage.*.timing.repeat.boundsPeriod.end",
    ),
    numbers=("dosage.*.doseAndRate.*.doseQuantity.value",),
    medication=MEDICATION_REFERENCE,
)
