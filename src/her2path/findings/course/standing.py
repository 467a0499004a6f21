"""Where one course stands on a day: one patient of a batch, her facts and days in words, and what was decided."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from decimal import Decimal
from functools import cached_property

from ...facts.value import Unknown, Value
from ...history.kinds import DOSE_FACTS
from ...history.names import last_day_of
from ...record.columns import UNKNOWN, Whole
from ...record.event import Event
from ...tables.decision import Decision
from ...tables.site import Site
from ..bearing import Bears
from ..finding import Finding
from ..levels import level_of
from .reasons import Reasons
from .rules import Rules
from .words import plain_number

NOT_DECIDED = "not decided here"
"""An outcome that no edition of the jurisdiction decides for the organ or product in question."""


class Standing:
    """The course of one patient of a batch: a view of its columns.

    `values` are the facts known of it, `unknown` why others are not, `outcomes` what was decided. `day` gives dates by
    name (`product_last`, `echo_due`, ...).
    """

    def __init__(self, reasons: Reasons, patient: int) -> None:
        self._reasons, self._course, self._patient = reasons, reasons.course, patient
        self.rules: Rules = self._course.rules
        self.on: dt.date = self.rules.on
        self.site: Site = self.rules.site
        self.jurisdiction: str = self.rules.jurisdiction

    @cached_property
    def values(self) -> dict[str, Value]:
        """The facts that are known, exactly or in part."""
        facts, numbered = self.rules.knowledge.facts, self._course.numbered
        values: dict[str, Value] = {}
        for name, column in self._course.values.items():
            number = int(column[self._patient])
            if number != UNKNOWN and name in facts:
                value = numbered.value(number, facts[name])
                if value is not None:
                    values[name] = value
        return values

    @cached_property
    def unknown(self) -> dict[str, Unknown]:
        """Why facts are unknown, where it is more than that nobody has said them; in the order of `facts.md`."""
        place = self.rules.knowledge.facts.place
        return dict(sorted(self._course.reasons.get(self._patient, {}).items(), key=lambda reason: place[reason[0]]))

    @cached_property
    def outcomes(self) -> dict[str, str]:
        """What was decided, by the key of the question."""
        facts = self.rules.knowledge.facts
        return {
            key: facts[key.partition(" of ")[0]].values[number]
            for key, column in self._reasons.asker.outcomes.items()
            if (number := int(column[self._patient])) != UNKNOWN
        }

    @cached_property
    def decisions(self) -> dict[str, Decision]:
        """Every question that was asked of her, with its answer, rows and facts."""
        decisions: dict[str, Decision] = {}
        for key, parts in self._reasons.asker.answers.items():
            for answers in parts:
                for place in (answers.asked == self._patient).nonzero()[0].tolist():
                    decisions[key] = self._reasons.decision(answers, place)
        return decisions

    def decision(self, key: str) -> Decision | None:
        """The answer to one question, if it was asked."""
        for answers in self._reasons.asker.answers.get(key, ()):
            for place in (answers.asked == self._patient).nonzero()[0].tolist():
                return self._reasons.decision(answers, place)
        return None

    def was_asked(self, key: str) -> bool:
        """Whether a question was asked of her."""
        return any((answers.asked == self._patient).any() for answers in self._reasons.asker.answers.get(key, ()))

    def decide(self, outcome: str, values: Mapping[str, Value]) -> Decision | None:
        """An outcome decided from other values than hers; `None` where no edition answers it."""
        return self.rules.decide(outcome, values, self.outcomes, self.unknown)

    def outcome(self, name: str) -> str | None:
        """The value of an outcome that no question asked for, decided now; `None` where it is undetermined.

        Where no edition here decides it for this organ or product, it is `NOT_DECIDED`.
        """
        if not self.rules.decides(name):
            return None
        decision = self.decide(name, self.values)
        if decision is not None:
            return decision.value
        return NOT_DECIDED if all(scope in self.values for scope in self.rules.scopes_of(name)) else None

    @cached_property
    def state(self) -> dict[str, int]:
        """What the folds left: days as ordinals, numbers in thousandths, `UNKNOWN` for none."""
        return {name: int(column[self._patient]) for name, column in self._course.state.items()}

    def day(self, name: str) -> dt.date | None:
        """A day of the states or clocks, by its name without `_day`; `None` where it is unknown."""
        number = self.state.get(f"{name}_day", UNKNOWN)
        if number == UNKNOWN and (column := self._course.clocks.get(f"{name}_day")) is not None:
            number = int(column[self._patient])
        return None if number < 1 else dt.date.fromordinal(number)

    def days(self) -> dict[str, dt.date]:
        """Every day that is known, by its name without `_day`; a fact whose name ends so is none.

        The last day of a single product is told where a fact of its own says that it was given before.
        """
        codes = self.rules.codes
        alone = {
            product for products in codes.page.given_before().values() if len(products) == 1 for product in products
        }
        untold = {last_day_of(product) for product in codes.products if product not in alone} | set(self.values)
        days: dict[str, dt.date] = {}
        for name in dict.fromkeys((*self.state, *self._course.clocks)):
            if (
                name.endswith("_day")
                and name not in untold
                and (day := self.day(name.removesuffix("_day"))) is not None
            ):
                days[name.removesuffix("_day")] = day
        return days

    @property
    def started(self) -> bool:
        """Whether any HER2-directed dose is recorded."""
        return self.state["first_ever_day"] != UNKNOWN

    @property
    def only_stated(self) -> bool:
        """Whether the last doses are only stated, so that nobody has counted them."""
        return bool(self._course.of_statement[self._patient])

    @property
    def product(self) -> str | None:
        """The HER2-directed product in hand."""
        product = self.values.get("product")
        return product if isinstance(product, str) else None

    @property
    def in_hand(self) -> str:
        """The drug that `next_dose_effect` speaks of: the product in hand or stated, else the one ordered, else ""."""
        ordered = self.values.get("ordered_product")
        return self.product or (ordered if isinstance(ordered, str) else "")

    @property
    def is_of_trastuzumab(self) -> bool:
        """Whether the product in hand is trastuzumab, bare, in a form of its own or with another."""
        return bool(self.product) and self.rules.codes.product(self.product or "").of_trastuzumab

    @property
    def doses(self) -> int:
        """How many doses of the product in hand were given; of trastuzumab those of all its products."""
        return self.state["trastuzumab_doses" if self.is_of_trastuzumab else "product_doses"]

    @property
    def holds(self) -> int:
        """How many holds for the heart there were, with the one that is open; a heart failure is none."""
        is_open = self.values.get("hold_open") == "yes" and self.values.get("heart_failure") != "yes"
        return self.state["holds"] + is_open

    def level_of(self, product: str) -> str | None:
        """The dose level at which she was given a product before; `None` where it has none, or none can be told."""
        if product == self.product:
            level = self.values.get("dose_level")
            return level if isinstance(level, str) else None
        return level_of(self._course, self._patient, product)

    @property
    def level_is_told(self) -> bool:
        """Whether the last dose of the product in hand is of a level of its label, where it has levels."""
        levels = self._course.levels
        return levels is None or not levels.not_told[self._patient]

    def text(self, name: str) -> str:
        """A fact in words, for a finding."""
        return self._reasons.words.text(name, self._patient)

    def bears(self, drug: str) -> list[Bears]:
        """What the findings do to the next dose of a drug, the strongest first."""
        return self._reasons.bearing.of(self._patient, drug) if drug in self.rules.codes.code else []

    def bears_on_order(self, drug: str = "") -> list[Bears]:
        """What the findings do to the orders alone, or to those of a drug, the strongest first."""
        return self._reasons.bearing.of_order(self._patient, drug)

    def askable(self, settling: tuple[tuple[str, ...], ...]) -> tuple[tuple[str, ...], ...]:
        """Sets of facts that would settle something, in facts that can be asked for."""
        return self._reasons.askable(settling, self._patient)

    def condition(self, bears: Bears) -> str:
        """The condition of an effect in words."""
        return self._reasons.said(bears.effect.words, bears.rows, bears.place)

    def finding(self, bears: Bears) -> Finding:
        """The finding behind an effect."""
        return self._reasons.finding(bears.rows, bears.place)

    @cached_property
    def events(self) -> list[Event]:
        """Her events on the timeline, in its order."""
        return [self._course.record.event(row) for row in self._rows.tolist()]

    @property
    def _rows(self) -> Whole:
        """The rows of her timeline, in its order."""
        return self._course.timeline.rows[self._course.timeline.of(self._patient)]

    @cached_property
    def _branded(self) -> list[tuple[str, str, str, int]]:
        """Fact, product, brand (or method) and day of the events that name one, in their order."""
        rows, record = self._rows, self._course.record
        rows = rows[record.qualifier[rows] > 0]
        columns = record.fact[rows], record.product[rows], record.qualifier[rows], record.day[rows]
        return [
            (record.facts[fact], record.products[product], record.qualifiers[qualifier], day)
            for fact, product, qualifier, day in zip(*(column.tolist() for column in columns), strict=True)
        ]

    def brand(self, product: str = "") -> str:
        """The brand of the last order or dose of a HER2-directed product up to the day; "" where none is named.

        With a `product`, of the last dose of that product alone.
        """
        wanted = (product,) if product else self.rules.codes.products
        on = self.on.toordinal()
        brands = (
            brand
            for fact, drug, brand, day in reversed(self._branded)
            if drug in wanted and UNKNOWN < day <= on and not (product and fact.startswith("ordered"))
        )
        return next(brands, "")

    def brands_given(self) -> list[tuple[str, dt.date]]:
        """The brands of trastuzumab given up to the day, each with its first day, in their order."""
        days: dict[str, int] = {}
        for fact, drug, brand, day in self._branded:
            if fact in DOSE_FACTS and drug == "trastuzumab-iv" and day != UNKNOWN:
                days.setdefault(brand, day)
        on = self.on.toordinal()
        return [(brand, dt.date.fromordinal(day)) for brand, day in days.items() if day <= on]


__all__ = ["NOT_DECIDED", "Decimal", "Standing", "plain_number"]
