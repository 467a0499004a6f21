"""A review as FHIR R4: every resource validates, refers only to what is there, and orders nothing."""

from __future__ import annotations

import datetime as dt
import json
import re
from types import SimpleNamespace
from typing import cast

import pytest
from fhir.resources.R4B import get_fhir_model_class

from her2path.facts.codes import Codes
from her2path.facts.source import Citation
from her2path.facts.therapy_codes import Measure, TherapyCodes
from her2path.findings.finding import Finding, Grade
from her2path.findings.plan.items import PlanItem
from her2path.findings.plan.verdicts import Verdict
from her2path.findings.reviews import PatientReview, SpecimenReview
from her2path.write.caution import CAUTION
from her2path.write.fhir.proposals import (
    ECHOCARDIOGRAPHY,
    LVEF_CODE,
    bundle_line,
    patient_bundle,
    references_of,
    review_bundle,
)

ON = dt.date(2026, 3, 1)
LABEL = Citation("herceptin-us", "2.5", "secondary")
DECIDED = Citation("decisions", "D20", "decided")

HOLD = Finding(
    Grade.ACT, "LVEF 44 % is 18 points below the baseline of 62 %: hold trastuzumab",
    ("course.json Observation/lvef-2", "course.json Observation/lvef-0"), "cardiac_action: hold",
    "Hold for at least 4 weeks; repeat the LVEF.", dt.date(2026, 3, 29), ("cardiac_action:2",), (LABEL, DECIDED),
    (("lvef", "44"), ("lvef_fall", "18")),
)  # fmt: skip
ALARM = Finding(
    Grade.ALARM, "pregnant during therapy", ("c.json Condition/preg",), "pregnancy_check: stop", "Stop; tell her."
)
LATE = Finding(
    Grade.DUE, "the LVEF is 20 days late", ("c.json Observation/lvef-2",), "echo_due: overdue", "Measure it."
)
BARE = Finding(Grade.CONTRADICTION, "weight_kg: 70 and 700 on one day", ("rows.csv:12", "rows.csv:13"))
OPEN = Finding(
    Grade.MISSING, "missed dose undetermined", (), "missed_dose_action: undetermined", "", None, ("missed_dose_action:1",),
    (LABEL,), (), (("schedule",), ("product", "days_since_last_dose")),
)  # fmt: skip
NOTE = Finding(Grade.NOTE, "lower limit of normal LVEF assumed to be 50 %")
UNREADABLE = Finding(Grade.UNREADABLE, "lvef unknown", ("c.json Observation/bad",))
FINDINGS = [ALARM, HOLD, BARE, LATE, OPEN, UNREADABLE, NOTE]

DOSE = PlanItem(
    "dose", "trastuzumab-iv: 6 mg/kg, maintenance", dt.date(2026, 3, 10), dt.date(2026, 3, 17),
    {"dose": "6 mg/kg", "weight_kg": "73.6", "dose_mg": "441.5", "volume_ml": "21.0", "vials": "1 x 420 mg + 1 x 150 mg",
     "kind": "maintenance", "infusion_minutes": "30 to 90"},
    (LABEL,), ("dose_per_administration:3",), drug="trastuzumab-iv",
)  # fmt: skip
STOPPED = Verdict("trastuzumab-iv", "STOP", "heart failure", "for good")
ECHO = PlanItem(
    "echo", "LVEF (3 months after the last; same method as before)", dt.date(2026, 4, 2), dt.date(2026, 4, 16),
    {"interval": "3 months"}, (LABEL,), ("echo_interval:1",),
)  # fmt: skip
HELD = PlanItem("hold", "hold for the heart since 2026-02-20", dt.date(2026, 3, 20), dt.date(2026, 4, 17))
END = PlanItem("end", "end of the year of therapy", None, dt.date(2026, 11, 1))
CONTRACEPTION = PlanItem("contraception", "effective contraception until", None, dt.date(2027, 6, 1), {}, (LABEL,))
PLAN = [DOSE, HELD, ECHO, END, CONTRACEPTION]


def codes_with(*keys) -> Codes:
    """Code tables of LVEF measurements only."""
    return Codes(therapy=TherapyCodes(measures={key: Measure("lvef", "") for key in keys}))


def made(findings=FINDINGS, plan=PLAN, patient="p1", product="trastuzumab-iv", **more) -> dict:
    """A Bundle, validated whole and resource by resource, with every reference resolved."""
    bundle = patient_bundle(patient, findings, plan, ON, product, **more)
    validate(bundle)
    return bundle


