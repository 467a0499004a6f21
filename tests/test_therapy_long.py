"""Records in the long format, one row one event, as CSV and as Parquet."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from her2path.facts.problem import AskedWrongly
from her2path.facts.value import Interval, Reason, Unknown
from her2path.read.source import read_records
from her2path.read.tabular import columns as long_columns
from her2path.read.tabular.columns import read_long
from her2path.read.tabular.long import is_long
from her2path.record.columns import RecordColumns
from her2path.record.event import RECORDED_STATUS, Event, Record, Trouble
from therapy_makers import codes, facts

HEADER = "patient,date,fact,value,unit,product,qualifier,specimen,origin"


@pytest.fixture(autouse=True)
def _tables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(long_columns, "codes_of", lambda _facts: codes())


def written(folder: Path, *lines: str, header: str = HEADER) -> Path:
    path = folder / "x.csv"
    width = header.count(",") + 1
    rows = [line + "," * (width - 1 - line.count(",")) for line in lines]
    path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return path


def read(path: Path, columns: dict[str, str] | None = None) -> tuple[list[Record], list[Trouble]]:
    found = list(read_long(path, facts(), columns))
    batches = [each for each in found if isinstance(each, RecordColumns)]
    records = [batch.record(place) for batch in batches for place in range(len(batch))]
    return records, [each for each in found if isinstance(each, Trouble)]


def record(folder: Path, *lines: str, header: str = HEADER) -> Record:
    (only,), troubles = read(written(folder, *lines, header=header))
    assert not troubles
    return only


def event(folder: Path, line: str, header: str = HEADER) -> Event:
    (only,) = record(folder, line, header=header).course
    return only


def told(made: Record) -> list[str]:
    return [str(each) for each in made.troubles]


def test_a_row_is_an_event_of_the_course_or_of_a_test(tmp_path: Path) -> None:
    made = record(
        tmp_path, "p1,2026-01-01,ihc_score,3+,,,,s1,lab", "p1,2026-01-01,her2_status,positive,,,,s1", "p1,,tumour_site,breast",
        "p1,2026-01-01,specimen_kind,biopsy,,,,s1", "p1,2026-01-05,dose_mg,440,mg,trastuzumab-iv,Kanjinti", "p1,,sex,female",
    )  # fmt: skip
    assert [(each.fact, each.value, each.specimen, each.origin) for each in made.events] == [
        ("ihc_score", "3+", "s1", "x.csv:2 lab"), (RECORDED_STATUS, "positive", "s1", "x.csv:3"),
    ]  # fmt: skip
    dose, sex = made.course
    assert (dose.fact, dose.value, dose.day, dose.product, dose.qualifier) == (
        "dose_mg",
        Decimal(440),
        dt.date(2026, 1, 5),
        "trastuzumab-iv",
        "kanjinti",
    )
    assert (sex.fact, sex.value, sex.day) == ("sex", "female", None)
    assert made.sites == {"breast"}
    assert made.tissues["s1"].kind == "biopsy"
    assert not made.troubles


@pytest.mark.parametrize(
    ("fact", "value", "unit", "read", "note"),
    [
        ("lvef", "62", "%", Decimal(62), ""), ("lvef", "62", "", Decimal(62), ""), ("lvef", "50-55%", "", Interval(Decimal(50), Decimal(55), True, True), ""),
        ("lvef", "0.55", "", Decimal(55), "the fraction 0.55 is read as 55 percent"), ("weight_kg", "70.5", "", Decimal("70.5"), ""),
        ("weight_kg", "154", "lb", Decimal("69.853"), "154 lb is read as 69.853 kg"), ("dose_mg", "0.44", "g", Decimal(440), "0.44 g is read as 440 mg"),
        ("dose_mg_per_kg", "6", "mg/kg", Decimal(6), ""), ("stage", "2", "", "2", ""), ("dose_given", "yes", "", "yes", ""),
        ("height_cm", "1.7", "m", Decimal(170), "1.7 m is read as 170 cm"),
    ],
)  # fmt: skip
def test_a_value_and_its_unit(tmp_path: Path, fact: str, value: str, unit: str, read: Any, note: str) -> None:
    made = event(tmp_path, f"p1,2026-01-01,{fact},{value},{unit}")
    assert (made.value, made.note) == (read, note)


@pytest.mark.parametrize(
    ("fact", "value", "unit", "why", "words"),
    [
        ("lvef", "normal", "", Reason.UNPARSABLE_TEXT, "lvef 'normal', expected a number [10..90] (percent)"),
        ("lvef", "5", "%", Reason.IMPLAUSIBLE, "lvef 5, expected a number [10..90] (percent)"),
        ("lvef", "500", "", Reason.IMPLAUSIBLE, "lvef 500, expected a number [10..90] (percent)"),
        (
            "weight_kg",
            "11",
            "bushel",
            Reason.UNPARSABLE_TEXT,
            "weight_kg 11 with the unit 'bushel', expected a number [25..300] (kg)",
        ),
        (
            "dose_mg",
            "6",
            "mg/kg",
            Reason.UNPARSABLE_TEXT,
            "dose_mg 6 with the unit 'mg/kg', expected a number (0..10000] (mg)",
        ),
        ("er_status", "maybe", "", Reason.UNPARSABLE_TEXT, "er_status 'maybe', expected one of positive, negative"),
        ("dose_mg", "", "", Reason.ABSENT, ""),
    ],
)
def test_a_value_that_cannot_be_read_is_unknown_with_its_reason(
    tmp_path: Path, fact: str, value: str, unit: str, why: Reason, words: str
) -> None:
    assert event(tmp_path, f"p1,2026-01-01,{fact},{value},{unit}").value == Unknown(why, words)


def test_an_unknown_fact_is_told_with_the_nearest_and_loses_nothing_else(tmp_path: Path) -> None:
    made = record(
        tmp_path,
        "p1,2026-01-01,lvfe,60",
        "p1,2026-01-02,lvfe,61",
        "p1,2026-01-01,lvef,60",
        "p1,2026-01-01,,60",
        "p1,2026-01-01,xyzzy,1",
    )
    assert [each.fact for each in made.course] == ["lvef"]
    assert told(made) == [
        "x.csv:2: no fact is called 'lvfe'; did you mean lvef?", "x.csv:5: the row names no fact", "x.csv:6: no fact is called 'xyzzy'",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("said", "drug", "brand"),
    [
        ("Kanjinti", "trastuzumab-iv", "kanjinti"),
        ("T-DM1", "t-dm1", ""),
        ("ado-trastuzumab emtansine", "t-dm1", ""),
        ("Trastuzumab SC", "trastuzumab-sc", ""),
        ("phesgo", "phesgo", ""),
    ],
)
def test_the_product_of_a_dose(tmp_path: Path, said: str, drug: str, brand: str) -> None:
    made = event(tmp_path, f"p1,2026-01-01,dose_mg,440,mg,{said}")
    assert (made.product, made.qualifier) == (drug, brand)


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("paclitaxl", "no drug is called 'paclitaxl'; did you mean paclitaxel?; nothing is read from the row"),
        ("trastuzumab rezetecan", "'trastuzumab rezetecan' is no drug that is known; nothing is read from the row"),
    ],
)
def test_a_product_that_is_none_costs_its_row(tmp_path: Path, said: str, words: str) -> None:
    made = record(tmp_path, f"p1,2026-01-01,dose_mg,440,mg,{said}", "p1,2026-01-02,lvef,60")
    shown = [each.value for each in made.course if each.fact == "her2_drug_recorded"]
    assert shown == (["dose not read"] if said.startswith("trastuzumab") else [])
    assert [each.fact for each in made.course][len(shown) :] == ["lvef"]
    assert words in told(made)[0]


@pytest.mark.parametrize(
    ("said", "method"),
    [("TTE", "echo"), ("muga", "MUGA"), ("MRI", "CMR"), ("", "unspecified"), ("by eye", "unspecified")],
)
def test_the_method_of_an_ejection_fraction(tmp_path: Path, said: str, method: str) -> None:
    assert (
        event(tmp_path, f"p1,2026-01-01,lvef,60,%,{said}", header="patient,day,fact,value,unit,method").qualifier
        == method
    )


@pytest.mark.parametrize("said", ["2026-02-30", "01/02/2026", "2026", "soon"])
def test_a_bad_date_costs_the_day_alone(tmp_path: Path, said: str) -> None:
    made = record(tmp_path, f"p1,{said},lvef,60")
    assert [(each.value, each.day) for each in made.course] == [(Decimal(60), None)]
    assert told(made) == [f"x.csv:2: unparsable text: date {said!r}, expected YYYY-MM-DD"]


def test_patients_whose_rows_do_not_stand_together_are_whole_all_the_same(tmp_path: Path) -> None:
    made, troubles = read(written(tmp_path, "p2,2026-01-01,lvef,60", "p1,2026-01-01,lvef,61", "p2,2026-01-02,lvef,62"))
    assert [(each.patient, [(e.value, e.origin) for e in each.course]) for each in made] == [
        ("p1", [(Decimal(61), "x.csv:3")]), ("p2", [(Decimal(60), "x.csv:2"), (Decimal(62), "x.csv:4")]),
    ]  # fmt: skip
    assert [str(each) for each in troubles] == [
        "x.csv: the rows of a patient do not stand together; the whole file was sorted in memory"
    ]


def test_a_row_without_a_patient_stands_by_itself(tmp_path: Path) -> None:
    made, _ = read(written(tmp_path, "p1,2026-01-01,lvef,60", ",2026-01-01,lvef,61", ",2026-01-01,lvef,62"))
    assert [each.patient for each in made] == ["p1", "row 3", "row 4"]
    assert told(made[1]) == ["x.csv:3: no patient; the row is reviewed by itself"]


def test_a_row_of_another_width_is_left_out_and_told(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text(
        "patient,date,fact,value\np1,2026-01-01,lvef,60\np1,2026-01-01\np1,2026-01-02,lvef,61\n", encoding="utf-8"
    )
    (made,), troubles = read(path)
    assert [(each.value, each.origin) for each in made.course] == [(Decimal(60), "x.csv:2"), (Decimal(61), "x.csv:4")]
    assert [str(each) for each in troubles] == ["x.csv:3: the row has 2 cells, but the header has 4; it is left out"]


def table(patients: int = 3) -> pa.Table:
    rows = [
        (f"p{n:03}", dt.date(2026, 1, 1 + each), "lvef", 60.5 + each, None)
        for n in range(patients)
        for each in range(3)
    ]
    names = ["patient", "date", "fact", "value", "product"]
    return pa.table({name: [row[place] for row in rows] for place, name in enumerate(names)})


def test_parquet_with_dates_and_numbers_of_their_own(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    pq.write_table(table(), path, row_group_size=2)
    made, troubles = read(path)
    assert not troubles
    assert [each.patient for each in made] == ["p000", "p001", "p002"]
    assert [(each.value, each.day) for each in made[0].course] == [
        (Decimal(f"{60.5 + n}"), dt.date(2026, 1, 1 + n)) for n in range(3)
    ]


def test_a_file_is_read_batch_by_batch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Small batches cut patients in two; the records are the same."""
    path = tmp_path / "x.parquet"
    pq.write_table(table(50), path)
    whole, _ = read(path)
    monkeypatch.setattr("her2path.read.tabular.long.ROWS_AT_ONCE", 2)
    assert len(list(read_long(path, facts()))) == 50
    pieces, _ = read(path)
    assert whole == pieces


