"""Knowledge that was read and proven before, kept on disk, so that a small command starts quickly.

What is kept is named by the bytes of every knowledge file and of the code that read them: change one and it is
read and proven anew. It lies in the user's own cache folder; where that cannot be used nothing is kept.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import sys
import tempfile
from collections.abc import Callable, Sequence
from functools import cache
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

from platformdirs import user_cache_path

if TYPE_CHECKING:
    pass

MOST_KEPT = 4


Made = TypeVar("Made")


def kept(name: str, sources: Sequence[Path], read: Callable[[], Made]) -> Made:
    """What `read` makes of some files: as kept, or made now, and then kept."""
    path = _place(name, sources)
    if path is None:
        return read()
    with contextlib.suppress(*UNUSABLE):
        if path.stat().st_uid == os.getuid() if hasattr(os, "getuid") else True:
            return cast(Made, _loaded(path.read_bytes()))
    made = read()
    with contextlib.suppress(OSError):
        _keep(path, name, made)
    return made


UNUSABLE = (
    OSError, ValueError, EOFError, AttributeError, ImportError, TypeError, OverflowError, KeyError, IndexError,
    MemoryError, pickle.PickleError,
)  # fmt: skip
"""What may go wrong with a kept file; it is then read and proven anew."""
MARK_BYTES = 16


def _mark(content: bytes) -> bytes:
    return blake2b(content, digest_size=MARK_BYTES).digest()


def _loaded(kept: bytes) -> object:
    """What a kept file holds. Raises `ValueError` where one bit of it has changed."""
    mark, content = kept[:MARK_BYTES], kept[MARK_BYTES:]
    if mark != _mark(content):
        raise ValueError("the kept knowledge was changed")
    found: object = pickle.loads(content)
    return found


def _keep(path: Path, name: str, made: object) -> None:
    """Write aside and rename, so that nobody reads half a file; then forget the oldest."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
        content = pickle.dumps(made, protocol=5)
        file.write(_mark(content) + content)
    os.replace(file.name, path)
    others = sorted(path.parent.glob(f"{name}-*.pickle"), key=lambda each: each.stat().st_mtime, reverse=True)
    for old in others[MOST_KEPT:]:
        old.unlink(missing_ok=True)


def _place(name: str, sources: Sequence[Path]) -> Path | None:
    """Where what is made of some files is kept; `None` where they cannot be read or keeping is switched off."""
    if os.environ.get("HER2PATH_CACHE", "yes") == "no":
        return None
    try:
        digest = _of_code().copy()
        for path in sources:
            content = path.read_bytes()
            digest.update(f"{path}\0{len(content)}\0".encode())
            digest.update(content)
        return user_cache_path("her2path") / f"{name}-{digest.hexdigest()}.pickle"
    except (OSError, RuntimeError):
        return None


@cache
def _of_code() -> Any:
    """The digest of the code that reads: of Python, and of every module of the package."""
    digest = blake2b(sys.version.encode(), digest_size=16)
    for path in sorted(Path(__file__).parents[1].rglob("*.py")):
        digest.update(path.read_bytes())
    return digest
