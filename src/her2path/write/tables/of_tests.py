"""The findings of HER2 tests as columns of the table of findings, worked out once for all whose tests are alike."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa

from ...findings.finding import Finding
from ...findings.specimen.rows import FindingsOfTests, Pooled
from .arrow import coded


def taken(pooled: Pooled) -> Any:
    """Words, one a row; null where there are none."""
    places = pooled.places.astype(np.int32)
    return pa.array(pooled.pool, pa.string()).take(pa.array(places, mask=places < 0))


def settle_sets(sets: tuple[tuple[str, ...], ...]) -> str:
    """Sets of facts of which each would settle something."""
    return ", or ".join(" and ".join(names) for names in sets)


class PartOfTests:
    """The findings of HER2 tests of one grade, as columns."""

    def __init__(self, rows: FindingsOfTests) -> None:
        self.rows = rows
        self.count = len(rows.patients)

    def said(self, template: str) -> Any:
        """The words of every row; of what to do nothing is said."""
        return taken(self.rows.words) if template == self.rows.saying.say else (template, self.count)

    def specimens(self) -> Any:
        """The specimen that each row speaks of."""
        return taken(self.rows.specimens)

    def by(self) -> Any:
        return pa.nulls(self.count, pa.date32())

    def grade(self) -> tuple[str, int]:
        return self.rows.saying.grade.word, self.count

    def outcome(self) -> Any:
        return self._of_each(lambda finding: finding.key.partition(": ")[0] or self.rows.saying.outcome)

    def value(self) -> Any:
        return self._of_each(lambda finding: finding.key.partition(": ")[2] or finding.name)

    def table_rows(self) -> Any:
        return self._of_each(lambda finding: "; ".join(finding.rows))

    def edition(self) -> Any:
        return self._of_each(lambda finding: finding.edition)

    def sources(self) -> Any:
        return self._of_each(lambda finding: "; ".join(map(str, finding.citations)))

    def remark(self) -> Any:
        return self._of_each(lambda finding: finding.remark)

    def would_settle(self) -> Any:
        return self._of_each(lambda finding: settle_sets(finding.settle))

    def facts(self) -> Any:
        """The facts that every row rests on, each with its value in words."""
        listed = pa.array([finding.facts for finding in self.rows.findings], pa.map_(pa.string(), pa.string()))
        return listed.take(pa.array(self.rows.places))

    def _of_each(self, words: Callable[[Finding], str]) -> Any:
        return coded(self.rows.places, [words(finding) for finding in self.rows.findings])
