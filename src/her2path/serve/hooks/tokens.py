"""Who calls: the JWT that a client signs for every call, verified by the keys that its configuration names."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Collection, Mapping
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from ...facts.problem import AskedWrongly
from ..configuration import Client
from ..network import Asker, Bounds, Unreachable
from .messages import Refused

KEYS = Bounds(200_000, 3.0)
KEPT_SECONDS, AGAIN_SECONDS = 600.0, 30.0
"""Keys are asked for anew after the first; for a key that is not among them, not more often than the second."""
SHORTEST_RSA = 2048
MOST_TOKEN, MOST_JTI = 8_000, 200
Spend = Callable[[str, str, float], Awaitable[bool]]
"""Notes that a token of an issuer was used, until it ends (seconds since 1970); False where it was used before."""


def _refused(reason: str) -> Refused:
    return Refused(401, "login", f"the JWT is refused: {reason}")


class Verifier:
    """Verifies the JWTs of all clients."""

    def __init__(
        self, clients: Collection[Client], asker: Asker, spend: Spend, clock: Callable[[], float] = time.time
    ) -> None:
        self.clients = {client.issuer: client for client in clients}
        self.asker, self.spend, self.clock = asker, spend, clock
        self._keys: dict[str, tuple[float, dict[str, jwt.PyJWK]]] = {}
        self._gate = asyncio.Lock()
        for client in clients:
            if client.keys_file:
                self._keys[_file(client)] = (float("inf"), _keys_of_file(Path(client.keys_file)))

    async def verify(self, authorization: str, audiences: Collection[str]) -> Client:
        """The client that signed a call to one of these addresses. Raises `Refused` with the reason."""
        scheme, _, token = authorization.partition(" ")
        token = token.strip()
        if scheme.lower() != "bearer" or not token:
            raise _refused("there is none")
        if len(token) > MOST_TOKEN:
            raise _refused("too long")
        try:
            header = jwt.get_unverified_header(token)
            issuer = jwt.decode(token, options={"verify_signature": False}).get("iss")
        except (jwt.PyJWTError, ValueError, RecursionError) as error:
            raise _refused("no JWT") from error
        client = self.clients.get(issuer) if isinstance(issuer, str) else None
        if client is None:
            raise _refused("its issuer is not known")
        algorithm = header.get("alg")
        if algorithm not in client.algorithms:
            raise _refused("its algorithm is not allowed")
        key = await self._key(client, header)
        if isinstance(key.key, RSAPublicKey) and key.key.key_size < SHORTEST_RSA:
            raise _refused("its key is too short")
        try:
            claims = jwt.decode(
                token, key.key, algorithms=[str(algorithm)], audience=list(audiences), issuer=client.issuer,
                leeway=client.leeway_seconds,
                options={"require": ["aud", "exp", "iat", "iss", "jti"], "verify_iat": True},
            )  # fmt: skip
        except (jwt.PyJWTError, TypeError, ValueError) as error:
            raise _refused(_WORDS.get(type(error).__name__, "its signature or a claim does not hold")) from error
        await self._lives_once(client, claims)
        return client

    async def _lives_once(self, client: Client, claims: Mapping[str, Any]) -> None:
        issued, ends, name = claims["iat"], claims["exp"], claims["jti"]
        if not isinstance(issued, int | float) or not isinstance(ends, int | float):
            raise _refused("its times are no numbers")
        if ends - issued > client.lifetime_seconds or ends <= issued:
            raise _refused("it lives too long")
        if not isinstance(name, str) or not 0 < len(name) <= MOST_JTI:
            raise _refused("its jti is no short text")
        if not await self.spend(client.issuer, name, float(ends) + client.leeway_seconds):
            raise _refused("it was used before")

    async def _key(self, client: Client, header: Mapping[str, Any]) -> jwt.PyJWK:
        kid, place = header.get("kid"), self._place(client, header)
        if not isinstance(kid, str):
            raise _refused("it names no key")
        until, keys = self._keys.get(place, (0.0, {}))
        now = self.clock()
        asked_long_ago = until - KEPT_SECONDS + AGAIN_SECONDS < now
        if not client.keys_file and (until < now or (kid not in keys and asked_long_ago)):
            keys = await self._asked(client, place, keys)
        if kid not in keys:
            raise _refused("its key is not known")
        return keys[kid]

    def _place(self, client: Client, header: Mapping[str, Any]) -> str:
        """Where the keys are: the address in the token only where it is one of those allowed."""
        said = header.get("jku")
        if client.keys_file:
            return _file(client)
        if said is None and len(client.jku) == 1:
            return client.jku[0]
        if said not in client.jku:
            raise _refused("its jku is not allowed")
        return str(said)

    async def _asked(self, client: Client, place: str, known: dict[str, jwt.PyJWK]) -> dict[str, jwt.PyJWK]:
        """The keys of an address; those known before while it does not answer."""
        async with self._gate:
            until, keys = self._keys.get(place, (0.0, {}))
            if until - KEPT_SECONDS + AGAIN_SECONDS > self.clock():
                return keys  # another call has asked meanwhile
            try:
                status, _, body = await self.asker.get(place, {"Accept": "application/json"}, KEYS, client.private)
                found = keys_of(body) if status == 200 else None
            except (Unreachable, ValueError):
                found = None
            kept = known if found is None else found
            self._keys[place] = (self.clock() + KEPT_SECONDS, kept)
            return kept


_WORDS = {
    "ExpiredSignatureError": "it has expired",
    "ImmatureSignatureError": "it is of the future",
    "InvalidAudienceError": "it is for another address",
    "MissingRequiredClaimError": "a claim is missing",
    "InvalidSignatureError": "its signature does not hold",
}


def _file(client: Client) -> str:
    return f"file:{client.keys_file}"


def keys_of(content: bytes) -> dict[str, jwt.PyJWK]:
    """The public keys of a JWK set by their ids; those that are not asymmetric, or have no id, are left out.

    Raises `ValueError` where it is none.
    """
    listed = json.loads(content)
    if not isinstance(listed, dict) or not isinstance(listed.get("keys"), list):
        raise ValueError("no JWK set")
    keys: dict[str, jwt.PyJWK] = {}
    for each in listed["keys"][:100]:
        kid = each.get("kid") if isinstance(each, dict) else None
        if not isinstance(kid, str) or each.get("kty") not in ("EC", "RSA") or "d" in each:
            continue
        try:
            keys[kid] = jwt.PyJWK.from_dict(each)
        except (jwt.PyJWTError, ValueError, TypeError, KeyError):
            continue
    return keys


def _keys_of_file(path: Path) -> dict[str, jwt.PyJWK]:
    try:
        keys = keys_of(path.read_bytes())
    except (OSError, ValueError) as error:
        raise AskedWrongly(f"{path} is no JWK set: {error}") from error
    if not keys:
        raise AskedWrongly(f"{path} holds no public key of EC or RSA with a kid")
    return keys
