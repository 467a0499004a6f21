"""Measure ten tables of eight rows: one patient against zen-engine, and a million at once.

    python bench/tables.py [--patients 1000000] [--json RESULTS.json]

The tables stand in `ten-tables/measuring/ten-tables.md`; they are read and proven like any other knowledge, and
zen-engine gets the same rows as JDM decision tables. Everything runs on one core. The sides of a ratio are
measured in turn within one run; what is printed are medians.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from machine import machine_facts

from her2path.facts.fact import Facts
from her2path.tables.array import Array
from her2path.tables.library import Knowledge
from her2path.tables.load import read_knowledge
from her2path.tables.many.decide_rows import decide_table
from her2path.tables.many.look_up import decide_batch
from her2path.tables.table import Table

FOLDER = Path(__file__).parent / "ten-tables"
RECORDS = 2000
REPEATS = 15
NULLS = 0.1


def main() -> None:
    """Measure, print, and keep the results where asked."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--patients", type=int, default=1_000_000)
    options.add_argument("--json", type=Path, metavar="FILE")
    chosen = options.parse_args()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    pa.set_cpu_count(1)
    knowledge = read_knowledge(FOLDER)  # proves every table, or raises
    arrays = [Array([table], knowledge.facts) for edition in knowledge.editions for table in edition.tables.values()]
    found: dict[str, Any] = {"machine": machine_facts()}
    found["one patient"] = one_patient(arrays, knowledge.facts)
    found["many patients"] = many_patients(arrays, knowledge.facts, chosen.patients)
    found["a file"] = a_file(chosen.patients)
    show(found)
    if chosen.json:
        chosen.json.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


def seconds(function: Callable[[], object]) -> float:
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


# -- one patient -------------------------------------------------------------------------------


def one_patient(arrays: list[Array], facts: Facts) -> dict[str, Any]:
    """Microseconds to decide all tables for one patient, and how many times longer zen-engine takes."""
    records = random_records(arrays, facts, RECORDS)

    def ours() -> list[list[int]]:
        return [[array.answer(record) for array in arrays] for record in records]

    def with_reading() -> list[list[int]]:
        return [[array.answer(read) for array in arrays] for read in (coerced(record, facts) for record in records)]

    result: dict[str, Any] = {"tables": len(arrays), "records": len(records)}
    peers = zen_ways(arrays) if find_spec("zen") else {}
    answers = [[array.outcome.values[place] for array, place in zip(arrays, each, strict=True)] for each in ours()]
    for name, peer in peers.items():
        said = [peer(record) for record in records]
        if said != answers:
            where = next(place for place, pair in enumerate(zip(said, answers, strict=True)) if pair[0] != pair[1])
            raise SystemExit(f"zen-engine ({name}) says {said[where]} of {records[where]}, her2path {answers[where]}")
    runs: dict[str, list[float]] = {name: [] for name in ("answer", "coerce and answer", *peers)}
    for _ in range(REPEATS):
        runs["answer"].append(seconds(ours))
        runs["coerce and answer"].append(seconds(with_reading))
        for name, peer in peers.items():
            runs[name].append(seconds(lambda peer=peer: [peer(record) for record in records]))  # type: ignore[misc]
    result["microseconds"] = {name: statistics.median(took) / len(records) * 1e6 for name, took in runs.items()}
    if peers:
        # The way that suits zen-engine best is the one it is compared by.
        best = min(peers, key=lambda name: statistics.median(runs[name]))
        pairs = zip(runs[best], runs["answer"], strict=True)
        ratio = statistics.median(zen / own for zen, own in pairs)
        result |= {"same answers": len(records), "zen way": best, "zen ratio": ratio}
    return result


def random_records(arrays: list[Array], facts: Facts, count: int) -> list[dict[str, Any]]:
    """Records with every fact known, numbers as whole and half steps so that many lie on a cut."""
    random = np.random.default_rng(1)
    records: list[dict[str, Any]] = []
    for _ in range(count):
        record: dict[str, Any] = {}
        for name in inputs(arrays):
            fact = facts[name]
            if fact.is_number:
                low, high = reach(arrays, name)
                record[name] = float(np.round(random.uniform(low, high) * 2) / 2)
            else:
                record[name] = str(random.choice(fact.values))
        records.append(record)
    return records


def inputs(arrays: list[Array]) -> list[str]:
    return sorted({axis.fact.name for array in arrays for axis in array.axes})


