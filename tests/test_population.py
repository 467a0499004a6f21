"""A population in a folder: nothing lost, nothing twice, the same bytes however it was broken off."""

from __future__ import annotations

import datetime as dt
import json
import os
import random
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings

from her2path.cohort.population.folder import TABLES, PopulationFolder
from her2path.cohort.population.plan import plan_of
from her2path.cohort.population.run import Run, review_population
from her2path.facts.problem import AskedWrongly
from her2path.findings.patient import Reviewer
from her2path.findings.settings import Settings
from her2path.read.source import read_columns
from her2path.record.columns import columns_of
from her2path.record.event import Trouble
from her2path.record.table import EVENTS, columns_of_events, events_of, value_of, value_words
from her2path.tables.load import default_knowledge
from her2path.write.tables.findings import findings_table
from random_patients import batches

EXAMPLES = Path(__file__).parent.parent / "examples"
ON = dt.date(2026, 2, 17)
ASKED = Settings(ON)
COURSES = sorted((EXAMPLES / "courses").glob("*.csv"))


@pytest.fixture(scope="module")
def events(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """240 patients of the example courses under other names, one event a row, with rows that cannot be read."""
    import csv

    path = tmp_path_factory.mktemp("population") / "events.csv"
    names = ["patient", "date", "fact", "value", "unit", "product", "qualifier", "specimen"]
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, names, extrasaction="ignore", restval="")
        writer.writeheader()
        for number in range(240):
            with COURSES[number % len(COURSES)].open(encoding="utf-8", newline="") as course:
                for row in csv.DictReader(course):
                    writer.writerow({**row, "patient": f"p{(number * 7919) % 1000:04}"})
            if number % 9 == 0:
                writer.writerow({"patient": f"p{(number * 7919) % 1000:04}", "fact": "lvfe", "value": "61"})
    return path


def reviewed(source: Path, output: Path, **asked: object) -> Run:
    return review_population(source, output, default_knowledge(), ASKED, **asked)  # type: ignore[arg-type]


def bytes_of(folder: Path) -> dict[str, bytes]:
    return {str(each.relative_to(folder)): each.read_bytes() for each in sorted(folder.rglob("*")) if each.is_file()}


def told(table: pa.Table) -> list[str]:
    return sorted(map(repr, table.to_pylist()))


# -- events as a table --------------------------------------------------------------------------


@settings(deadline=None, max_examples=12, suppress_health_check=[*HealthCheck])
@given(batches())
def test_records_come_back_whole(records) -> None:
    """Any record, exact, in part, unreadable or twice, is reviewed as before it was written down; origins included."""
    reviewer = Reviewer(default_knowledge(), ASKED)
    named = {record.patient: record for record in records}.values()
    before, after = columns_of(named), columns_of_events(events_of(columns_of(named)))
    assert told(findings_table(reviewer.review_columns(before))) == told(findings_table(reviewer.review_columns(after)))
    assert sorted(before.patients) == after.patients
    assert dict(zip(before.patients, before.wheres, strict=True)) == dict(zip(after.patients, after.wheres, strict=True))


@pytest.mark.parametrize("source", [*COURSES, EXAMPLES / "her2-tests.ndjson"], ids=lambda path: path.stem)
def test_examples_come_back_whole_in_any_order_of_rows(source: Path) -> None:
    reviewer = Reviewer(default_knowledge(), ASKED)
    for record in read_columns(source, default_knowledge().facts):
        assert not isinstance(record, Trouble)
        table = events_of(record)
        mixed = table.take(pa.array(random.Random(1).sample(range(table.num_rows), table.num_rows)))
        expected = told(findings_table(reviewer.review_columns(record)))
        for each in (table, mixed):
            assert told(findings_table(reviewer.review_columns(columns_of_events(each)))) == expected


def test_a_value_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="no value"):
        value_of("[1]")
    for words in ('"3+"', "2.0", "1.9999999", '{"unknown": "stale", "detail": "of 2019"}', '{"one of": ["2", "3"]}'):
        assert value_words(value_of(words)) == words


