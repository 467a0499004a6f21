"""The records of advice for those who answer for the rules: overrides by rule, promises, AuditEvents. Read only."""

from __future__ import annotations

import html
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Route

from ...write.caution import CAUTION
from .export import audit_event
from .store import Store

AT_ONCE = 500
"""So many answers are read from the database at a time for an export."""
InThread = Callable[..., Awaitable[Any]]


def advice_routes(store: Store, in_thread: InThread, promising: Sequence[str]) -> list[BaseRoute]:
    """Overrides by rule, promises, AuditEvents; `promising` are the reasons that promise something."""

    async def overrides(request: Request) -> Response:
        """How often each rule was advised, taken and passed over, and why; as a page for who asks for one."""
        rules = await in_thread(store.by_rule)
        if "text/html" in request.headers.get("accept", ""):
            return HTMLResponse(_table(rules))
        return _json({"rules": rules})

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


COLUMNS = ("outcome", "value", "edition", "shown", "patients", "accepted", "overridden", "reasons")


def _table(rules: Sequence[Mapping[str, Any]]) -> str:
    """Rules as a page: the most overridden first."""
    head = "".join(f'<th scope="col">{name}</th>' for name in COLUMNS)
    rows = "".join(f"<tr>{''.join(f'<td>{_cell(rule[name])}</td>' for name in COLUMNS)}</tr>" for rule in rules)
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Overrides by rule</title></head>'
        f"<body><main><h1>Overrides by rule</h1><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"
        f"<p>{html.escape(CAUTION)}</p></main></body></html>"
    )


def _cell(value: Any) -> str:
    if isinstance(value, Mapping):
        value = ", ".join(f"{name} {count}" for name, count in value.items())
    return html.escape(str(value))


def _json(content: Any) -> Response:
    return Response(msgspec.json.encode(content), media_type="application/json")
