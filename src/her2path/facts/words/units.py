"""Units in use for a fact, by how much of the fact's own unit each is (`units.md`)."""

from __future__ import annotations

from decimal import Decimal
from functools import cache

from ..folder import knowledge_folder, shipped_folder
from .rows import rows_in


@cache
def units() -> dict[str, dict[str, Decimal]]:
    """By fact the units that are converted; those that ship where the knowledge in use has no table of them."""
    path = knowledge_folder() / "codes" / "words" / "units.md"
    read: dict[str, dict[str, Decimal]] = {}
    for row in rows_in(path if path.is_file() else shipped_folder() / "codes" / "words" / "units.md"):
        for unit in row["unit"].split(";"):
            read.setdefault(row["fact"], {})[unit.strip()] = Decimal(row["is"])
    return read
