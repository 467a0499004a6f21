"""What goes over the wire: requests, cards and feedback of CDS Hooks 2.0; what 3.0 adds is tolerated.

There is no official schema of 2.0; these are written by its text. Our OpenAPI is made of them.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Raw

Json = dict[str, Any]
PATIENT_ID = r"[A-Za-z0-9.\-]{1,64}"
MOST_SUMMARY = 139
"""Characters: a summary has fewer than 140."""
EXTENSION = "com.github.her2path"
"""Under which name our extension stands in a card."""
Words = Annotated[str, Meta(max_length=1000)]
Identifier = Annotated[str, Meta(min_length=1, max_length=200)]


class FhirAuthorization(msgspec.Struct, kw_only=True):
    """The token by which the client's FHIR server may be asked."""

    access_token: Annotated[str, Meta(min_length=1, max_length=8000)]
    token_type: str = "Bearer"
    expires_in: int = 0
    scope: str = ""
    subject: str = ""
    patient: str | None = None


class Context(msgspec.Struct, kw_only=True):
    """Where the user is: whose chart, and which orders are drafts or chosen."""

    patientId: Annotated[str, Meta(pattern=f"^{PATIENT_ID}$", max_length=64)]
    userId: Words = ""
    encounterId: Words | None = None
    draftOrders: Raw = msgspec.field(default_factory=Raw)
    selections: list[Words] | None = None


class HookRequest(msgspec.Struct, kw_only=True):
    """A request to a service."""

    hook: Identifier
    hookInstance: Identifier
    context: Context
    prefetch: dict[str, Raw] | None = None
    fhirServer: Words | None = None
    fhirAuthorization: FhirAuthorization | None = None


class Coding(msgspec.Struct, omit_defaults=True, kw_only=True):
    """A code with its system and words."""

    code: Words
    system: Words | None = None
    display: Words | None = None


class Source(msgspec.Struct, omit_defaults=True, kw_only=True):
    """Where a card's statement comes from."""

    label: str
    url: str | None = None
    topic: Coding | None = None


class Action(msgspec.Struct, omit_defaults=True, kw_only=True):
    """One change that a suggestion makes to the draft orders."""

    type: Literal["create", "update", "delete"]
    description: str
    resource: Json | None = None
    resourceId: str | None = None


class Suggestion(msgspec.Struct, omit_defaults=True, kw_only=True):
    """What one click does."""

    label: str
    uuid: str
    actions: list[Action]
    isRecommended: bool | None = None


class Card(msgspec.Struct, omit_defaults=True, kw_only=True):
    """One act: its verdict, its reasons, what a click does, and by which words it may be passed over."""

    uuid: str
    summary: Annotated[str, Meta(max_length=MOST_SUMMARY)]
    indicator: Literal["info", "warning", "critical"]
    source: Source
    detail: str = ""
    suggestions: list[Suggestion] | None = None
    selectionBehavior: Literal["at-most-one", "any"] | None = None
    overrideReasons: list[Coding] | None = None
    extension: Json | None = None


class Cards(msgspec.Struct):
    """The answer of a service: no cards where nothing is due."""

    cards: list[Card]


class AcceptedSuggestion(msgspec.Struct):
    """A suggestion that was taken."""

    id: Identifier


class OverrideReason(msgspec.Struct, omit_defaults=True, kw_only=True):
    """Why a card was passed over: one of the reasons it offered, words, or both."""

    reason: Coding | None = None
    userComment: Annotated[str, Meta(max_length=4000)] | None = None


class FeedbackItem(msgspec.Struct, kw_only=True):
    """What was done with one card."""

    card: Identifier
    outcome: Literal["accepted", "overridden"]
    outcomeTimestamp: Annotated[str, Meta(min_length=4, max_length=40)]
    acceptedSuggestions: Annotated[list[AcceptedSuggestion], Meta(max_length=20)] | None = None
    overrideReason: OverrideReason | None = None


class Feedback(msgspec.Struct):
    """What was done with cards."""

    feedback: Annotated[list[FeedbackItem], Meta(max_length=100)]


class Service(msgspec.Struct):
    """A service as discovery tells it."""

    hook: str
    id: str
    title: str
    description: str
    prefetch: dict[str, str]
    usageRequirements: str


class Services(msgspec.Struct):
    """All services."""

    services: list[Service]


class Refused(Exception):
    """A request that is not answered by cards: the status of HTTP, a code of FHIR's issues, and why in words.

    The words name fields and keys of the request; they never quote a record.
    """

    def __init__(self, status: int, code: str, words: str) -> None:
        super().__init__(words)
        self.status, self.code, self.words = status, code, words

    def as_outcome(self) -> Json:
        """The refusal as an OperationOutcome."""
        issue = {"severity": "error", "code": self.code, "diagnostics": self.words}
        return {"resourceType": "OperationOutcome", "issue": [issue]}


request_decoder = msgspec.json.Decoder(HookRequest)
feedback_decoder = msgspec.json.Decoder(Feedback)
