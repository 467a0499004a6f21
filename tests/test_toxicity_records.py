"""Counts, liver tests and graded adverse events as records carry them: observations, conditions, the published shapes of
CTCAE grades, tables in files; and the public example of the HL7 draft, T-DM1 held for ALT and then reduced."""

from __future__ import annotations

import datetime as dt
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from fhir_makers import patient, record_of, review_of, write
from her2path.facts.value import Interval, Reason, Unknown
from her2path.record.event import Event

EXAMPLE = Path(__file__).parent / "records" / "ae-bundle-kaitlyn-compass-trial.json"
MEDDRA, RESEARCH = "http://terminology.hl7.org/CodeSystem/MDRAE", "https://www.meddra.org"
NCIT = "http://ncicb.nci.nih.gov/xml/owl/EVS/Thesaurus.owl"
CTC = "http://hl7.org/fhir/us/ctcae"
MII = "https://www.medizininformatik-initiative.de/fhir/ext/modul-onko/CodeSystem/mii-vs-onko-nebenwirkung-ctcae-grad"
ONE, SOME = Decimal(1), Interval(Decimal(1), None, True)


def concept(system: str, code: str, **more: str) -> dict[str, Any]:
    return {"coding": [{"system": system, "code": code, **more}]}


def adverse(**fields: Any) -> dict[str, Any]:
    return {"resourceType": "AdverseEvent", "id": "ae1", "subject": {"reference": "Patient/p1"}, **fields}


def graded(code: str, grade: str, **more: Any) -> dict[str, Any]:
    """An event of the HL7 draft, R4."""
    url = f"{CTC}/StructureDefinition/ctcae-grade"
    extension = {"url": url, "valueCodeableConcept": concept(f"{CTC}/CodeSystem/ctcae-grade-code-system", grade)}
    return adverse(event=concept(MEDDRA, code), extension=[extension], actuality="actual", date="2026-03-20", **more)


def course(*resources: dict[str, Any]) -> list[Event]:
    return record_of(patient(), *resources).course


def only(*resources: dict[str, Any]) -> Event:
    (event,) = [event for event in course(*resources) if event.fact not in ("sex", "birth_date")]
    return event


PNEUMONITIS = "10035742"
SHAPES = {
    "draft": graded(PNEUMONITIS, "1"),
    "draft at its older address": adverse(
        event=concept(MEDDRA, PNEUMONITIS), date="2026-03-20",
        extension=[{"url": "http://hl7.org/fhir/us/mcode/StructureDefinition/ctcae-grade",
                    "valueCodeableConcept": concept(f"{CTC}/CodeSystem/ctcae-grade-code-system", "1")}],
    ),
    "research, R5": adverse(
        code=concept(RESEARCH, PNEUMONITIS), status="completed", occurrencePeriod={"start": "2026-03-20"},
        extension=[{"url": "http://hl7.org/fhir/uv/ae-research-ig/StructureDefinition/ae-grade",
                    "valueCodeableConcept": concept(NCIT, "C41338")}],
    ),
    "research, R4": adverse(
        event=concept(RESEARCH, PNEUMONITIS), date="2026-03-20",
        extension=[{"url": "http://hl7.org/fhir/uv/ae-research-backport-ig/StructureDefinition/ae-grade",
                    "valueCodeableConcept": concept(NCIT, "C41338")}],
    ),
    "Germany": adverse(
        event=concept(RESEARCH, PNEUMONITIS, version="5.0"), severity=concept(MII, "1"), date="2026-03-20"
    ),
}  # fmt: skip


@pytest.mark.parametrize("shape", SHAPES)
def test_a_grade_is_read_in_each_published_shape(shape: str) -> None:
    event = only(SHAPES[shape])
    assert (event.fact, event.value, event.day) == ("ild_grade", ONE, dt.date(2026, 3, 20))


