"""Bad input: every fault is told with its place, spoils nothing but itself, and shows in the exit code."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
import tarfile
import time
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

import fhir_makers as make
from fhir_makers import (
    CELLS,
    CEP17_COPIES,
    HER2_COPIES,
    IHC,
    ISH_PANEL,
    LOINC,
    RATIO,
    about,
    observation,
    review_of,
    write,
)
from her2path.cli.group import main

GOOD = json.dumps(about(observation(IHC, "3+")))
SECOND = json.dumps(about(observation(IHC, "1+", subject="Patient/p2"), identity="p2"))
DEEP = "[" * 100_000 + "]" * 100_000


def run(path: Path, *options: str) -> Result:
    return CliRunner().invoke(main, ["review", str(path), "--on", "2026-06-01", *options])


def put(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


UNREADABLE_WHOLE = [
    ("hello", "expected FHIR JSON"),
    ("<Bundle xmlns='http://hl7.org/fhir'/>", "expected FHIR JSON"),
    ("{'resourceType': 'Bundle'}", "expected FHIR JSON"),
    (GOOD[:-1], "expected FHIR JSON"),
    (GOOD[:-40], "cut off at its end"),
    (GOOD[:200], "cut off at its end"),
    ("", "the file is empty; expected JSON"),
    ("  \n ", "the file is empty; expected JSON"),
    (b"\x00\x01\x02\x03" * 64, "binary content; expected JSON in UTF-8"),
    (b"\xff\xd8\xff\xe0 JFIF", "not UTF-8 at byte 0"),
    (GOOD.encode("latin-1").replace(b"final", b"fin\xe4l") + b"]", "expected"),
    (DEEP, "nested too deeply; expected FHIR JSON"),
    ('{"resourceType": "Bundle", "entry": [{"resource": ' + DEEP + "}]}", "nested too deeply"),
    ("[1, 2]", "expected an object with a resourceType"),
    ("5", "expected an object with a resourceType"),
    ("null", "expected"),
    ('"Bundle"', "expected an object with a resourceType"),
    ("NaN", "expected an object with a resourceType"),
    ("{}", "no resourceType; expected a FHIR Bundle or resource"),
    ('{"resourceType": 5}', "expected an object with a resourceType"),
    ('{"resourceType": "Bundle", "entry": {}}', "entry is dict, expected a list"),
    ('{"resourceType": "Bundle", "entry": 5}', "entry is int, expected a list"),
    ('{"resourceType": "Bundle", "entry": "x"}', "entry is str, expected a list"),
]


@pytest.mark.parametrize(("content", "words"), UNREADABLE_WHOLE)
def test_a_document_that_cannot_be_read_is_told_with_its_file(tmp_path: Path, content: str | bytes, words: str) -> None:
    patients, troubles = review_of(put(tmp_path, "bad.json", content))
    assert not patients
    (trouble,) = troubles
    assert trouble.where.startswith("bad.json")
    assert words in str(trouble)


@pytest.mark.parametrize(("content", "words"), [each for each in UNREADABLE_WHOLE if str(each[0]).strip()])
def test_patients_beside_a_bad_document_are_reviewed(tmp_path: Path, content: str | bytes, words: str) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    put(folder, "a.json", GOOD)
    put(folder, "b.json", content)
    put(folder, "c.json", SECOND)
    patients, troubles = review_of(folder)
    assert {each.patient: each.status for each in patients} == {"p1": "positive", "p2": "negative"}
    assert {trouble.where.split()[0] for trouble in troubles} == {"b.json"}


@pytest.mark.parametrize(
    "line",
    [
        "hello",
        GOOD[:300],
        DEEP,
        "{}",
        "5",
        '{"resourceType": "Bundle", "entry": 5}',
        "\x00\x01",
        '{"resourceType": "Bundle"}',
    ],
)
def test_patients_beside_a_bad_line_are_reviewed_and_the_line_is_named(tmp_path: Path, line: str) -> None:
    patients, troubles = review_of(put(tmp_path, "many.ndjson", f"{GOOD}\n{line}\n{SECOND}\n"))
    assert {each.patient: each.status for each in patients} == {"p1": "positive", "p2": "negative"}
    assert all(trouble.where == "many.ndjson:2" for trouble in troubles)
    assert bool(troubles) is (line != '{"resourceType": "Bundle"}')


def test_a_line_that_is_not_utf8_spoils_only_itself(tmp_path: Path) -> None:
    bad = GOOD.encode().replace(b"p1", b"p\xff")
    patients, troubles = review_of(put(tmp_path, "many.ndjson", GOOD.encode() + b"\n" + bad + b"\n" + SECOND.encode()))
    assert [(each.patient, each.status) for each in patients] == [("p1", "positive"), ("p2", "negative")]
    assert {trouble.kind for trouble in troubles} == {"not JSON"}
    assert all(trouble.where.startswith("many.ndjson:2") for trouble in troubles)
    assert all("expected JSON in UTF-8" in trouble.what for trouble in troubles)


BAD_ENTRIES: list[tuple[Any, str]] = [
    (5, "the entry holds no resource"), (None, "the entry holds no resource"), ("x", "the entry holds no resource"),
    ({"resource": 5}, "the entry holds no resource"), ({"resource": [1]}, "the entry holds no resource"),
    ({"resource": observation(IHC, "0") | {"code": IHC}}, "$.code"),
    ({"resource": observation(IHC, "0") | {"subject": 5}}, "$.subject"),
    ({"resource": observation(IHC, "0") | {"subject": {"reference": 5}}}, "$.subject.reference"),
    ({"resource": observation(IHC, "0") | {"id": 5}}, "$.id"),
    ({"resource": observation({"coding": {"system": LOINC, "code": IHC}}, "0")}, "$.code.coding"),
    ({"resource": observation({"coding": [{"system": 5, "code": IHC}]}, "0")}, "$.code.coding[0].system"),
]  # fmt: skip


@pytest.mark.parametrize(("entry", "words"), BAD_ENTRIES)
def test_a_bad_entry_is_told_with_its_number_and_field(tmp_path: Path, entry: Any, words: str) -> None:
    document = json.loads(GOOD)
    document["entry"].append(entry)
    patients, troubles = review_of(write(tmp_path / "b.json", document))
    assert [(each.patient, each.status) for each in patients] == [("p1", "positive")]
    (trouble,) = (each for each in troubles if each.kind != "not strict JSON")
    assert "b.json entry 3" in trouble.where
    assert words in trouble.what


@pytest.mark.parametrize("kind", [5, ["Observation"], None])
def test_a_resource_whose_type_is_no_text_is_told(tmp_path: Path, kind: Any) -> None:
    document = json.loads(GOOD)
    document["entry"].append({"resource": observation(IHC, "0") | {"resourceType": kind}})
    patients, (trouble,) = review_of(write(tmp_path / "b.json", document))
    assert [(each.patient, each.status) for each in patients] == [("p1", "positive")]
    assert (trouble.where, trouble.kind) == ("b.json entry 3", "wrong type")
    assert trouble.what == f"resourceType is {kind}, expected the name of a resource"


FIELDS_OF_A_WRONG_TYPE: list[dict[str, Any]] = [
    {"component": 5}, {"component": [{"code": {"coding": 5}}]},
    {"component": [{"code": {"coding": [{"system": 5, "code": RATIO}]}}]},
    {"component": [{"code": {"coding": [{"system": [LOINC], "code": RATIO}]}}]},
    {"valueCodeableConcept": {"coding": 5}}, {"valueCodeableConcept": {"coding": [{"system": 5, "code": "1"}]}},
    {"valueCodeableConcept": {"coding": [{"system": ["a"], "code": "1"}]}}, {"dataAbsentReason": {"coding": 5}},
    {"interpretation": [{"coding": 7}]}, {"valueRatio": {"numerator": 5, "denominator": {"value": 2}}},
    {"valueRatio": {"numerator": {"value": 5}, "denominator": "x"}}, {"valueRange": {"low": 5}}, {"valueRange": {"high": [1]}},
]  # fmt: skip


@pytest.mark.parametrize("field", FIELDS_OF_A_WRONG_TYPE)
def test_a_field_of_a_wrong_type_ends_nothing(tmp_path: Path, field: dict[str, Any]) -> None:
    bad = json.dumps(about(observation(RATIO, None, **field), identity="p3"))
    patients, _ = review_of(put(tmp_path, "many.ndjson", f"{GOOD}\n{bad}\n{SECOND}\n"))
    assert {"p1", "p2"} <= {each.patient for each in patients}


@pytest.mark.parametrize(
    "field",
    [{"type": {"coding": 5}}, {"type": {"coding": [{"system": 5}]}}, {"collection": {"method": {"coding": True}}}],
)
def test_a_specimen_field_of_a_wrong_type_ends_nothing(tmp_path: Path, field: dict[str, Any]) -> None:
    bad = json.dumps(about(make.specimen() | field))
    patients, _ = review_of(put(tmp_path, "many.ndjson", f"{GOOD}\n{bad}\n{SECOND}\n"))
    assert {"p1", "p2"} <= {each.patient for each in patients}


@pytest.mark.parametrize(
    "field",
    [
        {"effectiveDateTime": 5}, {"effectiveDateTime": ["2020"]}, {"effectivePeriod": 5}, {"issued": {}}, {"specimen": [1]},
        {"specimen": {"reference": 5}}, {"valueQuantity": 5}, {"valueQuantity": {"value": [1]}}, {"valueQuantity": {"value": {}}},
        {"valueQuantity": {"value": True}}, {"valueQuantity": {"value": None, "unit": 5}}, {"valueString": 5},
        {"valueInteger": "x"}, {"valueInteger": [3]}, {"valueBoolean": "yes"}, {"valueRatio": 5}, {"valueRange": 5},
        {"valueCodeableConcept": 5}, {"valueCodeableConcept": {"coding": [5]}}, {"valueCodeableConcept": {"text": 5}},
        {"interpretation": 5}, {"interpretation": [5]}, {"dataAbsentReason": 5}, {"component": [5]}, {"component": [{"code": 5}]},
    ],
)  # fmt: skip
@pytest.mark.parametrize("code", [IHC, RATIO])
def test_other_fields_of_a_wrong_type_end_nothing_and_give_no_status(
    tmp_path: Path, code: str, field: dict[str, Any]
) -> None:
    bad = json.dumps(about(observation(code, None, subject="Patient/p3", **field), identity="p3"))
    patients, _ = review_of(put(tmp_path, "many.ndjson", f"{GOOD}\n{bad}\n{SECOND}\n"))
    assert {each.patient: each.status for each in patients} == {"p1": "positive", "p2": "negative", "p3": None}


def test_a_key_that_stands_twice_makes_the_observation_unreadable(tmp_path: Path) -> None:
    bad = GOOD.replace('"valueString": "3+"', '"valueString": "3+", "valueString": "0"')
    (review,), troubles = review_of(put(tmp_path, "b.json", bad))
    assert not troubles
    assert review.status is None
    assert make.says(review, "unreadable", "the key 'valueString' stands twice in one object")


def test_a_bundle_with_two_lists_of_entries_is_told(tmp_path: Path) -> None:
    patients, (trouble,) = review_of(put(tmp_path, "b.json", GOOD[:-1] + ', "entry": []}'))
    assert patients == []
    assert (trouble.where, trouble.kind) == ("b.json", "duplicate key")
    assert "the key 'entry' stands twice in one object" in trouble.what


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity"])
@pytest.mark.parametrize("code", [IHC, RATIO, HER2_COPIES])
def test_a_number_that_is_none_gives_no_status_and_is_told(tmp_path: Path, number: str, code: str) -> None:
    bad = json.dumps(about(observation(code, make.quantity("DIGITS"), subject="Patient/p3"), identity="p3"))
    content = f"{GOOD}\n" + bad.replace('"DIGITS"', number) + f"\n{SECOND}\n"
    patients, troubles = review_of(put(tmp_path, "many.ndjson", content))
    assert {each.patient: each.status for each in patients} == {"p1": "positive", "p2": "negative", "p3": None}
    (trouble,) = troubles
    assert (trouble.where, trouble.kind) == ("many.ndjson:2", "not strict JSON")


def test_a_number_that_is_none_elsewhere_in_the_bundle_spoils_nothing(tmp_path: Path) -> None:
    weight = observation("29463-7", make.quantity("DIGITS"))
    document = json.dumps(about(weight, observation(IHC, "3+"))).replace('"DIGITS"', "NaN")
    (review,), troubles = review_of(put(tmp_path, "b.json", document))
    assert review.status == "positive"
    assert "read leniently" in troubles[0].what


def test_decimals_stay_exact_beside_a_number_that_is_none(tmp_path: Path) -> None:
    tests = (
        observation(RATIO, make.quantity("DIGITS")),
        observation(HER2_COPIES, make.quantity(4.1)),
        observation(IHC, "2+"),
    )
    document = json.dumps(about(observation("29463-7", make.quantity("BAD")), *tests))
    document = document.replace('"DIGITS"', "1.99999999999999999999").replace('"BAD"', "NaN")
    (review,), _ = review_of(put(tmp_path, "b.json", document))
    assert review.status is None


@pytest.mark.parametrize(
    ("code", "number"),
    [(RATIO, "0"), (RATIO, "-2.1"), (HER2_COPIES, "-4"), (HER2_COPIES, "1e308"), (CEP17_COPIES, "0"), (RATIO, "210")],
)
def test_implausible_numbers_are_told_with_what_was_expected(tmp_path: Path, code: str, number: str) -> None:
    document = json.dumps(about(observation(code, make.quantity("DIGITS")))).replace('"DIGITS"', number)
    (review,), _ = review_of(put(tmp_path, "b.json", document))
    assert review.status is None
    assert make.says(review, "unreadable", "implausible", "expected a number (0..")


@pytest.mark.parametrize("number", ["1e99999999999999999999", "-1e99999999999999999999"])
def test_a_number_beyond_every_exponent_ends_nothing(tmp_path: Path, number: str) -> None:
    bad = json.dumps(about(observation(RATIO, make.quantity("DIGITS")), identity="p3")).replace('"DIGITS"', number)
    patients, _ = review_of(put(tmp_path, "many.ndjson", f"{GOOD}\n{bad}\n{SECOND}\n"))
    assert {"p1", "p2"} <= {each.patient for each in patients}


@pytest.mark.parametrize("shape", ["ratio", "total"])
def test_a_quotient_beyond_every_exponent_ends_nothing(tmp_path: Path, shape: str) -> None:
    top, low = {"value": "1e999999"}, {"value": "1e-999999"}
    if shape == "ratio":
        test = observation(RATIO, {"valueRatio": {"numerator": top, "denominator": low}}, subject="Patient/p3")
    else:
        parts = [
            make.component(HER2_COPIES, {"valueQuantity": top | {"unit": "{signals}"}}),
            make.component(CELLS, {"valueQuantity": low}),
        ]
        test = observation(ISH_PANEL, components=parts, subject="Patient/p3")
    bad = json.dumps(about(test, identity="p3"))
    patients, _ = review_of(put(tmp_path, "many.ndjson", f"{GOOD}\n{bad}\n{SECOND}\n"))
    assert {"p1", "p2"} <= {each.patient for each in patients}


def test_an_absurd_quotient_is_no_flood_of_digits(tmp_path: Path) -> None:
    tests = observation(HER2_COPIES, make.quantity(4)), observation(CEP17_COPIES, make.quantity("DIGITS"))
    (review,), _ = review_of(put(tmp_path, "b.json", json.dumps(about(*tests)).replace('"DIGITS"', "1e-99999")))
    assert max(map(len, make.words_of(review))) < 1000


def test_an_implausible_quotient_is_no_ratio(tmp_path: Path) -> None:
    tests = observation(HER2_COPIES, make.quantity(4.4)), observation(CEP17_COPIES, make.quantity(0.001))
    assert make.review_tests(tmp_path, *tests).status is None


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_byte_order_mark_is_read(tmp_path: Path, encoding: str) -> None:
    (review,), _ = review_of(put(tmp_path, "b.json", GOOD.encode(encoding)))
    assert review.status == "positive"


def test_an_observation_that_is_not_utf8_is_unreadable_and_told(tmp_path: Path) -> None:
    for place in (b'"3+"', b'"final"'):
        (review,), _ = review_of(put(tmp_path, "b.json", GOOD.encode().replace(place, b'"\xff"')))
        assert review.status is None
        assert make.says(review, "unreadable", "utf-8")


def test_a_gzip_cut_off_keeps_what_came_before(tmp_path: Path) -> None:
    many = "".join(
        json.dumps(
            about(observation(IHC, "3+", subject=f"Patient/{number}", note=f"{number * 7919}"), identity=str(number))
        )
        + "\n"
        for number in range(400)
    )
    path = put(tmp_path, "many.ndjson.gz", gzip.compress(many.encode())[:-3000])
    patients, troubles = review_of(path)
    assert 0 < len(patients) < 400
    assert {each.status for each in patients} == {"positive"}
    assert any(
        "cannot be read to its end" in trouble.what and "what came before is reviewed" in trouble.what
        for trouble in troubles
    )


@pytest.mark.parametrize(
    "content",
    [
        b"\x1f\x8b",
        b"\x1f\x8bgarbage",
        gzip.compress(GOOD.encode(), mtime=0)[:-9],
        gzip.compress(GOOD.encode(), mtime=0)[:40],
    ],
)
def test_a_gzip_that_cannot_be_read_is_told(tmp_path: Path, content: bytes) -> None:
    patients, troubles = review_of(put(tmp_path, "b.json.gz", content))
    assert not patients
    assert "cannot be read to its end" in troubles[0].what


def archive_of_five(folder: Path) -> tuple[bytes, list[tarfile.TarInfo]]:
    whole = folder / "whole.tar"
    with tarfile.open(whole, "w") as archive:
        for number in range(5):
            document = about(observation(IHC, "3+", subject=f"Patient/{number}"), identity=str(number))
            archive.add(write(folder / f"{number}.json", document), f"{number}.json")
    with tarfile.open(whole) as archive:
        return whole.read_bytes(), archive.getmembers()


def test_an_archive_cut_off_keeps_what_came_before(tmp_path: Path) -> None:
    content, members = archive_of_five(tmp_path)
    patients, troubles = review_of(put(tmp_path, "cut.tar", content[: members[3].offset_data + 100]))
    assert [each.patient for each in patients] == ["0", "1", "2"]
    assert any("cut.tar" in trouble.where and "cannot be read to its end" in trouble.what for trouble in troubles)


@pytest.mark.parametrize("more", [0, 100])
def test_an_archive_cut_off_between_its_records_is_told(tmp_path: Path, more: int) -> None:
    content, members = archive_of_five(tmp_path)
    patients, troubles = review_of(put(tmp_path, "cut.tar", content[: members[3].offset + more]))
    assert [each.patient for each in patients] == ["0", "1", "2"]
    (trouble,) = troubles
    assert (trouble.where, trouble.what) == ("cut.tar", "the archive is cut off; what came before is reviewed")


@pytest.mark.parametrize("content", [b"", b"garbage", b"\x1f\x8bgarbage"])
@pytest.mark.parametrize("name", ["b.tgz", "b.tar", "b.tar.gz"])
def test_an_archive_that_is_none_is_told(tmp_path: Path, name: str, content: bytes) -> None:
    patients, troubles = review_of(put(tmp_path, name, content))
    assert not patients
    assert "cannot be read to its end" in troubles[0].what


def test_exit_codes(tmp_path: Path) -> None:
    assert run(put(tmp_path, "good.ndjson", f"{GOOD}\n{SECOND}\n")).exit_code == 0
    assert run(put(tmp_path, "partly.ndjson", f"{GOOD}\nbad\n")).exit_code == 3
    assert run(put(tmp_path, "nothing.ndjson", "bad\n")).exit_code == 1
    assert run(tmp_path / "missing.json").exit_code == 2
    assert run(tmp_path / "good.ndjson", "--edition", "asco-cap-1066").exit_code == 2
    assert run(tmp_path / "good.ndjson", "--site", "lung").exit_code == 2
    assert run(tmp_path / "good.ndjson", "--jurisdiction", "mars").exit_code == 2
    assert run(tmp_path / "good.ndjson", "--on", "yesterday").exit_code == 2


def test_what_was_asked_wrongly_is_said(tmp_path: Path) -> None:
    path = put(tmp_path, "good.json", GOOD)
    result = run(path, "--edition", "asco-cap-1066")
    assert "no edition is called 'asco-cap-1066'" in result.output
    assert "asco-cap-2018" in result.output
    assert "write YYYY-MM-DD" in run(path, "--on", "2020-02-31").output


def test_what_was_not_read_is_told_in_text_and_in_json(tmp_path: Path) -> None:
    path = put(tmp_path, "partly.ndjson", f"{GOOD}\nbad\n")
    text = run(path).output
    assert "not read: partly.ndjson:2" in text
    assert "1 pieces could not be read" in text
    output = tmp_path / "review.json"
    assert run(path, "--format", "json", "-o", str(output)).exit_code == 3
    told = json.loads(output.read_text())
    assert [each["where"] for each in told["not_read"]] == ["partly.ndjson:2"]
    assert told["summary"]["not_read"] == 1
    assert [each["patient"] for each in told["patients"]] == ["p1"]


@pytest.mark.parametrize("name", ["empty.ndjson", "blank.ndjson", "folder", "other.json", "bundle.json"])
def test_a_source_without_any_patient_is_told(tmp_path: Path, name: str) -> None:
    contents = {
        "empty.ndjson": "", "blank.ndjson": "\n\n", "other.json": '{"resourceType": "Medication"}',
        "bundle.json": '{"resourceType": "Bundle"}',
    }  # fmt: skip
    path = tmp_path / name
    if name == "folder":
        path.mkdir()
    else:
        path.write_text(contents[name])
    assert run(path).exit_code == 1


def test_a_her2_observation_that_could_not_be_parsed_shows_in_the_exit_code(tmp_path: Path) -> None:
    bad = GOOD.replace('"valueString": "3+"', '"valueString": "3+", "valueString": "0"')
    assert run(put(tmp_path, "b.json", bad)).exit_code == 3


def test_a_byte_order_mark_is_no_fault(tmp_path: Path) -> None:
    assert run(put(tmp_path, "b.json", GOOD.encode("utf-8-sig"))).exit_code == 0


def test_a_bundle_of_a_hundred_megabytes_is_read_in_seconds(tmp_path: Path) -> None:
    other = json.dumps({"resource": observation("29463-7", make.quantity(61.5)) | {"note": [{"text": "x" * 900}]}})
    path = tmp_path / "large.json"
    with path.open("w") as file:
        file.write(GOOD[:-2])
        for _ in range(100):
            file.write(("," + other) * 900)
        file.write("]}")
    assert path.stat().st_size > 100_000_000
    start = time.process_time()
    (review,), troubles = review_of(path)
    assert time.process_time() - start < 10
    assert review.status == "positive"
    assert not troubles


PEAK = """
import resource, sys
from pathlib import Path
import datetime as dt
from her2path import Settings, read_knowledge, review_source
count = sum(1 for _ in review_source(Path(sys.argv[1]), read_knowledge(), Settings(dt.date(2026, 6, 1))))
print(count, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def peak_memory(path: Path) -> tuple[int, int]:
    done = subprocess.run([sys.executable, "-c", PEAK, str(path)], capture_output=True, text=True, check=True)
    count, peak = done.stdout.split()
    return int(count), int(peak)


@pytest.mark.parametrize("alone", [False, True], ids=["bundles", "single resources"])
def test_memory_does_not_grow_with_the_number_of_patients(tmp_path: Path, alone: bool) -> None:
    def source(patients: int) -> Path:
        path = tmp_path / f"{patients}.ndjson"
        with path.open("w") as file:
            for number in range(patients):
                subject = f"Patient/{number}"
                document = about(
                    observation(IHC, "2+", subject=subject), observation(RATIO, make.quantity(1 + number % 300 / 100), subject=subject),
                    identity=str(number),
                )  # fmt: skip
                for each in [entry["resource"] for entry in document["entry"]] if alone else [document]:
                    file.write(json.dumps(each) + "\n")
        return path

    few, many = peak_memory(source(2000)), peak_memory(source(8000))
    assert (few[0], many[0]) == (2000, 8000)
    assert many[1] < 1.2 * few[1]
