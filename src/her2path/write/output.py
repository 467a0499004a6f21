"""Where a command writes: files and folders that appear whole and together, or not at all; never over an input."""

from __future__ import annotations

import contextlib
import io
import os
import secrets
import shutil
import stat
from collections.abc import Iterable, Iterator, Mapping
from math import isfinite
from pathlib import Path
from types import TracebackType
from typing import IO, Any, TextIO

import click

from ..facts.folder import knowledge_folder
from ..facts.problem import AskedWrongly
from .interrupt import signals_held, undisturbed

LONGEST_NAME = 100
"""So much of an output's name is in the name of the file beside it: names have bounds."""


class Outputs:
    """Files and folders that take their names together at the end, or of which nothing is left.

    `file` and `folder` give the places to write to. When the block ends well, each takes its name; where one cannot,
    those before it are put back as they were. `sources` are what is read, none of which is ever written.
    """

    def __init__(self, *sources: Path | None) -> None:
        self.sources = [source for source in sources if source is not None]
        self._files: list[tuple[Path, Path]] = []
        self._folders: list[tuple[Path, Path]] = []

    def file(self, output: Path) -> Path:
        """A file beside `output`, to be written and closed before the block ends.

        What is no ordinary file (a pipe, a terminal) is written as it is. Raises `AskedWrongly` where it is an input
        or another output, or cannot be written.
        """
        require_other(output, *self.sources)
        require_distinct([*(taken for _, taken in (*self._files, *self._folders)), output])
        if _is_special(output):
            return output
        with telling(output):
            target = Path(os.path.realpath(output)) if output.is_symlink() else output
            if target.is_dir():
                raise IsADirectoryError(0, "it is a folder")
            beside = _beside(target)
            self._files.append((beside, target))  # before it is there, so that no interrupt leaves it
            try:
                opened_file = os.open(beside, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666)
            except OSError:
                self._files.pop()
                raise
            try:
                if target.exists() and hasattr(os, "fchmod"):  # who could not read it before cannot read it after
                    os.fchmod(opened_file, stat.S_IMODE(target.stat().st_mode))
            finally:
                os.close(opened_file)
        return beside

    def folder(self, output: Path) -> Path:
        """A folder beside `output`; the files in it take their places in `output`, where others may stand already.

        Raises `AskedWrongly` as `file` does.
        """
        require_other(output, *self.sources)
        require_distinct([*(taken for _, taken in (*self._files, *self._folders)), output])
        with telling(output):
            target = Path(os.path.realpath(output))
            if target.exists() and not target.is_dir():
                raise NotADirectoryError(0, "it is a file, and a folder is to be written")
            target.parent.mkdir(parents=True, exist_ok=True)
            beside = _beside(target)
            self._folders.append((beside, target))
            try:
                beside.mkdir()
            except OSError:
                self._folders.pop()
                raise
        return beside

    def __enter__(self) -> Outputs:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self._name()
        finally:
            with signals_held():
                for beside, _ in self._files:
                    with contextlib.suppress(OSError):
                        beside.unlink(missing_ok=True)
                for beside, _ in self._folders:
                    shutil.rmtree(beside, ignore_errors=True)

    def _name(self) -> None:
        """Give every output its name, the first of them last; or put everything back."""
        replaced: list[tuple[Path, Path | None]] = []
        with undisturbed():
            try:
                for beside, target in self._folders:
                    with telling(target):
                        target.mkdir(exist_ok=True)
                        for file in sorted(beside.iterdir()):
                            _replace(file, target / file.name, replaced)
                for beside, target in reversed(self._files):
                    with telling(target):
                        _replace(beside, target, replaced)
            except BaseException as error:
                lost = [words for each in reversed(replaced) if (words := _put_back(*each))]
                if lost:
                    raise AskedWrongly("; ".join([str(error), *lost])) from error
                raise
            for _, old in replaced:
                if old is not None:
                    with contextlib.suppress(OSError):
                        old.unlink(missing_ok=True)


def _replace(beside: Path, target: Path, replaced: list[tuple[Path, Path | None]]) -> None:
    """Let a file take the place of another, and note where the other lies until all is done."""
    old: Path | None = None
    if target.exists():
        old = _beside(target)
        try:
            try:
                os.link(target, old)
            except OSError:  # not every file system has two names for one file
                shutil.copy2(target, old)
            os.replace(beside, target)
        except BaseException:
            with contextlib.suppress(OSError):
                old.unlink(missing_ok=True)
            raise
    else:
        os.replace(beside, target)
    replaced.append((target, old))


def _put_back(target: Path, old: Path | None) -> str:
    """Undo a `_replace`; what is wrong where that cannot be."""
    try:
        if old is not None:
            os.replace(old, target)
        else:
            target.unlink()
    except OSError as error:
        where = f"; what stood there before lies in {old}" if old is not None else ""
        return f"{target} is new already and cannot be put back: {error.strerror or error}{where}"
    return ""


