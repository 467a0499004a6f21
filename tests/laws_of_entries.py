"""The laws of a review that change the record or the place: every dose judged, the same facts in other entries, US and EU."""

from __future__ import annotations

import datetime as dt
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from decimal import Decimal

import laws
from her2path.findings.finding import Grade
from her2path.findings.questions import EACH_DOSE, read_questions
from her2path.history.names import HEART
from her2path.record.event import Event, Record
from her2path.tables.load import default_knowledge
from her2path.write.text.first_lines import all_findings
from laws import ALARMING, Look, look, reviewer


def a_day_has_no_order(record: Record, on: dt.date) -> Iterator[str]:
    """6. Entries in another order: the same findings."""
    one, other = look(record, on), look(replace(record, course=list(reversed(record.course))), on)
    if one is None or other is None:
        return
    first, second = (
        {(each.grade, each.words) for each in all_findings(each_look.review)} for each_look in (one, other)
    )
    if first != second:
        yield f"by order: {sorted(words for _, words in first ^ second)[:4]}"


def dates_may_shift(record: Record, on: dt.date) -> Iterator[str]:
    """6. All dates a week later: the same verdicts (the labels of both days being the same)."""
    week = dt.timedelta(days=7)

    def moved(event: Event) -> Event:
        return event if event.day is None else replace(event, day=event.day + week)

    if any(event.fact in ("death_date", "birth_date") for event in record.course):
        return
    later = replace(record, events=[*map(moved, record.events)], course=[*map(moved, record.course)])
    one, other = look(record, on), look(later, on + week)
    if one is None or other is None:
        return
    first, second = ([(v.drug, v.verdict) for v in each.course.verdicts] for each in (one, other))
    if first != second:
        yield f"by the calendar: {first} and {second}"


# -- every dose and order has its answers --------------------------------------------------------

GIVEN_FACTS, ORDERED_FACTS = ("dose_mg", "dose_mg_per_kg", "dose_given"), ("ordered_mg", "ordered_mg_per_kg")


def every_dose_has_its_answers(record: Record, on: dt.date) -> Iterator[str]:
    """2. Every order and every dose up to the day is judged, and has an answer to each point that is asked of it.

    Counted from the entries themselves: a dose is a drug on a day, every order is one. That nothing was given is no dose,
    and what has no day cannot be placed (it is told as such). An answer is a value of the outcome or `undetermined`.
    """
    batch = reviewer(on).review_records([record])
    if batch.courses is None or not batch.courses.mine[0]:
        return
    products, count = set(batch.courses.reasons.course.rules.codes.products), Counter[tuple[str, dt.date, bool]]()
    for event in record.course:
        if event.product not in products or event.day is None or event.day > on:
            continue
        if event.fact in ORDERED_FACTS:
            count[event.product, event.day, True] += 1
        elif event.fact in GIVEN_FACTS and event.value != "no":
            count[event.product, event.day, False] = 1
    judged = Counter[tuple[str, dt.date, bool]]()
    for each in batch.courses.judged.of(0):
        is_order = each["administration"] in ("ordered", "order superseded")
        judged[each["product"], dt.date.fromisoformat(str(each["day"])), is_order] += 1
        for question in read_questions():
            if question.stage != EACH_DOSE:
                continue
            wanted = dict(question.when).get("administration")
            if (wanted is None or each["administration"] in wanted) and not each["points"].get(question.key):
                yield f"{each['product']} of {each['day']} ({each['administration']}) has no answer to {question.key}"
    for product, day, is_order in (count - judged) + (judged - count):
        yield f"{'an order' if is_order else 'a dose'} of {product} on {day}: {count[product, day, is_order]} and judged {judged[product, day, is_order]}"


# -- the same facts in other entries -------------------------------------------------------------

OF_PARTS = ("parts of a dose", "dose recorded twice", "parts or twice")
SWAP = {"herceptin": "kanjinti", "kanjinti": "herceptin", "ogivri": "trazimera"}
OF_TRASTUZUMAB = re.compile("|".join({*SWAP, *SWAP.values()}), re.IGNORECASE)
OF_BRANDS = ("brands changed", "cost so far", "cost so far in part", "formulary_action")


def _told(seen: Look, brands: re.Pattern[str] = OF_TRASTUZUMAB) -> set[tuple[Grade, str, str]]:
    """Grade, name and words of each finding, brands of trastuzumab for infusion under one name."""
    return {(each.grade, each.key or each.name, brands.sub("brand", each.words)) for each in all_findings(seen.review)}


def a_dose_in_vials(record: Record, on: dt.date) -> Iterator[str]:
    """6. A dose in two unequal parts on its day: the same findings, and that it was added up.

    Where the record does not show whether they are parts (an amount that is no dose of the label), that is told, and the
    verdict is no freer than before.
    """
    doses = [(place, event) for place, event in enumerate(record.course) if event.fact == "dose_mg" and event.product]
    entries = Counter((event.product, event.day) for event in record.course if event.fact in GIVEN_FACTS)
    for place, event in doses:
        if (
            not isinstance(event.value, Decimal)
            or event.day is None
            or event.day > on
            or entries[event.product, event.day] > 1
        ):
            continue
        if event.value <= 100 or event.note:
            continue
        part = replace(event, value=Decimal(100), said="100", origin=f"{event.origin} vial 1")
        rest = replace(event, value=event.value - 100, said=str(event.value - 100), origin=f"{event.origin} vial 2")
        course = [*record.course[:place], part, rest, *record.course[place + 1 :]]
        one, other = look(record, on), look(replace(record, course=course), on)
        if one is None or other is None or not one.is_living:
            return
        before, after = _told(one), _told(other)
        said = {name for _, name, _ in after} & set(OF_PARTS)
        if not said:
            yield f"{event.product} of {event.day} in vials ({event.value} mg) is not told as such"
        if said == {"parts of a dose"}:
            changed = sorted((name, words) for _, name, words in before ^ after if name not in OF_PARTS)
            if changed:
                yield f"{event.product} of {event.day} in vials ({event.value} mg): {changed[:4]}"
        if one.main.verdict in ALARMING and other.main.drug == one.main.drug and other.is_free:
            yield f"{one.main.verdict} becomes {other.main.verdict} with {event.product} of {event.day} in vials"
        return


