"""Cells of CSV and Parquet of any kind: a bad one is told with its row and costs no other; nothing is swallowed."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from her2path.cli.group import main
from her2path.read.tabular.words import as_days, as_words, words_of

ON = "2026-06-01"
HEAD = "patient,date,fact,value\n"
MICROSECONDS = 10**6


def asked(*arguments: object) -> Any:
    return CliRunner().invoke(main, [*map(str, arguments)])


def reviewed(path: Path, *more: str) -> tuple[dict[str, Any], int]:
    """The patients of a review by name, and its exit code."""
    output = path.with_name("reviewed.json")
    done = asked("review", path, "--on", ON, "--jurisdiction", "us", "-o", output, *more)
    assert done.exit_code in (0, 3), done.stderr
    told = json.loads(output.read_text(encoding="utf-8"))
    output.unlink()
    return told, done.exit_code


def status_of(told: dict[str, Any]) -> dict[str, str | None]:
    return {patient["patient"]: patient["her2_status"] for patient in told["patients"]}


def written(path: Path, columns: dict[str, Any]) -> Path:
    pq.write_table(pa.table(columns), path)
    return path


def scores(**columns: Any) -> dict[str, Any]:
    """Three patients with a score of 3+, 1+ and 3+; `columns` take the place of theirs."""
    return {
        "patient": ["p1", "p2", "p3"], "date": ["2026-01-05"] * 3, "fact": ["ihc_score"] * 3,
        "value": ["3+", "1+", "3+"], **columns,
    }  # fmt: skip


KNOWN = {"p1": "positive", "p2": "negative", "p3": "positive"}
SECONDS = pa.array([1767571200, 2**50, 1767571200], pa.int64())
DATES: dict[str, Any] = {
    "day": pa.array([dt.date(2026, 1, 5)] * 3),
    "beyond the years": pa.array([20458, 2**31 - 1, 20458], pa.int32()).cast(pa.date32()),
    "before the years": pa.array([20458, -(2**31), 20458], pa.int32()).cast(pa.date32()),
    "nanoseconds": pa.array([20458 * 86400 * 10**9, 2**62, 20458 * 86400 * 10**9], pa.int64()).cast(pa.timestamp("ns")),
    "seconds": SECONDS.cast(pa.timestamp("s")),
    "milliseconds": pa.array([1767571200000, -(2**62), 1767571200000], pa.int64()).cast(pa.date64()),
    "zone": pa.array([dt.datetime(2026, 1, 5, 12, tzinfo=dt.UTC)] * 3, pa.timestamp("us", "Asia/Tokyo")),
    "struct": pa.array([{"a": "2026-01-05"}] * 3),
    "list": pa.array([["2026-01-05"]] * 3),
    "bytes": pa.array([b"2026-01-05", b"\xff", b"2026-01-05"]),
    "boolean": pa.array([True, False, None]),
    "number": pa.array([20260105, 1, 2]),
    "nothing": pa.nulls(3),
}


@pytest.mark.parametrize("kind", DATES)
def test_no_date_of_any_kind_costs_a_result(kind: str, tmp_path: Path) -> None:
    told, _ = reviewed(written(tmp_path / "x.parquet", scores(date=DATES[kind])))
    assert set(status_of(told)) == set(KNOWN)
    if kind in ("day", "zone", "nothing"):
        assert status_of(told) == KNOWN
    elif kind not in ("struct", "list", "boolean", "number", "nanoseconds"):
        # The patient with the day that is none is told with her row; the others are as if she were not there.
        others = {name: status for name, status in status_of(told).items() if name != "p2"}
        assert others == {"p1": "positive", "p3": "positive"}
        (bad,) = [patient for patient in told["patients"] if patient["patient"] == "p2"]
        assert "x.parquet:3" in json.dumps(bad)
        assert "expected YYYY-MM-DD" in json.dumps(bad)
    else:
        assert "expected YYYY-MM-DD" in json.dumps(told) or kind == "nanoseconds"


VALUES: dict[str, Any] = {
    "bytes": pa.array([b"3+", b"1+", b"3+"]),
    "large text": pa.array(["3+", "1+", "3+"], pa.large_string()),
    "a dictionary": pa.array(["3+", "1+", "3+"]).dictionary_encode(),
    "a dictionary of bytes": pa.array([b"3+", b"1+", b"3+"]).dictionary_encode(),
    "numbers": pa.array([3, 1, 3]),
    "decimals": pa.array([Decimal("3.0"), Decimal("1.0"), Decimal("3.0")]),
}


@pytest.mark.parametrize("kind", VALUES)
def test_a_value_is_read_whatever_type_its_column_has(kind: str, tmp_path: Path) -> None:
    told, code = reviewed(written(tmp_path / "x.parquet", scores(value=VALUES[kind])))
    assert (status_of(told), code) == (KNOWN, 0)


@pytest.mark.parametrize("cells", [[{"a": 1}] * 3, [["3+"]] * 3, [True] * 3], ids=["struct", "list", "boolean"])
def test_a_value_that_is_none_is_told_for_each_patient(cells: Any, tmp_path: Path) -> None:
    told, _ = reviewed(written(tmp_path / "x.parquet", scores(value=pa.array(cells))))
    assert status_of(told) == dict.fromkeys(KNOWN)
    assert all("expected" in json.dumps(patient) for patient in told["patients"])


@pytest.mark.parametrize("name", ["origin", "note", "any"])
@pytest.mark.parametrize(
    "cells",
    [[{"a": 1}] * 3, [[1], [], [2]], [b"\xff", b"", None], [2**40, 1, 2]],
    ids=["struct", "list", "bytes", "days"],
)
def test_a_column_that_is_not_needed_costs_nothing(name: str, cells: Any, tmp_path: Path) -> None:
    array = pa.array(cells).cast(pa.timestamp("ns")) if cells[0] == 2**40 else pa.array(cells)
    told, _ = reviewed(written(tmp_path / "x.parquet", {name: array, **scores()}))
    assert status_of(told) == KNOWN


def test_a_patient_in_bytes_that_are_no_text_stays_one_and_is_told(tmp_path: Path) -> None:
    names = pa.array([b"M\xfcller", b"M\xe4ller", b"p3"])
    told, code = reviewed(written(tmp_path / "x.parquet", scores(patient=names)))
    assert code == 3
    assert len(status_of(told)) == 3
    assert json.dumps(told).count("bytes that are not UTF-8") == 2


def test_patients_in_a_struct_are_refused(tmp_path: Path) -> None:
    path = written(tmp_path / "x.parquet", scores(patient=pa.array([{"a": "p1"}] * 3)))
    done = asked("review", path, "--on", ON)
    assert (done.exit_code, "the column patient holds struct" in done.stderr) == (2, True)


WIDE: dict[str, Any] = {
    "tumour_site": pa.array(["breast"] * 3), "ihc_score": pa.array(["3+", "1+", "3+"]),
    "test_date": DATES["beyond the years"], "note": pa.array([{"a": 1}] * 3), "seen": DATES["nanoseconds"],
}  # fmt: skip


def test_decide_and_review_take_wide_files_with_such_columns(tmp_path: Path) -> None:
    path = written(tmp_path / "x.parquet", {"patient": ["p1", "p2", "p3"], **WIDE})
    for ending in ("csv", "json", "parquet"):
        done = asked("decide", "her2_status", path, "-o", tmp_path / f"y.{ending}")
        assert (done.exit_code, "row 2, column test_date" in done.stderr) == (3, True), done.output
    rows = json.loads((tmp_path / "y.json").read_text(encoding="utf-8"))
    assert [row["her2_status"] for row in rows][::2] == ["positive", "positive"]
    told, code = reviewed(path)
    assert (len(status_of(told)), code) == (3, 3)


# -- CSV --------------------------------------------------------------------------------------------

ROWS = [f"p{number},2026-01-05,ihc_score,{'3+' if number % 2 else '1+'}" for number in range(1, 7)]


def csv_file(folder: Path, *rows: str | bytes) -> Path:
    path = folder / "x.csv"
    path.write_bytes(
        HEAD.encode() + b"".join((row if isinstance(row, bytes) else row.encode()) + b"\n" for row in rows)
    )
    return path


BAD_ROWS: dict[str, tuple[bytes, str]] = {
    "fewer cells": (b"q1,2026-01-05,ihc_score", "the row has 3 cells, but the header has 4"),
    "more cells": (b"q1,2026-01-05,ihc_score,3+,x", "the row has 5 cells, but the header has 4"),
    "open quote": (b'q1,2026-01-05,ihc_score,"3+', "a quote is left open"),
    "open quote, closed by another": (
        b'q1,2026-01-05,ihc_score,"3+\np9,2026-01-05,ihc_score,"1+"',
        "a quote is left open",
    ),
    "a row of megabytes": (b"q1,2026-01-05,ihc_score," + b"3" * (40 << 20), "longer than 16 MB"),
    "not UTF-8, fewer cells": (b"q\xff,2026-01-05,ihc_score", "the row has 3 cells"),
}


@pytest.mark.parametrize("name", BAD_ROWS)
def test_a_row_that_cannot_be_read_costs_no_other(name: str, tmp_path: Path) -> None:
    row, words = BAD_ROWS[name]
    told, code = reviewed(csv_file(tmp_path, *ROWS[:3], row, *ROWS[3:]))
    assert code == 3
    assert {f"p{number}" for number in range(1, 7)} <= set(status_of(told))
    assert status_of(told)["p4"] == "negative"
    assert f"x.csv:5: {words}" in json.dumps(told).replace('", "', ": ") or words in json.dumps(told)


@pytest.mark.parametrize(
    ("row", "words"),
    [(b"q1,2026-01-05,ihc_score,3\xff", "value"), (b"q\xff,2026-01-05,ihc_score,3+", "patient"),
     (b"q1,2026-\xff,ihc_score,3+", "date"), (b"q1,2026-01-05,\xff,3+", "fact")],
)  # fmt: skip
def test_bytes_that_are_no_text_are_told_with_their_column(row: bytes, words: str, tmp_path: Path) -> None:
    told, _ = reviewed(csv_file(tmp_path, *ROWS[:3], row, *ROWS[3:]))
    assert len(status_of(told)) == 7
    (bad,) = [patient for patient in told["patients"] if patient["patient"].startswith("q")]
    assert "x.csv:5" in json.dumps(bad)
    assert "UTF-8" in json.dumps(bad) or words == "date"


def test_cells_of_many_lines_are_no_open_quotes(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text(
        'patient,date,fact,value,note\np1,2026-01-05,ihc_score,3+,"one, two\nthree"\np2,2026-01-05,ihc_score,1+,""\n',
        encoding="utf-8",
    )
    told, code = reviewed(path)
    assert (status_of(told), code) == ({"p1": "positive", "p2": "negative"}, 0)


def test_a_zero_byte_in_a_cell_costs_that_cell(tmp_path: Path) -> None:
    told, _ = reviewed(csv_file(tmp_path, *ROWS * 30, b"q1,2026-01-05,ihc_score,3\x00+"))
    assert status_of(told)["q1"] is None
    assert status_of(told)["p1"] == "positive"


@pytest.mark.parametrize("processes", ["1", "2"])
def test_a_csv_is_read_the_same_in_any_number_of_processes(processes: str, tmp_path: Path) -> None:
    told, code = reviewed(csv_file(tmp_path, *ROWS), "--processes", processes)
    assert (len(status_of(told)), code) == (6, 0)


def test_a_long_file_given_to_decide_is_folded_into_patients(tmp_path: Path) -> None:
    done = asked("decide", "her2_status", csv_file(tmp_path, *ROWS))
    assert done.exit_code == 0
    assert f"{len({row.split(',')[0] for row in ROWS})} patient" in done.stderr


# -- words for a missing value, contradictions, days ------------------------------------------------


@pytest.mark.parametrize("way", ["option", "setting"])
def test_words_for_a_missing_value(way: str, tmp_path: Path) -> None:
    rows = ["p1,2026-01-05,ihc_score,3+", "p1,NA,lvef,[Not Available]", "NA,2026-01-05,ihc_score,3+"]
    path = csv_file(tmp_path, *rows)
    settings = tmp_path / "s.toml"
    settings.write_text('[files]\nmissing = ["na", "[Not available]"]\n', encoding="utf-8")
    more = ("--missing", "NA", "--missing", "[Not Available]") if way == "option" else ("--settings", str(settings))
    told, _ = reviewed(path, *more)
    assert "Not Available" not in json.dumps(told)
    assert "no patient; the row is reviewed by itself" in json.dumps(told)
    without, _ = reviewed(path)
    assert "'[Not Available]', expected" in json.dumps(without)


def test_words_for_a_missing_value_in_wide_files(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("patient,ihc_score,her2_copies\np1,3+,NA\np2,NA,4.0\n", encoding="utf-8")
    assert asked("decide", "her2_status", path).exit_code == 3
    done = asked("decide", "her2_status", path, "--missing", "na")
    assert (done.exit_code, done.stdout.count("positive")) == (0, 1), done.output
    told, code = reviewed(path, "--missing", "na")
    assert (status_of(told)["p1"], code) == ("positive", 0)


@pytest.mark.parametrize("value", ['"NA"', "[1]", '[""]'])
def test_words_that_are_none_are_refused(value: str, tmp_path: Path) -> None:
    settings = tmp_path / "s.toml"
    settings.write_text(f"[files]\nmissing = {value}\n", encoding="utf-8")
    done = asked("review", csv_file(tmp_path, *ROWS), "--settings", settings)
    assert (done.exit_code, "expected words in a list" in done.stderr) == (2, True)


def test_decide_tells_a_contradiction_as_a_review_does(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("patient,her2_copies,cep17_copies,her2_cep17_ratio\np1,8,2,4\np2,4,4,3\n", encoding="utf-8")
    done = asked("decide", "her2_status", path)
    assert done.exit_code == 3
    assert "row 2: her2_cep17_ratio contradictory: ratio 3 recorded, but 4 / 4 = 1.00" in done.stderr
    assert "row 1" not in done.stderr
    told, _ = reviewed(path)
    assert "ratio 3 recorded, but 4 / 4 = 1.00" in json.dumps(told)


@pytest.mark.parametrize("day", ["20260203", "2026-W06-2", "2026-2-3", "2026-02-30", "２０２６-02-03"])
def test_a_day_is_written_in_one_way(day: str, tmp_path: Path) -> None:
    done = asked("review", csv_file(tmp_path, *ROWS), "--on", day)
    assert (done.exit_code, "write YYYY-MM-DD" in done.stderr) == (2, True)


def test_an_lvef_without_a_day_in_a_wide_file_is_told(tmp_path: Path) -> None:
    """It is never passed over: an LVEF of 40 beside a dose would be a hold."""
    path = tmp_path / "x.csv"
    path.write_text("patient,test_date,ihc_score,lvef,product\np1,2026-01-05,3+,40,trastuzumab-iv\n", encoding="utf-8")
    done = asked("review", path, "--on", ON, "--why")
    words = " ".join(done.stdout.split())
    assert (done.exit_code, "no column holds the days of lvef" in words) == (3, True), done.output
    assert "lvef (40) has no date, so what it means for the next dose is not known" in words
    assert "where it stands is not known: doses of a HER2-directed drug could not be read" in words


# -- settings ---------------------------------------------------------------------------------------

SETTINGS: dict[str, tuple[bytes, str]] = {
    "nested": (b"a = " + b"[" * 100_000 + b"]" * 100_000, "brackets stand in each other too deep"),
    "nested tables": (b"a = " + b"{a=" * 100_000, "brackets stand in each other too deep"),
    "not UTF-8": (b'[site]\nname = "M\xfcnchen"\n', "line 2 is not UTF-8"),
    "no number": (b"[heart]\nlvef_lower_limit = 1e999999999999999999999\n", "no number that can be used"),
    "digits": (b"[heart]\nlvef_lower_limit = " + b"9" * 5000, "this is no TOML"),
    "long": (b"#" * (2 << 20), "longer than 1024 KB"),
}


@pytest.mark.parametrize("name", SETTINGS)
def test_settings_that_cannot_be_read_are_told(name: str, tmp_path: Path) -> None:
    content, words = SETTINGS[name]
    settings = tmp_path / "s.toml"
    settings.write_bytes(content)
    done = asked("review", csv_file(tmp_path, *ROWS), "--settings", settings)
    assert (done.exit_code, words in done.stderr) == (2, True), done.stderr


# -- the words of a cell ----------------------------------------------------------------------------

KINDS: list[Callable[[], Any]] = [
    lambda: pa.array([1, None]), lambda: pa.array([1.5, None]), lambda: pa.array([True, None]),
    lambda: pa.array([b"a", None]), lambda: pa.array([b"ab", None], pa.binary(2)), lambda: pa.array([{"a": 1}, None]),
    lambda: pa.array([[1], None]), lambda: pa.array([[("a", 1)], None], pa.map_(pa.string(), pa.int64())),
    lambda: pa.array([dt.time(1, 2), None]), lambda: pa.array([dt.timedelta(1), None]),
    lambda: pa.array(["a", None], pa.large_string()), lambda: pa.array(["a", None]).dictionary_encode(),
    lambda: pa.array([1, None]).dictionary_encode(), lambda: pa.array([{"a": 1}, None], pa.struct([("a", pa.int8())])),
    lambda: pa.nulls(2), lambda: pa.array([Decimal("1.50"), None]),
]  # fmt: skip


@pytest.mark.parametrize("make", KINDS, ids=lambda make: str(make().type))
def test_a_column_of_any_type_is_words(make: Callable[[], Any]) -> None:
    column = pa.chunked_array([make()])
    for words in (as_words(column), as_days(column)):
        flat = words.cast(pa.string()) if not pa.types.is_nested(words.type) else words
        assert len(flat) == 2
        assert flat[1].as_py() is None


def test_bytes_that_are_no_text_are_shown() -> None:
    words = as_words(pa.chunked_array([pa.array([b"M\xfcller", None])])).combine_chunks()
    assert words_of(words) == ["M\ufffdfcller", None]


@pytest.mark.parametrize("fact", ["heart_failure", "pregnant", "er_status", "lvef"])
def test_a_row_without_its_value_is_told(fact: str, tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text(
        "patient,date,fact,value,product\n"
        "p1,2025-06-05,lvef,62,\np1,2025-06-16,dose_mg,560,trastuzumab-iv\n"
        f"p1,2025-06-17,{fact},,\np1,2025-06-18,heart_failure,no,\n",
        encoding="utf-8",
    )
    told, _ = reviewed(path)
    (patient,) = told["patients"]
    words = [finding["finding"] for finding in patient["course"]["findings"] if "x.csv:4" in finding.get("from", ())]
    assert f"{fact} of 2025-06-17 unknown, absent" in words