def validate(bundle: dict) -> None:
    written = json.loads(bundle_line(bundle))
    get_fhir_model_class("Bundle").model_validate(written)
    urls = {entry["fullUrl"] for entry in written.get("entry", [])}
    assert len(urls) == len(written.get("entry", []))
    for entry in written.get("entry", []):
        resource = entry["resource"]
        parsed = get_fhir_model_class(resource["resourceType"]).model_validate(resource)
        assert json.loads(parsed.model_dump_json(exclude_none=True)).keys() == resource.keys()
        assert resource["meta"]["tag"][0]["display"] == CAUTION
        assert entry["fullUrl"] == f"urn:uuid:{resource['id']}"
    for reference in references(written):
        assert reference in urls or re.fullmatch(r"[A-Z][A-Za-z]+/[A-Za-z0-9.-]{1,64}", reference), reference


def references(content) -> list[str]:
    if isinstance(content, list):
        return [found for each in content for found in references(each)]
    if not isinstance(content, dict):
        return []
    own = [content["reference"]] if isinstance(content.get("reference"), str) else []
    return own + [found for each in content.values() for found in references(each)]


def resources(bundle: dict, kind: str) -> list[dict]:
    return [entry["resource"] for entry in bundle.get("entry", []) if entry["resource"]["resourceType"] == kind]


def one(bundle: dict, kind: str) -> dict:
    (found,) = resources(bundle, kind)
    return found


# -- findings ---------------------------------------------------------------------------------


def test_each_grave_finding_is_an_issue_and_notes_are_none() -> None:
    issues = resources(made(), "DetectedIssue")
    assert [(each["code"]["text"], each["severity"]) for each in issues] == [
        ("pregnancy_check: stop", "high"), ("cardiac_action: hold", "high"), ("contradiction of the record", "moderate"),
        ("echo_due: overdue", "moderate"), ("missed_dose_action: undetermined", "low"),
    ]  # fmt: skip
    assert {each["status"] for each in issues} == {"preliminary"}


def test_an_issue_says_what_why_from_what_and_what_to_do() -> None:
    issue = one(made([HOLD], []), "DetectedIssue")
    assert issue["detail"] == HOLD.words
    assert issue["identifiedDateTime"] == "2026-03-01"
    sources = [{"reference": "Observation/lvef-2"}, {"reference": "Observation/lvef-0"}]
    assert issue["implicated"] == sources
    assert issue["evidence"][0] == {"code": [{"text": "rows: cardiac_action row 2"}], "detail": sources}
    assert [each["code"][0]["text"] for each in issue["evidence"][1:]] == [
        "sources: herceptin-us 2.5 (secondary); decisions D20 (decided)", "facts: lvef 44, lvef_fall 18",
    ]  # fmt: skip
    assert issue["mitigation"] == [{"action": {"text": "Hold for at least 4 weeks; repeat the LVEF. (by 2026-03-29)"}}]


def test_a_finding_from_rows_of_a_table_names_them_in_words_only() -> None:
    issue = one(made([BARE], []), "DetectedIssue")
    assert "implicated" not in issue
    assert "mitigation" not in issue
    assert issue["evidence"] == [{"code": [{"text": "from: rows.csv:12, rows.csv:13"}]}]


def test_what_would_settle_an_open_question_is_told() -> None:
    issue = one(made([OPEN], []), "DetectedIssue")
    assert "would settle it: schedule, or product and days_since_last_dose" in json.dumps(issue["evidence"])


def test_a_finding_with_origins_alone_has_evidence_without_words() -> None:
    issue = one(made([Finding(Grade.DUE, "late", ("a.json Observation/x",))], []), "DetectedIssue")
    assert issue["evidence"] == [{"detail": [{"reference": "Observation/x"}]}]


@pytest.mark.parametrize(
    ("origin", "found"),
    [
        ("bundle.json Observation/xyz", "Observation/xyz"),
        ("a b.ndjson:12 MedicationAdministration/m.1-2", "MedicationAdministration/m.1-2"),
        ("Observation/xyz", "Observation/xyz"),
        ("bundle.json Observation/xyz#spec", "Observation/xyz"),
        ("bundle.json Observation/?", None),
        ("bundle.json Observation/has space", None),
        (f"bundle.json Observation/{'x' * 65}", None),
        ("Records/rows.csv:3", None),
        ("data/Observation/rows.csv:3", None),
        ("rows.csv:3", None),
        ("", None),
    ],
)
def test_only_an_origin_that_names_a_resource_is_a_reference(origin, found) -> None:
    assert references_of([origin, origin]) == ([{"reference": found}] if found else [])


