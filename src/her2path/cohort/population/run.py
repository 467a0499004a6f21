"""A population reviewed: the source read once into parts, each part reviewed by itself, and what came of all counted.

Broken off at any point and begun again with the same words, it goes on where it was: a part that is done is not done
again, and the files are the same to the byte.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from ...findings.patient import Reviewed, Reviewer
from ...findings.settings import Settings
from ...findings.summary import Summary
from ...read.omop.source import OmopSource
from ...record.event import Trouble
from ...record.table import EVENTS, columns_of_events
from ...tables.library import Knowledge
from ...write.caution import CAUTION
from ...write.tables.file import carrying
from ...write.tables.findings import findings_table
from ...write.tables.patients import episodes_table, patients_table
from ...write.tables.specimens import specimens_table
from ..pool import in_turn
from ..review import processes_for, review_parts
from ..warehouse import source_bytes
from .folder import NOT_READ, READ, TABLES, PopulationFolder, put_json, written
from .parts import Cut, PartFiles, read_part
from .plan import plan_of

Progress = Callable[[str, int, int], object]
"""Told what is done, how much of it, and of how much."""
WRITERS: Mapping[str, Callable[..., Any]] = {
    "findings": findings_table, "patients": patients_table, "episodes": episodes_table, "specimens": specimens_table,
}  # fmt: skip
CARRYING = ("findings", "patients")
"""The tables that have the columns which are carried."""
LOOKED_UP: Mapping[str, Mapping[str, Any]] = {
    "facts": {
        "use_dictionary": [name for name in EVENTS.names if name not in ("day", "origin", "place")],
        "write_statistics": ["patient", "day"],
    }
}
"""How a table is written other than by default: what never comes again gets no dictionary."""


@dataclass(slots=True)
class Run:
    """What a run left: its folder, and what its manifest says."""

    path: Path
    manifest: dict[str, Any]

    @property
    def summary(self) -> dict[str, Any]:
        """The counts over all patients."""
        counts: dict[str, Any] = self.manifest["summary"]
        return counts

    def table(self, name: str) -> Any:
        """One of `facts`, `findings`, `patients`, `episodes`, `specimens` as a `pyarrow.Table`, of all parts."""
        return pq.ParquetDataset(self.path / name).read()


@dataclass(slots=True)
class _Read:
    """What the reading left beside the parts: what belongs to no patient, and the counts of the site's mapping."""

    troubles: list[list[str]] = field(default_factory=list)
    mapped: dict[str, int] = field(default_factory=dict)
    events: int = 0
    warehouse: dict[str, Any] = field(default_factory=dict)
    """What was found in a warehouse of OMOP."""


def review_population(
    source: Path | OmopSource,
    output: Path,
    knowledge: Knowledge,
    settings: Settings,
    *,
    parts: int | None = None,
    processes: int | None = None,
    columns: Mapping[str, str] | None = None,
    anew: bool = False,
    progress: Progress | None = None,
) -> Run:
    """Review every patient of a source into a folder; goes on with a run of the same plan that was broken off there.

    `parts` says in how many parts the population is cut, by default so that one fits well into memory. Raises
    `AskedWrongly` where the source cannot be read as what it is, or the folder holds another run or cannot be written.
    """
    tell = progress or (lambda _what, _done, _all: None)
    plan = plan_of(source, knowledge, settings, columns or {}, parts)
    beside = source.path if isinstance(source, OmopSource) else source
    with PopulationFolder(output, plan, beside, anew) as folder:
        if folder.manifest is not None:
            return Run(output, folder.manifest)
        at_once = processes or processes_for(source)
        read = folder.read()
        if read is None:
            read = _read_source(folder, source, knowledge, settings, plan["parts"], at_once, columns, tell)
        work = _Part(folder, knowledge, settings)
        waiting = [part for part in range(plan["parts"]) if folder.done(part) is None]
        if at_once > 1 and settings.courses and len(waiting) > 1:
            work.reviewer.load_compiled()
        done = plan["parts"] - len(waiting)
        tell("reviewing", done, plan["parts"])
        for _ in in_turn(waiting, work, min(at_once, max(len(waiting), 1))):
            done += 1
            tell("reviewing", done, plan["parts"])
        return Run(output, _finish(folder, plan, read))


