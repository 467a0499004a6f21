"""What is done to all rows of a column at once: numbers and entries to bins or classes, bins to answers.

Each inner loop exists twice, in NumPy and compiled with numba (the optional extra `fast`), and both give the
same bytes. numba is imported only when it is asked for: a small file is done before it has loaded.
"""

from __future__ import annotations

import sys
from functools import cache
from importlib.util import find_spec
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ...facts.problem import AskedWrongly
from ..axis import Axis, float_bound
from .compiled import compiled

Float64Array = npt.NDArray[np.float64]
Int64Array = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]
BinArray = npt.NDArray[np.uint8]
ValidArray = npt.NDArray[np.uint8]
AnswerArray = npt.NDArray[np.int8]

ROWS_WORTH_COMPILED = 200_000
"""From here on the time won is more than the time numba takes to load (about a third of a second)."""


class Bin(Protocol):
    """Write into `out` the bin of each number.

    `edges` are the least and the first too great plausible number, then the cuts between bins, all of the
    dtype of `numbers`. NaN, what is not plausible, and what `valid` marks with 0, get the bin `unknown`.
    """

    def __call__(
        self, numbers: npt.NDArray[Any], valid: ValidArray | None, edges: npt.NDArray[Any], unknown: int, out: BinArray
    ) -> None: ...


class Recode(Protocol):
    """Write into `out` the bin of each dictionary index; `bins` has one entry more, for nulls.

    `indices` are unsigned; where `valid` is 0 they may hold anything.
    """

    def __call__(self, indices: npt.NDArray[Any], valid: ValidArray | None, bins: BinArray, out: BinArray) -> None: ...


class LookUp(Protocol):
    """Write into `out` the answer of each patient.

    `codes[a]` are the bins on axis `a`; the table reads the axes `places` with their `strides`; `answers`
    is the flat array. `index` is room to work in, as long as `out`.
    """

    def __call__(
        self,
        codes: npt.NDArray[np.uint8],
        places: npt.NDArray[np.int64],
        strides: npt.NDArray[np.int64],
        answers: AnswerArray,
        index: npt.NDArray[np.uint32],
        out: AnswerArray,
    ) -> None: ...


class Kernels(NamedTuple):
    """The three loops, and whether they are compiled."""

    bin: Bin
    recode: Recode
    look_up: LookUp
    compiled: bool


def kernels(fast: bool | None = None, rows: int = sys.maxsize) -> Kernels:
    """The loops to use: compiled, or plain where `fast` is `False` or numba is not installed.

    With `None` they are compiled where numba is there and either already loaded or worth loading for so
    many rows. Raises `ImportError` when `fast` is `True` and numba is missing.
    """
    if fast is None:
        fast = sys.modules.get("numba") is not None or (rows >= ROWS_WORTH_COMPILED and find_spec("numba") is not None)
    return _compiled() if fast else Kernels(_bin, _recode, _look_up, False)


def edges_of(axis: Axis, kind: type[np.floating[Any]] = np.float64) -> npt.NDArray[Any]:
    """Where an axis begins and ends, then its inner cuts, as `Bin` reads them."""
    used = [place for place, slot in enumerate(axis.slots) if slot != axis.unknown]
    bounds = [float_bound(cut, kind) for cut in axis.cuts]
    low = bounds[used[0] - 1] if used[0] else float(np.finfo(kind).min)
    high = bounds[used[-1]] if used[-1] < len(bounds) else float("inf")
    return np.array([low, high, *bounds[used[0] : used[-1]]], dtype=kind)


_NUMPY = {
    **{f"{sign}int{bits}": f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)},
    "halffloat": "float16",
    "float": "float32",
    "double": "float64",
}
"""NumPy's name of each primitive Arrow type (Arrow itself would ask pandas)."""


