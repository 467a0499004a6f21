"""The plan of a course at its edges: what is due today, what ends today, and what must not be planned."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from course_makers import NOTHING, P, T, date, dose, doses, given, lvef, made, review_one, rules
from her2path.findings.course.rules import Rules
from her2path.findings.plan.items import PlanItem, plan_of
from her2path.record.event import Event
from her2path.tables.load import default_knowledge
from her2path.tables.site import Site

HER2 = {**NOTHING, "her2_status": "positive", "tumour_site": "breast"}
EARLY = made("setting", "adjuvant", -9)
WEIGHT = made("weight_kg", 71, -1)


def plan(course: list[Event], on: int, jurisdiction: str = "us", by: Rules | None = None) -> list[PlanItem]:
    return plan_of(review_one(course, HER2, -20, by or rules(on, 50, jurisdiction)))


def of(kind: str, course: list[Event], on: int, **more: Any) -> list[PlanItem]:
    return [item for item in plan(course, on, **more) if item.kind == kind]


def days(items: list[PlanItem]) -> list[tuple[int | None, int | None]]:
    """First and last day of each, counted from day 0."""
    return [
        tuple(None if day is None else (day - date(0)).days for day in (item.earliest, item.latest))  # type: ignore[misc]
        for item in items
    ]


# -- doses --------------------------------------------------------------------------------------


def test_a_dose_is_planned_when_it_is_due_and_never_in_the_past() -> None:
    """Due on day 105; a week late needs no re-load, and a plan of the 110th day begins on it."""
    course = [WEIGHT, EARLY, lvef(-7, 65), *doses(0, 84)]
    assert [days(of("dose", course, on)) for on in (100, 105, 110)] == [[(105, 112)], [(105, 112)], [(110, 112)]]
    assert days(of("dose", course, 113)) == [(113, None)]
    assert "re-load" in of("dose", course, 113)[0].what


def test_what_ends_today_is_still_planned_and_tomorrow_is_not() -> None:
    course = [EARLY, lvef(-7, 65), lvef(330, 64), *doses(0, 357)]
    assert [days(of("end", course, on)) for on in (363, 364, 365)] == [[(None, 364)], [(None, 364)], []]


def test_a_dose_due_on_the_last_day_of_the_year_is_planned() -> None:
    """The year ends on day 364: a dose of day 343 is followed by one that day, and one of day 344 by none."""
    year = [EARLY, lvef(-7, 65), lvef(330, 64), *doses(0, 336)]
    for last, planned in ((343, [364]), (344, [])):
        found = of("dose", [*year, dose(last)], last + 7)
        assert [first for first, _ in days(found)] == planned, last


def test_a_partner_due_on_the_last_day_of_the_year_is_planned() -> None:
    year = [EARLY, lvef(-7, 65), lvef(330, 64), *doses(0, 336), *[given(day, P) for day in range(0, 337, 21)]]
    for last, planned in ((343, [364]), (344, [])):
        found = of("dose", [*year, given(last, P)], 350)
        assert [first for item, (first, _) in zip(found, days(found), strict=True) if P in item.what] == planned, last


@pytest.mark.parametrize(("count", "beside", "dose_of_next"), [
    (11, False, "2 mg/kg"), (12, False, "6 mg/kg"), (12, True, "2 mg/kg"), (17, True, "2 mg/kg"), (18, True, "6 mg/kg"),
])  # fmt: skip
def test_weekly_doses_go_over_into_three_weekly_ones(count: int, beside: bool, dose_of_next: str) -> None:
    """After 12 weekly doses, or 18 beside carboplatin given since the first of them."""
    course = [EARLY, WEIGHT, lvef(-7, 65), dose(0, T, 4), *doses(7, 7 * (count - 1), 7, per_kg=2)]
    course.append(made("dose_mg", 600, 0 if beside else -1, "carboplatin"))
    (found,) = of("dose", course, 7 * count - 3)
    assert found.details["dose"] == dose_of_next


def test_in_a_hold_a_dose_is_planned_only_where_it_may_resume() -> None:
    held = [EARLY, lvef(-7, 65), *doses(0, 84), lvef(90, 48)]
    assert of("dose", held, 120) == []
    assert days(of("dose", [*held, lvef(120, 60)], 121)) == [(121, None)]


def test_nothing_is_planned_of_the_old_regimen_after_progression() -> None:
    course = [made("setting", "metastatic", -9), lvef(-7, 65), *doses(0, 84)]
    assert days(of("dose", course, 95)) == [(105, 112)]
    assert of("dose", [*course, made("progression", "yes", 90)], 95) == []


def test_in_pregnancy_no_dose_is_planned() -> None:
    course = [EARLY, made("sex", "female", None), lvef(-7, 65), *doses(0, 84)]
    assert len(of("dose", course, 95)) == 1
    assert of("dose", [*course, made("pregnant", "yes", 90)], 95) == []


def test_after_the_last_cycle_of_t_dm1_no_dose_is_planned() -> None:
    """14 cycles after surgery; a fifteenth is beyond them, and no sixteenth is planned."""
    start = [EARLY, WEIGHT, lvef(-7, 65), lvef(250, 64)]
    for cycles, planned in ((13, 1), (14, 0), (15, 0)):
        last = 21 * (cycles - 1)
        course = [*start, *doses(0, last, product="t-dm1", per_kg="3.6")]
        assert len(of("dose", course, last + 7)) == planned, cycles


def test_a_conjugate_ordered_on_the_day_of_the_last_dose_is_planned_as_its_first() -> None:
    """Residual disease: the change to T-DM1 is intended."""
    course = [EARLY, WEIGHT, lvef(-7, 65), *doses(0, 84), made("surgery_done", "yes", 80),
              made("pathological_response", "residual", 82)]  # fmt: skip
    for day, planned in ((84, ["t-dm1"]), (85, ["t-dm1"])):
        found = of("dose", [*course, made("ordered_mg", 250, day, "t-dm1")], 90)
        assert [item.what.split(":")[0] for item in found] == planned, day
        assert all("first dose" in item.what for item in found)


def test_what_a_dose_costs_is_told_to_the_cent() -> None:
    """71 kg at 6 mg/kg are 426 mg; at 1.23 a mg that is 523.98."""
    by = Rules(
        default_knowledge(),
        Site(lvef_lower_limit=Decimal(50), prices={"kanjinti": Decimal("1.23")}, currency="EUR"),
        date(95),
        "us",
    )
    course = [EARLY, WEIGHT, lvef(-7, 65), *[replace(each, qualifier="kanjinti") for each in doses(0, 84)]]
    (found,) = of("dose", course, 95, by=by)
    assert (found.details["dose_mg"], found.details["cost"]) == ("426", "523.98 EUR")


# -- the heart ----------------------------------------------------------------------------------


def test_an_lvef_is_overdue_in_the_plan_only_after_the_tolerance() -> None:
    course = [EARLY, lvef(-7, 65), lvef(0, 64), *doses(0, 168)]
    ((due, latest),) = days(of("echo", course, 60))
    assert due == 91
    assert latest is not None
    (last_day,), (day_after,) = of("echo", course, latest), of("echo", course, latest + 1)
    assert days([last_day, day_after]) == [(91, latest), (latest + 1, latest + 1)]
    assert "overdue" not in last_day.what
    assert "now: it is overdue" in day_after.what


def test_in_a_hold_the_next_lvef_comes_before_the_time_to_recover_is_over() -> None:
    """Hold on day 90: repeat after 4 weeks, and on day 146 (8 weeks) at the latest, whatever the tolerance."""
    held = [EARLY, lvef(-7, 65), *doses(0, 84), lvef(90, 48)]
    for tolerance, latest in ((14, 132), (60, 146)):
        by = Rules(
            default_knowledge(), Site(lvef_lower_limit=Decimal(50), echo_tolerance_days=tolerance), date(100), "us"
        )
        assert days(of("echo", held, 100, by=by)) == [(118, latest)], tolerance
    assert days(of("hold", held, 100)) == [(118, 146)]


# -- who lives, and contraception ---------------------------------------------------------------


def test_for_somebody_who_died_nothing_is_planned() -> None:
    course = [EARLY, lvef(-7, 65), *doses(0, 84)]
    assert plan(course, 95) != []
    assert plan([*course, made("death_date", str(date(90)), None)], 95) == []


def test_contraception_is_planned_where_it_is_needed() -> None:
    """Seven months after the last dose; after menopause it is not needed."""
    course = [EARLY, made("sex", "female", None), lvef(-7, 65), *doses(0, 84)]
    able = [*course, made("menopausal_status", "premenopausal", -9)]
    assert [item.latest for item in of("contraception", able, 95)] == [date(84).replace(month=10, day=25)]
    assert of("contraception", [*course, made("menopausal_status", "postmenopausal", -9)], 95) == []
