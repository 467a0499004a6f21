"""Every dose and every order judged by itself: amounts, steps, intervals, drugs and uses, to either side of the limits."""

from __future__ import annotations

import datetime as dt
import random
from decimal import Decimal
from typing import Any

import pytest

from her2path.findings.patient import Reviewer
from her2path.findings.questions import UNDETERMINED
from her2path.findings.settings import Settings
from her2path.record.event import Event, Record
from her2path.tables.load import default_knowledge
from her2path.tables.site import Site
from her2path.write.tables.findings import findings_table

START = dt.date(2026, 1, 5)
T, SC, KADCYLA, ENHERTU, P = "trastuzumab-iv", "trastuzumab-sc", "t-dm1", "t-dxd", "pertuzumab"
ORDER_POINTS = {"order_check", "order_step", "dose_interval", "given_product", "licensed_use"}
DOSE_POINTS = {"dose_check", "dose_step", "dose_interval", "given_product", "dose_in_toxicity", "licensed_use"}


def event(fact: str, value: Any, day: int, product: str = "", brand: str = "") -> Event:
    known = value if isinstance(value, str) else Decimal(str(value))
    date = START + dt.timedelta(days=day)
    return Event(fact, known, date, "", f"{fact}@{date}", str(value), False, "", product, brand)


def course(*events: Event, weight: float | None = 70, setting: str = "adjuvant", site: str = "breast") -> Record:
    record = Record("p", "here")
    record.sites.add(site)
    record.events.append(Event("ihc_score", "3+", START - dt.timedelta(days=60), "s", "ihc", "3+"))
    record.course += [event("setting", setting, -30), event("lvef", 62, -7, brand="echo"), *events]
    if weight is not None:
        record.course.append(event("weight_kg", weight, -7))
    return record


def doses(*days: int, mg: float = 420, product: str = T) -> list[Event]:
    return [event("dose_mg", mg, day, product) for day in days]


def reviewed(record: Record, day: int, jurisdiction: str = "us") -> Any:
    settings = Settings(on=START + dt.timedelta(days=day), jurisdiction=jurisdiction, at=Site())
    return Reviewer(default_knowledge(), settings).review_records([record])


def told(record: Record, day: int, jurisdiction: str = "us") -> dict[str, str]:
    """The findings on doses and orders: key to grade."""
    found = reviewed(record, day, jurisdiction).patient(0).course.findings
    return {each.key: each.grade.word for each in found if each.key.partition(": ")[0] in ORDER_POINTS | DOSE_POINTS}


def points(record: Record, day: int, jurisdiction: str = "us") -> list[dict[str, Any]]:
    return reviewed(record, day, jurisdiction).courses.judged.of(0)


LOADED = [event("dose_mg", 560, 0, T), *doses(21, 42)]


@pytest.mark.parametrize("jurisdiction", ["us", "eu"])
@pytest.mark.parametrize(
    ("product", "mg", "setting", "site", "said"),
    [
        (KADCYLA, 420, "metastatic", "breast", {"order_check: above the maximum": "alarm"}),
        (KADCYLA, 278, "metastatic", "breast", {"order_check: above the maximum": "alarm"}),
        (KADCYLA, 277, "metastatic", "breast", {}),
        (KADCYLA, 252, "metastatic", "breast", {}),
        (KADCYLA, 210, "metastatic", "breast", {}),
        (KADCYLA, 25.2, "metastatic", "breast", {"order_check: far off": "alarm"}),
        (ENHERTU, 448, "metastatic", "breast", {"order_check: above the maximum": "alarm"}),
        (ENHERTU, 448, "metastatic", "gastric", {}),
        (ENHERTU, 378, "metastatic", "breast", {}),
        (T, 5600, "adjuvant", "breast", {"order_check: above the maximum": "alarm"}),
        (T, 560, "adjuvant", "breast", {}),
        (T, 420, "adjuvant", "breast", {"order_step: loading left out": "act"}),
        (T, 56, "adjuvant", "breast", {"order_check: far off": "alarm"}),
        (SC, 600, "adjuvant", "breast", {}),
        (SC, 1200, "adjuvant", "breast", {"order_check: above the maximum": "alarm"}),
        (SC, 600, "metastatic", "gastric", {"licensed_use: no label for this use": "act"}),
        (P, 840, "metastatic", "breast", {}),
        (P, 420, "metastatic", "breast", {"order_step: loading left out": "act"}),
    ],
)
def test_a_first_order(
    product: str, mg: float, setting: str, site: str, said: dict[str, str], jurisdiction: str
) -> None:  # fmt: skip
    record = course(event("ordered_mg", mg, 0, product), setting=setting, site=site)
    assert told(record, 0, jurisdiction) == said


def test_an_order_by_weight_needs_no_weight_and_one_in_milligrams_does() -> None:
    assert told(course(event("ordered_mg_per_kg", 3.6, 0, KADCYLA), weight=None, setting="metastatic"), 0) == {}
    assert told(course(event("ordered_mg_per_kg", 6, 0, KADCYLA), weight=None, setting="metastatic"), 0) == {
        "order_check: above the maximum": "alarm"
    }
    assert told(course(event("ordered_mg", 420, 0, KADCYLA), weight=None, setting="metastatic"), 0) == {
        "order_check: no weight": "missing"
    }


