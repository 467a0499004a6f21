"""An edition in a file of one's own: proven, and used wherever the key of an edition may stand."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from her2path.cli.group import main
from her2path.tables.library import Knowledge
from her2path.tables.own.copy import copy_of
from her2path.tables.own.edition_file import read_own_edition

FALL_10 = Path("examples/policies/heart-fall-10.md")
HEART = ["lvef_lower_limit=50", "lvef_baseline=65", "lvef=54", "on_hold=no", "heart_failure=no", "hold_count=0"]
SOURCES = """
## Sources

| key | reference | address | read | verified |
|---|---|---|---|---|
| heart-board-2026 | Minutes of the heart board, 2026-11-02 | https://example.org/minutes | 2026-11-28 | seen |
"""


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(each) for each in arguments])


def facts(*pairs: str) -> list[str]:
    return [word for pair in pairs for word in ("--fact", pair)]


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    """The example with a source of its own behind every row of the first table."""
    text = (
        FALL_10.read_text(encoding="utf-8")
        .replace("heart-fall-10", "heart-mine")
        .replace("@decisions D106", "@heart-board-2026 item 3")
    )
    path = tmp_path / "mine.md"
    path.write_text(text + SOURCES, encoding="utf-8")
    return path


def test_decide_goes_by_a_file_and_tells_its_own_source(mine: Path) -> None:
    shipped = run("decide", "cardiac_action", "--edition", "heart-trastuzumab-us", *facts(*HEART), "--json")
    own = run("decide", "cardiac_action", "--edition", mine, *facts(*HEART), "--json")
    assert json.loads(shipped.stdout)["cardiac_action"] == "continue"
    said = json.loads(own.stdout)
    assert (said["cardiac_action"], said["edition"]) == ("hold", "heart-mine")
    assert {"key": "heart-board-2026", "where": "item 3", "verified": "decided"} in said["sources"]


def test_show_tells_a_file_with_its_sources(mine: Path) -> None:
    told = run("show", mine)
    assert told.exit_code == 0, told.stderr
    assert "heart-mine/lvef_finding" in told.stdout
    assert "heart-board-2026: Minutes of the heart board, 2026-11-02. https://example.org/minutes (seen)" in told.stdout
    assert run("show", "cardiac_action", "--edition", mine).stdout in told.stdout


def test_a_review_goes_by_a_file(mine: Path) -> None:
    source = "examples/courses/adjuvant-hold.csv"
    arguments = ["review", source, "--on", "2026-01-06", "--jurisdiction", "us", "--format", "json"]
    own = json.loads(run(*arguments, "--edition", mine).stdout)
    findings = [each for each in own["patients"][0]["course"]["findings"] if each.get("edition") == "heart-mine"]
    assert findings
    assert "heart-mine" not in run(*arguments).stdout
    refused = run(*arguments, "--edition", mine, "--her2-only")
    assert refused.exit_code == 2
    assert "--her2-only leaves out the courses" in refused.stderr


def test_the_settings_of_a_site_name_a_file_from_their_own_folder(mine: Path) -> None:
    settings = mine.with_name("site.toml")
    settings.write_text('[editions]\ncardiac_action = "mine.md"\nlvef_finding = "mine.md"\n', encoding="utf-8")
    told = run(
        "review", "examples/courses/adjuvant-hold.csv", "--on", "2026-01-06", "--settings", settings, "--format", "json"
    )
    assert told.exit_code == 0, told.stderr
    assert '"heart-mine"' in told.stdout
    settings.write_text('[editions]\ncardiac_action = "gone.md"\n', encoding="utf-8")
    refused = run("review", "examples/courses/adjuvant-hold.csv", "--settings", settings)
    assert refused.exit_code == 2
    assert (
        f"{settings}: [editions] cardiac_action = 'gone.md'; there is no file {mine.with_name('gone.md')}"
        in refused.stderr
    )


@pytest.mark.parametrize(
    ("before", "after", "line", "said"),
    [
        ("| 1   | >= 10 ", "| 1   | >= 12 ", 18, "no row applies when lvef_fall is [10..12)"),
        ("`lvef_fall`", "`lvef_falls`", 18, "no fact is called 'lvef_falls'"),
        ("`heart-mine`", "`heart-trastuzumab-us`", 3, "an edition in use is called heart-trastuzumab-us already"),
        ("| heart-board-2026 |", "| herceptin-us |", 55, "the source herceptin-us stands in sources.md already"),
        ("| too low           | 1   |", "| enough            | 1   |", 28, "case 70 to 60, still normal"),
    ],
)
def test_a_faulty_file_is_told_by_its_first_fault_alone(
    mine: Path, before: str, after: str, line: int, said: str
) -> None:  # fmt: skip
    text = mine.read_text(encoding="utf-8")
    assert before in text
    text = text.replace(before, after)
    if after == "| herceptin-us |":
        text = text.replace("@heart-board-2026", "@herceptin-us")
    mine.write_text(text, encoding="utf-8")
    for arguments in (
        ("show", mine),
        ("decide", "cardiac_action", "--edition", mine, *facts(*HEART)),
        ("review", "examples/courses/adjuvant-hold.csv", "--edition", mine),
    ):
        told = run(*arguments)
        assert told.exit_code == 1, (arguments, told.output)
        [first] = [each for each in told.stderr.splitlines() if not each.startswith(" ")]
        assert first.startswith(f"{mine}:{line}  ")
        assert said in first
        assert told.stdout == ""


def test_a_source_that_is_missing_is_told_once_with_its_lines(mine: Path) -> None:
    mine.write_text(mine.read_text(encoding="utf-8").partition("\n## Sources")[0], encoding="utf-8")
    told = run("check", mine)
    assert told.exit_code == 1
    first, advice = told.stderr.splitlines()
    assert first.startswith(f"{mine}:9  @heart-board-2026 is not in sources.md (cited in ")
    assert "list it in a table headed | key |" in advice


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    told = run("show", tmp_path / "gone.md")
    assert (told.exit_code, told.stdout) == (2, "")
    assert f"there is no file {tmp_path / 'gone.md'}; name a file of an edition (.md), or the key of one" in told.stderr


def test_a_file_of_what_ships_is_the_edition_itself() -> None:
    path = "src/her2path/knowledge/cardiac/trastuzumab-us.md"
    assert run("show", path).stdout == run("show", "heart-trastuzumab-us").stdout


def test_a_copy_must_have_its_own_key(tmp_path: Path) -> None:
    path = tmp_path / "copy.md"
    shutil.copy("src/her2path/knowledge/cardiac/trastuzumab-us.md", path)
    told = run("decide", "cardiac_action", "--edition", path, *facts(*HEART))
    assert told.exit_code == 1
    assert "give yours a key of its own, such as my-heart-trastuzumab-us" in told.stderr


def test_a_copy_is_sound_says_how_to_go_on_and_agrees_with_what_it_was_made_from(tmp_path: Path) -> None:
    copy = tmp_path / "house.md"
    made = run("new-edition", "heart-trastuzumab-us", "heart-house", "-o", copy)
    assert (made.exit_code, made.output) == (0, "")
    text = copy.read_text(encoding="utf-8")
    assert "in force until: YYYY-MM-DD" in text
    assert f"her2path diff heart-trastuzumab-us {copy} --patients SOURCE" in text
    agreed = run("diff", "heart-trastuzumab-us", copy)
    assert agreed.stdout == "heart-trastuzumab-us and heart-house agree in every situation.\n"
    told = run("check", copy)
    assert told.exit_code == 1
    assert "the source heart-house-source is not filled in" in told.stderr
    assert "heart-house/cardiac_action" in told.stdout
    copy.write_text(text.replace("FILL IN: author, title, place, year", "Minutes of the board").replace(
        "FILL IN: address", "https://example.org"), encoding="utf-8")  # fmt: skip
    assert run("check", copy).exit_code == 0
    assert run("new-edition", copy, "heart-other").exit_code == 0


@pytest.mark.parametrize("key", ["heart-trastuzumab-us", "house.md", "Our House", "heart_house"])
def test_a_copy_wants_a_key_of_its_own(key: str) -> None:
    assert run("new-edition", "heart-trastuzumab-us", key).exit_code == 2


def test_a_copy_of_every_edition_is_proven_and_agrees(knowledge: Knowledge, tmp_path: Path) -> None:
    for edition in knowledge.editions:
        if edition.supplement:
            assert "is a supplement" in run("new-edition", edition.key, "ours").stderr
            continue
        if not edition.tables:
            assert "decides nothing" in run("new-edition", edition.key, "ours").stderr
            continue
        path = tmp_path / f"{edition.topic}-{edition.key}.md"
        path.write_text(copy_of(edition, f"ours-{edition.key}", knowledge), encoding="utf-8")
        own = read_own_edition(path, knowledge)
        assert own.topic == edition.topic
        assert {name: [row.outcomes for row in table.rows] for name, table in own.tables.items()} == {
            name: [row.outcomes for row in table.rows] for name, table in edition.tables.items()
        }


def test_a_file_that_is_there_is_not_written_over(tmp_path: Path) -> None:
    path = tmp_path / "house.md"
    path.write_text("mine", encoding="utf-8")
    refused = run("new-edition", "heart-trastuzumab-us", "heart-house", "-o", path)
    assert refused.exit_code == 2
    assert path.read_text(encoding="utf-8") == "mine"
