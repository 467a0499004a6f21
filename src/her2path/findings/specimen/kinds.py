"""HER2 tests of a batch: patients whose tests are alike are reviewed once.

Tests are alike where the same facts say the same on days equally far apart, in the same editions' time, on specimens
that stand to each other alike. What the review of one of them says is true of all, with their own days, names and rows.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from ...record.columns import LAST_DAY, UNKNOWN, RecordColumns, Whole
from ...record.event import Record
from ..finding import Finding, Grade
from ..questions import Saying
from ..reviews import PatientReview
from ..rows import FindingRows
from .review import SpecimenReviewer

MIXERS = (0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0xD6E8FEB86659FD93)
MOST_KEPT = 50_000
DECIDED = ("her2_status", "her2_expression", "tumour_site", "ihc_score")
OPEN, SHUT = "\u2039", "\u203a"
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_TOKEN = re.compile(f"{OPEN}(\\w+){SHUT}")


@dataclass(slots=True)
class Kind:
    """Tests that are alike: the review of one patient who has them, and the numbers of what was decided.

    `apart` is how many days after the first entry the first specimen is; `templates` are the findings with tokens in
    the place of days, names and rows, made when a second patient is of the kind.
    """

    review: PatientReview
    decided: tuple[int, ...]
    apart: int
    templates: list[tuple[str, Finding]] | None = None


@dataclass(slots=True)
class Tested:
    """What the HER2 tests of a batch come to: `columns` by patient, and the kind of each patient.

    `speakers` holds for each kind the patient of the batch whose review it is; -1 where she was in another batch.
    """

    columns: dict[str, Whole]
    places: Whole
    kinds: list[Kind]
    speakers: list[int]

    @property
    def reviews(self) -> list[PatientReview]:
        """The review of each kind."""
        return [kind.review for kind in self.kinds]


class Kinds:
    """Reviews the HER2 tests of batches, each kind once, and keeps it for the batches to come."""

    def __init__(self, reviewer: SpecimenReviewer) -> None:
        self.reviewer = reviewer
        self.facts = reviewer.knowledge.facts
        self._kept: dict[tuple[int, int], Kind] = {}
        self._codes = {
            name: {value: code for code, value in enumerate(self.facts[name].values)} for name in DECIDED
        }  # fmt: skip

    def review(self, record: RecordColumns) -> Tested:
        """`her2_status`, `her2_expression`, `tumour_site`, `ihc_score` and `first_result_day`, and the kinds."""
        entries = self._first_entries(record)
        if len(record) == 1:
            kinds, speakers, places = [self._kind(record, 0, entries)], [0], np.zeros(1, np.int64)
        else:
            kinds, speakers, places = self._of_many(record, entries)
        decided = np.array([kind.decided for kind in kinds], np.int64).reshape(-1, len(DECIDED))
        columns = {name: decided[places, number] for number, name in enumerate(DECIDED)}
        since = np.array([kind.apart for kind in kinds], np.int64)[places]
        columns["first_result_day"] = np.where((since == UNKNOWN) | (entries == UNKNOWN), UNKNOWN, entries + since)
        return Tested(columns, places, kinds, speakers)

    def _of_many(self, record: RecordColumns, entries: Whole) -> tuple[list[Kind], list[int], Whole]:
        """The kinds of a batch, whose review each is, and the kind of each patient."""
        marks = self._marks(record, entries)
        _, first, places = np.unique(marks[0] ^ (marks[1] >> np.uint64(1)), return_index=True, return_inverse=True)
        if (marks[:, first[places.reshape(-1)]] != marks).any():  # two kinds with one mark: tell them apart by both
            _, first, places = np.unique(marks, axis=1, return_index=True, return_inverse=True)
        kinds, speakers = [], []
        for patient in first.tolist():
            mark = (int(marks[0, patient]), int(marks[1, patient]))
            kind = self._kept.get(mark)
            speakers.append(-1 if kind is not None else patient)
            if kind is None:
                kind = self._kind(record, patient, entries)
                if len(self._kept) < MOST_KEPT:
                    self._kept[mark] = kind
            kinds.append(kind)
        return kinds, speakers, places.reshape(-1)

    def _kind(self, record: RecordColumns, patient: int, entries: Whole) -> Kind:
        review = self.reviewer.review(record.record(patient, tests_only=True))
        days = [specimen.day for specimen in review.specimens if specimen.day]
        apart = dt.date.fromisoformat(min(days)).toordinal() - int(entries[patient]) if days else UNKNOWN
        return Kind(review, self._decided(review), apart)

    def _decided(self, review: PatientReview) -> tuple[int, ...]:
        """What was decided of a patient as numbers: the place of each among the values of its fact."""
        score = review.specimens[-1].status.given.values.get("ihc_score") if review.specimens else None
        said = (review.status, review.expression, review.site, score)
        return tuple(
            [
                code.get(word, UNKNOWN) if word.__class__ is str else UNKNOWN
                for word, code in zip(said, self._codes.values(), strict=True)
            ]
        )

    @staticmethod
    def _first_entries(record: RecordColumns) -> Whole:
        """The day of the first entry on HER2 tests or tissue of each patient."""
        tests = np.array(record.is_test, np.bool_)
        rows = (
            np.flatnonzero(tests[record.fact] & (record.day != UNKNOWN)) if len(record.fact) else np.zeros(0, np.int64)
        )
        first = np.full(len(record), UNKNOWN, np.int64)
        first[record.owner()[rows][::-1]] = record.day[rows][::-1]  # rows stand in the order of days
        return first

    def _marks(self, record: RecordColumns, entries: Whole) -> npt.NDArray[np.uint64]:
        """Two numbers for each patient that are the same where the tests are alike, in any batch of this process."""
        tests = np.array(record.is_test, np.bool_)
        rows = np.flatnonzero(tests[record.fact])
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
            if _DAY.search(record.saids[place]):  # a day in the words themselves: alike only on the same days
                quoting[owner[record.said[rows] == place]] = True
        parts.append(np.where(quoting[owner], day, 0))
        marks = np.zeros((2, len(record)), np.uint64)
        for patient in record.troubles:
            marks[:, patient] = 1
        # The mark of a patient is a sum over her rows, so that their order does not matter.
        with np.errstate(over="ignore"):
            for turn in range(2):
                mixed = np.full(len(rows), MIXERS[turn], np.uint64)
                for number, part in enumerate(parts):
                    mixed = (mixed ^ part.astype(np.uint64)) * np.uint64(MIXERS[(number + turn) % 4])
                    mixed ^= mixed >> np.uint64(29)
                np.add.at(marks[turn], owner, mixed)
        return marks

    # -- findings of the tests, as rows -----------------------------------------------------

    def rows(self, record: RecordColumns, tested: Tested) -> list[FindingRows]:
        """The findings of the HER2 tests of all patients."""
        told: dict[tuple[Grade, str], tuple[list[int], list[str], list[list[int]]]] = {}
        order = np.argsort(tested.places, kind="stable")
        starts = np.searchsorted(tested.places[order], np.arange(len(tested.kinds) + 1))
        rows_of = _TestRows(record)
        for number, (kind, speaker) in enumerate(zip(tested.kinds, tested.speakers, strict=True)):
            patients = order[starts[number] : starts[number + 1]].tolist()
            alone = len(patients) == 1 and speaker == patients[0]
            if alone:
                findings = _findings(kind.review, record, speaker)
            else:
                if kind.templates is None:
                    kind.templates = self._templates(patients[0], rows_of)
                findings = kind.templates
            for scope, finding in findings:
                people, words, origins = told.setdefault((finding.grade, scope), ([], [], []))
                if not alone and not finding.origins and OPEN not in finding.words:  # the same of all
                    people += patients
                    words += [finding.words] * len(patients)
                    origins += [[]] * len(patients)
                    continue
                for patient in patients:
                    people.append(patient)
                    words.append(finding.words if alone else rows_of.filled(finding.words, patient))
                    origins.append(rows_of.listed(finding.origins, patient, alone))
        rows = []
        for (grade, scope), (people, words, origins) in told.items():
            place = np.argsort(np.array(people, np.int64), kind="stable").tolist()
            rows.append(
                FindingRows(
                    Saying(scope, "", grade, "{words}", "", 0),
                    np.array([people[number] for number in place], np.int64),
                    fields={"words": [words[number] for number in place]},
                    origins=[origins[number] for number in place],
                )
            )
        return [*rows, *_rows_of_troubles(record)]

    def _templates(self, speaker: int, rows_of: _TestRows) -> list[tuple[str, Finding]]:
        """The findings of a kind with tokens in the place of names and days, and with places of rows as origins."""
        events = rows_of.record(speaker)
        review = self.reviewer.review(events)
        days = {
            str(event.day): f"{OPEN}D{_apart(event.day, rows_of.first(speaker))}{SHUT}"
            for event in events.events
            if event.day
        }
        days |= {
            str(tissue.day): f"{OPEN}D{_apart(tissue.day, rows_of.first(speaker))}{SHUT}"
            for tissue in events.tissues.values() if tissue.day
        }  # fmt: skip
        findings = _findings(review, rows_of.columns, speaker)
        return [
            (scope, replace(finding, words=_DAY.sub(lambda match: days.get(match[0], match[0]), finding.words)))
            for scope, finding in findings
        ]


def _findings(review: PatientReview, record: RecordColumns, patient: int) -> list[tuple[str, Finding]]:
    """The findings on a patient's tests, without those that only repeat what could not be read of her record."""
    troubles = set(findings_of_troubles(record, patient))
    findings = [(OF_PATIENT, finding) for finding in review.findings if finding not in troubles]
    return findings + [(OF_SPECIMEN, finding) for specimen in review.specimens for finding in specimen.findings]


