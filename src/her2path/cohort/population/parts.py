"""The events of a source cut into parts by patient: a patient is in one part whole, in which one her name says.

Each part is a file of Arrow streams, one behind the other, in the order of the source. How many processes read makes no
difference to what stands in them.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from ...record.columns import RecordColumns
from ...record.table import EVENTS, events_of, part_of
from ...write.output import telling

KEPT_ROWS = 3_000_000
"""So many events wait in memory at most before they are written to their parts."""
LONG_LIST = 2_000
"""A list of so many words is carried along with every slice of a batch; a longer one is cut to the slice."""

Slices = list[tuple[int, Any]]


class Cut:
    """Cuts a batch of records into the parts of its patients. In any process."""

    def __init__(self, parts: int) -> None:
        self.parts = parts

    def __call__(self, record: RecordColumns) -> Slices:
        table = events_of(record)
        if self.parts == 1:
            return [(0, table)] if table.num_rows else []
        patients = table.column("patient").combine_chunks()
        patients = patients.chunk(0) if isinstance(patients, pa.ChunkedArray) else patients
        of_patient = np.array([part_of(name, self.parts) for name in patients.dictionary.to_pylist()], np.int64)
        part = of_patient[patients.indices.to_numpy()]
        order = np.argsort(part, kind="stable")
        in_order = table.take(pa.array(order))
        found, starts = np.unique(part[order], return_index=True)
        ends = [*starts[1:].tolist(), len(part)]
        return [
            (number, own_words(in_order.slice(start, end - start)))
            for number, start, end in zip(found.tolist(), starts.tolist(), ends, strict=True)
        ]


def own_words(table: Any) -> Any:
    """A slice that keeps no more words than its rows could use: of long lists of words it takes its own."""
    for place, column in enumerate(table.columns):
        if pa.types.is_dictionary(column.type) and column.num_chunks == 1:
            chunk = column.chunk(0)
            if len(chunk.dictionary) > LONG_LIST:
                own = chunk.dictionary.take(chunk.indices).dictionary_encode()
                table = table.set_column(place, table.schema.field(place), pa.chunked_array([own]))
    return table


class PartFiles:
    """Gathers slices and writes them to the files of their parts, many at once; `close` writes what still waits."""

    def __init__(self, place: Callable[[int], Path]) -> None:
        self.place = place
        self.rows = 0
        self._waiting: dict[int, list[Any]] = {}
        self._kept = 0

    def put(self, slices: Slices) -> None:
        """Take the slices of a batch. Raises `AskedWrongly` where they cannot be written."""
        for part, table in slices:
            self._waiting.setdefault(part, []).append(table)
            self._kept += table.num_rows
            self.rows += table.num_rows
        if self._kept >= KEPT_ROWS:
            self.flush()

    def flush(self) -> None:
        """Write all that waits."""
        for part, tables in sorted(self._waiting.items()):
            path = self.place(part)
            with telling(path), path.open("ab") as file:
                _write(pa.concat_tables(tables), file)
        self._waiting, self._kept = {}, 0


def _write(table: Any, file: Any) -> None:
    whole = table.unify_dictionaries().combine_chunks()
    options = pa.ipc.IpcWriteOptions(compression="lz4")
    with pa.ipc.new_stream(file, EVENTS, options=options) as stream:
        stream.write_table(whole)


def read_part(path: Path) -> Any:
    """The events of a part, in the order of the source; an empty table where nobody is in it."""
    tables = []
    try:
        with pa.memory_map(str(path)) as source:
            while source.tell() < source.size():
                with pa.ipc.open_stream(source) as stream:
                    tables.append(stream.read_all())
    except FileNotFoundError:
        return EVENTS.empty_table()
    return pa.concat_tables(tables).unify_dictionaries() if tables else EVENTS.empty_table()
