"""Doses given while toxicity held them: what is not asked could not have mattered, and a batch says what each says."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from course_makers import columns_of, made, rules
from her2path.findings.course.facts import facts_of
from her2path.findings.doses import toxicity
from her2path.findings.doses.judged import judge
from her2path.record.event import Event

VALUES: Mapping[str, tuple[Any, ...]] = {
    "neutrophils_per_nl": ("0.3", "0.7", "1.0", "3"), "platelets_per_nl": (20, 40, 60, 80, 210),
    "alt_times_limit": ("0.8", "3.5", "6", "21"), "ast_times_limit": ("0.8", "4", "6"), "bilirubin_times_limit": ("0.6", "1.2", "2.5", "4"),
    "ild_grade": (0, 0, 0, 1, 2), "neuropathy_grade": (1, 2, 3), "radiation_pneumonitis_grade": (0, 2, 3),
}  # fmt: skip
CATEGORIES = {"febrile_neutropenia": ("yes", "no"), "nodular_regenerative_hyperplasia": ("no", "no", "yes")}


def patient(number: int) -> list[Event]:
    """A course with values around its doses, some of which would withhold one."""
    chance = random.Random(number)
    drug = chance.choice(["t-dxd", "t-dm1", "t-dm1", "trastuzumab-iv"])
    events = [made("setting", chance.choice(["adjuvant", "metastatic", "neoadjuvant"]), 10)]
    days = [100 + 21 * cycle for cycle in range(chance.randint(1, 7))]
    events += [made("dose_mg", 250, day, drug) for day in days]
    for _ in range(chance.randint(0, 9)):
        day = chance.choice(days) + chance.choice([-3, -1, 0, 0, 2, 9])
        fact = chance.choice([*VALUES, *CATEGORIES])
        events.append(made(fact, chance.choice(VALUES.get(fact) or CATEGORIES[fact]), day))
    return events


@pytest.mark.parametrize("jurisdiction", ["us", "eu"])
def test_what_is_not_asked_could_not_have_mattered(monkeypatch, jurisdiction) -> None:
    by = rules(300, jurisdiction=jurisdiction)
    record = columns_of([patient(number) for number in range(400)])
    short = judge(facts_of(record, by, {})).facts[toxicity.THEN]
    monkeypatch.setattr(toxicity, "_first_that_withholds", lambda course, *_: np.zeros(len(course), np.int64))
    whole = judge(facts_of(record, by, {})).facts[toxicity.THEN]
    assert short.tolist() == whole.tolist()
    assert {toxicity.NONE_KNOWN, toxicity.HELD, toxicity.ENDED} == set(short.tolist())


def test_parts_of_a_batch_say_what_the_whole_says(monkeypatch) -> None:
    by = rules(300)
    patients = [patient(number) for number in range(60)]
    together = judge(facts_of(columns_of(patients), by, {}))
    monkeypatch.setattr(toxicity, "MOST_EVENTS", 20)
    in_parts = judge(facts_of(columns_of(patients), by, {}))
    assert in_parts.facts[toxicity.THEN].tolist() == together.facts[toxicity.THEN].tolist()
    for number, mine in enumerate(patients):
        alone = judge(facts_of(columns_of([mine]), by, {}))
        for name in (toxicity.THEN, toxicity.CAUSE):
            expected = together.facts[name][together.made.patient == number]
            assert alone.facts[name].tolist() == expected.tolist(), (number, name)


def test_values_without_a_day_hold_no_dose() -> None:
    """Nothing with a day was left to be asked of, and the batch was cut by none."""
    undated = [made("ild_grade", 2, None), made("dose_mg", 378, 100, "t-dxd"), made("dose_mg", 378, 121, "t-dxd")]
    judged = judge(facts_of(columns_of([undated]), rules(300), {}))
    assert judged.facts[toxicity.THEN].tolist() == [toxicity.NONE_KNOWN] * 2
