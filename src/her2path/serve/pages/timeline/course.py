"""The timeline of a patient from her record and her review."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import groupby

from ....facts.value import Unknown
from ....findings.course.standing import Standing
from ....findings.finding import Finding, Grade
from ....findings.reviews import PatientReview
from ....history.kinds import DOSE_FACTS
from ....record.columns import UNKNOWN
from ....record.event import Event
from ....write.tables.patients import episodes_table
from ....write.text.first_lines import called
from ...loaded import Opened, number_of
from .marks import DOSES, HEART, PARTNER, TISSUE, Course, Hold, Lane, Level, Mark, Window
from .scale import short_day

LOADS = ("first of the course", "first", "reload")
"""The steps of a label that are told as loading."""
OF_DOSES = ("unsafe_dose", "pregnancy_exposure")
"""Outcomes that speak of doses given, beside the questions on each dose."""
MOST_PARTNERS = 6
TONES = 4


def course_of(opened: Opened, names: Mapping[Finding, str], on: dt.date) -> Course:
    """The timeline of a patient; `names` are the addresses of the findings on the page, so that marks lead to them."""
    review = opened.review
    found = review.course.standing if review.course is not None else None
    course = Course(on)
    leads = _leads(names)
    courses = opened.reviewed.courses
    against = _leads(names, {*OF_DOSES, *(courses.judged.answers if courses is not None else ())})
    course.lanes += _tissue(review, opened.record.course, on)
    heart = _heart(opened, found, leads, on)
    if heart is not None:
        course.lanes.append(heart)
        course.levels += _levels(found)
    course.holds += _holds(opened, found, on)
    doses = list(_doses(opened, found, against))
    course.lanes += doses
    course.lanes += _partners(opened, found, len(doses), on)
    course.windows += _windows(found)
    course.described = _described(course)
    return course


def _leads(names: Mapping[Finding, str], outcomes: Collection[str] = ()) -> dict[str, str]:
    """By place of the record the gravest finding that speaks of it and asks for something; of some outcomes alone."""
    leads: dict[str, str] = {}
    for finding, name in names.items():
        outcome = finding.key.partition(":")[0].partition(" of ")[0]
        if finding.grade <= Grade.CONTRADICTION and (not outcomes or outcome in outcomes):
            for origin in finding.origins:
                leads.setdefault(origin, name)
    return leads


# -- tissue -------------------------------------------------------------------------------------


def _tissue(review: PatientReview, events: list[Event], on: dt.date) -> Iterator[Lane]:
    """The lane of specimens and of what happened to the tumour; a lane a side where there are two."""
    sides = list(dict.fromkeys(specimen.side for specimen in review.specimens if specimen.side))
    happened = list(_happened(events, on))
    if len(sides) < 2:
        marks = [*_tests(review, ""), *happened]
        if marks:
            yield Lane("Tissue", "HER2, surgery", TISSUE, sorted(marks, key=_day))
        return
    for number, side in enumerate(sides):
        marks = [*_tests(review, side), *(() if number else (*_tests(review, None), *happened))]
        yield Lane(f"Tissue, {side}", "HER2" if number else "HER2, surgery", TISSUE, sorted(marks, key=_day))


def _day(mark: Mark) -> dt.date:
    return mark.day


def _tests(review: PatientReview, side: str | None) -> Iterator[Mark]:
    """The specimens of a side; of all of them for "", of none for `None`."""
    for specimen in review.specimens:
        if side not in ("", specimen.side or None):
            continue
        try:
            day = dt.date.fromisoformat(specimen.day)
        except ValueError:
            continue
        said = {fact: words for fact, words, _ in specimen.tests}
        label = said.get("ihc_score") or ("ISH" if said else "?")
        status = specimen.status.value or "undetermined"
        about = " ".join(filter(None, (specimen.side, specimen.kind, specimen.place)))
        tested = ", ".join(f"{fact.replace('_', ' ')} {words}" for fact, words in said.items())
        yield Mark(
            day, "test", f"{day}: {about or 'specimen'}, {tested}: HER2 {status}", label[:4], value=tested,
            says=f"HER2 {status}{f' ({about})' if about else ''}",
        )  # fmt: skip


HAPPENED = {
    ("surgery_done", "yes"): ("surgery", "surgery"), ("progression", "yes"): ("progression", "progression"),
    ("pregnant", "yes"): ("pregnancy", "pregnant"), ("pregnancy_test", "positive"): ("pregnancy", "pregnancy test +"),
}  # fmt: skip


def _happened(events: list[Event], on: dt.date) -> Iterator[Mark]:
    for event in events:
        kind, label = HAPPENED.get((event.fact, str(event.value)), ("", ""))
        if kind and event.day is not None and event.day <= on:
            yield Mark(event.day, kind, f"{event.day}: {label}", label, is_bad=kind == "progression", value=label)


# -- heart --------------------------------------------------------------------------------------


def _heart(opened: Opened, found: Standing | None, leads: Mapping[str, str], on: dt.date) -> Lane | None:
    limit = float(found.site.limit) if found is not None else None
    baseline_day = found.day("baseline") if found is not None else None
    baseline = found.values.get("lvef_baseline") if found is not None else None
    base = number_of(baseline) if baseline is not None else None
    marks = []
    told_first = False
    for event in opened.record.course:
        if event.fact == "heart_failure" and str(event.value) == "yes" and event.day is not None and event.day <= on:
            marks.append(
                Mark(event.day, "failure", f"{event.day}: heart failure", "heart failure", is_bad=True, value="yes")
            )
        if event.fact != "lvef" or event.day is None or event.day > on or isinstance(event.value, Unknown):
            continue
        percent = number_of(event.value)
        if percent is None:
            continue
        is_low = limit is not None and percent < limit
        is_first = event.day == baseline_day and percent == base and not told_first
        told_first |= is_first
        method = f" by {event.qualifier}" if event.qualifier and event.qualifier != "unspecified" else ""
        moved = f", {percent - base:+g} points from the baseline" if base is not None and not is_first else ""
        says = "; ".join(
            filter(None, ("baseline" if is_first else moved.lstrip(", "), "below the limit" if is_low else ""))
        )
        marks.append(
            Mark(
                event.day,
                "lvef",
                f"{event.day}: LVEF {event.value} %{method}{moved}{', below the limit' if is_low else ''}",
                f"{percent:g}",
                percent,
                is_first,
                is_low,
                leads.get(event.origin, ""),
                f"{event.value} %{method}",
                says,
            )
        )
    if opened.review.course is not None:
        marks += _next_lvef(opened.review, on)
    if not marks:
        return None
    return Lane("Heart", "LVEF, %", HEART, sorted(marks, key=lambda mark: (mark.day, mark.is_bad)))


def _next_lvef(review: PatientReview, on: dt.date) -> Iterator[Mark]:
    assert review.course is not None
    for item in review.course.plan:
        if item.kind == "echo" and (day := item.latest or item.earliest) is not None:
            is_one = item.earliest is None or item.earliest == day
            by = f"by {day}" if is_one or item.earliest is None else f"{item.earliest} to {day}"
            label = f"by {short_day(day)}" if is_one or item.earliest is None else f"from {short_day(item.earliest)}"
            shown = max(day if is_one or item.earliest is None else item.earliest, on)
            yield Mark(shown, "next", f"Next: {item.what}, {by}", label, value=by, says=item.what)


def _levels(found: Standing | None) -> Iterator[Level]:
    """The baseline, the site's limit, and the falls at which a row of the table of the heart changes."""
    if found is None:
        return
    limit, baseline = found.site.limit, found.values.get("lvef_baseline")
    base = number_of(baseline) if baseline is not None else None
    down = f" (−{base - float(limit):g})" if base is not None and base > limit else ""
    yield Level(float(limit), f"limit {limit.normalize():f}{down}", "limit")
    if base is None:
        return
    yield Level(base, f"baseline {base:g}", "base")
    decision = found.decision("cardiac_action")
    if decision is None or "lvef_fall" not in decision.array.place:
        return
    axis = decision.array.axes[decision.array.place["lvef_fall"]]
    edges = (axis.fact.plausible.low, axis.fact.plausible.high)
    points = sorted({point for point, _ in axis.cuts if point not in edges and point > 0})
    for point, following in zip(points, [*points[1:], None], strict=True):
        if following is not None and following - point <= 1:
            continue  # "at most 15" and "16 and more" are one limit for whole points
        level = base - float(point)
        if level != float(limit):
            yield Level(level, f"−{point.normalize():f}: {level:g}", "fall")


