"""The therapy in FHIR: doses, orders, ejection fractions and everything around them as events of the course."""

from __future__ import annotations

import datetime as dt
import json
from decimal import Decimal
from typing import Any

import pytest

from fhir_makers import ICD10CM, IHC, SNOMED, bundle, coding, concept, observation, patient
from her2path.facts.codes import read_codes
from her2path.facts.value import Interval, OneOf, Reason, Unknown
from her2path.record.event import Record, Trouble
from therapy_makers import (
    CPS,
    DAY,
    ER,
    GRADE,
    HCPCS,
    HEIGHT,
    LVEF,
    LVEF_ECHO,
    LVEF_LIMIT,
    LVEF_MUGA,
    MENOPAUSE,
    NODES,
    PREGNANCY_TEST,
    SIZE,
    STAGE,
    TRASTUZUMAB,
    WEIGHT,
    events,
    facts,
    found,
    given,
    ill,
    medication,
    only,
    ordered,
    record,
    records,
    rx,
    stated,
    told,
)  # fmt: skip

ON = dt.date.fromisoformat(DAY)
NDC = "http://hl7.org/fhir/sid/ndc"
HYLECTA = "5 ML hyaluronidase-oysk 2000 UNT/ML / trastuzumab 120 MG/ML Injection"


def reason(value: Any) -> Reason:
    assert isinstance(value, Unknown)
    return value.reason


# -- which drug --------------------------------------------------------------------------------------

BY_NAME = [
    ("trastuzumab", "trastuzumab-iv", ""), ("Kanjinti 420 mg", "trastuzumab-iv", "kanjinti"),
    ("trastuzumab-anns", "trastuzumab-iv", "kanjinti"), ("TRASTUZUMAB-STRF 150 MG injection", "trastuzumab-iv", ""),
    ("Herceptin (trastuzumab)", "trastuzumab-iv", "herceptin"), ("trastuzumab 6 mg/kg over 90 min", "trastuzumab-iv", ""),
    ("trastuzumab emtansine", "t-dm1", ""), ("ado-trastuzumab emtansine (Kadcyla®)", "t-dm1", "kadcyla"),
    ("fam-trastuzumab deruxtecan-nxki", "t-dxd", ""), ("Enhertu 100 mg", "t-dxd", "enhertu"),
    (HYLECTA, "trastuzumab-sc", ""), ("Herceptin Hylecta", "trastuzumab-sc", "herceptin-hylecta"),
    ("Herceptin SC", "trastuzumab-sc", ""), ("trastuzumab subcutaneous", "trastuzumab-sc", ""),
    ("pertuzumab, trastuzumab, and hyaluronidase-zzxf", "phesgo", ""), ("Phesgo (pertuzumab/trastuzumab)", "phesgo", ""),
    ("pertuzumab 420 mg", "pertuzumab", ""), ("Doxorubicin 50 mg", "doxorubicin", ""),
]  # fmt: skip


@pytest.mark.parametrize(("name", "drug", "brand"), BY_NAME)
def test_a_drug_by_its_name(name: str, drug: str, brand: str) -> None:
    event = only(given(name))
    assert (event.product, event.qualifier) == (drug, brand)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("trastuzumab rezetecan", "'trastuzumab rezetecan' is no drug that is known"),
        ("trastuzumab duocarmazine", "'trastuzumab duocarmazine' is no drug that is known"),
        ("xyz-trastuzumab", "xyz-trastuzumab is no drug that is known"),
        ("trastuzumabum", "trastuzumabum is no drug that is known"),
        ("docetaxel and trastuzumab", "names docetaxel and trastuzumab-iv"),
        ("Kanjinti subcutaneous", "is a brand for infusion, said to be given under the skin"),
        ("HER2 antibody of a study", "speaks of a HER2-directed drug, but neither code nor name is known"),
    ],
)
def test_a_name_that_is_not_understood_whole_is_told_and_not_read(name: str, words: str) -> None:
    made = record(given(name, 440))
    assert [(event.fact, event.value) for event in made.course] == [("her2_drug_recorded", "dose not read")]
    (what,) = told(made)
    assert words in what
    assert "nothing is read from it" in what


