"""Arrow columns of any type as words: what a cell holds, as its own rules are to read it.

Text stays text, numbers and days become their text, a boolean is yes or no, bytes are UTF-8. What is none of these (a
struct, a list) is shown as JSON, so that one such cell is refused by the rules of its field, with its row, and no
other. Bytes that are not UTF-8 are shown after the sign U+FFFD: two names that differ in them stay two.
"""

from __future__ import annotations

import codecs
import json
from collections.abc import Collection
from typing import Any

import numpy as np
import pyarrow as pa

BROKEN = "\ufffd"
"""Stands before each byte that was no UTF-8; a cell with it is told."""
MOST_SHOWN = 60
SHOWN = "her2path-shown"
"""The name of the handler of such bytes."""
UNREADABLE = (pa.ArrowException, OSError, KeyError, ValueError, OverflowError, TypeError)
"""What reading a damaged file, or a cell of it, may raise."""


def _shown(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return "".join(f"{BROKEN}{byte:02x}" for byte in error.object[error.start : error.end]), error.end


codecs.register_error(SHOWN, _shown)


def is_plain(kind: Any) -> bool:
    """Whether a column holds text or whole cells of one value, as a field can be read from."""
    kind = kind.value_type if pa.types.is_dictionary(kind) else kind
    return not pa.types.is_nested(kind)


def require_in_dictionaries(table: Any) -> Any:
    """The same table. Raises `ValueError` where a cell of a dictionary is none of its words, as in a damaged file."""
    for name, column in zip(table.column_names, table.columns, strict=True):
        for chunk in column.chunks if pa.types.is_dictionary(column.type) else ():
            indices = chunk.indices.fill_null(0) if chunk.indices.null_count else chunk.indices
            places = indices.to_numpy()
            if chunk.null_count < len(chunk) and not 0 <= places.min() <= places.max() < len(chunk.dictionary):
                raise ValueError(f"the column {name} is damaged: a cell is none of the words of its dictionary")
    return table


def as_words(column: Any) -> Any:
    """A chunked column of any type as words: strings, or a dictionary of them."""
    kind = column.type
    if pa.types.is_string(kind):
        return column
    if pa.types.is_dictionary(kind):
        if pa.types.is_string(kind.value_type):
            return column
        return as_words(_decoded(column))
    if not (pa.types.is_boolean(kind) or pa.types.is_nested(kind) or _is_binary(kind)):
        try:
            return column.cast(pa.string())
        except UNREADABLE:
            pass
    return pa.chunked_array([pa.array([_word(cell) for cell in column], pa.string())])


def _decoded(column: Any) -> Any:
    """A column of a dictionary as a column of its values."""
    try:
        return column.cast(column.type.value_type)
    except UNREADABLE:
        chunks = [chunk.dictionary.take(chunk.indices) for chunk in column.chunks]
        return pa.chunked_array(chunks, column.type.value_type)


def _is_binary(kind: Any) -> bool:
    views = (getattr(pa.types, "is_binary_view", None), pa.types.is_binary, pa.types.is_large_binary)
    return pa.types.is_fixed_size_binary(kind) or any(is_kind(kind) for is_kind in views if is_kind is not None)


def _word(cell: Any) -> str | None:
    """One cell in words."""
    try:
        value = cell.as_py()
    except UnicodeDecodeError:
        value = cell.cast(pa.binary()).as_py()
    except UNREADABLE:
        return _outside(cell)
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, bytes):
        return value.decode("utf-8", SHOWN)
    if isinstance(value, dict | list | tuple):
        return json.dumps(value, default=str, ensure_ascii=False)
    return str(value)


def _outside(cell: Any) -> str:
    """A cell that Python has no value for, such as a day beyond its years."""
    try:
        return str(cell.cast(pa.string()).as_py())
    except UNREADABLE:
        return f"{BROKEN}{cell.type}"


def words_of(array: Any) -> list[str | None]:
    """The words of an array of strings; bytes that are no UTF-8 are shown."""
    try:
        listed: list[str | None] = array.to_pylist()
        return listed
    except UnicodeDecodeError:
        return [None if cell is None else cell.decode("utf-8", SHOWN) for cell in array.cast(pa.binary()).to_pylist()]


def as_days(column: Any) -> Any:
    """A chunked column of days or times as `date32`; any other as words. What lies beyond all calendars is the last."""
    kind = column.type
    if pa.types.is_date32(kind):
        return column
    if not (pa.types.is_timestamp(kind) or pa.types.is_date64(kind)):
        return as_words(column)
    a_day = _A_DAY[kind.unit if pa.types.is_timestamp(kind) else "ms"]
    chunks = []
    for chunk in column.chunks:
        days = chunk.cast(pa.date32(), safe=False)  # in the zone of the column, and of what is too far without a word
        counts = chunk.cast(pa.int64()).fill_null(0).to_numpy(zero_copy_only=False)
        far = np.abs(counts.astype(np.float64)) > FARTHEST_DAYS * a_day
        if far.any():
            known = chunk.is_valid().to_numpy(zero_copy_only=False)
            numbers = days.cast(pa.int32()).fill_null(0).to_numpy(zero_copy_only=False)
            days = pa.array(np.where(far, LAST_DAY, numbers), pa.int32(), mask=~known).cast(pa.date32())
        chunks.append(days)
    return pa.chunked_array(chunks, pa.date32())


FARTHEST_DAYS = 4_000_000
LAST_DAY = 2**31 - 1
_A_DAY = {"s": 86_400, "ms": 86_400_000, "us": 86_400_000_000, "ns": 86_400_000_000_000}


def broken(column: str, word: str) -> str:
    """What is told of a cell with bytes that are no UTF-8."""
    return f"{column} {word[:MOST_SHOWN]!r} has bytes that are not UTF-8, shown after {BROKEN}; expected UTF-8"


def is_missing(word: str | None, missing: Collection[str]) -> bool:
    """Whether a cell is one of the words for a missing value, which are given in small letters."""
    return word is not None and word.strip().lower() in missing
