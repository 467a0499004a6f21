"""What the tests of the pages share: the server with the ward of examples, in a thread and on a port of its own."""

from __future__ import annotations

import datetime as dt
import shutil
import socket
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from her2path import Settings, read_knowledge

ON = dt.date(2026, 3, 3)
WARD = Path(__file__).parents[1] / "examples" / "ward.csv"
NAMES = ("chromium", "chromium-browser", "google-chrome", "chromium-headless-shell")
WANTED = ("starlette", "jinja2", "uvicorn", "multipart")


def chromium() -> str | None:
    """Where a Chromium is, if one is."""
    return next((found for name in NAMES if (found := shutil.which(name))), None)


def launched() -> Iterator[Any]:
    """The browser, started; for a fixture."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        started = playwright.chromium.launch(
            executable_path=chromium(), args=["--no-sandbox", "--disable-background-networking"]
        )
        yield started
        started.close()


def loaded_of(source: Path | None = WARD, on: dt.date = ON, **options: Any) -> Any:
    from her2path.serve.loaded import Loaded

    loaded = Loaded(read_knowledge(), Settings(on, jurisdiction="us"), day=on, **options)
    if source is not None:
        loaded.load(source)
    return loaded


def app_of(loaded: Any, port: int = 8321) -> Any:
    from her2path.serve.app import create_app
    from her2path.serve.configuration import read_configuration

    database = Path(tempfile.mkdtemp(prefix="her2path-test-"), "advice.db")
    environment = {"HER2PATH_SERVE_DATABASE": f"sqlite:///{database}"}
    return create_app(read_configuration(environment=environment, port=port), loaded, day=ON)


def client_of(loaded: Any) -> Any:
    from starlette.testclient import TestClient

    return TestClient(app_of(loaded), base_url="http://localhost:8321", follow_redirects=False)


@contextmanager
def served(loaded: Any) -> Iterator[str]:
    """The server running; the address of it."""
    import uvicorn

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = uvicorn.Server(uvicorn.Config(app_of(loaded, port), host="127.0.0.1", port=port, log_level="error"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    until = time.monotonic() + 30
    while not server.started and time.monotonic() < until:
        time.sleep(0.02)
    assert server.started
    try:
        yield f"http://localhost:{port}"
    finally:
        server.should_exit = True
        thread.join(10)
