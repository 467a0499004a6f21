"""`her2path simulate`: the simulators, which need the extra `simulate`."""

from __future__ import annotations

from typing import Any

import click

from ..facts.problem import AskedWrongly
from .lazy import LazyGroup, Place

LIBRARIES = ("numba", "scipy", "matplotlib")
"""What the extra `simulate` brings."""


PLACES = {
    "exposure": Place("simulate.exposure", "Concentrations over time, and the day the drug is gone."),
    "heart": Place("simulate.course", "True and measured LVEF under anthracycline and trastuzumab."),
    "tumour": Place("simulate.tumour", "Follow HER2 and a tumour under a drug."),
    "course": Place("simulate.course", "Virtual patients through policies, by the same rules."),
    "trial": Place("simulate.equivalence", "The power of a trial of equivalence, or its size."),
    "truth": Place("simulate.truth", "What was published, and the same number simulated."),
}


class Simulators(LazyGroup):
    """The simulators. A command raises `AskedWrongly` where what it needs is not installed."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except ModuleNotFoundError as error:
            library = (error.name or "").split(".")[0]
            if library in LIBRARIES:
                raise AskedWrongly(f"this needs {library}: pip install 'her2path[simulate]'") from error
            raise


@click.group(cls=Simulators, places=PLACES)
def simulate() -> None:
    """Simulate exposure, the heart, the tumour, whole courses under policies, and trials of equivalence."""
