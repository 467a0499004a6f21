"""The review of courses for many: from event columns to findings, by the folds and tables of one patient.

A batch holds whole patients in the long format (patient, date, fact, value, product, ...). Its values are read
once for each distinct value; the folds run compiled; every question is one look-up for all. A patient with a
value that is only partly known (limits, or values that differ on one day) is *not plain* and is left to the
review of one patient, so that nothing is decided here otherwise than there.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from ..facts.value import Interval, OneOf, Unknown, Value
from ..history import clocks
from ..history import names as v
from ..history.course_facts import (
    COMPLETED,
    NO,
    THOUSAND,
    YES,
    Column,
    Columns,
    age_years,
    coded,
    known,
    settle,
    standing,
)
from ..history.kinds import CATEGORIES, KINDS
from ..history.run import fold_many
from ..history.timeline import thousandths
from ..record.columns import EventColumns
from .answers import Answers, ask
from .brands import compared, read_brands
from .course import OF_THE_DEAD, Courses
from .questions import Question
from .told import Findings, told

Mask = npt.NDArray[np.bool_]
DIFFERENCES = (
    ("lvef_fall", "lvef_baseline", "lvef"),
    ("days_first_to_last_dose", "days_since_first_dose", "days_since_last_dose"),
)


def review_columns(events: EventColumns, courses: Courses, her2: Mapping[str, Column] | None = None) -> Findings:
    """The findings of every patient of a batch.

    `her2` holds `her2_status`, `her2_expression`, `tumour_site` (places among the values of each fact) and
    `first_result_day` by patient, as the review of the specimens has them.
    """
    count = events.patients
    facts, state, not_plain = _facts_of(events, courses, dict(her2 or {}))
    answers = _ask_stage(1, facts, courses, count)
    _wind(facts, state, courses)
    answers |= _ask_stage(2, facts, courses, count)
    return told(answers, facts, not_plain)


def _facts_of(events: EventColumns, courses: Courses, her2: dict[str, Column]) -> tuple[Columns, Columns, Any]:
    timeline, unplain, placed = _timeline(events)
    on = courses.on.toordinal()
    limit = int(courses.site.limit * THOUSAND)
    state = fold_many(*timeline, on, limit, courses.heart_tables(False))
    facts = standing(state, on)
    first_result = her2.pop("first_result_day", np.full(events.patients, v.UNKNOWN))
    facts |= clocks.first_clocks(state, first_result, on)
    latest, differing = _latest(events, courses)
    for name, column in latest.items():
        facts[name] = column if name not in facts else np.where(known(facts[name]), facts[name], column)
    if "birth_date" in latest:
        _lay({"age_years": age_years(latest["birth_date"], on)}, facts)
    for name, column in settle(state, latest, on).items():
        held = facts.get(name)
        facts[name] = column if held is None else np.where(known(held), held, column)
    _lay(her2, facts)
    facts["lvef_lower_limit"] = np.full(events.patients, limit)
    _brands(facts, events, courses, placed)
    if courses.site.t_dxd_available is not None:
        place = YES if courses.site.t_dxd_available else NO
        facts["t_dxd_available"] = np.full(events.patients, place, np.int64)
    _arithmetic(facts)
    _implausible(facts, courses)
    undated = (events.day == v.UNKNOWN) & _of_her2(events) & _is_dose(events)
    not_plain = np.union1d(events.owner()[unplain | undated], differing)
    return facts, state, not_plain


def _lay(made: Mapping[str, Column], facts: Columns) -> None:
    """What is known of `made` over what `facts` hold."""
    for name, column in made.items():
        facts[name] = np.where(known(column), column, facts.get(name, column))


def _of_her2(events: EventColumns) -> Mask:
    """The events of HER2-directed products."""
    made: Mask = np.array([product in v.HER2_PRODUCTS for product in events.products], np.bool_)[events.product]
    return made


def _is_dose(events: EventColumns) -> Mask:
    made: Mask = np.array([name.startswith("dose_") for name in events.facts], np.bool_)[events.fact]
    return made


def _brands(facts: Columns, events: EventColumns, courses: Courses, placed: Any) -> None:
    """The brand ordered or given last against the one that payer or formulary prefers, as for one patient."""
    if not len(events.brand):
        return
    known_facts, count = courses.knowledge.facts, events.patients
    names = known_facts["brand"].values
    of_her2 = _of_her2(events)
    usable = (events.brand >= 0) & of_her2 & (events.day <= courses.on.toordinal())
    used = placed[usable[placed]]
    brand = np.full(count, v.UNKNOWN, np.int64)
    brand[events.owner()[used]] = events.brand[used]
    listed = read_brands()
    site = {name: courses.site.preferred.get(each.product) for name, each in listed.items()}
    by_site = np.array(
        [names.index(wanted) if (wanted := site.get(name)) else v.UNKNOWN for name in names] + [v.UNKNOWN]
    )
    preferred = facts.get("payer_brand", np.full(count, v.UNKNOWN, np.int64))
    preferred = np.where(known(preferred), preferred, by_site[np.where(known(brand), brand, len(names))])
    both = known(brand) & known(preferred)
    made = {
        "brand": brand, "formulary_brand": np.where(both, preferred, v.UNKNOWN),
        "brand_is_preferred": np.select([both & (brand == preferred), both, known(brand)], [0, 1, 2], v.UNKNOWN),
    }  # fmt: skip
    pairs, place = np.unique(np.where(both, brand * len(names) + preferred, -1), return_inverse=True)
    said = [
        compared(names[pair // len(names)], names[pair % len(names)]) if pair >= 0 else {} for pair in pairs.tolist()
    ]
    for name in ("same_brand", "same_molecule", "same_route", "interchangeable_designation"):
        codes = [coded(each[name], known_facts[name]) if name in each else v.UNKNOWN for each in said]
        made[name] = np.array(codes, np.int64)[place.reshape(-1)]
    _lay(made, facts)


def _timeline(events: EventColumns) -> tuple[tuple[Any, Any], Mask, Any]:
    """The columns the folds read, the events that are only partly known, and those on the timeline, in its order."""
    kinds, inverse = _kinds(events)
    kind_of = np.full(len(kinds), -1, np.int64)
    number_of = np.full(len(kinds), v.UNKNOWN, np.int64)
    code_of = np.zeros(len(kinds), np.int64)
    partial = np.zeros(len(kinds), np.bool_)
    for place, key in enumerate(kinds.tolist()):
        fact, value = events.facts[key // len(events.values)], events.values[key % len(events.values)]
        odd = len(events.odd) > 0 and bool(events.odd[key % len(events.values)])
        partial[place] = odd or isinstance(value, Interval | OneOf)
        kind_of[place], number_of[place], code_of[place] = _placed(fact, value)
    kind, number, code = kind_of[inverse], number_of[inverse], code_of[inverse]
    drugs = np.array([v.DRUG_CODES.get(name, -1) for name in events.products] or [-1], np.int64)
    dosed = (kind >= v.DOSE) & (kind <= v.ORDER)
    code = np.where(dosed, drugs[events.product], code)
    code = np.where(kind == v.LVEF, events.method, code)
    day = np.where(kind == v.DEATH, np.where(number != v.UNKNOWN, number, events.day), events.day)
    kept = (kind >= 0) & (code >= 0) & (day != v.UNKNOWN)
    owner = events.owner()
    order = np.flatnonzero(kept)
    # The order of a timeline: patient, day, kind, number, code; most files have it already.
    keys = [each[order] for each in (code, number, kind, day, owner)]
    before = np.zeros(max(len(order) - 1, 0), np.bool_)
    for key in keys:
        before = (key[1:] < key[:-1]) | ((key[1:] == key[:-1]) & before)
    if before.any():
        order = order[np.lexsort(keys)]
    starts = np.searchsorted(owner[order], np.arange(events.patients + 1))
    columns = (
        day[order].astype(np.int32), kind[order].astype(np.int8), np.where(kind == v.DEATH, v.UNKNOWN, number)[order],
        code[order].astype(np.int16),
    )  # fmt: skip
    return (starts.astype(np.int64), columns), partial[inverse], order


def _kinds(events: EventColumns) -> tuple[Any, Any]:
    """The distinct (fact, value) pairs, and the pair of each event; a reader mostly gives each fact its own values."""
    count = len(events.values)
    fact_of = np.zeros(count, np.int64)
    fact_of[events.value] = events.fact
    if (fact_of[events.value] == events.fact).all():
        return fact_of * count + np.arange(count), events.value
    kinds, inverse = np.unique(events.fact * count + events.value, return_inverse=True)
    return kinds, inverse.reshape(-1)


def _placed(fact: str, value: Value) -> tuple[int, int, int]:
    """(kind, number, code) of one distinct value on a timeline; kind -1 where no fold reads it."""
    kind = KINDS.get(fact, -1)
    if kind < 0:
        return -1, v.UNKNOWN, 0
    if fact in CATEGORIES:
        code = CATEGORIES[fact].get(value) if isinstance(value, str) else None
        return (kind, v.UNKNOWN, code) if code is not None else (-1, v.UNKNOWN, 0)
    if fact == "death_date":
        day = dt.date.fromisoformat(value).toordinal() if isinstance(value, str) else v.UNKNOWN
        return kind, day, 0
    if fact == "dose_given":
        return {"yes": kind, "no": v.NOT_GIVEN}.get(str(value), -1), v.UNKNOWN, 0
    number = thousandths(value)
    if number == v.UNKNOWN and kind in (v.WEIGHT, v.HEIGHT, v.LVEF):
        return -1, v.UNKNOWN, 0
    return kind, number, 0


def _latest(events: EventColumns, courses: Courses) -> tuple[Columns, npt.NDArray[np.int64]]:
    """The latest value of each fact that no fold reads, and the patients in whom values of one day differ."""
    on = courses.on.toordinal()
    owner = events.owner()
    found: Columns = {}
    differing: list[npt.NDArray[np.int64]] = []
    usable = (events.day == v.UNKNOWN) | (events.day <= on)
    unread = np.array([isinstance(value, Unknown) for value in events.values], np.bool_)
    for place, name in enumerate(events.facts):
        fact = courses.knowledge.facts.get(name)
        if fact is None or (name in KINDS and name != "death_date") or name == "death_date":
            continue
        rows = np.flatnonzero((events.fact == place) & usable & ~unread[events.value])
        if not len(rows):
            continue
        codes = np.full(len(events.values), v.UNKNOWN, np.int64)
        for each in np.unique(events.value[rows]).tolist():
            codes[each] = coded(events.values[each], fact)
        days = events.day[rows]
        rows = rows[np.lexsort((days, owner[rows]))]
        mine, days, said = owner[rows], events.day[rows], codes[events.value[rows]]
        column = np.full(events.patients, v.UNKNOWN, np.int64)
        column[mine] = said
        last_day = np.full(events.patients, v.UNKNOWN, np.int64)
        last_day[mine] = days
        differing.append(mine[(days == last_day[mine]) & (said != column[mine])])
        found[name] = column
    return found, np.unique(np.concatenate(differing)) if differing else np.zeros(0, np.int64)


def _arithmetic(facts: Columns) -> None:
    """As `arithmetic.RULES`, on columns."""
    count = len(facts["product"])
    lvef, limit = facts["lvef"], facts["lvef_lower_limit"]
    nothing = np.full(count, v.UNKNOWN, np.int64)
    made = np.where(known(lvef), np.where(lvef < limit, YES, NO), v.UNKNOWN)
    facts["lvef_below_limit"] = _unless_it_differs(facts.get("lvef_below_limit", nothing), made)
    er, pr = facts.get("er_status", nothing), facts.get("pr_status", nothing)
    positive, negative = 0, 1
    made = np.select([(er == positive) | (pr == positive), (er == negative) & (pr == negative)], [0, 1], v.UNKNOWN)
    given = facts.get("hormone_receptor_status", nothing)
    facts["hormone_receptor_status"] = _unless_it_differs(given, made)
    sex, menopause = facts.get("sex", nothing), facts.get("menopausal_status", nothing)
    made = np.select([(sex == 1) | (menopause == 1), (sex == 0) & (menopause == 0)], [NO, YES], v.UNKNOWN)
    given = facts.get("reproductive_potential", nothing)
    facts["reproductive_potential"] = _unless_it_differs(given, made)
    for name, left, right in DIFFERENCES:
        one, other = facts[left], facts[right]
        made = np.where(known(one) & known(other), one - other, v.UNKNOWN)
        facts[name] = _unless_it_differs(facts.get(name, nothing), made)


def _unless_it_differs(given: Column, made: Column) -> Column:
    """What is given or made; unknown where the two contradict each other."""
    agreed = np.where(known(made), made, given)
    return np.where(known(given) & known(made) & (given != made), v.UNKNOWN, agreed)


def _implausible(facts: Columns, courses: Courses) -> None:
    """Numbers outside the plausible range of their fact are unknown."""
    for name, column in facts.items():
        fact = courses.knowledge.facts.get(name)
        if fact is None or not fact.is_number:
            continue
        low, high = fact.plausible.low, fact.plausible.high
        if low is not None and high is not None:
            outside = known(column) & ((column < int(low * THOUSAND)) | (column > int(high * THOUSAND)))
            outside &= column >= v.NAMED + len(fact.values)
            if outside.any():
                facts[name] = np.where(outside, v.UNKNOWN, column)


def _ask_stage(stage: int, facts: Columns, courses: Courses, count: int) -> dict[str, list[Answers]]:
    """The answers to the questions of a stage by their keys; what is answered becomes a fact."""
    made: dict[str, list[Answers]] = {}
    for question in courses.questions:
        if question.stage != stage:
            continue
        place = v.HER2_PRODUCTS.index(question.about) if question.about else 0
        about = {**facts, "product": np.full(count, place, np.int64)} if question.about else facts
        before = made.get(question.key, [])
        asked = np.concatenate([each.asked for each in before]) if before else np.zeros(0, np.int64)
        if question.outcome not in OF_THE_DEAD:
            asked = np.union1d(asked, np.flatnonzero(facts["alive"] == NO))
        answers = ask(question, about, courses, count, but=asked, when=facts)
        made[question.key] = before + answers
        column = facts.get(question.key, np.full(count, v.UNKNOWN, np.int64)).copy()
        for each in answers:
            column[each.asked] = each.column
        facts[question.key] = column
    return made


def _wind(facts: Columns, state: Columns, courses: Courses) -> None:
    """The clocks that need an answer of the tables."""
    on = courses.on.toordinal()
    known_facts = courses.knowledge.facts
    if "echo_interval" in facts:
        values, interval = known_facts["echo_interval"].values, facts["echo_interval"]
        over = facts["therapy_phase"] == COMPLETED
        recheck, repeats = facts["echo_recheck"], known_facts["echo_recheck"].values
        tolerance = courses.site.echo_tolerance_days
        _lay(clocks.echo_clock(state, interval, values, on, tolerance, recheck, repeats, over), facts)
        endless = np.isin(interval, [n for n, words in enumerate(values) if clocks.span(words) is None])
        endless &= ~known(facts["echo_due_day"])
        facts["echo_days_overdue"] = np.where(endless, v.NAMED, facts["echo_days_overdue"])
    if "contraception_months" in facts:
        _lay(_longest_washout(facts, state, courses, on), facts)
        conceived = clocks.conception(state, facts["contraception_until_day"])
        conceived = np.where(known(facts["contraception_months"]), conceived, v.UNKNOWN)
        held = facts.get("conceived_in_washout", conceived)
        facts["conceived_in_washout"] = np.where(known(held), held, conceived)


def _longest_washout(facts: Columns, state: Columns, courses: Courses, on: int) -> Columns:
    """Contraception after the last dose of each product given; the longest wins."""
    values = courses.knowledge.facts["contraception_months"].values
    count = len(facts["product"])
    until = np.full(count, v.UNKNOWN, np.int64)
    asked = known(facts["contraception_months"])
    for product, last in clocks.last_days(state):
        chosen = np.flatnonzero(asked & known(last))
        if not len(chosen):
            continue
        place = np.full(len(chosen), v.HER2_PRODUCTS.index(product), np.int64)
        part = {"sex": facts["sex"][chosen]} if "sex" in facts else {}
        part |= {"product": place}
        for answers in ask(Question("contraception_months", 1), part, courses, len(chosen)):
            months = np.full(len(chosen), v.UNKNOWN, np.int64)
            months[answers.asked] = answers.column
            made = clocks.washout_clock(last[chosen], months, values, on)["contraception_until_day"]
            until[chosen] = np.maximum(until[chosen], made)
    return {
        "contraception_until_day": until,
        "within_washout": np.where(known(until), np.where(on < until, YES, NO), v.UNKNOWN),
    }
