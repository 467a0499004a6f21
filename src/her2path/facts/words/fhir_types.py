"""The names of the types of resources of FHIR (`fhir-types.md`)."""

from __future__ import annotations

from functools import cache

from ..folder import knowledge_folder, shipped_folder
from .rows import rows_in


@cache
def fhir_types() -> frozenset[str]:
    """All names; those that ship where the knowledge in use has no table of them."""
    path = knowledge_folder() / "codes" / "words" / "fhir-types.md"
    rows = rows_in(path if path.is_file() else shipped_folder() / "codes" / "words" / "fhir-types.md")
    return frozenset(row["resource"] for row in rows)
