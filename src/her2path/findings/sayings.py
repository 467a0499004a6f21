"""A course told: the findings that its decisions mean, those of the record itself, and the plan.

Each thing is said once, the gravest first. What a value of an outcome means is `findings.md`'s; here stand only
the findings about the record that no table makes: what could not be read, what was taken how, what is assumed.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal

from ..facts.arithmetic import RULES
from ..facts.value import Interval, Reason, Unknown, Value
from ..history.kinds import METHODS
from ..history.names import ANTHRACYCLINES, CHEMOTHERAPIES, HER2_PRODUCTS, TAXANES
from ..record.event import Event, Record
from ..tables.decision import Decision
from .course import NOT_DECIDED, Courses
from .finding import Finding, Grade, PatientReview, in_order
from .plan import PlanItem, plan_of
from .questions import NOT_NO, UNDETERMINED, Saying, read_sayings
from .regimens import RULED_OUT, Fitting, fitting
from .standing import STATEMENT, Standing, plain_number, undated_doses

ADULT = 18
BACKGROUND = ("weight_kg", "height_cm")
DOSE_FACTS = frozenset({"dose_mg", "dose_mg_per_kg", "dose_mg_per_m2", "dose_given"})
OF_LVEF = ("lvef", "lvef_fall", "lvef_below_limit")
OF_DOSES = (
    "product", "schedule", "days_since_last_dose", "doses_given", "therapy_phase",
    "months_since_last_dose", "dose_days_late", "dose_deviation_percent", "weight_change_percent",
)  # fmt: skip


@dataclass(slots=True)
class CourseReview:
    """What is said of a patient's course: where it stands, the findings, the plan."""

    standing: Standing
    findings: list[Finding] = field(default_factory=list)
    plan: list[PlanItem] = field(default_factory=list)
    regimens: list[Fitting] = field(default_factory=list)


COUNTED_CYCLES = {"t-dm1": 14, "t-dxd": 14}
"""Cycles after surgery for residual disease: T-DM1 label, secondary; T-DXd the trial's design, remembered (tables of
`adjuvant_duration`)."""
HER2_DRUGS = frozenset(HER2_PRODUCTS)


def review_course(record: Record, patient: PatientReview, courses: Courses) -> CourseReview | None:
    """The course of a patient whose specimens were reviewed.

    `None` where her record has no HER2-directed drug and her tumour is not known to ask for one.
    """
    treated = any(event.product in HER2_DRUGS for event in record.course)
    if not treated and patient.status != "positive" and patient.expression not in ("low", "ultralow"):
        return None
    days = [specimen.day for specimen in patient.specimens if specimen.day]
    her2 = {"her2_status": patient.status, "her2_expression": patient.expression, "tumour_site": patient.site}
    if patient.specimens:
        score = patient.specimens[-1].status.given.values.get("ihc_score")
        her2["ihc_score"] = score if isinstance(score, str) else None
    first = dt.date.fromisoformat(min(days)) if days else None
    return tell(record, courses.review(record, her2, first), courses)


def tell(record: Record, found: Standing, courses: Courses) -> CourseReview:
    """The findings and the plan of a course."""
    findings = [
        *_of_decisions(found),
        *_of_allergy(found),
        *_of_person(record, found),
        *_of_record(record, found),
        *_of_assumptions(found),
    ]
    return CourseReview(found, in_order(findings), plan_of(found, courses), _regimens(found, courses))


def _regimens(found: Standing, courses: Courses) -> list[Fitting]:
    """The regimens that fit or could, where one is to be chosen: before the start, after progression, or with
    residual disease."""
    choosing = (
        found.values.get("therapy_phase") == "before start"
        or found.values.get("progression") == "yes"
        or found.values.get("pathological_response") == "residual"
    )
    if not choosing or found.day("death") is not None:
        return []

    metastatic = found.values.get("setting") == "metastatic"

    def get(name: str) -> Value | None:
        if name.startswith(OF_METASTATIC) and not metastatic:
            return NOT_DECIDED
        if name in found.outcomes:
            return found.outcomes[name]
        value = found.values.get(name)
        return courses.outcome(name, found) if value is None else value

    fits = [each for each in fitting(courses.knowledge, get) if each.verdict != RULED_OUT]
    return [each for each in fits if _still_open(each, found)]


