"""The same two patients by every way in and every way out: the alarm and the act are there for both."""

from __future__ import annotations

import datetime as dt
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from allergy_patients import ACTS, ALARM, NAMES, ON, SOURCES
from her2path.cli.group import main
from her2path.cohort.review import review_file
from her2path.findings.settings import Settings
from her2path.tables.load import default_knowledge
from test_course_one_and_many import as_many

LINUX = sys.platform == "linux"


@pytest.fixture(params=SOURCES)
def source(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return SOURCES[request.param](tmp_path)


@pytest.fixture(
    params=[1, pytest.param(2, marks=pytest.mark.skipif(not LINUX, reason="processes are forked on Linux only"))]
)
def processes(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """With two processes each patient goes to another, where the source can be parted so."""
    if request.param == 2:
        monkeypatch.setattr("her2path.cohort.review.BATCH_BYTES", 1)
        monkeypatch.setattr("her2path.read.tabular.long.ROWS_AT_ONCE", 1)
    return request.param


def review(source: Path, processes: int, *options: str) -> str:
    done = CliRunner().invoke(
        main, ["review", str(source), "--on", ON, "--jurisdiction", "us", "--processes", str(processes), *options]
    )
    assert done.exit_code == 0, done.exception or done.output
    return done.stdout


def in_text(text: str) -> dict[str, list[str]]:
    """The alarms and acts of each patient in the text of a review."""
    found: dict[str, list[str]] = {}
    name = ""
    for line in text.splitlines():
        if line.startswith("Patient "):
            name = line.split()[1]
            found[name] = []
        elif line.startswith("  ") and line.strip().partition(": ")[0] in ("alarm", "act"):
            found[name].append(line.strip())
    return found


def in_json(document: dict[str, Any]) -> dict[str, list[str]]:
    return {
        patient["patient"]: [
            f"{each['grade']}: {each['finding']}" for each in patient["course"]["findings"] if each["grade"] in ("alarm", "act")
        ]
        for patient in document["patients"]
    }  # fmt: skip


def in_tables(path: Path) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {name: [] for name in NAMES}
    for row in pq.read_table(path).to_pylist():
        if row["grade"] in ("alarm", "act"):
            found[row["patient"]].append(f"{row['grade']}: {row['finding']}")
    return found


def require_both(found: dict[str, list[str]]) -> None:
    assert set(found) == set(NAMES)
    for name in NAMES:
        assert f"alarm: {ALARM}" in found[name], (name, found)
        assert f"act: {ACTS[name]}" in found[name], (name, found)


def test_the_text_tells_both(source: Path, processes: int) -> None:
    text = review(source, processes, "--why")
    require_both(in_text(text))
    assert "    2  alarm\n" in text
    assert "  2 alarm in 2 patients\n" in review(source, processes)


def test_the_text_in_a_file_tells_both(source: Path, processes: int, tmp_path: Path) -> None:
    output = tmp_path / "out.txt"
    review(source, processes, "--why", "-o", str(output))
    require_both(in_text(output.read_text(encoding="utf-8")))


@pytest.mark.parametrize("to_file", [False, True])
def test_the_json_tells_both(source: Path, processes: int, to_file: bool, tmp_path: Path) -> None:
    output = tmp_path / "out.json"
    printed = review(source, processes, *(("-o", str(output)) if to_file else ("--format", "json")))
    document = json.loads(output.read_text(encoding="utf-8") if to_file else printed)
    require_both(in_json(document))
    assert document["summary"]["findings"]["alarm"] == 2


@pytest.mark.parametrize("to_file", [False, True])
def test_the_bundles_tell_both(source: Path, processes: int, to_file: bool, tmp_path: Path) -> None:
    """Of FHIR the findings are in the resources that are proposed."""
    output = tmp_path / "out.ndjson"
    printed = review(source, processes, "--format", "fhir", *(("-o", str(output)) if to_file else ()))
    text = output.read_text(encoding="utf-8") if to_file else printed
    lines = [line for line in text.splitlines() if line.startswith("{")]
    assert len(lines) == 2
    for name in NAMES:
        (line,) = [line for line in lines if f"Patient/{name}" in line]
        assert ALARM in line
        assert ACTS[name] in line


def test_the_tables_tell_both(source: Path, processes: int, tmp_path: Path) -> None:
    output = tmp_path / "out.parquet"
    printed = review(source, processes, "-o", str(output))
    require_both(in_tables(output))
    assert "    2  alarm\n" in printed
    patients = pq.read_table(tmp_path / "out.patients.parquet").to_pylist()
    assert {row["patient"]: row["has_course"] for row in patients} == dict.fromkeys(NAMES, True)


def test_the_tables_of_the_library_tell_both(source: Path, processes: int, tmp_path: Path) -> None:
    settings = Settings(dt.date.fromisoformat(ON), jurisdiction="us")
    with as_many():
        summary = review_file(source, tmp_path / "out.parquet", default_knowledge(), settings, processes=processes)
    require_both(in_tables(tmp_path / "out.parquet"))
    assert (summary.patients, summary.findings["alarm"]) == (2, 2)


def test_every_source_tells_the_same(tmp_path: Path) -> None:
    told: list[Any] = []
    write: Callable[[Path], Path]
    for write in SOURCES.values():
        document = json.loads(review(write(tmp_path), 1, "--format", "json"))
        courses = {patient["patient"]: patient["course"] for patient in document["patients"]}
        told.append({
            name: (sorted((f["grade"], f["finding"]) for f in courses[name]["findings"]), courses[name]["plan"], courses[name]["days"])
            for name in NAMES
        })  # fmt: skip
    assert all(each == told[0] for each in told)
