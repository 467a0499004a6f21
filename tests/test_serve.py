"""The server itself: configuration, headers, limits, tokens, logs; and faults of a real one in a process of its own."""

from __future__ import annotations

import asyncio
import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request as Ask
from urllib.request import urlopen

import pytest

pytest.importorskip("starlette")

from starlette.testclient import TestClient

from her2path.facts.problem import AskedWrongly
from her2path.serve.advice.store import Store
from her2path.serve.app import create_app
from her2path.serve.configuration import Limits, read_configuration
from her2path.serve.operation import where_of
from her2path.serve.security import Limited
from hooks_makers import on, ordered, prefetch_of, request, resources_of
from served import Command, free_port

HALF = b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\n"
TOKEN = "a-token-that-is-long-enough-0123"
ASKED = request("order-sign", "adjuvant-hold", prefetch_of(resources_of("adjuvant-hold", "2026-01-05")), ordered("trastuzumab", 420))
PATH = "/cds-services/her2path-order-sign"


# -- configuration --------------------------------------------------------------------------------


@pytest.mark.parametrize(("said", "words"), [
    ("[serve]", "serve is not known; is server meant"),
    ("[server]\nhosst = 'x'", r"\[server\] hosst is not known; is host(s?) meant"),
    ("[[client]]\nissuer = 'x'\njkus = []", r"\[client\] jkus is not known; is jku meant"),
    ("[server]\nport = 'x'", "port"),
    ("[server]\nport = 70000", "port is 70000"),
    ("[server]\ntoken = 'short'", "shorter than 20"),
    ("[server]\npublic_url = 'her2path.example.org'", "public_url"),
    ("[server]\npublic_url = 'https://x/'", "without / at its end"),
    ("[server]\ntoken_file = '/nowhere/at/all'", "token_file cannot be read"),
    ("[limits]\nbody_bytes = 0", "body_bytes is 0"),
    ("[[client]]\nissuer = 'x'", "needs either jku"),
    ("[[client]]\nissuer = 'x'\njku = ['http://x/keys']", "no https address"),
    ("[[client]]\nissuer = 'x'\njku = ['https://x/keys']\nalgorithms = ['HS256']", "HS256"),
    ("[[client]]\nissuer = 'x'\njku = ['https://x/keys']\nlifetime_seconds = 86400", "lifetime_seconds is 1 to 3600"),
    ("[prefetch]\nheart = 'https://evil.example/x'", "heart is"),
    ("[server]\nhost = '0.0.0.0'", "nobody is asked who they are: give a token"),
    ("[server]\nhost = '0.0.0.0'\ntoken = '12345678901234567890'", "every address of this machine: say by which name"),
    ("not toml", "is no TOML"),
])  # fmt: skip
def test_a_configuration_that_cannot_be_used_is_told(tmp_path: Path, said: str, words: str) -> None:
    path = tmp_path / "serve.toml"
    path.write_text(said, encoding="utf-8")
    with pytest.raises(AskedWrongly, match=words):
        read_configuration(path, {})


def test_environment_stands_above_the_file_and_options_above_both(tmp_path: Path) -> None:
    path = tmp_path / "serve.toml"
    path.write_text("[server]\nport = 1\nhost = '127.0.0.1'", encoding="utf-8")
    environment = {"HER2PATH_SERVE_PORT": "2", "HER2PATH_SERVE_TOKEN": "12345678901234567890", "HER2PATH_SERVE_DATABASE": "sqlite:///x"}
    read = read_configuration(path, environment)
    assert (read.server.port, read.server.token, read.advice.database) == (2, "12345678901234567890", "sqlite:///x")
    assert read_configuration(path, environment, port=3, host="::1").base == "http://[::1]:3"


def test_beyond_this_machine_a_token_or_a_client_is_demanded() -> None:
    with pytest.raises(AskedWrongly, match="HER2PATH_SERVE_TOKEN"):
        read_configuration(None, {}, host="192.0.2.1")
    assert not read_configuration(None, {"HER2PATH_SERVE_TOKEN": TOKEN}, host="192.0.2.1").is_local


