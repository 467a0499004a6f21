"""Of several versions of one resource one counts, by one rule for tests, therapy and diagnoses; or it is said that none does."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import fhir_makers as make
import record_shapes as shapes
from her2path.read.fhir.containers.quiet import QuietVersion, QuietVersions
from her2path.read.fhir.containers.versions import Version, is_later
from record_shapes import Resource, Said, container, document, dose, her2, lines, lvef, person, therapy_of, updated


def version(updated: str = "", number: str = "", *, withdrawn: bool = False) -> Version:
    return Version(updated, number, withdrawn, "here")


@pytest.mark.parametrize(("later", "earlier"), [
    (version("2025-05-02T00:00:00Z"), version("2025-05-01T23:59:59Z")),
    (version("2025-09-01T23:00:00Z"), version("2025-09-02T01:00:00+05:00")),
    (version("2025-09-01T23:00:00.5Z"), version("2025-09-01T23:00:00Z")),
    (version("2025-09-01T23:00:00.1000001Z"), version("2025-09-01T23:00:00.1Z")),
    (version("2025-09-01T23:00:00-00:30"), version("2025-09-01T23:15:00Z")),
    (version("2025-09-03"), version("2025-09-02T09:00:00Z")),
    (version("2025-10"), version("2025-09-30")),
    (version("2025-09-03T10:00:00"), version("2025-09-03T09:00:00")),
    (version("2025-09-05T10:00:00"), version("2025-09-03T09:00:00Z")),
    (version("2025-09-01T00:00:00Z", "2"), version("2025-09-01T00:00:00Z", "1")),
    (version("", "10"), version("", "9")),
    (version("", 'W/"10"'), version("2025-09-01T00:00:00Z", "9")),
    (version("2025-09-03T10:00:00", "3"), version("2025-09-03T09:00:00Z", "2")),
    (version("nonsense", "3"), version("2025-09-03T09:00:00Z", "2")),
    (version(withdrawn=True), version()),
    (version("2025-09-01T00:00:00Z", withdrawn=True), version("2025-09-01T00:00:00Z")),
    (version("2025-09-02T00:00:00Z"), version("2025-09-01T00:00:00Z", withdrawn=True)),
    (version("2025-09-02T00:00:00Z", "1"), version("2025-09-01T00:00:00Z", "2")),
])  # fmt: skip
def test_which_version_is_the_later(later: Version, earlier: Version) -> None:
    assert is_later(later, earlier) is True
    assert is_later(earlier, later) is False


@pytest.mark.parametrize(("one", "other"), [
    (version(), version()),
    (version("", "a"), version("", "b")),
    (version("2025-09-01T00:00:00Z"), version()),
    (version("2025-09-01T00:00:00Z"), version("2025-09-01")),
    (version("2025-09-03T10:00:00"), version("2025-09-03T09:00:00Z")),
    (version("2025-13-03T10:00:00Z"), version("2025-09-03T09:00:00Z")),
])  # fmt: skip
def test_what_does_not_say_which_is_the_later(one: Version, other: Version) -> None:
    assert is_later(one, other) is None
    assert is_later(other, one) is None


def in_one_bundle(folder: Path, *resources: Resource) -> Path:
    return document(folder / "one.json", container("collection", *resources))


def in_bulk_files(folder: Path, *resources: Resource) -> Path:
    """A line a file, so that every version stands in a file of its own."""
    for number, each in enumerate(resources):
        lines(folder / "files" / f"{number:02}.ndjson", each)
    return folder / "files"


def in_pages(folder: Path, *resources: Resource) -> Path:
    return lines(folder / "pages.ndjson", *(container("searchset", each) for each in resources))


def in_a_history(folder: Path, *resources: Resource) -> Path:
    return document(folder / "history.json", container("history", *resources))


def in_files_read_apart(folder: Path, *resources: Resource) -> Path:
    """Long enough between them that two processes read them."""
    path = folder / "apart.ndjson"
    filler = {"resourceType": "Basic", "id": "x", "text": {"div": "x" * 1_000_000}}
    return lines(path, resources[0], *([filler] * 26), *resources[1:])


PLACES = [in_one_bundle, in_bulk_files, in_pages, in_a_history]
Place = Callable[..., Path]
V1 = ("2025-09-01T23:00:00+05:00", "1")
V2 = ("2025-09-01T20:00:00Z", "2")
CONDITION_HEART_FAILURE = make.condition("I50.1", identity="hf", onsetDateTime="2025-09-02")
REFUTED = {
    "verificationStatus": make.concept(
        make.coding("entered-in-error", "http://terminology.hl7.org/CodeSystem/condition-ver-status")
    )
}
CHANGED: dict[str, tuple[Resource, Resource]] = {
    "test": (her2("3+"), her2("1+")),
    "LVEF": (lvef("e2", "2025-09-01", 41), lvef("e2", "2025-09-01", 61)),
    "dose": (dose(4, "2025-09-08", status="completed"), dose(4, "2025-09-08", status="not-done")),
    "diagnosis": (CONDITION_HEART_FAILURE, CONDITION_HEART_FAILURE | REFUTED),
}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("kind", CHANGED)
def test_the_version_updated_last_counts_wherever_it_stands(tmp_path: Path, kind: str, place: Place) -> None:
    old, new = CHANGED[kind]
    rest = [each for each in therapy_of() if each["id"] not in ("h1" if kind == "test" else "", old["id"])]
    wanted = without_notes(Said(in_one_bundle(tmp_path / "wanted", *rest, new)))
    for number, versions in enumerate(itertools.permutations([updated(old, *V1), updated(new, *V2)])):
        said = Said(place(tmp_path / f"{kind}{number}", *rest, *versions))
        assert without_notes(said) == wanted
        assert "it stands again at" in said.words() or "it was withdrawn" in said.words()


def without_notes(said: Said) -> dict[str, Any]:
    """What is said, without the notes on what was not used."""
    return {
        patient: (status, [each for each in words if not each.startswith("note: not used")])
        for patient, (status, words) in said.patients.items()
    }


WITHDRAWN = [
    lambda old: old | {"status": "entered-in-error"},
    lambda old: old | {"status": "cancelled"},
    lambda old: {"resourceType": old["resourceType"], "id": old["id"], "status": "entered-in-error", "subject": old["subject"]},
    lambda old: {"resourceType": old["resourceType"], "id": old["id"], "status": "entered-in-error"},
    lambda old: {key: value for key, value in old.items() if key not in ("valueString", "code")} | {"status": "entered-in-error"},
]  # fmt: skip


@pytest.mark.parametrize("place", [*PLACES, in_files_read_apart])
@pytest.mark.parametrize("withdrawal", range(len(WITHDRAWN)))
def test_a_result_that_was_withdrawn_later_is_not_used(tmp_path: Path, withdrawal: int, place: Place) -> None:
    rest = [each for each in therapy_of() if each["id"] != "h1"]
    new = updated(WITHDRAWN[withdrawal](her2()), *V2)
    for turn, versions in enumerate(([updated(her2(), *V1), new], [new, updated(her2(), *V1)])):
        path = place(tmp_path / str(turn), *versions, *rest)
        for processes in (1, 2) if turn else (2,):
            said = Said(path, processes)
            assert said.status() is None
            assert "it was withdrawn" in said.words()


@pytest.mark.parametrize("place", PLACES)
def test_a_withdrawal_without_any_version_withdraws(tmp_path: Path, place: Place) -> None:
    for turn, versions in enumerate(itertools.permutations([her2(), her2(status="entered-in-error")])):
        said = Said(place(tmp_path / str(turn), person(), *versions))
        assert said.status() is None
        assert "it was withdrawn" in said.words()


def test_a_result_written_again_after_its_withdrawal_counts(tmp_path: Path) -> None:
    versions = [updated(her2(status="entered-in-error"), *V1), updated(her2(), *V2)]
    assert Said(lines(tmp_path / "x.ndjson", person(), *versions)).status() == "positive"


def test_a_result_that_is_coded_as_something_else_later_is_not_used(tmp_path: Path) -> None:
    other = her2() | {"code": {"coding": [{"system": make.LOINC, "code": "718-7", "display": "Hemoglobin"}]}}
    versions = [updated(her2(), *V1), updated(other, *V2)]
    said = Said(document(tmp_path / "b.json", container("collection", person(), *versions)))
    assert said.status() is None
    assert "a later version says something else" in said.words()


@pytest.mark.parametrize("place", PLACES)
def test_where_nothing_says_which_counts_it_is_unknown_and_told(tmp_path: Path, place: Place) -> None:
    told = []
    for turn, versions in enumerate(itertools.permutations([her2("3+"), her2("1+")])):
        said = Said(place(tmp_path / str(turn), *versions, *(r for r in therapy_of() if r["id"] != "h1")))
        assert said.status() is None
        assert "stands 2 times and differs" in said.words()
        told.append(said.phases)
    assert told[0] == told[1] == {"p1": "on hold"}


def test_what_unclear_versions_agree_on_stands(tmp_path: Path) -> None:
    versions = [her2("3+"), her2("3+", performer=[{"display": "another laboratory"}])]
    assert Said(lines(tmp_path / "x.ndjson", person(), *versions)).status() == "positive"


def test_a_dose_of_which_the_amount_is_unclear_is_a_dose(tmp_path: Path) -> None:
    one, other = dose(4, "2025-09-08"), dose(4, "2025-09-08")
    other["dosage"]["dose"]["value"] = 840
    said = Said(lines(tmp_path / "x.ndjson", *therapy_of()[:-1], one, other))
    assert "stands 2 times and differs" in said.words()
    assert said.phases == {"p1": "on hold"}


@pytest.mark.parametrize("place", PLACES)
def test_what_stands_twice_is_read_once(tmp_path: Path, place: Place) -> None:
    once = Said(in_one_bundle(tmp_path / "once", *therapy_of()))
    twice = Said(place(tmp_path / "twice", *therapy_of(), *(updated(each) for each in therapy_of())))
    assert without_notes(twice) == without_notes(once)


def test_ids_of_two_servers_are_two_resources(tmp_path: Path) -> None:
    entries = [
        {"fullUrl": f"https://{server}.example/Observation/1", "resource": lvef("1", day, percent)}
        for server, day, percent in (("a", "2025-06-05", 62), ("b", "2025-09-01", 44))
    ]
    rest = [each for each in therapy_of() if each["id"] not in ("e1", "e2")]
    said = Said(document(tmp_path / "b.json", container("collection", *rest, *entries)))
    assert "withhold" in said.words()


def test_the_version_of_an_entry_counts_where_the_resource_says_none(tmp_path: Path) -> None:
    entries = [
        {"resource": her2(score), "response": {"lastModified": when, "etag": f'W/"{number}"'}}
        for score, when, number in (("1+", "2025-05-22T00:00:00Z", 2), ("3+", "2025-05-21T00:00:00Z", 1))
    ]
    assert Said(document(tmp_path / "h.json", container("history", person(), *entries))).status() == "negative"
    entries = [
        {"fullUrl": f"https://a.example/Observation/h1/_history/{number}", "resource": her2(score)}
        for score, number in (("1+", 10), ("3+", 9))
    ]
    assert Said(document(tmp_path / "b.json", container("collection", person(), *entries))).status() == "negative"


def test_the_shapes_are_those_of_the_record() -> None:
    assert {each["id"] for each in therapy_of()} >= {"h1", "e1", "e2", "a0", "a4"}
    assert shapes.ON.year == 2025


def with_addresses(folder: Path, *resources: Resource) -> Path:
    """Each entry with an address of its own, which says nothing of its id."""
    entries = [{"fullUrl": f"urn:uuid:{number}", "resource": each} for number, each in enumerate(resources)]
    return document(folder / "addresses.json", container("collection", *entries))


def test_versions_under_addresses_of_their_own_are_versions(tmp_path: Path) -> None:
    rest = [each for each in therapy_of() if each["id"] != "h1"]
    other = her2() | {"code": {"coding": [{"system": make.LOINC, "code": "718-7", "display": "Hemoglobin"}]}}
    nothing = {"resourceType": "Observation", "id": "h1", "status": "entered-in-error"}
    for number, new in enumerate((her2(status="entered-in-error"), nothing, other)):
        said = Said(with_addresses(tmp_path / str(number), *rest, updated(her2(), *V1), updated(new, *V2)))
        assert said.status() is None
        assert "not used" in said.words()


def test_a_deletion_reaches_a_whole_bundle_with_addresses(tmp_path: Path) -> None:
    folder = tmp_path / "s"
    with_addresses(folder, *therapy_of())
    gone = container("transaction", {"request": {"method": "DELETE", "url": "Observation/h1"}})
    lines(folder / "deleted" / "Observation.ndjson", gone)
    for processes in (1, 2):
        said = Said(folder, processes)
        assert said.status() is None
        assert not said.troubles


OTHER = {"code": {"coding": [{"system": make.LOINC, "code": "718-7", "display": "Hemoglobin"}]}}
APART: list[Place] = [in_bulk_files, in_pages, in_files_read_apart]


@pytest.mark.parametrize("turn", range(3))
@pytest.mark.parametrize("place", APART)
def test_a_result_that_is_coded_as_something_else_later_is_not_used_wherever_it_stands(
    tmp_path: Path, place: Place, turn: int
) -> None:
    resources = [*therapy_of(), *(updated(lvef(f"n{n}", "2025-06-01", 50) | OTHER, *V1) for n in range(10))]
    resources = [updated(each, *V1) if each["resourceType"] != "Patient" else each for each in resources]
    resources += [updated(her2() | OTHER, *V2), updated(lvef("e2", "2025-09-01", 44) | OTHER, *V2)]
    random.Random(turn).shuffle(resources)
    for processes in (1, 2):
        said = Said(place(tmp_path / str(processes), *resources), processes)
        assert said.status() is None
        assert "a later version says something else" in said.words()
        assert "withhold" not in said.words()


@pytest.mark.parametrize("place", APART)
def test_an_earlier_version_and_one_of_another_patient_take_nothing_back(tmp_path: Path, place: Place) -> None:
    wanted = Said(place(tmp_path / "plain", *therapy_of())).patients
    resources = [updated(each, *V2) if each["resourceType"] != "Patient" else each for each in therapy_of()]
    earlier = updated(her2() | OTHER, *V1)
    of_other = updated(her2(subject="Patient/p2") | OTHER, "2025-12-01T00:00:00Z", "9")
    without = her2() | OTHER
    assert Said(place(tmp_path / "more", *resources, earlier, of_other, without)).patients == wanted


def test_what_is_coded_as_something_else_and_then_back_counts(tmp_path: Path) -> None:
    versions = [updated(her2(), *V1), updated(her2() | OTHER, *V2), updated(her2("1+"), "2025-12-01T00:00:00Z", "9")]
    for turn, each in enumerate(itertools.permutations(versions)):
        assert Said(in_bulk_files(tmp_path / str(turn), person(), *each)).status() == "negative"


def test_versions_that_do_not_matter_stand_on_disk() -> None:
    quiet, other = QuietVersions(), QuietVersions()
    for number in range(3_000):
        quiet.note(QuietVersion("p", f"Observation/{number}", "2025-01-01", "", f"line {number}"))
        quiet.note(QuietVersion("p", f"Observation/{number}", "", "", "says nothing of its version"))
        if number % 1_000 == 0:
            quiet.write()
    for name in ("Observation/2", "Observation/2999", "Condition/2"):
        other.hold("p", name)
    other.hold("q", "Observation/5")
    quiet.add_all(other)
    (found,) = quiet.recoded().values()
    assert {name: [stamp.where for stamp in stamps] for name, stamps in found.items()} == {
        "Observation/2": ["line 2"], "Observation/2999": ["line 2999"],
    }  # fmt: skip
    quiet.close()
