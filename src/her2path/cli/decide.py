"""`her2path decide`: one outcome, for one patient or for every row of a file."""

from __future__ import annotations

import datetime as dt
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..facts.problem import PARTLY_READ
from ..write.output import put, require_outputs
from ..write.plain import plain
from .options import Day, column_option, missing_option, pairs

if TYPE_CHECKING:
    from ..tables.library import Knowledge


@click.command()
@click.argument("fact")
@click.argument("file", required=False, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--edition", help="The edition to decide by; otherwise the one in force on the test's date.")
@click.option("--jurisdiction", type=click.Choice(["us", "eu"]), help="Whose label decides, where labels differ.")
@click.option("--on", type=Day(), help="The day that chooses the edition, where test_date is not given.")
@click.option("--fact", "facts", multiple=True, metavar="NAME=VALUE", help="A fact; may be given many times.")
@column_option
@missing_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Write here; .csv or .parquet for a FILE.")
def decide(
    fact: str, file: Path | None, edition: str | None, jurisdiction: str | None, on: dt.date | None,
    facts: tuple[str, ...], columns: tuple[str, ...], missing: tuple[str, ...], as_json: bool, output: Path | None,
) -> None:  # fmt: skip
    """Decide FACT for one patient (--fact name=value ...) or for every row of a CSV or Parquet FILE."""
    from ..tables.load import read_knowledge

    knowledge = read_knowledge()
    given = pairs(facts)
    if file is not None:
        require_outputs({"--output": output}, file)
        _decide_file(fact, file, knowledge, edition, jurisdiction, on, given, columns, missing, as_json, output)
        return
    from ..tables.decision import decide as decide_one
    from ..write.table_text import show_decision

    decision = decide_one(fact, given, knowledge=knowledge, edition=edition, on=on, jurisdiction=jurisdiction)
    text = json.dumps(decision.as_json(), indent=2, ensure_ascii=False) if as_json else show_decision(decision)
    put(text, output)


def _decide_file(
    fact: str, file: Path, knowledge: Knowledge, edition: str | None, jurisdiction: str | None,
    on: dt.date | None, given: dict[str, str], columns: tuple[str, ...], missing: tuple[str, ...],
    as_json: bool, output: Path | None,
) -> None:  # fmt: skip
    from ..read.tabular.long import require_wide
    from ..read.tabular.wide import misspelt_columns, read_wide
    from ..tables.decision import assumed_for_all
    from ..tables.many.decide_rows import decide_table
    from ..tables.site import missing_words
    from ..write.tables.rows import require_ending, write_table

    if output is not None:
        require_ending(output)
    mapped = pairs(columns)
    table, broken = read_wide(file, mapped, knowledge.facts, missing_words([*missing], "--missing"))
    require_wide(file, table.column_names, knowledge.facts)
    decided, problems = decide_table(
        fact, table, knowledge=knowledge, edition=edition, on=on, jurisdiction=jurisdiction, constants=given
    )
    problems += [*broken, *misspelt_columns(table.column_names, knowledge.facts)]
    for problem in problems:
        click.echo(f"her2path: {plain(f'{file}: {problem}')}", err=True)
    if edition is None and (words := assumed_for_all(fact, {*table.column_names, *given}, knowledge, jurisdiction)):
        click.echo(f"her2path: {plain(f'{file}: {words}')}", err=True)
    write_table(decided, output, file, as_json=as_json)
    if problems:
        sys.exit(PARTLY_READ)
