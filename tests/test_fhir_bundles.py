"""Bundles, bulk resources and archives; patients, specimens, statuses and dates in them."""

from __future__ import annotations

import datetime as dt
import gzip
import io
import json
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import fhir_makers as make
from fhir_makers import (
    CEP17_COPIES,
    HER2_COPIES,
    IHC,
    IHC_ANY_TISSUE,
    ISH,
    ISH_PANEL,
    OVERALL,
    RATIO,
    about,
    bundle,
    component,
    observation,
    patient,
    quantity,
    review_of,
    review_tests,
    specimen,
    write,
)
from her2path.facts.problem import AskedWrongly

POSITIVE, NEGATIVE, UNREADABLE = "3+", "1+", "see comment"
FIRST = dt.date(2020, 3, 1)


def lines(documents: list[Any]) -> bytes:
    return "".join(json.dumps(each) + "\n" for each in documents).encode()


def whole_patients() -> list[dict[str, Any]]:
    """Three bundles: p1 positive, p2 negative, p3 not tested."""
    return [
        about(observation(IHC, POSITIVE)), about(observation(IHC, NEGATIVE, subject="Patient/p2"), identity="p2"),
        about(identity="p3"),
    ]  # fmt: skip


def as_folder(folder: Path) -> Path:
    target = folder / "folder"
    (target / "deeper").mkdir(parents=True)
    first, second, third = whole_patients()
    write(target / "a.json", first)
    write(target / "deeper" / "b.json", second)
    (target / "deeper" / "c.json.gz").write_bytes(gzip.compress(json.dumps(third).encode()))
    (target / "README.md").write_text("not a record")
    return target


def as_lines(folder: Path) -> Path:
    return write(folder / "patients.ndjson", *whole_patients())


def as_zipped_lines(folder: Path) -> Path:
    path = folder / "patients.ndjson.gz"
    path.write_bytes(gzip.compress(lines(whole_patients())))
    return path


def as_json_lines(folder: Path) -> Path:
    path = folder / "patients.jsonl"
    path.write_bytes(b"\n" + lines(whole_patients()).replace(b"\n", b"\r\n\r\n"))
    return path


def as_archive(folder: Path, name: str = "patients.tgz") -> Path:
    path = folder / name
    with tarfile.open(path, "w:gz" if name.endswith("gz") else "w") as archive:
        for number, document in enumerate(whole_patients()):
            content = json.dumps(document).encode()
            member = tarfile.TarInfo(f"records/{number}.json")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


def as_tar(folder: Path) -> Path:
    return as_archive(folder, "patients.tar")


def as_one_bundle(folder: Path) -> Path:
    resources = [entry["resource"] for document in whole_patients() for entry in document["entry"]]
    return write(folder / "all.json", bundle(*resources))


def as_pretty_bundle(folder: Path) -> Path:
    resources = [entry["resource"] for document in whole_patients() for entry in document["entry"]]
    path = folder / "all.json"
    path.write_text(json.dumps(bundle(*resources), indent=4))
    return path


def single_resources() -> list[dict[str, Any]]:
    return [entry["resource"] for document in whole_patients() for entry in document["entry"]]


def as_single_lines(folder: Path) -> Path:
    return write(folder / "resources.ndjson", *single_resources())


def as_bulk_export(folder: Path) -> Path:
    """One file a resource type, the patients interleaved."""
    target = folder / "bulk"
    target.mkdir()
    for kind in ("Patient", "Observation", "Condition"):
        of_kind = [each for each in single_resources() if each["resourceType"] == kind]
        write(target / f"{kind}.ndjson", *reversed(of_kind))
    return target


SHAPES = [
    as_folder, as_lines, as_zipped_lines, as_json_lines, as_archive, as_tar, as_one_bundle, as_pretty_bundle,
    as_single_lines, as_bulk_export,
]  # fmt: skip


@pytest.mark.parametrize("shape", SHAPES)
def test_every_shape_of_a_source_gives_the_same_patients(tmp_path: Path, shape: Callable[[Path], Path]) -> None:
    patients, troubles = review_of(shape(tmp_path))
    assert not troubles
    found = {each.patient: (each.status, each.has_tests) for each in patients}
    assert found == {"p1": ("positive", True), "p2": ("negative", True), "p3": (None, False)}
    assert len(patients) == 3


