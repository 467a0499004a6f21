"""What is said of 300 simulated patients and of every example is what was last approved, alone and in one batch."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from itertools import zip_longest
from typing import Any

import pytest

from golden import write as golden

ADVICE = (
    "A finding changed, and that is clinical. If it is meant: describe it in changelog.d/NAME.clinical.md, then write the"
    " file anew with `python tests/golden/write.py` and read every line of `git diff tests/golden`."
)


def first_difference(found: list[str], kept: list[str]) -> str:
    """The first patient of whom something else is said, and what."""
    for now, before in zip_longest(found, kept):
        if now != before:
            one, other = (json.loads(each) if each else {} for each in (now, before))
            names = [name for name in {**one, **other} if one.get(name) != other.get(name)]
            told = [
                f"{name}\n  now:    {less(one.get(name), other.get(name))}\n  before: {less(other.get(name), one.get(name))}"
                for name in names
            ]
            return "\n".join([f"{(one or other)['file']} {(one or other).get('patient')}", *told, ADVICE])
    return ""


def less(one: Any, other: Any) -> Any:
    """Of two lists of findings what stands in the one alone; anything else as it is."""
    return [each for each in one if each not in other] if isinstance(one, list) and isinstance(other, list) else one


@pytest.mark.parametrize("way", [golden.together, golden.alone], ids=["together", "alone"])
@pytest.mark.parametrize("name", ["clean", "messy", "examples"])
def test_what_is_said_is_what_was_approved(name: str, way: Callable[..., Iterator[str]]) -> None:
    found = sorted(each for source in golden.sources()[name] for each in way(source))
    difference = first_difference(found, golden.kept(name))
    assert not difference, difference


def test_what_is_kept_is_worth_keeping() -> None:
    """Every grade but one or two is there, every example, and 150 patients of each kind."""
    lines = {name: [json.loads(each) for each in golden.kept(name)] for name in ("clean", "messy", "examples")}
    assert [len(lines[name]) for name in ("clean", "messy")] == [150, 150]
    courses = {path.name for path in (golden.EXAMPLES / "courses").glob("*.csv")}
    assert {each["file"] for each in lines["examples"]} == {*courses, "her2-tests.ndjson"}
    grades = {
        found[0]
        for listed in lines.values()
        for each in listed
        for found in (*(each.get("course") or ()), *each.get("findings", ()))
    }
    assert grades == {"alarm", "act", "contradiction", "due", "missing", "unreadable", "note"}
    assert sum(path.stat().st_size for path in golden.HERE.iterdir() if path.is_file()) < 1_500_000
