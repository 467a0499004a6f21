"""Findings, patients, episodes and specimens of a review as Parquet or CSV files, whole or not at all.

Beside them stands a manifest: by what they were made, and what is in them.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from ...facts.value import Json
from ...findings.patient import Reviewed
from ...findings.settings import Carried, NothingCarried
from ...findings.summary import Summary
from ...record.event import Trouble
from ..formats import Beside
from ..output import Outputs, telling
from .arrow import WORD
from .csv_file import CsvTable
from .endings import manifest_beside, manifest_text
from .findings import SCHEMA, findings_table
from .patients import EPISODES, PATIENTS, episodes_table, patients_table
from .specimens import SPECIMENS, specimens_table

MOST_KEPT = 1000
OWN = ("patient", "where", "origins")
"""Columns of words that hardly come again: a dictionary of them takes longer and more room than the words."""


NAMES = ("findings", "patients", "episodes", "specimens")


@dataclass(slots=True)
class Tables:
    """What came of a batch."""

    findings: pa.Table
    patients: pa.Table
    episodes: pa.Table
    specimens: pa.Table


class FindingsFile:
    """Writes batches to `FILE.parquet` (findings) and `FILE.patients.parquet`, `.episodes` and `.specimens` beside it;
    with the ending `.csv` all of them as CSV. `carried` columns stand behind the others, with the findings and the
    patients.

    They take their names together, with the other outputs of `outputs` where it is given. Raises `AskedWrongly` where
    one of them is what is read, or cannot be written.
    """

    def __init__(
        self, output: Path, source: Path | None = None, beside: Sequence[Beside] = (), outputs: Outputs | None = None,
        carried: Carried | None = None,
    ) -> None:  # fmt: skip
        self.output, self.source, self.beside, self.outputs = output, source, beside, outputs
        self.carried = carried or NothingCarried()
        self.troubles: list[Trouble] = []
        self.rows = dict.fromkeys(NAMES, 0)
        self._open = contextlib.ExitStack()
        self._writers: list[Any] = []
        self._taking: Outputs | None = None

    @property
    def findings(self) -> int:
        """How many findings were written."""
        return self.rows["findings"]

    @property
    def paths(self) -> tuple[Path, ...]:
        """The files: findings, patients, episodes, specimens."""
        stem = self.output.name.removesuffix(self.output.suffix)
        names = (f"{stem}.{each}{self.output.suffix}" for each in NAMES[1:])
        return self.output, *(self.output.with_name(name) for name in names)

    def __enter__(self) -> FindingsFile:
        with contextlib.ExitStack() as begun:
            outputs = self.outputs or begun.enter_context(Outputs(self.source))
            self._taking = outputs
            mine = zip(self.paths, (SCHEMA, PATIENTS, EPISODES, SPECIMENS), strict=True)
            for number, (path, plain) in enumerate(mine):
                schema = _with_carried(plain, self.carried.names) if number < CARRYING else plain
                looked_up = [
                    name for name in schema.names if name == "patient" or pa.types.is_date(schema.field(name).type)
                ]
                again = [leaf for name in schema.names if name not in OWN for leaf in _leaves(schema.field(name))]
                with telling(path):
                    place = outputs.file(path)
                    self._writers.append(
                        CsvTable(place, schema) if path.suffix.lower() == ".csv"
                        else pq.ParquetWriter(place, schema, use_dictionary=again, write_statistics=looked_up)
                    )  # fmt: skip
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
        made = [make(reviewed, names) for make in (findings_table, patients_table, episodes_table, specimens_table)]
        if self.carried.names:
            made[:CARRYING] = [carrying(table, self.carried) for table in made[:CARRYING]]
        return Tables(*made)

    def put(self, item: Tables | Trouble) -> None:
        """Write the tables of a batch, or remember what belongs to no patient."""
        if isinstance(item, Trouble):
            if item not in self.troubles and len(self.troubles) < MOST_KEPT:
                self.troubles.append(item)
            return
        tables = (item.findings, item.patients, item.episodes, item.specimens)
        for name, writer, table in zip(NAMES, self._writers, tables, strict=True):
            self.rows[name] += table.num_rows
            with telling(self.output):
                writer.write_table(table)

    def put_manifest(self, manifest: Mapping[str, Json]) -> None:
        """Write the manifest beside the tables, with how many rows each holds; they take their names together."""
        assert self._taking is not None
        path = manifest_beside(self.output)
        outputs: dict[str, Json] = {path.name: rows for path, rows in zip(self.paths, self.rows.values(), strict=True)}
        with telling(path):
            self._taking.file(path).write_text(manifest_text({**manifest, "rows": outputs}), encoding="utf-8")

    def words(self, summary: Summary) -> str:
        """What was written, in a line."""
        return f"{summary.patients} patients, {self.findings} findings in {self.output}"


CARRYING = 2
"""So many of the tables, the first ones, have the columns that are carried."""


def _with_carried(schema: Any, names: Sequence[str]) -> Any:
    """A schema with columns that are carried behind the others; one of our own name is marked as carried."""
    for name in _carried_names(schema.names, names):
        schema = schema.append(pa.field(name, WORD))
    return schema


def _carried_names(ours: Sequence[str], names: Sequence[str]) -> list[str]:
    return [f"carried_{name}" if name in ours else name for name in names]


def carrying(table: Any, carried: Carried) -> Any:
    """A table with what is carried of the patient of each row; null where nothing is said."""
    patients = table.column("patient").to_pylist()
    for place, name in enumerate(_carried_names(table.column_names, carried.names)):
        words = pa.array([carried.row(patient)[place] or None for patient in patients], pa.string())
        table = table.append_column(pa.field(name, WORD), words.dictionary_encode())
    return table


def _leaves(field: pa.Field) -> list[str]:
    """The columns of Parquet that hold an Arrow column."""
    if pa.types.is_map(field.type):
        return [f"{field.name}.key_value.{each}" for each in ("key", "value")]
    return [f"{field.name}.list.element" if pa.types.is_list(field.type) else field.name]


def _close(writer: Any, path: Path) -> None:
    with telling(path):
        writer.close()
