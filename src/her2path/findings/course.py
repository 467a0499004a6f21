"""The review of a course of therapy: from the timeline to facts, decisions, findings and the plan.

    timeline -> folds -> where the course stands -> questions of stage 1 -> clocks -> questions of stage 2

The questions and what their answers mean are `findings.md`'s; the rules are the tables'. One patient goes this
way here; `population.py` sends many the same way as columns.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import numpy as np

from ..facts.arithmetic import derive
from ..facts.derive import Given
from ..facts.problem import AskedWrongly
from ..facts.value import Interval, Reason, Unknown, Value
from ..history import clocks
from ..history.course_facts import SETTLED_BY, Columns, age_years, coded, settle, standing
from ..history.heart_tables import tables_for
from ..history.names import HER2_PRODUCTS, UNKNOWN
from ..history.run import fold_one
from ..history.timeline import latest_of, timeline_of
from ..record.event import Record
from ..tables.array import Array
from ..tables.decision import Decision, decide_in
from ..tables.edition import ASSUMED_JURISDICTION, Edition
from ..tables.library import Knowledge
from ..tables.site import Site
from .brands import compared, read_brands
from .questions import Question, read_questions
from .standing import Standing, brand_in_hand, from_statement, undated_doses

THOUSAND = Decimal(1000)
OF_THE_DEAD = ("record_doubt", "unsafe_dose", "her2_basis")
"""What is still asked of a patient who died."""
NOT_DECIDED = "not decided here"
"""An outcome that no edition of the jurisdiction decides for the organ or product in question."""


class Courses:
    """Reviews courses by one knowledge and one site, as of one day."""

    def __init__(self, knowledge: Knowledge, site: Site, on: dt.date, jurisdiction: str | None = None) -> None:
        self.knowledge = knowledge
        self.site = site
        self.on = on
        self.jurisdiction = jurisdiction or site.jurisdiction or ASSUMED_JURISDICTION
        self.questions = read_questions()
        self._editions: dict[tuple[str, str | None, str | None], Edition | None] = {}
        self._inputs: dict[tuple[int, str], tuple[str, ...]] = {}
        self._tables: dict[bool, tuple[Any, ...]] = {}
        self.kinds: dict[tuple[int, str, int], int] = {}
        """What was decided of kinds of patients, for scored outcomes of many (`ask_many`)."""

        self._decided = frozenset(outcome for edition in knowledge.editions for outcome in edition.tables)

    def heart_tables(self, as_lists: bool) -> tuple[Any, ...]:
        """The compiled tables of `cardiac_action` by product, for the fold of the heart."""
        if as_lists not in self._tables:
            findings, actions = (self._by_product(name) for name in ("lvef_finding", "cardiac_action"))
            self._tables[as_lists] = tables_for(actions, as_lists, findings)
        return self._tables[as_lists]

    def _by_product(self, outcome: str) -> dict[str, Array]:
        found = {product: self.edition(outcome, {"product": product}) for product in HER2_PRODUCTS}
        return {name: self.knowledge.array(edition, outcome) for name, edition in found.items() if edition is not None}

    def edition(self, outcome: str, about: Mapping[str, Any]) -> Edition | None:
        """The edition that decides an outcome here and now; `None` where there is none for what it is about."""
        key = (outcome, about.get("product"), about.get("tumour_site"))
        if key not in self._editions:
            self._editions[key] = self._find(outcome, about)
        return self._editions[key]

    def _find(self, outcome: str, about: Mapping[str, Any]) -> Edition | None:
        product = about.get("product")
        for name in (f"{outcome}.{product}", outcome):
            if name in self.site.editions:
                chosen = self.knowledge.edition(self.site.editions[name], outcome)
                if chosen.is_for(about):
                    return chosen
        scopes = {name: about.get(name) for name in self.knowledge.scopes_of(outcome)}
        if any(value is None for value in scopes.values()):
            return None
        try:
            return self.knowledge.in_force(outcome, scopes, self.on, self.jurisdiction)[0]
        except AskedWrongly:
            return None

    def inputs(self, edition: Edition, outcome: str) -> tuple[str, ...]:
        """The facts that decide an outcome: of its chain of tables, and of the scores they read."""
        key = (id(edition), outcome)
        if key not in self._inputs:
            names = dict.fromkeys(axis.fact.name for axis in self.knowledge.array(edition, outcome).axes)
            scores = (fact for score in edition.scores.values() if score.fact in names for fact in score.inputs)
            self._inputs[key] = tuple(dict.fromkeys([*names, *scores]))
        return self._inputs[key]

    # -- one patient ------------------------------------------------------------------------

    def review(self, record: Record, her2: Mapping[str, str | None], first_result: dt.date | None) -> Standing:
        """A patient's course as it stands: every question asked that applies.

        `her2` holds what the review of the specimens decided (`her2_status`, `her2_expression`,
        `tumour_site`), `first_result` the day of the first HER2 result.
        """
        timeline = timeline_of(record.course)
        on = self.on.toordinal()
        limit = int(self.site.limit * THOUSAND)
        state = fold_one(timeline.columns, on, limit, self.heart_tables(True))
        columns = {name: np.array([value], np.int64) for name, value in state.items()}
        made = standing(columns, on)
        result = np.array([first_result.toordinal() if first_result else UNKNOWN], np.int64)
        made |= clocks.first_clocks(columns, result, on)
        found = Standing(self.on, self.site, self.jurisdiction, timeline, state, {}, {}, made)
        self._take(found, made)
        self._take_latest(found, record, her2, columns)
        self._ask_all(found, 1)
        self._wind(found, columns, on)
        self._ask_all(found, 2)
        return found

    def _take(self, found: Standing, made: Columns) -> None:
        """Columns of length one as values of facts."""
        facts = self.knowledge.facts
        for name, column in made.items():
            number = int(column[0])
            fact = facts.get(name)
            if fact is None or number == UNKNOWN:
                continue
            if fact.is_number:
                value = fact.coerce(Decimal(number) / THOUSAND)
                if isinstance(value, Unknown):
                    found.unknown[name] = value
                    continue
                found.values[name] = value
            else:
                found.values[name] = fact.values[number]

    def _take_latest(self, found: Standing, record: Record, her2: Mapping[str, str | None], state: Columns) -> None:
        """The facts no fold reads, what the specimens came to, and what the site says."""
        facts = self.knowledge.facts
        latest = latest_of(record.course, facts, self.on)
        found.latest, found.differing = latest.events, latest.differing
        for name, value in latest.values.items():
            if isinstance(value, Unknown):
                found.unknown[name] = value
            elif name not in found.values:
                found.values[name] = value
        recorded = {
            name: np.array([coded(value, facts[name])], np.int64)
            for name, value in latest.values.items() if name in SETTLED_BY
        }  # fmt: skip
        settled = settle(state, recorded, self.on.toordinal())
        found.columns |= settled
        self._take(found, {name: column for name, column in settled.items() if name not in found.values})
        for name, said in her2.items():
            if said is not None:
                found.values[name] = said
        if isinstance(birth := found.values.get("birth_date"), str):
            day = np.array([dt.date.fromisoformat(birth).toordinal()])
            self._take(found, {"age_years": age_years(day, self.on.toordinal())})
        found.values["lvef_lower_limit"] = self.site.limit
        last = self._interval_lvef(found)
        if last is not None and "lvef" in found.values:
            found.values["lvef"] = last
            found.values.pop("lvef_fall", None)
        self._brands(found)
        if self.site.t_dxd_available is not None:
            found.values["t_dxd_available"] = "yes" if self.site.t_dxd_available else "no"
        if not found.started and undated_doses(found.timeline):
            found.values.pop("therapy_phase", None)
        if from_statement(found):
            found.values.pop("therapy_phase", None)
        if found.state["on_hold"] == 1 and "lvef" not in found.values and found.day("lvef") is not None:
            why = f"the LVEF of {found.day('lvef')} is from before the hold of {found.day('hold')}"
            found.unknown["lvef"] = Unknown(Reason.STALE, why)
        derive(found.values, found.unknown, facts)

    def _brands(self, found: Standing) -> None:
        """The brand ordered or given last against the one that payer or formulary prefers."""
        brand = brand_in_hand(found)
        if not brand:
            return
        product = read_brands()[brand].product if brand in read_brands() else ""
        preferred = found.values.get("payer_brand") or self.site.preferred.get(product)
        found.values["brand"] = brand
        if not isinstance(preferred, str):
            found.values["brand_is_preferred"] = "no preference"
            return
        found.values["brand_is_preferred"] = "yes" if preferred == brand else "no"
        found.values["formulary_brand"] = preferred
        found.values |= compared(brand, preferred)

    def _interval_lvef(self, found: Standing) -> Interval | None:
        """The last LVEF where its record gives only limits ("50-55 %")."""
        day = found.day("lvef")
        for event in found.timeline.narrowed:
            if event.fact == "lvef" and event.day == day and isinstance(event.value, Interval):
                return event.value
        return None

    def _wind(self, found: Standing, state: Columns, on: int) -> None:
        """The clocks that need an answer of the tables: the next LVEF, and contraception."""
        facts = self.knowledge.facts
        tolerance = self.site.echo_tolerance_days
        if interval := found.outcomes.get("echo_interval"):
            values, repeats = facts["echo_interval"].values, facts["echo_recheck"].values
            place = np.array([values.index(interval)])
            recheck = found.outcomes.get("echo_recheck")
            sooner = np.array([repeats.index(recheck) if recheck else UNKNOWN])
            over = np.array([found.values.get("therapy_phase") == "completed"])
            made = clocks.echo_clock(state, place, values, on, tolerance, sooner, repeats, over)
            found.columns |= made
            self._take(found, made)
            if made["echo_due_day"][0] == UNKNOWN and clocks.span(interval) is None:
                found.values["echo_days_overdue"] = "no schedule"
        months = found.outcomes.get("contraception_months")
        if months is not None and not from_statement(found):
            values = facts["contraception_months"].values
            made = self._longest_washout(found, state, values, on)
            found.columns |= made
            self._take(found, made)
            if made and "conceived_in_washout" not in found.values:
                conceived = clocks.conception(state, made["contraception_until_day"])
                self._take(found, {"conceived_in_washout": conceived})

    def _longest_washout(self, found: Standing, state: Columns, values: tuple[str, ...], on: int) -> Columns:
        """Contraception after the last dose of each product given; the longest wins."""
        best: Columns = {}
        for product, last in clocks.last_days(state):
            if last[0] == UNKNOWN:
                continue
            decision = self.decide("contraception_months", {**found.values, "product": product}, found)
            if decision is None or decision.value is None:
                continue
            place = np.array([values.index(decision.value)])
            made = clocks.washout_clock(last, place, values, on)
            if not best or made["contraception_until_day"][0] > best["contraception_until_day"][0]:
                best = made
        return best

    # -- asking -----------------------------------------------------------------------------

    def _ask_all(self, found: Standing, stage: int) -> None:
        for question in self.questions:
            if question.stage != stage or question.key in found.decisions or not self._applies(question, found):
                continue
            if found.values.get("alive") == "no" and question.outcome not in OF_THE_DEAD:
                continue
            values = {**found.values, "product": question.about} if question.about else found.values
            decision = self.decide(question.outcome, values, found)
            if decision is not None:
                found.decisions[question.key] = decision
                if decision.value is not None:
                    found.outcomes[question.key] = decision.value

    @staticmethod
    def _applies(question: Question, found: Standing) -> bool:
        for name, values in question.when:
            value = found.outcomes.get(name) or found.values.get(name)
            if values == ("known",):
                holds = value is not None
            elif values == ("unknown",):
                holds = value is None
            else:
                holds = value in values
            if not holds:
                return False
        return True

    def outcome(self, name: str, found: Standing) -> str | None:
        """The value of an outcome that no question asked for, decided now; `None` where it is undetermined.

        Where no edition here decides it for this organ or product, it is `NOT_DECIDED`.
        """
        if name not in self._decided:
            return None
        decision = self.decide(name, found.values, found)
        if decision is not None:
            return decision.value
        scopes = self.knowledge.scopes_of(name)
        return NOT_DECIDED if all(scope in found.values for scope in scopes) else None

    def decide(self, outcome: str, values: Mapping[str, Value], found: Standing) -> Decision | None:
        """One question put to the edition in force; `None` where no edition answers it."""
        edition = self.edition(outcome, values)
        if edition is None:
            return None
        given = Given({})
        for name in self.inputs(edition, outcome):
            value = values.get(name, found.outcomes.get(name))
            if value is not None:
                given.values[name] = value
            else:
                given.unknown[name] = found.unknown.get(name, Unknown(Reason.ABSENT))
        return decide_in(outcome, given, self.knowledge, edition)
