"""The door: commands and public names are known before anything is imported, and a small command starts quickly."""

from __future__ import annotations

import subprocess
import sys

import click
import pytest
from click.testing import CliRunner

from her2path.cli.group import main
from her2path.cli.lazy import LazyCommands, LazyGroup
from her2path.cli.simulators import simulate
from test_start_up import imported_by

GROUPS = [main, simulate]
COMMANDS = [pytest.param(group, name, id=f"{group.name} {name}") for group in GROUPS for name in group.commands]


# -- commands -------------------------------------------------------------------------------------


@pytest.mark.parametrize(("group", "name"), COMMANDS)
def test_every_place_holds_its_command(group: LazyGroup, name: str) -> None:
    command = LazyCommands(group.lazy.places, group.lazy.group)[name]
    assert isinstance(command, click.Command)
    assert command.name == name
    assert command.help


@pytest.mark.parametrize(("group", "name"), COMMANDS)
def test_every_command_is_told_on_one_line(group: LazyGroup, name: str) -> None:
    line = group.lazy.places[name].line
    assert f"{name}  " in (told := CliRunner().invoke(main, [] if group is main else ["simulate"]).output)
    assert any(printed.endswith(line) for printed in told.splitlines())


def test_a_group_takes_other_commands_too() -> None:
    @click.command()
    def other() -> None:
        """Another one."""

    group = LazyGroup("some")
    group.add_command(other)
    assert (list(group.commands), group.commands["other"]) == (["other"], other)
    assert "other  Another one." in CliRunner().invoke(group, ["--help"]).output
    del group.commands["other"]
    assert not group.commands


def test_a_command_that_does_not_exist_is_asked_wrongly() -> None:
    result = CliRunner().invoke(main, ["revue", "x"])
    assert result.exit_code == 2
    assert "No such command 'revue'" in result.output


def test_the_module_is_the_command() -> None:
    result = subprocess.run([sys.executable, "-m", "her2path", "--version"], capture_output=True, text=True, check=True)
    assert result.stdout.startswith("her2path, version ")
    assert result.stderr == ""


@pytest.mark.parametrize(
    "words", [[], ["--help"], ["review", "--help"], ["decide", "-h"], ["show", "-h"], ["simulate", "-h"]]
)
def test_help_needs_no_numpy(words: list[str]) -> None:
    code = f"from click.testing import CliRunner\nfrom her2path.cli import main\nCliRunner().invoke(main, {words})"
    assert not imported_by(code) & {"numpy", "pyarrow", "markdown_it", "her2path.tables.library"}
