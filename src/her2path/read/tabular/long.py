"""CSV and Parquet in the long format as records: one row one event.

Columns: `patient` (or `patient_id`, `id`), `date` (or `day`), `fact`, `value`, and where there are any `unit`,
`product`, `qualifier` (or `brand`, `method`), `specimen`, `origin`. A file is read batch by batch, so that memory
stays flat whatever its size. Where the rows of a patient do not stand together that is said, and the file is sorted
in memory.
"""

from __future__ import annotations

import datetime as dt
import difflib
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as pc_csv
import pyarrow.parquet as pq

from ...facts.codes import Codes, read_codes
from ...facts.fact import Facts
from ...facts.number import parse_number
from ...facts.problem import AskedWrongly
from ...facts.value import Interval, Reason, Unknown, Value
from ...record.event import RECORDED_STATUS, Event, Record, Tissue, Trouble
from ..drugs import Drugs
from ..fhir.answer import times
from ..fhir.measurement import UNITS, in_own_unit
from ..fhir.medication import MILLIGRAMS
from .file import LONGEST_ROWS_BYTES, csv_header, csv_trouble

PATIENT = ("patient", "patient_id", "id")
ALIASES = {
    "patient": PATIENT, "date": ("date", "day", "test_date"), "fact": ("fact",), "value": ("value",), "unit": ("unit",),
    "product": ("product",), "qualifier": ("qualifier", "brand", "method"), "specimen": ("specimen",),
    "origin": ("origin",),
}  # fmt: skip
"""The columns that are read, and the names they may bear."""
METHODS = {
    "echo": "echo", "echocardiogram": "echo", "echocardiography": "echo", "tte": "echo", "us": "echo", "muga": "MUGA",
    "cmr": "CMR", "mri": "CMR", "mr": "CMR", "ct": "CT", "angiogram": "angiogram", "angiography": "angiogram",
}  # fmt: skip
BATCH_ROWS = 16_384
MOST_KEPT = 50_000


def is_long(path: Path, columns: Mapping[str, str] | None = None) -> bool:
    """Whether a CSV or Parquet file has the columns `fact` and `value`. A file that cannot be opened has not."""
    try:
        names = set(_names(path))
    except (AskedWrongly, OSError, pa.ArrowException):
        return False
    mapped = columns or {}
    return all(mapped.get(name, name) in names for name in ("fact", "value"))


def _names(path: Path) -> list[str]:
    if path.suffix.lower() == ".parquet":
        return [str(name) for name in pq.ParquetFile(path).schema_arrow.names]
    return [name.strip() for name in csv_header(path)[0]]


def read_long(path: Path, facts: Facts, columns: Mapping[str, str] | None = None) -> Iterator[Record | Trouble]:
    """The records of a file in the long format; `columns` says which column bears which of the names above.

    Raises `AskedWrongly` for a column that is not there, and for a file that is no CSV or Parquet.
    """
    names = _names(path)
    places = places_of(names, columns or {})
    if "patient" not in places:
        raise AskedWrongly(f"{path}: no column is called {' or '.join(PATIENT)}; the columns are {', '.join(names)}")
    told: list[Trouble] = []
    if _together(path, names.index(places["patient"])):
        batches = _numbered(path, told)
    else:
        what = "the rows of a patient do not stand together; the whole file was sorted in memory"
        yield Trouble("order", path.name, what)
        batches = _sorted(path, names.index(places["patient"]), told)
    reader = LongReader(path.name, facts, read_codes())
    record: Record | None = None
    for numbers, batch in batches:
        yield from told
        told.clear()
        listed = {name: batch.column(names.index(column)).to_pylist() for name, column in places.items()}
        for number, *row in zip(numbers, *listed.values(), strict=True):
            cells = dict(zip(listed, row, strict=True))
            said = _text(cells["patient"])
            if record is None or not said or record.patient != said:
                if record is not None:
                    record.sort()
                    yield record
                record = reader.begin(said, number)
            reader.take(record, cells, number)
    yield from told
    if record is not None:
        record.sort()
        yield record


