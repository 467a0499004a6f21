"""A review as one page of HTML: a worklist, the most urgent first, then each patient with her findings.

The pages of all patients are held until the end, some kilobytes each: a population is for tables.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TextIO

from ...facts.value import Json
from ...findings.finding import Finding
from ...findings.patient import Reviewed
from ...findings.reviews import PatientReview
from ...findings.summary import Summary
from ...record.event import Trouble
from ..caution import CAUTION
from ..formats import WITHIN, Beside, Format, PatientWriter
from ..review_text import trouble_text
from ..text.first_lines import all_findings, first_lines, in_words
from ..text.worklist import ORDER, Row, row_of, urgency
from .document import END, TOKENS, TONES, embedded, escaped, head

STYLE = (
    TOKENS
    + """main, header, footer { max-width: 1100px; margin: 0 auto; padding: 12px 20px; }
h1 { font-size: 20px; } h2 { font-size: 16px; margin: 20px 0 6px; } h3 { font-size: 14px; }
.soft, footer { color: var(--soft); }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; background: var(--paper); }
th, td { text-align: left; vertical-align: top; padding: 5px 10px; border: 1px solid var(--line); }
td.day { white-space: nowrap; }
a { color: var(--due); }
.word { color: var(--tone); font-weight: 700; white-space: nowrap; }
article { background: var(--paper); border: 1px solid var(--line); border-left: 4px solid var(--tone);
  border-radius: 6px; padding: 10px 14px; margin: 12px 0; break-inside: avoid; }
