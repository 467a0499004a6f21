"""`her2path report`: one page of HTML over a population that `cohort` reviewed."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

import click

from ...write.output import put


@click.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("keys", nargs=-1, metavar="[MEASURE]...")
@click.option(
    "--by", multiple=True, metavar="COLUMN",
    help="Tell the measures apart by tumour_site, year, age_group, stage, or a carried column; may be repeated.",
)  # fmt: skip
@click.option(
    "--suppress", type=click.IntRange(0), default=0, metavar="N",
    help="Tell no count from 1 to below N, such as 11, and name nobody.",
)  # fmt: skip
@click.option(
    "--most-patients", type=click.IntRange(0), default=20, show_default=True, metavar="N",
    help="Name so many patients at most behind each number; 0 names nobody.",
)  # fmt: skip
@click.option("--title", default="", help="What stands above; by default the name of FOLDER.")
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="Write the page here (.html).")
def report(
    folder: Path, keys: tuple[str, ...], by: tuple[str, ...], suppress: int, most_patients: int, title: str,
    output: Path | None,
) -> None:  # fmt: skip
    """One page over FOLDER, which `her2path cohort` wrote: every measure, and how the editions see the patients.

    The page is one file that loads nothing. Each number opens to its definition, its sources and its patients; the
    pictures have their numbers as tables. Who is undetermined stands beside who is not, with the reasons. Editions are
    told where they were made (`her2path editions FOLDER`).

    \b
    Examples:
      her2path report hospital -o report.html
      her2path report hospital --by hospital --by year --suppress 11 -o report.html
    """
    from ...cohort.report.page import report_page
    from ...tables.load import read_knowledge

    command = shlex.join(["her2path", *sys.argv[1:]]) if sys.argv[1:2] == ["report"] else ""
    page = report_page(
        folder, read_knowledge(), keys, by, least=suppress, most_patients=most_patients, title=title, command=command
    )
    put(page, output)
