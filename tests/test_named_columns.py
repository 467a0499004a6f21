"""A column that is misnamed is told, whatever it holds: a value, a patient, a test."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from her2path.facts.problem import AskedWrongly
from her2path.read.source import read_records
from her2path.record.event import Record, Trouble
from her2path.tables.load import default_knowledge

LONG = {"patient": "p1", "date": "2025-06-05", "fact": "lvef", "value": "62", "product": ""}
WIDE = {"patient": "w1", "specimen": "s1", "test_date": "2025-03-20", "ihc_score": "3+"}


def read(folder: Path, row: dict[str, str], ending: str) -> list[Record | Trouble]:
    path = folder / f"x.{ending}"
    if ending == "csv":
        path.write_text(",".join(row) + "\n" + ",".join(row.values()) + "\n")
    else:
        pq.write_table(pa.Table.from_arrays([pa.array([cell]) for cell in row.values()], names=list(row)), path)
    return list(read_records(path, default_knowledge().facts))


def told(folder: Path, row: dict[str, str], ending: str) -> list[str]:
    return [str(item) for item in read(folder, row, ending) if isinstance(item, Trouble)]


def renamed(row: dict[str, str], was: str, became: str) -> dict[str, str]:
    return {became if name == was else name: cell for name, cell in row.items()}


ENDINGS = pytest.mark.parametrize("ending", ["csv", "parquet"])


@ENDINGS
@pytest.mark.parametrize("became", ["valu", "Value", "result", "VALUE"])
def test_one_event_a_row_without_a_value_is_refused(tmp_path: Path, became: str, ending: str) -> None:
    with pytest.raises(
        AskedWrongly, match=r"a column is called fact and none value; .* needs both \(--column value=COLUMN\)"
    ):
        read(tmp_path, renamed(LONG, "value", became), ending)


@ENDINGS
def test_one_event_a_row_without_a_fact_is_refused(tmp_path: Path, ending: str) -> None:
    with pytest.raises(AskedWrongly, match="a column is called value and none fact"):
        read(tmp_path, renamed(LONG, "fact", "Fact"), ending)


@ENDINGS
@pytest.mark.parametrize("became", ["Patient", "PATIENT", "patients", "Patient ID", "MRN", "subject"])
def test_patients_under_another_name_are_told(tmp_path: Path, became: str, ending: str) -> None:
    (words,) = told(tmp_path, renamed(WIDE, "patient", became), ending)
    assert f"no column is called patient, patient_id or id; is it {became!r}?" in words
    assert "Each row is reviewed as a patient of its own" in words


@ENDINGS
@pytest.mark.parametrize(
    "name", ["HER2 IHC", "her2", "HER2_result", "FISH", "weight", "LVEF %", "erbB-2", "ihce", "LVEFEcho", "hep17_ratio"]
)
def test_a_column_that_speaks_of_a_test_is_told(tmp_path: Path, name: str, ending: str) -> None:
    (words,) = told(tmp_path, {**WIDE, name: "2+"}, ending)
    assert f"the column {name} is no fact, but speaks of what is read" in words


@ENDINGS
@pytest.mark.parametrize("name", ["comment", "ward", "lot", "publisher", "finished"])
def test_any_other_column_is_not_told(tmp_path: Path, name: str, ending: str) -> None:
    assert told(tmp_path, {**WIDE, name: "x"}, ending) == []


def test_two_columns_of_one_name_in_parquet_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    names = [*LONG, "fact"]
    pq.write_table(pa.Table.from_arrays([pa.array(["x"]) for _ in names], names=names), path)
    with pytest.raises(AskedWrongly, match="two columns are called 'fact'"):
        list(read_records(path, default_knowledge().facts))
