"""Mutants of CSV and Parquet files, long and wide, and what became of each row and cell of ours."""

from __future__ import annotations

import copy
import csv
import datetime as dt
import io
import json
import random
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from her2path.facts.problem import AskedWrongly
from her2path.facts.value import Unknown
from her2path.read.source import read_records
from her2path.record.event import Event, Record, Trouble
from her2path.tables.load import default_knowledge
from her2path.write.review_json import patient_json

from .fhir import reviewer
from .judged import READ, REFUSED, TOLD, Fault, Mutant, Verdict, fault_of
from .table_mutations import OF_BYTES, OF_CSV_ROWS, OF_ROWS, TYPES, csv_text, parquet_of, written
from .words import plain

LONG = [
    ["patient", "date", "fact", "value", "unit", "product", "qualifier", "specimen", "origin"],
    ["p1", "2025-03-20", "ihc_score", "3+", "", "", "", "core", "o1"],
    ["p1", "2025-05-28", "weight_kg", "70", "kg", "", "", "", "o2"],
    ["p1", "2025-06-05", "lvef", "62", "%", "", "echo", "", "o3"],
    ["p1", "2025-06-16", "dose_mg", "560", "mg", "trastuzumab-iv", "", "", "o4"],
    ["p1", "2025-07-07", "dose_mg", "420", "mg", "trastuzumab-iv", "Kanjinti", "", "o5"],
    ["p1", "2025-07-28", "dose_mg_per_kg", "6", "mg/kg", "Herceptin", "", "", "o6"],
    ["p1", "2025-08-25", "lvef", "59", "%", "", "echo", "", "o7"],
    ["p2", "2025-04-01", "ihc_score", "2+", "", "", "", "core", "o8"],
    ["p2", "2025-04-03", "her2_cep17_ratio", "1.4", "", "", "", "core", "o9"],
    ["p2", "2025-04-03", "her2_copies", "3.1", "", "", "", "core", "o10"],
    ["p2", "2025-06-05", "heart_failure", "yes", "", "", "", "", "o11"],
]
WIDE = [
    ["patient", "specimen", "test_date", "tumour_site", "ihc_score", "her2_cep17_ratio", "her2_copies", "her2_status"],
    ["w1", "s1", "2025-03-20", "breast", "3+", "", "", "positive"],
    ["w2", "s2", "2025-03-21", "breast", "2+", "2.4", "6.1", ""],
    ["w3", "s3", "2025-03-22", "breast", "1+", "", "", "negative"],
    ["w3", "s4", "2025-03-23", "breast", "0", "1.1", "2.9", ""],
]
FACTS = (
    "ihcscore",
    "weightkg",
    "lvef",
    "dosemg",
    "dosemgperkg",
    "her2cep17ratio",
    "her2copies",
    "heartfailure",
    "her2status",
)
_LIKE = re.compile(r"ihc|her2|her-2|lvef|ejection|ratio|copies|weight")
MISSING = ("", "na", "n/a", "null", "none", "nan", "-", ".", "?", "unknown", "[not available]", "not available")
FORMS = ("long csv", "wide csv", "long parquet", "wide parquet")


@dataclass(slots=True)
class Row:
    """A row as the oracle reads it: its number in the file, its cells by the plain names of their columns, and the line
    on which it begins, where that may be another number."""

    number: int
    cells: dict[str, str]
    line: int = 0


@lru_cache(maxsize=20_000)
def key_of(name: Any) -> str:
    return re.sub(r"[\s_-]+", "", plain(str(name)))


IsSaid = Callable[[Event, Record], bool]


