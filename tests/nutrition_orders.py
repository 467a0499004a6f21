"""A resource type that is not read, added from outside: this module has its reader and its entry, and nothing else.

A NutritionOrder states, in this made-up use, the weight that a diet was planned for.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from her2path.read.fhir.answer import read_answer
from her2path.read.fhir.head import Concept, Head
from her2path.read.fhir.resource import Resource, ResourceType, Surroundings
from her2path.read.fhir.resources.her2_test import read_day
from her2path.read.fhir.resources.measurement import in_own_unit
from her2path.read.fhir.terms import COURSE, NOTHING, Terms
from her2path.record.event import Event, Trouble

DIETS = ("160670007",)


class Diet(msgspec.Struct, gc=False):
    """The diet of an order, as far as the skim needs it."""

    type: list[Concept] | None = None


class NutritionHead(Head, gc=False):
    """The head of a nutrition order, which has no code of its own."""

    oralDiet: Diet | None = None


def _matters(head: NutritionHead, terms: Terms) -> int:
    concepts = (head.oralDiet.type if head.oralDiet is not None else None) or ()
    return COURSE if any(coding.code in DIETS for concept in concepts for coding in concept.coding) else NOTHING


def read_nutrition_order(resource: Resource, beside: Surroundings) -> Iterator[Event | Trouble]:
    content = resource.parsed()
    if content.get("status") == "entered-in-error":
        yield Trouble("passed over", resource.origin, "status entered-in-error")
        return
    day, trouble = read_day({"effectiveDateTime": content.get("dateTime")})
    if trouble:
        yield Trouble("date", resource.origin, trouble)
    answer = read_answer({"valueQuantity": content.get("plannedFor")}, beside.codes)
    if answer.number is not None:
        value, note = in_own_unit("weight_kg", answer.number, answer.unit, beside.facts)
        yield Event("weight_kg", value, day, "", resource.origin, f"{answer.words} {answer.unit}", note=note)


NUTRITION_ORDER = ResourceType(
    name="NutritionOrder",
    matters=_matters,
    read_course=read_nutrition_order,
    head=NutritionHead,
    days=("dateTime",),
    numbers=("plannedFor.value",),
)
