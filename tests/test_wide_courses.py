"""Courses in wide files: the same findings as from the same events in the long format, whatever the shape."""

from __future__ import annotations

import csv
import datetime as dt
import json
import random
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from her2path.cli.group import main
from her2path.facts.problem import AskedWrongly
from her2path.facts.value import Unknown
from her2path.read.source import read_records
from her2path.read.tabular.wide_names import NO_FACTS, OF_DRUGS, OUTCOMES, UNDATED, named
from her2path.record.event import Record, Trouble
from her2path.tables.load import default_knowledge

FACTS = default_knowledge().facts
ON = "2026-06-01"
LONG = ("patient", "date", "fact", "value", "unit", "product", "qualifier", "specimen")
PLACE = re.compile(r"x\.(?:csv|parquet):\d+(?::\w+)?")
Event = dict[str, str]
Rows = list[dict[str, str]]


def said(
    fact: str, *values: str, product: str = "", qualifier: str = "", unit: str = "", specimen: str = ""
) -> list[Event]:
    beside = {"unit": unit, "product": product, "qualifier": qualifier, "specimen": specimen}
    return [{"fact": fact, "value": value, **beside} for value in values]


SAID = [
    *said("lvef", "62", "58", "48", "44", "50-55", "< 50", "not readable", "5", qualifier="echo"),
    *said("lvef", "61", "49", qualifier="MUGA"), *said("lvef", "0.6", "57"), *said("lvef", "60", unit="%"),
    *said("dose_mg", "560", "420", "a vial", product="trastuzumab-iv", qualifier="Kanjinti"),
    *said("dose_mg", "600", product="trastuzumab-sc"), *said("dose_mg", "840", "420", product="Perjeta"),
    *said("dose_mg", "100", product="no such drug"), *said("dose_mg", "420", product="trastuzumab new word"),
    *said("dose_mg", "0.42", product="trastuzumab-iv", unit="g"), *said("dose_mg_per_kg", "8", "6", product="Herceptin"),
    *said("dose_given", "yes", "no", product="Herceptin"), *said("dose_given", "yes", product="docetaxel"),
    *said("dose_mg_per_m2", "60", product="doxorubicin"), *said("ordered_mg", "420", product="trastuzumab-iv"),
    *said("hold_recorded", "cardiac", "resumed", "other", product="trastuzumab-iv"),
    *said("stop_recorded", "progression", "complete", product="trastuzumab-iv"),
    *said("infusion_given_minutes", "90", "30", product="trastuzumab-iv"),
    *said("weight_kg", "70", "64", "heavy"), *said("weight_kg", "150", unit="lb"), *said("height_cm", "168"),
    *said("heart_failure", "yes", "no", "maybe"), *said("setting", "adjuvant", "metastatic"), *said("progression", "yes"),
    *said("surgery_done", "yes"), *said("pregnant", "yes"), *said("pregnancy_test", "negative", "positive"),
    *said("er_status", "positive", "negative"), *said("pr_status", "negative"), *said("stage", "2", "3"),
    *said("grade", "3"), *said("tumour_size_mm", "22", "> 20"), *said("menopausal_status", "premenopausal"),
    *said("allergy", "trastuzumab"), *said("diabetes", "yes"), *said("her2_drug_recorded", "dispensed", product="Herceptin"),
    *said("ihc_score", "3+", "1+", "0+", "unclear", specimen="s1"), *said("ihc_score", "2+", "3+"),
    *said("her2_cep17_ratio", "2.4", specimen="s1"), *said("her2_copies", "6.1", "> 6"), *said("specimen_kind", "biopsy", specimen="s1"),
    *said("her2_status", "positive"), *said("lvef_baseline", "60"),
]  # fmt: skip
OF_PERSON = [*said("sex", "female", "male"), *said("birth_date", "1970-02-28", "1939-12-31"), *said("tumour_site", "breast", "gastric"),
             *said("death_date", "2026-05-01", "2027-01-01")]  # fmt: skip
DAYS = ["", "2024-02-30", *(f"202{year}-{month:02}-{day:02}" for year in "45" for month in (1, 4, 9) for day in (3, 24)),
        "2026-01-14", "2026-02-04", "2026-02-25", "2027-01-01"]  # fmt: skip


@st.composite
def histories(draw: st.DrawFn) -> list[Event]:
    """Events of one patient as rows of the long format without her name."""
    dated = draw(st.lists(st.tuples(st.sampled_from(SAID), st.sampled_from(DAYS)), max_size=14))
    (known,) = said("er_status", "positive")
    return (
        [known | {"date": DAYS[-2]}]
        + [event | {"date": day} for event, day in dated]
        + [
            event | {"date": ""}
            for event in draw(st.lists(st.sampled_from(OF_PERSON), max_size=3, unique_by=lambda e: e["fact"]))
        ]
    )


