"""The labels' own arithmetic and dates, asked on the command line: vectors worked by hand, none read off a table."""

from __future__ import annotations

import csv
import json
import time
from itertools import chain, product
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from her2path.cli.group import main
from her2path.tables.decision import decide
from her2path.tables.load import default_knowledge

KNOWLEDGE = default_knowledge()


@pytest.fixture(autouse=True)
def _read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every call works with the knowledge read once: reading it anew is what `test_cli.py` does."""
    monkeypatch.setattr("her2path.tables.load.read_knowledge", default_knowledge)


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def ask(outcome: str, jurisdiction: str | None = "us", on: str | None = None, **facts: object) -> dict:
    """`her2path decide OUTCOME ... --json`; facts that are `None` are not given."""
    options = ["--jurisdiction", jurisdiction] if jurisdiction else []
    options += ["--on", on] if on else []
    given = [("--fact", f"{name}={value}") for name, value in facts.items() if value is not None]
    result = run("decide", outcome, *options, *chain.from_iterable(given), "--format", "ndjson")
    assert result.exit_code in (0, 3), result.stderr  # 3: a number that could not be read
    return json.loads(result.stdout)


def answer(outcome: str, jurisdiction: str | None = "us", on: str | None = None, **facts: object) -> object:
    """The outcome alone; a set of what is possible where it is undetermined."""
    said = ask(outcome, jurisdiction, on, **facts)
    assert not said["contradictory"]
    if said[outcome] is not None:
        assert said["possible"] == [said[outcome]]
        assert said["would_settle"] == []
        return said[outcome]
    assert len(said["possible"]) > 1
    return set(said["possible"])


# -- holding trastuzumab ----------------------------------------------------------------------------

NOT_HELD = {"on_hold": "no", "hold_count": 0, "heart_failure": "no"}
HELD = {"on_hold": "yes", "hold_count": 0, "heart_failure": "no"}

FALLS = [
    # baseline, now, US with a limit of 50, US with 55, EU
    (65, 49, "hold", "hold", "hold"),
    (65, 50, "continue", "hold", "continue"),
    (70, 54, "hold", "hold", "continue"),
    (70, 55, "continue", "continue", "continue"),
    (70, 54.5, "continue", "hold", "continue"),
    (60, 50, "continue", "hold", "continue"),
    (60, 49, "hold", "hold", "hold"),
    (58, 49, "continue", "continue", "continue"),
    (55, 45, "hold", "hold", "hold"),
    (60, 50.4, "continue", "continue", "continue"),
    (62, 52, "continue", "hold", "continue"),
    # just beside the cuts
    (65, "49.9", "hold", "hold", "hold"),
    (70, "54.01", "continue", "hold", "continue"),
    (70, "53.99", "hold", "hold", "continue"),
    (60, "49.9", "hold", "hold", "hold"),
    (59, "49.1", "continue", "continue", "continue"),
    (64, "54.9", "continue", "continue", "continue"),
    (65, "54.9", "continue", "hold", "continue"),
    (71, 55, "hold", "hold", "continue"),
    (66, 50, "hold", "hold", "continue"),
]
SCOPES = [("us", 50, 2), ("us", 55, 3), ("eu", None, 4), ("eu", 55, 4)]


@pytest.mark.parametrize("brand", ["trastuzumab-iv", "trastuzumab-sc"])
@pytest.mark.parametrize(("jurisdiction", "limit", "place"), SCOPES)
def test_falls_that_hold(brand: str, jurisdiction: str, limit: int | None, place: int) -> None:
    for row in FALLS:
        baseline, now = row[:2]
        facts = {"product": brand, "lvef_baseline": baseline, "lvef": now, "lvef_lower_limit": limit, **NOT_HELD}
        assert answer("cardiac_action", jurisdiction, **facts) == row[place], row


@pytest.mark.parametrize(
    ("baseline", "now", "action"),
    [
        (66, 51, "resume"),  # a fall of 15
        (66, 50, "hold"),  # of 16
        (65, 49, "hold"),  # below the limit
        (70, 54.5, "hold"),  # 15.5: what is held stays held
        (60, 50.4, "resume"),
        (65, 50, "resume"),
        (55, 60, "resume"),
    ],
)
def test_resuming_in_the_us(baseline: float, now: float, action: str) -> None:
    facts = {"lvef_baseline": baseline, "lvef": now, "lvef_lower_limit": 50, **HELD}
    assert answer("cardiac_action", "us", **facts, days_on_hold=35) == action
    assert answer("cardiac_action", "eu", **facts, days_on_hold=35) in ("clinician decides", "consider stopping")


@pytest.mark.parametrize(
    ("day", "recovered", "low", "dead_zone"),
    [
        (0, "hold", "hold", "hold"),
        (27, "hold", "hold", "hold"),
        (28, "resume", "hold", "hold"),
        (56, "resume", "hold", "hold"),
        (57, "clinician decides", "stop", "stop"),
        (400, "clinician decides", "stop", "stop"),
    ],
)
def test_the_four_and_eight_weeks_of_a_hold(day: int, recovered: str, low: str, dead_zone: str) -> None:
    for baseline, now, action in ((65, 60, recovered), (65, 48, low), (70, 54.5, dead_zone)):
        facts = {"lvef_baseline": baseline, "lvef": now, "lvef_lower_limit": 50, **HELD, "days_on_hold": day}
        assert answer("cardiac_action", **facts) == action


@pytest.mark.parametrize(
    ("day", "low"), [(0, "hold"), (20, "hold"), (21, "consider stopping"), (57, "consider stopping")]
)
def test_the_three_weeks_of_the_eu(day: int, low: str) -> None:
    facts = {"lvef_baseline": 65, **HELD, "days_on_hold": day}
    assert answer("cardiac_action", "eu", lvef=48, **facts) == low
    assert answer("cardiac_action", "eu", lvef=58, **facts) == "clinician decides"


@pytest.mark.parametrize(("earlier", "action"), [(0, "hold"), (1, "hold"), (2, "hold"), (3, "stop"), (4, "stop")])
def test_the_fourth_hold_stops_for_good(earlier: int, action: str) -> None:
    low = {"lvef_baseline": 65, "lvef": 49, "lvef_lower_limit": 50, "heart_failure": "no", "hold_count": earlier}
    assert answer("cardiac_action", **low, on_hold="no") == action
    assert answer("cardiac_action", **low, on_hold="yes", days_on_hold=10) == action
    well = {**low, "lvef": 62}
    assert answer("cardiac_action", **well, on_hold="no") == "continue"  # no new hold: nothing to count
    assert answer("cardiac_action", **well, on_hold="yes", days_on_hold=30) == ("resume" if earlier < 3 else "stop")
    assert answer("cardiac_action", "eu", **low, on_hold="no") == "hold"  # the EU counts none


def test_heart_failure_comes_before_every_lvef() -> None:
    stops = {"us": "stop", "eu": "consider stopping"}
    for jurisdiction, now, on_hold in product(stops, (None, 49, 65), (None, "yes", "no")):
        facts = {"setting": "adjuvant", "lvef_baseline": 65, "lvef": now, "on_hold": on_hold, "heart_failure": "yes"}
        assert answer("cardiac_action", jurisdiction, **facts) == stops[jurisdiction]
    for brand in ("pertuzumab", "phesgo", "t-dm1", "t-dxd"):
        assert answer("cardiac_action", product=brand, heart_failure="yes") == "stop"


@pytest.mark.parametrize("setting", ["neoadjuvant", "adjuvant", "metastatic"])
def test_the_boxed_warning_disagrees_about_holds_before_metastasis(setting: str) -> None:
    facts = {"setting": setting, "lvef_baseline": 65, "lvef_lower_limit": 50, **NOT_HELD}
    held = answer("boxed_warning_conflict", **facts, lvef=49)
    assert held == ("no" if setting == "metastatic" else "yes")
    assert answer("boxed_warning_conflict", **facts, lvef=60) == "no"


# -- what is not known ------------------------------------------------------------------------------

LOW = {"setting": "adjuvant", "lvef_baseline": 65, "lvef": 49, "lvef_lower_limit": 50, **NOT_HELD}


@pytest.mark.parametrize(
    ("changed", "possible", "settling"),
    [
        ({"lvef_baseline": None}, {"continue", "hold"}, [["lvef_fall"]]),
        ({"lvef": None}, {"continue", "hold"}, None),
        ({"lvef_lower_limit": None, "lvef_baseline": 60}, {"continue", "hold"}, [["lvef_below_limit"]]),
        ({"heart_failure": None}, {"hold", "stop"}, [["heart_failure"]]),
        ({"heart_failure": None, "lvef": 60}, {"continue", "stop"}, [["heart_failure"]]),
        ({"hold_count": None}, {"hold", "stop"}, [["hold_count"]]),
        ({"on_hold": "yes", "days_on_hold": None}, {"hold", "stop"}, [["days_on_hold"]]),
        (
            {"on_hold": "yes", "days_on_hold": None, "lvef": 60},
            {"hold", "resume", "clinician decides"},
            [["days_on_hold"]],
        ),
        ({"on_hold": "yes", "days_on_hold": "50-60"}, {"hold", "stop"}, [["days_on_hold"]]),
    ],
)
def test_what_is_not_known_leaves_it_undetermined(changed: dict, possible: set, settling: list | None) -> None:
    said = ask("cardiac_action", **{**LOW, **changed})
    assert said["cardiac_action"] is None
    assert set(said["possible"]) == possible
    assert said["would_settle"]
    assert not said["contradictory"]
    if settling is not None:
        assert said["would_settle"] == settling


def test_nothing_known_never_becomes_continue_or_no() -> None:
    """Of no outcome that opens, permits or denies a treatment is anything said about a patient of whom nothing is."""
    for outcome, jurisdiction in product(
        ["cardiac_action", "contraception_months", "missed_dose_action", "adjuvant_eligible", "gastric_first_line",
         "metastatic_first_line", "metastatic_later_line", "residual_disease_treatment", "her2_low_eligible"],
        ["us", "eu"],
    ):  # fmt: skip
        said = ask(outcome, jurisdiction, on="2026-11-01")
        assert said[outcome] is None, (outcome, jurisdiction)
        assert len(said["possible"]) > 1
        assert said["would_settle"]
        assert not said["contradictory"]


@pytest.mark.parametrize("word", ["about 50", "not done", "unknown", "0.49", "5", "120", "-49", "forty-nine"])
def test_an_lvef_that_cannot_be_read_is_not_known(word: str) -> None:
    said = ask("cardiac_action", **{**LOW, "lvef": word})
    assert said["cardiac_action"] is None
    assert said["possible"] == ["continue", "hold"]
    assert "lvef" in said["unknown"]


@pytest.mark.parametrize(
    ("baseline", "now", "action"),
    [
        (65, "50-55", "continue"),  # a fall of 10 to 15, not below the limit
        (65, "45-49", "hold"),
        (65, "45-55", {"continue", "hold"}),
        (65, "49-50", {"continue", "hold"}),
        (68, "50-55", {"continue", "hold"}),  # of 13 to 18
        ("60-65", "50-55", "continue"),
        ("60-65", "40-44", "hold"),
        ("60-65", "45-49", "hold"),
        ("58-65", "49", {"continue", "hold"}),
        (65, ">= 50", "continue"),
        (65, "< 40", "hold"),
        (65, "< 50", "hold"),  # any such is more than 15 down and below the limit
        (65, "> 49", {"continue", "hold"}),
        (65, "50 %", "continue"),
    ],
)
def test_an_lvef_known_only_between_limits(baseline: object, now: object, action: object) -> None:
    assert answer("cardiac_action", **{**LOW, "lvef_baseline": baseline, "lvef": now}) == action


def test_the_fall_is_derived_and_may_stand_for_its_parts() -> None:
    whole = ask("cardiac_action", **LOW)
    assert whole["rows"][0].startswith("lvef_finding:")
    parts = {**NOT_HELD, "lvef_fall": 16, "lvef_below_limit": "yes"}
    assert ask("cardiac_action", **parts)["rows"] == whole["rows"]
    assert answer("cardiac_action", **LOW, lvef_fall=16) == "hold"  # as derived: no harm
    assert answer("cardiac_action", **NOT_HELD, lvef_fall=16) == "hold"  # to whatever LVEF


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"lvef_fall": 20}, "20 was given, but lvef_baseline 65 and lvef 50 make it 15"),
        ({"lvef_fall": 16}, "16 was given, but lvef_baseline 65 and lvef 50 make it 15"),
        ({"lvef_fall": "16-20"}, "make it 15"),
        ({"lvef_below_limit": "yes"}, "yes was given, but lvef 50 and lvef_lower_limit 50 make it no"),
    ],
)
def test_a_fall_given_against_its_parts_is_contradictory(given: dict, why: str) -> None:
    said = ask("cardiac_action", **{**LOW, "lvef": 50}, **given)
    [(name, _)] = given.items()
    assert said["unknown"][name].startswith("contradictory:")
    assert why in said["unknown"][name]
    assert said["cardiac_action"] is None
    assert said["possible"] == ["continue", "hold"]
    assert said["would_settle"] == [[name]]


# -- the other products -----------------------------------------------------------------------------

OTHER_PRODUCTS = [
    *[(brand, "metastatic", *row) for brand in ("pertuzumab", "phesgo") for row in (
        (52, 44, "continue"), (55, 44, "hold"), (52, 39, "hold"), (55, 45, "hold"), (54, 45, "continue"),
        (60, 45.1, "continue"), (49, 40, "continue"), (49, 39.9, "hold"), (50, 40, "hold"),
    )],
    *[(brand, setting, *row) for brand in ("pertuzumab", "phesgo") for setting in ("adjuvant", "neoadjuvant") for row in (
        (60, 50, "continue"), (60, 49.9, "hold"), (58, 49, "continue"), (70, 50, "continue"), (59, 49, "hold"),
    )],
    *[("t-dm1", "metastatic", *row) for row in (
        (55, 45, "hold"), (60, 46, "continue"), (53, 44, "continue"), (45, 39, "hold"), (75, 50, "continue"),
        (50, 40, "hold"), (49, 40, "continue"), (60, 45.1, "continue"), (60, 39.9, "hold"),
    )],
    *[("t-dm1", "adjuvant", *row) for row in (
        (60, 44.9, "hold"), (55, 45, "hold"), (54, 45, "continue"), (70, 50, "continue"), (60, 49.9, "hold"),
    )],
    *[("t-dxd", None, *row) for row in (
        (60, 46, "continue"), (70, 48, "hold"), (45, 41, "continue"), (68, 48, "continue"), (68.1, 48, "hold"),
        (55, 45, "hold"), (48, 40, "continue"), (45, 39.9, "hold"), (60, 55, "continue"), (62, 42, "hold"),
    )],
    *[("zanidatamab", None, *row) for row in (
        (60, 50, "hold"), (60, 50.1, "continue"), (59, 50, "continue"), (70, 54, "hold"), (70, 55, "continue"),
    )],
    *[("margetuximab", None, *row) for row in (
        (60, 50, "continue"), (60, 49, "hold"), (70, 54, "hold"), (58, 49, "continue"),
    )],
]  # fmt: skip


@pytest.mark.parametrize("jurisdiction", ["us", "eu"])
def test_falls_that_hold_other_products(jurisdiction: str) -> None:
    for brand, setting, baseline, now, action in OTHER_PRODUCTS:
        facts = {"product": brand, "setting": setting, "lvef_baseline": baseline, "lvef": now, **NOT_HELD}
        if brand in ("zanidatamab", "margetuximab"):
            facts["lvef_lower_limit"] = 50
        assert answer("cardiac_action", jurisdiction, **facts) == action, (brand, setting, baseline, now)


@pytest.mark.parametrize("brand", ["pertuzumab", "phesgo"])
def test_pertuzumab_resumes_after_three_weeks(brand: str) -> None:
    held = {"product": brand, "heart_failure": "no", "on_hold": "yes"}
    adjuvant, metastatic = {**held, "setting": "adjuvant"}, {**held, "setting": "metastatic"}
    assert answer("cardiac_action", **adjuvant, lvef_baseline=60, lvef=55, days_on_hold=20) == "hold"
    assert answer("cardiac_action", **adjuvant, lvef_baseline=60, lvef=55, days_on_hold=21) == "resume"
    assert answer("cardiac_action", **adjuvant, lvef_baseline=58, lvef=49, days_on_hold=21) == "resume"
    assert answer("cardiac_action", **adjuvant, lvef_baseline=60, lvef=49, days_on_hold=21) == "consider stopping"
    assert answer("cardiac_action", **metastatic, lvef_baseline=60, lvef=46, days_on_hold=21) == "resume"
    assert answer("cardiac_action", **metastatic, lvef_baseline=52, lvef=43, days_on_hold=21) == "resume"
    assert answer("cardiac_action", **metastatic, lvef_baseline=60, lvef=45, days_on_hold=21) == "consider stopping"


@pytest.mark.parametrize(
    ("brand", "baseline", "now", "began", "action"),
    [
        ("t-dm1", 60, 39, "far too low", "stop"),  # confirmed
        ("t-dm1", 60, 45, "too low", "stop"),  # not within 10 of the baseline
        ("t-dm1", 54, 45, "too low", "resume"),
        ("t-dxd", 60, 39, "far too low", "stop"),
        ("t-dxd", 60, 44, "too low", "stop"),
        ("t-dxd", 60, 51, "too low", "resume"),
        ("t-dxd", 60, 45, "far too low", "hold"),  # not confirmed: the new value enters the table
        ("t-dxd", 70, 52, "far too low", "resume"),
        ("t-dxd", 60, 45, None, {"hold", "stop"}),
    ],
)
def test_a_repeat_is_judged_by_how_the_hold_began(
    brand: str, baseline: int, now: int, began: str | None, action: object
) -> None:
    facts = {"product": brand, "setting": "metastatic", "lvef_baseline": baseline, "lvef": now, **HELD}
    assert answer("cardiac_action", **facts, lvef_finding_at_hold=began) == action


# -- missed doses -----------------------------------------------------------------------------------

MISSED = [
    ("trastuzumab-iv", "q3w", 21, "maintenance"), ("trastuzumab-iv", "q3w", 28, "maintenance"),
    ("trastuzumab-iv", "q3w", 29, "reload"), ("trastuzumab-iv", "q3w", 500, "reload"),
    ("trastuzumab-iv", "weekly", 14, "maintenance"), ("trastuzumab-iv", "weekly", 15, "reload"),
    ("trastuzumab-sc", "q3w", 28, "maintenance"), ("trastuzumab-sc", "q3w", 500, "maintenance"),
    ("phesgo", "q3w", 41, "maintenance"), ("phesgo", "q3w", 42, "reload"), ("phesgo", "q3w", 43, "reload"),
    ("pertuzumab", "q3w", 41, "maintenance"), ("pertuzumab", "q3w", 42, "reload"),
    ("t-dm1", "q3w", 29, "maintenance"), ("t-dm1", "q3w", 90, "maintenance"),
    ("t-dxd", "q3w", 29, "maintenance"), ("t-dxd", "q3w", 90, "maintenance"),
]  # fmt: skip


@pytest.mark.parametrize("jurisdiction", ["us", "eu"])
def test_missed_doses(jurisdiction: str) -> None:
    for brand, schedule, days, action in MISSED:
        facts = {"product": brand, "schedule": schedule, "days_since_last_dose": days}
        assert answer("missed_dose_action", jurisdiction, **facts) == action, facts


def test_a_missed_dose_of_which_not_all_is_known() -> None:
    both = {"maintenance", "reload"}
    assert answer("missed_dose_action", days_since_last_dose=14) == "maintenance"  # by either schedule
    assert answer("missed_dose_action", days_since_last_dose=29) == "reload"
    assert answer("missed_dose_action", days_since_last_dose=20) == both
    assert answer("missed_dose_action", schedule="q3w") == both
    assert answer("missed_dose_action", schedule="q3w", days_since_last_dose="22-28") == "maintenance"
    assert answer("missed_dose_action", schedule="q3w", days_since_last_dose="26-30") == both
    assert answer("missed_dose_action", schedule="q3w", days_since_last_dose="-3") == both
    assert ask("missed_dose_action", schedule="q3w")["would_settle"] == [["days_since_last_dose"]]


def test_a_schedule_the_product_does_not_have_cannot_happen() -> None:
    said = ask("missed_dose_action", product="phesgo", schedule="weekly", days_since_last_dose=10)
    assert said["contradictory"]
    assert said["missed_dose_action"] is None
    assert said["possible"] == []


@pytest.mark.parametrize(
    ("brand", "kind", "schedule", "dose"),
    [
        ("trastuzumab-iv", "loading", "q3w", "8 mg/kg"),
        ("trastuzumab-iv", "maintenance", "q3w", "6 mg/kg"),
        ("trastuzumab-iv", "loading", "weekly", "4 mg/kg"),
        ("trastuzumab-iv", "maintenance", "weekly", "2 mg/kg"),
        ("trastuzumab-sc", None, "q3w", "600 mg"),
        ("phesgo", "loading", None, "1200 mg pertuzumab + 600 mg trastuzumab"),
        ("phesgo", "maintenance", None, "600 mg pertuzumab + 600 mg trastuzumab"),
        ("pertuzumab", "loading", None, "840 mg"),
        ("pertuzumab", "maintenance", None, "420 mg"),
    ],
)
def test_the_dose_behind_a_reload(brand: str, kind: str | None, schedule: str | None, dose: str) -> None:
    for jurisdiction in ("us", "eu"):
        facts = {"product": brand, "dose_kind": kind, "schedule": schedule}
        assert answer("dose_per_administration", jurisdiction, **facts) == dose


def test_doses_of_the_conjugates() -> None:
    levels = ("full", "first reduction", "second reduction", "further reduction")
    for jurisdiction in ("us", "eu"):
        for site, doses in (("breast", ("5.4", "4.4", "3.2")), ("gastric", ("6.4", "5.4", "4.4"))):
            told = [
                answer("dose_per_administration", jurisdiction, product="t-dxd", tumour_site=site, dose_level=level)
                for level in levels
            ]
            assert told == [*(f"{dose} mg/kg" for dose in doses), "stop"]
        t_dm1 = [answer("dose_per_administration", jurisdiction, product="t-dm1", dose_level=level) for level in levels]
        assert t_dm1 == ["3.6 mg/kg", "3.0 mg/kg", "2.4 mg/kg", "stop"]


def test_the_first_three_weekly_dose_after_the_weekly_phase() -> None:
    assert answer("first_q3w_dose_action", days_since_last_dose=7) == "maintenance"
    assert answer("first_q3w_dose_action", days_since_last_dose=14) == "maintenance"
    assert answer("first_q3w_dose_action", days_since_last_dose=15) == "reload"


def test_one_year_is_a_calendar_year_of_52_weeks() -> None:
    year = {"product": "trastuzumab-iv", "setting": "adjuvant"}
    assert answer("adjuvant_duration", **year, days_since_first_dose=363, days_since_last_dose=21) == "continue"
    assert answer("adjuvant_duration", **year, days_since_first_dose=364, days_since_last_dose=21) == "complete"
    late = {**year, "days_since_first_dose": 385, "days_since_last_dose": 21}  # the last dose on day 364
    assert answer("adjuvant_duration", **late, doses_given=19) == "beyond one year"
    assert answer("adjuvant_duration", **late, doses_given=18) == "complete"
    assert answer("adjuvant_duration", product="trastuzumab-iv", setting="metastatic") == "until progression"


def test_a_dose_changes_with_a_tenth_of_the_weight() -> None:
    for percent, action in ((9.9, "keep"), (-9.9, "keep"), (10, "recalculate"), (-10, "recalculate"), (0, "keep")):
        assert answer("weight_change_action", weight_change_percent=percent) == f"{action} the dose"


# -- contraception ----------------------------------------------------------------------------------

CONTRACEPTION = [
    # product, US women, US men, EU women, EU men
    ("trastuzumab-iv", 7, "none stated", 7, "none stated"),
    ("trastuzumab-sc", 7, "none stated", 7, "none stated"),
    ("phesgo", 7, "none stated", 7, "none stated"),
    ("pertuzumab", 7, "none stated", 6, "none stated"),
    ("t-dm1", 7, 4, 7, "none stated"),
    ("t-dxd", 7, 4, 7, 4),
    ("zanidatamab", 4, "none stated", 4, "none stated"),
    ("margetuximab", 4, "none stated", 4, "none stated"),
    ("tucatinib", "1 week", "1 week", "1 week", "1 week"),
    ("neratinib", 1, 3, 1, 3),
    ("lapatinib", "1 week", "1 week", "5 days", {"5 days", "none stated"}),
]


def test_contraception_for_every_product_and_sex() -> None:
    assert [row[0] for row in CONTRACEPTION] == list(KNOWLEDGE.facts["product"].values)
    for brand, us_women, us_men, eu_women, eu_men in CONTRACEPTION:
        for jurisdiction, women, men in (("us", us_women, us_men), ("eu", eu_women, eu_men)):
            told = []
            for sex in ("female", "male", None):
                said = ask("contraception_months", jurisdiction, product=brand, sex=sex)
                told.append(set(said["possible"]))
                assert (said["contraception_months"] is None) == (len(said["possible"]) > 1)
                assert said["assumed"] == {}
            as_sets = [value if isinstance(value, set) else {value} for value in (women, men)]
            assert told == [*as_sets, as_sets[0] | as_sets[1]], (brand, jurisdiction)


def test_contraception_of_an_unknown_product_is_never_assumed() -> None:
    said = ask("contraception_months", None, sex="female")
    assert said["contraception_months"] is None
    assert 7 in said["possible"]
    assert said["would_settle"] == [["product"]]
    assert said["assumed"] == {"jurisdiction": "us"}


# -- eligibility ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("facts", "us", "eu"),
    [
        ({"node_status": "positive"}, "yes", "yes"),
        ({"node_status": "negative", "er_status": "negative", "pr_status": "negative"}, "yes", "yes"),
        ({"grade": 1, "tumour_size_mm": 20, "age_years": 35}, "no", "yes"),
        ({"grade": 1, "tumour_size_mm": 20.1, "age_years": 35}, "yes", "yes"),
        ({"grade": 1, "tumour_size_mm": 20, "age_years": 34.9}, "yes", "yes"),
        ({"grade": 2, "tumour_size_mm": 5, "age_years": 70}, "yes", "yes"),
        ({"grade": 3}, "yes", "yes"),
        ({"grade": 1, "tumour_size_mm": "18-22", "age_years": 50}, {"yes", "no"}, "yes"),
        ({"grade": None, "tumour_size_mm": 12, "age_years": 50}, {"yes", "no"}, "yes"),
    ],
)
def test_adjuvant_trastuzumab(facts: dict, us: object, eu: object) -> None:
    low_risk = {"node_status": "negative", "er_status": "positive", "pr_status": "negative"}
    facts = {**low_risk, **facts}
    assert answer("adjuvant_eligible", "us", her2_status="positive", **facts) == us
    assert answer("adjuvant_eligible", "eu", her2_status="positive", **facts) == eu
    for jurisdiction in ("us", "eu"):
        assert answer("adjuvant_eligible", jurisdiction, her2_status="negative", **facts) == "no"
        unknown = answer("adjuvant_eligible", jurisdiction, **facts)
        assert unknown == ("no" if jurisdiction == "us" and us == "no" else {"yes", "no"})


def test_one_receptor_alone_does_not_make_receptors_negative() -> None:
    facts = {"her2_status": "positive", "node_status": "negative", "grade": 1, "tumour_size_mm": 10, "age_years": 60}
    assert answer("adjuvant_eligible", **facts, er_status="negative") == {"yes", "no"}
    assert answer("adjuvant_eligible", **facts, er_status="negative", pr_status="negative") == "yes"
    assert answer("adjuvant_eligible", **facts, er_status="positive") == "no"


@pytest.mark.parametrize(("cps", "pembrolizumab"), [(0, False), (0.9, False), (1, True), (10, True), (None, None)])
def test_pembrolizumab_needs_a_cps_of_1(cps: float | None, pembrolizumab: bool | None) -> None:
    said = answer("gastric_first_line", on="2025-03-19", **GASTRIC, pdl1_cps=cps)
    without, with_it = "trastuzumab + chemotherapy", "trastuzumab + pembrolizumab + chemotherapy"
    assert said == ({without, with_it} if pembrolizumab is None else with_it if pembrolizumab else without)


# -- what was assumed -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "assumed", "edition"),
    [
        ([], {"product": "trastuzumab-iv", "jurisdiction": "us"}, "heart-trastuzumab-us"),
        (["--jurisdiction", "us"], {"product": "trastuzumab-iv"}, "heart-trastuzumab-us"),
        (["--jurisdiction", "eu"], {"product": "trastuzumab-iv"}, "heart-trastuzumab-eu"),
        (["--fact", "product=trastuzumab-sc"], {"jurisdiction": "us"}, "heart-trastuzumab-us"),
        (["--fact", "product=trastuzumab-iv", "--jurisdiction", "eu"], {}, "heart-trastuzumab-eu"),
        (["--fact", "product=t-dxd"], {}, "heart-t-dxd"),
        (["--edition", "heart-trastuzumab-eu"], {}, "heart-trastuzumab-eu"),
    ],
)
def test_what_was_assumed_is_said(options: list[str], assumed: dict, edition: str) -> None:
    said = json.loads(run("decide", "cardiac_action", *options, "--format", "ndjson").stdout)
    assert said["assumed"] == assumed
    assert said["edition"] == edition
    lines = run("decide", "cardiac_action", *options).stdout.splitlines()
    assert [line for line in lines if line.startswith("  assumed ")] == [
        f"  assumed {n} {v}" for n, v in assumed.items()
    ]


def test_a_product_that_cannot_be_read_is_not_taken_for_trastuzumab() -> None:
    said = decide("cardiac_action", {**LOW, "product": "trastuzumabish"}, jurisdiction="us").as_json()
    assert said["cardiac_action"] is None
    assert said["would_settle"] == [["product"]]
    assert said["assumed"] == {}
    refused = run("decide", "cardiac_action", "--fact", "product=trastuzumabish", "--jurisdiction", "us")
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert "did you mean trastuzumab-iv" in refused.stderr


def test_a_product_without_a_rule_is_said_so() -> None:
    assert answer("cardiac_action", product="tucatinib", **LOW) == "no rule"
    assert answer("missed_dose_action", product="tucatinib") == "no rule"
    refused = run("decide", "infusion_minutes", "--fact", "product=tucatinib")
    assert refused.exit_code == 2
    assert "no edition decides infusion_minutes for tucatinib" in refused.stderr
    refused = run("decide", "infusion_minutes", "--fact", "product=zanidatamab", "--jurisdiction", "eu")
    assert refused.exit_code == 2
    assert "jurisdiction eu" in refused.stderr
    refused = run("decide", "tumour_agnostic_eligible", "--jurisdiction", "eu")
    assert (
        refused.stderr
        == "her2path: no edition of the jurisdiction eu decides tumour_agnostic_eligible; it is decided in us\n"
    )


# -- a file of patients -----------------------------------------------------------------------------


def as_rows() -> list[dict[str, object]]:
    """The vectors above and the odd ones, as patients of a file."""
    rows: list[dict[str, object]] = []
    for limit in (50, 55, None):
        rows += [{"lvef_baseline": r[0], "lvef": r[1], "lvef_lower_limit": limit, **NOT_HELD} for r in FALLS]
    for brand, setting, baseline, now, _ in OTHER_PRODUCTS:
        rows.append({"product": brand, "setting": setting, "lvef_baseline": baseline, "lvef": now, **NOT_HELD})
    for day, now in product((27, 28, 56, 57, None, "50-60"), (60, 48, 50)):
        rows.append({"lvef_baseline": 65, "lvef": now, "lvef_lower_limit": 50, **HELD, "days_on_hold": day})
    for changed in (
        {"lvef": None}, {"lvef_baseline": None}, {"heart_failure": None}, {"heart_failure": "yes"}, {"hold_count": 3},
        {"lvef": "50-55"}, {"lvef": "45-55"}, {"lvef": ">= 50"}, {"lvef_fall": 20}, {"lvef_fall": 16},
        {"lvef_fall": 15, "lvef": None}, {"lvef_below_limit": "no"}, {"product": "tucatinib"}, {"on_hold": None},
        {"product": "t-dxd", "on_hold": "yes", "lvef_finding_at_hold": "too low"},
    ):  # fmt: skip
        rows.append({**LOW, **changed})
    return rows


@pytest.mark.parametrize("jurisdiction", ["us", "eu", None])
def test_a_file_says_of_every_row_what_one_question_says(tmp_path: Path, jurisdiction: str | None) -> None:
    rows = as_rows()
    names = list(dict.fromkeys(chain.from_iterable(rows)))
    path = tmp_path / "patients.csv"
    with path.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, ["patient", *names])
        writer.writeheader()
        writer.writerows({"patient": number, **row} for number, row in enumerate(rows))
    options = ["--jurisdiction", jurisdiction] if jurisdiction else []
    result = run("decide", "cardiac_action", path, *options, "--format", "ndjson")
    assert result.exit_code == 3, result.stderr  # two rows contradict themselves, and are told
    told_rows = [line.partition("patients.csv: ")[2] for line in result.stderr.splitlines()]
    fall, limit = (rows.index({**LOW, **changed}) + 1 for changed in ({"lvef_fall": 20}, {"lvef_below_limit": "no"}))
    assert [each for each in told_rows if each.startswith("row ")] == [
        f"row {fall}: lvef_fall contradictory: 20 was given, but lvef_baseline 65 and lvef 49 make it 16",
        f"row {limit}: lvef_below_limit contradictory: no was given, but lvef 49 and lvef_lower_limit 50 make it yes",
    ]
    told = [json.loads(line) for line in result.stdout.splitlines()]
    assert [row["patient"] for row in told] == [str(number) for number in range(len(rows))]
    for row, said in zip(rows, told, strict=True):
        one = ask("cardiac_action", jurisdiction, **row)
        assert said["cardiac_action"] == one["cardiac_action"], row
        assert said["cardiac_action.rows"] == "; ".join(one["rows"])
        assert said["cardiac_action.would_settle"] == " or ".join(" and ".join(each) for each in one["would_settle"])
        assert said["cardiac_action.edition"] == one["edition"]


def test_missed_doses_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "late.csv"
    lines = [",".join(map(str, row[:3])) for row in MISSED]
    path.write_text("product,schedule,days_since_last_dose\n" + "\n".join([*lines, "tucatinib,daily,9"]) + "\n")
    result = run("decide", "missed_dose_action", path, "--jurisdiction", "us", "--format", "ndjson")
    assert result.exit_code == 0
    told = [json.loads(line)["missed_dose_action"] for line in result.stdout.splitlines()]
    assert told == [*(row[3] for row in MISSED), "no rule"]
    result = run("decide", "infusion_minutes", path, "--jurisdiction", "us", "--format", "ndjson")
    assert result.exit_code == 3  # one row could not be decided, and is told
    assert f"row {len(MISSED) + 1}: no edition decides infusion_minutes for tucatinib" in result.stderr
    assert json.loads(result.stdout.splitlines()[-1])["infusion_minutes"] is None


def test_a_file_with_an_lvef_that_cannot_be_read_tells_the_row(tmp_path: Path) -> None:
    path = tmp_path / "odd.csv"
    path.write_text(
        "lvef_baseline,lvef,lvef_lower_limit,on_hold,hold_count,heart_failure\n65,normal,50,no,0,no\n65,60,50,no,0,no\n"
    )
    result = run("decide", "cardiac_action", path, "--jurisdiction", "us", "--format", "ndjson")
    assert result.exit_code == 3
    assert "row 1, column lvef: 'normal'" in result.stderr
    assert [json.loads(line)["cardiac_action"] for line in result.stdout.splitlines()] == [None, "continue"]


# -- what the labels changed in 2025 and 2026 -------------------------------------------------------

FIRST_LINE = {"her2_status": "positive", "prior_her2_therapy": "none"}
RESIDUAL = {
    "her2_status": "positive",
    "pathological_response": "residual",
    "prior_trastuzumab": "yes",
    "prior_taxane": "yes",
}
ENDOCRINE = {
    "hormone_receptor_status": "positive", "prior_metastatic_endocrine_lines": 1,
    "prior_metastatic_chemotherapy_lines": 0, "prior_early_chemotherapy": "no",
}  # fmt: skip
GASTRIC = {"her2_status": "positive", "setting": "metastatic", "prior_metastatic_chemotherapy_lines": 0}
WITH, WITHOUT = "trastuzumab + pembrolizumab + chemotherapy", "trastuzumab + chemotherapy"
NO_LABEL, YES = "not in this label", "yes"

CHANGES = [
    # outcome, the day before, the day, facts, before, after
    ("metastatic_first_line", "2025-12-14", "2025-12-15", FIRST_LINE,
     "pertuzumab + trastuzumab + taxane", "pertuzumab + trastuzumab + taxane or T-DXd + pertuzumab"),
    ("residual_disease_treatment", "2026-05-14", "2026-05-15", RESIDUAL, "T-DM1", "T-DM1 or T-DXd"),
    ("neoadjuvant_t_dxd_eligible", "2026-05-14", "2026-05-15", {"her2_status": "positive", "stage": 2}, "no", YES),
    ("neoadjuvant_t_dxd_eligible", "2026-05-14", "2026-05-15", {"her2_status": "positive", "stage": 3}, "no", YES),
    ("neoadjuvant_t_dxd_eligible", "2026-05-14", "2026-05-15", {"her2_status": "positive"}, "no", {"yes", "no"}),
    ("her2_low_eligible", "2025-01-26", "2025-01-27", {"her2_expression": "ultralow", **ENDOCRINE},
     "no", "after endocrine therapy"),
    ("her2_low_eligible", "2025-01-26", "2025-01-27", {"her2_expression": "low", **ENDOCRINE},
     "no", "after endocrine therapy"),
    ("gastric_first_line", "2021-05-04", "2021-05-05", GASTRIC, WITHOUT, WITH),
    ("gastric_first_line", "2023-11-06", "2023-11-07", {**GASTRIC, "pdl1_cps": 0.5}, WITH, WITHOUT),
    ("gastric_first_line", "2023-11-06", "2023-11-07", GASTRIC, WITH, {WITH, WITHOUT}),
    ("zanidatamab_first_line", "2026-08-24", "2026-08-25", GASTRIC, "no", {"yes", "no"}),
    ("tumour_agnostic_eligible", "2024-04-04", "2024-04-05",
     {"ihc_score": "3+", "setting": "metastatic", "prior_systemic_therapy": "yes", "satisfactory_alternative": "no"},
     "no", YES),
    *[("labelled_schedule", "2026-05-14", "2026-05-15", {"product": "t-dxd", "tumour_site": "breast", "setting": setting},
       NO_LABEL, "5.4 mg/kg q3w") for setting in ("neoadjuvant", "adjuvant")],
    *[("adjuvant_duration", "2026-05-14", "2026-05-15", {"product": "t-dxd", "setting": setting, "doses_given": doses},
       NO_LABEL, after) for setting, doses, after in (
        ("adjuvant", 13, "continue"), ("adjuvant", 14, "complete"), ("adjuvant", 15, "beyond the cycles"),
        ("neoadjuvant", 3, "continue"), ("neoadjuvant", 4, "complete"), ("neoadjuvant", 5, "beyond the cycles"),
    )],
    ("dose_per_administration", "2026-08-24", "2026-08-25",
     {"product": "zanidatamab", "tumour_site": "gastric", "dose_level": "full"}, "20 mg/kg", "not stated here"),
]  # fmt: skip

THE_SAME = [
    ("metastatic_first_line", "2025-12-14", "2025-12-15", {"her2_status": "negative"}, "no HER2-directed therapy"),
    ("metastatic_first_line", "2025-12-14", "2025-12-15",
     {"her2_status": "positive", "prior_her2_therapy": "metastatic"}, "not first line"),
    ("residual_disease_treatment", "2026-05-14", "2026-05-15", {**RESIDUAL, "pathological_response": "complete"},
     "continue trastuzumab"),
    ("neoadjuvant_t_dxd_eligible", "2026-05-14", "2026-05-15", {"her2_status": "positive", "stage": 1}, "no"),
    ("her2_low_eligible", "2025-01-26", "2025-01-27", {"her2_expression": "null", **ENDOCRINE}, "no"),
    ("her2_low_eligible", "2025-01-26", "2025-01-27",
     {"her2_expression": "low", "prior_metastatic_chemotherapy_lines": 1}, "after chemotherapy"),
    ("her2_low_eligible", "2025-01-26", "2025-01-27",
     {"her2_expression": "ultralow", **ENDOCRINE, "hormone_receptor_status": "negative"}, "no"),
    # The approval of March 2025 made regular what was accelerated: another edition, the same answers.
    ("gastric_first_line", "2025-03-18", "2025-03-19", {**GASTRIC, "pdl1_cps": 1}, WITH),
    ("gastric_first_line", "2025-03-18", "2025-03-19", {**GASTRIC, "pdl1_cps": 0.9}, WITHOUT),
    ("gastric_first_line", "2026-08-24", "2026-08-25", {**GASTRIC, "pdl1_cps": 1}, WITH),
    ("dose_per_administration", "2026-05-14", "2026-05-15",
     {"product": "t-dxd", "tumour_site": "gastric", "dose_level": "full"}, "6.4 mg/kg"),
    ("missed_dose_action", "2026-08-24", "2026-08-25",
     {"product": "zanidatamab", "schedule": "q2w", "days_since_last_dose": 30}, "maintenance"),
]  # fmt: skip


@pytest.mark.parametrize(("outcome", "eve", "day", "facts", "before", "after"), CHANGES)
def test_a_change_of_a_label_begins_on_its_day(
    outcome: str, eve: str, day: str, facts: dict, before: object, after: object
) -> None:
    assert answer(outcome, on=eve, **facts) == before
    assert answer(outcome, on=day, **facts) == after
    assert ask(outcome, on=eve, **facts)["edition"] != ask(outcome, on=day, **facts)["edition"]


@pytest.mark.parametrize(("outcome", "eve", "day", "facts", "both"), THE_SAME)
def test_what_a_change_of_a_label_leaves_alone(outcome: str, eve: str, day: str, facts: dict, both: object) -> None:
    assert answer(outcome, on=eve, **facts) == answer(outcome, on=day, **facts) == both
    editions = {ask(outcome, on=each, **facts)["edition"] for each in (eve, day)}
    assert len(editions) == 2


def test_the_changes_of_the_us_are_not_those_of_the_eu() -> None:
    pertuzumab = "pertuzumab + trastuzumab + taxane"
    for day in ("2025-12-14", "2026-11-01"):
        assert pertuzumab in str(answer("metastatic_first_line", "eu", on=day, **FIRST_LINE))
        assert answer("residual_disease_treatment", "eu", on=day, **RESIDUAL) == "T-DM1"


def test_diff_prints_a_change() -> None:
    first = run("diff", "metastatic-first-line-us-2013", "metastatic-first-line-us-2025")
    assert first.exit_code == 0
    assert "when prior_her2_therapy is none, her2_status is positive" in first.stdout
    assert "metastatic-first-line-us-2013: pertuzumab + trastuzumab + taxane (row 3" in first.stdout
    assert (
        "metastatic-first-line-us-2025: pertuzumab + trastuzumab + taxane or T-DXd + pertuzumab (row 3" in first.stdout
    )
    assert "is negative" not in first.stdout
    [residual] = json.loads(run("diff", "residual-disease-us-2019", "residual-disease-us-2026", "--format", "json").stdout)
    assert residual["outcome"] == "residual_disease_treatment"
    assert residual["residual-disease-us-2019"]["possible"] == ["T-DM1"]
    assert residual["residual-disease-us-2026"]["possible"] == ["T-DM1 or T-DXd"]
    dosing = run("diff", "t-dxd-us-2019", "t-dxd-us-2026").stdout
    assert "adjuvant_duration" in dosing
    assert "dose_per_administration" not in dosing
    same = run("diff", "gastric-first-line-us-2023", "gastric-first-line-us-2025").stdout
    assert "agree in every situation" in same


# -- every outcome, with nothing given --------------------------------------------------------------

OUTCOMES = sorted({outcome for edition in KNOWLEDGE.editions for outcome in edition.tables})


@pytest.mark.parametrize("jurisdiction", ["us", "eu", None])
def test_every_outcome_answers_soon_with_nothing_given(jurisdiction: str | None) -> None:
    options = ["--jurisdiction", jurisdiction] if jurisdiction else []
    for outcome in OUTCOMES:
        began = time.process_time()
        result = run("decide", outcome, *options)
        assert time.process_time() - began < 2, outcome
        if result.exit_code == 2:
            asked, other = ("eu", "us") if jurisdiction == "eu" else ("us", "eu")
            assert f"no edition of the jurisdiction {asked} decides {outcome}" in result.stderr
            assert f"; it is decided in {other}" in result.stderr
            continue
        assert result.exit_code == 0, (outcome, result.stderr)
        assert result.exception is None
        assert result.stdout.startswith(f"{outcome}: ")
        if "undetermined" in result.stdout:
            assert "would settle it: " in result.stdout, outcome


def test_what_would_settle_every_edition_is_soon_found() -> None:
    for edition in KNOWLEDGE.editions:
        for outcome in KNOWLEDGE.tables_of(edition):
            began = time.process_time()
            result = run("decide", outcome, "--edition", edition.key, "--format", "ndjson")
            assert time.process_time() - began < 2, (edition.key, outcome)
            assert result.exit_code == 0, result.stderr


def test_what_would_settle_names_facts_that_then_do() -> None:
    """Told every fact of a set that would settle it, the outcome is decided."""
    told = ask("metastatic_first_line", "us")
    [names] = told["would_settle"]
    assert set(names) == {"prior_her2_therapy", "months_to_recurrence", "her2_status"}
    facts = {"her2_status": "positive", "prior_her2_therapy": "early", "months_to_recurrence": 7}
    assert isinstance(answer("metastatic_first_line", "us", **facts), str)


# -- show -------------------------------------------------------------------------------------------


def test_show_reads_well() -> None:
    heart = run("show", "cardiac_action", "--edition", "heart-trastuzumab-us").stdout
    for words in ("=> cardiac_action", "days_on_hold", "[28..56]", "row 5: The fourth hold would begin", "Sources"):
        assert words in heart


def test_show_lists_the_editions_within_a_page() -> None:
    listed = run("show").stdout.splitlines()
    assert [line.split()[0] for line in listed[2:] if not line.startswith(" ")] == [e.key for e in KNOWLEDGE.editions]
    assert all(len(line) <= 84 for line in listed if not line.startswith(" "))
    assert all(len(line) <= 100 for line in listed)
    text = " ".join(line.strip() for line in listed)
    for edition in KNOWLEDGE.editions:
        assert ", ".join(edition.tables) in text
