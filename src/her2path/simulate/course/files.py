"""Simulated patients as files: a folder of FHIR Bundles, or one NDJSON of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from ...facts.problem import AskedWrongly
from ...record.event import Record
from ...write.calendar import file_name
from ...write.fhir.codes import Json
from ...write.fhir.parts import Counted
from ...write.fhir.record import bundle_bytes, written
from ...write.interrupt import require_going_on
from ...write.output import Outputs, telling, whole

LINES = (".ndjson", ".jsonl")
NO_FOLDER = (".json", ".csv", ".parquet", ".gz", ".tgz", ".tar", ".zip")


def write_bundles(
    records: Iterable[Record], target: Path, change: Callable[[Json], Json] | None = None, test_data: bool = True
) -> Counted:
    """Write one FHIR Bundle a patient: a file each in a folder, or a line each where `target` ends with .ndjson.

    `change` may change a Bundle before it is written; `test_data` labels every resource as no real patient's.
    Raises `AskedWrongly` for a folder that is not empty (patients of two runs would be reviewed as one cohort), for
    two patients of one name, and where nothing can be written.
    """
    counted = Counted()
    with _opened(target) as put:
        for record in records:
            require_going_on()
            patient_bundle = written(record, test_data)
            bundle = change(patient_bundle.bundle) if change else patient_bundle.bundle
            put(record.patient, bundle_bytes(bundle) + b"\n")
            counted.add(len(bundle["entry"]), patient_bundle.losses)
    return counted


@contextmanager
def _opened(target: Path) -> Iterator[Callable[[str, bytes], None]]:
    """How a Bundle is put away, by the name of its patient."""
    seen: set[str] = set()

    def once(patient: str) -> None:
        if patient in seen:
            raise AskedWrongly(f"two patients are called {patient}; expected a name for each")
        seen.add(patient)

    if target.suffix.lower() in LINES:
        with whole(target) as beside, telling(target), beside.open("wb") as file:
            yield lambda patient, content: _line(file, once, patient, content)
        return
    require_new(target)
    with Outputs() as outputs:
        folder = outputs.folder(target)

        def put(patient: str, content: bytes) -> None:
            once(patient)
            with telling(target):
                (folder / f"{file_name(patient).removesuffix('.ics')}.json").write_bytes(content)

        yield put


def _line(file: IO[bytes], once: Callable[[str], None], patient: str, content: bytes) -> None:
    once(patient)
    file.write(content)


def require_new(target: Path) -> None:
    """Raise `AskedWrongly` where Bundles cannot go: a file of another kind, or a folder that is not empty."""
    if target.suffix.lower() in LINES:
        return
    if target.suffix.lower() in NO_FOLDER:
        raise AskedWrongly(f"{target}: Bundles are written to a folder, or to a file that ends with .ndjson")
    if target.exists() and not target.is_dir():
        raise AskedWrongly(f"{target} is a file; Bundles are written to a folder, or to a file that ends with .ndjson")
    if target.is_dir() and any(target.iterdir()):
        raise AskedWrongly(f"{target} is not empty; write to a new folder, so that no patient of before stays in it")
