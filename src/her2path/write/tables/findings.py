"""The findings of a batch as an Arrow table, one row a finding, with all that the page says of it.

The columns are `SCHEMA`, documented in docs/output.md. Each column is made in the order of the table at once.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from ...findings.patient import Reviewed
from ...findings.specimen.rows import FindingsOfTests
from ...record.columns import UNKNOWN
from .arrow import WORD, coded, days_of, in_order, joined, spread
from .behind import FACTS, facts_of, origins_of
from .of_courses import PartOfCourses
from .of_tests import PartOfTests

VERSION = "1"
"""Of the schema: a column is added without a new one; one that goes or changes its meaning makes the next."""

SCHEMA = pa.schema(
    [
        ("patient", pa.string()),
        ("grade", WORD),
        ("outcome", WORD),
        ("value", WORD),
        ("finding", pa.string()),
        ("do", WORD),
        ("by", pa.date32()),
        ("rows", WORD),
        ("edition", WORD),
        ("sources", WORD),
        ("remark", WORD),
        ("facts", FACTS),
        ("would_settle", WORD),
        ("origins", pa.list_(pa.string())),
        ("tumour_site", WORD),
        ("specimen", pa.string()),
        ("next_dose", WORD),
    ],
    metadata={"her2path_findings_version": VERSION},
)


def findings_table(reviewed: Reviewed, names: Any = None) -> Any:
    """Every finding of a batch, by patient and grade; `names` are the patients as an Arrow array, where it is there."""
    groups = sorted((rows for rows in reviewed.rows() if len(rows.patients)), key=lambda rows: rows.saying.grade)
    parts = [
        PartOfTests(rows) if isinstance(rows, FindingsOfTests) else PartOfCourses(rows, reviewed) for rows in groups
    ]
    if not parts:
        return SCHEMA.empty_table()
    patients = np.concatenate([part.rows.patients for part in parts])
    order = in_order(patients, len(reviewed))
    place_of = np.empty(len(order), np.int64)
    place_of[order] = np.arange(len(order))
    patients = patients[order]
    days = [np.full(part.count, UNKNOWN) if (by := part.by()) is None else by for part in parts]
    if names is None:
        names = pa.array(reviewed.record.patients, pa.string())
    columns: dict[str, Any] = {
        "patient": names.take(pa.array(patients)),
        "tumour_site": coded(reviewed.tested.places[patients], [review.site for review in reviewed.tested.reviews]),
        "finding": spread([(part.count, part.said(part.rows.saying.say)) for part in parts], order),
        "by": days_of(np.concatenate(days)[order]),
        "facts": facts_of(parts, place_of),
        "specimen": spread([(part.count, part.specimens()) for part in parts], order),
        "origins": origins_of(parts, place_of, reviewed.record),
    }
    coded_ones = (
        "grade",
        "outcome",
        "value",
        "do",
        "table_rows",
        "edition",
        "sources",
        "remark",
        "would_settle",
        "next_dose",
    )
    for name in coded_ones:
        columns[name.removeprefix("table_")] = joined([(part.count, getattr(part, name)()) for part in parts], order)
    return pa.table([columns[name] for name in SCHEMA.names], schema=SCHEMA)


__all__ = ["SCHEMA", "VERSION", "findings_table"]
