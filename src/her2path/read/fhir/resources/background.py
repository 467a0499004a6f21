"""What stands around a therapy: the patient herself, her conditions, procedures, allergies and flags, as events.

A condition, procedure or flag is read by its code alone (`knowledge/codes/therapy/`). What is refuted is not used;
what is not confirmed yet is unknown; a procedure counts once it is completed. A pregnancy that has ended says so
on the day it ended; every other condition stands from its onset, with the day of its end as a note.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypedDict

from ....facts.codes import Codes, system_name
from ....facts.fact import Facts
from ....facts.value import OneOf, Reason, Unknown, Value
from ....record.event import RECORDED_STATUS, Event, Trouble
from ...drugs import PHESGO, SC, Coded, Drugs
from ..answer import codings_of, text_of
from ..head import Concept, Head
from ..json import FewFields
from ..resource import Owner, Resource, ResourceType, Surroundings, TumourSite, always
from ..terms import COURSE, HER2, NOTHING, Terms, coded
from .her2_test import read_day

PASSING = ("pregnant", "breastfeeding")
"""Facts that are no longer so once their condition has ended."""
UNCONFIRMED = ("unconfirmed", "provisional", "differential")
UNTRUE = ("refuted", "entered-in-error")
ENDED = ("inactive", "remission", "resolved")
_SUBSTANCES = (
    ("hyaluronidase", re.compile(r"hyaluronidase", re.IGNORECASE)),
    ("benzyl alcohol", re.compile(r"benzyl ?alcohol", re.IGNORECASE)),
)

Events = Iterator[Event | Trouble]


def read_patient(resource: Mapping[str, Any], origin: str, facts: Facts) -> Events:
    """Sex, birth and death of a patient."""
    gender = resource.get("gender")
    if gender is not None and gender != "unknown":
        yield Event("sex", facts["sex"].coerce(gender), None, "", origin, str(gender))
    if (born := resource.get("birthDate")) is not None:
        day, trouble = read_day({"effectiveDateTime": born})
        if trouble:
            yield Trouble("date", origin, f"birth: {trouble}")
        yield Event("birth_date", _date(day, born, "birth_date"), None, "", origin, str(born))
    died = resource.get("deceasedDateTime")
    if died is not None:
        day, trouble = read_day({"effectiveDateTime": died})
        if trouble:
            yield Trouble("date", origin, f"death: {trouble}")
        value = _date(day, died, "death_date")
        if day is not None and trouble:
            value = Unknown(Reason.ABSENT, f"dead, of the day only {str(died)[:40]} is recorded")
        yield Event("death_date", value, day, "", origin, str(died))
    elif resource.get("deceasedBoolean") is True:
        yield Event("death_date", Unknown(Reason.ABSENT, "dead, the day is not recorded"), None, "", origin, "deceased")


def _date(day: dt.date | None, written: Any, fact: str) -> Value:
    if day is not None:
        return day.isoformat()
    return Unknown(Reason.UNPARSABLE_TEXT, f"{fact} {str(written)[:40]!r}, expected a date YYYY-MM-DD")


def claims_of(concept: Any, codes: Codes) -> tuple[list[tuple[str, str]], list[str]]:
    """The facts that the codes of a concept state, and those that contradict each other."""
    stated: dict[str, set[str]] = {}
    for coding in codings_of(concept):
        key = (system_name(coding.get("system")), str(coding.get("code", "")).strip())
        for fact, value in codes.therapy.claim(key):
            stated.setdefault(fact, set()).add(value)
    clear = [(fact, next(iter(values))) for fact, values in stated.items() if len(values) == 1]
    return clear, [f"{fact} is coded as {' and '.join(sorted(v))}" for fact, v in stated.items() if len(v) > 1]


def _name_of(concept: Any) -> str:
    names = (str(coding.get("display") or coding.get("code")) for coding in codings_of(concept))
    return text_of(concept) or next(names, "")


def read_condition(resource: Mapping[str, Any], origin: str, codes: Codes, facts: Facts) -> Events:
    """The events of a Condition."""
    truth = _codes_of(resource.get("verificationStatus"))
    concept = resource.get("code")
    if truth & set(UNTRUE):
        yield Trouble("passed over", origin, f"{_name_of(concept)}: {' '.join(sorted(truth))}")
        return
    day, trouble = read_day(
        {
            "effectiveDateTime": resource.get("onsetDateTime"), "effectivePeriod": resource.get("onsetPeriod"),
            "issued": resource.get("recordedDate"),
        }
    )  # fmt: skip
    period = resource.get("abatementPeriod")
    ended = resource.get("abatementDateTime") or (period.get("end") if isinstance(period, dict) else None)
    over = bool(ended) or bool(_codes_of(resource.get("clinicalStatus")) & set(ENDED))
    unsure = truth & set(UNCONFIRMED)
    doubt = Unknown(Reason.PRELIMINARY, f"{_name_of(concept)} is {unsure.pop()}") if unsure else None
    yield from _stated(concept, (day, trouble), origin, codes, facts, doubt, (over, ended))


def _codes_of(concept: Any) -> set[str]:
    return {str(coding.get("code")) for coding in codings_of(concept)}


def _stated(
    concept: Any, dated: tuple[dt.date | None, str], origin: str, codes: Codes, facts: Facts,
    doubt: Unknown | None, end: tuple[bool, Any],
) -> Events:  # fmt: skip
    """What the codes of a concept state from a day on, and what of it ends."""
    day, wrong_day = dated
    over, ended = end
    claims, contradictions = claims_of(concept, codes)
    for words in contradictions:
        yield Trouble(Reason.CONTRADICTORY, origin, f"{words}: they contradict each other")
    claims = [(fact, value) for fact, value in claims if fact in facts]
    if claims and wrong_day:
        yield Trouble("date", origin, wrong_day)
    for fact, value in claims:
        note = f"ended {str(ended)[:10]}" if ended else "ended, on a day that is not recorded" if over else ""
        yield Event(fact, doubt or facts[fact].coerce(value), day, "", origin, _name_of(concept), note=note)
        if over and fact in PASSING and value == "yes" and doubt is None:
            last, trouble = read_day({"effectiveDateTime": ended})
            if trouble and ended:
                yield Trouble("date", origin, f"end: {trouble}")
            yield Event(fact, "no", last, "", origin, f"end of {_name_of(concept)}", note="" if last else note)


def read_procedure(resource: Mapping[str, Any], origin: str, codes: Codes, facts: Facts) -> Events:
    """The events of a Procedure; one that is not completed is told, and not used."""
    status = resource.get("status")
    if status not in (None, "completed", "in-progress", "stopped", "unknown"):
        yield Trouble("passed over", origin, f"{_name_of(resource.get('code'))}: status {str(status)[:40]}")
        return
    doubt = None if status in (None, "completed") else Unknown(Reason.PRELIMINARY, f"status {status}")
    dated = read_day(
        {"effectiveDateTime": resource.get("performedDateTime"), "effectivePeriod": resource.get("performedPeriod")}
    )
    if status is None:
        yield Trouble("status", origin, "no status; taken as completed")
    yield from _stated(resource.get("code"), dated, origin, codes, facts, doubt, (False, None))


def read_flag(resource: Mapping[str, Any], origin: str, codes: Codes, facts: Facts) -> Events:
    """The events of a Flag: a state from the start of its period to the end."""
    status = resource.get("status")
    if status == "entered-in-error":
        yield Trouble("passed over", origin, f"status {status}")
        return
    period = resource.get("period")
    period = period if isinstance(period, dict) else {}
    dated = read_day({"effectiveDateTime": period.get("start")})
    over = status == "inactive" or bool(period.get("end"))
    yield from _stated(resource.get("code"), dated, origin, codes, facts, None, (over, period.get("end")))


def allergen(codings: Iterable[Coded], text: str, drugs: Drugs) -> Value | None:
    """The substance of an allergy that matters to these products; a product of two is one or the other."""
    named = drugs.identify(codings, text)
    if named.drug == "trastuzumab-iv":
        return "trastuzumab"
    if named.drug in (SC, PHESGO):
        return OneOf(frozenset(("trastuzumab", "hyaluronidase")))
    words = " ".join([text, *(display or "" for _, _, display in codings)])
    return next((name for name, pattern in _SUBSTANCES if pattern.search(words)), None)


def read_allergy(resource: Mapping[str, Any], origin: str, substance: Value) -> Events:
    """The event of an AllergyIntolerance to a substance that matters."""
    if _codes_of(resource.get("verificationStatus")) & set(UNTRUE):
        yield Trouble("passed over", origin, f"allergy to {_name_of(resource.get('code'))}: not so")
        return
    if _codes_of(resource.get("clinicalStatus")) & {"inactive", "resolved"}:
        yield Trouble("passed over", origin, f"allergy to {_name_of(resource.get('code'))}: no longer active")
        return
    day, trouble = read_day({"effectiveDateTime": resource.get("onsetDateTime") or resource.get("recordedDate")})
    if trouble and trouble != "no date":
        yield Trouble("date", origin, trouble)
    yield Event("allergy", substance, day, "", origin, _name_of(resource.get("code")))


class Person(TypedDict, total=False):
    """A patient's sex, birth and death: all that is read of her."""

    gender: str
    birthDate: str
    deceasedDateTime: str
    deceasedBoolean: bool


