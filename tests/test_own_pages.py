"""An edition, its difference and its effect as a page to share, and as JSON."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from her2path.cli.group import main
from her2path.write.editions import page

FALL_10 = "examples/policies/heart-fall-10.md"
LABEL = "heart-trastuzumab-us"


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(each) for each in arguments])


class Read(HTMLParser):
    """The tags of a page, its text, and which tags are left open."""

    VOID = ("meta", "link", "br", "use", "path", "rect", "circle")

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.open: list[str] = []
        self.words: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


@pytest.fixture
def events(tmp_path: Path) -> Path:
    """Her LVEF fell by 11 points to 53 %; she is called by what would be a script."""
    path = tmp_path / "events.csv"
    lines = Path("examples/courses/adjuvant-hold.csv").read_text(encoding="utf-8").splitlines()
    kept = [line for line in lines if "hold_recorded" not in line and not re.search(r",2026-0[2-9]|,2026-1", line)]
    text = (
        "\n".join(kept)
        .replace("adjuvant-hold,", "<script>x</script>,")
        .replace("2026-01-05,lvef,48", "2026-01-05,lvef,53")
    )
    path.write_text(text + "\n", encoding="utf-8")
    return path


def test_a_page_of_a_change_stands_by_itself_and_escapes_what_it_shows(events: Path, tmp_path: Path) -> None:
    place = tmp_path / "page.html"
    told = run("diff", LABEL, FALL_10, "--patients", events, "--on", "2026-01-06", "-o", place)
    assert told.exit_code == 0, told.stderr
    text = place.read_text(encoding="utf-8")
    read = Read(text)
    assert read.open == []
    assert "script" not in read.tags
    assert not [value for name, value in read.attributes if name in ("src", "onclick", "style")]
    assert not re.search(r"url\(|@import", text)
    assert all((value or "").startswith("#") for name, value in read.attributes if name == "href")
    assert "&lt;script&gt;x&lt;/script&gt;" in text
    assert "1 of 1 patient changes (100.0 %)" in read.text
    found = json.loads(run("diff", LABEL, FALL_10, "--json").stdout)
    assert f"{sum(each['situations'] for each in found)} situations differ, joined into {len(found)}" in read.text
    assert "prefers-color-scheme: dark" in text
    assert "@media print" in text


def test_a_page_of_an_edition_tells_its_proof_and_what_is_still_to_do(tmp_path: Path) -> None:
    mine = tmp_path / "mine.md"
    run("new-edition", LABEL, "heart-mine", "-o", mine)
    place = tmp_path / "mine.html"
    assert run("show", mine, "--format", "html", "-o", place).exit_code == 0
    read = Read(place.read_text(encoding="utf-8"))
    proven = run("check", mine).stdout
    situations = sum(int(number) for number in re.findall(r" (\d+) situations, \d+ rows", proven))
    assert f"{situations} situations" in read.text
    assert "the source heart-mine-source is not filled in" in read.text
    assert "of the file itself" in read.text
    rows = sum(len(each["rows"]) for each in json.loads(run("show", mine, "--format", "json").stdout))
    assert f"{rows} rows" in read.text


def test_a_page_is_of_an_edition() -> None:
    told = run("show", "cardiac_action", "--format", "html")
    assert told.exit_code == 2
    assert "a page is of an edition, and cardiac_action is none" in told.stderr


def test_without_jinja2_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page, "find_spec", lambda _: None)
    told = run("show", LABEL, "--format", "html")
    assert told.exit_code == 2
    assert "pip install 'her2path[html]'" in told.stderr
