"""Resources of types that are not read and speak of what is: told, and what hangs on them is not known."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

import pytest

import fhir_makers as make
from her2path.cohort.review import review_source
from her2path.facts.problem import AskedWrongly
from her2path.findings.settings import Settings
from her2path.record.event import Trouble
from her2path.tables.load import default_knowledge
from therapy_makers import RXNORM

ON = dt.date(2026, 6, 1)
HERS = {"subject": {"reference": "Patient/p1"}}
DRUG = make.concept(make.coding("224905", RXNORM, "trastuzumab"))
CODE_ALONE = make.concept(make.coding("224905", RXNORM))
FAILURE = make.concept(make.coding("84114007", make.SNOMED))


def positive() -> list[dict[str, Any]]:
    """A patient who is HER2 positive, with two LVEFs."""

    def observed(name: str, code: str, day: str, **value: Any) -> dict[str, Any]:
        about = {"resourceType": "Observation", "id": name, "status": "final", "effectiveDateTime": day, **HERS}
        return {**about, "code": make.concept(make.coding(code)), **value}

    return [
        make.patient(),
        observed("h", make.IHC, "2026-01-20", valueString="3+"),
        observed("e1", "10230-1", "2026-02-01", valueQuantity={"value": 62, "unit": "%"}),
        observed("e2", "10230-1", "2026-05-20", valueQuantity={"value": 60, "unit": "%"}),
    ]


def doses(*days: str) -> list[dict[str, Any]]:
    return [
        {"resourceType": "MedicationAdministration", "id": f"a{day}", "status": "completed", "effectiveDateTime": day,
         "medicationCodeableConcept": DRUG, "dosage": {"dose": {"value": 420, "unit": "mg"}}, **HERS}
        for day in days
    ]  # fmt: skip


def of_type(kind: str, **fields: Any) -> dict[str, Any]:
    return {"resourceType": kind, "id": "x", **HERS, **fields}


def reviewed(path: Path, listed: list[Any], bulk: bool = False) -> tuple[Any, list[str]]:
    if bulk:
        path = path / "all.ndjson"
        path.write_text("\n".join(map(json.dumps, listed)), encoding="utf-8")
    else:
        path = path / "one.json"
        path.write_text(
            json.dumps({"resourceType": "Bundle", "type": "collection", "entry": [{"resource": r} for r in listed]}),
            encoding="utf-8",
        )
    items = list(review_source(path, default_knowledge(), Settings(ON, jurisdiction="us")))
    assert not [each for each in items if isinstance(each, Trouble)]
    (review,) = items
    words = make.words_of(review)
    return review, words + [f"{each.grade.word}: {each.words}" for each in review.course.findings]


GIVEN = [
    of_type("Procedure", status="completed", performedDateTime="2026-05-01", code={"text": "infusion"},
            usedReference=[{"reference": "#m"}],
            contained=[{"resourceType": "Medication", "id": "m", "ingredient": [{"itemCodeableConcept": DRUG}]}]),
    of_type("Procedure", status="completed", performedDateTime="2026-05-01", code={"text": "infusion"},
            used=[{"concept": DRUG}]),
    of_type("Procedure", status="completed", performedDateTime="2026-05-01", code={"text": "infusion"},
            usedReference=[{"reference": "Medication/gone", "display": "Herceptin"}]),
    of_type("Immunization", status="completed", occurrenceDateTime="2026-05-01", vaccineCode=CODE_ALONE),
    of_type("SupplyDelivery", status="completed", suppliedItem={"itemCodeableConcept": DRUG}),
    of_type("Encounter", status="finished", reasonCode=[{"text": "Trastuzumab infusion"}], period={"start": "2026-05-01"}),
    of_type("QuestionnaireResponse", status="completed",
            item=[{"linkId": "1", "item": [{"linkId": "2", "answer": [{"valueString": "Herceptin every 3 weeks"}]}]}]),
    of_type("DocumentReference", status="current", description="Letter on trastuzumab"),
    of_type("Composition", status="final", section=[{"text": {"div": "<div>Trastuzumab 420 mg given</div>"}}]),
    of_type("CarePlan", status="completed", intent="plan", activity=[{"detail": {"productCodeableConcept": DRUG}}]),
    of_type("MedicationUsage", status="completed", medication={"concept": DRUG}, effectiveDateTime="2026-05-01"),
]  # fmt: skip


@pytest.mark.parametrize("bulk", [False, True], ids=["bundle", "bulk"])
@pytest.mark.parametrize("resource", GIVEN, ids=lambda each: each["resourceType"])
def test_where_a_drug_stands_elsewhere_alone_she_is_not_before_the_start(
    tmp_path: Path, resource: dict[str, Any], bulk: bool
) -> None:
    review, words = reviewed(tmp_path, [*positive(), resource], bulk)
    assert review.course.standing.values.get("therapy_phase") != "before start"
    assert not review.course.regimens
    assert any("where it stands is not known" in each or "goes on is unknown" in each for each in words)


@pytest.mark.parametrize("kind", ["ServiceRequest", "Task", "CarePlan", "RequestGroup"])
def test_an_order_of_another_type_is_an_order_that_could_not_be_read(tmp_path: Path, kind: str) -> None:
    fields = {"action": [{"title": "trastuzumab"}]} if kind == "RequestGroup" else {"title": "trastuzumab"}
    fields = {"code": DRUG} if kind in ("ServiceRequest", "Task") else fields
    review, words = reviewed(tmp_path, [*positive(), of_type(kind, status="active", **fields)])
    assert any("an order could not be read" in each for each in words)
    assert {each.verdict for each in review.course.verdicts} == {"ASK FIRST"}


def test_beside_doses_a_letter_changes_nothing_and_is_told_once(tmp_path: Path) -> None:
    given = doses("2026-04-20", "2026-05-11")
    letters = [
        of_type("DocumentReference", description="Trastuzumab letter", date="2026-05-30") | {"id": f"d{n}"}
        for n in "123"
    ]
    alone, _ = reviewed(tmp_path, [*positive(), *given])
    beside, words = reviewed(tmp_path, [*positive(), *given, *letters])
    assert beside.course.standing.values == alone.course.standing.values
    assert [(v.drug, v.verdict) for v in beside.course.verdicts] == [(v.drug, v.verdict) for v in alone.course.verdicts]
    assert sum("3 DocumentReference ('Trastuzumab letter')" in each for each in words) == 1


@pytest.mark.parametrize(
    "code", [FAILURE, make.concept(make.coding("I50.9", make.ICD10CM)), {"text": "Herzinsuffizienz"}], ids=str
)
def test_heart_failure_as_the_reason_of_a_visit_is_unknown(tmp_path: Path, code: dict[str, Any]) -> None:
    visit = of_type("Encounter", status="finished", reasonCode=[code], period={"start": "2026-05-25"})
    review, words = reviewed(tmp_path, [*positive(), *doses("2026-05-11"), visit])
    assert "heart_failure" not in review.course.standing.values
    assert any("Encounter speaks of" in each for each in words)


def test_an_answered_lvef_gates_the_next_dose(tmp_path: Path) -> None:
    item = [{"linkId": "1", "text": "LVEF", "answer": [{"valueDecimal": 40}]}]
    asked = of_type("QuestionnaireResponse", status="completed", authored="2026-05-25", item=item)
    _, words = reviewed(tmp_path, [*positive(), *doses("2026-05-11"), asked])
    assert any("the LVEF of 2026-05-25 (LVEF) could not be read" in each for each in words)


@pytest.mark.parametrize(
    "resource",
    [
        of_type("CarePlan", status="entered-in-error", title="Trastuzumab"),
        of_type("Encounter", status="finished", reasonCode=[{"text": "Follow-up"}]),
        {"resourceType": "FamilyMemberHistory", "id": "x", "status": "completed", "patient": HERS["subject"],
         "condition": [{"code": FAILURE}, {"code": {"text": "HER2 positive breast cancer, trastuzumab"}}]},
        of_type("Procedure", status="completed", code={"text": "port"}, usedReference=[{"reference": "Device/1"}]),
    ],
    ids=lambda each: each["resourceType"],
)  # fmt: skip
def test_what_says_nothing_of_hers(tmp_path: Path, resource: dict[str, Any]) -> None:
    review, words = reviewed(tmp_path, [*positive(), resource])
    assert review.course.standing.values["therapy_phase"] == "before start"
    assert review.course.standing.values["heart_failure"] == "no"
    assert not any("speak" in each for each in words)


@pytest.mark.parametrize("status", ["Refuted", "refuted", "entered-in-error", "Entered in error"])
@pytest.mark.parametrize("form", ["string", "text", "code", "display"])
def test_a_verification_status_in_any_form(tmp_path: Path, status: str, form: str) -> None:
    said: Any = {"string": status, "text": {"text": status}, "code": {"coding": [{"code": status}]},
                 "display": {"coding": [{"code": "1", "display": status}]}}[form]  # fmt: skip
    failure = of_type("Condition", code=FAILURE, onsetDateTime="2026-05-25", verificationStatus=said)
    review, words = reviewed(tmp_path, [*positive(), *doses("2026-05-11"), failure])
    assert review.course.standing.values["heart_failure"] == "no"
    assert any("not used: 84114007" in each for each in words)


def test_heart_failure_of_icd_11(tmp_path: Path) -> None:
    code = make.concept(make.coding("BD11.2", "http://id.who.int/icd/release/11/2024-01/mms"))
    failure = of_type("Condition", code=code, onsetDateTime="2026-05-25")
    review, _ = reviewed(tmp_path, [*positive(), *doses("2026-05-11"), failure])
    assert review.course.standing.values["heart_failure"] == "yes"


SPOILT_PROCEDURES = [
    {"contained": [{"resourceType": "Medication", "id": "m", "code": DRUG}]},
    {"contained": [{"resourceType": "Medication", "id": "m", "code": DRUG}], "usedReference": [{}]},
    {"usedReference": [{"reference": "#gone"}]},
    {"usedReference": [{"reference": "Medication/gone"}]},
    {"contained": [{"resourceType": "Medication", "id": "m"}], "usedReference": [{"reference": "#m"}]},
]


@pytest.mark.parametrize("more", SPOILT_PROCEDURES, ids=str)
def test_a_procedure_whose_medication_cannot_be_told(tmp_path: Path, more: dict[str, Any]) -> None:
    done = of_type("Procedure", status="completed", performedDateTime="2026-05-01", code={"text": "infusion"}, **more)
    review, _ = reviewed(tmp_path, [*positive(), done])
    assert "therapy_phase" not in review.course.standing.values


def test_a_device_that_stands_in_a_procedure_is_no_drug(tmp_path: Path) -> None:
    port = {"contained": [{"resourceType": "Device", "id": "d"}], "usedReference": [{"reference": "#d"}]}
    done = of_type("Procedure", status="completed", performedDateTime="2026-05-01", code={"text": "port"}, **port)
    review, _ = reviewed(tmp_path, [*positive(), done])
    assert review.course.standing.values["therapy_phase"] == "before start"


def told_of(path: Path, document: Any) -> list[str]:
    path.write_text(json.dumps(document), encoding="utf-8")
    return [str(x) for x in review_source(path, default_knowledge(), Settings(ON)) if isinstance(x, Trouble)]


@pytest.mark.parametrize("addressed", [False, True])
def test_an_entry_without_a_resource_is_told(tmp_path: Path, addressed: bool) -> None:
    entries = [{"resource": each} for each in positive()] + [{"resourc": doses("2026-05-11")[0]}]
    if addressed:
        entries = [each | {"fullUrl": f"urn:uuid:{number}"} for number, each in enumerate(entries)]
    bundle = {"resourceType": "Bundle", "type": "collection", "entry": entries}
    assert any("entry 4: the entry holds no resource" in each for each in told_of(tmp_path / "b.json", bundle))
    bare = {"resourceType": "Bundle", "type": "collection", "entry": positive()}
    assert len(told_of(tmp_path / "bare.json", bare)) == 4


def test_a_visit_whose_subject_has_a_wrong_type_is_told(tmp_path: Path) -> None:
    odd = of_type("Immunization", status="completed", vaccineCode=DRUG) | {"subject": "Patient/p1"}
    bundle = {
        "resourceType": "Bundle",
        "type": "collection",
        "entry": [{"resource": each} for each in [*positive(), odd]],
    }
    assert any("Immunization/x" in each for each in told_of(tmp_path / "odd.json", bundle))


def test_an_adverse_event_without_its_term_is_told(tmp_path: Path) -> None:
    odd = of_type("AdverseEvent", _event={"text": "Interstitial lung disease"}, date="2026-05-01")
    bundle = {
        "resourceType": "Bundle",
        "type": "collection",
        "entry": [{"resource": each} for each in [*positive(), odd]],
    }
    assert any("AdverseEvent/x" in each for each in told_of(tmp_path / "odd.json", bundle))


@pytest.mark.parametrize("ending", ["tsv", "tab"])
def test_a_table_with_tabs_is_read_by_its_own_ending(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"tests.{ending}"
    path.write_text("patient\tihc_score\np1\t3+\n", encoding="utf-8")
    (review,) = review_source(path, default_knowledge(), Settings(ON))
    assert review.status == "positive"


@pytest.mark.parametrize(
    ("content", "words"),
    [("patient,ihc_score,x\np1,3+,1\n", "looks like a table"), ("<Bundle/>", "XML or HTML"), ('{"a": 1', "cut off")],
)
def test_what_is_no_json_is_told_for_what_it_is(tmp_path: Path, content: str, words: str) -> None:
    path = tmp_path / "x.txt"
    path.write_text(content, encoding="utf-8")
    (trouble,) = review_source(path, default_knowledge(), Settings(ON))
    assert words in str(trouble)


@pytest.mark.parametrize(
    ("content", "words"),
    [("sep=;\npatient;ihc_score\n", "Excel"), ("PATIENT,FACT,VALUE\np1,lvef,60\n", "small letters")],
)
def test_a_table_that_is_headed_oddly_says_how(tmp_path: Path, content: str, words: str) -> None:
    path = tmp_path / "x.csv"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(AskedWrongly, match=words):
        list(review_source(path, default_knowledge(), Settings(ON)))
