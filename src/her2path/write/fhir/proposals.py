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
from functools import cache

from ...facts.codes import Codes, read_codes
from ...findings.finding import Finding, Grade, in_order
from ...findings.plan.items import PlanItem
from ...findings.plan.verdicts import Verdict
from ...findings.reviews import PatientReview
from ...read.fhir.readers import RESOURCE_TYPES
from ...record.columns import METHODS
from ..caution import CAUTION
from ..course_text import short
from ..formats import Format
from ..plan_words import PROJECT, clean, date_words, details_of, lines_of, reasons_of, stable_id, window
from ..table_text import settle_words
from .codes import ADDRESSES, Json

TAG = {"system": f"{PROJECT}/fhir/tag", "code": "unreviewed-decision-support", "display": CAUTION}
SEVERITY = {
    Grade.ALARM: "high",
    Grade.ACT: "high",
    Grade.CONTRADICTION: "moderate",
    Grade.DUE: "moderate",
    Grade.MISSING: "low",
}
"""The grades that become issues; what was unreadable or is only a note stays with the report."""

LVEF_CODE = ("LOINC", "10230-1")
ECHOCARDIOGRAPHY = ("SNOMED", "40701008")
MG_UNIT = {"unit": "mg", "system": "http://unitsofmeasure.org", "code": "mg"}
ROUTE_WORDS = {"iv": "intravenous", "sc": "subcutaneous"}
"""The last part of a product's key, where it says the route."""

_ID = re.compile(r"[A-Za-z0-9.-]{1,64}")
_NUMBER = re.compile(r"\d{1,6}(\.\d{1,6})?")
_MINUTES = re.compile(r"(\d+)(?: to (\d+))?(?: minutes)?")


class FhirFormat(Format):
    """A Bundle of proposals a patient, one a line; what could not be read and the summary are told elsewhere."""

    name = "fhir"
    suffixes = (".ndjson",)

    def patient(self, review: PatientReview) -> str:
        return bundle_line(review_bundle(review, self.on)) + "\n"


def review_bundle(review: PatientReview, on: dt.date) -> Json:
    """The Bundle of a patient's review: her findings, those of her specimens and of her course, and the plan."""
    findings, course = in_order(review.every_finding()), review.course
    if course is None:
        return patient_bundle(review.patient, findings, (), on)
    state = course.standing.state
    return patient_bundle(
        review.patient,
        findings,
        course.plan,
        on,
        course.standing.product,
        METHODS[max(0, state.get("lvef_method", 0))],
        verdicts=course.verdicts,
    )


def patient_bundle(
    patient_id: str,
    findings: Sequence[Finding],
    plan: Sequence[PlanItem],
    on: dt.date,
    product: str | None = None,
    lvef_method: str = "",
    codes: Codes | None = None,
    verdicts: Sequence[Verdict] = (),
) -> Json:
    """A collection Bundle of proposals, as of the day `on`; without entries where there is nothing to say.

    `product` is the HER2-directed drug in hand, `lvef_method` how the last LVEF was taken; `codes` are those
    that ship unless others are given. `verdicts` stand in the description of the plan.
    """
    maker = _Maker(patient_id, on, codes or read_codes())
    maker.put_findings(findings)
    maker.put_plan(plan, product, lvef_method, verdicts)
    bundle: Json = {
        "resourceType": "Bundle",
        "id": str(stable_id(patient_id, "Bundle", on.isoformat())),
        "meta": {"tag": [TAG]},
        "identifier": {"system": f"{PROJECT}/fhir/review", "value": clean(f"{patient_id} {on}")},
        "type": "collection",
        "timestamp": f"{on}T00:00:00Z",
    }
    if maker.resources:
        bundle["entry"] = [
            {"fullUrl": f"urn:uuid:{resource['id']}", "resource": resource} for resource in maker.resources
        ]
    return bundle


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

    def put_findings(self, findings: Sequence[Finding]) -> None:
        """An issue for every finding whose grade has a severity."""
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
        issue: Json = {
            "status": "preliminary",
            "code": {"text": key},
            "severity": severity,
            "patient": self.subject,
            "identifiedDateTime": self.on.isoformat(),
            "author": {"display": "her2path"},
        }
        if sources := references_of(finding.origins):
            issue["implicated"] = sources
        evidence_lines = list(_evidence_lines(finding))
        evidence: list[Json] = [{"code": [{"text": line}]} for line in evidence_lines]
        if sources:
            evidence = [{**(evidence[0] if evidence else {}), "detail": sources}, *evidence[1:]]
        if evidence:
            issue["evidence"] = evidence
        issue["detail"] = words or key
        do = clean(finding.do)
        if finding.by is not None:
            do = f"{do} (by {finding.by})" if do else f"by {finding.by}"
        if do:
            issue["mitigation"] = [{"action": {"text": do}}]
        name = (finding.key or finding.words, self.on.isoformat(), *map(short, finding.origins))
        return self._put(
            "DetectedIssue", name, [f"{finding.grade.word}: {words}", do and f"do: {do}", *evidence_lines], issue
        )

    def put_plan(
        self, plan: Sequence[PlanItem], product: str | None, lvef_method: str, verdicts: Sequence[Verdict] = ()
    ) -> None:
        """Requests for the doses and LVEFs, and a CarePlan of all items with the verdicts; nothing where neither is."""
        if not plan and not verdicts:
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
        care_plan: Json = {
            "status": "draft",
            "intent": "proposal",
            "title": title,
            "description": "\n".join([*map(_verdict_line, verdicts), CAUTION]),
            "subject": self.subject,
            "created": self.on.isoformat(),
            "author": {"display": "her2path"},
        }
        days = [day for item in plan for day in window(item) if day is not None]
        if days:
            care_plan["period"] = {"start": min(days).isoformat(), "end": max(days).isoformat()}
        if self.issues:
            care_plan["supportingInfo"] = self.issues
        if activities:
            care_plan["activity"] = activities
        lines = [title, *map(_verdict_line, verdicts), *(f"{date_words(item)}: {clean(item.what)}" for item in plan)]
        self._put("CarePlan", (self.on.isoformat(),), lines, care_plan)

    def _request(self, item: PlanItem) -> Json:
        """What both kinds of request have."""
        return {
            "status": "draft",
            "intent": "proposal",
            "subject": self.subject,
            "authoredOn": self.on.isoformat(),
            "note": [{"text": line} for line in (*reasons_of(item.rows, item.citations), CAUTION)],
        }

    def _medication(self, item: PlanItem, in_hand: str | None) -> Json:
        product = item.drug or in_hand
        drug = clean(product or "") or clean(item.what) or "HER2-directed drug, not named"
        request = {
            **self._request(item),
            "medicationCodeableConcept": {"text": drug},
            "dosageInstruction": [_dosage(item, product)],
        }
        if self.grave:
            request["detectedIssue"] = self.grave
        return self._put("MedicationRequest", ("dose", drug, *_days(item)), list(lines_of(item)), request)

    def _service(self, item: PlanItem, lvef_method: str) -> Json:
        code: Json = {"text": clean(item.what) or "LVEF"}
        if codings := list(self._codings(lvef_method)):
            code = {"coding": codings, **code}
        request = {**self._request(item), "code": code}
        first, last = window(item)
        if first or last:
            request["occurrencePeriod"] = _period(first, last)
        return self._put("ServiceRequest", ("echo", *_days(item)), list(lines_of(item)), request)

    def _codings(self, lvef_method: str) -> Iterator[Json]:
        """The codes that the code tables know; an LVEF by another method never becomes an order for an echo."""
        known = self.codes.therapy
        if lvef_method in ("", METHODS[0], "echo") and (
            ECHOCARDIOGRAPHY in known.measures or ECHOCARDIOGRAPHY in known.claims
        ):
            yield _coding(ECHOCARDIOGRAPHY)
        measure = known.measures.get(LVEF_CODE)
        if measure is not None and measure.fact == "lvef":
            yield _coding(LVEF_CODE)


