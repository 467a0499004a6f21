"""The server run by uvicorn, from its first word to its last request."""

from __future__ import annotations

import contextlib
import datetime as dt
import gc
import signal
import socket
from collections.abc import Iterator, Mapping
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import click
import msgspec
import uvicorn

from ..facts.problem import AskedWrongly
from ..findings.settings import Settings
from ..tables.library import Knowledge
from .app import create_app
from .configuration import Configuration
from .operation import log_to_stderr
from .protocol import protocol_of

GRACE_SECONDS = 10
"""Requests that are being answered have so long when the server is asked to end."""


def run(
    configuration: Configuration, knowledge: Knowledge, settings: Settings, source: Path | None, *,
    day: dt.date | None = None, columns: Mapping[str, str] | None = None,
) -> None:  # fmt: skip
    """Load the source, tell the address, and serve until asked to end.

    Raises `AskedWrongly` where the source cannot be read or the address is taken.
    """
    opened = _listening(configuration)
    port = int(opened.getsockname()[1])
    server = msgspec.structs.replace(configuration.server, port=port)
    configuration = msgspec.structs.replace(configuration, server=server)
    loaded = _loaded(configuration, knowledge, settings, source, day, columns)
    app = create_app(configuration, loaded, day=day, knowledge=knowledge, settings=settings)
    click.echo(f"her2path serves {configuration.base}/ (CDS Hooks: {configuration.base}/cds-services); Ctrl-C ends it")
    log_to_stderr()
    gc.collect()
    gc.freeze()  # what was read so far stays: the collector need not walk it again for every few requests
    limits = configuration.limits
    with opened, _ended_by_a_signal() as ended_by:
        uvicorn.Server(
            uvicorn.Config(
                app,
                http=protocol_of(limits.body_seconds),
                log_config=None,
                access_log=False,
                server_header=False,
                date_header=True,
                timeout_keep_alive=20,
                timeout_graceful_shutdown=GRACE_SECONDS,
                limit_concurrency=limits.at_once * 4,
                lifespan="on",
                proxy_headers=bool(server.proxies),
                forwarded_allow_ips=list(server.proxies),
            )
        ).run(sockets=[opened])
    if ended_by:
        click.echo(f"her2path serve has ended ({signal.Signals(ended_by[0]).name}); what was asked before is answered")


@contextlib.contextmanager
def _ended_by_a_signal() -> Iterator[list[int]]:
    """Let Ctrl-C and SIGTERM end the server in order, and the command with it; gives the signals that did.

    uvicorn heeds a signal, ends in order, and then raises it again for whoever heeded it before: a server that was
    asked to end has done what it was asked.
    """
    ended_by: list[int] = []
    before = {
        number: signal.signal(number, lambda number, _: ended_by.append(number))
        for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield ended_by
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _listening(configuration: Configuration) -> socket.socket:
    """A socket that listens.

    It says that it is TCP: only of such sockets asyncio sends small parts of an answer at once, and does not wait some
    40 ms for the other side to have had the part before.
    """
    host, port = configuration.server.host, configuration.server.port
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        opened = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    except OSError as error:
        raise AskedWrongly(f"{host} is no address of this machine: {error}") from error
    try:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        opened.bind(address)
        opened.listen(256)
    except OSError as error:
        opened.close()
        raise AskedWrongly(f"{host} port {port} cannot be listened on: {error}; choose another by --port") from error
    return opened


def _loaded(
    configuration: Configuration, knowledge: Knowledge, settings: Settings, source: Path | None,
    day: dt.date | None, columns: Mapping[str, str] | None,
) -> Any:  # fmt: skip
    """The records of the pages; `None` where the pages are not installed."""
    if find_spec(f"{__package__}.loaded") is None:
        return None
    kind = import_module(f"{__package__}.loaded").Loaded
    loaded = kind(knowledge, settings, day=day, reads_paths=configuration.is_local)
    if source is not None:
        loaded.load(source, columns=columns)
    return loaded
