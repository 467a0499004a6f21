"""A batch of patients in the making: what was read of each resource, put together as columns with NumPy."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, overload

import numpy as np
import numpy.typing as npt

from ....record.columns import ABOUT_TISSUE, RecordColumns, Whole, in_order, tissue_events
from ....record.event import Event, Record, Trouble
from ..patient import completed_order, unresolved_medications
from .library import Templates
from .readings import Row

_FACT, _VALUE, _SLOT, _DAY, _PRODUCT, _SPECIMEN, _QUALIFIER, _SAID, _NOTE, _AMENDED = range(10)
"""The columns of `templates.Row`."""
Place = int | str
"""The number of a bundle's entry, or where a resource stands by itself."""


class Origins(Sequence[str]):
    """Where each resource stands, put into words on request; `plain` are origins that are words already."""

    def __init__(
        self, wheres: list[str], owners: npt.NDArray[np.int32], places: list[Place], kinds: npt.NDArray[np.int8],
        names: list[str], ids: list[bytes | str | None], plain: list[str], mapped: list[str] | None = None,
    ) -> None:  # fmt: skip
        self._wheres, self._owners, self._places = wheres, owners, places
        self._kinds, self._names, self._ids, self._plain = kinds, names, ids, plain
        self._mapped = mapped

    def __len__(self) -> int:
        return len(self._ids) + len(self._plain)

    def kinds(self) -> dict[str, int]:
        """How many resources of each kind there are."""
        counts = np.bincount(self._kinds, minlength=len(self._names)).tolist()
        return dict(zip(self._names, counts, strict=True))

    @overload
    def __getitem__(self, at: int) -> str: ...
    @overload
    def __getitem__(self, at: slice) -> list[str]: ...
    def __getitem__(self, at: int | slice) -> str | list[str]:
        if isinstance(at, slice):
            return [self[place] for place in range(*at.indices(len(self)))]
        number = len(self._ids)
        if not 0 <= at < number:
            at = range(len(self))[at]
            if at >= number:
                return self._plain[at - number]
        place, identity = self._places[at], self._ids[at]
        where = place if isinstance(place, str) else f"{self._wheres[self._owners[at]]} entry {place}"
        name = identity.decode("ascii") if isinstance(identity, bytes) else identity
        where += self._mapped[at] if self._mapped else ""
        return f"{where} {self._names[self._kinds[at]]}/{name or '?'}"


@dataclass(slots=True)
class Resources:
    """What was read of the resources of one patient, side by side: the reading, the place and the id of each.

    `days` has the ordinal of the first day of each, 0 without one; `later_days` those beside it, of all of them in
    a row, each reading knowing how many are its own.
    """

    readings: list[int] = field(default_factory=list)
    days: list[int] = field(default_factory=list)
    later_days: list[int] = field(default_factory=list)
    ids: list[bytes | str | None] = field(default_factory=list)
    places: list[Place] = field(default_factory=list)


