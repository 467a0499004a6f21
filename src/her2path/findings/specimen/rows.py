"""What is said of HER2 tests as rows: the findings of a batch, and its specimens.

What is the same of all whose tests are alike is said once, with tokens in the place of days, names of specimens and
rows of the record; each patient's own are put in as columns.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from ...record.columns import ABOUT_TISSUE, LAST_DAY, UNKNOWN, RecordColumns, Whole
from ...record.event import Record
from ..finding import Finding, Grade
from ..questions import Saying
from ..reviews import PatientReview, SpecimenReview
from ..rows import FindingRows, RowRuns
from .review import of_troubles

OPEN, SHUT = "\u2039", "\u203a"
DAY_IN_WORDS = re.compile(r"\d{4}-\d{2}-\d{2}")
OF_DAY = "tests of "
"""How the name of a specimen begins that is called after its day."""
_OWN = re.compile(f"{OPEN}([SD])(-?\\d+){SHUT}")
_NAME = re.compile(f"(?:{OPEN}S(\\d+)|{OF_DAY}{OPEN}D(-?\\d+)){SHUT}")

OF_PATIENT, OF_SPECIMEN, OF_READING = "her2", "her2 specimen", "reading"
"""The outcome told of a finding on the tests of a patient, on one specimen, and on what could not be read."""
WHERE = "where"
"""The field of rows whose origin is no row of the record."""


@dataclass(slots=True)
class Pooled:
    """Words, one a row: its place in a pool, -1 where there is none."""

    pool: Sequence[str]
    places: Whole


@dataclass(slots=True, kw_only=True)
class FindingsOfTests(FindingRows):
    """Findings of HER2 tests of one grade: `places` are places in `findings`, each said of all whose tests are alike.

    `words` are the words of each row, `specimens` the specimen that it speaks of.
    """

    findings: Sequence[Finding]
    words: Pooled
    specimens: Pooled


@dataclass(slots=True)
class SpecimenRows:
    """The specimens of a batch, by patient and in the order of their days.

    `places` are places in `specimens`, each reviewed once for all whose tests are alike, and in `sites`, as which site
    each was read. `days` are ordinals, `UNKNOWN` without one. `test_starts` has one entry more than there are rows:
    where the tests of a row begin in `tests` (places among all tests of `specimens`, one after the other) and in
    `test_rows`, the rows of the record.
    """

    patients: Whole
    places: Whole
    specimens: list[SpecimenReview]
    sites: list[str]
    names: Pooled
    days: Whole
    test_starts: Whole
    tests: Whole
    test_rows: Whole


def first_entries(record: RecordColumns) -> Whole:
    """The day of the first entry on HER2 tests or tissue of each patient."""
    forms = record.forms()
    rows = forms.having(np.array(record.is_test, np.bool_)[forms.fact])
    rows = rows[record.day[rows] != UNKNOWN]
    first = np.full(len(record), UNKNOWN, np.int64)
    first[record.owner()[rows][::-1]] = record.day[rows][::-1]  # rows stand in the order of days
    return first


class RowsOfTests:
    """The rows of HER2 tests, patient by patient: names, days and places as tokens, and tokens as each patient's own.

    `rows` are rows of the record, those of a patient in an order that is the same where tests are alike; `starts` has
    one entry more than there are patients. `first` is the day of the first entry of each patient.
    """

    def __init__(self, record: RecordColumns, first: Whole) -> None:
        self.columns, self.first = record, first
        forms = record.forms()
        rows = forms.having(np.array(record.is_test, np.bool_)[forms.fact])
        self.starts = np.searchsorted(rows, record.starts)
        self.rows = _in_order(record, rows)
        self._named: tuple[Whole, Whole] | None = None

    def of(self, patient: int) -> list[int]:
        """The rows of one patient."""
        listed: list[int] = self.rows[self.starts[patient] : self.starts[patient + 1]].tolist()
        return listed

    def names(self, patient: int) -> list[str]:
        """The names of the specimens of one patient."""
        return sorted({self.columns.specimens[self.columns.specimen[row]] for row in self.of(patient)} - {""})

    # -- into tokens --------------------------------------------------------------------------

    def record(self, patient: int) -> Record:
        """The tests of a patient with tokens for specimens, and the places of rows for origins."""
        tokens = {name: f"{OPEN}S{number:04}{SHUT}" for number, name in enumerate(self.names(patient))}  # sort as names
        record = self.columns.record(patient, tests_only=True)
        events = []
        for number, row in enumerate(self.of(patient)):
            event = self.columns.event(row)
            if event.fact not in ABOUT_TISSUE:
                name = tokens.get(event.specimen, "")
                events.append(replace(event, origin=f"{OPEN}R{number}{SHUT}", specimen=name))
        record.events, record.course, record.passed_over = events, [], []
        record.tissues = {
            tokens.get(name, name): replace(tissue, reference=tokens.get(name, name))
            for name, tissue in record.tissues.items()
        }
        return record

    def day_tokens(self, record: Record, patient: int) -> dict[str, str]:
        """The days of a patient's tests and tissue in words, and the token of each."""
        days = {*(event.day for event in record.events), *(tissue.day for tissue in record.tissues.values())}
        first = int(self.first[patient])
        return {str(day): f"{OPEN}D{day.toordinal() - first}{SHUT}" for day in days if day}

    # -- and back -----------------------------------------------------------------------------

    def filled(self, words: str, patient: int) -> str:
        """Words with the tokens replaced by a patient's own."""

        def own(match: re.Match[str]) -> str:
            number = int(match[2])
            return self.names(patient)[number] if match[1] == "S" else _day_words(int(self.first[patient]) + number)

        return _OWN.sub(own, words)

    def numbers(self, origins: Sequence[str], patient: int, own: bool) -> list[int]:
        """Which of the rows of a patient stand behind the origins of her kind, or behind her `own`."""
        if not origins:
            return []
        if not own:
            return [int(origin[2:-1]) for origin in origins if origin.startswith(f"{OPEN}R")]
        words, places = self.columns.origins, self.columns.origin
        number_of: dict[str, int] = {}
        for number, row in enumerate(self.of(patient)):
            number_of.setdefault(words[int(places[row])], number)
        return [number_of[origin] for origin in origins if origin in number_of]

    def pooled_names(self, names: list[str], places: Whole, patients: Whole) -> Pooled:
        """The names of specimens, each patient's own: `places` in `names`, -1 for none."""
        kind, number = np.zeros(len(names) + 1, np.int64), np.zeros(len(names) + 1, np.int64)
        for place, name in enumerate(names):
            if match := _NAME.fullmatch(name):
                kind[place], number[place] = (1, int(match[1])) if match[1] else (2, int(match[2]))
        pool, index = list(names), places.copy()
        kinds = kind[places]
        if len(mine := np.flatnonzero(kinds == 1)):
            starts, listed = self._names_of_all()
            index[mine] = len(pool) + listed[starts[patients[mine]] + number[places[mine]]]
            pool += self.columns.specimens
        if len(mine := np.flatnonzero(kinds == 2)):
            days, inverse = np.unique(self.first[patients[mine]] + number[places[mine]], return_inverse=True)
            index[mine] = len(pool) + inverse.reshape(-1)
            pool += [OF_DAY + _day_words(day) for day in days.tolist()]
        return Pooled(pool, index)

    def _names_of_all(self) -> tuple[Whole, Whole]:
        """The named specimens of all patients in the order of their names, and where those of each begin."""
        if self._named is None:
            record = self.columns
            ranks = _ranks(record.specimens)
            blank = ranks[record.specimens.index("")] if "" in record.specimens else -1
            rank = ranks[record.specimen[self.rows]]
            width = len(record.specimens) + 1
            keys = np.unique((record.owner()[self.rows] * width + rank)[rank != blank])
            listed = np.argsort(ranks, kind="stable")[np.searchsorted(np.sort(ranks), keys % width)]
            self._named = np.searchsorted(keys // width, np.arange(len(record) + 1)), listed
        return self._named


class ToldTests:
    """What is said of the HER2 tests of a batch, as rows.

    `reviews` are those of the kinds of a batch, with tokens but where `alone`: then of the only patient of the kind.
    """

    def __init__(self, tests: RowsOfTests, kinds: Whole, reviews: list[PatientReview], alone: list[bool]) -> None:
        self.tests, self.reviews, self.alone = tests, reviews, alone
        self._order = np.argsort(kinds, kind="stable")
        self._starts = np.searchsorted(kinds[self._order], np.arange(len(reviews) + 1)).tolist()

    def _kinds(self) -> Iterator[tuple[PatientReview, bool, Whole]]:
        """Each review, whether it is of one patient alone, and the patients of whom it is true.

        In the order of the patients: that of the kinds is another in each run.
        """
        firsts = self._order[np.array(self._starts[:-1], np.int64)] if len(self._order) else np.zeros(0, np.int64)
        for number in np.argsort(firsts, kind="stable").tolist():
            patients = self._order[self._starts[number] : self._starts[number + 1]]
            yield self.reviews[number], self.alone[number], patients

    def findings(self) -> list[FindingRows]:
        """The findings of the tests of all patients, and what could not be read of their records."""
        groups: dict[tuple[Grade, str], _Group] = {}
        for review, alone, patients in self._kinds():
            first = int(patients[0])
            for finding in of_tests(review, self.tests.columns, first) if alone else review.findings:
                group = groups.setdefault((finding.grade, OF_PATIENT), _Group(self.tests))
                group.add(finding, "", patients, self.tests.numbers(finding.origins, first, alone))
            for specimen in review.specimens:
                for finding in specimen.findings:
                    group = groups.setdefault((finding.grade, OF_SPECIMEN), _Group(self.tests))
                    group.add(finding, specimen.name, patients, self.tests.numbers(finding.origins, first, alone))
        rows = [group.rows(Saying(scope, "", grade, "{words}", "", 0)) for (grade, scope), group in groups.items()]
        return [*rows, *_rows_of_troubles(self.tests.columns)]

    def rules(self) -> Pooled:
        """By which rule the specimens of each patient came to her status."""
        pool: list[str] = []
        places = np.zeros(len(self._order), np.int64)
        for review, _, patients in self._kinds():
            if OPEN in review.rule:
                places[patients] = np.arange(len(patients)) + len(pool)
                pool += [self.tests.filled(review.rule, patient) for patient in patients.tolist()]
            else:
                places[patients] = len(pool)
                pool.append(review.rule)
        return Pooled(pool, places)

    def specimens(self) -> SpecimenRows:
        """The specimens of all patients."""
        tests = self.tests
        listed: list[SpecimenReview] = []
        sites: list[str] = []
        parts: list[Whole] = []
        days: list[int] = []
        counts: list[int] = []
        numbers: list[int] = []
        for review, alone, patients in self._kinds():
            first = int(patients[0])
            for specimen in review.specimens:
                listed.append(specimen)
                sites.append(review.site)
                parts.append(patients)
                days.append(_apart(specimen.day, int(tests.first[first])))
                counts.append(len(specimen.tests))
                numbers += tests.numbers([origin for _, _, origin in specimen.tests], first, alone)
        patients, places = _by_patient(parts)
        apart = np.array(days, np.int64)[places]
        starts, owner, used = _spread(np.array(counts, np.int64), places)
        test_rows = tests.rows[tests.starts[patients[owner]] + np.array(numbers, np.int64)[used]]
        return SpecimenRows(
            patients, places, listed, sites, tests.pooled_names([each.name for each in listed], places, patients),
            np.where(apart == UNKNOWN, UNKNOWN, tests.first[patients] + apart), starts, used, test_rows,
        )  # fmt: skip


@dataclass(slots=True)
class _Group:
    """The findings of one grade and scope as they are gathered, kind by kind."""

    tests: RowsOfTests
    findings: list[Finding] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    patients: list[Whole] = field(default_factory=list)
    numbers: list[list[int]] = field(default_factory=list)

    def add(self, finding: Finding, specimen: str, patients: Whole, numbers: list[int]) -> None:
        self.findings.append(finding)
        self.names.append(specimen)
        self.patients.append(patients)
        self.numbers.append(numbers)

    def rows(self, saying: Saying) -> FindingsOfTests:
        tests = self.tests
        patients, places = _by_patient(self.patients)
        starts, owner, used = _spread(np.array([len(each) for each in self.numbers], np.int64), places)
        numbers = np.array([number for each in self.numbers for number in each], np.int64)
        of_one = np.array([place if name else -1 for place, name in enumerate(self.names)], np.int64)
        return FindingsOfTests(
            saying=saying, patients=patients, places=places, findings=self.findings,
            words=self._words(places, patients),
            specimens=tests.pooled_names(self.names, of_one[places], patients),
            origins=RowRuns(tests.rows[tests.starts[patients[owner]] + numbers[used]], starts),
        )  # fmt: skip

    def _words(self, places: Whole, patients: Whole) -> Pooled:
        pool, index = [finding.words for finding in self.findings], places.copy()
        own = np.array([OPEN in words for words in pool], np.bool_)
        for row in np.flatnonzero(own[places]).tolist():
            index[row] = len(pool)
            pool.append(self.tests.filled(self.findings[places[row]].words, int(patients[row])))
        return Pooled(pool, index)


def of_tests(review: PatientReview, record: RecordColumns, patient: int) -> list[Finding]:
    """The findings on a patient's tests, without those that only repeat what could not be read of her record."""
    troubles = set(findings_of_troubles(record, patient))
    return [finding for finding in review.findings if finding not in troubles] if troubles else review.findings


def findings_of_troubles(record: RecordColumns, patient: int) -> list[Finding]:
    """What could not be read of a patient's record, and what was seen and not used."""
    return of_troubles(record.troubles.get(patient, ()), record.passed_over.get(patient, ()))


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


def _by_patient(parts: list[Whole]) -> tuple[Whole, Whole]:
    """The patients of several parts in one column, in their order, and the part of each; of one patient in that of the
    parts."""
    if not parts:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    patients = np.concatenate(parts)
    places = np.repeat(np.arange(len(parts)), [len(part) for part in parts])
    order = np.argsort(patients, kind="stable")
    return patients[order], places[order]


def _spread(counts: Whole, places: Whole) -> tuple[Whole, Whole, Whole]:
    """Lists one after the other, for rows that each have the list of its place: where those of each row begin, and of
    each entry its row and its place among all lists."""
    widths = counts[places]
    starts = np.concatenate([np.zeros(1, np.int64), np.cumsum(widths)])
    owner = np.repeat(np.arange(len(places)), widths)
    begins = np.cumsum(counts) - counts
    return starts, owner, np.arange(len(owner)) - np.repeat(starts[:-1] - begins[places], widths)


def _in_order(record: RecordColumns, rows: Whole) -> Whole:
    """Rows by patient, day, fact and value, as they stand in the record, by what was said, specimen and correction."""
    owner, day, fact = record.owner()[rows], record.day[rows], record.fact[rows]
    if not ((owner[1:] == owner[:-1]) & (day[1:] == day[:-1]) & (fact[1:] == fact[:-1])).any():
        return rows
    fact, value, said, name = (
        _ranks_of_used(words, column[rows])
        for words, column in (
            (record.facts, record.fact), (record.values, record.value), (record.saids, record.said),
            (record.specimens, record.specimen),
        )
    )  # fmt: skip
    amended = np.zeros(len(rows), np.bool_) if record.amended is None else record.amended[rows]
    return rows[np.lexsort((amended, name, said, value, fact, np.where(day == UNKNOWN, LAST_DAY, day), owner))]


def _ranks_of_used(words: Sequence[Any], places: Whole) -> Whole:
    """The rank of each place's word among those that are used."""
    used, inverse = np.unique(places, return_inverse=True)
    return _ranks([str(words[place]) for place in used.tolist()])[inverse.reshape(-1)]


def _ranks(words: Sequence[str]) -> Whole:
    """The rank of each word among the distinct ones."""
    rank_of = {word: rank for rank, word in enumerate(sorted(set(words)))}
    return np.array([rank_of[word] for word in words], np.int64)


def _apart(day: str, first: int) -> int:
    """How many days after the first entry a day is, which stands as a token or in words; `UNKNOWN` for none."""
    if not day:
        return UNKNOWN
    token = _OWN.fullmatch(day)
    return int(token[2]) if token else dt.date.fromisoformat(day).toordinal() - first


def _day_words(number: int) -> str:
    return str(dt.date.fromordinal(number))
