"""Records written as FHIR bundles and as the long format are read back as the same events and reviewed alike."""

from __future__ import annotations

import datetime as dt
import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from fhir.resources.R4B import get_fhir_model_class
from hypothesis import given, settings
from hypothesis import strategies as st

from course_makers import treated
from her2path.cli.group import main
from her2path.facts.codes import Codes, read_codes
from her2path.facts.problem import AskedWrongly
from her2path.facts.therapy_codes import Measure
from her2path.facts.value import NOT_REPORTED, Interval, OneOf, Reason, Unknown
from her2path.findings.patient import Reviewer
from her2path.findings.settings import Settings
from her2path.read.fhir.patient import read_record
from her2path.read.fhir.skim import Skimmer
from her2path.read.files import Piece
from her2path.read.source import read_records
from her2path.record.event import RECORDED_STATUS, STAINING_OPEN, Event, Record, Tissue
from her2path.simulate.course.files import write_bundles
from her2path.simulate.course.recording import (
    PRESETS,
    ErrorRates,
    entered_late,
    error_rates_named,
    with_recording_errors,
)
from her2path.tables.load import default_knowledge
from her2path.write.fhir.codes import ANSWERS, OBSERVED, OBSERVED_OF_BREAST, TESTED, Shapes, shapes
from her2path.write.fhir.course import BREAST_SURGERY, CONDITIONS
from her2path.write.fhir.parts import Loss
from her2path.write.fhir.record import DIAGNOSED, TUMOURS, bundle_bytes, bundle_of, written
from her2path.write.review_json import patient_json
from her2path.write.review_text import patient_text
from her2path.write.tables import events as long_file
from her2path.write.tables.events import long_rows, write_long

FACTS = default_knowledge().facts
COURSES = sorted((Path(__file__).parent.parent / "examples" / "courses").glob("*.csv"))
DAY = dt.date(2024, 3, 4)
LATER = dt.date(2024, 4, 8)
WITHOUT_DAY = ("sex", "birth_date", "death_date")
FHIR = get_fhir_model_class("Bundle")


def event(
    fact: str,
    value: Any,
    day: dt.date | None = DAY,
    product: str = "",
    qualifier: str = "",
    specimen: str = "",
    **more: Any,
) -> Event:
    if isinstance(value, int | float):
        value = Decimal(str(value))
    return Event(fact, value, day, specimen, "made", more.pop("said", ""), product=product, qualifier=qualifier, **more)


def record_of(*course: Event, tests: Iterable[Event] = (), site: str = "breast", **more: Any) -> Record:
    """A record whose events each stand in a place of their own."""
    numbered = [
        [replace(one, origin=f"made {kind} {number}") for number, one in enumerate(of)]
        for kind, of in enumerate((tests, course))
    ]
    made = Record("p-1", "made", *numbered, sites={site} if site else set(), **more)
    made.sort()
    return made


def read_bundle(bundle: dict[str, Any], codes: Codes | None = None) -> Record:
    codes = codes or read_codes()
    (group,) = Skimmer(codes).skim(Piece("bundle.json", bundle_bytes(bundle)))
    record = read_record(group, codes, FACTS)
    assert isinstance(record, Record)
    return record


def read_file(path: Path) -> list[Record]:
    found = list(read_records(path, FACTS))
    assert all(isinstance(each, Record) for each in found), found
    return [each for each in found if isinstance(each, Record)]


def said(one: Event) -> tuple[Any, ...]:
    """What an event says, apart from where it stands and in which words."""
    value = one.value.reason if isinstance(one.value, Unknown) else one.value
    value = Decimal(repr(value)) if isinstance(value, float) else value
    qualifier = (one.qualifier or "unspecified") if one.fact == "lvef" else one.qualifier
    return one.fact, value, None if one.fact in WITHOUT_DAY else one.day, one.product, qualifier, one.specimen