# -- the folder ---------------------------------------------------------------------------------


def test_parts_and_processes_change_no_finding(events: Path, tmp_path: Path) -> None:
    one = reviewed(events, tmp_path / "one", parts=1, processes=1)
    many = reviewed(events, tmp_path / "many", parts=7, processes=2)
    assert one.summary == many.summary
    assert one.summary["patients"] == 240
    for name in TABLES:
        assert told(one.table(name)) == told(many.table(name)), name
    again = reviewed(events, tmp_path / "again", parts=7, processes=1)
    assert bytes_of(many.path) == bytes_of(again.path)
    parts = [set(pq.read_table(part)["patient"].to_pylist()) for part in sorted((many.path / "patients").iterdir())]
    assert sum(map(len, parts)) == len(set().union(*parts)) == 240


def test_counts_add_up_to_everybody(events: Path, tmp_path: Path) -> None:
    population = reviewed(events, tmp_path / "out", parts=3)
    patients = population.table("patients")
    assert patients.num_rows == population.summary["patients"] == population.manifest["rows"]["patients"]
    assert sum(population.summary["her2_status"].values()) + population.summary["without_her2_tests"] == patients.num_rows
    assert sum(population.summary["findings"].values()) == population.table("findings").num_rows
    assert population.summary["not_read"] == sum(patients["not_read"].to_pylist()) > 0
    assert population.table("facts").schema.equals(EVENTS.with_metadata(None), check_metadata=False)


def test_the_same_patients_from_fhir_and_from_a_table(tmp_path: Path) -> None:
    """HER2 tests in FHIR; and the same from the facts that a run wrote: every finding is the same."""
    source = EXAMPLES / "her2-tests.ndjson"
    fhir = reviewed(source, tmp_path / "fhir", parts=4)
    record = columns_of_events(fhir.table("facts"))
    expected = findings_table(Reviewer(default_knowledge(), ASKED).review_columns(record))
    assert told(fhir.table("findings")) == told(expected)


# -- broken off ---------------------------------------------------------------------------------


def command(events: Path, output: Path, *more: str, room: int | None = None) -> subprocess.Popen[bytes]:
    def before() -> None:
        if room is not None:
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (room, room))

    asked = [sys.executable, "-m", "her2path", "cohort", str(events), "-o", str(output), "--on", str(ON), "--parts", "12"]
    return subprocess.Popen([*asked, *more], stdout=subprocess.PIPE, stderr=subprocess.PIPE, preexec_fn=before)  # noqa: PLW1509


def done_in(output: Path) -> list[Path]:
    """The counts of the parts that are done."""
    return [*output.glob(".run/[0-9][0-9][0-9][0-9].json")]


def test_killed_at_any_point_it_goes_on_to_the_same_bytes(events: Path, tmp_path: Path) -> None:
    whole = command(events, tmp_path / "whole", "--processes", "1")
    whole.communicate()
    assert whole.returncode == 3  # some rows cannot be read
    output, killed = tmp_path / "killed", 0
    for step, enough in enumerate((0, 0, 1, 3, 6, 9, 11)):
        run = command(events, output, "--processes", str(1 + step % 2))
        while run.poll() is None and (not (output / ".run").exists() or len(done_in(output)) < enough):
            time.sleep(0.002)
        time.sleep(0.01 * step)
        run.kill()
        run.communicate()
        killed += run.returncode == -signal.SIGKILL
    assert killed >= 3
    last = command(events, output)
    last.communicate()
    assert last.returncode == 3
    kept, expected = bytes_of(output), bytes_of(tmp_path / "whole")
    assert [name for name in {**kept, **expected} if kept.get(name) != expected.get(name)] == []


