"""Every option of `her2path review` with every output: it does what it says, or is refused by name."""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner, Result

from allergy_patients import COLUMNS, NAMES, ON, rows, write_csv, write_parquet
from her2path.cli.group import main
from her2path.cli.review import review as review_command

IN_THE_TESTS_OF_A_RECORD = ("--brief", "--what-if", "--print", "--carry")
"""Tried with every output in `test_with_a_record.py`."""
OUTPUTS = ("stdout", "x.txt", "x.json", "x.ndjson", "x.parquet")
Told = Counter[tuple[str, str, str]]
"""The findings of an output: patient, grade, words."""


def run(source: Path, *options: str) -> Result:
    return CliRunner().invoke(main, ["review", str(source), *options])


def target(output: str, folder: Path) -> list[str]:
    return [] if output == "stdout" else ["-o", str(folder / output)]


def of_json(document: dict[str, Any]) -> Told:
    return Counter(
        (patient["patient"], each["grade"], each["finding"])
        for patient in document["patients"]
        for part in (patient, *patient["specimens"], patient["course"] or {"findings": []})
        for each in part["findings"]
    )


def of_table(path: Path) -> Told:
    return Counter((row["patient"], row["grade"], row["finding"]) for row in pq.read_table(path).to_pylist())


def text_has(text: str, told: Told) -> None:
    """The text tells the findings of each patient, and of the summary only their number."""
    parts = dict.fromkeys(NAMES, "")
    summary = text[text.rindex("patients, ") - 2 :]
    for part in text[: text.rindex("patients, ") - 2].split("Patient ")[1:]:
        parts[part.split()[0]] = " ".join(part.split())
    grades: Counter[str] = Counter()
    for (name, grade, words), count in told.items():
        assert f"{grade}: {' '.join(words.split())}" in parts[name]
        grades[grade] += count
    for grade, count in grades.items():
        assert f"{count}  {grade}\n" in summary


def written(output: str, folder: Path, stdout: str) -> str:
    return stdout if output == "stdout" else (folder / output).read_text(encoding="utf-8")


def expected(source: Path, *options: str) -> Told:
    done = run(source, "--format", "json", *options)
    assert done.exit_code == 0, done.output
    return of_json(json.loads(done.stdout))


def compare(source: Path, output: str, folder: Path, *options: str) -> Told:
    """What an output holds is what the review says with the same options; gives that."""
    told = expected(source, *options)
    reasons = ["--why"] if output in ("stdout", "x.txt") else []
    done = run(source, *options, *reasons, *target(output, folder))
    assert done.exit_code == 0, done.exception or done.output
    if output == "x.parquet":
        assert of_table(folder / output) == told
        assert f"2 patients, {sum(told.values())} findings in {folder / output}\n" in done.stdout
    elif output == "x.json":
        assert of_json(json.loads(written(output, folder, done.stdout))) == told
    elif output == "x.ndjson":
        lines = written(output, folder, done.stdout).splitlines()
        assert [json.loads(line)["resourceType"] for line in lines] == ["Bundle", "Bundle"]
        for name, grade, words in told:
            if grade in ("alarm", "act"):
                assert any(json.dumps(words, ensure_ascii=False)[1:-1] in line for line in lines), (name, words)
    else:
        text_has(written(output, folder, done.stdout), told)
    return told


@pytest.fixture
def settings_file(tmp_path: Path) -> Path:
    path = tmp_path / "site.toml"
    path.write_text("[heart]\nlvef_lower_limit = 62\n", encoding="utf-8")
    return path


def test_every_option_is_tried_here() -> None:
    """An option that comes anew needs a test of its own with every output."""
    names = {max(parameter.opts, key=len) for parameter in review_command.params} - {"source"}
    assert names == {
        "--on", "--site", "--edition", "--jurisdiction", "--column", "--settings", "--format", "--calendar", "--her2-only",
        "--processes", "--summary-only", "--output", "--missing", "--why", "--patient",
        "--knowledge",
        *IN_THE_TESTS_OF_A_RECORD,
    }  # fmt: skip


@pytest.mark.parametrize("output", OUTPUTS)
@pytest.mark.parametrize(
    "options",
    [("--on", "2025-06-20"), ("--on", ON, "--site", "gastric"), ("--on", ON, "--her2-only"), ("--on", "2026-09-01")],
    ids=" ".join,
)  # fmt: skip
def test_what_is_reviewed_is_what_every_output_holds(options: tuple[str, ...], output: str, tmp_path: Path) -> None:
    source = write_parquet(tmp_path)
    told = compare(source, output, tmp_path, *options)
    assert told != expected(source, "--on", ON), "the option changes something"


@pytest.mark.parametrize("output", OUTPUTS)
def test_her2_alone_leaves_every_course_out(output: str, tmp_path: Path) -> None:
    told = compare(write_csv(tmp_path), output, tmp_path, "--on", ON, "--her2-only")
    assert told
    assert not {grade for _, grade, _ in told} & {"alarm", "act"}
    if output == "x.parquet":
        assert {row["has_course"] for row in pq.read_table(tmp_path / "x.patients.parquet").to_pylist()} == {False}


