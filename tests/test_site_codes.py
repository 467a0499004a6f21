"""Codes under every address of their system, names without codes, and what a record of another organ comes to."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import fhir_makers as make
from her2path.facts.codes import read_codes, system_name
from her2path.facts.value import Reason, Unknown
from her2path.facts.words.systems import shorter_forms
from her2path.findings.reviews import PatientReview
from her2path.record.event import Record
from her2path.tables.site import Site

CASES = Path(__file__).parent / "records"
ON = make.dt.date(2025, 9, 15)
GM = "http://fhir.de/CodeSystem/bfarm/icd-10-gm"
CERTAINTY = "http://fhir.de/StructureDefinition/icd-10-gm-diagnosesicherheit"


def case(name: str) -> PatientReview:
    """The review of a case that ships with the tests."""
    (only,), troubles = make.review_of(CASES / name, on=ON)
    assert not troubles
    return only


def course_words(review: PatientReview) -> list[str]:
    """All that is found of the course, as `grade: words`."""
    assert review.course is not None
    return [f"{finding.grade.word}: {finding.words}" for finding in review.course.findings]


def told(review: PatientReview, *parts: str) -> bool:
    return any(all(part in words for part in parts) for words in course_words(review))


def with_condition(folder: Path, **condition: Any) -> PatientReview:
    """The control with a further condition of 10 September 2025."""
    return with_resource(folder, {"resourceType": "Condition", "id": "hf", "onsetDateTime": "2025-09-10", **condition})


def with_resource(folder: Path, *resources: dict[str, Any]) -> PatientReview:
    """The base of the cases, with an LVEF that is fine, and further resources."""
    bundle = json.loads((CASES / "P41-heart-failure-text-only.json").read_text(encoding="utf-8"))
    entries = [entry for entry in bundle["entry"] if entry["resource"].get("id") != "hf"]
    entries += [{"resource": {"subject": {"reference": "Patient/p1"}, **resource}} for resource in resources]
    path = make.write(folder / "record.json", bundle | {"entry": entries})
    (only,), troubles = make.review_of(path, on=ON)
    assert not troubles
    return only


def record_with(*resources: dict[str, Any]) -> Record:
    return make.record_of(*resources)


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("http://hl7.org/fhir/sid/icd-10", "ICD-10"), ("https://hl7.org/fhir/sid/icd-10/", "ICD-10"), ("ICD10", "ICD-10"),
        ("icd-10", "ICD-10"), ("I10", "ICD-10"), ("urn:oid:2.16.840.1.113883.6.3", "ICD-10"), ("2.16.840.1.113883.6.3", "ICD-10"),
        ("http://hl7.org/fhir/sid/icd-10-cm|2025", "ICD-10-CM"), ("urn:oid:2.16.840.1.113883.6.90", "ICD-10-CM"), ("ICD10CM", "ICD-10-CM"),
        (GM, "ICD-10-GM"), ("http://fhir.de/CodeSystem/dimdi/icd-10-gm", "ICD-10-GM"), (f"{GM}|2025", "ICD-10-GM"), ("ICD-10-GM", "ICD-10-GM"),
        ("http://fhir.ch/CodeSystem/icd-10-gm", "ICD-10-GM"), ("http://hl7.org/fhir/sid/icd-10-am", "ICD-10-AM"), ("http://hl7.org/fhir/sid/icd-10-ca", "ICD-10-CA"),
        ("https://smt.esante.gouv.fr/terminologie-cim-10", "ICD-10"), ("http://jpfhir.jp/fhir/core/mhlw/CodeSystem/ICD10-2013-full", "ICD-10"),
        ("http://hl7.org/fhir/sid/icd-9-cm", "ICD-9-CM"), ("urn:oid:2.16.840.1.113883.6.103", "ICD-9-CM"), ("ICD9", "ICD-9-CM"),
        ("urn:oid:2.16.840.1.113883.6.43.1", "ICD-O-3"), ("http://terminology.hl7.org/CodeSystem/icd-o-3", "ICD-O-3"),
        ("http://snomed.info/sct", "SNOMED"), ("http://snomed.info/sct/11000274103", "SNOMED"), ("urn:oid:2.16.840.1.113883.6.96", "SNOMED"),
        ("http://snomed.info/sct/900000000000207008/version/20240731", "SNOMED"), ("SNOMED CT", "SNOMED"), ("SCT", "SNOMED"),
        ("http://hl7.org/fhir/sid/icd-10-pcs", ""), ("http://www.cms.gov/Medicare/Coding/ICD10PCS", ""), ("http://loinc.org.example", ""),
        ("https://hospital.example/codes", ""), ("", ""), (None, ""), (5, ""),
    ],
)  # fmt: skip
def test_addresses_of_systems(address: Any, name: str) -> None:
    assert system_name(address) == name


@pytest.mark.parametrize(
    ("system", "code", "form"),
    [
        ("ICD-10-GM", "I5013", "I50.13"), ("ICD-10-GM", "i50.13 G", "I50.13"), ("ICD-10-GM", "C50.9+", "C50.9"), ("ICD-10-GM", "C50.9!", "C50.9"),
        ("ICD-10", "I43.0*", "I43.0"), ("ICD-10", "I50.-", "I50"), ("ICD-10-GM", "I50.1-", "I50.1"), ("ICD-9-CM", "42821", "428.21"),
        ("ICD-9-CM", "V222", "V22.2"), ("ICD-9-CM", "E8790", "E879.0"), ("ICD-O-3", "8500/3", "8500/3"), ("ICD-10-CM", "C50911", "C50.911"),
    ],
)  # fmt: skip
def test_codes_of_icd_in_every_spelling(system: str, code: str, form: str) -> None:
    assert shorter_forms(system, code)[0] == form


@pytest.mark.parametrize(
    ("system", "code", "site"),
    [
        ("ICD-10-GM", "C50.9 G", "breast"), ("ICD-10", "C509", "breast"), ("ICD-9-CM", "1749", "breast"), ("ICD-9-CM", "175.9", "breast"),
        ("ICD-O-3", "C50.4", "breast"), ("ICD-O-3", "C16.0", "gastric"), ("ICD-9-CM", "151.0", "gastric"), ("ICD-10-GM", "C16.9", "gastric"),
        ("ICD-10-GM", "C61", "other"), ("ICD-10", "C53.9", "other"), ("ICD-O-3", "C61.9", "other"), ("ICD-9-CM", "185", "other"),
        ("ICD-10-CM", "C34.90", "other"), ("ICD-10-GM", "C80.0", "other"), ("ICD-10-GM", "C78.7", ""), ("ICD-10-GM", "C77.3", ""), ("ICD-10-GM", "I50.1", ""),
    ],
)  # fmt: skip
def test_the_organ_of_a_tumour(system: str, code: str, site: str) -> None:
    assert read_codes().diagnosis((system, code))[0] == site


def test_what_who_means_by_a_code_counts_before_what_the_us_mean() -> None:
    therapy = read_codes().therapy
    assert therapy.claim(("ICD-10-CM", "C80.0")) == (("setting", "metastatic"),)
    assert therapy.claim(("ICD-10", "C80.0")) == ()
    assert therapy.claim(("ICD-10-GM", "C80.0")) == ()


@pytest.mark.parametrize(
    ("system", "code"),
    [
        (GM, "I50.13"), (GM, "I50.13 G"), (GM, "I5013"), ("http://fhir.de/CodeSystem/dimdi/icd-10-gm", "I50.01"),
        ("http://hl7.org/fhir/sid/icd-10", "I50.0"), ("urn:oid:2.16.840.1.113883.6.3", "I11.0"), ("ICD10", "I50.1"), ("ICD-10-CM", "I50.22"),
        ("http://hl7.org/fhir/sid/icd-10-am", "I50.0"), ("http://hl7.org/fhir/sid/icd-9-cm", "428.0"), ("ICD9", "4280"), ("ICD-9-CM", "402.91"),
        ("http://snomed.info/sct/11000274103", "84114007"), ("SNOMED", "42343007"), ("urn:oid:2.16.840.1.113883.6.96", "84114007"),
    ],
)  # fmt: skip
def test_heart_failure_is_a_stop_under_every_system(tmp_path: Path, system: str, code: str) -> None:
    review = with_condition(tmp_path, code={"coding": [{"system": system, "code": code}]})
    assert told(review, "alarm", "stop for good")


@pytest.mark.parametrize(
    "code",
    [
        {"coding": [{"code": "I50.1"}]}, {"coding": [{"system": "http://hospital.example/dx", "code": "I50.1"}]}, {"coding": [{"code": "84114007"}]},
        {"coding": [{"system": "http://loinc.org", "code": "84114007"}]}, {"text": "Herzinsuffizienz NYHA III"}, {"text": "CHF"}, {"text": "HFrEF"},
        {"coding": [{"system": "http://hospital.example/dx", "code": "7", "display": "Insuffisance cardiaque"}]},
        {"coding": [{"system": "http://snomed.info/sct", "code": "999000011000", "display": "Heart failure of some new kind"}]},
        {"text": "insuficiencia cardíaca"}, {"text": "Scompenso cardiaco"},
    ],
)  # fmt: skip
def test_what_may_be_heart_failure_is_told_and_leaves_the_heart_unsettled(tmp_path: Path, code: dict[str, Any]) -> None:
    review = with_condition(tmp_path, code=code)
    assert told(review, "unreadable", "heart_failure")
    assert told(review, "missing", "what the heart means for the next dose is not settled")


@pytest.mark.parametrize(
    "code", [{"text": "Congestive heart failure"}, {"coding": [{"code": "x", "display": "Heart failure (disorder)"}]}]
)
def test_the_words_of_a_listed_display_are_read(tmp_path: Path, code: dict[str, Any]) -> None:
    review = with_condition(tmp_path, code=code)
    assert told(review, "alarm", "stop for good")
    assert told(review, "note", "by its words")


@pytest.mark.parametrize(
    "condition",
    [
        {"code": {"text": "No heart failure"}}, {"code": {"text": "Family history of heart failure"}}, {"code": {"text": "Keine Herzinsuffizienz"}},
        {"code": {"coding": [{"system": GM, "code": "I50.13 A"}]}},
        {"code": {"coding": [{"system": GM, "code": "I50.13", "extension": [{"url": CERTAINTY, "valueCoding": {"code": "A"}}]}]}},
    ],
)  # fmt: skip
def test_heart_failure_that_is_denied_is_none(tmp_path: Path, condition: dict[str, Any]) -> None:
    review = with_condition(tmp_path, **condition)
    assert not told(review, "alarm")
    assert not told(review, "not settled")


def test_suspected_heart_failure_of_icd_10_gm_is_unknown(tmp_path: Path) -> None:
    extension = [{"url": CERTAINTY, "valueCoding": {"code": "V"}}]
    review = with_condition(tmp_path, code={"coding": [{"system": GM, "code": "I50.13", "extension": extension}]})
    assert told(review, "unreadable", "provisional")
    assert told(review, "missing", "not settled")


@pytest.mark.parametrize(
    ("system", "code"), [("http://hl7.org/fhir/sid/icd-10", "Z33"), (GM, "Z34"), ("ICD9", "V222"), ("ICD-10", "O24.4")]
)
def test_pregnancy_under_every_icd(system: str, code: str) -> None:
    record = record_with(make.condition(code, system, identity="c2"))
    assert ("pregnant", "yes") in [(event.fact, event.value) for event in record.course]


def test_a_code_that_may_be_pregnancy_or_after_it_is_unknown() -> None:
    (event,) = record_with(make.condition("O99.4", "ICD-10", identity="c2")).course
    assert event.fact == "pregnant"
    assert isinstance(event.value, Unknown)


NAMES = [
    "LV EF",
    "EF (%)",
    "EF biplane",
    "LVEF",
    "Ejektionsfraktion",
    "Linksventrikuläre Auswurffraktion",
    "FEVG",
    "FEVI",
    "Fraction d'éjection",
]


def named(name: str, value: dict[str, Any], identity: str = "e9", day: str = "2025-09-12") -> dict[str, Any]:
    return {
        "resourceType": "Observation", "id": identity, "status": "final", "effectiveDateTime": day,
        "code": {"coding": [{"system": "urn:oid:1.2.3", "code": "3014", "display": name}]}, **value,
    }  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_an_ejection_fraction_by_its_name_alone_is_told(tmp_path: Path, name: str) -> None:
    review = with_resource(tmp_path, named(name, make.quantity(41, "%")))
    assert told(review, "act", "the LVEF of 2025-09-12 (41 %) could not be read")
    assert told(review, "unreadable", name, "its code is not one we know")


@pytest.mark.parametrize(
    "name",
    ["RVEF", "Right ventricular ejection fraction", "Gallbladder ejection fraction", "EF method", "Upper limit of EF"],
)
def test_another_ejection_fraction_is_none(tmp_path: Path, name: str) -> None:
    assert not told(with_resource(tmp_path, named(name, make.quantity(41, "%"))), "unreadable")


@pytest.mark.parametrize(
    "code",
    [
        ("10230-1", None),
        ("10230-1", "http://hospital.example"),
        ("10230-1", make.SNOMED),
        ("250908004", ""),
        ("250908004", make.LOINC),
    ],
)
def test_a_code_of_lvef_without_its_system_is_told(tmp_path: Path, code: tuple[str, str | None]) -> None:
    observation = named("x", make.quantity(41, "%")) | {"code": make.concept(make.coding(*code))}
    assert told(with_resource(tmp_path, observation), "act", "could not be read")


@pytest.mark.parametrize(("day", "grade"), [("2025-03-01", "note"), ("2025-06-01", "unreadable")])
def test_a_weight_before_a_later_one_that_was_read_is_but_noted(tmp_path: Path, day: str, grade: str) -> None:
    weight = named("x", make.quantity(16, "kg")) | {"code": make.concept(make.coding("29463-7", make.LOINC))}
    review = with_resource(tmp_path, weight | {"effectiveDateTime": day})
    assert told(review, grade, "that could not be read: 1", "16")


@pytest.mark.parametrize("name", ["Weight", "Body weight", "Gewicht", "Körpergewicht", "Poids", "Peso corporal"])
def test_a_weight_by_its_name_alone_is_told(tmp_path: Path, name: str) -> None:
    review = with_resource(tmp_path, named(name, make.quantity(81, "kg")))
    assert told(review, "unreadable", "weights that could not be read: 1", name)


@pytest.mark.parametrize(
    "name",
    [
        "Birth weight",
        "Ideal body weight",
        "Weight loss",
        "Molecular weight",
        "Weight-bearing status",
        "Body mass index",
    ],
)
def test_another_weight_is_none(tmp_path: Path, name: str) -> None:
    assert not told(with_resource(tmp_path, named(name, make.quantity(81, "kg"))), "unreadable")


@pytest.mark.parametrize(
    ("value", "kilograms"),
    [
        (make.quantity(154, "[lb_us]"), "69.853"), (make.quantity(154, "lbs"), "69.853"), (make.quantity(2464, "[oz_av]"), "69.853"),
        (make.quantity(11, "[stone_av]"), "69.853"), (make.quantity(11, "st"), "69.853"), (make.quantity(70000, "g"), "70"), (make.text("11 st 3 lb"), "71.214"),
        (make.text("70 kg"), "70"), (make.quantity(70, "Kilogramm"), "70"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("code", [("29463-7", make.LOINC), ("27113001", make.SNOMED), ("363808001", make.SNOMED)])
def test_weights_in_units_in_use(value: dict[str, Any], kilograms: str, code: tuple[str, str]) -> None:
    (event,) = record_with(make.observation(make.concept(make.coding(*code)), value)).course
    assert str(event.value) == kilograms


def test_a_weight_without_a_unit_is_told() -> None:
    assert told(case("P35-weight-without-unit-untold.json"), "unreadable", "weight_kg 70 without a unit")


HER2_NAMES = [
    "HER 2/neu",
    "c-erbB-2 (IHC)",
    "HER 2 neu IHC",
    "c-erb B2",
    "CERBB2",
    "HER2neu",
    "HER-2/neu",
    "Neu oncogene IHC",
    "ERBB2 FISH",
]


@pytest.mark.parametrize("name", HER2_NAMES)
def test_a_her2_test_by_its_name_alone_is_told_and_is_not_none(tmp_path: Path, name: str) -> None:
    about = make.concept(make.coding("1234", make.LOCAL, name))
    review = make.review_tests(tmp_path, make.observation(about, "3+"))
    assert review.status is None
    assert review.unknown_tests
    assert make.says(review, "unreadable", name, "it says '3+'")


@pytest.mark.parametrize(
    "condition",
    [
        {"code": make.concept(make.coding("C61", GM))}, {"code": make.concept(make.coding("C53.9", "ICD10"))}, {"code": {"text": "Prostatakarzinom"}},
        {"code": make.concept(make.coding("399068003", make.SNOMED, "Malignant tumor of prostate"))}, {"code": {"text": "Cervical cancer"}},
        {"code": make.concept(make.coding("C61", None))},
        {"code": make.concept(make.coding("363346000", make.SNOMED, "Malignant neoplastic disease")), "bodySite": [make.concept(make.coding("C61.9", "urn:oid:2.16.840.1.113883.6.43.1"))]},
        {"code": make.concept(make.coding("8140/3", "urn:oid:2.16.840.1.113883.6.43.1")), "bodySite": [make.concept(make.coding("181422007", make.SNOMED, "Entire prostate"))]},
    ],
)  # fmt: skip
def test_a_tumour_of_another_organ_is_not_judged_as_breast(tmp_path: Path, condition: dict[str, Any]) -> None:
    made = {"resourceType": "Condition", "id": "c", "subject": {"reference": "Patient/p1"}, **condition}
    review = make.review_bundle(tmp_path, make.bundle(make.patient(), made))
    assert review.site == "other"
    assert not make.says(review, "no HER2 test")
    tested = make.review_bundle(tmp_path, make.bundle(make.patient(), made, make.observation("18474-7", "3+")))
    assert tested.status is None
    assert make.says(tested, "an organ without rules here")


@pytest.mark.parametrize(
    "condition",
    [
        {"code": {"text": "Mammakarzinom links"}}, {"code": {"text": "Carcinoma of breast"}}, {"code": {"text": "Cáncer de mama"}},
        {"code": make.concept(make.coding("8500/3", "urn:oid:2.16.840.1.113883.6.43.1")), "bodySite": [make.concept(make.coding("C50.4", "urn:oid:2.16.840.1.113883.6.43.1"))]},
        {"code": make.concept(make.coding("363346000", make.SNOMED, "Malignant neoplastic disease")), "bodySite": [make.concept(make.coding("76752008", make.SNOMED, "Breast structure"))]},
        {"code": make.concept(make.coding("174.9", "ICD9"))},
    ],
)  # fmt: skip
def test_a_breast_tumour_without_a_code_of_icd_10(tmp_path: Path, condition: dict[str, Any]) -> None:
    made = {"resourceType": "Condition", "id": "c", "subject": {"reference": "Patient/p1"}, **condition}
    review = make.review_bundle(tmp_path, make.bundle(make.patient(), made, make.observation("18474-7", "3+")))
    assert (review.site, review.status) == ("breast", "positive")


def test_a_recorded_status_is_accepted_where_the_site_says_so(tmp_path: Path) -> None:
    positive = make.observation(make.OVERALL, make.coded(make.SNOMED_POSITIVE))
    alone = make.review_tests(tmp_path, positive)
    assert (alone.status, alone.recorded) == (None, "positive")
    accepted = make.review_tests(tmp_path, positive, at=Site(accept_recorded_status=True))
    assert (accepted.status, accepted.expression) == ("positive", "positive")
    assert make.says(accepted, "note", "by no test named")


@pytest.mark.parametrize(("says", "expression"), [(None, None), ("staining", "ultralow"), ("no staining", "null")])
def test_a_site_says_what_its_laboratory_means_by_zero_plus(
    tmp_path: Path, says: str | None, expression: str | None
) -> None:
    review = make.review_tests(tmp_path, make.observation(make.IHC, "0+"), at=Site(zero_plus=says))
    assert review.status == "negative"
    assert review.expression == expression


TABLES_OF_ZERO_PLUS = {
    "one row a specimen": "patient,test_date,ihc_score\np1,2024-03-04,0+\n",
    "one row a specimen, the staining empty": "patient,test_date,ihc_score,any_membrane_staining\np1,2024-03-04,0+,\n",
    "one row an event": "patient,date,fact,value\np1,2024-03-04,ihc_score,0+\n",
    "one row an event, and the staining too": (
        "patient,date,fact,value\np1,2024-03-04,ihc_score,0+\np1,2024-03-04,any_membrane_staining,0+\n"
    ),
}


@pytest.mark.parametrize(("says", "expression"), [(None, None), ("staining", "ultralow"), ("no staining", "null")])
@pytest.mark.parametrize("table", TABLES_OF_ZERO_PLUS.values(), ids=TABLES_OF_ZERO_PLUS)
def test_a_table_says_by_zero_plus_what_fhir_says(
    tmp_path: Path, table: str, says: str | None, expression: str | None
) -> None:
    (review,) = review_table(tmp_path, table, Site(zero_plus=says))
    assert (review.status, review.expression) == ("negative", expression)
    told = make.says(review, "note", "0+ does not say whether the membrane stains: with staining it is ultralow")
    assert told is (says is None)


@pytest.mark.parametrize("says", ["staining", "no staining", None])
@pytest.mark.parametrize("table", [
    "patient,test_date,ihc_score,any_membrane_staining\np1,2024-03-04,0+,yes\n",
    "patient,date,fact,value\np1,2024-03-04,ihc_score,0+\np1,2024-03-04,any_membrane_staining,yes\n",
])  # fmt: skip
def test_staining_that_is_said_beside_zero_plus_stands(tmp_path: Path, table: str, says: str | None) -> None:
    (review,) = review_table(tmp_path, table, Site(zero_plus=says))
    assert (review.status, review.expression) == ("negative", "ultralow")
    assert not make.says(review, "contradiction", "")


def review_table(tmp_path: Path, table: str, at: Site) -> list[PatientReview]:
    path = tmp_path / "t.csv"
    path.write_text(table, encoding="utf-8")
    patients, troubles = make.review_of(path, at=at)
    assert not troubles
    return patients


def test_copies_beside_a_total_of_cep17_are_no_copies(tmp_path: Path) -> None:
    parts = [make.component(make.HER2_COPIES, make.quantity(84)), make.component(make.CEP17_COPIES, make.quantity(66))]
    review = make.review_tests(tmp_path, make.observation(make.ISH_PANEL, components=parts))
    assert review.status is None
    assert make.says(review, "her2_copies 84 stands beside a CEP17 that no cell has")


def report(**more: Any) -> dict[str, Any]:
    return {
        "resourceType": "DiagnosticReport", "id": "r1", "status": "final", "subject": {"reference": "Patient/p1"},
        "code": {"text": "Pathology"}, "effectiveDateTime": "2020-03-01", **more,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("more", "status"),
    [
        ({"contained": [make.observation(make.IHC, "3+", subject=None, on=None)]}, "positive"),
        ({"conclusion": "Invasive carcinoma, grade 2. HER2: Negative (Score 1+). ER positive."}, "negative"),
        ({"conclusion": "HER2 IHC 3+, positive"}, "positive"),
        ({"code": make.concept(make.coding(make.ISH)), "conclusionCode": [make.concept(make.coding(make.SNOMED_POSITIVE, make.SNOMED))]}, "positive"),
        ({"code": make.concept(make.coding(make.IHC)), "conclusion": "Score 3+"}, "positive"),
    ],
)  # fmt: skip
def test_reports_are_read(tmp_path: Path, more: dict[str, Any], status: str) -> None:
    assert make.review_tests(tmp_path, report(**more)).status == status


def test_a_report_that_is_not_understood_is_told(tmp_path: Path) -> None:
    review = make.review_tests(tmp_path, report(conclusion="HER2 shows membranous staining throughout"))
    assert review.unknown_tests
    assert make.says(review, "unreadable", "the conclusion of a report speaks of HER2")


def test_a_void_or_preliminary_report_is_no_result(tmp_path: Path) -> None:
    contained = [make.observation(make.IHC, "3+", subject=None, on=None)]
    assert make.review_tests(tmp_path, report(status="entered-in-error", contained=contained)).status is None
    assert make.review_tests(tmp_path, report(status="preliminary", contained=contained)).status is None


def test_the_conclusion_of_an_echo_report(tmp_path: Path) -> None:
    low = {"id": "r9", "effectiveDateTime": "2025-09-12", "code": {"text": "Echo"}}
    assert told(with_resource(tmp_path, report(**low, conclusion="LVEF 41 %")), "act", "withhold")
    assert told(
        with_resource(tmp_path, report(**low, conclusion="Known dilatation, EF has fallen")), "act", "could not be read"
    )


@pytest.mark.parametrize(
    ("name", "grade", "words"),
    [
        ("P06-lvef-snomed-german-display.json", "act", "withhold (LVEF 42 %"), ("P27-heart-failure-icd10gm.json", "alarm", "stop for good"),
        ("P41-heart-failure-system-ICD10.json", "alarm", "stop for good"), ("P41-heart-failure-text-only.json", "alarm", "stop for good"),
        ("P30-lvef-named-LV-EF-local-code.json", "act", "the LVEF of 2025-09-01 (42 %) could not be read"),
        ("CONTROL-read-properly.json", "act", "withhold (LVEF 42 %"),
    ],
)  # fmt: skip
def test_cases_of_the_heart(name: str, grade: str, words: str) -> None:
    assert told(case(name), grade, words)


def test_a_weight_in_snomed_ct_is_read() -> None:
    review = case("P05-weight-snomed-only.json")
    assert review.course is not None
    assert any("560" in str(item) for item in review.course.plan)


@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("P37-LA-3plus-display-1plus.json", None), ("P37-code-negative-text-1plus-score-lost.json", "negative"),
        ("P37-code-negative-text-3plus.json", None), ("P37-code-positive-display-negative.json", None),
    ],
)  # fmt: skip
def test_cases_of_codes_and_words(name: str, status: str | None) -> None:
    review = case(name)
    assert review.status == status
    assert review.expression == ("low" if status else None)


def test_reason_of_a_name_is_unmapped_code() -> None:
    (event,) = record_with(named("LV EF", make.quantity(41, "%")) | {"subject": {"reference": "Patient/p1"}}).course
    assert isinstance(event.value, Unknown)
    assert event.value.reason is Reason.UNMAPPED_CODE


@pytest.mark.parametrize(
    ("words", "substance"),
    [("Allergy to trastuzumab", "trastuzumab"), ("Trastuzumab hypersensitivity", "trastuzumab"), ("Allergie gegen Benzylalkohol", None), ("Allergy to benzyl alcohol", "benzyl alcohol"), ("No known allergy to trastuzumab", None), ("Allergy to peanuts", None)],
)  # fmt: skip
def test_an_allergy_recorded_as_a_condition(words: str, substance: str | None) -> None:
    made = {"resourceType": "Condition", "id": "al", "subject": {"reference": "Patient/p1"}, "code": {"text": words}}
    found = [event.value for event in record_with(made).course if event.fact == "allergy"]
    assert found == ([substance] if substance else [])


@pytest.mark.parametrize(
    ("value", "is_stop"),
    [({"valueBoolean": True}, True), ({"valueBoolean": False}, False), (make.text("present"), True)],
)
def test_heart_failure_as_an_observation(tmp_path: Path, value: dict[str, Any], is_stop: bool) -> None:
    finding = named("x", value) | {"code": make.concept(make.coding("84114007", make.SNOMED, "Heart failure"))}
    assert told(with_resource(tmp_path, finding), "alarm", "stop for good") == is_stop