OF_METASTATIC = ("metastatic_", "her2_low_", "t_dxd_next", "t_dm1_next", "tucatinib_next", "gastric_")


def _still_open(fitting: Fitting, found: Standing) -> bool:
    """False for chemotherapy regimens that begin with a drug never given, once chemotherapy was given, and for those
    before surgery or in place of it once the response to neoadjuvant therapy is known."""
    if found.values.get("setting") == "metastatic":
        return True
    if "pathological_response" in found.values:
        return any(name == "residual_disease_treatment" for name, _ in fitting.because)
    given = {event.product for event in found.timeline.events if event.fact in DOSE_FACTS}
    first = fitting.regimen.components[0].drug if fitting.regimen.components else ""
    treated = bool(given & {*CHEMOTHERAPIES, *TAXANES, *ANTHRACYCLINES})
    return not treated or first in given or first in HER2_PRODUCTS


class _Words(defaultdict[str, str]):
    """The facts of a course, for the words of a finding; unknown ones are said to be."""

    def __init__(self, found: Standing) -> None:
        super().__init__()
        self.found = found

    def __missing__(self, name: str) -> str:
        return self.found.text(name)


def _of_decisions(found: Standing) -> Iterator[Finding]:
    sayings = read_sayings()
    for key, decision in found.decisions.items():
        saying = sayings.get((decision.outcome, decision.value or UNDETERMINED))
        if decision.value is None and "no" not in decision.possible:
            saying = sayings.get((decision.outcome, NOT_NO), saying)
        if saying is not None:
            yield _finding(key, saying, decision, found)


def _finding(key: str, saying: Saying, decision: Decision, found: Standing) -> Finding:
    facts = _Words(found)
    if key != decision.outcome:
        facts["product"] = key.partition(" of ")[2]
    words, do = (text.format_map(facts) for text in (saying.say, saying.do))
    if decision.value is None:
        words = words.replace(
            "[possible]", " or ".join(decision.possible) or "nothing: the facts contradict each other"
        )
    remark = decision.remarks[0] if decision.remarks and not saying.do else ""
    used = [
        (name, found.text(name)) for name in dict.fromkeys(axis.fact.name for axis in decision.array.axes)
        if name in decision.given.values
    ]  # fmt: skip
    return Finding(
        saying.grade, words, tuple(dict.fromkeys(origin for name, _ in used for origin in origins_of(name, found))),
        f"{key}: {decision.value or UNDETERMINED}", do, _by(decision.outcome, found), tuple(decision.rows),
        tuple(decision.citations), tuple(used), _askable(decision, found) if decision.value is None else (), remark,
    )  # fmt: skip


def origins_of(fact: str, found: Standing) -> tuple[str, ...]:
    """The places of the record that a fact was read from."""
    if fact in found.latest:
        return (found.latest[fact].origin,)
    if fact == "lvef_baseline":
        return _at(found, ("lvef",), found.day("baseline"))
    if fact in OF_LVEF:
        baseline = _at(found, ("lvef",), found.day("baseline")) if fact == "lvef_fall" else ()
        return (*_at(found, ("lvef",), found.day("lvef")), *baseline)
    if fact in ("on_hold", "days_on_hold", "hold_count", "hold_open", "days_since_hold"):
        return _at(found, ("lvef", "hold_recorded"), found.day("hold"))
    if fact in ("ordered_product", "switch_intended"):
        return _at(found, ("ordered_mg", "ordered_mg_per_kg"), found.day("order"))
    if fact in ("doses_in_hold", "past_doses_in_hold"):
        return _at(found, DOSE_FACTS, found.day("dose_in_hold"), HER2_DRUGS)
    if fact in OF_DOSES:
        return _at(found, DOSE_FACTS, found.day("product_last"), frozenset({found.product or ""}))
    if fact in PRIOR_DRUGS:
        of_drug = [e for e in found.timeline.events if e.product in PRIOR_DRUGS[fact] and _is_past(e, found)]
        return (of_drug[-1].origin,) if of_drug else ()
    if fact in ("days_since_first_dose", "days_first_to_last_dose"):
        return _at(found, DOSE_FACTS, found.day("trastuzumab_first"), frozenset({found.product or ""}))
    if fact in ("setting", "pregnant", "heart_failure", "progression", "surgery_done", "weight_kg"):
        of_fact = [event for event in found.timeline.events if event.fact == fact and _is_past(event, found)]
        return (of_fact[-1].origin,) if of_fact else ()
    return ()


