"""Tables that workers pass on in shared memory: what comes is what was made, however long it is kept, and no slot is used twice at once."""

from __future__ import annotations

import os
import sys

import pyarrow as pa
import pytest

from her2path.cohort import slots
from her2path.cohort.pool import SLOTS, in_turn
from her2path.cohort.slots import Slots

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="processes are forked on Linux only")

ROWS = 1000


def tables_of(task: int) -> tuple[int, pa.Table, pa.Table]:
    words = pa.array([f"word {task}", None, "other"] * ROWS).dictionary_encode()
    whole = pa.table(
        {"word": words, "list": [[f"{task}", "b"], [], [None]] * ROWS, "number": range(task, task + 3 * ROWS)}
    )
    return task, whole.slice(1, 3 * ROWS - task - 2), whole.slice(0, 0)


def same(found: tuple[int, pa.Table, pa.Table], task: int) -> bool:
    made = tables_of(task)
    return found[0] == task and found[1].equals(made[1]) and found[2].equals(made[2])


def test_a_table_comes_as_it_was_made() -> None:
    for task, found in enumerate(in_turn(range(40), tables_of, 2)):
        assert same(found, task)


def test_tables_that_are_kept_stay_as_they_are() -> None:
    """More than there are slots: what finds no slot comes through the pipe."""
    found = list(in_turn(range(40), tables_of, 2))
    assert all(same(each, task) for task, each in enumerate(found))
    column = found[7][1]["number"]
    del found
    assert column.to_pylist() == tables_of(7)[1]["number"].to_pylist()


def test_a_table_that_does_not_fit_comes_through_the_pipe(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Slots.__init__, "__defaults__", (4096,))
    assert all(same(each, task) for task, each in enumerate(in_turn(range(12), tables_of, 2)))


def test_without_memory_to_share_all_comes_through_the_pipe(monkeypatch: pytest.MonkeyPatch) -> None:
    def none(*_: object) -> None:
        raise OSError("no memory")

    monkeypatch.setattr(slots.mmap, "mmap", none)
    assert all(same(each, task) for task, each in enumerate(in_turn(range(12), tables_of, 2)))


def test_tables_stand_in_slots_that_are_used_again(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Slots] = []
    begin = Slots.__init__

    def noted(self: Slots, workers: int, each: int) -> None:
        begin(self, workers, each)
        made.append(self)

    monkeypatch.setattr(Slots, "__init__", noted)
    before, most = pa.total_allocated_bytes(), 0
    for task, found in enumerate(in_turn(range(40), tables_of, 2)):
        assert pa.total_allocated_bytes() - before < ROWS, "a table is read in place and not copied"
        most = max(most, made[0].taken)
        assert found[0] == task
    assert 1 <= most <= 2 * SLOTS
    assert made[0].taken == 1, "that of the answer that is in use"
    column = found[1]["number"]
    del found
    assert made[0].taken == 1, "a column of it is in use"
    del column
    assert made[0].taken == 0


def fails_at_three(task: int) -> pa.Table:
    if task == 3:
        raise ValueError("the third")
    return pa.table({"number": [task] * ROWS, "process": [os.getpid()] * ROWS})


def test_an_error_comes_in_its_turn_among_tables() -> None:
    found: list[pa.Table] = []
    with pytest.raises(ValueError, match="the third"):
        found.extend(in_turn(range(30), fails_at_three, 2))
    assert [each["number"][0].as_py() for each in found] == [0, 1, 2]
    assert os.getpid() not in {each["process"][0].as_py() for each in found}
