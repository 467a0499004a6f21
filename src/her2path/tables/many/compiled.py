"""Functions in machine code, kept on disk between runs where their folder is the user's own.

numba keeps what it compiled beside the package, or in the user's cache folder, and reads it back as code. Beside the
package it is trusted as the package is. Elsewhere a folder of another user, or a link, is not used: what would be kept
there is compiled anew in each run.
"""

from __future__ import annotations

import sys
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ...facts.cache import CODE, make_private


def compiled(function: Any, **options: Any) -> Any:
    """A function in machine code, with the options of `numba.njit`."""
    import numba

    leave_linear_algebra()
    try:
        made = numba.njit(cache=True, nogil=True, **options)(function)
        folder = kept_in(made)
        if CODE in folder.parents or make_private(folder):
            return made
    except (RuntimeError, OSError):  # no folder can be written
        pass
    return numba.njit(nogil=True, **options)(function)


@cache
def leave_linear_algebra() -> None:
    """Let numba load without SciPy's linear algebra, which it would load only to see that it is there.

    Nothing of ours multiplies matrices; whoever does loads it then, as numba asks again before each use.
    """
    if "numba.np.arraymath" in sys.modules or find_spec("scipy") is None:
        return
    linear = import_module("numba.np.linalg")
    asks = getattr(linear, "ensure_blas", None)
    if asks is None:
        return
    linear.ensure_blas = lambda: None  # type: ignore[attr-defined]
    try:
        import_module("numba.np.arraymath")
    finally:
        linear.ensure_blas = asks  # type: ignore[attr-defined]


def kept_in(function: Any) -> Path:
    """The folder in which numba keeps a function. Raises `OSError` where it does not say so."""
    try:
        return Path(function._cache._impl.locator.get_cache_path())
    except AttributeError as error:
        raise OSError("numba keeps functions otherwise here") from error
