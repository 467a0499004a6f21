"""The entries of one patient's Bundle as they are gathered, and what of her record they do not carry."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal

from ...facts.value import Reason, Unknown, Value
from ...read.fhir.resources.her2_test import EARLY
from ...record.event import Event, Record
from ..plan_words import PROJECT, stable_id
from .codes import CodeWithDisplay, Json, Shapes, concept

BASE = f"{PROJECT}/fhir"
"""Where the addresses of the entries begin; nothing is served there."""
TEST_DATA = {
    "system": "http://terminology.hl7.org/CodeSystem/v3-ActReason",
    "code": "HTEST",
    "display": "test health data",
}
MCODE = "http://hl7.org/fhir/us/mcode/StructureDefinition/mcode-"
MARKER = "tumor-marker-test"
PROFILES = {
    "Patient": "cancer-patient",
    "Specimen": "human-specimen",
    "Procedure": "cancer-related-surgical-procedure",
    "MedicationAdministration": "cancer-related-medication-administration",
    "MedicationRequest": "cancer-related-medication-request",
    "primary": "primary-cancer-condition",
    "secondary": "secondary-cancer-condition",
    "stage": "tnm-stage-group",
    "er_status": MARKER,
    "pr_status": MARKER,
    "ihc": MARKER,
    "ish": MARKER,
    "ratio": MARKER,
    "her2_copies": MARKER,
    "cep17_copies": MARKER,
    "overall": MARKER,
}
"""The mCODE profile of a kind of resource, of a fact, or of a HER2 test."""
STATE_SYSTEM = "http://terminology.hl7.org/CodeSystem/"
LABORATORY, VITAL = "laboratory", "vital-signs"
OBSERVATION_CATEGORIES = {
    "weight_kg": VITAL,
    "height_cm": VITAL,
    "body_mass_index": VITAL,
    "lvef": "exam",
    "smoking": "social-history",
}
_ID = re.compile(r"[A-Za-z0-9.-]{1,64}")


@dataclass(frozen=True, slots=True)
class Loss:
    """What a Bundle does not carry whole: what it is and why, the event, and the events it is read back as."""

    what: str
    why: str
    event: Event | None = None
    read_as: tuple[Event, ...] = ()

    def __str__(self) -> str:
        return f"{self.what}: {self.why}"


@dataclass(slots=True)
class Written:
    """A Bundle and what it does not carry."""

    bundle: Json
    losses: list[Loss] = field(default_factory=list)


@dataclass(slots=True)
class Counted:
    """What was written of many: patients, entries or rows, and how often what was not carried whole, and why."""

    patients: int = 0
    rows: int = 0
    losses: Counter[str] = field(default_factory=Counter)

    def add(self, rows: int, losses: Iterable[Loss]) -> None:
        """Count a patient."""
        self.patients += 1
        self.rows += rows
        for loss in losses:
            event = loss.event
            name = loss.what.split(" ", 1)[0] if event is None else " ".join(filter(None, (event.fact, event.product)))
            self.losses[f"{name}: {loss.why}" if event is not None else name] += 1


class Entries:
    """The resources of one patient; the same record makes the same ones in every run."""

    def __init__(self, record: Record, by: Shapes, test_data: bool) -> None:
        self.record, self.shapes, self.test_data = record, by, test_data
        self.resources: list[Json] = []
        self.losses: list[Loss] = []
        self.of_breast = record.sites == {"breast"}
        self.id = self.name_of("Patient", record.patient)
        self.specimens: dict[str, str] = {}
        self._seen: Counter[tuple[str, ...]] = Counter()

    def bundle(self) -> Json:
        """The Bundle of all that was put."""
        entries = [
            {"fullUrl": f"{BASE}/{resource['resourceType']}/{resource['id']}", "resource": resource}
            for resource in self.resources
        ]
        head: Json = {"resourceType": "Bundle", "id": str(stable_id(self.record.patient, "Bundle", "record"))}
        return {**head, **self._meta(""), "type": "collection", "entry": entries}

    def lose(self, event: Event, why: str, *read_as: Event) -> None:
        """Note that an event is left out, or what else it is read back as."""
        event_words = " ".join(filter(None, (event.fact, str(event.value), event.product, event.qualifier)))
        self.losses.append(Loss(f"{event_words} of {event.day or 'no day'}", why, event, read_as))

    def lose_thing(self, what: str, why: str) -> None:
        """Note what is no event and cannot be written."""
        self.losses.append(Loss(what, why))

    def name_of(self, kind: str, name: str) -> str:
        """A name of the record as an id of FHIR: itself where it can be one."""
        if _ID.fullmatch(name):
            return name
        identity = str(stable_id(self.record.patient, kind, name))
        self.lose_thing(f"{kind} {name!r}", f"no id of FHIR can be that; it is {identity}")
        return identity

    def put(self, kind: str, name: tuple[str, ...], content: Json, profile: str = "") -> None:
        """Keep a resource under an id made of its patient, kind and `name`; the same twice has two ids."""
        self._seen[(kind, *name)] += 1
        identity = str(stable_id(self.record.patient, kind, *name, str(self._seen[(kind, *name)])))
        self.keep(kind, identity, content, profile or kind)

    def keep(self, kind: str, identity: str, content: Json, profile: str) -> None:
        """Keep a resource under an id."""
        whose: Json = {}
        if kind != "Patient":
            whose["patient" if kind == "AllergyIntolerance" else "subject"] = {"reference": f"Patient/{self.id}"}
        self.resources.append({"resourceType": kind, "id": identity, **self._meta(profile), **whose, **content})

    def _meta(self, profile: str) -> Json:
        meta: Json = {"profile": [MCODE + PROFILES[profile]]} if profile in PROFILES else {}
        if self.test_data:
            meta["security"] = [TEST_DATA]
        return {"meta": meta} if meta else {}

    def condition(
        self, name: tuple[str, ...], coded: CodeWithDisplay, profile: str, content: Json, active: bool = True
    ) -> None:
        """Keep a confirmed condition."""
        states = {
            "clinicalStatus": _state("condition-clinical", "active" if active else "inactive"),
            "verificationStatus": _state("condition-ver-status", "confirmed"),
            "category": [_state("condition-category", "problem-list-item")],
        }
        self.put("Condition", name, {**states, "code": concept(coded), **content}, profile or "Condition")

    def observe(self, event: Event, code: Json, part: Json, profile: str) -> None:
        """Keep an observation of an event, whose value stands in `part`."""
        category = OBSERVATION_CATEGORIES.get(event.fact, LABORATORY)
        content: Json = {
            "status": status_of(event),
            "category": [_state("observation-category", category)],
            "code": code,
        }
        if event.day:
            content["effectiveDateTime"] = event.day.isoformat()
        if event.specimen:
            content["specimen"] = {"reference": f"Specimen/{self.specimens[event.specimen]}"}
        name = (event.fact, str(event.day), str(event.value), event.qualifier, event.specimen)
        self.put("Observation", name, {**content, **part}, profile)


def _state(system: str, code: str) -> Json:
    return {"coding": [{"system": STATE_SYSTEM + system, "code": code}]}


def value_of_event(event: Event) -> Value:
    """The value of an event; a float as the decimal it is written as."""
    return Decimal(repr(event.value)) if isinstance(event.value, float) else event.value


def status_of(event: Event) -> str:
    """The status of an observation that lets the value count as it does."""
    value = event.value
    if isinstance(value, Unknown) and value.reason is Reason.PRELIMINARY:
        return next((status for status in EARLY if value.detail == f"status {status}"), "final")
    return "corrected" if event.amended else "final"
