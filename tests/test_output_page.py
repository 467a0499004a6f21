"""The page on output names every key that JSON has, and every column of the findings."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from click.testing import CliRunner

from her2path.cli import main
from her2path.cli.review import review as review_command
from her2path.write.tables.findings import SCHEMA
from her2path.write.tables.patients import EPISODES, PATIENTS
from her2path.write.tables.specimens import SPECIMENS

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "output.md").read_text(encoding="utf-8")
NAMED = set(re.findall(r"`([a-z0-9_]+)`", PAGE))
COURSE = ROOT / "examples" / "courses"


def printed(*words: str) -> Any:
    result = CliRunner().invoke(main, words)
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


@pytest.fixture(scope="module")
def review() -> dict[str, Any]:
    return printed("review", str(COURSE / "residual-disease.csv"), "--on", "2026-06-01", "--format", "json")


def test_every_key_of_a_review_is_on_the_page(review: dict[str, Any]) -> None:
    (patient,) = review["patients"]
    course = patient["course"]
    keys = {*review, *patient, *course}
    for each in (
        *patient["specimens"],
        *patient["findings"],
        *course["findings"],
        *course["plan"],
        *course["regimens"],
    ):
        keys |= set(each)
    assert course["regimens"]
    assert keys - NAMED == set()


def test_every_key_of_a_decision_is_on_the_page() -> None:
    decided = printed("decide", "her2_status", "--edition", "asco-cap-2018", "--fact", "ihc_score=2+", "--format", "json")
    assert set(decided) - {"her2_status"} - NAMED == set()


def test_every_key_of_a_difference_is_on_the_page() -> None:
    editions = ("asco-cap-2013", "asco-cap-2018")
    found = printed("diff", *editions, "--outcome", "her2_status", "--format", "json")
    assert {key for each in found for key in each} - {*editions} - NAMED == set()
    assert {key for each in found for edition in editions for key in each[edition]} - NAMED == set()


# -- Parquet ----------------------------------------------------------------------------------------

TABLES = {"The findings": SCHEMA, "The patients": PATIENTS, "The episodes": EPISODES, "The specimens": SPECIMENS}


def part(heading: str) -> str:
    """The text below a heading, up to the next one."""
    return re.split(rf"^#+ {heading}$", PAGE, flags=re.MULTILINE)[1].split("\n#")[0]


def type_of(field: pa.Field) -> str:
    """The type of a column by the first word of its name in Arrow."""
    return re.match(r"[a-z]+(?:32)?", str(field.type))[0]  # type: ignore[index]


@pytest.mark.parametrize("heading", TABLES)
def test_the_page_lists_the_columns_of_each_file_in_their_order(heading: str) -> None:
    listed = re.findall(r"^\| `(\w+)` +\| `(\w+)` +\|", part(heading), re.MULTILINE)
    assert listed == [(field.name, type_of(field)) for field in TABLES[heading]]


def test_the_page_names_the_version_of_each_schema() -> None:
    for schema in TABLES.values():
        ((name, version),) = schema.metadata.items()
        assert f"`{name.decode()}`" in PAGE
        assert f"now all `{version.decode()}`" in PAGE


@pytest.mark.parametrize("path", sorted(COURSE.glob("*.csv")), ids=lambda path: path.stem)
def test_a_column_that_is_never_null_by_the_page_is_not(path: Path, tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    output = tmp_path / "f.parquet"
    CliRunner().invoke(main, ["review", str(path), "--on", "2026-02-03", "-o", str(output)])
    files = (output, *(tmp_path / f"f.{name}.parquet" for name in ("patients", "episodes", "specimens")))
    for heading, file in zip(TABLES, files, strict=True):
        table = pq.read_table(file)
        for name in re.findall(r"^\| `(\w+)` .*\| - +\|$", part(heading), re.MULTILINE):
            assert table.column(name).null_count == 0, name


# -- options ----------------------------------------------------------------------------------------


def test_every_option_is_in_the_table_of_options() -> None:
    told = set(re.findall(r"`(--[a-z0-9-]+)`", part("Which option works with which output")))
    options = {option for each in review_command.params for option in each.opts if option.startswith("--")}
    assert options - told == {"--output"}


REFUSED = re.findall(r"^\| `(her2path [^`]+)` +\| `([^`]+)` +\|$", PAGE, re.MULTILINE)


@pytest.mark.parametrize(("command", "words"), REFUSED)
def test_what_the_page_says_is_refused_is_refused_so(command: str, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    before = sorted(path.name for path in ROOT.iterdir())
    result = CliRunner().invoke(main, shlex.split(command)[1:])
    assert result.exit_code == 2
    assert words in result.stderr
    assert sorted(path.name for path in ROOT.iterdir()) == before


def test_some_requests_are_refused() -> None:
    assert len(REFUSED) > 6
