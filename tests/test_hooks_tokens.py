"""The JWT of a client: what holds is let in once, all else is refused and says why."""

from __future__ import annotations

import base64
import hmac
import json
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("starlette")

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient

from her2path.facts.problem import AskedWrongly
from her2path.serve.app import create_app
from her2path.serve.configuration import read_configuration
from hooks_makers import on, ordered, prefetch_of, request, resources_of
from served import in_thread

ISSUER, BASE = "https://ehr.example.org", "https://her2path.example.org"
PATH = "/cds-services/her2path-order-sign"
EC_KEY = ec.generate_private_key(ec.SECP384R1())
OTHER_KEY = ec.generate_private_key(ec.SECP384R1())
RSA_KEY = rsa.generate_private_key(65537, 2048)
SHORT_KEY = rsa.generate_private_key(65537, 1024)


def jwk(key: Any, kid: str, algorithm: str) -> dict[str, Any]:
    kind = jwt.algorithms.ECAlgorithm if algorithm.startswith("ES") else jwt.algorithms.RSAAlgorithm
    return {**json.loads(kind.to_jwk(key.public_key())), "kid": kid, "alg": algorithm, "use": "sig"}


KEYS = {"keys": [jwk(EC_KEY, "ec", "ES384"), jwk(RSA_KEY, "rsa", "RS384"), jwk(SHORT_KEY, "short", "RS384")]}


def token(key: Any = EC_KEY, algorithm: str = "ES384", kid: str | None = "ec", headers: Any = None, **claims: Any) -> str:
    """A JWT that holds, but for what is said otherwise; a claim of `None` is left out."""
    now = int(time.time())
    said = {"iss": ISSUER, "aud": BASE + PATH, "iat": now, "exp": now + 300, "jti": uuid.uuid4().hex, **claims}
    head = {**({"kid": kid} if kid is not None else {}), **(headers or {})}
    return jwt.encode({name: each for name, each in said.items() if each is not None}, key, algorithm, headers=head)


class KeyServer:
    """Where the keys are; it counts how often it is asked, and may be down."""

    def __init__(self) -> None:
        self.asked, self.status, self.keys = 0, 200, KEYS
        self.app = Starlette(routes=[Route("/jwks.json", self.answer)])

    async def answer(self, _: Request) -> Response:
        self.asked += 1
        return JSONResponse(self.keys, self.status)


@pytest.fixture(scope="module")
def keys() -> Iterator[KeyServer]:
    server = KeyServer()
    with in_thread(server.app) as base:
        server.base = f"{base}/jwks.json"  # type: ignore[attr-defined]
        yield server


CLIENT = """
[advice]
database = "sqlite:///{database}"
[server]
public_url = "{base}"
[[client]]
issuer = "{issuer}"
{keys}
private = ["127.0.0.1"]
fhir_servers = ["https://ehr.example.org/fhir"]
"""


