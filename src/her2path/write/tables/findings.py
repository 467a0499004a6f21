"""The findings of a batch as an Arrow table, one row a finding, with all that the page says of it.

The columns are `SCHEMA`, documented in docs/output.md. Whatever is the same for many rows is worked out once: the rows
and sources behind a box of a table, a fact's number in words.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain, groupby
from string import Formatter
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ...facts.days import EPOCH
from ...findings.course.answers import SCORED, Answers
from ...findings.course.doubt import Same
from ...findings.course.reasons import INPUTS_OF, POSSIBLE, Reasons, possible_words
from ...findings.patient import Reviewed
from ...findings.questions import UNDETERMINED
from ...findings.rows import FindingRows, RowRuns
from ...findings.specimen.rows import FindingsOfTests
from ...record.columns import UNKNOWN, RecordColumns, Whole
from .arrow import WORD, coded, words_at
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
        ("facts", pa.map_(pa.string(), pa.string())),
        ("would_settle", WORD),
        ("origins", pa.list_(pa.string())),
        ("tumour_site", WORD),
        ("specimen", pa.string()),
    ],
    metadata={"her2path_findings_version": VERSION},
)


def findings_table(reviewed: Reviewed, names: Any = None) -> Any:
    """Every finding of a batch, by patient and grade; `names` are the patients as an Arrow array, where it is there."""
    groups = reviewed.rows()
    parts = [
        PartOfTests(rows) if isinstance(rows, FindingsOfTests) else _Part(rows, reviewed)
        for rows in groups if len(rows.patients)
    ]  # fmt: skip
    if not parts:
        return SCHEMA.empty_table()
    patients = np.concatenate([part.rows.patients for part in parts])
    grades = np.concatenate([np.full(len(part.rows.patients), part.rows.saying.grade, np.int64) for part in parts])
    number = np.repeat(np.arange(len(parts)), [len(part.rows.patients) for part in parts])
    order = np.lexsort((number, grades, patients))
    if names is None:
        names = pa.array(reviewed.record.patients, pa.string())
    columns: dict[str, Any] = {
        "patient": names.take(pa.array(patients)),
        "tumour_site": coded(reviewed.tested.places[patients], [review.site for review in reviewed.tested.reviews]),
        "finding": pa.concat_arrays([_spread(part.said(part.rows.saying.say)) for part in parts]),
        "by": pa.concat_arrays([part.by() for part in parts]),
        "do": _dictionary([part.said(part.rows.saying.do) for part in parts]),
        "facts": pa.concat_arrays([_facts_of(list(each)) for _, each in groupby(parts, type)]),
        "specimen": pa.concat_arrays([part.specimens() for part in parts]),
        "origins": _origins(parts, reviewed.record),
    }
    for name in ("grade", "outcome", "value", "table_rows", "edition", "sources", "remark", "would_settle"):
        columns[name.removeprefix("table_")] = _dictionary([getattr(part, name)() for part in parts])
    table = pa.table([columns[name] for name in SCHEMA.names], schema=SCHEMA)
    return table.take(pa.array(order))


def _dictionary(parts: list[Any]) -> Any:
    """Parts as one dictionary array: a word that is the same for a whole part comes as (word, count)."""
    words: dict[str, int] = {}
    places = []
    for part in parts:
        if isinstance(part, tuple):
            word, count = part
            places.append(np.full(count, words.setdefault(word, len(words)), np.int32))
        else:
            coded = part if isinstance(part, pa.DictionaryArray) else part.dictionary_encode()
            mine = [words.setdefault(word, len(words)) for word in coded.dictionary.to_pylist()]
            places.append(np.array(mine or [0], np.int32)[coded.indices.to_numpy()])
    return pa.DictionaryArray.from_arrays(pa.array(np.concatenate(places)), pa.array(list(words), pa.string()))


def _spread(words: Any) -> Any:
    """Words of all rows of a part, where they come as (word, count) too."""
    return pa.repeat(pa.scalar(words[0], pa.string()), words[1]) if isinstance(words, tuple) else words


class _Part:
    """The findings of one saying, as columns."""

    def __init__(self, rows: FindingRows, reviewed: Reviewed) -> None:
        self.rows = rows
        self.reviewed = reviewed
        self.count = len(rows.patients)
        self._behind: tuple[Whole, list[_Behind]] | None = None

    @property
    def reasons(self) -> Reasons:
        if self.rows.teller is not None:
            return self.rows.teller  # type: ignore[no-any-return]
        courses = self.reviewed.courses
        assert courses is not None
        return courses.reasons

    def said(self, template: str) -> Any:
        """A text with its braces filled, for every row; a tuple where it is the same for all and has none."""
        pieces: list[Any] = []
        for text, name, _, _ in Formatter().parse(template):
            for number, literal in enumerate(text.split(POSSIBLE)):
                if number:
                    places, behind = self._decided()
                    pieces.append(pa.array([words.possible for words in behind], pa.string()).take(pa.array(places)))
                if literal:
                    pieces.append(literal)
            if name:
                pieces.append(self._field(name))
        if all(isinstance(piece, str) for piece in pieces):
            return "".join(pieces), self.count
        return pieces[0] if len(pieces) == 1 else pc.binary_join_element_wise(*pieces, "")

    def _field(self, name: str) -> Any:
        """What stands in the place of a brace: a word for each row, or one for all."""
        if name in self.rows.fields:
            fields = self.rows.fields[name]
            return fields.word if isinstance(fields, Same) else pa.array(fields, pa.string())
        if name == "product" and self.rows.product:
            return self.rows.product
        places, words = self.reasons.words.coded(name, self.rows.at)
        return pa.array(words, pa.string()).take(pa.array(places))

    def specimens(self) -> Any:
        """None: what is said of specimens is in `of_tests.py`."""
        return pa.nulls(self.count, pa.string())

    def grade(self) -> tuple[str, int]:
        return self.rows.saying.grade.word, self.count

    def outcome(self) -> tuple[str, int]:
        return self.rows.key.partition(": ")[0] or self.rows.saying.outcome, self.count

    def value(self) -> Any:
        if self.rows.answers is None:
            return self.rows.saying.value, self.count
        return self._of_decision("value")

    def by(self) -> Any:
        nothing = pa.nulls(self.count, pa.date32())
        if self.rows.answers is None:
            return nothing
        days = self.reasons.by_column(self.rows.answers.array.outcome.name)
        if days is None:
            return nothing
        mine = days[self.rows.at]
        return pa.array((mine - EPOCH).astype(np.int32), mask=mine < 1).cast(pa.date32())

    def table_rows(self) -> Any:
        return self._of_decision("rows")

    def edition(self) -> tuple[str, int]:
        return ("" if self.rows.answers is None else self.rows.answers.edition.key), self.count

    def sources(self) -> Any:
        return self._of_decision("sources")

    def remark(self) -> Any:
        return self._of_decision("remark")

    def would_settle(self) -> Any:
        if self.rows.answers is None or (self.rows.answers.values[self.rows.places] >= 0).all():
            return "", self.count
        places, behind = self._decided()
        told: dict[tuple[tuple[str, ...], ...], str] = {}
        words = []
        for patient, place in zip(self.rows.at.tolist(), places.tolist(), strict=True):
            settling = behind[place].settling
            sets = self.reasons.askable(settling, patient) if behind[place].by_others else settling
            word = told.get(sets)
            if word is None:
                word = told[sets] = ", or ".join(" and ".join(names) for names in sets)
            words.append(word)
        return pa.array(words, pa.string()).dictionary_encode()

    def _of_decision(self, name: str) -> Any:
        if self.rows.answers is None:
            return "", self.count
        places, behind = self._decided()
        return pa.DictionaryArray.from_arrays(
            pa.array(places.astype(np.int32)), pa.array([getattr(words, name) for words in behind], pa.string())
        )

    def _decided(self) -> tuple[Whole, list[_Behind]]:
        """What is the same for all patients in one box, or in the same bins: worked out once for each."""
        if self._behind is None:
            answers = self.rows.answers
            assert answers is not None
            boxes = answers.boxes[self.rows.places]
            if (boxes >= 0).all():
                _, firsts, places = np.unique(boxes, return_index=True, return_inverse=True)
                listed, places = firsts.tolist(), places.reshape(-1)
            else:
                keys = [
                    (number, ()) if box == SCORED else (-1, answers.codes(place))
                    for number, (box, place) in enumerate(zip(boxes.tolist(), self.rows.places.tolist(), strict=True))
                ]
                first: dict[Any, int] = {}
                for number, key in enumerate(keys):
                    first.setdefault(key, number)
                number_of = {key: number for number, key in enumerate(first)}
                listed, places = list(first.values()), np.array([number_of[key] for key in keys], np.int64)
            behind = [_behind(answers, int(self.rows.places[place]), self.reasons) for place in listed]
            self._behind = places, behind
        return self._behind

    def fact_names(self) -> list[str]:
        """The facts that the findings rest on."""
        return [] if self.rows.answers is None else self.reasons.names_of(self.rows.answers)

    def numbers(self, name: str) -> Whole | None:
        """A fact as a column over the rows, as a table read it."""
        column = self.reasons.asker.input(name)
        return None if column is None else column[self.rows.at]


@dataclass(frozen=True, slots=True)
class _Behind:
    """What stands behind a decision, the same for everybody in its bins, in words.

    `by_others`: what would settle it is derived from other facts, of which a patient may have some.
    """

    value: str
    rows: str
    sources: str
    remark: str
    possible: str
    settling: tuple[tuple[str, ...], ...]
    by_others: bool


def _behind(answers: Answers, place: int, reasons: Reasons) -> _Behind:
    """What a decision says of its bins: the rows, their sources, the remark, what is possible and would settle it."""
    key = None if answers.boxes[place] == SCORED else (id(answers.array), answers.codes(place))
    behind: _Behind | None = reasons.course.rules.told.get(key) if key else None
    if behind is None:
        decision = reasons.decision(answers, place)
        settling = decision.would_settle if decision.value is None else ()
        behind = _Behind(
            decision.value or UNDETERMINED, "; ".join(decision.rows), "; ".join(map(str, decision.citations)),
            decision.remarks[0] if decision.remarks else "", possible_words(decision), settling,
            any(name in INPUTS_OF for names in settling for name in names),
        )  # fmt: skip
        if key:
            reasons.course.rules.told[key] = behind
    return behind


def _facts_of(parts: list[_Part | PartOfTests]) -> Any:
    """The facts of every row of parts of one class."""
    of_tests = [part.facts() for part in parts if isinstance(part, PartOfTests)]
    return pa.concat_arrays(of_tests) if of_tests else _facts([part for part in parts if isinstance(part, _Part)])


def _facts(parts: list[_Part]) -> Any:
    """The facts of every row as a map from name to words."""
    names: dict[str, int] = {}
    numbers: list[Whole] = []
    keys: list[Whole] = []
    rows: list[Whole] = []
    start = 0
    products: list[tuple[int, str]] = []
    for part in parts:
        for name in part.fact_names():
            if name == "product" and part.rows.product:
                mine = np.full(part.count, -1 - len(products), np.int64)
                products.append((start, part.rows.product))
            else:
                column = part.numbers(name)
                if column is None:
                    continue
                mine = column
            known = np.flatnonzero(mine != UNKNOWN)
            numbers.append(mine[known])
            keys.append(np.full(len(known), names.setdefault(name, len(names)), np.int64))
            rows.append(known + start)
        start += part.count
    total = start
    if not rows:
        return pa.array([[]] * total, SCHEMA.field("facts").type)
    key, number, row = np.concatenate(keys), np.concatenate(numbers), np.concatenate(rows)
    order = np.argsort(row, kind="stable")
    key, number, row = key[order], number[order], row[order]
    items = _items(key, number, list(names), parts, products)
    offsets = np.searchsorted(row, np.arange(total + 1)).astype(np.int32)
    listed = pa.array(list(names), pa.string()).take(pa.array(key))
    return pa.MapArray.from_arrays(pa.array(offsets), listed, items)


def _items(key: Whole, number: Whole, names: list[str], parts: list[_Part], products: list[tuple[int, str]]) -> Any:
    """Numbers of facts in words, each distinct one once."""
    words = next(part.reasons.words for part in parts if part.rows.answers is not None)
    texts: list[str] = []
    places = np.empty(len(key), np.int64)
    for place, name in enumerate(names):
        mine = np.flatnonzero(key == place)
        encoded = pa.array(number[mine]).dictionary_encode()
        places[mine] = encoded.indices.to_numpy().astype(np.int64) + len(texts)
        texts += [
            products[-1 - distinct][1] if name == "product" and distinct < 0 and -distinct <= len(products)
            else words.of_fact(name, distinct)
            for distinct in encoded.dictionary.to_pylist()
        ]  # fmt: skip
    return pa.array(texts, pa.string()).take(pa.array(places))


def _origins(parts: Sequence[_Part | PartOfTests], record: RecordColumns) -> Any:
    """The places of the record behind every row, each once."""
    rows: list[Whole] = []
    owners: list[Whole] = []
    apart: dict[int, str] = {}
    start = 0
    for part in parts:
        if "where" in part.rows.fields:
            apart |= {start + place: word for place, word in enumerate(part.rows.fields["where"])}
        elif part.rows.answers is None:
            if isinstance(part.rows.origins, RowRuns):
                owners.append(np.repeat(np.arange(start, start + part.count), np.diff(part.rows.origins.starts)))
                rows.append(part.rows.origins.rows)
            elif len(part.rows.origins):
                counts = list(map(len, part.rows.origins))
                owners.append(np.repeat(np.arange(start, start + part.count), counts))
                rows.append(np.fromiter(chain.from_iterable(part.rows.origins), np.int64, sum(counts)))
        elif isinstance(part, _Part):
            for name in part.fact_names():
                if (column := part.numbers(name)) is not None:
                    known = column != UNKNOWN
                    for mine, listed in _rows_of_fact(name, part.rows.at, known, part.reasons):
                        owners.append(mine + start)
                        rows.append(listed)
        start += part.count
    owner = np.concatenate(owners) if owners else np.zeros(0, np.int64)
    place = record.origin[np.concatenate(rows)] if rows else np.zeros(0, np.int64)
    packed = np.sort((owner << 40) | place)
    packed = packed[np.diff(packed, prepend=-1) != 0]
    owner, place = packed >> 40, packed & ((1 << 40) - 1)
    words = words_at(record.origins, place)
    if apart:
        extra = pa.array(list(apart.values()), pa.string())
        owner = np.concatenate([owner, np.array(list(apart), np.int64)])
        order = np.argsort(owner, kind="stable")
        words, owner = pa.concat_arrays([words, extra]).take(pa.array(order)), owner[order]
    offsets = np.searchsorted(owner, np.arange(start + 1)).astype(np.int32)
    return pa.ListArray.from_arrays(pa.array(offsets), words)


def _rows_of_fact(name: str, patients: Whole, known: Any, reasons: Reasons) -> list[tuple[Whole, Whole]]:
    """Rows of the record that a fact of some patients was read from, with the place of the patient."""
    latest = reasons.course.latest.rows.get(name)
    found: list[tuple[Whole, Whole]] = []
    left = known
    if latest is not None:
        mine = np.flatnonzero(known & (latest[patients] >= 0))
        found.append((mine, latest[patients[mine]]))
        left = known & (latest[patients] < 0)
    for source in reasons.sources.by_fact.get(name, ()):
        starts, listed = reasons.sources.of(source)
        first, last = starts[patients], starts[patients + 1]
        widths = np.where(left, last - first, 0)
        owner = np.repeat(np.arange(len(patients)), widths)
        places = np.arange(len(owner)) - np.repeat(np.cumsum(widths) - widths - first, widths)
        found.append((owner, listed[places]))
    return found


__all__ = ["SCHEMA", "VERSION", "findings_table"]