BY_DAY = {"echo_status": "echo_due", "hold_status": "latest_recovery", "dose_status": "next_dose"}
"""The day by which what an outcome asks for is to be done."""


def _by(outcome: str, found: Standing) -> dt.date | None:
    return found.day(BY_DAY[outcome]) if outcome in BY_DAY else None


def _askable(decision: Decision, found: Standing) -> tuple[tuple[str, ...], ...]:
    """What would settle a decision, in facts that can be asked for: derived ones by what they are derived from."""
    made = []
    for names in decision.would_settle:
        asked: dict[str, None] = {}
        for name in names:
            inputs = [each for each in INPUTS_OF.get(name, ()) if each not in found.values]
            asked |= dict.fromkeys(inputs or [name])
        made.append(tuple(asked))
    return tuple(dict.fromkeys(made))


INPUTS_OF = {rule.result: rule.inputs for rule in RULES}
PRIOR_DRUGS = {
    "prior_trastuzumab": frozenset({"trastuzumab-iv", "trastuzumab-sc", "phesgo"}), "prior_taxane": frozenset(TAXANES),
    "prior_anthracycline": frozenset(ANTHRACYCLINES), "prior_t_dm1": frozenset({"t-dm1"}),
    "prior_t_dxd": frozenset({"t-dxd"}), "taxane_cycles_given": frozenset(TAXANES),
}  # fmt: skip
"""The drugs whose last dose a fact was read from."""


def _is_past(event: Event, found: Standing) -> bool:
    return event.day is not None and event.day <= found.on


def _at(
    found: Standing, facts: Iterable[str], day: dt.date | None, products: frozenset[str] | None = None
) -> tuple[str, ...]:
    """Where the events of a day stand that say some facts, of some products."""
    wanted = frozenset(facts)
    events = (
        event for event in found.timeline.events
        if event.day == day and event.fact in wanted and (products is None or event.product in products)
    )  # fmt: skip
    return tuple(dict.fromkeys(event.origin for event in events))


def _of_record(record: Record, found: Standing) -> Iterator[Finding]:
    """What the record itself has: values that could not be read or placed, and how some were taken."""
    future = [event for event in record.course if event.day is not None and event.day > found.on]
    if future:
        many = "entries of the course are" if len(future) > 1 else "entry of the course is"
        words = f"{len(future)} {many} dated after {found.on} and not used"
        yield Finding(Grade.NOTE, words, tuple(dict.fromkeys(event.origin for event in future))[:3])
    unmeasured: dict[str, list[Event]] = {}
    for event in record.course:
        if event.day is not None and event.day > found.on:
            continue
        if isinstance(event.value, Unknown) and (event.value.reason is not Reason.ABSENT or event.value.detail):
            if event.fact in BACKGROUND or event.value.reason is Reason.ABSENT:
                continue  # of weights and heights the readable ones count; an amount left out is no error
            day = f" of {event.day}" if event.day else ""
            yield Finding(Grade.UNREADABLE, f"{event.fact}{day} unknown, {event.value}", (event.origin,))
        elif event.fact == "dose_given" and event.day is None:
            continue  # said once, as doses on days that are not recorded
        elif event.fact == "dose_given" and STATEMENT not in event.note:
            unmeasured.setdefault(event.product, []).append(event)
        elif event.note:
            what = event.product if event.fact == "dose_given" else event.fact
            yield Finding(Grade.NOTE, f"{what}: {event.note}", (event.origin,))
    if unmeasured:
        told = ", ".join(f"{product} {len(events)}" for product, events in sorted(unmeasured.items()))
        origins = tuple(events[0].origin for events in unmeasured.values())[:3]
        yield Finding(Grade.NOTE, f"doses without an amount: {told}", origins)
    for event in found.timeline.undated:
        if event.value not in ("no",) and event.fact != "dose_given":
            words = f"{event.fact} {event.product} has no date and cannot be placed".replace("  ", " ")
            yield Finding(Grade.MISSING, words, (event.origin,))
    for event in found.timeline.narrowed:
        if isinstance(event.value, Interval) and event.day is not None and event.day <= found.on:
            words = f"{event.fact} {event.value} on {event.day}: its history takes the lower end"
            yield Finding(Grade.NOTE, words, (event.origin,))
    for one, other in found.differing:
        words = f"{one.fact}: {one.value} and {other.value} on one day ({one.day}); both are kept as possible"
        yield Finding(Grade.CONTRADICTION, words, (one.origin, other.origin))
    yield from _of_lvef(found)
    yield from _of_drugs(found)


