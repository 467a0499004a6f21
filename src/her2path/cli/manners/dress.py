"""What all commands have in common, put on each when it is imported: examples, old names of options, completion.

A command needs to know nothing of it: its options are plain, its examples stand in `examples.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING

import click

from .examples import EXAMPLES, OF_GROUPS

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

OLD_GO_WITH = "0.4"
Renamed = Mapping[str, tuple[str, ...]]
JSON: Renamed = {"--json": ("--format", "json")}
OF_PATIENTS: Renamed = {**JSON, "--patients": ("--virtual-patients",)}
OF_COURSES: Renamed = {**OF_PATIENTS, "--cores": ("--processes",)}
RENAMED: Mapping[str, Renamed] = {
    "decide": {"--json": ("--format", "ndjson")}, "diff": JSON, "coverage": JSON, "equivalence": JSON,
    "simulate exposure": OF_PATIENTS, "simulate tumour": OF_PATIENTS, "simulate truth": OF_PATIENTS,
    "simulate heart": OF_COURSES, "simulate course": OF_COURSES,
    "simulate trial": {**JSON, "--patients": ("--per-arm",)},
}  # fmt: skip
"""By command the options as they were called in 0.1, and what stands in their place; they go with 0.4."""


def dress(command: click.Command, name: str) -> click.Command:
    """Give a command its examples, the old names of its options, and completion; once for each."""
    vars(command)["format_epilog"] = partial(write_examples, examples_of(name))
    vars(command)["parse_args"] = partial(_parse, command, RENAMED.get(name, {}))
    for parameter in command.params:
        if not isinstance(parameter.type, click.Choice | click.Path):
            vars(parameter)["shell_complete"] = partial(_complete, parameter, name)
    return command


def _complete(parameter: click.Parameter, name: str, ctx: click.Context, typed: str) -> list[CompletionItem]:
    """What a shell is offered for a parameter."""
    from .completion import offered

    found = offered(name, str(parameter.name), typed)
    return type(parameter).shell_complete(parameter, ctx, typed) if found is None else found


def examples_of(name: str) -> list[str]:
    """The examples of a command, a line each."""
    return [line.strip() for line in (EXAMPLES.get(name) or OF_GROUPS.get(name, "")).strip().splitlines()]


def write_examples(lines: list[str], _ctx: click.Context, formatter: click.HelpFormatter) -> None:
    """Write the examples below the options, unwrapped, so that each may be copied."""
    if lines:
        formatter.write("\nExamples:\n" + "".join(f"  {line}\n" for line in lines))


def _parse(
    command: click.Command, renamed: Renamed, ctx: click.Context, words: list[str]
) -> list[str]:  # fmt: skip
    """Parse a command line in which old names of options may stand; each is told on standard error."""
    given = type(command).parse_args(command, ctx, _in_new_names(words, renamed, quiet=ctx.resilient_parsing))
    if ctx.params.get("output") is not None:
        from ...write.text.page import set_page_width

        set_page_width()  # a file is the same, whoever writes it from wherever
    return given


def _in_new_names(words: list[str], renamed: Renamed, quiet: bool) -> list[str]:
    made: list[str] = []
    for place, word in enumerate(words):
        if word == "--":
            return made + words[place:]
        name, equals, value = word.partition("=")
        if name not in renamed:
            made.append(word)
            continue
        new = renamed[name]
        if not quiet:
            told = f"{name} is called {' '.join(new)} now, and goes with her2path {OLD_GO_WITH}"
            click.echo(f"her2path: {told}", err=True)
        made += [f"{new[0]}={value}"] if equals else new
    return made
