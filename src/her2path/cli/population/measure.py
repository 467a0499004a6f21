"""`her2path measure`: measures of quality over a population that `cohort` reviewed."""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ...facts.problem import AskedWrongly
from ...write.output import put
from ...write.plain import plain
from ..options import Day

if TYPE_CHECKING:
    from ...cohort.measures.count import Counted
    from ...cohort.measures.read import Measure


@click.command()
@click.argument("folder", required=False, type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("keys", nargs=-1, metavar="[MEASURE]...")
@click.option("--list", "listed", is_flag=True, help="List the measures there are, with their sources.")
@click.option(
    "--by", metavar="COLUMN", help="Tell it apart by tumour_site, year, age_group, stage, product, setting, ..."
)
@click.option("--edition", metavar="KEY", help="As this edition sees the patients; her2path editions makes them so.")
@click.option("--from", "first", type=Day(), help="Only those whose first HER2-directed dose is on this day or later.")
@click.option("--to", "last", type=Day(), help="... on this day or earlier.")
@click.option(
    "--suppress", type=click.IntRange(0), default=0, metavar="N", help="Tell no count from 1 to below N, such as 11."
)
@click.option("--who", "answer", metavar="ANSWER",
              help="Who they are: met, 'not met', undetermined, 'membership undetermined', excluded.")  # fmt: skip
@click.option(
    "--format", "form", type=click.Choice(["text", "json", "csv", "fhir"]), help="By default what the ending says."
)
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="Write here instead of printing.")
def measure(
    folder: Path | None, keys: tuple[str, ...], listed: bool, by: str | None, edition: str | None,
    first: dt.date | None, last: dt.date | None, suppress: int, answer: str | None, form: str | None,
    output: Path | None,
) -> None:  # fmt: skip
    """Count measures over FOLDER, which `her2path cohort` wrote; all of them where none is named.

    Who is undetermined is told apart and never counted as "no": a rate is that of those of whom it is known, and beside
    it stand the lowest and highest that the others allow. A definition is a file of Markdown with SQL; one's own is
    named by its path.

    \b
    Examples:
      her2path measure hospital
      her2path measure hospital lvef-baseline --by year
      her2path measure hospital lvef-baseline --who "not met"
    """
    from ...cohort.measures.count import count, patients_of
    from ...cohort.measures.read import measure_named, measures
    from ...cohort.measures.views import bound_to, opened

    asked = [measure_named(key) for key in keys] or [*measures().values()]
    if listed:
        put("\n".join(_listed(each) for each in asked), output)
        return
    if folder is None:
        raise AskedWrongly("name the folder of a population (her2path cohort SOURCE -o FOLDER), or ask for --list")
    if not keys:
        asked = [each for each in asked if _can_be_told(folder, each, edition)]
    if answer is not None:
        if len(asked) != 1 or not keys:
            raise AskedWrongly("--who is told of one measure: name it")
        put("\n".join(map(plain, patients_of(opened(folder, edition or bound_to(asked[0])), asked[0], answer))), output)
        return
    found = [(each, count(opened(folder, edition or bound_to(each)), each, by, (first, last))) for each in asked]
    endings = {".json": "json", ".csv": "csv"}
    form = form or (endings.get(output.suffix.lower(), "text") if output else "text")
    put(_in_form(form, found, folder, suppress, by), output)


def _can_be_told(folder: Path, each: Measure, edition: str | None) -> bool:
    """Whether a measure that nobody named can be counted; told where it cannot."""
    from ...cohort.measures.views import bound_to, can_be_counted

    if edition is not None or can_be_counted(folder, each):
        return True
    advice = f"her2path editions {folder} {bound_to(each)}"
    click.echo(f"her2path: {each.key} is counted by {bound_to(each)} alone: {advice}", err=True)
    return False


def _in_form(
    form: str, found: list[tuple[Measure, list[Counted]]], folder: Path, least: int, by: str | None
) -> str:  # fmt: skip
    rows = [counted.as_json(least) for _, of_measure in found for counted in of_measure]
    if form == "json":
        manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
        definitions = [each.as_json() for each, _ in found]
        told = {"measures": rows, "definitions": definitions, "by": by, "manifest": manifest["plan"]}
        return json.dumps({**told, "caution": manifest["caution"]}, indent=2, ensure_ascii=False)
    if form == "csv":
        names = [*dict.fromkeys(name for row in rows for name in row)]
        stream = io.StringIO()
        writer = csv.DictWriter(stream, names, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        return stream.getvalue().rstrip("\n")
    if form == "fhir":
        from ...cohort.measures.report import bundle

        return json.dumps(bundle(found, folder, least), indent=2, ensure_ascii=False)
    lines = [line for each, of_measure in found for line in _lines(each, of_measure, least)]
    return "\n".join([*lines, json.loads((folder / "manifest.json").read_text("utf-8"))["caution"]])


def _listed(each: Measure) -> str:
    sources = "; ".join(map(str, each.citations))
    bound = "" if each.edition == "any" else f", by {each.edition} alone"
    return f"{each.key:<28} {each.title} (version {each.version}, {each.better} is better{bound}; {sources})"


def _lines(each: Measure, counted: list[Counted], least: int) -> list[str]:
    from ...cohort.report.numbers import open_words, rate_words

    lines = [f"{each.key}: {each.title}"]
    for stratum in counted:
        name = f"{plain(stratum.stratum)}: " if stratum.stratum != "all" or len(counted) > 1 else ""
        lines.append(f"  {name}{rate_words(stratum, least)}{open_words(stratum, least)}")
    return lines
