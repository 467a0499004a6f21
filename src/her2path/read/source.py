"""Records from a source of any kind: FHIR bundles, bulk resources, CSV or Parquet, wide or long.

A bundle is one or more whole patients. Resources that come by themselves (bulk NDJSON) are first
laid out by patient in temporary files, so that memory stays bounded whatever the size.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import IO
from zlib import crc32

import msgspec

from ..facts.codes import Codes, read_codes
from ..facts.fact import Facts
from ..record.event import Record, Trouble
from .fhir.head import Head
from .fhir.interest import Interest
from .fhir.patient import read_record
from .fhir.skim import Group, Resource, Skimmer, note_medication
from .files import read_pieces

TABLES = (".csv", ".parquet")
PARTITIONS = 64


def read_records(
    path: Path, facts: Facts, progress: Callable[[int], object] | None = None, columns: Mapping[str, str] | None = None,
    courses: bool = True,
) -> Iterator[Record | Trouble]:  # fmt: skip
    """Every patient of `path`, with whatever could not be read as a `Trouble`.

    `progress` is told how many bytes of the source were just read; `columns` says which column of a
    CSV or Parquet file holds which fact. Without `courses` only HER2 is read of FHIR resources.
    """
    if path.suffix.lower() in TABLES:
        from .tabular.long import is_long, read_long
        from .tabular.wide import read_rows

        read = read_long if is_long(path, columns) else read_rows
        yield from read(path, facts, columns or {})
        return
    codes = read_codes()
    skimmer = Skimmer(codes, courses)
    with Layout() as layout:
        for piece in read_pieces(path):
            if isinstance(piece, Trouble):
                yield piece
                continue
            for found in skimmer.skim(piece):
                if isinstance(found, Trouble):
                    yield found
                elif found.alone:
                    layout.add(found)
                else:
                    yield read_record(found, codes, facts)
            if progress is not None and piece.size:
                progress(piece.size)
        yield from layout.records(codes, facts)


class Line(msgspec.Struct, array_like=True):
    """A resource in a temporary file: its patient, where it stood, and itself."""

    patient: str
    where: str
    raw: msgspec.Raw


class Layout:
    """Single resources laid out by patient in temporary files; made only when the first one comes."""

    def __init__(self) -> None:
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._files: list[IO[bytes]] = []
        self._medications: dict[str, Resource | None] = {}

    def __enter__(self) -> Layout:
        return self

    def __exit__(self, *_: object) -> None:
        for file in self._files:
            file.close()
        if self._folder is not None:
            self._folder.cleanup()

    def add(self, group: Group) -> None:
        """Lay the resources of one patient aside; a medication, which is nobody's, is kept by its id."""
        if not group.patient and all(each.head.resourceType == "Medication" for each in group.resources):
            for each in group.resources:
                note_medication(self._medications, each)
            return
        if self._folder is None:
            self._folder = tempfile.TemporaryDirectory(prefix="her2path-")
            self._files = [open(Path(self._folder.name) / str(part), "w+b") for part in range(PARTITIONS)]  # noqa: SIM115
        file = self._files[crc32(group.patient.encode()) % PARTITIONS]
        for resource in group.resources:
            raw = msgspec.Raw(bytes(resource.raw).replace(b"\n", b" ").replace(b"\r", b" "))
            file.write(msgspec.json.encode(Line(group.patient, resource.where, raw)) + b"\n")

    def records(self, codes: Codes, facts: Facts) -> Iterator[Record]:
        """The patients laid out, part by part."""
        interest = Interest(codes)
        heads = msgspec.json.Decoder(Head, strict=False)
        lines = msgspec.json.Decoder(Line)
        for file in self._files:
            file.seek(0)
            groups: dict[str, Group] = {}
            for text in file:
                line = lines.decode(text)
                try:
                    head = heads.decode(line.raw)
                except msgspec.DecodeError:
                    continue
                if (group := groups.get(line.patient)) is None:
                    group = groups[line.patient] = Group(line.patient, line.where)
                    group.medications, group.interest = self._medications, interest
                group.resources.append(Resource(head, line.raw, line.where, "", interest.matters(head)))
            for patient in sorted(groups):
                yield read_record(groups[patient], codes, facts)
