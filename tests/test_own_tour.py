"""The guideline author's tour: what docs/own-rules.md says of its files is so. Its commands are run by test_docs_output."""

from __future__ import annotations

import re
from pathlib import Path

from click.testing import CliRunner

from her2path.cli.group import main

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "own-rules.md").read_text(encoding="utf-8")
FOLDER = ROOT / "examples" / "own-rules"
RULE = (FOLDER / "heart-53.md").read_text(encoding="utf-8")


def test_the_rows_on_the_page_are_those_of_the_file() -> None:
    rows = re.findall(r"^\| \d .*too low.*$|^\| \d .*in between.*$|^\| \d .*enough.*$", PAGE, re.MULTILINE)
    assert len(rows) == 5
    assert all(row in RULE for row in rows)


def test_the_settings_on_the_page_are_those_of_the_file() -> None:
    (block,) = re.findall(r"^```toml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    assert block in (FOLDER / "site.toml").read_text(encoding="utf-8")
    told = CliRunner().invoke(
        main,
        [
            "review",
            str(FOLDER / "patients.csv"),
            "--patient",
            "bea",
            "--on",
            "2026-02-09",
            "--settings",
            str(FOLDER / "site.toml"),
        ],
    )
    assert "HOLD trastuzumab: withhold (LVEF 52 %" in told.stdout


def test_the_copy_with_the_rows_of_the_page_disagrees_in_seven_cases(tmp_path: Path) -> None:
    """Copy, change the table, and the cases of the label tell for whom the rule says something else."""
    copy = tmp_path / "heart-53.md"
    CliRunner().invoke(main, ["new-edition", "heart-trastuzumab-us", "heart-53", "-o", str(copy)])
    text = copy.read_text(encoding="utf-8")
    ours = re.search(r"^## What the LVEF says\n.*?(?=^## )", RULE, re.MULTILINE | re.DOTALL)
    assert ours is not None
    text = re.sub(
        r"^## What the LVEF says\n.*?(?=^## )", lambda _: ours[0], text, count=1, flags=re.MULTILINE | re.DOTALL
    )
    text = re.sub(r"^## Where the boxed warning.*?(?=^## Sources)", "", text, count=1, flags=re.MULTILINE | re.DOTALL)
    copy.write_text(text, encoding="utf-8")
    told = CliRunner().invoke(main, ["check", str(copy)])
    cases = re.findall(r"  case .*", told.stderr)
    assert len(cases) == 7
    assert "  case 65 to 50: cardiac_action comes out hold, not continue" in cases