def expected(record: Record, losses: Iterable[Loss]) -> Record:
    """A record as it should be read back: without what is left out, and with what is read in its place."""
    lost: list[Loss] = list(losses)
    gone = {id(loss.event) for loss in lost}
    known = {id(each) for each in (*record.events, *record.course)}
    assert {id(loss.event) for loss in lost if loss.event is not None} <= known
    instead = [(loss.event, each) for loss in lost for each in loss.read_as]
    of_tests = {id(each) for each in record.events}
    made = replace(record)
    made.events = [each for each in record.events if id(each) not in gone]
    made.events += [each for whose, each in instead if id(whose) in of_tests]
    made.course = [each for each in record.course if id(each) not in gone]
    made.course += [each for whose, each in instead if id(whose) not in of_tests]
    made.sort()
    return made


def all_of(record: Record) -> Counter[tuple[Any, ...]]:
    return Counter(said(each) for each in (*record.events, *record.course))


def findings_of(record: Record, on: dt.date = dt.date(2026, 6, 1)) -> str:
    """All a review says but where it stood in the file and the words it stood in."""

    def without_places(told: Any) -> Any:
        if isinstance(told, dict):
            return {
                key: without_places(each)
                for key, each in told.items()
                if key not in ("from", "where", "said", "origins")
            }
        if isinstance(told, list):
            return sorted((without_places(each) for each in told if not _only_in_fhir(each)), key=json.dumps)
        return told

    copy = replace(
        record,
        events=[replace(each, said="") for each in record.events],
        course=[replace(each, said="") for each in record.course],
    )
    return json.dumps(
        without_places(patient_json(Reviewer(default_knowledge(), Settings(on)).review(copy))), sort_keys=True, indent=1
    )


def _only_in_fhir(told: Any) -> bool:
    """Notes of reading FHIR: a day that is missing is told, and a score that is a range."""
    words = told.get("finding", "") if isinstance(told, dict) else ""
    return words == "no date" or words.startswith(("IHC '", "stop_recorded: the day is not recorded"))


def comes_back(record: Record, *lost: str) -> Record:
    """The record read back from its bundle; nothing but the facts in `lost` may be lost."""
    made = written(record)
    assert sorted(loss.event.fact if loss.event else loss.what for loss in made.losses) == sorted(lost), [
        str(each) for each in made.losses
    ]
    FHIR.model_validate_json(bundle_bytes(made.bundle))
    back = read_bundle(made.bundle)
    assert all_of(back) == all_of(expected(record, made.losses))
    return back


# -- every kind of event --------------------------------------------------------------------------

