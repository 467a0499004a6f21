"""What the documents show is what is printed: every fenced block that begins with a command is run and compared.

`...` in a block stands for lines left out; every other line must be printed, in this order.
`docs/cases.md` has its own test.
"""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

from document_scripts import script
from her2path.cli.group import main

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *(page for page in sorted((ROOT / "docs").glob("*.md")) if page.name != "cases.md")]
BLOCK = script(ROOT / "docs" / "make_shown.py").BLOCK


def shown() -> list:
    """Each block as (command, lines shown), named by its page."""
    return [
        pytest.param(re.sub(r"\\\n\s*", "", command), lines, id=f"{page.name}: {command[:60]}")
        for page in PAGES
        for command, lines in BLOCK.findall(page.read_text(encoding="utf-8"))
        if "examples/" in command or " review " not in command
    ]


DATA = ROOT / ".." / "shared" / "data"
PUBLISHED = {"MCODE": DATA / "mcode-synthea-breast-51.tgz", "SYNTHEA": DATA / "synthea-breast-1019.ndjson.gz"}
"""Published records, where a folder with them stands beside the checkout."""


@pytest.mark.parametrize("name", sorted(PUBLISHED))
def test_the_page_on_real_records_shows_their_summary(name: str) -> None:
    if not PUBLISHED[name].exists():
        pytest.skip("no folder of published records beside the checkout")
    page = (ROOT / "docs" / "real-records.md").read_text(encoding="utf-8")
    ((command, lines),) = [found for found in BLOCK.findall(page) if name in found[0]]
    words = [str(PUBLISHED[name]) if word == name else word for word in shlex.split(command)[1:]]
    printed = iter(CliRunner().invoke(main, words).stdout.splitlines())
    for line in lines.splitlines():
        assert line == "..." or line in printed, f"not printed any more: {line}"


@pytest.mark.parametrize(("command", "lines"), shown())
def test_the_documents_show_what_is_printed(command: str, lines: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    printed = iter(CliRunner().invoke(main, shlex.split(command)[1:]).output.splitlines())
    near = " simulate " in command
    for line in lines.splitlines():
        found = line.strip() == "..." or any(line == each or (near and is_near(line, each)) for each in printed)
        assert found, f"not printed by {command}, or not here: {line}"


def is_near(shown_line: str, printed_line: str) -> bool:
    """The same words, and numbers that differ by little: another processor may round a simulated reading otherwise."""
    pattern = re.compile(r"[-+]?\d+(?:\.\d+)?")
    if [each.split() for each in pattern.split(shown_line)] != [each.split() for each in pattern.split(printed_line)]:
        return False
    pairs = zip(pattern.findall(shown_line), pattern.findall(printed_line), strict=True)
    return all(abs(float(one) - float(other)) <= 0.02 * abs(float(one)) + 0.1 for one, other in pairs)


def test_every_block_with_a_command_is_run() -> None:
    """One pattern that swallows the rest of a page would leave all but its first block unread."""
    pages = {page.name: page.read_text(encoding="utf-8").count("```text\n$ her2path") for page in PAGES}
    ids = [str(each.id) for each in shown()]
    for name, count in pages.items():
        left = count - sum(each.startswith(f"{name}: ") for each in ids)
        assert left == 0 or name == "real-records.md", f"{left} blocks of {name} are not run"


def test_the_readme_shows_a_review() -> None:
    assert any("README" in str(each.id) and " review " in str(each.values[0]) for each in shown())


def test_the_readme_gives_the_shares_of_the_coverage_page() -> None:
    page = (ROOT / "docs" / "coverage.md").read_text(encoding="utf-8")
    shares = next(line for line in page.splitlines() if line.startswith("| share"))
    *_, remembered, decided = (cell.strip() for cell in shares.strip("|").split("|"))
    readme = " ".join((ROOT / "README.md").read_text(encoding="utf-8").split())
    assert f"{remembered} are remembered and not seen, and {decided} are choices of ours" in readme
