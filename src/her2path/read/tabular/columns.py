"""The long format as record columns: a table of whole patients, each distinct cell read once.

`long.py` brings the file as such tables; `cells.py` has the rules of reading a cell.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from ...facts.codes import codes_of
from ...facts.days import EPOCH
from ...facts.fact import Facts
from ...facts.value import Reason, Unknown, Value
from ...record.columns import (
    ABOUT_TISSUE,
    RECORDED_STATUS,
    SITE,
    UNKNOWN,
    Flags,
    RecordColumns,
    Whole,
    in_order,
    order_of_forms,
)
from ...record.event import DOSE_NOT_READ, HER2_DRUG, ORDER_NOT_READ, STAINED, STAINING_OPEN, UNMAPPED_TEST, Trouble
from ...record.forms import Forms
from ..spoken import plain_words, speaks_of_test
from .cells import METHODS, Cells
from .coded import coded_words, distinct_numbers, other_organs, patients_of
from .long import LongFile, Part
from .row_forms import ColumnOfWords, Owner, RowOrigins, columns_of_words, forms_of, map_columns, meant_facts
from .site_words import site_words_of
from .words import BROKEN, as_days, broken, is_missing


def read_long(
    path: Path, facts: Facts, columns: Mapping[str, str] | None = None, missing: Collection[str] = ()
) -> Iterator[RecordColumns | Trouble]:
    """The records of a file in the long format; `columns` says which column bears which of its names, `missing` which
    words (in small letters) stand for a cell that holds nothing.

    Raises `AskedWrongly` for a column that is not there, and for a file that is no CSV or Parquet.
    """
    file = LongFile(path, columns, missing)
    reader = ColumnReader(facts, path.name, missing)
    for part in file.parts():
        yield reader.read(part) if isinstance(part, Part) else part


GIVEN, ORDERED = 1, 2
GIVEN_OR_ORDERED = {
    "dose_mg": GIVEN, "dose_mg_per_kg": GIVEN, "dose_given": GIVEN, "ordered_mg": ORDERED, "ordered_mg_per_kg": ORDERED,
}  # fmt: skip
"""Facts of a HER2-directed drug, given or ordered."""


class ColumnReader:
    """Makes record columns of tables of whole patients; cells that come again are read once."""

    def __init__(self, facts: Facts, name: str, missing: Collection[str] = ()) -> None:
        self.facts = facts
        self.name = name
        self.missing = missing
        self._cells = Cells(facts, codes_of(facts))
        self._days: dict[Any, int | Unknown] = {}
        self._site = site_words_of(facts)
        # After so much was freed at once the C library keeps as much for the next batch.
        np.empty(KEPT_BYTES, np.uint8)

    def read(self, part: Part) -> RecordColumns:
        """The columns of a part, with what could not be read beside each patient.

        What depends on neither day nor patient is worked out once for each form: the rows that say the same.
        """
        table = part.table
        starts, words = patients_of(table.column("patient"))
        first = part.numbers[starts].tolist()
        starts = np.append(starts, table.num_rows)
        named = list(map(str.strip, words if None not in words else [word or "" for word in words]))  # type: ignore[arg-type]
        troubles: dict[int, list[Trouble]] = {}
        if "" in named:
            for patient in [patient for patient, name in enumerate(named) if not name]:
                what = "no patient; the row is reviewed by itself"
                troubles[patient] = [Trouble("unreadable", f"{self.name}:{first[patient]}", what)]
        columns = columns_of_words(table, self.missing)
        marks = {} if self._site is None else map_columns(self._site, columns)
        lists = {name: column.listed for name, column in columns.items()}
        origin = columns.get("origin")
        origins = RowOrigins(
            self.name, part.numbers, None if origin is None else origin.rows(), lists.get("origin", ()), marks,
            part.joint,
        )  # fmt: skip
        owner = Owner(starts)
        self._tell_broken(named, columns, owner, origins, troubles)
        day, wrong_day = self._dates(table)
        form, places = forms_of(columns, table.num_rows)
        drugs = [self._cells.read_product(word) for word in lists["product"]]
        products = list(dict.fromkeys(drug for drug, _, _ in drugs))
        product_of = np.array([products.index(drug) for drug, _, _ in drugs], np.int64)
        no_fact = np.array([word not in self.facts for word in lists["fact"]], np.bool_)[places["fact"]]
        near = [self._cells.near_fact(word) for word in lists["fact"]]
        is_told = np.array([bool(name) and name not in GIVEN_OR_ORDERED for name in near], np.bool_)[places["fact"]]
        no_drug = np.array([bool(why) for _, _, why in drugs], np.bool_)[places["product"]] & ~no_fact
        self._tell_facts(_rows(form, no_fact & ~is_told), owner, columns["fact"], origins, troubles)
        if wrong_day.any():
            for row in np.flatnonzero(wrong_day & ~no_fact[form]).tolist():
                _tell(troubles, owner, row, Trouble("date", origins[row], str(self._day(self._said_day(table, row)))))
        for row in _rows(form, no_drug).tolist():
            why = f"{drugs[places['product'][form[row]]][2]}; nothing is read from the row"
            _tell(troubles, owner, row, Trouble("unreadable", origins[row], why))
        value, values, notes, saids = self._values(places, lists)
        fact, value, notes = self._doses_not_read(places, lists, near, value, values, notes, saids)
        fact = meant_facts(fact, near, lists["fact"], but=GIVEN_OR_ORDERED)
        not_read = fact != places["fact"]
        usable = (~no_fact | not_read) & (~no_drug | not_read)
        usable &= self._of_tissue(value, values, places, lists, form, owner, origins, troubles, no_fact | no_drug)
        tests = np.array([self._is_test(word) for word in lists["fact"]], np.bool_)
        qualifier, qualifiers = self._qualifiers(places, lists, drugs)
        products_of_forms = np.where(tests[places["fact"]], 0, product_of[places["product"]])
        return self._record(
            Forms(form, fact, value, products_of_forms, qualifier, value, notes[0][value]), usable, starts, day,
            patients=[name or f"row {n}" for name, n in zip(named, first, strict=True)] if "" in named else named,
            wheres=RowOrigins(self.name, part.numbers[starts[:-1]]), specimens=columns["specimen"],
            facts=[RECORDED_STATUS if word == "her2_status" else word for word in lists["fact"]], values=values,
            products=products, qualifiers=qualifiers, saids=saids,
            notes=notes[1], origins=origins, is_test=tests.tolist(), troubles=troubles,
        )  # fmt: skip

    def _record(
        self, forms: Forms, usable: Flags, starts: Whole, day: Whole, *, specimens: ColumnOfWords, **lists: Any
    ) -> RecordColumns:
        """The columns of the rows of usable forms, in their order."""
        assert forms.place is not None
        place, rows = forms.place, np.arange(len(day))
        if not usable.all():
            rows = np.flatnonzero(usable[place])
            place, day, starts = place[rows], day[rows], np.searchsorted(rows, starts)
            forms = replace(forms, place=place)
        stained = _says_0_plus(forms, lists)
        order = None
        if len(day) > 1 and not stained.any():
            order = order_of_forms(
                forms, starts, day, lists["facts"], lists["values"], lists["saids"], lists["products"]
            )
        if order is not None:
            place, day, rows = place[order], day[order], rows[order]
            forms = replace(forms, place=place)
        alone = len(specimens.listed) == 1
        value = forms.value[place]
        record = RecordColumns(
            starts=starts, day=day, fact=forms.fact[place], value=value, product=forms.product[place],
            specimen=np.zeros(len(rows), np.int64) if alone else specimens.rows()[rows],
            qualifier=forms.qualifier[place], said=value, note=forms.note[place], origin=rows,
            specimens=specimens.listed, _forms=forms, **lists,
        )  # fmt: skip
        return in_order(self._stained(record)) if stained.any() else record

    def _is_test(self, fact: str) -> bool:
        return fact in (*ABOUT_TISSUE, "her2_status") or (fact in self.facts and bool(self.facts[fact].test))

    def _tell_facts(
        self, rows: Whole, owner: Owner, facts: ColumnOfWords, origins: RowOrigins, troubles: dict[int, list[Trouble]]
    ) -> None:
        """Rows of no fact, told once a patient and word."""
        told: set[tuple[int, int]] = set()
        for row in rows.tolist():
            key = (owner[row], facts.at(row))
            if key not in told:
                told.add(key)
                where, word = f"{self.name}:{origins.numbers[row]}", facts.listed[key[1]]
                kind = UNMAPPED_TEST if speaks_of_test(plain_words(word), self._cells.names) else "unreadable"
                _tell(troubles, owner, row, Trouble(kind, where, self._cells.no_fact(word)))

    def _tell_broken(
        self, named: list[str], columns: Mapping[str, ColumnOfWords], owner: Owner, origins: RowOrigins,
        troubles: dict[int, list[Trouble]],
    ) -> None:  # fmt: skip
        """Cells with bytes that are no UTF-8: told, each with its column; they are read as they are shown."""
        if BROKEN in "".join(named):
            for patient, name in enumerate(named):
                if BROKEN in name:
                    row = int(owner.starts[patient])
                    _tell(troubles, owner, row, Trouble("unreadable", origins[row], broken("patient", name)))
        for name, column in columns.items():
            if BROKEN not in "".join(column.listed):
                continue
            has_broken = np.array([BROKEN in word for word in column.listed], np.bool_)
            places = column.rows()
            for row in np.flatnonzero(has_broken[places]).tolist():
                what = broken(name, column.listed[places[row]])
                _tell(troubles, owner, row, Trouble("unreadable", origins[row], what))

    def _of_tissue(
        self, value: Whole, values: list[Value], places: Mapping[str, Whole], lists: Mapping[str, list[str]],
        form: Whole, owner: Owner, origins: RowOrigins, troubles: dict[int, list[Trouble]], lost: Flags,
    ) -> Flags:  # fmt: skip
        """Which forms are events: what is said of the tissue unreadably is told, and a day of its own is none."""
        of_tissue = np.array([word in (*ABOUT_TISSUE, "test_date") for word in lists["fact"]], np.bool_)
        if not of_tissue.any():
            return np.ones(len(value), np.bool_)
        unread = np.array([isinstance(known, Unknown) for known in values], np.bool_)[value]
        unread &= of_tissue[places["fact"]]
        for row in _rows(form, unread & ~lost).tolist():
            _tell(troubles, owner, row, Trouble("unreadable", origins[row], str(values[value[form[row]]])))
        unread &= ~other_organs(values, value, unread & np.array([f == SITE for f in lists["fact"]])[places["fact"]])
        dates = np.array([word == "test_date" for word in lists["fact"]], np.bool_)[places["fact"]]
        events: Flags = ~unread & ~dates
        return events

    def _values(
        self, places: Mapping[str, Whole], lists: Mapping[str, list[str]]
    ) -> tuple[Whole, list[Value], tuple[Whole, list[str]], list[str]]:
        """Each distinct (fact, value, unit) read once: the place of each row, the values, their notes, and as said."""
        width, units = len(lists["value"]), len(lists["unit"])
        distinct, place_of = distinct_numbers((places["fact"] * width + places["value"]) * units + places["unit"])
        values: list[Value] = []
        saids: list[str] = []
        notes: list[str] = [""]
        note_of: list[int] = []
        for key in distinct:
            word = lists["fact"][key // units // width]
            text, unit = lists["value"][key // units % width], lists["unit"][key % units]
            if word in self.facts:
                value, note = self._cells.read_value(word, text, unit)
            else:
                value, note = Unknown(Reason.UNMAPPED_CODE, self._cells.no_fact(word)), ""
            values.append(value)
            saids.append(f"{text} {unit}".strip())
            if note and note not in notes:
                notes.append(note)
            note_of.append(notes.index(note) if note else 0)
        return place_of, values, (np.array(note_of, np.int64), notes), saids

    def _doses_not_read(
        self, places: Mapping[str, Whole], lists: dict[str, list[str]], near: Sequence[str], value: Whole,
        values: list[Value], notes: tuple[Whole, list[str]], saids: list[str],
    ) -> tuple[Whole, Whole, tuple[Whole, list[str]]]:  # fmt: skip
        """Facts, values and notes with doses of a drug that cannot be told as the fact that says so; and those of a
        HER2-directed drug, or of none, whose own fact is misspelt (`near` has what was meant)."""
        fact, listed = places["fact"], lists["product"]
        meant = [other or word for word, other in zip(lists["fact"], near, strict=True)]
        kinds = np.array([GIVEN_OR_ORDERED.get(word, 0) for word in meant], np.int64)[fact]
        denied = np.array([known == "no" for known in values], np.bool_)[value]
        unclear = np.array([bool(word) and self._cells.is_unclear(word) for word in listed], np.bool_)
        ours = {"", *self.facts["product"].values}
        directed = np.array([self._cells.read_product(word)[0] in ours for word in listed], np.bool_)
        misspelt = np.array([bool(other) for other in near], np.bool_)[fact]
        doubtful = unclear[places["product"]] | (misspelt & directed[places["product"]])
        rows = np.flatnonzero((kinds > 0) & doubtful & ~denied)
        if not len(rows) or HER2_DRUG not in self.facts:
            return fact, value, notes
        if HER2_DRUG not in lists["fact"]:
            lists["fact"].append(HER2_DRUG)
        fact, value, note_of = fact.copy(), value.copy(), notes[0].tolist()
        made: dict[tuple[str, str], int] = {}
        for row in rows.tolist():
            word = listed[places["product"][row]]
            said = ORDER_NOT_READ if kinds[row] == ORDERED else DOSE_NOT_READ
            if (said, word) not in made:
                made[said, word] = len(values)
                values.append(said)
                saids.append(word)
                note_of.append(0)
            fact[row], value[row] = lists["fact"].index(HER2_DRUG), made[said, word]
        return fact, value, (np.array(note_of, np.int64), notes[1])

    def _qualifiers(
        self, places: Mapping[str, Whole], lists: Mapping[str, list[str]], drugs: list[tuple[str, str, str]]
    ) -> tuple[Whole, list[str]]:
        """The method of an LVEF; the brand of anything else, which the product may name too."""
        listed = [""]

        def place(word: str) -> int:
            if word not in listed:
                listed.append(word)
            return listed.index(word)

        words = lists["qualifier"]
        methods = np.array([place(METHODS.get(word.lower(), "unspecified")) for word in words], np.int64)
        brands = np.array([place(self._cells.read_brand(word) or word.lower()) for word in words], np.int64)
        of_drug = np.array([place(brand) for _, brand, _ in drugs], np.int64)
        measured = np.array([word == "lvef" for word in lists["fact"]], np.bool_)[places["fact"]]
        named = brands[places["qualifier"]]
        other = np.where(named > 0, named, of_drug[places["product"]])
        tests = np.array([self._is_test(word) for word in lists["fact"]], np.bool_)[places["fact"]]
        return np.where(tests, 0, np.where(measured, methods[places["qualifier"]], other)), listed

    def _stained(self, record: RecordColumns) -> RecordColumns:
        """A score of 0+ does not say whether membranes stain: an event more for each, which says so."""
        forms = record.forms()
        rows = np.flatnonzero(forms.each(_says_0_plus(forms, {"saids": record.saids, "facts": record.facts})))
        record.facts.append(STAINED)
        record.is_test.append(True)
        record.values.append(STAINING_OPEN)
        record.saids.append("0+")
        owner = record.owner()[rows]
        ends = record.starts[owner + 1]
        for name, new in (
            ("fact", len(record.facts) - 1), ("value", len(record.values) - 1), ("note", record.notes.index("")),
            ("said", len(record.saids) - 1),
        ):  # fmt: skip
            setattr(record, name, np.insert(getattr(record, name), ends, new))
        for name in ("day", "specimen", "origin", "product", "qualifier"):
            column = getattr(record, name)
            setattr(record, name, np.insert(column, ends, column[rows]))
        record.starts = record.starts + np.searchsorted(owner, np.arange(len(record) + 1))
        record._owner = record._forms = None
        return record

    def _dates(self, table: Any) -> tuple[Whole, Flags]:
        """The days as ordinals, and the rows whose day could not be read."""
        if "date" not in table.column_names:
            return np.full(table.num_rows, UNKNOWN, np.int64), np.zeros(table.num_rows, np.bool_)
        column = as_days(table.column("date"))
        chunk = column.combine_chunks()
        if isinstance(chunk, pa.ChunkedArray):
            chunk = chunk.chunk(0) if chunk.num_chunks else pa.array([], column.type)
        if pa.types.is_date32(chunk.type):
            days = chunk.cast(pa.int32())
            numbers = days.fill_null(NO_DAY).to_numpy().astype(np.int64)
            numbers += EPOCH
            wrong = (numbers < 1) | (numbers > dt.date.max.toordinal())
            if wrong.any():
                numbers[wrong] = UNKNOWN
                wrong &= days.is_valid().to_numpy(zero_copy_only=False)
            return numbers, wrong
        encoded = coded_words(column)
        days = [self._day(word) for word in encoded.words] + [UNKNOWN]
        places = encoded.places
        wrong = np.array([isinstance(day, Unknown) for day in days], np.bool_)
        return np.array([UNKNOWN if isinstance(day, Unknown) else day for day in days], np.int64)[places], wrong[places]

    @staticmethod
    def _said_day(table: Any, row: int) -> str:
        return str(coded_words(table.column("date").slice(row, 1)).at(np.array([0]))[0])

    def _day(self, word: str | None) -> int | Unknown:
        day = self._days.get(word)
        if day is None:
            value = self.facts["test_date"].coerce("" if is_missing(word, self.missing) else word)
            day = UNKNOWN
            if isinstance(value, str):
                day = dt.date.fromisoformat(value).toordinal()
            elif isinstance(value, Unknown) and value.reason is not Reason.ABSENT:
                day = Unknown(value.reason, f"date {str(word)[:40]!r}, expected YYYY-MM-DD")
            self._days[word] = day
        return day


KEPT_BYTES = 16_000_000
"""About as much as the columns of a batch that are made and freed again."""
NO_DAY = -(2**31)
"""Counted from 1970 no day of ours."""


def _tell(troubles: dict[int, list[Trouble]], owner: Owner, row: int, trouble: Trouble) -> None:
    troubles.setdefault(owner[row], []).append(trouble)


def _rows(form: Whole, flags: Flags) -> Whole:
    """The rows whose form is marked."""
    rows: Whole = flags[form].nonzero()[0] if flags.any() else np.zeros(0, np.int64)
    return rows


def _says_0_plus(forms: Forms, lists: Mapping[str, Any]) -> Flags:
    """Which forms are a score of 0+."""
    plus = np.array([word == "0+" for word in lists["saids"]], np.bool_)
    scores = np.array([word == "ihc_score" for word in lists["facts"]], np.bool_)
    flags: Flags = plus[forms.said] & scores[forms.fact]
    return flags
