"""The verdict on the next dose of each drug of a course, with its reason: what a first look must be enough for."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ...facts.source import Citation
from ...facts.value import Json, Value
from ..bearing import FORBIDDEN, GATED, NO_ORDER, Bears, on_order
from ..course.standing import Standing
from ..effects import Strength
from ..finding import Finding
from .items import PlanItem
from .switch import PERTUZUMAB, ordered_products

NOT_KNOWN = "NOT KNOWN"
"""The verdict where the facts leave it open."""
URGENCY = (
    "STOP", "DO NOT GIVE THE ORDER", "HOLD", "CHANGE", "ASK FIRST", NOT_KNOWN, "GIVE", "NOTHING DUE",
)  # fmt: skip
"""The verdicts, the most urgent first."""
OF_THE_ORDER = "DO NOT GIVE THE ORDER"


@dataclass(frozen=True, slots=True)
class Verdict:
    """One word on the next dose of a drug (`URGENCY`), why, and until or once what.

    `findings` are those that led to it, the strongest first; `day` is that of the next dose, where one is planned.
    """

    drug: str
    verdict: str
    reason: str
    condition: str = ""
    day: dt.date | None = None
    findings: tuple[Finding, ...] = ()
    rows: tuple[str, ...] = ()
    citations: tuple[Citation, ...] = ()

    def as_json(self) -> dict[str, Json]:
        return {
            "drug": self.drug or None, "verdict": self.verdict, "reason": self.reason,
            "condition": self.condition or None, "day": self.day.isoformat() if self.day else None,
            "findings": [finding.key or finding.words for finding in self.findings], "rows": list(self.rows),
            "sources": [citation.as_json() for citation in self.citations],
        }  # fmt: skip


def verdicts_of(found: Standing, plan: Sequence[PlanItem]) -> list[Verdict]:
    """The verdict on each drug of a course, the most urgent first; the one in hand always has one."""
    verdicts = [_of_drug(found, drug, plan) for drug in _drugs(found, plan)]
    return sorted(verdicts, key=lambda each: URGENCY.index(each.verdict))


def _drugs(found: Standing, plan: Sequence[PlanItem]) -> list[str]:
    """The drug in hand (before the start the one ordered; "" where there is neither), its partner, and the others."""
    drugs = [found.in_hand]
    if found.started and found.values.get("partner_pertuzumab") == "yes" and found.values.get("alive") != "no":
        drugs.append(PERTUZUMAB)
    drugs += [item.drug for item in plan if item.kind == "dose" and not item.is_proposed]
    return list(dict.fromkeys(drugs))


def _of_drug(found: Standing, drug: str, plan: Sequence[PlanItem]) -> Verdict:
    bearing = found.bears(drug)
    planned = next((item for item in plan if item.kind == "dose" and item.drug == drug), None)
    values: dict[str, Value] = {**found.values}
    of_order, ordered = found.bears_on_order(), found.values.get("ordered_product")
    if isinstance(ordered, str) and ordered != found.product:  # what bears on the drug bears on its order
        of_order = [*of_order, *found.bears(ordered)]
    if drug != found.in_hand:
        of_order = found.bears_on_order(drug)
        strongest = bearing[0].effect.strength if bearing else Strength.LETS_BE
        values["next_dose_effect"] = strongest.words
        values["order_effect"] = _order_effect(found, drug, bearing, of_order)
        due = planned.earliest if planned is not None else None
        if due is not None:
            late = due <= found.on
            values["dose_status"] = "due" if late else "not due"
    decision = found.decide("verdict", values)
    word = NOT_KNOWN if decision is None or decision.value is None else decision.value
    causes = _causes(word, bearing, of_order, str(values.get("order_effect", NO_ORDER)))
    findings = tuple(dict.fromkeys(found.finding(bears) for bears in causes))
    conditions = tuple(dict.fromkeys(found.condition(bears) for bears in causes))
    day = planned.earliest if planned is not None else None
    if findings:
        reason = findings[0].words
    elif word == NOT_KNOWN and decision is not None:
        reason = "; ".join(_settled_by(found, decision.would_settle)) or "the facts contradict each other"
    elif word in OF_AN_END:
        reason, condition = OF_AN_END[word]
        conditions = (condition,)
    else:
        reason = _plain_reason(found, drug, day)
    return Verdict(
        drug, word, reason, " and ".join(conditions), day, findings,
        tuple(decision.rows) if decision is not None else (),
        tuple(decision.citations) if decision is not None else (),
    )  # fmt: skip


def _order_effect(found: Standing, drug: str, bearing: Sequence[Bears], of_order: Sequence[Bears]) -> str:
    """What the findings do to the order of a drug that is not the one in hand: a value of the fact `order_effect`."""
    if drug not in ordered_products(found):
        return NO_ORDER
    return on_order(max((bears.effect.strength for bears in (*bearing, *of_order)), default=Strength.LETS_BE))


WANTED = {
    "STOP": (Strength.FORBIDS_FOR_GOOD,), "HOLD": (Strength.FORBIDS,), "CHANGE": (Strength.REPLACES, Strength.CHANGES),
    "ASK FIRST": (Strength.GATES,), "NOTHING DUE": (Strength.ENDS,), NOT_KNOWN: (Strength.GATES,),
    OF_THE_ORDER: (Strength.ENDS,),
}  # fmt: skip
"""The effects that lead to each verdict."""


OF_AN_END = {
    "ASK FIRST": ("a dose is ordered after the course was held or ended", "the prescriber says that it is meant"),
    "HOLD": ("on hold, and nobody has said that it goes on", "whoever held it lets it go on"),
}
"""Reason and condition of a verdict that no finding leads to."""


def _causes(word: str, bearing: Sequence[Bears], of_order: Sequence[Bears], order: str) -> list[Bears]:
    """The effects that led to a verdict: on the order where it is of the order, else on the drug."""
    causes = [bears for bears in bearing if bears.effect.strength in WANTED.get(word, ())]
    if word == OF_THE_ORDER and order == FORBIDDEN:
        return [*(bears for bears in of_order if bears.effect.strength >= Strength.ENDS), *causes]
    if word == "ASK FIRST" and order == GATED:
        return [*causes, *(bears for bears in of_order if bears.effect.strength == Strength.GATES)]
    return causes


def _settled_by(found: Standing, sets: Sequence[tuple[str, ...]]) -> Iterator[str]:
    for names in found.askable(tuple(sets)):
        yield " and ".join(name.replace("_", " ") for name in names) + " not known"


def _plain_reason(found: Standing, drug: str, day: dt.date | None) -> str:
    """Why nothing stands in the way, or nothing is to be given."""
    if found.values.get("alive") == "no":
        death = found.day("death")
        return f"died {death}" if death is not None else "dead, on a day that is not recorded"
    if day is not None:
        late = found.values.get("dose_days_late")
        if day <= found.on:
            due = found.day("next_dose")
            is_late = bool(late) and drug == found.product and due is not None and due < found.on
            return f"due since {due}" if is_late else "due today"
        return f"the next dose is due on {day}"
    if not found.started:
        return "no HER2-directed dose is ordered"
    if found.values.get("therapy_phase") == "completed":
        return "the course is over"
    return "no further dose is planned"
