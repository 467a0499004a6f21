"""Answers without a record: worked cases on both sides of each limit, what is missing, and how names are understood."""

from __future__ import annotations

import datetime as dt
import json
import re
from decimal import Decimal
from pathlib import Path

import pytest

from her2path import (
    AskedWrongly,
    DoseAnswer,
    LvefAnswer,
    answer_dose,
    answer_her2,
    answer_lvef,
    answer_substitution,
    answer_washout,
    read_site,
)
from her2path.tables.load import default_knowledge

ON = dt.date(2026, 11, 28)


def dose(product: str, weight: object = "72", **said) -> DoseAnswer:
    return answer_dose(product, weight, on=ON, **({"jurisdiction": "us"} | said))


def lvef(baseline: object, now: object, **said) -> LvefAnswer:
    return answer_lvef(baseline, now, on=ON, **({"jurisdiction": "us"} | said))


# -- dose -----------------------------------------------------------------------------------------


def test_a_re_load_says_mg_vials_millilitres_minutes_and_the_row() -> None:
    answer = dose("herceptin", days_since=45)
    assert answer.headline == (
        "RE-LOAD Herceptin (trastuzumab): 576 mg (8 mg/kg x 72 kg) over 90 minutes, as soon as possible."
    )
    assert (answer.kind, answer.dose_mg, answer.made.withdraw_ml, answer.minutes) == (
        "re-load", Decimal(576), Decimal("27.4"), "90",
    )  # fmt: skip
    (opened,) = answer.made.opened
    assert (opened.brands, opened.words) == (("herceptin",), "4 x 150 mg, 24 mg left over")
    first = answer.chain[0]
    assert (first.outcome, first.rows, first.edition, first.level) == (
        "missed_dose_action", ("3",), "trastuzumab-iv-us", "secondary",
    )  # fmt: skip
    assert "herzuma-us" in [citation.key for citation in first.citations]


@pytest.mark.parametrize(
    ("product", "days", "kind", "words"),
    [
        ("herceptin", 28, "maintenance", "6 mg/kg"),
        ("herceptin", 29, "re-load", "8 mg/kg"),
        ("perjeta", 41, "maintenance", "420 mg"),
        ("perjeta", 42, "re-load", "840 mg"),
        ("phesgo", 41, "maintenance", "600 mg pertuzumab + 600 mg trastuzumab"),
        ("phesgo", 42, "re-load", "1200 mg pertuzumab + 600 mg trastuzumab"),
        ("hylecta", 200, "maintenance", "600 mg"),
        ("kadcyla", 200, "maintenance", "3.6 mg/kg"),
    ],
)
def test_the_last_day_of_a_maintenance_dose_and_the_first_of_a_re_load(product, days, kind, words) -> None:
    answer = dose(product, days_since=days)
    assert (answer.kind, answer.dose) == (kind, words)


@pytest.mark.parametrize(
    ("days", "kind", "words"), [(14, "maintenance", "2 mg/kg"), (15, "re-load", "4 mg/kg")]
)  # fmt: skip
def test_the_weekly_schedule_has_its_own_days(days, kind, words) -> None:
    answer = dose("ogivri", days_since=days, schedule="weekly")
    assert (answer.kind, answer.dose) == (kind, words)
    assert not [each for each in answer.assumed if "schedule" in each.option]


def test_a_dose_before_its_day_is_not_due_yet() -> None:
    early, due = dose("ogivri", days_since=20), dose("ogivri", days_since=21)
    assert early.headline.startswith("NOT DUE YET: Ogivri (trastuzumab-dkst) 432 mg")
    assert early.headline.endswith("from day 21 on, in 1 day.")
    assert early.tone == "hold"
    assert due.headline.startswith("GIVE Ogivri")
    assert (due.due_day, due.last_day) == (21, 28)


def test_the_schedule_that_was_assumed_says_what_the_other_would_be() -> None:
    (taken,) = [each for each in dose("herceptin", days_since=10).assumed if "schedule" in each.option]
    assert taken.what == "every 3 weeks"
    assert "144 mg (2 mg/kg x 72 kg), a maintenance dose" in taken.otherwise