PERSON = FewFields(Person)


def _read_patient(resource: Resource, beside: Surroundings) -> Events:
    content = resource.content or PERSON.parse(resource.raw) or resource.parsed()
    return read_patient(content, resource.origin, beside.facts)


class ConditionHead(Head, gc=False):
    """The head of a condition."""

    verificationStatus: Concept | None = None


def read_diagnosis(resource: Resource, beside: Surroundings) -> Iterator[Event | TumourSite]:
    """The organ of a tumour and the HER2 status that the codes of a condition name; its head says them all."""
    head: ConditionHead = resource.head  # type: ignore[assignment]  # the skim reads every head's fields
    truth = head.verificationStatus or Concept()
    if head.code is None or any(coding.code in UNTRUE for coding in truth.coding):
        return
    for coding in head.code.coding:
        site, status = beside.codes.diagnosis((system_name(coding.system), coding.code or ""))
        if site:
            yield TumourSite(site)
        if status:
            words = coding.display or coding.code or ""
            yield Event(RECORDED_STATUS, status, None, "", resource.origin, words, note="diagnosis")


def _read_condition(resource: Resource, beside: Surroundings) -> Events:
    return read_condition(resource.parsed(), resource.origin, beside.codes, beside.facts)


def _read_flag(resource: Resource, beside: Surroundings) -> Events:
    return read_flag(resource.parsed(), resource.origin, beside.codes, beside.facts)


