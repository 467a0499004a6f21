"""CSV and Parquet of HER2 tests as records: one row a specimen, its columns facts.

Columns: `patient` (or `patient_id`, `id`), `specimen`, `test_date`, any fact of `facts.md`, and
`her2_status` for what was recorded. Rows of one patient stand together (the law of a record);
where they do not, each run of rows is reviewed by itself and that is said. A file that says anything
of a course is read by `wide_events.py`.
"""

from __future__ import annotations

import datetime as dt
import difflib
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from ...facts.codes import codes_of
from ...facts.fact import Facts
from ...facts.mapping.entries import Entry, mark_of
from ...facts.problem import AskedWrongly
from ...facts.value import Reason, Unknown
from ...facts.words.look_alikes import as_seen
from ...record.columns import KIND, OF_SPECIMEN, PLACE, SAID_IN_COLUMNS, SIDE
from ...record.event import (
    RECORDED_STATUS,
    STAINED,
    STAINING_OPEN,
    UNMAPPED_TEST,
    Event,
    Record,
    Tissue,
    Trouble,
)
from ..drugs import Drugs
from ..spoken import DrugOf, plain_words, speaks_of_test
from .csv_rows import FEW_ROWS
from .file import read_numbered, read_table
from .site_words import SiteWords, site_words_of
from .wide_names import OUTCOMES
from .words import BROKEN, as_days, as_words, broken, is_missing, words_of

PATIENT = ("patient", "patient_id", "id")
LONG_ONLY = ("fact", "value")
_WHOSE = re.compile(
    r"patient|subject|person|proband|\b(?:mrn|pid|nhs|nhc|subj|usubjid)\b"
    r"|\b(?:pat|case|fall|hospital) ?(?:nr|no|num|number|id)\b",
    re.IGNORECASE,
)
_SPEAKS = re.compile(
    r"her-? ?2|\bher ?\d+\b|erb-?b-?2|\b(?:ihc|lvef)|\b[fcs]?ish\b|\w*ep ?17\b"
    r"|ejection fraction|\bweight\b|trastuzumab",
    re.IGNORECASE,
)


def read_rows(
    path: Path, facts: Facts, columns: Mapping[str, str], missing: Collection[str] = ()
) -> Iterator[Record | Trouble]:
    """The records of a CSV or Parquet file; `columns` maps facts to the columns that hold them, and `missing` are the
    words (in small letters) for a cell that holds nothing.

    Raises `AskedWrongly` where no column is a fact.
    """
    told: list[Trouble] = []
    table, numbers = read_numbered(path, told)
    site = site_words_of(facts)
    local = local_columns(table.column_names, columns, facts)
    table = named_columns(table, columns, facts)
    names = table.column_names
    patient_column = next((name for name in PATIENT if name in names), None)
    tests = [name for name in names if name in facts and facts[name].test]
    require_some_fact(path, names, facts)
    require_no_half(path, names, tests)
    yield from told
    of_names = [*speaking_columns(names, facts), *([] if patient_column else misnamed_patient(names))]
    yield from (Trouble("unreadable", path.name, what) for what in of_names)
    of_tests = columns_of_tests(
        [name for name in names if name != patient_column], facts, Drugs(codes_of(facts)).directed
    )
    needed = [name for name in names if name in facts or name in ("specimen", patient_column, *of_tests)]
    record: Record | None = None
    finished: set[str] = set()
    rows = rows_in_words(table, needed, missing)
    for number, row in zip(numbers.tolist(), rows, strict=True):
        named = row[patient_column] if patient_column else number - 1
        patient_cell = "" if named is None else str(named).strip()
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
        record.troubles += [
            Trouble("unreadable", f"{path.name}:{number}", broken(name, cell))
            for name, cell in row.items()
            if isinstance(cell, str) and BROKEN in cell
        ]
        before = len(record.events)
        _row(record, row, number, path.name, tests, facts, site, local)
        if len(record.events) == before:
            record.troubles += [
                unread_test(name, row[name], f"{path.name}:{number}")
                for name in of_tests
                if row[name] not in (None, "")
            ]
    if record is not None:
        yield record


def read_wide(
    path: Path, columns: Mapping[str, str], facts: Facts, missing: Collection[str] = ()
) -> tuple[Any, list[str]]:
    """A file of facts as a table to decide by, every row of the file in it; and its cells that are not UTF-8.

    Columns that are facts hold numbers and words, all others what they held. Raises `AskedWrongly` as `read_table`,
    also for a row that cannot be read: each row of the file has its answer.
    """
    told: list[Trouble] = []
    table = read_table(path, told)
    if told:
        read_table(path)  # says in words which line it is
        raise AskedWrongly(f"{path}: {told[0].what}")
    table = named_columns(table, columns, facts)
    names = [name for name in table.column_names if name in facts]
    table = in_words(table, names)
    lines: list[str] = []
    for name in names:
        place = table.column_names.index(name)
        column = table.column(place)
        if not pa.types.is_string(column.type):
            continue
        if missing:
            column = _without(column, missing)
            table = table.set_column(place, name, column)
        lines += [f"row {row + 1}: {broken(name, word)}" for row, word in _broken_cells(column)]
    return table, lines