TESTS = [
    event("ihc_score", "3+", specimen="core"), event("ihc_score", NOT_REPORTED, specimen="core"),
    event("ihc_score", OneOf(frozenset({"2+", "3+"}))), event("her2_cep17_ratio", 2.34, specimen="core"),
    event("her2_copies", 6.1), event("her2_copies", Interval(low=Decimal(6))), event("cep17_copies", 1.75),
    event("her2_cep17_ratio", Interval(high=Decimal("1.8"), high_included=True)), event("ish_result", "equivocal"),
    event("her2_copies", Interval(Decimal(4), Decimal(6), True, True)), event("ish_group", "3"),
    event("ish_result", NOT_REPORTED), event(RECORDED_STATUS, "positive"), event("ihc_score", "2+", amended=True),
]  # fmt: skip
MEASURED = [
    event("lvef", 61, qualifier="echo"), event("lvef", 57.5, qualifier="MUGA"), event("lvef", 49, qualifier="CMR"), event("lvef", 50),
    event("lvef", Interval(Decimal(50), Decimal(55), True, True), qualifier="echo"), event("lvef", Interval(high=Decimal(50))),
    event("weight_kg", 71.25), event("height_cm", 166), event("er_status", "positive"), event("pr_status", "negative"),
    event("stage", "2"), event("stage", "0"), event("grade", "3"), event("node_status", "negative"), event("tumour_size_mm", 24), event("positive_nodes", 2),
    event("pdl1_cps", 1), event("menopausal_status", "postmenopausal"), event("menopausal_status", "premenopausal"),
    event("pregnancy_test", "negative"), event("pregnant", "yes"), event("pregnant", "no"), event("body_mass_index", 25.4), event("smoking", "yes"),
    event("hypertension", "yes"), event("diabetes", "yes"), event("surgery_done", "yes"), event("setting", "metastatic"),
    event("heart_failure", "yes"), event("heart_failure_history", "yes"), event("allergy", "trastuzumab"), event("allergy", "benzyl alcohol"),
    event("allergy", OneOf(frozenset({"trastuzumab", "hyaluronidase"}))), event("lvef", Unknown(Reason.PRELIMINARY, "status preliminary"), qualifier="echo"),
    event("sex", "female", None), event("birth_date", "1970-02-03", None), event("death_date", "2025-01-02", None),
]  # fmt: skip
GIVEN = [
    event("dose_mg", 560, product="trastuzumab-iv", qualifier="kanjinti"), event("dose_mg_per_kg", 8, product="trastuzumab-iv"),
    event("dose_mg", 600, product="trastuzumab-sc", qualifier="hylecta"), event("dose_mg", 600, product="trastuzumab-sc", qualifier="herceptin-sc"),
    event("dose_given", "yes", product="phesgo", qualifier="phesgo"), event("dose_mg", 840, product="pertuzumab", qualifier="perjeta"),
    event("dose_mg_per_kg", 3.6, product="t-dm1"), event("dose_mg", 230.4, product="t-dxd", qualifier="enhertu"),
    event("dose_mg_per_m2", 60, product="doxorubicin"), event("dose_mg_per_m2", 100, product="epirubicin"), event("dose_mg_per_m2", 75, product="docetaxel"),
    event("dose_mg_per_m2", 80, product="paclitaxel"), event("dose_mg_per_m2", 260, product="nab-paclitaxel"), event("dose_given", "yes", product="carboplatin"),
    event("dose_given", "no", product="trastuzumab-iv"), event("dose_mg", 300, product="tucatinib", qualifier="tukysa"),
    event("dose_mg", 420, None, product="trastuzumab-iv"), event("dose_given", "yes", product="letrozole"),
    event("ordered_mg", 216, product="t-dm1", qualifier="kadcyla"), event("ordered_mg_per_kg", 6, product="trastuzumab-iv"),
    event("hold_recorded", "cardiac", product="trastuzumab-iv"), event("hold_recorded", "other", product="trastuzumab-iv"),
    *[event("stop_recorded", why, LATER, product="trastuzumab-iv") for why in FACTS["stop_recorded"].values],
    event("stop_recorded", "other", None, product="pertuzumab"),
]  # fmt: skip


@pytest.mark.parametrize("one", TESTS, ids=lambda one: f"{one.fact} {one.value}")
def test_a_result_of_a_her2_test_comes_back(one) -> None:
    back = comes_back(record_of(tests=[one], tissues={"core": Tissue("core", "biopsy", "metastasis", DAY)}))
    assert [each.amended for each in back.events] == [one.amended]


@pytest.mark.parametrize("one", MEASURED, ids=lambda one: f"{one.fact} {one.value}")
def test_what_was_measured_or_found_comes_back(one) -> None:
    beside = {"heart_failure": "heart_failure_history", "heart_failure_history": "heart_failure"}.get(one.fact)
    comes_back(record_of(one, *([event(beside, "yes")] if beside else [])))


@pytest.mark.parametrize("one", GIVEN, ids=lambda one: f"{one.fact} {one.value} {one.product}")
def test_what_was_given_ordered_held_and_stopped_comes_back(one) -> None:
    comes_back(record_of(one))


def test_all_of_it_together_comes_back_and_is_reviewed_alike() -> None:
    record = record_of(*MEASURED, *GIVEN, tests=TESTS, tissues={"core": Tissue("core", "biopsy", "primary", DAY)})
    back = comes_back(record)
    assert back.tissues == record.tissues
    assert back.sites == record.sites
    assert [trouble for trouble in back.troubles if trouble.kind != "date"] == []
    assert back.passed_over == []
    assert findings_of(back) == findings_of(record)


@pytest.mark.parametrize("site", ["breast", "gastric", ""])
def test_the_codes_of_a_test_name_no_other_organ(site) -> None:
    tests = [event("ihc_score", "2+"), event("ish_result", "positive"), event("her2_cep17_ratio", 2.2)]
    assert comes_back(record_of(tests=tests, site=site)).sites == ({site} if site else set())


