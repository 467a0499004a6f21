"""How a command ends: with its message and its exit code, no traceback, and every output whole or as it was."""

from __future__ import annotations

import json
import os
import resource
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
from her2path.cli.group import main
from her2path.facts.problem import AskedWrongly
from her2path.findings.patient import Reviewer
from her2path.write import output as writing
from her2path.write.interrupt import asked_to_end
from her2path.write.output import Outputs
from test_pool import HEEDING, ended, workers_of

linux = pytest.mark.skipif(sys.platform != "linux", reason="signals, limits and devices as on Linux")
OLD = "what stood there before"
SOON_SECONDS = 10.0
LONG = Path(__file__).parent.parent / "examples" / "courses" / "adjuvant-hold.csv"
ROOM_BYTES = 300
"""So large may a file become on the disk that is full."""


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-c", HEEDING, "-m", "her2path", *map(str, arguments)]


def run(*arguments: object, **how: Any) -> subprocess.CompletedProcess[str]:
    how = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "timeout": 120} | how
    return subprocess.run(command(*arguments), check=False, **how)


def told(done: subprocess.CompletedProcess[str]) -> str:
    """What a command said on standard error, which is never a traceback."""
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr
    return done.stderr


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "in"
    folder.mkdir()
    return write_bundles_of_lines(folder)


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A source of many patients, none like another: some seconds of work."""
    path = tmp_path_factory.mktemp("large") / "large.ndjson"
    lines = []
    for number in range(400):
        lines.append(fhir.bundle(*(each | {"note": [{"text": f"patient {number}"}]} for each in resources("plain"))))
    fhir.write(path, *lines)
    path.write_bytes(path.read_bytes() * 40)
    return path


# -- outputs that are inputs, or one another --------------------------------------------------------


def asked(*arguments: object) -> Any:
    return CliRunner().invoke(main, [*map(str, arguments)])


def test_no_output_is_an_input(tmp_path: Path, source: Path) -> None:
    settings = tmp_path / "s.toml"
    settings.write_text("[heart]\nlvef_lower_limit = 50\n", encoding="utf-8")
    link = tmp_path / "link.json"
    link.symlink_to(source)
    hard = tmp_path / "hard.json"
    os.link(settings, hard)
    before = {path: path.read_bytes() for path in (source, settings)}
    review = ("review", source, "--on", ON, "--settings", settings)
    for output in (source, settings, link, hard):
        done = asked(*review, "-o", output)
        assert (done.exit_code, "is what is read" in done.stderr) == (2, True), done.stderr
    inside = asked("review", source.parent, "--on", ON, "-o", source)
    assert (inside.exit_code, "is what is read" in inside.stderr) == (2, True)
    assert {path: path.read_bytes() for path in before} == before


def test_no_output_lies_in_the_knowledge_in_use(source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done = asked("coverage", "-o", Path(writing.__file__).parents[1] / "knowledge" / "her2" / "new.md")
    assert (done.exit_code, "lies in the knowledge in use" in done.stderr) == (2, True)


def test_no_two_outputs_are_one_file(tmp_path: Path) -> None:
    chart = tmp_path / "x.png"
    done = asked("simulate", "course", "--virtual-patients", 20, "--chart", chart, "--fan", chart)
    assert (done.exit_code, "would be written twice" in done.stderr) == (2, True)
    with Outputs() as outputs:
        outputs.file(tmp_path / "a").write_text(OLD, encoding="utf-8")
        with pytest.raises(AskedWrongly, match="would be written twice"):
            outputs.file(tmp_path / "b" / ".." / "a")
        (tmp_path / "a").write_text(OLD, encoding="utf-8")
    (tmp_path / "a").unlink()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "arguments", [("review", LONG, "--on", ON), ("decide", "her2_status", "--fact", "ihc_score=3+")]
)
def test_a_folder_is_no_output(arguments: tuple[Any, ...], tmp_path: Path) -> None:
    done = asked(*arguments, "-o", tmp_path)
    assert (done.exit_code, "it is a folder" in done.stderr) == (2, True), done.stderr


def test_an_output_keeps_who_may_read_it_and_where_it_leads(tmp_path: Path, source: Path) -> None:
    real, link = tmp_path / "real.json", tmp_path / "link.json"
    real.write_text(OLD, encoding="utf-8")
    real.chmod(0o600)
    link.symlink_to(real)
    assert asked("review", source, "--on", ON, "-o", link).exit_code == 0
    assert link.is_symlink()
    assert real.stat().st_mode & 0o777 == 0o600
    assert json.loads(real.read_text(encoding="utf-8"))["patients"]


# -- outputs appear together ------------------------------------------------------------------------

TABLES = ("x.parquet", "x.patients.parquet", "x.episodes.parquet", "x.specimens.parquet")


@pytest.mark.parametrize("there", [(), TABLES, TABLES[1:2]], ids=["new", "all there before", "one there before"])
@pytest.mark.parametrize("fails_at", [0, 1, 2, 3])
def test_tables_take_their_names_together(
    there: tuple[str, ...], fails_at: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The name that fails is one of three: those given before it are taken back."""
    source, folder = write_parquet(tmp_path), tmp_path / "out"
    folder.mkdir()
    for name in there:
        (folder / name).write_text(OLD, encoding="utf-8")
    replace, given = os.replace, []

    def once(beside: Any, target: Any, **more: Any) -> None:
        if str(beside).endswith(".part") and str(target).endswith(".parquet") and folder in Path(target).parents:
            given.append(target)
            if len(given) == fails_at + 1:
                raise PermissionError(13, "Permission denied")
        replace(beside, target, **more)

    monkeypatch.setattr(writing.os, "replace", once)
    done = asked("review", source, "--on", ON, "-o", folder / "x.parquet")
    assert done.exit_code == 2
    assert "cannot be written: Permission denied" in done.stderr
    assert {path.name: path.read_text(encoding="utf-8") for path in folder.iterdir()} == dict.fromkeys(there, OLD)


