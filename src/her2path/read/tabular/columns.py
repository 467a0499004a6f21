"""The long format as record columns: a table of whole patients, each distinct cell read once.

`long.py` brings the file as such tables; `cells.py` has the rules of reading a cell.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from ...facts.codes import codes_of
from ...facts.days import EPOCH
from ...facts.fact import Facts
from ...facts.value import Reason, Unknown, Value
from ...record.columns import KIND, RECORDED_STATUS, SITE, UNKNOWN, Flags, RecordColumns, Whole, in_order
from ...record.event import DOSE_NOT_READ, HER2_DRUG, ORDER_NOT_READ, STAINED, STAINING_OPEN, Trouble
from .cells import METHODS, Cells
from .coded import coded_words, distinct_numbers, starts_of
from .long import LongFile, Part
from .site_words import site_words_of
from .words import BROKEN, as_days, broken, is_missing


class RowOrigins(Sequence[str]):
    """Where each row of a file stands, in words: the file, the number of the row, and what it names as its origin."""

    def __init__(
        self, name: str, numbers: Whole, places: Whole | None = None, words: Sequence[str] = (),
        marks: Mapping[int, str] | None = None, joint: str = " ",
    ) -> None:  # fmt: skip
        self.name, self.numbers, self._places, self._words, self._joint = name, numbers, places, words, joint
        self.marks = marks or {}
        """By row the entries of the site's mapping by which it was read, as an origin says it."""

    def __len__(self) -> int:
        return len(self.numbers)

    def __getitem__(self, row: Any) -> Any:
        where = f"{self.name}:{self.numbers[row]}"
        word = self._words[self._places[row]] if self._places is not None else ""
        mark = self.marks.get(int(row), "") if self.marks else ""
        if self._joint != " ":
            return f"{where}{self._joint if word else ''}{word}{mark}"
        where += mark
        return f"{where} {word}" if word and word != where else where

    def words(self, rows: Whole) -> Any:
        """Several at once, as an Arrow array."""
        import pyarrow.compute as pc  # slow to import, and needed only for tables

        if self._places is not None or self.marks:
            return pa.array([self[row] for row in rows.tolist()], pa.string())
        numbers = pa.array(self.numbers[rows]).cast(pa.string())
        return pc.binary_join_element_wise(f"{self.name}:", numbers, "")


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

    def read(self, part: Part) -> RecordColumns:
        """The columns of a part, with what could not be read beside each patient."""
        table = part.table
        ids = coded_words(table.column("patient"))
        starts = np.append(starts_of(ids), len(ids)).astype(np.int64)
        words = ids.at(starts[:-1])
        named = [(word or "").strip() for word in words]
        first = part.numbers[starts[:-1]].tolist()
        troubles: dict[int, list[Trouble]] = {}
        for patient, name in enumerate(named):
            if not name:
                what = "no patient; the row is reviewed by itself"
                troubles[patient] = [Trouble("unreadable", f"{self.name}:{first[patient]}", what)]
        places, lists = self._places(table)
        marks = {} if self._site is None else self._site.map_rows(places, lists)
        origins = RowOrigins(self.name, part.numbers, places.get("origin"), lists.get("origin", ()), marks, part.joint)
        owner = np.repeat(np.arange(len(named)), np.diff(starts))
        self._tell_broken(named, places, lists, owner, origins, troubles)
        day, wrong_day = self._dates(table)
        drugs = [self._cells.read_product(word) for word in lists["product"]]
        products = list(dict.fromkeys(drug for drug, _, _ in drugs))
        product_of = np.array([products.index(drug) for drug, _, _ in drugs], np.int64)
        no_fact = np.array([word not in self.facts for word in lists["fact"]], np.bool_)[places["fact"]]
        no_drug = np.array([bool(why) for _, _, why in drugs], np.bool_)[places["product"]] & ~no_fact
        self._tell_facts(np.flatnonzero(no_fact), owner, places, lists, origins, troubles)
        for row in np.flatnonzero(wrong_day & ~no_fact).tolist():
            _tell(troubles, owner, row, Trouble("date", origins[row], str(self._day(self._said_day(table, row)))))
        for row in np.flatnonzero(no_drug).tolist():
            why = f"{drugs[places['product'][row]][2]}; nothing is read from the row"
            _tell(troubles, owner, row, Trouble("unreadable", origins[row], why))
        value, values, notes, saids = self._values(places, lists)
        fact, value, notes = self._doses_not_read(places, lists, value, values, notes, saids)
        not_read = fact != places["fact"]
        usable = (
            ~no_fact
            & (~no_drug | not_read)
            & self._of_tissue(value, values, places, lists, owner, origins, troubles, no_fact | no_drug)
        )
        used = np.flatnonzero(usable)
        tests = np.array([self._is_test(word) for word in lists["fact"]], np.bool_)[places["fact"]]
        qualifier, qualifiers = self._qualifiers(places, lists, drugs)
        record = RecordColumns(
            patients=[name or f"row {number}" for name, number in zip(named, first, strict=True)],
            wheres=RowOrigins(self.name, part.numbers[starts[:-1]]),
            starts=np.searchsorted(used, starts).astype(np.int64), day=day[used], fact=fact[used],
            value=value[used], product=np.where(tests, 0, product_of[places["product"]])[used],
            specimen=places["specimen"][used],
            qualifier=qualifier[used], said=value[used], note=notes[0][value[used]], origin=used,
            facts=[RECORDED_STATUS if word == "her2_status" else word for word in lists["fact"]], values=values,
            products=products, specimens=lists["specimen"], qualifiers=qualifiers, saids=saids,
            notes=notes[1], origins=origins, is_test=[self._is_test(word) for word in lists["fact"]], troubles=troubles,
        )  # fmt: skip
        return in_order(self._stained(record))

    def _is_test(self, fact: str) -> bool:
        return fact in (SITE, KIND, "her2_status") or (fact in self.facts and bool(self.facts[fact].test))

    def _tell_facts(
        self, rows: Whole, owner: Whole, places: Mapping[str, Whole], lists: Mapping[str, list[str]],
        origins: RowOrigins, troubles: dict[int, list[Trouble]],
    ) -> None:  # fmt: skip
        """Rows of no fact, told once a patient and word."""
        told: set[tuple[int, int]] = set()
        for row in rows.tolist():
            key = (int(owner[row]), int(places["fact"][row]))
            if key not in told:
                told.add(key)
                where = f"{self.name}:{origins.numbers[row]}"
                _tell(troubles, owner, row, Trouble("unreadable", where, self._cells.no_fact(lists["fact"][key[1]])))

    def _tell_broken(
        self, named: list[str], places: Mapping[str, Whole], lists: Mapping[str, list[str]], owner: Whole,
        origins: RowOrigins, troubles: dict[int, list[Trouble]],
    ) -> None:  # fmt: skip
        """Cells with bytes that are no UTF-8: told, each with its column; they are read as they are shown."""
        for patient, name in enumerate(named):
            if BROKEN in name:
                row = int(np.searchsorted(owner, patient))
                _tell(troubles, owner, row, Trouble("unreadable", origins[row], broken("patient", name)))
        for column, words in lists.items():
            has_broken = [BROKEN in word for word in words]
            if any(has_broken):
                for row in np.flatnonzero(np.array(has_broken, np.bool_)[places[column]]).tolist():
                    what = broken(column, words[places[column][row]])
                    _tell(troubles, owner, row, Trouble("unreadable", origins[row], what))

    def _of_tissue(
        self, value: Whole, values: list[Value], places: Mapping[str, Whole], lists: Mapping[str, list[str]],
        owner: Whole, origins: RowOrigins, troubles: dict[int, list[Trouble]], lost: Flags,
    ) -> Flags:  # fmt: skip
        """Which rows are events: what is said of the tissue unreadably is told, and a day of its own is none."""
        of_tissue = np.array([word in (SITE, KIND, "test_date") for word in lists["fact"]], np.bool_)
        if not of_tissue.any():
            return np.ones(len(value), np.bool_)
        rows = of_tissue[places["fact"]]
        unread = np.array([isinstance(known, Unknown) for known in values], np.bool_)[value]
        for row in np.flatnonzero(rows & unread & ~lost).tolist():
            _tell(troubles, owner, row, Trouble("unreadable", origins[row], str(values[value[row]])))
        dates = np.array([word == "test_date" for word in lists["fact"]], np.bool_)[places["fact"]]
        events: Flags = ~(rows & unread) & ~dates
        return events

    def _places(self, table: Any) -> tuple[dict[str, Whole], dict[str, list[str]]]:
        """The columns of words as places in lists of distinct words, of which the first is the blank one."""
        places: dict[str, Whole] = {}
        lists: dict[str, list[str]] = {}
        for name in ("fact", "value", "unit", "product", "qualifier", "specimen", "origin"):
            if name not in table.column_names:
                if name != "origin":
                    places[name], lists[name] = np.zeros(table.num_rows, np.int64), [""]
                continue
            chunk = coded_words(table.column(name))
            listed = [""]
            known = {"": 0}
            of_word = []
            for word in chunk.words:
                text = "" if word is None or is_missing(word, self.missing) else word.strip()
                if text not in known:
                    known[text] = len(listed)
                    listed.append(text)
                of_word.append(known[text])
            of_word.append(0)
            places[name] = np.array(of_word, np.int64)[chunk.places]
            lists[name] = listed
        return places, lists

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
            value, note = self._cells.read_value(word, text, unit) if word in self.facts else (ABSENT, "")
            values.append(value)
            saids.append(f"{text} {unit}".strip())
            if note and note not in notes:
                notes.append(note)
            note_of.append(notes.index(note) if note else 0)
        return place_of, values, (np.array(note_of, np.int64), notes), saids

    def _doses_not_read(
        self, places: Mapping[str, Whole], lists: dict[str, list[str]], value: Whole, values: list[Value],
        notes: tuple[Whole, list[str]], saids: list[str],
    ) -> tuple[Whole, Whole, tuple[Whole, list[str]]]:  # fmt: skip
        """Facts, values and notes with doses of a drug that cannot be told as the fact that says so."""
        fact, listed = places["fact"], lists["product"]
        kinds = np.array([GIVEN_OR_ORDERED.get(word, 0) for word in lists["fact"]], np.int64)[fact]
        denied = np.array([known == "no" for known in values], np.bool_)[value]
        unclear = np.array([bool(word) and self._cells.is_unclear(word) for word in listed], np.bool_)
        rows = np.flatnonzero((kinds > 0) & unclear[places["product"]] & ~denied)
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
        plus = np.array([word == "0+" for word in record.saids], np.bool_)
        scores = np.array([word == "ihc_score" for word in record.facts], np.bool_)
        rows = np.flatnonzero(plus[record.said] & scores[record.fact])
        if not len(rows):
            return record
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
        record._owner = None
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
            numbers = chunk.cast(pa.int32()).fill_null(0).to_numpy().astype(np.int64) + EPOCH
            known = chunk.is_valid().to_numpy(zero_copy_only=False)
            in_time = (numbers >= 1) & (numbers <= dt.date.max.toordinal())
            return np.where(known & in_time, numbers, UNKNOWN), known & ~in_time
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


ABSENT = Unknown(Reason.UNMAPPED_CODE)


def _tell(troubles: dict[int, list[Trouble]], owner: Whole, row: int, trouble: Trouble) -> None:
    troubles.setdefault(int(owner[row]), []).append(trouble)
