"""Asking other servers: only those allowed, never a private address by surprise, in bounded time and size.

A name is resolved once, every address of it is checked, and the connection goes to the address that was checked: a
name that resolves otherwise a moment later changes nothing. Redirects are not followed, proxies of the environment are
not used.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import urlsplit

import httpx

MOST_ADDRESSES = 4
"""So many addresses of a name are tried."""


class Unreachable(Exception):
    """What was asked for did not come; `outcome` is one word for the figures. The words quote no answer."""

    def __init__(self, outcome: str, words: str) -> None:
        super().__init__(words)
        self.outcome, self.words = outcome, words


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much an answer may be, and how long it may take: bytes, seconds."""

    most_bytes: int
    seconds: float


def is_public(address: str) -> bool:
    """Whether an address is one of the open internet."""
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return False
    mapped = getattr(parsed, "ipv4_mapped", None) or getattr(parsed, "sixtofour", None)
    if mapped is not None:
        parsed = mapped
    return parsed.is_global and not parsed.is_multicast


async def checked_addresses(host: str, port: int, private: Collection[str]) -> list[str]:
    """The addresses of a host; where one of them is private and the host is not in `private`, none at all.

    Raises `Unreachable`.
    """
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise Unreachable("no address", f"{host} has no address") from error
    addresses = list(dict.fromkeys(str(each[4][0]) for each in found))
    if host not in private and not all(map(is_public, addresses)):
        raise Unreachable("private address", f"{host} has a private address, and the configuration does not allow it")
    return addresses[:MOST_ADDRESSES]


class Asker:
    """Asks by GET, and sends forms by POST.

    `private` are hosts that may have a private address, and may be asked without TLS.
    """

    def __init__(self, private: Collection[str] = ()) -> None:
        self.private = frozenset(private)
        self._client = httpx.AsyncClient(
            follow_redirects=False, trust_env=False, limits=httpx.Limits(max_connections=50, keepalive_expiry=10)
        )

    async def close(self) -> None:
        await self._client.aclose()

    async def get(
        self, address: str, headers: Mapping[str, str], bounds: Bounds, private: Collection[str] = ()
    ) -> tuple[int, str, bytes]:
        """Status, kind of content and body of an answer. Raises `Unreachable`."""
        return await self._in_time(address, headers, bounds, private, None)

    async def post(
        self, address: str, headers: Mapping[str, str], form: Mapping[str, str], bounds: Bounds,
        private: Collection[str] = (),
    ) -> tuple[int, str, bytes]:  # fmt: skip
        """The same of a form that is sent."""
        return await self._in_time(address, headers, bounds, private, form)

    async def _in_time(
        self, address: str, headers: Mapping[str, str], bounds: Bounds, private: Collection[str],
        form: Mapping[str, str] | None,
    ) -> tuple[int, str, bytes]:  # fmt: skip
        try:
            async with asyncio.timeout(bounds.seconds):
                return await self._ask(address, headers, bounds, self.private | frozenset(private), form)
        except TimeoutError as error:
            raise Unreachable("too slow", f"no answer in {bounds.seconds:g} s") from error
        except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:
            raise Unreachable("no answer", f"no answer: {type(error).__name__}") from error

    async def _ask(
        self, address: str, headers: Mapping[str, str], bounds: Bounds, private: frozenset[str],
        form: Mapping[str, str] | None,
    ) -> tuple[int, str, bytes]:  # fmt: skip
        parts = urlsplit(address)
        host, scheme = parts.hostname or "", parts.scheme
        if scheme not in ("https", "http") or not host or parts.username is not None:
            raise Unreachable("not allowed", "no address of http or https")
        if scheme == "http" and host not in private:
            raise Unreachable("not allowed", f"{host} is asked by https alone")
        port = parts.port or (443 if scheme == "https" else 80)
        last: Exception | None = None
        for number in await checked_addresses(host, port, private):
            try:
                return await self._ask_at(address, number, headers, bounds, form)
            except httpx.ConnectError as error:
                last = error
        raise Unreachable("no answer", f"{host} does not answer") from last

    async def _ask_at(
        self, address: str, number: str, headers: Mapping[str, str], bounds: Bounds, form: Mapping[str, str] | None
    ) -> tuple[int, str, bytes]:
        url = httpx.URL(address)
        method, named = "GET" if form is None else "POST", {**headers, "Host": url.netloc.decode("ascii")}
        request = self._client.build_request(
            method, url.copy_with(host=number), headers=named,
            extensions={"sni_hostname": url.host}, timeout=bounds.seconds, data=form,
        )  # fmt: skip
        answer = await self._client.send(request, stream=True)
        try:
            body = bytearray()
            async for piece in answer.aiter_bytes():
                body += piece
                if len(body) > bounds.most_bytes:
                    raise Unreachable("too large", f"the answer is larger than {bounds.most_bytes} bytes")
            return answer.status_code, answer.headers.get("content-type", ""), bytes(body)
        finally:
            await answer.aclose()
