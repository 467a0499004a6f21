"""The first dose after a change of product: which step, when, how long, and what is proposed where nobody ordered it."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest

from course_makers import NOTHING, SC, P, T, date, dose, doses, given, lvef, made, review_one, rules
from her2path.findings.course.standing import Standing
from her2path.findings.plan.items import PlanItem, plan_of
from her2path.record.event import Event

HER2 = {**NOTHING, "her2_status": "positive", "tumour_site": "breast"}
PHESGO, T_DM1, T_DXD = "phesgo", "t-dm1", "t-dxd"
START = [made("setting", "adjuvant", -9), made("weight_kg", 70, -1), lvef(-7, 65), lvef(50, 64)]
METASTATIC = [made("setting", "metastatic", -9), *START[1:]]
FLAT_MAINTENANCE = "600 mg pertuzumab + 600 mg trastuzumab"
FLAT_LOADING = "1200 mg pertuzumab + 600 mg trastuzumab"


def review(course: list[Event], on: int, jurisdiction: str = "us") -> Standing:
    return review_one(course, HER2, -20, rules(on, 50, jurisdiction))


def planned(course: list[Event], on: int, jurisdiction: str = "us") -> list[PlanItem]:
    return [item for item in plan_of(review(course, on, jurisdiction)) if item.kind == "dose"]


def told(items: list[PlanItem]) -> list[tuple[str, str]]:
    """Product and dose of each item."""
    return [(item.what.split(": ")[-2 if "proposed" not in item.what else 0], item.details["dose"]) for item in items]


def course(before: str, last: int = 63) -> list[Event]:
    """Doses of a product every three weeks from day 0 to the last; `both` are the two antibodies by infusion."""
    if before == "both":
        return [*course(T, last), *[given(day, P) for day in range(0, last + 1, 21)]]
    per_kg = {T: 6, T_DM1: "3.6", T_DXD: "5.4"}
    days = range(0, last + 1, 21)
    if before in per_kg:
        return [dose(day, before, 8 if before == T and not day else per_kg[before]) for day in days]
    return [made("dose_mg", 600, day, before) for day in days]


def order(day: int, *products: str) -> list[Event]:
    return [*[made("ordered_mg", 420, day, name) for name in products], made("switch_intended", "yes", day)]


CHANGES = [
    ("both", PHESGO, 84, FLAT_MAINTENANCE, "5"), ("both", PHESGO, 104, FLAT_MAINTENANCE, "5"),
    ("both", PHESGO, 105, FLAT_LOADING, "8"), (T, PHESGO, 84, FLAT_LOADING, "8"), (SC, PHESGO, 84, FLAT_LOADING, "8"),
    (SC, T, 84, "6 mg/kg", "90"), (SC, T, 91, "6 mg/kg", "90"), (SC, T, 92, "8 mg/kg", "90"),
    (PHESGO, T, 84, "6 mg/kg", "90"), (PHESGO, T, 92, "8 mg/kg", "90"), (PHESGO, SC, 120, "600 mg", "2 to 5"),
    (T, SC, 84, "600 mg", "2 to 5"), ("both", SC, 130, "600 mg", "2 to 5"),
    (T, T_DM1, 84, "3.6 mg/kg", "90"), (PHESGO, T_DM1, 120, "3.6 mg/kg", "90"), (T, T_DXD, 84, "5.4 mg/kg", "90"),
    (T_DM1, T_DXD, 84, "5.4 mg/kg", "90"), (T_DM1, T, 84, "8 mg/kg", "90"), (T_DXD, PHESGO, 84, FLAT_LOADING, "8"),
]  # fmt: skip


@pytest.mark.parametrize(("before", "after", "on", "amount", "minutes"), CHANGES)
def test_the_step_after_a_change(before: str, after: str, on: int, amount: str, minutes: str) -> None:
    found = planned([*METASTATIC, *course(before), *order(80, after)], on)
    assert told(found) == [(after, amount)]
    assert found[0].details["infusion_minutes"] == minutes
    assert found[0].earliest == date(on)


@pytest.mark.parametrize(
    ("jurisdiction", "minutes", "watched"), [("us", "30 to 90", None), ("eu", "30", "120 from the start")]
)
def test_back_to_the_infusion_is_no_first_one(jurisdiction: str, minutes: str, watched: str | None) -> None:
    """C02: three infusions, one injection, and back on day 21 after it: 6 mg/kg, and a later infusion by its times."""
    history = [dose(0, T, 8), dose(21), dose(42), made("dose_mg", 600, 63, SC)]
    (found,) = planned([*START, *history, *order(83, T)], 84, jurisdiction)
    assert (found.details["dose_mg"], found.details["infusion_minutes"]) == ("420", minutes)
    assert found.details.get("observation_minutes") == watched
    assert (found.earliest, found.latest) == (date(84), date(91))


def test_phesgo_is_due_when_the_infusions_were_and_the_first_dose_rules_are_for_first_doses() -> None:
    """C01, ten days early: due on day 84, as maintenance until the last day under six weeks."""
    (found,) = planned([*START, *course("both"), *order(73, PHESGO)], 74)
    assert (found.earliest, found.latest) == (date(84), date(104))
    assert (found.details["infusion_minutes"], found.details["observation_minutes"]) == ("5", "15")


def test_where_pertuzumab_was_given_later_phesgo_waits_for_it() -> None:
    history = [*course(T), *[given(day, P) for day in (0, 21, 42)], given(66, P)]
    (found,) = planned([*START, *history, *order(80, PHESGO)], 81)
    assert found.earliest == date(87)


def test_pertuzumab_left_out_for_six_weeks_is_loaded_in_phesgo() -> None:
    for last, amount in ((43, FLAT_MAINTENANCE), (42, FLAT_LOADING)):
        history = [*course(T), given(0, P), given(21, P), given(last, P)]
        assert told(planned([*START, *history, *order(80, PHESGO)], 84)) == [(PHESGO, amount)], last


def test_phesgo_is_changed_to_both_infusions_each_by_its_own_rule() -> None:
    for on, trastuzumab, pertuzumab in (
        (84, "6 mg/kg", "420 mg"),
        (92, "8 mg/kg", "420 mg"),
        (105, "8 mg/kg", "840 mg"),
    ):
        found = planned([*METASTATIC, *course(PHESGO), *order(80, T, P)], on)
        assert told(found) == [(T, trastuzumab), (P, pertuzumab)]


def test_the_partner_ordered_with_a_change_does_not_hide_it() -> None:
    """After neoadjuvant T-DXd both antibodies are begun, whichever stands first in the record."""
    for first, second in ((T, P), (P, T)):
        history = [*METASTATIC, *course(T_DXD), *order(80, first), *order(81, second)]
        found = review(history, 84)
        assert (found.values["ordered_product"], found.outcomes["product_mixup"]) == (T, "intended change")
        assert told(planned(history, 84)) == [(T, "8 mg/kg"), (P, "840 mg")]


def test_pertuzumab_twice_stays_an_alarm() -> None:
    history = [*START, *course(PHESGO), made("ordered_mg", 600, 80, PHESGO), made("ordered_mg", 420, 81, P)]
    assert review(history, 84).outcomes["product_mixup"] == "pertuzumab twice"


def test_pertuzumab_begun_beside_trastuzumab_is_loaded() -> None:
    found = planned([*START, *course(T), made("ordered_mg", 840, 80, P)], 84)
    assert told(found) == [(T, "6 mg/kg"), (P, "840 mg")]
    assert told(planned([*START, *course("both"), made("ordered_mg", 420, 80, P)], 84)) == [
        (T, "6 mg/kg"),
        (P, "420 mg"),
    ]


def test_a_biosimilar_changes_nothing() -> None:
    history = [*START, *[dose(day, T, 6, "herceptin") for day in (0, 21, 42, 63)]]
    same = planned(history, 84)
    other = planned([*history, made("ordered_mg", 420, 80, T, "kanjinti")], 84)
    assert told(same) == told(other) == [(T, "6 mg/kg")]


WEEKLY = [dose(0, T, 4), *doses(7, 63, 7, per_kg=2)]


def test_a_change_after_weekly_doses_is_due_a_week_after_the_last() -> None:
    (found,) = planned([*METASTATIC, *WEEKLY, *order(65, SC)], 66)
    assert (told([found]), found.earliest) == ([(SC, "600 mg")], date(70))


@pytest.mark.parametrize(("on", "amount"), [(70, "6 mg/kg"), (77, "6 mg/kg"), (78, "8 mg/kg")])
def test_three_weekly_doses_by_order_after_weekly_ones(on: int, amount: str) -> None:
    history = [*METASTATIC, *WEEKLY, made("ordered_mg", 420, 65, T)]
    assert told(planned([*history, made("switch_intended", "yes", 65)], on)) == [(T, amount)]
    assert told(planned(history, 70)) == [(T, "2 mg/kg")], "without a word of a change it may be an error"


@pytest.mark.parametrize(("on", "amount"), [(84, "2 mg/kg"), (91, "2 mg/kg"), (92, "4 mg/kg")])
def test_weekly_doses_by_order_after_three_weekly_ones(on: int, amount: str) -> None:
    history = [*METASTATIC, *course(T), made("ordered_mg", 140, 65, T), made("switch_intended", "yes", 65)]
    (found,) = planned(history, on)
    assert told([found]) == [(T, amount)]
    assert found.earliest == date(on)


def test_where_the_last_dose_could_not_be_read_no_step_is_settled() -> None:
    history: list[Event] = [*METASTATIC, *course(SC), *order(80, T)]
    found = review([*history, made("her2_drug_recorded", "dose not read", 70)], 84)
    assert found.outcomes.get("switch_dose_kind of trastuzumab-iv") is None
    assert review(history, 84).outcomes["switch_dose_kind of trastuzumab-iv"] == "maintenance"


# -- residual disease -----------------------------------------------------------------------------


def residual(*more: Event) -> list[Event]:
    return [
        *START, *course(T, 42), made("dose_given", "yes", 21, "docetaxel"), made("surgery_done", "yes", 100),
        made("pathological_response", "residual", 105), *more,
    ]  # fmt: skip


def test_t_dm1_on_order_is_the_next_dose() -> None:
    (found,) = planned(residual(made("ordered_mg", 252, 110, T_DM1)), 112)
    assert found.what == "t-dm1: 3.6 mg/kg, first dose of 14 cycles"
    assert {name: found.details[name] for name in ("dose_mg", "infusion_minutes", "observation_minutes", "weight_day")} == {
        "dose_mg": "252", "infusion_minutes": "90", "observation_minutes": "90", "weight_day": str(date(-1)),
    }  # fmt: skip


def test_without_an_order_the_drug_of_the_label_is_proposed() -> None:
    found = [item for item in planned(residual(), 112) if "proposed" in item.what]
    assert [item.what for item in found] == ["t-dm1: 3.6 mg/kg, proposed (no order yet): first dose of 14 cycles"]
    assert any(row.startswith("residual_disease_treatment") for row in found[0].rows)


# -- body weight ----------------------------------------------------------------------------------


def status(found: Standing) -> str | None:
    return found.outcomes.get("weight_status")


@pytest.mark.parametrize(("product", "ordered"), [*product((T,), ("", T_DM1)), (SC, T), ("", T)])
def test_an_old_weight_is_asked_for_and_the_dose_stays(product: str, ordered: str) -> None:
    """90 days are not too old, 91 are; before the start, in a course, and for the drug that is changed to."""
    history: list[Any] = [made("setting", "metastatic", -9), lvef(-7, 65), made("weight_kg", 70, -6)]
    history += [*(course(product) if product else []), *(order(80, ordered) if ordered else [])]
    assert [status(review(history, on)) for on in (84, 85)] == ["current", "old"]
    (found,) = planned(history, 85)
    assert found.details["weight_day"] == str(date(-6))


def test_a_flat_dose_asks_for_no_weight() -> None:
    for before, after in (("both", PHESGO), (PHESGO, ""), (SC, "")):
        history = [*METASTATIC, *course(before), *(order(80, after) if after else [])]
        assert status(review(history, 120)) is None
