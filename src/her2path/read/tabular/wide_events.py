"""Wide CSV and Parquet with a course: each filled cell becomes a row of the long format, whose reader goes on.

No rule of reading a cell stands here. The rows of a patient are brought together, wherever they stand.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ...facts.codes import codes_of
from ...facts.fact import Facts
from ...facts.problem import AskedWrongly
from ...record.columns import RecordColumns, Whole
from ...record.event import DOSE_NOT_READ, HER2_DRUG, Trouble
from .cells import Cells
from .columns import ColumnReader
from .file import read_numbered
from .long import PATIENT, Part, names_of
from .site_words import site_words_of
from .wide import (
    asked_columns,
    columns_of_tests,
    misnamed_patient,
    require_no_half,
    require_some_fact,
    speaking_columns,
    unread_test,
)
from .wide_names import GIVEN, OF_DRUGS, ORDERED, OUTCOMES, TEST_DATE, UNDATED, named
from .wide_plan import Plan, Value, plan_of, told_of_unread, unread_cell
from .words import UNREADABLE, as_days, as_words, is_missing, words_of

ROWS_AT_ONCE = 20_000
"""About so many rows of the file are read and reviewed together, each of them several events."""
LONG = ("patient", "date", "fact", "value", "unit", "product", "qualifier", "specimen", "origin")
SOME_DAY = "2000-01-01"
"""The value of a row that says nothing but that its patient is there: the day of a test that has no result is no
event."""
Words = npt.NDArray[np.object_]


def is_of_course(path: Path, facts: Facts, columns: Mapping[str, str]) -> bool:
    """Whether a wide file says more than HER2 tests in a row each. Of a file that cannot be read nothing is said."""
    try:
        return WideFile(path, facts, columns).plan.is_of_course(facts)
    except (AskedWrongly, *UNREADABLE):
        return False


def read_courses(
    path: Path, facts: Facts, columns: Mapping[str, str], missing: Collection[str] = ()
) -> Iterator[RecordColumns | Trouble]:
    """The patients of a wide file with a course; `columns` says which column bears which of our names, `missing` which
    words (in small letters) stand for a cell that holds nothing.

    Raises `AskedWrongly` for a file that is none, and for a column that is not there.
    """
    yield from WideFile(path, facts, columns).read(missing)


class WideFile:
    """A wide file with the plan by which it is read."""

    def __init__(self, path: Path, facts: Facts, columns: Mapping[str, str]) -> None:
        self.path, self.facts = path, facts
        self.cells = Cells(facts, codes_of(facts))
        names = names_of(path)
        self._ours = asked_columns(names, columns, lambda name: name in facts or named(name, facts) is not None)
        self.names = [self._ours.get(name, name) for name in names]
        self.patient = next((name for name in PATIENT if name in self.names), None)
        self.site = site_words_of(facts)
        entries = {} if self.site is None else self.site.columns([name for name in names if name not in self._ours])
        self.mapped = {name: entry.fact for name, entry in entries.items() if entry.fact not in self.names}
        self.plan = plan_of(self.names, facts, self.patient, self.mapped, self.cells.drugs.directed, self.cells.names)

    def read(self, missing: Collection[str]) -> Iterator[RecordColumns | Trouble]:
        """The patients of the file, and what is told of it."""
        told: list[Trouble] = []
        table, numbers = read_numbered(self.path, told)
        table = table.rename_columns(self.names)
        if not self.plan.values:
            require_some_fact(self.path, self.names, self.facts)
        tests = [value.column for value in self.plan.values if value.column != "value"]
        require_no_half(self.path, self.names, tests)
        yield from told
        yield from (Trouble("unreadable", self.path.name, what) for what in self._told())
        reader = ColumnReader(self.facts, self.path.name, missing)
        patients = self._patients(table, numbers, missing)
        table, numbers, patients = _together(table, numbers, patients)
        for start, end in _ranges(patients):
            events = _Events(self, table.slice(start, end - start), numbers[start:end], patients[start:end], missing)
            batch = reader.read(events.part())
            _without_repeats(batch)
            self._tell_nameless(batch, table, numbers[start:end], start, missing)
            self._tell_tests(batch, table.slice(start, end - start), numbers[start:end], patients[start:end], missing)
            yield batch

    def _told(self) -> Iterator[str]:
        plan, facts = self.plan, self.facts
        known = plan.used | {self.patient, *facts, *self.mapped, *PATIENT}
        spoken = list(speaking_columns([name for name in self.names if name not in known], facts, self.names))
        if self.patient is None:
            spoken += misnamed_patient(self.names)
        yield from spoken
        lines = [*plan.told, *told_of_unread(plan)]
        yield from (line for line in lines if not any(_column_of(line) == _column_of(said) for said in spoken))

    def _patients(self, table: Any, numbers: Whole, missing: Collection[str]) -> Words:
        """The name of the patient of each row; of a row that names none, that of the row."""
        if self.patient is None:
            return np.array([str(number - 1) for number in numbers.tolist()], object)
        cells = _cells(table, self.patient, missing)
        return np.array([cell or f"row {number}" for cell, number in zip(cells, numbers.tolist(), strict=True)], object)

    def _tell_nameless(
        self, batch: RecordColumns, table: Any, numbers: Whole, start: int, missing: Collection[str]
    ) -> None:  # fmt: skip
        if self.patient is None:
            return
        cells = _cells(table.slice(start, len(numbers)), self.patient, missing)
        nameless = {f"row {number}": number for cell, number in zip(cells, numbers.tolist(), strict=True) if not cell}
        for place, name in enumerate(batch.patients if nameless else ()):
            if name in nameless:
                what = f"no patient in the column {self.patient}; the row is reviewed by itself"
                told = Trouble("unreadable", f"{self.path.name}:{nameless[name]}", what)
                batch.troubles.setdefault(place, []).insert(0, told)

    def _tell_tests(
        self, batch: RecordColumns, table: Any, numbers: Whole, patients: Words, missing: Collection[str]
    ) -> None:  # fmt: skip
        """Tell columns that speak of a HER2 test and are not read, to each patient of whom no test is read."""
        names = [name for name in self.names if name not in self.plan.used and name not in (self.patient, *OUTCOMES)]
        tests = np.array(batch.is_test, np.bool_)[batch.fact] if len(batch.facts) else np.zeros(0, np.bool_)
        tested = set(batch.owner()[tests].tolist())
        places = {name: place for place, name in enumerate(batch.patients) if place not in tested}
        for column in columns_of_tests(names, self.facts, self.cells.drugs.directed) if places else ():
            told: set[str] = set()
            for row, cell in enumerate(_cells(table, column, missing)):
                if cell and patients[row] in places and patients[row] not in told:
                    told.add(patients[row])
                    trouble = unread_test(column, cell, f"{self.path.name}:{numbers[row]}")
                    batch.troubles.setdefault(places[patients[row]], []).append(trouble)

    def is_directed(self, said: str) -> bool:
        """Whether a word for a drug may be a HER2-directed one: all but the names of others."""
        if self.site is not None and self.site.entry("product", said) is not None:
            return True
        found = self.cells.drugs.identify((), said)
        drug = said.lower() if said.lower() in self.cells.products else found.drug
        return found.directed or not drug or drug in self.facts["product"].values

    def readable_product(self, said: str) -> str:
        """A word for a drug, "" where it does not say which."""
        is_mapped = self.site is not None and self.site.entry("product", said) is not None
        return said if is_mapped or not self.cells.read_product(said)[2] else ""


class _Events:
    """The events of some rows of whole patients, as rows of the long format."""

    def __init__(self, file: WideFile, table: Any, numbers: Whole, patients: Words, missing: Collection[str]) -> None:
        self.file, self.table, self.numbers, self.patients, self.missing = file, table, numbers, patients, missing
        self._words: dict[str, Words] = {}
        self._blank = np.full(len(numbers), "", object)
        self._made: list[tuple[Whole, dict[str, Words]]] = []
        self._of_drugs = np.zeros(len(numbers), np.bool_)
        self._filled = np.zeros(len(numbers), np.bool_)

    def part(self) -> Part:
        """The events, patient by patient."""
        plan = self.file.plan
        for value in plan.values:
            self._put_values(value)
        self._put_days_alone(plan)
        for unread in plan.unread:
            cells = self._cells(unread.column)
            rows = np.flatnonzero(cells != "")
            days = cells[rows] if unread.is_days else self._cells(plan.date)[rows]
            if unread.fact == HER2_DRUG:
                self._put_evidence(rows, days, unread.column)
                continue
            words = [unread_cell(cell, unread.column) for cell in cells[rows]]
            said = self._blank[rows] if unread.is_days else np.array(words, object)
            self._put(rows, unread.fact, said, date=days, origin=unread.column)
        self._put_products_alone(plan)
        self._put_anchors()
        return self._joined()

    def _cells(self, column: str) -> Words:
        """The cells of a column in words, "" for what holds nothing; of no column, all so."""
        if not column:
            return self._blank
        if column not in self._words:
            self._words[column] = _cells(self.table, column, self.missing)
        return self._words[column]

    def _put(self, rows: Whole, fact: str, value: Words, origin: str, **more: Words) -> None:
        if not len(rows):
            return
        cells = {name: more.get(name, self._blank[rows]) for name in LONG if name not in ("patient", "fact", "value")}
        place = "_".join(origin.split())
        cells |= {
            "fact": np.full(len(rows), fact, object), "value": value, "origin": np.full(len(rows), place, object),
        }  # fmt: skip
        self._made.append((rows, cells))

    def _put_values(self, value: Value, rows: Whole | None = None) -> None:
        """The filled cells of a column as events; or the cells of some rows, whatever they hold."""
        cells = self._cells(value.column)
        if rows is None:
            rows = np.flatnonzero(cells != "")
            if value.fact not in UNDATED:
                self._filled[rows] = True
        if value.fact in OF_DRUGS:
            self._of_drugs[rows] = True
        beside = ("date", "product", "qualifier", "unit", "specimen")
        more = {name: self._cells(getattr(value, name))[rows] for name in beside}
        self._put(rows, value.word, cells[rows], origin=value.column, **more)

    def _put_days_alone(self, plan: Plan) -> None:
        """Days named for a value that is not there: something was measured or given then, and what is not known."""
        by_day: dict[str, list[Value]] = {}
        for value in plan.values:
            if value.date and value.date not in (plan.date, TEST_DATE) and value.fact in (*OF_DRUGS, "lvef"):
                by_day.setdefault(value.date, []).append(value)
        for day, values in by_day.items():
            beside = [value for value in plan.values if value.date == day]
            alone = self._cells(day) != ""
            for value in beside:
                alone = alone & (self._cells(value.column) == "")
            rows = np.flatnonzero(alone)
            if own := [value for value in values if value.own_day]:
                self._put_values(own[0], rows)
            elif any(value.fact in (*GIVEN, *ORDERED) for value in values):
                self._put_evidence(rows, self._cells(day)[rows], day)

    def _put_evidence(self, rows: Whole, days: Words, origin: str, products: Words | None = None) -> None:
        """That a HER2-directed drug stands in the file, of which no dose is read."""
        self._of_drugs[rows] = True
        said = self._blank[rows] if products is None else products
        self._put(rows, HER2_DRUG, np.full(len(rows), DOSE_NOT_READ, object), origin, date=days, product=said)

    def _put_products_alone(self, plan: Plan) -> None:
        """A drug in a row that says nothing more, and one of a patient of whom no dose and no order is read."""
        if not plan.product:
            return
        products = self._cells(plan.product)
        directed = {word: word != "" and self.file.is_directed(word) for word in set(products)}
        of_drug = np.array([directed[word] for word in products], np.bool_)
        treated = set(self.patients[self._of_drugs])
        nothing_read = np.array([patient not in treated for patient in self.patients], np.bool_)
        rows = np.flatnonzero(of_drug & (nothing_read | ~(self._filled | self._of_drugs)))
        words = np.array([self.file.readable_product(word) for word in products[rows]], object)
        for row, word in zip(rows.tolist(), words, strict=True):
            if not word:  # the reader of the long format tells of the word, and reads nothing of such a row
                self._put(np.array([row]), HER2_DRUG, np.array([DOSE_NOT_READ], object), plan.product,
                          product=products[[row]])  # fmt: skip
        self._put_evidence(rows, self._cells(plan.date)[rows], plan.product, words)

    def _put_anchors(self) -> None:
        """A row that is no event for each patient of whom nothing else stands there."""
        there = {patient for rows, _ in self._made for patient in self.patients[rows]}
        first: dict[str, int] = {}
        for row, patient in enumerate(self.patients):
            if patient not in there:
                first.setdefault(patient, row)
        rows = np.array([*first.values()], np.int64)
        self._put(rows, TEST_DATE, np.full(len(rows), SOME_DAY, object), "")

    def _joined(self) -> Part:
        rows = np.concatenate([np.zeros(0, np.int64), *(rows for rows, _ in self._made)])
        order = np.argsort(rows, kind="stable")
        columns: dict[str, Any] = {"patient": pa.array(self.patients[rows][order], pa.string())}
        for name in LONG[1:]:
            words = np.concatenate([self._blank[:0], *(cells[name] for _, cells in self._made)])
            columns[name] = pa.array(words[order], pa.string())
        return Part(pa.table({name: columns[name] for name in LONG}), self.numbers[rows][order], ":")


def _cells(table: Any, column: str, missing: Collection[str]) -> Words:
    """The cells of a column in words, as the long format reads them."""
    held = table.column(column)
    held = as_words(as_days(held) if pa.types.is_temporal(held.type) else held)
    if pa.types.is_dictionary(held.type):
        held = held.cast(pa.string())
    words = ("" if word is None or is_missing(word, missing) else word.strip() for word in words_of(held))
    return np.array([*words], object)


def _together(table: Any, numbers: Whole, patients: Words) -> tuple[Any, Whole, Words]:
    """The rows with those of each patient together, the patients in the order in which they first came."""
    first: dict[str, int] = {}
    places = np.array([first.setdefault(patient, len(first)) for patient in patients], np.int64)
    if (places[1:] >= places[:-1]).all():
        return table, numbers, patients
    order = np.argsort(places, kind="stable")
    return table.take(pa.array(order)), numbers[order], patients[order]


def _ranges(patients: Words) -> Iterator[tuple[int, int]]:
    """Ranges of rows of whole patients."""
    begins = [0, *(np.flatnonzero(patients[1:] != patients[:-1]) + 1).tolist(), len(patients)]
    start = 0
    for begin in begins:
        if begin - start >= ROWS_AT_ONCE or (begin == len(patients) and begin > start):
            yield start, begin
            start = begin


def _without_repeats(batch: RecordColumns) -> None:
    for place, troubles in batch.troubles.items():
        batch.troubles[place] = list(dict.fromkeys(troubles))


def _column_of(line: str) -> str:
    """Of which column something is told."""
    return line.partition("the column ")[2].split(" ")[0]