def test_the_command_refuses_in_words_and_the_help_names_it() -> None:
    told = subprocess.run([sys.executable, "-m", "her2path", "serve", "--host", "0.0.0.0"], capture_output=True, text=True, check=False)
    assert told.returncode == 2
    assert "nobody is asked who they are" in told.stderr


def test_other_commands_import_nothing_of_the_server() -> None:
    code = "import sys; from her2path.cli import main; main(['show', 'lvef'], standalone_mode=False); print(' '.join(sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.splitlines()[-1].split()
    assert not {"starlette", "uvicorn", "sqlalchemy", "httpx", "jwt", "prometheus_client", "her2path.serve"} & set(loaded)


# -- headers, names, tokens -----------------------------------------------------------------------


def app_of(folder: Path, said: str = "") -> Any:
    path = folder / "serve.toml"
    path.write_text(f'[advice]\ndatabase = "sqlite:///{folder / "a.db"}"\n{said}', encoding="utf-8")
    return create_app(read_configuration(path, {}), day=on("2026-01-19"))


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    with TestClient(app_of(tmp_path_factory.mktemp("local")), base_url="http://127.0.0.1:8321") as made:
        yield made


@pytest.fixture(scope="module")
def public(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    said = f'[server]\nhost = "192.0.2.1"\npublic_url = "https://h.example.org"\ntoken = "{TOKEN}"\ncors_origins = ["https://ehr.example.org"]'
    with TestClient(app_of(tmp_path_factory.mktemp("public"), said), base_url="https://h.example.org") as made:
        yield made


@pytest.mark.parametrize("path", ["/health", "/cds-services", "/nothing", "/metrics", PATH, "/openapi.json"])
def test_every_answer_has_the_headers(local: TestClient, path: str) -> None:
    headers = local.get(path).headers
    assert "default-src 'none'" in headers["content-security-policy"]
    assert "unsafe" not in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["referrer-policy"] == "same-origin"
    assert headers["cache-control"] == "no-store"
    assert headers["x-request-id"]
    assert "strict-transport-security" not in headers


def test_https_is_told_to_stay(public: TestClient) -> None:
    assert "max-age" in public.get("/health").headers["strict-transport-security"]


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "", "localhost@evil.example", "192.0.2.1"])
def test_another_name_is_not_answered(local: TestClient, host: str) -> None:
    """A page of another name that resolves to this machine (DNS rebinding) gets nothing."""
    assert local.get("/advice/overrides", headers={"host": host}).status_code == 421


@pytest.mark.parametrize("host", ["localhost:8321", "127.0.0.1", "[::1]:8321", "LOCALHOST"])
def test_every_name_of_this_machine_is_answered(local: TestClient, host: str) -> None:
    assert local.get("/advice/overrides", headers={"host": host}).status_code == 200


@pytest.mark.parametrize("headers", [
    {"origin": "https://evil.example"}, {"origin": "null"}, {"sec-fetch-site": "cross-site"}, {"sec-fetch-site": "same-site"},
])  # fmt: skip
def test_a_foreign_page_changes_nothing(local: TestClient, headers: dict[str, str]) -> None:
    assert local.post(PATH, json=ASKED, headers=headers).status_code == 403


def test_a_page_that_is_named_may_call_the_hooks_and_nothing_else(public: TestClient) -> None:
    headers = {"origin": "https://ehr.example.org", "sec-fetch-site": "cross-site", "authorization": f"Bearer {TOKEN}"}
    answer = public.post(PATH, json=ASKED, headers=headers)
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == "https://ehr.example.org"
    asked = {**headers, "access-control-request-method": "POST"}
    assert public.options(PATH, headers=asked).headers["access-control-allow-methods"]
    assert "access-control-allow-origin" not in public.get("/advice/overrides", headers=headers).headers
    assert public.options(PATH, headers={**asked, "origin": "https://evil.example"}).status_code == 400


