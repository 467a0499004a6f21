"""`her2path review`: every patient of one source or several, reviewed and written."""

from __future__ import annotations

import datetime as dt
import gc
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..facts.problem import DOES_NOT_HOLD, PARTLY_READ, AskedWrongly
from .options import (
    WAREHOUSES,
    Day,
    FormatName,
    column_option,
    jurisdiction_option,
    knowledge_option,
    missing_option,
    pairs,
    settings_option,
    site_asked,
)

if TYPE_CHECKING:
    from ..findings.summary import Summary


def _there(ctx: click.Context, param: click.Parameter, sources: tuple[str, ...]) -> tuple[str, ...]:
    """The sources; a name that is no pattern and is not there is told with what is nearly called so."""
    for each in sources:
        if each.startswith(WAREHOUSES):
            what = f"{each.partition(':')[0]}:... is a warehouse of OMOP; her2path cohort reads it"
            raise click.BadParameter(what, ctx, param)
        if each != "-" and not any(sign in each for sign in "*?[") and not os.path.lexists(each):
            raise click.BadParameter(f"Path {each!r} does not exist.", ctx, param)
    return sources


@click.command()
@click.argument("source", nargs=-1, required=True, type=click.Path(), callback=_there)
@click.option("--on", type=Day(), default=None, help="Review as of this day, or today; results after it are not used.")
@click.option("--site", type=click.Choice(["breast", "gastric"]), help="Read the tests as of this site.")
@click.option("--edition", help="Decide by this edition, whatever the date: its key, or a file of your own.")
@jurisdiction_option
@knowledge_option
@column_option
@missing_option
@settings_option
@click.option(
    "--format", "form", type=FormatName(), default=None,
    help="text, json, ndjson, html or fhir; by default what the ending of the output says, otherwise text.",
)  # fmt: skip
@click.option(
    "--calendar", type=click.Path(file_okay=False, path_type=Path),
    help="Also write the plan of each patient into this folder, as a calendar file (.ics).",
)  # fmt: skip
@click.option("--her2-only", is_flag=True, help="Review the HER2 tests alone, not the courses of therapy.")
@click.option("--processes", type=click.IntRange(1), help="Processes to share a large source; all cores by default.")
@click.option("--summary-only", is_flag=True, help="Print only the summary.")
@click.option("--brief", is_flag=True, help="Print the first five lines of each patient alone.")
@click.option("--why", is_flag=True, help="Print every reason: tests, rows, sources, places in the record.")
@click.option("--patient", "wanted", metavar="ID", help="Review this patient alone.")
@click.option(
    "--what-if", "added", multiple=True, metavar="FACT=VALUE@DAY",
    help="What would change for one patient, for example lvef=48@2026-02-17 or dose_mg:Kanjinti=420; may be repeated.",
)  # fmt: skip
@click.option("--print", "to_print", is_flag=True, help="The plan of one patient on one page; HTML with -o plan.html.")
@click.option(
    "--carry", multiple=True, metavar="COLUMN",
    help="Carry a column that no rule reads, such as hospital, from CSV or Parquet to every output; may be repeated.",
)  # fmt: skip
@click.option(
    "-o", "--output", type=click.Path(path_type=Path),
    help="Write here: .txt, .json, .jsonl, .html, .ndjson (FHIR), or tables: .csv, .parquet.",
)  # fmt: skip
def review(
    source: tuple[str, ...],
    on: dt.date | None,
    site: str | None,
    edition: str | None,
    jurisdiction: str | None,
    columns: tuple[str, ...],
    missing: tuple[str, ...],
    settings_file: Path | None,
    form: str | None,
    calendar: Path | None,
    her2_only: bool,
    processes: int | None,
    summary_only: bool,
    brief: bool,
    why: bool,
    wanted: str | None,
    added: tuple[str, ...],
    to_print: bool,
    carry: tuple[str, ...],
    output: Path | None,
) -> None:
    """Review every patient of SOURCE: FHIR as bundle, NDJSON, folder or archive, CSV or Parquet; - is standard input.

    One patient: the verdict on the next dose, the dose, what to do now, the heart, the basis; then every other finding.
    Many: a worklist, the most urgent first. --why gives every reason: tests, rows, sources, the plan. Several sources
    and patterns ('export/*.ndjson') are reviewed as one. With -o FILE.parquet or FILE.csv all findings, one a row, with
    the patients, the episodes of their courses and their specimens in three files beside it, and a manifest.
    """
    from contextlib import ExitStack
    from dataclasses import replace

    from ..cohort.review import processes_for
    from ..cohort.sources import sources_of
    from ..findings.settings import Settings
    from ..tables.load import read_knowledge
    from ..write.calendar import CalendarFolder
    from ..write.output import Outputs, require_outputs
    from .review_run import Asked, read_from, require_that_fits

    knowledge = read_knowledge()
    at = site_asked(settings_file, missing, knowledge)
    day = on or dt.date.today()
    if edition is not None:
        from ..tables.own.chosen import site_by_edition

        at, edition = site_by_edition(at, edition, knowledge)
        if edition is None and her2_only:
            raise AskedWrongly("--her2-only leaves out the courses, of which alone that --edition decides: drop one")
    settings = Settings(day, site, edition, jurisdiction or at.jurisdiction, at, not her2_only, wanted)
    paths = sources_of(source)
    if calendar is not None and her2_only:
        raise AskedWrongly("--calendar writes plans of courses, which --her2-only leaves out: drop one of them")
    require_outputs({"--output": output, "--calendar": calendar}, *paths, settings_file)
    form = require_that_fits(
        output, form,
        {"--summary-only": summary_only, "--brief": brief, "--why": why, "--what-if": bool(added), "--print": to_print},
    )  # fmt: skip
    # What was read so far stays: the collector need not walk it again for every few patients.
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)
    with ExitStack() as opened:
        paths = read_from(paths, opened)
        named = pairs(columns)
        if carry:
            from ..read.beside.carried import carried_of

            settings = replace(settings, carried=carried_of(paths, carry, named, at.missing))
        asked = Asked(paths, output, knowledge, settings, processes or processes_for(paths), named, settings_file)
        asked.tell_unread(carry)
        outputs = opened.enter_context(Outputs(*paths, settings_file))
        beside = [CalendarFolder(calendar, outputs.folder)] if calendar else []
        if added or to_print:
            from .review_one import what_is_asked_of_one

            summary = what_is_asked_of_one(asked, added, form, outputs, beside)
        elif asked.is_of_tables:
            summary = asked.to_tables(beside, outputs)
        else:
            summary = asked.to_text(form, summary_only, beside, outputs, why=why, brief=brief)
    _end(summary, source, wanted)


def _end(summary: Summary, source: tuple[str, ...], wanted: str | None) -> None:
    """End with the code that says whether anybody was found, and whether all could be read."""
    if not summary.patients:
        expected = "expected FHIR R4 in JSON or NDJSON, CSV or Parquet"
        where = " and ".join(source)
        what = f"no patient was found in {where}; {expected}"
        if wanted is not None:
            what = f"no patient {wanted!r} was found in {where}; a review of all lists the patients that are there"
        click.echo(f"her2path: {what}", err=True)
        sys.exit(DOES_NOT_HOLD)
    if summary.troubles:
        sys.exit(PARTLY_READ)
