"""The first look at a patient: at most five lines that are enough to act.

STOP trastuzumab: ...       the verdict, with its reason
NEXT DOSE ...               drug, amount and day, what must hold first, or why there is none
DO NOW    ...               what the findings ask for, the most urgent first
HEART     ...               baseline and last LVEF, and when the next is due
BASIS     ...               HER2, the setting, the doses
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator, Sequence

from ...findings.course.standing import Standing
from ...findings.finding import Finding, Grade, in_order
from ...findings.plan.items import PlanItem
from ...findings.plan.verdicts import Verdict
from ...findings.reviews import CourseReview, PatientReview, SpecimenReview
from ...findings.specimen.speaker import GAINED, LOST
from ...record.columns import METHODS, OTHER_SITE
from ...tables.load import default_knowledge
from ..table_text import counted

MOST_TO_DO = 4
"""So many things to do stand in the first lines; the others stand with their findings."""
FOR_A_DOSE = ("weight_status",)
"""What is asked for a dose to come is no thing to do where none is planned."""
MOST_SPECIMENS = 3
LABELS = ("NEXT DOSE", "DO NOW", "HEART", "BASIS")
WIDTH = max(map(len, LABELS)) + 1
LABS = "labs_before_dose"
LABS_WORDS = "laboratory values before the dose"


def first_lines(review: PatientReview) -> list[str]:
    """The lines, without the patient's name; of who has no course what is known of HER2."""
    course = review.course
    if course is None or not course.verdicts:
        return [_labelled("BASIS", her2_words(review))]
    lines = [verdict_words(course), _labelled("NEXT DOSE", next_dose_words(course))]
    if to_do := to_do_words(review):
        lines.append(_labelled("DO NOW", to_do))
    if heart := heart_words(course.standing):
        lines.append(_labelled("HEART", heart))
    lines.append(_labelled("BASIS", "; ".join(filter(None, (her2_words(review), _course_words(course.standing))))))
    return lines


_NAME = re.compile(r"(?<!['\"\w-])[a-z][a-z0-9]*(?:_[a-z0-9]+)+(?![\w'\"-])")


_PROPOSED = re.compile(r"proposed \(no order yet[^)]*\): ")
"""How the step of a dose begins that nobody has ordered, with what else the label names."""


def in_words(text: str) -> str:
    """A text with the names of facts as words: `pdl1_cps` is told as "pdl1 cps"; what a record says stays as it is."""
    facts = default_knowledge().facts
    return _NAME.sub(lambda match: match[0].replace("_", " ") if match[0] in facts else match[0], text)


def _labelled(label: str, words: str) -> str:
    return f"{label:<{WIDTH}}{in_words(words)}"


def called(found: Standing, drug: str) -> str:
    """A drug as a person reads it."""
    products = found.rules.codes.page.products
    return products[drug].called if drug in products else drug


# -- the verdict --------------------------------------------------------------------------------


def verdict_words(course: CourseReview) -> str:
    """The most urgent verdict with its reason; drugs of the same verdict together, then the others' verdicts."""
    found, first = course.standing, course.verdicts[0]
    same = [each for each in course.verdicts if each.verdict == first.verdict and each.reason == first.reason]
    others = [each for each in course.verdicts if each not in same]
    drugs = " and ".join(called(found, each.drug) for each in same if each.drug)
    words = f"{first.verdict}{f' {drugs}' if drugs else ''}: {reason_words(found, first)}"
    for other in others:
        words += f"; {called(found, other.drug)}: {other.verdict}"
    return words


def reason_words(found: Standing, verdict: Verdict) -> str:
    """The reason without the name of the drug, which stands before it."""
    for name in (verdict.drug, called(found, verdict.drug)):
        if name and verdict.reason.startswith(f"{name}: "):
            return in_words(verdict.reason[len(name) + 2 :])
    return in_words(verdict.reason)


# -- the next dose ------------------------------------------------------------------------------


def next_dose_words(course: CourseReview) -> str:
    """The doses that are planned next, each with its amount; where there is none, why."""
    found = course.standing
    doses = [item for item in course.plan if item.kind == "dose"]
    ordered = _order_words(found)
    if not doses:
        first = course.verdicts[0]
        why = first.condition or reason_words(found, first)
        until = "until " if first.verdict == "HOLD" and first.condition else ""
        return "; ".join(filter(None, (f"none ({until}{why})", ordered)))
    condition = doses[0].condition
    first_day = min((item.earliest for item in doses if item.earliest), default=None)
    parts = []
    for item in doses:
        later = f" on {item.earliest}" if item.earliest and item.earliest != first_day else ""
        proposed = "proposed " if item.is_proposed else ""
        parts.append(f"{proposed}{dose_words(found, item)}{later}")
    when = _when(found, doses[0])
    once = f"once {condition}: " if condition else ""
    if any(item.is_proposed for item in doses):
        once = f"no order yet; {once}"
    # One of several proposals is to be chosen; whatever else is planned is given together.
    between = " or " if all(item.is_proposed for item in doses) else " + "
    return "; ".join(filter(None, (f"{once}{between.join(parts)}, {when}", ordered)))


