"""Reads the folder of a population with pandas, Polars and DuckDB: who is overdue for an LVEF, by hospital.

    her2path cohort events.parquet -o hospital --carry hospital
    python examples/populations/read.py hospital
"""

from __future__ import annotations

import sys
from pathlib import Path


def by_pandas(folder: Path) -> dict[str, int]:
    """With pandas: a folder of Parquet is one frame."""
    import pandas as pd

    findings = pd.read_parquet(folder / "findings")
    overdue = findings[(findings["outcome"] == "echo_status") & (findings["value"] == "overdue")]
    counts = overdue.groupby("hospital", observed=True)["patient"].nunique()
    return {str(name): int(number) for name, number in counts.items()}


def by_polars(folder: Path) -> dict[str, int]:
    """With Polars: lazily, so that only the columns that are asked for are read."""
    import polars as pl

    overdue = pl.scan_parquet(folder / "findings" / "*.parquet").filter(
        pl.col("outcome") == "echo_status", pl.col("value") == "overdue"
    )
    counts = overdue.group_by("hospital").agg(pl.col("patient").n_unique().alias("n")).sort("hospital").collect()
    return dict(counts.iter_rows())


def by_duckdb(folder: Path) -> dict[str, int]:
    """With DuckDB: SQL over the files."""
    import duckdb

    sql = """SELECT hospital, count(DISTINCT patient) FROM read_parquet(?)
        WHERE outcome = 'echo_status' AND value = 'overdue' GROUP BY hospital ORDER BY hospital"""
    return dict(duckdb.execute(sql, [str(folder / "findings" / "*.parquet")]).fetchall())


if __name__ == "__main__":
    for read in (by_pandas, by_polars, by_duckdb):
        print(read.__name__, read(Path(sys.argv[1])))
