"""Which outputs are tables, and where the manifest of an output stands; nothing heavy is imported to know it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from ...facts.value import Json

TABLE_ENDINGS = (".parquet", ".csv")
"""The endings of outputs that are tables."""


def is_table(output: Path | None) -> bool:
    """Whether an output is written as tables, by its ending."""
    return output is not None and output.suffix.lower() in TABLE_ENDINGS


def manifest_beside(output: Path) -> Path:
    """Where the manifest of an output stands: `x.manifest.json` beside `x.csv`."""
    return output.with_name(f"{output.name.removesuffix(output.suffix)}.manifest.json")


def manifest_text(manifest: Mapping[str, Json]) -> str:
    """A manifest as the text of its file."""
    return json.dumps(manifest, indent=2, ensure_ascii=False) + "\n"
