"""`her2path new-edition` and `diff`: a copy to begin with, two editions side by side, and what a change does."""

from __future__ import annotations

import datetime as dt
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..facts.problem import DOES_NOT_HOLD, PARTLY_READ
from ..write.output import put
from ..write.plain import plain
from .options import (
    Day,
    column_option,
    command_said,
    form_asked,
    form_options,
    knowledge_option,
    missing_option,
    pairs,
    site_asked,
)

if TYPE_CHECKING:
    from ..tables.library import Knowledge
    from ..tables.own.moves import Changes

ASKED = "Only with --patients: "


@click.command()
@click.argument("left")
@click.argument("right")
@click.option("--outcome", help="Compare only this outcome.")
@click.option(
    "--patients", type=click.Path(exists=True, path_type=Path),
    help="Review every patient of this source, as review reads it, by both editions, and tell who changes.",
)  # fmt: skip
@click.option("--on", type=Day(), help=f"{ASKED}review as of this day, today by default.")
@click.option("--jurisdiction", type=click.Choice(["us", "eu"]), help=f"{ASKED}whose label decides the rest.")
@click.option(
    "--settings", "settings_file", type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help=f"{ASKED}the institution's settings, a TOML file.",
)  # fmt: skip
@knowledge_option
@column_option
@missing_option
@form_options
def diff(
    left: str, right: str, outcome: str | None, patients: Path | None, on: dt.date | None, jurisdiction: str | None,
    settings_file: Path | None, columns: tuple[str, ...], missing: tuple[str, ...], form: str | None,
    output: Path | None,
) -> None:  # fmt: skip
    """Every situation in which two editions disagree; with --patients, every patient whom the change moves.

    LEFT and RIGHT are keys of editions, or files of your own (mine.md). With --patients the events of each patient are
    folded as review folds them; told are how many change, who, and what it means for the treatment.
    """
    from ..tables.difference import compare
    from ..tables.load import read_knowledge
    from ..tables.own.edition_file import named_edition
    from ..write.editions.changes_text import show_changes
    from ..write.table_text import show_differences

    form = form_asked(form, output)
    knowledge = read_knowledge()
    knowledge, left = named_edition(left, knowledge)
    knowledge, right = named_edition(right, knowledge)
    found = compare(left, right, knowledge, outcome) if patients is None or form == "html" else []
    if patients is None:
        changed = None
    else:
        at = site_asked(settings_file, missing, knowledge)
        changed = _changes(
            patients,
            left,
            right,
            outcome,
            knowledge,
            on or dt.date.today(),
            jurisdiction or at.jurisdiction,
            at,
            columns,
        )
    if form == "html":
        from ..write.editions.page import difference_page

        sides = knowledge.edition(left), knowledge.edition(right)
        text = difference_page(*sides, found, knowledge, changed, command_said())
    elif form == "json":
        as_data = [_difference_json(each) for each in found] if changed is None else changed.as_json()
        text = json.dumps(as_data, indent=2, ensure_ascii=changed is None)
    else:
        text = show_differences(left, right, found) if changed is None else show_changes(changed)
    put(text.rstrip("\n"), output, patients, settings_file)
    if changed is not None:
        _end(changed)


@click.command("new-edition")
@click.argument("source", metavar="FROM")
@click.argument("key")
@knowledge_option
@click.option(
    "-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="Write here; a file that is there is kept."
)
def new_edition(source: str, key: str, output: Path | None) -> None:
    """A copy of the edition FROM to begin your own with, called KEY: commented, with dates and a source to fill in.

    FROM is the key of an edition or a file. The copy is sound as it is: check it, change rows, compare it with diff.
    """
    from ..facts.problem import AskedWrongly
    from ..tables.load import read_knowledge
    from ..tables.own.copy import copy_of
    from ..tables.own.edition_file import named_edition

    if output is not None and output.exists():
        raise AskedWrongly(f"{output} is there already; name another file, or take it away first")
    knowledge, named = named_edition(source, read_knowledge())
    text = copy_of(knowledge.edition(named), key, knowledge, str(output) if output else "")
    put(text.rstrip("\n"), output)


def _changes(
    source: Path, left: str, right: str, outcome: str | None, knowledge: Knowledge, on: dt.date,
    jurisdiction: str | None, at: Any, columns: tuple[str, ...],
) -> Changes:  # fmt: skip
    """Every patient of a source by both editions, with a bar of progress; what could not be read is told."""
    from ..cohort.changes import changes
    from ..findings.settings import Settings
    from ..read.files import source_size

    knowledge = knowledge.with_editions(at.own_editions)
    of_labels = {knowledge.edition(key).jurisdiction for key in (left, right)} - {"any"}
    if jurisdiction is None and len(of_labels) == 1:
        jurisdiction = of_labels.pop()
    settings = Settings(on, None, None, jurisdiction, at)
    with click.progressbar(
        length=source_size(source), label="reviewing twice", file=sys.stderr, hidden=not sys.stderr.isatty(),
        show_pos=False,
    ) as bar:  # fmt: skip
        return changes(source, left, right, knowledge, settings, outcome, pairs(columns), progress=bar.update)


def _end(changed: Changes) -> None:
    """Tell what could not be read, and end as a review would."""
    for trouble in changed.troubles:
        click.echo(f"her2path: {plain(trouble)}", err=True)
    if not changed.patients:
        click.echo(f"her2path: no patient was found in {plain(changed.source)}", err=True)
        sys.exit(DOES_NOT_HOLD)
    if changed.troubles:
        sys.exit(PARTLY_READ)


def _difference_json(each: Any) -> dict[str, Any]:
    return {
        "outcome": each.outcome, "situation": each.situation, "situations": each.boxes,
        each.left.edition: {"possible": list(each.left.outcomes), "rows": list(each.left.rows)},
        each.right.edition: {"possible": list(each.right.outcomes), "rows": list(each.right.rows)},
    }  # fmt: skip
