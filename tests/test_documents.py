"""The documents hold: links lead somewhere, modules that are named exist, and the pages on the house match the house."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from her2path.tables.library import Knowledge

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "src" / "her2path"
KNOWLEDGE = SOURCE / "knowledge"
PAGES = [
    *sorted(ROOT.glob("*.md")),
    *sorted((ROOT / "docs").glob("*.md")),
    *sorted((ROOT / "changelog.d").glob("*.md")),
]
FRAGMENTS = [path for path in sorted((ROOT / "changelog.d").iterdir()) if path.name != "README.md"]
FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)\s]+)\)")
NAMED = re.compile(r"`([\w./-]+\.py|[\w.-]+(?:/[\w.-]+)*/)`")


def prose(page: Path) -> str:
    return FENCE.sub("", page.read_text(encoding="utf-8"))


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as the forges make them."""
    headings = re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower().strip()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page: Path) -> None:
    place = ROOT if page in FRAGMENTS else page.parent  # a fragment will be part of the changelog
    for target in LINK.findall(prose(page)):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        file = (place / path).resolve() if path else page
        assert file.exists(), target
        assert not anchor or anchor in anchors(file), target


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_module_and_folder_named_is_there(page: Path) -> None:
    places = [ROOT, ROOT / "tests", SOURCE, *(folder for folder in SOURCE.rglob("*") if folder.is_dir())]
    for name in NAMED.findall(prose(page)):
        assert any((place / name).exists() for place in places), name


# -- architecture -----------------------------------------------------------------------------------


def packages() -> dict[str, set[str]]:
    """The packages of the table in docs/architecture.md, each with those it may import."""
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)` +\|[^|]*\|[^|]*\| ([^|]*) \|$", page, re.MULTILINE)
    return {name: set(re.findall(r"\w+", may)) for name, may in rows}


def test_the_architecture_page_names_every_package_with_what_it_may_import() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"][
        "contracts"
    ]
    (flow,) = [each for each in contracts if each["type"] == "layers"]
    layers = [set(re.findall(r"her2path\.(\w+)", layer)) for layer in flow["layers"]]
    told = packages()
    assert set(told) == set.union(*layers) == {path.parent.name for path in SOURCE.glob("*/__init__.py")}
    for place, layer in enumerate(layers[1:], start=1):
        below = set.union(set(), *layers[place + 1 :])
        for package in layer:
            assert told[package] == below, package
    assert told["cli"] == {"all"}


# -- glossary ---------------------------------------------------------------------------------------


def glossary() -> list[list[str]]:
    page = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8").partition("## Names that meant two things")[0]
    rows = [line.strip("|").split("|") for line in page.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in row] for row in rows if row[0].strip() != "word"]


def test_every_word_of_the_glossary_has_one_place_and_one_sentence() -> None:
    rows = glossary()
    assert len(rows) > 60
    words = [row[0] for row in rows]
    assert sorted(set(words)) == sorted(words)
    for row in rows:
        assert len(row) == 4, row[0]
        assert all(row), row[0]
        assert row[1].endswith("."), row[0]


def test_no_word_is_both_used_and_refused_for_the_same_thing() -> None:
    for word, _, _, refused in glossary():
        assert word not in [each.strip() for each in refused.split(",")], word


# -- the changelog ----------------------------------------------------------------------------------


def test_the_types_of_fragments_are_those_of_the_page() -> None:
    types = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["towncrier"]["type"]
    page = (ROOT / "changelog.d" / "README.md").read_text(encoding="utf-8")
    assert [each["directory"] for each in types] == re.findall(r"^\| `(\w+)` ", page, re.MULTILINE)


@pytest.mark.parametrize("path", FRAGMENTS, ids=lambda path: path.name)
def test_a_fragment_has_a_type_and_a_clinical_one_names_tables_and_days(path: Path, knowledge: Knowledge) -> None:
    name = re.fullmatch(r"(?:\d+|\+[\w-]+)\.(clinical|added|changed|fixed|removed)\.md", path.name)
    text = path.read_text(encoding="utf-8")
    assert name
    assert text.strip()
    if name[1] == "clinical":
        named = set(re.findall(r"`([\w.-]+)`", text))
        if "findings.md" not in named:  # what no table decides
            assert named & {edition.key for edition in knowledge.editions}
            assert named & {outcome for edition in knowledge.editions for outcome in edition.tables}
        assert re.search(r"\d{4}-\d{2}-\d{2}|no day in force", text)


def test_the_version_to_cite_is_that_of_the_package() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    cited = dict(re.findall(r"^([\w-]+): (.+)$", (ROOT / "CITATION.cff").read_text(encoding="utf-8"), re.MULTILINE))
    assert cited["cff-version"] == "1.2.0"
    assert cited["version"] == project["version"]
    assert cited["license"] == project["license"]
    assert {"message", "title", "type"} <= set(cited)