def _holds(opened: Opened, found: Standing | None, on: dt.date) -> Iterator[Hold]:
    if found is None:
        return
    for row in episodes_table(opened.reviewed).to_pylist():
        if row["kind"] != "hold":
            continue
        first, last = row["first_day"], row["last_day"]
        is_open = last is None
        by = found.day("latest_recovery") if found.values.get("stopped_for_good") != "yes" else None
        end = last or max(by or on, first)
        why = f" ({row['reason']})" if row["reason"] else ""
        if is_open:
            words = f"Hold for the heart since {first}{why}{f'; recovery to be shown by {by}' if by else ''}"
        else:
            words = f"Hold for the heart from {first} to {last}{why}"
        yield Hold(first, end, is_open, words)


# -- doses --------------------------------------------------------------------------------------


def _doses(opened: Opened, found: Standing | None, leads: Mapping[str, str]) -> Iterator[Lane]:
    """A lane a HER2-directed product, in the order of their first doses; what is to come is hollow."""
    courses = opened.reviewed.courses
    if found is None or courses is None:
        return
    made, record = courses.judged.made, opened.reviewed.record
    steps, told = found.rules.knowledge.facts["dose_step_due"].values, courses.judged.of(0)
    due = courses.judged.facts.get("dose_step_due")
    marks: dict[str, list[Mark]] = {}
    brands: dict[str, str] = {}
    for place, entry in enumerate(told):
        if bool(made.is_order[place]):
            continue
        event = record.event(int(made.row[place]))
        if event.day is None:
            continue
        drug = str(entry["product"])
        step = steps[int(due[place])] if due is not None and 0 <= int(due[place]) < len(steps) else ""
        points = entry["points"]
        is_load = step in LOADS and points.get("dose_step") in ("as due", "first of the course")
        is_load |= points.get("dose_step") == "loading repeated"
        finding = leads.get(event.origin, "")
        per_kg = int(made.per_kg[place])
        has_amount = int(made.mg[place]) != UNKNOWN or per_kg != UNKNOWN
        product = found.rules.codes.page.products.get(drug)
        drawn = per_kg if product is not None and product.by_weight else int(made.mg[place])
        number = drawn / 1000 if drawn != UNKNOWN else (0.0 if has_amount else None)
        amount = str(entry["amount"]) if has_amount else "amount not recorded"
        brand = event.qualifier
        changed = brand if brand and brand != brands.get(drug) else ""
        if brand:
            brands[drug] = brand
        kind = "loading" if is_load else ""
        late = {"late": "late", "too early": "too early", "was too early": "too early"}.get(
            points.get("dose_interval"), ""
        )
        says = ", ".join(filter(None, (kind, late, "against a finding" if finding else "")))
        named = brand.title() if brand else called(found, drug)
        marks.setdefault(drug, []).append(
            Mark(
                event.day,
                "dose",
                f"{event.day}: {named} {amount}{f', {says}' if says else ''}",
                f"{float(f'{number:.1f}'):g}"
                if number and product and product.by_weight and (is_load or finding)
                else "",
                number,
                is_load,
                bool(finding),
                finding,
                f"{brand.title() + ' ' if brand else ''}{amount}",
                says,
                changed,
            )
        )
    for item in opened.review.course.plan if opened.review.course is not None else ():
        if item.kind == "dose" and item.earliest is not None:
            words = item.details.get("dose_mg")
            amount = f"{words} mg" if words else item.details.get("dose", "amount not settled")
            marks.setdefault(item.drug, []).append(
                Mark(item.earliest, "next", f"Next: {item.what}, {item.earliest}", amount, value=amount, says=item.what)
            )
    for place, (drug, of_drug) in enumerate(marks.items()):
        product = found.rules.codes.page.products.get(drug)
        given = [mark for mark in of_drug if mark.kind == "dose"]
        listed = list(dict.fromkeys(mark.brand for mark in given if mark.brand))
        name = listed[0].title() if len(listed) == 1 else _capital(called(found, drug))
        unit = "mg/kg" if product is not None and product.by_weight else "fixed dose"
        schedule = f", {found.text('schedule')}" if drug == found.product and "schedule" in found.values else ""
        shown = of_drug if len(listed) > 1 else [replace(mark, brand="") for mark in of_drug]
        yield Lane(name, f"{unit}{schedule}", DOSES, sorted(shown, key=_day), place % TONES + 1)


