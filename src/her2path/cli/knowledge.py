"""`her2path check`, `show`, `coverage` and `diff`: the knowledge itself, proven, shown, counted and compared."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..facts.folder import VIGNETTES, knowledge_folder
from ..facts.problem import DOES_NOT_HOLD, AskedWrongly
from ..write.output import put
from ..write.plain import plain
from .options import column_option, pairs

if TYPE_CHECKING:
    from ..facts.problem import Problem
    from ..tables.library import Knowledge


@click.command()
@click.argument("paths", nargs=-1, type=click.Path(exists=True, path_type=Path))
def check(paths: tuple[Path, ...]) -> None:
    """Prove tables complete and free of overlap, run their worked cases, and review the vignettes.

    PATHS are files of editions or vignettes, or folders of them; without any, the knowledge that ships is checked. A
    folder with its own facts.md and sources.md is checked by itself. Vignettes are reviewed once all tables hold.
    """
    from ..cohort.vignettes.walk import walk
    from ..simulate.model import prove_models
    from ..tables.cases import check as check_all
    from ..tables.cases import read_for_check, relative
    from ..tables.load import default_knowledge

    proven: list[Any] = []
    models: list[Any] = []
    walked: list[Any] = []
    waiting = False
    problems = []
    for path in paths or (None,):
        knowledge, faults = read_for_check(path)
        problems += faults
        before = len(problems) - len(faults)
        if knowledge is not None:
            held, faults = check_all(knowledge)
            problems += faults
            problems += _prove_findings(knowledge)
            if knowledge.folder == knowledge_folder():
                models, faults = prove_models(knowledge.sources) if path is None else ([], [])
                problems += faults
            proven += [each for each in held if path is None or path in (each.table.path, *each.table.path.parents)]
            if len(problems) == before:
                own = (knowledge.folder / "facts.md").exists()
                of_path, faults = walk(path or knowledge.folder, knowledge if own else default_knowledge())
                walked += of_path
                problems += faults
            elif (knowledge.folder / VIGNETTES).is_dir():
                waiting = True
    faulty = {problem.path for problem in problems}
    proven = [each for each in proven if each.table.path not in faulty]
    for each in proven:
        cases = f", {each.cases} worked cases" if each.cases else ""
        rows = f"{len(each.table.rows)} rows"
        click.echo(f"proven  {each.table.name:<32} {each.situations:>5} situations, {rows}{cases}")
    for model in models:
        click.echo(f"read    models/{model.key:<32} {len(model.parameters):>5} parameters, {model.kind}")
    if waiting:
        click.echo("waiting vignettes, which are reviewed once all else holds")
    for page in walked:
        click.echo(f"walked  {page.name:<32} {page.patients:>5} patients")
    for problem in sorted(set(problems)):
        click.echo(f"{relative(problem.path)}:{problem.line}  {problem.what}", err=True)
        if problem.advice:
            click.echo(f"    {problem.advice}", err=True)
    if not proven and not walked and not problems:
        click.echo("her2path: no table was found; expected files of editions or vignettes in Markdown", err=True)
        sys.exit(DOES_NOT_HOLD)
    total = sum(each.situations for each in proven)
    click.echo(f"{len(proven)} tables proven over {total} situations; {len(set(problems))} problems")
    if problems:
        sys.exit(DOES_NOT_HOLD)


def _prove_findings(knowledge: Knowledge) -> list[Problem]:
    """What is wrong with the findings, regimens and brands of a folder that has them."""
    from ..findings.answered import prove_answered
    from ..findings.brands import prove_brands
    from ..findings.labels.carried import prove_labels
    from ..findings.plan.regimens import prove_catalogue
    from ..findings.questions import findings_path, prove_questions

    if not findings_path(knowledge.folder).exists():
        return []
    provers = (prove_questions, prove_answered, prove_catalogue, prove_brands, prove_labels)
    return [problem for prove in provers for problem in prove(knowledge)]


@click.command()
@click.argument("table", required=False)
@click.option("--edition", help="The edition whose table to show.")
def show(table: str | None, edition: str | None) -> None:
    """Show a table with its sources: an outcome (her2_status), EDITION/outcome, or an edition.

    Without TABLE, list all editions and what each decides.
    """
    from ..tables.load import read_knowledge
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


@click.command()
@click.option("--labels", "by_label", is_flag=True, help="The labels instead: each boxed warning and rule by product.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Write here instead of printing.")
def coverage(by_label: bool, as_json: bool, output: Path | None) -> None:
    """What is carried by which table, edition and grid, verified how far, reviewed by whom; and what is missing."""
    if by_label:
        put(_labels(as_json), output)
        return
    from ..tables.coverage import coverage as covered
    from ..tables.load import read_knowledge
    from ..write.pages.coverage import coverage_page

    found = covered(read_knowledge())
    put(json.dumps(found.as_json(), indent=2, ensure_ascii=False) if as_json else coverage_page(found), output)


def _labels(as_json: bool) -> str:
    """Every product's label, rule by rule: a page, or JSON."""
    from ..findings.labels.carried import labels
    from ..findings.labels.read_from import read_facts
    from ..tables.load import read_knowledge
    from ..write.pages.labels import labels_page

    knowledge = read_knowledge()
    found = labels(knowledge)
    inputs = [name for label in found for each in label.rules for name in each.inputs]
    read = read_facts(inputs, knowledge)
    if not as_json:
        return labels_page(found, read, knowledge.facts)
    shown = {"labels": [label.as_json() for label in found], "facts": [each.as_json() for each in read]}
    return json.dumps(shown, indent=2, ensure_ascii=False)


@click.command()
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
    from ..tables.load import read_knowledge
    from ..write.table_text import show_changes, show_differences

    knowledge = read_knowledge()
    if patients is not None:
        from ..cohort.changes import changes
        from ..read.tabular.long import require_wide
        from ..read.tabular.wide import read_wide

        table, broken = read_wide(patients, pairs(columns), knowledge.facts)
        require_wide(patients, table.column_names, knowledge.facts)
        for line in broken:
            click.echo(f"her2path: {plain(f'{patients}: {line}')}", err=True)
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
