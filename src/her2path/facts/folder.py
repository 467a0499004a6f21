"""Where the knowledge is: what ships with the package, or a folder that the environment names."""

from __future__ import annotations

import os
from pathlib import Path

ELSEWHERE = "HER2PATH_KNOWLEDGE"
"""The environment variable that names another folder of knowledge: a whole one, with its own facts and sources."""
VIGNETTES = "vignettes"
MEASURES = "measures"
NO_TABLES = ("codes", "models", MEASURES, VIGNETTES)
"""The folders of the knowledge that hold no editions."""
"""The folder of whole patients: no editions stand there."""
OWN_EDITIONS = "own-editions.txt"
"""Of merged knowledge: the places of the editions that are one's own, which go before the others."""
_SHIPPED = Path(__file__).parents[1] / "knowledge"


def knowledge_folder() -> Path:
    """The folder of the knowledge in use: the one that `HER2PATH_KNOWLEDGE` names, else what ships."""
    other = os.environ.get(ELSEWHERE, "")
    return Path(other).expanduser().absolute() if other else shipped_folder()


def shipped_folder() -> Path:
    """Where the knowledge that ships with the package is."""
    return _SHIPPED
