"""What is told when numba really compiles: not where it loads what an earlier run kept."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def compiling_listener(is_meant: Callable[[Any], bool], say: Callable[[], None]) -> Any:
    """A listener to numba's event `numba:compile`: it says so, once, when a function that `is_meant` begins to compile.

    `is_meant` is given what numba calls the dispatcher: the compiled function, with the plain one as `py_func`.
    """
    from numba.core.event import Listener

    told: list[bool] = []

    class Compiling(Listener):
        def on_start(self, event: Any) -> None:
            if not told and is_meant(event.data.get("dispatcher")):
                told.append(True)
                say()

        def on_end(self, event: Any) -> None:
            """Only the beginning is told."""

    return Compiling()