# -- plan -------------------------------------------------------------------------------------


def test_nothing_is_more_than_a_proposal() -> None:
    bundle = made()
    for kind in ("CarePlan", "MedicationRequest", "ServiceRequest"):
        assert {(each["status"], each["intent"]) for each in resources(bundle, kind)} == {("draft", "proposal")}
    assert bundle["type"] == "collection"


def test_the_next_dose_has_its_amount_duration_route_and_window() -> None:
    request = one(made(), "MedicationRequest")
    assert request["medicationCodeableConcept"] == {"text": "trastuzumab-iv"}
    (dosage,) = request["dosageInstruction"]
    assert dosage["doseAndRate"] == [
        {"doseQuantity": {"value": 441.5, "unit": "mg", "system": "http://unitsofmeasure.org", "code": "mg"}}
    ]
    assert dosage["timing"] == {
        "repeat": {"boundsPeriod": {"start": "2026-03-10", "end": "2026-03-17"}, "duration": 30, "durationMax": 90,
                   "durationUnit": "min"}
    }  # fmt: skip
    assert dosage["route"] == {"text": "intravenous"}
    for words in ("6 mg/kg", "weight 73.6 kg", "dose 441.5 mg", "volume 21.0 mL", "infusion 30 to 90 minutes"):
        assert words in dosage["text"]
    notes = [each["text"] for each in request["note"]]
    assert notes == ["rows: dose_per_administration row 3", "sources: herceptin-us 2.5 (secondary)", CAUTION]


def test_a_dose_carries_the_issues_that_may_forbid_it() -> None:
    bundle = made()
    grave = {f"urn:uuid:{each['id']}" for each in resources(bundle, "DetectedIssue") if each["severity"] == "high"}
    assert {each["reference"] for each in one(bundle, "MedicationRequest")["detectedIssue"]} == grave
    assert len(grave) == 2
    assert "detectedIssue" not in one(made([LATE, NOTE]), "MedicationRequest")


def test_a_dose_that_is_not_settled_has_words_and_no_number() -> None:
    item = PlanItem("dose", "trastuzumab-iv: 6 mg/kg, maintenance", dt.date(2026, 3, 10), None,
                    {"dose": "6 mg/kg", "unknown": "the weight is not known", "infusion_minutes": "as before"})  # fmt: skip
    (dosage,) = one(made([], [item]), "MedicationRequest")["dosageInstruction"]
    assert "doseAndRate" not in dosage
    assert dosage["timing"] == {"event": ["2026-03-10"]}
    assert "unknown the weight is not known" in dosage["text"]
    assert "infusion minutes as before" in dosage["text"]


@pytest.mark.parametrize("amount", ["", "unknown", "-5", "4e3", "NaN", "600 + 600", "12345678"])
def test_an_amount_that_is_no_plain_number_is_never_a_quantity(amount) -> None:
    item = PlanItem("dose", "phesgo", ON, None, {"dose_mg": amount})
    assert "doseAndRate" not in one(made([], [item], product="phesgo"), "MedicationRequest")["dosageInstruction"][0]


def test_an_amount_of_whole_mg_stays_whole() -> None:
    item = PlanItem("dose", "trastuzumab-sc: 600 mg", ON, ON, {"dose_mg": "600", "infusion_minutes": "5"})
    (dosage,) = one(made([], [item], product="trastuzumab-sc"), "MedicationRequest")["dosageInstruction"]
    assert json.dumps(dosage["doseAndRate"][0]["doseQuantity"]["value"]) == "600"
    assert dosage["route"] == {"text": "subcutaneous"}
    assert dosage["timing"] == {"event": ["2026-03-01"], "repeat": {"duration": 5, "durationUnit": "min"}}


def test_a_product_that_is_not_known_leaves_the_words_and_no_route() -> None:
    unnamed = PlanItem("dose", "the next dose", ON)
    request = one(made([], [unnamed], product=None), "MedicationRequest")
    assert request["medicationCodeableConcept"]["text"] == "the next dose"
    assert "route" not in request["dosageInstruction"][0]
    assert "route" not in one(made([], [unnamed], product="t-dxd"), "MedicationRequest")["dosageInstruction"][0]


