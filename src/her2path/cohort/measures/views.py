"""A reviewed population as views of DuckDB: what the conditions of a measure may speak of.

`patient`, `dose` and `specimen` are the rows that are counted, each with all columns of the patient; `findings`,
`episodes` and `facts` are the tables as they were written. Macros ask what is asked again and again, in three answers.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...facts.problem import AskedWrongly
from ...record.table import EVENTS
from ...write.tables.findings import SCHEMA
from ...write.tables.patients import EPISODES, PATIENTS
from ...write.tables.specimens import SPECIMENS

if TYPE_CHECKING:
    from .read import Measure

TABLES = {"facts": EVENTS, "findings": SCHEMA, "patients": PATIENTS, "episodes": EPISODES, "specimens": SPECIMENS}
EDITIONS = "editions"
"""The folder, in that of a run, of what other editions say."""
VIEWS = """
-- What is said of somebody: true where a finding says one of these values, null where it is undetermined.
CREATE MACRO said(who, about, words) AS CASE
  WHEN EXISTS (SELECT 1 FROM findings f WHERE f.patient = who AND f.outcome = about AND list_contains(words, f.value))
  THEN true
  WHEN EXISTS (SELECT 1 FROM findings f WHERE f.patient = who AND f.outcome = about AND f.value = 'undetermined')
  THEN NULL ELSE false END;

-- Whether the record holds a fact with one of these values; null where it holds the fact and no value of it.
CREATE MACRO recorded(who, name, words) AS CASE
  WHEN EXISTS (SELECT 1 FROM facts e WHERE e.patient = who AND e.fact = name
               AND list_contains(words, trim(e.value, '"'))) THEN true
  WHEN EXISTS (SELECT 1 FROM facts e WHERE e.patient = who AND e.fact = name AND e.value LIKE '{"unknown"%')
  THEN NULL ELSE false END;

-- Measured LVEFs: the number, or null where it is known in part; without a day they settle nothing.
CREATE VIEW echo AS SELECT patient, day, TRY_CAST(value AS DOUBLE) AS lvef FROM facts WHERE fact = 'lvef';

-- Whether an LVEF is on record between two days; null where none is and one has no day.
CREATE MACRO lvef_between(who, first, last) AS CASE
  WHEN EXISTS (SELECT 1 FROM echo e WHERE e.patient = who AND e.day BETWEEN first AND last) THEN true
  WHEN EXISTS (SELECT 1 FROM echo e WHERE e.patient = who AND e.day IS NULL) THEN NULL ELSE false END;

-- The longest time without an LVEF under therapy, from the first dose to the last; one from before counts as of it.
CREATE VIEW monitoring AS
  WITH points AS (
    SELECT p.patient, e.day FROM patients p JOIN echo e USING (patient)
      WHERE e.day > p.product_first_day AND e.day <= p.product_last_day
    UNION ALL SELECT patient, product_first_day FROM patients WHERE product_first_day IS NOT NULL
    UNION ALL SELECT patient, product_last_day FROM patients WHERE product_last_day IS NOT NULL),
  gaps AS (SELECT patient, day - lag(day) OVER (PARTITION BY patient ORDER BY day) AS gap FROM points)
  SELECT patient, max(gap) AS longest_gap_days FROM gaps GROUP BY patient;

-- What the record says of somebody without a course, in one word: null where it says nothing, or two things.
CREATE VIEW told AS SELECT patient, fact, min(trim(value, '"')) AS value FROM facts
  WHERE fact IN ('sex', 'stage', 'birth_date') AND value NOT LIKE '{%' GROUP BY ALL HAVING min(value) = max(value);
CREATE VIEW person AS SELECT p.* REPLACE (
    coalesce(p.sex, (SELECT value FROM told t WHERE t.patient = p.patient AND t.fact = 'sex')) AS sex,
    coalesce(p.age_years, date_part('year', age(as_of(), (SELECT TRY_CAST(value AS DATE) FROM told t
      WHERE t.patient = p.patient AND t.fact = 'birth_date')))) AS age_years),
    (SELECT value FROM told t WHERE t.patient = p.patient AND t.fact = 'stage') AS stage
  FROM patients p;

CREATE VIEW patient AS SELECT p.*, m.longest_gap_days,
    EXISTS (SELECT 1 FROM echo e WHERE e.patient = p.patient AND e.day IS NULL) AS has_lvef_without_day,
    (SELECT min(s.day) FROM specimens s WHERE s.patient = p.patient) AS first_test_day,
    year(p.first_ever_day)::VARCHAR AS year,
    CASE WHEN p.age_years < 40 THEN 'under 40' WHEN p.age_years < 50 THEN '40 to 49'
         WHEN p.age_years < 60 THEN '50 to 59'
         WHEN p.age_years < 70 THEN '60 to 69' WHEN p.age_years >= 70 THEN '70 and over' END AS age_group
  FROM person p LEFT JOIN monitoring m USING (patient);

