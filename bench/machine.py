"""What a measurement was made on: printed above every table of results, and kept with them."""

from __future__ import annotations

import datetime as dt
import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

LIBRARIES = ("her2path", "numpy", "pyarrow", "numba", "zen-engine", "orjson")


def machine_facts() -> dict[str, str]:
    """Processor, cores, memory, system, versions and the day, in words by name."""
    facts = {
        "processor": _from_file(Path("/proc/cpuinfo"), "model name") or platform.processor() or platform.machine(),
        "cores": str(os.cpu_count() or "unknown"),
        "memory": _memory(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": f"{platform.python_implementation()} {platform.python_version()}",
    }
    for name in LIBRARIES:
        try:
            facts[name] = version(name)
        except PackageNotFoundError:
            facts[name] = "not installed"
    facts["date"] = dt.date.today().isoformat()
    return facts


def _memory() -> str:
    kilobytes = _from_file(Path("/proc/meminfo"), "MemTotal").split(" ")[0]
    return f"{int(kilobytes) / 2**20:.1f} GiB" if kilobytes.isdigit() else "unknown"


def _from_file(path: Path, name: str) -> str:
    """The first value of `name` in a file of `name: value` lines; "" where there is none."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError:
        return ""
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith(name)), "")
