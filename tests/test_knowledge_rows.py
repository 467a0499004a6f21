"""No row of the knowledge vanishes because Markdown, or its header, does not take it for what it is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from her2path.facts.codes import _read_codes
from her2path.facts.fact import read_facts
from her2path.facts.folder import knowledge_folder
from her2path.facts.problem import KnowledgeError
from her2path.facts.source import read_sources
from her2path.tables.edition import read_edition
from her2path.tables.library import Knowledge

EDITION = knowledge_folder() / "cardiac" / "trastuzumab-us.md"


def changed(folder: Path, path: Path, change: Callable[[str], str]) -> Path:
    text = path.read_text(encoding="utf-8")
    assert change(text) != text
    other = folder / path.name
    other.write_text(change(text), encoding="utf-8")
    return other


def first_dashes(text: str, after: str) -> str:
    """The line of dashes below the first line that begins so."""
    lines = text.split("\n")
    return next(lines[number + 1] for number, line in enumerate(lines) if line.startswith(after))


def told(knowledge: Knowledge, path: Path) -> list[str]:
    _, problems = read_edition(path, knowledge.facts, knowledge.sources)
    return [f"{problem.line}: {problem.what}" for problem in problems]


@pytest.mark.parametrize(
    "broken",
    [
        lambda dashes: dashes[: dashes.rindex("|", 0, -1)],
        lambda _: "",
        lambda dashes: dashes.replace("-", "x", 1),
        lambda dashes: "    " + dashes,
    ],
)
def test_a_table_with_a_broken_line_of_dashes_is_told(
    tmp_path: Path, knowledge: Knowledge, broken: Callable[[str], str]
) -> None:
    def change(text: str) -> str:
        dashes = first_dashes(text, "| row | `lvef_fall`")
        return text.replace(dashes, broken(dashes), 1)

    assert any(
        "stands in no table: nothing of it is read" in words
        for words in told(knowledge, changed(tmp_path, EDITION, change))
    )


def test_a_table_with_another_first_column_is_told(tmp_path: Path, knowledge: Knowledge) -> None:
    path = changed(tmp_path, EDITION, lambda text: text.replace("| row |", "| rule |", 1))
    assert any(
        "a table with an outcome begins with the column 'rule': nothing of it is read" in words
        for words in told(knowledge, path)
    )


@pytest.mark.parametrize(
    ("was", "became", "words"),
    [
        ("| in force until |", "| in force untl |", "an edition has no entry 'in force untl'"),
        ("| jurisdiction   |", "| verified       |", "verified stands there twice"),
    ],
)
def test_an_entry_of_an_edition_that_is_none_or_doubled_is_told(
    tmp_path: Path, knowledge: Knowledge, was: str, became: str, words: str
) -> None:
    assert any(
        words in said for said in told(knowledge, changed(tmp_path, EDITION, lambda text: text.replace(was, became, 1)))
    )


@pytest.mark.parametrize(("name", "read"), [("facts.md", read_facts), ("sources.md", read_sources)])
def test_rows_of_facts_and_sources_in_no_table_are_told(
    tmp_path: Path, name: str, read: Callable[[Path], object]
) -> None:
    first = {"facts.md": "| fact", "sources.md": "| key"}[name]
    path = changed(tmp_path, knowledge_folder() / name, lambda text: text.replace(first_dashes(text, first), "|-|", 1))
    with pytest.raises(KnowledgeError, match="stands in no table"):
        read(path)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda text: text.replace(first_dashes(text, "| system"), "", 1), "stands in no table"),
        (
            lambda text: text.replace("| LOINC  | 85319-2  |", "| LOINC  |\n| LOINC  | 85319-2  |", 1),
            "misses what it means",
        ),
        (lambda text: text.replace("| means ", "| mens ", 1), "misses what it means"),
    ],
)
def test_a_row_of_codes_that_cannot_be_read_is_told(tmp_path: Path, change: Callable[[str], str], words: str) -> None:
    path = changed(tmp_path, knowledge_folder() / "codes" / "her2-tests.md", change)
    with pytest.raises(KnowledgeError, match=words) as raised:
        _read_codes(path.parent)
    assert all(problem.path == path for problem in raised.value.problems)


def test_codes_that_are_not_utf8_are_told(tmp_path: Path) -> None:
    (tmp_path / "answers.md").write_bytes("| system | code |".encode("utf-16"))
    with pytest.raises(KnowledgeError, match=r"answers\.md"):
        _read_codes(tmp_path)
