"""One record in every container that it comes in: the same findings; and what a source lacks is told."""

from __future__ import annotations

import base64
import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import record_shapes as shapes
from record_shapes import Resource, Said, container, document, dose, her2, lines, link, lvef, person, therapy_of

SERVER = "https://ehr.example/fhir/r4"


def expected(tmp_path: Path) -> dict[str, tuple[str | None, tuple[str, ...]]]:
    whole = Said(document(tmp_path / "whole" / "one.json", container("collection", *therapy_of())))
    assert "withhold" in whole.words()
    assert whole.phases == {"p1": "on hold"}
    assert not whole.troubles
    return whole.patients


def by_type(resources: list[Resource]) -> dict[str, list[Resource]]:
    sorted_out: dict[str, list[Resource]] = {}
    for resource in resources:
        sorted_out.setdefault(resource["resourceType"], []).append(resource)
    return sorted_out


def as_batch_of_searches(folder: Path, resources: list[Resource]) -> Path:
    searches = [container("searchset", *each) for each in by_type(resources).values()]
    return document(folder / "batch.json", container("batch-response", *searches))


def as_nested_deeply(folder: Path, resources: list[Resource]) -> Path:
    inner = container("searchset", *resources[3:])
    for kind in ("batch-response", "collection", "searchset", "collection"):
        inner = container(kind, inner)
    return document(folder / "deep.json", container("collection", *resources[:3], inner))


def as_parameters(folder: Path, resources: list[Resource]) -> Path:
    part = [{"name": "part", "resource": each} for each in resources[2:]]
    parameters = {
        "resourceType": "Parameters",
        "parameter": [
            {"name": "return", "resource": container("collection", *resources[:2])}, {"name": "more", "part": part},
        ],
    }  # fmt: skip
    return document(folder / "parameters.json", parameters)


def as_list(folder: Path, resources: list[Resource]) -> Path:
    return document(folder / "list.json", resources)


def as_list_of_bundles(folder: Path, resources: list[Resource]) -> Path:
    return document(folder / "list.json", [container("collection", *resources)])


def as_search_a_type(folder: Path, resources: list[Resource]) -> Path:
    for kind, each in by_type(resources).items():
        document(folder / "search" / f"{kind}.json", container("searchset", *each))
    return folder / "search"


def as_collection_a_type(folder: Path, resources: list[Resource]) -> Path:
    for kind, each in by_type(resources).items():
        document(folder / "collections" / f"{kind}.json", container("collection", *each))
    return folder / "collections"


def as_pages(folder: Path, resources: list[Resource]) -> Path:
    for number in range(0, len(resources), 2):
        links = link(self=f"{SERVER}?page={number}")
        if number + 2 < len(resources):
            links += link(next=f"{SERVER}?page={number + 2}")
        page = container("searchset", *resources[number : number + 2], link=links)
        document(folder / "pages" / f"{number:02}.json", page)
    return folder / "pages"


def as_pages_in_lines(folder: Path, resources: list[Resource]) -> Path:
    return lines(folder / "pages.ndjson", *(container("searchset", each) for each in resources))


def as_bulk(folder: Path, resources: list[Resource]) -> Path:
    for kind, each in by_type(resources).items():
        lines(folder / "bulk" / f"{kind}.ndjson", *each)
    return folder / "bulk"


def as_documents_in_one_file(folder: Path, resources: list[Resource]) -> Path:
    path = folder / "many.json"
    path.write_text("\n".join(json.dumps(each, indent=1) for each in resources), encoding="utf-8")
    return path


def as_absolute(folder: Path, resources: list[Resource]) -> Path:
    entries = []
    for each in resources:
        made = dict(each)
        if "subject" in made:
            made["subject"] = {"reference": f"{SERVER}/Patient/p1/_history/3"}
        entries.append({"fullUrl": f"{SERVER}/{made['resourceType']}/{made['id']}", "resource": made})
    return document(folder / "absolute.json", container("collection", *entries))


def as_absolute_lines(folder: Path, resources: list[Resource]) -> Path:
    made = [
        each | ({"subject": {"reference": f"{SERVER}/Patient/p1"}} if "subject" in each else {}) for each in resources
    ]
    return lines(folder / "absolute.ndjson", *made)


