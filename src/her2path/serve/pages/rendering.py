"""Templates with escaping always on, and the words and shapes of verdicts and grades."""

from __future__ import annotations

import datetime as dt
from functools import cache
from typing import Any
from urllib.parse import urlencode

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape
from starlette.requests import Request
from starlette.responses import HTMLResponse

from ...tables.edition import ASSUMED_JURISDICTION
from ...write.plain import plain
from ...write.text.worklist import NO_COURSE
from ..loaded import Loaded
from .tables import LEVELS, in_words, spoken, tidy

VERDICTS = {
    "STOP": ("stop", "stop"), "DO NOT GIVE THE ORDER": ("stop", "no"), "HOLD": ("act", "hold"),
    "CHANGE": ("due", "change"), "ASK FIRST": ("open", "ask"), "NOT KNOWN": ("open", "open"), "GIVE": ("ok", "give"),
    "NOTHING DUE": ("note", "none"), NO_COURSE: ("note", "note"),
}  # fmt: skip
"""The kind and the shape of each verdict."""
SOLID = ("STOP", "DO NOT GIVE THE ORDER", "HOLD")
GRADES = {
    "alarm": ("stop", "alarm", "Alarm"), "act": ("act", "act", "Act"), "contradiction": ("act", "ask", "Conflict"),
    "due": ("due", "due", "Due"), "missing": ("open", "open", "Missing"), "unreadable": ("open", "open", "Unread"),
    "note": ("note", "note", "Note"), "her2": ("ok", "give", "HER2"), "open": ("open", "open", "Open"),
}  # fmt: skip
MENU = (("/worklist", "Worklist"), ("/check", "Check"), ("/guidelines", "Guidelines"), ("/load", "Load records"))


@cache
def environment() -> Environment:
    """The templates of the package."""
    made = Environment(
        loader=PackageLoader("her2path.serve.pages"), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True, finalize=lambda said: plain(said) if said.__class__ is str else said,
    )  # fmt: skip
    made.globals |= {
        "icon": icon, "verdict": VERDICTS.__getitem__, "grade": GRADES.__getitem__, "solid": SOLID, "level": LEVELS,
        "address": address, "verdict_words": lambda word: "NO COURSE" if word == NO_COURSE else word,
    }  # fmt: skip
    made.filters |= {"words": in_words, "plain": plain, "on_day": on_day, "tidy": tidy, "spoken": spoken}
    return made


def icon(name: str, kind: str = "i") -> Markup:
    """A shape of the sprite."""
    return Markup('<svg class="{}" aria-hidden="true"><use href="#i-{}"/></svg>').format(kind, name)


def address(path: str, **query: object) -> str:
    """An address with its query; what is empty is left out."""
    told = {name: str(value) for name, value in query.items() if value not in ("", None)}
    return f"{path}?{urlencode(told)}" if told else path


def on_day(day: dt.date | None) -> Markup:
    """A day that never breaks over lines."""
    return Markup('<span class="nowrap">{}</span>').format(day) if day is not None else escape("")


def page(
    request: Request, loaded: Loaded, template: str, status: int = 200, menu: tuple[tuple[str, str], ...] = MENU,
    **told: Any,
) -> HTMLResponse:  # fmt: skip
    """A page filled from a template; `part` of a page alone where htmx asks for it."""
    settings = loaded.settings
    known = {getattr(route, "path", "") for route in request.app.routes}
    context = {
        "menu": [each for each in menu if each[0] in known], "here": request.url.path, "on": settings.on,
        "label": (settings.jurisdiction or settings.at.jurisdiction or ASSUMED_JURISDICTION).upper(),
        "limit": f"{settings.at.limit.normalize():f}", "home": "/check" if "/check" in known else "/worklist",
    }  # fmt: skip
    html = environment().get_template(template).render(**context, **told)
    return HTMLResponse(html, status, {"Cache-Control": "no-store"})
