"""Columns of words as places in their distinct words, so that each word is read once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from ...facts.value import Reason, Unknown, Value
from ...record.columns import OTHER_SITE, Flags, Whole
from .csv_rows import FEW_ROWS
from .words import as_words, words_of


@dataclass(frozen=True, slots=True)
class Coded:
    """A column as places in its distinct words; -1 where a cell holds nothing."""

    places: Whole
    words: list[str | None]

    def __len__(self) -> int:
        return len(self.places)

    def at(self, rows: Whole) -> list[str | None]:
        """The words of some rows."""
        listed = [*self.words, None]
        return [listed[place] for place in self.places[rows].tolist()]


def coded_words(column: Any) -> Coded:
    """A chunked column of words or numbers as places in distinct words."""
    if len(column) <= FEW_ROWS and pa.types.is_string(column.type):
        places: dict[str | None, int] = {None: -1}
        rows = [places.setdefault(word, len(places) - 1) for word in words_of(column)]
        return Coded(np.array(rows, np.int64), list(places)[1:])
    chunk = _dictionary(column)
    return Coded(_places(chunk), words_of(chunk.dictionary))


def _dictionary(column: Any) -> Any:
    """A chunked column as one array of places in a dictionary of strings."""
    column = as_words(column)
    if not pa.types.is_dictionary(column.type):
        column = column.dictionary_encode()
    chunk = column.chunk(0) if column.num_chunks == 1 else column.unify_dictionaries().combine_chunks()
    if isinstance(chunk, pa.ChunkedArray):
        chunk = chunk.chunk(0) if chunk.num_chunks else pa.array([], column.type)
    if chunk.type.value_type != pa.string():
        chunk = pa.DictionaryArray.from_arrays(chunk.indices, chunk.dictionary.cast(pa.string()))
    return chunk


def _places(chunk: Any) -> Whole:
    indices = chunk.indices
    if indices.null_count:
        indices = indices.fill_null(-1)
    places: Whole = indices.to_numpy().astype(np.int64)
    return places


def patients_of(column: Any) -> tuple[Whole, list[str | None]]:
    """Where each patient begins in a column of patients, and her name; a row without one is a patient by itself."""
    plain = plain_patients(column)
    if plain is not None:
        return plain[0], words_of(plain[1])
    ids = coded_words(column)
    starts = starts_of(ids)
    return starts, ids.at(starts)


def plain_patients(column: Any) -> tuple[Whole, Any] | None:
    """The same of many rows with the names as an Arrow array; `None` where a name is missing, blank or has a margin."""
    if len(column) <= FEW_ROWS:
        return None
    chunk = _dictionary(column)
    if chunk.indices.null_count or not _are_plain(chunk.dictionary):
        return None
    places = chunk.indices.to_numpy()
    begins: Flags = np.ones(len(places), np.bool_)
    np.not_equal(places[1:], places[:-1], out=begins[1:])
    starts = np.flatnonzero(begins)
    return starts, chunk.dictionary.take(pa.array(places[starts]))


LEAST_PLAIN, MOST_PLAIN = 0x21, 0x7E
"""The bytes of ASCII that are seen."""


def _are_plain(words: Any) -> bool:
    """Whether all of these strings begin and end with a sign of ASCII, so that none is blank or has a margin."""
    if words.null_count or not len(words):
        return False
    _, offsets, data = words.buffers()
    ends = np.frombuffer(offsets, np.int32)[words.offset : words.offset + len(words) + 1]
    if data is None or (ends[1:] <= ends[:-1]).any():
        return False
    signs = np.frombuffer(data, np.uint8)
    edges = signs[np.concatenate([ends[:-1], ends[1:] - 1])]
    return bool(((edges >= LEAST_PLAIN) & (edges <= MOST_PLAIN)).all())


def distinct_numbers(numbers: Whole) -> tuple[list[int], Whole]:
    """The distinct numbers of a column, and the place of each of its numbers among them."""
    if len(numbers) <= FEW_ROWS:
        distinct, places = np.unique(numbers, return_inverse=True)
        return distinct.tolist(), places.reshape(-1)
    encoded = pa.array(numbers).dictionary_encode()
    return encoded.dictionary.to_pylist(), encoded.indices.to_numpy().astype(np.int64)


def distinct_below(numbers: Whole, size: int) -> tuple[int, Whole]:
    """How many distinct numbers a column of numbers from 0 to below `size` has, and the place of each among them."""
    if size > SIZE_OF_TABLE * (len(numbers) + 1):
        distinct, places = distinct_numbers(numbers)
        return len(distinct), places
    there = np.zeros(size, np.bool_)
    there[numbers] = True
    place = np.cumsum(there) - 1
    return int(place[-1]) + 1, place[numbers]


SIZE_OF_TABLE = 8
"""A table of all possible numbers may have so many places for each number that there is."""


def starts_of(ids: Coded) -> Whole:
    """Where each patient begins, in a column of patients; a row without one is a patient by itself."""
    places = ids.places
    words = [word or "" for word in ids.words] if None in ids.words else ids.words
    stripped = list(map(str.strip, words))  # type: ignore[arg-type]
    blank = {place for place, word in enumerate(stripped) if not word} if "" in stripped else ()
    begins: Flags = np.ones(len(places), np.bool_)
    begins[1:] = places[1:] != places[:-1]
    if blank or (places < 0).any():
        begins |= np.isin(places, [-1, *blank])
    return np.flatnonzero(begins)


def other_organs(values: list[Value], value: Whole, unread: Flags) -> Flags:
    """Where an organ stands that is not one of ours: it is another organ, and no breast; a blank one says nothing."""
    places = np.unique(value[unread]).tolist()
    other = [p for p in places if isinstance(v := values[p], Unknown) and v.reason is not Reason.ABSENT]
    for place in other:
        values[place] = OTHER_SITE
    return np.isin(value, other) & unread
