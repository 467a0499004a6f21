"""How a review is run: its sources read, its batches reviewed, its outputs written, with the manifest."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..facts.problem import AskedWrongly
from ..facts.value import Json
from .manners.colour import in_colour_to

if TYPE_CHECKING:
    from ..findings.patient import Reviewed
    from ..findings.settings import Settings
    from ..findings.summary import Summary
    from ..tables.library import Knowledge
    from ..write.formats import Beside, Format
    from ..write.output import Outputs

OF_TEXT = ("--brief", "--why", "--what-if", "--print")
"""Options whose output is text, or what is named beside them."""
ELSE_IN = {"--what-if": ("json",), "--print": ("html", "json")}
"""Formats that an option of one patient has beside text."""
TEXT_ENDINGS = ("", ".txt", ".text", ".md", ".log")
MOST_UNREAD = 12


def require_that_fits(output: Path | None, form: str | None, flags: Mapping[str, bool]) -> str | None:
    """The format that is asked for, by its name or by the ending of the output; `None` for tables.

    Raises `AskedWrongly` for options that do not go together, and for an ending that no output has.
    """
    from ..write.formats import format_named, format_of, has_format_for
    from ..write.tables.endings import TABLE_ENDINGS, is_table

    given = [option for option, asked in flags.items() if asked]
    alone = [option for option in given if option in OF_TEXT]
    if is_table(output):
        assert output is not None
        of_table = [f"--format {form}"] if form is not None else []
        for option in [*of_table, *given]:
            if option != "--why":
                raise AskedWrongly(
                    f"{option} is not what {output.name} would hold: drop it, or write to another ending"
                )
        if "--why" in given:
            raise AskedWrongly("--why is for text; every other output says the reasons by itself: drop it")
        return None
    if len(alone) > 1 or (alone and alone != ["--why"] and "--summary-only" in given):
        raise AskedWrongly(f"{' and '.join(given)} are different answers: ask for one of them")
    chosen = form
    if form is None:
        chosen = "text"
        if output is not None and has_format_for(output):
            chosen = format_of(output).name
        elif output is not None and output.suffix.lower() not in TEXT_ENDINGS:
            endings = sorted({*TABLE_ENDINGS, *_endings()})
            what = f"{output}: no output ends in {output.suffix!r}; there are {', '.join(endings)}"
            raise AskedWrongly(f"{what}, or name a --format")
    else:
        format_named(form)
    for option in alone:
        if chosen != "text" and chosen not in ELSE_IN.get(option, ()):
            others = "".join(f" and {each}" for each in ELSE_IN.get(option, ()))
            if option == "--why":
                raise AskedWrongly("--why is for text; every other output says the reasons by itself: drop it")
            raise AskedWrongly(f"{option} is for text{others}, not for {chosen}: drop one of them")
    return chosen


def _endings() -> list[str]:
    from ..write.formats import format_named, format_names

    return [ending for name in format_names() for ending in format_named(name).suffixes]


def read_from(paths: tuple[Path, ...], opened: ExitStack) -> tuple[Path, ...]:
    """The sources, with a file in the place of standard input where that holds a table."""
    from ..read.files import STANDARD_INPUT

    if STANDARD_INPUT not in map(str, paths):
        return paths
    from tempfile import TemporaryDirectory

    from ..cohort.sources import standing_table

    folder = Path(opened.enter_context(TemporaryDirectory(prefix="her2path-")))
    table = standing_table(folder)
    return paths if table is None else tuple(table if str(path) == STANDARD_INPUT else path for path in paths)


@dataclass(slots=True)
class Asked:
    """What was asked for: the sources, the output, and by what the sources are reviewed."""

    sources: tuple[Path, ...]
    output: Path | None
    knowledge: Knowledge
    settings: Settings
    processes: int
    columns: dict[str, str]
    settings_file: Path | None = None
    unread: tuple[str, ...] = ()

    @property
    def is_of_tables(self) -> bool:
        """Whether the output is tables, by its ending."""
        from ..write.tables.endings import is_table

        return is_table(self.output)

    def tell_unread(self, carried: Sequence[str]) -> None:
        """Tell columns of tables that nothing is read from, unless they are carried."""
        from ..cohort.sources import has_table

        if not has_table(self.sources):
            return
        from ..read.beside.carried import unread_columns
        from ..write.plain import plain

        facts = self.settings.facts(self.knowledge)
        for path in self.sources:
            names = [name for name in unread_columns(path, facts, self.columns) if name not in carried]
            if names:
                self.unread = (*self.unread, *(f"{path.name}: {name}" for name in names))
                more = f" and {len(names) - MOST_UNREAD} more" if len(names) > MOST_UNREAD else ""
                shown = ", ".join(names[:MOST_UNREAD]) + more
                what = f"nothing is read from the column{'s' if len(names) > 1 else ''} {shown}"
                hint = f"--carry {names[0]} takes it to the outputs"
                click.echo(f"her2path: {plain(f'{path.name}: {what}; {hint}')}", err=True)

    def manifest(self, summary: Summary) -> dict[str, Json]:
        """By what the review was made."""
        from ..cohort.manifest import manifest_of

        return manifest_of(
            self.sources, self.knowledge, self.settings, summary, settings_file=self.settings_file,
            columns=self.columns, unread=self.unread,
        )  # fmt: skip

    def to_text(
        self, form: str | None, summary_only: bool, beside: Sequence[Beside], outputs: Outputs, *, why: bool = False,
        brief: bool = False,
    ) -> Summary:  # fmt: skip
        """Write patient after patient, and a summary; the manifest in it, or beside the file it is written to."""
        from ..write.formats import BESIDE, WITHIN, format_named
        from ..write.output import telling, text_file
        from ..write.review_text import BriefFormat, WhyFormat
        from ..write.tables.endings import manifest_beside, manifest_text
        from ..write.writer import Writer, writer_for

        chosen: type[Format] = format_named(form or "text")
        place = text_file(outputs.file(self.output), self.output) if self.output else nullcontext(sys.stdout)
        with place as stream:
            if why or brief:
                writer: Any = Writer(
                    stream, (WhyFormat if why else BriefFormat)(self.settings.on), summary_only, beside
                )
            else:
                colours = self.output is None and in_colour_to(stream)
                writer = writer_for(chosen, stream, self.settings.on, summary_only, beside, colours)
            summary = self.review(writer.batch, writer.put)
            manifest = None
            if chosen.manifest_place == WITHIN or (self.output is not None and chosen.manifest_place == BESIDE):
                manifest = self.manifest(summary)
            writer.finish(summary, manifest)
        if manifest is not None and chosen.manifest_place == BESIDE and self.output is not None:
            beside_it = manifest_beside(self.output)
            with telling(beside_it):
                outputs.file(beside_it).write_text(manifest_text(manifest), encoding="utf-8")
        return summary

    def to_tables(self, beside: Sequence[Beside], outputs: Outputs) -> Summary:
        """Write the findings, patients, episodes and specimens as tables; tell the summary."""
        from ..write.plain import plain
        from ..write.review_text import summary_text
        from ..write.tables.file import FindingsFile

        assert self.output is not None
        with FindingsFile(self.output, None, beside, outputs, self.settings.carried) as file:
            summary = self.review(file.batch, file.put)
            file.put_manifest(self.manifest(summary))
        for trouble in file.troubles:
            click.echo(f"her2path: {plain(str(trouble))}", err=True)
        click.echo(file.words(summary))
        click.echo(summary_text(summary))
        return summary

    def review(self, make: Callable[[Reviewed], Any], put: Callable[[Any], None]) -> Summary:
        """Review the sources; what `make` makes of a batch is given to `put`, in the order of the sources."""
        from ..cohort.review import review_parts
        from ..findings.summary import Summary
        from ..read.files import source_size

        summary = Summary()
        quiet = not sys.stderr.isatty() or (self.output is None and sys.stdout.isatty())
        with click.progressbar(
            length=sum(map(source_size, self.sources)), label="reviewing", file=sys.stderr, hidden=quiet,
            show_pos=False,
        ) as bar:  # fmt: skip
            for part in review_parts(
                self.sources, self.knowledge, self.settings, make,
                processes=self.processes, progress=bar.update, columns=self.columns,
            ):  # fmt: skip
                summary.merge(part.summary)
                for item in part.items:
                    put(item)
        return summary