def as_urns(folder: Path, resources: list[Resource]) -> Path:
    """Pages in which only addresses tell who is meant; the patient comes last."""
    urn = "urn:uuid:0b5f1e1c-52a4-4e39-8c1d-5f5f6a7b8c9d"
    pages = []
    for number, each in enumerate(resources[::-1]):
        made = each | (
            {"subject": {"reference": urn.upper().replace("URN:UUID", "urn:uuid")}} if "subject" in each else {}
        )
        url = urn if each["resourceType"] == "Patient" else f"urn:uuid:{number}"
        pages.append(container("searchset", {"fullUrl": url, "resource": made}))
    return lines(folder / "urns.ndjson", *pages)


def as_identified(folder: Path, resources: list[Resource]) -> Path:
    identifier = {"system": "urn:oid:1.2.3", "value": "4711"}
    made = [
        each | ({"subject": {"identifier": identifier}} if "subject" in each else {"identifier": [identifier]})
        for each in resources
    ]
    return lines(folder / "identified.ndjson", *made)


def as_identified_bundle(folder: Path, resources: list[Resource]) -> Path:
    path = as_identified(folder, resources)
    made = [json.loads(each) for each in path.read_text(encoding="utf-8").splitlines()]
    return document(folder / "identified.json", container("collection", *made))


def as_history(folder: Path, resources: list[Resource]) -> Path:
    entries = [
        {
            "fullUrl": f"{SERVER}/{each['resourceType']}/{each['id']}", "resource": each,
            "request": {"method": "PUT", "url": f"{each['resourceType']}/{each['id']}"},
            "response": {"status": "200", "lastModified": "2025-09-10T00:00:00Z", "etag": 'W/"2"'},
        }
        for each in resources
    ]  # fmt: skip
    return document(folder / "history.json", container("history", *entries))


SHAPES = [
    as_batch_of_searches, as_nested_deeply, as_parameters, as_list, as_list_of_bundles, as_search_a_type,
    as_collection_a_type, as_pages, as_pages_in_lines, as_bulk, as_documents_in_one_file, as_absolute,
    as_absolute_lines, as_urns, as_identified, as_identified_bundle, as_history,
]  # fmt: skip


@pytest.mark.parametrize("shape", SHAPES)
def test_every_container_gives_the_same_findings(tmp_path: Path, shape: Callable[[Path, list[Resource]], Path]) -> None:
    wanted = expected(tmp_path)
    path = shape(tmp_path, therapy_of())
    for processes in (1, 2):
        said = Said(path, processes)
        assert said.patients == wanted
        assert not said.troubles


@pytest.mark.parametrize("seed", range(4))
def test_the_order_of_resources_files_and_keys_says_nothing(tmp_path: Path, seed: int) -> None:
    wanted = expected(tmp_path)
    shuffled = random.Random(seed)
    resources = [dict(shuffled.sample(list(each.items()), len(each))) for each in therapy_of()]
    shuffled.shuffle(resources)
    for shape in shuffled.sample(SHAPES, 5):
        folder = tmp_path / str(seed) / shape.__name__
        folder.mkdir(parents=True)
        assert Said(shape(folder, resources)).patients == wanted


def test_too_many_containers_in_each_other_are_told(tmp_path: Path) -> None:
    inner = container("collection", *therapy_of())
    for _ in range(20):
        inner = container("collection", inner)
    said = Said(document(tmp_path / "deep.json", inner))
    assert not said.patients
    assert "containers stand in each other" in said.told


@pytest.mark.parametrize("kind", ["MedicationAdministration", "Observation", "Condition"])
def test_a_next_page_that_is_not_there_is_told_and_leaves_the_phase_open(tmp_path: Path, kind: str) -> None:
    parts = by_type([person(), her2(), shapes.therapy_of()[1]])
    parts.setdefault(kind, [])
    for name, each in parts.items():
        links = link(self=f"{SERVER}/{name}?_count=5")
        links += link(next=f"{SERVER}?_getpages=abc") if name == kind else []
        document(tmp_path / "s" / f"{name}.json", container("searchset", *each, link=links))
    for processes in (1, 2):
        said = Said(tmp_path / "s", processes)
        assert "missing: the next page of this search" in said.words()
        assert "next page of this search" in said.told
        if kind == "MedicationAdministration":
            assert said.phases["p1"] not in ("before start", "")


