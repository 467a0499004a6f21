"""Measure reading and reviewing FHIR: against orjson alone, against cql-execution, and in memory.

    python bench/reading.py [--patients 20000] [--file RECORDS.ndjson] [--json RESULTS.json]

Every ratio is taken within one run, its two sides in turn, and the medians are printed. cql-execution (npm) is
measured when npm is there, on the same bundles.
"""

from __future__ import annotations

import argparse
import datetime as dt
import gc
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import bundles
import orjson
from machine import machine_facts

from her2path.findings.patient import Reviewer
from her2path.findings.settings import Settings
from her2path.read.source import read_records
from her2path.record.event import Record
from her2path.tables.load import read_knowledge

HERE = Path(__file__).parent
COMMAND = [sys.executable, "-m", "her2path", "review"]
CQL_PATIENTS = 1000


def seconds(function: Callable[[], object]) -> float:
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def parse_all(path: Path) -> None:
    """What orjson alone needs for the same bytes."""
    with path.open("rb") as file:
        for line in file:
            orjson.loads(line)


def review_command(path: Path, output: Path) -> None:
    subprocess.run([*COMMAND, str(path), "--her2-only", "-o", str(output)], check=True)


def peak_memory_mb(path: Path, output: Path) -> float:
    """The peak memory of a whole review, in MB, measured by a parent that waits for it."""
    script = (
        "import resource, subprocess, sys; subprocess.run(sys.argv[1:], check=True);"
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, *COMMAND, str(path), "--her2-only", "-o", str(output)],
        check=True,
        capture_output=True,
    )
    return int(done.stdout) / 1024


def reading(path: Path, output: Path, repeats: int) -> dict[str, Any]:
    """The whole command against orjson alone, in turn."""
    pairs = [(seconds(lambda: review_command(path, output)), seconds(lambda: parse_all(path))) for _ in range(repeats)]
    with path.open("rb") as file:
        patients = sum(1 for _ in file)
    whole = statistics.median(pair[0] for pair in pairs)
    return {
        "patients": patients, "megabytes": path.stat().st_size / 1e6, "review_seconds": whole,
        "orjson_seconds": statistics.median(pair[1] for pair in pairs),
        "ratio": statistics.median(mine / parse for mine, parse in pairs),
        "patients_per_second": patients / whole,
    }  # fmt: skip


def rules_alone(path: Path, limit: int) -> tuple[float, float]:
    """Patients reviewed a second once their records are read, the reviewer new each time: the records as one batch, all
    findings as rows; and one record after the other."""
    knowledge = read_knowledge()
    records = []
    for found in read_records(path, knowledge.facts):
        if isinstance(found, Record):
            found.course = []  # cql-execution is asked for HER2 alone
            records.append(found)
        if len(records) == limit:
            break
    gc.freeze()  # as the command does
    gc.set_threshold(50_000, 20, 20)

    def batch(reviewer: Reviewer) -> None:
        reviewer.review_records(records).rows()

    def one_by_one(reviewer: Reviewer) -> None:
        for record in records:
            reviewer.review(record)

    rates: dict[Callable[[Reviewer], None], list[float]] = {batch: [], one_by_one: []}
    for _ in range(5):
        for way, listed in rates.items():
            reviewer = Reviewer(knowledge, Settings(dt.date.today()))
            listed.append(len(records) / seconds(partial(way, reviewer)))
    return statistics.median(rates[batch]), statistics.median(rates[one_by_one])


def cql(path: Path, limit: int) -> dict[str, Any] | None:
    """cql-execution on the first `limit` bundles, or `None` where npm cannot set it up."""
    folder = HERE / "cql"
    if shutil.which("npm") is None or shutil.which("node") is None:
        return None
    if not (folder / "node_modules" / "cql-execution").exists():
        done = subprocess.run(["npm", "ci", "--omit=dev", "--silent"], cwd=folder, check=False)
        if done.returncode:
            return None
    done = subprocess.run(
        ["node", "run.mjs", str(path), "--limit", str(limit)], cwd=folder, check=True, capture_output=True
    )
    return json.loads(done.stdout.splitlines()[-1])  # type: ignore[no-any-return]