def test_an_event_without_a_grade_is_of_some_grade() -> None:
    severity = concept("http://terminology.hl7.org/CodeSystem/adverse-event-severity", "mild")
    for event in (
        only(adverse(event=concept(MEDDRA, PNEUMONITIS), date="2026-03-20", severity=severity)),
        only(adverse(event=concept(RESEARCH, PNEUMONITIS), severity=concept(MII, "U"), date="2026-03-20")),
        only(adverse(event={"text": "Pneumonitis"}, date="2026-03-20")),
    ):
        assert (event.fact, event.value) == ("ild_grade", SOME)


def test_an_event_that_is_not_there_has_grade_0() -> None:
    assert only(graded(PNEUMONITIS, "0")).value == 0
    assert only(adverse(event=concept(RESEARCH, PNEUMONITIS), severity=concept(MII, "K"), date="2026-03-20")).value == 0


def test_an_event_says_the_day_on_which_it_ended() -> None:
    resolved = {"url": f"{CTC}/StructureDefinition/adverse-event-resolved-date", "valueDateTime": "2026-04-02"}
    drafted = graded(PNEUMONITIS, "1")
    drafted["extension"].append(resolved)
    period = {"start": "2026-03-20", "end": "2026-04-02"}
    researched = SHAPES["research, R5"] | {"occurrencePeriod": period}
    for resource in (drafted, researched):
        first, last = (event for event in course(resource) if event.fact == "ild_grade")
        assert (first.value, first.day, last.value, last.day) == (ONE, dt.date(2026, 3, 20), 0, dt.date(2026, 4, 2))


def test_what_might_have_happened_or_was_withdrawn_is_not_used() -> None:
    assert not [event for event in course(graded(PNEUMONITIS, "2") | {"actuality": "potential"}) if "ild" in event.fact]
    assert not [
        event for event in course(SHAPES["research, R5"] | {"status": "entered-in-error"}) if "ild" in event.fact
    ]


def test_two_grades_of_one_event_are_none() -> None:
    event = only(graded(PNEUMONITIS, "1", severity=concept(MII, "3")))
    assert event.value == SOME


@pytest.mark.parametrize(
    ("code", "grade", "fact", "value"),
    [
        ("10001551", "3", "alt_times_limit", Interval(Decimal(5), Decimal(20), False, True)),
        ("10029366", "4", "neutrophils_per_nl", Interval(None, Decimal("0.5"))),
        ("10035528", "3", "platelets_per_nl", Interval(Decimal(25), Decimal(50), True, False)),
        ("10005364", "2", "bilirubin_times_limit", Interval(Decimal("1.5"), Decimal(3), False, True)),
        ("10016288", "3", "febrile_neutropenia", "yes"),
        ("10034620", "3", "neuropathy_grade", Decimal(3)),
        ("10002218", "4", "infusion_reaction", "anaphylaxis or angioedema"),
        ("10019279", "2", "heart_failure", "yes"),
    ],
)
def test_a_grade_of_a_laboratory_value_is_its_limits(code: str, grade: str, fact: str, value: Any) -> None:
    event = only(graded(code, grade))
    assert (event.fact, event.value) == (fact, value)


def test_nausea_is_of_no_matter() -> None:
    assert not [event for event in course(graded("10028813", "1")) if event.fact != "sex"]


def observation(code: str, value: float, unit: str, high: float | None = None, **more: Any) -> dict[str, Any]:
    limits = {} if high is None else {"referenceRange": [{"high": {"value": high, "unit": unit}}]}
    return {
        "resourceType": "Observation", "id": "o1", "status": "final", "subject": {"reference": "Patient/p1"},
        "code": {"coding": [{"system": "http://loinc.org", "code": code}]}, "effectiveDateTime": "2026-03-28",
        "valueQuantity": {"value": value, "unit": unit}, **limits, **more,
    }  # fmt: skip


def told(*resources: dict[str, Any]) -> dict[str, Any]:
    return {event.fact: event.value for event in course(*resources) if event.fact not in ("sex", "birth_date")}


