"""Clinical cases worked by hand, as the guidelines' figures read, through `her2path.decide`."""

from __future__ import annotations

import datetime as dt

import pytest

import her2path
from her2path.facts.value import Reason
from her2path.tables.decision import Decision
from her2path.tables.load import default_knowledge

UNCHANGED, CHANGED = {"ish_recount": "unchanged"}, {"ish_recount": "changed"}


def decided(outcome: str, facts: dict, edition: str) -> Decision:
    return her2path.decide(outcome, facts, edition=edition)


def status(facts: dict, edition: str = "asco-cap-2018") -> str:
    """The status, or the values still possible joined by `or`, in the order of the outcome."""
    decision = decided("her2_status", facts, edition)
    return " or ".join(decision.possible)


# -- the five groups of dual-probe ISH, and their work-up (2018, figures 1 to 6) -------------------

GROUPS = {
    1: {"her2_cep17_ratio": 2.4, "her2_copies": 7.1},
    2: {"her2_cep17_ratio": 2.3, "her2_copies": 3.6},
    3: {"her2_cep17_ratio": 1.5, "her2_copies": 6.5},
    4: {"her2_cep17_ratio": 1.6, "her2_copies": 4.4},
    5: {"her2_cep17_ratio": 1.2, "her2_copies": 2.6},
}


@pytest.mark.parametrize(
    ("ratio", "copies", "group", "result"),
    [
        (2.4, 7.1, "1", "positive"),
        (2.0, 4.0, "1", "positive"),
        (2.0, 3.99, "2", "needs work-up"),
        (15, 3.0, "2", "needs work-up"),
        (1.99, 6.0, "3", "needs work-up"),
        (0.9, 12, "3", "needs work-up"),
        (1.99, 5.99, "4", "needs work-up"),
        (1.0, 4.0, "4", "needs work-up"),
        (1.99, 3.99, "5", "negative"),
        (0.8, 1.1, "5", "negative"),
    ],
)
def test_the_five_groups(ratio, copies, group, result) -> None:
    for edition in ("asco-cap-2018", "asco-cap-2023"):
        specimen = {"her2_cep17_ratio": ratio, "her2_copies": copies}
        assert decided("ish_group", specimen, edition).value == group
        assert decided("ish_result", specimen, edition).value == result


#  group  IHC   recount      status                       next step
WORK_UP = [
    (1, "0", None, "positive", "none"),
    (1, "1+", None, "positive", "none"),
    (1, "2+", None, "positive", "none"),
    (1, "3+", None, "positive", "none"),
    (2, "0", None, "negative", "none"),
    (2, "1+", None, "negative", "none"),
    (2, "2+", None, "negative or adjudicate", "blinded recount"),
    (2, "2+", "unchanged", "negative", "none"),
    (2, "2+", "changed", "adjudicate", "adjudicate"),
    (2, "3+", None, "positive", "none"),
    (3, "0", None, "negative", "none"),
    (3, "1+", None, "negative", "none"),
    (3, "2+", None, "positive or adjudicate", "blinded recount"),
    (3, "2+", "unchanged", "positive", "none"),
    (3, "2+", "changed", "adjudicate", "adjudicate"),
    (3, "3+", None, "positive", "none"),
    (4, "0", None, "negative", "none"),
    (4, "1+", None, "negative", "none"),
    (4, "2+", None, "negative or adjudicate", "blinded recount"),
    (4, "2+", "unchanged", "negative", "none"),
    (4, "2+", "changed", "adjudicate", "adjudicate"),
    (4, "3+", None, "positive", "none"),
    (5, "0", None, "negative", "none"),
    (5, "1+", None, "negative", "none"),
    (5, "2+", None, "negative", "none"),
    (5, "3+", None, "positive", "none"),
]


@pytest.mark.parametrize("edition", ["asco-cap-2018", "asco-cap-2023"])
@pytest.mark.parametrize(("group", "ihc", "recount", "outcome", "step"), WORK_UP)
def test_each_group_with_each_ihc_score(edition, group, ihc, recount, outcome, step) -> None:
    specimen = GROUPS[group] | {"ihc_score": ihc} | ({"ish_recount": recount} if recount else {})
    assert status(specimen, edition) == outcome
    assert decided("her2_next_step", specimen, edition).value == step


