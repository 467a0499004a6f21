"""The launch: authorization code with PKCE (S256), the state bound to the browser, the id_token verified.

All requests of ours go by the checked addresses of `network.py`; so the two steps are written here, and keys and
signatures are PyJWT's.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import secrets
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

import jwt

from ..configuration import ALGORITHMS, Smart
from ..hooks.messages import PATIENT_ID
from ..hooks.tokens import keys_of
from ..network import Asker, Bounds, Unreachable
from .sessions import Kept

BOUNDS = Bounds(500_000, 5.0)
PENDING_SECONDS, MOST_PENDING = 600.0, 1_000
SESSION_SECONDS, MOST_SESSIONS = 3_600.0, 1_000
KEPT_SECONDS = 600.0
LEEWAY_SECONDS = 60
MOST_TOKEN = 8_000
_PATIENT = re.compile(PATIENT_ID)


class LaunchRefused(Exception):
    """A launch that is not gone through with; the words quote nothing of an answer."""

    def __init__(self, words: str, status: int = 400) -> None:
        super().__init__(words)
        self.words, self.status = words, status


@dataclass(frozen=True, slots=True)
class Pending:
    """A launch that waits for the user's consent."""

    smart: Smart
    verifier: str
    nonce: str
    browser: str


@dataclass(frozen=True, slots=True)
class Session:
    """A patient whose record a user opened: the server, the header for it, her id, and who the user is."""

    smart: Smart
    authorization: str
    patient: str
    who: str


