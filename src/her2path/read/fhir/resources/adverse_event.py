"""An AdverseEvent with its grade of CTCAE as an event, in each published shape: the term says the fact, the grade what
of it (`knowledge/codes/therapy/adverse-events.md`).

The grade stands in an extension (HL7, R4 and R5) or in the severity (Germany); mild, moderate and severe are none. An
event that has ended says so on the day it ended.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set
from typing import Any

import msgspec

from ....facts.codes import Codes, system_name
from ....facts.fact import Facts
from ....facts.number import parse_interval
from ....facts.therapy_codes import NO_GRADE, AdverseTerm
from ....facts.value import Reason, Unknown, Value
from ....record.event import Event, Trouble
from ..answer import codings_of, text_of
from ..head import Concept, Head
from ..resource import VOID, Resource, ResourceType, Surroundings
from ..terms import COURSE, NOTHING, Terms
from .her2_test import read_day

BY_WORDS = ("ild_grade", "febrile_neutropenia", "nodular_regenerative_hyperplasia", "heart_failure")
"""Facts that an event may be of whose term has no code that is known."""
GRADE_EXTENSIONS = ("ctcae-grade", "ae-grade")
END_EXTENSION = "resolved-date"
GRADES = "CTCAE-GRADE"
_CONCEPT = msgspec.json.Decoder(Concept)


class AdverseEventHead(Head, gc=False):
    """The head of an adverse event; until R5 its term stands in `event`, which is something else in other types."""

    event: msgspec.Raw = msgspec.Raw(b"")


def _term_of(concept: Any, codes: Codes) -> tuple[AdverseTerm | None, str, str]:
    """The term of a concept, its words, and what is to be said of how it was found; words alone name a fact."""
    said = [text_of(concept), *(str(coding.get("display") or "") for coding in codings_of(concept))]
    words = next(filter(None, reversed(said)), "")
    for coding in codings_of(concept):
        key = (system_name(coding.get("system")), str(coding.get("code", "")).strip())
        if (term := codes.therapy.adverse.get(key)) is not None:
            return term, words, ""
    for each in filter(None, said):
        for fact in codes.names.named(each, BY_WORDS):
            terms = (term for term in codes.therapy.adverse.values() if term.fact == fact)
            return next(terms, AdverseTerm(fact, {})), each, f"read by its words {each!r} alone"
    return None, words, ""


def _matters(head: AdverseEventHead, terms: Terms) -> int:
    concept = head.code
    if concept is None and head.event:
        try:
            concept = _CONCEPT.decode(head.event)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return NOTHING
    if concept is None:
        return NOTHING
    term, _, _ = _term_of(msgspec.to_builtins(concept), terms.codes)
    return COURSE if term is not None else NOTHING


def _extensions(content: Mapping[str, Any], ending: tuple[str, ...]) -> Iterator[Mapping[str, Any]]:
    extensions = content.get("extension")
    for extension in extensions if isinstance(extensions, list) else ():
        if isinstance(extension, dict) and str(extension.get("url")).endswith(ending):
            yield extension


def _grades_of(content: Mapping[str, Any], codes: Codes) -> set[str]:
    """The grades that an event carries."""
    found: set[str] = set()
    for extension in _extensions(content, GRADE_EXTENSIONS):
        codings = [*codings_of(extension.get("valueCodeableConcept"))]
        codings += [coding for coding in (extension.get("valueCoding"),) if isinstance(coding, dict)]
        bare = extension.get("valueCode") or extension.get("valueInteger")
        codings += [{"system": "", "code": bare}] if bare is not None else []
        for coding in codings:
            system, code = system_name(coding.get("system")) or GRADES, str(coding.get("code", "")).strip()
            found.add(codes.therapy.grades.get((system, code), NO_GRADE))
    for coding in codings_of(content.get("severity")):
        key = (system_name(coding.get("system")), str(coding.get("code", "")).strip())
        if key in codes.therapy.grades:
            found.add(codes.therapy.grades[key])
    return found - {NO_GRADE}


def _value(term: AdverseTerm, grade: str, facts: Facts) -> Value | None:
    """What a grade says of the fact of a term; `None` where it says nothing."""
    cell = term.cells.get(grade, "-")
    if cell in ("", "-"):
        return None
    return facts[term.fact].coerce(parse_interval(cell) or cell)


def _end_of(content: Mapping[str, Any], ends: Set[str]) -> tuple[bool, Any]:
    """Whether an event is over, and the day where it is told."""
    period, outcome = content.get("occurrencePeriod"), content.get("outcome")
    told = next((each.get("valueDateTime") for each in _extensions(content, (END_EXTENSION,))), None)
    told = told or (period.get("end") if isinstance(period, dict) else None)
    outcomes = outcome if isinstance(outcome, list) else [outcome]
    codes = {str(coding.get("code")) for each in outcomes for coding in codings_of(each)}
    return bool(told) or bool(codes & ends), told


def _read(resource: Resource, beside: Surroundings) -> Iterator[Event | Trouble]:
    content, origin, facts = resource.parsed(), resource.origin, beside.facts
    concept = content["code"] if isinstance(content.get("code"), dict) else content.get("event")
    term, words, note = _term_of(concept, beside.codes)
    if term is None or term.fact not in facts:
        return
    status, actuality = content.get("status"), content.get("actuality")
    if status in VOID or actuality == "potential":
        yield Trouble("passed over", origin, f"{words}: {status if status in VOID else 'it might have happened'}")
        return
    grades = _grades_of(content, beside.codes)
    if len(grades) > 1:
        yield Trouble(Reason.CONTRADICTORY, origin, f"{words}: grades {' and '.join(sorted(grades))}")
    grade = next(iter(grades)) if len(grades) == 1 else NO_GRADE
    value = _value(term, grade, facts)
    if value is None and not term.cells:
        value = Unknown(Reason.UNMAPPED_CODE, f"{term.fact} may be said by {words!r}")
    if value is None:
        return
    day, wrong = _day(content)
    if wrong:
        yield Trouble("date", origin, wrong)
    told = f"{words}, grade {grade}" if grade != NO_GRADE else f"{words}, no grade that is known"
    yield Event(term.fact, value, day, "", origin, told, note=note)
    over, end = _end_of(content, beside.codes.therapy.ends)
    ended = _value(term, "0", facts)
    if over and ended is not None and grade != "0":
        last, wrong = read_day({"effectiveDateTime": end}) if end else (None, "")
        if wrong:
            yield Trouble("date", origin, f"end: {wrong}")
        yield Event(term.fact, ended, last, "", origin, f"end of {words}", note=note)


def _day(content: Mapping[str, Any]) -> tuple[Any, str]:
    """The day of an event: when it was, else when it was seen or written down."""
    names = ("date", "occurrenceDateTime", "detected", "recordedDate")
    first = next((content[name] for name in names if content.get(name)), None)
    return read_day({"effectiveDateTime": first, "effectivePeriod": content.get("occurrencePeriod")})


ADVERSE_EVENT = ResourceType(
    name="AdverseEvent",
    matters=_matters,
    read_course=_read,
    head=AdverseEventHead,
    days=("date", "occurrenceDateTime", "occurrencePeriod.start", "occurrencePeriod.end"),
)