def test_days_are_counted_from_the_day_of_the_last_dose() -> None:
    by_day = answer_dose("herceptin", 72, last_dose="2026-10-14", on=ON, jurisdiction="us")
    assert by_day.lines() == dose("herceptin", 72, days_since=45).lines()
    with pytest.raises(AskedWrongly, match="2026-11-29 is after 2026-11-28"):
        dose("herceptin", last_dose="2026-11-29")
    with pytest.raises(AskedWrongly, match="write YYYY-MM-DD"):
        dose("herceptin", last_dose="14.10.2026")


def test_which_dose_it_is_stays_open_where_nobody_says_it() -> None:
    answer = dose("herceptin")
    assert not answer.settled
    assert answer.dose == ""
    assert {(case.when, case.then) for case in answer.cases} == {
        (("loading dose",), "576 mg (8 mg/kg x 72 kg)"),
        (("maintenance dose",), "432 mg (6 mg/kg x 72 kg)"),
    }
    assert [each.fact for each in answer.missing] == ["whether it is a loading or a maintenance dose"]


def test_without_a_weight_the_dose_is_told_and_the_milligrams_are_not() -> None:
    answer = dose("herceptin", None, days_since=45)
    assert "8 mg/kg, the weight is missing" in answer.headline
    assert (answer.settled, answer.dose_mg, answer.made.opened, answer.made.withdraw_ml) == (False, None, (), None)
    assert "--weight" in [each.option for each in answer.missing]


def test_the_organ_decides_the_dose_of_t_dxd() -> None:
    assert dose("enhertu", first=True).possible == ("6.4 mg/kg", "5.4 mg/kg")
    assert dose("enhertu", first=True, site="breast").dose == "5.4 mg/kg"
    stomach = dose("T-DXd", first=True, site="gastric")
    assert (stomach.dose_mg, stomach.made.withdraw_ml, stomach.made.bag_fluid) == (
        Decimal(461), Decimal("23.1"), "dextrose (glucose) 5 %",
    )  # fmt: skip
    assert "460.8 mg, rounded to 1 mg" in stomach.text()


def test_conjugates_are_reduced_by_level_and_never_below_the_last() -> None:
    assert [dose("kadcyla", level=level).dose for level in ("full", "1", "2", "3")] == [
        "3.6 mg/kg", "3.0 mg/kg", "2.4 mg/kg", "stop",
    ]  # fmt: skip
    assert dose("kadcyla", level="3").tone == "stop"


def test_vials_are_those_of_the_brand_and_of_the_label() -> None:
    by_two = dose("kadcyla", days_since=21)
    assert [each.words for each in by_two.made.opened] == ["1 x 160 mg + 1 x 100 mg, 1 mg left over"]
    assert by_two.made.withdraw_ml == Decimal("13.0")
    us = dose("herceptin", days_since=45)
    eu = dose("herceptin", days_since=45, jurisdiction="eu")
    dissolved = [[d for d in answer.details if d.label == "dissolve"] for answer in (us, eu)]
    assert [("7.4 mL" in us_d.words, us_d.level) for us_d in dissolved[0]] == [(True, "remembered")]
    assert [("7.2 mL" in eu_d.words, eu_d.level) for eu_d in dissolved[1]] == [(True, "secondary")]


def test_of_a_generic_name_the_vials_of_each_brand_are_told() -> None:
    answer = dose("trastuzumab", 70, days_since=21)
    told = {each.brands: each.words for each in answer.made.opened}
    assert told == {
        ("herceptin",): "3 x 150 mg, 30 mg left over",
        ("ogivri", "herzuma", "ontruzant", "trazimera", "kanjinti", "hercessi"): "1 x 420 mg, nothing left over",
    }


def test_phesgo_is_another_vial_for_the_first_dose_than_for_later_ones() -> None:
    assert dose("phesgo", None, first=True).made.withdraw_ml == 15
    assert dose("phesgo", None, days_since=21).made.withdraw_ml == 10
    assert dose("phesgo", None, days_since=42).made.withdraw_ml == 15
    assert dose("phesgo", None).made.withdraw_ml is None


def test_what_the_knowledge_does_not_hold_is_said_with_the_reason() -> None:
    answer = dose("margenza", first=True)
    facts = [each.fact for each in answer.missing]
    assert any("vial sizes of Margenza" in fact for fact in facts)
    assert any("diluted in" in fact for fact in facts)
    assert answer.made.withdraw_ml is None