@pytest.mark.parametrize("output", OUTPUTS)
def test_the_settings_of_a_site_count(output: str, tmp_path: Path, settings_file: Path) -> None:
    source = write_csv(tmp_path)
    told = compare(source, output, tmp_path, "--on", ON, "--settings", str(settings_file))
    plain = expected(source, "--on", ON)
    assert any("lower limit" in words for _, _, words in plain - told)


@pytest.mark.parametrize("output", OUTPUTS)
def test_a_folder_of_ones_own_over_the_knowledge_counts(output: str, tmp_path: Path) -> None:
    """By the rule of the folder a fall to 52 % is a hold, though the limit of the US label is 50."""
    source = tmp_path / "patients.csv"
    lines = Path("examples/own-rules/patients.csv").read_text(encoding="utf-8").splitlines()
    names = dict(zip(("bea", "cleo"), NAMES, strict=True))
    kept = [line for line in lines if line.partition(",")[0] in ("patient", *names)]
    text = "\n".join(kept) + "\n"
    for before, after in names.items():
        text = text.replace(f"{before},", f"{after},")
    source.write_text(text, encoding="utf-8")
    house = tmp_path / "house"
    house.mkdir()
    rule = Path("examples/own-rules/heart-53.md").read_text(encoding="utf-8")
    (house / "heart-53.md").write_text(rule, encoding="utf-8")
    told = compare(source, output, tmp_path, "--on", "2026-02-09", "--knowledge", str(house))
    plain = expected(source, "--on", "2026-02-09")
    assert any("withhold (LVEF 52 %" in words for _, _, words in told - plain)


@pytest.mark.parametrize("output", OUTPUTS)
def test_the_label_of_a_jurisdiction_decides(output: str, tmp_path: Path) -> None:
    """A fall from 70 to 54 % is a hold by the US label, and none by the EU's."""
    source = tmp_path / "fall.csv"
    fallen = [
        (*row[:3], "70" if row[1] == "2025-06-05" else "54", *row[4:]) if row[2] == "lvef" else row for row in rows()
    ]
    source.write_text("\n".join(",".join(row) for row in [COLUMNS, *fallen]) + "\n", encoding="utf-8")
    us, eu = (compare(source, output, tmp_path, "--on", ON, "--jurisdiction", label) for label in ("us", "eu"))
    assert {name for name, _, words in us - eu if "hold" in words} == set(NAMES)


@pytest.mark.parametrize("output", OUTPUTS)
def test_an_edition_decides_the_tests(output: str, tmp_path: Path) -> None:
    source, edition = write_csv(tmp_path), "asco-cap-2013"
    compare(source, output, tmp_path, "--on", ON, "--edition", edition)
    reasons = ["--why"] if output in ("stdout", "x.txt") else []
    done = run(source, "--on", ON, "--edition", edition, *reasons, *target(output, tmp_path))
    told = (
        (tmp_path / output).read_text(encoding="utf-8") if output in ("x.txt", "x.json") else done.stdout + done.stderr
    )
    assert edition in told
    assert "asco-cap-2023" not in told


@pytest.mark.parametrize("output", OUTPUTS)
def test_a_word_for_a_missing_value_holds_nothing(output: str, tmp_path: Path) -> None:
    source = write_csv(tmp_path)
    told = compare(source, output, tmp_path, "--on", ON, "--missing", "Not Readable")
    plain = expected(source, "--on", ON)
    assert any("(not readable)" in words for _, _, words in plain)
    assert not any("(not readable)" in words for _, _, words in told)


@pytest.mark.parametrize("output", OUTPUTS)
def test_columns_by_other_names_are_read(output: str, tmp_path: Path) -> None:
    source = tmp_path / "named.csv"
    header = ["result" if name == "value" else name for name in COLUMNS]
    source.write_text("\n".join(",".join(row) for row in [header, *rows()]) + "\n", encoding="utf-8")
    told = compare(source, output, tmp_path, "--on", ON, "--column", "value=result")
    assert told == Counter(dict(expected(write_csv(tmp_path), "--on", ON)))
    wrong = run(
        source,
        "--on",
        ON,
        "--column",
        "value=nothing",
        *target(f"none-{output}" if output != "stdout" else output, tmp_path),
    )
    assert wrong.exit_code == 2
    assert "no column is called 'nothing'" in wrong.stderr