@pytest.mark.parametrize(("path", "method"), [("/metrics", "GET"), ("/advice/overrides", "GET"), ("/advice/audit", "GET"), (PATH, "POST"), ("/openapi.json", "GET"), ("/patients", "GET")])
def test_without_the_token_nothing_is_told(public: TestClient, path: str, method: str) -> None:
    for authorization in ("", "Bearer wrong", f"Bearer {TOKEN[:-1]}", "Basic !!!", f"Digest {TOKEN}", "Basic " + "eA=="):
        answer = public.request(method, path, headers={"authorization": authorization})
        assert answer.status_code == 401
        assert "Basic" in answer.headers["www-authenticate"]


def test_the_token_opens_as_a_bearer_and_as_a_password(public: TestClient) -> None:
    assert public.get("/advice/overrides", headers={"authorization": f"Bearer {TOKEN}"}).status_code == 200
    assert public.get("/advice/overrides", auth=("anybody", TOKEN)).status_code == 200
    assert public.get("/health").status_code == public.get("/ready").status_code == public.get("/cds-services").status_code == 200


def test_a_supervisor_may_ask_by_any_name(public: TestClient) -> None:
    assert public.get("/health", headers={"host": "10.0.0.7:8321"}).status_code == 200
    assert public.get("/cds-services", headers={"host": "10.0.0.7:8321"}).status_code == 421


def test_the_configuration_to_begin_with_is_read() -> None:
    read = read_configuration(Path(__file__).parent.parent / "deploy" / "serve.toml", {})
    assert (read.is_local, read.base) == (True, "https://her2path.example.org")


def test_the_configuration_of_the_page_is_read(tmp_path: Path) -> None:
    page = (Path(__file__).parent.parent / "docs" / "service.md").read_text(encoding="utf-8")
    said = page.partition("```toml\n")[2].partition("```")[0].replace("/run/secrets/her2path-token", str(tmp_path / "token"))
    (tmp_path / "token").write_text(TOKEN, encoding="utf-8")
    (tmp_path / "serve.toml").write_text(said, encoding="utf-8")
    read = read_configuration(tmp_path / "serve.toml", {})
    assert read.server.token == TOKEN
    assert read.client[0].fhir_servers == ("https://ehr.example.org/fhir",)
    assert read.limits == Limits()


def test_where_only_clients_are_known_pages_are_closed(tmp_path: Path) -> None:
    said = '[server]\nhost = "192.0.2.1"\npublic_url = "https://h.example.org"\n[[client]]\nissuer = "i"\njku = ["https://i.example.org/k"]'
    with TestClient(app_of(tmp_path, said), base_url="https://h.example.org") as client:
        assert client.get("/advice/overrides").status_code == 403
        assert client.post(PATH, json=ASKED).status_code == 401


# -- limits ---------------------------------------------------------------------------------------


def test_a_body_that_is_too_large_is_refused_before_all_of_it_came(tmp_path: Path) -> None:
    with TestClient(app_of(tmp_path, "[limits]\nbody_bytes = 1000"), base_url="http://127.0.0.1:8321") as client:
        assert client.post(PATH, content=b"x" * 1001).status_code == 413
        assert client.post(PATH, content=(b"x" * 100 for _ in range(20))).status_code == 413
        assert client.post(PATH, content=b"x" * 1000).status_code == 400


def test_too_many_requests_are_put_off_by_address() -> None:
    now = [0.0]
    limited = Limited(_nothing, Limits(requests_per_minute=60), clock=lambda: now[0])
    scopes = {name: {"type": "http", "path": "/x", "client": (name, 1), "headers": []} for name in "ab"}

    def status(name: str) -> int:
        sent: list[Any] = []

        async def send(message: Any) -> None:
            sent.append(message)

        asyncio.run(limited(scopes[name], _nothing, send))
        return int(sent[0]["status"])

    assert [status("a") for _ in range(61)].count(429) == 1
    assert status("b") == 200
    now[0] += 1.01
    assert [status("a"), status("a")] == [200, 429]


async def _nothing(*arguments: Any) -> Any:
    if len(arguments) == 3:
        await arguments[2]({"type": "http.response.start", "status": 200, "headers": []})
        await arguments[2]({"type": "http.response.body", "body": b""})
    return {"type": "http.request", "body": b""}


# -- logs and figures -----------------------------------------------------------------------------