@pytest.mark.parametrize(
    ("staining", "text"), [("yes", "0 with staining"), ("no", "0 without staining"), (STAINING_OPEN, "0+")]
)
def test_a_score_of_zero_with_its_staining_is_one_result(staining, text) -> None:
    tests = [event("ihc_score", "0", specimen="core"), event("any_membrane_staining", staining, specimen="core")]
    made = written(record_of(tests=tests))
    values = [
        each["resource"].get("valueString")
        for each in made.bundle["entry"]
        if each["resource"]["resourceType"] == "Observation"
    ]
    assert (values, made.losses) == ([text], [])
    assert all_of(read_bundle(made.bundle)) == Counter(map(said, tests))


def test_staining_of_another_specimen_than_the_score_is_told_as_a_loss() -> None:
    tests = [event("ihc_score", "0", specimen="core"), event("any_membrane_staining", "yes", specimen="other")]
    made = written(record_of(tests=tests))
    (loss,) = made.losses
    assert "any_membrane_staining yes of 2024-03-04: staining is read with an IHC score of 0 only" in str(loss)
    assert "0 with staining" not in str(made.bundle)


def test_a_status_in_a_diagnosis_comes_back_as_one() -> None:
    claim = Event(RECORDED_STATUS, "positive", None, "", "made", "HER2 positive", note="diagnosis")
    (back,) = comes_back(record_of(tests=[claim])).events
    assert back.note == "diagnosis"


def test_an_infusion_takes_as_long_as_it_took() -> None:
    dose = event("dose_mg", 560, product="trastuzumab-iv", qualifier="kanjinti")
    took = event("infusion_given_minutes", 90, product="trastuzumab-iv", qualifier="kanjinti")
    comes_back(record_of(dose, took))
    comes_back(record_of(took, replace(dose, day=LATER)), "infusion_given_minutes")


def test_the_words_of_a_record_are_kept_where_they_say_more() -> None:
    range_said = event("lvef", Interval(Decimal(55), Decimal(60), True, True), said="LVEF 55-60 %", qualifier="echo")
    pounds = event("weight_kg", 69.853, said="154 lb", note="154 lb is read as 69.853 kg")
    unread = event("lvef", FACTS["lvef"].coerce("normal"), said="normal")
    grams = event("dose_mg", 420, product="trastuzumab-iv", said="0.42 g", note="0.42 g is read as 420 mg")
    bundle = bundle_of(record_of(range_said, pounds, unread, grams))
    text = bundle_bytes(bundle).decode()
    assert "LVEF 55-60 %" in text
    assert '"unit":"lb"' in text
    assert '"normal"' in text
    assert '"unit":"g"' in text
    back = read_bundle(bundle)
    assert {each.note for each in back.course} == {"", pounds.note, grams.note}
    assert all_of(back) == Counter(map(said, (range_said, pounds, unread, grams)))


# -- what is not carried is told ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("one", "read"),
    [
        (event("dose_mg", 600, product="phesgo"), [("dose_given", "yes")]),
        (event("dose_mg", Interval(low=Decimal(400)), product="trastuzumab-iv"), [("dose_given", "yes")]),
        (event("dose_mg", 100, product="unheard-of"), []),
        (event("dose_mg", 420, product="trastuzumab-iv", qualifier="unheard-of"), [("dose_mg", Decimal(420))]),
        (event("ordered_mg", 100, product="unheard-of"), []),
        (event("er_status", "positive", specimen="core"), [("er_status", "positive")]),
        (event("er_status", OneOf(frozenset({"positive", "negative"}))), []),
        (event("sex", Unknown(Reason.ABSENT), None), []),
    ],
    ids=lambda one: f"{one.fact} {one.value}" if isinstance(one, Event) else "",
)  # fmt: skip
def test_what_fhir_cannot_carry_is_told_with_what_is_read_instead(one, read) -> None:
    made = written(record_of(one))
    (loss,) = made.losses
    assert loss.event is not None
    assert said(loss.event) == said(one)
    assert [(each.fact, each.value) for each in loss.read_as] == read
    assert [(each.fact, each.value) for each in read_bundle(made.bundle).course] == read


