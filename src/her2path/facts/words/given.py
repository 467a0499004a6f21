"""What a program gives: a day, a path or facts in the forms in which programs hold them, or a refusal in words."""

from __future__ import annotations

import datetime as dt
import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from ..problem import AskedWrongly
from .nearest import hint

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
TODAY = "today"


def day_given(day: object, called: str = "on") -> dt.date:
    """The day of a date, of a date with a time, or of the text YYYY-MM-DD or `today`. Raises `AskedWrongly`."""
    if isinstance(day, dt.datetime):
        return day.date()
    if isinstance(day, dt.date):
        return day
    if isinstance(day, str):
        if day.strip().lower() == TODAY:
            return dt.date.today()
        if _DAY.fullmatch(day.strip()):
            try:
                return dt.date.fromisoformat(day.strip())
            except ValueError as error:
                raise AskedWrongly(f"{called}={day!r} is no day of the calendar; write YYYY-MM-DD") from error
    raise AskedWrongly(f"{called}={day!r} is no day; give a datetime.date, or text as '2026-02-17'")


def day_or_none(day: object, called: str = "on") -> dt.date | None:
    """The same, `None` staying what it is."""
    return None if day is None else day_given(day, called)


def path_given(path: object, called: str = "path") -> Path:
    """A path in any of its forms. Raises `AskedWrongly` for what is none, such as a list of them."""
    if isinstance(path, str | os.PathLike) and not isinstance(path, bytes):
        text = os.fspath(path)
        if isinstance(text, str):
            return Path(text)
    raise AskedWrongly(f"{called} is a {type(path).__name__}; give one path, as text or pathlib.Path")


def paths_given(paths: object, called: str = "path") -> list[Path]:
    """One path, or several in a list. Raises `AskedWrongly` for what is none, and for none at all."""
    if isinstance(paths, list | tuple):
        if not paths:
            raise AskedWrongly(f"{called} is an empty list; give at least one path")
        return [path_given(path, called) for path in paths]
    return [path_given(paths, called)]


def facts_given(facts: object) -> Mapping[str, object]:
    """Facts by name, from a mapping or from pairs. Raises `AskedWrongly` for what is neither, or for a name twice."""
    if isinstance(facts, Mapping):
        return facts
    how = "facts are given by name, as in {'ihc_score': '2+'}"
    if isinstance(facts, str) or not isinstance(facts, Iterable):
        raise AskedWrongly(f"{how}; {facts!r} is a {type(facts).__name__}")
    given: dict[str, object] = {}
    for pair in facts:
        if not isinstance(pair, tuple | list) or len(pair) != 2:
            raise AskedWrongly(f"{how}; {pair!r} is no pair of a name and a value")
        if pair[0] in given:
            raise AskedWrongly(f"{pair[0]} is given twice: {given[pair[0]]} and {pair[1]}")
        given[str(pair[0])] = pair[1]
    return given


def word_given(word: object, known: Iterable[str], called: str) -> str | None:
    """A word of a closed list in small letters, `None` staying what it is. Raises `AskedWrongly` with the nearest."""
    if word is None:
        return None
    listed = list(known)
    if isinstance(word, str) and word.strip().lower() in listed:
        return word.strip().lower()
    raise AskedWrongly(f"{called}={word!r} is none that is known{hint(str(word), listed)}")