@pytest.mark.parametrize(
    ("what", "drug"),
    [
        ("pertuzumab: 420 mg, maintenance", "pertuzumab"), ("t-dm1: 3.6 mg/kg, first dose", "t-dm1"),
        ("once the cardiologist lets it go on: trastuzumab-sc: 600 mg, maintenance", "trastuzumab-sc"),
        ("phesgo: dose not settled, maintenance", "phesgo"), ("not named: 420 mg", ""),
    ],
)  # fmt: skip
def test_a_dose_names_its_own_drug_and_not_the_one_in_hand(what, drug) -> None:
    item = PlanItem("dose", what, ON, None, {"dose_mg": "420"}, drug=drug)
    request = resources(made([], [DOSE, item]), "MedicationRequest")[1]
    drug = drug or "trastuzumab-iv"
    assert request["medicationCodeableConcept"]["text"] == drug
    route = {"trastuzumab-iv": "intravenous", "trastuzumab-sc": "subcutaneous"}.get(drug)
    assert request["dosageInstruction"][0].get("route", {}).get("text") == route


def test_the_next_lvef_is_asked_for_by_the_codes_of_the_tables_only() -> None:
    plain = one(made(codes=Codes()), "ServiceRequest")
    assert plain["code"] == {"text": ECHO.what}
    assert plain["occurrencePeriod"] == {"start": "2026-04-02", "end": "2026-04-16"}
    both = one(made(codes=codes_with(LVEF_CODE, ECHOCARDIOGRAPHY)), "ServiceRequest")
    assert both["code"]["coding"] == [
        {"system": "http://snomed.info/sct", "code": "40701008"}, {"system": "http://loinc.org", "code": "10230-1"},
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("method", "echo"), [("", True), ("unspecified", True), ("echo", True), ("MUGA", False), ("CMR", False)]
)
def test_an_lvef_by_another_method_is_no_order_for_an_echo(method, echo) -> None:
    request = one(made(codes=codes_with(LVEF_CODE, ECHOCARDIOGRAPHY), lvef_method=method), "ServiceRequest")
    assert [each["code"] for each in request["code"]["coding"]] == (["40701008"] if echo else []) + ["10230-1"]


def test_the_plan_holds_every_item_in_its_order() -> None:
    bundle = made()
    plan = one(bundle, "CarePlan")
    dose, echo = (f"urn:uuid:{one(bundle, kind)['id']}" for kind in ("MedicationRequest", "ServiceRequest"))
    told = [
        each["reference"]["reference"] if "reference" in each else each["detail"]["scheduledPeriod"]
        for each in plan["activity"]
    ]
    assert told == [
        dose, {"start": "2026-03-20", "end": "2026-04-17"}, echo, {"end": "2026-11-01"}, {"end": "2027-06-01"},
    ]  # fmt: skip
    assert plan["period"] == {"start": "2026-03-10", "end": "2027-06-01"}
    assert plan["created"] == "2026-03-01"
    assert len(plan["supportingInfo"]) == 5
    assert "sources: herceptin-us 2.5 (secondary)" in plan["activity"][-1]["detail"]["description"]


def test_an_item_without_days_says_so() -> None:
    plan = one(made([], [PlanItem("test", "repeat the HER2 test")]), "CarePlan")
    assert "period" not in plan
    assert plan["activity"][0]["detail"]["scheduledString"] == "day not known"
    bundle = made([], [PlanItem("dose", "t-dm1"), PlanItem("echo", "LVEF")])
    assert "timing" not in one(bundle, "MedicationRequest")["dosageInstruction"][0]
    assert "occurrencePeriod" not in one(bundle, "ServiceRequest")


def test_a_last_day_before_the_first_never_makes_a_period() -> None:
    item = PlanItem("hold", "hold", dt.date(2026, 5, 1), dt.date(2026, 4, 1))
    plan = one(made([], [item]), "CarePlan")
    assert plan["activity"][0]["detail"]["scheduledPeriod"] == {"start": "2026-05-01"}


def test_nothing_planned_makes_no_plan_and_nothing_said_no_entries() -> None:
    assert [each["resource"]["resourceType"] for each in made([LATE], [])["entry"]] == ["DetectedIssue"]
    empty = made([NOTE], [])
    assert "entry" not in empty
    assert empty["identifier"]["value"] == "p1 2026-03-01"


# -- ids and text -----------------------------------------------------------------------------


def test_the_same_review_gives_the_same_bytes() -> None:
    assert bundle_line(made()) == bundle_line(made())


