"""A messy cohort through every way of reviewing it: nothing stops it, and nobody is lost."""

from __future__ import annotations

import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from her2path.cli.group import main

PATIENTS = 60


@pytest.fixture(scope="module")
def cohort(tmp_path_factory):
    path = tmp_path_factory.mktemp("cohort") / "events.parquet"
    asked = ["simulate", "course", "--virtual-patients", str(PATIENTS), "--mess", "heavy", "--records", str(path)]
    made = CliRunner().invoke(main, asked)
    assert made.exit_code == 0, made.output
    assert "changes made on purpose (heavy)" in made.output
    return path


def test_a_messy_cohort_is_reviewed_as_columns(cohort, tmp_path) -> None:
    """Values that cannot be read used to stop the whole file, since no table decides them."""
    output = tmp_path / "findings.parquet"
    reviewed = CliRunner().invoke(main, ["review", str(cohort), "--on", "2026-11-24", "-o", str(output)])
    assert reviewed.exit_code in (0, 3), reviewed.output
    assert reviewed.output.startswith(f"{PATIENTS} patients")
    rows = pq.read_table(output).to_pylist()
    undecided = [row for row in rows if not row["edition"]]
    assert {row["outcome"] for row in undecided} >= {"lvef"}


def test_a_messy_cohort_is_reviewed_one_by_one(cohort) -> None:
    reviewed = CliRunner().invoke(main, ["review", str(cohort), "--on", "2026-11-24", "--summary-only"])
    assert reviewed.exit_code in (0, 3), reviewed.output
    assert f"{PATIENTS} patients" in reviewed.output
