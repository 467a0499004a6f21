"""A result is written whole or not at all: nothing of that name is left of a review that fails or is interrupted."""

from __future__ import annotations

import datetime as dt
import errno
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import fhir_makers as fhir
from allergy_patients import ON, resources, write_bundles_of_lines, write_parquet
from course_makers import lvef
from her2path.cli.group import main
from her2path.cohort.review import review_file, review_source
from her2path.facts.problem import AskedWrongly
from her2path.findings.patient import Reviewer
from her2path.findings.settings import Settings
from her2path.record.event import Record
from her2path.tables.load import default_knowledge
from her2path.write import output as writing
from her2path.write.interrupt import Interrupted, heeding, require_going_on
from her2path.write.output import opened, whole
from her2path.write.tables.events import write_long
from her2path.write.writer import write_reviews
from test_pool import python

OUTPUTS = ("x.txt", "x.json", "x.ndjson", "x.parquet")
SETTINGS = Settings(dt.date.fromisoformat(ON), jurisdiction="us")
OLD = "what stood there before"
SOON_SECONDS = 10.0


def files_of(output: str) -> tuple[str, ...]:
    """All files that an output makes."""
    beside = ("x.patients.parquet", "x.episodes.parquet", "x.specimens.parquet", "x.manifest.json")
    return ("x.parquet", *beside) if output == "x.parquet" else (output,)


