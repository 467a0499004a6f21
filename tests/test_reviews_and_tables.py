"""The table of findings holds what the review of each patient tells, no more and no less, in whatever batch she comes."""

from __future__ import annotations

import datetime as dt
import json
from collections import Counter
from dataclasses import replace
from decimal import Decimal
from functools import cache
from itertools import permutations
from random import Random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from course_makers import date, made
from her2path.findings.finding import Finding
from her2path.findings.patient import Reviewed, Reviewer
from her2path.findings.reviews import PatientReview
from her2path.findings.settings import Settings
from her2path.findings.summary import Summary
from her2path.record.columns import columns_of
from her2path.record.event import Event, Record
from her2path.tables.load import default_knowledge
from her2path.tables.site import Site
from her2path.write.review_json import patient_json
from her2path.write.review_text import patient_text
from her2path.write.tables.findings import SCHEMA, findings_table
from her2path.write.tables.patients import PATIENTS, patients_table
from random_patients import batches, records
from test_course_one_and_many import as_many

SITES = [
    Site(), Site(lvef_lower_limit=Decimal(55), jurisdiction="eu", preferred={"trastuzumab-iv": "ogivri"}),
    Site(prices={"kanjinti": Decimal("1.25")}, currency="EUR"),
]  # fmt: skip
ON = st.integers(0, 1000)
SITE = st.integers(0, len(SITES) - 1)


@cache
def reviewer(on: int, site: int = 0, courses: bool = True) -> Reviewer:
    return Reviewer(
        default_knowledge(), Settings(date(on), at=SITES[site], jurisdiction=SITES[site].jurisdiction, courses=courses)
    )


def findings_of(review: PatientReview) -> list[Finding]:
    """Every finding of a review, of patient, specimens and course."""
    course = review.course.findings if review.course else []
    return [*review.findings, *(each for specimen in review.specimens for each in specimen.findings), *course]


@given(records(), st.randoms(use_true_random=False), ON)
@settings(max_examples=150)
def test_tests_alone_are_reviewed_as_they_would_be_from_columns(record: Record, rng: Random, on: int) -> None:
    record = replace(record, course=[], events=rng.sample(record.events, len(record.events)))
    from_columns = reviewer(on).review_columns(columns_of([record])).patient(0)
    before = [*record.events]
    assert reviewer(on).review(record) == from_columns
    assert record.events == before  # the caller's record stays as it is


def row_of(finding: Finding) -> tuple[Any, ...]:
    """A finding as a row of the table has it."""
    return (
        finding.grade.word, finding.words, finding.do, finding.by, "; ".join(finding.rows),
        "; ".join(map(str, finding.citations)), finding.remark, tuple(sorted(finding.facts)),
        ", or ".join(" and ".join(names) for names in finding.settle), tuple(sorted(finding.origins)), finding.key,
    )  # fmt: skip


def rows_of(reviewed: Reviewed) -> dict[str, Counter[tuple[Any, ...]]]:
    """The rows of the table by patient, each as `row_of` has it."""
    table = findings_table(reviewed)
    assert table.schema.equals(SCHEMA)
    found: dict[str, Counter[tuple[Any, ...]]] = {name: Counter() for name in reviewed.record.patients}
    for row in table.to_pylist():
        key = (
            f"{row['outcome']}: {row['value']}"
            if row["outcome"] not in ("her2", "her2 specimen", "reading", "record")
            else ""
        )
        found[row["patient"]][
            row["grade"], row["finding"], row["do"], row["by"], row["rows"], row["sources"], row["remark"],
            tuple(sorted(row["facts"])), row["would_settle"], tuple(sorted(row["origins"])), key,
        ] += 1  # fmt: skip
    return found


def compare_with_table(reviewed: Reviewed) -> None:
    rows = rows_of(reviewed)
    for place, name in enumerate(reviewed.record.patients):
        wanted = Counter(row_of(finding) for finding in findings_of(reviewed.patient(place)))
        assert rows[name] == wanted, (wanted - rows[name], rows[name] - wanted)


@settings(max_examples=60)
@given(batches(), ON, SITE)
def test_the_table_holds_the_findings_of_every_patient(many: list[Record], on: int, site: int) -> None:
    compare_with_table(reviewer(on, site).review_records(many))
    with as_many():
        compare_with_table(reviewer(on, site).review_records(many))


@settings(max_examples=20)
@given(batches(), ON)
def test_without_courses_the_table_holds_the_findings_of_the_tests(many: list[Record], on: int) -> None:
    reviewed = reviewer(on, 0, courses=False).review_records(many)
    compare_with_table(reviewed)
    assert reviewed.courses is None


@settings(max_examples=60)
@given(batches(2), ON, SITE)
def test_a_patient_alone_is_told_the_same_as_in_a_batch(many: list[Record], on: int, site: int) -> None:
    """The whole review, as JSON and as text; and in the same order."""
    alone = [reviewer(on, site).review(record) for record in many]
    few = reviewer(on, site).review_records(many)
    with as_many():
        together = reviewer(on, site).review_records(many)
        for batch in (few, together):
            for one, other in zip(alone, batch, strict=True):
                assert json.dumps(patient_json(other)) == json.dumps(patient_json(one))
                assert patient_text(other) == patient_text(one)
                assert other.unread == one.unread


