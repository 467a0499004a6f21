"""The page on how a dose is made up: what it gives, and every fault of it told with file, line and what was expected."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest

from her2path.facts.folder import knowledge_folder
from her2path.facts.pages.preparation import prove_preparation, read_preparation
from her2path.facts.problem import KnowledgeError
from her2path.tables.load import default_knowledge

PAGE = knowledge_folder() / "product" / "preparation.md"


def told(folder: Path, change: Callable[[str], str]) -> list[str]:
    """What is told of the page after a change."""
    knowledge, text = default_knowledge(), PAGE.read_text(encoding="utf-8")
    assert change(text) != text
    (folder / "product").mkdir(exist_ok=True)
    (folder / "product" / PAGE.name).write_text(change(text), encoding="utf-8")
    return [str(problem) for problem in prove_preparation(folder, knowledge.facts, knowledge.sources)]


def test_the_page_that_ships_holds() -> None:
    knowledge = default_knowledge()
    assert prove_preparation(knowledge.folder, knowledge.facts, knowledge.sources) == []


def test_what_a_vial_holds_agrees_with_its_brands() -> None:
    """The mg of a vial over its mg/mL are the mL that the list of brands says it delivers."""
    from her2path.answers.boxes import read_boxes
    from her2path.findings.brands import read_brands

    knowledge, compared = default_knowledge(), 0
    boxes, brands = read_boxes(knowledge.folder), read_brands(knowledge.folder)
    for (brand, where), rows in boxes.vials.items():
        prepared = read_preparation(knowledge.folder).vials_of(brands[brand].product, where)
        for row in rows:
            strengths = [v.mg_per_ml for v in prepared if v.size_mg == Decimal(row.said["size mg"]) and v.mg_per_ml]
            if strengths and row.said["deliverable mL"] != "-":
                assert Decimal(row.said["size mg"]) / strengths[0] == Decimal(row.said["deliverable mL"]), brand
                compared += 1
    assert compared > 12


def test_a_vial_is_chosen_by_label_and_by_first_or_later_dose() -> None:
    page = read_preparation()
    assert [vial.solvent_ml for vial in page.vials_of("trastuzumab-iv", "us")] == [Decimal(20), Decimal("7.4")]
    assert [vial.solvent_ml for vial in page.vials_of("trastuzumab-iv", "eu")] == [Decimal(20), Decimal("7.2")]
    assert [vial.draws_ml for vial in page.vials_of("phesgo", "us", "first")] == [Decimal(15)]
    assert [vial.draws_ml for vial in page.vials_of("phesgo", "us", "later")] == [Decimal(10)]
    assert page.vials_of("phesgo", "us") == ()


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (
            "| `pertuzumab`     | 420     | any ",
            "| `pertuzumap`     | 420     | any ",
            "'pertuzumap' is no value of product",
        ),
        ("| any          | first | yes ", "| any          | third | yes ", "dose is 'third'"),
        ("| `t-dm1`          | 100     |", "| `t-dm1`          | ten     |", "size mg is 'ten'"),
        ("| 7.4 | 21 ", "| -   | 21 ", "mL is ''"),
        ("| -   | 30    | -        |", "| -   | 30    | 14       |", "has a strength or a volume"),
        (
            "@perjeta-us-dosing; @perjeta-dilution     | secondary",
            "@nobody | secondary",
            "@nobody is not in sources.md",
        ),
        ("@herceptin-us-forms 2.3                   | remembered", "@herceptin-us-forms 2.3 | maybe", "'maybe'"),
        ("| bag for          | mL  |", "| bag for          | ml  |", "has no column 'mL'"),
    ],
)
def test_a_fault_is_told_with_its_line(tmp_path: Path, old: str, new: str, words: str) -> None:
    problems = told(tmp_path, lambda text: text.replace(old, new, 1))
    assert any(words in problem for problem in problems), problems
    assert all("preparation.md:" in problem for problem in problems)


def test_a_page_with_a_fault_is_not_used(tmp_path: Path) -> None:
    told(tmp_path, lambda text: text.replace("| 7.4 | 21 ", "| x   | 21 ", 1))
    with pytest.raises(KnowledgeError, match="mL is 'x'"):
        read_preparation(tmp_path)


def test_knowledge_without_the_page_tells_no_volume(tmp_path: Path) -> None:
    assert read_preparation(tmp_path).vials == ()
    knowledge = default_knowledge()
    assert prove_preparation(tmp_path, knowledge.facts, knowledge.sources) == []
