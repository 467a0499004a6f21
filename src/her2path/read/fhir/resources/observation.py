"""An Observation: of a HER2 test, of the therapy, or of both in its components."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

import msgspec

from ....facts.codes import system_name
from ....facts.value import Reason, Unknown
from ....record.event import Event, Trouble
from ..answer import codings_of
from ..head import Concept, Head
from ..resource import Resource, ResourceType, Surroundings, TumourSite
from ..terms import NOTHING, Meaning, Terms
from .her2_test import EFFECTIVE_DAYS, FALLBACK_DAYS, read_observation
from .measurement import read_clinical

NO_MEANING: Meaning = (None, "")


class Component(msgspec.Struct, gc=False):
    """A component of an observation, as far as the skim needs it."""

    code: Concept | None = None


class ObservationHead(Head, gc=False):
    """The head of an observation."""

    component: list[Component] | None = None


def _matters(head: ObservationHead, terms: Terms) -> int:
    matters = terms.measured(head.code) if head.code is not None else NOTHING
    for component in head.component or ():
        if component.code is not None:
            matters |= terms.measured(component.code)
    return matters


def _meanings(head: ObservationHead, terms: Terms) -> list[Meaning]:
    """What an observation and each of its components measure."""
    concepts = [head.code, *(component.code for component in head.component or ())]
    return [terms.meaning(concept) if concept is not None else NO_MEANING for concept in concepts]


def _read_tests(resource: Resource, beside: Surroundings) -> Iterator[Event | Trouble | TumourSite]:
    content = resource.parsed()
    yield from read_observation(content, resource.origin, beside.codes, beside.facts)
    for coding in codings_of(content.get("code")):
        if site := beside.codes.test_sites.get((system_name(coding.get("system")), str(coding.get("code")))):
            yield TumourSite(site)


def _read_course(resource: Resource, beside: Surroundings) -> Iterator[Event | Trouble]:
    meanings = _meanings(resource.head, beside.terms)  # type: ignore[arg-type]  # the skim reads every head's fields
    return read_clinical(
        resource.parsed(), meanings, resource.origin, beside.codes, beside.facts, beside.terms.read_values
    )


def _names_unreadable(resource: Resource, beside: Surroundings, day: dt.date | None, why: str) -> Iterator[Event]:
    """The facts that an observation would have said, each unknown."""
    meanings = _meanings(resource.head, beside.terms)  # type: ignore[arg-type]  # the skim reads every head's fields
    for name in dict.fromkeys(measure.fact for measure, _ in meanings if measure is not None):
        if name in beside.facts:
            yield Event(name, Unknown(Reason.UNPARSABLE_TEXT, why), day, "", resource.origin)


OBSERVATION = ResourceType(
    name="Observation",
    matters=_matters,
    read_tests=_read_tests,
    read_course=_read_course,
    names_unreadable=_names_unreadable,
    head=ObservationHead,
    is_named_by_code=True,
    days=EFFECTIVE_DAYS,
    fallback_days=FALLBACK_DAYS,
    numbers=("valueQuantity.value", "component.*.valueQuantity.value", "valueInteger", "component.*.valueInteger"),
    words=("specimen.reference",),
    as_it_stands=("value", "component."),
)
