"""Files as pieces: one JSON document, or one line of NDJSON, at a time; archives and compressed files as they stream.

A source is a file, a folder, a pipe or the standard input (`-`). What of it cannot be read is told by name.
"""

from __future__ import annotations

import os
import stat
import sys
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, BinaryIO, cast

from ..record.event import Trouble
from .opened import BUFFER, Opened
from .unpack import pieces_of

STANDARD_INPUT = "-"
JSON_ENDINGS = (".json", ".ndjson", ".jsonl")
PACKED_ENDINGS = (".gz", ".bz2", ".xz")
ARCHIVE_ENDINGS = (".tgz", ".tbz2", ".txz", ".tar", ".zip")
TEXTS = (".csv", ".tsv", ".tab")
"""How the names of tables of text end; what separates their cells is seen in them."""
NOT_FROM_A_FOLDER = (*TEXTS, ".parquet", ".xlsx", ".xml")
NO_RECORDS = ("readme", "license", "licence", "copying", "notice", "thumbs.db", "desktop.ini")
"""How the names of files begin that hold no record, whatever their ending."""
CHECKSUMS = (".md5", ".sha1", ".sha256", ".sha512")
DELETED = "deleted"
"""The folder of a bulk export that says what was deleted; it is read first, so that all else is read knowing it."""
BAD_FILE = (OSError, EOFError, zlib.error, NotImplementedError, UnicodeError)


@dataclass(frozen=True, slots=True)
class Piece:
    """Some bytes that should hold one JSON document. `size` is what reading it took from the file."""

    where: str
    content: bytes
    size: int = 0


def source_size(path: Path) -> int:
    """The bytes on disk of a file or of everything in a folder, 0 for a pipe; for a progress bar."""
    if str(path) == STANDARD_INPUT:
        return 0
    if not path.is_dir():
        return path.stat().st_size if path.is_file() else 0
    return sum(found.path.stat().st_size for found in _files_of(path) if isinstance(found, _File))


def read_pieces(path: Path, *, deleted: bool | None = None) -> Iterator[Piece | Trouble]:
    """Every JSON document of a file, archive or folder, in the order of the names.

    What cannot be read (a gzip cut off, an unreadable file, an ending that is not understood) comes
    as a `Trouble`; everything before and after it is still read. Of a folder only what was deleted, or all but that,
    where `deleted` says so.
    """
    if str(path) == STANDARD_INPUT:
        if not deleted:
            yield from _opened(sys.stdin.buffer, "stdin", None)
    elif path.is_dir():
        for found in _files_of(path):
            if deleted is not None and deleted != found.is_deleted:
                continue
            if isinstance(found, _Told):
                yield found.trouble
            else:
                yield from _file(found.path, found.name)
    elif not deleted:
        yield from _file(path, path.name)


@dataclass(frozen=True, slots=True)
class _File:
    path: Path
    name: str
    is_deleted: bool


@dataclass(frozen=True, slots=True)
class _Told:
    trouble: Trouble
    name: str
    is_deleted: bool = False


def _files_of(folder: Path) -> Iterator[_File | _Told]:
    """The files of a folder by their names, what was deleted first, each once however many links lead to it."""
    found: list[tuple[Path, bool]] = []
    told: list[_Told] = []
    _walk(folder, folder, found, told, set())
    seen: set[tuple[int, int]] = set()
    files: list[_File | _Told] = list(told)
    for path, _ in sorted(found, key=lambda each: (each[1], each[0].parts)):  # links after what they may lead to
        name = path.relative_to(folder).as_posix()
        try:
            status = path.stat()
        except OSError as error:
            what = f"a link to {os.readlink(path)}, which is not there" if path.is_symlink() else f"not read: {error}"
            files.append(_Told(Trouble("unreadable", name, what), name))
            continue
        if (status.st_dev, status.st_ino) in seen:
            continue
        if not stat.S_ISREG(status.st_mode):
            files.append(
                _Told(Trouble("skipped", name, "not read from a folder: it is no file but a pipe or a device"), name)
            )
            continue
        seen.add((status.st_dev, status.st_ino))
        if is_records(name):
            files.append(_File(path, name, DELETED in path.relative_to(folder).parts[:-1]))
        elif what := _why_not(path):
            files.append(_Told(Trouble("skipped", name, what), name))
    yield from sorted(files, key=lambda each: (not each.is_deleted, Path(each.name).parts))


def _walk(
    folder: Path, root: Path, found: list[tuple[Path, bool]], told: list[_Told], seen: set[tuple[int, int]]
) -> None:
    """Gather the files below a folder, and which of them are links; no folder is walked through twice."""
    name = folder.relative_to(root).as_posix()
    try:
        status = folder.stat()
        if (status.st_dev, status.st_ino) in seen:
            return
        seen.add((status.st_dev, status.st_ino))
        entries = sorted(folder.iterdir(), key=lambda entry: (entry.is_symlink(), entry.name))
    except OSError as error:
        told.append(_Told(Trouble("unreadable", name, f"the folder cannot be read: {error}"), name))
        return
    for entry in entries:
        try:
            is_folder = entry.is_dir()
        except OSError:
            is_folder = False
        if is_folder:
            _walk(entry, root, found, told, seen)
        else:
            found.append((entry, entry.is_symlink()))


def _why_not(path: Path) -> str:
    """Why a file of a folder is not read; "" for one of which nobody expects it."""
    name = path.name.lower()
    if path.suffix.lower() in NOT_FROM_A_FOLDER:
        return "not read from a folder: give the file itself, as CSV or Parquet or as FHIR in JSON"
    if name.startswith((".", *NO_RECORDS)) or name.endswith(CHECKSUMS):
        return ""
    known = ", ".join((*JSON_ENDINGS, *PACKED_ENDINGS, *ARCHIVE_ENDINGS))
    return f"not read from a folder: its ending is none of {known}"


def is_records(name: str) -> bool:
    """Whether a file of this name is read from a folder or an archive."""
    lower = name.lower().rpartition("/")[2]
    if lower.startswith("._"):
        return False
    if lower.endswith(ARCHIVE_ENDINGS):
        return True
    for ending in PACKED_ENDINGS:
        if lower.endswith(ending):
            lower = lower.removesuffix(ending)
            return lower.endswith((*JSON_ENDINGS, ".tar")) or "." not in lower
    return lower.endswith(JSON_ENDINGS)


def _file(path: Path, name: str) -> Iterator[Piece | Trouble]:
    try:
        with path.open("rb", buffering=BUFFER) as raw:
            yield from _opened(raw, name, path)
    except BAD_FILE as error:
        yield _broken(name, error)


def _opened(raw: BinaryIO, name: str, path: Path | None) -> Iterator[Piece | Trouble]:
    try:
        for where, content, size in pieces_of(Opened(cast(IO[bytes], raw), name, path), is_records):
            yield content if isinstance(content, Trouble) else Piece(where, content, size)
    except BAD_FILE as error:
        yield _broken(name, error)


def _broken(name: str, error: Exception) -> Trouble:
    return Trouble("unreadable", name, f"the file cannot be read to its end: {error}; what came before is reviewed")