def test_a_part_that_is_done_is_not_done_again(events: Path, tmp_path: Path) -> None:
    from her2path.cohort.population import run

    output, done = tmp_path / "out", []

    def broken_off(what: str, at: int, _all: int) -> None:
        if what == "reviewing" and at == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        reviewed(events, output, parts=9, processes=1, progress=broken_off)
    assert not (output / "manifest.json").exists()
    times = {each: each.stat().st_mtime_ns for each in output.glob("findings/*.parquet")}
    assert len(times) == 4
    reviewed(events, output, parts=9, processes=1, progress=lambda *step: done.append(step))
    assert all(each.stat().st_mtime_ns == time_ for each, time_ in times.items())
    assert done[0] == ("reviewing", 4, 9)
    assert run.review_population(events, output, default_knowledge(), ASKED, parts=9).summary["patients"] == 240


def test_a_full_disk_is_told_and_the_run_goes_on_when_there_is_room(events: Path, tmp_path: Path) -> None:
    full = command(events, tmp_path / "out", room=3000)
    _, error = full.communicate()
    assert full.returncode == 2
    assert b"cannot be written: File too large" in error
    last = command(events, tmp_path / "out")
    last.communicate()
    assert last.returncode == 3
    assert json.loads((tmp_path / "out" / "manifest.json").read_text())["summary"]["patients"] == 240


# -- asked wrongly ------------------------------------------------------------------------------


def test_two_runs_in_one_folder(events: Path, tmp_path: Path) -> None:
    plan = plan_of(events, default_knowledge(), ASKED, {}, 2)
    with PopulationFolder(tmp_path / "out", plan, events), pytest.raises(AskedWrongly, match="another run is at work"):
        reviewed(events, tmp_path / "out", parts=2)


def test_another_day_or_another_source_is_another_run(events: Path, tmp_path: Path) -> None:
    source = tmp_path / "events.csv"
    source.write_bytes(events.read_bytes())
    reviewed(source, tmp_path / "out", parts=2)
    with pytest.raises(AskedWrongly, match=r"other are on \(2026-02-17 there, 2026-02-18 now\)"):
        review_population(source, tmp_path / "out", default_knowledge(), Settings(dt.date(2026, 2, 18)), parts=2)
    with source.open("a", encoding="utf-8") as file:
        file.write("new,2026-01-01,ihc_score,3+,,,,\n")
    with pytest.raises(AskedWrongly, match="the bytes of the source"):
        reviewed(source, tmp_path / "out", parts=2)
    assert reviewed(source, tmp_path / "out", parts=2, anew=True).summary["patients"] == 241


def test_a_folder_with_something_else_is_left_alone(events: Path, tmp_path: Path) -> None:
    (tmp_path / "thesis.docx").write_text("years of work")
    with pytest.raises(AskedWrongly, match=r"holds something else \(thesis.docx\)"):
        reviewed(events, tmp_path)
    assert [each.name for each in tmp_path.iterdir()] == ["thesis.docx"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes here")
def test_a_pipe_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(AskedWrongly, match="not a pipe"):
        reviewed(tmp_path / "pipe", tmp_path / "out")


def test_a_corrupt_file_among_many_loses_nothing_else(tmp_path: Path) -> None:
    folder = tmp_path / "export"
    folder.mkdir()
    lines = (EXAMPLES / "her2-tests.ndjson").read_text(encoding="utf-8").splitlines(keepends=True)
    (folder / "1.ndjson").write_text("".join(lines[:20]), encoding="utf-8")
    (folder / "2.ndjson").write_bytes(b'{"resourceType": "Bundle", "entry": [\x00\n')
    (folder / "3.ndjson").write_text("".join(lines[20:]), encoding="utf-8")
    population = reviewed(folder, tmp_path / "out", parts=2)
    assert population.summary["patients"] == len(lines)
    told_of = [json.loads(line) for line in (population.path / "not-read.ndjson").read_text().splitlines()]
    assert [each["where"].split(":")[0] for each in told_of] == ["2.ndjson"]
    assert population.manifest["plan"]["inputs"][1]["sha256"]