def _short(number: float) -> str:
    """A number with one decimal at most."""
    return f"{round(number, 1):g}"


def _capital(words: str) -> str:
    return words[:1].upper() + words[1:]


def _partners(opened: Opened, found: Standing | None, lanes: int, on: dt.date) -> Iterator[Lane]:
    """The other drugs, a lane each; those beyond the first few in one lane."""
    ours = set(found.rules.codes.products) if found is not None else set()
    given: dict[str, dict[dt.date, Event]] = {}
    for event in opened.record.course:
        if event.fact in DOSE_FACTS and event.product and event.product not in ours and event.day is not None:
            if event.day > on or (event.fact == "dose_given" and str(event.value) != "yes"):
                continue
            held = given.setdefault(event.product, {}).get(event.day)
            if held is None or held.fact == "dose_given":
                given[event.product][event.day] = event
    units = {"dose_mg": "mg", "dose_mg_per_kg": "mg/kg", "dose_mg_per_m2": "mg/m²"}
    shown, rest = list(given.items())[:MOST_PARTNERS], list(given.items())[MOST_PARTNERS:]
    for place, (drug, by_day) in enumerate(shown):
        marks = [_partner(drug, event, units) for _, event in sorted(by_day.items())]
        amounts = list(dict.fromkeys(mark.value for mark in marks))
        sub = amounts[0] if len(amounts) == 1 and marks[0].number is not None else _unit(by_day.values(), units)
        yield Lane(
            _capital(drug), sub.replace("amount not recorded", "no amount"), PARTNER, marks, (lanes + place) % TONES + 1
        )
    if rest:
        marks = sorted((_partner(drug, event, units) for drug, by_day in rest for event in by_day.values()), key=_day)
        yield Lane("Others", ", ".join(drug for drug, _ in rest)[:24], PARTNER, marks, TONES)


