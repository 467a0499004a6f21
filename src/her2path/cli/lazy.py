"""Groups of commands that are known by name and one line, and imported when one of them is called."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, MutableMapping
from importlib import import_module
from typing import Any, NamedTuple

import click


class Place(NamedTuple):
    """Where a command stands: the module of this package that holds it by its name; and its line of help."""

    module: str
    line: str


class LazyCommands(MutableMapping[str, click.Command]):
    """Commands by name, in the order of `places`; the module of one is imported when the command is looked up."""

    def __init__(self, places: Mapping[str, Place]) -> None:
        self.places = dict(places)
        self._imported: dict[str, click.Command] = {}

    def __getitem__(self, name: str) -> click.Command:
        if name not in self._imported:
            module = import_module(f".{self.places[name].module}", __package__)
            self._imported[name] = getattr(module, name.replace("-", "_"))
        return self._imported[name]

    def __setitem__(self, name: str, command: click.Command) -> None:
        self._imported[name] = command
        self.places.setdefault(name, Place("", command.get_short_help_str()))

    def __delitem__(self, name: str) -> None:
        del self.places[name]
        self._imported.pop(name, None)

    def __contains__(self, name: object) -> bool:
        return name in self.places

    def __iter__(self) -> Iterator[str]:
        return iter(self.places)

    def __len__(self) -> int:
        return len(self.places)


class LazyGroup(click.Group):
    """A group that tells its commands without importing them. `places` are those it has from the start."""

    def __init__(self, name: str | None = None, places: Mapping[str, Place] | None = None, **attributes: Any) -> None:
        self.lazy = LazyCommands(places or {})
        super().__init__(name, commands=self.lazy, **attributes)

    def list_commands(self, _ctx: click.Context) -> list[str]:
        return [*self.lazy]

    def format_commands(self, _ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write each command with its line, without importing it."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, place.line) for name, place in self.lazy.places.items()])
