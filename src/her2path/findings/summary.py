"""Counts over all patients of a review, the same whatever is written of them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import numpy as np

from ..facts.value import Json
from ..tables.decision import Decision
from .finding import Grade
from .patient import Reviewed
from .plan.verdicts import NOT_KNOWN
from .reviews import PatientReview
from .specimen.review import OTHER

NO_COURSE = "no course"
"""The therapy and the verdict of a patient of whom no course is told."""
NOT_TESTED = "not tested"


@dataclass(slots=True)
class Summary:
    """Counts over all patients reviewed; of therapy and verdicts everybody is counted once."""

    patients: int = 0
    without_tests: int = 0
    specimens: int = 0
    status: Counter[str] = field(default_factory=Counter)
    expression: Counter[str] = field(default_factory=Counter)
    why_undetermined: Counter[str] = field(default_factory=Counter)
    findings: Counter[str] = field(default_factory=Counter)
    editions: Counter[str] = field(default_factory=Counter)
    therapy: Counter[str] = field(default_factory=Counter)
    verdicts: Counter[str] = field(default_factory=Counter)
    """On the drug in hand, before the start on the one ordered."""
    mapped: Counter[str] = field(default_factory=Counter)
    """How many resources or rows were read by each entry of the site's mapping."""
    troubles: int = 0
    in_use: set[str] = field(default_factory=set)
    """The editions that decided anything, of tests or courses; known of batches alone."""

    def add(self, patient: PatientReview) -> None:
        """Count one patient."""
        self.troubles += patient.unread
        self.therapy[therapy_group(patient)] += 1
        self.verdicts[verdict_group(patient)] += 1
        for finding in patient.every_finding():
            self.findings[finding.grade.word] += 1
        self._add_tests(patient, 1)

    def add_all(self, reviewed: Reviewed) -> None:
        """Count a batch."""
        self.troubles += sum(
            trouble.kind == "unreadable" for troubles in reviewed.record.troubles.values() for trouble in troubles
        )
        for rows in reviewed.rows():
            if len(rows.patients):
                self.findings[rows.saying.grade.word] += len(rows.patients)
        without = len(reviewed) - (int(reviewed.courses.mine.sum()) if reviewed.courses is not None else 0)
        if without:
            self.therapy[NO_COURSE] += without
            self.verdicts[NO_COURSE] += without
        if reviewed.courses is not None:
            words = reviewed.courses.reasons.words
            for parts in reviewed.courses.reasons.asker.answers.values():
                self.in_use.update(answers.edition.key for answers in parts if len(answers.asked))
            mine = np.flatnonzero(reviewed.courses.mine)
            self.therapy.update(words.column("therapy_phase", mine))
            names = [NOT_KNOWN, *reviewed.courses.reasons.course.rules.knowledge.facts["verdict"].values]
            counts_of = np.bincount(reviewed.courses.verdict_places()[mine], minlength=len(names)).tolist()
            self.verdicts.update({name: count for name, count in zip(names, counts_of, strict=True) if count})
        if reviewed.mapping is not None:
            self.mapped.update(reviewed.mapping.told(reviewed.record.met()))
        counts = np.bincount(reviewed.tested.places, minlength=len(reviewed.tested.reviews)).tolist()
        for review, count in zip(reviewed.tested.reviews, counts, strict=True):
            if count:  # kinds of other batches are kept too
                self._add_tests(review, count)

    def _add_tests(self, patient: PatientReview, count: int) -> None:
        """Count the tests of so many patients that are alike."""
        self.patients += count
        group = her2_group(patient)
        if group == NOT_TESTED:
            self.without_tests += count
        else:
            self.status[group] += count
        if not patient.has_tests:
            return
        if patient.site == "breast":
            self.expression[patient.expression or "undetermined"] += count
        for specimen in patient.specimens:
            self.specimens += count
            self.editions[specimen.status.edition.key] += count
            self.in_use.add(specimen.status.edition.key)
            if specimen.status.value is None:
                self.why_undetermined[why_undetermined(specimen.status)] += count

    def merge(self, other: Summary) -> None:
        """Add the counts of other patients."""
        for name in ("patients", "without_tests", "specimens", "troubles"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        for name in (
            "status",
            "expression",
            "why_undetermined",
            "findings",
            "editions",
            "therapy",
            "verdicts",
            "mapped",
        ):
            getattr(self, name).update(getattr(other, name))
        self.in_use |= other.in_use

    def as_json(self) -> dict[str, Json]:
        mapped: dict[str, Json] = {"read_by_mapping": _by_count(self.mapped)} if self.mapped else {}
        return {
            "patients": self.patients, "without_her2_tests": self.without_tests, "specimens": self.specimens,
            "her2_status": _by_count(self.status), "her2_expression": _by_count(self.expression),
            "undetermined_because": _by_count(self.why_undetermined), "therapy": _by_count(self.therapy),
            "verdicts": _by_count(self.verdicts),
            "findings": {grade.word: self.findings[grade.word] for grade in Grade if self.findings[grade.word]},
            "editions": _by_count(self.editions),
            "not_read": self.troubles, **mapped,
        }  # fmt: skip


def _by_count(counter: Counter[str]) -> dict[str, Json]:
    """The most frequent first; of equal ones the first in the alphabet, whoever came first."""
    return {word: counter[word] for word in sorted(counter, key=lambda word: (-counter[word], word))}


def her2_group(patient: PatientReview) -> str:
    """Among which patients one is counted by HER2: her status, or why she has none."""
    if patient.has_tests:
        return patient.status or "undetermined"
    if patient.site == OTHER and patient.rule != "no specimen":
        return "no rules for the organ"
    if patient.recorded:
        return f"recorded as {patient.recorded}, by no test named"
    return "recorded, and could not be read" if patient.unknown_tests else NOT_TESTED


def therapy_group(patient: PatientReview) -> str:
    """Among which patients one is counted by therapy: the phase of her course, or that she has none."""
    return NO_COURSE if patient.course is None else patient.course.standing.text("therapy_phase")


def verdict_group(patient: PatientReview) -> str:
    """Among which patients one is counted by the verdict on the drug in hand."""
    if patient.course is None:
        return NO_COURSE
    return patient.course.standing.outcomes.get("verdict", NOT_KNOWN)


def why_undetermined(decision: Decision) -> str:
    """Why a status is undetermined, for counting: the reasons and the facts of the shortest way out."""
    if decision.contradictory:
        return "the facts contradict each other"
    sets = decision.would_settle
    names = min(sets, key=len) if sets else ()
    unknown = decision.given.unknown
    parts = [f"{name} {unknown[name].reason if name in unknown else 'not reported'}" for name in names]
    return " and ".join(parts) or "nothing known would settle it"
