"""What a stream of bytes holds: JSON, lines of JSON, or files packed into it at any depth; by content, not by name.

In: a stream that need not be one of a file. Out: documents, where they stand, and the bytes of the file that they took.
"""

from __future__ import annotations

import bz2
import codecs
import gzip
import io
import lzma
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast

from ..record.event import Trouble

BUFFER = 1 << 20
LINE_ENDINGS = (".ndjson", ".jsonl")
TAR_ENDINGS = (".tar", ".tgz", ".tbz2", ".txz", ".tar.gz", ".tar.bz2", ".tar.xz")
DEEPEST = 4
"""So many archives may stand in each other."""
MOST_BYTES = 8_000_000_000
"""A longer single document is not read into memory."""
SUSPECT_BYTES, SUSPECT_RATIO = 1_000_000_000, 500
"""What unpacks to so much, and so many times its size, is no record."""
IN_MEMORY, CHUNK, STEP = 64_000_000, 16_000_000, 64_000
TAR_MAGIC, TAR_MAGIC_AT = b"ustar", 257
ENCODINGS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
    (b"{\x00\x00\x00", "utf-32-le"),
    (b"\x00\x00\x00{", "utf-32-be"),
    (b"{\x00", "utf-16-le"),
    (b"\x00{", "utf-16-be"),
    (b"[\x00", "utf-16-le"),
    (b"\x00[", "utf-16-be"),
)
"""How a text begins that is no UTF-8, and what it is."""
Found = tuple[str, bytes | Trouble, int]
"""Where a document stands, itself, and the bytes of the file that it took."""
IsRecords = Callable[[str], bool]
BAD_MEMBER = (
    gzip.BadGzipFile, zlib.error, EOFError, lzma.LZMAError, OSError, RuntimeError, zipfile.BadZipFile, UnicodeError,
)  # fmt: skip


@dataclass(slots=True)
class Opened:
    """A stream, the name of what it holds, its file where it is one, and how deep in others it stands."""

    stream: IO[bytes]
    name: str
    path: Path | None = None
    depth: int = 0
    packed: bool = False
    """Whether it was unpacked on the way."""
    raw: IO[bytes] | None = None
    """The file itself, which says how far it was read."""


def pieces_of(opened: Opened, is_records: IsRecords) -> Iterator[Found]:
    """Every document of a stream, whatever it is packed in."""
    stream = _peekable(opened.stream)
    start = stream.peek(BUFFER)
    raw = opened.raw if opened.raw is not None else (opened.stream if opened.path is not None else None)
    inner = Opened(cast(IO[bytes], stream), opened.name, opened.path, opened.depth, opened.packed, raw)
    if opened.depth > DEEPEST:
        what = f"not read: more than {DEEPEST} archives stand in each other"
        yield opened.name, Trouble("skipped", opened.name, what), 0
    elif start[:4] in (b"PK\x03\x04", b"PK\x05\x06"):
        yield from _zip(inner, is_records)
    elif _is_tar(start, opened):
        yield from _tar(inner, is_records)
    elif (unpacked := _unpacked(inner, start)) is not None:
        yield from pieces_of(unpacked, is_records)
    elif opened.name.lower().endswith((".gz", ".bz2", ".xz", ".zip", *TAR_ENDINGS)) and not opened.packed:
        begins = f"not what its ending says: it begins with {start[:8]!r}" if start else "it is empty"
        what = f"the file cannot be read to its end: {begins}"
        if start.lstrip()[:1] in (b"{", b"["):
            yield from _text(inner, start)
        else:
            yield opened.name, Trouble("unreadable", opened.name, what), 0
    else:
        yield from _text(inner, start)


def _peekable(stream: IO[bytes]) -> io.BufferedReader:
    """A stream into which can be looked ahead."""
    return stream if isinstance(stream, io.BufferedReader) else io.BufferedReader(_Steps(stream), STEP)


