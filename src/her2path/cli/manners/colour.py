"""Whether to write in colour: on a terminal, unless somebody says otherwise.

In this order: `--color always` or `never`; NO_COLOR that is not empty; FORCE_COLOR that is not empty; a terminal that
is called dumb has none; a terminal has, all else has not.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, TypeVar

import click

WHEN = ("auto", "always", "never")
NAMES = ("--color", "--colour")
META = "her2path.color"
Command = TypeVar("Command", bound=Callable[..., Any])


def colour_asked(command: Command) -> Command:
    """The option of the group that says when to write in colour; it may stand after the command too."""
    return click.option(
        *NAMES, "colour", type=click.Choice(WHEN), default="auto", is_eager=True, expose_value=False, callback=_keep,
        help="Write in colour: on a terminal (auto), always or never; NO_COLOR and FORCE_COLOR are heeded.",
    )(command)  # fmt: skip


def _keep(ctx: click.Context, _parameter: click.Parameter, when: str) -> str:
    ctx.find_root().meta[META] = when
    return when


def with_colour_first(words: list[str]) -> list[str]:
    """The same command line with `--color` before all else, wherever it stood."""
    first: list[str] = []
    others: list[str] = []
    waiting = [*words]
    while waiting:
        word = waiting.pop(0)
        if word == "--":
            return [*first, *others, word, *waiting]
        if word in NAMES:
            first += [word, *waiting[:1]]
            waiting = waiting[1:]
        elif word.partition("=")[0] in NAMES:
            first.append(word)
        else:
            others.append(word)
    return [*first, *others]


def in_colour_to(stream: Any) -> bool:
    """Whether what goes to a stream is written in colour."""
    context = click.get_current_context(silent=True)
    when = context.find_root().meta.get(META, "auto") if context is not None else "auto"
    if when != "auto":
        return bool(when == "always")
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    try:
        return bool(stream.isatty()) and os.environ.get("TERM") != "dumb"
    except (AttributeError, ValueError):  # closed, or none at all
        return False
