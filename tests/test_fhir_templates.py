"""FHIR by templates: every patient read into columns is the patient whom the reader of one resource gives."""

from __future__ import annotations

import json
import pickle
import random
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import fhir_makers as make
import therapy_makers as therapy
from her2path.cli.group import main
from her2path.facts.codes import read_codes
from her2path.facts.value import OneOf
from her2path.read.fhir.patient import read_record
from her2path.read.fhir.skim import Group, Skimmer
from her2path.read.fhir.templates.reader import ColumnReader
from her2path.read.files import Piece, read_pieces
from her2path.read.source import ColumnPart, ColumnWorker, Layout, read_columns, read_records
from her2path.record.columns import RecordColumns, columns_of
from her2path.record.event import Event, Record, Trouble
from her2path.tables.load import default_knowledge
from record_shapes import measured

FACTS, CODES = default_knowledge().facts, read_codes()
EXAMPLES = Path(__file__).parent.parent / "examples"


def said(record: Record) -> tuple[Any, ...]:
    """All that a record says, without the order in which it says it."""
    listed = (record.events, record.course, record.tissues.values(), record.sites, record.troubles, record.passed_over)
    return (record.patient, record.origin, *(tuple(sorted(Counter(map(_words, part)).items())) for part in listed))


def _words(part: Any) -> str:
    """One thing in words; of several possible values in their order, not in that of a set."""
    if isinstance(part, Event) and isinstance(part.value, OneOf):
        return f"{sorted(part.value.values)} {replace(part, value='one of them')!r}"
    return repr(part)


def strictly(pieces: Iterable[Piece]) -> Counter[Any]:
    """Patients and troubles by the reader of one resource."""
    counted: Counter[Any] = Counter()
    skimmer = Skimmer(CODES)
    for piece in pieces:
        for found in skimmer.skim(piece):
            if isinstance(found, Trouble):
                counted[repr(found)] += 1
            elif isinstance(found, Group) and not found.alone:
                counted[said(read_record(found, CODES, FACTS))] += 1
    return counted


def counted_of(batches: Iterable[RecordColumns | Trouble]) -> Counter[Any]:
    counted: Counter[Any] = Counter()
    for batch in batches:
        if isinstance(batch, Trouble):
            counted[repr(batch)] += 1
        else:
            counted.update(said(batch.record(patient)) for patient in range(len(batch)))
    return counted


class Reading:
    """A reader that keeps its templates from document to document."""

    def __init__(self, patients_at_once: int = 7) -> None:
        self.reader = ColumnReader(CODES, FACTS, patients_at_once=patients_at_once, loose=ColumnPart())

    def __call__(self, pieces: Iterable[Piece]) -> Counter[Any]:
        batches = [batch for piece in pieces for batch in self.reader.read(piece)]
        return counted_of([*batches, *self.reader.rest()])


def assert_equal(*documents: Any) -> None:
    """The documents read by templates, unknown and known, say what the strict reader says."""
    contents = [each if isinstance(each, bytes) else json.dumps(each).encode() for each in documents]
    pieces = [Piece(f"b{number}.json", content) for number, content in enumerate(contents)]
    expected, reading = strictly(pieces), Reading()
    for _ in range(2):
        assert reading(pieces) == expected
    shuffled = random.Random(len(pieces)).sample(pieces, len(pieces))
    assert reading(shuffled) == expected


def simulated(folder: Path, mess: str) -> Path:
    path = folder / f"{mess}.ndjson"
    words = ["simulate", "course", "--virtual-patients", "40", "--seed", "5", "--mess", mess, "--fhir", str(path)]
    result = CliRunner().invoke(
        main, words if mess != "none" else [word for word in words if word not in ("--mess", mess)]
    )
    assert result.exit_code == 0, result.output
    return path