def _of_lvef(found: Standing) -> Iterator[Finding]:
    if (day := found.day("same_day")) is not None:
        events = [e for e in found.timeline.events if e.fact == "lvef" and e.day == day]
        said = " and ".join(dict.fromkeys(e.said or str(e.value) for e in events))
        words = f"two LVEFs on {day} ({said}): the lower counts"
        yield Finding(Grade.NOTE, words, tuple(dict.fromkeys(event.origin for event in events)))
    baseline, latest = found.state["baseline_method"], found.state["lvef_method"]
    if min(baseline, latest) > 0 and baseline != latest:
        words = (
            f"LVEF by {METHODS[latest]} is compared with a baseline by {METHODS[baseline]}: methods differ by points"
        )
        yield Finding(Grade.NOTE, words, (*origins_of("lvef", found), *origins_of("lvef_baseline", found)))
    if found.day("other_hold") is not None:
        words = f"on hold since {found.day('other_hold')} for another reason than the heart: not counted"
        yield Finding(Grade.NOTE, words, _at(found, ("hold_recorded",), found.day("other_hold")))


def _of_drugs(found: Standing) -> Iterator[Finding]:
    strange = sorted({event.product for event in found.timeline.unplaced if event.fact in DOSE_FACTS and event.product})
    if strange:
        yield Finding(Grade.NOTE, f"doses of {', '.join(strange)} are not followed here")
    if found.values.get("course_restarted") == "yes":
        words = f"the course began anew on {found.day('first')} after more than a year without a dose"
        yield Finding(Grade.NOTE, words, _at(found, DOSE_FACTS, found.day("first")))
    brands = brands_given(found.timeline.events)
    if len(brands) > 1:
        told = ", then ".join(f"{brand} from {day}" for brand, day in brands)
        yield Finding(Grade.NOTE, f"brands changed: {told}; holds and the year are counted over all of them")


def brands_given(events: list[Event]) -> list[tuple[str, dt.date]]:
    """The brands of trastuzumab given, each with its first day, in their order."""
    found: dict[str, dt.date] = {}
    for event in events:
        if event.fact in DOSE_FACTS and event.product == "trastuzumab-iv" and event.qualifier and event.day:
            found.setdefault(event.qualifier, event.day)
    return list(found.items())


