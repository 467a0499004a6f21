"""How a warehouse is named on the command line: a file of DuckDB, or an address of PostgreSQL."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from ...facts.problem import AskedWrongly

PREFIX = "omop:"
POSTGRES = ("postgresql://", "postgres://")
_PASSWORD = re.compile(r"(//[^/@:]*):[^@/]*@|([?&]password=)[^&]*")


@dataclass(frozen=True, slots=True)
class OmopSource:
    """A warehouse: the path of its DuckDB file, or the address of its PostgreSQL database."""

    address: str

    def __str__(self) -> str:
        """The warehouse as it may be told: without a password."""
        return _PASSWORD.sub(lambda found: f"{found[1]}@" if found[1] else f"{found[2]}...", self.address)

    @property
    def is_postgres(self) -> bool:
        """Whether it is a database of PostgreSQL."""
        return self.address.startswith(POSTGRES)

    @property
    def path(self) -> Path | None:
        """The file of DuckDB; `None` where it is no file."""
        return None if self.is_postgres else Path(self.address)

    @property
    def name(self) -> str:
        """The name by which places in it are told: that of the file, or of the database."""
        if self.path is not None:
            return self.path.name
        return str(self).partition("?")[0].rpartition("/")[2] or "postgresql"


def omop_source(word: str) -> OmopSource | None:
    """The warehouse that a word of the command line names; `None` where it names none.

    Raises `AskedWrongly` where it names a file that is not there.
    """
    if word.startswith(POSTGRES):
        return OmopSource(word)
    if not word.startswith(PREFIX):
        return None
    source = OmopSource(word.removeprefix(PREFIX))
    if source.path is not None and not source.path.is_file():
        expected = "expected omop:FILE with a file of DuckDB, or postgresql://..."
        raise AskedWrongly(f"{word}: there is no such file; {expected}")
    return source