def test_a_hold_that_was_resumed_is_never_written_as_a_hold() -> None:
    made = written(record_of(event("hold_recorded", "resumed", product="trastuzumab-iv", said="resumed")))
    assert len(made.losses) == 1
    assert [each.value for each in read_bundle(made.bundle).course] in ([], ["resumed"])


def test_a_fact_that_gains_a_code_is_carried_by_it(monkeypatch) -> None:
    """The writer follows the code tables: whatever measures a fact carries it."""
    codes = read_codes()
    monkeypatch.setitem(codes.therapy.measures, ("SNOMED", "246453008"), Measure("progression"))
    record = record_of(event("progression", "yes"))
    made = written(record, by=Shapes(codes, FACTS))
    assert made.losses == []
    assert all_of(read_bundle(made.bundle, codes)) == all_of(record)


def test_a_name_that_is_no_id_of_fhir_is_kept_beside_it() -> None:
    record = replace(record_of(event("lvef", 60)), patient="Mrs. A/1")
    made = written(record)
    FHIR.model_validate_json(bundle_bytes(made.bundle))
    patient = made.bundle["entry"][0]["resource"]
    assert patient["identifier"][0]["value"] == "Mrs. A/1"
    assert len(made.losses) == 1


# -- any course -----------------------------------------------------------------------------------

WITH_A_DAY = [one for one in GIVEN if one.day or not one.fact.startswith("dose_")]
"""An undated dose is a trouble of reading FHIR, which changes the words about tests that are not there."""
BACKGROUND = st.lists(
    st.sampled_from([*MEASURED, *WITH_A_DAY]), max_size=6, unique_by=lambda one: (one.fact, one.product)
)


@settings(max_examples=40)
@given(treated(), BACKGROUND, st.lists(st.sampled_from(TESTS), max_size=4))
def test_any_course_comes_back_from_a_bundle_and_is_reviewed_alike(course, more, tests) -> None:
    record = record_of(*course, *more, tests=tests)
    made = written(record)
    wanted, back = expected(record, made.losses), read_bundle(made.bundle)
    assert all_of(back) == all_of(wanted)
    assert findings_of(back) == findings_of(wanted)


@settings(max_examples=20)
@given(treated(), BACKGROUND, st.lists(st.sampled_from(TESTS), max_size=4))
def test_any_course_comes_back_from_the_long_format_and_is_reviewed_alike(
    tmp_path_factory, course, more, tests
) -> None:
    record = record_of(*course, *more, tests=tests)
    path = tmp_path_factory.mktemp("long") / "p.parquet"
    write_long([record], path)
    back = read_file(path)[0] if pq.ParquetFile(path).metadata.num_rows else replace(record, events=[], course=[])
    wanted = expected(record, long_rows(record)[1])
    assert all_of(back) == all_of(wanted)
    assert findings_of(back) == findings_of(wanted)


@pytest.mark.parametrize("path", COURSES, ids=lambda path: path.stem)
def test_an_example_course_is_reviewed_alike_from_both(path, tmp_path) -> None:
    """Of the CSV only what no code says is lost; a file of one event a row loses nothing."""
    (record,) = read_file(path)
    made = written(record)
    FHIR.model_validate_json(bundle_bytes(made.bundle))
    by = shapes()
    for loss in made.losses:
        assert loss.event is not None
        assert loss.event.fact == "any_membrane_staining" or by.measure(loss.event.fact, "", True) is None
    assert findings_of(read_bundle(made.bundle)) == findings_of(expected(record, made.losses))

    assert long_rows(record)[1] == []
    write_long([record], tmp_path / "course.parquet")
    (back,) = read_file(tmp_path / "course.parquet")
    assert all_of(back) == all_of(record)
    assert findings_of(back) == findings_of(record)


# -- the shape ------------------------------------------------------------------------------------


def test_a_bundle_is_the_same_in_every_run_and_its_references_lead_somewhere() -> None:
    record = record_of(*MEASURED, *GIVEN, GIVEN[0], tests=TESTS, tissues={"core": Tissue("core", "biopsy")})
    bundle = bundle_of(record)
    assert bundle_bytes(bundle) == bundle_bytes(bundle_of(record))
    urls = [entry["fullUrl"] for entry in bundle["entry"]]
    assert len(set(urls)) == len(urls)
    there = {f"{each['resource']['resourceType']}/{each['resource']['id']}" for each in bundle["entry"]}
    assert {url.rsplit("/", 2)[1] + "/" + url.rsplit("/", 1)[1] for url in urls} == there
    for entry in bundle["entry"]:
        resource = entry["resource"]
        for name in ("subject", "patient", "specimen"):
            assert resource.get(name, {"reference": "Patient/p-1"})["reference"] in there


