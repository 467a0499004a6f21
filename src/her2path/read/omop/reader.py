"""A warehouse read slice by slice: so many persons at a time, each whole, with all that is said of them.

The bounds of the slices are persons in their order, so that sparse, huge or textual ids do no harm, and no query sorts
more than the ids. Rows of persons who are not in PERSON are counted and told, and nothing is read from them.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa

from ...facts.codes import codes_of
from ...facts.fact import Facts
from ...record.columns import RecordColumns
from ...record.event import Trouble
from ..fhir.resource import Surroundings
from ..fhir.terms import Terms
from .assembled import Assembly, Registry
from .dose import UNKNOWN, DoseReader
from .persons import birth, death, sex
from .rows import coded_column, coded_forms, days_of, rows_of, words_of_ids
from .said import Said, SaidReader
from .source import OmopSource
from .survey import Survey, survey_of
from .tables import DEATH, DRUGS, EVENTS, PERSON, Table
from .warehouse import Relation, Warehouse, text

PERSONS_AT_ONCE = 20_000
MOST_KEPT = 400_000
"""Forms of which it is kept what they say."""
NO_PERSON = "no person"
"""The kind of a trouble with rows of nobody who is in PERSON."""
Slice = tuple[str | None, str | None]
"""The first person of a slice, and the first behind it; `None` for no bound."""


@dataclass(slots=True)
class OmopPart:
    """What came of a slice: the records of its persons, what belongs to none of them, and how many have nothing."""

    record: RecordColumns | None
    troubles: list[Trouble] = field(default_factory=list)
    persons: int = 0
    without_rows: int = 0
    strange_rows: dict[str, int] = field(default_factory=dict)


class OmopReader:
    """Reads a warehouse; it can be forked, and then opens the warehouse anew, in the same picture of it.

    `quantity` is what the site says of that column of DRUG_EXPOSURE, `schema` where the CDM stands ("": looked for).
    Raises `AskedWrongly` where the warehouse cannot be read, or is no CDM.
    """

    def __init__(
        self, source: OmopSource, facts: Facts, courses: bool = True, quantity: str = UNKNOWN, schema: str = "",
        persons_at_once: int = PERSONS_AT_ONCE,
    ) -> None:  # fmt: skip
        self.source, self.facts, self.courses, self.quantity = source, facts, courses, quantity
        self.persons_at_once = persons_at_once
        codes = codes_of(facts)
        self.beside = Surroundings(codes, facts, Terms(codes), {})
        self._warehouse: Warehouse | None = Warehouse(source, schema)
        self._process = os.getpid()
        self.schema = self._warehouse.schema
        self.snapshot = self._warehouse.snapshot()
        try:
            self.survey: Survey = survey_of(self._warehouse, self.beside, quantity)
            self.slices = list(self._slices(self._warehouse))
        except BaseException:
            self.close()
            raise
        self._said = SaidReader(self.survey.vocabulary, self.beside, courses)
        self._doses = DoseReader(self.survey.vocabulary, self.beside, quantity)
        self._kept: dict[tuple[str, ...], Said] = {}
        self._registry = Registry()

    def close(self) -> None:
        """End the session of this process."""
        if self._warehouse is not None and self._process == os.getpid():
            self._warehouse.close()
        self._warehouse = None

    def pause(self) -> None:
        """End a session that others need not see: a file of DuckDB, before processes are forked."""
        if not self.source.is_postgres:
            self.close()

    @property
    def warehouse(self) -> Warehouse:
        """The session of this process."""
        if self._warehouse is None or self._process != os.getpid():
            self._warehouse, self._process = Warehouse(self.source, self.schema, self.snapshot), os.getpid()
        return self._warehouse

    def _slices(self, warehouse: Warehouse) -> Iterator[Slice]:
        person = warehouse.tables["person"]
        name = person.column("person_id")
        sql = (
            f"SELECT p AS person_id FROM (SELECT {name} AS p, row_number() OVER (ORDER BY {name}) AS n "
            f"FROM {person.name} t WHERE {name} IS NOT NULL) AS listed "
            f"WHERE (n - 1) % {self.persons_at_once} = 0 ORDER BY n"
        )
        bounds: list[str | None] = [row[0] for row in warehouse.rows(sql)]
        if bounds:
            bounds[0] = None
            yield from zip(bounds, [*bounds[1:], None], strict=True)

    def read(self, between: Slice) -> OmopPart:
        """The records of the persons of a slice."""
        warehouse = self.warehouse
        person = warehouse.tables["person"]
        read = warehouse.query(f"{person.select(PERSON)} WHERE {_within(person, between)} ORDER BY 1")
        ids = words_of_ids(read.column("person_id"))
        persons = ids.unique()
        part = OmopPart(None, persons=len(persons))
        if len(persons) < len(ids):
            what = f"{len(ids) - len(persons)} persons stand twice in PERSON; the first row of each is read"
            part.troubles.append(Trouble("persons", f"{self.source.name}:person", what))
            first = np.sort(np.unique(ids.dictionary_encode().indices.to_numpy(), return_index=True)[1])
            read = read.take(pa.array(first))
        assembly = Assembly(self.source.name, persons, self._registry)
        with_rows = np.zeros(len(persons), np.bool_)
        self._add_persons(assembly, read, persons)
        if "death" in warehouse.tables and self.courses:
            self._add_deaths(assembly, warehouse, between, persons)
        for table, fetched in self.fetch(between):
            rows = rows_of(table, fetched, persons)
            said = [self._read(table, rows.columns, cells) for cells in rows.forms]
            with_rows[rows.owner] = True
            assembly.add(table.name, rows.owner, rows.day, rows.form, rows.ids, said, rows.wrong_days)
            if rows.strange_rows:
                some = ", ".join(rows.strange[:5]) + (" ..." if len(rows.strange) > 5 else "")
                what = f"{rows.strange_rows} rows of persons who are not in PERSON ({some}); nothing is read from them"
                part.troubles.append(Trouble(NO_PERSON, f"{self.source.name}:{table.name}", what))
                part.strange_rows[table.name] = rows.strange_rows
        part.record = assembly.record()
        part.without_rows = int((~with_rows).sum())
        return part

    def fetch(self, between: Slice) -> Iterator[tuple[Table, Any]]:
        """The rows of a slice as the warehouse gives them, table by table."""
        for table in EVENTS:
            where = self.survey.where.get(table.name, "")
            if where and (self.courses or table is not DRUGS):
                relation = self.warehouse.tables[table.name]
                names = ["person_id", table.id, table.day, *([table.end] if table.end else []), *table.of_form]
                within = f"{_within(relation, between)} AND ({where})"
                yield table, self.warehouse.query(f"{relation.select(names)} WHERE {within}")

    def _read(self, table: Table, columns: tuple[str, ...], cells: tuple[str, ...]) -> Said:
        """What rows of a form say; the same form is read once."""
        key = (table.name, *cells)
        said = self._kept.get(key)
        if said is None:
            named = cells[0].strip(), cells[1], cells[2]
            said = Said()
            if named in self.survey.wanted[table.name]:
                of_form = dict(zip(columns, cells, strict=True))
                stem = "condition" if table.name.startswith("condition") else table.name.removesuffix("_occurrence")
                said = self._doses.read(of_form) if table is DRUGS else getattr(self._said, stem)(of_form)
            self._keep(key, said)
        return said

    # -- persons ------------------------------------------------------------------------------

    def _add_persons(self, assembly: Assembly, read: Any, persons: Any) -> None:
        if not self.courses:
            return
        owner, no_day = np.arange(len(persons)), np.full(len(persons), 0, np.int64)
        for names, make in ((PERSON[1:3], self._sex), (PERSON[3:], self._birth)):
            form, forms = coded_forms([coded_column(read.column(name), name) for name in names], len(persons))
            assembly.add("person", owner, no_day, form, persons, [make(*cells) for cells in forms], {})

    def _sex(self, concept: str, written: str) -> Said:
        key = ("sex", concept, written)
        return self._kept.get(key) or self._keep(key, sex(concept, written, self.survey.vocabulary, self.facts))

    def _birth(self, *cells: str) -> Said:
        key = ("birth", *cells)
        return self._kept.get(key) or self._keep(key, birth(*cells))

    def _keep(self, key: tuple[str, ...], said: Said) -> Said:
        """What a form says; kept so that it is read once, but for too many of them."""
        if len(self._kept) >= MOST_KEPT:
            self._kept.clear()
            self._registry = Registry()
        self._kept[key] = said
        return said

    def _add_deaths(self, assembly: Assembly, warehouse: Warehouse, between: Slice, persons: Any) -> None:
        import pyarrow.compute as pc  # slow to import

        relation = warehouse.tables["death"]
        read = warehouse.query(f"{relation.select(DEATH)} WHERE {_within(relation, between)}")
        names = words_of_ids(read.column("person_id"))
        owner = pc.fill_null(pc.index_in(names, value_set=persons), -1).to_numpy().astype(np.int64)
        mine = pa.array(np.flatnonzero(owner >= 0))
        day, _ = days_of(read.column("death_date").take(mine))
        form, forms = coded_forms([coded_column(read.column("death_date").take(mine), "death_date")], len(mine))
        said = [self._kept.get(key) or self._keep(key, death(key[1])) for key in (("death", *each) for each in forms)]
        assembly.add("death", owner[owner >= 0], day, form, names.take(mine), said, {})


def _within(relation: Relation, between: Slice) -> str:
    """The condition of SQL for the rows of a slice."""
    person = relation.column("person_id")
    parts = [f"{person} >= {text(between[0])}"] if between[0] is not None else []
    parts += [f"{person} < {text(between[1])}"] if between[1] is not None else []
    return " AND ".join(parts) or f"{person} IS NOT NULL"


def read_omop(
    source: OmopSource, facts: Facts, courses: bool = True, quantity: str = UNKNOWN, schema: str = ""
) -> Iterator[RecordColumns | Trouble]:  # fmt: skip
    """Every person of a warehouse in batches of columns, and what belongs to none of them as a `Trouble`."""
    reader = OmopReader(source, facts, courses, quantity, schema)
    try:
        for between in reader.slices:
            part = reader.read(between)
            yield from part.troubles
            if part.record is not None and len(part.record):
                yield part.record
    finally:
        reader.close()


__all__ = ["NO_PERSON", "OmopPart", "OmopReader", "Slice", "read_omop"]