@pytest.mark.parametrize("name", ["metformin", "hyaluronidase", "medroxyprogesterone 150 mg"])
def test_any_other_drug_is_nobody(name: str) -> None:
    made = record(given(name, 500), ordered(name, 500))
    assert not made.course
    assert not told(made)


BY_CODE = [
    ([rx("224905")], None, "trastuzumab-iv", ""), ([rx("2119714", HYLECTA)], None, "trastuzumab-sc", ""),
    ([rx("2119714")], "Trastuzumab", "trastuzumab-sc", ""), ([rx("224905"), rx("2119714")], None, "trastuzumab-sc", ""),
    ([rx("224905")], "trastuzumab subcutaneous", "trastuzumab-sc", ""), ([rx("1658084")], None, "t-dm1", "kadcyla"),
    ([coding("Q5117", HCPCS)], None, "trastuzumab-iv", "kanjinti"), ([rx("224905")], "Kanjinti", "trastuzumab-iv", "kanjinti"),
    ([coding("50242-0132-10", NDC)], None, "trastuzumab-iv", "herceptin"),
    ([coding("50242013210", NDC)], None, "trastuzumab-iv", "herceptin"),
    ([rx("224905"), coding("local", "https://x.example")], None, "trastuzumab-iv", ""),
]  # fmt: skip


@pytest.mark.parametrize(("codings", "text", "drug", "brand"), BY_CODE)
def test_a_drug_by_its_code(codings: list[dict[str, Any]], text: str | None, drug: str, brand: str) -> None:
    event = only(given(medication(*codings, text=text)))
    assert (event.product, event.qualifier) == (drug, brand)


@pytest.mark.parametrize(
    ("codings", "text", "words"),
    [
        ([rx("224905"), rx("1658084")], None, "its codes name t-dm1 and trastuzumab-iv: they contradict each other"),
        ([rx("224905", "ado-trastuzumab emtansine")], None, "its code says trastuzumab-iv, its name t-dm1"),
        ([rx("1658084")], "trastuzumab", "its code says t-dm1, its name trastuzumab-iv"),
        ([coding("Q5117", HCPCS)], "trastuzumab SC", "its code says trastuzumab-iv, its name trastuzumab-sc"),
        (
            [rx("224905")],
            "trastuzumab rezetecan",
            "its code says trastuzumab-iv, but 'trastuzumab rezetecan' is no drug",
        ),
        ([rx("2593489", "HER2 inhibitor")], None, "code 2593489 names no one drug"),
    ],
)
def test_codings_that_contradict_each_other_are_told_and_not_read(
    codings: list[dict[str, Any]], text: str | None, words: str
) -> None:
    made = record(given(medication(*codings, text=text), 440))
    assert [(event.fact, event.value) for event in made.course] == [("her2_drug_recorded", "dose not read")]
    assert words in told(made)[0]


def test_two_brands_leave_the_drug_without_one() -> None:
    event = only(given(medication(coding("Q5117", HCPCS), text="Ontruzant"), 440))
    assert (event.product, event.qualifier) == ("trastuzumab-iv", "")
    assert event.note == "two brands are named: kanjinti and ontruzant; neither is read"


def under_the_skin(dose: int) -> dict[str, Any]:
    return {"dosage": {"dose": {"value": dose, "unit": "mg"}, "route": {"text": "Subcutaneous"}}}


def test_the_route_tells_the_subcutaneous_product() -> None:
    assert only(given("trastuzumab", **under_the_skin(600))).product == "trastuzumab-sc"
    made = record(given(medication(coding("Q5117", HCPCS)), **under_the_skin(600)))
    assert [event.value for event in made.course] == ["dose not read"]
    assert "given under the skin: they contradict each other" in told(made)[0]


REFERENCE = {"medicationReference": {"reference": "#m"}}


def test_a_medication_contained_or_elsewhere_in_the_bundle() -> None:
    contained = [{"resourceType": "Medication", "id": "m", "code": concept(rx("224905"))}]
    far = {"resourceType": "Medication", "id": "k", "code": {"text": "Kadcyla"}}
    made = events(
        given(REFERENCE, 440, contained=contained), given({"medicationReference": {"reference": "Medication/k"}}, identity="b"), far,
        given({"medicationReference": {"reference": "Medication/n", "display": "Kanjinti"}}, identity="c"),
    )  # fmt: skip
    assert {(each.product, each.qualifier) for each in made} == {
        ("trastuzumab-iv", ""),
        ("t-dm1", "kadcyla"),
        ("trastuzumab-iv", "kanjinti"),
    }


