"""One patient on a page: verdict, next dose, what to do; the timeline, findings, what is missing, and what if."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import Response

from ...facts.value import Unknown
from ...findings.course.standing import Standing
from ...findings.plan.items import PlanItem
from ...findings.reviews import PatientReview
from ...record.event import Event, Record
from ...write.text.first_lines import WIDTH, called, first_lines, reason_words, tasks_of
from ...write.text.worklist import NO_COURSE
from ..loaded import Loaded, Opened
from .findings import addresses, counts_of, shown_findings, shown_specimens
from .missing import missing_of
from .rendering import VERDICTS, page
from .tables import spoken
from .timeline.course import course_of
from .timeline.drawing import AROUND_TODAY, SIZES, drawings
from .what_if import LVEF, Asked, Stretch, answer, asked_of, lvef_strip, offered, without_lvef

MOST_TASKS = 4
RECEPTORS = ("er_status", "pr_status")


@dataclass(frozen=True, slots=True)
class Banner:
    """The first look: the verdict, the drugs it is on, why, and lines of a label and words each."""

    verdict: str
    drugs: str
    state: str
    why: str
    lines: Sequence[tuple[str, str]]
    tasks: Sequence[str]
    more_tasks: Sequence[str]
    others: Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Said:
    """A fact of the head of the page: its label and words; `is_old` where it wants to be looked at."""

    label: str
    words: str
    is_old: bool = False


def find(request: Request, loaded: Loaded) -> Opened | None:
    """The patient that an address names."""
    which = request.query_params.get("which", "0")
    number = int(which) if which.isascii() and which.isdigit() and len(which) < 9 else 0
    return loaded.open(request.query_params.get("id", ""), number)


def not_found(request: Request, loaded: Loaded) -> Response:
    """The page of a patient who is not there."""
    told = request.query_params.get("id", "")[:80]
    words = f"No patient is called {told}." if told else "No patient is named."
    return page(
        request, loaded, "message.html", 404, title="Not found", words=words,
        hint="The worklist has everybody who is loaded.",
    )  # fmt: skip


def patient(request: Request, loaded: Loaded) -> Response:
    """The page."""
    opened = find(request, loaded)
    if opened is None:
        return not_found(request, loaded)
    return shown(request, loaded, opened)


def launched(request: Request, loaded: Loaded, record: Record, unseen: Sequence[str]) -> Response:
    """The page of a patient opened from her record system; `unseen` is what that did not show of her."""
    return shown(request, loaded, loaded.review(record), is_loaded=False, launched=True, unseen=unseen, menu=())


def shown(request: Request, loaded: Loaded, opened: Opened, is_loaded: bool = True, **more: Any) -> Response:
    """The page of one patient opened. Of one who is not among those loaded (`Loaded.review` opens any record) it has no
    plan and no what if, whose addresses would name her. `more` goes to the page."""
    review, on, knowledge = opened.review, loaded.settings.on, loaded.knowledge
    named = addresses(review)
    course = course_of(opened, named, on)
    missing = missing_of(review)
    banner = banner_of(review)
    is_near = request.query_params.get("view") == "near"
    asked = asked_of(request.query_params, loaded, usual_fact(review))
    if asked.is_asked:
        asked = answer(asked, opened, loaded)
    return page(
        request, loaded, "patient.html", is_loaded=is_loaded, opened=opened, review=review, id=review.patient,
        which=request.query_params.get("which", ""), banner=banner, head=list(head_of(opened, on)),
        course=course, is_near=is_near, rows=course.rows(),
        drawn=drawings(course, "Timeline of the course", AROUND_TODAY if is_near else SIZES),
        findings=shown_findings(review, named, knowledge), specimens=shown_specimens(review, knowledge),
        counts=counts_of(list(named)), missing=missing, sources=knowledge.sources,
        plan=[(when_of(item), item) for item in (review.course.plan if review.course else ())],
        troubles=[*opened.record.troubles, *opened.record.passed_over],
        **what_if_told(asked, opened, loaded, request.query_params.get("strip") == "yes"),
        **{"launched": False, "unseen": (), **more},
    )  # fmt: skip


def what_if(request: Request, loaded: Loaded) -> Response:
    """The part of the page that answers what if."""
    opened = find(request, loaded)
    if opened is None:
        return not_found(request, loaded)
    asked = answer(asked_of(request.query_params, loaded), opened, loaded)
    return page(
        request, loaded, "what_if_part.html", id=opened.review.patient, which=request.query_params.get("which", ""),
        **what_if_told(asked, opened, loaded),
    )  # fmt: skip


def strip(request: Request, loaded: Loaded) -> Response:
    """The part of the page with the verdict by LVEF."""
    opened = find(request, loaded)
    if opened is None:
        return not_found(request, loaded)
    asked = asked_of(request.query_params, loaded)
    return page(
        request, loaded, "strip_answer.html", id=opened.review.patient, which=request.query_params.get("which", ""),
        **what_if_told(asked, opened, loaded, with_strip=True),
    )  # fmt: skip


def what_if_told(asked: Asked, opened: Opened, loaded: Loaded, with_strip: bool = False) -> dict[str, Any]:
    """What the part of what if shows. The strip is sixty reviews, and comes after the page."""
    lacking = [name for finding in opened.review.every_finding() for names in finding.settle for name in names]
    facts, course = loaded.knowledge.facts, opened.review.course
    stretches = lvef_strip(opened, loaded) if with_strip else []
    return {
        "without": without_lvef(opened, loaded) if stretches else None,
        "asked": asked, "offered": [facts[name] for name in offered(lacking, loaded)], "strip": stretches,
        "strip_drawn": strip_of(stretches, asked.value) if stretches else Markup(""),
        "has_drug": course is not None and _goes_on(course.standing),
    }  # fmt: skip


def _goes_on(found: Standing) -> bool:
    """Whether a next LVEF could change anything: there is a drug, and she lives."""
    return bool(found.in_hand) and found.values.get("alive") != "no"


def usual_fact(review: PatientReview) -> str:
    """What is asked first: the LVEF of who has a drug, else the first fact that an open question lacks."""
    has_drug = review.course is not None and bool(review.course.standing.in_hand)
    lacking = (name for finding in review.every_finding() for names in finding.settle for name in names)
    return LVEF if has_drug else next(lacking, LVEF)


def banner_of(review: PatientReview) -> Banner:
    """The first look at a patient, from the first lines of her review."""
    lines = [(line[:WIDTH].strip().capitalize(), line[WIDTH:]) for line in first_lines(review)]
    course = review.course
    tasks = [spoken(task) for task in tasks_of(review)]
    if course is None or not course.verdicts:
        basis = next(words for label, words in lines if label == "Basis")
        return Banner(NO_COURSE, "", "", spoken(basis), (), tasks[:MOST_TASKS], tasks[MOST_TASKS:], ())
    found, first = course.standing, course.verdicts[0]
    same = [each for each in course.verdicts if each.verdict == first.verdict and each.reason == first.reason]
    others = [(called(found, each.drug), each.verdict) for each in course.verdicts if each not in same]
    told = [(label, spoken(words).replace(" -> ", " → ")) for label, words in lines[1:] if label != "Do now"]
    reason = reason_words(found, first)
    return Banner(
        first.verdict, " and ".join(called(found, each.drug) for each in same if each.drug), _hold_words(found),
        spoken(reason[:1].upper() + reason[1:]), told, tasks[:MOST_TASKS], tasks[MOST_TASKS:], others,
    )  # fmt: skip


def _is_over(found: Standing) -> bool:
    return found.values.get("stopped_for_good") == "yes"


def _hold_words(found: Standing) -> str:
    """How far an open hold has come: "day 43 of 56"."""
    begun, by = found.day("hold"), found.day("latest_recovery")
    if begun is None or by is None or found.values.get("hold_open") != "yes" or _is_over(found):
        return ""
    return f"day {(found.on - begun).days} of {(by - begun).days}"


def head_of(opened: Opened, on: dt.date) -> Iterator[Said]:
    """Who she is: what the record says of the person, and of the tumour in a word each."""
    review = opened.review
    last = _latest(opened.record.course, on)
    person = [str(last[name].value) for name in ("sex",) if name in last]
    born = last.get("birth_date")
    if born is not None and isinstance(born.value, str):
        try:
            day = dt.date.fromisoformat(born.value)
            person.append(str(on.year - day.year - ((on.month, on.day) < (day.month, day.day))))
        except ValueError:
            pass
    if person:
        yield Said("", ", ".join(person))
    if born is not None:
        yield Said("born", str(born.value))
    if "height_cm" in last:
        yield Said("height", f"{last['height_cm'].value} cm")
    found = review.course.standing if review.course is not None else None
    weight = last.get("weight_kg")
    if weight is not None and weight.day is not None:
        is_old = found is not None and found.values.get("weight_beyond_limit") == "yes"
        days = (on - weight.day).days
        yield Said("weight", f"{weight.value} kg, {days} {'day' if days == 1 else 'days'} old", is_old)
    allergies = sorted({str(e.value) for e in opened.record.course if e.fact == "allergy" and _known(e, on)})
    yield Said("allergies", ", ".join(allergies) or "none recorded", bool(allergies))
    receptors = [f"{name[:2].upper()} {last[name].value}" for name in RECEPTORS if name in last]
    if receptors:
        yield Said("", ", ".join(receptors))
    if found is not None and "setting" in found.values:
        yield Said("setting", found.text("setting"))
    if review.site and review.site != "breast":
        yield Said("site", review.site)


def _known(event: Event, on: dt.date) -> bool:
    return not isinstance(event.value, Unknown) and (event.day is None or event.day <= on)


def _latest(events: Sequence[Event], on: dt.date) -> dict[str, Event]:
    """The last of each fact up to the day."""
    last: dict[str, Event] = {}
    for event in events:
        if _known(event, on) and (
            event.fact not in last or (event.day or dt.date.min) >= (last[event.fact].day or dt.date.min)
        ):
            last[event.fact] = event
    return last


def when_of(item: PlanItem) -> str:
    """When something planned is."""
    if item.earliest and item.latest and item.earliest != item.latest:
        return f"{item.earliest} to {item.latest}"
    if item.earliest is None and item.latest is not None:
        return f"until {item.latest}" if item.kind != "echo" else f"by {item.latest}"
    return str(item.earliest or "day not known")


# -- the strip of LVEF --------------------------------------------------------------------------

WIDE, EDGE = 340, 8


def strip_of(stretches: Sequence[Stretch], asked: str) -> Markup:
    """The verdict by LVEF, every whole percent of it asked, as a strip; a pin at the value that was asked."""
    low, high = stretches[0].low, stretches[-1].high + 1
    parts, told = [], []

    def x(percent: float) -> float:
        return round(EDGE + (percent - low) / (high - low) * (WIDE - 2 * EDGE), 1)

    for stretch in stretches:
        kind = VERDICTS[stretch.verdict][0]
        left, right = x(stretch.low), x(stretch.high + 1)
        said = f"{stretch.low} to {stretch.high} %: {stretch.verdict}"
        told.append(said)
        parts.append(
            f'<rect class="s-{kind}" x="{left + 0.5}" y="18" width="{right - left - 1:.1f}" height="24" rx="4"/>'
        )
        word = stretch.verdict.removesuffix(" THE ORDER").lower()
        if right - left > 6.4 * len(word) + 6:
            parts.append(
                f'<text class="t-{kind}" x="{(left + right) / 2:.1f}" y="34" text-anchor="middle">{word}</text>'
            )
        if stretch is not stretches[0]:
            parts.append(f'<text x="{left}" y="57" text-anchor="middle">{stretch.low}</text>')
    parts.append(
        f'<text x="{EDGE}" y="57">{low}</text><text x="{WIDE - EDGE}" y="57" text-anchor="end">{high - 1}</text>'
    )
    try:
        pin = float(asked)
    except ValueError:
        pin = -1.0
    if low <= pin <= high:
        at = x(pin)
        parts.append(f'<path class="pin" d="M{at} 17l-5-7h10z"/>')
        parts.append(f'<text class="pint" x="{at}" y="8" text-anchor="middle">{pin:g}</text>')
    return Markup(
        '<svg class="strip" viewBox="0 0 {} 64" role="img" aria-label="LVEF of today, all other facts as they are. {}">'
    ).format(WIDE, "; ".join(told)) + Markup("".join(parts) + "</svg>")
