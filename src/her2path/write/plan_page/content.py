"""What stands on the page of a plan: a head, a verdict, and sections with the rows that say so.

The order is that of the protocols of BC Cancer: eligibility, exclusions, tests, premedication, treatment, dose
modifications, precautions, call, references. Nothing stands here that no review, plan or row of a table says.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from ...facts.problem import AskedWrongly
from ...facts.source import Citation
from ...facts.value import Json
from ...findings.course.standing import Standing
from ...findings.finding import Finding, Grade
from ...findings.plan.items import PlanItem
from ...findings.reviews import CourseReview, PatientReview
from ..caution import CAUTION
from ..plan_words import date_words
from ..text.first_lines import (
    all_findings,
    called,
    dose_words,
    heart_words,
    her2_words,
    in_words,
    next_dose_words,
    to_do_words,
    verdict_words,
)
from .rows import fact_words, modifications, premedication

MOST_PRECAUTIONS = 8
TUMOUR = (
    "tumour_site", "setting", "stage", "tumour_size_mm", "grade", "node_status", "er_status", "pr_status",
)  # fmt: skip
EXCLUDING = ("heart_failure", "pregnant", "allergy", "interstitial_lung_disease", "stopped_for_good")
"""What may forbid a drug, told as it is recorded, or that it is not."""
FOR_A_DOSE = ("weight_status", "labs_before_dose", "pregnancy_test_status", "baseline_status")
"""Findings that ask for something before a dose."""


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the page: `rows` are the rows of tables behind it, for the margin; `items` lines, `table` rows of cells
    of which the first is a name, `head` the names of its columns where there are any."""

    heading: str
    rows: tuple[str, ...] = ()
    items: tuple[str, ...] = ()
    table: tuple[tuple[str, ...], ...] = ()
    head: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PlanPage:
    """The plan of one patient as content: `identity` are names and values of the person, `sections` in their order,
    `sources` each with how far it was verified."""

    patient: str
    where: str
    on: dt.date
    title: str
    identity: tuple[tuple[str, str], ...]
    word: str
    verdict: str
    next_dose: str
    sections: tuple[Section, ...]
    sources: tuple[tuple[str, str], ...]
    editions: tuple[str, ...]
    signatures: tuple[str, ...] = ("Prescriber", "Pharmacist", "Day, hour")
    caution: str = CAUTION
    contact: str = field(default="")

    def as_json(self) -> dict[str, Json]:
        """The page as JSON."""
        return {
            "patient": self.patient, "where": self.where, "on": self.on.isoformat(), "title": self.title,
            "identity": dict(self.identity), "word": self.word, "verdict": self.verdict, "next_dose": self.next_dose,
            "sections": [
                {
                    "heading": section.heading, "rows": list(section.rows), "items": list(section.items),
                    "head": list(section.head), "table": [list(row) for row in section.table],
                }
                for section in self.sections
            ],
            "sources": [list(source) for source in self.sources], "editions": list(self.editions),
            "caution": self.caution,
        }  # fmt: skip


def plan_page(review: PatientReview) -> PlanPage:
    """The page of one patient's plan. Raises `AskedWrongly` for who has no course, of whom there is no plan."""
    course = review.course
    if course is None or not course.verdicts:
        what = f"{review.patient}: no course of therapy is recorded, so there is no plan to print"
        raise AskedWrongly(f"{what}; {her2_words(review)}")
    found = course.standing
    sections = (
        _eligibility(review, found), _exclusions(found, course), _tests(review, found, course),
        Section("Premedication", *premedication(found, _drugs(found, course))), _treatment(found, course),
        _changes(found, _drugs(found, course)), _precautions(review, course), _call(review),
    )  # fmt: skip
    return PlanPage(
        review.patient, review.where, found.on, _title(found, course), tuple(_identity(found)),
        course.verdicts[0].verdict, in_words(verdict_words(course)), in_words(next_dose_words(course)),
        sections, tuple(_sources(review, course)), tuple(_editions(review, course)),
    )  # fmt: skip


def _drugs(found: Standing, course: CourseReview) -> list[str]:
    """The drugs whose next dose is planned; where none is, the one in hand or on order."""
    planned = [item.drug for item in course.plan if item.kind == "dose"]
    return [drug for drug in dict.fromkeys(planned or [found.in_hand]) if drug]