@pytest.mark.parametrize(("group", "ihc", "recount", "outcome", "step"), WORK_UP)
def test_a_group_given_by_number_decides_as_its_counts_do(group, ihc, recount, outcome, step) -> None:
    specimen = {"ish_group": group, "ihc_score": ihc} | ({"ish_recount": recount} if recount else {})
    assert status(specimen) == outcome
    assert decided("her2_next_step", specimen, "asco-cap-2018").value == step


def test_a_recount_still_to_be_done_would_settle_a_group_2_with_ihc_2() -> None:
    decision = decided("her2_status", GROUPS[2] | {"ihc_score": "2+"}, "asco-cap-2018")
    assert decision.value is None
    assert decision.would_settle == (("ish_recount",),)
    assert decision.last_rows == ["18"]


# -- testing one after the other ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("facts", "outcome", "step"),
    [
        ({"ihc_score": "0"}, "negative", "none"),
        ({"ihc_score": "1+"}, "negative", "none"),
        ({"ihc_score": "2+"}, "equivocal", "reflex ISH"),
        ({"ihc_score": "3+"}, "positive", "none"),
        (GROUPS[1], "positive", "none"),
        (GROUPS[2], "positive or negative or adjudicate", "IHC on the same tissue"),
        (GROUPS[3], "positive or negative or adjudicate", "IHC on the same tissue"),
        (GROUPS[4], "positive or negative or adjudicate", "IHC on the same tissue"),
        (GROUPS[5], "negative", "none"),
        ({}, "positive or negative or equivocal or adjudicate", "test HER2"),
    ],
)
def test_one_test_alone(facts, outcome, step) -> None:
    assert status(facts) == outcome
    assert decided("her2_next_step", facts, "asco-cap-2018").value == step


@pytest.mark.parametrize("group", [2, 3, 4])
def test_groups_2_to_4_alone_are_settled_by_ihc_and_a_recount(group) -> None:
    assert decided("her2_status", GROUPS[group], "asco-cap-2018").would_settle == (("ihc_score", "ish_recount"),)
    recounted = decided("her2_status", GROUPS[group] | UNCHANGED, "asco-cap-2018")
    assert recounted.would_settle == (("ihc_score",),)


def test_without_the_ratio_few_copies_and_an_unchanged_recount_are_negative() -> None:
    specimen = {"ihc_score": "2+", "ish_probe": "dual", "her2_copies": 3.1} | UNCHANGED
    assert status(specimen) == "negative"
    assert decided("ish_group", specimen, "asco-cap-2018").possible == ("2", "5")
    assert decided("her2_status", specimen, "asco-cap-2018").would_settle == ()


def test_without_the_ratio_and_the_recount_few_copies_leave_it_open() -> None:
    specimen = {"ihc_score": "2+", "ish_probe": "dual", "her2_copies": 3.1}
    decision = decided("her2_status", specimen, "asco-cap-2018")
    assert decision.possible == ("negative", "adjudicate")
    assert ("ish_recount",) not in decision.would_settle
    assert set(decision.would_settle) == {("her2_cep17_ratio", "ish_recount")}


@pytest.mark.parametrize(
    ("copies", "ihc", "outcome"),
    [
        (6.0, "2+", "positive"), (6.0, "0", "positive"), (5.9, "2+", "equivocal"), (5.9, "1+", "negative"),
        (5.9, "3+", "positive"), (4.0, "2+", "equivocal"), (3.9, "2+", "negative"), (3.9, "3+", "positive"),
    ],
)  # fmt: skip
def test_a_single_probe_is_read_by_its_copies(copies, ihc, outcome) -> None:
    assert status({"ish_probe": "single", "her2_copies": copies, "ihc_score": ihc}) == outcome


def test_an_equivocal_single_probe_asks_for_a_dual_probe() -> None:
    specimen = {"ish_probe": "single", "her2_copies": 5, "ihc_score": "2+"}
    assert decided("her2_next_step", specimen, "asco-cap-2018").value == "dual-probe ISH"
    assert decided("ish_group", specimen, "asco-cap-2018").value == "single probe"


