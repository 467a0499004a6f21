"""Measure the review of courses: one patient with 30 events, the whole command, and a million patients as columns.

    python bench/population.py [--patients 1000000] [--json RESULTS.json]

The patients are made (`bench/courses.py`). Peak memory is that of all processes together.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

from machine import machine_facts

from her2path.findings.patient import Reviewer, Settings
from her2path.read.source import read_records
from her2path.record.event import Record
from her2path.tables.load import read_knowledge

HERE = Path(__file__).parent
ON = dt.date(2026, 1, 15)
COMMAND = [sys.executable, "-m", "her2path.cli.group", "review"]


def make(path: Path, patients: int) -> None:
    subprocess.run([sys.executable, str(HERE / "courses.py"), str(path), "--patients", str(patients)], check=True)


def one_patient(path: Path, count: int) -> dict[str, float]:
    """Milliseconds for a whole review of one patient, warm: the median and the 95th percentile."""
    knowledge = read_knowledge()
    records = []
    for found in read_records(path, knowledge.facts):
        if isinstance(found, Record):
            records.append(found)
        if len(records) == count:
            break
    reviewer = Reviewer(knowledge, Settings(ON))
    for record in records[:50]:
        reviewer.review(record)
    taken = []
    for record in records[50:]:
        start = time.perf_counter()
        reviewer.review(record)
        taken.append((time.perf_counter() - start) * 1000)
    events = statistics.mean(len(record.course) + len(record.events) for record in records)
    return {"events": events, "median_ms": statistics.median(taken), "p95_ms": statistics.quantiles(taken, n=20)[-1]}


def whole_command(path: Path, repeats: int) -> float:
    """Seconds for `her2path review` of a file with one patient, start-up and all."""
    taken = []
    for _ in range(repeats + 1):
        start = time.perf_counter()
        subprocess.run([*COMMAND, str(path), "--on", str(ON)], check=True, capture_output=True)
        taken.append(time.perf_counter() - start)
    return statistics.median(taken[1:])


def memory_of(process: int) -> int:
    """The resident memory of a process and its children, in kB."""
    children = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    own = next((line for line in Path(f"/proc/{process}/status").read_text().splitlines() if line.startswith("VmRSS")), "VmRSS 0")
    return int(own.split()[1]) + sum(memory_of(int(child)) for child in children)


def many(path: Path, output: Path, patients: int) -> dict[str, Any]:
    """Patients a second from Parquet to Parquet by the command, and the peak memory of all its processes."""
    start = time.perf_counter()
    running = subprocess.Popen([*COMMAND, str(path), "--on", str(ON), "-o", str(output)], stdout=subprocess.DEVNULL)
    peak = 0
    done = threading.Event()

    def watch() -> None:
        nonlocal peak
        while not done.wait(0.1):
            try:
                peak = max(peak, memory_of(running.pid))
            except (OSError, RuntimeError, IndexError):
                continue

    watcher = threading.Thread(target=watch)
    watcher.start()
    code = running.wait()
    done.set()
    watcher.join()
    taken = time.perf_counter() - start
    if code not in (0, 3):
        raise SystemExit(f"the command ended with {code}")
    return {"patients": patients, "seconds": taken, "patients_per_second": patients / taken, "peak_mb": peak / 1024, "exit_code": code}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--patients", type=int, default=1_000_000)
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    results: dict[str, Any] = {"machine": machine_facts()}
    with tempfile.TemporaryDirectory() as folder:
        few, one, big = Path(folder) / "few.parquet", Path(folder) / "one.parquet", Path(folder) / "big.parquet"
        make(few, 1050)
        make(one, 1)
        make(big, asked.patients)
        results["one_patient"] = one_patient(few, 1050)
        results["whole_command_seconds"] = whole_command(one, 5)
        output = Path(folder) / "findings.parquet"
        many(few, output, 1050)  # compile the folds once: they are kept on disk
        results["many"] = many(big, output, asked.patients)
    told = results["one_patient"]
    print(json.dumps(results["machine"]))
    print(f"one patient, {told['events']:.0f} events: {told['median_ms']:.2f} ms (95 % within {told['p95_ms']:.2f} ms); target 2 ms")
    print(f"the whole command for one patient: {results['whole_command_seconds']:.2f} s; target 0.6 s")
    told = results["many"]
    print(f"{told['patients']} patients from Parquet to Parquet: {told['seconds']:.1f} s, {told['patients_per_second']:.0f} patients/s; target 100000")
    print(f"peak memory of all processes: {told['peak_mb']:.0f} MB; target 4000 MB")
    if asked.json:
        asked.json.write_text(json.dumps(results, indent=2))


if __name__ == "__main__":
    main()
