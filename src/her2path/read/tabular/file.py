"""CSV and Parquet files as Arrow tables, and Arrow tables as CSV, Parquet and JSON.

Everything in a CSV is read as text: "2.00", "3+", "> 6" and "007" mean what they say, and what they are
worth is decided by the fact (`Fact.coerce`), not by the file.
"""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import pyarrow as pa
import pyarrow.csv as pc_csv

from ...facts.problem import AskedWrongly

ROWS_WRITTEN_AT_ONCE = 65_536
LONGEST_ROWS_BYTES = 1 << 24
_QUOTE, _NOTHING = pa.scalar('"', pa.large_string()), pa.scalar("", pa.large_string())
SEPARATORS = (",", ";", "\t")


def read_table(path: Path) -> Any:
    """A .csv or .parquet file as a `pyarrow.Table`; of a CSV all columns are text, blank cells are "".

    CSV is UTF-8, with or without a byte order mark; separated by commas, or by semicolons or tabs where the
    header has those and no comma. Raises `AskedWrongly` in words: another ending, no such file, not UTF-8, not
    text, no header, a row with more or fewer cells (with its line), two columns of one name.
    """
    ending = path.suffix.lower()
    if ending not in (".csv", ".parquet"):
        raise AskedWrongly(f"{path}: a file must end in .csv or .parquet, not {ending or 'nothing'}")
    try:
        table = _read_parquet(path) if ending == ".parquet" else _read_csv(path)
    except FileNotFoundError as error:
        raise AskedWrongly(f"{path}: there is no such file") from error
    except OSError as error:
        raise AskedWrongly(f"{path}: the file cannot be read: {error.strerror or error}") from error
    _require_distinct(path, table.column_names)
    return table


def _read_parquet(path: Path) -> Any:
    import pyarrow.parquet as pq

    try:
        with path.open("rb") as file:
            return pq.read_table(file)
    except pa.ArrowException as error:
        raise AskedWrongly(f"{path}: this is no Parquet file: {error}") from error


def _read_csv(path: Path) -> Any:
    header, separator = csv_header(path)
    names = [f"f{place}" for place in range(len(header))]
    try:
        # Arrow numbers the columns itself, so that the header is read like any row, byte order mark and all.
        table = pc_csv.read_csv(
            path,
            read_options=pc_csv.ReadOptions(autogenerate_column_names=True, block_size=LONGEST_ROWS_BYTES),
            parse_options=pc_csv.ParseOptions(delimiter=separator, newlines_in_values=True),
            convert_options=pc_csv.ConvertOptions(column_types=dict.fromkeys(names, pa.string())),
        )
    except pa.ArrowInvalid as error:
        raise AskedWrongly(f"{path}: {csv_trouble(path, separator, len(header)) or error}") from error
    return table.slice(1).rename_columns([str(column[0]).strip() for column in table.columns])


def csv_header(path: Path) -> tuple[list[str], str]:
    """The names of the columns and what separates them. Raises `AskedWrongly` where there are none."""
    with path.open("rb") as file:
        start = file.read(1 << 16)
    if start.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise AskedWrongly(f"{path}: the file is UTF-16; save it as CSV UTF-8")
    if b"\0" in start:
        raise AskedWrongly(f"{path}: the file is binary, not CSV")
    if not start.removeprefix(b"\xef\xbb\xbf").strip():
        raise AskedWrongly(f"{path}: the file is empty; the first line must name the columns")
    text = start.decode("utf-8-sig", errors="replace").lstrip("\r\n")
    line = text.splitlines()[0]
    separator = next((candidate for candidate in SEPARATORS if candidate in line), ",")
    header = next(csv.reader(io.StringIO(text, newline=""), delimiter=separator))
    _require_distinct(path, [name.strip() for name in header])
    return header, separator


def _require_distinct(path: Path, names: list[str]) -> None:
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


def write_table(table: Any, output: Path | None, *, as_json: bool) -> None:
    """Write a `pyarrow.Table` to a .csv, .parquet, .json (one list) or .jsonl file, as the ending says.

    Without an output it goes to standard output, as CSV, or with `as_json` as one JSON object a line. Nulls are
    blank in CSV. Raises `AskedWrongly` for another ending or a place that cannot be written.
    """
    if output is None:
        sys.stdout.flush()
        _write(table, sys.stdout.buffer, ".jsonl" if as_json else ".csv")
        sys.stdout.buffer.flush()
        return
    ending = output.suffix.lower()
    if ending not in (".csv", ".parquet", ".json", ".jsonl"):
        raise AskedWrongly(f"{output}: write to a file that ends in .csv, .parquet, .json or .jsonl")
    try:
        with output.open("wb") as file:
            _write(table, file, ending)
    except OSError as error:
        raise AskedWrongly(f"{output}: the file cannot be written: {error.strerror or error}") from error


def _write(table: Any, file: IO[bytes], ending: str) -> None:
    if ending == ".parquet":
        import pyarrow.parquet as pq

        pq.write_table(table, file)
        return
    if ending == ".csv":
        file.write((",".join(_quoted(name) for name in table.column_names) + "\n").encode())
        for batch in table.to_batches(max_chunksize=ROWS_WRITTEN_AT_ONCE):
            file.write(_csv_lines(batch).encode())
        return
    lines = (json.dumps(row, ensure_ascii=False, default=str) for row in _json_rows(table))
    if ending == ".jsonl":
        file.writelines(f"{line}\n".encode() for line in lines)
    else:
        file.write(("[" + ",\n ".join(lines) + "]\n").encode())


def _csv_lines(batch: Any) -> str:
    """Rows as CSV, quoted only where they must be; Arrow's own writer quotes all text."""
    import pyarrow.compute as pc  # slow to import, and needed only here

    cells = [_texts(column) for column in batch.columns]
    if len(cells) == 1:  # a blank line would be no row
        cells = [pc.if_else(pc.equal(cells[0], _NOTHING), pa.scalar('""', pa.large_string()), cells[0])]
    lines = pc.binary_join_element_wise(*cells, pa.scalar(",", pa.large_string()))
    return "".join(f"{line}\n" for line in lines.to_pylist())


def _texts(column: Any) -> Any:
    """A column as CSV cells, large text, without nulls."""
    import pyarrow.compute as pc

    if pa.types.is_dictionary(column.type):
        entries = _texts(column.dictionary)
        return pc.fill_null(entries.take(column.indices), "")
    try:
        texts = column.cast(pa.large_string())
    except (pa.ArrowNotImplementedError, pa.ArrowInvalid):
        listed = [None if cell is None else json.dumps(cell, default=str) for cell in column.to_pylist()]
        texts = pa.array(listed, pa.large_string())
    texts = pc.fill_null(texts, "")
    must = pc.match_substring_regex(texts, r'[",\r\n]')
    if not pc.any(must).as_py():
        return texts
    doubled = pc.replace_substring(texts, '"', '""')
    return pc.if_else(must, pc.binary_join_element_wise(_QUOTE, doubled, _QUOTE, _NOTHING), texts)


def _quoted(name: str) -> str:
    doubled = name.replace('"', '""')
    return f'"{doubled}"' if any(sign in name for sign in '",\r\n') else name


def _json_rows(table: Any) -> Iterator[dict[str, Any]]:
    for batch in table.to_batches(max_chunksize=ROWS_WRITTEN_AT_ONCE):
        for row in batch.to_pylist():
            # NaN is no JSON: a number that is none is null.
            yield {name: None if value != value else value for name, value in row.items()}  # noqa: PLR0124
