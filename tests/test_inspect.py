"""`her2path inspect`: what a feed holds, what was read and refused, what looks like ours and was not read, what it answers."""

from __future__ import annotations

import gzip
import json
import re
import tomllib
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
from her2path.facts.mapping.check import mapping_of
from her2path.facts.value import Unknown
from her2path.inspect import seen as seen_module
from her2path.inspect.seen import Seen, Unmapped
from her2path.inspect.words import Guesser, read_feed_words
from her2path.tables.library import Knowledge

ON = ("--on", "2025-10-20")
ROOT = Path(__file__).parent.parent
DATA = ROOT / ".." / "shared" / "data"
WIDTH = 100


def run(*words: object) -> Result:
    return CliRunner().invoke(main, ["inspect", *(str(word) for word in words)])


def told(*words: object) -> dict[str, Any]:
    result = run(*words, "--format", "json")
    assert result.exit_code in (0, 3), result.output
    document: dict[str, Any] = json.loads(result.stdout)
    return document


def fact(document: dict[str, Any], name: str) -> dict[str, Any]:
    return next(each for each in document["facts"] if each["fact"] == name)


def unmapped(document: dict[str, Any]) -> dict[tuple[str, str, str], int]:
    return {(each["kind"], each["about"], each["code"] or each["name"]): each["count"] for each in document["unmapped"]}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return local.write_bundles(tmp_path_factory.mktemp("feed") / "local")


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("site") / "map.toml"
    path.write_text(local.MAPPING, encoding="utf-8")
    return path


def write(path: Path, *resources: dict) -> Path:
    """A bundle of a patient and some resources of hers."""
    patient = {"resourceType": "Patient", "id": "p"}
    path.write_text(json.dumps(local.bundle_of([patient, *resources]), ensure_ascii=False), encoding="utf-8")
    return path


def of(kind: str, identity: str = "x", **fields: object) -> dict:
    return {"resourceType": kind, "id": identity, "subject": {"reference": "Patient/p"}, **fields}


@pytest.mark.parametrize("where", ["one history", "folder deleted"])
def test_what_was_deleted_is_not_listed(tmp_path: Path, where: str) -> None:
    """Unless a version was written after the deletion."""
    local_code = {"code": {"text": "EF biplan"}, "status": "final", "valueString": "60"}
    gone, again = of("Observation", "x", **local_code), of("Observation", "y", **local_code)
    again["meta"] = {"lastUpdated": "2025-06-02T00:00:00Z"}
    deletions = [
        {
            "request": {"method": "DELETE", "url": f"Observation/{name}"},
            "response": {"lastModified": "2025-06-01T00:00:00Z"},
        }
        for name in "xy"
    ]
    gone["meta"] = {"lastUpdated": "2025-05-01T00:00:00Z"}
    bundle = write(tmp_path / "p.json", gone, again)
    if where == "one history":
        held = json.loads(bundle.read_text(encoding="utf-8"))
        held["entry"] += deletions
        bundle.write_text(json.dumps(held), encoding="utf-8")
    else:
        (tmp_path / "deleted").mkdir()
        (tmp_path / "deleted" / "d.json").write_text(
            json.dumps({"resourceType": "Bundle", "type": "transaction", "entry": deletions}), encoding="utf-8"
        )
    (listed,) = [each for each in told(tmp_path, *ON)["unmapped"] if each["name"] == "EF biplan"]
    assert (listed["count"], listed["where"].rpartition(" ")[2]) == (1, "Observation/y")


# -- what is in it ----------------------------------------------------------------------------------


def test_files_resources_patients_and_days_are_counted(folder: Path) -> None:
    document = told(folder, *ON)
    assert document["files"] == {".json": 8}
    assert document["resources"] == {"MedicationAdministration": 32, "Observation": 32, "Condition": 11, "Patient": 8}
    assert document["patients"] == 8
    assert fact(document, "tumour_site")["patients"] == 8
    assert fact(document, "ihc_score")["read"] == 0
    (refused,) = fact(document, "weight_kg")["refused"]
    assert (refused["reason"], refused["count"]) == ("unparsable text", 8)
    assert "60 Bettwaage" in refused["value"]
    assert refused["where"] == "000.json entry 5 Observation/w0"