def test_liver_tests_come_with_their_upper_limit() -> None:
    assert told(observation("1742-6", 240, "U/L", 40)) == {"alt_u_per_l": 240, "alt_limit_u_per_l": 40}
    assert told(observation("1920-8", 4, "ukat/L", 0.6)) == {"ast_u_per_l": 240, "ast_limit_u_per_l": 36}
    bilirubin = told(observation("1975-2", 2, "mg/dL", 1))
    assert bilirubin == {"bilirubin_umol_per_l": Decimal("34.2"), "bilirubin_limit_umol_per_l": Decimal("17.1")}
    assert told(observation("1742-6", 240, "U/L")) == {"alt_u_per_l": 240}


@pytest.mark.parametrize("unit", ["10*3/uL", "10*9/L", "K/uL", "x10^9/L"])
def test_counts_are_read_in_the_units_in_use(unit: str) -> None:
    assert told(observation("751-8", 1.2, unit)) == {"neutrophils_per_nl": Decimal("1.2")}
    assert told(observation("777-3", 40, unit)) == {"platelets_per_nl": 40}


def test_counts_of_cells_are_converted_and_percentages_are_none() -> None:
    assert told(observation("26499-4", 400, "cells/uL")) == {"neutrophils_per_nl": Decimal("0.4")}
    percent = told(observation("26499-4", 62, "%"))["neutrophils_per_nl"]
    assert isinstance(percent, Unknown)
    assert percent.reason == Reason.UNPARSABLE_TEXT
    assert told(observation("770-8", 62, "%")) == {}


def condition(*codings: tuple[str, str], **more: Any) -> dict[str, Any]:
    return {
        "resourceType": "Condition", "id": "ill1", "subject": {"reference": "Patient/p1"},
        "code": {"coding": [{"system": system, "code": code} for system, code in codings]},
        "onsetDateTime": "2026-03-10", **more,
    }  # fmt: skip


ICD10CM, GM, SNOMED = (
    "http://hl7.org/fhir/sid/icd-10-cm",
    "http://fhir.de/CodeSystem/bfarm/icd-10-gm",
    "http://snomed.info/sct",
)


@pytest.mark.parametrize(
    "key", [(ICD10CM, "J70.2"), (ICD10CM, "J84.114"), (GM, "J70.4"), (GM, "J84.1"), (SNOMED, "205237003")]
)
def test_a_diagnosis_of_lung_disease_is_of_some_grade(key: tuple[str, str]) -> None:
    assert told(condition(key)) == {"ild_grade": SOME}


def test_a_diagnosis_that_ended_is_over_and_one_suspected_is_not_known() -> None:
    events = [event for event in course(condition((SNOMED, "233703007"), abatementDateTime="2026-04-07")) if event.day]
    assert [(event.value, event.day) for event in events] == [(SOME, dt.date(2026, 3, 10)), (0, dt.date(2026, 4, 7))]
    status = {"coding": [{"code": "provisional"}]}
    suspected = told(condition((ICD10CM, "J70.2"), verificationStatus=status))["ild_grade"]
    assert isinstance(suspected, Unknown)
    assert suspected.reason == Reason.PRELIMINARY
    named = told({**condition(), "code": {"text": "Interstitielle Lungenerkrankung"}})["ild_grade"]
    assert isinstance(named, Unknown)
    assert told({**condition(), "code": {"text": "radiation pneumonitis"}}) == {}


def test_radiation_and_nerves_have_facts_of_their_own() -> None:
    assert told(condition((ICD10CM, "J70.0"))) == {"radiation_pneumonitis_grade": SOME}
    assert told(condition((ICD10CM, "G62.0"))) == {"neuropathy_grade": SOME}
    assert told(condition((SNOMED, "409089005"))) == {"febrile_neutropenia": "yes"}


