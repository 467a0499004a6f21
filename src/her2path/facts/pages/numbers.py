"""The numbers of a course, `course/numbers.md`: counted by name, each with its source and level on the page."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import NamedTuple

from ..cache import kept
from ..problem import Problem
from ..source import Citation, Sources
from .page import Page, read_or_problems


class CourseNumbers(NamedTuple):
    """The numbers by which a history is counted, as `course/numbers.md` explains each; whole, in the unit of the name.

    A tuple, so that the folds take it interpreted and compiled alike.
    """

    course_break_days: int
    judged_days: int
    partner_days: int
    short_gap_days: int
    longer_schedule_mg_per_kg: int
    year_days: int
    recent_anthracycline_days: int
    recurrence_result_days: int
    residual_specimen_days: int
    credible_dose_percent: int
    same_day_percent: int
    level_percent: int
    kept_amount_percent: int
    same_infusion_minutes: int
    earliest_resume_days: int
    latest_recovery_days: int
    gestation_days: int
    longest_pregnancy_days: int
    taxane_cycle_days: int
    weekly_doses: int
    weekly_doses_with_carboplatin: int
    adult_years: int


UNITS = {
    "days": "days", "percent": "percent", "years": "years", "doses": "doses", "carboplatin": "doses", "kg": "mg/kg",
    "minutes": "minutes",
}  # fmt: skip
"""The unit that the last word of a number's name promises."""


def numbers_path(folder: Path) -> Path:
    return folder / "course" / "numbers.md"


@cache
def read_numbers(folder: Path) -> CourseNumbers:
    """The numbers of a folder of knowledge. Raises `KnowledgeError` where the page lacks one or cannot be read."""
    path = numbers_path(folder)
    return kept("numbers", [path], lambda: _read(Page(path))[0])


def _read(page: Page) -> tuple[CourseNumbers, Mapping[str, tuple[int, tuple[Citation, ...]]]]:
    """The numbers of a page, and the line and citations of each. Raises `KnowledgeError`."""
    values: dict[str, int] = {}
    cited: dict[str, tuple[int, tuple[Citation, ...]]] = {}
    for entry in page.entries("number", ("value", "unit", "meaning")):
        name = entry["number"]
        if name not in CourseNumbers._fields:
            entry.fault(f"nothing reads a number {name!r}", "drop the row, or mend its name")
            continue
        unit = UNITS[name.rpartition("_")[2]]
        entry.one_of("unit", (unit,), unit)
        values[name], cited[name] = entry.whole("value"), (entry.line, entry.citations)
    for name in CourseNumbers._fields:
        if name not in values:
            page.fault(1, f"the number {name!r} is missing", "add its row")
    page.require()
    return CourseNumbers(**values), cited


def prove_numbers(folder: Path, sources: Sources) -> list[Problem]:
    """What is wrong with the page: a number missing or unknown, no source, a level there is not."""
    page = Page(numbers_path(folder))
    read, problems = read_or_problems(lambda: _read(page))
    if read is None:
        return problems
    for name, (line, citations) in read[1].items():
        page.prove(line, name, citations, sources)
    return page.problems
