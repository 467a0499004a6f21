"""Measure the review of courses as columns: a million patients of 30 events, from Parquet to all their findings in Parquet.

    python bench/population.py [--patients 1000000] [--other SOURCES] [--json RESULTS.json]

The patients are made (`bench/courses.py`), once clean and once with heavy mess. Peak memory is that of all processes
together. `--other` names the `src` folder of another version; its commands are run in turn with ours on the same files.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from machine import machine_facts
from measured import Measured, run

HERE = Path(__file__).parent
ON = dt.date(2026, 1, 15)
KINDS = ("clean", "heavy")
TARGETS = {"clean": 150_000, "heavy": 100_000}


def make(path: Path, patients: int, mess: str = "clean") -> None:
    arguments = [str(path), "--patients", str(patients), "--mess", mess]
    subprocess.run([sys.executable, str(HERE / "courses.py"), *arguments], check=True)


def review(path: Path, output: Path, source: Path | None) -> Measured:
    return run(["review", path, "--on", str(ON), "-o", output], source)


def versions(other: Path | None) -> dict[str, Path | None]:
    return {"ours": None} if other is None else {"ours": None, "other": other}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--patients", type=int, default=1_000_000)
    parser.add_argument("--other", type=Path, help="the src folder of another version, to measure in turn")
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    results: dict[str, Any] = {"machine": machine_facts()}
    print("; ".join(f"{name} {value}" for name, value in results["machine"].items()), flush=True)
    with tempfile.TemporaryDirectory() as folder:
        few, output = Path(folder) / "few.parquet", Path(folder) / "findings.parquet"
        make(few, 1050)
        for source in versions(asked.other).values():
            review(few, output, source)  # compile the folds once: they are kept on disk
        for kind in KINDS:
            for patients in (asked.patients // 4, asked.patients):
                big = Path(folder) / "big.parquet"
                make(big, patients, kind)
                for name, source in versions(asked.other).items():
                    found = review(big, output, source)
                    rate, microseconds = patients / found.seconds, found.processor_seconds / patients * 1e6
                    results[f"{name}: {patients} {kind}"] = {
                        "seconds": found.seconds,
                        "patients_per_second": rate,
                        "peak_mb": found.peak_mb,
                    }
                    print(
                        f"{name}: {patients:,} patients {kind}, Parquet to Parquet: {found.seconds:.1f} s, {rate:,.0f} patients/s"
                        f" (target {TARGETS[kind]:,}), {microseconds:.1f} µs of processor each, peak memory {found.peak_mb:.0f} MB", flush=True,
                    )  # fmt: skip
    if asked.json:
        asked.json.write_text(json.dumps(results, indent=2))


if __name__ == "__main__":
    main()
