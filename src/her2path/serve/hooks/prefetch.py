"""What the services ask a record system to send along, and what it sent: found, nothing, absent, failed, or a page.

An absent key is not null: null says that there is nothing, an absent key that nobody looked.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

import msgspec

from ...facts.codes import Codes
from ...read.fhir.containers.bundles import outcome_words

PATIENT = "{{context.patientId}}"
SENT_SYSTEMS = ("LOINC", "SNOMED", "NCIT")
"""Systems whose codes are asked for; those of other systems stand in no observation of a record system."""
HEART, HER2, OTHERS = "heart", "her2", "observations"
NEEDED = ("patient", HEART, HER2, OTHERS, "given", "orders", "conditions")
"""Without these no answer is given: what they do not tell would be taken for what is not."""
OF_TISSUE = ("er_status", "pr_status", "hormone_receptor_status", "grade", "stage", "node_status", "tumour_size_mm")
"""Facts of the tumour, asked for with its HER2 tests."""
OTHER_TEMPLATES = {
    "given": f"MedicationAdministration?patient={PATIENT}&_include=MedicationAdministration:medication",
    "orders": f"MedicationRequest?patient={PATIENT}&_include=MedicationRequest:medication",
    "conditions": f"Condition?patient={PATIENT}",
    "statements": f"MedicationStatement?patient={PATIENT}&_include=MedicationStatement:medication",
    "specimens": f"Specimen?patient={PATIENT}",
    "reports": f"DiagnosticReport?patient={PATIENT}",
    "procedures": f"Procedure?patient={PATIENT}",
    "allergies": f"AllergyIntolerance?patient={PATIENT}",
    "flags": f"Flag?patient={PATIENT}&status=active",
    "events": f"AdverseEvent?subject=Patient/{PATIENT}",
    "services": f"ServiceRequest?patient={PATIENT}&status=active",
}
ABSENT_WORDS, NO_FHIR = "it was not sent", "what was sent is no FHIR resource"


def templates_of(codes: Codes, own: Mapping[str, str] | None = None) -> dict[str, str]:
    """The prefetch templates by key: observations by the codes of the tables, all else by the patient.

    `own` are those of the site, which stand in the place of ours.
    """
    groups: dict[str, dict[str, None]] = {HEART: {}, HER2: {}, OTHERS: {}}
    for (system, code), measure in codes.therapy.measures.items():
        if system in SENT_SYSTEMS and measure.fact:
            key = HEART if measure.fact == "lvef" else HER2 if measure.fact in OF_TISSUE else OTHERS
            groups[key][code] = None
    for system, code in codes.tests:
        if system in SENT_SYSTEMS:
            groups[HER2][code] = None
    observed = {key: f"Observation?patient={PATIENT}&code={','.join(listed)}" for key, listed in groups.items()}
    return {"patient": f"Patient/{PATIENT}", **observed, **OTHER_TEMPLATES} | dict(own or {})


class _Link(msgspec.Struct):
    relation: str = ""
    url: str = ""


class _Entry(msgspec.Struct):
    resource: msgspec.Raw = msgspec.Raw(b"null")
    fullUrl: str | None = None


class _Envelope(msgspec.Struct):
    resourceType: str = ""
    link: list[_Link] | None = None
    entry: list[_Entry] | None = None
    issue: msgspec.Raw = msgspec.Raw(b"null")


class _Kind(msgspec.Struct):
    resourceType: str = ""


_envelope = msgspec.json.Decoder(_Envelope)
_kind = msgspec.json.Decoder(_Kind)
_BAD = (msgspec.DecodeError, RecursionError, UnicodeDecodeError)


@dataclass(frozen=True, slots=True)
class Sent:
    """A resource as it was sent, with the address of its entry."""

    raw: bytes
    url: str = ""


@dataclass(slots=True)
class Part:
    """What one key holds: resources, the address of a next page, or why it holds nothing."""

    resources: list[Sent] = field(default_factory=list)
    following: str = ""
    failed: str = ""


def part_of(raw: bytes) -> Part:
    """What a value of prefetch, or an answer of a FHIR server, holds."""
    if not raw:
        return Part(failed=ABSENT_WORDS)
    if raw == b"null":
        return Part()
    try:
        envelope = _envelope.decode(raw)
    except _BAD:
        return _alone(raw)
    if envelope.resourceType == "OperationOutcome":
        return Part(failed=_failure(raw) or "the server answered with an OperationOutcome")
    if envelope.resourceType != "Bundle":
        return _alone(raw)
    part = Part(following=next((link.url for link in envelope.link or () if link.relation == "next"), ""))
    for entry in envelope.entry or ():
        text = bytes(entry.resource)
        if text == b"null":
            continue
        if b"OperationOutcome" in text and kind_of(text) == "OperationOutcome":
            if failure := _failure(text):
                return Part(failed=failure)
            continue
        part.resources.append(Sent(text, entry.fullUrl or ""))
    return part


def _alone(raw: bytes) -> Part:
    return Part([Sent(raw)]) if kind_of(raw) else Part(failed=NO_FHIR)


def _failure(raw: bytes) -> str:
    """That a server told of an error; its own words may quote a record and are not repeated."""
    try:
        told = outcome_words(msgspec.json.decode(raw))
    except _BAD:
        return NO_FHIR
    return "the server told of an error" if told else ""


def kind_of(raw: bytes) -> str:
    """The type of a resource; "" for what is none."""
    try:
        return _kind.decode(raw).resourceType
    except _BAD:
        return ""


def distinct(parts: Iterable[Part]) -> Iterator[Sent]:
    """The resources of parts; what came under several keys, byte for byte the same, once."""
    seen: set[bytes] = set()
    for part in parts:
        for sent in part.resources:
            if sent.raw not in seen:
                seen.add(sent.raw)
                yield sent