def _hashes(words: Sequence[Any], places: Whole) -> Whole:
    """A number for each place that says which word stands there, whatever the list."""
    hashes = np.zeros(len(words) or 1, np.int64)
    used = np.zeros(len(hashes), np.bool_)
    used[places] = True
    for place in used.nonzero()[0].tolist():
        hashes[place] = hash((words[place].__class__.__name__, str(words[place])))
    return hashes[places]


OF_PATIENT, OF_SPECIMEN, OF_READING = "her2", "her2 specimen", "reading"
"""The outcome told of a finding on the tests of a patient, on one specimen, and on what could not be read."""


class _TestRows:
    """The rows of HER2 tests, patient by patient, with names and days as tokens and back."""

    def __init__(self, record: RecordColumns) -> None:
        self.columns = record
        self._rows: dict[int, list[int]] = {}
        self._all: tuple[list[int], list[int]] | None = None

    def of(self, patient: int) -> list[int]:
        rows = self._rows.get(patient)
        if rows is None:
            if self._all is None:
                tests = np.array(self.columns.is_test, np.bool_)
                of_tests = np.flatnonzero(tests[self.columns.fact])
                self._all = of_tests.tolist(), np.searchsorted(of_tests, self.columns.starts).tolist()
            listed, starts = self._all
            rows = listed[starts[patient] : starts[patient + 1]]
            if len(rows) > 1:
                rows.sort(key=self._order)
            self._rows[patient] = rows
        return rows

    def _order(self, row: int) -> tuple[int, str, str, str, str]:
        """The same for patients whose tests are alike."""
        columns = self.columns
        day = int(columns.day[row])
        return (
            LAST_DAY if day == UNKNOWN else day, columns.facts[columns.fact[row]],
            str(columns.values[columns.value[row]]),
            columns.saids[columns.said[row]], columns.specimens[columns.specimen[row]],
        )  # fmt: skip

    def first(self, patient: int) -> int:
        """The day of the first entry."""
        days = [int(self.columns.day[row]) for row in self.of(patient)]
        return next((day for day in days if day != UNKNOWN), UNKNOWN)

    def names(self, patient: int) -> list[str]:
        return sorted({self.columns.specimens[self.columns.specimen[row]] for row in self.of(patient)} - {""})

    def record(self, patient: int) -> Record:
        """The tests of a patient with tokens for specimens, and the places of rows for origins."""
        tokens = {name: f"{OPEN}S{number:04}{SHUT}" for number, name in enumerate(self.names(patient))}  # sort as names
        record = self.columns.record(patient, tests_only=True)
        rows = [row for row in self.of(patient) if self.columns.facts[self.columns.fact[row]] not in ("tumour_site",)]
        place_of = {row: number for number, row in enumerate(self.of(patient))}
        events = []
        for row in rows:
            event = self.columns.event(row)
            if event.fact in ("specimen_kind", "specimen_place"):
                continue
            name = tokens.get(event.specimen, "")
            events.append(replace(event, origin=f"{OPEN}R{place_of[row]}{SHUT}", specimen=name))
        record.events, record.course, record.passed_over = events, [], []
        record.tissues = {
            tokens.get(name, name): replace(tissue, reference=tokens.get(name, name))
            for name, tissue in record.tissues.items()
        }
        return record

    def filled(self, words: str, patient: int) -> str:
        """Words with the tokens replaced by a patient's own."""
        if OPEN not in words:
            return words
        names, first = self.names(patient), self.first(patient)

        def own(match: re.Match[str]) -> str:
            kind, number = match[1][0], match[1][1:]
            if kind == "S":
                return names[int(number)]
            return str(dt.date.fromordinal(first + int(number))) if kind == "D" else match[0]

        return re.sub(f"{OPEN}([SD]-?\\d+){SHUT}", own, words)

    def listed(self, origins: tuple[str, ...], patient: int, own: bool) -> list[int]:
        """The rows of a patient behind the origins of her kind, or behind her `own`."""
        if not origins:
            return []
        rows = self.of(patient)
        if not own:
            return [rows[int(origin[2:-1])] for origin in origins if origin.startswith(f"{OPEN}R")]
        row_of = {self.columns.origins[int(self.columns.origin[row])]: row for row in reversed(rows)}
        return [row_of[origin] for origin in origins if origin in row_of]