def test_a_first_infusion_after_another_product() -> None:
    assert dose("herceptin", days_since=28, after="phesgo").kind == "maintenance"
    late = dose("herceptin", days_since=29, after="phesgo")
    assert (late.kind, late.chain[0].outcome) == ("loading", "switch_dose_kind")
    assert dose("herceptin", days_since=21, after="phesgo").minutes == "90"
    assert dose("herceptin", days_since=21).minutes == "30 to 90"


def test_a_change_to_phesgo_counts_both_antibodies() -> None:
    assert dose("phesgo", None, days_since=41, after="herceptin,perjeta").kind == "maintenance"
    assert dose("phesgo", None, days_since=42, after=["herceptin", "perjeta"]).kind == "loading"
    half = dose("phesgo", None, days_since=21, after="herceptin")
    assert not half.settled
    assert [each.fact for each in half.missing] == ["the days since the last pertuzumab"]
    assert half.cases[0].when == ("days since the last pertuzumab: < 42",)
    never = dose("phesgo", None, days_since=21, after="herceptin", facts={"days_since_pertuzumab": "not given"})
    assert never.kind == "loading"


def test_beside_pertuzumab_its_own_label_is_told_where_both_differ() -> None:
    assert [dose("herceptin", days_since=day).notes != () for day in (28, 29, 41, 42)] == [False, True, True, False]


def test_what_cannot_go_together_is_refused() -> None:
    for said in ({"first": True, "days_since": 3}, {"first": True, "loading": False}):
        with pytest.raises(AskedWrongly, match="--first"):
            dose("herceptin", **said)
    with pytest.raises(AskedWrongly, match="has weekly or q3w, not q2w"):
        dose("herceptin", schedule="q2w")
    with pytest.raises(AskedWrongly, match=r"--weight: .*159 lb.*\(kg\)"):
        dose("herceptin", "159 lb", first=True)
    assert dose("herceptin", "72 kg", first=True).dose_mg == 576
    contradicted = dose("herceptin", days_since=45, loading=False)
    assert contradicted.kind == "re-load"
    assert "A maintenance dose was asked for" in contradicted.notes[0]


def test_the_institution_has_its_own_vials_rounding_and_label(tmp_path) -> None:
    path = tmp_path / "site.toml"
    path.write_text('[site]\njurisdiction = "eu"\n[dosing]\nround_dose_mg = 10\n[vials]\ntrastuzumab-iv = [420]\n')
    at = read_site(path, default_knowledge())
    answer = answer_dose("herceptin", "72.4", days_since=45, at=at, on=ON)
    assert (answer.jurisdiction, answer.dose_mg) == ("eu", Decimal(580))
    assert [each.words for each in answer.made.opened] == ["2 x 420 mg, 260 mg left over"]
    assert not [each for each in answer.assumed if "label" in each.what]


# -- names ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "product", "brand"),
    [
        ("Herzuma", "trastuzumab-iv", "herzuma"),
        ("trastuzumab-anns", "trastuzumab-iv", "kanjinti"),
        ("herceptin hylecta", "trastuzumab-sc", "hylecta"),
        ("Herceptin-Hylecta", "trastuzumab-sc", "hylecta"),
        ("herceptin-sc", "trastuzumab-sc", "herceptin-sc"),
        ("trastuzumab-sc", "trastuzumab-sc", ""),
        ("pertuzumab-dpzb", "pertuzumab", "poherdy"),
        ("ado-trastuzumab emtansine", "t-dm1", ""),
        ("fam-trastuzumab deruxtecan-nxki", "t-dxd", ""),
        ("PHESGO", "phesgo", "phesgo"),
    ],
)
def test_a_drug_is_known_by_brand_generic_name_and_suffix(said, product, brand) -> None:
    drug = dose(said).drug
    assert (drug.product, drug.brand) == (product, brand)


@pytest.mark.parametrize(
    ("said", "told"),
    [("herzumma", "did you mean herzuma"), ("kanjinty", "did you mean kanjinti"), ("Perjetta", "did you mean perjeta")],
)
def test_a_name_that_is_misspelt_is_refused_with_the_nearest(said, told) -> None:
    with pytest.raises(AskedWrongly, match=told):
        dose(said)


