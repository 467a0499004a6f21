"""Whoever misspells a name is told the nearest ones, at most five, and where all of them are listed."""

from __future__ import annotations

import re

import pytest
from click.testing import CliRunner

from her2path.cli import main
from her2path.facts.words.nearest import ALL_NAMED, MOST_NAMED, either, hint, nearest
from her2path.tables.load import default_knowledge

EDITIONS = sorted({edition.key for edition in default_knowledge().editions})
OUTCOMES = sorted({name for edition in default_knowledge().editions for name in edition.tables})
FACTS = list(default_knowledge().facts)


@pytest.mark.parametrize(
    ("word", "known", "first"),
    [
        ("asco-cap-2019", EDITIONS, "asco-cap-2013"),
        ("her2_statu", OUTCOMES, "her2_status"),
        ("HER2-Status", OUTCOMES, "her2_status"),
        ("ihc", FACTS, "ihc_score"),
        ("weight", FACTS, "weight_kg"),
        ("trastuzumab", default_knowledge().facts["product"].values, "trastuzumab-iv"),
        ("ogivry", default_knowledge().facts["brand"].values, "ogivri"),
    ],
)
def test_the_nearest_comes_first(word: str, known: list[str], first: str) -> None:
    assert nearest(word, known)[0] == first


@pytest.mark.parametrize("known", [EDITIONS, OUTCOMES, FACTS], ids=["editions", "outcomes", "facts"])
def test_never_more_than_five_are_told_and_each_name_is_nearest_to_itself(known: list[str]) -> None:
    for name in known:
        near = nearest(name, known)
        assert near[0] == name
        assert len(near) <= MOST_NAMED
        assert nearest(name[:-1] + "x" if len(name) > 6 else name, known)


def test_what_is_like_nothing_has_no_neighbour() -> None:
    assert nearest("xyzzy", FACTS) == nearest("", FACTS) == nearest("uk", ["us", "eu"]) == []


def test_the_hint_says_the_nearest_and_where_all_are() -> None:
    assert hint("b", ["a", "c"]) == "; there are a, c"
    many = [f"name-{letter}" for letter in "abcdefghijkl"]
    assert len(many) > ALL_NAMED
    assert hint("xyzzy", many, "her2path show") == "; all 12 are listed by her2path show"
    assert hint("xyzzy", many) == ""
    assert hint("asco-cap-2019", EDITIONS, "her2path show").endswith(f"? (all {len(EDITIONS)}: her2path show)")
    assert either(["a"]) + either(["a", "b", "c"]) == "aa, b or c"


@pytest.mark.parametrize(
    "line",
    [
        "show her2_statu",
        "show asco-cap-201",
        "decide her2_statu",
        "decide her2_status --fact ihc_scor=2+",
        "decide her2_status --edition asco-cap-2017 --fact ihc_score=2+",
        "diff asco-cap-2013 asco-cap-2019",
        "review examples/courses/late-dose.csv --edition asco-cap-2019",
    ],
)
def test_a_command_answers_a_wrong_name_in_one_short_line(line: str) -> None:
    found = CliRunner().invoke(main, line.split())
    assert found.exit_code == 2
    assert "did you mean" in found.output
    assert "her2path show" in found.output
    (told,) = [each for each in found.output.splitlines() if "did you mean" in each]
    assert len(told) < 200, told
    assert len(re.split(r", | or ", told.partition("did you mean ")[2].partition("?")[0])) <= MOST_NAMED


def test_what_lists_all_lists_all() -> None:
    editions, facts = (CliRunner().invoke(main, ["show", *of]).output for of in ([], ["facts"]))
    assert all(key in editions for key in [*EDITIONS, *OUTCOMES])
    assert [line.partition(":")[0] for line in facts.splitlines()] == FACTS
