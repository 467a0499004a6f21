"""Where a command writes, a file that is not what is read or standard output; and what JSON has no word for."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from math import isfinite
from pathlib import Path
from typing import Any, TextIO

import click

from ..facts.problem import AskedWrongly


def put(text: str, output: Path | None) -> None:
    """Write text with a line's end to a file, or to standard output without one. Raises `AskedWrongly` as `opened`."""
    if output is None:
        click.echo(text)
    else:
        with opened(output) as stream:
            stream.write(text + "\n")


@contextlib.contextmanager
def opened(output: Path, source: Path | None = None) -> Iterator[TextIO]:
    """A file to write text to, whole or not at all: it takes its name when everything is written.

    Raises `AskedWrongly` where it is what is read, or cannot be written.
    """
    with whole(output, source) as path, _telling(output), path.open("w", encoding="utf-8") as stream:
        yield stream


@contextlib.contextmanager
def whole(output: Path, source: Path | None = None) -> Iterator[Path]:
    """The path of a file beside `output` that takes its name at the end, or of which nothing is left.

    What is no ordinary file (a pipe, a terminal) is written as it is. Raises `AskedWrongly` where it is what is read
    (or lies in the folder that is read, and is there already), or cannot be written.
    """
    require_other(output, source)
    if output.exists() and not output.is_file():
        yield output
        return
    beside = output.with_name(f".{output.name}.{os.getpid()}.part")
    try:
        with _telling(output):
            beside.touch()
        yield beside
        with _telling(output):
            os.replace(beside, output)
    finally:
        with contextlib.suppress(OSError):
            beside.unlink(missing_ok=True)


def require_other(output: Path, source: Path | None) -> None:
    """Raise `AskedWrongly` where an output is what is read."""
    if source is None or not output.exists():
        return
    if output.samefile(source) or (source.is_dir() and source.resolve() in output.resolve().parents):
        raise AskedWrongly(f"{output} is what is read; write to another file")


@contextlib.contextmanager
def _telling(output: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise AskedWrongly(f"{output}: the file cannot be written: {error.strerror or error}") from error


def finite(content: Any) -> Any:
    """The same with nothing in it that JSON has no word for: what is not finite is null."""
    if isinstance(content, dict):
        return {name: finite(value) for name, value in content.items()}
    if isinstance(content, list):
        return [finite(value) for value in content]
    return None if isinstance(content, float) and not isfinite(content) else content