@pytest.fixture(params=OUTPUTS)
def output(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(params=[False, True], ids=["new", "there before"])
def folder(request: pytest.FixtureRequest, tmp_path: Path, output: str) -> Path:
    """A folder to write into, where the files of that name may stand already."""
    folder = tmp_path / "out"
    folder.mkdir()
    if request.param:
        for name in files_of(output):
            (folder / name).write_text(OLD, encoding="utf-8")
    return folder


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return write_bundles_of_lines(tmp_path)


def require_nothing_new(folder: Path, before: dict[str, bytes]) -> None:
    """Every file is as it was, and no other is there."""
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def review(source: Path, target: Path) -> Any:
    return CliRunner().invoke(main, ["review", str(source), "--on", ON, "-o", str(target)])


def break_off(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> list[Any]:
    """The first batch is reviewed, the second fails; gives the batches that were begun."""
    begun: list[Any] = []
    review_columns = Reviewer.review_columns

    def once(reviewer: Reviewer, record: Any) -> Any:
        begun.append(record)
        if len(begun) > 1:
            raise error
        return review_columns(reviewer, record)

    monkeypatch.setattr("her2path.cohort.review.BATCH_BYTES", 1)
    monkeypatch.setattr(Reviewer, "review_columns", once)
    return begun


@pytest.mark.parametrize(
    "error", [RuntimeError("a fault"), KeyboardInterrupt(), MemoryError()], ids=lambda each: type(each).__name__
)
def test_a_review_that_breaks_off_leaves_nothing(
    error: BaseException, output: str, folder: Path, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, begun = contents(folder), break_off(monkeypatch, error)
    done = review(source, folder / output)
    assert done.exit_code != 0
    assert len(begun) == 2
    require_nothing_new(folder, before)


def test_a_disk_that_is_full_is_told_and_leaves_nothing(
    output: str, folder: Path, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last step, the name, fails; as a disk says it."""

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    before = contents(folder)
    monkeypatch.setattr(writing.os, "replace", full)
    done = review(source, folder / output)
    assert done.exit_code == 2
    assert "the file cannot be written: No space left on device" in done.stderr
    require_nothing_new(folder, before)


def test_what_is_whole_takes_the_place_of_what_was_there(output: str, folder: Path, source: Path) -> None:
    assert review(source, folder / output).exit_code == 0
    assert sorted(path.name for path in folder.iterdir()) == sorted(files_of(output))
    assert all(OLD.encode() not in content for content in contents(folder).values())


def test_the_library_writes_so_too(output: str, folder: Path, source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before, knowledge = contents(folder), default_knowledge()

    def broken() -> Iterator[Any]:
        yield next(review_source(source, knowledge, SETTINGS))
        raise RuntimeError("a fault")

    if output == "x.parquet":
        break_off(monkeypatch, RuntimeError("a fault"))
        with pytest.raises(RuntimeError, match="a fault"):
            review_file(source, folder / output, knowledge, SETTINGS)
    else:
        with pytest.raises(RuntimeError, match="a fault"):
            write_reviews(broken(), folder / output, SETTINGS.on)
    require_nothing_new(folder, before)


def test_records_of_one_event_a_row_are_written_so_too(tmp_path: Path) -> None:
    """A file of the patients before the fault would be read as if it were all of them."""
    path = tmp_path / "records.parquet"

    def broken() -> Iterator[Record]:
        yield Record("p1", course=[lvef(0, 60)])
        raise RuntimeError("a fault")

    with pytest.raises(RuntimeError, match="a fault"):
        write_long(broken(), path)
    assert not list(tmp_path.iterdir())
    write_long([Record("p1", course=[lvef(0, 60)])], path)
    assert [each.name for each in tmp_path.iterdir()] == ["records.parquet"]


@pytest.mark.parametrize("name", ["x.patients.parquet", "x.episodes.parquet", "x.specimens.parquet"])
def test_the_source_beside_the_findings_is_never_written(name: str, tmp_path: Path) -> None:
    """`-o x.parquet` would write over a source that is called x.patients.parquet."""
    source = tmp_path / name
    write_parquet(tmp_path).rename(source)
    before = source.read_bytes()
    done = review(source, tmp_path / "x.parquet")
    assert done.exit_code == 2
    assert f"{name} is what is read" in done.stderr
    assert source.read_bytes() == before
    assert not (tmp_path / "x.parquet").exists()


def test_a_pipe_is_written_as_it_comes() -> None:
    with opened(Path("/dev/null")) as stream:
        stream.write("x")
    with whole(Path("/dev/null")) as path:
        assert path == Path("/dev/null")


@pytest.mark.parametrize("make", [opened, whole])
def test_a_folder_that_is_not_there_is_told(make: Callable[[Path], Any], tmp_path: Path) -> None:
    with pytest.raises(AskedWrongly, match="cannot be written"), make(tmp_path / "none" / "x"):
        raise AssertionError("never reached")


# -- a command that is interrupted --------------------------------------------------------------


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A source that takes long enough to be interrupted: many patients, none like another."""
    path = tmp_path_factory.mktemp("large") / "large.ndjson"
    lines = []
    for number in range(400):
        own = [each | {"note": [{"text": f"patient {number}"}]} for each in resources("plain")]
        lines.append(fhir.bundle(*own))
    fhir.write(path, *lines)
    content = path.read_bytes()
    with path.open("wb") as file:
        for _ in range(40):
            file.write(content)
    return path


@pytest.mark.skipif(sys.platform != "linux", reason="signals as on Linux")
@pytest.mark.parametrize("processes", ["1", "2"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL], ids=lambda each: each.name)
@pytest.mark.parametrize("output", ["x.json", "x.parquet"])
def test_an_interrupted_command_leaves_what_was_there(
    output: str, number: signal.Signals, processes: str, large: Path, tmp_path: Path
) -> None:
    for name in files_of(output):
        (tmp_path / name).write_text(OLD, encoding="utf-8")
    output_path = str(tmp_path / output)
    command = python("-m", "her2path", "review", str(large), "--on", ON, "--processes", processes, "-o", output_path)
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True) as process:
        limit = time.monotonic() + 60
        while not list(tmp_path.glob(".*.part")):
            assert time.monotonic() < limit
            assert process.poll() is None, process.communicate()
            time.sleep(0.01)
        # Held while it is interrupted, so that it cannot have ended before.
        process.send_signal(signal.SIGSTOP)
        assert list(tmp_path.glob(".*.part")), "it ended before it could be interrupted"
        since = time.monotonic()
        process.send_signal(number)
        process.send_signal(signal.SIGCONT)
        process.communicate(timeout=SOON_SECONDS)
    assert process.returncode == (130 if number is signal.SIGINT else -signal.SIGKILL)
    assert time.monotonic() - since < SOON_SECONDS
    assert all((tmp_path / name).read_text(encoding="utf-8") == OLD for name in files_of(output))
    if number is signal.SIGINT:
        assert sorted(path.name for path in tmp_path.iterdir()) == sorted(files_of(output))


def test_a_signal_that_comes_in_a_destructor_is_written_down_and_not_told(monkeypatch: pytest.MonkeyPatch) -> None:
    lost: list[Any] = []
    monkeypatch.setattr(sys, "unraisablehook", lost.append)

    class Interrupts:
        def __del__(self) -> None:
            signal.raise_signal(signal.SIGTERM)

    class Breaks:
        def __del__(self) -> None:
            raise ValueError("told")

    with heeding():
        for made in (Interrupts(), Breaks()):
            del made
        with pytest.raises(Interrupted):
            require_going_on()
    assert [type(each.exc_value) for each in lost] == [ValueError]
    assert sys.unraisablehook == lost.append
