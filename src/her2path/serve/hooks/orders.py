"""The draft orders of the context: whose they are, and how they are read as what is ordered now."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import msgspec

from .messages import Context, Json, Refused

LIVE = (None, "active", "draft", "unknown")
"""States of an order that is being written; of one that is held or ended its days say when."""
MOST_DRAFTS = 100
_PATIENT = re.compile(r"(?:^|/)Patient/([^/|?#]+)(?:/_history/.*)?$")


@dataclass(slots=True)
class Draft:
    """One draft order: its reference ("" without an id), itself as it was sent, and which drugs were read from it."""

    reference: str
    resource: Json
    selected: bool = True
    products: set[str] = field(default_factory=set)
    is_read: bool = False

    @property
    def kind(self) -> str:
        return str(self.resource.get("resourceType"))


def drafts_of(context: Context, hook: str) -> list[Draft]:
    """The draft orders of a context. Raises `Refused` where they are no Bundle, or another patient's."""
    raw = bytes(context.draftOrders)
    if hook == "patient-view":
        return []
    if not raw or raw == b"null":
        raise Refused(400, "required", f"context.draftOrders is missing: {hook} needs it")
    try:
        bundle = msgspec.json.decode(raw)
    except (msgspec.DecodeError, RecursionError) as error:
        raise Refused(400, "structure", "context.draftOrders is no JSON") from error
    entries = bundle.get("entry") if isinstance(bundle, dict) else None
    if not isinstance(bundle, dict) or bundle.get("resourceType") != "Bundle" or not isinstance(entries or [], list):
        raise Refused(400, "structure", "context.draftOrders is no Bundle")
    resources = [entry.get("resource") for entry in entries or () if isinstance(entry, dict)]
    orders = [resource for resource in resources if isinstance(resource, dict)]
    if len(orders) > MOST_DRAFTS:
        raise Refused(400, "too-long", f"context.draftOrders has more than {MOST_DRAFTS} entries")
    chosen = context.selections if hook == "order-select" else None
    if hook == "order-select" and not chosen:
        raise Refused(400, "required", "context.selections is missing or empty: order-select needs it")
    return [_draft(order, context.patientId, chosen) for order in orders]


def _draft(order: Json, patient: str, chosen: Iterable[str] | None) -> Draft:
    identity = order.get("id")
    reference = f"{order.get('resourceType')}/{identity}" if isinstance(identity, str) and identity else ""
    for name in ("subject", "patient"):
        about = order.get(name)
        said = about.get("reference") if isinstance(about, dict) else None
        whose = _PATIENT.search(said) if isinstance(said, str) else None
        if whose is not None and whose[1] != patient:
            raise Refused(400, "business-rule", f"a draft order ({reference[:100]}) is of another patient")
    picked = {each.rpartition("/")[2] for each in chosen} if chosen is not None else None
    return Draft(reference, order, picked is None or identity in picked)


def as_ordered_now(draft: Draft, patient: str, on: dt.date) -> Json:
    """A draft as the engine reads it: of this patient, ordered on the day of the hook.

    What is being signed counts as ordered now, whenever it was first written and whenever its first dose is meant: an
    order for next week must be looked at today.
    """
    order: dict[str, Any] = {**draft.resource}
    if draft.kind in ("MedicationRequest", "MedicationOrder", "ServiceRequest"):
        order["subject"] = {"reference": f"Patient/{patient}"}
    if draft.kind == "MedicationRequest" and order.get("status") in LIVE:
        order["authoredOn"] = on.isoformat()
        instructions = order.get("dosageInstruction")
        if isinstance(instructions, list):
            order["dosageInstruction"] = [_undated(each) for each in instructions]
    return order


def _undated(instruction: Any) -> Any:
    """An instruction without the days on which it begins and ends."""
    timing = instruction.get("timing") if isinstance(instruction, dict) else None
    if not isinstance(timing, dict):
        return instruction
    timing = {name: value for name, value in timing.items() if name != "event"}
    repeat = timing.get("repeat")
    if isinstance(repeat, dict):
        timing["repeat"] = {name: value for name, value in repeat.items() if name != "boundsPeriod"}
    return {**instruction, "timing": timing}
