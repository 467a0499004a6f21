"""Courses of therapy in few words: events by day numbers, their state, and many of them as event columns."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from decimal import Decimal
from functools import cache
from typing import Any

import numpy as np
from hypothesis import strategies as st

from her2path.facts.value import Value
from her2path.findings.course import Courses
from her2path.history.kinds import METHODS
from her2path.history.names import UNKNOWN
from her2path.history.run import State, fold_one
from her2path.history.timeline import timeline_of
from her2path.record.columns import EventColumns
from her2path.record.event import Event
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
    return Event(fact, read, None if day is None else date(day), "", f"{fact}@{where}", product=product, qualifier=qualifier)


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
def courses(on: int = 4000, limit: int = 50, jurisdiction: str = "us") -> Courses:
    """The review of courses on a day, by the knowledge that ships."""
    return Courses(default_knowledge(), Site(lvef_lower_limit=Decimal(limit)), date(on), jurisdiction)


def state_of(course: Iterable[Event], on: int = 4000, limit: int = 50, jurisdiction: str = "us") -> State:
    """The state on a day, with days counted from `START`; unknown ones left out."""
    tables = courses(4000, limit, jurisdiction).heart_tables(True)
    state = fold_one(timeline_of(course).columns, ZERO + on, limit * 1000, tables)
    return {
        name: value - ZERO if name.endswith("_day") else value for name, value in state.items() if value != UNKNOWN
    }


def columns_of(many: Sequence[Iterable[Event]]) -> EventColumns:
    """The events of many patients as the columns that a reader of the long format makes."""
    facts: dict[str, int] = {}
    products: dict[str, int] = {}
    values: dict[tuple[str, str], int] = {}
    held: list[Value] = []
    brands = default_knowledge().facts["brand"].values
    rows: list[tuple[int, int, int, int, int, int]] = []
    starts = [0]
    for course in many:
        for event in course:
            key = (event.fact, f"{type(event.value).__name__} {event.value}")
            if key not in values:
                values[key] = len(held)
                held.append(event.value)
            rows.append((
                event.day.toordinal() if event.day else UNKNOWN, facts.setdefault(event.fact, len(facts)), values[key],
                products.setdefault(event.product, len(products)),
                METHODS.index(event.qualifier) if event.qualifier in METHODS else 0,
                brands.index(event.qualifier) if event.qualifier in brands else -1,
            ))  # fmt: skip
        starts.append(len(rows))
    table = np.array(rows, np.int64).reshape(len(rows), 6)
    day, fact, value, product, method, brand = (table[:, place] for place in range(6))
    return EventColumns(
        np.array(starts, np.int64), day, fact, value, product, method, list(facts) or [""], list(products) or [""],
        held or ["yes"], np.arange(len(rows)), brand,
    )  # fmt: skip


# -- random courses -----------------------------------------------------------------------------

PRODUCTS = st.sampled_from([T, T, T, SC, "phesgo", P, "t-dm1", "t-dxd", "zanidatamab", "margetuximab", "tucatinib", "lapatinib"])
CHEMOTHERAPY = st.sampled_from(["doxorubicin", "epirubicin", "paclitaxel", "docetaxel", "capecitabine", "letrozole", "pembrolizumab"])
TENTHS = st.integers(250, 800).map(lambda n: Decimal(n) / 10)
PERCENT = st.sampled_from([Decimal(n) for n in (38, 44, 45, 48, 49, 50, 51, 54, 55, 60, 65, 70)]) | TENTHS
DAYS = st.integers(0, 130).map(lambda n: 7 * n) | st.integers(0, 900)


@st.composite
def events(draw: st.DrawFn) -> Event:
    """An event that a fold reads, on one of 900 days."""
    day = draw(DAYS)
    kind = draw(st.sampled_from(["dose"] * 6 + ["lvef"] * 5 + ["given", "mg", "m2", "order", "weight", "height", *SAID]))
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
