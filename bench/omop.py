"""A warehouse of OMOP read: persons a second, beside only fetching the same rows.

    python bench/omop.py EVENTS.parquet [--processes 2] [--times 3]

EVENTS is a table of the long format, as `bench/courses.py` or `her2path simulate course --records` writes it. It becomes
a CDM in DuckDB beside it (EVENTS.duckdb): persons, drug exposures in mg, measurements with raw text, observations,
conditions, and a vocabulary of its own. Facts without a code, and doses without mg, are left out of the CDM and told.
"""

from __future__ import annotations

import argparse
import datetime as dt
import time
from pathlib import Path

import duckdb

from her2path import Settings, read_knowledge
from her2path.cohort.review import review_parts
from her2path.facts.codes import codes_of
from her2path.read.omop.reader import OmopReader
from her2path.read.omop.source import OmopSource
from her2path.tables.site import Site
from her2path.write.fhir.codes import OBSERVED

FIRST = 700_000
TESTS = {"ihc_score": ("LOINC", "85319-2"), "her2_cep17_ratio": ("LOINC", "49683-6"), "her2_copies": ("LOINC", "74860-8")}
TUMOURS = {"breast": ("SNOMED", "254837009"), "gastric": ("SNOMED", "363349007")}
UNITS = {"lvef": "%", "weight_kg": "kg", "height_cm": "cm", "tumour_size_mm": "mm"}
KNOWLEDGE = read_knowledge()
CODES = codes_of(KNOWLEDGE.facts)
DDL = """
CREATE TABLE person (person_id BIGINT, gender_concept_id INT, gender_source_value VARCHAR, year_of_birth INT, month_of_birth INT, day_of_birth INT, birth_datetime TIMESTAMP);
CREATE TABLE drug_exposure (drug_exposure_id BIGINT, person_id BIGINT, drug_concept_id INT, drug_source_concept_id INT, drug_source_value VARCHAR, drug_exposure_start_date DATE, drug_exposure_end_date DATE, quantity DECIMAL(18,3), route_concept_id INT, route_source_value VARCHAR, drug_type_concept_id INT, dose_unit_source_value VARCHAR);
CREATE TABLE condition_occurrence (condition_occurrence_id BIGINT, person_id BIGINT, condition_concept_id INT, condition_source_concept_id INT, condition_source_value VARCHAR, condition_start_date DATE, condition_status_concept_id INT);
CREATE TABLE measurement (measurement_id BIGINT, person_id BIGINT, measurement_concept_id INT, measurement_source_concept_id INT, measurement_source_value VARCHAR, measurement_date DATE, value_as_number DECIMAL(18,3), value_as_concept_id INT, value_source_value VARCHAR, unit_concept_id INT, unit_source_value VARCHAR, operator_concept_id INT, range_high DECIMAL(18,3));
CREATE TABLE observation (observation_id BIGINT, person_id BIGINT, observation_concept_id INT, observation_source_concept_id INT, observation_source_value VARCHAR, observation_date DATE, value_as_number DECIMAL(18,3), value_as_string VARCHAR, value_as_concept_id INT, value_source_value VARCHAR, unit_concept_id INT, unit_source_value VARCHAR);
CREATE TABLE concept (concept_id INT, concept_name VARCHAR, vocabulary_id VARCHAR, concept_code VARCHAR, concept_class_id VARCHAR);
CREATE TABLE meant (fact VARCHAR, qualifier VARCHAR, value VARCHAR, concept_id INT, tab VARCHAR, unit INT, unit_said VARCHAR);
"""


def coding_of(fact: str, method: str) -> tuple[str, str] | None:
    for key in ((fact, method), (fact, "unspecified"), (fact, "")):
        if key in OBSERVED:
            return OBSERVED[key][:2]
    if fact in TESTS:
        return TESTS[fact]
    known = CODES.therapy.measures.items()
    return next((key for key, m in known if m.fact == fact and key[0] in ("LOINC", "SNOMED", "HER2PATH")), None)


