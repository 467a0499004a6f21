"""A warehouse of OMOP reviewed: slice by slice of its persons, in as many processes as asked, in their order."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Protocol

from ..facts.problem import AskedWrongly
from ..findings.settings import Settings
from ..read.omop.source import OmopSource
from ..record.columns import RecordColumns
from ..record.event import Trouble
from ..tables.library import Knowledge
from .pool import can_share, in_turn

WORTH_SHARING_BYTES = 32_000_000


class Work(Protocol):
    """What is made of batches of records, in any process."""

    knowledge: Knowledge
    settings: Settings

    def before_sharing(self) -> None:
        """Load what the processes share."""

    def of_batches(self, batches: Iterable[RecordColumns | Trouble]) -> Any:
        """What comes of some batches: a `Part`."""


def processes_for_warehouse(source: OmopSource) -> int:
    """How many processes a warehouse is worth: all cores, but for a small file of DuckDB."""
    small = source.path is not None and source.path.stat().st_size < WORTH_SHARING_BYTES
    return 1 if small or not can_share() else os.cpu_count() or 1


def parts_of_warehouse(
    source: OmopSource, work: Work, processes: int, progress: Callable[[int], object] | None,
    columns: Mapping[str, str] | None,
) -> Iterator[Any]:  # fmt: skip
    """Review the persons of a warehouse, slice by slice; what is told of it all comes last (`Part.looked`).

    Raises `AskedWrongly` where the warehouse cannot be read, or is no CDM.
    """
    from ..read.omop.dose import UNKNOWN
    from ..read.omop.reader import OmopReader, Slice

    if columns:
        raise AskedWrongly(f"--column is for CSV and Parquet; {source} is a warehouse of OMOP")
    at = work.settings.at
    facts = work.settings.facts(work.knowledge)
    reader = OmopReader(source, facts, work.settings.courses, at.omop_quantity or UNKNOWN, at.omop_schema or "")
    told = reader.survey.told
    told["persons"] = {"read": 0, "without_rows": 0}
    told["rows_of_strange_persons"] = {}

    def of_slice(between: Slice) -> Any:
        read = reader.read(between)
        batches = [read.record] if read.record is not None and len(read.record) else []
        part = work.of_batches([*read.troubles, *batches])
        part.looked = read.persons, read.without_rows, read.strange_rows
        return part

    if processes > 1:
        work.before_sharing()
        reader.pause()
    size, seen = source_bytes(source), 0
    try:
        for done, part in enumerate(in_turn(reader.slices, of_slice, processes), start=1):
            persons, without_rows, strange = part.looked
            part.looked = None
            told["persons"]["read"] += persons
            told["persons"]["without_rows"] += without_rows
            for table, count in strange.items():
                told["rows_of_strange_persons"][table] = told["rows_of_strange_persons"].get(table, 0) + count
            if progress is not None:
                now = size * done // len(reader.slices)
                progress(now - seen)
                seen = now
            yield part
    finally:
        reader.close()
    last = work.of_batches([])
    last.looked = told
    yield last


def source_bytes(source: OmopSource) -> int:
    """The bytes of a file of DuckDB, of which progress is told; 100 of a server."""
    return 100 if source.path is None else source.path.stat().st_size
