"""Memory that processes share: a worker puts the tables of its answer there, its parent reads them in place.

A slot is anonymous memory, mapped before the workers are forked: nothing is left of it when they end, however they end.
Whatever is no table goes through the pipe, and so does a table that does not fit.
"""

from __future__ import annotations

import contextlib
import itertools
import mmap
import sys
from multiprocessing.reduction import ForkingPickler
from typing import Any
from weakref import ReferenceType, WeakValueDictionary, finalize, ref

SLOT_BYTES = 64 * 2**20
"""The most that a slot holds; it takes no more memory than has been written to it."""
ALIGNED = 64

Lease = memoryview
"""A slot for one answer: free again when neither the lease nor anything of the tables in it is in use."""


class Slots:
    """So many slots of one pool, and who has them."""

    def __init__(self, count: int, size: int = SLOT_BYTES) -> None:
        self.number = next(_numbers)
        self._maps: list[mmap.mmap] = []
        with contextlib.suppress(OSError, MemoryError):  # what there is has to do, be it none
            self._maps += (mmap.mmap(-1, size) for _ in range(count))
        self._free = list(range(len(self._maps)))
        self._lent: dict[int, ReferenceType[Lease]] = {}
        self._put_in, self._used = -1, 0
        _of_pools[self.number] = self

    def lend(self) -> tuple[int, Lease | None]:
        """The number of a slot, -1 where none is free, and the lease that keeps it. In the parent."""
        try:
            place = self._free.pop()
        except IndexError:
            return -1, None
        lease = memoryview(self._maps[place])
        self._lent[place] = ref(lease)
        finalize(lease, self._take_back, place).atexit = False
        return place, lease

    def _take_back(self, place: int) -> None:
        self._look_away(place)
        self._free.append(place)

    def _look_away(self, place: int) -> None:
        """What is in a slot stays, but counts no longer as memory of this process."""
        self._maps[place].madvise(mmap.MADV_DONTNEED)

    def put_in(self, place: int) -> None:
        """From now on tables that are passed on are put into this slot, -1 for the pipe. In a worker."""
        if self._put_in >= 0:
            self._look_away(self._put_in)
        self._put_in, self._used = place, 0
        arrow = sys.modules.get("pyarrow")
        if arrow is not None:  # otherwise no table was made
            ForkingPickler.register(arrow.Table, self._put)

    def _put(self, table: Any) -> Any:
        """How a table is passed on: by its place in the slot, or whole where it does not fit."""
        whole = table.__reduce__()
        if self._put_in < 0:
            return whole
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
                return whole
            finally:
                stream.close()
                del into, stream, buffer
        self._used = start + length
        return _table_in, (self.number, self._put_in, start, length)

    def table(self, place: int, start: int, length: int) -> Any:
        """A table in a slot that is lent, as a view. In the parent."""
        import pyarrow as pa

        lease = self._lent[place]()
        assert lease is not None, "whoever waits for an answer keeps the lease"
        stream = pa.py_buffer(lease).slice(start, length)
        with pa.ipc.open_stream(stream, options=pa.ipc.IpcReadOptions(use_threads=False)) as reader:
            return reader.read_all()


_numbers = itertools.count()
_of_pools: WeakValueDictionary[int, Slots] = WeakValueDictionary()


def _table_in(number: int, place: int, start: int, length: int) -> Any:
    return _of_pools[number].table(place, start, length)
