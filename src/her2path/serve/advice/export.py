"""The records of advice as FHIR R4 AuditEvents: who was advised on whom, by what, on which resources."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ...write.plan_words import PROJECT, stable_id

Json = dict[str, Any]
REST = {
    "system": "http://terminology.hl7.org/CodeSystem/audit-event-type",
    "code": "rest",
    "display": "RESTful Operation",
}
OPERATION = {"system": "http://hl7.org/fhir/restful-interaction", "code": "operation", "display": "operation"}
KINDS = "http://terminology.hl7.org/CodeSystem/audit-entity-type"
ROLES = "http://terminology.hl7.org/CodeSystem/object-role"
DICOM = "http://dicom.nema.org/resources/ontology/DCM"
OWN = f"{PROJECT}/fhir/audit"


def audit_event(answer: Mapping[str, Any]) -> Json:
    """One answer of the service as an AuditEvent, with its cards and what was done with them.

    The agents are who asked (by the context) and the client that signed; the entities are the patient, the resources
    that were read, and each card. Nothing of what the resources hold stands in it.
    """
    number = str(stable_id("advice", str(answer["id"]), answer["hook_instance"], answer["at"]))
    event: Json = {
        "resourceType": "AuditEvent", "id": number, "type": REST, "subtype": [OPERATION], "action": "E",
        "recorded": answer["at"], "outcome": "0", "outcomeDesc": f"{answer['cards']} cards",
        "agent": [*_agents(answer)],
        "source": {"observer": {"display": f"her2path {answer['program']}"}},
        "entity": [_patient(answer["patient"]), *map(_resource, answer["resources"])],
    }  # fmt: skip
    event["entity"].append({
        "what": {"display": answer["service"]}, "role": _role("24", "Query"), "name": "hook instance",
        "detail": [
            {"type": "hookInstance", "valueString": answer["hook_instance"]},
            {"type": "digest of the data (SHA-256)", "valueString": answer["digest"]},
            {"type": "day of the review", "valueString": answer["on_day"]},
            {"type": "not looked at", "valueString": ", ".join(json.loads(answer["unseen"])) or "nothing"},
        ],
    })  # fmt: skip
    event["entity"] += [_card(card) for card in answer["advice"]]
    return event


def _agents(answer: Mapping[str, Any]) -> Iterator[Json]:
    who = answer["who"]
    user: Json = {
        "requestor": True,
        "type": {"coding": [{"system": DICOM, "code": "110150", "display": "Application"}]},
    }
    if who:
        user = {"requestor": True, "who": {"reference": who} if "/" in who and " " not in who else {"display": who}}
    yield user
    if answer["issuer"]:
        yield {
            "requestor": False, "who": {"identifier": {"system": f"{OWN}/issuer", "value": answer["issuer"]}},
            "type": {"coding": [{"system": DICOM, "code": "110153", "display": "Source Role ID"}]},
        }  # fmt: skip


def _role(code: str, display: str) -> Json:
    return {"system": ROLES, "code": code, "display": display}


def _patient(patient: str) -> Json:
    kind = {"system": KINDS, "code": "1", "display": "Person"}
    return {"what": {"reference": f"Patient/{patient}"}, "type": kind, "role": _role("1", "Patient")}


def _resource(reference: str) -> Json:
    kind = {"system": KINDS, "code": "2", "display": "System Object"}
    return {"what": {"reference": reference}, "type": kind, "role": _role("4", "Domain Resource")}


def _card(card: Mapping[str, Any]) -> Json:
    details: list[tuple[str, str]] = [
        ("card", card["card"]), ("outcome", f"{card['outcome']}: {card['value']}"), ("grade", card["grade"]),
        ("edition", card["edition"]), ("rows", ", ".join(card["reasons"]["rows"])),
        *_done(card["feedback"]),
    ]  # fmt: skip
    return {
        "what": {"identifier": {"system": f"{OWN}/card", "value": card["card"]}}, "role": _role("3", "Report"),
        "description": card["summary"],
        "detail": [{"type": kind, "valueString": value} for kind, value in details if value],
    }  # fmt: skip


def _done(feedback: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    for each in feedback:
        words = " ".join(filter(None, (each["outcome"], each["reason"])))
        yield "feedback", f"{words} at {each['outcome_at']}"
        if each["comment"]:
            yield "comment", each["comment"]