def test_calendars_appear_with_the_review_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "calendars"
    folder.mkdir()
    kept = folder / "kept.ics"
    kept.write_text(OLD, encoding="utf-8")
    arguments = ("review", LONG, "--on", "2026-02-03", "--calendar", folder, "-o", tmp_path / "x.json")
    with monkeypatch.context() as broken:

        def fault(*_: object) -> str:
            raise RuntimeError("a fault")

        broken.setattr("her2path.write.review_json.JsonFormat.end", fault)
        assert asked(*arguments).exit_code == 4
    assert sorted(tmp_path.iterdir()) == [folder]
    assert list(folder.iterdir()) == [kept]
    assert asked(*arguments).exit_code == 0
    assert len(list(folder.iterdir())) == 2
    assert kept.read_text(encoding="utf-8") == OLD


# -- a disk that is full ----------------------------------------------------------------------------


def full_disk() -> None:
    """No file grows beyond some bytes: writing fails as on a disk that is full."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (ROOM_BYTES, ROOM_BYTES))


WRITING: dict[str, tuple[Any, ...]] = {
    "text": ("review", LONG, "--on", ON, "-o", "x.txt"),
    "json": ("review", LONG, "--on", ON, "-o", "x.json"),
    "tables": ("review", LONG, "--on", ON, "-o", "x.parquet"),
    "calendar": ("review", LONG, "--on", "2026-02-03", "--summary-only", "--calendar", "x"),
    "decide": ("decide", "her2_status", "facts.csv", "-o", "x.csv"),
    "decide to tables": ("decide", "her2_status", "facts.csv", "-o", "x.parquet"),
    "coverage": ("coverage", "-o", "x.md"),
    "chart": ("equivalence", "--chart", "x.png"),
    "records": ("simulate", "course", "--virtual-patients", "30", "--processes", "1", "--records", "x.parquet"),
    "bundles": ("simulate", "course", "--virtual-patients", "30", "--processes", "1", "--fhir", "x"),
    "lines": ("simulate", "course", "--virtual-patients", "30", "--processes", "1", "--fhir", "x.ndjson"),
    "patients": ("simulate", "course", "--virtual-patients", "30", "--processes", "1", "-o", "x.parquet"),
    "profiles": ("simulate", "exposure", "--virtual-patients", "20", "--cycles", "2", "-o", "x.parquet"),
}


@linux
@pytest.mark.parametrize("name", WRITING)
def test_a_full_disk_is_told_and_leaves_nothing(name: str, tmp_path: Path) -> None:
    facts = "patient,ihc_score\n" + "p1,3+\n" * 40
    (tmp_path / "facts.csv").write_text(facts, encoding="utf-8")
    done = run(*WRITING[name], cwd=tmp_path, preexec_fn=full_disk, env=os.environ | {"HER2PATH_CACHE": "no"})
    assert done.returncode == 2, done.stderr
    assert "cannot be written" in told(done)
    assert [path.name for path in tmp_path.iterdir()] == ["facts.csv"]


@linux
@pytest.mark.parametrize(
    "arguments",
    [("review", LONG, "--on", ON), ("decide", "her2_status", "--fact", "ihc_score=3+"), ("show",), ("--help",)],
)
def test_a_full_standard_output_is_told(arguments: tuple[Any, ...]) -> None:
    with open("/dev/full", "wb") as full:
        done = run(*arguments, stdout=full)
    assert done.returncode == 2
    assert "No space left on device" in told(done)


# -- streams that are closed ------------------------------------------------------------------------


@linux
@pytest.mark.parametrize("how", ["2>&-", "2>/dev/full"])
def test_a_review_needs_no_standard_error(how: str, tmp_path: Path, source: Path) -> None:
    """What cannot be told there is still reviewed, and no file of ours takes the place of the stream."""
    bad = source.with_name("bad.ndjson")
    bad.write_bytes(source.read_bytes() + b"{broken\n")
    arguments = " ".join(f"'{each}'" for each in command("review", bad, "--on", ON, "-o", tmp_path / "x.parquet"))
    done = subprocess.run(["sh", "-c", f"exec {arguments} {how}"], capture_output=True, text=True, check=False)
    assert done.returncode == 3
    assert "2 patients" in done.stdout
    assert all((tmp_path / name).read_bytes().startswith(b"PAR1") for name in TABLES)
    text = subprocess.run(
        ["sh", "-c", f"exec {arguments.rpartition(' ')[0].rpartition(' ')[0]} {how}"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert text.returncode == 3
    assert "\n2 patients\n" in text.stdout


@linux
def test_a_closed_standard_output_is_told(source: Path) -> None:
    arguments = " ".join(f"'{each}'" for each in command("review", source, "--on", ON))
    done = subprocess.run(["sh", "-c", f"exec {arguments} >&-"], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "standard output" in told(done)


@linux
@pytest.mark.parametrize("processes", ["1", "2"])
def test_whoever_stops_reading_ends_the_command(processes: str, large: Path) -> None:
    with subprocess.Popen(
        command("review", large, "--on", ON, "--processes", processes), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline()
        process.stdout.close()
        since = time.monotonic()
        said = process.stderr.read()
        assert process.wait(SOON_SECONDS) == 128 + signal.SIGPIPE
    assert time.monotonic() - since < SOON_SECONDS
    assert "Traceback" not in said
    assert "Exception" not in said


# -- signals, and processes that are lost ------------------------------------------------------------


def begun(folder: Path, process: subprocess.Popen[str], workers: int = 0) -> list[int]:
    """Wait until a command writes, and has so many workers."""
    limit = time.monotonic() + 60
    while not list(folder.glob(".*.part")) or len(workers_of(process.pid)) < workers:
        assert time.monotonic() < limit
        assert process.poll() is None, process.communicate()
        time.sleep(0.005)
    return workers_of(process.pid)


@pytest.fixture(params=["x.json", "x.parquet"])
def output(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    for name in TABLES if request.param == "x.parquet" else (request.param,):
        (tmp_path / name).write_text(OLD, encoding="utf-8")
    return tmp_path / request.param


def require_old(folder: Path) -> None:
    assert {path.read_text(encoding="utf-8") for path in folder.iterdir()} == {OLD}


@pytest.fixture
def at_work(output: Path, large: Path) -> Iterator[Callable[[int], subprocess.Popen[str]]]:
    """A review at work, in so many processes."""
    started: list[subprocess.Popen[str]] = []

    def start(processes: int) -> subprocess.Popen[str]:
        arguments = command("review", large, "--on", ON, "--processes", processes, "-o", output)
        process = subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        started.append(process)
        return process

    yield start
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()


@linux
@pytest.mark.parametrize("processes", [1, 2])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=lambda each: each.name)
def test_a_signal_ends_a_review_with_its_number(
    number: signal.Signals, processes: int, output: Path, at_work: Callable[[int], subprocess.Popen[str]]
) -> None:
    """The command is held while the signal is sent, so that it cannot have ended before."""
    process = at_work(processes)
    workers = begun(output.parent, process, processes if processes > 1 else 0)
    process.send_signal(signal.SIGSTOP)
    assert list(output.parent.glob(".*.part")), "it ended before it could be interrupted"
    process.send_signal(number)
    process.send_signal(signal.SIGCONT)
    _, said = process.communicate(timeout=SOON_SECONDS)
    assert process.returncode == 128 + number
    assert said.splitlines()[-1] == "her2path: interrupted; every output is whole or as it was"
    assert "Traceback" not in said
    assert ended(workers)
    require_old(output.parent)


@linux
def test_a_worker_that_is_killed_is_told(output: Path, at_work: Callable[[int], subprocess.Popen[str]]) -> None:
    process = at_work(2)
    workers = begun(output.parent, process, 2)
    os.kill(workers[0], signal.SIGKILL)
    _, said = process.communicate(timeout=SOON_SECONDS)
    assert process.returncode == 4
    assert "a process of this command was ended from outside" in said
    assert "Traceback" not in said
    assert ended(workers)
    require_old(output.parent)


@linux
def test_workers_end_with_a_parent_that_is_killed(
    output: Path, at_work: Callable[[int], subprocess.Popen[str]]
) -> None:
    process = at_work(2)
    workers = begun(output.parent, process, 2)
    process.kill()
    process.communicate(timeout=SOON_SECONDS)
    assert ended(workers)
    assert {path.read_text(encoding="utf-8") for path in output.parent.iterdir() if not path.name.startswith(".")} == {
        OLD
    }


class Swallows:
    """Something that is interrupted while it is thrown away, where Python goes on."""

    def __del__(self) -> None:
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.01)


@linux
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("name", ["x.json", "x.parquet"])
def test_an_interrupt_that_python_drops_still_ends_the_command(
    name: str, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After the last batch too: nothing takes its name any more."""
    review_columns = Reviewer.review_columns
    seen: list[int | None] = []

    def interrupted(reviewer: Reviewer, record: Any) -> Any:
        reviewed = review_columns(reviewer, record)
        thrown_away = Swallows()
        del thrown_away
        seen.append(asked_to_end())
        return reviewed

    monkeypatch.setattr(Reviewer, "review_columns", interrupted)
    handler = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        done = asked("review", source, "--on", ON, "-o", tmp_path / name)
    finally:
        signal.signal(signal.SIGINT, handler)
    assert seen[0] == signal.SIGINT, "the interrupt was not dropped"
    assert done.exit_code == 130
    assert [path.name for path in tmp_path.iterdir()] == ["in"]