COHORTS = st.lists(histories(), min_size=1, max_size=3)


def by_day(patient: str, events: list[Event], rng: random.Random) -> Rows:
    """A row for each day, or several where the cells of one do not hold all of it."""
    rows: Rows = []
    for event in events:
        cells = {"patient": patient, "date": event["date"], event["fact"]: event["value"]}
        fact = event["fact"]
        if event["unit"]:
            cells[f"{fact}_unit"] = event["unit"]
        if fact in OF_DRUGS:
            cells |= {"product": event["product"], "brand": event["qualifier"]}
        elif fact == "lvef":
            cells["method"] = event["qualifier"]
        elif FACTS[fact].test or fact in ("specimen_kind", "her2_status", "tumour_site"):
            cells["specimen"] = event["specimen"]
        row = next((row for row in rows if _fits(row, cells, fact)), None) if rng.random() < 0.8 else None
        if row is None:
            rows.append(cells)
        else:
            row |= {name: cell for name, cell in cells.items() if name != "date"}
    return rows


def _fits(row: dict[str, str], cells: dict[str, str], fact: str) -> bool:
    is_undated = fact in UNDATED
    if fact in row or (row["date"] != cells["date"] and not is_undated) or f"{fact}_unit" in row:
        return False
    return all(row.get(name, cell) == cell for name, cell in cells.items() if not (name == "date" and is_undated))


def by_number(patient: str, events: list[Event], rng: random.Random) -> Rows:
    """All of her in one row, each event in columns of its own."""
    row = {"patient": patient}
    seen: dict[str, int] = {}
    for event in events:
        fact = event["fact"]
        seen[fact] = seen.get(fact, 0) + 1
        which = str(seen[fact])
        if fact in UNDATED:
            row[fact] = event["value"]
            continue
        style = sum(map(ord, fact)) % 3
        if style == 0:
            column, beside = f"{fact}_{which}", f"{fact}_{which}_{{}}"
        elif style == 1:
            column, beside = f"{fact}_visit_{which}", f"{{}}_{fact}_visit_{which}"
        else:
            column, beside = f"c{which}_{fact}", f"c{which}_{fact}_{{}}"
        row[column] = event["value"]
        row[beside.format("date")] = event["date"]
        for name in ("unit", "product", "specimen"):
            if event[name]:
                row[beside.format(name)] = event[name]
        if event["qualifier"]:
            row[beside.format("method" if fact == "lvef" else "brand")] = event["qualifier"]
    return [row]


def written(path: Path, names: Iterable[str], rows: Rows) -> Path:
    names = list(names)
    if path.suffix == ".parquet":
        columns = [pa.array([row.get(name) or None for row in rows], pa.string()) for name in names]
        pq.write_table(pa.Table.from_arrays(columns, names=names), path)
        return path
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, names, restval="")
        writer.writeheader()
        writer.writerows(rows)
    return path


def review(path: Path, *options: str) -> Any:
    asked = ["review", str(path), "--on", ON, "--jurisdiction", "us", "--format", "json", *options]
    done = CliRunner().invoke(main, asked)
    assert done.exit_code in (0, 3), done.output
    return json.loads(done.stdout)


def placeless(told: Any) -> Any:
    """What is told without the places in the file, their order, and what differs in the place alone."""
    if isinstance(told, dict):
        return {name: placeless(value) for name, value in told.items()}
    if isinstance(told, list):
        by_words = {json.dumps(each, sort_keys=True): each for each in map(placeless, told)}
        return [by_words[words] for words in sorted(by_words)]
    return PLACE.sub("", told).strip() if isinstance(told, str) else told


def patients(told: Any) -> Any:
    return placeless(told["patients"])


SETTINGS = settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.mark.parametrize("shape", [by_day, by_number])
@pytest.mark.parametrize("ending", ["csv", "parquet"])
@SETTINGS
@given(cohort=COHORTS, seed=st.integers(0, 10_000))
def test_a_wide_file_says_what_the_long_one_says(
    shape: Any, ending: str, cohort: list[list[Event]], seed: int, tmp_path: Path
) -> None:
    rng = random.Random(seed)
    known = [(f"p{number}", events) for number, events in enumerate(cohort)]
    long_rows = [{"patient": name} | event for name, events in known for event in events]
    told = review(written(tmp_path / "x.csv", LONG, long_rows))
    rows = [row for name, events in known for row in shape(name, events, rng)]
    names = [*dict.fromkeys(name for row in rows for name in row)]
    rng.shuffle(rows)
    rng.shuffle(names)
    for row in rows:
        for name in names:
            if name != "patient" and not row.get(name) and rng.random() < 0.3 and shape is by_day:
                row[name] = rng.choice(["NA", "n/a "])
    again = review(written(tmp_path / f"x.{ending}", names, rows), "--missing", "NA", "--missing", "N/A")
    assert patients(again) == patients(told)


