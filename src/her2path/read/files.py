"""Files as pieces: one JSON document, or one line of NDJSON, at a time; gzip and tar read as they stream."""

from __future__ import annotations

import gzip
import tarfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from ..record.event import Trouble

JSON_ENDINGS = (".json", ".ndjson", ".jsonl")
BUFFER = 1 << 20
NOT_FROM_A_FOLDER = (".csv", ".parquet", ".xlsx", ".xml")
LINE_ENDINGS = (".ndjson", ".jsonl")


@dataclass(frozen=True, slots=True)
class Piece:
    """Some bytes that should hold one JSON document. `size` is what reading it took from the file."""

    where: str
    content: bytes
    size: int = 0


def source_size(path: Path) -> int:
    """The bytes on disk of a file or of everything in a folder; for a progress bar."""
    files = [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]
    return sum(file.stat().st_size for file in files)


def read_pieces(path: Path) -> Iterator[Piece | Trouble]:
    """Every JSON document of a file, archive or folder, in the order of the names.

    What cannot be read (a gzip cut off, an unreadable file, an ending that is not understood) comes
    as a `Trouble`; everything before and after it is still read.
    """
    if path.is_dir():
        for file in sorted(path.rglob("*")):
            if file.is_file() and _is_records(file.name):
                yield from _file(file, file.relative_to(path).as_posix())
            elif file.suffix.lower() in NOT_FROM_A_FOLDER:
                what = "not read from a folder: give the file itself, as CSV or Parquet or as FHIR in JSON"
                yield Trouble("skipped", file.relative_to(path).as_posix(), what)
        return
    yield from _file(path, path.name)


def _is_records(name: str) -> bool:
    lower = name.lower().removesuffix(".gz")
    return lower.endswith(JSON_ENDINGS) or name.lower().endswith((".tgz", ".tar", ".tar.gz"))


def _file(path: Path, name: str) -> Iterator[Piece | Trouble]:
    lower = path.name.lower()
    try:
        if lower.endswith((".tgz", ".tar.gz", ".tar")):
            yield from _archive(path, name)
            return
        with path.open("rb", buffering=BUFFER) as raw:
            start = raw.read(3)  # the third byte names deflate, the only method there is
            is_gzip = start[:2] == b"\x1f\x8b" and (lower.endswith(".gz") or start[2:] == b"\x08")
            raw.seek(0)
            stream: IO[bytes] = gzip.GzipFile(fileobj=raw) if is_gzip else raw  # type: ignore[assignment]
            yield from _stream(stream, name, lower.removesuffix(".gz"), raw)
    except (OSError, EOFError, zlib.error, tarfile.TarError) as error:
        yield Trouble("unreadable", name, f"the file cannot be read to its end: {error}; what came before is reviewed")


def _archive(path: Path, name: str) -> Iterator[Piece | Trouble]:
    with tarfile.open(path, "r|*") as archive:
        for member in archive:
            if not member.isfile() or not _is_records(member.name):
                continue
            packed = archive.extractfile(member)
            if packed is None:
                continue
            zipped = member.name.lower().endswith(".gz")
            stream: Any = gzip.GzipFile(fileobj=packed) if zipped else packed
            try:
                yield from _stream(stream, f"{name}/{member.name}", member.name.lower().removesuffix(".gz"), None)
            except (gzip.BadGzipFile, zlib.error, EOFError) as error:
                if not zipped:
                    raise
                yield Trouble("unreadable", f"{name}/{member.name}", f"the file cannot be read to its end: {error}")
        if path.name.lower().endswith(".tar") and not _ends_well(path):
            yield Trouble("unreadable", name, "the archive is cut off; what came before is reviewed")


def _ends_well(path: Path) -> bool:
    """Whether a tar archive ends with the two empty blocks that close it."""
    with path.open("rb") as file:
        file.seek(0, 2)
        size = file.tell()
        file.seek(max(size - 1024, 0))
        return size % 512 == 0 and size >= 1024 and not file.read().strip(b"\x00")


def _stream(stream: IO[bytes], name: str, lower: str, raw: IO[bytes] | None) -> Iterator[Piece]:
    if not lower.endswith(LINE_ENDINGS):
        content = stream.read()
        yield Piece(name, content, len(content) if raw is None else raw.tell())
        return
    before = 0
    for number, line in enumerate(stream, start=1):
        if line.isspace():
            continue
        if number % 64 == 1 and raw is not None:
            here = raw.tell()
            size, before = here - before, here
        else:
            size = 0
        yield Piece(f"{name}:{number}", line, size)
