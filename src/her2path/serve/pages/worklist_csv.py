"""The worklist as a CSV: what `her2path review -o FILE.csv` says of the patients, those that the filter leaves."""

from __future__ import annotations

from collections.abc import Iterator

from starlette.requests import Request
from starlette.responses import Response

from ...write.tables.csv_file import told_in_cells
from ...write.tables.patients import PATIENTS, patients_table
from ...write.tables.rows import csv_head, csv_lines
from ..loaded import Loaded
from .worklist import Filter, select


def worklist_csv(request: Request, loaded: Loaded) -> Response:
    """The file, in the order of the records."""
    headers = {"Content-Disposition": 'attachment; filename="worklist.csv"', "Cache-Control": "no-store"}
    return Response("".join(_lines(request, loaded)), media_type="text/csv", headers=headers)


def _lines(request: Request, loaded: Loaded) -> Iterator[str]:
    ward = loaded.ward
    wanted = {each.place for each in select(ward, Filter.of(request))}
    yield csv_head(PATIENTS.names)
    for first, reviewed in loaded.reviewed_again(ward):
        mine = [place for place in range(len(reviewed)) if first + place in wanted]
        if mine:
            for batch in told_in_cells(patients_table(reviewed).take(mine)).to_batches():
                yield csv_lines(batch)
