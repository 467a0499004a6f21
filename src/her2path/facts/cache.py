"""Knowledge that was read and proven before, kept on disk, so that a small command starts quickly.

What is kept is named by the bytes of every knowledge file and of the code that read them: change one and it is
read and proven anew. It lies in a folder that belongs to the user alone (`PrivateFolder`); where that cannot be,
nothing is kept. It is read as data: of nothing but our own classes of data, so that no file there can run code.

Reading all those bytes takes longer than reading what is kept. So a stamp stands beside it: a name made of the place,
size and times of every file, which holds the name made of the bytes. See `_stamp` for when a stamp is to be believed.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import io
import os
import pathlib
import pickle
import re
import secrets
import stat
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import fields, is_dataclass
from decimal import Decimal
from enum import Enum
from functools import cache
from hashlib import blake2b
from pathlib import Path
from time import time_ns
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar, cast

from platformdirs import user_cache_path

MOST_KEPT = 4
MOST_STAMPS = 8
DIGEST_BYTES = 16
MOST_BYTES = 1 << 26
"""What is kept is some hundred kilobytes."""
IS_POSIX = os.name == "posix"
_NO_LINK = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
SETTLED_NS = 3_000_000_000
"""A file that changed less than this ago may change again without another time: file systems count in up to 2 s."""
HAS_TIME_OF_CHANGE = IS_POSIX
CODE = Path(__file__).parents[1]

Content = TypeVar("Content")


def kept(name: str, sources: Sequence[Path], read: Callable[[], Content]) -> Content:
    """What `read` makes of some files: as kept, or made now, and then kept."""
    with contextlib.ExitStack() as opened:
        place: str | None = None
        with contextlib.suppress(OSError, RuntimeError):
            if os.environ.get("HER2PATH_CACHE", "yes") != "no":
                folder = opened.enter_context(PrivateFolder(user_cache_path("her2path")))
                place = _place(folder, name, sources)
        if place is None:
            return read()
        with contextlib.suppress(*UNUSABLE):
            return cast(Content, _loaded(folder.read(place)))
        content = read()
        with contextlib.suppress(OSError):
            pickled = pickle.dumps(content, protocol=5)
            folder.write(place, _mark(pickled) + pickled, _like(name), MOST_KEPT)
        return content


UNUSABLE = (
    OSError, ValueError, EOFError, AttributeError, ImportError, TypeError, OverflowError, KeyError, IndexError,
    MemoryError, RecursionError, pickle.PickleError,
)  # fmt: skip
"""What may go wrong with a kept file; it is then read and proven anew."""


def _like(name: str) -> re.Pattern[str]:
    return re.compile(rf"{re.escape(name)}-[0-9a-f]*\.pickle")


def _mark(content: bytes) -> bytes:
    return blake2b(content, digest_size=DIGEST_BYTES).digest()


def _loaded(file: bytes) -> object:
    """What a kept file holds. Raises `ValueError` where one bit of it has changed."""
    mark, content = file[:DIGEST_BYTES], file[DIGEST_BYTES:]
    if mark != _mark(content):
        raise ValueError("the kept knowledge was changed")
    return loaded_as_data(content)


# -- the name of what is kept ---------------------------------------------------------------------


def _place(folder: PrivateFolder, name: str, sources: Sequence[Path]) -> str:
    """The name under which what is made of some files is kept. Raises `OSError` where they cannot be read."""
    stamp = _stamp(sources)
    stamped = f"stamp-{name}-{stamp}" if stamp else ""
    if stamped:
        with contextlib.suppress(OSError, ValueError):
            digest = folder.read(stamped)
            if len(digest) == DIGEST_BYTES:
                return f"{name}-{digest.hex()}.pickle"
    digest = _of_content(sources)
    if stamped:
        with contextlib.suppress(OSError):
            folder.write(stamped, digest, re.compile(rf"stamp-{re.escape(name)}-[0-9a-f]*"), MOST_STAMPS)
    return f"{name}-{digest.hex()}.pickle"


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
            for field, value in loaded_as_data(self._sealed).items():
                setattr(self, field, value)
            return object.__getattribute__(self, name)


# -- a folder of one user ---------------------------------------------------------------------------


class PrivateFolder:
    """A folder of the user's own; raises `PermissionError` where it is another's or a link."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._folder: int | None = None

    def __enter__(self) -> PrivateFolder:
        self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
        if IS_POSIX:
            folder = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY | _NO_LINK)
            try:
                status = os.fstat(folder)
                if status.st_uid != os.geteuid():
                    raise PermissionError(f"{self.path} belongs to another user")
                if status.st_mode & 0o077:
                    os.fchmod(folder, 0o700)
            except BaseException:
                os.close(folder)
                raise
            self._folder = folder
        return self

    def __exit__(self, *_: object) -> None:
        if self._folder is not None:
            os.close(self._folder)
            self._folder = None

    def read(self, name: str) -> bytes:
        """The content of a file. Raises `OSError` where there is none, or it is not the user's own."""
        file = os.open(self._place(name), os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | _NO_LINK, dir_fd=self._folder)
        try:
            status = os.fstat(file)
            if not stat.S_ISREG(status.st_mode) or status.st_size > MOST_BYTES:
                raise PermissionError(f"{name} is no file of ours")
            if IS_POSIX and (status.st_uid != os.geteuid() or status.st_mode & 0o022 or status.st_nlink != 1):
                raise PermissionError(f"{name} is not the user's alone")
            with os.fdopen(os.dup(file), "rb") as stream:
                return stream.read()
        finally:
            os.close(file)

    def write(self, name: str, content: bytes, alike: re.Pattern[str], most: int) -> None:
        """Write aside and rename, so that nobody reads half a file; then forget the oldest of those `alike`."""
        aside = f".{name}.{secrets.token_hex(8)}"
        file = os.open(self._place(aside), os.O_WRONLY | os.O_CREAT | os.O_EXCL | _NO_LINK, 0o600, dir_fd=self._folder)
        try:
            with os.fdopen(file, "wb") as stream:
                stream.write(content)
            os.replace(self._place(aside), self._place(name), src_dir_fd=self._folder, dst_dir_fd=self._folder)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(self._place(aside), dir_fd=self._folder)
            raise
        self._forget(alike, most)

    def _forget(self, alike: re.Pattern[str], most: int) -> None:
        changed: dict[str, int] = {}
        for other in os.listdir(self._folder if self._folder is not None else self.path):
            if alike.fullmatch(other):
                with contextlib.suppress(OSError):
                    place = self._place(other)
                    changed[other] = os.stat(place, dir_fd=self._folder, follow_symlinks=False).st_mtime_ns
        for old in sorted(changed, key=changed.__getitem__, reverse=True)[most:]:
            with contextlib.suppress(OSError):
                os.unlink(self._place(old), dir_fd=self._folder)

    def _place(self, name: str) -> str:
        return name if self._folder is not None else str(self.path / name)


