"""One patient and many: the same sayings, outcomes and facts, for random courses under random questions."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from course_makers import START, T, columns_of, date, dose, doses, lvef, made, treated
from her2path.facts.value import Interval, OneOf
from her2path.findings.answers import as_value
from her2path.findings.course import Courses, Standing
from her2path.findings.many import review_columns
from her2path.findings.questions import UNDETERMINED, Question, read_questions, read_sayings
from her2path.history.kinds import KINDS
from her2path.history.names import UNKNOWN
from her2path.record.event import Event, Record
from her2path.tables.load import default_knowledge
from her2path.tables.site import Site

HER2 = ("her2_status", "her2_expression", "tumour_site")
DECIDED = {outcome for edition in default_knowledge().editions for outcome in edition.tables}
OF_SPECIMENS = {
    outcome for edition in default_knowledge().editions if edition.topic == "her2-status" for outcome in edition.tables
}
ASKED = {question.outcome for question in read_questions()}
EVERYTHING = (
    *read_questions(),
    *(Question(outcome, 2) for outcome in sorted(DECIDED - ASKED - OF_SPECIMENS)),
)
"""The questions of the agenda, and after them every other outcome there is, always."""

Her2 = dict[str, str | None]


def background() -> list[str]:
    """The facts that a record may say and no fold reads."""
    facts = default_knowledge().facts
    return [name for name in facts if name not in KINDS and name not in DECIDED and name not in HER2 and name != "brand"]


@st.composite
def said(draw: st.DrawFn) -> Event:
    """Some fact of the background, on some day or on none."""
    facts = default_knowledge().facts
    name = draw(st.sampled_from(BACKGROUND))
    fact, day = facts[name], draw(st.none() | st.integers(0, 60).map(lambda n: 15 * n))
    if fact.kind == "date":
        return made(name, str(START - dt.timedelta(days=draw(st.integers(7000, 30000)))), day)
    if fact.is_number:
        low, high = fact.plausible.low, fact.plausible.high
        assert low is not None
        assert high is not None
        number = Decimal(draw(st.integers(0, 60))) + (low if low > -100 else 0)
        return made(name, draw(st.sampled_from([number, *fact.values])), day)
    return made(name, draw(st.sampled_from([*fact.values, "unreadable"])), day)


BACKGROUND = background()
LIKELY = [
    ("sex", "female"), ("sex", "male"), ("menopausal_status", "premenopausal"), ("menopausal_status", "postmenopausal"),
    ("er_status", "positive"), ("er_status", "negative"), ("pr_status", "positive"), ("pr_status", "negative"),
    ("hormone_receptor_status", "negative"), ("reproductive_potential", "yes"), ("birth_date", "1970-02-28"),
    ("birth_date", "1939-12-31"), ("age_years", 34), ("node_status", "positive"), ("stage", "2"), ("grade", "3"),
    ("tumour_size_mm", 25), ("pathological_response", "residual"), ("pdl1_cps", 1), ("diabetes", "yes"),
    ("payer_brand", "kanjinti"), ("breastfeeding", "yes"), ("infusion_reaction", "severe"),
]  # fmt: skip
BRANDS = st.sampled_from(["", "kanjinti", "ogivri", "herceptin", "kadcyla"])


@st.composite
def patients(draw: st.DrawFn) -> tuple[list[Event], Her2, int | None]:
    """A course with its background, what the specimens came to, and the day of the first result."""
    facts = default_knowledge().facts
    course = draw(treated())
    course = [replace(e, qualifier=draw(BRANDS)) if e.product else e for e in course]
    some = draw(st.lists(st.sampled_from([each for each in LIKELY if each[0] in facts]), max_size=8))
    course += [made(name, value, draw(st.sampled_from([None, 0, 30, 400]))) for name, value in some]
    course += draw(st.lists(said(), max_size=12))
    her2: Her2 = {name: draw(st.none() | st.sampled_from(facts[name].values)) for name in HER2}
    return course, her2, draw(st.none() | st.integers(-60, 200))


def of_one(course: list[Event], her2: Her2, first: int | None, courses: Courses) -> Standing:
    record = Record("p", course=list(course))
    record.sort()
    return courses.review(record, her2, None if first is None else date(first))


def her2_columns(many: Iterable[tuple[Any, Her2, int | None]]) -> dict[str, Any]:
    facts, listed = default_knowledge().facts, list(many)
    made: dict[str, Any] = {
        name: np.array([UNKNOWN if (each := her2[name]) is None else facts[name].values.index(each) for _, her2, _ in listed], np.int64)
        for name in HER2
    }  # fmt: skip
    made["first_result_day"] = np.array([UNKNOWN if day is None else date(day).toordinal() for *_, day in listed], np.int64)
    return made


def sayings_of(found: Standing) -> list[tuple[str, str]]:
    sayings = read_sayings()
    pairs = [
        (key.partition(" of ")[0], decision.value or UNDETERMINED) for key, decision in found.decisions.items()
    ]
    return sorted(pair for pair in pairs if pair in sayings)


def compare(
    many: list[tuple[list[Event], Her2, int | None]], on: int, site: Site, jurisdiction: str, questions: tuple[Question, ...]
) -> int:
    """Both ways agree in every saying, outcome and fact. How many patients were plain."""
    courses = Courses(default_knowledge(), site, date(on), jurisdiction)
    courses.questions = questions
    found = review_columns(columns_of([course for course, _, _ in many]), courses, her2_columns(many))
    not_plain = set(found.not_plain.tolist())
    for place, (course, her2, first) in enumerate(many):
        alone = of_one(course, her2, first, courses)
        if place in not_plain:
            continue
        values = values_of(found.facts, place, courses)
        keys = {question.key for question in questions}
        differing = {
            name: (alone.values.get(name), values.get(name))
            for name in {*alone.values, *values} - keys
            if name in courses.knowledge.facts and alone.values.get(name) != values.get(name)
        }
        assert not differing, differing
        outcomes = {key: value for key in keys if (value := values.get(key)) is not None}
        assert alone.outcomes == outcomes, set(alone.outcomes.items()) ^ set(outcomes.items())
        chosen = np.flatnonzero(found.patient == place)
        together = sorted((found.sayings[n].outcome, found.sayings[n].value) for n in found.saying[chosen])
        assert together == sayings_of(alone)
    return len(many) - len(not_plain)


def values_of(facts: Mapping[str, Any], place: int, courses: Courses) -> dict[str, Any]:
    """What the columns know of one patient, as values."""
    made: dict[str, Any] = {}
    for key, column in facts.items():
        name = key.partition(" of ")[0]
        fact = courses.knowledge.facts.get(name)
        if fact is None or (number := int(column[place])) == UNKNOWN:
            continue
        made[key] = dt.date.fromordinal(number).isoformat() if fact.kind == "date" else as_value(number, name, courses)
    return made


SITES = [Site(), Site(lvef_lower_limit=Decimal(55), echo_tolerance_days=0, t_dxd_available=False, preferred={T: "ogivri"})]


@settings(max_examples=60)
@given(st.lists(patients(), min_size=1, max_size=6), st.integers(0, 1000), st.sampled_from(SITES), st.sampled_from(["us", "eu"]))
def test_one_and_many_say_the_same(
    many: list[tuple[list[Event], Her2, int | None]], on: int, site: Site, jurisdiction: str
) -> None:
    compare(many, on, site, jurisdiction, read_questions())


@settings(max_examples=40)
@given(st.lists(patients(), min_size=1, max_size=6), st.integers(0, 1000), st.sampled_from(["us", "eu"]))
def test_one_and_many_agree_in_every_outcome_there_is(
    many: list[tuple[list[Event], Her2, int | None]], on: int, jurisdiction: str
) -> None:
    compare(many, on, SITES[0], jurisdiction, EVERYTHING)


NOTHING: Her2 = dict.fromkeys(HER2)
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
def test_one_and_many_at_the_corners(more: list[Event]) -> None:
    """Each corner beside a patient who differs in what she says."""
    other = [*BASE, made("age_years", 50, 3), made("hormone_receptor_status", "positive", 3)]
    for questions in (read_questions(), EVERYTHING):
        plain = compare([([*BASE, *more], NOTHING, 0), (other, NOTHING, None)], 140, SITES[0], "us", questions)
        assert plain == 2


def test_a_baseline_by_word_and_a_pregnancy_without_any_dose_are_alike() -> None:
    many = [([dose(3), lvef(30, 48), made("lvef_baseline", 70, 3)], NOTHING, None)]
    assert compare(many, 140, SITES[0], "us", EVERYTHING) == 1
    many = [([made("pregnant", "yes", 9), made("sex", "female", None)], NOTHING, None), (BASE, NOTHING, None)]
    assert compare(many, 140, SITES[0], "us", EVERYTHING) == 2


@pytest.mark.parametrize(
    "partly", [lvef(90, "50-55"), lvef(90, "< 50"), made("tumour_size_mm", "> 20", 3)], ids=lambda event: event.fact
)
def test_whoever_is_only_partly_known_is_left_to_the_review_of_one(partly: Event) -> None:
    assert isinstance(partly.value, Interval | OneOf)
    courses = Courses(default_knowledge(), Site(), date(140), "us")
    found = review_columns(columns_of([BASE, [*BASE, partly]]), courses, her2_columns([(0, NOTHING, None)] * 2))
    assert found.not_plain.tolist() == [1]


def test_whoever_contradicts_herself_on_one_day_is_left_to_the_review_of_one() -> None:
    differing = [made("er_status", "positive", 3), made("er_status", "negative", 3)]
    courses = Courses(default_knowledge(), Site(), date(140), "us")
    found = review_columns(columns_of([BASE, [*BASE, *differing]]), courses, her2_columns([(0, NOTHING, None)] * 2))
    assert found.not_plain.tolist() == [1]


@settings(max_examples=20)
@given(patients(), st.lists(patients(), max_size=3), st.integers(0, 1000))
def test_who_else_is_in_the_batch_changes_nothing(one: Any, others: list[Any], on: int) -> None:
    courses = Courses(default_knowledge(), Site(), date(on), "us")
    alone, among = (
        review_columns(columns_of([each[0] for each in batch]), courses, her2_columns(batch))
        for batch in ([one], [*others, one])
    )
    assume(0 not in alone.not_plain)
    place = len(others)
    mine = among.patient == place
    assert [among.sayings[n] for n in among.saying[mine]] == [alone.sayings[n] for n in alone.saying]
    assert values_of(among.facts, place, courses) == values_of(alone.facts, 0, courses)


@settings(max_examples=20)
@given(patients(), st.lists(patients(), max_size=1), st.integers(0, 900))
def test_a_later_event_changes_no_earlier_review(one: Any, more: list[Any], on: int) -> None:
    course, her2, first = one
    known = [event for event in course if event.day is None or event.day <= date(on)]
    later = [
        replace(event, day=date(on + 1 + place)) for other, _, _ in more for place, event in enumerate(other)
        if event.fact != "death_date"
    ]  # fmt: skip
    courses = Courses(default_knowledge(), Site(), date(on), "us")
    before, after = of_one(known, her2, first, courses), of_one([*known, *later], her2, first, courses)
    assert (after.values, after.outcomes, after.state) == (before.values, before.outcomes, before.state)


def test_nobody() -> None:
    courses = Courses(default_knowledge(), Site(), date(140), "us")
    assert len(review_columns(columns_of([]), courses, her2_columns([])).patient) == 0
    compare([([], NOTHING, None)], 140, SITES[0], "us", EVERYTHING)
