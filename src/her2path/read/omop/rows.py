"""The rows of a table of the warehouse as forms: rows that say the same but for person and day share one.

A form is read once (`said.py`, `dose.py`); its rows know only which form they have.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from ...record.columns import UNKNOWN, Whole
from ..tabular.coded import Coded, coded_words, distinct_below
from .dose import LONG
from .tables import Table
from .vocabulary import NONE

LARGEST = 2**62
LONGER_THAN_DAYS = 1
CONCEPT = "_concept_id"
"""How the name of a column ends that holds a concept."""


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows of a table: the place of each person, the day (an ordinal), the form, the id; `forms` are their cells.

    `wrong_days` has the rows whose day cannot be read, with what it says.
    """

    table: str
    owner: Whole
    day: Whole
    form: Whole
    ids: Any
    forms: list[tuple[str, ...]]
    columns: tuple[str, ...]
    wrong_days: dict[int, str]
    strange: list[str]
    """Names of persons who are not in PERSON, each once."""
    strange_rows: int


def rows_of(table: Table, read: Any, persons: Any) -> Rows:
    """The rows of a query over a table; `persons` are the names of those who are in PERSON, an Arrow array."""
    import pyarrow.compute as pc  # slow to import

    names = words_of_ids(read.column("person_id"))
    owner = pc.fill_null(pc.index_in(names, value_set=persons), -1).to_numpy().astype(np.int64)
    strange: list[str] = []
    lost = np.flatnonzero(owner < 0)
    if len(lost):
        strange = [str(name) for name in names.take(pa.array(lost[:1000])).unique().to_pylist()]
        kept = pa.array(np.flatnonzero(owner >= 0))
        read, owner = read.take(kept), owner[owner >= 0]
    day, wrong = days_of(read.column(table.day))
    columns = [*table.of_form, *([LONG] if table.end else [])]
    coded = [coded_column(read.column(name), name) for name in table.of_form]
    if table.end:
        end, _ = days_of(read.column(table.end))
        coded.append(((end != UNKNOWN) & (day != UNKNOWN) & (end - day > LONGER_THAN_DAYS), ["", "yes"]))
    form, forms = coded_forms([(np.asarray(places, np.int64), words) for places, words in coded], len(owner))
    return Rows(
        table.name,
        owner,
        day,
        form,
        words_of_ids(read.column(table.id)),
        forms,
        tuple(columns),
        wrong,
        strange,
        len(lost),
    )


def words_of_ids(column: Any) -> Any:
    """A column of ids as one array of strings."""
    array = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    if isinstance(array, pa.ChunkedArray):
        array = array.chunk(0) if array.num_chunks else pa.array([], column.type)
    return array.cast(pa.string())


def coded_column(column: Any, name: str) -> tuple[Whole, list[str]]:
    """A column as places in its distinct words; nothing is the blank word, and so is concept 0."""
    if pa.types.is_null(column.type):
        return np.zeros(len(column), np.int64), [""]
    if column.null_count == len(column):
        return np.zeros(len(column), np.int64), [""]
    chunk = _coded(column)
    listed, known, of_word = [""], {"": 0}, []
    for word in (*chunk.words, None):
        plain = (word or "").strip()
        plain = "" if name.endswith(CONCEPT) and plain in NONE else plain
        if plain not in known:
            known[plain] = len(listed)
            listed.append(plain)
        of_word.append(known[plain])
    return np.array(of_word, np.int64)[chunk.places], listed


def coded_forms(columns: Sequence[tuple[Whole, list[str]]], count: int) -> tuple[Whole, list[tuple[str, ...]]]:
    """The form of each of so many rows, and the words of each form."""
    form, size = np.zeros(count, np.int64), 1
    for places, listed in columns:
        if len(listed) == 1:
            continue
        if size * len(listed) > LARGEST:
            size, form = distinct_below(form, size)
        form = form + places * size
        size *= len(listed)
    if not count:
        return form, []
    size, form = distinct_below(form, size)
    row_of = np.zeros(size, np.int64)
    row_of[form] = np.arange(count)
    words = [[listed[place] for place in places[row_of].tolist()] for places, listed in columns]
    return form, list(zip(*words, strict=True))


def _coded(column: Any) -> Coded:
    """A column as places in its distinct words; numbers and days become words after that, each once."""
    kind = column.type
    if not len(column):
        return Coded(np.zeros(0, np.int64), [])
    if pa.types.is_string(kind) or pa.types.is_dictionary(kind) or pa.types.is_nested(kind):
        return coded_words(column)
    if not (pa.types.is_integer(kind) or pa.types.is_date32(kind) or pa.types.is_decimal128(kind)):
        return coded_words(column)
    array = column.dictionary_encode().unify_dictionaries().combine_chunks()
    array = array.chunk(0) if isinstance(array, pa.ChunkedArray) else array
    indices = array.indices.fill_null(-1) if array.indices.null_count else array.indices
    return Coded(indices.to_numpy().astype(np.int64), array.dictionary.cast(pa.string()).to_pylist())


def days_of(column: Any) -> tuple[Whole, dict[int, str]]:
    """The days of a column as ordinals, and by row what no day can be read from."""
    if pa.types.is_null(column.type):
        return np.full(len(column), UNKNOWN, np.int64), {}
    chunk = _coded(column)
    days, wrong = [], {}
    for place, word in enumerate(chunk.words):
        day = day_of(word)
        days.append(UNKNOWN if day is None else day)
        if day is None and word and word.strip():
            wrong[place] = word
    found = np.array([*days, UNKNOWN], np.int64)[chunk.places]
    if not wrong:
        return found, {}
    rows = np.flatnonzero(np.isin(chunk.places, list(wrong)))
    return found, {row: wrong[int(chunk.places[row])] for row in rows.tolist()}


def day_of(word: str | None) -> int | None:
    """The day of a date or a time as an ordinal; `None` where it is none."""
    try:
        return dt.date.fromisoformat((word or "").strip()[:10]).toordinal()
    except ValueError:
        return None
