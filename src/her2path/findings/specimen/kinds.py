"""HER2 tests of a batch: patients whose tests are alike are reviewed once.

Tests are alike where the same facts say the same on days equally far apart, in the same editions' time, on specimens
that stand to each other alike. What the review of one of them says is true of all, with their own days, names and rows.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from ...facts.words.sides import side_in
from ...history.drug_codes import drug_codes
from ...record.columns import UNKNOWN, RecordColumns, Whole
from ...record.event import UNMAPPED_TEST
from ..finding import Finding
from ..reviews import PatientReview
from .around import SETTINGS, Arounds, arounds_of
from .review import OF_THE_REVIEW, SpecimenReviewer
from .rows import DAY_IN_WORDS, RowsOfTests, ToldTests, first_entries, of_tests

MIXERS = (0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0xD6E8FEB86659FD93)
MOST_KEPT = 50_000
FEW = 2_000
"""So many marks are sorted; more are told apart by a table of them."""
DECIDED = (
    "her2_status", "her2_expression", "tumour_site", "ihc_score", "specimen_kind", "her2_change", "her2_by_label_alone",
)  # fmt: skip


@dataclass(slots=True)
class Kind:
    """Tests that are alike: the review of one patient who has them, and the numbers of what was decided.

    `apart` is how many days after the first entry the first specimen is, `last_apart` the last; `template` is the
    review with tokens in the place of days, names and rows, made when a second patient is of the kind.
    """

    review: PatientReview
    decided: tuple[int, ...]
    apart: int
    last_apart: int
    template: PatientReview | None = None


@dataclass(slots=True)
class Tested:
    """What the HER2 tests of a batch come to: `columns` by patient, and the kind of each patient.

    `speakers` holds for each kind the patient of the batch whose review it is; -1 where she was in another batch.
    `first_entries` is the day of the first entry on tests or tissue of each patient, `arounds` what stands around them.
    """

    columns: dict[str, Whole]
    places: Whole
    kinds: list[Kind]
    speakers: list[int]
    first_entries: Whole
    arounds: Arounds

    @property
    def reviews(self) -> list[PatientReview]:
        """The review of each kind."""
        return [kind.review for kind in self.kinds]


class Kinds:
    """Reviews the HER2 tests of batches, each kind once, and keeps it for the batches to come."""

    def __init__(self, reviewer: SpecimenReviewer) -> None:
        self.reviewer = reviewer
        self.facts = reviewer.knowledge.facts
        self._products = frozenset(drug_codes(reviewer.knowledge).products)
        self._kept: dict[tuple[int, int], Kind] = {}
        self._codes = {
            name: {value: code for code, value in enumerate(self.facts[name].values)} for name in DECIDED
        }  # fmt: skip

    def review(self, record: RecordColumns) -> Tested:
        """The columns of `DECIDED`, `first_result_day` and `last_result_day`, and the kinds."""
        entries = first_entries(record)
        arounds = arounds_of(
            record,
            self._products,
            self.reviewer.settings.on.toordinal(),
            self.reviewer.knowledge.numbers.residual_specimen_days,
        )
        if len(record) == 1:
            kinds, speakers, places = [self._kind(record, 0, entries, arounds)], [0], np.zeros(1, np.int64)
        else:
            kinds, speakers, places = self._of_many(record, entries, arounds)
        decided = np.array([kind.decided for kind in kinds], np.int64).reshape(-1, len(DECIDED))
        columns = {name: decided[places, number] for number, name in enumerate(DECIDED)}
        for name, apart in (("first", [kind.apart for kind in kinds]), ("last", [kind.last_apart for kind in kinds])):
            since = np.array(apart, np.int64)[places]
            dated = (since != UNKNOWN) & (entries != UNKNOWN)
            columns[f"{name}_result_day"] = np.where(dated, entries + since, UNKNOWN)
        return Tested(columns, places, kinds, speakers, entries, arounds)

    def _of_many(self, record: RecordColumns, entries: Whole, arounds: Arounds) -> tuple[list[Kind], list[int], Whole]:
        """The kinds of a batch, whose review each is, and the kind of each patient."""
        marks = self._marks(record, entries, arounds)
        first, places = _distinct(marks[0] ^ (marks[1] >> np.uint64(1)))
        if (marks[:, first[places.reshape(-1)]] != marks).any():  # two kinds with one mark: tell them apart by both
            _, first, places = np.unique(marks, axis=1, return_index=True, return_inverse=True)
        in_order = np.argsort(first)  # of the patients; marks are in another order in every process
        kinds, speakers = [], []
        for patient in first[in_order].tolist():
            mark = (int(marks[0, patient]), int(marks[1, patient]))
            kind = self._kept.get(mark)
            speakers.append(-1 if kind is not None else patient)
            if kind is None:
                kind = self._kind(record, patient, entries, arounds)
                if len(self._kept) < MOST_KEPT:
                    self._kept[mark] = kind
            kinds.append(kind)
        return kinds, speakers, np.argsort(in_order)[places.reshape(-1)]

    def _kind(self, record: RecordColumns, patient: int, entries: Whole, arounds: Arounds) -> Kind:
        review = self.reviewer.review(record.record(patient, tests_only=True), arounds.of(patient))
        days = [specimen.day for specimen in review.specimens if specimen.day]
        days += [review.recorded_day] if review.recorded_day else []
        apart = [dt.date.fromisoformat(day).toordinal() - int(entries[patient]) for day in days] or [UNKNOWN]
        return Kind(review, self._decided(review), min(apart), max(apart))

    def _decided(self, review: PatientReview) -> tuple[int, ...]:
        """What was decided of a patient as numbers: the place of each among the values of its fact."""
        last = review.specimens[-1].status.given.values if review.specimens else {}
        said = (
            review.status, review.expression, review.site, review.score, last.get("specimen_kind"), review.change,
            review.by_label_alone,
        )  # fmt: skip
        return tuple(
            [
                code.get(word, UNKNOWN) if word.__class__ is str else UNKNOWN
                for word, code in zip(said, self._codes.values(), strict=True)
            ]
        )

    def _marks(self, record: RecordColumns, entries: Whole, arounds: Arounds) -> npt.NDArray[np.uint64]:
        """Two numbers for each patient that are the same where the tests are alike, in any batch of this process."""
        forms = record.forms()
        rows = forms.having(np.array(record.is_test, np.bool_)[forms.fact])
        owner, day = record.owner()[rows], record.day[rows]
        since = entries[owner]
        on = self.reviewer.settings.on.toordinal()
        apart = np.where(day == UNKNOWN, -1, day - np.where(since == UNKNOWN, 0, since))
        time = np.where(day == UNKNOWN, -1, np.searchsorted(self.reviewer.cuts, day, side="right")) * 2 + (day > on)
        parts = [
            _hashes(record.facts, record.fact[rows]), _hashes(record.values, record.value[rows]), apart + 7, time + 3,
            _ranks(record, rows, owner), _hashes(record.saids, record.said[rows]),
            _hashes(record.notes, record.note[rows]),
        ]  # fmt: skip
        if record.amended is not None:
            parts.append(record.amended[rows].astype(np.int64))
        quoting = np.zeros(len(record), np.bool_)
        for place in set(record.said[rows].tolist()):
            if DAY_IN_WORDS.search(record.saids[place]):  # a day in the words themselves: alike only on the same days
                quoting[owner[record.said[rows] == place]] = True
        parts.append(np.where(quoting[owner], day, 0))
        sides = np.array([len(side_in(name)) for name in record.specimens], np.int64)[record.specimen[rows]]
        parts += [sides, _around_of_rows(arounds, owner, since)]
        marks = np.zeros((2, len(record)), np.uint64)
        for patient, troubles in record.troubles.items():
            marks[:, patient] = 2 if any(trouble.kind == UNMAPPED_TEST for trouble in troubles) else 1
        # The mark of a patient is a sum over her rows, so that their order does not matter.
        with np.errstate(over="ignore"):
            for turn in range(2):
                mixed = np.full(len(rows), MIXERS[turn], np.uint64)
                for number, part in enumerate(parts):
                    mixed = (mixed ^ part.astype(np.uint64)) * np.uint64(MIXERS[(number + turn) % 4])
                    mixed ^= mixed >> np.uint64(29)
                np.add.at(marks[turn], owner, mixed)
        return marks

    # -- what is said of the tests, as rows ------------------------------------------------

    def told(self, record: RecordColumns, tested: Tested) -> ToldTests:
        """What is said of the HER2 tests of all patients, as rows."""
        rows = RowsOfTests(record, tested.first_entries)
        counts = np.bincount(tested.places, minlength=len(tested.kinds)).tolist()
        firsts = np.zeros(len(tested.kinds), np.int64)
        firsts[tested.places[::-1]] = np.arange(len(record))[::-1]
        reviews: list[PatientReview] = []
        alone: list[bool] = []
        for kind, speaker, count, first in zip(tested.kinds, tested.speakers, counts, firsts.tolist(), strict=True):
            alone.append(count == 1 and speaker == first)
            if not alone[-1] and kind.template is None:
                kind.template = self._template(first, rows, tested.arounds)
            reviews.append(kind.template if kind.template and not alone[-1] else kind.review)
        return ToldTests(rows, tested.places, reviews, alone)

    def _template(self, patient: int, rows: RowsOfTests, arounds: Arounds) -> PatientReview:
        """The review of a kind with tokens in the place of names, days and rows of the record."""
        events = rows.record(patient)
        tokens = rows.day_tokens(events, patient)
        review = self.reviewer.review(events, arounds.of(patient))

        def without_days(words: str) -> str:
            return DAY_IN_WORDS.sub(lambda match: tokens.get(match[0], match[0]), words)

        def of_kind(findings: list[Finding]) -> list[Finding]:
            return [
                finding if finding.name in OF_THE_REVIEW else replace(finding, words=without_days(finding.words))
                for finding in findings
            ]

        return replace(
            review,
            rule=without_days(review.rule),
            findings=of_kind(of_tests(review, rows.columns, patient)),
            specimens=[
                replace(
                    specimen, name=without_days(specimen.name), day=without_days(specimen.day),
                    findings=of_kind(specimen.findings),
                )
                for specimen in review.specimens
            ],
        )  # fmt: skip


def _distinct(numbers: npt.NDArray[np.uint64]) -> tuple[Whole, Whole]:
    """Of the distinct numbers of a column the first place of each, and for each place which of them stands there."""
    if len(numbers) <= FEW:
        _, first, places = np.unique(numbers, return_index=True, return_inverse=True)
        return first, places.reshape(-1)
    import pyarrow as pa  # slow to import, and not needed for few

    encoded = pa.array(numbers).dictionary_encode()
    places = encoded.indices.to_numpy().astype(np.int64)
    first = np.zeros(len(encoded.dictionary), np.int64)
    first[places[::-1]] = np.arange(len(places))[::-1]
    return first, places


def _around_of_rows(arounds: Arounds, owner: Whole, since: Whole) -> Whole:
    """For each row a number that says what stands around the tests of the patient; 0 where nothing hangs on it."""
    told = np.zeros(len(owner), np.int64)
    rows = np.flatnonzero(arounds.several[owner])
    if len(rows):
        mine, first = owner[rows], np.where(since[rows] == UNKNOWN, 0, since[rows])
        began, operated = (
            np.where(column[mine] == UNKNOWN, 0, (column[mine] - first) * 2 + 1)
            for column in (arounds.began, arounds.operated)
        )
        told[rows] = ((began << 24) ^ operated) * len(SETTINGS) + arounds.setting[mine] + 1
    return told


def _hashes(words: Sequence[Any], places: Whole) -> Whole:
    """A number for each place that says which word stands there, whatever the list."""
    hashes = np.zeros(len(words) or 1, np.int64)
    used = np.zeros(len(hashes), np.bool_)
    used[places] = True
    for place in used.nonzero()[0].tolist():
        hashes[place] = hash((words[place].__class__.__name__, str(words[place])))
    return hashes[places]


def _ranks(record: RecordColumns, rows: Whole, owner: Whole) -> Whole:
    """For each row the rank of its specimen among those of the patient; 0 for none."""
    if len(record.specimens) < 2:
        return np.zeros(len(rows), np.int64)
    order = {word: rank for rank, word in enumerate(sorted(record.specimens))}
    rank = np.array([order[word] for word in record.specimens], np.int64)[record.specimen[rows]]
    key = owner * len(record.specimens) + rank
    distinct, place = np.unique(key, return_inverse=True)
    of_owner = distinct // len(record.specimens)
    first = np.searchsorted(of_owner, of_owner)
    numbers = np.arange(len(distinct)) - first + 1
    blank = {word: number for number, word in enumerate(record.specimens)}.get("", -1)
    return np.where(record.specimen[rows] == blank, 0, numbers[place.reshape(-1)])
