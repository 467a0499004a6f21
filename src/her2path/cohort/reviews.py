"""`her2path.review`: whatever holds records, reviewed; and what came of it, as patients, tables and text.

Everything is held in memory. A source of many million events is reviewed into files by `review_file`.
"""

from __future__ import annotations

import datetime as dt
import io
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import pyarrow as pa

from ..facts.problem import AskedWrongly
from ..facts.words.given import day_given, path_given, paths_given
from ..facts.words.nearest import hint
from ..findings.patient import Reviewed, Reviewer
from ..findings.reviews import PatientReview
from ..findings.settings import Settings
from ..findings.summary import Summary
from ..read.beside.given import TABLE_NAME, table_as_file
from ..read.fhir.templates.reader import PATIENTS_AT_ONCE
from ..record.columns import columns_of
from ..record.event import Record, Trouble
from ..tables.library import Knowledge
from ..tables.load import default_knowledge
from ..tables.many.frames import arrow_of
from ..tables.site import Site, missing_words, read_site
from .review import review_parts

if TYPE_CHECKING:
    import pandas
    import polars


class ArrowStream(Protocol):
    """A table that gives itself to Arrow: pyarrow, Polars, pandas from 2.2, DuckDB."""

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """Its capsule, as Arrow's PyCapsule interface has it."""


Records = str | os.PathLike[str] | ArrowStream | Mapping[str, object] | Iterable[object]
"""What `review` takes: a path or several, a table, columns by name, rows or FHIR resources as dictionaries, records."""

TABLES = ("findings", "patients", "episodes", "specimens")
MOST_SHOWN = 200
"""So many patients of a notebook's page are told."""


