"""Every patient of a source reviewed, one after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from ..findings.finding import PatientReview
from ..findings.patient import Reviewer, Settings
from ..record.event import Record, Trouble
from ..tables.library import Knowledge


def review_source(
    path: Path,
    knowledge: Knowledge,
    settings: Settings,
    progress: Callable[[int], object] | None = None,
    columns: Mapping[str, str] | None = None,
) -> Iterator[PatientReview | Trouble]:
    """Review every patient of a file, archive or folder, one at a time, in bounded memory.

    What belongs to no patient comes as a `Trouble`. `progress` is told the bytes just read; `columns`
    says which column of a CSV or Parquet file holds which fact.
    """
    from ..read.source import read_records

    reviewer = Reviewer(knowledge, settings)
    for found in read_records(path, knowledge.facts, progress, columns, settings.courses):
        yield reviewer.review(found) if isinstance(found, Record) else found
