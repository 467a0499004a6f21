"""What stands around a therapy: the patient herself, her conditions, procedures, allergies and flags, as events.

A condition, procedure or flag is read by its code alone (`knowledge/codes/therapy/`). What is refuted is not used;
what is not confirmed yet is unknown; a procedure counts once it is completed. A pregnancy that has ended says so
on the day it ended; every other condition stands from its onset, with the day of its end as a note.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ...facts.codes import Codes, system_name
from ...facts.fact import Facts
from ...facts.value import OneOf, Reason, Unknown, Value
from ...record.event import Event, Trouble
from ..drugs import PHESGO, SC, Coded, Drugs
from .answer import codings_of, text_of
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

Said = Iterator[Event | Trouble]


def read_patient(resource: Mapping[str, Any], origin: str, facts: Facts) -> Said:
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
        yield Event("death_date", _date(day, died, "death_date"), day, "", origin, str(died))
    elif resource.get("deceasedBoolean") is True:
        yield Event("death_date", Unknown(Reason.ABSENT, "dead, the day is not recorded"), None, "", origin, "deceased")


def _date(day: dt.date | None, said: Any, fact: str) -> Value:
    if day is not None:
        return day.isoformat()
    return Unknown(Reason.UNPARSABLE_TEXT, f"{fact} {str(said)[:40]!r}, expected a date YYYY-MM-DD")


def claims_of(concept: Any, codes: Codes) -> tuple[list[tuple[str, str]], list[str]]:
    """The facts that the codes of a concept state, and those that contradict each other."""
    stated: dict[str, set[str]] = {}
    for coding in codings_of(concept):
        key = (system_name(coding.get("system")), str(coding.get("code", "")).strip())
        for fact, value in codes.therapy.claim(key):
            stated.setdefault(fact, set()).add(value)
    clear = [(fact, next(iter(values))) for fact, values in stated.items() if len(values) == 1]
    return clear, [f"{fact} is coded as {' and '.join(sorted(v))}" for fact, v in stated.items() if len(v) > 1]


def _said(concept: Any) -> str:
    return text_of(concept) or next((str(c.get("display") or c.get("code")) for c in codings_of(concept)), "")


def read_condition(resource: Mapping[str, Any], origin: str, codes: Codes, facts: Facts) -> Said:
    """The events of a Condition."""
    truth = _codes_of(resource.get("verificationStatus"))
    concept = resource.get("code")
    if truth & set(UNTRUE):
        yield Trouble("passed over", origin, f"{_said(concept)}: {' '.join(sorted(truth))}")
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
    doubt = Unknown(Reason.PRELIMINARY, f"{_said(concept)} is {unsure.pop()}") if unsure else None
    yield from _stated(concept, (day, trouble), origin, codes, facts, doubt, (over, ended))


def _codes_of(concept: Any) -> set[str]:
    return {str(coding.get("code")) for coding in codings_of(concept)}


def _stated(
    concept: Any, dated: tuple[dt.date | None, str], origin: str, codes: Codes, facts: Facts,
    doubt: Unknown | None, end: tuple[bool, Any],
) -> Said:  # fmt: skip
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
        yield Event(fact, doubt or facts[fact].coerce(value), day, "", origin, _said(concept), note=note)
        if over and fact in PASSING and value == "yes" and doubt is None:
            last, trouble = read_day({"effectiveDateTime": ended})
            if trouble and ended:
                yield Trouble("date", origin, f"end: {trouble}")
            yield Event(fact, "no", last, "", origin, f"end of {_said(concept)}", note="" if last else note)


def read_procedure(resource: Mapping[str, Any], origin: str, codes: Codes, facts: Facts) -> Said:
    """The events of a Procedure; one that is not completed is told, and not used."""
    status = resource.get("status")
    if status not in (None, "completed", "in-progress", "stopped", "unknown"):
        yield Trouble("passed over", origin, f"{_said(resource.get('code'))}: status {str(status)[:40]}")
        return
    doubt = None if status in (None, "completed") else Unknown(Reason.PRELIMINARY, f"status {status}")
    dated = read_day(
        {"effectiveDateTime": resource.get("performedDateTime"), "effectivePeriod": resource.get("performedPeriod")}
    )
    if status is None:
        yield Trouble("status", origin, "no status; taken as completed")
    yield from _stated(resource.get("code"), dated, origin, codes, facts, doubt, (False, None))


def read_flag(resource: Mapping[str, Any], origin: str, codes: Codes, facts: Facts) -> Said:
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


def read_allergy(resource: Mapping[str, Any], origin: str, substance: Value) -> Said:
    """The event of an AllergyIntolerance to a substance that matters."""
    if _codes_of(resource.get("verificationStatus")) & set(UNTRUE):
        yield Trouble("passed over", origin, f"allergy to {_said(resource.get('code'))}: not so")
        return
    if _codes_of(resource.get("clinicalStatus")) & {"inactive", "resolved"}:
        yield Trouble("passed over", origin, f"allergy to {_said(resource.get('code'))}: no longer active")
        return
    day, trouble = read_day({"effectiveDateTime": resource.get("onsetDateTime") or resource.get("recordedDate")})
    if trouble and trouble != "no date":
        yield Trouble("date", origin, trouble)
    yield Event("allergy", substance, day, "", origin, _said(resource.get("code")))