def places_of(names: list[str], columns: Mapping[str, str]) -> dict[str, str]:
    """Which column of the file holds which of ours."""
    for name, column in columns.items():
        if column not in names:
            raise AskedWrongly(f"no column is called {column!r}; there are {', '.join(names)}")
        if name not in ALIASES and not any(name in others for others in ALIASES.values()):
            known = ", ".join(ALIASES)
            raise AskedWrongly(f"--column {name}={column}: a file of one event a row has the columns {known}")
    places: dict[str, str] = {}
    for name, others in ALIASES.items():
        for other in others:
            column = columns.get(other, other if other in names else "")
            if column:
                places[name] = column
                break
    return places


def _batches(path: Path, told: list[Trouble], skipped: list[int]) -> Iterator[Any]:
    """The rows of a file, some thousands at a time; a CSV row of another width is told, and left out."""
    if path.suffix.lower() == ".parquet":
        yield from pq.ParquetFile(path).iter_batches(batch_size=BATCH_ROWS)
        return

    def skip(row: Any) -> str:
        what = f"the row has {row.actual_columns} cells, but the header has {row.expected_columns}; it is left out"
        told.append(Trouble("unreadable", f"{path.name}:{row.number}" if row.number else path.name, what))
        skipped.append(row.number or 0)
        return "skip"

    header, separator = csv_header(path)
    text = {f"f{place}": pa.string() for place in range(len(header))}
    try:
        reader = pc_csv.open_csv(
            path,
            pc_csv.ReadOptions(use_threads=False, autogenerate_column_names=True, block_size=LONGEST_ROWS_BYTES),
            pc_csv.ParseOptions(delimiter=separator, newlines_in_values=True, invalid_row_handler=skip),
            pc_csv.ConvertOptions(column_types=text),
        )
        # Closed at once: a thread of the reader that lives on holds a function of ours, and must not outlive Python.
        with reader:
            for first, batch in enumerate(reader):
                rows = batch.slice(1) if first == 0 else batch
                for start in range(0, rows.num_rows, BATCH_ROWS):
                    yield rows.slice(start, BATCH_ROWS)
    except pa.ArrowInvalid as error:
        raise AskedWrongly(f"{path}: {csv_trouble(path, separator, len(header)) or error}") from error


def _together(path: Path, place: int) -> bool:
    """Whether the rows of each patient stand together: no run of rows begins with a patient seen before."""
    starts: list[Any] = []
    last: Any = None
    for batch in _batches(path, [], []):
        column = batch.column(place).cast(pa.string())
        ids = column.to_numpy(zero_copy_only=False)
        if not len(ids):
            continue
        changes = np.flatnonzero(ids[1:] != ids[:-1]) + 1
        firsts = ids[changes] if last is not None and ids[0] == last else ids[np.concatenate(([0], changes))]
        starts += [hash(each) for each in firsts if each]
        last = ids[-1]
    return len(starts) == len(set(starts))


def _numbered(path: Path, told: list[Trouble]) -> Iterator[tuple[Iterable[int], Any]]:
    """The rows of a file with their numbers; the header is row 1, and a row that was left out keeps its number."""
    first = 2
    skipped: list[int] = []
    for batch in _batches(path, told, skipped):
        last = first + batch.num_rows
        if skipped:
            left = [number for number in range(first, last + len(skipped)) if number not in skipped]
            yield left[: batch.num_rows], batch
            last = left[batch.num_rows - 1] + 1 if batch.num_rows else last
        else:
            yield range(first, last), batch
        first = last


