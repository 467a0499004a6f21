"""`her2path simulate` and `her2path equivalence`: commands that are imported only when they are called."""

from __future__ import annotations

from importlib import import_module
from typing import ClassVar

import click

from ..problem import AskedWrongly


class Simulators(click.Group):
    """Commands that are imported when they are called: the simulators need the extra `simulate`."""

    places: ClassVar[dict[str, str]] = {
        "exposure": "exposure_command", "heart": "course_command", "tumour": "tumour_command",
        "course": "course_command", "trial": "equivalence_command", "truth": "truth_command",
    }  # fmt: skip

    def list_commands(self, _ctx: click.Context) -> list[str]:
        return [*self.places]

    def get_command(self, _ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.places:
            return None
        return lazily(self.places[cmd_name], cmd_name)


def lazily(module: str, name: str) -> click.Command:
    """A command of a simulator's module. Raises `AskedWrongly` where what it needs is not installed."""
    try:
        found: click.Command = getattr(import_module(f"her2path.simulate.{module}"), name)
    except ImportError as error:
        if error.name and error.name.split(".")[0] in ("numba", "scipy", "matplotlib"):
            raise AskedWrongly(f"this needs {error.name}: pip install 'her2path[simulate]'") from error
        raise
    return found


@click.group(cls=Simulators)
def simulate() -> None:
    """Simulate exposure, the heart, the tumour, whole courses under policies, and trials of equivalence."""


equivalence = lazily("equivalence_command", "equivalence")