def dose_words(found: Standing, item: PlanItem) -> str:
    """One dose: drug, amount, how it was worked out, minutes."""
    details = item.details
    dose, milligrams = details.get("dose", ""), details.get("dose_mg", "")
    if "mg/kg" in dose:
        weight, day = details.get("weight_kg"), details.get("weight_day") or found.day("weight")
        of = f" of {day}" if day else ""
        per_kg = dose.removesuffix(" mg/kg")
        amount = f"{milligrams} mg ({per_kg} x {weight} kg{of})" if milligrams else f"{dose} (weight not known)"
    else:
        amount = dose or "amount not settled"
    minutes = f", {details['infusion_minutes']} min" if "infusion_minutes" in details else ""
    what = _PROPOSED.sub("", item.what)
    step = what.rpartition(", ")[2] if ", " in what else ""
    told = f" ({step})" if step and step != "maintenance" and step not in amount else ""
    return f"{called(found, item.drug)} {amount}{minutes}{told}"


def _when(found: Standing, item: PlanItem) -> str:
    if item.earliest is None:
        return "day not known"
    due = found.day("next_dose")
    if item.drug == found.product and due is not None and due < found.on and item.earliest == found.on:
        return f"due since {due}"
    if item.latest is not None and item.latest != item.earliest:
        return f"due {item.earliest}, without a re-load until {item.latest}"
    return f"due {item.earliest}"


def _order_words(found: Standing) -> str:
    """That nothing is ordered, where a first dose is to come."""
    return "" if found.started or found.values.get("ordered_product") is not None else "nothing is ordered"


# -- what to do ---------------------------------------------------------------------------------


def all_findings(review: PatientReview) -> list[Finding]:
    """Every finding of a patient, the gravest first: of her course, of the record, of her specimens."""
    findings = list(review.course.findings) if review.course is not None else []
    findings += [*review.findings, *(finding for specimen in review.specimens for finding in specimen.findings)]
    return in_order(findings)


def tasks_of(review: PatientReview) -> list[str]:
    """What the findings ask for, those of the verdict first, each once and without its full stop."""
    verdicts, plan = (review.course.verdicts, review.course.plan) if review.course is not None else ([], [])
    leading = [finding for verdict in verdicts for finding in verdict.findings]
    listed = dict.fromkeys([*leading, *(each for each in all_findings(review) if each.grade < Grade.NOTE)])
    is_planned = any(item.kind == "dose" for item in plan)
    return list(
        dict.fromkeys(
            finding.do.rstrip(".")
            for finding in listed
            if finding.do and (is_planned or finding.key.partition(":")[0] not in FOR_A_DOSE)
        )
    )


def to_do_words(review: PatientReview) -> str:
    """The first of them as a sentence, and how many more there are."""
    tasks = tasks_of(review)
    told = [tasks[0], *map(_lowered, tasks[1:MOST_TO_DO])] if tasks else []
    more = len(tasks) - len(told)
    return "; ".join(told) + (f"; and {more} more below" if more else "")


def _lowered(words: str) -> str:
    """A sentence as the later part of one; what begins with a short name (LVEF, HER2) stays as it is."""
    return words if words[1:2].isupper() or words[1:2].isdigit() else words[:1].lower() + words[1:]


# -- the heart ----------------------------------------------------------------------------------


def heart_words(found: Standing) -> str:
    """Baseline and last LVEF with day and method, and the next one; "" where no drug is in play."""
    state = found.state
    if not found.started and found.values.get("ordered_product") is None and found.day("lvef") is None:
        return ""
    baseline, last = found.day("baseline"), found.day("lvef")
    parts = []
    if baseline is not None:
        parts.append(_lvef(found, "lvef_baseline", state["baseline"], baseline, state["baseline_method"]))
    elif found.started:
        parts.append("no baseline")
    if last is not None and last != baseline:
        parts.append(_lvef(found, "lvef", state["lvef"], last, state["lvef_method"]))
    words = " -> ".join(parts) if last is not None or baseline is not None else "no LVEF recorded"
    if last is not None and last == baseline and found.started:
        words += ", none since"
    if found.values.get("heart_failure") == "yes":
        words += f"; heart failure since {found.day('heart_failure')}"
    if found.holds:
        words += f"; {counted(found.holds, 'hold')}"
    following = _next_lvef(found)
    return f"{words}; {following}" if following else words


