"""The findings of a patient as the page shows them: each with what it rests on and the table behind it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ...facts.derive import prepare
from ...facts.problem import AskedWrongly, NoJurisdiction
from ...facts.source import Citation
from ...findings.effects import LETS_BE
from ...findings.finding import Finding, Grade
from ...findings.reviews import PatientReview
from ...tables.decision import Decision, decide_in
from ...tables.library import Knowledge
from ...write.course_text import short
from ...write.table_text import settle_words
from ...write.text.first_lines import all_findings
from .tables import ShownTable, spoken, tables_of
from .tables import in_words as name_words

JOINTS = {"forbids": "until", "gates": "until"}
"""The word between an effect on the next dose and its condition."""


@dataclass(frozen=True, slots=True)
class Shown:
    """One finding on the page, or how HER2 was decided of a specimen; `address` is its id there."""

    address: str
    grade: str
    words: str
    do: str = ""
    effect: str = ""
    facts: Sequence[tuple[str, str]] = ()
    origins: Sequence[str] = ()
    tables: Sequence[ShownTable] = ()
    citations: Sequence[Citation] = ()
    remark: str = ""
    edition: str = ""
    settle: str = ""
    is_open: bool = False
    notes: Sequence[str] = field(default_factory=tuple)


def addresses(review: PatientReview) -> dict[Finding, str]:
    """The findings in the order of the page, each with its id."""
    return {finding: f"f{place}" for place, finding in enumerate(all_findings(review), start=1)}


def shown_findings(review: PatientReview, named: Mapping[Finding, str], knowledge: Knowledge) -> list[Shown]:
    """The findings of a patient, the gravest first."""
    leading = {
        finding for verdict in (review.course.verdicts[:1] if review.course else ()) for finding in verdict.findings[:1]
    }
    return [_shown(finding, address, review, knowledge, finding in leading) for finding, address in named.items()]


def shown_specimens(review: PatientReview, knowledge: Knowledge) -> list[Shown]:
    """How HER2 was decided of each specimen."""
    shown = []
    for place, specimen in enumerate(review.specimens, start=1):
        decision = specimen.status
        about = ", ".join(filter(None, (specimen.side, specimen.kind, specimen.place, specimen.day)))
        value = decision.value or f"undetermined ({' or '.join(decision.possible)})"
        expression = specimen.expression
        if expression is not None and expression.value not in (None, value, "positive", "null"):
            value += f", {expression.value}"
        name = f"{specimen.name} ({about})" if about and about != specimen.name else specimen.name
        shown.append(
            Shown(
                f"s{place}",
                "open" if decision.would_settle else "her2",
                f"HER2 {value}: {name}",
                facts=[(name_words(fact), said) for fact, said, _ in specimen.tests],
                origins=list(dict.fromkeys(short(origin) for _, _, origin in specimen.tests)),
                tables=tables_of(decision, knowledge),
                citations=decision.citations,
                remark=" ".join(decision.remarks),
                edition=decision.edition.key,
                settle=spoken(settle_words(decision.would_settle)),
                is_open=decision.value is None,
                notes=decision.notes,
            )
        )
    return shown


def _shown(finding: Finding, address: str, review: PatientReview, knowledge: Knowledge, is_open: bool) -> Shown:
    decision = decision_of(finding, review, knowledge) if finding.rows else None
    return Shown(
        address, finding.grade.word, spoken(finding.words), spoken(finding.do), effect_words(finding.next_dose),
        [(name_words(name), value) for name, value in finding.facts], [short(origin) for origin in finding.origins],
        tables_of(decision, knowledge) if decision is not None else (), finding.citations, spoken(finding.remark),
        finding.edition, spoken(settle_words(finding.settle)), is_open,
    )  # fmt: skip


def effect_words(next_dose: str) -> str:
    """What a finding does to the next dose as it is read: "forbids antibodies and product until LVEF allows it"."""
    if next_dose == LETS_BE:
        return ""
    parts: dict[tuple[str, str], list[str]] = {}
    for effect in filter(None, next_dose.split("; ")):
        told, _, condition = effect.partition(": ")
        verb, _, whom = told.partition(" ")
        parts.setdefault((verb, condition), []).append(whom)
    told_words = []
    for (verb, condition), scopes in parts.items():
        joint = "" if condition in ("", "for good") else JOINTS.get(verb, "with") + " "
        told_words.append(" ".join(filter(None, (verb, " and ".join(filter(None, scopes)), joint + condition))))
    return spoken("; ".join(told_words))


def decision_of(finding: Finding, review: PatientReview, knowledge: Knowledge) -> Decision | None:
    """The decision behind a finding; one on a single dose is made again from its facts. `None` where it is not the
    same."""
    key = finding.key.rpartition(": ")[0] or finding.key
    decisions: list[Decision | None] = [review.course.standing.decision(key)] if review.course is not None else []
    for specimen in review.specimens:
        decisions += [each for each in (specimen.status, specimen.expression, specimen.next_step) if each is not None]
    for decision in decisions:
        if decision is not None and tuple(decision.rows) == finding.rows:
            return decision
    outcome = key.partition(" of ")[0]
    try:
        edition = knowledge.edition(finding.edition, outcome)
        given = prepare({name: value for name, value in finding.facts if name in knowledge.facts}, knowledge.facts)
        decision = decide_in(outcome, given, knowledge, edition)
    except (AskedWrongly, NoJurisdiction):
        return None
    return decision if tuple(decision.rows) == finding.rows else None


def counts_of(findings: Sequence[Finding]) -> str:
    """How many of each grade, in words: "1 alarm, 3 to act on"."""
    words = {
        Grade.ALARM: ("alarm", "alarms"), Grade.ACT: ("to act on",) * 2,
        Grade.CONTRADICTION: ("contradiction", "contradictions"), Grade.DUE: ("due",) * 2,
        Grade.MISSING: ("missing",) * 2, Grade.UNREADABLE: ("unreadable",) * 2, Grade.NOTE: ("note", "notes"),
    }  # fmt: skip
    counted = {grade: sum(finding.grade == grade for finding in findings) for grade in Grade}
    return ", ".join(f"{count} {words[grade][count > 1]}" for grade, count in counted.items() if count)
