"""`her2path inspect`: what a feed holds, before any rule, and what of it is not recognised."""

from __future__ import annotations

import datetime as dt
import json
import sys
from pathlib import Path

import click

from ..facts.problem import DOES_NOT_HOLD, PARTLY_READ
from .options import Day, column_option, is_json, missing_option, pairs, site_asked


@click.command("inspect")
@click.argument("source", type=click.Path(exists=True, allow_dash=True, path_type=Path))
@click.option("--on", type=Day(), default=None, help="Ask the questions of the review as of this day.")
@column_option
@missing_option
@click.option(
    "--settings", "settings_file", type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The institution's settings; by its mapping the source is read twice, to tell what that gained.",
)  # fmt: skip
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json"]),
    default=None,
    help="text or json; by default what the output ends in, or text.",
)
@click.option(
    "--mapping", "mapping_file", type=click.Path(dir_okay=False, path_type=Path),
    help="Also write a starter mapping here (.toml): all that is not recognised, with a guess.",
)  # fmt: skip
@click.option("--processes", type=click.IntRange(1), help="Processes to share a large source; all cores by default.")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Write here instead of printing.")
def inspect(
    source: Path, on: dt.date | None, columns: tuple[str, ...], missing: tuple[str, ...],
    settings_file: Path | None, form: str | None, mapping_file: Path | None, processes: int | None, output: Path | None,
) -> None:  # fmt: skip
    """What is in SOURCE before any rule: the first hour with a hospital's feed.

    Files, resource types, patients and days; for each fact how many were read and refused; codes, names and units that
    look like ours and are not mapped; and which questions of the review the feed answers, for how many patients.
    SOURCE is whatever `review` reads.
    """
    from ..cohort.review import processes_for
    from ..findings.settings import Settings
    from ..inspect.feed import inspect_source, without_mapping
    from ..inspect.page import page
    from ..inspect.report import report
    from ..inspect.starter import starter
    from ..inspect.words import read_feed_words
    from ..read.files import source_size
    from ..tables.load import read_knowledge
    from ..write.output import Outputs, finite, require_outputs, text_file

    knowledge = read_knowledge()
    at = site_asked(settings_file, missing, knowledge)
    settings = Settings(on or dt.date.today(), jurisdiction=at.jurisdiction, at=at)
    require_outputs({"--output": output, "--mapping": mapping_file}, source, settings_file)
    many = processes or processes_for(source)
    twice = at.mapping is not None and (source.is_file() or source.is_dir())
    if at.mapping is not None and not twice:
        click.echo(f"her2path: {source} can be read only once: what the mapping gained is not told", err=True)
    length = source_size(source) * (2 if twice else 1)
    with click.progressbar(
        length=length, label="inspecting", file=sys.stderr, hidden=not sys.stderr.isatty(), show_pos=False
    ) as bar:
        named = pairs(columns)
        seen = inspect_source(source, knowledge, settings, processes=many, progress=bar.update, columns=named)
        before = None
        if twice:
            plain = without_mapping(settings)
            before = inspect_source(source, knowledge, plain, processes=many, progress=bar.update, columns=named)
    told = report(seen, str(source), settings.on, read_feed_words(knowledge.folder).expected, at.mapping, before)
    text = (
        json.dumps(finite(told), indent=2, ensure_ascii=False)
        if form == "json" or (form is None and is_json(output))
        else page(told)
    )
    with Outputs(source, settings_file) as outputs:
        for file, content in ((mapping_file, starter(told)), (output, f"{text}\n")):
            if file is not None:
                with text_file(outputs.file(file), file) as stream:
                    stream.write(content)
    if output is None:
        click.echo(text)
    if not seen.patients:
        click.echo(f"her2path: no patient was found in {source}; what was met is told above", err=True)
        sys.exit(DOES_NOT_HOLD)
    if seen.lost:
        sys.exit(PARTLY_READ)
