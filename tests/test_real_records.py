"""Published records, where a folder with them stands beside the checkout; skipped where it does not."""

from __future__ import annotations

import csv
import datetime as dt
import tarfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import fhir_makers as make
from her2path.facts.value import Interval
from her2path.findings.patient import Reviewer
from her2path.findings.reviews import PatientReview
from her2path.findings.settings import Settings
from her2path.findings.specimen.together import specimens_of
from her2path.read.source import read_records
from her2path.record.event import Record, Trouble
from her2path.tables.decision import Decision, decide
from her2path.tables.load import default_knowledge

DATA = Path(__file__).resolve().parents[1] / ".." / "shared" / "data"
MCODE = DATA / "mcode-synthea-breast-51.tgz"
SYNTHEA = DATA / "synthea-breast-1019.ndjson.gz"
IMPRESS = DATA / "impress-her2.csv"

ALL_OF_IT = dt.date(2027, 1, 1)
"""A day after every test of the records."""

TWICE = [("patient twice", "faeec869-3ae1-53e9-9a8c-af265e4e3de6")]
"""One patient of mCODE stands in two of its bundles."""

pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason="no folder of published records beside the checkout")


def told(troubles: list[Trouble]) -> list[tuple[str, str]]:
    """The kinds of troubles, each with the patient it names."""
    return [(each.kind, each.what.partition("Patient/")[2].partition(" ")[0]) for each in troubles]


@pytest.fixture(scope="module", params=[(MCODE, 51), (SYNTHEA, 1019)], ids=["mcode", "synthea"])
def reviewed(request: pytest.FixtureRequest) -> tuple[list[PatientReview], list[Trouble], int]:
    path, patients = request.param
    if not path.exists():
        pytest.skip(f"{path.name} is not there")
    return *make.review_of(path, on=ALL_OF_IT), patients


def test_every_patient_is_reviewed_and_nothing_is_left_unread(
    reviewed: tuple[list[PatientReview], list[Trouble], int],
) -> None:
    patients, troubles, count = reviewed
    assert len(patients) == count
    assert told(troubles) == (TWICE if count == 51 else [])
    assert all(each.has_tests for each in patients)
    assert not [words for each in patients for words in make.words_of(each) if words.startswith("unreadable")]
    assert not [words for each in patients for words in make.words_of(each) if words.startswith("contradiction")]


def test_the_statuses_add_up(reviewed: tuple[list[PatientReview], list[Trouble], int]) -> None:
    patients, _, count = reviewed
    statuses = Counter(each.status for each in patients)
    assert set(statuses) <= {"positive", "negative", None}
    assert sum(statuses.values()) == count
    assert statuses["positive"] > 0
    assert statuses["negative"] > statuses["positive"]
    expected = {51: {"positive": 7, "negative": 44}, 1019: {"positive": 216, "negative": 658, None: 145}}
    assert statuses == expected[count]


def test_every_patient_is_decided_by_the_edition_of_her_test(
    reviewed: tuple[list[PatientReview], list[Trouble], int],
) -> None:
    for each in reviewed[0]:
        for specimen in each.specimens:
            edition = specimen.status.edition
            assert edition.site == "breast"
            day = dt.date.fromisoformat(specimen.day)
            assert edition.in_force(day) or (edition.key == "asco-cap-2007" and day.year <= 2006)


def synthea_records() -> Iterator[Record]:
    if not SYNTHEA.exists():
        pytest.skip(f"{SYNTHEA.name} is not there")
    for found in read_records(SYNTHEA, default_knowledge().facts):
        assert isinstance(found, Record)
        yield found


