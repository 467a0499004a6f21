"""Where a command writes, a file that is not what is read or standard output; and what JSON has no word for."""

from __future__ import annotations

from math import isfinite
from pathlib import Path
from typing import Any, TextIO

import click

from ..facts.problem import AskedWrongly


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


def finite(told: Any) -> Any:
    """The same with nothing in it that JSON has no word for: what is not finite is null."""
    if isinstance(told, dict):
        return {name: finite(value) for name, value in told.items()}
    if isinstance(told, list):
        return [finite(value) for value in told]
    return None if isinstance(told, float) and not isfinite(told) else told
