"""The page on site settings: its example is read, uses every setting, and its table names each with its range and default."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import pytest

from her2path.tables.library import Knowledge
from her2path.tables.site import LIMITS, SECTIONS, Site, read_site

PAGE = (Path(__file__).parent.parent / "docs" / "site-settings.md").read_text(encoding="utf-8")
FREE = {"vials", "formulary", "prices", "editions", "map"}
EXAMPLE = re.search(r"^```toml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def site(knowledge: Knowledge, tmp_path_factory: pytest.TempPathFactory) -> Site:
    assert EXAMPLE is not None
    path = tmp_path_factory.mktemp("site") / "site.toml"
    path.write_text(EXAMPLE[1], encoding="utf-8")
    return read_site(path, knowledge)


def test_the_example_uses_every_setting(site: Site) -> None:
    assert EXAMPLE is not None
    tables = set(re.findall(r"^\[+(\w+)\]", EXAMPLE[1], re.MULTILINE))
    assert tables == set(SECTIONS) | FREE
    keys = set(re.findall(r"^(\w+) =", EXAMPLE[1], re.MULTILINE))
    assert {key for settings in SECTIONS.values() for key in settings} <= keys
    assert [each.name for each in fields(Site) if getattr(site, each.name) in (None, "", {})] == []
    assert site.assumed == {}


def rows() -> dict[tuple[str, str], list[str]]:
    """The table of the settings by its first two columns, without backticks."""
    section = PAGE[PAGE.index("## What each does") : PAGE.index("## Another rule")]
    lines = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in section.splitlines()
        if line.startswith("| `[")
    ]
    return {(cells[0].strip("`[]"), cells[1].strip("`")): cells[2:] for cells in lines}


def test_the_table_names_every_setting_and_no_other() -> None:
    named = {place for place in rows() if place[0] not in FREE or place[1] == "currency"}
    assert named == {(table, key) for table, settings in SECTIONS.items() for key in settings}
    assert {table for table, _ in rows()} == set(SECTIONS) | FREE


def test_the_ranges_and_defaults_are_those_of_the_program() -> None:
    default = Site()
    for (table, key), (values, said, _) in rows().items():
        if key in LIMITS:
            low, high = LIMITS[key]
            assert values.split(",")[0] == f"{low} to {high}", (table, key)
            assumed = default.assumed.get(key)
            assert said.split(",")[0] == str(assumed or getattr(default, key) or "none"), (table, key)


def test_the_editions_of_the_example_decide_what_they_are_named_for(site: Site, knowledge: Knowledge) -> None:
    for name, edition in site.editions.items():
        assert name.partition(".")[0] in knowledge.tables_of(knowledge.edition(edition))


def test_every_gap_of_the_labels_is_placed() -> None:
    named: set[int] = set()
    for cell in re.findall(r"^\| (H-[^|]+)\|", PAGE, re.MULTILINE):
        for part in cell.split(","):
            numbers = [int(number) for number in re.findall(r"H-(\d+)", part)]
            named |= set(range(numbers[0], numbers[-1] + 1))
    assert named == set(range(1, 35))
