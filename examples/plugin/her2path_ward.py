"""An example of a package that adds to her2path: a ward's list of doses to read, and a handover to write.

`pip install examples/plugin`, then `her2path review examples/plugin/ward.doses` and `--format handover` work.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from her2path import AskedWrongly, Format, PatientReview, Source, Summary

COLUMNS = 5


class Ward(Source):
    """A line for each entry: patient|day|what|value|drug."""

    name = "ward"
    suffixes = (".doses",)

    def rows(self, path: Path) -> Iterator[dict[str, object]]:
        """The rows of a list. Raises `AskedWrongly` for a line that is none."""
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
            cells = [cell.strip() for cell in line.split("|")]
            if len(cells) != COLUMNS:
                raise AskedWrongly(f"{path}: line {number} has {len(cells)} parts; expected patient|day|what|value|drug")
            names = ("patient", "date", "fact", "value", "product")
            yield {**dict(zip(names, cells, strict=True)), "origin": f"{path.name}, line {number}"}


class Handover(Format):
    """A line for each patient, for who comes next."""

    name = "handover"
    suffixes = (".handover",)

    def begin(self) -> str:
        return f"Handover of {self.on}\n"

    def patient(self, review: PatientReview) -> str:
        verdict = review.course.standing.outcomes.get("verdict", "not known") if review.course else "no course"
        return f"[ ] {review.patient}: HER2 {review.status or 'undetermined'}, {verdict}\n"

    def end(self, summary: Summary) -> str:
        return f"{summary.patients} patients\n"
