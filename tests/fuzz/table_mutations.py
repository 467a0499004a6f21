"""Mutations of tables: of rows and columns in any file, of the writing of a CSV, of the types of a Parquet file."""

from __future__ import annotations

import csv
import datetime as dt
import io
import random
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from .fhir_mutations import ALIKE, DATES, bytes_changed, bytes_cut_or_doubled, truncated

Table = list[list[Any]]
"""A header and rows of cells."""

MISSING = ("", " ", "NA", "N/A", "null", "None", "nan", "[Not Available]", "-", ".", "?", "unknown", "\t", "\u00a0")
ODD_CELLS = (
    "\x00", '"', "a\nb", "a\r\nb", "x" * 5000, "62,5", "6.2e1", "> 60", "60-65", "３＋", "3 +", "+++", "=1+1", "62 %", "0.62", "1e400",
    "-62", "2025-08-25", "yes", "true", "{}", "\u200b62", "6２", "'62", "62;63", "62|63",
)  # fmt: skip


def _row(rng: random.Random, table: Table) -> list[Any]:
    return rng.choice(table[1:])


def cell_missing(rng: random.Random, table: Table) -> str:
    row, column = _row(rng, table), rng.randrange(len(table[0]))
    row[column] = rng.choice(MISSING)
    return str(table[0][column])


def cell_odd(rng: random.Random, table: Table) -> str:
    row, column = _row(rng, table), rng.randrange(len(table[0]))
    row[column] = rng.choice(ODD_CELLS)
    return str(table[0][column])


def cell_letters(rng: random.Random, table: Table) -> str:
    row, column = _row(rng, table), rng.randrange(len(table[0]))
    value = str(row[column])
    changes = (
        value.upper(), f" {value} ", value.replace("_", " "), value.replace("_", "-"), value.replace("_", ""), value[:-1], value + "s",
        "".join(ALIKE.get(sign, sign) for sign in value), value[:1] + "\u200b" + value[1:], value.capitalize(), f'"{value}"', f"{value}\u00a0",
    )  # fmt: skip
    row[column] = rng.choice(changes)
    return str(table[0][column])


def cell_date(rng: random.Random, table: Table) -> str:
    column = next((place for place, name in enumerate(table[0]) if "date" in str(name)), 0)
    _row(rng, table)[column] = rng.choice([day for day in DATES if isinstance(day, str)])
    return "date"


def row_shorter(rng: random.Random, table: Table) -> str:
    row = _row(rng, table)
    del row[rng.randrange(1, len(row)) :]
    return "shorter"


def row_longer(rng: random.Random, table: Table) -> str:
    _row(rng, table).append(rng.choice(("", "x", "3+")))
    return "longer"


def rows_moved(rng: random.Random, table: Table) -> str:
    how = rng.choice(("shuffled", "twice", "header twice", "blank", "comment", "one patient apart"))
    rows = table[1:]
    if how == "shuffled":
        rng.shuffle(rows)
    elif how == "twice":
        rows.insert(rng.randrange(len(rows)), list(rng.choice(rows)))
    elif how == "header twice":
        rows.insert(rng.randrange(len(rows)), list(table[0]))
    elif how == "blank":
        rows.insert(rng.randrange(len(rows)), [])
    elif how == "comment":
        rows.insert(0, ["# made by hand"])
    else:
        rows.append(rows.pop(0))
    table[1:] = rows
    return how


def header_renamed(rng: random.Random, table: Table) -> str:
    column = rng.randrange(len(table[0]))
    name = str(table[0][column])
    others = (
        name.upper(), name.capitalize(), f" {name}", f"{name} ", name + "s", name[:-1], name.replace("_", " "), "", "x", f"\ufeff{name}",
        "".join(ALIKE.get(sign, sign) for sign in name), str(rng.choice(table[0])), f'"{name}"', f"HER2 {name}",
    )  # fmt: skip
    table[0][column] = rng.choice(others)
    return name


def column_dropped(rng: random.Random, table: Table) -> str:
    column = rng.randrange(len(table[0]))
    name = str(table[0][column])
    for row in table:
        del row[column : column + 1]
    return name


def column_added(rng: random.Random, table: Table) -> str:
    name = rng.choice(("x", "", "LVEF", "her2", "HER2 IHC", "ihc score", "fact", "weight", "lvef"))
    for row in table:
        row.append("62")
    table[0][-1] = name
    return name or "blank"


OF_ROWS: dict[str, Callable[[random.Random, Table], str]] = {
    "cell missing": cell_missing, "cell odd": cell_odd, "cell letters": cell_letters, "cell date": cell_date,
    "rows moved": rows_moved, "header renamed": header_renamed, "column dropped": column_dropped, "column added": column_added,
}  # fmt: skip
OF_CSV_ROWS = {"row shorter": row_shorter, "row longer": row_longer}