def test_another_drug_and_half_a_name_are_refused() -> None:
    with pytest.raises(AskedWrongly, match="is paclitaxel, no HER2-directed drug"):
        dose("paclitaxel")
    with pytest.raises(AskedWrongly, match="name a brand"):
        dose("ttt")


def test_letters_that_no_biosimilar_has_are_refused() -> None:
    with pytest.raises(AskedWrongly, match=r"letters -anss in .*; there are -anns \(Kanjinti\)"):
        dose("trastuzumab-anss")


def test_a_brand_of_another_market_is_told() -> None:
    assert "Zercepac is not among the brands of the US" in dose("zercepac", days_since=21).notes[0]
    assert dose("zercepac", days_since=21, jurisdiction="eu").notes == ()


# -- lvef -----------------------------------------------------------------------------------------

PLAIN = {"on_hold": False, "holds": 0, "heart_failure": "no", "setting": "metastatic"}


@pytest.mark.parametrize(
    ("baseline", "now", "action"),
    [
        ("62", "48", "hold"),  # 14 down, below 50
        ("60", "50", "continue"),  # 10 down, at the limit
        ("60", "49.9", "hold"),  # 10.1 down, below it
        ("59", "49.5", "continue"),  # 9.5 down, below it: no rule of the label
        ("70", "54", "hold"),  # 16 down
        ("70", "55", "continue"),  # 15 down
    ],
)
def test_the_us_label_on_both_sides_of_its_limits(baseline, now, action) -> None:
    answer = lvef(baseline, now, **PLAIN)
    assert (answer.settled, answer.action) == (True, action)


@pytest.mark.parametrize(
    ("days", "now", "action"),
    [(27, "60", "hold"), (28, "60", "resume"), (56, "60", "resume"), (57, "60", "clinician decides"),
     (56, "48", "hold"), (57, "48", "stop")],
)  # fmt: skip
def test_a_hold_by_its_days(days, now, action) -> None:
    assert lvef("65", now, days_on_hold=days, holds=0, heart_failure="no").action == action


def test_the_fourth_hold_stops() -> None:
    told = [lvef("65", "48", **{**PLAIN, "holds": holds}).action for holds in (2, 3)]
    assert told == ["hold", "stop"]


def test_weeks_are_days() -> None:
    weeks = lvef("65", "60", weeks_below=4, holds=0, heart_failure="no")
    assert weeks.lines() == lvef("65", "60", days_on_hold=28, holds=0, heart_failure="no").lines()
    with pytest.raises(AskedWrongly, match="say the same"):
        lvef("65", "60", weeks_below=4, days_on_hold=28)
    with pytest.raises(AskedWrongly, match="exclude each other"):
        lvef("65", "60", weeks_below=4, on_hold=False)


def test_what_is_not_said_is_never_taken_as_no() -> None:
    answer = lvef("62", "48")
    assert (answer.settled, answer.action, answer.tone) == (False, "", "ask")
    assert set(answer.possible) == {"hold", "stop", "consider stopping"}
    assert answer.headline == (
        "HOLD trastuzumab (US label) if no symptoms of heart failure, no hold is open and fewer than 3 holds before; "
        "otherwise see below."
    )
    assert answer.cases[0].then == "hold"
    stops = [case for case in answer.cases if case.then == "stop"]
    assert ("neoadjuvant or adjuvant", "symptoms of heart failure") in [case.when for case in stops]
    assert {each.option for each in answer.missing} == {
        "--setting", "--not-on-hold, or --days-on-hold N", "--days-on-hold or --weeks-below", "--holds",
        "--heart-failure yes|no",
    }  # fmt: skip


def test_each_case_is_what_the_answer_is_once_its_facts_are_known() -> None:
    """The cases tell nothing that the rules do not: with their facts said, the answer is theirs."""
    said = {
        "4": {"on_hold": False, "holds": 2, "heart_failure": "no"},
        "5": {"on_hold": False, "holds": 3, "heart_failure": "no"},
        "6": {"days_on_hold": 27, "holds": 2, "heart_failure": "no"},
        "8": {"days_on_hold": 56, "holds": 2, "heart_failure": "no"},
        "9": {"days_on_hold": 57, "holds": 2, "heart_failure": "no"},
        "11": {"days_on_hold": 57, "holds": 3, "heart_failure": "no"},
        "1": {"heart_failure": "yes", "setting": "adjuvant"},
        "13": {"heart_failure": "yes", "setting": "metastatic"},
    }
    cases = {case.row: case.then for case in lvef("62", "48").cases}
    assert cases == {row: lvef("62", "48", **facts).action for row, facts in said.items()}