# -- the same specimen under two editions ---------------------------------------------------------


@pytest.mark.parametrize(
    ("case", "facts", "in_2013", "in_2018"),
    [
        ("083", {"ihc_score": "1+", "her2_copies": 3.6, "cep17_copies": 1.6, "her2_cep17_ratio": 2.3}, "positive", "negative"),
        ("083 by its copies", {"ihc_score": "1+", "her2_copies": 3.6, "cep17_copies": 1.6}, "positive", "negative"),
        ("110", {"ihc_score": "2+", "her2_copies": 3.24, "cep17_copies": 1.54}, "positive", "negative or adjudicate"),
        ("110, unchanged", {"ihc_score": "2+", "her2_copies": 3.24, "cep17_copies": 1.54} | UNCHANGED, "positive", "negative"),
        ("110, changed", {"ihc_score": "2+", "her2_copies": 3.24, "cep17_copies": 1.54} | CHANGED, "positive", "adjudicate"),
        ("080", {"ihc_score": "2+", "her2_copies": "> 6", "her2_cep17_ratio": 1.23}, "positive", "positive or adjudicate"),
        ("080, unchanged", {"ihc_score": "2+", "her2_copies": "> 6", "her2_cep17_ratio": 1.23} | UNCHANGED, "positive", "positive"),
        ("group 3, 1+", {"ihc_score": "1+"} | GROUPS[3], "positive", "negative"),
        ("group 4, 2+", {"ihc_score": "2+"} | GROUPS[4] | UNCHANGED, "equivocal", "negative"),
        ("group 4, 1+", {"ihc_score": "1+"} | GROUPS[4], "negative", "negative"),
        ("group 4 alone", GROUPS[4], "equivocal", "positive or negative or adjudicate"),
        ("group 2 alone", GROUPS[2], "positive", "positive or negative or adjudicate"),
        ("single probe, 5 copies, 2+", {"ihc_score": "2+", "ish_probe": "single", "her2_copies": 5}, "equivocal", "equivocal"),
    ],
)  # fmt: skip
def test_from_2013_to_2018(case, facts, in_2013, in_2018) -> None:
    assert status(facts, "asco-cap-2013") == in_2013
    assert status(facts, "asco-cap-2018") == in_2018
    assert status(facts, "asco-cap-2023") == in_2018


@pytest.mark.parametrize(
    ("facts", "in_2007", "in_2013"),
    [
        ({"ihc_score": "2+", "her2_cep17_ratio": "1.79"}, "negative", "positive or negative or equivocal"),
        ({"ihc_score": "2+", "her2_cep17_ratio": "1.8", "her2_copies": 3}, "equivocal", "negative"),
        ({"ihc_score": "2+", "her2_cep17_ratio": "2.0"}, "equivocal", "positive"),
        ({"ihc_score": "2+", "her2_cep17_ratio": "2.2"}, "equivocal", "positive"),
        ({"ihc_score": "2+", "her2_cep17_ratio": "2.21"}, "positive", "positive"),
        ({"ihc_score": "2+", "her2_cep17_ratio": "less than 1.8"}, "negative", "positive or negative or equivocal"),
        ({"ihc_score": "2+", "her2_cep17_ratio": "greater than 2.2"}, "positive", "positive"),
        ({"ihc_score": "2+", "her2_cep17_ratio": "1.8-2.2"}, "equivocal", "positive or negative or equivocal"),
        ({"ihc_score": "2+", "ish_probe": "single", "her2_copies": 6}, "equivocal", "positive"),
        ({"ihc_score": "2+", "ish_probe": "single", "her2_copies": 6.1}, "positive", "positive"),
        ({"ihc_score": "2+", "ish_probe": "single", "her2_copies": 3.9}, "negative", "negative"),
    ],
)
def test_from_2007_to_2013(facts, in_2007, in_2013) -> None:
    assert status(facts, "asco-cap-2007") == in_2007
    assert status(facts, "asco-cap-2013") == in_2013


