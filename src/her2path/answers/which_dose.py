"""Which dose it is: the first of a product, a re-load, a maintenance dose; by the days, and the rules on late doses."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from ..facts.problem import AskedWrongly
from ..facts.value import Value
from ..tables.decision import Decision
from .answer import Missing, Step
from .asking import Asking, steps_of
from .making_up import amount_of
from .names import Drug, drug_named
from .words import listed, number

DAYS_LOOKED_AHEAD = 120
"""So far the last day of a maintenance dose is looked for: a bound of the search, past every label's own."""
EVERY = {"q3w": "every 3 weeks", "weekly": "every week", "q2w": "every 2 weeks", "daily": "every day"}


class WhichDose:
    """What is known of a dose, and which it is.

    `values` are the facts that the tables are asked with; `steps`, `notes` and `missing` grow with each question.
    `change` is the decision on the first dose after another product; `due_day` and `last_day` are days after the last
    dose: from when a dose is due, and until when it is a maintenance dose.
    """

    def __init__(
        self, asking: Asking, drug: Drug, weight: Decimal | None, values: dict[str, Value], days: Decimal | None,
        first: bool, loading: bool | None, after: str | Sequence[str],
    ) -> None:  # fmt: skip
        self.asking, self.drug, self.weight, self.days = asking, drug, weight, days
        self.first, self.loading = first, loading
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

    def kind(self) -> str:
        """Which dose it is: first, re-load, loading, maintenance, or "" where that is not settled."""
        self._schedule()
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

    def _schedule(self) -> None:
        """The schedule: as said, else the product's own; of two the longer, which the answer says."""
        names = self.product.schedules
        if (said := self.values.get("schedule")) is not None:
            if said not in names:
                raise AskedWrongly(f"--schedule: {self.drug.called} has {listed(list(names), 'or')}, not {said}")
            return
        self.values["schedule"] = names[-1]
        if len(names) > 1:
            self.asking.assume(EVERY[names[-1]], f"--schedule {names[0]}", self._by_other_schedule(names[0]))

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
        return f"{EVERY[other].capitalize()} it would be {listed(told, 'or')}." if told else ""

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