def read(folder: Path, text: str, columns: dict[str, str] | None = None) -> tuple[dict[str, Record], list[str]]:
    path = folder / "x.csv"
    path.write_text(text, encoding="utf-8")
    found = list(read_records(path, FACTS, columns=columns))
    records = {each.patient: each for each in found if isinstance(each, Record)}
    return records, [str(each) for each in found if isinstance(each, Trouble)]


def course(record: Record) -> list[tuple[str, str, str]]:
    return [(event.fact, str(event.value), str(event.day or "")) for event in record.course]


@pytest.mark.parametrize("fact", [name for name in FACTS if name not in (*NO_FACTS, *OUTCOMES)])
def test_every_fact_may_stand_several_times(fact: str) -> None:
    for name, role in (
        (f"{fact}_2", "value"), (f"cycle_2_{fact}", "value"), (f"{fact}_baseline", "value"), (f"{fact}_2_date", "date"),
        (f"date_{fact}_2", "date"), (f"{fact}_product_2", "product"),
    ):  # fmt: skip
        found = named(name, FACTS)
        if name in FACTS:
            continue
        assert found is not None, name
        assert (found.role, found.facts) == (role, (fact,)), name


@pytest.mark.parametrize("name", ["lvef_change", "dose_mg_planned", "lvef_2_date_product", "weight_kg_loss", "comment"])
def test_words_that_are_not_listed_say_no_fact(name: str) -> None:
    assert named(name, FACTS) is None


@pytest.mark.parametrize(
    ("header", "row", "event"),
    [
        ("lvef_baseline,lvef_baseline_date", "62,2026-01-20", ("lvef", "62", "2026-01-20")),
        ("lvef_1,date_lvef_1", "48,2026-04-20", ("lvef", "48", "2026-04-20")),
        ("lvef1,lvef1_date", "48,2026-04-20", ("lvef", "48", "2026-04-20")),
        ("lvef_muga,lvef_date", "48,2026-04-20", ("lvef", "48", "2026-04-20")),
        ("cycle_01_dose_mg,cycle_1_date", "420,2026-02-01", ("dose_mg", "420", "2026-02-01")),
        ("dose_mg_3,dose_3_date", "420,2026-02-01", ("dose_mg", "420", "2026-02-01")),
        ("weight_kg,weight_date", "70,2026-02-01", ("weight_kg", "70", "2026-02-01")),
        ("weight_kg,date", "70,2026-02-01", ("weight_kg", "70", "2026-02-01")),
        ("sex,date", "female,2026-02-01", ("sex", "female", "")),
        ("heart_failure,day", "yes,2026-02-01", ("heart_failure", "yes", "2026-02-01")),
        ("lvef_2,date", "48,2026-04-20", ("lvef", "48", "")),
    ],
)
def test_the_day_of_a_value(tmp_path: Path, header: str, row: str, event: tuple[str, str, str]) -> None:
    records, _ = read(tmp_path, f"patient,{header}\np,{row}\n")
    assert course(records["p"]) == [event]


def test_a_place_names_row_and_column(tmp_path: Path) -> None:
    records, _ = read(tmp_path, "patient,lvef_1,lvef_1_date\np,,\np,48,2026-04-20\n")
    assert [event.origin for event in records["p"].course] == ["x.csv:3:lvef_1"]


def test_drug_brand_and_method_stand_beside_their_value(tmp_path: Path) -> None:
    records, told = read(
        tmp_path,
        "patient,product,dose_mg_1,dose_mg_1_date,dose_mg_2,dose_mg_2_date,product_2,brand_2,lvef,lvef_date,lvef_method\n"
        "p,pertuzumab,840,2026-01-01,560,2026-01-02,trastuzumab-iv,Ogivri,60,2025-12-01,MUGA\n",
    )
    found = {(event.fact, str(event.value)): (event.product, event.qualifier) for event in records["p"].course}
    assert found == {
        ("dose_mg", "840"): ("pertuzumab", ""), ("dose_mg", "560"): ("trastuzumab-iv", "ogivri"), ("lvef", "60"): ("", "MUGA"),
    }  # fmt: skip
    assert told == []