def against_cql(path: Path, repeats: int) -> dict[str, Any] | None:
    """The same bundles by cql-execution: its rules against ours on loaded records, and from file to answer."""
    runs, ours, alone = [], [], []
    for _ in range(repeats):
        run = cql(path, CQL_PATIENTS)
        if run is None:
            return None
        runs.append(run)
        in_batch, one_by_one = rules_alone(path, CQL_PATIENTS)
        ours.append(in_batch)
        alone.append(one_by_one)
    theirs = statistics.median(run["patients_per_second"] for run in runs)
    whole = statistics.median(run["patients"] / (run["seconds_load"] + run["seconds_execute"]) for run in runs)
    return {
        "cql_patients_per_second": theirs, "cql_patients_per_second_with_loading": whole,
        "rules_patients_per_second": statistics.median(ours),
        "rules_ratio": statistics.median(mine / run["patients_per_second"] for mine, run in zip(ours, runs, strict=True)),
        "rules_patients_per_second_one_by_one": statistics.median(alone),
        "rules_ratio_one_by_one": statistics.median(
            mine / run["patients_per_second"] for mine, run in zip(alone, runs, strict=True)
        ),
    }  # fmt: skip


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--patients", type=int, default=20000)
    options.add_argument("--file", type=Path, help="NDJSON bundles to read instead of made ones")
    options.add_argument("--repeats", type=int, default=5)
    options.add_argument("--json", type=Path, help="write the results here too")
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        made, few, output = Path(folder) / "made.ndjson", Path(folder) / "few.ndjson", Path(folder) / "review.txt"
        bundles.write(made, chosen.patients)
        bundles.write(few, max(chosen.patients // 4, 1))
        path = chosen.file or made
        parse_all(path)
        found: dict[str, Any] = {"machine": machine_facts(), "reading": reading(path, output, chosen.repeats)}
        found["peak_memory_mb"] = {"quarter": peak_memory_mb(few, output), "all": peak_memory_mb(made, output)}
        found["cql"] = against_cql(path, min(chosen.repeats, 3))
    show(found)
    if chosen.json:
        chosen.json.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


def show(found: dict[str, Any]) -> None:
    """Print the figures with the machine's facts."""
    print("\n".join(f"{name}: {value}" for name, value in found["machine"].items()))
    read, memory = found["reading"], found["peak_memory_mb"]
    print(f"\nher2path review, whole command: {read['patients']} bundles, {read['megabytes']:.0f} MB")
    print(f"  {read['review_seconds']:.2f} s, {read['patients_per_second']:,.0f} patients/s")
    print(
        f"  orjson.loads alone {read['orjson_seconds']:.2f} s: {read['ratio']:.2f} times its time (target: at most 3)"
    )
    print(f"  peak memory {memory['quarter']:.0f} MB for a quarter of the patients, {memory['all']:.0f} MB for all")
    peer = found["cql"]
    if peer is None:
        print("\ncql-execution: not measured (npm and node are needed)")
        return
    print("\nthe HER2 rules on the same loaded bundles")
    print(
        f"  her2path {peer['rules_patients_per_second']:,.0f} patients/s, cql-execution {peer['cql_patients_per_second']:,.0f}"
    )
    print(f"  {peer['rules_ratio']:.0f} times (target: at least 100)")
    alone = peer["rules_patients_per_second_one_by_one"]
    print(f"  one record after the other {alone:,.0f} patients/s: {peer['rules_ratio_one_by_one']:.0f} times")
    whole = read["patients_per_second"] / peer["cql_patients_per_second_with_loading"]
    print(f"  from file to answer, reading included: {whole:.0f} times")


if __name__ == "__main__":
    main()
