"""Faulty edition files with the message each must draw, and odd ones that must be proven.

Every file below `tables/bad` says in a comment what `her2path check` prints for it: `Expected: line 21: ...`
for a problem told with its file and line, and `Expected: ...` for what to do about it.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from her2path.cli.group import main
from her2path.facts.problem import KnowledgeError
from her2path.tables.load import read_knowledge

TABLES = Path(__file__).parent / "tables"
BAD = TABLES / "bad"
GOOD = TABLES / "good"
EXPECTED = re.compile(r"^Expected: (?:line (\d+): )?(.+)$", re.MULTILINE)


def check(*paths: Path) -> Result:
    return CliRunner().invoke(main, ["check", *map(str, paths)])


def named(paths: list[Path]) -> list:
    return [pytest.param(path, id=path.stem) for path in paths]


def assert_told(path: Path, result: Result) -> None:
    """The problems of a file are told with file and line, and no others are."""
    expected = EXPECTED.findall(path.read_text(encoding="utf-8"))
    assert expected, f"{path} does not say what is expected"
    assert isinstance(result.exception, SystemExit), repr(result.exception)
    assert result.exit_code == 1
    told = [line for line in result.stderr.splitlines() if re.match(r"\S+:\d+  ", line)]
    advice = [line.strip() for line in result.stderr.splitlines() if line not in told]
    lines = [(line, what) for line, what in expected if line]
    for line, what in lines:
        assert any(each.startswith(f"{relative(path)}:{line}  ") and what in each for each in told), result.stderr
    for _, what in (each for each in expected if not each[0]):
        assert any(what in each for each in advice), result.stderr
    assert len(told) == len(lines), result.stderr


def relative(path: Path) -> Path:
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


@pytest.mark.parametrize("path", named(sorted(BAD.glob("*.md"))))
def test_a_faulty_edition_is_told_with_file_line_and_advice(path: Path) -> None:
    assert_told(path, check(path))


@pytest.mark.parametrize("folder", named(sorted((BAD / "knowledge").iterdir())))
def test_faulty_facts_or_sources_are_told_with_file_line_and_advice(folder: Path) -> None:
    faulty = next(path for path in sorted(folder.glob("*.md")) if "Expected:" in path.read_text(encoding="utf-8"))
    assert_told(faulty, check(folder))


def test_two_editions_in_force_at_once() -> None:
    assert_told(BAD / "two-in-force" / "later.md", check(BAD / "two-in-force"))
    assert check(BAD / "two-in-force" / "earlier.md").exit_code == 0


def test_two_editions_of_one_key() -> None:
    assert_told(BAD / "key-twice" / "two.md", check(BAD / "key-twice"))


HEADER = """# Many rows

| edition | `many-rows` |
|---|---|
| decides for | `tumour_site` = `breast` |
| source | @decisions |
| verified | decided |

## Copies in narrow bands

| row | `her2_copies` | => `ish_result` | source | verified |
|---|---|---|---|---|
"""


def bands(count: int) -> str:
    limits = ["(0..1)", *(f"[{step}..{step + 1})" for step in range(1, count - 1)), f">= {count - 1}"]
    outcomes = ["positive", "negative"]
    rows = [f"| {n} | {limit} | {outcomes[n % 2]} | @decisions D1 | decided |" for n, limit in enumerate(limits)]
    return HEADER + "\n".join(rows) + "\n"


def test_sixty_four_rows_are_proven_and_one_more_is_too_large(tmp_path: Path) -> None:
    path = tmp_path / "many-rows.md"
    path.write_text(bands(64), encoding="utf-8")
    result = check(path)
    assert result.exit_code == 0, result.stderr
    assert "64 situations, 64 rows" in result.stdout
    path.write_text(bands(65), encoding="utf-8")
    result = check(path)
    assert result.exit_code == 1
    assert f"{relative(path)}:11  65 rows; a person can review 64" in result.stderr
    assert "split it into two tables" in result.stderr


def test_a_table_of_too_many_situations_is_told(tmp_path: Path) -> None:
    names = ["her2_copies", "cep17_copies", "her2_cep17_ratio", "stained_percent", "stained_cluster_cells"]
    rows = [
        "| "
        + " | ".join([str(n), *(f"[{n}..{n + 0.5}]" for _ in names), "positive", "@decisions D1", "decided"])
        + " |"
        for n in range(1, 12)
    ]
    head = "| row | " + " | ".join(f"`{name}`" for name in names) + " | => `ish_result` | source | verified |\n"
    text = HEADER[: HEADER.index("| row")] + head + "|---" * (len(names) + 4) + "|\n" + "\n".join(rows) + "\n"
    path = tmp_path / "too-large.md"
    path.write_text(text, encoding="utf-8")
    result = check(path)
    assert result.exit_code == 1
    assert re.search(rf"{re.escape(str(relative(path)))}:11  the table has \d+ situations", result.stderr)


def banded_table(name: str, outcome: str, values: list[str], count: int) -> str:
    """A table that gives the values of an outcome in turn, band by band of a number."""
    limits = ["< 1", *(f"[{step}..{step + 1})" for step in range(1, count - 1)), f">= {count - 1}"]
    rows = [
        f"| {n} | {limit} | {values[n % len(values)]} | @decisions D1 | decided |" for n, limit in enumerate(limits)
    ]
    return (
        f"\n| row | `{name}` | => `{outcome}` | source | verified |\n|---|---|---|---|---|\n" + "\n".join(rows) + "\n"
    )


def test_a_chain_of_too_many_situations_is_told(tmp_path: Path) -> None:
    text = HEADER[: HEADER.index("| row")]
    text += banded_table("her2_copies", "ihc_score", ["0", "1+", "2+", "3+", "not reported"], 60)
    text += banded_table(
        "stained_percent", "ish_result", ["positive", "negative", "equivocal", "needs work-up", "not reported"], 60
    )
    text += banded_table("stained_cluster_cells", "ish_probe", ["single", "dual", "not reported"], 60)
    text += banded_table("her2_cep17_ratio", "ish_recount", ["unchanged", "changed", "not reported"], 40)
    text += """
