"""Parquet says what the page says: every finding, specimen, answer, row, edition and source of the JSON of a review stands
in the tables of the same review, and nothing else does."""

from __future__ import annotations

import datetime as dt
import json
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from course_makers import date, made
from her2path.cli.group import main
from her2path.findings.patient import Reviewed
from her2path.record.event import Record
from her2path.write.review_json import patient_json
from her2path.write.tables.findings import findings_table
from her2path.write.tables.patients import patients_table
from her2path.write.tables.specimens import ANSWERS, SPECIMENS, specimens_table
from random_patients import batches, records
from test_course_one_and_many import as_many
from test_reviews_and_tables import reviewer

ROOT = Path(__file__).parent.parent
GOLDEN = Path(__file__).parent / "golden"
SOURCES = [
    ROOT / "examples" / "her2-tests.ndjson", *sorted((ROOT / "examples" / "courses").glob("*.csv")),
    *sorted((Path(__file__).parent / "records").iterdir()), GOLDEN / "clean.parquet", GOLDEN / "messy.parquet",
]  # fmt: skip
Rows = list[dict[str, Any]]


def cited(sources: Rows) -> str:
    """Sources as the tables write them."""
    return "; ".join(
        f"{each['key']}{' ' if each['where'] else ''}{each['where']} ({each['verified']})" for each in sources
    )


def sets(would_settle: list[list[str]]) -> str:
    return ", or ".join(" and ".join(names) for names in would_settle)


# -- the JSON in the words of the tables --------------------------------------------------------


def findings_of_json(patients: Rows) -> Counter[Any]:
    told: Counter[Any] = Counter()
    for patient in patients:
        course = patient["course"]["findings"] if patient["course"] else []
        listed = [(finding, None) for finding in (*patient["findings"], *course)]
        listed += [(each, specimen["specimen"]) for specimen in patient["specimens"] for each in specimen["findings"]]
        for each, specimen in listed:
            told[
                patient["patient"], specimen, each["grade"], each["finding"], each.get("do", ""), each.get("by"),
                each.get("key", ""), "; ".join(each.get("rows", ())), each.get("edition", ""), cited(each.get("sources", [])),
                each.get("remark", ""), tuple(sorted(each.get("facts", {}).items())), sets(each.get("would_settle", [])),
                tuple(sorted(each["from"])), patient["tumour_site"],
            ] += 1  # fmt: skip
    return told


def findings_of_table(rows: Rows) -> Counter[Any]:
    told: Counter[Any] = Counter()
    for row in rows:
        has_key = row["rows"] or row["outcome"] not in ("her2", "her2 specimen", "reading", "record")
        told[
            row["patient"], row["specimen"], row["grade"], row["finding"], row["do"], row["by"] and str(row["by"]),
            f"{row['outcome']}: {row['value']}" if has_key else "", row["rows"], row["edition"], row["sources"],
            row["remark"], tuple(sorted(row["facts"])), row["would_settle"], tuple(sorted(row["origins"])),
            row["tumour_site"],
        ] += 1  # fmt: skip
    return told


def specimens_of_json(patients: Rows) -> list[dict[str, Any]]:
    told = []
    for patient in patients:
        for each in patient["specimens"]:
            decided = each["decisions"]
            status = decided["her2_status"]
            row = {
                "patient": patient["patient"], "specimen": each["specimen"], "day": each["date"],
                "specimen_kind": each["specimen_kind"], "place": each["place"], "tumour_site": patient["tumour_site"],
                "edition": status["edition"], "contradictory": status["contradictory"], "notes": "; ".join(status["notes"]),
                "test_facts": [test["fact"] for test in each["tests"]], "tests_said": [t["said"] for t in each["tests"]],
                "origins": [test["from"] for test in each["tests"]],
            }  # fmt: skip
            for answer in ANSWERS:
                told_of = decided.get(answer)
                names = ("possible", "rows", "sources", "would_settle", "remark", "unknown")
                if told_of is None:
                    row |= {answer: None} | {f"{answer}_{name}": None for name in names}
                    continue
                assert (told_of["edition"], told_of["notes"]) == (status["edition"], status["notes"])
                assert not told_of["assumed"]
                words = (
                    " or ".join(map(str, told_of["possible"])), "; ".join(told_of["rows"]), cited(told_of["sources"]),
                    sets(told_of["would_settle"]), "; ".join(told_of["remarks"]),
                    "; ".join(f"{name}: {why}" for name, why in told_of["unknown"].items()),
                )  # fmt: skip
                row |= {answer: told_of[answer]} | {f"{answer}_{name}": w for name, w in zip(names, words, strict=True)}
            told.append(row)
    return told


OF_RESULTS = {"ihc_score", "staining_intensity", "staining_completeness", "any_membrane_staining", "ish_probe", "ish_group",
              "ish_result", "ish_recount", "stained_percent", "stained_cluster_cells", "her2_cep17_ratio", "her2_copies",
              "cep17_copies", "facts"}  # fmt: skip
"""What a table has as columns and the JSON as the tests themselves."""


def specimens_of_table(rows: Rows) -> list[dict[str, Any]]:
    return [
        {
            name: str(value) if name == "day" and value else value
            for name, value in row.items()
            if name not in OF_RESULTS
        }
        for row in rows
    ]


def patients_of_json(patients: Rows) -> list[Any]:
    return [
        (each["patient"], each["where"], each["tumour_site"], each["her2_status"], " or ".join(each["possible"]),
         each["her2_expression"], each["rule"], each["course"] is not None)
        for each in patients
    ]  # fmt: skip


def patients_of_table(rows: Rows) -> list[Any]:
    names = (
        "patient",
        "where",
        "tumour_site",
        "her2_status",
        "her2_possible",
        "her2_expression",
        "her2_rule",
        "has_course",
    )
    return [tuple(row[name] for name in names) for row in rows]


