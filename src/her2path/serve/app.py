"""The server put together: routes, and what stands around them."""

from __future__ import annotations

import datetime as dt
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import BaseRoute

from .configuration import Configuration
from .operation import Figures, Observed, operation_routes
from .security import Guarded, Hardened, Limited

STATIC = Path(__file__).parent / "pages" / "static"


def create_app(configuration: Configuration, loaded: Any = None, *, day: dt.date | None = None) -> Starlette:  # noqa: ARG001
    """The server as an ASGI application. `loaded` are the records that the pages show; without it there are no pages.

    `day` is the day of the reviews; `None` follows the calendar.
    """
    figures = Figures()
    routes: list[BaseRoute] = [*operation_routes(figures, lambda: "")]
    pages = f"{__package__}.pages"
    if loaded is not None and find_spec(pages) is not None:
        routes += import_module(pages).page_routes(loaded)
    app = Starlette(
        routes=routes,
        middleware=[
            Middleware(Hardened, configuration),
            Middleware(Observed, figures),
            Middleware(Guarded, configuration),
            Middleware(Limited, configuration.limits),
        ],
    )
    app.state.configuration, app.state.figures = configuration, figures
    return app