def test_a_medication_that_is_nowhere_is_told_once() -> None:
    nowhere = [given({"medicationReference": {"reference": f"Medication/{n}"}}, identity=f"a{n}") for n in range(3)]
    made = record(*nowhere)
    assert told(made) == [
        "3 medication resources name medications not found in the source: what was given is not known"
    ]


# -- doses -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("dose", "unit", "fact", "value", "note"),
    [
        (440, "mg", "dose_mg", "440", ""), (0.44, "g", "dose_mg", "440", "0.44 g is read as 440 mg"),
        (6, "mg/kg", "dose_mg_per_kg", "6", ""), (60, "mg/m2", "dose_mg_per_m2", "60", ""),
    ],
)  # fmt: skip
def test_a_dose_in_its_unit(dose: Any, unit: str, fact: str, value: str, note: str) -> None:
    event = only(given(TRASTUZUMAB, dose, unit))
    assert (event.fact, event.value, event.note, event.day) == (fact, Decimal(value), note, ON)


@pytest.mark.parametrize(
    ("dose", "unit", "why", "words"),
    [
        (10, "mL", Reason.UNPARSABLE_TEXT, "dose_mg '10 mL', expected an amount in mg, mg/kg or mg/m2"),
        (440, None, Reason.UNPARSABLE_TEXT, "dose_mg '440', expected an amount in mg, mg/kg or mg/m2"),
        (44000, "mg", Reason.IMPLAUSIBLE, "dose_mg 44000, expected a number (0..10000] (mg)"),
    ],
)
def test_an_amount_that_cannot_be_read_is_a_dose_of_unknown_amount(
    dose: int, unit: str | None, why: Reason, words: str
) -> None:
    event = only(given(TRASTUZUMAB, dose, unit))
    assert (event.fact, event.value) == ("dose_mg", Unknown(why, words))


def test_a_dose_without_an_amount_or_with_two() -> None:
    assert (only(given()).fact, only(given()).value) == ("dose_given", "yes")
    text = only(given(dosage={"text": "6 mg/kg IV over 30 min"}))
    assert (text.fact, text.value) == ("dose_mg_per_kg", Decimal(6))
    both = only(given(dosage={"text": "8 mg/kg, then 6 mg/kg"}))
    assert (both.fact, both.note) == ("dose_given", "the amount is not recorded")
    combined = only(given("Phesgo", 600))
    assert (combined.fact, combined.note) == (
        "dose_given",
        "600 mg of two antibodies in one vial: which of them it counts is not said",
    )


@pytest.mark.parametrize(
    ("status", "fact", "value"),
    [
        ("completed", "dose_mg", Decimal(440)), ("in-progress", "dose_given", "yes"), ("stopped", "dose_given", "yes"),
        ("not-done", "dose_given", "no"), ("on-hold", "hold_recorded", "cardiac"),
        ("unknown", "dose_given", Unknown(Reason.PRELIMINARY, "status 'unknown', expected one of completed, in-progress, stopped, not-done, on-hold")),
    ],
)  # fmt: skip
def test_the_status_of_an_administration(status: str, fact: str, value: Any) -> None:
    event = only(given(TRASTUZUMAB, 440, status=status, statusReason=[{"text": "LVEF fell to 44 %"}]))
    assert (event.fact, event.value, event.product) == (fact, value, "trastuzumab-iv")


def test_what_was_entered_in_error_is_passed_over() -> None:
    made = record(
        given(status="entered-in-error"), ordered(status="entered-in-error"), stated(status="entered-in-error")
    )
    assert not made.course
    assert [each.what for each in made.passed_over] == ["status entered-in-error"] * 3


def test_the_minutes_of_an_infusion() -> None:
    period = {"start": "2026-02-02T10:00:00Z", "end": "2026-02-02T11:30:00Z"}
    _dose, minutes = events(given(on=None, effectivePeriod=period))
    assert (minutes.fact, minutes.value, minutes.day, minutes.product) == (
        "infusion_given_minutes",
        Decimal(90),
        ON,
        "trastuzumab-iv",
    )
    made = record(given(on=None, effectivePeriod=period | {"end": "2026-02-12T10:00:00Z"}))
    assert [each.fact for each in made.course] == ["dose_given"]
    assert told(made) == ["given over more than a day: single doses are not recorded; read as one on the first"]


