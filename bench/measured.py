"""Run a command and say what it took: seconds on the clock, seconds of processor, peak memory of all its processes."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

COMMAND = (sys.executable, "-c", "from her2path.cli import main; main(prog_name='her2path')")
DONE = (0, 3)
"""Ends of a review that are no failure: all well, or something of the source could not be used."""


@dataclass(frozen=True, slots=True)
class Measured:
    """Of one run of a command."""

    seconds: float
    processor_seconds: float
    peak_mb: float


def run(arguments: Sequence[str | Path], source: Path | None = None, command: Sequence[str] = COMMAND) -> Measured:
    """Run `her2path ARGUMENTS`, of the sources in a folder where one is given; ends the measurement where it fails."""
    environment = dict(os.environ)
    # An installed command has its byte code; without this a checkout would compile every module at each start.
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    if source is not None:
        environment["PYTHONPATH"] = str(source.resolve())
    start = time.perf_counter()
    running = subprocess.Popen(
        [*command, *map(str, arguments)], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=environment
    )
    peak, done = 0, threading.Event()

    def watch() -> None:
        nonlocal peak
        while not done.wait(0.05):
            try:
                peak = max(peak, _memory_of(running.pid))
            except (OSError, RuntimeError, IndexError):
                continue  # a process that has just ended

    watcher = threading.Thread(target=watch)
    watcher.start()
    assert running.stderr is not None
    said = running.stderr.read()
    _, status, used = os.wait4(running.pid, 0)
    taken = time.perf_counter() - start
    done.set()
    watcher.join()
    code = running.returncode = os.waitstatus_to_exitcode(status)
    if code not in DONE:
        raise SystemExit(f"{' '.join(map(str, arguments))} ended with {code}\n{said.decode()}")
    return Measured(taken, used.ru_utime + used.ru_stime, max(peak / 1024, used.ru_maxrss / 1024))


def _memory_of(process: int) -> int:
    """The resident memory of a process and its children, in kB."""
    children = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    own = next((line for line in lines if line.startswith("VmRSS")), "VmRSS 0")
    return int(own.split()[1]) + sum(_memory_of(int(child)) for child in children)
