"""The picture of a review holds what the command prints today."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path

from document_scripts import script

ROOT = Path(__file__).parent.parent
made = script(ROOT / "docs" / "pictures" / "make_review_picture.py")


def test_the_picture_is_what_the_command_prints() -> None:
    assert made.PICTURE.read_text(encoding="utf-8") == made.picture(), (
        "run: python docs/pictures/make_review_picture.py"
    )


def test_the_picture_is_svg_with_the_findings_and_the_plan_and_without_notes() -> None:
    lines = [
        "".join(each.itertext()) for each in ET.fromstring(made.picture()).iter("{http://www.w3.org/2000/svg}text")
    ]
    assert lines[0] == f"$ {made.COMMAND}"
    assert any(line.startswith("  act:") for line in lines)
    assert any(line.startswith("  ASK FIRST trastuzumab: ") for line in lines)
    assert any(line.startswith("  NEXT DOSE ") for line in lines)
    assert not any("note:" in line for line in lines)
    printed = made.printed()
    assert all(line in printed or line.strip() == made.LEFT_OUT for line in lines[1:])


def test_the_readme_shows_the_picture() -> None:
    assert "(docs/pictures/review.svg)" in (ROOT / "README.md").read_text(encoding="utf-8")
