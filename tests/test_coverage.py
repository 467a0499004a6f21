"""The coverage page: 33 statements, each carried by what is there or shown as missing, and the page up to date."""

from __future__ import annotations

import json
import re
from itertools import pairwise
from pathlib import Path

import pytest
from click.testing import CliRunner

from her2path.cli.group import main
from her2path.facts.folder import knowledge_folder
from her2path.facts.markdown import read_markdown
from her2path.facts.problem import KnowledgeError
from her2path.facts.source import VERIFIED
from her2path.tables.cases import check
from her2path.tables.coverage import CARRIED, MISSING, PARTLY, Coverage, coverage, prove_coverage, read_statements
from her2path.tables.library import Knowledge

PAGE = Path(__file__).parent.parent / "docs" / "coverage.md"
SOURCE = knowledge_folder() / "coverage.md"
NOT_CARRIED: list[str] = []
CARRIED_IN_PART = ["M13", "M14", "M15", "M16", "M33"]


@pytest.fixture(scope="module")
def found(knowledge: Knowledge) -> Coverage:
    return coverage(knowledge)


def numbers(found: Coverage, status: str) -> list[str]:
    return [each.statement.number for each in found.statements if each.status == status]


def elsewhere(knowledge: Knowledge, tmp_path: Path, text: str) -> Knowledge:
    """The same knowledge with another `coverage.md`."""
    (tmp_path / "coverage.md").write_text(text, encoding="utf-8")
    return Knowledge(tmp_path, knowledge.facts, knowledge.sources, knowledge.editions)


def with_row(number: str, by: str) -> str:
    """`coverage.md` with another cell of carriers in the row of a statement."""
    lines = SOURCE.read_text(encoding="utf-8").splitlines()
    place = next(n for n, line in enumerate(lines) if line.startswith(f"| {number} "))
    cells = lines[place].split("|")
    lines[place] = "|".join([*cells[:3], f" {by} ", *cells[4:]])
    return "\n".join(lines)


# -- the statements ---------------------------------------------------------------------------------


def test_there_are_33_statements_in_their_order(found) -> None:
    assert [each.statement.number for each in found.statements] == [f"M{n}" for n in range(1, 34)]
    assert all(each.statement.says and each.statement.as_sources for each in found.statements)


def test_exactly_these_statements_are_missing(found) -> None:
    assert numbers(found, MISSING) == NOT_CARRIED
    assert numbers(found, PARTLY) == CARRIED_IN_PART
    assert found.counted() == {CARRIED: 28, PARTLY: 5, MISSING: 0}


def test_every_named_carrier_exists(found, knowledge) -> None:
    decided = {outcome for edition in knowledge.editions for outcome in edition.tables}
    for each in found.statements:
        assert [carrier.name for carrier in each.carriers] == list(each.statement.named)
        for carrier in each.carriers:
            assert carrier.places, carrier.name
            assert any(place.kind == "grid" for place in carrier.places) or carrier.name.split("/")[-1] in decided


def test_no_statement_without_a_carrier_is_called_carried(found) -> None:
    for each in found.statements:
        assert (each.status == MISSING) == (not each.carriers) == (not sum(each.levels.values()))
        assert each.reviewed_by == (["nobody yet"] if each.carriers else [])


def test_the_statements_are_told_with_what_the_sources_change(found) -> None:
    said = {each.statement.number: each.statement.as_sources for each in found.statements}
    assert "57 minutes" in said["M18"]
    assert "No source was found" in said["M18"]
    assert "not percent" in said["M23"]
    assert "weighs" in said["M29"]
    assert "EU says no" in said["M29"]


def test_one_edition_of_an_outcome_can_be_named(found) -> None:
    m23 = next(each for each in found.statements if each.statement.number == "M23")
    named = next(carrier for carrier in m23.carriers if carrier.name == "heart-trastuzumab-us/cardiac_action")
    assert [place.edition.key for place in named.places] == ["heart-trastuzumab-us"]


# -- the counts -------------------------------------------------------------------------------------


