"""Faults at random moments, counted: `python bench/faults.py [--times N] [--seed N]`.

A review of simulated patients is disturbed again and again, at a moment drawn for each time: by signals, by a worker or
the parent that is killed, by a reader that goes away, by a disk that is full. After each the outputs must be what they
were before, or those of the undisturbed run, byte for byte; no traceback may be told, no worker be left; and the review
run once more must give the bytes of the undisturbed run. Linux only.
"""

from __future__ import annotations

import argparse
import os
import random
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

NAMES = ("x.parquet", "x.patients.parquet", "x.episodes.parquet", "x.specimens.parquet")
OLD = b"what stood there before"
ON = "2026-06-01"
FAULTS = ("SIGINT", "SIGTERM", "SIGHUP", "worker killed", "parent killed", "disk full", "pipe closed")
GOOD_CODES = {
    "SIGINT": {130}, "SIGTERM": {143}, "SIGHUP": {129}, "worker killed": {4}, "parent killed": {-9}, "disk full": {2},
    "pipe closed": {141},
}  # fmt: skip


def review(source: Path, output: str, processes: int, folder: Path, room: int | None = None) -> subprocess.Popen[bytes]:
    """A review begun in a folder; `room` bounds each file it writes."""

    def before() -> None:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        if room is not None:
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (room, room))

    command = [sys.executable, "-m", "her2path", "review", str(source), "--on", ON, "--processes", str(processes)]
    command += ["-o", output] if output else []
    return subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, preexec_fn=before)  # noqa: PLW1509


def workers_of(parent: int) -> list[int]:
    try:
        return [int(each) for each in Path(f"/proc/{parent}/task/{parent}/children").read_text().split()]
    except OSError:
        return []


def lives(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(") ")[2][0] not in "ZX"
    except OSError:
        return False


def disturb(fault: str, process: subprocess.Popen[bytes], after_seconds: float) -> list[int]:
    """Disturb a review after a while, counted from its first worker where one is to be killed; gives its workers."""
    if fault == "worker killed":
        while process.poll() is None and not workers_of(process.pid):
            time.sleep(0.002)
        after_seconds /= 8
    time.sleep(after_seconds)
    workers = workers_of(process.pid)
    if fault.startswith("SIG"):
        process.send_signal(getattr(signal, fault))
    elif fault == "worker killed" and workers:
        os.kill(workers[0], signal.SIGKILL)
    elif fault == "parent killed":
        process.kill()
    return workers


def once(
    fault: str, source: Path, whole: dict[str, bytes], seconds: float, dice: random.Random
) -> tuple[str, list[str]]:
    """Disturb one review; how it ended, and what was wrong."""
    processes = 2 if fault == "worker killed" else dice.choice((1, 2))
    wrong: list[str] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for each in NAMES:
            (folder / each).write_bytes(OLD)
        room = dice.randrange(64, max(map(len, whole.values()))) if fault == "disk full" else None
        to_pipe = fault == "pipe closed"
        process = review(source, "" if to_pipe else NAMES[0], processes, folder, room)
        if to_pipe:
            assert process.stdout is not None
            process.stdout.read(dice.randrange(1, 100_000))
            process.stdout.close()
            workers = workers_of(process.pid)
            said = process.stderr.read() if process.stderr else b""
            process.wait()
        else:
            workers = [] if room is not None else disturb(fault, process, dice.uniform(0.3, seconds))
            _, said = process.communicate()
        code = process.returncode
        limit = time.monotonic() + 10
        while any(map(lives, workers)) and time.monotonic() < limit:
            time.sleep(0.02)
        if any(map(lives, workers)):
            wrong.append("workers were left")
        if b"Traceback" in said or b"Exception ignored" in said:
            wrong.append(f"a traceback: {said[-300:]!r}")
        found = {each.name: each.read_bytes() for each in folder.iterdir() if not each.name.startswith(".")}
        is_old, is_whole = found == dict.fromkeys(NAMES, OLD), found == whole
        if not (is_old or is_whole):
            wrong.append("outputs are neither as before nor whole")
        if fault != "parent killed" and any(each.name.startswith(".") for each in folder.iterdir()):
            wrong.append("a part was left")
        if code == 0 and not to_pipe and not is_whole:
            wrong.append("exit code 0 without the outputs")
        if code not in GOOD_CODES[fault] | {0}:
            wrong.append(f"exit code {code}")
        again = review(source, NAMES[0], processes, folder)
        again.communicate()
        if any((folder / each).read_bytes() != whole[each] for each in NAMES):
            wrong.append("run again: other bytes")
    return ("ended before" if code == 0 else "disturbed"), wrong


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=10, help="Of each fault.")
    parser.add_argument("--patients", type=int, default=3000)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    dice = random.Random(asked.seed)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        source = folder / "in.ndjson"
        simulate = ["simulate", "course", "--virtual-patients", str(asked.patients), "--mess", "light", "--fhir", str(source)]
        subprocess.run([sys.executable, "-m", "her2path", *simulate], check=True, capture_output=True)
        whole_folder = folder / "whole"
        whole_folder.mkdir()
        for _ in range(2):  # the first compiles
            since = time.monotonic()
            review(source, NAMES[0], 1, whole_folder).communicate()
            seconds = time.monotonic() - since
        whole = {each: (whole_folder / each).read_bytes() for each in NAMES}
        print(f"{asked.patients} patients, {source.stat().st_size / 1e6:.0f} MB, {seconds:.1f} s undisturbed")
        failed = 0
        for fault in FAULTS:
            ended: Counter[str] = Counter()
            faults: Counter[str] = Counter()
            for _ in range(asked.times):
                how, wrong = once(fault, source, whole, seconds, dice)
                ended[how] += 1
                faults.update(wrong)
            failed += sum(faults.values())
            counts = ", ".join(f"{count} {how}" for how, count in sorted(ended.items()))
            print(f"{fault:<14} {counts}; wrong: {dict(faults) if faults else 'nothing'}", flush=True)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
