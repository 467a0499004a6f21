"""Hard histories from the command line, each told as FHIR and as CSV: what must be said is said, unknown never becomes no."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import fhir_makers as fhir
import therapy_makers as therapy
from her2path.cli.group import main
from history_makers import (
    dose,
    every,
    findings,
    flat,
    heart_failure,
    her2,
    hold,
    lvef,
    metastatic,
    order,
    person,
    pregnant,
    premenopausal,
    review,
    substance,
    surgery,
    weight,
    write_csv,
    write_fhir,
)

HER = [person(), her2("2025-01-10"), surgery("2025-01-20")]
WEIGHED = [*HER, weight("2025-02-01", 70)]
BASE = [*WEIGHED, lvef("2025-02-01", 62)]
"""A woman of 50 after surgery, HER2-positive, 70 kg, LVEF 62 %."""
FOUR = [dose("2025-02-10", amount=560), every(21, "2025-03-03", 3, amount=420)]
SIX = [dose("2025-02-10", amount=560), every(21, "2025-03-03", 5, amount=420)]
"""Every three weeks, the last on 2025-04-14 and on 2025-05-26."""
SEEN = lvef("2025-05-10", 63)

OVERDUE = ("act", "echo_status: overdue")
HELD = ("act", "cardiac_action: hold")
IN_HOLD = ("alarm", "unsafe_dose: during a hold")
EXPOSED = ("alarm", "pregnancy_exposure: exposure in pregnancy")
BEFORE_RESULT = ("contradiction", "her2_basis: result after the start")
AFTER_DEATH = ("contradiction", "record_doubt: doses after death")
RELOAD = ("act", "missed_dose_action: reload")
LATE = ("act", "missed_dose_action: maintenance")
TWO_PRODUCTS = ("alarm", "record_doubt: two products on one day")
STOP = ("alarm", "cardiac_action: stop")


@dataclass(frozen=True)
class Case:
    """A history, the day it is reviewed, and what must come of it.

    `first` is how the key of the first finding begins, `found` the others that must be there, `words` parts of what is said,
    `never` parts of keys that must not be there; `dosed` whether the plan may hold a next dose, `facts` some facts.
    """

    on: str
    history: list[Any]
    first: tuple[str, str] | None = None
    found: tuple[tuple[str, str], ...] = ()
    words: tuple[str, ...] = ()
    never: tuple[str, ...] = ()
    dosed: bool = True
    facts: dict[str, str | None] = field(default_factory=dict)
    options: tuple[str, ...] = ()


CASES = {
    "nothing hard": Case("2025-06-01", [BASE, SIX, SEEN], never=("alarm", "unsafe", "missed")),
    "doses before the HER2 result": Case("2025-06-01", [person(), her2("2025-04-10"), BASE[3:], SIX, SEEN], BEFORE_RESULT),
    "trastuzumab and pertuzumab on one day": Case(
        "2025-06-01", [BASE, SIX, SEEN, dose("2025-02-10", "pertuzumab", 840), every(21, "2025-03-03", 5, "pertuzumab", 420)],
        never=("record_doubt", "alarm"), facts={"two_products_one_day": "no", "partner_pertuzumab": "yes"},
    ),
    "IV and subcutaneous on one day": Case(
        "2025-06-01", [BASE, SIX, SEEN, dose("2025-05-26", "trastuzumab-sc", 600)], TWO_PRODUCTS, facts={"two_products_one_day": "yes"},
    ),
    "trastuzumab and T-DM1 on one day": Case(
        "2025-06-01", [BASE, SIX, SEEN, dose("2025-05-26", "t-dm1", 252)], TWO_PRODUCTS, facts={"two_products_one_day": "yes"},
    ),
    "holds recorded over one another are one": Case(
        "2025-05-24", [BASE, FOUR, lvef("2025-05-10", 44), hold("2025-05-11"), hold("2025-05-18")],
        HELD, facts={"hold_open": "yes", "hold_count": "0"}, dosed=False,
    ),
    "a hold for an infection beside one for the heart": Case(
        "2025-05-24", [BASE, FOUR, lvef("2025-05-10", 44), hold("2025-05-11"), hold("2025-05-12", "other")],
        HELD, words=("another reason than the heart",), facts={"hold_open": "yes"}, dosed=False,
    ),
    "a hold without an LVEF": Case(
        "2025-06-20", [BASE, FOUR, hold("2025-05-11")], found=(("missing", "cardiac_action: undetermined"),),
        facts={"lvef": None, "hold_open": "yes"}, dosed=False,
    ),
    "two LVEFs on one day": Case(
        "2025-05-24", [BASE, FOUR, lvef("2025-05-10", 58, method="MUGA"), lvef("2025-05-10", 44)], HELD,
        words=("two LVEFs on 2025-05-10", "the lower counts"), facts={"lvef": "44"}, dosed=False,
    ),
    "LVEF 5": Case("2025-05-30", [BASE, SIX, lvef("2025-05-10", 5)], found=(OVERDUE,), words=("implausible: lvef 5,",), never=("hold",)),
    "LVEF 500": Case("2025-05-30", [BASE, SIX, lvef("2025-05-10", 500)], found=(OVERDUE,), words=("implausible: lvef 500,",)),
    "LVEF normal": Case("2025-05-30", [BASE, SIX, lvef("2025-05-10", "normal", "")], found=(OVERDUE,), words=("unparsable text: lvef 'normal'",)),
    "LVEF 50-55%": Case(
        "2025-05-30", [BASE, SIX, lvef("2025-05-10", "50-55%", "")], words=("[50..55] on 2025-05-10",),
        never=("overdue",),
    ),
    "LVEF 50-55% where the fall decides": Case(
        "2025-05-24", [WEIGHED, lvef("2025-02-01", 66), FOUR, lvef("2025-05-10", "50-55%", "")], dosed=False,
    ),
    "LVEF as a fraction": Case(
        "2025-05-24", [BASE, FOUR, lvef("2025-05-10", 0.44, "")], HELD, words=("0.44 is read as 44 percent",), dosed=False,
    ),
    "weight in pounds": Case(
        "2025-06-01", [HER, weight("2025-02-01", 154, "lb"), lvef("2025-02-01", 62), SIX, SEEN],
        words=("154 lb is read as 69.853 kg",), never=("dose_check: differs", "dose_check: far off"),
    ),
    "dose in mg/kg": Case(
        "2025-06-01", [BASE, dose("2025-02-10", amount=8, unit="mg/kg"), every(21, "2025-03-03", 5, amount=6, unit="mg/kg"), SEEN],
        never=("dose_check", "missed"), facts={"dose_off_percent": "0"},
    ),
    "no weight": Case("2025-06-01", [HER, lvef("2025-02-01", 62), SIX, SEEN], facts={"weight_kg": None, "dose_off_percent": "no weight"}),
    "a gap of a year": Case(
        "2026-07-01", [BASE, SIX, SEEN, dose("2026-06-22", amount=560)], ("act", "baseline_lvef_window: too old"), (OVERDUE,),
        words=("began anew on 2026-06-22",),
        facts={"course_restarted": "yes", "doses_given": "1"},
    ),
    "a gap of ten months": Case(
        "2026-04-01", [BASE, SIX, SEEN, dose("2026-03-26", amount=560)], OVERDUE,
        (("contradiction", "adjuvant_duration: beyond one year"),), dosed=False, facts={"course_restarted": "no"},
    ),
    "a missed dose": Case("2025-06-30", [BASE, SIX, SEEN], RELOAD),
    "another biosimilar in a hold": Case(
        "2025-06-20",
        [BASE, dose("2025-02-10", amount=560, brand="kanjinti"), every(21, "2025-03-03", 3, amount=420, brand="kanjinti"),
         lvef("2025-05-01", 45), dose("2025-05-12", amount=420, brand="ogivri")],
        IN_HOLD, (HELD,), ("kanjinti from 2025-02-10, then ogivri from 2025-05-12",), dosed=False,
    ),
    "another biosimilar after a hold": Case(
        "2025-06-20",
        [BASE, dose("2025-02-10", amount=560, brand="kanjinti"), every(21, "2025-03-03", 3, amount=420, brand="kanjinti"),
         lvef("2025-05-01", 45), lvef("2025-06-02", 58), dose("2025-06-16", amount=560, brand="trazimera")],
        never=("alarm",), facts={"hold_count": "1", "hold_open": "no", "doses_given": "5"},
    ),
    "death": Case(
        "2025-07-20", [person(died="2025-06-01"), BASE[1:], SIX], never=("echo", "missed", "cardiac", "contraception", "record_doubt"),
        dosed=False, facts={"alive": "no"},
    ),
    "doses after death": Case("2025-07-20", [person(died="2025-05-01"), BASE[1:], SIX], AFTER_DEATH, dosed=False),
    "a man": Case(
        "2025-06-01", [person("male"), BASE[1:], SIX, SEEN], never=("contraception", "pregnan", "breastfeeding"),
        facts={"reproductive_potential": "no"},
    ),
    "a man before the start": Case(
        "2025-02-05", [person("male"), BASE[1:], order("2025-02-04", "trastuzumab-iv", 560)], never=("contraception", "pregnan"),
    ),
    "a man under T-DM1": Case(
        "2025-06-01", [person("male"), BASE[1:], every(21, "2025-03-03", 5, "t-dm1", 252), SEEN],
        found=(("note", "effective_contraception_needed: needed"),), never=("pregnan",),
    ),
    "age 17": Case("2025-06-01", [person(born="2007-12-01"), BASE[1:], SIX, SEEN], facts={"age_years": "17"}),
    "pregnancy during therapy": Case(
        "2025-05-30", [person(born="1990-01-01"), BASE[1:], premenopausal("2025-01-02"), SIX, SEEN, pregnant("2025-05-20")],
        EXPOSED, never=("contraception_needed",), dosed=False,
    ),
    "pregnancy in the washout": Case(
        "2025-12-01", [BASE, SIX, SEEN, pregnant("2025-10-20")], ("alarm", "pregnancy_exposure: "), dosed=False,
    ),
    "pregnancy before the start": Case(
        "2025-02-05", [BASE, premenopausal("2025-01-02"), pregnant("2025-01-25"), order("2025-02-04", "trastuzumab-iv", 560)],
        ("alarm", "pregnancy_check: do not start"), dosed=False,
    ),
    "no pregnancy test before the start": Case(
        "2025-02-05", [BASE, premenopausal("2025-01-02"), order("2025-02-04", "trastuzumab-iv", 560)],
        ("act", "pregnancy_check: verify before start"),
    ),
    "what comes later is not known yet": Case(
        "2025-04-20", [BASE, SIX, lvef("2025-05-10", 40), pregnant("2025-05-20")], words=("dated after 2025-04-20 and not used",),
        never=("alarm", "pregnan"), facts={"lvef": "62", "pregnant": None},
    ),
    "resumed five years later": Case(
        "2025-06-10",
        [person(), her2("2019-12-10"), surgery("2020-01-20"), weight("2025-04-20", 70), lvef("2020-02-01", 64),
         dose("2020-02-10", amount=560), every(21, "2020-03-02", 16, amount=420), metastatic("2025-04-15"), lvef("2025-04-20", 60),
         dose("2025-05-05", amount=560), dose("2025-05-26", amount=420)],
        words=("began anew on 2025-05-05",), never=("adjuvant_duration", "alarm", "missed"),
        facts={"setting": "metastatic", "lvef_baseline": "60", "doses_given": "2", "course_restarted": "yes"},
    ),
    "an order without a dose": Case(
        "2025-02-05", [WEIGHED, order("2025-02-04", "trastuzumab-iv", 560)], found=(("act", "baseline_status: needed before the start"),),
        never=("missed", "echo_status"), facts={"therapy_phase": "before start"},
    ),
    "IV, then subcutaneous": Case(
        "2025-06-05", [BASE, FOUR, dose("2025-05-05", amount=420), SEEN, dose("2025-05-26", "trastuzumab-sc", 600)],
        never=("alarm", "dose_check: far", "missed"), facts={"product": "trastuzumab-sc", "doses_given": "6"},
    ),
    "subcutaneous ordered in a course of IV": Case(
        "2025-06-05", [BASE, SIX, SEEN, order("2025-06-02", "trastuzumab-sc", 600)],
        ("alarm", "product_mixup: subcutaneous ordered for intravenous"),
    ),
    "T-DM1 ordered in a course of trastuzumab": Case(
        "2025-06-05", [BASE, SIX, SEEN, order("2025-06-02", "t-dm1", 252)],
        ("alarm", "product_mixup: conjugate ordered instead of antibody"),
    ),
    "Phesgo": Case(
        "2025-06-05", [BASE, dose("2025-02-10", "phesgo", brand="phesgo"), every(21, "2025-03-03", 5, "phesgo", brand="phesgo"), SEEN],
        never=("alarm", "record_doubt", "missed"), facts={"product": "phesgo", "doses_given": "6"},
    ),
    "T-DXd, then THP before surgery": Case(
        "2025-06-05",
        [person(), her2("2025-01-10"), weight("2025-01-20", 70), lvef("2025-01-20", 62), every(21, "2025-01-27", 4, "t-dxd", 378),
         dose("2025-04-21", amount=560), dose("2025-04-21", "pertuzumab", 840), dose("2025-05-12", amount=420),
         dose("2025-05-12", "pertuzumab", 420), lvef("2025-04-15", 60)],
        LATE, never=("alarm", "record_doubt"), facts={"product": "trastuzumab-iv", "prior_t_dxd": "yes", "setting": None},
    ),
    "every week": Case(
        "2025-04-04", [BASE, dose("2025-02-10", amount=280), every(7, "2025-02-17", 6, amount=140)], LATE,
        facts={"schedule": "weekly", "doses_given": "7"},
    ),
    "an EU patient": Case("2025-06-05", [BASE, SIX, SEEN], never=("alarm", "boxed"), options=("--jurisdiction", "eu")),
    "an EU patient on hold": Case(
        "2025-05-24", [BASE, FOUR, lvef("2025-05-10", 44)], HELD, never=("boxed", "hold_status: too early"), dosed=False,
        options=("--jurisdiction", "eu"),
    ),
    "heart failure": Case(
        "2025-06-05", [BASE, FOUR, lvef("2025-04-20", 63), heart_failure("2025-04-25")], STOP, dosed=False,
        facts={"stopped_for_good": "yes"},
    ),
    "no HER2 test": Case("2025-06-01", [person(), BASE[3:], SIX, SEEN], found=(("missing", "her2_basis: undetermined"),)),
    "HER2 negative": Case(
        "2025-06-01", [person(), her2("2025-01-10", "0"), BASE[3:], SIX, SEEN], ("contradiction", "her2_basis: given although negative"),
    ),
    "nothing since a year": Case(
        "2026-06-01", [BASE, SIX, SEEN], words=("whether the course goes on is unknown",), facts={"therapy_phase": None}, dosed=False,
    ),
}  # fmt: skip

ROUTE_ONLY = ("dose_given: the amount is not recorded",)
"""Notes that only FHIR has: a resource without an amount says less than a row that claims no amount."""
OTHER_FACTS = ("heart_failure_history",)
"""Facts that only a diagnosis gives."""


@cache
def _both(name: str, folder: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    case = CASES[name]
    paths = write_csv(folder, *case.history), write_fhir(folder, *case.history)
    by_csv, by_fhir = (review(path, case.on, *case.options) for path in paths)
    return by_csv, by_fhir


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("histories")


def _comparable(reviewed: dict[str, Any]) -> dict[str, Any]:
    held = substance(reviewed)
    held["findings"] = [each for each in held["findings"] if each[1] not in ROUTE_ONLY]
    if "facts" in held:
        held["facts"] = {name: value for name, value in held["facts"].items() if name not in OTHER_FACTS}
    return held


@pytest.mark.parametrize("name", CASES)
def test_both_routes_find_the_same(name: str, folder: Path) -> None:
    by_csv, by_fhir = _both(name, folder)
    assert _comparable(by_csv) == _comparable(by_fhir)
    assert not by_csv["not_read"]
    assert not by_fhir["not_read"]


@pytest.mark.parametrize("name", CASES)
def test_what_must_be_said_is_said_first(name: str, folder: Path) -> None:
    case, (reviewed, _) = CASES[name], _both(name, folder)
    told = findings(reviewed)
    course = reviewed["course"]
    if case.first is not None:
        grade, key = case.first
        assert told[0][0] == grade
        assert told[0][1].startswith(key)
    assert set(case.found) <= set(told)
    said = "\n".join(each["finding"] for each in (*course["findings"], *reviewed["findings"]))
    assert [part for part in case.words if part not in said] == []
    assert [each for each in told if any(part in " ".join(each) for part in case.never)] == []


@pytest.mark.parametrize("name", CASES)
def test_what_is_not_known_stays_unknown(name: str, folder: Path) -> None:
    case, (reviewed, _) = CASES[name], _both(name, folder)
    course = reviewed["course"]
    assert {fact: course["facts"].get(fact) for fact in case.facts} == case.facts
    doses = [item for item in course["plan"] if item["kind"] == "dose"]
    if not case.dosed:
        assert doses == []
    for item in doses:
        assert ("dose_mg" in item["details"]) or item["details"].get("unknown") or " + " in item["what"]
    if case.first is not None:
        grades = ["alarm", "act", "contradiction", "due", "missing", "unreadable", "note"]
        order_of = [grades.index(each["grade"]) for each in course["findings"]]
        assert order_of == sorted(order_of)


def test_a_dose_without_a_weight_says_why_it_has_no_amount(folder: Path) -> None:
    by_csv, by_fhir = _both("no weight", folder)
    for reviewed in (by_csv, by_fhir):
        (item,) = [each for each in reviewed["course"]["plan"] if each["kind"] == "dose"]
        assert "weight is not known" in item["details"]["unknown"]
        assert "dose_mg" not in item["details"]


def test_the_two_antibodies_are_planned_each_by_itself(folder: Path) -> None:
    by_csv, _ = _both("trastuzumab and pertuzumab on one day", folder)
    doses = [item for item in by_csv["course"]["plan"] if item["kind"] == "dose"]
    assert [(item["what"].partition(":")[0], item["earliest"], item["details"]["dose_mg"]) for item in doses] == [
        ("trastuzumab-iv", "2025-06-16", "420"), ("pertuzumab", "2025-06-16", "420"),
    ]  # fmt: skip


def test_no_one_is_asked_what_her_sex_or_age_forbids(folder: Path) -> None:
    by_csv, _ = _both("a man", folder)
    assert not {"pregnancy_check", "pregnancy_exposure"} & set(by_csv["course"]["decisions"])
    assert "contraception" not in {item["kind"] for item in by_csv["course"]["plan"]}


# -- only in FHIR ---------------------------------------------------------------------------------


def _bundle(folder: Path, *resources: dict[str, Any]) -> Path:
    listed = [each.resource for each in flat([BASE]) if each.resource]
    numbered = [each | {"id": f"b{n}"} if each["resourceType"] != "Patient" else each for n, each in enumerate(listed)]
    return fhir.write(folder / "b.json", fhir.bundle(*numbered, *resources))


def test_of_a_statement_alone_the_doses_stay_unknown(tmp_path: Path) -> None:
    reviewed = review(_bundle(tmp_path, therapy.stated("trastuzumab", start="2025-02-10")), "2025-06-05")
    course = reviewed["course"]
    assert "therapy_phase" not in course["facts"]
    assert any("single doses are not recorded" in each["finding"] for each in course["findings"])
    assert not any(item["kind"] == "dose" for item in course["plan"])


BAD: dict[str, dict[str, Any]] = {
    "a quantity that is a word": therapy.found(therapy.LVEF) | {"valueQuantity": "55"},
    "a date that is a number": therapy.given("trastuzumab", 420) | {"effectiveDateTime": 5},
    "a dosage that is a list": therapy.given("trastuzumab", 420) | {"dosage": []},
    "a status that is an object": therapy.given("trastuzumab", 420) | {"status": {"a": 1}},
    "a medication that is a list": therapy.given("trastuzumab", 420) | {"medicationCodeableConcept": []},
    "a code that is a word": therapy.found(therapy.WEIGHT, 70, "kg") | {"code": "29463-7"},
    "a pregnancy without a shape": therapy.ill("77386006") | {"onsetDateTime": {}, "clinicalStatus": 1},
    "an order of nothing": therapy.ordered("trastuzumab") | {"dosageInstruction": "daily"},
}


@pytest.mark.parametrize("name", BAD)
def test_one_bad_resource_loses_nothing_else(name: str, tmp_path: Path) -> None:
    doses = [each.resource | {"id": f"d{n}"} for n, each in enumerate(flat([SIX, SEEN]))]
    good = review(_bundle(tmp_path, *doses), "2025-06-05")
    bad = review(_bundle(tmp_path, *doses, BAD[name] | {"id": "bad"}), "2025-06-05")
    held = ("first", "last", "lvef", "baseline", "next_dose")
    assert {day: bad["course"]["days"].get(day) for day in held} == {day: good["course"]["days"][day] for day in held}
    assert bad["her2_status"] == good["her2_status"] == "positive"
    assert bad["course"]["facts"]["doses_given"] == "6"


def test_a_bad_resource_is_told_with_its_place(tmp_path: Path) -> None:
    reviewed = review(
        _bundle(tmp_path, BAD["a quantity that is a word"] | {"id": "bad"}, therapy.given("trastuzumab", 560)),
        "2026-02-05",
    )
    (told,) = [each for each in reviewed["course"]["findings"] if each["grade"] == "unreadable"]
    assert told["from"][0].endswith("Observation/bad")
    assert "'55'" in told["finding"]


# -- the courses that ship, as FHIR and calendar ---------------------------------------------------

COURSES = sorted((Path(__file__).parent.parent / "examples" / "courses").glob("*.csv"))
DAYS = ("2025-10-08", "2026-02-03", "2026-05-15")


def _references(part: Any) -> list[str]:
    if isinstance(part, dict):
        own = [part["reference"]] if isinstance(part.get("reference"), str) else []
        return own + [each for value in part.values() for each in _references(value)]
    return [each for value in part for each in _references(value)] if isinstance(part, list) else []


@pytest.mark.parametrize("path", COURSES, ids=lambda path: path.stem)
@pytest.mark.parametrize("on", DAYS)
def test_a_course_as_fhir_validates_and_its_calendar_opens(path: Path, on: str, tmp_path: Path) -> None:
    model = pytest.importorskip("fhir.resources.R4B").get_fhir_model_class("Bundle")
    calendar = pytest.importorskip("icalendar").Calendar
    out = tmp_path / "out.ndjson"
    arguments = ["review", str(path), "--on", on, "--format", "fhir", "--calendar", str(tmp_path / "c"), "-o", str(out)]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 0, result.exception or result.output
    (line,) = out.read_text(encoding="utf-8").splitlines()
    bundle = json.loads(line)
    model.model_validate(bundle)
    entries = bundle.get("entry", [])
    within = {entry["fullUrl"] for entry in entries}
    assert len(within) == len(entries)
    assert {each for each in _references(bundle) if each.startswith("urn:")} <= within
    assert {each for each in _references(bundle) if not each.startswith("urn:")} <= {f"Patient/{path.stem}"}
    for request in (entry["resource"] for entry in entries if entry["resource"]["resourceType"] == "MedicationRequest"):
        drug = request["medicationCodeableConcept"]["text"]
        assert (request["status"], request["intent"]) == ("draft", "proposal")
        assert f"{drug}: " in request["dosageInstruction"][0]["text"]
    for file in (tmp_path / "c").glob("*"):
        assert not any(part.errors for part in calendar.from_ical(file.read_bytes()).walk())
