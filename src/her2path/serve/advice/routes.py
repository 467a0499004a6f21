"""The records of advice for those who answer for the rules: overrides by rule, promises, AuditEvents. Read only."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Route

from .export import audit_event
from .store import Store

AT_ONCE = 500
"""So many answers are read from the database at a time for an export."""
InThread = Callable[..., Awaitable[Any]]


def advice_routes(store: Store, in_thread: InThread, promising: Sequence[str]) -> list[BaseRoute]:
    """Overrides by rule, promises, AuditEvents; `promising` are the reasons that promise something."""

    async def overrides(_: Request) -> Response:
        """How often each rule was advised, taken and passed over, and why."""
        return _json({"rules": await in_thread(store.by_rule)})

    async def promises(_: Request) -> Response:
        """What was promised when a card was passed over, and whether it was kept."""
        return _json({"promises": await in_thread(store.promises, promising)})

    async def audit(request: Request) -> Response:
        """Every answer as an AuditEvent, one a line; `after` is the last id that was exported."""
        said = request.query_params.get("after", "0")
        if not said.isdecimal() or len(said) > 18:
            return JSONResponse({"error": "after is the number of an answer, such as 0"}, 400)
        answers = await in_thread(store.answers, int(said), AT_ONCE)
        last = str(answers[-1]["id"] if answers else int(said))

        async def lines() -> AsyncIterator[bytes]:
            for answer in answers:
                yield msgspec.json.encode(audit_event(answer)) + b"\n"

        return StreamingResponse(lines(), media_type="application/fhir+ndjson", headers={"X-Last": last})

    return [
        Route("/advice/overrides", overrides),
        Route("/advice/promises", promises),
        Route("/advice/audit", audit),
    ]


def _json(content: Any) -> Response:
    return Response(msgspec.json.encode(content), media_type="application/json")