class Reviews:
    """The reviews of some patients: iterate over them, ask for one, or take them as tables or text."""

    def __init__(self, settings: Settings, items: Iterable[Reviewed | Trouble], summary: Summary) -> None:
        self.settings = settings
        """By what was reviewed."""
        self.summary = summary
        """Counts over all patients."""
        self._items = list(items)
        self._places: dict[str, list[tuple[Reviewed, int]]] = {}
        for batch in self._batches():
            for place, patient in enumerate(batch.record.patients):
                self._places.setdefault(patient, []).append((batch, place))

    def _batches(self) -> Iterator[Reviewed]:
        return (item for item in self._items if isinstance(item, Reviewed))

    def __len__(self) -> int:
        return sum(map(len, self._batches()))

    def __iter__(self) -> Iterator[PatientReview]:
        for batch in self._batches():
            yield from batch

    def __contains__(self, patient: object) -> bool:
        return patient in self._places

    @property
    def patients(self) -> list[str]:
        """The patients by their ids, in the order of the source."""
        return [patient for batch in self._batches() for patient in batch.record.patients]

    @property
    def troubles(self) -> list[Trouble]:
        """What could not be read and belongs to no patient."""
        return [item for item in self._items if isinstance(item, Trouble)]

    def patient(self, id: str) -> PatientReview:
        """The review of one patient. Raises `AskedWrongly` for one that is not here, or is in several places."""
        places = self._places.get(str(id), [])
        if not places:
            raise AskedWrongly(f"no patient is called {id!r}{hint(str(id), [*self._places], '.patients')}")
        if len(places) > 1:
            raise AskedWrongly(
                f"{len(places)} records are of a patient {id!r}, each reviewed by itself; iterate over all"
            )
        batch, place = places[0]
        return batch.patient(place)

    def to_arrow(self, table: str = "findings") -> pa.Table:
        """The findings as an Arrow table, one a row; or the patients, their episodes or specimens, named so.

        The columns are those of `review -o FILE.parquet`. Raises `AskedWrongly` for another table.
        """
        from ..write.tables.findings import SCHEMA, findings_table
        from ..write.tables.patients import EPISODES, PATIENTS, episodes_table, patients_table
        from ..write.tables.specimens import SPECIMENS, specimens_table

        if table not in TABLES:
            raise AskedWrongly(f"no table is called {table!r}{hint(str(table), TABLES)}")
        schema, make = {
            "findings": (SCHEMA, findings_table), "patients": (PATIENTS, patients_table),
            "episodes": (EPISODES, episodes_table), "specimens": (SPECIMENS, specimens_table),
        }[table]  # fmt: skip
        made = [make(batch, pa.array(batch.record.patients, pa.string())) for batch in self._batches()]
        return pa.concat_tables([schema.empty_table(), *made]).unify_dictionaries()

    def to_pandas(self, table: str = "findings") -> pandas.DataFrame:
        """The same as a pandas frame. Raises `AskedWrongly` where pandas is not installed."""
        needed("pandas")
        return self.to_arrow(table).to_pandas()

    def to_polars(self, table: str = "findings") -> polars.DataFrame:
        """The same as a Polars frame. Raises `AskedWrongly` where Polars is not installed."""
        needed("polars")
        import polars

        frame = polars.from_arrow(self.to_arrow(table))
        assert isinstance(frame, polars.DataFrame)
        return frame

    def text(self, *, why: bool = False) -> str:
        """What `her2path review` prints: one patient in full, many as a worklist; with `why` every reason."""
        from ..write.review_text import WhyFormat
        from ..write.text.worklist import Worklist
        from ..write.writer import Writer

        stream = io.StringIO()
        writer: Any = Writer(stream, WhyFormat(self.settings.on)) if why else Worklist(stream)
        for item in self._items:
            writer.put(item if isinstance(item, Trouble) else writer.batch(item))
        writer.finish(self.summary)
        return stream.getvalue()

    def write(self, output: str | Path, format: str | None = None) -> None:
        """Write to a file in the format named, or the one of its ending; of `.parquet` the four tables.

        Raises `AskedWrongly` for an ending or a format that there is not, and for a file that cannot be written.
        """
        from ..write.tables.file import FindingsFile
        from ..write.writer import write_reviews

        path = path_given(output, "output")
        if path.suffix.lower() != ".parquet":
            write_reviews([*self.troubles, *self], path, self.settings.on, format)
            return
        if format is not None:
            raise AskedWrongly(f"format {format} is not what {path.name} would hold: drop it, or give another ending")
        with FindingsFile(path) as file:
            for item in self._items:
                file.put(item if isinstance(item, Trouble) else file.batch(item))

    def __repr__(self) -> str:
        told = self.summary
        verdicts = ", ".join(f"{count} {verdict}" for verdict, count in told.verdicts.most_common())
        findings = ", ".join(f"{count} {grade}" for grade, count in _of_findings(told).items())
        parts = [verdicts or "no course", f"findings: {findings or 'none'}"]
        if told.troubles:
            parts.append(f"{told.troubles} pieces not read")
        word = "patient" if told.patients == 1 else "patients"
        return f"<Reviews of {told.patients} {word} on {self.settings.on}: {'; '.join(parts)}>"

    def _repr_html_(self) -> str:
        """For notebooks: the text, or of very many patients the line of `repr`."""
        return f"<pre>{escape(self.text() if len(self) <= MOST_SHOWN else repr(self))}</pre>"


def review(
    records: Records,
    *,
    on: dt.date | str | None = None,
    settings: Settings | Site | str | os.PathLike[str] | None = None,
    jurisdiction: str | None = None,
    site: str | None = None,
    edition: str | None = None,
    patient: str | None = None,
    columns: Mapping[str, str] | None = None,
    missing: Iterable[str] = (),
    knowledge: Knowledge | None = None,
) -> Reviews:
    """Review every patient of some records as of the day `on` (today, where none is given).

    `records` is a path or a list of paths (whatever the command reads), an Arrow table, a pandas or Polars frame,
    columns by name, dictionaries (rows long or wide, or FHIR resources), or records that `read_records` gave.
    `settings` is a file of an institution's settings, what `read_site` made of one, or whole `Settings`; the other
    arguments are those of the command and come before it. `columns` says which column holds which fact, `missing` which
    words stand for nothing. Raises `AskedWrongly` for what cannot be meant; data that cannot be read never raises.
    """
    knowledge = knowledge or default_knowledge()
    asked = settings_asked(settings, knowledge, on, jurisdiction, site, edition, patient, missing)
    items: list[Reviewed | Trouble] = []
    summary = Summary()
    for kind, given in _sources(records):
        if kind == "records":
            _review_records(given, Reviewer(knowledge, asked), items, summary)
            continue
        for part in review_parts(given, knowledge, asked, _itself, columns=columns):
            summary.merge(part.summary)
            items += part.items
    return Reviews(asked, items, summary)


def _itself(reviewed: Reviewed) -> Reviewed:
    return reviewed


