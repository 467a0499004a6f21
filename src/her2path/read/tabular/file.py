"""CSV and Parquet files as Arrow tables.

Everything in a CSV is read as text: "2.00", "3+", "> 6" and "007" mean what they say, and what they are
worth is decided by the fact (`Fact.coerce`), not by the file.
"""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from ...facts.problem import AskedWrongly
from ...record.columns import Whole
from ...record.event import Trouble
from ..files import TEXTS
from .csv_rows import FIRST_ROW, CsvFile, NotForArrow
from .words import UNREADABLE, require_in_dictionaries

SEPARATORS = (",", ";", "\t")


def read_table(path: Path, told: list[Trouble] | None = None) -> Any:
    """A .csv or .parquet file as a `pyarrow.Table`; of a CSV all columns are text, blank cells are "".

    CSV is UTF-8, with or without a byte order mark; separated by commas, or by semicolons or tabs where the
    header has those and no comma. Raises `AskedWrongly` in words: another ending, no such file, not UTF-8, not
    text, no header, a row with more or fewer cells (with its line), two columns of one name. With `told` bytes that are
    not UTF-8 are shown in their cells (`words.py`), and a row that cannot be read is left out and told there.
    """
    return read_numbered(path, told)[0]


def read_numbered(path: Path, told: list[Trouble] | None = None) -> tuple[Any, Whole]:
    """The same with the number of each row in the file, of which the header is 1."""
    ending = path.suffix.lower()
    if ending not in (*TEXTS, ".parquet"):
        raise AskedWrongly(f"{path}: a file must end in {', '.join(TEXTS)} or .parquet, not {ending or 'nothing'}")
    try:
        if ending in TEXTS:
            table, numbers = _read_csv(path, told)
        else:
            table = _read_parquet(path)
            numbers = np.arange(table.num_rows) + FIRST_ROW
    except FileNotFoundError as error:
        raise AskedWrongly(f"{path}: there is no such file") from error
    except OSError as error:
        raise AskedWrongly(f"{path}: the file cannot be read: {error.strerror or error}") from error
    require_distinct(path, table.column_names)
    return table, numbers


def _read_parquet(path: Path) -> Any:
    import pyarrow.parquet as pq

    try:
        # Not `read_table`: its threads may still read when a short command ends, which ends Python by a signal.
        with pq.ParquetFile(path) as file:
            return require_in_dictionaries(file.read())
    except UNREADABLE as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise AskedWrongly(f"{path}: this is no Parquet file: {error}") from error


def _read_csv(path: Path, told: list[Trouble] | None) -> tuple[Any, Whole]:
    file = csv_file(path)
    try:
        return _whole(file)
    except NotForArrow as error:
        if told is None:
            words = csv_trouble(path, file.separator, len(file.names))
            raise AskedWrongly(f"{path}: {words or error}") from error
    file.by_row = True
    whole = _whole(file)
    told += file.told
    return whole


def _whole(file: CsvFile) -> tuple[Any, Whole]:
    parts = list(file.tables())
    tables, numbers = [part[0] for part in parts], [part[1] for part in parts]
    if not tables:
        return pa.table([pa.array([], pa.string()) for _ in file.names], names=file.names), np.zeros(0, np.int64)
    return pa.concat_tables(tables), np.concatenate(numbers)


def csv_file(path: Path) -> CsvFile:
    """A CSV file with its columns. Raises `AskedWrongly` as `csv_header`."""
    header, separator = csv_header(path)
    return CsvFile(path, [name.strip() for name in header], separator)


def csv_header(path: Path) -> tuple[list[str], str]:
    """The names of the columns and what separates them. Raises `AskedWrongly` where there are none."""
    with path.open("rb") as file:
        start = file.read(1 << 16)
    if start.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise AskedWrongly(f"{path}: the file is UTF-16; save it as CSV UTF-8")
    if b"\0" in start.partition(b"\n")[0] or start.count(0) * 100 > len(start):
        raise AskedWrongly(f"{path}: the file is binary, not CSV")
    if not start.removeprefix(b"\xef\xbb\xbf").strip():
        raise AskedWrongly(f"{path}: the file is empty; the first line must name the columns")
    text = start.decode("utf-8-sig", errors="replace").lstrip("\r\n")
    line = text.splitlines()[0]
    if line.lower().startswith("sep="):
        raise AskedWrongly(
            f"{path}: the first line {line!r} is one of Excel's own; delete it: it must name the columns"
        )
    separator = next((candidate for candidate in SEPARATORS if candidate in line), ",")
    try:
        header = next(csv.reader(io.StringIO(text, newline=""), delimiter=separator))
    except csv.Error as error:
        raise AskedWrongly(f"{path}: the header cannot be read: {error}") from error
    require_distinct(path, [name.strip() for name in header])
    return header, separator


def require_distinct(path: Path, names: list[str]) -> None:
    """Raise `AskedWrongly` where two columns have one name."""
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise AskedWrongly(f"{path}: two columns are called {' and '.join(map(repr, twice))}; rename one of them")


def csv_trouble(path: Path, separator: str, width: int) -> str:
    """What is wrong with a CSV that Arrow refused, with its line; "" where it is nothing known here."""
    with path.open("rb") as file:
        for line, raw in enumerate(file, start=1):
            try:
                raw.decode("utf-8")
            except UnicodeDecodeError as error:
                return f"line {line} is not UTF-8 (byte {error.start + 1}); save the file as CSV UTF-8"
    with path.open(encoding="utf-8-sig", newline="") as text:
        reader = csv.reader(text, delimiter=separator)
        try:
            for row in reader:
                if row and len(row) != width:
                    return f"line {reader.line_num} has {len(row)} cells, but the header has {width}"
        except csv.Error as error:
            return f"line {reader.line_num}: {error}"
    return ""
