"""The specimens of a batch as an Arrow table, one row a specimen, with all that the page says of it.

The columns are `SPECIMENS`, documented in docs/output.md. What is the same of all whose tests are alike is put into
words once; days, names and places in the record are columns of their own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import pyarrow as pa

from ...facts.derive import ABSENT
from ...facts.value import NOT_REPORTED, Reason, Value
from ...findings.course.words import words_of
from ...findings.patient import Reviewed
from ...findings.reviews import SpecimenReview
from ...record.columns import SITE, Whole
from ...tables.array import Array
from ...tables.axis import Code
from ...tables.decision import Decision
from .arrow import WORD, days_of, words_at
from .of_tests import settle_sets, taken

VERSION = "1"
"""Of the schema, which goes up as that of the findings does."""

RESULTS = (
    "ihc_score", "staining_intensity", "staining_completeness", "any_membrane_staining", "ish_probe", "ish_group",
    "ish_result", "ish_recount",
)  # fmt: skip
"""Results told in words; null where unknown, known in part, or not reported."""
NUMBERS = ("stained_percent", "stained_cluster_cells", "her2_cep17_ratio", "her2_copies", "cep17_copies")
"""Results told as numbers, in their own units; null where unknown or known in part."""
ANSWERS = ("her2_status", "her2_expression", "her2_next_step")
"""What is decided of a specimen."""
OF_ANSWER = ("possible", "rows", "sources", "would_settle", "remark", "unknown")
"""What is told of each answer beside its value."""
SPECIMENS = pa.schema(
    [
        ("patient", pa.string()), ("specimen", pa.string()), ("day", pa.date32()), ("specimen_kind", WORD),
        ("place", WORD), ("tumour_site", WORD),
        *((name, WORD) for name in RESULTS), *((name, pa.float64()) for name in NUMBERS),
        ("facts", pa.map_(pa.string(), pa.string())), ("edition", WORD), ("contradictory", pa.bool_()),
        ("notes", WORD),
        *((name, WORD) for answer in ANSWERS for name in (answer, *(f"{answer}_{each}" for each in OF_ANSWER))),
        ("test_facts", pa.list_(pa.string())), ("tests_said", pa.list_(pa.string())),
        ("origins", pa.list_(pa.string())),
    ],
    metadata={"her2path_specimens_version": VERSION},
)  # fmt: skip


def specimens_table(reviewed: Reviewed, names: Any = None) -> Any:
    """Every specimen of a batch, by patient and day: its tests, and the decisions on it.

    `names` are the patients as an Arrow array, where somebody has made it already.
    """
    rows, record = reviewed.specimens(), reviewed.record
    if not len(rows.patients):
        return SPECIMENS.empty_table()
    places = pa.array(rows.places)
    columns: dict[str, Any] = {
        "patient": (pa.array(record.patients, pa.string()) if names is None else names).take(pa.array(rows.patients)),
        "specimen": taken(rows.names),
        "day": days_of(rows.days),
        "origins": _lists(rows.test_starts, words_at(record.origins, record.origin[rows.test_rows])),
    }
    tests = [test for specimen in rows.specimens for test in specimen.tests]
    for name, number in (("test_facts", 0), ("tests_said", 1)):
        words = pa.array([test[number] for test in tests], pa.string())
        columns[name] = _lists(rows.test_starts, words.take(pa.array(rows.tests)))
    for name, each in _of_all(rows.specimens, rows.sites).items():
        columns[name] = each.take(places)
    return pa.table([columns[name] for name in SPECIMENS.names], schema=SPECIMENS)


def _lists(starts: Whole, words: Any) -> Any:
    return pa.ListArray.from_arrays(pa.array(starts.astype(np.int32)), words)


def _of_all(specimens: Sequence[SpecimenReview], sites: list[str]) -> dict[str, Any]:
    """The columns that are the same of all whose tests are alike, one entry for each review."""
    status = [specimen.status for specimen in specimens]
    columns: dict[str, Any] = {
        "specimen_kind": _words([specimen.kind or None for specimen in specimens]),
        "place": _words([specimen.place or None for specimen in specimens]),
        "tumour_site": _words(sites),
        "edition": _words([each.edition.key for each in status]),
        "contradictory": pa.array([each.contradictory for each in status], pa.bool_()),
        "notes": _words(["; ".join(each.notes) for each in status]),
    }
    columns |= _of_results([each.given.values for each in status])
    for answer, decisions in zip(ANSWERS, zip(*map(_decisions, specimens), strict=True), strict=True):
        columns |= _of_answer(answer, decisions)
    return columns


def _of_results(given: Sequence[Mapping[str, Value]]) -> dict[str, Any]:
    """The results that were given, as columns, and together with what follows from them as facts."""
    held: dict[str, dict[int, str | float]] = {}
    facts: list[list[tuple[str, str]]] = []
    for row, values in enumerate(given):
        listed = []
        for name, value in values.items():
            if name == SITE or value == NOT_REPORTED:
                continue
            listed.append((name, words_of(name, value)))
            if isinstance(value, str | float | Decimal):
                held.setdefault(name, {})[row] = value if isinstance(value, str) else float(value)
        facts.append(listed)
    columns = {"facts": pa.array(facts, SPECIMENS.field("facts").type)}
    for name in (*RESULTS, *NUMBERS):
        kind = SPECIMENS.field(name).type
        if of_name := held.get(name):
            column: list[Any] = [of_name.get(row) for row in range(len(given))]
            columns[name] = _words(column) if name in RESULTS else pa.array(column, kind)
        else:
            columns[name] = pa.nulls(len(given), kind)
    return columns


def _decisions(specimen: SpecimenReview) -> tuple[Decision | None, ...]:
    return specimen.status, specimen.expression, specimen.next_step


def _of_answer(answer: str, decisions: Sequence[Decision | None]) -> dict[str, Any]:
    """The columns of one answer; nulls where the edition has no such table."""
    number_of: dict[Any, int] = {}
    told: list[tuple[str | None, ...]] = [(None,) * len(OF_ANSWER)]
    places = np.zeros(len(decisions), np.int64)
    unknown: list[str | None] = []
    absent: dict[Any, str] = {}
    for row, decision in enumerate(decisions):
        if decision is None:
            unknown.append(None)
            continue
        key = (id(decision.array), decision.codes)
        if (number := number_of.get(key)) is None:
            number = number_of[key] = len(told)
            told.append(_told(decision))
        places[row] = number
        unknown.append(_unknown(decision, absent))
    names = (answer, *(f"{answer}_{each}" for each in OF_ANSWER[:-1]))
    columns = {
        name: _words(words).take(pa.array(places)) for name, words in zip(names, zip(*told, strict=True), strict=True)
    }
    return columns | {f"{answer}_unknown": _words(unknown)}


def _unknown(decision: Decision, absent: dict[Any, str]) -> str:
    """What is unknown behind a decision, with the reasons; `absent` keeps it where the record is only silent."""
    unknown, read = decision.given.unknown, decision.array.place
    key = None
    if all(why is ABSENT for why in unknown.values()):
        key = (id(decision.array), *unknown)
        if (words := absent.get(key)) is not None:
            return words
    words = "; ".join(
        f"{name}: {why}" for name, why in unknown.items() if name in read or why.reason is not Reason.ABSENT
    )
    if key:
        absent[key] = words
    return words


def _words(words: Sequence[str | None]) -> Any:
    return pa.array(words, pa.string()).dictionary_encode().cast(WORD)


_by_bins: WeakKeyDictionary[Array, dict[tuple[Code, ...], tuple[str | None, ...]]] = WeakKeyDictionary()
"""What is told of each combination of bins, so that it is put together once."""


def _told(decision: Decision) -> tuple[str | None, ...]:
    """The value of a decision, and what is told beside it, but for what is unknown."""
    of_array = _by_bins.setdefault(decision.array, {})
    told = of_array.get(decision.codes)
    if told is None:
        told = of_array[decision.codes] = (
            decision.value, " or ".join(decision.possible), "; ".join(decision.rows),
            "; ".join(map(str, decision.citations)), settle_sets(decision.would_settle), "; ".join(decision.remarks),
        )  # fmt: skip
    return told


__all__ = ["SPECIMENS", "VERSION", "specimens_table"]
