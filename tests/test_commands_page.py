"""The page of the commands: what the commands themselves say, with an example for each that names real options."""

from __future__ import annotations

import inspect
import shlex
from pathlib import Path

import click
import pytest

from document_scripts import script

ROOT = Path(__file__).parent.parent
made = script(ROOT / "docs" / "make_commands.py")
COMMANDS: dict[str, click.Command] = dict(made.commands())


def test_the_page_is_what_the_commands_say() -> None:
    assert made.PAGE.read_text(encoding="utf-8") == made.page(), "run: python docs/make_commands.py"


def test_every_command_is_on_the_page_with_an_example() -> None:
    headings = [line[len("## her2path ") :] for line in made.page().splitlines() if line.startswith("## ")]
    assert sorted(headings) == sorted(COMMANDS) == sorted(made.EXAMPLES)
    assert len(COMMANDS) > 12


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_says_what_it_does(name: str) -> None:
    words = " ".join((COMMANDS[name].help or "").partition("\n\n")[0].split())
    assert words[:1].isupper(), words
    assert words.endswith("."), words
    assert len(words.split()) >= 6, words


def examples() -> list:
    return [
        pytest.param(name, line, id=line[:60])
        for name, text in made.EXAMPLES.items()
        for line in inspect.cleandoc(text).splitlines()
    ]


@pytest.mark.parametrize(("name", "line"), examples())
def test_an_example_names_its_command_its_options_and_files_that_are_there(name: str, line: str) -> None:
    words = shlex.split(line)
    assert words[: 1 + len(name.split())] == ["her2path", *name.split()]
    known = {each for option in COMMANDS[name].params for each in (*option.opts, *option.secondary_opts)}
    assert {word for word in words if word.startswith("--") or word == "-o"} <= known
    for word in words:
        assert not word.startswith("examples/") or (ROOT / word).exists(), word