def test_a_next_page_that_is_there_by_the_link_back_is_not_missing(tmp_path: Path) -> None:
    one = container("searchset", *therapy_of()[:4], link=link(self=f"{SERVER}/Observation", next=f"{SERVER}?x=1&y=2"))
    two = container(
        "searchset", *therapy_of()[4:], link=link(previous=f"{SERVER}/Observation", self=f"{SERVER}?y=2&x=1")
    )
    assert not Said(lines(tmp_path / "pages.ndjson", one, two)).troubles
    two["link"] = link(previous=f"{SERVER}/Observation", self=f"{SERVER}?other")
    assert not Said(lines(tmp_path / "pages.ndjson", one, two)).troubles


def test_a_search_of_one_patient_says_nothing_of_another(tmp_path: Path) -> None:
    links = link(self=f"{SERVER}/MedicationAdministration?patient=p2", next=f"{SERVER}?z")
    page = container("searchset", person("p2"), link=links)
    said = Said(lines(tmp_path / "pages.ndjson", page, *therapy_of()))
    assert "next page" in said.words("p2")
    assert "next page" not in said.words("p1")


@pytest.mark.parametrize("entry", [
    {"response": {"status": "404", "outcome": {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "diagnostics": "gone away"}]}}},
    {"response": {"status": "200"}, "resource": {"resourceType": "OperationOutcome", "issue": [{"severity": "fatal", "details": {"text": "gone away"}}]}},
])  # fmt: skip
def test_an_answer_that_is_an_error_is_told(tmp_path: Path, entry: Any) -> None:
    answer = container("batch-response", container("searchset", *therapy_of()))
    answer["entry"].append(entry)
    said = Said(document(tmp_path / "batch.json", answer))
    assert "gone away" in said.told
    assert "gone away" in said.words()


def test_files_beside_an_export_are_recognised(tmp_path: Path) -> None:
    wanted = expected(tmp_path)
    folder = as_bulk(tmp_path, therapy_of())
    manifest = {
        "transactionTime": "2025-09-10T00:00:00Z", "request": f"{SERVER}/$export", "requiresAccessToken": True,
        "output": [{"type": "Patient", "url": f"{SERVER}/Patient.ndjson"}], "error": [],
    }  # fmt: skip
    document(folder / "manifest.json", manifest)
    log = [
        {"exportId": "x", "timestamp": "2025-09-10", "eventId": name, "eventDetail": {}}
        for name in ("kickoff", "export_complete")
    ]
    lines(folder / "log.ndjson", *log)
    information = {"resourceType": "OperationOutcome", "issue": [{"severity": "information", "diagnostics": "done"}]}
    lines(folder / "error" / "outcomes.ndjson", information)
    said = Said(folder)
    assert said.patients == wanted
    assert not said.troubles


def test_what_files_beside_an_export_tell_of_errors_is_told(tmp_path: Path) -> None:
    folder = as_bulk(tmp_path, [person(), her2()])
    failed = {"fileUrl": f"{SERVER}/MedicationAdministration.1.ndjson", "code": 500, "message": "broke off"}
    lines(
        folder / "log.ndjson", {"exportId": "x", "timestamp": "t", "eventId": "download_error", "eventDetail": failed}
    )
    lines(
        folder / "error" / "e.ndjson",
        {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "timeout"}]},
    )
    said = Said(folder)
    assert "broke off" in said.told
    assert "timeout" in said.told
    assert said.phases["p1"] not in ("before start", "")


# -- deletions ------------------------------------------------------------------------------


def deletion(name: str, **response: str) -> Resource:
    return {"request": {"method": "DELETE", "url": name}, **({"response": response} if response else {})}