def _read_source(
    folder: PopulationFolder, source: Path | OmopSource, knowledge: Knowledge, settings: Settings, parts: int,
    processes: int, columns: Mapping[str, str] | None, tell: Progress,
) -> Any:  # fmt: skip
    """Read the source into parts. What a reading that was broken off left is not used: it begins again."""
    from ...read.files import source_size

    for stale in folder.run.glob("*.events"):
        stale.unlink()
    size, done = source_bytes(source) if isinstance(source, OmopSource) else source_size(source), 0

    def progress(step: int) -> None:
        nonlocal done
        done += step
        tell("reading", done, size)

    read, files = _Read(), PartFiles(folder.events)
    for part in review_parts(
        source, knowledge, settings, Cut(parts), processes=processes, progress=progress, columns=columns, reading=True
    ):
        for item in part.items:
            if isinstance(item, Trouble):
                read.troubles.append([item.kind, item.where, item.what])
            else:
                files.put(item)
        if isinstance(source, OmopSource) and part.looked:
            read.warehouse = part.looked
        for words, count in part.summary.mapped.items():
            read.mapped[words] = read.mapped.get(words, 0) + count
    files.flush()
    read.events = files.rows
    found = asdict(read)
    put_json(folder.run / READ, found)
    return found


class _Part:
    """Reviews the events of a part and writes its tables. In any process."""

    def __init__(self, folder: PopulationFolder, knowledge: Knowledge, settings: Settings) -> None:
        self.folder, self.reviewer = folder, Reviewer(knowledge, settings)

    def __call__(self, part: int) -> int:
        events = read_part(self.folder.events(part))
        record = columns_of_events(events)
        reviewed = self.reviewer.review_columns(record)
        summary = Summary()
        summary.add_all(reviewed)
        tables = {"facts": in_order_of_patients(events), **tables_of(reviewed)}
        for name in TABLES:
            path = self.folder.table(name, part)
            with written(path) as beside:
                pq.write_table(tables[name], beside, **LOOKED_UP.get(name, {}))
        rows = {name: tables[name].num_rows for name in TABLES}
        put_json(self.folder.run / f"{part:04}.json", {"rows": rows, "summary": _counts(summary)})
        self.folder.events(part).unlink(missing_ok=True)
        return part


def tables_of(reviewed: Reviewed) -> dict[str, Any]:
    """What is written of a reviewed part, by the name of the table; findings and patients with what is carried."""
    made = {name: make(reviewed) for name, make in WRITERS.items()}
    if reviewed.carried.names:
        made |= {name: carrying(made[name], reviewed.carried) for name in CARRYING}
    return made


def in_order_of_patients(events: Any) -> Any:
    """The events of a part by patient, each patient's as they stood in the source."""
    import numpy as np
    import pyarrow as pa

    names = events.column("patient").combine_chunks()
    names = names.chunk(0) if isinstance(names, pa.ChunkedArray) and names.num_chunks else names
    if not events.num_rows:
        return events
    listed = names.dictionary.to_pylist()
    rank = np.empty(len(listed), np.int64)
    rank[sorted(range(len(listed)), key=listed.__getitem__)] = np.arange(len(listed))
    return events.take(pa.array(np.argsort(rank[names.indices.to_numpy()], kind="stable")))


COUNTERS = ("status", "expression", "why_undetermined", "findings", "editions", "therapy", "verdicts", "mapped")
NUMBERS = ("patients", "without_tests", "specimens", "troubles")


def _counts(summary: Summary) -> dict[str, Any]:
    """A summary as JSON that keeps all of it."""
    counts: dict[str, Any] = {name: getattr(summary, name) for name in NUMBERS}
    counts["in_use"] = sorted(summary.in_use)
    return counts | {name: dict(getattr(summary, name)) for name in COUNTERS}


def _finish(folder: PopulationFolder, plan: Any, read: Any) -> dict[str, Any]:
    """Count what came of all parts, write down what was not read, and give the manifest its name."""
    summary, rows = Summary(), dict.fromkeys(TABLES, 0)
    for part in range(plan["parts"]):
        counted = folder.done(part)
        for name in TABLES:
            rows[name] += counted["rows"][name]
        of_part = Summary(**{name: counted["summary"][name] for name in NUMBERS})
        of_part.in_use.update(counted["summary"]["in_use"])
        for name in COUNTERS:
            getattr(of_part, name).update(counted["summary"][name])
        summary.merge(of_part)
    summary.troubles += len(read["troubles"])
    summary.mapped.update(read["mapped"])
    path = folder.path / NOT_READ
    with written(path) as beside, beside.open("w", encoding="utf-8") as file:
        for kind, where, what in read["troubles"]:
            file.write(json.dumps({"kind": kind, "where": where, "what": what}, ensure_ascii=False) + "\n")
    manifest = {
        "plan": plan, "editions": sorted(summary.in_use), "rows": rows, "summary": summary.as_json(),
        "not_read": NOT_READ, "caution": CAUTION,
    }  # fmt: skip
    if read.get("warehouse"):
        manifest["warehouse"] = read["warehouse"]
    folder.finish(manifest)
    return manifest
