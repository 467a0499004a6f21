"""How much of which product now: the dose, its vials and volume, its minutes, and why it is that dose."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from ..facts.problem import AskedWrongly
from ..facts.value import Json
from ..tables.decision import Decision
from ..tables.library import Knowledge
from ..tables.site import Site
from .answer import ASK, CHANGE, GO_ON, HOLD, STOP, Answer, Case, Detail, Missing
from .asking import CALLED, Asking, cases_of, missing_of, steps_of
from .days import day_given
from .making_up import Amount, MadeUp, amount_of, made_up
from .names import Drug, described, drug_named, not_authorised
from .which_dose import WhichDose
from .words import listed, minutes_said, number

LEVELS_OF_DOSE = {"full": "full", "1": "first reduction", "2": "second reduction", "3": "further reduction"}
"""How a level is said on the command line, besides by its own name."""
OPTIONS = {
    "weight_kg": "--weight", "days_since_last_dose": "--days-since, or --last-dose", "tumour_site": "--site",
    "schedule": "--schedule", "dose_kind": "--first, --days-since, --loading or --maintenance",
    "infusion_number": "--first or --days-since",
    "days_since_trastuzumab": "--after herceptin, or --fact days_since_trastuzumab=N",
    "days_since_pertuzumab": "--after perjeta, or --fact days_since_pertuzumab=N",
    "dose_level": "--level", "setting": "--setting",
}  # fmt: skip
NO_LEVEL_LEFT = "stop"


@dataclass(frozen=True, slots=True, kw_only=True)
class DoseAnswer(Answer):
    """The answer on a dose.

    `kind` is first, re-load, maintenance, loading, or "" where that is not settled or plays no part; `dose` the words
    of the label; `dose_mg` and `weight_kg` as exact decimals, `withdraw_ml` the volume to draw; `vials` by brands.
    `due_day` and `last_day` are days after the last dose: from when a dose is due, and until when it is a maintenance.
    """

    drug: Drug
    kind: str
    dose: str
    dose_mg: Decimal | None
    weight_kg: Decimal | None
    minutes: str
    observation: str
    made: MadeUp
    due_day: int | None = None
    last_day: int | None = None

    def own(self) -> dict[str, Json]:
        return {
            "product": self.drug.product, "brand": self.drug.brand or None, "kind": self.kind or None,
            "dose": self.dose or None, "dose_mg": _number(self.dose_mg), "weight_kg": _number(self.weight_kg),
            "vials": [
                {
                    "brands": list(each.brands), "sizes_mg": [_number(size) for size in each.sizes],
                    "open": {number(size): count for size, count in each.vials.counts} if each.vials else None,
                    "left_over_mg": _number(each.vials.waste_mg) if each.vials else None,
                }
                for each in self.made.opened
            ],
            "mg_per_ml": _number(self.made.mg_per_ml), "withdraw_ml": _number(self.made.withdraw_ml),
            "bag_ml": _number(self.made.bag_ml), "bag_fluid": self.made.bag_fluid or None,
            "infusion_minutes": self.minutes or None, "observation_minutes": self.observation or None,
            "due_day": self.due_day, "last_day": self.last_day,
        }  # fmt: skip


def answer_dose(
    product: str, weight: object = None, *, days_since: object = None, last_dose: dt.date | str | None = None,
    first: bool = False, loading: bool | None = None, after: str | Sequence[str] = (), schedule: str | None = None,
    site: str | None = None, setting: str | None = None, level: str | None = None, jurisdiction: str | None = None,
    on: dt.date | None = None, facts: Mapping[str, object] | None = None, at: Site | None = None,
    knowledge: Knowledge | None = None,
) -> DoseAnswer:  # fmt: skip
    """The next dose of a product or brand, from a few facts.

    `weight` is in kg. Which dose it is follows from one of: `first` (of this product), `days_since` the last dose or
    the day of the `last_dose` (both with `after`, the other products that it was of), or `loading`, where somebody has
    decided it. `level` is full, 1, 2 or 3 (reductions); `at` are an institution's settings; `facts` are further facts
    by name. Raises `AskedWrongly` for a name that is none, with the nearest, and for a value that cannot be.
    """
    asking = Asking(knowledge, jurisdiction, on, at, facts)
    drug = drug_named(product, asking.knowledge)
    kilograms = None if weight is None else asking.exact("weight_kg", weight, "--weight")
    days = _days(asking, days_since, last_dose)
    if first and (days is not None or loading is False):
        raise AskedWrongly("--first is the first dose of this product: no dose was before it, and none is kept up")
    values = asking.read_all([
        ("schedule", schedule, "--schedule"), ("tumour_site", site, "--site"), ("setting", setting, "--setting"),
        ("dose_level", LEVELS_OF_DOSE.get(level, level) if level else None, "--level"),
    ])  # fmt: skip
    _require_rule(asking, drug)
    return _Dosing(asking, drug, kilograms, values, days, first, loading, after).answer()


def _require_rule(asking: Asking, drug: Drug) -> None:
    """Raise `AskedWrongly` where nothing of a label on the dose of a product was seen."""
    held = [
        edition for edition in asking.knowledge.editions
        if "dose_per_administration" in edition.tables and edition.is_for({"product": drug.product})
    ]  # fmt: skip
    where = dict.fromkeys(edition.jurisdiction for edition in held)
    if not {"any", asking.jurisdiction} & set(where):
        there = listed([f"the {CALLED[each]} label (--jurisdiction {each})" for each in where], "or")
        mine = CALLED[asking.jurisdiction]
        raise AskedWrongly(
            f"the dose of {drug.called} is not known by the {mine} label: none was seen; ask for {there}"
        )


def _days(asking: Asking, days_since: object, last_dose: dt.date | str | None) -> Decimal | None:
    if last_dose is None:
        return None if days_since is None else asking.exact("days_since_last_dose", days_since, "--days-since")
    if days_since is not None:
        raise AskedWrongly("--days-since and --last-dose say the same: give one of them")
    day = day_given(last_dose, "--last-dose")
    if day > asking.on:
        raise AskedWrongly(f"--last-dose: {day} is after {asking.on}, the day that is asked about (--on)")
    return Decimal((asking.on - day).days)


class _Dosing(WhichDose):
    """One dose being worked out: which it is, then how much, how it is made up and how long it takes."""

    def answer(self) -> DoseAnswer:
        """Everything about the dose, put together."""
        kind = self.kind()
        is_said = "dose_level" in self.values
        self.values.setdefault("dose_level", "full")
        dose = self.asking.decide("dose_per_administration", self.values)
        if not is_said and "dose_level" in dose.array.place and self.product.family == "conjugate":
            less = self.asking.decide("dose_per_administration", {**self.values, "dose_level": "first reduction"})
            once = f"Reduced once it would be {self._told(less.value)}." if less.value else ""
            self.asking.assume("the full dose, no reduction so far", "--level 1|2", once)
        self.steps += steps_of(dose)
        amount = amount_of(dose.value, self.weight, self.asking.at.round_dose_mg) if dose.value else Amount("")
        which = "first" if self.first or (kind in ("loading", "re-load")) else "later" if kind else ""
        made = made_up(self.drug, amount.mg, which, self.asking) if dose.value else MadeUp()
        minutes, timing = self._time("infusion_minutes")
        observation, watching = self._time("observation_minutes")
        settled = dose.value is not None
        by_change = self.change is not None and self.change.value is None and not settled
        missing = [
            *missing_of(self.change if by_change and self.change else dose, OPTIONS),
            *self._weight_missing(amount),
            *made.missing,
            *self.missing,
        ]
        details = [*self._about(amount), *self._late(kind), *made.details, *timing, *watching, *self._next(kind)]
        if note := not_authorised(self.drug.brand, self.asking.jurisdiction, self.asking.knowledge):
            self.notes.insert(0, note + ".")
        headline, tone = self._headline(kind, amount, dose, minutes)
        return DoseAnswer(
            question="dose", headline=headline, tone=tone,
            settled=settled and (amount.per_kg is None or amount.mg is not None),
            jurisdiction=self.asking.jurisdiction, on=str(self.asking.on),
            possible=() if settled else dose.possible, details=tuple(details),
            cases=() if settled else self._cases(dose), notes=tuple(self.notes), chain=tuple(self.steps),
            missing=tuple(dict.fromkeys(missing)), assumed=tuple(self.asking.assumed), drug=self.drug, kind=kind,
            dose=dose.value or "", dose_mg=amount.mg, weight_kg=self.weight, minutes=minutes,
            observation=observation, made=made, due_day=self.due_day, last_day=self.last_day,
        )  # fmt: skip

    def _time(self, outcome: str) -> tuple[str, list[Detail]]:
        """Minutes of the infusion or of observation, in words, and the line that tells them."""
        label = "observe" if outcome.startswith("observation") else "infuse" if self._by_vein else "inject"
        if self.product.route == "oral":
            return "", []
        try:
            decision = self.asking.decide(outcome, self.values)
        except AskedWrongly:
            what = "how long it is observed" if label == "observe" else "how long it takes"
            self.missing.append(Missing(what, f"No rule of {self.drug.called} on that was seen."))
            return "", []
        if decision.value is None:
            cases = [f"{minutes_said(case.then)} if {listed(list(case.when))}" for case in cases_of(decision)]
            return "", [Detail(label, "; ".join(cases))]
        self.steps += steps_of(decision)
        if decision.value == "none stated":
            return "", [Detail(label, "the label states no time")]
        return decision.value, [Detail(label, minutes_said(decision.value))]

    @property
    def _by_vein(self) -> bool:
        return self.product.route == "intravenous"

    def _about(self, amount: Amount) -> list[Detail]:
        """What the mg are made of, where that needs a word."""
        if amount.rounded_from is not None:
            step = number(self.asking.at.round_dose_mg)
            return [Detail("dose", f"{number(amount.rounded_from)} mg, rounded to {step} mg")]
        if amount.mg is not None and amount.per_kg is None and self.weight is not None:
            return [Detail("weight", "plays no part: a fixed dose")]
        return []

    def _late(self, kind: str) -> list[Detail]:
        """How late a dose is, and until when it is a maintenance dose."""
        if self.days is None or self.due_day is None or self.after or self.days <= self.due_day:
            return []
        late = f"{number(self.days - self.due_day)} days late"
        if self.last_day is None:
            return [Detail("late", late)]
        if kind == "re-load":
            return [Detail("late", f"{late}; a re-load from day {self.last_day + 1} on")]
        left = number(self.last_day - self.days)
        ends = f"; a re-load from day {self.last_day + 1} on"
        return [Detail("late", f"{late}{ends}" + (f", in {int(left) + 1} days" if left != "0" else ", tomorrow"))]

    def _next(self, kind: str) -> list[Detail]:
        """The dose after a loading dose, and when."""
        if kind not in ("first", "re-load", "loading") or self.product.route == "oral":
            return []
        later = {**self.values, "dose_kind": "maintenance", "infusion_number": "later"}
        decision = self.asking.decide("dose_per_administration", later)
        if decision.value is None:
            return []
        days = self.product.days[self.product.schedules.index(str(self.values["schedule"]))]
        amount = amount_of(decision.value, self.weight, self.asking.at.round_dose_mg)
        return [Detail("next", f"{amount.told(self.weight)}, {days} days after it")]

    def _weight_missing(self, amount: Amount) -> list[Missing]:
        if amount.per_kg is None or self.weight is not None:
            return []
        return [Missing("the weight", "It gives the mg, the vials and the volume.", "--weight")]

    def _cases(self, dose: Decision) -> tuple[Case, ...]:
        """When each dose that is still possible holds: by the change of product where that is open, else by its row."""
        if self.change is not None and self.change.value is None:
            kinds = {}
            for kind in ("loading", "maintenance"):
                words = self.asking.decide("dose_per_administration", {**self.values, "dose_kind": kind}).value or kind
                kinds[kind] = self._told(words)
            return cases_of(self.change, {}, kinds)
        return cases_of(dose, {}, {value: self._told(value) for value in dose.array.outcome.values})

    def _told(self, words: str) -> str:
        return amount_of(words, self.weight, self.asking.at.round_dose_mg).told(self.weight)

    def _headline(self, kind: str, amount: Amount, dose: Decision, minutes: str) -> tuple[str, str]:
        name = described(self.drug, self.asking.knowledge, self.asking.jurisdiction)
        if dose.contradictory:
            return f"CANNOT BE: what was said of {name} does not go together.", ASK
        if dose.value is None:
            return f"NOT SETTLED: {name} {listed([self._told(value) for value in dose.possible], 'or')}.", ASK
        if dose.value == NO_LEVEL_LEFT:
            return f"STOP {name}: no lower level of the dose is given.", STOP
        what = amount.told(self.weight)
        over = f" over {minutes_said(minutes)}" if minutes else ""
        if amount.per_kg is not None and amount.mg is None:
            what += ", the weight is missing"
        if not self.after and kind == "maintenance" and self.days is not None and self.days < (self.due_day or 0):
            left = int((self.due_day or 0) - self.days)
            days = "1 day" if left == 1 else f"{left} days"
            return f"NOT DUE YET: {name} {what}, from day {self.due_day} on, in {days}.", HOLD
        verb, end, tone = {
            "first": ("FIRST DOSE of", "", GO_ON), "re-load": ("RE-LOAD", ", as soon as possible", CHANGE),
            "loading": ("LOAD", "", CHANGE), "maintenance": ("GIVE", "", GO_ON),
        }.get(kind, ("DOSE of", "", GO_ON))  # fmt: skip
        return f"{verb} {name}: {what}{over}{end}.", tone


def _number(value: Decimal | None) -> float | int | None:
    """A decimal as JSON has it: whole numbers without a point."""
    if value is None:
        return None
    return int(value) if value == value.to_integral_value() else float(value)