def test_an_invented_patient_is_labelled_in_every_resource() -> None:
    record = record_of(*MEASURED, *GIVEN, tests=TESTS)
    labels = [each["resource"]["meta"]["security"][0]["code"] for each in bundle_of(record)["entry"]]
    assert set(labels) == {"HTEST"}
    assert "HTEST" not in json.dumps(bundle_of(record, test_data=False))


def test_the_shape_is_that_of_mcode() -> None:
    record = record_of(*MEASURED, *GIVEN, tests=TESTS, tissues={"core": Tissue("core", "biopsy")})
    profiles = {
        each["resource"].get("meta", {}).get("profile", [""])[0].rpartition("/mcode-")[2]
        for each in bundle_of(record)["entry"]
    }
    assert profiles >= {
        "cancer-patient", "primary-cancer-condition", "secondary-cancer-condition", "human-specimen", "tumor-marker-test", "tnm-stage-group",
        "cancer-related-medication-administration", "cancer-related-medication-request", "cancer-related-surgical-procedure",
    }  # fmt: skip


def test_every_code_that_is_preferred_stands_in_the_tables_of_the_reader() -> None:
    codes = read_codes()
    measures, claims = codes.therapy.measures, codes.therapy
    for (fact, method), coded in OBSERVED.items():
        assert (measures[coded[:2]].fact, measures[coded[:2]].method) == (fact, method)
    assert {fact: measures[coded[:2]].fact for fact, coded in OBSERVED_OF_BREAST.items()} == {
        fact: fact for fact in OBSERVED_OF_BREAST
    }
    assert all(codes.tests[coded[:2]] == means for means, pair in TESTED.items() for coded in pair)
    assert all((fact, value) in claims.claim(coded[:2]) for (fact, value), coded in CONDITIONS.items())
    assert ("surgery_done", "yes") in claims.claim(BREAST_SURGERY[:2])
    assert all(codes.diagnosis(coded[:2])[0] == site for site, coded in TUMOURS.items())
    assert all(codes.diagnosis(coded[:2]) == ("", status) for status, coded in DIAGNOSED.items())
    for (fact, value), coded in ANSWERS.items():
        assert codes.answers.get(coded[:2]) == value or (fact, value) in claims.claim(coded[:2])


def test_every_brand_of_the_facts_is_written_as_itself() -> None:
    named = {(each.drug, each.brand) for each in read_codes().therapy.names.values() if each.brand}
    assert {brand for _, brand in named} == set(FACTS["brand"].values)
    for drug, brand in named:
        found = shapes().medication(drug, brand)
        assert found is not None
        assert (found[1].drug, found[1].brand) == (drug, brand)


@pytest.mark.parametrize("number", ["0.1", "2.34", "61", "1234567.125", "0.12345678901234567890123"])
def test_a_number_keeps_every_digit(number) -> None:
    record = record_of(tests=[event("her2_cep17_ratio", 1)])
    record.events[0] = replace(record.events[0], value=Decimal(number))
    made = written(record)
    back = [each.value for each in read_bundle(made.bundle).events]
    assert back == [Decimal(number)] or made.losses


# -- files ----------------------------------------------------------------------------------------


def cohort(number: int = 3) -> list[Record]:
    (record,) = read_file(next(path for path in COURSES if path.stem == "adjuvant-hold"))
    return [replace(record, patient=f"p-{each}") for each in range(number)]


@pytest.mark.parametrize("name", ["patients", "patients.ndjson"])
def test_bundles_are_written_to_a_folder_or_to_lines_and_reviewed(tmp_path, name) -> None:
    target = tmp_path / name
    counted = write_bundles(cohort(), target)
    assert counted.patients == 3
    result = CliRunner().invoke(main, ["review", str(target), "--on", "2026-02-03"])
    assert result.exit_code == 0, result.output
    assert "3 patients" in result.output
    assert result.output.count("may resume") >= 3
    assert [each.patient for each in read_file(target)] == ["p-0", "p-1", "p-2"]