@pytest.mark.parametrize(
    ("on", "day", "words"),
    [
        ("2026-02", dt.date(2026, 2, 1), "only the month 2026-02 is given; taken as its first day"),
        ("02.02.2026", None, "date '02.02.2026' cannot be read; expected YYYY-MM-DD"),
        ("2026-02-30", None, "date '2026-02-30' cannot be read; expected YYYY-MM-DD"), (None, None, "no date"),
    ],
)  # fmt: skip
def test_a_bad_date_costs_the_day_alone(on: str | None, day: dt.date | None, words: str) -> None:
    made = record(given(TRASTUZUMAB, 440, on=on))
    assert [(each.value, each.day) for each in made.course] == [(Decimal(440), day)]
    assert told(made) == [words]


def test_a_resource_that_stands_twice_counts_once_in_its_latest_version() -> None:
    old = given(TRASTUZUMAB, 400, meta={"lastUpdated": "2026-01-01"})
    new = given(TRASTUZUMAB, 440, meta={"lastUpdated": "2026-01-02"})
    made = record(new, old)
    assert [each.value for each in made.course] == [Decimal(440)]
    assert told(made) == ["it stands again at b.json entry 1 MedicationAdministration/a1"]
    assert len(events(given(TRASTUZUMAB, 440), given(TRASTUZUMAB, 440, identity="a2"))) == 2


# -- orders and statements ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "fact", "value", "day"),
    [
        ("active", "ordered_mg", Decimal(440), ON), ("draft", "ordered_mg", Decimal(440), ON),
        ("on-hold", "hold_recorded", "other", None), ("stopped", "stop_recorded", "progression", None),
        ("cancelled", "stop_recorded", "progression", None),
    ],
)  # fmt: skip
def test_the_status_of_an_order(status: str, fact: str, value: Any, day: dt.date | None) -> None:
    event = only(ordered(TRASTUZUMAB, 440, status=status, statusReason={"text": "progressive disease"}))
    assert (event.fact, event.value, event.day) == (fact, value, day)


def test_an_order_without_an_amount_or_by_surface_is_of_unknown_amount() -> None:
    assert only(ordered()).value == Unknown(Reason.ABSENT, "no amount is ordered")
    assert only(ordered("doxorubicin", 60, "mg/m2")).value == Unknown(
        Reason.ABSENT, "ordered by body surface: 60 mg/m2"
    )
    assert only(ordered(TRASTUZUMAB, 6, "mg/kg")).fact == "ordered_mg_per_kg"


@pytest.mark.parametrize(
    ("why", "value"),
    [
        ("LVEF 42 %", "cardiac"),
        ("cardiotoxicity", "cardiac"),
        ("non-cardiac", "other"),
        ("course completed", "complete"),
        ("", "other"),
    ],
)
def test_why_a_drug_was_stopped(why: str, value: str) -> None:
    assert only(ordered(status="stopped", statusReason={"text": why})).value == value


def test_the_day_of_a_stop_where_the_order_has_one() -> None:
    until = [{"timing": {"repeat": {"boundsPeriod": {"start": "2026-01-01", "end": "2026-03-03"}}}}]
    assert only(ordered(status="stopped", dosageInstruction=until)).day == dt.date(2026, 3, 3)
    assert only(ordered(status="on-hold", statusChanged="2026-04-04")).day == dt.date(2026, 4, 4)
    assert only(ordered(status="on-hold")).note == "the day is not recorded; ordered on 2026-02-02"


def test_an_order_that_was_withdrawn_or_is_none_is_passed_over() -> None:
    made = record(
        ordered(status="cancelled"), ordered(doNotPerform=True, identity="r2"), ordered(intent="option", identity="r3")
    )
    assert not made.course
    assert told(made) == ["status cancelled", "an order not to give it", "an option, not an order"]


