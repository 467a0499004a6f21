"""Knowledge that was read and proven before, kept on disk, so that a small command starts quickly.

What is kept is named by the bytes of every knowledge file and of the code that read them: change one and it is
read and proven anew. It lies in the user's own cache folder; where that cannot be used nothing is kept.

Reading all those bytes takes longer than reading what is kept. So a stamp stands beside it: a name made of the place,
size and times of every file, which holds the name made of the bytes. See `_stamp` for when a stamp is to be believed.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import fields
from functools import cache
from hashlib import blake2b
from pathlib import Path
from time import time_ns
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar, cast

from platformdirs import user_cache_path

MOST_KEPT = 4
MOST_STAMPS = 8
DIGEST_BYTES = 16
SETTLED_NS = 3_000_000_000
"""A file that changed less than this ago may change again without another time: file systems count in up to 2 s."""
HAS_TIME_OF_CHANGE = os.name == "posix"
CODE = Path(__file__).parents[1]

Content = TypeVar("Content")


def kept(name: str, sources: Sequence[Path], read: Callable[[], Content]) -> Content:
    """What `read` makes of some files: as kept, or made now, and then kept."""
    path = _place(name, sources)
    if path is None:
        return read()
    with contextlib.suppress(*UNUSABLE):
        if path.stat().st_uid == os.getuid() if hasattr(os, "getuid") else True:
            return cast(Content, _loaded(path.read_bytes()))
    content = read()
    with contextlib.suppress(OSError):
        pickled = pickle.dumps(content, protocol=5)
        _write(path, _mark(pickled) + pickled, f"{name}-*.pickle", MOST_KEPT)
    return content


UNUSABLE = (
    OSError, ValueError, EOFError, AttributeError, ImportError, TypeError, OverflowError, KeyError, IndexError,
    MemoryError, pickle.PickleError,
)  # fmt: skip
"""What may go wrong with a kept file; it is then read and proven anew."""


def _mark(content: bytes) -> bytes:
    return blake2b(content, digest_size=DIGEST_BYTES).digest()


def _loaded(file: bytes) -> object:
    """What a kept file holds. Raises `ValueError` where one bit of it has changed."""
    mark, content = file[:DIGEST_BYTES], file[DIGEST_BYTES:]
    if mark != _mark(content):
        raise ValueError("the kept knowledge was changed")
    loaded: object = pickle.loads(content)
    return loaded


def _write(path: Path, content: bytes, alike: str, most: int) -> None:
    """Write aside and rename, so that nobody reads half a file; then forget the oldest of those `alike`."""
    import tempfile

    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
        file.write(content)
    os.replace(file.name, path)
    others = sorted(path.parent.glob(alike), key=lambda other: other.stat().st_mtime, reverse=True)
    for old in others[most:]:
        old.unlink(missing_ok=True)


# -- the name of what is kept ---------------------------------------------------------------------


def _place(name: str, sources: Sequence[Path]) -> Path | None:
    """Where what is made of some files is kept; `None` where they cannot be read or keeping is switched off."""
    if os.environ.get("HER2PATH_CACHE", "yes") == "no":
        return None
    try:
        folder = user_cache_path("her2path")
        stamp = _stamp(sources)
        stamped = folder / f"stamp-{name}-{stamp}" if stamp else None
        if stamped is not None and stamped.exists():
            return folder / f"{name}-{stamped.read_bytes().hex()}.pickle"
        digest = _of_content(sources)
        if stamped is not None:
            with contextlib.suppress(OSError):
                _write(stamped, digest, f"stamp-{name}-*", MOST_STAMPS)
        return folder / f"{name}-{digest.hex()}.pickle"
    except (OSError, RuntimeError):
        return None


def _of_content(sources: Iterable[Path]) -> bytes:
    """The digest of Python, the code and some files by their bytes: the name that is always right."""
    digest = _of_code().copy()
    for path in sources:
        content = path.read_bytes()
        digest.update(f"{path}\0{len(content)}\0".encode())
        digest.update(content)
    return cast(bytes, digest.digest())


@cache
def _of_code() -> Any:
    """The digest of the code that reads: of Python, and of every module of the package."""
    digest = blake2b(sys.version.encode(), digest_size=DIGEST_BYTES)
    for path in sorted(CODE.rglob("*.py")):
        digest.update(path.read_bytes())
    return digest


def _stamp(sources: Iterable[Path]) -> str | None:
    """The digest of places, sizes and times of the code and some files; `None` where that does not tell a change.

    Whoever writes to a file may set its time of modification back, but not the time of its change (`ctime`), which
    only POSIX has. And a file that changed just now could change again within the same tick of its file system: its
    stamp is neither believed nor written until it has settled. Raises `OSError` for a file that is not there.
    """
    if not HAS_TIME_OF_CHANGE:
        return None
    digest, latest = _of_code_files()
    digest = digest.copy()
    for path in sources:
        status = path.stat()
        digest.update(_told(path, status))
        latest = max(latest, status.st_mtime_ns, status.st_ctime_ns)
    return str(digest.hexdigest()) if latest < time_ns() - SETTLED_NS else None


@cache
def _of_code_files() -> tuple[Any, int]:
    """The digest of Python and of the code by places, sizes and times; and the latest of these times, in ns."""
    digest, latest = blake2b(sys.version.encode(), digest_size=DIGEST_BYTES), 0
    for entry in sorted(_files_below(str(CODE), ".py"), key=lambda entry: entry.path):
        status = entry.stat()
        digest.update(_told(entry.path, status))
        latest = max(latest, status.st_mtime_ns, status.st_ctime_ns)
    return digest, latest


def _told(path: str | Path, status: os.stat_result) -> bytes:
    return f"{path}\0{status.st_ino} {status.st_size} {status.st_mtime_ns} {status.st_ctime_ns}\0".encode()


def _files_below(folder: str, ending: str) -> Iterator[os.DirEntry[str]]:
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.endswith(ending):
                yield entry
            elif entry.is_dir(follow_symlinks=False) and entry.name not in ("__pycache__", "knowledge"):
                yield from _files_below(entry.path, ending)


# -- parts ----------------------------------------------------------------------------------------


class InParts:
    """A base of slotted dataclasses that are kept in two parts; the fields of `later` are unpickled when asked for.

    Most tables are never looked at in a review, and their rows are nine tenths of the knowledge.
    """

    __slots__ = ("_sealed",)
    later: ClassVar[tuple[str, ...]]
    """The names of the fields that can wait."""

    def __getstate__(self) -> tuple[dict[str, Any], bytes]:
        names = [field.name for field in fields(cast(Any, self))]
        now = {name: getattr(self, name) for name in names if name not in self.later}
        return now, pickle.dumps({name: getattr(self, name) for name in self.later}, protocol=5)

    def __setstate__(self, state: tuple[dict[str, Any], bytes]) -> None:
        now, self._sealed = state
        for name, value in now.items():
            setattr(self, name, value)

    if not TYPE_CHECKING:  # a type checker would believe that there is every attribute

        def __getattr__(self, name: str) -> Any:
            """Called where a field is not there: one of `later`, which is unsealed now."""
            if name not in type(self).later:
                raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
            for field, value in pickle.loads(self._sealed).items():
                setattr(self, field, value)
            return object.__getattribute__(self, name)