def test_a_fault_is_told_by_its_place_and_not_by_its_words() -> None:
    with pytest.raises(ValueError, match="Doe") as raised:
        int("Mrs Doe")
    assert where_of(raised.value).startswith("ValueError at ")
    assert "Doe" not in where_of(raised.value)


def test_figures_name_routes_and_never_a_patient(local: TestClient) -> None:
    local.post(PATH, json=ASKED)
    local.get("/patients/adjuvant-hold")
    figures = local.get("/metrics").text
    assert 'her2path_requests_total{method="POST",route="/cds-services/{service}",status="200"}' in figures
    assert 'her2path_cards_total{grade="act",hook="order-sign"}' in figures
    assert "adjuvant-hold" not in figures


# -- a real server --------------------------------------------------------------------------------


@pytest.fixture
def command(tmp_path: Path) -> Iterator[Command]:
    """A server of one test."""
    made = Command(tmp_path, CONFIGURATION.format(folder=tmp_path), "--on", "2026-01-19")
    yield made
    made.end()


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Command]:
    """A server of several tests."""
    folder = tmp_path_factory.mktemp("running")
    made = Command(folder, CONFIGURATION.format(folder=folder), "--on", "2026-01-19")
    yield made
    made.end()


CONFIGURATION = '[advice]\ndatabase = "sqlite:///{folder}/a.db"\n[limits]\nbody_seconds = 1.0\nrequests_per_minute = 100000\n'


def post(base: str, path: str, content: Any, timeout: float = 20) -> tuple[int, Any]:
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    asked = Ask(f"{base}{path}", body, {"Content-Type": "application/json"})
    try:
        with urlopen(asked, timeout=timeout) as answer:
            return answer.status, json.loads(answer.read() or b"null")
    except HTTPError as error:
        return error.code, error.read()


def test_a_real_server_answers_logs_without_the_patient_and_ends_in_order(command: Command) -> None:
    status, answer = post(command.base, PATH, ASKED)
    assert status == 200
    assert answer["cards"][0]["summary"].startswith("HOLD")
    secret = {**ASKED, "context": {**ASKED["context"], "patientId": "secret-patient\n"}}
    assert post(command.base, PATH, secret)[0] == 400
    with urlopen(f"{command.base}/ready") as ready:
        assert json.load(ready) == {"status": "ready"}
    assert command.end() == 0  # SIGTERM: it was asked to end, and did
    assert "has ended (SIGTERM)" in command.told
    assert "interrupted" not in command.log.read_text()
    told = command.log.read_text()
    assert "adjuvant-hold" not in told
    assert "secret-patient" not in told
    requests = [line for line in command.lines() if line["event"] == "request" and line["method"] == "POST"]
    assert [line["status"] for line in requests] == [200, 400]
    assert requests[0]["route"] == "/cds-services/{service}"
    assert command.lines()[-1]["level"] == "info"


def test_a_slow_body_and_a_silent_caller_hold_nobody_up(running: Command) -> None:
    silent = [socket.create_connection(("127.0.0.1", running.port)) for _ in range(30)]
    slow = socket.create_connection(("127.0.0.1", running.port))
    slow.sendall(f"POST {PATH} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1000\r\n\r\n{{".encode())
    assert post(running.base, PATH, ASKED)[0] == 200
    slow.settimeout(10)
    assert b" 408 " in slow.recv(4096)
    for each in (*silent, slow):
        each.close()
    assert post(running.base, PATH, ASKED)[0] == 200


