"""Makes an invented group of hospitals: simulated courses under four policies, and patients who are only tested.

    python examples/populations/make_hospital.py events.parquet --virtual-patients 1250

In each of four hospitals the heart is watched by another policy of `examples/policies/`, and the records are lightly
messy. Beside them stand as many patients again with HER2 tests alone: their results are drawn from shares that we chose
so that every status and every ISH group is there; they are no one's laboratory. One in nine of the positive is never
treated, and of some the stage is not recorded.
"""

from __future__ import annotations

import argparse
import datetime as dt
import random
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

HOSPITALS = {
    "North": "every-3-months", "East": "every-6-months", "South": "half-followed", "West": "every-3-months-confirmed",
}  # fmt: skip
RESULTS = (
    # share, IHC, ratio from, to, copies from, to: IHC alone where there is no ratio
    (0.36, "0", None, None), (0.24, "1+", None, None), (0.03, "3+", None, None), (0.02, "2+", None, None),
    (0.22, "2+", (0.9, 1.9), (1.5, 3.9)), (0.05, "2+", (2.1, 5.0), (6.1, 14.0)), (0.03, "2+", (2.0, 2.4), (2.5, 3.9)),
    (0.02, "2+", (1.4, 1.9), (6.0, 8.0)), (0.03, "2+", (1.2, 1.9), (4.0, 5.9)),
)  # fmt: skip
NAMES = ("patient", "date", "fact", "value", "unit", "product", "qualifier", "specimen", "hospital")


def courses(policy: str, number: int, virtual_patients: int, folder: Path) -> pa.Table:
    """The records of one policy's virtual patients."""
    path = folder / f"{policy}.parquet"
    policies = Path(__file__).parent.parent / "policies"
    command = [
        sys.executable, "-m", "her2path", "simulate", "course", "--policy", str(policies / f"{policy}.toml"), "--seed", str(number),
        "--virtual-patients", str(virtual_patients), "--records", str(path), "--mess", "light", "--processes", "1",
    ]  # fmt: skip
    subprocess.run(command, check=True, capture_output=True)
    return pq.read_table(path)


def tested(number: int, count: int) -> pa.Table:
    """Patients with HER2 tests and no course: one in a hundred has no test at all."""
    draw = random.Random(number)
    rows: list[dict[str, object]] = []
    for patient in range(count):
        name, day = f"t{patient:05}", dt.date(2023, 1, 2) + dt.timedelta(days=draw.randrange(900))
        born = dt.date(1935, 1, 1) + dt.timedelta(days=draw.randrange(19_000))
        person = {"sex": "male" if draw.random() < 0.01 else "female", "birth_date": str(born), "tumour_site": "breast"}
        if draw.random() < 0.92:
            person["stage"] = draw.choices("1234", (45, 33, 15, 7))[0]
        rows += [{"patient": name, "date": None, "fact": fact, "value": value} for fact, value in person.items()]
        if draw.random() < 0.01:
            continue
        (_, ihc, ratio, copies) = draw.choices(RESULTS, [each[0] for each in RESULTS])[0]
        results = {"ihc_score": ihc}
        if ratio and copies:
            results |= {
                "her2_cep17_ratio": f"{draw.uniform(*ratio):.2f}",
                "her2_copies": f"{draw.uniform(*copies):.1f}",
            }
        rows += [
            {"patient": name, "date": day, "fact": fact, "value": value, "specimen": "core"}
            for fact, value in results.items()
        ]
    names = NAMES[:-1]
    return pa.table(
        {
            name: pa.array([row.get(name) for row in rows], pa.date32() if name == "date" else pa.string())
            for name in names
        }
    )


def hospital(virtual_patients: int) -> pa.Table:
    """All of them in the long format, with a column that says in which hospital."""
    parts = []
    with TemporaryDirectory() as folder:
        for number, (name, policy) in enumerate(HOSPITALS.items(), start=1):
            of_policy = courses(policy, number, virtual_patients, Path(folder))
            for table in (of_policy, tested(number, virtual_patients)):
                patients = pc.binary_join_element_wise(pa.scalar(name.lower()), table["patient"].cast(pa.string()), "-")
                columns = {each: table[each] for each in NAMES[1:-1]}
                words = pa.array([name] * table.num_rows)
                parts.append(pa.table({"patient": patients, **columns, "hospital": words}))
    return pa.concat_tables(parts, promote_options="permissive")


def main() -> None:
    """Write them to a file of Parquet."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("output", type=Path)
    parser.add_argument("--virtual-patients", type=int, default=1250, help="In each of the four hospitals.")
    asked = parser.parse_args()
    table = hospital(asked.virtual_patients)
    pq.write_table(table, asked.output)
    print(f"{len(pc.unique(table['patient']))} patients, {table.num_rows} rows in {asked.output}")


if __name__ == "__main__":
    main()
