"""`her2path review`: every patient of a source, reviewed and written."""

from __future__ import annotations

import datetime as dt
import gc
import sys
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..facts.problem import DOES_NOT_HOLD, PARTLY_READ, AskedWrongly
from .manners.colour import in_colour_to
from .options import Day, FormatName, column_option, missing_option, pairs, site_asked

if TYPE_CHECKING:
    from ..findings.patient import Reviewed
    from ..findings.settings import Settings
    from ..findings.summary import Summary
    from ..tables.library import Knowledge
    from ..write.formats import Beside
    from ..write.output import Outputs


@click.command()
@click.argument("source", type=click.Path(exists=True, allow_dash=True, path_type=Path))
@click.option("--on", type=Day(), default=None, help="Review as of this day; results after it are not used.")
@click.option("--site", type=click.Choice(["breast", "gastric"]), help="Read the tests as of this site.")
@click.option("--edition", help="Decide by this edition, whatever the date of the test.")
@click.option("--jurisdiction", type=click.Choice(["us", "eu"]), help="Whose label decides, where labels differ.")
@column_option
@missing_option
@click.option(
    "--settings", "settings_file", type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The institution's settings, a TOML file: limits, tolerances, jurisdiction, formulary.",
)  # fmt: skip
@click.option(
    "--format", "form", type=FormatName(), default=None,
    help="text, json or fhir; by default what the ending of the output says, otherwise text.",
)  # fmt: skip
@click.option(
    "--calendar", type=click.Path(file_okay=False, path_type=Path),
    help="Also write the plan of each patient into this folder, as a calendar file (.ics).",
)  # fmt: skip
@click.option("--her2-only", is_flag=True, help="Review the HER2 tests alone, not the courses of therapy.")
@click.option("--processes", type=click.IntRange(1), help="Processes to share a large source; all cores by default.")
@click.option("--summary-only", is_flag=True, help="Print only the summary.")
@click.option("--why", is_flag=True, help="Print every reason: tests, rows, sources, places in the record.")
@click.option("--patient", "wanted", metavar="ID", help="Review this patient alone.")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Write here instead of printing.")
def review(
    source: Path,
    on: dt.date | None,
    site: str | None,
    edition: str | None,
    jurisdiction: str | None,
    columns: tuple[str, ...],
    missing: tuple[str, ...],
    settings_file: Path | None,
    form: str | None,
    calendar: Path | None,
    her2_only: bool,
    processes: int | None,
    summary_only: bool,
    why: bool,
    wanted: str | None,
    output: Path | None,
) -> None:
    """Review every patient of SOURCE: FHIR as bundle, NDJSON, folder or archive, CSV or Parquet; - is standard input.

    One patient: the verdict on the next dose, the dose, what to do now, the heart, the basis; then every other finding.
    Many: a worklist, the most urgent first. --why gives every reason: tests, rows, sources, the plan. With -o
    FILE.parquet all findings, one a row, with the patients, the episodes of their courses and their specimens in three
    files beside it.
    """
    from ..cohort.review import processes_for
    from ..findings.settings import Settings
    from ..tables.load import read_knowledge
    from ..write.calendar import CalendarFolder
    from ..write.output import Outputs, require_outputs

    knowledge = read_knowledge()
    at = site_asked(settings_file, missing, knowledge)
    day = on or dt.date.today()
    settings = Settings(day, site, edition, jurisdiction or at.jurisdiction, at, not her2_only, wanted)
    if calendar is not None and her2_only:
        raise AskedWrongly("--calendar writes plans of courses, which --her2-only leaves out: drop one of them")
    require_outputs({"--output": output, "--calendar": calendar}, source, settings_file)
    # What was read so far stays: the collector need not walk it again for every few patients.
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)
    asked = _Asked(source, output, knowledge, settings, processes or processes_for(source), pairs(columns))
    if output is not None and output.suffix.lower() == ".parquet":
        if form is not None:
            raise AskedWrongly(
                f"--format {form} is not what {output.name} would hold: drop it, or write to another ending"
            )
        if summary_only:
            raise AskedWrongly(
                f"--summary-only is not what {output.name} would hold: drop it, or write to another ending"
            )
    if why:
        if form not in (None, "text") or (output is not None and output.suffix.lower() == ".parquet"):
            raise AskedWrongly("--why is for text; every other output says the reasons by itself: drop it")
        form = "text"
    with Outputs(source, settings_file) as outputs:
        beside = [CalendarFolder(calendar, outputs.folder)] if calendar else []
        if output is not None and output.suffix.lower() == ".parquet":
            summary = asked.to_tables(beside, outputs)
        else:
            summary = asked.to_text(form, summary_only, beside, outputs, why)
    if not summary.patients:
        expected = "expected FHIR R4 in JSON or NDJSON, CSV or Parquet"
        what = f"no patient was found in {source}; {expected}"
        if wanted is not None:
            what = f"no patient {wanted!r} was found in {source}; a review of all lists the patients that are there"
        click.echo(f"her2path: {what}", err=True)
        sys.exit(DOES_NOT_HOLD)
    if summary.troubles:
        sys.exit(PARTLY_READ)