def test_what_looks_like_ours_and_is_not_read_is_told_by_frequency(folder: Path) -> None:
    document = told(folder, *ON)
    assert [(each["kind"], each["code"] or each["name"], each["guess"], each["count"]) for each in document["unmapped"]] == [
        ("concept", "4711", "product", 32),
        ("concept", "EF biplan", "lvef", 16),
        ("concept", "H2IHC", "ihc_score", 8),
        ("unit", "Bettwaage", "", 8),
        ("answer", "H2-3", "", 6),
        ("concept", "HERZ", "heart_failure yes", 3),
        ("answer", "H2-0", "", 2),
    ]  # fmt: skip
    first = document["unmapped"][0]
    assert (first["system"], first["name"], first["example"]) == (local.DRUGS, "Trastu-Hausmischung 440", "480 mg")
    assert first["where"] == "000.json entry 6 MedicationAdministration/m0-0"


def test_a_mapping_reads_it_and_the_same_run_tells_what_it_gained(folder: Path, settings: Path) -> None:
    document = told(folder, *ON, "--settings", settings)
    gained = {each["fact"]: (each["read_before_mapping"], each["read"]) for each in document["facts"]}
    assert {name: counts for name, counts in gained.items() if counts[0] != counts[1]} == {
        "ihc_score": (0, 8), "dose": (0, 32), "lvef": (0, 16), "heart_failure": (0, 3), "heart_failure_history": (0, 3),
        "weight_kg": (0, 8),
    }  # fmt: skip
    assert document["unmapped"] == []
    assert document["before_mapping"] == {"unmapped": 75, "questions_answered": 0}
    assert [each["read"] for each in document["mapping"]] == [8, 6, 2, 16, 8, 32, 3]
    page = run(folder, *ON, "--settings", settings).stdout
    assert re.search(r"^lvef +0 +16 +8  2025-07-01 2025-10-01$", page, re.MULTILINE)
    assert "By the site's mapping: 7 of 7 entries were met" in page


def test_the_questions_tell_what_is_answered_and_what_is_missing(folder: Path, settings: Path) -> None:
    questions = {each["question"]: each for each in told(folder, *ON, "--settings", settings)["questions"]}
    assert questions["cardiac_action"]["answer"] == "always"
    assert (questions["cardiac_action"]["asked"], questions["cardiac_action"]["answered"]) == (8, 8)
    assert questions["her2_expression"]["answer"] == "in part"
    assert questions["her2_expression"]["missing"] == {"any_membrane_staining": 2}
    assert questions["adjuvant_duration"]["answer"] == "never"
    assert "setting" in questions["adjuvant_duration"]["missing"]
    assert questions["infusion_reaction_action"]["answer"] == "never asked"
    assert questions["infusion_reaction_action"]["patients_with"] == {"infusion_reaction": 0, "product": 8}


def test_without_a_course_no_question_of_it_is_asked(folder: Path) -> None:
    document = told(folder, *ON)
    assert all(each["answer"] == "never asked" for each in document["questions"])
    assert "no course of therapy to ask of" in run(folder, *ON).stdout


# -- the page ---------------------------------------------------------------------------------------


def test_the_page_fits_a_screen(folder: Path, settings: Path) -> None:
    for words in ((folder, *ON), (folder, *ON, "--settings", settings)):
        lines = run(*words).stdout.splitlines()
        assert max(map(len, lines)) <= WIDTH
        assert len(lines) <= 55


def test_names_of_a_record_cannot_forge_lines(tmp_path: Path) -> None:
    name = "HER2 lokal\nihc_score   99   99\u202e"
    code = {"coding": [{"system": "urn:l\n[[map]]", "code": "c\n[[map]]\ncode = 'x'", "display": name}]}
    path = write(tmp_path / "f.json", of("Observation", status="final", code=code, valueString="3+\n# forged"))
    page, starter = run(path, "--mapping", tmp_path / "m.toml").stdout, (tmp_path / "m.toml").read_text("utf-8")
    assert "HER2 lokal\\nihc_score" in page
    assert "\u202e" not in page + starter
    assert not re.search(r"^ihc_score   99", page, re.MULTILINE)
    assert all(line.startswith("#") or not line for line in starter.splitlines())
    assert tomllib.loads(starter) == {}


