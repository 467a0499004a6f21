"""The command `her2path`.

Exit codes: 0 done; 1 knowledge that does not hold (`check`), or nothing at all could be read
(`review`, `decide`); 2 asked wrongly (an unknown fact, edition, table or file); 3 done, though some
of the input could not be read (each told on standard error and in the output).
"""

from __future__ import annotations

import datetime as dt
import gc
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .. import __version__
from ..facts.folder import knowledge_folder
from ..facts.problem import ASKED_WRONGLY, DOES_NOT_HOLD, PARTLY_READ, AskedWrongly, KnowledgeError
from ..tables.library import Knowledge
from ..tables.load import read_knowledge
from ..write.output import opened, put
from .options import pairs
from .simulators import equivalence, simulate


class Commands(click.Group):
    """The group of commands: turns the project's errors into messages and exit codes."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except AskedWrongly as wrong:
            click.echo(f"her2path: {wrong}", err=True)
            ctx.exit(ASKED_WRONGLY)
        except KnowledgeError as faulty:
            for problem in faulty.problems:
                click.echo(str(problem), err=True)
            ctx.exit(DOES_NOT_HOLD)


if TYPE_CHECKING:
    from ..findings.patient import Settings

    _DateType = click.ParamType[dt.date]
else:
    _DateType = click.ParamType


class Day(_DateType):
    """A date on the command line."""

    name = "date"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> dt.date:
        if isinstance(value, dt.date):
            return value
        try:
            return dt.date.fromisoformat(value)
        except ValueError:
            self.fail(f"{value!r} is no date; write YYYY-MM-DD", param, ctx)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="her2path")
def main() -> None:
    """Trastuzumab therapy, computable: from the HER2 test to the last day of the drug, with row and source.

    No clinician has reviewed the rules yet, and this is not a medical device: it supports decisions.
    """


@main.command()
@click.argument("paths", nargs=-1, type=click.Path(exists=True, path_type=Path))
def check(paths: tuple[Path, ...]) -> None:
    """Prove tables complete and free of overlap, and run their worked cases.

    PATHS are edition files, or folders of them; without any, the knowledge that ships is checked. A
    folder with its own facts.md and sources.md is checked by itself.
    """
    from ..findings.questions import prove_agenda
    from ..findings.regimens import prove_catalogue
    from ..simulate.model import prove_models
    from ..tables.cases import check as check_all
    from ..tables.cases import read_for_check, relative

    proven: list[Any] = []
    models: list[Any] = []
    problems = []
    for path in paths or (None,):
        knowledge, faults = read_for_check(path)
        problems += faults
        if knowledge is not None:
            held, faults = check_all(knowledge)
            problems += faults
            if knowledge.folder == knowledge_folder():
                problems += [*prove_agenda(knowledge), *prove_catalogue(knowledge)]
                models, faults = prove_models(knowledge.sources) if path is None else ([], [])
                problems += faults
            proven += [each for each in held if path is None or path in (each.table.path, *each.table.path.parents)]
    faulty = {problem.path for problem in problems}
    proven = [each for each in proven if each.table.path not in faulty]
    for each in proven:
        cases = f", {each.cases} worked cases" if each.cases else ""
        rows = f"{len(each.table.rows)} rows"
        click.echo(f"proven  {each.table.name:<32} {each.situations:>5} situations, {rows}{cases}")
    for model in models:
        click.echo(f"read    models/{model.key:<32} {len(model.parameters):>5} parameters, {model.kind}")
    for problem in sorted(set(problems)):
        click.echo(f"{relative(problem.path)}:{problem.line}  {problem.what}", err=True)
        if problem.advice:
            click.echo(f"    {problem.advice}", err=True)
    if not proven and not problems:
        click.echo("her2path: no table was found; expected edition files in Markdown", err=True)
        sys.exit(DOES_NOT_HOLD)
    total = sum(each.situations for each in proven)
    click.echo(f"{len(proven)} tables proven over {total} situations; {len(set(problems))} problems")
    if problems:
        sys.exit(DOES_NOT_HOLD)


@main.command()
@click.argument("table", required=False)
@click.option("--edition", help="The edition whose table to show.")
def show(table: str | None, edition: str | None) -> None:
    """Show a table with its sources: an outcome (her2_status), EDITION/outcome, or an edition.

    Without TABLE, list all editions and what each decides.
    """
    from ..write.table_text import list_editions, show_fact, show_table

    knowledge = read_knowledge()
    if table is None:
        click.echo(list_editions(knowledge))
        return
    if "/" in table:
        edition, table = table.split("/", 1)
    if table in {each.key for each in knowledge.editions}:
        chosen = knowledge.edition(table)
        for each in chosen.tables.values():
            click.echo(show_table(each, chosen, knowledge))
        return
    editions = [knowledge.edition(edition, table)] if edition else [e for e in knowledge.editions if table in e.tables]
    if not editions and table in knowledge.facts:
        click.echo(show_fact(knowledge.facts[table]))
        return
    if not editions:
        decided = sorted({name for e in knowledge.editions for name in e.tables})
        raise AskedWrongly(f"no table or fact is called {table!r}; decided are " + ", ".join(decided))
    for chosen in editions:
        click.echo(show_table(knowledge.tables_of(chosen)[table], chosen, knowledge))


@main.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Write here instead of printing.")
def coverage(as_json: bool, output: Path | None) -> None:
    """What is carried by which table, edition and grid, verified how far, reviewed by whom; and what is missing."""
    from ..tables.coverage import coverage as covered
    from ..write.coverage_page import coverage_page

    found = covered(read_knowledge())
    put(json.dumps(found.as_json(), indent=2, ensure_ascii=False) if as_json else coverage_page(found), output)


def column_option(command: Any) -> Any:
    """The option that says which column of a file holds which fact."""
    return click.option(
        "--column", "columns", multiple=True, metavar="FACT=COLUMN", help="The column of FILE that holds a fact."
    )(command)


@main.command()
@click.argument("left")
@click.argument("right")
@click.option("--outcome", help="Compare only this outcome.")
@click.option(
    "--patients", type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A CSV or Parquet file: list the rows whose outcome changes (her2_status unless --outcome says another).",
)  # fmt: skip
@column_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def diff(
    left: str, right: str, outcome: str | None, patients: Path | None, columns: tuple[str, ...], as_json: bool
) -> None:
    """Every situation in which two editions disagree; or, with --patients, every row that changes."""
    from ..tables.difference import compare
    from ..write.table_text import show_changes, show_differences

    knowledge = read_knowledge()
    if patients is not None:
        from ..cohort.changes import changes
        from ..read.tabular.file import read_table
        from ..read.tabular.wide import named_columns

        table = named_columns(read_table(patients), pairs(columns), knowledge.facts)
        changed, rows = changes(table, left, right, outcome or "her2_status", knowledge)
        if as_json:
            click.echo(json.dumps([each.as_json() for each in changed], indent=2, ensure_ascii=False))
        else:
            click.echo(show_changes(left, right, changed, rows))
        return
    found = compare(left, right, knowledge, outcome)
    if as_json:
        click.echo(json.dumps([_difference_json(each) for each in found], indent=2))
    else:
        click.echo(show_differences(left, right, found))


def _difference_json(each: Any) -> dict[str, Any]:
    return {
        "outcome": each.outcome, "situation": each.situation, "situations": each.boxes,
        each.left.edition: {"possible": list(each.left.outcomes), "rows": list(each.left.rows)},
        each.right.edition: {"possible": list(each.right.outcomes), "rows": list(each.right.rows)},
    }  # fmt: skip


@main.command()
@click.argument("fact")
@click.argument("file", required=False, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--edition", help="The edition to decide by; otherwise the one in force on the test's date.")
@click.option("--jurisdiction", type=click.Choice(["us", "eu"]), help="Whose label decides, where labels differ.")
@click.option("--on", type=Day(), help="The day that chooses the edition, where test_date is not given.")
@click.option("--fact", "facts", multiple=True, metavar="NAME=VALUE", help="A fact; may be given many times.")
@column_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Write here; .csv or .parquet for a FILE.")
def decide(
    fact: str, file: Path | None, edition: str | None, jurisdiction: str | None, on: dt.date | None,
    facts: tuple[str, ...], columns: tuple[str, ...], as_json: bool, output: Path | None,
) -> None:  # fmt: skip
    """Decide FACT for one patient (--fact name=value ...) or for every row of a CSV or Parquet FILE."""
    knowledge = read_knowledge()
    given = pairs(facts)
    if file is not None:
        _decide_file(fact, file, knowledge, edition, jurisdiction, on, given, columns, as_json, output)
        return
    from ..tables.decision import decide as decide_one
    from ..write.table_text import show_decision

    decision = decide_one(fact, given, knowledge=knowledge, edition=edition, on=on, jurisdiction=jurisdiction)
    text = json.dumps(decision.as_json(), indent=2, ensure_ascii=False) if as_json else show_decision(decision)
    put(text, output)


def _decide_file(
    fact: str, file: Path, knowledge: Knowledge, edition: str | None, jurisdiction: str | None,
    on: dt.date | None, given: dict[str, str], columns: tuple[str, ...], as_json: bool, output: Path | None,
) -> None:  # fmt: skip
    from ..read.tabular.file import read_table, write_table
    from ..read.tabular.wide import misspelt_columns, named_columns
    from ..tables.decision import assumed_for_all
    from ..tables.many.decide_rows import decide_table

    if output is not None and output.exists() and output.samefile(file):
        raise AskedWrongly(f"{output} is what is read; write to another file")
    table = named_columns(read_table(file), pairs(columns), knowledge.facts)
    decided, problems = decide_table(
        fact, table, knowledge=knowledge, edition=edition, on=on, jurisdiction=jurisdiction, constants=given
    )
    problems += misspelt_columns(table.column_names, knowledge.facts)
    for problem in problems:
        click.echo(f"her2path: {file}: {problem}", err=True)
    if edition is None and (words := assumed_for_all(fact, {*table.column_names, *given}, knowledge, jurisdiction)):
        click.echo(f"her2path: {file}: {words}", err=True)
    write_table(decided, output, as_json=as_json)
    if problems:
        sys.exit(PARTLY_READ)


@main.command()
@click.argument("source", type=click.Path(exists=True, path_type=Path))
@click.option("--on", type=Day(), default=None, help="Review as of this day; results after it are not used.")
@click.option("--site", type=click.Choice(["breast", "gastric"]), help="Read the tests as of this site.")
@click.option("--edition", help="Decide by this edition, whatever the date of the test.")
@click.option("--jurisdiction", type=click.Choice(["us", "eu"]), help="Whose label decides, where labels differ.")
@column_option
@click.option(
    "--settings", "settings_file", type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The institution's settings, a TOML file: limits, tolerances, jurisdiction, formulary.",
)  # fmt: skip
@click.option("--format", "form", type=click.Choice(["text", "json", "fhir"]), default="text", show_default=True)
@click.option(
    "--calendar", type=click.Path(file_okay=False, path_type=Path),
    help="Also write the plan of each patient into this folder, as a calendar file (.ics).",
)  # fmt: skip
@click.option("--her2-only", is_flag=True, help="Review the HER2 tests alone, not the courses of therapy.")
@click.option("--processes", type=click.IntRange(1), help="Processes to share a large source; all cores by default.")
@click.option("--summary-only", is_flag=True, help="Print only the summary.")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Write here instead of printing.")
def review(
    source: Path,
    on: dt.date | None,
    site: str | None,
    edition: str | None,
    jurisdiction: str | None,
    columns: tuple[str, ...],
    settings_file: Path | None,
    form: str,
    calendar: Path | None,
    her2_only: bool,
    processes: int | None,
    summary_only: bool,
    output: Path | None,
) -> None:
    """Review every patient of SOURCE: a FHIR bundle, folder, NDJSON (also gzip or tar), CSV or Parquet.

    HER2 status per specimen and patient, and her course of therapy: what is true, due, unsafe and missing, with the
    row and citation behind it, what would settle it, and the plan; then a summary. With -o FILE.parquet and
    events in Parquet, the findings of the courses of any number of patients, one a row.
    """
    from ..cohort.local import processes_for, review_parts
    from ..findings.patient import Settings
    from ..findings.summary import Summary
    from ..read.files import source_size
    from ..tables.site import Site, read_site
    from ..write.formats import Writer

    knowledge = read_knowledge()
    at = read_site(settings_file, knowledge) if settings_file else Site()
    settings = Settings(on or dt.date.today(), site, edition, jurisdiction or at.jurisdiction, at, not her2_only)
    if output is not None and output.suffix.lower() == ".parquet":
        _review_many(source, output, knowledge, settings, processes)
        return
    # What was read so far stays: the collector need not walk it again for every few patients.
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)
    summary = Summary()
    stream = opened(output, source) if output else sys.stdout
    writer = Writer(stream, form, summary_only, calendar, settings.on)
    quiet = not sys.stderr.isatty() or (output is None and sys.stdout.isatty())
    try:
        with click.progressbar(
            length=source_size(source), label="reviewing", file=sys.stderr, hidden=quiet, show_pos=False
        ) as bar:
            shared = processes or processes_for(source)
            for part in review_parts(
                source,
                knowledge,
                settings,
                writer.render,
                processes=shared,
                progress=bar.update,
                columns=pairs(columns),
            ):
                summary.merge(part.summary)
                for item in part.items:
                    writer.put(item)
        writer.finish(summary)
    finally:
        if output:
            stream.close()
    if not summary.patients:
        click.echo(
            f"her2path: no patient was found in {source}; expected FHIR R4 in JSON or NDJSON, CSV or Parquet", err=True
        )
        sys.exit(DOES_NOT_HOLD)
    if summary.troubles:
        sys.exit(PARTLY_READ)


def _review_many(source: Path, output: Path, knowledge: Knowledge, settings: Settings, processes: int | None) -> None:
    """Findings of courses in Parquet, from events in Parquet, for as many patients as there are."""
    from ..cohort.parquet import review_file

    if source.suffix.lower() != ".parquet":
        raise AskedWrongly(f"{output}: findings in Parquet are made from events in Parquet (the long format)")
    total = review_file(source, output, knowledge, settings, processes=processes)
    for trouble in total.troubles:
        click.echo(f"her2path: {trouble}", err=True)
    click.echo(f"{total.patients} patients, {total.findings} findings of their courses in {output}")
    for word, count in total.grades.most_common():
        click.echo(f"    {count:>10}  {word}")
    if total.one_by_one:
        click.echo(f"  {total.one_by_one} patients with values only partly known were reviewed one by one")
    if not total.patients:
        sys.exit(DOES_NOT_HOLD)
    if total.troubles:
        sys.exit(PARTLY_READ)


main.add_command(simulate)
main.add_command(equivalence)


if __name__ == "__main__":
    main()
