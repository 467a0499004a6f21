"""Doses, orders, holds and stops as FHIR R4 resources that the reader takes for the same events.

    dose, dose not given, hold   MedicationAdministration (completed, not-done, on-hold)
    a dose only stated           MedicationStatement
    order, stop                  MedicationRequest (active, stopped)

Each is made as a template without its day, read by the reader of its kind, and kept with what that took it for. R4
has no field for the day of a hold or a stop in an order; so a hold is an administration that did not take place on
its day, and a stop is the end of the period of an order.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from ...facts.pages.products import read_products
from ...facts.value import Reason, Unknown, Value
from ...read.drugs import Named
from ...read.fhir.resources.medication import Maker, read_administration, read_request, read_statement
from ...record.event import STATEMENT, Event
from .codes import CodeWithDisplay, Json, Shapes, concept, json_number, quantity

MEDICATION_DOSES = ("dose_mg", "dose_mg_per_kg", "dose_mg_per_m2", "dose_given")
MEDICATION_ORDERS = ("ordered_mg", "ordered_mg_per_kg")
MEDICATION_FACTS = (*MEDICATION_DOSES, *MEDICATION_ORDERS, "hold_recorded", "stop_recorded")
"""The facts that a medication resource carries."""
READERS = {
    "MedicationAdministration": read_administration,
    "MedicationRequest": read_request,
    "MedicationStatement": read_statement,
}
REASONS = {
    ("hold_recorded", "cardiac"): "held for the heart",
    ("hold_recorded", "other"): "held for another reason",
    ("stop_recorded", "cardiac"): "stopped for the heart",
    ("stop_recorded", "progression"): "progression",
    ("stop_recorded", "complete"): "course complete",
    ("stop_recorded", "other"): "stopped for another reason",
}
INTRAVENOUS_ROUTE: CodeWithDisplay = ("SNOMED", "47625008", "Intravenous route")
SUBCUTANEOUS_ROUTE: CodeWithDisplay = ("SNOMED", "34206005", "Subcutaneous route")
ORAL_ROUTE: CodeWithDisplay = ("SNOMED", "26643006", "Oral route")
ROUTES = {"intravenous": INTRAVENOUS_ROUTE, "subcutaneous": SUBCUTANEOUS_ROUTE, "oral": ORAL_ROUTE}
_SAID = re.compile(r"(\d+(?:\.\d+)?)\s*(\S.*)")


@dataclass(frozen=True, slots=True)
class Template:
    """A medication resource without id, patient and day, and the facts, values and notes that it is read as."""

    resource: Json
    read_as: tuple[tuple[str, Value], ...]
    named: Named

    def is_read_as(self, fact: str, value: Value) -> bool:
        """Whether it is read as one event, which says just this."""
        return len(self.read_as) == 1 and _same(self.read_as[0], (fact, value))


def _same(one: tuple[str, Value], other: tuple[str, Value]) -> bool:
    if isinstance(one[1], Unknown) and isinstance(other[1], Unknown):
        return one[0] == other[0] and one[1].reason is other[1].reason
    return one == other


class Medications:
    """Makes the resources of medication events; what was made once is kept."""

    def __init__(self, shapes: Shapes) -> None:
        self.shapes = shapes
        self._kept: dict[Any, Template | None] = {}

    def template(self, event: Event, value: Value) -> Template | None:
        """The resource that is read as an event, or as most of it; `None` where nothing can carry it."""
        stated = STATEMENT in event.note
        key = (event.fact, value, event.product, event.qualifier, event.said, bool(event.note), stated)
        if key not in self._kept:
            if len(self._kept) > 50_000:
                self._kept.clear()
            self._kept[key] = self._template(event, value, stated)
        return self._kept[key]

    def _template(self, event: Event, value: Value, stated: bool) -> Template | None:
        medication = self.shapes.medication(event.product, event.qualifier)
        if medication is None:
            return None
        drug, named = medication
        nearest: Template | None = None
        for resource in self._shapes_of(event, value, stated):
            named_resource = {**resource, "medicationCodeableConcept": drug}
            template = Template(named_resource, _read(named_resource, named, self.shapes), named)
            if template.is_read_as(event.fact, value):
                return template
            if nearest is None and _is_like(event.fact, template):
                nearest = template
        return nearest

    def _shapes_of(self, event: Event, value: Value, stated: bool) -> Iterator[Json]:
        if event.fact in MEDICATION_DOSES:
            yield from self._doses(event, value, stated)
        elif event.fact in MEDICATION_ORDERS:
            dosage: Json = {"text": f"as ordered: {event.product}"}
            if isinstance(value, Decimal):
                dosage["doseAndRate"] = [{"doseQuantity": quantity(value, self.shapes.facts[event.fact].unit)}]
            if isinstance(value, Decimal) or _is_absent(value):
                yield _request("active", {"dosageInstruction": [{**dosage, **_route(event.product)}]})
        else:
            words = (event.said, REASONS.get((event.fact, str(value)), ""))
            for reason_text in filter(None, words):
                reason = {"text": reason_text}
                if event.fact == "hold_recorded":
                    yield _administration("on-hold", {"statusReason": [reason]})
                else:
                    yield _request("stopped", {"statusReason": reason})

    def _doses(self, event: Event, value: Value, stated: bool) -> Iterator[Json]:
        """A dose with its amount, and without it where it cannot be told."""
        if stated:
            yield {"resourceType": "MedicationStatement", "status": "active"}
        unit = self.shapes.facts[event.fact].unit
        route = _route(event.product)
        if isinstance(value, Decimal) and event.note and (match := _SAID.fullmatch(event.said)):
            dose = {"value": json_number(Decimal(match[1])), "unit": match[2]}
            yield _administration("completed", {"dosage": {**route, "dose": dose}})
        if isinstance(value, Decimal):
            yield _administration("completed", {"dosage": {**route, "dose": quantity(value, unit)}})
        elif isinstance(value, Unknown) and (match := _SAID.fullmatch(event.said)):
            dose = {"value": json_number(Decimal(match[1])), "unit": match[2]}
            yield _administration("completed", {"dosage": {**route, "dose": dose}})
        if isinstance(value, Unknown) and value.reason is Reason.PRELIMINARY:
            yield _administration("unknown", {})
        yield _administration("not-done" if value == "no" else "completed", {})


def _is_like(fact: str, template: Template) -> bool:
    """Whether a template is read as one event of the same kind, which says less and nothing else: a dose, an order."""
    kind: tuple[str, ...] = ()
    if fact != "dose_given":
        kind = MEDICATION_DOSES if fact in MEDICATION_DOSES else MEDICATION_ORDERS if fact in MEDICATION_ORDERS else ()
    return len(template.read_as) == 1 and template.read_as[0][0] in kind


def _is_absent(value: Value) -> bool:
    return isinstance(value, Unknown) and value.reason is Reason.ABSENT


def _read(resource: Json, named: Named, shapes: Shapes) -> tuple[tuple[str, Value], ...]:
    maker = Maker(named, "", shapes.facts)
    events = READERS[resource["resourceType"]](resource, maker)
    return tuple((event.fact, event.value) for event in events if isinstance(event, Event))


def _administration(status: str, content: Json) -> Json:
    return {"resourceType": "MedicationAdministration", "status": status, **content}


def _request(status: str, content: Json) -> Json:
    return {"resourceType": "MedicationRequest", "status": status, "intent": "order", **content}


def _route(product: str) -> Json:
    """The route of a HER2-directed drug; that of other drugs is not known here."""
    known = read_products().products.get(product)
    return {} if known is None else {"route": concept(ROUTES[known.route])}


def dated(resource: Json, day: dt.date | None, minutes: Decimal | None = None) -> Json:
    """A medication resource on its day; `minutes` is how long an infusion took, from nine o'clock on.

    R4 wants an administration to have a day: where there is none, it says that it is not known.
    """
    kind = resource["resourceType"]
    if kind == "MedicationRequest":
        return _dated_request(resource, day)
    if day is None:
        if kind == "MedicationStatement":
            return dict(resource)
        unknown = {"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "unknown"}
        return {**resource, "effectivePeriod": {"extension": [unknown]}}
    if minutes is None:
        return {**resource, "effectiveDateTime": day.isoformat()}
    start = dt.datetime(day.year, day.month, day.day, 9, tzinfo=dt.UTC)
    end = start + dt.timedelta(minutes=int(minutes))
    return {**resource, "effectivePeriod": {"start": start.isoformat(), "end": end.isoformat()}}


def _dated_request(resource: Json, day: dt.date | None) -> Json:
    if day is None:
        return dict(resource)
    if resource["status"] != "stopped":
        return {**resource, "authoredOn": day.isoformat()}
    ended = {"timing": {"repeat": {"boundsPeriod": {"end": day.isoformat()}}}}
    return {**resource, "dosageInstruction": [ended]}
