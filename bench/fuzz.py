"""Try many mutants of FHIR, CSV, Parquet, settings and knowledge: which crash, hang, lose something, or read it wrongly.

    python bench/fuzz.py [--mutants 1000000] [--kind all] [--seed 0] [--processes 2] [--folder FOUND] [--json RESULTS.json]

A mutant follows from its seed, so that a run can be repeated and gone on with. Batches are judged in processes of their
own; one that dies or is silent for too long is ended, and its batch tried again in halves until the mutant is found. Of
every kind and place of a fault one example is made small and written into the folder. Ends with 1 where anything was found.

What each kind of a fault means: docs/tests.md.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from fuzz.families import FAMILIES
from fuzz.fhir import conclusion_of, reviewer
from fuzz.judged import FAULTS, READ, REFUSED, TOLD, Fault, Mutant, Tally, judged, shrunk, tallied

SHARES = {"fhir": 60, "tables": 15, "settings": 15, "knowledge": 10}
"""Of a hundred mutants so many of each family."""
BATCH = {"fhir": 250, "tables": 100, "settings": 200, "knowledge": 50}
LONGEST_BATCH_SECONDS = 120.0
MOST_EXAMPLES = 300

Task = tuple[str, int, int]
"""A family, the first seed, and how many."""


def tasks(mutants: int, seed: int, kind: str) -> Iterator[Task]:
    """Batches of all families in turn, so that a run that is ended has tried some of each."""
    wanted = {kind: mutants} if kind != "all" else {name: mutants * share // 100 for name, share in SHARES.items()}
    done = dict.fromkeys(wanted, 0)
    while any(done[name] < wanted[name] for name in wanted):
        name = min((name for name in wanted if done[name] < wanted[name]), key=lambda name: done[name] / wanted[name])
        count = min(BATCH[name], wanted[name] - done[name])
        yield name, seed + done[name], count
        done[name] += count


def work(pipe: Connection, only: str) -> None:
    """Judge batches as they come, in a process of its own."""
    reviewer()
    with tempfile.TemporaryDirectory(prefix="her2path-fuzz-") as folder:
        while (task := pipe.recv()) is not None:
            name, start, count = task
            pipe.send(tallied(FAMILIES[name], start, count, Path(folder), only))


@dataclass(slots=True)
class Worker:
    """A process that judges, the task in its hands and since when."""

    only: str
    pipe: Any = None
    process: Any = None
    task: Task | None = None
    since: float = 0.0

    def start(self) -> None:
        self.pipe, other = multiprocessing.Pipe()
        self.process = multiprocessing.Process(target=work, args=(other, self.only), daemon=True)
        self.process.start()
        other.close()

    def give(self, task: Task) -> None:
        self.task, self.since = task, time.monotonic()
        self.pipe.send(task)

    def end(self) -> None:
        self.process.kill()
        self.process.join()
        self.pipe.close()


@dataclass(slots=True)
class Run:
    """What a run has found so far, by family."""

    only: str
    tallies: dict[str, Tally] = field(default_factory=dict)
    again: list[Task] = field(default_factory=list)

    def take(self, task: Task, tally: Tally) -> None:
        self.tallies.setdefault(task[0], Tally()).merge(tally)

    def failed(self, task: Task, kind: str) -> None:
        """A batch whose process died or was silent: in halves again, or, of one mutant, a fault."""
        name, start, count = task
        if count > 1:
            half = count // 2
            self.again += [(name, start, half), (name, start + half, count - half)]
            return
        tally = Tally(tried=1, ended=Counter({REFUSED: 1}), faults=Counter({kind: 1}))
        tally.examples[kind, f"{name}: its process"] = (
            name,
            start,
            "",
            f"the process {'died' if kind == 'crashed' else 'was silent'}",
        )
        self.take(task, tally)

    def go(self, listed: Iterator[Task], processes: int) -> None:
        workers = [Worker(self.only) for _ in range(processes)]
        for worker in workers:
            worker.start()
        shown = time.monotonic()
        try:
            while True:
                for worker in workers:
                    if (
                        worker.task is None
                        and (task := self.again.pop() if self.again else next(listed, None)) is not None
                    ):
                        worker.give(task)
                busy = [worker for worker in workers if worker.task is not None]
                if not busy:
                    return
                wait([worker.pipe for worker in busy], timeout=5)
                for worker in busy:
                    self._look_at(worker)
                if time.monotonic() - shown > 60:
                    shown = time.monotonic()
                    print(f"{sum(tally.tried for tally in self.tallies.values()):,} tried", file=sys.stderr, flush=True)
        finally:
            for worker in workers:
                worker.end()

    def _look_at(self, worker: Worker) -> None:
        assert worker.task is not None
        kind = ""
        try:
            if worker.pipe.poll():
                self.take(worker.task, worker.pipe.recv())
                worker.task = None
                return
        except (EOFError, OSError):
            kind = "crashed"
        if not kind and time.monotonic() - worker.since > LONGEST_BATCH_SECONDS:
            kind = "hung"
        if kind:
            worker.end()
            self.failed(worker.task, kind)
            worker.task = None
            worker.start()


def write_examples(run: Run, folder: Path) -> None:
    """One small mutant of every kind and place of a fault, with what is wrong with it."""
    folder.mkdir(parents=True, exist_ok=True)
    conclusion_of(0)
    examples = {key: about for tally in run.tallies.values() for key, about in tally.examples.items()}
    with tempfile.TemporaryDirectory(prefix="her2path-fuzz-") as scratch:
        for number, ((kind, how), (name, seed, mutation, what)) in enumerate(sorted(examples.items())[:MOST_EXAMPLES]):
            family = FAMILIES[name]
            place = folder / f"{number:03}-{kind}"
            place.mkdir(exist_ok=True)
            lines = [f"{kind}: {how}", what, f"family {name}, seed {seed}, mutation {mutation}"]
            if mutation:
                mutant = family.mutant(seed, mutation)
                small = shrunk(family, mutant, Fault(kind, how.partition(": ")[2], what), Path(scratch))
                (verdict,) = judged(family, [small], Path(scratch))
                lines += [f"made small: {fault.kind}: {fault.what}" for fault in verdict.faults]
                for file, content in files_of(small):
                    (place / file).write_bytes(content)
            (place / "what.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")


def files_of(mutant: Mutant) -> list[tuple[str, bytes]]:
    """A mutant as files that the command reads."""
    if mutant.family != "fhir":
        return list(mutant.files.items())
    ending = "json" if mutant.form == "bundle in a file" else "ndjson"
    return [(f"mutant.{ending}", b"\n".join(mutant.files.values()) + (b"\n" if ending == "ndjson" else b""))]


def page(run: Run) -> str:
    """The counts by family as a table of Markdown."""
    heads = ("", "tried", READ, TOLD, REFUSED, *FAULTS)
    lines = ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
    for name, tally in run.tallies.items():
        counts = [
            tally.tried,
            *(tally.ended[ended] for ended in (READ, TOLD, REFUSED)),
            *(tally.faults[kind] for kind in FAULTS),
        ]
        lines.append(f"| {name} | " + " | ".join(f"{count:,}" for count in counts) + " |")
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mutants", type=int, default=1_000_000)
    parser.add_argument("--kind", choices=("all", *FAMILIES), default="all", help="of which family")
    parser.add_argument("--mutation", default="", help="only mutations whose name holds this")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--most-places", type=int, default=60, help="so many places of faults are printed")
    parser.add_argument("--folder", type=Path, help="write one small example of each place of a fault here")
    parser.add_argument("--json", type=Path, help="write the counts here")
    asked = parser.parse_args()
    run, start = Run(asked.mutation), time.monotonic()
    try:
        run.go(tasks(asked.mutants, asked.seed, asked.kind), asked.processes)
    except KeyboardInterrupt:
        print("ended early", file=sys.stderr)
    tried = sum(tally.tried for tally in run.tallies.values())
    print(page(run))
    print(f"\n{tried:,} mutants, {tried / (time.monotonic() - start):.0f} a second")
    places = Counter({key: count for tally in run.tallies.values() for key, count in tally.places.items()})
    for (kind, how), count in places.most_common(asked.most_places):
        print(f"{count:7} {kind:8} {how}")
    if asked.json:
        counts = {name: {"tried": tally.tried, **tally.ended, **tally.faults} for name, tally in run.tallies.items()}
        asked.json.write_text(json.dumps(counts, indent=1) + "\n", encoding="utf-8")
    if asked.folder:
        write_examples(run, asked.folder)
    return 1 if any(tally.faults for tally in run.tallies.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
