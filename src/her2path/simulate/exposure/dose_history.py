"""Doses as they were given: a file of a patient's doses and levels, and what doses that follow a gap should be.

Days count from the first dose. A file gives days or dates; where dates have times of the day, the parts of days count.
"""

from __future__ import annotations

import csv
import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from math import isfinite
from pathlib import Path

from ...facts.problem import AskedWrongly
from ..model import read_model
from .kernel import INFUSION, UNDER_SKIN
from .schedule import CYCLE_LENGTH_DAYS, Dose, Schedule, checked, labelled, missed, reload_by_label

ROUTE_NUMBERS = {"iv": INFUSION, "sc": UNDER_SKIN}
MOST_SPAN_DAYS = 7305
"""20 years of doses; a longer span is a slip of a date."""
MOST_LEVEL_MG_PER_L = 5000.0
HOUR_OF_DOSES = 9
"""Where only dates are known, doses begin and levels are taken at this hour (decision D123)."""


@dataclass(frozen=True, slots=True)
class Level:
    """A measured concentration: `day` from the first dose, mg/L; `below` where only that limit is known."""

    day: float
    mg_per_l: float
    below: bool = False
    written: str = ""
    assumed_hour: bool = False


def own_schedule(doses: Sequence[Dose], name: str = "own") -> Schedule:
    """Doses as a schedule whose cycles run from each day with a dose to the next, the last as long as most before.

    Raises `AskedWrongly` for doses that cannot be, and for more than 20 years of them.
    """
    checked(doses)
    moved = tuple(replace(dose, day=dose.day - doses[0].day) for dose in doses)
    if moved[-1].day > MOST_SPAN_DAYS:
        raise AskedWrongly(f"the doses span {moved[-1].day:.0f} days; expected at most {MOST_SPAN_DAYS}")
    days = sorted({dose.day for dose in moved})
    starts = [days[0]]
    for day in days[1:]:
        if day - starts[-1] >= 1:
            starts.append(day)
    gaps = sorted(later - day for day, later in pairwise(starts))
    usual = gaps[len(gaps) // 2] if gaps else float(CYCLE_LENGTH_DAYS)
    return Schedule(name, moved, tuple(starts), starts[-1] + usual)


def without(schedule: Schedule, numbers: Sequence[int], reload: bool | None, model: str) -> Schedule:
    """The schedule without some doses; the one after a gap is a first one again, by `reload` or the label's table.

    `numbers` count from 1. Raises `AskedWrongly` for the first dose and for one that there is not.
    """
    rows: dict[str, None] = {}
    left = schedule
    for number in sorted(set(numbers), reverse=True):
        left = missed(left, number)
    doses = list(left.doses)
    gone = {schedule.doses[number - 1].day for number in numbers}
    for place in range(1, len(doses)):
        before, day = doses[place - 1].day, doses[place].day
        if not any(before < gap_day < day for gap_day in gone):
            continue
        again, label_rows = (reload, ()) if reload is not None else reload_by_label(model, schedule.name, day - before)
        if label_rows:
            rows["; ".join(label_rows)] = None
        if again:
            doses[place] = replace(schedule.doses[0], day=day, kind="re-load")
    return replace(left, doses=tuple(doses), rows=(*left.rows, *rows))


def usual_minutes(model: str, first: bool) -> float:
    """The minutes of an infusion, the first or a later one, by the label of a model's product."""
    return labelled(model, "q3w", 2).doses[0 if first else 1].minutes


@dataclass(frozen=True, slots=True)
class OwnDoses:
    """Doses of a file: their schedule, when the first was (a day of the file, or a moment), and what was assumed."""

    schedule: Schedule
    first_day: float
    start: dt.datetime | None
    assumed: tuple[str, ...]


def read_doses(path: Path, model: str) -> OwnDoses:
    """A file of doses: `day` or `date`; `mg` or `mg_per_kg`; `minutes` and `route` (iv, sc) where they are known.

    Raises `AskedWrongly`, with the line, for what is no dose.
    """
    rows = _rows(path, {"day", "date", "mg", "mg_per_kg", "minutes", "route"}, ("day", "date"))
    times, start = _times(path, rows)
    doses: list[Dose] = []
    unsaid = 0
    for (line, row), day in zip(rows, times, strict=True):
        where = f"{path.name}:{line}"
        route = row.get("route", "").lower() or "iv"
        if route not in ROUTE_NUMBERS:
            raise AskedWrongly(f"{where}: the route {route!r} is not known; expected iv or sc")
        if route == "sc" and "absorption" not in read_model(model):
            raise AskedWrongly(f"{where}: the model {model} knows no route under the skin; use --model trastuzumab-sc")
        if bool(row.get("mg")) == bool(row.get("mg_per_kg")):
            raise AskedWrongly(f"{where}: expected an amount in mg or in mg_per_kg, one of them")
        name = "mg" if row.get("mg") else "mg_per_kg"
        amount = _number(where, name, row[name])
        if route == "iv" and not row.get("minutes"):
            unsaid += 1
            minutes = usual_minutes(model, not doses)
        else:
            minutes = _number(where, "minutes", row.get("minutes") or "0")
        per_kg = name == "mg_per_kg"
        doses.append(
            Dose(day, amount if per_kg else 0.0, 0.0 if per_kg else amount, minutes, ROUTE_NUMBERS[route], "given")
        )
    assumed = (f"length of {unsaid} infusions not in the file: the label's",) if unsaid else ()
    try:
        schedule = own_schedule(doses, f"doses of {path.name}")
    except AskedWrongly as wrong:
        raise AskedWrongly(f"{path.name}: {wrong}") from None
    return OwnDoses(schedule, times[0], start, assumed)


def read_levels(path: Path, patient: str, start: dt.datetime | None, first_day: float = 0.0) -> list[Level]:
    """The levels of one patient in a file: `date` (with or without a time) or `day`; `concentration_mg_per_l`.

    "<0.5" is a level below a limit of quantification. `start` is the moment of the first dose, or `first_day` its
    day in the count of the file; `patient` is "" for a file of one. Raises `AskedWrongly`, with the line, for what is
    no level, and where she has none.
    """
    rows = _rows(path, {"patient", "day", "date", "datetime", "concentration_mg_per_l"}, ("concentration_mg_per_l",))
    hers = [(line, row) for line, row in rows if not patient or row.get("patient", patient) == patient]
    if not hers:
        others = ", ".join(dict.fromkeys(row.get("patient", "") for _, row in rows)) or "nobody"
        raise AskedWrongly(f"{path.name} holds no level of {patient}; it holds levels of {others}")
    if not patient and len({row.get("patient", "") for _, row in hers}) > 1:
        raise AskedWrongly(f"{path.name} holds levels of several patients; choose one with --patient")
    levels = []
    for line, row in hers:
        where = f"{path.name}:{line}"
        text = row["concentration_mg_per_l"]
        below = text.startswith("<")
        value = _number(where, "concentration_mg_per_l", text.removeprefix("<").strip())
        if not 0 <= value <= MOST_LEVEL_MG_PER_L or (below and value == 0):
            raise AskedWrongly(f"{where}: a level of {text} mg/L; expected 0 to {MOST_LEVEL_MG_PER_L:g}, or <LIMIT")
        if value == 0:
            raise AskedWrongly(f"{where}: a level of 0; write it as below the limit of quantification, such as <0.5")
        day, guessed = _level_day(where, row, start, first_day)
        levels.append(Level(day, value, below, text, guessed))
    return sorted(levels, key=lambda level: level.day)


def _level_day(where: str, row: Mapping[str, str], start: dt.datetime | None, first_day: float) -> tuple[float, bool]:
    written = row.get("datetime") or row.get("date") or ""
    if not written:
        return _number(where, "day", row.get("day", "")) - first_day, False
    if start is None:
        raise AskedWrongly(f"{where}: a date, but the doses have days alone; give the level's day")
    moment, has_time = _moment(where, written)
    return (moment - start).total_seconds() / 86400, not has_time


def _rows(path: Path, known: set[str], needed: Sequence[str]) -> list[tuple[int, dict[str, str]]]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise AskedWrongly(f"{path}: cannot be read: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise AskedWrongly(f"{path}: is no text in UTF-8; expected CSV") from error
    reader = csv.DictReader(text.splitlines(), skipinitialspace=True)
    header = [name.strip() for name in reader.fieldnames or []]
    reader.fieldnames = header
    if not any(name in header for name in needed):
        raise AskedWrongly(f"{path.name} has no column {' or '.join(needed)}; it has {', '.join(header) or 'none'}")
    if strange := sorted({*header} - known):
        raise AskedWrongly(f"{path.name} has a column {strange[0]!r}; expected {', '.join(sorted(known))}")
    rows = [(reader.line_num, {name: (value or "").strip() for name, value in row.items() if name}) for row in reader]
    rows = [(line, row) for line, row in rows if any(row.values())]
    if not rows:
        raise AskedWrongly(f"{path.name} holds no row")
    return rows


def _times(path: Path, rows: Sequence[tuple[int, dict[str, str]]]) -> tuple[list[float], dt.datetime | None]:
    if all(row.get("day") for _, row in rows):
        return [_number(f"{path.name}:{line}", "day", row["day"]) for line, row in rows], None
    if not all(row.get("date") for _, row in rows):
        line = next(line for line, row in rows if not row.get("date"))
        raise AskedWrongly(f"{path.name}:{line}: no date; expected a day in every row, or a date in every row")
    moments = [_moment(f"{path.name}:{line}", row["date"])[0] for line, row in rows]
    return [(moment - moments[0]).total_seconds() / 86400 for moment in moments], moments[0]


def _moment(where: str, text: str) -> tuple[dt.datetime, bool]:
    try:
        if len(text) == 10:
            return hour_of_doses(dt.date.fromisoformat(text)), False
        return dt.datetime.fromisoformat(text).replace(tzinfo=None), True
    except ValueError:
        raise AskedWrongly(f"{where}: {text!r} is no date; write YYYY-MM-DD or YYYY-MM-DDTHH:MM") from None


def hour_of_doses(day: dt.date) -> dt.datetime:
    """The moment that stands for a day without a time."""
    return dt.datetime.combine(day, dt.time(HOUR_OF_DOSES))


def _number(where: str, name: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        raise AskedWrongly(f"{where}: {name} {text!r} is no number") from None
    if not isfinite(value):
        raise AskedWrongly(f"{where}: {name} {text} is not finite")
    return value
