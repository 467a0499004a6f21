"""What a run over a population is: its inputs by their bytes, its settings, its parts; as JSON, everywhere the same."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from ...facts.problem import AskedWrongly
from ...findings.settings import NothingCarried, Settings
from ...read.files import STANDARD_INPUT
from ...read.omop.source import OmopSource
from ...read.source import TABLES
from ...tables.library import Knowledge
from ..manifest import knowledge_digest, program_version, sha256_of

EVENTS_OF_A_PART = 600_000
"""About so many events are reviewed together: some 20,000 patients."""
BYTES_OF_A_ROW, BYTES_OF_A_PACKED_ROW = 50, 3
BYTES_OF_A_RESOURCE = 700
MOST_PARTS = 4096


def plan_of(
    source: Path | OmopSource, knowledge: Knowledge, settings: Settings, columns: Mapping[str, str], parts: int | None
) -> Any:
    """What a run would do, as JSON: two runs of one plan give the same bytes.

    Raises `AskedWrongly` where the source cannot be read whole twice, as a pipe cannot.
    """
    inputs = inputs_of_warehouse(source, settings) if isinstance(source, OmopSource) else inputs_of(source)
    return {
        "her2path": program_version(),
        "knowledge": {"folder": knowledge.folder.name, "sha256": knowledge_digest(knowledge.folder)},
        "source": source.name,
        "inputs": inputs,
        "columns": dict(columns),
        "on": settings.on.isoformat(),
        "settings": told_settings(settings),
        **({"carried": [*settings.carried.names]} if settings.carried.names else {}),
        "parts": parts or _parts_of(source, inputs),
    }


def _parts_of(source: Path | OmopSource, inputs: list[dict[str, Any]]) -> int:
    if isinstance(source, OmopSource):
        rows = sum(sum(each["rows"].values()) for each in inputs if "rows" in each)
        return max(1, min(MOST_PARTS, -(-rows // EVENTS_OF_A_PART)))
    return parts_for(source, sum(each["bytes"] for each in inputs))


def inputs_of_warehouse(source: OmopSource, settings: Settings) -> list[dict[str, Any]]:
    """The rows of each table of a warehouse, with the bytes and the SHA-256 of a file of DuckDB.

    A server has no bytes to compare: what it says of itself and how many rows it has stand for it.
    """
    from ...read.omop.warehouse import Warehouse

    warehouse = Warehouse(source, settings.at.omop_schema or "")
    try:
        about: dict[str, Any] = {"name": source.name, "schema": warehouse.schema, "rows": warehouse.counts()}
    finally:
        warehouse.close()
    if source.path is None:
        return [{**about, "address": str(source)}]
    return [{**about, "bytes": source.path.stat().st_size, "sha256": sha256_of(source.path)}]


def tables_in(source: Path) -> list[Path]:
    """A source and the files in it, in the order of their names: where columns may be carried from."""
    return [source] if source.is_file() else sorted(each for each in source.rglob("*") if each.is_file())


def inputs_of(source: Path) -> list[dict[str, Any]]:
    """Every file of a source with its size in bytes and its SHA-256, in the order of their names."""
    if str(source) == STANDARD_INPUT or not (source.is_dir() or source.is_file()):
        raise AskedWrongly(
            f"{source}: a population is read from a file or a folder, which can be read twice; not a pipe"
        )
    files = [source] if source.is_file() else sorted(each for each in source.rglob("*") if each.is_file())
    root = source.parent if source.is_file() else source
    listed = []
    for file in files:
        try:
            listed.append(
                {"name": file.relative_to(root).as_posix(), "bytes": file.stat().st_size, "sha256": sha256_of(file)}
            )
        except OSError as error:
            listed.append({"name": file.relative_to(root).as_posix(), "bytes": 0, "sha256": None,
                           "what": f"it cannot be read: {error.strerror}"})  # fmt: skip
    return listed


def parts_for(source: Path, size: int) -> int:
    """In how many parts a source of so many bytes is cut, so that one of them fits well into memory."""
    ending = source.suffix.lower()
    if ending == ".parquet":
        import pyarrow.parquet as pq

        try:
            events = int(pq.ParquetFile(source).metadata.num_rows)
        except (OSError, ValueError):  # the reader will say what is wrong
            events = size // BYTES_OF_A_PACKED_ROW
    else:
        events = size // (BYTES_OF_A_ROW if ending in TABLES else BYTES_OF_A_RESOURCE)
    return max(1, min(MOST_PARTS, -(-events // EVENTS_OF_A_PART)))


def told_settings(settings: Settings) -> Any:
    """Settings as JSON; not what columns say of each patient, which the names of the columns and the inputs tell."""
    return plain(dataclasses.replace(settings, carried=NothingCarried()))


def plain(value: Any) -> Any:
    """Settings as JSON: what is not set is left out."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        told = {each.name: plain(getattr(value, each.name)) for each in dataclasses.fields(value)}
        return {name: each for name, each in told.items() if each not in (None, {}, [], "")}
    if isinstance(value, Mapping):
        return {str(name): plain(each) for name, each in sorted(value.items(), key=lambda each: str(each[0]))}
    if isinstance(value, frozenset | set):
        return sorted(map(plain, value), key=str)
    if isinstance(value, tuple | list):
        return [plain(each) for each in value]
    if isinstance(value, Decimal | date):
        return str(value)
    return value if isinstance(value, str | int | float | bool) or value is None else str(value)


def differences(one: Any, other: Any) -> list[str]:
    """Where two plans differ, in words."""
    told = []
    for name in sorted({*one, *other}):
        if one.get(name) == other.get(name):
            continue
        if name in ("inputs", "settings", "knowledge"):
            told.append("the bytes of the source" if name == "inputs" else f"the {name}")
        else:
            told.append(f"{name} ({one.get(name)} there, {other.get(name)} now)")
    return told
