"""Events that a person says in a line: `lvef=48@2026-02-17`, `dose_mg:Kanjinti=420@2026-03-02`.

They are read as rows of the long format are, by the same rules: names of drugs and brands, units, days.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence

from ...facts.codes import codes_of
from ...facts.fact import Facts
from ...facts.number import parse_number
from ...facts.problem import AskedWrongly
from ...facts.value import Unknown
from ...record.event import Record
from ..tabular.cells import Cells

FORM = "FACT=VALUE@DAY, for example lvef=48@2026-02-17 or dose_mg:Kanjinti=420@2026-03-02"
SAID = "what-if"
"""Where what was said stands, in place of the name of a file."""
_LINE = re.compile(r"(?P<fact>[^=:@\s]+)(?::(?P<about>[^=@]+))?=(?P<value>[^@]+)(?:@(?P<day>\S+))?")
_VALUE_AND_UNIT = re.compile(r"(?P<value>[<>]?=?\s*[\d.]+)\s*(?P<unit>[^\d\s].*)")


def read_said(texts: Sequence[str], facts: Facts, on: dt.date, patient: str = "", product: str = "") -> Record:
    """What some lines say of a patient, as a record of events.

    A line is FACT=VALUE, with @YYYY-MM-DD behind it where the day is not `on`, and with :DRUG behind the fact of a dose
    or an order, a drug or a brand; without one it is of `product`. Behind another fact stands what a column `qualifier`
    holds: the method of an LVEF. A unit may stand behind the value (`lvef=48 %`). Raises `AskedWrongly` for a line that
    cannot be read, with what was expected and the nearest name.
    """
    import pyarrow as pa

    from ..tabular.columns import ColumnReader
    from ..tabular.long import Part

    cells = Cells(facts, codes_of(facts))
    rows = [_row(text.strip(), facts, cells, on, product) for text in texts]
    if not rows:
        return Record(patient, SAID)
    names = ("date", "fact", "value", "unit", "product", "qualifier")
    columns = dict(zip(names, zip(*rows, strict=True), strict=True))
    table = pa.table({"patient": [patient or SAID] * len(rows), **{name: list(columns[name]) for name in names}})
    import numpy as np

    read = ColumnReader(facts, SAID).read(Part(table, np.arange(1, len(rows) + 1)))
    record = read.record(0)
    for trouble in record.troubles:
        raise AskedWrongly(f"what if {'; '.join(texts)}: {trouble.what}")
    for event in (*record.events, *record.course):
        if isinstance(event.value, Unknown):
            raise AskedWrongly(f"what if {event.fact}={event.said}: {event.value}")
    record.patient = patient
    return record


def _row(text: str, facts: Facts, cells: Cells, on: dt.date, product: str) -> tuple[str, str, str, str, str, str]:
    """The cells of a row of the long format that says the same. Raises `AskedWrongly`."""
    from ..tabular.columns import GIVEN_OR_ORDERED

    found = _LINE.fullmatch(text)
    if found is None:
        raise AskedWrongly(f"what if {text!r}: write {FORM}")
    fact, about, value = found["fact"].strip(), (found["about"] or "").strip(), found["value"].strip()
    if fact not in facts and fact != "her2_status":
        raise AskedWrongly(f"what if {text!r}: {cells.no_fact(fact)}")
    day = found["day"] or on.isoformat()
    try:
        dt.date.fromisoformat(day) if len(day) == len("2026-02-17") else int("no day")
    except ValueError:
        raise AskedWrongly(f"what if {text!r}: {day!r} is no date; write YYYY-MM-DD") from None
    unit = ""
    if fact in facts and facts[fact].is_number and parse_number(value) is None and (
        split := _VALUE_AND_UNIT.fullmatch(value)
    ):  # fmt: skip
        value, unit = split["value"].strip(), split["unit"].strip()
    drug, qualifier = "", ""
    if fact in GIVEN_OR_ORDERED:
        drug = about or product
        if not drug:
            raise AskedWrongly(f"what if {text!r}: of which drug? Write {fact}:DRUG={value}, a drug or a brand")
        if why := cells.read_product(drug)[2]:
            raise AskedWrongly(f"what if {text!r}: {why}")
    elif about and cells.read_product(about)[0]:
        drug = about
    else:
        qualifier = about
    return day, fact, value, unit, drug, qualifier
