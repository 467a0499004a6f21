"""A course of therapy as text and as JSON: where it stands, what was found and why, and the plan."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from ..findings.course.standing import Standing
from ..findings.finding import Finding
from ..findings.plan.items import PlanItem
from ..findings.plan.regimens import FITS, POSSIBLE
from ..findings.reviews import CourseReview
from .table_text import counted, wrapped

MOST_POSSIBLE, MOST_UNKNOWN = 8, 3
_MARK_ALONE = re.compile(r"by map [\d+]+")
"""What stands behind the file and the number of a row that was read by a site's mapping."""


def course_lines(course: CourseReview, indent: str = "  ") -> Iterator[str]:
    """Everything a review says of a course."""
    found = course.standing
    if found.started:
        yield indent + _course_line(found)
        yield indent + _heart_line(found)
    elif "therapy_phase" not in found.values:
        why = found.unknown.get("therapy_phase")
        words = why.detail if why is not None else "doses are recorded on unknown days"
        yield f"{indent}Course: where it stands is not known: {words}"
    else:
        yield f"{indent}Course: no HER2-directed dose is recorded"
    for finding in course.findings:
        yield from finding_lines(finding, indent)
    yield from regimen_lines(course, indent)
    if course.plan:
        yield f"{indent}Plan"
        for item in course.plan:
            yield from _plan_lines(item, indent + "  ")


def _course_line(found: Standing) -> str:
    brands = found.brands_given()
    brand = f" ({brands[-1][0]})" if brands and found.product == "trastuzumab-iv" else ""
    schedule = found.text("schedule")
    phase = found.text("therapy_phase") if "therapy_phase" in found.values else "whether it goes on is unknown"
    if found.values.get("stopped_for_good") == "yes":
        phase = "stopped for good"
    if (death := found.day("death")) is not None:
        phase = f"died {death}"
    elif found.values.get("alive") == "no":
        phase = "dead, on a day that is not recorded"
    partner = " with pertuzumab" if found.values.get("partner_pertuzumab") == "yes" else ""
    setting = found.text("setting") if "setting" in found.values else "setting unknown"
    naked = found.is_of_trastuzumab
    first = found.day("first") if naked else found.day("product_first")
    before = found.state["trastuzumab_doses"] if not naked else 0
    if found.only_stated:
        until = f" until {found.day('stop')}" if found.day("stop") is not None else ""
        words = f"stated from {first}{until}, single doses are not recorded"
        return f"Course: {found.product}{brand}{partner} {schedule}, {setting}, {phase}; {words}"
    earlier = f" ({before} of trastuzumab before)" if before else ""
    level = found.values.get("dose_level", "full")
    reduced = "" if level == "full" else f"; {level}: {found.text('level_mg_per_kg')} mg/kg"
    return (
        f"Course: {found.product}{brand}{partner} {schedule}, {setting}, {phase}; {counted(found.doses, 'dose')} "
        f"since {first}{earlier}, the last on {found.day('product_last')}{reduced}"
    )


def _heart_line(found: Standing) -> str:
    parts = []
    for name, words in (("baseline", "baseline"), ("lvef", "last")):
        number = found.state[name]
        day = found.day(name)
        said = found.text("lvef" if name == "lvef" else "lvef_baseline") if day else ""
        number_said = said if said not in ("", "unknown") else f"{number / 1000:g}"
        parts.append(f"{words} {number_said} % ({day})" if day else f"{words} LVEF unknown")
    parts.append(f"{counted(found.holds, 'hold')} for the heart")
    if found.values.get("heart_failure") == "yes":
        parts.append(f"heart failure since {found.day('heart_failure')}")
    return "Heart: " + ", ".join(parts)


def finding_lines(finding: Finding, indent: str) -> Iterator[str]:
    """A finding: its words; what to do; and why, followed from the record to the source."""
    origins = f"  [{', '.join(short(origin) for origin in finding.origins)}]" if finding.origins else ""
    if not finding.key:
        yield f"{indent}{finding.grade.word}: {finding.words}{origins}"
        return
    yield f"{indent}{finding.grade.word}: {finding.words}"
    inner = indent + "    "
    if finding.do:
        yield from wrapped(f"do: {finding.do}", inner)
    if finding.remark:
        yield from wrapped(f"remark: {finding.remark}", inner)
    if finding.rows:
        rows = ", ".join(row.replace(":", " row ") for row in finding.rows)
        cited = "; ".join(map(str, finding.citations))
        yield from wrapped(f"why: {rows}  [{cited}]", inner)
    if finding.facts:
        facts = ", ".join(f"{name} {value}" for name, value in finding.facts)
        yield from wrapped(f"from: {facts}{origins}", inner)
    if finding.settle:
        yield from wrapped("would settle it: " + ", or ".join(" and ".join(each) for each in finding.settle), inner)


def regimen_lines(course: CourseReview, indent: str) -> Iterator[str]:
    """The regimens that fit, each with its drugs; of the others only what would tell."""
    fits = [each for each in course.regimens if each.verdict == FITS]
    if fits:
        yield f"{indent}Regimens that fit (criteria of trial or label; no recommendation)"
    for each in fits:
        cited = "; ".join(map(str, each.citations))
        yield from wrapped(f"{each.regimen.key}: {each.regimen.title}{_trial(each)}  [{cited}]", indent + "  ")
        for component in each.regimen.components:
            yield f"{indent}      {component}"
    possible = [each for each in course.regimens if each.verdict == POSSIBLE]
    near = [each for each in possible if len(each.unknown) <= MOST_UNKNOWN][:MOST_POSSIBLE]
    if near:
        told = ", ".join(f"{each.regimen.key} ({', '.join(each.unknown)})" for each in near)
        more = f"; and {len(possible) - len(near)} more" if len(possible) > len(near) else ""
        yield from wrapped(f"could fit, if these facts allow: {told}{more}", indent)


def _trial(each: Any) -> str:
    return f" ({each.regimen.trial})" if each.regimen.trial else ""


def _plan_lines(item: PlanItem, indent: str) -> Iterator[str]:
    if item.earliest and item.latest and item.earliest != item.latest:
        when = f"{item.earliest} to {item.latest}"
    else:
        when = str(item.earliest or item.latest or "day not known")
        when = f"until {when}" if item.earliest is None and item.latest else when
    yield f"{indent}{when:<24} {item.what}"
    details = "; ".join(f"{name.replace('_', ' ')} {value}" for name, value in item.details.items())
    if details:
        yield from wrapped(details, indent + " " * 25)


def short(origin: str) -> str:
    """An origin without its file: the entry and the resource; of a row of a table all of it."""
    rest = origin.split(" ", 1)[-1]
    return origin if _MARK_ALONE.fullmatch(rest) else rest


def course_json(course: CourseReview) -> dict[str, Any]:
    """A course as JSON: facts, decisions as `her2path decide --json` has them, findings and plan."""
    found = course.standing
    return {
        "as_of": found.on.isoformat(), "jurisdiction": found.jurisdiction, "assumed": found.site.assumed,
        "product": found.product, "facts": {name: found.text(name) for name in sorted(found.values)},
        "unknown": {name: str(why) for name, why in found.unknown.items()},
        "days": {name: str(day) for name, day in found.days().items()},
        "decisions": {name: decision.as_json() for name, decision in found.decisions.items()},
        "findings": [finding.as_json() for finding in course.findings],
        "verdicts": [verdict.as_json() for verdict in course.verdicts],
        "plan": [item.as_json() for item in course.plan],
        "regimens": [each.as_json() for each in course.regimens],
    }  # fmt: skip
