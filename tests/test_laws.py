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
from random_patients import records

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
    """The records that are tried lead to every verdict that there is but one that may not come."""
    seen: set[str] = set()

    @settings(max_examples=300, suppress_health_check=list(HealthCheck), deadline=None, derandomize=True)
    @given(made_of=ordered())
    def count(made_of: tuple[Record, dt.date]) -> None:
        found = look(*made_of)
        if found is not None:
            seen.update(verdict.verdict for verdict in found.course.verdicts)

    count()
    assert len(set(URGENCY) - seen) <= 1, set(URGENCY) - seen