@pytest.mark.parametrize(
    ("percent", "completeness", "in_2007", "in_2013"),
    [(31, "uniform complete", "3+", "3+"), (30, "uniform complete", "2+", "3+"), (10.1, "uniform complete", "2+", "3+"),
     (10, "uniform complete", "2+", "2+"), (30, "complete", "2+", "3+")],
)  # fmt: skip
def test_thirty_percent_in_2007_and_ten_from_2013_on(percent, completeness, in_2007, in_2013) -> None:
    staining = {"staining_intensity": "intense", "staining_completeness": completeness, "stained_percent": percent}
    assert decided("ihc_score", staining, "asco-cap-2007").value == in_2007
    assert decided("ihc_score", staining, "asco-cap-2013").value == in_2013
    assert decided("ihc_score", staining, "asco-cap-2018").value == in_2013


def test_2018_and_2023_agree_everywhere() -> None:
    assert her2path.compare("asco-cap-2018", "asco-cap-2023", default_knowledge()) == []


# -- stomach and junction -------------------------------------------------------------------------

GASTRIC = ("toga-2010", "us-label", "eu-label", "cap-2016")
FISH_POSITIVE, FISH_NEGATIVE = (
    {"her2_cep17_ratio": 2.5, "her2_copies": 8},
    {"her2_cep17_ratio": 1.1, "her2_copies": 2.0},
)


@pytest.mark.parametrize(
    ("facts", "toga", "us", "eu", "cap"),
    [
        ({"ihc_score": "0"} | FISH_POSITIVE, "positive", "positive", "negative", "negative"),
        ({"ihc_score": "1+"} | FISH_POSITIVE, "positive", "positive", "negative", "negative"),
        ({"ihc_score": "2+"} | FISH_POSITIVE, "positive", "positive", "positive", "positive"),
        ({"ihc_score": "3+"} | FISH_POSITIVE, "positive", "positive", "positive", "positive"),
        ({"ihc_score": "0"} | FISH_NEGATIVE, "negative", "negative", "negative", "negative"),
        ({"ihc_score": "2+"} | FISH_NEGATIVE, "negative", "negative", "negative", "negative"),
        ({"ihc_score": "3+"} | FISH_NEGATIVE, "positive", "positive", "positive", "positive"),
        ({"ihc_score": "3+"}, "positive", "positive", "positive", "positive"),
        ({"ihc_score": "2+"}, "equivocal", "equivocal", "equivocal", "equivocal"),
        ({"ihc_score": "1+"}, "positive or negative", "positive or negative", "negative", "negative"),
    ],
)
def test_the_four_gastric_rules(facts, toga, us, eu, cap) -> None:
    specimen = facts | {"tumour_site": "gastric"}
    assert [status(specimen, edition) for edition in GASTRIC] == [toga, us, eu, cap]


@pytest.mark.parametrize("edition", GASTRIC)
@pytest.mark.parametrize(
    ("specimen", "completeness", "percent", "cluster", "score"),
    [
        ("biopsy", "basolateral or lateral", None, 5, "3+"),
        ("biopsy", "complete", None, 4, "0"),
        ("biopsy", "complete", 1, 6, "3+"),
        ("resection", "basolateral or lateral", 10, None, "3+"),
        ("resection", "complete", 9.99, None, "0"),
        ("resection", "complete", 9.99, 50, "0"),
    ],
)
def test_a_biopsy_counts_a_cluster_and_a_resection_a_percentage(
    edition, specimen, completeness, percent, cluster, score
) -> None:
    staining = {
        "specimen_kind": specimen, "staining_intensity": "intense", "staining_completeness": completeness,
        "stained_percent": percent, "stained_cluster_cells": cluster,
    }  # fmt: skip
    assert decided("ihc_score", staining, edition).value == score


# -- expression classes and tests that disagree ---------------------------------------------------


