"""Vignettes walked through: those of one day, jurisdiction and site together, by the reader of the long format."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ...facts.problem import Problem
from ...facts.value import Reason, Unknown
from ...findings.patient import Reviewer
from ...findings.settings import Settings
from ...record.columns import RecordColumns
from ...tables.library import Knowledge
from .expected import Said
from .page import COLUMNS, EventRow, Vignette, pages_below, read_page

NAME = "vignettes"
_ROW = re.compile(rf"{NAME}:(\d+)")


@dataclass(frozen=True, slots=True)
class Walked:
    """A file of vignettes that hold, and how many there are."""

    path: Path
    patients: int

    @property
    def name(self) -> str:
        return f"{NAME}/{self.path.stem}"


def walk(path: Path, knowledge: Knowledge) -> tuple[list[Walked], list[Problem]]:
    """Review every vignette of a file or a folder: the files of which all hold, and what does not hold."""
    pages = [read_page(file, knowledge) for file in pages_below(path)]
    problems = [problem for page in pages for problem in page.problems]
    problems += held([vignette for page in pages for vignette in page.vignettes], knowledge)
    faulty = {problem.path for problem in problems}
    return [Walked(page.path, len(page.vignettes)) for page in pages if page.path not in faulty], problems


def held(vignettes: Iterable[Vignette], knowledge: Knowledge) -> list[Problem]:
    """What does not hold of some vignettes; those that are reviewed alike are reviewed together."""
    groups: dict[tuple[tuple[str, ...], str, dt.date], list[Vignette]] = {}
    for vignette in vignettes:
        for jurisdiction in vignette.jurisdictions:
            groups.setdefault((vignette.settings, jurisdiction, vignette.day), []).append(vignette)
    problems: list[Problem] = []
    for (_, jurisdiction, day), together in groups.items():
        settings = Settings(day, None, None, jurisdiction, together[0].site)
        problems += _held_together(together, knowledge, settings)
    return problems


def _held_together(vignettes: list[Vignette], knowledge: Knowledge, settings: Settings) -> Iterator[Problem]:
    import pyarrow as pa  # slow to import, and not needed to look at a file of editions

    from ...read.tabular.columns import ColumnReader
    from ...read.tabular.long import Part

    rows = [(str(place), row) for place, vignette in enumerate(vignettes) for row in vignette.rows]
    table = pa.table(
        {"patient": [patient for patient, _ in rows]}
        | {name: [row.cells.get(name, "") for _, row in rows] for name in COLUMNS}
    )
    reader = ColumnReader(settings.facts(knowledge), NAME, settings.at.missing)
    record = reader.read(Part(table, np.arange(len(rows))))
    unread = _unread(record, [row for _, row in rows])
    reviewed = Reviewer(knowledge, settings).review_columns(record)
    for place, (vignette, review) in enumerate(zip(vignettes, reviewed, strict=True)):
        who = f"{vignette.name} ({settings.jurisdiction})"
        told = unread.get(place, {})
        if told and not vignette.unread:
            for line, what in told.items():
                advice = "mend the event, or write a row | unread | meant | below the day"
                yield Problem(vignette.path, line, "event not read", f"{who}: {what}", advice)
        if not told and vignette.unread:
            what, advice = f"{who}: every event is read", "drop the row `unread`"
            yield Problem(vignette.path, vignette.line, "event read", what, advice)
        said = Said(review)
        for expected in vignette.expected:
            wrong = expected.wrong(said)
            if wrong is not None:
                what = f"{who}: {expected} is expected; {wrong[0]}:"
                yield Problem(vignette.path, expected.line, "vignette", what, "\n    ".join(wrong[1]))


def _unread(record: RecordColumns, rows: list[EventRow]) -> dict[int, dict[int, str]]:
    """By patient the lines of her events that could not be read, with what is said of each."""
    unread: dict[int, dict[int, str]] = {}
    for patient, troubles in record.troubles.items():
        for trouble in troubles:
            if match := _ROW.match(trouble.where):
                unread.setdefault(patient, {})[rows[int(match[1])].line] = trouble.what
    owner = record.owner()
    for place, value in enumerate(record.values):
        if isinstance(value, Unknown) and value.reason is not Reason.ABSENT:
            for event in np.flatnonzero(record.value == place).tolist():
                line = rows[int(record.origin[event])].line
                unread.setdefault(int(owner[event]), {}).setdefault(line, f"a value that is not read: {value}")
    return unread