def test_ids_are_of_the_patient_the_thing_and_the_day() -> None:
    ids = [entry["resource"]["id"] for entry in made()["entry"]]
    assert len(set(ids)) == len(ids)
    assert not set(ids) & {entry["resource"]["id"] for entry in made(patient="p2")["entry"]}
    later = patient_bundle("p1", FINDINGS, PLAN, ON + dt.timedelta(days=1))
    assert one(later, "MedicationRequest")["id"] == one(made(), "MedicationRequest")["id"]
    assert one(later, "CarePlan")["id"] != one(made(), "CarePlan")["id"]
    assert later["id"] != made()["id"]


def test_an_id_does_not_hang_on_the_file_or_on_other_findings() -> None:
    moved = Finding(Grade.DUE, LATE.words, ("elsewhere.json Observation/lvef-2",), LATE.key, LATE.do)
    alone = one(made([moved], []), "DetectedIssue")["id"]
    assert alone in {each["id"] for each in resources(made(), "DetectedIssue")}


def test_two_findings_alike_stay_two() -> None:
    issues = resources(made([LATE, LATE], []), "DetectedIssue")
    assert len({each["id"] for each in issues}) == 2


@pytest.mark.parametrize("patient", ["Ünal 1", "a/b", "x" * 65, "file.ndjson:3", 'q"<&>', "id\r\nX\x00", "\ud800", " "])
def test_a_patient_whose_id_is_none_of_fhir_is_named_by_identifier(patient) -> None:
    bundle = made(patient=patient)
    for resource in (entry["resource"] for entry in bundle["entry"]):
        subject = resource.get("subject") or resource.get("patient")
        assert "reference" not in subject
        assert subject["identifier"]["value"].strip()
    bundle_line(bundle).encode()


def test_a_patient_is_referred_to_in_the_record() -> None:
    assert one(made(), "CarePlan")["subject"] == {"reference": "Patient/p1"}


def test_special_characters_stay_themselves_and_break_nothing() -> None:
    words = 'LVEF < 50 & "low" </div><script>\u2028 ≥ 10 points\x07 \ud83d é'
    finding = Finding(Grade.ACT, words, (), words, words, None, (words,), (), ((words, words),), ((words,),))
    item = PlanItem(
        "dose", words, ON, ON, {"dose": words, "weird name": words}, (Citation(words, words, "seen"),), (words,)
    )
    bundle = made([finding], [item], product=words)
    line = bundle_line(bundle)
    assert line.splitlines() == [line]
    line.encode()
    issue = one(bundle, "DetectedIssue")
    assert issue["detail"] == 'LVEF < 50 & "low" </div><script>  ≥ 10 points    é'
    assert "&lt;/div&gt;&lt;script&gt;" in issue["text"]["div"]
    assert "<script>" not in issue["text"]["div"]


def test_words_that_are_empty_make_no_empty_text() -> None:
    made([Finding(Grade.ACT, "")], [PlanItem("dose", ""), PlanItem("echo", ""), PlanItem("end", "")], product=None)


# -- a whole review ---------------------------------------------------------------------------


def test_a_review_gives_all_its_findings_the_gravest_first() -> None:
    specimen = cast(SpecimenReview, SimpleNamespace(findings=[LATE]))
    standing = SimpleNamespace(state={"lvef_method": 2}, product="trastuzumab-iv")
    course = SimpleNamespace(standing=standing, findings=[ALARM], plan=PLAN, verdicts=[STOPPED])
    review = PatientReview("p1", "c.json", "breast", [specimen], "positive", (), None, "rule", [OPEN], 0)
    bare = review_bundle(review, ON)
    validate(bare)
    assert [each["severity"] for each in resources(bare, "DetectedIssue")] == ["moderate", "low"]
    review.course = course
    whole = review_bundle(review, ON)
    validate(whole)
    assert [each["severity"] for each in resources(whole, "DetectedIssue")] == ["high", "moderate", "low"]
    assert one(whole, "MedicationRequest")["medicationCodeableConcept"]["text"] == "trastuzumab-iv"
    assert "STOP trastuzumab-iv: heart failure (for good)" in one(whole, "CarePlan")["description"]
    assert "STOP trastuzumab-iv: heart failure (for good)" in one(whole, "CarePlan")["text"]["div"]
    standing.state["lvef_method"] = -(2**62)
    assert review_bundle(review, ON)["entry"]
