"""What is answered without a record is what a review says of a record with the same facts."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from pathlib import Path

import pytest

from her2path import (
    PatientReview,
    PlanItem,
    Record,
    Reviewer,
    Settings,
    answer_dose,
    answer_her2,
    answer_lvef,
    answer_washout,
    read_records,
)
from her2path.tables.load import default_knowledge

COURSES = sorted((Path(__file__).parent.parent / "examples" / "courses").glob("*.csv"))
DAYS = [dt.date(2026, 1, 15), dt.date(2026, 2, 3), dt.date(2026, 4, 20)]
LABELS = ("us", "eu")


def reviewed() -> list[tuple[str, dt.date, str, PatientReview]]:
    knowledge = default_knowledge()
    found = []
    for path in COURSES:
        for on in DAYS:
            for label in LABELS:
                for record in read_records(path, knowledge.facts):
                    if isinstance(record, Record):
                        settings = Settings(on, jurisdiction=label)
                        found.append((path.stem, on, label, Reviewer(knowledge, settings).review(record)))
    return found


REVIEWED = reviewed()


def doses() -> list:
    """The next dose of the product in hand, where it is no change of product, of schedule or of level."""
    found = []
    for name, on, label, review in REVIEWED:
        standing = review.course.standing if review.course else None
        for item in review.course.plan if review.course else ():
            asked = item.kind == "dose" and not item.is_proposed and item.drug == standing.product
            if asked and "dose_mg" in item.details and standing.day("product_last") and "the first" not in item.what:
                found.append(pytest.param(item, standing, on, label, id=f"{name} {on} {label}"))
    return found


@pytest.mark.parametrize(("item", "standing", "on", "label"), doses())
def test_a_dose_is_that_of_the_plan(item: PlanItem, standing, on: dt.date, label: str) -> None:
    day = max(item.earliest, on)
    facts = {name: standing.values[name] for name in ("tumour_site", "setting") if name in standing.values}
    answer = answer_dose(
        standing.brand(item.drug) or item.drug, item.details.get("weight_kg"), last_dose=standing.day("product_last"),
        schedule=standing.values.get("schedule"), level=item.details.get("level"), jurisdiction=label, on=day, facts=facts,
    )  # fmt: skip
    told = item.details
    assert answer.dose_mg == Decimal(told["dose_mg"])
    assert answer.minutes == told.get("infusion_minutes", "")
    assert answer.observation == told.get("observation_minutes", "")
    if "volume_ml" in told:
        assert str(answer.made.withdraw_ml) == told["volume_ml"]
    if "vials" in told:
        assert [str(opened.vials) for opened in answer.made.opened if str(opened.vials) == told["vials"]]


def hearts() -> list:
    found = []
    wanted = ("lvef", "lvef_baseline", "on_hold", "hold_count", "heart_failure")
    for name, on, label, review in REVIEWED:
        standing = review.course.standing if review.course else None
        if standing is not None and "cardiac_action" in standing.decisions and set(wanted) <= set(standing.values):
            found.append(pytest.param(standing, on, label, id=f"{name} {on} {label}"))
    return found


@pytest.mark.parametrize(("standing", "on", "label"), hearts())
def test_an_lvef_says_what_the_review_decides(standing, on: dt.date, label: str) -> None:
    decision = standing.decisions["cardiac_action"]
    known = {
        name: value for name, value in decision.given.values.items()
        if name in decision.array.place and name not in ("lvef_fall", "lvef_below_limit", "product")
    }  # fmt: skip
    answer = answer_lvef(
        standing.values["lvef_baseline"], standing.values["lvef"], product=standing.product, jurisdiction=label, on=on,
        lower_limit=50, facts={name: value for name, value in known.items() if name not in ("lvef", "lvef_baseline")},
    )  # fmt: skip
    assert (answer.action or None, list(answer.possible or decision.possible)) == (
        decision.value, list(decision.possible),
    )  # fmt: skip


def test_contraception_ends_on_the_day_of_the_plan() -> None:
    compared = 0
    for _, on, label, review in REVIEWED:
        standing = review.course.standing if review.course else None
        until = standing.day("contraception_until") if standing else None
        if until is None or standing.values.get("sex") != "female" or standing.product != "trastuzumab-iv":
            continue
        if (
            standing.day("any_last") != standing.day("product_last")
            or standing.values.get("partner_pertuzumab") == "yes"
        ):
            continue
        answer = answer_washout(
            "trastuzumab", last_dose=standing.day("product_last"), sex="female", jurisdiction=label, on=on
        )
        assert answer.until == until
        compared += 1
    assert compared > 3


def test_a_her2_result_is_that_of_the_specimen() -> None:
    knowledge = default_knowledge()
    source = Path(__file__).parent.parent / "examples" / "her2-tests.ndjson"
    compared = 0
    for record in read_records(source, knowledge.facts):
        if not isinstance(record, Record):
            continue
        for specimen in Reviewer(knowledge, Settings(DAYS[-1])).review(record).specimens:
            decision = specimen.status
            facts = {
                name: value for name, value in decision.given.values.items()
                if name in decision.array.place and value != "not reported"
            }  # fmt: skip
            said = [why for why in decision.given.unknown.values() if why.detail]
            if not facts or decision.blocked_by or said:
                continue
            site = decision.given.values.get("tumour_site")
            answer = answer_her2(facts=facts, edition=decision.edition.key, site=site, on=DAYS[-1])
            assert (answer.status or None, answer.chain[-1].edition != "") == (decision.value, True)
            assert answer.next_step == ((specimen.next_step.value or "") if specimen.next_step else "")
            compared += 1
    assert compared > 5