@pytest.mark.parametrize("where", ["history", "deleted folder", "deleted folder of whole bundles", "transaction"])
def test_a_deleted_result_is_not_used_and_told(tmp_path: Path, where: str) -> None:
    resources = therapy_of()
    folder = tmp_path / "source"
    if where == "history":
        entries = [*({"resource": each} for each in resources), deletion("Observation/h1")]
        document(folder / "history.json", container("history", *entries))
    elif where == "transaction":
        document(
            folder / "all.json",
            container("transaction", *({"resource": r} for r in resources), deletion("Observation/h1")),
        )
    else:
        if where == "deleted folder":
            as_bulk(folder, resources)
        else:
            document(folder / "p1.json", container("collection", *resources))
        lines(folder / "deleted" / "Observation.ndjson", container("transaction", deletion("Observation/h1")))
    for processes in (1, 2):
        said = Said(folder, processes)
        assert said.status() is None
        assert "it was deleted" in said.words()


def test_what_was_written_again_after_its_deletion_counts(tmp_path: Path) -> None:
    again = shapes.updated(her2(), "2025-06-01T00:00:00Z")
    gone = deletion("Observation/h1", lastModified="2025-05-25T00:00:00Z")
    entries = [gone, {"resource": again}, *({"resource": each} for each in therapy_of() if each["id"] != "h1")]
    assert Said(document(tmp_path / "h.json", container("history", *entries))).status() == "positive"


# -- references and persons -----------------------------------------------------------------


LINKS = [
    lambda old: [person("p1"), person(old, active=False, link=[{"type": "replaced-by", "other": {"reference": "Patient/p1"}}])],
    lambda old: [person("p1", link=[{"type": "replaces", "other": {"reference": f"Patient/{old}"}}]), person(old)],
    lambda old: [person("p1"), person(old, link=[{"type": "replaced-by", "other": {"reference": f"{SERVER}/Patient/p1/_history/1"}}])],
    lambda old: [
        person("p1", identifier=[{"system": "s", "value": "1"}]),
        person(old, link=[{"type": "replaced-by", "other": {"identifier": {"system": "s", "value": "1"}}}]),
    ],
]  # fmt: skip


@pytest.mark.parametrize("persons", LINKS)
@pytest.mark.parametrize("shape", [as_list_of_bundles, as_bulk, as_search_a_type])
def test_patients_whose_links_say_so_are_one(tmp_path: Path, persons: Any, shape: Any) -> None:
    resources = [*persons("old"), *therapy_of()[1:]]
    for each in resources:
        if each["id"] in ("e1", "e2"):
            each["subject"] = {"reference": "Patient/old"}
    for processes in (1, 2):
        said = Said(shape(tmp_path, resources), processes)
        assert list(said.patients) == ["p1"]
        assert "withhold" in said.words()
        assert "read as one patient" in said.words()


def test_a_chain_of_replaced_patients_ends_at_the_last(tmp_path: Path) -> None:
    chain = [
        person(name, link=[{"type": "replaced-by", "other": {"reference": f"Patient/{other}"}}])
        for name, other in (("a", "b"), ("b", "p1"))
    ]
    said = Said(lines(tmp_path / "b.ndjson", *chain, person("p1"), her2(subject="Patient/a")))
    assert {name: status for name, (status, _) in said.patients.items()} == {"p1": "positive"}


def test_patients_who_replace_each_other_are_one(tmp_path: Path) -> None:
    circle = [
        person(name, link=[{"type": "replaced-by", "other": {"reference": f"Patient/{other}"}}])
        for name, other in (("a", "b"), ("b", "a"))
    ]
    for path in (lines(tmp_path / "b.ndjson", *circle, her2(subject="Patient/b")),
                 document(tmp_path / "b.json", container("collection", *circle, her2(subject="Patient/b")))):  # fmt: skip
        assert list(Said(path).patients) == ["a"]


@pytest.mark.parametrize("kind", ["seealso", "refer"])
def test_other_links_join_nobody_and_are_told(tmp_path: Path, kind: str) -> None:
    linked = person("p2", link=[{"type": kind, "other": {"reference": "Patient/p1"}}])
    for path in (lines(tmp_path / "b.ndjson", linked, *therapy_of()),
                 document(tmp_path / "b.json", container("collection", linked, *therapy_of()))):  # fmt: skip
        said = Said(path)
        assert set(said.patients) == {"p1", "p2"}
        assert f"linked to Patient/p1 ({kind})" in said.words("p2")


