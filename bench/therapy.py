"""Measure FHIR with therapy: read, reviewed and its findings written to Parquet, against orjson alone on the same bytes.

    python bench/therapy.py [--patients 20000] [--file RECORDS.ndjson ...] [--other SOURCES] [--json RESULTS.json]

The patients are simulated, once clean and once with heavy mess, all on one core. Cold is a process that has read nothing
yet: `command` the whole command, start-up and all, `cold` the same without the start-up; `warm` is the second time
through the same file. Of each file the sides are taken in turn. `--other` names the `src` folder of another version; its
command (which writes the review as text where it has no findings of FHIR) is run on the first tenth of each file.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from machine import machine_facts
from measured import run

ON = "2025-06-01"
KINDS = {"clean": "none", "heavy": "heavy"}

PARSE = """
import sys, time, orjson
with open(sys.argv[1], "rb") as file:
    start = time.process_time()
    for line in file:
        orjson.loads(line)
print(time.process_time() - start)
"""

PASSES = """
import datetime as dt, gc, json, pathlib, sys, time
from her2path.findings.patient import Reviewer
from her2path.findings.settings import Settings
from her2path.read.files import read_pieces
from her2path.read.source import ColumnWorker
from her2path.record.columns import RecordColumns
from her2path.tables.load import default_knowledge
from her2path.write.tables.file import FindingsFile
source, output, on = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), dt.date.fromisoformat(sys.argv[3])
BATCH = 24_000_000
knowledge = default_knowledge()
reviewer, worker = Reviewer(knowledge, Settings(on)), ColumnWorker(knowledge.facts, True)
reviewer.load_compiled()
gc.freeze()  # as the command does
gc.set_threshold(50_000, 20, 20)

def batches():
    pieces, size = [], 0
    for piece in read_pieces(source):
        pieces.append(piece)
        size += len(piece.content)
        if size >= BATCH:
            yield pieces
            pieces, size = [], 0
    if pieces:
        yield pieces

for turn in range(3):
    start, reading, patients = time.process_time(), 0.0, 0
    with FindingsFile(output, source) as file:
        for pieces in batches():
            begun = time.process_time()
            items = worker.read(pieces).items
            reading += time.process_time() - begun
            for item in items:
                if isinstance(item, RecordColumns):
                    patients += len(item)
                    file.put(file.batch(reviewer.review_columns(item)))
                else:
                    file.put(item)
    whole = time.process_time() - start
    print(json.dumps({"seconds": whole, "reading": reading, "patients": patients, "findings": file.findings}))
"""

ONE = """
import datetime as dt, gc, json, pathlib, statistics, sys, time
from her2path.findings.patient import Reviewer
from her2path.findings.settings import Settings
from her2path.read.files import Piece
from her2path.read.source import ColumnWorker
from her2path.tables.load import default_knowledge
from her2path.write.review_text import patient_text
knowledge = default_knowledge()
reviewer, worker = Reviewer(knowledge, Settings(dt.date.fromisoformat(sys.argv[2]))), ColumnWorker(knowledge.facts)
with open(sys.argv[1], "rb") as file:
    lines = [line for line, _ in zip(file, range(300))]
gc.freeze()  # as the command does
gc.set_threshold(50_000, 20, 20)
taken = []
for turn in range(2):
    for line in lines:
        start = time.process_time()
        for batch in worker.read([Piece("one.json", line)]).items:
            text = patient_text(reviewer.review_columns(batch).patient(0))
        if turn:
            taken.append((time.process_time() - start) * 1000)
print(json.dumps({"median_ms": statistics.median(taken), "p95_ms": statistics.quantiles(taken, n=20)[-1]}))
"""


def script(code: str, *arguments: object) -> list[str]:
    """The lines that a script prints in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)], check=True, capture_output=True, text=True
    )
    return done.stdout.splitlines()


def parse_seconds(path: Path) -> float:
    return float(script(PARSE, path)[0])