class Tables:
    """CSV and Parquet."""

    name = "tables"
    kinds = (*OF_ROWS, *OF_CSV_ROWS, *OF_BYTES, "writing", "type", "type", "type", "row groups")

    def mutant(self, seed: int, kind: str | None = None) -> Mutant:
        rng = random.Random(f"tables {seed}")
        kind = kind or rng.choice(self.kinds)
        forms = (
            FORMS[:2]
            if kind == "writing" or kind in OF_CSV_ROWS
            else FORMS[2:]
            if kind in ("type", "row groups")
            else FORMS
        )
        form = rng.choice(forms)
        table: list[list[Any]] = copy.deepcopy(LONG if form.startswith("long") else WIDE)
        place, is_csv = "", form.endswith("csv")
        if kind in OF_ROWS:
            place = OF_ROWS[kind](rng, table)
        elif kind in OF_CSV_ROWS:
            place = OF_CSV_ROWS[kind](rng, table)
        if kind == "writing":
            text, place = written(rng, table)
        elif kind == "type":
            column, (of, cell) = rng.choice(table[0]), rng.choice(TYPES)
            text, place = parquet_of(table, column, of, cell), f"{column} {of}"
        elif kind == "row groups":
            text = parquet_of(table, groups=1)
        else:
            text = csv_text(table) if is_csv else parquet_of(table)
        if kind in OF_BYTES:
            text = OF_BYTES[kind](rng, text)
        name = "x.csv" if is_csv else "x.parquet"
        return Mutant(self.name, seed, kind, form, {name: text}, f"{form} {place}".strip())

    def control(self, form: str) -> Mutant:
        table = LONG if form.startswith("long") else WIDE
        name, text = ("x.csv", csv_text(table)) if form.endswith("csv") else ("x.parquet", parquet_of(table))
        return Mutant(self.name, 0, "none", form, {name: text}, form)

    def judge(self, mutants: list[Mutant], folder: Path) -> list[Verdict]:
        outcomes = [self._read(mutant, folder) for mutant in mutants]
        records = [record for outcome in outcomes if not isinstance(outcome, Verdict) for record in outcome[0]]
        reviewed = reviewer().review_records(records)
        places = {id(record): place for place, record in enumerate(records)}

        @cache
        def text_of(place: int) -> str:
            return json.dumps(patient_json(reviewed.patient(place)), ensure_ascii=False)

        def is_said(event: Event, record: Record) -> bool:
            text = text_of(places[id(record)])
            return event.origin in text or '"course": null' in text or _is_counted(event, record, text)

        return [
            outcome if isinstance(outcome, Verdict) else self._verdict(mutant, *outcome, is_said)
            for mutant, outcome in zip(mutants, outcomes, strict=True)
        ]

    def _read(self, mutant: Mutant, folder: Path) -> Verdict | tuple[list[Record], list[Trouble]]:
        ((name, content),) = mutant.files.items()
        path = folder / name
        path.write_bytes(content)
        records: list[Record] = []
        told: list[Trouble] = []
        try:
            for item in read_records(path, default_knowledge().facts):
                told.append(item) if isinstance(item, Trouble) else records.append(item)
        except AskedWrongly as refused:
            faults = [] if str(refused).strip() else [Fault("lost", mutant.how, "refused without a word")]
            return Verdict(REFUSED, faults)
        except Exception as error:
            return Verdict(REFUSED, [fault_of(mutant, error)])
        return records, told

    def _verdict(self, mutant: Mutant, records: list[Record], told: list[Trouble], is_said: IsSaid) -> Verdict:
        ((name, content),) = mutant.files.items()
        events = [(event, record) for record in records for event in (*record.events, *record.course)]
        told = [*told, *(trouble for record in records for trouble in (*record.troubles, *record.passed_over))]
        verdict = Verdict(TOLD if told else READ)
        rows, exact = rows_of(name, content)
        tokens = [row.cells.get("origin", "") for row in rows]
        for row in rows:
            token = row.cells.get("origin", "")
            token = token if re.fullmatch(r"o\d+", token) and tokens.count(token) == 1 else ""
            verdict.faults += self._of_row(mutant, row, (name, token), events, told, is_said, exact)
        return verdict

    def _of_row(
        self, mutant: Mutant, row: Row, named: tuple[str, str], events: list[tuple[Event, Record]], told: list[Trouble],
        is_said: IsSaid, exact: bool,
    ) -> Iterator[Fault]:  # fmt: skip
        name, token = named
        place = f"{name}:{row.number}"
        places = {place, f"{name}:{row.line or row.number}"}
        mine = [
            each for each in events
            if any(_stands(each[0].origin, at) for at in places) or (token and each[0].origin.endswith(f" {token}"))
        ]  # fmt: skip
        said = [trouble for trouble in told if any(_stands(trouble.where, at) for at in places)]
        of_file = [trouble for trouble in told if trouble.where == name]
        wanted = self._wanted(mutant, row)
        for column, fact, value in wanted:
            events_of_it = (
                [each for each in mine if key_of(each[0].fact).replace("recorded", "her2") == key_of(fact)]
                if "wide" in mutant.form
                else mine
            )
            told_of_it = said or [trouble for trouble in of_file if column and column in key_of(trouble.what)]
            if not events_of_it and not told_of_it:
                yield Fault(
                    "lost", mutant.how, f"row {row.number} {row.cells}: {fact} {value!r} is neither read nor told"
                )
            elif not told_of_it and not any(
                _is_known(event) or is_said(event, record) for event, record in events_of_it
            ):
                yield Fault(
                    "lost",
                    mutant.how + " (unread, unsaid)",
                    f"row {row.number} {row.cells}: {events_of_it[0][0].value}",
                )
        if exact:
            for event, record in mine:
                if what := self._wrong(event, record, row, (token, place), of_file):
                    yield Fault("wrong", mutant.how, f"row {row.number} {row.cells}: {what}")

    @staticmethod
    def _wanted(mutant: Mutant, row: Row) -> Iterator[tuple[str, str, str]]:
        """What of a row must be read or told: column, fact and value."""
        if mutant.form.startswith("long"):
            fact = row.cells.get("fact", "")
            if key_of(fact) in FACTS or _LIKE.search(plain(fact)):
                yield "", fact, row.cells.get("value", "")
            return
        for column, value in row.cells.items():
            if (column in FACTS or _LIKE.search(column)) and plain(value) not in MISSING:
                yield column, column, value

    @staticmethod
    def _wrong(event: Event, record: Record, row: Row, named: tuple[str, str], of_file: list[Trouble]) -> str:
        token, place = named
        if token and event.origin.endswith(f" {token}") and not _stands(event.origin, place):
            return f"{event.origin} is not its row"
        patient = row.cells.get("patient", row.cells.get("patientid", row.cells.get("id")))
        is_told = any("no column is called patient" in trouble.what for trouble in of_file)
        if patient is not None and patient.strip() and record.patient != patient.strip() and not is_told:
            return f"it is read as {record.patient}'s"
        if isinstance(event.value, Unknown):
            return ""
        text = " ".join(row.cells.values())
        if isinstance(event.value, Decimal):
            found = {
                Decimal(each.replace(",", "."))
                for each in re.findall(r"\d+(?:[.,]\d+)?", plain(text))
                if len(each) < 30
            }
            found |= (
                {number * 100 for number in found}
                | {number * 1000 for number in found}
                | {number / 1000 for number in found}
            )
            scaled = {
                number * scale
                for number in found
                for scale in (1, Decimal("0.45359237"), *(Decimal(10) ** n for n in range(-3, 4)))
            }
            if not any(abs(number - event.value) < Decimal("0.01") for number in scaled):
                return f"{event.fact} is read as {event.value}"
        if event.fact == "ihc_score" and str(event.value)[0] not in plain(text) and "++" not in text:
            return f"ihc_score is read as {event.value}"
        if (
            isinstance(event.day, dt.date)
            and event.day.isoformat() not in plain(text)
            and event.day.strftime("%Y%m%d") not in text
        ):
            digits = "".join(str(int(sign)) if sign.isdecimal() else sign for sign in text)
            short = event.day.isoformat()[:7] if event.day.day == 1 else event.day.isoformat()
            short = short[:4] if event.day.day == 1 and event.day.month == 1 else short
            if short not in digits:
                return f"{event.fact} is dated {event.day}"
        return ""

    def smaller(self, mutant: Mutant) -> Iterator[Mutant]:
        ((name, content),) = mutant.files.items()
        if name.endswith(".csv"):
            lines = content.splitlines(keepends=True)
            for number in range(1, len(lines)):
                yield replace(mutant, files={name: b"".join(lines[:number] + lines[number + 1 :])})