class _Steps(io.RawIOBase):
    """A stream read in small steps, so that what came before an error is not lost with it."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        step = self._stream.read1 if hasattr(self._stream, "read1") else self._stream.read
        content: bytes = step(len(buffer))
        buffer[: len(content)] = content
        return len(content)


def _is_tar(start: bytes, opened: Opened) -> bool:
    """Whether a stream begins like a tar archive; those of the oldest form have no mark but their name."""
    if start[TAR_MAGIC_AT : TAR_MAGIC_AT + len(TAR_MAGIC)] == TAR_MAGIC:
        return True
    is_named = opened.name.lower().endswith(TAR_ENDINGS if opened.packed else ".tar")
    return is_named and start[:1] not in (b"{", b"[", b"") and start[100:101].isdigit()


def _unpacked(opened: Opened, start: bytes) -> Opened | None:
    """The stream unpacked; `None` where it is not packed. The third byte of gzip names deflate, the only method."""
    stream: Any
    if start[:3] == b"\x1f\x8b\x08" or (start[:2] == b"\x1f\x8b" and opened.name.lower().endswith(".gz")):
        stream = gzip.GzipFile(fileobj=opened.stream)
    elif start[:3] == b"BZh":
        stream = bz2.BZ2File(opened.stream)
    elif start[:6] == b"\xfd7zXZ\x00":
        stream = lzma.LZMAFile(opened.stream)  # noqa: SIM115  # closed with the file
    else:
        return None
    return Opened(stream, opened.name, opened.path, opened.depth + 1, True, opened.raw)


def _tar(opened: Opened, is_records: IsRecords) -> Iterator[Found]:
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
                yield from _member(Opened(inside, place, None, opened.depth + 1), is_records, packed=opened.packed)
    if opened.path is not None and not opened.packed and not _ends_well(opened.path):
        yield name, Trouble("unreadable", name, "the archive is cut off; what came before is reviewed"), 0


def _zip(opened: Opened, is_records: IsRecords) -> Iterator[Found]:
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
                yield place, _too_large(place, member.file_size), 0
                continue
            try:
                inside = archive.open(member)
            except BAD_MEMBER as error:
                yield place, Trouble("unreadable", place, f"the file cannot be read: {error}"), 0
                continue
            yield from _member(Opened(inside, place, None, opened.depth + 1), is_records, packed=False)


def _is_seekable(stream: IO[bytes]) -> bool:
    """Whether a stream can be read from any place; one of an archive that streams cannot, and may fail to say so."""
    try:
        return stream.seekable()
    except AttributeError:
        return False


def _member(opened: Opened, is_records: IsRecords, *, packed: bool) -> Iterator[Found]:
    """The documents of a file in an archive; one that cannot be read costs itself alone, where the archive goes on."""
    try:
        yield from pieces_of(opened, is_records)
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


def _too_large(name: str, size: int) -> Trouble:
    return Trouble("unreadable", name, f"not read on: it unpacks to {size:,} bytes and more, which no record does")


def _ends_well(path: Path) -> bool:
    """Whether a tar archive ends with the two empty blocks that close it."""
    with path.open("rb") as file:
        file.seek(0, 2)
        size = file.tell()
        file.seek(max(size - 1024, 0))
        return size % 512 == 0 and size >= 1024 and not file.read().strip(b"\x00")


def _text(opened: Opened, start: bytes) -> Iterator[Found]:
    """The documents of a text: one, or one a line."""
    encoding = next((name for mark, name in ENCODINGS if start.startswith(mark)), "")
    stream = opened.stream
    if encoding:
        stream = cast(IO[bytes], _Recoded(stream, encoding))
        start = start.decode(encoding, "ignore").encode("utf-8")
    name = opened.name.lower()
    for ending in (".gz", ".bz2", ".xz"):
        name = name.removesuffix(ending)
    by_lines = name.endswith(LINE_ENDINGS) or (not name.endswith(".json") and _has_lines(start))
    if by_lines and start.lstrip().partition(b"\n")[0].strip() not in (b"{", b"["):
        yield from _lines(stream, opened)
        return
    chunks: list[bytes] = []
    length = 0
    while chunk := stream.read(CHUNK):
        chunks.append(chunk)
        length += len(chunk)
        if length > MOST_BYTES:
            yield opened.name, _too_large(opened.name, length), 0
            return
    content = b"".join(chunks)
    yield opened.name, content, len(content) if opened.raw is None else opened.raw.tell()


def _has_lines(start: bytes) -> bool:
    """Whether a text without an ending that says so holds a document a line, as far as its beginning tells."""
    first, _, rest = start.lstrip().partition(b"\n")
    return first.rstrip()[-1:] == b"}" and first[:1] == b"{" and (not rest.strip() or rest.lstrip()[:1] == b"{")


def _lines(stream: IO[bytes], opened: Opened) -> Iterator[Found]:
    raw = opened.raw if opened.raw is not None and opened.raw.seekable() else None
    before = unpacked = 0
    for number, line in enumerate(stream, start=1):
        if line.isspace():
            continue
        size = 0
        if number % 64 == 1 and raw is not None:
            here = raw.tell()
            size, before = here - before, here
            if opened.packed and unpacked > SUSPECT_BYTES and unpacked > SUSPECT_RATIO * max(here, 1):
                yield opened.name, _too_large(opened.name, unpacked), 0
                return
        unpacked += len(line)
        yield f"{opened.name}:{number}", line, size


class _Recoded:
    """A stream in another encoding as UTF-8."""

    def __init__(self, stream: IO[bytes], encoding: str) -> None:
        self._text = io.TextIOWrapper(cast(Any, stream), encoding)

    def read(self, size: int = -1) -> bytes:
        return self._text.read(size).encode("utf-8")

    def __iter__(self) -> Iterator[bytes]:
        for line in self._text:
            yield line.encode("utf-8")
