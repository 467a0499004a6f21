"""Measure the closed loop: courses of virtual patients under a policy, the rules included.

    python bench/simulated.py [--patients 100000] [--json RESULTS.json]

Each run is a process of its own, so that its peak memory is its own; the first one compiles and is not counted.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path

from machine import machine_facts

CODE = """
import hashlib, json, resource, sys, time
from her2path.simulate.course.compare import run_policy
from her2path.simulate.course.run import Scenario
from her2path.simulate.course.policy import Policy
patients, cores = int(sys.argv[1]), int(sys.argv[2])
start = time.perf_counter()
found = run_policy(Policy("US label"), Scenario(patients=patients), cores)
seconds = time.perf_counter() - start
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(json.dumps({"seconds": seconds, "peak_mb": peak, "digest": hashlib.sha256(found.sums.tobytes()).hexdigest()}))
"""


def run(patients: int, cores: int) -> dict[str, float | str]:
    made = subprocess.run(
        [sys.executable, "-c", CODE, str(patients), str(cores)], check=True, capture_output=True, text=True
    )
    return dict(json.loads(made.stdout))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--patients", type=int, default=100_000)
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    facts = machine_facts()
    print("; ".join(f"{name} {value}" for name, value in facts.items()))
    run(1024, 1)
    whole = asked.patients
    runs = [(whole // 4, 2), (whole // 2, 2), (whole, 2), (whole // 4, 1)]
    results = {f"{patients} on {cores}": run(patients, cores) for patients, cores in runs}
    print(f"\n{'patients':>10}{'cores':>7}{'seconds':>10}{'courses/s':>12}{'peak MB':>10}")
    for (patients, cores), found in zip(runs, results.values(), strict=True):
        rate = patients / float(found["seconds"])
        print(f"{patients:10,}{cores:7}{float(found['seconds']):10.1f}{rate:12,.0f}{float(found['peak_mb']):10.0f}")
    same = results[f"{whole // 4} on 2"]["digest"] == results[f"{whole // 4} on 1"]["digest"]
    assert same, "one core and two gave different courses"
    print("\none core and two gave the same courses, to the last bit")
    if asked.json:
        asked.json.write_text(json.dumps({"machine": facts, "results": results}, indent=2), encoding="utf-8")


if __name__ == "__main__":
    main()
