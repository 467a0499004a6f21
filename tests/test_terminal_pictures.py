"""The pictures of a terminal hold what the commands print today, and the page on the shell shows them."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from document_scripts import script

ROOT = Path(__file__).parent.parent
made = script(ROOT / "docs" / "pictures" / "make_terminal_pictures.py")
PICTURES = made.pictures()


@pytest.mark.parametrize("name", PICTURES)
def test_the_picture_is_what_is_printed(name: str) -> None:
    written = (ROOT / "docs" / "pictures" / f"{name}.svg").read_text(encoding="utf-8")
    assert written == PICTURES[name], "run: python docs/pictures/make_terminal_pictures.py"
    assert f"(pictures/{name}.svg)" in (ROOT / "docs" / "shell.md").read_text(encoding="utf-8")


def lines(name: str) -> list[str]:
    found = ET.fromstring(PICTURES[name]).iter("{http://www.w3.org/2000/svg}text")
    return ["".join(each.itertext()) for each in found]


def test_what_the_pictures_show_is_there() -> None:
    assert "Examples:" in lines("help")
    assert "Error: No such option --date. Did you mean --on?" in lines("misspelt")
    assert any(line.startswith("asco-cap-2018 ") for line in lines("completion"))
    assert 'fill="#ff7b72"' in PICTURES["colour"]
    assert all(len(line) <= made.WIDTH for name in PICTURES for line in lines(name))
