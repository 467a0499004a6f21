"""The one idea: a table, or a chain of tables, as a small array over the bins of its inputs.

Every box of the array holds the set of rows, and so the set of outcomes, still possible there. Each
axis has one bin more, *unknown*, which holds the union over the bins that a reported value can fall
in. Completeness, decisions for one and for many, what would settle an open case, differences between
editions and explanations are all read off this array.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from itertools import combinations, product
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from ..facts.fact import Fact, Facts
from ..facts.value import NOT_REPORTED
from .axis import Axis, Code
from .table import CANNOT_HAPPEN, Cell, Table

UNDETERMINED_ANSWER = -1
CONTRADICTORY_ANSWER = -2
MOST_BOXES = 4_000_000

Masks = npt.NDArray[np.uint64]
Names = tuple[tuple[str, ...], ...]


class TooManyBoxes(ValueError):
    """A chain of tables whose array would be too large to hold."""


@dataclass(slots=True)
class Situation:
    """What an array says of one combination of bins.

    `answer` is an index into the outcome's values, `UNDETERMINED_ANSWER` or `CONTRADICTORY_ANSWER`; `outcomes`
    are those still possible; `rows` the rows of the last table still standing.
    """

    answer: int
    outcomes: tuple[str, ...]
    rows: tuple[int, ...]
    _settle: Names | None = field(default=None, repr=False)


class Array:
    """A compiled outcome: `tables` in order, the last deciding `outcome` from `axes`.

    A single table makes an array over its own inputs; a chain makes one over the facts at its
    root, so that what an undetermined outcome still rules out is never lost on the way. Outcomes
    in `given` are inputs; `refine` adds cells whose cuts the axes take over.
    """

    def __init__(
        self,
        tables: Sequence[Table],
        facts: Facts,
        given: frozenset[str] = frozenset(),
        refine: Mapping[str, Sequence[Cell]] | None = None,
    ) -> None:
        self.tables = list(tables)
        self.given = given
        self.table = self.tables[-1]
        self.facts = facts
        self.outcome: Fact = facts[self.table.outcome]
        self.values: tuple[str, ...] = (*self.outcome.values, CANNOT_HAPPEN)
        self._never = np.uint64(1 << len(self.outcome.values))
        derived = {table.outcome for table in self.tables}
        cells: dict[str, list[Cell]] = {}
        for table in self.tables:
            for place, name in enumerate(table.inputs):
                if name not in derived:
                    cells.setdefault(name, []).extend(row.cells[place] for row in table.rows)
        finer = refine or {}
        place_of = {name: place for place, name in enumerate(facts)}
        self.axes = [
            Axis(facts[name], [*used, *finer.get(name, ())])
            for name, used in sorted(cells.items(), key=lambda item: place_of[item[0]])
        ]
        self._named_axes = [(axis.fact.name, axis) for axis in self.axes]
        self.place = {axis.fact.name: place for place, axis in enumerate(self.axes)}
        shape = tuple(axis.count for axis in self.axes)
        extended = prod(count + 1 for count in shape)
        if extended > MOST_BOXES:
            what = f"the chain that decides {self.table.outcome} has {extended} situations, at most {MOST_BOXES}"
            raise TooManyBoxes(what)
        self.known_rows, self.known_values = self._fill(shape)
        self._extend()
        self._seen: dict[tuple[Code, ...], Situation] = {}
        self.references: dict[tuple[Code, ...], Any] = {}

    def _fill(self, shape: tuple[int, ...]) -> tuple[Masks, Masks]:
        """Rows and outcomes of every known box, table by table.

        An outcome that is left open and feeds several tables is one and the same value for all of
        them: it gets an axis of its own, over its values, that is united away at the end.
        """
        hidden = self._open_and_shared()
        dimensions = len(shape) + len(hidden)
        outcomes: dict[str, Masks] = {}
        rows = values = np.zeros((1,) * dimensions, dtype=np.uint64)
        alive = np.ones((1,) * dimensions, dtype=bool)
        for table in self.tables:
            rows = np.full((1,) * dimensions, np.uint64((1 << len(table.rows)) - 1))
            never = np.zeros((1,) * dimensions, dtype=bool)
            for place, name in enumerate(table.inputs):
                column = [row.cells[place] for row in table.rows]
                if name in outcomes:
                    admitted, impossible = self._admit_outcomes(outcomes[name], self.facts[name], column)
                    never = never | impossible
                else:
                    admitted = self._admit_bins(name, column, dimensions)
                rows = rows & admitted
            fact = self.facts[table.outcome]
            rows = np.where(never, np.uint64(0), rows)
            values = np.where(never, np.uint64(1 << len(fact.values)), _outcome_bits(table, fact, rows))
            if table.outcome in hidden:
                along = [1] * dimensions
                along[len(shape) + hidden.index(table.outcome)] = len(fact.values) + 1
                bits = np.array([1 << bit for bit in range(len(fact.values) + 1)], dtype=np.uint64).reshape(along)
                values = values & bits
                alive = alive & (values != 0)
            outcomes[table.outcome] = values
        return self._united(rows, values, alive, shape, len(hidden))

    def _open_and_shared(self) -> list[str]:
        fed = [name for table in self.tables for name in table.inputs]
        open_ones: set[str] = set()
        for table in self.tables:
            if any(len(row.outcomes) > 1 for row in table.rows) or open_ones & set(table.inputs):
                open_ones.add(table.outcome)
        return [t.outcome for t in self.tables[:-1] if fed.count(t.outcome) > 1 and t.outcome in open_ones]

    def _united(
        self, rows: Masks, values: Masks, alive: npt.NDArray[np.bool_], shape: tuple[int, ...], hidden: int
    ) -> tuple[Masks, Masks]:
        """The union over the hidden axes; what cannot happen counts only where nothing else can."""
        full = np.broadcast_shapes(rows.shape, values.shape, alive.shape, (*shape, *(1,) * hidden))
        rows, values = np.broadcast_to(rows, full), np.broadcast_to(values, full)
        alive = np.broadcast_to(alive, full)
        if hidden:
            axes = tuple(range(len(shape), len(full)))
            possible = alive & (values != self._never)
            counted = alive & (possible | ~possible.any(axis=axes, keepdims=True))
            rows = np.bitwise_or.reduce(np.where(counted, rows, np.uint64(0)), axis=axes)
            values = np.bitwise_or.reduce(np.where(counted, values, np.uint64(0)), axis=axes)
        return rows.copy(), values.copy()

    def _admit_bins(self, name: str, column: list[Cell], dimensions: int) -> Masks:
        axis = self.axes[self.place[name]]
        masks = np.zeros(axis.count, dtype=np.uint64)
        for number, cell in enumerate(column):
            masks[np.array(axis.admits(cell), dtype=bool)] |= np.uint64(1 << number)
        along = [1] * dimensions
        along[self.place[name]] = axis.count
        return masks.reshape(along)

    @staticmethod
    def _admit_outcomes(outcomes: Masks, fact: Fact, column: list[Cell]) -> tuple[Masks, npt.NDArray[np.bool_]]:
        admitted = np.zeros(outcomes.shape, dtype=np.uint64)
        for bit, value in enumerate(fact.values):
            mask = sum(1 << number for number, cell in enumerate(column) if cell.is_any or value in cell.values)
            admitted |= np.where((outcomes >> np.uint64(bit)) & np.uint64(1), np.uint64(mask), np.uint64(0))
        return admitted, outcomes == np.uint64(1 << len(fact.values))

    def _extend(self) -> None:
        """Add the unknown bin to every axis; what cannot happen drops out where anything else can."""
        never = self.known_values == self._never
        rows = np.where(never, np.uint64(0), self.known_rows)
        impossible = np.where(never, self.known_rows, np.uint64(0))
        values = self.known_values
        for place, axis in enumerate(self.axes):
            values, rows, impossible = (_with_unknown(masks, place, axis.real) for masks in (values, rows, impossible))
        possible = values & ~self._never
        self._values = np.where(possible, possible, values)
        self._rows = np.where(possible, rows, impossible)
        self.answers = self._answers(self._values)
        self.strides = [int(np.prod([a.count + 1 for a in self.axes[p + 1 :]])) for p in range(len(self.axes))]
        self._flat: list[int] = self.answers.ravel().tolist()
        self._plan = [
            (
                axis.fact.name,
                axis.float_bounds,
                [c * s for c in axis.slots],
                {v: c * s for v, c in axis.named.items()},
                axis.unknown * s,
            )
            for axis, s in zip(self.axes, self.strides, strict=True)
        ]

    def _answers(self, values: Masks) -> npt.NDArray[np.int16]:
        answers = np.full(values.shape, UNDETERMINED_ANSWER, dtype=np.int16)
        for bit in range(len(self.outcome.values)):
            answers[values == np.uint64(1 << bit)] = bit
        answers[values == self._never] = CONTRADICTORY_ANSWER
        return answers

    @property
    def situations(self) -> int:
        """How many known boxes the array has."""
        return int(self.known_rows.size)

    def row_masks(self) -> Masks:
        """For every place of the flat array the rows standing, a bit each."""
        return self._rows.ravel()

    def value_masks(self) -> Masks:
        """For every place of the flat array the outcomes still possible, a bit each."""
        return self._values.ravel()

    def answer(self, values: Mapping[str, object]) -> int:
        """The index of the outcome for one patient, or `UNDETERMINED_ANSWER`, or `CONTRADICTORY_ANSWER`.

        `values` holds what `Fact.coerce` made; a fact that is missing is unknown.
        """
        index = 0
        for name, bounds, slots, named, unknown in self._plan:
            value: Any = values.get(name)
            kind = value.__class__
            if kind is str:
                index += named.get(value, unknown)
            elif kind is float:
                index += slots[bisect_right(bounds, value)]
            elif value is None:
                index += unknown
            else:
                return self._slow_answer(values)
        return self._flat[index]

    def flat_answer(self, box: int) -> int:
        """The answer at a place of the flat array."""
        return self._flat[box]

    def _slow_answer(self, values: Mapping[str, object]) -> int:
        return self.situation(self.codes(values)).answer

    def codes(self, values: Mapping[str, object]) -> tuple[Code, ...]:
        """The bin, or bins, of each axis for one patient."""
        return tuple([axis.code(values.get(name)) for name, axis in self._named_axes])

    def situation(self, codes: tuple[Code, ...]) -> Situation:
        """Everything the array holds for a combination of bins; each is worked out once."""
        seen = self._seen.get(codes)
        if seen is None:
            values, rows = self._masks(codes)
            answer = int(self._answers(np.array([values]))[0])
            outcomes = tuple(v for bit, v in enumerate(self.values) if int(values) >> bit & 1)
            seen = Situation(answer, outcomes, tuple(r for r in range(64) if int(rows) >> r & 1))
            self._seen[codes] = seen
        return seen

    def _masks(self, codes: tuple[Code, ...]) -> tuple[np.uint64, np.uint64]:
        if all(isinstance(code, int) for code in codes):
            at: Any = codes
            return self._values[at], self._rows[at]
        bins = np.ix_(*(axis.bins_of(code) for axis, code in zip(self.axes, codes, strict=True)))
        values, rows = self.known_values[bins].ravel(), self.known_rows[bins].ravel()
        usable = values != self._never
        if usable.any():
            values, rows = values[usable], rows[usable]
        possible = np.bitwise_or.reduce(values)
        return (possible & ~self._never if usable.any() else possible), np.bitwise_or.reduce(rows)

    def would_settle(self, codes: tuple[Code, ...]) -> Names:
        """The smallest sets of facts that would settle an open situation, whatever their values.

        A set is listed when, once it is known, the outcome is decided, or nothing else that can be
        learnt would change it; when it decides in at least one case; and when no part of it does as
        much. Facts not reported count as knowable. Where the outcome now only asks for a further
        test (`Fact.open_values`), it must come out as another value to count as settled.
        """
        situation = self.situation(codes)
        if situation._settle is None:
            situation._settle = self._find_settling(codes, situation)
        return situation._settle

    def _find_settling(self, codes: tuple[Code, ...], situation: Situation) -> Names:
        now = [axis.bins_of(code) for axis, code in zip(self.axes, codes, strict=True)]
        learnt = [self._learnt(axis, bins) for axis, bins in zip(self.axes, now, strict=True)]
        askable = [place for place, bins in enumerate(learnt) if len(bins) > 1 and self._askable(place, learnt)]
        unsettled = sum(1 << bit for bit, v in enumerate(self.outcome.values) if v in self.outcome.open_values)
        if situation.answer == UNDETERMINED_ANSWER:
            unsettled = 0
        settling: list[tuple[int, ...]] = []
        for size in range(1, len(askable) + 1):
            for chosen in combinations(askable, size):
                if any(set(smaller) <= set(chosen) for smaller in settling):
                    continue
                if self._settles(chosen, now, learnt, np.uint64(unsettled)):
                    settling.append(chosen)
        return tuple(tuple(self.axes[place].fact.name for place in chosen) for chosen in settling)

    @staticmethod
    def _learnt(axis: Axis, bins: tuple[int, ...]) -> tuple[int, ...]:
        """The bins a fact can turn out to be in, once it is tested for or read again."""
        return axis.real if [axis.labels[c] for c in bins] == [NOT_REPORTED] else bins

    def _askable(self, place: int, learnt: list[tuple[int, ...]]) -> bool:
        """False where a fact, once known, would only contradict what it implies (a ratio beside a single probe)."""
        implied = self.axes[place].fact.implies
        if implied is None or implied[0] not in self.place:
            return True
        other = self.place[implied[0]]
        return self.axes[other].named[implied[1]] in learnt[other]

    def _settles(
        self, chosen: tuple[int, ...], now: list[tuple[int, ...]], learnt: list[tuple[int, ...]], unsettled: np.uint64
    ) -> bool:
        rest = tuple(place for place in range(len(self.axes)) if place not in chosen)
        box = self._box([learnt[place] if place in chosen else bins for place, bins in enumerate(now)], chosen)
        union = np.bitwise_or.reduce(box, axis=rest)
        decided = ((union & (union - np.uint64(1))) == 0) & ((union & unsettled) == 0)
        if not decided.any() or not union[decided].any():
            return False
        if decided.all():
            return True
        later = self._box(learnt, chosen)
        widest = np.bitwise_or.reduce(later, axis=rest)
        narrowest = np.bitwise_and.reduce(np.where(later == 0, ~np.uint64(0), later), axis=rest)
        return bool(np.all(decided | (widest == narrowest)))

    def _box(self, bins: list[tuple[int, ...]], chosen: tuple[int, ...]) -> Masks:
        """The outcomes over some bins; a fact that is known sets what it implies."""
        bins = list(bins)
        for place in chosen:
            implied = self.axes[place].fact.implies
            if implied and implied[0] in self.place:
                other = self.axes[self.place[implied[0]]]
                bins[self.place[implied[0]]] = (other.named[implied[1]],)
        return self.known_values[np.ix_(*bins)] & ~self._never

    def boxes(self, unknown: bool = False) -> Iterator[tuple[int, ...]]:
        """Every known box; with `unknown`, every box of the extended array."""
        return product(*(range(axis.count + bool(unknown)) for axis in self.axes))

    def words(self, codes: Sequence[Code]) -> str:
        """A combination of bins in words; axes whose bin is unknown are left out."""
        parts = [
            axis.words(axis.bins_of(code))
            for axis, code in zip(self.axes, codes, strict=True)
            if isinstance(code, frozenset) or code != axis.unknown
        ]
        return ", ".join(parts) or "nothing known"


def _with_unknown(masks: Masks, place: int, real: tuple[int, ...]) -> Masks:
    union = np.bitwise_or.reduce(np.take(masks, real, axis=place), axis=place, keepdims=True)
    return np.concatenate([masks, union], axis=place)


def _outcome_bits(table: Table, fact: Fact, rows: Masks) -> Masks:
    values = (*fact.values, CANNOT_HAPPEN)
    bits = [reduce(int.__or__, (1 << values.index(name) for name in row.outcomes)) for row in table.rows]
    masks = np.zeros(rows.shape, dtype=np.uint64)
    for number, bit in enumerate(bits):
        masks |= np.where((rows >> np.uint64(number)) & np.uint64(1), np.uint64(bit), np.uint64(0))
    return masks