def _title(found: Standing, course: CourseReview) -> str:
    proposed = [item for item in course.plan if item.kind == "dose" and item.is_proposed]
    names = (" or " if proposed else " and ").join(called(found, drug) for drug in _drugs(found, course))
    told = f"{names or 'no drug in hand'}{' (proposed, no order yet)' if proposed else ''}"
    setting = found.text("setting") if "setting" in found.values else "setting not recorded"
    schedule = f", {found.text('schedule')}" if "schedule" in found.values else ""
    return f"{told}, {setting}{schedule}"


def _identity(found: Standing) -> Iterable[tuple[str, str]]:
    values = found.values
    yield "Sex", found.text("sex") if "sex" in values else "not recorded"
    born = f", born {found.text('birth_date')}" if "birth_date" in values else ""
    yield "Age", f"{found.text('age_years')}{born}" if "age_years" in values else "not recorded"
    yield "Height", f"{found.text('height_cm')} cm" if "height_cm" in values else "not recorded"
    day = found.day("weight")
    old = f" ({day}, {(found.on - day).days} days old)" if day is not None else ""
    yield "Weight", f"{found.text('weight_kg')} kg{old}" if "weight_kg" in values else "not recorded"
    yield "Allergy", found.text("allergy") if "allergy" in values else "not recorded"
    yield "As of", found.on.isoformat()
    assumed = " (assumed)" if "jurisdiction" in found.site.assumed else ""
    yield "Label", f"{found.jurisdiction.upper()}{assumed}"
    assumed = " (assumed)" if "lvef_lower_limit" in found.site.assumed else ""
    yield "LVEF limit", f"{found.site.limit} %{assumed}"


def _eligibility(review: PatientReview, found: Standing) -> Section:
    rows = tuple(row for specimen in review.specimens[-1:] for row in specimen.status.rows)
    facts = found.rules.knowledge.facts
    tumour = ", ".join(fact_words(name, found.text(name), facts) for name in TUMOUR if name in found.values)
    given = "no dose yet"
    if found.started and found.product is not None:
        first, last = found.day("product_first"), found.day("product_last")
        given = f"{called(found, found.product)}: {found.doses} doses from {first} to {last}, {_phase(found)}"
    return Section("Eligibility", rows, tuple(filter(None, (her2_words(review), tumour, given))))


def _phase(found: Standing) -> str:
    if found.values.get("stopped_for_good") == "yes":
        return "stopped for good"
    return found.text("therapy_phase") if "therapy_phase" in found.values else "whether it goes on is not known"


def _exclusions(found: Standing, course: CourseReview) -> Section:
    forbidding = [
        finding for verdict in course.verdicts if verdict.verdict not in ("GIVE", "NOTHING DUE")
        for finding in verdict.findings
    ]  # fmt: skip
    listed = [*dict.fromkeys(forbidding)]
    told = [in_words(finding.words) for finding in listed[1:]]  # the first is the verdict above
    facts = [name for name in EXCLUDING if name in found.rules.knowledge.facts]
    words = (f"{in_words(name)}: {found.text(name) if name in found.values else 'not recorded'}" for name in facts)
    told.append("; ".join(words))
    rows = tuple(dict.fromkeys(row for finding in forbidding for row in finding.rows))
    return Section("Exclusions", rows, tuple(told))


def _tests(review: PatientReview, found: Standing, course: CourseReview) -> Section:
    echoes = [item for item in course.plan if item.kind == "echo"]
    asked = [finding for finding in all_findings(review) if finding.key.partition(":")[0] in FOR_A_DOSE]
    before = [f"LVEF {date_words(item)}" for item in echoes]
    before += [in_words(finding.do.rstrip(".") or finding.words) for finding in asked if finding.grade < Grade.NOTE]
    table = [("Baseline and last", heart_words(found) or "no LVEF recorded")]
    table.append(("Before the next dose", "; ".join(dict.fromkeys(before)) or "nothing is asked for"))
    if (interval := found.outcomes.get("echo_interval")) is not None:
        table.append(("On treatment", f"LVEF interval: {interval}"))
    if (recheck := found.outcomes.get("echo_recheck")) is not None:
        table.append(("If indicated", f"repeat of the LVEF: {recheck}"))
    decisions = [found.decision(key) for key in ("echo_interval", "echo_recheck")]
    rows = [row for decision in decisions if decision is not None for row in decision.rows]
    rows += [row for finding in asked for row in finding.rows]
    return Section("Tests", tuple(dict.fromkeys(rows)), table=tuple(table))


