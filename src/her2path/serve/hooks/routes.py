"""The endpoints of CDS Hooks: discovery, the three services, feedback."""

from __future__ import annotations

import logging
import re
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from ...write.caution import CAUTION
from ..advice.store import Advice, Asking, NotKept, Said, Store
from ..configuration import Client, Configuration
from ..network import Asker
from ..operation import Figures
from .engine import Answer, Engine, Gathered, as_stored
from .fetch import Fetcher, access_of
from .markdown import one_line
from .messages import (
    PATIENT_ID,
    Cards,
    Feedback,
    FeedbackItem,
    HookRequest,
    Refused,
    Service,
    Services,
    feedback_decoder,
    request_decoder,
)
from .orders import drafts_of
from .prefetch import ABSENT_WORDS, NEEDED, Part, distinct, part_of, templates_of
from .tokens import Verifier

LOGGER = logging.getLogger("her2path.serve")
HOOKS = {
    "patient-view": "What is due, unsafe or missing in her HER2-directed therapy when the chart is opened.",
    "order-select": "What speaks against the orders that were chosen.",
    "order-sign": "What speaks against the orders that are about to be signed.",
}
USAGE = (
    "Keys that the client cannot send are asked from its FHIR server, where fhirServer is allowed. "
    f"Without {', '.join(NEEDED)} there is no answer but 412. {CAUTION}"
)
JSON = "application/json"
_PATIENT_ID = re.compile(PATIENT_ID)
InThread = Callable[..., Awaitable[Any]]


def service_id(hook: str) -> str:
    """The id of the service of a hook."""
    return f"her2path-{hook}"


class HookServices:
    """The services: everything they need to answer."""

    def __init__(
        self, configuration: Configuration, engine: Engine, store: Store, asker: Asker, figures: Figures,
        in_thread: InThread, in_database: InThread, program: str,
    ) -> None:  # fmt: skip
        self.configuration, self.engine, self.store, self.figures = configuration, engine, store, figures
        self.in_thread, self.in_database, self.program = in_thread, in_database, program
        self.templates = templates_of(engine.codes, configuration.prefetch)
        self.fetcher = Fetcher(asker, configuration.fhir, lambda word: figures.fetched.labels(word).inc())
        self.verifier = Verifier(configuration.client, asker, self._spend)
        self.failed_to_keep = False

    def routes(self) -> list[BaseRoute]:
        return [
            Route("/cds-services", self.discovery),
            Route("/cds-services/{service}", self.answer, methods=["POST"]),
            Route("/cds-services/{service}/feedback", self.feedback, methods=["POST"]),
        ]

    # -- the endpoints --------------------------------------------------------------------------

    async def discovery(self, _: Request) -> Response:
        """What services there are, and what each asks to be sent along."""
        services = [
            Service(hook, service_id(hook), f"her2path: {hook}", words, self.templates, USAGE)
            for hook, words in HOOKS.items()
        ]
        return _json(Services(services))

    async def answer(self, request: Request) -> Response:
        """The cards for a request."""
        try:
            hook, client = await self._known(request, "")
            asked = _decoded(request_decoder, await request.body(), hook)
            gathered = await self._gathered(asked, client)
            answer = await self.in_thread(self._answer, gathered, asked, client)
        except Refused as refused:
            return _refusal(refused)
        self._count(hook, answer)
        return _json(Cards([each.card for each in answer.advised]))

    async def feedback(self, request: Request) -> Response:
        """What was done with cards; acknowledged when it stands on the disk."""
        try:
            hook, client = await self._known(request, "/feedback")
            told = _feedback(await request.body())
            said = [self._said(item, hook, client) for item in told.feedback]
            await self.in_database(self.store.say, said)
        except Refused as refused:
            return _refusal(refused)
        except NotKept as error:
            LOGGER.error("feedback not kept", extra={"told": {"kind": str(error)}})
            return _refusal(Refused(503, "transient", "the feedback could not be kept: send it again later"))
        for each in said:
            self.figures.feedback.labels(each.outcome).inc()
        return Response(status_code=200)

    # -- who asks, and what is known ------------------------------------------------------------

    async def _known(self, request: Request, ending: str) -> tuple[str, Client | None]:
        service = request.path_params["service"]
        hook = next((hook for hook in HOOKS if service_id(hook) == service), None)
        if hook is None:
            raise Refused(404, "not-found", f"there is no such service; see {self.configuration.base}/cds-services")
        if not self.configuration.client:
            return hook, None
        address = f"{self.configuration.base}/cds-services/{service}"
        try:
            client = await self.verifier.verify(
                request.headers.get("authorization", ""), [f"{address}{ending}", address]
            )
        except Refused as refused:
            self.figures.refused.labels(refused.words.rpartition(": ")[2]).inc()
            raise
        except NotKept as error:
            raise Refused(503, "transient", "the JWT could not be noted as used: try again") from error
        return hook, client

    async def _spend(self, issuer: str, jti: str, until: float) -> bool:
        return bool(await self.in_database(self.store.spend, issuer, jti, until, self.verifier.clock()))

    async def _gathered(self, asked: HookRequest, client: Client | None) -> Gathered:
        drafts = drafts_of(asked.context, asked.hook)
        sent = asked.prefetch or {}
        parts = {key: part_of(bytes(sent.get(key, b""))) for key in self.templates}
        if any(part.failed or part.following for part in parts.values()):
            access = access_of(asked, client, self.configuration.fhir)
            if access is not None:
                await self.fetcher.fill(parts, self.templates, access, asked.context.patientId)
        _require(parts)
        unseen = [key for key, part in parts.items() if part.failed or part.following]
        return Gathered(
            asked.context.patientId, one_line(asked.context.userId), list(distinct(parts.values())), drafts, unseen
        )

    # -- in the thread of the engine ------------------------------------------------------------

    def _answer(self, gathered: Gathered, asked: HookRequest, client: Client | None) -> Answer:
        answer = self.engine.answer(gathered, asked.hook, self._before(gathered.patient))
        asking = Asking(
            asked.hookInstance, service_id(asked.hook), client.issuer if client is not None else "", gathered.patient,
            gathered.user, answer.on.isoformat(), answer.digest, answer.resources, gathered.unseen, self.program,
        )  # fmt: skip
        advice = [
            Advice(
                each.card.uuid, each.act.outcome, each.act.value, each.act.grade.word, each.edition,
                each.card.summary, as_stored(each),
            )
            for each in answer.advised
        ]  # fmt: skip
        try:
            self.store.keep(asking, advice)
            self.failed_to_keep = False
        except NotKept as error:
            # An alarm is worth more than its record: the card goes out, and the server says that it is not ready.
            self.failed_to_keep = True
            LOGGER.error("advice not kept", extra={"told": {"kind": str(error)}})
        return answer

    def _before(self, patient: str) -> Callable[[str], str]:
        """What was done with the last card of an outcome, where it was passed over; asked for once it is needed."""
        found: dict[str, tuple[str, str]] | None = None

        def before(outcome: str) -> str:
            nonlocal found
            if found is None:
                try:
                    found = self.store.last_overrides(patient)
                except NotKept as error:
                    LOGGER.error("advice not read", extra={"told": {"kind": str(error)}})
                    found = {}
            return self._passed_over(*found[outcome]) if outcome in found else ""

        return before

    def _passed_over(self, at: str, code: str) -> str:
        reason = self.engine.offers.reasons.get(code)
        words = f": {reason.display!r}" if reason is not None else ""
        still = "; the record does not show it yet" if reason is not None and reason.promise else ""
        return f"passed over on {at[:10]}{words}{still}"

    # -- the rest -------------------------------------------------------------------------------

    def _said(self, item: FeedbackItem, hook: str, client: Client | None) -> Said:
        override = item.overrideReason
        reason = override.reason.code if override is not None and override.reason is not None else ""
        comment = override.userComment or "" if override is not None else ""
        accepted = [each.id for each in item.acceptedSuggestions or ()]
        issuer = client.issuer if client is not None else ""
        return Said(item.card, service_id(hook), issuer, item.outcome, item.outcomeTimestamp, accepted, reason, comment)

    def _count(self, hook: str, answer: Answer) -> None:
        for each in answer.advised:
            self.figures.cards.labels(hook, each.act.grade.word).inc()
        if not answer.advised:
            self.figures.silent.labels(hook).inc()


