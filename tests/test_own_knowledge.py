"""A folder of one's own laid over the knowledge in use, for one command."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from her2path.cli.group import main
from her2path.facts.folder import ELSEWHERE

FALL_10 = Path("examples/policies/heart-fall-10.md")
HOLD = "examples/courses/adjuvant-hold.csv"
SOURCES = """# Sources of the house

| key | reference | address | read | verified |
|---|---|---|---|---|
| heart-board | Minutes of the heart board | https://example.org | 2026-11-28 | seen |
"""
CODES = """| system | code | display | drug | brand | verified |
|---|---|---|---|---|---|
| RxNorm | 999999999 | house trastuzumab | `trastuzumab-iv` | - | secondary |
| RxNorm | 224905 | trastuzumab, as we call it | `trastuzumab-iv` | - | secondary |
"""


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(each) for each in arguments])


def write(folder: Path, place: str, text: str) -> Path:
    path = folder / place
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


@pytest.fixture
def house(tmp_path: Path) -> Path:
    folder = tmp_path / "house"
    text = FALL_10.read_text(encoding="utf-8").replace("heart-fall-10", "heart-house")
    write(folder, "our-heart.md", text.replace("@decisions D106", "@heart-board item 3"))
    write(folder, "sources.md", SOURCES)
    return folder


def test_what_is_added_and_replaced_is_told_and_proven(house: Path) -> None:
    write(house, "codes/therapy/drugs.md", CODES)
    told = run("check", "--knowledge", house)
    assert told.exit_code == 0, told.stderr
    assert told.stderr.splitlines() == [
        f"her2path: {house}: codes/therapy/drugs.md: 1 row is new",
        f"her2path: {house}: codes/therapy/drugs.md: RxNorm 224905 stands for the one in use",
        f"her2path: {house}: edition heart-house goes before heart-trastuzumab-us for lvef_finding, cardiac_action",
        f"her2path: {house}: sources.md: 1 row is new",
    ]
    assert re.search(r"^proven  heart-house/cardiac_action ", told.stdout, re.MULTILINE)
    assert "2 tables proven over 148 situations; 0 problems" in told.stdout


def test_every_command_goes_by_it_and_by_what_ships_again_afterwards(house: Path) -> None:
    asked = ["--fact", "product=trastuzumab-iv", "--jurisdiction", "us", "--json"]
    facts = ["lvef_baseline=65", "lvef=54", "lvef_lower_limit=50", "on_hold=no", "heart_failure=no", "hold_count=0"]
    asked += [word for each in facts for word in ("--fact", each)]
    own = json.loads(run("decide", "cardiac_action", *asked, "--knowledge", house).stdout)
    shipped = json.loads(run("decide", "cardiac_action", *asked).stdout)
    assert (own["cardiac_action"], own["edition"]) == ("hold", "heart-house")
    assert (shipped["cardiac_action"], shipped["edition"]) == ("continue", "heart-trastuzumab-us")
    assert ELSEWHERE not in os.environ
    review = ["review", HOLD, "--on", "2026-01-06", "--jurisdiction", "us", "--format", "json"]
    assert '"heart-house"' in run(*review, "--knowledge", house).stdout
    assert '"heart-house"' not in run(*review).stdout
    assert "heart-board: Minutes of the heart board" in run("show", "heart-house", "--knowledge", house).stdout
    differ = run("diff", "heart-trastuzumab-us", "heart-house", "--knowledge", house)
    assert "heart-house: hold" in differ.stdout


def test_an_edition_of_a_key_in_use_stands_for_it(house: Path) -> None:
    label = Path("src/her2path/knowledge/cardiac/trastuzumab-us.md").read_text(encoding="utf-8")
    write(house, "cardiac/label.md", label.replace("A fall of 16 points holds", "Sixteen points down hold"))
    (house / "our-heart.md").unlink()
    told = run("show", "heart-trastuzumab-us", "--knowledge", house)
    assert f"her2path: {house}: edition heart-trastuzumab-us stands for the one in use" in told.stderr
    assert "Sixteen points down hold" in told.stdout


def test_a_fact_a_brand_and_a_formulary_of_ones_own(tmp_path: Path) -> None:
    """A new brand is a value of a fact, a row of the brands, and may then be preferred by the settings."""
    folder = tmp_path / "house"
    facts = Path("src/her2path/knowledge/facts.md").read_text(encoding="utf-8")
    rows = [line for line in facts.splitlines() if re.match(r"\| `(brand|payer_brand|formulary_brand)` ", line)]
    assert len(rows) == 3
    brands = Path("src/her2path/knowledge/product/brands.md").read_text(encoding="utf-8").splitlines()
    place = next(number for number, line in enumerate(brands) if line.startswith("| brand "))
    ogivri = next(line for line in brands[place:] if line.startswith("| `ogivri`") and "| us " in line)
    for line in rows:  # each stands in a table of its own: write it under the header of that table
        above = facts[: facts.index(line)].splitlines()
        heading = max(number for number, each in enumerate(above) if each.startswith("| fact "))
        text = "\n".join([above[heading], above[heading + 1], line.replace("`ogivri`", "`ogivri`, `houseumab`")])
        path = folder / "facts.md"
        write(folder, "facts.md", (path.read_text(encoding="utf-8") if path.exists() else "") + text + "\n\n")
    write(
        folder,
        "product/brands.md",
        "\n".join([brands[place], brands[place + 1], ogivri.replace("`ogivri`", "`houseumab`")]),
    )
    settings = write(tmp_path, "site.toml", '[formulary]\ntrastuzumab-iv = "houseumab"\n')
    told = run("review", HOLD, "--on", "2026-02-03", "--settings", settings, "--knowledge", folder)
    assert told.exit_code == 0, told.stderr
    assert "facts.md: brand, payer_brand, formulary_brand stand for the one in use" in told.stderr
    assert "product/brands.md: 1 row is new" in told.stderr
    refused = run("review", HOLD, "--on", "2026-02-03", "--settings", settings)
    assert refused.exit_code == 2
    assert "no brand is called so" in refused.stderr


def test_vignettes_of_ones_own_are_walked(house: Path) -> None:
    page = Path("src/her2path/knowledge/vignettes/pregnancy.md").read_text(encoding="utf-8")
    write(house, "vignettes/ours.md", page)
    told = run("check", "--knowledge", house)
    assert told.exit_code == 0, told.stderr
    assert re.search(r"^walked  vignettes/ours ", told.stdout, re.MULTILINE)
    assert "walked  vignettes/heart " not in told.stdout


def test_a_fault_is_told_at_the_file_and_line_that_one_wrote(house: Path) -> None:
    path = house / "our-heart.md"
    path.write_text(path.read_text(encoding="utf-8").replace("| 1   | >= 10 ", "| 1   | >= 12 "), encoding="utf-8")
    for arguments in (["check"], ["review", HOLD], ["show"]):
        told = run(*arguments, "--knowledge", house)
        assert told.exit_code == 1, told.output
        assert re.search(
            r"^\S*our-heart\.md:18  no row applies when lvef_fall is \[10\.\.12\)", told.stderr, re.MULTILINE
        )
    write(house, "sources.md", SOURCES.replace("| seen |", "| sen |"))
    told = run("check", "--knowledge", house)
    assert re.search(r"sources\.md:5  heart-board is verified 'sen'", told.stderr)
    assert str(house) in told.stderr


@pytest.mark.parametrize(
    ("place", "text", "said"),
    [
        ("codes/therapy/drug.md", CODES, "no page codes/therapy/drug.md to add its rows to; did you mean codes/therapy/drugs.md?"),
        ("sources.md", SOURCES.replace("| key |", "| name |"), "sources.md:3: no table of sources.md has the columns name,"),
        ("sources.md", SOURCES.replace("address", "adress"), "expected | key | reference | address | read | verified |"),
    ],
)  # fmt: skip
def test_what_fits_nowhere_is_refused(house: Path, place: str, text: str, said: str) -> None:
    write(house, place, text)
    told = run("show", "--knowledge", house)
    assert told.exit_code == 2
    assert said in told.stderr


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    told = run("show", "--knowledge", tmp_path)
    assert told.exit_code == 2
    assert "no Markdown file lies there" in told.stderr


def test_nothing_is_kept_where_nothing_may_be(house: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HER2PATH_CACHE", "no")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert run("show", "heart-house", "--knowledge", house).exit_code == 0
    assert [path.name for path in tmp_path.iterdir()] == ["house"]
