"""The folds run: interpreted for one patient, compiled with numba for many, the same functions both ways."""

from __future__ import annotations

from functools import cache
from hashlib import blake2b
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from .disease import fold_course
from .doses import fold_doses
from .heart import fold_heart
from .names import COURSE, DOSING, HEART

State = dict[str, int]


def fold_one(timeline: tuple[list[int], ...], on: int, limit: int, tables: tuple[Any, ...]) -> State:
    """The state of one patient on the day `on`: every name of `DOSING`, `HEART` and `COURSE`."""
    starts = [0, len(timeline[0])]
    dosing, heart, course = [[0] * len(DOSING)], [[0] * len(HEART)], [[0] * len(COURSE)]
    day, kind, number, code = timeline
    fold_doses(starts, day, kind, number, code, on, dosing)
    fold_heart(starts, day, kind, number, code, on, limit, tables, heart)
    fold_course(starts, day, kind, number, code, on, course)
    return dict(zip((*DOSING, *HEART, *COURSE), (*dosing[0], *heart[0], *course[0]), strict=True))


Columns = dict[str, npt.NDArray[np.int64]]


def fold_many(
    starts: npt.NDArray[np.int64], timeline: tuple[npt.NDArray[Any], ...], on: int, limit: int, tables: tuple[Any, ...]
) -> Columns:
    """The states of many patients, a column of each name; compiled where numba is installed.

    Patient `p` has the events `starts[p]` to `starts[p + 1]`.
    """
    folds: tuple[Any, Any, Any] = (fold_doses, fold_heart, fold_course)
    count = len(starts) - 1
    if find_spec("numba"):
        doses, heart, course = compiled_folds()
        read: tuple[Any, ...] = (starts, *timeline)
    else:
        doses, heart, course = folds
        # Whole numbers of Python: those of NumPy are narrow, and differences with `UNKNOWN` would not fit.
        read = tuple(each.tolist() for each in (starts, *timeline))
        tables = tuple(each.tolist() for each in tables)
    made: Columns = {}
    parts: tuple[Any, ...] = ((doses, DOSING, ()), (heart, HEART, (limit, tables)), (course, COURSE, ()))
    for fold, names, more in parts:
        out = np.empty((count, len(names)), np.int64)
        fold(*read, on, *more, out)
        made |= {name: out[:, place] for place, name in enumerate(names)}
    return made


@cache
def compiled_folds() -> tuple[Any, Any, Any]:
    """The folds in machine code, kept on disk between runs where a folder for it can be written.

    numba knows what it kept by the function's name and the age of its own file. So that code with older numbers of
    `vocabulary.py` is never run, the name is made one of the bytes of all files here.
    """
    import numba

    digest = blake2b(digest_size=8)
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.read_bytes())

    def compile_(fold: Any) -> Any:
        fold.__qualname__ = f"{fold.__name__}_{digest.hexdigest()}"
        try:
            return numba.njit(cache=True, nogil=True)(fold)
        except RuntimeError:  # no folder can be written: compile anew in each run
            return numba.njit(nogil=True)(fold)

    return compile_(fold_doses), compile_(fold_heart), compile_(fold_course)