def csv_text(
    table: Table, delimiter: str = ",", quoting: Any = csv.QUOTE_MINIMAL, ends: str = "\n", quote: str = '"'
) -> bytes:
    stream = io.StringIO()
    csv.writer(stream, delimiter=delimiter, quoting=quoting, lineterminator=ends, quotechar=quote).writerows(table)
    return stream.getvalue().encode("utf-8", "surrogatepass")


def written(rng: random.Random, table: Table) -> tuple[bytes, str]:
    """A CSV in another way of writing."""
    delimiter = rng.choice((",", ";", "\t", "|"))
    ends = rng.choice(("\n", "\r\n", "\r"))
    quoting, quote = rng.choice(((csv.QUOTE_MINIMAL, '"'), (csv.QUOTE_ALL, '"'), (csv.QUOTE_ALL, "'")))
    text = csv_text(table, delimiter, quoting, ends, quote)
    how = rng.choice(
        ("", "utf-8-sig", "utf-16", "latin-1", "utf-16-le", "nul", "quote left open", "blank first", "no end")
    )
    if how in ("utf-8-sig", "utf-16", "latin-1", "utf-16-le"):
        text = text.decode().replace("core", "cöre").encode(how, "replace")
    elif how == "nul":
        text = text.replace(b"lvef", b"lv\x00ef", 1)
    elif how == "quote left open":
        place = rng.randrange(len(text))
        text = text[:place] + b'"' + text[place:]
    elif how == "blank first":
        text = ends.encode() * 2 + text
    elif how == "no end":
        text = text.rstrip(b"\r\n")
    return text, f"{delimiter!r} {how}".replace("'\\t'", "tab")


OF_BYTES = {"truncated": truncated, "bytes changed": bytes_changed, "bytes cut or doubled": bytes_cut_or_doubled}

DAY = dt.date(2025, 8, 25)
TYPES: tuple[tuple[Any, Callable[[Any], Any]], ...] = (
    (pa.large_string(), str), (pa.binary(), lambda cell: str(cell).encode()), (pa.large_binary(), lambda cell: b"\xff" + str(cell).encode()),
    (pa.bool_(), bool), (pa.int64(), lambda _: 62), (pa.int8(), lambda _: 3), (pa.uint64(), lambda _: 2**63), (pa.float64(), lambda _: 62.5),
    (pa.float64(), lambda _: float("nan")), (pa.float64(), lambda _: float("inf")), (pa.float16(), lambda _: 62.0), (pa.decimal128(10, 2), lambda _: Decimal("62.50")),
    (pa.decimal256(60, 30), lambda _: Decimal("62.5")), (pa.date32(), lambda _: DAY), (pa.date64(), lambda _: DAY), (pa.date32(), lambda _: 9_000_000),
    (pa.date32(), lambda _: -900_000), (pa.timestamp("s"), lambda _: DAY), (pa.timestamp("ms"), lambda _: DAY), (pa.timestamp("us"), lambda _: DAY),
    (pa.timestamp("ns"), lambda _: 1_756_080_000_123_456_789), (pa.timestamp("ns", "Pacific/Kiritimati"), lambda _: 1_756_080_000_123_456_789),
    (pa.timestamp("us", "America/New_York"), lambda _: 1_756_080_000_000_000), (pa.timestamp("s"), lambda _: 10**12), (pa.time32("s"), lambda _: 62),
    (pa.duration("s"), lambda _: 62), (pa.list_(pa.string()), lambda cell: [str(cell)]), (pa.struct([("a", pa.string())]), lambda cell: {"a": str(cell)}),
    (pa.map_(pa.string(), pa.string()), lambda cell: [("a", str(cell))]), (pa.null(), lambda _: None), (pa.dictionary(pa.int32(), pa.string()), str),
    (pa.dictionary(pa.int8(), pa.binary()), lambda cell: str(cell).encode()), (pa.binary(3), lambda _: b"3+ "),
)  # fmt: skip


def parquet_of(
    table: Table, changed: str = "", kind: Any = None, cell: Callable[[Any], Any] = str, groups: int | None = None
) -> bytes:
    """A Parquet file of text, with one column of another type."""
    columns, names = [], []
    for place, name in enumerate(table[0]):
        cells = [row[place] if place < len(row) else None for row in table[1:]]
        if name == changed and kind is not None:
            try:
                columns.append(pa.array([None if each == "" else cell(each) for each in cells], kind))
            except (pa.ArrowException, TypeError, OverflowError, ValueError):
                columns.append(pa.array([str(each) for each in cells], pa.string()))
        else:
            columns.append(
                pa.array(
                    [None if each is None else str(each).encode("utf-8", "replace").decode() for each in cells],
                    pa.string(),
                )
            )
        names.append(str(name))
    sink = io.BytesIO()
    try:
        pq.write_table(pa.Table.from_arrays(columns, names=names), sink, row_group_size=groups)
    except (pa.ArrowException, ValueError):  # a type that Parquet does not have
        return parquet_of(table, groups=groups)
    return sink.getvalue()
