"""One says what many say: the same values, reasons, outcomes, days, findings and plan, for random courses and questions."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from decimal import Decimal
from importlib.util import find_spec
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from course_makers import (
    HER2,
    NOTHING,
    Patient,
    T,
    columns_of,
    date,
    dose,
    doses,
    her2_columns,
    lvef,
    made,
    review_many,
    review_one,
)
from her2path.facts.value import Interval, OneOf
from her2path.findings.course import answers
from her2path.findings.course.review import Courses, review_courses
from her2path.findings.course.rules import Rules
from her2path.findings.plan.items import plan_of
from her2path.findings.plan.regimens import regimens_of
from her2path.findings.questions import Question, read_questions
from her2path.history.folds import run
from her2path.tables.load import default_knowledge
from her2path.tables.site import Site
from random_patients import EVERYTHING, QUESTIONS, partly, patients

HAS_NUMBA = find_spec("numba") is not None
SITES = [
    Site(), Site(lvef_lower_limit=Decimal(55), echo_tolerance_days=0, t_dxd_available=False, preferred={T: "ogivri"}),
    Site(prices={"kanjinti": Decimal("1.25"), "ogivri": Decimal("0.8")}, currency="EUR", jurisdiction="eu"),
]  # fmt: skip


@contextmanager
def as_many(compiled: bool = HAS_NUMBA) -> Iterator[None]:
    """A batch of any size goes the way of many: compiled folds where numba is there, look-ups as columns."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(answers, "FEW", 0)
        patch.setattr(run, "worth_compiling", lambda _: compiled)
        yield


