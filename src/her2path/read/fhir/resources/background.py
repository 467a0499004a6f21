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
from ....facts.words.systems import keys_of
from ....record.event import RECORDED_STATUS, WORDS_ALONE, Event, Trouble
from ...coding import coded_of
from ...drugs import PHESGO, SC, Coded, Drugs
from ...swapped import codes_elsewhere, words_elsewhere
from ..answer import codings_of, text_of
from ..head import Concept, Head
from ..json import FewFields
from ..resource import Owner, Resource, ResourceType, Surroundings, TumourSite, always
from ..statuses import certainty_of, statuses_of
from ..terms import COURSE, HER2, NOTHING, STATED_BY_NAME, UNCLEAR, Terms, coded, plain_display, stated_by_code
from .her2_test import read_day

PASSING = dict.fromkeys(("pregnant", "breastfeeding", "febrile_neutropenia"), "no")
PASSING |= dict.fromkeys(("ild_grade", "radiation_pneumonitis_grade", "neuropathy_grade"), "0")
"""Facts that are no longer so once their condition has ended, and what they are then."""
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


Claims = dict[str, tuple[str, str]]
"""The facts that a concept states: the value, or `unclear`, and what is to be said of how it was found."""


def claims_of(concept: Any, codes: Codes, by_name: bool = False) -> tuple[Claims, list[str]]:
    """The facts that a concept states by its codes, else by its words, and those that contradict each other."""
    stated: dict[str, set[str]] = {}
    odd = ""
    is_known = False
    for coding in codings_of(concept):
        system, code = coding.get("system"), str(coding.get("code", "")).strip()
        for fact, value in stated_by_code(system, code, codes):
            stated.setdefault(fact, set()).add(value)
            if value == UNCLEAR:
                odd = f"code {code} under the system {system!r}"
        is_known = is_known or any(key in codes.therapy.claims for key in keys_of(system_name(system), code))
    for values in stated.values():
        if len(values) > 1:
            values.discard(UNCLEAR)
    clear = {fact: (next(iter(values)), odd) for fact, values in stated.items() if len(values) == 1}
    wrong = [f"{fact} is coded as {' and '.join(sorted(v))}" for fact, v in stated.items() if len(v) > 1]
    if by_name and not is_known and all(value == UNCLEAR for value, _ in clear.values()):
        clear = clear | _claims_by_name(concept, codes)
    return clear, wrong


def _claims_by_name(concept: Any, codes: Codes) -> Claims:
    """What the words of a concept state: those of a listed display say what it says, others that it may be so."""
    said = [text_of(concept), *(str(coding.get("display") or "") for coding in codings_of(concept))]
    claims: Claims = {}
    for words in filter(None, said):
        key = codes.therapy.displays.get(plain_display(words))
        if key is not None:
            claims |= {fact: (value, f"by its words {words!r} alone") for fact, value in codes.therapy.claims[key]}
        for fact in codes.names.named(words, STATED_BY_NAME):
            claims.setdefault(fact, (UNCLEAR, f"{words!r}, and no code that is known"))
    for coding in coded_of(codings_of(concept)):
        for place, written in codes_elsewhere(coding):
            for fact, _ in stated_by_code(None, written, codes):
                claims.setdefault(fact, (UNCLEAR, f"code {written} in the {place} of its coding"))
        for place, words, together in words_elsewhere(coding):
            for fact in codes.names.named(f"{together} ; {text_of(concept)}", STATED_BY_NAME):
                claims.setdefault(fact, (UNCLEAR, f"{words!r} in the {place} of its coding"))
    return claims


def _name_of(concept: Any) -> str:
    names = (str(coding.get("display") or coding.get("code")) for coding in codings_of(concept))
    return text_of(concept) or next(names, "")


def read_condition(
    resource: Mapping[str, Any], origin: str, codes: Codes, facts: Facts, drugs: Drugs | None = None
) -> Events:  # fmt: skip
    """The events of a Condition; with `drugs` also an allergy to a substance that matters."""
    concept = resource.get("code")
    truth = statuses_of(resource.get("verificationStatus")) | certainty_of(concept)
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
    over = bool(ended) or bool(statuses_of(resource.get("clinicalStatus")) & set(ENDED)) or "ended" in truth
    unsure = truth & set(UNCONFIRMED)
    doubt = Unknown(Reason.PRELIMINARY, f"{_name_of(concept)} is {unsure.pop()}") if unsure else None
    yield from _stated(concept, (day, trouble), origin, codes, facts, doubt, (over, ended), by_name=True)
    substance = _named_allergy(concept, codes, drugs) if drugs is not None and not over else None
    if substance is not None:
        yield Event("allergy", doubt or substance, day, "", origin, _name_of(concept))