class Batch:
    """Patients gathered; `close` gives their columns and begins the next batch."""

    def __init__(self, templates: Templates) -> None:
        self.templates = templates
        self._table, self._began = _no_rows(), templates.began
        self._begin()

    def _begin(self) -> None:
        self.patients: list[str] = []
        self.wheres: list[str] = []
        self._resources = Resources()
        self._counts: list[int] = []
        self._more: list[tuple[int, int, Row]] = []
        self._plain: list[str] = []
        self._troubles: dict[int, list[Trouble]] = {}
        self._passed_over: dict[int, list[Trouble]] = {}
        self._completed: dict[int, dict[str, list[str]]] = {}
        self._unresolved: dict[int, list[str]] = {}

    def __len__(self) -> int:
        return len(self.patients)

    def add(self, patient: str, where: str, resources: Resources, alone: Iterable[Record] = ()) -> None:
        """A patient by her resources; `alone` is what was read of some of them by themselves."""
        owner = len(self.patients)
        self.patients.append(patient)
        self.wheres.append(where)
        self._counts.append(len(resources.readings))
        gathered = self._resources
        gathered.readings += resources.readings
        gathered.days += resources.days
        gathered.later_days += resources.later_days
        gathered.ids += resources.ids
        gathered.places += resources.places
        for record in alone:
            self._take(owner, record)

    def add_record(self, record: Record) -> None:
        """A patient who was read whole."""
        owner = len(self.patients)
        self.add(record.patient, record.origin, Resources())
        self._take(owner, record)

    def _take(self, owner: int, record: Record) -> None:
        for is_test, events in ((True, (*tissue_events(record), *record.events)), (False, record.course)):
            for event in events:
                self._event(owner, event, is_test)
        if record.troubles:
            self._troubles.setdefault(owner, []).extend(record.troubles)
        if record.passed_over:
            self._passed_over.setdefault(owner, []).extend(record.passed_over)

    def _event(self, owner: int, event: Event, is_test: bool) -> None:
        if not self._plain or self._plain[-1] != event.origin:
            self._plain.append(event.origin)
        self._more.append((owner, len(self._plain) - 1, self.templates.words.row(event, is_test, {})))

    def close(self) -> RecordColumns:
        """The patients gathered so far as columns, each with her events in their order."""
        words, held = self.templates.words, self._resources
        readings = np.array(held.readings, np.int64)
        owners = np.repeat(np.arange(len(self.patients)), self._counts)
        origins = self._origins(readings, owners)
        self._tell(readings, owners, origins)
        first, width = self._rows_of(readings)
        resource = np.repeat(np.arange(len(readings)), width)
        row = np.arange(len(resource)) + np.repeat(first - (np.cumsum(width) - width), width)
        rows = self._all_rows().take(row, axis=1)
        rows[_DAY] = self._days(readings, resource, rows)
        owner, origin = owners[resource], resource
        self._finish(owner, rows)
        if self._more:
            more = np.array([row for _, _, row in self._more], np.int64).T
            owner = np.concatenate([owner, np.array([place for place, _, _ in self._more], np.int64)])
            origin = np.concatenate([origin, len(readings) + np.array([at for _, at, _ in self._more], np.int64)])
            rows = np.concatenate([rows, more], axis=1)
        keep = self._without_old_tissue(owner, origin, rows)
        if self._more or keep is not None:
            used = np.arange(len(owner)) if keep is None else np.flatnonzero(keep)
            order = used[np.argsort(owner[used], kind="stable")]
            owner, origin, rows = owner[order], origin[order], rows[:, order]
        starts = np.searchsorted(owner, np.arange(len(self.patients) + 1)).astype(np.int64)
        value, values = _compact(rows[_VALUE], words.values)
        specimen, specimens = _compact(rows[_SPECIMEN], words.specimens.listed)
        said, saids = _compact(rows[_SAID], words.saids.listed)
        note, notes = _compact(rows[_NOTE], words.notes.listed)
        facts = list(words.facts.listed)
        columns = RecordColumns(
            self.patients, self.wheres, starts, rows[_DAY], rows[_FACT], value, rows[_PRODUCT], specimen,
            rows[_QUALIFIER], said, note, origin, facts, values, list(words.products.listed), specimens,
            list(words.qualifiers.listed), saids, notes, origins, [words.is_test.get(name, False) for name in facts],
            rows[_AMENDED].astype(np.bool_) if rows[_AMENDED].any() else None, self._troubles, self._passed_over,
        )  # fmt: skip
        self.templates.judge(origins.kinds())
        self._begin()
        return in_order(columns)

    def _rows_of(self, readings: Whole) -> tuple[Whole, Whole]:
        """The first row of each reading, and how many it has; of few readings each is looked up by itself."""
        first = self.templates.first
        if len(readings) < len(first):
            spans = np.array([(first[at], first[at + 1]) for at in self._resources.readings], np.int64).reshape(-1, 2)
            return spans[:, 0], spans[:, 1] - spans[:, 0]
        starts = np.array(first, np.int64)
        return starts[readings], (starts[1:] - starts[:-1])[readings]

    def _days(self, readings: Whole, resource: Whole, rows: npt.NDArray[np.int64]) -> Whole:
        """The day of each row: that of a hole of its resource, or the one it has of its own."""
        held, slot = self._resources, rows[_SLOT]
        day: Whole = np.where(slot == 0, np.array(held.days, np.int64)[resource], rows[_DAY])
        if held.later_days:
            counts = np.array(self.templates.later_counts, np.int64)[readings]
            place = (np.cumsum(counts) - counts)[resource] + slot - 1
            day = np.where(slot > 0, np.array(held.later_days)[np.where(slot > 0, place, 0)], day)
        return day

    def _origins(self, readings: Whole, owners: Whole) -> Origins:
        held, of_reading = self._resources, self.templates.kinds
        if len(readings) < len(of_reading):  # of few readings each is looked up by itself
            met = [of_reading[at] for at in held.readings]
            names = sorted(set(met))
            codes = {name: code for code, name in enumerate(names)}
            kinds = np.array([codes[name] for name in met], np.int8)
        else:
            names = sorted(set(of_reading))
            codes = {name: code for code, name in enumerate(names)}
            kinds = np.array([codes[name] for name in of_reading], np.int8)[readings]
        if any(self.templates.identities):
            identities = self.templates.identities
            held.ids = [name or identities[reading] for name, reading in zip(held.ids, held.readings, strict=True)]
        by_map = self.templates.mapped if any(self.templates.mapped) else None
        mapped = None if by_map is None else [by_map[reading] for reading in held.readings]
        return Origins(self.wheres, owners.astype(np.int32), held.places, kinds, names, held.ids, self._plain, mapped)

    def _all_rows(self) -> npt.NDArray[np.int64]:
        """The rows of all readings; only those that are new are taken over from their list."""
        rows, held = self.templates.rows, self._table.shape[1]
        if self._began != self.templates.began:
            self._table, held, self._began = _no_rows(), 0, self.templates.began
        if len(rows) > held:
            new = np.array(rows[held:], np.int64).T
            self._table = np.concatenate([self._table, new], axis=1)
        return self._table

    def _tell(self, readings: Whole, owners: Whole, origins: Origins) -> None:
        """Troubles, and what is to be seen together, of the readings that say more than events."""
        told = self.templates.told
        if not told:
            return
        tells = np.zeros(len(self.templates.kinds), np.bool_)
        tells[list(told)] = True
        for at in np.flatnonzero(tells[readings]):
            owner, said, origin = int(owners[at]), told[int(readings[at])], origins[int(at)]
            if said.troubles:
                held = self._troubles.setdefault(owner, [])
                held += [Trouble(kind, origin, what) for kind, what in said.troubles]
            if said.passed_over:
                held = self._passed_over.setdefault(owner, [])
                held += [Trouble(kind, origin, what) for kind, what in said.passed_over]
            for drug in said.completed:
                self._completed.setdefault(owner, {}).setdefault(drug, []).append(origin)
            if said.is_unresolved:
                self._unresolved.setdefault(owner, []).append(origin)

    def _finish(self, owner: Whole, rows: npt.NDArray[np.int64]) -> None:
        """Per patient what completed orders say where no dose is recorded, and the medications nobody knows."""
        for place, unknown in self._unresolved.items():
            self._troubles.setdefault(place, []).append(unresolved_medications(unknown))
        if not self._completed:
            return
        words = self.templates.words
        doses = [code for code, name in enumerate(words.facts.listed) if name.startswith("dose_")]
        is_dose = np.isin(rows[_FACT], doses)
        given = set(zip(owner[is_dose].tolist(), rows[_PRODUCT, is_dose].tolist(), strict=True))
        given |= {(place, row[4]) for place, _, row in self._more if row[0] in doses}
        for place, orders in self._completed.items():
            for drug, first in orders.items():
                if (place, words.products.place(drug)) not in given:
                    trouble, event = completed_order(drug, first)
                    self._passed_over.setdefault(place, []).append(trouble)
                    self._event(place, event, False)

    def _without_old_tissue(
        self, owner: Whole, origin: Whole, rows: npt.NDArray[np.int64]
    ) -> npt.NDArray[np.bool_] | None:
        """Which rows stay where one tissue is described twice, of which the last counts, or one site named twice."""
        words = self.templates.words
        codes = [words.facts.places.get(name, -1) for name in ABOUT_TISSUE]
        of_row = rows[_FACT]
        about = np.isin(of_row, codes).nonzero()[0]
        fact, specimen = rows[_FACT, about], rows[_SPECIMEN, about]
        what = np.where(fact == codes[0], rows[_VALUE, about], specimen)
        key = (owner[about] * 2 + (fact == codes[0])) * (len(words.values) + len(words.specimens.listed)) + what
        order = np.lexsort((origin[about], key))
        ordered, source = key[order], origin[about][order]
        last = source[np.searchsorted(ordered, ordered, side="right") - 1]
        old = about[order[source != last]]
        again = about[
            order[1:][(ordered[1:] == ordered[:-1]) & (fact[order[1:]] == codes[0]) & (source[1:] == source[:-1])]
        ]
        if not len(old) and not len(again):
            return None
        keep = np.ones(len(owner), np.bool_)
        keep[old] = keep[again] = False
        return keep


def _no_rows() -> npt.NDArray[np.int64]:
    return np.zeros((10, 0), np.int64)


def _compact(column: Whole, listed: list[Any]) -> tuple[Whole, list[Any]]:
    """A column of places in a long list as places in the list of those that are used; place 0 stays."""
    used = np.zeros(max(len(listed), 1), np.bool_)
    used[column] = True
    used[0] = True
    places = np.cumsum(used) - 1
    return places[column], [listed[at] for at in np.flatnonzero(used)] if listed else []
