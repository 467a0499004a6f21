"""Put the laws of a review to random records and to simulated courses: how many of each verdict, and what breaks a law.

    python bench/laws.py [--records 20000] [--courses 20000] [--sample 400] [--seed 0] [--processes 2] [--minutes M]
                         [--json RESULTS.json] [--keep FOLDER]

Random records come from the strategies of `tests/test_laws.py`, by seeds; every law is put to each of them. A seed leads to the
same records only in a process that has done the same before, so `--keep` pickles each record that breaks a law, with its day. Of the simulated courses one half has clean records and the other a heavy mess; all are reviewed in batches, on
several days, and what can be asked of columns is asked of each. Every law is put to `--sample` of them one by one.

What is asked for: docs/tests.md. Ends with 1 where a law is broken. With `--minutes` it ends when they are over, and says how far it came.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import multiprocessing
import pickle
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq
from hypothesis import HealthCheck, Phase, given, seed, settings

from her2path.findings.finding import Grade
from her2path.findings.patient import Reviewed
from her2path.findings.plan.verdicts import NOT_KNOWN, URGENCY
from her2path.history.names import NO
from her2path.read.source import read_columns
from her2path.record.event import Record, Trouble
from her2path.tables.load import default_knowledge
from laws import WANTED, look, reviewer
from laws_of_entries import LAWS
from test_laws import ordered

PER_TASK = 250
DAYS = ((15, 15), (90, 90), (190, 190), (400, 400), (600, 600), (330, 350), (500, 521), (700, 735))
"""Of simulated courses the last day that is on record, and the day of review; both from the first day of therapy on."""
STARTS_ON = dt.date(2024, 1, 8)
MOST_TOLD = 5


@dataclass
class Tally:
    """What was tried: records, verdicts of drugs by word, and what broke each law."""

    tried: int = 0
    with_course: int = 0
    verdicts: Counter[str] = field(default_factory=Counter)
    kept: list[tuple[Record, dt.date]] = field(default_factory=list)
    broken: dict[str, list[str]] = field(default_factory=dict)

    def take(self, record: Record, on: dt.date) -> None:
        """Put every law to one record."""
        self.tried += 1
        seen = look(record, on)
        if seen is not None:
            self.with_course += 1
            self.verdicts.update(verdict.verdict for verdict in seen.course.verdicts)
        for law in LAWS:
            try:
                found = list(law(record, on))
            except Exception as error:  # a law that cannot be asked is broken too
                found = [f"{type(error).__name__}: {error}"]
            if found:
                self.broken.setdefault(law.__name__, []).append(f"{record.origin} on {on}: {found[0]}")
                self.kept.append((record, on))

    def add(self, other: Tally) -> None:
        self.tried += other.tried
        self.with_course += other.with_course
        self.verdicts += other.verdicts
        self.kept += other.kept
        for law, found in other.broken.items():
            self.broken.setdefault(law, []).extend(found)

    def told(self, what: str) -> None:
        print(f"\n{what}: {self.tried:,}, of which {self.with_course:,} have a course; verdicts:")
        for word in URGENCY:
            print(f"  {self.verdicts[word]:9,}  {word}")
        print(f"  counter-examples: {sum(map(len, self.broken.values()))}")
        for law, found in sorted(self.broken.items()):
            print(f"    {len(found):6}  {law}")
            for each in found[:MOST_TOLD]:
                print(f"            {each[:400]}")


# -- random records -----------------------------------------------------------------------------


def of_random(task: tuple[int, int]) -> Tally:
    """So many random records by one seed."""
    first, count = task
    tally = Tally()

    @seed(first)
    @settings(
        max_examples=count,
        suppress_health_check=list(HealthCheck),
        deadline=None,
        phases=[Phase.generate],
        database=None,
    )
    @given(made_of=ordered())
    def tried(made_of: tuple[Record, dt.date]) -> None:
        record, on = made_of
        record.origin = f"seed {first}, record {tally.tried}"
        tally.take(record, on)

    tried()
    return tally


# -- simulated courses --------------------------------------------------------------------------


def simulated(folder: str, patients: int, mess: str, first: int) -> Path:
    """The records of so many simulated patients."""
    path = Path(folder) / f"{mess}-{first}.parquet"
    asked = [
        "simulate",
        "course",
        "--virtual-patients",
        str(patients),
        "--mess",
        mess,
        "--seed",
        str(first),
        "--records",
        str(path),
    ]
    asked += ["--starts-on", STARTS_ON.isoformat(), "--processes", "1"]
    subprocess.run([sys.executable, "-m", "her2path", *asked], check=True, capture_output=True)
    return path


def of_columns(batch: Reviewed) -> Iterator[tuple[str, int, str]]:
    """What breaks a law in a batch: the law, the place of the patient, and what."""
    courses = batch.courses
    assert courses is not None
    course, reasons = courses.reasons.course, courses.reasons
    facts = default_knowledge().facts
    living = courses.mine & (course.column("alive") != NO)
    verdict = reasons.asker.outcomes["verdict"]
    strength = reasons.bearing.strength(reasons.bearing.in_hand)
    words = np.array([*facts["verdict"].values, NOT_KNOWN])[np.maximum(verdict, -1)]  # the last where it is not settled
    for strongest, wanted in WANTED.items():
        for place in np.flatnonzero(living & (strength == strongest) & ~np.isin(words, wanted)).tolist():
            yield "verdict_agrees", place, f"{words[place]}, and the strongest effect is {strongest.words}"
    told, graver = np.zeros(len(course), np.bool_), np.zeros(len(course), np.bool_)
    for rows in courses.rows:
        if "LVEF" in rows.saying.say and "limit of normal" not in rows.saying.say:
            told[rows.patients] = True
            if rows.saying.grade < Grade.NOTE:
                graver[rows.patients] = True
    lvef, baseline = course.column("lvef"), course.column("lvef_baseline")
    limit = int(course.rules.site.limit * 1000)
    low = (lvef >= 0) & (lvef < limit)
    fallen = (lvef >= 0) & (baseline >= 0) & (baseline - lvef >= 10_000)
    for place in np.flatnonzero(living & ((low & ~graver) | (fallen & ~told))).tolist():
        yield "a_low_lvef_is_told", place, f"LVEF {lvef[place]}, baseline {baseline[place]} (thousandths)"


def of_courses(task: tuple[str, int, str, int, tuple[int, int], int]) -> Tally:
    """The courses of one simulation on one day of review, some of them one by one too."""
    folder, patients, mess, first, (last, days), sample = task
    path, on = simulated(folder, patients, mess, first), STARTS_ON + dt.timedelta(days=days)
    table = pq.read_table(path)
    pq.write_table(table.filter(pc.less_equal(table["date"], STARTS_ON + dt.timedelta(days=last))), path)
    tally, every = Tally(), max(1, patients // max(1, sample))
    knowledge = default_knowledge()
    for batch in read_columns(path, knowledge.facts, None, None, True):
        if isinstance(batch, Trouble):
            continue
        reviewed = reviewer(on).review_columns(batch)
        alone = Tally()
        for place in range(0, len(batch), every) if sample else ():
            alone.take(batch.record(place), on)
        tally.add(Tally(broken=alone.broken, kept=alone.kept))
        tally.tried += len(batch)
        if reviewed.courses is None:
            continue
        tally.with_course += int(reviewed.courses.mine.sum())
        for law, place, what in of_columns(reviewed):
            tally.broken.setdefault(law, []).append(f"{batch.patients[place]} of {path.name} on {on}: {what}")
        words = [*knowledge.facts["verdict"].values, NOT_KNOWN]
        answers = np.maximum(reviewed.courses.reasons.asker.outcomes["verdict"][reviewed.courses.mine], -1)
        counts = np.bincount(answers % len(words), minlength=len(words)).tolist()
        tally.verdicts.update(dict(zip(words, counts, strict=True)))
    return tally


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=20_000)
    parser.add_argument("--courses", type=int, default=20_000)
    parser.add_argument("--sample", type=int, default=400)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--minutes", type=float, default=float("inf"))
    parser.add_argument("--json", type=Path)
    parser.add_argument("--keep", type=Path)
    asked = parser.parse_args()
    begun, random, courses = time.monotonic(), Tally(), Tally()
    with multiprocessing.Pool(asked.processes) as pool, tempfile.TemporaryDirectory(prefix="her2path-laws-") as folder:
        if asked.courses:
            days = DAYS * 2
            each = [asked.courses // len(days), asked.sample // len(days)]
            parts = [
                (folder, each[0], "none" if part < len(days) // 2 else "heavy", asked.seed + part + 1, day, each[1])
                for part, day in enumerate(days)
            ]
            for tally in pool.imap_unordered(of_courses, parts):
                courses.add(tally)
            courses.told("simulated courses (verdicts on the drug in hand)")
        tasks = [
            (asked.seed + first, min(PER_TASK, asked.records - first)) for first in range(0, asked.records, PER_TASK)
        ]
        for tally in pool.imap_unordered(of_random, tasks):
            random.add(tally)
            if (time.monotonic() - begun) / 60 > asked.minutes:
                pool.terminate()
                break
        random.told("random records (verdicts on every drug)")
    for place, record_and_day in enumerate([*courses.kept, *random.kept] if asked.keep else []):
        asked.keep.mkdir(exist_ok=True)
        (asked.keep / f"{place:03}.pickle").write_bytes(pickle.dumps(record_and_day))
    if asked.json:
        told = ("tried", "with_course", "verdicts", "broken")
        found = {
            name: {each: getattr(tally, each) for each in told}
            for name, tally in (("random", random), ("courses", courses))
        }
        asked.json.write_text(json.dumps(found, indent=2), encoding="utf-8")
    sys.exit(1 if random.broken or courses.broken else 0)


if __name__ == "__main__":
    main()