@pytest.mark.parametrize("shape", [as_bulk, as_search_a_type, as_list_of_bundles])
def test_a_patient_who_is_not_in_the_source_is_told(tmp_path: Path, shape: Any) -> None:
    said = Said(shape(tmp_path, [*therapy_of(), her2(subject="Patient/stranger", name="h9")]))
    assert said.status("stranger") == "positive"
    assert "no Patient resource of hers is in the source" in said.words("stranger")
    assert "no Patient resource" not in said.words("p1")


def test_an_identifier_that_nobody_has_is_told(tmp_path: Path) -> None:
    lost = her2(name="h9") | {"subject": {"identifier": {"system": "s", "value": "77"}}}
    for path in (lines(tmp_path / "b.ndjson", *therapy_of(), lost),
                 document(tmp_path / "b.json", container("collection", *therapy_of(), lost))):  # fmt: skip
        said = Said(path)
        assert "Observation/h9" in said.told
        assert "identifier s|77" in said.told
        assert said.status() == "positive"


def test_one_patient_in_two_whole_bundles_is_told(tmp_path: Path) -> None:
    first, rest = therapy_of()[:6], [person(), *therapy_of()[6:]]
    path = lines(tmp_path / "b.ndjson", container("collection", *first), container("collection", *rest))
    for processes in (1, 2):
        said = Said(path, processes)
        assert said.again == ["p1"]
        assert "Patient/p1 stands in several bundles" in said.told


def test_resources_beside_a_whole_bundle_are_told_as_a_part(tmp_path: Path) -> None:
    folder = tmp_path / "s"
    document(folder / "a.json", container("collection", *therapy_of()[:6]))
    lines(folder / "b.ndjson", *therapy_of()[6:])
    said = Said(folder)
    assert "this is a part of her record" in said.words()


def medication(name: str = "M1") -> Resource:
    return {"resourceType": "Medication", "id": name, "code": shapes.TRASTUZUMAB}


@pytest.mark.parametrize("reference", [
    "Medication/M1", f"{SERVER}/Medication/M1", f"{SERVER}/Medication/M1/_history/4", "http://other/Medication/M1",
])  # fmt: skip
@pytest.mark.parametrize("shape", [as_bulk, as_list_of_bundles, as_search_a_type, as_collection_a_type])
def test_a_medication_is_found_by_every_form_of_its_reference(tmp_path: Path, reference: str, shape: Any) -> None:
    wanted = expected(tmp_path)
    doses = [dose(n, day, medicationReference={"reference": reference}) for n, day in enumerate(shapes.DOSES)]
    said = Said(shape(tmp_path, [*therapy_of()[:6], *doses, medication()]))
    assert said.patients == wanted


def test_a_medication_of_another_server_is_not_taken_for_it(tmp_path: Path) -> None:
    entry = {"fullUrl": "https://a.example/Medication/M1", "resource": medication()}
    given = dose(0, shapes.DOSES[0], medicationReference={"reference": "https://b.example/Medication/M1"})
    said = Said(document(tmp_path / "b.json", container("collection", *therapy_of()[:6], given, entry)))
    assert "not found in the source" in said.words()


def test_a_medication_in_another_file_is_found(tmp_path: Path) -> None:
    wanted = expected(tmp_path)
    folder = tmp_path / "s"
    doses = [dose(n, day, medicationReference={"reference": "Medication/M1"}) for n, day in enumerate(shapes.DOSES)]
    document(folder / "a.json", container("collection", *therapy_of()[:6], *doses))
    document(folder / "b.json", container("collection", medication()))
    assert Said(folder).patients == wanted


# -- contained resources --------------------------------------------------------------------


@pytest.mark.parametrize("shape", [as_bulk, as_list_of_bundles, as_search_a_type])
def test_results_contained_in_a_report_are_read(tmp_path: Path, shape: Any) -> None:
    report = report_of(without_subject(), result=[{"reference": "#h1"}])
    wanted = expected(tmp_path)
    resources = [each for each in therapy_of() if each["id"] != "h1"]
    said = Said(shape(tmp_path, [*resources, report]))
    assert said.patients == wanted
    for status in ("entered-in-error", "cancelled", "nullified"):
        said = Said(shape(tmp_path / status, [*resources, report | {"status": status}]))
        assert said.status() is None


