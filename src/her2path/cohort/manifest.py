"""By what a review was made, and of what: enough to make it again, and to know whether two are of the same making."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path

from ..facts.value import Json
from ..findings.settings import Settings
from ..findings.summary import Summary
from ..read.files import STANDARD_INPUT
from ..tables.library import Knowledge
from ..tables.site import LIMITS
from ..write.interrupt import require_going_on
from .sources import Sources, listed

READ_AT_ONCE = 1 << 20
MOST_FILES = 1000
"""Of a folder with more files each of the first is named, and all are in the digest of the folder."""


def manifest_of(
    sources: Sources, knowledge: Knowledge, settings: Settings, summary: Summary, *,
    settings_file: Path | None = None, columns: Mapping[str, str] | None = None, unread: Sequence[str] = (),
) -> dict[str, Json]:  # fmt: skip
    """The version, the knowledge and the editions in use, what was asked for, the inputs with their SHA-256, and counts
    of what was read and what was not.

    Of standard input the digest is null: it is gone when it is read. `unread` are columns that nothing was read from.
    """
    at, edition = settings.at, settings.edition
    limits: dict[str, Json] = {name: _plain(getattr(at, name)) for name in LIMITS}
    return {
        "program": "her2path", "version": program_version(), "knowledge_sha256": knowledge_digest(knowledge.folder),
        "editions": [*sorted(summary.in_use)],
        "asked": {
            "on": settings.on.isoformat(), "site": settings.site, "edition": edition,
            "jurisdiction": settings.jurisdiction, "her2_only": not settings.courses, "patient": settings.patient,
            "columns": dict(columns or {}), "carried": list(settings.carried.names),
        },
        "settings": {
            "file": None if settings_file is None else _file(settings_file), "name": at.name or None,
            "assumed": dict(at.assumed), **limits, "editions": dict(at.editions), "mapped": at.mapping is not None,
            "zero_plus": at.zero_plus, "accept_recorded_status": at.accept_recorded_status,
            "missing": [*sorted(at.missing)],
        },
        "inputs": [_input(path) for path in listed(sources)],
        "read": {
            "patients": summary.patients, "specimens": summary.specimens, "findings": sum(summary.findings.values()),
            "not_read": summary.troubles, "columns_not_read": list(unread),
        },
    }  # fmt: skip


def program_version() -> str:
    """The version of her2path that is installed."""
    from importlib.metadata import PackageNotFoundError, version  # slow to import, and needed only here

    try:
        return version("her2path")
    except PackageNotFoundError:  # pragma: no cover - only in a source tree that is not installed
        return "0.0.0"


def _plain(value: object) -> Json:
    return value if value is None or isinstance(value, int) else str(value)


def _input(path: Path) -> Json:
    if str(path) == STANDARD_INPUT:
        return {"path": STANDARD_INPUT, "sha256": None}
    if not path.is_dir():
        return _file(path)
    files = sorted(each for each in path.rglob("*") if each.is_file())
    told = [_file(each) for each in files]
    digest = hashlib.sha256("".join(f"{each['sha256']} {each['path']}\n" for each in told).encode())
    return {"path": str(path), "sha256": digest.hexdigest(), "count": len(files), "files": [*told[:MOST_FILES]]}


def _file(path: Path) -> dict[str, Json]:
    """A file with its size in bytes and its digest, null where it is no file that can be read again."""
    if not path.is_file():
        return {"path": str(path), "sha256": None}
    return {"path": str(path), "bytes": path.stat().st_size, "sha256": sha256_of(path)}


def sha256_of(file: Path) -> str:
    """The SHA-256 of a file, of any size; a signal ends it in good time. Raises `OSError` where it cannot be read."""
    digest = hashlib.sha256()
    with file.open("rb", buffering=0) as stream:
        while piece := stream.read(READ_AT_ONCE):
            require_going_on()
            digest.update(piece)
    return digest.hexdigest()


@cache
def knowledge_digest(folder: Path) -> str:
    """The SHA-256 of every file of a folder of knowledge, by its place and its bytes."""
    return _digest((path.relative_to(folder).as_posix(), path) for path in sorted(folder.rglob("*.md")))


def _digest(files: Iterable[tuple[str, Path]]) -> str:
    digest = hashlib.sha256()
    for name, path in files:
        content = path.read_bytes()
        digest.update(f"{name}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()
