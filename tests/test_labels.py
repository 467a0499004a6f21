"""The labels rule by rule: every table of a label is named, every rule has a table or a reason, the page is up to date."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from her2path.cli.group import main
from her2path.facts.folder import knowledge_folder
from her2path.facts.problem import KnowledgeError
from her2path.facts.source import VERIFIED
from her2path.findings.labels.carried import labels, prove_labels
from her2path.findings.labels.read_from import read_facts
from her2path.findings.labels.rules import COLUMNS, rules_path
from her2path.tables.library import Knowledge

PAGE = Path(__file__).parent.parent / "docs" / "labels.md"
SOURCE = rules_path(knowledge_folder())
HEAD = f"# Labels\n\n| {' | '.join(COLUMNS)} |\n|{'---|' * len(COLUMNS)}\n"


def elsewhere(knowledge: Knowledge, tmp_path: Path, text: str) -> Knowledge:
    """The same knowledge with another `label-rules.md`; brands and findings are those that ship."""
    for name in ("findings.md", "product", "codes", "course"):
        (tmp_path / name).symlink_to(knowledge.folder / name)
    (tmp_path / "label-rules.md").write_text(text, encoding="utf-8")
    return Knowledge(tmp_path, knowledge.facts, knowledge.sources, knowledge.editions)


def told(knowledge: Knowledge, tmp_path: Path, old: str, new: str) -> list[str]:
    """What is wrong once some words of the page are others."""
    text = SOURCE.read_text(encoding="utf-8")
    assert old in text
    return [problem.what for problem in prove_labels(elsewhere(knowledge, tmp_path, text.replace(old, new, 1)))]


def test_the_page_that_ships_holds(knowledge) -> None:
    assert prove_labels(knowledge) == []


def test_the_page_is_up_to_date() -> None:
    result = CliRunner().invoke(main, ["coverage", "--labels"])
    assert result.exit_code == 0
    up_to_date = PAGE.read_text(encoding="utf-8").rstrip("\n") == result.stdout.rstrip("\n")
    assert up_to_date, "write it anew: her2path coverage --labels -o docs/labels.md"


def test_json_says_what_the_page_says(knowledge) -> None:
    shown = json.loads(CliRunner().invoke(main, ["coverage", "--labels", "--json"]).stdout)
    found = labels(knowledge)
    assert [(each["product"], each["where"]) for each in shown["labels"]] == [(e.product, e.where) for e in found]
    boxed = [
        (each["product"], rule["rule"], rule["status"])
        for each in shown["labels"]
        for rule in each["rules"]
        if rule["kind"] == "boxed warning" and each["where"] == "us"
    ]
    assert {product for product, *_ in boxed} == {
        "trastuzumab-iv", "trastuzumab-sc", "phesgo", "pertuzumab", "t-dm1", "t-dxd", "zanidatamab", "margetuximab",
        "lapatinib",
    }  # fmt: skip
    assert {product for product, _, status in boxed if status == "missing"} == {"zanidatamab", "lapatinib"}


def test_no_label_of_the_eu_has_a_box(knowledge) -> None:
    assert not [r for label in labels(knowledge) if label.where == "eu" for r in label.rules if "box" in r.rule.kind]


def test_levels_and_facts_are_those_of_the_tables(knowledge) -> None:
    (label,) = [each for each in labels(knowledge) if (each.product, each.where) == ("t-dm1", "us")]
    (rule,) = [each for each in label.rules if each.rule.rule.startswith("Platelets")]
    table = knowledge.edition("toxicity-t-dm1", "platelets_action").tables["platelets_action"]
    assert sum(rule.levels.values()) == len(table.rows)
    assert set(rule.levels) <= set(VERIFIED)
    assert rule.inputs == table.inputs
    codes = {
        (code.system, code.code) for each in read_facts(rule.inputs, knowledge) if "platelets" in each.name
        for code in each.codes
    }  # fmt: skip
    assert {("LOINC", "777-3"), ("MEDDRA", "10035528")} <= codes


def test_only_rows_of_the_product_count(knowledge) -> None:
    """Of a table of all products those of another one are no rows of this label."""
    found = {(each.product, each.where): each for each in labels(knowledge)}
    table = knowledge.edition("reproduction-us", "contraception_months").tables["contraception_months"]
    for product in ("tucatinib", "t-dxd"):
        rows = [
            place.rows
            for rule in found[product, "us"].rules
            for place in rule.places
            if place.table.outcome == "contraception_months"
        ]
        place = table.inputs.index("product")
        assert rows
        assert all(row.cells[place].is_any or product in row.cells[place].values for each in rows for row in each)
        assert len(rows[0]) < len(table.rows)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("`neuropathy_action`", "`neuropathy_actions`", "no table decides 'neuropathy_actions'"),
        ("| `neuropathy_action` |", "| - |", "has neither a table nor a reason"),
        ("| `neuropathy_action` |", "| `nodes` |", "no table decides 'nodes'"),
        ("| `neuropathy_action` |", "| `febrile_neutropenia_action` |",
         "no edition of febrile_neutropenia_action decides for t-dm1 in us"),
        ("`order_level`, `order_step`, `dose_step` | | |\n| Schedule, and a missed dose: as soon as possible, then 3 w",
         "`order_step`, `dose_step` | | |\n| Schedule, and a missed dose: as soon as possible, then 3 w",
         "order_level is decided for t-dm1 in us, and no rule of its label names it"),
        ("| boxed warning | `t-dm1` |", "| box | `t-dm1` |", "the kind of a rule is 'box'"),
        ("| boxed warning | `t-dm1` | us |", "| boxed warning | `t-dm1` | uk |", "a label is in force in 'uk'"),
        ("| `margetuximab` | us |", "| `margetuximab` | eu |", "margetuximab has no label in eu"),
        ("@kadcyla-mims | `neuropathy_action`", "@kadcyla-mimms | `neuropathy_action`",
         "@kadcyla-mimms is not in sources.md"),
        ("@kadcyla-mims | `neuropathy_action`", "- | `neuropathy_action`", "the rule has no source"),
        ("| `t-dxd` | us |", "| `t-dxt` | us |", "no product is called 't-dxt'"),
        ("is not read. | secondary |", "is not read. | |", "verified is '' where missing is"),
        ("is not read. | secondary |", "is not read. | sure |", "the rule is verified 'sure'"),
    ],
)  # fmt: skip
def test_a_fault_is_told(knowledge, tmp_path, old, new, expected) -> None:
    faults = told(knowledge, tmp_path, old, new)
    assert any(expected in fault for fault in faults), faults


def test_a_label_without_a_rule_is_told(knowledge, tmp_path) -> None:
    row = "| LVEF | dose | `t-dxd` | us | @enhertu-us-heart | `cardiac_action` | | |\n"
    faults = [problem.what for problem in prove_labels(elsewhere(knowledge, tmp_path, HEAD + row))]
    assert "no rule of the label of t-dm1 in eu is listed" in faults
    assert "no rule of the label of t-dxd in us is listed" not in faults


def test_a_page_that_cannot_be_read_is_told(knowledge, tmp_path) -> None:
    other = elsewhere(knowledge, tmp_path, "# Nothing\n")
    assert any("no rule of a label is listed" in problem.what for problem in prove_labels(other))
    (tmp_path / "label-rules.md").write_bytes(b"\xff\xfe|")
    assert prove_labels(other)
    with pytest.raises(KnowledgeError):
        labels(other)


def test_knowledge_without_brands_has_no_labels(knowledge, tmp_path) -> None:
    assert prove_labels(Knowledge(tmp_path, knowledge.facts, knowledge.sources, knowledge.editions)) == []