@pytest.mark.parametrize(
    ("facts", "expression"),
    [
        ({"ihc_score": "3+"}, "positive"),
        ({"ihc_score": "2+"} | GROUPS[1], "positive"),
        ({"ihc_score": "2+"} | GROUPS[5], "low"),
        ({"ihc_score": "2+"} | GROUPS[2] | UNCHANGED, "low"),
        ({"ihc_score": "1+"}, "low"),
        ({"ihc_score": "1+"} | GROUPS[2], "low"),
        ({"ihc_score": "0", "any_membrane_staining": "yes"}, "ultralow"),
        ({"ihc_score": "0", "any_membrane_staining": "no"}, "null"),
        ({"ihc_score": "0"}, "ultralow or null"),
        ({"ihc_score": "0", "any_membrane_staining": "no"} | GROUPS[1], "positive"),
        (GROUPS[5], "low or ultralow or null"),
        ({"ihc_score": "2+"}, "positive or low"),
        ({"ihc_score": "2+"} | GROUPS[4] | CHANGED, "positive or low"),
        ({}, "positive or low or ultralow or null"),
    ],
)
def test_expression_classes(facts, expression) -> None:
    for edition in ("asco-cap-2018", "asco-cap-2023"):
        assert " or ".join(decided("her2_expression", facts, edition).possible) == expression


@pytest.mark.parametrize(
    ("ihc", "group", "discordance"),
    [
        ("3+", 5, "IHC 3+ with negative ISH"), ("3+", 1, "none"), ("3+", 4, "none"), ("2+", 5, "none"), ("2+", 1, "none"),
        ("1+", 1, "IHC 0 or 1+ with positive ISH"), ("0", 1, "IHC 0 or 1+ with positive ISH"), ("0", 5, "none"),
        ("1+", 2, "none"),
    ],
)  # fmt: skip
def test_two_tests_that_disagree(ihc, group, discordance) -> None:
    assert decided("her2_discordance", GROUPS[group] | {"ihc_score": ihc}, "asco-cap-2018").value == discordance


@pytest.mark.parametrize("edition", ["asco-cap-2007", "asco-cap-2013", "asco-cap-2018", "asco-cap-2023"])
@pytest.mark.parametrize("facts", [{"ihc_score": "3+"} | GROUPS[5], {"ihc_score": "0"} | GROUPS[1]])
def test_either_positive_test_is_positive_in_breast_and_a_remark_says_so(edition, facts) -> None:
    decision = decided("her2_status", facts, edition)
    assert decision.value == "positive"
    assert any(remark.startswith("Discordant") for remark in decision.remarks)
    assert "decisions" in [citation.key for citation in decision.citations]


def test_ihc_0_with_a_positive_fish_under_the_eu_label_says_that_it_is_discordant() -> None:
    decision = decided("her2_status", {"ihc_score": "0", "tumour_site": "gastric"} | FISH_POSITIVE, "eu-label")
    assert decision.value == "negative"
    assert any(remark.startswith("Discordant") for remark in decision.remarks)


# -- which edition --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("on", "edition"),
    [
        ("2006-12-11", "asco-cap-2007"), ("2013-10-06", "asco-cap-2007"), ("2013-10-07", "asco-cap-2013"),
        ("2018-05-29", "asco-cap-2013"), ("2018-05-30", "asco-cap-2018"), ("2023-06-06", "asco-cap-2018"),
        ("2023-06-07", "asco-cap-2023"), ("2035-01-01", "asco-cap-2023"),
    ],
)  # fmt: skip
def test_the_edition_in_force_on_the_day_of_the_test(on, edition) -> None:
    by_fact = her2path.decide("her2_status", {"ihc_score": "3+", "test_date": on})
    by_option = her2path.decide("her2_status", {"ihc_score": "3+"}, on=dt.date.fromisoformat(on))
    assert by_fact.edition.key == by_option.edition.key == edition
    assert by_fact.notes == []
    assert by_fact.assumed == {"tumour_site": "breast"}


def test_a_specimen_reclassified_overnight() -> None:
    specimen = {"ihc_score": "1+", "her2_copies": 3.6, "cep17_copies": 1.6}
    assert her2path.decide("her2_status", specimen | {"test_date": "2018-05-29"}).value == "positive"
    assert her2path.decide("her2_status", specimen | {"test_date": "2018-05-30"}).value == "negative"