@dataclass(slots=True)
class _Asked:
    """What was asked for: the source, the output, and by what the source is reviewed."""

    source: Path
    output: Path | None
    knowledge: Knowledge
    settings: Settings
    processes: int
    columns: dict[str, str]

    def to_text(
        self, form: str | None, summary_only: bool, beside: Sequence[Beside], outputs: Outputs, why: bool
    ) -> Summary:
        """Write patient after patient, and a summary."""
        from ..write.formats import format_named, format_of, has_format_for
        from ..write.output import text_file
        from ..write.review_text import WhyFormat
        from ..write.text.worklist import Worklist
        from ..write.writer import Writer

        if form is not None:
            chosen = format_named(form)
        elif self.output is not None and has_format_for(self.output):
            chosen = format_of(self.output)
        else:
            chosen = format_named("text")
        place = text_file(outputs.file(self.output), self.output) if self.output else nullcontext(sys.stdout)
        with place as stream:
            writer: Writer | Worklist
            if why:
                chosen = WhyFormat
            if chosen is format_named("text") and not summary_only:
                writer = Worklist(stream, beside, colours=self.output is None and in_colour_to(stream))
                summary = self._review(writer.batch, writer.put)
            else:
                writer = Writer(stream, chosen(self.settings.on), summary_only, beside)
                summary = self._review(writer.batch, writer.put)
            writer.finish(summary)
        return summary

    def to_tables(self, beside: Sequence[Beside], outputs: Outputs) -> Summary:
        """Write the findings, patients, episodes and specimens as tables; tell the summary."""
        from ..write.plain import plain
        from ..write.review_text import summary_text
        from ..write.tables.file import FindingsFile

        assert self.output is not None
        with FindingsFile(self.output, self.source, beside, outputs) as file:
            summary = self._review(file.batch, file.put)
        for trouble in file.troubles:
            click.echo(f"her2path: {plain(str(trouble))}", err=True)
        click.echo(file.words(summary))
        click.echo(summary_text(summary))
        return summary

    def _review(self, make: Callable[[Reviewed], Any], put: Callable[[Any], None]) -> Summary:
        """Review the source; what `make` makes of a batch is given to `put`, in the order of the source."""
        from ..cohort.review import review_parts
        from ..findings.summary import Summary
        from ..read.files import source_size

        summary = Summary()
        quiet = not sys.stderr.isatty() or (self.output is None and sys.stdout.isatty())
        with click.progressbar(
            length=source_size(self.source), label="reviewing", file=sys.stderr, hidden=quiet, show_pos=False
        ) as bar:
            for part in review_parts(
                self.source, self.knowledge, self.settings, make,
                processes=self.processes, progress=bar.update, columns=self.columns,
            ):  # fmt: skip
                summary.merge(part.summary)
                for item in part.items:
                    put(item)
        return summary