def _unit(events: Iterable[Event], units: Mapping[str, str]) -> str:
    facts = [event.fact for event in events]
    known = [units[fact] for fact, _ in groupby(sorted(facts)) if fact in units]
    return known[0] if known else "no amount"


def _partner(drug: str, event: Event, units: Mapping[str, str]) -> Mark:
    assert event.day is not None
    number = number_of(event.value) if event.fact in units else None
    words = f"{event.value} {units[event.fact]}" if number is not None else "amount not recorded"
    return Mark(event.day, "dose", f"{event.day}: {drug} {words}", "", number, value=words)


# -- windows ------------------------------------------------------------------------------------


def _windows(found: Standing | None) -> Iterator[Window]:
    if found is None or found.values.get("alive") == "no":
        return
    first, end = found.day("product_first"), found.day("year_end")
    over = found.values.get("therapy_phase") == "completed" or found.values.get("stopped_for_good") == "yes"
    start = found.day("trastuzumab_first") or first
    if end is not None and start is not None and start < end and not over:
        yield Window(start, end, f"year of therapy, to {end}", f"year, to {end}", f"Year of therapy: {start} to {end}")
    until, last = found.day("contraception_until"), found.day("any_last") or found.day("product_last")
    if until is None or last is None or last >= until:
        return
    needed = found.outcomes.get("effective_contraception_needed")
    if found.values.get("pregnant") == "yes" or needed == "not needed":
        words = f"washout, to {until}"
        says = f"Washout after the last dose so far, to {until}; contraception is not asked for"
    else:
        words = f"contraception, to {until}"
        says = f"Effective contraception after the last dose so far, to {until}"
    yield Window(last, until, words, words, says, "win-wash")


def _described(course: Course) -> str:
    """What the picture shows, in a sentence."""
    if course.is_empty:
        return "Nothing dated is on record"
    words = f"From {course.first_day()} to {course.last_day()}; today is {course.on}"
    held = [hold for hold in course.holds if hold.is_open]
    return f"{words}; {held[-1].sentence[:1].lower()}{held[-1].sentence[1:]}" if held else words
