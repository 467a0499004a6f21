"""The formats of a review."""

from __future__ import annotations

import datetime as dt
import json
import sys
from pathlib import Path
from typing import TextIO

from ..findings.finding import CourseReview, PatientReview
from ..findings.summary import Summary
from ..record.event import Trouble
from .caution import CAUTION
from .review_text import patient_json, patient_text, summary_text, trouble_text

MOST_TOLD = 1000


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
            from .fhir.proposals import bundle_line, review_bundle

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