def test_before_the_first_edition_the_first_is_applied_and_a_note_says_so() -> None:
    decision = her2path.decide("her2_status", {"ihc_score": "3+", "test_date": "2006-12-10"})
    assert decision.edition.key == "asco-cap-2007"
    assert decision.notes == ["no edition was in force on 2006-12-10; the first, asco-cap-2007, is applied"]


def test_the_day_given_for_the_edition_goes_before_the_day_of_the_test() -> None:
    facts = {"ihc_score": "3+", "test_date": "2010-01-01"}
    assert her2path.decide("her2_status", facts, on=dt.date(2019, 1, 1)).edition.key == "asco-cap-2018"


@pytest.mark.parametrize(
    ("on", "jurisdiction", "edition"),
    [
        ("2012-01-01", None, "toga-2010"), ("2016-11-13", None, "toga-2010"), ("2016-11-14", None, "cap-2016"),
        ("2024-01-01", None, "cap-2016"), ("2024-01-01", "us", "cap-2016"), ("2024-01-01", "eu", "eu-label"),
        ("2010-10-19", "us", "toga-2010"), ("2010-10-20", "us", "toga-2010"), ("2010-01-19", "eu", "eu-label"),
    ],
)  # fmt: skip
def test_the_gastric_rule_of_a_day_and_a_jurisdiction(on, jurisdiction, edition) -> None:
    facts = {"tumour_site": "gastric", "ihc_score": "2+", "test_date": on}
    decision = her2path.decide("her2_status", facts, jurisdiction=jurisdiction)
    assert decision.edition.key == edition
    assert decision.assumed == {}


@pytest.mark.parametrize(
    ("jurisdiction", "status", "by_label"),
    [(None, "negative", "positive"), ("us", "negative", "positive"), ("eu", "negative", "negative")],
)
def test_the_label_of_trastuzumab_is_asked_by_a_question_of_its_own(jurisdiction, status, by_label) -> None:
    facts = {"tumour_site": "gastric", "ihc_score": "1+", "her2_cep17_ratio": 2.5, "test_date": "2026-02-02"}
    assert her2path.decide("her2_status", facts, jurisdiction=jurisdiction).value == status
    assert her2path.decide("her2_label_status", facts, jurisdiction=jurisdiction).value == by_label


def test_a_jurisdiction_changes_nothing_where_the_rule_is_for_any() -> None:
    assert her2path.decide("her2_status", {"ihc_score": "3+"}, jurisdiction="eu").edition.key == "asco-cap-2023"


def test_a_site_that_no_edition_decides_is_asked_wrongly() -> None:
    with pytest.raises(her2path.AskedWrongly, match="no edition decides ish_group for gastric"):
        her2path.decide("ish_group", {"tumour_site": "gastric"})


def test_a_site_that_cannot_be_read_is_not_taken_for_breast() -> None:
    decision = her2path.decide("her2_status", {"tumour_site": "stomach", "ihc_score": "1+"})
    assert decision.value is None
    assert decision.would_settle == (("tumour_site",),)
    assert "tumour_site" not in decision.assumed


def test_a_test_date_that_cannot_be_read_is_noted() -> None:
    decision = her2path.decide("her2_status", {"test_date": "2013-13-01", "ihc_score": "2+"})
    assert decision.notes == ["test_date cannot be read; the edition in force today, asco-cap-2023, is applied"]


def test_an_edition_for_another_site_than_the_one_given_is_noted() -> None:
    decision = her2path.decide("her2_status", {"tumour_site": "gastric", "ihc_score": "1+"}, edition="asco-cap-2018")
    assert decision.notes == ["asco-cap-2018 is for breast, but tumour_site is gastric"]


# -- numbers that follow from, or contradict, each other ------------------------------------------


def test_the_ratio_is_worked_out_from_the_copies() -> None:
    decision = decided("ish_group", {"her2_copies": "6.6", "cep17_copies": "2.2"}, "asco-cap-2018")
    assert decision.value == "1"
    assert decision.notes == ["ratio 3.00 = 6.6 / 2.2"]