@pytest.mark.parametrize("edition", ["asco-cap-2007", "asco-cap-2013", "asco-cap-2018", "asco-cap-2023"])
def test_the_ratio_limits_alone_never_decide_against_themselves(edition: str) -> None:
    """By itself 'less than 1.8' is never positive, and 'greater than 2.2' is never negative."""
    reviewer = Reviewer(default_knowledge(), Settings(ALL_OF_IT, edition=edition))
    seen: Counter[str] = Counter()
    for record in synthea_records():
        record.events = [event for event in record.events if event.fact == "her2_cep17_ratio"]
        (event,) = record.events
        assert isinstance(event.value, Interval)
        review = reviewer.review(record)
        seen[event.said] += 1
        if event.said == "less than 1.8":
            assert review.status != "positive"
        else:
            assert event.said == "greater than 2.2"
            assert review.status != "negative"
    assert seen == {"less than 1.8": 803, "greater than 2.2": 216}


def test_an_ihc_and_its_ish_are_one_specimen() -> None:
    for record in synthea_records():
        (specimen,), _ = specimens_of(record)
        assert set(specimen.facts) == {"ihc_score", "her2_cep17_ratio"}


def test_the_archive_is_read_file_by_file(tmp_path: Path) -> None:
    if not MCODE.exists():
        pytest.skip(f"{MCODE.name} is not there")
    with tarfile.open(MCODE) as archive:
        archive.extractall(tmp_path, filter="data")
    from_folder, troubles = make.review_of(tmp_path, on=ALL_OF_IT)
    from_archive, _ = make.review_of(MCODE, on=ALL_OF_IT)
    assert told(troubles) == TWICE
    assert Counter((each.patient, each.status) for each in from_folder) == Counter(
        (each.patient, each.status) for each in from_archive
    )


def impress_rows() -> dict[str, dict[str, Any]]:
    """The cohort's columns as facts; what is blank is left out."""
    if not IMPRESS.exists():
        pytest.skip(f"{IMPRESS.name} is not there")
    columns = {
        "her2_ihc": "ihc_score",
        "her2_signal": "her2_copies",
        "cep17": "cep17_copies",
        "ratio": "her2_cep17_ratio",
    }
    with IMPRESS.open(newline="") as file:
        return {
            row["id"]: {fact: row[column] for column, fact in columns.items() if row[column]}
            for row in csv.DictReader(file)
        }


def by_edition(edition: str) -> dict[str, Decision]:
    return {key: decide("her2_status", facts, edition=edition) for key, facts in impress_rows().items()}


def test_the_cohort_was_positive_by_the_2013_edition() -> None:
    decided = by_edition("asco-cap-2013")
    assert len(decided) == 62
    assert Counter(each.value for each in decided.values()) == {"positive": 62}


def test_what_changes_with_the_2018_edition() -> None:
    before, after = by_edition("asco-cap-2013"), by_edition("asco-cap-2018")
    changed = {key: set(after[key].possible) for key in before if after[key].value != before[key].value}
    assert changed["083"] == {"negative"}
    assert changed["110"] == {"negative", "adjudicate"}
    assert changed["080"] == {"positive", "adjudicate"}
    assert after["110"].value is None
    assert after["080"].value is None
    assert all(len(possible) > 1 or key == "083" for key, possible in changed.items())


def test_a_score_of_one_plus_two_is_refused_and_the_ish_decides() -> None:
    decision = by_edition("asco-cap-2018")["090"]
    assert "1+2" in decision.given.unknown["ihc_score"].detail
    assert decision.value == "positive"


def test_the_cohort_reviewed_as_records_gives_the_same(tmp_path: Path) -> None:
    rows = impress_rows()
    path = tmp_path / "cohort.ndjson"
    codes = {
        "ihc_score": make.IHC,
        "her2_copies": make.HER2_COPIES,
        "cep17_copies": make.CEP17_COPIES,
        "her2_cep17_ratio": make.RATIO,
    }
    make.write(
        path,
        *[
            make.about(
                *[make.observation(codes[fact], said, subject=f"Patient/{key}") for fact, said in facts.items()],
                identity=key,
            )
            for key, facts in rows.items()
        ],
    )
    patients, troubles = make.review_of(path)
    assert not troubles
    decided = by_edition("asco-cap-2018")
    assert {each.patient: each.status for each in patients} == {key: each.value for key, each in decided.items()}
