"""Records as a Parquet file of one event a row: the long format of `read/tabular/long.py`, written as they come.

Memory stays flat: a row group is written when it is full, and a patient never stands in two. A cell is put before the
reader of the format first; what it would not read back whole is a `Loss`, as in a Bundle.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from ...facts.codes import codes_of
from ...facts.fact import Facts
from ...facts.problem import AskedWrongly
from ...facts.value import Interval, OneOf, Unknown, Value
from ...read.tabular.cells import METHODS
from ...read.tabular.cells import Cells as CellReader
from ...record.columns import SAID_IN_COLUMNS
from ...record.event import RECORDED_STATUS, Event, Record
from ...tables.load import default_knowledge
from ..fhir.codes import own_words
from ..fhir.parts import Counted, Loss, value_of_event
from ..interrupt import require_going_on
from ..output import telling, whole

EVENTS_WRITTEN_AT_ONCE = 200_000
LONG_COLUMNS = ("patient", "date", "fact", "value", "unit", "product", "qualifier", "specimen")
LONG_SCHEMA = pa.schema([(name, pa.date32() if name == "date" else pa.string()) for name in LONG_COLUMNS])
TABLE_UNITS = {"percent": "%"}
"""Units of `facts.md` that a table says in another way."""
Cells = dict[str, Any]


def write_long(records: Iterable[Record], path: Path) -> Counted:
    """Write records to a Parquet file in the long format, one event a row, whole or not at all.

    Raises `AskedWrongly` where the file is not called `.parquet` or cannot be written.
    """
    if path.suffix.lower() != ".parquet":
        raise AskedWrongly(f"{path}: one event a row is written as Parquet; name a file that ends with .parquet")
    counted = Counted()
    waiting: list[Cells] = []
    with whole(path) as beside, telling(path), pq.ParquetWriter(beside, LONG_SCHEMA) as file:
        for record in records:
            require_going_on()
            rows, losses = long_rows(record)
            counted.add(len(rows), losses)
            waiting += rows
            if len(waiting) >= EVENTS_WRITTEN_AT_ONCE:
                file.write_table(pa.Table.from_pylist(waiting, LONG_SCHEMA))
                waiting = []
        file.write_table(pa.Table.from_pylist(waiting, LONG_SCHEMA))
    return counted


def long_rows(record: Record) -> tuple[list[Cells], list[Loss]]:
    """The rows of a record in the long format, and what of it they do not carry whole."""
    writer = _writer()
    losses: list[Loss] = []
    rows: list[Cells] = []
    known = writer.facts["tumour_site"].values
    for site in sorted(record.sites):
        if site in known:
            rows.append({"fact": "tumour_site", "value": site})
        else:
            losses.append(Loss(f"tumour site {site}", f"the sites are {', '.join(known)}"))
    for name, tissue in sorted(record.tissues.items()):
        if tissue.kind:
            rows.append({"fact": "specimen_kind", "value": tissue.kind, "date": tissue.day, "specimen": name or None})
        elif tissue.day:
            losses.append(Loss(f"specimen {name}", "its day is read beside its kind only"))
        for fact, value in (("specimen_place", tissue.place), ("specimen_side", tissue.side)):
            if value:
                rows.append({"fact": fact, "value": value, "date": tissue.day, "specimen": name or None})
    for event in (*record.events, *record.course):
        rows += writer.rows(event, losses)
    patient = record.patient
    if patient != patient.strip() or not patient:
        losses.append(Loss(f"patient {patient!r}", "blanks around a name are not read"))
    return [{"patient": patient, **row} for row in rows], losses


class _Writer:
    """Makes the row of an event; cells that come again are made once."""

    def __init__(self, facts: Facts) -> None:
        self.facts = facts
        self.reader = CellReader(facts, codes_of(facts))
        self._cells: dict[tuple[str, Value, str, str], tuple[str, str] | None] = {}
        self._products: dict[str, bool] = {}
        self._qualifiers: dict[tuple[str, str], str] = {}

    def rows(self, event: Event, losses: list[Loss]) -> Iterator[Cells]:
        """The row of an event, or none."""
        fact = "her2_status" if event.fact == RECORDED_STATUS else event.fact
        cells = self._cell(fact, event) if fact in self.facts and fact not in SAID_IN_COLUMNS else None
        why = "no cell is read as it" if fact in self.facts else "no fact is called so"
        if cells is not None and not self._is_product(event.product):
            cells, why = None, "no such drug is read"
        if cells is None:
            losses.append(Loss(_named(event), why, event))
            return
        read = self._as_read(event)
        if read is not event:
            losses.append(Loss(_named(event), "its qualifier, correction or diagnosis is not read", event, (read,)))
        value, unit = cells
        yield {
            "date": event.day,
            "fact": fact,
            "value": value or None,
            "unit": unit or None,
            "product": event.product or None,
            "qualifier": event.qualifier or None,
            "specimen": event.specimen or None,
        }

    def _as_read(self, event: Event) -> Event:
        """The event as it is read; itself where that is the same."""
        read = event
        qualifier = self._qualifier(event)
        if qualifier != event.qualifier and not (event.fact == "lvef" and not event.qualifier):
            read = replace(read, qualifier=qualifier)
        if event.amended:
            read = replace(read, amended=False)
        if event.note == "diagnosis":
            read = replace(read, note="")
        return read

    def _qualifier(self, event: Event) -> str:
        key = ("lvef" if event.fact == "lvef" else "", event.qualifier)
        if key not in self._qualifiers:
            written = event.qualifier
            if key[0]:
                self._qualifiers[key] = METHODS.get(written.lower(), "unspecified")
            else:
                self._qualifiers[key] = (self.reader.read_brand(written) or written.lower()) if written else ""
        return self._qualifiers[key]

    def _is_product(self, product: str) -> bool:
        if product not in self._products:
            self._products[product] = self.reader.read_product(product) == (product, "", "")
        return self._products[product]

    def _cell(self, fact: str, event: Event) -> tuple[str, str] | None:
        """The value and the unit of an event as cells that are read as it, or `None`."""
        key = (fact, value_of_event(event), event.said, event.note)
        if key not in self._cells:
            if len(self._cells) > 50_000:
                self._cells.clear()
            self._cells[key] = self._made(*key)
        return self._cells[key]

    def _made(self, fact: str, value: Value, written: str, note: str) -> tuple[str, str] | None:
        best: tuple[str, str] | None = None
        least = 3
        for cell, unit in self._candidates(fact, value, written):
            got, note_read = self.reader.read_value(fact, cell, unit)
            if isinstance(value, Unknown):
                same = isinstance(got, Unknown) and got.reason is value.reason
                rank = 3 if not same else 2 if got != value else int(note_read != note)
            else:
                rank = 3 if got != value else int(note_read != note)
            if rank < least:
                best, least = (cell, unit), rank
        return best

    def _candidates(self, fact: str, value: Value, written: str) -> Iterator[tuple[str, str]]:
        unit = self.facts[fact].unit
        unit = TABLE_UNITS.get(unit, unit) if self.facts[fact].is_number else ""
        # A score of 0+ in a table says of the staining that it is open, whatever else stands beside it.
        for words in own_words(value, written, unit) if (fact, written) != ("ihc_score", "0+") else ():
            yield words, ""
            number, _, last = words.rpartition(" ")
            if number:
                yield number, last
        if isinstance(value, Decimal):
            yield f"{value:f}", unit
        elif isinstance(value, Interval):
            yield _limits(value), unit
        elif isinstance(value, OneOf):
            yield "-".join(sorted(score.rstrip("+") for score in value.values)) + "+", ""
        elif isinstance(value, str):
            yield value, ""
        if isinstance(value, Unknown):
            yield "", ""


def _limits(value: Interval) -> str:
    low, high = value.low, value.high
    if low is not None and high is not None:
        return f"{low:f}-{high:f}"
    if low is not None:
        return f"{'>=' if value.low_included else '>'} {low:f}"
    return f"{'<=' if value.high_included else '<'} {high:f}" if high is not None else ""


def _named(event: Event) -> str:
    return " ".join(filter(None, (event.fact, str(event.value), event.product, event.qualifier)))


def _writer() -> _Writer:
    return _writer_of(default_knowledge().facts)


@cache
def _writer_of(facts: Facts) -> _Writer:
    return _Writer(facts)
