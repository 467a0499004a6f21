"""What came of a mutant: how it ended, and what is at fault."""

from __future__ import annotations

import os
import signal
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

FAULTS = ("crashed", "hung", "lost", "wrong", "firmer")
READ, TOLD, REFUSED = "read", "told", "refused"


@dataclass(frozen=True, slots=True)
class Fault:
    """`kind` is one of `FAULTS`; `how` names mutation and place, so that faults of one kind are counted together."""

    kind: str
    how: str
    what: str


@dataclass(slots=True)
class Verdict:
    """How a mutant ended: read with nothing told, read with something told, or refused with its reason."""

    ended: str = READ
    faults: list[Fault] = field(default_factory=list)


@dataclass(slots=True)
class Mutant:
    """One mutant: its seed, the kind of its mutation, the form it comes in, and its bytes by the name of each file.

    `parts` has what a family wants to remember of it.
    """

    family: str
    seed: int
    kind: str
    form: str
    files: dict[str, bytes]
    place: str = ""
    parts: Any = None

    @property
    def how(self) -> str:
        return f"{self.kind} {self.place}".strip()


class Family(Protocol):
    """Makes mutants and judges them."""

    name: str
    kinds: Sequence[str]

    def mutant(self, seed: int, kind: str | None = None) -> Mutant: ...
    def judge(self, mutants: list[Mutant], folder: Path) -> list[Verdict]: ...
    def smaller(self, mutant: Mutant) -> Iterator[Mutant]: ...


class Hung(Exception):
    """The time of a mutant is over."""


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Raise `Hung` in here once so many seconds are over; without a limit where the system has no such alarm."""
    if not hasattr(signal, "setitimer"):
        yield
        return

    def ring(*_: object) -> None:
        raise Hung

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def judged(family: Family, mutants: list[Mutant], scratch: Path, seconds_each: float = 20.0) -> list[Verdict]:
    """The verdict on each mutant; together where all goes well, in halves where one of them raises or hangs."""
    scratch.mkdir(parents=True, exist_ok=True)
    for old in scratch.iterdir():
        if old.is_file():
            old.unlink()
    try:
        with within(seconds_each * (1 + len(mutants) / 50)):
            return family.judge(mutants, scratch)
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        if len(mutants) > 1:
            half = len(mutants) // 2
            return [
                verdict
                for part in (mutants[:half], mutants[half:])
                for verdict in judged(family, part, scratch, seconds_each)
            ]
        return [Verdict(REFUSED, [fault_of(mutants[0], error)])]


def fault_of(mutant: Mutant, error: BaseException) -> Fault:
    if isinstance(error, Hung):
        return Fault("hung", mutant.how, "not done in time")
    at = error.__traceback__
    place = ""
    while at is not None:
        file = at.tb_frame.f_code.co_filename
        if f"{os.sep}her2path{os.sep}" in file:
            place = f"{Path(file).name}:{at.tb_lineno}"
        at = at.tb_next
    return Fault("crashed", f"{type(error).__name__} {place}", f"{type(error).__name__}: {str(error)[:200]}")


def shrunk(family: Family, mutant: Mutant, fault: Fault, scratch: Path, tries: int = 300) -> Mutant:
    """A smaller mutant with a fault of the same kind and place."""
    found = True
    while found and tries > 0:
        found = False
        for smaller in family.smaller(mutant):
            tries -= 1
            if tries <= 0:
                break
            (verdict,) = judged(family, [smaller], scratch)
            if any((each.kind, each.how) == (fault.kind, fault.how) for each in verdict.faults):
                mutant, found = smaller, True
                break
    return mutant


def chosen(family: Family, start: int, count: int, only: str = "") -> Iterator[Mutant]:
    """So many mutants of a family from a seed on; the seed says the mutation too, among those whose name holds `only`."""
    kinds = [kind for kind in family.kinds if only in kind]
    for seed in range(start, start + count):
        yield family.mutant(seed, kinds[seed % len(kinds)])


@dataclass(slots=True)
class Tally:
    """What came of many mutants: how many ended how, how many are at fault by the kind of it, and one example of each place."""

    tried: int = 0
    ended: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    places: Counter[tuple[str, str]] = field(default_factory=Counter)
    examples: dict[tuple[str, str], tuple[str, int, str, str]] = field(default_factory=dict)

    def add(self, mutant: Mutant, verdict: Verdict) -> None:
        self.tried += 1
        self.ended[verdict.ended] += 1
        self.faults.update({fault.kind for fault in verdict.faults})
        for key in {(fault.kind, fault.how) for fault in verdict.faults}:
            self.places[key] += 1
        for fault in verdict.faults:
            about = (mutant.family, mutant.seed, mutant.kind, fault.what)
            self.examples.setdefault((fault.kind, f"{mutant.family}: {fault.how}"), about)

    def merge(self, other: Tally) -> None:
        self.tried += other.tried
        self.ended.update(other.ended)
        self.faults.update(other.faults)
        self.places.update(other.places)
        for key, about in other.examples.items():
            self.examples.setdefault(key, about)


def tallied(family: Family, start: int, count: int, scratch: Path, only: str = "", seconds_each: float = 20.0) -> Tally:
    """The tally of so many mutants of a family, judged together."""
    mutants = list(chosen(family, start, count, only))
    tally = Tally()
    for mutant, verdict in zip(mutants, judged(family, mutants, scratch, seconds_each), strict=True):
        tally.add(mutant, verdict)
    return tally
