"""A review as text and as JSON, one patient at a time, with a summary at the end."""

from __future__ import annotations

import datetime as dt
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO
from weakref import WeakKeyDictionary

from ..array import Array
from ..axis import Code
from ..decision import Decision
from ..finding import CourseReview, Finding, PatientReview, SpecimenReview
from ..record import Trouble
from ..review import OTHER, Summary
from .course import course_json, course_lines
from .text import outcome_words, paragraph

MOST_TOLD = 1000
CAUTION = "The rules are unreviewed by clinicians. This supports decisions; it is not a medical device."


def patient_text(patient: PatientReview) -> str:
    """Everything a review says of one patient."""
    status = patient.status or ("undetermined" if patient.has_tests or patient.site == OTHER else "not tested")
    if patient.status is None and patient.possible:
        status += f" ({' or '.join(patient.possible)})"
    lines = [
        f"Patient {patient.patient}  [{patient.where}]",
        f"  HER2 status: {status}  ({patient.rule}; {patient.site})",
    ]
    for specimen in patient.specimens:
        lines += _specimen_lines(specimen)
    lines += [line for finding in patient.findings for line in _finding_lines(finding, "  ")]
    if patient.course is not None:
        lines += course_lines(patient.course)
    return "\n".join(lines) + "\n"


def _specimen_lines(specimen: SpecimenReview) -> Iterator[str]:
    about = ", ".join(filter(None, (specimen.kind, specimen.place)))
    day = f", {specimen.day}" if specimen.day and specimen.day not in specimen.name else ""
    yield f"  Specimen {specimen.name}{f' ({about})' if about else ''}{day}"
    for fact, said, origin in specimen.tests:
        yield f"    test        {fact} {said!r}  [{_last(origin)}]"
    yield _told(specimen.status)
    if specimen.expression is not None:
        yield _told(specimen.expression)
    for remark in specimen.status.remarks:
        yield paragraph(f"remark: {remark}", "    ")
    for finding in specimen.findings:
        yield from _finding_lines(finding, "    ")


_told_of: WeakKeyDictionary[Array, dict[tuple[Code, ...], str]] = WeakKeyDictionary()
"""The lines of each combination of bins, so that they are put together once."""


def _told(decision: Decision) -> str:
    """A decision on one line with its edition, and its rows each on their own with the citation."""
    of_array = _told_of.setdefault(decision.array, {})
    told = of_array.get(decision.codes)
    if told is None:
        label = decision.outcome.removeprefix("her2_")
        lines = [f"    {label:<11} {outcome_words(decision)}  (by {decision.edition.key})"]
        for reference in decision.references:
            if decision.outcome in (reference.outcome, "her2_status"):
                cited = "; ".join(map(str, reference.row.citations))
                lines.append(f"                row {reference.name} => {reference.row.outcome_text()}  [{cited}]")
        told = of_array[decision.codes] = "\n".join(lines)
    return told


def _finding_lines(finding: Finding, indent: str) -> Iterator[str]:
    origins = f"  [{', '.join(_last(origin) for origin in finding.origins)}]" if finding.origins else ""
    yield f"{indent}{finding.grade.word}: {finding.words}{origins}"


def _last(origin: str) -> str:
    """An origin without its file: the entry and the resource."""
    return origin.split(" ", 1)[-1]


def patient_json(patient: PatientReview) -> dict[str, Any]:
    """One patient's review as JSON; decisions as `her2path decide --json` has them."""
    return {
        "patient": patient.patient, "where": patient.where, "tumour_site": patient.site,
        "her2_status": patient.status, "possible": list(patient.possible), "her2_expression": patient.expression,
        "rule": patient.rule,
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


def trouble_text(trouble: Trouble) -> str:
    return paragraph(f"not read: {trouble}")


def summary_text(summary: Summary) -> str:
    """The counts over all patients, as the last lines of a review."""
    told = summary.as_json()
    lines = [
        f"{told['patients']} patients, {told['specimens']} specimens; {told['without_her2_tests']} without a HER2 test"
    ]
    for name in ("her2_status", "her2_expression", "undetermined_because", "therapy", "findings", "editions"):
        if told[name]:
            lines.append(f"  {name.replace('_', ' ')}")
            width = max(len(str(count)) for count in told[name].values())
            lines += [f"    {count:>{width}}  {words}" for words, count in told[name].items()]
    if told["not_read"]:
        lines.append(f"  {told['not_read']} pieces could not be read; they are told above")
    return "\n".join([*lines, CAUTION])


class Writer:
    """Writes a review as it goes: text, or one JSON document with a patient a line."""

    def __init__(
        self, stream: TextIO, form: str, summary_only: bool = False, calendar: Path | None = None,
        on: dt.date | None = None,
    ) -> None:  # fmt: skip
        self.on = on or dt.date.today()
        self.stream = stream
        self.form = form
        self.is_json = form == "json"
        self.calendar = calendar
        if calendar is not None:
            from .calendar import calendar_of

            calendar_of("nobody", [], dt.date.today())  # says at once where the package for it is missing
            calendar.mkdir(parents=True, exist_ok=True)
        self.summary_only = summary_only
        self.written = 0
        self.not_read: list[dict[str, str]] = []
        if self.is_json:
            stream.write('{"patients": [')

    def render(self, patient: PatientReview) -> str:
        """One patient as this writer writes her; nothing where only the summary is asked for."""
        if self.calendar is not None and patient.course is not None and patient.course.plan:
            self._write_calendar(self.calendar, patient.patient, patient.course)
        if self.summary_only:
            return ""
        if self.form == "fhir":
            from .fhir import bundle_line, review_bundle

            return bundle_line(review_bundle(patient, self.on))
        return json.dumps(patient_json(patient), ensure_ascii=False) if self.is_json else patient_text(patient)

    @staticmethod
    def _write_calendar(folder: Path, patient: str, course: CourseReview) -> None:
        from .calendar import calendar_of, file_name

        (folder / file_name(patient)).write_bytes(calendar_of(patient, course.plan, course.standing.on))

    def put(self, item: str | Trouble) -> None:
        """Write one patient, or what belongs to none."""
        if isinstance(item, Trouble):
            if self.is_json and len(self.not_read) < MOST_TOLD:
                self.not_read.append({"kind": str(item.kind), "where": item.where, "what": item.what})
            print(trouble_text(item), file=self.stream if self.form == "text" else sys.stderr)
        elif not self.summary_only:
            before = (",\n" if self.written else "\n") if self.is_json else ""
            self.stream.write(f"{before}{item}" if self.is_json else f"{item}\n")
            self.written += 1

    def finish(self, summary: Summary) -> None:
        """Write the summary, and end the document."""
        if self.is_json:
            closing = {"summary": summary.as_json(), "not_read": self.not_read, "caution": CAUTION}
            self.stream.write("\n], " + json.dumps(closing, ensure_ascii=False)[1:] + "\n")
        else:
            (sys.stderr if self.form == "fhir" else self.stream).write(summary_text(summary) + "\n")