def test_what_is_lost_is_counted_by_fact_and_why(tmp_path) -> None:
    lost = record_of(event("dose_mg", 600, product="phesgo"), event("dose_mg", 100, product="unheard-of"))
    counted = write_bundles([lost, replace(lost, patient="p-2")], tmp_path / "b")
    assert sorted(counted.losses.values()) == [2, 2]
    assert any("phesgo" in name for name in counted.losses)


def test_a_change_is_made_to_each_bundle_before_it_is_written(tmp_path) -> None:
    write_bundles(cohort(1), tmp_path / "b", lambda bundle: {**bundle, "id": "changed"})
    assert json.loads((tmp_path / "b" / "p-0.json").read_text())["id"] == "changed"


def test_nothing_is_written_over_patients_that_are_there(tmp_path) -> None:
    write_bundles(cohort(1), tmp_path / "b")
    with pytest.raises(AskedWrongly, match="not empty"):
        write_bundles(cohort(1), tmp_path / "b")
    with pytest.raises(AskedWrongly, match="two patients are called p-0"):
        write_bundles([*cohort(1), *cohort(1)], tmp_path / "c")
    for name in ("one.json", "one.parquet"):
        with pytest.raises(AskedWrongly, match="folder"):
            write_bundles(cohort(1), tmp_path / name)
    (tmp_path / "file").write_text("")
    with pytest.raises(AskedWrongly, match="is a file"):
        write_bundles(cohort(1), tmp_path / "file")
    with pytest.raises(AskedWrongly, match="cannot be written"):
        write_bundles(cohort(1), tmp_path / "nowhere" / "b.ndjson")


def test_a_long_file_is_reviewed_patient_by_patient_and_as_columns(tmp_path) -> None:
    counted = write_long(cohort(), tmp_path / "p.parquet")
    assert (counted.patients, counted.losses) == (3, {})
    result = CliRunner().invoke(main, ["review", str(tmp_path / "p.parquet"), "--on", "2026-02-03"])
    assert result.exit_code == 0, result.output
    assert result.output.count("may resume") >= 3
    result = CliRunner().invoke(
        main, ["review", str(tmp_path / "p.parquet"), "--on", "2026-02-03", "-o", str(tmp_path / "out.parquet")]
    )
    assert result.exit_code == 0, result.output
    assert set(pq.read_table(tmp_path / "out.parquet").column("patient").to_pylist()) == {"p-0", "p-1", "p-2"}


