"""A review as text, one patient at a time, with a summary at the end."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from weakref import WeakKeyDictionary

from ..findings.finding import Finding
from ..findings.reviews import PatientReview, SpecimenReview
from ..findings.specimen.review import OTHER
from ..findings.summary import Summary
from ..record.event import Trouble
from ..tables.array import Array
from ..tables.axis import Code
from ..tables.decision import Decision
from .caution import CAUTION
from .course_text import course_lines, regimen_lines, short
from .formats import Format
from .plain import plain, plain_lines
from .table_text import outcome_words, paragraph, wrapped
from .text.first_lines import WIDTH, first_lines, in_words, other_findings

COUNTED = (
    "her2_status", "her2_expression", "undetermined_because", "therapy", "verdicts", "findings", "editions",
    "read_by_mapping",
)  # fmt: skip
"""The counts of a summary that are told in words, in this order."""


STANDING = ("limit of LVEF assumed",)
"""Doubts that hold for everybody of a run: they are told once, at its end."""


class WhyFormat(Format):
    """A review in words with every reason: tests, rows, sources and places in the record."""

    name = "text"
    suffixes = (".txt", ".text")

    def patient(self, review: PatientReview) -> str:
        return patient_text(review) + "\n"

    def trouble(self, trouble: Trouble) -> str:
        return trouble_text(trouble) + "\n"

    def end(self, summary: Summary) -> str:
        return summary_text(summary) + "\n"


class TextFormat(WhyFormat):
    """A review in words, for a person to act on: the first lines, then the other findings, a line each."""

    def patient(self, review: PatientReview) -> str:
        return short_text(review) + "\n"


class BriefFormat(WhyFormat):
    """The first lines of each patient alone: at most five, enough to act."""

    def patient(self, review: PatientReview) -> str:
        lines = [_head(review)]
        for line in first_lines(review):
            lines += wrapped(line, "  ", " " * WIDTH)
        return plain_lines(lines) + "\n"

    def end(self, summary: Summary) -> str:
        not_read = f"{summary.troubles} pieces could not be read; they are told above\n" if summary.troubles else ""
        return f"{not_read}{CAUTION}\n"


def _head(review: PatientReview) -> str:
    """The line above a patient: her name, where her record begins, and what is carried of her."""
    carried = "".join(f"  {name} {words}" for name, words in review.carried.items() if words)
    return f"Patient {review.patient}  [{review.where}]{carried}"


def short_text(review: PatientReview) -> str:
    """The first lines of one patient, then the other findings, the most urgent first, and the regimens that fit."""
    lines = [_head(review)]
    for line in first_lines(review):
        lines += wrapped(line, "  ", " " * WIDTH)
    for finding in other_findings(review, STANDING):
        lines += wrapped(f"{finding.grade.word}: {in_words(finding.words)}", "  ", "    ")
    if review.course is not None:
        lines += map(in_words, regimen_lines(review.course, "  "))
    return plain_lines(lines) + "\n"


def patient_text(patient: PatientReview) -> str:
    """Everything a review says of one patient, with every reason."""
    status = patient.status or _without_status(patient)
    if patient.status is None and patient.possible:
        status += f" ({' or '.join(patient.possible)})"
    lines = [
        _head(patient),
        f"  HER2 status: {status}  ({patient.rule}; {patient.site})",
    ]
    for specimen in patient.specimens:
        lines += _specimen_lines(specimen)
    lines += [line for finding in patient.findings for line in _finding_lines(finding, "  ")]
    if patient.course is not None:
        if patient.course.verdicts:
            lines += [f"  {line}" for line in first_lines(patient)]
        lines += course_lines(patient.course)
    return plain_lines(lines) + "\n"


def _without_status(patient: PatientReview) -> str:
    """What is said in place of a status."""
    if patient.has_tests or (patient.site == OTHER and patient.rule != "no specimen"):
        return "undetermined"
    if patient.recorded:
        return f"recorded as {patient.recorded}, by no test named"
    if patient.unknown_tests:
        return "unknown: what is recorded could not be read"
    return "not judged" if patient.site == OTHER else "not tested"


def _specimen_lines(specimen: SpecimenReview) -> Iterator[str]:
    about = ", ".join(filter(None, (specimen.kind, specimen.place)))
    day = f", {specimen.day}" if specimen.day and specimen.day not in specimen.name else ""
    yield f"  Specimen {specimen.name}{f' ({about})' if about else ''}{day}"
    for fact, said, origin in specimen.tests:
        yield f"    test        {fact} {said!r}  [{_last(origin)}]"
    yield from _told(specimen.status)
    if specimen.expression is not None:
        yield from _told(specimen.expression)
    for remark in specimen.status.remarks:
        yield from wrapped(f"remark: {remark}", "    ")
    for finding in specimen.findings:
        yield from _finding_lines(finding, "    ")


_told_of: WeakKeyDictionary[Array, dict[tuple[Code, ...], list[str]]] = WeakKeyDictionary()
"""The lines of each combination of bins, so that they are put together once."""


def _told(decision: Decision) -> list[str]:
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
        told = of_array[decision.codes] = lines
    return told


def _finding_lines(finding: Finding, indent: str) -> Iterator[str]:
    by_rows = bool(finding.rows)  # then the tests it rests on stand above it
    origins = f"  [{', '.join(_last(origin) for origin in finding.origins)}]" if finding.origins and not by_rows else ""
    yield f"{indent}{finding.grade.word}: {finding.words}{origins}"


def _last(origin: str) -> str:
    """An origin without its file: the entry and the resource; of a row of a table all of it."""
    return short(origin)


def trouble_text(trouble: Trouble) -> str:
    """What could not be read; a line that begins at the margin is never the record's own words."""
    return paragraph(f"not read: {trouble}", hanging="    ")


def summary_text(summary: Summary) -> str:
    """The counts over all patients, as the last lines of a review."""
    told = summary.as_json()
    lines = [
        f"{told['patients']} patients, {told['specimens']} specimens; {told['without_her2_tests']} without a HER2 test"
    ]
    for name in COUNTED:
        counts = told.get(name)
        if isinstance(counts, Mapping) and counts:
            lines.append(f"  {name.replace('_', ' ')}")
            width = max(len(str(count)) for count in counts.values())
            lines += [f"    {count:>{width}}  {plain(words)}" for words, count in counts.items()]
    if told["not_read"]:
        lines.append(f"  {told['not_read']} pieces could not be read; they are told above")
    return "\n".join([*lines, CAUTION])
