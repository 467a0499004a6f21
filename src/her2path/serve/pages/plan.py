"""The plan of one patient as one printed page: the content of `her2path review --print`, on paper and on a screen."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from ...facts.problem import AskedWrongly
from ...write.plan_page.content import plan_page
from ..loaded import Loaded
from .patient import banner_of, find, head_of, not_found
from .rendering import page

PAIRS = (("Eligibility", "Exclusions"), ("Precautions", "Call"))
"""Sections that stand beside each other."""
MOST_ROWS = 4
"""So many rows of tables stand at the edge of a section; `her2path review --why` has all."""


def plan(request: Request, loaded: Loaded) -> Response:
    """The page."""
    opened = find(request, loaded)
    if opened is None:
        return not_found(request, loaded)
    try:
        told = plan_page(opened.review)
    except AskedWrongly as error:
        return page(request, loaded, "message.html", 422, title="No plan", words=str(error), hint="")
    second = {right: left for left, right in PAIRS}
    groups = [
        [section, *(other for other in told.sections if second.get(other.heading) == section.heading)]
        for section in told.sections
        if section.heading not in second
    ]
    return page(
        request, loaded, "plan.html", id=opened.review.patient, which=request.query_params.get("which", ""), told=told,
        head=list(head_of(opened, loaded.settings.on)), groups=groups,
        verdict_word=banner_of(opened.review).verdict, most_rows=MOST_ROWS,
        longest=max(len(section.table) for section in told.sections),
    )  # fmt: skip