def test_a_patient_stands_whole_in_one_row_group(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(long_file, "EVENTS_WRITTEN_AT_ONCE", 60)
    write_long(cohort(5), tmp_path / "p.parquet")
    file = pq.ParquetFile(tmp_path / "p.parquet")
    groups = [set(file.read_row_group(each).column("patient").to_pylist()) for each in range(file.num_row_groups)]
    assert len([each for each in groups if each]) > 1
    assert sum(len(each) for each in groups) == 5


def test_a_long_file_says_its_name_and_where_it_cannot_be(tmp_path) -> None:
    with pytest.raises(AskedWrongly, match="parquet"):
        write_long(cohort(1), tmp_path / "p.csv")
    with pytest.raises(AskedWrongly, match="cannot be written"):
        write_long(cohort(1), tmp_path / "nowhere" / "p.parquet")


# -- mess -----------------------------------------------------------------------------------------


def clean() -> Record:
    tests = [
        event("ihc_score", "2+", specimen="core"),
        event("her2_cep17_ratio", 2.4, specimen="core"),
        event("her2_copies", 7.1, specimen="core"),
    ]
    days = [DAY + dt.timedelta(days=90 * number) for number in range(6)]
    lvefs = [event("lvef", 63 - number, day, qualifier="echo") for number, day in enumerate(days)]
    doses = [
        event("dose_mg", 420, DAY + dt.timedelta(days=3 + 21 * number), "trastuzumab-iv", "kanjinti")
        for number in range(18)
    ]
    about = [
        event("weight_kg", 70),
        event("height_cm", 166),
        event("tumour_size_mm", 24),
        event("er_status", "positive"),
        event("pr_status", "negative"),
        event("sex", "female", None),
    ]
    return record_of(*lvefs, *doses, *about, tests=tests, tissues={"core": Tissue("core", "biopsy", "", DAY)})


def messy_patients(mess: ErrorRates, number: int = 12) -> list[tuple[Record, list[Any]]]:
    return [with_recording_errors(replace(clean(), patient=f"p-{each}"), mess, 7) for each in range(number)]


def test_no_mess_changes_nothing() -> None:
    record, done = with_recording_errors(clean(), error_rates_named("none"), 1)
    assert done == []
    assert (record.events, record.course) == (clean().events, clean().course)


def test_mess_is_the_same_for_a_seed_and_a_patient_whoever_else_is_there() -> None:
    first = messy_patients(PRESETS["heavy"])
    assert first[::-1] == [
        with_recording_errors(replace(clean(), patient=f"p-{each}"), PRESETS["heavy"], 7)
        for each in reversed(range(12))
    ]
    assert len({str(done) for _, done in first}) > 6
    other = with_recording_errors(replace(clean(), patient="p-0"), PRESETS["heavy"], 8)
    assert other[1] != first[0][1]


def test_heavy_mess_has_every_kind_and_light_mess_less_of_it() -> None:
    heavy = Counter(each.kind for _, done in messy_patients(PRESETS["heavy"], 40) for each in done)
    light = Counter(each.kind for _, done in messy_patients(PRESETS["light"], 40) for each in done)
    assert set(heavy) == {"missing", "as_text", "twice", "contradictory", "other_unit"}
    assert 0 < light.total() < heavy.total() / 2


@pytest.mark.parametrize("kind", ["missing", "as_text", "twice", "contradictory", "other_unit"])
@pytest.mark.parametrize("how", ["fhir", "long"])
def test_a_review_tells_every_mess_it_can_see(kind, how, tmp_path) -> None:
    patients = messy_patients(ErrorRates(**{kind: 0.4}))
    assert any(each.kind == kind for _, done in patients for each in done)
    if how == "fhir":
        assert not write_bundles((record for record, _ in patients), tmp_path / "b.ndjson").losses
    else:
        assert not write_long((record for record, _ in patients), tmp_path / "b.parquet").losses
    found = read_file(tmp_path / ("b.ndjson" if how == "fhir" else "b.parquet"))
    seen = 0
    for (record, done), back in zip(patients, found, strict=True):
        assert all_of(back) == all_of(record)
        text = " ".join(patient_text(Reviewer(default_knowledge(), Settings(dt.date(2026, 1, 1))).review(back)).split())
        for each in done:
            assert " ".join(each.finding.split()) in text, each
            seen += bool(each.finding)
    assert seen or kind == "missing"


def test_what_is_missing_is_asked_for() -> None:
    record, _ = with_recording_errors(clean(), ErrorRates(missing=1), 1)
    text = patient_text(Reviewer(default_knowledge(), Settings(dt.date(2026, 1, 1))).review(record))
    assert "no HER2 test is recorded" in text
    assert [each.fact for each in record.course if each.fact == "dose_mg"] == ["dose_mg"] * 18


def test_an_entry_made_late_keeps_its_day_and_says_when_it_was_made() -> None:
    bundle = bundle_of(clean())
    late, done = entered_late(bundle, ErrorRates(late=0.5), 3)
    assert entered_late(bundle, ErrorRates(late=0.5), 3) == (late, done)
    assert 5 < len(done) < len(bundle["entry"])
    FHIR.model_validate_json(bundle_bytes(late))
    assert all_of(read_bundle(late)) == all_of(read_bundle(bundle))
    for entry in late["entry"]:
        issued = entry["resource"].get("issued")
        assert issued is None or issued[:10] > entry["resource"]["effectiveDateTime"]


def test_a_mess_that_is_none_is_refused() -> None:
    with pytest.raises(AskedWrongly, match="expected one of none, light, heavy"):
        error_rates_named("total")
    with pytest.raises(AskedWrongly, match="probability"):
        ErrorRates(missing=1.5)
