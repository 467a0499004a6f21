"""Simulated courses: the rules of the real patients decide, single courses come out as by hand, limits hold."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from decimal import Decimal
from itertools import pairwise

import numpy as np
import pytest

from course_makers import her2_columns, state_on
from her2path.findings.course.review import review_courses
from her2path.findings.course.rules import Rules
from her2path.findings.course.standing import Standing
from her2path.history.names import UNKNOWN
from her2path.record.columns import columns_of
from her2path.record.event import Record
from her2path.simulate.course.kernel import BASELINE_DAY, COLUMNS, finding
from her2path.simulate.course.policy import STARTS_ON, Policy
from her2path.simulate.course.records import Calendar, records_of
from her2path.simulate.course.run import DAYS_LOOKED_UP, Scenario, portions, run_portion
from her2path.simulate.patients import BLOCK
from her2path.tables.load import default_knowledge
from her2path.tables.site import Site
from simulated import US, ZERO, events_of, example, policy_with, portion, rules, scripted, whole

EU, OWN, SC = example("eu"), example("hold-at-10"), Policy("SC", product="trastuzumab-sc")
FACTS = default_knowledge().facts
HER2 = her2_columns([({"her2_status": "positive", "tumour_site": "breast"}, None)])
PATIENTS = 70
DOSES = ("dose_mg", "dose_given")
WITHHELD = ("hold", "stop", "consider stopping")
GIVEN_AGAIN = ("resume", "clinician decides")


# -- the same rules as for real patients ------------------------------------------------------------


def before_doses(record: Record, day: dt.date) -> Record:
    """The record of a morning: without the doses, and the stop, of that day and later."""
    kept = [e for e in record.course if e.day is None or e.day < day or e.fact not in (*DOSES, "stop_recorded")]
    return Record(record.patient, record.origin, list(record.events), kept, dict(record.tissues), set(record.sites))


class Replay:
    """The courses of a policy, and the review of each patient as of a day."""

    def __init__(self, policy: Policy, **scenario) -> None:
        self.policy = policy
        self.scenario = Scenario(**{"patients": PATIENTS, "seed": 5, "horizon_days": 500, **scenario})
        self.rules = rules(policy, self.scenario)
        self.part = run_portion(self.rules, self.scenario, 0, PATIENTS)
        self.base = policy.courses()
        self.over = int(np.flatnonzero(self.rules.continue_by_day == 0)[0])
        self._rules: dict[int, Rules] = {}
        made = records_of(self.part, self.scenario, policy, FACTS, Calendar(STARTS_ON, 0))
        self.records = {n: record for n, record in enumerate(made) if self.row(n)["started"]}

    def row(self, place: int) -> dict[str, float]:
        return dict(zip(COLUMNS, self.part.out[place].tolist(), strict=True))

    def rules_on(self, day: int) -> Rules:
        if day not in self._rules:
            on = dt.date.fromordinal(ZERO + day)
            self._rules[day] = Rules(self.base.knowledge, self.base.site, on, self.base.jurisdiction)
        return self._rules[day]

    def review(self, place: int, day: int) -> Standing:
        on = dt.date.fromordinal(ZERO + day)
        record = columns_of([before_doses(self.records[place], on)])
        return review_courses(record, self.rules_on(day), HER2).standing(0)

    def days(self, place: int, *kinds: str) -> list[int]:
        return [day for day, kind, _, _ in events_of(self.part, place) if kind in kinds]

    def state(self, place: int, day: int):
        """The fold of the whole record on a day."""
        return state_on(self.records[place].course, ZERO + day, int(self.policy.site.limit * 1000), self.base)


FULL = [
    policy_with(each, name=f"{each.name}, {confirm}", confirm=confirm)
    for each, confirms in ((US, "none repeat mean"), (EU, "none repeat mean"), (SC, "none"), (OWN, "none mean"))
    for confirm in confirms.split()
]
PARTLY = [
    policy_with(US, name="US half", follow_holds=0.5, attendance=0.7),
    policy_with(EU, name="EU half", follow_holds=0.5, stop_when_considered=0.5, resume_when_asked=0.5),
    policy_with(OWN, name="own rule, none followed", follow_holds=0.0),
    policy_with(US, name="visits", visits_days=(40, 84, 91, 180, 300), confirm="repeat", confirm_days=10),
    policy_with(SC, name="SC, limit 55", site=Site(jurisdiction="us", lvef_lower_limit=Decimal(55)), method="echo-2d", step_of_lvef=0.5),
]  # fmt: skip


@pytest.fixture(scope="module", params=[*FULL, *PARTLY], ids=lambda policy: policy.name)
def replay(request) -> Replay:
    return Replay(request.param, irreversible=0.3, failure_rate=0.6)


def test_the_review_of_the_day_says_what_the_course_acted_on(replay) -> None:
    """At every LVEF the record is reviewed as of that morning; what it says decides whether doses follow."""
    obeyed = replay.policy.follow_holds == 1
    asked = set()
    for place in replay.records:
        doses = replay.days(place, "dose")
        looks = sorted({day for day in replay.days(place, "lvef", "heart failure") if 0 <= day < replay.over})
        held = False
        for day, following in pairwise([*looks, 10**9]):
            review = replay.review(place, day)
            action = review.outcomes.get("cardiac_action")
            asked.add(action)
            held = action in WITHHELD or (held and action not in GIVEN_AGAIN)
            given = [each for each in doses if day <= each < following]
            assert not (obeyed and held and given), (place, day, action, given)
        if doses:
            assert max(doses) < replay.over
    assert "continue" in asked
    assert asked & {*WITHHELD}


def test_late_doses_are_loading_doses_where_the_review_says_so(replay) -> None:
    late = 0
    for place in replay.records:
        timeline = [(day, number) for day, kind, number, _ in events_of(replay.part, place) if kind == "dose"]
        loads = [day for (before, _), (day, number) in pairwise(timeline) if number == 8.0]
        assert len(loads) == replay.row(place)["re_loads"]
        for (before, _), (day, _) in pairwise(timeline):
            if day - before == 21 and place > 3:
                continue
            late += day - before > 21
            review = replay.review(place, day)
            said = review.outcome("missed_dose_action")
            assert said == ("reload" if day in loads else "maintenance"), (place, before, day)
    assert late or replay.policy.follow_holds == 0


def test_the_fold_of_the_record_counts_the_same(replay) -> None:
    """Holds, stops and doses in a hold, on the last day on which a dose could still be given."""
    followed = replay.policy.follow_holds == 1 and replay.policy.resume_when_asked == 1
    for place in replay.records:
        row, state = replay.row(place), replay.state(place, replay.over - 1)
        kernel_stop = row["stopped"] == 1 and row["stop_day"] < replay.over
        by_fold = state["stopped_day"] != UNKNOWN
        if followed:
            assert state["doses_in_hold"] + state["past_doses_in_hold"] + state["doses_after_stop"] == 0
            assert row["doses_in_hold"] == 0
        else:
            doses = state["doses_in_hold"] + state["past_doses_in_hold"] + state["doses_after_stop"]
            assert doses == row["doses_in_hold"]
        if followed and replay.policy.site.jurisdiction == "us":
            assert by_fold == kernel_stop, place
        late = [
            day for day in replay.days(place, "lvef") if replay.over <= day < replay.over + replay.policy.confirm_days
        ]
        if not late:
            # A hold that begins as a stop is one to the fold; the course counts it as a stop alone.
            most = state["holds"] + state["on_hold"]
            assert row["holds"] in {most, most - (row["stopped"] or by_fold)}, place


def test_the_finding_of_the_kernel_is_that_of_the_tables() -> None:
    checked = 0
    for policy in (US, EU, SC, OWN):
        courses = policy.courses()
        tables = courses.heart_tables(False)
        edition = courses.edition("lvef_finding", {"product": policy.product})
        array = courses.knowledge.array(edition, "lvef_finding")
        number = ("trastuzumab-iv", "trastuzumab-sc").index(policy.product)
        for baseline in (45.0, 50.0, 55.5, 60.0, 66.0, 70.0, 80.0):
            for lvef in (30.0, 40.0, 44.0, 49.5, 50.0, 50.5, 54.0, 54.5, 55.0, 60.0, 70.0):
                for limit in (50.0, 55.0):
                    values = {"product": policy.product, "lvef_baseline": Decimal(str(baseline)), "lvef": Decimal(str(lvef)),
                              "lvef_fall": Decimal(str(baseline - lvef)), "lvef_lower_limit": Decimal(str(limit)),
                              "lvef_below_limit": "yes" if lvef < limit else "no"}  # fmt: skip
                    answer = array.answer({name: value for name, value in values.items() if name in FACTS})
                    assert (finding(tables, number, lvef, baseline - lvef, limit) == 0) == (
                        array.outcome.values[answer] == "too low"
                    )
                    checked += array.outcome.values[answer] == "too low"
    assert checked > 50


def test_reloads_and_the_years_end_are_looked_up_in_the_tables() -> None:
    for policy in (US, EU, SC):
        found = rules(policy, Scenario(patients=1))
        courses, about = found.courses, {"product": policy.product, "tumour_site": "breast"}
        for outcome, fact, wanted, made, more in (
            ("missed_dose_action", "days_since_last_dose", "reload", found.reload_by_days, {"schedule": "q3w"}),
            ("adjuvant_duration", "days_since_first_dose", "continue", found.continue_by_day,
             {"setting": "adjuvant", "days_first_to_last_dose": Decimal(0)}),
        ):  # fmt: skip
            array = courses.knowledge.array(courses.edition(outcome, about), outcome)
            names = array.outcome.values
            for day in (0, 20, 21, 27, 28, 29, 100, 357, 363, 364, 365, 1000, DAYS_LOOKED_UP - 1):
                said = names[array.answer({**about, **more, fact: Decimal(day)})]
                assert (said == wanted) == bool(made[day]), (policy.name, outcome, day)
    assert rules(US, Scenario(patients=1)).reload_by_days[[28, 29]].tolist() == [0, 1]
    assert not rules(SC, Scenario(patients=1)).reload_by_days.any()
    assert rules(US, Scenario(patients=1)).continue_by_day[[363, 364]].tolist() == [1, 0]


# -- single courses, as by hand ---------------------------------------------------------------------


def every_21(first: int, last: int) -> list[int]:
    return list(range(first, last + 1, 21))


def test_a_course_in_which_nothing_happens() -> None:
    made = scripted(US)
    assert made.days("dose") == every_21(0, 357)
    assert made.days("lvef")[:5] == [-7, 84, 175, 266, 357]
    assert made.amounts()[0] == 8
    assert {number for day, number in made.amounts().items() if day} == {6}
    assert made.by["mg"] == made.by["mg_planned"] == 70 * (8 + 17 * 6)
    assert made.by["holds"] == made.by["stopped"] == made.by["days_held"] == 0


def test_a_hold_that_recovers_after_four_weeks() -> None:
    made = scripted(US, {84: 45})
    assert made.days("dose") == [*every_21(0, 63), *every_21(112, 343)]
    assert made.days("lvef")[:4] == [-7, 84, 112, 203]
    assert made.amounts()[112] == 8
    assert [made.by[name] for name in ("holds", "false_holds", "stopped", "days_held", "re_loads")] == [1, 1, 0, 28, 1]


def test_a_hold_that_does_not_recover_in_eight_weeks_is_a_stop() -> None:
    made = scripted(US, {84: 45, 112: 45, 140: 45, 168: 45})
    assert max(made.days("dose")) == 63
    assert made.days("stop") == [168]
    assert [made.by[name] for name in ("holds", "stopped", "false_stop", "stop_day", "days_held")] == [1, 1, 1, 168, 84]
    assert [day for day in made.days("lvef") if day > 168] == [168 + 183, 168 + 366, 168 + 549]


def test_recovery_on_the_last_day_of_eight_weeks_still_counts() -> None:
    made = scripted(US, {84: 45, 112: 45})
    assert made.days("stop") == []
    assert next(day for day in made.days("dose") if day > 63) == 140
    assert made.by["days_held"] == 56


def test_the_fourth_hold_is_a_stop() -> None:
    """Holds on days 54, 143, 232 (each of 28 days, the next LVEF 61 days after the resumption) and 321."""
    made = scripted(policy_with(months=2.0), dict.fromkeys((54, 143, 232, 321), 45.0))
    assert made.by["holds"] == 3
    assert made.days("stop") == [321]
    assert made.by["days_held"] == 3 * 28


def test_the_eu_text_stops_after_three_weeks_without_improvement() -> None:
    made = scripted(EU, {84: 45, 105: 45})
    assert [made.by["holds"], made.by["stopped"], made.by["stop_day"]] == [1, 1, 105]
    assert max(made.days("dose")) == 63
    recovers = scripted(EU, {84: 45})
    assert recovers.by["stopped"] == 0
    assert recovers.days("dose")[4] == 105
    assert recovers.amounts()[105] == 8  # 42 days after the last


def test_doctors_who_do_not_stop_when_the_text_asks_to_consider_it() -> None:
    made = scripted(policy_with(EU, stop_when_considered=0.5), {84: 45, 105: 45}, not_followed=(105,))
    assert made.by["stopped"] == 0
    assert made.days("dose")[4] == 126
    assert scripted(policy_with(EU, resume_when_asked=0.5), {84: 45}, not_followed=(105,)).days("dose")[4] == 126


def test_a_hold_that_is_not_followed_misses_no_dose() -> None:
    made = scripted(policy_with(follow_holds=0.5), {84: 45}, not_followed=(84,))
    assert made.days("dose") == every_21(0, 357)
    assert [made.by[name] for name in ("holds", "doses_in_hold", "days_held", "re_loads")] == [1, 1, 0, 0]


def test_who_turned_away_from_a_hold_is_not_stopped_after_it_is_over() -> None:
    """EU: the repeat asked to consider stopping, and was not heard; the LVEF recovers, the hold ends, doses go on."""
    made = scripted(policy_with(EU, follow_holds=0.5), {84: 45, 105: 45}, not_followed=(84,))
    assert made.by["stopped"] == 0
    assert made.days("dose") == every_21(0, 357)


def test_heart_failure_ends_therapy_even_where_holds_are_not_followed() -> None:
    # A baseline of 50 and a true LVEF of 49: only the reading of day 84 holds.
    for policy in (US, EU, policy_with(follow_holds=0.0), policy_with(EU, follow_holds=0.0, stop_when_considered=0.0)):
        made = scripted(policy, {BASELINE_DAY: 50, 84: 39}, true=49, fails_on=100, not_followed=(84,))
        assert made.by["heart_failure"] == made.by["stopped"] == 1, policy.name
        (failed,) = made.days("heart failure")
        assert made.days("stop") == [failed]
        assert all(day < failed for day in made.days("dose"))
        assert made.by["false_stop"] == 0


def test_heart_failure_without_a_hold_before_it_is_a_stop_and_no_hold() -> None:
    for policy in (US, EU):
        made = scripted(policy, {BASELINE_DAY: 50}, true=49, fails_on=100)
        assert [made.by[name] for name in ("holds", "false_holds", "stopped", "false_stop")] == [0, 0, 1, 0], (
            policy.name
        )


def test_heart_failure_long_after_therapy_is_on_the_record_and_stops_nothing() -> None:
    made = scripted(US, {BASELINE_DAY: 50}, true=49, fails_on=600)
    assert made.by["heart_failure"] == 1
    assert made.by["stopped"] == 0
    assert 600 <= made.days("heart failure")[0] < 621
    assert scripted(US, {BASELINE_DAY: 50}, true=49, fails_on=729).by["heart_failure"] == 1


def test_nothing_is_held_or_stopped_when_the_year_is_over() -> None:
    """A hold of day 298 whose verdict would come on day 382; and an LVEF of day 364, when no dose is left."""
    held = scripted(policy_with(months=2.0), dict.fromkeys((298, 326, 354, 382), 45.0))
    assert [held.by[name] for name in ("holds", "stopped", "days_held")] == [1, 0, 364 - 298]
    late = scripted(policy_with(visits_days=(366,)), {366: 40.0})
    assert [late.by[name] for name in ("holds", "stopped", "below_50")] == [0, 0, 1]


def test_a_second_reading_decides() -> None:
    repeat = policy_with(confirm="repeat")
    averted = scripted(repeat, {84: 45})
    assert averted.days("dose")[4] == 91
    assert averted.amounts()[91] == 6  # 28 days after the last: no loading dose yet
    assert [averted.by[name] for name in ("holds", "repeats", "averted")] == [0, 1, 1]
    assert averted.days("lvef")[:3] == [-7, 91, 182]
    kept = scripted(repeat, {84: 45}, again={91: 44})
    assert [kept.by[name] for name in ("holds", "repeats", "averted")] == [1, 1, 0]
    assert kept.days("lvef")[:3] == [-7, 91, 119]
    assert kept.by["days_held"] == 28


@pytest.mark.parametrize(("second", "held"), [(53, 1), (56, 0)])
def test_the_mean_of_two_readings_decides(second, held) -> None:
    """45 and 53 are 49, a low LVEF 11 points down; 45 and 56 are 50.5, rounded to 50."""
    made = scripted(policy_with(confirm="mean"), {84: 45}, again={91: second})
    assert [made.by["holds"], made.by["averted"]] == [held, 1 - held]
    assert {day: number for day, what, number, _ in made.events if what == "lvef"}[91] == (49 if held else 50)


def test_a_visit_before_the_second_reading_does_not_turn_time_back() -> None:
    made = scripted(policy_with(visits_days=(84, 91, 180), confirm="repeat", confirm_days=10), {84: 45})
    days = [day for day, _, _, _ in made.events]
    assert days == sorted(days)
    assert made.days("lvef") == [-7, 94, 180]


def test_after_a_stop_the_list_of_visits_goes_on() -> None:
    made = scripted(policy_with(visits_days=(84, 200, 300, 400)), {84: 45, 112: 45, 140: 45, 168: 45})
    assert made.days("stop") == [168]
    assert [day for day in made.days("lvef") if day > 168] == [200, 300, 400]


def test_a_missed_lvef_is_missed_for_a_whole_interval() -> None:
    made = scripted(policy_with(attendance=0.5), missed=(84, 175))
    assert made.days("lvef")[:3] == [-7, 266, 357]
    assert made.by["missed_echoes"] == 2


def test_below_the_least_lvef_nobody_starts() -> None:
    made = scripted(US, {BASELINE_DAY: 49})
    assert made.by["started"] == 0
    assert made.days("dose") == []


def test_whether_a_hold_was_right_is_judged_by_one_limit_for_all_policies() -> None:
    """True 52, measured 52 and 63 before: 11 points below a limit of 55 hold; by the label at 50 nothing is wrong."""
    strict = policy_with(site=Site(jurisdiction="us", lvef_lower_limit=Decimal(55)))
    made = scripted(strict, {BASELINE_DAY: 63}, true=52)
    assert [made.by[name] for name in ("holds", "false_holds", "true_dysfunction")] == [1, 1, 0]


# -- determinism ------------------------------------------------------------------------------------


def test_results_are_the_same_for_any_number_of_cores_and_patients() -> None:
    one, three = ([part.out for part in portions(US, Scenario(patients=2100, seed=9), cores)] for cores in (1, 3))
    assert all(np.array_equal(a, b, equal_nan=True) for a, b in zip(one, three, strict=True))
    block = portion(US, Scenario(patients=BLOCK, seed=9))
    assert np.array_equal(block.out, one[0], equal_nan=True)
    few = portion(US, Scenario(patients=100, seed=9))
    assert np.array_equal(few.out, one[0][:100], equal_nan=True)
    assert np.array_equal(few.events, block.events[:100])
    second = run_portion(rules(US, Scenario(patients=2100, seed=9)), Scenario(patients=2100, seed=9), BLOCK, BLOCK)
    assert np.array_equal(second.out, one[1], equal_nan=True)
    assert not np.array_equal(portion(US, Scenario(patients=100, seed=10)).out, few.out, equal_nan=True)


def day_of_lvef(part, place: int, day: int) -> float | None:
    return next((n for on, kind, n, _ in events_of(part, place) if kind == "lvef" and on == day), None)


@pytest.mark.parametrize(
    "policy", [EU, SC, OWN, example("half-followed"), example("every-6-months-confirmed")], ids=lambda p: p.name
)
def test_every_policy_meets_the_same_patients(policy) -> None:
    first, other = (portion(each, Scenario(patients=300)) for each in (US, policy))
    assert np.array_equal(first.weight_kg, other.weight_kg)
    assert np.array_equal(first.baseline, other.baseline)
    assert np.array_equal(first.column("baseline_measured"), other.column("baseline_measured"))
    assert np.array_equal(first.column("started"), other.column("started"))
    if policy.months is None and policy.attendance == 1 and policy.product == US.product:
        # The same error on the same day, before anything differs.
        both = [[day_of_lvef(each, place, 84) for place in range(300)] for each in (first, other)]
        assert both[0] == both[1]
        assert sum(lvef is not None for lvef in both[0]) > 250


def test_until_policies_differ_their_patients_go_the_same_way() -> None:
    """Who is never held by either has the same course under both."""
    a, b = (
        portion(US, Scenario(patients=300)),
        portion(policy_with(US, name="again", confirm="repeat"), Scenario(patients=300)),
    )
    quiet = np.flatnonzero((a.column("holds") == 0) & (b.column("repeats") == 0))
    assert len(quiet) > 150
    assert np.array_equal(a.out[quiet], b.out[quiet], equal_nan=True)


# -- limits -----------------------------------------------------------------------------------------


def test_without_an_effect_the_true_lvef_stays_and_every_hold_is_false() -> None:
    made = whole(US, Scenario(patients=1500, drug=False))
    part = portion(US, Scenario(patients=500, drug=False), sample_days=30)
    assert np.allclose(
        part.path[:, :, 0][part.column("started") == 1], part.baseline[part.column("started") == 1, None]
    )
    assert made["holds"].sum() > 100
    assert np.array_equal(made["holds"], made["false_holds"])
    assert not made["true_dysfunction"].any()
    assert not made["heart_failure"].any() or made["lowest_true"].min() < 50


def test_without_error_no_hold_is_false_but_by_rounding() -> None:
    """What is measured is the true LVEF: only the rounding of baseline and reading can make a fall of 10 of one of 9.9."""
    exact = policy_with(method="exact")
    assert whole(exact, Scenario(patients=1500, drug=False))["holds"].sum() == 0
    made = whole(policy_with(method="exact", step_of_lvef=0.1), Scenario(patients=3000))
    assert made["holds"].sum() > 40
    assert made["false_holds"].sum() <= 0.03 * made["holds"].sum()
    rounded = whole(exact, Scenario(patients=3000))
    assert rounded["false_holds"].sum() > made["false_holds"].sum()


def test_a_part_that_stays_for_good() -> None:
    part = portion(US, Scenario(patients=400, irreversible=1.0, horizon_days=1200), sample_days=20)
    path = part.path[part.column("started") == 1, :, 0]
    assert (np.diff(path, axis=1)[:, 25:] >= -1e-9).all()
    back, stays = (
        portion(US, Scenario(patients=400, irreversible=share, horizon_days=1200)) for share in (0.0, 1.0)
    )  # fmt: skip
    ok = back.column("started") == 1
    assert (back.column("last_true")[ok] > back.baseline[ok] * 0.99).all()
    assert (stays.column("last_true")[ok] < back.column("last_true")[ok]).all()


def test_who_never_comes_has_only_the_first_lvef() -> None:
    part = portion(policy_with(attendance=0.0), Scenario(patients=200, failure_rate=0.0))
    assert (part.column("echoes") == 1).all()
    assert not part.column("holds").any()
    assert (part.column("doses")[part.column("started") == 1] == 18).all()
    assert (part.column("missed_echoes")[part.column("started") == 1] >= 4).all()


def test_where_no_hold_is_followed_no_dose_is_missed() -> None:
    for policy in (US, EU, OWN):
        part = portion(policy_with(policy, follow_holds=0.0), Scenario(patients=300, failure_rate=0.0))
        assert (part.column("doses")[part.column("started") == 1] == 18).all()
        assert part.column("holds").sum() > 30
        assert not part.column("stopped").any()
        assert not part.column("days_held").any()
        assert np.isnan(part.column("days_to_detection")).all()


def test_who_looks_more_often_finds_no_fewer() -> None:
    missed, found = [], []
    for months in (1.0, 3.0, 6.0):
        made = whole(policy_with(months=months), Scenario(patients=3000))
        missed.append(made["missed_dysfunction"].sum() / made["true_dysfunction"].sum())
        found.append(np.nanmean(made["days_to_detection"]))
    assert missed[0] < missed[1] < missed[2]
    assert found[0] < found[1]


def test_heart_failure_comes_by_its_rate() -> None:
    none, some, more = (whole(US, Scenario(patients=1500, failure_rate=rate)) for rate in (0.0, 0.085, 0.5))
    assert not none["heart_failure"].any()
    assert 0 < some["heart_failure"].sum() < more["heart_failure"].sum()
    assert (more["lowest_true"][more["heart_failure"] == 1] < 50).all()


def test_heart_failure_does_not_hang_on_how_often_somebody_looks() -> None:
    """Nobody acts on what is seen, so that every policy has the same hearts and the same failures, but for the days."""
    few, many = (
        whole(policy_with(follow_holds=0.0, months=months), Scenario(patients=2000, failure_rate=0.3)) for months in (24.0, 1.0)
    )  # fmt: skip
    assert few["heart_failure"].sum() > 50
    assert abs(few["heart_failure"].sum() - many["heart_failure"].sum()) <= 2
    assert abs(few["true_dysfunction"].sum() - many["true_dysfunction"].sum()) <= 4


def test_columns_agree_with_each_other() -> None:
    for policy in (US, EU, example("half-followed"), example("every-3-months-confirmed")):
        made = whole(policy, Scenario(patients=1500))
        ok = made["started"] == 1
        assert (made["mg"][ok] > 0).all()
        assert (made["lowest_true"] <= made["last_true"] + 1e-9)[ok].all()
        assert (made["false_holds"] <= made["holds"]).all()
        assert (made["false_stop"] <= made["stopped"]).all()
        assert (made["averted"] <= made["repeats"]).all()
        assert (made["missed_dysfunction"] <= made["true_dysfunction"]).all()
        assert np.array_equal(
            np.isfinite(made["days_to_detection"]), (made["true_dysfunction"] == 1) & (made["missed_dysfunction"] == 0)
        )
        assert (made["days_to_detection"][np.isfinite(made["days_to_detection"])] >= 0).all()
        assert np.array_equal(np.isfinite(made["stop_day"]), made["stopped"] == 1)
        assert (made["days_held"] >= 0).all()
        assert (made["days_held"][(made["holds"] == 0)] == 0).all()
        assert (made["last_dose_day"][ok] < 364).all()
        assert (made["below_50_by_16"] <= made["below_50_by_10"]).all()
        assert (made["below_50_by_10"] <= made["below_50"]).all()
        assert (made["doses"] <= made["doses_planned"]).all()


def test_under_the_skin_everyone_gets_the_same_amount_and_no_loading_dose() -> None:
    part = portion(SC, Scenario(patients=200))
    numbers = {number for place in range(200) for _, kind, number, _ in events_of(part, place) if kind == "dose"}
    assert numbers == {600.0}
    assert not part.column("re_loads").any()
    assert part.column("holds").sum() > 10


def test_no_timeline_is_cut_short() -> None:
    """The most that can happen: visits every week for years, and a second reading for every low one."""
    policy = policy_with(visits_days=tuple(range(7, 7 * 151, 7)), confirm="repeat", follow_holds=0.0)
    part = portion(policy, Scenario(patients=200, horizon_days=1700))
    ok = part.column("started") == 1
    assert (part.column("doses")[ok & (part.column("stopped") == 0)] >= 15).all()  # a repeat puts a dose off for a week
    last = [max(day for day, kind, _, _ in events_of(part, place) if kind == "lvef") for place in np.flatnonzero(ok)]
    assert min(last) >= 1043


def test_the_limit_of_the_site_decides() -> None:
    strict = replace(US, name="limit 55", site=Site(jurisdiction="us", lvef_lower_limit=Decimal(55)))
    assert (
        whole(strict, Scenario(patients=1000))["holds"].sum() > 1.3 * whole(US, Scenario(patients=1000))["holds"].sum()
    )
