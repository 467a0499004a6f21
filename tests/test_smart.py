"""SMART on FHIR: launches from a record and from here, with PKCE, against a strict server; and what is refused."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

create_app = pytest.importorskip("her2path.serve.app").create_app

import httpx  # noqa: E402
from starlette.testclient import TestClient  # noqa: E402

from her2path.findings.settings import Settings  # noqa: E402
from her2path.serve.configuration import read_configuration  # noqa: E402
from her2path.serve.loaded import Loaded  # noqa: E402
from her2path.serve.smart.sessions import Kept  # noqa: E402
from her2path.tables.load import default_knowledge  # noqa: E402
from hooks_makers import on, resources_of  # noqa: E402
from served import WRONG_CLAIMS, WRONG_GRANTS, SmartServer, in_thread  # noqa: E402

BASE = "http://127.0.0.1:8321"
PATIENT = "adjuvant-hold"


@pytest.fixture(scope="module")
def record() -> Iterator[SmartServer]:
    server = SmartServer(list(resources_of(PATIENT, "2026-01-05")), PATIENT)
    with in_thread(server.app) as origin:
        server.origin, server.base = origin, f"{origin}/fhir"
        yield server


@pytest.fixture
def client(record: SmartServer, tmp_path: Path) -> Iterator[TestClient]:
    record.mode, record.wrong, record.secret = "", "", ""
    yield from serving(record, tmp_path)


def serving(record: SmartServer, folder: Path, more: str = "", loaded: Any = None) -> Iterator[TestClient]:
    path = folder / "serve.toml"
    path.write_text(
        f'[advice]\ndatabase = "sqlite:///{folder / "a.db"}"\n[fhir]\nseconds = 2.0\n'
        f'[[smart]]\nissuer = "{record.base}"\nclient_id = "her2path"\nprivate = ["127.0.0.1"]\n{more}',
        encoding="utf-8",
    )
    with TestClient(create_app(read_configuration(path, {}), loaded, day=on("2026-01-19")), base_url=BASE, follow_redirects=False) as made:
        yield made


def consent(client: TestClient, record: SmartServer, launch: str | None = "the-launch") -> httpx.Response:
    """Launch, consent at the record system, and come back; gives the answer to the way back."""
    begun = client.get("/smart/launch", params={"iss": record.base, **({"launch": launch} if launch else {})})
    assert begun.status_code == 303, begun.text
    back = httpx.get(begun.headers["location"], follow_redirects=False)
    assert back.status_code == 307, back.text
    return client.get(back.headers["location"].removeprefix(BASE))


@pytest.mark.parametrize("launch", ["the-launch", None])
def test_a_launch_opens_the_patient_with_every_reason(client: TestClient, record: SmartServer, launch: str | None) -> None:
    back = consent(client, record, launch)
    assert back.headers["location"] == f"{BASE}/smart/patient"
    cookie = back.headers.get_list("set-cookie")[-1]
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    page = client.get("/smart/patient")
    assert "HOLD trastuzumab: withhold (LVEF 48 %" in page.text
    assert "cardiac_action row 4" in page.text
    assert "script" not in page.text
    assert record.token not in page.text
    store = client.app.state.store  # type: ignore[attr-defined]
    asked = store.answers()[-1]
    assert (asked["service"], asked["patient"], asked["who"]) == ("smart", PATIENT, "Practitioner/d1")


def test_a_launch_shows_the_page_of_the_patient_where_there_are_pages(record: SmartServer, tmp_path: Path) -> None:
    """The template of the pages, with no address that would name her, and a way to end the session."""
    day = on("2026-01-19")
    record.mode, record.wrong, record.secret = "", "", ""
    for client in serving(record, tmp_path, loaded=Loaded(default_knowledge(), Settings(day), day=day)):
        consent(client, record)
        page = client.get("/smart/patient")
        assert page.status_code == 200
        assert '<p class="big">' in page.text
        assert "HOLD" in page.text
        assert "From biopsy to washout" in page.text
        assert "cardiac_action" in page.text
        assert f"id={PATIENT}" not in page.text
        assert '<nav class="nav" aria-label="Main"></nav>' in page.text  # pages of others are not hers
        assert record.token not in page.text
        assert client.app.state.store.answers()[-1]["service"] == "smart"  # type: ignore[attr-defined]
        assert client.post("/smart/end", headers={"origin": BASE}).status_code == 200
        assert client.get("/smart/patient").status_code == 401


def test_a_secret_goes_in_the_header(record: SmartServer, tmp_path: Path) -> None:
    record.mode, record.wrong, record.secret = "", "", "a-secret"
    for client in serving(record, tmp_path, 'client_secret = "a-secret"\n'):
        assert consent(client, record).status_code == 303


def test_the_session_ends_when_it_is_ended(client: TestClient, record: SmartServer) -> None:
    consent(client, record)
    assert client.get("/smart/patient").status_code == 200
    assert client.post("/smart/end", headers={"origin": "https://evil.example"}).status_code == 403
    assert client.get("/smart/patient").status_code == 200
    assert client.post("/smart/end", headers={"origin": BASE}).status_code == 200
    assert client.get("/smart/patient").status_code == 401


def test_without_a_session_nothing_is_shown(client: TestClient) -> None:
    assert client.get("/smart/patient").status_code == 401
    assert client.get("/smart/patient", headers={"cookie": "her2path-session=guessed"}).status_code == 401


def test_a_launch_is_of_its_browser_and_goes_once(client: TestClient, record: SmartServer) -> None:
    begun = client.get("/smart/launch", params={"iss": record.base, "launch": "the-launch"})
    back = httpx.get(begun.headers["location"], follow_redirects=False).headers["location"].removeprefix(BASE)
    cookies = dict(client.cookies)
    client.cookies.clear()
    assert "in another browser" in client.get(back).text
    assert cookies
    client.cookies.update(cookies)
    assert "not known" in client.get(back).text  # it was tried, and is spent


def test_what_the_record_system_is_asked(client: TestClient, record: SmartServer) -> None:
    begun = client.get("/smart/launch", params={"iss": record.base, "launch": "the-launch"})
    query = {name: values[0] for name, values in parse_qs(urlsplit(begun.headers["location"]).query).items()}
    assert query["scope"] == "launch openid fhirUser patient/*.rs"
    assert query["redirect_uri"] == f"{BASE}/smart/callback"
    assert len(query["state"]) > 40
    assert len(query["code_challenge"]) == 43
    again = client.get("/smart/launch", params={"iss": record.base, "launch": "the-launch"})
    other = {name: values[0] for name, values in parse_qs(urlsplit(again.headers["location"]).query).items()}
    assert not {query[name] for name in ("state", "nonce", "code_challenge")} & set(other.values())


@pytest.mark.parametrize("issuer", ["https://evil.example/fhir", "http://169.254.169.254/", "", "file:///etc/passwd"])
def test_another_server_is_not_launched(client: TestClient, issuer: str) -> None:
    assert client.get("/smart/launch", params={"iss": issuer, "launch": "x"}).status_code == 403


@pytest.mark.parametrize("wrong", ["no PKCE", "token elsewhere"])
def test_a_record_system_that_is_not_safe_is_not_launched(client: TestClient, record: SmartServer, wrong: str) -> None:
    record.wrong = wrong
    answer = client.get("/smart/launch", params={"iss": record.base, "launch": "the-launch"})
    assert answer.status_code == 502
    assert "location" not in answer.headers


@pytest.mark.parametrize("wrong", ["another key", *WRONG_CLAIMS, *WRONG_GRANTS])
def test_a_grant_that_does_not_hold_opens_nothing(client: TestClient, record: SmartServer, wrong: str) -> None:
    record.wrong = wrong
    back = consent(client, record)
    assert back.status_code in (400, 502)
    assert "Not opened" in back.text
    assert client.get("/smart/patient").status_code == 401


@pytest.mark.parametrize("query", ["", "?error=access_denied", "?code=x", "?code=x&state=guessed", "?state=x"])
def test_a_way_back_that_nobody_sent_is_refused(client: TestClient, query: str) -> None:
    assert client.get(f"/smart/callback{query}").status_code == 400


@pytest.mark.parametrize("mode", ["slow", "401", "403", "429", "500", "html", "endless"])
def test_a_record_that_cannot_be_read_is_told(client: TestClient, record: SmartServer, mode: str) -> None:
    consent(client, record)
    record.mode = mode
    page = client.get("/smart/patient")
    assert page.status_code == 502
    assert "needed, and not to be had: patient (" in page.text
    assert record.token not in page.text


def test_what_is_kept_for_browsers_is_bounded_in_time_and_number() -> None:
    now = [0.0]
    kept: Kept[Any] = Kept(10.0, 2, lambda: now[0])
    first, second, third = kept.add("a"), kept.add("b", 5.0), kept.add("c", 100.0)
    assert [kept.get(name) for name in (first, second, third)] == [None, "b", "c"]
    now[0] = 6.0
    assert [kept.get(second), kept.get(third)] == [None, "c"]
    assert kept.take(third) == "c"
    assert kept.get(third) is None


def test_cookies_are_for_https_alone_where_that_is_our_address(record: SmartServer, tmp_path: Path) -> None:
    record.mode, record.wrong, record.secret = "", "", ""
    path = tmp_path / "serve.toml"
    path.write_text(
        f'[server]\npublic_url = "https://h.example.org"\n[advice]\ndatabase = "sqlite:///{tmp_path / "a.db"}"\n'
        f'[[smart]]\nissuer = "{record.base}"\nclient_id = "her2path"\nprivate = ["127.0.0.1"]\n',
        encoding="utf-8",
    )
    with TestClient(create_app(read_configuration(path, {})), base_url="https://h.example.org", follow_redirects=False) as client:
        begun = client.get("/smart/launch", params={"iss": record.base, "launch": "the-launch"})
        assert "Secure" in begun.headers["set-cookie"]
