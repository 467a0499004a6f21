"""Requests of CDS Hooks made of the courses in `examples/courses/`, as a record system would send them."""

from __future__ import annotations

import csv
import datetime as dt
import json
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from her2path.facts.codes import codes_of
from her2path.read.source import read_records
from her2path.record.event import Record
from her2path.tables.load import default_knowledge
from her2path.write.fhir.record import bundle_bytes, bundle_of

COURSES = Path(__file__).parent.parent / "examples" / "courses"
RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
DRUGS = {
    "trastuzumab": ("224905", "trastuzumab"),
    "t-dm1": ("1371041", "ado-trastuzumab emtansine"),
    "t-dxd": ("2267574", "fam-trastuzumab deruxtecan-nxki"),
    "phesgo": ("2382609", "pertuzumab, trastuzumab, and hyaluronidase"),
    "doxorubicin": ("3639", "doxorubicin"),
    "tamoxifen": ("10324", "tamoxifen"),
    "paracetamol": ("161", "acetaminophen"),
}
"""RxNorm code and name of what is ordered here."""


@cache
def resources_of(course: str, until: str, drop: tuple[str, ...] = ()) -> tuple[dict[str, Any], ...]:
    """The resources of a course up to a day, without the facts of `drop`; none where it begins later."""
    with TemporaryDirectory() as folder:
        part = Path(folder) / f"{course}.csv"
        with (COURSES / f"{course}.csv").open(encoding="utf-8") as file, part.open("w", encoding="utf-8") as to:
            reader = csv.DictReader(file)
            writer = csv.DictWriter(to, reader.fieldnames or ())
            writer.writeheader()
            writer.writerows(row for row in reader if row["date"] <= until and row["fact"] not in drop)
        records = (each for each in read_records(part, default_knowledge().facts) if isinstance(each, Record))
        record = next(records, None)
    if record is None:
        return ()
    bundle = json.loads(bundle_bytes(bundle_of(record)))
    return tuple(entry["resource"] for entry in bundle["entry"])


def searchset(resources: list[dict[str, Any]], following: str = "") -> dict[str, Any]:
    """A page of a search."""
    found: dict[str, Any] = {
        "resourceType": "Bundle", "type": "searchset", "total": len(resources),
        "entry": [{"resource": resource, "search": {"mode": "match"}} for resource in resources],
    }  # fmt: skip
    if following:
        found["link"] = [{"relation": "next", "url": following}]
    return found


def prefetch_of(resources: tuple[dict[str, Any], ...]) -> dict[str, Any]:
    """Every key of our templates, filled with what a record holds of it."""
    from her2path.serve.hooks.prefetch import templates_of

    prefetch: dict[str, Any] = {}
    for key, template in templates_of(codes_of(default_knowledge().facts)).items():
        kind = template.partition("?")[0].partition("/")[0]
        mine = [resource for resource in resources if resource["resourceType"] == kind]
        if kind == "Observation":  # all under one key: each is told by its code in a real one
            mine = mine if key == "observations" else []
        prefetch[key] = (mine[0] if mine else None) if key == "patient" else searchset(mine)
    return prefetch


def ordered(drug: str, dose: float | None, unit: str = "mg", identity: str = "draft-1", **more: Any) -> dict[str, Any]:
    """A draft order."""
    code, name = DRUGS[drug]
    quantity = {} if dose is None else {"doseAndRate": [{"doseQuantity": {"value": dose, "unit": unit}}]}
    return {
        "resourceType": "MedicationRequest", "id": identity, "status": "draft", "intent": "order",
        "medicationCodeableConcept": {"coding": [{"system": RXNORM, "code": code, "display": name}], "text": name},
        "dosageInstruction": [{"text": "every 3 weeks", **quantity}], **more,
    }  # fmt: skip


def by_reference(resources: tuple[dict[str, Any], ...]) -> tuple[dict[str, Any], ...]:
    """The same, with each drug as a Medication of its own, as many record systems have it."""
    made: dict[str, dict[str, Any]] = {}
    changed = []
    for resource in resources:
        if "medicationCodeableConcept" in resource:
            code = resource["medicationCodeableConcept"]
            name = f"m{len(made)}" if json.dumps(code) not in made else made[json.dumps(code)]["id"]
            made.setdefault(json.dumps(code), {"resourceType": "Medication", "id": name, "code": code})
            rest = {key: value for key, value in resource.items() if key != "medicationCodeableConcept"}
            changed.append({**rest, "medicationReference": {"reference": f"Medication/{name}"}})
        else:
            changed.append(resource)
    return (*changed, *made.values())


def request(
    hook: str, patient: str, prefetch: dict[str, Any] | None, *orders: dict[str, Any], **more: Any
) -> dict[str, Any]:  # fmt: skip
    """A request to one of our services."""
    context: dict[str, Any] = {"userId": "Practitioner/someone", "patientId": patient}
    if hook != "patient-view":
        subject = {"reference": f"Patient/{patient}"}
        entries = [{"resource": {"subject": subject, **order}} for order in orders]
        context["draftOrders"] = {"resourceType": "Bundle", "type": "collection", "entry": entries}
    if hook == "order-select":
        context["selections"] = [f"{order['resourceType']}/{order['id']}" for order in orders]
    asked = {"hook": hook, "hookInstance": "d1577c69-dfbe-44ad-ba6d-3e05e953b2ea", "context": context, **more}
    if prefetch is not None:
        asked["prefetch"] = prefetch
    return asked


def on(text: str) -> dt.date:
    return dt.date.fromisoformat(text)
