"""Columns and facts as people name them: what is not read is told, and what hangs on it is unknown, never "none"."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pytest

import fhir_makers as make
from her2path.cohort.review import review_source
from her2path.facts.codes import codes_of
from her2path.findings.settings import Settings
from her2path.read.drugs import Drugs
from her2path.read.spoken import fact_of_words, plain_words
from her2path.record.event import Trouble
from her2path.tables.load import default_knowledge

LONG = """patient,date,fact,value,unit,product
p1,2025-05-20,ihc_score,3+,,
p1,2025-06-05,lvef,62,%,
p1,2025-06-10,weight_kg,70,kg,
p1,2025-08-18,dose_mg,560,mg,trastuzumab-iv
p1,2025-09-01,lvef,42,%,
p1,2025-09-08,dose_mg,420,mg,trastuzumab-iv
"""
WIDE = """patient,ihc_score,test_date,lvef_baseline,lvef_baseline_date,lvef_2,lvef_2_date,dose_mg_1,dose_mg_1_date,product
p1,3+,2025-05-20,62,2025-06-05,42,2025-09-01,560,2025-09-08,trastuzumab-iv
"""


def reviewed(tmp_path: Path, text: str) -> tuple[Any, list[str], list[Trouble]]:
    path = tmp_path / "rows.csv"
    path.write_text(text, encoding="utf-8")
    items = list(review_source(path, default_knowledge(), Settings(dt.date(2025, 9, 15), jurisdiction="us")))
    (review,) = [each for each in items if not isinstance(each, Trouble)]
    words = make.words_of(review)
    if review.course is not None:
        words += [f"{each.grade.word}: {each.words}" for each in review.course.findings]
    return review, words, [each for each in items if isinstance(each, Trouble)]


def verdicts(review: Any) -> set[str]:
    return {each.verdict for each in review.course.verdicts}


@pytest.mark.parametrize(
    ("name", "fact"),
    [
        ("EF", "lvef"), ("EF2", "lvef"), ("LVEF %", "lvef"), ("Ejection Fraction (%)", "lvef"), ("LVEF (echo)", "lvef"),
        ("FEVG", "lvef"), ("Auswurffraktion", "lvef"), ("frakcja wyrzutowa", "lvef"), ("左室駆出率", "lvef"),
        ("CHF", "heart_failure"), ("NYHA class", "heart_failure"), ("Herzinsuffizienz", "heart_failure"),
        ("cardiac_toxicity", "heart_failure"), ("LV dysfunction", "heart_failure"), ("心不全", "heart_failure"),
        ("Gewicht", "weight_kg"), ("Weight (kg)", "weight_kg"), ("wt", "weight_kg"), ("BW", "weight_kg"),
        ("KG", "weight_kg"), ("Poids", "weight_kg"), ("体重", "weight_kg"),
        ("Dosis1", "her2_drug_recorded"), ("Dose (mg)", "her2_drug_recorded"), ("trastuzumab_mg", "her2_drug_recorded"),
        ("Last Herceptin", "her2_drug_recorded"), ("Infusion", "her2_drug_recorded"),
        ("lvef_lower_limit_of_normal", ""), ("lvef method", ""), ("Family history heart failure", ""),
        ("father chf", ""), ("hospital", ""), ("effect", ""), ("wtp", ""), ("kgb", ""),
    ],
)  # fmt: skip
def test_what_a_name_speaks_of(name: str, fact: str) -> None:
    codes = codes_of(default_knowledge().facts)
    assert fact_of_words(plain_words(name), codes.names, Drugs(codes).directed) == fact


@pytest.mark.parametrize("name", ["EF", "LVEF %", "Ejection Fraction (%)", "FEVG", "LVEF (echo)", "ejection_fraction"])
def test_a_heart_under_a_name_that_is_no_fact_gates_the_next_dose(tmp_path: Path, name: str) -> None:
    review, words, _ = reviewed(tmp_path, LONG.replace("2025-09-01,lvef", f"2025-09-01,{name}"))
    assert any("the LVEF of 2025-09-01 (42 %) could not be read" in each for each in words)
    assert verdicts(review) == {"ASK FIRST"}


@pytest.mark.parametrize("name", ["dose", "Dose (mg)", "Dosis", "trastuzumab_mg", "administered_dose", "Infusion"])
def test_doses_under_a_name_that_is_no_fact_are_not_before_the_start(tmp_path: Path, name: str) -> None:
    review, words, _ = reviewed(tmp_path, LONG.replace("dose_mg", name))
    assert "therapy_phase" not in review.course.standing.values
    assert any("no dose of it could be read" in each for each in words)


def test_a_dose_of_another_drug_under_such_a_name_is_no_sign_of_ours(tmp_path: Path) -> None:
    text = LONG.replace("dose_mg", "Dosis").replace("trastuzumab-iv", "docetaxel")
    review, _, _ = reviewed(tmp_path, text)
    assert review.course.standing.values["therapy_phase"] == "before start"


@pytest.mark.parametrize("name", ["CHF", "Herzinsuffizienz", "NYHA"])
def test_heart_failure_under_such_a_name_is_unknown(tmp_path: Path, name: str) -> None:
    review, _, _ = reviewed(tmp_path, LONG + f"p1,2025-09-05,{name},yes,,\n")
    assert "heart_failure" not in review.course.standing.values


def test_that_of_her_family_is_not_hers(tmp_path: Path) -> None:
    review, _, _ = reviewed(tmp_path, LONG + "p1,2025-09-05,Family history of heart failure,yes,,\n")
    assert review.course.standing.values["heart_failure"] == "no"


@pytest.mark.parametrize("name", ["HER2 IHC", "IHC", "her2", "c-erbB-2", "HER-2/neu", "FISH"])
def test_a_test_under_such_a_name_could_not_be_read(tmp_path: Path, name: str) -> None:
    review, words, _ = reviewed(tmp_path, LONG.replace("ihc_score", name))
    assert review.status is None
    assert any("no HER2 test could be read" in each for each in words)


@pytest.mark.parametrize("name", ["HER2", "HER2 IHC", "Her2 status IHC", "erbb2", "HER-2/neu"])
def test_a_column_of_tests_that_is_not_read_is_told_to_whom_it_concerns(tmp_path: Path, name: str) -> None:
    _, words, troubles = reviewed(tmp_path, WIDE.replace("ihc_score", name))
    assert any("no HER2 test could be read" in each for each in words)
    assert any(f"the column {name} ('3+') speaks of a HER2 test" in each for each in words)
    assert any(name in each.what for each in troubles)


def test_beside_a_test_that_is_read_it_is_not_told_again(tmp_path: Path) -> None:
    _, words, _ = reviewed(
        tmp_path, WIDE.replace("product\n", "product,HER2 comment\n").replace("iv\n", "iv,see page 2\n")
    )
    assert not any("speaks of a HER2 test" in each for each in words)


def test_rows_of_tests_whose_score_stands_in_another_column(tmp_path: Path) -> None:
    path = tmp_path / "tests.csv"
    path.write_text("patient,ihc_score,HER2 (text)\np1,,3+ positive\np2,0,negative\n", encoding="utf-8")
    first, second = [
        each for each in review_source(path, default_knowledge(), Settings(make.TODAY)) if not isinstance(each, Trouble)
    ]
    assert any("speaks of a HER2 test" in each for each in make.words_of(first))
    assert second.status == "negative"
    assert not any("speaks of a HER2 test" in each for each in make.words_of(second))


@pytest.mark.parametrize("name", ["EF2", "Ejection Fraction (%)", "LVEF_2"])
def test_an_unread_heart_without_a_day_gates_the_next_dose(tmp_path: Path, name: str) -> None:
    text = WIDE.replace("lvef_2,", f"{name},").replace("lvef_2_date", f"{name} date")
    review, words, _ = reviewed(tmp_path, text)
    assert any(
        "lvef" in each and "has no date, so what it means for the next dose is not known" in each for each in words
    )
    assert not verdicts(review) & {"GIVE", "NOTHING DUE"}


def test_a_cut_name_of_a_ratio_is_told(tmp_path: Path) -> None:
    text = "patient,specimen,ihc_score,her17_ratio\np1,s1,0,1.1\n"
    path = tmp_path / "cut.csv"
    path.write_text(text, encoding="utf-8")
    told = [str(x) for x in review_source(path, default_knowledge(), Settings(make.TODAY)) if isinstance(x, Trouble)]
    assert any("her17_ratio" in each for each in told)