def test_few_rows_and_many_are_coded_alike(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Few rows need no `pyarrow.compute`; blank cells, blank patients and days that cannot be read are the same."""
    lines = [
        "p1,2026-01-01,lvef,60,%",
        "p1,,lvef,,",
        "p1,soon,er_status,positive,",
        ",2026-01-02,lvef,0.61,",
        ",2026-01-02,lvfe,61,",
        "p2,2026-01-03,dose_mg,440,mg,Kanjinti",
    ]
    few, told_of_few = read(written(tmp_path, *lines))
    monkeypatch.setattr("her2path.read.tabular.coded.FEW_ROWS", 0)
    many, told_of_many = read(written(tmp_path, *lines))
    assert few == many
    assert told_of_few == told_of_many


def test_which_files_are_long(tmp_path: Path) -> None:
    assert is_long(written(tmp_path, "p1,2026-01-01,lvef,60"))
    assert not is_long(written(tmp_path, "p1,3+", header="patient,ihc_score"))
    assert is_long(written(tmp_path, "p1,lvef,60", header="patient,what,value"), {"fact": "what"})
    assert not is_long(tmp_path / "nothing.csv")
    (made,) = read_records(written(tmp_path, "p1,2026-01-01,lvef,60"), facts())
    assert isinstance(made, Record)
    assert [each.fact for each in made.course] == ["lvef"]


def test_columns_by_other_names(tmp_path: Path) -> None:
    path = written(tmp_path, "p1,2026-01-01,lvef,60", header="MRN,on,what,result")
    (made,), _ = read(path, {"patient": "MRN", "date": "on", "fact": "what", "value": "result"})
    assert [(each.fact, each.value) for each in made.course] == [("lvef", Decimal(60))]
    with pytest.raises(AskedWrongly, match="no column is called patient or patient_id or id"):
        read(path, {"fact": "what", "value": "result"})
    with pytest.raises(AskedWrongly, match="no column is called 'nix'"):
        read(path, {"fact": "nix"})
    with pytest.raises(AskedWrongly, match="a file of one event a row has the columns patient, date, fact, value"):
        read(path, {"ihc_score": "result"})


@pytest.mark.parametrize("column", ["date", "origin", "patient", "value"])
def test_a_damaged_dictionary_is_refused_with_its_column(tmp_path: Path, column: str) -> None:
    path = tmp_path / "x.parquet"
    cells = {"patient": "p1", "date": "2025-06-05", "fact": "lvef", "value": "62", "origin": "o1"}
    pq.write_table(pa.table({name: [cell, cell[:-1] + "7"] for name, cell in cells.items()}), path)
    whole = path.read_bytes()
    chunk = pq.ParquetFile(path).metadata.row_group(0).column(list(cells).index(column))
    end = chunk.dictionary_page_offset + chunk.total_compressed_size
    refused = []
    for at in range(chunk.data_page_offset, end):
        for byte in (1, 3, 9, 0xFF):
            path.write_bytes(whole[:at] + bytes([byte]) + whole[at + 1 :])
            try:
                for each in read_records(path, facts()):
                    assert isinstance(each, Record | Trouble)
            except AskedWrongly as error:
                refused.append(str(error))
    assert any(f"the column {column} is damaged" in words for words in refused)
