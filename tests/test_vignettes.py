"""Vignettes: a broken one is told with its file and line, and whatever is no vignette is told as such."""

from __future__ import annotations

import re
import shutil
import time
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from her2path.cli.group import main
from her2path.cohort.vignettes.page import pages_below, read_page
from her2path.cohort.vignettes.walk import walk
from her2path.facts.folder import shipped_folder
from her2path.tables.load import default_knowledge

KNOWLEDGE = default_knowledge()
DOCUMENT = Path(__file__).parent.parent / "docs" / "vignettes.md"
SHIPPED = shipped_folder() / "vignettes"


def example() -> str:
    (text,) = re.findall(r"```markdown\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL)
    return text


def written(folder: Path, text: str, name: str = "heart.md") -> Path:
    path = folder / "vignettes" / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def changed(old: str, new: str) -> str:
    text = example()
    assert text.count(old) == 1, old
    return text.replace(old, new)


def with_row(row: str) -> str:
    """The example with another row of what must be said."""
    return changed("| not planned | dose:                        |\n", f"| not planned | dose:  |\n{row}\n")


def line_of(text: str, part: str) -> int:
    return text[: text.index(part)].count("\n") + 1


def check(path: Path) -> Result:
    return CliRunner().invoke(main, ["check", str(path)])


def test_the_example_of_the_page_holds(tmp_path: Path) -> None:
    path = written(tmp_path, example())
    walked, problems = walk(path, KNOWLEDGE)
    assert problems == []
    assert [(each.name, each.patients) for each in walked] == [("vignettes/heart", 1)]


def test_check_walks_files_and_counts_patients(tmp_path: Path) -> None:
    written(tmp_path, example())
    written(tmp_path, example(), "other.md")
    result = check(tmp_path)
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines() == [
        "walked  vignettes/heart                      1 patients",
        "walked  vignettes/other                      1 patients",
        "0 tables proven over 0 situations; 0 problems",
    ]


def test_what_check_prints_of_a_broken_one_is_what_the_page_shows(tmp_path: Path) -> None:
    text = changed("| not said    | cardiac_action: stop         |", "| said        | cardiac_action: stop         |")
    path = written(tmp_path, text)
    result = check(path)
    assert result.exit_code == 1
    shown = DOCUMENT.read_text(encoding="utf-8").rpartition("\n\n    ")[2].split("\n")
    first, line = shown[0].split("  ", 1)
    assert first == f"heart.md:{line_of(text, '| said        | cardiac_action: stop')}"
    assert f"{first}  {line}" in result.stderr
    assert shown[1].strip() in [each.strip() for each in result.stderr.splitlines()]
    assert result.stdout.splitlines()[-1].endswith("; 2 problems")  # one for each jurisdiction


BROKEN = {
    "said": ("| said | no such words |", "it is not said"),
    "said in another order": ("| said | points below ... LVEF 46 |", "it is not said"),
    "part of a number": ("| said | 6 % on 2026 |", "it is not said"),
    "another grade": ("| said as alarm | cardiac_action: hold |", "it is not said"),
    "not said": ("| not said | points below |", "it is said"),
    "not said, by key": ("| not said | cardiac_action: hold |", "it is said"),
    "planned": ("| planned | dose_mg 420 |", "it is not planned; planned is"),
    "not planned": ("| not planned | echo: |", "it is planned"),
    "findings": ("| findings | none above act |", ""),
    "findings at all": ("| findings | none |", "said is"),
    "verdict": ("| verdict | STOP |", "the verdict is"),
    "verdict of a drug": ("| verdict | HOLD pertuzumab |", "the verdict is"),
    "not verdict": ("| not verdict | HOLD |", "the verdict is"),
    "her2_status": ("| her2_status | negative |", "it is"),
    "her2_expression": ("| her2_expression | low |", "it is"),
}


@pytest.mark.parametrize(("row", "told"), BROKEN.values(), ids=BROKEN)
def test_a_row_that_does_not_hold_is_told_with_its_line(tmp_path: Path, row: str, told: str) -> None:
    text = with_row(row)
    path = written(tmp_path, text)
    walked, problems = walk(path, KNOWLEDGE)
    if not told:
        assert problems == []
        return
    assert walked == []
    assert {(each.path, each.line) for each in problems} == {(path, line_of(text, row))}
    assert len(problems) == 2
    for each in problems:
        assert told in each.what
        assert each.what.startswith("LVEF fell by 16 points (")
        assert each.advice


WRONG = {
    "what": (with_row("| sad | withhold |"), "| sad |", "is nothing to expect"),
    "graded": (with_row("| planned as alarm | dose |"), "| planned as", "is nothing to expect"),
    "grade": (with_row("| said as alarum | dose |"), "| said as alarum", "is no grade"),
    "of nothing": (with_row("| said |  |"), "| said |  |", "said of nothing"),
    "verdict": (with_row("| verdict | STOPP |"), "| verdict | STOPP", "is no verdict"),
    "outcome": (with_row("| not said | cardiac_acton: stop |"), "| not said | cardiac_acton", "no finding is of"),
    "value": (with_row("| not said | cardiac_action: stopp |"), "| not said | cardiac_action: stopp", "is never told as"),
    "findings": (with_row("| findings | few |"), "| findings | few", "findings 'few'"),
    "status": (with_row("| her2_status | good |"), "| her2_status", "is never 'good'"),
    "day": (changed("| day          | 2026-03-25", "| day          | 2026-03-35"), "| day ", "which is no date"),
    "head": (changed("| jurisdiction | us, eu", "| jurisdicton  | us, eu"), "| jurisdicton", "has no entry"),
    "jurisdiction": (changed("us, eu", "us, uk"), "| jurisdiction", "jurisdiction is 'uk'"),
    "base": (changed("| Early breast cancer, four doses |", "| Early breast cancer |"), "| with ", "nothing here is called"),
    "setting": (changed("| jurisdiction |", "| heart.limit | 50 |\n| jurisdiction |"), "| heart.limit", "no setting"),
    "column": (changed("| date       | fact | value | qualifier |", "| date       | fact | value | method |"),
               "| date       | fact | value | method", "a column 'method'"),
    "grid": (changed("| what        | which ", "| wat         | which "), "| wat ", "begins with 'wat'"),
    "two grids": (example() + "\n| what | which |\n|---|---|\n| said | hold |\n", "| what | which |", "a second grid"),
    "stray": (example() + "\n## Another\n\n| what | which |\n", "| what | which |", "stands in no table"),
    "no reason": (changed("The label withholds at a fall of 16 points from before treatment (Herceptin, section 2.5).", ""),
                  "## LVEF fell", "does not say why"),
    "unread": (changed("| jurisdiction |", "| unread | yes |\n| jurisdiction |"), "| unread", "unread is 'yes'"),
    "nothing unread": (changed("| jurisdiction |", "| unread | meant |\n| jurisdiction |"), "## LVEF fell", "every event is read"),
    "event": (changed("| 2026-03-23 | lvef | 46    |", "| 2026-03-23 | lvef | 46 or so |"), "| 2026-03-23", "not read"),
    "fact": (changed("| 2026-03-23 | lvef | 46    |", "| 2026-03-23 | lvf | 46 |"), "| 2026-03-23", "no fact is called 'lvf'"),
    "drug": (changed("| 2026-03-09 | dose_mg   | 420      | trastuzumab-iv |", "| 2026-03-09 | dose_mg | 420 | trastuzumap |"),
             "| 2026-03-09", "trastuzumap"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "part", "told"), WRONG.values(), ids=WRONG)
def test_what_is_no_vignette_is_told_with_its_line(tmp_path: Path, text: str, part: str, told: str) -> None:
    path = written(tmp_path, text)
    walked, problems = walk(path, KNOWLEDGE)
    assert walked == []
    assert (line_of(text, part), True) in [(each.line, told in each.what) for each in problems], problems


def test_a_vignette_that_asks_nothing_is_told(tmp_path: Path) -> None:
    text = example()
    text = text[: text.index("| what  ")] + "| what | which |\n|---|---|\n| because | so |\n"
    page = read_page(written(tmp_path, text), KNOWLEDGE)
    assert [each.what for each in page.problems] == ["LVEF fell by 16 points: nothing must be said"]


def test_an_entry_that_is_meant_to_be_unread_is_no_fault(tmp_path: Path) -> None:
    text = changed("| 2026-03-23 | lvef | 46    |", "| 2026-03-23 | lvef | 46 or so |")
    text = text.replace("| jurisdiction |", "| unread | meant |\n| jurisdiction |")
    text = text[: text.index("| verdict ")] + "| said | could not be read |\n"
    assert walk(written(tmp_path, text), KNOWLEDGE)[1] == []


def test_a_setting_of_the_site_counts(tmp_path: Path) -> None:
    """65 to 50: within the limit of 50, and below one of 55 (label 2.5: below the limit and 10 points down)."""
    text = changed("| lvef      | 62 ", "| lvef      | 65 ").replace("| lvef | 46    |", "| lvef | 50    |")
    text = text.replace("46 %", "50 %").replace("us, eu", "us")
    assert walk(written(tmp_path, text), KNOWLEDGE)[1] != []
    text = text.replace("| jurisdiction |", "| heart.lvef_lower_limit | 55 |\n| jurisdiction |")
    assert walk(written(tmp_path, text), KNOWLEDGE)[1] == []


def test_a_knowledge_folder_of_ones_own_runs_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = tmp_path / "own"
    shutil.copytree(shipped_folder(), own, ignore=shutil.ignore_patterns("vignettes"))
    (own / "vignettes").mkdir()
    written(own, changed("| verdict     | HOLD ", "| verdict     | STOP "), "mine.md")
    monkeypatch.setenv("HER2PATH_KNOWLEDGE", str(own))
    result = CliRunner().invoke(main, ["check"])
    assert result.exit_code == 1
    assert "walked" not in result.stdout
    assert re.search(r"vignettes/mine\.md:31  LVEF fell by 16 points \(us\): verdict 'STOP' is expected", result.stderr)
    assert "HOLD trastuzumab-iv: trastuzumab-iv: withhold (LVEF 46 %" in result.stderr


def test_vignettes_wait_until_all_tables_hold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = tmp_path / "own"
    shutil.copytree(shipped_folder(), own, ignore=shutil.ignore_patterns("vignettes"))
    (own / "vignettes").mkdir()
    written(own, example())
    status = own / "course" / "status.md"
    status.write_text(status.read_text(encoding="utf-8").replace("| missing ", "| mising ", 1), encoding="utf-8")
    monkeypatch.setenv("HER2PATH_KNOWLEDGE", str(own))
    result = CliRunner().invoke(main, ["check"])
    assert result.exit_code == 1
    assert "walked" not in result.stdout
    assert "waiting" in result.stdout


def test_vignettes_are_no_editions_and_knowledge_is_kept_without_them(tmp_path: Path) -> None:
    assert all(edition.topic != "vignettes" for edition in KNOWLEDGE.editions)
    assert pages_below(shipped_folder()) == sorted(SHIPPED.glob("*.md"))


def test_all_that_ship_hold_within_seconds() -> None:
    begun = time.process_time()
    walked, problems = walk(SHIPPED, KNOWLEDGE)
    assert problems == []
    assert [each.path for each in walked] == sorted(SHIPPED.glob("*.md"))
    assert time.process_time() - begun < 10
