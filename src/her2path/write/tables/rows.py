"""Arrow tables of any columns as CSV, Parquet and JSON: what `decide` makes of a file."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Any

import pyarrow as pa

from ...facts.problem import AskedWrongly
from ...read.tabular.words import UNREADABLE, as_words
from ..output import telling, whole

ROWS_WRITTEN_AT_ONCE = 65_536
_QUOTE, _NOTHING = pa.scalar('"', pa.large_string()), pa.scalar("", pa.large_string())


ENDINGS = (".csv", ".parquet", ".json", ".ndjson", ".jsonl")
ENDING_OF = {"csv": ".csv", "json": ".json", "ndjson": ".ndjson"}


def write_table(table: Any, output: Path | None, *sources: Path, form: str | None = None) -> None:
    """Write a `pyarrow.Table` to a .csv, .parquet, .json (one list), .ndjson or .jsonl file, as the ending says, whole
    or not at all.

    Without an output it goes to standard output in the form named (csv, json or ndjson), CSV where none is. Nulls are
    blank in CSV. Raises `AskedWrongly` as `require_ending`, and for a place that cannot be written.
    """
    require_ending(output, form)
    if output is None:
        sys.stdout.flush()
        _write(table, sys.stdout.buffer, ENDING_OF[form or "csv"])
        sys.stdout.buffer.flush()
        return
    with whole(output, *sources) as beside, telling(output), beside.open("wb") as file:
        _write(table, file, output.suffix.lower())


def require_ending(output: Path | None, form: str | None = None) -> None:
    """Raise `AskedWrongly` where a table cannot be written to a file of that ending, or the form named is another."""
    if output is None:
        return
    ending = output.suffix.lower()
    if ending not in ENDINGS:
        raise AskedWrongly(f"{output}: write to a file that ends in .csv, .parquet, .json or .ndjson")
    if form is not None and ENDING_OF[form] != (".ndjson" if ending == ".jsonl" else ending):
        raise AskedWrongly(f"--format {form} is not what {output.name} would hold: drop it, or write to another ending")


def _write(table: Any, file: IO[bytes], ending: str) -> None:
    if ending == ".parquet":
        import pyarrow.parquet as pq

        pq.write_table(table, file)
        return
    if ending == ".csv":
        file.write(csv_head(table.column_names).encode())
        for batch in table.to_batches(max_chunksize=ROWS_WRITTEN_AT_ONCE):
            file.write(csv_lines(batch).encode())
        return
    lines = (json.dumps(row, ensure_ascii=False, default=str) for row in _json_rows(table))
    if ending in (".ndjson", ".jsonl"):
        file.writelines(f"{line}\n".encode() for line in lines)
    else:
        file.write(("[" + ",\n ".join(lines) + "]\n").encode())


def csv_head(names: Iterable[str]) -> str:
    """The first line of a CSV file: the names of its columns."""
    return ",".join(map(_quoted, names)) + "\n"


def csv_lines(batch: Any) -> str:
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
    except UNREADABLE:
        texts = _flat(as_words(pa.chunked_array([column]))).cast(pa.large_string())
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
        for row in _rows_of(batch):
            # NaN is no JSON: a number that is none is null.
            yield {name: None if value != value else value for name, value in row.items()}  # noqa: PLR0124


def _rows_of(batch: Any) -> list[dict[str, Any]]:
    """The rows of a batch; a column that holds what Python has no value for, as words."""
    try:
        rows: list[dict[str, Any]] = batch.to_pylist()
        return rows
    except UNREADABLE:
        columns = [_flat(as_words(pa.chunked_array([column]))) for column in batch.columns]
        plain: list[dict[str, Any]] = pa.table(columns, names=batch.schema.names).to_pylist()
        return plain


def _flat(words: Any) -> Any:
    """A chunked column of words as one array."""
    if pa.types.is_dictionary(words.type):
        words = words.cast(pa.string())
    return pa.concat_arrays(words.chunks) if words.num_chunks else pa.array([], pa.string())
