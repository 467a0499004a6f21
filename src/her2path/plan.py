"""The plan of a course: the next dose, the next LVEF, the clocks of a hold, the end of the year, contraception."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from .brands import default_vials
from .clocks import span
from .decision import Decision
from .source import Citation
from .therapy import Courses, Standing, brand_in_hand
from .value import Value
from .vials import rounded, vials_for, volume_ml

DAYS_LOOKED_AHEAD = 120
NOT_SETTLED = "dose not settled"
_PER_KG = re.compile(r"(\d+(?:\.\d+)?) mg/kg")
_FIXED = re.compile(r"(\d+(?:\.\d+)?) mg")


@dataclass(frozen=True, slots=True)
class PlanItem:
    """One thing to come: `kind` is dose, echo, hold, end, contraception or test; days are inclusive.

    `details` are its numbers by name (dose_mg, volume_ml, vials, infusion_minutes, ...); `citations` say why.
    """

    kind: str
    what: str
    earliest: dt.date | None = None
    latest: dt.date | None = None
    details: Mapping[str, str] = field(default_factory=dict)
    citations: tuple[Citation, ...] = ()
    rows: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        return {
            "kind": self.kind, "what": self.what,
            "earliest": self.earliest.isoformat() if self.earliest else None,
            "latest": self.latest.isoformat() if self.latest else None,
            "details": dict(self.details), "rows": list(self.rows),
            "sources": [citation.as_json() for citation in self.citations],
        }  # fmt: skip


def plan_of(found: Standing, courses: Courses) -> list[PlanItem]:
    """What is to come in a course, in the order of days; nothing for a patient who died."""
    if found.day("death") is not None or not found.started:
        return []
    items = [*_dose(found, courses), *_echo(found), *_hold(found), *_end(found), *_contraception(found)]
    return sorted(items, key=lambda item: item.earliest or item.latest or dt.date.max)


def _because(*decisions: Decision | None) -> dict[str, Any]:
    told = [decision for decision in decisions if decision is not None]
    return {
        "citations": tuple(dict.fromkeys(c for decision in told for c in decision.citations)),
        "rows": tuple(dict.fromkeys(row for decision in told for row in decision.rows)),
    }


def _dose(found: Standing, courses: Courses) -> Iterator[PlanItem]:
    phase = found.values.get("therapy_phase")
    action = found.outcomes.get("cardiac_action")
    due = found.day("next_dose")
    if due is None or phase not in ("on treatment", "on hold") or _is_over(found):
        return
    if phase == "on hold" and found.values.get("resume_allowed") != "yes":
        return
    if action in ("hold", "stop", "consider stopping"):
        return
    day = max(due, found.on)
    last = found.day("product_last")
    assert last is not None
    missed = _missed(found, courses, (day - last).days)
    kind = "loading" if missed is not None and missed.value == "reload" else "maintenance"
    values: dict[str, Value] = {**found.values, "dose_kind": kind, "dose_level": "full", "infusion_number": "later"}
    values.setdefault("dose_level", "full")
    dose = courses.decide("dose_per_administration", values, found)
    minutes = courses.decide("infusion_minutes", values, found)
    observation = courses.decide("observation_minutes", values, found)
    words = dose.value if dose is not None and dose.value else NOT_SETTLED
    details = _amounts(words, found)
    details["kind"] = "re-load" if kind == "loading" else "maintenance"
    for name, decision in (("infusion_minutes", minutes), ("observation_minutes", observation)):
        if decision is not None and decision.value is not None:
            details[name] = decision.value
    latest = _last_day_without_reload(found, courses, last) if kind == "maintenance" else None
    what = f"{found.product}: {words}, {details['kind']}"
    yield PlanItem("dose", what, day, latest, details, **_because(missed, dose, minutes, observation))


def _is_over(found: Standing) -> bool:
    """Whether the course in early disease has had its year or its cycles."""
    return found.outcomes.get("adjuvant_duration") in ("complete", "beyond one year", "beyond the cycles")


def _missed(found: Standing, courses: Courses, days: int) -> Decision | None:
    return courses.decide("missed_dose_action", {**found.values, "days_since_last_dose": Decimal(days)}, found)


def _last_day_without_reload(found: Standing, courses: Courses, last: dt.date) -> dt.date | None:
    """The last day on which the maintenance dose still needs no re-load; `None` where it never does."""
    edition = courses.edition("missed_dose_action", found.values)
    if edition is None:
        return None
    array = courses.knowledge.array(edition, "missed_dose_action")
    names = array.outcome.values
    start = (found.day("next_dose") or last).toordinal() - last.toordinal()
    standing = None
    for days in range(start, start + DAYS_LOOKED_AHEAD):
        answer = array.answer({**found.values, "days_since_last_dose": float(days)})
        if answer < 0 or names[answer] != "maintenance":
            return standing
        standing = last + dt.timedelta(days=days)
    return None


def _amounts(words: str, found: Standing) -> dict[str, str]:
    """The numbers of a dose: mg by the last weight, mL, vials and waste."""
    per_kg, fixed = _PER_KG.fullmatch(words), _FIXED.fullmatch(words)
    weight = found.values.get("weight_kg")
    details = {"dose": words} if words != NOT_SETTLED else {}
    if per_kg is not None:
        if not isinstance(weight, Decimal):
            return {**details, "unknown": "the weight is not known"}
        milligrams = rounded(Decimal(per_kg[1]) * weight, found.site.round_dose_mg)
        details |= {"weight_kg": f"{weight.normalize():f}", "dose_mg": f"{milligrams.normalize():f}"}
    elif fixed is not None:
        milligrams = Decimal(fixed[1])
        details["dose_mg"] = f"{milligrams.normalize():f}"
    else:
        return details
    if found.product == "trastuzumab-iv":
        details["volume_ml"] = f"{volume_ml(milligrams):f}"
        details["diluent"] = f"{found.site.infusion_volume_ml} mL sodium chloride 0.9 %, never dextrose"
    sizes = found.site.vials.get(found.product or "")
    if sizes is None:
        sizes = default_vials(brand_in_hand(found), found.product or "", found.jurisdiction)
    vials = vials_for(milligrams, sizes)
    if vials is not None:
        details |= {"vials": str(vials), "waste_mg": f"{vials.waste_mg.normalize():f}"}
    return details | _cost(found, milligrams)


def _cost(found: Standing, milligrams: Decimal) -> dict[str, str]:
    """What the dose costs by the site's own prices; nothing where it gave none."""
    brand = brand_in_hand(found)
    if brand not in found.site.prices:
        return {}
    return {
        "cost": f"{(found.site.prices[brand] * milligrams).quantize(Decimal('0.01'))} {found.site.currency}".strip()
    }


