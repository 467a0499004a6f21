"""`her2path editions`: a population as several editions of HER2 testing see it, from the facts of its run."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ...facts.problem import AskedWrongly
from ...write.output import put
from ...write.plain import plain
from ..options import missing_option, site_asked
from .cohort import Bar

if TYPE_CHECKING:
    from ...cohort.report.flow import Flow

KEYS = ("asco-cap-2013", "asco-cap-2018", "asco-cap-2023")
MOST = 20
"""So many patients who change are told as text; `--who` tells all of them."""


@click.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("keys", nargs=-1, metavar="[EDITION]...")
@missing_option
@click.option(
    "--settings", "settings_file", type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The institution's settings, where the run was made with some.",
)  # fmt: skip
@click.option("--processes", type=click.IntRange(1), help="Processes to share the work; one by default.")
@click.option("--who", is_flag=True, help="All who change, a line each: patient, and her status by each edition.")
@click.option(
    "--suppress", type=click.IntRange(0), default=0, metavar="N", help="Tell no count from 1 to below N, such as 11."
)
@click.option("--format", "form", type=click.Choice(["text", "json", "svg"]), help="By default what the ending says.")
@click.option(
    "-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="Write here: .json, .svg, or text."
)
def editions(
    folder: Path, keys: tuple[str, ...], missing: tuple[str, ...], settings_file: Path | None, processes: int | None,
    who: bool, suppress: int, form: str | None, output: Path | None,
) -> None:  # fmt: skip
    """How the patients of FOLDER, which `her2path cohort` wrote, move between editions of HER2 testing.

    The facts of the run are reviewed by each EDITION (by default ASCO/CAP 2013, 2018 and 2023); the source is not read
    again. Told are the flow, the patients who change, what it means for their treatment, and the measures that another
    edition moves. What is made stays in FOLDER/editions, for `measure --edition` and `report`.

    \b
    Examples:
      her2path editions hospital
      her2path editions hospital asco-cap-2013 asco-cap-2018 -o flow.svg
      her2path editions hospital --who
    """
    from ...cohort.population.editions import manifest_of_run, review_editions, settings_of_run
    from ...cohort.report.flow import flow_of
    from ...tables.load import read_knowledge

    knowledge = read_knowledge()
    wanted = [*dict.fromkeys(keys or KEYS)]
    if len(wanted) < 2:
        raise AskedWrongly("name two editions at least, or none for ASCO/CAP 2013, 2018 and 2023")
    at = site_asked(settings_file, missing, knowledge)
    settings = settings_of_run(manifest_of_run(folder)["plan"], at)
    with Bar() as bar:
        review_editions(folder, wanted, knowledge, settings, processes=processes, progress=bar.tell)
    flow = flow_of(folder, wanted)
    if suppress:
        flow = replace(flow, least=suppress)
    if who:
        if suppress:
            raise AskedWrongly("--who names patients, --suppress hides how few they are: drop one of them")
        lines = [", ".join([plain(each.patient), *each.statuses]) for each in flow.changed]
        put("\n".join([", ".join(["patient", *wanted]), *lines]), output)
        return
    endings = {".json": "json", ".svg": "svg"}
    form = form or (endings.get(output.suffix.lower(), "text") if output else "text")
    put(_in_form(form, flow, folder), output)


def _in_form(form: str, flow: Flow, folder: Path) -> str:
    if form == "svg":
        from ...cohort.report.picture import flow_file

        return flow_file(flow)
    if form == "json":
        told: dict[str, Any] = {**flow.as_json(), "measures": [each.as_json() for each in _moved(flow, folder)]}
        return json.dumps(told, indent=2, ensure_ascii=False)
    from ...cohort.report.flow_text import show_flow

    return show_flow(flow, _moved(flow, folder), folder, MOST)


def _moved(flow: Flow, folder: Path) -> list[Any]:
    from ...cohort.report.flow import measures_moved

    return measures_moved(folder, flow.editions, flow.least)
