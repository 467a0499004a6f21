"""What a stream of bytes holds: JSON, lines of JSON, or files packed into it at any depth; by content, not by name.

In: a stream that need not be one of a file. Out: documents, where they stand, and the bytes of the file that they took.
"""

from __future__ import annotations

import codecs
import io
from collections.abc import Iterator
from typing import IO, Any, cast

from ..record.event import Trouble
from .opened import BUFFER, SUSPECT_BYTES, SUSPECT_RATIO, Found, IsRecords, Opened, too_large

LINE_ENDINGS = (".ndjson", ".jsonl")
TAR_ENDINGS = (".tar", ".tgz", ".tbz2", ".txz", ".tar.gz", ".tar.bz2", ".tar.xz")
DEEPEST = 4
"""So many archives may stand in each other."""
MOST_BYTES = 8_000_000_000
"""A longer single document is not read into memory."""
CHUNK, STEP = 16_000_000, 64_000
PACKED = (b"\x1f\x8b", b"PK", b"BZ", b"\xfd7")
"""How gzip, zip, bzip2 and xz begin, and much else."""
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


def pieces_of(opened: Opened, is_records: IsRecords) -> Iterator[Found]:
    """Every document of a stream, whatever it is packed in."""
    stream = _peekable(opened.stream)
    start = stream.peek(BUFFER)
    raw = opened.raw if opened.raw is not None else (opened.stream if opened.path is not None else None)
    inner = Opened(cast(IO[bytes], stream), opened.name, opened.path, opened.depth, opened.packed, raw)
    if opened.depth > DEEPEST:
        what = f"not read: more than {DEEPEST} archives stand in each other"
        yield opened.name, Trouble("skipped", opened.name, what), 0
    elif (packed := _packed(inner, start, is_records, _is_tar(start, opened))) is not None:
        yield from packed
    elif opened.name.lower().endswith((".gz", ".bz2", ".xz", ".zip", *TAR_ENDINGS)) and not opened.packed:
        begins = f"not what its ending says: it begins with {start[:8]!r}" if start else "it is empty"
        what = f"the file cannot be read to its end: {begins}"
        if start.lstrip()[:1] in (b"{", b"["):
            yield from _text(inner, start)
        else:
            yield opened.name, Trouble("unreadable", opened.name, what), 0
    else:
        yield from _text(inner, start)


def _packed(opened: Opened, start: bytes, is_records: IsRecords, is_tar: bool) -> Iterator[Found] | None:
    """The documents of a packed stream; `None` where it is none."""
    if not is_tar and start[:2] not in PACKED:
        return None
    from .archives import documents_in  # slow to import, and needed only here

    return documents_in(opened, start, is_tar, is_records, pieces_of)


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


def _encoding_of(start: bytes) -> str:
    """The encoding of a text that is no UTF-8 and holds JSON, "" for every other."""
    for mark, encoding in ENCODINGS:
        if start.startswith(mark):
            text = start[: min(len(start), 400) // 4 * 4].decode(encoding, "replace").lstrip("\ufeff \t\r\n")
            if text[:1] in ("{", "[") and sum(letter < "\x7f" for letter in text) * 4 > len(text) * 3:
                return encoding
    return ""


def _text(opened: Opened, start: bytes) -> Iterator[Found]:
    """The documents of a text: one, or one a line."""
    encoding = _encoding_of(start)
    stream = opened.stream
    if encoding:
        stream = cast(IO[bytes], _Recoded(stream, encoding))
        start = start.decode(encoding, "ignore").encode("utf-8")
    name = opened.name.lower()
    for ending in (".gz", ".bz2", ".xz"):
        name = name.removesuffix(ending)
    by_lines = name.endswith(LINE_ENDINGS) or (not name.endswith(".json") and _has_lines(start))
    if by_lines and not _is_one_over_lines(start):
        yield from _lines(stream, opened)
        return
    chunks: list[bytes] = []
    length = 0
    while chunk := stream.read(CHUNK):
        chunks.append(chunk)
        length += len(chunk)
        if length > MOST_BYTES:
            yield opened.name, too_large(opened.name, length), 0
            return
    content = b"".join(chunks)
    yield opened.name, content, len(content) if opened.raw is None else opened.raw.tell()


def _has_lines(start: bytes) -> bool:
    """Whether a text without an ending that says so holds a document a line, as far as its beginning tells."""
    first, _, rest = start.lstrip().partition(b"\n")
    return first.rstrip()[-1:] == b"}" and first[:1] == b"{" and (not rest.strip() or rest.lstrip()[:1] == b"{")


def _is_one_over_lines(start: bytes) -> bool:
    """Whether a text whose ending promises a document a line is a single one, written over many lines."""
    first, _, rest = start.lstrip().partition(b"\n")
    second = rest.lstrip().partition(b"\n")[0].strip()
    if first.strip() == b"{":
        return second[:1] == b'"'
    return first.strip() == b"[" and second[:1] == b"{" and second[-1:] != b"}"


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
                yield opened.name, too_large(opened.name, unpacked), 0
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
