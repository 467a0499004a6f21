"""The records of advice, in SQLite and in a real PostgreSQL: rows are only added, two servers share one database."""

from __future__ import annotations

import json
import os
import pwd
import shutil
import signal
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("sqlalchemy")

from fhir.resources.R4B import get_fhir_model_class
from sqlalchemy import create_engine, event, text
from sqlalchemy.exc import DBAPIError

from her2path.facts.problem import AskedWrongly
from her2path.serve.advice.export import audit_event
from her2path.serve.advice.schema import MIGRATIONS, feedback_table
from her2path.serve.advice.store import Advice, Asking, NotKept, Said, Store
from served import free_port

ASKING = Asking(
    "h1", "her2path-order-sign", "https://ehr.example.org", "p1", "Practitioner/d1", "2026-01-19", "0" * 64,
    ["Observation/o1", "MedicationRequest/m1"], ["allergies"], "0.1.0",
)  # fmt: skip


def card(name: str, outcome: str = "echo_status", value: str = "overdue") -> Advice:
    reasons = {"rows": ["echo_status:3"], "sources": [], "facts": {}, "resources": ["Observation/o1"], "offered": []}
    return Advice(name, outcome, value, "due", "course-status", f"the summary of {name}", reasons)


def said(name: str, outcome: str = "overridden", reason: str = "", comment: str = "", at: str = "2026-01-19T10:00:00Z") -> Said:
    return Said(name, "her2path-order-sign", "https://ehr.example.org", outcome, at, (), reason, comment)


