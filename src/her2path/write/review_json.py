"""A review as JSON: one document, a patient a line."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

from ..findings.reviews import PatientReview, SpecimenReview
from ..findings.summary import Summary, her2_group, therapy_group, verdict_group
from ..record.event import Trouble
from .caution import CAUTION
from .course_text import course_json
from .formats import BESIDE, WITHIN, Format

MOST_TOLD = 1000
"""Of what could not be read: a source of a million broken lines must not fill the memory."""


class JsonFormat(Format):
    """`{"patients": [...], "summary": ..., "not_read": [...], "caution": ...}`."""

    name = "json"
    suffixes = (".json",)
    between = ","
    manifest_place = WITHIN

    def __init__(self, on: dt.date) -> None:
        super().__init__(on)
        self.not_read: list[dict[str, str]] = []

    def begin(self) -> str:
        return '{"patients": ['

    def patient(self, review: PatientReview) -> str:
        return "\n" + json.dumps(patient_json(review), ensure_ascii=False)

    def trouble(self, trouble: Trouble) -> str:
        """Nothing here: it stands at the end, and is told on standard error at once."""
        if len(self.not_read) < MOST_TOLD:
            self.not_read.append({"kind": str(trouble.kind), "where": trouble.where, "what": trouble.what})
        return ""

    def end(self, summary: Summary) -> str:
        manifest = {"manifest": dict(self.manifest)} if self.manifest is not None else {}
        closing = {"summary": summary.as_json(), "not_read": self.not_read, **manifest, "caution": CAUTION}
        return "\n], " + json.dumps(closing, ensure_ascii=False)[1:] + "\n"


class LinesFormat(Format):
    """A patient a line, each as in `JsonFormat`; troubles and the summary go to standard error."""

    name = "ndjson"
    suffixes = (".jsonl",)
    manifest_place = BESIDE

    def patient(self, review: PatientReview) -> str:
        return json.dumps(patient_json(review), ensure_ascii=False) + "\n"


def patient_json(patient: PatientReview) -> dict[str, Any]:
    """One patient's review as JSON; decisions as `her2path decide --json` has them."""
    return {
        "patient": patient.patient, "where": patient.where,
        **({"carried": dict(patient.carried)} if patient.carried else {}),
        "tumour_site": patient.site,
        "her2_status": patient.status, "her2_recorded": patient.recorded or None, "possible": list(patient.possible),
        "her2_expression": patient.expression,
        "rule": patient.rule,
        "her2_group": her2_group(patient), "therapy_group": therapy_group(patient),
        "verdict_group": verdict_group(patient),
        "specimens": [_specimen_json(specimen) for specimen in patient.specimens],
        "findings": [finding.as_json() for finding in patient.findings],
        "course": course_json(patient.course) if patient.course is not None else None,
    }  # fmt: skip


def _specimen_json(specimen: SpecimenReview) -> dict[str, Any]:
    decisions = [specimen.status, specimen.expression, specimen.next_step]
    return {
        "specimen": specimen.name, "date": specimen.day or None, "specimen_kind": specimen.kind or None,
        "place": specimen.place or None,
        "tests": [{"fact": fact, "said": said, "from": origin} for fact, said, origin in specimen.tests],
        "decisions": {decision.outcome: decision.as_json() for decision in decisions if decision is not None},
        "findings": [finding.as_json() for finding in specimen.findings],
    }  # fmt: skip
