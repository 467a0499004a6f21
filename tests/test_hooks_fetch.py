"""What prefetch lacks is asked from an allowed FHIR server; faults of it are refusals, and no other place is asked."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

pytest.importorskip("starlette")

from starlette.testclient import TestClient

from her2path.serve.app import create_app
from her2path.serve.configuration import read_configuration
from her2path.serve.network import Asker, Bounds, Unreachable, is_public
from hooks_makers import by_reference, on, ordered, prefetch_of, request, resources_of
from served import FhirServer, in_thread

RESOURCES = list(resources_of("adjuvant-hold", "2026-01-05"))
AUTHORIZATION = {"access_token": "secret-token", "token_type": "Bearer", "scope": "patient/*.rs"}


@pytest.fixture(scope="module")
def fhir() -> Iterator[FhirServer]:
    server = FhirServer(RESOURCES)
    with in_thread(server.app) as base:
        server.base = f"{base}/fhir"
        yield server


@pytest.fixture(scope="module")
def client(fhir: FhirServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    folder = tmp_path_factory.mktemp("fetch")
    path = folder / "serve.toml"
    path.write_text(
        f'[advice]\ndatabase = "sqlite:///{folder / "a.db"}"\n'
        f'[fhir]\nopen_servers = ["{fhir.base}"]\nprivate = ["127.0.0.1"]\nseconds = 2.0\ntotal_seconds = 4.0\n'
        "most_bytes = 1000000\n",
        encoding="utf-8",
    )
    app = create_app(read_configuration(path, {}), day=on("2026-01-19"))
    with TestClient(app, base_url="http://127.0.0.1:8321") as made:
        yield made


@pytest.fixture(autouse=True)
def plain(fhir: FhirServer) -> None:
    fhir.mode, fhir.page, fhir.token = "", 0, "secret-token"
    fhir.asked.clear()


def asked(fhir: FhirServer, prefetch: dict[str, Any] | None, **more: Any) -> dict[str, Any]:
    fields = {"fhirServer": fhir.base, "fhirAuthorization": AUTHORIZATION} | more
    return request("order-sign", "adjuvant-hold", prefetch, ordered("trastuzumab", 420), **fields)


def test_without_prefetch_all_is_asked_and_the_card_is_the_same(fhir: FhirServer, client: TestClient) -> None:
    whole = client.post("/cds-services/her2path-order-sign", json=asked(fhir, prefetch_of(tuple(RESOURCES)))).json()
    assert not fhir.asked
    fetched = client.post("/cds-services/her2path-order-sign", json=asked(fhir, None)).json()
    assert len(fhir.asked) == 15
    assert [card["summary"] for card in fetched["cards"]] == [card["summary"] for card in whole["cards"]]
    assert fetched["cards"][0]["summary"].startswith("HOLD trastuzumab")


def test_drugs_by_reference_are_asked_with_their_orders(fhir: FhirServer, client: TestClient) -> None:
    fhir.resources = list(by_reference(tuple(RESOURCES)))
    try:
        answer = client.post("/cds-services/her2path-order-sign", json=asked(fhir, None)).json()
    finally:
        fhir.resources = RESOURCES
    assert answer["cards"][0]["summary"].startswith("HOLD trastuzumab")


def test_only_what_lacks_is_asked(fhir: FhirServer, client: TestClient) -> None:
    prefetch = prefetch_of(tuple(RESOURCES))
    del prefetch["allergies"]
    assert client.post("/cds-services/her2path-order-sign", json=asked(fhir, prefetch)).json()["cards"]
    assert [address.rpartition("/")[2].partition("?")[0] for address in fhir.asked] == ["AllergyIntolerance"]


def test_pages_are_followed(fhir: FhirServer, client: TestClient) -> None:
    fhir.page = 5
    answer = client.post("/cds-services/her2path-order-sign", json=asked(fhir, None)).json()
    assert answer["cards"][0]["summary"].startswith("HOLD trastuzumab")
    assert any("start=5" in address for address in fhir.asked)


def test_the_pages_of_a_prefetch_are_followed(fhir: FhirServer, client: TestClient) -> None:
    prefetch = prefetch_of(tuple(RESOURCES))
    given = prefetch["given"]["entry"]
    prefetch["given"]["entry"] = given[:2]
    prefetch["given"]["link"] = [{"relation": "next", "url": f"{fhir.base}/MedicationAdministration?patient=adjuvant-hold&start=2"}]
    answer = client.post("/cds-services/her2path-order-sign", json=asked(fhir, prefetch)).json()
    assert answer["cards"][0]["summary"].startswith("HOLD trastuzumab")
    assert len(fhir.asked) == 1


@pytest.mark.parametrize("mode", [
    "slow", "401", "403", "429", "500", "html", "html as json", "redirect", "endless", "dripping", "loop", "elsewhere",
])  # fmt: skip
def test_a_server_that_fails_is_a_refusal_in_time(fhir: FhirServer, client: TestClient, mode: str) -> None:
    fhir.mode = mode
    answer = client.post("/cds-services/her2path-order-sign", json=asked(fhir, None))
    assert answer.status_code == 412
    assert answer.elapsed.total_seconds() < 6
    words = answer.json()["issue"][0]["diagnostics"]
    assert "heart (" in words
    assert "secret-token" not in words
    assert "Sign in" not in words
    if mode in ("loop", "elsewhere"):
        assert "page" in words


def test_a_server_that_is_down_is_a_refusal(client: TestClient, fhir: FhirServer) -> None:
    fhir.token = "another"
    assert client.post("/cds-services/her2path-order-sign", json=asked(fhir, None)).status_code == 412


@pytest.mark.parametrize("server", [
    "http://169.254.169.254/latest/meta-data", "http://127.0.0.1:22", "file:///etc/passwd", "https://evil.example/fhir",
    "http://localhost/fhir", "http://127.0.0.1@evil.example/fhir", "gopher://x", "//evil", "http://[::1]/fhir",
])  # fmt: skip
def test_no_other_server_is_asked(fhir: FhirServer, client: TestClient, server: str) -> None:
    answer = client.post("/cds-services/her2path-order-sign", json=asked(fhir, None, fhirServer=server))
    assert answer.status_code == 403
    assert server not in answer.text
    assert not fhir.asked


def test_a_server_that_is_not_needed_is_not_looked_at(fhir: FhirServer, client: TestClient) -> None:
    whole = asked(fhir, prefetch_of(tuple(RESOURCES)), fhirServer="https://evil.example/fhir")
    assert client.post("/cds-services/her2path-order-sign", json=whole).json()["cards"]


@pytest.mark.parametrize(("address", "public"), [
    ("8.8.8.8", True), ("2606:4700::1111", True), ("127.0.0.1", False), ("10.1.2.3", False), ("192.168.0.1", False),
    ("169.254.169.254", False), ("100.64.0.1", False), ("0.0.0.0", False), ("224.0.0.1", False), ("::1", False),
    ("fe80::1%eth0", False), ("fd00::1", False), ("::ffff:127.0.0.1", False), ("::ffff:10.0.0.1", False),
    ("2002:7f00:1::", False), ("nonsense", False),
])  # fmt: skip
def test_private_addresses_are_known_in_every_guise(address: str, public: bool) -> None:
    assert is_public(address) is public


def test_a_name_with_a_private_address_is_refused_after_it_was_resolved() -> None:
    async def ask() -> str:
        asker = Asker()
        with pytest.raises(Unreachable) as refused:
            await asker.get("https://localhost:1/keys", {}, Bounds(1000, 2))
        await asker.close()
        return refused.value.outcome

    assert asyncio.run(ask()) == "private address"
