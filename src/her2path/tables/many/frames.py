"""Tables as programs hold them, as Arrow: pandas, Polars, DuckDB, columns by name, rows as dictionaries."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pyarrow as pa

from ...facts.problem import AskedWrongly

REFUSED = (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError, TypeError, ValueError, OverflowError)
EXPECTED = "an Arrow table, a pandas or Polars frame, columns by name, or rows as dictionaries"


def arrow_of(table: object, called: str = "table") -> Any:
    """A `pyarrow.Table` of whatever holds rows and columns. Raises `AskedWrongly` for what does not.

    A column whose cells are of several kinds becomes text, as a column of a CSV is.
    """
    if isinstance(table, pa.Table):
        return table
    if isinstance(table, pa.RecordBatch):
        return pa.Table.from_batches([table])
    if hasattr(table, "to_arrow") and hasattr(table, "schema"):  # Polars
        return pa.table(table.to_arrow())
    if hasattr(table, "dtypes") and hasattr(table, "iloc"):  # pandas
        return _of_pandas(table)
    if hasattr(table, "__arrow_c_stream__"):
        return pa.table(table)
    if isinstance(table, Mapping):
        return _of_columns(table, called)
    if isinstance(table, Iterable) and not isinstance(table, str | bytes):
        rows = list(table)
        if all(isinstance(row, Mapping) for row in rows):
            return rows_as_table(rows)
    raise AskedWrongly(f"{called} is of type {type(table).__name__}; expected {EXPECTED}")


def rows_as_table(rows: Sequence[Mapping[str, Any]]) -> Any:
    """Rows as dictionaries as a table; a name that a row has not is blank there."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    return pa.table({str(name): _column([row.get(name) for row in rows]) for name in names})


def _of_columns(table: Mapping[Any, Any], called: str) -> Any:
    listed: dict[str, list[Any]] = {}
    for name, cells in table.items():
        if isinstance(cells, str | bytes) or not isinstance(cells, Iterable):
            raise AskedWrongly(f"{called}[{name!r}] is a {type(cells).__name__}; expected the cells of a column")
        listed[str(name)] = list(cells)
    if len({len(cells) for cells in listed.values()}) > 1:
        lengths = ", ".join(f"{name} {len(cells)}" for name, cells in listed.items())
        raise AskedWrongly(f"the columns of {called} are not of one length: {lengths}")
    return pa.table({name: _column(cells) for name, cells in listed.items()})


def _of_pandas(frame: Any) -> Any:
    columns = [frame.iloc[:, place] for place in range(frame.shape[1])]
    names = [str(name) for name in frame.columns]
    return pa.Table.from_arrays([_of_series(column) for column in columns], names=names)


def _of_series(column: Any) -> Any:
    try:
        made = pa.array(column, from_pandas=True)
    except REFUSED:
        return _column(column.tolist())
    return pa.chunked_array([made]) if isinstance(made, pa.Array) else made


def _column(cells: list[Any]) -> Any:
    """Cells as one column: of one kind where they are, otherwise as text."""
    known = [None if _is_nothing(cell) else cell for cell in cells]
    if len({type(cell) for cell in known if cell is not None}) <= 1:
        try:
            made = pa.array(known)
            return pa.array(known, pa.string()) if pa.types.is_null(made.type) else made
        except REFUSED:
            pass
    return pa.array([None if cell is None else _text(cell) for cell in known], pa.string())


def _is_nothing(cell: object) -> bool:
    """Whether a cell is none: `None`, a float that is no number, pandas' own marks of it."""
    try:
        return cell is None or bool(cell != cell)  # noqa: PLR0124
    except (TypeError, ValueError):  # pandas.NA says neither yes nor no
        return True


def _text(cell: object) -> str:
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    if isinstance(cell, dt.datetime):
        return cell.date().isoformat() if cell.time() == dt.time() else cell.isoformat()
    return str(cell)