def settings_asked(
    settings: Settings | Site | str | os.PathLike[str] | None, knowledge: Knowledge, on: dt.date | str | None,
    jurisdiction: str | None, site: str | None, edition: str | None, patient: str | None, missing: Iterable[str],
) -> Settings:  # fmt: skip
    """The settings that are meant by what was given. Raises `AskedWrongly`."""
    if not isinstance(settings, Settings):
        at = settings if isinstance(settings, Site) else None
        at = at or (Site() if settings is None else read_site(path_given(settings, "settings"), knowledge))
        settings = Settings(dt.date.today(), jurisdiction=at.jurisdiction, at=at)
    said = {"jurisdiction": jurisdiction, "site": site, "edition": edition, "patient": patient}
    changes: dict[str, Any] = {name: value for name, value in said.items() if value is not None}
    if on is not None:
        changes["on"] = day_given(on)
    words = [missing] if isinstance(missing, str) else [*missing]
    if words:
        changes["at"] = replace(settings.at, missing=settings.at.missing | missing_words(words, "missing"))
    return replace(settings, **changes)


def _sources(records: Records) -> Iterator[tuple[str, Any]]:
    """What is given as sources that can be read: paths, and lists of records; a file of a table is gone afterwards."""
    if isinstance(records, str | os.PathLike):
        yield "path", _that_is_there(records)
        return
    if isinstance(records, Record | Trouble):
        yield "records", [records]
        return
    listed: list[object] | None = None
    if _is_resource(records):
        listed = [records]
    elif not isinstance(records, Mapping) and not _is_table(records) and isinstance(records, Iterable):
        listed = [*records]
    if listed and all(isinstance(each, str | os.PathLike) for each in listed):
        for path in paths_given(listed, "records"):
            yield "path", _that_is_there(path)
    elif listed is not None and all(isinstance(each, Record | Trouble) for each in listed):
        yield "records", listed
    elif listed and all(_is_resource(each) for each in listed):
        yield from _resources(listed)
    else:
        with table_as_file(arrow_of(records if listed is None else listed, "records"), TABLE_NAME) as path:
            yield "path", path


def _is_table(records: object) -> bool:
    return hasattr(records, "__arrow_c_stream__") or hasattr(records, "iloc")


def _is_resource(each: object) -> bool:
    return isinstance(each, Mapping) and "resourceType" in each


def _resources(resources: list[Any]) -> Iterator[tuple[str, Path]]:
    """FHIR resources as a file of one a line."""
    import json
    from tempfile import TemporaryDirectory

    try:
        lines = [json.dumps(each, ensure_ascii=False, allow_nan=False, default=str) for each in resources]
    except ValueError as error:
        raise AskedWrongly(f"the resources are no JSON: {error}") from error
    with TemporaryDirectory(prefix="her2path-") as folder:
        path = Path(folder, "resources.ndjson")
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        yield "path", path


def _that_is_there(path: object) -> Path:
    """A path of something that is there. Raises `AskedWrongly`, naming what lies beside it and is called nearly so."""
    there = path_given(path, "records")
    if str(there) != "-" and not there.exists():
        beside = [each.name for each in there.parent.iterdir()] if there.parent.is_dir() else []
        raise AskedWrongly(f"{there}: there is no such file or folder{hint(there.name, beside)}")
    return there


def _review_records(
    records: Iterable[Record | Trouble], reviewer: Reviewer, items: list[Reviewed | Trouble], summary: Summary
) -> None:
    wanted = reviewer.settings.patient
    waiting: list[Record] = []

    def review_waiting() -> None:
        if waiting:
            reviewed = reviewer.review_columns(columns_of(waiting))
            items.append(reviewed)
            summary.add_all(reviewed)
            waiting.clear()

    for record in records:
        if isinstance(record, Trouble):
            review_waiting()
            items.append(record)
            summary.troubles += 1
        elif wanted in (None, record.patient):
            waiting.append(record)
            if len(waiting) >= PATIENTS_AT_ONCE:
                review_waiting()
    review_waiting()


def _of_findings(summary: Summary) -> Mapping[str, object]:
    told = summary.as_json()["findings"]
    assert isinstance(told, Mapping)
    return told


def needed(package: str) -> None:
    """Raise `AskedWrongly` where a package is not installed, with how it comes."""
    from importlib.util import find_spec

    if find_spec(package) is None:
        raise AskedWrongly(f"this needs {package}: pip install {package}")
