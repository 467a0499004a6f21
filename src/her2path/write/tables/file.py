"""Findings, patients, episodes and specimens of a review as Parquet files, whole or not at all."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import pyarrow as pa
import pyarrow.parquet as pq

from ...findings.patient import Reviewed
from ...findings.summary import Summary
from ...record.event import Trouble
from ..formats import Beside
from ..output import Outputs, telling
from .findings import SCHEMA, findings_table
from .patients import EPISODES, PATIENTS, episodes_table, patients_table
from .specimens import SPECIMENS, specimens_table

MOST_KEPT = 1000
OWN = ("patient", "where", "origins")
"""Columns of words that hardly come again: a dictionary of them takes longer and more room than the words."""


@dataclass(slots=True)
class Tables:
    """What came of a batch."""

    findings: pa.Table
    patients: pa.Table
    episodes: pa.Table
    specimens: pa.Table


class FindingsFile:
    """Writes batches to `FILE.parquet` (findings) and `FILE.patients.parquet`, `.episodes` and `.specimens` beside it.

    They take their names together, with the other outputs of `outputs` where it is given. Raises `AskedWrongly` where
    one of them is what is read, or cannot be written.
    """

    def __init__(
        self, output: Path, source: Path | None = None, beside: Sequence[Beside] = (), outputs: Outputs | None = None
    ) -> None:
        self.output, self.source, self.beside, self.outputs = output, source, beside, outputs
        self.troubles: list[Trouble] = []
        self.findings = 0
        self._open = contextlib.ExitStack()
        self._writers: list[pq.ParquetWriter] = []

    @property
    def paths(self) -> tuple[Path, ...]:
        """The files: findings, patients, episodes, specimens."""
        stem = self.output.name.removesuffix(self.output.suffix)
        names = (f"{stem}.{each}{self.output.suffix}" for each in ("patients", "episodes", "specimens"))
        return self.output, *(self.output.with_name(name) for name in names)

    def __enter__(self) -> FindingsFile:
        with contextlib.ExitStack() as begun:
            outputs = self.outputs or begun.enter_context(Outputs(self.source))
            for path, schema in zip(self.paths, (SCHEMA, PATIENTS, EPISODES, SPECIMENS), strict=True):
                looked_up = [
                    name for name in schema.names if name == "patient" or pa.types.is_date(schema.field(name).type)
                ]
                again = [leaf for name in schema.names if name not in OWN for leaf in _leaves(schema.field(name))]
                with telling(path):
                    self._writers.append(
                        pq.ParquetWriter(outputs.file(path), schema, use_dictionary=again, write_statistics=looked_up)
                    )
                begun.callback(_close, self._writers[-1], path)
            self._open = begun.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.__exit__(kind, error, trace)

    def batch(self, reviewed: Reviewed) -> Tables:
        """The tables of a batch. In any process."""
        for other in self.beside:
            for review in reviewed:
                other.patient(review)
        names = pa.array(reviewed.record.patients, pa.string())
        tables = (make(reviewed, names) for make in (findings_table, patients_table, episodes_table, specimens_table))
        return Tables(*tables)

    def put(self, item: Tables | Trouble) -> None:
        """Write the tables of a batch, or remember what belongs to no patient."""
        if isinstance(item, Trouble):
            if item not in self.troubles and len(self.troubles) < MOST_KEPT:
                self.troubles.append(item)
            return
        self.findings += item.findings.num_rows
        tables = (item.findings, item.patients, item.episodes, item.specimens)
        for writer, table in zip(self._writers, tables, strict=True):
            with telling(self.output):
                writer.write_table(table)

    def words(self, summary: Summary) -> str:
        """What was written, in a line."""
        return f"{summary.patients} patients, {self.findings} findings in {self.output}"


def _leaves(field: pa.Field) -> list[str]:
    """The columns of Parquet that hold an Arrow column."""
    if pa.types.is_map(field.type):
        return [f"{field.name}.key_value.{each}" for each in ("key", "value")]
    return [f"{field.name}.list.element" if pa.types.is_list(field.type) else field.name]


def _close(writer: pq.ParquetWriter, path: Path) -> None:
    with telling(path):
        writer.close()