def reach(arrays: list[Array], name: str) -> tuple[float, float]:
    """The stretch around the cuts of a fact, within what is plausible."""
    cuts = [float(cut) for array in arrays for axis in array.axes if axis.fact.name == name for cut, _ in axis.cuts]
    inner = sorted(cut for cut in cuts if min(cuts) < cut < max(cuts))
    width = max(inner[-1] - inner[0], 2.0)
    return max(min(cuts), inner[0] - width), min(max(cuts), inner[-1] + width)


def coerced(record: dict[str, Any], facts: Facts) -> dict[str, Any]:
    return {name: facts[name].coerce(value) for name, value in record.items()}


# -- the peer ----------------------------------------------------------------------------------


def zen_ways(arrays: list[Array]) -> dict[str, Callable[[dict[str, Any]], list[str]]]:
    """zen-engine deciding a record: all tables in one graph, and each table by itself."""
    import zen

    engine = zen.ZenEngine()
    names = [array.outcome.name for array in arrays]
    graph = engine.create_decision(json.dumps(jdm([array.table for array in arrays])))
    alone = [engine.create_decision(json.dumps(jdm([array.table]))) for array in arrays]

    def in_one_graph(record: dict[str, Any]) -> list[str]:
        result = graph.evaluate(record)["result"]
        return [result[name] for name in names]

    def one_by_one(record: dict[str, Any]) -> list[str]:
        return [each.evaluate(record)["result"][name] for each, name in zip(alone, names, strict=True)]

    return {"zen-engine, one graph": in_one_graph, "zen-engine, a decision each": one_by_one}


def jdm(tables: list[Table]) -> dict[str, Any]:
    """Tables as a JDM graph: the input leads to each of them, and all of them to the output."""
    here = {"position": {"x": 0, "y": 0}}
    nodes: list[dict[str, Any]] = [{"id": "in", "type": "inputNode", "name": "in", **here}]
    edges: list[dict[str, str]] = []
    for table in tables:
        rules = [
            {"_id": row.name, "=>": f"'{next(iter(row.outcomes))}'"}
            | {name: unary(cell.text, cell.values) for name, cell in zip(table.inputs, row.cells, strict=True)}
            for row in table.rows
        ]
        content = {
            "hitPolicy": "first",
            "inputs": [{"id": name, "name": name, "field": name} for name in table.inputs],
            "outputs": [{"id": "=>", "name": table.outcome, "field": table.outcome}],
            "rules": rules,
        }
        node = {"id": table.outcome, "type": "decisionTableNode", "name": table.outcome, "content": content}
        nodes.append(node | here)
        for source, target in (("in", table.outcome), (table.outcome, "out")):
            edges.append({"id": f"{source} {target}", "sourceId": source, "targetId": target, "type": "edge"})
    nodes.append({"id": "out", "type": "outputNode", "name": "out", **here})
    return {"nodes": nodes, "edges": edges}


def unary(text: str, values: frozenset[str]) -> str:
    """A cell in zen's expressions: the same text but for quotes, and nothing for any value."""
    if text == "-":
        return ""
    return ", ".join(f"'{value}'" for value in sorted(values)) if values else text


# -- many patients -----------------------------------------------------------------------------


def many_patients(arrays: list[Array], facts: Facts, patients: int) -> dict[str, Any]:
    """Arrow to Arrow: milliseconds, patients a second, and how many times a plain copy of the bytes takes."""
    batch = random_batch(arrays, facts, patients)
    ways = {"numpy": False, "numba": True} if find_spec("numba") else {"numpy": False}
    decided = {name: decide_batch(arrays, batch, fast=fast) for name, fast in ways.items()}
    if any(not each.equals(decided["numpy"]) for each in decided.values()):
        raise SystemExit("the compiled loops and NumPy disagree")
    check_some(arrays, facts, batch, decided["numpy"])
    size = batch.nbytes + decided["numpy"].nbytes
    source, target = np.ones(size, dtype=np.uint8), np.zeros(size, dtype=np.uint8)
    runs: dict[str, list[float]] = {name: [] for name in ("copy", *ways)}
    for _ in range(REPEATS):
        runs["copy"].append(seconds(lambda: np.copyto(target, source)))
        for name, fast in ways.items():
            runs[name].append(seconds(lambda fast=fast: decide_batch(arrays, batch, fast=fast)))  # type: ignore[misc]
    return {
        "patients": patients,
        "megabytes": size / 1e6,
        "milliseconds": {name: statistics.median(took) * 1e3 for name, took in runs.items()},
        "patients per second": {name: patients / statistics.median(runs[name]) for name in ways},
        "times a copy": {
            name: statistics.median(mine / copy for mine, copy in zip(runs[name], runs["copy"], strict=True))
            for name in ways
        },
    }


