"""`her2path check`, `show` and `coverage`: the knowledge itself, proven, shown and counted."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..facts.folder import VIGNETTES, knowledge_folder
from ..facts.problem import DOES_NOT_HOLD, AskedWrongly
from ..facts.words.nearest import hint
from ..write.output import put
from .options import OVERLAY, command_said, form_asked, form_option, form_options, is_json, knowledge_option

if TYPE_CHECKING:
    from ..facts.problem import Problem
    from ..tables.library import Knowledge
    from ..tables.own.in_use import Overlay


@click.command()
@click.argument("paths", nargs=-1, type=click.Path(exists=True, path_type=Path))
@knowledge_option
@click.pass_context
def check(ctx: click.Context, paths: tuple[Path, ...]) -> None:
    """Prove tables complete and free of overlap, run their worked cases, and review the vignettes.

    PATHS are files of editions or vignettes, or folders of them; without any, the knowledge that ships is checked. A
    folder with its own facts.md and sources.md is checked by itself. Vignettes are reviewed once all tables hold. With
    --knowledge everything is proven with your folder over it, and what is told is yours.
    """
    from ..cohort.vignettes.walk import walk
    from ..tables.cases import check as check_all
    from ..tables.cases import read_for_check
    from ..tables.load import default_knowledge

    overlay: Overlay | None = ctx.meta.get(OVERLAY)
    proven: list[Any] = []
    read: list[str] = []
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
                read, faults = _prove_no_tables(knowledge) if path is None else ([], [])
                problems += faults
            proven += [each for each in held if path is None or path in (each.table.path, *each.table.path.parents)]
            if len(problems) == before:
                own = (knowledge.folder / "facts.md").exists()
                for place in [path or knowledge.folder] if overlay is None or path is not None else overlay.vignettes():
                    of_path, faults = walk(place, knowledge if own else default_knowledge())
                    walked += of_path
                    problems += faults
            elif (knowledge.folder / VIGNETTES).is_dir():
                waiting = True
    if overlay is not None:
        proven = [each for each in proven if overlay.is_own(each.table.path) or paths]
        problems = [*map(overlay.own, problems)]
    _tell(proven, read if overlay is None else [], walked, problems, waiting)


def _tell(
    proven: Sequence[Any], read: Sequence[str], walked: Sequence[Any], problems: Sequence[Problem], waiting: bool
) -> None:  # fmt: skip
    """What holds, then what does not, the first faults of each file first; and the exit code."""
    from ..tables.cases import NOT_FILLED_IN, relative
    from ..tables.own.faults import first_faults

    faulty = {problem.path for problem in problems if problem.kind != NOT_FILLED_IN}
    proven = [each for each in proven if each.table.path not in faulty]
    for each in proven:
        cases = f", {each.cases} worked cases" if each.cases else ""
        rows = f"{len(each.table.rows)} rows"
        click.echo(f"proven  {each.table.name:<32} {each.situations:>5} situations, {rows}{cases}")
    for line in read:
        click.echo(f"read    {line}")
    if waiting:
        click.echo("waiting vignettes, which are reviewed once all else holds")
    for page in walked:
        click.echo(f"walked  {page.name:<32} {page.patients:>5} patients")
    problems = first_faults(problems)
    for problem in problems:
        click.echo(f"{relative(problem.path)}:{problem.line}  {problem.what}", err=True)
        if problem.advice:
            click.echo(f"    {problem.advice}", err=True)
    if not proven and not walked and not problems:
        click.echo("her2path: no table was found; expected files of editions or vignettes in Markdown", err=True)
        sys.exit(DOES_NOT_HOLD)
    total = sum(each.situations for each in proven)
    click.echo(f"{len(proven)} tables proven over {total} situations; {len(problems)} problems")
    if problems:
        sys.exit(DOES_NOT_HOLD)


def _prove_no_tables(knowledge: Knowledge) -> tuple[list[str], list[Problem]]:
    """The models and measures of the knowledge, a line each, and what is wrong with them."""
    from ..cohort.measures.prove import prove_measures
    from ..simulate.model import prove_models

    models, problems = prove_models(knowledge.sources)
    measures, faults = prove_measures(knowledge.sources)
    lines = [f"models/{each.key:<32} {len(each.parameters):>5} parameters, {each.kind}" for each in models]
    return [*lines, *(f"measures/{each.key}" for each in measures)], [*problems, *faults]


def _prove_findings(knowledge: Knowledge) -> list[Problem]:
    """What is wrong with the findings, regimens and brands of a folder that has them."""
    from ..findings.answered import prove_answered
    from ..findings.brands import prove_brands
    from ..findings.labels.carried import prove_labels
    from ..findings.plan.regimens import prove_catalogue
    from ..findings.questions import findings_path, prove_questions
    from ..serve.hooks.offers import prove_offers

    if not findings_path(knowledge.folder).exists():
        return []
    provers = (prove_questions, prove_answered, prove_catalogue, prove_brands, prove_labels, prove_offers)
    return [problem for prove in provers for problem in prove(knowledge)]


@click.command()
@click.argument("table", required=False)
@knowledge_option
@click.option("--edition", help="The edition whose table to show: a key, or a file of your own.")
@form_options
def show(table: str | None, edition: str | None, form: str | None, output: Path | None) -> None:
    """Show a table with its sources: an outcome (her2_status), EDITION/outcome, or an edition.

    Without TABLE, list all editions and what each decides; `show facts` lists all facts with their values.
    """
    from ..tables.edition import is_edition_file
    from ..tables.load import read_knowledge
    from ..tables.own.edition_file import named_edition
    from ..write.table_text import list_editions, show_fact, show_table, table_json

    form, knowledge = form_asked(form, output), read_knowledge()
    if edition is not None:
        knowledge, edition = named_edition(edition, knowledge)
    name = table or edition
    if name is not None and is_edition_file(name):
        knowledge, name = named_edition(name, knowledge)
    elif name is not None and "/" in name:
        edition, name = name.split("/", 1)
    keys = {each.key for each in knowledge.editions}
    if form == "html":
        if name is None or name not in keys:
            raise AskedWrongly(f"a page is of an edition, and {name or 'the list'} is none: name its key, or its file")
        from ..write.editions.page import edition_page

        put(edition_page(knowledge.edition(name), knowledge, command_said()).rstrip("\n"), output)
        return
    if name == "facts" and form == "text":
        put("\n".join(f"{each}: {fact.expected()}" for each, fact in knowledge.facts.items()), output)
        return
    if name is None and form == "text":
        put(list_editions(knowledge), output)
        return
    if name is None or name in keys:
        chosen = knowledge.editions if name is None else [knowledge.edition(name)]
        shown = [(each, of) for of in chosen for each in of.tables.values()]
    else:
        able = [knowledge.edition(edition, name)] if edition else [e for e in knowledge.editions if name in e.tables]
        shown = [(knowledge.tables_of(of)[name], of) for of in able]
    if form == "json":
        put(json.dumps([table_json(each, of) for each, of in shown], indent=2, ensure_ascii=False), output)
    elif not shown and name is not None and name in knowledge.facts:
        put(show_fact(knowledge.facts[name]), output)
    elif not shown and name is not None and name not in keys:
        names = sorted({*(each for e in knowledge.editions for each in e.tables), *knowledge.facts, *keys})
        raise AskedWrongly(f"no table, fact or edition is called {name!r}{hint(name, names, 'her2path show')}")
    else:
        put("\n".join(show_table(each, of, knowledge) for each, of in shown), output)


@click.command()
@click.option("--labels", "by_label", is_flag=True, help="The labels instead: each boxed warning and rule by product.")
@form_option
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Write here instead of printing.")
def coverage(by_label: bool, as_json: bool, output: Path | None) -> None:
    """What is carried by which table, edition and grid, verified how far, reviewed by whom; and what is missing."""
    if by_label:
        put(_labels(is_json(output, as_json)), output)
        return
    from ..tables.coverage import coverage as covered
    from ..tables.load import read_knowledge
    from ..write.pages.coverage import coverage_page

    found = covered(read_knowledge())
    put(
        json.dumps(found.as_json(), indent=2, ensure_ascii=False) if is_json(output, as_json) else coverage_page(found),
        output,
    )


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
