"""An AdverseEvent with its grade of CTCAE as an event, in each published shape: the term says the fact, the grade what
of it (`knowledge/codes/therapy/adverse-events.md`).

The grade stands in an extension (HL7, R4 and R5) or in the severity (Germany); mild, moderate and severe are none. An
event that has ended says so on the day it ended.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Set
from typing import Any

import msgspec

from ....facts.codes import Codes, system_name
from ....facts.fact import Facts
from ....facts.number import parse_interval
from ....facts.therapy_codes import NO_GRADE, AdverseTerm
from ....facts.value import Reason, Unknown, Value
from ....record.event import HER2_DRUG, MENTIONED, Event, Trouble
from ...coding import coded_of
from ...swapped import codes_elsewhere, words_elsewhere
from ..answer import codings_of, text_of
from ..head import Concept, Head, Reference
from ..resource import VOID, Resource, ResourceType, Surroundings
from ..terms import COURSE, NOTHING, UNCLEAR, Terms, stated_by_code
from .her2_test import read_day
from .named_drug import drug_referred_to

BY_WORDS = (
    "ild_grade", "febrile_neutropenia", "nodular_regenerative_hyperplasia", "heart_failure", "heart_failure_history",
    "lvef", "infusion_reaction",
)  # fmt: skip
"""Facts that an event may be of whose term has no code that is known."""
MEANT = {"heart_failure_history": "heart_failure"}
"""What is now, where an event speaks of what else is a history."""
GRADE_EXTENSIONS = ("ctcae-grade", "ae-grade")
END_EXTENSION = "resolved-date"
GRADES = "CTCAE-GRADE"
_GRADED = re.compile(r"\b(?:ctc(?:ae)?[ -]*)?(?:grade?|grado)[ :]*([0-5])\b", re.IGNORECASE)
NO_CELL = ("", "-")
UNCLEAR_FACTS = (*BY_WORDS, *MEANT)
"""Facts of which an event without a grade that is known leaves unknown what its grade would say."""


class AdverseEventHead(Head, gc=False):
    """The head of an adverse event; until R5 its term stands in `event`, which is something else in other types."""

    event: msgspec.Raw = msgspec.Raw(b"")
    suspectEntity: msgspec.Raw = msgspec.Raw(b"")


def _term_of(concept: Any, codes: Codes) -> tuple[AdverseTerm | None, str, str]:
    """The term of a concept, its words, and what is to be said of how it was found: words alone name a fact, and so
    does a code of another system or none; of such a code the fact is unknown."""
    said = [text_of(concept), *(str(coding.get("display") or "") for coding in codings_of(concept))]
    words = next(filter(None, reversed(said)), "")
    codings = [(coding.get("system"), str(coding.get("code", "")).strip()) for coding in codings_of(concept)]
    for system, code in codings:
        if (term := codes.therapy.adverse.get((system_name(system), code))) is not None:
            return term, words, ""
    for each in filter(None, said):
        for fact in codes.names.named(each, BY_WORDS):
            meant = MEANT.get(fact, fact)
            terms = (term for term in codes.therapy.adverse.values() if term.fact == meant)
            return next(terms, AdverseTerm(meant, {})), each, f"read by its words {each!r} alone"
    for coding in coded_of(codings_of(concept)):
        codings += [(None, code) for _, code in codes_elsewhere(coding)]
        for place, odd, together in words_elsewhere(coding):
            for fact in codes.names.named(f"{together} ; {text_of(concept)}", BY_WORDS):
                return AdverseTerm(MEANT.get(fact, fact), {}), f"{odd} in the {place} of its coding", ""
    for system, code in codings:
        of_code = [term.fact for (_, own), term in codes.therapy.adverse.items() if own == code]
        of_code += [fact for fact, value in stated_by_code(system, code, codes) if value != "no"]
        if fact := next((MEANT.get(fact, fact) for fact in of_code if fact in (*BY_WORDS, *MEANT)), ""):
            return AdverseTerm(fact, {}), words or f"code {code} under the system {system!r}", ""
    return None, words, ""


def _matters(head: AdverseEventHead, terms: Terms) -> int:
    concept: Any = None if head.code is None else msgspec.to_builtins(head.code)
    if concept is None and head.event:
        try:
            concept = json.loads(bytes(head.event))
        except (ValueError, RecursionError):
            return COURSE if terms.speaks(bytes(head.event).decode("utf-8", "replace")) else NOTHING
    if head.suspectEntity:
        return COURSE
    return COURSE if any(_term_of(each, terms.codes)[0] is not None for each in _concepts(concept)) else NOTHING


def _concepts(said: Any) -> Iterator[dict[str, Any]]:
    """What is said of a term as concepts: a text alone (DSTU2) and a list are taken as what they stand for."""
    for each in said if isinstance(said, list) else [said]:
        if isinstance(each, dict):
            yield each
        elif isinstance(each, str):
            yield {"text": each}


def _suspects(head: AdverseEventHead) -> Iterator[str]:
    """What an event is suspected to come of: it stands in medications, and not in the event itself."""
    yield from ["suspectEntity"] if head.suspectEntity else []


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
        bare = [extension.get(name) for name in ("valueCode", "valueInteger", "valueString")]
        bare.append(text_of(extension.get("valueCodeableConcept")) or None)
        codings += [{"system": "", "code": _digit(str(said))} for said in bare if said is not None]
        for coding in codings:
            system, code = system_name(coding.get("system")) or GRADES, str(coding.get("code", "")).strip()
            found.add(codes.therapy.grades.get((system, code), NO_GRADE))
    for coding in codings_of(content.get("severity")):
        key = (system_name(coding.get("system")), str(coding.get("code", "")).strip())
        if key in codes.therapy.grades:
            found.add(codes.therapy.grades[key])
    for words in (text_of(content.get("severity")), text_of(content.get("event")), text_of(content.get("code"))):
        found |= {match[1] for match in _GRADED.finditer(words)}
    return found - {NO_GRADE}


def _digit(said: str) -> str:
    """A grade as its digit, where a word stands before it."""
    match = _GRADED.fullmatch(said.strip())
    return match[1] if match else said.strip()


def _value(term: AdverseTerm, grade: str, facts: Facts) -> Value | None:
    """What a grade says of the fact of a term; `None` where it says nothing."""
    cell = term.cells.get(grade, "-")
    if cell == UNCLEAR or (cell in NO_CELL and grade == NO_GRADE and term.fact in UNCLEAR_FACTS):
        return Unknown(Reason.UNMAPPED_CODE, f"{term.fact} may be said by an adverse event of grade {grade}")
    if cell in NO_CELL:
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
    status, actuality = content.get("status"), content.get("actuality")
    if status not in VOID:
        yield from _of_suspects(resource, content, beside)
    named = content["code"] if isinstance(content.get("code"), dict) else content.get("event")
    found = ((*_term_of(each, beside.codes), each) for each in _concepts(named))
    term, words, note, _ = next((each for each in found if each[0] is not None), (None, "", "", {}))
    if term is None or term.fact not in facts:
        return
    if status in VOID or actuality == "potential":
        yield Trouble("passed over", origin, f"{words}: {status if status in VOID else 'it might have happened'}")
        return
    grades = _grades_of(content, beside.codes)
    if len(grades) > 1:
        yield Trouble(Reason.CONTRADICTORY, origin, f"{words}: grades {' and '.join(sorted(grades))}")
    grade = next(iter(grades)) if len(grades) == 1 else NO_GRADE
    value = _value(term, grade, facts)
    if not term.cells:
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


def _of_suspects(resource: Resource, content: Mapping[str, Any], beside: Surroundings) -> Iterator[Event]:
    """That a HER2-directed drug is suspected of an event, so that it was given: a medication in the event or in the
    source, or one that is named."""
    listed = content.get("suspectEntity")
    for suspect in listed if isinstance(listed, list) else [listed]:
        instance = suspect.get("instance") if isinstance(suspect, dict) else None
        concept = suspect.get("instanceCodeableConcept") if isinstance(suspect, dict) else None
        named = None
        if isinstance(concept, dict):
            named = beside.terms.drug_of(msgspec.convert(concept, Concept))
        elif isinstance(instance, dict):
            reference = Reference(instance.get("reference"), instance.get("display"))
            named = drug_referred_to(reference, resource, beside)
        if named is not None and (named.drug in beside.terms.drugs.products or named.directed):
            yield Event(HER2_DRUG, MENTIONED, _day(content)[0], "", resource.origin, named.said, product=named.drug)


def _day(content: Mapping[str, Any]) -> tuple[Any, str]:
    """The day of an event: when it was, else when it was seen or written down."""
    names = ("date", "occurrenceDateTime", "detected", "recordedDate")
    first = next((content[name] for name in names if content.get(name)), None)
    return read_day({"effectiveDateTime": first, "effectivePeriod": content.get("occurrencePeriod")})


ADVERSE_EVENT = ResourceType(
    name="AdverseEvent",
    is_named_by_code=True,
    matters=_matters,
    read_course=_read,
    head=AdverseEventHead,
    several_medications=_suspects,
    days=("date", "occurrenceDateTime", "occurrencePeriod.start", "occurrencePeriod.end"),
)
