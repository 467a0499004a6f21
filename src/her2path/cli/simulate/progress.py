"""How far a simulation is, and that it compiles first: told on stderr, on a terminal or where it is asked for."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import click

COMPILING = "her2path: compiling the simulator, once after an installation (some 20 seconds)"
CLEAR_LINE = "\r\033[K"
TENTHS = 10

progress_option = click.option(
    "--progress", "progress_asked", is_flag=True,
    help="Tell on stderr how far it is, also where that is no terminal.",
)  # fmt: skip


@contextmanager
def shown_progress(total: int, asked: bool, label: str = "simulating") -> Iterator[Callable[[int], None]]:
    """Gives what is to be called with how many of `total` were just done: a bar, or lines where stderr is no terminal.

    Nothing is shown where stderr is no terminal and it was not `asked` for. The bar begins with the first that are
    done, so that what is told before, such as that the simulator is compiled, stands above it.
    """
    on_terminal = sys.stderr.isatty()
    if not (on_terminal or asked):
        yield lambda _: None
        return
    shown = _Bar(total, label) if on_terminal else _Lines(total, label)
    with ExitStack() as stack:
        stack.callback(shown.end)
        _listen_for_compiling(stack, shown.say)
        yield shown.done


class _Bar:
    """A bar on a terminal."""

    def __init__(self, total: int, label: str) -> None:
        self.bar = click.progressbar(length=total, label=label, file=sys.stderr, show_pos=False)
        self.begun = False

    def done(self, count: int) -> None:
        if not self.begun:
            self.bar.render_progress()
        self.begun = True
        self.bar.update(count)

    def say(self, words: str) -> None:
        click.echo((CLEAR_LINE if self.begun else "") + words, err=True)

    def end(self) -> None:
        if self.begun:
            self.bar.render_finish()


class _Lines:
    """A line for every tenth, for a log."""

    def __init__(self, total: int, label: str) -> None:
        self.total, self.label = max(total, 1), label
        self.count = self.told = 0

    def done(self, count: int) -> None:
        self.count = min(self.count + count, self.total)
        tenth = TENTHS * self.count // self.total
        if tenth > self.told:
            self.told = tenth
            self.say(f"her2path: {self.label}, {100 * tenth // TENTHS} %")

    def say(self, words: str) -> None:
        click.echo(words, err=True)

    def end(self) -> None:
        """Lines need no end."""


def _listen_for_compiling(stack: ExitStack, say: Callable[[str], None]) -> None:
    """Say it when numba begins to compile a function that it has not kept from an earlier run; once."""
    try:
        from numba.core.event import install_listener
    except ImportError:  # without the extra there is nothing to listen to
        return
    from ...history.folds.compiling import compiling_listener

    def is_simulator(compiled: Any) -> bool:
        return ".simulate." in str(getattr(getattr(compiled, "py_func", None), "__module__", ""))

    stack.enter_context(install_listener("numba:compile", compiling_listener(is_simulator, lambda: say(COMPILING))))
