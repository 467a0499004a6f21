"""What the forms of rows say, put together with persons and days into the columns of whole records."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, overload

import numpy as np
import pyarrow as pa

from ...record.columns import SITE, UNKNOWN, RecordColumns, Whole, in_order
from ...record.event import Event, Trouble
from ...record.forms import Forms
from .said import Said

PERSON = "person"
DATE = "date"


class Origins(Sequence[str]):
    """Where each row stands, in words: the warehouse, the table and the id of the row (`cdm.duckdb:measurement/42`)."""

    def __init__(self, name: str, tables: list[str], table: Whole, ids: Any, marks: list[str], mark: Whole) -> None:
        self.name, self.tables, self.table, self.ids, self.marks, self.mark = name, tables, table, ids, marks, mark

    def __len__(self) -> int:
        return len(self.table)

    @overload
    def __getitem__(self, row: int) -> str: ...
    @overload
    def __getitem__(self, row: slice) -> Sequence[str]: ...
    def __getitem__(self, row: int | slice) -> str | Sequence[str]:
        if isinstance(row, slice):
            return [self[place] for place in range(*row.indices(len(self)))]
        place = int(row)
        return f"{self.name}:{self.tables[self.table[place]]}/{self.ids[place]}{self.marks[self.mark[place]]}"

    def words(self, rows: Whole) -> Any:
        """Several at once, as an Arrow array."""
        import pyarrow.compute as pc  # slow to import, and needed only for tables

        where = pa.array([f"{self.name}:{table}/" for table in self.tables]).take(pa.array(self.table[rows]))
        marks = pa.array(self.marks).take(pa.array(self.mark[rows]))
        return pc.binary_join_element_wise(where, self.ids.take(pa.array(rows)), marks, "")


class Registry:
    """The distinct events of a warehouse by their number, as places in lists of words that only grow.

    One stands in every process, for all its slices: what a form says is taken apart once.
    """

    def __init__(self) -> None:
        self.words: dict[str, dict[Any, int]] = {name: {"": 0} for name in OF_EVENT}
        self.words["fact"], self.words["value"] = {}, {}
        self.values: list[Any] = []
        self.is_test: list[bool] = []
        self._columns: dict[str, list[int]] = {name: [] for name in OF_EVENT}
        self._of_said: dict[int, tuple[int, int, Said]] = {}

    def __len__(self) -> int:
        return len(self._columns["fact"])

    def column(self, name: str) -> Whole:
        """A part of every event, as a place in the list of that name."""
        return np.array(self._columns[name], np.int64)

    def place(self, said: Said) -> tuple[int, int]:
        """The number of the first event of what rows say, and how many there are."""
        known = self._of_said.get(id(said))
        if known is None:
            start = len(self)
            for test, events in ((True, said.tests), (False, said.course)):
                for event in events:
                    self._add(event, test)
            known = self._of_said[id(said)] = (start, len(self) - start, said)
        return known[0], known[1]

    def _add(self, event: Event, test: bool) -> None:
        for name in ("fact", "product", "qualifier", "said", "note"):
            listed = self.words[name]
            self._columns[name].append(listed.setdefault(getattr(event, name), len(listed)))
        if len(self.is_test) < len(self.words["fact"]):
            self.is_test.append(test)
        values = self.words["value"]
        key = (event.fact, type(event.value).__name__, str(event.value))
        place = values.setdefault(key, len(values))
        if place == len(self.values):
            self.values.append(event.value)
        self._columns["value"].append(place)

    def listed(self, event: Whole) -> tuple[dict[str, Any], Forms]:
        """The lists of words that some events use, and the forms of these."""
        used, place = _used(event, len(self))
        lists: dict[str, Any] = {}
        of_form: dict[str, Whole] = {}
        for name in OF_EVENT:
            of_event = self.column(name)[used]
            words = self.values if name == "value" else [*self.words[name]]
            kept, of_form[name] = _used(of_event, len(words), first=name not in ("fact", "value"))
            lists[f"{name}s"] = [words[each] for each in kept.tolist()]
            if name == "fact":
                lists["is_test"] = [self.is_test[each] for each in kept.tolist()]
        return lists, Forms(place, *(of_form[name] for name in OF_EVENT))

    def organs(self) -> Whole | None:
        """Of each event the organ of a tumour that it names, as a number; -1 for none. `None` where none does."""
        if SITE not in self.words["fact"]:
            return None
        return np.where(self.column("fact") == self.words["fact"][SITE], self.column("said"), -1)


OF_EVENT = ("fact", "value", "product", "qualifier", "said", "note")
"""The parts of an event, in the order in which forms have them."""


def _used(places: Whole, size: int, first: bool = False) -> tuple[Whole, Whole]:
    """Which of so many places are used, with the `first` in any case, and the rank of each among these."""
    there = np.zeros(size, np.bool_)
    there[places] = True
    if first:
        there[0] = True
    kept = np.flatnonzero(there)
    rank = np.zeros(size, np.int64)
    rank[kept] = np.arange(len(kept))
    return kept, rank[places]


class Assembly:
    """Gathers the events of one slice of persons; `record` then has them, whole and in order."""

    def __init__(self, name: str, persons: Any, registry: Registry) -> None:
        self.name, self.persons, self.registry = name, persons, registry
        self._tables: list[str] = []
        self._marks: dict[str, int] = {"": 0}
        self._parts: list[tuple[Whole, Whole, Whole, Whole, Whole, Any]] = []
        self.troubles: dict[int, list[Trouble]] = {}
        self.passed_over: dict[int, list[Trouble]] = {}

    def add(
        self, table: str, owner: Whole, day: Whole, form: Whole, ids: Any, said: Sequence[Said], wrong: dict[int, str]
    ) -> None:  # fmt: skip
        """Take rows of a table: whose each is, its day, and the place in `said` of what it says."""
        if not len(owner):
            return
        if table not in self._tables:
            self._tables.append(table)
        placed = np.array([self.registry.place(each) for each in said], np.int64).reshape(-1, 2)
        start, many = placed[form, 0], placed[form, 1]
        row = np.repeat(np.arange(len(form)), many)
        within = np.arange(len(row)) - np.repeat(np.cumsum(many) - many, many)
        event = start[row] + within
        undated = np.array([said.undated for said in said], np.bool_)[form]
        dated = np.where(undated, UNKNOWN, day)
        marks = np.array([self._marks.setdefault(each.mark, len(self._marks)) for each in said], np.int64)[form]
        self._parts.append((
            owner[row], dated[row], event, np.full(len(row), self._tables.index(table)), marks[row],
            ids.take(pa.array(row)),
        ))  # fmt: skip
        self._tell(table, owner, form, ids, said, day, undated, many, wrong)

    def _tell(
        self, table: str, owner: Whole, form: Whole, ids: Any, said: Sequence[Said], day: Whole, undated: Any,
        many: Whole, wrong: dict[int, str],
    ) -> None:  # fmt: skip
        """What of the rows was not read or not used; each once a person and table, with its first row."""
        told = np.array([bool(each.troubles or each.passed_over) for each in said], np.bool_)[form]
        said_of: set[tuple[int, str, str]] = set()
        rows = np.flatnonzero(told)
        _, first = np.unique(owner[rows] * max(len(said), 1) + form[rows], return_index=True)
        for row in rows[np.sort(first)].tolist():
            person, place = int(owner[row]), int(form[row])
            where = f"{self.name}:{table}/{ids[row]}"
            for listed, into in (
                (said[place].troubles, self.troubles), (said[place].passed_over, self.passed_over)
            ):  # fmt: skip
                for trouble in listed:
                    if (person, trouble.kind, trouble.what) not in said_of:
                        said_of.add((person, trouble.kind, trouble.what))
                        into.setdefault(person, []).append(Trouble(trouble.kind, where, trouble.what))
        for row in np.flatnonzero((day == UNKNOWN) & ~undated & (many > 0)).tolist():
            what = f"date {wrong[row][:40]!r} cannot be read; expected YYYY-MM-DD" if row in wrong else "no date"
            self.troubles.setdefault(int(owner[row]), []).append(Trouble(DATE, f"{self.name}:{table}/{ids[row]}", what))

    def record(self) -> RecordColumns:
        """The records of all persons of the slice, in their order; those without a row of interest too."""
        names = self.persons.to_pylist()
        if not self._parts:
            zero = np.zeros(0, np.int64)
            parts = [zero] * 5
            ids = pa.array([], pa.string())
        else:
            parts = [np.concatenate([part[place] for part in self._parts]) for place in range(5)]
            ids = pa.concat_arrays([part[5] for part in self._parts])
        owner, day, event, table, mark = parts
        keep = self._without_second_sites(owner, event)
        order = np.argsort(owner, kind="stable") if keep is None else keep[np.argsort(owner[keep], kind="stable")]
        owner, day, event, table, mark = (part[order] for part in (owner, day, event, table, mark))
        ids = ids.take(pa.array(order))
        starts = np.zeros(len(names) + 1, np.int64)
        np.cumsum(np.bincount(owner, minlength=len(names)), out=starts[1:])
        lists, forms = self.registry.listed(event)
        record = RecordColumns(
            patients=names, wheres=[f"{self.name}:{PERSON}/{name}" for name in names], starts=starts, day=day,
            fact=forms.each(forms.fact), value=forms.each(forms.value), product=forms.each(forms.product),
            specimen=np.zeros(len(day), np.int64), qualifier=forms.each(forms.qualifier), said=forms.each(forms.said),
            note=forms.each(forms.note), origin=np.arange(len(day)), specimens=[""],
            origins=Origins(self.name, self._tables or [PERSON], table, ids, [*self._marks], mark), **lists,
            troubles=self.troubles, passed_over=self.passed_over,
        )  # fmt: skip
        record._forms = forms
        return in_order(record)

    def _without_second_sites(self, owner: Whole, event: Whole) -> Whole | None:
        """The rows without those that name the organ of a person's tumour again; `None` where all are kept."""
        organs = self.registry.organs()
        if organs is None:
            return None
        organ_of = organs[event]
        rows = np.flatnonzero(organ_of >= 0)
        _, first = np.unique(owner[rows] * (int(organ_of.max()) + 1) + organ_of[rows], return_index=True)
        keep = organ_of < 0
        keep[rows[first]] = True
        return np.flatnonzero(keep)