def _beside(target: Path) -> Path:
    """A name in the same folder that nobody guesses, and that no reader of folders takes for a record."""
    return target.with_name(f".{target.name[:LONGEST_NAME]}.{os.getpid()}-{secrets.token_hex(4)}.part")


def _is_special(output: Path) -> bool:
    try:
        mode = output.stat().st_mode
    except OSError:
        return False
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))


# -- one output ---------------------------------------------------------------------------------


def put(text: str, output: Path | None, *sources: Path | None) -> None:
    """Write text with a line's end to a file, or to standard output without one. Raises `AskedWrongly` as `opened`."""
    if output is None:
        click.echo(text)
    else:
        with opened(output, *sources) as stream:
            stream.write(text + "\n")


@contextlib.contextmanager
def opened(output: Path, *sources: Path | None) -> Iterator[TextIO]:
    """A file to write text to, whole or not at all: it takes its name when everything is written.

    Raises `AskedWrongly` where it is what is read, or cannot be written.
    """
    with Outputs(*sources) as outputs, text_file(outputs.file(output), output) as stream:
        yield stream


@contextlib.contextmanager
def whole(output: Path, *sources: Path | None) -> Iterator[Path]:
    """The path of a file beside `output` that takes its name at the end, or of which nothing is left.

    Raises `AskedWrongly` as `Outputs.file`.
    """
    with Outputs(*sources) as outputs:
        yield outputs.file(output)


def text_file(path: Path, output: Path) -> TextIO:
    """The file at `path` to write text to; a fault of writing is told as one of `output`, by `AskedWrongly`."""
    with telling(output):
        return _Text(path.open("wb"), output)


class _Text(io.TextIOWrapper):
    """Text in UTF-8 whose faults are told as those of an output."""

    def __init__(self, binary: IO[bytes], output: Path) -> None:
        super().__init__(binary, encoding="utf-8", errors="backslashreplace", newline="\n")
        self.output = output

    def write(self, text: str, /) -> int:
        with telling(self.output):
            return super().write(text)

    def flush(self) -> None:
        with telling(self.output):
            super().flush()

    def close(self) -> None:
        with telling(self.output):
            super().close()


@contextlib.contextmanager
def telling(output: Path) -> Iterator[None]:
    """Tell a fault of the system as one of writing an output: raises `AskedWrongly`."""
    try:
        yield
    except OSError as error:
        raise AskedWrongly(f"{output}: the file cannot be written: {error.strerror or error}") from error


# -- what an output may not be --------------------------------------------------------------------


def require_other(output: Path, *sources: Path | None) -> None:
    """Raise `AskedWrongly` where an output is what is read (or stands in the folder that is read), or lies in the
    knowledge in use."""
    for source in sources:
        if source is None or not (output.exists() and source.exists()):  # standard input is no file
            continue
        if output.samefile(source) or (source.is_dir() and _lies_in(output, source)):
            raise AskedWrongly(f"{output} is what is read; write to another file")
    knowledge = knowledge_folder()
    if _lies_in(output, knowledge):
        raise AskedWrongly(f"{output} lies in the knowledge in use, {knowledge}; write to another place")


def require_distinct(outputs: Iterable[Path]) -> None:
    """Raise `AskedWrongly` where two outputs are one file."""
    seen: dict[str, Path] = {}
    for output in outputs:
        if _is_special(output):
            continue
        place = os.path.normcase(os.path.realpath(output))
        there = [other for other in seen.values() if other.exists()] if output.exists() else []
        if place in seen or any(map(output.samefile, there)):
            raise AskedWrongly(f"{output} would be written twice; name another file")
        seen[place] = output


def require_outputs(outputs: Mapping[str, Path | None], *sources: Path | None) -> None:
    """Raise `AskedWrongly` where outputs, by the names of their options, are inputs or one file; ask before long work.

    Also where an output is a folder and should be a file, or its folder is not there.
    """
    given = {option: output for option, output in outputs.items() if output is not None}
    for option, output in given.items():
        try:
            require_other(output, *sources)
        except AskedWrongly as wrong:
            raise AskedWrongly(f"{option} {wrong}") from wrong
        with telling(output):
            folder = output.resolve().parent
            if output.is_dir() and option not in FOLDERS:
                raise IsADirectoryError(0, "it is a folder")
            if option not in FOLDERS and not folder.is_dir():
                raise FileNotFoundError(0, f"there is no folder {folder}")
    require_distinct(given.values())


FOLDERS = ("--calendar", "--fhir")
"""Options whose outputs may be folders, which are made where they are not there."""


def _lies_in(path: Path, folder: Path) -> bool:
    return folder.resolve() in path.resolve().parents


def finite(content: Any) -> Any:
    """The same with nothing in it that JSON has no word for: what is not finite is null."""
    if isinstance(content, dict):
        return {name: finite(value) for name, value in content.items()}
    if isinstance(content, list):
        return [finite(value) for value in content]
    return None if isinstance(content, float) and not isfinite(content) else content
