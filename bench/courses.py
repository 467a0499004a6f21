"""Make courses of therapy for measuring: patients with 30 events each, in the long format, as Parquet.

    python bench/courses.py OUTPUT.parquet [--patients 1000000] [--seed 1] [--mess clean|heavy]

Each patient has sex, birth date, an IHC score, menopausal status and surgery, two weights, six LVEFs (falling in
one of five) and seventeen doses of trastuzumab every three weeks, some late. Nothing about them is real.

With heavy mess one in sixteen of the LVEFs and weights is a range, one in fifty cannot be read, one dose in thirty has no
amount and one in eight patients has two weights on one day: three patients in four have something of it.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

PER_GROUP = 20_000
DOSES, LVEFS = 17, 6
WEIGHT, LVEF, DOSE = 5, 6, 7
"""Their places among the facts."""
Part = tuple[int, np.ndarray, np.ndarray]
"""A fact with its day and its value (places among the words) of every patient."""
START = 20_000
"""Days since 1970: about October 2024."""


def text(values: list[str], codes: np.ndarray) -> pa.DictionaryArray:
    return pa.DictionaryArray.from_arrays(pa.array(codes.astype(np.int32)), pa.array(values))


def spoil(parts: list[Part], code: Callable[[str], int], random: np.random.Generator) -> list[Part]:
    """The parts with some of their values as ranges or unreadable, doses without amount, weights on one day."""
    ranges = np.array([code(f"{low}-{low + 5}") for low in range(100)])
    unread, absent = code("see report"), code("unknown")
    spoiled = []
    for fact, day, value in parts:
        chance = random.random(len(value))
        if fact in (WEIGHT, LVEF):
            low = random.integers(48, 60, len(value))
            spoiled.append((fact, day, np.where(chance < 0.06, ranges[low], np.where(chance < 0.08, unread, value))))
        elif fact == DOSE:
            spoiled.append((fact, day, np.where(chance < 0.033, absent, value)))
        else:
            spoiled.append((fact, day, value))
    first, second = [place for place, part in enumerate(spoiled) if part[0] == WEIGHT]
    days = spoiled[second][1]
    same = np.where(random.random(len(days)) < 0.125, spoiled[first][1], days)
    spoiled[second] = (WEIGHT, same, spoiled[second][2])
    return spoiled


def make(patients: int, first: int, random: np.random.Generator, mess: bool) -> pa.Table:
    """The events of some patients, a table sorted by patient and day."""
    start = START + random.integers(0, 365, patients)
    gaps = np.where(random.random((patients, DOSES - 1)) < 0.05, 21 + random.integers(1, 21, (patients, DOSES - 1)), 21)
    doses = np.concatenate([np.zeros((patients, 1), int), np.cumsum(gaps, axis=1)], axis=1) + start[:, None]
    weight = random.integers(45, 110, patients)
    baseline = random.integers(55, 70, patients)
    falling = random.random(patients) < 0.2
    lvef = (
        baseline[:, None]
        - random.integers(0, 8, (patients, LVEFS))
        - np.where(falling, 9, 0)[:, None] * (np.arange(LVEFS) > 1)
    )
    lvef[:, 0] = baseline
    echo = start[:, None] + np.arange(LVEFS) * 90 - 5
    words: list[str] = []
    place: dict[str, int] = {}

    def code(word: str) -> int:
        return (
            place.setdefault(word, len(words))
            if word in place
            else (words.append(word) or place.setdefault(word, len(words) - 1))
        )

    numbers = np.array([code(str(n)) for n in range(1000)])
    births = np.array([code(f"{year}-05-17") for year in range(1940, 1995)])
    score = np.array([code(word) for word in ("3+", "2+", "1+", "0")])
    facts = ["sex", "birth_date", "ihc_score", "menopausal_status", "surgery_done", "weight_kg", "lvef", "dose_mg"]
    products = ["", "trastuzumab-iv"]
    methods = ["", "echo"]
    nobody = np.iinfo(np.int32).min
    parts = [
        (0, np.full(patients, nobody), np.full(patients, code("female"))),
        (1, np.full(patients, nobody), births[random.integers(0, len(births), patients)]),
        (2, start - 40, score[np.searchsorted([0.9, 0.95, 0.98], random.random(patients))]),
        (3, start - 30, np.where(random.random(patients) < 0.4, code("premenopausal"), code("postmenopausal"))),
        (4, start - 20, np.full(patients, code("yes"))),
        (5, start - 1, numbers[weight]),
        (5, start + 180, numbers[weight + random.integers(-4, 5, patients)]),
        *((6, echo[:, n], numbers[lvef[:, n]]) for n in range(LVEFS)),
        *((7, doses[:, n], numbers[weight * (8 if n == 0 else 6)]) for n in range(DOSES)),
    ]
    if mess:
        parts = spoil(parts, code, random)
    fact = np.repeat([part[0] for part in parts], patients).reshape(len(parts), patients)
    day = np.stack([part[1] for part in parts])
    value = np.stack([part[2] for part in parts])
    order = np.argsort(day, axis=0, kind="stable")
    fact, day, value = (np.take_along_axis(each, order, axis=0).T.ravel() for each in (fact, day, value))
    undated = day == nobody
    ids = [f"p{number:07d}" for number in range(first, first + patients)]
    return pa.table(
        {
            "patient": text(ids, np.repeat(np.arange(patients), len(parts))).cast(pa.string()),
            "date": pa.array(np.where(undated, 0, day).astype(np.int32), pa.int32(), mask=undated).cast(pa.date32()),
            "fact": text(facts, fact),
            "value": text(words, value),
            "product": text(products, (fact == 7).astype(int)),
            "qualifier": text(methods, (fact == 6).astype(int)),
        }
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("output", type=Path)
    parser.add_argument("--patients", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--mess", choices=("clean", "heavy"), default="clean")
    asked = parser.parse_args()
    random = np.random.default_rng(asked.seed)
    writer = None
    for first in range(0, asked.patients, PER_GROUP):
        table = make(min(PER_GROUP, asked.patients - first), first, random, asked.mess == "heavy")
        writer = writer or pq.ParquetWriter(asked.output, table.schema)
        writer.write_table(table, row_group_size=table.num_rows)
    if writer:
        writer.close()


if __name__ == "__main__":
    main()