def test_a_fault_of_ours_is_told_in_a_line_without_the_record(source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fault(*_: object) -> Any:
        raise ValueError("Mrs Somebody, born 1960")

    monkeypatch.setattr(Reviewer, "review_columns", fault)
    done = asked("review", source, "--on", ON)
    assert done.exit_code == 4
    assert "broken off by a fault of her2path (ValueError at " in done.stderr
    assert "Somebody" not in done.stderr
    monkeypatch.setattr(Reviewer, "review_columns", lambda *_: (_ for _ in ()).throw(MemoryError))
    done = asked("review", source, "--on", ON)
    assert (done.exit_code, "memory ran out" in done.stderr) == (4, True)


@pytest.mark.parametrize("processes", ["1", "2"])
def test_the_same_review_gives_the_same_bytes(processes: str, tmp_path: Path) -> None:
    """In every run, however Python orders its sets."""
    source = LONG.parent.parent / "her2-tests.ndjson"
    made = []
    for seed in ("1", "2", "3"):
        output = tmp_path / f"{seed}.parquet"
        done = run(
            "review",
            source,
            "--on",
            ON,
            "--processes",
            processes,
            "-o",
            output,
            env=os.environ | {"PYTHONHASHSEED": seed},
        )
        assert done.returncode in (0, 3), told(done)
        made.append(
            [(tmp_path / f"{seed}{kind}.parquet").read_bytes() for kind in ("", ".patients", ".episodes", ".specimens")]
        )
    assert made[0] == made[1] == made[2]
