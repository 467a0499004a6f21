"""The folds run over a batch: interpreted for few patients, compiled for many, the same functions both ways."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from hashlib import blake2b
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ...record.columns import Whole
from ...tables.many.compiled import compiled
from ..drug_codes import DrugCodes, default_codes
from ..names import COURSE, DOSING, HEART, UNKNOWN, last_day_of
from ..timeline import Timeline
from .compiling import compiling_listener
from .disease import fold_course
from .doses import NOBODY, fold_doses
from .heart import fold_heart, lay_lvef
from .steps import look_up, other_drug, takes_over

State = dict[str, int]
Columns = dict[str, npt.NDArray[np.int64]]
FEW = 4_000
"""After so many patients in one process the compiled folds are worth loading."""


@dataclass(slots=True)
class Folded:
    """What the folds leave of a batch: a column over patients of each name, and where holds begin and end.

    `holds` has a mark for each place of the timeline: `OPENED` or `CLOSED` by the event there, or 0. `hands` has for
    each place of a dose of a HER2-directed product the product in hand before it and after it, and why it changed: 0
    for no reason on record, `MEANT`, or `GOES_ON`.
    """

    state: Columns
    holds: Whole
    hands: npt.NDArray[np.int16]


OPENED, CLOSED = 1, 2
"""The marks of an event that opens or closes a hold for the heart."""
MEANT, GOES_ON = 1, 2
"""Why another drug became the product in hand: a reason on record, or that it was given again or after a long time."""


class _Seen:
    """How many patients this process has folded one by one."""

    patients = 0


def dosing_names(codes: DrugCodes) -> tuple[str, ...]:
    """The names of what the fold of doses leaves: those of `DOSING`, then the last day of each product."""
    return (*DOSING, *map(last_day_of, codes.products))


def fold(
    timeline: Timeline, on: int, limit: int, tables: Callable[[bool], tuple[Any, ...]], codes: DrugCodes | None = None,
    compiled: bool | None = None, meant: Whole | None = None,
) -> Folded:  # fmt: skip
    """The states of a batch on the day `on` (an ordinal): every name of `DOSING`, `HEART` and `COURSE`, and last days.

    `limit` is the lower limit of normal LVEF in thousandths, `tables` gives those of the heart as lists (True) or as
    arrays (False). `codes` are the drugs by which the timeline was made, those of the knowledge in use where none are
    given. `compiled` chooses the way; by default it is compiled once there are many and numba is installed. `meant` has
    by patient the days from which on residual disease and an intended change are on record.
    """
    codes = codes or default_codes()
    count = len(timeline.starts) - 1
    if compiled is None:
        compiled = worth_compiling(count)
    names = (dosing_names(codes), HEART, COURSE)
    columns: tuple[Any, ...] = (timeline.starts, timeline.day, timeline.kind, timeline.number, timeline.code)
    outs: list[Any]
    marks: Any
    drugs: Any
    hands: Any
    known: Any = np.full((count, 2), UNKNOWN, np.int64) if meant is None else meant
    if compiled:
        doses, heart, course = compiled_folds()
        starts, day, kind, number, code = columns
        columns = (starts, day.astype(np.int32), kind.astype(np.int8), number, code.astype(np.int16))
        # What is left of a patient is a row, and each column stands together, as it is read by columns from here on.
        outs = [np.empty((len(listed), count), np.int64).T for listed in names]
        marks = np.zeros(len(day), np.int8)
        hands = np.full((len(day), 3), NOBODY, np.int16)
        drugs, heart_tables = codes.arrays, tables(False)
    else:
        doses, heart, course = fold_doses, fold_heart, fold_course
        # Whole numbers of Python: those of NumPy are narrow, and differences with `UNKNOWN` would not fit.
        columns = tuple(column.tolist() for column in columns)
        outs, marks = [[[0] * len(listed) for _ in range(count)] for listed in names], [0] * len(timeline.day)
        hands, known = [[NOBODY] * 3 for _ in range(len(timeline.day))], known.tolist()
        drugs, heart_tables = codes.drugs, tables(True)
    doses(*columns, on, drugs, codes.numbers, outs[0], known, hands)
    heart(*columns, on, limit, heart_tables, drugs, codes.numbers, outs[1], marks, hands)
    course(*columns, on, drugs, codes.numbers, outs[2])
    state: Columns = {}
    for listed, out in zip(names, outs, strict=True):
        table = np.ascontiguousarray(np.asarray(out, np.int64).reshape(count, len(listed)).T)
        state |= dict(zip(listed, table, strict=True))
    return Folded(state, np.asarray(marks, np.int64), np.asarray(hands, np.int16).reshape(-1, 3))


def load_compiled(tables: Callable[[bool], tuple[Any, ...]], codes: DrugCodes) -> None:
    """Load the compiled folds, where numba is installed, before processes are forked that would each load them."""
    if find_spec("numba"):
        nothing = np.zeros(0, np.int64)
        empty = Timeline(np.zeros(1, np.int64), *(nothing,) * 8)
        fold(empty, 0, 0, tables, codes, compiled=True)


def worth_compiling(count: int) -> bool:
    """Whether the compiled folds are loaded, or are worth it with so many patients more."""
    if count > 1 and compiled_folds.cache_info().currsize:
        return True
    _Seen.patients += count
    return _Seen.patients > FEW and find_spec("numba") is not None


@cache
def compiled_folds() -> tuple[Any, Any, Any]:
    """The folds in machine code, kept on disk between runs where a folder for it can be written.

    numba knows what it kept by the function's name and the age of its own file. So that code with older numbers of
    `names.py` is never run, the name is made one of the bytes of all files here.
    """
    from numba.core.event import register
    from numba.extending import register_jitable

    for step in (lay_lvef, look_up, other_drug, takes_over):
        register_jitable(step)
    digest = blake2b(digest_size=8)
    for path in sorted(Path(__file__).parents[1].rglob("*.py")):
        digest.update(path.read_bytes())
    kept: list[Any] = []

    def compile_(fold: Any) -> Any:
        fold.__qualname__ = f"{fold.__name__}_{digest.hexdigest()}"
        made = compiled(fold)
        kept.append(made)
        return made

    folds = compile_(fold_doses), compile_(fold_heart), compile_(fold_course)
    says = compiling_listener(lambda compiled: any(compiled is each for each in kept), _say)
    register("numba:compile", says)  # type: ignore[no-untyped-call]
    return folds


def _say() -> None:
    if sys.stderr is not None:
        print("her2path: compiling the folds, once after an installation (some 15 seconds)", file=sys.stderr)
