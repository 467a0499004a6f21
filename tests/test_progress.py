"""Simulations say how far they are, and that they compile first: on a terminal or where it is asked for, and only there."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

pytest.importorskip("numba")
pytest.importorskip("scipy")

import numba

from her2path.cli.group import main
from her2path.cli.simulate.progress import COMPILING, shown_progress

COMMANDS = {
    "exposure": ["exposure", "--virtual-patients", "40", "--cycles", "1"],
    "exposure of a record": ["exposure", "--record", "examples/courses/adjuvant-hold.csv", "--on", "2026-04-27",
                             "--virtual-patients", "10"],
    "course": ["course", "--virtual-patients", "40"],
    "heart": ["heart", "--virtual-patients", "40"],
    "heart against the trials": ["heart", "--trials", "--virtual-patients", "10"],
    "tumour": ["tumour", "--virtual-patients", "2", "--cycles", "1"],
    "truth": ["truth", "--virtual-patients", "20"],
}  # fmt: skip


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("name", COMMANDS)
def test_progress_is_told_to_the_end_where_it_is_asked_for_and_changes_no_result(name: str) -> None:
    quiet = CliRunner().invoke(main, ["simulate", *COMMANDS[name]])
    assert quiet.exit_code == 0, quiet.output
    assert "%" not in quiet.stderr
    asked = CliRunner().invoke(main, ["simulate", *COMMANDS[name], "--progress"])
    lines = [line for line in asked.stderr.splitlines() if line.startswith("her2path: simulating, ")]
    assert lines[-1] == "her2path: simulating, 100 %"
    assert len(lines) <= 10
    assert asked.stdout == quiet.stdout


def test_a_line_for_every_tenth(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", log := io.StringIO())
    with shown_progress(1000, True) as progress:
        for _ in range(200):
            progress(5)
    assert log.getvalue().splitlines() == [f"her2path: simulating, {10 * tenth} %" for tenth in range(1, 11)]


def test_a_terminal_shows_a_bar_unasked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", terminal := Terminal())
    with shown_progress(4, False) as progress:
        assert terminal.getvalue() == ""
        for _ in range(4):
            progress(1)
    assert "simulating  [" in terminal.getvalue()
    assert "100%" in terminal.getvalue()


def test_a_log_that_did_not_ask_is_told_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", log := io.StringIO())
    with shown_progress(4, False) as progress:
        compile_one("her2path.simulate.exposure.kernel")
        progress(4)
    assert log.getvalue() == ""


def compile_one(module: str) -> None:
    """Something of this module that numba has not compiled before."""

    def double(x):
        return 2 * x

    double.__module__ = module
    assert numba.njit(double)(2.0) == 4.0


@pytest.mark.parametrize("stream", [io.StringIO, Terminal])
def test_that_it_compiles_is_said_once_and_before_the_bar(stream: type, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", told := stream())
    with shown_progress(2, True) as progress:
        compile_one("her2path.simulate.exposure.kernel")
        compile_one("her2path.simulate.course.kernel")
        progress(2)
    assert told.getvalue().count(COMPILING) == 1
    assert told.getvalue().startswith(COMPILING + "\n")


def test_nothing_is_said_of_what_is_compiled_already_or_by_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", log := io.StringIO())
    compile_one("her2path.simulate.exposure.kernel")
    with shown_progress(1, True):
        compile_one("her2path.history.folds.heart")  # the folds say it themselves
        compile_one("somebody.else")
    compile_one("her2path.simulate.exposure.kernel")  # after the run nobody listens any more
    assert log.getvalue() == ""


def test_the_folds_say_that_they_compile_once_where_they_really_do(tmp_path: Path) -> None:
    """A course needs one fold of three: the others, which no run has kept, are not told of again."""
    asked = [sys.executable, "-m", "her2path", "simulate", "course", "--virtual-patients", "5"]
    kept = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path / "compiled")}
    first, second = (
        subprocess.run(asked, env=kept, capture_output=True, text=True, check=True, timeout=300) for _ in range(2)
    )
    words = "her2path: compiling the folds, once after an installation"
    assert first.stderr.count(words) == 1
    assert words not in second.stderr
    assert second.stdout == first.stdout