def test_every_row_of_every_table_is_counted_once(found, knowledge) -> None:
    tables = [place for place in found.places if place.kind == "outcome"]
    assert len(tables) == sum(len(edition.tables) for edition in knowledge.editions)
    rows = [row for edition in knowledge.editions for table in edition.tables.values() for row in table.rows]
    assert sum(place.rows for place in tables) == len(rows)
    for level in VERIFIED:
        assert sum(place.levels[level] for place in tables) == sum(r.citations[0].verified == level for r in rows)


def test_the_rows_of_grids_have_levels_that_exist(found) -> None:
    grids = [place for place in found.places if place.kind == "grid"]
    assert grids
    assert {level for place in grids for level in place.levels} <= set(VERIFIED)


def test_a_row_that_two_carriers_share_is_counted_once_for_a_statement(knowledge, tmp_path) -> None:
    text = with_row("M3", "`her2_status`, `us-label/her2_status`")
    twice = coverage(elsewhere(knowledge, tmp_path, text)).statements[2]
    once = coverage(knowledge).statements[2]
    assert twice.levels == once.levels


# -- the page ---------------------------------------------------------------------------------------


def test_the_page_is_up_to_date() -> None:
    result = CliRunner().invoke(main, ["coverage"])
    assert result.exit_code == 0
    up_to_date = result.stdout == PAGE.read_text(encoding="utf-8")
    assert up_to_date, "write it anew: her2path coverage -o docs/coverage.md"


def test_the_page_shows_every_statement_with_its_status() -> None:
    page = PAGE.read_text(encoding="utf-8")
    rows = re.findall(r"^\| (M\d+) +\|[^|]+\| ([^|]+?) +\|", page, re.MULTILINE)
    assert [number for number, _ in rows] == [f"M{n}" for n in range(1, 34)]
    assert [number for number, status in rows if status == "**missing**"] == NOT_CARRIED
    assert [number for number, status in rows if status == "in part"] == CARRIED_IN_PART


def test_the_page_lists_every_table_and_edition(knowledge) -> None:
    page = PAGE.read_text(encoding="utf-8")
    tables = page[page.index("\n## The tables") :]
    for edition in knowledge.editions:
        assert f"| `{edition.key}`" in tables
        assert all(f"| `{outcome}`" in tables for outcome in edition.tables)


def test_the_links_of_the_page_lead_somewhere() -> None:
    page = PAGE.read_text(encoding="utf-8")
    headings = {title.lower().replace(" ", "-") for title in re.findall(r"^#+ (.+)$", page, re.MULTILINE)}
    assert set(re.findall(r"\]\(#([^)]+)\)", page)) <= headings
    assert all((PAGE.parent / target).exists() for target in re.findall(r"\]\(([^#)]+)\)", page))


def test_the_tables_of_the_page_are_aligned_and_not_too_wide() -> None:
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    for line, following in pairwise(lines):
        assert len(line) <= 200
        if line.startswith("|") and following.startswith("|"):
            assert len(line) == len(following)


def test_the_command_prints_json_and_writes_a_file(tmp_path) -> None:
    told = json.loads(CliRunner().invoke(main, ["coverage", "--format", "json"]).stdout)
    assert told["summary"]["statements"] == 33
    assert told["summary"]["missing"] == 0
    assert set(told["summary"]["rows"]) == set(VERIFIED)
    missing = [each["statement"] for each in told["statements"] if each["status"] == MISSING]
    assert missing == NOT_CARRIED
    carried = told["statements"][22]["carried_by"][0]["places"][0]
    assert (carried["edition"], carried["jurisdiction"]) == ("heart-trastuzumab-us", "us")
    assert sum(carried["rows"].values()) > 0
    output = tmp_path / "page.md"
    assert CliRunner().invoke(main, ["coverage", "-o", str(output)]).exit_code == 0
    assert output.read_text(encoding="utf-8") == PAGE.read_text(encoding="utf-8")


# -- what is wrong is told --------------------------------------------------------------------------


def test_what_ships_has_no_fault(knowledge) -> None:
    assert prove_coverage(knowledge) == []


