"""What would change, as text: the verdict and the next dose before and after, what appears and what goes."""

from __future__ import annotations

from collections.abc import Iterator

from ...findings.plan.what_if import WhatIf
from ...findings.reviews import PatientReview
from ...record.columns import METHODS
from ...record.event import Event
from ..caution import CAUTION
from ..plain import plain_lines
from ..table_text import wrapped
from .first_lines import heart_words, her2_words, in_words, next_dose_words, verdict_words

WIDTH = len("NEXT DOSE") + 1
BEFORE, AFTER = "before", "after"


def what_if_text(found: WhatIf) -> str:
    """The whole answer, with the caution; nothing of it is stored anywhere."""
    added = "; ".join(map(event_words, found.events))
    lines = [f"Patient {found.before.patient}, as of {found.on}: what if {added}?"]
    for label, words in (("VERDICT", _verdict), ("NEXT DOSE", _next_dose), ("HEART", _heart), ("BASIS", her2_words)):
        was, becomes = words(found.before), words(found.after)
        if was == becomes:
            lines += _labelled(label, f"{was} (unchanged)") if was else []
        else:
            lines += _labelled(label, f"{BEFORE}  {was or 'nothing'}")
            lines += _labelled("", f"{AFTER}   {becomes or 'nothing'}")
    lines += _findings(found)
    lines += ["", "Nothing is stored. " + CAUTION]
    return plain_lines(lines) + "\n"


def _labelled(label: str, words: str) -> tuple[str, ...]:
    return wrapped(f"{label:<{WIDTH}}{in_words(words)}", "  ", " " * (WIDTH + len(BEFORE) + 2))


def event_words(event: Event) -> str:
    """What is added, in a few words."""
    about = " ".join(filter(None, (event.product, event.qualifier.replace(METHODS[0], ""))))
    day = f" on {event.day}" if event.day is not None else ""
    return in_words(f"{event.fact} {event.value}{f' ({about})' if about else ''}{day}")


def _verdict(review: PatientReview) -> str:
    return verdict_words(review.course) if review.course is not None and review.course.verdicts else ""


def _next_dose(review: PatientReview) -> str:
    return next_dose_words(review.course) if review.course is not None and review.course.verdicts else ""


def _heart(review: PatientReview) -> str:
    return heart_words(review.course.standing) if review.course is not None else ""


def _findings(found: WhatIf) -> Iterator[str]:
    for heading, findings in (("appears", found.appears), ("goes", found.goes)):
        if findings:
            yield f"  {heading}"
            for finding in findings:
                yield from wrapped(f"{finding.grade.word}: {in_words(finding.words)}", "    ", "  ")
    if found.changes:
        yield "  changes"
        for one, other in found.changes:
            yield from wrapped(f"{one.grade.word}: {in_words(one.words)}", "    ", "  ")
            yield from wrapped(f"-> {in_words(other.words)}", "      ", "   ")
    if not (found.appears or found.goes or found.changes):
        yield "  no finding appears or goes"
    yield f"  {found.stays} other findings stay as they are"
