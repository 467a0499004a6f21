"""Reduced dose levels: told by mg/kg, remembered, never raised again."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from course_makers import NOTHING, ZERO, columns_of, date, lvef, made, review_one, rules
from her2path.findings.course.standing import Standing
from her2path.findings.finding import Finding
from her2path.findings.levels import labelled_levels
from her2path.findings.plan.items import PlanItem, plan_of
from her2path.history.drug_codes import default_codes
from her2path.history.levels import doses_by_weight, levels_given
from her2path.history.timeline import timeline_of
from her2path.record.columns import UNKNOWN
from her2path.record.event import Event
from her2path.tables.load import default_knowledge

BREAST = {**NOTHING, "her2_status": "positive", "tumour_site": "breast"}
STOMACH = {**BREAST, "tumour_site": "gastric"}
T_DM1, T_DXD = "t-dm1", "t-dxd"
FULL, FIRST, SECOND, FURTHER = "full", "first reduction", "second reduction", "further reduction"


def course(amounts: list[Any], product: str = T_DXD, weights: dict[int, Any] | None = None) -> list[Event]:
    """Doses in mg every three weeks from day 0 on (`None`: the amount is not known), and weights by their day."""
    weighed = [made("weight_kg", kg, day) for day, kg in ({-1: 70} if weights is None else weights).items()]
    doses = [
        made("dose_given", "yes", 21 * n, product) if mg is None else made("dose_mg", mg, 21 * n, product)
        for n, mg in enumerate(amounts)
    ]
    return [made("setting", "metastatic", -9), lvef(-7, 65), *weighed, *doses]


def review(history: list[Event], on: int, her2: Any = BREAST) -> Standing:
    return review_one(history, her2, -20, rules(on))


def dose_of(history: list[Event], on: int, her2: Any = BREAST) -> PlanItem:
    (only,) = [item for item in plan_of(review(history, on, her2)) if item.kind == "dose"]
    return only


def of_levels(found: Standing) -> list[Finding]:
    return [finding for finding in found._reasons.findings(0) if (finding.key or "").startswith("dose_level")]


@pytest.mark.parametrize(
    ("product", "her2", "amounts", "level", "mg"),
    [
        (T_DXD, BREAST, [378, 308, 308], FIRST, "308"), (T_DXD, BREAST, [378, 308], FIRST, "308"),
        (T_DXD, BREAST, [378, 378], FULL, "378"), (T_DXD, BREAST, [308, 308], FIRST, "308"),
        (T_DXD, BREAST, [378, 308, 224], SECOND, "224"), (T_DXD, BREAST, [448, 378], FULL, "378"),
        (T_DXD, STOMACH, [448, 378], FIRST, "378"), (T_DXD, STOMACH, [448, 378, 308], SECOND, "308"),
        (T_DM1, BREAST, [252, 210], FIRST, "210"), (T_DM1, BREAST, [252, 210, 168], SECOND, "168"),
        (T_DM1, STOMACH, [252, 210], FIRST, "210"), (T_DM1, BREAST, [252, 252], FULL, "252"),
    ],
)  # fmt: skip
def test_a_level_is_told_by_its_mg_per_kg(product: str, her2: Any, amounts: list[int], level: str, mg: str) -> None:
    history, on = course(amounts, product), 21 * len(amounts)
    found = review(history, on, her2)
    assert found.values["dose_level"] == level
    assert dose_of(history, on, her2).details["dose_mg"] == mg
    words = [finding.key for finding in of_levels(found)]
    assert words == ([] if level == FULL else ["dose_level: reduced"])


@pytest.mark.parametrize(
    ("mg", "level"), [(341, FULL), (340, None), (339, None), (338, FIRST), (278, FIRST), (277, None), (246, SECOND)]
)
def test_one_milligram_to_either_side_of_a_level(mg: int, level: str | None) -> None:
    """4.4 mg/kg and 10 % are 338.8 mg at 70 kg, 5.4 without 10 % are 340.2; between them no level is told."""
    history = course([378, mg, mg])
    found = review(history, 63)
    assert found.values["dose_level"] == (level or FULL)
    assert [finding.key for finding in of_levels(found)] == {
        FULL: [], None: ["dose_level: not told"], FIRST: ["dose_level: reduced"], SECOND: ["dose_level: reduced"],
    }[level]  # fmt: skip
    assert ("if no dose was reduced: " in dose_of(history, 63).what) is (level is None)


def test_a_level_raised_again_is_asked_about_and_not_planned() -> None:
    history = course([378, 308, 378])
    (finding,) = of_levels(review(history, 63))
    assert (finding.key, finding.grade.word) == ("dose_level: raised again", "act")
    assert finding.words == (
        f"t-dxd was given at 5.4 mg/kg on {date(42)} after 4.4 mg/kg on {date(21)}: the label does not raise a reduced dose again"
    )
    assert len(finding.origins) == 2
    assert dose_of(history, 63).details["dose_mg"] == "308"


@pytest.mark.parametrize(
    ("amounts", "weights", "level", "mg"),
    [
        ([378, 378, 378], {-1: 70, 20: 82}, FULL, "443"),  # kept while the weight rose: 4.6 mg/kg, and no reduction
        ([378, 375, 375], {-1: 70, 20: 84}, FULL, "454"),  # rounded too
        ([378, 361, 361], {-1: 70, 20: 82}, FIRST, "361"),  # worked out anew at 4.4
        ([378, 396, 396], {-1: 70, 20: 90}, FIRST, "396"),
        ([378, 308, 308], {-1: 70, 40: 58}, FIRST, "255"),  # kept while the weight fell: 5.3 mg/kg, and not raised
        ([378, 270, 270], {-1: 70, 20: 50}, FULL, "270"),
        ([378, 308, 270], {-1: 70, 40: 50}, FIRST, "220"),
        ([378, 308, 308], {1: 70}, FIRST, "308"),  # weighed a day after the first dose
        ([378, 308, 308], {-1: 70, 64: 90}, FIRST, "308"),  # what comes after the day is not seen
    ],
)
def test_weights_change_and_a_level_is_not_read_from_an_amount(
    amounts: list[int], weights: dict[int, int], level: str, mg: str
) -> None:
    history = course(amounts, weights=weights)
    assert review(history, 63).values["dose_level"] == level
    assert dose_of(history, 63).details["dose_mg"] == mg
    assert [finding.key for finding in of_levels(review(history, 63))] == (
        [] if level == FULL else ["dose_level: reduced"]
    )


def test_doses_recorded_by_weight_say_their_level() -> None:
    history = [*course([]), *[made("dose_mg_per_kg", amount, 21 * n, T_DM1) for n, amount in enumerate(("3.6", "3.0"))]]
    assert review(history, 42).values["level_mg_per_kg"] == 3
    history = [event for event in history if event.fact != "weight_kg"]
    assert review(history, 42).values["dose_level"] == FIRST


def test_a_dose_without_an_amount_makes_no_level_firmer() -> None:
    """Taken away, the reduction is not denied: the plan says its condition, or the review that a level is not told."""
    for amounts, key in (([378, None], "dose_level: not told"), ([None, None], "dose_level: not told")):
        history = course(amounts)
        assert [finding.key for finding in of_levels(review(history, 42))] == [key]
        assert dose_of(history, 42).what.endswith(": if no dose was reduced: t-dxd: 5.4 mg/kg, maintenance")
    (finding,) = of_levels(review(course([378, None, 378]), 63))
    assert (finding.key, finding.grade.word) == ("dose_level: not told", "note")
    (finding,) = of_levels(review(course([378, 308], weights={}), 42))
    assert finding.grade.word == "missing"


def test_a_level_on_record_that_is_lower_counts() -> None:
    for stated, level, planned in ((FIRST, FIRST, 1), (FULL, FULL, 1), (SECOND, SECOND, 1), (FURTHER, FURTHER, 0)):
        history = [*course([378, 378]), made("dose_level", stated, 30)]
        found = review(history, 42)
        assert found.values["dose_level"] == level
        assert len([item for item in plan_of(found) if item.kind == "dose"]) == planned
    assert [finding.key for finding in of_levels(found)] == ["dose_level: none left"]
    assert review([*course([378, 308]), made("dose_level", FULL, 30)], 42).values["dose_level"] == FIRST


def test_a_product_that_comes_back_is_as_reduced_as_it_was() -> None:
    """T-DXd at 4.4 mg/kg, then T-DM1, and T-DXd on order again."""
    history = [*course([378, 308]), *[made("dose_mg", 252, day, T_DM1) for day in (42, 63)]]
    history += [made("ordered_mg", 378, 80, T_DXD), made("switch_intended", "yes", 80)]
    found = dose_of(history, 84)
    assert (found.details["dose"], found.details["infusion_minutes"]) == ("4.4 mg/kg", "30")
    assert review(history, 84).values["dose_level"] == FULL, "of T-DM1, the product in hand"


def test_the_levels_are_those_of_the_label_in_force() -> None:
    here = rules(63)
    assert labelled_levels(here, T_DXD) == {
        "breast": (5400, 4400, 3200), "gastric": (6400, 5400, 4400), "other": (5400, 4400, 3200),
    }  # fmt: skip
    assert labelled_levels(here, T_DM1) == dict.fromkeys(("breast", "gastric", "other"), (3600, 3000, 2400))
    assert labelled_levels(here, "trastuzumab-iv") == {}


AMOUNTS = st.lists(st.one_of(st.none(), st.integers(150, 480)), min_size=0, max_size=6)
WEIGHTS = st.dictionaries(st.integers(-30, 130), st.integers(45, 110), max_size=3)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(AMOUNTS, WEIGHTS), min_size=1, max_size=6))
def test_many_patients_have_the_levels_of_each_alone(patients: list[tuple[list[int | None], dict[int, int]]]) -> None:
    codes, numbers = default_codes(), default_knowledge().numbers
    histories = [course(amounts, weights=weights) for amounts, weights in patients]

    def told(some: list[list[Event]]) -> list[tuple[int, ...]]:
        timeline = timeline_of(columns_of(some), codes)
        product = np.full(len(some), codes.code[T_DXD], np.int64)
        found = levels_given(doses_by_weight(timeline, product, ZERO + 130), (5400, 4400, 3200), len(some), numbers)
        columns = (found.level, found.per_kg, found.day, found.raised, found.not_told, found.some_not_told)
        return [tuple(int(column[place]) for column in columns) for place in range(len(some))]

    assert told(histories) == [told([history])[0] for history in histories]


@settings(max_examples=60, deadline=None)
@given(AMOUNTS.filter(bool), st.integers(0, 5))
def test_a_later_dose_never_raises_the_level(amounts: list[int | None], cut: int) -> None:
    """What the first doses come to is never undone by later ones."""
    codes, numbers = default_codes(), default_knowledge().numbers

    def level(some: list[int | None]) -> int:
        timeline = timeline_of(columns_of([course(some)]), codes)
        doses = doses_by_weight(timeline, np.array([codes.code[T_DXD]]), ZERO + 130)
        return int(levels_given(doses, (5400, 4400, 3200), 1, numbers).level[0])

    before, after = level(amounts[: cut + 1]), level(amounts)
    assert before == UNKNOWN or after >= before


def test_the_day_of_a_reduction_is_that_of_the_first_dose_at_its_level() -> None:
    for amounts, day in (
        ([378, 308, 308], 21),
        ([378, 308, 224, 224], 42),
        ([308, 308], 0),
        ([378, 308, 378, 308], 21),
    ):
        (finding,) = of_levels(review(course(amounts), 63))
        assert f"on {date(day)}: the label" in finding.words
        assert [origin.split("@")[-1] for origin in finding.origins] == [str(date(day))]


def test_a_level_of_a_later_day_is_not_seen() -> None:
    history = course([378, 378, 308, 308])
    assert [review(history, on).values["dose_level"] for on in (41, 42)] == [FULL, FIRST]
    weighed_later = course([378], weights={10: 70})
    assert [finding.key for finding in of_levels(review(weighed_later, 9))] == ["dose_level: not told"]
    assert of_levels(review(weighed_later, 10)) == []
