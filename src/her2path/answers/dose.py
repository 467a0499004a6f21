"""How much of which product now: the dose, its vials and volume, its minutes, and why it is that dose."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from ..facts.problem import AskedWrongly
from ..facts.value import Json, Value
from ..tables.decision import Decision
from ..tables.library import Knowledge
from ..tables.site import Site
from .answer import ASK, CHANGE, GO_ON, HOLD, STOP, Answer, Case, Detail, Missing, Step
from .asking import Asking, cases_of, missing_of, steps_of
from .days import day_given
from .making_up import Amount, MadeUp, amount_of, made_up
from .names import Drug, described, drug_named
from .whose import not_authorised
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
DAYS_LOOKED_AHEAD = 120
"""So far the last day of a maintenance dose is looked for: a bound of the search, past every label's own."""
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
    return _Dosing(asking, drug, kilograms, values, days, first, loading, after).answer()


def _days(asking: Asking, days_since: object, last_dose: dt.date | str | None) -> Decimal | None:
    if last_dose is None:
        return None if days_since is None else asking.exact("days_since_last_dose", days_since, "--days-since")
    if days_since is not None:
        raise AskedWrongly("--days-since and --last-dose say the same: give one of them")
    day = day_given(last_dose, "--last-dose")
    if day > asking.on:
        raise AskedWrongly(f"--last-dose: {day} is after {asking.on}, the day that is asked about (--on)")
    return Decimal((asking.on - day).days)


