"""Several sources reviewed as one: files, folders, archives and patterns of names.

FHIR of several sources is read as if it stood in one folder. Where a source is a table, all sources are read first and
held in memory, and who stands in more than one of them is one patient.
"""

from __future__ import annotations

import glob
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path

from ..facts.problem import AskedWrongly
from ..findings.settings import Settings
from ..read.files import STANDARD_INPUT, Piece, read_pieces
from ..read.source import is_table, read_columns
from ..record.columns import RecordColumns, columns_of
from ..record.event import Record, Trouble
from ..record.joined import joined
from ..tables.library import Knowledge

Sources = Path | Sequence[Path]
"""One source, or several."""
PATTERN = ("*", "?", "[")
MOST_SNIFFED = 4096
PARQUET_BEGINS = b"PAR1"
NO_TEXT_BEGINS = (b"{", b"[", b"\x1f\x8b", b"BZh", b"\xfd7zXZ", b"PK")
"""How JSON and packed files begin."""


def listed(sources: Sources) -> tuple[Path, ...]:
    """The sources, one or several, as a tuple."""
    return (sources,) if isinstance(sources, Path) else tuple(sources)


def sources_of(texts: Iterable[str]) -> tuple[Path, ...]:
    """The sources that some words name, each once: paths, patterns of names (`export/*.ndjson`), `-`.

    Raises `AskedWrongly` for one that is not there, and for a pattern that no name fits.
    """
    found: dict[str, Path] = {}
    for text in texts:
        path = Path(text)
        paths = [path]
        if text != STANDARD_INPUT and not os.path.lexists(path):
            if not any(sign in text for sign in PATTERN):
                raise AskedWrongly(f"{text}: there is no such file or folder")
            paths = [Path(name) for name in sorted(glob.glob(text, recursive=True))]
            if not paths:
                raise AskedWrongly(f"{text}: no file fits this pattern")
        for each in paths:
            found.setdefault(STANDARD_INPUT if str(each) == STANDARD_INPUT else os.path.realpath(each), each)
    return tuple(found.values())


def has_table(sources: Sources) -> bool:
    """Whether one of the sources is a table, CSV or Parquet."""
    return any(map(is_table, listed(sources)))


def pieces_of(sources: Sources, *, deleted: bool) -> Iterator[Piece | Trouble]:
    """The pieces of all sources that are no tables, one source after the other; what was deleted, or all else."""
    return chain.from_iterable(read_pieces(path, deleted=deleted) for path in listed(sources))


def joined_columns(
    paths: Sequence[Path], knowledge: Knowledge, settings: Settings, progress: Callable[[int], object] | None,
    columns: Mapping[str, str] | None, fhir: Callable[[Sequence[Path]], Iterable[RecordColumns | Trouble]],
) -> Iterator[RecordColumns | Trouble]:  # fmt: skip
    """The batches of several sources of which one is a table; who stands in several batches is joined at the end.

    `fhir` reads the sources that are no tables. Every batch is held until all are read.
    """
    facts = settings.facts(knowledge)
    tables = [path for path in paths if is_table(path)]
    others = [path for path in paths if path not in tables]
    batches: list[RecordColumns] = []
    seen: dict[str, int] = {}
    several: dict[str, list[Record]] = {}
    parts = [
        read_columns(path, facts, progress, columns, settings.courses, missing=settings.at.missing) for path in tables
    ]
    for batch in chain(fhir(others) if others else (), *parts):
        if isinstance(batch, Trouble):
            yield batch
            continue
        for patient in dict.fromkeys(batch.patients):
            if patient in seen:
                several.setdefault(patient, [])
            seen[patient] = len(batches)
        batches.append(batch)
    for batch in batches:
        places = [place for place, patient in enumerate(batch.patients) if patient in several]
        for place in places:
            several[batch.patients[place]].append(batch.record(place))
        if not places:
            yield batch
        elif len(places) < len(batch):
            there = set(places)
            yield columns_of(batch.record(place) for place in range(len(batch)) if place not in there)
    if several:
        yield columns_of(joined(records) for records in several.values())


def standing_table(folder: Path) -> Path | None:
    """Where standard input holds a table, a file in a folder with all of it; `None` where it is to be read as FHIR.

    A table is Parquet by its first bytes, or text whose first line names columns.
    """
    import shutil
    import sys

    stream = sys.stdin.buffer
    start = stream.peek(MOST_SNIFFED)[:MOST_SNIFFED] if hasattr(stream, "peek") else b""
    if not start:
        return None
    if start.startswith(PARQUET_BEGINS):
        ending = ".parquet"
    elif start.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(NO_TEXT_BEGINS) or not _names_columns(start):
        return None
    else:
        ending = ".csv"
    path = folder / f"stdin{ending}"
    with path.open("wb") as file:
        shutil.copyfileobj(stream, file)
    return path


def _names_columns(start: bytes) -> bool:
    """Whether the first line is a header: several names, none of them a number."""
    line = start.removeprefix(b"\xef\xbb\xbf").lstrip(b"\r\n").partition(b"\n")[0].strip()
    names = next((line.split(sign) for sign in (b",", b";", b"\t") if sign in line), [])
    return len(names) > 1 and all(name.strip(b' "') and not name.strip(b' "').isdigit() for name in names)
