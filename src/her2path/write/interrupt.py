"""Whether a command was asked to end: a signal is written down as well as raised.

What a signal's handler raises can be lost: Python drops it where it comes in a destructor or beside a fork. So whoever
goes on for long, or is about to give results their names, asks here.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Iterator
from typing import Any

SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP")
_asked: list[int] = []


class Interrupted(KeyboardInterrupt):
    """Asked to end by a signal."""


def asked_to_end() -> int | None:
    """The number of the signal by which the command was asked to end; `None` where it was not."""
    return _asked[0] if _asked else None


def require_going_on() -> None:
    """Raise `Interrupted` where a signal has come, whatever became of what its handler raised."""
    if _asked:
        raise Interrupted(_asked[0])


@contextlib.contextmanager
def heeding() -> Iterator[None]:
    """While this is open, signals that end a command are written down and raised as `Interrupted`.

    Where Python drops what is raised (a destructor, a callback of compiled code), it is not told: it is written down.
    What was ignored when the command began (as for one in the background) stays ignored. In a thread that is not the
    main one nothing is changed.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    _asked.clear()
    owner = os.getpid()

    def note(number: int, _frame: object) -> None:
        if os.getpid() != owner:  # a process that was forked just now and has not set its own handlers yet
            os._exit(128 + number)
        _asked.append(number)
        raise Interrupted(number)

    before: list[tuple[int, Any]] = []
    told_of_lost = sys.unraisablehook
    sys.unraisablehook = lambda lost: None if isinstance(lost.exc_value, Interrupted) else told_of_lost(lost)
    for name in SIGNALS:
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) not in (signal.SIG_IGN, None):
            before.append((number, signal.signal(number, note)))
    try:
        yield
    finally:
        for number, handler in before:
            signal.signal(number, handler)
        sys.unraisablehook = told_of_lost
        _asked.clear()


@contextlib.contextmanager
def undisturbed() -> Iterator[None]:
    """A few steps that no signal parts: it comes when they are done. Raises `Interrupted` where one has come before."""
    require_going_on()
    with signals_held():
        yield


@contextlib.contextmanager
def signals_held() -> Iterator[None]:
    """A few steps that no signal parts, whether or not one has come before."""
    if not hasattr(signal, "pthread_sigmask") or threading.current_thread() is not threading.main_thread():
        yield
        return
    held = {getattr(signal, name) for name in SIGNALS}
    before = signal.pthread_sigmask(signal.SIG_BLOCK, held)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
