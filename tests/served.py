"""Real servers for tests: an application in a thread, the command in a process, and a strict FHIR server with faults."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from urllib.request import urlopen

import jwt
import uvicorn
from cryptography.hazmat.primitives.asymmetric import ec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Route

ROOT = Path(__file__).parent.parent


@contextmanager
def in_thread(app: Any, port: int = 0) -> Iterator[str]:
    """Serve an application in a thread; gives its address."""
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=port, log_level="error", lifespan="off"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = server.force_exit = True
        thread.join(5)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])


class Command:
    """`her2path serve` in a process of its own."""

    def __init__(self, folder: Path, configuration: str, *options: str, port: int = 0) -> None:
        self.port = port or free_port()
        self.base = f"http://127.0.0.1:{self.port}"
        path = folder / f"serve-{self.port}.toml"
        path.write_text(configuration, encoding="utf-8")
        self.told = ""  # what it said on standard output, once it has ended
        self.errors = (folder / f"serve-{self.port}.log").open("ab")
        self.log = Path(self.errors.name)
        command = [sys.executable, "-m", "her2path", "serve", "--configuration", str(path), "--port", str(self.port), *options]
        kept = {name: value for name, value in os.environ.items() if not name.startswith("HER2PATH_SERVE")}
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=self.errors, env=kept)
        self.wait()

    def wait(self) -> None:
        """Wait until it answers."""
        for _ in range(600):
            if self.process.poll() is not None:
                raise AssertionError(self.log.read_text())
            try:
                with urlopen(f"{self.base}/health", timeout=1):
                    return
            except OSError:
                time.sleep(0.05)
        raise AssertionError("it does not answer")

    def kill(self) -> None:
        """End it as a failing machine would."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def end(self) -> int:
        """Ask it to end; gives its exit code."""
        if self.process.poll() is None:
            self.process.terminate()
        code = self.process.wait(20)
        self.errors.close()
        if self.process.stdout is not None and not self.process.stdout.closed:
            self.told = self.process.stdout.read().decode()
            self.process.stdout.close()
        return code

    def lines(self) -> list[dict[str, Any]]:
        """What it logged."""
        return [json.loads(line) for line in self.log.read_text().splitlines() if line.startswith("{")]


class FhirServer:
    """A FHIR R4 server that knows few parameters, demands its token, and fails as it is told (`mode`)."""

    def __init__(self, resources: list[dict[str, Any]], token: str = "secret-token", page: int = 0) -> None:
        self.resources, self.token, self.page = resources, token, page
        self.mode = ""
        self.asked: list[str] = []
        self.base = ""
        self.app = Starlette(routes=[Route("/fhir/{kind}", self.search), Route("/fhir/{kind}/{id}", self.read)])

    async def _fault(self, request: Request) -> Response | None:
        self.asked.append(str(request.url))
        if self.mode == "slow":
            await asyncio.sleep(5)
        if self.mode.isdigit():
            return JSONResponse({"resourceType": "OperationOutcome", "issue": []}, int(self.mode))
        if self.mode == "html":
            return HTMLResponse("<h1>Sign in</h1>")
        if self.mode == "html as json":
            return Response("<h1>Sign in</h1>", media_type="application/fhir+json")
        if self.mode == "redirect":
            return RedirectResponse("http://127.0.0.1:9/elsewhere")
        if self.mode == "endless":
            return StreamingResponse(_endless(), media_type="application/fhir+json")
        if self.mode == "dripping":
            return StreamingResponse(_dripping(), media_type="application/fhir+json")
        if request.headers.get("authorization") != f"Bearer {self.token}":
            return JSONResponse({"resourceType": "OperationOutcome", "issue": []}, 401)
        return None

    async def read(self, request: Request) -> Response:
        if (fault := await self._fault(request)) is not None:
            return fault
        kind, identity = request.path_params["kind"], request.path_params["id"]
        found = [each for each in self.resources if (each["resourceType"], each["id"]) == (kind, identity)]
        return _fhir(found[0]) if found else _fhir({"resourceType": "OperationOutcome", "issue": []}, 404)

    async def search(self, request: Request) -> Response:
        if (fault := await self._fault(request)) is not None:
            return fault
        known = {"patient", "subject", "code", "category", "status", "start", "_include"}
        query = dict(request.query_params)
        if not set(query) <= known:
            return _fhir({"resourceType": "OperationOutcome", "issue": [{"severity": "error"}]}, 400)
        whose = f"Patient/{(query.get('patient') or query.get('subject', '')).removeprefix('Patient/')}"
        found = [
            each
            for each in self.resources
            if each["resourceType"] == request.path_params["kind"] and whose in json.dumps(each.get("subject", each.get("patient")))
        ]
        if "code" in query:
            codes = set(query["code"].split(","))
            found = [each for each in found if codes & {coding["code"] for coding in each["code"].get("coding", [])}]
        start = int(query.get("start", 0))
        shown = found[start : start + self.page] if self.page else found
        if query.get("_include", "").endswith(":medication"):
            named = {each.get("medicationReference", {}).get("reference") for each in shown}
            shown = [*shown, *(each for each in self.resources if f"{each['resourceType']}/{each['id']}" in named)]
        bundle: dict[str, Any] = {"resourceType": "Bundle", "type": "searchset", "entry": [{"resource": each} for each in shown]}
        if self.mode == "loop":
            bundle["link"] = [{"relation": "next", "url": str(request.url)}]
        elif self.mode == "elsewhere":
            bundle["link"] = [{"relation": "next", "url": "http://127.0.0.1:9/fhir/Observation?start=1"}]
        elif self.page and start + self.page < len(found):
            following = request.url.include_query_params(start=start + self.page)
            bundle["link"] = [{"relation": "next", "url": str(following)}]
        return _fhir(bundle)