def _echo(found: Standing) -> Iterator[PlanItem]:
    due = found.day("echo_due")
    if due is None:
        return
    interval, recheck = found.outcomes.get("echo_interval", ""), found.outcomes.get("echo_recheck", "")
    last = found.day("lvef") or found.day("first")
    sooner = span(recheck)
    asked = interval
    if sooner is not None and last is not None and due == last + dt.timedelta(days=sooner[0]):
        asked = recheck
    latest = due + dt.timedelta(days=found.site.echo_tolerance_days)
    why = _because(found.decisions.get("echo_interval"), found.decisions.get("echo_recheck"))
    yield PlanItem("echo", f"LVEF ({asked} after the last; same method as before)", due, latest, {}, **why)


def _hold(found: Standing) -> Iterator[PlanItem]:
    if found.values.get("hold_open") != "yes" or found.values.get("stopped_for_good") == "yes":
        return
    why = _because(found.decisions.get("hold_status"), found.decisions.get("cardiac_action"))
    details = {"hold_since": str(found.day("hold"))}
    earliest, latest = found.day("earliest_resume"), found.day("latest_recovery")
    what = f"hold for the heart since {found.day('hold')}: resume from, recovery to be shown by"
    yield PlanItem("hold", what, earliest, latest, details, **why)


def _end(found: Standing) -> Iterator[PlanItem]:
    end = found.day("year_end")
    if end is None or found.values.get("therapy_phase") == "completed":
        return
    what = "end of the year of therapy (52 weeks from the first dose)"
    yield PlanItem("end", what, None, end, {}, **_because(found.decisions.get("adjuvant_duration")))


def _contraception(found: Standing) -> Iterator[PlanItem]:
    until = found.day("contraception_until")
    if until is None or found.values.get("reproductive_potential") == "no":
        return
    what = "effective contraception during therapy and until (counted from the last dose so far)"
    yield PlanItem("contraception", what, None, until, {}, **_because(found.decisions.get("contraception_months")))
