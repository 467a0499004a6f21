"""Counts over all patients of a review."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from ..tables.decision import Decision
from .finding import PatientReview
from .patient import OTHER


@dataclass(slots=True)
class Summary:
    """Counts over all patients reviewed."""

    patients: int = 0
    without_tests: int = 0
    specimens: int = 0
    status: Counter[str] = field(default_factory=Counter)
    expression: Counter[str] = field(default_factory=Counter)
    why_undetermined: Counter[str] = field(default_factory=Counter)
    findings: Counter[str] = field(default_factory=Counter)
    editions: Counter[str] = field(default_factory=Counter)
    therapy: Counter[str] = field(default_factory=Counter)
    troubles: int = 0

    def add(self, patient: PatientReview) -> None:
        self.patients += 1
        self.troubles += patient.unread
        for finding in patient.findings:
            self.findings[finding.grade.word] += 1
        if patient.course is not None:
            for finding in patient.course.findings:
                self.findings[finding.grade.word] += 1
            self.therapy[patient.course.standing.text("therapy_phase")] += 1
        if not patient.has_tests:
            if patient.site == OTHER and patient.rule != "no specimen":
                self.status["no rules for the organ"] += 1
            else:
                self.without_tests += 1
            return
        self.status[patient.status or "undetermined"] += 1
        if patient.site == "breast":
            self.expression[patient.expression or "undetermined"] += 1
        for specimen in patient.specimens:
            self.specimens += 1
            self.editions[specimen.status.edition.key] += 1
            for finding in specimen.findings:
                self.findings[finding.grade.word] += 1
            if specimen.status.value is None:
                self.why_undetermined[why_undetermined(specimen.status)] += 1

    def merge(self, other: Summary) -> None:
        """Add the counts of other patients."""
        for name in ("patients", "without_tests", "specimens", "troubles"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        for name in ("status", "expression", "why_undetermined", "findings", "editions", "therapy"):
            getattr(self, name).update(getattr(other, name))

    def as_json(self) -> dict[str, Any]:
        return {
            "patients": self.patients, "without_her2_tests": self.without_tests, "specimens": self.specimens,
            "her2_status": dict(self.status.most_common()), "her2_expression": dict(self.expression.most_common()),
            "undetermined_because": dict(self.why_undetermined.most_common()),
            "therapy": dict(self.therapy.most_common()),
            "findings": dict(self.findings), "editions": dict(self.editions.most_common()),
            "not_read": self.troubles,
        }  # fmt: skip


def why_undetermined(decision: Decision) -> str:
    """Why a status is undetermined, for counting: the reasons and the facts of the shortest way out."""
    if decision.contradictory:
        return "the facts contradict each other"
    sets = decision.would_settle
    names = min(sets, key=len) if sets else ()
    unknown = decision.given.unknown
    parts = [f"{name} {unknown[name].reason if name in unknown else 'not reported'}" for name in names]
    return " and ".join(parts) or "nothing known would settle it"
