"""Spoilt edition files never crash the reader or the proofs: they give problems, or proven tables."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from by_hand import rows_that_apply
from her2path.facts.markdown import code_names, plain, read_markdown
from her2path.facts.problem import Problem
from her2path.facts.source import parse_citations
from her2path.tables.array import Array
from her2path.tables.edition import read_edition
from her2path.tables.library import Knowledge
from her2path.tables.load import default_knowledge
from her2path.tables.proof import prove
from her2path.tables.table import parse_cell, parse_outcome

SHIPPED = default_knowledge()
FILES = sorted({edition.path for edition in SHIPPED.editions})
TEXTS = {path: path.read_text(encoding="utf-8") for path in FILES}
CELLS = sorted({cell.strip() for text in TEXTS.values() for line in text.splitlines() for cell in line.split("|")})[
    :400
]


def read_and_prove(text: str, folder: Path) -> tuple[Knowledge | None, list[Problem]]:
    path = folder / "fuzzed.md"
    path.write_text(text, encoding="utf-8", errors="replace")
    edition, problems = read_edition(path, SHIPPED.facts, SHIPPED.sources)
    if edition is None:
        assert problems
        return None, problems
    supplements = [each for each in SHIPPED.editions if each.supplement and not edition.supplement]
    knowledge = Knowledge(folder, SHIPPED.facts, SHIPPED.sources, [edition, *supplements])
    return knowledge, problems + prove(knowledge)


def assert_told_or_proven(text: str, folder: Path) -> None:
    """Problems that name a line and say what to do; or a table in which one row applies in every box."""
    knowledge, problems = read_and_prove(text, folder)
    for problem in problems:
        assert problem.what
        assert problem.advice
        assert 1 <= problem.line <= max(1, len(text.splitlines()))
    if knowledge is None or problems:
        return
    for table in knowledge.editions[0].tables.values():
        array = Array([table], SHIPPED.facts)
        for box in list(array.boxes())[::7]:
            codes = zip(array.axes, box, strict=True)
            values = {axis.fact.name: axis.example(code) for axis, code in codes}
            assert len(rows_that_apply(table, values)) == 1


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("fuzz")


MARKDOWN = st.text(alphabet="|-#`@=>< \n\tab01+2.,:[](){}*_!\\é\x00", max_size=200)


@given(st.text(max_size=200) | MARKDOWN)
def test_any_text_is_read(folder, text) -> None:
    document = read_markdown(Path("any.md"), text)
    """Nothing is lost: sections stand in the order of their lines, and every line with letters is in one of them."""
    lines = [section.line for section in document.sections]
    assert lines[0] == 1
    assert lines == sorted(lines)
    assert all(
        1 <= row.line <= text.count("\n") + 1
        for section in document.sections
        for grid in section.grids
        for row in grid.rows
    )
    assert_told_or_proven(text, folder)


@given(st.text() | MARKDOWN)
def test_cells_outcomes_and_citations_of_any_text_are_read_or_refused(text) -> None:
    plain(text)
    code_names(text)
    for fact in SHIPPED.facts.values():
        assert parse_cell(text, fact) is not None
        assert parse_outcome(text, fact) is not None
    for citation in parse_citations(text, "seen"):
        assert citation.key


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_the_shipped_files_themselves_are_proven(folder, path) -> None:
    _, problems = read_and_prove(TEXTS[path], folder)
    assert problems == []


@st.composite
def spoilt(draw) -> str:
    """A shipped edition with a few lines dropped, doubled, swapped or given other cells."""
    lines = TEXTS[draw(st.sampled_from(FILES))].splitlines()
    tables = [number for number, line in enumerate(lines) if line.startswith("|")]
    for _ in range(draw(st.integers(1, 3))):
        number = min(draw(st.sampled_from(tables)), len(lines) - 1)
        match draw(st.sampled_from(["drop", "double", "swap", "cell", "cell", "cell", "letters"])):
            case "drop":
                del lines[number]
            case "double":
                lines.insert(number, lines[number])
            case "swap":
                other = min(draw(st.sampled_from(tables)), len(lines) - 1)
                lines[number], lines[other] = lines[other], lines[number]
            case "cell":
                cells = lines[number].split("|")
                place = draw(st.integers(0, len(cells) - 1))
                cells[place] = draw(st.sampled_from(CELLS) | st.text(alphabet="-<>=[](). 0123456789+,`", max_size=9))
                lines[number] = "|".join(cells)
            case _:
                place = draw(st.integers(0, len(lines[number])))
                lines[number] = (
                    lines[number][:place] + draw(MARKDOWN.filter(lambda text: len(text) < 9)) + lines[number][place:]
                )
    return "\n".join(lines) + "\n"


@given(spoilt())
def test_a_spoilt_edition_is_told_or_still_proven(folder, text) -> None:
    assert_told_or_proven(text, folder)