def read_stated(
    concept: Any, dated: tuple[dt.date | None, str], origin: str, codes: Codes, facts: Facts
) -> Events:  # fmt: skip
    """What a coded conclusion states from a day on."""
    yield from _stated(concept, dated, origin, codes, facts, None, (False, None), by_name=True)


def _stated(
    concept: Any, dated: tuple[dt.date | None, str], origin: str, codes: Codes, facts: Facts,
    doubt: Unknown | None, end: tuple[bool, Any], by_name: bool = False,
) -> Events:  # fmt: skip
    """What the codes of a concept state from a day on, and what of it ends."""
    day, wrong_day = dated
    over, ended = end
    claims, contradictions = claims_of(concept, codes, by_name)
    for words in contradictions:
        yield Trouble(Reason.CONTRADICTORY, origin, f"{words}: they contradict each other")
    claims = {fact: claim for fact, claim in claims.items() if fact in facts}
    if claims and wrong_day:
        yield Trouble("date", origin, wrong_day)
    for fact, (value, how) in claims.items():
        note = f"ended {str(ended)[:10]}" if ended else "ended, on a day that is not recorded" if over else ""
        stated: Value = doubt or facts[fact].coerce(value)
        if value == UNCLEAR:
            stated = Unknown(Reason.UNMAPPED_CODE, f"{fact} may be said by {how or repr(_name_of(concept))}")
        elif how:
            note = "; ".join(filter(None, (f"read {how}", note)))
        yield Event(fact, stated, day, "", origin, _name_of(concept), note=note)
        if over and fact in PASSING and value not in ("no", UNCLEAR) and doubt is None:
            last, trouble = read_day({"effectiveDateTime": ended})
            if trouble and ended:
                yield Trouble("date", origin, f"end: {trouble}")
            said, note = f"end of {_name_of(concept)}", "" if last else note
            yield Event(fact, facts[fact].coerce(PASSING[fact]), last, "", origin, said, note=note)


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
    end = over, period.get("end")
    yield from _stated(resource.get("code"), dated, origin, codes, facts, None, end, by_name=True)


def allergen(codings: Iterable[Coded], text: str, drugs: Drugs) -> Value | None:
    """The substance of an allergy that matters to these products; a product of two is one or the other."""
    named = drugs.identify(codings, text)
    if named.drug == "trastuzumab-iv":
        return "trastuzumab"
    if named.drug in (SC, PHESGO):
        return OneOf(frozenset(("trastuzumab", "hyaluronidase")))
    words = " ".join([text, *(display or "" for _, _, display in codings)])
    return next((name for name, pattern in _SUBSTANCES if pattern.search(words)), None)


def _named_allergy(concept: Any, codes: Codes, drugs: Drugs) -> Value | None:
    """The substance of a condition whose words name an allergy to one that matters."""
    said = [text_of(concept), *(str(coding.get("display") or "") for coding in codings_of(concept))]
    named = [words for words in said if words and codes.names.named(words, ("allergy",))]
    bare = [codes.names.without(words, "allergy").strip() for words in named]
    return next((found for words in bare if (found := allergen((), words, drugs)) is not None), None)


def read_allergy(resource: Mapping[str, Any], origin: str, substance: Value) -> Events:
    """The event of an AllergyIntolerance to a substance that matters."""
    if statuses_of(resource.get("verificationStatus")) & set(UNTRUE):
        yield Trouble("passed over", origin, f"allergy to {_name_of(resource.get('code'))}: not so")
        return
    if statuses_of(resource.get("clinicalStatus")) & {"inactive", "resolved"}:
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


