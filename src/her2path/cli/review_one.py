"""What is asked of one patient alone: what would change, and her plan on a page."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from ..facts.problem import AskedWrongly
from ..record.event import Record, Trouble
from ..write.caution import CAUTION
from ..write.plain import plain

if TYPE_CHECKING:
    from ..findings.patient import Reviewed
    from ..findings.reviews import PatientReview
    from ..findings.summary import Summary
    from ..write.formats import Beside
    from ..write.output import Outputs
    from .review_run import Asked

MOST_NAMED = 8


@dataclass(frozen=True, slots=True)
class Held:
    """One patient of a batch: her record and her review."""

    record: Record
    review: PatientReview


def what_is_asked_of_one(
    asked: Asked, added: tuple[str, ...], form: str | None, outputs: Outputs, beside: Sequence[Beside]
) -> Summary:  # fmt: skip
    """Answer with what would change, or with the plan to print where nothing is `added`.

    Raises `AskedWrongly` where the sources hold more than one patient and none is named.
    """
    from ..write.output import text_file

    asked.processes = 1
    held: list[Held] = []

    def hold(reviewed: Reviewed) -> list[Held]:
        if len(held) > MOST_NAMED:
            return []
        return [Held(reviewed.record.record(place), reviewed.patient(place)) for place in range(len(reviewed))][
            : MOST_NAMED + 1
        ]

    def put(item: list[Held] | Trouble) -> None:
        if isinstance(item, Trouble):
            click.echo(f"her2path: {plain(str(item))}", err=True)
        else:
            held.extend(item)

    summary = asked.review(hold, put)
    if not held:
        return summary
    if len(held) > 1:
        names = ", ".join(each.record.patient for each in held[:MOST_NAMED]) + (
            ", ..." if len(held) > MOST_NAMED else ""
        )
        option = "--what-if" if added else "--print"
        raise AskedWrongly(
            f"{option} is for one patient, and there are {summary.patients}: name one by --patient ({names})"
        )
    for other in beside:
        other.patient(held[0].review)
    text = _what_if(asked, held[0], added, form) if added else _plan(asked, held[0], form, summary)
    if asked.output is None:
        click.echo(text, nl=False)
    else:
        with text_file(outputs.file(asked.output), asked.output) as stream:
            stream.write(text)
    return summary


def _what_if(asked: Asked, held: Held, added: tuple[str, ...], form: str | None) -> str:
    from ..findings.patient import Reviewer
    from ..findings.plan.what_if import what_if
    from ..read.beside.said import read_said
    from ..write.text.what_if import what_if_text

    course = held.review.course
    product = course.standing.in_hand if course is not None else ""
    facts = asked.settings.facts(asked.knowledge)
    said = read_said(added, facts, asked.settings.on, held.record.patient, product)
    found = what_if(Reviewer(asked.knowledge, asked.settings), held.record, said)
    if form == "json":
        return json.dumps({**found.as_json(), "caution": CAUTION}, ensure_ascii=False, indent=1) + "\n"
    return what_if_text(found)


def _plan(asked: Asked, held: Held, form: str | None, summary: Summary) -> str:
    from ..write.plan_page.content import plan_page
    from ..write.plan_page.text import plan_text

    page = plan_page(held.review)
    if form == "html":
        from ..write.html.plan import plan_html

        return plan_html(page, asked.manifest(summary))
    if form == "json":
        return json.dumps({**page.as_json(), "manifest": asked.manifest(summary)}, ensure_ascii=False, indent=1) + "\n"
    return plan_text(page)