def bits_of(column: Any) -> tuple[npt.NDArray[Any], ValidArray | None]:
    """The values of a primitive Arrow array without a copy, and 1 where they are valid (`None`: all are)."""
    bits, data = column.buffers()
    end = column.offset + len(column)
    values = np.frombuffer(data or b"", dtype=_NUMPY[str(column.type)], count=end)[column.offset :]
    if bits is None or column.null_count == 0:
        return values, None
    first = column.offset // 8
    packed = np.frombuffer(bits, dtype=np.uint8)[first : (end + 7) // 8]
    start = column.offset - 8 * first
    return values, np.unpackbits(packed, bitorder="little")[start : start + len(column)]


def as_dictionary(column: Any, name: str) -> Any:
    """An Arrow column by its distinct values. Raises `AskedWrongly` for types no fact can have."""
    if pa.types.is_dictionary(column.type):
        return column
    if pa.types.is_null(column.type):
        column = column.cast(pa.string())
    try:
        return column.dictionary_encode()
    except (pa.ArrowNotImplementedError, pa.ArrowInvalid) as error:
        raise AskedWrongly(f"the column {name} holds {column.type}; expected text, numbers or dates") from error


def entries_of(values: Any) -> list[Any]:
    """Python values of an Arrow array; a float32 keeps its type, whose shortest decimal is what was recorded."""
    entries: list[Any] = values.to_pylist()
    if values.type == pa.float32():
        return [None if entry is None else np.float32(entry) for entry in entries]
    return entries


def _bin(
    numbers: npt.NDArray[Any], valid: ValidArray | None, edges: npt.NDArray[Any], unknown: int, out: BinArray
) -> None:
    out[:] = 0
    for cut in edges[2:]:
        out += numbers >= cut
    outside = ~((numbers >= edges[0]) & (numbers < edges[1]))
    if valid is not None:
        outside |= valid == 0
    np.copyto(out, np.uint8(unknown), where=outside)


def _recode(indices: npt.NDArray[Any], valid: ValidArray | None, bins: BinArray, out: BinArray) -> None:
    if valid is not None:
        indices = np.where(valid, indices, len(bins) - 1)
    np.take(bins, indices, out=out, mode="clip")


def _look_up(
    codes: npt.NDArray[np.uint8],
    places: npt.NDArray[np.int64],
    strides: npt.NDArray[np.int64],
    answers: AnswerArray,
    index: npt.NDArray[np.uint32],
    out: AnswerArray,
) -> None:
    index[:] = 0
    for place, stride in zip(places, strides, strict=True):
        index += codes[place, : len(out)] * np.uint32(stride)
    np.take(answers, index, out=out, mode="clip")


@cache
def _compiled() -> Kernels:
    """The same loops in machine code, kept on disk between runs where a folder for it can be written."""
    return Kernels(compiled(_bin_loop), compiled(_recode_loop), compiled(_look_up_loop), True)


# The loops below are plain Python that numba compiles. Each inner loop is free of branches and reads one
# array straight through, so that the compiler can use the vector units.


def _bin_loop(
    numbers: npt.NDArray[Any], valid: ValidArray | None, edges: npt.NDArray[Any], unknown: int, out: BinArray
) -> None:
    low, high = edges[0], edges[1]
    for row in range(len(out)):
        out[row] = 0
    for cut in edges[2:]:
        for row in range(len(out)):
            out[row] += numbers[row] >= cut
    for row in range(len(out)):
        out[row] = out[row] if (numbers[row] >= low) & (numbers[row] < high) else unknown
    if valid is not None:
        for row in range(len(out)):
            out[row] = out[row] if valid[row] else unknown


def _recode_loop(indices: npt.NDArray[Any], valid: ValidArray | None, bins: BinArray, out: BinArray) -> None:
    null = len(bins) - 1
    if valid is None:
        for row in range(len(out)):
            out[row] = bins[indices[row]]
    else:
        for row in range(len(out)):
            out[row] = bins[indices[row]] if valid[row] else bins[null]


def _look_up_loop(
    codes: npt.NDArray[np.uint8],
    places: npt.NDArray[np.int64],
    strides: npt.NDArray[np.int64],
    answers: AnswerArray,
    index: npt.NDArray[np.uint32],
    out: AnswerArray,
) -> None:
    for row in range(len(out)):
        index[row] = 0
    for axis in range(len(places)):
        column, stride = codes[places[axis]], np.uint32(strides[axis])
        for row in range(len(out)):
            index[row] += column[row] * stride
    for row in range(len(out)):
        out[row] = answers[index[row]]
