"""Arrow arrays of words: each distinct word once, and places."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from ...record.columns import Whole

WORD = pa.dictionary(pa.int32(), pa.string())


def coded(places: Whole, words: Sequence[str | None]) -> Any:
    """Words by their places in a list, -1 for its last; words of the list may be the same, or missing."""
    listed: dict[str, int] = {}
    codes_of = [-1 if word is None else listed.setdefault(word, len(listed)) for word in words]
    codes = np.array(codes_of or [-1], np.int32)[places]
    return pa.DictionaryArray.from_arrays(pa.array(codes, mask=codes < 0), pa.array(list(listed), pa.string()))


def words_at(words: Sequence[str], places: Whole) -> Any:
    """The words at some places; a sequence that can tell many at once is asked for them."""
    many = getattr(words, "words", None)
    if many is not None:
        return many(places)
    return pa.array([words[place] for place in places.tolist()], pa.string())
