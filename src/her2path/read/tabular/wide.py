"""CSV and Parquet as records: one row a specimen, its columns facts.

Columns: `patient` (or `patient_id`, `id`), `specimen`, `test_date`, any fact of `facts.md`, and
`her2_status` for what was recorded. Rows of one patient stand together (the law of a record);
where they do not, each run of rows is reviewed by itself and that is said.
"""

from __future__ import annotations

import datetime as dt
import difflib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from ...facts.fact import Facts
from ...facts.problem import AskedWrongly
from ...facts.value import Reason, Unknown
from ...record.event import RECORDED_STATUS, Event, Record, Tissue, Trouble
from .file import read_table

PATIENT = ("patient", "patient_id", "id")
SPECIMEN_COLUMNS = ("tumour_site", "specimen_kind", "test_date")
OUTCOMES = ("her2_expression", "her2_next_step", "her2_discordance")


def read_rows(path: Path, facts: Facts, columns: Mapping[str, str]) -> Iterator[Record | Trouble]:
    """The records of a CSV or Parquet file; `columns` maps facts to the columns that hold them.

    Raises `AskedWrongly` where no column is a fact.
    """
    table = named_columns(read_table(path), columns, facts)
    names = table.column_names
    patient_column = next((name for name in PATIENT if name in names), None)
    tests = [name for name in names if name in facts and name not in (*SPECIMEN_COLUMNS, *OUTCOMES, "her2_status")]
    if not tests:
        known = ", ".join(name for name, fact in facts.items() if fact.test)
        raise AskedWrongly(f"{path}: no column is a fact of a HER2 test; expected some of {known}")
    misspelt = [Trouble("unreadable", path.name, what) for what in misspelt_columns(names, facts)]
    yield from misspelt
    record: Record | None = None
    finished: set[str] = set()
    number = 1
    for batch in table.to_batches(max_chunksize=10_000):
        for row in batch.to_pylist():
            number += 1
            patient_cell = str(row[patient_column] or "").strip() if patient_column else str(number - 1)
            patient = patient_cell or f"row {number}"
            if record is None or record.patient != patient:
                if record is not None:
                    finished.add(record.patient)
                    yield record
                record = Record(patient, f"{path.name}:{number}")
                if not patient_cell:
                    what = f"no patient in the column {patient_column}; the row is reviewed by itself"
                    record.troubles.append(Trouble("unreadable", f"{path.name}:{number}", what))
                if patient in finished:
                    what = f"patient {patient} stands in several places; each is reviewed by itself"
                    record.troubles.append(Trouble("order", f"{path.name}:{number}", what))
            _row(record, row, number, path.name, tests, facts)
    if record is not None:
        yield record


def _row(record: Record, row: dict[str, Any], number: int, name: str, tests: list[str], facts: Facts) -> None:
    where = f"{name}:{number}"
    day = facts["test_date"].coerce(row.get("test_date"))
    if isinstance(day, Unknown) and day.reason is not Reason.ABSENT:
        record.troubles.append(Trouble("unreadable", where, str(day)))
    on = dt.date.fromisoformat(day) if isinstance(day, str) else None
    specimen = str(row.get("specimen") or f"row {number}")
    site = facts["tumour_site"].coerce(row.get("tumour_site"))
    if isinstance(site, str):
        record.sites.add(site)
    elif isinstance(site, Unknown) and site.reason is not Reason.ABSENT:
        record.sites.add("other")
        record.troubles.append(Trouble("unreadable", where, str(site)))
    kind = facts["specimen_kind"].coerce(row.get("specimen_kind"))
    if isinstance(kind, Unknown) and kind.reason is not Reason.ABSENT:
        record.troubles.append(Trouble("unreadable", where, str(kind)))
    if isinstance(kind, str) or specimen not in record.tissues:
        record.tissues[specimen] = Tissue(specimen, kind if isinstance(kind, str) else "", day=on)
    for test in tests:
        value = facts[test].coerce(row[test])
        if test == "ihc_score" and str(row[test]).strip() == "0+" and "any_membrane_staining" not in tests:
            note = "0+ is read as score 0 with some membrane staining"
            record.events.append(Event("any_membrane_staining", "yes", on, specimen, where, "0+", note=note))
        if isinstance(value, Unknown) and value.reason is Reason.ABSENT:
            continue
        record.events.append(Event(test, value, on, specimen, where, str(row[test])))
    recorded = row.get("her2_status")
    if recorded not in (None, ""):
        status = facts["her2_status"].coerce(str(recorded))
        record.events.append(Event(RECORDED_STATUS, status, on, specimen, where, str(recorded)))


def named_columns(table: Any, columns: Mapping[str, str], facts: Facts) -> Any:
    """A table whose columns bear the names of the facts they hold; `columns` maps facts to columns.

    Raises `AskedWrongly` for a column or a fact that is not there.
    """
    fact_of: dict[str, str] = {}
    for fact, column in columns.items():
        if column not in table.column_names:
            raise AskedWrongly(f"no column is called {column!r}; there are " + ", ".join(table.column_names))
        if fact not in facts and fact not in PATIENT:
            raise AskedWrongly(f"--column {fact}={column}: no fact is called {fact!r}")
        if column in fact_of:
            raise AskedWrongly(f"the column {column} cannot hold both {fact_of[column]} and {fact}")
        if fact in table.column_names and fact != column:
            raise AskedWrongly(f"--column {fact}={column}: the file has a column {fact} too; drop or rename it")
        fact_of[column] = fact
    return table.rename_columns([fact_of.get(name, name) for name in table.column_names])


def misspelt_columns(names: Iterable[str], facts: Facts) -> Iterator[str]:
    """Columns that are no fact but nearly are one that is not there: told, since they are not read."""
    names = list(names)
    missing = {fact.lower(): fact for fact in facts if fact not in names}
    for name in names:
        near = difflib.get_close_matches(name.lower(), missing, n=1, cutoff=0.85) if name not in facts else []
        if near:
            yield f"the column {name} is no fact; did you mean {missing[near[0]]}? (--column {missing[near[0]]}={name})"