def _sorted(path: Path, place: int, told: list[Trouble]) -> Iterator[tuple[Iterable[int], Any]]:
    """The rows of a file by patient, in the order of the file within each."""
    listed = list(_numbered(path, told))
    numbers = np.concatenate([np.asarray(each, dtype=np.int64) for each, _ in listed])
    table = pa.Table.from_batches([batch for _, batch in listed])
    order = np.argsort(table.column(place).cast(pa.string()).fill_null("").to_numpy(), kind="stable")
    for start in range(0, len(order), BATCH_ROWS):
        places = order[start : start + BATCH_ROWS]
        yield numbers[places].tolist(), table.take(pa.array(places))


def _text(cell: Any) -> str:
    return "" if cell is None else str(cell).strip()


class LongReader:
    """Makes events of rows; values, days and drugs that come again are read once."""

    def __init__(self, name: str, facts: Facts, codes: Codes) -> None:
        self.name, self.facts = name, facts
        self.drugs = Drugs(codes)
        self.products = {*facts["product"].values, *(each.drug for each in codes.therapy.names.values())}
        self._values: dict[tuple[str, str, str], tuple[Value, str]] = {}
        self._days: dict[str, dt.date | Unknown | None] = {}
        self._products: dict[str, tuple[str, str, str]] = {}
        self._told: set[str] = set()

    def begin(self, patient: str, number: int) -> Record:
        """A new record; a row without a patient is one by itself."""
        self._told.clear()
        record = Record(patient or f"row {number}", f"{self.name}:{number}")
        if not patient:
            what = "no patient; the row is reviewed by itself"
            record.troubles.append(Trouble("unreadable", f"{self.name}:{number}", what))
        return record

    def take(self, record: Record, cells: Mapping[str, Any], number: int) -> None:
        """Add the event of a row to a record, or tell why there is none."""
        where = f"{self.name}:{number}"
        fact = _text(cells["fact"])
        if fact not in self.facts:
            if fact not in self._told:
                self._told.add(fact)
                record.troubles.append(Trouble("unreadable", where, self.no_fact(fact)))
            return
        if (origin := _text(cells.get("origin"))) and origin != where:
            where = f"{where} {origin}"
        day = self._day(_text(cells.get("date")))
        if isinstance(day, Unknown):
            record.troubles.append(Trouble("date", where, str(day)))
            day = None
        said, unit = _text(cells["value"]), _text(cells.get("unit"))
        value, note = self._value(fact, cells["value"], said, unit)
        product, brand, wrong = self.read_product(_text(cells.get("product")))
        if wrong:
            record.troubles.append(Trouble("unreadable", where, f"{wrong}; nothing is read from the row"))
            return
        qualifier = _text(cells.get("qualifier"))
        specimen = _text(cells.get("specimen"))
        said = f"{said} {unit}".strip()
        if fact in ("tumour_site", "specimen_kind", "test_date") or fact == "her2_status" or self.facts[fact].test:
            self._of_specimen(record, Event(fact, value, day, specimen, where, said, note=note))
            return
        if fact == "lvef":
            qualifier = METHODS.get(qualifier.lower(), "unspecified")
        elif qualifier:
            qualifier = self.read_brand(qualifier) or qualifier.lower()
        record.course.append(Event(fact, value, day, specimen, where, said, False, note, product, qualifier or brand))

    def _of_specimen(self, record: Record, event: Event) -> None:
        """An event of a HER2 test, or what is said of the tissue."""
        unknown = isinstance(event.value, Unknown)
        if event.fact in ("tumour_site", "specimen_kind", "test_date"):
            if unknown:
                record.troubles.append(Trouble("unreadable", event.origin, str(event.value)))
            elif event.fact == "tumour_site":
                record.sites.add(str(event.value))
            elif event.fact == "specimen_kind":
                record.tissues[event.specimen] = Tissue(event.specimen, str(event.value), day=event.day)
            return
        if event.fact == "her2_status":
            record.events.append(
                Event(RECORDED_STATUS, event.value, event.day, event.specimen, event.origin, event.said)
            )
            return
        if event.fact == "ihc_score" and event.said == "0+":
            note = "0+ is read as score 0 with some membrane staining"
            stained = Event("any_membrane_staining", "yes", event.day, event.specimen, event.origin, "0+", note=note)
            record.events.append(stained)
        record.events.append(event)

    def no_fact(self, fact: str) -> str:
        if not fact:
            return "the row names no fact"
        near = difflib.get_close_matches(fact.lower(), list(self.facts), n=1, cutoff=0.6)
        return f"no fact is called {fact!r}" + (f"; did you mean {near[0]}?" if near else "")

    def _day(self, said: str) -> dt.date | Unknown | None:
        if said not in self._days:
            value = self.facts["test_date"].coerce(said)
            found: dt.date | Unknown | None = None
            if isinstance(value, str):
                found = dt.date.fromisoformat(value)
            elif isinstance(value, Unknown) and value.reason is not Reason.ABSENT:
                found = Unknown(value.reason, f"date {said[:40]!r}, expected YYYY-MM-DD")
            if len(self._days) >= MOST_KEPT:
                self._days.clear()
            self._days[said] = found
        return self._days[said]

    def read_value(self, fact: str, said: str, unit: str) -> tuple[Value, str]:
        """The value of a cell of text for a fact of facts.md, and a note where it was converted."""
        return self._value(fact, said, said, unit)

    def _value(self, fact: str, cell: Any, said: str, unit: str) -> tuple[Value, str]:
        key = (fact, said, unit)
        if (found := self._values.get(key)) is None:
            if len(self._values) >= MOST_KEPT:
                self._values.clear()
            raw = Decimal(repr(cell)) if isinstance(cell, float) else cell if isinstance(cell, bool) else said
            found = self._values[key] = self._read(fact, raw, unit)
        return found

    def _read(self, fact: str, raw: Any, unit: str) -> tuple[Value, str]:
        """A value in the fact's own unit, which its name says; another unit is converted or refused."""
        about = self.facts[fact]
        if not about.is_number or (isinstance(raw, str) and raw.lower() in about.values):
            return about.coerce(raw), ""
        number = parse_number(raw.lower()) if isinstance(raw, str) else raw
        if number is None or (not unit and fact != "lvef"):
            return about.coerce(raw), ""
        if fact == "lvef":
            return in_own_unit(fact, number, unit or ("%" if isinstance(raw, str) and "%" in raw else ""), self.facts)
        own = about.unit
        if unit.lower() == own.lower():
            return about.coerce(number), ""
        if fact in UNITS:
            return in_own_unit(fact, number, unit, self.facts)
        return self._amount(fact, number, unit)

    def _amount(self, fact: str, number: Decimal | Interval, unit: str) -> tuple[Value, str]:
        own = self.facts[fact].unit
        weight, slash, per = unit.lower().partition("/")
        if own.startswith("mg") and weight in MILLIGRAMS and f"mg{slash}{per}" == own.lower():
            made = times(number, MILLIGRAMS[weight])
            return self.facts[fact].coerce(made), f"{number} {unit} is read as {made} {own}"
        detail = f"{fact} {number} with the unit {unit!r}, expected {self.facts[fact].expected()}"
        return Unknown(Reason.UNPARSABLE_TEXT, detail), ""

    def read_brand(self, said: str) -> str:
        """The brand that a word names, or ""."""
        return self.drugs.identify((), said).brand if said else ""

    def read_product(self, said: str) -> tuple[str, str, str]:
        """The drug and the brand of a cell, or why it is none."""
        if not said:
            return "", "", ""
        if said not in self._products:
            key = said.lower()
            named = self.drugs.identify((), said)
            if key in self.products:
                found = key, "", ""
            elif named.drug:
                found = named.drug, named.brand, ""
            else:
                near = difflib.get_close_matches(key, sorted(self.products), n=1, cutoff=0.6)
                hint = f"; did you mean {near[0]}?" if near and not named.trouble else ""
                found = (
                    "",
                    "",
                    f"no drug is called {said!r}{hint}" if not named.trouble else f"{said!r}: {named.trouble}",
                )
            self._products[said] = found
        return self._products[said]
