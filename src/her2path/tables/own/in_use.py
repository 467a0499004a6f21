"""A folder of one's own in use: the merged knowledge written where it is kept, and read from there.

It lies in a folder that belongs to the user alone, named by what it holds, so that what is proven once stays proven.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Callable
from hashlib import blake2b
from pathlib import Path

from platformdirs import user_cache_path

from ...facts.cache import make_private
from ...facts.folder import ELSEWHERE, OWN_EDITIONS
from ...facts.problem import KnowledgeError, Problem
from ..load import read_knowledge
from .overlay import Merged, merge, own_problem

MOST_KEPT = 4
_NAME = re.compile(r"overlay-[0-9a-f]{32}")


class Overlay:
    """Knowledge in use with a folder of one's own over it, until it is ended."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._before = os.environ.get(ELSEWHERE)
        self._temporary: Path | None = None
        self.merged: Merged = merge(folder, read_knowledge())
        self.place = self._write()
        os.environ[ELSEWHERE] = str(self.place)

    def told(self) -> list[str]:
        """What is added and what is replaced, in words."""
        return [f"{self.folder}: {words}" for words in self.merged.told]

    def end(self) -> None:
        """The knowledge that was in use before is in use again."""
        if self._before is None:
            os.environ.pop(ELSEWHERE, None)
        else:
            os.environ[ELSEWHERE] = self._before
        if self._temporary is not None:
            shutil.rmtree(self._temporary, ignore_errors=True)

    def own(self, problem: Problem) -> Problem:
        """A problem told where one wrote it."""
        return own_problem(problem, self.place, self.merged.origins)

    def is_own(self, path: Path) -> bool:
        """Whether a file of the merged knowledge is one's own."""
        return path.is_relative_to(self.place) and path.relative_to(self.place).as_posix() in self.merged.origins

    def vignettes(self) -> list[Path]:
        """The files of vignettes that are one's own."""
        return [self.place / place for place in self.merged.vignettes]

    def prove(self, read: Callable[[], object] = read_knowledge) -> None:
        """Read and prove it. Raises `KnowledgeError`, each problem at one's own file and line."""
        try:
            read()
        except KnowledgeError as faulty:
            from .faults import first_faults

            raise KnowledgeError(first_faults(map(self.own, faulty.problems))) from None

    def _write(self) -> Path:
        """Write the merged files, where they are not written yet."""
        files = {**self.merged.texts, OWN_EDITIONS: "".join(f"{place}\n" for place in self.merged.editions)}
        digest = blake2b(digest_size=16)
        for name, text in sorted(files.items()):
            digest.update(f"{name}\0{len(text)}\0{text}".encode())
        kept = user_cache_path("her2path")
        if os.environ.get("HER2PATH_CACHE", "yes") == "no" or not make_private(kept):
            self._temporary = Path(tempfile.mkdtemp(prefix="her2path-"))
            return _written(self._temporary / "knowledge", files)
        place = kept / f"overlay-{digest.hexdigest()}"
        if not _holds(place, files):
            aside = Path(tempfile.mkdtemp(prefix=".overlay-", dir=kept))
            _written(aside / "knowledge", files)
            shutil.rmtree(place, ignore_errors=True)
            os.replace(aside / "knowledge", place)
            aside.rmdir()
        _forget(kept, place)
        return place


def _written(folder: Path, files: dict[str, str]) -> Path:
    for place, text in files.items():
        path = folder / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="\n")
    return folder


def _holds(folder: Path, files: dict[str, str]) -> bool:
    """Whether a folder holds just these files, to the byte."""
    try:
        there = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
        return there == set(files) and all((folder / place).read_bytes() == files[place].encode() for place in files)
    except OSError:
        return False


def _forget(kept: Path, but: Path) -> None:
    """Leave the last few merged folders."""
    others = [path for path in kept.iterdir() if _NAME.fullmatch(path.name) and path != but]
    for old in sorted(others, key=lambda path: path.stat().st_mtime, reverse=True)[MOST_KEPT - 1 :]:
        shutil.rmtree(old, ignore_errors=True)
        for proven in kept.glob(f"*knowledge-{old.name}-*"):
            proven.unlink(missing_ok=True)