class Launcher:
    """Begins and ends launches. `redirect` is our own address to which the record system sends the user back."""

    def __init__(
        self, servers: Collection[Smart], redirect: str, asker: Asker, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.servers = {each.issuer.rstrip("/"): each for each in servers}
        self.redirect, self.asker, self.clock = redirect, asker, clock
        self.pending: Kept[Pending] = Kept(PENDING_SECONDS, MOST_PENDING, clock)
        self.sessions: Kept[Session] = Kept(SESSION_SECONDS, MOST_SESSIONS, clock)
        self._told: dict[str, tuple[float, dict[str, Any]]] = {}

    async def begin(self, issuer: str, launch: str | None) -> tuple[str, str]:
        """The address at which the user consents, and the secret of her browser, for a cookie.

        `launch` is what the record system gave; without it the user chooses the patient there. Raises `LaunchRefused`.
        """
        smart = self.servers.get(issuer.rstrip("/"))
        if smart is None:
            raise LaunchRefused("this FHIR server is not among those of the configuration ([[smart]])", 403)
        if launch is not None and len(launch) > 2_000:
            raise LaunchRefused("launch is too long")
        told = await self._configuration(smart)
        browser, verifier, nonce = (secrets.token_urlsafe(48) for _ in range(3))
        state = self.pending.add(Pending(smart, verifier, nonce, hashlib.sha256(browser.encode()).hexdigest()))
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        query = {
            "response_type": "code", "client_id": smart.client_id, "redirect_uri": self.redirect,
            "scope": f"{'launch' if launch is not None else 'launch/patient'} {smart.scope}",
            "state": state, "aud": smart.issuer, "nonce": nonce,
            "code_challenge": challenge, "code_challenge_method": "S256",
            **({"launch": launch} if launch is not None else {}),
        }  # fmt: skip
        address = str(told["authorization_endpoint"])
        return f"{address}{'&' if '?' in address else '?'}{urlencode(query)}", browser

    async def finish(self, state: str, code: str, browser: str) -> str:
        """The name of a session, for a cookie, made of what the record system sent the user back with.

        Raises `LaunchRefused`.
        """
        pending = self.pending.take(state)
        if pending is None:
            raise LaunchRefused("this launch is not known, or too old: open it again from the record")
        if not secrets.compare_digest(pending.browser, hashlib.sha256(browser.encode()).hexdigest()):
            raise LaunchRefused("this launch was begun in another browser")
        smart = pending.smart
        told = await self._configuration(smart)
        granted = await self._granted(smart, str(told["token_endpoint"]), code, pending.verifier)
        token, patient = granted.get("access_token"), granted.get("patient")
        if not isinstance(token, str) or not 0 < len(token) <= MOST_TOKEN or not token.isascii() or " " in token:
            raise LaunchRefused("the record system gave no token", 502)
        if str(granted.get("token_type", "")).lower() != "bearer":
            raise LaunchRefused("the token is no bearer", 502)
        if not isinstance(patient, str) or not _PATIENT.fullmatch(patient):
            raise LaunchRefused("the record system named no patient")
        who = await self._who(smart, told, granted.get("id_token"), pending.nonce)
        lives = granted.get("expires_in")
        seconds = float(lives) if isinstance(lives, int | float) and lives > 0 else SESSION_SECONDS
        return self.sessions.add(Session(smart, f"Bearer {token}", patient, who), seconds)

    async def _configuration(self, smart: Smart) -> dict[str, Any]:
        """What the server says of its endpoints; asked anew every ten minutes."""
        until, told = self._told.get(smart.issuer, (0.0, {}))
        if until > self.clock():
            return told
        address = f"{smart.issuer.rstrip('/')}/.well-known/smart-configuration"
        told = await self._json("GET", smart, address)
        for name in ("authorization_endpoint", "token_endpoint"):
            parts = urlsplit(str(told.get(name, "")))
            if not parts.hostname or (parts.scheme != "https" and parts.hostname not in smart.private):
                raise LaunchRefused(f"the record system's {name} is no https address", 502)
        if "S256" not in (told.get("code_challenge_methods_supported") or ()):
            raise LaunchRefused("the record system does not offer PKCE with S256", 502)
        self._told[smart.issuer] = (self.clock() + KEPT_SECONDS, told)
        return told

    async def _granted(self, smart: Smart, address: str, code: str, verifier: str) -> dict[str, Any]:
        form = {
            "grant_type": "authorization_code", "code": code, "redirect_uri": self.redirect, "code_verifier": verifier,
        }  # fmt: skip
        headers: dict[str, str] = {}
        if smart.client_secret:
            pair = f"{smart.client_id}:{smart.client_secret}".encode()
            headers["Authorization"] = f"Basic {base64.b64encode(pair).decode()}"
        else:
            form["client_id"] = smart.client_id
        return await self._json("POST", smart, address, headers, form)

    async def _who(self, smart: Smart, told: Mapping[str, Any], token: Any, nonce: str) -> str:
        """Who the user is, by the id_token; "" where there is none. Raises `LaunchRefused` where it does not hold."""
        if token is None:
            return ""
        try:
            header = jwt.get_unverified_header(token)
            status, _, body = await self.asker.get(str(told.get("jwks_uri")), {}, BOUNDS, smart.private)
            key = keys_of(body)[header["kid"]] if status == 200 else None
            if key is None or header["alg"] not in ALGORITHMS:
                raise LaunchRefused("the id_token does not hold", 502)
            claims = jwt.decode(
                token, key.key, algorithms=[header["alg"]], audience=smart.client_id,
                issuer=[str(told.get("issuer") or smart.issuer), smart.issuer], leeway=LEEWAY_SECONDS,
                options={"require": ["aud", "exp", "iss"]},
            )  # fmt: skip
        except (jwt.PyJWTError, Unreachable, KeyError, TypeError, ValueError) as error:
            raise LaunchRefused("the id_token does not hold", 502) from error
        if not secrets.compare_digest(str(claims.get("nonce", "")), nonce):
            raise LaunchRefused("the id_token is of another launch", 502)
        return str(claims.get("fhirUser") or claims.get("sub") or "")[:300]

    async def _json(
        self, method: str, smart: Smart, address: str, headers: Mapping[str, str] | None = None,
        form: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:  # fmt: skip
        asked = {"Accept": "application/json", **(headers or {})}
        try:
            if method == "POST":
                status, _, body = await self.asker.post(address, asked, form or {}, BOUNDS, smart.private)
            else:
                status, _, body = await self.asker.get(address, asked, BOUNDS, smart.private)
            content = json.loads(body) if status == 200 else None
        except (Unreachable, ValueError, RecursionError) as error:
            raise LaunchRefused("the record system does not answer as it should", 502) from error
        if not isinstance(content, dict):
            raise LaunchRefused(f"the record system refused ({status})", 502)
        return content
