"""A resource type is one entry: everything that depends on types follows from it, and one added from outside is read."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

import fhir_makers as make
import therapy_makers as therapy
from her2path.facts.codes import read_codes
from her2path.facts.problem import AskedWrongly
from her2path.facts.value import Unknown
from her2path.read.fhir import readers
from her2path.read.fhir.head import Head
from her2path.read.fhir.patient import read_record
from her2path.read.fhir.readers import RESOURCE_TYPES, register_resource_type
from her2path.read.fhir.resource import Owner, ResourceType, always
from her2path.read.fhir.skim import Group, Skimmer
from her2path.read.fhir.terms import COURSE, HER2
from her2path.read.files import Piece
from her2path.read.source import ColumnWorker, read_records
from her2path.record.columns import RecordColumns
from her2path.record.event import Record, Trouble
from her2path.tables.load import default_knowledge
from her2path.write.fhir.proposals import references_of
from nutrition_orders import NUTRITION_ORDER
from test_fhir_templates import Reading, bundled, strictly

FACTS, CODES = default_knowledge().facts, read_codes()
ORDER: dict[str, Any] = {
    "resourceType": "NutritionOrder", "id": "n1", "status": "active", "patient": {"reference": "Patient/p1"},
    "oralDiet": {"type": [make.concept(make.coding("160670007", make.SNOMED))]}, "dateTime": "2026-02-02",
    "plannedFor": {"value": 71.5, "unit": "kg"},
}  # fmt: skip


@pytest.fixture
def types(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, ResourceType]]:
    """The types that are read, as they were before when the test is over."""
    known = dict(RESOURCE_TYPES)
    monkeypatch.setattr(readers, "RESOURCE_TYPES", RESOURCE_TYPES)
    yield RESOURCE_TYPES
    RESOURCE_TYPES.clear()
    RESOURCE_TYPES.update(known)


def pieces(*documents: dict[str, Any]) -> list[Piece]:
    return [Piece(f"{number}.json", json.dumps(document).encode()) for number, document in enumerate(documents)]


def orders() -> list[dict[str, Any]]:
    """Bundles of one patient with nutrition orders, alike and not, right and wrong."""
    quantities = [{"value": 71.5, "unit": "kg"}, {"value": 158, "unit": "lb"}, {"value": 80}, {"value": "x"}, "71"]
    listed = [ORDER | {"plannedFor": quantity, "id": f"n{number}"} for number, quantity in enumerate(quantities)]
    listed += [ORDER | {"dateTime": day} for day in ("2025-05-05T10:00:00Z", "2026", "soon", "2025-05-06")]
    listed += [ORDER | {"status": "entered-in-error"}, ORDER | {"oralDiet": {"type": []}}, ORDER | {"oralDiet": 5}]
    listed += [ORDER | {"identifier": [{"value": "71"}], "orderer": {"reference": "Practitioner/7"}}]
    listed += [ORDER | {"patient": {"reference": "Patient/other"}}, ORDER | {"patient": {"display": "somebody"}}]
    return [bundled([make.patient(), therapy.given(dose=560.0), order]) for order in listed]


def test_a_type_added_from_outside_is_read_by_templates_and_strictly_the_same(types: dict[str, ResourceType]) -> None:
    register_resource_type(NUTRITION_ORDER)
    documents = pieces(*orders())
    expected, reading = strictly(documents), Reading()
    assert reading(documents) == expected, "cold"
    kinds = len(reading.reader.templates.kinds)
    assert reading(documents) == expected, "warm"
    assert len(reading.reader.templates.kinds) == kinds
    same = pieces(
        *[bundled([make.patient(), ORDER | {"id": str(at), "dateTime": f"2026-03-{at:02}"}]) for at in range(1, 20)]
    )
    assert reading(same) == strictly(same)
    assert reading.reader.ways.whole == 0
    assert len(reading.reader.templates.kinds) == kinds, "twenty days of one weight are one reading"


def test_what_is_read_of_it(types: dict[str, ResourceType], tmp_path: Path) -> None:
    register_resource_type(NUTRITION_ORDER)
    path = make.write(tmp_path / "b.json", bundled([make.patient(), ORDER]))
    (record,) = read_records(path, FACTS)
    assert isinstance(record, Record)
    (event,) = record.course
    assert (event.fact, event.value, event.origin) == ("weight_kg", Decimal("71.5"), "b.json entry 1 NutritionOrder/n1")
    assert str(event.day) == "2026-02-02"


def test_it_is_laid_out_by_patient_where_it_comes_by_itself(types: dict[str, ResourceType], tmp_path: Path) -> None:
    register_resource_type(NUTRITION_ORDER)
    path = make.write(
        tmp_path / "bulk.ndjson", ORDER | {"subject": {"reference": "Patient/p1"}}, make.patient(), ORDER | {"id": "n2"}
    )
    (record,) = read_records(path, FACTS)
    assert isinstance(record, Record)
    assert [event.fact for event in record.course] == ["weight_kg", "weight_kg"]


def test_it_is_reviewed_and_referred_to(types: dict[str, ResourceType], tmp_path: Path) -> None:
    """A dose in mg is judged by the weight that only the added type says."""
    doses = [therapy.given(dose=560.0), therapy.given(dose=900.0, on="2026-02-23", identity="a2")]
    documents = bundled([make.patient(), make.breast(), *doses, ORDER])
    before = make.review_bundle(tmp_path, documents, on=dt.date(2026, 3, 1))
    assert references_of(["b.json entry 3 NutritionOrder/n1"]) == []
    register_resource_type(NUTRITION_ORDER)
    after = make.review_bundle(tmp_path, documents, on=dt.date(2026, 3, 1))
    assert before.course is not None
    assert after.course is not None
    assert not any("mg/kg" in finding.words for finding in before.course.findings)
    assert any("900 mg is " in finding.words and "mg/kg" in finding.words for finding in after.course.findings)
    assert references_of(["b.json entry 3 NutritionOrder/n1"]) == [{"reference": "NutritionOrder/n1"}]


def test_one_that_belongs_to_nobody_is_told_and_its_head_is_its_own(types: dict[str, ResourceType]) -> None:
    register_resource_type(NUTRITION_ORDER)
    told = [repr(trouble) for trouble in strictly(pieces(*orders())) if "no patient" in str(trouble)]
    assert sum("not named by a reference" in each for each in told) == 1
    assert sum("it may be hers" in each for each in told) == 1


def test_without_it_nothing_is_read() -> None:
    (record,) = strictly(pieces(bundled([make.patient(), ORDER])))
    assert "weight" not in repr(record)


def test_a_worker_made_before_it_reads_as_before(types: dict[str, ResourceType]) -> None:
    worker = ColumnWorker(FACTS)
    document = pieces(bundled([make.patient(), ORDER]))
    (before,) = worker.read(document).items
    register_resource_type(NUTRITION_ORDER)
    (after,) = ColumnWorker(FACTS).read(document).items
    assert isinstance(before, RecordColumns)
    assert isinstance(after, RecordColumns)
    assert [len(columns.day) for columns in (before, after)] == [0, 1]


def test_a_type_that_is_read_already_or_reads_a_field_otherwise_is_refused(types: dict[str, ResourceType]) -> None:
    class OtherHead(Head, gc=False):
        component: str | None = None

    with pytest.raises(AskedWrongly, match="Flag is read already"):
        register_resource_type(ResourceType(name="Flag", matters=always(HER2)))
    with pytest.raises(AskedWrongly, match="NutritionOrder reads component as"):
        register_resource_type(ResourceType(name="NutritionOrder", matters=always(COURSE), head=OtherHead))
    assert "NutritionOrder" not in types
    assert register_resource_type(NUTRITION_ORDER) is register_resource_type(NUTRITION_ORDER)


def test_every_type_is_one_entry_of_the_registry() -> None:
    assert all(name == known.name for name, known in RESOURCE_TYPES.items())
    assert [name for name, known in RESOURCE_TYPES.items() if known.owner is not Owner.PATIENT] == [
        "Patient",
        "Medication",
        "Substance",
    ]
    for known in RESOURCE_TYPES.values():
        assert known.read_tests or known.read_course or known.owner is Owner.SOURCE
        roles = (*known.days, *known.numbers, *known.words)
        assert len(set(roles)) == len(roles)


def test_a_wider_head_changes_nothing_of_the_others(types: dict[str, ResourceType]) -> None:
    document = pieces(
        bundled([make.patient(), make.breast(), therapy.given(dose=560.0), therapy.found(therapy.LVEF, 61, "%")])
    )
    before = strictly(document)
    register_resource_type(NUTRITION_ORDER)
    assert strictly(document) == before


def test_a_weight_that_is_refused_says_why(types: dict[str, ResourceType]) -> None:
    register_resource_type(NUTRITION_ORDER)
    (piece,) = pieces(bundled([make.patient(), ORDER | {"plannedFor": {"value": 80}}]))
    (group,) = [each for each in Skimmer(CODES).skim(piece) if isinstance(each, Group)]
    (event,) = read_record(group, CODES, FACTS).course
    assert isinstance(event.value, Unknown)
    assert "without a unit" in event.value.detail
    assert not any(isinstance(each, Trouble) for each in (event,))
