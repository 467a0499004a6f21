"""Writes `docs/commands.md` from the commands' own help: `python docs/make_commands.py`.

What a command does, its arguments, options and examples are the commands' own words. The tests want an example for
each command.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from her2path.cli import main
from her2path.cli.manners.examples import EXAMPLES

PAGE = Path(__file__).parent / "commands.md"
HEAD = """# Commands

Made from the commands' own help by `python docs/make_commands.py`: change the help, not this page.

Every command says the same with `--help`. Exit codes are in [reading](reading.md#when-something-cannot-be-read), the shapes of
JSON, Parquet and FHIR in [output](output.md), the file of `--settings` in [site settings](site-settings.md), the file of `--policy` in
[simulation](simulation.md#the-course-and-policies).
"""



def commands() -> Iterator[tuple[str, click.Command]]:
    """Every command that does something, by its name; groups give their own."""
    yield from _below(main, "", None)


def _below(group: click.Group, name: str, parent: click.Context | None) -> Iterator[tuple[str, click.Command]]:
    context = click.Context(group, info_name=name or "her2path", parent=parent)
    for word in group.list_commands(context):
        command = group.get_command(context, word)
        if command is None:
            continue
        full = f"{name} {word}".strip()
        if isinstance(command, click.Group):
            yield from _below(command, full, context)
        else:
            yield full, command


def page() -> str:
    """The whole page."""
    listed = sorted(commands(), key=lambda each: [*EXAMPLES].index(each[0]) if each[0] in EXAMPLES else len(EXAMPLES))
    lines = [HEAD, "| command | what it does |", "|---------|--------------|"]
    lines += [f"| [`{name}`](#{_anchor(name)}) | {_paragraphs(command)[0]} |" for name, command in listed]
    for name, command in listed:
        lines += ["", *_section(name, command)]
    return "\n".join(lines) + "\n"


def _anchor(name: str) -> str:
    return f"her2path {name}".replace(" ", "-")


def _paragraphs(command: click.Command) -> list[str]:
    """The help of a command, a paragraph a line."""
    text = inspect.cleandoc(command.help or "").replace("\b\n", "")
    return [" ".join(each.split()) for each in text.split("\n\n")]


def _section(name: str, command: click.Command) -> Iterator[str]:
    yield f"## her2path {name}"
    yield ""
    arguments = [_argument(each) for each in command.params if isinstance(each, click.Argument)]
    options = [each for each in command.params if isinstance(each, click.Option) and not each.hidden]
    yield f"`her2path {' '.join([name, *arguments, *(['[OPTIONS]'] if options else [])])}`"
    for paragraph in _paragraphs(command):
        yield ""
        yield paragraph
    if options:
        yield ""
        yield "| option | what it does |"
        yield "|--------|--------------|"
        for option in options:
            yield f"| `{_named(option)}` | {_said(option)} |"
    examples = inspect.cleandoc(EXAMPLES.get(name, ""))
    if examples:
        yield ""
        yield f"```sh\n{examples}\n```"


def _argument(argument: click.Argument) -> str:
    word = str(argument.metavar or argument.name).upper() + ("..." if argument.nargs == -1 else "")
    return word if argument.required else f"[{word}]"


def _named(option: click.Option) -> str:
    names = ", ".join([*option.opts, *option.secondary_opts])
    return names if option.is_flag else f"{names} {_value(option)}"


def _value(option: click.Option) -> str:
    """What an option takes, in one word; the choices themselves where there are some."""
    if option.metavar:
        return option.metavar
    kind: Any = option.type
    if isinstance(kind, click.Choice):
        return "\\|".join(map(str, kind.choices))
    if isinstance(kind, click.Path):
        return "FILE" if kind.file_okay else "FOLDER"
    if isinstance(kind, click.IntRange) or kind is click.INT:
        return "N"
    if isinstance(kind, click.FloatRange) or kind is click.FLOAT:
        return "NUMBER"
    return "DATE" if isinstance(kind, click.DateTime) else str(kind.name).upper()


def _said(option: click.Option) -> str:
    words = " ".join((option.help or "").split()).replace("|", "\\|")
    parts = [re.sub(r" \[default: (.*)\]$", r" Usual: `\1`.", words)]
    if option.show_default:
        parts.append(f"Usual: `{option.default}`.")
    if option.multiple and "many times" not in parts[0] and "Repeatable" not in parts[0] and "several" not in parts[0]:
        parts.append("May be given many times.")
    return " ".join(filter(None, parts))


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
