"""`her2path inspect` and a site's mapping over every kind of resource that is read, and over every kind of source."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

import local_export as local
from her2path.cli import main
from her2path.facts.codes import codes_of
from her2path.facts.problem import AskedWrongly
from her2path.inspect.words import Guesser
from her2path.tables.library import Knowledge
from her2path.tables.site import read_site

LAB, DRUGS = local.LAB, local.DRUGS
DRUG = {"coding": [{"system": DRUGS, "code": "4711", "display": "Trastu-Hausmischung 440"}]}
LVEF = {"coding": [{"system": LAB, "code": "EF"}], "text": "LV-EF lokal"}
MAPPING = f"""
[[map]]
system = "{DRUGS}"
code = "4711"
name = "Trastu-Hausmischung 440"
product = "trastuzumab-iv"

[[map]]
system = "{LAB}"
code = "H2IHC"
fact = "ihc_score"

[[map]]
system = "{LAB}"
code = "H2-3"
answer = "3+"

[[map]]
system = "{LAB}"
code = "EF"
fact = "lvef"
unit = "%"

[[map]]
system = "{LAB}"
code = "HERZ"
fact = "heart_failure"
value = "yes"
"""


def run(*words: object, text: str | None = None) -> Result:
    return CliRunner().invoke(main, [str(word) for word in words], input=text)


def told(path: Path, *words: object) -> dict[str, Any]:
    result = run("inspect", path, "--on", "2025-10-20", *words, "--format", "json")
    assert result.exit_code in (0, 3), result.output
    document: dict[str, Any] = json.loads(result.stdout)
    return document


def unmapped(document: dict[str, Any]) -> dict[tuple[str, str, str], int]:
    return {(each["kind"], each["about"], each["code"] or each["name"]): each["count"] for each in document["unmapped"]}


def read(document: dict[str, Any], name: str) -> int:
    return next((each["read"] for each in document["facts"] if each["fact"] == name), 0)


def of(kind: str, identity: str = "x", **fields: object) -> dict:
    return {"resourceType": kind, "id": identity, "subject": {"reference": "Patient/p"}, **fields}


def claim(kind: str, **fields: object) -> dict:
    return {"resourceType": kind, "id": "c", "patient": {"reference": "Patient/p"}, **fields}


def write(path: Path, *resources: dict, kind: str = "collection") -> Path:
    bundle = local.bundle_of([{"resourceType": "Patient", "id": "p"}, *resources])
    path.write_text(json.dumps({**bundle, "type": kind}), encoding="utf-8")
    return path


@pytest.fixture
def settings(tmp_path: Path) -> Path:
    path = tmp_path / "map.toml"
    path.write_text(MAPPING, encoding="utf-8")
    return path


# -- what shows a therapy without a dose ------------------------------------------------------------

EVIDENCE = {
    "MedicationDispense": of(
        "MedicationDispense", status="completed", whenHandedOver="2025-07-01", medicationCodeableConcept=DRUG
    ),
    "Procedure": of("Procedure", status="completed", performedDateTime="2025-07-01", code=DRUG),
    "Procedure, used": of(
        "Procedure", status="completed", performedDateTime="2025-07-01", code={"text": "Infusion"}, usedCode=[DRUG]
    ),
    "ChargeItem": of("ChargeItem", status="billed", occurrenceDateTime="2025-07-01", code=DRUG),
    "ChargeItem, product": of(
        "ChargeItem", status="billed", occurrenceDateTime="2025-07-01", code={"text": "Apotheke"},
        productCodeableConcept=DRUG,
    ),
    "Claim": claim(
        "Claim", status="active", use="claim",
        item=[{"sequence": 1, "productOrService": {"text": "Bett"}},
              {"sequence": 2, "productOrService": DRUG, "servicedDate": "2025-07-01"}],
    ),
    "ExplanationOfBenefit": claim(
        "ExplanationOfBenefit", status="active", use="claim",
        item=[{"sequence": 1, "productOrService": DRUG, "servicedDate": "2025-07-01"}],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", EVIDENCE)
def test_a_drug_of_a_local_code_is_told_and_mapped_wherever_it_shows_a_therapy(
    name: str, settings: Path, tmp_path: Path
) -> None:
    kind = EVIDENCE[name]["resourceType"]
    path = write(tmp_path / "e.json", EVIDENCE[name])
    before = told(path)
    assert unmapped(before) == {("concept", kind, "4711"): 1}
    assert before["unmapped"][0]["guess"] == "product"
    after = told(path, "--settings", settings)
    assert after["unmapped"] == []
    assert read(after, "her2_drug_recorded") == 1
    assert after["products"] == [{"given": "shown", "product": "trastuzumab-iv", "count": 1}]
    assert "shown      trastuzumab-iv 1" in run("inspect", path, "--settings", settings).stdout
    review = run("review", path, "--on", "2025-10-20", "--settings", settings, "--format", "json").stdout
    assert f"by map 1 {kind}/" in review


def test_a_drug_that_is_known_is_not_told(tmp_path: Path) -> None:
    known = {"coding": [{"system": "http://www.whocc.no/atc", "code": "L01FD01"}]}
    dispense = EVIDENCE["MedicationDispense"] | {"medicationCodeableConcept": known}
    bill = {"coding": [{"system": "https://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets", "code": "J9355"}]}
    lines = [{"sequence": 1, "productOrService": bill, "servicedDate": "2025-07-01"}]
    document = told(write(tmp_path / "k.json", dispense, EVIDENCE["Claim"] | {"item": lines}))
    assert document["unmapped"] == []
    assert read(document, "her2_drug_recorded") == 2


def test_what_a_medication_is_made_of_is_told_and_marked(settings: Path, tmp_path: Path) -> None:
    whole = {"resourceType": "Medication", "id": "m", "code": {"text": "Beutel"},
             "ingredient": [{"itemReference": {"reference": "Substance/s"}}]}  # fmt: skip
    part = {"resourceType": "Substance", "id": "s", "code": DRUG}
    dose = of(
        "MedicationAdministration", status="completed", effectiveDateTime="2025-07-01",
        medicationReference={"reference": "Medication/m"}, dosage={"dose": {"value": 480, "unit": "mg"}},
    )  # fmt: skip
    path = write(tmp_path / "m.json", whole, part, dose)
    assert unmapped(told(path)) == {("concept", "Substance", "4711"): 1}
    after = told(path, "--settings", settings)
    assert read(after, "dose") == 1
    assert after["mapping"][0]["read"] == 1
    direct = {"resourceType": "Medication", "id": "m", "ingredient": [{"itemCodeableConcept": DRUG}]}
    path = write(tmp_path / "d.json", dose | {"contained": [direct], "medicationReference": {"reference": "#m"}})
    assert unmapped(told(path)) == {("concept", "Medication", "4711"): 1}
    assert read(told(path, "--settings", settings), "dose") == 1


def test_a_name_that_is_no_one_drug_is_told_and_mapped(tmp_path: Path) -> None:
    dose = of(
        "MedicationAdministration", status="completed", effectiveDateTime="2025-07-01",
        medicationCodeableConcept={"text": "TRASTUZUMAB ODER BIOSIMILAR LT. LISTE"},
        dosage={"dose": {"value": 480, "unit": "mg"}},
    )  # fmt: skip
    dispense = EVIDENCE["MedicationDispense"] | {"medicationCodeableConcept": {"text": "HER2-Antikörper Kit 7"}}
    path, file = write(tmp_path / "o.json", dose, dispense), tmp_path / "o.toml"
    before = told(path)
    names = {each["name"] for each in before["unmapped"]}
    assert {each["guess"] for each in before["unmapped"]} == {"product"}
    assert "HER2-Antikörper Kit 7" in names
    file.write_text(
        "".join(f'[[map]]\nname = {json.dumps(name)}\nproduct = "trastuzumab-iv"\n' for name in sorted(names)), "utf-8"
    )
    after = told(path, "--settings", file)
    assert after["unmapped"] == []
    assert (read(after, "dose"), read(after, "her2_drug_recorded")) == (1, 1)


# -- reports ----------------------------------------------------------------------------------------

H2IHC = {"coding": [{"system": LAB, "code": "H2IHC", "display": "Her-2/neu IHC lokal"}]}
STRONG = {"coding": [{"system": LAB, "code": "H2-3"}]}


def report(**fields: object) -> dict:
    return of("DiagnosticReport", "r", status="final", effectiveDateTime="2025-06-10", **fields)


def test_a_conclusion_that_is_understood_is_not_told(tmp_path: Path) -> None:
    code = {"coding": [{"system": "http://loinc.org", "code": "85319-2"}]}
    document = told(write(tmp_path / "u.json", report(code=code, conclusion="HER2: 3+")))
    assert document["unmapped"] == []
    assert read(document, "ihc_score") == 1


def test_a_conclusion_that_is_not_understood_is_told_as_its_reader_tells_it(tmp_path: Path) -> None:
    document = told(
        write(tmp_path / "n.json", report(code={"text": "Befund"}, conclusion="HER2 siehe Anlage 4 bis 7."))
    )
    (one,) = document["unmapped"]
    assert (one["kind"], one["about"]) == ("text", "DiagnosticReport conclusion")
    assert "is not understood" in one["why"]


def test_a_coded_conclusion_is_told_and_mapped(settings: Path, tmp_path: Path) -> None:
    known = {"coding": [{"system": "http://loinc.org", "code": "85319-2"}]}
    path = write(tmp_path / "a.json", report(code=known, conclusionCode=[STRONG]))
    assert unmapped(told(path)) == {("answer", "ihc_score", "H2-3"): 1}
    assert read(told(path, "--settings", settings), "ihc_score") == 1
    path = write(tmp_path / "b.json", report(code=H2IHC, conclusionCode=[STRONG]))
    assert ("concept", "DiagnosticReport", "H2IHC") in unmapped(told(path))
    after = told(path, "--settings", settings)
    assert after["unmapped"] == []
    assert read(after, "ihc_score") == 1
    path = write(tmp_path / "c.json", report(code={"text": "Arztbrief"}, conclusionCode=[
        {"coding": [{"system": LAB, "code": "HERZ", "display": "Herzinsuffizienz NYHA II"}]}]))  # fmt: skip
    assert unmapped(told(path)) == {("concept", "DiagnosticReport", "HERZ"): 1}
    assert read(told(path, "--settings", settings), "heart_failure") == 1


def test_the_results_within_a_report_are_told_and_mapped(settings: Path, tmp_path: Path) -> None:
    result = {
        "resourceType": "Observation",
        "id": "o",
        "status": "final",
        "code": H2IHC,
        "valueCodeableConcept": STRONG,
    }
    path = write(tmp_path / "r.json", report(code={"text": "Befund"}, contained=[result], result=[{"reference": "#o"}]))
    assert unmapped(told(path)) == {("concept", "Observation", "H2IHC"): 1, ("answer", "ihc_score", "H2-3"): 1}
    after = told(path, "--settings", settings)
    assert after["unmapped"] == []
    assert read(after, "ihc_score") == 1


# -- conditions by name -----------------------------------------------------------------------------


def test_a_condition_by_its_words_is_told_as_a_concept_and_mapped(settings: Path, tmp_path: Path) -> None:
    code = {"coding": [{"system": LAB, "code": "HERZ", "display": "Herzinsuffizienz NYHA II"}]}
    path = write(tmp_path / "h.json", of("Condition", code=code, onsetDateTime="2025-05-01"))
    assert unmapped(told(path)) == {("concept", "Condition", "HERZ"): 1}
    after = told(path, "--settings", settings)
    assert after["unmapped"] == []
    assert read(after, "heart_failure") == 1


def test_a_tumour_by_its_words_is_noted(tmp_path: Path) -> None:
    path = write(tmp_path / "t.json", of("Condition", code={"text": "Mammakarzinom links"}))
    document = told(path)
    assert document["unmapped"] == []
    assert read(document, "tumour_site") == 1
    (remark,) = document["remarks"]
    assert (remark["kind"], remark["count"]) == ("words alone", 1)
    assert "Noted      1 words alone, such as " in run("inspect", path).stdout


@pytest.mark.parametrize(
    "system",
    [
        "http://hl7.org/fhir/sid/icd-10", "urn:oid:2.16.840.1.113883.6.90", "http://fhir.de/CodeSystem/bfarm/icd-10-gm",
        "ICD10",
    ],
)  # fmt: skip
def test_codes_of_every_icd_10_are_known_and_have_neighbours(system: str, knowledge: Knowledge, tmp_path: Path) -> None:
    path = tmp_path / "icd.toml"
    for code in ("I50.13", "I5013", "C50.4"):
        path.write_text(
            f'[[map]]\nsystem = "{system}"\ncode = "{code}"\nfact = "heart_failure"\nvalue = "no"\n', "utf-8"
        )
        with pytest.raises(AskedWrongly, match="is known already as"):
            read_site(path, knowledge)
    guesser = Guesser(codes_of(knowledge.facts))
    assert guesser.guess("Condition", [(system, "I50.999", None)], "") == "heart_failure yes"


# -- containers -------------------------------------------------------------------------------------


def local_ihc(identity: str = "i", **fields: object) -> dict:
    return of(
        "Observation", identity, status="final", code=H2IHC, effectiveDateTime="2025-06-10",
        valueCodeableConcept=STRONG, **fields,
    )  # fmt: skip


def test_resources_are_counted_in_every_container(settings: Path, tmp_path: Path) -> None:
    person = {"resourceType": "Patient", "id": "p"}
    inner = local.bundle_of([person, local_ihc()])
    parameters = {"resourceType": "Parameters", "parameter": [
        {"name": "result", "part": [{"name": "resource", "resource": inner}]}]}  # fmt: skip
    forms = {"list": [person, local_ihc()], "nested": local.bundle_of([]) | {"entry": [{"resource": inner}]},
             "parameters": parameters, "listed": [inner]}  # fmt: skip
    for name, content in forms.items():
        path = tmp_path / f"{name}.json"
        path.write_text(json.dumps(content), encoding="utf-8")
        document = told(path, "--settings", settings)
        assert (document["resources"]["Observation"], document["patients"]) == (1, 1), name
        assert read(document, "ihc_score") == 1, name
        assert unmapped(told(path)) == {("concept", "Observation", "H2IHC"): 1, ("answer", "ihc_score", "H2-3"): 1}, (
            name
        )


def test_a_page_that_is_missing_is_told(tmp_path: Path) -> None:
    path = write(tmp_path / "s.json", local_ihc(), kind="searchset")
    bundle = json.loads(path.read_text("utf-8"))
    bundle["link"] = [{"relation": "next", "url": "https://klinikum.example/fhir/Observation?page=2"}]
    path.write_text(json.dumps(bundle), encoding="utf-8")
    document = told(path)
    (missing,) = [each for each in document["not_read"] if each["kind"] == "incomplete"]
    assert "the next page of this search" in missing["example"]
    assert run("inspect", path).exit_code == 3


def test_what_was_deleted_or_withdrawn_is_not_used_and_told(settings: Path, tmp_path: Path) -> None:
    feed = tmp_path / "feed"
    (feed / "deleted").mkdir(parents=True)
    lines = [{"resourceType": "Patient", "id": "p"}, local_ihc("gone"), local_ihc("kept"),
             local_ihc("void") | {"status": "entered-in-error"}]  # fmt: skip
    (feed / "a.ndjson").write_text("\n".join(map(json.dumps, lines)) + "\n", encoding="utf-8")
    gone = {"resourceType": "Bundle", "type": "transaction", "entry": [
        {"request": {"method": "DELETE", "url": "Observation/gone"}}]}  # fmt: skip
    (feed / "deleted" / "d.ndjson").write_text(json.dumps(gone) + "\n", encoding="utf-8")
    document = told(feed, "--settings", settings)
    assert read(document, "ihc_score") == 1
    assert document["passed_over"] == 2
    assert document["files"] == {".ndjson": 2}
    assert "Not used   2 passed over, such as " in run("inspect", feed, "--settings", settings).stdout


@pytest.mark.parametrize(("first", "second", "count"), [("2025-07-01", "2025-07-02", 1), ("", "", 0)])
def test_versions_of_what_is_mapped_count_as_all_others(
    first: str, second: str, count: int, settings: Path, tmp_path: Path
) -> None:
    none = {"coding": [{"system": LAB, "code": "H2-0", "display": "negative"}]}
    old, new = ({"lastUpdated": f"{day}T08:00:00Z"} if day else {} for day in (first, second))
    path = tmp_path / "v.ndjson"
    lines = [{"resourceType": "Patient", "id": "p"}, local_ihc(meta=old) | {"valueCodeableConcept": none},
             local_ihc(meta=new)]  # fmt: skip
    path.write_text("\n".join(map(json.dumps, lines)) + "\n", encoding="utf-8")
    document = told(path, "--settings", settings)
    assert read(document, "ihc_score") == count
    assert document["passed_over"] == count
    text = run("review", path, "--on", "2025-10-20", "--settings", settings, "--why").stdout
    assert "by map 2+3 Observation/i" in text
    assert ("neither lastUpdated nor versionId says which counts" in text) is not bool(count)


def test_a_resource_that_cannot_be_read_is_told_where_the_mapping_names_it(settings: Path, tmp_path: Path) -> None:
    broken = of("Observation", status="final", code={"coding": {"system": LAB, "code": "H2IHC"}}, valueInteger=3)
    path = write(tmp_path / "w.json", broken)
    assert [each["kind"] for each in told(path)["not_read"]] == []
    (one,) = told(path, "--settings", settings)["not_read"]
    assert one["kind"] == "wrong type"


def test_standard_input_is_inspected_once(settings: Path, tmp_path: Path) -> None:
    path = write(tmp_path / "i.json", local_ihc())
    result = run("inspect", "-", "--settings", settings, "--format", "json", text=path.read_text("utf-8"))
    document = json.loads(result.stdout)
    assert document["files"] == {"stdin": 1}
    assert read(document, "ihc_score") == 1
    assert "before_mapping" not in document
    assert "can be read only once" in result.stderr


def test_an_output_that_is_there_already_may_be_written_from_standard_input(tmp_path: Path) -> None:
    output = tmp_path / "o.json"
    output.write_text("old", encoding="utf-8")
    source = write(tmp_path / "i.json", local_ihc()).read_text("utf-8")
    for command in ("inspect", "review"):
        assert run(command, "-", "-o", output, text=source).exit_code == 0
        assert output.read_text("utf-8") != "old"


# -- tables -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("by_settings", [False, True])
@pytest.mark.parametrize(
    "rows", ["patient,date,fact,value\np,2025-07-01,lvef,[Not Available]\np,2025-07-02,lvef,60\n",
             "patient,lvef lokal,ihc_score\np,60,3+\nq,[Not Available],[not available]\n"],
)  # fmt: skip
def test_a_word_for_a_missing_value_is_no_answer(rows: str, by_settings: bool, tmp_path: Path) -> None:
    path, file = tmp_path / "m.csv", tmp_path / "s.toml"
    path.write_text(rows, encoding="utf-8")
    file.write_text('[files]\nmissing = ["[Not Available]"]\n', encoding="utf-8")
    assert any(kind in ("words", "answer") for kind, *_ in unmapped(told(path)))
    words = ("--settings", file) if by_settings else ("--missing", "[Not Available]")
    document = told(path, *words)
    assert not any(kind in ("words", "answer") for kind, *_ in unmapped(document))
    # Of the wide file the 60 is refused, whose column is not mapped.
    refused = {one["reason"] for each in document["facts"] for one in each["refused"]}
    assert refused <= ({"absent"} if "fact" in rows else {"unparsable text"})


def test_decide_has_the_words_for_a_missing_value_of_the_settings(tmp_path: Path) -> None:
    path, file, output = tmp_path / "d.csv", tmp_path / "s.toml", tmp_path / "o.csv"
    path.write_text("her2 lokal,ish_result\n3+,n/a\nstark,n/a\n", encoding="utf-8")
    file.write_text(
        '[files]\nmissing = ["N/A"]\n[[map]]\nname = "her2 lokal"\nfact = "ihc_score"\n'
        '[[map]]\nname = "stark"\nanswer = "3+"\n', "utf-8",
    )  # fmt: skip
    result = run("decide", "her2_status", path, "--settings", file, "-o", output)
    assert result.exit_code == 0, result.output
    assert [line.split(",")[-1] for line in output.read_text("utf-8").splitlines()[1:]] != []
    assert output.read_text("utf-8").count("positive") == 2
    assert "2 cells read by map 1" in result.stderr
