"""`her2path decide`: one outcome, for one patient or for every row of a file."""

from __future__ import annotations

import datetime as dt
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..facts.problem import PARTLY_READ, AskedWrongly
from ..write.output import put, require_outputs
from ..write.plain import plain
from .manners.meant import understood
from .options import Day, column_option, jurisdiction_option, knowledge_option, missing_option, pairs, site_asked

if TYPE_CHECKING:
    from ..tables.library import Knowledge
    from ..tables.site import Site


@click.command()
@click.argument("fact")
@click.argument("file", required=False, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--edition", help="The edition to decide by, a key or a file; otherwise the one in force then.")
@jurisdiction_option
@click.option("--on", type=Day(), help="The day that chooses the edition, where test_date is not given.")
@click.option("--fact", "facts", multiple=True, metavar="NAME=VALUE", help="A fact; may be given many times.")
@knowledge_option
@column_option
@missing_option
@click.option(
    "--settings", "settings_file", type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The institution's settings: its jurisdiction, and for a FILE its mapping and words for a missing value.",
)  # fmt: skip
@click.option(
    "--format", "form", type=click.Choice(["text", "csv", "json", "ndjson"]),
    help="For one patient text or json; for a FILE csv, json (one list) or ndjson (a line for each row).",
)  # fmt: skip
@click.option(
    "-o", "--output", type=click.Path(path_type=Path),
    help="Write here; for a FILE .csv, .parquet, .json or .ndjson.",
)  # fmt: skip
def decide(
    fact: str, file: Path | None, edition: str | None, jurisdiction: str | None, on: dt.date | None,
    facts: tuple[str, ...], columns: tuple[str, ...], missing: tuple[str, ...], settings_file: Path | None,
    form: str | None, output: Path | None,
) -> None:  # fmt: skip
    """Decide FACT for one patient (--fact name=value ...) or for every row of a CSV or Parquet FILE.

    Of a FILE with one event a row (columns patient, date, fact and value) every patient is decided, from her events up
    to the day of --on, today by default.
    """
    from ..tables.load import read_knowledge

    knowledge = read_knowledge()
    at = site_asked(settings_file, missing if file is not None else (), knowledge)
    jurisdiction = jurisdiction or at.jurisdiction
    if edition is not None:
        from ..tables.own.edition_file import named_edition

        knowledge, edition = named_edition(edition, knowledge)
    given, unread = understood(pairs(facts), knowledge)
    for words in unread:
        click.echo(f"her2path: {plain(words)}", err=True)
    if file is not None:
        require_outputs({"--output": output}, file, settings_file)
        _decide_file(fact, file, knowledge, edition, jurisdiction, on, given, columns, at, form, output)
        return
    from ..tables.decision import decide as decide_one
    from ..write.table_text import show_decision

    decision = decide_one(fact, given, knowledge=knowledge, edition=edition, on=on, jurisdiction=jurisdiction)
    if form is None and output is not None and output.suffix.lower() == ".json":
        form = "json"
    if form == "csv":
        raise AskedWrongly("--format csv is for a FILE; one patient is told as text or json")
    indent = None if form == "ndjson" else 2
    as_json = form in ("json", "ndjson")
    text = json.dumps(decision.as_json(), indent=indent, ensure_ascii=False) if as_json else show_decision(decision)
    put(text, output, settings_file)
    if unread:
        sys.exit(PARTLY_READ)


def _decide_file(
    fact: str, file: Path, knowledge: Knowledge, edition: str | None, jurisdiction: str | None,
    on: dt.date | None, given: dict[str, str], columns: tuple[str, ...], at: Site, form: str | None,
    output: Path | None,
) -> None:  # fmt: skip
    from ..facts.mapping.tables import with_mapping
    from ..read.tabular.long import is_long, names_of, require_wide
    from ..read.tabular.site_words import mapped_cells
    from ..read.tabular.wide import local_columns, misspelt_columns, read_wide
    from ..tables.decision import assumed_for_all
    from ..tables.many.decide_rows import decide_table
    from ..write.tables.rows import require_ending, write_table

    if form == "text":
        raise AskedWrongly("--format text is for one patient; the rows of a FILE are told as csv, json or ndjson")
    require_ending(output, form)
    if is_long(file, pairs(columns)):
        _decide_patients(fact, file, knowledge, edition, jurisdiction, on, given, columns, at, form, output)
        return
    as_named, named = with_mapping(knowledge.facts, at.mapping), pairs(columns)
    table, broken = read_wide(file, named, as_named, at.missing)
    require_wide(file, table.column_names, knowledge.facts)
    table, met = mapped_cells(table, as_named, local_columns(names_of(file), named, as_named))
    for words, count in (at.mapping.told(met.elements()) if at.mapping else {}).items():
        click.echo(f"her2path: {plain(f'{file}: {count} cells read by {words}')}", err=True)
    decided, problems = decide_table(
        fact, table, knowledge=knowledge, edition=edition, on=on, jurisdiction=jurisdiction, constants=given
    )
    problems += [*broken, *misspelt_columns(table.column_names, knowledge.facts)]
    for problem in problems:
        click.echo(f"her2path: {plain(f'{file}: {problem}')}", err=True)
    if edition is None and (words := assumed_for_all(fact, {*table.column_names, *given}, knowledge, jurisdiction)):
        click.echo(f"her2path: {plain(f'{file}: {words}')}", err=True)
    write_table(decided, output, file, form=form)
    if problems:
        sys.exit(PARTLY_READ)


def _decide_patients(
    fact: str, file: Path, knowledge: Knowledge, edition: str | None, jurisdiction: str | None,
    on: dt.date | None, given: dict[str, str], columns: tuple[str, ...], at: Site, form: str | None,
    output: Path | None,
) -> None:  # fmt: skip
    """One event a row: the events of each patient are folded as `review` folds them, up to the day of --on."""
    from ..cohort.decided import decide_patients
    from ..findings.settings import Settings
    from ..tables.own.chosen import site_by_edition
    from ..write.table_text import counted
    from ..write.tables.rows import write_table

    if given:
        names = ", ".join(given)
        raise AskedWrongly(f"{file}: --fact is for a row of facts, and this file has one event a row: drop {names}")
    if edition is not None:
        at, edition = site_by_edition(at, edition, knowledge)
    settings = Settings(on or dt.date.today(), None, edition, jurisdiction, at)
    troubles: list[str] = []
    decided = decide_patients(
        fact, file, knowledge, settings, pairs(columns), told=lambda trouble: troubles.append(str(trouble))
    )
    for trouble in troubles:
        click.echo(f"her2path: {plain(trouble)}", err=True)
    patients = counted(decided.num_rows, "patient")
    click.echo(f"her2path: {plain(f'{file}: {patients}, as of {settings.on}')}", err=True)
    write_table(decided, output, file, form=form)
    if troubles:
        sys.exit(PARTLY_READ)