def test_the_document_has_the_keys_of_the_page_on_it(folder: Path, settings: Path) -> None:
    text = (ROOT / "docs" / "inspect.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`([a-z0-9_ ]+)`", text))
    document = told(folder, *ON, "--settings", settings)
    keys = set(document)
    for listed in ("facts", "unmapped", "questions", "mapping", "not_read", "products"):
        keys |= {key for each in document[listed] for key in each}
    assert document["products"]
    assert keys - named == set()
    assert document["version"] == "1"
    assert "version 1:" in text


def test_it_is_written_where_asked_and_never_over_what_is_read(folder: Path, settings: Path, tmp_path: Path) -> None:
    output = tmp_path / "page.txt"
    assert run(folder, *ON, "-o", output).exit_code == 0
    assert output.read_text(encoding="utf-8").startswith(f"{folder}"[:80])
    before = settings.read_text(encoding="utf-8")
    for words in (
        ("--mapping", folder / "000.json"),
        ("-o", folder / "000.json"),
        ("-o", settings),
        ("--mapping", settings),
    ):
        result = run(folder, *ON, "--settings", settings, *words)
        assert result.exit_code == 2
        assert "is what is read; write to another file" in result.stderr
    assert settings.read_text(encoding="utf-8") == before


# -- the starter mapping ----------------------------------------------------------------------------


def test_the_starter_mapping_becomes_a_mapping(folder: Path, knowledge: Knowledge, tmp_path: Path) -> None:
    starter = tmp_path / "starter.toml"
    assert run(folder, *ON, "--mapping", starter).exit_code == 0
    text = starter.read_text(encoding="utf-8")
    assert tomllib.loads(text) == {}
    open_ = re.sub(r"^# (\[\[map\]\]|\w+ = )", r"\1", text, flags=re.MULTILINE)
    listed = tomllib.loads(open_)["map"]
    assert [table.get("code") or table["name"] for table in listed] == [
        "4711", "EF biplan", "H2IHC", "Bettwaage", "H2-3", "HERZ", "H2-0",
    ]  # fmt: skip
    answers = {
        "4711": ("product", "trastuzumab-iv"),
        "Bettwaage": ("unit", "kg"),
        "H2-3": ("answer", "3+"),
        "H2-0": ("answer", "0"),
    }
    for table in listed:
        key, value = answers.get(table.get("code") or table["name"], ("", ""))
        if key:
            assert table[key] == "?"
            table[key] = value
    mapping_of(starter, listed, knowledge.facts, codes_of(knowledge.facts))
    settings = tmp_path / "settings.toml"
    settings.write_text(
        "".join("[[map]]\n" + "".join(f"{k} = {json.dumps(v)}\n" for k, v in table.items()) for table in listed),
        "utf-8",
    )
    document = told(folder, *ON, "--settings", settings)
    assert document["unmapped"] == []
    assert {each["fact"]: each["read"] for each in document["facts"] if each["fact"] in ("lvef", "dose", "ihc_score")} == {
        "ihc_score": 8, "dose": 32, "lvef": 16,
    }  # fmt: skip


def test_a_question_mark_left_in_is_refused(folder: Path, tmp_path: Path) -> None:
    settings = tmp_path / "s.toml"
    settings.write_text('[[map]]\nname = "Bettwaage"\nunit = "?"\n', encoding="utf-8")
    result = run(folder, "--settings", settings)
    assert result.exit_code == 2
    assert "[[map]] 1 (Bettwaage): no unit is called '?'" in result.stderr


# -- what is told, and what is not ------------------------------------------------------------------


