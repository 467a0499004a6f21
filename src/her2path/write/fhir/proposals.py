"""A review as FHIR R4: a collection Bundle of proposals for one patient, for a clinician to take up or leave.

    findings -> DetectedIssue        plan -> CarePlan, MedicationRequest (dose), ServiceRequest (LVEF)

Nothing here is an order: every request is a draft with the intent of a proposal, every resource is tagged as
decision support that no clinician reviewed, and a resource of the record is only referred to.
"""

from __future__ import annotations

import datetime as dt
import html
import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from ...facts.codes import Codes, read_codes
from ...findings.finding import Finding, Grade, PatientReview, in_order
from ...findings.plan import PlanItem
from ...history.kinds import METHODS
from ...history.names import HER2_PRODUCTS
from ..caution import CAUTION
from ..course_text import short
from ..plan_words import PROJECT, clean, details_of, lines_of, reasons_of, stable_id, when_of, window
from ..table_text import settle_words

Json = dict[str, Any]

TAG = {"system": f"{PROJECT}/fhir/tag", "code": "unreviewed-decision-support", "display": CAUTION}
SEVERITY = {
    Grade.ALARM: "high", Grade.ACT: "high", Grade.CONTRADICTION: "moderate", Grade.DUE: "moderate",
    Grade.MISSING: "low",
}  # fmt: skip
"""The grades that become issues; what was unreadable or is only a note stays with the report."""

LVEF = ("LOINC", "10230-1")
ECHOCARDIOGRAPHY = ("SNOMED", "40701008")
ADDRESSES = {"LOINC": "http://loinc.org", "SNOMED": "http://snomed.info/sct"}
UNIT = {"unit": "mg", "system": "http://unitsofmeasure.org", "code": "mg"}
ROUTES = {"iv": "intravenous", "sc": "subcutaneous"}
"""The last part of a product's key, where it says the route."""

READ_FROM = (
    "AllergyIntolerance", "Condition", "DiagnosticReport", "Flag", "Immunization", "Medication",
    "MedicationAdministration", "MedicationDispense", "MedicationRequest", "MedicationStatement", "Observation",
    "Patient", "Procedure", "Specimen",
)  # fmt: skip
_ORIGIN = re.compile(rf"(?:^|\s)((?:{'|'.join(READ_FROM)})/[A-Za-z0-9.-]{{1,64}})(?:#.*)?$")
_DRUG = re.compile(rf"(?:^|: )({'|'.join(HER2_PRODUCTS)}): ")
_ID = re.compile(r"[A-Za-z0-9.-]{1,64}")
_NUMBER = re.compile(r"\d{1,6}(\.\d{1,6})?")
_MINUTES = re.compile(r"(\d+)(?: to (\d+))?(?: minutes)?")


def review_bundle(review: PatientReview, on: dt.date) -> Json:
    """The Bundle of a patient's review: her findings, those of her specimens and of her course, and the plan."""
    findings = [*review.findings, *(each for specimen in review.specimens for each in specimen.findings)]
    course = review.course
    if course is None:
        return patient_bundle(review.patient, in_order(findings), (), on)
    state = course.standing.state
    return patient_bundle(
        review.patient, in_order([*findings, *course.findings]), course.plan, on, course.standing.product,
        METHODS[max(0, state.get("lvef_method", 0))],
    )  # fmt: skip


def patient_bundle(
    patient_id: str, findings: Sequence[Finding], plan: Sequence[PlanItem], on: dt.date,
    product: str | None = None, lvef_method: str = "", codes: Codes | None = None,
) -> Json:  # fmt: skip
    """A collection Bundle of proposals, as of the day `on`; without entries where there is nothing to say.

    `product` is the HER2-directed drug in hand, `lvef_method` how the last LVEF was taken; `codes` are those
    that ship unless others are given.
    """
    maker = _Maker(patient_id, on, codes or read_codes())
    maker.put_findings(findings)
    maker.put_plan(plan, product, lvef_method)
    made: Json = {
        "resourceType": "Bundle", "id": str(stable_id(patient_id, "Bundle", on.isoformat())), "meta": {"tag": [TAG]},
        "identifier": {"system": f"{PROJECT}/fhir/review", "value": clean(f"{patient_id} {on}")},
        "type": "collection", "timestamp": f"{on}T00:00:00Z",
    }  # fmt: skip
    if maker.resources:
        made["entry"] = [{"fullUrl": f"urn:uuid:{each['id']}", "resource": each} for each in maker.resources]
    return made


def bundle_line(bundle: Json) -> str:
    """A Bundle on one line, for NDJSON."""
    return json.dumps(bundle, ensure_ascii=False, separators=(",", ":"))