def test_alike_events_of_two_people_keep_their_own_days(tmp_path: Path) -> None:
    pages = []
    for person, day in (("a", "2026-03-20"), ("b", "2026-02-20"), ("c", "2026-01-20")):
        event = graded(PNEUMONITIS, "2") | {
            "id": f"ae-{person}",
            "date": day,
            "subject": {"reference": f"Patient/{person}"},
        }
        pages += [patient(person), event]
    path = tmp_path / "x.ndjson"
    path.write_text("\n".join(json.dumps(page) for page in pages) + "\n", encoding="utf-8")
    from her2path.read.source import read_records
    from her2path.tables.load import default_knowledge

    days = {}
    for record in read_records(path, default_knowledge().facts):
        days[record.patient] = [event.day for event in record.course if event.fact == "ild_grade"]  # type: ignore[union-attr]
    assert days == {"a": [dt.date(2026, 3, 20)], "b": [dt.date(2026, 2, 20)], "c": [dt.date(2026, 1, 20)]}


# -- files ----------------------------------------------------------------------------------------


def reviewed(path: Path, on: str, **settings: Any) -> Any:
    reviews, _ = review_of(path, on=dt.date.fromisoformat(on), **settings)
    (review,) = reviews
    return review


DOSES = [
    ("2025-11-10", "ihc_score", "3+", "", ""), ("2025-11-10", "tumour_site", "breast", "", ""),
    ("2025-12-01", "setting", "metastatic", "", ""), ("2025-12-29", "weight_kg", "70", "kg", ""),
    ("2025-12-29", "lvef", "62", "%", ""),
    *((day, "dose_mg", "378", "mg", "t-dxd") for day in ("2026-01-05", "2026-01-26", "2026-02-16")),
]  # fmt: skip