def _read_allergy(resource: Resource, beside: Surroundings) -> Events:
    content, substance = resource.parsed(), _allergen_of(resource.head.code, beside.terms)
    return read_allergy(content, resource.origin, substance) if substance is not None else iter(())


def _allergen_of(concept: Concept | None, terms: Terms) -> Value | None:
    return None if concept is None else allergen(coded(concept), concept.text or "", terms.drugs)


def _matters_by_claims(head: Head, terms: Terms) -> int:
    return COURSE if terms.claims(head.code) else NOTHING


PATIENT = ResourceType(
    name="Patient",
    matters=always(HER2 | COURSE),
    read_course=_read_patient,
    owner=Owner.HERSELF,
    days=("birthDate", "deceasedDateTime"),
    few_fields=PERSON,
    only_some_matter=False,
)
CONDITION = ResourceType(
    name="Condition",
    matters=lambda head, terms: HER2 | _matters_by_claims(head, terms),
    read_tests=read_diagnosis,
    read_course=_read_condition,
    head=ConditionHead,
    days=("onsetDateTime", "onsetPeriod.start", "onsetPeriod.end", "recordedDate", "abatementDateTime"),
    only_some_matter=False,
)
FLAG = ResourceType(
    name="Flag",
    matters=_matters_by_claims,
    read_course=_read_flag,
    days=("period.start", "period.end"),
)
ALLERGY = ResourceType(
    name="AllergyIntolerance",
    matters=lambda head, terms: COURSE if _allergen_of(head.code, terms) is not None else NOTHING,
    read_course=_read_allergy,
    days=("onsetDateTime", "recordedDate"),
)
