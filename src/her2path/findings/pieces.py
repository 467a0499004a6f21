"""Words of many rows as pieces: what is the same of many rows stands once, and each row has its place among them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..history.numbered import distinct_of
from ..record.columns import Whole

FEW = 8
"""Of so many rows no distinct words are looked for."""


@dataclass(frozen=True, slots=True)
class Coded:
    """Words, one a row, by their places in a list (-1 for none); without places every row has its only word."""

    words: Sequence[str]
    places: Whole | None = None


def coded_by(keys: Whole, word: Callable[[int], str]) -> Coded:
    """A word for each row by its key, put together once for each distinct key."""
    if len(keys) <= FEW:
        return Coded([word(key) for key in keys.tolist()], np.arange(len(keys)))
    distinct, places = distinct_of(keys)
    return Coded([word(key) for key in distinct], places)


class Pieced(Sequence[str]):
    """The text of each row, of pieces that stand one behind the other: the same for all, or `Coded` with places."""

    def __init__(self, pieces: Sequence[str | Coded], size: int) -> None:
        self.pieces, self.size = pieces, size

    def __len__(self) -> int:
        return self.size

    def __getitem__(self, place: Any) -> Any:
        return "".join(_at(piece, place) for piece in self.pieces)

    def where(self, places: Whole) -> Pieced:
        """The texts of some rows."""
        return Pieced([_where(piece, places) for piece in self.pieces], len(places))


def _at(piece: str | Coded, place: int) -> str:
    if isinstance(piece, str):
        return piece
    return piece.words[0 if piece.places is None else piece.places[place]]


def _where(piece: str | Coded, places: Whole) -> str | Coded:
    if isinstance(piece, str) or piece.places is None:
        return piece
    return Coded(piece.words, piece.places[places])