CREATE VIEW dose AS SELECT p.*, e.day AS dose_day, e.product AS dose_product, nullif(e.qualifier, '') AS dose_brand
  FROM facts e JOIN patient p USING (patient)
  WHERE e.fact IN ('dose_mg', 'dose_mg_per_kg', 'dose_given') AND e.product <> '';

CREATE VIEW specimen AS SELECT p.* EXCLUDE (tumour_site, her2_status, ihc_score, her2_expression), s.specimen,
    s.day AS specimen_day, s.tumour_site, s.ihc_score, s.ish_result, s.her2_cep17_ratio, s.her2_copies, s.her2_status,
    s.her2_expression, s.test_facts
  FROM specimens s JOIN patient p USING (patient);
"""


def opened(folder: Path, edition: str | None = None) -> Any:
    """The views over the folder of a population, as a connection of DuckDB, in memory.

    With an `edition` the patients are as it sees them; it must lie in the folder, or be that of the run. Raises
    `AskedWrongly` where the folder holds no population that is done, or DuckDB is not installed.
    """
    place = place_of(folder, edition)
    connection = _duckdb().connect()
    for name in TABLES:
        pattern = str((folder if name == "facts" else place) / name / "*.parquet").replace("'", "''")
        connection.execute(f"CREATE VIEW {name} AS SELECT * FROM read_parquet('{pattern}')")
    connection.execute("CREATE MACRO as_of() AS DATE '" + _plan(folder)["on"] + "'")
    connection.execute(VIEWS)
    return connection


def place_of(folder: Path, edition: str | None) -> Path:
    """Where the tables of a run lie as an edition sees them. Raises `AskedWrongly` where it was not asked."""
    of_run = edition_of_run(folder)
    if edition in (None, of_run):
        return folder
    place = folder / EDITIONS / str(edition)
    if not (place / "edition.json").is_file():
        raise AskedWrongly(
            f"{folder} holds no patients as {edition} sees them: her2path editions {folder} {edition} makes them"
        )
    return place


def edition_of_run(folder: Path) -> str | None:
    """The edition that was asked for when the patients were reviewed; `None` where the day of the test chose it."""
    told: str | None = _plan(folder)["settings"].get("edition")
    return told


def can_be_counted(folder: Path, measure: Measure) -> bool:
    """Whether the edition that a measure is bound to lies in the folder; always of one that is bound to none."""
    bound = bound_to(measure)
    return bound in (None, edition_of_run(folder)) or (folder / EDITIONS / str(bound) / "edition.json").is_file()


def bound_to(measure: Measure) -> str | None:
    """The edition by which alone a measure is counted; `None` where any does."""
    return None if measure.edition == "any" else measure.edition


def _plan(folder: Path) -> Any:
    if not (folder / "manifest.json").is_file():
        raise AskedWrongly(
            f"{folder} holds no population that is done; make one with her2path cohort SOURCE -o {folder}"
        )
    return json.loads((folder / "manifest.json").read_text("utf-8"))["plan"]


def _duckdb() -> Any:
    try:
        import duckdb
    except ImportError as error:
        raise AskedWrongly(
            "measures are counted by DuckDB, which is not installed: pip install 'her2path[cohort]'"
        ) from error
    return duckdb


def _empty() -> Any:
    """The views over nobody: enough to see whether a condition can be run."""
    connection = _duckdb().connect()
    for name, schema in TABLES.items():
        empty = schema.empty_table()
        connection.register(f"no_{name}", empty)
        connection.execute(f"CREATE VIEW {name} AS SELECT * FROM no_{name}")
    connection.execute("CREATE MACRO as_of() AS DATE '2026-01-01'")
    connection.execute(VIEWS)
    return connection


def sql_problem(measure: Measure) -> str:
    """What is wrong with the conditions of a measure, in DuckDB's words; "" where they run, or DuckDB is missing."""
    try:
        connection = _empty()
    except AskedWrongly:
        return ""
    try:
        connection.execute(rows_of(measure))
    except _duckdb().Error as error:
        return str(error).splitlines()[0]
    return ""


def quoted(name: str) -> str:
    """The name of a column as SQL writes it."""
    return '"' + name.replace('"', '""') + '"'


def rows_of(measure: Measure, by: str | None = None) -> str:
    """The SQL that gives a row for each one counted: patient, stratum, and the three answers (or the value)."""
    numerator = (
        f"({measure.value})::DOUBLE AS value, NULL::BOOLEAN AS met"
        if measure.value
        else (f"NULL::DOUBLE AS value, ({measure.numerator})::BOOLEAN AS met")
    )
    stratum = f"coalesce({quoted(by)}::VARCHAR, 'not recorded')" if by else "'all'"
    return (
        f"SELECT p.patient, {stratum} AS stratum, ({measure.denominator})::BOOLEAN AS counted, "
        f"({measure.exclusions or 'false'})::BOOLEAN AS excluded, {numerator} FROM {measure.counts} p"
    )
