"""A review written as it goes, in one format, with other outputs of the same patients beside it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TextIO

import click

from ..facts.value import Json
from ..facts.words.given import day_given, path_given
from ..findings.patient import Reviewed
from ..findings.reviews import PatientReview
from ..findings.summary import Summary
from ..record.event import Trouble
from .formats import Beside, Format, PatientWriter, format_named, format_of
from .output import opened
from .review_text import summary_text, trouble_text


class Writer:
    """Writes a review to a stream; patients in the order in which they come."""

    def __init__(self, stream: TextIO, form: Format, summary_only: bool = False, beside: Sequence[Beside] = ()) -> None:
        self.stream, self.form, self.summary_only, self.beside = stream, form, summary_only, beside
        self.written = 0
        stream.write(form.begin())

    def render(self, review: PatientReview) -> str:
        """One patient as this writer writes her; nothing where only the summary is asked for. In any process."""
        for other in self.beside:
            other.patient(review)
        return "" if self.summary_only else self.form.patient(review)

    def add(self, review: PatientReview) -> None:
        """Write one patient."""
        self.put([self.render(review)])

    def batch(self, reviewed: Reviewed) -> list[str]:
        """The patients of a batch as this writer writes them. In any process."""
        if self.summary_only and not self.beside:
            return []
        return [self.render(review) for review in reviewed]

    def put(self, item: list[str] | Trouble) -> None:
        """Write the patients of a batch, or what belongs to none."""
        if isinstance(item, Trouble):
            self._tell(self.form.trouble(item), trouble_text(item))
            return
        for text in item if not self.summary_only else ():
            self.stream.write(self.form.between + text if self.written else text)
            self.written += 1

    def finish(self, summary: Summary, manifest: Mapping[str, Json] | None = None) -> None:
        """Write the summary, and end the document; by what it was made is told where the format has a place for it."""
        self.form.manifest = manifest
        self._tell(self.form.end(summary), summary_text(summary))

    def _tell(self, text: str, otherwise: str) -> None:
        if text:
            self.stream.write(text)
        else:
            click.echo(otherwise, err=True)


def writer_for(
    form: type[Format], stream: TextIO, on: dt.date, summary_only: bool = False, beside: Sequence[Beside] = (),
    colours: bool = False,
) -> PatientWriter:  # fmt: skip
    """What writes a review in a format as of the day `on`: text and pages are in the order of urgency, all others in
    the order of the source."""
    from .text.worklist import Worklist

    if form is format_named("text") and not summary_only:
        return Worklist(stream, beside, colours)
    page = form.page_writer(stream, on, summary_only, beside)
    return page if page is not None else Writer(stream, form(on), summary_only, beside)


def write_reviews(
    reviews: Iterable[PatientReview | Trouble], output: str | Path, on: dt.date | str, format: str | None = None
) -> Summary:
    """Write what `review_source` gives to a file, in the format named, or the one that the file's ending names.

    `on` is the day of the review. Gives the counts over all patients. Raises `AskedWrongly` for a format that there
    is not, and for a file that cannot be written.
    """
    output, day = path_given(output, "output"), day_given(on)
    chosen = format_named(format) if format is not None else format_of(output)
    summary = Summary()
    with opened(output) as stream:
        writer = writer_for(chosen, stream, day)
        for review in reviews:
            if isinstance(review, Trouble):
                summary.troubles += 1
                writer.put(review)
            else:
                summary.add(review)
                writer.add(review)
        writer.finish(summary)
    return summary
