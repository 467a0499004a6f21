"""What the folds leave, name by name: each is written once, by its own name, and so is each property of a drug read."""

from __future__ import annotations

import ast
import inspect
from collections import Counter
from importlib.util import find_spec
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from course_makers import NOTHING, ZERO, lvef, review_one, rules, state_of
from course_makers import made as event
from her2path.history.drug_codes import DrugCodes, DrugProperties, default_codes, drug_codes
from her2path.history.folds import disease, doses, heart
from her2path.history.folds.run import compiled_folds, dosing_names
from her2path.history.folds.steps import takes_over
from her2path.history.names import (
    COURSE,
    DOSING,
    HEART,
    NO,
    UNKNOWN,
    YES,
    CourseState,
    DosingState,
    HeartState,
    last_day_of,
)

FOLDS = [
    (doses, "fold_doses", DosingState), (heart, "fold_heart", HeartState), (disease, "fold_course", CourseState),
]  # fmt: skip


def written(module: ModuleType) -> Counter[str]:
    """The places of a patient's row that a fold assigns, by their names."""
    found: Counter[str] = Counter()
    for node in ast.walk(ast.parse(inspect.getsource(module))):
        targets = (
            node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AugAssign) else []
        )
        for target in targets:
            if isinstance(target, ast.Subscript) and isinstance(target.value, ast.Name) and target.value.id == "row":
                found[target.slice.attr if isinstance(target.slice, ast.Attribute) else ast.unparse(target.slice)] += 1
            assert not (isinstance(target, ast.Subscript) and ast.unparse(target).startswith("out[")), ast.unparse(
                target
            )
    return found


@pytest.mark.parametrize(("module", "fold", "names"), FOLDS, ids=lambda each: getattr(each, "__name__", str(each)))
def test_every_name_is_written_exactly_once(module: ModuleType, fold: str, names: Any) -> None:
    found = written(module)
    last_days = {"place", "PRODUCTS_FROM + drug"} if fold == "fold_doses" else set()
    assert {name: count for name, count in found.items() if name not in last_days} == dict.fromkeys(names._fields, 1)


@pytest.mark.parametrize("compiled", [False, True])
def test_no_name_is_left_as_it_was(compiled: bool) -> None:
    """Filled with a number that no fold makes, every place of every row is written."""
    if compiled and not find_spec("numba"):
        pytest.skip("numba is not installed")
    here, codes = rules(), default_codes()
    strange = 77_777_777
    columns = [[ZERO], [2], [UNKNOWN], [0]]
    starts: Any = [0, 1, 1]
    folds: Any = (doses.fold_doses, heart.fold_heart, disease.fold_course)
    drugs: Any = codes.drugs
    if compiled:
        starts, columns, drugs = np.array(starts), [np.array(column) for column in columns], codes.arrays
        folds = compiled_folds()
    more: tuple[Any, ...] = ((), (50_000, here.heart_tables(not compiled)), ())
    for fold, names, given in zip(folds, (dosing_names(codes), HEART, COURSE), more, strict=True):
        out: Any = [[strange] * len(names) for _ in range(2)]
        if compiled:
            out = np.array(out)
        fold(starts, *columns, ZERO, *given, drugs, codes.numbers, out)
        assert strange not in np.array(out)


def test_no_two_states_share_a_name() -> None:
    names = [*dosing_names(default_codes()), *HEART, *COURSE]
    assert len(set(names)) == len(names)
    assert "count" not in names, "a name of tuples themselves would be hidden"
    assert "index" not in names


def test_the_codes_are_the_places_of_the_products() -> None:
    codes, facts = default_codes(), rules().knowledge.facts
    assert codes.products == facts["product"].values == facts["ordered_product"].values
    assert [codes.code[name] for name in codes.names] == list(range(len(codes.names)))
    assert {len(column) for column in codes.drugs} == {len(codes.names)}
    assert len(codes.arrays) == len(DrugProperties._fields)


def test_yes_and_no_are_the_places_of_every_fact() -> None:
    for fact in rules().knowledge.facts.values():
        if set(fact.values) == {"yes", "no"}:
            assert (fact.values.index("yes"), fact.values.index("no")) == (YES, NO), fact.name


