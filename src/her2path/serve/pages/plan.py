"""The plan of one patient as one printed page, in the order in which pharmacists read a protocol, rows at the edge."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from ...facts.fact import Fact
from ...findings.course.standing import Standing
from ...findings.finding import Finding, Grade
from ...findings.plan.items import PlanItem
from ...findings.reviews import PatientReview
from ...tables.library import Knowledge
from ...write.text.first_lines import all_findings, called, dose_words, her2_words
from ..loaded import Loaded
from .patient import banner_of, find, head_of, not_found, when_of
from .rendering import page
from .tables import in_words as name_words
from .tables import spoken, tables_of

ELIGIBILITY = (
    "setting", "stage", "tumour_size_mm", "grade", "node_status", "er_status", "pr_status", "pathological_response",
)  # fmt: skip
HISTORY = ("on_hold", "hold_count", "setting", "product", "lvef_finding_at_hold")
"""Inputs of the table of the heart that no next LVEF changes."""
HEART, EXCLUDES = "cardiac_action", ("forbids", "gates", "ends", "replaces")
MOST_LISTED = 6


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a section: a label ("" for none), words, the rows behind it."""

    label: str
    words: str
    rows: Sequence[str] = ()


def plan(request: Request, loaded: Loaded) -> Response:
    """The page."""
    opened = find(request, loaded)
    if opened is None:
        return not_found(request, loaded)
    review, knowledge = opened.review, loaded.knowledge
    found = review.course.standing if review.course is not None else None
    findings = all_findings(review)
    excluding = [finding for finding in findings if finding.next_dose.startswith(EXCLUDES)]
    rest = [finding for finding in findings if finding not in excluding and finding.grade != Grade.UNREADABLE]
    others = [finding for finding in rest if finding.rows or finding.grade < Grade.NOTE]
    planned = review.course.plan if review.course is not None else []
    doses = [item for item in planned if item.kind == "dose"]
    return page(
        request, loaded, "plan.html", id=review.patient, which=request.query_params.get("which", ""),
        banner=banner_of(review), head=list(head_of(opened, loaded.settings.on)), title=_title(found),
        eligibility=list(_eligibility(review, found)), excluding=_lines(excluding), precautions=_lines(others),
        tests=list(_tests(review, found)), doses=[_dose(found, item) for item in doses if found is not None],
        then=[(when_of(item), spoken(item.what), item.rows) for item in planned if item.kind != "dose"],
        changes=list(_changes(found, knowledge)), references=_references(review, knowledge),
        condition=doses[0].condition if doses else "",
    )  # fmt: skip


def _title(found: Standing | None) -> str:
    if found is None:
        return "no course of therapy"
    drug = called(found, found.in_hand) if found.in_hand else "no drug yet"
    setting = found.values.get("setting")
    return f"{drug}, {setting}" if isinstance(setting, str) else drug


def _eligibility(review: PatientReview, found: Standing | None) -> Iterator[Line]:
    rows = tuple(dict.fromkeys(row for specimen in review.specimens[-1:] for row in specimen.status.rows))
    yield Line("", her2_words(review), rows)
    if found is not None:
        facts = found.rules.knowledge.facts
        told = [_with_unit(facts[name], found.text(name)) for name in ELIGIBILITY if name in found.values]
        if told:
            yield Line("", ", ".join(told))


def _with_unit(fact: Fact, value: str) -> str:
    """A fact with its value: "tumour size 31 mm"."""
    words, unit = name_words(fact.name), fact.unit
    return f"{words.removesuffix(f', {unit}')} {value} {unit}" if unit and words.endswith(unit) else f"{words} {value}"


def _lines(findings: Sequence[Finding]) -> list[Line]:
    lines = [Line("", spoken(finding.words), finding.rows[-1:]) for finding in findings[:MOST_LISTED]]
    more = len(findings) - len(lines)
    return [*lines, *([Line("", f"and {more} more on the page of the patient")] if more > 0 else [])]


def _tests(review: PatientReview, found: Standing | None) -> Iterator[Line]:
    if found is None:
        return
    base = found.day("baseline")
    yield Line(
        "Baseline", f"LVEF {found.text('lvef_baseline')} % ({base})" if base else "no LVEF before the first dose"
    )
    wanted = [item for item in (review.course.plan if review.course else ()) if item.kind in ("echo", "test")]
    for item in wanted:
        yield Line("Next", f"{spoken(item.what)}: {when_of(item)}", item.rows)
    gates = [finding for finding in all_findings(review) if finding.do and finding.grade in (Grade.MISSING, Grade.DUE)]
    for finding in gates[:3]:
        yield Line("Before the dose", spoken(finding.do), finding.rows[-1:])
    decision = found.decision("echo_interval")
    if decision is not None and decision.value:
        yield Line(
            "On treatment",
            f"LVEF every {decision.value}" if decision.value[:1].isdigit() else decision.value,
            decision.rows[-1:],
        )


def _dose(found: Standing, item: PlanItem) -> dict[str, object]:
    details = item.details
    ways = [f"{details['volume_ml']} mL into {details['diluent']}"] if "volume_ml" in details else []
    ways += [
        f"{details[name]} min {words}" for name, words in (("observation_minutes", "observation"),) if name in details
    ]
    if "vials" in details:
        ways.append(f"{details['vials']}, {details.get('waste_mg', '0')} mg left over")
    drug = called(found, item.drug)
    return {
        "drug": drug, "brand": found.brand(item.drug).title(), "dose": dose_words(found, item).removeprefix(f"{drug} "),
        "ways": "; ".join(way.strip() for way in ways) or "as the label has it", "when": when_of(item),
        "rows": item.rows, "condition": item.condition,
    }  # fmt: skip


def _changes(found: Standing | None, knowledge: Knowledge) -> Iterator[Line]:
    """What the table of the heart says for every next LVEF: its rows that the history so far leaves open."""
    decision = found.decision(HEART) if found is not None else None
    if decision is None:
        return
    table = tables_of(decision, knowledge)[0]
    for row in table.rows:
        fixed = [
            is_struck for column, (_, is_struck) in zip(table.columns, row.cells, strict=True) if column.name in HISTORY
        ]
        if any(fixed) or row.outcome == "cannot happen":
            continue
        asks = [
            f"{name_words(column.name)} {text}"
            for column, (text, _) in zip(table.columns, row.cells, strict=True)
            if column.name not in HISTORY and text != "-"
        ]
        yield Line("; ".join(asks) or "always", row.outcome, (f"{table.outcome}:{row.name}",))


def _references(review: PatientReview, knowledge: Knowledge) -> list[tuple[str, str]]:
    cited: dict[str, str] = {}
    decisions = [specimen.status for specimen in review.specimens]
    for citation in (
        *(citation for finding in all_findings(review) for citation in finding.citations),
        *(citation for decision in decisions for citation in decision.citations),
        *(citation for item in (review.course.plan if review.course else ()) for citation in item.citations),
    ):
        cited.setdefault(
            citation.key, knowledge.sources[citation.key].verified if citation.key in knowledge.sources else ""
        )
    return list(cited.items())
