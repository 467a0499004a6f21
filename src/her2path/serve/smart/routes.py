"""The endpoints of SMART: launch from a record, launch from here, the way back, the patient, the end."""

from __future__ import annotations

import html
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from ...record.event import Record
from ...write.caution import CAUTION
from ..advice.store import Asking, NotKept, Store
from ..hooks.engine import Engine, Gathered
from ..hooks.fetch import Access, Fetcher
from ..hooks.prefetch import ABSENT_WORDS, NEEDED, Part, distinct
from .flow import Launcher, LaunchRefused, Session

LOGGER = logging.getLogger("her2path.serve")
InThread = Callable[..., Awaitable[Any]]
Shown = Callable[[Request, Record, Sequence[str]], Response]
"""Makes the page of one record, with what the record system did not show of it."""
BROWSER, SESSION = "her2path-launch", "her2path-session"


class SmartPages:
    """The pages of a launch. `base` is our own address; cookies are for https alone where it is one. `shown` makes the
    page of a patient; without it, or where nothing is to be reviewed, she is told in plain words."""

    def __init__(
        self, launcher: Launcher, engine: Engine, fetcher: Fetcher, store: Store, templates: Mapping[str, str],
        in_thread: InThread, base: str, program: str, shown: Shown | None = None,
    ) -> None:  # fmt: skip
        self.shown = shown
        self.launcher, self.engine, self.fetcher, self.store = launcher, engine, fetcher, store
        self.templates, self.in_thread, self.program = templates, in_thread, program
        self.is_https = base.startswith("https:")
        self.base = base

    def routes(self) -> list[BaseRoute]:
        return [
            Route("/smart/launch", self.launch),
            Route("/smart/callback", self.callback),
            Route("/smart/patient", self.patient),
            Route("/smart/end", self.end, methods=["POST"]),
        ]

    async def launch(self, request: Request) -> Response:
        """From a record (`iss` and `launch`), or from here (`iss` alone): on to where the user consents."""
        query = request.query_params
        try:
            address, browser = await self.launcher.begin(query.get("iss", ""), query.get("launch"))
        except LaunchRefused as refused:
            return _refusal(refused)
        answer = RedirectResponse(address, 303)
        self._remember(answer, BROWSER, browser, "/smart/callback")
        return answer

    async def callback(self, request: Request) -> Response:
        """Back from the record system: a session, and on to the patient."""
        query = request.query_params
        try:
            if "error" in query or not query.get("code"):
                raise LaunchRefused("the record system did not consent")
            name = await self.launcher.finish(
                query.get("state", ""), query["code"][:4_000], request.cookies.get(BROWSER, "")
            )
        except LaunchRefused as refused:
            return _refusal(refused)
        answer = RedirectResponse(f"{self.base}/smart/patient", 303)
        answer.delete_cookie(BROWSER, path="/smart/callback")
        self._remember(answer, SESSION, name, "/smart")
        return answer

    async def patient(self, request: Request) -> Response:
        """The patient of the session, read anew and reviewed."""
        session = self.launcher.sessions.get(request.cookies.get(SESSION, ""))
        if session is None:
            return _refusal(LaunchRefused("there is no session, or it is over: open it again from the record", 401))
        parts = {key: Part(failed=ABSENT_WORDS) for key in self.templates}
        access = Access(session.smart.issuer.rstrip("/"), session.authorization, frozenset(session.smart.private))
        await self.fetcher.fill(parts, self.templates, access, session.patient)
        lost = [f"{key} ({part.failed})" for key, part in parts.items() if key in NEEDED and part.failed]
        if lost:
            return _refusal(LaunchRefused(f"needed, and not to be had: {', '.join(lost)}", 502))
        unseen = [key for key, part in parts.items() if part.failed]
        gathered = Gathered(session.patient, session.who, list(distinct(parts.values())), (), unseen)
        answer: Response = await self.in_thread(self._page, request, gathered, session)
        return answer

    async def end(self, request: Request) -> Response:
        """End the session."""
        self.launcher.sessions.take(request.cookies.get(SESSION, ""))
        answer = HTMLResponse(_page("her2path", ["<p>The session is over. Close this window.</p>"]))
        answer.delete_cookie(SESSION, path="/smart")
        return answer

    def _page(self, request: Request, gathered: Gathered, session: Session) -> Response:
        record, read = self.engine.record(gathered)
        asking = Asking(
            "smart", "smart", session.smart.issuer, gathered.patient, session.who, read.on.isoformat(), read.digest,
            read.resources, gathered.unseen, self.program,
        )  # fmt: skip
        try:
            self.store.keep(asking, [])
        except NotKept as error:
            LOGGER.error("advice not kept", extra={"told": {"kind": str(error)}})
        if record is not None and self.shown is not None:
            return self.shown(request, record, gathered.unseen)
        words = "Nothing of her HER2 tests or HER2-directed therapy is on record."
        if record is not None:
            words = self.engine.words(record)
        body = [f"<pre>{html.escape(words)}</pre>"]
        if gathered.unseen:
            body.append(
                f"<p>Not seen, since you may not read it or the server has none: {', '.join(gathered.unseen)}.</p>"
            )
        body.append('<form method="post" action="/smart/end"><button>End the session</button></form>')
        return HTMLResponse(_page(f"Patient {gathered.patient}", body))

    def _remember(self, answer: Response, name: str, value: str, path: str) -> None:
        answer.set_cookie(name, value, path=path, secure=self.is_https, httponly=True, samesite="lax")


def _page(title: str, body: list[str]) -> str:
    said = html.escape(title)
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{said}</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1"></head>'
        f"<body><main><h1>{said}</h1>{''.join(body)}<p>{html.escape(CAUTION)}</p></main></body></html>"
    )


def _refusal(refused: LaunchRefused) -> Response:
    return HTMLResponse(_page("Not opened", [f"<p>{html.escape(refused.words)}</p>"]), refused.status)