def subject_of(patient_id: str) -> Json:
    """The patient: by reference where her id can be one of FHIR, else by identifier."""
    if _ID.fullmatch(patient_id):
        return {"reference": f"Patient/{patient_id}"}
    return {"type": "Patient", "identifier": {"value": clean(patient_id) or "unknown"}}


def references_of(origins: Sequence[str]) -> list[Json]:
    """The resources of the record that origins name, each once; rows of a table are no resources."""
    pattern = _origin_pattern()
    matches = (pattern.search(origin) for origin in origins)
    return [{"reference": name} for name in dict.fromkeys(match[1] for match in matches if match)]


def _origin_pattern() -> re.Pattern[str]:
    return _pattern_of(len(RESOURCE_TYPES))  # those of a reader join when it is loaded


@cache
def _pattern_of(_known: int) -> re.Pattern[str]:
    """Where an origin ends with a resource that is referred to, and what of it is the reference."""
    names = [known.name for known in RESOURCE_TYPES.values() if known.is_referred_to]
    return re.compile(rf"(?:^|\s)((?:{'|'.join(map(re.escape, names))})/[A-Za-z0-9.-]{{1,64}})(?:#.*)?$")


def _verdict_line(verdict: Verdict) -> str:
    drug = f" {verdict.drug}" if verdict.drug else ""
    condition = f" ({verdict.condition})" if verdict.condition else ""
    return clean(f"{verdict.verdict}{drug}: {verdict.reason}{condition}")


def _evidence_lines(finding: Finding) -> Iterator[str]:
    yield from reasons_of(finding.rows, finding.citations)
    if finding.facts:
        yield clean("facts: " + ", ".join(f"{name} {value}" for name, value in finding.facts))
    if finding.settle:
        yield clean("would settle it: " + settle_words(finding.settle))
    if others := [short(origin) for origin in finding.origins if not _origin_pattern().search(origin)]:
        yield clean("from: " + ", ".join(others))


def _activity(item: PlanItem) -> Json:
    """An item that asks for nothing but attention: a hold, the end of the year, contraception, a test."""
    activity: Json = {"code": {"text": clean(item.kind)}, "status": "not-started"}
    first, last = window(item)
    if first or last:
        activity["scheduledPeriod"] = _period(first, last)
    else:
        activity["scheduledString"] = date_words(item)
    return {**activity, "description": "\n".join(lines_of(item))}


def _dosage(item: PlanItem, product: str | None) -> Json:
    dosage: Json = {"text": "; ".join([clean(item.what), date_words(item), *details_of(item)])}
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
        dosage["timing"] = timing
    if route := ROUTE_WORDS.get((product or "").rpartition("-")[2]):
        dosage["route"] = {"text": route}
    dose = item.details.get("dose_mg", "")
    if _NUMBER.fullmatch(dose):
        dosage["doseAndRate"] = [{"doseQuantity": {"value": float(dose) if "." in dose else int(dose), **MG_UNIT}}]
    return dosage


def _period(first: dt.date | None, last: dt.date | None) -> Json:
    days = (("start", first), ("end", last))
    return {name: day.isoformat() for name, day in days if day is not None}


def _days(item: PlanItem) -> tuple[str, ...]:
    return tuple(str(day) for day in window(item) if day is not None)


def _coding(key: tuple[str, str]) -> Json:
    return {"system": ADDRESSES[key[0]], "code": key[1]}
