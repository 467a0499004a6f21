"""How fast and how steady the CDS Hooks service is: order-sign with full prefetch of some thirty events.

    python bench/service.py                  50 requests a second for 60 s; then 10,000 requests, with the memory
    python bench/service.py --seconds 10 --many 1000
    python bench/service.py --kills 100      kill -9 while feedback is posted; nothing acknowledged may be lost

Needs h2load (Debian: nghttp2-client) and the extra `serve`. The limits are those of the issue: median at most 10 ms,
99 % under 40 ms, no errors; memory may grow by a tenth at most after the first thousand requests.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "src")]

from hooks_makers import ordered, prefetch_of, request, resources_of  # noqa: E402
from served import Command  # noqa: E402
from test_serve import CONFIGURATION, PATH, killed_while_posting  # noqa: E402

MEDIAN_MS, MOST_MS, RATE = 10.0, 40.0, 50
COURSE, UNTIL, DAY = "adjuvant-hold", "2026-01-05", "2026-01-19"
EVENTS = 30


def body() -> dict[str, Any]:
    """A request with thirty events of a course, the last ones, and an order at an LVEF of 48."""
    resources = resources_of(COURSE, UNTIL)
    patient, events = resources[:1], resources[1:]
    asked = prefetch_of((*patient, *events[-EVENTS:]))
    return request("order-sign", COURSE, asked, ordered("trastuzumab", 420))


def memory_kb(process: int) -> int:
    """What a process holds in memory, kB."""
    status = Path(f"/proc/{process}/status").read_text(encoding="utf-8")
    return int(re.search(r"VmRSS:\s+(\d+)", status)[1])  # type: ignore[index]


def processor_ms(process: int) -> float:
    """The processor time that a process has had, ms."""
    said = Path(f"/proc/{process}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(said[11]) + int(said[12])) * 1000 / os.sysconf("SC_CLK_TCK")


def load(base: str, content: Path, log: Path, *options: str) -> tuple[list[float], str]:
    """The milliseconds of each request of a load, and what h2load says of its answers."""
    log.unlink(missing_ok=True)
    told = subprocess.run(
        ["h2load", "--h1", *options, "-d", str(content), "-H", "content-type: application/json", f"--log-file={log}", base + PATH],
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    rows = [line.split("\t") for line in log.read_text(encoding="utf-8").splitlines()]
    statuses = [row[1] for row in rows]
    codes = re.search(r"status codes: .*", told)
    faults = f"{len([status for status in statuses if status != '200'])} not answered by 200; {codes[0] if codes else ''}"
    return [int(row[2]) / 1000 for row in rows], faults


def main() -> None:
    reader = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    reader.add_argument("--seconds", type=int, default=60, help="how long the steady load is")
    reader.add_argument("--many", type=int, default=10_000, help="how many requests the memory is watched over")
    reader.add_argument("--kills", type=int, default=0, help="only kill the server so many times while feedback is posted")
    asked = reader.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if asked.kills:
            kept = killed_while_posting(folder, asked.kills)
            print(f"killed {asked.kills} times: {kept} feedbacks acknowledged, 0 lost")
            return
        content, log = folder / "body.json", folder / "log"
        content.write_text(json.dumps(body()), encoding="utf-8")
        server = Command(folder, CONFIGURATION.format(folder=folder), "--on", DAY)
        try:
            load(server.base, content, log, "-n", "50", "-c", "1")
            start = processor_ms(server.process.pid)
            alone, _ = load(server.base, content, log, "-n", "500", "-c", "1")
            spent = (processor_ms(server.process.pid) - start) / 500
            print(f"one after the other: median {statistics.median(alone):.1f} ms, least {min(alone):.1f} ms, "
                  f"{spent:.1f} ms of the processor each; load of the machine {os.getloadavg()[0]:.1f}")  # fmt: skip
            times, faults = load(server.base, content, log, f"--rps={RATE // 2}", "-c", "2", "-D", str(asked.seconds))
            times.sort()
            median, most = statistics.median(times), times[int(len(times) * 0.99)]
            print(f"body {content.stat().st_size / 1000:.0f} kB; {len(times)} requests at {RATE} a second: median {median:.1f} ms "
                  f"(at most {MEDIAN_MS:g}), 99 % under {most:.1f} ms ({MOST_MS:g}), slowest {times[-1]:.1f} ms; {faults}; "
                  f"load of the machine {os.getloadavg()[0]:.1f}")  # fmt: skip
            before = []
            for part in range(10):
                load(server.base, content, log, "-n", str(asked.many // 10), "-c", "2")
                before.append(memory_kb(server.process.pid))
                print(f"after {(part + 1) * asked.many // 10} more: {before[-1] / 1000:.1f} MB")
            growth = before[-1] / before[0] - 1
            print(f"memory grew by {growth:.1%} after the first tenth")
        finally:
            server.end()
    if median > MEDIAN_MS or most > MOST_MS or growth > 0.1:
        sys.exit("slower, or larger, than it may be")


if __name__ == "__main__":
    main()
