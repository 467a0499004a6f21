"""What was given, ordered or said of a drug: the three medication resources of FHIR R4 as events.

- MedicationAdministration: a dose. `completed` and `in-progress` were given, `stopped` was given in part,
  `not-done` was planned and not given, `on-hold` is a hold, `unknown` says nothing.
- MedicationRequest: an order. `active` and `draft` are doses ordered and not given yet; `on-hold` is a hold,
  `stopped` the end of the drug, `cancelled` its end only where a reason is given. A `completed` order says
  that doses were given, but not when: nothing is read from it, and it is said.
- MedicationStatement: a course from the start of its period to the end, since single doses are not recorded: one dose
  at the start; `completed` and `stopped` are its stop on the day the period ends. A period of one day is a dose.

R4 does not say on which day an order was put on hold or stopped, so that event has no day unless the order has
a `statusChanged` (R5) or its period has ended.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

from ....facts.fact import Facts
from ....facts.value import Reason, Unknown, Value
from ....record.event import DOSE_NOT_READ, HER2_DRUG, IN_PART, NOT_KNOWN, ORDER_NOT_READ, Event, Trouble
from ...drugs import NOBODY, Named
from ..answer import codings_of, text_of
from ..resource import COMPLETED, UNRESOLVED, NamesUnreadable, Resource, ResourceType, Surroundings
from .amount import amount_of
from .her2_test import read_day
from .named_drug import (
    CONTAINED,
    MEDICATION_REFERENCES,
    MedicationHead,
    drug_named,
    drug_of_resource,
    matters_by_drug,
    not_read,
)
from .versions import in_words_of_r4

CARDIAC = re.compile(r"cardi|heart|\blv ?ef\b|ejection|ventric|ctrcd", re.IGNORECASE)
PROGRESSION = re.compile(r"progress|relapse|recurr", re.IGNORECASE)
COMPLETE = re.compile(r"\bcomplete|finished|end of (?:the )?(?:therapy|course|treatment)", re.IGNORECASE)
_DENIED = re.compile(
    r"\b(?:no|not|non|without)[\s-]*(?:\w+\s+)?(?:cardi|heart|progress|relapse|recurr|complete)", re.IGNORECASE
)

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
    fact, value, said, note = amount_of(dosage.get("dose"), dosage.get("text"), maker)
    if status != "completed":
        why = _reason(resource.get("statusReason"))
        note = "in progress: the amount is not final"
        if status == "stopped":
            note = f"{IN_PART}: given in part"
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
        period = resource["effectivePeriod"]
        yield maker.event("infusion_given_minutes", value, f"{period['start']} to {period['end']}")


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
        rate = {**instruction, **rate}  # until STU3 the dose stood in the instruction itself
        dose = rate.get("doseQuantity") or rate.get("doseRange") or rate.get("quantityQuantity")
        fact, value, said, told = amount_of(dose, instruction.get("text"), maker, ordered=True)
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
    reason = next(
        (name for name, pattern in reasons if _is(pattern, why)), "complete" if status == "completed" else "other"
    )
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
    if status == "completed" and end and str(end)[:10] != str(period.get("start"))[:10]:
        yield from maker.dated({"effectiveDateTime": end})
        yield _end(status, why, "", maker)
    elif status in ("stopped", "on-hold"):
        day = end if status == "stopped" else resource.get("dateAsserted")
        if day:
            yield from maker.dated({"effectiveDateTime": day})
        yield _end(status, why, "" if day else "the day is not recorded", maker, undated=not day)


def _reason(reasons: Any) -> str:
    """The words of a status reason: one concept, or several."""
    if reasons is None:
        return ""
    concepts = reasons if isinstance(reasons, list) else [reasons]
    words = [text_of(reason) or _display_of(reason) for reason in concepts]
    return "; ".join(word for word in words if word)


def _display_of(concept: Any) -> str:
    return next((str(coding.get("display") or "") for coding in codings_of(concept)), "")


def _is(pattern: re.Pattern[str], why: str) -> bool:
    return bool(pattern.search(why)) and not _DENIED.search(why)


Read = Callable[[Mapping[str, Any], Maker], Events]


def by_drug(read: Read) -> Callable[[Resource, Surroundings], Events]:
    """The reader of a resource that names its drug, made of one that is told the drug."""

    def read_resource(resource: Resource, beside: Surroundings) -> Events:
        named = drug_of_resource(resource, beside)
        if named is not None and not named.matters:
            return
        content = in_words_of_r4(resource.parsed())
        if named is None or named.trouble:
            yield from _not_read(read, content, named, Maker(NOBODY, resource.origin, beside.facts))
        else:
            yield from read(content, Maker(named, resource.origin, beside.facts))

    return read_resource


def _not_read(read: Read, content: Mapping[str, Any], named: Named | None, maker: Maker) -> Events:
    """What a resource says whose drug cannot be told (`None`: not at all): that doses are recorded which are not read.

    The reader itself tells whether it speaks of doses given, of an order, or of nothing.
    """
    events = [*read(content, maker)]
    if any(isinstance(said, Trouble) and said.kind == "passed over" for said in events):
        yield from (said for said in events if isinstance(said, Trouble))
        return
    if named is None:
        yield Trouble(UNRESOLVED, maker.origin, "")
    else:
        yield not_read(named, maker.origin)
        if not named.directed:
            return
    given, words = NOT_KNOWN if named is None else DOSE_NOT_READ, "" if named is None else named.said
    for said in events:
        if isinstance(said, Trouble):
            if said.kind == COMPLETED:
                yield Event(HER2_DRUG, given, None, "", maker.origin, words, note="a completed order")
            elif said.kind == "date":
                yield said
        elif said.fact.startswith("ordered"):
            if named is not None:
                yield Event(HER2_DRUG, ORDER_NOT_READ, said.day, "", maker.origin, words)
        elif said.value != "no" and said.fact != "infusion_given_minutes":
            yield Event(HER2_DRUG, given, said.day, "", maker.origin, words)


def _names_unreadable(value: str) -> NamesUnreadable:
    """What is said of a resource that cannot be read and is, or may be, of a HER2-directed drug."""

    def names(resource: Resource, beside: Surroundings, day: dt.date | None, _why: str) -> Iterator[Event]:
        try:
            named = drug_named(resource, beside)
        except ValueError:  # its medication stands within it
            named = None
        if named is None:
            yield Event(HER2_DRUG, NOT_KNOWN, day, "", resource.origin)
        elif named.directed:
            yield Event(HER2_DRUG, value, day, "", resource.origin, named.said)

    return names


ADMINISTRATION = ResourceType(
    name="MedicationAdministration",
    matters=matters_by_drug,
    read_course=by_drug(read_administration),
    names_unreadable=_names_unreadable(DOSE_NOT_READ),
    head=MedicationHead,
    # Not the days of a period, which tell minutes too.
    days=("effectiveDateTime", "occurenceDateTime", "occurrenceDateTime", "effectiveTimeDateTime"),
    numbers=("dosage.dose.value",),
    medications=MEDICATION_REFERENCES,
    as_it_stands=CONTAINED,
)
REQUEST = ResourceType(
    name="MedicationRequest",
    matters=matters_by_drug,
    read_course=by_drug(read_request),
    names_unreadable=_names_unreadable(ORDER_NOT_READ),
    head=MedicationHead,
    days=(
        "authoredOn",
        "dosageInstruction.*.timing.event.*",
        "dosageInstruction.*.timing.repeat.boundsPeriod.start",
        "dosageInstruction.*.timing.repeat.boundsPeriod.end",
    ),
    numbers=("dosageInstruction.*.doseAndRate.*.doseQuantity.value", "dosageInstruction.*.doseQuantity.value"),
    medications=MEDICATION_REFERENCES,
    as_it_stands=CONTAINED,
)
ORDER = replace(REQUEST, name="MedicationOrder", days=("dateWritten", "dateEnded", *REQUEST.days))
"""What DSTU2 calls a MedicationRequest."""
STATEMENT = ResourceType(
    name="MedicationStatement",
    matters=matters_by_drug,
    read_course=by_drug(read_statement),
    names_unreadable=_names_unreadable(DOSE_NOT_READ),
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
    medications=MEDICATION_REFERENCES,
    as_it_stands=CONTAINED,
)
USAGE = replace(STATEMENT, name="MedicationUsage")
"""What drafts of R5 call a MedicationStatement."""
