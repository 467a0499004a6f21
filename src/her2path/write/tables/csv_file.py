"""The tables of a review as CSV: a file each, UTF-8, one line a row, the columns those of Parquet.

A list is told in one cell, its parts after `; `; of the facts of a finding each as `name=value`.
"""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Any

import pyarrow as pa

from .rows import csv_head, csv_lines

BETWEEN = "; "


class CsvTable:
    """Writes tables of one schema to a file, as `pyarrow.parquet.ParquetWriter` does."""

    def __init__(self, path: Path, schema: Any) -> None:
        self._file = path.open("wb")
        self._file.write(csv_head(schema.names).encode())

    def write_table(self, table: Any) -> None:
        """Write the rows of a table."""
        for batch in told_in_cells(table).to_batches():
            self._file.write(csv_lines(batch).encode())

    def close(self) -> None:
        self._file.close()

    def __enter__(self) -> CsvTable:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def told_in_cells(table: Any) -> Any:
    """The same table with each list, and each map of names to values, as one text."""
    columns = [
        _joined(column) if pa.types.is_nested(column.type) else column.combine_chunks() for column in table.columns
    ]
    return pa.table(columns, names=table.column_names)


def _joined(column: Any) -> Any:
    is_map = pa.types.is_map(column.type)
    cells = column.to_pylist()
    if is_map:
        cells = [None if cell is None else [f"{name}={value}" for name, value in cell] for cell in cells]
    return pa.array(
        [None if cell is None else BETWEEN.join(each or "" for each in cell) for cell in cells], pa.string()
    )
