"""Drugs as hospitals record them: names of order catalogues, ingredients, other versions of FHIR, parts of a dose.

Each record is read resource by resource and by the templates; both say the same.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from fhir_makers import IHC, bundle, coding, concept, observation, patient, review_of
from her2path.facts.codes import read_codes, system_name
from her2path.facts.fact import read_facts
from her2path.facts.folder import knowledge_folder
from her2path.findings.reviews import PatientReview
from her2path.read.drugs import Drugs
from her2path.read.fhir.patient import read_record
from her2path.read.fhir.skim import Skimmer
from her2path.read.files import Piece
from her2path.record.event import Event, Record, Trouble
from therapy_makers import HCPCS, RXNORM, WEIGHT, found, given, medication, ordered, stated

RECORDS = Path(__file__).parent / "records"
CODES, FACTS = read_codes(), read_facts(knowledge_folder() / "facts.md")
DRUGS = Drugs(CODES)
ATC = "http://fhir.de/CodeSystem/bfarm/atc"
ON = "2025-09-15"
DAYS = ("2025-06-16", "2025-07-07", "2025-07-28", "2025-08-18", "2025-09-08")


def record_of(*resources: Mapping[str, Any]) -> Record:
    """The record of a bundle about one patient, by the codes that ship."""
    content = json.dumps(bundle(patient(), *resources)).encode()
    groups = [each for each in Skimmer(CODES).skim(Piece("b.json", content)) if not isinstance(each, Trouble)]
    (group,) = groups
    return read_record(group, CODES, FACTS)


def course_of(*resources: Mapping[str, Any]) -> list[Event]:
    return record_of(*resources).course


def told_of(*resources: Mapping[str, Any]) -> list[str]:
    return [trouble.what for trouble in record_of(*resources).troubles]


def review(folder: Path, *resources: Mapping[str, Any], on: str = ON) -> PatientReview:
    """The review of a patient with HER2 3+ and the resources given."""
    her2 = observation(concept(coding(IHC)), "3+", on="2025-05-20")
    woman = patient() | {"gender": "female", "birthDate": "1980-01-01"}
    return review_of_file(folder, bundle(woman, her2, *resources), on=on)


def review_of_file(folder: Path, document: Any, on: str = ON) -> PatientReview:
    path = folder / "bundle.json"
    path.write_text(json.dumps(document), encoding="utf-8")
    patients, troubles = review_of(path, on=dt.date.fromisoformat(on))
    assert not troubles
    (only,) = patients
    return only


def phase(patient: PatientReview) -> str:
    assert patient.course is not None
    return patient.course.standing.text("therapy_phase")


def says(patient: PatientReview, *parts: str) -> bool:
    """Whether one finding of the course holds all the parts."""
    assert patient.course is not None
    lines = [f"{finding.grade.word}: {finding.words}" for finding in patient.course.findings]
    return any(all(part in line for part in parts) for line in lines)


def state(patient: PatientReview, name: str) -> int:
    assert patient.course is not None
    return patient.course.standing.state[name]


def is_not_begun_anew(patient: PatientReview) -> bool:
    """Nothing is offered as if the therapy had not begun."""
    assert patient.course is not None
    return phase(patient) == "unknown" and not patient.course.regimens and not patient.course.plan


def from_file(folder: Path, name: str) -> PatientReview:
    return review_of_file(folder, json.loads((RECORDS / f"{name}.json").read_text(encoding="utf-8")))


# -- names --------------------------------------------------------------------------------

IV, SC = "trastuzumab-iv", "trastuzumab-sc"
NAMES = [
    ("trastuzumab CHEMO 420 mg in sodium chloride 0.9 % 250 mL IVPB", IV, ""),
    ("Trastuzumab i.v.", IV, ""), ("trastuzumab DILUTED in NS", IV, ""), ("trastuzumab maint q21d", IV, ""),
    ("Trastuzumab s.c. 600 mg", SC, ""), ("Trastuzumab SubQ", SC, ""), ("Trastuzumab (subkutan) 600 mg", SC, ""),
    ("Herceptin 600 mg/5 ml", SC, ""), ("trastuzumab and hyaluronidase-oysk", SC, "hylecta"),
    ("TRASTUZUMAB ANNS", IV, "kanjinti"), ("TRASTUZUMAB_ANNS", IV, "kanjinti"), ("trastuzumab-strf", IV, "hercessi"),
    ("ZZZ trastuzumab-pkrb", IV, "herzuma"), ("Chemo: trastuzumab-qyyp (TRAZIMERA)", IV, "trazimera"),
    ("HERCEPTINE 150 mg", IV, "herceptin"), ("Trastuzumab Sandoz", IV, ""), ("Trastuzumab BS for IV infusion 150 mg NK", IV, ""),
    ("Trastuzumabum", IV, ""), ("trastuzumabe 420 mg frasco", IV, ""), ("Trastuzumab zur Infusion", IV, ""),
    ("トラスツズマブ", IV, ""), ("トラスツズマブBS点滴静注用150mg「NK」", IV, ""), ("注射用曲妥珠单抗", IV, ""), ("Трастузумаб", IV, ""),
    ("INJECTION, TRASTUZUMAB, EXCLUDES BIOSIMILAR, 10 MG", IV, ""), ("Trastuzumab 440 MG Injection [Herceptin]", IV, "herceptin"),
    ("5 ML hyaluronidase-oysk 2000 UNT/ML / trastuzumab-oysk 120 MG/ML Injection", SC, "hylecta"),
    ("TCH regimen: trastuzumab", IV, ""), ("Herceptin® (trastuzumab)", IV, "herceptin"), ("INV-trastuzumab", IV, ""),
    ("ado-trastuzumab emtansine (KADCYLA) in sodium chloride 0.9% 250 mL IVPB", "t-dm1", "kadcyla"),
    ("trastuzumab emtansina", "t-dm1", ""), ("Trastuzumabe entansina", "t-dm1", ""), ("TDM1", "t-dm1", ""),
    ("トラスツズマブ エムタンシン", "t-dm1", ""), ("恩美曲妥珠单抗", "t-dm1", ""), ("трастузумаб эмтанзин", "t-dm1", ""),
    ("fam-trastuzumab deruxtecan-nxki in D5W IVPB", "t-dxd", ""), ("DS-8201a", "t-dxd", ""), ("德曲妥珠单抗", "t-dxd", ""),
    ("pertuzumab-trastuzumab-hyaluronidase-zzxf 1,200 mg-600 mg-30,000 unit/15 mL", "phesgo", "phesgo"),
    ("ペルツズマブ", "pertuzumab", ""),
]  # fmt: skip
UNCLEAR = [
    "trastuzumab EBE", "trastuzumab bempar", "trastuzumab/pertuzumab", "Herceptin/Perjeta", "trastuzumab or placebo",
    "trastuzumab 420 mg emtansine", "emtansine-trastuzumab", "trastuzumab-mcc-dm1", "trastuzumab-mmae",
    "TRASTUZUMAB-EMTA",
    "TRASTUZUMAB DE",
    "trastuzumab held",
    "Trastuzumab (Kadcyla)",
    "trastuzumab duocarmazine", "维曲妥珠单抗", "HP", "THP", "TCHP cycle 3", "Trastuzamab", "Tratuzumab 440 mg",
    "pyrotinib", "disitamab vedotin", "deruxtecan", "HER2 antibody",
]  # fmt: skip
OTHERS = [
    "bevacizumab", "panitumumab", "afatinib 40 mg", "sacituzumab govitecan", "datopotamab deruxtecan",
    "patritumab deruxtecan", "HP Acthar gel", "ibuprofen", "brentuximab vedotin", "docetaxel",
]  # fmt: skip


@pytest.mark.parametrize(("name", "drug", "brand"), NAMES)
def test_a_name_of_an_order_catalogue(name: str, drug: str, brand: str) -> None:
    named = DRUGS.identify((), name)
    assert (named.drug, named.brand, named.trouble) == (drug, brand, "")


@pytest.mark.parametrize("name", UNCLEAR)
def test_a_name_that_may_be_another_drugs_is_told(name: str) -> None:
    named = DRUGS.identify((), name)
    assert not named.drug
    assert named.trouble
    assert named.directed


@pytest.mark.parametrize("name", OTHERS)
def test_another_drug_is_not_told(name: str) -> None:
    named = DRUGS.identify((), name)
    assert not named.trouble
    assert not named.directed


def test_no_name_of_a_catalogue_is_silent_or_before_the_start(tmp_path: Path) -> None:
    patients, _ = review_of(RECORDS / "order-catalogue-names.ndjson", on=dt.date.fromisoformat(ON))
    phases = {one.patient: phase(one) for one in patients}
    assert len(phases) == 36
    assert [name for name, said in phases.items() if said != "on treatment"] == ["m25", "m26", "m30", "m34"]
    for one in patients:
        if phases[one.patient] == "unknown":
            assert is_not_begun_anew(one)
            assert says(one, "act: HER2-directed therapy is recorded and no dose of it could be read")


# -- codes --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("system", "code", "drug"),
    [
        (ATC, "L01FD01", IV), ("http://fhir.de/CodeSystem/dimdi/atc", "L01XC03", IV), ("http://www.whocc.no/atc", "l01fd03", "t-dm1"),
        ("https://smt.esante.gouv.fr/terminologie-atc", "L01FD04", "t-dxd"), ("urn:oid:2.16.578.1.12.4.1.1.7180", "L01FD02", "pertuzumab"),
        ("2.16.840.1.113883.6.73", "L01FY01", "phesgo"), ("ATC", "L01FD01", IV), ("WHO-ATC", "L01FD01", IV),
        ("https://www.nlm.nih.gov/research/umls/rxnorm/", "224905", IV), ("RXNORM", "1298944", "pertuzumab"),
        ("http://hl7.org/fhir/sid/ndc", "50242-077-01", SC), ("http://hl7.org/fhir/sid/ndc", "50242007701", SC),
        ("http://hl7.org/fhir/sid/ndc", "5024207701", SC), ("NDC", "50242-0077-01", SC),
        (HCPCS, "J9355", IV), (HCPCS, "j9354", "t-dm1"), (HCPCS, "J9355-JW", IV), ("http://www.ama-assn.org/go/cpt", "J9358", "t-dxd"),
        ("http://fdasis.nlm.nih.gov", "P188ANX8CK", IV),
        ("urn:oid:1.2.246.537.6.32.2007", "L01XC03", IV), ("https://kip.rkkp.dk/fhir/CodeSystem/ATC", "L01FD01", IV),
    ],
)  # fmt: skip
def test_a_code_under_each_of_its_addresses(system: str, code: str, drug: str) -> None:
    assert DRUGS.identify(((system, code, None),)).drug == drug


@pytest.mark.parametrize(
    ("system", "code", "words"),
    [
        (None, "L01FD01", "code L01FD01 is that of trastuzumab-iv in ATC, but stands under no code system"),
        ("urn:hospital:drugs", "J9355", "code J9355 is that of trastuzumab-iv in HCPCS, but stands under 'urn:hospital:drugs'"),
        (RXNORM, "L01FD03", "code L01FD03 is that of t-dm1 in ATC, but stands under"),
        (None, "50242-077-01", "is that of trastuzumab-sc in NDC"),
    ],
)  # fmt: skip
def test_a_code_under_no_system_or_a_wrong_one_is_told(system: str | None, code: str, words: str) -> None:
    coded = {"code": code} | ({"system": system} if system else {})
    made = record_of(given(medication(coded), 420))
    assert [(event.fact, event.value) for event in made.course] == [("her2_drug_recorded", "dose not read")]
    assert words in made.troubles[0].what


def test_a_clear_name_stands_though_its_code_is_misplaced() -> None:
    (event,) = course_of(given(medication({"code": "224905", "display": "trastuzumab"}), 420))
    assert (event.product, event.value) == (IV, Decimal(420))
    told = told_of(given(medication({"code": "L01FD03", "display": "trastuzumab"}), 420))
    assert "its name is trastuzumab-iv" in told[0]


def test_an_address_is_known_however_it_is_spelt() -> None:
    for address in ("HTTP://WWW.WHOCC.NO/ATC/", "www.whocc.no/atc|2024", " https://whocc.no/atc"):
        assert system_name(address) == "ATC"
    assert system_name("http://example.org/atc") == ""


# -- ingredients --------------------------------------------------------------------------


def holding(*ingredients: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    return {"resourceType": "Medication", "id": "m", "ingredient": list(ingredients), **more}


def made_of(text: str, **more: Any) -> dict[str, Any]:
    return {"itemCodeableConcept": {"text": text}, **more}


def strong(milligrams: float, volume: float | None = None, unit: str = "mL") -> dict[str, Any]:
    low = {} if volume is None else {"denominator": {"value": volume, "unit": unit}}
    return {"strength": {"numerator": {"value": milligrams, "unit": "mg"}, **low}}


def of_contained(medicine: Mapping[str, Any], dose: float | None = None, unit: str = "mL") -> dict[str, Any]:
    return given({"medicationReference": {"reference": "#m"}}, dose, unit, contained=[dict(medicine)])


@pytest.mark.parametrize("name", ["contained", "referenced"])
def test_a_medication_named_only_by_its_ingredients(tmp_path: Path, name: str) -> None:
    patient = from_file(tmp_path, f"medication-ingredient-only-{name}")
    assert (state(patient, "doses"), state(patient, "last_mg")) == (5, 420_000)
    assert phase(patient) in ("on treatment", "on hold")


def test_the_strength_of_a_medication_says_the_amount() -> None:
    saline = made_of("sodium chloride 0.9 %")
    for ingredient, dose, unit in (
        (made_of("trastuzumab", **strong(560, 250)), 250, "mL"),
        (made_of("trastuzumab", **strong(560, 0.25, "L")), 250, "ml"),
        (made_of("trastuzumab", **strong(560, 1, "{bag}")), 1, "{bag}"),
        (made_of("trastuzumab", **strong(560)), 1, "bag"),
        (made_of("trastuzumab", strengthRatio=strong(2.24, 1)["strength"]), 250, "mL"),
    ):
        (event,) = course_of(of_contained(holding(ingredient, saline), dose, unit))
        assert (event.product, event.fact, event.value) == (IV, "dose_mg", Decimal(560))
    (event,) = course_of(of_contained(holding(made_of("trastuzumab", **strong(560, 250)), saline)))
    assert (event.fact, event.note) == ("dose_given", "the amount is not recorded")
    (event,) = course_of(of_contained(holding(made_of("trastuzumab"), saline), 250))
    assert "expected an amount in mg" in str(event.value)


def test_the_parts_of_one_product_are_that_product() -> None:
    phesgo = [made_of(part) for part in ("pertuzumab", "trastuzumab", "hyaluronidase")]
    assert course_of(of_contained(holding(*phesgo)))[0].product == "phesgo"
    assert course_of(of_contained(holding(made_of("trastuzumab"), made_of("hyaluronidase"))))[0].product == SC
    coded = {"itemCodeableConcept": concept(coding("L01FD01", ATC))}
    assert course_of(of_contained(holding(coded, made_of("NaCl"))))[0].product == IV
    two = told_of(of_contained(holding(made_of("pertuzumab"), made_of("trastuzumab"))))
    assert "it holds pertuzumab and trastuzumab-iv: which of them was given is not said" in two[0]
    other = told_of(of_contained(holding(made_of("trastuzumab emtansine"), code={"text": "Herceptin"})))
    assert "it is called trastuzumab-iv and made of t-dm1 and trastuzumab-iv: they contradict each other" in other[0]
    assert not course_of(of_contained(holding(made_of("paracetamol"))))


def test_an_ingredient_by_reference_and_as_r5_writes_it() -> None:
    substance = {"resourceType": "Substance", "id": "s", "code": {"text": "trastuzumab"}}
    referring = holding({"itemReference": {"reference": "#s"}, **strong(420, 250)})
    inside = given({"medicationReference": {"reference": "#m"}}, 250, "mL", contained=[referring, substance])
    assert course_of(inside)[0].value == Decimal(420)
    elsewhere = holding({"itemReference": {"reference": "Substance/s"}})
    named = {"medicationReference": {"reference": "Medication/m"}}
    assert course_of(given(named, 420), elsewhere, substance)[0].product == IV
    r5 = holding({"item": {"concept": {"text": "trastuzumab emtansine"}}})
    assert (
        course_of(given({"medication": {"reference": {"reference": "#m"}}}, 250, contained=[r5]))[0].product == "t-dm1"
    )
    by_reference = holding({"item": {"reference": {"reference": "Substance/s"}}})
    s5 = {"resourceType": "Substance", "id": "s", "code": {"concept": {"text": "trastuzumab"}}}
    assert course_of(given(named, 420), by_reference, s5)[0].product == IV


def test_ingredients_that_cannot_be_told_are_not_before_the_start(tmp_path: Path) -> None:
    lost = holding({"itemReference": {"reference": "Substance/gone"}})
    patient = review(tmp_path, given({"medicationReference": {"reference": "Medication/m"}}, 420, on=DAYS[0]), lost)
    assert is_not_begun_anew(patient)
    assert says(patient, "missing: medication is recorded of which the drug cannot be told")


# -- versions of FHIR ---------------------------------------------------------------------


def test_administrations_of_r5(tmp_path: Path) -> None:
    patient = from_file(tmp_path, "r5-administration")
    assert (state(patient, "doses"), phase(patient)) == (5, "on treatment")


R5 = {"medication": {"concept": {"text": "trastuzumab"}}, "effectiveDateTime": None}


@pytest.mark.parametrize("field", ["occurenceDateTime", "occurrenceDateTime", "effectiveTimeDateTime"])
def test_the_day_under_each_name(field: str) -> None:
    (event,) = course_of(given(R5, 420, on=None, **{field: "2025-06-16"}))
    assert (event.day, event.value) == (dt.date(2025, 6, 16), Decimal(420))


def test_a_period_of_r5_tells_its_minutes() -> None:
    period = {"start": "2025-06-16T10:00:00Z", "end": "2025-06-16T11:30:00Z"}
    dose, minutes = course_of(given(R5, 420, on=None, occurencePeriod=period))
    assert (dose.value, minutes.value) == (Decimal(420), Decimal(90))


def test_what_was_not_given_is_no_dose_in_any_version() -> None:
    for more in ({"notGiven": True}, {"wasNotGiven": True}, {"status": "not-done"}):
        (event,) = course_of(given(None or medication(text="trastuzumab"), 420, **more))
        assert (event.fact, event.value) == ("dose_given", "no")
    for more in ({"taken": "n"}, {"wasNotTaken": True}, {"status": "not-taken"}):
        (event,) = course_of(stated("trastuzumab", **more))
        assert (event.fact, event.value) == ("dose_given", "no")


def test_statements_of_r5() -> None:
    def adherence(code: str) -> list[Event]:
        return course_of(
            stated("trastuzumab", status="recorded", end="2026-06-16", adherence={"code": {"coding": [{"code": code}]}})
        )

    assert [event.fact for event in adherence("taking")] == ["dose_given"]
    assert adherence("not-taking")[0].value == "no"
    assert adherence("stopped-as-directed")[1].fact == "stop_recorded"
    assert [event.fact for event in course_of(stated("trastuzumab", status="recorded"))] == ["dose_given"]


def test_orders_and_doses_of_dstu2() -> None:
    order = {"resourceType": "MedicationOrder", "id": "o", "status": "active", "patient": {"reference": "Patient/p1"},
             "dateWritten": "2025-06-01", "medicationCodeableConcept": {"text": "trastuzumab"},
             "dosageInstruction": [{"doseQuantity": {"value": 420, "unit": "mg"}}]}  # fmt: skip
    (event,) = course_of(order)
    assert (event.fact, event.value, event.day) == ("ordered_mg", Decimal(420), dt.date(2025, 6, 1))
    dose = {"resourceType": "MedicationAdministration", "id": "a", "status": "completed", "patient": {"reference": "Patient/p1"},
            "effectiveTimeDateTime": "2025-06-16", "medicationCodeableConcept": {"text": "trastuzumab"},
            "dosage": {"quantity": {"value": 420, "unit": "mg"}}}  # fmt: skip
    (event,) = course_of(dose)
    assert (event.fact, event.value, event.day) == ("dose_mg", Decimal(420), dt.date(2025, 6, 16))


def test_references_of_r5_are_those_of_each_bundle(tmp_path: Path) -> None:
    """One text that names Medication/m means another drug where that one is another."""
    lines = []
    for number, text in enumerate(("trastuzumab", "Kadcyla", "paracetamol"), 1):
        medicine = {"resourceType": "Medication", "id": "m", "code": {"text": text}}
        dose = given(
            {"medication": {"reference": {"reference": "Medication/m"}}}, 250, on=None, occurenceDateTime="2025-06-16"
        )
        her2 = observation(concept(coding(IHC)), "3+", on="2025-05-20")
        lines.append(
            json.dumps(bundle(patient(), her2, dose, medicine))
            .replace("Patient/p1", f"Patient/p{number}")
            .replace('"id": "p1"', f'"id": "p{number}"')
        )
    path = tmp_path / "x.ndjson"
    path.write_text("\n".join(lines), encoding="utf-8")
    patients, troubles = review_of(path, on=dt.date.fromisoformat(ON))
    assert not troubles
    products = [one.course.standing.product if one.course else None for one in patients]
    assert products == [IV, "t-dm1", None]


# -- doses that cannot be read ------------------------------------------------------------


def test_a_therapy_of_which_every_dose_is_refused(tmp_path: Path) -> None:
    patient = from_file(tmp_path, "refused-doses-before-start")
    assert is_not_begun_anew(patient)
    assert says(
        patient, "act: HER2-directed therapy is recorded and no dose of it could be read", "2025-08-18", "2025-09-08"
    )
    assert patient.course is not None
    assert patient.course.findings[0].grade.word == "act"
    assert "could not be read" in str(patient.course.standing.unknown["therapy_phase"])


@pytest.mark.parametrize(
    "resource",
    [
        given("trastuzumab bempar", 420), given({"medicationReference": {"reference": "Medication/gone"}}, 420),
        given(medication({"system": "urn:local", "code": "77"}), 420), given({"medicationCodeableConcept": {}}, 420),
        given("trastuzumab", 420, status="unknown"), stated("trastuzumab/pertuzumab"),
        given({"medicationCodeableConcept": {"coding": [{}]}}, 420), stated("trastuzumab bempar", status="completed"),
        ordered("trastuzumab bempar", status="completed"), ordered("TCHP", status="stopped"),
    ],
)  # fmt: skip
def test_what_may_be_a_dose_is_never_before_the_start(tmp_path: Path, resource: dict[str, Any]) -> None:
    assert is_not_begun_anew(review(tmp_path, resource, on="2026-09-15"))


@pytest.mark.parametrize(
    "resource",
    [
        given("trastuzumab bempar", 420, status="not-done"), given("trastuzumab bempar", 420, status="entered-in-error"),
        ordered("trastuzumab bempar", status="active"), stated("trastuzumab bempar", status="not-taken"),
        given("paracetamol", 500), given({"medicationReference": {"reference": "Medication/gone", "display": "paracetamol"}}),
        given(medication(coding("N02BE01", ATC)), 500),
    ],
)  # fmt: skip
def test_what_was_no_dose_leaves_it_before_the_start(tmp_path: Path, resource: dict[str, Any]) -> None:
    assert phase(review(tmp_path, resource, found(WEIGHT, 70, "kg"), on="2026-09-15")) == "before start"


@pytest.mark.parametrize(
    "named",
    [
        {"medicationCodeableConcept": []},
        {"medicationReference": "m"},
        {"medication": [1]},
        {"medicationCodeableConcept": {"text": 7}},
    ],
)
def test_a_medication_of_a_wrong_type_is_one_that_cannot_be_told(tmp_path: Path, named: dict[str, Any]) -> None:
    her2 = observation(concept(coding(IHC)), "3+", on="2025-05-20")
    path = tmp_path / "bundle.json"
    path.write_text(json.dumps(bundle(patient(), her2, given(named, 420, on="2025-06-16"))), encoding="utf-8")
    (only,), _ = review_of(path, on=dt.date.fromisoformat(ON))
    assert is_not_begun_anew(only)


def test_a_refused_dose_after_the_last_one_read(tmp_path: Path) -> None:
    doses = [given(medication(text="trastuzumab"), 420, on=day, identity=f"a{day}") for day in DAYS[:3]]
    patient = review(tmp_path, *doses, given("trastuzumab bempar", 420, on=DAYS[3], identity="z"))
    assert phase(patient) == "on treatment"
    assert says(patient, "act: doses that could not be read are later than the last one read (2025-07-28)")
    assert patient.course is not None
    assert "days_since_last_dose" not in patient.course.standing.values
    assert not any(item.kind == "dose" for item in patient.course.plan)
    earlier = review(tmp_path, *doses, given("trastuzumab bempar", 420, on="2025-07-14", identity="z"))
    assert says(earlier, "missing: doses that could not be read are not counted among the others")


def test_the_heart_is_told_beside_a_therapy_that_is_not_read(tmp_path: Path) -> None:
    hearts = [
        found("10230-1", value, "%", on=day, identity=day) for value, day in ((62, "2025-06-05"), (42, "2025-09-01"))
    ]
    patient = review(tmp_path, given("trastuzumab bempar", 420, on=DAYS[4]), *hearts)
    assert says(patient, "act: the LVEF of 2025-09-01 is 42 % (highest before: 62 % on 2025-06-05)")
    fallen = [
        found("10230-1", value, "%", on=day, identity=day) for value, day in ((66, "2025-06-05"), (56, "2025-09-01"))
    ]
    assert says(
        review(tmp_path, given("trastuzumab bempar", 420, on=DAYS[4]), *fallen), "missing: the LVEF fell from 66 %"
    )


def test_the_heart_is_told_where_doses_are_only_stated(tmp_path: Path) -> None:
    hearts = [
        found("10230-1", value, "%", on=day, identity=day) for value, day in ((62, "2025-06-05"), (42, "2025-09-01"))
    ]
    for therapy in (stated("trastuzumab", start="2025-06-16"), ordered("trastuzumab", status="completed")):
        assert says(review(tmp_path, therapy, *hearts), "act: the LVEF of 2025-09-01 is 42 %")
    assert not says(review(tmp_path, given("trastuzumab", 420, on="2025-08-16"), *hearts), "is not settled")


def test_a_row_of_a_csv_whose_drug_is_not_clear(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    head = "patient,date,fact,value,unit,product"
    for row in ("p1,2025-06-16,dose_mg,420,mg,trastuzumab rezetecan", "p1,2025-06-16,dose_mg,420,mg,"):
        path.write_text(f"{head}\np1,2025-05-20,ihc_score,3+,,\n{row}\n", encoding="utf-8")
        (only,), _ = review_of(path, on=dt.date.fromisoformat(ON))
        assert is_not_begun_anew(only)


# -- dispenses, procedures, claims --------------------------------------------------------


def test_a_therapy_that_was_only_dispensed(tmp_path: Path) -> None:
    patient = from_file(tmp_path, "dispense-only")
    assert is_not_begun_anew(patient)
    assert says(
        patient, "missing: no dose is recorded", "trastuzumab-iv (dispensed, 5 times, 2025-06-16 to 2025-09-08)"
    )


def dispensed(drug: Any = "trastuzumab", **more: Any) -> dict[str, Any]:
    named = medication(text=drug) if isinstance(drug, str) else drug
    return {"resourceType": "MedicationDispense", "id": "d", "status": "completed", "subject": {"reference": "Patient/p1"},
            "whenHandedOver": "2025-06-16", **named, **more}  # fmt: skip


def performed(code_: str = "J9355", system: str = HCPCS, **more: Any) -> dict[str, Any]:
    return {"resourceType": "Procedure", "id": "x", "status": "completed", "subject": {"reference": "Patient/p1"},
            "code": concept(coding(code_, system)), "performedDateTime": "2025-06-16", **more}  # fmt: skip


def claimed(code: str = "J9355", kind: str = "Claim", **more: Any) -> dict[str, Any]:
    return {"resourceType": kind, "id": "c", "status": "active", "use": "claim", "patient": {"reference": "Patient/p1"},
            "item": [{"sequence": 1, "productOrService": concept(coding(code, HCPCS)), "servicedDate": "2025-06-16"}], **more}  # fmt: skip


@pytest.mark.parametrize(
    ("resource", "product", "value"),
    [
        (dispensed(), IV, "dispensed"), (dispensed({"medication": {"concept": {"text": "Kadcyla"}}}), "t-dm1", "dispensed"),
        (performed(), IV, "performed"), (performed("Q5117"), IV, "performed"), (performed("J9354"), "t-dm1", "performed"),
        (performed("J9358"), "t-dxd", "performed"), (performed("J9306"), "pertuzumab", "performed"),
        (performed("J9316"), "phesgo", "performed"), (performed("J9356"), SC, "performed"),
        (performed("J9355", "http://www.ama-assn.org/go/cpt"), IV, "performed"),
        (performed("96413", "http://www.ama-assn.org/go/cpt", code={"text": "Herceptin infusion"}), IV, "performed"),
        (claimed(), IV, "billed"), (claimed("Q5113", "ExplanationOfBenefit"), IV, "billed"),
        (performed(resourceType="ChargeItem", status="billed", performedDateTime=None, occurrenceDateTime="2025-06-16"), IV, "billed"),
    ],
)  # fmt: skip
def test_what_shows_that_a_therapy_runs(tmp_path: Path, resource: dict[str, Any], product: str, value: str) -> None:
    (event,) = course_of(resource)
    assert (event.fact, event.product, event.value, event.day) == (
        "her2_drug_recorded",
        product,
        value,
        dt.date(2025, 6, 16),
    )
    assert is_not_begun_anew(review(tmp_path, resource))


@pytest.mark.parametrize(
    "resource",
    [
        dispensed(status="cancelled"), dispensed("paracetamol"), performed(status="not-done"), performed("J9267"),
        performed(code={"text": "HER2 FISH"}), claimed(use="preauthorization"), claimed("J9267"), claimed(status="cancelled"),
    ],
)  # fmt: skip
def test_what_shows_no_therapy(tmp_path: Path, resource: dict[str, Any]) -> None:
    assert not course_of(resource)


def test_a_dispense_beside_its_dose_is_no_dose_and_not_told(tmp_path: Path) -> None:
    doses = [given(medication(text="trastuzumab"), 420, on=day, identity=f"a{day}") for day in DAYS]
    patient = review(tmp_path, *doses, dispensed(whenHandedOver=DAYS[4]))
    assert state(patient, "doses") == 5
    assert not says(patient, "dispensed")
    skin = [given("Herceptin s.c.", 600, on=day, identity=f"a{day}") for day in DAYS]
    by_substance = dispensed(medication(coding("L01FD01", ATC)), whenHandedOver=DAYS[4])
    assert not says(review(tmp_path, *skin, by_substance), "dispensed")
    later = review(tmp_path, *doses, dispensed("Kadcyla", whenHandedOver="2025-09-10"))
    assert says(later, "missing: a drug stands in the record without a dose", "t-dm1 (dispensed, 2025-09-10)")


# -- parts of a dose ----------------------------------------------------------------------


def test_an_infusion_in_rows_is_one_dose(tmp_path: Path) -> None:
    patient = from_file(tmp_path, "rate-change-rows-one-dose")
    assert (state(patient, "doses"), state(patient, "last_mg"), state(patient, "first_per_kg")) == (5, 420_000, 8_000)
    assert says(patient, "note: trastuzumab-iv is recorded in parts on 5 days", "420 mg in 90 minutes")
    assert patient.course is not None
    assert patient.course.standing.values["infusion_given_minutes"] == 90
    assert not says(patient, "alarm")
    assert not says(patient, "contradiction")


def on_one_day(
    folder: Path,
    *amounts: float | None,
    weight: float | None = 70,
    drug: str = "trastuzumab",
    times: Any = None,
    **more: Any,
) -> PatientReview:
    """The review of doses on one day: at some times, or with the day alone."""
    doses = []
    for number, amount in enumerate(amounts):
        period = (
            {}
            if times is None
            else {
                "effectivePeriod": dict(
                    zip(("start", "end"), (f"2025-09-08T{t}:00Z" for t in times[number]), strict=True)
                )
            }
        )
        doses.append(given(drug, amount, on=None if period else "2025-09-08", identity=f"a{number}", **period, **more))
    body = [found(WEIGHT, weight, "kg", on="2025-06-01")] if weight else []
    return review(folder, *body, *doses)


MG = 1000


@pytest.mark.parametrize(
    ("amounts", "total", "words"),
    [
        ((140, 280), 420, "recorded in parts"),  # unequal, and together a dose of the label
        ((150, 150, 120), 420, "recorded in parts"),  # vial by vial
        ((210, 210), 420, "recorded in parts"),  # equal, and none a dose alone
        ((420, 420), 420, "recorded more than once once, and counts once"),
        ((280, 280), None, "the amount is not known"),  # 4 mg/kg each, 8 together: either may be
        ((400, 420), None, "the amount is not known"),  # unequal, and together no dose
    ],
)  # fmt: skip
def test_doses_of_a_day_by_the_label(tmp_path: Path, amounts: tuple[float, ...], total: int | None, words: str) -> None:
    patient = on_one_day(tmp_path, *amounts)
    assert state(patient, "last_mg") == (-(2**62) if total is None else total * MG)
    assert says(patient, words)
    assert state(patient, "doses") == 1


def test_without_a_weight_only_times_tell_parts(tmp_path: Path) -> None:
    assert says(on_one_day(tmp_path, 140, 280, weight=None), "the amount is not known")
    following = (("10:00", "10:30"), ("10:30", "11:30"))
    patient = on_one_day(tmp_path, 140, 280, weight=None, times=following)
    assert state(patient, "last_mg") == 420 * MG
    assert says(patient, "420 mg in 90 minutes")
    same = (("10:00", "11:30"), ("10:00", "11:30"))
    twice = on_one_day(tmp_path, 420, 420, weight=None, times=same)
    assert state(twice, "last_mg") == 420 * MG
    assert says(twice, "counts once")
    overlapping = (("10:00", "11:30"), ("10:15", "11:45"))
    assert says(on_one_day(tmp_path, 420, 420, weight=None, times=overlapping), "the amount is not known")


def test_order_dose_and_dispense_of_a_day_are_one_dose(tmp_path: Path) -> None:
    body = found(WEIGHT, 70, "kg", on="2025-06-01")
    order, bag = ordered("trastuzumab", 420, on="2025-09-08"), dispensed(whenHandedOver="2025-09-08")
    patient = review(tmp_path, body, order, bag, given("trastuzumab", 420, on="2025-09-08"))
    assert (state(patient, "doses"), state(patient, "last_mg")) == (1, 420 * MG)
    assert not says(patient, "parts")
    assert not says(patient, "more than once")


@pytest.mark.parametrize("path", sorted(RECORDS.glob("*.json")), ids=lambda path: path.stem)
def test_a_record_line_by_line_says_the_same(tmp_path: Path, path: Path) -> None:
    document = json.loads(path.read_text(encoding="utf-8"))
    lines = tmp_path / "x.ndjson"
    resources = [entry["resource"] for entry in document["entry"]]
    lines.write_text("\n".join(json.dumps(resource) for resource in reversed(resources)), encoding="utf-8")
    (only,), troubles = review_of(lines, on=dt.date.fromisoformat(ON))
    assert not troubles
    whole = review_of_file(tmp_path, document)
    assert (only.status, only.possible, only.expression) == (whole.status, whole.possible, whole.expression)
    assert said_of_tests(only) == said_of_tests(whole)
    assert said_of_tests(whole) or "IHC" not in path.read_text(encoding="utf-8")
    of_therapy = any(each["resourceType"].startswith("Medication") for each in resources)
    if whole.course is None:  # a record of HER2 tests that settle nothing
        assert (only.course, whole.status, of_therapy) == (None, None, False)
        return
    assert only.course is not None
    assert only.course.standing.values == whole.course.standing.values
    words = [[finding.words for finding in one.course.findings if finding.key] for one in (only, whole) if one.course]
    assert words[0] == words[1] != []


def said_of_tests(review: PatientReview) -> list[object]:
    """What is said of each specimen, without where it stands."""
    return [
        (one.day, [test[:2] for test in one.tests], [(found.grade, found.words) for found in one.findings])
        for one in review.specimens
    ]


def test_a_flat_dose_twice_on_a_day(tmp_path: Path) -> None:
    assert state(on_one_day(tmp_path, 600, 600, drug="Trastuzumab s.c."), "last_mg") == 600 * MG
    assert says(on_one_day(tmp_path, 420, 420, drug="pertuzumab"), "the amount is not known")


def test_rows_that_begin_and_end_an_infusion(tmp_path: Path) -> None:
    assert state(on_one_day(tmp_path, None, 420), "last_mg") == 420 * MG
    assert state(on_one_day(tmp_path, 0, 420), "last_mg") == 420 * MG
    body = found(WEIGHT, 70, "kg", on="2025-06-01")
    both = (stated("trastuzumab", start="2025-09-08"), given("trastuzumab", 420, on="2025-09-08"))
    assert state(review(tmp_path, body, *both), "last_mg") == 420 * MG
    begun = given("trastuzumab", 140, on="2025-09-08", status="stopped", identity="s")
    rest = given("trastuzumab", 280, on="2025-09-08", identity="t")
    patient = review(tmp_path, found(WEIGHT, 70, "kg", on="2025-06-01"), begun, rest)
    assert state(patient, "last_mg") == -(2**62)
    assert says(patient, "the amount is not known")


def test_minutes_of_two_drugs_of_a_day_are_no_contradiction(tmp_path: Path) -> None:
    hours = {"effectivePeriod": {"start": "2025-09-08T10:00:00Z", "end": "2025-09-08T11:00:00Z"}}
    half = {"effectivePeriod": {"start": "2025-09-08T11:30:00Z", "end": "2025-09-08T12:00:00Z"}}
    patient = review(
        tmp_path,
        given("pertuzumab", 420, on=None, identity="p", **hours),
        given("trastuzumab", 420, on=None, identity="t", **half),
    )
    assert not says(patient, "contradiction")


# -- statements ---------------------------------------------------------------------------


@pytest.mark.parametrize("status", ["completed", "stopped"])
def test_a_statement_with_an_end_is_a_course_that_ended(tmp_path: Path, status: str) -> None:
    patient = review(tmp_path, stated("trastuzumab", status=status, start="2024-09-16", end="2025-08-20"))
    assert phase(patient) == "completed"
    assert patient.course is not None
    assert patient.course.standing.day("stop") == dt.date(2025, 8, 20)
    assert patient.course.standing.day("contraception_until") == dt.date(2026, 3, 20)
    assert not says(patient, "no record of a stop")
    assert "doses_given" not in patient.course.standing.values


def test_statements_that_go_on(tmp_path: Path) -> None:
    first = stated("trastuzumab", status="completed", start="2025-06-16", end="2025-07-06", identity="one")
    second = stated("trastuzumab", status="active", start="2025-07-07", identity="two")
    assert phase(review(tmp_path, first, second)) == "unknown"
    assert phase(review(tmp_path, first, given("trastuzumab", 420, on="2025-09-08"))) == "on treatment"


def test_a_word_beside_a_name_says_one_thing() -> None:
    """Every word of the page stands there once, and says one of the things that the page explains."""
    page = (knowledge_folder() / "codes" / "therapy" / "drug-words.md").read_text(encoding="utf-8")
    said, listed = page.split("| drug word", 1)
    words = [
        line.split("|")[1].strip() for line in listed.split("## Routes")[0].splitlines()[2:] if line.startswith("|")
    ]
    assert len(words) == len(set(words)) == len(CODES.therapy.words)
    explained = {line.split("`")[1] for line in said.splitlines() if line.startswith("| `")}
    assert set(CODES.therapy.words.values()) == explained
