"""Where a command writes: a file that is not what is read, or standard output."""

from __future__ import annotations

from pathlib import Path
from typing import TextIO

import click

from ..problem import AskedWrongly


def put(text: str, output: Path | None) -> None:
    if output is None:
        click.echo(text)
    else:
        with opened(output) as stream:
            stream.write(text + "\n")


def opened(output: Path, source: Path | None = None) -> TextIO:
    """A file to write to. Raises `AskedWrongly` where it is what is read, or cannot be written."""
    if source is not None and output.exists() and output.samefile(source):
        raise AskedWrongly(f"{output} is what is read; write to another file")
    try:
        return output.open("w", encoding="utf-8")
    except OSError as error:
        raise AskedWrongly(f"{output}: the file cannot be written: {error.strerror or error}") from error