def test_completed_orders_are_a_dose_without_a_day_and_are_told_once_where_nothing_was_given() -> None:
    orders = [ordered(status="completed", identity=f"r{n}") for n in range(3)]
    made = record(*orders)
    assert [(event.fact, event.product, event.day) for event in made.course] == [("dose_given", "trastuzumab-iv", None)]
    assert told(made) == ["3 completed orders of trastuzumab-iv: on which days it was given is not recorded"]
    assert told(record(*orders, given())) == []


def test_a_statement_is_one_dose_at_its_start() -> None:
    event = only(stated("Kanjinti", status="active", end="2026-05-01"))
    assert (event.fact, event.value, event.day, event.qualifier) == ("dose_given", "yes", ON, "kanjinti")
    assert event.note == "from a statement (until 2026-05-01): single doses are not recorded"


def test_a_statement_that_ended() -> None:
    _, stop = events(stated(status="stopped", end="2026-05-01", statusReason=[{"text": "heart failure"}]))
    assert (stop.fact, stop.value, stop.day) == ("stop_recorded", "cardiac", dt.date(2026, 5, 1))
    _, stop = events(stated(status="completed", end="2026-05-01"))
    assert (stop.fact, stop.value, stop.day) == ("stop_recorded", "complete", dt.date(2026, 5, 1))
    assert only(stated(status="completed", end=DAY)).fact == "dose_given"  # a day, and no course
    hold = next(each for each in events(stated(status="on-hold")) if each.fact == "hold_recorded")
    assert (hold.value, hold.day) == ("other", None)
    assert only(stated(status="not-taken")).value == "no"
    assert only(stated(status="intended")).fact == "ordered_mg"


# -- observations ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "unit", "read", "note"),
    [
        (60, "%", Decimal(60), ""), (0.55, None, Decimal(55), "the fraction 0.55 is read as 55 percent"),
        (0.55, "1", Decimal(55), "the fraction 0.55 is read as 55 percent"), ("0.6", None, Decimal(60), "the fraction 0.6 is read as 60 percent"),
        ("50-55%", None, Interval(Decimal(50), Decimal(55), True, True), ""), ("> 55 %", None, Interval(Decimal(55)), ""),
        ("LVEF 55 %", None, Decimal(55), ""), ("approximately 60%", None, Decimal(60), ""),
    ],
)  # fmt: skip
def test_an_ejection_fraction(value: Any, unit: str | None, read: Any, note: str) -> None:
    event = only(found(LVEF_ECHO, value, unit))
    assert (event.fact, event.value, event.note, event.qualifier) == ("lvef", read, note, "echo")


@pytest.mark.parametrize(
    ("value", "unit", "why", "words"),
    [
        (5, "%", Reason.IMPLAUSIBLE, "lvef 5, expected a number [10..90] (percent)"),
        (500, "%", Reason.IMPLAUSIBLE, "lvef 500, expected a number [10..90] (percent)"),
        (0.55, "%", Reason.IMPLAUSIBLE, "lvef 0.55, expected a number [10..90] (percent)"),
        ("normal", None, Reason.UNPARSABLE_TEXT, "lvef 'normal', expected a number [10..90] (percent)"),
        (55, "mL", Reason.UNPARSABLE_TEXT, "lvef 55 with the unit 'ml', expected a number [10..90] (percent)"),
    ],
)
def test_an_ejection_fraction_that_cannot_be_read(value: Any, unit: str | None, why: Reason, words: str) -> None:
    assert only(found(LVEF_ECHO, value, unit)).value == Unknown(why, words)


def test_a_limit_is_no_ejection_fraction_and_a_word_is_no_code() -> None:
    assert not events(found(LVEF_LIMIT, 50, "%"))
    made = record(observation(concept(text="LVEF by echo"), None, valueQuantity={"value": 55, "unit": "%"}))
    (named,) = made.course
    assert named.fact == "lvef"
    assert isinstance(named.value, Unknown)
    assert named.value.reason is Reason.UNMAPPED_CODE
    assert "'LVEF by echo' speaks of the ejection fraction, but its code is not one we know" in named.value.detail


def test_the_method_of_two_codings_and_codings_that_contradict() -> None:
    value = {"valueQuantity": {"value": 55, "unit": "%"}}
    assert only(observation(concept(coding(LVEF), coding(LVEF_MUGA)), None, **value)).qualifier == "MUGA"
    assert only(observation(concept(coding(LVEF)), None, **value)).qualifier == "unspecified"
    made = record(observation(concept(coding(LVEF), coding(WEIGHT)), None, **value))
    assert told(made) == ["one observation is coded as lvef and weight_kg: they contradict each other"]