@pytest.mark.parametrize(
    "name", ["cardiac_acton", "heart-trastuzumab-us/her2_status", "no-such/her2_status", "codes/none.md", "figure"]
)
def test_an_unknown_carrier_is_a_problem(name, knowledge, tmp_path) -> None:
    other = elsewhere(knowledge, tmp_path, with_row("M21", f"`{name}`"))
    (problem,) = prove_coverage(other)
    assert problem.kind == "unknown carrier"
    assert f"M21 is carried by '{name}'" in problem.what
    assert read_statements(read_markdown(problem.path))[0][20].line == problem.line
    with pytest.raises(KnowledgeError, match="M21 is carried by"):
        coverage(other)


def test_the_check_of_all_tells_an_unknown_carrier_too(knowledge, tmp_path) -> None:
    other = elsewhere(knowledge, tmp_path, with_row("M21", "`cardiac_acton`"))
    assert check(other)[1] == prove_coverage(other) != []


def test_a_file_of_the_knowledge_can_carry(knowledge, tmp_path) -> None:
    (tmp_path / "codes").mkdir()
    (tmp_path / "codes" / "answers.md").write_text("# Answers\n", encoding="utf-8")
    other = elsewhere(knowledge, tmp_path, with_row("M12", "`codes/answers.md`"))
    assert coverage(other).statements[11].status == CARRIED


@pytest.mark.parametrize(
    ("by", "told"),
    [
        ("cardiac_action", "which cannot be read"),
        ("`cardiac_action` and `figures`", "which cannot be read"),
        ("", "which cannot be read"),
        ("in part: -", "in part, and by nothing"),
        ("`figures`, `figures`", "names a carrier twice"),
    ],
)
def test_a_cell_that_cannot_be_read_is_a_problem(by, told, knowledge, tmp_path) -> None:
    problems = prove_coverage(elsewhere(knowledge, tmp_path, with_row("M21", by)))
    assert [told in problem.what for problem in problems] == [True]


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("| M7 ", "| M8 ", "'M8' stands where M7 is due"),
        ("| M33 ", "| M34 ", "'M34' stands where M33 is due"),
        ("| statement | says ", "| statement | text ", "lists neither statements nor grids"),
        ("| IHC 3+ qualifies. ", "| ", "M3 says nothing"),
        ("| The trials ", "| The trial ", "does not"),
        ("| `equivalence` ", "| equivalence ", "stands in no edition"),
    ],
)
def test_a_malformed_file_is_a_problem(old, new, told, knowledge, tmp_path) -> None:
    text = SOURCE.read_text(encoding="utf-8")
    assert old in text
    problems = prove_coverage(elsewhere(knowledge, tmp_path, text.replace(old, new, 1)))
    assert any(told in problem.what for problem in problems), problems
    assert all(problem.line > 1 and problem.advice for problem in problems)


def test_a_file_without_statements_or_in_another_encoding_is_a_problem(knowledge, tmp_path) -> None:
    (problem,) = prove_coverage(elsewhere(knowledge, tmp_path, "# Nothing\n"))
    assert "no statement is listed" in problem.what
    (tmp_path / "coverage.md").write_bytes(b"\xff\xfe|")
    (problem,) = prove_coverage(Knowledge(tmp_path, knowledge.facts, knowledge.sources, knowledge.editions))
    assert "cannot be read" in problem.what


def test_other_folders_need_no_coverage(knowledge, tmp_path) -> None:
    other = Knowledge(tmp_path, knowledge.facts, knowledge.sources, [])
    assert prove_coverage(other) == []
    with pytest.raises(KnowledgeError, match=r"no coverage\.md"):
        coverage(other)


def test_check_also_proves_the_findings(monkeypatch) -> None:
    from her2path.facts.problem import Problem
    from her2path.findings import questions

    fault = Problem(SOURCE.parent / "findings.md", 7, "bad finding", "no table decides 'x'")
    monkeypatch.setattr(questions, "prove_questions", lambda _: [fault])
    result = CliRunner().invoke(main, ["check"])
    assert result.exit_code == 1
    assert "no table decides 'x'" in result.stderr