def test_a_contained_specimen_is_that_of_its_test(tmp_path: Path) -> None:
    inside = {"resourceType": "Specimen", "id": "sp", "type": {"text": "biopsy of a liver metastasis"}}
    test = her2(specimen={"reference": "#sp"}, contained=[inside])
    review = make_review(document(tmp_path / "b.json", container("collection", *therapy_of()[:2], test)))
    (specimen,) = review.specimens
    assert (specimen.kind, specimen.place) == ("biopsy", "metastasis")


def report_of(*inside: Resource, **more: Any) -> Resource:
    return {
        "resourceType": "DiagnosticReport", "id": "r1", "status": "final", "subject": {"reference": "Patient/p1"},
        "effectiveDateTime": "2025-05-20", "code": {"text": "pathology"}, "contained": list(inside), **more,
    }  # fmt: skip


def without_subject(**more: Any) -> Resource:
    inside = her2(**more)
    inside.pop("subject")
    inside.pop("effectiveDateTime")
    return inside


def test_a_result_and_its_specimen_contained_in_one_report(tmp_path: Path) -> None:
    tissue = {"resourceType": "Specimen", "id": "sp", "type": {"text": "biopsy of a liver metastasis"}}
    report = report_of(tissue, without_subject(specimen={"reference": "#sp"}))
    review = make_review(document(tmp_path / "b.json", container("collection", *therapy_of()[:2], report)))
    (specimen,) = review.specimens
    assert (specimen.kind, specimen.place, str(specimen.day)) == ("biopsy", "metastasis", "2025-05-20")


@pytest.mark.parametrize("shape", [as_bulk, as_list_of_bundles, as_search_a_type])
def test_a_contained_result_is_that_of_the_latest_version_of_its_report(tmp_path: Path, shape: Any) -> None:
    resources = [each for each in therapy_of() if each["id"] != "h1"]
    first = report_of(without_subject(), meta={"lastUpdated": "2025-05-21T08:00:00Z"})
    later = report_of(without_subject(score="1+"), meta={"lastUpdated": "2025-05-22T08:00:00Z"})
    said = Said(shape(tmp_path, [*resources, later, first]))
    assert said.status() == "negative"
    assert "it stands again at" in said.words()


@pytest.mark.parametrize("shape", [as_list_of_bundles, as_search_a_type])
def test_a_result_that_the_latest_version_of_its_report_leaves_out_is_none(tmp_path: Path, shape: Any) -> None:
    resources = [each for each in therapy_of() if each["id"] != "h1"]
    first = report_of(without_subject(), meta={"lastUpdated": "2025-05-21T08:00:00Z"})
    later = report_of(meta={"lastUpdated": "2025-05-22T08:00:00Z"})
    said = Said(shape(tmp_path, [*resources, later, first]))
    assert said.status() is None
    assert "no HER2 test" in said.words()


def make_review(path: Path) -> Any:
    import fhir_makers as make

    (review,), troubles = make.review_of(path, on=shapes.ON)
    assert not troubles
    return review


def test_a_contained_patient_with_an_identifier_is_who_has_it(tmp_path: Path) -> None:
    identifier = {"system": "s", "value": "1"}
    test = her2() | {
        "subject": {"reference": "#me"},
        "contained": [{"resourceType": "Patient", "id": "me", "identifier": [identifier]}],
    }
    said = Said(
        document(
            tmp_path / "b.json", container("collection", person("p1", identifier=[identifier]), person("p2"), test)
        )
    )
    assert said.status("p1") == "positive"


def test_attachments_do_not_count_as_containers(tmp_path: Path) -> None:
    data = base64.b64encode(json.dumps(container("collection", *therapy_of())).encode()).decode()
    binary = {"resourceType": "Binary", "id": "b", "contentType": "application/json", "data": data}
    said = Said(document(tmp_path / "b.json", container("collection", person(), her2(), binary)))
    assert said.status() == "positive"


