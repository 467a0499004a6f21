"""Groups of commands that are known by name and one line, and imported when one of them is called."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, MutableMapping
from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from .manners.dress import dress, examples_of, write_examples
from .manners.meant import no_such_command

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

PROGRAM = "her2path"


class Place(NamedTuple):
    """Where a command stands: the module of this package that holds it by its name; and its line of help."""

    module: str
    line: str


class LazyCommands(MutableMapping[str, click.Command]):
    """Commands by name, in the order of `places`; the module of one is imported when the command is looked up."""

    def __init__(self, places: Mapping[str, Place], group: str = "") -> None:
        self.places, self.group = dict(places), group
        self._imported: dict[str, click.Command] = {}

    def __getitem__(self, name: str) -> click.Command:
        if name not in self._imported:
            module = import_module(f".{self.places[name].module}", __package__)
            self._imported[name] = dress(getattr(module, name.replace("-", "_")), f"{self.group} {name}".strip())
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
        self.lazy = LazyCommands(places or {}, "" if name in (None, PROGRAM) else str(name))
        super().__init__(name, commands=self.lazy, **attributes)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """End the help with the examples of the group."""
        write_examples(examples_of(str(self.name)), ctx, formatter)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:  # fmt: skip
        """Find the command that is called; one that is none is answered with the nearest."""
        if not ctx.resilient_parsing and args and args[0] not in self.lazy and not args[0].startswith("-"):
            raise click.UsageError(no_such_command(args[0], [*self.lazy]), ctx)
        return super().resolve_command(ctx, args)

    def list_commands(self, _ctx: click.Context) -> list[str]:
        return [*self.lazy]

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Offer the commands with their lines, without importing them, and the options of the group."""
        from click.shell_completion import CompletionItem

        offered = [CompletionItem(name, help=place.line) for name, place in self.lazy.places.items()]
        options = click.Command.shell_complete(self, ctx, incomplete)
        return [*(item for item in offered if item.value.startswith(incomplete)), *options]

    def format_commands(self, _ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write each command with its line, without importing it."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, place.line) for name, place in self.lazy.places.items()])
