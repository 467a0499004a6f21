"""What a measure comes to: counts, with the undetermined told apart; the rate and how far they could move it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ...facts.problem import AskedWrongly
from ...facts.value import Json
from ...write.tables.patients import PATIENTS
from .read import Measure
from .views import rows_of

LEVEL = 0.95
"""Of the interval."""
BY = ("tumour_site", "year", "age_group", "stage", "product", "setting", "sex", "hormone_receptor_status")
"""Columns by which a measure may be told apart; those carried from the source beside them."""
ANSWERS = ("met", "not met", "undetermined", "membership undetermined", "excluded")
_ANSWER = """CASE
  WHEN counted IS FALSE THEN NULL WHEN excluded THEN 'excluded'
  WHEN counted IS NULL OR excluded IS NULL THEN 'membership undetermined'
  WHEN {met} THEN 'met' WHEN NOT {met} THEN 'not met' ELSE 'undetermined' END"""


def answer_of(measure: Measure) -> str:
    """The SQL that gives the answer of one who is asked, over the view that a measure counts."""
    met = f"nullif(({measure.value}) IS NOT NULL, false)" if measure.value else f"({measure.numerator})"
    words = _ANSWER.format(met=met).replace("counted IS", f"({measure.denominator})::BOOLEAN IS")
    excluded = f"({measure.exclusions or 'false'})::BOOLEAN"
    return words.replace("WHEN excluded THEN", f"WHEN {excluded} THEN").replace(
        "excluded IS NULL", f"{excluded} IS NULL"
    )


@dataclass(frozen=True, slots=True)
class Counted:
    """A measure in one stratum. Rates are shares from 0 to 1, `None` where nobody is counted.

    `met` of `met + not_met` is the rate among those of whom it is known. `undetermined` are counted and not known;
    of `maybe` it is not known whether they are counted. `lowest` and `highest` are the rates that all of these allow.
    """

    measure: Measure
    stratum: str
    met: int
    not_met: int
    undetermined: int
    maybe: int
    maybe_met: int
    maybe_not_met: int
    excluded: int
    quartiles: tuple[float, float, float] | None = None

    @property
    def denominator(self) -> int:
        """All who are counted, known or not."""
        return self.met + self.not_met + self.undetermined

    @property
    def rate(self) -> float | None:
        """The share of those of whom it is known."""
        return self.met / known if (known := self.met + self.not_met) else None

    @property
    def lowest(self) -> float | None:
        """The rate if all that is open went against it."""
        against = self.maybe - self.maybe_met
        whole = self.denominator + against
        return self.met / whole if whole else None

    @property
    def highest(self) -> float | None:
        """The rate if all that is open went for it."""
        in_favour = self.maybe - self.maybe_not_met
        whole = self.denominator + in_favour
        return (self.met + self.undetermined + in_favour) / whole if whole else None

    @property
    def interval(self) -> tuple[float, float] | None:
        """Wilson's interval of the rate."""
        known = self.met + self.not_met
        if not known:
            return None
        try:
            from scipy.stats import binomtest
        except ImportError as error:
            raise AskedWrongly(
                "intervals need SciPy, which is not installed: pip install 'her2path[cohort]'"
            ) from error
        found = binomtest(self.met, known).proportion_ci(LEVEL, "wilson")
        return float(found.low), float(found.high)

    def as_json(self, least: int = 0) -> dict[str, Json]:
        """The counts and rates; where a count from 1 to below `least` would show, all that tells it is null."""
        if self.is_small(least):
            return {"measure": self.measure.key, "stratum": self.stratum, "suppressed": f"a count below {least}"}
        told: dict[str, Json] = {
            "measure": self.measure.key, "stratum": self.stratum, "denominator": self.denominator,
            "undetermined": self.undetermined, "membership_undetermined": self.maybe, "excluded": self.excluded,
        }  # fmt: skip
        if self.measure.value:
            low, middle, high = self.quartiles or (None, None, None)
            return {**told, "lower_quartile": low, "median": middle, "upper_quartile": high}
        low, high = self.interval or (None, None)
        return {
            **told, "numerator": self.met, "rate": self.rate, "interval_low": low, "interval_high": high,
            "lowest": self.lowest, "highest": self.highest,
        }  # fmt: skip

    def is_small(self, least: int) -> bool:
        """Whether a count would show of fewer than `least` and more than nobody."""
        counts = (self.met, self.not_met, self.undetermined, self.maybe, self.excluded, self.denominator)
        return any(0 < count < least for count in counts)


