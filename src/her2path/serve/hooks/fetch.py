"""What prefetch did not bring, asked from the record system's FHIR server: only an allowed one, page by page."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import quote, urljoin, urlsplit

from ..configuration import Client, Fhir
from ..network import Asker, Bounds, Unreachable
from .messages import HookRequest, Refused
from .prefetch import PATIENT, Part, part_of

AT_ONCE = 4
"""So many requests of one hook go to a FHIR server at a time."""
FHIR_JSON = ("application/fhir+json", "application/json", "application/json+fhir")


@dataclass(frozen=True, slots=True)
class Access:
    """A FHIR server that may be asked: its address without a slash at the end, the header for it, private hosts."""

    server: str
    authorization: str
    private: frozenset[str]


def access_of(request: HookRequest, client: Client | None, settings: Fhir) -> Access | None:
    """How the client's FHIR server may be asked; `None` where it names none.

    Raises `Refused` where it names one that is not allowed for it.
    """
    if not request.fhirServer:
        return None
    server = request.fhirServer.rstrip("/")
    allowed = settings.open_servers if client is None else client.fhir_servers
    if server not in {each.rstrip("/") for each in allowed}:
        raise Refused(403, "forbidden", "fhirServer is not among those that the configuration allows for this client")
    given = request.fhirAuthorization
    private = frozenset(settings.private if client is None else client.private)
    return Access(server, f"Bearer {given.access_token}" if given is not None else "", private)


class Fetcher:
    """Asks FHIR servers; `count` is told one word of what came of each request."""

    def __init__(self, asker: Asker, settings: Fhir, count: Callable[[str], object] = lambda _: None) -> None:
        self.asker, self.settings, self.count = asker, settings, count

    async def fill(self, parts: Mapping[str, Part], templates: Mapping[str, str], access: Access, patient: str) -> None:
        """Ask for every key that failed, and for the pages that follow; what cannot be had stays failed, with why."""
        gate = asyncio.Semaphore(AT_ONCE)

        async def one(key: str, part: Part) -> None:
            async with gate:
                await self._one(part, templates[key], access, patient)

        wanted = [(key, part) for key, part in parts.items() if part.failed or part.following]
        try:
            async with asyncio.timeout(self.settings.total_seconds):
                await asyncio.gather(*(one(key, part) for key, part in wanted))
        except TimeoutError:
            for _, part in wanted:
                if part.following and not part.failed:
                    part.failed = "a following page did not come in time"

    async def _one(self, part: Part, template: str, access: Access, patient: str) -> None:
        try:
            if part.failed:
                found = await self._page(f"{access.server}/{template.replace(PATIENT, quote(patient))}", access)
                if found.failed:
                    part.failed = found.failed
                    return
                part.resources, part.following, part.failed = found.resources, found.following, ""
                pages = 1
            else:
                pages = 0
            seen: set[str] = set()
            while part.following:
                address = urljoin(f"{access.server}/", part.following)
                part.failed = "a following page is missing"
                if not _is_below(address, access.server):
                    part.failed = "a following page is on another server"
                    return
                if address in seen or pages >= self.settings.most_pages:
                    part.failed = f"more than {self.settings.most_pages} pages, or a page that follows itself"
                    return
                seen.add(address)
                pages += 1
                found = await self._page(address, access)
                if found.failed:
                    part.failed = f"a following page: {found.failed}"
                    return
                part.resources += found.resources
                part.following, part.failed = found.following, ""
        except Unreachable as error:
            self.count(error.outcome)
            part.failed = error.words

    async def _page(self, address: str, access: Access) -> Part:
        headers = {"Accept": "application/fhir+json"}
        if access.authorization:
            headers["Authorization"] = access.authorization
        bounds = Bounds(self.settings.most_bytes, self.settings.seconds)
        status, kind, body = await self.asker.get(address, headers, bounds, access.private)
        if status == 404 and "?" not in address:
            self.count("not found")
            return Part()
        if status != 200:
            self.count(f"status {status}")
            return Part(failed=f"the FHIR server answered {status}")
        if kind.partition(";")[0].strip().lower() not in FHIR_JSON:
            self.count("wrong content")
            return Part(failed="the FHIR server answered with something else than FHIR in JSON")
        found = part_of(body or b"")
        self.count("failed" if found.failed else "answered")
        return found


def _is_below(address: str, server: str) -> bool:
    """Whether an address is of the same server, so that the token may go there."""
    one, other = urlsplit(address), urlsplit(server)
    return (one.scheme, one.netloc) == (other.scheme, other.netloc) and one.path.startswith(other.path.rstrip("/"))
