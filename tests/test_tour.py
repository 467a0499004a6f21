"""The tour holds: each file and function that a step names is there, and the session on the page gives what is shown."""

from __future__ import annotations

import ast
import doctest
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "src" / "her2path"
PAGE = (ROOT / "docs" / "tour.md").read_text(encoding="utf-8")
STEPS = re.findall(r"\*\*(?:(\d+)\. )?`([\w/]+\.py)`,\s+`([\w.]+)`\*\*", PAGE)
"""The number of a step or "", the file, and the function, method, class or constant."""
SESSION = "".join(re.findall(r"^```pycon\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL))


def names_of(body: list[ast.stmt]) -> dict[str, ast.stmt]:
    """The functions, classes and constants that stand at the top of a body."""
    named: dict[str, ast.stmt] = {}
    for each in body:
        if isinstance(each, ast.FunctionDef | ast.ClassDef):
            named[each.name] = each
        targets = (
            each.targets if isinstance(each, ast.Assign) else [each.target] if isinstance(each, ast.AnnAssign) else []
        )
        for target in targets:
            for name in ast.walk(target):
                if isinstance(name, ast.Name):
                    named[name.id] = each
    return named


def test_the_steps_are_numbered_in_their_order() -> None:
    numbers = [int(number) for number, _, _ in STEPS if number]
    assert numbers == list(range(1, len(numbers) + 1))
    assert len(numbers) > 15


def test_every_step_is_read_by_this_test() -> None:
    """A step written in another way would not be looked at."""
    assert len(re.findall(r"^\*\*\d+\.", PAGE, re.MULTILINE)) == len([number for number, _, _ in STEPS if number])
    assert PAGE.count("**`") == len([number for number, _, _ in STEPS if not number])


@pytest.mark.parametrize(("_number", "file", "name"), STEPS, ids=lambda each: each)
def test_the_file_and_the_function_of_a_step_are_there(_number: str, file: str, name: str) -> None:
    names = names_of(ast.parse((SOURCE / file).read_text(encoding="utf-8")).body)
    first, _, method = name.partition(".")
    assert first in names, f"{file} has no {first}"
    if method:
        kind = names[first]
        assert isinstance(kind, ast.ClassDef)
        assert method in names_of(kind.body), f"{first} of {file} has no {method}"


def test_every_file_that_a_step_names_is_named_with_its_function() -> None:
    prose = re.sub(r"^```.*?^```", "", PAGE, flags=re.MULTILINE | re.DOTALL)
    alone = [name for name in re.findall(r"`([\w/]+\.py)`", prose) if name not in {file for _, file, _ in STEPS}]
    assert alone == []


def test_the_session_gives_what_the_page_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    test = doctest.DocTestParser().get_doctest(SESSION, {}, "docs/tour.md", "docs/tour.md", 0)
    assert len(test.examples) > 40
    told: list[str] = []
    result = doctest.DocTestRunner().run(test, out=told.append)
    assert result.failed == 0, "".join(told)
