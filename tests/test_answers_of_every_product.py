"""Every product and brand under both labels: each question has an answer, or says what is missing and why."""

from __future__ import annotations

import datetime as dt
import json

import pytest

from her2path import Answer, AskedWrongly, answer_dose, answer_lvef, answer_substitution, answer_washout
from her2path.facts.source import VERIFIED
from her2path.findings.brands import read_brands
from her2path.tables.load import default_knowledge

KNOWLEDGE = default_knowledge()
NAMES = [*dict.fromkeys([*read_brands(KNOWLEDGE.folder), *KNOWLEDGE.products.products])]
ON = dt.date(2026, 11, 28)
DOSES: list[dict[str, object]] = [
    {}, {"first": True}, {"days_since": 3}, {"days_since": 21}, {"days_since": 50}, {"loading": True}, {"level": "1"},
    {"days_since": 21, "after": "herceptin"}, {"days_since": 21, "after": "kadcyla"},
    {"first": True, "site": "gastric"}, {"first": True, "site": "breast"},
]  # fmt: skip
HEARTS: list[dict[str, object]] = [
    {}, {"heart_failure": "yes"}, {"on_hold": False, "heart_failure": "no", "holds": 0, "setting": "adjuvant"},
    {"days_on_hold": 30, "holds": 0, "heart_failure": "no", "setting": "metastatic"},
]  # fmt: skip

NOT_SEEN = {(name, "eu") for name in ("margenza", "margetuximab", "ziihera", "zanidatamab")}
"""Of these no dose of the EU label is in the knowledge."""


def holds(answer: Answer) -> None:
    """What is true of every answer."""
    assert json.loads(json.dumps(answer.as_json()))["answer"] == answer.headline
    assert answer.chain
    for step in answer.chain:
        assert not step.outcome or step.level in VERIFIED, step
    if not answer.settled:
        assert answer.cases or answer.missing, answer.headline
        assert len(answer.possible) != 1 or answer.missing, answer.headline
    assert not any("None" in line or "  -  " in line for line in answer.lines())


@pytest.mark.parametrize("label", ["us", "eu"])
@pytest.mark.parametrize("name", NAMES)
def test_each_question_is_answered_for_each_product(name: str, label: str) -> None:
    if (name, label) in NOT_SEEN:
        with pytest.raises(AskedWrongly, match=r"not known by the EU label: none was seen; ask for the US label"):
            answer_dose(name, 72, jurisdiction=label, on=ON, knowledge=KNOWLEDGE)
    for said in () if (name, label) in NOT_SEEN else DOSES:
        for weight in (None, 72):
            holds(answer_dose(name, weight, jurisdiction=label, on=ON, knowledge=KNOWLEDGE, **said))
    for said in HEARTS:
        for baseline, now in ((62, 48), (62, 55), (50, 38), (None, 48), (62, None)):
            holds(answer_lvef(baseline, now, product=name, jurisdiction=label, on=ON, knowledge=KNOWLEDGE, **said))
    for sex in (None, "female", "male"):
        holds(answer_washout(name, last_dose="2026-02-17", sex=sex, jurisdiction=label, on=ON, knowledge=KNOWLEDGE))
        holds(answer_washout(name, conception="2027-02-17", sex=sex, jurisdiction=label, on=ON, knowledge=KNOWLEDGE))
    holds(answer_substitution(name, NAMES, jurisdiction=label, on=ON, knowledge=KNOWLEDGE))


@pytest.mark.parametrize("label", ["us", "eu"])
def test_nothing_of_another_product_is_ever_given_in_its_place(label: str) -> None:
    brands = read_brands(KNOWLEDGE.folder)
    for ordered in brands:
        answer = answer_substitution(ordered, [*brands], jurisdiction=label, on=ON, knowledge=KNOWLEDGE)
        for each in answer.offered:
            if each.drug.product != brands[ordered].product:
                assert (each.says, each.tone) == ("not the same product", "stop"), (ordered, each.drug.brand)
