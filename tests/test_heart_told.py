"""A low LVEF is told of every product in every phase, with the rule of its label or that there is none; and what goes with it."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import product as every
from pathlib import Path
from shutil import copytree

import numpy as np
import pytest

from course_makers import ZERO, columns_of, date, dose, lvef, made, rules
from her2path.facts.folder import shipped_folder
from her2path.findings.answered import prove_answered, unanswered
from her2path.findings.course.review import Courses, review_courses
from her2path.findings.finding import Finding
from her2path.findings.plan.items import plan_of
from her2path.history.clocks import echo_clock, shortest_span, span
from her2path.record.columns import UNKNOWN
from her2path.record.event import Event
from her2path.tables.library import Knowledge
from her2path.tables.load import default_knowledge, read_knowledge

PRODUCTS = default_knowledge().facts["product"].values
ON = 79
PHASES = ("before the start", "on treatment", "held by the record", "after")
CLINICIAN = "cardiologist"


def reviewed(*courses: Iterable[Event], on: int = ON, jurisdiction: str = "us") -> Courses:
    many = columns_of(courses)
    return review_courses(many, rules(on, 50, jurisdiction), {"her2_status": np.zeros(len(many), np.int64)})


def told(*course: Event, on: int = ON, jurisdiction: str = "us") -> dict[str, Finding]:
    """The findings of one course by their keys."""
    return {found.key or found.words: found for found in reviewed(course, on=on, jurisdiction=jurisdiction).findings(0)}


def given(product: str, last: int = 63) -> list[Event]:
    return [made("dose_mg", 100, day, product) for day in range(0, last + 1, 21)]


def course_of(product: str, setting: str, baseline: int, now: int, phase: str) -> list[Event]:
    course = [made("setting", setting, -20), made("weight_kg", 70, -7)]
    if phase == "before the start":
        return [*course, lvef(ON - 5, now), made("ordered_mg", 100, ON - 1, product)]
    course += [lvef(-7, baseline), *given(product)]
    if phase == "held by the record":
        return [*course, lvef(70, now), made("hold_recorded", "cardiac", 75)]
    if phase == "after":
        return [*course, made("stop_recorded", "complete", 66), lvef(70, now)]
    return [*course, lvef(70, now)]


VALUES = [(56, 48), (56, 49), (57, 50), (60, 50), (60, 51), (70, 54), (70, 55), (60, 39), (52, 44), (75, 50), (45, 44)]


@pytest.mark.parametrize("jurisdiction", ["us", "eu"])
@pytest.mark.parametrize("phase", PHASES)
def test_a_low_or_fallen_lvef_is_told_whatever_the_product(phase: str, jurisdiction: str) -> None:
    """And told with its number; where it is neither low nor fallen by 10, nothing is said of it that asks for it."""
    asked = list(every(PRODUCTS, ("adjuvant", "metastatic"), VALUES))
    courses = reviewed(*(course_of(p, s, *v, phase) for p, s, v in asked), jurisdiction=jurisdiction)
    count = 0
    for place, (product, setting, (baseline, now)) in enumerate(asked):
        fall = 0 if phase == "before the start" else baseline - now
        listed = [found for found in courses.findings(place) if f"{now} %" in found.words]
        if now < 50 or fall >= 10:
            assert listed, (product, setting, baseline, now, [each.key for each in courses.findings(place)])
            count += 1
        else:
            assert not [each.key for each in listed if each.key.startswith("low_lvef")], (product, baseline, now)
    assert count > 100


@pytest.mark.parametrize("jurisdiction", ["us", "eu"])
def test_it_is_told_once(jurisdiction: str) -> None:
    """Where the rule of the heart holds or stops, its finding says it, and nothing else does."""
    asked = list(every(PRODUCTS, ("adjuvant", "metastatic"), VALUES))
    courses = reviewed(*(course_of(p, s, *v, "on treatment") for p, s, v in asked), jurisdiction=jurisdiction)
    for place in range(len(asked)):
        keys = [found.key for found in courses.findings(place)]
        rule = [key for key in keys if key.startswith(("cardiac_action: ", "stop_stands"))]
        low = [key for key in keys if key.startswith("low_lvef")]
        assert len(rule) + len(low) <= 1, keys


@pytest.mark.parametrize(("values", "told_of"), [((48, 62), "48"), ((62, 48), "48"), ((50, 62), ""), ((62,), "")])
def test_beside_doses_on_unknown_days_the_lowest_of_the_last_day_is_told(values: tuple[int, ...], told_of: str) -> None:
    undated = [made("dose_mg", 450, None, "trastuzumab-iv"), *(lvef(9, value) for value in values)]
    found = told(*undated, on=10).get("lvef: beside unread therapy")
    assert (found is not None) == bool(told_of)
    if found is not None:
        assert found.grade.word == "act"
        assert f"is {told_of} %" in found.words


@pytest.mark.parametrize(
    ("baseline", "now", "key"),
    [
        (56, 48, "low_lvef: no rule"), (57, 48, "low_lvef: no rule"), (58, 48, "cardiac_action: hold"), (56, 50, ""),
        (59, 50, ""), (60, 50, "low_lvef: fallen and the label gives the dose"),
        (65, 50, "low_lvef: fallen and the label gives the dose"), (66, 50, "cardiac_action: hold"),
    ],
)  # fmt: skip
def test_a_point_to_either_side(baseline: int, now: int, key: str) -> None:
    found = told(*course_of("trastuzumab-iv", "metastatic", baseline, now, "on treatment"))
    assert [each for each in found if each.startswith(("low_lvef", "cardiac_action"))] == ([key] if key else [])


@pytest.mark.parametrize("jurisdiction", ["us", "eu"])
@pytest.mark.parametrize("product", ["trastuzumab-iv", "trastuzumab-sc", "zanidatamab", "tucatinib", "neratinib"])
def test_without_a_rule_the_next_dose_waits_for_the_cardiologist(product: str, jurisdiction: str) -> None:
    courses = reviewed(course_of(product, "metastatic", 56, 48, "on treatment"), jurisdiction=jurisdiction)
    (rows,) = (each for each in courses.rows if each.saying.outcome == "low_lvef" and len(each.patients))
    assert [(str(each.strength.words), each.scope) for each in rows.saying.effects] == [("gates", "all")]
    (found,) = (each for each in courses.findings(0) if each.key == "low_lvef: no rule")
    assert CLINICIAN in found.do
    assert "repeat LVEF early" in found.do
    assert found.remark
    repeat = [item for item in plan_of(courses.standing(0)) if item.kind == "echo"]
    assert [(str(each.earliest), str(each.latest)) for each in repeat] == [(str(date(112)), str(date(126)))]


@pytest.mark.parametrize(
    ("product", "setting", "jurisdiction", "now", "value"),
    [
        ("trastuzumab-iv", "adjuvant", "us", 47, "below what was studied"), ("trastuzumab-iv", "adjuvant", "us", 50, ""),
        ("trastuzumab-iv", "metastatic", "us", 47, "below the limit"),
        ("trastuzumab-iv", "adjuvant", "eu", 47, "below what was studied"),
        ("trastuzumab-iv", "adjuvant", "eu", 54, "below what was studied"), ("trastuzumab-iv", "adjuvant", "eu", 55, "caution"),
        ("trastuzumab-iv", "adjuvant", "eu", 56, ""), ("trastuzumab-sc", "adjuvant", "eu", 54, "below what was studied"),
        ("phesgo", "adjuvant", "us", 49, "below what was studied"), ("t-dm1", "metastatic", "us", 49, "below what was studied"),
        ("t-dm1", "metastatic", "us", 50, ""), ("zanidatamab", "metastatic", "us", 49, "below what was studied"),
        ("tucatinib", "metastatic", "eu", 49, "below the limit"), ("lapatinib", "metastatic", "us", 50, ""),
    ],
)  # fmt: skip
def test_before_the_first_dose_it_is_judged_for_what_is_ordered(
    product: str, setting: str, jurisdiction: str, now: int, value: str
) -> None:
    found = told(*course_of(product, setting, 0, now, "before the start"), jurisdiction=jurisdiction)
    keys = [key for key in found if key.startswith("low_start")]
    assert keys == ([f"low_start of {product}: {value}"] if value else [])
    if value.startswith("below"):
        assert "before the first dose" in found[keys[0]].do
        assert product in found[keys[0]].words


def test_before_the_start_without_an_order_it_is_told_too() -> None:
    course = [made("setting", "adjuvant", -20), lvef(70, 49)]
    assert "lvef_before_start: low" in told(*course)
    assert "lvef_before_start: low" not in told(*course[:1], lvef(70, 50))


def test_before_the_start_a_low_lvef_that_is_denied_is_told() -> None:
    """The record says that 43.6 % is not below the limit: then that is not settled, and not silence."""
    course = [lvef(60, "43.6"), made("lvef_below_limit", "no", 60), made("weight_kg", 70, 60)]
    found = told(*course)
    assert found["lvef_before_start: undetermined"].grade.word == "act"
    assert "43.6 %" in found["lvef_before_start: undetermined"].words
    assert "lvef_before_start: undetermined" not in told(lvef(60, 55), *course[2:])


def test_a_baseline_that_is_missing_silences_nothing() -> None:
    found = told(made("setting", "adjuvant", -20), *given("trastuzumab-iv"), lvef(70, 48))
    assert found["low_lvef: undetermined"].grade.word == "act"
    assert ("lvef_baseline",) in found["low_lvef: undetermined"].settle


# -- holds and stops ----------------------------------------------------------------------------

HELD = [made("setting", "metastatic", -20), lvef(-7, 65), *given("trastuzumab-iv"), lvef(64, 48)]


@pytest.mark.parametrize(
    ("day", "now", "key"),
    [
        (120, 60, "cardiac_action: resume"), (121, 60, "cardiac_action: clinician decides"),
        (200, 60, "cardiac_action: clinician decides"), (121, 48, "cardiac_action: stop"),
    ],
)  # fmt: skip
def test_recovery_shown_late_is_a_gap_and_persistent_decline_a_stop(day: int, now: int, key: str) -> None:
    found = told(*HELD, lvef(day, now), on=day + 1)
    assert key in found
    if "clinician" in key:
        assert "no rule" in found[key].remark
        assert CLINICIAN in found[key].do
        assert "stopped" not in " ".join(found)


def test_after_a_late_recovery_the_next_dose_closes_the_hold() -> None:
    courses = reviewed([*HELD, lvef(121, 60), dose(130)], on=131)
    state = courses.standing(0).state
    assert (state["on_hold"], state["holds"], state["doses_in_hold"], state["doses_after_stop"]) == (0, 1, 0, 0)


@pytest.mark.parametrize(
    ("product", "lvefs"),
    [("trastuzumab-iv", [(64, 48), (121, 48), (150, 60)]), ("t-dm1", [(64, 38), (80, 38), (110, 60)])],
)
def test_a_stop_stands_whatever_comes_after_it(product: str, lvefs: list[tuple[int, int]]) -> None:
    course = [made("setting", "metastatic", -20), lvef(-7, 65), *given(product), *(lvef(*each) for each in lvefs)]
    found = told(*course, on=160)
    assert found["stop_stands: met earlier"].grade.word == "alarm"
    assert "60 %" in found["stop_stands: met earlier"].words
    assert not [key for key in found if key.startswith("cardiac_action")]
    standing = reviewed(course, on=160).standing(0)
    assert standing.state["may_resume"] == 0
    assert not [item for item in plan_of(standing) if item.kind == "dose"]


def recorded(first: int, resumed: int) -> list[Event]:
    """A hold that the record calls cardiac, and the dose after it."""
    return [made("hold_recorded", "cardiac", first), made("hold_recorded", "resumed", resumed), dose(resumed + 1)]


def test_holds_that_no_lvef_asked_for_do_not_count_towards_more_than_three() -> None:
    course = [made("setting", "metastatic", -20), lvef(-7, 65)]
    for place in range(4):
        first = 100 * place
        course += [dose(first), lvef(first + 20, 62), *recorded(first + 25, first + 40)]
    state = reviewed(course, on=400).standing(0).state
    assert (state["holds"], state["holds_not_asked"]) == (0, 4)
    found = told(*course, dose(400), lvef(410, 48), on=412)
    assert "cardiac_action: hold" in found
    assert any("did not ask: 4; not counted" in words for words in found)


@pytest.mark.parametrize(("now", "holds"), [(48, 1), (55, 0), (None, 1)])
def test_a_recorded_hold_counts_by_the_lvef_before_it(now: int | None, holds: int) -> None:
    """Low (65 to 48) it asked for it; normal it did not; without one of these days the record is believed."""
    course = [lvef(-100, 65), *given("trastuzumab-iv"), *([lvef(64, now)] if now else []), *recorded(70, 98)]
    assert reviewed(course, on=100).standing(0).state["holds"] == holds


def test_an_open_hold_that_no_lvef_asked_for_becomes_one_with_the_first_that_does() -> None:
    course = [lvef(-7, 65), *given("trastuzumab-iv"), lvef(64, 60), made("hold_recorded", "cardiac", 70)]
    state = reviewed(course, on=75).standing(0).state
    assert (state["on_hold"], state["hold_not_asked"], state["may_resume"]) == (1, 1, 1)
    (found,) = (each for each in told(*course, on=75).values() if "did not ask for it" in each.words)
    assert str(date(70)) in found.words
    state = reviewed([*course, lvef(80, 48)], on=82).standing(0).state
    assert (state["on_hold"], state["hold_not_asked"], state["hold_day"]) == (1, 0, ZERO + 80)
    assert "cardiac_action: hold" in told(*course, lvef(80, 48), on=82)


# -- deadlines and the age of a baseline --------------------------------------------------------


def test_within_is_a_deadline_and_no_window() -> None:
    assert span("within 3 weeks") == span("3 weeks") == (21, 0)
    assert shortest_span("within 3 weeks") == (0, 0)
    assert shortest_span("6 to 8 weeks") == (42, 0)
    words = ("3 weeks", "within 3 weeks")
    day = np.array([ZERO, ZERO])
    state = {"lvef_day": day, "first_day": day - 60, "any_last_day": day - 10}
    nothing, over = np.full(2, UNKNOWN), np.zeros(2, np.bool_)
    for late, beyond in ((21, (1, 1)), (22, (1, 0)), (35, (1, 0)), (36, (0, 0))):
        clock = echo_clock(state, np.array([0, 1]), words, ZERO + late, 14, nothing, words, over)
        assert clock["echo_due_day"].tolist() == [ZERO + 21] * 2
        assert tuple(clock["echo_beyond_tolerance"].tolist()) == beyond, late


@pytest.mark.parametrize(("on", "grade"), [(84, ""), (85, "due"), (86, "act")])
def test_the_repeat_of_a_borderline_lvef_is_due_until_the_end_of_three_weeks(on: int, grade: str) -> None:
    course = [made("setting", "metastatic", -20), lvef(-7, 53), *given("t-dm1"), lvef(64, 44)]
    found = told(*course, on=on)
    assert [each.grade.word for key, each in found.items() if key.startswith("echo_status")] == (
        [grade] if grade else []
    )
    (item,) = (item for item in plan_of(reviewed(course, on=on).standing(0)) if item.kind == "echo")
    assert (item.earliest, item.latest) == ((None, date(85)) if on < 86 else (date(86), date(86)))


@pytest.mark.parametrize(
    ("product", "days", "value"),
    [
        ("trastuzumab-iv", 90, ""), ("trastuzumab-iv", 91, "older than the window"), ("trastuzumab-iv", 365, "older than the window"),
        ("trastuzumab-iv", 366, "too old"), ("margetuximab", 28, ""), ("margetuximab", 29, "too old"),
    ],
)  # fmt: skip
def test_an_old_baseline_is_told_with_what_to_do(product: str, days: int, value: str) -> None:
    found = told(made("setting", "metastatic", -days - 1), lvef(-days, 62), *given(product), lvef(60, 61))
    keys = [key for key in found if key.startswith("baseline_lvef_window")]
    assert keys == ([f"baseline_lvef_window: {value}"] if value else [])
    assert all(found[key].do for key in keys)


@pytest.mark.parametrize(("product", "days", "asks"), [("trastuzumab-iv", 90, False), ("trastuzumab-iv", 91, True), ("margetuximab", 29, True)])  # fmt: skip
def test_before_the_start_an_old_lvef_asks_for_a_new_one(product: str, days: int, asks: bool) -> None:
    found = told(lvef(ON - days, 62), made("ordered_mg", 100, ON, product))
    assert any(key.endswith("measure again") for key in found) is asks


# -- every question of a product is answered ----------------------------------------------------


def test_no_question_stays_empty_for_lack_of_a_row(knowledge: Knowledge) -> None:
    assert prove_answered(knowledge) == []


def test_a_product_that_a_question_has_no_row_for_is_found(tmp_path: Path) -> None:
    folder = tmp_path / "knowledge"
    copytree(shipped_folder(), folder)
    page = folder / "cardiac" / "zanidatamab.md"
    text = page.read_text(encoding="utf-8")
    before, _, rest = text.partition("## Starting with a low LVEF")
    page.write_text(before + rest[rest.index("## An anthracycline now") :], encoding="utf-8")
    held = read_knowledge(folder)
    assert unanswered(held, "low_baseline_caution", "us") == ["zanidatamab"]
    assert {problem.what for problem in prove_answered(held)} >= {
        "low_baseline_caution is asked and has no answer in eu for zanidatamab"
    }
