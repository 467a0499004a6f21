"""The endpoints as OpenAPI 3.1, made of the same types that read and write the messages."""

from __future__ import annotations

from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ... import __version__
from .messages import Cards, Feedback, HookRequest, Services

MESSAGES = (HookRequest, Cards, Feedback, Services)
OUTCOME = {
    "type": "object",
    "required": ["resourceType", "issue"],
    "properties": {"resourceType": {"const": "OperationOutcome"}, "issue": {"type": "array", "minItems": 1}},
}
HEALTH = {"type": "object", "required": ["status"], "properties": {"status": {"type": "string"}}}
LISTED = {"type": "object"}
SERVICES = ("her2path-patient-view", "her2path-order-select", "her2path-order-sign")


def openapi(base: str) -> dict[str, Any]:
    """The description of a server at an address."""
    schemas, components = msgspec.json.schema_components(MESSAGES, ref_template="#/components/schemas/{name}")
    of = dict(zip(MESSAGES, schemas, strict=True))
    service = {
        "name": "service", "in": "path", "required": True, "schema": {"type": "string", "enum": list(SERVICES)},
    }  # fmt: skip
    after = {"name": "after", "in": "query", "schema": {"type": "integer", "minimum": 0, "maximum": 10**18 - 1}}
    refusals = {str(status): _answer(words, OUTCOME) for status, words in REFUSALS.items()}
    limits = {
        str(status): {"description": words, "content": {"text/plain": {"schema": {"type": "string"}}}}
        for status, words in LIMITS.items()
    }
    return {
        "openapi": "3.1.0",
        "info": {"title": "her2path", "version": str(__version__), "description": "CDS Hooks 2.0 and operation."},
        "servers": [{"url": base}],
        "components": {
            "schemas": {**components, "OperationOutcome": OUTCOME},
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
        },
        "paths": {
            "/cds-services": {"get": _get("Discovery: the services and their prefetch.", of[Services], limits)},
            "/cds-services/{service}": {
                "parameters": [service],
                "post": _post("Cards for a hook.", of[HookRequest], refusals, limits, of[Cards]),
            },
            "/cds-services/{service}/feedback": {
                "parameters": [service],
                "post": _post("What was done with cards.", of[Feedback], refusals, limits, None),
            },
            "/advice/overrides": {"get": _get("Each rule: shown, accepted, overridden, and why.", LISTED, limits)},
            "/advice/promises": {"get": _get("What was promised, and whether it was kept.", LISTED, limits)},
            "/advice/audit": {
                "parameters": [after],
                "get": _get("AuditEvents as NDJSON.", {"type": "string"}, limits, "application/fhir+ndjson")
                | {"responses": {
                    "200": _answer("AuditEvents", {"type": "string"}, "application/fhir+ndjson"),
                    "400": _answer("after is no number", LISTED), **limits,
                }},
            },
            "/health": {"get": _get("The process answers.", HEALTH, limits)},
            "/ready": {
                "get": _get("It can do its work.", HEALTH, limits)
                | {"responses": {"200": _answer("ready", HEALTH), "503": _answer("what is missing", HEALTH), **limits}}
            },
        },
    }  # fmt: skip


REFUSALS = {
    400: "the message is not what it must be", 401: "the JWT is refused", 403: "fhirServer is not allowed",
    404: "no such service", 412: "data without which nothing may be said is missing",
    503: "nothing could be kept: again later",
}  # fmt: skip
LIMITS = {408: "the body did not come in time", 413: "the body is too large", 421: "the server is not called so",
          429: "too many requests"}  # fmt: skip


def _answer(words: str, schema: Any, kind: str = "application/json") -> dict[str, Any]:
    return {"description": words, "content": {kind: {"schema": schema}}}


def _get(words: str, schema: Any, limits: Any, kind: str = "application/json") -> dict[str, Any]:
    return {"summary": words, "responses": {"200": _answer(words, schema, kind), **limits}}


def _post(words: str, body: Any, refusals: Any, limits: Any, answer: Any) -> dict[str, Any]:
    done = {"description": "kept"} if answer is None else _answer(words, answer)
    return {
        "summary": words,
        "requestBody": {"required": True, "content": {"application/json": {"schema": body}}},
        "responses": {"200": done, **refusals, **limits},
        "security": [{}, {"bearer": []}],
    }


def openapi_route(base: str) -> Route:
    """Where the description stands."""
    content = msgspec.json.encode(openapi(base))

    async def described(_: Request) -> Response:
        return Response(content, media_type="application/json")

    return Route("/openapi.json", described)