def test_a_type_that_nobody_reads_is_counted_and_told_where_it_names_a_drug(tmp_path: Path) -> None:
    path = write(
        tmp_path / "t.json",
        of("Sometype", "a", code={"text": "Trastuzumab 440 mg"}), of("Sometype", "b", code={"text": "Blood count"}),
    )  # fmt: skip
    document = told(path)
    assert document["resources"]["Sometype"] == 2
    (one,) = document["unmapped"]
    assert (one["about"], one["guess"], one["why"]) == ("Sometype", "product", "resources of this type are not read")


@pytest.mark.parametrize(
    ("kind", "code", "guess"),
    [
        ("Observation", {"text": "HER2/neu FISH Ratio lokal"}, "her2_cep17_ratio"),
            ("Observation", {"text": "FISH: Her-2 (lokal)"}, "ish_result"),
            ("Observation", {"text": "HER2 Kopien je Kern"}, "her2_copies"),
        ("Observation", {"text": "c-erbB2 Score"}, "ihc_score"),
        ("Observation", {"text": "Auswurffraktion LV"}, "lvef"),
        ("Observation", {"text": "Körpergewicht gemessen"}, "weight_kg"),
        ("Observation", {"text": "Progesteronrezeptor-Status"}, "pr_status"),
        ("Condition", {"text": "Mammakarzinom links"}, "tumour_site breast"),
        ("Condition", {"text": "Herzinsuffizienz NYHA II"}, "heart_failure yes"),
        ("Condition", {"text": "Schwangerschaft, 12. Woche"}, "pregnant yes"),
        ("MedicationRequest", {"coding": [{"system": "http://www.whocc.no/atc", "code": "L01FD99"}]}, "product"),
        ("MedicationRequest", {"text": "Herceptinum 150"}, "product"),
    ],
)  # fmt: skip
def test_words_and_neighbours_of_the_field_look_like_ours(
    kind: str, code: dict, guess: str, knowledge: Knowledge
) -> None:
    codings = [(c.get("system"), c.get("code"), c.get("display")) for c in code.get("coding", ())]
    assert Guesser(codes_of(knowledge.facts)).guess(kind, codings, code.get("text", "")) == guess


@pytest.mark.parametrize(
    "words", ["Neutrophils", "Right kidney size", "Refraction", "Ethereal", "Pneumonia", "Bevacizumab", "Weightlifting"]
)
def test_other_words_do_not(words: str, knowledge: Knowledge) -> None:
    for kind in ("Observation", "Condition", "MedicationRequest"):
        assert Guesser(codes_of(knowledge.facts)).guess(kind, [], words) == ""


def test_what_is_read_known_or_void_is_not_told(tmp_path: Path) -> None:
    loinc = "http://loinc.org"
    path = write(
        tmp_path / "k.json",
        local.observation("a", "p", {"coding": [{"system": loinc, "code": "85319-2", "display": "HER2 IHC"}]},
                          "2025-01-01", valueString="3+"),
        local.observation("b", "p", {"coding": [{"system": loinc, "code": "32996-1", "display": "HER2 in serum"}]},
                          "2025-01-01", valueQuantity={"value": 12, "unit": "ng/mL"}),
        local.observation("c", "p", {"text": "HER2 lokal"}, "2025-01-01", valueString="3+") | {"status": "entered-in-error"},
    )  # fmt: skip
    assert told(path)["unmapped"] == []


def test_a_conclusion_in_words_is_told(tmp_path: Path) -> None:
    report = of("DiagnosticReport", "r", code={"text": "Pathologie"}, conclusion="Mamma-Ca, HER2 IHC Score 3+.")
    other = of("DiagnosticReport", "s", code={"text": "Pathologie"}, conclusion="Unauffällig.")
    document = told(write(tmp_path / "r.json", report, other), "--mapping", tmp_path / "m.toml")
    assert unmapped(document) == {("text", "DiagnosticReport conclusion", "Pathologie"): 1}
    assert "No entry can say what this is" in (tmp_path / "m.toml").read_text("utf-8")


