"""The laws of a review over random records: orders, doses, switches, holds, reactions, entries that cannot be read."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from course_makers import T, date, made
from her2path.findings.plan.verdicts import URGENCY
from her2path.record.event import Record
from laws import look
from laws_of_entries import LAWS
from random_patients import coherent, records

ORDERED = st.sampled_from([T, T, "trastuzumab-sc", "phesgo", "t-dm1", "t-dxd", "pertuzumab"])


@st.composite
def ordered(draw: st.DrawFn) -> tuple[Record, dt.date]:
    """A record with a course, and often an order of the last days before the review."""
    record = draw(records())
    assume(record.course)
    on = date(draw(st.integers(10, 700)))
    course = list(record.course)
    if draw(st.booleans()):
        day = (on - date(0)).days - draw(st.integers(0, 5))
        amount = draw(st.sampled_from([420, 560, 252, 308, 600, 5600, 150]))
        course.append(made("ordered_mg", amount, day, draw(ORDERED)))
        if draw(st.booleans()):
            course.append(made("switch_intended", draw(st.sampled_from(["yes", "no"])), day))
    return replace(record, course=course), on


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
@settings(max_examples=40, suppress_health_check=list(HealthCheck), deadline=None)
@given(made_of=ordered())
def test_a_law_holds(law: Callable[[Record, dt.date], Iterator[str]], made_of: tuple[Record, dt.date]) -> None:
    record, on = made_of
    assert list(law(record, on)) == []


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
@settings(max_examples=30, suppress_health_check=list(HealthCheck), deadline=None)
@given(made_of=coherent())
def test_a_law_holds_of_a_course_as_it_should_be(
    law: Callable[[Record, dt.date], Iterator[str]], made_of: tuple[Record, dt.date]
) -> None:
    record, on = made_of
    assert list(law(record, on)) == []


@settings(max_examples=60, suppress_health_check=list(HealthCheck), deadline=None)
@given(made_of=coherent(most=0))
def test_a_course_that_nothing_disturbs_goes_on(made_of: tuple[Record, dt.date]) -> None:
    found = look(*made_of)
    assert found is not None
    assert found.first.verdict in ("GIVE", "NOTHING DUE")


def test_a_finding_of_an_order_is_told_among_as_many_facts_as_an_order_has() -> None:
    """Who tells a finding was looked up by comparing all facts of the patient with those of the order, which failed here."""
    background = {
        "birth_date": "1980-02-29", "age_years": 34, "prior_metastatic_endocrine_lines": 2, "dose_step_due": "first",
        "prior_trastuzumab_cardiotoxicity": "yes", "endocrine_suitable": "unreadable", "payer_brand": "kanjinti", "diabetes": "yes",
        "grade": "3", "infusion_reaction": "severe", "pr_status": "positive", "menopausal_status": "postmenopausal", "stage": "2",
    }  # fmt: skip
    dated = {"age_years": 3, "payer_brand": 0, "grade": 30, "pr_status": 30, "menopausal_status": 30, "stage": 0}
    course = [
        made("switch_intended", "no", 241), made("ordered_mg", 560, 241, "t-dm1"),
        *(made(name, value, dated.get(name)) for name, value in background.items()),
        made("dose_mg_per_kg", 6, 176, "phesgo", "herceptin"),
    ]  # fmt: skip
    found = look(Record("p", "p", course=course), date(243))
    assert found is not None
    assert found.first.verdict == "STOP"


def test_the_laws_are_put_to_work() -> None:
    """The records that are tried lead to every verdict that there is; those of a course as it should be to GIVE."""
    seen: set[str] = set()
    given_too: list[str] = []

    @settings(max_examples=300, suppress_health_check=list(HealthCheck), deadline=None, derandomize=True)
    @given(made_of=ordered())
    def count(made_of: tuple[Record, dt.date]) -> None:
        found = look(*made_of)
        if found is not None:
            seen.update(verdict.verdict for verdict in found.course.verdicts)

    @settings(max_examples=100, suppress_health_check=list(HealthCheck), deadline=None, derandomize=True)
    @given(made_of=coherent())
    def count_coherent(made_of: tuple[Record, dt.date]) -> None:
        found = look(*made_of)
        assert found is not None
        given_too.append(found.first.verdict)

    count()
    count_coherent()
    assert set(URGENCY) - seen - set(given_too) == set()
    assert given_too.count("GIVE") > 10
    assert {"STOP", "HOLD", "GIVE"} <= set(given_too)


def test_an_lvef_without_a_day_beside_a_baseline_of_which_only_limits_are_known() -> None:
    """The fall was counted from the place at which the limits are kept, which broke off the review."""
    course = [made("lvef_baseline", "60-65", 5), made("lvef", 61, None), *(made("dose_mg_per_kg", 6, n, T) for n in (10, 31))]
    found = look(Record("p", "p", course=course), date(50))
    assert found is not None
    assert found.first.verdict == "ASK FIRST"
