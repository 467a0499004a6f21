"""A warehouse in PostgreSQL: a real server, started here; the same findings, one picture of it, and nothing written."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

import pytest
from click.testing import CliRunner

from her2path import Settings
from her2path.cli.group import main
from her2path.cohort.population.run import review_population
from her2path.facts.problem import AskedWrongly
from her2path.read.omop.reader import OmopReader
from her2path.read.omop.source import OmopSource
from her2path.read.omop.warehouse import Warehouse
from her2path.tables.site import Site
from omop_cdm import POSTGRES, Cdm, PostgresServer
from test_omop import KNOWLEDGE, ON, ROWS, findings

psycopg = pytest.importorskip("psycopg")
pytestmark = [
    pytest.mark.skipif(not POSTGRES, reason="no server of PostgreSQL is installed below /usr/lib/postgresql"),
    pytest.mark.skipif(
        os.name == "posix" and os.geteuid() == 0 and shutil.which("runuser") is None,
        reason="the superuser may not run PostgreSQL, and runuser is not there",
    ),
]
SITE = Site(omop_quantity="mg")


def course() -> Cdm:
    made = Cdm()
    made.take(ROWS)
    return made


@pytest.fixture(scope="module")
def server():
    folder = Path(tempfile.mkdtemp(prefix="her2path-pg-"))
    started = PostgresServer(folder / "server")
    started.load(course())
    yield started
    started.stop()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def source(server) -> OmopSource:
    return OmopSource(server.url)


def test_the_findings_are_those_of_the_same_rows_in_duckdb(source, tmp_path) -> None:
    path = course().write(tmp_path / "cdm.duckdb")
    by_file = findings(OmopSource(str(path)), SITE)
    assert len(by_file) > 40
    assert findings(source, SITE) == by_file


def test_processes_share_one_picture_and_give_the_same_bytes(source, tmp_path) -> None:
    settings = Settings(ON, jurisdiction="us", at=SITE)
    for name, processes in (("alone", 1), ("together", 2)):
        review_population(source, tmp_path / name, KNOWLEDGE, settings, processes=processes, parts=3)
    for file in sorted(each for each in (tmp_path / "alone").rglob("*") if each.is_file()):
        assert (tmp_path / "together" / file.relative_to(tmp_path / "alone")).read_bytes() == file.read_bytes()


def test_what_others_write_meanwhile_is_not_seen_by_any_slice_or_process(source, server) -> None:
    reader = OmopReader(source, KNOWLEDGE.facts, quantity="mg", persons_at_once=5)
    first = reader.read(reader.slices[0])
    try:
        with psycopg.connect(server.url) as other:
            other.execute("DELETE FROM cdm.measurement")
            other.commit()
            rest = [reader.read(between) for between in reader.slices[1:]]
            beside = Warehouse(source, "cdm", reader.snapshot)
            seen = beside.counts()["measurement"]
            beside.close()
            assert int(other.execute("SELECT count(*) FROM cdm.measurement").fetchone()[0]) == 0
        assert seen > 100
        assert all("lvef" in part.record.facts for part in (first, *rest[:1]))
    finally:
        reader.close()
        with psycopg.connect(server.url) as other:
            other.execute("DROP SCHEMA cdm CASCADE")
        server.load(course())


def test_a_session_can_write_nothing(source) -> None:
    warehouse = Warehouse(source)
    try:
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
            warehouse._session._connection.execute("CREATE TABLE cdm.mine (a int)")
    finally:
        warehouse.close()


def test_text_with_quotes_commas_and_line_breaks_is_read_as_it_stands(source) -> None:
    warehouse = Warehouse(source)
    try:
        rows = warehouse.rows("SELECT E'a, \"b\"\\nc' AS one, '' AS two, NULL AS three, 1.9999999 AS four, 'ü' AS five")
    finally:
        warehouse.close()
    assert rows == [('a, "b"\nc', "", None, "1.9999999", "ü")]


def test_the_command_reads_a_server_and_tells_no_password(server, tmp_path) -> None:
    url = server.url + "&password=secret"
    settings = tmp_path / "site.toml"
    settings.write_text('[omop]\nquantity = "mg"\nschema = "cdm"\n', encoding="utf-8")
    words = [url, "-o", str(tmp_path / "out"), "--on", "2026-02-17", "--settings", str(settings)]
    done = CliRunner().invoke(main, ["cohort", *words], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    assert "15 patients" in done.output
    manifest = (tmp_path / "out" / "manifest.json").read_text("utf-8")
    assert "secret" not in manifest + done.output
    assert '"measurement": ' in manifest


def test_a_server_that_is_not_there_is_told(tmp_path) -> None:
    with pytest.raises(AskedWrongly, match="the database cannot be read"):
        Warehouse(OmopSource(f"postgresql:///cdm?host={tmp_path}"))


def test_a_server_that_goes_away_is_told(server) -> None:
    warehouse = Warehouse(OmopSource(server.url))
    with psycopg.connect(server.url, autocommit=True) as other:
        other.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'her2path'")
    with pytest.raises(AskedWrongly, match=r"terminat|closed|lost"):
        warehouse.counts()
    warehouse.close()
