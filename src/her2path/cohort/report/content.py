"""What stands on the page over a population, gathered: every number with its definition, patients and commands."""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ...facts.problem import AskedWrongly
from ...facts.source import Source
from ...tables.library import Knowledge
from ..measures.count import ANSWERS, Counted, count, patients_of
from ..measures.read import Measure, measure_named, measures
from ..measures.views import bound_to, can_be_counted, opened
from ..measures.why import Reasons, why_open
from ..population.editions import editions_of, manifest_of_run
from .flow import Flow, Moved, flow_of, measures_moved
from .numbers import percent
from .picture import SHAPES, flow_picture, is_cut, legend_mark, rate_picture

FIRST = ("her2-treated", "lvef-every-3-months", "dosed-through-hold")
"""The measures whose numbers stand first, behind how many patients there are."""
MOST_PATIENTS = 20
MOST_INPUTS = 20
BETTER = {"higher": "higher is better", "lower": "lower is better", "neither": "neither is better"}
OPEN = ("undetermined", "membership undetermined")


class Asked:
    """What is asked for: the measures, by which columns, how few are too few to be told, how many patients named."""

    def __init__(
        self, folder: Path, keys: Sequence[str] = (), by: Sequence[str] = (), least: int = 0,
        most_patients: int = MOST_PATIENTS, title: str = "",
    ) -> None:  # fmt: skip
        self.folder, self.by, self.least, self.title = folder, tuple(dict.fromkeys(by)), least, title
        self.most_patients = 0 if least else most_patients
        all_there = [each for each in measures().values() if can_be_counted(folder, each)]
        first = [each for key in FIRST for each in all_there if each.key == key]
        self.measures = [measure_named(key) for key in keys] or [
            *first,
            *(each for each in all_there if each not in first),
        ]
        self._opened: dict[str | None, Any] = {}

    def views(self, measure: Measure) -> Any:
        """The views by which a measure is counted: those of the edition that it is bound to, or of the run."""
        bound = bound_to(measure)
        if bound not in self._opened:
            self._opened[bound] = opened(self.folder, bound)
        return self._opened[bound]

    def command(self, *words: str) -> str:
        """A command over the folder, as a shell takes it."""
        return shlex.join(["her2path", words[0], str(self.folder), *words[1:]])


def content_of(asked: Asked, knowledge: Knowledge) -> dict[str, Any]:
    """Everything on the page, ready to be laid out. Raises `AskedWrongly` for a column or measure that there is not."""
    manifest = manifest_of_run(asked.folder)
    counted = {each.key: count(asked.views(each), each)[0] for each in asked.measures}
    listed = [_measure(asked, each, counted[each.key], knowledge) for each in asked.measures]
    keys = editions_of(asked.folder)
    flow = flow_of(asked.folder, keys) if len(keys) > 1 else None
    return {
        "title": asked.title or asked.folder.resolve().name, "manifest": _manifest(manifest),
        "first": _first(asked, manifest, listed), "measures": listed,
        "open": [each for each in listed if each["open"]], "settle": _settle(asked),
        "by": [_by(asked, column) for column in asked.by],
        "flow": None if flow is None else _flow(asked, _limited(flow, asked.least)),
        "least": asked.least, "named": asked.most_patients, "caution": manifest["caution"],
    }  # fmt: skip


def _limited(flow: Flow, least: int) -> Flow:
    from dataclasses import replace

    return replace(flow, least=least)


def _first(asked: Asked, manifest: dict[str, Any], listed: list[dict[str, Any]]) -> list[dict[str, Any]]:
    summary = manifest["summary"]
    statuses = ", ".join(
        f"{number:,} {words}" for words, number in summary["her2_status"].items() if number >= asked.least
    )
    numbers: list[dict[str, Any]] = [{
        "number": f"{summary['patients']:,}", "words": f"patients, reviewed as of {manifest['plan']['on']}",
        "small": f"HER2: {statuses}", "key": "", "undetermined": "",
        "definition": "Everybody who has a record in the source, once.",
        "command": f"SELECT her2_group, count(*) FROM '{asked.folder}/patients/*.parquet' GROUP BY ALL",
    }]  # fmt: skip
    by_key = {each["key"]: each for each in listed}
    chosen = [by_key[key] for key in FIRST if key in by_key]
    chosen += [each for each in listed if each not in chosen and each["rate"]]
    for each in chosen[:3]:
        small = f"95 % interval {each['interval']}" if each["interval"] else each["words"]
        numbers.append({
            "number": each["rate"] or "–", "words": each["title"], "small": small, "key": each["key"],
            "undetermined": each["range"], "definition": f"{each['met']} of {each['known']} of whom it is known; "
            f"{each['undetermined']} undetermined, of {each['maybe']} it is open whether they are counted.",
            "command": each["command"],
        })  # fmt: skip
    return numbers