def long(path: Path, *rows: tuple[str, str, str, str, str]) -> Path:
    lines = ["patient,date,fact,value,unit,product"]
    lines += [",".join(("p1", *row)) for row in (*DOSES, *rows)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def verdict(review: Any) -> str:
    return str(review.course.verdicts[0].verdict)


def test_a_long_file_holds_counts_in_their_units(tmp_path: Path) -> None:
    path = long(tmp_path / "x.csv", ("2026-03-06", "neutrophils_per_nl", "400", "cells/uL", ""))
    review = reviewed(path, "2026-03-09")
    assert verdict(review) == "HOLD"
    assert review.course.standing.outcomes["neutrophils_action"] == "hold then one level lower"
    path = long(tmp_path / "y.csv", ("2026-03-06", "ild_grade", "2", "", ""))
    assert verdict(reviewed(path, "2026-03-09")) == "STOP"


def test_a_wide_file_holds_grades_and_their_days(tmp_path: Path) -> None:
    header = (
        "patient,tumour_site,ihc_score,setting,weight_kg,weight_kg_date,dose_mg_1,dose_mg_1_date,dose_mg_1_product,"
    )
    header += "ild_grade,ild_grade_date"
    row = "p1,breast,3+,metastatic,70,2026-01-01,378,2026-02-16,t-dxd,2,2026-03-01"
    path = tmp_path / "x.csv"
    path.write_text(f"{header}\n{row}\n", encoding="utf-8")
    assert verdict(reviewed(path, "2026-03-09")) == "STOP"


def test_the_same_patient_in_fhir_and_alone_or_among_others(tmp_path: Path) -> None:
    rows = [
        ("2026-03-06", "neutrophils_per_nl", "0.4", "10^9/L", ""),
        ("2026-03-08", "neutrophils_per_nl", "1.4", "10^9/L", ""),
    ]
    one = long(tmp_path / "x.csv", *rows)
    text = one.read_text(encoding="utf-8").splitlines()
    many = tmp_path / "many.csv"
    more = [line.replace("p1,", f"q{number},", 1) for number in range(30) for line in text[1:]]
    many.write_text("\n".join([*text, *more]) + "\n", encoding="utf-8")
    alone = reviewed(one, "2026-03-09")
    among, _ = review_of(many, on=dt.date(2026, 3, 9))
    wanted = [(finding.key, finding.words) for finding in alone.course.findings]
    assert all([(f.key, f.words) for f in review.course.findings] == wanted for review in among)
    assert verdict(alone) == "CHANGE"


# -- the public example ---------------------------------------------------------------------------


def said(day: str) -> tuple[str, list[str]]:
    review = reviewed(EXAMPLE, day)
    return verdict(review), [finding.words for finding in review.course.findings]


def test_the_public_example_is_held_for_alt_and_then_reduced() -> None:
    held, words = said("2020-05-14")
    assert held == "HOLD"
    assert any("withhold (ALT (5..20] times the limit" in word for word in words)
    asked, words = said("2020-05-21")
    assert asked == "ASK FIRST"
    assert any("the next dose is one level lower (ALT (1..3]" in word for word in words)
    for day in ("2020-05-01", "2020-05-14", "2020-06-12"):
        assert any("Kadcyla 3.6 mg, which is no whole dose of anybody" in word for word in said(day)[1])


def test_the_public_example_with_the_reduced_dose_as_mg_per_kg(tmp_path: Path) -> None:
    content = json.loads(EXAMPLE.read_text(encoding="utf-8"))
    for entry in content["entry"]:
        dosage = entry["resource"].get("dosage")
        if dosage and dosage["dose"]["value"] == 3.6:
            dosage["dose"] = {"value": 252, "unit": "mg"}
    content["entry"].append({"resource": observation("29463-7", 70, "kg") | {
        "subject": {"reference": "Patient/patient-example-kaitlyn-b"}, "effectiveDateTime": "2020-04-01"}})  # fmt: skip
    review = reviewed(write(tmp_path / "x.json", content), "2020-05-21")
    doses = [item for item in review.course.plan if item.kind == "dose"]
    assert [item.details["dose_mg"] for item in doses] == ["210"]


def test_a_finding_leads_to_the_rows_of_its_values(tmp_path: Path) -> None:
    path = long(tmp_path / "x.csv", ("2026-03-06", "ild_grade", "2", "", ""), ("2026-03-08", "ild_grade", "0", "", ""))
    (stop,) = [each for each in reviewed(path, "2026-03-09").course.findings if each.key == "ild_action: stop for good"]
    assert any("row 10" in origin or ":10" in origin or "line 10" in origin for origin in stop.origins), stop.origins


# -- one thing by two codes -----------------------------------------------------------------------


def diagnosed(number: int, code: str, day: str, **more: Any) -> dict[str, Any]:
    system = "http://hl7.org/fhir/sid/icd-10-cm"
    who = {"subject": {"reference": "Patient/p1"}, "code": concept(system, code), "onsetDateTime": day}
    return {"resourceType": "Condition", "id": f"c{number}", **who, **more}


def doses_of_t_dxd() -> list[dict[str, Any]]:
    drug = {"medicationCodeableConcept": {"text": "Enhertu"}, "status": "completed"}
    who = {"subject": {"reference": "Patient/p1"}}
    dosage = {"dosage": {"dose": {"value": 378, "unit": "mg", "system": "http://unitsofmeasure.org", "code": "mg"}}}
    return [
        {"resourceType": "MedicationAdministration", "id": f"m{day}", "effectiveDateTime": day, **who, **drug, **dosage}
        for day in ("2026-01-05", "2026-01-26")
    ]


@pytest.mark.parametrize(
    ("days", "expected"),
    [
        (("2026-02-05", "2026-02-05"), "hold then one level lower"),
        (("2026-02-05", "2026-02-06"), None),
        (("2026-02-05", None), None),
        ((None, "2026-02-05"), None),
        (("2026-01-20", "2026-01-20"), None),
    ],
)
def test_neutropenia_and_fever_of_one_day_are_febrile_neutropenia(tmp_path, days, expected) -> None:
    both = enumerate(zip(("D70.1", "R50.81"), days, strict=True))
    coded = [diagnosed(number, code, day) for number, (code, day) in both if day]
    written = write(tmp_path / "p.ndjson", patient(), *doses_of_t_dxd(), *coded)
    ((review,), _) = review_of(written, on=dt.date(2026, 2, 16))
    assert review.course is not None
    told = {f.key.partition(": ")[2] for f in review.course.findings if f.key.startswith("febrile_neutropenia_action")}
    assert told == ({expected} if expected else set())
GRADE_URL = f"{CTC}/StructureDefinition/ctcae-grade"


@pytest.mark.parametrize(
    ("more", "grade"),
    [
        ({"event": {"text": "Grade 3 pneumonitis"}}, 3), ({"event": {"text": "Pneumonitis (CTCAE Grad 2)"}}, 2),
        ({"severity": {"text": "Grade 3"}}, 3),
        ({"extension": [{"url": GRADE_URL, "valueString": "3"}]}, 3),
        ({"extension": [{"url": GRADE_URL, "valueString": "Grade 3"}]}, 3),
        ({"extension": [{"url": GRADE_URL, "valueCodeableConcept": {"text": "Grade 3"}}]}, 3),
        ({"extension": [{"url": GRADE_URL, "valueInteger": 0}]}, 0),
        ({"event": "Pneumonitis", "severity": {"text": "grade 2"}}, 2),
        ({"event": [{"text": "Pneumonitis"}], "severity": {"text": "grade 2"}}, 2),
    ],
)  # fmt: skip
def test_a_grade_in_words(more: dict[str, Any], grade: int) -> None:
    event = only(adverse(**({"event": concept(MEDDRA, PNEUMONITIS), "date": "2026-03-20"} | more)))
    assert (event.fact, event.value) == ("ild_grade", grade)


@pytest.mark.parametrize(
    ("term", "fact"),
    [
        (concept("urn:local", PNEUMONITIS), "ild_grade"), ({"coding": [{"code": PNEUMONITIS}]}, "ild_grade"),
        (concept(MEDDRA, "10050528"), "lvef"), ({"text": "Ejection fraction decreased"}, "lvef"),
        ({"text": "Congestive heart failure"}, "heart_failure"), ({"text": "Kardiotoxizität"}, "heart_failure"),
        (concept("http://snomed.info/sct", "84114007"), "heart_failure"),
        (concept("http://hl7.org/fhir/sid/icd-10-cm", "I50.9"), "heart_failure"),
        ({"text": "Anaphylactic reaction to trastuzumab"}, "infusion_reaction"),
        ({"text": "Infusion-related reaction"}, "infusion_reaction"),
    ],
    ids=str,
)  # fmt: skip
def test_an_event_that_may_say_so_leaves_it_unknown(term: dict[str, Any], fact: str) -> None:
    event = only(adverse(event=term, date="2026-03-20"))
    assert event.fact == fact
    assert isinstance(event.value, Unknown)


@pytest.mark.parametrize(
    "words", ["Prevention of anaphylaxis", "No infusion reaction", "Rash", "Family history of CHF"]
)
def test_an_event_that_says_nothing_of_it_is_not_read(words: str) -> None:
    assert [
        e for e in course(adverse(event={"text": words}, date="2026-03-20")) if e.fact not in ("sex", "birth_date")
    ] == []


@pytest.mark.parametrize(
    "suspect",
    [
        {"instance": {"display": "Trastuzumab"}}, {"instance": {"reference": "#m"}},
        {"instanceCodeableConcept": {"text": "Herceptin"}}, {"instance": {"reference": "Medication/gone", "display": "Enhertu"}},
    ],
    ids=str,
)  # fmt: skip
def test_a_drug_that_is_suspected_of_an_event_was_given(suspect: dict[str, Any]) -> None:
    inside = [{"resourceType": "Medication", "id": "m", "code": {"text": "trastuzumab"}}]
    event = only(adverse(event={"text": "Rash"}, date="2026-03-20", suspectEntity=[suspect], contained=inside))
    assert (event.fact, event.value, event.day) == ("her2_drug_recorded", "mentioned", dt.date(2026, 3, 20))


def test_another_drug_that_is_suspected_says_nothing() -> None:
    suspect = {"instance": {"display": "Docetaxel"}}
    found = course(adverse(event={"text": "Rash"}, date="2026-03-20", suspectEntity=[suspect]))
    assert not [event for event in found if event.fact == "her2_drug_recorded"]