def _without(column: Any, missing: Collection[str]) -> Any:
    """A column of words in which those for a missing value are blank."""
    import pyarrow.compute as pc  # slow to import, and needed only here

    words = pc.utf8_lower(pc.utf8_trim_whitespace(column))
    return pc.if_else(pc.is_in(words, pa.array(sorted(missing), pa.string())), pa.scalar(None, pa.string()), column)


def _broken_cells(column: Any) -> list[tuple[int, str]]:
    """The cells of a column of words that hold bytes that are no UTF-8, with the place of each."""
    if len(column) > FEW_ROWS:
        import pyarrow.compute as pc

        if not pc.any(pc.match_substring(column, BROKEN)).as_py():
            return []
    return [(row, word) for row, word in enumerate(words_of(column)) if word and BROKEN in word]


ROWS_AT_ONCE = 10_000


def rows_in_words(table: Any, names: Sequence[str], missing: Collection[str] = ()) -> Iterator[dict[str, Any]]:
    """The rows of some columns of a table, each cell as a number or in words, whatever type its column has."""
    columns = in_words(table.select(names), names)
    for start in range(0, table.num_rows, ROWS_AT_ONCE):
        part = columns.slice(start, ROWS_AT_ONCE)
        listed = [words_of(column) for column in part.columns]
        for cells in zip(*listed, strict=True):
            row = dict(zip(names, cells, strict=True))
            yield {name: None if is_missing(cell, missing) else cell for name, cell in row.items()} if missing else row


def in_words(table: Any, names: Iterable[str]) -> Any:
    """A table in whose columns of these names is nothing that no rule reads: numbers stay, all else is in words."""
    for name in names:
        place = table.column_names.index(name)
        column = table.column(place)
        if pa.types.is_floating(column.type) or pa.types.is_integer(column.type):
            continue
        if pa.types.is_temporal(column.type):
            column = as_days(column)
        words = as_words(column)
        if pa.types.is_dictionary(words.type):
            words = words.cast(pa.string())
        table = table.set_column(place, name, _in_utf8(words))
    return table


def _in_utf8(words: Any) -> Any:
    """A column of strings whose bytes are UTF-8; others are shown."""
    try:
        words.validate(full=True)
    except pa.ArrowInvalid:
        return pa.chunked_array([pa.array(words_of(chunk), pa.string()) for chunk in words.chunks])
    return words


def _row(
    record: Record, row: dict[str, Any], number: int, name: str, tests: list[str], facts: Facts,
    own_words: SiteWords | None = None, local: Mapping[str, Entry] | None = None,
) -> None:  # fmt: skip
    where = f"{name}:{number}"
    marks: dict[str, str] = {}
    if own_words is not None:
        said = dict(row)
        for fact in (*tests, *SAID_IN_COLUMNS, "her2_status"):
            if row.get(fact) not in (None, ""):
                row[fact], met = own_words.cell(fact, row[fact], (local or {}).get(fact))
                marks[fact] = mark_of(met)
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
    tissue: dict[str, str] = {}
    for part in OF_SPECIMEN:
        known = facts[part].coerce(row.get(part))
        if isinstance(known, Unknown) and known.reason is not Reason.ABSENT:
            record.troubles.append(Trouble("unreadable", where, str(known)))
        tissue[part] = known if isinstance(known, str) else ""
    if any(tissue.values()) or specimen not in record.tissues:
        record.tissues[specimen] = Tissue(specimen, tissue[KIND], tissue[PLACE], on, tissue[SIDE])
    for test in tests:
        value, stands = facts[test].coerce(row[test]), where + marks.get(test, "")
        if test == "ihc_score" and str(row[test]).strip() == "0+" and not str(row.get(STAINED) or "").strip():
            record.events.append(Event(STAINED, STAINING_OPEN, on, specimen, stands, "0+"))
        if isinstance(value, Unknown) and value.reason is Reason.ABSENT:
            continue
        words = str(row[test] if own_words is None else said[test])
        record.events.append(Event(test, value, on, specimen, stands, words))
    recorded = row.get("her2_status")
    if recorded not in (None, ""):
        status = facts["her2_status"].coerce(str(recorded))
        stands = where + marks.get("her2_status", "")
        record.events.append(Event(RECORDED_STATUS, status, on, specimen, stands, str(recorded)))


def named_columns(table: Any, columns: Mapping[str, str], facts: Facts) -> Any:
    """A table whose columns bear the names of the facts they hold; `columns` maps facts to columns.

    Raises `AskedWrongly` for a column or a fact that is not there.
    """
    fact_of = asked_columns(table.column_names, columns, lambda name: name in facts)
    fact_of |= {column: entry.fact for column, entry in _mapped_columns(table.column_names, columns, facts).items()}
    return table.rename_columns([fact_of.get(name, name) for name in table.column_names])