def test_the_boxed_warning_is_told_where_it_says_otherwise() -> None:
    assert "boxed_warning_conflict" in [
        step.outcome for step in lvef("62", "48", **{**PLAIN, "setting": "adjuvant"}).chain
    ]
    assert lvef("62", "48", **PLAIN).notes == ()
    unsaid = lvef("62", "48", on_hold=False, holds=0, heart_failure="no")
    assert unsaid.notes[0].startswith("In early disease (--setting adjuvant): Boxed warning")


def test_the_limit_of_normal_is_assumed_aloud_and_only_where_a_label_asks_for_it() -> None:
    assert any("lower limit" in each.what for each in lvef("62", "52", **PLAIN).assumed)
    assert lvef("62", "52", lower_limit="53", **PLAIN).action == "hold"
    eu = answer_lvef("62", "48", jurisdiction="eu", on=ON, **PLAIN)
    assert (eu.action, eu.lower_limit) == ("hold", None)
    assert not any("lower limit" in each.what for each in eu.assumed)


def test_other_products_have_their_own_rule() -> None:
    assert lvef("62", "46", **PLAIN).action == "hold"
    assert lvef("62", "46", product="kadcyla", **PLAIN).action == "continue"
    assert lvef("62", "44", product="T-DM1", **PLAIN).action == "hold"


def test_an_lvef_that_cannot_be_is_refused() -> None:
    with pytest.raises(AskedWrongly, match=r"--now: lvef 480, expected a number \[10..90\]"):
        lvef("62", "480")


# -- her2 -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ratio", "copies", "status"),
    [
        ("2.0", "4.0", "positive"),
        ("1.9", "3.9", "negative"),
        ("1.9", "4.5", ""),
        ("2.1", "3.9", ""),
        ("1.9", "6.0", ""),
    ],
)
def test_ihc_2_is_settled_by_the_group(ratio, copies, status) -> None:
    assert answer_her2("2+", ratio=ratio, copies=copies, on=ON).status == status


def test_group_4_waits_for_the_recount_and_says_what_each_result_would_give() -> None:
    answer = answer_her2("2+", ratio="1.9", copies="4.5", on=ON)
    assert answer.possible == ("negative", "adjudicate")
    assert [(case.when, case.then) for case in answer.cases] == [
        (("recount unchanged",), "HER2 negative"),
        (("recount changed",), "HER2 to be adjudicated"),
    ]
    assert [step.outcome for step in answer.chain[:3]] == ["ish_group", "ish_result", "her2_status"]
    assert (answer.next_step, answer.missing[0].option) == ("blinded recount", "--recount")
    settled = answer_her2("2+", ratio="1.9", copies="4.5", recount="unchanged", on=ON)
    assert (settled.status, settled.expression) == ("negative", "low")


def test_what_a_result_carries() -> None:
    positive = dict(answer_her2("3+", on=ON).carries)
    assert positive == {"trastuzumab and its relatives": "carried", "T-DXd": "carried"}
    low = dict(answer_her2("1+", on=ON).carries)
    assert low["trastuzumab and its relatives"] == "not carried"
    assert "the setting and the lines before decide" in low["T-DXd"]
    null = dict(answer_her2("0", staining="no", on=ON).carries)
    assert null["T-DXd"] == "not carried"


def test_equivocal_is_not_settled_and_says_what_comes_next() -> None:
    answer = answer_her2("2+", on=ON)
    assert (answer.status, answer.settled, answer.next_step, answer.carries) == ("equivocal", False, "reflex ISH", ())


def test_the_stomach_and_an_edition_of_old_have_their_own_rules() -> None:
    assert answer_her2("2+", ratio="2.1", site="gastric", on=ON).edition == "cap-2016"
    old = answer_her2("2+", ratio="1.9", copies="4.5", edition="asco-cap-2013", on=ON)
    assert (old.edition, old.status) == ("asco-cap-2013", "equivocal")


def test_in_the_stomach_the_label_may_call_positive_what_the_guideline_does_not() -> None:
    us = answer_her2("1+", ratio="2.5", copies="6", site="gastric", on=ON, jurisdiction="us")
    assert us.status == "negative"
    assert dict(us.carries)["trastuzumab and its relatives"] == "carried by the label's own table"


