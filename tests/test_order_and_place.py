"""What is found of a patient depends on her record alone: not on its order, its container, the time zone or the locale."""

from __future__ import annotations

import gzip
import io
import json
import os
import random
import subprocess
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fuzz.fhir_base import BASES, ON, TAG, patient
from fuzz.table_mutations import csv_text, parquet_of
from fuzz.tables import LONG, WIDE
from her2path.cohort.review import review_source
from her2path.findings.reviews import PatientReview
from her2path.findings.settings import Settings
from her2path.tables.load import default_knowledge
from her2path.write.review_json import patient_json

FEW = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
)
PLACES = ("where", "from")
"""What says where something stood, which an order or a container may change."""


def resources(base: int) -> list[dict[str, Any]]:
    made: list[dict[str, Any]] = json.loads(json.dumps(patient(base)).replace(TAG, str(base)))
    return made


def bundle(listed: list[dict[str, Any]]) -> dict[str, Any]:
    return {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": each} for each in listed]}


def without_places(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: without_places(inner) for key, inner in value.items() if key not in PLACES}
    return [without_places(inner) for inner in value] if isinstance(value, list) else value


def findings(path: Path) -> dict[str, Any]:
    """What is said of each patient of a source, without where it stood; nothing may be told beside it."""
    found: dict[str, Any] = {}
    for each in review_source(path, default_knowledge(), Settings(ON)):
        assert isinstance(each, PatientReview), each
        assert each.patient not in found
        found[each.patient] = without_places(patient_json(each))
    return found


def of_bundle(folder: Path, listed: list[dict[str, Any]], name: str = "x.json") -> dict[str, Any]:
    path = folder / name
    path.write_text(json.dumps(bundle(listed)))
    return findings(path)


def keys_shuffled(value: Any, rng: random.Random) -> Any:
    if isinstance(value, dict):
        items = [(key, keys_shuffled(inner, rng)) for key, inner in value.items()]
        rng.shuffle(items)
        return dict(items)
    return [keys_shuffled(inner, rng) for inner in value] if isinstance(value, list) else value


@FEW
@given(base=st.integers(0, BASES - 1), data=st.data())
def test_resources_of_a_bundle_in_any_order(tmp_path: Path, base: int, data: st.DataObject) -> None:
    listed = resources(base)
    assert of_bundle(tmp_path, data.draw(st.permutations(listed))) == of_bundle(tmp_path, listed)


@FEW
@given(base=st.integers(0, BASES - 1), seed=st.integers(0, 10**6))
def test_keys_of_each_object_in_any_order(tmp_path: Path, base: int, seed: int) -> None:
    listed = resources(base)
    shuffled = keys_shuffled(bundle(listed), random.Random(seed))
    (tmp_path / "y.json").write_text(json.dumps(shuffled, indent=seed % 3 or None))
    assert findings(tmp_path / "y.json") == of_bundle(tmp_path, listed)


EVERYBODY = range(12)


def lines(listed: list[Any]) -> bytes:
    return b"".join(json.dumps(each).encode() + b"\n" for each in listed)


def bundles_in_lines(folder: Path, rng: random.Random) -> Path:
    (folder / "x.ndjson").write_bytes(
        lines([bundle(resources(base)) for base in rng.sample(EVERYBODY, len(EVERYBODY))])
    )
    return folder / "x.ndjson"


def resources_in_lines(folder: Path, rng: random.Random) -> Path:
    listed = [each for base in EVERYBODY for each in resources(base)]
    (folder / "x.ndjson").write_bytes(lines(rng.sample(listed, len(listed))))
    return folder / "x.ndjson"


def a_file_a_type(folder: Path, rng: random.Random) -> Path:
    listed = [each for base in EVERYBODY for each in resources(base)]
    export = folder / "export"
    export.mkdir()
    for kind in {each["resourceType"] for each in listed}:
        of_kind = [each for each in listed if each["resourceType"] == kind]
        (export / f"{rng.randrange(1000)}-{kind}.ndjson").write_bytes(lines(rng.sample(of_kind, len(of_kind))))
    return export


def a_file_a_patient(folder: Path, rng: random.Random) -> Path:
    below = folder / "patients"
    below.mkdir()
    for base in EVERYBODY:
        (below / f"{rng.randrange(10**9)}.json").write_text(json.dumps(bundle(resources(base))))
    return below


def packed(folder: Path, rng: random.Random) -> Path:
    path = bundles_in_lines(folder, rng)
    (folder / "x.ndjson.gz").write_bytes(gzip.compress(path.read_bytes()))
    return folder / "x.ndjson.gz"


def archived(folder: Path, rng: random.Random) -> Path:
    with tarfile.open(folder / "x.tgz", "w:gz") as archive:
        for base in rng.sample(EVERYBODY, len(EVERYBODY)):
            content = json.dumps(bundle(resources(base))).encode()
            member = tarfile.TarInfo(f"{rng.randrange(10**9)}.json")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return folder / "x.tgz"


@pytest.mark.parametrize(
    "way", [bundles_in_lines, resources_in_lines, a_file_a_type, a_file_a_patient, packed, archived]
)
def test_the_same_patients_in_every_container(tmp_path: Path, way: Callable[[Path, random.Random], Path]) -> None:
    alone: dict[str, Any] = {}
    for base in EVERYBODY:
        alone |= of_bundle(tmp_path, resources(base), "alone.json")
    (tmp_path / "alone.json").unlink()
    assert len(alone) == len(EVERYBODY)
    assert findings(way(tmp_path, random.Random(way.__name__))) == alone


@pytest.mark.parametrize("table", [LONG, WIDE], ids=["long", "wide"])
@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_rows_of_a_patient_and_columns_in_any_order(tmp_path: Path, table: list[list[str]], ending: str) -> None:
    """The rows of each patient stay together; the cell that says where a row comes from goes with it."""

    def written(listed: list[list[str]], name: str) -> Path:
        path = tmp_path / f"{name}.{ending}"
        path.write_bytes(csv_text(listed) if ending == "csv" else parquet_of(listed))
        return path

    expected = findings(written(table, "as-it-is"))
    rng = random.Random(7)
    for number in range(5):
        rows = sorted(rng.sample(table[1:], len(table) - 1), key=lambda row: row[0])
        columns = rng.sample(range(len(table[0])), len(table[0]))
        shuffled = [[row[column] for column in columns] for row in [table[0], *rows]]
        assert findings(written(shuffled, f"shuffled-{number}")) == expected


ENVIRONMENTS = (
    {"TZ": "Pacific/Kiritimati", "LC_ALL": "C"},
    {"TZ": "America/Los_Angeles", "LC_ALL": "tr_TR.UTF-8", "LANG": "tr_TR.UTF-8"},
    {"TZ": "Asia/Kathmandu", "LC_ALL": "de_DE.ISO-8859-1", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    {"TZ": "<-23:59>23:59", "LC_ALL": "POSIX", "PYTHONHASHSEED": "7"},
)


def test_in_any_time_zone_and_locale(tmp_path: Path) -> None:
    """The same bytes, with instants at both ends of the day and names beyond ASCII."""
    listed = resources(0)
    for each, hour in zip(
        listed, ("T00:30:00+14:00", "T23:30:00-11:00", "T12:00:00Z", "", "T00:00:00Z") * 5, strict=False
    ):
        if "effectiveDateTime" in each:
            each["effectiveDateTime"] += hour
    listed[0]["id"] = listed[0]["id"] + "-Äğı"
    for each in listed[1:]:
        each.get("subject", {})["reference"] = f"Patient/{listed[0]['id']}"
    source = tmp_path / "x.json"
    source.write_text(json.dumps(bundle(listed), ensure_ascii=False), encoding="utf-8")
    outputs = []
    for number, environment in enumerate(({"TZ": "UTC", "LC_ALL": "C.UTF-8"}, *ENVIRONMENTS)):
        output = tmp_path / f"{number}.json"
        command = [sys.executable, "-m", "her2path", "review", str(source), "--on", str(ON), "-o", str(output)]
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("LC_", "LANG", "TZ"))}
        done = subprocess.run(command, env=kept | environment, capture_output=True, check=False)
        outputs.append((done.returncode, output.read_bytes() if output.exists() else done.stderr))
    assert outputs[0][0] == 0, outputs[0]
    assert all(output == outputs[0] for output in outputs)


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_json_on_standard_output_is_utf_8_in_any_locale(tmp_path: Path, environment: dict[str, str]) -> None:
    source = tmp_path / "x.csv"
    source.write_text(
        "patient,date,fact,value,unit,product\np-Äğı,2025-01-02,dose_mg,450,mg,trastuzumab-iv\n", encoding="utf-8"
    )
    command = [sys.executable, "-m", "her2path", "review", str(source), "--on", str(ON), "--format", "json"]
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("LC_", "LANG", "TZ", "PYTHONIO"))}
    done = subprocess.run(command, env=kept | environment, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    (patient,) = json.loads(done.stdout.decode("utf-8"))["patients"]
    assert patient["patient"] == "p-Äğı"