def _fhir(content: Any, status: int = 200) -> Response:
    return Response(json.dumps(content), status, media_type="application/fhir+json")


async def _endless() -> AsyncIterator[bytes]:
    yield b'{"resourceType": "Bundle", "entry": ['
    for _ in range(400):  # far more than anybody should take; uvicorn does not tell that nobody listens
        yield b" " * 100_000
        await asyncio.sleep(0)


async def _dripping() -> AsyncIterator[bytes]:
    for _ in range(40):
        yield b" "
        await asyncio.sleep(0.2)


class SmartServer(FhirServer):
    """The same with SMART: authorization with PKCE, codes that hold once, tokens of one patient, signed id_tokens.

    `wrong` names what it does wrong: an id_token of another nonce, key or audience, no patient, no PKCE, ...
    """

    def __init__(self, resources: list[dict[str, Any]], patient: str) -> None:
        super().__init__(resources, secrets.token_urlsafe(20))
        self.patient, self.wrong, self.origin = patient, "", ""
        self.key, self.codes = ec.generate_private_key(ec.SECP384R1()), {}  # type: ignore[var-annotated]
        self.secret = ""
        self.app = Starlette(
            routes=[
                Route("/fhir/.well-known/smart-configuration", self.configuration),
                Route("/authorize", self.authorize),
                Route("/token", self.grant, methods=["POST"]),
                Route("/jwks", self.keys),
                *self.app.routes,
            ]
        )

    async def configuration(self, _: Request) -> Response:
        methods = ["plain"] if self.wrong == "no PKCE" else ["S256"]
        token = "http://169.254.169.254/token" if self.wrong == "token elsewhere" else f"{self.origin}/token"
        return JSONResponse({
            "issuer": self.origin, "jwks_uri": f"{self.origin}/jwks", "authorization_endpoint": f"{self.origin}/authorize",
            "token_endpoint": token, "code_challenge_methods_supported": methods, "capabilities": ["launch-ehr"],
        })  # fmt: skip

    async def authorize(self, request: Request) -> Response:
        query = request.query_params
        right = query["response_type"] == "code" and query["aud"] == self.base and query["code_challenge_method"] == "S256"
        scopes = query["scope"].split()
        launch = query.get("launch")
        right &= ("launch" in scopes and launch == "the-launch") if launch else "launch/patient" in scopes
        if not right:
            return JSONResponse({"error": "invalid_request"}, 400)
        code = secrets.token_urlsafe(16)
        self.codes[code] = dict(query)
        return RedirectResponse(f"{query['redirect_uri']}?{urlencode({'code': code, 'state': query['state']})}")

    async def grant(self, request: Request) -> Response:
        form = await request.form()
        asked = self.codes.pop(str(form.get("code")), None)
        verifier = str(form.get("code_verifier", ""))
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        basic = base64.b64encode(f"her2path:{self.secret}".encode()).decode()
        known = request.headers.get("authorization") == f"Basic {basic}" if self.secret else form.get("client_id") == "her2path"
        if asked is None or challenge != asked["code_challenge"] or form.get("redirect_uri") != asked["redirect_uri"] or not known:
            return JSONResponse({"error": "invalid_grant"}, 400)
        now = int(time.time())
        claims = {
            "iss": self.origin, "aud": "her2path", "sub": "u1", "fhirUser": "Practitioner/d1", "nonce": asked["nonce"],
            "iat": now, "exp": now + 300,
        } | WRONG_CLAIMS.get(self.wrong, {})  # fmt: skip
        key = ec.generate_private_key(ec.SECP384R1()) if self.wrong == "another key" else self.key
        granted = {
            "access_token": self.token, "token_type": "Bearer", "expires_in": 300, "patient": self.patient,
            "id_token": jwt.encode(claims, key, "ES384", headers={"kid": "k"}),
        } | WRONG_GRANTS.get(self.wrong, {})  # fmt: skip
        return JSONResponse({name: value for name, value in granted.items() if value is not None})

    async def keys(self, _: Request) -> Response:
        public = json.loads(jwt.algorithms.ECAlgorithm.to_jwk(self.key.public_key()))
        return JSONResponse({"keys": [{**public, "kid": "k", "alg": "ES384"}]})


WRONG_CLAIMS: dict[str, dict[str, Any]] = {
    "another nonce": {"nonce": "x"}, "another audience": {"aud": "other"}, "another issuer": {"iss": "https://evil.example"},
    "expired": {"exp": 1000},
}  # fmt: skip
WRONG_GRANTS: dict[str, dict[str, Any]] = {
    "no patient": {"patient": None}, "evil patient": {"patient": "../x"}, "no token": {"access_token": None},
    "a token with a line": {"access_token": "x\r\nEvil: y"}, "no bearer": {"token_type": "mac"}, "no JWT": {"id_token": "x.y.z"},
}  # fmt: skip
