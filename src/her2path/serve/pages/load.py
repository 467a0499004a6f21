"""Load records: a file that is dropped here, or a path of this machine; what could not be read; what `inspect` says."""

from __future__ import annotations

import bz2
import gzip
import logging
import lzma
import re
import shutil
import tempfile
import zipfile
import zlib
from concurrent.futures import Future, ThreadPoolExecutor, wait
from pathlib import Path
from threading import Lock
from typing import IO, Any

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from ...facts.problem import AskedWrongly, KnowledgeError
from ...inspect.feed import inspect_source
from ...inspect.report import report
from ...inspect.words import read_feed_words
from ..loaded import Loaded, Ward
from .rendering import page

ENDING = re.compile(
    r"(\.csv|\.parquet|\.json|\.ndjson|\.jsonl|\.zip|\.tar|\.tgz|\.tbz2|\.txz)?(\.gz|\.bz2|\.xz)?$", re.IGNORECASE
)  # fmt: skip
"""The ending that a file keeps here; of its name nothing else is used."""
MOST_UNPACKED = 1_000_000_000
"""So many bytes may a packed file hold that is dropped here."""
WAIT_SECONDS = 12.0
"""A source that takes longer is loaded on, and the page looks again."""
MOST_SHOWN = 200
STEP = 1 << 20


class Loading:
    """The page's own state: the file that is loaded, and what became of the last try."""

    def __init__(self, loaded: Loaded) -> None:
        self.loaded = loaded
        self.error, self.tried = "", ""
        self._folder: Path | None = None
        self._pool = ThreadPoolExecutor(1, "her2path-load")
        self._going: Future[Ward] | None = None
        self._lock = Lock()
        self._inspected: tuple[Ward, dict[str, Any]] | None = None

    @property
    def is_going(self) -> bool:
        return self._going is not None and not self._going.done()

    def begin(self, source: Path, name: str, folder: Path | None) -> None:
        """Load a source, and wait some seconds for it; a second one meanwhile is refused."""
        with self._lock:
            if self.is_going:
                _drop(folder)
                raise AskedWrongly("another source is being loaded: wait until it is there")
            self.error, self.tried = "", name
            self._going = self._pool.submit(self._load, source, name, folder)
        wait([self._going], WAIT_SECONDS)  # what went wrong is told by `error`

    def _load(self, source: Path, name: str, folder: Path | None) -> Ward:
        try:
            if folder is not None:
                require_unpackable(source, name)
            ward = self.loaded.load(source, name=name)
        except Exception as error:
            self.error = _told(error).replace(str(source), name)
            _drop(folder)
            raise
        _drop(self._folder)
        self._folder = folder
        return ward

    def inspected(self) -> dict[str, Any] | None:
        """What `inspect` says of the source in hand; read once."""
        ward = self.loaded.ward
        if ward.path is None or not ward.path.exists():
            return None
        with self._lock:
            if self._inspected is None or self._inspected[0] is not ward:
                knowledge, settings = self.loaded.knowledge, self.loaded.settings
                seen = inspect_source(ward.path, knowledge, settings, processes=1)
                expected = read_feed_words(knowledge.folder).expected
                told = report(seen, ward.name, settings.on, expected, settings.at.mapping, None)
                self._inspected = ward, told
            return self._inspected[1]


EXPECTED = (
    AskedWrongly, KnowledgeError, OSError, ValueError, EOFError, zlib.error, lzma.LZMAError, zipfile.BadZipFile,
)  # fmt: skip


def _told(error: Exception) -> str:
    """What went wrong in words. An error that nobody thought of is logged by its name alone: it may hold a record."""
    if isinstance(error, EXPECTED):
        return str(error) or type(error).__name__
    logging.getLogger(__name__).error("loading failed: %s", type(error).__name__)
    return f"it could not be read ({type(error).__name__})"


def _drop(folder: Path | None) -> None:
    if folder is not None:
        shutil.rmtree(folder, ignore_errors=True)