class _Maker:
    """Makes the resources of one patient; `issues` are references to the grave ones."""

    def __init__(self, patient_id: str, on: dt.date, codes: Codes) -> None:
        self.patient_id, self.on, self.codes = patient_id, on, codes
        self.subject = subject_of(patient_id)
        self.resources: list[Json] = []
        self.issues: list[Json] = []
        self.grave: list[Json] = []
        self._seen: Counter[tuple[str, ...]] = Counter()

    def _put(self, kind: str, name: tuple[str, ...], words: Sequence[str], content: Json) -> Json:
        """Keep a resource under an id made of its patient, kind and `name`; gives the reference to it."""
        self._seen[(kind, *name)] += 1
        identity = stable_id(self.patient_id, kind, *name, str(self._seen[(kind, *name)]))
        paragraphs = "".join(f"<p>{html.escape(line, quote=False)}</p>" for line in (*words, CAUTION) if line)
        narrative = f'<div xmlns="http://www.w3.org/1999/xhtml">{paragraphs}</div>'
        head = {"resourceType": kind, "id": str(identity), "meta": {"tag": [TAG]}}
        self.resources.append({**head, "text": {"status": "generated", "div": narrative}, **content})
        return {"reference": f"urn:uuid:{identity}", "type": kind}

    # -- findings -----------------------------------------------------------------------------

    def put_findings(self, findings: Sequence[Finding]) -> None:
        for finding in findings:
            severity = SEVERITY.get(finding.grade)
            if severity is not None:
                reference = self._issue(finding, severity)
                self.issues.append(reference)
                if severity == "high":
                    self.grave.append(reference)

    def _issue(self, finding: Finding, severity: str) -> Json:
        words = clean(finding.words)
        key = clean(finding.key) or f"{finding.grade.word} of the record"
        made: Json = {
            "status": "preliminary", "code": {"text": key}, "severity": severity, "patient": self.subject,
            "identifiedDateTime": self.on.isoformat(), "author": {"display": "her2path"},
        }  # fmt: skip
        if sources := references_of(finding.origins):
            made["implicated"] = sources
        told = list(_evidence_lines(finding))
        evidence: list[Json] = [{"code": [{"text": line}]} for line in told]
        if sources:
            evidence = [{**(evidence[0] if evidence else {}), "detail": sources}, *evidence[1:]]
        if evidence:
            made["evidence"] = evidence
        made["detail"] = words or key
        do = clean(finding.do)
        if finding.by is not None:
            do = f"{do} (by {finding.by})" if do else f"by {finding.by}"
        if do:
            made["mitigation"] = [{"action": {"text": do}}]
        name = (finding.key or finding.words, self.on.isoformat(), *map(short, finding.origins))
        return self._put("DetectedIssue", name, [f"{finding.grade.word}: {words}", do and f"do: {do}", *told], made)

    # -- plan ---------------------------------------------------------------------------------

    def put_plan(self, plan: Sequence[PlanItem], product: str | None, lvef_method: str) -> None:
        """Requests for the doses and LVEFs, and a CarePlan of all items; nothing where nothing is planned."""
        if not plan:
            return
        activities: list[Json] = []
        for item in plan:
            if item.kind == "dose":
                activities.append({"reference": self._medication(item, product)})
            elif item.kind == "echo":
                activities.append({"reference": self._service(item, lvef_method)})
            else:
                activities.append({"detail": _activity(item)})
        title = f"Plan of the HER2-directed therapy{f' ({clean(product)})' if product else ''}"
        made: Json = {
            "status": "draft", "intent": "proposal", "title": title, "description": CAUTION,
            "subject": self.subject, "created": self.on.isoformat(), "author": {"display": "her2path"},
        }  # fmt: skip
        days = [day for item in plan for day in window(item) if day is not None]
        if days:
            made["period"] = {"start": min(days).isoformat(), "end": max(days).isoformat()}
        if self.issues:
            made["supportingInfo"] = self.issues
        made["activity"] = activities
        told = [f"{when_of(item)}: {clean(item.what)}" for item in plan]
        self._put("CarePlan", (self.on.isoformat(),), [title, *told], made)

    def _request(self, item: PlanItem) -> Json:
        """What both kinds of request have."""
        return {
            "status": "draft", "intent": "proposal", "subject": self.subject, "authoredOn": self.on.isoformat(),
            "note": [{"text": line} for line in (*reasons_of(item.rows, item.citations), CAUTION)],
        }  # fmt: skip

    def _medication(self, item: PlanItem, in_hand: str | None) -> Json:
        product = drug_of(item) or in_hand
        drug = clean(product or "") or clean(item.what) or "HER2-directed drug, not named"
        made = {
            **self._request(item), "medicationCodeableConcept": {"text": drug},
            "dosageInstruction": [_dosage(item, product)],
        }  # fmt: skip
        if self.grave:
            made["detectedIssue"] = self.grave
        return self._put("MedicationRequest", ("dose", drug, *_days(item)), list(lines_of(item)), made)

    def _service(self, item: PlanItem, lvef_method: str) -> Json:
        code: Json = {"text": clean(item.what) or "LVEF"}
        if codings := list(self._codings(lvef_method)):
            code = {"coding": codings, **code}
        made = {**self._request(item), "code": code}
        first, last = window(item)
        if first or last:
            made["occurrencePeriod"] = _period(first, last)
        return self._put("ServiceRequest", ("echo", *_days(item)), list(lines_of(item)), made)

    def _codings(self, lvef_method: str) -> Iterator[Json]:
        """The codes that the code tables know; an LVEF by another method never becomes an order for an echo."""
        known = self.codes.therapy
        if lvef_method in ("", METHODS[0], "echo") and (
            ECHOCARDIOGRAPHY in known.measures or ECHOCARDIOGRAPHY in known.claims
        ):
            yield _coding(ECHOCARDIOGRAPHY)
        measure = known.measures.get(LVEF)
        if measure is not None and measure.fact == "lvef":
            yield _coding(LVEF)