def _measure(asked: Asked, measure: Measure, counted: Counted, knowledge: Knowledge) -> dict[str, Any]:
    views = asked.views(measure)
    told = _numbers(counted, asked.least)
    groups = {} if told["small"] else {answer: _number_of(counted, answer) for answer in ANSWERS}
    who = [
        {"answer": answer, "count": number, "patients": _named(asked, views, measure, answer),
         "command": asked.command("measure", measure.key, "--who", answer)}
        for answer, number in groups.items() if number
    ]  # fmt: skip
    reasons: list[dict[str, Any]] = [
        {"answer": answer, "count": groups[answer], "why": _told_reasons(why_open(views, measure, answer), asked.least)}
        for answer in OPEN if groups.get(answer)
    ]  # fmt: skip
    sql = [(name, each) for name, each in (
        ("Who is counted", measure.denominator), ("Who is left out", measure.exclusions),
        ("Who meets it", measure.numerator), ("The number", measure.value),
    ) if each]  # fmt: skip
    return {
        **told, "key": measure.key, "title": measure.title, "version": measure.version, "counts": measure.counts,
        "edition": measure.edition, "better": BETTER[measure.better], "verified": measure.verified, "sql": sql,
        "undetermined_words": measure.undetermined, "differences": measure.differences,
        "sources": [_source(each.key, each.where, each.verified, knowledge.sources) for each in measure.citations],
        "who": who, "open": reasons, "picture": rate_picture([counted], [measure.title], least=asked.least),
        "command": asked.command("measure", measure.key),
    }  # fmt: skip


def _numbers(counted: Counted, least: int) -> dict[str, Any]:
    """The numbers of a stratum in words; all of them blank where one would be too small to be told."""
    small = counted.is_small(least)
    told: dict[str, Any] = {
        "small": small, "rate": "", "interval": "", "range": "", "met": "", "known": "", "undetermined": "",
        "maybe": "", "excluded": "", "words": f"not told: a count below {least}" if small else "",
    }  # fmt: skip
    if small:
        return told
    known = counted.met + counted.not_met
    told |= {
        "known": f"{known:,}", "undetermined": f"{counted.undetermined:,}", "maybe": f"{counted.maybe:,}",
        "excluded": f"{counted.excluded:,}",
    }  # fmt: skip
    if counted.measure.value:
        low, middle, high = counted.quartiles or (None, None, None)
        told["words"] = "nobody of whom it is known" if middle is None else f"quartiles {low:.0f} and {high:.0f} days"
        told["rate"] = "" if middle is None else f"{middle:.0f} days"
        return told
    told["met"] = f"{counted.met:,}"
    if counted.rate is None:
        return {**told, "words": "nobody of whom it is known"}
    told["rate"] = percent(counted.rate)
    if counted.interval is not None:
        told["interval"] = f"{percent(counted.interval[0])} to {percent(counted.interval[1])}"
    if counted.undetermined + counted.maybe and counted.lowest is not None and counted.highest is not None:
        told["range"] = f"{percent(counted.lowest)} to {percent(counted.highest)}"
    return told


def _number_of(counted: Counted, answer: str) -> int:
    known = {"met": counted.met, "not met": counted.not_met, "undetermined": counted.undetermined}
    if counted.measure.value:
        known = {"met": counted.not_met, "not met": 0, "undetermined": counted.undetermined}
    return {**known, "membership undetermined": counted.maybe, "excluded": counted.excluded}[answer]


def _named(asked: Asked, views: Any, measure: Measure, answer: str) -> list[str]:
    found = []
    for patient in patients_of(views, measure, answer) if asked.most_patients else ():
        found.append(patient)
        if len(found) >= asked.most_patients:
            break
    return found


def _told_reasons(reasons: Reasons, least: int) -> list[dict[str, str]]:
    return [
        {"words": words, "count": f"{number:,}" if number >= least else f"below {least}"} for words, number in reasons
    ]  # fmt: skip


def _source(key: str, where: str, verified: str, sources: Any) -> dict[str, str]:
    known: Source | None = sources.get(key)
    return {
        "key": key, "where": where, "verified": verified, "reference": known.reference if known else "",
        "address": known.address if known else "",
    }  # fmt: skip


