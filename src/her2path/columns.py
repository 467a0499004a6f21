"""Decisions for many patients at once, from Arrow columns to Arrow columns.

`decide_batch` reads compiled arrays: every column is binned once, whichever tables use it, and each table is
one look-up. `decide_table` says of every row of a file what `decision.decide` says of it. It may, because a
decision depends on few things only: the bin of each fact, and where copies and ratio are derived from each
other, how they compare. Rows alike in these are decided once, by `decide` itself.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from .array import CONTRADICTORY, MOST_BOXES, UNDETERMINED, Array
from .axis import Axis
from .decision import Decision, decide, default_knowledge, require_facts
from .edition import AskedWrongly, Knowledge, chain
from .fact import Fact
from .kernels import (
    Classed,
    FinestAxis,
    Floats,
    Kernels,
    Whole,
    as_dictionary,
    bits_of,
    compared,
    edges_of,
    entries_of,
    kernels,
)
from .table import Table
from .value import Reason, Unknown

ROWS_AT_ONCE = 32_768
"""The bins of so many patients stay in the cache while all tables are looked up: half and double are slower."""
ROWS_CLASSED_AT_ONCE = 1_000_000
MOST_MESSAGES = 20


# -- many arrays, one batch ------------------------------------------------------------------


def decide_batch(arrays: Sequence[Array], batch: Any, *, fast: bool | None = None) -> Any:
    """The outcomes of some arrays for every row of a `pyarrow.RecordBatch` or `Table`; the same kind comes back.

    Each array gives one column, named by its outcome: dictionary<int8, string>, null where it is undetermined
    or contradictory. Columns named like facts are read as `Fact.coerce` reads values; nulls, NaN, what is not
    plausible or cannot be read, and facts without a column are unknown. Nothing is derived. `fast` chooses
    compiled loops (`kernels.kernels`). Raises `AskedWrongly` for a column whose type no fact can have.
    """
    whole = pa.Table.from_batches([batch]) if isinstance(batch, pa.RecordBatch) else batch
    loops = kernels(fast, whole.num_rows)
    slots: dict[tuple[Fact, tuple[Any, ...]], _Slot] = {}
    for array in arrays:
        for axis in array.axes:
            slots.setdefault((axis.fact, tuple(axis.cuts)), _Slot(axis, len(slots)))
    columns = {name: _as_read(whole, name, fact) for name, fact in _named(slots) if name in whole.column_names}
    read: Any = pa.table(columns).unify_dictionaries() if columns else None
    for slot in slots.values():
        if slot.axis.fact.name in columns:
            slot.read_column(read.column(slot.axis.fact.name))
    plans = [_Plan(array, [slots[axis.fact, tuple(axis.cuts)] for axis in array.axes]) for array in arrays]
    answers = np.empty((len(arrays), whole.num_rows), dtype=np.int8)
    codes = np.empty((len(slots), ROWS_AT_ONCE), dtype=np.uint8)
    index = np.empty(ROWS_AT_ONCE, dtype=np.uint32)
    for slot in slots.values():
        codes[slot.place] = slot.axis.unknown
    start = 0
    for part in _parts(read, whole.num_rows):
        size = ROWS_AT_ONCE if part is None else part.num_rows
        size = min(size, whole.num_rows - start)
        for slot in slots.values():
            if part is not None and slot.axis.fact.name in columns:
                slot.bin(part.column(slot.axis.fact.name), loops, codes[slot.place, :size])
        for number, plan in enumerate(plans):
            loops.look_up(
                codes, plan.places, plan.strides, plan.answers, index[:size], answers[number, start : start + size]
            )
        start += size
    made = [_outcomes(array, each) for array, each in zip(arrays, answers, strict=True)]
    names = [array.outcome.name for array in arrays]
    kind = pa.RecordBatch if isinstance(batch, pa.RecordBatch) else pa.Table
    return kind.from_arrays(made, names=names)


class _Slot:
    """One (fact, cuts): its axis, its line of codes, and how its column is binned."""

    def __init__(self, axis: Axis, place: int) -> None:
        self.axis = axis
        self.place = place
        self.partial: list[frozenset[int]] = []  # sets of bins met in the column: codes from unknown + 1 on
        self.bins = np.zeros(0, dtype=np.uint8)
        self.edges: npt.NDArray[Any] = np.zeros(0)

    def read_column(self, column: Any) -> None:
        """Work out what is the same for all rows: the bin of every dictionary entry, or the edges."""
        if not pa.types.is_dictionary(column.type):
            self.edges = edges_of(self.axis, np.float32 if column.type == pa.float32() else np.float64)
            return
        entries = entries_of(column.chunk(0).dictionary) if column.num_chunks else []
        found = [self._code(self.axis.code(self.axis.fact.coerce(entry))) for entry in entries]
        self.bins = np.array([*found, self.axis.unknown], dtype=np.uint8)

    def _code(self, code: int | frozenset[int]) -> int:
        if isinstance(code, int):
            return code
        if code not in self.partial:
            self.partial.append(code)
        return self.axis.unknown + 1 + self.partial.index(code)

    def bin(self, column: Any, loops: Kernels, out: npt.NDArray[np.uint8]) -> None:
        if pa.types.is_dictionary(column.type):
            values, valid = bits_of(column.indices)
            loops.recode(values.view(f"u{values.itemsize}"), valid, self.bins, out)
        else:
            values, valid = bits_of(column)
            numbers = values if values.dtype.kind == "f" else values.astype(np.float64)
            loops.bin(numbers, valid, self.edges, self.axis.unknown, out)


class _Plan:
    """One array: the lines of codes it reads, their strides, and its flat answers."""

    def __init__(self, array: Array, slots: list[_Slot]) -> None:
        widths = [slot.axis.count + 1 + len(slot.partial) for slot in slots]
        if int(np.prod(widths, dtype=object)) > 16 * MOST_BOXES:
            raise ValueError(
                f"{array.outcome.name}: too many partly known values at once; decide it in smaller batches"
            )
        self.places = np.array([slot.place for slot in slots], dtype=np.int64)
        self.strides = np.array([int(np.prod(widths[place + 1 :])) for place in range(len(slots))], dtype=np.int64)
        self.answers = _answers(array, [slot.partial for slot in slots]).ravel()


def _answers(array: Array, partial: list[list[frozenset[int]]]) -> npt.NDArray[np.int8]:
    """`array.answers` with more bins on each axis: those of values that are only partly known."""
    if not any(partial):
        return array.answers.astype(np.int8)
    values = array.known_values
    for place, axis in enumerate(array.axes):
        unions = [
            np.bitwise_or.reduce(np.take(values, sorted(bins), axis=place), axis=place, keepdims=True)
            for bins in (axis.real, *partial[place])
        ]
        values = np.concatenate([values, *unions], axis=place)
    # What cannot happen drops out where anything else can, as in the array itself.
    never = np.uint64(1 << len(array.outcome.values))
    answers = np.full(values.shape, UNDETERMINED, dtype=np.int8)
    for bit in range(len(array.outcome.values)):
        answers[(values & ~never) == np.uint64(1 << bit)] = bit
    answers[values == never] = CONTRADICTORY
    return answers


def _named(slots: Mapping[tuple[Fact, tuple[Any, ...]], _Slot]) -> Iterator[tuple[str, Fact]]:
    return iter({fact.name: fact for fact, _ in slots}.items())


def _as_read(table: Any, name: str, fact: Fact) -> Any:
    """A column as floats or integers where its fact is a number, otherwise as a dictionary of its values."""
    column = _only_column(table, name)
    if fact.is_number and (pa.types.is_integer(column.type) or column.type in (pa.float32(), pa.float64())):
        return column
    return as_dictionary(column, name)


def _only_column(table: Any, name: str) -> Any:
    if table.column_names.count(name) > 1:
        raise AskedWrongly(f"two columns are called {name}; rename one of them")
    return table.column(name)


def _parts(table: Any, rows: int) -> Iterator[Any]:
    """Stretches of at most `ROWS_AT_ONCE` rows; `None` for each where no column is read."""
    if table is not None:
        yield from table.to_batches(max_chunksize=ROWS_AT_ONCE)
    else:
        yield from [None] * -(-rows // ROWS_AT_ONCE)


def _outcomes(array: Array, answers: npt.NDArray[np.int8]) -> Any:
    """Answers as dictionary<int8, string>, null below 0."""
    valid = np.packbits(answers >= 0, bitorder="little")
    np.maximum(answers, 0, out=answers)
    indices = pa.Array.from_buffers(pa.int8(), len(answers), [pa.py_buffer(valid), pa.py_buffer(answers)])
    return pa.DictionaryArray.from_arrays(indices, pa.array(array.outcome.values, pa.string()), safe=False)


# -- one outcome, every row of a file ---------------------------------------------------------


def decide_table(
    outcome: str,
    table: Any,
    *,
    knowledge: Knowledge | None = None,
    edition: str | None = None,
    on: dt.date | None = None,
    jurisdiction: str | None = None,
    constants: Mapping[str, Any] | None = None,
) -> tuple[Any, list[str]]:
    """Decide one outcome for every row of a `pyarrow.Table`, as `decide` decides it for one patient.

    The table comes back with four columns more, all dictionaries of strings: `<outcome>` (null where it is
    undetermined), `<outcome>.rows` ("ish_group:1; her2_status:3"), `<outcome>.would_settle` ("her2_copies or
    ihc_score and ish_recount") and `<outcome>.edition`. Columns not named like facts pass through. `constants`
    are facts given for every row. The list holds a message for each cell that could not be read, rows counted
    from 1, at most `MOST_MESSAGES`. Raises `AskedWrongly` where nothing can be decided as asked.
    """
    knowledge = knowledge or default_knowledge()
    given = dict(constants or {})
    names = _fact_columns(outcome, table, knowledge, edition, given)
    axes = {name: _finest(knowledge.facts[name], knowledge) for name in [*names, *given]}
    # Without a fact of that name nothing is derived from copies, and there are no cuts.
    ratio = knowledge.facts.get("her2_cep17_ratio")
    cuts = _finest(ratio, knowledge).bounds if ratio else np.zeros(0)
    problems = _Problems()
    for name, value in given.items():
        if isinstance(unknown := knowledge.facts[name].coerce(value), Unknown) and unknown.reason is not Reason.ABSENT:
            problems.add_for_all(name, unknown)
    parts: list[list[Any]] = []
    for start in range(0, max(table.num_rows, 1), ROWS_CLASSED_AT_ONCE):
        part = table.select(names).slice(start, ROWS_CLASSED_AT_ONCE).combine_chunks()
        classed = {name: axes[name].classed(part.column(name)) for name in names}
        classed |= {
            name: axes[name].of_entries([value], np.zeros(part.num_rows, np.int64)) for name, value in given.items()
        }
        kinds, first = _kinds(classed, cuts)
        told: list[tuple[int | None, str, str, str | None]] = []
        refused: dict[int, str] = {}
        for number, row in enumerate(first.tolist()):
            raw = {name: each.cell(row) for name, each in classed.items()}
            try:
                decision = decide(outcome, raw, knowledge=knowledge, edition=edition, on=on, jurisdiction=jurisdiction)
                told.append(_told(decision))
            except AskedWrongly as wrong:  # no edition decides this row's site or jurisdiction
                refused[number] = str(wrong)
                told.append((None, "", "", None))
        problems.add_unread(start, {name: classed[name] for name in names}, knowledge)
        problems.add_refused(start, kinds, refused)
        parts.append(_outputs(told, kinds, knowledge.facts[outcome].values))
    if table.num_rows and problems.refused == table.num_rows:
        raise AskedWrongly(problems.first_refusal)
    for suffix, chunks in zip(("", ".rows", ".would_settle", ".edition"), zip(*parts, strict=True), strict=True):
        table = table.append_column(outcome + suffix, pa.chunked_array(chunks).unify_dictionaries())
    return table, problems.messages()


def _fact_columns(
    outcome: str, table: Any, knowledge: Knowledge, edition: str | None, given: Mapping[str, Any]
) -> list[str]:
    """The columns that are facts. Raises `AskedWrongly` for anything about them that cannot be meant."""
    require_facts(given, knowledge)
    able = [each for each in knowledge.editions if not each.supplement and outcome in knowledge.tables_of(each)]
    if edition is not None:
        able = [knowledge.edition(edition, outcome)]
    if not able:
        decided = sorted({name for each in knowledge.editions for name in each.tables})
        raise AskedWrongly(f"no table decides {outcome!r}; decided are " + ", ".join(decided))
    for name in table.column_names:
        if name in (outcome, f"{outcome}.rows", f"{outcome}.would_settle", f"{outcome}.edition"):
            raise AskedWrongly(f"the file has a column {name} already, where the answer would stand; rename it")
        if name in given:
            raise AskedWrongly(f"{name} is given for all rows, but the file has a column {name}; leave one out")
    names = [name for name in table.column_names if name in knowledge.facts]
    for name in names:
        _only_column(table, name)
    if not names:
        used = {name for each in able for name in _read_by(knowledge.tables_of(each), outcome)}
        expected = [name for name in knowledge.facts if name in used]
        raise AskedWrongly("no column is named like a fact; expected some of " + ", ".join(expected))
    return names


def _finest(fact: Fact, knowledge: Knowledge) -> FinestAxis:
    """A fact cut wherever any table of any edition cuts it, and a date wherever an edition begins or ends."""
    tables = [table for edition in knowledge.editions for table in edition.tables.values()]
    found = [(table, table.inputs.index(fact.name)) for table in tables if fact.name in table.inputs]
    days = {day.isoformat() for each in knowledge.editions for day in (each.since, each.until) if day}
    return FinestAxis(fact, [row.cells[place] for table, place in found for row in table.rows], sorted(days))


def _read_by(tables: dict[str, Table], outcome: str) -> set[str]:
    return {name for table in chain(tables, outcome) for name in table.inputs}


def _told(decision: Decision) -> tuple[int | None, str, str, str | None]:
    value = None if decision.value is None else decision.array.outcome.values.index(decision.value)
    settling = " or ".join(" and ".join(names) for names in decision.would_settle)
    return value, "; ".join(decision.rows), settling, decision.edition.key


def _outputs(told: list[tuple[int | None, str, str, str | None]], kinds: Any, values: tuple[str, ...]) -> list[Any]:
    """The four columns, from what was told of each kind of row."""
    indices = pa.array([each[0] for each in told], pa.int8()).take(kinds)
    texts = [pa.array([each[place] for each in told], pa.string()).dictionary_encode() for place in (1, 2, 3)]
    return [
        pa.DictionaryArray.from_arrays(indices, pa.array(values, pa.string())),
        *(each.take(kinds) for each in texts),
    ]


def _kinds(classed: dict[str, Classed], cuts: Floats) -> tuple[Any, Whole]:
    """For each row its kind (an Arrow array), and for each kind the first row of it.

    Rows of one kind have each fact in the same class, and compare copies and ratio alike.
    """
    columns = [(each.classes, each.width) for each in classed.values()]
    if "her2_copies" in classed and "cep17_copies" in classed:
        ratio = classed.get("her2_cep17_ratio")
        columns.append(compared(classed["her2_copies"], classed["cep17_copies"], ratio, cuts))
    kinds = pa.array(columns[0][0])
    width = columns[0][1]
    for classes, more in columns[1:]:
        if width * more >= 2**62:
            encoded = kinds.dictionary_encode()
            kinds, width = encoded.indices.cast(pa.int64()), len(encoded.dictionary)
        kinds, width = pa.array(kinds.to_numpy() * more + classes), width * more
    encoded = kinds.dictionary_encode()
    rows = np.arange(len(kinds))
    first = np.zeros(len(encoded.dictionary), dtype=np.int64)
    first[encoded.indices.to_numpy()[::-1]] = rows[::-1]  # the last one written, the earliest row, stays
    return encoded.indices, first


class _Problems:
    """What could not be read, told once for a cell, and only counted after `MOST_MESSAGES`."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.count = 0
        self.refused = 0
        self.first_refusal = ""

    def add_for_all(self, name: str, unknown: Unknown) -> None:
        self.count += 1
        self.told.append(f"{name}, given for all rows: {unknown.detail.removeprefix(name).strip()}")

    def add_unread(self, start: int, classed: Mapping[str, Classed], knowledge: Knowledge) -> None:
        found: list[tuple[int, str]] = []
        for name, each in classed.items():
            rows = np.flatnonzero(each.classes == 1)
            self.count += len(rows)
            found += [(row, name) for row in rows[:MOST_MESSAGES].tolist()]
        for row, name in sorted(found, key=lambda one: one[0])[: MOST_MESSAGES - len(self.told)]:
            unknown = knowledge.facts[name].coerce(classed[name].cell(row))
            detail = unknown.detail if isinstance(unknown, Unknown) else str(unknown)
            self.told.append(f"row {start + row + 1}, column {name}: {detail.removeprefix(name).strip()}")

    def add_refused(self, start: int, kinds: Any, refused: Mapping[int, str]) -> None:
        if not refused:
            return
        numbers = kinds.to_numpy()
        rows = np.flatnonzero(np.isin(numbers, list(refused)))
        self.first_refusal = self.first_refusal or refused[int(numbers[rows[0]])]
        self.refused += len(rows)
        self.count += len(rows)
        for row in rows[: max(0, MOST_MESSAGES - len(self.told))].tolist():
            self.told.append(f"row {start + row + 1}: {refused[int(numbers[row])]}")

    def messages(self) -> list[str]:
        more = self.count - len(self.told)
        return [*self.told, f"and {more} more"] if more else self.told