def random_batch(arrays: list[Array], facts: Facts, patients: int) -> pa.RecordBatch:
    """Numbers as float64, categories as dictionary<int32, string>, a tenth of all cells null."""
    random = np.random.default_rng(2)
    columns: dict[str, pa.Array] = {}
    for name in inputs(arrays):
        gone = random.random(patients) < NULLS
        if facts[name].is_number:
            columns[name] = pa.array(np.round(random.uniform(*reach(arrays, name), patients), 1), mask=gone)
        else:
            values = facts[name].values
            indices = pa.array(random.integers(0, len(values), patients).astype(np.int32), mask=gone)
            columns[name] = pa.DictionaryArray.from_arrays(indices, pa.array(values))
    return pa.RecordBatch.from_pydict(columns)


def check_some(arrays: list[Array], facts: Facts, batch: pa.RecordBatch, decided: pa.RecordBatch) -> None:
    """The first patients of the batch, one at a time."""
    for place, row in enumerate(batch.slice(0, 1000).to_pylist()):
        known = {name: value for name, value in coerced(row, facts).items() if isinstance(value, str | float)}
        for number, array in enumerate(arrays):
            answer = array.answer(known)
            if decided.column(number)[place].as_py() != (array.outcome.values[answer] if answer >= 0 else None):
                raise SystemExit(f"{array.outcome.name} of patient {place} differs from the same patient alone")


def a_file(patients: int) -> dict[str, Any]:
    """Rows a second of `decide_table`: HER2 status with its rows, what would settle it, and the edition."""
    knowledge: Knowledge = read_knowledge()
    random = np.random.default_rng(3)
    copies, cep17 = np.round(random.uniform(1, 9, patients), 1), np.round(random.uniform(1, 4, patients), 1)
    table = pa.table({
        "id": np.arange(patients), "ihc_score": random.choice(["0", "1+", "2+", "3+"], patients),
        "her2_copies": pa.array(copies, mask=random.random(patients) < NULLS),
        "cep17_copies": pa.array(cep17, mask=random.random(patients) < NULLS),
        "her2_cep17_ratio": pa.array(np.round(copies / cep17, 2), mask=random.random(patients) < NULLS),
    })  # fmt: skip
    as_text = pa.table({name: table.column(name).cast(pa.string()) for name in table.column_names})
    rates = {}
    for name, each in (("numbers", table), ("text, as in a CSV", as_text)):
        took = [
            seconds(lambda each=each: decide_table("her2_status", each, knowledge=knowledge))  # type: ignore[misc]
            for _ in range(5)
        ]
        rates[name] = patients / statistics.median(took)
    return {"rows": patients, "rows per second": rates}


def show(found: dict[str, Any]) -> None:
    """Print the results under the facts of the machine."""
    print("\n".join(f"{name:<12} {value}" for name, value in found["machine"].items()))
    one = found["one patient"]
    print(f"\none patient, {one['tables']} tables of 8 rows, {one['records']} random records, one at a time")
    for name, took in one["microseconds"].items():
        print(f"  {name:<30} {took:10.1f} us")
    if "zen ratio" in one:
        print(f"  same answers over all {one['same answers']} records")
        print(f"  {one['zen way']} takes {one['zen ratio']:.0f} times as long (target: at least 20)")
    many = found["many patients"]
    print(f"\n{many['patients']:,} patients, Arrow to Arrow, one core, {many['megabytes']:.0f} MB in and out")
    for name, took in many["milliseconds"].items():
        rate = many["patients per second"].get(name)
        told = f"{rate / 1e6:8.1f} million patients/s, {many['times a copy'][name]:.1f} times a copy" if rate else ""
        print(f"  {name:<30} {took:10.1f} ms {told}")
    print(f"\nher2_status of {found['a file']['rows']:,} table rows, with their reasons and what would settle it")
    for name, rate in found["a file"]["rows per second"].items():
        print(f"  {name:<30} {rate / 1e6:10.1f} million rows/s")


if __name__ == "__main__":
    main()
