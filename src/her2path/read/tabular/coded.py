"""Columns of words as places in their distinct words, so that each word is read once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from ...record.columns import Flags, Whole
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
    column = as_words(column)
    if not pa.types.is_dictionary(column.type):
        column = column.dictionary_encode()
    chunk = column.unify_dictionaries().combine_chunks()
    if isinstance(chunk, pa.ChunkedArray):
        chunk = chunk.chunk(0) if chunk.num_chunks else pa.array([], column.type)
    if chunk.type.value_type != pa.string():
        chunk = pa.DictionaryArray.from_arrays(chunk.indices, chunk.dictionary.cast(pa.string()))
    return Coded(chunk.indices.fill_null(-1).to_numpy().astype(np.int64), words_of(chunk.dictionary))


def distinct_numbers(numbers: Whole) -> tuple[list[int], Whole]:
    """The distinct numbers of a column, and the place of each of its numbers among them."""
    if len(numbers) <= FEW_ROWS:
        distinct, places = np.unique(numbers, return_inverse=True)
        return distinct.tolist(), places.reshape(-1)
    encoded = pa.array(numbers).dictionary_encode()
    return encoded.dictionary.to_pylist(), encoded.indices.to_numpy().astype(np.int64)


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
