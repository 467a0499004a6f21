"""Two editions side by side: every situation in which they disagree, in words."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..facts.problem import AskedWrongly
from .array import Array
from .axis import Axis
from .edition import Edition
from .library import Knowledge, chain
from .table import CANNOT_HAPPEN, Cell, Table


@dataclass(frozen=True, slots=True)
class Side:
    """What one edition says of a situation: the outcomes, and the rows with their citations."""

    edition: str
    outcomes: tuple[str, ...]
    rows: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.edition}: {' or '.join(self.outcomes)} ({'; '.join(self.rows)})"


@dataclass(frozen=True, slots=True)
class Disagreement:
    """A set of situations, in words, on which two editions differ.

    `boxes` counts the situations that no disagreement before it has covered.
    """

    outcome: str
    situation: str
    left: Side
    right: Side
    boxes: int


def common_outcomes(left: Edition, right: Edition, knowledge: Knowledge) -> list[str]:
    """The outcomes that both editions decide, each in the order of the first.

    What is lent to one's own edition is not counted: that stays with the edition in force.
    """
    of_right = right.tables if right.own else knowledge.tables_of(right)
    return [name for name in left.tables if name in of_right]


def differences(left: Edition, right: Edition, outcome: str, knowledge: Knowledge) -> Iterator[Disagreement]:
    """Every disagreement on one outcome, neighbouring situations joined.

    Inputs that a laboratory reports as such (the IHC score) are taken as given; what the editions
    derive from numbers (ISH groups and results) is derived by each.
    """
    pair = [_compiled(edition, outcome, knowledge) for edition in (left, right)]
    refined = _common_cells(pair)
    arrays = [Array(tables, knowledge.facts, refine=refined) for tables in pair]
    unordered = {axis.fact.name: axis for array in arrays for axis in array.axes}
    axes: dict[str, Axis] = {name: unordered[name] for name in knowledge.facts if name in unordered}
    grids = [_on(array, array.known_values, axes) for array in arrays]
    rows = [_on(array, array.known_rows, axes) for array in arrays]
    never = np.uint64(1 << len(arrays[0].outcome.values))
    shape = tuple(axis.count for axis in axes.values())
    differ = np.broadcast_to((grids[0] != grids[1]) & (grids[0] != never) & (grids[1] != never), shape)
    signature = np.stack([np.broadcast_to(grid, shape) for grid in (*grids, *rows)], axis=-1)
    left_over = differ.copy()
    while left_over.any():
        seed = tuple(int(c) for c in np.argwhere(left_over)[0])
        same = differ & np.all(signature == signature[seed], axis=-1)
        box = _grow(seed, same)
        newly = int(left_over[np.ix_(*box)].sum())
        left_over[np.ix_(*box)] = False
        words = [axis.words(bins) for axis, bins in zip(axes.values(), box, strict=True) if len(bins) < axis.count]
        sides = [
            Side(
                edition.key, _names(arrays[n], signature[seed][n]), _row_words(arrays[n].table, signature[seed][n + 2])
            )
            for n, edition in enumerate((left, right))
        ]
        yield Disagreement(outcome, ", ".join(words) or "always", sides[0], sides[1], newly)


def compare(left_key: str, right_key: str, knowledge: Knowledge, outcome: str | None = None) -> list[Disagreement]:
    """All disagreements of two editions by key. Raises `AskedWrongly` when they share no outcome."""
    left, right = knowledge.edition(left_key), knowledge.edition(right_key)
    shared = common_outcomes(left, right, knowledge)
    if outcome is not None:
        shared = [name for name in shared if name == outcome]
    if not shared:
        raise AskedWrongly(
            f"{left_key} and {right_key} decide nothing in common" + (f" called {outcome}" if outcome else "")
        )
    return [disagreement for name in shared for disagreement in differences(left, right, name, knowledge)]


def _compiled(edition: Edition, outcome: str, knowledge: Knowledge) -> list[Table]:
    return chain(knowledge.tables_of(edition), outcome, frozenset({"ihc_score"} - {outcome}))


def _common_cells(pair: list[list[Table]]) -> dict[str, list[Cell]]:
    cells: dict[str, list[Cell]] = {}
    for tables in pair:
        for table in tables:
            for place, name in enumerate(table.inputs):
                cells.setdefault(name, []).extend(row.cells[place] for row in table.rows)
    return cells


def _on(array: Array, masks: npt.NDArray[np.uint64], axes: dict[str, Axis]) -> npt.NDArray[np.uint64]:
    """An array's masks laid along the axes of both editions."""
    order = [array.place[name] for name in axes if name in array.place]
    shape = [axis.count if name in array.place else 1 for name, axis in axes.items()]
    return masks.transpose(order).reshape(shape)


def _grow(seed: tuple[int, ...], same: npt.NDArray[np.bool_]) -> list[list[int]]:
    """A large product of bins around `seed` that lies wholly in `same`: the most axes whole, then the
    most boxes, of those found by widening one axis first and then the others in turn."""
    axes = range(len(seed))
    boxes = [_widen(seed, same, [*axes[start:], *axes[:start]]) for start in axes]
    return max(boxes, key=lambda box: (sum(len(b) == n for b, n in zip(box, same.shape, strict=True)), _volume(box)))


def _widen(seed: tuple[int, ...], same: npt.NDArray[np.bool_], order: list[int]) -> list[list[int]]:
    box = [[c] for c in seed]
    for place in order:
        for candidate in range(same.shape[place]):
            if candidate in box[place]:
                continue
            wider = [*box[:place], sorted([*box[place], candidate]), *box[place + 1 :]]
            if same[np.ix_(*wider)].all():
                box = wider
    return box


def _volume(box: list[list[int]]) -> int:
    return int(np.prod([len(bins) for bins in box]))


def _names(array: Array, mask: np.uint64) -> tuple[str, ...]:
    return tuple(value for bit, value in enumerate(array.values) if int(mask) >> bit & 1 and value != CANNOT_HAPPEN)


def _row_words(table: Table, mask: np.uint64) -> tuple[str, ...]:
    standing = [row for number, row in enumerate(table.rows) if int(mask) >> number & 1]
    return tuple(f"row {row.name}, {', '.join(map(str, row.citations))}" for row in standing)