def test_a_result_moved_to_another_patient_is_hers_alone(tmp_path: Path) -> None:
    wrong = shapes.updated(her2(subject="Patient/p2"), "2025-05-21T00:00:00Z", "1")
    right = shapes.updated(her2(), "2025-05-22T00:00:00Z", "2")
    said = Said(document(tmp_path / "b.json", container("collection", person("p1"), person("p2"), wrong, right)))
    assert (said.status("p1"), said.status("p2")) == ("positive", None)
    assert "of another patient" in said.words("p2")


@pytest.mark.parametrize(
    "when", [{"deceasedBoolean": True}, {"deceasedDateTime": "2025-09"}, {"deceasedDateTime": "2025"}]
)
def test_the_dead_are_due_nothing_even_where_the_day_is_unknown(tmp_path: Path, when: Resource) -> None:
    resources = therapy_of()
    resources[0] |= when
    for shape in (as_list_of_bundles, as_bulk):
        words = Said(shape(tmp_path, resources)).words()
        assert "nothing is due" in words
        assert "plan:" not in words
        assert "doses are recorded after the day of death" not in words


def test_a_death_in_a_month_to_come_is_no_death(tmp_path: Path) -> None:
    resources = therapy_of()
    resources[0] |= {"deceasedDateTime": "2026-05"}
    assert "nothing is due" not in Said(as_bulk(tmp_path, resources)).words()


def test_an_lvef_under_its_own_line(tmp_path: Path) -> None:
    said = Said(lines(tmp_path / "x.ndjson", person(), lvef("e", "2025-06-05", 62)))
    assert not said.troubles


def test_one_id_on_two_servers_is_two_patients_in_pages_too(tmp_path: Path) -> None:
    def page(server: str, *resources: Resource) -> Resource:
        urls = [f"https://{server}.example/{each['resourceType']}/{each['id']}" for each in resources]
        entries = [{"fullUrl": url, "resource": each} for url, each in zip(urls, resources, strict=True)]
        return container("searchset", *entries)

    pages = [page("a", person()), page("b", person()), page("a", her2()), page("b", her2("0"))]
    said = Said(lines(tmp_path / "pages.ndjson", *pages))
    assert sorted(str(status) for status, _ in said.patients.values()) == ["negative", "positive"]
    said = Said(lines(tmp_path / "lost.ndjson", *pages[:2], container("searchset", her2())))
    assert "it belongs to none of them" in said.told


def test_an_id_named_on_two_servers_is_told(tmp_path: Path) -> None:
    references = [
        her2(subject="https://a.example/Patient/p1"),
        lvef("e", "2025-06-05", 62, subject="https://b.example/Patient/p1"),
    ]
    assert "named on several servers" in Said(lines(tmp_path / "x.ndjson", person(), *references)).words()


def test_a_deleted_medication_is_named_by_nobody(tmp_path: Path) -> None:
    given = dose(0, shapes.DOSES[0], medicationReference={"reference": "Medication/M1"})
    gone = container("transaction", deletion("Medication/M1"))
    said = Said(lines(tmp_path / "x.ndjson", person(), given, medication(), gone))
    assert "not found in the source" in said.words()


def test_deletions_read_after_whole_bundles_are_told(tmp_path: Path) -> None:
    gone = container("history", deletion("Observation/h1"))
    said = Said(lines(tmp_path / "x.ndjson", container("collection", *therapy_of()), gone))
    assert "deleted resources (Observation/h1)" in said.told


def test_a_search_that_found_more_than_is_there_is_told(tmp_path: Path) -> None:
    links = link(self=f"{SERVER}/Observation")
    pages = [container("searchset", *each, total=11, link=links) for each in (therapy_of()[:4], therapy_of()[4:])]
    assert not Said(lines(tmp_path / "whole.ndjson", *pages)).troubles
    found = container("searchset", total=12, link=link(self=f"{SERVER}/MedicationAdministration"))
    said = Said(lines(tmp_path / "few.ndjson", person(), her2(), found))
    assert "the search has found 12, of which 0 are in the source" in said.told
    assert said.phases["p1"] not in ("before start", "")
