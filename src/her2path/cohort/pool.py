"""One pool of processes: tasks in turn, their results in the same order, never many waiting.

Where the caller stops early (an error, an interrupt), what waits is cancelled and the workers end; they also end with
their parent, however it ends.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, TypeVar

from ..facts.problem import BrokenOff
from ..write.interrupt import SIGNALS, require_going_on, undisturbed
from .slots import Slots

if TYPE_CHECKING:
    from concurrent.futures import Future, ProcessPoolExecutor

WAITING = 3
"""So many tasks at most wait for each process, so that memory stays bounded."""
SLOTS = WAITING + 1
"""So many answers of each process stand in memory that is shared: those that wait, and the one that is in use."""
PR_SET_PDEATHSIG = 1
ASKED_SECONDS = 0.2
"""So often whoever waits for a result asks whether to go on."""
DEAD_FOR = 10
"""So many times a worker is found dead before its answer is given up; the pool itself mostly sees it at once."""

Task = TypeVar("Task")
Result = TypeVar("Result")

_here: list[tuple[Callable[[Any], Any], Slots]] = []
"""The work of this process: the processes are forked with it, so that nothing is read or compiled twice."""


def can_share() -> bool:
    """Whether processes can be forked here."""
    return sys.platform == "linux"


def in_turn(tasks: Iterable[Task], work: Callable[[Task], Result], processes: int) -> Iterator[Result]:
    """What `work` makes of each task, in the order of the tasks; with one process, here and now.

    Raises `BrokenOff` where a process was ended from outside, and `Interrupted` where the command was asked to end.
    """
    if processes <= 1 or not can_share():
        for task in tasks:
            require_going_on()
            yield work(task)
        return
    from concurrent.futures import ProcessPoolExecutor
    from concurrent.futures.process import BrokenProcessPool
    from multiprocessing import get_context

    waiting: deque[Future[Result]] = deque()
    slots = Slots(processes, SLOTS)
    here = (work, slots)
    _here.append(here)
    pool = ProcessPoolExecutor(
        processes, mp_context=get_context("fork"), initializer=_end_with_parent, initargs=(os.getpid(),)
    )
    try:
        for task in tasks:
            with undisturbed():  # an interrupt beside a fork would be lost, or leave half a process
                waiting.append(pool.submit(_work, task))
            if len(waiting) >= processes * WAITING:
                yield _result(waiting.popleft(), pool)
        while waiting:
            yield _result(waiting.popleft(), pool)
    except BrokenProcessPool as error:
        _stop(pool)
        require_going_on()
        what = "a process of this command was ended from outside (by the system, where memory ran out)"
        raise BrokenOff(f"{what}; nothing was written. Fewer --processes need less memory") from error
    except BaseException:
        _stop(pool)
        raise
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
        _here.remove(here)
        slots.close()


def _result(future: Future[Result], pool: ProcessPoolExecutor) -> Result:
    """The result of a task, waited for; raises `Interrupted` in good time, and `BrokenProcessPool` where a worker died.

    The pool sees a dead worker itself, but for one that died in the midst of its answer: it waits for the rest of it.
    """
    from concurrent.futures.process import BrokenProcessPool

    dead_for = 0
    while True:
        require_going_on()
        try:
            return future.result(ASKED_SECONDS)
        except TimeoutError:
            if future.done():  # just now, or the work itself ran out of some time
                return future.result()
        dead_for = dead_for + 1 if any(not process.is_alive() for process in _workers(pool)) else 0
        if dead_for > DEAD_FOR:
            raise BrokenProcessPool("a worker died in the midst of its answer")


def _workers(pool: ProcessPoolExecutor) -> list[Any]:
    return list((getattr(pool, "_processes", None) or {}).values())


def _stop(pool: ProcessPoolExecutor) -> None:
    """End the workers now: whoever stops does not wait for what is under way.

    One that ends in the midst of its answer leaves half of it in the pipe, and the pool would wait for the other half
    as long as somebody could still write it: so our own end of the pipe is closed too.
    """
    for process in _workers(pool):
        process.terminate()
    writer = getattr(getattr(pool, "_result_queue", None), "_writer", None)
    if writer is not None:
        with contextlib.suppress(OSError):
            writer.close()


def _work(task: Any) -> Any:
    work, slots = _here[-1]
    result = work(task)
    slots.begin_answer()
    return result


def _end_with_parent(parent: int) -> None:
    """A worker ends when its parent does, and leaves an interrupt to it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {getattr(signal, name) for name in SIGNALS})
    try:
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)
    except (OSError, AttributeError):
        pass
    _here[-1][1].begin_worker()