@pytest.mark.skipif(sys.platform != "linux", reason="processes are forked on Linux only")
@pytest.mark.parametrize("output", OUTPUTS)
def test_processes_change_nothing(output: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("her2path.read.tabular.long.ROWS_AT_ONCE", 1)
    source = write_parquet(tmp_path)
    told = compare(source, output, tmp_path, "--on", ON, "--processes", "2")
    assert told == expected(source, "--on", ON)


@pytest.mark.parametrize("output", OUTPUTS)
def test_calendars_stand_beside_every_output(output: str, tmp_path: Path) -> None:
    pytest.importorskip("icalendar")
    source, folder = write_parquet(tmp_path), tmp_path / "plans"
    compare(source, output, tmp_path, "--on", ON, "--calendar", str(folder))
    plans = {path.name: path.read_bytes() for path in folder.iterdir()}
    alone = tmp_path / "alone"
    assert run(source, "--on", ON, "--calendar", str(alone), "--summary-only").exit_code == 0
    assert plans == {path.name: path.read_bytes() for path in alone.iterdir()}
    assert set(plans) == {f"{name}.ics" for name in NAMES}


@pytest.mark.parametrize("output", OUTPUTS)
def test_calendars_of_tests_alone_are_refused(output: str, tmp_path: Path) -> None:
    source, folder = write_parquet(tmp_path), tmp_path / "plans"
    done = run(source, "--on", ON, "--calendar", str(folder), "--her2-only", *target(output, tmp_path))
    assert done.exit_code == 2
    assert "--calendar" in done.stderr
    assert "--her2-only" in done.stderr
    assert not folder.exists()
    assert not (tmp_path / output).exists()


@pytest.mark.parametrize("output", OUTPUTS)
def test_a_summary_alone(output: str, tmp_path: Path) -> None:
    source = write_parquet(tmp_path)
    done = run(source, "--on", ON, "--summary-only", *target(output, tmp_path))
    if output == "x.parquet":
        assert done.exit_code == 2
        assert "--summary-only" in done.stderr
        assert not list(tmp_path.glob("x*"))
        return
    assert done.exit_code == 0
    text = written(output, tmp_path, done.stdout)
    assert "trastuzumab-iv holds it" not in text
    assert "plain" not in text
    counted = json.loads(text)["summary"]["patients"] == 2 if output == "x.json" else "2 patients" in text + done.stderr
    assert counted


@pytest.mark.parametrize("output", OUTPUTS)
@pytest.mark.parametrize("form", ["text", "json", "fhir"])
def test_a_format_is_written_to_any_ending_but_that_of_tables(form: str, output: str, tmp_path: Path) -> None:
    done = run(write_parquet(tmp_path), "--on", ON, "--format", form, *target(output, tmp_path))
    if output == "x.parquet":
        assert done.exit_code == 2
        assert f"--format {form}" in done.stderr
        assert not list(tmp_path.glob("x*"))
        return
    assert done.exit_code == 0
    text = written(output, tmp_path, done.stdout)
    begins = {"text": "HOLD", "json": '{"patients"', "fhir": '{"resourceType"'}
    assert text.startswith(begins[form])


@pytest.mark.parametrize("output", ["allergy.parquet", "allergy.csv", "site.toml"])
def test_what_is_read_is_never_written(output: str, tmp_path: Path, settings_file: Path) -> None:
    source = write_csv(tmp_path) if output == "allergy.csv" else write_parquet(tmp_path)
    before = (tmp_path / output).read_bytes()
    done = run(source, "--on", ON, "--settings", str(settings_file), "-o", str(tmp_path / output))
    assert done.exit_code == 2
    assert "is what is read" in done.stderr
    assert (tmp_path / output).read_bytes() == before


@pytest.mark.parametrize("output", OUTPUTS[1:])
def test_a_folder_that_is_not_there_is_told(output: str, tmp_path: Path) -> None:
    done = run(write_parquet(tmp_path), "--on", ON, "-o", str(tmp_path / "none" / output))
    assert done.exit_code == 2
    assert "cannot be written" in done.stderr


@pytest.mark.parametrize("output", OUTPUTS)
def test_reasons_are_for_text_alone(output: str, tmp_path: Path) -> None:
    done = run(write_parquet(tmp_path), "--on", ON, "--why", "--format", "json", *target(output, tmp_path))
    assert done.exit_code == 2
    assert "--why" in done.stderr or "--format json" in done.stderr
    text = run(write_parquet(tmp_path), "--on", ON, "--why").stdout
    assert "row her2_status:1 => positive" in text
    assert "row her2_status" not in run(write_parquet(tmp_path), "--on", ON).stdout


@pytest.mark.parametrize("output", OUTPUTS)
def test_one_patient_is_opened(output: str, tmp_path: Path) -> None:
    """What every output says of one patient alone is what it says of her among all."""
    source, name = write_parquet(tmp_path), NAMES[0]
    among = Counter({key: count for key, count in expected(source, "--on", ON).items() if key[0] == name})
    assert expected(source, "--on", ON, "--patient", name) == among
    done = run(source, "--on", ON, "--patient", name, *target(output, tmp_path))
    assert done.exit_code == 0, done.output
    if output == "x.parquet":
        assert of_table(tmp_path / output) == among
        return
    text = written(output, tmp_path, done.stdout)
    assert name in text
    assert NAMES[1] not in text


def test_a_patient_that_is_not_there_is_told(tmp_path: Path) -> None:
    done = run(write_parquet(tmp_path), "--on", ON, "--patient", "nobody")
    assert done.exit_code == 1
    assert "no patient 'nobody' was found" in done.stderr
