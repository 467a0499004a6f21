"""Records as one Arrow table of events, whole: what a batch holds in columns, written down, and back again.

A row is an event, a patient as such (so that one without any event is not lost), or something of a record that was not
read or not used. Nothing is lost on the way and back: partly known and unknown values keep their limits and reasons.
`place` is the place of a row in the order of its source. The schema is `EVENTS`, documented in docs/populations.md; the
parts of a population are files of it.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Sequence
from decimal import Decimal
from typing import Any, overload

import numpy as np
import pyarrow as pa

from ..facts.days import EPOCH
from ..facts.value import Interval, OneOf, Reason, Unknown, Value
from .columns import UNKNOWN, RecordColumns, Whole, in_order
from .event import Trouble
from .forms import Forms

VERSION = "1"
WORD = pa.dictionary(pa.int32(), pa.string())
KINDS = ("patient", "event", "not read", "passed over")
"""What a row is. Of the last two `fact` is the kind of the trouble, `origin` its place and `said` what it is."""
PATIENT, EVENT, NOT_READ, PASSED_OVER = range(4)
EVENTS = pa.schema(
    [
        ("patient", WORD), ("kind", WORD), ("day", pa.date32()), ("fact", WORD), ("value", WORD), ("product", WORD),
        ("qualifier", WORD), ("specimen", WORD), ("said", WORD), ("note", WORD), ("origin", pa.string()),
        ("place", pa.int32()), ("amended", pa.bool_()), ("is_test", pa.bool_()),
    ],
    metadata={"her2path_events_version": VERSION},
)  # fmt: skip
OF_FORM = ("fact", "value", "product", "qualifier", "said", "note")
NOTHING = ""
DENSE = 8
"""A table of so many times as many entries as there are rows is still faster than to sort them."""


def value_words(value: Value) -> str:
    """A value as JSON: a category as a string, an exact number as a number, all else as an object that names it."""
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, Decimal) and value.is_finite():
        return str(value)
    return json.dumps(_told(value), ensure_ascii=False)


def _told(value: Value) -> dict[str, Any]:
    if isinstance(value, Unknown):
        return {"unknown": str(value.reason), "detail": value.detail}
    if isinstance(value, OneOf):
        return {"one of": sorted(value.values)}
    if isinstance(value, Interval):
        low, high = (None if limit is None else str(limit) for limit in (value.low, value.high))
        return {"low": low, "low_included": value.low_included, "high": high, "high_included": value.high_included}
    return {"float": repr(value)} if isinstance(value, float) else {"decimal": str(value)}


def value_of(words: str) -> Value:
    """The value that some JSON tells. Raises `ValueError` where it is none."""
    told = json.loads(words, parse_float=Decimal, parse_int=Decimal)
    if isinstance(told, str | Decimal):
        return told
    if isinstance(told, dict):
        if "unknown" in told:
            return Unknown(Reason(told["unknown"]), told.get("detail", ""))
        if "one of" in told:
            return OneOf(frozenset(told["one of"]))
        if "low" in told:
            low, high = (None if told[end] is None else Decimal(told[end]) for end in ("low", "high"))
            return Interval(low, high, told["low_included"], told["high_included"])
        if "float" in told:
            return float(told["float"])
        if "decimal" in told:
            return Decimal(told["decimal"])
    raise ValueError(f"no value: {words!r}")


class ArrowWords(Sequence[str]):
    """The words of an Arrow array of strings, each made when it is asked for."""

    def __init__(self, array: Any) -> None:
        self._array = array

    def __len__(self) -> int:
        return len(self._array)

    @overload
    def __getitem__(self, place: int) -> str: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[str]: ...
    def __getitem__(self, place: int | slice) -> str | Sequence[str]:
        if isinstance(place, slice):
            return [word or NOTHING for word in self._array[place].to_pylist()]
        return self._array[int(place)].as_py() or NOTHING

    def words(self, places: Whole) -> Any:
        """Many of them as an Arrow array."""
        return self._array.take(pa.array(places))


def events_of(record: RecordColumns) -> Any:
    """The records of a batch as a table of `EVENTS`: by patient, in the order of the batch."""
    count, rows = len(record.patients), len(record.day)
    troubles = [
        (place, kind, trouble)
        for kind, listed in ((NOT_READ, record.troubles), (PASSED_OVER, record.passed_over))
        for place, of_patient in sorted(listed.items())
        for trouble in of_patient
    ]
    owner = np.concatenate([np.arange(count), record.owner(), [each[0] for each in troubles]]).astype(np.int64)
    kind = np.concatenate([np.full(count, PATIENT), np.full(rows, EVENT), [each[1] for each in troubles]])
    order = np.lexsort((kind, owner))
    said = [trouble for _, _, trouble in troubles]

    def words(places: Whole, listed: Sequence[str | None], of_trouble: list[str] | None = None) -> Any:
        listed = [*listed, NOTHING, *(of_trouble or ())]
        rest = len(listed) - len(of_trouble or ()) - 1
        told = np.full(len(said), rest) if of_trouble is None else rest + 1 + np.arange(len(said))
        codes = np.concatenate([np.full(count, rest), places, told])[order]
        return _once(codes, listed)

    values = [value_words(value) for value in record.values]
    blank = np.full(count, UNKNOWN, np.int64)
    day = np.concatenate([blank, record.day, np.full(len(said), UNKNOWN, np.int64)])[order]
    no_day = day == UNKNOWN
    place = np.concatenate([np.zeros(count), record.origin, np.zeros(len(said))])[order].astype(np.int32)
    origin = pa.concat_arrays(
        [
            pa.array([record.wheres[place] for place in range(count)], pa.string()),
            _words_at(record.origins, record.origin),
            pa.array([trouble.where for trouble in said], pa.string()),
        ]
    ).take(pa.array(order))
    amended = np.zeros(rows, np.bool_) if record.amended is None else record.amended
    is_test = np.array(record.is_test, np.bool_)[record.fact] if rows else np.zeros(0, np.bool_)
    no, none = np.zeros(count, np.bool_), np.zeros(len(said), np.bool_)
    return pa.table(
        [
            _once(owner[order], record.patients), _once(kind[order], KINDS),
            pa.array(np.where(no_day, 0, day - EPOCH).astype(np.int32), mask=no_day).view(pa.date32()),
            words(record.fact, record.facts, [trouble.kind for trouble in said]), words(record.value, values),
            words(record.product, record.products), words(record.qualifier, record.qualifiers),
            words(record.specimen, record.specimens),
            words(record.said, record.saids, [trouble.what for trouble in said]), words(record.note, record.notes),
            origin, pa.array(place), pa.array(np.concatenate([no, amended, none])[order]),
            pa.array(np.concatenate([no, is_test, none])[order]),
        ],
        schema=EVENTS,
    )  # fmt: skip


def _words_at(words: Sequence[str], places: Whole) -> Any:
    many = getattr(words, "words", None)
    found = many(places) if many is not None else pa.array([words[place] for place in places.tolist()], pa.string())
    found = found.combine_chunks() if isinstance(found, pa.ChunkedArray) else found
    return found.cast(pa.string())


def _once(codes: Whole, listed: Sequence[str | None]) -> Any:
    """Words by their places, each distinct word once; blank for what is missing."""
    places: dict[str, int] = {}
    of_word = np.array([places.setdefault(word or NOTHING, len(places)) for word in listed], np.int32)
    return pa.DictionaryArray.from_arrays(pa.array(of_word[codes.astype(np.int64)]), pa.array([*places], pa.string()))


def part_of(patient: str, parts: int) -> int:
    """The part of a population that a patient belongs to, from 0 on; the same in every run and on every machine."""
    return zlib.crc32(patient.encode("utf-8", "surrogatepass")) % parts


def columns_of_events(table: Any) -> RecordColumns:
    """The records of a table of `EVENTS` as a batch, by name of the patient; rows of a patient may stand anywhere.

    Raises `ValueError` where a cell of the table holds no value.
    """
    columns = {name: table.column(name) for name in EVENTS.names}
    names, owner = _coded(columns["patient"])
    by_name = sorted(range(len(names)), key=names.__getitem__)
    rank = np.empty(len(names), np.int64)
    rank[by_name] = np.arange(len(names))
    owner = rank[owner]
    kinds, kind = _coded(columns["kind"])
    kind = np.array([KINDS.index(name) for name in kinds], np.int64)[kind]
    order = np.argsort(owner, kind="stable")
    owner, kind = owner[order], kind[order]
    patients = [names[place] for place in by_name]
    event = order[kind == EVENT]
    origin, origins = _places(order, owner, kind, _flat(columns["origin"]), _flat(columns["place"]).to_numpy())

    listed: dict[str, list[str]] = {}
    of_row: dict[str, Whole] = {}
    for name in (*OF_FORM, "specimen"):
        words, places = _coded(columns[name])
        listed[name], of_row[name] = [*words], places[event]
    # A place among the values belongs to one fact.
    size = max(len(listed["value"]), 1)
    pairs, of_row["value"] = _dense(of_row["fact"] * size + of_row["value"], len(listed["fact"]) * size)
    read: dict[str, Value] = {}
    texts = [listed["value"][pair % size] for pair in pairs.tolist()]
    values = [read[text] if text in read else read.setdefault(text, value_of(text)) for text in texts]

    flags = {name: _flat(columns[name]).to_numpy(zero_copy_only=False)[event] for name in ("amended", "is_test")}
    is_test = np.zeros(len(listed["fact"]), np.bool_)
    is_test[of_row["fact"][flags["is_test"]]] = True
    days = _flat(columns["day"])
    no_day = days.is_null().to_numpy(zero_copy_only=False)[event]
    number = days.view(pa.int32()).fill_null(0).to_numpy()[event].astype(np.int64) + EPOCH
    starts = np.zeros(len(patients) + 1, np.int64)
    np.cumsum(np.bincount(owner[kind == EVENT], minlength=len(patients)), out=starts[1:])
    record = RecordColumns(
        patients=patients, wheres=_wheres(order, owner, kind, _flat(columns["origin"]), len(patients)), starts=starts,
        day=np.where(no_day, UNKNOWN, number), origin=origin,
        origins=ArrowWords(origins),
        fact=of_row["fact"], value=of_row["value"], product=of_row["product"], qualifier=of_row["qualifier"],
        said=of_row["said"], note=of_row["note"], specimen=of_row["specimen"], facts=listed["fact"], values=values,
        products=listed["product"], specimens=listed["specimen"], qualifiers=listed["qualifier"],
        saids=listed["said"], notes=listed["note"], is_test=is_test.tolist(),
        amended=flags["amended"] if flags["amended"].any() else None,
        troubles=_troubles(table, order, owner, kind, NOT_READ),
        passed_over=_troubles(table, order, owner, kind, PASSED_OVER),
    )  # fmt: skip
    record._forms = _forms(of_row)
    ordered = in_order(record)
    if ordered._forms is None:
        ordered._forms = _forms({name: getattr(ordered, name) for name in OF_FORM})
    return ordered


def _forms(of_row: dict[str, Whole]) -> Forms:
    """The distinct events: their parts are put together to one number, made dense again so that it stays small."""
    key = np.zeros(len(of_row["fact"]), np.int64)
    found = np.zeros(1, np.int64)
    for name in OF_FORM:
        size = int(of_row[name].max()) + 1 if len(key) else 1
        found, key = _dense(key * size + of_row[name], len(found) * size)
    first = np.zeros(len(found), np.int64)
    first[key[::-1]] = np.arange(len(key))[::-1]
    return Forms(key, *(of_row[name][first] for name in OF_FORM))


def _dense(keys: Whole, limit: int) -> tuple[Whole, Whole]:
    """The distinct ones of whole numbers from 0 to below a limit, and the place of each among them."""
    if limit > DENSE * max(len(keys), 1000):
        found, places = np.unique(keys, return_inverse=True)
        return found, places.astype(np.int64)
    there = np.zeros(limit, np.bool_)
    there[keys] = True
    found = np.flatnonzero(there)
    rank = np.zeros(limit, np.int64)
    rank[found] = np.arange(len(found))
    return found, rank[keys]


def _places(order: Whole, owner: Whole, kind: Whole, origins: Any, place: Whole) -> tuple[Whole, Any]:
    """The place of each event among the places of the source, in the order of it; and the words of these places."""
    mine = kind == EVENT
    rows, owner = order[mine], owner[mine]
    by_place = np.lexsort((place[rows], owner)) if len(rows) else rows
    sorted_rows = rows[by_place]
    told = origins.take(pa.array(sorted_rows))
    other = np.ones(len(rows), np.bool_)
    other[1:] = (np.diff(owner[by_place]) != 0) | (np.diff(place[sorted_rows]) != 0)
    if len(rows):
        import pyarrow.compute as pc  # slow to import

        other[1:] |= pc.fill_null(pc.not_equal(told[1:], told[:-1]), False).to_numpy(zero_copy_only=False)
    rank = np.empty(len(rows), np.int64)
    rank[by_place] = np.cumsum(other) - 1
    return rank, told.filter(pa.array(other))


def _coded(column: Any) -> tuple[list[str], Whole]:
    """The distinct words of a column of words and the place of each row among them; a null is the blank word."""
    chunked = column if isinstance(column, pa.ChunkedArray) else pa.chunked_array([column])
    if not pa.types.is_dictionary(chunked.type):
        chunked = chunked.dictionary_encode()
    array = chunked.unify_dictionaries().combine_chunks()
    if isinstance(array, pa.ChunkedArray):
        array = array.chunk(0) if array.num_chunks else pa.array([], WORD)
    words = [word or NOTHING for word in array.dictionary.to_pylist()]
    indices = array.indices
    if indices.null_count:
        indices = indices.fill_null(len(words))
        words.append(NOTHING)
    rows = indices.to_numpy().astype(np.int64)
    used = np.flatnonzero(np.bincount(rows, minlength=len(words)))
    places: dict[str, int] = {}
    of_word = np.zeros(len(words), np.int64)
    of_word[used] = [places.setdefault(words[place], len(places)) for place in used.tolist()]
    return [*places], of_word[rows]


def _flat(column: Any) -> Any:
    array = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    if isinstance(array, pa.ChunkedArray):
        return array.chunk(0) if array.num_chunks else pa.array([], column.type)
    return array


def _wheres(order: Whole, owner: Whole, kind: Whole, origins: Any, count: int) -> list[str]:
    """Where each patient stands in her source: the first place that is named."""
    rows = np.flatnonzero(kind == PATIENT)
    mine, first = np.unique(owner[rows], return_index=True)
    wheres = [NOTHING] * count
    found = origins.take(pa.array(order[rows[first]])).to_pylist()
    for place, where in zip(mine.tolist(), found, strict=True):
        wheres[place] = where or NOTHING
    return wheres


def _troubles(table: Any, order: Whole, owner: Whole, kind: Whole, wanted: int) -> dict[int, list[Trouble]]:
    """By patient what of her record was not read, or not used; each once."""
    told: dict[int, list[Trouble]] = {}
    rows = np.flatnonzero(kind == wanted)
    if not len(rows):
        return told
    words_of = table.select(["fact", "origin", "said"]).take(pa.array(order[rows])).to_pylist()
    for row, words in zip(rows.tolist(), words_of, strict=True):
        listed = told.setdefault(int(owner[row]), [])
        trouble = Trouble(*(words[name] or NOTHING for name in ("fact", "origin", "said")))
        if trouble not in listed:
            listed.append(trouble)
    return told
