"""The command `her2path`: the group of commands, each imported when it is called.

Exit codes: 0 done; 1 knowledge that does not hold (`check`), or nothing at all could be read
(`review`, `decide`); 2 asked wrongly (an unknown fact, edition, table or file); 3 done, though some
of the input could not be read (each told on standard error and in the output).
"""

from __future__ import annotations

import gc
import os
from typing import Any

import click

from ..facts.problem import ASKED_WRONGLY, DOES_NOT_HOLD, AskedWrongly, KnowledgeError
from .lazy import LazyGroup, Place


class Commands(LazyGroup):
    """A group of commands that turns the project's errors into messages and exit codes."""

    def invoke(self, ctx: click.Context) -> Any:
        # A review multiplies no matrices: the threads that NumPy's library would start only cost time.
        os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
        # What is imported and read stays: the collector need not walk it again and again while it grows.
        gc.set_threshold(50_000, 20, 20)
        try:
            return super().invoke(ctx)
        except AskedWrongly as wrong:
            click.echo(f"her2path: {wrong}", err=True)
            ctx.exit(ASKED_WRONGLY)
        except KnowledgeError as faulty:
            for problem in faulty.problems:
                click.echo(str(problem), err=True)
            ctx.exit(DOES_NOT_HOLD)


PLACES = {
    "review": Place("review", "Review every patient of a file or folder, with the plan."),
    "decide": Place("decide", "Decide one outcome for a patient, or for every row of a file."),
    "show": Place("knowledge", "Show a table with its sources, a fact, or all editions."),
    "diff": Place("knowledge", "Every situation in which two editions disagree."),
    "check": Place("knowledge", "Prove the tables and run their worked cases."),
    "coverage": Place("knowledge", "What is carried by which tables, verified how far."),
    "simulate": Place("simulators", "Simulate exposure, heart, tumour, courses and trials."),
    "equivalence": Place("equivalence", "Is it equivalent? The published trials, or one of your own."),
}
"""All commands, in the order of use."""


def _tell_version(ctx: click.Context, _param: click.Parameter, asked: bool) -> None:
    """Print the version and end; looked up only here, since that takes longer than all other help."""
    if asked and not ctx.resilient_parsing:
        from .. import __version__

        click.echo(f"her2path, version {__version__}")
        ctx.exit()


@click.group(cls=Commands, places=PLACES, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--version", is_flag=True, expose_value=False, is_eager=True, callback=_tell_version,
    help="Show the version and exit.",
)  # fmt: skip
def main() -> None:
    """Trastuzumab therapy, computable: from the HER2 test to the last day of the drug, with row and source.

    No clinician has reviewed the rules yet, and this is not a medical device: it supports decisions.
    """