def test_counts_that_contradict_each_other_are_told() -> None:
    answer = answer_her2("2+", ratio="2.1", copies="3.0", cep17="3.0", on=ON)
    assert not answer.settled
    assert "ratio 2.1 recorded, but 3.0 / 3.0 = 1.00" in answer.notes


def test_a_test_of_which_nothing_was_said_counts_as_not_done_and_that_is_told() -> None:
    (taken,) = [each for each in answer_her2(ratio="1.2", copies="2.5", on=ON).assumed if each.option == "--ihc"]
    assert (taken.what, taken.otherwise) == ("no IHC was done", "With one it could be HER2 positive or HER2 negative.")
    assert not [each for each in answer_her2("3+", ratio="1.2", copies="2", on=ON).assumed if "done" in each.what]


def test_nothing_said_is_refused() -> None:
    with pytest.raises(AskedWrongly, match="nothing of a test was said"):
        answer_her2(on=ON)


# -- washout --------------------------------------------------------------------------------------


def test_both_sexes_are_told_where_none_is_said() -> None:
    answer = answer_washout(last_dose="2026-02-17", on=ON)
    assert (answer.settled, answer.until) == (False, None)
    assert [(case.when, case.then) for case in answer.cases] == [
        (("a woman",), "contraception at least until 17 September 2026 (7 months)"),
        (("a man",), "the label states no time"),
    ]


@pytest.mark.parametrize(
    ("product", "label", "last", "until"),
    [
        ("herceptin", "us", "2026-02-17", "2026-09-17"),
        ("herceptin", "us", "2026-07-31", "2027-02-28"),  # no 31 February
        ("perjeta", "us", "2026-02-17", "2026-09-17"),
        ("perjeta", "eu", "2026-02-17", "2026-08-17"),
        ("ziihera", "us", "2026-02-17", "2026-06-17"),
        ("tukysa", "us", "2026-02-17", "2026-02-24"),
    ],
)
def test_the_last_day_of_contraception(product, label, last, until) -> None:
    answer = answer_washout(product, last_dose=last, sex="female", jurisdiction=label, on=ON)
    assert answer.until == dt.date.fromisoformat(until)


def test_of_several_products_the_longest_counts() -> None:
    answer = answer_washout(["perjeta", "herceptin"], last_dose="2026-02-17", sex="female", jurisdiction="eu", on=ON)
    assert (answer.length, answer.until) == ("7", dt.date(2026, 9, 17))


@pytest.mark.parametrize(
    ("conception", "tone", "words"),
    [("2026-09-16", "hold", "is 1 day too early"), ("2026-09-17", "go on", "is late enough")],
)  # fmt: skip
def test_a_conception_on_either_side_of_the_day(conception, tone, words) -> None:
    answer = answer_washout(last_dose="2026-02-17", conception=conception, sex="female", on=ON)
    assert answer.tone == tone
    assert words in answer.headline


@pytest.mark.parametrize("conception", [dt.date(2027, 1, 1) + dt.timedelta(days=n) for n in range(0, 366, 7)])
def test_the_latest_dose_for_a_conception_is_the_latest(conception) -> None:
    latest = answer_washout(conception=conception, sex="female", on=ON).latest_dose
    later = [answer_washout(last_dose=latest + dt.timedelta(days=day), sex="female", on=ON).until for day in (0, 1)]
    assert later[0] <= conception < later[1]


def test_a_time_that_no_label_states_is_missing_and_not_nought() -> None:
    answer = answer_washout("herceptin", last_dose="2026-02-17", sex="male", on=ON)
    assert (answer.until, answer.tone) == (None, "ask")
    assert answer.missing[0].fact == "how long contraception is needed after the last dose"


# -- substitution ---------------------------------------------------------------------------------


def said_of(ordered: str, stock: str, **more) -> dict[str, str]:
    answer = answer_substitution(ordered, stock, on=ON, **({"jurisdiction": "us"} | more))
    return {each.drug.name: each.says for each in answer.offered}