def _decoded(decoder: msgspec.json.Decoder[HookRequest], body: bytes, hook: str) -> HookRequest:
    try:
        asked = decoder.decode(body)
    except msgspec.ValidationError as error:
        raise Refused(400, "structure", _told(error)) from error
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise Refused(400, "structure", "the body is no JSON in UTF-8") from error
    if asked.hook != hook:
        raise Refused(400, "value", f"hook is another than {hook}, which this service answers")
    if not _PATIENT_ID.fullmatch(asked.context.patientId):
        raise Refused(400, "value", "context.patientId is no id of FHIR")
    return asked


def _feedback(body: bytes) -> Feedback:
    try:
        return feedback_decoder.decode(body)
    except msgspec.ValidationError as error:
        raise Refused(400, "structure", _told(error)) from error
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise Refused(400, "structure", "the body is no JSON in UTF-8") from error


def _told(error: msgspec.ValidationError) -> str:
    """What is wrong with a message: the field, and what was expected. A value is never quoted."""
    words = str(error)
    return words if "Invalid enum value" not in words and "Invalid value" not in words else "a field has a wrong value"


def _require(parts: dict[str, Part]) -> None:
    """Raise 412 where something is missing without which nothing may be said."""
    lost = [
        f"{key} ({part.failed or 'its following pages are missing'})"
        for key, part in parts.items()
        if key in NEEDED and (part.failed or part.following)
    ]
    if lost:
        advice = "send them as prefetch (null says that there is nothing), or allow fhirServer in the configuration"
        if all(part.failed == ABSENT_WORDS for key, part in parts.items() if key in NEEDED):
            advice = "send the prefetch of discovery, or allow fhirServer in the configuration"
        raise Refused(412, "incomplete", f"needed and not there: {', '.join(lost)}; {advice}")


def _refusal(refused: Refused) -> Response:
    headers = {"WWW-Authenticate": "Bearer"} if refused.status == 401 else None
    return Response(msgspec.json.encode(refused.as_outcome()), refused.status, headers, JSON)


def _json(content: Any) -> Response:
    return Response(msgspec.json.encode(content), media_type=JSON)
