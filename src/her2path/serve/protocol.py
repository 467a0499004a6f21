"""uvicorn's HTTP, with an end to waiting for a head: a caller that sends none, or one drop by drop, is let go.

What came is acknowledged at once: a caller that sends head and body of a request apart would otherwise wait some
40 ms, until its system hears that the head has come.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from typing import Any

from uvicorn.protocols.http.auto import AutoHTTPProtocol

AT_ONCE: int | None = getattr(socket, "TCP_QUICKACK", None)
"""The option of Linux by which what came is acknowledged at once; it holds for a while only."""


def protocol_of(seconds: float) -> type[asyncio.Protocol]:
    """A protocol that ends a connection on which no whole head of a request came in so many seconds."""
    base: Any = AutoHTTPProtocol

    class Protocol(base):  # type: ignore[misc]
        """Watches the time from the first byte of a head, or from the connection, to its end."""

        _watch: asyncio.TimerHandle | None = None

        def connection_made(self, transport: asyncio.Transport) -> None:
            super().connection_made(transport)
            self._begin()

        def data_received(self, data: bytes) -> None:
            opened = self.transport.get_extra_info("socket")
            if AT_ONCE is not None and opened is not None:
                with contextlib.suppress(OSError):
                    opened.setsockopt(socket.IPPROTO_TCP, AT_ONCE, 1)
            before = self.cycle
            super().data_received(data)
            if self.cycle is not before or (self.cycle is not None and not self.cycle.response_complete):
                self._end()  # a head is whole: what follows is watched by the limits of its body
            elif self._watch is None:
                self._begin()

        def connection_lost(self, exc: Exception | None) -> None:
            self._end()
            super().connection_lost(exc)

        def _begin(self) -> None:
            self._watch = self.loop.call_later(seconds, self._let_go)

        def _end(self) -> None:
            if self._watch is not None:
                self._watch.cancel()
                self._watch = None

        def _let_go(self) -> None:
            self._watch = None
            self.transport.close()

    return Protocol