def test_a_biosimilar_for_another_and_the_form_under_the_skin() -> None:
    answer = answer_substitution("ogivri", "herceptin-hylecta,kanjinti", jurisdiction="us", on=ON)
    assert [(each.drug.name, each.says, each.row) for each in answer.offered] == [
        ("Kanjinti", "unknown: interchangeability not confirmed", "9"),
        ("Herceptin Hylecta", "not the same product", "5"),
    ]
    assert answer.headline == (
        "ASK THE PRESCRIBER about Kanjinti in place of Ogivri (trastuzumab-dkst) (US law and labels)."
    )
    assert "Purple Book" in answer.missing[0].changes


def test_a_conjugate_is_never_given_for_the_antibody() -> None:
    assert said_of("herceptin", "kadcyla,enhertu,phesgo") == dict.fromkeys(
        ("Kadcyla", "Enhertu", "Phesgo"), "not the same product"
    )
    assert answer_substitution("kadcyla", "enhertu", on=ON).headline.startswith("NO:")
    assert said_of("herceptin", "Herceptin") == {"Herceptin": "same product"}


def test_a_designated_biosimilar_unless_the_order_forbids_it() -> None:
    assert said_of("perjeta", "poherdy", as_written=False) == {"Poherdy": "pharmacy may substitute"}
    assert said_of("perjeta", "poherdy", as_written=True) == {"Poherdy": "prescriber must change the order"}
    unsaid = answer_substitution("perjeta", "poherdy", jurisdiction="us", on=ON)
    assert not unsaid.settled
    assert set(unsaid.possible) == {"pharmacy may substitute", "prescriber must change the order"}
    assert unsaid.missing[0].option == "--as-written or --not-as-written"


def test_the_eu_asks_for_the_rule_of_the_country() -> None:
    assert said_of("herceptin", "ogivri", jurisdiction="eu", country_allows="no") == {
        "Ogivri": "prescriber must change the order"
    }
    assert said_of("herceptin", "ogivri", jurisdiction="eu", country_allows="yes") == {
        "Ogivri": "pharmacy may substitute"
    }
    assert said_of("herceptin", "ogivri", jurisdiction="eu") == {"Ogivri": ""}


def test_an_order_by_generic_name_leaves_the_brand_open() -> None:
    assert said_of("trastuzumab", "ogivri") == {"Ogivri": ""}
    assert said_of("trastuzumab", "phesgo,hylecta") == dict.fromkeys(
        ("Phesgo", "Herceptin Hylecta"), "not the same product"
    )


# -- all of them ----------------------------------------------------------------------------------

ALL = [
    dose("herceptin", days_since=45), dose("ogivri"), lvef("62", "48"), lvef("62", "48", **PLAIN),
    answer_her2("2+", ratio="1.9", copies="4.5", on=ON), answer_her2("3+", on=ON),
    answer_washout(last_dose="2026-02-17", on=ON), answer_substitution("ogivri", "kanjinti,hylecta", on=ON),
]  # fmt: skip


@pytest.mark.parametrize("answer", ALL, ids=lambda answer: answer.headline[:30])
def test_an_answer_is_json_and_lines_that_begin_with_it(answer) -> None:
    told = json.loads(json.dumps(answer.as_json()))
    assert answer.lines()[0] == told["answer"] == answer.headline
    assert told["settled"] is answer.settled
    assert [step["outcome"] for step in told["chain"]] == [step.outcome or None for step in answer.chain]
    assert answer.settled != bool(answer.cases)


@pytest.mark.parametrize("answer", ALL, ids=lambda answer: answer.headline[:30])
def test_every_row_of_a_chain_stands_in_the_edition_that_is_named(answer) -> None:
    knowledge = default_knowledge()
    for step in answer.chain:
        if not step.outcome or step.edition == "brands":
            continue
        table = knowledge.tables_of(knowledge.edition(step.edition, step.outcome))[step.outcome]
        rows = {row.name: row for row in table.rows}
        assert set(step.rows) <= set(rows)
        cited = {citation for name in step.rows for citation in rows[name].citations}
        assert set(step.citations) == cited


def test_the_page_names_every_name_of_the_json() -> None:
    page = (Path(__file__).parent.parent / "docs" / "answers.md").read_text(encoding="utf-8")
    table = page[page.index("## JSON") : page.index("## How a dose")]
    named = set(re.findall(r"`([a-z_0-9]+)`", table))
    told = {name for answer in ALL for name in answer.as_json()}
    assert told <= named, told - named
