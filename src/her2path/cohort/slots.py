"""Memory that processes share: a worker puts the tables of its answer there, its parent reads them in place.

A slot is anonymous memory, mapped before the workers are forked: nothing is left of it when they end, however they end.
Each worker has slots of its own. It takes one, and the parent gives it back: so no lock is needed that a worker could
take to its grave. Whatever is no table goes through the pipe, and so does a table that finds no room.
"""

from __future__ import annotations

import contextlib
import itertools
import mmap
import os
import sys
from multiprocessing.reduction import ForkingPickler
from typing import Any
from weakref import ReferenceType, WeakValueDictionary, finalize, ref

SLOT_BYTES = 64 * 2**20
"""The most that a slot holds; it takes no more memory than has been written to it."""
ALIGNED = 64
NONE = -1


class Slots:
    """The slots of one pool: so many `each` for so many `workers`."""

    def __init__(self, workers: int, each: int, size: int = SLOT_BYTES) -> None:
        self.number = next(_numbers)
        self._each = each
        self._maps: list[mmap.mmap] = []
        with contextlib.suppress(OSError, MemoryError):  # what there is has to do, be it none
            self._taken = mmap.mmap(-1, workers * each)
            self._maps += (mmap.mmap(-1, size) for _ in range(workers * each))
        self._read, self._write = os.pipe()
        os.set_blocking(self._read, False)
        os.write(self._write, bytes(range(workers)))
        self._lent: dict[int, ReferenceType[memoryview]] = {}
        self._mine = range(0)
        self._put_in, self._used = NONE, 0
        _of_pools[self.number] = self

    def close(self) -> None:
        """No worker begins any more; the slots stay as long as anything of the tables in them is in use."""
        os.close(self._read)
        os.close(self._write)

    # -- in a worker --------------------------------------------------------------------------

    def begin_worker(self) -> None:
        """Take slots that no other worker has."""
        with contextlib.suppress(BlockingIOError):  # one more than were expected has none
            first = os.read(self._read, 1)[0] * self._each
            self._mine = range(len(self._maps))[first : first + self._each]

    def begin_answer(self) -> None:
        """From now on tables that are passed on are put into a slot that is free."""
        free = (place for place in self._mine if not self._taken[place])  # the first: it has been written to before
        self._put_in, self._used = next(free, NONE), 0
        arrow = sys.modules.get("pyarrow")
        if arrow is not None:  # otherwise no table was made
            ForkingPickler.register(arrow.Table, self._put)

    def _put(self, table: Any) -> Any:
        """How a table is passed on: by its place in the slot, or whole where it does not fit."""
        if self._put_in == NONE:
            return table.__reduce__()
        import pyarrow as pa

        start = -(-self._used // ALIGNED) * ALIGNED
        with memoryview(self._maps[self._put_in]) as slot, slot[start:] as left:
            buffer = pa.py_buffer(left)
            stream = pa.FixedSizeBufferWriter(buffer)
            try:
                with pa.ipc.new_stream(stream, table.schema, options=pa.ipc.IpcWriteOptions(use_threads=False)) as into:
                    into.write_table(table)
                length = stream.tell()
            except OSError:
                return table.__reduce__()
            finally:
                stream.close()
                del into, stream, buffer
        self._used = start + length
        self._taken[self._put_in] = True
        return _table_in, (self.number, self._put_in, start, length)

    # -- in the parent ------------------------------------------------------------------------

    def table(self, place: int, start: int, length: int) -> Any:
        """A table in a slot, as a view; the slot is given back when nothing of its tables is in use."""
        import pyarrow as pa

        known = self._lent.get(place)
        lent = known() if known is not None else None
        if lent is None:
            lent = memoryview(self._maps[place])
            self._lent[place] = ref(lent)
            finalize(lent, self._give_back, place).atexit = False
        stream = pa.py_buffer(lent).slice(start, length)
        with pa.ipc.open_stream(stream, options=pa.ipc.IpcReadOptions(use_threads=False)) as reader:
            return reader.read_all()

    def _give_back(self, place: int) -> None:
        self._taken[place] = False

    @property
    def taken(self) -> int:
        """How many slots are in use."""
        return sum(self._taken[: len(self._maps)])


_numbers = itertools.count()
_of_pools: WeakValueDictionary[int, Slots] = WeakValueDictionary()


def _table_in(number: int, place: int, start: int, length: int) -> Any:
    return _of_pools[number].table(place, start, length)
