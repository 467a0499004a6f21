"""Two patients with the same allergy to trastuzumab and the same unreadable last LVEF, in every kind of source.

One of them has an LVEF "50-55" too. A review that went another way for her once told the alarm of her alone.
"""

from __future__ import annotations

import csv
import datetime as dt
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

import fhir_makers as fhir
import therapy_makers as therapy

ON = "2025-09-01"
NAMES = ("plain", "partly")
COLUMNS = ("patient", "date", "fact", "value", "product", "qualifier")
ALARM = "an allergy to trastuzumab is recorded, and trastuzumab-iv holds it"
ACTS = {
    "plain": "the LVEF of 2025-08-25 (not readable) could not be read; the heart is judged by that of 2025-06-05",
    "partly": "the LVEF of 2025-08-25 (not readable) could not be read; the heart is judged by that of 2025-07-20",
}
DOSE_DAYS = [str(dt.date(2025, 6, 16) + dt.timedelta(days=21 * number)) for number in range(4)]


def lvefs(name: str) -> list[tuple[str, str]]:
    """The LVEFs of a patient, by day."""
    return [
        ("2025-06-05", "61"),
        *([("2025-07-20", "50-55")] if name == "partly" else []),
        ("2025-08-25", "not readable"),
    ]


def rows() -> list[tuple[str, ...]]:
    """Both as rows of the long format."""
    listed: list[tuple[str, ...]] = []
    for name in NAMES:
        listed += [
            (name, "2025-06-01", "ihc_score", "3+", "", ""), (name, "2025-06-01", "allergy", "trastuzumab", "", ""),
            (name, "2025-06-10", "weight_kg", "70", "", ""),
        ]  # fmt: skip
        listed += [
            (name, day, "dose_mg", "560" if day == DOSE_DAYS[0] else "420", "trastuzumab-iv", "") for day in DOSE_DAYS
        ]
        listed += [(name, day, "lvef", value, "", "echo") for day, value in lvefs(name)]
    return listed


def resources(name: str) -> list[dict[str, Any]]:
    """One patient as FHIR resources."""
    subject = f"Patient/{name}"

    def own(resource: dict[str, Any], identity: str) -> dict[str, Any]:
        return resource | {"id": f"{name}-{identity}", "subject": {"reference": subject}}

    made = [
        fhir.patient(name), fhir.breast(subject, f"{name}-c"),
        fhir.observation(fhir.IHC, "3+", subject=subject, on="2025-06-01", identity=f"{name}-ihc"),
        {
            "resourceType": "AllergyIntolerance", "id": f"{name}-al", "patient": {"reference": subject},
            "code": {"text": "trastuzumab"}, "onsetDateTime": "2025-06-01",
        },
        own(therapy.found(therapy.WEIGHT, 70, "kg", on="2025-06-10"), "w"),
    ]  # fmt: skip
    for number, day in enumerate(DOSE_DAYS):
        made.append(own(therapy.given("trastuzumab", 420 if number else 560, on=day), f"d{number}"))
    for number, (day, value) in enumerate(lvefs(name)):
        made.append(fhir.observation("18043-0", value, subject=subject, on=day, identity=f"{name}-l{number}"))
    return made


def write_csv(folder: Path) -> Path:
    path = folder / "allergy.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([COLUMNS, *rows()])
    return path


def write_parquet(folder: Path) -> Path:
    path = folder / "allergy.parquet"
    listed = rows()
    pq.write_table(pa.table({name: [row[place] for row in listed] for place, name in enumerate(COLUMNS)}), path)
    return path


def write_one_bundle(folder: Path) -> Path:
    return fhir.write(folder / "both.json", fhir.bundle(*(each for name in NAMES for each in resources(name))))


def write_bundles_of_lines(folder: Path) -> Path:
    return fhir.write(folder / "bundles.ndjson", *(fhir.bundle(*resources(name)) for name in NAMES))


def write_resources_of_lines(folder: Path) -> Path:
    """Bulk data: a resource a line, the two patients mixed."""
    mixed = [each for pair in zip(*(resources(name) for name in NAMES), strict=False) for each in pair]
    mixed += resources(NAMES[1])[len(resources(NAMES[0])) :]
    return fhir.write(folder / "bulk.ndjson", *mixed)


def write_folder(folder: Path) -> Path:
    """A folder with a bundle in one file, and the other patient's resources in another."""
    inner = folder / "folder"
    inner.mkdir()
    fhir.write(inner / "a.json", fhir.bundle(*resources("plain")))
    (inner / "b.ndjson").write_text("".join(json.dumps(each) + "\n" for each in resources("partly")), encoding="utf-8")
    return inner


SOURCES: dict[str, Callable[[Path], Path]] = {
    "csv": write_csv, "parquet": write_parquet, "bundle": write_one_bundle, "bundles": write_bundles_of_lines,
    "bulk": write_resources_of_lines, "folder": write_folder,
}  # fmt: skip
