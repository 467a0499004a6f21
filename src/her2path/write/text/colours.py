"""Words of severity in colour: the verdict and the grade with which a line of a review begins, for a terminal."""

from __future__ import annotations

import re

import click

from ...findings.finding import Grade
from ...findings.plan.verdicts import NOT_KNOWN

OF_VERDICTS = {
    "STOP": "red", "DO NOT GIVE THE ORDER": "red", "HOLD": "red", "CHANGE": "yellow", "ASK FIRST": "yellow",
    NOT_KNOWN: "yellow", "GIVE": "green",
}  # fmt: skip
OF_GRADES = {
    Grade.ALARM: "red", Grade.ACT: "red", Grade.CONTRADICTION: "yellow", Grade.DUE: "yellow", Grade.MISSING: "yellow",
    Grade.UNREADABLE: "yellow",
}  # fmt: skip
BOLD = ("STOP", Grade.ALARM.word)
_COLOURS = {**OF_VERDICTS, **{grade.word: colour for grade, colour in OF_GRADES.items()}}
_GRADES = "|".join(grade.word for grade in OF_GRADES)
_VERDICTS = "|".join(sorted(map(re.escape, OF_VERDICTS), key=len, reverse=True))
_BEGINS = re.compile(rf"^(\s*)(?:((?:{_GRADES})(?=: ))|((?:{_VERDICTS})(?= |$)))", re.MULTILINE)


def in_colour(word: str, shown: str = "") -> str:
    """A verdict or a grade in the colour of its severity; `shown` is how it stands on the line."""
    colour = _COLOURS.get(word)
    return click.style(shown or word, fg=colour, bold=True if word in BOLD else None) if colour else shown or word


def by_severity(text: str) -> str:
    """A review in words whose verdicts and grades at the beginning of a line are in colour."""
    return _BEGINS.sub(lambda found: found[1] + in_colour(found[2] or found[3]), text)