def test_the_words_of_an_order_say_amount_maximum_and_whose_dose_it_is() -> None:
    record = course(event("ordered_mg", 420, 0, KADCYLA, "kadcyla"), setting="metastatic")
    (finding,) = (f for f in reviewed(record, 0).patient(0).course.findings if f.key.startswith("order_check"))
    assert finding.words == (
        "ordered on 2026-01-05: Kadcyla 420 mg is 6 mg/kg, a dose of trastuzumab-iv; "
        "the label's maximum is 3.6 mg/kg = 252 mg (+67 %)"
    )


def test_an_order_that_was_given_or_ordered_anew_is_superseded() -> None:
    order = event("ordered_mg", 5600, 0, T)
    assert told(course(order, event("dose_mg", 560, 0, T)), 1) == {}
    assert told(course(order, event("ordered_mg", 560, 1, T)), 1) == {}


@pytest.mark.parametrize(
    ("day", "mg", "said"),
    [
        (28 + 42, 420, {}),
        (29 + 42, 420, {"dose_step: re-load left out": "act"}),
        (29 + 42, 560, {}),
        (21 + 42, 560, {"dose_step: loading repeated": "note"}),
        (21 + 42, 350, {"dose_check: differs": "act"}),
        (21 + 42, 300, {"dose_check: far off": "alarm"}),
        (21 + 42, 42, {"dose_check: far off": "alarm"}),
        (21 + 42, 4200, {"dose_check: above the maximum": "alarm"}),
        (1 + 42, 420, {"dose_interval: twice": "alarm"}),
        (2 + 42, 420, {"dose_interval: twice": "alarm"}),
        (3 + 42, 420, {"dose_interval: far too early": "alarm"}),
        (17 + 42, 420, {"dose_interval: too early": "act"}),
        (18 + 42, 420, {}),
    ],
)
def test_a_later_dose(day: int, mg: float, said: dict[str, str]) -> None:
    assert told(course(*LOADED, event("dose_mg", mg, day, T)), day + 1) == said


def test_a_dose_long_ago_is_told_once_and_forbids_nothing() -> None:
    record = course(event("dose_mg", 560, 0, T), event("dose_mg", 4200, 21, T), *doses(42, 43, 63))
    assert told(record, 64) == {
        "dose_check: was above the maximum": "contradiction", "dose_interval: was twice": "contradiction",
    }  # fmt: skip
    for rows in reviewed(record, 64).rows():
        if rows.key.startswith(("dose_check", "dose_interval")):
            assert rows.saying.effects == ()


def test_a_weekly_course_and_its_change_are_in_order() -> None:
    weekly = [event("dose_mg", 280, 0, T), *doses(7, 14, 21, mg=140), *doses(28, 49)]
    assert told(course(*weekly), 50) == {}
    assert told(course(*weekly, event("dose_mg", 140, 55, T)), 56) != {}


def test_a_level_that_was_reduced_is_not_raised_again() -> None:
    reduced = [*doses(0, mg=378, product=ENHERTU), *doses(21, mg=308, product=ENHERTU)]
    for mg, said in ((308, {}), (224, {}), (378, {"order_step: level raised again": "alarm"})):
        record = course(*reduced, event("ordered_mg", mg, 42, ENHERTU), setting="metastatic")
        assert told(record, 42) == said, mg


@pytest.mark.parametrize(
    ("before", "given", "mg"), [(T, KADCYLA, 252), (T, ENHERTU, 378), (KADCYLA, T, 560), (KADCYLA, ENHERTU, 378)]
)
def test_one_dose_of_another_drug_is_an_alarm_and_no_new_course(before: str, given: str, mg: float) -> None:
    first = {T: 560, KADCYLA: 252}[before]
    later = {T: 420, KADCYLA: 252}[before]
    start = [event("dose_mg", first, 0, before), event("dose_mg", later, 21, before)]
    wrong = event("dose_mg", mg, 42, given)
    found = reviewed(course(*start, wrong, setting="metastatic"), 43).patient(0).course
    assert found.standing.product == before
    assert told(course(*start, wrong, setting="metastatic"), 43) == {"given_product: wrong drug": "alarm"}
    again = event("dose_mg", mg if given != T else 420, 63, given)
    went_on = course(*start, wrong, again, setting="metastatic")
    assert reviewed(went_on, 64).patient(0).course.standing.product == given
    assert told(went_on, 64) == {"given_product: was wrong drug": "contradiction"}
    reason = event("progression", "yes", 40)
    assert told(course(*start, reason, wrong, setting="metastatic"), 43) == {}


def test_a_switch_on_record_excuses_the_drug_and_not_the_amount() -> None:
    start = [*LOADED, event("switch_intended", "yes", 60)]
    assert told(course(*start, event("dose_mg", 420, 63, KADCYLA)), 64) == {"dose_check: above the maximum": "alarm"}