def a_biosimilar_is_its_originator(record: Record, on: dt.date) -> Iterator[str]:
    """6. A biosimilar for its originator: the same findings but for those of brands, and the same plan but for the box.

    Each brand of a product of trastuzumab for infusion is changed for another one, all alike. Whatever else is written as
    a brand of it goes under the same name: which of several brands of a day is told, its letters decide (D208).
    """
    if not any(event.product == "trastuzumab-iv" and event.qualifier in SWAP for event in record.course):
        return
    course = [
        replace(event, qualifier=SWAP.get(event.qualifier, event.qualifier))
        if event.product == "trastuzumab-iv"
        else event
        for event in record.course
    ]
    one, other = look(record, on), look(replace(record, course=course), on)
    if one is None or other is None:
        yield "no review of one of them"
        return
    named = {*SWAP, *SWAP.values(), *(event.qualifier for event in record.course if event.product == "trastuzumab-iv")}
    brands = re.compile("|".join(map(re.escape, sorted(named - {""}, key=len, reverse=True))), re.IGNORECASE)
    changed = [each for each in _told(one, brands) ^ _told(other, brands) if each[1].partition(":")[0] not in OF_BRANDS]
    if changed:
        yield f"by brand: {sorted(words for _, _, words in changed)[:4]}"
    first, second = (
        [(v.drug, v.verdict, brands.sub("brand", v.reason), v.day) for v in each.course.verdicts]
        for each in (one, other)
    )
    if first != second and not any(
        v.findings and v.findings[0].key.startswith("formulary_action") for v in one.course.verdicts
    ):
        yield f"by brand: {first} and {second}"


# -- jurisdictions -------------------------------------------------------------------------------


def jurisdictions_differ_by_rows(record: Record, on: dt.date) -> Iterator[str]:
    """8. US and EU differ only where a row with a jurisdiction says so.

    Each decision that differs is of an edition that has a jurisdiction, or rests on a fact that differs. The history of
    the heart is folded by tables that no question names: where it differs, a table of the heart of a drug that was given
    must have a jurisdiction.
    """
    one, other = look(record, on, "us"), look(record, on, "eu")
    if one is None or other is None:
        if one is not other and not _specimens_differ_by_rows(record, on):
            yield "a course in one jurisdiction alone"
        return
    first, second = one.course.standing, other.course.standing
    facts = [{**each.values, **each.outcomes} for each in (first, second)]
    differing = {name for name in facts[0].keys() | facts[1].keys() if facts[0].get(name) != facts[1].get(name)}
    us, eu = first.decisions, second.decisions
    answers = {key: [each for each in (us.get(key), eu.get(key)) if each is not None] for key in us.keys() | eu.keys()}
    for key, asked in sorted(answers.items()):
        if len(asked) == 2 and (asked[0].value, asked[0].possible) == (asked[1].value, asked[1].possible):
            continue
        inputs = {axis.fact.name for each in asked for axis in each.array.axes}
        inputs |= {name for question in read_questions() if question.key == key for name, _ in question.when}
        if not inputs & differing and all(each.edition.jurisdiction == "any" for each in asked):
            yield f"{key} differs, and neither its edition nor a fact of it does"
    asked_of_her = [each for asked in answers.values() for each in asked]
    asked_of_tissue = [
        decision
        for seen in (one, other)
        for specimen in seen.review.specimens
        for decision in (specimen.status, specimen.expression, specimen.next_step)
        if decision is not None
    ]
    editions = [each.edition for each in (*asked_of_her, *asked_of_tissue)]
    if any(first.state[name] != second.state[name] for name in HEART):
        given = {event.product for event in record.course if event.day is not None and event.day <= on}
        editions += [
            edition for edition in default_knowledge().editions
            if edition.topic == "cardiac" and any(edition.is_for({"product": product}) for product in given)
        ]  # fmt: skip
    is_local = any(edition.jurisdiction != "any" for edition in editions)
    if not is_local and (differing or _told(one) ^ _told(other)):
        yield f"differs without a row that has a jurisdiction: {sorted(differing)}"


def _specimens_differ_by_rows(record: Record, on: dt.date) -> bool:
    """Whether a specimen comes to another status or class by editions of which one has a jurisdiction: without a dose a
    course is told where the tumour asks for one."""
    us, eu = (reviewer(on, jurisdiction).review(record).specimens for jurisdiction in ("us", "eu"))
    pairs = [
        (a, b)
        for one, other in zip(us, eu, strict=True)
        for a, b in ((one.status, other.status), (one.expression, other.expression))
    ]
    return any(
        a is not None and b is not None and a.value != b.value and {a.edition.jurisdiction, b.edition.jurisdiction} != {"any"}
        for a, b in pairs
    )  # fmt: skip


LAWS: tuple[Callable[[Record, dt.date], Iterator[str]], ...] = (
    *laws.LAWS, a_day_has_no_order, dates_may_shift, every_dose_has_its_answers, a_dose_in_vials,
    a_biosimilar_is_its_originator, jurisdictions_differ_by_rows,
)  # fmt: skip
"""All laws, those of `laws.py` first."""
