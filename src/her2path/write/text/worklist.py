"""Many patients as a worklist: the most urgent first, a line each, then how many of each verdict and grade.

One patient alone is told in full. The rows of all patients are held until the end, some hundred bytes each.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TextIO

from ...facts.value import Json
from ...findings.finding import Grade
from ...findings.patient import Reviewed
from ...findings.plan.verdicts import URGENCY
from ...findings.reviews import PatientReview
from ...findings.summary import Summary
from ...record.event import Trouble
from ..caution import CAUTION
from ..formats import Beside
from ..plain import plain
from ..review_text import STANDING, short_text, trouble_text
from .colours import by_severity, in_colour
from .first_lines import all_findings, called, her2_words, reason_words, to_do_words
from .page import PAGE_WIDTH

NO_COURSE = "-"
"""The verdict of who has no course."""
ORDER = (*URGENCY, NO_COURSE)
QUIET = ("GIVE", "NOTHING DUE")
"""Verdicts whose reason does not say what is to be done meanwhile."""
PLACE_OF_GRADE = {grade.word: grade.value for grade in Grade}


@dataclass(frozen=True, slots=True)
class Row:
    """One patient: her verdict, the drug, why, the day of the next dose, how many findings of each grade.

    `standing` is what holds for everybody of a run; `text` the review of a patient told alone, where it was asked for.
    """

    patient: str
    verdict: str
    drug: str
    reason: str
    day: str
    grades: tuple[tuple[str, int], ...]
    standing: tuple[str, ...] = ()
    text: str = ""


def row_of(review: PatientReview, with_text: bool = False) -> Row:
    """The row of one patient."""
    findings = all_findings(review)
    grades = tuple(Counter(finding.grade.word for finding in findings).items())
    standing = tuple(dict.fromkeys(finding.words for finding in findings if finding.name in STANDING))
    text = short_text(review) if with_text else ""
    course = review.course
    if course is None or not course.verdicts:
        return Row(review.patient, NO_COURSE, "", her2_words(review), "", grades, standing, text)
    first = course.verdicts[0]
    reason, to_do = reason_words(course.standing, first), to_do_words(review)
    if not first.drug:  # no drug is in play: the tumour is told
        reason = f"{reason}; {her2_words(review)}"
    if first.verdict in QUIET and to_do:
        reason = f"{reason}; do: {to_do}"
    return Row(
        review.patient, first.verdict, called(course.standing, first.drug), reason,
        first.day.isoformat() if first.day else "", grades, standing, text,
    )  # fmt: skip


def urgency(row: Row) -> tuple[int, int, str, str]:
    """What a worklist is sorted by: the verdict, the gravest finding, the day, the patient."""
    gravest = min((PLACE_OF_GRADE[grade] for grade, _ in row.grades), default=Grade.NOTE.value)
    return ORDER.index(row.verdict), gravest, row.day or "9999", row.patient


class Worklist:
    """Takes batches in the order of the source, and writes the worklist at the end."""

    def __init__(self, stream: TextIO, beside: Sequence[Beside] = (), colours: bool = False) -> None:
        self.stream, self.beside, self.colours = stream, beside, colours
        self.rows: list[Row] = []

    def batch(self, reviewed: Reviewed) -> list[Row]:
        """The rows of a batch. In any process."""
        rows = []
        for place, review in enumerate(reviewed):
            for other in self.beside:
                other.patient(review)
            rows.append(row_of(review, with_text=place == 0))
        return rows

    def put(self, item: list[Row] | Trouble) -> None:
        """Keep the rows of a batch; what belongs to no patient is written at once."""
        if isinstance(item, Trouble):
            self.stream.write(trouble_text(item) + "\n")
        else:
            self.rows += item

    def add(self, review: PatientReview) -> None:
        """Keep the row of one patient."""
        self.rows.append(row_of(review, with_text=not self.rows))

    def finish(self, summary: Summary, manifest: Mapping[str, Json] | None = None) -> None:  # noqa: ARG002
        """Write the patients, the most urgent first, and the counts; a text has no place for a manifest."""
        if len(self.rows) == 1:
            text = by_severity(self.rows[0].text) if self.colours else self.rows[0].text
            lines = [text, *self._not_read(summary), *self._standing(), CAUTION]
            self.stream.write("\n".join(lines) + "\n")
            return
        if self.rows:
            for line in self._lines():
                self.stream.write(line + "\n")
        self.stream.write(self._counts(summary) + "\n")

    def _lines(self) -> Sequence[str]:
        rows = sorted(self.rows, key=urgency)
        verdict_width = max(len(row.verdict) for row in rows)
        patient_width = min(max(len(plain(row.patient)) for row in rows), PAGE_WIDTH // 4)
        lines = []
        for row in rows:
            verdict = f"{row.verdict:<{verdict_width}}"
            if self.colours:
                verdict = in_colour(row.verdict, verdict)
            drug = f"{row.drug}: " if row.drug else ""
            lines.append(f"{verdict}  {plain(row.patient):<{patient_width}}  {row.day:<10}  {plain(drug + row.reason)}")
        return lines

    def _counts(self, summary: Summary) -> str:
        verdicts = Counter(row.verdict for row in self.rows)
        grades: Counter[str] = Counter()
        with_grade: Counter[str] = Counter()
        for row in self.rows:
            grades.update(dict(row.grades))
            with_grade.update(grade for grade, _ in row.grades)
        lines = [f"{len(self.rows)} patients"]
        width = len(str(len(self.rows)))
        for name in ORDER:
            if verdicts[name]:
                lines.append(f"  {verdicts[name]:>{width}}  {'no course' if name == NO_COURSE else name}")
        lines.append("findings")
        for grade in Grade:
            if grades[grade.word]:
                lines.append(f"  {grades[grade.word]} {grade.word} in {with_grade[grade.word]} patients")
        lines += self._not_read(summary)
        hint = "--patient ID opens one; --why gives every reason."
        return "\n".join(["", *lines, *self._standing(), hint, CAUTION])

    @staticmethod
    def _not_read(summary: Summary) -> list[str]:
        return [f"{summary.troubles} pieces could not be read; they are told above"] if summary.troubles else []

    def _standing(self) -> list[str]:
        """What holds for everybody, said once."""
        listed = dict.fromkeys(words for row in self.rows for words in row.standing)
        return [f"{words[:1].upper()}{words[1:]}." for words in listed]
