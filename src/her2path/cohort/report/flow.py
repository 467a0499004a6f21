"""How patients move between editions: their HER2 status by each, who changes, and what follows for the treatment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...facts.value import Json
from ..measures.count import Counted, count
from ..measures.read import measures
from ..measures.views import bound_to, opened, place_of

STATUSES = ("positive", "equivocal", "undetermined", "negative", "not tested")
"""The statuses that are told, from above to below: what no test was done of is not undetermined."""
OTHER = "other"
VERDICT, ELIGIBLE = "next dose", "HER2-directed therapy, by the status"


@dataclass(frozen=True, slots=True)
class Mover:
    """One patient who is seen otherwise: her status by each edition, the rows that said so, the next dose by each."""

    patient: str
    statuses: tuple[str, ...]
    rows: tuple[str, ...]
    verdicts: tuple[str, ...]

    def as_json(self) -> dict[str, Json]:
        """As an output has it."""
        return {
            "patient": self.patient, "her2_status": list(self.statuses), "rows": list(self.rows),
            "next_dose": list(self.verdicts),
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Flow:
    """All patients by some editions. `paths` counts the patients of each sequence of statuses, an edition each.

    `follows` counts, for each step from an edition to the next, what changes for the treatment: (what, before, after).
    Counts from 1 to below `least` are not told.
    """

    editions: tuple[str, ...]
    patients: int
    paths: dict[tuple[str, ...], int]
    changed: tuple[Mover, ...]
    follows: tuple[dict[tuple[str, str, str], int], ...]
    findings: tuple[dict[tuple[str, str], int], ...]
    """For each step the findings that come (more than 0) or go (less), by outcome and value, in patients."""
    least: int = 0

    def column(self, place: int) -> dict[str, int]:
        """How many patients have each status by the edition at a place, in the order of `STATUSES`."""
        found = dict.fromkeys(STATUSES, 0)
        for path, number in self.paths.items():
            found[path[place]] = found.get(path[place], 0) + number
        return {status: number for status, number in found.items() if number}

    def step(self, place: int) -> dict[tuple[str, str], int]:
        """How many go from which status to which, from the edition at a place to the next."""
        found: dict[tuple[str, str], int] = {}
        for path, number in self.paths.items():
            key = (path[place], path[place + 1])
            found[key] = found.get(key, 0) + number
        order = {status: rank for rank, status in enumerate((*STATUSES, OTHER))}
        return dict(sorted(found.items(), key=lambda each: [order.get(status, len(order)) for status in each[0]]))

    def told(self, number: int) -> str:
        """A count in words, or that it is too small to be told."""
        return f"{number:,}" if not 0 < abs(number) < self.least else f"below {self.least}"

    def as_json(self) -> dict[str, Json]:
        """As an output has it; what is too small is null, and nobody is named then."""

        def number(count: int) -> int | None:
            return None if 0 < abs(count) < self.least else count

        steps: list[Json] = []
        for place, (before, after) in enumerate(zip(self.editions, self.editions[1:], strict=False)):
            steps.append({
                "from": before, "to": after,
                "status": [{"before": a, "after": b, "patients": number(n)} for (a, b), n in self.step(place).items()],
                "treatment": [
                    {"what": what, "before": a, "after": b, "patients": number(n)}
                    for (what, a, b), n in self.follows[place].items()
                ],
                "findings": [
                    {"outcome": outcome, "value": value, "patients": number(n)}
                    for (outcome, value), n in self.findings[place].items()
                ],
            })  # fmt: skip
        return {
            "editions": list(self.editions), "patients": self.patients,
            "her2_status": {key: {status: number(n) for status, n in self.column(place).items()}
                            for place, key in enumerate(self.editions)},
            "steps": steps, "changed": number(len(self.changed)),
            "patients_changed": [] if self.least else [each.as_json() for each in self.changed],
        }  # fmt: skip


def flow_of(folder: Path, editions: Sequence[str]) -> Flow:
    """The flow between editions under which the patients of a folder lie reviewed. Raises `AskedWrongly`."""
    connection = opened(folder)
    for number, key in enumerate(editions):
        for table in ("patients", "findings", "specimens"):
            pattern = str(place_of(folder, key) / table / "*.parquet").replace("'", "''")
            connection.execute(f"CREATE VIEW {table}_{number} AS SELECT * FROM read_parquet('{pattern}')")
    numbers = range(len(editions))
    statuses = ", ".join(f"{_status(number)} AS s{number}" for number in numbers)
    verdicts = ", ".join(f"p{number}.verdict_group AS v{number}" for number in numbers)
    joined = " ".join(f"JOIN patients_{number} p{number} USING (patient)" for number in numbers[1:])
    connection.execute(f"CREATE TEMP TABLE seen AS SELECT patient, {statuses}, {verdicts} FROM patients_0 p0 {joined}")
    all_statuses = ", ".join(f"s{number}" for number in numbers)
    rows = connection.execute(f"SELECT {all_statuses}, count(*) FROM seen GROUP BY ALL ORDER BY ALL").fetchall()
    paths = {tuple(row[:-1]): int(row[-1]) for row in rows}
    changed = _changed(connection, len(editions))
    follows = tuple(_follows(connection, number) for number in numbers[:-1])
    findings = tuple(_findings(connection, number) for number in numbers[:-1])
    return Flow(tuple(editions), sum(paths.values()), paths, changed, follows, findings)


def _status(number: int) -> str:
    """The status in a word; null is undetermined where there is a specimen, and not tested where there is none."""
    alias = f"p{number}"
    return (
        f"CASE WHEN {alias}.her2_status IS NOT NULL THEN {alias}.her2_status WHEN EXISTS (SELECT 1 FROM "
        f"specimens_{number} t WHERE t.patient = {alias}.patient) THEN 'undetermined' ELSE 'not tested' END"
    )


def _changed(connection: Any, count_of: int) -> tuple[Mover, ...]:
    other = " OR ".join(f"s{number} <> s{number + 1}" for number in range(count_of - 1))
    behind = ", ".join(
        f"(SELECT string_agg(DISTINCT t.her2_status_rows, ' / ' ORDER BY t.her2_status_rows) FROM specimens_{number} t "
        f"WHERE t.patient = seen.patient)" for number in range(count_of)
    )  # fmt: skip
    columns = ", ".join(f"s{number}" for number in range(count_of))
    verdicts = ", ".join(f"v{number}" for number in range(count_of))
    sql = f"SELECT patient, {columns}, {behind}, {verdicts} FROM seen WHERE {other} ORDER BY patient"
    found = []
    for patient, *rest in connection.execute(sql).fetchall():
        thirds = [
            tuple(each or "" for each in rest[start : start + count_of]) for start in range(0, 3 * count_of, count_of)
        ]
        found.append(Mover(patient, thirds[0], thirds[1], thirds[2]))
    return tuple(found)


def _follows(connection: Any, number: int) -> dict[tuple[str, str, str], int]:
    """What changes for the treatment in a step: eligibility by the status, and the verdict on the next dose."""
    eligible = (
        "CASE s{0} WHEN 'positive' THEN 'eligible' WHEN 'undetermined' THEN 'open' WHEN 'not tested' THEN 'open' "
        "ELSE 'not eligible' END"
    )
    found: dict[tuple[str, str, str], int] = {}
    for what, expression in ((ELIGIBLE, eligible), (VERDICT, "coalesce(v{0}, 'no course')")):
        one, other = expression.format(number), expression.format(number + 1)
        sql = f"SELECT {one} a, {other} b, count(*) n FROM seen WHERE a <> b GROUP BY ALL ORDER BY n DESC, a, b"
        found |= {(what, before, after): n for before, after, n in connection.execute(sql).fetchall()}
    return found


def _findings(connection: Any, number: int) -> dict[tuple[str, str], int]:
    """The findings that come and go in a step, by how many patients more or fewer have each."""
    sql = f"""SELECT outcome, value, sum(n)::BIGINT AS more FROM (
        SELECT outcome, value, count(DISTINCT patient) AS n FROM findings_{number + 1} GROUP BY ALL
        UNION ALL SELECT outcome, value, -count(DISTINCT patient) FROM findings_{number} GROUP BY ALL)
        WHERE outcome <> '' GROUP BY ALL HAVING more <> 0 ORDER BY abs(more) DESC, outcome, value"""
    return {(outcome, value or ""): more for outcome, value, more in connection.execute(sql).fetchall()}


@dataclass(frozen=True, slots=True)
class Moved:
    """One measure by each of some editions."""

    editions: tuple[str, ...]
    counted: tuple[Counted, ...]
    least: int = 0

    def as_json(self) -> dict[str, Any]:
        """As an output has it."""
        by = {key: each.as_json(self.least) for key, each in zip(self.editions, self.counted, strict=True)}
        return {"measure": self.counted[0].measure.key, "title": self.counted[0].measure.title, "by_edition": by}


def measures_moved(folder: Path, editions: Sequence[str], least: int = 0) -> list[Moved]:
    """The measures that come to another count by another edition; those bound to one edition are left out."""
    connections = [opened(folder, key) for key in editions]
    found = []
    for measure in measures().values():
        if bound_to(measure) is not None:
            continue
        counted = tuple(count(connection, measure)[0] for connection in connections)
        if len({(each.met, each.not_met, each.undetermined, each.maybe, each.excluded) for each in counted}) > 1:
            found.append(Moved(tuple(editions), counted, least))
    return found
