"""A site's mapping: local codes, names, answers, drugs and units are read by it, and every output says so."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner, Result

import local_export as local
from her2path.cli import main
from her2path.facts.codes import codes_of
from her2path.facts.mapping.check import UNITS, mapping_of
from her2path.facts.mapping.tables import with_mapping
from her2path.facts.problem import AskedWrongly
from her2path.facts.value import Unknown
from her2path.read.fhir.patient import read_record
from her2path.read.fhir.resource import Group
from her2path.read.fhir.skim import Skimmer
from her2path.read.files import read_pieces
from her2path.read.source import read_records
from her2path.record.event import Record
from her2path.tables.library import Knowledge
from her2path.tables.site import read_site

ON = ("--on", "2025-10-20")
ROOT = Path(__file__).parent.parent


def run(*words: object) -> Result:
    return CliRunner().invoke(main, [str(word) for word in words])


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("site") / "map.toml"
    path.write_text(local.MAPPING, encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return local.write_bundles(tmp_path_factory.mktemp("feed") / "local")


def facts_with(knowledge: Knowledge, text: str, path: Path) -> Any:
    path.write_text(text, encoding="utf-8")
    return with_mapping(knowledge.facts, read_site(path, knowledge).mapping)


# -- what is read -----------------------------------------------------------------------------------


def test_without_a_mapping_nothing_of_it_is_read(folder: Path) -> None:
    told = json.loads(run("review", folder, *ON, "--format", "json").stdout)
    assert not {"positive", "negative"} & set(told["summary"]["her2_status"])
    assert "read_by_mapping" not in told["summary"]


def test_by_the_mapping_tests_hearts_weights_doses_and_diagnoses_are_read(folder: Path, settings: Path) -> None:
    told = json.loads(run("review", folder, *ON, "--settings", settings, "--format", "json").stdout)
    assert told["summary"]["her2_status"] == {"positive": 6, "negative": 2}
    assert told["summary"]["therapy"] == {"on treatment": 8}
    assert list(told["summary"]["read_by_mapping"].values()) == [32, 16, 8, 8, 6, 3, 2]
    patient = next(each for each in told["patients"] if each["patient"] == "p3")
    facts = patient["course"]["facts"]
    assert (facts["product"], facts["lvef"], facts["weight_kg"]) == ("trastuzumab-iv", "57", "63")
    assert facts["heart_failure_history"] == "yes"


def test_an_origin_names_the_entries_in_text_json_and_parquet(folder: Path, settings: Path, tmp_path: Path) -> None:
    text = run("review", folder, *ON, "--settings", settings, "--why").stdout
    assert "ihc_score '3+'  [entry 2 by map 1+2 Observation/i1]" in text
    assert "32  map 6: https://klinikum.example/fhir/hausliste 4711 is product trastuzumab-iv" in text
    told = json.loads(run("review", folder, *ON, "--settings", settings, "--format", "json").stdout)
    origins = {
        origin for each in told["patients"] for finding in each["course"]["findings"] for origin in finding["from"]
    }
    assert "000.json entry 9 by map 6 MedicationAdministration/m0-3" in origins
    output = tmp_path / "f.parquet"
    assert run("review", folder, *ON, "--settings", settings, "-o", output).exit_code == 0
    listed = {origin for row in pq.read_table(output).column("origins").to_pylist() for origin in row}
    assert origins <= listed


def test_a_finding_as_fhir_still_refers_to_the_resource(folder: Path, settings: Path) -> None:
    text = run("review", folder, *ON, "--settings", settings, "--format", "fhir").stdout
    assert '"MedicationAdministration/m0-3"' in text


def said(record: Record) -> str:
    record.sort()
    events = [(e.fact, str(e.value), e.day, e.said, e.origin, e.product, e.qualifier, e.note) for e in
              (*record.events, *record.course)]  # fmt: skip
    return repr((record.patient, sorted(map(repr, events)), sorted(record.sites), sorted(map(repr, record.troubles))))


def test_templates_read_by_the_mapping_what_the_strict_reader_reads(
    folder: Path, knowledge: Knowledge, tmp_path: Path
) -> None:
    facts = facts_with(knowledge, local.MAPPING, tmp_path / "map.toml")
    codes = codes_of(facts)
    strictly = Counter(
        said(read_record(group, codes, facts))
        for piece in read_pieces(folder)
        for group in Skimmer(codes).skim(piece)  # type: ignore[arg-type]
        if isinstance(group, Group)
    )
    fast = Counter(said(record) for record in read_records(folder, facts) if isinstance(record, Record))
    assert fast == strictly
    assert sum(" by map " in each for each in fast) == 8


def test_one_and_two_processes_and_any_order_say_the_same(settings: Path, tmp_path: Path) -> None:
    def counts(path: Path, processes: int) -> Any:
        words = ("review", path, *ON, "--settings", settings, "--format", "json", "--processes", processes)
        return json.loads(run(*words).stdout)["summary"]

    straight = local.write_bulk(tmp_path / "a.ndjson")
    turned = local.write_bulk(tmp_path / "b.ndjson", order=-1)
    assert counts(straight, 1) == counts(straight, 2) == counts(turned, 1)


def test_two_mappings_in_one_process_read_each_by_its_own(knowledge: Knowledge, folder: Path, tmp_path: Path) -> None:
    """What is read once as a template is read by one mapping alone."""
    other = local.MAPPING.replace('answer = "3+"', 'answer = "1+"')
    read = {}
    for name, text in (("one", local.MAPPING), ("two", other)):
        facts = facts_with(knowledge, text, tmp_path / f"{name}.toml")
        records = [each for each in read_records(folder, facts) if isinstance(each, Record)]
        read[name] = Counter(str(e.value) for each in records for e in each.events if e.fact == "ihc_score")
    assert read == {"one": {"3+": 6, "0": 2}, "two": {"1+": 6, "0": 2}}


def one_value(knowledge: Knowledge, tmp_path: Path, mapping: str, resource: dict, fact: str) -> list[str]:
    """What a mapping reads of one resource for a fact."""
    facts = facts_with(knowledge, mapping, tmp_path / "one.toml")
    path = tmp_path / "one.json"
    patient = {"resourceType": "Patient", "id": "p"}
    path.write_text(json.dumps(local.bundle_of([patient, resource])), encoding="utf-8")
    (record,) = [each for each in read_records(path, facts) if isinstance(each, Record)]
    return [str(event.value) for event in (*record.events, *record.course) if event.fact == fact]


def entry(**keys: str) -> str:
    return "[[map]]\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in keys.items())


WEIGHT = {"coding": [{"system": "urn:local|2024", "code": "KG"}]}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"valueQuantity": {"value": 70}}, "70"),
        ({"valueQuantity": {"value": 150, "unit": "lb"}}, "68.039"),
        ({"valueInteger": 70}, "70"),
        ({"valueString": "70,5"}, "70.5"),
        ({"valueQuantity": {"value": 70, "unit": "hands"}}, None),
    ],
)
def test_the_unit_of_an_entry_is_that_of_numbers_without_one(
    value: dict, expected: str | None, knowledge: Knowledge, tmp_path: Path
) -> None:
    mapping = entry(system="urn:local", code="KG", fact="weight_kg", unit="kg")
    (read,) = one_value(
        knowledge, tmp_path, mapping, local.observation("w", "p", WEIGHT, "2025-01-01", **value), "weight_kg"
    )
    assert read == expected if expected else "hands" in read


@pytest.mark.parametrize(
    ("unit", "ours", "fact", "expected"),
    [("Milligramm", "mg", "dose_mg", "420"), ("Gramm", "g", "dose_mg", "420000"), ("mg je kg", "mg/kg", "dose_mg_per_kg", "6")],
)  # fmt: skip
def test_the_unit_of_a_dose_is_mapped(
    unit: str, ours: str, fact: str, expected: str, knowledge: Knowledge, tmp_path: Path
) -> None:
    dose = {
        "resourceType": "MedicationAdministration", "id": "m", "status": "completed",
        "subject": {"reference": "Patient/p"}, "effectiveDateTime": "2025-01-01",
        "medicationCodeableConcept": {"text": "Herceptin"},
        "dosage": {"dose": {"value": 6 if "/" in ours else 420, "unit": unit, "system": "urn:l", "code": unit}},
    }  # fmt: skip
    (read,) = one_value(
        knowledge, tmp_path, entry(name=unit.upper(), unit=ours), dose, fact if ours != "g" else "dose_mg"
    )
    assert expected in read


def test_a_component_a_worded_answer_and_the_answer_of_one_fact_are_mapped(
    knowledge: Knowledge, tmp_path: Path
) -> None:
    mapping = (
        entry(name="HER2 lokal", fact="ihc_score")
        + entry(name="ER lokal", fact="er_status")
        + entry(name="deutlich", answer="3+", fact="ihc_score")
        + entry(name="Deutlich", answer="positive", fact="er_status")
    )
    panel = local.observation("x", "p", {"text": "Mamma-Panel"}, "2025-01-01") | {
        "component": [
            {"code": {"text": "her2  LOKAL"}, "valueString": "deutlich"},
            {"code": {"text": "ER lokal"}, "valueCodeableConcept": {"text": "DEUTLICH"}},
        ]
    }
    assert one_value(knowledge, tmp_path, mapping, panel, "ihc_score") == ["3+"]
    assert one_value(knowledge, tmp_path, mapping, panel, "er_status") == ["positive"]


def test_an_answer_of_another_fact_is_not_used(knowledge: Knowledge, tmp_path: Path) -> None:
    mapping = entry(name="HER2 lokal", fact="ihc_score") + entry(name="stark", answer="positive", fact="er_status")
    resource = local.observation("x", "p", {"text": "HER2 lokal"}, "2025-01-01", valueString="stark")
    (read,) = one_value(knowledge, tmp_path, mapping, resource, "ihc_score")
    assert "unparsable" in read


def test_a_name_counts_only_where_no_code_is_known(knowledge: Knowledge, tmp_path: Path) -> None:
    weight = {"coding": [{"system": "http://loinc.org", "code": "29463-7", "display": "Wert"}]}
    resource = local.observation("x", "p", weight, "2025-01-01", valueQuantity={"value": 70, "unit": "kg"})
    mapping = entry(name="Wert", fact="height_cm")
    assert one_value(knowledge, tmp_path, mapping, resource, "weight_kg") == ["70"]
    assert one_value(knowledge, tmp_path, mapping, resource, "height_cm") == []


def test_words_that_the_site_does_not_vouch_for_still_contradict(knowledge: Knowledge, tmp_path: Path) -> None:
    """A local code of trastuzumab whose display says pertuzumab is neither."""
    dose = {
        "resourceType": "MedicationAdministration", "id": "m", "status": "completed",
        "subject": {"reference": "Patient/p"}, "effectiveDateTime": "2025-01-01",
        "medicationCodeableConcept": {"coding": [{"system": "urn:h", "code": "1", "display": "Pertuzumab 420 mg"}]},
        "dosage": {"dose": {"value": 420, "unit": "mg"}},
    }  # fmt: skip
    mapping = entry(system="urn:h", code="1", product="trastuzumab-iv")
    assert one_value(knowledge, tmp_path, mapping, dose, "dose_mg") == []
    vouched = entry(system="urn:h", code="1", name="Pertuzumab 420 mg", product="pertuzumab")
    assert one_value(knowledge, tmp_path, vouched, dose, "dose_mg") == ["420"]


def test_a_medication_elsewhere_and_one_contained_are_mapped(knowledge: Knowledge, tmp_path: Path) -> None:
    code = {"coding": [{"system": "urn:h", "code": "1"}], "text": "Hausmischung"}
    mapping = entry(system="urn:h", code="1", name="Hausmischung", product="trastuzumab-iv")
    facts = facts_with(knowledge, mapping, tmp_path / "m.toml")

    def dose(identity: str, **more: object) -> dict:
        return {
            "resourceType": "MedicationAdministration", "id": identity, "status": "completed",
            "subject": {"reference": "Patient/p"}, "effectiveDateTime": "2025-01-01",
            "dosage": {"dose": {"value": 420, "unit": "mg"}}, **more,
        }  # fmt: skip

    resources = [
        {"resourceType": "Patient", "id": "p"}, {"resourceType": "Medication", "id": "h", "code": code},
        dose("a", medicationReference={"reference": "Medication/h"}),
        dose("b", medicationReference={"reference": "#c"},
             contained=[{"resourceType": "Medication", "id": "c", "code": code}]),
    ]  # fmt: skip
    path = tmp_path / "m.json"
    path.write_text(json.dumps(local.bundle_of(resources)), encoding="utf-8")
    (record,) = [each for each in read_records(path, facts) if isinstance(each, Record)]
    doses = [(event.product, str(event.value), " by map 1 " in event.origin) for event in record.course
             if event.fact == "dose_mg"]  # fmt: skip
    assert doses == [("trastuzumab-iv", "420", True)] * 2


def test_a_mapped_statement_states_what_the_codes_of_the_tables_state(knowledge: Knowledge, tmp_path: Path) -> None:
    """Heart failure by a local code is heart failure and its history, as by ICD-10 I50."""
    condition = {
        "resourceType": "Condition",
        "id": "d",
        "subject": {"reference": "Patient/p"},
        "onsetDateTime": "2025-01-01",
    }
    local_code, icd = (
        {"coding": [{"system": "urn:l", "code": "H"}]},
        {"coding": [{"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": "I50.9"}]},
    )
    mapping = entry(system="urn:l", code="H", fact="heart_failure", value="yes")
    for fact in ("heart_failure", "heart_failure_history"):
        for code in (local_code, icd):
            assert one_value(knowledge, tmp_path, mapping, condition | {"code": code}, fact) == ["yes"]


def test_a_reason_and_a_note_are_no_statement_and_bear_no_mark(knowledge: Knowledge, tmp_path: Path) -> None:
    facts = facts_with(knowledge, local.MAPPING, tmp_path / "r.toml")
    code = {"coding": [{"system": local.LAB, "code": "HERZ"}]}
    weight = {"coding": [{"system": "http://loinc.org", "code": "29463-7"}]}
    resource = local.observation("w", "p", weight, "2025-01-01", valueQuantity={"value": 70, "unit": "kg"})
    resource |= {"note": [{"text": local.ECHO}], "reasonCode": [code], "category": [code]}
    path = tmp_path / "r.json"
    path.write_text(json.dumps(local.bundle_of([{"resourceType": "Patient", "id": "p"}, resource])), encoding="utf-8")
    (record,) = [each for each in read_records(path, facts) if isinstance(each, Record)]
    assert [(event.fact, " by map " in event.origin) for event in record.course] == [("weight_kg", False)]


def test_a_diagnosis_of_the_tumour_is_mapped(knowledge: Knowledge, tmp_path: Path) -> None:
    facts = facts_with(knowledge, entry(name="Mamma-Ca li", fact="tumour_site", value="breast"), tmp_path / "d.toml")
    condition = {
        "resourceType": "Condition",
        "id": "d",
        "subject": {"reference": "Patient/p"},
        "code": {"text": "Mamma-Ca li"},
    }
    path = tmp_path / "d.json"
    path.write_text(json.dumps(local.bundle_of([{"resourceType": "Patient", "id": "p"}, condition])), encoding="utf-8")
    (record,) = [each for each in read_records(path, facts) if isinstance(each, Record)]
    assert record.sites == {"breast"}


# -- tables -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("ending", ["csv", "parquet"])
@pytest.mark.parametrize("processes", [1, 2])
def test_the_words_of_a_long_table_are_mapped(ending: str, processes: int, settings: Path, tmp_path: Path) -> None:
    path = local.write_long(tmp_path / "long.csv")
    if ending == "parquet":
        texts = pa_csv.ConvertOptions(column_types={name: pa.string() for name in ("value", "unit", "product", "date")})
        pq.write_table(pa_csv.read_csv(path, convert_options=texts), path := tmp_path / "long.parquet")
    words = ("review", path, *ON, "--settings", settings, "--format", "json", "--processes", processes)
    told = json.loads(run(*words).stdout)
    assert told["summary"]["her2_status"] == {"positive": 6, "negative": 2}
    assert told["summary"]["not_read"] == 0
    assert list(told["summary"]["read_by_mapping"].values()) == [16, 16, 8, 8, 6, 0, 0]
    patient = next(each for each in told["patients"] if each["patient"] == "p3")
    assert patient["course"]["facts"]["weight_kg"] == "63"
    assert patient["specimens"][0]["tests"][0]["from"] == f"long.{ending}:20 by map 1+2"


def test_the_unit_of_an_entry_holds_for_rows_without_one(knowledge: Knowledge, tmp_path: Path) -> None:
    facts = facts_with(knowledge, entry(name="Gewicht", fact="weight_kg", unit="lb"), tmp_path / "u.toml")
    path = tmp_path / "u.csv"
    path.write_text("patient,date,fact,value,unit\na,2025-01-01,Gewicht,150,\na,2025-02-01,Gewicht,70,kg\n", "utf-8")
    (record,) = [each for each in read_records(path, facts) if isinstance(each, Record)]
    assert [str(event.value) for event in record.course] == ["68.039", "70"]


WIDE = "patient,test_date,IHC lokal,her2_copies\na,2025-01-01,stark positiv,\nb,2025-01-01,2+,7.1\n"


def test_the_columns_and_cells_of_a_wide_table_are_mapped_in_review_and_decide(tmp_path: Path) -> None:
    settings, path = tmp_path / "w.toml", tmp_path / "w.csv"
    settings.write_text(entry(name="IHC lokal", fact="ihc_score") + entry(name="stark positiv", answer="3+"), "utf-8")
    path.write_text(WIDE, encoding="utf-8")
    text = run("review", path, "--settings", settings, "--why").stdout
    assert "ihc_score 'stark positiv'  [w.csv:2 by map 1+2]" in text
    assert "ihc_score '2+'  [w.csv:3 by map 1]" in text
    decided = run("decide", "her2_status", path, "--settings", settings, "--fact", "tumour_site=breast")
    rows = decided.stdout.splitlines()
    assert rows[1].startswith("a,2025-01-01,3+,")
    assert "positive" in rows[1]
    assert "2 cells read by map 1: 'IHC lokal' is fact ihc_score" in decided.stderr
    assert "1 cells read by map 2: 'stark positiv' is answer 3+" in decided.stderr
    assert "positive" not in run("decide", "her2_status", path, "--fact", "tumour_site=breast").stdout.splitlines()[1]


def test_decide_takes_the_jurisdiction_of_the_settings(tmp_path: Path) -> None:
    settings = tmp_path / "eu.toml"
    settings.write_text('[site]\njurisdiction = "eu"\n', encoding="utf-8")
    asked = ("decide", "missed_dose_action", "--fact", "product=trastuzumab-iv", "--fact", "schedule=q3w",
             "--fact", "days_since_last_dose=29")  # fmt: skip
    assert run(*asked, "--settings", settings).stdout == run(*asked, "--jurisdiction", "eu").stdout
    assert run(*asked, "--settings", settings).stdout != run(*asked, "--jurisdiction", "us").stdout


# -- wrong mappings ---------------------------------------------------------------------------------

WRONG = [
    ({"fact": "ihc_score"}, "it names neither code nor name; expected system and code, or a name"),
    ({"system": "urn:l", "name": "x", "fact": "lvef"}, "system 'urn:l' without a code"),
    ({"code": "x"}, "it says nothing of what it means; expected fact; fact and value; answer; product; or unit"),
    ({"code": "x", "fact": "ihc_scor"}, "no fact is called 'ihc_scor'; did you mean ihc_score?"),
    ({"code": "x", "fact": "lvef_fall"}, "lvef_fall is not read from such a code; expected one of"),
    ({"code": "x", "fact": "weight_kg", "unit": "arroba"}, "weight_kg is not given in 'arroba'; expected one of kg, g, lb"),
    ({"code": "x", "fact": "ihc_score", "unit": "kg"}, "ihc_score is not given in 'kg'; ihc_score has no unit"),
    ({"code": "x", "fact": "lvef", "method": "eye"}, "no method is called 'eye'; expected one of echo, MUGA"),
    ({"code": "x", "fact": "weight_kg", "method": "echo"}, "method 'echo' is for lvef, not for weight_kg"),
    ({"code": "x", "fact": "heart_failure", "value": "maybe"}, "value 'maybe': unparsable text: heart_failure 'maybe'"),
    ({"code": "x", "fact": "tumour_site", "value": "lung"}, "tumour_site has no value 'lung'; expected one of breast"),
    ({"code": "x", "product": "trastuzumab"}, "no product is called 'trastuzumab'; did you mean trastuzumab-"),
    ({"code": "x", "product": "trastuzumab-iv", "brand": "ogivry"}, "no brand is called 'ogivry'; did you mean ogivri?"),
    ({"code": "x", "answer": "strong"}, "no answer is called 'strong'; expected one of 0, 1+, 2+, 3+"),
    ({"code": "x", "answer": "4+", "fact": "ihc_score"}, "ihc_score cannot be answered '4+'"),
    ({"code": "x", "product": "trastuzumab-iv", "fact": "lvef"}, "fact does not go with product; one entry means one thing"),
    ({"name": "Bettwaage", "unit": "kilo"}, "no unit is called 'kilo'; expected one of kg"),
    ({"code": "Bettwaage", "unit": "kg"}, "a unit is found by its name"),
    ({"name": "KG", "unit": "g"}, "'KG' is a unit that is known already"),
    ({"code": "x", "facts": "lvef"}, "facts is no key; did you mean fact?"),
    ({"code": "x", "fact": ""}, "fact = ''; expected text in quotes"),
    (
        {"system": "http://loinc.org", "code": "85319-2", "fact": "ish_result"},
        "LOINC 85319-2 is known already as ihc; a mapping adds, and changes nothing",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("keys", "words"), WRONG, ids=[words[:40] for _, words in WRONG])
@pytest.mark.parametrize("command", [("review",), ("decide", "her2_status"), ("inspect",)], ids=lambda words: words[0])
def test_a_wrong_entry_is_told_with_file_and_number(
    command: tuple[str, ...], keys: dict[str, str], words: str, tmp_path: Path
) -> None:
    settings, path = tmp_path / "wrong.toml", tmp_path / "w.csv"
    settings.write_text(entry(name="anything", fact="er_status") + entry(**keys), encoding="utf-8")
    path.write_text("patient,ihc_score\na,3+\n", encoding="utf-8")
    result = run(*command, path, "--settings", settings)
    assert result.exit_code == 2
    name = keys.get("code") or keys.get("name")
    assert f"wrong.toml: [[map]] 2{f' ({name})' if name else ''}: " in result.stderr
    assert words in result.stderr


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (entry(code="x", fact="lvef") * 2, "[[map]] 2 (x): [[map]] 1 says already what no system x is; keep one of the two"),
        ('map = "x"', "map is 'x'; expected tables [[map]]"),
        ("[map]\ncode = 'x'", "expected tables [[map]]"),
        (entry(code="x", fact="lvef") + "[[map]]\ncode = 7\nfact = 'lvef'", "code = 7; expected text in quotes"),
    ],
)  # fmt: skip
def test_a_wrong_file_is_told(text: str, words: str, knowledge: Knowledge, tmp_path: Path) -> None:
    path = tmp_path / "wrong.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(AskedWrongly, match=re.escape(words)):
        read_site(path, knowledge)


def test_the_page_shows_what_wrong_entries_are_told() -> None:
    page = (ROOT / "docs" / "inspect.md").read_text(encoding="utf-8")
    table = page[page.index("| wrong ") : page.index("A mapping adds to the code tables")]
    told = [cells[1].strip(" `") for line in table.splitlines()[2:] if len(cells := line.strip("|").split("|")) == 2]
    said_of_all = [words for _, words in WRONG] + ["says already what"]
    assert len(told) == 6
    for words in told:
        assert any(words[:40] in each or each in words for each in said_of_all), words


@pytest.mark.parametrize("unit", UNITS)
def test_every_unit_that_an_entry_may_name_is_one_that_readers_know(unit: str, knowledge: Knowledge) -> None:
    from her2path.read.tabular.cells import Cells

    fact = next(
        fact
        for units, fact in (
            (("kg", "g", "lb", "oz", "st"), "weight_kg"), (("cm", "m", "mm", "in", "ft"), "height_cm"), (("%",), "lvef"),
            (("mg", "mcg"), "dose_mg"), (("mg/kg", "g/kg"), "dose_mg_per_kg"), (("mg/m2",), "dose_mg_per_m2"),
        )
        if unit in units
    )  # fmt: skip
    number = {
        "g": "60000",
        "mm": "1600",
        "m": "1.6",
        "in": "63",
        "mcg": "500000",
        "g/kg": "0.006",
        "oz": "2116",
        "st": "9.5",
        "ft": "5.3",
    }.get(unit, "60")
    number = "6" if unit == "mg/kg" else "160" if unit == "cm" else "500" if unit == "mg" else number
    value, _ = Cells(knowledge.facts, codes_of(knowledge.facts)).read_value(fact, number, unit)
    assert not isinstance(value, Unknown), value


def test_a_mapping_leaves_the_tables_as_they_are(knowledge: Knowledge) -> None:
    codes = codes_of(knowledge.facts)
    before = (len(codes.tests), len(codes.answers), len(codes.therapy.drugs))
    listed = [{"code": "x", "fact": "ihc_score"}, {"code": "y", "product": "pertuzumab"}, {"code": "z", "answer": "3+"}]
    mapping = mapping_of(Path("m.toml"), listed, knowledge.facts, codes)
    mapped = codes_of(with_mapping(knowledge.facts, mapping))
    assert (len(mapped.tests), len(mapped.answers), len(mapped.therapy.drugs)) == tuple(count + 1 for count in before)
    assert (len(codes.tests), len(codes.answers), len(codes.therapy.drugs)) == before
    assert codes_of(knowledge.facts).mapping is None