def test_a_component_is_told_by_itself(tmp_path: Path) -> None:
    code = {"coding": [{"system": "http://loinc.org", "code": "85319-2"}]}
    panel = local.observation("a", "p", code, "2025-01-01", valueString="3+")
    panel["component"] = [
        {"code": {"text": "LVEF lokal"}, "valueQuantity": {"value": 60, "unit": "%"}},
        {
            "code": {"coding": [{"system": "http://loinc.org", "code": "29463-7"}]},
            "valueQuantity": {"value": 70, "unit": "kg"},
        },
    ]
    document = told(write(tmp_path / "c.json", panel))
    assert unmapped(document) == {("concept", "Observation", "LVEF lokal"): 1}
    assert fact(document, "weight_kg")["read"] == 1


def test_files_that_cannot_be_read_are_told_by_kind(tmp_path: Path) -> None:
    feed = local.write_bundles(tmp_path / "feed", 2)
    (feed / "broken.json").write_text('{"resourceType": "Bundle", "entry": [', encoding="utf-8")
    (feed / "letter.xml").write_text("<a/>", encoding="utf-8")
    whole = gzip.compress(json.dumps(local.bundle_of(local.patient_of(5))).encode())
    (feed / "cut.json.gz").write_bytes(whole[: len(whole) // 2])
    result = run(feed, *ON)
    assert result.exit_code == 3
    document = told(feed, *ON)
    kinds = {each["kind"]: each["example"] for each in document["not_read"]}
    assert "broken.json" in kinds["not JSON"]
    assert "letter.xml" in kinds["skipped"]
    assert "cut.json.gz" in kinds["unreadable"]
    assert document["patients"] == 2


def test_a_source_without_patients_is_inspected_and_ends_with_1(tmp_path: Path) -> None:
    path = tmp_path / "w.csv"
    path.write_text("id,IHC Her2,weight\na,3+,70\n", encoding="utf-8")
    result = run(path)
    assert result.exit_code == 1
    assert "columns: 'IHC Her2'  -> ihc_score?" in result.stdout
    assert "no patient was found" in result.stderr


# -- tables -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_the_words_of_a_long_table_are_told(ending: str, settings: Path, tmp_path: Path) -> None:
    path = local.write_long(tmp_path / "long.csv")
    if ending == "parquet":
        texts = pa_csv.ConvertOptions(column_types={name: pa.string() for name in ("value", "unit", "product", "date")})
        pq.write_table(pa_csv.read_csv(path, convert_options=texts), path := tmp_path / "long.parquet")
    document = told(path, *ON)
    assert unmapped(document) == {
        ("concept", "column fact", "EF biplan"): 16,
        ("concept", "column fact", local.IHC): 8,
        ("concept", "column product", "4711"): 8,
        ("concept", "column product", "Trastu-Hausmischung 440"): 8,
        ("unit", "weight_kg", "Bettwaage"): 8,
    }
    assert document["rows"] == 48
    after = told(path, *ON, "--settings", settings)
    assert after["unmapped"] == []
    assert fact(after, "dose")["read_before_mapping"] == 0
    assert fact(after, "dose")["read"] == 16
    assert after["products"] == [{"given": "dose", "product": "trastuzumab-iv", "count": 16}]


def test_the_columns_of_a_wide_table_are_told_and_mapped(tmp_path: Path) -> None:
    path, settings = tmp_path / "w.csv", tmp_path / "s.toml"
    path.write_text("patient,her2 lokal,her2_copies\na,stark,7.1\nb,2+,\n", encoding="utf-8")
    assert unmapped(told(path)) == {("column", "columns", "her2 lokal"): 2}
    settings.write_text('[[map]]\nname = "HER2 lokal"\nfact = "ihc_score"\n', encoding="utf-8")
    after = told(path, "--settings", settings)
    assert unmapped(after) == {("answer", "ihc_score", "stark"): 1}
    assert (fact(after, "ihc_score")["read_before_mapping"], fact(after, "ihc_score")["read"]) == (0, 1)


# -- the same, however it is read -------------------------------------------------------------------


def without_places(document: dict[str, Any]) -> dict[str, Any]:
    """A document without the first of each kind, which hangs on the order of the source."""
    plain = {key: value for key, value in document.items() if key != "source"}
    plain["unmapped"] = unmapped(document)
    plain["not_read"] = [(each["kind"], each["count"]) for each in document["not_read"]]
    plain["facts"] = [
        each | {"refused": [(one["reason"], one["count"]) for one in each["refused"]]} for each in document["facts"]
    ]
    return plain


def test_one_and_two_processes_and_any_order_count_the_same(
    folder: Path, settings: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from her2path.cohort import review as cohort

    straight = local.write_bulk(tmp_path / "a.ndjson", 40)
    turned = local.write_bulk(tmp_path / "b.ndjson", 40, order=-1)
    for words in ((), ("--settings", settings)):
        one = told(straight, *ON, *words)
        assert without_places(told(turned, *ON, *words)) == without_places(one)
        monkeypatch.setattr(cohort, "BATCH_BYTES", 4_000)
        assert told(straight, *ON, *words, "--processes", 2) == told(straight, *ON, *words, "--processes", 1) == one
        monkeypatch.undo()


def test_bundles_and_bulk_count_the_same(folder: Path, tmp_path: Path) -> None:
    one, other = told(folder, *ON), told(local.write_bulk(tmp_path / "a.ndjson"), *ON)
    kept = ("resources", "patients", "questions", "products")
    assert {key: one[key] for key in kept} == {key: other[key] for key in kept}
    assert unmapped(one) == unmapped(other)


def test_many_different_ones_are_counted_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seen_module, "MOST_CANDIDATES", 3)
    seen, other = Seen(), Seen()
    for number in range(5):
        seen.note(Unmapped("concept", "Observation", name=f"HER2 {number}"), "", "here", "")
        other.note(Unmapped("concept", "Observation", name=f"HER2 {number + 3}"), "", "there", "")
    seen.merge(other)
    assert sum(found.count for found in seen.unmapped.values()) + seen.more_unmapped == 10
    assert len(seen.unmapped) == 3


def test_a_messy_simulated_export_is_told(tmp_path: Path) -> None:
    path = tmp_path / "events.parquet"
    words = ["simulate", "course", "--virtual-patients", "30", "--records", str(path), "--mess", "heavy"]
    assert CliRunner().invoke(main, words).exit_code == 0
    document = told(path, "--on", "2025-01-01")
    assert document["patients"] == 30
    assert document["rows"] == pq.read_metadata(path).num_rows
    assert fact(document, "dose")["read"] > 300
    assert {each["kind"] for each in document["unmapped"]} <= {"answer", "words", "unit"}
    refused = [one for each in document["facts"] for one in each["refused"]]
    assert sum(one["count"] for one in refused) >= sum(each["count"] for each in document["unmapped"]) > 0
    assert next(each for each in document["questions"] if each["question"] == "cardiac_action")["asked"] > 0


# -- the words --------------------------------------------------------------------------------------


def test_every_guess_is_a_fact_or_a_drug_and_every_expected_fact_is_one(knowledge: Knowledge) -> None:
    page = read_feed_words(knowledge.folder)
    assert set(page.expected) - {*knowledge.facts, "dose", "order", "recorded status"} == set()
    assert len(page.rows) > 15
    for _, place, guess in page.rows:
        assert place in ("observations", "drugs", "diagnoses", "anywhere")
        name, _, value = guess.partition(" ")
        assert name == "product" or name in knowledge.facts, guess
        assert not value or not isinstance(knowledge.facts[name].coerce(value), Unknown), guess


@pytest.mark.skipif(not DATA.exists(), reason="no folder of published records beside the checkout")
def test_published_bundles_are_inspected() -> None:
    document = told(DATA / "mcode-synthea-breast-51.tgz", "--on", "2022-06-30")
    assert document["patients"] == document["resources"]["Patient"] == 51
    assert fact(document, "ihc_score")["patients"] == 51
    assert fact(document, "lvef")["read"] == 0
    assert "Estrogen+Progesterone receptor" in json.dumps(document["unmapped"])
