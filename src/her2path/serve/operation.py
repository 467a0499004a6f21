"""What those who run the server see: whether it lives and is ready, figures for Prometheus, one line of JSON a request.

No line and no figure holds anything of a patient: of an address only the pattern of its route is told, never the
address itself, and of a fault only its kind and place in the program.
"""

from __future__ import annotations

import datetime as dt
import json
import logging
import re
import sys
import time
import traceback
import uuid
from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LOGGER = logging.getLogger("her2path.serve")
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_SECONDS = (0.002, 0.005, 0.01, 0.02, 0.04, 0.08, 0.15, 0.3, 0.6, 1.2, 2.5, 5, 10)


class Figures:
    """The figures of one server."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "her2path_requests", "Requests by route, method and status.", ["route", "method", "status"],
            registry=self.registry,
        )  # fmt: skip
        self.seconds = Histogram(
            "her2path_request_seconds", "How long a request took.", ["route"], buckets=_SECONDS, registry=self.registry
        )
        self.open = Gauge("her2path_requests_open", "Requests that are being answered.", registry=self.registry)
        self.cards = Counter("her2path_cards", "Cards by hook and grade.", ["hook", "grade"], registry=self.registry)
        self.silent = Counter("her2path_silent", "Answers without a card, by hook.", ["hook"], registry=self.registry)
        self.feedback = Counter(
            "her2path_feedback", "Feedback on cards, by outcome.", ["outcome"], registry=self.registry
        )
        self.fetched = Counter(
            "her2path_fhir_requests", "Requests to FHIR servers, by what came of it.", ["outcome"],
            registry=self.registry,
        )  # fmt: skip
        self.refused = Counter(
            "her2path_refused_tokens", "JWTs that were refused, by the reason.", ["reason"], registry=self.registry
        )


class Observed:
    """Counts, times and logs every request; what fails is answered by a plain 500 that says nothing of it."""

    def __init__(self, app: ASGIApp, figures: Figures, logger: logging.Logger = LOGGER) -> None:
        self.app, self.figures, self.logger = app, figures, logger

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        given = next((value for name, value in scope["headers"] if name == b"x-request-id"), b"").decode("latin-1")
        request_id = given if _REQUEST_ID.fullmatch(given) else uuid.uuid4().hex
        scope.setdefault("state", {})["request_id"] = request_id
        start, status, fault = time.perf_counter(), 0, ""

        async def noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], (b"x-request-id", request_id.encode())]
            await send(message)

        self.figures.open.inc()
        try:
            await self.app(scope, receive, noted)
        except Exception as error:
            fault = where_of(error)
            if status:
                raise
            answer = PlainTextResponse("A fault of the server; the log names its place.", 500)
            await answer(scope, receive, noted)
        finally:
            seconds = time.perf_counter() - start
            route = getattr(scope.get("route"), "path", "none")
            method = scope["method"] if scope["method"] in _METHODS else "other"
            self.figures.open.dec()
            self.figures.requests.labels(route, method, str(status)).inc()
            self.figures.seconds.labels(route).observe(seconds)
            told = {
                "request": request_id, "method": method, "route": route, "status": status,
                "milliseconds": round(seconds * 1000, 2),
            }  # fmt: skip
            if fault:
                told["fault"] = fault
            self.logger.log(logging.ERROR if fault else logging.INFO, "request", extra={"told": told})


_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


def where_of(error: BaseException) -> str:
    """The kind of a fault and its place in the program; not its words, which may quote a record."""
    frames = traceback.extract_tb(error.__traceback__)
    places = [f"{frame.filename.rpartition('her2path')[2].lstrip('/')}:{frame.lineno}" for frame in frames[-4:]]
    return f"{type(error).__name__} at {' < '.join(reversed(places))}"


class JsonLines(logging.Formatter):
    """One JSON object a line: time, level, what happened, and what was told of it."""

    def format(self, record: logging.LogRecord) -> str:
        told = getattr(record, "told", None)
        line = {
            "time": dt.datetime.fromtimestamp(record.created, dt.UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "event": record.getMessage(),
            **(told if isinstance(told, dict) else {}),
        }
        if record.exc_info and record.exc_info[1] is not None:
            line["fault"] = where_of(record.exc_info[1])
        return json.dumps(line, ensure_ascii=True)


def log_to_stderr(level: int = logging.INFO) -> None:
    """Log as JSON to standard error: ours, and what uvicorn says of its start and end."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    for name in ("her2path.serve", "uvicorn"):
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [handler], False
        logger.setLevel(level)
    logging.getLogger("uvicorn.access").disabled = True


def operation_routes(figures: Figures, is_ready: Callable[[], str]) -> list[BaseRoute]:
    """Health (the process answers), readiness (`is_ready` gives "" or what is missing), and the figures."""

    async def health(_: Request) -> Response:
        return JSONResponse({"status": "alive"})

    def ready(_: Request) -> Response:
        missing = is_ready()
        return JSONResponse({"status": missing or "ready"}, 503 if missing else 200)

    async def metrics(_: Request) -> Response:
        return Response(generate_latest(figures.registry), media_type=CONTENT_TYPE_LATEST)

    return [Route("/health", health), Route("/ready", ready), Route("/metrics", metrics)]
