"""Many compiled arrays over one Arrow batch: every column is binned once, each table is one look-up."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ...facts.fact import Fact
from ...facts.problem import AskedWrongly
from ..array import CONTRADICTORY_ANSWER, MOST_BOXES, UNDETERMINED_ANSWER, Array
from ..axis import Axis
from .loops import Kernels, as_dictionary, bits_of, edges_of, entries_of, kernels

ROWS_LOOKED_UP_AT_ONCE = 32_768
"""The bins of so many patients stay in the cache while all tables are looked up: half and double are slower."""
Batch = TypeVar("Batch", pa.RecordBatch, pa.Table)


def decide_batch(arrays: Sequence[Array], batch: Batch, *, fast: bool | None = None) -> Batch:
    """The outcomes of some arrays for every row of a `pyarrow.RecordBatch` or `Table`; the same kind comes back.

    Each array gives one column, named by its outcome: dictionary<int8, string>, null where it is undetermined
    or contradictory. Columns named like facts are read as `Fact.coerce` reads values; nulls, NaN, what is not
    plausible or cannot be read, and facts without a column are unknown. Nothing is derived. `fast` chooses
    compiled loops (`kernels.kernels`). Raises `AskedWrongly` for a column whose type no fact can have.
    """
    whole = pa.Table.from_batches([batch]) if isinstance(batch, pa.RecordBatch) else batch
    loops = kernels(fast, whole.num_rows)
    slots: dict[tuple[Fact, tuple[Any, ...]], _Slot] = {}
    for array in arrays:
        for axis in array.axes:
            slots.setdefault((axis.fact, tuple(axis.cuts)), _Slot(axis, len(slots)))
    columns = {name: _as_read(whole, name, fact) for name, fact in _named(slots) if name in whole.column_names}
    read: Any = pa.table(columns).unify_dictionaries() if columns else None
    for slot in slots.values():
        if slot.axis.fact.name in columns:
            slot.read_column(read.column(slot.axis.fact.name))
    plans = [_Plan(array, [slots[axis.fact, tuple(axis.cuts)] for axis in array.axes]) for array in arrays]
    answers = np.empty((len(arrays), whole.num_rows), dtype=np.int8)
    codes = np.empty((len(slots), ROWS_LOOKED_UP_AT_ONCE), dtype=np.uint8)
    index = np.empty(ROWS_LOOKED_UP_AT_ONCE, dtype=np.uint32)
    for slot in slots.values():
        codes[slot.place] = slot.axis.unknown
    start = 0
    for part in _parts(read, whole.num_rows):
        size = ROWS_LOOKED_UP_AT_ONCE if part is None else part.num_rows
        size = min(size, whole.num_rows - start)
        for slot in slots.values():
            if part is not None and slot.axis.fact.name in columns:
                slot.bin(part.column(slot.axis.fact.name), loops, codes[slot.place, :size])
        for number, plan in enumerate(plans):
            loops.look_up(
                codes, plan.places, plan.strides, plan.answers, index[:size], answers[number, start : start + size]
            )
        start += size
    outcome_columns = [_outcomes(array, answer) for array, answer in zip(arrays, answers, strict=True)]
    names = [array.outcome.name for array in arrays]
    kind = pa.RecordBatch if isinstance(batch, pa.RecordBatch) else pa.Table
    return kind.from_arrays(outcome_columns, names=names)


class _Slot:
    """One (fact, cuts): its axis, its line of codes, and how its column is binned."""

    def __init__(self, axis: Axis, place: int) -> None:
        self.axis = axis
        self.place = place
        self.partial: list[frozenset[int]] = []  # sets of bins met in the column: codes from unknown + 1 on
        self.bins = np.zeros(0, dtype=np.uint8)
        self.edges: npt.NDArray[Any] = np.zeros(0)

    def read_column(self, column: Any) -> None:
        """Work out what is the same for all rows: the bin of every dictionary entry, or the edges."""
        if not pa.types.is_dictionary(column.type):
            self.edges = edges_of(self.axis, np.float32 if column.type == pa.float32() else np.float64)
            return
        entries = entries_of(column.chunk(0).dictionary) if column.num_chunks else []
        bins = [self._code(self.axis.code(self.axis.fact.coerce(entry))) for entry in entries]
        self.bins = np.array([*bins, self.axis.unknown], dtype=np.uint8)

    def _code(self, code: int | frozenset[int]) -> int:
        if isinstance(code, int):
            return code
        if code not in self.partial:
            self.partial.append(code)
        return self.axis.unknown + 1 + self.partial.index(code)

    def bin(self, column: Any, loops: Kernels, out: npt.NDArray[np.uint8]) -> None:
        if pa.types.is_dictionary(column.type):
            values, valid = bits_of(column.indices)
            loops.recode(values.view(f"u{values.itemsize}"), valid, self.bins, out)
        else:
            values, valid = bits_of(column)
            numbers = values if values.dtype.kind == "f" else values.astype(np.float64)
            loops.bin(numbers, valid, self.edges, self.axis.unknown, out)


class _Plan:
    """One array: the lines of codes it reads, their strides, and its flat answers."""

    def __init__(self, array: Array, slots: list[_Slot]) -> None:
        widths = [slot.axis.count + 1 + len(slot.partial) for slot in slots]
        if int(np.prod(widths, dtype=object)) > 16 * MOST_BOXES:
            raise ValueError(
                f"{array.outcome.name}: too many partly known values at once; decide it in smaller batches"
            )
        self.places = np.array([slot.place for slot in slots], dtype=np.int64)
        self.strides = np.array([int(np.prod(widths[place + 1 :])) for place in range(len(slots))], dtype=np.int64)
        self.answers = _answers(array, [slot.partial for slot in slots]).ravel()


def _answers(array: Array, partial: list[list[frozenset[int]]]) -> npt.NDArray[np.int8]:
    """`array.answers` with more bins on each axis: those of values that are only partly known."""
    if not any(partial):
        return array.answers.astype(np.int8)
    values = array.known_values
    for place, axis in enumerate(array.axes):
        unions = [
            np.bitwise_or.reduce(np.take(values, sorted(bins), axis=place), axis=place, keepdims=True)
            for bins in (axis.real, *partial[place])
        ]
        values = np.concatenate([values, *unions], axis=place)
    # What cannot happen drops out where anything else can, as in the array itself.
    never = np.uint64(1 << len(array.outcome.values))
    answers = np.full(values.shape, UNDETERMINED_ANSWER, dtype=np.int8)
    for bit in range(len(array.outcome.values)):
        answers[(values & ~never) == np.uint64(1 << bit)] = bit
    answers[values == never] = CONTRADICTORY_ANSWER
    return answers


def _named(slots: Mapping[tuple[Fact, tuple[Any, ...]], _Slot]) -> Iterator[tuple[str, Fact]]:
    return iter({fact.name: fact for fact, _ in slots}.items())


def _as_read(table: Any, name: str, fact: Fact) -> Any:
    """A column as floats or integers where its fact is a number, otherwise as a dictionary of its values."""
    column = only_column(table, name)
    if fact.is_number and (pa.types.is_integer(column.type) or column.type in (pa.float32(), pa.float64())):
        return column
    return as_dictionary(column, name)


def only_column(table: Any, name: str) -> Any:
    """The column of a table by its name. Raises `AskedWrongly` where two are called so."""
    if table.column_names.count(name) > 1:
        raise AskedWrongly(f"two columns are called {name}; rename one of them")
    return table.column(name)


def _parts(table: Any, rows: int) -> Iterator[Any]:
    """Stretches of at most `ROWS_LOOKED_UP_AT_ONCE` rows; `None` for each where no column is read."""
    if table is not None:
        yield from table.to_batches(max_chunksize=ROWS_LOOKED_UP_AT_ONCE)
    else:
        yield from [None] * -(-rows // ROWS_LOOKED_UP_AT_ONCE)


def _outcomes(array: Array, answers: npt.NDArray[np.int8]) -> Any:
    """Answers as dictionary<int8, string>, null below 0."""
    valid = np.packbits(answers >= 0, bitorder="little")
    np.maximum(answers, 0, out=answers)
    indices = pa.Array.from_buffers(pa.int8(), len(answers), [pa.py_buffer(valid), pa.py_buffer(answers)])
    return pa.DictionaryArray.from_arrays(indices, pa.array(array.outcome.values, pa.string()), safe=False)
