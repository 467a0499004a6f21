"""What the options of several commands say: a day, NAME=VALUE given many times, the columns of a file."""

from __future__ import annotations

import datetime as dt
import re
import sys
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from ..facts.problem import AskedWrongly
from ..write.formats import format_names, is_format
from ..write.plain import plain

if TYPE_CHECKING:
    from ..tables.library import Knowledge
    from ..tables.site import Site

    _DateType = click.ParamType[dt.date]
    _NameType = click.ParamType[str]
else:
    _DateType = _NameType = click.ParamType

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
OVERLAY = "her2path.overlay"
"""Where the context of a command keeps the folder that is laid over the knowledge in use."""
TODAY = "today"
Command = TypeVar("Command", bound=Callable[..., Any])


class Day(_DateType):
    """A date on the command line, or the word today."""

    name = "date"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> dt.date:
        if isinstance(value, dt.date):
            return value
        if value == TODAY:
            return dt.date.today()
        try:
            return day_of(value)
        except ValueError:
            self.fail(f"{value!r} is no date; write YYYY-MM-DD or {TODAY}", param, ctx)


def day_of(text: str) -> dt.date:
    """The day of YYYY-MM-DD. Raises `ValueError` for anything else, such as 20260203 and 2026-W06-2."""
    if not _DAY.fullmatch(text):
        raise ValueError(text)
    return dt.date.fromisoformat(text)


WAREHOUSES = ("omop:", "postgres://", "postgresql://")
"""How the name of a warehouse of OMOP begins."""


class Source(click.Path):
    """A source on the command line: a file or a folder, or a warehouse of OMOP (omop:FILE, postgresql://...)."""

    name = "source"

    def __init__(self) -> None:
        super().__init__(exists=True, path_type=Path)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if isinstance(value, str) and value.startswith(WAREHOUSES):
            from ..read.omop.source import omop_source

            return omop_source(value)
        return super().convert(value, param, ctx)


class FormatName(_NameType):
    """A format of a review, from the registry; formats from outside are looked for only where they must be."""

    name = "format"

    def get_metavar(self, *_: object, **__: object) -> str:
        return f"[{'|'.join(format_names())}]"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if not is_format(value):
            self.fail(f"{value!r} is not one of {', '.join(map(repr, format_names()))}.", param, ctx)
        return str(value)


def form_option(command: Command) -> Command:
    """The option that chooses between words and JSON, given to the command as `as_json`."""
    return click.option(
        "--format", "as_json", type=click.Choice(["text", "json"]), default="text",
        callback=lambda _ctx, _parameter, form: form == "json", help="text or json.",
    )(command)  # fmt: skip


def column_option(command: Command) -> Command:
    """The option that says which column of a file holds which fact."""
    return click.option(
        "--column", "columns", multiple=True, metavar="FACT=COLUMN", help="The column of FILE that holds a fact."
    )(command)


def jurisdiction_option(command: Command) -> Command:
    """The option that says whose label decides."""
    return click.option(
        "--jurisdiction", type=click.Choice(["us", "eu"]), help="Whose label decides, where labels differ."
    )(command)


def settings_option(command: Command) -> Command:
    """The option that names the settings of the institution, given to the command as `settings_file`."""
    return click.option(
        "--settings", "settings_file", type=click.Path(exists=True, dir_okay=False, path_type=Path),
        help="The institution's settings, a TOML file: limits, tolerances, jurisdiction, formulary.",
    )(command)  # fmt: skip


def missing_option(command: Command) -> Command:
    """The option that names words for a missing value."""
    return click.option(
        "--missing", "missing", multiple=True, metavar="WORD",
        help="A word for a cell of a CSV or Parquet file that holds nothing, such as NA.",
    )(command)  # fmt: skip


FORMS = ("text", "json", "html")


def form_options(command: Command) -> Command:
    """The options that say in which form something is told, and where."""
    command = click.option("-o", "--output", type=click.Path(path_type=Path), help="Write here instead of printing.")(
        command
    )
    return click.option(
        "--format", "form", type=click.Choice(FORMS),
        help="text, json, or html: a page to share; by default what the ending of the output says, otherwise text.",
    )(command)  # fmt: skip


def form_asked(form: str | None, output: Path | None) -> str:
    """The form that is asked for, by name or by the ending of the output."""
    ending = output.suffix.lower().removeprefix(".") if output is not None else ""
    by_ending = {"htm": "html"}.get(ending, ending)
    return form or (by_ending if by_ending in FORMS else "text")


def command_said() -> str:
    """The version and the command as it was given, for the foot of a page."""
    from .. import __version__

    return " ".join([f"her2path {__version__}:", *sys.argv[1:]])


def knowledge_option(command: Command) -> Command:
    """The option that lays a folder of one's own over the knowledge in use, for as long as the command runs."""
    return click.option(
        "--knowledge", type=click.Path(exists=True, file_okay=False, path_type=Path), is_eager=True,
        expose_value=False, callback=_lay_over,
        help="A folder of your own over what ships: editions, facts, sources, codes, brands, vignettes.",
    )(command)  # fmt: skip


def _lay_over(ctx: click.Context, _param: click.Parameter, folder: Path | None) -> None:
    if folder is None or ctx.resilient_parsing:
        return
    from ..tables.own.in_use import Overlay

    overlay = Overlay(folder)
    try:
        for words in overlay.told():
            click.echo(f"her2path: {plain(words)}", err=True)
        if ctx.info_name != "check":  # which tells by itself what does not hold
            overlay.prove()
    except BaseException:
        overlay.end()
        raise
    ctx.call_on_close(overlay.end)
    ctx.meta[OVERLAY] = overlay


def site_asked(settings_file: Path | None, missing: Iterable[str], knowledge: Knowledge) -> Site:
    """The settings of a file, if one is named, with the words for a missing value beside them.

    Raises `AskedWrongly` where the file or a word cannot be used.
    """
    from ..tables.site import Site, missing_words, read_site

    at = read_site(settings_file, knowledge) if settings_file else Site()
    return replace(at, missing=at.missing | missing_words([*missing], "--missing"))


def is_json(output: Path | None, asked: bool = False) -> bool:
    """Whether JSON is asked for, by an option or by the ending of the output."""
    return asked or (output is not None and output.suffix.lower() == ".json")


def pairs(texts: Iterable[str], example: str = "--fact ihc_score=2+") -> dict[str, str]:
    """NAME=VALUE options as a mapping. Raises `AskedWrongly` for one without `=` or a name given twice."""
    values: dict[str, str] = {}
    for text in texts:
        name, equals, value = (part.strip() for part in text.partition("="))
        if not equals:
            raise AskedWrongly(f"{text!r}: write NAME=VALUE, for example {example}")
        if name in values:
            raise AskedWrongly(f"{name} is given twice: {values[name]} and {value}")
        values[name] = value
    return values