def _lvef(found: Standing, name: str, number: int, day: dt.date, method: int) -> str:
    said = found.text(name)
    value = said if said not in ("", "unknown") else f"{number / 1000:g}"
    how = f", {METHODS[method]}" if method > 0 else ""
    return f"{value} ({day}{how})"


def _next_lvef(found: Standing) -> str:
    if found.outcomes.get("echo_recheck") == "cardiologist decides" or found.values.get("stopped_for_good") == "yes":
        return "next LVEF: the cardiologist decides"
    due = found.day("echo_due")
    if due is None and not found.started:
        return "" if found.day("lvef") is not None else "next LVEF: before the first dose"
    if due is None:
        return "next LVEF: no day is named"
    return f"next LVEF overdue since {due}" if due < found.on else f"next LVEF by {due}"


# -- the basis ----------------------------------------------------------------------------------


def her2_words(review: PatientReview) -> str:
    """HER2 in a few words: status, and the score of each specimen with its day."""
    if not review.has_tests:
        if review.recorded:
            return f"HER2 recorded as {review.recorded}, by no test named"
        if review.site == OTHER_SITE:
            return f"HER2 not judged in this organ{f': {review.score}' if isinstance(review.score, str) else ''}"
        return "HER2 recorded, and not read" if review.unknown_tests else "HER2 not tested"
    status = review.status or "undetermined"
    if review.status is None and review.possible:
        status += f" ({' or '.join(review.possible)})"
    if review.expression and review.expression not in ("positive", "null"):
        status += f", {review.expression}"
    if review.change in (LOST, GAINED):
        status += " before therapy" if review.change == LOST else " in the residual tumour"
    shown = review.specimens[-MOST_SPECIMENS:]
    tests = ", then ".join(filter(None, (_specimen(specimen) for specimen in shown)))
    return f"HER2 {status}" + (f": {tests}" if tests else "")


def _specimen(specimen: SpecimenReview) -> str:
    said = {fact: said for fact, said, _ in specimen.tests}
    scores = [said["ihc_score"]] if "ihc_score" in said else []
    if "ish_result" in said:
        scores.append(f"ISH {said['ish_result']}")
    elif "her2_cep17_ratio" in said:
        scores.append(f"ISH ratio {said['her2_cep17_ratio']}")
    elif "her2_copies" in said:
        scores.append(f"ISH {said['her2_copies']} copies")
    about = ", ".join(filter(None, (specimen.side, specimen.kind, specimen.place, specimen.day)))
    return f"{', '.join(scores)}{f' ({about})' if about else ''}" if scores else ""


def _course_words(found: Standing) -> str:
    """Setting, drug, doses and the day counted from the last one."""
    setting = found.text("setting") if "setting" in found.values else "setting not recorded"
    if not found.started:
        phase_known = "therapy_phase" in found.values
        return f"{setting}, {'no dose yet' if phase_known else 'whether a dose was given is not known'}"
    last = found.day("product_last")
    day = f", last {last} (day {(found.on - last).days})" if last is not None else ""
    phase = found.text("therapy_phase") if "therapy_phase" in found.values else "whether it goes on is not known"
    if found.values.get("stopped_for_good") == "yes":
        phase = "stopped for good"
    going = "" if phase == "on treatment" else f", {phase}"
    partner = " and pertuzumab" if found.values.get("partner_pertuzumab") == "yes" else ""
    words = f"{setting}, {called(found, found.product or '')}{partner}, {counted(found.doses, 'dose')}{day}{going}"
    return f"{words}{_labs_words(found)}"


def _labs_words(found: Standing) -> str:
    """That laboratory values which the label wants before the next dose are old or not on record."""
    if not found.was_asked(LABS):
        return ""
    said = found.outcomes.get(LABS, "missing")
    return {"old": f"; {LABS_WORDS} older than a week", "missing": f"; {LABS_WORDS} not on record"}.get(said, "")


TOLD_OUTCOMES = ("dose_status", "echo_status", LABS)
"""What the lines of the next dose, of the heart and of the basis say in any case."""


def is_told_in_first_lines(review: PatientReview, finding: Finding) -> bool:
    """Whether the words of a finding stand in the first lines already."""
    verdicts = review.course.verdicts if review.course is not None else []
    if not verdicts:
        return False
    return finding in verdicts[0].findings[:1] or finding.key.partition(": ")[0] in TOLD_OUTCOMES


def other_findings(review: PatientReview, standing_remarks: Sequence[str]) -> Iterator[Finding]:
    """What is told below the first lines: every other finding, most urgent first; what holds for everybody is not."""
    for finding in all_findings(review):
        if not is_told_in_first_lines(review, finding) and finding.name not in standing_remarks:
            yield finding