class _Dosing:
    """One dose being worked out."""

    def __init__(
        self, asking: Asking, drug: Drug, weight: Decimal | None, values: dict[str, Value], days: Decimal | None,
        first: bool, loading: bool | None, after: str | Sequence[str],
    ) -> None:  # fmt: skip
        self.asking, self.drug, self.weight, self.days, self.first, self.loading = (
            asking, drug, weight, days, first, loading,
        )  # fmt: skip
        self.product = asking.knowledge.products.products[drug.product]
        names = after.split(",") if isinstance(after, str) else after
        before = [drug_named(name.strip(), asking.knowledge, "--after") for name in names if name.strip()]
        self.after = [each for each in before if each.product != drug.product]
        self.change: Decision | None = None
        self.values: dict[str, Value] = {**values, "product": drug.product}
        self.steps: list[Step] = []
        self.notes: list[str] = []
        self.missing: list[Missing] = []
        self.due_day: int | None = None
        self.last_day: int | None = None

    def answer(self) -> DoseAnswer:
        """Everything about the dose, put together."""
        self._schedule()
        kind = self._kind()
        is_said = "dose_level" in self.values
        self.values.setdefault("dose_level", "full")
        dose = self.asking.decide("dose_per_administration", self.values)
        if not is_said and "dose_level" in dose.array.place and self.product.family == "conjugate":
            self.asking.assume(
                "the full dose, no reduction so far", "--level 1|2", "A reduced dose is not raised again."
            )
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

    def _schedule(self) -> None:
        """The schedule: as said, else the product's own; of two the longer, which the answer says."""
        names = self.product.schedules
        if (said := self.values.get("schedule")) is not None:
            if said not in names:
                raise AskedWrongly(f"--schedule: {self.drug.called} has {listed(list(names), 'or')}, not {said}")
            return
        self.values["schedule"] = names[-1]
        if len(names) > 1:
            self.asking.assume(_every(names[-1]), f"--schedule {names[0]}", self._by_other_schedule(names[0]))

    def _by_other_schedule(self, other: str) -> str:
        """What the dose would be by the other schedule: of the days that were said, or of each kind."""
        values: dict[str, Value] = {**self.values, "schedule": other}
        kinds = ["loading" if self.first or self.loading else "maintenance"]
        if self.days is not None and not self.after:
            values["days_since_last_dose"] = self.days
            kinds = ["loading" if self.asking.decide("missed_dose_action", values).value == "reload" else "maintenance"]
        elif not self.first and self.loading is None:
            kinds = ["loading", "maintenance"]
        told = []
        for kind in kinds:
            dose = self.asking.decide("dose_per_administration", {**values, "dose_kind": kind}).value
            if dose:
                amount = amount_of(dose, self.weight, self.asking.at.round_dose_mg)
                told.append(f"{amount.told(self.weight)}, {'a loading' if kind == 'loading' else 'a maintenance'} dose")
        return f"{_every(other).capitalize()} it would be {listed(told, 'or')}." if told else ""

    def _kind(self) -> str:
        """Which dose it is: first, re-load, loading, maintenance, or "" where that is not settled."""
        if self.first:
            self.values |= {"dose_kind": "loading", "infusion_number": "first", "doses_given": Decimal(0)}
            return "first"
        if self.days is not None:
            return self._by_days()
        if self.loading is None:
            return ""
        self.values["dose_kind"] = "loading" if self.loading else "maintenance"
        if not self.loading:
            self.values["infusion_number"] = "later"
        return str(self.values["dose_kind"])

    def _by_days(self) -> str:
        days = self.days or Decimal(0)
        if self.after:
            decision = self.change = self._switch(days)
        else:
            self.values |= {"days_since_last_dose": days, "infusion_number": "later"}
            decision = self.asking.decide("missed_dose_action", self.values)
            self._clock(decision)
        self.steps += steps_of(decision, self._in_days(days))
        kind = {"reload": "re-load", "never loaded": "maintenance"}.get(decision.value or "", decision.value or "")
        if kind == "no rule":
            self.notes.append("The label has no rule for a dose that was left out: ask the prescriber.")
            return ""
        if kind:
            self.values["dose_kind"] = "loading" if kind in ("re-load", "loading") else "maintenance"
        if self.loading is not None and kind and self.loading != (kind != "maintenance"):
            wanted = "a loading dose" if self.loading else "a maintenance dose"
            self.notes.append(f"{wanted.capitalize()} was asked for; by the days the label has a {kind}.")
        self._beside_pertuzumab(kind, days)
        return kind

    def _switch(self, days: Decimal) -> Decision:
        """The first dose after another product: by the days since each antibody, where it held it."""
        self.values["infusion_number"] = "first"
        for before in (self.asking.knowledge.products.products[drug.product] for drug in self.after):
            if before.of_trastuzumab:
                self.values.setdefault("days_since_trastuzumab", days)
            if before.of_pertuzumab:
                self.values.setdefault("days_since_pertuzumab", days)
        return self.asking.decide("switch_dose_kind", self.values)

    def _in_days(self, days: Decimal) -> dict[str, str]:
        """The days in words, with how late that is."""
        words = f"{number(days)} days since the last dose"
        if self.due_day is not None and days != self.due_day:
            late = days - self.due_day
            words += f" ({number(late)} late)" if late > 0 else f" (due in {number(-late)})"
        return {"days_since_last_dose": words}

    def _clock(self, decision: Decision) -> None:
        """From which day a dose is due, and the last day on which it is still a maintenance dose."""
        place = self.product.schedules.index(str(self.values["schedule"]))
        self.due_day = self.product.days[place] if self.product.route != "oral" else None
        array, names = decision.array, decision.array.outcome.values
        known = {name: value for name, value in self.values.items() if name in array.place}
        if "days_since_last_dose" not in array.place:
            return
        answers = [array.answer({**known, "days_since_last_dose": float(day)}) for day in range(DAYS_LOOKED_AHEAD)]
        kept = [day for day, answer in enumerate(answers) if answer >= 0 and names[answer] == "maintenance"]
        if kept and kept[-1] < DAYS_LOOKED_AHEAD - 1:
            self.last_day = kept[-1]

    def _beside_pertuzumab(self, kind: str, days: Decimal) -> None:
        """Trastuzumab given beside pertuzumab has another rule by the label of pertuzumab, where both differ."""
        if kind != "re-load" or self.drug.product != "trastuzumab-iv" or self.after:
            return
        other = self.asking.decide(
            "partner_missed_dose_action", {"product": "pertuzumab", "days_since_last_dose": days}
        )
        if other.value == "maintenance":
            (row,) = other.last_rows
            self.notes.append(
                f"Beside pertuzumab its label still keeps the maintenance dose on day {number(days)}"
                f" (partner_missed_dose_action row {row}, {other.edition.key}; {other.citations[0].verified}): ask."
            )

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


def _every(schedule: str) -> str:
    return {"q3w": "every 3 weeks", "weekly": "every week", "q2w": "every 2 weeks"}.get(schedule, schedule)


def _number(value: Decimal | None) -> float | int | None:
    """A decimal as JSON has it: whole numbers without a point."""
    if value is None:
        return None
    return int(value) if value == value.to_integral_value() else float(value)
