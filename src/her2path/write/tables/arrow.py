"""Arrow arrays of words: each distinct word once, and places; and of days."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from ...facts.days import EPOCH
from ...findings.pieces import Coded
from ...record.columns import Whole

WORD = pa.dictionary(pa.int32(), pa.string())


def coded(places: Whole, words: Sequence[str | None]) -> Any:
    """Words by their places in a list, -1 for its last; words of the list may be the same, or missing."""
    listed: dict[str, int] = {}
    codes_of = [-1 if word is None else listed.setdefault(word, len(listed)) for word in words]
    codes = np.array(codes_of or [-1], np.int32)[places]
    mask = codes < 0 if -1 in codes_of or not codes_of else None
    return pa.DictionaryArray.from_arrays(pa.array(codes, mask=mask), pa.array(list(listed), pa.string()))


def joined(parts: Sequence[tuple[int, Coded]], order: Whole) -> Any:
    """Parts of so many rows each as one dictionary array, its rows in an order; each word that is used once."""
    codes = np.empty(len(order), np.int32)
    words: dict[str, int] = {}
    start = 0
    for count, part in parts:
        rows = slice(start, start + count)
        if part.places is None:
            codes[rows] = words.setdefault(part.words[0], len(words))
        else:
            code_of = np.zeros(len(part.words), np.int32)
            for place in np.flatnonzero(np.bincount(part.places)).tolist():
                code_of[place] = words.setdefault(part.words[place], len(words))
            codes[rows] = code_of[part.places]
        start += count
    return pa.DictionaryArray.from_arrays(pa.array(codes[order]), pa.array(list(words), pa.string()))


def spread(parts: Sequence[tuple[int, Any]], order: Whole) -> Any:
    """Parts of so many rows each as one array of strings, its rows in an order: `Coded`, Arrow arrays, or null."""
    places = np.empty(len(order), np.int64)
    pool: list[Any] = []
    start, size = 0, 0
    for count, part in parts:
        rows = slice(start, start + count)
        if part is None:
            places[rows] = -1
        elif isinstance(part, Coded):
            pool.append(pa.array(part.words, pa.string()))
            places[rows] = size if part.places is None else np.where(part.places < 0, -1, part.places + size)
        else:
            pool.append(part)
            places[rows] = np.arange(size, size + count)
        size += len(pool[-1]) if part is not None else 0
        start += count
    return picked(pa.concat_arrays(pool or [pa.array([], pa.string())]), places[order])


def picked(pool: Any, places: Whole) -> Any:
    """Words of an Arrow array by their places, -1 for null."""
    none = places < 0
    return pool.take(pa.array(places, mask=none if none.any() else None))


def words_at(words: Sequence[str], places: Whole) -> Any:
    """The words at some places; a sequence that can tell many at once is asked for them."""
    many = getattr(words, "words", None)
    if many is not None:
        return many(places)
    return pa.array([words[place] for place in places.tolist()], pa.string())


def days_of(column: Whole) -> Any:
    """Ordinals of days as dates; null for what is none."""
    none = column < 1
    return pa.array((column - EPOCH).astype(np.int32), mask=none if none.any() else None).view(pa.date32())


def offsets_of(owner: Whole, count: int) -> Any:
    """Where the entries of each of so many rows begin, of entries in the order of the rows they belong to."""
    offsets = np.zeros(count + 1, np.int32)
    np.cumsum(np.bincount(owner, minlength=count), out=offsets[1:])
    return pa.array(offsets)


def in_order(keys: Whole, limit: int) -> Whole:
    """The order of rows by whole numbers from 0 up to below a limit; equal rows keep their order."""
    return np.argsort(keys.astype(np.uint16) if limit <= 2**16 else keys, kind="stable")  # few bits are counted
