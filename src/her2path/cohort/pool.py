"""One pool of processes: tasks in turn, their results in the same order, never many waiting.

Where the caller stops early (an error, an interrupt), what waits is cancelled and the workers end; they also end with
their parent, however it ends.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from concurrent.futures import Future, ProcessPoolExecutor

WAITING = 3
"""So many tasks at most wait for each process, so that memory stays bounded."""
PR_SET_PDEATHSIG = 1

Task = TypeVar("Task")
Result = TypeVar("Result")

_here: list[Callable[[Any], Any]] = []
"""The work of this process: the processes are forked with it, so that nothing is read or compiled twice."""


def can_share() -> bool:
    """Whether processes can be forked here."""
    return sys.platform == "linux"


def in_turn(tasks: Iterable[Task], work: Callable[[Task], Result], processes: int) -> Iterator[Result]:
    """What `work` makes of each task, in the order of the tasks; with one process, here and now."""
    if processes <= 1 or not can_share():
        for task in tasks:
            yield work(task)
        return
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing import get_context

    waiting: deque[Future[Result]] = deque()
    _here.append(work)
    pool = ProcessPoolExecutor(
        processes, mp_context=get_context("fork"), initializer=_end_with_parent, initargs=(os.getpid(),)
    )
    try:
        for task in tasks:
            waiting.append(pool.submit(_work, task))
            if len(waiting) >= processes * WAITING:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    except BaseException:
        _stop(pool)
        raise
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
        _here.remove(work)


def _stop(pool: ProcessPoolExecutor) -> None:
    """End the workers now: whoever stops does not wait for what is under way."""
    for process in list((getattr(pool, "_processes", None) or {}).values()):
        process.terminate()


def _work(task: Any) -> Any:
    return _here[-1](task)


def _end_with_parent(parent: int) -> None:
    """A worker ends when its parent does, and leaves an interrupt to it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    try:
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    except (OSError, AttributeError):
        return
    if os.getppid() != parent:
        os._exit(1)