def test_a_finding_names_the_file_the_line_and_the_resource(tmp_path: Path) -> None:
    path = write(tmp_path / "patients.ndjson", about(), about(observation(IHC, UNREADABLE, identity="o7")))
    patients, _ = review_of(path)
    (finding,) = (each for each in patients[1].specimens[0].findings if "unparsable text" in each.words)
    assert finding.origins == ("patients.ndjson:2 entry 2 Observation/o7",)


def test_the_progress_told_adds_up_to_the_file(tmp_path: Path) -> None:
    from her2path.cohort.review import review_source
    from her2path.findings.settings import Settings
    from her2path.tables.load import default_knowledge

    path = write(tmp_path / "patients.ndjson", *[about(identity=f"p{number}") for number in range(500)])
    told: list[int] = []
    assert len(list(review_source(path, default_knowledge(), Settings(make.TODAY), told.append))) == 500
    assert 0 < sum(told) <= path.stat().st_size


def test_zipped_records_in_an_archive_are_read(tmp_path: Path) -> None:
    path = tmp_path / "patients.tar"
    content = gzip.compress(lines(whole_patients()))
    with tarfile.open(path, "w") as archive:
        member = tarfile.TarInfo("patients.ndjson.gz")
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))
    assert len(review_of(path)[0]) == 3