def drug_of(item: PlanItem) -> str:
    """The product that a dose names before its amount, which need not be the one in hand; "" where it names none."""
    match = _DRUG.search(item.what)
    return match[1] if match else ""


def subject_of(patient_id: str) -> Json:
    """The patient: by reference where her id can be one of FHIR, else by identifier."""
    if _ID.fullmatch(patient_id):
        return {"reference": f"Patient/{patient_id}"}
    return {"type": "Patient", "identifier": {"value": clean(patient_id) or "unknown"}}


def references_of(origins: Sequence[str]) -> list[Json]:
    """The resources of the record that origins name, each once; rows of a table are no resources."""
    found = (_ORIGIN.search(origin) for origin in origins)
    return [{"reference": name} for name in dict.fromkeys(match[1] for match in found if match)]


def _evidence_lines(finding: Finding) -> Iterator[str]:
    yield from reasons_of(finding.rows, finding.citations)
    if finding.facts:
        yield clean("facts: " + ", ".join(f"{name} {value}" for name, value in finding.facts))
    if finding.settle:
        yield clean("would settle it: " + settle_words(finding.settle))
    if others := [short(origin) for origin in finding.origins if not _ORIGIN.search(origin)]:
        yield clean("from: " + ", ".join(others))


def _activity(item: PlanItem) -> Json:
    """An item that asks for nothing but attention: a hold, the end of the year, contraception, a test."""
    made: Json = {"code": {"text": clean(item.kind)}, "status": "not-started"}
    first, last = window(item)
    if first or last:
        made["scheduledPeriod"] = _period(first, last)
    else:
        made["scheduledString"] = when_of(item)
    return {**made, "description": "\n".join(lines_of(item))}


def _dosage(item: PlanItem, product: str | None) -> Json:
    made: Json = {"text": "; ".join([clean(item.what), when_of(item), *details_of(item)])}
    first, last = window(item)
    timing: Json = {}
    repeat: Json = {}
    if last is not None and first != last:
        repeat["boundsPeriod"] = _period(first, last)
    elif first is not None:
        timing["event"] = [first.isoformat()]
    if minutes := _MINUTES.fullmatch(item.details.get("infusion_minutes", "")):
        repeat["duration"] = int(minutes[1])
        if minutes[2]:
            repeat["durationMax"] = int(minutes[2])
        repeat["durationUnit"] = "min"
    if repeat:
        timing["repeat"] = repeat
    if timing:
        made["timing"] = timing
    if route := ROUTES.get((product or "").rpartition("-")[2]):
        made["route"] = {"text": route}
    dose = item.details.get("dose_mg", "")
    if _NUMBER.fullmatch(dose):
        made["doseAndRate"] = [{"doseQuantity": {"value": float(dose) if "." in dose else int(dose), **UNIT}}]
    return made


def _period(first: dt.date | None, last: dt.date | None) -> Json:
    days = (("start", first), ("end", last))
    return {name: day.isoformat() for name, day in days if day is not None}


def _days(item: PlanItem) -> tuple[str, ...]:
    return tuple(str(day) for day in window(item) if day is not None)


def _coding(key: tuple[str, str]) -> Json:
    return {"system": ADDRESSES[key[0]], "code": key[1]}