def _is_known(event: Event) -> bool:
    return not isinstance(event.value, Unknown)


def _is_counted(event: Event, record: Record, text: str) -> bool:
    """Whether a dose without an amount is told as one of so many of its product, all of them counted."""
    if not event.fact.startswith("dose_"):
        return False
    alike = [each for each in record.course if each.fact.startswith("dose_") and each.product == event.product]
    count = sum(not _is_known(each) for each in alike)
    return re.search(rf"doses without an amount: [^\"]*\b{re.escape(event.product)} {count}\b", text) is not None


def _stands(where: str, place: str) -> bool:
    """Whether a place is that row, and not one whose number begins so."""
    return where.startswith(place) and not where[len(place) : len(place) + 1].isdigit()


def rows_of(name: str, content: bytes) -> tuple[list[Row], bool]:
    """The rows of a file as csv or pyarrow alone read them, and whether their numbers and cells can be relied on."""
    if name.endswith(".parquet"):
        return _of_parquet(content)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return [], False
    first = next((line for line in text.splitlines() if line.strip()), "")
    delimiter = max(",;\t|", key=first.count)
    try:
        reader, listed, lines, before = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter), [], [], 0
        for row in reader:
            if row:
                listed.append(row)
                lines.append(before + 1)
            before = reader.line_num
    except csv.Error:
        return [], False
    if not listed:
        return [], False
    exact = (
        '"' not in text
        and "'" not in text
        and "\x00" not in text
        and delimiter != "|"
        and all(len(row) == len(listed[0]) for row in listed)
    )
    exact = exact and len(text.splitlines()) == len(listed)
    numbered = enumerate(zip(listed[1:], lines[1:], strict=True), start=2)
    return [Row(number, _cells(listed[0], row), 0 if exact else line) for number, (row, line) in numbered], exact


def _cells(header: list[str], row: list[str]) -> dict[str, str]:
    cells: dict[str, str] = {}
    for name, cell in zip(header, row, strict=False):
        cells.setdefault(key_of(name), cell)
    return cells


def _of_parquet(content: bytes) -> tuple[list[Row], bool]:
    try:
        table = pq.read_table(io.BytesIO(content), use_threads=False)
        columns = [[_cell(each) for each in column.to_pylist()] for column in table.columns]
    except (pa.ArrowException, OSError, ValueError, OverflowError, KeyError):
        return [], False
    names = [str(name) for name in table.column_names]
    rows = [Row(number, _cells(names, list(cells))) for number, cells in enumerate(zip(*columns, strict=True), start=2)]
    exact = all(pa.types.is_string(field.type) for field in table.schema)
    return rows, exact


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
