"""Whether the measures of a folder hold: their heads, their sources, and their SQL, run over nobody."""

from __future__ import annotations

from collections.abc import Container
from pathlib import Path

from ...facts.problem import KnowledgeError, Problem
from .read import Measure, measures_folder, read_measure
from .views import sql_problem


def prove_measures(sources: Container[str], folder: Path | None = None) -> tuple[list[Measure], list[Problem]]:
    """Every measure that holds, and what is wrong: a head, a source that is not listed, SQL that cannot be run."""
    found, problems = [], []
    for path in sorted((folder or measures_folder()).glob("*.md")):
        try:
            measure = read_measure(path)
        except KnowledgeError as error:
            problems += error.problems
            continue
        unknown = [each.key for each in measure.citations if each.key not in sources]
        problems += [
            Problem(path, 1, "unknown source", f"no source is called {key}", "add it to sources.md") for key in unknown
        ]
        if wrong := sql_problem(measure):
            problems.append(Problem(path, 1, "bad measure", f"its SQL cannot be run: {wrong}", "see docs/measures.md"))
        found.append(measure)
    return found, problems
