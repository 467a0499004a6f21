"""The pool of processes: results in the order of the tasks, an end in good time however it comes, and nobody left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from her2path.cohort.pool import WAITING, in_turn
from her2path.facts.problem import BrokenOff

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="processes are forked on Linux only")
SOON_SECONDS = 8.0


def slower_first(task: int) -> int:
    time.sleep(0.02 * (3 - task % 4))
    return task * task


def lives(process: int) -> bool:
    """Whether a process runs; one that ended and was not asked after yet does not."""
    try:
        return Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rpartition(") ")[2][0] not in "ZX"
    except FileNotFoundError:
        return False


def ended(processes: list[int], seconds: float = SOON_SECONDS) -> bool:
    """Whether all processes end in so many seconds."""
    limit = time.monotonic() + seconds
    while any(map(lives, processes)):
        if time.monotonic() > limit:
            return False
        time.sleep(0.02)
    return True


def workers_of(parent: int) -> list[int]:
    return [int(each) for each in Path(f"/proc/{parent}/task/{parent}/children").read_text(encoding="utf-8").split()]


def own_workers() -> list[int]:
    return [each for each in workers_of(os.getpid()) if lives(each)]


@pytest.mark.parametrize("processes", [1, 2, 3])
def test_results_come_in_the_order_of_the_tasks(processes: int) -> None:
    assert list(in_turn(range(23), slower_first, processes)) == [task * task for task in range(23)]


@pytest.mark.parametrize("processes", [1, 2])
def test_no_task_no_result(processes: int) -> None:
    assert list(in_turn([], slower_first, processes)) == []


def test_with_one_process_the_work_is_done_here() -> None:
    assert set(in_turn(range(3), lambda _: os.getpid(), 1)) == {os.getpid()}
    elsewhere = set(in_turn(range(8), lambda _: os.getpid(), 2))
    assert os.getpid() not in elsewhere
    assert 1 <= len(elsewhere) <= 2


def test_few_tasks_are_taken_before_their_turn() -> None:
    taken: list[int] = []

    def tasks() -> Iterator[int]:
        for task in range(40):
            taken.append(task)
            yield task

    for number, _ in enumerate(in_turn(tasks(), slower_first, 2)):
        assert len(taken) <= number + 2 * WAITING + 1


def fails_at_three(task: int) -> int:
    if task == 3:
        raise ValueError("the third")
    return task


@pytest.mark.parametrize("processes", [1, 2])
def test_an_error_of_the_work_comes_in_its_turn_and_ends_all(processes: int) -> None:
    taken: list[int] = []

    def tasks() -> Iterator[int]:
        for task in range(1000):
            taken.append(task)
            yield task

    before = own_workers()
    found: list[int] = []
    with pytest.raises(ValueError, match="the third"):
        found.extend(in_turn(tasks(), fails_at_three, processes))
    assert found == [0, 1, 2]
    assert len(taken) <= 4 + processes * WAITING
    assert ended([each for each in own_workers() if each not in before])


def fails_as_tasks() -> Iterator[int]:
    yield from range(5)
    raise OSError("the source broke off")


@pytest.mark.parametrize("processes", [1, 2])
def test_an_error_of_the_source_ends_all(processes: int) -> None:
    before = own_workers()
    with pytest.raises(OSError, match="the source broke off"):
        list(in_turn(fails_as_tasks(), slower_first, processes))
    assert ended([each for each in own_workers() if each not in before])


def takes_long(task: int) -> int:
    time.sleep(60 if task else 0)
    return task


def test_who_stops_early_waits_for_nobody() -> None:
    before, since = own_workers(), time.monotonic()
    results = in_turn(range(20), takes_long, 2)
    assert next(results) == 0
    results.close()  # type: ignore[attr-defined]
    assert ended([each for each in own_workers() if each not in before])
    assert time.monotonic() - since < SOON_SECONDS


def dies(task: int) -> int:
    if task == 2:
        os._exit(7)
    return task


def test_a_worker_that_dies_is_an_error_and_no_endless_wait() -> None:
    before = own_workers()
    with pytest.raises(BrokenOff, match="a process of this command was ended from outside"):
        list(in_turn(range(50), dies, 2))
    assert ended([each for each in own_workers() if each not in before])


def test_another_pool_can_follow() -> None:
    with pytest.raises(ValueError, match="the third"):
        list(in_turn(range(9), fails_at_three, 2))
    assert list(in_turn(range(9), slower_first, 2)) == [task * task for task in range(9)]


# -- the end of the parent ----------------------------------------------------------------------

PARENT = """
import sys, time
from her2path.cohort.pool import in_turn

def work(task):
    time.sleep(0.01 if task < 2 else 120)
    return task

for result in in_turn(range(30), work, 2):
    print(result, flush=True)
"""


HEEDING = """
import os, signal, sys
for number in ("SIGINT", "SIGHUP"):  # who starts us may have them ignored, which would be passed on
    if hasattr(signal, number):
        signal.signal(getattr(signal, number), signal.SIG_DFL)
os.execv(sys.executable, [sys.executable, *sys.argv[1:]])
"""


def python(*arguments: str) -> list[str]:
    """A Python that heeds interrupts, whoever starts it: what runs in the background has them ignored, and its children too."""
    return [sys.executable, "-c", HEEDING, *arguments]


@pytest.fixture
def parent() -> Iterator[subprocess.Popen[str]]:
    """A Python of its own that has a pool at work."""
    with subprocess.Popen(
        python("-c", PARENT), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        start_new_session=True,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        assert [process.stdout.readline().strip() for _ in range(2)] == ["0", "1"]
        yield process
        if process.poll() is None:
            process.kill()


def test_workers_end_when_their_parent_is_killed(parent: subprocess.Popen[str]) -> None:
    workers = workers_of(parent.pid)
    assert len(workers) == 2
    assert all(map(lives, workers))
    parent.kill()
    parent.wait()
    assert ended(workers)


@pytest.mark.parametrize("to_all", [False, True], ids=["parent", "group"])
def test_an_interrupt_ends_all_in_seconds(parent: subprocess.Popen[str], to_all: bool) -> None:
    """To the parent alone, and as a terminal gives it, to the whole group."""
    workers, since = workers_of(parent.pid), time.monotonic()
    if to_all:
        os.killpg(parent.pid, signal.SIGINT)
    else:
        parent.send_signal(signal.SIGINT)
    _, error = parent.communicate(timeout=SOON_SECONDS)
    assert time.monotonic() - since < SOON_SECONDS
    assert parent.returncode not in (0, None)
    assert "KeyboardInterrupt" in error
    assert error.count("Traceback") == 1, "the workers say nothing of it"
    assert ended(workers)


def test_a_parent_that_is_ended_ends_its_workers(parent: subprocess.Popen[str]) -> None:
    workers = workers_of(parent.pid)
    parent.terminate()
    parent.wait(timeout=SOON_SECONDS)
    assert ended(workers)


LARGE = """
from her2path.cohort.pool import in_turn

def work(task):
    return b"x" * 30_000_000

for number, _ in enumerate(in_turn(range(40), work, 2)):
    if number == 2:
        raise RuntimeError("enough")
"""


def test_who_stops_does_not_wait_for_the_other_half_of_an_answer() -> None:
    """Workers that are ended in the midst of a long answer leave half of it in the pipe."""
    for _ in range(3):
        done = subprocess.run(python("-c", LARGE), capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 1
        assert done.stderr.endswith("RuntimeError: enough\n")
