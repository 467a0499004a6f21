"""Courses of therapy in few words: events by day numbers, their state, their review, and many of them as columns."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from functools import cache
from typing import Any

import numpy as np
from hypothesis import strategies as st

from her2path.facts.value import Value
from her2path.findings.course.review import Courses, review_courses
from her2path.findings.course.rules import Rules
from her2path.findings.course.standing import Standing
from her2path.history.folds.run import fold
from her2path.history.latest import Latest, latest_of
from her2path.history.numbered import Numbered
from her2path.history.timeline import Timeline
from her2path.history.timeline import timeline_of as timeline_of_columns
from her2path.record import columns as record_columns
from her2path.record.columns import UNKNOWN, RecordColumns
from her2path.record.event import Event, Record
from her2path.tables.load import default_knowledge
from her2path.tables.site import Site

START = dt.date(2024, 1, 1)
ZERO = START.toordinal()
"""Day 0 of every course made here."""
T, SC, P = "trastuzumab-iv", "trastuzumab-sc", "pertuzumab"


def date(day: int) -> dt.date:
    return START + dt.timedelta(days=day)


def made(fact: str, value: Any, day: int | None, product: str = "", qualifier: str = "") -> Event:
    """An event, its value read as a reader reads it."""
    raw = Decimal(value) if isinstance(value, int) and not isinstance(value, bool) else value
    read: Value = default_knowledge().facts[fact].coerce(raw)
    where = "" if day is None else date(day)
    return Event(
        fact, read, None if day is None else date(day), "", f"{fact}@{where}", product=product, qualifier=qualifier
    )


def dose(day: int, product: str = T, per_kg: Any = 6, brand: str = "") -> Event:
    return made("dose_mg_per_kg", per_kg, day, product, brand)


def doses(first: int, last: int, every: int = 21, product: str = T, per_kg: Any = 6) -> list[Event]:
    """Doses from a day to a day, both included."""
    return [dose(day, product, per_kg) for day in range(first, last + 1, every)]


def given(day: int, product: str = T) -> Event:
    """A dose of which the amount is unknown."""
    return made("dose_given", "yes", day, product)


def lvef(day: int, value: Any, method: str = "") -> Event:
    return made("lvef", value, day, qualifier=method)


@cache
def rules(on: int = 4000, limit: int = 50, jurisdiction: str = "us") -> Rules:
    """The rules of a day, by the knowledge that ships."""
    return Rules(default_knowledge(), Site(lvef_lower_limit=Decimal(limit)), date(on), jurisdiction)


def columns_of(many: Iterable[Iterable[Event]]) -> RecordColumns:
    """The courses of many patients as columns."""
    return record_columns.columns_of(
        Record(f"p{place}", f"p{place}", course=list(course)) for place, course in enumerate(many)
    )


def timeline_of(course: Iterable[Event]) -> Timeline:
    """The timeline of one course."""
    return timeline_of_columns(columns_of([course]))


def state_on(course: Iterable[Event], on: int, limit: int, by: Rules) -> dict[str, int]:
    """What the folds leave of one course on a day (an ordinal) by a limit in thousandths."""
    state = fold(timeline_of(course), on, limit, by.heart_tables, by.codes, compiled=False).state
    return {name: int(column[0]) for name, column in state.items()}


def state_of(course: Iterable[Event], on: int = 4000, limit: int = 50, jurisdiction: str = "us") -> dict[str, int]:
    """The state on a day, with days counted from `START`; unknown ones left out."""
    state = state_on(course, ZERO + on, limit * 1000, rules(4000, limit, jurisdiction))
    return {name: value - ZERO if name.endswith("_day") else value for name, value in state.items() if value != UNKNOWN}


def latest_values(course: Iterable[Event], on: int) -> tuple[dict[str, Value], Latest]:
    """The latest value of each fact of one course that no fold reads, and the columns they were read from."""
    facts, record = default_knowledge().facts, columns_of([course])
    numbered = Numbered(facts)
    latest = latest_of(record, facts, numbered, ZERO + on)
    values: dict[str, Value] = {
        name: latest.unread[name][0] if name in latest.unread else numbered.value(int(column[0]), facts[name])
        for name, column in latest.values.items()
    }  # fmt: skip
    return values, latest


HER2 = ("her2_status", "her2_expression", "tumour_site")
"""What the specimens come to, for the review of a course."""
Her2 = Mapping[str, str | None]
Patient = tuple[list[Event], Her2, int | None]
"""A course, what her specimens came to, and the day of the first result."""
NOTHING: Her2 = dict.fromkeys(HER2)


def her2_columns(many: Sequence[tuple[Her2, int | None]]) -> dict[str, Any]:
    """What the specimens of many patients came to, as columns."""
    facts = default_knowledge().facts
    made: dict[str, Any] = {
        name: np.array([UNKNOWN if (word := her2.get(name)) is None else facts[name].values.index(word) for her2, _ in many], np.int64)
        for name in HER2
    }  # fmt: skip
    days = [UNKNOWN if day is None else date(day).toordinal() for _, day in many]
    return made | {"first_result_day": np.array(days, np.int64)}


def review_many(many: Sequence[Patient], by: Rules) -> Courses:
    """The courses of many patients, reviewed as one batch."""
    return review_courses(columns_of([course for course, _, _ in many]), by, her2_columns([each[1:] for each in many]))


def review_one(course: Iterable[Event], her2: Her2, first: int | None, by: Rules) -> Standing:
    """The course of one patient, reviewed as a batch of one."""
    return review_many([(list(course), her2, first)], by).standing(0)


# -- random courses -----------------------------------------------------------------------------

PRODUCTS = st.sampled_from(
    [T, T, T, SC, "phesgo", P, "t-dm1", "t-dxd", "zanidatamab", "margetuximab", "tucatinib", "lapatinib"]
)
CHEMOTHERAPY = st.sampled_from(
    ["doxorubicin", "epirubicin", "paclitaxel", "docetaxel", "capecitabine", "letrozole", "pembrolizumab"]
)
TENTHS = st.integers(250, 800).map(lambda n: Decimal(n) / 10)
PERCENT = st.sampled_from([Decimal(n) for n in (38, 44, 45, 48, 49, 50, 51, 54, 55, 60, 65, 70)]) | TENTHS
DAYS = st.integers(0, 130).map(lambda n: 7 * n) | st.integers(0, 900)


@st.composite
def events(draw: st.DrawFn) -> Event:
    """An event that a fold reads, on one of 900 days."""
    day = draw(DAYS)
    kind = draw(
        st.sampled_from(["dose"] * 6 + ["lvef"] * 5 + ["given", "mg", "m2", "order", "weight", "height", *SAID])
    )
    if kind == "dose":
        return dose(day, draw(PRODUCTS), draw(st.sampled_from([2, 4, 6, 8])))
    if kind == "lvef":
        return lvef(day, draw(PERCENT), draw(st.sampled_from(["", "echo", "MUGA"])))
    if kind == "given":
        return made("dose_given", draw(st.sampled_from(["yes", "no"])), day, draw(PRODUCTS))
    if kind == "mg":
        return made("dose_mg", draw(st.sampled_from([150, 420, 450, 600])), day, draw(PRODUCTS))
    if kind == "m2":
        return made("dose_mg_per_m2", draw(st.sampled_from([60, 75, 100])), day, draw(CHEMOTHERAPY))
    if kind == "order":
        return made("ordered_mg", 450, day, draw(PRODUCTS | CHEMOTHERAPY))
    if kind == "weight":
        return made("weight_kg", draw(st.integers(45, 99)), day)
    if kind == "height":
        return made("height_cm", draw(st.integers(150, 180)), day)
    return made(kind, draw(st.sampled_from(SAID[kind])), day)


SAID = {
    "heart_failure": ["yes", "no"], "setting": ["neoadjuvant", "adjuvant", "metastatic"], "progression": ["yes", "no"],
    "surgery_done": ["yes"], "pregnant": ["yes", "no"], "pregnancy_test": ["positive", "negative"],
    "hold_recorded": ["cardiac", "other", "resumed"], "stop_recorded": ["cardiac", "progression", "complete", "other"],
}  # fmt: skip


@st.composite
def treated(draw: st.DrawFn) -> list[Event]:
    """A course: some regular doses with LVEFs between them, and anything else."""
    some = draw(st.lists(events(), max_size=14))
    if draw(st.booleans()):
        product, first = draw(PRODUCTS), draw(st.integers(1, 60))
        some += doses(first, first + 21 * draw(st.integers(1, 16)), product=product)
        some += [lvef(0, draw(PERCENT))]
        some += [lvef(first + 14 * draw(st.integers(1, 30)), draw(PERCENT)) for _ in range(draw(st.integers(0, 8)))]
    return draw(st.permutations(some))
