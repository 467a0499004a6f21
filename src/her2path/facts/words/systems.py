"""Code systems by the addresses, object identifiers and short names under which records name them (`systems.md`)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from ..folder import knowledge_folder, shipped_folder
from .rows import rows_in

ICD = "ICD-"
"""How the name of each classification of diseases begins."""
_SCHEME = re.compile(r"^(?:https?://)?(?:www\.)?|^urn:oid:")
_VERSION = re.compile(r"[|].*$|/version/.*$")
_SNOMED_EDITION = re.compile(r"^(snomed\.info/(?:x?sct|id))/\d+$")
_SUFFIX = re.compile(r"^([A-Z0-9][A-Z0-9.]*?)\.?-?\s*(?:[+*!†‡#]|\s[A-Z])*$")


@dataclass(frozen=True, slots=True)
class Systems:
    """Code systems by their normal addresses (`normal`); pieces of addresses; and whose rows hold for a system too."""

    addresses: dict[str, str]
    as_written: dict[str, str]
    pieces: tuple[tuple[str, str], ...]
    further: dict[str, tuple[str, ...]]

    def name(self, address: str) -> str:
        """The short name of a system, or ""."""
        bare = normal(address)
        if (known := self.addresses.get(bare)) is not None:
            return known
        if edition := _SNOMED_EDITION.match(bare):
            return self.addresses.get(edition[1], "")
        found = next((system for piece, system in self.pieces if piece in bare), "")
        return "" if found == "-" else found


def normal(address: str) -> str:
    """An address without scheme, version, slash at the end and capitals; an object identifier bare."""
    bare = _VERSION.sub("", address.strip())
    return _SCHEME.sub("", bare.strip().lower()).rstrip("/")


@cache
def systems() -> Systems:
    """The code systems of the knowledge in use; what ships where it has no table of them."""
    path = knowledge_folder() / "codes" / "words" / "systems.md"
    return read_systems(path if path.is_file() else shipped_folder() / "codes" / "words" / "systems.md")


def read_systems(path: Path) -> Systems:
    """The table of code systems in a file."""
    addresses: dict[str, str] = {}
    as_written: dict[str, str] = {}
    pieces: list[tuple[str, str]] = []
    further: dict[str, tuple[str, ...]] = {}
    for row in rows_in(path):
        name = row["system"]
        if "address" in row:
            addresses[normal(row["address"])] = name
            as_written.setdefault(name, row["address"])
        elif "any that holds" in row:
            pieces.append((row["any that holds"].lower(), name))
        else:
            further[name] = tuple(other.strip() for other in row["then"].split(","))
    return Systems(addresses, as_written, tuple(pieces), further)


@lru_cache(maxsize=10_000)
def _name_of(address: str) -> str:
    return systems().name(address)


def system_name(address: Any) -> str:
    """The short name of a code system, or "" for one that is not known or no text."""
    return _name_of(address) if isinstance(address, str) and address else ""


def keys_of(system: str, code: str) -> list[tuple[str, str]]:
    """The keys under which a code may have its row, the most telling first.

    A code of ICD has those of its shorter forms too, in its own system and in the systems whose rows hold for it.
    """
    if not system.startswith(ICD):
        return [(system, code)]
    forms = shorter_forms(system, code)
    return [(name, form) for name in (system, *systems().further.get(system, ())) for form in forms]


@lru_cache(maxsize=10_000)
def shorter_forms(system: str, code: str) -> tuple[str, ...]:
    """A code of ICD as the tables write it, with its dot and without marks behind it, and its shorter forms.

    `I5013` and `I50.13 G` are `I50.13`, whose shorter forms are I50.1 and I50; dagger, asterisk and exclamation mark
    are dropped; a morphology of ICD-O (8500/3) has no shorter form.
    """
    upper = code.strip().upper()
    match = _SUFFIX.fullmatch(upper)
    bare = match[1] if match else upper
    if "/" in upper:
        return (upper,)
    if "." not in bare and len(bare) > 3:
        place = 4 if system == "ICD-11" or (system == "ICD-9-CM" and bare.startswith("E")) else 3
        bare = f"{bare[:place]}.{bare[place:]}" if len(bare) > place else bare
    forms = []
    while len(bare) >= 3:
        forms.append(bare)
        bare = bare[:-1].rstrip(".")
    return tuple(forms)
