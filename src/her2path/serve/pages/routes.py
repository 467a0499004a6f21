"""The addresses of the pages."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Sequence
from pathlib import Path

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from ...record.event import Record
from ..loaded import Loaded
from . import check, guidelines, leaflet, load, patient, plan, worklist, worklist_csv
from .rendering import environment

STATIC = Path(__file__).parent / "static"
KEPT_SECONDS = 3_600
PACKED = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}

Page = Callable[[Request, Loaded], Response]


class Kept(StaticFiles):
    """The style sheet, the scripts and the picture, packed where a browser takes that; it may keep them for an hour.

    Pages are not packed: the length of a packed page could tell what of a patient stands beside words of an address.
    """

    def __init__(self, directory: Path) -> None:
        super().__init__(directory=directory)
        texts = [path for path in directory.iterdir() if path.suffix in PACKED]
        self._packed = {path.name: (PACKED[path.suffix], gzip.compress(path.read_bytes(), 9)) for path in texts}

    async def get_response(self, path: str, scope: Scope) -> Response:
        packed = self._packed.get(path) if "gzip" in Headers(scope=scope).get("accept-encoding", "") else None
        response: Response
        if packed is not None and scope["method"] == "GET":
            response = Response(packed[1], media_type=packed[0], headers={"Content-Encoding": "gzip"})
        else:
            response = await super().get_response(path, scope)
        response.headers["Vary"] = "Accept-Encoding"
        response.headers["Cache-Control"] = f"public, max-age={KEPT_SECONDS}"
        return response


def shown_by(loaded: Loaded) -> Callable[[Request, Record, Sequence[str]], Response]:
    """What makes the page of a patient who is not among those loaded, opened from her record system."""

    def shown(request: Request, record: Record, unseen: Sequence[str]) -> Response:
        return patient.launched(request, loaded, record, unseen)

    return shown


def page_routes(loaded: Loaded) -> list[BaseRoute]:
    """The routes of the pages that show records and tables."""
    loading = load.Loading(loaded)
    made = environment()
    for name in made.list_templates():  # compiled once, at the start: nobody's first look waits for it
        made.get_template(name)

    def of(shown: Page) -> Callable[[Request], Response]:
        def endpoint(request: Request) -> Response:
            return shown(request, loaded)

        return endpoint

    def home(request: Request) -> Response:
        known = {getattr(route, "path", "") for route in request.app.routes}
        return RedirectResponse("/check" if "/check" in known else "/worklist", 307)

    def show(request: Request) -> Response:
        return load.show(request, loading)

    def inspection(request: Request) -> Response:
        return load.inspection(request, loading)

    async def take(request: Request) -> Response:
        return await load.take(request, loading)

    return [
        Route("/", home),
        *check.routes(loaded),
        *leaflet.routes(loaded),
        Route("/worklist", of(worklist.worklist)),
        Route("/worklist.csv", of(worklist_csv.worklist_csv)),
        Route("/patient", of(patient.patient)),
        Route("/patient/what-if", of(patient.what_if)),
        Route("/patient/strip", of(patient.strip)),
        Route("/plan", of(plan.plan)),
        Route("/guidelines", of(guidelines.overview)),
        Route("/table", of(guidelines.table)),
        Route("/load", show, methods=["GET"]),
        Route("/load", take, methods=["POST"]),
        Route("/load/inspect", inspection),
        Mount("/static", Kept(STATIC), name="static"),
    ]