def read_diagnosis(resource: Resource, beside: Surroundings) -> Iterator[Event | Trouble | TumourSite]:
    """The organ of a tumour and the HER2 status that a condition names: by its codes, its body site, else its words."""
    content = resource.parsed()
    concept = content.get("code")
    if statuses_of(content.get("verificationStatus")) & set(UNTRUE) or "refuted" in certainty_of(concept):
        return
    codes = beside.codes
    has_site = False
    for coding in codings_of(concept):
        system, code = system_name(coding.get("system")), str(coding.get("code", ""))
        site, status = codes.diagnosis((system, code))
        if site:
            has_site = True
            yield TumourSite(site)
        if status:
            words = str(coding.get("display") or code)
            yield Event(RECORDED_STATUS, status, None, "", resource.origin, words, note="diagnosis")
    if not has_site:
        yield from _other_site(content, resource.origin, codes)


def _other_site(content: Mapping[str, Any], origin: str, codes: Codes) -> Iterator[Trouble | TumourSite]:
    """The organ of a tumour whose code names none: by a code under a wrong system, by its body site, by its words."""
    concept = content.get("code")
    said = [text_of(concept), *(str(coding.get("display") or "") for coding in codings_of(concept))]
    for coding in coded_of(codings_of(concept)):
        said += [words for _, _, words in words_elsewhere(coding)]
        system, code = coding[0], (coding[1] or "").strip()
        written_at = [] if system_name(system) else [(f"under the system {system!r}", code)]
        written_at += [(f"in the {place} of its coding", written) for place, written in codes_elsewhere(coding)]
        for place, written in written_at:
            for own in ("ICD-10", "SNOMED"):
                if site := codes.diagnosis((own, written))[0]:
                    yield TumourSite(site)
                    what = f"code {written} stands {place}: taken for a {site} tumour by {own}"
                    yield Trouble(WORDS_ALONE, origin, what)
                    return
    places = content.get("bodySite")
    is_tumour = any(codes.names.is_tumour(words) for words in said if words) or any(
        system_name(coding.get("system")) == "ICD-O-3" for coding in codings_of(concept)
    )
    for place in places if isinstance(places, list) and is_tumour else ():
        keys = [(system_name(c.get("system")), str(c.get("code", ""))) for c in codings_of(place)]
        site = next((codes.diagnosis(key)[0] for key in keys if codes.diagnosis(key)[0]), "")
        words = " ".join(filter(None, (text_of(place), *(str(c.get("display") or "") for c in codings_of(place)))))
        if site or words:
            yield TumourSite(site or codes.names.organ(words) or "other")
            return
    for words in filter(None, said):
        if site := codes.names.site(words):
            yield TumourSite(site)
            what = f"{words!r} has no code that is known: taken for a {site} tumour by its words"
            yield Trouble(WORDS_ALONE, origin, what)
            return


def _read_condition(resource: Resource, beside: Surroundings) -> Events:
    drugs = beside.terms.drugs
    return read_condition(resource.parsed(), resource.origin, beside.codes, beside.facts, drugs)


def _read_flag(resource: Resource, beside: Surroundings) -> Events:
    return read_flag(resource.parsed(), resource.origin, beside.codes, beside.facts)


def _read_allergy(resource: Resource, beside: Surroundings) -> Events:
    content, substance = resource.parsed(), _allergen_of(resource.head.code, beside.terms)
    return read_allergy(content, resource.origin, substance) if substance is not None else iter(())


def _allergen_of(concept: Concept | None, terms: Terms) -> Value | None:
    return None if concept is None else allergen(coded(concept), concept.text or "", terms.drugs)


def _matters_by_claims_or_name(head: Head, terms: Terms) -> int:
    return COURSE if terms.claims(head.code, by_name=True) else NOTHING


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
    is_named_by_code=True,
    matters=lambda head, terms: HER2 | _matters_by_claims_or_name(head, terms),
    read_tests=read_diagnosis,
    read_course=_read_condition,
    days=("onsetDateTime", "onsetPeriod.start", "onsetPeriod.end", "recordedDate", "abatementDateTime"),
    only_some_matter=False,
)
FLAG = ResourceType(
    name="Flag",
    is_named_by_code=True,
    matters=_matters_by_claims_or_name,
    read_course=_read_flag,
    days=("period.start", "period.end"),
)
ALLERGY = ResourceType(
    name="AllergyIntolerance",
    is_named_by_code=True,
    matters=lambda head, terms: COURSE if _allergen_of(head.code, terms) is not None else NOTHING,
    read_course=_read_allergy,
    days=("onsetDateTime", "recordedDate"),
)