def _apart(day: dt.date | None, first: int) -> int:
    return 0 if day is None else day.toordinal() - first


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


def findings_of_troubles(record: RecordColumns, patient: int) -> list[Finding]:
    """What could not be read of a patient's record, and what was seen and not used."""
    findings = [
        Finding(Grade.NOTE if trouble.kind == "date" else Grade.UNREADABLE, trouble.what, (trouble.where,))
        for trouble in record.troubles.get(patient, ())
    ]
    return findings + [
        Finding(Grade.NOTE, f"not used: {trouble.what}", (trouble.where,))
        for trouble in record.passed_over.get(patient, ())
    ]


def _rows_of_troubles(record: RecordColumns) -> list[FindingRows]:
    told: dict[Grade, list[tuple[int, Finding]]] = {}
    for patient in sorted({*record.troubles, *record.passed_over}):
        for finding in dict.fromkeys(findings_of_troubles(record, patient)):
            told.setdefault(finding.grade, []).append((patient, finding))
    return [
        FindingRows(
            Saying(OF_READING, "", grade, "{words}", "", 0),
            np.array([patient for patient, _ in findings], np.int64),
            fields={
                "words": [finding.words for _, finding in findings],
                WHERE: [finding.origins[0] for _, finding in findings],
            },
        )
        for grade, findings in told.items()
    ]


WHERE = "where"
"""The field of rows whose origin is no row of the record."""