def postgresql_folder() -> Path | None:
    """Where Debian keeps the programs of PostgreSQL; the newest."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    return found[-1].parent if found else None


@pytest.fixture(scope="session")
def postgresql(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A PostgreSQL of this test alone; skipped, with the reason, where there is none or none may be run."""
    pytest.importorskip("psycopg")
    programs = postgresql_folder()
    if programs is None:
        pytest.skip("no PostgreSQL in /usr/lib/postgresql: apt-get install postgresql")
    folder = tmp_path_factory.mktemp("postgresql")
    start: dict[str, Any] = {}
    if os.getuid() == 0:  # PostgreSQL refuses to run as root
        user = next((name for name in ("postgres", "nobody") if _exists(name)), None)
        if user is None:
            pytest.skip("PostgreSQL refuses to run as root, and there is no other user")
        folder = Path(f"/tmp/her2path-postgresql-{os.getpid()}")
        folder.mkdir(mode=0o700)
        shutil.chown(folder, user)
        start = {"user": user, "group": pwd.getpwnam(user).pw_gid, "extra_groups": [], "cwd": folder}
    data, port = folder / "data", free_port()
    subprocess.run([programs / "initdb", "-D", data, "-U", "her2path", "-A", "trust", "-E", "UTF8", "--no-sync"],
                   check=True, capture_output=True, **start)  # fmt: skip
    server = subprocess.Popen(
        [programs / "postgres", "-D", data, "-p", str(port), "-k", folder, "-c", "listen_addresses=127.0.0.1"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **start,
    )  # fmt: skip
    address = f"postgresql://her2path@127.0.0.1:{port}/postgres"
    try:
        for _ in range(200):
            if subprocess.run([programs / "pg_isready", "-h", "127.0.0.1", "-p", str(port)], capture_output=True, check=False).returncode == 0:
                break
            threading.Event().wait(0.1)
        yield address
    finally:
        server.send_signal(signal.SIGINT)  # it ends now, whoever is still connected
        server.wait(20)
        if os.getuid() == 0:
            shutil.rmtree(folder, ignore_errors=True)


def _exists(user: str) -> bool:
    try:
        pwd.getpwnam(user)
    except KeyError:
        return False
    return True


@pytest.fixture(params=["sqlite", "postgresql"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database of its own for each test."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'advice.db'}"
    server = request.getfixturevalue("postgresql")
    name = f"t{abs(hash(str(tmp_path)))}"
    engine = create_engine(server.replace("postgresql:", "postgresql+psycopg:"), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name} TEMPLATE template0"))
    engine.dispose()
    return str(server.rpartition("/")[0]) + f"/{name}"


@pytest.fixture
def store(address: str) -> Iterator[Store]:
    made = Store(address)
    yield made
    made.close()


def test_what_was_advised_and_done_is_read_again(store: Store) -> None:
    store.keep(ASKING, [card("c1"), card("c2", "cardiac_action", "hold")])
    store.keep(ASKING, [])
    assert store.say([said("c1", reason="lvef-planned", comment="on Monday"), said("c2", "accepted")]) == 2
    first, silent = store.answers()
    assert first["resources"] == ["Observation/o1", "MedicationRequest/m1"]
    assert [each["card"] for each in first["advice"]] == ["c1", "c2"]
    assert first["advice"][0]["feedback"][0]["comment"] == "on Monday"
    assert silent["advice"] == []
    assert store.answers(first["id"], 1)[0]["id"] == silent["id"]


def test_feedback_that_is_sent_twice_stands_once(store: Store) -> None:
    assert store.say([said("c1"), said("c1")]) == 1
    assert store.say([said("c1"), said("c1", at="2026-01-20T10:00:00Z")]) == 1


@pytest.mark.parametrize("table", ["asked", "advice", "feedback"])
@pytest.mark.parametrize("change", ["DELETE FROM {}", "UPDATE {} SET id = id + 1"])
def test_the_database_refuses_to_change_what_was_written(store: Store, table: str, change: str) -> None:
    store.keep(ASKING, [card("c1")])
    store.say([said("c1")])
    with pytest.raises(DBAPIError, match="only added"), store.engine.begin() as connection:
        connection.execute(text(change.format(table)))
    assert len(store.answers()[0]["advice"][0]["feedback"]) == 1


def test_overrides_are_told_by_rule(store: Store) -> None:
    store.keep(ASKING, [card(f"c{number}") for number in range(4)])
    store.say([said("c0", reason="lvef-planned"), said("c1", reason="lvef-planned"), said("c2"), said("c3", "accepted")])
    (rule,) = store.by_rule()
    assert (rule["outcome"], rule["value"], rule["shown"], rule["patients"]) == ("echo_status", "overdue", 4, 1)
    assert (rule["accepted"], rule["overridden"]) == (1, 3)
    assert rule["reasons"] == {"lvef-planned": 2, "no reason given": 1}


def test_whether_a_promise_was_kept_is_told(store: Store) -> None:
    def told() -> str:
        (promise,) = store.promises(["lvef-planned"])
        return str(promise["kept"])

    store.keep(ASKING, [card("c1")])
    store.say([said("c1", reason="lvef-planned"), said("c1", reason="record-wrong", at="2026-01-19T11:00:00Z")])
    assert told() == "not seen again"
    assert store.last_overrides("p1")["echo_status"][1] == "record-wrong"
    threading.Event().wait(0.01)
    store.keep(ASKING, [card("c2")])
    assert told() == "no"
    store.keep(ASKING, [card("c3", "weight_status", "old")])
    assert told() == "yes"


def test_a_jwt_is_spent_once_by_all_servers(address: str) -> None:
    one, other = Store(address), Store(address)
    results: list[bool] = []

    def spend(store: Store) -> None:
        for number in range(20):
            results.append(store.spend("iss", f"jti{number}", 1000.0, 0.0))

    threads = [threading.Thread(target=spend, args=(store,)) for store in (one, other)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results) == [False] * 20 + [True] * 20
    assert one.spend("another", "jti0", 1000.0, 0.0)
    assert one.spend("iss", "jti0", 3000.0, 2000.0)  # the first has ended and is forgotten
    one.close()
    other.close()


def test_two_servers_write_at_once_and_nothing_is_lost(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("her2path.serve.advice.store.ADVICE_WAITS_MS", 10_000)  # each writes as fast as it can
    stores = [Store(address), Store(address)]

    def write(number: int) -> None:
        for each in range(30):
            stores[number].keep(ASKING, [card(f"c{number}-{each}")])
            stores[number].say([said(f"c{number}-{each}")])

    threads = [threading.Thread(target=write, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    answers = stores[0].answers()
    assert sum(len(each["feedback"]) for answer in answers for each in answer["advice"]) == 60
    for store in stores:
        store.close()


def test_several_servers_may_start_on_an_empty_database(address: str) -> None:
    failed: list[BaseException] = []

    def start() -> None:
        try:
            Store(address).close()
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=start) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed
    store = Store(address)
    with store.engine.connect() as connection:
        assert connection.execute(text("SELECT count(*), max(version) FROM her2path_version")).one() == (len(MIGRATIONS), len(MIGRATIONS))
    store.close()


def test_a_database_of_the_first_version_keeps_what_was_passed_over(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as older:
        older.setattr("her2path.serve.advice.schema.MIGRATIONS", MIGRATIONS[:1])
        store = Store(address)
        store.keep(ASKING, [card("c1"), card("c2", "weight_status", "old")])
        with store.engine.begin() as connection:
            for name, outcome in (("c1", "overridden"), ("c2", "accepted"), ("of nobody", "overridden")):
                row = {"at": "2026-01-19T10:00:00", "card": name, "service": "s", "issuer": "", "outcome": outcome,
                       "outcome_at": "2026", "accepted": "[]", "reason": "lvef-planned", "comment": "", "digest": name}  # fmt: skip
                connection.execute(feedback_table.insert(), row)
        store.close()
    store = Store(address)
    assert store.last_overrides("p1") == {"echo_status": ("2026-01-19T10:00:00", "lvef-planned")}
    store.say([said("c2", reason="record-wrong")])
    store.say([said("c2", reason="record-wrong")])  # the same again stands once
    assert {outcome: reason for outcome, (_, reason) in store.last_overrides("p1").items()} == {
        "echo_status": "lvef-planned", "weight_status": "record-wrong",
    }  # fmt: skip
    assert store.last_overrides("p2") == {}
    with pytest.raises(DBAPIError, match="only added"), store.engine.begin() as connection:
        connection.execute(text("DELETE FROM overridden"))
    store.close()


def test_how_a_transaction_reaches_the_disk_is_told_to_a_connection_each_time_it_changes(tmp_path: Path) -> None:
    """Feedback waits for the disk, what was advised does not, on whichever connection of the pool."""
    store = Store(f"sqlite:///{tmp_path / 'a.db'}")
    seen: list[tuple[str, int]] = []

    def note(connection: Any, *_: Any) -> None:
        seen.append(("commit", connection.exec_driver_sql("PRAGMA synchronous").scalar()))

    event.listen(store.engine, "commit", note)
    for act in ("keep", "say", "say", "keep", "keep", "say"):
        name = f"c{len(seen)}"
        store.keep(ASKING, [card(name)]) if act == "keep" else store.say([said(name)])
    full, normal = 2, 1
    assert [level for _, level in seen] == [normal, full, full, normal, normal, full]
    store.close()


def test_a_database_of_a_newer_program_is_left_alone(address: str) -> None:
    store = Store(address)
    with store.engine.begin() as connection:
        connection.execute(text("INSERT INTO her2path_version VALUES (99)"))
    store.close()
    with pytest.raises(AskedWrongly, match="of version 99"):
        Store(address)


def test_a_locked_database_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("her2path.serve.advice.store.WAITS_MS", 100)
    store = Store(f"sqlite:///{tmp_path / 'a.db'}")
    other = create_engine(f"sqlite:///{tmp_path / 'a.db'}").raw_connection()
    other.isolation_level = None  # type: ignore[attr-defined]
    other.cursor().execute("BEGIN EXCLUSIVE")
    with pytest.raises(NotKept, match="SQLITE_BUSY"):
        store.keep(ASKING, [card("c1")])
    with pytest.raises(NotKept, match="SQLITE_BUSY"):
        store.say([said("c1")])
    other.cursor().execute("ROLLBACK")
    assert store.say([said("c1")]) == 1
    store.close()


def test_a_full_disk_is_told_and_what_was_written_stays(tmp_path: Path) -> None:
    store = Store(f"sqlite:///{tmp_path / 'a.db'}")
    store.say([said("c0")])
    with store.engine.connect() as connection:  # the pool gives this connection again
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
        connection.exec_driver_sql(f"PRAGMA max_page_count={pages}")
    with pytest.raises(NotKept, match="SQLITE_FULL"):
        store.say([said(f"c{number + 1}", comment="x" * 2000) for number in range(200)])
    with store.engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM feedback WHERE card = 'c0'").scalar() == 1
        assert connection.exec_driver_sql("PRAGMA integrity_check").scalar() == "ok"
    store.close()


@pytest.mark.parametrize(("address", "words"), [
    ("sqlite://", "names no file"), ("mysql://x/y", "SQLite or PostgreSQL"), ("nonsense", "cannot be used"),
    ("sqlite:////nowhere/at/all.db", "cannot be used"), ("postgresql://127.0.0.1:1/x", "cannot be opened"),
])  # fmt: skip
def test_a_database_that_cannot_be_used_is_told(address: str, words: str) -> None:
    with pytest.raises(AskedWrongly, match=words):
        Store(address)


def test_the_file_is_nobody_elses(tmp_path: Path) -> None:
    Store(f"sqlite:///{tmp_path / 'a.db'}").close()
    assert (tmp_path / "a.db").stat().st_mode & 0o077 == 0


def test_an_answer_is_exported_as_an_audit_event(store: Store) -> None:
    store.keep(ASKING, [card("c1")])
    store.say([said("c1", reason="lvef-planned", comment="on Monday")])
    event = audit_event(store.answers()[0])
    get_fhir_model_class("AuditEvent").model_validate(json.loads(json.dumps(event)))
    words = json.dumps(event)
    assert "Patient/p1" in words
    assert "Observation/o1" in words
    assert "echo_status: overdue" in words
    assert "overridden lvef-planned" in words
    assert event["agent"][0]["who"]["reference"] == "Practitioner/d1"