@contextmanager
def as_few() -> Iterator[None]:
    """A batch of any size goes the way of few, whatever was reviewed before: nothing compiled."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run, "worth_compiling", lambda _: False)
        yield


def rules_of(on: int, site: Site, jurisdiction: str, questions: tuple[Question, ...]) -> Rules:
    rules = Rules(default_knowledge(), site, date(on), jurisdiction)
    rules.questions = questions
    return rules


def told(courses: Courses, place: int) -> dict[str, Any]:
    """Everything that the review of a course says of one patient of a batch."""
    standing = courses.standing(place)
    return {
        "values": standing.values, "unknown": standing.unknown, "outcomes": standing.outcomes, "state": standing.state,
        "days": standing.days(), "product": standing.product, "brand": standing.brand(), "brands": standing.brands_given(),
        "decisions": {
            key: (decision.value, decision.possible, decision.rows, decision.citations, decision.would_settle, decision.remarks)
            for key, decision in standing.decisions.items()
        },
        "findings": courses.findings(place), "plan": plan_of(standing), "regimens": regimens_of(standing),
    }  # fmt: skip


def compare(
    many: list[Patient], on: int, site: Site, jurisdiction: str, questions: tuple[Question, ...]
) -> list[dict[str, Any]]:
    """Each patient alone, among few, and among many: what is told of each, which is the same every time."""
    alone = rules_of(on, site, jurisdiction, questions)
    with as_few():
        expected = [told(review_many([one], alone), 0) for one in many]
        few = review_many(many, rules_of(on, site, jurisdiction, questions))
    batches = [few]
    for compiled in {HAS_NUMBA, False}:
        with as_many(compiled):
            batches.append(review_many(many, rules_of(on, site, jurisdiction, questions)))
    for courses in batches:
        for place, one in enumerate(expected):
            found = told(courses, place)
            differing = {name: (one[name], found[name]) for name in one if one[name] != found[name]}
            assert not differing, differing
    return expected


ON = st.integers(0, 1000)
SOME_SITE = st.sampled_from(SITES)
JURISDICTION = st.sampled_from(["us", "eu"])


@settings(max_examples=60)
@given(st.lists(patients(), min_size=1, max_size=6), ON, SOME_SITE, JURISDICTION)
def test_one_and_many_say_the_same(many: list[Patient], on: int, site: Site, jurisdiction: str) -> None:
    compare(many, on, site, jurisdiction, read_questions())


@settings(max_examples=40)
@given(st.lists(patients(), min_size=1, max_size=6), ON, JURISDICTION)
def test_one_and_many_agree_in_every_outcome_there_is(many: list[Patient], on: int, jurisdiction: str) -> None:
    compare(many, on, SITES[0], jurisdiction, EVERYTHING)


@settings(max_examples=40)
@given(st.lists(patients(), min_size=1, max_size=4), ON, SOME_SITE, JURISDICTION, QUESTIONS)
def test_one_and_many_agree_in_whatever_is_asked(
    many: list[Patient], on: int, site: Site, jurisdiction: str, questions: tuple[Question, ...]
) -> None:
    compare(many, on, site, jurisdiction, questions)


BASE = [lvef(-7, 65), *doses(0, 84)]


@pytest.mark.parametrize(
    "more",
    [
        [lvef(90, 48)], [lvef(90, 48), dose(105)], [lvef(90, 48), lvef(130, 62)],
        [made("er_status", "positive", 3), made("hormone_receptor_status", "negative", 3)],
        [made("sex", "male", 3), made("reproductive_potential", "yes", 3)],
        [made("birth_date", "1980-02-29", None)], [made("age_years", 34, 3)],
        [made("lvef_baseline", 70, 3)], [made("lvef_fall", 3, 3)],
        [made("age_years", 34, 3), made("birth_date", "1980-02-29", None)],
        [made("pregnant", "yes", 60), made("sex", "female", None)],
        [made("hold_recorded", "resumed", 90), made("hold_recorded", "cardiac", 90)],
        [made("er_status", "positive", 3), made("er_status", "negative", 3), made("er_status", "negative", 5)],
    ],
)  # fmt: skip
def test_one_and_many_at_the_corners(more: list[Any]) -> None:
    """Each corner beside a patient who differs in what she says."""
    other = [*BASE, made("age_years", 50, 3), made("hormone_receptor_status", "positive", 3)]
    for questions in (read_questions(), EVERYTHING):
        plain = compare([([*BASE, *more], NOTHING, 0), (other, NOTHING, None)], 140, SITES[0], "us", questions)
        assert len(plain) == 2
        assert all(one["decisions"] for one in plain)


def test_a_baseline_by_word_and_a_pregnancy_without_any_dose_are_alike() -> None:
    many = [([dose(3), lvef(30, 48), made("lvef_baseline", 70, 3)], NOTHING, None)]
    (found,) = compare(many, 140, SITES[0], "us", EVERYTHING)
    assert found["values"]["lvef_baseline"] == 70
    many = [([made("pregnant", "yes", 9), made("sex", "female", None)], NOTHING, None), (BASE, NOTHING, None)]
    found, _ = compare(many, 140, SITES[0], "us", EVERYTHING)
    assert found["values"]["pregnant"] == "yes"


@pytest.mark.parametrize(
    "only_in_part",
    [lvef(90, "50-55"), lvef(90, "< 50"), made("tumour_size_mm", "> 20", 3), partly("stage", 3, "2", "3")],
    ids=lambda event: f"{event.fact} {event.value}",
)
def test_whoever_is_only_partly_known_is_reviewed_with_all_others(only_in_part: Any) -> None:
    assert isinstance(only_in_part.value, Interval | OneOf)
    many = [(BASE, NOTHING, 0), ([*BASE, only_in_part], NOTHING, 0)]
    plain, found = compare(many, 140, SITES[0], "us", read_questions())
    assert found["values"][only_in_part.fact] == only_in_part.value
    assert plain["values"].get(only_in_part.fact) != only_in_part.value


def test_whoever_contradicts_herself_on_one_day_is_reviewed_with_all_others() -> None:
    differing = [made("er_status", "positive", 3), made("er_status", "negative", 3)]
    many = [(BASE, NOTHING, 0), ([*BASE, *differing], NOTHING, 0)]
    plain, found = compare(many, 140, SITES[0], "us", read_questions())
    assert found["values"]["er_status"] == OneOf(frozenset({"positive", "negative"}))
    assert "er_status" not in plain["values"]
    assert len(found["findings"]) == len(plain["findings"]) + 1


@pytest.mark.parametrize(
    ("twice", "words"),
    [
        ([made("lvef", 61, None), made("lvef", 62, None)], "lvef has no date and cannot be placed"),
        ([lvef(90, "50-55")] * 2, "lvef [50..55] on"), ([made("er_status", "maybe", 3)] * 2, "er_status of"),
        ([made("stage", "1", 3), *[made("stage", "2", 3)] * 2], "stage: 1 and 2 on one day"),
    ],
)  # fmt: skip
def test_what_one_origin_says_twice_is_told_once(twice: list[Any], words: str) -> None:
    """By the rows of the batch too, which tables and counts are made of."""
    compare([([*BASE, *twice], NOTHING, 0)], 140, SITES[0], "us", read_questions())
    many = review_many([([*BASE, *twice], NOTHING, 0)], rules_of(140, SITES[0], "us", read_questions()))
    told_of_rows = [many.reasons.finding(rows, place) for rows in many.rows for place in range(len(rows.patients))]
    assert len([finding for finding in told_of_rows if finding.words.startswith(words)]) == 1
    assert sorted(told_of_rows, key=str) == sorted(many.findings(0), key=str)


@pytest.mark.parametrize(
    ("entries", "words"),
    [
        ([made("er_status", "positive", None), made("er_status", "negative", None)],
         "er_status: negative and positive on one day (no date recorded); both are kept as possible"),
        ([replace(dose(90), fact="dose_given", value="yes")], "doses without an amount: trastuzumab-iv 1"),
        ([replace(dose(90), fact="dose_given", value="no")], None),
    ],
)  # fmt: skip
def test_what_is_said_of_an_entry(entries: list[Any], words: str | None) -> None:
    """An undated contradiction has no day, and a dose that was not given lacks no amount."""
    (found,) = compare([([*BASE, *entries], NOTHING, 0)], 140, SITES[0], "us", read_questions())
    told = [finding.words for finding in found["findings"]]
    told = [each for each in told if each.startswith(("er_status:", "doses without an amount"))]
    assert told == ([] if words is None else [words])


def test_a_score_is_told_by_the_facts_that_give_its_points() -> None:
    """The risk to the heart is read of points; a clinician is told of what."""
    course = [*BASE, made("heart_failure_history", "yes", None)]
    for found in compare([(course, NOTHING, 0), (BASE, NOTHING, 0)], 140, SITES[0], "us", read_questions())[:1]:
        (risk,) = [finding for finding in found["findings"] if finding.key.startswith("cardiac_risk")]
        assert ("heart_failure_history", "yes") in risk.facts
        assert "unknown" not in dict(risk.facts).values()
        assert "heart_failure_history@" in risk.origins


TO_TRASTUZUMAB, TO_HYALURONIDASE, TO_BENZYL_ALCOHOL = (
    made("allergy", substance, 3) for substance in ("trastuzumab", "hyaluronidase", "benzyl alcohol")
)


@pytest.mark.parametrize(
    ("allergies", "alarms"),
    [
        ([TO_TRASTUZUMAB], ["trastuzumab"]), ([made("allergy", "trastuzumab", None)], ["trastuzumab"]), ([TO_HYALURONIDASE], []),
        ([TO_TRASTUZUMAB, replace(TO_HYALURONIDASE, day=date(9))], ["trastuzumab"]),
        ([TO_TRASTUZUMAB, TO_BENZYL_ALCOHOL], ["trastuzumab"]), ([TO_TRASTUZUMAB, replace(TO_TRASTUZUMAB, day=date(9))], ["trastuzumab"]),
        ([TO_TRASTUZUMAB, made("allergy", "peanuts", 9)], ["trastuzumab"]), ([replace(TO_TRASTUZUMAB, day=date(900))], []),
        ([partly("allergy", 3, "trastuzumab", "hyaluronidase")], ["hyaluronidase or trastuzumab"]),
    ],
)  # fmt: skip
def test_every_allergy_counts(allergies: list[Any], alarms: list[str]) -> None:
    """One recorded later, or on the same day, silences none."""
    many = [([*BASE, *allergies], NOTHING, 0), (BASE, NOTHING, 0)]
    found, other = compare(many, 140, SITES[0], "us", read_questions())
    words = [finding.words for finding in found["findings"] if finding.key == "allergy: recorded"]
    assert words == [f"an allergy to {substance} is recorded, and trastuzumab-iv holds it" for substance in alarms]
    acts = [finding for finding in found["findings"] if finding.words.startswith("an allergy to benzyl alcohol")]
    assert len(acts) == (TO_BENZYL_ALCOHOL in allergies)
    assert all(finding.origins for finding in found["findings"] if "allergy to" in finding.words)
    assert not [finding for finding in found["findings"] if finding.words.startswith("allergy:")]
    assert "allergy: recorded" not in {finding.key for finding in other["findings"]}


@settings(max_examples=20)
@given(patients(), st.lists(patients(), max_size=3), ON)
def test_who_else_is_in_the_batch_changes_nothing(one: Patient, others: list[Patient], on: int) -> None:
    rules = rules_of(on, SITES[0], "us", read_questions())
    alone = told(review_many([one], rules), 0)
    assert told(review_many([*others, one], rules), len(others)) == alone
    with as_many():
        assert told(review_many([one, *others], rules), 0) == alone


@settings(max_examples=30)
@given(patients().flatmap(lambda one: st.tuples(st.just(one), st.permutations(one[0]))), ON)
def test_the_order_of_a_record_changes_nothing(both: tuple[Patient, list[Any]], on: int) -> None:
    one, shuffled = both
    rules = rules_of(on, SITES[0], "us", EVERYTHING)
    many = review_many([one, (shuffled, *one[1:])], rules)
    assert told(many, 0) == told(many, 1)


@settings(max_examples=20)
@given(patients(0), st.lists(patients(0), max_size=1), st.integers(0, 900))
def test_a_later_event_changes_no_earlier_review(one: Patient, more: list[Patient], on: int) -> None:
    course, her2, first = one
    known = [event for event in course if event.day is None or event.day <= date(on)]
    later = [
        replace(event, day=date(on + 1 + place)) for other, _, _ in more for place, event in enumerate(other)
        if event.fact != "death_date"
    ]  # fmt: skip
    rules = Rules(default_knowledge(), Site(), date(on), "us")
    before, after = review_one(known, her2, first, rules), review_one([*known, *later], her2, first, rules)
    assert (after.values, after.outcomes, after.state) == (before.values, before.outcomes, before.state)


def test_nobody() -> None:
    rules = Rules(default_knowledge(), Site(), date(140), "us")
    with as_many():
        nobody = review_courses(columns_of([]), rules, her2_columns([]))
    assert all(not len(rows.patients) for rows in nobody.rows)
    (found,) = compare([([], NOTHING, None)], 140, SITES[0], "us", EVERYTHING)
    assert found["product"] is None
    assert set(NOTHING) == set(HER2)
