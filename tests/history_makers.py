"""One history told twice: as a FHIR bundle and as rows of the long CSV, and the command's review of each."""

from __future__ import annotations

import csv
import datetime as dt
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from click.testing import CliRunner

import fhir_makers as fhir
import therapy_makers as therapy
from her2path.cli.group import main

COLUMNS = ("patient", "date", "fact", "value", "unit", "product", "qualifier", "specimen")
WORDS = {
    "trastuzumab-iv": "trastuzumab", "trastuzumab-sc": "trastuzumab subcutaneous", "t-dm1": "trastuzumab emtansine",
    "t-dxd": "trastuzumab deruxtecan",
}  # fmt: skip
"""What a product is called where no brand is; any other goes by its own name."""
METHODS = {"echo": "18043-0", "MUGA": "8812-0", "": "10230-1"}


@dataclass(frozen=True)
class Told:
    """One thing of a history: a row of the CSV, and a resource of the bundle."""

    row: dict[str, str]
    resource: dict[str, Any]


History = Iterable[Told | Iterable[Any]]


def flat(history: History) -> list[Told]:
    found: list[Told] = []
    for each in history:
        found += [each] if isinstance(each, Told) else flat(each)
    return found


def _row(
    day: str, fact: str, value: Any, unit: str = "", product: str = "", qualifier: str = "", specimen: str = ""
) -> dict[str, str]:
    return dict(zip(COLUMNS, ("p1", day, fact, str(value), unit, product, qualifier, specimen), strict=True))


def _named(product: str, brand: str) -> str:
    return brand or WORDS.get(product, product)


def her2(day: str, score: str = "3+") -> list[Told]:
    return [
        Told(_row(day, "ihc_score", score, specimen="s1"), fhir.observation(fhir.IHC, score, on=day)),
        Told(_row(day, "tumour_site", "breast", specimen="s1"), fhir.breast()),
    ]


def dose(day: str, product: str = "trastuzumab-iv", amount: Any = None, unit: str = "mg", brand: str = "") -> Told:
    """A dose given; without an amount where none is recorded."""
    fact = "dose_given" if amount is None else {"mg": "dose_mg", "mg/kg": "dose_mg_per_kg"}[unit]
    row = _row(day, fact, "yes" if amount is None else amount, "" if amount is None else unit, product, brand)
    return Told(row, therapy.given(_named(product, brand), amount, unit, on=day))


def every(
    days: int, first: str, number: int, product: str = "trastuzumab-iv", amount: Any = None, **more: Any
) -> list[Told]:
    start = dt.date.fromisoformat(first)
    return [dose((start + dt.timedelta(days * n)).isoformat(), product, amount, **more) for n in range(number)]


def order(day: str, product: str, amount: Any = None, brand: str = "") -> Told:
    return Told(_row(day, "ordered_mg", "" if amount is None else amount, "", product, brand),
                therapy.ordered(_named(product, brand), amount, on=day))  # fmt: skip


def lvef(day: str, value: Any, unit: str = "%", method: str = "echo") -> Told:
    return Told(_row(day, "lvef", value, unit, "", method), therapy.found(METHODS[method], value, unit or None, on=day))


def weight(day: str, value: Any, unit: str = "kg") -> Told:
    return Told(_row(day, "weight_kg", value, unit), therapy.found(therapy.WEIGHT, value, unit, on=day))


def surgery(day: str) -> Told:
    return Told(_row(day, "surgery_done", "yes"),
                {"resourceType": "Procedure", "id": "u", "subject": {"reference": "Patient/p1"}, "status": "completed",
                 "code": fhir.concept(fhir.coding("64368001", fhir.SNOMED)), "performedDateTime": day})  # fmt: skip


def metastatic(day: str) -> Told:
    return Told(_row(day, "setting", "metastatic"), therapy.ill("315004001", onsetDateTime=day))


def pregnant(day: str) -> Told:
    return Told(_row(day, "pregnant", "yes"), therapy.ill("77386006", onsetDateTime=day))


def premenopausal(day: str) -> Told:
    return Told(_row(day, "menopausal_status", "premenopausal"), therapy.ill("309606002", onsetDateTime=day))


def heart_failure(day: str) -> Told:
    return Told(_row(day, "heart_failure", "yes"), therapy.ill("84114007", onsetDateTime=day))


def hold(day: str, reason: str = "cardiac") -> Told:
    why = {"statusReason": [{"text": "LVEF fell" if reason == "cardiac" else "infection"}]}
    return Told(
        _row(day, "hold_recorded", reason, "", "trastuzumab-iv"),
        therapy.given("trastuzumab", on=day, status="on-hold", **why),
    )


def person(sex: str = "female", born: str = "1975-05-05", died: str = "") -> list[Told]:
    """The patient herself; one resource for up to three rows."""
    rows = [_row("", "sex", sex), _row("", "birth_date", born), *([_row(died, "death_date", died)] if died else [])]
    whole = fhir.patient() | {"gender": sex, "birthDate": born} | ({"deceasedDateTime": died} if died else {})
    return [Told(row, whole if not place else {}) for place, row in enumerate(rows)]


def write_csv(folder: Path, *history: Any) -> Path:
    path = folder / "history.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(each.row for each in flat(history) if each.row)
    return path


def write_fhir(folder: Path, *history: Any) -> Path:
    resources = [each.resource for each in flat(history) if each.resource]
    if not any(each["resourceType"] == "Patient" for each in resources):
        resources.insert(0, fhir.patient())
    numbered = [
        each | {"id": f"r{n}"} if each["resourceType"] != "Patient" else each for n, each in enumerate(resources)
    ]
    return fhir.write(folder / "history.json", fhir.bundle(*numbered))


def review(path: Path, on: str, *options: str) -> dict[str, Any]:
    """What the command says of the only patient of a file, as JSON."""
    result = CliRunner().invoke(main, ["review", str(path), "--on", on, "--format", "json", *options])
    assert result.exit_code in (0, 3), result.exception or result.output
    document = json.loads(result.stdout)
    (only,) = document["patients"]
    return only | {"not_read": document["not_read"]}


def findings(reviewed: dict[str, Any]) -> list[tuple[str, str]]:
    """Grade and key of every finding, those without a key by their words; of specimens, patient and course."""
    listed = [*reviewed["findings"], *(f for s in reviewed["specimens"] for f in s["findings"])]
    course = reviewed["course"] or {"findings": []}
    return [(each["grade"], each.get("key") or each["finding"]) for each in (*course["findings"], *listed)]


def substance(reviewed: dict[str, Any]) -> dict[str, Any]:
    """All that a route must not change: findings, plan, facts, days, decisions."""
    course = reviewed["course"]
    held: dict[str, Any] = {"status": reviewed["her2_status"], "findings": sorted(findings(reviewed))}
    if course:
        held |= {"plan": course["plan"], "days": course["days"], "facts": course["facts"]}
    return held