def _treatment(found: Standing, course: CourseReview) -> Section:
    doses = [item for item in course.plan if item.kind == "dose"]
    rows = tuple(dict.fromkeys(row for item in course.plan for row in item.rows))
    others = tuple(
        in_words(f"{date_words(item)}: {item.what}") for item in course.plan if item.kind not in ("dose", "echo")
    )
    if not doses:
        return Section("Treatment", rows, (f"No dose: {in_words(next_dose_words(course))}", *others))
    table = tuple((_drug(found, item), _dose(found, item), _administration(item), _when(item)) for item in doses)
    return Section("Treatment", rows, others, table, ("Drug", "Dose", "Administration", "When"))


def _drug(found: Standing, item: PlanItem) -> str:
    """The brand and the name of a drug."""
    brand = found.brand(item.drug)
    return f"{brand} ({called(found, item.drug)})" if brand else called(found, item.drug)


def _dose(found: Standing, item: PlanItem) -> str:
    """The amount and how it was worked out, without the drug and the minutes, which stand beside it."""
    minutes = f", {item.details.get('infusion_minutes')} min"
    return dose_words(found, item).removeprefix(f"{called(found, item.drug)} ").replace(minutes, "", 1)


def _when(item: PlanItem) -> str:
    """From when until when, and what must hold first."""
    once = f", once {item.condition}" if item.condition else ""
    proposed = "; proposed: no order yet" if item.is_proposed else ""
    return f"{date_words(item)}{once}{proposed}"


def _administration(item: PlanItem) -> str:
    """How a dose is made up and given: volume, bag, minutes, vials, waste."""
    details = item.details
    volume = f"{details['volume_ml']} mL" if "volume_ml" in details else ""
    bag = f"{volume} in {details['diluent']}" if "diluent" in details else volume
    minutes = f"over {details['infusion_minutes']} min" if "infusion_minutes" in details else ""
    watched = f"observe {details['observation_minutes']} min" if "observation_minutes" in details else ""
    vials = f"vials {details['vials']}" if "vials" in details else ""
    waste = f"{details['waste_mg']} mg left over" if "waste_mg" in details else ""
    cost = f"cost {details['cost']}" if "cost" in details else ""
    told = "; ".join(filter(None, (bag, minutes, watched, vials, waste, cost, details.get("unknown", ""))))
    return told or "not told by the tables"


def _changes(found: Standing, drugs: Sequence[str]) -> Section:
    listed = modifications(found, drugs)
    rows = tuple(each.rows for each in listed)
    return Section(
        "Dose modifications", rows, table=tuple((each.when, each.what) for each in listed), head=("If", "Then")
    )


def _precautions(review: PatientReview, course: CourseReview) -> Section:
    """What is found beside: every other finding, the gravest first."""
    told = {finding for verdict in course.verdicts for finding in verdict.findings}
    listed = [
        finding for finding in all_findings(review)
        if finding not in told and finding.key.partition(":")[0] not in FOR_A_DOSE
    ]  # fmt: skip
    shown = listed[:MOST_PRECAUTIONS]
    items = [f"{finding.grade.word}: {in_words(finding.words)}" for finding in shown]
    if len(listed) > len(shown):
        items.append(f"and {len(listed) - len(shown)} more, told by her2path review --why")
    return Section("Precautions", _rows_of(shown), tuple(items))


def _call(review: PatientReview) -> Section:
    """What is to be decided or done now, and whom to call: a line to be filled in by hand."""
    to_do = in_words(to_do_words(review))
    return Section("Call", (), tuple(filter(None, (to_do, "Contact: ______________________   Phone: ______________"))))


def _rows_of(findings: Iterable[Finding]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(row for finding in findings for row in finding.rows[-1:]))


def _sources(review: PatientReview, course: CourseReview) -> Iterable[tuple[str, str]]:
    """Each source behind the plan, the verdicts and the findings: its places, its title and how far it was verified."""
    cited: list[Citation] = [citation for item in course.plan for citation in item.citations]
    cited += [citation for verdict in course.verdicts for citation in verdict.citations]
    cited += [citation for finding in all_findings(review) for citation in finding.citations]
    places: dict[str, dict[str, None]] = {}
    verified: dict[str, dict[str, None]] = {}
    for citation in cited:
        places.setdefault(citation.key, {}).setdefault(citation.where)
        verified.setdefault(citation.key, {}).setdefault(citation.verified)
    for key, wheres in places.items():
        where = ", ".join(filter(None, wheres))
        yield f"{key} {where}".strip(), ", ".join(verified[key])


def _editions(review: PatientReview, course: CourseReview) -> list[str]:
    keys = [specimen.status.edition.key for specimen in review.specimens]
    keys += [finding.edition for finding in all_findings(review) if finding.edition]
    keys += [decision.edition.key for decision in course.standing.decisions.values()]
    return sorted(dict.fromkeys(keys))
