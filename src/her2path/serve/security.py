"""What stands before every request: names, tokens, limits of size, time and rate; and the headers after it.

Each is plain ASGI, so that a body is counted while it comes and no answer is held back.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import hmac
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable

from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .configuration import Configuration, Limits

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
"""What a page of ours may load: nothing but what this server sends, and no script or style in the page itself."""
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",  # with "no-referrer" a form of our own page would send the origin "null"
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}
LIVES = ("/health", "/ready")
"""What a supervisor asks, by whatever name."""
OPEN_TO_ALL = (*LIVES, "/cds-services")
"""Addresses that hold nothing of anybody: they say that the server lives, and what it offers."""
SIGNED = "/cds-services/"
"""Addresses of record systems, which sign what they ask where the configuration names them."""
HOOKS_MAY = "/cds-services"
"""Only these may be called by a page of another place, where the configuration names it."""
SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
OF_SMART = "/smart/"
"""Addresses that are opened by a launch of a record system, or by the session that it leaves."""
UPLOADS = ("/load",)
MOST_CLIENTS = 10_000
"""So many addresses are remembered for the limit of rate."""


class Hardened:
    """The headers of every answer; and nothing is kept by a browser or a proxy unless the answer says that it may."""

    def __init__(self, app: ASGIApp, configuration: Configuration) -> None:
        self.app = app
        self.headers = dict(HEADERS)
        if configuration.base.startswith("https:"):
            self.headers["Strict-Transport-Security"] = "max-age=31536000"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def hardened(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(raw=message["headers"])
                for name, value in self.headers.items():
                    headers.setdefault(name, value)
                headers.setdefault("Cache-Control", "no-store")
                message["headers"] = headers.raw
            await send(message)

        await self.app(scope, receive, hardened if scope["type"] == "http" else send)


class Guarded:
    """Who may come in: by the name in Host, by the token, and never a foreign page that would change something."""

    def __init__(self, app: ASGIApp, configuration: Configuration) -> None:
        self.app, self.hosts = app, configuration.allowed_hosts
        self.token = configuration.server.token.encode()
        self.is_local = configuration.is_local
        self.clients_sign, self.launches = bool(configuration.client), bool(configuration.smart)
        self.origins = frozenset(configuration.server.cors_origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        refused = self._refused(scope) if scope["type"] == "http" else None
        await (self.app if refused is None else refused)(scope, receive, send)

    def _refused(self, scope: Scope) -> PlainTextResponse | None:
        headers, path, method = Headers(scope=scope), scope["path"], scope["method"]
        if path not in LIVES and _host_of(headers.get("host", "")) not in self.hosts:
            return PlainTextResponse("This server is not called so: see [server] public_url and hosts.", 421)
        if method not in SAFE_METHODS and self._is_foreign(headers, path):
            return PlainTextResponse("A page of another place may not do this.", 403)
        if path in OPEN_TO_ALL or path.startswith("/static/") or (method == "OPTIONS" and path.startswith(SIGNED)):
            return None
        if path.startswith(OF_SMART) and self.launches:
            return None
        if path.startswith(SIGNED) and self.clients_sign:
            return None  # the JWT is verified where its issuer is needed
        if self.token:
            if self._is_known(headers.get("authorization", "")):
                return None
            ask = {"WWW-Authenticate": 'Basic realm="her2path", charset="UTF-8"'}
            return PlainTextResponse("A token is needed: as a Bearer, or as the password.", 401, ask)
        if not self.is_local:
            return PlainTextResponse("Closed: no token is configured for the pages.", 403)
        return None

    def _is_foreign(self, headers: Headers, path: str) -> bool:
        """Whether a browser says that the request comes from a page of another place."""
        origin = headers.get("origin")
        if origin is not None and path.startswith(HOOKS_MAY) and origin in self.origins:
            return False
        if headers.get("sec-fetch-site", "none") not in ("none", "same-origin"):
            return True
        return origin is not None and _host_of(origin.partition("://")[2]) not in self.hosts

    def _is_known(self, authorization: str) -> bool:
        scheme, _, given = authorization.partition(" ")
        if scheme.lower() == "bearer":
            return hmac.compare_digest(given.strip().encode(), self.token)
        if scheme.lower() != "basic":
            return False
        try:
            password = base64.b64decode(given, validate=True).partition(b":")[2]
        except (binascii.Error, ValueError):
            return False
        return hmac.compare_digest(password, self.token)


def _host_of(host: str) -> str:
    """The name of a header Host, in small letters, without port and brackets."""
    host = host.lower()
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0]


class Shared:
    """The endpoints of CDS Hooks, and nothing else, for the web pages of other places that the configuration names."""

    def __init__(self, app: ASGIApp, configuration: Configuration) -> None:
        self.app = app
        self.shared: ASGIApp = CORSMiddleware(
            app, allow_origins=configuration.server.cors_origins, allow_methods=["GET", "POST"],
            allow_headers=["Authorization", "Content-Type"], max_age=600,
        )  # fmt: skip

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        of_hooks = scope["type"] == "http" and scope["path"].startswith(HOOKS_MAY)
        await (self.shared if of_hooks else self.app)(scope, receive, send)


class TooLarge(Exception):
    """A body is larger than it may be."""


class TooSlow(Exception):
    """A body did not come in time."""


class Limited:
    """How much, how long and how often. A body is refused as soon as it is too large, before all of it came."""

    def __init__(
        self,
        app: ASGIApp,
        limits: Limits,
        uploads: Iterable[str] = UPLOADS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.app, self.limits, self.uploads, self.clock = app, limits, tuple(uploads), clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._at_once = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        if scope["path"] not in OPEN_TO_ALL and (wait := self._must_wait(scope)):
            answer = PlainTextResponse("Too many requests.", 429, {"Retry-After": str(wait)})
            await answer(scope, receive, send)
        elif self._at_once >= self.limits.at_once:
            await PlainTextResponse("Busy.", 503, {"Retry-After": "1"})(scope, receive, send)
        else:
            self._at_once += 1
            try:
                await self._limited(scope, receive, send)
            finally:
                self._at_once -= 1

    async def _limited(self, scope: Scope, receive: Receive, send: Send) -> None:
        most = self.limits.upload_bytes if scope["path"] in self.uploads else self.limits.body_bytes
        started = False
        seen = 0
        until = asyncio.get_running_loop().time() + self.limits.body_seconds
        whole = False

        async def counted() -> Message:
            nonlocal seen, whole
            if whole:  # what comes now is only that the client has gone
                return await receive()
            try:
                async with asyncio.timeout_at(until):
                    message = await receive()
            except TimeoutError:
                raise TooSlow from None
            seen += len(message.get("body", b""))
            whole = not message.get("more_body", False)
            if seen > most:
                raise TooLarge
            return message

        async def noted(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        refusal: PlainTextResponse
        try:
            length = Headers(scope=scope).get("content-length", "0")
            if not length.isdigit() or int(length[:20]) > most:
                raise TooLarge
            async with asyncio.timeout(self.limits.request_seconds):
                await self.app(scope, counted, noted)
            return
        except TooLarge:
            refusal = PlainTextResponse(f"The body may have {most} bytes.", 413, {"Connection": "close"})
        except TooSlow:
            refusal = PlainTextResponse("The body did not come in time.", 408, {"Connection": "close"})
        except TimeoutError:
            refusal = PlainTextResponse("This took too long.", 503, {"Connection": "close", "Retry-After": "5"})
        if not started:
            await refusal(scope, receive, send)

    def _must_wait(self, scope: Scope) -> int:
        """The seconds that an address must wait; 0 for none. Each has a bucket that fills with time."""
        address = scope["client"][0] if scope.get("client") else ""
        most, now = float(self.limits.requests_per_minute), self.clock()
        tokens, then = self._buckets.pop(address, (most, now))
        tokens = min(most, tokens + (now - then) * most / 60)
        may = tokens >= 1
        self._buckets[address] = (tokens - 1 if may else tokens, now)
        if len(self._buckets) > MOST_CLIENTS:
            self._buckets.popitem(last=False)
        return 0 if may else max(1, round((1 - tokens) * 60 / most))