article dl { display: grid; grid-template-columns: 92px minmax(0, 1fr); gap: 3px 12px; margin: 6px 0; }
dt { color: var(--soft); font-size: 12px; padding-top: 2px; }
article ul, header ul { padding-left: 18px; }
li b { color: var(--tone); font-weight: 650; }
li small { color: var(--soft); }
pre { overflow-x: auto; white-space: pre-wrap; overflow-wrap: anywhere; font-size: 12px; }
@media print { body { background: #fff; color: #000; } main, header, footer { padding: 0; max-width: none; } }
"""
)


HEADINGS = "".join(f'<th scope="col">{name}</th>' for name in ("Verdict", "Patient", "Next dose", "Why"))
WORKLIST = f'<h2>Worklist</h2>\n<div class="scroll"><table><thead><tr>{HEADINGS}</tr></thead><tbody>\n'


class HtmlFormat(Format):
    """The page of one patient after the other, without the worklist; `PageWriter` writes whole pages."""

    name = "html"
    suffixes = (".html", ".htm")
    manifest_place = WITHIN

    @staticmethod
    def page_writer(
        stream: TextIO, on: dt.date, summary_only: bool, beside: Sequence[Beside]
    ) -> PatientWriter:  # fmt: skip
        """The page with its worklist, the most urgent first."""
        return PageWriter(stream, on, summary_only, beside)

    def begin(self) -> str:
        return page_head(self.on)

    def patient(self, review: PatientReview) -> str:
        return article(review, row_of(review))

    def trouble(self, trouble: Trouble) -> str:
        return f"<p>{escaped(trouble_text(trouble))}</p>\n"

    def end(self, summary: Summary) -> str:
        return page_end(summary, self.manifest)


@dataclass(frozen=True, slots=True)
class Told:
    """One patient: her row of the worklist, and her part of the page."""

    row: Row
    page: str


class PageWriter:
    """Takes batches in the order of the source, and writes the page at the end, the most urgent patient first."""

    def __init__(self, stream: TextIO, on: dt.date, summary_only: bool = False, beside: Sequence[Beside] = ()) -> None:
        self.stream, self.on, self.summary_only, self.beside = stream, on, summary_only, beside
        self.told: list[Told] = []
        self.not_read: list[str] = []

    def batch(self, reviewed: Reviewed) -> list[Told]:
        """The patients of a batch. In any process."""
        told = []
        for review in reviewed:
            for other in self.beside:
                other.patient(review)
            if not self.summary_only:
                told.append(_told(review))
        return told

    def add(self, review: PatientReview) -> None:
        """Keep one patient."""
        self.told.append(_told(review))

    def put(self, item: list[Told] | Trouble) -> None:
        """Keep the patients of a batch, or what belongs to none."""
        if isinstance(item, Trouble):
            self.not_read.append(trouble_text(item))
        else:
            self.told += item

    def finish(self, summary: Summary, manifest: Mapping[str, Json] | None = None) -> None:
        """Write the page: what could not be read, the counts, the worklist, the patients, by what it was made."""
        told = sorted(self.told, key=lambda each: urgency(each.row))
        write = self.stream.write
        write(page_head(self.on))
        write(f'<p class="soft">{summary.patients} patients</p>\n{_counts(told)}')
        write("".join(f"<p>{escaped(line)}</p>\n" for line in self.not_read))
        if len(told) > 1:
            write(WORKLIST)
            for place, each in enumerate(told):
                write(_line(each.row, place))
            write("</tbody></table></div>\n")
        for place, each in enumerate(told):
            write(each.page.replace("<article", f'<article id="p{place}"', 1))
        write(page_end(summary, manifest))


def _told(review: PatientReview) -> Told:
    row = row_of(review)
    return Told(row, article(review, row))


def page_head(on: dt.date) -> str:
    """The page up to its first patient."""
    title = f"Review as of {on}"
    return f"{head(title, STYLE)}<main>\n<h1>{escaped(title)}</h1>\n"


def page_end(summary: Summary, manifest: Mapping[str, Json] | None) -> str:
    """The rest of the page: the counts over all patients, by what it was made, the caution."""
    made = ""
    if manifest is not None:
        inputs = manifest.get("inputs")
        names = (
            ", ".join(str(each["path"]) for each in inputs if isinstance(each, dict))
            if isinstance(inputs, list)
            else ""
        )
        words = (
            f"Made by her2path {manifest['version']} with the knowledge {manifest['knowledge_sha256']} from {names}."
        )
        made = f"<p>{escaped(words)}</p>\n{embedded('manifest', manifest)}"
    return f"</main>\n<footer><p>{escaped(CAUTION)}</p>\n{made}{embedded('summary', summary.as_json())}</footer>\n{END}"


def _counts(told: Sequence[Told]) -> str:
    """How many patients of each verdict."""
    verdicts = Counter(each.row.verdict for each in told)
    words = (f"{verdicts[name]} {'no course' if name == '-' else name}" for name in ORDER if verdicts[name])
    return f'<p class="soft">{escaped(", ".join(words))}</p>\n' if told else ""


def _line(row: Row, place: int) -> str:
    drug = f"{row.drug}: " if row.drug else ""
    return (
        f'<tr><td><span class="word {TONES.get(row.verdict, "note")}">{escaped(row.verdict)}</span></td>'
        f'<td><a href="#p{place}">{escaped(row.patient)}</a></td><td class="day">{escaped(row.day)}</td>'
        f"<td>{escaped(drug + row.reason)}</td></tr>\n"
    )


def article(review: PatientReview, row: Row) -> str:
    """One patient: the first lines, what is carried of her, and every finding with its rows and sources."""
    lines = first_lines(review)
    tone = TONES.get(row.verdict, "note")
    parts = [f'<article class="{tone}">\n<h3>Patient {escaped(review.patient)}</h3>\n<dl>']
    for line in lines:
        label, words = _apart(line)
        shown = f'<span class="word">{escaped(label)}</span>' if label == "VERDICT" else escaped(label)
        parts.append(f"<dt>{shown}</dt><dd>{escaped(words)}</dd>")
    parts += [f"<dt>{escaped(name)}</dt><dd>{escaped(words)}</dd>" for name, words in review.carried.items() if words]
    parts.append("</dl>\n<ul>")
    parts += map(_finding, all_findings(review))
    parts.append(f'</ul>\n<p class="soft">{escaped(review.where)}</p>\n</article>\n')
    return "".join(parts)


LABELS = ("NEXT DOSE", "DO NOW", "HEART", "BASIS")


def _apart(line: str) -> tuple[str, str]:
    for label in LABELS:
        if line.startswith(label):
            return label, line[len(label) :].strip()
    return "VERDICT", line


def _finding(finding: Finding) -> str:
    do = f" {finding.do}" if finding.do else ""
    why = "; ".join(finding.rows)
    cited = "; ".join(map(str, finding.citations))
    behind = f"<br><small>{escaped(f'{why} [{cited}]' if cited else why)}</small>" if why else ""
    tone = TONES.get(finding.grade.word, "note")
    words = escaped(in_words(finding.words) + ("." if do else "") + do)
    return f'<li class="{tone}"><b>{escaped(finding.grade.word)}</b>: {words}{behind}</li>\n'
