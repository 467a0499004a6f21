"""The folder of a run: held by one run at a time, gone on with where a run was broken off, whole at its end.

OUT/manifest.json       what was read, by what, and what came of it; there only when all is done
OUT/not-read.ndjson     what could not be read, a line each
OUT/facts/part-0000.parquet ... and the same of findings, patients, episodes, specimens
OUT/editions/KEY/       the same of findings, patients, episodes, specimens as another edition decides
OUT/.run/               while it runs: the plan, the events by part, the counts of the parts that are done
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from ...facts.problem import AskedWrongly
from ...write.output import require_other, telling
from .plan import differences

TABLES = ("facts", "findings", "patients", "episodes", "specimens")
MANIFEST, NOT_READ, RUN = "manifest.json", "not-read.ndjson", ".run"
EDITIONS = "editions"
"""Where the same patients lie as other editions see them."""
PLAN, READ, LOCK = "plan.json", "read.json", ".lock"


class PopulationFolder:
    """The folder of one run.

    Raises `AskedWrongly` where another run is at work in it, where it holds something else, or cannot be written.
    """

    def __init__(self, path: Path, plan: Any, source: Path | None, anew: bool = False) -> None:
        self.path, self.plan, self.anew, self.source = path, plan, anew, source
        self._lock: IO[bytes] | None = None
        self.went_on = False
        """Whether an earlier run was gone on with."""

    @property
    def run(self) -> Path:
        """Where what is under way lies."""
        return self.path / RUN

    def __enter__(self) -> PopulationFolder:
        require_other(self.path, self.source)
        with telling(self.path):
            self.path.mkdir(parents=True, exist_ok=True)
            self._take()
        try:
            self._prepare()
        except BaseException:
            self._leave()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._leave()

    def _take(self) -> None:
        """Hold the folder, so that no other run writes into it at the same time."""
        ours = (*TABLES, MANIFEST, NOT_READ, RUN, LOCK)
        strange = [each.name for each in self.path.iterdir() if each.name not in ours]
        if strange and not (self.run.exists() or (self.path / MANIFEST).exists()):
            raise AskedWrongly(f"{self.path} holds something else ({strange[0]}); name a folder that is new or empty")
        lock = (self.path / LOCK).open("ab")
        try:
            import fcntl

            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except ImportError:  # pragma: no cover - not on every system
            pass
        except OSError as error:
            lock.close()
            advice = "wait for it, or name another"
            raise AskedWrongly(f"{self.path}: another run is at work in this folder; {advice}") from error
        self._lock = lock

    def _leave(self) -> None:
        if self._lock is not None:
            if (self.path / MANIFEST).exists():  # all is done: nobody needs to hold it any more
                with contextlib.suppress(OSError):
                    (self.path / LOCK).unlink()
            self._lock.close()
            self._lock = None

    def _prepare(self) -> None:
        done = json_of(self.path / MANIFEST)
        begun = json_of(self.run / PLAN)
        if self.anew:
            self._clear()
        elif done is not None or begun is not None:
            earlier = begun if begun is not None else done.get("plan", {})
            if told := differences(earlier, self.plan):
                advice = "name another folder, ask as before to go on with it, or begin anew with --anew"
                raise AskedWrongly(f"{self.path} holds another run; other are {', '.join(told)}: {advice}")
            self.went_on = True
        if done is None or self.anew:
            with telling(self.path):
                self.run.mkdir(exist_ok=True)
                for name in TABLES:
                    (self.path / name).mkdir(exist_ok=True)
            self._sweep()
            put_json(self.run / PLAN, self.plan)

    def _sweep(self) -> None:
        """Remove the halves of files that a run which was killed left."""
        with telling(self.path):
            for place in (self.path, self.run, *(self.path / name for name in TABLES)):
                for half in place.glob(".*.part"):
                    half.unlink()

    def _clear(self) -> None:
        with telling(self.path):
            for name in (RUN, EDITIONS, *TABLES):
                shutil.rmtree(self.path / name, ignore_errors=True)
            for name in (MANIFEST, NOT_READ):
                (self.path / name).unlink(missing_ok=True)

    @property
    def manifest(self) -> Any:
        """What a run that is done says of itself; `None` where it is not done."""
        return json_of(self.path / MANIFEST)

    def read(self) -> Any:
        """What the reading of the source left; `None` where it is not done."""
        return json_of(self.run / READ)

    def done(self, part: int) -> Any:
        """The counts of a part that is done; `None` where it is not."""
        return json_of(self.run / f"{part:04}.json")

    def events(self, part: int) -> Path:
        """Where the events of a part lie until they are reviewed."""
        return self.run / f"{part:04}.events"

    def table(self, name: str, part: int) -> Path:
        """Where a table of a part lies."""
        return self.path / name / f"part-{part:04}.parquet"

    def finish(self, manifest: Any) -> None:
        """All is done: the manifest takes its name, and what was under way goes."""
        put_json(self.path / MANIFEST, manifest)
        shutil.rmtree(self.run, ignore_errors=True)
        with contextlib.suppress(OSError):
            (self.path / LOCK).unlink()


def json_of(path: Path) -> Any:
    """What a file of JSON holds; `None` where there is none that is whole."""
    try:
        return json.loads(path.read_text("utf-8"))
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return None


def put_json(path: Path, content: Any) -> None:
    """Write JSON to a file, whole or not at all. Raises `AskedWrongly` where it cannot be written."""
    with written(path) as beside:
        beside.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", "utf-8")


@contextlib.contextmanager
def written(path: Path) -> Iterator[Path]:
    """A file beside another that takes its name when it is written down on the disk."""
    beside = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with telling(path):
            yield beside
            with beside.open("rb+") as stream:
                os.fsync(stream.fileno())
            os.replace(beside, path)
    finally:
        with contextlib.suppress(OSError):
            beside.unlink(missing_ok=True)
