"""The server put together: routes, what stands around them, and what is opened and closed with it."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import BaseRoute

from .. import __version__
from ..findings.settings import Settings
from ..tables.library import Knowledge
from ..tables.load import read_knowledge
from .advice.routes import advice_routes
from .advice.store import Store, default_address
from .configuration import Configuration
from .hooks.engine import Engine
from .hooks.openapi import openapi_route
from .hooks.routes import HookServices
from .network import Asker
from .operation import Figures, Observed, operation_routes
from .security import Guarded, Hardened, Limited, Shared
from .smart.flow import Launcher
from .smart.routes import SmartPages


def create_app(
    configuration: Configuration, loaded: Any = None, *, day: dt.date | None = None,
    knowledge: Knowledge | None = None, settings: Settings | None = None,
) -> Starlette:  # fmt: skip
    """The server as an ASGI application. `loaded` are the records that the pages show; without it there are no pages.

    `day` is the day of the reviews; `None` follows the calendar. `knowledge` and `settings` (the jurisdiction and the
    institution) are those of the pages where none are given. Raises `AskedWrongly` where the configuration cannot be
    used, the database cannot be opened, or keys of clients cannot be read.
    """
    if knowledge is None:
        knowledge = loaded.knowledge if loaded is not None else read_knowledge()
    if settings is None:
        settings = loaded.settings if loaded is not None else Settings(day or dt.date.today())
    store = Store(configuration.advice.database or default_address())
    figures, asker = Figures(), Asker()
    reviewing, storing = (ThreadPoolExecutor(1, thread_name_prefix=name) for name in ("review", "store"))
    engine = Engine(knowledge, settings, day)
    services = HookServices(
        configuration, engine, store, asker, figures, _in(reviewing), _in(storing), str(__version__)
    )

    def is_ready() -> str:
        if services.failed_to_keep or not store.is_usable():
            return "the records of advice cannot be written"
        return ""

    promising = [code for code, reason in engine.offers.reasons.items() if reason.promise]
    routes: list[BaseRoute] = [
        *operation_routes(figures, is_ready),
        *services.routes(),
        *advice_routes(store, _in(storing), promising),
        openapi_route(configuration.base),
    ]
    name = f"{__package__}.pages"
    pages = import_module(name) if loaded is not None and find_spec(name) is not None else None
    if configuration.smart:
        launcher = Launcher(configuration.smart, f"{configuration.base}/smart/callback", asker)
        routes += SmartPages(
            launcher, engine, services.fetcher, store, services.templates, _in(reviewing), configuration.base,
            str(__version__), pages.shown_by(loaded) if pages is not None else None,
        ).routes()  # fmt: skip
    if pages is not None:
        routes += pages.page_routes(loaded)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        await _in(reviewing)(engine.warm)
        yield
        await asker.close()
        for each in (reviewing, storing):
            each.shutdown(wait=True)
        store.close()

    app = Starlette(
        routes=routes,
        lifespan=lifespan,
        middleware=[
            Middleware(Hardened, configuration),
            Middleware(Observed, figures),
            Middleware(Limited, configuration.limits),
            Middleware(Shared, configuration),
            Middleware(Guarded, configuration),
        ],
    )
    app.state.configuration, app.state.figures = configuration, figures
    app.state.engine, app.state.store = engine, store
    return app


def _in(executor: ThreadPoolExecutor) -> Callable[..., Awaitable[Any]]:
    """What calls a function in the thread of an executor and waits for it."""

    async def call(function: Callable[..., Any], *arguments: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(executor, function, *arguments)

    return call
