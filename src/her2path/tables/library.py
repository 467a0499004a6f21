"""The library: every fact, source and edition together, the choice among them, and the compiled arrays."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

from ..facts.fact import Facts
from ..facts.pages.numbers import CourseNumbers, read_numbers
from ..facts.pages.products import Products, read_products
from ..facts.problem import AskedWrongly, NoJurisdiction
from ..facts.source import Sources
from ..facts.words.nearest import hint
from .array import Array, TooManyBoxes
from .edition import Edition
from .table import Table


class Knowledge:
    """Every fact, source and edition below a folder, and the arrays compiled from them.

    Reading one edition proves each of its tables (`proof.py`); a faulty one raises `KnowledgeError`
    and is never used.
    """

    holds_data: ClassVar[bool] = True
    """So that it is kept as it is (`facts/cache.py`)."""

    def __init__(self, folder: Path, facts: Facts, sources: Sources, editions: list[Edition]) -> None:
        self.folder = folder
        self.facts = facts
        own = {key: source for edition in editions for key, source in edition.sources.items()}
        self.sources = Sources({**sources, **own}) if own else sources
        self.editions = editions
        self._tables: dict[int, dict[str, Table]] = {}
        self._able: dict[tuple[Any, ...], list[Edition]] = {}
        # What `decision.py` has put together, for outcomes asked together and for the facts that are known.
        self.panels: dict[tuple[int, tuple[str, ...], frozenset[str]], Any] = {}
        self.known: dict[tuple[int | str, ...], tuple[tuple[str, ...], frozenset[str], tuple[str, ...]]] = {}
        self._asked: dict[tuple[int, str, frozenset[str]], Array] = {}
        self._arrays: dict[tuple[str, str, str, frozenset[str]], Array] = {}

    def __reduce__(self) -> Any:
        """What is compiled is not kept: it is known by identities that do not outlive the process."""
        return Knowledge, (self.folder, self.facts, self.sources, self.editions)

    def with_editions(self, editions: Iterable[Edition]) -> Knowledge:
        """The same knowledge with editions and sources of one's own; a key that is there already is not added again."""
        keys = {edition.key for edition in self.editions}
        new = [edition for edition in editions if edition.key not in keys]
        return Knowledge(self.folder, self.facts, self.sources, [*self.editions, *new]) if new else self

    @cached_property
    def products(self) -> Products:
        """The products and other drugs of its page. Raises `KnowledgeError`."""
        return read_products(self.folder)

    @cached_property
    def numbers(self) -> CourseNumbers:
        """The numbers of a course of its page. Raises `KnowledgeError`."""
        return read_numbers(self.folder)

    def edition(self, key: str, outcome: str | None = None) -> Edition:
        """The edition called `key` (one that decides `outcome`, when given). Raises `AskedWrongly`."""
        named = [edition for edition in self.editions if edition.key == key]
        able = [edition for edition in named if outcome is None or outcome in self.tables_of(edition)]
        if not named:
            keys = sorted({e.key for e in self.editions})
            raise AskedWrongly(f"no edition is called {key!r}{hint(key, keys, 'her2path show')}")
        if not able:
            others = [e.key for e in self.editions if outcome in e.tables and not e.supplement]
            others = others or [e.key for e in self.editions if outcome in self.tables_of(e) and not e.supplement]
            where = "; it is decided by " + ", ".join(others) if others else "; no edition does"
            raise AskedWrongly(f"edition {key} does not decide {outcome}{where}")
        return able[0]

    def tables_of(self, edition: Edition) -> dict[str, Table]:
        """An edition's own tables with those its topic's supplements lend it: such as decide for all that it does."""
        tables = self._tables.get(id(edition))
        if tables is None:
            tables = dict(edition.tables)
            for other in self.editions:
                lent = not other.scope or (
                    other.scope == edition.scope and set(edition.scope_values) <= set(other.scope_values)
                )
                if other.supplement and other.topic == edition.topic and lent:
                    for outcome, table in other.tables.items():
                        tables.setdefault(outcome, table)
            self._tables[id(edition)] = tables
        return tables

    def scopes_of(self, outcome: str) -> tuple[str, ...]:
        """The facts by whose values editions that decide an outcome are told apart (`product`, ...)."""
        able = (e for e in self.editions if e.scope and not e.supplement and outcome in self.tables_of(e))
        return tuple(dict.fromkeys(edition.scope for edition in able))

    def usual_scope(self, outcome: str, scope: str, usual: str) -> str:
        """The value of a scope fact to assume: the usual one, or the only one that the outcome is decided for."""
        able = (e for e in self.editions if e.scope == scope and not e.supplement and outcome in self.tables_of(e))
        values = dict.fromkeys(value for edition in able for value in edition.scope_values)
        return usual if usual in values or not values else next(iter(values))

    def in_force(
        self, outcome: str, scopes: Mapping[str, object], on: dt.date, jurisdiction: str | None = None
    ) -> tuple[Edition, str]:
        """The edition that decides `outcome` on a day, and a note where that was not plain.

        `scopes` holds the facts that editions are chosen by (`tumour_site`, `product`). The
        jurisdiction's own edition comes before one for any. Before the first edition the first is
        taken, and the note says so. Raises `AskedWrongly` when no edition decides the outcome.
        """
        key = (outcome, *scopes, *scopes.values())
        able = self._able.get(key) or self._find_able(key, outcome, scopes)
        for wanted in (jurisdiction, "any"):
            match = [edition for edition in able if edition.jurisdiction == wanted]
            now = [edition for edition in match if edition.in_force(on)]
            if now:
                return now[0], ""
            if match and (wanted == "any" or not any(edition.jurisdiction == "any" for edition in able)):
                begun = [edition for edition in match if edition.since is None or edition.since <= on]
                if begun:
                    last = max(begun, key=lambda edition: edition.since or dt.date.min)
                    return last, f"no edition was in force on {on}; the last before it, {last.key}, is applied"
                first = min(match, key=lambda edition: edition.since or dt.date.min)
                return first, f"no edition was in force on {on}; the first, {first.key}, is applied"
        named = " and ".join(map(str, scopes.values()))
        if jurisdiction in (None, "any"):
            raise NoJurisdiction(
                f"{outcome} for {named} is decided only in a jurisdiction: give --jurisdiction or --edition"
            )
        whom = f" for {named}" if named else ""
        where = " and ".join(sorted({edition.jurisdiction for edition in able}))
        raise AskedWrongly(
            f"no edition of the jurisdiction {jurisdiction} decides {outcome}{whom}; it is decided in {where}"
        )

    def _find_able(self, key: tuple[Any, ...], outcome: str, scopes: Mapping[str, object]) -> list[Edition]:
        """The editions that decide an outcome for what it is about, found once; asked for again for every new day."""
        able = [
            edition
            for edition in self.editions
            if not edition.supplement
            and outcome in self.tables_of(edition)
            and edition.is_for(scopes)
            and (not edition.asked_for or outcome in edition.asked_for)
        ]
        able = [edition for edition in able if not edition.own or self._has_all(edition, outcome, able)]
        if not able:
            self._require_outcome(outcome)
            raise AskedWrongly(f"no edition decides {outcome} for " + " and ".join(map(str, scopes.values())))
        self._able[key] = able
        return able

    def _has_all(self, own: Edition, outcome: str, able: list[Edition]) -> bool:
        """Whether one's own edition, which goes before the others, decides an outcome: by a table of its own, or by one
        that is lent to it, where it has all that feeds that in the others."""
        if outcome in own.tables:
            return True
        others = [other for other in able if not other.own and other.topic == own.topic]
        feeding = {table.outcome for other in others for table in chain(self.tables_of(other), outcome)}
        return feeding <= set(self.tables_of(own))

    def _require_outcome(self, outcome: str) -> None:
        decided = {name for edition in self.editions for name in edition.tables}
        if outcome not in decided:
            raise AskedWrongly(f"no table decides {outcome!r}{hint(outcome, sorted(decided), 'her2path show')}")

    def array(self, edition: Edition, outcome: str, given: Iterable[str] = ()) -> Array:
        """The compiled chain that decides `outcome`; outcomes in `given` are inputs, not derived."""
        given = frozenset(given)
        asked = (id(edition), outcome, given)
        if asked not in self._asked:
            self._asked[asked] = self._compiled(edition, outcome, given)
        return self._asked[asked]

    def _compiled(self, edition: Edition, outcome: str, given: frozenset[str]) -> Array:
        tables = self.tables_of(edition)
        if outcome not in tables:
            raise AskedWrongly(f"edition {edition.key} does not decide {outcome}")
        used = frozenset(name for name in given if name in tables and name != outcome)
        key = (edition.topic, edition.key, outcome, used)
        if key not in self._arrays:
            try:
                self._arrays[key] = Array(chain(tables, outcome, used), self.facts, used)
            except TooManyBoxes as large:
                raise AskedWrongly(str(large)) from large
        return self._arrays[key]


def chain(tables: dict[str, Table], outcome: str, given: frozenset[str] = frozenset()) -> list[Table]:
    """The tables that decide `outcome`, each after those that feed it; `given` outcomes are not derived.

    Raises `RecursionError` naming the circle when tables feed each other.
    """
    order: list[Table] = []
    walking: list[str] = []

    def walk(name: str) -> None:
        if name in walking:
            raise RecursionError(" feeds ".join([*walking[walking.index(name) :], name]))
        table = tables[name]
        if table in order:
            return
        walking.append(name)
        for fed_by in table.inputs:
            if fed_by in tables and fed_by not in given:
                walk(fed_by)
        walking.pop()
        order.append(table)

    walk(outcome)
    return order