def asked_columns(
    names: Collection[str], columns: Mapping[str, str], is_known: Callable[[str], bool]
) -> dict[str, str]:  # fmt: skip
    """What the columns that somebody names are called here. Raises `AskedWrongly` as `named_columns`."""
    fact_of: dict[str, str] = {}
    for fact, column in columns.items():
        if column not in names:
            raise AskedWrongly(f"no column is called {column!r}; there are " + ", ".join(names))
        if not is_known(fact) and fact not in PATIENT:
            raise AskedWrongly(f"--column {fact}={column}: no fact is called {fact!r}")
        if column in fact_of:
            raise AskedWrongly(f"the column {column} cannot hold both {fact_of[column]} and {fact}")
        if fact in names and fact != column:
            raise AskedWrongly(f"--column {fact}={column}: the file has a column {fact} too; drop or rename it")
        fact_of[column] = fact
    return fact_of


def local_columns(names: list[str], columns: Mapping[str, str], facts: Facts) -> dict[str, Entry]:
    """The entries of the site's mapping that name a column of a file, by the fact that it holds."""
    return {entry.fact: entry for entry in _mapped_columns(names, columns, facts).values()}


def _mapped_columns(names: list[str], columns: Mapping[str, str], facts: Facts) -> dict[str, Entry]:
    site = site_words_of(facts)
    if site is None:
        return {}
    found = site.columns([name for name in names if name not in columns.values()])
    return {column: entry for column, entry in found.items() if entry.fact not in columns and entry.fact not in names}


def require_some_fact(path: Path, names: Collection[str], facts: Facts) -> None:
    """Raise `AskedWrongly` where no column is a fact that is read."""
    if not [name for name in names if name in facts and name not in (*SAID_IN_COLUMNS, *OUTCOMES, "her2_status")]:
        known = ", ".join(name for name, fact in facts.items() if fact.test)
        there = ", ".join(names)
        small = [
            name for name in names if name != name.lower() and (name.lower() in facts or name.lower() in LONG_ONLY)
        ]
        hint = (
            f" ({', '.join(small)} are known in small letters: --column {small[0].lower()}={small[0]})" if small else ""
        )
        what = f"no column is a fact of a HER2 test; the columns are {there[:200]}{hint}"
        raise AskedWrongly(f"{path}: {what}; expected some of {known}, or the columns patient, date, fact and value")


def require_no_half(path: Path, names: Collection[str], tests: Collection[str]) -> None:
    """Raise `AskedWrongly` where a file of one event a row misses one of its two columns, and would be read as wide."""
    here, gone = ("fact", "value") if "fact" in names else ("value", "fact")
    if here in names and gone not in names and (here == "fact" or not tests):
        what = f"a column is called {here} and none {gone}; a file of one event a row needs both"
        raise AskedWrongly(f"{path}: {what} (--column {gone}=COLUMN)")


def misnamed_patient(names: Iterable[str]) -> Iterator[str]:
    """What is told of columns that may hold the patients of a file of which no column is called so."""
    for name in names:
        if _WHOSE.search(as_seen(name).replace("_", " ")):
            what = f"no column is called {', '.join(PATIENT[:-1])} or {PATIENT[-1]}; is it {name!r}?"
            yield f"{what} (--column patient={name}) Each row is reviewed as a patient of its own"


def speaking_columns(names: Collection[str], facts: Facts, of_file: Collection[str] = ()) -> Iterator[str]:
    """What is told of columns that are no fact: those that are nearly one, and those that speak of what is read;
    `of_file` are all columns of the file, where these are not all of them."""
    told = list(misspelt_columns(names, facts, of_file))
    yield from told
    for name in names:
        near = any(what.startswith(f"the column {name} is no fact") for what in told)
        if name not in facts and not near and _SPEAKS.search(as_seen(name).replace("_", " ")):
            what = f"the column {name} is no fact, but speaks of what is read"
            yield f"{what}; nothing is read from it (--column FACT={name})"


def columns_of_tests(names: Iterable[str], facts: Facts, drug_of: DrugOf) -> list[str]:
    """The columns that speak of a HER2 test, and of no drug, and are no fact."""
    spoken = codes_of(facts).names
    plain = {name: plain_words(name) for name in names if name not in facts}
    return [name for name, words in plain.items() if speaks_of_test(words, spoken) and drug_of(words) is None]


def unread_test(column: str, cell: object, where: str) -> Trouble:
    """What is told of a cell that speaks of a HER2 test, beside which no test is read."""
    what = f"the column {column} ({str(cell)[:40]!r}) speaks of a HER2 test, and is not read"
    return Trouble(UNMAPPED_TEST, where, what)


def misspelt_columns(names: Iterable[str], facts: Facts, of_file: Collection[str] = ()) -> Iterator[str]:
    """Columns that are no fact but nearly are one that is not there: told, since they are not read."""
    names = list(names)
    missing = {fact.lower(): fact for fact in facts if fact not in (of_file or names)}
    for name in names:
        seen = as_seen(name).lower()
        near = difflib.get_close_matches(seen, missing, n=1, cutoff=0.85) if name not in facts else []
        if near:
            yield f"the column {name} is no fact; did you mean {missing[near[0]]}? (--column {missing[near[0]]}={name})"