def _of_allergy(found: Standing) -> Iterator[Finding]:
    """A hypersensitivity on record against the product in hand or on order."""
    allergy = found.values.get("allergy")
    in_play = (found.values.get("product"), found.values.get("ordered_product"))
    products = {product for product in in_play if isinstance(product, str)}
    holds = {
        "trastuzumab": {"trastuzumab-iv", "trastuzumab-sc", "phesgo", "t-dm1", "t-dxd"},
        "hyaluronidase": {"trastuzumab-sc", "phesgo"},
    }  # fmt: skip
    for name, where in holds.items():
        if allergy == name and products & where:
            told = " and ".join(sorted(products & where))
            words = f"an allergy to {name} is recorded, and {told} holds it"
            yield Finding(Grade.ALARM, words, origins_of("allergy", found), "allergy: recorded", "Ask before any dose.")
    if allergy == "benzyl alcohol" and "trastuzumab-iv" in products:
        words = "an allergy to benzyl alcohol is recorded: dissolve with sterile water, one dose a vial, use at once"
        yield Finding(Grade.ACT, words, origins_of("allergy", found))


def _cost(found: Standing) -> Iterator[Finding]:
    """What the doses given so far cost by the site's own prices."""
    prices, total, unpriced = found.site.prices, Decimal(0), 0
    if not prices:
        return
    for event in found.timeline.events:
        if event.fact not in DOSE_FACTS or event.product not in HER2_DRUGS or not _is_past(event, found):
            continue
        if event.fact == "dose_mg" and isinstance(event.value, Decimal) and event.qualifier in prices:
            total += event.value * prices[event.qualifier]
        else:
            unpriced += 1
    if not total:
        return
    more = f"; {unpriced} without a price or an amount are not in it" if unpriced else ""
    words = f"the doses given so far cost {total:.2f} {found.site.currency}".rstrip() + f" by the site's prices{more}"
    yield Finding(Grade.NOTE, words)


def _of_person(record: Record, found: Standing) -> Iterator[Finding]:
    """What does not fit the person: a man who is pregnant, a child, a last LVEF that could not be read."""
    if found.values.get("sex") == "male" and found.values.get("pregnant") == "yes":
        yield Finding(Grade.CONTRADICTION, "the record says male and pregnant", origins_of("pregnant", found))
    age = found.values.get("age_years")
    if isinstance(age, Decimal) and age < ADULT and (found.started or "ordered_product" in found.values):
        words = f"{plain_number(age)} years old: the labels are for adults"
        yield Finding(Grade.ACT, words, origins_of("birth_date", found))
    last = found.day("lvef")
    unread = [
        event for event in record.course
        if event.fact == "lvef" and isinstance(event.value, Unknown) and event.day is not None
        and event.day <= found.on and (last is None or event.day > last)
    ]  # fmt: skip
    if unread and found.started:
        event = unread[-1]
        judged = f"the heart is judged by that of {last}" if last else "none other is recorded"
        words = f"the LVEF of {event.day} ({event.said}) could not be read; {judged}"
        yield Finding(Grade.ACT, words, (event.origin,), "lvef: unread", "Find the value before the next dose.")
    undated = undated_doses(found.timeline)
    if undated and not found.started:
        drugs = ", ".join(sorted({event.product for event in undated}))
        words = f"{drugs} was given on days that are not recorded: where the course stands is not known"
        yield Finding(Grade.MISSING, words, tuple(event.origin for event in undated)[:3])


def _of_assumptions(found: Standing) -> Iterator[Finding]:
    if not found.started or found.values.get("alive") == "no":
        return
    yield from _cost(found)
    if "lvef_lower_limit" in found.site.assumed:
        words = f"lower limit of normal LVEF assumed to be {found.site.limit} %; a site sets its own"
        yield Finding(Grade.NOTE, words)
    cycles = COUNTED_CYCLES.get(found.product or "")
    if cycles and found.values.get("setting") == "adjuvant" and found.values.get("therapy_phase") == "on treatment":
        yield Finding(Grade.NOTE, f"cycle {found.state['product_doses']} of {cycles} of {found.product} was the last")
    if found.outcomes.get("echo_interval") == "not stated" and found.values.get("therapy_phase") == "on treatment":
        yield Finding(Grade.NOTE, f"the label of {found.product} names no interval for LVEF; the site's rule decides")
    if found.values.get("therapy_phase") is None:
        words = (
            f"no dose since {found.day('product_last')} and no record of a stop: whether the course goes on is unknown"
        )
        yield Finding(Grade.MISSING, words, origins_of("days_since_last_dose", found))
