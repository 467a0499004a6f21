"""Why somebody is undetermined in a measure: which of the things that its conditions ask for is not known."""

from __future__ import annotations

import re
from typing import Any

from .count import answer_of
from .read import Measure

_COLUMN = re.compile(r"\bp\.(\w+)")
_MACRO = re.compile(r"\b(said|recorded|lvef_between)\s*\(")
_NAME = re.compile(r"'([^']*)'")
ELSEWHERE = "what else the definition asks for is not on record"
WORDS = {
    "her2_status": "HER2 is undetermined or not tested",
    "first_test_day": "no HER2 test has a day",
    "lvef_between": "an LVEF has no day",
}
Reasons = list[tuple[str, int]]
"""Words and how many; somebody may have several, so that they may come to more than all."""


def why_open(connection: Any, measure: Measure, answer: str) -> Reasons:
    """What is not known of those with an answer, `undetermined` or `membership undetermined`, the commonest first."""
    if answer == "undetermined":
        asked = [(measure.value or measure.numerator, "true")]
    else:
        asked = [(measure.denominator, f"({measure.denominator}) IS NULL")]
        if measure.exclusions:
            asked.append((measure.exclusions, f"({measure.exclusions}) IS NULL"))
    nulls = {words: f"(({told}) IS NULL AND {where})" for sql, where in asked for words, told in _parts(sql).items()}
    found = " OR ".join(nulls.values()) or "false"
    counts = [f"count(*) FILTER (WHERE {each})" for each in (*nulls.values(), f"NOT ({found})")]
    sql = f"SELECT {', '.join(counts)} FROM {measure.counts} p WHERE ({answer_of(measure)}) = ?"
    row = connection.execute(sql, [answer]).fetchone()
    told = [(words, int(number)) for words, number in zip((*nulls, ELSEWHERE), row, strict=True) if number]
    return sorted(told, key=lambda each: -each[1])


def _parts(sql: str) -> dict[str, str]:
    """The columns and the macros of a condition by what is said where one is null."""
    found: dict[str, str] = {}
    rest = sql
    for match in reversed([*_MACRO.finditer(sql)]):
        end = _closing(sql, match.end())
        call = sql[match.start() : end]
        names = _NAME.findall(call)
        name = match[1] if match[1] == "lvef_between" else names[0] if names else match[1]
        kind = "is undetermined" if match[1] == "said" else "is recorded without a value"
        found[WORDS.get(name, f"{_words(name)} {kind}")] = call
        rest = rest[: match.start()] + rest[end:]
    for name in dict.fromkeys(_COLUMN.findall(rest)):
        if name != "patient" and not name.startswith("has_"):
            found[WORDS.get(name, f"{_words(name)} is not known")] = f"p.{name}"
    return found


def _closing(sql: str, place: int) -> int:
    """The place behind the bracket that closes one which was opened before a place."""
    depth = 1
    while depth and place < len(sql):
        depth += {"(": 1, ")": -1}.get(sql[place], 0)
        place += 1
    return place


def _words(name: str) -> str:
    return name.replace("her2", "HER2").replace("lvef", "LVEF").replace("_", " ")
