"""`her2path cohort`: every patient of a hospital reviewed into a folder of tables, which can be gone on with."""

from __future__ import annotations

import datetime as dt
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ...facts.problem import DOES_NOT_HOLD, PARTLY_READ, AskedWrongly
from ..options import (
    Day,
    Source,
    column_option,
    jurisdiction_option,
    missing_option,
    pairs,
    settings_option,
    site_asked,
)

if TYPE_CHECKING:
    from ...read.omop.source import OmopSource


@click.command()
@click.argument("source", type=Source())
@click.option(
    "-o", "--output", required=True, type=click.Path(file_okay=False, path_type=Path), help="The folder to write."
)
@click.option("--on", type=Day(), default=None, help="Review as of this day; results after it are not used.")
@click.option("--site", type=click.Choice(["breast", "gastric"]), help="Read the tests as of this site.")
@click.option("--edition", help="Decide by this edition, whatever the date of the test.")
@jurisdiction_option
@column_option
@missing_option
@settings_option
@click.option(
    "--carry", multiple=True, metavar="COLUMN",
    help="Carry a column that no rule reads, such as hospital, from CSV or Parquet to patients and findings.",
)  # fmt: skip
@click.option(
    "--editions", metavar="KEY,KEY,...",
    help="Review the same patients under these editions too, such as asco-cap-2013,asco-cap-2018,asco-cap-2023.",
)  # fmt: skip
@click.option(
    "--parts", type=click.IntRange(1, 4096), help="Cut the population into so many parts; otherwise by its size."
)
@click.option("--processes", type=click.IntRange(1), help="Processes to share a large source; all cores by default.")
@click.option("--anew", is_flag=True, help="Begin anew, whatever lies in the folder of an earlier run.")
def cohort(
    source: Path | OmopSource, output: Path, on: dt.date | None, site: str | None, edition: str | None,
    jurisdiction: str | None,
    columns: tuple[str, ...], missing: tuple[str, ...], settings_file: Path | None, carry: tuple[str, ...],
    editions: str | None, parts: int | None,
    processes: int | None, anew: bool,
) -> None:  # fmt: skip
    """Review every patient of SOURCE into a folder: facts, findings, patients, episodes and specimens as Parquet.

    The source is cut into parts by patient, so that memory stays bounded whatever the size. Broken off, the same
    command goes on where it was; the files are the same to the byte. The manifest says what was read, by which
    knowledge and settings, and what came of it.

    \b
    Examples:
      her2path cohort export/ -o hospital --on 2026-02-17
      her2path cohort events.parquet -o hospital --settings site.toml --carry hospital
      her2path cohort events.parquet -o hospital --editions asco-cap-2013,asco-cap-2018,asco-cap-2023
      her2path cohort omop:cdm.duckdb -o hospital --settings site.toml
    """
    from ...cohort.population.editions import require_editions, review_editions, words_of
    from ...cohort.population.plan import tables_in
    from ...cohort.population.run import review_population
    from ...findings.settings import Settings
    from ...tables.load import read_knowledge
    from ...write.plain import plain

    knowledge = read_knowledge()
    at = site_asked(settings_file, missing, knowledge)
    settings = Settings(on or dt.date.today(), site, edition, jurisdiction or at.jurisdiction, at)
    named = pairs(columns)
    keys = words_of(editions)
    require_editions(keys, knowledge)
    if carry:
        from ...read.beside.carried import carried_of

        if not isinstance(source, Path):
            raise AskedWrongly("--carry takes columns of CSV or Parquet, and this is a warehouse: drop it")

        settings = replace(settings, carried=carried_of(tables_in(source), carry, named, at.missing))
    with Bar() as bar:
        population = review_population(
            source, output, knowledge, settings, parts=parts, processes=processes, columns=named, anew=anew,
            progress=bar.tell,
        )  # fmt: skip
        if keys:
            review_editions(output, keys, knowledge, settings, processes=processes, progress=bar.tell)
    told, rows = population.summary, population.manifest["rows"]
    click.echo(f"{told['patients']} patients, {rows['facts']} facts, {rows['findings']} findings in {output}")
    for name in ("her2_status", "verdicts", "findings"):
        if counts := told.get(name):
            click.echo(f"  {name.replace('_', ' ')}")
            width = max(len(str(count)) for count in counts.values())
            for words, count in counts.items():
                click.echo(f"    {count:>{width}}  {plain(words)}")
    if warehouse := population.manifest.get("warehouse"):
        for words in told_of_warehouse(warehouse):
            click.echo(f"her2path: {words}", err=True)
    if told["not_read"]:
        where = f"see {output / population.manifest['not_read']}, and not_read of the patients"
        click.echo(f"her2path: {told['not_read']} pieces could not be read; {where}", err=True)
    click.echo(population.manifest["caution"])
    if not told["patients"]:
        expected = "expected FHIR R4, CSV, Parquet or a CDM of OMOP"
        click.echo(f"her2path: no patient was found in {source}; {expected}", err=True)
        sys.exit(DOES_NOT_HOLD)
    if told["not_read"]:
        sys.exit(PARTLY_READ)


def told_of_warehouse(warehouse: dict[str, Any]) -> Iterator[str]:
    """What of a warehouse of OMOP nobody should miss; all of it stands in the manifest."""
    if doubts := warehouse["in_doubt"]:
        rows = sum(each["rows"] for each in doubts)
        yield f"{rows} rows of HER2-directed drugs are of a product in doubt ({len(doubts)} names); see the manifest"
    if warehouse["quantity"] == "unknown" and (spread := warehouse.get("quantities")):
        looks = sorted({each["looks_like"] for each in spread} - {""})
        like = f", which looks like {' or '.join(looks)}" if looks else ""
        yield f"no amount of a dose is read: say in the settings what quantity means{like} ([omop] quantity)"
    for table, counted in warehouse["not_mapped"].items():
        yield f"{counted['rows']} rows of {table} have no standard concept ({counted['values']} source values)"
    if absent := warehouse["not_there"]:
        yield f"not in the warehouse: {', '.join(absent)}"


class Bar:
    """Progress on a terminal: reading in bytes, then reviewing in parts."""

    def __init__(self) -> None:
        self._bar: click._termui_impl.ProgressBar[int] | None = None
        self._what, self._done = "", 0

    def __enter__(self) -> Bar:
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    def tell(self, what: str, done: int, whole: int) -> None:
        """So much of something is done."""
        if not sys.stderr.isatty():
            return
        if what != self._what:
            self._end()
            self._bar = click.progressbar(length=whole, label=f"{what:>9}", file=sys.stderr, show_pos=False)
            self._bar.__enter__()
            self._what, self._done = what, 0
        if self._bar is not None:
            self._bar.update(done - self._done)
            self._done = done

    def _end(self) -> None:
        if self._bar is not None:
            self._bar.__exit__(None, None, None)
            self._bar = None