def flags(codes: DrugCodes, name: str) -> set[str]:
    return {drug for drug, flag in zip(codes.names, getattr(codes.drugs, name), strict=True) if flag}


def test_the_properties_that_were_an_order_of_names() -> None:
    codes = default_codes()
    assert flags(codes, "of_trastuzumab") == {"trastuzumab-iv", "trastuzumab-sc", "phesgo"}
    assert flags(codes, "of_pertuzumab") == {"phesgo", "pertuzumab"}
    assert flags(codes, "conjugate") == {"t-dm1", "t-dxd"}
    assert flags(codes, "partner") == {"pertuzumab", "tucatinib", "neratinib", "lapatinib"}
    assert flags(codes, "shorter_days") == {"trastuzumab-iv"}
    assert {name: codes.drugs.days[codes.code[name]] for name in ("zanidatamab", "margetuximab", "lapatinib")} == {
        "zanidatamab": 14, "margetuximab": 21, "lapatinib": 1,
    }  # fmt: skip
    factors = {drug: codes.drugs.as_doxorubicin[codes.code[drug]] for drug in codes.page.of_class("anthracycline")}
    assert factors == {
        "doxorubicin": 1000, "liposomal-doxorubicin": 1000, "epirubicin": 800, "daunorubicin": 600, "mitoxantrone": 10_500,
        "idarubicin": 5000,
    }  # fmt: skip


def test_the_doses_of_the_label_come_from_its_editions() -> None:
    codes = default_codes()
    told = {(codes.products[code], days): doses for (code, days), doses in codes.labelled.items()}
    assert told == {
        ("trastuzumab-iv", 7): (2000, 4000), ("trastuzumab-iv", 21): (6000, 8000), ("trastuzumab-sc", 21): (600_000,),
        ("phesgo", 21): (600_000,), ("pertuzumab", 21): (420_000, 840_000), ("t-dm1", 21): (2400, 3000, 3600),
        ("t-dxd", 21): (3200, 4400, 5400, 6400),
    }  # fmt: skip


def test_the_codes_of_some_knowledge_are_made_once() -> None:
    knowledge = rules().knowledge
    assert drug_codes(knowledge) is drug_codes(knowledge)


@pytest.mark.parametrize(
    ("in_hand", "given", "days", "taken"),
    [
        ("trastuzumab-iv", "pertuzumab", 0, False), ("pertuzumab", "trastuzumab-iv", 0, True),
        ("trastuzumab-iv", "t-dm1", 0, False), ("trastuzumab-iv", "pertuzumab", 42, False),
        ("trastuzumab-iv", "pertuzumab", 43, True), ("trastuzumab-iv", "t-dm1", 21, True),
        ("pertuzumab", "lapatinib", 1, True), ("trastuzumab-iv", "trastuzumab-iv", 21, True),
    ],
)  # fmt: skip
def test_the_product_in_hand(in_hand: str, given: str, days: int, taken: bool) -> None:
    codes = default_codes()
    assert (
        takes_over(codes.code[in_hand], 100, codes.code[given], 100 + days, codes.drugs, codes.numbers.partner_days)
        is taken
    )


def test_the_last_day_of_every_product_is_kept() -> None:
    course = [
        lvef(-7, 65),
        *(
            event("dose_given", "yes", day, drug)
            for day, drug in ((0, "zanidatamab"), (14, "zanidatamab"), (30, "t-dm1"))
        ),
    ]
    state = state_of(course)
    assert (state[last_day_of("zanidatamab")], state[last_day_of("t-dm1")]) == (14, 30)
    assert last_day_of("trastuzumab-iv") not in state
    assert set(DOSING) & {last_day_of(product) for product in default_codes().products} == set()


def test_the_washout_of_a_product_given_before_counts_too() -> None:
    """Zanidatamab's four months run on after one tablet of tucatinib, whose own week is over long before (decision D49)."""
    from her2path.facts.days import months_after

    course = [
        event("sex", "female", None),
        event("dose_given", "yes", 0, "zanidatamab"),
        event("dose_given", "yes", 50, "tucatinib"),
    ]
    here = rules(70)
    found = review_one(course, NOTHING, None, here)
    assert found.product == "tucatinib"
    until = found.day("contraception_until")
    assert until is not None
    assert until.toordinal() == int(months_after(np.array([ZERO]), 4)[0])
