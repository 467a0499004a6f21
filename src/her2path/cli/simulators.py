"""`her2path simulate` and `her2path equivalence`: commands that are imported only when they are called."""

from __future__ import annotations

from importlib import import_module
from typing import Any, ClassVar

import click

from ..facts.problem import AskedWrongly

LIBRARIES = ("numba", "scipy", "matplotlib")
"""What the extra `simulate` brings."""


class Simulators(click.Group):
    """Commands that are imported when they are called: the simulators need the extra `simulate`."""

    places: ClassVar[dict[str, str]] = {
        "exposure": "exposure", "heart": "course", "tumour": "tumour",
        "course": "course", "trial": "equivalence", "truth": "truth",
    }  # fmt: skip

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except ModuleNotFoundError as error:
            raise needed(error) from error

    def list_commands(self, _ctx: click.Context) -> list[str]:
        return [*self.places]

    def get_command(self, _ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.places:
            return None
        return lazily(self.places[cmd_name], cmd_name)


def lazily(module: str, name: str) -> click.Command:
    """A command of a simulator's module. Raises `AskedWrongly` where what it needs is not installed."""
    try:
        found: click.Command = getattr(import_module(f"her2path.cli.{module}"), name)
    except ModuleNotFoundError as error:
        raise needed(error) from error
    return found


def needed(error: ModuleNotFoundError) -> Exception:
    """What to say where a library of the extra is missing; any other error as it is."""
    library = (error.name or "").split(".")[0]
    if library in LIBRARIES:
        return AskedWrongly(f"this needs {library}: pip install 'her2path[simulate]'")
    return error


@click.group(cls=Simulators)
def simulate() -> None:
    """Simulate exposure, the heart, the tumour, whole courses under policies, and trials of equivalence."""


equivalence = lazily("equivalence", "equivalence")
