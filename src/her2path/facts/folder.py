"""Where the knowledge that ships with the package is."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path


def knowledge_folder() -> Path:
    """Where the knowledge that ships with the package is."""
    return Path(str(files("her2path") / "knowledge"))