def _settle(asked: Asked) -> list[dict[str, str]]:
    """What would settle the HER2 status of those who were tested and are undetermined, in patients."""
    sql = """SELECT her2_status_would_settle AS what, count(DISTINCT patient) AS n FROM specimens
        WHERE her2_status IS NULL AND patient IN (SELECT patient FROM patients WHERE her2_status IS NULL)
        GROUP BY ALL ORDER BY n DESC, what"""
    rows = opened(asked.folder).execute(sql).fetchall()
    return [
        {"words": what or "nothing that one test more could tell",
         "count": f"{n:,}" if n >= asked.least else f"below {asked.least}"} for what, n in rows
    ]  # fmt: skip


def _by(asked: Asked, column: str) -> dict[str, Any]:
    """Every measure told apart by a column: marks by stratum, and the same as a table."""
    strata: dict[str, None] = {}
    found, left_out = [], []
    for measure in asked.measures:
        try:
            counted = count(asked.views(measure), measure, column)
        except AskedWrongly:
            if column not in ("sex", "stage") and not any(_has(asked, each, column) for each in asked.measures):
                raise
            left_out.append(measure.key)
            continue
        counted = [each for each in counted if each.denominator or each.maybe or each.excluded]
        strata |= dict.fromkeys(each.stratum for each in counted)
        found.append((measure, {each.stratum: each for each in counted}))
    order = sorted(strata, key=lambda each: (each == "not recorded", each))
    drawn = order[: len(SHAPES)]
    rows = []
    for measure, by_stratum in found:
        shown = [by_stratum.get(name) or Counted(measure, name, 0, 0, 0, 0, 0, 0, 0) for name in order]
        if not any(each.denominator or each.maybe for each in shown):
            continue
        rows.append({
            "key": measure.key, "title": measure.title,
            "picture": rate_picture(shown, order, 300, asked.least),
            "strata": [{"name": each.stratum, **_numbers(each, asked.least)} for each in shown],
            "command": asked.command("measure", measure.key, "--by", column),
        })  # fmt: skip
    return {
        "column": column, "words": column.replace("_", " "), "rows": rows, "left_out": left_out,
        "legend": [{"name": name, "mark": legend_mark(place)} for place, name in enumerate(drawn)],
        "not_drawn": len(order) - len(drawn),
    }  # fmt: skip


def _has(asked: Asked, measure: Measure, column: str) -> bool:
    return column in [row[0] for row in asked.views(measure).execute(f"DESCRIBE {measure.counts}").fetchall()]


def _flow(asked: Asked, flow: Flow) -> dict[str, Any]:
    columns = [flow.column(place) for place in range(len(flow.editions))]
    steps = []
    for place, (before, after) in enumerate(zip(flow.editions, flow.editions[1:], strict=False)):
        moves = [(a, b, flow.told(n)) for (a, b), n in flow.step(place).items() if a != b]
        steps.append({
            "before": before, "after": after, "moves": moves,
            "table": [(a, b, flow.told(n)) for (a, b), n in flow.step(place).items()],
            "follows": [(what, a, b, flow.told(n)) for (what, a, b), n in flow.follows[place].items()],
        })  # fmt: skip
    statuses = [*dict.fromkeys(status for column in columns for status in column)]
    moved = measures_moved(asked.folder, flow.editions, asked.least)
    return {
        "editions": flow.editions, "patients": f"{flow.patients:,}", "wide": flow_picture(flow, 620),
        "narrow": flow_picture(flow, 344), "cut": is_cut(flow), "steps": steps,
        "statuses": [(status, [flow.told(column.get(status, 0)) for column in columns]) for status in statuses],
        "changed": flow.told(len(flow.changed)), "movers": flow.changed[: asked.most_patients],
        "moved": [_moved(each, asked) for each in moved], "command": asked.command("editions", *flow.editions, "--who"),
    }  # fmt: skip


def _moved(moved: Moved, asked: Asked) -> dict[str, Any]:
    rows = [
        {"edition": key, **_numbers(each, asked.least)} for key, each in zip(moved.editions, moved.counted, strict=True)
    ]
    return {"key": moved.counted[0].measure.key, "title": moved.counted[0].measure.title, "rows": rows}


def _manifest(manifest: dict[str, Any]) -> dict[str, Any]:
    plan = manifest["plan"]
    inputs = plan["inputs"]
    return {
        **plan, "settings_words": json.dumps(plan["settings"], ensure_ascii=False, sort_keys=True),
        "shown_inputs": inputs[:MOST_INPUTS], "more_inputs": max(len(inputs) - MOST_INPUTS, 0),
        "rows": manifest["rows"], "not_read": manifest["summary"]["not_read"], "editions": manifest["editions"],
    }  # fmt: skip
