"""Files packed into others: gzip, bzip2 and xz as streams, tar as it streams, zip. Imported where one is met."""

from __future__ import annotations

import bz2
import gzip
import lzma
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from ..record.event import Trouble
from .opened import BUFFER, SUSPECT_BYTES, SUSPECT_RATIO, Documents, Found, IsRecords, Opened, too_large

IN_MEMORY = 64_000_000
PACKED_ENDINGS = (".gz", ".tgz", ".bz2", ".tbz2", ".xz", ".txz")
BZIP2_BLOCK = b"1AY&SY"
BAD_MEMBER = (
    gzip.BadGzipFile, zlib.error, EOFError, lzma.LZMAError, OSError, RuntimeError, zipfile.BadZipFile, UnicodeError,
)  # fmt: skip


def documents_in(
    opened: Opened, start: bytes, is_tar: bool, is_records: IsRecords, documents: Documents
) -> Iterator[Found] | None:
    """The documents of a stream that begins like a packed one; `None` where it is none.

    `documents` gives those of a stream inside it. Raises `OSError` and what `BAD_MEMBER` names, where it is broken.
    """
    if _is_zip(start, opened):
        return _as_files_break(_zip(opened, is_records, documents))
    if is_tar:
        return _as_files_break(_tar(opened, is_records, documents))
    inside = _unpacked(opened, start)
    return None if inside is None else _as_files_break(documents(inside, is_records))


class BrokenArchive(OSError):
    """A packed file that cannot be read to its end."""


def _as_files_break(found: Iterator[Found]) -> Iterator[Found]:
    """The same, with what is broken in an archive raised as what is broken in a file."""
    try:
        yield from found
    except (lzma.LZMAError, tarfile.TarError, zipfile.BadZipFile) as error:
        raise BrokenArchive(str(error)) from error


def _unpacked(opened: Opened, start: bytes) -> Opened | None:
    """The stream unpacked; `None` where it is not packed."""
    stream: Any
    named = opened.name.lower().endswith(PACKED_ENDINGS) and not opened.packed
    if start[:2] == b"\x1f\x8b" and (named or _begins_well(zlib.decompressobj(31), start)):
        stream = gzip.GzipFile(fileobj=opened.stream)
    elif start[:3] == b"BZh" and (named or start[4:10] == BZIP2_BLOCK):
        stream = bz2.BZ2File(opened.stream)
    elif start[:6] == b"\xfd7zXZ\x00" and (named or _begins_well(lzma.LZMADecompressor(), start)):
        stream = lzma.LZMAFile(opened.stream)  # noqa: SIM115  # closed with the file
    else:
        return None
    return Opened(stream, opened.name, opened.path, opened.depth + 1, True, opened.raw)


def _begins_well(unpacker: Any, start: bytes) -> bool:
    """Whether the beginning of a stream can be unpacked: a few bytes that look like it may be anything."""
    try:
        return bool(unpacker.decompress(start)) or bool(unpacker.eof)
    except (zlib.error, lzma.LZMAError):
        return False


def _is_zip(start: bytes, opened: Opened) -> bool:
    """Whether a stream is a zip archive: it begins like one, and ends like one where its end can be seen."""
    if start[:4] not in (b"PK\x03\x04", b"PK\x05\x06"):
        return False
    if opened.name.lower().endswith(".zip") or opened.packed or opened.path is None or not _is_seekable(opened.stream):
        return True
    return zipfile.is_zipfile(opened.path)


def _tar(opened: Opened, is_records: IsRecords, documents: Documents) -> Iterator[Found]:
    name = opened.name
    with tarfile.open(fileobj=opened.stream, mode="r|") as archive:
        for member in archive:
            place = f"{name}/{member.name}"
            if not member.isfile():
                if not member.isdir() and is_records(member.name):
                    yield place, Trouble("skipped", place, "not read: it is a link or a device in an archive"), 0
                continue
            if not is_records(member.name):
                yield from _not_read(place, member.name)
                continue
            inside = archive.extractfile(member)
            if inside is not None:
                yield from _member(
                    Opened(inside, place, None, opened.depth + 1), is_records, documents, packed=opened.packed
                )
    if opened.path is not None and not opened.packed and not _ends_well(opened.path):
        yield name, Trouble("unreadable", name, "the archive is cut off; what came before is reviewed"), 0


def _zip(opened: Opened, is_records: IsRecords, documents: Documents) -> Iterator[Found]:
    stream: Any = opened.stream
    if not _is_seekable(opened.stream):
        stream = tempfile.SpooledTemporaryFile(IN_MEMORY)  # noqa: SIM115  # closed with the archive
        while chunk := opened.stream.read(BUFFER):
            stream.write(chunk)
        stream.seek(0)
    with zipfile.ZipFile(stream) as archive:
        for member in archive.infolist():
            place = f"{opened.name}/{member.filename}"
            if member.is_dir():
                continue
            if not is_records(member.filename):
                yield from _not_read(place, member.filename)
                continue
            if member.flag_bits & 1:
                yield (
                    place,
                    Trouble("unreadable", place, "not read: it is encrypted; expected a zip without a password"),
                    0,
                )
                continue
            ratio = member.file_size / max(member.compress_size, 1)
            if member.file_size > SUSPECT_BYTES and ratio > SUSPECT_RATIO:
                yield place, too_large(place, member.file_size), 0
                continue
            try:
                inside = archive.open(member)
            except BAD_MEMBER as error:
                yield place, Trouble("unreadable", place, f"the file cannot be read: {error}"), 0
                continue
            yield from _member(Opened(inside, place, None, opened.depth + 1), is_records, documents, packed=False)


def _is_seekable(stream: IO[bytes]) -> bool:
    """Whether a stream can be read from any place; one of an archive that streams cannot, and may fail to say so."""
    try:
        return stream.seekable()
    except AttributeError:
        return False


def _member(opened: Opened, is_records: IsRecords, documents: Documents, *, packed: bool) -> Iterator[Found]:
    """The documents of a file in an archive; one that cannot be read costs itself alone, where the archive goes on."""
    try:
        yield from documents(opened, is_records)
    except BAD_MEMBER as error:
        if packed and not opened.name.lower().endswith((".gz", ".bz2", ".xz", ".zip")):
            raise
        what = f"the file cannot be read to its end: {error}"
        yield opened.name, Trouble("unreadable", opened.name, what), 0


def _not_read(place: str, name: str) -> Iterator[Found]:
    """Tell of a file in an archive that is not read, unless it stands for something else."""
    last = name.rpartition("/")[2].lower()
    if last and not last.startswith((".", "readme", "license", "thumbs.db")):
        yield place, Trouble("skipped", place, "not read from an archive: its ending is none of a record"), 0


def _ends_well(path: Path) -> bool:
    """Whether a tar archive ends with the two empty blocks that close it."""
    with path.open("rb") as file:
        file.seek(0, 2)
        size = file.tell()
        file.seek(max(size - 1024, 0))
        return size % 512 == 0 and size >= 1024 and not file.read().strip(b"\x00")