def test_columns_are_named_by_hand(tmp_path: Path) -> None:
    named_so = {"lvef_1": "EF A", "lvef_1_date": "EF A on", "dose_mg": "Amount", "date": "Given"}
    records, told = read(tmp_path, "patient,EF A,EF A on,Amount,Given\np,60,2025-12-01,560,2026-01-02\n", named_so)
    assert course(records["p"]) == [("lvef", "60", "2025-12-01"), ("dose_mg", "560", "2026-01-02")]
    assert told == []
    with pytest.raises(AskedWrongly, match="no fact is called 'lvef_change'"):
        read(tmp_path, "patient,EF A\np,60\n", {"lvef_change": "EF A"})


UNREAD = {
    "a word that is not listed": ("lvef_change", "-10", "lvef"),
    "a dose that is planned": ("dose_mg_planned", "420", "her2_drug_recorded"),
    "the day of a dose": ("last_dose_date", "2026-02-01", "her2_drug_recorded"),
    "the day of an LVEF": ("echo_date", "2026-02-01", "lvef"),
    "a drug": ("herceptin_start", "2026-02-01", "her2_drug_recorded"),
    "a product of no dose": ("product_2", "Herceptin", "her2_drug_recorded"),
    "a failing heart": ("chf", "yes", "heart_failure"),
    "a weight": ("weight", "150", "weight_kg"),
}


@pytest.mark.parametrize("name", UNREAD)
def test_a_column_that_looks_like_ours_is_told_and_leaves_its_fact_unknown(name: str, tmp_path: Path) -> None:
    column, cell, fact = UNREAD[name]
    records, told = read(tmp_path, f"patient,ihc_score,{column}\np,3+,{cell}\nq,3+,\n")
    assert any(f"the column {column} " in line for line in told), told
    (event,) = records["p"].course
    assert event.fact == fact
    assert isinstance(event.value, Unknown) or fact == "her2_drug_recorded"
    assert records["q"].course == []


def not_known(folder: Path, text: str) -> set[str]:
    """The patients of whom it is not known where the therapy stands."""
    path = folder / "x.csv"
    path.write_text(text, encoding="utf-8")
    return {
        each["patient"]
        for each in review(path)["patients"]
        if "therapy_phase" in (each["course"] or {"unknown": {}})["unknown"]
    }


def test_a_drug_without_a_dose_is_not_before_the_start(tmp_path: Path) -> None:
    rows = "patient,product,dose_mg,date,sex\np,Herceptin,,,female\nq,,,,female\nr,docetaxel,,,female\n"
    assert not_known(tmp_path, rows) == {"p"}
    assert not_known(tmp_path, "patient,product,sex\np,trastuzumab new word,female\nq,,male\n") == {"p"}


def test_a_day_without_its_value_is_told(tmp_path: Path) -> None:
    records, _ = read(
        tmp_path,
        "patient,lvef_1,lvef_1_date,cycle_1_dose_mg,cycle_1_weight_kg,cycle_1_date\np,,2026-01-01,,,2026-02-01\n",
    )
    lvef, drug = records["p"].course
    assert (lvef.fact, str(lvef.day), isinstance(lvef.value, Unknown)) == ("lvef", "2026-01-01", True)
    assert (drug.fact, str(drug.day), drug.value) == ("her2_drug_recorded", "2026-02-01", "dose not read")


def test_a_row_without_a_patient_is_reviewed_by_itself(tmp_path: Path) -> None:
    records, _ = read(tmp_path, "patient,date,lvef,weight_kg\n,2026-01-01,60,70\np,,,\n,2026-01-02,50,60\n")
    assert [(name, len(record.course)) for name, record in records.items()] == [("row 2", 2), ("p", 0), ("row 4", 2)]
    assert [str(each) for each in records["row 4"].troubles] == [
        "x.csv:4: no patient in the column patient; the row is reviewed by itself"
    ]


def test_tests_alone_are_read_as_before(tmp_path: Path) -> None:
    records, told = read(tmp_path, "patient,test_date,ihc_score\np,2026-01-01,3+\np,2026-01-01,1+\n")
    assert [event.specimen for event in records["p"].events] == ["row 2", "row 3"]
    assert told == []


def test_days_and_numbers_of_parquet(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    table = {
        "patient": [1, 1], "date": [dt.datetime(2026, 1, 2, 3), dt.datetime(2026, 1, 23)], "dose_mg": [560.0, 420.0],
        "product": ["Herceptin"] * 2, "birth_date": [dt.date(1970, 2, 3)] * 2, "heart_failure": [False, None],
    }  # fmt: skip
    pq.write_table(pa.table(table), path)
    (record,) = read_records(path, FACTS)
    assert isinstance(record, Record)
    assert record.patient == "1"
    assert set(course(record)) == {
        ("dose_mg", "560", "2026-01-02"), ("dose_mg", "420", "2026-01-23"), ("birth_date", "1970-02-03", ""),
        ("heart_failure", "no", "2026-01-02"),
    }  # fmt: skip
