"""What an LVEF says of the next dose: go on, hold, stop, or ask; and when it is measured again."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from ..facts.problem import AskedWrongly
from ..facts.value import Interval, Json, Value
from ..tables.decision import Decision
from ..tables.library import Knowledge
from ..tables.site import Site
from .answer import ASK, CHANGE, GO_ON, HOLD, STOP, Answer, Detail, Step
from .asking import CALLED, Asking, cases_of, missing_of, steps_of
from .names import Drug, described, drug_named
from .words import listed, number, outcome_said

OPTIONS = {
    "lvef": "--now", "lvef_baseline": "--baseline", "heart_failure": "--heart-failure yes|no",
    "on_hold": "--not-on-hold, or --days-on-hold N", "days_on_hold": "--days-on-hold or --weeks-below",
    "hold_count": "--holds", "setting": "--setting", "lvef_lower_limit": "--lower-limit",
    "lvef_fall": "--baseline and --now", "lvef_below_limit": "--now",
}  # fmt: skip
USUAL: dict[str, Value] = {"heart_failure": "no", "on_hold": "no", "hold_count": Decimal(0)}
"""The plainest situation: its case is told first. Nothing is concluded from it."""
ACTIONS = {
    "continue": ("GO ON with", GO_ON), "hold": ("HOLD", HOLD), "resume": ("RESUME", CHANGE), "stop": ("STOP", STOP),
    "consider stopping": ("CONSIDER STOPPING", STOP), "clinician decides": ("A CLINICIAN DECIDES on", ASK),
    "no rule": ("NO RULE for", ASK), "reduce the dose": ("REDUCE THE DOSE of", CHANGE),
}  # fmt: skip
DAYS_A_WEEK = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class LvefAnswer(Answer):
    """The answer on an LVEF: the `action` for the next dose ("" where it is not settled), the fall in points, and when
    it is to be measured again, as the label has it."""

    drug: Drug
    action: str
    fall: Decimal | None
    lower_limit: Decimal | None
    finding: str
    again: str

    def own(self) -> dict[str, Json]:
        return {
            "product": self.drug.product, "brand": self.drug.brand or None, "action": self.action or None,
            "lvef_fall": None if self.fall is None else float(self.fall), "lvef_finding": self.finding or None,
            "lvef_lower_limit": None if self.lower_limit is None else float(self.lower_limit),
            "lvef_again": self.again or None,
        }  # fmt: skip


def answer_lvef(
    baseline: object = None, now: object = None, *, product: str | None = None, days_on_hold: object = None,
    weeks_below: object = None, on_hold: bool | None = None, holds: object = None, heart_failure: object = None,
    setting: str | None = None, lower_limit: object = None, jurisdiction: str | None = None,
    on: dt.date | None = None, facts: Mapping[str, object] | None = None, at: Site | None = None,
    knowledge: Knowledge | None = None,
) -> LvefAnswer:  # fmt: skip
    """What the label says of the next dose, from the LVEF at baseline and `now` (percent).

    `days_on_hold`, or `weeks_below`, count from the LVEF that led to the hold, and say that one is open; `on_hold`
    False says that none is. `holds` are those before this one. `heart_failure` is yes or no (or a bool). What is not
    said stays unknown: the answer then lists each case. Raises `AskedWrongly`.
    """
    asking = Asking(knowledge, jurisdiction, on, at, facts)
    if product is None:
        asking.assume("trastuzumab", "name another product")
    drug = drug_named(product or "trastuzumab", asking.knowledge, "--product")
    days = _days_on_hold(asking, days_on_hold, weeks_below)
    if days is not None and on_hold is False:
        raise AskedWrongly("--not-on-hold and days on hold exclude each other")
    held = True if days is not None else on_hold
    values = asking.read_all([
        ("lvef_baseline", baseline, "--baseline"), ("lvef", now, "--now"), ("hold_count", holds, "--holds"),
        ("heart_failure", heart_failure, "--heart-failure"), ("setting", setting, "--setting"),
        ("on_hold", held, "--on-hold"), ("days_on_hold", days, "--days-on-hold"),
        ("lvef_lower_limit", asking.at.limit if lower_limit is None else lower_limit, "--lower-limit"),
    ])  # fmt: skip
    return _answer(asking, drug, {**values, "product": drug.product}, lower_limit is not None)


def _days_on_hold(asking: Asking, days: object, weeks: object) -> Decimal | None:
    if weeks is None:
        return None if days is None else asking.exact("days_on_hold", days, "--days-on-hold")
    if days is not None:
        raise AskedWrongly("--days-on-hold and --weeks-below say the same: give one of them")
    return asking.exact("days_on_hold", weeks, "--weeks-below") * DAYS_A_WEEK


def _answer(asking: Asking, drug: Drug, values: dict[str, Value], limit_is_said: bool) -> LvefAnswer:
    decision = asking.decide("cardiac_action", values)
    known = dict(decision.given.values)
    if "lvef_below_limit" not in decision.array.place:
        known.pop("lvef_lower_limit", None)  # this label compares with no limit of the institution
    elif not limit_is_said and asking.at.lvef_lower_limit is None:
        asking.assume(f"a lower limit of normal LVEF of {number(asking.at.limit)} %", "--lower-limit")
    limit = known.get("lvef_lower_limit")
    fall = known.get("lvef_fall")
    chain = [*_fall(known), *steps_of(decision)]
    finding = next((r.row for r in decision.references if r.outcome == "lvef_finding"), None)
    found = next(iter(finding.outcomes)) if finding is not None and len(finding.outcomes) == 1 else ""
    notes, again = [], ""
    if decision.value is not None and not decision.contradictory:
        warned = _warning(asking, {**values, "cardiac_action": decision.value}, chain)
        notes += [warned] if warned else []
        again = _again(asking, values, decision, chain)
    elif not decision.contradictory:
        told = [_warning(asking, {**values, "cardiac_action": value}, []) for value in decision.possible]
        notes += [*dict.fromkeys(filter(None, told))]
    headline, tone = _headline(asking, drug, decision, found)
    cases = () if decision.value is not None else cases_of(decision, USUAL)
    return LvefAnswer(
        question="lvef", headline=headline, tone=tone, settled=decision.value is not None,
        jurisdiction=asking.jurisdiction, on=str(asking.on),
        possible=() if decision.value else decision.possible,
        details=_details(known, found, again), cases=cases, notes=tuple(notes), chain=tuple(chain),
        missing=tuple(missing_of(decision, OPTIONS)), assumed=tuple(asking.assumed), drug=drug,
        action=decision.value or "", fall=fall if isinstance(fall, Decimal) else None,
        lower_limit=limit if isinstance(limit, Decimal) else None, finding=found, again=again,
    )  # fmt: skip


def _fall(known: Mapping[str, Value]) -> list[Step]:
    """The arithmetic of the fall, where both LVEFs are known."""
    baseline, now, fall = (known.get(name) for name in ("lvef_baseline", "lvef", "lvef_fall"))
    if not (isinstance(baseline, Decimal) and isinstance(now, Decimal) and isinstance(fall, Decimal)):
        return []
    if fall < 0:
        return [Step(f"LVEF {number(baseline)} % to {number(now)} %", f"{number(-fall)} points up")]
    return [Step(f"LVEF {number(baseline)} % to {number(now)} %", f"{number(fall)} points down")]


def _details(known: Mapping[str, Value], found: str, again: str) -> tuple[Detail, ...]:
    details = []
    baseline, now, fall, limit = (
        known.get(name) for name in ("lvef_baseline", "lvef", "lvef_fall", "lvef_lower_limit")
    )
    if isinstance(now, Interval):
        details.append(Detail("LVEF", f"{now} %: {found}" if found else f"{now} %"))
    if isinstance(now, Decimal):
        words = f"{number(now)} %"
        if isinstance(fall, Decimal) and isinstance(baseline, Decimal):
            way = "down" if fall >= 0 else "up"
            words += f", {number(abs(fall))} points {way} from {number(baseline)} %"
        if isinstance(limit, Decimal):
            words += f", {'below' if now < limit else 'not below'} the limit of {number(limit)} %"
        details.append(Detail("LVEF", words + (f": {found}" if found else "")))
    if again:
        details.append(Detail("again", again))
    return tuple(details)


def _warning(asking: Asking, values: Mapping[str, Value], chain: list[Step]) -> str:
    """Whether a boxed warning says otherwise than the table, or may, where the setting is not known."""
    try:
        decision = asking.decide("boxed_warning_conflict", values)
    except AskedWrongly:
        return ""
    if decision.value == "no":
        return ""
    rows = [reference.row for reference in decision.references if "yes" in reference.row.outcomes]
    if not rows:
        return ""
    if decision.value == "yes":
        chain += [step for step in steps_of(decision) if step.outcome == "boxed_warning_conflict"]
        return rows[0].remark
    return f"In early disease (--setting adjuvant): {rows[0].remark}"


def _again(asking: Asking, values: Mapping[str, Value], decision: Decision, chain: list[Step]) -> str:
    """When the LVEF is measured again: by what it says itself, else by the label's interval; "" where no rule says."""
    action = decision.value or ""
    phase = "on hold" if action in ("hold", "clinician decides") or values.get("on_hold") == "yes" else "on treatment"
    if action == "resume":
        phase = "on treatment"
    if action in ("stop", "consider stopping"):
        return ""
    asked = {**values, "therapy_phase": phase}
    told = []
    for outcome in ("echo_recheck", "echo_interval"):
        try:
            found = asking.decide(outcome, asked)
        except AskedWrongly:
            continue
        if found.value is None or found.value in ("not called for", "none", "no rule"):
            continue
        chain += [step for step in steps_of(found) if step.outcome == outcome]
        regular = outcome == "echo_interval" and not found.value.startswith("within")
        told.append(
            f"every {found.value}" if regular else f"in {found.value}" if found.value[0].isdigit() else found.value
        )
        break
    return (
        f"{told[0]} while it is held" if told and phase == "on hold" and told[0].startswith("every") else "".join(told)
    )


def _headline(asking: Asking, drug: Drug, decision: Decision, found: str) -> tuple[str, str]:
    name = described(drug, asking.knowledge, asking.jurisdiction)
    label = f"{CALLED[asking.jurisdiction]} label"
    if decision.contradictory:
        return f"CANNOT BE: what was said does not go together ({label}).", ASK
    if decision.value is not None:
        verb, tone = ACTIONS.get(decision.value, (f"{decision.value.upper()}:", ASK))
        said = f": LVEF {found}" if found else ""
        return f"{verb} {name}{said} ({label}).", tone
    first = cases_of(decision, USUAL)
    usual = decision.would_settle and all(
        name in USUAL or name in ("days_on_hold", "setting") for names in decision.would_settle for name in names
    )
    if usual and first and first[0].when:
        verb, _ = ACTIONS.get(first[0].then, (first[0].then.upper(), ASK))
        return f"{verb} {name} ({label}) if {listed(list(first[0].when))}; otherwise see below.", ASK
    told = listed([outcome_said("cardiac_action", value) for value in decision.possible], "or")
    return f"NOT SETTLED for {name}: {told} ({label}).", ASK