def require_same(patients: Rows, findings: Rows, of_patients: Rows, specimens: Rows) -> None:
    wanted, found = findings_of_json(patients), findings_of_table(findings)
    assert found == wanted, (wanted - found, found - wanted)
    assert specimens_of_table(specimens) == specimens_of_json(patients)
    assert patients_of_table(of_patients) == patients_of_json(patients)
    for row in specimens:  # what a column of a result says is what the tests say
        said = dict(zip(row["test_facts"], row["tests_said"], strict=True))
        if row["test_facts"].count("ihc_score") == 1 and row["ihc_score"] is not None:
            assert dict(row["facts"])["ihc_score"] == row["ihc_score"]
            assert said["ihc_score"]


# -- files --------------------------------------------------------------------------------------


def review(source: Path, on: str, folder: Path, *options: str) -> tuple[Rows, Rows, Rows, Rows]:
    """What JSON says of the patients, and the findings, patients and specimens of the tables."""
    documents = []
    for output in ("x.json", "x.parquet"):
        words = ["review", str(source), "--on", on, "-o", str(folder / output), *options]
        done = CliRunner().invoke(main, words)
        assert done.exit_code in (0, 3), done.output
    documents = json.loads((folder / "x.json").read_text(encoding="utf-8"))["patients"]
    tables = (pq.read_table(folder / f"x{each}.parquet").to_pylist() for each in ("", ".patients", ".specimens"))
    return documents, *tables  # type: ignore[return-value]


@pytest.mark.parametrize("on", ["2025-06-01", "2026-02-03"])
@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.name)
def test_the_tables_of_a_file_say_what_its_json_says(source: Path, on: str, tmp_path: Path) -> None:
    told = review(source, on, tmp_path)
    assert told[0]
    require_same(*told)


@pytest.mark.parametrize("options", [("--her2-only",), ("--site", "gastric"), ("--edition", "asco-cap-2013")])
def test_whatever_is_asked_for(options: tuple[str, ...], tmp_path: Path) -> None:
    told = review(SOURCES[0], "2026-02-03", tmp_path, *options)
    assert len(told[3]) > 30
    require_same(*told)


# -- batches ------------------------------------------------------------------------------------


def compare(reviewed: Reviewed) -> None:
    table = specimens_table(reviewed)
    assert table.schema.equals(SPECIMENS)
    require_same(
        [json.loads(json.dumps(patient_json(each))) for each in reviewed],
        findings_table(reviewed).to_pylist(), patients_table(reviewed).to_pylist(), table.to_pylist(),
    )  # fmt: skip


@settings(max_examples=60)
@given(batches(), st.integers(0, 1000))
def test_the_tables_of_messy_patients_say_what_their_json_says(many: list[Record], on: int) -> None:
    compare(reviewer(on).review_records(many))
    with as_many():
        compare(reviewer(on).review_records(many))


def moved(record: Record, number: int, days: int) -> Record:
    """The same tests of somebody else: other days, other names of specimens and files, in the same order."""

    def name(specimen: str) -> str:
        return f"s{number}-{specimen}" if specimen else ""

    def later(day: dt.date | None) -> dt.date | None:
        return day and day + dt.timedelta(days=days)

    events = [
        replace(each, day=later(each.day), specimen=name(each.specimen), origin=f"{number} {each.origin}")
        for each in (record.events if number % 2 == 0 else reversed(record.events))
    ]
    tissues = {
        name(key): replace(each, reference=name(key), day=later(each.day)) for key, each in record.tissues.items()
    }
    return replace(record, patient=f"p{number}", origin=f"p{number}.json", events=events, course=[], tissues=tissues)


@settings(max_examples=120)
@given(records(), st.integers(0, 3), st.lists(st.integers(-400, 400), min_size=1, max_size=4), st.integers(-20, 300))
def test_patients_whose_tests_are_alike_have_their_own_days_names_and_places(
    record: Record, courses: int, shifts: list[int], on: int
) -> None:
    many = [moved(record, number, days) for number, days in enumerate([0, *shifts])]
    compare(reviewer(on, courses=courses == 0).review_records(many))


def test_a_review_on_the_day_of_a_test_keeps_its_own_day() -> None:
    """The day of the review in the words of a finding is not the day of a patient's test."""
    day = date(140)
    ihc, later = made("ihc_score", "2+", 140), made("ihc_score", "3+", 150)
    undated = replace(made("ihc_score", "1+", None), specimen="b")
    one = Record("p", "p.json", [replace(each, origin=f"row {n}") for n, each in enumerate((ihc, later, undated))])
    reviewed = reviewer(140).review_records([moved(one, 0, 0), moved(one, 1, -5), moved(one, 2, -5)])
    compare(reviewed)
    words = [row["finding"] for row in findings_table(reviewed).to_pylist()]
    assert words.count(f"1 results are dated after {day} and were not used") == 3
    assert words.count(f"no date: the edition in force on {day} is applied") == 3


@pytest.mark.parametrize("other", ["2+", "2 +", "IHC: 2+"])
@pytest.mark.parametrize("specimens", [("", ""), ("a", "a"), ("b", "a")])
def test_the_same_result_twice_in_another_order(other: str, specimens: tuple[str, str]) -> None:
    """Two reports of one day that say the same, in the same or other words, in one order and in the other."""
    reports = [
        replace(made("ihc_score", "2+", 140), said=said, specimen=specimen, origin=f"report {number}")
        for number, (said, specimen) in enumerate(zip(("2+", other), specimens, strict=True))
    ]
    many = [Record("p0", "p0", reports), Record("p1", "p1", reports[::-1]), Record("p2", "p2", reports)]
    compare(reviewer(200).review_records(many))