def require_unpackable(path: Path, name: str) -> None:
    """Raise `AskedWrongly` where a packed file would unpack to more than is taken here."""
    with path.open("rb") as file:
        start = file.read(6)
    opened: gzip.GzipFile | bz2.BZ2File | lzma.LZMAFile | None = None
    what = f"{name} unpacks to more than {MOST_UNPACKED:,} bytes, which is not taken here"
    if start[:2] == b"PK":
        with zipfile.ZipFile(path) as archive:
            if sum(member.file_size for member in archive.infolist()) > MOST_UNPACKED:
                raise AskedWrongly(what)
        return
    if start[:2] == b"\x1f\x8b":
        opened = gzip.GzipFile(path)
    elif start[:3] == b"BZh":
        opened = bz2.BZ2File(path)
    elif start == b"\xfd7zXZ\x00":
        opened = lzma.LZMAFile(path)  # noqa: SIM115
    if opened is not None:
        with opened:
            size = 0
            while block := opened.read(STEP):
                size += len(block)
                if size > MOST_UNPACKED:
                    raise AskedWrongly(what)


def show(request: Request, loading: Loading, status: int = 200, error: str = "") -> Response:
    """The page."""
    loaded = loading.loaded
    ward = loaded.ward
    return page(
        request, loaded, "load.html", status, ward=ward, troubles=ward.troubles[:MOST_SHOWN], most=MOST_SHOWN,
        error=error or loading.error, tried=loading.tried, is_going=loading.is_going,
        takes_files=loaded.takes_files, reads_paths=loaded.reads_paths,
    )  # fmt: skip


def inspection(request: Request, loading: Loading) -> Response:
    """What `inspect` says of the source in hand."""
    loaded = loading.loaded
    try:
        told = loading.inspected()
    except (AskedWrongly, OSError) as error:
        return page(request, loaded, "message.html", 422, title="Not inspected", words=str(error), hint="")
    if told is None:
        return page(
            request, loaded, "message.html", 404, title="Nothing to inspect", words="No source is loaded.",
            hint="Load records first.",
        )  # fmt: skip
    return page(request, loaded, "inspect.html", told=told)


async def take(request: Request, loading: Loading) -> Response:
    """A file or a path, sent by the form."""
    loaded = loading.loaded
    try:
        form = await request.form(max_files=1, max_fields=4)
    except HTTPException as error:
        return await run_in_threadpool(show, request, loading, 400, str(error.detail))
    try:
        file, path = form.get("file"), form.get("path")
        try:
            if isinstance(file, UploadFile) and file.filename:
                if not loaded.takes_files:
                    raise AskedWrongly("this server takes no files")
                folder = Path(tempfile.mkdtemp(prefix="her2path-"))
                name = Path(file.filename.replace("\\", "/")).name[:120] or "file"
                ending = ENDING.search(name)
                kept = folder / f"records{(ending[0] if ending else '').lower()}"
                await run_in_threadpool(_copy, file.file, kept)
                await run_in_threadpool(loading.begin, kept, name, folder)
            elif isinstance(path, str) and path.strip():
                source = await run_in_threadpool(_source_of, path.strip(), loaded)
                await run_in_threadpool(loading.begin, source, source.name, None)
            else:
                raise AskedWrongly("choose a file first")
        except AskedWrongly as error:
            return await run_in_threadpool(show, request, loading, 422, str(error))
    finally:
        await form.close()
    if loading.error:
        return await run_in_threadpool(show, request, loading, 422)
    target = "/load" if loading.is_going or loaded.ward.trouble_count else "/worklist"
    return RedirectResponse(target, 303)


def _copy(source: IO[bytes], target: Path) -> None:
    with target.open("wb") as file:
        shutil.copyfileobj(source, file, STEP)


def _source_of(words: str, loaded: Loaded) -> Path:
    """A path of this machine. Raises `AskedWrongly` where it may not be read, or is no file and no folder."""
    if not loaded.reads_paths:
        raise AskedWrongly("paths are read only where nobody but this machine can reach the server")
    if "\x00" in words:
        raise AskedWrongly("a path holds no such character")
    path = Path(words).expanduser()
    if not path.is_absolute():
        raise AskedWrongly(f"{words}: give the whole path, from {path.anchor or '/'} on")
    if not (path.is_file() or path.is_dir()):
        raise AskedWrongly(f"{words} is no file and no folder of this machine")
    return path