@pytest.fixture(scope="module")
def client(keys: KeyServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    folder = tmp_path_factory.mktemp("tokens")
    path = folder / "serve.toml"
    said = CLIENT.format(
        database=folder / "a.db", base=BASE, issuer=ISSUER, keys=f'jku = ["{keys.base}"]'  # type: ignore[attr-defined]
    )
    path.write_text(said, encoding="utf-8")
    app = create_app(read_configuration(path, {}), day=on("2026-01-19"))
    with TestClient(app, base_url=BASE) as made:
        yield made


ASKED = request("order-sign", "adjuvant-hold", prefetch_of(resources_of("adjuvant-hold", "2026-01-05")), ordered("trastuzumab", 420))


def post(client: TestClient, bearer: str | None, path: str = PATH, asked: Any = ASKED) -> Any:
    headers = {} if bearer is None else {"Authorization": f"Bearer {bearer}"}
    return client.post(path, json=asked, headers=headers)


@pytest.mark.parametrize(("key", "algorithm", "kid"), [(EC_KEY, "ES384", "ec"), (RSA_KEY, "RS384", "rsa")])
def test_a_token_that_holds_is_let_in_once(client: TestClient, key: Any, algorithm: str, kid: str) -> None:
    held = token(key, algorithm, kid)
    assert post(client, held).json()["cards"]
    again = post(client, held)
    assert again.status_code == 401
    assert "it was used before" in again.text


def test_feedback_is_signed_too(client: TestClient) -> None:
    item = {"card": "c1", "outcome": "overridden", "outcomeTimestamp": "2026-01-19T10:00:00Z"}
    feedback = {"feedback": [item]}
    assert post(client, None, f"{PATH}/feedback", feedback).status_code == 401
    assert post(client, token(aud=f"{BASE}{PATH}/feedback"), f"{PATH}/feedback", feedback).status_code == 200


def _none() -> str:
    parts = token().split(".")
    head = base64.urlsafe_b64encode(json.dumps({"alg": "none", "kid": "ec"}).encode()).rstrip(b"=").decode()
    return f"{head}.{parts[1]}."


def _confused() -> str:
    """Signed by the public key as if it were a shared secret."""
    public = RSA_KEY.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    head = base64.urlsafe_b64encode(json.dumps({"alg": "HS384", "kid": "rsa"}).encode()).rstrip(b"=").decode()
    signed = f"{head}.{token().split('.')[1]}"
    signature = hmac.digest(public, signed.encode(), "sha384")
    return f"{signed}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"


NOW = int(time.time())
ATTACKS = {
    "none": (lambda: None, "there is none"),
    "no JWT": (lambda: "x.y.z", "no JWT"),
    "alg none": (_none, "algorithm is not allowed"),
    "public key as secret": (_confused, "algorithm is not allowed"),
    "another key": (lambda: token(OTHER_KEY), "signature does not hold"),
    "key of another kind": (lambda: token(RSA_KEY, "RS384", "ec"), "does not hold"),
    "short key": (lambda: token(SHORT_KEY, "RS384", "short"), "key is too short"),
    "unknown key": (lambda: token(kid="new"), "key is not known"),
    "no kid": (lambda: token(kid=None), "names no key"),
    "unknown issuer": (lambda: token(iss="https://evil.example"), "issuer is not known"),
    "no issuer": (lambda: token(iss=None), "issuer is not known"),
    "another address": (lambda: token(aud="https://other.example.org" + PATH), "for another address"),
    "the base alone": (lambda: token(aud=BASE), "for another address"),
    "no audience": (lambda: token(aud=None), "claim is missing"),
    "expired": (lambda: token(iat=NOW - 1000, exp=NOW - 700), "has expired"),
    "of the future": (lambda: token(iat=int(time.time()) + 300, exp=int(time.time()) + 600), "of the future"),
    "not yet": (lambda: token(nbf=int(time.time()) + 300), "of the future"),
    "ten years": (lambda: token(exp=int(time.time()) + 10 * 365 * 86400), "lives too long"),
    "no end": (lambda: token(exp=None), "claim is missing"),
    "no beginning": (lambda: token(iat=None), "claim is missing"),
    "no jti": (lambda: token(jti=None), "claim is missing"),
    "long jti": (lambda: token(jti="x" * 500), "jti"),
    "jti of a number": (lambda: token(jti=7), ""),
    "times of text": (lambda: token(iat="now"), ""),
    "foreign jku": (lambda: token(headers={"jku": "https://evil.example/jwks.json"}), "jku is not allowed"),
    "inner jku": (lambda: token(headers={"jku": "http://169.254.169.254/latest"}), "jku is not allowed"),
    "key in the header": (lambda: token(OTHER_KEY, headers={"jwk": jwk(OTHER_KEY, "ec", "ES384")}), "signature"),
    "long": (lambda: token(more="x" * 9000), "too long"),
}


@pytest.mark.parametrize("name", ATTACKS)
def test_an_attack_is_refused(client: TestClient, name: str) -> None:
    make, words = ATTACKS[name]
    answer = post(client, make())
    assert answer.status_code == 401, name
    assert answer.headers["www-authenticate"] == "Bearer"
    assert words in answer.json()["issue"][0]["diagnostics"]


def test_a_clock_may_be_off_by_less_than_a_minute(client: TestClient) -> None:
    now = int(time.time())
    assert post(client, token(iat=now + 40, exp=now + 300)).status_code == 200
    assert post(client, token(iat=now - 300, exp=now - 40)).status_code == 200


def test_unknown_keys_do_not_make_it_ask_again_and_again(client: TestClient, keys: KeyServer) -> None:
    post(client, token())
    before = keys.asked
    for _ in range(10):
        assert post(client, token(kid=uuid.uuid4().hex)).status_code == 401
    assert keys.asked <= before + 1


def test_a_foreign_fhir_server_is_refused_for_this_client(client: TestClient) -> None:
    asked = {name: value for name, value in ASKED.items() if name != "prefetch"}
    answer = post(client, token(), asked={**asked, "fhirServer": "https://other.example.org/fhir"})
    assert answer.status_code == 403


def test_pages_stay_closed_where_only_clients_are_known(client: TestClient) -> None:
    """The server of these tests listens on this machine: the same beyond it is in test_serve.py."""
    assert client.get("/cds-services").status_code == 200


def test_keys_may_stand_in_a_file(tmp_path: Path) -> None:
    held = tmp_path / "keys.json"
    held.write_text(json.dumps(KEYS), encoding="utf-8")
    path = tmp_path / "serve.toml"
    path.write_text(CLIENT.format(database=tmp_path / "a.db", base=BASE, issuer=ISSUER, keys=f'keys_file = "{held}"'), encoding="utf-8")
    with TestClient(create_app(read_configuration(path, {}), day=on("2026-01-19")), base_url=BASE) as client:
        assert post(client, token()).status_code == 200
        assert post(client, token(OTHER_KEY)).status_code == 401
    held.write_text('{"keys": []}', encoding="utf-8")
    with pytest.raises(AskedWrongly, match="no public key"):
        create_app(read_configuration(path, {}))