def make(events: Path, into: Path) -> int:
    """Write the CDM of some events. Gives the rows of events in it."""
    into.unlink(missing_ok=True)
    connection = duckdb.connect(str(into))
    connection.execute(DDL)
    connection.execute(f"CREATE TEMP TABLE long AS SELECT row_number() OVER () AS n, dense_rank() OVER (ORDER BY patient) * 7 AS person, * FROM '{events}'")
    names = [row[0] for row in connection.execute("DESCRIBE long").fetchall()]
    qualifier = "coalesce(long.qualifier, '')" if "qualifier" in names else "''"
    product = "coalesce(long.product, '')" if "product" in names else "''"
    concepts: dict[tuple[str, str], int] = {}

    def concept(system: str, code: str, name: str = "", kind: str = "x") -> int:
        if (system, code) not in concepts:
            concepts[system, code] = FIRST + len(concepts)
            connection.execute("INSERT INTO concept VALUES (?, ?, ?, ?, ?)", [concepts[system, code], name or code, system, code, kind])
        return concepts[system, code]

    lost = []
    for fact, method in connection.execute(f"SELECT DISTINCT fact, CASE WHEN fact = 'lvef' THEN {qualifier} ELSE '' END FROM long").fetchall():
        if fact in ("sex", "birth_date", "dose_mg"):
            continue
        if fact == "tumour_site":
            for site, coding in TUMOURS.items():
                connection.execute("INSERT INTO meant VALUES (?, '', ?, ?, 'c', 0, NULL)", [fact, site, concept(*coding)])
            continue
        coding = coding_of(fact, method)
        if coding is None:
            lost.append(fact)
            continue
        unit = UNITS.get(fact)
        cells = [fact, method, concept(*coding, name="value of " + fact.replace("her2", "HER")), "o" if coding[0] == "HER2PATH" else "m",
                 concept("UCUM", unit) if unit else 0, unit]  # fmt: skip
        connection.execute("INSERT INTO meant VALUES (?, ?, NULL, ?, ?, ?, ?)", cells)
    drug = concept("RxNorm", "224905", "trastuzumab", "Ingredient")
    female, male = concept("Gender", "F"), concept("Gender", "M")
    connection.execute(f"""
    INSERT INTO person SELECT person, CASE WHEN max(CASE WHEN fact = 'sex' THEN value END) = 'male' THEN {male} ELSE {female} END, NULL,
        year(max(b)), month(max(b)), day(max(b)), NULL FROM (SELECT *, TRY_CAST(CASE WHEN fact = 'birth_date' THEN value END AS DATE) AS b FROM long) GROUP BY 1;
    INSERT INTO drug_exposure SELECT n, person, {drug}, 0, coalesce(nullif({qualifier}, ''), 'trastuzumab'), date, date, TRY_CAST(value AS DECIMAL(18,3)), 0, NULL, 0, NULL
        FROM long WHERE fact = 'dose_mg' AND {product} = 'trastuzumab-iv';
    INSERT INTO condition_occurrence SELECT n, person, concept_id, 0, NULL, coalesce(date, DATE '2020-01-01'), 0 FROM long JOIN meant m ON long.fact = m.fact AND long.value = m.value WHERE tab = 'c';
    INSERT INTO measurement SELECT n, person, concept_id, 0, NULL, date, TRY_CAST(long.value AS DECIMAL(18,3)), 0, long.value, m.unit, unit_said, 0, NULL
        FROM long JOIN meant m ON long.fact = m.fact AND (m.qualifier = '' OR m.qualifier = {qualifier}) WHERE tab = 'm';
    INSERT INTO observation SELECT n, person, concept_id, 0, NULL, date, TRY_CAST(long.value AS DECIMAL(18,3)), long.value, 0, NULL, m.unit, unit_said FROM long JOIN meant m ON long.fact = m.fact WHERE tab = 'o';
    DROP TABLE meant;
    """)  # fmt: skip
    tables = ("drug_exposure", "condition_occurrence", "measurement", "observation")
    rows = sum(connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in tables)
    connection.close()
    if lost:
        print(f"left out: {', '.join(sorted(set(lost)))}")
    return rows


def fetched(path: Path) -> None:
    """Only fetch the rows that the reader fetches, in its slices."""
    reader = OmopReader(OmopSource(str(path)), KNOWLEDGE.facts, quantity="mg")
    try:
        for between in reader.slices:
            for _, rows in reader.fetch(between):
                assert rows.num_rows >= 0
    finally:
        reader.close()


def read(path: Path, processes: int) -> tuple[int, int]:
    settings = Settings(dt.date(2026, 2, 17), jurisdiction="us", at=Site(omop_quantity="mg"))
    patients = events = 0
    for part in review_parts(OmopSource(str(path)), KNOWLEDGE, settings, counted, processes=processes, reading=True):
        for item in part.items:
            patients, events = patients + item[0], events + item[1]
    return patients, events


def counted(record) -> tuple[int, int]:
    return len(record), len(record.day)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("events", type=Path)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--times", type=int, default=3)
    asked = parser.parse_args()
    cdm = asked.events.with_suffix(".duckdb")
    print(f"{make(asked.events, cdm):,} rows of events in {cdm}")
    for name, work in (("only fetched", lambda: fetched(cdm)), ("read, 1 process", lambda: read(cdm, 1)),
                       (f"read, {asked.processes} processes", lambda: read(cdm, asked.processes))):  # fmt: skip
        times = []
        for _ in range(asked.times):
            start = time.perf_counter()
            told = work()
            times.append(time.perf_counter() - start)
        best = min(times)
        if told is None:
            print(f"{name}: {best:.2f} s")
        else:
            print(f"{name}: {best:.2f} s, {told[0] / best:,.0f} persons/s, {told[1] / best:,.0f} events/s")
