"""What of a patient's review a leaflet may know: never a dose, a finding or an error."""

from __future__ import annotations

import datetime as dt

from ....answers.days import in_words
from ....facts.problem import AskedWrongly
from ....findings.course.standing import Standing
from ....findings.plan.items import PlanItem
from ....findings.reviews import PatientReview
from ....tables.decision import decide
from ....tables.library import Knowledge
from .sentences import DATED, NOT_KNOWN, TALK, Words

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
DAYS_A_WEEK = 7
NO_WORDS = "The knowledge in use has no leaflet.md, where the sentences of a leaflet stand."
NO_COURSE = "No course of therapy is recorded."
DIED = "The record says that this patient has died."
PREGNANT = "The record says that this patient is pregnant. A person has to talk with her; no template does."


class NoLeaflet(Exception):
    """Why a patient has no leaflet, in words for the clinician."""


def known_of(review: PatientReview, words: Words, knowledge: Knowledge) -> dict[str, str]:
    """Everything that a sentence may ask or name, by name; what is not known is left out.

    Raises `NoLeaflet` where no leaflet is written for the drug in hand, or a person has to talk first.
    """
    if not words.drugs:
        raise NoLeaflet(NO_WORDS)
    course = review.course
    if course is None or not course.verdicts:
        raise NoLeaflet(NO_COURSE)
    found = course.standing
    drug = found.in_hand
    if drug not in words.drugs:
        called = knowledge.products.products[drug].called if drug in knowledge.products.products else drug
        raise NoLeaflet(
            f"No leaflet is written for {called}; there are leaflets for {_listed(words)}." if drug
            else "No drug is in hand yet."
        )  # fmt: skip
    for name, value, why in (("alive", "no", DIED), ("pregnant", "yes", PREGNANT)):
        if found.values.get(name) == value:
            raise NoLeaflet(why)
    product = knowledge.products.products[drug]
    known = {
        "product": drug, "drug": words.drugs[drug], "route": product.route, "jurisdiction": found.jurisdiction,
        "sex": _text(found, "sex"), "setting": _text(found, "setting"), "phase": _text(found, "therapy_phase"),
        "her2": review.status if review.status in ("positive", "negative") else NOT_KNOWN,
        "year": f"{knowledge.numbers.year_days // DAYS_A_WEEK} weeks",
    }  # fmt: skip
    if isinstance(schedule := found.values.get("schedule"), str) and schedule in product.schedules:
        weeks = product.days[product.schedules.index(schedule)] // DAYS_A_WEEK
        known["every"] = "week" if weeks == 1 else f"{weeks} weeks"
    if washout := _washout(known, found, knowledge):
        known["washout"] = washout
    return known | _days(review, words, found.on)


def _listed(words: Words) -> str:
    return ", ".join(dict.fromkeys(words.drugs.values()))


def _text(found: Standing, name: str) -> str:
    value = found.values.get(name)
    return value if isinstance(value, str) else NOT_KNOWN


def _washout(known: dict[str, str], found: Standing, knowledge: Knowledge) -> str:
    """How long after the last dose a woman needs contraception, by the table; "" where none says."""
    asked = {"product": known["product"], "sex": "female"}
    try:
        decision = decide(
            "contraception_months", asked, knowledge=knowledge, on=found.on, jurisdiction=found.jurisdiction
        )
    except AskedWrongly:
        return ""
    value = decision.value or ""
    return f"{value} months" if value.isdigit() and value != "1" else ""


def _days(review: PatientReview, words: Words, on: dt.date) -> dict[str, str]:
    """The days that the verdict allows to be named."""
    course = review.course
    assert course is not None
    may_next, may_scan = words.allowed.get(course.verdicts[0].verdict, (TALK, TALK))
    if any(words.allowed.get(each.verdict, (TALK, TALK))[0] == TALK for each in course.verdicts):
        may_next = TALK
    told: dict[str, str] = {}
    dose = next((item for item in course.plan if item.kind == "dose" and item.drug == course.standing.in_hand), None)
    if may_next == DATED and dose is not None and _is_certain(dose):
        assert dose.earliest is not None
        told |= {"next": DATED, "next_day": day_words(max(dose.earliest, on))}
        for name, detail in (("minutes", "infusion_minutes"), ("observation", "observation_minutes")):
            value = dose.details.get(detail, "")
            if value[:1].isdigit() and value.replace(" to ", "").isdigit():
                told[name] = value
    elif course.standing.values.get("therapy_phase") != "completed" or may_next == TALK:
        told["next"] = TALK
    scan = next((item for item in course.plan if item.kind == "echo"), None)
    if (
        may_scan == DATED
        and scan is not None
        and (day := scan.latest if scan.earliest is None else scan.earliest)
        and day > on
    ):
        told |= {"scan": DATED, "scan_day": f"by {day_words(day)}" if scan.latest == day else f"about {in_words(day)}"}
    else:
        told["scan"] = TALK
    return told


def _is_certain(dose: PlanItem) -> bool:
    """Whether a dose is of a drug that is ordered or given, with nothing that must hold before it."""
    return dose.earliest is not None and not dose.condition and not dose.is_proposed


def day_words(day: dt.date) -> str:
    """A day as a patient reads it: Monday 16 March 2026."""
    return f"{WEEKDAYS[day.weekday()]} {in_words(day)}"
