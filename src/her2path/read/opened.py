"""A stream that is being unpacked, what comes of it, and how much of it is believed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from ..record.event import Trouble

BUFFER = 1 << 20
SUSPECT_BYTES, SUSPECT_RATIO = 1_000_000_000, 500
"""What unpacks to so much, and so many times its size, is no record."""
Found = tuple[str, bytes | Trouble, int]
"""Where a document stands, itself, and the bytes of the file that it took."""
IsRecords = Callable[[str], bool]


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


Documents = Callable[[Opened, IsRecords], Iterator[Found]]
"""What gives every document of a stream."""


def too_large(name: str, size: int) -> Trouble:
    return Trouble("unreadable", name, f"not read on: it unpacks to {size:,} bytes and more, which no record does")
