"""A trial as a file: arms with responses or concentrations, read so that nothing unknown is lost silently.

CSV or Parquet, one row a patient (in a crossover one row a patient and treatment). Rows of a CSV count the header as
row 1; those of a Parquet file start at 1.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ...facts.problem import AskedWrongly
from ...read.tabular.file import read_table
from .responses import Responses

RESPONSE, CONCENTRATION = "response", "concentration"
PARALLEL, CROSSOVER = "parallel", "crossover"
COLUMN_NAMES = {
    "arm": ("arm", "treatment", "group"),
    RESPONSE: ("response", "responder", "responded", "pcr", "tpcr", "bpcr", "orr"),
    CONCENTRATION: ("concentration", "auc", "cmax", "ctrough", "trough", "cmin", "value"),
    "patient": ("patient", "subject", "id"),
    "period": ("period",),
}
"""What a column may be called; a unit may follow after an underscore (`auc_mg_d_per_l`)."""
REFERENCE_NAMES = ("reference", "herceptin", "originator", "intravenous", "iv")
_YES, _NO = ("yes", "y", "true", "1", "1.0", "responder"), ("no", "n", "false", "0", "0.0", "non-responder")
_IS_NO = " is no "
"""What stands in the reason where a value cannot be understood."""
_UNKNOWN = ("", "na", "n/a", "nan", "null", "none", "unknown", "missing", "not evaluable", "ne", "?", ".")


@dataclass(frozen=True, slots=True)
class UnusedRow:
    """A row that could not be used, and why; `unreadable` where it says something that cannot be understood."""

    row: int
    arm: str
    why: str
    unreadable: bool = False

    def __str__(self) -> str:
        return f"row {self.row} ({self.arm or 'no arm'}): {self.why}"


@dataclass(slots=True)
class TrialData:
    """What a file holds: `responses` or `values` by arm; in a crossover `pairs`: patient, arm, (value, period, row)."""

    path: Path
    endpoint: str
    column: str
    arms: tuple[str, ...]
    reference: str
    design: str = PARALLEL
    responses: dict[str, Responses] = field(default_factory=dict)
    values: dict[str, list[float]] = field(default_factory=dict)
    pairs: dict[str, dict[str, tuple[float, int | None, int]]] = field(default_factory=dict)
    unknown: list[UnusedRow] = field(default_factory=list)

    @property
    def tests(self) -> tuple[str, ...]:
        """The arms that are compared with the reference."""
        return tuple(arm for arm in self.arms if arm != self.reference)

    def unknown_of(self, arm: str) -> int:
        """How many rows of an arm could not be used."""
        return sum(row.arm == arm for row in self.unknown)


def read_trial(
    path: Path, *, endpoint: str = "", reference: str = "", design: str = PARALLEL, column: str = ""
) -> TrialData:
    """Read a trial. Raises `AskedWrongly` with file, row, field and what was expected.

    `endpoint`, `reference` and `column` are found from the names where they are blank and the file leaves no choice.
    A blank or unknown value, one below quantification (`< 0.5`) and one that cannot be read is kept in `unknown`.
    """
    table = read_table(path)
    names = [str(name) for name in table.column_names]
    endpoint, column = _endpoint(path, names, endpoint, column)
    columns = {"arm": _column(path, names, "arm"), "value": column}
    if design == CROSSOVER:
        if endpoint == RESPONSE:
            raise AskedWrongly(f"{path}: a crossover compares concentrations; responses need --design parallel")
        columns["patient"] = _column(path, names, "patient")
        if _matching(names, "period"):
            columns["period"] = _column(path, names, "period")
    rows = zip(*(table.column(name).to_pylist() for name in columns.values()), strict=True)
    first = 2 if path.suffix.lower() == ".csv" else 1
    records = [(row, dict(zip(columns, cells, strict=True))) for row, cells in enumerate(rows, start=first)]
    if not records:
        raise AskedWrongly(f"{path}: there are no rows below the header")
    arms = tuple(dict.fromkeys(name for _, cells in records if (name := _text(cells["arm"])).lower() not in _UNKNOWN))
    data = TrialData(path, endpoint, column, arms, _reference(path, columns["arm"], arms, reference), design)
    if design == CROSSOVER and len(arms) != 2:
        raise AskedWrongly(f"{path}: a crossover has two treatments, but {columns['arm']} has {_listed(arms)}")
    _fill(data, records, columns, design)
    return data


def _fill(data: TrialData, records: list[tuple[int, dict[str, Any]]], columns: dict[str, str], design: str) -> None:
    counted = {arm: [0, 0] for arm in data.arms}
    data.values = {arm: [] for arm in data.arms}
    for row, cells in records:
        arm = _text(cells["arm"])
        if arm.lower() in _UNKNOWN:
            data.unknown.append(UnusedRow(row, "", f"{columns['arm']} is not given"))
            continue
        value = _response(cells["value"]) if data.endpoint == RESPONSE else _positive(cells["value"])
        if isinstance(value, str):
            data.unknown.append(UnusedRow(row, arm, f"{data.column} {value}", _IS_NO in value))
        elif data.endpoint == RESPONSE:
            counted[arm][0] += int(value)
            counted[arm][1] += 1
        elif design == CROSSOVER:
            _pair(data, row, cells, columns, value)
        else:
            data.values[arm].append(value)
    if data.endpoint == RESPONSE:
        for arm, (responders, patients) in counted.items():
            if not patients:
                raise AskedWrongly(f"{data.path}: no {data.column} is known in the arm {arm!r}")
            data.responses[arm] = Responses(responders, patients)

    for patient, treatments in [*data.pairs.items()]:
        if len(treatments) < 2:
            ((arm, (_, _, row)),) = data.pairs.pop(patient).items()
            data.unknown.append(
                UnusedRow(row, arm, f"patient {patient} has no known {data.column} of the other treatment")
            )
    data.unknown.sort(key=lambda unknown: unknown.row)


def _pair(data: TrialData, row: int, cells: dict[str, Any], columns: dict[str, str], value: float) -> None:
    patient, arm = _text(cells["patient"]), _text(cells["arm"])
    if patient.lower() in _UNKNOWN:
        data.unknown.append(UnusedRow(row, arm, f"{columns['patient']} is not given"))
        return
    period: int | None = None
    if "period" in cells:
        written = _text(cells["period"]).removesuffix(".0")
        if written not in ("1", "2"):
            raise AskedWrongly(
                f"{data.path}: row {row}, {columns['period']}: {written!r} is no period; expected 1 or 2"
            )
        period = int(written)
    treatments = data.pairs.setdefault(patient, {})
    if arm in treatments:
        raise AskedWrongly(
            f"{data.path}: row {row}, {columns['patient']}: {patient!r} has {arm!r} twice; expected once"
        )
    if period is not None and any(other == period for _, other, _ in treatments.values()):
        raise AskedWrongly(f"{data.path}: row {row}, {columns['period']}: {patient!r} has period {period} twice")
    treatments[arm] = (value, period, row)


def _response(cell: Any) -> bool | str:
    text = _text(cell).lower()
    if text in _UNKNOWN:
        return "is not known" if text else "is blank"
    if text in _YES or text in _NO:
        return text in _YES
    return f"{_text(cell)!r}{_IS_NO}response; expected yes or no, or blank where it is not known"


def _positive(cell: Any) -> float | str:
    text = _text(cell)
    if text.lower() in _UNKNOWN:
        return "is not known" if text else "is blank"
    if text.startswith("<"):
        return f"is below quantification ({text})"
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value) or value <= 0:
        advice = (
            "expected a number above 0 with a decimal point; write < and the limit where it is below quantification"
        )
        return f"{text!r}{_IS_NO}concentration; {advice}"
    return value


def _text(cell: Any) -> str:
    return "" if cell is None else str(cell).strip()


def _matching(names: list[str], what: str) -> list[str]:
    wanted = COLUMN_NAMES[what]
    return [
        name for name in names if any(name.lower() == alias or name.lower().startswith(f"{alias}_") for alias in wanted)
    ]


def _column(path: Path, names: list[str], what: str) -> str:
    matching = _matching(names, what)
    if len(matching) == 1:
        return matching[0]
    if matching:
        raise AskedWrongly(f"{path}: several columns could hold the {what}: {_listed(matching)}; keep one")
    raise AskedWrongly(
        f"{path}: no column holds the {what}; expected {_or(COLUMN_NAMES[what])}, found {_listed(names)}"
    )


def _endpoint(path: Path, names: list[str], endpoint: str, column: str) -> tuple[str, str]:
    """The endpoint and its column, from what was said and what the columns are called."""
    if column:
        if column not in names:
            raise AskedWrongly(f"{path}: there is no column {column!r}; found {_listed(names)}")
        named = [kind for kind in (RESPONSE, CONCENTRATION) if column in _matching(names, kind)]
        if not endpoint and not named:
            raise AskedWrongly(f"{path}: say with --endpoint whether {column!r} holds a response or a concentration")
        return endpoint or named[0], column
    matching = {kind: _matching(names, kind) for kind in (RESPONSE, CONCENTRATION)}
    if not endpoint:
        there = [kind for kind, columns in matching.items() if columns]
        if len(there) > 1:
            both = _listed([*matching[RESPONSE], *matching[CONCENTRATION]])
            raise AskedWrongly(f"{path}: there are responses and concentrations ({both}); say --endpoint or --column")
        if not there:
            expected = f"response (yes or no), or a concentration: {_or(COLUMN_NAMES[CONCENTRATION])}"
            raise AskedWrongly(f"{path}: no column holds what to compare; expected {expected}; found {_listed(names)}")
        endpoint = there[0]
    if len(matching[endpoint]) > 1:
        raise AskedWrongly(
            f"{path}: several columns could hold the {endpoint}: {_listed(matching[endpoint])}; say --column"
        )
    return endpoint, _column(path, names, endpoint)


def _reference(path: Path, column: str, arms: tuple[str, ...], reference: str) -> str:
    if len(arms) < 2:
        raise AskedWrongly(f"{path}: {column} names {_listed(arms) if arms else 'no arm'}; expected at least two arms")
    if reference:
        same = [arm for arm in arms if arm.lower() == reference.lower()]
        if not same:
            raise AskedWrongly(f"{path}: no arm is called {reference!r}; {column} has {_listed(arms)}")
        return same[0]
    known = [arm for arm in arms if arm.lower() in REFERENCE_NAMES]
    if len(known) != 1:
        raise AskedWrongly(f"{path}: say with --reference which arm is the reference; {column} has {_listed(arms)}")
    return known[0]


def _listed(names: Any) -> str:
    return ", ".join(repr(name) for name in names)


def _or(names: tuple[str, ...]) -> str:
    return " or ".join(filter(None, (", ".join(names[:-1]), names[-1])))
