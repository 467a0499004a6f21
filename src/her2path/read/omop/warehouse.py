"""A warehouse that is open to be read: which tables of the CDM stand in it, and the rows of a query as Arrow.

Nothing is ever written: DuckDB is opened read only, a session of PostgreSQL is one read-only transaction (repeatable
read), so that all of its slices are one picture of a warehouse that goes on living. Other processes take part in the
same picture by its snapshot.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from ...facts.problem import AskedWrongly
from .source import OmopSource

EXTRA = "pip install 'her2path[omop]'"
CDM = (
    "person", "death", "condition_occurrence", "procedure_occurrence", "drug_exposure", "measurement", "observation",
    "cdm_source",
)  # fmt: skip
VOCABULARY = ("concept", "concept_relationship", "concept_ancestor", "drug_strength")
NEEDED = "person"
MEMORY = "1GB"
"""As much as a process of DuckDB may take at most."""


@dataclass(frozen=True, slots=True)
class Relation:
    """A table as it stands in the warehouse: its name in SQL, and its columns by their names in small letters."""

    name: str
    columns: dict[str, str]

    def column(self, name: str) -> str:
        """A column in SQL; a null where the table has none of that name."""
        real = self.columns.get(name)
        return "NULL" if real is None else f"t.{_quoted(real)}"

    def select(self, names: Iterable[str]) -> str:
        """The beginning of a query for some columns, each under its name in small letters."""
        return f"SELECT {', '.join(f'{self.column(name)} AS {name}' for name in names)} FROM {self.name} t"


class Warehouse:
    """A session of a warehouse. Raises `AskedWrongly` where it cannot be opened, or holds no CDM."""

    def __init__(self, source: OmopSource, schema: str = "", snapshot: str = "") -> None:
        self.source = source
        self._session = _Postgres(source, snapshot) if source.is_postgres else _DuckDb(source)
        try:
            self.schema, self.tables = self._found(schema)
        except BaseException:
            self.close()
            raise

    def query(self, sql: str) -> Any:
        """The rows of a query as a `pyarrow.Table`. Raises `AskedWrongly` where the warehouse refuses it."""
        return self._session.query(sql)

    def rows(self, sql: str) -> list[tuple[str | None, ...]]:
        """The few rows of a query, every cell as its text."""
        table = self.query(sql)
        columns = [[None if cell is None else str(cell) for cell in column.to_pylist()] for column in table.columns]
        return list(zip(*columns, strict=True))

    def counts(self) -> dict[str, int]:
        """The rows of each table of persons and events."""
        return {
            name: int(self.rows(f"SELECT count(*) AS n FROM {self.tables[name].name} t")[0][0] or 0)
            for name in CDM if name in self.tables
        }  # fmt: skip

    def snapshot(self) -> str:
        """What another process names to see the same picture; "" where none is needed."""
        return self._session.snapshot()

    def close(self) -> None:
        """End the session."""
        self._session.close()

    def _found(self, wanted: str) -> tuple[str, dict[str, Relation]]:
        names = ", ".join(f"'{name}'" for name in (*CDM, *VOCABULARY))
        listed = self.rows(
            "SELECT table_schema, table_name, column_name FROM information_schema.columns "
            f"WHERE lower(table_name) IN ({names}) ORDER BY table_schema, table_name, ordinal_position"
        )
        schemas: dict[str, dict[str, Relation]] = {}
        for schema, table, column in (tuple(map(str, row)) for row in listed):
            relation = schemas.setdefault(schema, {}).setdefault(
                table.lower(), Relation(f"{_quoted(schema)}.{_quoted(table)}", {})
            )
            relation.columns[column.lower()] = column
        with_persons = [schema for schema, tables in schemas.items() if NEEDED in tables]
        if wanted and wanted not in with_persons:
            there = f"there are {', '.join(sorted(with_persons))}" if with_persons else "no schema holds one"
            raise AskedWrongly(f"{self.source}: no table person stands in the schema {wanted!r}; {there}")
        if not with_persons:
            raise AskedWrongly(f"{self.source}: no table person was found; expected a CDM of OMOP, version 5.3 or 5.4")
        if not wanted and len(with_persons) > 1:
            which = f"name one in the settings: [omop] schema = {with_persons[0]!r}"
            raise AskedWrongly(f"{self.source}: several schemas hold a CDM ({', '.join(with_persons)}); {which}")
        chosen = wanted or with_persons[0]
        tables = dict(schemas[chosen])
        # The vocabulary may stand in a schema of its own.
        for name in VOCABULARY:
            elsewhere = [found[name] for found in schemas.values() if name in found]
            if name not in tables and len(elsewhere) == 1:
                tables[name] = elsewhere[0]
        return chosen, tables


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def text(value: str) -> str:
    """A text as SQL writes it."""
    return "'" + value.replace("'", "''") + "'"


class _DuckDb:
    """A file of DuckDB, open to be read."""

    def __init__(self, source: OmopSource) -> None:
        try:
            import duckdb
        except ImportError as error:
            raise AskedWrongly(f"{source}: DuckDB is needed to read it: {EXTRA}") from error
        self.source, self._error = source, duckdb.Error
        try:
            self._connection = duckdb.connect(
                source.address, read_only=True, config={"memory_limit": MEMORY, "preserve_insertion_order": "false"}
            )
        except duckdb.Error as error:
            raise AskedWrongly(f"{source}: this is no file of DuckDB that can be read: {_line(error)}") from error

    def query(self, sql: str) -> Any:
        try:
            return self._connection.sql(sql).to_arrow_table()
        except self._error as error:
            raise AskedWrongly(f"{self.source}: {_line(error)}") from error

    def snapshot(self) -> str:
        return ""

    def close(self) -> None:
        self._connection.close()


class _Postgres:
    """A session of PostgreSQL: one transaction, read only, which sees one picture of the database."""

    def __init__(self, source: OmopSource, snapshot: str) -> None:
        try:
            import psycopg
        except ImportError as error:
            raise AskedWrongly(f"{source}: psycopg is needed to read it: {EXTRA}") from error
        self.source, self._error = source, psycopg.Error
        try:
            self._connection = psycopg.connect(source.address, application_name="her2path")
            self._connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            self._connection.read_only = True
            if snapshot:
                asked: Any = f"SET TRANSACTION SNAPSHOT {text(snapshot)}"
                self._connection.execute(asked)
        except psycopg.Error as error:
            raise AskedWrongly(f"{source}: the database cannot be read: {_line(error)}") from error

    def query(self, sql: str) -> Any:
        """All cells as text: a number keeps its digits. A copy is many times as fast as rows one by one."""
        import pyarrow.csv

        try:
            asked: Any = f"COPY ({sql}) TO STDOUT (FORMAT csv, HEADER, ENCODING 'UTF8')"
            with self._connection.cursor() as cursor, cursor.copy(asked) as copy:
                content = b"".join(bytes(piece) for piece in copy)
        except self._error as error:
            raise AskedWrongly(f"{self.source}: {_line(error)}") from error
        names = [name.strip('"') for name in content[: content.index(b"\n")].decode().split(",")]
        return pyarrow.csv.read_csv(
            pa.BufferReader(content),
            pyarrow.csv.ReadOptions(use_threads=False, block_size=max(len(content), 1)),
            pyarrow.csv.ParseOptions(newlines_in_values=True),
            pyarrow.csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=True, null_values=[""],
                quoted_strings_can_be_null=False,
            ),
        )  # fmt: skip

    def snapshot(self) -> str:
        try:
            row = self._connection.execute("SELECT pg_export_snapshot()").fetchone()
        except self._error as error:
            raise AskedWrongly(f"{self.source}: {_line(error)}") from error
        return str(row[0]) if row else ""

    def close(self) -> None:
        self._connection.close()


def _line(error: Exception) -> str:
    """The first line of what a database says."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