def test_the_status_of_an_observation() -> None:
    assert reason(only(found(LVEF_ECHO, 60, "%", status="preliminary")).value) is Reason.PRELIMINARY
    assert told(record(found(LVEF_ECHO, 60, "%", status="entered-in-error"))) == ["status entered-in-error"]
    assert told(record(found(LVEF_ECHO, 60, "%", status=None))) == ["no status; taken as final"]
    assert only(found(LVEF_ECHO, 60, "%", status="amended")).amended


def test_a_component_is_read_like_an_observation() -> None:
    part = {"code": concept(coding(LVEF_ECHO)), "valueQuantity": {"value": 58, "unit": "%"}}
    event = only(observation(concept(coding("34552-0")), None, on=DAY, component=[part]))
    assert (event.fact, event.value, event.day) == ("lvef", Decimal(58), ON)


@pytest.mark.parametrize(
    ("value", "unit", "kg", "note"),
    [
        (70, "kg", "70", ""), (154, "[lb_av]", "69.853", "154 [lb_av] is read as 69.853 kg"),
        (154, "lbs", "69.853", "154 lbs is read as 69.853 kg"), (70000, "g", "70", "70000 g is read as 70 kg"), ("70 kg", None, "70", ""),
    ],
)  # fmt: skip
def test_a_weight(value: Any, unit: str | None, kg: str, note: str) -> None:
    event = only(found(WEIGHT, value, unit))
    assert (event.value, event.note) == (Decimal(kg), note)


@pytest.mark.parametrize(
    ("unit", "words"),
    [
        (None, "weight_kg 70 without a unit, expected a number [25..300] (kg)"),
        ("bushel", "weight_kg 70 with the unit 'bushel', expected a number [25..300] (kg)"),
    ],
)
def test_a_weight_without_a_unit_may_be_pounds(unit: str | None, words: str) -> None:
    assert only(found(WEIGHT, 70, unit)).value == Unknown(Reason.UNPARSABLE_TEXT, words)


WORDS = [
    (STAGE, "IIB", "2"), (STAGE, "Stage 2A (qualifier value)", "2"), (STAGE, "American Joint Committee on Cancer stage IIIA (qualifier value)", "3"),
    (STAGE, "no stage 4", None), (STAGE, "stage II or stage III", None), (STAGE, "T2N0", None), (GRADE, "G2", "2"), (GRADE, "Grade III", "3"),
    (GRADE, "2/3", "2"), (ER, "Positive", "positive"), (ER, "95%", None), (ER, "not detected", "negative"), (PREGNANCY_TEST, "pos", "positive"),
    (HEIGHT, "1.7 m", Decimal(170)), (SIZE, "2.3 cm", Decimal(23)), (SIZE, "23", None), (NODES, "3", Decimal(3)), (CPS, "CPS 10", Decimal(10)),
    (CPS, "10 %", None),
]  # fmt: skip


@pytest.mark.parametrize(("code", "said", "read"), WORDS)
def test_a_value_in_words(code: str, said: str, read: Any) -> None:
    event = only(found(code, said))
    if read is None:
        assert reason(event.value) is Reason.UNPARSABLE_TEXT
        assert f"{said!r}" in str(event.value) or said in str(event.value)
    else:
        assert event.value == read


def test_a_coded_answer() -> None:
    after = observation(
        concept(coding(MENOPAUSE, SNOMED)), None, valueCodeableConcept=concept(coding("307429007", SNOMED))
    )
    assert only(after).value == "postmenopausal"
    both = concept(coding("307429007", SNOMED), coding("309606002", SNOMED))
    assert (
        reason(only(observation(concept(coding(MENOPAUSE, SNOMED)), None, valueCodeableConcept=both)).value)
        is Reason.CONTRADICTORY
    )


# -- the patient and what stands around --------------------------------------------------------------


