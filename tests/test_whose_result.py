"""Whose result it is, and which specimen speaks: what must never be mixed up or overwritten."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pytest
from click.testing import CliRunner

import fhir_makers as make
import her2path
from her2path.cli.group import main
from her2path.cohort.review import review_source
from her2path.findings.settings import Settings
from her2path.tables.load import default_knowledge

IHC = make.IHC


def review_file(path: Path) -> list:
    return list(review_source(path, default_knowledge(), Settings(make.TODAY)))


def rows(tmp_path: Path, *lines: str) -> list:
    path = tmp_path / "rows.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return review_file(path)


def run(*arguments: object) -> object:
    return CliRunner().invoke(main, [str(each) for each in arguments])


def test_every_public_name_can_be_had() -> None:
    for name in her2path.__all__:
        assert getattr(her2path, name) is not None


@pytest.mark.parametrize("site", ["colon", "Stomach", "lung"])
def test_a_site_of_a_row_that_cannot_be_read_is_not_breast(tmp_path: Path, site: str) -> None:
    (review,) = rows(tmp_path, "patient,tumour_site,ihc_score", f"p1,{site},3+")
    assert review.status is None
    assert any(site in finding.words for finding in review.findings)


def test_rows_without_a_patient_are_not_one_patient(tmp_path: Path) -> None:
    reviews = rows(tmp_path, "patient,ihc_score", ",3+", ",0")
    assert [review.status for review in reviews] == ["positive", "negative"]
    assert len({review.patient for review in reviews}) == 2


def test_a_misspelt_column_is_told(tmp_path: Path) -> None:
    path = tmp_path / "typo.csv"
    path.write_text("patient,ihc_scor,her2_copies,cep17_copies\np1,3+,2.1,1.9\n", encoding="utf-8")
    for command in (["review", path], ["decide", "her2_status", path]):
        result = run(*command)
        assert result.exit_code == 3
        assert "did you mean ihc_score?" in result.output


def test_two_columns_cannot_hold_one_fact(tmp_path: Path) -> None:
    path = tmp_path / "two.csv"
    path.write_text("patient,ihc_score,score\np1,3+,0\n", encoding="utf-8")
    result = run("review", path, "--column", "ihc_score=score")
    assert result.exit_code == 2


@pytest.mark.parametrize("command", [["review"], ["decide", "her2_status"]])
def test_the_source_is_never_written_over(tmp_path: Path, command: list[str]) -> None:
    path = tmp_path / "mine.csv"
    path.write_text("patient,ihc_score\np1,3+\n", encoding="utf-8")
    result = run(*command, path, "-o", path)
    assert result.exit_code == 2
    assert path.read_text(encoding="utf-8") == "patient,ihc_score\np1,3+\n"


def test_an_output_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    path.write_text("patient,ihc_score\np1,3+\n", encoding="utf-8")
    for command in (["review", path], ["decide", "her2_status", "--fact", "ihc_score=3+"]):
        result = run(*command, "-o", tmp_path / "nowhere" / "out.txt")
        assert result.exit_code == 2
        assert "cannot be written" in result.output


def test_contained_specimens_of_two_reports_are_two(tmp_path: Path) -> None:
    tests = [
        make.observation(IHC, score, specimen="#sp", identity=f"o{score[0]}", on=day)
        for score, day in (("3+", "2019-03-01"), ("0", "2023-07-01"))
    ]
    review = make.review_tests(tmp_path, *tests)
    assert len(review.specimens) == 2


def test_a_specimen_known_by_its_address_alone_is_found(tmp_path: Path) -> None:
    liver = {"resourceType": "Specimen", "type": {"text": "biopsy of a liver metastasis"}}
    document = make.bundle(
        make.patient(), liver, make.observation(IHC, "3+", specimen="urn:uuid:s1"),
        make.observation(IHC, "1+", identity="b", on="2021-05-05"),
        urls=["urn:uuid:p", "urn:uuid:s1", "urn:uuid:o1", "urn:uuid:o2"],
    )  # fmt: skip
    review = make.review_bundle(tmp_path, document)
    assert (review.status, review.rule) == ("positive", "the latest metastasis, s1")


@pytest.mark.parametrize(("first", "second"), [("3+", "1+"), ("1+", "3+")])
def test_specimens_of_one_day_that_differ_leave_the_status_open(tmp_path: Path, first: str, second: str) -> None:
    review = make.review_tests(
        tmp_path, make.observation(IHC, first, specimen="Specimen/A"),
        make.observation(IHC, second, specimen="Specimen/B", identity="b"),
    )  # fmt: skip
    assert review.status is None
    assert set(review.possible) == {"positive", "negative"}


def test_a_patient_of_another_server_is_another_patient(tmp_path: Path) -> None:
    document = make.bundle(
        make.patient("1"), make.observation(IHC, "3+", subject="http://b/Patient/1"),
        urls=["http://a/Patient/1", "http://b/Observation/1"],
    )  # fmt: skip
    path = tmp_path / "b.json"
    path.write_text(json.dumps(document), encoding="utf-8")
    assert {review.patient: review.status for review in review_file(path)} == {
        "1": None,
        "http://b/Patient/1": "positive",
    }


def test_a_group_reported_against_its_numbers_decides_nothing_by_itself() -> None:
    specimen = {"ihc_score": "1+", "ish_group": 1, "her2_copies": 8.0, "cep17_copies": 6.0}
    decision = her2path.decide("her2_status", specimen, edition="asco-cap-2018")
    assert decision.value is None
    assert "ish_group" in decision.given.unknown


def test_a_single_probe_beside_cep17_copies_is_a_contradiction() -> None:
    specimen = {"ihc_score": "2+", "ish_probe": "single", "her2_copies": 5, "cep17_copies": 2}
    decision = her2path.decide("her2_status", specimen, edition="asco-cap-2023")
    assert decision.given.unknown["ish_probe"].reason is her2path.Reason.CONTRADICTORY


@pytest.mark.parametrize("reverse", [False, True])
def test_limits_of_the_ratio_are_compared_with_the_copies_of_each_row(reverse: bool) -> None:
    lines = [("> 3", "5.0", "2.0"), ("> 3", "5.0", "1.6")]
    lines = lines[::-1] if reverse else lines
    table = pa.table({name: list(column) for name, column in zip(
        ("her2_cep17_ratio", "her2_copies", "cep17_copies"), zip(*lines, strict=True), strict=True)})  # fmt: skip
    decided, _ = her2path.decide_table("her2_status", table, knowledge=default_knowledge(), edition="asco-cap-2018")
    alone = [
        her2path.decide("her2_status", row, edition="asco-cap-2018").value
        for row in table.to_pylist()
    ]  # fmt: skip
    assert decided["her2_status"].to_pylist() == alone


@pytest.mark.parametrize(("words", "copies"), [("240 signals in 20 cells", "12"), ("120 signals / 20 cells", "6")])
def test_totals_over_cells_are_means(words: str, copies: str) -> None:
    record = make.record_of(make.observation(make.HER2_COPIES, words))
    assert str(record.events[0].value) == copies


@pytest.mark.parametrize("words", ["1,200 signals in 100 cells", "1.2.3 signals in 100 cells"])
def test_a_total_that_cannot_be_read_is_refused(words: str) -> None:
    record = make.record_of(make.observation(make.HER2_COPIES, words))
    assert isinstance(record.events[0].value, her2path.Unknown)