@pytest.mark.parametrize(
    ("url", "reference"),
    [
        ("urn:uuid:11111111-1111-4111-8111-111111111111", "urn:uuid:11111111-1111-4111-8111-111111111111"),
        ("https://server.example/fhir/Patient/p1", "https://server.example/fhir/Patient/p1"),
        ("https://server.example/fhir/Patient/p1", "Patient/p1"), (None, "Patient/p1"),
        (None, "https://server.example/fhir/Patient/p1"), (None, "Patient/p1/_history/3"),
        ("urn:uuid:11111111-1111-4111-8111-111111111111", "Patient/p1"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("last", [False, True])
def test_every_way_to_refer_to_the_patient(tmp_path: Path, url: str | None, reference: str, last: bool) -> None:
    resources = [patient(), observation(IHC, POSITIVE, subject=reference)]
    urls = [url, None]
    if last:
        resources.reverse()
        urls.reverse()
    review = make.review_bundle(tmp_path, bundle(*resources, urls=urls))
    assert (review.patient, review.status) == ("p1", "positive")


def test_a_patient_without_an_id_is_found_by_her_address(tmp_path: Path) -> None:
    document = bundle(
        {"resourceType": "Patient"}, observation(IHC, POSITIVE, subject="urn:uuid:a"), urls=["urn:uuid:a"]
    )
    assert make.review_bundle(tmp_path, document).status == "positive"


def test_two_patients_without_ids_stay_two(tmp_path: Path) -> None:
    nameless = {"resourceType": "Patient"}
    document = bundle(
        nameless, nameless, observation(IHC, POSITIVE, subject="urn:uuid:a"), observation(IHC, NEGATIVE, subject="urn:uuid:b"),
        urls=["urn:uuid:a", "urn:uuid:b"],
    )  # fmt: skip
    patients, _ = review_of(write(tmp_path / "b.json", document))
    assert {each.patient: each.status for each in patients} == {"a": "positive", "b": "negative"}


def test_several_patients_in_one_bundle_are_kept_apart(tmp_path: Path) -> None:
    resources: list[dict[str, Any]] = []
    for number in range(30):
        resources.append(patient(f"p{number}"))
    for number in range(30):
        score = POSITIVE if number % 3 == 0 else NEGATIVE
        resources.append(observation(IHC, score, subject=f"Patient/p{number}", identity=f"o{number}"))
    patients, troubles = review_of(write(tmp_path / "b.json", bundle(*resources)))
    assert not troubles
    expected = {f"p{number}": "positive" if number % 3 == 0 else "negative" for number in range(30)}
    assert {each.patient: each.status for each in patients} == expected


def test_one_id_on_two_servers_is_two_patients(tmp_path: Path) -> None:
    urls = ["https://a.example/Patient/1", "https://b.example/Patient/1"]
    document = bundle(
        patient("1"), patient("1"), observation(IHC, POSITIVE, subject=urls[0]), observation(IHC, NEGATIVE, subject=urls[1]),
        urls=urls,
    )  # fmt: skip
    patients, _ = review_of(write(tmp_path / "b.json", document))
    assert [each.status for each in patients] == ["positive", "negative"]


def test_contained_patients_are_not_merged(tmp_path: Path) -> None:
    tests = [
        observation(IHC, score, subject="#p", identity=f"o{score[0]}", contained=[patient("p")])
        for score in (POSITIVE, "0")
    ]
    patients, _ = review_of(write(tmp_path / "resources.ndjson", *tests))
    assert not any("differ" in words for each in patients for words in make.words_of(each))


def test_an_observation_without_subject_belongs_to_the_only_patient(tmp_path: Path) -> None:
    assert review_tests(tmp_path, observation(IHC, POSITIVE, subject=None)).status == "positive"


def test_an_observation_without_subject_beside_two_patients_belongs_to_nobody(tmp_path: Path) -> None:
    document = bundle(
        patient("a"), patient("b"), observation(IHC, POSITIVE, subject=None, identity="lost"),
        observation(IHC, NEGATIVE, subject="Patient/b"),
    )  # fmt: skip
    patients, troubles = review_of(write(tmp_path / "b.json", document))
    assert {each.patient: each.status for each in patients} == {"a": None, "b": "negative"}
    (trouble,) = troubles
    assert "b.json entry 2 Observation/lost" in trouble.where
    assert "no subject" in trouble.what


def test_a_single_observation_without_subject_belongs_to_nobody(tmp_path: Path) -> None:
    path = write(tmp_path / "r.ndjson", patient("a"), observation(IHC, POSITIVE, subject=None))
    patients, troubles = review_of(path)
    assert [each.status for each in patients] == [None]
    assert [trouble.kind for trouble in troubles] == ["no patient"]


@pytest.mark.parametrize("kind", ["Group", "Device"])
def test_a_subject_that_is_no_patient_is_not_taken_for_one(tmp_path: Path, kind: str) -> None:
    document = about(observation(IHC, POSITIVE, subject=f"{kind}/p1"))
    patients, _ = review_of(write(tmp_path / "b.json", document))
    assert [each.status for each in patients if each.patient == "p1"] == [None]


def test_a_subject_named_by_an_identifier_is_not_the_patient_beside_it(tmp_path: Path) -> None:
    test = observation(IHC, POSITIVE, subject=None) | {"subject": {"identifier": {"value": "somebody else"}}}
    patients, troubles = review_of(write(tmp_path / "b.json", about(test)))
    assert [each.status for each in patients] == [None]
    (trouble,) = troubles
    assert (trouble.kind, trouble.where) == ("no patient", "b.json entry 2 Observation/o-85319-2")


def test_a_panel_of_components_is_read_whole(tmp_path: Path) -> None:
    parts = [
        component(RATIO, quantity(2.3)),
        component(HER2_COPIES, quantity(4.6)),
        component(CEP17_COPIES, quantity(2.0)),
    ]
    review = review_tests(tmp_path, observation(ISH_PANEL, components=parts, specimen="Specimen/s1"))
    (one,) = review.specimens
    assert (one.name, one.day, one.status.value) == ("s1", make.IN_2020, "positive")
    assert {fact for fact, _, _ in one.tests} == {"her2_cep17_ratio", "her2_copies", "cep17_copies"}


def test_components_take_the_status_of_the_panel(tmp_path: Path) -> None:
    parts = [component(RATIO, quantity(2.3)), component(HER2_COPIES, quantity(4.6))]
    review = review_tests(tmp_path, observation(ISH_PANEL, components=parts, status="preliminary"))
    assert review.status is None
    assert make.says(review, "her2_copies unknown, preliminary")
    assert not review_tests(tmp_path, observation(ISH_PANEL, components=parts, status="entered-in-error")).has_tests


def test_an_observation_with_a_value_and_components_gives_both() -> None:
    parts = [component(RATIO, quantity(2.3)), component(HER2_COPIES, quantity(4.6))]
    facts = make.facts_of(ISH, "Amplified", components=parts)
    assert set(facts) == {"ish_result", "her2_cep17_ratio", "her2_copies"}


def test_an_observation_whose_value_is_all_in_its_components_is_not_absent() -> None:
    assert set(make.facts_of(ISH, components=[component(RATIO, quantity(2.3))])) == {"her2_cep17_ratio"}


def test_members_of_a_panel_are_read_where_they_stand(tmp_path: Path) -> None:
    panel = observation(ISH_PANEL, hasMember=[{"reference": "Observation/a"}, {"reference": "Observation/b"}])
    members = [observation(RATIO, quantity(2.3), identity="a"), observation(HER2_COPIES, quantity(4.6), identity="b")]
    assert review_tests(tmp_path, panel, *members).status == "positive"


def test_components_are_read_or_told_whatever_the_code_of_their_panel(tmp_path: Path) -> None:
    own_panel = make.concept(make.coding("BIOMARKERS", make.LOCAL, "Breast biomarkers"))
    review = review_tests(tmp_path, observation(own_panel, components=[component(IHC, POSITIVE)]))
    assert review.status == "positive" or make.says(review, "unreadable", IHC)


@pytest.mark.parametrize("status", ["entered-in-error", "cancelled"])
def test_results_in_error_are_passed_over_and_told(tmp_path: Path, status: str) -> None:
    review = review_tests(tmp_path, observation(IHC, POSITIVE, status=status), observation(IHC, NEGATIVE, identity="b"))
    assert review.status == "negative"
    assert make.says(review, "note", f"not used: status {status}")


@pytest.mark.parametrize("status", ["preliminary", "registered"])
def test_early_results_are_unknown(tmp_path: Path, status: str) -> None:
    review = review_tests(tmp_path, observation(IHC, POSITIVE, status=status))
    assert review.status is None
    assert make.says(review, "ihc_score unknown, preliminary", status)


def test_an_early_ihc_is_not_a_test_nobody_did(tmp_path: Path) -> None:
    """The score may become 3+, so a normal ISH does not make the status negative yet."""
    review = review_tests(
        tmp_path, observation(IHC, POSITIVE, status="preliminary"), observation(RATIO, quantity(1.1)),
        observation(HER2_COPIES, quantity(2.0)),
    )  # fmt: skip
    assert review.status is None
    assert set(review.possible) == {"positive", "negative"}


@pytest.mark.parametrize("status", ["amended", "corrected"])
@pytest.mark.parametrize("corrected_first", [True, False])
def test_a_corrected_report_replaces_the_others(tmp_path: Path, status: str, corrected_first: bool) -> None:
    tests = [
        observation(IHC, POSITIVE, specimen="Specimen/s1", identity="a"),
        observation(IHC, NEGATIVE, specimen="Specimen/s1", identity="b", status=status),
    ]
    review = review_tests(tmp_path, *(reversed(tests) if corrected_first else tests))
    assert review.status == "negative"
    assert make.says(review, "note", "ihc_score: the corrected report replaces 1 other")


@pytest.mark.parametrize("score", [POSITIVE, NEGATIVE])
@pytest.mark.parametrize("correction", [UNREADABLE, "", "pending", "Not done"])
def test_a_corrected_report_that_cannot_be_read_still_replaces_the_others(
    tmp_path: Path, score: str, correction: str
) -> None:
    review = review_tests(
        tmp_path, observation(IHC, score, specimen="Specimen/s1", identity="a"),
        observation(IHC, correction, specimen="Specimen/s1", identity="b", status="corrected", on="2020-03-05"),
    )  # fmt: skip
    assert review.status is None


@pytest.mark.parametrize("day", [make.IN_2020, "2020-03-20"])
def test_an_unreadable_result_beside_a_readable_one_is_told(tmp_path: Path, day: str) -> None:
    review = review_tests(
        tmp_path, observation(IHC, "0", specimen="Specimen/s1", identity="a"),
        observation(IHC, UNREADABLE, specimen="Specimen/s1", identity="b", on=day),
    )  # fmt: skip
    assert any(UNREADABLE in words for words in make.words_of(review))


def test_a_result_after_a_corrected_report_counts(tmp_path: Path) -> None:
    review = review_tests(
        tmp_path, observation(IHC, NEGATIVE, specimen="Specimen/s1", identity="a", status="amended"),
        observation(IHC, POSITIVE, specimen="Specimen/s1", identity="b", on="2020-06-09"),
    )  # fmt: skip
    assert review.status == "positive"
    assert make.says(review, "note", "the result of 2020-06-09 replaces that of 2020-03-01")


@pytest.mark.parametrize("status", [None, "unknown", "nonsense", 5])
def test_a_status_that_is_not_understood_is_told(tmp_path: Path, status: Any) -> None:
    review = review_tests(tmp_path, observation(IHC, POSITIVE, status=status))
    assert make.says(review, "status")


def test_a_result_of_the_future_is_not_used_and_told(tmp_path: Path) -> None:
    review = review_tests(
        tmp_path, observation(IHC, POSITIVE, on="2031-01-01"), observation(IHC, NEGATIVE, identity="b")
    )
    assert review.status == "negative"
    assert make.says(review, "note", "1 results are dated after 2026-06-01 and were not used")


@pytest.mark.parametrize(
    ("on", "status"), [("2020-02-29", None), ("2020-03-01", "negative"), ("2021-01-01", "positive")]
)
def test_a_review_as_of_a_day_knows_nothing_later(tmp_path: Path, on: str, status: str | None) -> None:
    review = review_tests(
        tmp_path, observation(IHC, NEGATIVE), observation(IHC, POSITIVE, identity="b", on="2020-12-01"),
        on=dt.date.fromisoformat(on),
    )  # fmt: skip
    assert review.status == status


@pytest.mark.parametrize(
    ("day", "edition"),
    [
        ("2006-12-10", "asco-cap-2007"), ("2006-12-11", "asco-cap-2007"), ("2013-10-06", "asco-cap-2007"),
        ("2013-10-07", "asco-cap-2013"), ("2018-05-29", "asco-cap-2013"), ("2018-05-30", "asco-cap-2018"),
        ("2023-06-06", "asco-cap-2018"), ("2023-06-07", "asco-cap-2023"), ("1999-01-01", "asco-cap-2007"),
        ("2020-03-01T23:59:59-08:00", "asco-cap-2018"), ("2018-05-30T00:00:00Z", "asco-cap-2018"),
    ],
)  # fmt: skip
def test_the_day_of_the_test_chooses_the_edition(tmp_path: Path, day: str, edition: str) -> None:
    review = review_tests(tmp_path, observation(IHC, POSITIVE, on=day))
    assert make.only_specimen(review).status.edition.key == edition
    before_all = day < "2006-12-11"
    assert make.says(review, "no edition was in force", "the first, asco-cap-2007, is applied") is before_all


def test_the_edition_changes_what_a_ratio_means(tmp_path: Path) -> None:
    """Ratio 2.3 with 3.6 copies: positive in 2013, ISH group 2 since 2018."""
    for day, status in (("2018-05-29", "positive"), ("2018-05-30", "negative")):
        tests = [
            observation(IHC, NEGATIVE, on=day), observation(RATIO, quantity(2.3), on=day),
            observation(HER2_COPIES, quantity(3.6), on=day),
        ]  # fmt: skip
        assert review_tests(tmp_path, *tests).status == status


def test_a_specimen_is_decided_by_the_edition_of_its_first_test(tmp_path: Path) -> None:
    review = review_tests(
        tmp_path, observation(IHC, "2+", on="2018-05-20"), observation(ISH, "Amplified", on="2018-06-10")
    )
    assert make.only_specimen(review).status.edition.key == "asco-cap-2013"


@pytest.mark.parametrize(
    ("said", "day", "words"),
    [("2020", "2020-01-01", "only the year 2020"), ("2020-05", "2020-05-01", "only the month 2020-05")],
)
def test_a_date_that_is_not_exact_is_taken_as_its_first_day_and_said(
    tmp_path: Path, said: str, day: str, words: str
) -> None:
    review = review_tests(tmp_path, observation(IHC, POSITIVE, on=said))
    assert make.only_specimen(review).day == day
    assert make.says(review, "note", words)


@pytest.mark.parametrize("said", ["garbage", "2020-02-30", "2020-13-01", "01.03.2020", "20", "0000", "abcd", "2020-1"])
def test_a_date_that_cannot_be_read_is_told_and_the_result_is_undated(tmp_path: Path, said: str) -> None:
    review = review_tests(tmp_path, observation(IHC, POSITIVE, on=said))
    assert review.status == "positive"
    assert make.only_specimen(review).day == ""
    assert make.says(review, f"date '{said}' cannot be read; expected YYYY-MM-DD")
    assert make.says(review, "no date: the edition in force on 2026-06-01 is applied")


@pytest.mark.parametrize(
    "more",
    [
        {"effectivePeriod": {"start": "2020-04-01"}}, {"effectivePeriod": {"end": "2020-04-01T10:00:00Z"}},
        {"effectiveInstant": "2020-04-01T10:00:00Z"}, {"issued": "2020-04-01T10:00:00Z"},
    ],
)  # fmt: skip
def test_other_places_of_the_date(tmp_path: Path, more: dict[str, Any]) -> None:
    review = review_tests(tmp_path, observation(IHC, POSITIVE, on=None, **more))
    assert make.only_specimen(review).day == "2020-04-01"


def test_an_undated_result_is_decided_by_the_edition_of_the_review_and_said(tmp_path: Path) -> None:
    review = review_tests(tmp_path, observation(IHC, POSITIVE, on=None))
    assert make.only_specimen(review).status.edition.key == "asco-cap-2023"
    assert make.says(review, "no date: the edition in force on 2026-06-01 is applied")


@pytest.mark.parametrize(("dated", "undated"), [(POSITIVE, "0"), ("0", POSITIVE), (POSITIVE, None)])
def test_a_result_without_a_date_does_not_count_as_the_latest(tmp_path: Path, dated: str, undated: str | None) -> None:
    review = review_tests(tmp_path, observation(IHC, dated), observation(IHC, undated, on=None, identity="b"))
    assert "the latest specimen, tests without a date" not in review.rule


def test_the_same_result_twice_is_one_and_said(tmp_path: Path) -> None:
    review = review_tests(tmp_path, observation(IHC, POSITIVE), observation(IHC, "score 3+", identity="b"))
    assert review.status == "positive"
    assert make.says(review, "note", "ihc_score: the same result 2 times")
    assert len(make.only_specimen(review).tests) == 1


def test_the_same_number_written_twice_is_one(tmp_path: Path) -> None:
    tests = [observation(RATIO, quantity("2.0")), observation(RATIO, quantity("2.00"), identity="b")]
    review = review_tests(tmp_path, *tests, observation(HER2_COPIES, quantity(4.4)))
    assert review.status == "positive"
    assert not make.says(review, "contradiction")


@pytest.mark.parametrize(
    ("one", "other", "possible"), [("0", POSITIVE, {"negative", "positive"}), ("1+", "2+", {"negative", "equivocal"})]
)
def test_results_of_one_day_that_differ_are_all_possible(
    tmp_path: Path, one: str, other: str, possible: set[str]
) -> None:
    review = review_tests(tmp_path, observation(IHC, one), observation(IHC, other, identity="b"))
    assert review.status is None
    assert set(review.possible) == possible
    assert make.says(review, "contradiction", "ihc_score: results differ on one day", one, other)


def test_numbers_of_one_day_that_differ_leave_everything_between_them(tmp_path: Path) -> None:
    tests = [observation(RATIO, quantity(1.5)), observation(RATIO, quantity(2.5), identity="b")]
    review = review_tests(tmp_path, *tests, observation(HER2_COPIES, quantity(4.4)), observation(IHC, "2+"))
    assert review.status is None
    assert "positive" in review.possible
    assert make.says(review, "contradiction", "her2_cep17_ratio: results differ on one day")


def test_a_later_result_of_the_specimen_replaces_the_earlier_and_that_is_said(tmp_path: Path) -> None:
    review = review_tests(
        tmp_path, observation(IHC, NEGATIVE, specimen="Specimen/s1"),
        observation(IHC, POSITIVE, specimen="Specimen/s1", on="2020-03-15", identity="b"),
    )  # fmt: skip
    assert review.status == "positive"
    assert make.says(review, "note", "the result of 2020-03-15 replaces that of 2020-03-01")


@pytest.mark.parametrize("days", [0, 1, 59, 60])
def test_an_ish_within_sixty_days_joins_the_ihc_before_it(tmp_path: Path, days: int) -> None:
    later = (FIRST + dt.timedelta(days)).isoformat()
    review = review_tests(tmp_path, observation(IHC, "2+"), observation(ISH, "not amplified", on=later))
    assert make.only_specimen(review).status.value == "negative"
    assert review.expression == "low"


@pytest.mark.parametrize("days", [61, 400])
def test_an_ish_after_sixty_days_stands_alone(tmp_path: Path, days: int) -> None:
    later = (FIRST + dt.timedelta(days)).isoformat()
    review = review_tests(tmp_path, observation(IHC, "2+"), observation(ISH, "not amplified", on=later))
    assert [each.status.value for each in review.specimens] == ["equivocal", "negative"]
    assert make.says(review, "contradiction", "specimens differ")


def test_an_ish_before_the_ihc_is_not_joined(tmp_path: Path) -> None:
    review = review_tests(tmp_path, observation(ISH, "not amplified", on="2020-02-20"), observation(IHC, "2+"))
    assert len(review.specimens) == 2


def test_a_second_ihc_waits_for_its_own_ish(tmp_path: Path) -> None:
    review = review_tests(
        tmp_path, observation(IHC, "2+"), observation(ISH, "not amplified", on="2020-03-10"),
        observation(IHC, "2+", on="2020-04-01", identity="b"), observation(ISH, "Amplified", on="2020-04-10", identity="c"),
    )  # fmt: skip
    assert [(each.day, each.status.value) for each in review.specimens] == [
        ("2020-03-01", "negative"),
        ("2020-04-01", "positive"),
    ]


def test_tests_of_named_specimens_are_never_mixed(tmp_path: Path) -> None:
    review = review_tests(
        tmp_path, observation(IHC, "2+", specimen="Specimen/s1"), observation(ISH, "Amplified", specimen="Specimen/s2"),
        specimen("s1"), specimen("s2"),
    )  # fmt: skip
    assert {each.name: each.status.value for each in review.specimens} == {"s1": "equivocal", "s2": "positive"}


@pytest.mark.parametrize("day", [make.IN_2020, "2020-03-03", "2022-01-01"])
def test_a_recorded_status_is_not_a_specimen(tmp_path: Path, day: str) -> None:
    review = review_tests(
        tmp_path, observation(IHC, POSITIVE, specimen="Specimen/s1"), observation(OVERALL, "positive", on=day)
    )
    assert review.status == "positive"


def test_a_recorded_status_between_the_tests_does_not_undo_them(tmp_path: Path) -> None:
    review = review_tests(
        tmp_path, observation(IHC, "2+"), observation(OVERALL, "equivocal", on="2020-03-03"),
        observation(ISH, "not amplified", on="2020-03-10"),
    )  # fmt: skip
    assert review.status == "negative"


@pytest.mark.parametrize(
    ("primary", "metastasis", "status"),
    [(NEGATIVE, POSITIVE, "positive"), (POSITIVE, NEGATIVE, "negative"), (POSITIVE, UNREADABLE, None)],
)
@pytest.mark.parametrize("metastasis_day", ["2019-06-01", "2022-06-01"])
def test_the_metastasis_speaks_for_the_patient_and_the_difference_is_told(
    tmp_path: Path, primary: str, metastasis: str, status: str | None, metastasis_day: str
) -> None:
    review = review_tests(
        tmp_path, specimen("s1", words="Core needle biopsy, primary tumour"), specimen("s2", words="Liver metastasis"),
        observation(IHC, primary, specimen="Specimen/s1", identity="a"),
        observation(IHC, metastasis, specimen="Specimen/s2", identity="b", on=metastasis_day),
    )  # fmt: skip
    assert review.status == status
    assert review.rule == "the latest metastasis, s2"
    turned = metastasis_day > "2020-03-01" and status is not None
    words = "in the newest specimen" if turned else "specimens differ"
    assert make.says(review, "contradiction", words, "s1", "s2")
    assert {each.name: each.place for each in review.specimens} == {"s1": "primary", "s2": "metastasis"}


def test_the_latest_of_several_specimens_speaks_for_the_patient(tmp_path: Path) -> None:
    tests = [
        observation(IHC, score, specimen=f"Specimen/s{number}", identity=f"o{number}", on=f"202{number}-01-01")
        for number, score in enumerate((POSITIVE, NEGATIVE, POSITIVE, NEGATIVE))
    ]
    review = review_tests(tmp_path, *tests)
    assert (review.status, review.rule) == ("negative", "the latest specimen, s3")


def test_specimens_that_agree_are_no_finding(tmp_path: Path) -> None:
    tests = [observation(IHC, POSITIVE, specimen=f"Specimen/s{number}", identity=f"o{number}") for number in range(3)]
    review = review_tests(tmp_path, *tests)
    assert (review.status, review.rule) == ("positive", "all 3 specimens agree")
    assert not make.says(review, "specimens differ")


@pytest.mark.parametrize(
    "words",
    ["Lymph node, no metastasis", "Non-metastatic breast tissue", "Lymph node negative for metastatic carcinoma"],
)
def test_words_that_deny_a_metastasis_name_none(tmp_path: Path, words: str) -> None:
    review = review_tests(tmp_path, specimen("s1", words=words), observation(IHC, POSITIVE, specimen="Specimen/s1"))
    assert (make.only_specimen(review).place, review.status) == ("", "positive")


@pytest.mark.parametrize(
    ("about_specimen", "kind"),
    [
        ({"kind": "122737001"}, "biopsy"), ({"kind": "122599003"}, "resection"), ({"kind": "119376003"}, ""),
        ({"words": "Core biopsy of breast"}, "biopsy"), ({"words": "Mastectomy"}, "resection"),
        ({"words": "Excisional biopsy"}, ""), ({"words": "Tissue"}, ""), ({"kind": "122629003"}, ""),
    ],
)  # fmt: skip
def test_how_the_tissue_was_taken(tmp_path: Path, about_specimen: dict[str, str], kind: str) -> None:
    review = review_tests(
        tmp_path, specimen("s1", **about_specimen), observation(IHC, POSITIVE, specimen="Specimen/s1")
    )
    assert make.only_specimen(review).kind == kind


@pytest.mark.parametrize("reference", ["Specimen/s1", "https://server.example/fhir/Specimen/s1", "urn:uuid:s1"])
def test_every_way_to_refer_to_the_specimen(tmp_path: Path, reference: str) -> None:
    review = review_tests(
        tmp_path, specimen("s1", words="Liver metastasis", taken="2020-02-01"),
        observation(IHC, POSITIVE, specimen=reference, on=None),
    )  # fmt: skip
    assert make.only_specimen(review).place == "metastasis"
    assert make.only_specimen(review).day == "2020-02-01"


def test_one_specimen_referred_to_in_two_ways_is_one(tmp_path: Path) -> None:
    review = review_tests(
        tmp_path, specimen("s1"), observation(IHC, "2+", specimen="Specimen/s1"),
        observation(ISH, "not amplified", specimen="https://server.example/fhir/Specimen/s1"),
    )  # fmt: skip
    assert len(review.specimens) == 1


def test_the_site_may_be_asked_for(tmp_path: Path) -> None:
    tests = patient(), observation(IHC_ANY_TISSUE, POSITIVE)
    review = make.review_bundle(tmp_path, bundle(*tests), site="gastric")
    assert review.site == "gastric"
    assert make.only_specimen(review).status.edition.key == "cap-2016"
    assert make.only_specimen(review).expression is None


@pytest.mark.parametrize(("jurisdiction", "edition"), [(None, "cap-2016"), ("us", "cap-2016"), ("eu", "eu-label")])
def test_the_jurisdiction_chooses_the_rule(tmp_path: Path, jurisdiction: str | None, edition: str) -> None:
    document = bundle(patient(), make.condition("C16.0"), observation(IHC_ANY_TISSUE, POSITIVE))
    review = make.review_bundle(tmp_path, document, jurisdiction=jurisdiction)
    assert make.only_specimen(review).status.edition.key == edition


def test_the_jurisdiction_does_not_matter_where_there_is_one_rule(tmp_path: Path) -> None:
    review = review_tests(tmp_path, observation(IHC, POSITIVE), jurisdiction="eu")
    assert make.only_specimen(review).status.edition.key == "asco-cap-2018"


@pytest.mark.parametrize(("edition", "status"), [("asco-cap-2013", "positive"), ("asco-cap-2018", "negative")])
def test_the_edition_may_be_asked_for_whatever_the_day(tmp_path: Path, edition: str, status: str) -> None:
    tests = [observation(IHC, NEGATIVE), observation(RATIO, quantity(2.3)), observation(HER2_COPIES, quantity(3.6))]
    review = review_tests(tmp_path, *tests, edition=edition)
    assert review.status == status
    assert make.only_specimen(review).status.edition.key == edition


@pytest.mark.parametrize("edition", ["asco-cap-1066", "her2-expression"])
def test_an_edition_that_cannot_decide_is_refused(tmp_path: Path, edition: str) -> None:
    with pytest.raises(AskedWrongly, match=edition):
        review_tests(tmp_path, observation(IHC, POSITIVE), edition=edition)


def test_an_edition_of_another_site_is_told(tmp_path: Path) -> None:
    document = bundle(patient(), make.condition("C16.0"), observation(IHC_ANY_TISSUE, "2+"))
    review = make.review_bundle(tmp_path, document, edition="asco-cap-2018")
    assert make.says(review, "asco-cap-2018")