def make_private(path: Path) -> bool:
    """Make a folder where it is not there, and close it to all but the user; false where it is another's, or a link."""
    try:
        with PrivateFolder(path):
            return True
    except OSError:
        return False


# -- pickles as data ------------------------------------------------------------------------------

_OTHERS: dict[tuple[str, str], Any] = {
    ("decimal", "Decimal"): Decimal,
    ("datetime", "date"): dt.date,
    **{
        (module, name): getattr(pathlib, name)
        for module in ("pathlib", "pathlib._local")
        for name in ("PosixPath", "WindowsPath")
    },
}
_PACKAGE = __name__.partition(".")[0]


class _DataUnpickler(pickle.Unpickler):
    """Makes values of our own classes of data and a few of Python's; whatever else is named is refused."""

    def find_class(self, module: str, name: str, /) -> Any:
        if (other := _OTHERS.get((module, name))) is not None:
            return other
        if module.partition(".")[0] == _PACKAGE and "." not in name:
            found = super().find_class(module, name)
            is_own = isinstance(found, type) and found.__module__ == module
            if is_own and (
                is_dataclass(found) or issubclass(found, Enum | tuple) or getattr(found, "holds_data", False)
            ):
                return found
        raise pickle.UnpicklingError(f"{module}.{name} is no data of ours")


def loaded_as_data(content: bytes) -> Any:
    """What a pickle holds, of data alone. Raises `UnpicklingError` where it names anything else."""
    return _DataUnpickler(io.BytesIO(content)).load()
