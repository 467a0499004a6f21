"""What a record says at its edges: on the day of the review, twice on a day, without a day, in part, or after it."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from course_makers import (
    NOTHING,
    START,
    P,
    T,
    columns_of,
    date,
    dose,
    doses,
    her2_columns,
    latest_values,
    lvef,
    made,
    review_many,
    rules,
)
from her2path.findings.course.answers import FEW, Asker
from her2path.findings.course.facts import facts_of
from her2path.findings.course.rules import Rules
from her2path.findings.finding import Finding
from her2path.findings.patient import Reviewer
from her2path.findings.settings import Settings
from her2path.history.names import UNKNOWN
from her2path.history.numbered import Numbered
from her2path.record.event import STATEMENT, Event, Record
from her2path.tables.load import default_knowledge
from her2path.tables.site import Site

BASE = [made("setting", "adjuvant", -9), lvef(-7, 65), *doses(0, 84)]


def known(course: list[Event], on: int) -> dict[str, Any]:
    """The facts of one course on a day, before any question is asked."""
    by = rules(on)
    found, facts = facts_of(columns_of([course]), by, her2_columns([(NOTHING, None)])), by.knowledge.facts
    return {
        name: found.numbered.value(int(column[0]), facts[name])
        for name, column in found.values.items()
        if name in facts and int(column[0]) != UNKNOWN
    }


def findings(course: list[Event], on: int, by: Rules | None = None) -> list[Finding]:
    return review_many([(course, NOTHING, None)], by or rules(on)).findings(0)


def said(course: list[Event], on: int, *parts: str, by: Rules | None = None) -> list[Finding]:
    """The findings of a course whose words hold all the parts."""
    return [each for each in findings(course, on, by) if all(part in each.words for part in parts)]


# -- the latest value ---------------------------------------------------------------------------


def test_what_is_told_on_the_day_of_the_review_counts() -> None:
    grades = [made("grade", "2", 5), made("grade", "3", 9)]
    assert [latest_values(grades, on)[0].get("grade") for on in (4, 5, 8, 9)] == [None, "2", "2", "3"]


def test_who_died_on_the_day_of_the_review_is_dead_and_the_day_before_nobody_knew() -> None:
    death = made("death_date", str(date(70)), None)
    assert [latest_values([death], on)[0].get("death_date") for on in (69, 70)] == [None, str(date(70))]
    assert [known([*BASE, death], on)["alive"] for on in (69, 70)] == ["yes", "no"]


# -- facts --------------------------------------------------------------------------------------


@pytest.mark.parametrize(("now", "below"), [("49.9", "yes"), (50, "no"), ("50.1", "no")])
def test_an_lvef_at_the_lower_limit_is_not_below_it(now: Any, below: str) -> None:
    assert known([*BASE, lvef(100, now)], 101)["lvef_below_limit"] == below


@pytest.mark.parametrize(
    ("er", "pr", "status"),
    [("positive", "negative", "positive"), ("negative", "positive", "positive"), ("positive", None, "positive"),
     ("negative", "negative", "negative"), ("negative", None, None)],
)  # fmt: skip
def test_one_positive_receptor_is_enough_and_a_negative_one_is_not(er: str, pr: str | None, status: str | None) -> None:
    course = [made("er_status", er, -9), *([made("pr_status", pr, -9)] if pr else [])]
    assert known([*BASE, *course], 90).get("hormone_receptor_status") == status


def test_of_doses_on_unknown_days_alone_nobody_knows_where_the_course_stands() -> None:
    undated = made("dose_mg", 420, None, T)
    assert "therapy_phase" not in known([undated], 90)
    assert known([], 90)["therapy_phase"] == "before start"
    assert known([undated, *BASE], 90)["therapy_phase"] == "on treatment"
    assert len(said([undated], 90, "trastuzumab-iv was given on days that are not recorded")) == 1


def test_a_dose_that_is_only_stated_leaves_it_open_and_one_recorded_too_does_not() -> None:
    recorded = made("dose_given", "yes", 84, T)
    stated = replace(recorded, note=f"{STATEMENT}")
    course = [lvef(-7, 65), *doses(0, 63)]
    assert "therapy_phase" not in known([*course, stated], 90)
    assert known([*course, stated, recorded], 90)["therapy_phase"] == "on treatment"


def test_the_brand_of_todays_dose_is_the_brand_in_hand() -> None:
    course = [dose(0, brand="ogivri"), dose(21, brand="kanjinti"), dose(42, brand="ogivri")]
    assert [known(course, on)["brand"] for on in (20, 21, 41, 42)] == ["ogivri", "kanjinti", "kanjinti", "ogivri"]


def test_the_labels_are_for_adults() -> None:
    """She was born on 2006-01-10: of age on day 9."""
    course = [made("birth_date", "2006-01-10", None), dose(0)]
    assert [known(course, on)["age_years"] for on in (8, 9)] == [17, 18]
    assert [len([each for each in findings(course, on) if "adult" in each.words]) for on in (8, 9)] == [1, 0]


# -- questions ----------------------------------------------------------------------------------


def test_a_table_takes_what_the_record_says_and_a_condition_what_a_table_made_of_it() -> None:
    """Both where both are there; the one there is where the other is not."""
    facts, outcomes = np.array([0, 0, UNKNOWN, UNKNOWN]), np.array([1, UNKNOWN, 1, UNKNOWN])
    asker = Asker(rules(), Numbered(default_knowledge().facts), {"pregnant": facts}, 4)
    asker.outcomes["pregnant"] = outcomes
    read, meant = asker.input("pregnant"), asker.value("pregnant")
    assert read is not None
    assert meant is not None
    assert read.tolist() == [0, 0, 1, UNKNOWN]
    assert meant.tolist() == [1, 0, 1, UNKNOWN]


@pytest.mark.parametrize(
    ("now", "decided"), [(49, "hold"), (50, "continue"), ("49.999", "hold"), (54, "hold"), ("54.001", "continue")]
)
def test_a_number_at_a_cut_is_decided_alike_alone_and_among_many(now: Any, decided: str) -> None:
    """65 to 49 is a fall of 16; with a baseline of 70, 54 is one too. 50 is the lower limit."""
    course = [made("setting", "adjuvant", -9), lvef(-7, 70 if Decimal(now) > 53 else 65), *doses(0, 84), lvef(100, now)]
    alone = review_many([(course, NOTHING, None)], rules(101))
    many = review_many([(course, NOTHING, None)] * (FEW + 1), rules(101))
    assert alone.standing(0).outcomes["cardiac_action"] == decided
    assert many.standing(FEW).outcomes == alone.standing(0).outcomes
    assert many.findings(FEW) == alone.findings(0)


# -- doubts -------------------------------------------------------------------------------------


def test_entries_after_the_day_are_told_once_with_their_number_and_the_first_three() -> None:
    one, five = [*BASE, dose(105)], [*BASE, *doses(105, 189)]
    (alone,) = said(one, 90, "dated after")
    assert alone.words.startswith("1 entry of the course")
    (together,) = said(five, 90, "dated after")
    assert together.words.startswith("5 entries of the course")
    assert len(together.origins) == 3


def test_an_lvef_that_cannot_be_read_beside_one_of_the_same_day_takes_nothing_from_it() -> None:
    unread = made("lvef", "good", 80)
    assert len(said([*BASE, lvef(80, 60), unread], 90, "could not be read")) == 0
    (told,) = said([*BASE, lvef(79, 60), unread], 90, "could not be read")
    assert f"the heart is judged by that of {date(79)}" in told.words


@pytest.mark.parametrize(
    ("baseline", "now", "told"), [("MUGA", "echo", 1), ("", "echo", 0), ("MUGA", "", 0), ("echo", "echo", 0)]
)
def test_methods_differ_only_where_both_are_told(baseline: str, now: str, told: int) -> None:
    course = [lvef(-7, 65, baseline), *doses(0, 63), lvef(80, 62, now)]
    assert len(said(course, 90, "methods differ")) == told


def test_todays_dose_is_in_the_cost_so_far_and_tomorrows_is_not() -> None:
    """420 mg at 1.25 a mg are 525.00."""
    site = Site(lvef_lower_limit=Decimal(50), prices={"kanjinti": Decimal("1.25")}, currency="EUR")
    course = [made("dose_mg", 420, day, T, "kanjinti") for day in (0, 21, 42)]
    for on, cost in ((20, "525.00"), (21, "1050.00"), (42, "1575.00")):
        by = Rules(default_knowledge(), site, date(on), "us")
        assert len(said(course, on, f"the doses given so far cost {cost} EUR", by=by)) == 1, on


def test_the_cycle_of_so_many_is_counted_by_its_own_label() -> None:
    course = [made("setting", "adjuvant", -9), lvef(-7, 65), *doses(0, 42, product="t-dm1", per_kg="3.6")]
    assert len(said(course, 50, "cycle 3 of 14 of t-dm1 was the last")) == 1


def test_a_partner_and_a_second_product_on_one_day() -> None:
    """Pertuzumab beside trastuzumab is said by nobody; T-DM1 beside it is a doubt."""
    for product, told in ((P, 0), ("t-dm1", 1)):
        course = [*BASE, made("dose_given", "yes", 84, product)]
        assert len([each for each in findings(course, 90) if each.key.startswith("record_doubt: two products")]) == told


@pytest.mark.parametrize(
    ("baseline", "undated", "grade"),
    [("60-65", Decimal(61), "act"), ("60-65", Decimal(44), "act"), (64, Decimal("49.9995"), "act"), (64, Decimal(61), "missing")],
)
def test_an_lvef_without_a_day_beside_a_baseline_known_in_part(baseline, undated, grade) -> None:
    """How far it has fallen is not known then, so it may be low; of four decimals it is as low as it says."""
    record = Record("p", "x", events=[Event("ihc_score", "3+", START, "", "x")])
    record.course = [*doses(0, 100), made("lvef_baseline", baseline, 0), made("lvef", undated, None)]
    review = Reviewer(default_knowledge(), Settings(START + dt.timedelta(days=120))).review(record)
    (said,) = [finding for finding in review.every_finding() if "lvef" in finding.words and "has no date" in finding.words]
    assert said.grade.word == grade