@pytest.fixture(scope="module", params=["none", "heavy"])
def cohort(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return simulated(tmp_path_factory.mktemp("cohort"), request.param)


def as_read_one_by_one(path: Path) -> Counter[Any]:
    """Everything of a source by the reader of one resource, those that come by themselves laid out by patient."""
    if path.suffix == ".csv":
        return Counter(repr(each) if isinstance(each, Trouble) else said(each) for each in read_records(path, FACTS))
    counted: Counter[Any] = Counter()
    skimmer = Skimmer(CODES)
    with Layout() as layout:
        for piece in read_pieces(path):
            for found in [piece] if isinstance(piece, Trouble) else skimmer.skim(piece):
                if isinstance(found, Trouble):
                    counted[repr(found)] += 1
                elif not isinstance(found, Group):
                    layout.notes.add(found)
                elif found.alone:
                    layout.add(found)
                else:
                    counted[said(read_record(found, CODES, FACTS))] += 1
        for group in layout.groups(skimmer.interest):
            if isinstance(group, Trouble):
                counted[repr(group)] += 1
            else:
                counted[said(read_record(group, CODES, FACTS))] += 1
    return counted


def test_simulated_bundles_are_read_by_templates_alone_and_the_same(cohort: Path) -> None:
    pieces = [piece for piece in read_pieces(cohort) if isinstance(piece, Piece)]
    expected, reading = strictly(pieces), Reading()
    assert reading(pieces) == expected
    readings = len(reading.reader.templates.kinds)
    assert reading(pieces[::-1]) == expected
    assert len(reading.reader.templates.kinds) == readings
    assert reading.reader.ways.by_templates == 2 * len(pieces)
    assert reading.reader.ways.whole == 0


def test_records_are_views_of_columns(cohort: Path) -> None:
    counted = Counter(repr(each) if isinstance(each, Trouble) else said(each) for each in read_records(cohort, FACTS))
    assert counted == as_read_one_by_one(cohort)


@pytest.mark.parametrize("patients_at_once", [1, 13, 1000])
def test_a_source_is_read_whole_in_batches_of_any_size(cohort: Path, patients_at_once: int) -> None:
    batches = list(read_columns(cohort, FACTS, patients_at_once=patients_at_once))
    assert counted_of(batches) == as_read_one_by_one(cohort)
    assert max(len(batch) for batch in batches if isinstance(batch, RecordColumns)) <= patients_at_once


def test_single_resources_are_laid_out_by_patient(cohort: Path, tmp_path: Path) -> None:
    lines = [json.dumps(entry["resource"]) for line in cohort.open() for entry in json.loads(line)["entry"]]
    random.Random(3).shuffle(lines)
    path = tmp_path / "bulk.ndjson"
    path.write_text("\n".join(lines), encoding="utf-8")
    assert counted_of(read_columns(path, FACTS, patients_at_once=9)) == as_read_one_by_one(path)


def test_many_patients_in_one_bundle(cohort: Path, tmp_path: Path) -> None:
    entries = [entry for line in cohort.open() for entry in json.loads(line)["entry"]]
    random.Random(4).shuffle(entries)
    path = tmp_path / "all.json"
    path.write_text(json.dumps({"resourceType": "Bundle", "entry": entries}, indent=1), encoding="utf-8")
    assert counted_of(read_columns(path, FACTS)) == as_read_one_by_one(path)


@pytest.mark.parametrize(
    "path", sorted(EXAMPLES.glob("*.ndjson")) + sorted(EXAMPLES.glob("courses/*")), ids=lambda path: path.name
)
def test_every_example(path: Path) -> None:
    assert counted_of(read_columns(path, FACTS, patients_at_once=10)) == as_read_one_by_one(path)


def test_rows_are_those_of_columns_made_of_records(cohort: Path) -> None:
    """The same events in the same order; of a site named twice only one row stays."""
    (columns,) = [
        each for each in read_columns(cohort, FACTS, patients_at_once=1000) if isinstance(each, RecordColumns)
    ]
    one_by_one = columns_of(
        read_record(group, CODES, FACTS)
        for piece in read_pieces(cohort) if isinstance(piece, Piece)
        for group in Skimmer(CODES).skim(piece) if isinstance(group, Group)
    )  # fmt: skip
    assert columns.patients == one_by_one.patients
    assert columns.starts.tolist() == one_by_one.starts.tolist()
    assert columns.day.tolist() == one_by_one.day.tolist()
    for row in range(0, len(columns.day), 7):
        left, right = columns.event(row), one_by_one.event(row)
        assert (left.fact, str(left.value), left.product, left.said) == (
            right.fact,
            str(right.value),
            right.product,
            right.said,
        )


def test_a_worker_can_be_sent_to_a_process_and_its_columns_back(cohort: Path) -> None:
    pieces = [piece for piece in read_pieces(cohort) if isinstance(piece, Piece)]
    worker = pickle.loads(pickle.dumps(ColumnWorker(FACTS, patients_at_once=11)))
    single = Piece("one.json", json.dumps(therapy.given(dose=560.0)).encode())
    part = pickle.loads(pickle.dumps(worker.read([*pieces, Trouble("skipped", "x", "y"), single])))
    expected = strictly(pieces)
    expected[repr(Trouble("skipped", "x", "y"))] += 1
    assert counted_of(part.items) == expected
    assert [(line.patient, line.where) for line in part.loose] == [("p1", "one.json")]


def test_templates_are_forgotten_when_there_are_too_many(cohort: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("her2path.read.fhir.templates.library.MOST_READINGS", 60)
    pieces = [piece for piece in read_pieces(cohort) if isinstance(piece, Piece)]
    reading = Reading(patients_at_once=1000)
    assert reading(pieces) == strictly(pieces)
    assert len(reading.reader.templates.kinds) <= 300


def test_kinds_of_which_no_two_are_alike_are_read_by_themselves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("her2path.read.fhir.templates.library.WORTH_JUDGING", 5)
    documents = []
    for number in range(60):
        one = therapy.given(dose=560.0) | {"text": {"div": f"<p>{number}</p>"}}
        documents.append(bundled([make.patient(), one]))
    pieces = [Piece(f"{number}.json", json.dumps(each).encode()) for number, each in enumerate(documents)]
    reading = Reading(patients_at_once=10)
    assert reading(pieces) == strictly(pieces)
    assert "MedicationAdministration" in reading.reader.templates.unlike
    assert len(reading.reader.templates.templates) < 30


# -- one resource after another -------------------------------------------------------------------


def bundled(resources: Iterable[Mapping[str, Any]], *, urls: bool = True) -> dict[str, Any]:
    entries = []
    for number, each in enumerate(resources):
        url = {"fullUrl": f"http://x.org/{each.get('resourceType')}/{each.get('id', number)}"} if urls else {}
        entries.append(url | {"resource": each})
    return {"resourceType": "Bundle", "type": "collection", "entry": entries}


MEDICATION = {"resourceType": "Medication", "id": "m", "code": therapy.TRASTUZUMAB["medicationCodeableConcept"]}
LVEF = "10230-1"
BY_REFERENCE = {"medicationReference": {"reference": "Medication/m"}}
BASES: list[dict[str, Any]] = [
    therapy.given(dose=560.0),
    therapy.given(),
    therapy.given(BY_REFERENCE, dose=420),
    therapy.given({"medicationReference": {"reference": "#in", "display": "Herceptin"}}) | {"contained": [MEDICATION | {"id": "in"}]},
    therapy.given({"medicationReference": {"reference": "Medication/nowhere"}}),
    therapy.given(dose=560.0, on=None, effectivePeriod={"start": "2026-02-02T10:00:00Z", "end": "2026-02-02T11:30:00Z"}),
    therapy.ordered(dose=420, status="completed"),
    therapy.ordered(dose=420),
    therapy.ordered(BY_REFERENCE, status="on-hold"),
    therapy.stated(),
    therapy.found(LVEF, 61.5, "%"),
    therapy.found("29463-7", 70, "kg"),
    therapy.found("85337-4", "positive"),
    make.observation(make.IHC, "3+", specimen="Specimen/s1"),
    make.observation(make.IHC, make.coded(make.SNOMED_POSITIVE), specimen="#s", issued="2020-03-02T10:00:00Z"),
    make.observation(make.ISH_PANEL, components=[make.component(make.RATIO, make.quantity(2.3)), make.component(make.CELLS, make.quantity(20))]),
    make.observation(make.OVERALL, "negative"),
    make.specimen(kind="119376003", words="biopsy of the primary tumour", taken="2020-03-01"),
    make.condition("C50.9", onsetDateTime="2020-01-01"),
    therapy.ill("84114007", onsetDateTime="2021-05-05", abatementDateTime="2022-01-01"),
    therapy.ill("77386006", abatementDateTime="2026-08-01", truth="confirmed"),
    {"resourceType": "Procedure", "id": "q", "status": "completed", "subject": {"reference": "Patient/p1"},
     "code": make.concept(make.coding("64368001", make.SNOMED)), "performedDateTime": "2021-02-03"},
    {"resourceType": "AllergyIntolerance", "id": "z", "patient": {"reference": "Patient/p1"},
     "code": make.concept(text="trastuzumab"), "recordedDate": "2020-05-05"},
    make.observation(make.concept(make.coding("7", make.LOCAL, "LV EF")), make.quantity(41, "%")),
    make.observation(make.concept(make.coding("8", make.LOCAL, "HER 2/neu")), "3+"),
    make.observation(make.concept(make.coding("9", make.LOCAL, "Gewicht")), make.quantity(70)),
    make.observation(make.IHC, make.coded(make.SNOMED_NEGATIVE, text="3+"), note=[{"text": "the lower part shows 2+"}]),
    make.condition("I50.1", "ICD10", onsetDateTime="2020-01-01"),
    {"resourceType": "Condition", "id": "n", "subject": {"reference": "Patient/p1"}, "code": {"text": "Herzinsuffizienz"}},
    {"resourceType": "Condition", "id": "n", "subject": {"reference": "Patient/p1"}, "code": {"text": "Prostatakarzinom"}},
    {"resourceType": "DiagnosticReport", "id": "r", "status": "final", "subject": {"reference": "Patient/p1"},
     "code": {"text": "Pathology"}, "effectiveDateTime": "2020-03-01", "issued": "2020-03-05", "specimen": [{"reference": "Specimen/s1"}],
     "contained": [make.observation(make.IHC, "2+", subject=None, on=None)], "result": [{"reference": "#o-85319-2"}],
     "conclusion": "HER2 2+ (equivocal), FISH pending. LVEF 55 %. Known heart failure."},
    {"resourceType": "DiagnosticReport", "id": "r", "status": "amended", "subject": {"reference": "Patient/p1"},
     "code": make.concept(make.coding(make.ISH)), "conclusionCode": [make.concept(make.coding(make.SNOMED_POSITIVE, make.SNOMED))]},
    {"resourceType": "Encounter", "id": "e", "subject": {"reference": "Patient/p1"}},
]  # fmt: skip
PATIENTS = [
    make.patient(),
    make.patient() | {"gender": "female", "birthDate": "1960-02-03"},
    make.patient() | {"gender": "female", "birthDate": "1960", "deceasedDateTime": "2025-01-01T00:00:00Z"},
    make.patient() | {"deceasedBoolean": True, "name": [{"family": "Müller"}]},
]


@pytest.mark.parametrize("base", BASES, ids=lambda base: f"{base['resourceType']}-{base['id']}")
def test_each_kind_alone_beside_a_patient(base: dict[str, Any]) -> None:
    for patient in PATIENTS:
        assert_equal(
            bundled([patient, base]), bundled([patient, base, MEDICATION]), bundled([patient, base], urls=False)
        )


def test_a_day_that_is_no_day_or_half_a_day() -> None:
    days: list[Any] = [
        "2026-02-02",
        "2026-13-02",
        "2026",
        "2026-02",
        "2026-02-02T10:00:00Z",
        "2026-02-02x",
        "",
        None,
        7,
        "0000-00-00",
        "1801-01-01",
        "1803-01-01",
    ]
    assert_equal(*[bundled([make.patient(), therapy.given(dose=1) | {"effectiveDateTime": day}]) for day in days])
    assert_equal(
        *[
            bundled([make.patient(), therapy.found(LVEF, 60, "%") | {"effectiveDateTime": day, "issued": "2026-01-01"}])
            for day in days
        ]
    )
    assert_equal(*[bundled([make.patient() | {"birthDate": day}]) for day in days])


def test_numbers_of_every_form() -> None:
    body = json.dumps(bundled([make.patient(), therapy.given(dose=560), therapy.found(LVEF, 560, "%")]))
    numbers = [
        "560",
        "560.0",
        "5.6e2",
        "NaN",
        "Infinity",
        "-1",
        "0",
        "1e999",
        '"560"',
        "null",
        "true",
        "[560]",
        "8160000003",
        "0.55",
        "010",
        "",
    ]
    assert_equal(*[body.replace("560", number).encode() for number in numbers])


def test_a_specimen_within_a_report_is_that_of_its_result() -> None:
    tissue = {"resourceType": "Specimen", "id": "sp", "type": {"text": "biopsy of a liver metastasis"}}
    result = make.observation(make.IHC, valueString="3+", specimen={"reference": "#sp"})
    report = {
        "resourceType": "DiagnosticReport", "id": "r", "status": "final", "subject": {"reference": "Patient/p1"},
        "code": {"text": "Pathology"}, "effectiveDateTime": "2020-03-01", "contained": [tissue, result],
    }  # fmt: skip
    document = bundled([make.patient(), report])
    assert_equal(document, bundled([make.patient(), report | {"contained": [result]}]))
    ((told, _),) = strictly([Piece("b.json", json.dumps(document).encode())]).items()
    assert "place='metastasis'" in repr(told)


def test_keys_that_stand_twice_or_in_escapes() -> None:
    for base in BASES:
        text = json.dumps(bundled([make.patient(), base, base | {"id": "other"}]))
        documents = [
            text.replace(f'"{key}"', f'"{key}": "2020-02-02", "{key}"', 1)
            for key in ("status", "effectiveDateTime", "id", "code", "meta", "subject")
        ]
        documents.append(text.replace('"status"', '"\\u0073tatus"'))
        documents.append(text.replace('"status"', '"language": "en", "language": "de", "status"'))
        documents.append(text.replace('"entry"', '"entry": [], "entry"'))
        assert_equal(*[each.encode() for each in documents])


@pytest.mark.parametrize("blanks", [None, 1])
@pytest.mark.parametrize("first", [
    [], [{}], [{"fullUrl": "urn:uuid:1", "request": {"method": "DELETE", "url": "Observation/o"}}], "itself", "its first",
])  # fmt: skip
def test_of_two_lists_of_entries_none_is_read(first: Any, blanks: int | None) -> None:
    """However little room there is beside the list that a parser takes, which is the last."""
    person = make.patient() | {"name": [{"family": "x" * 500}]}
    document = bundled([person, therapy.given(dose=560)])
    listed = {"itself": document["entry"], "its first": document["entry"][:1]}.get(str(first), first)
    text = json.dumps(document, indent=blanks)
    twice = text.replace('"entry"', f'"entry": {json.dumps(listed, indent=blanks)}, "entry"', 1)
    assert_equal(text.encode(), twice.encode())
    ((told, _),) = strictly([Piece("b.json", twice.encode())]).items()
    assert "duplicate key" in told


def test_a_patient_whose_text_has_escapes() -> None:
    person = make.patient() | {"name": [{"family": "Mar\u00edn \u2019"}], "birthDate": "1960-02-03"}
    text = json.dumps(bundled([person, therapy.given(dose=560)]))
    assert "\\u00ed" in text
    again = text.replace('"birthDate"', '"birth\\u0044ate": "1961-01-01", "birthDate"')
    assert_equal(*[each.encode() for each in (text, again, text.replace("1960", "\\u0031960"))])
    ((told, _),) = strictly([Piece("b.json", again.encode())]).items()
    assert "stands twice in one object" in repr(told)


def test_a_longer_id_does_not_hide_another_field() -> None:
    """A text of the same length and the same pieces, in which the hole of the id would hold a quote."""
    plain = json.dumps(bundled([make.patient(), therapy.given(dose=560, identity="x" * 30)], urls=False))
    other = plain.replace("x" * 30, "y" * 7 + '","implicitRules":"zz')
    other = other.replace("zz", "z" * (len(plain) - len(other) + 2))
    assert len(other) == len(plain)
    assert_equal(
        plain.encode(),
        other.encode(),
        plain.replace("x" * 30, "é" * 15, 1).encode(),
        plain.encode().replace(b"x" * 30, b"\xff" * 30),
    )


def test_one_resource_that_stands_twice() -> None:
    first, second = (
        therapy.given(dose=dose, meta={"lastUpdated": day}) for dose, day in ((560, "2026-03-01"), (420, "2026-02-01"))
    )
    whole = bundled([make.patient(), first, second])
    assert_equal(whole, bundled([make.patient(), first, second], urls=False), bundled([make.patient(), first, first]))
    assert_equal(bundled([make.patient(), *(make.observation(make.IHC, words, identity="i") for words in ("3+", "0"))]))


def test_medications_are_those_of_the_source() -> None:
    other = MEDICATION | {"code": make.concept(therapy.rx("1658084"))}
    doses = [therapy.given(BY_REFERENCE, dose=420), therapy.given(BY_REFERENCE, dose=400, identity="a2")]
    documents = [
        [*doses],
        [MEDICATION, *doses],
        [other, *doses],
        [MEDICATION, other, *doses],
        [MEDICATION | {"code": {}}, *doses],
    ]
    assert_equal(*[bundled([make.patient(), *each]) for each in documents])


def test_a_code_beside_a_number_is_read_alike_whoever_came_before() -> None:
    number = therapy.found(LVEF, 61.5, "%")
    code = make.concept(make.coding(make.SNOMED_NEGATIVE, make.SNOMED, "Negative"), text="negative")
    both, alone = number | {"valueCodeableConcept": code}, therapy.found(LVEF) | {"valueCodeableConcept": code}
    assert_equal(*[bundled([make.patient(), each]) for each in (both, alone, both, number)])


def test_completed_orders_speak_only_where_no_dose_does() -> None:
    order = therapy.ordered(status="completed")
    assert_equal(
        *[
            bundled([make.patient(), *more])
            for more in (
                [order],
                [order, order | {"id": "r2"}],
                [order, therapy.given()],
                [therapy.given(dose="x"), order],
            )
        ]
    )


SUBJECTS: list[Any] = [
    {"reference": "Patient/p1"}, {"reference": "http://x.org/Patient/p1"}, {"reference": "Patient/p2"}, {"reference": "urn:uuid:p1"},
    {"reference": "#p1"}, {"reference": "Group/p1"}, {"reference": ""}, {"identifier": {"value": "p1"}}, None, {"display": "p1"},
    {"reference": "Patient/p1/_history/2"}, {"reference": "http://other.org/Patient/p1"},
]  # fmt: skip


@pytest.mark.parametrize("subject", SUBJECTS, ids=str)
def test_whose_a_resource_is(subject: Any) -> None:
    documents = []
    for base in BASES:
        about = {key: value for key, value in base.items() if key not in ("subject", "patient")}
        documents += [
            bundled([*people, about | more])
            for more in ({"subject": subject}, {"patient": subject}, {})
            for people in ([PATIENTS[0]], [])
        ]
        documents.append(bundled([PATIENTS[0], make.patient("p2"), about | {"subject": subject}]))
    assert_equal(*documents)


@st.composite
def changed(draw: st.DrawFn) -> dict[str, Any]:
    """A resource with fields in another order, changed, taken from another one, or left out."""
    resource = dict(draw(st.sampled_from(BASES)))
    for _ in range(draw(st.integers(0, 3))):
        field, value = draw(st.sampled_from(CHANGES))
        resource[field] = value
    for field in draw(st.lists(st.sampled_from(sorted(resource)), max_size=1)):
        if field != "resourceType":
            del resource[field]
    fields = draw(st.permutations(list(resource.items())))
    return dict(fields)


CHANGES: list[tuple[str, Any]] = [
    *[("status", each) for each in ("final", "preliminary", "entered-in-error", "amended", "not-done", "stopped", "unknown", 5, None)],
    *[("id", each) for each in ("a1", "o1", "x-2", "ü", 'q"', "s1", 7)],
    *[("meta", {"lastUpdated": each}) for each in ("2026-01-01", "2027-01-01T00:00:00Z")],
    *[("subject", each) for each in SUBJECTS],
    *[("effectiveDateTime", each) for each in ("2026-01-01", "2026-01-01T08:00:00+01:00", "2026", "soon", 3)],
    *[("valueQuantity", {"value": each, "unit": unit}) for each in (55, 0.55, "55", -3) for unit in ("%", "kg", "mg")],
    ("valueCodeableConcept", make.concept(make.coding(make.SNOMED_NEGATIVE, make.SNOMED, "Negative"), text="negative")),
    ("valueString", "2.1 (copies 5.0)"), ("dataAbsentReason", make.concept(text="lost")), ("issued", "2025-12-12T00:00:00Z"),
    ("component", [make.component(LVEF, make.quantity(48, "%"))]), ("component", "x"), ("specimen", {"reference": "urn:uuid:s9"}),
    ("code", make.concept(make.coding(LVEF))), ("code", "x"), ("encounter", {"reference": "Encounter/3"}), ("text", {"div": "<p>3+</p>"}),
    ("statusReason", [make.concept(text="cardiac failure")]), ("dosage", {"text": "420 mg"}), ("dosage", []), ("note", [{"text": "2026-02-02"}]),
    ("medicationReference", {"reference": "Medication/m", "display": "Kadcyla"}), ("authoredOn", "2026-02-01"), ("intent", "plan"),
]  # fmt: skip


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(st.lists(changed(), max_size=5), min_size=1, max_size=6),
    st.sampled_from(PATIENTS),
    st.booleans(),
    st.booleans(),
)
def test_whatever_stands_in_a_bundle(
    bodies: list[list[dict[str, Any]]], patient: dict[str, Any], urls: bool, knows: bool
) -> None:
    more = [MEDICATION] if knows else []
    assert_equal(*[bundled([patient, *body, *more], urls=urls) for body in bodies])


@pytest.mark.parametrize("number", ["4&0", "4 0", "0420", "4.", "-", "+4", "4e"])
@pytest.mark.parametrize("of", ["LVEF", "hemoglobin"])
def test_a_number_that_is_none_costs_its_line_alone(tmp_path: Path, of: str, number: str) -> None:
    code = therapy.LVEF if of == "LVEF" else "718-7"
    measures = [json.dumps(measured(f"m{at}", code, f"2025-06-1{at}", 60, "%")) for at in range(8)]
    measures[6] = measures[6].replace(": 60,", f": {number},")
    path = tmp_path / "x.ndjson"
    path.write_text("\n".join([*measures, json.dumps(measured("last", therapy.LVEF, "2025-07-01", 61, "%"))]) + "\n")
    (spoilt,) = [each for each in read_records(path, default_knowledge().facts) if isinstance(each, Trouble)]
    assert (spoilt.kind, spoilt.where) == ("not JSON", "x.ndjson:7")
    (record,) = [each for each in read_records(path, default_knowledge().facts) if isinstance(each, Record)]
    assert len(record.course) == (8 if of == "LVEF" else 1)
