"""The patients of a run as other editions see them: from the facts that were read, part by part, without the source.

OUT/editions/KEY/{findings,patients,episodes,specimens}/part-0000.parquet ... and edition.json, which comes last.
Broken off, it goes on with the parts that are not done.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from ...facts.problem import AskedWrongly
from ...facts.words.nearest import hint
from ...findings.patient import Reviewer
from ...findings.settings import Settings
from ...record.table import columns_of_events
from ...tables.library import Knowledge
from ...write.output import telling
from ..manifest import knowledge_digest
from ..pool import in_turn
from .folder import EDITIONS, MANIFEST, json_of, put_json, written
from .plan import differences, told_settings
from .run import CARRYING, Progress, tables_of

DONE = "edition.json"
STATUS = "her2_status"


def words_of(editions: str | None) -> list[str]:
    """Keys that are written one behind the other with commas; each once."""
    return [*dict.fromkeys(key.strip() for key in (editions or "").split(",") if key.strip())]


def require_editions(keys: Sequence[str], knowledge: Knowledge) -> None:
    """Raise `AskedWrongly` where a key is none of an edition that decides HER2 tests, with the nearest."""
    able = {edition.key for edition in knowledge.editions if STATUS in edition.tables}
    for key in keys:
        if key not in able:
            raise AskedWrongly(f"no edition of HER2 tests is called {key!r}{hint(key, sorted(able))}")


def editions_of(folder: Path) -> list[str]:
    """The editions under which the patients of a run lie reviewed, by the day from which they are in force."""
    found = [(json_of(path), path.parent.name) for path in (folder / EDITIONS).glob(f"*/{DONE}")]
    return [name for _, name in sorted((told["in_force_from"] or "", name) for told, name in found if told)]


def manifest_of_run(folder: Path) -> Any:
    """The manifest of a run that is done. Raises `AskedWrongly` where there is none."""
    manifest = json_of(folder / MANIFEST)
    if manifest is None:
        raise AskedWrongly(
            f"{folder} holds no population that is done; make one with her2path cohort SOURCE -o {folder}"
        )
    return manifest


def review_editions(
    folder: Path, keys: Sequence[str], knowledge: Knowledge, settings: Settings, *, processes: int | None = None,
    progress: Progress | None = None,
) -> list[str]:  # fmt: skip
    """Review the facts of a run by other editions of HER2 tests, into its folder; what is done is not done again.

    `settings` are those of the run. Gives the keys that are there now. Raises `AskedWrongly` for other settings or
    other knowledge than those of the run, and where the folder cannot be written.
    """
    require_editions(keys, knowledge)
    plan = manifest_of_run(folder)["plan"]
    _require_same(folder, plan, knowledge, settings)
    tell = progress or (lambda _what, _done, _all: None)
    for key in keys:
        place = folder / EDITIONS / key
        if (place / DONE).is_file():
            continue
        with telling(place):
            place.mkdir(parents=True, exist_ok=True)
        work = _Part(folder, place, Reviewer(knowledge, replace(settings, edition=key)))
        waiting = [part for part in range(plan["parts"]) if not (place / f"{part:04}.done").exists()]
        done = plan["parts"] - len(waiting)
        tell(key, done, plan["parts"])
        for _ in in_turn(waiting, work, min(processes or 1, max(len(waiting), 1))):
            done += 1
            tell(key, done, plan["parts"])
        begins = knowledge.edition(key).since
        put_json(place / DONE, {"edition": key, "in_force_from": begins.isoformat() if begins else None,
                                "knowledge": plan["knowledge"]})  # fmt: skip
        for mark in place.glob("*.done"):
            mark.unlink()
    return editions_of(folder)


def _require_same(folder: Path, plan: Any, knowledge: Knowledge, settings: Settings) -> None:
    now = {
        "settings": told_settings(settings),
        "knowledge": {"folder": knowledge.folder.name, "sha256": knowledge_digest(knowledge.folder)},
    }  # fmt: skip
    if told := differences({name: plan[name] for name in now}, now):
        words = " and other ".join(each.removeprefix("the ") for each in told)
        advice = "make it anew with her2path cohort --anew"
        if told == ["the settings"]:
            advice = f"name the file of its --settings, or {advice}"
        raise AskedWrongly(f"{folder} was made with other {words}; {advice}")


class _Part:
    """Reviews the facts of a part by one edition and writes its tables. In any process."""

    def __init__(self, folder: Path, place: Path, reviewer: Reviewer) -> None:
        self.folder, self.place, self.reviewer = folder, place, reviewer

    def __call__(self, part: int) -> int:
        name = f"part-{part:04}.parquet"
        facts = pq.read_table(self.folder / "facts" / name)
        made = tables_of(self.reviewer.review_columns(columns_of_events(facts)))
        self._carry(made, name)
        for table, content in made.items():
            path = self.place / table / name
            with telling(path):
                path.parent.mkdir(exist_ok=True)
            with written(path) as beside:
                pq.write_table(content, beside)
        put_json(self.place / f"{part:04}.done", {})
        return part

    def _carry(self, made: dict[str, Any], name: str) -> None:
        """Take what is carried from the tables of the run: the source is not read again."""
        before = pq.read_table(self.folder / "patients" / name)
        more = [column for column in before.column_names if column not in made["patients"].column_names]
        if not more:
            return
        place = {patient: row for row, patient in enumerate(before.column("patient").to_pylist())}
        for table in CARRYING:
            rows = pa.array([place[patient] for patient in made[table].column("patient").to_pylist()], pa.int64())
            for column in more:
                made[table] = made[table].append_column(before.schema.field(column), before.column(column).take(rows))


def settings_of_run(plan: Any, at: Any) -> Settings:
    """The settings of a run as its manifest tells them, with those of the institution, which it tells in part."""
    told = plan["settings"]
    return Settings(told["on"], told.get("site"), told.get("edition"), told.get("jurisdiction"), at)