@settings(max_examples=40)
@given(batches(), ON)
def test_a_batch_is_counted_as_its_patients_are(many: list[Record], on: int) -> None:
    reviewed = reviewer(on).review_records(many)
    whole, one_by_one = Summary(), Summary()
    whole.add_all(reviewed)
    for record in many:
        one_by_one.add(reviewer(on).review(record))
    assert whole.as_json() == one_by_one.as_json()


@settings(max_examples=40)
@given(batches(), ON)
def test_the_table_of_patients_says_what_their_reviews_say(many: list[Record], on: int) -> None:
    reviewed = reviewer(on).review_records(many)
    table = patients_table(reviewed)
    assert table.schema.equals(PATIENTS)
    for row, review in zip(table.to_pylist(), reviewed, strict=True):
        assert (row["patient"], row["where"], row["tumour_site"]) == (review.patient, review.where, review.site)
        assert (row["her2_status"], row["her2_possible"]) == (review.status, " or ".join(review.possible))
        assert row["has_course"] == (review.course is not None)
        if review.course is None:
            assert row["product"] is row["lvef"] is row["next_dose_day"] is None
            continue
        standing = review.course.standing
        assert (row["product"], row["therapy_phase"]) == (standing.product, standing.values.get("therapy_phase"))
        lvef = standing.values.get("lvef")
        assert row["lvef"] == (float(lvef) if isinstance(lvef, Decimal) else None)
        for name in ("next_dose", "echo_due", "product_last", "lvef"):
            assert row[f"{name}_day"] == standing.day(name)


# -- what must not matter -----------------------------------------------------------------------


@settings(max_examples=40)
@given(
    records().flatmap(
        lambda record: st.tuples(st.just(record), st.permutations(record.course), st.permutations(record.events))
    ),
    ON,
)
def test_the_order_of_what_a_record_says_changes_no_finding(
    shuffled: tuple[Record, list[Any], list[Any]], on: int
) -> None:
    record, course, events = shuffled
    other = replace(record, course=course, events=events)
    one, two = (reviewer(on).review_records([each]) for each in (record, other))
    assert rows_of(one) == rows_of(two)
    assert json.dumps(patient_json(one.patient(0))) == json.dumps(patient_json(two.patient(0)))


def test_of_the_same_result_twice_on_a_day_the_places_decide() -> None:
    """Which of two reports with the same words a finding names does not hang on which of them was read first."""

    def event(line: int, value: str = "0", fact: str = "ihc_score") -> Event:
        return Event(fact, value, dt.date(2023, 11, 22), "", f"line {line}", said=value)

    reports = [event(9), event(10), event(11)]
    status = event(12, "positive", "recorded status")
    shuffled = [Record("p", "p.csv", [*order, status]) for order in permutations(reports)]
    one_by_one = {json.dumps(patient_json(reviewer(0).review(record))) for record in shuffled}
    as_a_batch = {str(rows_of(reviewer(0).review_records([record]))) for record in shuffled}
    assert len(one_by_one) == len(as_a_batch) == 1
    (specimen,) = reviewer(0).review(shuffled[-1]).specimens
    again = next(finding for finding in specimen.findings if finding.name == "the same result again")
    assert again.origins == ("line 9", "line 10", "line 11")


@settings(max_examples=40)
@given(records(), st.lists(records("other"), max_size=3), ON)
def test_an_unrelated_patient_changes_nothing(record: Record, others: list[Record], on: int) -> None:
    alone = reviewer(on).review_records([record])
    named = [replace(other, patient=f"other{place}") for place, other in enumerate(others)]
    among = reviewer(on).review_records([*named[:1], record, *named[1:]])
    assert rows_of(among)[record.patient] == rows_of(alone)[record.patient]
    place = among.record.patients.index(record.patient)
    assert json.dumps(patient_json(among.patient(place))) == json.dumps(patient_json(alone.patient(0)))


def test_an_empty_record_and_no_record_at_all() -> None:
    reviewed = reviewer(140).review_columns(columns_of([Record("nobody", "x")]))
    compare_with_table(reviewed)
    none = reviewer(140).review_columns(columns_of([]))
    assert findings_table(none).num_rows == patients_table(none).num_rows == 0


def test_the_order_of_decisions_is_that_of_the_questions_whoever_else_is_in_the_batch() -> None:
    going = [made("setting", "adjuvant", 5), made("dose_mg_per_kg", Decimal(8), 10, "trastuzumab-iv")]
    stopped = [*going, made("heart_failure", "yes", 20)]
    others, hers = Record("a", "a.csv", course=going), Record("b", "b.csv", course=stopped)
    told = patient_json(reviewer(25).review(hers))
    assert list(told["course"]["decisions"]) == list(
        patient_json(reviewer(25).review_records([others, hers]).patient(1))["course"]["decisions"]
    )
    assert "stop_stands" in told["course"]["decisions"]
