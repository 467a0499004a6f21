"""The golden findings: what a review says of 300 simulated patients and of every example, kept as it was last approved.

    python tests/golden/write.py             write the findings anew, from the records that are kept here
    python tests/golden/write.py --records   simulate the records anew first (rarely: then every patient is another)

A finding that differs from what is kept is a clinical change: read every line of the difference, and name it in
`changelog.d` before the file is written anew.
"""

from __future__ import annotations

import datetime as dt
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from her2path.findings.finding import Finding
from her2path.findings.patient import Reviewer
from her2path.findings.reviews import PatientReview
from her2path.findings.settings import Settings
from her2path.read.source import read_columns, read_records
from her2path.record.event import Record, Trouble
from her2path.tables.load import default_knowledge

HERE = Path(__file__).parent
EXAMPLES = HERE.parent.parent / "examples"
MESS = {"clean": "none", "messy": "heavy"}
ON = dt.date(2025, 6, 1)
EXAMPLES_ON = dt.date(2026, 1, 1)
"""The day on which the HER2 tests of the examples are reviewed; courses have days of their own in their README."""


@dataclass(frozen=True)
class Source:
    """A file of records, and how it is reviewed."""

    path: Path
    on: dt.date
    jurisdiction: str = "us"


def sources() -> dict[str, list[Source]]:
    """What is reviewed, by the name of the file that keeps its findings."""
    made = {name: [Source(HERE / f"{name}.parquet", ON)] for name in MESS}
    made["examples"] = [Source(EXAMPLES / "her2-tests.ndjson", EXAMPLES_ON)]
    table = (EXAMPLES / "courses" / "README.md").read_text(encoding="utf-8")
    for file, days in re.findall(r"^\| `([\w-]+\.csv)` .*\| ([\d, -]+?) *\|$", table, re.MULTILINE):
        for day in days.split(", "):
            made["examples"] += [
                Source(EXAMPLES / "courses" / file, dt.date.fromisoformat(day), each) for each in ("us", "eu")
            ]
    return made


def told(found: Finding) -> list[str | None]:
    return [found.grade.word, found.key, found.words, found.do, found.by.isoformat() if found.by else None]


def line(source: Source, review: PatientReview) -> str:
    """One patient: every finding, of the course, the specimens and the rest, in the order said."""
    made: dict[str, Any] = {
        "file": source.path.name, "on": source.on.isoformat(), "jurisdiction": source.jurisdiction,
        "patient": review.patient, "her2_status": review.status,
        "course": [told(each) for each in review.course.findings] if review.course else None,
        "findings": [told(each) for each in (*review.findings, *(f for one in review.specimens for f in one.findings))],
    }  # fmt: skip
    return json.dumps(made, ensure_ascii=False)


def trouble_line(source: Source, trouble: Trouble) -> str:
    return json.dumps(
        {"file": source.path.name, "on": source.on.isoformat(), "not read": str(trouble)}, ensure_ascii=False
    )


def reviewer_for(source: Source) -> Reviewer:
    return Reviewer(default_knowledge(), Settings(source.on, jurisdiction=source.jurisdiction))


def together(source: Source) -> Iterator[str]:
    """Every patient of a source, reviewed as one batch."""
    knowledge, reviewer = default_knowledge(), reviewer_for(source)
    for batch in read_columns(source.path, knowledge.facts, None, None, True):
        if isinstance(batch, Trouble):
            yield trouble_line(source, batch)
        else:
            yield from (line(source, each) for each in reviewer.review_columns(batch))


def alone(source: Source) -> Iterator[str]:
    """Every patient of a source, reviewed one by one."""
    knowledge, reviewer = default_knowledge(), reviewer_for(source)
    for each in read_records(source.path, knowledge.facts):
        yield line(source, reviewer.review(each)) if isinstance(each, Record) else trouble_line(source, each)


def kept(name: str) -> list[str]:
    return (HERE / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()


def simulate() -> None:
    for name, mess in MESS.items():
        command = [
            sys.executable,
            "-m",
            "her2path",
            "simulate",
            "course",
            "--virtual-patients",
            "150",
            "--seed",
            "7",
            "--mess",
            mess,
        ]
        subprocess.run([*command, "--records", str(HERE / f"{name}.parquet")], check=True)


def main() -> None:
    if "--records" in sys.argv[1:]:
        simulate()
    for name, listed in sources().items():
        lines = sorted(each for source in listed for each in together(source))
        (HERE / f"{name}.jsonl").write_text("".join(f"{each}\n" for each in lines), encoding="utf-8")
    print("Every line of `git diff tests/golden` is a change of what a clinician is told: name it in changelog.d.")


if __name__ == "__main__":
    main()
