"""The findings of HER2 tests as columns of the table of findings, worked out once for all whose tests are alike."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pyarrow as pa

from ...findings.finding import Finding
from ...findings.pieces import Coded
from ...findings.specimen.rows import FindingsOfTests, Pooled
from .arrow import picked


def taken(pooled: Pooled) -> Any:
    """Words, one a row; null where there are none."""
    return picked(pa.array(pooled.pool, pa.string()), pooled.places)


def settle_sets(sets: tuple[tuple[str, ...], ...]) -> str:
    """Sets of facts of which each would settle something."""
    return ", or ".join(" and ".join(names) for names in sets)


class PartOfTests:
    """The findings of HER2 tests of one grade, as columns."""

    def __init__(self, rows: FindingsOfTests) -> None:
        self.rows = rows
        self.count = len(rows.patients)

    def said(self, _template: str) -> Coded:
        """The words of every row."""
        return Coded(self.rows.words.pool, self.rows.words.places)

    def specimens(self) -> Coded:
        """The specimen that each row speaks of."""
        return Coded(self.rows.specimens.pool, self.rows.specimens.places)

    def do(self) -> Coded:
        """Nothing is said of what to do."""
        return Coded((self.rows.saying.do,))

    def by(self) -> None:
        """There is no day until which something is to be done."""

    def grade(self) -> Coded:
        return Coded((self.rows.saying.grade.word,))

    def outcome(self) -> Coded:
        return self._of_each(lambda finding: finding.key.partition(": ")[0] or self.rows.saying.outcome)

    def value(self) -> Coded:
        return self._of_each(lambda finding: finding.key.partition(": ")[2] or finding.name)

    def table_rows(self) -> Coded:
        return self._of_each(lambda finding: "; ".join(finding.rows))

    def edition(self) -> Coded:
        return self._of_each(lambda finding: finding.edition)

    def sources(self) -> Coded:
        return self._of_each(lambda finding: "; ".join(map(str, finding.citations)))

    def next_dose(self) -> Coded:
        """Nothing: a test forbids no dose by itself; what it means for one is asked of the course."""
        return Coded(("",))

    def remark(self) -> Coded:
        return self._of_each(lambda finding: finding.remark)

    def would_settle(self) -> Coded:
        return self._of_each(lambda finding: settle_sets(finding.settle))

    def _of_each(self, words: Callable[[Finding], str]) -> Coded:
        return Coded([words(finding) for finding in self.rows.findings], self.rows.places)