@pytest.mark.parametrize(("before", "sent"), [(b"", b""), (b"", HALF), (b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", HALF)])
def test_a_head_that_never_ends_is_let_go(running: Command, before: bytes, sent: bytes) -> None:
    with socket.create_connection(("127.0.0.1", running.port), timeout=10) as connection:
        if before:
            connection.sendall(before)
            assert b" 200 " in connection.recv(4096)
        start = time.monotonic()
        if sent:
            connection.sendall(sent)
        while connection.recv(4096):
            pass
        assert time.monotonic() - start < 8


@pytest.mark.parametrize("sent", [
    b"\x00\x01\x02\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\n\r\n",
    b"POST " + PATH.encode() + b" HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: -1\r\n\r\n",
    b"POST " + PATH.encode() + b" HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"GET /../../etc/passwd HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n",
    b"GET /static/%2e%2e/%2e%2e/app.py HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n",
    b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n",
])  # fmt: skip
def test_what_is_no_proper_request_is_refused(running: Command, sent: bytes) -> None:
    with socket.create_connection(("127.0.0.1", running.port), timeout=10) as connection:
        connection.sendall(sent)
        answer = connection.recv(4096)
    assert answer == b"" or answer.split(b" ")[1][:1] == b"4", answer[:80]
    assert post(running.base, PATH, ASKED)[0] == 200


def test_two_servers_share_one_database(command: Command, tmp_path: Path) -> None:
    other = Command(tmp_path, CONFIGURATION.format(folder=tmp_path), "--on", "2026-01-19")
    try:
        card = post(command.base, PATH, ASKED)[1]["cards"][0]
        item = {
            "card": card["uuid"], "outcome": "overridden", "outcomeTimestamp": "2026-01-19T10:00:00Z",
            "overrideReason": {"reason": card["overrideReasons"][2], "userComment": "seen by phone"},
        }  # fmt: skip
        assert post(other.base, f"{PATH}/feedback", {"feedback": [item]})[0] == 200
        with urlopen(f"{command.base}/advice/overrides") as told:
            rules = {rule["outcome"]: rule for rule in json.load(told)["rules"]}
        assert rules["cardiac_action"]["reasons"] == {"newer-lvef": 1}
        with urlopen(Ask(f"{command.base}/advice/overrides", headers={"Accept": "text/html"})) as told:
            assert "<td>newer-lvef 1</td>" in told.read().decode()
        again = post(command.base, PATH, ASKED)[1]["cards"][0]
        assert "- Before: passed over on " in again["detail"]
        assert "the record does not show it yet" in again["detail"]
        with urlopen(f"{other.base}/advice/promises") as told:
            assert json.load(told)["promises"][0]["kept"] == "no"
        with urlopen(f"{other.base}/advice/audit") as told:
            events = [json.loads(line) for line in told.read().splitlines()]
        assert len(events) == 2
        assert "seen by phone" in json.dumps(events[0])
    finally:
        other.end()


def test_killed_while_feedback_is_posted_nothing_acknowledged_is_lost(tmp_path: Path, pytestconfig: pytest.Config) -> None:
    """`bench/service.py --kills 100` does it a hundred times."""
    kept = killed_while_posting(tmp_path, 3)
    assert kept > 10


def killed_while_posting(folder: Path, times: int) -> int:
    """Kill a server so many times while feedback is posted to it; gives how many were acknowledged.

    Raises `AssertionError` where one of those is not in the database.
    """
    port, acknowledged = free_port(), []
    for number in range(times):
        server = Command(folder, CONFIGURATION.format(folder=folder), "--on", "2026-01-19", port=port)
        stop = threading.Event()

        def write(thread: int, server: Command = server, number: int = number, stop: threading.Event = stop) -> None:
            for each in range(1_000_000):
                if stop.is_set():
                    return
                card = f"{number}-{thread}-{each}"
                item = {"card": card, "outcome": "accepted", "outcomeTimestamp": "2026-01-19T10:00:00Z"}
                try:
                    status, _ = post(server.base, f"{PATH}/feedback", {"feedback": [item]}, 5)
                except OSError:
                    return
                if status == 200:
                    acknowledged.append(card)

        writers = [threading.Thread(target=write, args=(thread,)) for thread in range(3)]
        for writer in writers:
            writer.start()
        time.sleep(0.3 + 0.05 * (number % 7))
        server.kill()
        stop.set()
        for writer in writers:
            writer.join()
        server.end()
    store = Store(f"sqlite:///{folder / 'a.db'}")
    with store.engine.connect() as connection:
        rows = {row[0] for row in connection.exec_driver_sql("SELECT card FROM feedback")}
        assert connection.exec_driver_sql("PRAGMA integrity_check").scalar() == "ok"
    store.close()
    assert set(acknowledged) <= rows, f"{len(set(acknowledged) - rows)} lost"
    return len(acknowledged)
