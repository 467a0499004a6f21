"""Writes `docs/commands.md` from the commands' own help: `python docs/make_commands.py`.

What a command does, its arguments and its options are the commands' own words. Only the examples stand here; the
tests want one for each command, and run those that need no file of the reader's own.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from her2path.cli import main

PAGE = Path(__file__).parent / "commands.md"
HEAD = """# Commands

Made from the commands' own help by `python docs/make_commands.py`: change the help, not this page.

Every command says the same with `--help`. Exit codes are in [reading](reading.md#when-something-cannot-be-read), the shapes of
JSON, Parquet and FHIR in [output](output.md), the file of `--settings` in [site settings](site-settings.md), the file of `--policy` in
[simulation](simulation.md#the-course-and-policies).
"""

EXAMPLES = {
    "review": """
        her2path review examples/her2-tests.ndjson
        her2path review examples/courses/adjuvant-hold.csv --on 2026-02-03 --jurisdiction eu
        her2path review bundles/ --settings site.toml --format json -o reviews.json
        her2path review events.parquet -o findings.parquet
        her2path review examples/courses/adjuvant-hold.csv --on 2026-02-17 --what-if lvef=48
        her2path review examples/courses/adjuvant-hold.csv --print -o plan.html
        her2path review labs.csv 'fhir/*.ndjson' --on today --carry hospital -o findings.csv
    """,
    "inspect": """
        her2path inspect examples/feeds/local-codes.ndjson --on 2025-10-20
        her2path inspect examples/feeds/local-codes.ndjson --mapping starter.toml
        her2path inspect examples/feeds/local-codes.ndjson --settings examples/feeds/local-codes.toml
    """,
    "decide": """
        her2path decide missed_dose_action --jurisdiction us --fact product=trastuzumab-iv --fact schedule=q3w --fact days_since_last_dose=29
        her2path decide her2_status --edition asco-cap-2018 --fact ihc_score=2+ --fact her2_copies=3.1 --fact ish_recount=unchanged
        her2path decide her2_status tests.csv --column ihc_score=IHC -o decided.csv
    """,
    "dose": """
        her2path dose herceptin --weight 72 --days-since 45
        her2path dose ogivri --weight 72 --first
        her2path dose kadcyla --weight 65 --last-dose 2026-11-02 --level 1
        her2path dose herceptin --weight 72 --days-since 21 --after phesgo
    """,
    "lvef": """
        her2path lvef --baseline 62 --now 48
        her2path lvef --baseline 61 --now 52 --weeks-below 5 --holds 1 --no-heart-failure
    """,
    "her2": """
        her2path her2 --ihc 2+ --ratio 1.9 --copies 4.5
        her2path her2 --site gastric --ihc 2+ --ratio 2.1
    """,
    "washout": """
        her2path washout --last-dose 2026-02-17
        her2path washout herceptin perjeta --conception 2027-01-15 --sex female
    """,
    "substitute": """
        her2path substitute --ordered ogivri --stock kanjinti,herceptin-hylecta --jurisdiction us
        her2path substitute --ordered perjeta --stock poherdy --not-as-written
    """,
    "diff": """
        her2path diff residual-disease-us-2019 residual-disease-us-2026
        her2path diff heart-trastuzumab-us examples/policies/heart-fall-10.md
        her2path diff heart-trastuzumab-us examples/policies/heart-fall-10.md --patients events.parquet --on 2026-02-17
    """,
    "new-edition": """
        her2path new-edition heart-trastuzumab-us heart-our-house -o mine.md
    """,
    "show": """
        her2path show
        her2path show cardiac_action
        her2path show lvef_fall
    """,
    "coverage": """
        her2path coverage
        her2path coverage -o docs/coverage.md
    """,
    "check": """
        her2path check
        her2path check examples/policies/heart-fall-10.md
    """,
    "serve": """
        her2path serve
        her2path serve examples/courses/ --on 2026-02-03
        her2path serve --configuration serve.toml --settings site.toml
    """,
    "simulate exposure": """
        her2path simulate exposure --population gastric --patients 500 --chart exposure.png
        her2path simulate exposure --delay 14 --reload no
        her2path simulate exposure --record examples/courses/late-dose.csv --patient late-dose --on 2026-03-30
    """,
    "simulate heart": """
        her2path simulate heart --chemotherapy epirubicin --chart lvef.png
        her2path simulate heart --trials
    """,
    "simulate tumour": """
        her2path simulate tumour --ihc 2+ --drug t-dxd --chart tumour.png
        her2path simulate tumour --terms
    """,
    "simulate course": """
        her2path simulate course --policy examples/policies/every-3-months.toml --policy examples/policies/every-6-months.toml
        her2path simulate course --patients 500 --records events.parquet --mess light
    """,
    "simulate trial": """
        her2path simulate trial --endpoint response --power 0.8
    """,
    "simulate truth": """
        her2path simulate truth
    """,
    "equivalence": """
        her2path equivalence --chart forest.png
        her2path equivalence responses.csv --reference herceptin --margin -15 15
    """,
}
"""By the command's name without `her2path`."""


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