def test_a_recorded_ratio_that_the_copies_contradict_leaves_open_what_hangs_on_it() -> None:
    specimen = {"her2_cep17_ratio": "1.5", "her2_copies": "6.6", "cep17_copies": "2.2", "ihc_score": "1+"}
    decision = decided("her2_status", specimen, "asco-cap-2018")
    assert decision.possible == ("positive", "negative")
    assert decision.given.unknown["her2_cep17_ratio"].reason is Reason.CONTRADICTORY
    assert decision.given.unknown["her2_cep17_ratio"].detail == "ratio 1.5 recorded, but 6.6 / 2.2 = 3.00"
    assert decided("her2_status", specimen, "asco-cap-2013").value == "positive"


def test_a_contradiction_that_changes_nothing_decides_and_is_told() -> None:
    specimen = {"her2_cep17_ratio": "2.5", "her2_copies": "6.6", "cep17_copies": "2.2"}
    decision = decided("ish_group", specimen, "asco-cap-2018")
    assert decision.value == "1"
    why = decision.as_json()["unknown"]["her2_cep17_ratio"]
    assert why == "contradictory: ratio 2.5 recorded, but 6.6 / 2.2 = 3.00"


def test_a_group_given_against_its_counts_is_noted() -> None:
    specimen = {"ish_group": 5, "ihc_score": "2+"} | GROUPS[1]
    decision = decided("her2_status", specimen, "asco-cap-2018")
    why = decision.given.unknown["ish_group"]
    assert why.reason is Reason.CONTRADICTORY
    assert why.detail == "ish_group 5 was reported, but the numbers make it 1"


@pytest.mark.parametrize(
    ("facts", "outcome"),
    [
        ({"ihc_score": "2+", "her2_copies": "4-6", "her2_cep17_ratio": 1.5} | UNCHANGED, "positive or negative"),
        ({"ihc_score": "0-1+"} | GROUPS[3], "negative"),
        ({"ihc_score": "3+ (2+ outside)"} | GROUPS[4] | UNCHANGED, "positive or negative"),
        ({"ihc_score": "positive"}, "positive"),
        ({"ihc_score": "negative"}, "negative"),
        ({"ihc_score": "banana"} | GROUPS[5], "positive or negative"),
        ({"ihc_score": "2+", "her2_copies": 350, "her2_cep17_ratio": 2.2} | UNCHANGED, "positive or negative"),
    ],
)
def test_what_is_known_in_part_rules_out_what_it_can(facts, outcome) -> None:
    assert status(facts) == outcome


# -- every number behind a decision ----------------------------------------------------------------


def test_a_decision_names_its_rows_and_sources() -> None:
    decision = decided("her2_status", {"ihc_score": "2+"} | GROUPS[1], "asco-cap-2018")
    assert decision.rows == ["ish_group:1", "ish_result:1", "her2_status:3"]
    assert [str(citation) for citation in decision.citations] == [
        "wolff2018 Fig 3 (seen)", "wolff2018 Fig 2 and 3 (seen)",
    ]  # fmt: skip


@pytest.mark.parametrize("outcome", ["her2_status", "her2_expression"])
def test_a_status_given_against_the_ihc_score_is_noted(outcome) -> None:
    decision = decided(outcome, {"her2_status": "positive", "ihc_score": "1+"}, "asco-cap-2018")
    assert any(note.startswith("her2_status positive was given") for note in decision.notes)


@pytest.mark.parametrize(("outcome", "value"), [("ihc_score", "2+"), ("her2_status", "positive")])
def test_the_outcome_asked_for_is_not_dropped_silently_when_it_is_given(outcome, value) -> None:
    decision = decided(outcome, {outcome: value}, "asco-cap-2018")
    assert decision.value == value or decision.notes


def test_beside_a_single_probe_no_ratio_is_asked_for_but_a_dual_probe_is() -> None:
    specimen = {"ihc_score": "2+", "ish_probe": "single", "her2_copies": 5}
    assert decided("her2_status", specimen, "asco-cap-2018").would_settle == ()
    assert decided("her2_next_step", specimen, "asco-cap-2018").value == "dual-probe ISH"