def count(
    connection: Any, measure: Measure, by: str | None = None,
    period: tuple[dt.date | None, dt.date | None] = (None, None),
) -> list[Counted]:  # fmt: skip
    """A measure over the views of `opened`, by stratum; in a period, of those whose first HER2-directed dose is in it.

    Raises `AskedWrongly` where there is no such column.
    """
    if by is not None and by not in (columns := _columns(connection, measure)):
        raise AskedWrongly(f"--by {by}: no such column; there are {', '.join(columns_by(connection, columns))}")
    rows = rows_of(measure, by)
    conditions = [
        f"p.first_ever_day {sign} DATE '{day.isoformat()}'"
        for sign, day in zip((">=", "<="), period, strict=True) if day is not None
    ]  # fmt: skip
    if conditions:
        rows += f" WHERE {' AND '.join(conditions)}"
    sql = f"""SELECT stratum, count(*) FILTER (a = 'met'), count(*) FILTER (a = 'not met'),
        count(*) FILTER (a = 'undetermined'), count(*) FILTER (a = 'membership undetermined'),
        count(*) FILTER (a = 'membership undetermined' AND met),
        count(*) FILTER (a = 'membership undetermined' AND NOT met),
        count(*) FILTER (a = 'excluded'), quantile_cont(value, [0.25, 0.5, 0.75]) FILTER (counted AND NOT excluded),
        count(*) FILTER (counted AND NOT excluded AND value IS NOT NULL)
        FROM (SELECT *, {_ANSWER.format(met="met")} AS a FROM ({rows})) GROUP BY stratum ORDER BY stratum"""
    found = []
    for stratum, met, not_met, open_, maybe, maybe_met, maybe_not, excluded, quartiles, valued in _rows(
        connection, sql
    ):
        if measure.value:
            counted = Counted(measure, stratum, 0, valued, open_ - valued, maybe, 0, 0, excluded, _three(quartiles))
        else:
            counted = Counted(measure, stratum, met, not_met, open_, maybe, maybe_met, maybe_not, excluded)
        found.append(counted)
    return found or [Counted(measure, "all", 0, 0, 0, 0, 0, 0, 0)]


def patients_of(connection: Any, measure: Measure, answer: str) -> Iterator[str]:
    """Who stands behind a number, by name. Raises `AskedWrongly` for an answer that there is not."""
    if answer not in ANSWERS:
        raise AskedWrongly(f"{answer!r} is no answer of a measure; there are {', '.join(ANSWERS)}")
    answers = _ANSWER.format(met="nullif(value IS NOT NULL, false)" if measure.value else "met")
    sql = f"SELECT DISTINCT patient FROM ({rows_of(measure)}) WHERE {answers} = ? ORDER BY patient"
    yield from (patient for (patient,) in _rows(connection, sql, [answer]))


def _three(quartiles: Sequence[float] | None) -> tuple[float, float, float] | None:
    return (quartiles[0], quartiles[1], quartiles[2]) if quartiles and quartiles[1] is not None else None


def columns_by(connection: Any, columns: Sequence[str]) -> list[str]:
    """By which of some columns a measure may be told apart: our own, and those carried from the source."""
    carried = [row[0] for row in _rows(connection, "DESCRIBE patients") if row[0] not in PATIENTS.names]
    return [*(each for each in BY if each in columns), *(each for each in carried if each in columns)]


def _columns(connection: Any, measure: Measure) -> list[str]:
    return [row[0] for row in _rows(connection, f"DESCRIBE {measure.counts}")]


def _rows(connection: Any, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
    rows: list[tuple[Any, ...]] = connection.execute(sql, list(values)).fetchall()
    return rows
