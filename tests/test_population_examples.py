"""The notebook and the examples over a population run as they stand, and say what the measures say."""

from __future__ import annotations

import csv
import json
import runpy
import shutil
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from her2path import Population

EXAMPLES = Path(__file__).parent.parent / "examples"


@pytest.fixture(scope="module")
def ran() -> dict[str, Any]:
    """The names that the notebook leaves: its cells are run one after the other, as they stand."""
    pytest.importorskip("matplotlib")
    notebook = json.loads((EXAMPLES / "populations.ipynb").read_text(encoding="utf-8"))
    assert (notebook["nbformat"], {cell["cell_type"] for cell in notebook["cells"]}) == (4, {"markdown", "code"})
    names: dict[str, Any] = {"__name__": "__main__"}
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(EXAMPLES)
        for cell in notebook["cells"]:
            if cell["cell_type"] == "code":
                assert cell["outputs"] == []
                exec(compile("".join(cell["source"]), cell["id"], "exec"), names)
    yield names
    shutil.rmtree(names["folder"])


def test_the_notebook_runs(ran: dict[str, Any]) -> None:
    population, wanted = ran["population"], ran["virtual_patients"]
    assert isinstance(population, Population)
    assert len(population) == 8 * wanted
    strata = {each.stratum: each for each in ran["every_3_months"]}
    assert set(strata) == {"North", "East", "South", "West"}
    assert strata["North"].rate > strata["East"].rate  # every 3 months against every 6
    assert sum(n for (a, b), n in ran["flow"].step(0).items() if a != b) == len(ran["flow"].changed) > 0
    assert (ran["folder"] / "report.html").stat().st_size > 50_000


def test_pandas_polars_and_duckdb_say_the_same(ran: dict[str, Any]) -> None:
    read = runpy.run_path(str(EXAMPLES / "populations" / "read.py"))
    folder = ran["population"].folder
    by_pandas = read["by_pandas"](folder)
    assert by_pandas == read["by_polars"](folder) == read["by_duckdb"](folder)
    rows = ran["population"].to_arrow("findings").to_pylist()
    overdue = {(row["hospital"], row["patient"]) for row in rows if (row["outcome"], row["value"]) == ("echo_status", "overdue")}
    assert by_pandas == Counter(hospital for hospital, _ in overdue)
    # The measure counts those of them who are on treatment, and not on hold.
    counted = {each.stratum: each.met for each in ran["population"].measure("lvef-overdue", by="hospital")}
    assert 0 < sum(counted.values()) <= sum(by_pandas.values())


def test_r_says_the_same(ran: dict[str, Any]) -> None:
    rscript = shutil.which("Rscript")
    packages = "quit(status = !all(sapply(c('arrow', 'dplyr'), requireNamespace, quietly = TRUE)))"
    if rscript is None or subprocess.run([rscript, "-e", packages], check=False, capture_output=True).returncode:
        pytest.skip("R with arrow and dplyr is not installed")
    folder = ran["population"].folder
    told = subprocess.run([rscript, EXAMPLES / "populations" / "read.R", folder], check=True, capture_output=True, text=True)
    rows = list(csv.DictReader(told.stdout.splitlines()))
    by_pandas = runpy.run_path(str(EXAMPLES / "populations" / "read.py"))["by_pandas"](folder)
    assert {row["hospital"]: int(row["n"]) for row in rows} == by_pandas