def test_the_patient() -> None:
    about = patient() | {"gender": "female", "birthDate": "1960-05-06", "deceasedDateTime": "2026-03-03T10:00:00Z"}
    said = {each.fact: (each.value, each.day) for each in record(about=about).course}
    assert said == {
        "sex": ("female", None),
        "birth_date": ("1960-05-06", None),
        "death_date": ("2026-03-03", dt.date(2026, 3, 3)),
    }
    odd = record(about=patient() | {"gender": "other", "birthDate": "x", "deceasedBoolean": True})
    assert all(isinstance(each.value, Unknown) for each in odd.course)
    assert told(odd) == ["birth: date 'x' cannot be read; expected YYYY-MM-DD"]
    assert told(record(about=patient() | {"birthDate": "1960"})) == [
        "birth: only the year 1960 is given; taken as its first day"
    ]


def test_a_condition() -> None:
    assert only(ill("84114007")).value == "yes"
    assert only(ill("I50.21", ICD10CM)).fact == "heart_failure"
    assert reason(only(ill("84114007", truth="provisional")).value) is Reason.PRELIMINARY
    refuted = record(ill("84114007", truth="refuted"))
    assert not refuted.course
    assert told(refuted) == ["84114007: refuted"]
    assert [
        (each.value, each.note) for each in events(ill("84114007", clinical="resolved", abatementDateTime="2026-07-01"))
    ] == [("yes", "ended 2026-07-01")]
    both = record(ill("Z17.0", ICD10CM) | {"code": concept(coding("Z17.0", ICD10CM), coding("Z17.1", ICD10CM))})
    assert told(both) == ["er_status is coded as negative and positive: they contradict each other"]


def test_a_pregnancy_that_ended() -> None:
    begin, end = events(ill("77386006", clinical="resolved", abatementDateTime="2026-07-01"))
    assert (begin.value, begin.day, end.value, end.day) == ("yes", ON, "no", dt.date(2026, 7, 1))
    _, undated = events(ill("77386006", clinical="resolved"))
    assert (undated.value, undated.day, undated.note) == ("no", None, "ended, on a day that is not recorded")


def test_a_procedure_counts_once_it_is_done() -> None:
    surgery = {
        "resourceType": "Procedure",
        "id": "p",
        "status": "completed",
        "performedDateTime": DAY,
        "code": concept(coding("64368001", SNOMED)),
    }
    assert (only(surgery).fact, only(surgery).day) == ("surgery_done", ON)
    assert reason(only(surgery | {"status": "in-progress"}).value) is Reason.PRELIMINARY
    planned = record(surgery | {"status": "preparation"})
    assert not planned.course
    assert told(planned) == ["64368001: status preparation"]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("Trastuzumab", "trastuzumab"), ("Herceptin Hylecta", OneOf(frozenset(("trastuzumab", "hyaluronidase")))),
        ("hyaluronidase", "hyaluronidase"), ("Benzyl alcohol", "benzyl alcohol"), ("Peanut", None), ("Kadcyla", None),
    ],
)  # fmt: skip
def test_an_allergy(text: str, value: Any) -> None:
    allergy = {
        "resourceType": "AllergyIntolerance",
        "id": "al",
        "patient": {"reference": "Patient/p1"},
        "code": {"text": text},
    }
    assert [each.value for each in events(allergy)] == ([] if value is None else [value])
    assert not events(allergy | {"verificationStatus": concept(coding("refuted"))})


# -- nothing else is lost ----------------------------------------------------------------------------

BAD: list[dict[str, Any]] = [
    {"dosage": 5}, {"dosage": {"dose": 5}}, {"dosage": {"dose": {"value": {}}}}, {"dosage": {"text": 5}}, {"effectivePeriod": 5},
    {"statusReason": 5}, {"contained": 5}, {"status": ["completed"]}, {"status": {}}, {"effectiveDateTime": 5},
    {"medicationCodeableConcept": 5}, {"medicationCodeableConcept": {"coding": 5}}, {"medicationReference": 5}, {"subject": 5},
    {"id": 5},
]  # fmt: skip


@pytest.mark.parametrize("bad", BAD, ids=json.dumps)
def test_one_bad_resource_never_loses_the_rest(bad: dict[str, Any]) -> None:
    document = bundle(
        patient(), observation(IHC, "3+"), given(TRASTUZUMAB, 440) | bad, given(TRASTUZUMAB, 450, identity="good")
    )
    made = records(document)
    (whole,) = (each for each in made if isinstance(each, Record))
    assert Decimal(450) in [each.value for each in whole.course]
    assert [each.value for each in whole.events] == ["3+"]
    assert all(each.what for each in made if isinstance(each, Trouble))


