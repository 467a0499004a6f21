"""The rules of a review: one knowledge, one site and one day, with the editions that decide there and then."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from functools import cached_property
from math import ceil
from typing import Any

import numpy as np

from ...facts.derive import Given
from ...facts.problem import AskedWrongly
from ...facts.value import Reason, Unknown, Value
from ...history.drug_codes import drug_codes
from ...history.folds.heart_tables import tables_for
from ...history.names import NAMED
from ...record.columns import UNKNOWN, Whole
from ...tables.array import Array
from ...tables.axis import Axis
from ...tables.decision import Decision, decide_in
from ...tables.edition import ASSUMED_JURISDICTION, Edition
from ...tables.library import Knowledge
from ...tables.site import Site
from ...tables.table import Cell
from ..questions import Question, Saying, read_doubts, read_questions, read_sayings

ABSENT = Unknown(Reason.ABSENT)
FEW_BOUNDS = 8
"""Up to so many bounds comparing with each is quicker than a search."""
THOUSAND = 1000
KNOWN_WORD, UNKNOWN_WORD = "known", "unknown"
"""In the conditions of a question: any value, and none."""
Conditions = tuple[tuple[str, str, tuple[int, ...]], ...]
"""When a question is asked: for each name `KNOWN_WORD`, `UNKNOWN_WORD`, or the places of the values wanted."""


class Bins:
    """The bins of an axis, of many numbers of a column at once; what is only partly known must not be among them."""

    def __init__(self, axis: Axis) -> None:
        self.axis = axis
        names = axis.fact.values
        self._named = np.array([axis.unknown, *(axis.named[name] for name in names)], np.int64)
        """The bins of what is unknown and of the named values."""
        self._first_number = NAMED + len(names)
        self._bounds = [_least(bound) for bound in axis.float_bounds] if axis.fact.is_number else []
        self._slots = np.array(axis.slots, np.int64)

    def of(self, column: Whole) -> Whole:
        """The bin of each number of a column."""
        if not self.axis.fact.is_number:
            return self._named.take(column + 1, mode="clip")  # the number of what is unknown is far below 0
        slots: Any
        if len(self._bounds) <= FEW_BOUNDS:
            slots = np.zeros(len(column), np.uint8)
            for bound in self._bounds:
                slots += column >= bound
        else:
            slots = np.searchsorted(self._bounds, column, side="right")
        bins: Whole = self._slots[slots]
        special = column < self._first_number
        if special.any():
            bins[special] = self._named[column[special] - UNKNOWN]
        return bins


def _least(bound: float) -> int:
    """The least number of a column, in thousandths, that is not below a bound."""
    number = ceil(bound * THOUSAND)
    while (number - 1) / THOUSAND >= bound:
        number -= 1
    while number / THOUSAND < bound:
        number += 1
    return number


class Rules:
    """Chooses editions and decides by one knowledge and one site, as of one day; the same for everybody."""

    def __init__(self, knowledge: Knowledge, site: Site, on: dt.date, jurisdiction: str | None = None) -> None:
        self.knowledge = knowledge
        self.site = site
        self.on = on
        self.jurisdiction = jurisdiction or site.jurisdiction or ASSUMED_JURISDICTION
        self.codes = drug_codes(knowledge)
        self.questions = read_questions(knowledge.folder)
        self._editions: dict[tuple[str, str | None, str | None], Edition | None] = {}
        self._inputs: dict[tuple[int, str], tuple[str, ...]] = {}
        self._conditions: dict[int, tuple[Question, Conditions]] = {}
        self._plausible: dict[str, tuple[int, int]] | None = None
        self._kind_axes: dict[tuple[int, str], list[Axis]] = {}
        self._bins: dict[int, Bins] = {}
        self._scopes: dict[str, tuple[str, ...]] = {}
        self._tables: dict[bool, tuple[Any, ...]] = {}
        self.decided_kinds: dict[tuple[int, str, int], int] = {}
        """What was decided of kinds of patients, for outcomes that read a score (`answers.py`)."""

        self.derived: dict[tuple[Any, ...], tuple[Value | None, dict[str, Unknown]]] = {}
        """What followed by arithmetic from partly known values, and why it is unknown (`columns.py`)."""

        self.told: dict[Any, Any] = {}
        """What was said of a box of a table (rows, sources, remark), for findings as a table."""

        self._decided = frozenset(outcome for edition in knowledge.editions for outcome in edition.tables)

    @cached_property
    def sayings(self) -> Mapping[tuple[str, str], Saying]:
        """What each value of an outcome means."""
        return read_sayings(self.knowledge.folder)

    @cached_property
    def doubts(self) -> Mapping[str, Saying]:
        """What is said of each doubt of the record."""
        return read_doubts(self.knowledge.folder)

    def bins(self, axis: Axis) -> Bins:
        """The bins of an axis, of many numbers at once."""
        made = self._bins.get(id(axis))
        if made is None:
            made = self._bins[id(axis)] = Bins(axis)
        return made

    def heart_tables(self, as_lists: bool) -> tuple[Any, ...]:
        """The compiled tables of `cardiac_action` by product, for the fold of the heart."""
        if as_lists not in self._tables:
            findings, actions = (self._by_product(name) for name in ("lvef_finding", "cardiac_action"))
            self._tables[as_lists] = tables_for(actions, as_lists, findings, self.codes.products)
        return self._tables[as_lists]

    def _by_product(self, outcome: str) -> dict[str, Array]:
        editions = {product: self.edition(outcome, {"product": product}) for product in self.codes.products}
        return {
            name: self.knowledge.array(edition, outcome) for name, edition in editions.items() if edition is not None
        }

    def decides(self, outcome: str) -> bool:
        """Whether any edition decides an outcome."""
        return outcome in self._decided

    def scopes_of(self, outcome: str) -> tuple[str, ...]:
        """The facts by whose values the editions of an outcome are told apart."""
        scopes = self._scopes.get(outcome)
        if scopes is None:
            scopes = self._scopes[outcome] = self.knowledge.scopes_of(outcome)
        return scopes

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
        scopes = {name: about.get(name) for name in self.scopes_of(outcome)}
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

    def conditions(self, question: Question) -> Conditions:
        """When a question is asked."""
        held = self._conditions.get(id(question))  # a question is looked up oftener than its words can be hashed
        if held is None or held[0] is not question:
            conditions = tuple(
                (name, values[0], ())
                if values in ((KNOWN_WORD,), (UNKNOWN_WORD,))
                else (name, "", tuple(self.knowledge.facts[name].values.index(value) for value in values))
                for name, values in question.when
            )
            held = self._conditions[id(question)] = question, conditions
        return held[1]

    @property
    def plausible(self) -> Mapping[str, tuple[int, int]]:
        """The least and the greatest plausible number, in thousandths, of each fact that has both."""
        if self._plausible is None:
            self._plausible = {}
            for fact in self.knowledge.facts.values():
                range_ = fact.plausible
                if fact.is_number and range_.low is not None and range_.high is not None:
                    lowest = int(range_.low * THOUSAND) + (not range_.low_included)
                    self._plausible[fact.name] = lowest, int(range_.high * THOUSAND) - (not range_.high_included)
        return self._plausible

    def kind_axes(self, edition: Edition, array: Array) -> list[Axis]:
        """Each input of an outcome that reads a score, cut wherever the score or the tables cut it."""
        key = (id(edition), array.outcome.name)
        if key not in self._kind_axes:
            cells: dict[str, list[Cell]] = {axis.fact.name: [] for axis in array.axes}
            for table in array.tables:
                for place, name in enumerate(table.inputs):
                    cells.setdefault(name, []).extend(row.cells[place] for row in table.rows)
            for score in edition.scores.values():
                for part in score.parts:
                    cells.setdefault(part.fact, []).append(part.cell)
            names = self.inputs(edition, array.outcome.name)
            self._kind_axes[key] = [Axis(self.knowledge.facts[name], cells.get(name, [])) for name in names]
        return self._kind_axes[key]

    def decide(
        self, outcome: str, values: Mapping[str, Value], outcomes: Mapping[str, str], unknown: Mapping[str, Unknown]
    ) -> Decision | None:
        """One question put to the edition in force; `None` where no edition answers it.

        A fact comes before an outcome of the same name; `unknown` says why a fact is not known.
        """
        edition = self.edition(outcome, values)
        if edition is None:
            return None
        return decide_in(outcome, self.given(edition, outcome, values, outcomes, unknown), self.knowledge, edition)

    def given(
        self, edition: Edition, outcome: str, values: Mapping[str, Value], outcomes: Mapping[str, str],
        unknown: Mapping[str, Unknown],
    ) -> Given:  # fmt: skip
        """The facts that an edition's tables ask for, known or not."""
        given = Given({})
        for name in self.inputs(edition, outcome):
            value = values.get(name, outcomes.get(name))
            if value is not None:
                given.values[name] = value
            else:
                given.unknown[name] = unknown.get(name, ABSENT)
        return given