def first_tenth(path: Path, part: Path) -> None:
    with path.open("rb") as file:
        count = sum(1 for _ in file)
    with path.open("rb") as file, part.open("wb") as first:
        first.writelines(line for line, _ in zip(file, range(max(count // 10, 1)), strict=False))


def against_parsing(path: Path, output: Path, repeats: int) -> dict[str, Any]:
    """The ratios to orjson of one file; medians of `repeats` runs, each with orjson before and after it."""
    found: dict[str, list[float]] = {
        "command": [],
        "cold": [],
        "cold_reading": [],
        "warm": [],
        "warm_reading": [],
        "orjson_seconds": [],
    }
    patients = findings = 0
    peak = 0.0
    for _ in range(repeats):
        before = parse_seconds(path)
        command = run(["review", path, "--on", ON, "--processes", "1", "-o", output])
        between = parse_seconds(path)
        passes = [json.loads(line) for line in script(PASSES, path, output, ON)]
        after = parse_seconds(path)
        patients, findings, peak = passes[0]["patients"], passes[0]["findings"], max(peak, command.peak_mb)
        first, second = (before + between) / 2, (between + after) / 2
        warm = min(passes[1:], key=lambda each: float(each["seconds"]))
        found["command"].append(command.processor_seconds / first)
        for name, told in (("cold", passes[0]), ("warm", warm)):
            found[name].append(told["seconds"] / second)
            found[f"{name}_reading"].append(told["reading"] / second)
        found["orjson_seconds"].append(min(before, between, after))
    medians = {name: statistics.median(values) for name, values in found.items()}
    return {
        "patients": patients,
        "findings": findings,
        "megabytes": path.stat().st_size / 1e6,
        "peak_mb": peak,
        **medians,
    }


def other_ratio(path: Path, folder: Path, source: Path) -> float:
    """The command of another version, less its start-up, against orjson on a tenth of the file."""
    part, one = folder / "part.ndjson", folder / "one.ndjson"
    first_tenth(path, part)
    with path.open("rb") as file:
        one.write_bytes(file.readline())
    arguments = ["--on", ON, "--processes", "1", "-o", folder / "other.txt"]
    begun = run(["review", one, *arguments], source).processor_seconds
    before = parse_seconds(part)
    taken = run(["review", part, *arguments], source).processor_seconds - begun
    return taken / ((before + parse_seconds(part)) / 2)


def whole_command(path: Path, source: Path | None, repeats: int = 7) -> dict[str, float]:
    """`her2path review` of a file with one patient, start-up and all: medians."""
    runs = [run(["review", path, "--on", ON], source) for _ in range(repeats + 1)][1:]
    return {
        "seconds": statistics.median(each.seconds for each in runs),
        "processor_seconds": statistics.median(each.processor_seconds for each in runs),
    }  # fmt: skip


def import_seconds(source: Path | None, repeats: int = 7) -> float:
    """`import her2path` less a Python that imports nothing, on the clock: the median."""

    def taken(code: str) -> float:
        return statistics.median(run([code], source, (sys.executable, "-c")).seconds for _ in range(repeats))

    return taken("import her2path") - taken("pass")


def commands(path: Path, folder: Path, other: Path | None, results: dict[str, Any]) -> None:
    """The whole command for the first patient, and the import, of this version and of another."""
    one = folder / "one.json"
    with path.open("rb") as file:
        one.write_bytes(file.readline())
    versions: dict[str, Path | None] = (
        {"this version": None} if other is None else {"this version": None, "the other": other}
    )
    for name, source in versions.items():
        command, taken = whole_command(one, source), import_seconds(source)
        results[f"{name}: command"], results[f"{name}: import"] = command, taken
        print(
            f"{name}: the whole command for one patient {command['seconds']:.2f} s, {command['processor_seconds']:.2f} s of"
            f" processor (target 0.4); import her2path {taken:.3f} s (target 0.1)", flush=True,
        )  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--patients", type=int, default=20_000)
    parser.add_argument("--file", type=Path, action="append", default=[], help="NDJSON bundles to measure too")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--other", type=Path, help="the src folder of another version, to measure in turn")
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    results: dict[str, Any] = {"machine": machine_facts()}
    print("; ".join(f"{name} {value}" for name, value in results["machine"].items()), flush=True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for kind in (*KINDS, *asked.file):
            path = folder / "simulated.ndjson" if isinstance(kind, str) else kind
            if isinstance(kind, str):
                run(["simulate", "course", "--virtual-patients", str(asked.patients), "--mess", KINDS[kind], "--fhir", path])
                if kind == "clean":
                    commands(path, folder, asked.other, results)
                    told = results["one_patient"] = json.loads(script(ONE, path, ON)[0])
                    print(
                        f"one patient, from FHIR to text, warm: {told['median_ms']:.2f} ms (95 % within {told['p95_ms']:.2f} ms; target 4)"
                    )
            told = results[str(kind)] = against_parsing(path, folder / "findings.parquet", asked.repeats)
            print(
                f"{kind}: {told['patients']:,} patients, {told['megabytes']:.0f} MB, {told['findings']:,} findings; times orjson"
                f" ({told['orjson_seconds']:.2f} s): command {told['command']:.2f}, cold {told['cold']:.2f} (target 3; reading"
                f" {told['cold_reading']:.2f}), warm {told['warm']:.2f} (target 2; reading {told['warm_reading']:.2f});"
                f" peak memory {told['peak_mb']:.0f} MB", flush=True,
            )  # fmt: skip
            if asked.other is not None:
                ratio = results[f"{kind}, other"] = other_ratio(path, folder, asked.other)
                print(f"{kind}: the other version, the first tenth: {ratio:.1f} times orjson", flush=True)
    if asked.json:
        asked.json.write_text(json.dumps(results, indent=2))


if __name__ == "__main__":
    main()
