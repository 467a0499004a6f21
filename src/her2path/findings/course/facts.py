"""The facts of a batch on the day of the review: what the folds, the clocks and the latest values come to.

What goes before what is the order of the steps here; a later step that overrides says so.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ...facts.pages.followed import read_followed
from ...facts.value import Interval, Reason, Unknown
from ...history import clocks
from ...history.course_facts import COMPLETED, SETTLED_BY, age_years, first_of, known, settle, standing
from ...history.evidence import OF_LAST_DOSE, SINCE_LAST_DOSE, evidence_of, why_not_known
from ...history.folds.run import fold
from ...history.followed.events import events_of
from ...history.followed.facts import course_of, followed_facts
from ...history.kinds import DOSE_FACTS, ORDER_FACTS
from ...history.latest import changes_meant, latest_of
from ...history.names import NAMED, NO, YES
from ...history.new_tissue import new_tissue
from ...history.numbered import EXACT, Numbered, exactly
from ...history.same_day import UNCLEAR, joined_doses
from ...history.timeline import timeline_of
from ...record.columns import UNKNOWN, Flags, RecordColumns, Whole
from ...record.event import STATEMENT
from ..brands import compared, read_brands
from ..levels import lay_levels
from .columns import CourseFacts, arithmetic, implausible
from .rules import Rules

THOUSAND = 1000
MINUTES = "infusion_given_minutes"
RESULT_DAYS = ("first_result_day", "last_result_day")
BETWEEN_BRANDS = ("same_brand", "same_molecule", "same_route", "interchangeable_designation")


def facts_of(record: RecordColumns, rules: Rules, her2: Mapping[str, Whole]) -> CourseFacts:
    """The facts of every patient of a batch; `her2` holds what the specimens came to, and the days of the results."""
    on = rules.on.toordinal()
    limit = int(rules.site.limit * THOUSAND)
    numbered = Numbered(rules.knowledge.facts)
    timeline = timeline_of(record, rules.codes)
    same_day = joined_doses(record, timeline, rules.codes)
    latest = latest_of(record, rules.knowledge.facts, numbered, on)
    folded = fold(timeline, on, limit, rules.heart_tables, rules.codes, meant=changes_meant(latest, record))
    state = folded.state
    columns = standing(state, on, rules.codes, rules.knowledge.facts["schedule"].values)
    first_result = her2.get("first_result_day", np.full(len(record), UNKNOWN, np.int64))
    course = CourseFacts(record, rules, numbered, timeline, latest, state, {}, columns, folded.holds)
    course.same_day, course.hands = same_day, folded.hands
    _minutes_of_infusions(course)
    course.clocks = clocks.first_clocks(state, first_result, on, rules.codes)
    columns |= course.clocks
    _unread(course)
    implausible(course, [*columns])
    course.fill(latest.values)
    settled = settle(
        state, {name: exactly(latest.values[name]) for name in SETTLED_BY if name in latest.values}, on, rules.codes
    )
    course.clocks |= settled
    course.fill(settled)
    implausible(course, [*settled])
    course.lay({name: column for name, column in her2.items() if name not in RESULT_DAYS})
    last_result = her2.get("last_result_day", np.full(len(record), UNKNOWN, np.int64))
    columns |= new_tissue(course.column, state, last_result, rules.codes.numbers)
    if "birth_date" in latest.values:
        course.lay({"age_years": age_years(exactly(latest.values["birth_date"]), on)})
    columns["lvef_lower_limit"] = np.full(
        len(record), numbered.code(rules.site.limit, rules.knowledge.facts["lvef_lower_limit"])
    )
    old, oldest = columns["weight_days_old"], rules.site.weight_max_age_days * THOUSAND
    columns["weight_beyond_limit"] = np.where(known(old), np.where(old > oldest, YES, NO), UNKNOWN)
    age, window = course.values["baseline_days_before_start"], rules.site.baseline_lvef_days * THOUSAND
    columns["baseline_beyond_window"] = np.where(known(age), np.where(age > window, YES, NO), UNKNOWN)
    _limits_of_lvef(course)
    _brands(course, on)
    lay_levels(course)
    if rules.site.t_dxd_available is not None:
        columns["t_dxd_available"] = np.full(len(record), YES if rules.site.t_dxd_available else NO, np.int64)
    _of_doubtful_days(course)
    _dead_on_unknown_days(course)
    _of_unread_doses(course)
    _stale_lvef(course)
    _unread_failure(course, on)
    _follow(course, on)
    arithmetic(course)
    return course


def _minutes_of_infusions(course: CourseFacts) -> None:
    """Minutes of two infusions of a day do not contradict each other; those of the parts of one dose add up."""
    record, latest = course.record, course.latest
    if MINUTES not in latest.values:
        return
    place = record.facts.index(MINUTES)
    joined = {(dose.patient, dose.day): dose for dose in course.same_day if dose.verdict != UNCLEAR}
    kept = []
    for patient, one, other in latest.differing:
        is_other = record.product[one] != record.product[other]
        if record.fact[one] != place or not (is_other or (patient, int(record.day[one])) in joined):
            kept.append((patient, one, other))
            continue
        latest.values[MINUTES][patient] = UNKNOWN
        latest.unread.get(MINUTES, {}).pop(patient, None)
    latest.differing = kept
    for (patient, day), dose in joined.items():
        row = int(latest.rows[MINUTES][patient])
        if row >= 0 and int(record.day[row]) == day and dose.minutes:
            latest.values[MINUTES][patient] = dose.minutes * THOUSAND


def _unread(course: CourseFacts) -> None:
    for name, patients in course.latest.unread.items():
        for patient, reason in patients.items():
            course.why(patient, name, reason)


def _limits_of_lvef(course: CourseFacts) -> None:
    """A last LVEF of which the record gives only limits ("50-55 %") is these; its history takes the lower end."""
    record, rows = course.record, course.timeline.narrowed
    if not len(rows) or "lvef" not in course.values:
        return
    names = np.array([name == "lvef" for name in record.facts], np.bool_)
    rows = rows[names[record.fact[rows]]]
    owner = record.owner()[rows]
    last = (record.day[rows] == course.state["lvef_day"][owner]) & known(course.values["lvef"])[owner]
    rows, owner = rows[last][::-1], owner[last][::-1]  # the first of a day counts
    if not len(rows):
        return
    fact, codes = course.rules.knowledge.facts["lvef"], np.zeros(len(record.values), np.int64)
    is_interval = np.zeros(len(codes), np.bool_)
    for place in np.unique(record.value[rows]).tolist():
        value = record.values[place]
        is_interval[place] = isinstance(value, Interval)
        codes[place] = course.numbered.code(value, fact) if is_interval[place] else UNKNOWN
    here = is_interval[record.value[rows]]
    rows, owner = rows[here], owner[here]
    for name in ("lvef", "lvef_fall"):
        course.values[name] = course.values[name].copy()
    course.values["lvef"][owner] = codes[record.value[rows]]
    course.values["lvef_fall"][owner] = UNKNOWN


def _brands(course: CourseFacts, on: int) -> None:
    """The brand ordered or given last against the one that payer or formulary prefers."""
    record, rules = course.record, course.rules
    forms, products = record.forms(), [name in rules.codes.products for name in record.products]
    named = (forms.qualifier > 0) & np.array(products, np.bool_)[forms.product] if len(forms) else np.zeros(0, np.bool_)
    if not named.any():
        return
    rows = course.timeline.rows
    rows = rows[forms.at(named, rows) & (course.timeline.day <= on)]
    if not len(rows):
        return
    facts = rules.knowledge.facts
    folder = rules.knowledge.folder
    listed, names = read_brands(folder), facts["brand"].values
    of_word = [names.index(word) if word in names else course.numbered.word(word) for word in record.qualifiers]
    word = np.full(len(record), -1, np.int64)
    word[record.owner()[rows]] = record.qualifier[rows]
    has = word >= 0
    brand = np.where(has, np.array([*of_word, UNKNOWN], np.int64)[word], UNKNOWN)
    by_site = [
        names.index(wanted)
        if text in listed and (wanted := rules.site.preferred.get(listed[text].product)) and wanted in names
        else UNKNOWN
        for text in record.qualifiers
    ]
    preferred = np.where(has, np.array([*by_site, UNKNOWN], np.int64)[word], UNKNOWN)
    payer = course.column("payer_brand")
    preferred = np.where(known(payer), exactly(payer), preferred)
    both = has & known(preferred)
    columns = {
        "brand": brand, "formulary_brand": np.where(both, preferred, UNKNOWN),
        "brand_is_preferred": first_of([both & (brand == preferred), both, has], [0, 1, 2], UNKNOWN),
    }  # fmt: skip
    pair = np.where(both & (brand >= EXACT), brand * len(names) + preferred, -1)
    if (pair < 0).all():
        columns |= dict.fromkeys(BETWEEN_BRANDS, course.nothing)
    else:
        pairs, place = np.unique(pair, return_inverse=True)
        comparisons = [
            compared(names[pair // len(names)], names[pair % len(names)], folder) if pair >= 0 else {}
            for pair in pairs.tolist()
        ]
        for name in BETWEEN_BRANDS:
            codes = [course.numbered.code(comparison.get(name), facts[name]) for comparison in comparisons]
            columns[name] = np.array(codes, np.int64)[place.reshape(-1)]
    course.lay(columns)


def _of_doubtful_days(course: CourseFacts) -> None:
    """Doses on days that are not recorded, or that are only stated, leave it open where the course stands."""
    record, timeline = course.record, course.timeline
    course.of_statement = np.zeros(len(record), np.bool_)
    undated = timeline.undated
    if len(undated):
        facts = np.array([name in ("dose_mg", "dose_mg_per_kg", "dose_given") for name in record.facts], np.bool_)
        denied = np.array([value == "no" for value in record.values], np.bool_)
        mine = facts[record.fact[undated]] & course.of_her2(undated) & ~denied[record.value[undated]]
        course.undated_doses = undated[mine]
        # Of no product, and with a reason: doses may stand in a part of the source that is not there.
        unread = np.array([isinstance(value, Unknown) for value in record.values], np.bool_)
        no_product = np.array([not name for name in record.products], np.bool_)
        unread_doses = facts[record.fact[undated]] & unread[record.value[undated]]
        elsewhere = undated[unread_doses & no_product[record.product[undated]]]
        if len(elsewhere):
            unplaced = _phase_unknown(course, elsewhere)
            for row in elsewhere.tolist():
                why, patient = record.values[record.value[row]], int(record.owner()[row])
                if unplaced[patient] and isinstance(why, Unknown):
                    course.why(patient, "therapy_phase", why)
        if len(course.undated_doses):
            _phase_unknown(course, course.undated_doses)
    stated = np.array([STATEMENT in note for note in record.notes], np.bool_)
    if stated.any() and len(timeline.rows):
        rows, owner = timeline.rows, record.owner()[timeline.rows]
        given = np.array([name == "dose_given" for name in record.facts], np.bool_)[record.fact[rows]]
        last = given & course.of_her2(rows) & (timeline.day == course.state["any_last_day"][owner])
        any_of, not_all = (np.zeros(len(record), np.bool_) for _ in range(2))
        any_of[owner[last]] = True
        not_all[owner[last & ~stated[record.note[rows]]]] = True
        course.of_statement = any_of & ~not_all
        phase = course.values["therapy_phase"]
        course.values["therapy_phase"] = np.where(course.of_statement & ~course.ended_by_statement, UNKNOWN, phase)
        for name in (*SINCE_LAST_DOSE, "doses_given"):
            course.values[name] = np.where(course.of_statement, UNKNOWN, course.column(name))


def _phase_unknown(course: CourseFacts, rows: Whole) -> Flags:
    """Leave the phase unknown of who has doses in some rows and none on a day that is known; who that is."""
    unplaced = np.zeros(len(course.record), np.bool_)
    unplaced[course.record.owner()[rows]] = True
    unplaced &= ~known(course.state["first_ever_day"])
    course.values["therapy_phase"] = np.where(unplaced, UNKNOWN, course.values["therapy_phase"])
    return unplaced


def _of_unread_doses(course: CourseFacts) -> None:
    """HER2-directed drugs without a dose leave it open where the course stands, and unread doses when the last was."""
    state, values = course.state, course.values
    record, rows = course.record, np.sort(np.concatenate([course.timeline.unplaced, course.timeline.undated]))
    dosed, ordered = (
        np.array([name in listed for name in record.facts], np.bool_) for listed in (DOSE_FACTS, ORDER_FACTS)
    )
    denied = np.array([value == "no" for value in record.values], np.bool_)
    orders = rows[ordered[record.fact[rows]]]
    rows = rows[dosed[record.fact[rows]] & ~denied[record.value[rows]]]
    unclear = rows[course.of_her2(rows) & (record.day[rows] != UNKNOWN)] if len(rows) else rows
    nameless, orders = (
        part[record.product[part] == 0] if len(part) and record.products[0] == "" else part[:0]
        for part in (rows, orders)
    )
    on = course.rules.on.toordinal()
    course.evidence = evidence_of(record, unclear, nameless, orders, state["first_ever_day"], state["any_last_day"], on)
    if course.evidence is None:
        return
    alone, later = course.evidence.alone, course.evidence.later
    phase = values["therapy_phase"]
    values["therapy_phase"] = np.where(alone | (later & (phase == COMPLETED)), UNKNOWN, phase)
    for patient, reason in why_not_known(course.record, course.evidence).items():
        course.why(patient, "therapy_phase", reason)
    if not later.any():
        return
    for name in (*SINCE_LAST_DOSE, "doses_given"):
        values[name] = np.where(later, UNKNOWN, course.column(name))
        for patient in np.flatnonzero(later).tolist():
            course.why(patient, name, Unknown(Reason.UNMAPPED_CODE, "a later dose could not be read"))
    for name in OF_LAST_DOSE:
        course.clocks[name] = np.where(later, UNKNOWN, course.clocks[name])
        if name in values:
            values[name] = np.where(later, UNKNOWN, values[name])


def _dead_on_unknown_days(course: CourseFacts) -> None:
    """Who is recorded as dead is dead, whatever is known of the day; of a month or year from its first day on."""
    record = course.record
    dead = np.array([name == "death_date" for name in record.facts], np.bool_)
    unread = np.array([isinstance(value, Unknown) for value in record.values], np.bool_)
    if not dead.any() or not unread.any():
        return
    on = course.rules.on.toordinal()
    rows = np.flatnonzero(dead[record.fact] & unread[record.value] & ((record.day == UNKNOWN) | (record.day <= on)))
    rows = rows[~known(course.state["death_day"])[record.owner()[rows]]]
    course.undated_deaths = rows
    course.values["alive"][record.owner()[rows]] = NO


def _stale_lvef(course: CourseFacts) -> None:
    """An LVEF from before an open hold says nothing of the heart in it."""
    stale = (
        (course.state["on_hold"] > course.state["hold_not_asked"])
        & ~known(course.values["lvef"])
        & known(course.state["lvef_day"])
    )
    for patient in np.flatnonzero(stale).tolist():
        lvef, hold = (_date(course.state[name][patient]) for name in ("lvef_day", "hold_day"))
        course.why(patient, "lvef", Unknown(Reason.STALE, f"the LVEF of {lvef} is from before the hold of {hold}"))


def _unread_failure(course: CourseFacts, on: int) -> None:
    """Heart failure since the first dose that may be so (unconfirmed, or under no known code) is unknown, not no.

    What was said plainly on a later day counts before it.
    """
    record, timeline, state = course.record, course.timeline, course.state
    failure = np.array([name == "heart_failure" for name in record.facts], np.bool_)
    rows = np.concatenate([timeline.unplaced, timeline.undated])
    if not len(rows) or not failure.any():
        return
    rows = rows[failure[record.fact[rows]]]
    for row in rows[record.day[rows] <= on].tolist():
        value, patient, day = record.values[record.value[row]], int(record.owner()[row]), int(record.day[row])
        began, said = int(state["first_ever_day"][patient]), int(state["heart_failure_day"][patient])
        is_before = day != UNKNOWN and (day < began or (said != UNKNOWN and day < said))
        if not isinstance(value, Unknown) or began == UNKNOWN or is_before or state["heart_failure"][patient] == 1:
            continue
        course.values["heart_failure"] = course.values["heart_failure"].copy()
        course.values["heart_failure"][patient] = UNKNOWN
        course.why(patient, "heart_failure", value)


def _follow(course: CourseFacts, on: int) -> None:
    """What is followed beyond the latest value: it goes over that, since a later one may not be read."""
    rules, record = course.rules, course.record
    page, facts = read_followed(rules.knowledge.folder), rules.knowledge.facts
    for name in page.derived:  # what follows from others is not taken from a record
        course.values.pop(name, None)
    events = course.followed = events_of(record, page, facts, rules.site.upper_limits, on)
    if events is None:
        return
    windows = course_of(course.timeline, record.owner(), course.state, on, rules.codes)
    made, rows = followed_facts(page, events, windows, facts, course.numbered)
    course.values |= made
    course.latest.rows |= rows
    for (patient, name), why in events.reasons.items():
        course.why(patient, name, why)
    course.latest.differing = [
        found for found in course.latest.differing if record.facts[record.fact[found[1]]] not in page.measured
    ]


def _date(day: int) -> str:
    return str(np.datetime64(int(day) - 719_163, "D")) if day >= 1 else "an unknown day"


__all__ = ["NAMED", "STATEMENT", "CourseFacts", "facts_of"]