| row | `ihc_score` | `ish_result` | `ish_probe` | `ish_recount` | => `her2_status` | source | verified |
|---|---|---|---|---|---|---|---|
| 1 | 0 | - | - | - | negative | @decisions D1 | decided |
| 2 | 1+, 2+, 3+, not reported | positive | - | - | positive | @decisions D1 | decided |
| 3 | 1+, 2+, 3+, not reported | negative, equivocal, needs work-up, not reported | single | - | positive | @decisions D1 | decided |
| 4 | 1+, 2+, 3+, not reported | negative, equivocal, needs work-up, not reported | dual, not reported | unchanged | negative | @decisions D1 | decided |
| 5 | 1+, 2+, 3+, not reported | negative, equivocal, needs work-up, not reported | dual, not reported | changed, not reported | equivocal | @decisions D1 | decided |
"""
    path = tmp_path / "large-chain.md"
    path.write_text(text, encoding="utf-8")
    result = check(path)
    assert result.exit_code == 1
    assert "situations" in result.stderr


@pytest.mark.parametrize("content", [b"\x00\x01\xfe\xff\x80", "# Größe\n".encode("latin-1"), "# A\n".encode("utf-16")])
def test_a_file_that_is_not_text_in_utf_8_is_told(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "unreadable.md"
    path.write_bytes(content)
    result = check(path)
    assert result.exit_code == 1
    assert f"{relative(path)}:1  the file cannot be read" in result.stderr
    assert "write Markdown in UTF-8" in result.stderr


def knowledge_copy(folder: Path) -> Path:
    """The small knowledge folder of the good tables, to spoil."""
    for path in sorted((GOOD / "named-number").rglob("*.md")):
        copy = folder / path.relative_to(GOOD / "named-number")
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_text(path.read_text(encoding="utf-8"), encoding="utf-8")
    return folder


@pytest.mark.parametrize("name", ["facts.md", "sources.md", "cardiac/named-number.md"])
def test_the_unreadable_file_of_a_knowledge_folder_is_named(tmp_path: Path, name: str) -> None:
    folder = knowledge_copy(tmp_path)
    (folder / name).write_bytes(b"\xff\xfe\x00")
    result = check(folder)
    assert result.exit_code == 1
    assert f"{relative(folder / name)}:1  the file cannot be read" in result.stderr


def test_reading_knowledge_with_an_unreadable_file_raises_a_knowledge_error(tmp_path: Path) -> None:
    folder = knowledge_copy(tmp_path)
    (folder / "cardiac" / "named-number.md").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(KnowledgeError):
        read_knowledge(folder)


def test_an_empty_file_has_no_edition(tmp_path: Path) -> None:
    path = tmp_path / "empty.md"
    path.write_text("", encoding="utf-8")
    result = check(path)
    assert result.exit_code == 1
    assert f"{relative(path)}:1  the file has no edition table" in result.stderr


def test_faulty_knowledge_is_never_handed_out() -> None:
    folders = sorted((BAD / "knowledge").iterdir())
    assert len(folders) == 12
    for folder in folders:
        with pytest.raises(KnowledgeError) as caught:
            read_knowledge(folder)
        (problem,) = caught.value.problems
        assert problem.path.is_relative_to(folder), folder.name
        assert problem.kind in ("fact twice", "unknown fact", "bad fact", "bad source", "source twice"), folder.name


def test_every_fault_of_a_file_is_told_not_only_the_first(tmp_path: Path) -> None:
    path = tmp_path / "several.md"
    rows = "| 1 | few | benign | | certain |\n| 1 | < 4 | negative | @nobody1999 | seen |\n"
    path.write_text(HEADER + rows, encoding="utf-8")
    told = check(path).stderr
    for fragment in ("cannot be 'few'", "no value 'benign'", "row 1 has no source", "verified 'certain'",
                     "@nobody1999 is not in sources.md", "two rows are called 1"):  # fmt: skip
        assert fragment in told


def test_of_several_files_the_sound_ones_are_still_proven() -> None:
    result = check(BAD / "gap.md", GOOD / "intervals.md")
    assert result.exit_code == 1
    assert "no row applies when her2_copies is [4..6)" in result.stderr
    assert re.search(
        r"^proven  worked-example/ish_result\s+8 situations, 7 rows, 12 worked cases$", result.stdout, re.MULTILINE
    )


@pytest.mark.parametrize("name", ["date-bad", "header-source-unknown", "table-twice", "case-outcome-unknown"])
def test_no_table_of_a_faulty_file_is_called_proven(name: str) -> None:
    assert "proven  worked-example" not in check(BAD / f"{name}.md").stdout


GOOD_FILES = [*sorted(GOOD.glob("*.md")), GOOD / "named-number"]


@pytest.mark.parametrize("path", GOOD_FILES, ids=lambda path: path.stem)
def test_an_odd_but_sound_table_is_proven(path: Path) -> None:
    result = check(path)
    assert result.exit_code == 0, result.stderr
    assert result.stderr == ""
    assert "1 tables proven" in result.stdout
    assert result.stdout.splitlines()[-1].endswith("0 problems")


def test_all_sound_tables_are_proven_when_named_together() -> None:
    result = check(*sorted(GOOD.glob("*.md")))
    assert result.exit_code == 0, result.stderr
    assert f"{len(list(GOOD.glob('*.md')))} tables proven" in result.stdout