def test_a_key_that_stands_twice_costs_its_resource() -> None:
    for twice in (
        json.dumps(given(TRASTUZUMAB, 440)).replace('"value": 440', '"value": 440, "value": 44'),
        json.dumps(given()).replace('"status": "completed"', '"status": "completed", "status": "not-done"'),
        json.dumps(found(WEIGHT, 70, "kg")).replace('"unit": "kg"', '"unit": "kg", "unit": "lb"'),
        json.dumps(found(WEIGHT, 70, "kg")).replace('"status": "final"', '"status": "final", "status": "cancelled"'),
        json.dumps(found(WEIGHT, 70, "kg")).replace(
            '"effectiveDateTime"', '"effectiveDateTime": "2020-01-01", "effectiveDateTime"'
        ),
    ):
        document = json.dumps(bundle(patient(), given(TRASTUZUMAB, 450, identity="good"))).replace(
            '{"resource": {"resourceType": "Patient"',
            '{"resource": ' + twice + '}, {"resource": {"resourceType": "Patient"',
        )
        (whole,) = (each for each in records(document.encode()) if isinstance(each, Record))
        read, unread = (
            [each.value for each in whole.course if each.origin.endswith("/good") == is_good]
            for is_good in (True, False)
        )
        assert read == [Decimal(450)]
        assert all(isinstance(value, Unknown) or value == "dose not read" for value in unread)
        assert "stands twice in one object" in told(whole)[0]


@pytest.mark.parametrize(
    "resource", [given(), given(TRASTUZUMAB, 440), found(WEIGHT, 70, "kg")], ids=["no amount", "amount", "weight"]
)
def test_a_key_that_nobody_reads_costs_its_resource_too(resource) -> None:
    twice = json.dumps(bundle(patient(), resource)).replace('"status"', '"language": "en", "language": "de", "status"')
    (whole,) = (each for each in records(twice.encode()) if isinstance(each, Record))
    (event,) = whole.course
    assert isinstance(event.value, Unknown) or event.value == "dose not read"
    assert "the key 'language' stands twice in one object" in told(whole)[0]


def test_the_plain_way_and_the_full_way_read_the_same() -> None:
    """A narrative with a status of its own sends a resource the full way; nothing else changes."""
    narrative = {"text": {"status": "generated", "div": "x"}}
    cases = [
        given(),
        given(TRASTUZUMAB, 440),
        found(WEIGHT, 154, "lbs"),
        found(STAGE, "IIB"),
        found(LVEF_ECHO, 0.5),
        found(WEIGHT, 70),
    ]
    cases.append(
        observation(
            concept(coding(STAGE)),
            None,
            valueCodeableConcept=concept(coding("1", SNOMED, "Stage 2A (qualifier value)")),
        )
    )
    for case in cases:
        assert events(case) == events(case | narrative)


# -- the tables that ship ----------------------------------------------------------------------------

THERAPY = read_codes().therapy


@pytest.mark.skipif(not THERAPY.drugs, reason="no tables of the therapy are written yet")
def test_every_fact_and_value_of_the_tables_exists() -> None:
    for key, measure in THERAPY.measures.items():
        assert not measure.fact or measure.fact in facts(), key
    for key, stated_facts in THERAPY.claims.items():
        for fact, value in stated_facts:
            assert fact in facts(), key
            assert value == "unclear" or not isinstance(facts()[fact].coerce(value), Unknown), (key, fact, value)


@pytest.mark.skipif(not THERAPY.names, reason="no tables of the therapy are written yet")
def test_every_drug_of_the_tables_is_found_by_its_own_name() -> None:
    from her2path.read.drugs import Drugs

    drugs = Drugs(read_codes())
    for name, drug in THERAPY.names.items():
        named = drugs.identify((), name)
        assert (named.drug, named.trouble) == (drug.drug, ""), name


def test_nodes_that_were_examined_are_not_nodes_that_are_positive() -> None:
    measures = read_codes().therapy.measures
    assert measures["LOINC", "21893-3"].fact == "positive_nodes"
    assert not measures["LOINC", "21894-1"].fact