def test_an_anthracycline_given_beside_the_antibody_is_given() -> None:
    given = event("dose_mg_per_m2", 60, 42, "doxorubicin")
    found = reviewed(course(*LOADED, given), 50).patient(0).course.findings
    (finding,) = (each for each in found if each.key.startswith("anthracycline_caution"))
    assert (finding.grade.word, finding.key) == ("alarm", "anthracycline_caution: given together")
    ordered = event("ordered_mg", 100, 45, "doxorubicin")
    found = reviewed(course(*LOADED, ordered), 50).patient(0).course.findings
    (finding,) = (each for each in found if each.key.startswith("anthracycline_caution"))
    assert (finding.grade.word, finding.key) == ("alarm", "anthracycline_caution: not together")


def test_a_pregnancy_test_that_was_never_recorded_is_asked_for() -> None:
    her = [event("sex", "female", -30), event("menopausal_status", "premenopausal", -30)]
    for more, is_told in (([], True), ([event("pregnancy_test", "negative", -1)], False),
                          ([event("pregnancy_test", "negative", 30)], False)):  # fmt: skip
        found = reviewed(course(*LOADED, *her, *more), 50).patient(0).course.findings
        assert any(each.key == "pregnancy_test_status: not on record" for each in found) == is_told


def a_history(chance: random.Random) -> Record:
    """A course with whatever may come: doses and orders of any drug, in any amount and unit, with and without weights."""
    events: list[Event] = []
    day = 0
    for _ in range(chance.randrange(1, 12)):
        product = chance.choice(
            [T, T, T, SC, "phesgo", P, KADCYLA, ENHERTU, "zanidatamab", "margetuximab", "tucatinib"]
        )
        fact = chance.choice(["dose_mg", "dose_mg", "dose_mg_per_kg", "dose_given", "ordered_mg", "ordered_mg_per_kg"])
        amount = chance.choice([2, 3.6, 4.4, 5.4, 6, 6.4, 8, 80]) * (70 if fact.endswith("_mg") else 1)
        events.append(
            event(fact, "yes" if fact == "dose_given" else min(amount, 5600 if "_mg" in fact else 49), day, product)
        )
        if chance.random() < 0.2:
            events.append(event("progression", "yes", day))
        day += chance.choice([0, 1, 2, 3, 7, 14, 17, 18, 21, 28, 29, 42, 49, 100, 400])
    weight = chance.choice([None, 70, 55])
    return course(*events, weight=weight, setting=chance.choice(["neoadjuvant", "adjuvant", "metastatic"]),
                  site=chance.choice(["breast", "gastric"]))  # fmt: skip


@pytest.mark.parametrize("seed", range(40))
def test_every_dose_and_order_has_an_answer_for_every_point(seed: int) -> None:
    record = a_history(random.Random(seed))
    entries = [each for each in record.course if each.fact.startswith(("dose_", "ordered_"))]
    days = {(each.day, each.product) for each in entries if each.fact.startswith("dose_")}
    orders = [each for each in entries if each.fact.startswith("ordered_")]
    judged = points(record, 5000, random.Random(seed).choice(["us", "eu"]))
    assert len(judged) == len(days) + len(orders)
    for each in judged:
        wanted = ORDER_POINTS if each["administration"].startswith("order") else DOSE_POINTS
        assert {*each["points"]} == wanted
        unsettled = {name for name, answer in each["points"].items() if answer == UNDETERMINED}
        assert unsettled <= {"licensed_use", "dose_interval"}, each


def test_many_are_judged_as_each_by_itself() -> None:
    records = [a_history(random.Random(seed)) for seed in range(30)]
    for place, record in enumerate(records):
        record.patient = f"p{place}"
    settings = Settings(on=START + dt.timedelta(days=300), jurisdiction="us", at=Site())
    reviewer = Reviewer(default_knowledge(), settings)
    together = reviewer.review_records(records)
    for place, record in enumerate(records):
        alone = reviewer.review_records([record])
        assert together.courses.judged.of(place) == alone.courses.judged.of(0)
        assert together.courses.findings(place) == alone.courses.findings(0)


def test_the_tables_say_of_every_finding_what_the_page_says() -> None:
    records = [a_history(random.Random(seed)) for seed in range(60)]
    for place, record in enumerate(records):
        record.patient = f"p{place}"
    settings = Settings(on=START + dt.timedelta(days=300), jurisdiction="us", at=Site())
    together = Reviewer(default_knowledge(), settings).review_records(records)
    rows = findings_table(together).to_pylist()
    for place, record in enumerate(records):
        if not together.courses.mine[place]:
            continue
        page = [(each.words, each.do, list(each.rows), {*each.origins}) for each in together.courses.findings(place)
                if each.key.partition(": ")[0] in ORDER_POINTS | DOSE_POINTS]  # fmt: skip
        table = [(row["finding"], row["do"], [part for part in row["rows"].split("; ") if part], {*row["origins"]})
                 for row in rows if row["patient"] == record.patient and row["outcome"] in ORDER_POINTS | DOSE_POINTS]  # fmt: skip
        assert sorted(page, key=str) == sorted(table, key=str)
